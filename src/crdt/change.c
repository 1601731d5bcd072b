/* SPDX-License-Identifier: Apache-2.0 */
/* Writing changes. What was written is read back before it is signed, so that the one list of what
 * a change may be is the reader's. */
#include "crdt/change.h"

#include "base/limits.h"
#include "crdt/change_internal.h"
#include "crdt/lib0.h"

static void append_op(struct wf_buf *b, const struct wf_record_op *op)
{
    wf_buf_append_byte(b, (char)op->kind);
    wf_lib0_append_bytes(b, op->field);
    switch (op->kind) {
    case WF_RECORD_LABEL:
        wf_buf_append_byte(b, (char)op->label);
        break;
    case WF_RECORD_SET:
    case WF_RECORD_ADD:
    case WF_RECORD_TAKE:
        wf_lib0_append_bytes(b, op->value);
        break;
    case WF_RECORD_COUNT:
        wf_buf_append_u64le(b, (uint64_t)op->total);
        break;
    case WF_RECORD_DELETE:
    case WF_RECORD_UNSET:
    case WF_RECORD_KIND_COUNT:
        break;
    }
    if (op->kind == WF_RECORD_TAKE) {
        wf_lib0_append_uint(b, op->dots.len / WF_CHANGE_DOT_BYTES);
        wf_buf_append_str(b, op->dots);
    }
}

/* An item without its form and length. */
static int append_body(struct wf_buf *b, const struct wf_change_draft *item,
                       const struct wf_rng *rng)
{
    uint8_t salt[WF_CHANGE_SALT_BYTES];

    rng->fill(rng->ud, salt, sizeof(salt));
    wf_buf_append(b, salt, sizeof(salt));
    wf_buf_append_byte(b, (char)item->label);
    wf_lib0_append_bytes(b, item->collection);
    wf_lib0_append_bytes(b, item->key);
    wf_lib0_append_uint(b, item->n_ops);
    for (size_t i = 0; i < item->n_ops; i++)
        append_op(b, &item->ops[i]);
    return wf_buf_status(b);
}

static int append_items(struct wf_buf *b, const struct wf_change_draft *items, size_t n,
                        const struct wf_rng *rng)
{
    struct wf_buf body;

    wf_buf_init(&body, WF_LIMIT_CHANGE_BYTES);
    for (size_t i = 0; i < n && wf_buf_status(b) == 0; i++) {
        wf_buf_reset(&body);
        int rc = append_body(&body, &items[i], rng);
        if (rc != 0) {
            wf_buf_deinit(&body);
            return rc;
        }
        wf_buf_append_byte(b, 1);
        wf_lib0_append_bytes(b, wf_buf_str(&body));
    }
    wf_buf_deinit(&body);
    return wf_buf_status(b);
}

/* The signature of a change whose own is still empty. */
static int sign(const struct wf_change_head *head, const struct wf_signer *signer,
                const struct wf_change *c, uint8_t out[WF_SIGNATURE_BYTES], struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_LIMIT_CHANGE_BYTES);
    rc = wf_change__append_signed(c, head->uid, &b);
    rc = rc == 0 ? signer->sign(signer->ud, WF_CHANGE_PURPOSE, wf_buf_str(&b), out, err)
                 : wf_err_set(err, WF_E_NOMEM, "Out of memory (signing a change).");
    wf_buf_deinit(&b);
    return rc;
}

int wf_change_write(const struct wf_change_head *head, const struct wf_signer *signer,
                    const struct wf_change_draft *items, size_t n, struct wf_buf *out,
                    struct wf_change *out_change, struct wf_err *err)
{
    const struct wf_rng *rng = head->rng != NULL ? head->rng : wf_rng_system();
    static const uint8_t none[WF_SIGNATURE_BYTES];
    struct wf_change c = {.dseq = 0};
    int rc;

    wf_buf_reset(out);
    wf_buf_append_byte(out, WF_CHANGE_VERSION);
    wf_buf_append(out, signer->id, WF_SIGNER_ID_BYTES);
    wf_lib0_append_uint(out, head->dseq);
    wf_buf_append_u64le(out, head->hlc);
    wf_lib0_append_uint(out, n);
    rc = append_items(out, items, n, rng);
    if (rc == 0)
        rc = wf_buf_append(out, none, sizeof(none));
    if (rc == WF_E_LIMIT)
        rc = wf_err_set(err, rc, "A change of records has more than %u bytes: write fewer at once.",
                        WF_LIMIT_CHANGE_BYTES);
    else if (rc != 0)
        rc = wf_err_set(err, rc, "Out of memory (a change of a record).");
    if (rc == 0)
        rc = wf_change_read(wf_buf_str(out), &c, err);
    if (rc == 0)
        rc = sign(head, signer, &c, (uint8_t *)out->ptr + out->len - sizeof(none), err);
    if (rc != 0)
        wf_buf_reset(out);
    else if (out_change != NULL)
        *out_change = c;
    return rc;
}
