/* What is to be fetched, out of what a person wrote and what servers answer: pure functions over
 * text, each with its bounds; nothing here reaches a network or a file.
 *
 * Sources: OCI Distribution Specification 1.1, Docker's token authentication, the media types of
 * Ollama's and Docker's registries, Hugging Face's hub API, RFC 9110 (ranges). Thread rule: any. */
#ifndef WF_DAEMON_FETCH_PARSE_H
#define WF_DAEMON_FETCH_PARSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "engine/model_store.h"

/* ---- what a person wrote ---- */

enum wf_fetch_place {
    WF_FETCH_REGISTRY, /* OCI: Ollama's and others */
    WF_FETCH_HUB,      /* Hugging Face */
    WF_FETCH_URL,      /* one file */
};

struct wf_fetch_target {
    enum wf_fetch_place place;
    char base[512];               /* "https://registry.ollama.ai"; of a URL: all of it */
    char repo[256];               /* "library/smollm2", "USER/REPO" */
    char tag[256];                /* a registry's; of the hub: the quantization, or empty */
    char file[1024];              /* of the hub: the very file, or empty */
    char revision[128];           /* of the hub: "main" */
    char name[WF_MODEL_NAME_MAX]; /* under which it is kept; of the hub without its tag yet */
};

/* Where names without a host are looked for: "registry.ollama.ai", "https://huggingface.co". */
struct wf_fetch_places {
    const char *registry;
    const char *hub;
};

/* Errors: INVAL (neither a name nor a URL; http to another machine; credentials in the URL). */
int wf_fetch_target(const char *text, const struct wf_fetch_places *places,
                    struct wf_fetch_target *out, struct wf_err *err) WF_MUST_USE;

/* Refuses what must not be opened: anything but https, and http to this machine itself. Errors:
 * INVAL. */
int wf_fetch_check_url(const char *url, struct wf_err *err) WF_MUST_USE;
/* The same for a redirect from `from`; never from https to http. */
int wf_fetch_check_redirect(const char *from, const char *to, struct wf_err *err) WF_MUST_USE;
/* Scheme, host and port of a URL, for comparing whom one talks to: "https://huggingface.co". */
struct wf_str wf_fetch_origin(const char *url);

/* ---- what there is to fetch ---- */

struct wf_fetch_file {
    const char *url;
    char digest[72]; /* "sha256:HEX", or empty where nobody says */
    uint64_t bytes;  /* 0: not known */
};

/* Texts are in the arena that the parser was given. */
struct wf_fetch_plan {
    struct wf_fetch_file *files; /* [n_files]; of a split model in order */
    size_t n_files;
    char family[64]; /* where the server says it */
    char tag[64];    /* of the hub: what was chosen, "Q4_K_M"; empty: nothing to choose */
    bool has_projector;
};

/* A part of a manifest that is small and kept as text. */
struct wf_fetch_text {
    const char *key; /* "template", "system", "params", "license", or "config" */
    char digest[72];
    uint64_t bytes;
};
#define WF_FETCH_TEXTS_MAX 16

struct wf_fetch_manifest {
    struct wf_fetch_plan plan; /* URLs are left NULL */
    struct wf_fetch_text texts[WF_FETCH_TEXTS_MAX];
    size_t n_texts;
};

/* An OCI or Docker manifest. Errors: FORMAT, UNSUPPORTED (an index; no model in it; a model with an
 * adapter on top), LIMIT, NOMEM. */
int wf_fetch_manifest(struct wf_str json, struct wf_arena *a, struct wf_fetch_manifest *out,
                      struct wf_err *err) WF_MUST_USE;
/* "model_family" of a manifest's config, or empty. */
void wf_fetch_config_family(struct wf_str json, char out[64]);

/* The list of a repository's files on the hub, out of which `t` chooses. Errors: FORMAT, NOENT (no
 * GGUF, or none of that quantization; the sentence says which there are), LIMIT, NOMEM. */
int wf_fetch_tree(struct wf_str json, const struct wf_fetch_target *t, struct wf_arena *a,
                  struct wf_fetch_plan *out, struct wf_err *err) WF_MUST_USE;
/* "gguf.architecture" of the hub's word about a repository, or empty. */
void wf_fetch_hub_family(struct wf_str json, char out[64]);

/* ---- HTTP ---- */

/* A challenge "Bearer realm=...,service=...,scope=...". False when it is another or malformed. */
struct wf_fetch_challenge {
    char realm[512], service[256], scope[512]; /* empty where absent */
};
bool wf_fetch_challenge(struct wf_str header, struct wf_fetch_challenge *out);
/* "token" or "access_token" of a token server's answer; false where there is none, or it holds
 * what may not stand in a header. */
bool wf_fetch_token(struct wf_str json, char out[8192]);

/* "bytes FROM-TO/ALL" (ALL may be "*": 0). False when malformed or contradicting itself. */
struct wf_fetch_range {
    uint64_t from, to, all; /* to: the last byte */
};
bool wf_fetch_content_range(struct wf_str header, struct wf_fetch_range *out);

#endif
