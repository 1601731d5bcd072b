/* Model store: the model files of this machine, by what is in them and by name.
 *
 *   blobs/sha256-HEX        a file, named by the SHA-256 of its bytes
 *   names/NAME/TAG.json     what one name means: {version, kind, parts: [{digest, bytes}], source,
 *                           template?, system?, params?, license?, added_ms} and the facts of
 *                           struct wf_model_entry
 *   splits/HEX/             links to the parts of a split file, under the names splitting asks for
 *   incoming/               files on their way (what fetches them may write here only)
 *
 * A name is [HOST/][USER/]NAME[:TAG], as Ollama and OCI registries have it; TAG is "latest" where
 * none is said. The same bytes are kept once. Importing links or reflinks a file and copies only
 * across file systems. A file is checked to be a GGUF that can be read before a name points to it;
 * a name is written atomically, and a blob that no name points to goes. Killed at any moment it
 * loses nothing that was acknowledged: files are durable before a name points to them.
 *
 * One process at a time writes (the core, which holds its home's lock); others may read.
 * Threads: any. */
#ifndef WF_ENGINE_MODEL_STORE_H
#define WF_ENGINE_MODEL_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"

#define WF_MODEL_NAME_MAX 256

struct wf_model_store;

/* Opens the store in `dir` (made where it is missing, 0700). *out is owned by the caller. Errors:
 * IO, DENIED, LIMIT (the path is too long), NOMEM. */
