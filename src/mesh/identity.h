/* Identity: the owner's key. It signs the list of devices (mesh/devices.h) and is made out of
 * sixteen random bytes, which are the recovery phrase (mesh/phrase.h).
 *
 *   FOLDER/key      the secret key, 0600: 64 hex digits of its seed
 *   FOLDER/key.pub  the public key, 64 hex digits
 *   FOLDER/paper    the sixteen bytes, 0600, 32 hex digits: only until they are on paper
 *
 * The seed is a hash of the sixteen bytes, so that the words cannot be had from the key: once they
 * are printed, only the paper has them. Only the keeper (mesh/keeper.h) and the person's own
 * commands open the folder. Thread rule: any. */
#ifndef WF_MESH_IDENTITY_H
#define WF_MESH_IDENTITY_H

#include "base/err.h"
#include "crdt/signer.h"
#include "mesh/phrase.h"

/* The owner's key in memory. Not to be moved: the signer points into it. To be forgotten. */
struct wf_identity {
    struct wf_signer signer;
    struct wf_signer_key _key;
};

/* The key in the folder. Errors: NOENT (this device has none), FORMAT (the file holds no key),
 * DENIED (others may read it), IO, NOMEM, UNSUPPORTED (no random numbers). */
int wf_identity_open(const char *dir, struct wf_identity *out, struct wf_err *err) WF_MUST_USE;
/* Wipes the key. */
void wf_identity_forget(struct wf_identity *k);

/* Makes a key, durably; the words wait for their paper. Errors: EXIST (there is one), FULL, IO,
 * NOMEM, UNSUPPORTED. */
int wf_identity_make(const char *dir, struct wf_err *err) WF_MUST_USE;

/* Makes the key of a phrase again. out_id: its public half. One that is there already is left.
 * Errors: EXIST (there is another key), FULL, IO, NOMEM, UNSUPPORTED. */
int wf_identity_recover(const char *dir, const uint8_t secret[WF_PHRASE_SECRET_BYTES],
                        uint8_t out_id[WF_SIGNER_ID_BYTES], struct wf_err *err) WF_MUST_USE;

/* The sixteen bytes, as long as they are not on paper. Errors: NOENT (they are, or there is no
 * key), FORMAT, IO, NOMEM. */
int wf_identity_paper(const char *dir, uint8_t out[WF_PHRASE_SECRET_BYTES],
                      struct wf_err *err) WF_MUST_USE;
/* They are on paper: forgotten here. Errors: IO. */
int wf_identity_paper_done(const char *dir, struct wf_err *err) WF_MUST_USE;
/* Whether they still wait. */
bool wf_identity_paper_waits(const char *dir);

#endif
