/* Lens: the embedded model. One encoder, a vocabulary and small heads in one GGUF file, and texts
 * to what the heads say of them.
 *
 * A lens (struct wf_lens) is an open file; it never changes and any number of threads may use it.
 * What is asked of a text is a job: its tokens, cut into windows that a runner encodes, many jobs'
 * windows in one batch (engine/lens.h does that); then the heads' answers. A head that the file
 * does not have is a task that it cannot do, and says so; everything else works.
 *
 * In the file (general.architecture "lens"), beside encoder and vocabulary, all of it optional:
 *   lens.NAME.weight [n_labels, dim], lens.NAME.bias [n_labels], lens.NAME.labels (strings), with
 *   NAME embedding, entity, intent.SET, slot.SET, sensitivity, salience, span, sentence or none;
 *   lens.entity.transitions, lens.slot.SET.transitions [n_tags from, n_tags to];
 *   lens.sensitivity.thresholds [n_labels], .linear.* (lens_linear.h), with it .mix [n_labels + 2];
 * lens.intent.SET.threshold (f32), .outside (string); lens.intent.SET.linear.* (lens_linear.h: a
 * judge beside the encoder, or without it), with lens.intent.SET.linear.scale and .encoder.scale
 * (f32) of what each adds; lens.answer.clues, .sentence, .none, .edition
 * (lens_answer.h); lens.NAME.pool ("first": the hidden state of <s>; "mean": of all tokens);
 *   lens.embedding.static.* (model/lens_static.h: vectors of tokens beside the encoder's);
 *   lens.language.* (model/lens_language.h); lens.entity.words.* (model/lens_words.h: what words
 *   say of the tags of entities; with or without the encoder's head);
 *   lens.salience.fit, .words.* (model/salience.h: which sentences a summary would take);
 *   lens.window (u32: tokens of a window), lens.card (strings: its figures), lens.version.
 * Texts begin with <s>; with a question: <s> <q> question </s> <p> text. */
#ifndef WF_MODEL_LENS_H
#define WF_MODEL_LENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/gguf.h"
#include "model/salience.h"
#include "model/transformer.h"
#include "model/vocab.h"

#define WF_LENS_DIMS 256 /* of an embedding */

/* What can be asked; several at once of one text, but spans alone. */
#define WF_LENS_EMBED (1u << 0)
#define WF_LENS_SPANS (1u << 1)
#define WF_LENS_ENTITIES (1u << 2)
#define WF_LENS_SALIENCE (1u << 3)
#define WF_LENS_INTENT (1u << 4)
#define WF_LENS_LANGUAGE (1u << 5)
#define WF_LENS_SENSITIVITY (1u << 6)
#define WF_LENS_N_TASKS 7

struct wf_lens;

/* Opens a lens file. *out is owned by the caller, until wf_lens_close. Errors: as wf_model_open and
 * wf_vocab_open; UNSUPPORTED (a model, but no lens), FORMAT (a head of a wrong shape, labels that
 * are not as many as it has rows, no control tokens). Thread: any. */
int wf_lens_open(const char *path, struct wf_lens **out, struct wf_err *err) WF_MUST_USE;
/* The same over an open file, which it takes over, also when it fails. */
int wf_lens_open_gguf(struct wf_gguf *g, struct wf_lens **out, struct wf_err *err) WF_MUST_USE;
/* All jobs must be gone. NULL is a no-op. */
void wf_lens_close(struct wf_lens *l);

/* What it is made of, borrowed until it is closed; and the tokens of a window. */
const struct wf_model *wf_lens_model(const struct wf_lens *l);
const struct wf_vocab *wf_lens_vocab(const struct wf_lens *l);
size_t wf_lens_window(const struct wf_lens *l);

/* A number that changes with everything that embeddings depend on: the encoder, the vocabulary's
 * size, the embedding's head. Reads all of that, about 12 MB. */
uint64_t wf_lens_fingerprint(const struct wf_lens *l);

/* The name of a task's bit ("entities"), and its bit by name; 0: there is no such task. */
const char *wf_lens_task_name(unsigned task);
unsigned wf_lens_task_by_name(struct wf_str name);

/* How much the log of a sentence's share (SPANS) counts beside the score by which ask orders
 * sentences: lens.span.rerank of the file, fitted with it; 0: it is not used for that. */
float wf_lens_rerank(const struct wf_lens *l);
/* How much the log odds of "no answer" (SPANS) count against ask's own, which come from words:
 * lens.span.refuse of the file, fitted with it; 0: not at all. */
float wf_lens_refuse(const struct wf_lens *l);

/* The judge of sentences (model/salience.h), borrowed until the lens is closed; NULL: there is
 * none. Whether the encoder scores sentences, too. */
const struct wf_salience *wf_lens_judge(const struct wf_lens *l);
bool wf_lens_scores_sentences(const struct wf_lens *l);
/* Whether the encoder tells what is sensitive, too. */
bool wf_lens_has_sensitivity_head(const struct wf_lens *l);

/* The i-th set of intents that the file knows ("weft"); NULL behind the last. */
const char *wf_lens_set_at(const struct wf_lens *l, size_t i);
/* The labels of one task's head: how many, and the i-th. 0 where the head is absent or has none.
 * Tags of entities are given as the types they are made of. */
size_t wf_lens_n_labels(const struct wf_lens *l, unsigned task, const char *set);
struct wf_str wf_lens_label(const struct wf_lens *l, unsigned task, const char *set, size_t i);

/* Whether the encoder has a head for a set of intents; else only a linear judge knows it. */
bool wf_lens_has_intent_head(const struct wf_lens *l, const char *set);

