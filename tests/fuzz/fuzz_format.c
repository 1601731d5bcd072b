/* SPDX-License-Identifier: Apache-2.0 */
/* Recognition: the first byte chooses a name, the rest is the file; some row always takes it. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"",      "a.txt", "a.html", "a.json", "a.csv",
                                        "a.eml", "a.pdf", "a.docx", "a.ics",  "a.xml"};
    static char room[WF_FORMAT_HEAD_BYTES];
    struct wf_str all = wf_str_n((const char *)data, size);
    size_t i_name = size > 0 ? data[0] % WF_ARRAY_LEN(names) : 0;
    all = wf_str_sub(all, 1, all.len);
    size_t n_tail = WF_MIN(all.len, (size_t)WF_FORMAT_TAIL_BYTES);
    struct wf_format_hint h = {.name = wf_str_from(names[i_name]),
                               .head = wf_str_sub(all, 0, WF_FORMAT_HEAD_BYTES),
                               .tail = wf_str_sub(all, all.len - n_tail, all.len),
                               .n_bytes = all.len};
    const struct wf_format *f = wf_format_find(&h, room);
    assert(f != NULL && wf_format_at(wf_format_index(f)) == f);
    return 0;
}
