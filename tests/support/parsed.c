/* SPDX-License-Identifier: Apache-2.0 */
/* Parsed: runs a parser in this process the way a worker does, and renders what it says. */
#include "support/parsed.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ingest/format.h"
#include "ingest/parse.h"

#define MOST_BYTES ((size_t)1 << 30)

void parsed_init(struct parsed *p)
{
    memset(p, 0, sizeof(*p));
    wf_buf_init(&p->text, MOST_BYTES);
    wf_buf_init(&p->marked, MOST_BYTES);
    wf_buf_init(&p->meta, MOST_BYTES);
    wf_buf_init(&p->warnings, MOST_BYTES);
}

void parsed_deinit(struct parsed *p)
{
    wf_buf_deinit(&p->text);
    wf_buf_deinit(&p->marked);
    wf_buf_deinit(&p->meta);
    wf_buf_deinit(&p->warnings);
}

int parsed_frame(void *ud, const struct wf_stream_frame *f, struct wf_err *err)
{
    struct parsed *p = ud;
    switch (f->type) {
    case WF_STREAM_TEXT:
        wf_buf_append_str(&p->text, f->text);
        wf_buf_append_str(&p->marked, f->text);
        break;
    case WF_STREAM_PAGE:
        wf_buf_appendf(&p->marked, "{P%u}", f->number);
        break;
    case WF_STREAM_HEADING:
        wf_buf_appendf(&p->marked, "{H%u}", f->number);
        break;
    case WF_STREAM_BORDER:
        wf_buf_append_cstr(&p->marked, "{B}");
        break;
    case WF_STREAM_META:
        wf_buf_appendf(&p->meta, "%.*s=%.*s\n", WF_STR_ARG(f->key), WF_STR_ARG(f->text));
        break;
    case WF_STREAM_WARNING:
        wf_buf_appendf(&p->warnings, "%.*s\n", WF_STR_ARG(f->text));
        break;
    case WF_STREAM_ERROR:
        return wf_err_set(err, f->code, "%.*s", WF_STR_ARG(f->text));
    case WF_STREAM_PROGRESS:
    case WF_STREAM_END:
        break;
    }
    return wf_buf_status(&p->marked);
}

static int memfd_of(const void *bytes, size_t n)
{
    int fd = memfd_create("parsed", MFD_CLOEXEC);
    for (size_t i = 0; fd >= 0 && i < n;) {
        ssize_t k = write(fd, (const char *)bytes + i, n - i);
        if (k <= 0) {
            break;
        }
        i += (size_t)k;
    }
    return fd;
}

static void run(struct parsed *p, const struct wf_format *f, const char *name, const void *bytes,
                size_t n)
{
    struct wf_buf sink;
    struct wf_stream_writer w;
    struct wf_stream_reader r;
    bool tainted = false;
    struct wf_parse_input in = {.fd = memfd_of(bytes, n),
                                .n_bytes = n,
                                .name = wf_str_from(name),
                                .format = f,
                                .tainted = &tainted};
    wf_buf_init(&sink, 2 * MOST_BYTES);
    wf_stream_writer_init_buf(&w, &sink);
    wf_stream_reader_init(&r);
    p->rc = f->parse(&in, &w, &p->err);
    if (p->rc == 0) {
        p->rc = wf_stream_status(&w);
    }
    if (p->rc == 0) {
        p->rc = wf_stream_end(&w);
    } else {
        (void)wf_stream_flush(&w); /* a fuzz target checks these frames too */
    }
    struct wf_err err = WF_ERR_INIT;
    p->stream_rc = wf_stream_feed(&r, sink.ptr, sink.len, parsed_frame, p, &err);
    if (p->stream_rc != 0) {
        p->rc = p->stream_rc;
        p->err = err;
    }
    wf_stream_reader_deinit(&r);
    wf_stream_writer_deinit(&w);
    wf_buf_deinit(&sink);
    close(in.fd);
}

void parsed_run(struct parsed *p, const char *name, const void *bytes, size_t n)
{
    static char room[WF_FORMAT_HEAD_BYTES];
    struct wf_str all = wf_str_n(bytes, n);
    size_t n_tail = WF_MIN(n, (size_t)WF_FORMAT_TAIL_BYTES);
    struct wf_format_hint h = {.name = wf_str_from(name),
                               .head = wf_str_sub(all, 0, WF_FORMAT_HEAD_BYTES),
                               .tail = wf_str_sub(all, n - n_tail, n),
                               .n_bytes = n};
    const struct wf_format *f = wf_format_find(&h, room);
    parsed_init(p);
    p->format = f->id;
    run(p, f, name, bytes, n);
}

void parsed_run_as(struct parsed *p, const char *id, const char *name, const void *bytes, size_t n)
{
    const struct wf_format *f = wf_format_by_id(wf_str_from(id));
    parsed_init(p);
    if (f == NULL) {
        p->rc = wf_err_set(&p->err, WF_E_INVAL, "no format '%s'", id);
        return;
    }
    p->format = f->id;
    run(p, f, name, bytes, n);
}
