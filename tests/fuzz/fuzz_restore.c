/* SPDX-License-Identifier: Apache-2.0 */
/* Redaction and its way back. The first bytes say where spans lie and where the stream is cut; then
 * a text, which must come back whole; a line "@@" divides off what a model makes of it, which must
 * give the same in pieces as at once, and no more of it may wait than is allowed. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "privacy/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N_SPANS 6
#define HEAD (3 * N_SPANS + 4)

static size_t spans_of(const uint8_t *head, size_t len, struct wf_redact_span *out)
{
    static const char *const types[] = {"PERSON", "CREDIT_CARD", "PASSWORD", "ES_NIF", "WHAT"};
    static const uint8_t ops[] = {WF_OPERATOR_REPLACE, WF_OPERATOR_FAKE, WF_OPERATOR_ENCRYPT,
                                  WF_OPERATOR_KEEP};
    size_t n = 0, at = 0;

    for (; n < N_SPANS; n++) {
        size_t start = at + head[3 * n] % 32, end = start + head[3 * n + 1] % 24;
        if (end > len)
            break;
        out[n] = (struct wf_redact_span){start, end, types[head[3 * n + 2] % 5],
                                         ops[head[3 * n + 2] / 5 % 4]};
        at = end;
    }
    return n;
}

/* The stream cut by the head's last bytes, again and again. */
static void in_pieces(const struct wf_redaction *r, const uint8_t *cuts, struct wf_str s,
                      struct wf_buf *out)
{
    struct wf_restore *restore = NULL;
    size_t at = 0, k = 0;

    if (wf_restore_new(r, NULL, &restore, NULL) != 0)
        abort();
    while (at < s.len) {
        size_t n = 1 + cuts[k++ % 4] % 16;
        if (wf_restore_feed(restore, wf_str_sub(s, at, at + n), out) != 0)
            abort();
        at += n;
    }
    if (wf_restore_end(restore, out) != 0)
        abort();
    wf_restore_free(restore);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[WF_REDACT_KEY_BYTES] = {1};
    struct wf_redact_span spans[N_SPANS];
    struct wf_redaction *r = NULL, *again = NULL;
    struct wf_buf out, back, whole;
    struct wf_str text, model;
    json_t *map;
    size_t n, cut;

    if (size < HEAD)
        return 0;
    text = wf_str_n((const char *)data + HEAD, size - HEAD);
    cut = wf_str_find(text, WF_STR("\n@@\n"), 0);
    model = cut == SIZE_MAX ? wf_str_n("", 0) : wf_str_sub(text, cut + 4, text.len);
    text = wf_str_sub(text, 0, cut);
    wf_buf_init(&out, SIZE_MAX);
    wf_buf_init(&back, SIZE_MAX);
    wf_buf_init(&whole, SIZE_MAX);
    n = spans_of(data, text.len, spans);
    if (wf_redaction_new(key, &r, NULL) != 0 || wf_redact(r, text, spans, n, &out, NULL) != 0)
        abort();
    in_pieces(r, data + 3 * N_SPANS, wf_buf_str(&out), &back);
    assert(wf_str_eq(wf_buf_str(&back), text));
    wf_buf_reset(&back);
    in_pieces(r, data + 3 * N_SPANS, model, &back);
    if (wf_restore_text(r, model, &whole, NULL) != 0)
        abort();
    assert(wf_str_eq(wf_buf_str(&back), wf_buf_str(&whole)));
    map = wf_redaction_json(r);
    if (map != NULL && wf_redaction_from_json(map, key, &again, NULL) != 0)
        abort();
    json_decref(map);
    wf_redaction_free(again);
    wf_redaction_free(r);
    wf_buf_deinit(&out);
    wf_buf_deinit(&back);
    wf_buf_deinit(&whole);
    return 0;
}
