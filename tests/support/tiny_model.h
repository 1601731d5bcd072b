/* Tiny models: GGUF files of any family with seeded random weights, built in memory.
 *
 * The same weights come out on every machine: integers from a 64-bit generator, scaled by powers of
 * two. tests/vectors/families.txt holds what a reference engine computes from them. */
#ifndef WF_TESTS_TINY_MODEL_H
#define WF_TESTS_TINY_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define TINY_VOCAB 512
#define TINY_DIM 128
#define TINY_IDS 48

/* The i-th model's name ("llama", "gemma3", "phi3-long", ...); NULL behind the last. */
const char *tiny_model_name(size_t i);

/* Builds the model of that name at the end of `out`. */
void tiny_model_build(const char *name, struct wf_buf *out);

/* The token ids that all vectors are of: (37 i + 11) mod 500. */
void tiny_model_ids(int32_t ids[TINY_IDS]);

#endif
