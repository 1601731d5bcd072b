/* Rotary position embeddings: the angles, and the turning.
 *
 * Sources: Su et al. 2021 (RoPE); linear interpolation: Chen et al. 2023; YaRN: Peng et al. 2023;
 * long and short factors: Ding et al. 2024 (LongRoPE). Threads: any. */
#ifndef WF_MODEL_ROPE_H
#define WF_MODEL_ROPE_H

#include <stddef.h>

#include "model/params.h"

/* The angle that pair i turns by for each position, into out [n_rot / 2]; `factors` [n_rot / 2]
 * divides them, or is NULL. Returns the length that turned vectors are multiplied by. */
float wf_rope_frequencies(const struct wf_params *p, bool is_windowed, const float *factors,
                          double *out);

/* cos and sin of all pairs at `position`, times `length`: out [n_rot] f32, cos and sin in turn. */
void wf_rope_angles(const double *frequencies, size_t n_pairs, size_t position, float length,
                    float *out);

/* Turns n_heads vectors of head_dim that lie one behind the other, in place; the values of a head
 * behind n_rot stay. `angles` [n_rot] as wf_rope_angles gives. */
void wf_rope_turn(enum wf_rope_kind kind, const float *angles, size_t n_rot, size_t head_dim,
                  size_t n_heads, float *x);

#endif
