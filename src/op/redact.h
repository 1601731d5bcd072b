/* Redacting whole texts: what the detectors find, by the policy. Thread rule: owner. */
#ifndef WF_OP_REDACT_H
#define WF_OP_REDACT_H

#include <jansson.h>

#include "op/texts.h"
#include "privacy/redact.h"

struct wf_redact_wish {
    const struct wf_policy *policy; /* NULL: everything found */
    const char *provider;           /* for whom: the name of a provider; NULL: any */
    const struct wf_target *target; /* ... or an engine, in its place; NULL: the provider */
    enum wf_operator op;            /* in place of the policy's; NONE: the policy's */
    bool all;                       /* also what the provider could see */
    /* Where the text number i of the texts comes from: one or several parts, of which source, name,
     * space and person count; the strictest operator of theirs is taken. NULL: the prompt. */
    const struct wf_context_part *(*sources)(void *ud, size_t i, size_t *out_n);
    void *ud;
    bool as_is; /* what is above its clearance stays, where nothing says to replace it: released */
};

/* Appends the text (valid UTF-8) as the provider may see it: what the policy says is to be replaced
 * is; what is above the provider's clearance, and nothing is said of, too. Errors: those of
 * wf_labeler_find and wf_redact. */
int wf_redact_found(struct wf_labeler *l, struct wf_redaction *r, struct wf_str text,
                    const struct wf_redact_wish *wish, struct wf_buf *out,
                    struct wf_err *err) WF_MUST_USE;

/* A JSON value with all its texts redacted so, and the names of its members; a text that is JSON
 * itself, an object or array (tools' arguments), is walked, too. What the detectors see is the text
 * that is meant, without escapes, and all of them together (op/texts.h). A number that is redacted
 * becomes a text. *out is a new reference. Errors: as above, LIMIT (nested deeper than
 * WF_LIMIT_NESTING), NOMEM. */
int wf_redact_value(struct wf_labeler *l, struct wf_redaction *r, const json_t *v,
                    const struct wf_redact_wish *wish, json_t **out,
                    struct wf_err *err) WF_MUST_USE;
/* The same of a value whose texts were read already. */
int wf_redact_texts(const struct wf_texts *texts, struct wf_redaction *r, const json_t *v,
                    const struct wf_redact_wish *wish, json_t **out,
                    struct wf_err *err) WF_MUST_USE;

/* {"text","map"} of a text, the map as wf_redaction_json gives it. *out is a new reference.
 * Errors: as above, NOMEM. */
int wf_redact_json(struct wf_labeler *l, struct wf_redaction *r, struct wf_str text,
                   const struct wf_redact_wish *wish, json_t **out, struct wf_err *err) WF_MUST_USE;

#endif
