/* SPDX-License-Identifier: Apache-2.0 */
/* What the router knows of engines, and the log of its decisions.
 *
 * What was learned is saved at most every half a minute, and at the end: a crash forgets so much.
 * It is written aside, so that nobody who decides waits for a disk. */
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "op/router_internal.h"
#include "os/file.h"

#define SAVE_MS 30000

static int64_t now_ms(const struct wf_router *r)
{
    return wf_clock_wall_ms(r->o.clock);
}

int wf_router__memory_open(struct wf_router *r, struct wf_err *err)
{
    struct wf_err own = WF_ERR_INIT;
    int rc = wf_experience_new(&r->experience, err);

    if (rc == 0 && r->experience_path != NULL &&
        wf_experience_load(r->experience, r->experience_path, &own) != 0)
        wf_log_line(r->o.log, WF_LOG_WARN, "core", "routing begins anew: %s", own.msg);
    r->saved_ms = now_ms(r);
    return rc;
}

/* Saves where there is something new. */
static void save(void *ud)
{
    struct wf_router *r = ud;
    struct wf_err own = WF_ERR_INIT;
    struct wf_buf text;
    int rc;

    wf_buf_init(&text, WF_EXPERIENCE_BYTES_MAX);
    pthread_mutex_lock(&r->lock);
    r->saved_ms = now_ms(r);
    r->is_changed = false;
    r->is_saving = true;
    rc = wf_experience_print(r->experience, &text);
    pthread_mutex_unlock(&r->lock);
    if (rc == 0)
        rc = wf_file_replace(r->experience_path, text.ptr, text.len, 0600, &own);
    if (rc != 0)
        wf_log_line(r->o.log, WF_LOG_WARN, "core", "what was learned of engines is not saved: %s",
                    own.msg);
    pthread_mutex_lock(&r->lock);
    r->is_saving = false;
    pthread_mutex_unlock(&r->lock);
    wf_buf_deinit(&text);
}

void wf_router__memory_close(struct wf_router *r)
{
    if (r->experience != NULL && r->experience_path != NULL && r->is_changed)
        save(r);
    wf_experience_free(r->experience);
}

void wf_router__choose(struct wf_router *r, struct wf_route_plan *p, bool may_explore,
                       struct wf_route_case *c)
{
    pthread_mutex_lock(&r->lock);
    p->experience = r->experience;
    wf_route_choose(p, may_explore ? wf_rng_system() : NULL, c);
    pthread_mutex_unlock(&r->lock);
}

/* ---- what is put off ---- */

struct later {
    struct wf_router *r;
    void (*fn)(void *ud);
    void *ud;
};

static void do_it(void *ud)
{
    const struct later l = *(struct later *)ud;

    wf_free(ud);
    l.fn(l.ud);
    pthread_mutex_lock(&l.r->lock);
    l.r->n_done++;
    pthread_cond_broadcast(&l.r->done);
    pthread_mutex_unlock(&l.r->lock);
}

void wf_router__later(struct wf_router *r, void (*fn)(void *ud), void *ud)
{
    struct later *l = r->team != NULL ? wf_alloc(sizeof(*l)) : NULL;

    if (l == NULL) {
        fn(ud);
        return;
    }
    *l = (struct later){.r = r, .fn = fn, .ud = ud};
    pthread_mutex_lock(&r->lock);
    r->n_put_off++;
    pthread_mutex_unlock(&r->lock);
    if (wf_team_post(r->team, do_it, l) != 0)
        do_it(l); /* too many wait */
}

/* ---- learning ---- */

void wf_router__save_soon(struct wf_router *r, bool must)
{
    bool is_due;

    pthread_mutex_lock(&r->lock);
    is_due = r->experience_path != NULL && r->is_changed && !r->is_saving &&
             (must || now_ms(r) - r->saved_ms >= SAVE_MS);
    r->is_saving |= is_due; /* two at once would write the same */
    pthread_mutex_unlock(&r->lock);
    if (is_due)
        wf_router__later(r, save, r);
}

void wf_router__learn(struct wf_router *r, const struct wf_route_case *c, size_t i_candidate,
                      const struct wf_outcome *o)
{
    pthread_mutex_lock(&r->lock);
    wf_experience_learn(r->experience, &c->q, &c->candidates[i_candidate], o, now_ms(r));
    r->is_changed = true;
    pthread_mutex_unlock(&r->lock);
    wf_router__save_soon(r, false);
}

void wf_router__keep(struct wf_router *r, const struct wf_route_record *record)
{
    struct wf_err own = WF_ERR_INIT;
    int rc;

    if (r->routes_path == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    rc = wf_route_log_append(r->routes_path, record, &own);
    pthread_mutex_unlock(&r->lock);
    if (rc != 0)
        wf_log_line(r->o.log, WF_LOG_WARN, "core", "a decision is not kept: %s", own.msg);
}