struct wf_lens_ask {
    unsigned tasks;
    struct wf_str text;     /* valid UTF-8, borrowed for the life of the job */
    struct wf_str question; /* of SPANS; EMBED embeds it where there is no text */
    const char *set;        /* of INTENT; NULL: "weft" */
    bool encoder_only;      /* SALIENCE: each sentence's score by itself, as the encoder sees it;
                               else by the order in which a summary would take them */
    bool can_wait;          /* nobody waits for it: others that ask at the same time go first */
};

/* 0 when the file can do that; else UNSUPPORTED, and the sentence says what is missing. */
int wf_lens_can(const struct wf_lens *l, const struct wf_lens_ask *ask,
                struct wf_err *err) WF_MUST_USE;

/* A piece of the text with a type and a score within [0, 1]. Types are borrowed from the file. */
struct wf_lens_mark {
    size_t from, to;   /* bytes */
    size_t start, end; /* the same as code points */
    struct wf_str type;
    float score;
};

struct wf_lens_marks {
    struct wf_lens_mark *items; /* [n] */
    size_t n;
};

/* What was asked for; the rest is empty. */
struct wf_lens_answer {
    float vector[WF_LENS_DIMS];       /* EMBED: of length 1; its first n values, anew brought to
                                         length 1, are an embedding of n dimensions */
    struct wf_lens_marks entities;    /* in the order of the text, not overlapping */
    struct wf_lens_marks sentences;   /* SALIENCE, SPANS: in the order of the text */
    struct wf_lens_marks slots;       /* INTENT, where the set has slots */
    struct wf_lens_marks sensitivity; /* types only, the highest score first */
    struct wf_lens_mark span;         /* SPANS: the best; empty when there is no text */
    float none;                       /* SPANS: how sure that the text does not answer */
    struct wf_str intent;             /* INTENT: the best label */
    float intent_score;
    bool in_scope;
    struct wf_str language; /* LANGUAGE: ISO 639-3, with -Script where it is needed; "und" where
                               nothing can be said */
    float language_score;
};

/* Frees what an answer holds; safe on a zeroed one, and twice. */
void wf_lens_answer_deinit(struct wf_lens_answer *a);

struct wf_lens_job;

/* Makes tokens and windows of what is asked, which stays borrowed. *out is owned by the caller,
 * until wf_lens_job_free. Errors: UNSUPPORTED (wf_lens_can), INVAL (tasks that do not go together,
 * a text that is not UTF-8, none), LIMIT (WF_LIMIT_LENS_BYTES), NOMEM. Thread: any. */
int wf_lens_job_new(const struct wf_lens *l, const struct wf_lens_ask *ask,
                    struct wf_lens_job **out, struct wf_err *err) WF_MUST_USE;
void wf_lens_job_free(struct wf_lens_job *j);

/* How many windows wait for the encoder, each at most wf_lens_window tokens; none when the tasks do
 * not need it. The tokens of one: writes them to out_ids (room for wf_lens_window), returns how
 * many; and their number alone. Thread: any. */
size_t wf_lens_job_n_windows(const struct wf_lens_job *j);
size_t wf_lens_job_window(const struct wf_lens_job *j, size_t i, int32_t *out_ids);
size_t wf_lens_job_window_tokens(const struct wf_lens_job *j, size_t i);

/* What is known of a window's tokens beside their ids, for wf_runner_encode_marked: out_bits [its
 * tokens] with rows of wf_lens_marks_rows; zeros where a job has none. */
void wf_lens_job_marks(const struct wf_lens_job *j, size_t i, uint16_t *out_bits);
/* NULL: the file has none. */
const float *wf_lens_marks_rows(const struct wf_lens *l);

/* Takes what the encoder made of window i: hidden [its tokens, dim]. Threads: any, each window
 * once; different windows of one job may be given at once. */
void wf_lens_job_take(struct wf_lens_job *j, size_t i, const float *hidden);

/* What both judges say of the tags of a text's pieces, as they say it: for those who choose how
 * much each counts. Of a job of ENTITIES whose windows were all given, before it is finished. */
struct wf_lens_tag_scores {
    size_t n, n_tags;
    const float *encoder, *words;             /* [n, n_tags], borrowed; NULL: the file has none */
    const float *encoder_moves, *words_moves; /* [n_tags from, n_tags to] */
};
/* Errors: NOMEM. */
int wf_lens_job_tag_scores(struct wf_lens_job *j, struct wf_lens_tag_scores *out,
                           struct wf_err *err) WF_MUST_USE;

/* What the encoder alone says of INTENT: scores of the set's labels, once its windows were given;
 * zeros where only a linear judge knows the set; NULL: not asked. Borrowed from the job. */
const float *wf_lens_job_intents(const struct wf_lens_job *j);
/* The same of sensitivity: [windows, labels]; NULL: not asked. */
const float *wf_lens_job_labels(const struct wf_lens_job *j);

/* Bytes of the pieces in which the linear judge of sensitivity sees a text; where the piece that
 * begins at `from` ends: at white space if it can. */
#define WF_LENS_PIECE_BYTES 400u
size_t wf_lens_piece(struct wf_str text, size_t from);

/* What tables of words say of a text, which needs no window: while others encode, so that finishing
 * is quicker. Not at once with wf_lens_job_finish, which does it where it was not done. Errors:
 * NOMEM. */
int wf_lens_job_look(struct wf_lens_job *j, struct wf_err *err) WF_MUST_USE;

/* The answer, once all windows were given. *out is owned by the caller. Errors: NOMEM. */
int wf_lens_job_finish(struct wf_lens_job *j, struct wf_lens_answer *out,
                       struct wf_err *err) WF_MUST_USE;

#endif
