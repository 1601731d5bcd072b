/* Presidio, within: findings of a text, and recognizers that a request brings itself. Thread rule:
 * owner. */
#ifndef WF_OP_PRESIDIO_INTERNAL_H
#define WF_OP_PRESIDIO_INTERNAL_H

#include "op/presidio.h"

/* What a request may bring: more would be a program of its own. */
#define WF_PRESIDIO_RECOGNIZERS_MAX 64
#define WF_PRESIDIO_PATTERNS_MAX 256
#define WF_PRESIDIO_PATTERN_BYTES_MAX 4096
#define WF_PRESIDIO_DENIED_MAX 4096 /* words of one deny list */

struct wf_presidio_finding {
    size_t start, end; /* bytes */
    struct wf_str type;
    double score;
    struct wf_str by;  /* the recognizer's name; "weft" for the detectors */
    struct wf_str why; /* of the detectors; else the pattern's name */
    struct wf_str word;
};

struct wf_presidio_findings {
    struct wf_presidio_finding *items; /* [n] */
    size_t n, n_room;
};

/* Appends a copy. Errors: NOMEM, LIMIT (more than WF_LIMIT_PII). */
int wf_presidio__add(struct wf_presidio_findings *f, const struct wf_presidio_finding *one,
                     struct wf_err *err) WF_MUST_USE;

/* Appends what the request's own recognizers (an array, or NULL: none) find in the text. Types and
 * names are borrowed from it. Errors: INVAL (what is no recognizer, an expression that is wrong or
 * takes too long), NOMEM, LIMIT. */
int wf_presidio__own(const json_t *recognizers, struct wf_str text,
                     struct wf_presidio_findings *out, struct wf_err *err) WF_MUST_USE;

#endif
