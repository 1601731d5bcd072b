/* SPDX-License-Identifier: Apache-2.0 */
/* Writing updates in both formats. In format 1 all values follow each other; in format 2 most go to
 * columns that count repetitions. One function per kind of value knows the difference. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "crdt/any.h"
#include "crdt/update_internal.h"

/* ---- columns ---- */

static void runs_flush(struct wf_crdt_runs *r)
{
    if (r->count == 0)
        return;
    if (r->count == 1) {
        wf_lib0_append_int(&r->buf, r->value, false);
    } else {
        wf_lib0_append_int(&r->buf, -r->value, true);
        wf_lib0_append_uint(&r->buf, r->count - 2);
    }
}

static void runs_put(struct wf_crdt_runs *r, int64_t v)
{
    if (r->value == v) {
        r->count++;
        return;
    }
    runs_flush(r);
    r->count = 1;
    r->value = v;
}

static void diffs_flush(struct wf_crdt_runs *r)
{
    if (r->count == 0)
        return;
    wf_lib0_append_int(&r->buf, r->diff * 2 + (r->count > 1), false);
    if (r->count > 1)
        wf_lib0_append_uint(&r->buf, r->count - 2);
}

static void diffs_put(struct wf_crdt_runs *r, int64_t v)
{
    if (r->diff == v - r->value) {
        r->count++;
    } else {
        diffs_flush(r);
        r->count = 1;
        r->diff = v - r->value;
    }
    r->value = v;
}

/* Bytes: the value, then how often it is repeated; the last run has no count. */
static void bytes_put(struct wf_crdt_runs *r, uint8_t v)
{
    if (r->count > 0 && r->value == v) {
        r->count++;
        return;
    }
    if (r->count > 0)
        wf_lib0_append_uint(&r->buf, r->count - 1);
    (void)wf_buf_append_byte(&r->buf, (char)v);
    r->count = 1;
    r->value = v;
}

void wf_crdt__out_init(struct wf_crdt_out *o, const struct wf_crdt *d, struct wf_buf *rest,
                       struct wf_crdt_columns *cols)
{
    *o = (struct wf_crdt_out){.d = d, .rest = rest, .cols = cols};
    if (cols == NULL)
        return;
    *cols = (struct wf_crdt_columns){0};
    for (int i = 0; i < WF_CRDT_COL_COUNT; i++)
        wf_buf_init(&cols->runs[i].buf, WF_LIMIT_CRDT_BYTES);
    wf_buf_init(&cols->text, WF_LIMIT_CRDT_BYTES);
}

int wf_crdt__out_finish(struct wf_crdt_out *o, struct wf_buf *out)
{
    struct wf_crdt_columns *c = o->cols;
    uint8_t head[WF_LIB0_NUMBER_BYTES];
    int rc = o->rc;

    if (c == NULL)
        return rc != 0 ? rc : wf_buf_status(out);
    (void)wf_buf_append_byte(out, 0);
    for (int i = 0; i < WF_CRDT_COL_COUNT; i++) {
        struct wf_crdt_runs *r = &c->runs[i];
        if (i == WF_CRDT_COL_KEY || i == WF_CRDT_COL_LEFT || i == WF_CRDT_COL_RIGHT)
            diffs_flush(r);
        else if (i != WF_CRDT_COL_INFO && i != WF_CRDT_COL_PARENT)
            runs_flush(r);
        if (i == WF_CRDT_COL_TEXT) {
            size_t n = (size_t)(wf_lib0_put_uint(head, c->text.len) - head);
            wf_lib0_append_uint(out, n + c->text.len + r->buf.len);
            wf_lib0_append_bytes(out, wf_buf_str(&c->text));
            (void)wf_buf_append_str(out, wf_buf_str(&r->buf));
        } else {
            wf_lib0_append_bytes(out, wf_buf_str(&r->buf));
        }
        if (rc == 0)
            rc = wf_buf_status(&r->buf);
        wf_buf_deinit(&r->buf);
    }
    (void)wf_buf_append_str(out, wf_buf_str(o->rest));
    if (rc == 0)
        rc = wf_buf_status(&c->text);
    if (rc == 0)
        rc = wf_buf_status(o->rest);
    wf_buf_deinit(&c->text);
    wf_buf_deinit(o->rest);
    return rc != 0 ? rc : wf_buf_status(out);
}

