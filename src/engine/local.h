/* Local: the built-in engine, the models of this machine.
 *
 * Models are loaded when they are first asked for and let go some time after their last use, or
 * when another needs their memory. Threads: any. */
#ifndef WF_ENGINE_LOCAL_H
#define WF_ENGINE_LOCAL_H

#include "engine/engine.h"
#include "engine/model_store.h"
#include "engine/settings.h"

/* Makes an engine over a store, which must outlive it; settings are copied. *out is owned by the
 * caller, until wf_engine_free. Errors: NOMEM, BUSY (no room for a thread). */
int wf_local_engine_new(struct wf_model_store *store, const struct wf_model_settings *settings,
                        struct wf_engine **out, struct wf_err *err) WF_MUST_USE;

#endif
