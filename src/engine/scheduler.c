/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler's thread: turns.
 *
 * A job is a list of tokens, of which the first seq.n_tokens are in the cache. What is missing is
 * to be read: one token where the text is being written, many where a prompt is new, or an
 * interrupted text is taken up again. So a turn needs no states: one pass of the model has a place
 * for every job with one missing token, and for a piece of the prompt of that job whose turn it is
 * (scheduler_order.c, pace.h); then those are stepped that have nothing missing any more.
 *
 * Lock order: the scheduler's, then a group's. */
#include "engine/scheduler.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "engine/scheduler_internal.h"

#define PARALLEL_DEFAULT 8
#define QUEUE_DEFAULT 256
/* Finished texts that are kept: more than a cache holds of any but very short ones. */
#define REMEMBERED_MAX 1024

/* ---- jobs come and go ---- */

static void drop(struct wf_sched *s, struct wf_job *job, int rc, const struct wf_err *err)
{
    pthread_mutex_lock(&s->lock);
    wf_list_remove(&job->node);
    s->n_active--;
    wf_sched__leave(s, job->group->client);
    if (rc == 0)
        wf_sched__note_end(s, job->counts.begun_ns, wf_clock_mono_ns(NULL));
    pthread_mutex_unlock(&s->lock);
    wf_drafter_forget(&job->draft);
    if (rc == 0) {
        wf_sched__remember(s, job);
    } else if (job->has_seq) {
        wf_seq_deinit(&job->seq);
        job->has_seq = false;
    }
    wf_job__finish(job, rc, err);
}

static bool is_gone(const struct wf_job *job)
{
    /* Relaxed: seen a turn later it costs a token. */
    return atomic_load_explicit(&job->group->is_gone, memory_order_relaxed);
}

static bool is_late(const struct wf_job *job, int64_t now_ns)
{
    return job->group->deadline_ns != 0 && now_ns > job->group->deadline_ns;
}

static int set_late(const struct wf_job *job, struct wf_err *err)
{
    return wf_err_set(err, WF_E_BUSY, "%s",
                      job->counts.begun_ns == 0
                          ? "The model had no time for it within the time that it was given."
                          : "It was not finished within the time that it was given.");
}

/* Ends waiting jobs whose owner or time has gone. */
static void sweep_waiting(struct wf_sched *s, int64_t now_ns)
{
    struct wf_list *it, *tmp, gone;

    wf_list_init(&gone);
    pthread_mutex_lock(&s->lock);
    WF_LIST_EACH(it, tmp, &s->waiting)
    {
        struct wf_job *job = WF_CONTAINER(it, struct wf_job, node);
        if (is_gone(job) || is_late(job, now_ns) || s->is_stopping) {
            wf_list_remove(it);
            wf_list_push(&gone, it);
            s->n_waiting--;
            wf_sched__leave(s, job->group->client);
        }
    }
    pthread_mutex_unlock(&s->lock);
    WF_LIST_EACH(it, tmp, &gone)
    {
        struct wf_job *job = WF_CONTAINER(it, struct wf_job, node);
        struct wf_err err = WF_ERR_INIT;
        int rc = is_late(job, now_ns)
                     ? set_late(job, &err)
                     : wf_err_set(&err, WF_E_CANCELED, "The request was given up.");
        wf_list_remove(it);
        wf_job__finish(job, rc, &err);
    }
}

/* Ends jobs whose owner or time has gone. */
static void sweep(struct wf_sched *s)
{
    struct wf_list *it, *tmp;
    int64_t now_ns = wf_clock_mono_ns(NULL);

    WF_LIST_EACH(it, tmp, &s->active)
    {
        struct wf_job *job = WF_CONTAINER(it, struct wf_job, node);
        struct wf_err err = WF_ERR_INIT;
        if (is_gone(job))
            drop(s, job, 0, NULL);
        else if (is_late(job, now_ns))
            drop(s, job, set_late(job, &err), &err);
    }
    sweep_waiting(s, now_ns);
}

