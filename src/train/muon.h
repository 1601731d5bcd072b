/* Muon: steps of matrices along their momentum made orthogonal.
 *
 * For the hidden matrices of a network: the momentum of the gradient is replaced by the nearest
 * (semi-)orthogonal matrix, so that all directions learn alike; embeddings, norms and heads stay
 * with AdamW. The step is scaled by 0.2 sqrt(longer side), which gives it AdamW's usual length, so
 * that both share one learning rate and one decay.
 *
 * Source: K. Jordan and others, "Muon: an optimizer for hidden layers in neural networks" (2024);
 * the scale from J. Liu and others, "Muon is scalable for LLM training" (2025). Threads: owner. */
#ifndef WF_TRAIN_MUON_H
#define WF_TRAIN_MUON_H

#include <stddef.h>

#include "base/err.h"
#include "kern/gemm.h"
#include "os/gang.h"

struct wf_muon;

/* Workshop for matrices of at most n_values numbers, the shorter side at most side_max. *out is
 * owned by the caller. Errors: NOMEM. */
int wf_muon_new(size_t n_values, size_t side_max, struct wf_muon **out,
                struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_muon_free(struct wf_muon *m);

struct wf_muon_step {
    float *value;      /* [rows, cols] what learns */
    const float *grad; /* the same shape */
    float *momentum;   /* the same shape, kept between steps; zeros at first */
    size_t rows, cols;
    float grad_scale; /* the gradient is multiplied by it (clipping) */
    float rate, decay, beta;
};

/* One step of one matrix. A gradient of zeros only decays. */
void wf_muon_apply(struct wf_muon *m, struct wf_gemm_room *room, struct wf_gang *gang,
                   enum wf_gemm_kind kind, const struct wf_muon_step *s);

#endif
