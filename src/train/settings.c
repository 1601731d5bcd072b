/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what a training can be told. */
#include "train/settings.h"

#include <stddef.h>

#define TEXT(f, fallback_, help_)                                                                  \
    {                                                                                              \
        .name = #f, .kind = WF_CONF_TEXT, .offset = offsetof(struct wf_train_settings, f),         \
        .text_bytes = sizeof(((struct wf_train_settings *)0)->f), .fallback = (fallback_),         \
        .help = (help_)                                                                            \
    }
#define NUMBER(f, fallback_, min_, max_, help_)                                                    \
    {                                                                                              \
        .name = #f, .kind = WF_CONF_NUMBER, .offset = offsetof(struct wf_train_settings, f),       \
        .fallback = (fallback_), .min = (min_), .max = (max_), .help = (help_)                     \
    }
#define REAL(f, fallback_, min_, max_, help_)                                                      \
    {                                                                                              \
        .name = #f, .kind = WF_CONF_REAL, .offset = offsetof(struct wf_train_settings, f),         \
        .fallback = (fallback_), .min = (min_), .max = (max_), .help = (help_)                     \
    }
#define CHOICE(f, fallback_, choices_, help_)                                                      \
    {                                                                                              \
        .name = #f, .kind = WF_CONF_CHOICE, .offset = offsetof(struct wf_train_settings, f),       \
        .fallback = (fallback_), .choices = (choices_), .help = (help_)                            \
    }

static const char *const precisions[] = {"auto", "f32", "bf16", NULL};
static const char *const optimisers[] = {"adamw", "muon", NULL};
static const char *const parts[] = {"all", "heads", NULL};
/* In the order of enum wf_schedule_kind. */
static const char *const schedules[] = {"constant", "linear", "cosine", "trapezoid", NULL};

static const struct wf_conf_option options[] = {
    TEXT(data, "", "folder of the given texts"),
    TEXT(work, "", "folder of what was made of them: vocabulary and tokens"),
    TEXT(out, NULL, "folder for checkpoints and figures"),
    TEXT(vocab, NULL, "vocabulary, a GGUF file in the work folder"),
    TEXT(start_from, "", "checkpoint to begin with, tensor by tensor of the same name and size"),
    NUMBER(seed, "1", 0, 1e15, "of everything random"),
    NUMBER(threads, "0", 0, 256, "0: as many as processors"),
    CHOICE(precision, "auto", precisions, "of products; sums are float32 always"),
    CHOICE(part, "all", parts, "what learns: all, or the tasks' heads only"),
    CHOICE(optimiser, "adamw", optimisers, "of the layers' matrices; all else goes by adamw"),
    NUMBER(batch_tokens, "8192", 1, 1 << 26, "tokens of one step"),
    NUMBER(micro_tokens, "4096", 8, 65536, "tokens that go through the network at once"),
    NUMBER(text_tokens, "128", 4, 65536, "tokens of the longest text"),
    NUMBER(steps, "0", 0, 1e12, "steps; or epochs"),
    REAL(epochs, "0", 0, 1e6, "passes over the first task's data; or steps"),
    REAL(rate, NULL, 0, 10, "the highest learning rate"),
    REAL(floor, "0.1", 0, 1, "the lowest rate, as a part of the highest"),
    CHOICE(schedule, "cosine", schedules, "how the rate falls"),
    NUMBER(warmup_steps, "0", 0, 1e12, "steps in which the rate rises"),
    REAL(cooldown, "0.2", 0, 1, "of a trapezoid: the part of all steps in which the rate falls"),
    REAL(head_rate, "1", 0, 1000, "the heads' learning rate, as a multiple"),
    REAL(decay, "0.01", 0, 10, "weight decay"),
    REAL(beta1, "0.9", 0, 0.9999, "memory of gradients"),
    REAL(beta2, "0.98", 0, 0.99999, "memory of their squares"),
    REAL(eps, "1e-8", 1e-20, 1, "what is added to their root"),
    REAL(momentum, "0.95", 0, 0.9999, "muon's memory of gradients"),
    REAL(clip, "1", 0, 1e9, "the most that the gradients' norm may be; 0: any"),
    REAL(dropout, "0", 0, 0.9, "of what each half of a layer adds"),
    NUMBER(checkpoint_s, "300", 1, 86400, "seconds between checkpoints"),
    NUMBER(evaluate_steps, "500", 1, 1e12, "steps between looks at what is kept aside"),
    NUMBER(log_steps, "10", 1, 1e12, "steps of one row of figures"),
    {.name = NULL},
};

static const struct wf_conf_option task_options[] = {
    {.name = "weight",
     .kind = WF_CONF_REAL,
     .offset = offsetof(struct wf_train_task_settings, weight),
     .fallback = "1",
     .min = 1e-6,
     .max = 1e6,
     .help = "its share of batches, beside the others' weights"},
    {.name = "scale",
     .kind = WF_CONF_REAL,
     .offset = offsetof(struct wf_train_task_settings, scale),
     .fallback = "1",
     .min = 0,
     .max = 1e6,
     .help = "what its loss is multiplied with"},
    {.name = NULL},
};

const struct wf_conf_option *wf_train_options(void)
{
    return options;
}

const struct wf_conf_option *wf_train_task_options(void)
{
    return task_options;
}
