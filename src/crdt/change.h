/* Change: what one device did to records of a space at one time, signed by it; the bytes that are
 * stored and sent.
 *
 * A change has items, one a record, in the order of their collections and keys. Only the items'
 * hashes are signed: an item can be taken out for good ("pruned", when its record was deleted and
 * every device knows) and the rest can still be verified. A salt of its own keeps the hash of a
 * short item from being guessed.
 *
 *   version     1  1
 *   device     32  who did it, and signs
 *   dseq        n  its number in that device's log (space/log.h), from 1
 *   hlc         8  when (crdt/hlc.h)
 *   n_items     n  1 to WF_LIMIT_CHANGE_ITEMS
 *   items          each: form 1; form 0, pruned: hash 32; form 1, whole: length n, then
 *       salt       16
 *       label       1  0 to 3 (privacy/label.h): how sensitive the item is
 *       collection  n, bytes    key  n, bytes
 *       n_ops       n  1 to WF_LIMIT_CHANGE_OPS, by field, kind, value, strictly rising
 *       ops            kind 1; field n, bytes; then by kind:
 *           0 delete  -  (no field)         1 label  1  (no field)
 *           2 set     value n, bytes        3 unset  -
 *           4 count   total 8               5 add    value n, bytes
 *           6 take    value n, bytes; n dots of device 32, hlc 8, by device, strictly rising
 *   signature  64  Ed25519ph for "record change 1" of: the space's uid, all before n_items and
 *                  n_items, the items' hashes (BLAKE2b-256 with the key "weft record item")
 *
 * A moved one was signed for a space that became another one, and another device brings it along:
 *   version     1  2
 *   uid        16  of the space that was
 *   ...            all of it from its own version on
 *
 * Numbers of length n are those of lib0 (7 bits a byte), in their shortest form; the others are
 * little-endian. Values are JSON; the writer sorts objects' keys. Thread rule: any. */
#ifndef WF_CRDT_CHANGE_H
#define WF_CRDT_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/str.h"
#include "crdt/signer.h"

#define WF_CHANGE_HASH_BYTES 32
#define WF_CHANGE_SALT_BYTES 16
#define WF_CHANGE_UID_BYTES 16 /* a space's */
#define WF_CHANGE_MOVED_BYTES (1 + WF_CHANGE_UID_BYTES)
#define WF_CHANGE_DOT_BYTES 40
#define WF_CHANGE_LABEL_MAX 3
/* Totals of counters: what JavaScript holds exactly. */
#define WF_RECORD_TOTAL_MAX ((INT64_C(1) << 53) - 1)

/* The values are stored and sent: they stay. */
enum wf_record_op_kind {
    WF_RECORD_DELETE = 0, /* the record, all of it; other ops of the item are made behind it */
    WF_RECORD_LABEL = 1,  /* the record is at least that sensitive */
    WF_RECORD_SET = 2,    /* the field has that value: the last writer wins */
    WF_RECORD_UNSET = 3,  /* the field is gone */
    WF_RECORD_COUNT = 4,  /* what this device has counted in the field, all in all */
    WF_RECORD_ADD = 5,    /* the value is in the set */
    WF_RECORD_TAKE = 6,   /* it is not, as far as these adds go */
    WF_RECORD_KIND_COUNT
};

struct wf_record_op {
    enum wf_record_op_kind kind;
    uint8_t label;       /* of LABEL */
    struct wf_str field; /* all but DELETE, LABEL */
    struct wf_str value; /* JSON; SET, ADD, TAKE */
    int64_t total;       /* COUNT */
    struct wf_str dots;  /* TAKE: WF_CHANGE_DOT_BYTES each */
};

struct wf_change_item {
    bool is_pruned;                     /* then only the hash is there */
    uint8_t hash[WF_CHANGE_HASH_BYTES]; /* of a pruned one, and in wf_change_prune; else zeros */
    uint8_t label;
    struct wf_str collection, key;
    size_t n_ops;
    struct wf_str _ops;
};

