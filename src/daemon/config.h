/* Config: one table of settings gives name, default, bounds and help; the file weft.conf, the
 * environment and the command line all come from it.
 *
 * weft.conf holds lines `name = value`; `#` begins a comment. An unknown name or a value out of its
 * bounds is an error that names file and line: a typing error must not pass as a default.
 * Thread rule: owner. */
#ifndef WF_DAEMON_CONFIG_H
#define WF_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/settings.h"

struct wf_config {
    char host[64];              /* numeric address of the HTTP port */
    int64_t port;               /* 0 = any free one */
    int64_t link_port;          /* for other nodes; 0: none */
    char origins[1024];         /* of pages elsewhere; empty: none */
    char link_host[64];         /* empty: all addresses */
    int64_t link_discover;      /* 0: no mDNS */
    int64_t lan;                /* 1: phones may come */
    int64_t lan_port;           /* for them */
    char lan_host[64];          /* empty: all private addresses */
    int64_t log_level;          /* enum wf_log_level */
    int64_t extract_memory_mib; /* of one extract worker */
    int64_t extract_time_s;
    char registry[256];
    char huggingface[256]; /* without a slash at its end */
    char huggingface_token[256];
    char ca_file[1024];     /* empty: the system's */
    char lens[1024];        /* "on", "off", or a file */
    int64_t plain_words;    /* 0: a sentence is no command */
    int64_t search_vectors; /* 0: search by words alone, and make no vectors; 1: by meaning, too;
                               2: the same if the lens was fitted for it */
    int64_t search_rerank;  /* passages that the lens reads with a question */
    int64_t summarize_lens; /* 0: summaries by words' counts alone */
    int64_t route_balance;  /* enum wf_balance */
    int64_t route_hedge;    /* 0: nobody else is asked where an engine is late */
    int64_t route_consent;  /* 1: "auto" may ask what the policy wants asked for */
    int64_t carbon_g_kwh;   /* of the device's current; 0: not said */
    char node_name[65];     /* empty: the machine's */
    int64_t node_tier;      /* enum wf_node_tier */
    int64_t node_offers;    /* enum wf_nodes_offers */
    int64_t documents;      /* enum wf_blobs_keep; 3: as the disk's size asks for */
    int64_t documents_small_mb, documents_mb;
    struct wf_model_settings models;
};

struct wf_config_option {
    const char *name;
    size_t offset;     /* in struct wf_config */
    size_t text_bytes; /* size of a text field; 0: the field is an int64_t */
    const char *fallback;
    int64_t min, max;
    const char *const *choices; /* names of the values 0, 1, ..., ended by NULL; or NULL */
    const char *help;
};

/* The i-th option, those of the model runtime (engine/settings.h) behind the daemon's own; false
 * behind the last. Texts are static. */
bool wf_config_option_at(size_t i, struct wf_config_option *out);

/* The environment's name of an option, "WEFT_MODEL_CONTEXT", into out. */
#define WF_CONFIG_ENV_BYTES 64
void wf_config_env_name(const struct wf_config_option *o, char out[WF_CONFIG_ENV_BYTES]);

/* All defaults. */
void wf_config_init(struct wf_config *c);

/* Sets one option from text. WF_E_NOENT (no such option), WF_E_RANGE, WF_E_INVAL. */
int wf_config_set(struct wf_config *c, struct wf_str name, struct wf_str value,
                  struct wf_err *err) WF_MUST_USE;

/* Reads the file over what is set; a missing file is no error. Errors name file and line. */
int wf_config_load(struct wf_config *c, const char *path, struct wf_err *err) WF_MUST_USE;

#endif
