/* SPDX-License-Identifier: Apache-2.0 */
/* PDF: whatever pdftotext may say, the layout makes text of it without a fault. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/pdf_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int end_page(void *ud, const struct wf_pdf_page *page, struct wf_err *err)
{
    (void)page;
    (void)err;
    return wf_layout_write(ud);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_buf sink;
    struct wf_stream_writer w;
    struct wf_compose c;
    struct wf_layout l;
    wf_buf_init(&sink, (size_t)64 << 20);
    wf_stream_writer_init_buf(&w, &sink);
    wf_compose_init(&c, &w);
    if (wf_layout_init(&l, &c, true) == 0) {
        struct wf_pdf_text t = {.layout = &l, .w = &w, .end_page = end_page, .ud = &l};
        wf_pdf__text_init(&t);
        int rc = wf_pdf__text_feed(&t, wf_str_n((const char *)data, size), NULL);
        assert(rc == 0 || rc == WF_E_NOMEM);
        wf_layout_finish(&l);
        wf_pdf__text_deinit(&t);
    }
    wf_layout_deinit(&l);
    wf_stream_writer_deinit(&w);
    wf_buf_deinit(&sink);
    return 0;
}
