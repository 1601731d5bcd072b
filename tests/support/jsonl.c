/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines through libarchive, which reads the file raw or through its filter (xz) alike. */
#include "support/jsonl.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#include "base/buf.h"

#define LINE_MAX_BYTES (64u << 20)

/* Gives whole lines of `b` to fn; false to stop. */
static bool lines(struct wf_buf *b, bool is_last, long *io_n, bool (*fn)(void *, json_t *),
                  void *ud)
{
    size_t done = 0;
    while (done < b->len) {
        const char *line = b->ptr + done;
        const char *end = memchr(line, '\n', b->len - done);
        if (!end && !is_last)
            break;
        size_t n = end ? (size_t)(end - line) : b->len - done;
        done += n + (end != NULL);
        if (n == 0)
            continue;
        json_t *object = json_loadb(line, n, 0, NULL);
        bool go_on = object != NULL && fn(ud, object);
        if (object == NULL)
            *io_n = -1;
        else
            (*io_n)++;
        json_decref(object);
        if (!go_on)
            return false;
    }
    wf_buf_consume(b, done);
    return true;
}

long jsonl_each(const char *path, bool (*fn)(void *ud, json_t *object), void *ud)
{
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    struct wf_buf b;
    long n = -1;
    wf_buf_init(&b, LINE_MAX_BYTES);
    archive_read_support_filter_xz(a);
    archive_read_support_format_raw(a);
    if (archive_read_open_filename(a, path, 1 << 16) == ARCHIVE_OK &&
        archive_read_next_header(a, &entry) == ARCHIVE_OK) {
        bool go_on = true;
        for (n = 0; go_on && n >= 0;) {
            if (wf_buf_reserve(&b, 1 << 16) != 0)
                break;
            la_ssize_t got = archive_read_data(a, b.ptr + b.len, 1 << 16);
            if (got < 0)
                n = -1;
            if (got > 0)
                wf_buf_commit(&b, (size_t)got);
            go_on = lines(&b, got <= 0, &n, fn, ud) && got > 0;
        }
    }
    archive_read_free(a);
    wf_buf_deinit(&b);
    return n;
}
