/* What the parts of the scheduler share: jobs, the memory of finished texts, the state of the
 * thread. Only engine/scheduler*.c include this. */
#ifndef WF_ENGINE_SCHEDULER_INTERNAL_H
#define WF_ENGINE_SCHEDULER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "engine/drafter.h"
#include "engine/pace.h"
#include "engine/prefix_tree.h"
#include "engine/scheduler.h"
#include "model/stops.h"

/* Tokens of one pass, of all texts, that guesses are made up to; guesses of one text. */
#define WF_GUESS_ROWS 8
#define WF_GUESS_MAX (WF_GUESS_ROWS - 1)
_Static_assert(WF_GUESS_MAX <= WF_DRAFTER_MAX, "a draft may make all guesses of a pass");

/* One text. What is not said to be under the group's lock belongs to the scheduler's thread once
 * the job is queued. */
struct wf_job {
    struct wf_list node; /* of the waiting (under the scheduler's lock) or the active ones */
    struct wf_jobs *group;
    size_t i;        /* in the group */
    uint64_t number; /* in the order in which they came */

    struct wf_ids ids; /* the prompt and what was written */
    struct wf_seq seq; /* the first seq.n_tokens of them */
    bool has_seq;
    size_t n_written;
    size_t n_max;
    struct wf_sampler *sampler;
    struct wf_constraint *constraint; /* NULL: none yet, or none at all */
    struct wf_stops stops;
    struct wf_buf recent;              /* of a text that may come to a trigger: its last bytes */
    bool is_ending;                    /* nothing more is to be written */
    int32_t guessed[1 + WF_GUESS_MAX]; /* what the part of a batch begins with, then guesses */
    double right;                      /* so many that stood before are right, of 1 */
    struct wf_drafter_text draft;
    bool is_drafted; /* the last guesses were */

    /* ---- under the group's lock ---- */
    struct wf_job_output output; /* news that were not taken */
    bool is_told;                /* its end was taken */
    int rc;                      /* why it ended, when by an error */
    struct wf_err err;
    struct wf_job_counts counts;
};

/* Jobs of one generation. Lives until its owner and all its jobs have let go of it. */
struct wf_jobs {
    struct wf_sched *sched;
    pthread_mutex_t lock; /* guards outputs and n_refs; taken behind the scheduler's, if both are */
    pthread_cond_t news;
    unsigned n_refs;
    atomic_bool is_gone; /* nobody wants it any more */

    /* ---- the same for all jobs; never changes ---- */
    struct wf_grammar *grammar;
    const struct wf_token_trie *trie;
    char **triggers;
    size_t n_triggers;
    size_t trigger_max; /* bytes of the longest */
    size_t n_top;
    bool wants_logprobs, ignore_eos, with_control;
    struct wf_adapter_use *adapters;
    size_t n_adapters;
    uint64_t client;
    unsigned priority;
    int64_t deadline_ns; /* 0: none */

    size_t n_jobs;
    struct wf_job jobs[];
};

/* Whoever has jobs here, and what it has had of the others' time. */
struct wf_sched_client {
    uint64_t id;
    uint64_t served; /* tokens, see scheduler_order.c */
    size_t n_jobs;   /* that wait or are at work */
};

/* How long passes of 1, 2, ... tokens take, running means; 0: not known. */
struct wf_guesses {
    double pass_ns[WF_GUESS_ROWS];
};

/* Work between two turns. */
struct wf_sched_task {
    struct wf_list node;
    wf_runner_fn fn;
    void *ud;
    bool needs_room; /* for a text of full length, in the cache */
    int rc;
    struct wf_err err;
    bool is_done;
};

struct wf_sched {
    const struct wf_model *model;
    const struct wf_vocab *vocab;
    const struct wf_clock *clock;
    struct wf_runner *runner;
    size_t n_context, n_batch, n_vocab;
    size_t n_parallel, queue_max;
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t work; /* for the thread: something to do */
    pthread_cond_t done; /* for callers: a task is done */
    struct wf_list waiting, tasks;
    size_t n_waiting, n_active;
    struct wf_sched_client *clients; /* [n_clients] */
    size_t n_clients, cap_clients;
    uint64_t n_queued; /* jobs that ever came */
    double job_ns;     /* from its beginning to its end, a running mean; 0: not known */
    bool is_stopping;
    uint64_t cache_bytes; /* as large as it has grown */
    double read_rate;     /* as the pace has it */

