/* Lens embedder: the lens as what makes vectors (find/embedder.h). */
#ifndef WF_FIND_LENS_EMBEDDER_H
#define WF_FIND_LENS_EMBEDDER_H

#include "find/embedder.h"

struct wf_lens_pool;

/* An embedder that asks `pool`, which is borrowed. */
struct wf_embedder wf_lens_embedder(struct wf_lens_pool *pool);

/* The same, and UNSUPPORTED unless the lens' file has weights for searching: they are stored when
 * it was found to search better than words alone (bench/bench_hybrid -f -w). */
struct wf_embedder wf_lens_embedder_fitted(struct wf_lens_pool *pool);

#endif
