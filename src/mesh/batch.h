/* Batch: what one device did in a space in a while, sealed for those who may see it, for the way to
 * other devices and for relays, which can check whose it is and that none is missing, and read
 * nothing.
 *
 * The batches of a space's level (public, internal, private; secret goes nowhere) form a stream,
 * with an id that says nothing of the space or the level to who does not know the space. Within it
 * each device numbers its own from 1, and each names the one before it by hash, so that a batch
 * that was left out, or made twice differently (a fork), is seen and can be shown to others.
 *
 *     0   8  "WFBATCH1"
 *     8  16  stream
 *    24  32  device: whose it is, and signs
 *    56   8  number, from 1; little-endian, as all numbers here
 *    64  32  hash of the device's batch before it; zeros in the first
 *    96  16  key: which one it is sealed with
 *   112  24  nonce, random
 *   136   4  length of what is sealed
 *   140      sealed: XChaCha20-Poly1305 of the content, padded, with all before as associated data
 *        64  signature of the device, purpose "batch 1"
 *
 * The hash of a batch is BLAKE2b-256 of its bytes without the signature. A key's id is a hash of
 * the key, so that one ciphertext cannot be opened with two keys. The content is padded as PADME
 * does (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with
 * PURBs", 2019), to 256 bytes at least.
 *
 * The content is entries, one behind the other:
 *   kind 1; then of kind
 *     1 update   16 draft's uid; number in the device's log; time (ms); length, update of format 1
 *     2 change   length, a change of records (crdt/change.h)
 *     3 snapshot 16 snapshot's id; part, from 0; time (ms); length, bytes (mesh/snapshot.h): the
 *                batch is a part of a snapshot of the stream, the rest of it are its entries
 *     4 word     length, how far its device is (mesh/snapshot.h)
 *   with numbers of 7 bits a byte (crdt/lib0.h). A zero in place of a kind is the padding.
 * Thread rule: any. */
#ifndef WF_MESH_BATCH_H
#define WF_MESH_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/str.h"
#include "crdt/signer.h"
#include "privacy/label.h"

#define WF_STREAM_ID_BYTES 16
#define WF_SPACE_UID_BYTES 16
#define WF_SPACE_KEY_BYTES 32
#define WF_SPACE_KEY_ID_BYTES 16
#define WF_BATCH_HASH_BYTES 32

/* A key that batches are sealed with, and its id. Secret: to be wiped. */
struct wf_space_key {
    uint8_t key[WF_SPACE_KEY_BYTES];
    uint8_t id[WF_SPACE_KEY_ID_BYTES];
};

/* A new one; the id of one that came from elsewhere. rng NULL: the system's. */
void wf_space_key_new(const struct wf_rng *rng, struct wf_space_key *out);
void wf_space_key_name(struct wf_space_key *k);

/* The stream of a level of the space. `level` is below secret. */
void wf_stream_id(const uint8_t uid[WF_SPACE_UID_BYTES], enum wf_label level,
                  uint8_t out[WF_STREAM_ID_BYTES]);

/* ---- batches ---- */

struct wf_batch {
    uint8_t stream[WF_STREAM_ID_BYTES];
    uint8_t device[WF_SIGNER_ID_BYTES];
    uint64_t number;
    uint8_t prev[WF_BATCH_HASH_BYTES];
    uint8_t key[WF_SPACE_KEY_ID_BYTES];
    uint8_t hash[WF_BATCH_HASH_BYTES]; /* its own */
    struct wf_str bytes;               /* all of it, as it was given; borrowed */
    bool begins; /* for a shelf: those before it are in a snapshot. Not read: the caller's */
};

/* Reads a batch and looks at its form alone; needs no key. Errors: FORMAT, LIMIT (longer than
 * WF_LIMIT_BATCH_BYTES), UNSUPPORTED (a newer form). */
int wf_batch_read(struct wf_str bytes, struct wf_batch *out, struct wf_err *err) WF_MUST_USE;
/* Whether the device that it names signed it. Errors: DENIED, NOMEM. */
int wf_batch_verify(const struct wf_batch *b, struct wf_err *err) WF_MUST_USE;
/* Appends the content, padding and all, of a batch that was read. Errors: NOENT (it is sealed with
 * another key), DENIED (it was changed), NOMEM, LIMIT. */
int wf_batch_open(const struct wf_batch *b, const struct wf_space_key *key, struct wf_buf *out,
                  struct wf_err *err) WF_MUST_USE;

struct wf_batch_place {
    uint8_t stream[WF_STREAM_ID_BYTES];
    uint64_t number;
    uint8_t prev[WF_BATCH_HASH_BYTES];
};
/* Appends a batch of that content, sealed and signed; its hash in out_hash. Errors: LIMIT (the
 * content is longer than WF_LIMIT_BATCH_CONTENT_BYTES), NOMEM, those of the signer. */
int wf_batch_write(const struct wf_batch_place *at, const struct wf_space_key *key,
                   const struct wf_signer *device, const struct wf_rng *rng, struct wf_str content,
                   struct wf_buf *out, uint8_t out_hash[WF_BATCH_HASH_BYTES],
                   struct wf_err *err) WF_MUST_USE;

/* Bytes that a batch of so many bytes of content has. */
size_t wf_batch_bytes(size_t n_content);

/* ---- content ---- */

enum wf_batch_kind {
    WF_BATCH_UPDATE = 1,
    WF_BATCH_CHANGE = 2,
    WF_BATCH_SNAPSHOT = 3,
    WF_BATCH_WORD = 4,
};

struct wf_batch_entry {
    enum wf_batch_kind kind;
    uint8_t draft[16]; /* UPDATE; SNAPSHOT: its id */
    uint64_t dseq;     /* UPDATE; a change has its own; SNAPSHOT: the part */
    int64_t at_ms;     /* UPDATE, SNAPSHOT; below 2^53, not negative */
    struct wf_str bytes;
};

/* Appends an entry. Errors: INVAL (a number that cannot be written), those of the buffer. */
int wf_batch_entry_write(const struct wf_batch_entry *e, struct wf_buf *out) WF_MUST_USE;
/* The entry at *io_at, which moves behind it; views into the content. 1; 0: there are no more;
 * FORMAT: there is none (nothing behind it is to be taken either). Start with *io_at = 0. */
int wf_batch_entry_next(struct wf_str content, size_t *io_at,
                        struct wf_batch_entry *out) WF_MUST_USE;

#endif
