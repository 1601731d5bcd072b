/* SPDX-License-Identifier: Apache-2.0 */
/* The layout of pages: words at any places, in any lines and pages, become text without a fault.
 *
 * A record is a byte that says what comes, for a word its four places and its length, and its
 * letters. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "ingest/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t take(struct wf_str *rest, size_t n)
{
    uint32_t v = 0;
    for (size_t i = 0; i < n && i < rest->len; i++) {
        v = v << 8 | (unsigned char)rest->ptr[i];
    }
    *rest = wf_str_sub(*rest, n, rest->len);
    return v;
}

/* Tenths of a point up to 6553; or any bits, which may be no number at all. */
static float place(struct wf_str *rest, bool any)
{
    float f;
    uint32_t v = take(rest, any ? 4 : 2);
    memcpy(&f, &v, sizeof(f));
    return any ? f : (float)v / 10;
}

static void word(struct wf_layout *l, struct wf_str *rest, uint32_t kind)
{
    bool any = kind % 64 == 2;
    struct wf_layout_box box = {.x0 = place(rest, any), .y0 = place(rest, any)};
    box.x1 = any ? place(rest, any) : box.x0 + (float)take(rest, 1);
    box.y1 = any ? place(rest, any) : box.y0 + (float)take(rest, 1) / 4;
    size_t n = (size_t)take(rest, 1) % 16;
    wf_layout_word(l, box, wf_str_sub(*rest, 0, n));
    *rest = wf_str_sub(*rest, n, rest->len);
}

static int ignore(void *ud, const struct wf_stream_frame *f, struct wf_err *err)
{
    (void)ud;
    (void)f;
    (void)err;
    return 0;
}

static void check(const struct wf_buf *sink)
{
    struct wf_stream_reader r;
    wf_stream_reader_init(&r);
    int rc = wf_stream_feed(&r, sink->ptr, sink->len, ignore, NULL, NULL);
    assert(rc == 0);
    wf_stream_reader_deinit(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_str rest = wf_str_n((const char *)data, size);
    struct wf_buf sink;
    struct wf_stream_writer w;
    struct wf_compose c;
    struct wf_layout l;
    wf_buf_init(&sink, (size_t)64 << 20);
    wf_stream_writer_init_buf(&w, &sink);
    wf_compose_init(&c, &w);
    int rc = wf_layout_init(&l, &c, size % 2 != 0);
    assert(rc == 0);
    wf_layout_page(&l);
    while (rc == 0 && rest.len > 0) {
        uint32_t kind = take(&rest, 1);
        if (kind % 16 == 0) {
            rc = wf_layout_write(&l);
            wf_layout_page(&l);
        } else if (kind % 4 == 1) {
            wf_layout_line(&l);
        } else {
            word(&l, &rest, kind);
        }
    }
    rc = rc == 0 ? wf_layout_write(&l) : rc;
    assert(rc == 0);
    wf_layout_finish(&l);
    rc = wf_stream_end(&w);
    assert(rc == 0);
    check(&sink);
    wf_layout_deinit(&l);
    wf_stream_writer_deinit(&w);
    wf_buf_deinit(&sink);
    return 0;
}
