/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: from a request to a queued text, one step of it, and its news on their way to the owner.
 *
 * A step picks a token under the mask of the job's constraint, looks whether it ends the text, and
 * appends what is certain of it to the output: bytes that may be the beginning of a stop text or of
 * a character are held back. The owner swaps the output with an empty one. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "engine/scheduler_internal.h"
#include "os/thread.h"

/* ---- outputs ---- */

void wf_job_output_init(struct wf_job_output *o)
{
    *o = (struct wf_job_output){.n_tokens = 0};
    wf_buf_init(&o->text, WF_LIMIT_ENCODE_BYTES * 4);
}

void wf_job_output_deinit(struct wf_job_output *o)
{
    wf_buf_deinit(&o->text);
    wf_free(o->tokens);
    wf_free(o->tops);
    o->tokens = NULL;
    o->tops = NULL;
    o->n_tokens = o->cap_tokens = o->n_tops = o->cap_tops = 0;
}

static void empty_output(struct wf_job_output *o)
{
    wf_buf_reset(&o->text);
    o->n_tokens = o->n_tops = 0;
    o->is_finished = false;
}

static int add_token(struct wf_job_output *o, const struct wf_written *t,
                     const struct wf_logprob *tops)
{
    int rc = wf_reserve(&o->tokens, &o->cap_tokens, o->n_tokens + 1, sizeof(*o->tokens));

    if (rc == 0)
        rc = wf_reserve(&o->tops, &o->cap_tops, o->n_tops + t->n_top, sizeof(*o->tops));
    if (rc != 0)
        return rc;
    o->tokens[o->n_tokens] = *t;
    o->tokens[o->n_tokens++].i_top = o->n_tops;
    if (t->n_top > 0 && tops != NULL)
        memcpy(o->tops + o->n_tops, tops, t->n_top * sizeof(*tops));
    o->n_tops += t->n_top;
    return 0;
}

/* ---- a step ---- */

size_t wf_job__n_left(const struct wf_sched *s, const struct wf_job *job)
{
    size_t context = s->n_context - job->ids.n;
    size_t own = job->n_max > 0 ? job->n_max - job->n_written : SIZE_MAX;

    return own < context ? own : context;
}

/* The bits of the tokens that may come; NULL: all. */
static int mask_of(struct wf_sched *s, struct wf_job *job, const uint32_t **out, struct wf_err *err)
{
    int rc = 0;

    *out = job->group->ignore_eos ? s->not_end : NULL;
    if (job->constraint == NULL)
        return 0;
    /* An end token is not written: it takes no room. */
    rc = wf_constraint_mask(job->constraint, wf_job__n_left(s, job) + 1, s->mask, err);
    *out = s->mask;
    return rc;
}

static int constrain(struct wf_job *job, struct wf_str begun, struct wf_err *err)
{
    int rc = wf_constraint_new(job->group->grammar, job->group->trie, &job->constraint, err);

    if (rc == 0 && begun.len > 0)
        rc = wf_constraint_accept_bytes(job->constraint, begun, err);
    if (rc == WF_E_INVAL) { /* only looked like a beginning */
        wf_constraint_free(job->constraint);
        job->constraint = NULL;
        return 0;
    }
    return rc;
}

/* Looks for a trigger in what was written, and begins the constraint there. */
static int look_for_trigger(struct wf_job *job, struct wf_str bytes, struct wf_err *err)
{
    const struct wf_jobs *g = job->group;
    size_t at = SIZE_MAX, keep = g->trigger_max - 1;
    struct wf_str all;
    int rc = wf_buf_append_str(&job->recent, bytes);

    if (rc != 0)
        return wf_err_set(err, rc, "Not enough memory to write a text.");
    all = wf_buf_str(&job->recent);
    for (size_t i = 0; i < g->n_triggers; i++) {
        size_t found = wf_str_find(all, wf_str_from(g->triggers[i]), 0);
        at = found < at ? found : at;
    }
    if (at != SIZE_MAX) {
        rc = constrain(job, wf_str_sub(all, at, all.len), err);
        wf_buf_reset(&job->recent);
    } else if (all.len > keep) {
        wf_buf_consume(&job->recent, all.len - keep);
    }
    return rc;
}

/* Moves grammar or triggers on. */
static int follow_grammar(struct wf_job *job, int32_t id, struct wf_str bytes, struct wf_err *err)
{
    if (job->constraint != NULL)
        return wf_constraint_accept(job->constraint, id, err);
    if (job->group->grammar != NULL)
        return look_for_trigger(job, bytes, err);
    return 0;
}