static void note_begin(struct wf_job *job)
{
    struct wf_jobs *g = job->group;

    pthread_mutex_lock(&g->lock);
    if (job->counts.begun_ns == 0) {
        job->counts.begun_ns = wf_clock_mono_ns(NULL);
        job->counts.n_cached = job->seq.n_tokens;
    }
    pthread_mutex_unlock(&g->lock);
}

/* Whether a job that has begun can be read to its end beside those at work; if not, it has given
 * its sequence back. */
static bool has_room(struct wf_sched *s, struct wf_job *job)
{
    struct wf_kv *kv = wf_runner_kv(s->runner);
    size_t need = job->ids.n - job->seq.n_tokens + 2 * WF_KV_PAGE_TOKENS;

    while (wf_kv_tokens_free(kv) < need && wf_sched__forget_one(s))
        ;
    if (wf_kv_tokens_free(kv) >= need || wf_list_empty(&s->active))
        return true;
    wf_seq_deinit(&job->seq);
    job->has_seq = false;
    return false;
}

/* A job at work gives its room back and waits for another turn. */
static void put_back(struct wf_sched *s, struct wf_job *job)
{
    wf_seq_deinit(&job->seq);
    job->has_seq = false;
    wf_drafter_forget(&job->draft);
    pthread_mutex_lock(&s->lock);
    wf_list_remove(&job->node);
    s->n_active--;
    wf_list_add(&s->waiting, &job->node);
    s->n_waiting++;
    pthread_mutex_unlock(&s->lock);
}

/* Puts the job back that all others come before. False when there is but one. */
static bool preempt(struct wf_sched *s)
{
    if (s->active.next == s->active.prev)
        return false;
    put_back(s, wf_sched__last(s));
    return true;
}

/* The waiting job whose turn it is, when there is a place for it: where all are taken, that of one
 * of a lower priority. */
static struct wf_job *next_waiting(struct wf_sched *s)
{
    struct wf_job *job, *last;
    bool is_full;

    pthread_mutex_lock(&s->lock);
    job = wf_sched__first(s, &s->waiting, NULL);
    is_full = s->n_active >= s->n_parallel;
    pthread_mutex_unlock(&s->lock);
    /* Only this thread takes jobs out, so it stays. */
    if (job == NULL || !is_full)
        return job;
    last = wf_sched__last(s);
    if (last->group->priority <= job->group->priority)
        return NULL;
    put_back(s, last);
    return job;
}

/* Moves waiting jobs to the active ones while there is a place. */
static void admit(struct wf_sched *s)
{
    struct wf_job *job;

    while ((job = next_waiting(s)) != NULL) {
        struct wf_err err = WF_ERR_INIT;
        int rc = 0;

        if (!wf_sched__begin_seq(s, job, &rc, &err))
            return;
        if (rc == 0 && !has_room(s, job))
            return;
        if (rc == 0)
            note_begin(job);
        pthread_mutex_lock(&s->lock);
        wf_list_remove(&job->node);
        s->n_waiting--;
        wf_list_push(&s->active, &job->node);
        s->n_active++;
        pthread_mutex_unlock(&s->lock);
        if (rc != 0)
            drop(s, job, rc, &err);
    }
}

/* ---- a turn ---- */

static size_t missing(const struct wf_job *job)
{
    return job->ids.n - job->seq.n_tokens;
}

static void add_part(struct wf_sched *s, size_t *io_n, struct wf_job *job, size_t n, bool reads)
{
    const struct wf_jobs *g = job->group;

    s->part_jobs[*io_n] = job;
    s->parts[(*io_n)++] = (struct wf_batch_part){.seq = &job->seq,
                                                 .ids = job->ids.ptr + job->seq.n_tokens,
                                                 .n = n,
                                                 .n_logits = n == missing(job) ? 1 : 0,
                                                 .reads = reads,
                                                 .adapters = g->adapters,
                                                 .n_adapters = g->n_adapters};
}

/* Of what a text lacks, the tokens of its prompt but the last, which are read. What it has written
 * is computed as it was when it was written, also again: so that a text that was interrupted, or
 * begun elsewhere, goes on as it would have. */
