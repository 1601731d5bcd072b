/* SPDX-License-Identifier: Apache-2.0 */
/* A document as a piece of a chat. */
#include "op/attach.h"

#include "op/looked.h"

static int add_chunk(void *ud, int64_t chunk, const struct wf_chunk_row *c, struct wf_err *err)
{
    struct wf_buf *out = ud;

    (void)chunk;
    (void)wf_buf_append_str(out, c->text);
    if (wf_buf_append_byte(out, '\n') == 0)
        return 0;
    if (wf_buf_status(out) == WF_E_LIMIT)
        return wf_err_set(err, WF_E_LIMIT, "The document is longer than %u bytes of text.",
                          WF_ATTACH_BYTES_MAX);
    return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

static int read_text(struct wf_reader *r, struct wf_str uid, struct wf_arena *arena,
                     struct wf_buf *out, struct wf_err *err)
{
    struct wf_document d = {.id = 0};
    int rc = wf_document_get(r, uid, arena, &d, err);

    if (rc == 0)
        (void)wf_buf_appendf(out, "%.*s\n\n", WF_STR_ARG(d.title)); /* asked with the chunks */
    return rc == 0 ? wf_document_chunks(r, &d, 0, UINT64_MAX, add_chunk, out, err) : rc;
}

int wf_op_attach(const struct wf_op_context *ctx, struct wf_str uid, const struct wf_fence *fence,
                 size_t i_part, struct wf_arena *arena, struct wf_buf *out,
                 struct wf_origins *io_origins, size_t *out_flags, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    struct wf_buf text;
    int rc;

    if (ctx->store == NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED, "There are no documents without a home.");
    wf_buf_init(&text, WF_ATTACH_BYTES_MAX);
    rc = wf_store_reader_get(ctx->store, &r, err);
    if (rc == 0)
        rc = read_text(r, uid, arena, &text, err);
    if (rc == 0)
        rc = wf_origins_document(r, uid, i_part, arena, io_origins, err);
    if (r != NULL)
        wf_store_reader_put(ctx->store, r);
    if (rc == 0)
        rc = wf_op_look_at_text(ctx, wf_buf_str(&text), out_flags, err);
    if (rc == 0) {
        (void)wf_fence_open(fence, out);
        (void)wf_buf_append_str(out, wf_buf_str(&text));
        if (wf_fence_close(fence, out) != 0)
            rc = wf_err_set(err, wf_buf_status(out), "The documents are too long together.");
    }
    wf_buf_deinit(&text);
    return rc;
}
