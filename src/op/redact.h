/* Redacting whole texts: what the detectors find, by the policy. Thread rule: owner. */
#ifndef WF_OP_REDACT_H
#define WF_OP_REDACT_H

#include <jansson.h>

#include "op/label.h"
#include "privacy/redact.h"

struct wf_redact_wish {
    const struct wf_policy *policy; /* NULL: everything found */
    const char *provider;           /* for whom: the name of a provider; NULL: any */
    enum wf_operator op;            /* in place of the policy's; NONE: the policy's */
    bool all;                       /* also what the provider could see */
};

/* Appends the text (valid UTF-8) as the provider may see it: what the policy says is to be replaced
 * is; what is above the provider's clearance, and nothing is said of, too. Errors: those of
 * wf_labeler_find and wf_redact. */
int wf_redact_found(struct wf_labeler *l, struct wf_redaction *r, struct wf_str text,
                    const struct wf_redact_wish *wish, struct wf_buf *out,
                    struct wf_err *err) WF_MUST_USE;

/* {"text","map"}: the same as JSON, the map as wf_redaction_json gives it. *out is a new reference.
 * Errors: as above, NOMEM. */
int wf_redact_json(struct wf_labeler *l, struct wf_redaction *r, struct wf_str text,
                   const struct wf_redact_wish *wish, json_t **out, struct wf_err *err) WF_MUST_USE;

#endif
