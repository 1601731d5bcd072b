/* SPDX-License-Identifier: Apache-2.0 */
/* What texts have in common: a new text begins with the cache of the one it shares most with.
 *
 * Two texts share only where the same adapters were at work. At least the last token is always read
 * anew, since its logits are wanted. */
#include <assert.h>

#include "base/alloc.h"
#include "engine/scheduler_internal.h"

/* More finished texts than this are not remembered: looking through them would cost, and it is far
 * more than a cache holds of long ones. */
#define REMEMBERED_MAX 64

static size_t common(const struct wf_ids *a, const struct wf_ids *b)
{
    size_t n = a->n < b->n ? a->n : b->n, i = 0;

    while (i < n && a->ptr[i] == b->ptr[i])
        i++;
    return i;
}

static bool same_adapters(const struct wf_adapter_use *a, size_t n_a,
                          const struct wf_adapter_use *b, size_t n_b)
{
    if (n_a != n_b)
        return false;
    for (size_t i = 0; i < n_a; i++) {
        if (a[i].adapter != b[i].adapter || a[i].scale < b[i].scale || a[i].scale > b[i].scale)
            return false;
    }
    return true;
}

/* The best source for a job's beginning. */
struct source {
    const struct wf_seq *seq;
    size_t n;
    struct wf_remembered *remembered; /* NULL: of a text at work */
    bool is_being_read;               /* a text at work will soon have more in common than that */
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
        if (!other->has_seq || !same_adapters(g->adapters, g->n_adapters, other->group->adapters,
                                              other->group->n_adapters))
            continue;
        all = common(&job->ids, &other->ids);
        now = all < other->seq.n_tokens ? all : other->seq.n_tokens;
        if (now > io_best->n)
            *io_best = (struct source){&other->seq, now, NULL, false};
        soon = all > soon ? all : soon;
    }
    soon = soon < job->ids.n - 1 ? soon : job->ids.n - 1;
    io_best->is_being_read = soon >= io_best->n + WF_KV_PAGE_TOKENS;
}

static void look_at_remembered(struct wf_sched *s, const struct wf_job *job, struct source *io_best)
{
    const struct wf_jobs *g = job->group;
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &s->remembered)
    {
        struct wf_remembered *m = WF_CONTAINER(it, struct wf_remembered, node);
        size_t n = common(&job->ids, &m->ids);
        n = n < m->seq.n_tokens ? n : m->seq.n_tokens;
        if (n > io_best->n && same_adapters(g->adapters, g->n_adapters, m->adapters, m->n_adapters))
            *io_best = (struct source){&m->seq, n, m, false};
    }
}

bool wf_sched__begin_seq(struct wf_sched *s, struct wf_job *job, int *out_rc, struct wf_err *err)
{
    struct source best = {NULL, 0, NULL, false};

    assert(!job->has_seq);
    look_at_remembered(s, job, &best);
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
    if (best.remembered != NULL) { /* now the latest used */
        wf_list_remove(&best.remembered->node);
        wf_list_push(&s->remembered, &best.remembered->node);
    }
    return true;
}

static void forget(struct wf_sched *s, struct wf_remembered *m)
{
    wf_list_remove(&m->node);
    s->n_remembered--;
    wf_seq_deinit(&m->seq);
    wf_free(m->ids.ptr);
    wf_free(m->adapters);
    wf_free(m);
}

bool wf_sched__forget_one(struct wf_sched *s)
{
    if (wf_list_empty(&s->remembered))
        return false;
    forget(s, WF_CONTAINER(s->remembered.next, struct wf_remembered, node));
    return true;
}

/* Those that the new one begins with are of no more use. */
static void forget_beginnings(struct wf_sched *s, const struct wf_remembered *whole)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &s->remembered)
    {
        struct wf_remembered *m = WF_CONTAINER(it, struct wf_remembered, node);
        if (m != whole && m->ids.n <= whole->ids.n && common(&m->ids, &whole->ids) == m->ids.n &&
            same_adapters(m->adapters, m->n_adapters, whole->adapters, whole->n_adapters))
            forget(s, m);
    }
}

void wf_sched__remember(struct wf_sched *s, struct wf_job *job)
{
    const struct wf_jobs *g = job->group;
    struct wf_remembered *m = NULL;

    if (!job->has_seq)
        return;
    if (job->seq.n_tokens >= WF_KV_PAGE_TOKENS)
        m = wf_alloc_array(1, sizeof(*m));
    if (m != NULL && g->n_adapters > 0) {
        m->adapters = (struct wf_adapter_use *)(void *)wf_memdup0(
            g->adapters, g->n_adapters * sizeof(*g->adapters));
        if (m->adapters == NULL) {
            wf_free(m);
            m = NULL;
        }
    }
    job->has_seq = false;
    if (m == NULL) { /* short, or no memory: it is not kept */
        wf_seq_deinit(&job->seq);
        return;
    }
    m->n_adapters = g->n_adapters;
    m->ids = job->ids;
    m->ids.n = job->seq.n_tokens;
    m->seq = job->seq;
    job->ids = (struct wf_ids){0};
    job->seq = (struct wf_seq){0};
    wf_list_push(&s->remembered, &m->node);
    s->n_remembered++;
    forget_beginnings(s, m);
    if (s->n_remembered > REMEMBERED_MAX)
        (void)wf_sched__forget_one(s);
}
