/* What the files of the remote engine share. Only op/remote*.c include this. */
#ifndef WF_OP_REMOTE_INTERNAL_H
#define WF_OP_REMOTE_INTERNAL_H

#include "op/label.h"
#include "op/remote.h"
#include "privacy/redact.h"

/* What becomes of a request before it goes. */
struct wf_remote_cleared {
    struct wf_gen_request q;           /* redacted; points into the original and into the below */
    json_t *messages, *tools, *schema; /* owned */
    struct wf_redaction *redaction;    /* owned */
    enum wf_label label;               /* of what goes */
    struct wf_airlock_count counts[WF_AIRLOCK_COUNTS_MAX];
    size_t n_counts, n_redacted;
};

/* Labels and redacts a chat for an engine. *out is freed by wf_remote__cleared_free, also after an
 * error. Errors: DENIED (the policy keeps it: the sentence says what and by which rule), those of
 * the detectors, NOMEM. */
int wf_remote__clear(const struct wf_remote_options *o, const struct wf_engine_entry *engine,
                     const struct wf_gen_request *q, struct wf_remote_cleared *out,
                     struct wf_err *err) WF_MUST_USE;
void wf_remote__cleared_free(struct wf_remote_cleared *c);

#endif
