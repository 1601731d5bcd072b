/* SPDX-License-Identifier: Apache-2.0 */
/* Dialects: the table of families, and how a template tells its own.
 *
 * A family that writes calls like another is no row of its own. The order of `signs` is that in
 * which a template is asked: the more particular first. Sources: the chat templates that the
 * families publish with their models. */
#include "model/dialect.h"

#include <string.h>

#include "model/dialect_internal.h"

static const struct wf_dialect_marks qwen_coder_marks = {
    .open = "<function=",
    .name_end = ">",
    .key_open = "<parameter=",
    .key_end = ">",
    .value_open = "",
    .value_end = "</parameter>",
    .close = "</function>",
    .has_lines = true,
};

static const struct wf_dialect_marks minicpm_marks = {
    .open = "<function name=\"",
    .name_end = "\">",
    .key_open = "<param name=\"",
    .key_end = "\">",
    .value_open = "",
    .value_end = "</param>",
    .close = "</function>",
};

static const struct wf_dialect_marks glm_marks = {
    .open = "",
    .name_end = "\n",
    .key_open = "<arg_key>",
    .key_end = "</arg_key>",
    .value_open = "<arg_value>",
    .value_end = "</arg_value>",
    .close = "",
};

static const struct wf_dialect_marks minimax_marks = {
    .open = "<invoke name=\"",
    .name_end = "\">",
    .key_open = "<parameter name=\"",
    .key_end = "\">",
    .value_open = "",
    .value_end = "</parameter>",
    .close = "</invoke>",
};

static const struct wf_dialect_marks dsml_marks = {
    .open = "<｜DSML｜invoke name=\"",
    .name_end = "\">",
    .key_open = "<｜DSML｜parameter name=\"",
    .key_end = "\"",
    .value_open = ">",
    .value_end = "</｜DSML｜parameter>",
    .close = "</｜DSML｜invoke>",
    .is_json = "string=\"false\"",
};

#define THINK .think_open = "<think>", .think_close = "</think>"
#define TOOL_CALL_TAGS .begin = "<tool_call>", .end = "</tool_call>"
/* A call without any mark around it, at the beginning of an answer. */
#define BARE(form)                                                                                 \
    {                                                                                              \
        .begin = "", .forms = (form)                                                               \
    }

enum {
    HARMONY,
    DEEPSEEK,
    DEEPSEEK_V31,
    DSML,
    KIMI,
    MISTRAL,
    MISTRAL_ARGS,
    LFM2,
    PHI,
    GRANITE,
    GRANITE_3,
    QWEN_CODER,
    SEED,
    MINICPM,
    GLM,
    MINIMAX,
    MINIMAX_M1,
    NEMOTRON,
    LLAMA3,
    LLAMA4,
    HERMES,
    GEMMA,
    JSON,
};

