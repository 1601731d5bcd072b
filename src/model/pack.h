/* Packing: a model's matrices laid out anew as the kernels like them best (kern/packed.h).
 *
 * They take the bytes that they took (with up to 31 rows more), in memory of the process and in
 * large pages, while the file's pages are let go. Matrices whose type does not suit stay where the
 * file is mapped, and so does everything when memory is short. Threads: the model's owner, before
 * there are runners. */
#ifndef WF_MODEL_PACK_H
#define WF_MODEL_PACK_H

#include <stddef.h>

#include "base/err.h"
#include "kern/kern.h"
#include "model/gguf.h"
#include "model/weights.h"

/* Packs what a table multiplies better so, by n_threads; `w` keeps the memory. Errors, all of
 * threads: NOMEM, BUSY, DENIED; the weights are then as before, as they are where the memory is
 * not to be had, which is no error. */
int wf_weights_pack(struct wf_weights *w, size_t n_layers, const struct wf_gguf *g,
                    const struct wf_kern *kern, size_t n_threads, struct wf_err *err) WF_MUST_USE;

#endif