static size_t to_read(const struct wf_job *job)
{
    size_t n_read = job->n_written > 0 ? job->counts.n_prompt : job->ids.n;

    return n_read > job->seq.n_tokens + 1 ? n_read - job->seq.n_tokens - 1 : 0;
}

/* Adds guesses to the parts of texts that lack one token, as far as they pay. */
static void add_guesses(struct wf_sched *s, size_t n_parts, size_t most)
{
    size_t n = n_parts;

    for (size_t i = 0; i < n_parts && n < most; i++) {
        struct wf_job *job = s->part_jobs[i];
        size_t left = WF_MIN(wf_job__n_left(s, job) - 1, s->n_context - job->ids.n);
        size_t k = wf_guess(&s->guesses, s->draft, job, n, WF_MIN(most - n, left));
        if (k == 0)
            continue;
        s->parts[i].ids = job->guessed;
        s->parts[i].n = s->parts[i].n_logits = k + 1;
        n += k;
    }
}

/* The parts of texts that lack one token: they are written; and, as far as a batch has room that
 * is computed in the same way, of those whose written tokens are missing, or what is guessed. */
static size_t compose_writing(struct wf_sched *s)
{
    size_t n = 0, room = WF_MIN(wf_runner_n_few(s->runner), s->n_batch);
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &s->active)
    {
        struct wf_job *job = WF_CONTAINER(it, struct wf_job, node);
        if (missing(job) == 1 && n < s->n_batch)
            add_part(s, &n, job, 1, false);
    }
    add_guesses(s, n, WF_MIN(room, WF_GUESS_ROWS));
    for (size_t i = 0, n_alone = n; i < n_alone; i++)
        room -= WF_MIN(room, s->parts[i].n);
    room = WF_MAX(room, (size_t)1); /* it comes on, at least */
    WF_LIST_EACH(it, tmp, &s->active)
    {
        struct wf_job *job = WF_CONTAINER(it, struct wf_job, node);
        size_t want = WF_MIN(missing(job), room);
        if (missing(job) > 1 && to_read(job) == 0 && want > 0) {
            add_part(s, &n, job, want, false);
            room -= want;
        }
    }
    return n;
}

static bool is_to_read(const struct wf_job *job)
{
    return to_read(job) > 0;
}

/* So many pieces' time is read at once: where more texts wait to be read than are written, those
 * who write wait longer, so that all wait less. */
static size_t n_shares(const struct wf_sched *s)
{
    size_t n_reading = 0, n_writing = 0;
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &s->active)
    {
        const struct wf_job *job = WF_CONTAINER(it, struct wf_job, node);
        n_reading += to_read(job) > 0;
        n_writing += to_read(job) == 0;
    }
    return n_writing > 0 ? WF_MAX((n_reading + n_writing - 1) / n_writing, (size_t)1) : 1;
}

/* What a turn's pass has. */
struct pass {
    size_t n_parts;
    size_t n_written, n_read; /* tokens */
    struct wf_pace_piece piece;
};

/* As much of a prompt as a batch has room for, and, where others write, time. */
static void add_reading(struct wf_sched *s, struct pass *io, struct wf_job *job)
{
    size_t room = s->n_batch - WF_MIN(io->n_written + io->n_read, s->n_batch);
    size_t n = WF_MIN(to_read(job), room);

    if (n > 0 && io->n_written > 0)
        n = wf_pace_add(&s->pace, &io->piece, job->seq.n_tokens, n);
    if (n == 0)
        return;
    add_part(s, &io->n_parts, job, n, true);
    io->n_read += n;
}

/* A piece of the prompt whose turn it is, but for its last token. What a piece has time for beyond
 * it is filled with the other prompts, the oldest first: they cost little beside. */
