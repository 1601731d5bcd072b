/* SPDX-License-Identifier: Apache-2.0 */
/* What texts have in common: a new text begins with the cache of the one it shares most with.
 *
 * Two texts share only where the same adapters were at work. At least the last token is always read
 * anew, since its logits are wanted. */
#include <assert.h>

#include "base/alloc.h"
#include "engine/scheduler_internal.h"

static size_t common(const struct wf_ids *a, const struct wf_ids *b)
{
    size_t n = a->n < b->n ? a->n : b->n, i = 0;

    while (i < n && a->ptr[i] == b->ptr[i])
        i++;
    return i;
}

/* The best source for a job's beginning. */
struct source {
    const struct wf_seq *seq;
    size_t n;
    bool is_being_read; /* a text at work will soon have more in common than that */
};

static void look_at_active(struct wf_sched *s, const struct wf_job *job, struct source *io_best)
{
    const struct wf_jobs *g = job->group;
    struct wf_list *it, *tmp;
    size_t soon = 0;

    WF_LIST_EACH(it, tmp, &s->active)
    {
        const struct wf_job *other = WF_CONTAINER(it, struct wf_job, node);
        size_t all, now;
        if (!other->has_seq ||
            !wf_prefix_same_adapters(g->adapters, g->n_adapters, other->group->adapters,
                                     other->group->n_adapters))
            continue;
        all = common(&job->ids, &other->ids);
        now = all < other->seq.n_tokens ? all : other->seq.n_tokens;
        if (now > io_best->n)
            *io_best = (struct source){&other->seq, now, false};
        soon = all > soon ? all : soon;
    }
    soon = soon < job->ids.n - 1 ? soon : job->ids.n - 1;
    io_best->is_being_read = soon >= io_best->n + WF_KV_PAGE_TOKENS;
}

bool wf_sched__begin_seq(struct wf_sched *s, struct wf_job *job, int *out_rc, struct wf_err *err)
{
    const struct wf_jobs *g = job->group;
    struct source best = {NULL, 0, false};

    assert(!job->has_seq);
    best.seq = wf_prefix_find(&s->remembered, job->ids.ptr, job->ids.n, g->adapters, g->n_adapters,
                              &best.n);
    look_at_active(s, job, &best);
    *out_rc = 0;
    if (best.is_being_read)
        return false;
    *out_rc = wf_seq_init(&job->seq, wf_runner_kv(s->runner), err);
    if (*out_rc != 0)
        return true;
    job->has_seq = true;
    if (best.seq != NULL)
        *out_rc =
            wf_seq_share(&job->seq, best.seq, best.n < job->ids.n ? best.n : job->ids.n - 1, err);
    return true;
}

bool wf_sched__forget_one(struct wf_sched *s)
{
    return wf_prefix_evict(&s->remembered);
}

void wf_sched__remember(struct wf_sched *s, struct wf_job *job)
{
    const struct wf_jobs *g = job->group;

    if (!job->has_seq)
        return;
    job->has_seq = false;
    if (job->seq.n_tokens < WF_KV_PAGE_TOKENS) /* it would save nothing */
        wf_seq_deinit(&job->seq);
    else
        wf_prefix_put(&s->remembered, job->ids.ptr, &job->seq, g->adapters, g->n_adapters);
}
