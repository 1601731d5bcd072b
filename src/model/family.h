/* Families: what tells the transformers of the world apart, as rows of one table.
 *
 * A row says only what a model file does not say itself: biases, fused matrices, norms of queries
 * and keys, experts and attention sinks are recognised by their tensors, numbers come from the
 * metadata. Adding a family adds a row. Threads: any. */
#ifndef WF_MODEL_FAMILY_H
#define WF_MODEL_FAMILY_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/* Which values of a head turn together: neighbours (2i, 2i+1), or the halves (i, i + n/2). */
enum wf_rope_kind {
    WF_ROPE_NONE,
    WF_ROPE_PAIRS,
    WF_ROPE_HALVES,
};

/* What stands between the two matrices of a feed-forward layer. */
enum wf_ffn_kind {
    WF_FFN_SILU,    /* silu(gate) * up */
    WF_FFN_GELU,    /* gelu(gate) * up, or gelu(up) where there is no gate */
    WF_FFN_CLAMPED, /* gpt-oss: clamped gate, sigmoid of 1.702 gate, (up + 1) */
};

#define WF_FAMILY_ENCODER (1u << 0)      /* sees the whole text, no cache; norms behind layers */
#define WF_FAMILY_EMBED_SQRT (1u << 1)   /* embeddings times sqrt(width) */
#define WF_FAMILY_SOFT_CAPS (1u << 2)    /* scores and logits capped, by default 50 and 30 */
#define WF_FAMILY_EXPERTS_LATE (1u << 3) /* experts' weights: softmax over the chosen only */
#define WF_FAMILY_FFN_POST (1u << 4)     /* post_attention_norm is the feed-forward's own norm */
#define WF_FAMILY_SCALES (1u << 5)       /* embedding, residual, attention and logit scales */
#define WF_FAMILY_CONV (1u << 6)         /* layers without KV heads are short convolutions */
#define WF_FAMILY_NO_WINDOW (1u << 7)    /* a sliding window in the file is not used */
#define WF_FAMILY_BOTH_WAYS (1u << 8)    /* sees the whole text, no cache; else as a decoder */

struct wf_family {
    const char *name; /* general.architecture */
    enum wf_rope_kind rope;
    enum wf_ffn_kind ffn;
    unsigned flags;
    unsigned window_period;  /* every n-th layer sees everything, the others a window; 0: none do */
    unsigned window_default; /* positions, where the file is silent */
    unsigned no_rope_period; /* every n-th layer does not turn; 0: all do */
    unsigned layers_27b;     /* gemma: the size whose scores are scaled by width / heads */
};

/* Whether a token sees the whole text: such families keep no cache and write nothing. */
bool wf_family_sees_all(const struct wf_family *f);

/* The row of that name, or NULL. */
const struct wf_family *wf_family_by_name(struct wf_str name);

/* Fills err with "... is not supported" and the list of what is; returns WF_E_UNSUPPORTED. */
int wf_family_refuse(struct wf_str name, struct wf_err *err);

#endif
