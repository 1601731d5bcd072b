/* SPDX-License-Identifier: Apache-2.0 */
/* Packed: parts told apart by their first line. */
#include "support/packed.h"

#include <string.h>

#define NAME_BYTES_MAX 200
/* A bound for a fuzzer only: documents of this size have a few dozen. */
#define PARTS_MAX 64

static const char mark[] = "@@ ";

/* True at the start of a line that begins a part. */
static bool is_mark(struct wf_str text, size_t i)
{
    return wf_str_starts(wf_str_sub(text, i, text.len), wf_str_from(mark)) &&
           (i == 0 || text.ptr[i - 1] == '\n');
}

/* Where the next part begins, from `i` on; text.len when there is none. */
static size_t next_mark(struct wf_str text, size_t i)
{
    while (i < text.len && !is_mark(text, i)) {
        i = wf_str_find(text, wf_str_from(mark), i + 1);
    }
    return WF_MIN(i, text.len);
}

static void clean_name(struct wf_str line, char out[static NAME_BYTES_MAX])
{
    size_t n = WF_MIN(line.len, (size_t)NAME_BYTES_MAX - 1);
    for (size_t i = 0; i < n; i++) {
        char c = line.ptr[i];
        out[i] = (char)(c > ' ' && c < 0x7f ? c : c == ' ' ? ' ' : '_');
    }
    if (n == 0 || out[n - 1] == '/') { /* a folder has no bytes */
        out[n > 0 ? n - 1 : n++] = '_';
    }
    out[n] = '\0';
}

void packed_build(struct zipped *z, struct wf_str text)
{
    char name[NAME_BYTES_MAX];
    size_t n_parts = 0;
    zipped_begin(z, true, NULL);
    for (size_t i = next_mark(text, 0); i < text.len && n_parts < PARTS_MAX; n_parts++) {
        size_t end = next_mark(text, i + 1);
        struct wf_str part = wf_str_sub(text, i + strlen(mark), end);
        size_t line_end = WF_MIN(wf_str_find_byte(part, '\n', 0), part.len);
        clean_name(wf_str_sub(part, 0, line_end), name);
        struct wf_str content = wf_str_sub(part, line_end + 1, part.len);
        zipped_add_bytes(z, name, content.len > 0 ? content.ptr : "", content.len);
        i = end;
    }
    zipped_end(z);
}
