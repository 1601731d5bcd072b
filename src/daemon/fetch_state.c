/* SPDX-License-Identifier: Apache-2.0 */
/* How far a download is, as text: {"bytes":N,"piece":16777216,"etag":"...","done":[n,...]}. */
#include <string.h>

#include "base/alloc.h"
#include "daemon/fetch_internal.h"
#include "op/json.h"

#define VERSION 1

int wf_fetch_state_init(struct wf_fetch_state *s, uint64_t bytes, const char *etag,
                        struct wf_err *err)
{
    struct wf_fetch_state new = {.bytes = bytes};
    uint64_t n = bytes / WF_FETCH_PIECE_BYTES + (bytes % WF_FETCH_PIECE_BYTES != 0);

    if (n > WF_FETCH_PIECES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "The file is larger than any model.");
    new.n_pieces = (size_t)n;
    if (strlen(etag) < sizeof(new.etag))
        memcpy(new.etag, etag, strlen(etag) + 1);
    new.done = wf_alloc_array(new.n_pieces + 1, sizeof(*new.done));
    if (!new.done)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    *s = new;
    return 0;
}

void wf_fetch_state_deinit(struct wf_fetch_state *s)
{
    wf_free(s->done);
    s->done = NULL;
    s->n_pieces = 0;
}

uint64_t wf_fetch_piece_bytes(const struct wf_fetch_state *s, size_t i)
{
    return WF_MIN(s->bytes - i * WF_FETCH_PIECE_BYTES, WF_FETCH_PIECE_BYTES);
}

uint64_t wf_fetch_state_done(const struct wf_fetch_state *s)
{
    uint64_t n = 0;

    for (size_t i = 0; i < s->n_pieces; i++)
        n += s->done[i];
    return n;
}

bool wf_fetch_state_parse(struct wf_str text, struct wf_fetch_state *out)
{
    json_t *root = json_loadb(text.len ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, NULL);
    json_int_t bytes = json_integer_value(json_object_get(root, "bytes"));
    json_int_t piece = json_integer_value(json_object_get(root, "piece"));
    const json_t *done = json_object_get(root, "done");
    const char *etag = json_string_value(json_object_get(root, "etag"));
    struct wf_fetch_state s = {.n_pieces = 0};
    bool ok = json_integer_value(json_object_get(root, "version")) == VERSION && bytes > 0 &&
              etag && strlen(etag) < sizeof(s.etag) && piece == (json_int_t)WF_FETCH_PIECE_BYTES &&
              wf_fetch_state_init(&s, (uint64_t)bytes, etag, NULL) == 0 &&
              json_array_size(done) == s.n_pieces;

    for (size_t i = 0; ok && i < s.n_pieces; i++) {
        json_int_t n = json_integer_value(json_array_get(done, i));
        ok = n >= 0 && (uint64_t)n <= wf_fetch_piece_bytes(&s, i);
        s.done[i] = ok ? (uint64_t)n : 0;
    }
    json_decref(root);
    if (ok)
        *out = s;
    else
        wf_fetch_state_deinit(&s);
    return ok;
}

int wf_fetch_state_print(const struct wf_fetch_state *s, struct wf_buf *out)
{
    json_t *done = json_array(), *root;
    int rc;

    for (size_t i = 0; i < s->n_pieces; i++)
        json_array_append_new(done, json_integer((json_int_t)s->done[i]));
    root = json_pack("{s:i, s:I, s:I, s:s, s:o}", "version", VERSION, "bytes", (json_int_t)s->bytes,
                     "piece", (json_int_t)WF_FETCH_PIECE_BYTES, "etag", s->etag, "done", done);
    rc = root ? wf_json_append(out, root) : WF_E_NOMEM;
    json_decref(root);
    return rc;
}
