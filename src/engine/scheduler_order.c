/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is, and how long the next one waits.
 *
 * Fairness is by client, not by request: every token that is read or written counts for its client,
 * and whoever has had least comes first, within its priority (virtual token counters: Sheng et al.,
 * Fairness in Serving Large Language Models, 2024). A client that comes anew begins with as much as
 * the one that had least, so that nobody saves up.
 */
#include <assert.h>

#include "base/alloc.h"
#include "engine/scheduler_internal.h"

/* What a written token counts, in tokens that are read. */
#define WRITTEN_COUNTS 2
/* The weight of the newest in a running mean. */
#define NEWEST 0.2

/* ---- clients; the scheduler's lock is held ---- */

static struct wf_sched_client *client_of(struct wf_sched *s, uint64_t id)
{
    for (size_t i = 0; i < s->n_clients; i++) {
        if (s->clients[i].id == id)
            return &s->clients[i];
    }
    return NULL;
}

/* The least that any client with work has had. */
static uint64_t least_served(const struct wf_sched *s)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < s->n_clients; i++) {
        if (s->clients[i].n_jobs > 0)
            least = WF_MIN(least, s->clients[i].served);
    }
    return least == UINT64_MAX ? 0 : least;
}

int wf_sched__enter(struct wf_sched *s, uint64_t id, size_t n_jobs)
{
    struct wf_sched_client *c = client_of(s, id);
    uint64_t least = least_served(s);

    for (size_t i = 0; c == NULL && i < s->n_clients; i++) {
        if (s->clients[i].n_jobs == 0 && s->clients[i].served <= least)
            c = &s->clients[i]; /* its place says nothing that a new one's would not */
    }
    if (c == NULL) {
        if (wf_reserve(&s->clients, &s->cap_clients, s->n_clients + 1, sizeof(*c)) != 0)
            return WF_E_NOMEM;
        c = &s->clients[s->n_clients++];
        *c = (struct wf_sched_client){.served = least};
    }
    c->id = id;
    c->served = WF_MAX(c->served, least);
    c->n_jobs += n_jobs;
    return 0;
}

void wf_sched__leave(struct wf_sched *s, uint64_t id)
{
    struct wf_sched_client *c = client_of(s, id);

    assert(c != NULL && c->n_jobs > 0);
    c->n_jobs--;
    for (size_t i = 0; i < s->n_clients; i++) {
        if (s->clients[i].n_jobs > 0)
            return;
    }
    s->n_clients = 0; /* all rest: all begin alike */
}

void wf_sched__count(struct wf_sched *s, const struct wf_job *job, size_t n_read, size_t n_written)
{
    struct wf_sched_client *c;

    pthread_mutex_lock(&s->lock);
    c = client_of(s, job->group->client);
    assert(c != NULL);
    c->served += n_read + WRITTEN_COUNTS * n_written;
    pthread_mutex_unlock(&s->lock);
}

/* Whether a comes before b. Jobs of one client keep the order in which they came. */
static bool is_before(struct wf_sched *s, const struct wf_job *a, const struct wf_job *b)
{
    const struct wf_jobs *g = a->group, *h = b->group;
    uint64_t x, y;

    if (g->priority != h->priority)
        return g->priority < h->priority;
    x = client_of(s, g->client)->served;
    y = client_of(s, h->client)->served;
    if (x != y)
        return x < y;
    return a->number < b->number;
}

struct wf_job *wf_sched__first(struct wf_sched *s, struct wf_list *jobs,
                               bool (*is_meant)(const struct wf_job *job))
{
    struct wf_job *first = NULL;
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, jobs)
    {
        struct wf_job *job = WF_CONTAINER(it, struct wf_job, node);
        if ((is_meant == NULL || is_meant(job)) && (first == NULL || is_before(s, job, first)))
            first = job;
    }
    return first;
}

struct wf_job *wf_sched__last(struct wf_sched *s)
{
    struct wf_job *last = NULL;
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &s->active)
    {
        struct wf_job *job = WF_CONTAINER(it, struct wf_job, node);
        if (last == NULL || job->group->priority > last->group->priority ||
            (job->group->priority == last->group->priority && job->number > last->number))
            last = job;
    }
    return last;
}

/* ---- how long a place takes to come free; the lock is held ---- */

void wf_sched__note_end(struct wf_sched *s, int64_t begun_ns, int64_t now_ns)
{
    double d = (double)(now_ns - begun_ns);

    if (begun_ns > 0)
        s->job_ns = s->job_ns > 0 ? s->job_ns + NEWEST * (d - s->job_ns) : d;
}

int64_t wf_sched__wait_ms(const struct wf_sched *s, size_t n_before)
{
    double turns = (double)(n_before + 1) / (double)s->n_parallel;

    return (int64_t)(s->job_ns * turns * 1e-6);
}
