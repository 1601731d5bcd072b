/* Batch log: the rows that batches (mesh/batch.h) lie in, own and others'. It does not know what a
 * batch says: who appends has checked it.
 *
 * A log is what one device wrote into one stream: batches by number, without a gap, each with its
 * hash; the first ones may have been trimmed. Functions "in turn" want the caller's write
 * transaction (wf_store_write_begin); reading ones a reader. Thread: owner of the turn or reader.
 */
#ifndef WF_STORE_BATCH_LOG_H
#define WF_STORE_BATCH_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

#define WF_BATCH_LOG_STREAM_BYTES 16
#define WF_BATCH_LOG_DEVICE_BYTES 32
#define WF_BATCH_LOG_HASH_BYTES 32

struct wf_batch_log_name {
    uint8_t stream[WF_BATCH_LOG_STREAM_BYTES];
    uint8_t device[WF_BATCH_LOG_DEVICE_BYTES];
};

struct wf_batch_log_head {
    struct wf_batch_log_name name;
    uint64_t first, last; /* last 0: nothing was ever here; first > last: all is trimmed */
    uint64_t n_bytes;     /* of what is here */
    uint8_t hash[WF_BATCH_LOG_HASH_BYTES]; /* of the last; zeros without one */
    uint8_t fork[WF_BATCH_LOG_HASH_BYTES]; /* another batch with a number of these: zeros: none */
};

struct wf_batch_log_row {
    uint64_t number;
    const uint8_t *prev, *hash; /* WF_BATCH_LOG_HASH_BYTES */
    struct wf_str bytes;
    bool begins; /* numbers before it may be missing: they are in a snapshot */
};

/* Adds the next batch of a log; in turn. EXIST: the very same is here; RANGE: one before it is not
 * here yet; CORRUPT: another one with its number is here, or it names another one before it: a
 * fork, which is noted in the log's head. */
int wf_batch_log_append(struct wf_store *s, const struct wf_batch_log_name *log,
                        const struct wf_batch_log_row *row, struct wf_err *err) WF_MUST_USE;

/* Says that the log is here up to that batch, by a snapshot that has what is in it: where it was
 * not, what is here goes; in turn. CORRUPT: another batch with that number is here, or the one
 * behind it names another before it: a fork, which is noted. */
int wf_batch_log_begin(struct wf_store *s, const struct wf_batch_log_name *log, uint64_t number,
                       const uint8_t hash[WF_BATCH_LOG_HASH_BYTES], struct wf_err *err) WF_MUST_USE;
/* The hash of the log's batch with that number, where it is known: 1; else 0. */
int wf_batch_log_hash(struct wf_reader *r, const struct wf_batch_log_name *log, uint64_t number,
                      uint8_t out[WF_BATCH_LOG_HASH_BYTES], struct wf_err *err) WF_MUST_USE;

/* How many batches behind a number there are of a log, and their bytes. */
struct wf_batch_log_amount {
    uint64_t n, bytes;
};
int wf_batch_log_behind(struct wf_reader *r, const struct wf_batch_log_name *log, uint64_t number,
                        struct wf_batch_log_amount *out, struct wf_err *err) WF_MUST_USE;

/* Forgets batches up to a number, but never the last one's number and hash; in turn. */
int wf_batch_log_trim(struct wf_store *s, const struct wf_batch_log_name *log, uint64_t upto,
                      struct wf_err *err) WF_MUST_USE;

/* The head of one log (all zeros but the name: there is none); of all logs of a stream, or of all
 * (NULL), by stream and device, in the arena. */
int wf_batch_log_head(struct wf_reader *r, const struct wf_batch_log_name *log,
                      struct wf_batch_log_head *out, struct wf_err *err) WF_MUST_USE;
int wf_batch_log_heads(struct wf_reader *r, const uint8_t *stream, struct wf_arena *arena,
                       struct wf_batch_log_head **out, size_t *out_n,
                       struct wf_err *err) WF_MUST_USE;

/* Calls fn for the batches from a number on, in their order, until bytes_max are passed (one is
 * given in any case) or fn returns non-zero, which is returned. Views are valid during the call. */
typedef int (*wf_batch_log_fn)(void *ud, const struct wf_batch_log_row *row, struct wf_err *err);
int wf_batch_log_read(struct wf_reader *r, const struct wf_batch_log_name *log, uint64_t from,
                      size_t bytes_max, wf_batch_log_fn fn, void *ud,
                      struct wf_err *err) WF_MUST_USE;

#endif
