/* SPDX-License-Identifier: Apache-2.0 */
/* Lines out of a packed or plain file. libarchive unpacks: it is in the program already for
 * documents, and knows all the ways in which such files are packed. */
#include "train/lines.h"

#include <archive.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"

/* What is read from the file at a time. */
#define BLOCK_BYTES ((size_t)256 << 10)

struct wf_lines {
    char *name;
    struct archive *la;
    struct wf_str block; /* unpacked, not yet given out; libarchive's, or the caller's bytes */
    struct wf_buf line;  /* a line that began in an earlier block */
    bool is_end;
    bool drops_mark;
    uint64_t number;
};

int wf_lines_fail(const struct wf_lines *l, int code, struct wf_err *err, const char *fmt, ...)
{
    char text[WF_ERR_MSG_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap); /* cut where it is too long */
    va_end(ap);
    return wf_err_set(err, code, "%s:%llu: %s", l->name, (unsigned long long)l->number, text);
}

static int make(const char *name, struct wf_lines **out, struct wf_err *err)
{
    struct wf_lines *l = wf_alloc_array(1, sizeof(*l));

    if (l != NULL) {
        wf_buf_init(&l->line, WF_LIMIT_CORPUS_LINE_BYTES);
        l->drops_mark = true;
        l->name = wf_strdup(name);
    }
    if (l == NULL || l->name == NULL) {
        wf_lines_close(l);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to read %s.", name);
    }
    *out = l;
    return 0;
}

int wf_lines_open_bytes(const char *name, struct wf_str bytes, struct wf_lines **out,
                        struct wf_err *err)
{
    int rc = make(name, out, err);

    if (rc == 0)
        (*out)->block = bytes;
    return rc;
}

static int archive_error(struct wf_lines *l, struct wf_err *err)
{
    int number = archive_errno(l->la);
    const char *text = archive_error_string(l->la);

    if (number > 0) {
        int code = wf_err_from_errno(number);
        if (code == WF_E_NOENT || code == WF_E_DENIED || code == WF_E_NOMEM)
            return wf_err_errno(err, number, "%s", l->name);
    }
    return wf_lines_fail(l, WF_E_FORMAT, err, "it cannot be unpacked (%s)",
                         text != NULL ? text : "no reason given");
}

int wf_lines_open(const char *path, struct wf_lines **out, struct wf_err *err)
{
    struct wf_lines *l = NULL;
    struct archive_entry *entry;
    int rc = make(path, &l, err), got;

    if (rc != 0)
        return rc;
    l->la = archive_read_new();
    if (l->la == NULL) {
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to read %s.", path);
        goto out;
    }
    (void)archive_read_support_filter_xz(l->la); /* what is missing shows when a file needs it */
    (void)archive_read_support_filter_gzip(l->la);
    (void)archive_read_support_filter_bzip2(l->la);
    (void)archive_read_support_filter_zstd(l->la);
    (void)archive_read_support_format_raw(l->la);
    (void)archive_read_support_format_empty(l->la);
    got = archive_read_open_filename(l->la, path, BLOCK_BYTES);
    if (got == ARCHIVE_OK) {
        got = archive_read_next_header(l->la, &entry);
        l->is_end = got == ARCHIVE_EOF;
    }
    if (got != ARCHIVE_OK && got != ARCHIVE_EOF && got != ARCHIVE_WARN)
        rc = archive_error(l, err);
out:
    if (rc != 0) {
        wf_lines_close(l);
        return rc;
    }
    *out = l;
    return 0;
}

void wf_lines_close(struct wf_lines *l)
{
    if (l == NULL)
        return;
    if (l->la != NULL)
        (void)archive_read_free(l->la); /* nothing was written: nothing can be lost */
    wf_buf_deinit(&l->line);
    wf_free(l->name);
    wf_free(l);
}

static int next_block(struct wf_lines *l, struct wf_err *err)
{
    const void *p = NULL;
    size_t n = 0;
    int64_t offset;
    int got;

    if (l->la == NULL || l->is_end) {
        l->is_end = true;
        return 0;
    }
    got = archive_read_data_block(l->la, &p, &n, &offset);
    if (got == ARCHIVE_EOF)
        l->is_end = true;
    else if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
        return archive_error(l, err);
    else
        l->block = wf_str_n(p, n);
    return 0;
}

static struct wf_str clean(struct wf_lines *l, struct wf_str line)
{
    if (l->drops_mark && wf_str_starts(line, wf_str_from("\xef\xbb\xbf")))
        line = wf_str_sub(line, 3, line.len);
    l->drops_mark = false;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

int wf_lines_next(struct wf_lines *l, struct wf_str *out, bool *out_is_end, struct wf_err *err)
{
    int rc = 0;

    wf_buf_reset(&l->line);
    *out_is_end = false;
    for (;;) {
        const char *end = l->block.len > 0 ? memchr(l->block.ptr, '\n', l->block.len) : NULL;
        size_t n = end != NULL ? (size_t)(end - l->block.ptr) : l->block.len;
        struct wf_str part = wf_str_sub(l->block, 0, n);

        if (end != NULL && l->line.len == 0 && n <= WF_LIMIT_CORPUS_LINE_BYTES) {
            l->block = wf_str_sub(l->block, n + 1, l->block.len);
            l->number++;
            *out = clean(l, part);
            return 0;
        }
        rc = wf_buf_append_str(&l->line, part);
        l->block = wf_str_sub(l->block, end != NULL ? n + 1 : n, l->block.len);
        if (rc != 0 || end != NULL)
            break;
        rc = next_block(l, err);
        if (rc != 0)
            return rc;
        if (l->is_end)
            break;
    }
    if (rc == 0 && l->is_end && l->line.len == 0 && l->block.len == 0) {
        *out_is_end = true;
        return 0;
    }
    l->number++;
    if (rc != 0)
        return wf_lines_fail(l, rc, err, "%s",
                             rc == WF_E_LIMIT ? "the line is too long" : "not enough memory");
    *out = clean(l, wf_buf_str(&l->line));
    return 0;
}

uint64_t wf_lines_number(const struct wf_lines *l)
{
    return l->number;
}