static const struct wf_dialect rows[] = {
    [HARMONY] = {
        .name = "harmony",
        .is_harmony = true,
        .sections = {{.begin = "<|channel|>", .name_prefix = "functions."}},
    },
    [DEEPSEEK] = {
        .name = "deepseek",
        THINK,
        .sections = {{
            .begin = "<｜tool▁calls▁begin｜>",
            .end = "<｜tool▁calls▁end｜>",
            .forms = WF_CALL_NAMED,
            .tool_kind = "function",
            .group = WF_GROUP_ALL,
            .call_begin = "<｜tool▁call▁begin｜>",
            .call_end = "<｜tool▁call▁end｜>",
            .sep = "<｜tool▁sep｜>",
        }},
    },
    [DEEPSEEK_V31] = {
        .name = "deepseek-v3.1",
        THINK,
        .sections = {{
            .begin = "<｜tool▁calls▁begin｜>",
            .end = "<｜tool▁calls▁end｜>",
            .forms = WF_CALL_NAMED,
            .group = WF_GROUP_ALL,
            .call_begin = "<｜tool▁call▁begin｜>",
            .call_end = "<｜tool▁call▁end｜>",
            .sep = "<｜tool▁sep｜>",
        }},
    },
    [DSML] = {
        .name = "dsml",
        THINK,
        .sections = {{
            .begin = "<｜DSML｜function_calls>",
            .end = "</｜DSML｜function_calls>",
            .forms = WF_CALL_MARKS,
            .group = WF_GROUP_ALL,
            .marks = &dsml_marks,
        }, {
            .begin = "<｜DSML｜tool_calls>",
            .end = "</｜DSML｜tool_calls>",
            .forms = WF_CALL_MARKS,
            .group = WF_GROUP_ALL,
            .marks = &dsml_marks,
        }},
    },
    [KIMI] = {
        .name = "kimi",
        THINK,
        .is_name_id = true,
        .sections = {{
            .begin = "<|tool_calls_section_begin|>",
            .end = "<|tool_calls_section_end|>",
            .forms = WF_CALL_NAMED,
            .group = WF_GROUP_ALL,
            .call_begin = "<|tool_call_begin|>",
            .call_end = "<|tool_call_end|>",
            .sep = "<|tool_call_argument_begin|>",
            .name_prefix = "functions.",
        }},
    },
    [MISTRAL] = {
        .name = "mistral",
        .think_open = "[THINK]",
        .think_close = "[/THINK]",
        .has_short_ids = true,
        .arguments = "arguments",
        .sections = {{
            .begin = "[TOOL_CALLS]",
            .forms = WF_CALL_JSON | WF_CALL_NAMED,
            .is_json_first = true,
            .group = WF_GROUP_LIST,
            .sep = "[ARGS]",
        }},
    },
    [MISTRAL_ARGS] = {
        .name = "mistral-args",
        .think_open = "[THINK]",
        .think_close = "[/THINK]",
        .has_short_ids = true,
        .sections = {{
            .begin = "[TOOL_CALLS]",
            .forms = WF_CALL_NAMED | WF_CALL_JSON,
            .sep = "[ARGS]",
        }},
    },
    [LFM2] = {
        .name = "lfm2",
        THINK,
        .arguments = "arguments",
        .sections = {{
            .begin = "<|tool_call_start|>",
            .end = "<|tool_call_end|>",
            .forms = WF_CALL_PYTHON | WF_CALL_JSON,
            .group = WF_GROUP_LIST,
            .is_python_first = true,
        }},
    },
    [PHI] = {
        .name = "phi",
        THINK,
        .arguments = "arguments",
        .sections = {{
            .begin = "<|tool_call|>",
            .end = "<|/tool_call|>",
            .forms = WF_CALL_JSON,
            .group = WF_GROUP_LIST,
        }, BARE(WF_CALL_JSON)},
    },
    [GRANITE] = {
        .name = "granite",
        THINK,
        .arguments = "arguments",
        .sections = {{TOOL_CALL_TAGS, .forms = WF_CALL_JSON},
                     {.begin = "<|tool_call|>", .forms = WF_CALL_JSON, .group = WF_GROUP_LIST}},
    },
    [GRANITE_3] = {
        .name = "granite-3",
        THINK,
        .arguments = "arguments",
        .sections = {{.begin = "<|tool_call|>", .forms = WF_CALL_JSON, .group = WF_GROUP_LIST},
                     {TOOL_CALL_TAGS, .forms = WF_CALL_JSON}},
    },
    [QWEN_CODER] = {
        .name = "qwen3-coder",
        THINK,
        .sections = {{
            TOOL_CALL_TAGS,
            .forms = WF_CALL_MARKS | WF_CALL_JSON,
            .marks = &qwen_coder_marks,
        }, {
            .begin = "<function=",
            .end = "</tool_call>",
            .forms = WF_CALL_MARKS,
            .marks = &qwen_coder_marks,
            .begin_is_open = true,
        }},
    },
    [SEED] = {
        .name = "seed",
        .think_open = "<seed:think>",
        .think_close = "</seed:think>",
        .sections = {{
            .begin = "<seed:tool_call>",
            .end = "</seed:tool_call>",
            .forms = WF_CALL_MARKS,
            .marks = &qwen_coder_marks,
        }},
    },
    [MINICPM] = {
        .name = "minicpm",
        THINK,
        .sections = {{
            .begin = "<function name=\"",
            .forms = WF_CALL_MARKS,
            .marks = &minicpm_marks,
            .begin_is_open = true,
        }},
    },
    [GLM] = {
        .name = "glm",
        THINK,
        .sections = {{TOOL_CALL_TAGS, .forms = WF_CALL_MARKS, .marks = &glm_marks}},
    },
    [MINIMAX] = {
        .name = "minimax",
        THINK,
        .sections = {{
            .begin = "<minimax:tool_call>",
            .end = "</minimax:tool_call>",
            .forms = WF_CALL_MARKS,
            .group = WF_GROUP_ALL,
            .marks = &minimax_marks,
        }},
    },
    [MINIMAX_M1] = {
        .name = "minimax-m1",
        THINK,
        .arguments = "arguments",
        .sections = {{
            .begin = "<tool_calls>",
            .end = "</tool_calls>",
            .forms = WF_CALL_JSON,
            .group = WF_GROUP_ALL,
        }},
    },
    [NEMOTRON] = {
        .name = "nemotron",
        THINK,
        .arguments = "arguments",
        .sections = {{
            .begin = "<TOOLCALL>",
            .end = "</TOOLCALL>",
            .forms = WF_CALL_JSON,
            .group = WF_GROUP_LIST,
        }},
    },
    [LLAMA3] = {
        .name = "llama3",
        THINK,
        .arguments = "parameters",
        .sections = {BARE(WF_CALL_JSON | WF_CALL_PYTHON), {
            .begin = "<|python_tag|>",
            .forms = WF_CALL_JSON,
        }, {
            .begin = "<function=",
            .end = "</function>",
            .forms = WF_CALL_NAMED,
            .sep = ">",
        }},
    },
    [LLAMA4] = {
        .name = "llama4",
        .arguments = "parameters",
        .sections = {{
            .begin = "",
            .forms = WF_CALL_PYTHON | WF_CALL_JSON,
            .group = WF_GROUP_LIST,
            .is_python_first = true,
        }, {
            .begin = "<|python_start|>",
            .end = "<|python_end|>",
            .forms = WF_CALL_PYTHON | WF_CALL_JSON,
            .group = WF_GROUP_LIST,
            .is_python_first = true,
        }},
    },
    [HERMES] = {
        .name = "hermes",
        THINK,
        .arguments = "arguments",
        .sections = {{TOOL_CALL_TAGS, .forms = WF_CALL_JSON}},
    },
    [GEMMA] = {
        .name = "gemma",
        .arguments = "arguments",
        .sections = {{TOOL_CALL_TAGS, .forms = WF_CALL_JSON}, {
            .begin = "```tool_code",
            .end = "```",
            .forms = WF_CALL_PYTHON,
            .is_python_first = true,
        }, BARE(WF_CALL_JSON | WF_CALL_PYTHON)},
    },
    [JSON] = {
        .name = "json",
        THINK,
        .arguments = "arguments",
        .sections = {{TOOL_CALL_TAGS, .forms = WF_CALL_JSON},
                     {.begin = "```json", .is_loose = true, .end = "```", .forms = WF_CALL_JSON},
                     BARE(WF_CALL_JSON)},
    },
};