/* ---- values ---- */

/* Room for n bytes of the rest; NULL when its failure sticks. Most values are a byte or two, so the
 * buffer is asked only when it must grow. */
static inline uint8_t *room(struct wf_crdt_out *o, size_t n)
{
    if (o->rest->_cap - o->rest->len < n && wf_buf_reserve(o->rest, n) != 0)
        return NULL;
    return (uint8_t *)o->rest->ptr + o->rest->len;
}

static inline void wrote(struct wf_crdt_out *o, const uint8_t *end)
{
    o->rest->len = (size_t)(end - (const uint8_t *)o->rest->ptr);
    o->rest->ptr[o->rest->len] = 0;
}

static inline void put_uint(struct wf_crdt_out *o, uint64_t v)
{
    uint8_t *p = room(o, WF_LIB0_NUMBER_BYTES);

    if (p != NULL)
        wrote(o, wf_lib0_put_uint(p, v));
}

static inline void put_byte(struct wf_crdt_out *o, uint8_t v)
{
    uint8_t *p = room(o, 1);

    if (p == NULL)
        return;
    *p = v;
    wrote(o, p + 1);
}

static inline void put_bytes(struct wf_crdt_out *o, const void *from, size_t n)
{
    uint8_t *p = room(o, n);

    if (p == NULL || n == 0)
        return;
    memcpy(p, from, n);
    wrote(o, p + n);
}

static void put_long(struct wf_crdt_out *o, struct wf_str s)
{
    put_uint(o, s.len);
    put_bytes(o, s.ptr, s.len);
}

void wf_crdt__out_uint(struct wf_crdt_out *o, uint64_t v)
{
    put_uint(o, v);
}

void wf_crdt__out_client(struct wf_crdt_out *o, uint64_t id)
{
    if (o->cols != NULL)
        runs_put(&o->cols->runs[WF_CRDT_COL_CLIENT], (int64_t)id);
    else
        put_uint(o, id);
}

static void put_id(struct wf_crdt_out *o, enum wf_crdt_column col, uint32_t client, uint32_t clock)
{
    wf_crdt__out_client(o, o->d->clients[client].id);
    if (o->cols != NULL)
        diffs_put(&o->cols->runs[col], clock);
    else
        put_uint(o, clock);
}

/* A text of so many UTF-16 units. */
static void put_text(struct wf_crdt_out *o, struct wf_str s, size_t units)
{
    if (o->cols != NULL) {
        (void)wf_buf_append_str(&o->cols->text, s);
        runs_put(&o->cols->runs[WF_CRDT_COL_TEXT], (int64_t)units);
    } else {
        put_long(o, s);
    }
}

static void put_string(struct wf_crdt_out *o, struct wf_str s)
{
    put_text(o, s, o->cols != NULL ? wf_lib0_units((const uint8_t *)s.ptr, s.len) : 0);
}

static void put_key(struct wf_crdt_out *o, struct wf_str key)
{
    if (o->cols != NULL)
        diffs_put(&o->cols->runs[WF_CRDT_COL_KEY], o->cols->next_key++);
    put_string(o, key);
}

static void put_len(struct wf_crdt_out *o, uint32_t len)
{
    if (o->cols != NULL)
        runs_put(&o->cols->runs[WF_CRDT_COL_LEN], len);
    else
        put_uint(o, len);
}

static void put_info(struct wf_crdt_out *o, uint8_t info)
{
    if (o->cols != NULL)
        bytes_put(&o->cols->runs[WF_CRDT_COL_INFO], info);
    else
        put_byte(o, info);
}

static void put_parent_info(struct wf_crdt_out *o, uint8_t is_name)
{
    if (o->cols != NULL)
        bytes_put(&o->cols->runs[WF_CRDT_COL_PARENT], is_name);
    else
        put_byte(o, is_name);
}

