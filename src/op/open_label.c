/* SPDX-License-Identifier: Apache-2.0 */
/* What other devices may hear of what is open here, and of conversations. */
#include "op/open_label.h"

#include <string.h>

#include "op/label.h"
#include "op/op_internal.h"
#include "store/draft_log.h"
#include "store/spaces.h"
#include "store/thread_log.h"

#define FILES_MAX 16

/* The label of a text that has these files behind it. */
static enum wf_label label_with(struct wf_op_context *ctx, struct wf_str text,
                                const struct wf_str *files, size_t n_files)
{
    const struct wf_labeler_options o = {.detector = ctx->detector, .policy = ctx->policy};
    struct wf_context_part parts[1 + FILES_MAX] = {{.source = WF_SOURCE_PROMPT}};
    struct wf_pii_list found = {.n = 0};
    struct wf_labeler *l = NULL;
    struct wf_verdict verdict = {.label = WF_LABEL_SECRET};

    if (ctx->detector == NULL || ctx->policy == NULL || wf_labeler_new(&o, &l, NULL) != 0)
        return WF_LABEL_SECRET;
    if (wf_labeler_scan(l, text, &found, NULL) == 0) {
        parts[0].found = found.items;
        parts[0].n_found = found.n;
        for (size_t i = 0; i < n_files; i++)
            parts[1 + i] = (struct wf_context_part){.source = WF_SOURCE_FILE, .name = files[i]};
        wf_policy_label(ctx->policy, parts, 1 + n_files, &verdict);
    }
    wf_labeler_free(l);
    return verdict.label;
}

enum wf_label wf_op_text_label(struct wf_op_context *ctx, struct wf_str text)
{
    return label_with(ctx, text, NULL, 0);
}

enum wf_label wf_op_own_label(struct wf_op_context *ctx)
{
    enum wf_label label = WF_LABEL_SECRET;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    struct wf_space me;

    if (wf_store_reader_get(ctx->store, &r, NULL) != 0)
        return label;
    wf_arena_init(&arena, 1024, 1u << 16);
    if (wf_space_by_name(r, WF_STR("me"), &arena, &me, NULL) == 0)
        (void)!wf_label_parse(me.label, &label); /* secret, where there is none */
    wf_store_reader_put(ctx->store, r);
    wf_arena_deinit(&arena);
    return label;
}

/* Whether a path is that of a file that somebody has: weft's own manual has none. */
static bool is_path(struct wf_str path)
{
    return path.len > 0 && path.ptr[0] == '/';
}

uint8_t wf_op_turn_label(void *ud, struct wf_str text)
{
    struct wf_str files[FILES_MAX];
    json_t *answer = NULL, *c;
    size_t i, n = 0;
    bool is_more = false;
    enum wf_label label;

    if (text.len > 0 && text.ptr[0] == '{' && wf_json_parse(text, &answer, NULL) != 0)
        answer = NULL;
    json_array_foreach(json_object_get(answer, "citations"), i, c)
    {
        struct wf_str path = wf_str_from(json_string_value(json_object_get(c, "path")));
        if (!is_path(path))
            continue;
        is_more = is_more || n == FILES_MAX;
        if (n < FILES_MAX)
            files[n++] = path;
    }
    label = is_more ? WF_LABEL_SECRET : label_with(ud, text, files, n);
    json_decref(answer);
    return (uint8_t)wf_label_max(label, wf_op_own_label(ud));
}

/* ---- what is open ---- */

static enum wf_label draft_label(struct wf_reader *r, struct wf_str id, struct wf_arena *arena)
{
    enum wf_label label = WF_LABEL_SECRET, space = WF_LABEL_SECRET;
    struct wf_draft_row row;

    if (wf_draft_row_uid(r, id, arena, &row, NULL) != 0 || !wf_label_parse(row.label, &label) ||
        !wf_label_parse(row.space_label, &space))
        return WF_LABEL_SECRET;
    return wf_label_max(label, space);
}

static enum wf_label document_label(struct wf_op_context *ctx, struct wf_reader *r,
                                    struct wf_str id, struct wf_arena *arena)
{
    struct wf_str *paths = NULL, files[FILES_MAX];
    struct wf_document d;
    size_t n = 0, n_files = 0;

    if (wf_document_get(r, id, arena, &d, NULL) != 0 ||
        wf_document_paths(r, d.id, arena, &paths, &n, NULL) != 0 || n > FILES_MAX)
        return WF_LABEL_SECRET;
    for (size_t i = 0; i < n; i++) {
        if (is_path(paths[i]))
            files[n_files++] = paths[i];
    }
    return label_with(ctx, d.title, files, n_files);
}

static enum wf_label ref_label(struct wf_op_context *ctx, const char *view, struct wf_str ref)
{
    enum wf_label label = WF_LABEL_PUBLIC;
    struct wf_reader *r = NULL;
    struct wf_arena arena;

    if (strcmp(view, "chat") == 0)
        return wf_op_chat_label(ctx, ref);
    if (wf_store_reader_get(ctx->store, &r, NULL) != 0)
        return WF_LABEL_SECRET;
    wf_arena_init(&arena, 4096, WF_OP_ARENA_BYTES_MAX);
    if (strcmp(view, "draft") == 0)
        label = draft_label(r, ref, &arena);
    else if (strcmp(view, "document") == 0)
        label = document_label(ctx, r, ref, &arena);
    else if (strcmp(view, "thread") == 0)
        label = (enum wf_label)wf_thread_label(r, ref);
    wf_store_reader_put(ctx->store, r);
    wf_arena_deinit(&arena);
    return label;
}

enum wf_label wf_op_open_label(struct wf_op_context *ctx, const json_t *what)
{
    struct wf_str ref = wf_str_from(wf_json_text(what, "ref"));
    enum wf_label label = WF_LABEL_PUBLIC;
    struct wf_buf text;

    if (ref.len > 0)
        label = ref_label(ctx, wf_json_text(what, "view"), ref);
    wf_buf_init(&text, 1u << 20);
    wf_buf_append_cstr(&text, wf_json_text(what, "title"));
    wf_buf_append_byte(&text, '\n');
    wf_buf_append_cstr(&text, wf_json_text(what, "text"));
    label = wf_buf_status(&text) == 0
                ? wf_label_max(label, wf_op_text_label(ctx, wf_buf_str(&text)))
                : WF_LABEL_SECRET;
    wf_buf_deinit(&text);
    return label;
}
