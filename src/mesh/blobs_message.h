/* Messages about blobs, between two cores of one owner, sealed (mesh/sealed.h): who has what, in
 * which pieces it is cut, and its bytes. Whoever asks gives its question a number, and answers bear
 * it. Numbers are little endian; no byte may be left over. What comes is hostile until read.
 *
 *     0   1  kind
 *     1   4  number of the question
 *     5      what the kind has:
 *     1 ASK_HAS     1 what, 32 hash, 16 space                does it have that?
 *     2 ASK_PIECES  1 what, 32 hash, 16 space, 8 from        the pieces from that place on
 *     3 WANT        1 what, 32 hash, 16 space, 8 from, 4 bytes   those bytes
 *     4 STOP                                                 they are not wanted any more
 *     5 ASK_MODEL   a name (mesh/blobs.h)                    what does that name mean?
 *    16 HAS         1 flags, 8 bytes of the blob
 *    17 PIECES      8 bytes of the blob, 8 from, then each piece: 4 bytes, 32 hash
 *    18 DATA        8 from, bytes: those that were wanted, in their order, in one or more messages
 *    19 NONE                                                 it has no such thing, or not for who
 *                                                            asks: that is not told apart
 *    20 MODEL       JSON
 * space: the uid of the one that has the document; of a model zeros. A document is asked for as one
 * of a space, and given by who has it there: its hash alone opens nothing.
 * Thread rule: any. */
#ifndef WF_MESH_BLOBS_MESSAGE_H
#define WF_MESH_BLOBS_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "mesh/blobs_cut.h"
#include "store/spaces.h"

#define WF_BLOBS_HASH_BYTES 32
/* Bytes of one DATA. */
#define WF_BLOBS_DATA_BYTES ((size_t)256 << 10)
/* Of one WANT. */
#define WF_BLOBS_WANT_BYTES ((uint32_t)4 << 20)
/* Pieces of one PIECES. */
#define WF_BLOBS_PIECES_MAX 1024u
/* What a model's name means, in JSON. */
#define WF_BLOBS_MODEL_BYTES ((size_t)512 << 10)
/* The largest blob there may be: a model's file. */
#define WF_BLOBS_BYTES_MAX (UINT64_C(1) << 44)

/* The values are sent: they stay. */
enum wf_blobs_kind {
    WF_BLOBS_ASK_HAS = 1,
    WF_BLOBS_ASK_PIECES = 2,
    WF_BLOBS_WANT = 3,
    WF_BLOBS_STOP = 4,
    WF_BLOBS_ASK_MODEL = 5,
    WF_BLOBS_HAS = 16,
    WF_BLOBS_PIECES = 17,
    WF_BLOBS_DATA = 18,
    WF_BLOBS_NONE = 19,
    WF_BLOBS_MODEL = 20,
};

enum wf_blobs_what {
    WF_BLOBS_DOCUMENT = 0,   /* of a space: BLAKE2b-256 */
    WF_BLOBS_MODEL_FILE = 1, /* of the model store: SHA-256 */
};

#define WF_BLOBS_HAS_IT (1u << 0)
#define WF_BLOBS_KEEPS_IT (1u << 1) /* and gives it up only where another keeps it */
#define WF_BLOBS_FLAGS_ALL (WF_BLOBS_HAS_IT | WF_BLOBS_KEEPS_IT)

struct wf_blobs_message {
    enum wf_blobs_kind kind;
    uint32_t id;
    enum wf_blobs_what what;
    uint8_t hash[WF_BLOBS_HASH_BYTES];
    uint8_t space[WF_SPACE_UID_BYTES]; /* ASK_HAS, ASK_PIECES, WANT, of a document */
    uint64_t from;                     /* ASK_PIECES, WANT, PIECES, DATA */
    uint64_t n_bytes;                  /* WANT: how many; HAS, PIECES: of the whole */
    unsigned flags;                    /* HAS */
    struct wf_str body;                /* a name, pieces, bytes, JSON; a view of what was read */
};

/* Appends. Errors: those of the buffer. */
int wf_blobs_message_write(const struct wf_blobs_message *m, struct wf_buf *out) WF_MUST_USE;
/* Errors: FORMAT: who sent it is not to be listened to any more. */
int wf_blobs_message_read(struct wf_str bytes, struct wf_blobs_message *out,
                          struct wf_err *err) WF_MUST_USE;

/* The pieces of PIECES: how many, and each; they lie within the blob, one behind the other. */
size_t wf_blobs_pieces_n(const struct wf_blobs_message *m);
void wf_blobs_piece_at(const struct wf_blobs_message *m, size_t i, struct wf_piece *out);
/* Appends one to a body. Errors: those of the buffer. */
int wf_blobs_piece_put(const struct wf_piece *p, struct wf_buf *out);

#endif