/* A value: JSON text in format 1, Any in format 2. */
static void put_json(struct wf_crdt_out *o, struct wf_str any)
{
    struct wf_buf text;

    if (o->cols != NULL) {
        put_bytes(o, any.ptr, any.len);
        return;
    }
    wf_buf_init(&text, WF_LIMIT_CRDT_BYTES);
    wf_any_to_json(any, &text);
    put_long(o, wf_buf_str(&text));
    if (wf_buf_status(&text) != 0)
        o->rc = wf_buf_status(&text);
    wf_buf_deinit(&text);
}

/* ---- content ---- */

/* A string without its first units; what is left of a pair that is cut becomes U+FFFD. */
static void put_rest_of_text(struct wf_crdt_out *o, const struct wf_crdt_item *it, uint32_t offset)
{
    bool half = false;
    size_t cut = it->bytes == it->len ? offset : wf_lib0_cut(it->data, it->bytes, offset, &half);
    struct wf_str s = wf_str_n((const char *)it->data + cut, it->bytes - cut);

    if (!half) {
        put_text(o, s, it->len - offset);
        return;
    }
    s = wf_str_sub(s, 4, s.len);
    if (o->cols == NULL) {
        put_uint(o, s.len + 3);
        put_bytes(o, "\xef\xbf\xbd", 3);
        put_bytes(o, s.ptr, s.len);
    } else {
        (void)wf_buf_append(&o->cols->text, "\xef\xbf\xbd", 3);
        put_text(o, s, it->len - offset);
    }
}

static void put_values(struct wf_crdt_out *o, const struct wf_crdt_item *it, uint32_t offset)
{
    struct wf_lib0_in in = wf_lib0_in(it->data, it->bytes);
    struct wf_buf text;

    put_len(o, it->len - offset);
    for (uint32_t i = 0; i < offset; i++)
        (void)wf_any_skip(&in);
    if (it->kind == WF_CRDT_ANY) {
        put_bytes(o, in.p, (size_t)(in.end - in.p));
        return;
    }
    wf_buf_init(&text, WF_LIMIT_CRDT_BYTES);
    for (uint32_t i = offset; i < it->len; i++) {
        wf_buf_reset(&text);
        wf_any_to_json(wf_any_skip(&in), &text);
        put_string(o, wf_buf_str(&text));
    }
    if (wf_buf_status(&text) != 0)
        o->rc = wf_buf_status(&text);
    wf_buf_deinit(&text);
}

static void put_type(struct wf_crdt_out *o, const struct wf_crdt_type *t)
{
    if (o->cols != NULL)
        runs_put(&o->cols->runs[WF_CRDT_COL_KIND], t->kind);
    else
        put_uint(o, t->kind);
    if (t->kind == WF_CRDT_XML_ELEMENT || t->kind == WF_CRDT_XML_HOOK)
        put_key(o, o->d->keys[t->name]);
}

static void put_content(struct wf_crdt_out *o, const struct wf_crdt_item *it, uint32_t offset)
{
    struct wf_lib0_in in;

    switch ((enum wf_crdt_content)it->kind) {
    case WF_CRDT_GC:
    case WF_CRDT_DELETED:
        put_len(o, it->len - offset);
        break;
    case WF_CRDT_SKIP:
        put_uint(o, it->len - offset);
        break;
    case WF_CRDT_STRING:
        put_rest_of_text(o, it, offset);
        break;
    case WF_CRDT_ANY:
    case WF_CRDT_JSON:
        put_values(o, it, offset);
        break;
    case WF_CRDT_BINARY:
        put_long(o, wf_str_n((const char *)it->data, it->bytes));
        break;
    case WF_CRDT_EMBED:
        put_json(o, wf_str_n((const char *)it->data, it->bytes));
        break;
    case WF_CRDT_FORMAT:
        put_key(o, o->d->keys[wf_crdt__format_key(it)]);
        put_json(o, wf_crdt__format_value(it));
        break;
    case WF_CRDT_TYPE:
        put_type(o, &o->d->types[it->type]);
        break;
    case WF_CRDT_DOC:
        in = wf_lib0_in(it->data, it->bytes);
        put_string(o, wf_lib0_bytes(&in));
        put_bytes(o, in.p, (size_t)(in.end - in.p));
        break;
    case WF_CRDT_PACKED: /* put_from writes what it holds */
        assert(false);
        break;
    }
}

