/* Shard: the tokens of many texts in one file, mapped, for training.
 *
 *     offset  size
 *          0     8  "WFSHARD1"
 *          8     4  bytes of an id: 2 or 4
 *         12     4  tokens of the vocabulary; every id is below it
 *         16     8  hash of the vocabulary (wf_shard_vocab_hash)
 *         24     8  hash of what the texts came from (the writer's)
 *         32     8  texts
 *         40     8  tokens
 *         48     8  bytes that the texts had
 *         56     8  0
 *         64        ids, text behind text; zeros up to a multiple of 8
 *                   for each text where it ends: tokens of it and all before, 8 bytes
 *
 * Little-endian. Written under a temporary name and renamed when whole. A file is checked when it
 * is opened: size, ends, every id. Threads: owner for writers; any for an open shard. */
#ifndef WF_TRAIN_SHARD_H
#define WF_TRAIN_SHARD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/vocab.h"

struct wf_shard_head {
    uint32_t n_vocab;
    uint64_t vocab_hash, source_hash;
    uint64_t n_texts, n_tokens, n_bytes;
};

/* A number of all names and kinds of the tokens, in order. */
uint64_t wf_shard_vocab_hash(const struct wf_vocab *v);

/* ---- reading ---- */

struct wf_shard;

/* Maps a file and checks it. *out is owned by the caller until wf_shard_close. Errors: NOENT, IO,
 * DENIED, FORMAT (says what is wrong), NOMEM. */
int wf_shard_open(const char *path, struct wf_shard **out, struct wf_err *err) WF_MUST_USE;
/* The same of bytes in memory, aligned to 8, which must outlive it. */
int wf_shard_open_bytes(struct wf_str bytes, struct wf_shard **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_shard_close(struct wf_shard *s);

/* What its head says; borrowed. */
const struct wf_shard_head *wf_shard_head(const struct wf_shard *s);
/* Tokens of text i. */
size_t wf_shard_text_len(const struct wf_shard *s, uint64_t i);
/* Copies tokens [from, from + n) of text i, which must have them. */
void wf_shard_read(const struct wf_shard *s, uint64_t i, size_t from, size_t n, int32_t *out);

/* ---- writing ---- */

struct wf_shard_writer;

/* Begins a file; head says n_vocab and the hashes. Errors: as wf_file_create, NOMEM. */
int wf_shard_writer_new(const char *path, const struct wf_shard_head *head,
                        struct wf_shard_writer **out, struct wf_err *err) WF_MUST_USE;
/* Appends a text of n_bytes bytes; ids must be in the vocabulary. Errors: FULL, IO, NOMEM. */
int wf_shard_writer_add(struct wf_shard_writer *w, const int32_t *ids, size_t n, size_t n_bytes,
                        struct wf_err *err) WF_MUST_USE;
/* Makes the file whole and durable and gives it its name. *out_head (may be NULL) is what it says.
 * Errors: FULL, IO, NOMEM. */
int wf_shard_writer_finish(struct wf_shard_writer *w, struct wf_shard_head *out_head,
                           struct wf_err *err) WF_MUST_USE;
/* Removes what was written unless it was finished. NULL is a no-op. */
void wf_shard_writer_free(struct wf_shard_writer *w);

#endif
