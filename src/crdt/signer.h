/* Signer: who signs what a device says to others, as a seam: nothing that signs or verifies knows
 * where a key lies, and tests and the simulator bring keys of their own.
 *
 * An id is an Ed25519 public key. Signatures are Ed25519ph over a fixed word, the purpose with its
 * length, and the bytes, so that none can be taken for one of another kind. Thread rule: any. */
#ifndef WF_CRDT_SIGNER_H
#define WF_CRDT_SIGNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define WF_SIGNER_ID_BYTES 32
#define WF_SIGNATURE_BYTES 64

struct wf_signer {
    uint8_t id[WF_SIGNER_ID_BYTES];
    /* Signs bytes for a purpose of at most 255 bytes. Called from any thread. */
    int (*sign)(void *ud, struct wf_str purpose, struct wf_str bytes,
                uint8_t out[WF_SIGNATURE_BYTES], struct wf_err *err);
    void *ud;
};

/* A secret key in memory, of libsodium's form. To be forgotten. */
struct wf_signer_key {
    uint8_t _secret[64];
};

/* A signer with the key that a seed of 32 random bytes makes. *key is the signer's `ud`: it has to
 * stay where it is. sodium_init was called before. */
void wf_signer_from_seed(const uint8_t seed[32], struct wf_signer_key *key, struct wf_signer *out);
/* Wipes the key; the signer is not to be used any more. */
void wf_signer_forget(struct wf_signer_key *key);

/* Whether that is the signature of `id` of these bytes for that purpose. */
bool wf_signer_is_signed(const uint8_t id[WF_SIGNER_ID_BYTES], struct wf_str purpose,
                         struct wf_str bytes,
                         const uint8_t signature[WF_SIGNATURE_BYTES]) WF_MUST_USE;

#endif