/* The parent of an item that has no neighbours to take it from. */
static void put_parent(struct wf_crdt_out *o, const struct wf_crdt_item *it)
{
    const struct wf_crdt_type *t;
    const struct wf_crdt_item *owner;

    if ((it->flags & WF_CRDT_F_PARENT_ID) != 0) {
        put_parent_info(o, 0);
        put_id(o, WF_CRDT_COL_LEFT, it->left, it->right);
    } else {
        t = &o->d->types[it->parent];
        if (t->item == 0) {
            put_parent_info(o, 1);
            put_string(o, o->d->keys[t->name]);
        } else {
            owner = wf_crdt__item(o->d, t->item);
            put_parent_info(o, 0);
            put_id(o, WF_CRDT_COL_LEFT, owner->client, owner->clock);
        }
    }
    if (it->sub != 0)
        put_string(o, o->d->keys[it->sub]);
}

/* What most structs of a draft are, in one go: text with a neighbour, in format 1. `cut`: bytes of
 * its first units, which are left out. */
static void put_text_struct(struct wf_crdt_out *o, const struct wf_crdt_item *it, uint32_t offset,
                            uint32_t cut)
{
    const struct wf_crdt_client *clients = o->d->clients;
    uint32_t n = it->bytes - cut;
    uint8_t *p, *start;

    if (wf_buf_reserve(o->rest, 6 * (size_t)WF_LIB0_NUMBER_BYTES + n) != 0)
        return;
    start = p = (uint8_t *)o->rest->ptr + o->rest->len;
    p++;
    *start = WF_CRDT_STRING;
    if (offset > 0 || it->o_client != WF_CRDT_NONE) {
        *start |= 0x80;
        p = wf_lib0_put_uint(p, clients[offset > 0 ? it->client : it->o_client].id);
        p = wf_lib0_put_uint(p, offset > 0 ? it->clock + offset - 1 : it->o_clock);
    }
    if (it->r_client != WF_CRDT_NONE) {
        *start |= 0x40;
        p = wf_lib0_put_uint(p, clients[it->r_client].id);
        p = wf_lib0_put_uint(p, it->r_clock);
    }
    p = wf_lib0_put_uint(p, n);
    memcpy(p, it->data + cut, n);
    wf_buf_commit(o->rest, (size_t)(p - start) + n);
}

/* The head of a struct with a left neighbour only, in format 1. */
static void put_head(struct wf_crdt_out *o, uint8_t info, uint32_t client, uint32_t clock)
{
    uint8_t head[1 + 2 * WF_LIB0_NUMBER_BYTES], *p = head;

    *p++ = info;
    p = wf_lib0_put_uint(p, o->d->clients[client].id);
    p = wf_lib0_put_uint(p, clock);
    put_bytes(o, head, (size_t)(p - head));
}

void wf_crdt__out_struct(struct wf_crdt_out *o, const struct wf_crdt_item *it, uint32_t offset)
{
    bool has_left = offset > 0 || it->o_client != WF_CRDT_NONE;
    bool has_right = it->r_client != WF_CRDT_NONE;
    uint8_t info = (uint8_t)(it->kind | (has_left ? 0x80 : 0) | (has_right ? 0x40 : 0) |
                             (it->sub != 0 ? 0x20 : 0));

    if (it->kind == WF_CRDT_STRING && o->cols == NULL && it->sub == 0 && (has_left || has_right) &&
        (offset == 0 || it->bytes == it->len)) {
        put_text_struct(o, it, offset, offset);
        return;
    }
    if (it->kind == WF_CRDT_GC || it->kind == WF_CRDT_SKIP) {
        put_info(o, it->kind);
        put_content(o, it, offset);
        return;
    }
    if (o->cols == NULL && has_left && !has_right) { /* mostly a map's value */
        put_head(o, info, offset > 0 ? it->client : it->o_client,
                 offset > 0 ? it->clock + offset - 1 : it->o_clock);
        put_content(o, it, offset);
        return;
    }
    put_info(o, info);
    if (has_left)
        put_id(o, WF_CRDT_COL_LEFT, offset > 0 ? it->client : it->o_client,
               offset > 0 ? it->clock + offset - 1 : it->o_clock);
    if (has_right)
        put_id(o, WF_CRDT_COL_RIGHT, it->r_client, it->r_clock);
    if (!has_left && !has_right)
        put_parent(o, it);
    put_content(o, it, offset);
}

