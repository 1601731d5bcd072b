/* SPDX-License-Identifier: Apache-2.0 */
/* Documents over HTTP beyond plain operations: the text as a stream, the original file with ranges,
 * uploads, removal by id. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "http/http_internal.h"
#include "mesh/blobs.h"
#include "op/json.h"
#include "os/file.h"
#include "privacy/label.h"
#include "store/blob.h"
#include "store/document.h"
#include "text/utf8.h"

#define ARENA_BYTES_MAX ((size_t)1 << 20)

/* Finds r's document; 0 or, after having answered, an error code. The reader is to be put back by
 * the caller when 0. */
static int find_document(struct wf_request *r, struct wf_arena *arena, struct wf_reader **out,
                         struct wf_document *d)
{
    struct wf_store *store = r->http->o.ops->store;
    enum wf_label label = WF_LABEL_SECRET;
    struct wf_err err = WF_ERR_INIT;
    int rc = wf_store_reader_get(store, out, &err);

    if (rc == 0) {
        rc = wf_document_get(*out, r->id, arena, d, &err);
        if (rc == 0 && r->phone && !wf_label_parse(d->label, &label))
            label = WF_LABEL_SECRET;
        if (rc == 0 && r->phone && label == WF_LABEL_SECRET) /* to others it is not there */
            rc = WF_E_NOENT;
        if (rc != 0)
            wf_store_reader_put(store, *out);
    }
    if (rc == WF_E_NOENT)
        wf_answer_problem(r, 404, "NOENT",
                          "There is no such document. List them: GET /weft/v1/documents", NULL);
    else if (rc != 0)
        wf_answer_error(r, &err);
    return rc;
}

/* ---- text ---- */

struct slice {
    struct wf_request *r;
    uint64_t start, end; /* code points */
};

static int write_chunk(void *ud, int64_t chunk, const struct wf_chunk_row *c, struct wf_err *err)
{
    struct slice *s = ud;
    struct wf_str text = c->text;
    uint64_t chunk_end = c->start_cp + c->n_cp;
    size_t from = 0, to = text.len;

    (void)chunk;
    (void)err;
    if (s->start > c->start_cp)
        from = wf_utf8_offset(text, (size_t)(s->start - c->start_cp));
    if (s->end < chunk_end)
        to = wf_utf8_offset(text, (size_t)(s->end - c->start_cp));
    return from < to ? wf_answer_write(s->r, text.ptr + from, to - from) : 0;
}

void wf_handle_document_text(struct wf_request *r)
{
    const struct wf_param_range places = {0, INT64_MAX, 0}, ends = {0, INT64_MAX, INT64_MAX};
    struct wf_err err = WF_ERR_INIT;
    struct wf_reader *reader = NULL;
    int64_t start = 0, end = 0;
    struct wf_arena arena;
    struct wf_document d = {.id = 0};
    int rc = wf_param_int(r->query, "start", places, &start, &err);

    if (rc == 0)
        rc = wf_param_int(r->query, "end", ends, &end, &err);
    if (rc != 0) {
        wf_answer_error(r, &err);
        return;
    }
    wf_arena_init(&arena, 0, ARENA_BYTES_MAX);
    if (find_document(r, &arena, &reader, &d) == 0) {
        struct slice s = {.r = r, .start = (uint64_t)start, .end = (uint64_t)end};
        wf_answer_header(r, "cache-control:", "no-store");
        wf_answer_begin(r, 200, "text/plain; charset=utf-8", -1);
        rc = 0;
        if (r->method != WF_HTTP_HEAD)
            rc = wf_document_chunks(reader, &d, s.start, s.end, write_chunk, &s, &err);
        wf_store_reader_put(r->http->o.ops->store, reader);
        if (rc == 0)
            wf_answer_end(r);
        else
            wf_answer_break(r);
    }
    wf_arena_deinit(&arena);
}

/* ---- the original file ---- */

/* "bytes=a-b", "bytes=a-", "bytes=-n" (RFC 9110, 14.1.2); several ranges are answered with the
 * whole. 1: a range, 0: none that we take, -1: not satisfiable. */
static int parse_range(const char *text, int64_t size, int64_t *out_start, int64_t *out_end)
{
    struct wf_str rest = wf_str_from(text), first;
    int64_t a = 0, b = 0;

    if (!wf_str_starts(rest, WF_STR("bytes=")) || strchr(text, ','))
        return 0;
    rest = wf_str_sub(rest, 6, rest.len);
    if (!wf_str_split(&rest, '-', &first) || !rest.ptr)
        return 0;
    first = wf_str_trim(first);
    rest = wf_str_trim(rest);
    if (first.len == 0) {
        if (!wf_str_to_i64(rest, &b) || b < 0)
            return 0;
        a = b < size ? size - b : 0;
        b = size;
    } else {
        if (!wf_str_to_i64(first, &a) || a < 0)
            return 0;
        if (rest.len == 0)
            b = size;
        else if (!wf_str_to_i64(rest, &b) || b < a)
            return 0;
        else
            b = b < size ? b + 1 : size;
    }
    if (a >= size)
        return -1;
    *out_start = a;
    *out_end = b;
    return 1;
}

