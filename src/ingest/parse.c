/* SPDX-License-Identifier: Apache-2.0 */
/* Parse: helpers that parsers share: reading the descriptor, and documents inside documents.
 *
 * Reads are positional (pread), since the descriptor's offset is shared with whoever opened it. */
#include "ingest/parse.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/limits.h"
#include "ingest/format.h"
#include "os/file.h"

int wf_parse_read_at(const struct wf_parse_input *in, uint64_t offset, void *p, size_t n,
                     size_t *out_n, struct wf_err *err)
{
    size_t n_got = 0;
    if (in->bytes != NULL) {
        n_got = offset < in->n_bytes ? (size_t)WF_MIN(in->n_bytes - offset, (uint64_t)n) : 0;
        memcpy(p, in->bytes + WF_MIN(offset, in->n_bytes), n_got);
        *out_n = n_got;
        return 0;
    }
    while (n_got < n) {
        ssize_t k = pread(in->fd, (char *)p + n_got, n - n_got, (off_t)(offset + n_got));
        if (k < 0 && errno == EINTR) {
            continue;
        }
        if (k < 0) {
            return wf_err_errno(err, errno, "the file cannot be read");
        }
        if (k == 0) {
            break;
        }
        n_got += (size_t)k;
    }
    *out_n = n_got;
    return 0;
}

int wf_parse_read_all(const struct wf_parse_input *in, struct wf_buf *out, struct wf_err *err)
{
    if (in->n_bytes > SIZE_MAX / 2) {
        return wf_err_set(err, WF_E_LIMIT, "the file is too large to be read at once");
    }
    size_t n = (size_t)in->n_bytes;
    size_t n_got = 0;
    int rc = wf_buf_reserve(out, n);
    if (rc != 0) {
        return wf_err_set(err, rc, "the file is too large to be read at once (%zu MB)", n >> 20);
    }
    rc = wf_parse_read_at(in, 0, out->ptr + out->len, n, &n_got, err);
    if (rc == 0) {
        wf_buf_commit(out, n_got);
    }
    return rc;
}

int wf_parse_map(const struct wf_parse_input *in, struct wf_str *out, struct wf_err *err)
{
    if (in->n_bytes == 0 || in->bytes != NULL) {
        *out = in->bytes != NULL ? wf_str_n(in->bytes, (size_t)in->n_bytes) : wf_str_n("", 0);
        return 0;
    }
    void *p = mmap(NULL, (size_t)in->n_bytes, PROT_READ, MAP_PRIVATE, in->fd, 0);
    if (p == MAP_FAILED) {
        int e = errno;
        return e == ENOMEM ? wf_err_set(err, WF_E_LIMIT,
                                        "the file is too large to be read at once (%llu MB)",
                                        (unsigned long long)(in->n_bytes >> 20))
                           : wf_err_errno(err, e, "the file cannot be read");
    }
    *out = wf_str_n(p, (size_t)in->n_bytes);
    return 0;
}

void wf_parse_unmap(const struct wf_parse_input *in, struct wf_str s)
{
    if (s.len > 0 && in->bytes == NULL) {
        (void)munmap((void *)(uintptr_t)s.ptr, s.len); /* cannot fail for what mmap gave */
    }
}

/* The row for a nested document: its content decides, the media type where content does not. */
static const struct wf_format *nested_format(struct wf_str bytes, struct wf_str name,
                                             struct wf_str media_type, char *text_buf)
{
    size_t n_tail = WF_MIN(bytes.len, (size_t)WF_FORMAT_TAIL_BYTES);
    struct wf_format_hint h = {
        .name = name,
        .head = wf_str_sub(bytes, 0, WF_FORMAT_HEAD_BYTES),
        .tail = wf_str_sub(bytes, bytes.len - n_tail, bytes.len),
        .n_bytes = bytes.len,
    };
    const struct wf_format *found = wf_format_find(&h, text_buf);
    const struct wf_format *said = wf_format_by_type(media_type);
    bool unsure = wf_str_eq(wf_str_from(found->id), WF_STR("txt"));
    return unsure && said != NULL && !said->refuses && said->magic == NULL ? said : found;
}

int wf_parse_nested_format(const struct wf_parse_input *parent, struct wf_str bytes,
                           struct wf_str name, struct wf_str media_type,
                           const struct wf_format **out, struct wf_err *err)
{
    char text_buf[WF_FORMAT_HEAD_BYTES];
    const struct wf_format *f = nested_format(bytes, name, media_type, text_buf);
    if (parent->depth + 1 >= WF_LIMIT_NESTING_DOCUMENTS) {
        return wf_err_set(err, WF_E_UNSUPPORTED, "documents are nested too deep");
    }
    if (f->kind == WF_PARSE_EXEC || f->read_dirs != NULL) {
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "a %s inside another document is not read: save it on its own", f->title);
    }
    *out = f;
    return 0;
}

int wf_parse_nested(const struct wf_parse_input *parent, const struct wf_format *format,
                    struct wf_str bytes, struct wf_str name, struct wf_str charset,
                    struct wf_stream_writer *w, struct wf_err *err)
{
    struct wf_parse_input in = {
        .fd = -1,
        .bytes = bytes.len > 0 ? bytes.ptr : "",
        .n_bytes = bytes.len,
        .name = name,
        .format = format,
        .charset = charset,
        .depth = parent->depth + 1,
        .tainted = parent->tainted,
    };
    bool pages = wf_stream_ignore_pages(w, true);
    int rc = format->parse(&in, w, err);
    (void)wf_stream_ignore_pages(w, pages);
    return rc;
}

int wf_parse_no_text(struct wf_err *err)
{
    return wf_err_set(err, WF_E_FORMAT, "the document holds no text");
}
