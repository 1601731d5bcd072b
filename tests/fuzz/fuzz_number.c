/* SPDX-License-Identifier: Apache-2.0 */
/* Cells of workbooks: the first line is a format code, then eight bytes of a number, then a text
 * with escapes; out comes UTF-8 of a bounded length. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ingest/xlsx_internal.h"
#include "text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct wf_buf *out, double value, const struct wf_xlsx_format *f)
{
    for (int i = 0; i < 2; i++) {
        wf_buf_reset(out);
        int rc = wf_xlsx__show(out, value, f, i == 1);
        assert(rc == 0 && out->len < 1024);
        assert(wf_utf8_valid_prefix(wf_buf_str(out)) == out->len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_str rest = wf_str_n((const char *)data, size);
    struct wf_str code = wf_str_n("", 0);
    struct wf_xlsx_format f = {.kind = WF_XLSX_GENERAL};
    struct wf_buf text, out;
    double value = 0;
    (void)wf_str_split(&rest, '\n', &code);
    wf_buf_init(&text, (size_t)1 << 20);
    wf_buf_init(&out, (size_t)1 << 20);
    int rc = wf_utf8_append_repaired(&text, code); /* XML is UTF-8 by then */
    assert(rc == 0);
    wf_xlsx__parse_code(wf_buf_str(&text), &f);
    if (rest.len >= sizeof(value)) {
        memcpy(&value, rest.ptr, sizeof(value));
    }
    check(&out, value, &f);
    wf_xlsx__builtin((long)(code.len % 60), &f);
    check(&out, value, &f);
    rest = wf_str_sub(rest, sizeof(value), rest.len);
    wf_buf_reset(&text);
    wf_buf_reset(&out);
    rc = wf_utf8_append_repaired(&text, rest);
    assert(rc == 0);
    rc = wf_xlsx__unescape(&out, wf_buf_str(&text));
    assert(rc == 0 && out.len <= text.len);
    assert(wf_utf8_valid_prefix(wf_buf_str(&out)) == out.len);
    wf_buf_deinit(&text);
    wf_buf_deinit(&out);
    return 0;
}
