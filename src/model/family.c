/* SPDX-License-Identifier: Apache-2.0 */
/* The table of families. Sources: the models' papers and cards, and the GGUF naming of their
 * metadata; each row is checked against a reference engine's logits (tests/unit/test_transformer).
 */
#include "model/family.h"

#include "base/buf.h"

static const struct wf_family families[] = {
    {.name = "llama", .rope = WF_ROPE_PAIRS, .flags = WF_FAMILY_NO_WINDOW},
    {.name = "mistral3", .rope = WF_ROPE_PAIRS, .flags = WF_FAMILY_NO_WINDOW},
    {.name = "qwen2", .rope = WF_ROPE_HALVES, .flags = WF_FAMILY_NO_WINDOW},
    {.name = "qwen3", .rope = WF_ROPE_HALVES, .flags = WF_FAMILY_NO_WINDOW},
    {.name = "qwen3moe", .rope = WF_ROPE_HALVES, .flags = WF_FAMILY_NO_WINDOW},
    {.name = "gemma2",
     .rope = WF_ROPE_HALVES,
     .ffn = WF_FFN_GELU,
     .flags = WF_FAMILY_EMBED_SQRT | WF_FAMILY_SOFT_CAPS,
     .window_period = 2,
     .window_default = 4096,
     .layers_27b = 46},
    {.name = "gemma3",
     .rope = WF_ROPE_HALVES,
     .ffn = WF_FFN_GELU,
     .flags = WF_FAMILY_EMBED_SQRT,
     .window_period = 6,
     .layers_27b = 62},
    {.name = "phi3", .rope = WF_ROPE_HALVES, .flags = WF_FAMILY_NO_WINDOW},
    {.name = "smollm3", .rope = WF_ROPE_PAIRS, .flags = WF_FAMILY_NO_WINDOW, .no_rope_period = 4},
    {.name = "granite", .rope = WF_ROPE_PAIRS, .flags = WF_FAMILY_NO_WINDOW | WF_FAMILY_SCALES},
    {.name = "granitemoe", .rope = WF_ROPE_PAIRS, .flags = WF_FAMILY_NO_WINDOW | WF_FAMILY_SCALES},
    {.name = "lfm2", .rope = WF_ROPE_HALVES, .flags = WF_FAMILY_CONV, .window_period = UINT32_MAX},
    {.name = "gpt-oss",
     .rope = WF_ROPE_HALVES,
     .ffn = WF_FFN_CLAMPED,
     .flags = WF_FAMILY_EXPERTS_LATE | WF_FAMILY_FFN_POST,
     .window_period = 2},
    {.name = "bert", .ffn = WF_FFN_GELU, .flags = WF_FAMILY_ENCODER},
    {.name = "nomic-bert", .rope = WF_ROPE_HALVES, .flags = WF_FAMILY_ENCODER},
    {.name = "lens", .rope = WF_ROPE_HALVES, .flags = WF_FAMILY_BOTH_WAYS | WF_FAMILY_NO_WINDOW},
};

#define N_FAMILIES (sizeof(families) / sizeof(families[0]))

bool wf_family_sees_all(const struct wf_family *f)
{
    return (f->flags & (WF_FAMILY_ENCODER | WF_FAMILY_BOTH_WAYS)) != 0;
}

const struct wf_family *wf_family_by_name(struct wf_str name)
{
    for (size_t i = 0; i < N_FAMILIES; i++) {
        if (wf_str_eq(name, wf_str_from(families[i].name)))
            return &families[i];
    }
    return NULL;
}

int wf_family_refuse(struct wf_str name, struct wf_err *err)
{
    struct wf_buf list;
    int rc;

    wf_buf_init(&list, WF_ERR_MSG_MAX);
    for (size_t i = 0; i < N_FAMILIES; i++)
        (void)wf_buf_appendf(&list, " %s", families[i].name); /* cut when it does not fit */
    rc = wf_err_set(err, WF_E_UNSUPPORTED,
                    "Models of the family '%.*s' are not supported. These are:%.*s.",
                    WF_STR_ARG(wf_str_sub(name, 0, 40)), WF_STR_ARG(wf_buf_str(&list)));
    wf_buf_deinit(&list);
    return rc;
}
