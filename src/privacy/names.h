/* Names: what the embedded model (engine/lens.h) finds in a text that has no fixed form: people,
 * organisations, places, dates, addresses, illnesses; and what the whole of it is about.
 *
 * The detector takes them beside its own (wf_detect_scan's `more`). Threads: any. */
#ifndef WF_PRIVACY_NAMES_H
#define WF_PRIVACY_NAMES_H

#include "engine/lens.h"
#include "privacy/detect.h"

struct wf_names {
    struct wf_pii *items; /* [n] by place; for wf_detect_scan */
    size_t n;
    struct wf_pii *topics; /* [n_topics] TOPIC_HEALTH and the like, of the whole text */
    size_t n_topics;
};

/* Asks the lens about a text (valid UTF-8, any length: it is asked part by part). *out is owned by
 * the caller, until wf_names_deinit. Errors: those of wf_lens_pool_run; NOMEM. */
int wf_names_find(struct wf_lens_pool *pool, struct wf_str text, struct wf_names *out,
                  struct wf_err *err) WF_MUST_USE;
/* Safe on a zeroed one, and twice. */
void wf_names_deinit(struct wf_names *n);

#endif