/* The title as a file name for Content-Disposition (RFC 6266, RFC 8187). */
static void disposition(struct wf_request *r, const struct wf_document *d)
{
    static const char hex[] = "0123456789ABCDEF";
    struct wf_str name = d->path.len > 0 ? d->path : d->title, part;
    char out[1024] = "attachment; filename*=UTF-8''";
    size_t n = strlen(out);

    while (wf_str_find_byte(name, '/', 0) != SIZE_MAX)
        (void)wf_str_split(&name, '/', &part);
    for (size_t i = 0; i < name.len && n + 4 < sizeof(out); i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     c == '.' || c == '-' || c == '_';
        if (plain) {
            out[n++] = (char)c;
        } else {
            out[n++] = '%';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
        }
    }
    out[n] = 0;
    wf_answer_header(r, "content-disposition:", out);
}

static void send_file(struct wf_request *r, const struct wf_document *d, int fd, int64_t size)
{
    int64_t start = 0, end = size;
    int kind = parse_range(r->range, size, &start, &end);
    char text[96];

    wf_answer_header(r, "accept-ranges:", "bytes");
    wf_answer_header(r, "cache-control:", "no-store");
    if (kind < 0) {
        snprintf(text, sizeof(text), "bytes */%" PRId64, size);
        wf_answer_header(r, "content-range:", text);
        wf_file_close(&fd);
        wf_answer_problem(r, 416, "RANGE", "The file is shorter than that.", NULL);
        return;
    }
    disposition(r, d);
    if (kind > 0) {
        snprintf(text, sizeof(text), "bytes %" PRId64 "-%" PRId64 "/%" PRId64, start, end - 1,
                 size);
        wf_answer_header(r, "content-range:", text);
    }
    wf_answer_file(r, kind > 0 ? 206 : 200, fd, start, end);
}

/* The original of one that other devices have, or have the original of, comes first. */
static void fetch_original(struct wf_request *r)
{
    struct wf_op_context *ops = r->http->o.ops;
    struct wf_blobs *blobs = ops->blobs;
    struct wf_err err = WF_ERR_INIT;
    bool is_away = false;

    if (blobs != NULL && wf_blobs_is_away(blobs, r->id, &is_away, &err) == 0 && is_away)
        (void)!wf_blobs_fetch(blobs, r->id, NULL, NULL, NULL, &err); /* what follows says it */
}

void wf_handle_document_original(struct wf_request *r)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_reader *reader = NULL;
    struct wf_arena arena;
    struct wf_document d = {.id = 0};
    struct stat st;
    int fd = -1;

    wf_arena_init(&arena, 0, ARENA_BYTES_MAX);
    fetch_original(r);
    if (find_document(r, &arena, &reader, &d) == 0) {
        int rc = wf_blob_open(r->http->o.ops->store, d.hash, &fd, &err);
        wf_store_reader_put(r->http->o.ops->store, reader);
        if (rc == 0)
            wf_blobs_opened(r->http->o.ops->blobs, d.space_id, d.hash);
        else if (rc == WF_E_NOENT && r->http->o.ops->blobs != NULL)
            (void)wf_err_set(&err, rc,
                             "The original is on another device, which is not connected now.");
        if (rc == 0 && fstat(fd, &st) != 0) {
            rc = wf_err_errno(&err, errno, "The file cannot be read");
            wf_file_close(&fd);
        }
        if (rc != 0)
            wf_answer_error(r, &err);
        else
            send_file(r, &d, fd, st.st_size);
    }
    wf_arena_deinit(&arena);
}

/* ---- removal ---- */

void wf_handle_document_remove(struct wf_request *r)
{
    const struct wf_op_sink sink = {.ud = NULL};
    struct wf_err err = WF_ERR_INIT;
    json_t *result = NULL;
    json_t *params = json_pack("{s:[{s:o}]}", "documents", "id", wf_json_str(r->id));
    int rc = params ? wf_op_run(r->http->o.ops, "documents.remove",
                                &(struct wf_op_call){.params = params, .sink = &sink, .fd = -1},
                                &result, &err)
                    : wf_err_set(&err, WF_E_NOMEM, "Out of memory.");

    json_decref(params);
    json_decref(result);
    if (rc != 0)
        wf_answer_error(r, &err);
    else
        wf_answer_empty(r, 204);
}