    /* ---- of the thread ---- */
    struct wf_pace pace;
    struct wf_guesses guesses;
    struct wf_drafter *draft;         /* NULL: there is none */
    struct wf_list active;            /* oldest first */
    struct wf_prefix_tree remembered; /* finished texts */
    struct wf_batch_part *parts;      /* [n_parallel] */
    struct wf_job **part_jobs;        /* [n_parallel] */
    float *logits;                    /* [n_rows, n_vocab] */
    size_t n_rows;
    uint32_t *mask;         /* [(n_vocab + 31) / 32] */
    uint32_t *not_end;      /* the same: all but end tokens */
    struct wf_logprob *top; /* [1 + WF_LIMIT_LOGPROBS] */
};

/* As wf_sched_run. */
int wf_sched__run(struct wf_sched *s, wf_runner_fn fn, void *ud, bool needs_room,
                  struct wf_err *err) WF_MUST_USE;

/* ---- scheduler_job.c ---- */

/* Takes the logits behind a job's text: picks a token and tells the owner. A job that is finished
 * by that has is_ending set. Errors, which end the job too: NOMEM, those of the constraint. */
int wf_job__step(struct wf_sched *s, struct wf_job *job, float *logits,
                 struct wf_err *err) WF_MUST_USE;
/* Tells the owner that the job is over, by what output.finish says or (rc not 0) an error, and lets
 * go of it; its sequence must have been taken. */
void wf_job__finish(struct wf_job *job, int rc, const struct wf_err *err);
/* Tokens that it may still write. */
size_t wf_job__n_left(const struct wf_sched *s, const struct wf_job *job);

/* ---- scheduler_order.c; the scheduler's lock is held unless said ---- */

/* A client has n_jobs more, and one less. Errors: NOMEM. */
int wf_sched__enter(struct wf_sched *s, uint64_t id, size_t n_jobs) WF_MUST_USE;
void wf_sched__leave(struct wf_sched *s, uint64_t id);
/* What a job's client has had. The lock is not held. */
void wf_sched__count(struct wf_sched *s, const struct wf_job *job, size_t n_read, size_t n_written);
/* Of a list's jobs (is_meant NULL: all) the one whose turn it is; of the active ones the one that
 * others come before. NULL: none. */
struct wf_job *wf_sched__first(struct wf_sched *s, struct wf_list *jobs,
                               bool (*is_meant)(const struct wf_job *job));
struct wf_job *wf_sched__last(struct wf_sched *s);
/* A job that began then has ended; how long a job would wait behind so many others. */
void wf_sched__note_end(struct wf_sched *s, int64_t begun_ns, int64_t now_ns);
int64_t wf_sched__wait_ms(const struct wf_sched *s, size_t n_before);

/* ---- scheduler_guess.c. Thread: the scheduler's ---- */

/* Guesses what a text goes on with (draft NULL: only by what stood in it), as much as pays beside
 * n_base tokens and has room: their number (0: none), the tokens in job->guessed. */
size_t wf_guess(const struct wf_guesses *g, struct wf_drafter *draft, struct wf_job *job,
                size_t n_base, size_t room);
/* So many of a text's guesses were right; a pass of n tokens took so long. */
void wf_guess_was(struct wf_drafter *draft, struct wf_job *job, size_t n_guessed, size_t n_right);
void wf_guess_took(struct wf_guesses *g, size_t n, int64_t ns);

/* ---- scheduler_prefix.c ---- */

/* The sequence that has most in common with a text under these adapters, borrowed until the next
 * turn, and how many tokens that are; NULL: none. And how many it will be once texts at work are
 * read. */
const struct wf_seq *wf_sched__known(struct wf_sched *s, const struct wf_ids *ids,
                                     const struct wf_adapter_use *adapters, size_t n_adapters,
                                     size_t *out_n, size_t *out_soon);
/* Gives a job without a sequence one that begins with as much of its text as is known. False: a
 * text at work is reading the same just now, it is better to wait. Errors: NOMEM in *out_rc. */
bool wf_sched__begin_seq(struct wf_sched *s, struct wf_job *job, int *out_rc, struct wf_err *err);
/* Keeps a finished job's sequence, or gives it back. */
void wf_sched__remember(struct wf_sched *s, struct wf_job *job);
/* Forgets the text whose last use is longest ago; false when there is none. */
bool wf_sched__forget_one(struct wf_sched *s);

#endif
