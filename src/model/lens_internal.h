/* What the parts of lens share: heads as they were read, a job and its accounts. Only lens*.c
 * include this. Threads: a lens by any; a job by its owner, its windows by any. */
#ifndef WF_MODEL_LENS_INTERNAL_H
#define WF_MODEL_LENS_INTERNAL_H

#include "base/arena.h"
#include "model/lens.h"
#include "model/lens_language.h"
#include "model/lens_linear.h"
#include "model/lens_static.h"
#include "model/lens_words.h"
#include "model/salience.h"

/* Tags of pieces, and types behind them, of one head at most: the table of moves grows with the
 * square, and its time with every piece. */
#define WF_LENS_TAGS_MAX 256
/* Sets of intents in one file. */
#define WF_LENS_SETS_MAX 16
/* Tokens of an answer in a passage at most: longer ones are no answers. */
#define WF_LENS_SPAN_TOKENS 48

/* out [n] = weight [n, dim] h + bias. */
struct wf_lens_head {
    const float *weight; /* NULL: the head is absent */
    const float *bias;   /* [n] */
    size_t n;
    struct wf_str *labels; /* [n], or NULL */
    bool pools_mean;       /* else the first token's state */
};

/* What a tag says of its piece: outside; begin, inside, last of a span, or a span of its own. */
enum wf_lens_place {
    WF_LENS_O,
    WF_LENS_B,
    WF_LENS_I,
    WF_LENS_L,
    WF_LENS_U
};

struct wf_lens_tags {
    struct wf_lens_head head;
    uint8_t place[WF_LENS_TAGS_MAX]; /* enum wf_lens_place */
    uint8_t type[WF_LENS_TAGS_MAX];  /* of types; of outside: 0 */
    struct wf_str types[WF_LENS_TAGS_MAX];
    size_t n_types;
    bool has_last;        /* BILOU: a span must be ended */
    const float *moves;   /* [n from, n to] added to a tag's score; -INFINITY where forbidden */
    const float *learned; /* [n, n] the encoder's own, or NULL */
    struct wf_lens_words *words; /* what words say of the same tags; NULL: nothing */
};

struct wf_lens_set {
    const char *name;
    struct wf_lens_head intent;        /* its weight may be absent where there is a linear judge */
    struct wf_lens_linear *linear;     /* NULL: absent */
    float linear_scale, encoder_scale; /* of what each says */
    float threshold;                   /* of the best label's share; below it out of scope */
    size_t outside;                    /* the label that means out of scope; SIZE_MAX: none */
    struct wf_lens_tags *slots;        /* NULL: none */
};

struct wf_lens {
    struct wf_gguf *gguf;
    struct wf_model *model; /* owns gguf once it is there */
    struct wf_vocab *vocab;
    struct wf_arena arena;
    size_t dim, window;
    int32_t begin, end, question, passage; /* control tokens */
    struct wf_lens_head embedding, sensitivity, salience, span, sentence, none;
    struct wf_lens_tags *entities;             /* NULL: absent */
    const float *thresholds;                   /* [sensitivity.n] */
    struct wf_lens_linear *sensitivity_linear; /* NULL: absent */
    const float *sensitivity_mix; /* with it: [2 + sensitivity.n] what the encoder's score and the
                                     linear one count, and what is added for each label */
    struct wf_lens_set sets[WF_LENS_SETS_MAX];
    size_t n_sets;
    struct wf_lens_language *language; /* NULL: absent */
    struct wf_lens_words *words;       /* NULL: absent; those of `entities` */
    const float *match; /* [WF_LENS_MATCH_BITS, dim] of tokens of SPANS; NULL: none */
    /* weights of lens_answer.h, all of them or NULL */
    const float *answer_clues, *answer_sentence, *answer_none;
    struct wf_salience *judge; /* of sentences, beside the salience head; NULL: absent */
    struct wf_lens_static *static_vectors; /* beside the embedding's head; NULL: absent */
    bool marks_embedding; /* questions and texts are embedded behind marks of their own */
};

/* Reads the heads. Errors: FORMAT, LIMIT, NOMEM. */
int wf_lens__read_heads(struct wf_lens *l, struct wf_err *err) WF_MUST_USE;
const struct wf_lens_set *wf_lens__set(const struct wf_lens *l, const char *name);

/* out [n] of one hidden state. */
void wf_lens__apply(const struct wf_lens *l, const struct wf_lens_head *head, const float *hidden,
                    float *out);

/* 1 / (1 + exp(-x)), and 0 for what is no number. */
float wf_lens__share(float x);

/* ---- jobs ---- */

/* Tokens [from, to) of the text, of which those in [own_from, own_to) are judged here: the others
 * are nearer to the middle of a neighbour. */
struct wf_lens_window {
    uint32_t from, to, own_from, own_to;
};

