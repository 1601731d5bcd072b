/* Node: this weft's identity, an Ed25519 key, and what it certifies: airlock's ledger key, the
 * device's signing key and link's transport key. Pairing shows the node's key to others.
 *
 *   FOLDER/key          the secret key, 0600: 64 hex digits of its seed
 *   FOLDER/key.pub      the public key, 64 hex digits
 *   FOLDER/ledger.cert  who signs the ledger of this node (144 bytes, below)
 *   FOLDER/device.cert, FOLDER/transport.cert   likewise for these keys
 *
 * Neither core nor airlock may open the folder. Whoever signs does it under a purpose, so that no
 * signature can be taken for another kind of one. A certificate is never overwritten: another
 * ledger key is a person's business. Thread rule: any.
 *
 * A certificate, numbers little-endian:
 *    0   8  "WFLCERT1" (ledger), "WFDCERT1" (device), "WFTCERT1" (transport)
 *    8   8  time, milliseconds since 1970
 *   16  32  the public key that is certified
 *   48  32  the node's public key
 *   80  64  signature of the 80 bytes, purpose "ledger", "device", "transport" */
#ifndef WF_PRIVACY_NODE_H
#define WF_PRIVACY_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define WF_NODE_KEY_BYTES 32
#define WF_NODE_SIGNATURE_BYTES 64
#define WF_NODE_CERT_BYTES 144

struct wf_node_key {
    uint8_t pub[WF_NODE_KEY_BYTES];
    uint8_t _secret[64]; /* libsodium's */
};

/* The key in that folder, which is made with it when it is missing. To be forgotten. Errors: FORMAT
 * (a file that holds no key, or not the other's half), DENIED, FULL, IO, NOMEM, UNSUPPORTED. */
int wf_node_key_open(const char *dir, struct wf_node_key *out, struct wf_err *err) WF_MUST_USE;
void wf_node_key_forget(struct wf_node_key *k);
/* The seed of the secret key, for what must hand it to another library; to be wiped. */
void wf_node_key_seed(const struct wf_node_key *k, uint8_t out[WF_NODE_KEY_BYTES]);
/* The public key alone. Errors: NOENT, FORMAT, DENIED, IO, NOMEM. */
int wf_node_public(const char *dir, uint8_t out[WF_NODE_KEY_BYTES], struct wf_err *err) WF_MUST_USE;

/* Signs under a purpose; whether a signature is that key's, of these bytes, for that purpose. */
void wf_node_sign(const struct wf_node_key *k, struct wf_str purpose, struct wf_str bytes,
                  uint8_t out[WF_NODE_SIGNATURE_BYTES]);
bool wf_node_is_signed(const uint8_t key[WF_NODE_KEY_BYTES], struct wf_str purpose,
                       struct wf_str bytes,
                       const uint8_t signature[WF_NODE_SIGNATURE_BYTES]) WF_MUST_USE;

/* Certifies the key of the ledger in `ledger`, once, with the node's key, which is made when it is
 * missing. Errors: EXIST (there is a certificate, whatever it says), NOENT (there is no ledger
 * yet), those of wf_node_key_open. */
int wf_node_certify_ledger(const char *dir, const char *ledger, int64_t now_ms,
                           struct wf_err *err) WF_MUST_USE;

/* What else the node's key certifies. */
enum wf_node_subject {
    WF_NODE_DEVICE,
    WF_NODE_TRANSPORT,
    WF_NODE_SUBJECT_COUNT
};

/* The certificate of a key, made with the node's when there is none yet. Errors: EXIST (another key
 * was certified: a copied or restored home), CORRUPT (what is there is no certificate), those of
 * wf_node_key_open. */
int wf_node_certify(const char *dir, enum wf_node_subject subject,
                    const uint8_t key[WF_NODE_KEY_BYTES], int64_t now_ms,
                    uint8_t out[WF_NODE_CERT_BYTES], struct wf_err *err) WF_MUST_USE;

/* Whether those bytes are a certificate by that node's key of that key. Thread: any. */
bool wf_node_is_certified(enum wf_node_subject subject, const uint8_t cert[WF_NODE_CERT_BYTES],
                          const uint8_t node[WF_NODE_KEY_BYTES],
                          const uint8_t key[WF_NODE_KEY_BYTES]) WF_MUST_USE;

struct wf_node_cert {
    int64_t time_ms;
    uint8_t node[WF_NODE_KEY_BYTES];
};

/* That this node's key certifies the ledger key. Errors: NOENT (nothing was certified yet), CORRUPT
 * (forged or damaged, or of another key: says which), FORMAT, DENIED, IO, NOMEM. */
int wf_node_check_ledger(const char *dir, const uint8_t ledger_key[WF_NODE_KEY_BYTES],
                         struct wf_node_cert *out, struct wf_err *err) WF_MUST_USE;

#endif
