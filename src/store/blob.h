/* Blobs: the files that were taken in, as they were, named by the hash of their bytes.
 *
 *   tmp/HEX         a copy that is being made, or waits for its group's commit
 *   blobs/ab/abc..  BLAKE2b-256 of the content in hex; never changed, 0600
 *   packs/N         small ones, those of one commit in one file (store/pack.h)
 *
 * A name in blobs/ appears only when its content is durable, so what stands there always has that
 * hash, also after power loss. Every document has a blob; one may serve several documents. */
#ifndef WF_STORE_BLOB_H
#define WF_STORE_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/document.h"
#include "store/store.h"

#define WF_BLOB_TMP_BYTES 24

/* A copy: of a small file in memory, else in tmp/. */
struct wf_blob {
    uint8_t hash[WF_HASH_BYTES];
    uint64_t bytes;
    char *content;                   /* NULL: none, or in tmp/, or staged */
    char tmp[WF_BLOB_TMP_BYTES + 1]; /* its name; empty = none */
    bool placed;                     /* moved to blobs/ */
};

/* Called with the bytes copied so far; a non-zero result stops the copy and is returned. */
typedef int (*wf_blob_progress_fn)(void *ud, uint64_t n_done, struct wf_err *err);

/* Copies the content of `fd` (borrowed; pread from 0) to memory or tmp/ and hashes it, in one pass
 * and in pieces. Not durable yet; to be committed or dropped. `progress` may be NULL. Errors:
 * WF_E_LIMIT (above WF_LIMIT_FILE_BYTES), WF_E_IO, WF_E_FULL, WF_E_INVAL (no regular file). Thread:
 * any. */
int wf_blob_copy(struct wf_store *s, int fd, struct wf_blob *out, wf_blob_progress_fn progress,
                 void *ud, struct wf_err *err) WF_MUST_USE;

/* The same of the file `path` in the data folder, which nobody writes to any more: a large one is
 * linked, not copied, and stays where it is, too. */
int wf_blob_adopt(struct wf_store *s, const char *path, int fd, struct wf_blob *out,
                  wf_blob_progress_fn progress, void *ud, struct wf_err *err) WF_MUST_USE;

/* Moves a copy in memory to the turn's pack; nothing for others. Optional: the commit does it too,
 * but until then the content needs memory. Thread: owner (of the turn). */
int wf_blob_stage(struct wf_store *s, struct wf_blob *b, struct wf_err *err) WF_MUST_USE;

/* Commits the turn's transaction (as wf_store_write_commit) together with the copies that its
 * documents need: they are durable and in blobs/ before the documents are real. On failure no
 * document is there; a blob may stay until the next open sweeps it. Thread: owner (of the turn). */
int wf_blob_commit(struct wf_store *s, struct wf_blob *const *blobs, size_t n,
                   struct wf_err *err) WF_MUST_USE;

/* Forgets a copy that was never committed. Thread: any. */
void wf_blob_drop(struct wf_store *s, struct wf_blob *b);

/* Opens the blob for reading (a small one as a file in memory); the caller closes *out_fd.
 * WF_E_NOENT. Thread: any. */
int wf_blob_open(struct wf_store *s, const uint8_t *hash, int *out_fd,
                 struct wf_err *err) WF_MUST_USE;

/* Removes the blob unless a document has that content. Thread: owner (of the turn). */
int wf_blob_remove(struct wf_store *s, const uint8_t *hash, struct wf_err *err) WF_MUST_USE;

/* Removes the blob though documents have that content: it is elsewhere, and can be fetched again.
 * Thread: owner (of the turn). */
int wf_blob_evict(struct wf_store *s, const uint8_t *hash, struct wf_err *err) WF_MUST_USE;

/* Empties tmp/ and, when it was not empty (a crash), removes blobs that no document and no row of
 * limbo names. Thread: init. */
int wf_blob_sweep(struct wf_store *s, struct wf_err *err) WF_MUST_USE;

/* Checks that the blob is there and has its hash. WF_E_NOENT, WF_E_CORRUPT. Thread: any. */
int wf_blob_check(struct wf_store *s, const uint8_t *hash, struct wf_err *err) WF_MUST_USE;

#endif