/* ---- deletes ---- */

/* A client's part of something that is written by falling client id. */
struct part {
    uint64_t id;
    size_t first, n;
};

static int falling(const void *a, const void *b)
{
    const struct part *x = a, *y = b;

    return (x->id < y->id) - (x->id > y->id);
}

static void put_range(struct wf_crdt_out *o, const struct wf_crdt_range *r)
{
    if (o->cols == NULL) {
        uint8_t both[2 * WF_LIB0_NUMBER_BYTES], *p = wf_lib0_put_uint(both, r->clock);
        p = wf_lib0_put_uint(p, r->len);
        put_bytes(o, both, (size_t)(p - both));
        return;
    }
    put_uint(o, r->clock - o->deletes_at);
    put_uint(o, r->len - 1);
    o->deletes_at = r->clock + r->len;
}

/* One range, in format 1: what most transactions delete. */
static int put_only(struct wf_crdt_out *o, const struct wf_crdt_range *r)
{
    uint8_t all[2 + 3 * WF_LIB0_NUMBER_BYTES], *p = all;

    *p++ = 1;
    p = wf_lib0_put_uint(p, o->d->clients[r->client].id);
    *p++ = 1;
    p = wf_lib0_put_uint(p, r->clock);
    p = wf_lib0_put_uint(p, r->len);
    put_bytes(o, all, (size_t)(p - all));
    return wf_buf_status(o->rest);
}

int wf_crdt__out_deletes(struct wf_crdt_out *o, const struct wf_crdt_ranges *r)
{
    struct part few[8], *parts = few;
    size_t n = 0;

    if (r->n == 1 && o->cols == NULL)
        return put_only(o, &r->at[0]);
    for (size_t i = 0; i < r->n; i++)
        n += i == 0 || r->at[i].client != r->at[i - 1].client;
    if (n > WF_ARRAY_LEN(few)) {
        parts = wf_alloc_array(n, sizeof(*parts));
        if (parts == NULL)
            return WF_E_NOMEM;
    }
    n = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (i == 0 || r->at[i].client != r->at[i - 1].client)
            parts[n++] = (struct part){o->d->clients[r->at[i].client].id, i, 0};
        parts[n - 1].n++;
    }
    if (n > 1)
        qsort(parts, n, sizeof(*parts), falling);
    put_uint(o, n);
    for (size_t k = 0; k < n; k++) {
        o->deletes_at = 0;
        uint8_t head[2 * WF_LIB0_NUMBER_BYTES], *p = wf_lib0_put_uint(head, parts[k].id);
        p = wf_lib0_put_uint(p, parts[k].n);
        put_bytes(o, head, (size_t)(p - head));
        for (size_t i = 0; i < parts[k].n; i++)
            put_range(o, &r->at[parts[k].first + i]);
    }
    if (parts != few)
        wf_free(parts);
    return wf_buf_status(o->rest);
}

/* ---- documents and transactions ---- */

/* Structs that the packed ones from place p on hold beyond their own number, from `clock` on. */
static uint64_t packed_more(const struct wf_crdt *d, const struct wf_crdt_client *c,
                            struct wf_crdt_place p, uint32_t clock)
{
    uint64_t n = 0;

    do {
        const struct wf_crdt_item *it = wf_crdt__item(d, wf_crdt__at(c, p));
        struct wf_crdt_run r;
        if (it->kind != WF_CRDT_PACKED)
            continue;
        n--;
        for (r = wf_crdt__run(it); wf_crdt__run_next(&r);)
            n += r.at.clock + r.at.len > clock;
    } while (wf_crdt__step_right(c, &p));
    return n;
}

