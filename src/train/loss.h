/* Losses: what a forward's hidden states are held against, and what that asks of them.
 *
 * Each loss takes rows of hidden states (tokens, or means of several), gives the mean loss over
 * them and, when d_hidden is given, adds scale times the gradient of that mean to d_hidden and to
 * the gradients of the matrices it uses; wf_net_backward does the rest. Without d_hidden it only
 * measures. Matrices are tensors of the network: heads, by wf_net_find. Threads: owner of the
 * network. */
#ifndef WF_TRAIN_LOSS_H
#define WF_TRAIN_LOSS_H

#include "train/net.h"

/* Room for scores, used again by each call; grows to what the largest needed. */
struct wf_loss_room;
int wf_loss_room_new(struct wf_net *n, struct wf_loss_room **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_loss_room_free(struct wf_loss_room *r);

/* The forward that is held against something. */
struct wf_loss_of {
    const float *hidden; /* [n_tok, dim] */
    float *d_hidden;     /* [n_tok, dim], added to; NULL: only the loss */
    float scale;         /* of all gradients */
};

/* Row i is the hidden state of token from[i], or with `to` the mean of tokens [from[i], to[i]). */
struct wf_loss_rows {
    const uint32_t *from; /* [n] */
    const uint32_t *to;   /* [n], or NULL */
    size_t n;             /* at most the network's n_tokens_max */
};

struct wf_loss_result {
    double loss;    /* the mean */
    double weight;  /* how many rows (weights) that is over; 0: nothing had a target */
    size_t n_right; /* whose best score is the target's */
};

/* Which word stands there: logits by the network's output matrix (the embeddings where it has none
 * of its own), scaled and capped as the parameters say. In blocks of rows: the room stays below
 * some tens of megabytes. Errors: NOMEM. */
struct wf_loss_words {
    struct wf_loss_rows rows;
    const int32_t *targets;           /* [n] ids of the vocabulary */
    const struct wf_net_tensor *bias; /* [1, n_vocab]; NULL: none */
};
int wf_loss_words(struct wf_loss_room *r, const struct wf_loss_of *of,
                  const struct wf_loss_words *w, struct wf_loss_result *out,
                  struct wf_err *err) WF_MUST_USE;

/* A linear map of rows. */
struct wf_loss_head {
    const struct wf_net_tensor *weight; /* [n_labels, dim] */
    const struct wf_net_tensor *bias;   /* [1, n_labels]; NULL: none */
};

/* Which of a head's labels a row has. Errors: NOMEM. */
struct wf_loss_classes {
    struct wf_loss_rows rows;
    struct wf_loss_head head;
    const int32_t *targets; /* [n]; -1: none, the row does not count. NULL: all -1 */
    const float *weights;   /* [n] of rows; NULL: ones */
    float smoothing;        /* of the target's share, spread over all labels; 0: none */
    int32_t *out_best;      /* [n] the labels of the best scores; NULL: not wanted */
    float *out_probs;       /* [n, n_labels]; NULL: not wanted */
};
int wf_loss_classes(struct wf_loss_room *r, const struct wf_loss_of *of,
                    const struct wf_loss_classes *c, struct wf_loss_result *out,
                    struct wf_err *err) WF_MUST_USE;

/* Which labels a row has, each for itself (logistic). The loss is the mean over rows and labels
 * that have a target; n_right counts pairs of them on the right side of 0.5. Errors: NOMEM. */
struct wf_loss_binary {
    struct wf_loss_rows rows;
    struct wf_loss_head head;
    const float *targets; /* [n, n_labels] within [0, 1]; below 0: does not count. NULL: none */
    const float *weights; /* [n] of rows; NULL: ones */
    const float *label_weight; /* [n_labels] of what has a label (target 1); NULL: ones */
    float *out_probs;          /* [n, n_labels]; NULL: not wanted */
};
int wf_loss_binary(struct wf_loss_room *r, const struct wf_loss_of *of,
                   const struct wf_loss_binary *b, struct wf_loss_result *out,
                   struct wf_err *err) WF_MUST_USE;

/* Which row of a group it is, for each of a head's labels: softmax over the group's rows (where an
 * answer begins and ends; which sentence answers). Errors: NOMEM. */
struct wf_loss_pick {
    struct wf_loss_rows rows;
    struct wf_loss_head head;
    const uint32_t *starts; /* [n_groups + 1]: group g is rows [starts[g], starts[g + 1]) */
    size_t n_groups;
    const int32_t *targets; /* [n_groups, n_labels] place in the group, or -1; NULL: all -1 */
    float *out_probs;       /* [n, n_labels]; NULL: not wanted */
};
int wf_loss_pick(struct wf_loss_room *r, const struct wf_loss_of *of, const struct wf_loss_pick *p,
                 struct wf_loss_result *out, struct wf_err *err) WF_MUST_USE;

/* Which sequence of tags rows have: a linear-chain conditional random field (Lafferty, McCallum,
 * Pereira 2001). Where tags are unknown (-1), all that they may be count (at most 64 tags). The
 * loss is that of whole sequences over the number of rows; n_right counts rows of the best
 * sequence. Errors: NOMEM. */
#define WF_LOSS_TAGS_MAX 64u
struct wf_loss_crf {
    struct wf_loss_rows rows;
    struct wf_loss_head head;
    const struct wf_net_tensor *transitions; /* [n_tags from, n_tags to] */
    const uint32_t *starts;                  /* [n_sequences + 1], of all rows */
    size_t n_sequences;
    const int32_t *targets;  /* [n] or -1; NULL: all -1 (for out_best) */
    const uint64_t *allowed; /* [n] where a target is -1: bits of tags that may be; NULL: all */
    int32_t *out_best;       /* [n] the best sequences; NULL: not wanted, then n_right is 0 */
};
int wf_loss_crf(struct wf_loss_room *r, const struct wf_loss_of *of, const struct wf_loss_crf *c,
                struct wf_loss_result *out, struct wf_err *err) WF_MUST_USE;

/* Which texts belong together (InfoNCE; van den Oord, Li, Vinyals 2018): rows through a head, to
 * length 1; a[i] among b and `others`, and b[i] among a. With several dims the loss is the mean
 * over beginnings of so many values, each brought to length 1 (Kusupati et al. 2022). n_right
 * counts a's whose b is the nearest, by the first of dims. Errors: NOMEM. */
struct wf_loss_pairs {
    struct wf_loss_rows a, b;   /* the same n */
    struct wf_loss_rows others; /* more that belong to no a; n 0: none */
    struct wf_loss_head head;   /* weight NULL: rows as they are */
    float temperature;          /* what cosines are divided by */
    const uint32_t *groups;     /* [n] pairs of one group are not held against each other; NULL */
    const uint32_t *dims;       /* [n_dims]; n_dims 0: all */
    size_t n_dims;
};
int wf_loss_pairs(struct wf_loss_room *r, const struct wf_loss_of *of,
                  const struct wf_loss_pairs *p, struct wf_loss_result *out,
                  struct wf_err *err) WF_MUST_USE;

/* The embeddings of rows by such a head, of length 1: out [n, rows of the weight]. Errors: NOMEM.
 */
int wf_loss_embed(struct wf_loss_room *r, const float *hidden, const struct wf_loss_rows *rows,
                  const struct wf_loss_head *head, float *out, struct wf_err *err) WF_MUST_USE;

#endif
