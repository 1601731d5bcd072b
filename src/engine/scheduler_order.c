/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is, and how much of a prompt may be read between two tokens of others.
 *
 * Fairness is by client, not by request: every token that is read or written counts for its client,
 * and whoever has had least comes first, within its priority (virtual token counters: Sheng et al.,
 * Fairness in Serving Large Language Models, 2024). A client that comes anew begins with as much as
 * the one that had least, so that nobody saves up.
 *
 * While others write, prompts are read in pieces that make a pass take less than twice as long as
 * those others alone: that long their next token waits at most. How many tokens that are is found
 * by doing: what a pass with a piece takes is compared with what one without takes, of which there
 * is one now and then. */
#include <assert.h>

#include "base/alloc.h"
#include "engine/scheduler_internal.h"

/* What a written token counts, in tokens that are read. */
#define WRITTEN_COUNTS 2
/* Of the time of the others' step a piece may take; what is left is for the step itself to vary. */
#define PIECE_SHARE 0.55
#define PIECE_MIN 8 /* and what pieces are multiples of */
#define PIECE_FIRST 8
/* After so many pieces there is a pass without. */
#define PIECES_RUN 16
/* Fewer tokens take longer each, and say little of a prompt. */
#define ALONE_MIN 64
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

/* ---- pieces of prompts ---- */

void wf_pace_wrote(struct wf_pace *p, int64_t ns)
{
    double d = (double)ns;

    p->step_ns = p->step_ns > 0 ? p->step_ns + NEWEST * (d - p->step_ns) : d;
}

void wf_pace_read_alone(struct wf_pace *p, size_t n, int64_t ns)
{
    double d = (double)ns / (double)n;

    if (n >= ALONE_MIN)
        p->token_ns = p->token_ns > 0 ? p->token_ns + NEWEST * (d - p->token_ns) : d;
}

size_t wf_pace_piece(const struct wf_pace *p, size_t n_batch)
{
    size_t n = p->n_piece > 0 ? p->n_piece : PIECE_FIRST;

    return WF_MIN(n, n_batch);
}

bool wf_pace_reads(struct wf_pace *p)
{
    if (p->n_run < PIECES_RUN)
        return true;
    p->n_run = 0;
    return false;
}

void wf_pace_read(struct wf_pace *p, size_t n_read, size_t n_pieces, int64_t ns, size_t n_batch)
{
    size_t now = wf_pace_piece(p, n_batch), n = WF_MAX(n_read / n_pieces, (size_t)1), next;
    double took = WF_MAX((double)ns - p->step_ns, 1.0) / (double)(n_pieces * n), most;

    p->n_run++;
    if (p->step_ns <= 0)
        return; /* nothing to compare with */
    if (n < now && took > p->beside_ns)
        return; /* a prompt's short end says nothing of more */
    p->beside_ns = p->beside_ns > 0 ? p->beside_ns + NEWEST * (took - p->beside_ns) : took;
    most = PIECE_SHARE * p->step_ns / WF_MAX(p->beside_ns, took); /* down at once, up slowly */
    next = (size_t)WF_MIN(most, (double)WF_MAX(2 * now, n)) / PIECE_MIN * PIECE_MIN;
    p->n_piece = WF_MIN(WF_MAX(next, (size_t)PIECE_MIN), WF_MAX(n_batch, (size_t)PIECE_MIN));
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
