/* Scheduler: one loaded model that writes many texts at once.
 *
 * A thread of its own owns the runner. Every turn is one pass: one token of each text that is being
 * written, whose next one is picked then, and a piece of a prompt, small enough that the pass takes
 * less than twice as long (a whole batch, where nobody writes). Clients get equal shares, within
 * their priority.
 * Texts that begin like one that is known share its cache: of texts at work, and of finished ones,
 * which are remembered until their room is needed. When the cache is full, remembered texts go
 * first; then the text that all others come before waits, and is read again later. Other work with
 * the runner (embeddings) is run between two turns. Threads: any. */
#ifndef WF_ENGINE_SCHEDULER_H
#define WF_ENGINE_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "engine/engine.h"
#include "model/adapter.h"
#include "model/grammar.h"
#include "model/sampler.h"
#include "model/transformer.h"
#include "model/vocab.h"

struct wf_sched;

struct wf_sched_options {
    const struct wf_model *model; /* borrowed until wf_sched_free, as is the next */
    const struct wf_vocab *vocab; /* NULL: the model cannot write text, only embed */
    struct wf_runner_options runner;
    const struct wf_model *draft; /* guesses for it, see drafter.h; borrowed likewise; NULL: none */
    size_t n_parallel;            /* texts written at once; 0: 8 */
    size_t queue_max;             /* texts that may wait; 0: 256 */
    const struct wf_clock
        *clock; /* times passes and guesses; borrowed likewise; NULL: the system's */
};

/* Starts the thread. *out is owned by the caller. Errors: as wf_runner_new, BUSY, NOMEM. */
int wf_sched_new(const struct wf_sched_options *o, struct wf_sched **out,
                 struct wf_err *err) WF_MUST_USE;
/* Ends and joins the thread, frees. All jobs must be freed. NULL is a no-op. */
void wf_sched_free(struct wf_sched *s);

/* The longest text; texts that are written or wait; bytes of the buffers and of the cache as large
 * as it has grown. */
size_t wf_sched_n_context(const struct wf_sched *s);
size_t wf_sched_n_batch(const struct wf_sched *s); /* tokens of a pass */
size_t wf_sched_n_active(struct wf_sched *s);
uint64_t wf_sched_bytes(struct wf_sched *s);

/* What to write behind a prompt. All pointers are borrowed for the call of wf_jobs_start, but
 * adapters until wf_jobs_free. */
struct wf_job_options {
    const int32_t *ids; /* [n_ids], at least one, below the context */
    size_t n_ids;
    struct wf_sampling sampling;      /* text number i uses seed + i */
    struct wf_grammar *grammar;       /* or NULL */
    const struct wf_token_trie *trie; /* of the vocabulary; borrowed until wf_sched_free */
    const char *const *triggers;      /* the grammar holds from where one of these is written */
    size_t n_triggers;                /* 0: from the first token on */
    const struct wf_str *stops;
    size_t n_stops;
    size_t n_written; /* so many of the last ids were written already: they are told again */
    const struct wf_sampler_state *sampler; /* as it was behind them; NULL: from the seed */
    size_t n_max;                           /* tokens; 0: up to the context's end */
    size_t n_top;                           /* likeliest tokens reported for each */
    bool wants_logprobs;
    bool ignore_eos;
    bool with_control; /* names of control tokens are part of the text */
    const struct wf_adapter_use *adapters;
    size_t n_adapters;
    uint64_t client;     /* whose it is: clients get equal shares; 0: nobody's in particular */
    unsigned priority;   /* lower ones come first */
    int64_t deadline_ns; /* monotonic: given up then, where it is not finished; 0: never */
};

/* A token as it was picked. */
struct wf_written {
    int32_t id;
    uint32_t n_bytes; /* of text that came free with it; texts that may be a stop are held back */
    float logprob;
    size_t i_top, n_top;             /* in the output's `tops` */
    struct wf_sampler_state sampler; /* behind it */
};

