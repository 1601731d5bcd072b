/* Why a request ran where it did, as JSON: what was decided, and what left this machine for it. */
#ifndef WF_OP_WHY_H
#define WF_OP_WHY_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

/* {"id","decision": as wf_route_record_json gives it, with "feedback": "good" or "bad"
 * where somebody said so, or null,"entries": the ledger's, oldest
 * first} of the request with that id (x-weft-route has it). `ledger` is its folder, `routes` the
 * decisions' log. *out is a new reference. Errors: INVAL (no id), NOENT (nothing is known of it),
 * CORRUPT, DENIED, IO, NOMEM. Thread: any. */
int wf_op_why_json(const char *ledger, const char *routes, struct wf_str id, json_t **out,
                   struct wf_err *err) WF_MUST_USE;

#endif
