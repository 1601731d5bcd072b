/* SPDX-License-Identifier: Apache-2.0 */
/* The committing thread: everything that waits goes into one transaction; when that is on the disk
 * it is told, in the order in which it came. While a commit is under way the next one gathers.
 *
 * A transaction that fails loses all that was in it: those drafts are dropped. One draft that was
 * removed meanwhile loses only its own. */
#include <assert.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "space/draft_internal.h"
#include "space/log.h"

/* The whole queue moves to *out; false: it is empty. all->lock is held. */
static bool take_queue(struct wf_drafts *all, struct wf_list *out)
{
    if (wf_list_empty(&all->queue))
        return false;
    *out = all->queue;
    out->next->prev = out;
    out->prev->next = out;
    wf_list_init(&all->queue);
    all->queue_bytes = 0;
    pthread_cond_broadcast(&all->room);
    return true;
}

/* Waits until there is something, and until gather_ms have passed since the last commit began.
 * False at the end, when nothing is left. The whole queue moves to *out. */
static bool take_work(struct wf_drafts *all, int64_t last_ns, struct wf_list *out)
{
    struct timespec until;
    int64_t at_ns = last_ns + all->o.gather_ms * 1000000;
    bool any;
    int rc = 0;

    pthread_mutex_lock(&all->lock);
    while (wf_list_empty(&all->queue) && !all->stop)
        pthread_cond_wait(&all->work, &all->lock);
    until.tv_sec = at_ns / 1000000000;
    until.tv_nsec = at_ns % 1000000000;
    while (!all->stop && all->queue_bytes < WF_LIMIT_DRAFT_WAITING_BYTES && rc == 0)
        rc = pthread_cond_timedwait(&all->work, &all->lock, &until);
    any = take_queue(all, out);
    pthread_mutex_unlock(&all->lock);
    return any;
}

static int write_one(struct wf_drafts *all, const struct wf_draft_entry *e)
{
    struct wf_draft_update u = {.draft = e->d->id,
                                .seq = e->seq,
                                .device = all->o.device,
                                .at_ms = e->at_ms,
                                .bytes = wf_str_n(e->bytes, e->n)};
    int rc = wf_draft_log_touch(all->o.store, u.draft, u.at_ms, NULL);

    if (e->origin.dseq > 0) {
        u.device = e->origin.device;
        u.dseq = e->origin.dseq;
    } else if (rc == 0) /* numbers have no gaps: none is taken for a draft that is gone */
        rc = wf_log_next(all->o.store, e->d->space, all->o.device, &u.dseq, NULL);
    return rc == 0 ? wf_draft_log_append(all->o.store, &u, NULL) : rc;
}

/* Writes all updates of the list in one transaction. Entries of drafts that are gone get their own
 * error; any other failure is that of all, and is returned. */
static int write_all(struct wf_drafts *all, struct wf_list *list, size_t *out_n)
{
    struct wf_list *it, *tmp;
    bool begun = false;
    int rc = 0;

    *out_n = 0;
    WF_LIST_EACH(it, tmp, list)
    {
        struct wf_draft_entry *e = WF_CONTAINER(it, struct wf_draft_entry, node);
        if (e->seq == 0)
            continue;
        if (!begun) {
            rc = wf_store_write_begin(all->o.store, NULL);
            if (rc != 0)
                return rc;
            begun = true;
        }
        e->rc = write_one(all, e);
        *out_n += e->rc == 0;
        if (e->rc != 0 && e->rc != WF_E_NOENT) {
            rc = e->rc;
            break;
        }
    }
    if (rc != 0)
        wf_store_write_rollback(all->o.store);
    else if (begun)
        rc = wf_store_write_commit(all->o.store, NULL);
    return rc;
}

/* Notes that the draft has changed, for the keeper. */
static void changed(struct wf_draft *d)
{
    pthread_mutex_lock(&d->all->lock);
    d->changed_ns = wf_clock_mono_ns(d->all->o.clock);
    d->is_unsettled = true;
    pthread_mutex_unlock(&d->all->lock);
}

static void tell_one(struct wf_draft_entry *e, int rc)
{
    struct wf_draft *d = e->d;
    struct wf_draft_event event = {
        .update = wf_str_n(e->bytes, e->n), .seq = e->seq, .from = e->ack.from};

    rc = rc != 0 ? rc : e->rc;
    if (rc != 0 && e->seq != 0)
        wf_draft__drop(d);
    else if (e->seq != 0)
        wf_draft__tell(d, &event);
    if (rc == 0 && e->seq != 0) {
        pthread_mutex_lock(&d->lock);
        d->written_seq = WF_MAX(d->written_seq, e->seq);
        pthread_mutex_unlock(&d->lock);
        changed(d);
    }
    if (rc == 0 && e->seq == 0) { /* what was read may have been lost before it */
        pthread_mutex_lock(&d->lock);
        rc = d->is_dropped ? WF_E_CANCELED : 0;
        pthread_mutex_unlock(&d->lock);
    }
    if (e->ack.fn)
        e->ack.fn(e->ack.ud, rc);
    wf_draft__unref(d);
    wf_free(e);
}

/* One transaction, and what is told of it. */
static void commit(struct wf_drafts *all, struct wf_list *list)
{
    void (*durable)(void *ud);
    void *durable_ud;
    struct wf_list *it, *tmp;
    size_t n = 0;
    int rc = write_all(all, list, &n);

    pthread_mutex_lock(&all->lock);
    all->stats.n_commits += n > 0;
    all->stats.n_updates += rc == 0 ? n : 0;
    pthread_cond_signal(&all->chore);
    durable = rc == 0 && n > 0 ? all->durable : NULL;
    durable_ud = all->durable_ud;
    pthread_mutex_unlock(&all->lock);
    WF_LIST_EACH(it, tmp, list)
    {
        tell_one(WF_CONTAINER(it, struct wf_draft_entry, node), rc);
    }
    if (durable)
        durable(durable_ud);
}

void *wf_draft__commit_loop(void *ud)
{
    struct wf_drafts *all = ud;
    struct wf_list list;
    int64_t last_ns = 0;

    while (take_work(all, last_ns, &list)) {
        last_ns = wf_clock_mono_ns(NULL); /* the condition goes by the system's */
        commit(all, &list);
    }
    return NULL;
}

void wf_draft__commit_now(struct wf_drafts *all)
{
    struct wf_list list;
    bool any = true;

    while (any) { /* who is told may change something */
        pthread_mutex_lock(&all->lock);
        any = take_queue(all, &list);
        pthread_mutex_unlock(&all->lock);
        if (any)
            commit(all, &list);
    }
}
