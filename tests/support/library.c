/* SPDX-License-Identifier: Apache-2.0 */
/* Library: documents without files, workers and blobs. */
#include "support/library.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "text/utf8.h"

#define PENDING_MAX 2000

static void need(int status, const struct wf_err *err)
{
    if (status == 0)
        return;
    fprintf(stderr, "library: %s\n", err->msg);
    abort();
}

static int on_chunk(void *ud, const struct wf_chunk *c, struct wf_err *err)
{
    struct library *l = ud;
    struct wf_chunk_row row = {.text = c->text,
                               .heading = c->heading,
                               .start_cp = c->start_cp,
                               .n_cp = c->n_cp,
                               .page = c->page};
    return wf_incoming_chunk(l->store, &l->incoming, l->title, &row, err);
}

void library_open(struct library *l)
{
    library_open_with(l, NULL);
}

void library_open_with(struct library *l, const struct wf_store_options *o)
{
    struct wf_err err = WF_ERR_INIT;
    *l = (struct library){.store = NULL};
    snprintf(l->dir, sizeof l->dir, "/tmp/weft-library-XXXXXX");
    if (mkdtemp(l->dir) == NULL)
        abort();
    need(wf_store_open(l->dir, o, &l->store, &err), &err);
    l->chunker = wf_chunker_new(on_chunk, l);
    if (l->chunker == NULL)
        abort();
}

static void feed(struct library *l, enum wf_stream_type type, uint32_t number, struct wf_str text)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_stream_frame f = {.type = type, .number = number, .text = text};
    need(wf_chunker_feed(l->chunker, &f, &err), &err);
}

static void feed_text(struct library *l, const char *text)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_str rest = wf_str_from(text);
    uint32_t page = 0;
    while (rest.len > 0) {
        size_t end = wf_str_find_byte(rest, '\n', 0);
        end = end == SIZE_MAX ? rest.len : end + 1;
        struct wf_str line = wf_str_sub(rest, 0, end);
        rest = wf_str_sub(rest, end, rest.len);
        if (line.ptr[0] == '\f') {
            feed(l, WF_STREAM_PAGE, ++page, wf_str_n(NULL, 0));
            line = wf_str_sub(line, 1, line.len);
        }
        bool is_heading = wf_str_starts(line, wf_str_from("# "));
        if (is_heading) {
            feed(l, WF_STREAM_HEADING, 1, wf_str_n(NULL, 0));
            line = wf_str_trim(wf_str_sub(line, 2, line.len));
        }
        for (size_t i = 0; i < line.len;) { /* frames of whole code points */
            size_t n = wf_utf8_offset(wf_str_sub(line, i, line.len), 20000);
            feed(l, WF_STREAM_TEXT, 0, wf_str_sub(line, i, i + n));
            i += n;
        }
        if (is_heading) {
            feed(l, WF_STREAM_HEADING, 0, wf_str_n(NULL, 0));
            feed(l, WF_STREAM_TEXT, 0, wf_str_from("\n"));
        }
        if (is_heading || line.len <= 1)
            feed(l, WF_STREAM_BORDER, 0, wf_str_n(NULL, 0));
    }
    need(wf_chunker_end(l->chunker, &err), &err);
}

static const char *or_else(const char *s, const char *otherwise)
{
    return s != NULL ? s : otherwise;
}

void library_add(struct library *l, const struct library_document *d,
                 char out_uid[WF_UID_BYTES + 1])
{
    struct wf_err err = WF_ERR_INIT;
    char uid[WF_UID_BYTES + 1];
    uint8_t hash[WF_HASH_BYTES] = {0};
    struct wf_document_new n = {.hash = hash, .bytes = strlen(d->text)};
    struct wf_source_stat stat = {.size = n.bytes};
    if (!l->is_writing)
        need(wf_store_write_begin(l->store, &err), &err);
    l->is_writing = true;
    l->n_documents++;
    memcpy(hash, &l->n_documents, sizeof l->n_documents);
    need(wf_space_id(l->store, wf_str_from(or_else(d->space, "")), true, &n.space, &err), &err);
    l->title = n.title = wf_str_from(or_else(d->title, ""));
    n.type = wf_str_from(or_else(d->type, "text/plain"));
    n.modified_ms = d->modified_ms;
    wf_incoming_begin(l->store, &l->incoming);
    wf_chunker_reset(l->chunker, l);
    feed_text(l, d->text);
    need(wf_incoming_finish(l->store, &l->incoming, &n, uid, &err), &err);
    need(wf_source_set(l->store, wf_str_from(d->path), l->incoming.id, &stat, &err), &err);
    if (out_uid != NULL)
        memcpy(out_uid, uid, sizeof uid);
    if (++l->n_pending == PENDING_MAX)
        library_commit(l);
}

void library_commit(struct library *l)
{
    struct wf_err err = WF_ERR_INIT;
    if (l->is_writing)
        need(wf_store_write_commit(l->store, &err), &err);
    l->is_writing = false;
    l->n_pending = 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void library_close(struct library *l)
{
    library_commit(l);
    wf_chunker_free(l->chunker);
    wf_store_close(l->store);
    (void)nftw(l->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct slice {
    struct wf_buf buf;
    uint64_t start, end;
};

static int on_slice(void *ud, int64_t chunk, const struct wf_chunk_row *c, struct wf_err *err)
{
    struct slice *s = ud;
    uint64_t from = s->start > c->start_cp ? s->start - c->start_cp : 0;
    uint64_t to = s->end > c->start_cp ? s->end - c->start_cp : 0;
    (void)chunk;
    (void)err;
    return wf_buf_append_str(
        &s->buf, wf_str_sub(c->text, wf_utf8_offset(c->text, from), wf_utf8_offset(c->text, to)));
}

char *library_text(struct library *l, struct wf_str uid, uint64_t start, uint64_t end)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_arena arena;
    struct wf_document d;
    struct wf_reader *r = NULL;
    struct slice s = {.start = start, .end = end};
    wf_arena_init(&arena, 0, 1 << 20);
    wf_buf_init(&s.buf, WF_LIMIT_FRAME_BYTES);
    need(wf_store_reader_get(l->store, &r, &err), &err);
    need(wf_document_get(r, uid, &arena, &d, &err), &err);
    need(wf_document_chunks(r, &d, start, end, on_slice, &s, &err), &err);
    wf_store_reader_put(l->store, r);
    wf_arena_deinit(&arena);
    char *text = wf_buf_detach(&s.buf, NULL);
    return text != NULL ? text : wf_strdup("");
}

void library_open_filled(struct library *l, const struct library_document *documents, size_t n)
{
    library_open(l);
    for (size_t i = 0; i < n; i++)
        library_add(l, &documents[i], NULL);
    library_commit(l);
}
