/* SPDX-License-Identifier: Apache-2.0 */
/* documents.*: what was taken in: the list, one document with its outline, its text around a place,
 * and its removal. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "mesh/blobs.h"
#include "op/op_internal.h"
#include "space/thread_share.h"
#include "store/purge.h"
#include "store/thread.h"
#include "text/utf8.h"

#define OUTLINE_MAX 500    /* headings; a book's table of contents is shorter */
#define PART_CP_GUESS 2000 /* code points of a part, from above, for looking back */
#define PARTS_MAX 200
#define REMOVE_MAX 1000
#define ELSEWHERE_MAX 1000
#define PURGE_WAIT_MS 120000u /* destroying rewrites the index: long for a very large library */

/* Documents that only other devices have; NULL: nothing can be said of them. */
static json_t *elsewhere(struct wf_op_context *ctx, const struct wf_document_like *like)
{
    json_t *list = NULL;

    if (ctx->blobs &&
        wf_blobs_elsewhere(ctx->blobs, like->space, like->words, ELSEWHERE_MAX, &list, NULL) != 0)
        return NULL;
    return list;
}

int wf_op__documents_list(struct wf_op_context *ctx, const struct wf_op_call *call,
                          json_t **out_result, struct wf_err *err)
{
    const struct wf_param_range limits = {1, 200, 50}, ids = {1, INT64_MAX, 0};
    struct wf_document_list list = {NULL, 0};
    struct wf_document_like like = {.space = {NULL, 0}};
    uint64_t n_all = 0;
    json_t *array = json_array();
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    int64_t limit, after;
    char next[24];
    int rc;

    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    rc = wf_param_int(call->params, "limit", limits, &limit, err);
    if (rc == 0)
        rc = wf_param_int(call->params, "after", ids, &after, err);
    if (rc == 0)
        rc = wf_param_str(call->params, "q", false, &like.words, err);
    if (rc == 0)
        rc = wf_param_str(call->params, "space", false, &like.space, err);
    if (rc == 0)
        rc = wf_param_str(call->params, "type", false, &like.type, err);
    if (rc == 0)
        rc = wf_store_reader_get(ctx->store, &r, err);
    if (rc == 0)
        rc = wf_document_count(r, &like, &n_all, err);
    if (rc == 0)
        rc = wf_document_page(r, &like, after, (size_t)limit + 1, &arena, &list, err);
    for (size_t i = 0; rc == 0 && i < WF_MIN(list.n_items, (size_t)limit); i++) {
        json_t *d;
        if (wf_op__hides(call, list.items[i].label))
            continue;
        d = wf_op_document_json(r, &list.items[i], &arena, err);
        if (d && ctx->blobs)
            rc = wf_blobs_describe(ctx->blobs, list.items[i].space_id, list.items[i].hash, d, err);
        if (json_array_append_new(array, d) != 0)
            rc = wf_op__no_memory(err);
    }
    if (rc == 0) {
        bool more = list.n_items > (size_t)limit;
        if (more)
            snprintf(next, sizeof(next), "%" PRId64, list.items[limit - 1].id);
        rc = wf_op__give(json_pack("{s:O, s:s?, s:I, s:o*}", "documents", array, "next",
                                   more ? next : NULL, "total", (json_int_t)n_all, "elsewhere",
                                   after == 0 && like.type.len == 0 ? elsewhere(ctx, &like) : NULL),
                         out_result, err);
    }
    if (r)
        wf_store_reader_put(ctx->store, r);
    json_decref(array);
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- one document ---- */

static const struct wf_str separator = {" > ", 3};

/* The headings of a document, out of those that its chunks stand under. */
struct outline {
    json_t *items;
    char last[512]; /* the heading of the chunk before */
};

/* Where `title` is a line of the chunk, else where the chunk begins. */
static uint64_t title_place(const struct wf_chunk_row *c, struct wf_str title)
{
    struct wf_str rest = c->text, line;

    while (wf_str_line(&rest, &line)) {
        if (wf_str_eq(wf_str_trim(line), title)) {
            size_t before = (size_t)(line.ptr - c->text.ptr);
            return c->start_cp + wf_utf8_count(wf_str_n(c->text.ptr, before));
        }
    }
    return c->start_cp;
}

/* Did the chunk before stand under the headings `path`, too? */
static bool is_known(const struct outline *o, struct wf_str path)
{
    struct wf_str last = wf_str_from(o->last);

    return wf_str_starts(last, path) &&
           (last.len == path.len || wf_str_starts(wf_str_sub(last, path.len, last.len), separator));
}

static int outline_chunk(void *ud, int64_t chunk, const struct wf_chunk_row *c, struct wf_err *err)
{
    struct outline *o = ud;
    size_t start = 0, end;
    int level = 0;

    (void)chunk;
    if (c->heading.len == 0 || wf_str_eq(c->heading, wf_str_from(o->last)))
        return 0;
    for (; start < c->heading.len; start = end + separator.len) {
        end = WF_MIN(wf_str_find(c->heading, separator, start), c->heading.len);
        level++;
        if (is_known(o, wf_str_sub(c->heading, 0, end)))
            continue;
        struct wf_str title = wf_str_sub(c->heading, start, end);
        if (json_array_append_new(
                o->items, json_pack("{s:o, s:i, s:I, s:o}", "title", wf_json_str(title), "level",
                                    level, "start", (json_int_t)title_place(c, title), "page",
                                    c->page ? json_integer(c->page) : json_null())) != 0)
            return wf_op__no_memory(err);
        if (json_array_size(o->items) == OUTLINE_MAX)
            return 1;
    }
    snprintf(o->last, sizeof(o->last), "%.*s", WF_STR_ARG(c->heading));
    return 0;
}

int wf_op__documents_get(struct wf_op_context *ctx, const struct wf_op_call *call,
                         json_t **out_result, struct wf_err *err)
{
    struct outline outline = {.items = json_array()};
    struct wf_reader *r = NULL;
    json_t *v = NULL;
    struct wf_arena arena;
    struct wf_document d = {.id = 0};
    struct wf_str id;
    int rc = wf_param_str(call->params, "id", true, &id, err);

    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    if (rc == 0)
        rc = wf_store_reader_get(ctx->store, &r, err);
    if (rc == 0)
        rc = wf_op__document(call, r, id, &arena, &d, err);
    if (rc == 0) {
        rc = wf_document_chunks(r, &d, 0, UINT64_MAX, outline_chunk, &outline, err);
        rc = rc == 1 ? 0 : rc; /* the outline is full */
    }
    if (rc == 0 && !(v = wf_op_document_json(r, &d, &arena, err)))
        rc = WF_E_NOMEM;
    if (rc == 0 && ctx->blobs)
        rc = wf_blobs_describe(ctx->blobs, d.space_id, d.hash, v, err);
    if (rc == 0) {
        json_object_set(v, "outline", outline.items);
        rc = wf_op__give(v, out_result, err);
    }
    if (r)
        wf_store_reader_put(ctx->store, r);
    json_decref(outline.items);
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- the text around a place ---- */

struct window {
    json_t *parts;
    size_t n_max;
    uint64_t next_cp; /* where the part after the last one begins, or 0 */
};

static int window_chunk(void *ud, int64_t chunk, const struct wf_chunk_row *c, struct wf_err *err)
{
    struct window *w = ud;

    (void)chunk;
    if (json_array_size(w->parts) == w->n_max) {
        w->next_cp = c->start_cp;
        return 1;
    }
    if (json_array_append_new(
            w->parts, json_pack("{s:I, s:I, s:o, s:o, s:o}", "start", (json_int_t)c->start_cp,
                                "end", (json_int_t)(c->start_cp + c->n_cp), "page",
                                c->page ? json_integer(c->page) : json_null(), "heading",
                                wf_json_str(c->heading), "text", wf_json_str(c->text))) != 0)
        return wf_op__no_memory(err);
    return 0;
}

/* The starts of the last n_max chunks that were seen. */
struct look_back {
    uint64_t starts[PARTS_MAX];
    size_t n_seen, n_max;
};

static int look_back_chunk(void *ud, int64_t chunk, const struct wf_chunk_row *c,
                           struct wf_err *err)
{
    struct look_back *b = ud;

    (void)chunk;
    (void)err;
    b->starts[b->n_seen++ % b->n_max] = c->start_cp;
    return 0;
}

static json_t *previous_json(struct wf_reader *r, const struct wf_document *d, uint64_t first_cp,
                             size_t n_max)
{
    uint64_t reach = (uint64_t)n_max * PART_CP_GUESS;
    struct look_back b = {.n_max = n_max};

    if (first_cp == 0)
        return json_null();
    if (wf_document_chunks(r, d, first_cp > reach ? first_cp - reach : 0, first_cp, look_back_chunk,
                           &b, NULL) != 0 ||
        b.n_seen == 0)
        return json_null();
    return json_integer((json_int_t)b.starts[b.n_seen > n_max ? b.n_seen % n_max : 0]);
}

int wf_op__documents_parts(struct wf_op_context *ctx, const struct wf_op_call *call,
                           json_t **out_result, struct wf_err *err)
{
    const struct wf_param_range places = {0, INT64_MAX, 0}, limits = {1, PARTS_MAX, 40};
    struct window w = {.parts = json_array()};
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    struct wf_document d = {.id = 0};
    int64_t at, limit;
    struct wf_str id;
    int rc = wf_param_str(call->params, "id", true, &id, err);

    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    if (rc == 0)
        rc = wf_param_int(call->params, "at", places, &at, err);
    if (rc == 0)
        rc = wf_param_int(call->params, "limit", limits, &limit, err);
    if (rc == 0)
        rc = wf_store_reader_get(ctx->store, &r, err);
    if (rc == 0)
        rc = wf_op__document(call, r, id, &arena, &d, err);
    if (rc == 0) {
        w.n_max = (size_t)limit;
        rc = wf_document_chunks(r, &d, (uint64_t)at, UINT64_MAX, window_chunk, &w, err);
        rc = rc == 1 ? 0 : rc;
    }
    if (rc == 0) {
        const json_t *first = json_array_get(w.parts, 0);
        uint64_t first_cp =
            first ? (uint64_t)json_integer_value(json_object_get(first, "start")) : (uint64_t)at;
        rc = wf_op__give(json_pack("{s:O, s:o, s:o}", "parts", w.parts, "previous",
                                   previous_json(r, &d, first_cp, w.n_max), "next",
                                   w.next_cp ? json_integer((json_int_t)w.next_cp) : json_null()),
                         out_result, err);
    }
    if (r)
        wf_store_reader_put(ctx->store, r);
    json_decref(w.parts);
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- removal ---- */

/* The document that one entry names: by its id, else by a path it was added from. */
static int resolve(struct wf_reader *r, const json_t *entry, struct wf_arena *arena,
                   struct wf_document *out, struct wf_err *err)
{
    struct wf_str id, path;
    int rc = wf_param_str(entry, "id", true, &id, err);

    if (rc == 0)
        rc = wf_param_str(entry, "path", false, &path, err);
    if (rc != 0)
        return rc;
    rc = wf_document_get(r, id, arena, out, err);
    if (rc == WF_E_NOENT && path.len > 0)
        rc = wf_document_at_path(r, path, arena, out, err);
    if (rc == WF_E_NOENT)
        rc = wf_err_set(err, rc, "There is no document \"%.*s\". List them with: weft documents",
                        (int)WF_MIN(id.len, (size_t)120), id.ptr);
    return rc;
}

/* A document to be removed. */
struct doomed {
    int64_t id;
    char uid[WF_UID_BYTES + 1];
};

static int collect(struct wf_op_context *ctx, const json_t *entries, struct doomed *out,
                   struct wf_err *err)
{
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    struct wf_document d = {.id = 0};
    json_t *entry;
    size_t i;
    int rc = wf_store_reader_get(ctx->store, &r, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 0, WF_OP_ARENA_BYTES_MAX);
    json_array_foreach(entries, i, entry)
    {
        rc = resolve(r, entry, &arena, &d, err);
        if (rc != 0)
            break;
        out[i].id = d.id;
        snprintf(out[i].uid, sizeof(out[i].uid), "%.*s", WF_STR_ARG(d.uid));
    }
    wf_arena_deinit(&arena);
    wf_store_reader_put(ctx->store, r);
    return rc;
}

static int remove_all(struct wf_op_context *ctx, const struct doomed *docs, size_t n,
                      size_t *out_removed, struct wf_err *err)
{
    size_t n_removed = 0;
    int rc = wf_store_write_begin(ctx->store, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = wf_document_remove(ctx->store, docs[i].id, err);
        if (rc == 0) {
            n_removed++;
            rc = wf_thread_forget(ctx->store, wf_str_from(docs[i].uid), err);
        } else if (rc == WF_E_NOENT) {
            rc = 0; /* named twice, or gone meanwhile: what was wanted */
        }
    }
    if (rc != 0) {
        wf_store_write_rollback(ctx->store);
        return rc;
    }
    rc = wf_store_write_commit(ctx->store, err);
    if (rc == 0)
        *out_removed = n_removed;
    wf_thread_share_poke(ctx->threads); /* answers that quoted it are gone, elsewhere, too */
    return rc;
}

int wf_op__documents_remove(struct wf_op_context *ctx, const struct wf_op_call *call,
                            json_t **out_result, struct wf_err *err)
{
    const json_t *entries = json_object_get(call->params, "documents");
    size_t n = json_array_size(entries), n_removed = 0;
    struct doomed docs[REMOVE_MAX] = {0};
    int rc;

    if (!json_is_array(entries) || n == 0 || n > WF_ARRAY_LEN(docs))
        return wf_err_set(err, WF_E_INVAL, "\"documents\" must list 1 to 1000 documents.");
    rc = collect(ctx, entries, docs, err);
    if (rc == 0)
        rc = remove_all(ctx, docs, n, &n_removed, err);
    if (rc == 0)
        rc = wf_purge_wait(ctx->store, PURGE_WAIT_MS, err);
    if (rc != 0)
        return rc;
    wf_op_publish_documents(ctx);
    wf_blobs_poke(ctx->blobs);
    return wf_op__give(json_pack("{s:I}", "removed", (json_int_t)n_removed), out_result, err);
}
