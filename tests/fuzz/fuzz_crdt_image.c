/* SPDX-License-Identifier: Apache-2.0 */
/* Images from anywhere: version, mark and checksum are made right, so that what is behind them is
 * looked at. A refused image leaves nothing; what is opened can be read, edited, given updates,
 * encoded and made an image of again, which opens. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "crdt/image.h"
#include "crdt/image_internal.h"
#include "crdt/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_right(struct wf_buf *image)
{
    uint32_t head[2] = {WF_CRDT_IMAGE_FORMAT, wf_crdt__image_mark()}, sum;

    if (image->len < sizeof(struct wf_crdt_image_head))
        return;
    memcpy(image->ptr, WF_CRDT_IMAGE_MAGIC, 8);
    memcpy(image->ptr + 8, head, sizeof(head));
    sum = wf_crdt__image_sum(wf_buf_str(image));
    memcpy(image->ptr + WF_CRDT_IMAGE_SUM_AT, &sum, sizeof(sum));
}

/* Reads and changes whatever is there. */
static void use(struct wf_crdt *d)
{
    static const struct wf_str bold = {"\x76\x01\x01"
                                       "b\x78",
                                       5};
    const struct wf_crdt_put one = {.kind = WF_CRDT_PUT_VALUES, .n = 1, .bytes = {"\x7d\x05", 2}};
    struct wf_str name;
    struct wf_buf out;
    uint64_t type;
    size_t i = 0;

    wf_buf_init(&out, SIZE_MAX);
    while (wf_crdt_root_next(d, &i, &name, &type)) {
        uint32_t n = wf_crdt_length(d, type);
        (void)wf_crdt_json(d, type, &out);
        (void)wf_crdt_text_delta(d, type, &out);
        (void)wf_crdt_text_insert(d, type, n / 2, WF_STR("inner"), NULL);
        (void)wf_crdt_text_format(d, type, n / 3, n / 3, bold);
        (void)wf_crdt_map_set(d, type, WF_STR("k"), &one, NULL);
        (void)wf_crdt_map_delete(d, type, WF_STR("a"));
        (void)wf_crdt_text_delete(d, type, n / 4, n / 2);
    }
    wf_buf_deinit(&out);
}

/* Somebody else's changes of the same names, made without knowing of these. */
static void give_others(struct wf_crdt *d)
{
    static const char *const roots[] = {"t", "m", "l", "x"};
    struct wf_crdt_options o = {.client = 77};
    struct wf_crdt *other = NULL;
    struct wf_buf state;
    uint64_t type;

    assert(wf_crdt_new(&o, &other) == 0);
    for (size_t i = 0; i < 4; i++) {
        assert(wf_crdt_root(other, wf_str_from(roots[i]), WF_CRDT_UNTYPED, &type) == 0);
    }
    use(other);
    wf_buf_init(&state, SIZE_MAX);
    assert(wf_crdt_encode(other, WF_STR(""), WF_CRDT_V1, &state) == 0);
    (void)wf_crdt_apply(d, wf_buf_str(&state), WF_CRDT_V1, NULL);
    wf_buf_deinit(&state);
    wf_crdt_free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_crdt_options o = {.client = 9};
    struct wf_crdt *d = NULL, *again = NULL;
    struct wf_buf image, state;
    int rc;

    wf_buf_init(&image, SIZE_MAX);
    wf_buf_init(&state, SIZE_MAX);
    (void)wf_buf_append(&image, data, size);
    make_right(&image);
    rc = wf_crdt_image_open(wf_buf_str(&image), &o, &d);
    if (rc == 0) {
        for (int f = WF_CRDT_V1; f <= WF_CRDT_V2; f++)
            assert(wf_crdt_encode(d, WF_STR(""), (enum wf_crdt_format)f, &state) == 0);
        use(d);
        give_others(d);
        use(d);
        wf_buf_reset(&image);
        if (wf_crdt_image_write(d, &image) == 0) {
            assert(wf_crdt_image_open(wf_buf_str(&image), &o, &again) == 0);
            wf_crdt_free(again);
        }
        wf_crdt_free(d);
    } else {
        assert(rc == WF_E_FORMAT || size < sizeof(struct wf_crdt_image_head));
    }
    wf_buf_deinit(&image);
    wf_buf_deinit(&state);
    return 0;
}
