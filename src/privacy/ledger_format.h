/* Ledger's format: bytes of entries and of the signed head. Pure: no file, no key is opened here;
 * the writer and the verifier share nothing else. Numbers are little-endian. Thread rule: any.
 *
 * The log begins with 32 bytes, whose BLAKE2b-256 is what the first entry is chained to:
 *    0  16  "weft ledger 1\n" and two zeros
 *   16  16  random: which ledger it is
 *
 * An entry of n bytes:
 *    0   4  "WFE1"
 *    4   4  n
 *    8   8  sequence, from 1
 *   16   8  bytes of the log that were durable when this was written: what is damaged before that
 *           place was once acknowledged
 *   24  32  hash of the entry before
 *   56   8  time, milliseconds since 1970
 *   64   1  kind
 *   65   1  label
 *   66   1  label before it was released, or 255
 *   67   1  0
 *   68   4  status
 *   72   8  entry of the request
 *   80   8  bytes
 *   88   8  tokens in
 *   96   8  tokens out
 *  104   8  cost, millionths
 *  112      texts, each its length (2) and its bytes: request id, engine, to, model, reason; when
 *           released: who, reason, time (8), digest of the texts (32); when given: the hash of what
 *           was sealed (32); number of counts (2), and each, ascending by type: the type's text,
 *           how many (4, not 0)
 *  n-36 32  BLAKE2b-256 of all before it
 *  n-4   4  n, so that it can be read backwards
 *
 * Behind the last entry zeros may follow, up to the end of the file: room that the writer laid out.
 *
 * The head is 160 bytes:
 *    0   8  "WFLHEAD1"
 *    8   8  time
 *   16   8  entries
 *   24   8  bytes of the log that they take
 *   32  32  hash of the last entry, or of the log's beginning
 *   64  32  public key
 *   96  64  Ed25519 signature of all before it */
#ifndef WF_PRIVACY_LEDGER_FORMAT_H
#define WF_PRIVACY_LEDGER_FORMAT_H

#include "base/buf.h"
#include "base/limits.h"
#include "privacy/ledger.h"

#define WF_LEDGER_BEGIN_BYTES 32
#define WF_LEDGER_BEGIN_MAGIC_BYTES 16
#define WF_LEDGER_HEAD_BYTES 160
#define WF_LEDGER_KEY_BYTES 32
#define WF_LEDGER_KEY_FILE_BYTES 65 /* hex and a newline */
#define WF_LEDGER_FIXED_BYTES 112   /* of an entry, before its texts */
#define WF_LEDGER_TRAILER_BYTES 36

/* The log's beginning from 16 random bytes; and the hash that the first entry is chained to. INVAL:
 * it does not begin a ledger. */
void wf_ledger_format_begin(const uint8_t id[16], uint8_t out[WF_LEDGER_BEGIN_BYTES]);
int wf_ledger_format_read_begin(const uint8_t begin[WF_LEDGER_BEGIN_BYTES],
                                uint8_t out_hash[WF_LEDGER_HASH_BYTES]) WF_MUST_USE;

/* Appends the entry's bytes but for what seal fills in. Errors: INVAL (see wf_ledger_post), NOMEM,
 * LIMIT (the buffer's maximum). */
int wf_ledger_format_write(const struct wf_ledger_entry *e, struct wf_buf *out,
                           struct wf_err *err) WF_MUST_USE;

/* Fills in an entry's place in the chain. io_hash: of the entry before; becomes this one's. */
void wf_ledger_format_seal(uint8_t *bytes, size_t n, uint64_t seq, uint64_t durable_bytes,
                           uint8_t io_hash[WF_LEDGER_HASH_BYTES]);

/* How long the entry is that begins (ends) with these 8 (4) bytes; 0: none does. */
size_t wf_ledger_format_bytes(const uint8_t first[8]);
size_t wf_ledger_format_bytes_before(const uint8_t last[4]);

/* An entry as it was read: views into the bytes and into itself; it must not move. */
struct wf_ledger_read {
    struct wf_ledger_entry entry;
    uint64_t durable_bytes;
    struct wf_ledger_count _counts[WF_LIMIT_LEDGER_COUNTS];
};

/* Reads an entry of exactly n bytes, canonical in every byte, its own hash right; the chain is the
 * caller's. FORMAT: it is none. */
int wf_ledger_format_read(const uint8_t *bytes, size_t n, struct wf_ledger_read *out,
                          struct wf_err *err) WF_MUST_USE;

struct wf_ledger_head {
    int64_t time_ms;
    uint64_t n_entries, n_bytes;
    uint8_t hash[WF_LEDGER_HASH_BYTES];
    uint8_t key[WF_LEDGER_KEY_BYTES];
};

/* Signs: `secret` is libsodium's (64 bytes), h->key is ignored. */
void wf_ledger_format_sign(const struct wf_ledger_head *h, const uint8_t secret[64],
                           uint8_t out[WF_LEDGER_HEAD_BYTES]);
/* Reads n bytes. FORMAT: no head; DENIED: not signed by `key`. */
int wf_ledger_format_read_head(const uint8_t *bytes, size_t n,
                               const uint8_t key[WF_LEDGER_KEY_BYTES], struct wf_ledger_head *out,
                               struct wf_err *err) WF_MUST_USE;

/* A key's file (public key, or seed): 64 lower-case hex digits and a newline. FORMAT. */
int wf_ledger_format_read_key(struct wf_str file, uint8_t out[WF_LEDGER_KEY_BYTES]) WF_MUST_USE;
void wf_ledger_format_write_key(const uint8_t key[WF_LEDGER_KEY_BYTES],
                                char out[WF_LEDGER_KEY_FILE_BYTES + 1]);

#endif
