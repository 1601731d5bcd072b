/* SPDX-License-Identifier: Apache-2.0 */
/* One thread that tells what is due and sleeps until the next one is, or until something changes.
 * It never sleeps long: the time of day may be set, and a machine that slept has to catch up. */
#include "daemon/reminding.h"

#include <pthread.h>
#include <time.h>

#include "base/alloc.h"
#include "os/thread.h"

struct wf_reminding {
    struct wf_op_context *ctx;
    pthread_mutex_t lock; /* guards stop and is_changed */
    pthread_cond_t cond;
    bool stop, is_changed;
    pthread_t thread;
};

static void changed(void *ud)
{
    struct wf_reminding *r = ud;

    pthread_mutex_lock(&r->lock);
    r->is_changed = true;
    pthread_cond_signal(&r->cond);
    pthread_mutex_unlock(&r->lock);
}

/* Sleeps for ms, or until something changed. True: the end. */
static bool sleep_ms(struct wf_reminding *r, int64_t ms)
{
    struct timespec until;
    bool stop;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&r->lock);
    while (!r->stop && !r->is_changed && rc == 0)
        rc = pthread_cond_timedwait(&r->cond, &r->lock, &until);
    r->is_changed = false;
    stop = r->stop;
    pthread_mutex_unlock(&r->lock);
    return stop;
}

static void *run(void *ud)
{
    struct wf_reminding *r = ud;
    int64_t wait_ms = 0;

    while (!sleep_ms(r, wait_ms)) {
        struct wf_err err = WF_ERR_INIT;
        if (wf_op_remind(r->ctx, &wait_ms, &err) != 0 && r->ctx->log)
            wf_log_line(r->ctx->log, WF_LOG_WARN, "remind", "%s", err.msg);
    }
    return NULL;
}

int wf_reminding_start(struct wf_op_context *ctx, struct wf_reminding **out, struct wf_err *err)
{
    struct wf_reminding *r = wf_alloc_array(1, sizeof(*r));

    if (r == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    r->ctx = ctx;
    pthread_mutex_init(&r->lock, NULL);
    wf_cond_init(&r->cond);
    if (pthread_create(&r->thread, NULL, run, r) != 0) {
        pthread_cond_destroy(&r->cond);
        pthread_mutex_destroy(&r->lock);
        wf_free(r);
        return wf_err_set(err, WF_E_BUSY, "There is no room for another thread.");
    }
    ctx->reminders_ud = r;
    ctx->reminders_changed = changed;
    *out = r;
    return 0;
}

void wf_reminding_stop(struct wf_reminding *r)
{
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->cond);
    pthread_mutex_unlock(&r->lock);
    (void)pthread_join(r->thread, NULL); /* it was started */
    r->ctx->reminders_changed = NULL;
    pthread_cond_destroy(&r->cond);
    pthread_mutex_destroy(&r->lock);
    wf_free(r);
}