/* A template that holds all of the marks is of that row. */
static const struct {
    int row;
    const char *marks[3];
} signs[] = {
    {HARMONY, {"<|channel|>", "<|message|>"}},
    {DSML, {"｜DSML｜"}},
    {DEEPSEEK, {"<｜tool▁calls▁begin｜>", "```json"}},
    {DEEPSEEK_V31, {"<｜tool▁calls▁begin｜>"}},
    {KIMI, {"<|tool_calls_section_begin|>"}},
    {MISTRAL_ARGS, {"[TOOL_CALLS]", "[ARGS]"}},
    {MISTRAL, {"[TOOL_CALLS]"}},
    {MISTRAL, {"[AVAILABLE_TOOLS]"}},
    {LFM2, {"<|tool_list_start|>"}},
    {LFM2, {"<|tool_call_start|>"}},
    {LFM2, {"List of tools: [", "<|im_start|>"}},
    {PHI, {"<|tool|>", "<|/tool|>"}},
    {GRANITE, {"<tool_call>", "<|start_of_role|>"}},
    {GRANITE_3, {"<|start_of_role|>"}},
    {SEED, {"<seed:tool_call>"}},
    {QWEN_CODER, {"<function=", "<parameter="}},
    {MINICPM, {"<function name=\"", "<param name=\""}},
    {GLM, {"<arg_key>", "<arg_value>", "<tool_call>"}},
    {MINIMAX, {"<minimax:tool_call>"}},
    {MINIMAX_M1, {"<tool_calls>"}},
    {NEMOTRON, {"<TOOLCALL>"}},
    {LLAMA3, {"<|start_header_id|>"}},
    {LLAMA4, {"<|header_start|>"}},
    {HERMES, {"<tool_call>"}},
    {GEMMA, {"<start_of_turn>"}},
};

const struct wf_dialect *wf_dialect_of(struct wf_str chat_template)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(signs); i++) {
        bool holds = true;
        for (size_t k = 0; k < WF_ARRAY_LEN(signs[i].marks) && signs[i].marks[k] != NULL; k++)
            holds =
                holds && wf_str_find(chat_template, wf_str_from(signs[i].marks[k]), 0) != SIZE_MAX;
        if (holds)
            return &rows[signs[i].row];
    }
    return &rows[JSON];
}

const char *wf_dialect_name(const struct wf_dialect *d)
{
    return d->name;
}

const struct wf_dialect *wf_dialect_at(size_t i)
{
    return i < WF_ARRAY_LEN(rows) ? &rows[i] : NULL;
}

bool wf_dialect_thinks(const struct wf_dialect *d, struct wf_str prompt)
{
    struct wf_str s = wf_str_trim(prompt);

    if (d->is_harmony)
        return wf_str_ends(s, WF_STR("<|channel|>analysis<|message|>"));
    return d->think_open != NULL && wf_str_ends(s, wf_str_from(d->think_open));
}
