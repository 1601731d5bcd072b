/* SPDX-License-Identifier: Apache-2.0 */
/* Updates, positions and snapshots from anywhere. The first byte chooses the format and whether
 * deleted content is kept; then come parts with their length, each taken in as an update by a draft
 * that has some text. Refused updates change nothing; what was taken comes out again as bytes that
 * another draft takes; and the draft can still be edited. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "crdt/lib0.h"
#include "crdt/position.h"
#include "crdt/snapshot.h"
#include "crdt/types.h"
#include "crdt/undo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(struct wf_crdt *d, enum wf_crdt_format format, struct wf_buf *out)
{
    wf_buf_init(out, SIZE_MAX);
    assert(wf_crdt_encode(d, WF_STR(""), format, out) == 0);
}

static void assert_same(const struct wf_buf *a, const struct wf_buf *b)
{
    assert(a->len == b->len);
    assert(memcmp(a->ptr, b->ptr, a->len) == 0);
}

static void take(struct wf_crdt *d, struct wf_str update, enum wf_crdt_format format)
{
    struct wf_buf before, after;

    encode(d, WF_CRDT_V1, &before);
    int rc = wf_crdt_apply(d, update, format, NULL);
    encode(d, WF_CRDT_V1, &after);
    if (rc != 0)
        assert_same(&before, &after);
    wf_buf_deinit(&before);
    wf_buf_deinit(&after);
}

/* Another draft can be made from the state of this one. (It need not be the same: updates that say
 * different things of the same ids are taken in the order in which they come; in Yjs, too.) */
static void check_state(struct wf_crdt *d, bool keep)
{
    struct wf_crdt_options o = {.client = 9, .keep_deleted = keep};
    struct wf_crdt *other = NULL;
    struct wf_buf state, again;

    for (int f = WF_CRDT_V1; f <= WF_CRDT_V2; f++) {
        encode(d, (enum wf_crdt_format)f, &state);
        assert(wf_crdt_new(&o, &other) == 0);
        assert(wf_crdt_apply(other, wf_buf_str(&state), (enum wf_crdt_format)f, NULL) == 0);
        encode(other, WF_CRDT_V1, &again);
        wf_crdt_free(other);
        wf_buf_deinit(&state);
        wf_buf_deinit(&again);
    }
}

/* Reads and changes whatever is there. */
static void use(struct wf_crdt *d, uint64_t text, uint64_t list)
{
    static const struct wf_str bold = {"\x76\x01\x01"
                                       "b\x78",
                                       5};
    struct wf_buf out;
    uint32_t n = wf_crdt_length(d, text), k = wf_crdt_length(d, list);

    wf_buf_init(&out, SIZE_MAX);
    (void)wf_crdt_text_delta(d, text, &out);
    (void)wf_crdt_json(d, list, &out);
    (void)wf_crdt_position_make(d, text, n / 2, true, &out);
    (void)wf_crdt_text_insert(d, text, n / 2, WF_STR("inner"), NULL);
    (void)wf_crdt_text_format(d, text, n / 3, n / 3, bold);
    (void)wf_crdt_text_delete(d, text, n / 4, n / 2);
    (void)wf_crdt_array_delete(d, list, k / 2, k - k / 2);
    wf_buf_deinit(&out);
}

static void points(struct wf_crdt *d, struct wf_str bytes)
{
    struct wf_buf out;
    uint64_t type;
    uint32_t at;

    wf_buf_init(&out, SIZE_MAX);
    (void)wf_crdt_position_find(d, bytes, &type, &at);
    (void)wf_crdt_snapshot_restore(d, bytes, WF_CRDT_V1, &out);
    wf_buf_reset(&out);
    (void)wf_crdt_snapshot_restore(d, bytes, WF_CRDT_V2, &out);
    wf_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_lib0_in in = wf_lib0_in(data, size);
    uint8_t how = wf_lib0_byte(&in);
    enum wf_crdt_format format = (how & 1) != 0 ? WF_CRDT_V2 : WF_CRDT_V1;
    struct wf_crdt_options o = {
        .client = 3, .keep_deleted = (how & 2) != 0, .pack_always = (how & 16) != 0};
    struct wf_crdt_undo_options all = {0};
    struct wf_crdt_undo *undo = NULL;
    struct wf_crdt *d = NULL;
    uint64_t text, list;

    assert(wf_crdt_new(&o, &d) == 0);
    assert(wf_crdt_root(d, WF_STR("t"), WF_CRDT_TEXT, &text) == 0);
    assert(wf_crdt_root(d, WF_STR("a"), WF_CRDT_ARRAY, &list) == 0);
    assert(wf_crdt_text_insert(d, text, 0, WF_STR("some text \xf0\x9f\x98\x80 here"), NULL) == 0);
    if ((how & 4) != 0)
        assert(wf_crdt_undo_new(d, &all, &undo) == 0);
    for (int i = 0; i < 16 && in.p < in.end; i++) {
        struct wf_str part = wf_lib0_bytes(&in);
        if (in.bad)
            part = wf_str_n((const char *)data + 1, size - 1);
        take(d, part, format);
        points(d, part);
        use(d, text, list);
        if (undo != NULL)
            (void)(i % 3 == 2 ? wf_crdt_redo(undo, NULL) : wf_crdt_undo(undo, NULL));
    }
    check_state(d, o.keep_deleted);
    wf_crdt_undo_free(undo);
    wf_crdt_free(d);
    return 0;
}
