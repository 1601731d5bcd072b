/* Model store: the model files of this machine, by what is in them and by name.
 *
 *   blobs/sha256-HEX        a file, named by the SHA-256 of its bytes
 *   names/NAME/TAG.json     what one name means: {version, kind, parts: [{digest, bytes}], source,
 *                           template?, system?, params?, license?, added_ms}
 *   incoming/               downloads on their way (what fetches them may write here only)
 *
 * A name is [HOST/][USER/]NAME[:TAG], as Ollama and OCI registries have it; TAG is "latest" where
 * none is said. The same bytes are kept once. Importing links or reflinks a file and copies only
 * across file systems. A file is checked to be a GGUF that can be read before a name points to it;
 * a name is written atomically, and a blob that no name points to goes.
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
 * IO, DENIED, NOMEM. */
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

/* Calls fn for every model, by name; another result than 0 ends it and is returned. */
typedef int (*wf_model_entry_fn)(void *ud, const struct wf_model_entry *m);
int wf_model_store_each(struct wf_model_store *s, wf_model_entry_fn fn, void *ud,
                        struct wf_err *err) WF_MUST_USE;

/* What is said of a model beside its file ("template", "system", "params", "license"), by the
 * registry it came from: a new reference to an object, or NULL. */
json_t *wf_model_store_extra(struct wf_model_store *s, const char *name);

#endif