static void compose_reading(struct wf_sched *s, struct pass *io)
{
    struct wf_list *it, *tmp;
    struct wf_job *first;

    pthread_mutex_lock(&s->lock);
    first = wf_sched__first(s, &s->active, is_to_read);
    pthread_mutex_unlock(&s->lock);
    if (first == NULL)
        return;
    io->piece = wf_pace_begin(&s->pace, n_shares(s));
    add_reading(s, io, first);
    WF_LIST_EACH(it, tmp, &s->active)
    {
        struct wf_job *job = WF_CONTAINER(it, struct wf_job, node);
        if (job != first)
            add_reading(s, io, job);
    }
}

/* Those that are written, and beside them what is read. */
static struct pass compose(struct wf_sched *s)
{
    struct pass p = {.n_parts = compose_writing(s)};

    for (size_t i = 0; i < p.n_parts; i++)
        p.n_written += s->parts[i].n;
    if (p.n_written == 0 || wf_pace_reads(&s->pace))
        compose_reading(s, &p);
    return p;
}

/* What a pass took, for its clients, the next pieces and guesses. */
static void count_pass(struct wf_sched *s, const struct pass *p, int64_t ns)
{
    if (s->draft != NULL)
        wf_drafter_worked(s->draft, ns);
    for (size_t i = 0; i < p->n_parts; i++) {
        size_t n = s->parts[i].n;
        bool reads = s->parts[i].reads;
        wf_sched__count(s, s->part_jobs[i], reads ? n : 0, reads ? 0 : n);
    }
    if (p->n_read == 0) {
        wf_pace_wrote(&s->pace, ns);
        wf_guess_took(&s->guesses, p->n_written, ns);
    } else if (p->n_written > 0) {
        wf_pace_read(&s->pace, &p->piece, ns);
    } else {
        wf_pace_read_alone(&s->pace, p->n_read, ns);
    }
}

/* Steps a job whose logits a batch gave, once for its token and on for each guess that is what was
 * picked; tokens that were guessed wrong leave its cache. */
static void step_part(struct wf_sched *s, struct wf_job *job, size_t n, float *logits)
{
    struct wf_err err = WF_ERR_INIT;
    size_t i = 0;
    int rc;

    do
        rc = wf_job__step(s, job, logits + i * s->n_vocab, &err);
    while (++i < n && rc == 0 && !job->is_ending &&
           job->ids.ptr[job->ids.n - 1] == job->guessed[i]);
    if (n > 1) {
        wf_guess_was(s->draft, job, n - 1, i - 1);
        (void)wf_seq_truncate(&job->seq, job->ids.n - 1);
    }
    if (rc != 0 || job->is_ending)
        drop(s, job, rc, &err);
}

/* Steps the jobs whose logits the batch gave. */
static void step_all(struct wf_sched *s, size_t n_parts)
{
    size_t row = 0;

    for (size_t i = 0; i < n_parts; i++) {
        size_t n = s->parts[i].n_logits;
        if (n > 0)
            step_part(s, s->part_jobs[i], n, s->logits + row * s->n_vocab);
        row += n;
    }
}

static void fail_all(struct wf_sched *s, size_t n_parts, int rc, const struct wf_err *err)
{
    for (size_t i = 0; i < n_parts; i++)
        drop(s, s->part_jobs[i], rc, err);
}

static void turn(struct wf_sched *s)
{
    struct wf_err err = WF_ERR_INIT;
    struct pass p;
    int64_t start;
    int rc = WF_E_FULL;

    while (rc == WF_E_FULL) {
        p = compose(s);
        if (p.n_parts == 0)
            return;
        start = wf_clock_mono_ns(s->clock);
        /* A prompt that is read alone can be given up within the pass. */
        rc =
            wf_runner_eval(s->runner, s->parts, p.n_parts,
                           p.n_parts == 1 && p.n_read > 0 ? &s->part_jobs[0]->group->is_gone : NULL,
                           s->logits, &err);
        if (rc == 0)
            count_pass(s, &p, wf_clock_mono_ns(s->clock) - start);
        if (rc == WF_E_FULL && !wf_sched__forget_one(s) && !preempt(s))
            break;
    }
    if (rc == WF_E_CANCELED)
        return; /* sweep ends it */
    if (rc != 0)
        fail_all(s, p.n_parts, rc, &err);
    else
        step_all(s, p.n_parts);
}

