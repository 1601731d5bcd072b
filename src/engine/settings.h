/* Settings of the model runtime: one table of options gives name, kind, default, bounds and help.
 *
 * The file weft.conf, the environment, flags of commands and the documentation all come from it; a
 * request may say some of them for itself (struct wf_load). Threads: any. */
#ifndef WF_ENGINE_SETTINGS_H
#define WF_ENGINE_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/config.h"

#define WF_MODEL_SETTING_TEXT 256

struct wf_model_settings {
    char model[WF_MODEL_SETTING_TEXT]; /* the default model; empty: the latest chat model */
    char draft[WF_MODEL_SETTING_TEXT]; /* guesses for larger ones; empty: none */
    int64_t context;                   /* tokens; 0: as large as fits */
    int64_t threads;                   /* 0: as many as fast cores */
    int64_t parallel;                  /* texts written at once */
    int64_t batch;                     /* tokens of one pass */
    int64_t cache;                     /* enum wf_kv_kind */
    int64_t activations;               /* enum wf_act */
    int64_t keep_alive_s;              /* -1: always */
    int64_t memory_mib;                /* for caches and buffers of all models; 0: half of what is
                                          available */
};

struct wf_model_option {
    const char *name;           /* "model_context"; NULL ends the table */
    size_t offset;              /* in struct wf_model_settings */
    size_t text_bytes;          /* of a text field; 0: int64_t */
    const char *fallback;       /* the default, as text */
    int64_t min, max;           /* of a number */
    const char *const *choices; /* names of the values 0, 1, ...; NULL: a number or a text */
    const char *help;
};

/* The table. Static storage. */
const struct wf_model_option *wf_model_options(void);

#endif
