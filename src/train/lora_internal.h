/* What training an adapter and writing it share. Threads: owner. */
#ifndef WF_TRAIN_LORA_INTERNAL_H
#define WF_TRAIN_LORA_INTERNAL_H

#include "model/vocab.h"
#include "train/lora.h"

struct wf_lora {
    struct wf_lora_options o; /* filled up */
    struct wf_gguf *gguf;
    struct wf_params params;
    struct wf_weights weights;
    struct wf_vocab *vocab;
    struct wf_ids ids;    /* of all pieces */
    uint32_t *starts;     /* [n_pieces + 1] */
    size_t n_pieces, cap; /* of starts */
    struct wf_net *net;   /* NULL before it trains */
};

#endif