/* The best span of a window. */
struct wf_lens_span {
    uint32_t first, last; /* tokens of the text */
    float logit;          /* start and end together; -INFINITY: no token */
    float none;           /* of "no answer", on the same scale */
    float share;          /* of the span among all, by softmax of start times that of end */
};

struct wf_lens_job {
    const struct wf_lens *lens;
    struct wf_lens_ask ask;
    struct wf_str text; /* what the tokens are of */
    const struct wf_lens_set *set;
    struct wf_ids ids;    /* of the text */
    struct wf_ids firsts; /* the first token of every piece */
    struct wf_ids prefix; /* in front of every window */
    uint32_t *offsets;    /* [ids.n + 1] where tokens begin in the text */
    uint16_t *marks;      /* SPANS: [prefix.n + ids.n] of tokens; NULL: none */
    struct wf_lens_window *windows;
    size_t n_windows;
    float *sums;                /* EMBED: [n_windows, dim] */
    float *tags;                /* ENTITIES: [pieces, tags] by the encoder; NULL: it has none */
    float *word_tags;           /* ENTITIES: [pieces, tags] by words; NULL: not yet, or none */
    float *slots;               /* INTENT: [pieces, tags] */
    float *intents;             /* INTENT: [labels] of the encoder */
    float *means;               /* INTENT, SENSITIVITY: [n_windows, dim] */
    float *labels;              /* SENSITIVITY: [n_windows, labels], and as much room again */
    float *linear;              /* SENSITIVITY: [labels] of the linear judge; NULL: not yet, none */
    float *tokens;              /* SALIENCE, SPANS: [ids.n] */
    float *edges;               /* SPANS: [ids.n, 2] start and end beside those of <s> */
    struct wf_lens_span *spans; /* SPANS: [n_windows] */
};

/* The most likely allowed tags of n pieces, scores [n, tags]: out_tags [n], and how likely each is
 * by its own scores: out_shares [n]. Errors: NOMEM. */
int wf_lens__viterbi(const struct wf_lens_tags *t, const float *scores, size_t n, uint8_t *out_tags,
                     float *out_shares, struct wf_err *err) WF_MUST_USE;

/* The scores of a job's tags by words: j->word_tags, once. Errors: NOMEM. */
int wf_lens__score_words(struct wf_lens_job *j, struct wf_err *err) WF_MUST_USE;

/* The scores of ENTITIES by both, each times its share, in j->tags; those by words are there. */
void wf_lens__join_tags(struct wf_lens_job *j);

/* The spans that tags [pieces] make of a job's text. Errors: NOMEM. */
int wf_lens__marks_of_tags(const struct wf_lens_job *j, const struct wf_lens_tags *t,
                           const float *scores, struct wf_lens_marks *out,
                           struct wf_err *err) WF_MUST_USE;

/* What a window says about spans, and what all of them together do. */
void wf_lens__take_span(struct wf_lens_job *j, size_t i, const float *hidden);
void wf_lens__finish_span(const struct wf_lens_job *j, struct wf_lens_answer *out);

/* The same, with the sentences, by the file's weights. Errors: NOMEM. */
int wf_lens__finish_answer(const struct wf_lens_job *j, struct wf_lens_answer *out,
                           struct wf_err *err) WF_MUST_USE;

/* The sentences of the text, each with the mean of its tokens' scores as a share. NOMEM. */
int wf_lens__finish_sentences(const struct wf_lens_job *j, struct wf_lens_marks *out,
                              struct wf_err *err) WF_MUST_USE;

/* What the sensitivity head says of the hidden states of window i: the most that it says of pieces
 * of it. */
void wf_lens__take_labels(struct wf_lens_job *j, size_t i, const float *hidden, size_t n_tok);
/* The most that the linear judge says of pieces of the text: j->linear, once. Errors: NOMEM. */
int wf_lens__ask_linear(struct wf_lens_job *j, struct wf_err *err) WF_MUST_USE;
/* The labels at their thresholds or above, the highest first. NOMEM. */
int wf_lens__finish_sensitivity(struct wf_lens_job *j, struct wf_lens_marks *out,
                                struct wf_err *err) WF_MUST_USE;

/* Sentences get scores by the order in which the judge chooses them; their own, of an encoder,
 * count in it. NOMEM. */
int wf_lens__judge_sentences(const struct wf_lens_job *j, struct wf_lens_marks *io,
                             struct wf_err *err) WF_MUST_USE;

/* Appends to marks, which grow by doubling. NOMEM. */
int wf_lens__push(struct wf_lens_marks *io, struct wf_lens_mark m) WF_MUST_USE;

/* Fills start and end of marks that are in order, counting the text's code points once. */
void wf_lens__count_points(struct wf_str text, struct wf_lens_mark *marks, size_t n);

#endif
