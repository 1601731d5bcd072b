/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the model runtime's options. */
#include "engine/settings.h"

#define FIELD(f) offsetof(struct wf_model_settings, f)

static const char *const caches[] = {"f32", "f16", "q8_0", NULL}; /* enum wf_kv_kind */
static const char *const activations[] = {"f32", "q8", NULL};     /* enum wf_act */

static const struct wf_model_option options[] = {
    {"model", FIELD(model), WF_MODEL_SETTING_TEXT, "", 0, 0, NULL,
     "the model that answers when a request names none; empty: the latest that can chat"},
    {"model_context", FIELD(context), 0, "0", 0, 1 << 30, NULL,
     "tokens a text may have; 0: what the model was trained for, or as much as fits in memory"},
    {"model_threads", FIELD(threads), 0, "0", 0, 256, NULL,
     "threads that compute; 0: as many as fast cores"},
    {"model_parallel", FIELD(parallel), 0, "8", 1, 64, NULL, "texts that are written at once"},
    {"model_batch", FIELD(batch), 0, "512", 1, 65536, NULL,
     "tokens of a prompt that are read in one pass"},
    {"model_cache", FIELD(cache), 0, "f16", 0, 2, caches,
     "how the cache keeps numbers: f16, q8_0 (half the memory, a little less exact) or f32"},
    {"model_activations", FIELD(activations), 0, "q8", 0, 1, activations,
     "how activations meet quantised weights: q8 (fast) or f32 (exact)"},
    {"model_draft", FIELD(draft), WF_MODEL_SETTING_TEXT, "", 0, 0, NULL,
     "a small model that guesses for larger ones with the same vocabulary while that makes them "
     "faster; what they write stays the same; empty: none"},
    {"model_keep_alive_s", FIELD(keep_alive_s), 0, "300", -1, 31536000, NULL,
     "seconds that a model stays loaded after its last use; -1: always"},
    {"model_memory_mib", FIELD(memory_mib), 0, "0", 0, 1 << 24, NULL,
     "memory for the caches of models; 0: half of what is available"},
    {NULL, 0, 0, NULL, 0, 0, NULL, NULL},
};

const struct wf_model_option *wf_model_options(void)
{
    return options;
}
