/* Sync messages: what two nodes say to each other about the batches that each has (channel
 * WF_LINK_SYNC of mesh/link.h). A message has a kind and what the kind has; numbers are those of
 * crdt/lib0.h; no byte may be left over. Both sides hold the other for hostile.
 *
 *   1 HELLO   version; 32 device key; flags (1: keeps batches for those who sleep)
 *   2 HEADS   how far logs are here: each 16 stream, 32 device, last number, 32 hash of the last
 *   3 WANT    batches of a log: 16 stream, 32 device, from which number on
 *   4 BATCHES each: length, bytes (mesh/batch.h)
 *   5 PART    a batch longer than a message: its length, where this part stands, bytes
 *   6 LETTER  32 to which device; 16 tag: of one sender the same for the same letter; length, bytes
 *             sealed to it (mesh/sharing_grant.c)
 *   7 PASS    length, bytes (mesh/pass.h), for a relay that has no keys
 *   8 GOT     a letter has come, durably: 32 to which device it was, 32 hash of its sealed bytes
 *   9 FIRST   a log begins later than it was wanted: 16 stream, 32 device, its first number; flags
 *             (1: a snapshot that is here has what was before)
 * Thread rule: any. */
#ifndef WF_MESH_SYNC_MESSAGE_H
#define WF_MESH_SYNC_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crdt/signer.h"
#include "mesh/batch.h"

#define WF_SYNC_VERSION 1u
#define WF_SYNC_KEEPS (1u << 0)
#define WF_SYNC_COVERED (1u << 0)
#define WF_SYNC_TAG_BYTES 16
#define WF_SYNC_LETTER_HASH_BYTES 32

/* The values are sent: they stay. */
enum wf_sync_kind {
    WF_SYNC_HELLO = 1,
    WF_SYNC_HEADS = 2,
    WF_SYNC_WANT = 3,
    WF_SYNC_BATCHES = 4,
    WF_SYNC_PART = 5,
    WF_SYNC_LETTER = 6,
    WF_SYNC_PASS = 7,
    WF_SYNC_GOT = 8,
    WF_SYNC_FIRST = 9,
};

/* Whose batches in which stream, and how many of them. */
struct wf_sync_log {
    uint8_t stream[WF_STREAM_ID_BYTES];
    uint8_t device[WF_SIGNER_ID_BYTES];
};
struct wf_sync_head {
    struct wf_sync_log log;
    uint64_t last;
    uint8_t hash[WF_BATCH_HASH_BYTES];
};

struct wf_sync_message {
    enum wf_sync_kind kind;
    uint64_t version, flags;                 /* HELLO; FIRST: flags */
    uint8_t device[WF_SIGNER_ID_BYTES];      /* HELLO; LETTER, GOT: to whom */
    uint8_t tag[WF_SYNC_TAG_BYTES];          /* LETTER */
    uint8_t hash[WF_SYNC_LETTER_HASH_BYTES]; /* GOT */
    struct wf_sync_log log;                  /* WANT, FIRST */
    uint64_t from;                           /* WANT, FIRST */
    uint64_t total, at;                      /* PART */
    struct wf_str bytes; /* PART, LETTER, PASS: theirs; HEADS, BATCHES: the items,
                            for the functions below; views into the message */
};

/* Reads a message, items and all. FORMAT, LIMIT (a part of more than a batch can be). */
int wf_sync_message_read(struct wf_str bytes, struct wf_sync_message *out,
                         struct wf_err *err) WF_MUST_USE;
/* Items of a message that was read: start with *io_at = 0; false at the end. */
bool wf_sync_heads_next(const struct wf_sync_message *m, size_t *io_at, struct wf_sync_head *out);
bool wf_sync_batches_next(const struct wf_sync_message *m, size_t *io_at, struct wf_str *out);

/* Appends a message without items, or the kind that items follow. Returns the buffer's status. */
int wf_sync_message_write(const struct wf_sync_message *m, struct wf_buf *out);
/* Appends an item to HEADS, to BATCHES. */
int wf_sync_head_write(const struct wf_sync_head *h, struct wf_buf *out);
int wf_sync_batch_write(struct wf_str batch, struct wf_buf *out);

#endif