static struct wf_str text_of(const struct wf_sched *s, const struct wf_job *job, int32_t id)
{
    if (wf_vocab_kind(s->vocab, id) == WF_TOKEN_CONTROL && !job->group->with_control)
        return wf_str_n(NULL, 0);
    return wf_vocab_bytes(s->vocab, id);
}

/* Tells the owner of a token, with top [1 + n_top] (NULL: nothing is known of it); sets is_ending
 * when a stop text was met. */
static int tell(struct wf_sched *s, struct wf_job *job, int32_t id, const struct wf_logprob *top,
                struct wf_err *err)
{
    struct wf_jobs *g = job->group;
    struct wf_job_output *o = &job->output;
    struct wf_written t = {.id = id,
                           .logprob = top != NULL ? top[0].logprob : 0,
                           .n_top = g->wants_logprobs && top != NULL ? g->n_top : 0};
    size_t before, i_stop = WF_STOPS_NONE;
    int rc;

    wf_sampler_save(job->sampler, &t.sampler);
    pthread_mutex_lock(&g->lock);
    before = o->text.len;
    rc = wf_stops_feed(&job->stops, text_of(s, job, id), &o->text, &i_stop);
    t.n_bytes = (uint32_t)(o->text.len - before);
    if (rc == 0)
        rc = add_token(o, &t, top != NULL ? top + 1 : NULL);
    job->counts.n_written = job->n_written;
    job->counts.last_ns = wf_clock_mono_ns(NULL);
    if (job->n_written == 1)
        job->counts.first_ns = job->counts.last_ns;
    if (i_stop != WF_STOPS_NONE) {
        o->finish = WF_FINISH_STOP_TEXT;
        o->i_stop = i_stop;
        job->is_ending = true;
    }
    pthread_cond_signal(&g->news);
    pthread_mutex_unlock(&g->lock);
    return rc == 0 ? 0 : wf_err_set(err, rc, "Not enough memory to write a text.");
}

/* Whether the text goes no further behind a token that was told; and why. */
static bool goes_no_further(const struct wf_sched *s, const struct wf_job *job,
                            enum wf_gen_finish *out)
{
    if (job->constraint != NULL && wf_constraint_must_end(job->constraint)) {
        *out = WF_FINISH_STOP;
        return true;
    }
    if (wf_job__n_left(s, job) > 0)
        return false;
    /* A text that is whole when its room is used up was not cut. */
    *out = job->constraint != NULL && wf_constraint_may_end(job->constraint) ? WF_FINISH_STOP
                                                                             : WF_FINISH_LENGTH;
    return true;
}

/* A grammar that holds from the first token on begins in front of it. */
static int begin_grammar(struct wf_job *job, struct wf_err *err)
{
    const struct wf_jobs *g = job->group;

    if (job->n_written > 0 || g->grammar == NULL || g->n_triggers > 0 || job->constraint != NULL)
        return 0;
    return constrain(job, wf_str_n(NULL, 0), err);
}

int wf_job__step(struct wf_sched *s, struct wf_job *job, float *logits, struct wf_err *err)
{
    struct wf_jobs *g = job->group;
    const uint32_t *allowed = NULL;
    enum wf_gen_finish finish = WF_FINISH_STOP;
    int32_t id;
    int rc = begin_grammar(job, err);

    if (rc == 0)
        rc = mask_of(s, job, &allowed, err);
    if (rc != 0)
        return rc;
    id = wf_sampler_pick(job->sampler, logits, allowed, g->wants_logprobs ? g->n_top : 0, s->top);
    if (wf_vocab_is_end(s->vocab, id) && !g->ignore_eos) {
        job->is_ending = true;
        pthread_mutex_lock(&g->lock);
        job->output.finish = WF_FINISH_STOP;
        pthread_mutex_unlock(&g->lock);
        return 0;
    }
    rc = wf_sampler_accept(job->sampler, id);
    if (rc == 0)
        rc = wf_ids_push(&job->ids, id);
    if (rc != 0)
        return wf_err_set(err, rc, "Not enough memory to write a text.");
    job->n_written++;
    rc = follow_grammar(job, id, text_of(s, job, id), err);
    if (rc == 0)
        rc = tell(s, job, id, s->top, err);
    if (rc == 0 && !job->is_ending && goes_no_further(s, job, &finish)) {
        job->is_ending = true;
        pthread_mutex_lock(&g->lock);
        job->output.finish = finish;
        pthread_mutex_unlock(&g->lock);
    }
    return rc;
}