int wf_model_store_open(const char *dir, struct wf_model_store **out,
                        struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_model_store_close(struct wf_model_store *s);

enum wf_model_kind {
    WF_MODEL_CHAT,    /* a decoder with a chat template */
    WF_MODEL_TEXT,    /* a decoder without one */
    WF_MODEL_EMBED,   /* an encoder */
    WF_MODEL_RERANK,  /* one with a classification head */
    WF_MODEL_ADAPTER, /* LoRA */
};

/* One model of the store. */
struct wf_model_entry {
    char name[WF_MODEL_NAME_MAX];   /* full: "smollm2:latest" */
    char digest[72];                /* "sha256:HEX" of the first part */
    char path[WF_LIMIT_PATH_BYTES]; /* of the first part; a GGUF (split parts lie beside it under
                                       the names that splitting asks for) */
    enum wf_model_kind kind;
    uint64_t bytes;        /* of all parts */
    uint64_t n_params;     /* weights */
    uint64_t n_context;    /* it was trained for */
    char family[32];       /* "llama" */
    char quantization[16]; /* "Q4_K_M", by the file's own word or its commonest type */
    int64_t added_ms;      /* since 1970 */
    char source[512];      /* where it came from: a URL, a path */
};

/* Finds a model: by its name, with or without tag, or by the beginning (at least 8 characters) of a
 * digest. NULL or empty: the default one (the setting's, else the only or the latest chat model).
 * Errors: NOENT (the sentence lists a few that there are, or says how to get one), INVAL (not a
 * name). */
int wf_model_store_find(struct wf_model_store *s, const char *name, struct wf_model_entry *out,
                        struct wf_err *err) WF_MUST_USE;

/* The models at one moment, by name; never changes, and is shared. Reading them again costs a look
 * at the names' files only, as long as those are as they were. */
struct wf_model_list;
/* *out lives until wf_model_list_unref, which comes before the store is closed. Errors: IO, NOMEM.
 */
int wf_model_store_list(struct wf_model_store *s, const struct wf_model_list **out,
                        struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_model_list_unref(const struct wf_model_list *l);
/* How many there are, and each. */
size_t wf_model_list_n(const struct wf_model_list *l);
const struct wf_model_entry *wf_model_list_at(const struct wf_model_list *l, size_t i);
/* As wf_model_store_find; NULL: there is none. Borrowed from the list. */
const struct wf_model_entry *wf_model_list_find(const struct wf_model_list *l, const char *name);

/* Calls fn for every model, by name; another result than 0 ends it and is returned. */
typedef int (*wf_model_entry_fn)(void *ud, const struct wf_model_entry *m);
int wf_model_store_each(struct wf_model_store *s, wf_model_entry_fn fn, void *ud,
                        struct wf_err *err) WF_MUST_USE;

/* What is said of a model beside its file ("template", "system", "params", "license"), by the
 * registry it came from: a new reference to an object, or NULL. */
json_t *wf_model_store_extra(struct wf_model_store *s, const char *name);

/* The name that wf_model_store_find takes for NULL; NULL or empty: none. Copied. */
void wf_model_store_set_default(struct wf_model_store *s, const char *name);

/* ---- names ---- */

/* The full form of a name: a tag is added where there is none, "registry.ollama.ai/" and "library/"
 * in front go. Errors: INVAL (not a name). */
int wf_model_name(const char *name, char out[WF_MODEL_NAME_MAX], struct wf_err *err) WF_MUST_USE;

/* A name out of a file's: "dir/Some-Model-Q4_K_M.gguf" gives "some-model-q4_k_m", a split file's
 * number goes. It may be none (see wf_model_name). */
void wf_model_name_of_file(const char *path, char out[WF_MODEL_NAME_MAX]);

/* ---- writing ---- */

/* The folder for files on their way. Borrowed from the store. */
const char *wf_model_store_incoming(const struct wf_model_store *s);

/* Called while bytes are read; another result than 0 ends the work with CANCELED. */
typedef int (*wf_model_progress_fn)(void *ud, uint64_t n_done, uint64_t n_all);

/* Brings the regular file at `path` into incoming/ under a new name, which `out_file` gets: as a
 * hard link, else as a reflink, else as a copy. progress (may be NULL) is told of a copy only. The
 * file at `path` must not be changed afterwards: a link shares its bytes. Errors: NOENT, INVAL (no
 * file), DENIED, IO, FULL, CANCELED. */
#define WF_MODEL_FILE_MAX 64
int wf_model_store_place(struct wf_model_store *s, const char *path, wf_model_progress_fn progress,
                         void *ud, char out_file[WF_MODEL_FILE_MAX],
                         struct wf_err *err) WF_MUST_USE;

/* A file of a model that is to get a name. */
struct wf_model_part {
    const char *file;   /* its path below incoming/; NULL: a blob that is there already */
    const char *digest; /* "sha256:HEX" that it must have; may be NULL where there is a file */
};

struct wf_model_commit {
    const char *name;
    const struct wf_model_part *parts; /* [n_parts], in the order of a split file */
    size_t n_parts;                    /* 1..WF_LIMIT_GGUF_PARTS */
    const char *source;                /* a URL or path, for people; may be NULL */
    const json_t *extra;               /* see wf_model_store_extra; may be NULL */
    wf_model_progress_fn progress;     /* of checking the files; may be NULL */
    void *ud;
};

/* Makes files of incoming/ a model: reads them for their SHA-256, checks that they are a GGUF that
 * can be read, makes them durable, and lets the name point to them (instead of what it pointed to
 * before). *out (may be NULL) is the entry. The files are gone from incoming/ afterwards; after the
 * errors IO, FULL, NOMEM, CANCELED and INVAL they stay there. Errors: INVAL (the name), CORRUPT
 * (another digest), FORMAT, UNSUPPORTED (the GGUF), NOENT (a file or blob is missing), CANCELED,
 * IO, FULL, NOMEM. */
int wf_model_store_commit(struct wf_model_store *s, const struct wf_model_commit *c,
                          struct wf_model_entry *out, struct wf_err *err) WF_MUST_USE;

/* How many files the name of the first part of a split model says there are
 * (NAME-00001-of-00003.gguf); 1 where it says nothing. */
size_t wf_model_parts_of(const char *path);
/* The path of part i (from 0) beside the first one's. Errors: LIMIT (too long). */
int wf_model_part_path(const char *first, size_t i, char out[WF_LIMIT_PATH_BYTES],
                       struct wf_err *err) WF_MUST_USE;

/* wf_model_store_place and _commit of a file with its other parts. progress may be NULL. Errors: of
 * both. */
int wf_model_store_import(struct wf_model_store *s, const char *path, const char *name,
                          wf_model_progress_fn progress, void *ud, struct wf_model_entry *out,
                          struct wf_err *err) WF_MUST_USE;

/* Removes a name, and the blobs that only it pointed to. Durable when it returns. Errors: NOENT,
 * INVAL, IO. */
int wf_model_store_remove(struct wf_model_store *s, const char *name,
                          struct wf_err *err) WF_MUST_USE;

/* Lets a second name point to what `from` means. Errors: NOENT, INVAL, IO, FULL, NOMEM. */
int wf_model_store_copy(struct wf_model_store *s, const char *from, const char *to,
                        struct wf_err *err) WF_MUST_USE;

/* Reads all parts again and compares their digests. progress may be NULL. Errors: CORRUPT (what a
 * name says is not what lies there), NOENT, INVAL, CANCELED, IO, NOMEM. */
int wf_model_store_verify(struct wf_model_store *s, const char *name, wf_model_progress_fn progress,
                          void *ud, struct wf_err *err) WF_MUST_USE;

/* Removes a file of incoming/, or a folder with all in it. Errors: IO, LIMIT. */
int wf_model_store_discard(struct wf_model_store *s, const char *file,
                           struct wf_err *err) WF_MUST_USE;

/* True when the blob is there; then *out_bytes (may be NULL) is its size. */
bool wf_model_store_has(struct wf_model_store *s, const char *digest, uint64_t *out_bytes);

/* Opens a blob for reading; the caller closes *out_fd. Errors: NOENT, IO. */
int wf_model_store_open_blob(struct wf_model_store *s, const char *digest, int *out_fd,
                             struct wf_err *err) WF_MUST_USE;

/* What a name's file says, for another node that is to have the model, too: *out is a new
 * reference. Errors: NOENT, INVAL (not a name), CORRUPT, IO, NOMEM. */
int wf_model_store_record(struct wf_model_store *s, const char *name, json_t **out,
                          struct wf_err *err) WF_MUST_USE;

/* After a start: removes what a crash left, blobs without a name, and files that have lain in
 * incoming/ for a month. Only for the process that writes. Errors: IO, NOMEM. */
int wf_model_store_sweep(struct wf_model_store *s, struct wf_err *err) WF_MUST_USE;

/* "chat", "text", "embed", "rerank", "adapter". Static storage. */
const char *wf_model_kind_name(enum wf_model_kind kind);

#endif
