/* Pass: what a relay that has no keys is told of a stream: which devices may have it, and which of
 * them may write. It names devices by their keys alone; what the stream holds, which space or level
 * it is, it does not say.
 *
 * A device that has the stream's keys signs it; of several the one with the highest version counts,
 * of one version that with the highest hash. A pass has one form in bytes, numbers little-endian:
 *     0   8  "WFPASS1\n"
 *     8  16  stream
 *    24   8  version
 *    32  32  the device that signs
 *    64   2  holders, at most WF_PASS_HOLDERS_MAX; then each, ascending by transport key, which
 *            occurs once: 32 transport key, 32 device key, 1 flags (1: it may write)
 *        64  signature of all before it, purpose "pass 1"
 * Thread rule: any. */
#ifndef WF_MESH_PASS_H
#define WF_MESH_PASS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crdt/signer.h"
#include "mesh/batch.h"

#define WF_PASS_KEY_BYTES 32
/* Devices that may have one stream: of a space's members, all of theirs. */
#define WF_PASS_HOLDERS_MAX 1024
#define WF_PASS_HOLDER_BYTES (2 * WF_PASS_KEY_BYTES + 1)
#define WF_PASS_BYTES_MAX (66 + WF_PASS_HOLDERS_MAX * WF_PASS_HOLDER_BYTES + WF_SIGNATURE_BYTES)

#define WF_PASS_WRITES (1u << 0)

struct wf_pass_holder {
    uint8_t transport[WF_PASS_KEY_BYTES], device[WF_PASS_KEY_BYTES];
    uint8_t flags;
};

/* One that was read: views into its bytes. */
struct wf_pass {
    uint8_t stream[WF_STREAM_ID_BYTES];
    uint64_t version;
    uint8_t device[WF_SIGNER_ID_BYTES];
    size_t n_holders;
    const uint8_t *_holders;
    struct wf_str bytes; /* all of it, as it was given; borrowed */
};

/* Reads a pass and looks at its form alone. Errors: FORMAT. */
int wf_pass_read(struct wf_str bytes, struct wf_pass *out, struct wf_err *err) WF_MUST_USE;
/* Whether the device that it names signed it. */
bool wf_pass_is_signed(const struct wf_pass *p) WF_MUST_USE;
/* Whether the second of two of one stream counts, not the first. */
bool wf_pass_prefers_second(const struct wf_pass *a, const struct wf_pass *b) WF_MUST_USE;

/* The holder of that place; i < n_holders. */
void wf_pass_holder(const struct wf_pass *p, size_t i, struct wf_pass_holder *out);
/* The holder with that transport key, that device key. false: there is none; out may be NULL. */
bool wf_pass_by_transport(const struct wf_pass *p, const uint8_t transport[WF_PASS_KEY_BYTES],
                          struct wf_pass_holder *out);
bool wf_pass_by_device(const struct wf_pass *p, const uint8_t device[WF_PASS_KEY_BYTES],
                       struct wf_pass_holder *out);

/* Appends the pass of that stream and version: holders in any order, sorted in place; of two with
 * one transport key the second is left out. Errors: LIMIT (too many), NOMEM, those of the signer.
 */
int wf_pass_write(const uint8_t stream[WF_STREAM_ID_BYTES], uint64_t version,
                  struct wf_pass_holder *holders, size_t n, const struct wf_signer *device,
                  struct wf_buf *out, struct wf_err *err) WF_MUST_USE;

#endif