/* ---- other work ---- */

/* Room for a text of full length, if forgetting can make it. */
static void make_room(struct wf_sched *s)
{
    struct wf_kv *kv = wf_runner_kv(s->runner);

    while (kv != NULL && wf_kv_tokens_free(kv) < s->n_context && wf_sched__forget_one(s))
        ;
}

static void run_tasks(struct wf_sched *s)
{
    struct wf_sched_task *task;

    for (;;) {
        pthread_mutex_lock(&s->lock);
        task = wf_list_empty(&s->tasks) ? NULL
                                        : WF_CONTAINER(s->tasks.next, struct wf_sched_task, node);
        pthread_mutex_unlock(&s->lock);
        if (task == NULL)
            return;
        if (task->needs_room)
            make_room(s);
        task->rc = task->fn(s->runner, task->ud, &task->err);
        /* Texts at work hold the cache: after some turns there is room. */
        if (task->rc == WF_E_FULL && !wf_list_empty(&s->active))
            return;
        pthread_mutex_lock(&s->lock);
        wf_list_remove(&task->node);
        task->is_done = true;
        pthread_cond_broadcast(&s->done);
        pthread_mutex_unlock(&s->lock);
    }
}

/* Waits for something to do; false when it is over. */
static bool wait_for_work(struct wf_sched *s)
{
    bool goes_on;

    pthread_mutex_lock(&s->lock);
    while (!s->is_stopping && s->n_active == 0 && s->n_waiting == 0 && wf_list_empty(&s->tasks))
        pthread_cond_wait(&s->work, &s->lock);
    goes_on = !s->is_stopping;
    if (wf_runner_kv(s->runner) != NULL)
        s->cache_bytes = wf_kv_bytes(wf_runner_kv(s->runner));
    s->read_rate = s->pace.alone_ns > 0 ? 1e9 / s->pace.alone_ns : 0;
    pthread_mutex_unlock(&s->lock);
    return goes_on;
}

static void *work(void *ud)
{
    struct wf_sched *s = ud;

    while (wait_for_work(s)) {
        sweep(s);
        admit(s);
        run_tasks(s);
        turn(s);
    }
    sweep(s); /* what waits is given up, and owners of what is active have gone */
    wf_prefix_deinit(&s->remembered);
    return NULL;
}

/* ---- the outside ---- */

static int make_buffers(struct wf_sched *s, struct wf_err *err)
{
    size_t n_words = (s->n_vocab + 31) / 32;

    s->parts = wf_alloc_array(s->n_parallel, sizeof(*s->parts));
    s->part_jobs = wf_alloc_array(s->n_parallel, sizeof(struct wf_job *));
    s->n_rows = WF_MAX(s->n_parallel, (size_t)WF_GUESS_ROWS);
    s->logits = s->n_vocab <= SIZE_MAX / s->n_rows
                    ? wf_alloc_array(s->n_rows * s->n_vocab, sizeof(float))
                    : NULL;
    s->mask = wf_alloc_array(n_words, sizeof(*s->mask));
    s->not_end = wf_alloc_array(n_words, sizeof(*s->not_end));
    s->top = wf_alloc_array(1 + WF_LIMIT_LOGPROBS, sizeof(*s->top));
    if (!s->parts || !s->part_jobs || !s->logits || !s->mask || !s->not_end || !s->top)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to run a model.");
    for (size_t i = 0; i < s->n_vocab; i++) {
        if (s->vocab == NULL || !wf_vocab_is_end(s->vocab, (int32_t)i))
            s->not_end[i / 32] |= UINT32_C(1) << (i % 32);
    }
    return 0;
}

static int check_vocab(const struct wf_sched *s, struct wf_err *err)
{
    if (s->vocab == NULL || wf_vocab_size(s->vocab) >= s->n_vocab)
        return 0;
    return wf_err_set(err, WF_E_FORMAT,
                      "The model's vocabulary has %zu tokens, its matrices have %zu.",
                      wf_vocab_size(s->vocab), s->n_vocab);
}

