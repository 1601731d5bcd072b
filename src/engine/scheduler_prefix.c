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

/* Of the texts at work that which has most in common with ids, if it is more than *io_n. How much
 * that will be once they are read is *out_soon. */
static void look_at_active(struct wf_sched *s, const struct wf_ids *ids,
                           const struct wf_adapter_use *adapters, size_t n_adapters,
                           const struct wf_seq **io_best, size_t *io_n, size_t *out_soon)
{
    struct wf_list *it, *tmp;

    *out_soon = 0;
    WF_LIST_EACH(it, tmp, &s->active)
    {
        const struct wf_job *other = WF_CONTAINER(it, struct wf_job, node);
        size_t all, now;
        if (!other->has_seq ||
            !wf_prefix_same_adapters(adapters, n_adapters, other->group->adapters,
                                     other->group->n_adapters))
            continue;
        all = common(ids, &other->ids);
        now = WF_MIN(all, other->seq.n_tokens);
        if (now > *io_n) {
            *io_best = &other->seq;
            *io_n = now;
        }
        *out_soon = WF_MAX(all, *out_soon);
    }
}

const struct wf_seq *wf_sched__known(struct wf_sched *s, const struct wf_ids *ids,
                                     const struct wf_adapter_use *adapters, size_t n_adapters,
                                     size_t *out_n, size_t *out_soon)
{
    const struct wf_seq *best =
        wf_prefix_find(&s->remembered, ids->ptr, ids->n, adapters, n_adapters, out_n);

    look_at_active(s, ids, adapters, n_adapters, &best, out_n, out_soon);
    return best;
}

bool wf_sched__begin_seq(struct wf_sched *s, struct wf_job *job, int *out_rc, struct wf_err *err)
{
    const struct wf_jobs *g = job->group;
    size_t n, soon;
    const struct wf_seq *best =
        wf_sched__known(s, &job->ids, g->adapters, g->n_adapters, &n, &soon);

    assert(!job->has_seq);
    *out_rc = 0;
    if (WF_MIN(soon, job->ids.n - 1) >= n + WF_KV_PAGE_TOKENS)
        return false; /* a text at work will soon have more in common than that */
    *out_rc = wf_seq_init(&job->seq, wf_runner_kv(s->runner), err);
    if (*out_rc != 0)
        return true;
    job->has_seq = true;
    if (best != NULL)
        *out_rc = wf_seq_share(&job->seq, best, WF_MIN(n, job->ids.n - 1), err);
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