/* A struct, or those of a packed one, from `clock` on. */
static void put_from(struct wf_crdt_out *o, const struct wf_crdt_item *it, uint32_t clock)
{
    struct wf_crdt_run r;

    if (it->kind != WF_CRDT_PACKED) {
        wf_crdt__out_struct(o, it, clock > it->clock ? clock - it->clock : 0);
        return;
    }
    for (r = wf_crdt__run(it); wf_crdt__run_next(&r);) {
        if (r.at.clock + r.at.len > clock)
            wf_crdt__out_struct(o, &r.at, clock > r.at.clock ? clock - r.at.clock : 0);
    }
}

/* The structs of a client from `clock` on. */
static void put_section(struct wf_crdt_out *o, struct wf_crdt_client *c, uint32_t clock)
{
    struct wf_crdt_place p = wf_crdt__find(c, clock), q;
    uint64_t n = c->chunks[p.chunk]->n - p.slot;

    for (uint32_t i = p.chunk + 1; i < c->n_chunks; i++)
        n += c->chunks[i]->n;
    if (o->d->has_packed)
        n += packed_more(o->d, c, p, clock);
    if (o->cols == NULL) {
        uint8_t head[3 * WF_LIB0_NUMBER_BYTES], *h = wf_lib0_put_uint(head, n);
        h = wf_lib0_put_uint(wf_lib0_put_uint(h, c->id), clock);
        put_bytes(o, head, (size_t)(h - head));
    } else {
        wf_crdt__out_uint(o, n);
        wf_crdt__out_client(o, c->id);
        wf_crdt__out_uint(o, clock);
    }
    put_from(o, wf_crdt__item(o->d, wf_crdt__at(c, p)), clock);
    for (q = p; wf_crdt__step_right(c, &q);)
        put_from(o, wf_crdt__item(o->d, wf_crdt__at(c, q)), 0);
}

static int put_sections(struct wf_crdt_out *o, struct wf_crdt *d, struct part *parts, size_t n)
{
    if (n > 1)
        qsort(parts, n, sizeof(*parts), falling);
    wf_crdt__out_uint(o, n);
    for (size_t i = 0; i < n; i++)
        put_section(o, &d->clients[parts[i].first], (uint32_t)parts[i].n);
    return o->rc != 0 ? o->rc : wf_buf_status(o->rest);
}

/* What most transactions insert: one new struct. False where it is another case. */
static bool put_single(struct wf_crdt_out *o, const struct wf_crdt *d, const struct wf_crdt_txn *t)
{
    const struct wf_crdt_client *c = &d->clients[t->touched[0]];
    const struct wf_crdt_chunk *last;
    const struct wf_crdt_item *it;
    uint8_t head[2 + 2 * WF_LIB0_NUMBER_BYTES], *p = head;

    if (t->n_touched != 1 || c->next == c->before)
        return false;
    last = c->chunks[c->n_chunks - 1];
    if (last->at[last->n - 1].clock > c->before)
        return false;
    it = wf_crdt__item(d, last->at[last->n - 1].item);
    *p++ = 1;
    *p++ = 1;
    p = wf_lib0_put_uint(p, c->id);
    p = wf_lib0_put_uint(p, c->before);
    put_bytes(o, head, (size_t)(p - head));
    wf_crdt__out_struct(o, it, c->before - it->clock);
    return true;
}

