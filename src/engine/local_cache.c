/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of a text out of the built-in engine, and into it: see local.h. */
#include "engine/local_internal.h"

static struct wf_local *of(struct wf_engine *local)
{
    return WF_CONTAINER(local, struct wf_local, base);
}

int wf_local_cache_shape(struct wf_engine *local, const char *model, const struct wf_load *load,
                         struct wf_cache_shape *out, struct wf_err *err)
{
    struct wf_local_use use;
    int rc = wf_local__acquire(of(local), model, load, &use, err);

    if (rc != 0)
        return rc;
    *out = (struct wf_cache_shape){.page_tokens = wf_sched_page_tokens(),
                                   .page_bytes = wf_sched_page_bytes(use.loaded->sched),
                                   .head_bytes = WF_SCHED_PIECE_HEAD,
                                   .read_rate = wf_sched_read_rate(use.loaded->sched)};
    wf_local__release(of(local), use.loaded);
    return 0;
}

int wf_local_cache_known(struct wf_engine *local, const struct wf_gen_point *at, size_t *out_n,
                         struct wf_err *err)
{
    struct wf_local_use use;
    int rc = wf_local__acquire(of(local), at->model, NULL, &use, err);

    if (rc != 0)
        return rc;
    rc = wf_sched_cache_known(use.loaded->sched, at->ids, at->n_ids, out_n, err);
    wf_local__release(of(local), use.loaded);
    return rc;
}

int wf_local_cache_read(struct wf_engine *local, const struct wf_gen_point *at, size_t first,
                        size_t n_pages, struct wf_buf *out, struct wf_err *err)
{
    struct wf_local_use use;
    int rc = wf_local__acquire(of(local), at->model, NULL, &use, err);

    if (rc != 0)
        return rc;
    rc = wf_sched_cache_read(use.loaded->sched, at->ids, at->n_ids, first, n_pages, out, err);
    wf_local__release(of(local), use.loaded);
    return rc;
}

int wf_local_cache_write(struct wf_engine *local, const struct wf_gen_point *at, size_t first,
                         struct wf_str piece, size_t *out_n, struct wf_err *err)
{
    struct wf_local_use use;
    int rc = wf_local__acquire(of(local), at->model, NULL, &use, err);

    if (rc != 0)
        return rc;
    rc = wf_sched_cache_write(use.loaded->sched, at->ids, at->n_ids, first, piece, out_n, err);
    wf_local__release(of(local), use.loaded);
    return rc;
}
