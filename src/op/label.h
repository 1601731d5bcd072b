/* Labels of texts, as JSON: what weft label prints and the HTTP interface answers.
 *
 * A labeler has a detector's run, the policy and, where there is one, the lens. Threads: owner; one
 * labeler a thread. */
#ifndef WF_OP_LABEL_H
#define WF_OP_LABEL_H

#include <jansson.h>

#include "engine/lens.h"
#include "privacy/detect.h"
#include "privacy/policy.h"

struct wf_labeler;

struct wf_labeler_options {
    const struct wf_detector *detector; /* borrowed */
    const struct wf_policy *policy;     /* borrowed; NULL: everything is secret */
    struct wf_lens_pool *lens;          /* borrowed; NULL: patterns alone */
};

/* *out is owned by the caller. Errors: NOMEM. */
int wf_labeler_new(const struct wf_labeler_options *o, struct wf_labeler **out,
                   struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_labeler_free(struct wf_labeler *l);

/* What is in a text: by place, and behind those what the whole is about (without a place). Borrowed
 * until the labeler's next text. */
struct wf_labeled {
    const struct wf_pii *all; /* [n + n_topics] */
    size_t n, n_topics;
};

/* Errors: those of wf_detect_scan and wf_names_find. */
int wf_labeler_find(struct wf_labeler *l, struct wf_str text, struct wf_labeled *out,
                    struct wf_err *err) WF_MUST_USE;
/* The same with what is known of the text already, each with its place there. */
int wf_labeler_find_more(struct wf_labeler *l, struct wf_str text, struct wf_pii_list more,
                         struct wf_labeled *out, struct wf_err *err) WF_MUST_USE;
/* By patterns alone. Errors: those of wf_detect_scan. */
int wf_labeler_scan(struct wf_labeler *l, struct wf_str text, struct wf_pii_list *out,
                    struct wf_err *err) WF_MUST_USE;

/* {"label", "spans": [{"start", "end", "type", "score", "text", "reason"}], "topics": [{"type",
 * "score"}]} of a text (valid UTF-8), positions in code points. *out is a new reference. Errors:
 * those of wf_detect_scan and wf_names_find. */
int wf_labeler_run(struct wf_labeler *l, struct wf_str text, json_t **out,
                   struct wf_err *err) WF_MUST_USE;

#endif