int wf_crdt__write_txn(struct wf_crdt *d, const struct wf_crdt_txn *t, struct wf_buf *out)
{
    struct wf_crdt_out o;
    struct part few[8], *parts = few;
    size_t n = 0;
    int rc;

    wf_crdt__out_init(&o, d, out, NULL);
    if (t->n_touched > 0 && put_single(&o, d, t)) {
        rc = wf_crdt__out_deletes(&o, &t->deleted);
        return o.rc != 0 ? o.rc : rc;
    }
    if (t->n_touched > 8) {
        parts = wf_alloc_array(t->n_touched, sizeof(*parts));
        if (parts == NULL)
            return WF_E_NOMEM;
    }
    for (size_t k = 0; k < t->n_touched; k++) {
        const struct wf_crdt_client *c = &d->clients[t->touched[k]];
        if (c->next > c->before)
            parts[n++] = (struct part){c->id, t->touched[k], c->before};
    }
    rc = put_sections(&o, d, parts, n);
    if (rc == 0)
        rc = wf_crdt__out_deletes(&o, &t->deleted);
    if (parts != few)
        wf_free(parts);
    return rc;
}

int wf_crdt__all_deletes(const struct wf_crdt *d, struct wf_crdt_ranges *out)
{
    for (uint32_t k = 0; k < d->n_clients; k++) {
        const struct wf_crdt_client *c = &d->clients[k];
        for (uint32_t i = 0; i < c->n_chunks; i++) {
            for (uint32_t s = 0; s < c->chunks[i]->n; s++) {
                const struct wf_crdt_item *it = wf_crdt__item(d, c->chunks[i]->at[s].item);
                struct wf_crdt_range *last = out->n > 0 ? &out->at[out->n - 1] : NULL;
                if (!wf_crdt__deleted(it))
                    continue;
                if (last != NULL && last->client == k && last->clock + last->len == it->clock)
                    last->len += it->len;
                else if (wf_crdt__ranges_add(out, k, it->clock, it->len) != 0)
                    return WF_E_NOMEM;
            }
        }
    }
    return 0;
}

static int write_state(struct wf_crdt_out *o, struct wf_crdt *d, const struct wf_crdt_ranges *known,
                       struct wf_crdt_ranges *deletes)
{
    struct part *parts = wf_alloc_array(d->n_clients + 1, sizeof(*parts));
    size_t n = 0;
    int rc = 0;

    if (parts == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; i < d->n_clients; i++)
        parts[i] = (struct part){d->clients[i].id, i, 0};
    for (size_t i = 0; i < known->n; i++)
        parts[known->at[i].client].n = known->at[i].clock;
    for (size_t i = 0; i < d->n_clients; i++) {
        if (d->clients[i].next > parts[i].n)
            parts[n++] = parts[i];
    }
    rc = put_sections(o, d, parts, n);
    wf_free(parts);
    if (rc == 0)
        rc = wf_crdt__all_deletes(d, deletes);
    if (rc == 0)
        rc = wf_crdt__out_deletes(o, deletes);
    return rc;
}

int wf_crdt__write_state(struct wf_crdt *d, const struct wf_crdt_ranges *known,
                         enum wf_crdt_format format, struct wf_buf *out)
{
    struct wf_crdt_columns cols;
    struct wf_crdt_ranges deletes = {0};
    struct wf_crdt_out o;
    struct wf_buf rest;
    int rc, rc2;

    wf_buf_init(&rest, WF_LIMIT_CRDT_BYTES);
    if (format == WF_CRDT_V2)
        wf_crdt__out_init(&o, d, &rest, &cols);
    else
        wf_crdt__out_init(&o, d, out, NULL);
    rc = write_state(&o, d, known, &deletes);
    rc2 = wf_crdt__out_finish(&o, out);
    wf_free(deletes.at);
    return rc != 0 ? rc : rc2;
}

int wf_crdt__write_vector(const struct wf_crdt *d, struct wf_buf *out)
{
    struct part *parts = wf_alloc_array(d->n_clients + 1, sizeof(*parts));
    size_t n = 0;

    if (parts == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; i < d->n_clients; i++) {
        if (d->clients[i].next > 0)
            parts[n++] = (struct part){d->clients[i].id, i, d->clients[i].next};
    }
    qsort(parts, n, sizeof(*parts), falling);
    wf_lib0_append_uint(out, n);
    for (size_t i = 0; i < n; i++) {
        wf_lib0_append_uint(out, parts[i].id);
        wf_lib0_append_uint(out, parts[i].n);
    }
    wf_free(parts);
    return wf_buf_status(out);
}
