/* What an adapter holds, for the transformer. Threads: any, once loaded. */
#ifndef WF_MODEL_ADAPTER_INTERNAL_H
#define WF_MODEL_ADAPTER_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "kern/dtype.h"
#include "model/adapter.h"
#include "model/weights.h"

/* B [n_out, rank] and A [rank, n_in] beside one matrix of the model. For embeddings A is
 * [n_vocab, rank]: a token's row. */
struct wf_adapter_pair {
    const struct wf_matrix *target; /* the model's; the array of pairs is sorted by it */
    const struct wf_dtype *a_format, *b_format;
    const uint8_t *a, *b; /* mapped; of a matrix of experts those of the first */
    uint32_t rank;
    size_t a_row_bytes, b_row_bytes;
    size_t a_expert_bytes, b_expert_bytes; /* from one expert to the next; 0: no experts */
};

struct wf_adapter {
    const struct wf_model *model;
    struct wf_gguf *gguf;
    float alpha;                   /* 0: none stated, then scales are taken as they are */
    struct wf_adapter_pair *pairs; /* [n_pairs] */
    size_t n_pairs;
    size_t n_pairs_cap;
};

/* The pair of that matrix, or NULL. */
const struct wf_adapter_pair *wf_adapter__find(const struct wf_adapter *a,
                                               const struct wf_matrix *target);

/* What B A is multiplied by. */
float wf_adapter__scale(const struct wf_adapter_use *use, const struct wf_adapter_pair *p);

#endif
