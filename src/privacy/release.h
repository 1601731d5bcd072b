/* Release: a person lowers the label of one request, once, knowing it. A release names who, when,
 * what (a digest of the very texts), for which engine, from which label to which, and why; it fits
 * nothing else, and it is kept in the ledger. It never goes below what a `never` sentence of the
 * policy forbids, and never opens what is secret. Thread rule: any. */
#ifndef WF_PRIVACY_RELEASE_H
#define WF_PRIVACY_RELEASE_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "privacy/policy.h"

#define WF_RELEASE_DIGEST_BYTES 32
#define WF_RELEASE_REASON_BYTES_MAX 1000
/* A release is for now: what was agreed to long ago may no longer be meant. */
#define WF_RELEASE_MS_MAX (10 * 60 * 1000)

struct wf_release {
    struct wf_str who;
    int64_t when_ms; /* wall clock */
    uint8_t what[WF_RELEASE_DIGEST_BYTES];
    struct wf_str engine; /* name of the target */
    enum wf_label from, to;
    struct wf_str reason; /* the person's own words */
};

/* The digest (BLAKE2b-256) of texts in their order; where one ends counts. */
void wf_release_digest(const struct wf_str *texts, size_t n_texts,
                       uint8_t out[WF_RELEASE_DIGEST_BYTES]);

/* What tells releases apart: a digest of all that is in one. */
void wf_release_id(const struct wf_release *r, uint8_t out[WF_RELEASE_DIGEST_BYTES]);

/* Whether a release is one for these very bytes and this engine, now: all that can be said without
 * knowing what the bytes came from. Errors: INVAL and DENIED as below. */
int wf_release_check(const struct wf_release *r, struct wf_str engine,
                     const uint8_t what[WF_RELEASE_DIGEST_BYTES], int64_t now_ms,
                     struct wf_err *err) WF_MUST_USE;

/* Whether the policy lets it be given: of parts whose gate for the target was closed with
 * `gate`, and whatever a second look found in them. The label that was found may be lower than the
 * release's `from` (fewer detectors), not higher. Errors: DENIED (says by which sentence). */
int wf_release_admit(const struct wf_policy *p, const struct wf_context_part *parts, size_t n_parts,
                     const struct wf_target *target, const struct wf_release *release,
                     const struct wf_gate *gate, struct wf_err *err) WF_MUST_USE;

/* Opens the gate by a release, where the policy lets that person do so: *io_gate is what
 * wf_policy_gate said of these parts and this target, `what` the digest of what would go, now_ms
 * the wall clock. On success the gate's label is the release's. Errors, the gate then unchanged:
 * INVAL (not lower, no name or reason, too long), DENIED (of other texts, for another engine, too
 * old, from another label than the texts have, of what is secret, forbidden by the policy: says by
 * which sentence). */
int wf_release_apply(const struct wf_policy *p, const struct wf_context_part *parts, size_t n_parts,
                     const struct wf_target *target, const struct wf_release *release,
                     const uint8_t what[WF_RELEASE_DIGEST_BYTES], int64_t now_ms,
                     struct wf_gate *io_gate, struct wf_err *err) WF_MUST_USE;

/* {"id","who","when","what","engine","from","to","reason"}: when in milliseconds, what and id in
 * hex; the id is a digest of all the rest, so that one release is seen to be used once. New
 * reference; NULL: no memory, or texts that are no UTF-8. */
json_t *wf_release_json(const struct wf_release *r) WF_MUST_USE;

#endif