/* What one text has gained. Owned by the caller, who keeps it from call to call. */
struct wf_job_output {
    struct wf_buf text;
    struct wf_written *tokens;
    size_t n_tokens, cap_tokens;
    struct wf_logprob *tops;
    size_t n_tops, cap_tops;
    bool is_finished; /* nothing more will come */
    enum wf_gen_finish finish;
    size_t i_stop; /* of WF_FINISH_STOP_TEXT */
};
void wf_job_output_init(struct wf_job_output *o);
void wf_job_output_deinit(struct wf_job_output *o);

struct wf_job_counts {
    size_t n_prompt, n_cached, n_written;
    size_t n_guessed, n_right; /* computed ahead; and of them those that were then picked */
    size_t n_drafted;          /* of those computed ahead, by a model that guesses */
    int64_t queued_ns, begun_ns, first_ns, last_ns; /* monotonic; 0: not yet */
};

/* Texts that are written behind the same prompt. */
struct wf_jobs;

/* Queues n_jobs texts (at least 1). *out is owned by the caller. Errors: RANGE (the sampling),
 * UNSUPPORTED (a grammar, no vocabulary), LIMIT (the prompt does not fit, the budget is too small
 * for the grammar), BUSY (too many wait, or it could not begin before its deadline; err->retry_ms
 * says when there will be room), NOMEM. */
int wf_jobs_start(struct wf_sched *s, const struct wf_job_options *o, size_t n_jobs,
                  struct wf_jobs **out, struct wf_err *err) WF_MUST_USE;

/* Waits for news of any of the texts, at most timeout_ms: 1 with its number and what it gained
 * since the last call (io_out is emptied first), 0 when all are finished and told. Errors: TIMEOUT
 * (nothing new), BUSY (its deadline), those of the model's run: the job is then over. Thread:
 * owner.
 */
int wf_jobs_next(struct wf_jobs *g, int timeout_ms, size_t *out_i, struct wf_job_output *io_out,
                 struct wf_err *err) WF_MUST_USE;
/* Of one text. Thread: owner. */
struct wf_job_counts wf_jobs_counts(struct wf_jobs *g, size_t i);
/* Gives up what is not finished, frees. NULL is a no-op. Thread: owner. */
void wf_jobs_free(struct wf_jobs *g);

/* ---- the cache of a text, for another scheduler with the same model (scheduler_cache.c) ---- */

#define WF_SCHED_PIECE_HEAD 12 /* bytes before the pages of a piece */

/* Tokens of a page, and its bytes. */
size_t wf_sched_page_tokens(void);
size_t wf_sched_page_bytes(const struct wf_sched *s);

/* So many of a text's tokens are known. Waits for a turn. Errors: NOMEM, CANCELED. */
int wf_sched_cache_known(struct wf_sched *s, const int32_t *ids, size_t n_ids, size_t *out_n,
                         struct wf_err *err) WF_MUST_USE;
/* Appends a piece to `out`: up to n_pages pages, from number `first` on, of what is known of a text
 * that begins with ids [n_ids]. Waits for a turn. Errors: NOENT (nothing of it is known), NOMEM,
 * CANCELED. */
int wf_sched_cache_read(struct wf_sched *s, const int32_t *ids, size_t n_ids, size_t first,
                        size_t n_pages, struct wf_buf *out, struct wf_err *err) WF_MUST_USE;
/* Remembers such a piece of another's: a text that begins with the ids then begins with its cache.
 * The pieces before must be known. *out_n: pages it had. Errors: FORMAT (another kind of cache, or
 * no whole pages), NOENT (the pieces before are not known any more), FULL, NOMEM, CANCELED. */
int wf_sched_cache_write(struct wf_sched *s, const int32_t *ids, size_t n_ids, size_t first,
                         struct wf_str piece, size_t *out_n, struct wf_err *err) WF_MUST_USE;
/* Tokens of a prompt that are read in a second, a running mean; 0: not known. */
double wf_sched_read_rate(struct wf_sched *s);

/* Runs fn on the scheduler's thread, between two turns, and waits for it; its result is returned.
 * It may be called again when it returns FULL. Errors: those of fn, CANCELED (the scheduler ends).
 */
typedef int (*wf_runner_fn)(struct wf_runner *r, void *ud, struct wf_err *err);
int wf_sched_run(struct wf_sched *s, wf_runner_fn fn, void *ud, struct wf_err *err) WF_MUST_USE;

#endif
