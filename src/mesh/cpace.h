/* CPace: two parties that know the same short password agree on a key, and nobody who does not know
 * it learns more than whether one guess was right (draft-irtf-cfrg-cpace-21, suite
 * CPACE-RISTR255-SHA512, initiator and responder). A guess costs a run with an honest party; what
 * was listened to helps nobody to guess on his own machine.
 *
 *   initiator                                  responder
 *      begin -> share A ------------------------> finish
 *      finish <------------------------ share B <- begin
 *      confirm -> tag A ------------------------> is_confirmed
 *      is_confirmed <-------------------- tag B <- confirm
 *
 * The key is of use only behind is_confirmed. How often somebody may try is the caller's business.
 * Nothing is allocated; comparisons take the same time whatever is compared. Thread rule: any. */
#ifndef WF_MESH_CPACE_H
#define WF_MESH_CPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/str.h"

#define WF_CPACE_SHARE_BYTES 32
#define WF_CPACE_KEY_BYTES 64
#define WF_CPACE_TAG_BYTES 64

struct wf_cpace {
    uint8_t share[WF_CPACE_SHARE_BYTES]; /* what the other side is sent */
    uint8_t _scalar[32];
};

/* What both sides must know alike; each may be empty but the password. */
struct wf_cpace_input {
    struct wf_str password;
    struct wf_str channel; /* who talks to whom, over what; never sent */
    struct wf_str session; /* fresh in each run */
};

/* What went over the wire: shares, and what each side said beside its own, which is authentic
 * behind is_confirmed. */
struct wf_cpace_said {
    const uint8_t *share; /* [WF_CPACE_SHARE_BYTES] */
    struct wf_str data;
};

/* A fresh secret and its share. rng NULL: the system's. To be forgotten. */
void wf_cpace_begin(struct wf_cpace *c, const struct wf_cpace_input *in, const struct wf_rng *rng);

/* The key of both. `is_initiator`: c is; then c's share is the initiator's. Errors: DENIED (the
 * other's share is no element of the group, or its identity: nobody honest sends that). */
int wf_cpace_finish(const struct wf_cpace *c, bool is_initiator, struct wf_str session,
                    const struct wf_cpace_said *initiator, const struct wf_cpace_said *responder,
                    uint8_t out_key[WF_CPACE_KEY_BYTES], struct wf_err *err) WF_MUST_USE;

/* A side's proof that it has the key: over what it said itself. */
void wf_cpace_confirm(const uint8_t key[WF_CPACE_KEY_BYTES], struct wf_str session,
                      const struct wf_cpace_said *own, uint8_t out_tag[WF_CPACE_TAG_BYTES]);
/* Whether the other side proved it, with what it said. */
bool wf_cpace_is_confirmed(const uint8_t key[WF_CPACE_KEY_BYTES], struct wf_str session,
                           const struct wf_cpace_said *other,
                           const uint8_t tag[WF_CPACE_TAG_BYTES]) WF_MUST_USE;

/* Wipes the secret. */
void wf_cpace_forget(struct wf_cpace *c);

#endif
