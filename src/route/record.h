/* Record: a decision as it is kept and told: the candidates with their estimates and barriers, the
 * choice, and afterwards what it was like. Pure functions write the x-weft-route header and one
 * line of JSON; a log keeps lines in a file that is bounded, for `weft why ID`.
 *
 * Nothing of a request's text is in it: names of engines, numbers, a label.
 *
 * The log: a line of JSON each, appended whole; once it has WF_ROUTE_LOG_BYTES the file becomes
 * PATH.1 in place of the one before. A torn last line is passed over.
 *
 * Threads: any; a log's file has one writer at a time. */
#ifndef WF_ROUTE_RECORD_H
#define WF_ROUTE_RECORD_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "route/experience.h"
#include "route/route.h"

#define WF_ROUTE_ID_BYTES 64u
#define WF_ROUTE_LOG_BYTES (1u << 20)
/* A header: proxies take 8 kB for all of them. */
#define WF_ROUTE_HEADER_BYTES 512u

struct wf_route_record {
    struct wf_str id; /* the request's: letters, digits, '-', '_', '.' */
    int64_t at_ms;    /* since 1970 */
    const struct wf_route_request *request;
    const struct wf_candidate *candidates; /* [decision->n] */
    const struct wf_decision *decision;
    /* Afterwards: where it ran at last, and how it was; NULL: not known yet. */
    const struct wf_outcome *outcome;
    size_t ran; /* a candidate; WF_ROUTE_NONE: nowhere */
    double cost;
};

/* Appends the header's value: ENGINE; ENGINE/MODEL (of this device: local; MODEL); label=, tier=,
 * why=, ttft=, total= (ms), allowed=N/N, id=. Printable ASCII only, at most WF_ROUTE_HEADER_BYTES.
 * Errors: the buffer's. */
int wf_route_header(const struct wf_route_record *r, struct wf_buf *out) WF_MUST_USE;

/* The record as an object: {"id", "at_ms", "label", "kind", "balance", "prompt_tokens",
 * "candidates": [{"engine", "model", "tier", "allowed", "why", "ttft_ms", "total_ms", "quality",
 * "energy_j", "cost", "utility", "params": weights, where known}], "hard": log odds of a small and
 * a large model, "chosen", "explored", "actual": {"engine", "failed", "ttft_ms", "total_ms",
 * "tokens", "energy_j", "cost"} or null}; engines as ENGINE/MODEL. A new reference; NULL out of
 * memory, or where a name is no UTF-8. */
json_t *wf_route_record_json(const struct wf_route_record *r) WF_MUST_USE;

/* The request and the candidate that answered it, out of such an object, as far as learning how
 * good the answer was needs them; both borrow from it. Errors: NOENT (nobody answered), FORMAT. */
int wf_route_record_answered(const json_t *record, struct wf_route_request *out_q,
                             struct wf_candidate *out_c, struct wf_err *err) WF_MUST_USE;

/* Whether it could be an id. */
bool wf_route_id_is_valid(struct wf_str id) WF_MUST_USE;

/* Appends a record's line. Errors: INVAL (the id), NOMEM, IO, DENIED, FULL. */
int wf_route_log_append(const char *path, const struct wf_route_record *r,
                        struct wf_err *err) WF_MUST_USE;

/* The latest record of an id ("" : of all); *out is a new reference. Errors: NOENT (none is kept),
 * INVAL (no id), NOMEM, IO, DENIED. */
int wf_route_log_find(const char *path, struct wf_str id, json_t **out,
                      struct wf_err *err) WF_MUST_USE;

/* What somebody found an answer to be; a line {"rated": ID, "good", "at_ms"} of its own. The latest
 * of an id counts. Errors: as wf_route_log_append; NOENT (nobody has said anything). */
int wf_route_log_rate(const char *path, struct wf_str id, bool is_good, int64_t at_ms,
                      struct wf_err *err) WF_MUST_USE;
int wf_route_log_rated(const char *path, struct wf_str id, bool *out_good,
                       struct wf_err *err) WF_MUST_USE;

#endif
