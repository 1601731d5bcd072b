/* What the parts of fitting static vectors share. Thread rule: owner. */
#ifndef WF_TRAIN_TOKEN_VECTORS_INTERNAL_H
#define WF_TRAIN_TOKEN_VECTORS_INTERNAL_H

#include "kern/gemm.h"
#include "model/lens.h"
#include "model/lens_static.h"
#include "train/task_embed_internal.h"
#include "train/token_vectors.h"

/* ---- the table (vectors_table.c) ---- */

struct wf_token_vectors__table {
    size_t n_tokens, width;
    unsigned bits;
    bool is_rounded; /* texts are summed of rows as they will be stored */
    float *rows;     /* [n_tokens, width] what learns */
    float *rounded;  /* [n_tokens, width] as stored */
    float *grads;    /* [n_tokens, width] */
    float *squares;  /* [n_tokens, width] sums of squared gradients */
    uint8_t *is_touched;
    uint32_t *touched; /* [n_tokens] tokens that have a gradient */
    size_t n_touched;
};

/* *out is the caller's until deinit. Errors: NOMEM. */
int wf_token_vectors__table_init(struct wf_token_vectors__table *out, size_t n_tokens, size_t width,
                                 unsigned bits, struct wf_err *err) WF_MUST_USE;
/* Safe on a zeroed one, and twice. */
void wf_token_vectors__table_deinit(struct wf_token_vectors__table *t);

/* First rows: what the encoder knows of a token (embeddings [n_tokens, dim], through a random map)
 * and something random of its own; common tokens (counts [n_tokens]) short. Errors: NOMEM. */
int wf_token_vectors__begin_rows(struct wf_token_vectors__table *t, const float *embeddings,
                                 size_t dim, const double *counts, uint64_t seed,
                                 struct wf_err *err) WF_MUST_USE;

/* From now on texts are summed of rounded rows. */
void wf_token_vectors__round(struct wf_token_vectors__table *t);
/* One row, as it is stored, to out [width]: codes' levels times the size that is returned. */
float wf_token_vectors__round_row(const struct wf_token_vectors__table *t, const float *row,
                                  float *out);
/* What the texts are summed of now. */
const float *wf_token_vectors__row(const struct wf_token_vectors__table *t, int32_t token);
/* Adds to a token's gradient. */
void wf_token_vectors__touch(struct wf_token_vectors__table *t, int32_t token, const float *grad);
/* Moves what was touched against its gradient (AdaGrad), and forgets the gradients. */
void wf_token_vectors__move(struct wf_token_vectors__table *t, float rate);

/* The table as it is stored; what `out` points to is the caller's (wf_token_vectors__unpack).
 * Errors: NOMEM. */
int wf_token_vectors__pack(const struct wf_token_vectors__table *t, float share,
                           struct wf_lens_static_parts *out, struct wf_err *err) WF_MUST_USE;
/* Frees what pack made; safe on a zeroed one. */
void wf_token_vectors__unpack(struct wf_lens_static_parts *p);
/* A copy of a lens file with these parts. Errors: of the writer. */
int wf_token_vectors__write(const struct wf_gguf *from, const struct wf_lens_static_parts *p,
                            const char *path, struct wf_err *err) WF_MUST_USE;

/* ---- steps (vectors_step.c) ---- */

struct wf_token_vectors__steps {
    struct wf_embed *e;
    struct wf_token_vectors__table *t;
    struct wf_gemm_room *room;
    float *u, *du;         /* [cap_rows, width] vectors, and the gradients of their sums */
    float *lengths;        /* [cap_rows] */
    float *sums, *columns; /* [cap_rows] of exponentials: of a's rows, of b's columns */
    float *scores;         /* [cap_scores] */
    uint8_t *is_kept;      /* [tokens of a batch] */
    size_t cap_rows, cap_scores;
    uint64_t draw;
};

/* *out is the caller's until deinit; e and t are borrowed until then. Errors: NOMEM. */
int wf_token_vectors__steps_init(struct wf_token_vectors__steps *out, struct wf_embed *e,
                                 struct wf_token_vectors__table *t, uint64_t seed,
                                 struct wf_err *err) WF_MUST_USE;
void wf_token_vectors__steps_deinit(struct wf_token_vectors__steps *s);
/* Learns from the next batch; its mean loss and its pairs. Errors: of the task's next; NOMEM. */
int wf_token_vectors__step(struct wf_token_vectors__steps *s, float rate, double *out_loss,
                           size_t *out_n, struct wf_err *err) WF_MUST_USE;

/* ---- measuring (vectors_exam.c) ---- */

struct wf_token_vectors__exam;

/* What measures the table's parts beside the encoder of a lens; all borrowed until it is freed.
 * Errors: those of the runner, FORMAT (a lens without embeddings). */
int wf_token_vectors__exam_new(struct wf_embed *e, const struct wf_lens *lens,
                               const struct wf_gguf *file, struct wf_token_vectors__exam **out,
                               struct wf_err *err) WF_MUST_USE;
void wf_token_vectors__exam_free(struct wf_token_vectors__exam *x);

enum wf_token_vectors__who {
    WF_TOKEN_VECTORS__ENCODER,
    WF_TOKEN_VECTORS__TABLE,
    WF_TOKEN_VECTORS__BOTH,
};
/* Figures (wf_embed__figures) of one of them. Errors: of the runner; FORMAT, NOMEM. */
int wf_token_vectors__examine(struct wf_token_vectors__exam *x,
                              const struct wf_lens_static_parts *p, enum wf_token_vectors__who who,
                              double *out, struct wf_err *err) WF_MUST_USE;

#endif