struct wf_change {
    uint8_t device[WF_SIGNER_ID_BYTES];
    uint64_t dseq, hlc;
    bool is_moved; /* another device brought it along from a space that it was signed for: */
    uint8_t uid[WF_CHANGE_UID_BYTES];
    size_t n_items, n_pruned;
    uint8_t label;                    /* the highest of the items' */
    uint8_t id[WF_CHANGE_HASH_BYTES]; /* hash of what is signed: pruned or not, the same change */
    struct wf_str bytes;              /* all of it */
    struct wf_str _head, _items;
    const uint8_t *_signature;
};

/* Reads a change and checks all of its form, but not the signature; views point into `bytes`.
 * Errors: FORMAT, LIMIT, UNSUPPORTED (a newer version), NOMEM. */
int wf_change_read(struct wf_str bytes, struct wf_change *out, struct wf_err *err) WF_MUST_USE;

/* Whether its device has signed it for the space with that uid; a moved one: for the space that it
 * names, and whether that may be is for the caller to say. NOMEM; DENIED: no. */
int wf_change_verify(const struct wf_change *c, const uint8_t uid[WF_CHANGE_UID_BYTES],
                     struct wf_err *err) WF_MUST_USE;

/* Walks the items of a change that was read, and the ops of an item: start with *io_at = 0; false
 * at the end. */
bool wf_change_next(const struct wf_change *c, size_t *io_at, struct wf_change_item *out);
bool wf_change_op_next(const struct wf_change_item *item, size_t *io_at, struct wf_record_op *out);

/* What stands before a change that is brought along from the space with that uid. */
void wf_change_moved_head(const uint8_t uid[WF_CHANGE_UID_BYTES],
                          uint8_t out[WF_CHANGE_MOVED_BYTES]);

/* Appends the change without what the items hold for which is_gone says so. Returns
 * wf_buf_status. */
int wf_change_prune(const struct wf_change *c,
                    bool (*is_gone)(void *ud, const struct wf_change_item *item), void *ud,
                    struct wf_buf *out);

/* Whether a text can be the name of a collection or field, or a key: WF_LIMIT_RECORD_NAME_BYTES
 * (keys: WF_LIMIT_RECORD_KEY_BYTES) of UTF-8 without control characters, not empty; a collection
 * has no '/'. LIMIT, INVAL with what is wrong. */
int wf_record_check_collection(struct wf_str s, struct wf_err *err) WF_MUST_USE;
int wf_record_check_field(struct wf_str s, struct wf_err *err) WF_MUST_USE;
int wf_record_check_key(struct wf_str s, struct wf_err *err) WF_MUST_USE;

/* ---- writing ---- */

/* What an item is to hold; ops by field, kind, value, each once (wf_record_op_cmp). */
struct wf_change_draft {
    uint8_t label;
    struct wf_str collection, key;
    const struct wf_record_op *ops;
    size_t n_ops;
};

/* The order of ops within an item; 0: they are the same place. */
int wf_record_op_cmp(const struct wf_record_op *a, const struct wf_record_op *b);

/* Writes a change of these items (by collection and key, each record once) into `out` (reset first;
 * a maximum of WF_LIMIT_CHANGE_BYTES), signed. It is read back before it is signed: what is not a
 * change of that form is an error here, too. *out_change (may be NULL) is what was read; its views
 * point into `out`. Errors: those of wf_change_read, of the signer; `out` is empty then. */
struct wf_change_head {
    uint64_t dseq, hlc;
    const uint8_t *uid;       /* of the space */
    const struct wf_rng *rng; /* of the salts; NULL: the system's */
};
int wf_change_write(const struct wf_change_head *head, const struct wf_signer *signer,
                    const struct wf_change_draft *items, size_t n, struct wf_buf *out,
                    struct wf_change *out_change, struct wf_err *err) WF_MUST_USE;

#endif
