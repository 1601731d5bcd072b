/* Local: the built-in engine, the models of this machine.
 *
 * Models are loaded when they are first asked for and let go some time after their last use, or
 * when another needs their memory. Threads: any. */
#ifndef WF_ENGINE_LOCAL_H
#define WF_ENGINE_LOCAL_H

#include "base/buf.h"
#include "engine/engine.h"
#include "engine/model_store.h"
#include "engine/settings.h"
#include "os/power.h"

/* Makes an engine over a store, which must outlive it; settings are copied. *out is owned by the
 * caller, until wf_engine_free. Errors: NOMEM, BUSY (no room for a thread). */
int wf_local_engine_new(struct wf_model_store *store, const struct wf_model_settings *settings,
                        struct wf_engine **out, struct wf_err *err) WF_MUST_USE;

/* On battery its models are to use no more threads for writing than memory needs; `power` is
 * borrowed until wf_engine_free. Before its first request. */
void wf_local_engine_power(struct wf_engine *local, const struct wf_power *power);

/* ---- the cache of a text that moves to another device with the same model (op/moving.h);
 * `local` is one of wf_local_engine_new ---- */

/* What is to be known to ask for pieces: tokens and bytes of a page, bytes before a piece's pages,
 * and how many tokens of a prompt the model reads in a second (0: not known). */
struct wf_cache_shape {
    size_t page_tokens, page_bytes, head_bytes;
    double read_rate;
};
/* Loads the model where needed. Errors: as wf_engine_generate. */
int wf_local_cache_shape(struct wf_engine *local, const char *model, const struct wf_load *load,
                         struct wf_cache_shape *out, struct wf_err *err) WF_MUST_USE;
/* As wf_sched_cache_known, _read and _write, of the text at a point; and their errors and
 * those of loading the model. */
int wf_local_cache_known(struct wf_engine *local, const struct wf_gen_point *at, size_t *out_n,
                         struct wf_err *err) WF_MUST_USE;
int wf_local_cache_read(struct wf_engine *local, const struct wf_gen_point *at, size_t first,
                        size_t n_pages, struct wf_buf *out, struct wf_err *err) WF_MUST_USE;
int wf_local_cache_write(struct wf_engine *local, const struct wf_gen_point *at, size_t first,
                         struct wf_str piece, size_t *out_n, struct wf_err *err) WF_MUST_USE;

#endif