/* ---- the end of a job, and of a group ---- */

static void unref(struct wf_jobs *g)
{
    bool is_last;

    pthread_mutex_lock(&g->lock);
    assert(g->n_refs > 0);
    is_last = --g->n_refs == 0;
    pthread_mutex_unlock(&g->lock);
    if (!is_last)
        return;
    for (size_t i = 0; i < g->n_jobs; i++) {
        struct wf_job *job = &g->jobs[i];
        assert(!job->has_seq);
        wf_free(job->ids.ptr);
        wf_sampler_free(job->sampler);
        wf_constraint_free(job->constraint);
        wf_stops_deinit(&job->stops);
        wf_buf_deinit(&job->recent);
        wf_job_output_deinit(&job->output);
    }
    wf_grammar_unref(g->grammar);
    for (size_t i = 0; i < g->n_triggers; i++)
        wf_free(g->triggers[i]);
    wf_free(g->triggers);
    wf_free(g->adapters);
    pthread_mutex_destroy(&g->lock);
    pthread_cond_destroy(&g->news);
    wf_free(g);
}

void wf_job__finish(struct wf_job *job, int rc, const struct wf_err *err)
{
    struct wf_jobs *g = job->group;
    struct wf_job_output *o = &job->output;

    pthread_mutex_lock(&g->lock);
    if (rc == 0 && o->finish != WF_FINISH_STOP_TEXT)
        rc = wf_stops_flush(&job->stops, &o->text);
    o->is_finished = true;
    job->rc = rc;
    if (rc != 0 && err != NULL)
        job->err = *err;
    else if (rc != 0)
        (void)wf_err_set(&job->err, rc, "Not enough memory to write a text.");
    pthread_cond_signal(&g->news);
    pthread_mutex_unlock(&g->lock);
    unref(g);
}

/* ---- the owner's side ---- */

static int copy_triggers(struct wf_jobs *g, const struct wf_job_options *o)
{
    if (o->grammar == NULL || o->n_triggers == 0)
        return 0;
    g->triggers = wf_alloc_array(o->n_triggers, sizeof(*g->triggers));
    if (g->triggers == NULL)
        return WF_E_NOMEM;
    for (; g->n_triggers < o->n_triggers; g->n_triggers++) {
        const char *t = o->triggers[g->n_triggers];
        size_t n = strlen(t);
        assert(n > 0);
        if ((g->triggers[g->n_triggers] = wf_strdup(t)) == NULL)
            return WF_E_NOMEM;
        g->trigger_max = n > g->trigger_max ? n : g->trigger_max;
    }
    return 0;
}

/* Goes once more the way of what was written already: grammar, stops, news. The sampler has
 * accepted it. Before the job is queued: nobody else knows it. */
static int go_again(struct wf_sched *s, struct wf_job *job, const struct wf_job_options *o,
                    struct wf_err *err)
{
    enum wf_gen_finish finish = WF_FINISH_STOP;
    int rc = 0;

    for (size_t k = o->n_ids - o->n_written; k < o->n_ids && rc == 0; k++) {
        int32_t id = o->ids[k];
        if (job->is_ending || wf_vocab_is_end(s->vocab, id))
            return wf_err_set(err, WF_E_RANGE, "What was written had ended before.");
        rc = begin_grammar(job, err);
        job->n_written++;
        if (rc == 0)
            rc = follow_grammar(job, id, text_of(s, job, id), err);
        if (rc == 0)
            rc = tell(s, job, id, NULL, err);
    }
    if (rc == 0 && o->n_written > 0 && (job->is_ending || goes_no_further(s, job, &finish)))
        return wf_err_set(err, WF_E_RANGE, "What was written is whole already.");
    return rc;
}

static int fill_job(struct wf_sched *s, struct wf_jobs *g, size_t i, const struct wf_job_options *o,
                    struct wf_err *err)
{
    struct wf_job *job = &g->jobs[i];
    struct wf_sampling sampling = o->sampling;
    int rc;

