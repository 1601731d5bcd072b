/* Keeper: the process that holds the node's and the owner's key, and what core asks of it. It opens
 * a key for one answer and forgets it; it parses what is below and a list of devices, nothing else,
 * and may open these two folders alone. Core, which reads what everybody sends, never has a key
 * with which it could be another node or another owner.
 *
 * Frames of os/sock.h, one answer to each request, in turn:
 *   request   u8 1 IDENTITY, 32 device key, 32 transport key
 *             u8 2 OWNER, u8 1: make a key where there is none
 *             u8 3 SIGN, a list of devices without its signature
 *   answer    u8 0, then: IDENTITY: 32 node key, 144 + 144 certificates
 *                         OWNER: 32 public key (zeros: none), u8 do the words wait for paper
 *                         SIGN: 64 signature
 *             u8 1, u8 code of the error (positive), a sentence */
#ifndef WF_MESH_KEEPER_H
#define WF_MESH_KEEPER_H

#include "mesh/devices.h"
#include "mesh/pairing.h"

#define WF_KEEPER_BYTES_MAX (WF_DEVICES_BYTES_MAX + 16)

struct wf_keeper_folders {
    const char *node, *owner;
};

/* Answers one request, appending to `out`; what cannot be done is an answer, too. Errors: those of
 * the buffer. Thread: owner of the folders. */
int wf_keeper_answer(const struct wf_keeper_folders *at, struct wf_str request, int64_t now_ms,
                     struct wf_buf *out) WF_MUST_USE;

/* Answers until the other end closes. Thread: owner. */
void wf_keeper_serve(const struct wf_keeper_folders *at, int fd);

/* ---- core's side; thread rule: any ---- */

struct wf_keeper;

/* Speaks over fd, which is taken. Errors: NOMEM. */
int wf_keeper_new(int fd, struct wf_keeper **out, struct wf_err *err) WF_MUST_USE;
void wf_keeper_free(struct wf_keeper *k);

/* Fills in who->entry's node key and both certificates for the other two. Errors: CRASHED (no
 * keeper), those of wf_node_certify. */
int wf_keeper_identity(struct wf_keeper *k, struct wf_pairing_who *io,
                       struct wf_err *err) WF_MUST_USE;

struct wf_keeper_owner {
    bool is_there;
    bool paper_waits;
    uint8_t id[WF_DEVICES_KEY_BYTES];
};

/* The owner's key here, which is made where `make` is set. Errors: as above, those of
 * wf_identity_make. */
int wf_keeper_owner(struct wf_keeper *k, bool make, struct wf_keeper_owner *out,
                    struct wf_err *err) WF_MUST_USE;

/* Has a list signed by the owner's key. Errors: NOENT (it is not on this device), DENIED (the list
 * is another owner's), INVAL (the list is none), CRASHED. */
int wf_keeper_sign(struct wf_keeper *k, struct wf_devices *io, struct wf_err *err) WF_MUST_USE;

#endif
