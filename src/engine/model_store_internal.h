/* What the model store's files share. Only engine/model_store*.c include this. */
#ifndef WF_ENGINE_MODEL_STORE_INTERNAL_H
#define WF_ENGINE_MODEL_STORE_INTERNAL_H

#include <pthread.h>
#include <time.h>

#include "base/buf.h"
#include "base/map.h"
#include "engine/model_store.h"
#include "model/gguf.h"

/* "sha256:" and 64 hex digits. */
#define WF_MODEL_DIGEST_LEN 71
#define WF_MODEL_HEX(digest) ((digest) + 7)

struct wf_model_store {
    char dir[WF_LIMIT_PATH_BYTES];
    char incoming[WF_LIMIT_PATH_BYTES];
    pthread_mutex_t lock; /* guards the files below names/, blobs/ and splits/, and default_name */
    char default_name[WF_MODEL_NAME_MAX];
    struct wf_model_list *list; /* the last one that was read; NULL: none. Guarded by the lock */
};

/* A file or folder below names/, as it was when it was looked at. */
struct wf_model__seen {
    char *path; /* owned */
    struct timespec changed;
    uint64_t inode, bytes;
};

/* Every one of them. */
struct wf_model__sight {
    struct wf_model__seen *items; /* [n] */
    size_t n, cap;
};

/* ---- paths (model_store.c); LIMIT when one is too long ---- */

/* dir/what/name. */
int wf_model__path(const struct wf_model_store *s, const char *what, const char *name,
                   char out[WF_LIMIT_PATH_BYTES], struct wf_err *err) WF_MUST_USE;
/* blobs/sha256-HEX of a digest. */
int wf_model__blob_path(const struct wf_model_store *s, const char *digest,
                        char out[WF_LIMIT_PATH_BYTES], struct wf_err *err) WF_MUST_USE;
/* names/.../TAG.json of a full name. */
int wf_model__name_path(const struct wf_model_store *s, const char *name,
                        char out[WF_LIMIT_PATH_BYTES], struct wf_err *err) WF_MUST_USE;
/* What a model with these parts is opened by: its blob, or the first link below splits/. */
int wf_model__open_path(const struct wf_model_store *s, const char *digest, size_t n_parts,
                        char out[WF_LIMIT_PATH_BYTES], struct wf_err *err) WF_MUST_USE;

/* True for "sha256:" and 64 lower-case hex digits. */
bool wf_model__is_digest(const char *digest);

/* ---- names and their files (model_store.c) ---- */

/* The full names that there are, sorted, each with a NUL behind it, in a buffer that the caller
 * initialised. The lock is held. Errors: IO, NOMEM. */
int wf_model__names(struct wf_model_store *s, struct wf_buf *out, size_t *out_n,
                    struct wf_err *err) WF_MUST_USE;
/* The same, and how each file and folder was before it was looked into; *io is the caller's, also
 * after an error. */
int wf_model__names_seen(struct wf_model_store *s, struct wf_buf *out, size_t *out_n,
                         struct wf_model__sight *io, struct wf_err *err) WF_MUST_USE;
/* Reads a name's file: a new reference, checked. The lock is held. Errors: NOENT, CORRUPT, NOMEM,
 * IO. */
int wf_model__read(struct wf_model_store *s, const char *name, json_t **out,
                   struct wf_err *err) WF_MUST_USE;
/* Writes it, durably. The lock is held. Errors: IO, FULL, NOMEM. */
int wf_model__write(struct wf_model_store *s, const char *name, const json_t *record,
                    struct wf_err *err) WF_MUST_USE;
/* As wf_model_store_find, but its file's content. The lock is held. */
int wf_model__resolve(struct wf_model_store *s, const char *name, char out_name[WF_MODEL_NAME_MAX],
                      json_t **out_record, struct wf_err *err) WF_MUST_USE;

/* ---- all of them at once (model_store_list.c) ---- */

/* As wf_model_store_list, borrowed from the store until its lock, which is held, is let go. */
int wf_model__list(struct wf_model_store *s, const struct wf_model_list **out,
                   struct wf_err *err) WF_MUST_USE;
/* Forgets what was read. The lock is held. */
void wf_model__list_drop(struct wf_model_store *s);
/* The names of a list, also those whose files cannot be read, as wf_model__names has them. */
const struct wf_buf *wf_model__list_names(const struct wf_model_list *l, size_t *out_n);

/* ---- what a name's file says (model_store_record.c) ---- */

/* True when it says all that an entry needs. */
bool wf_model__record_is_sound(const json_t *record);
/* The entry of a sound record. Errors: LIMIT. */
int wf_model__entry(const struct wf_model_store *s, const char *name, const json_t *record,
                    struct wf_model_entry *out, struct wf_err *err) WF_MUST_USE;
/* Reads the facts of the GGUF at `path` into the record. Errors: those of wf_gguf_open and
 * wf_params_read. */
int wf_model__read_facts(const char *path, json_t *record, struct wf_err *err) WF_MUST_USE;

/* ---- removing (model_store_sweep.c) ---- */

/* Removes blobs and splits that no name points to. The lock is held. Errors: IO, NOMEM, CORRUPT (a
 * name's file cannot be read: nothing was removed). */
int wf_model__collect(struct wf_model_store *s, struct wf_err *err) WF_MUST_USE;

/* ---- bytes (model_store_write.c) ---- */

/* The SHA-256 of a file as "sha256:HEX". base and n_all are for progress (may be NULL): what was
 * done before, and all. */
struct wf_model__hashing {
    wf_model_progress_fn progress;
    void *ud;
    uint64_t n_done, n_all;
};
int wf_model__hash(const char *path, struct wf_model__hashing *h, char out[72], uint64_t *out_bytes,
                   struct wf_err *err) WF_MUST_USE;

#endif