    sampling.seed += i;
    job->n_max = o->n_max;
    job->ids.ptr = wf_alloc_array(o->n_ids + 1, sizeof(int32_t));
    if (job->ids.ptr == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to write a text.");
    memcpy(job->ids.ptr, o->ids, o->n_ids * sizeof(int32_t));
    job->ids.n = o->n_ids;
    job->ids.cap = o->n_ids + 1;
    rc = wf_sampler_new(&sampling, s->vocab, s->n_vocab, &job->sampler, err);
    for (size_t k = 0; k < o->n_ids && rc == 0; k++)
        rc = wf_sampler_accept(job->sampler, o->ids[k]);
    if (rc == 0 && (rc = wf_stops_init(&job->stops, o->stops, o->n_stops)) != 0)
        rc = wf_err_set(err, rc == WF_E_LIMIT ? WF_E_RANGE : rc,
                        rc == WF_E_LIMIT ? "There are too many stop texts, or one is too long."
                                         : "Not enough memory to write a text.");
    if (rc == 0 && o->sampler != NULL)
        rc = wf_sampler_load(job->sampler, o->sampler, err);
    job->counts.n_prompt = o->n_ids - o->n_written;
    job->counts.queued_ns = wf_clock_mono_ns(NULL);
    return rc == 0 ? go_again(s, job, o, err) : rc;
}

static int check_start(const struct wf_sched *s, const struct wf_job_options *o, struct wf_err *err)
{
    assert(o->n_ids > o->n_written);
    if (s->vocab == NULL || wf_runner_kv(s->runner) == NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED, "The model cannot write text.");
    assert(o->grammar == NULL || o->trie != NULL);
    if (o->n_ids >= s->n_context)
        return wf_err_set(err, WF_E_LIMIT,
                          "The prompt has %zu tokens; the context has %zu, and some are needed for "
                          "the answer. Shorten it, or load the model with a larger context.",
                          o->n_ids, s->n_context);
    for (size_t i = 0; i < o->n_ids; i++) {
        if (o->ids[i] < 0 || (size_t)o->ids[i] >= s->n_vocab)
            return wf_err_set(err, WF_E_RANGE, "Token %d is not in the model's vocabulary of %zu.",
                              o->ids[i], s->n_vocab);
    }
    return 0;
}

/* Whether so many more may wait. The scheduler's lock is held. */
static int check_queue(const struct wf_sched *s, const struct wf_jobs *g, struct wf_err *err)
{
    int64_t wait_ms = wf_sched__wait_ms(s, s->n_waiting), left_ms;

    if (s->n_waiting + g->n_jobs > s->queue_max) {
        (void)wf_err_set(err, WF_E_BUSY,
                         "%zu requests wait for the model already. Try again later.", s->n_waiting);
        if (err != NULL)
            err->retry_ms = wf_sched__wait_ms(s, g->n_jobs - 1);
        return WF_E_BUSY;
    }
    left_ms = (g->deadline_ns - wf_clock_mono_ns(NULL)) / 1000000;
    if (g->deadline_ns != 0 && s->n_active + s->n_waiting >= s->n_parallel && wait_ms > left_ms) {
        (void)wf_err_set(err, WF_E_BUSY,
                         "The model could not begin with it in time: %zu requests come before it, "
                         "which takes about %lld s. Try again later, or give it more time.",
                         s->n_waiting, (long long)(wait_ms + 999) / 1000);
        if (err != NULL)
            err->retry_ms = wait_ms - WF_MAX(left_ms, 0);
        return WF_E_BUSY;
    }
    return 0;
}

static int queue_jobs(struct wf_sched *s, struct wf_jobs *g, struct wf_err *err)
{
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = check_queue(s, g, err);
    if (rc == 0 && wf_sched__enter(s, g->client, g->n_jobs) != 0)
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to write a text.");
    for (size_t i = 0; i < g->n_jobs && rc == 0; i++) {
        g->jobs[i].number = s->n_queued++;
        wf_list_push(&s->waiting, &g->jobs[i].node);
    }
    if (rc == 0) {
        s->n_waiting += g->n_jobs;
        pthread_cond_signal(&s->work);
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

int wf_jobs_start(struct wf_sched *s, const struct wf_job_options *o, size_t n_jobs,
                  struct wf_jobs **out, struct wf_err *err)
{
    struct wf_jobs *g;
    int rc = check_start(s, o, err);

    assert(n_jobs > 0);
    if (rc != 0)
        return rc;
    g = wf_alloc_array(1, sizeof(*g) + n_jobs * sizeof(g->jobs[0]));
    if (g == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to write a text.");
    pthread_mutex_init(&g->lock, NULL);
    wf_cond_init(&g->news);
    g->sched = s;
    g->n_jobs = n_jobs;
    g->n_refs = 1;
    g->n_top = o->n_top < WF_LIMIT_LOGPROBS ? o->n_top : WF_LIMIT_LOGPROBS;
    g->wants_logprobs = o->wants_logprobs;
    g->ignore_eos = o->ignore_eos;
    g->with_control = o->with_control;
    g->grammar = o->grammar != NULL ? wf_grammar_ref(o->grammar) : NULL;
    g->trie = o->trie;
    g->client = o->client;
    g->priority = o->priority;
    g->deadline_ns = o->deadline_ns;
    for (size_t i = 0; i < n_jobs; i++) {
        g->jobs[i].group = g;
        g->jobs[i].i = i;
        wf_list_init(&g->jobs[i].node);
        wf_buf_init(&g->jobs[i].recent, WF_LIMIT_ENCODE_BYTES);
        wf_job_output_init(&g->jobs[i].output);
    }
    rc = copy_triggers(g, o);
    if (rc == 0 && o->n_adapters > 0) {
        g->adapters = (struct wf_adapter_use *)(void *)wf_memdup0(
            o->adapters, o->n_adapters * sizeof(*o->adapters));
        g->n_adapters = o->n_adapters;
        rc = g->adapters != NULL ? 0 : WF_E_NOMEM;
    }
    if (rc != 0)
        rc = wf_err_set(err, rc, "Not enough memory to write a text.");
    for (size_t i = 0; i < n_jobs && rc == 0; i++)
        rc = fill_job(s, g, i, o, err);
    if (rc == 0) {
        g->n_refs += (unsigned)n_jobs;
        rc = queue_jobs(s, g, err);
        if (rc != 0)
            g->n_refs = 1;
    }
    if (rc != 0)
        unref(g);
    else
        *out = g;
    return rc;
}

/* A job with something to tell, else NULL; *out_left: whether any is not told to its end. */
static struct wf_job *with_news(struct wf_jobs *g, bool *out_left)
{
    *out_left = false;
    for (size_t i = 0; i < g->n_jobs; i++) {
        struct wf_job *job = &g->jobs[i];
        if (job->is_told)
            continue;
        *out_left = true;
        if (job->output.is_finished || job->output.n_tokens > 0)
            return job;
    }
    return NULL;
}

static int take_news(struct wf_job *job, struct wf_job_output *io_out, struct wf_err *err)
{
    struct wf_job_output mine = job->output;

    if (job->rc != 0) {
        job->is_told = true;
        (void)wf_err_set(err, job->rc, "%s", job->err.msg);
        if (err != NULL)
            err->retry_ms = job->err.retry_ms;
        return job->rc;
    }
    job->output = *io_out;
    job->output.finish = mine.finish;
    job->output.i_stop = mine.i_stop;
    *io_out = mine;
    job->is_told = mine.is_finished;
    return 1;
}

int wf_jobs_next(struct wf_jobs *g, int timeout_ms, size_t *out_i, struct wf_job_output *io_out,
                 struct wf_err *err)
{
    struct wf_job *job;
    struct timespec until;
    bool is_left, is_late = false;
    int rc;

    empty_output(io_out);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&g->lock);
    while ((job = with_news(g, &is_left)) == NULL && is_left && !is_late)
        is_late = pthread_cond_timedwait(&g->news, &g->lock, &until) == ETIMEDOUT;
    if (job != NULL) {
        *out_i = job->i;
        rc = take_news(job, io_out, err);
    } else {
        rc = is_left ? wf_err_set(err, WF_E_TIMEOUT, "The model has written nothing yet.") : 0;
    }
    pthread_mutex_unlock(&g->lock);
    return rc;
}

struct wf_job_counts wf_jobs_counts(struct wf_jobs *g, size_t i)
{
    struct wf_job_counts counts;

    assert(i < g->n_jobs);
    pthread_mutex_lock(&g->lock);
    counts = g->jobs[i].counts;
    pthread_mutex_unlock(&g->lock);
    return counts;
}

void wf_jobs_free(struct wf_jobs *g)
{
    struct wf_sched *s;

    if (g == NULL)
        return;
    s = g->sched;
    /* Relaxed: the scheduler looks every turn, and orders nothing by it. */
    atomic_store_explicit(&g->is_gone, true, memory_order_relaxed);
    pthread_mutex_lock(&s->lock); /* s outlives its jobs' owners */
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    unref(g);
}