static void deinit(struct wf_sched *s)
{
    wf_drafter_free(s->draft);
    wf_runner_free(s->runner);
    wf_free(s->parts);
    wf_free(s->part_jobs);
    wf_free(s->logits);
    wf_free(s->mask);
    wf_free(s->not_end);
    wf_free(s->top);
    wf_free(s->clients);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->work);
    pthread_cond_destroy(&s->done);
    wf_free(s);
}

int wf_sched_new(const struct wf_sched_options *o, struct wf_sched **out, struct wf_err *err)
{
    struct wf_sched *s = wf_alloc_array(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to run a model.");
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    pthread_cond_init(&s->done, NULL);
    wf_list_init(&s->waiting);
    wf_list_init(&s->tasks);
    wf_list_init(&s->active);
    wf_prefix_init(&s->remembered, REMEMBERED_MAX);
    s->model = o->model;
    s->vocab = o->vocab;
    s->clock = o->clock;
    s->n_parallel = o->n_parallel > 0 ? o->n_parallel : PARALLEL_DEFAULT;
    s->queue_max = o->queue_max > 0 ? o->queue_max : QUEUE_DEFAULT;
    s->n_vocab = wf_model_params(o->model)->n_vocab;
    rc = check_vocab(s, err);
    if (rc == 0)
        rc = wf_runner_new(o->model, &o->runner, &s->runner, err);
    if (rc == 0) {
        s->n_context = wf_runner_n_context(s->runner);
        s->n_batch = wf_runner_n_batch(s->runner);
        rc = make_buffers(s, err);
    }
    if (rc == 0 && o->draft != NULL)
        rc = wf_drafter_new(o->draft, s->clock, o->runner.n_threads, s->n_parallel, &s->draft, err);
    if (rc == 0 && pthread_create(&s->thread, NULL, work, s) != 0)
        rc = wf_err_set(err, WF_E_BUSY, "The system has no room for another thread.");
    if (rc != 0)
        deinit(s);
    else
        *out = s;
    return rc;
}

void wf_sched_free(struct wf_sched *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->is_stopping = true;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->thread, NULL); /* it is joinable and not this one */
    assert(s->n_active == 0);
    deinit(s);
}

size_t wf_sched_n_batch(const struct wf_sched *s)
{
    return s->n_batch;
}

size_t wf_sched_n_context(const struct wf_sched *s)
{
    return s->n_context;
}

size_t wf_sched_n_active(struct wf_sched *s)
{
    size_t n;

    pthread_mutex_lock(&s->lock);
    n = s->n_active + s->n_waiting;
    pthread_mutex_unlock(&s->lock);
    return n;
}

uint64_t wf_sched_bytes(struct wf_sched *s)
{
    uint64_t n;

    pthread_mutex_lock(&s->lock);
    n = s->cache_bytes;
    pthread_mutex_unlock(&s->lock);
    n += s->draft != NULL ? wf_drafter_bytes(s->draft) : 0;
    return n + wf_runner_bytes(s->runner) + s->n_rows * s->n_vocab * sizeof(float);
}

int wf_sched__run(struct wf_sched *s, wf_runner_fn fn, void *ud, bool needs_room,
                  struct wf_err *err)
{
    struct wf_sched_task task = {.fn = fn, .ud = ud, .needs_room = needs_room, .err = WF_ERR_INIT};

    pthread_mutex_lock(&s->lock);
    wf_list_push(&s->tasks, &task.node);
    pthread_cond_signal(&s->work);
    while (!task.is_done)
        pthread_cond_wait(&s->done, &s->lock);
    pthread_mutex_unlock(&s->lock);
    return task.rc == 0 ? 0 : wf_err_set(err, task.rc, "%s", task.err.msg);
}

int wf_sched_run(struct wf_sched *s, wf_runner_fn fn, void *ud, struct wf_err *err)
{
    return wf_sched__run(s, fn, ud, true, err);
}
