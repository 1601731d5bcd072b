/* What the parts of making synthetic models share. Threads: owner. */
#ifndef WF_MODEL_SYNTH_INTERNAL_H
#define WF_MODEL_SYNTH_INTERNAL_H

#include <stdio.h>

#include "model/synth.h"

struct wf_synth_tensor {
    char name[WF_SYNTH_NAME_BYTES];
    const struct wf_dtype *type;
    uint64_t dims[2]; /* dims[1] 0: a vector */
    float centre, spread;
};

struct wf_synth_maker {
    const struct wf_synth_shape *shape;
    const struct wf_mix *mix;
    struct wf_mix_model model;
    const struct wf_progress *progress;
    struct wf_gguf_writer *w;
    struct wf_synth_tensor *tensors; /* [TENSORS_MAX] */
    size_t n_tensors;
    float *values;  /* [POOL_VALUES] */
    uint8_t *pool;  /* the same, packed */
    uint8_t *out;   /* [OUT_BYTES] */
    uint64_t state; /* of the random numbers */
    uint64_t done;  /* bytes */
    struct wf_err *err;
};

/* Announces a tensor (n1 0: a vector) with values around `centre`; a matrix whose outputs are as
 * large as its inputs. layer -1: of no layer. */
void wf_synth__add(struct wf_synth_maker *s, int layer, const char *name, uint64_t n0, uint64_t n1,
                   float centre, float spread);
void wf_synth__add_matrix(struct wf_synth_maker *s, int layer, const char *name, uint64_t n0,
                          uint64_t n1);

/* Puts the vocabulary of n_vocab tokens: with a chat template, or lens's. Errors: NOMEM. */
int wf_synth__vocab(struct wf_gguf_writer *w, uint32_t n_vocab, bool is_lens,
                    struct wf_err *err) WF_MUST_USE;

/* A lens's heads: the i-th one's tensor [*out_n, dim], false behind the last; and the labels of
 * all. */
bool wf_synth__lens_head(size_t i, char out_name[WF_SYNTH_NAME_BYTES], uint32_t *out_n);
void wf_synth__lens_labels(struct wf_gguf_writer *w);

/* What BERT has instead: tensors, metadata, a WordPiece vocabulary. Errors: NOMEM. */
void wf_synth__bert_tensors(struct wf_synth_maker *s);
void wf_synth__bert_metadata(struct wf_gguf_writer *w);
int wf_synth__bert_vocab(struct wf_gguf_writer *w, uint32_t n_vocab,
                         struct wf_err *err) WF_MUST_USE;

#endif
