/* Device: this device's signing key. Its public half is the device's id: what it writes into drafts
 * and records is signed with it, and later batches and what is sealed from core to core.
 *
 * The file holds 64 hex digits of the key's seed, 0600, made once. Core opens it before it is
 * locked down; later code has the signer and never asks where the key is. Thread rule: any. */
#ifndef WF_SPACE_DEVICE_H
#define WF_SPACE_DEVICE_H

#include "base/buf.h"
#include "base/err.h"
#include "crdt/signer.h"

#define WF_DEVICE_ID_BYTES WF_SIGNER_ID_BYTES

/* Not to be moved: the signer points into it. */
struct wf_device {
    struct wf_signer signer;
    struct wf_signer_key _key;
};

/* The key in the file `path`, which is made with its folder when it is missing (durably: an id that
 * was used once is there after a crash). To be forgotten. Errors: FORMAT (the file holds no key),
 * DENIED (others may read it), FULL, IO, NOMEM, LIMIT (a path too long), UNSUPPORTED (no
 * random numbers). */
int wf_device_open(const char *path, struct wf_device *out, struct wf_err *err) WF_MUST_USE;
/* Wipes the key. */
void wf_device_forget(struct wf_device *d);

/* Appends bytes sealed to a device: it alone opens them, nobody can tell who sealed them
 * (crypto_box_seal to the X25519 key of its id). Errors: INVAL (no key), NOMEM, LIMIT. */
int wf_device_seal(const uint8_t id[WF_DEVICE_ID_BYTES], struct wf_str bytes, struct wf_buf *out,
                   struct wf_err *err) WF_MUST_USE;
/* Appends what was sealed to this device. Errors: DENIED (it was not, or was changed), NOMEM,
 * LIMIT. */
int wf_device_unseal(const struct wf_device *d, struct wf_str sealed, struct wf_buf *out,
                     struct wf_err *err) WF_MUST_USE;

#endif
