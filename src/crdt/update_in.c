/* SPDX-License-Identifier: Apache-2.0 */
/* Reading updates of both formats, as if every byte were hostile: all is read and checked before
 * the document sees any of it. Structs become unlinked items; what they name is checked as far as
 * it can be known: an item builds on earlier ones of its own client only, clocks fit 32 bits,
 * nothing has length 0. Format 2 can name many structs with few bytes; their number is bounded by
 * both. */
#include "base/alloc.h"
#include "base/limits.h"
#include "crdt/any.h"
#include "crdt/update_internal.h"

/* Structs that a byte of an update may make; real documents stay below 10. */
#define STRUCTS_A_BYTE 64u

struct column {
    struct wf_lib0_in in;
    int64_t value, diff;
    uint64_t count;
};

struct reader {
    struct wf_crdt *d;
    struct wf_lib0_in rest;
    bool v2, raw;
    struct column cols[WF_CRDT_COL_COUNT];
    struct wf_lib0_in text; /* all texts, of format 2 */
    struct wf_str *keys;    /* that keyClock names */
    size_t n_keys, cap_keys;
    uint64_t max_structs;
    struct wf_buf value; /* one canonical value */
    int rc;
    struct wf_err *err;
};

static int fail(struct reader *r, int code, const char *what)
{
    if (r->rc == 0)
        r->rc = wf_err_set(r->err, code, "This update cannot be applied: %s.", what);
    return r->rc;
}

/* ---- columns ---- */

static int64_t run_get(struct reader *r, enum wf_crdt_column k)
{
    struct column *c = &r->cols[k];
    bool negative;

    if (c->count == 0) {
        c->value = wf_lib0_int(&c->in, &negative);
        c->count = 1;
        if (negative) {
            c->value = -c->value;
            c->count = wf_lib0_uint(&c->in) + 2;
        }
        if (c->in.bad)
            (void)fail(r, WF_E_FORMAT, "a column ends too early");
    }
    c->count--;
    return c->value;
}

static int64_t diff_get(struct reader *r, enum wf_crdt_column k)
{
    struct column *c = &r->cols[k];
    bool negative;
    int64_t v;

    if (c->count == 0) {
        v = wf_lib0_int(&c->in, &negative);
        c->diff = v >> 1;
        c->count = 1;
        if ((v & 1) != 0)
            c->count = wf_lib0_uint(&c->in) + 2;
        if (c->in.bad)
            (void)fail(r, WF_E_FORMAT, "a column ends too early");
    }
    c->count--;
    c->value += c->diff;
    if (c->value > (int64_t)WF_LIB0_MAX || c->value < -(int64_t)WF_LIB0_MAX) {
        (void)fail(r, WF_E_FORMAT, "a number is too large");
        c->value = 0;
    }
    return c->value;
}

static uint8_t byte_get(struct reader *r, enum wf_crdt_column k)
{
    struct column *c = &r->cols[k];

    if (c->count == 0) {
        c->value = wf_lib0_byte(&c->in);
        if (c->in.bad)
            (void)fail(r, WF_E_FORMAT, "a column ends too early");
        c->count = c->in.p < c->in.end ? wf_lib0_uint(&c->in) + 1 : UINT64_MAX;
    }
    c->count--;
    return (uint8_t)c->value;
}

static int open_columns(struct reader *r)
{
    struct wf_str s;

    (void)wf_lib0_uint(&r->rest); /* no flags are defined */
    for (int k = 0; k < WF_CRDT_COL_COUNT; k++) {
        s = wf_lib0_bytes(&r->rest);
        r->cols[k].in = wf_lib0_in(s.ptr, s.len);
    }
    s = wf_lib0_bytes(&r->cols[WF_CRDT_COL_TEXT].in);
    if (r->rest.bad || r->cols[WF_CRDT_COL_TEXT].in.bad)
        return fail(r, WF_E_FORMAT, "its columns are longer than itself");
    r->text = wf_lib0_in(s.ptr, s.len);
    if (wf_lib0_units((const uint8_t *)s.ptr, s.len) == SIZE_MAX)
        return fail(r, WF_E_FORMAT, "its text is not valid UTF-8");
    return 0;
}

/* ---- values ---- */

static uint64_t get_client(struct reader *r)
{
    int64_t v;

    if (!r->v2)
        return wf_lib0_uint(&r->rest);
    v = run_get(r, WF_CRDT_COL_CLIENT);
    return v < 0 ? (uint64_t)fail(r, WF_E_FORMAT, "a client's id is negative") : (uint64_t)v;
}

static uint32_t get_clock(struct reader *r, enum wf_crdt_column k)
{
    uint64_t v = r->v2 ? (uint64_t)diff_get(r, k) : wf_lib0_uint(&r->rest);

    if (v >= UINT32_MAX) {
        (void)fail(r, WF_E_LIMIT, "a clock is too large");
        return 0;
    }
    return (uint32_t)v;
}

static uint32_t get_len(struct reader *r)
{
    uint64_t v = r->v2 ? (uint64_t)run_get(r, WF_CRDT_COL_LEN) : wf_lib0_uint(&r->rest);

    if (v == 0 || v >= UINT32_MAX) {
        (void)fail(r, WF_E_FORMAT, "a length is 0 or too large");
        return 1;
    }
    return (uint32_t)v;
}

/* A text and its UTF-16 units. In format 2 a text may begin or end within a pair: then the pair's
 * half becomes U+FFFD, and the text is made in memory of the client. */
static struct wf_str get_text(struct reader *r, size_t *out_units)
{
    struct wf_str s;
    int64_t units;
    size_t cut;
    bool half;

    if (!r->v2) {
        s = wf_lib0_bytes(&r->rest);
        *out_units = wf_lib0_units((const uint8_t *)s.ptr, s.len);
        if (r->rest.bad || *out_units == SIZE_MAX) {
            (void)fail(r, WF_E_FORMAT, "a text is cut off or not valid UTF-8");
            *out_units = 0;
            return WF_STR("");
        }
        return s;
    }
    units = run_get(r, WF_CRDT_COL_TEXT);
    *out_units = (size_t)units;
    s = wf_str_n((const char *)r->text.p, (size_t)(r->text.end - r->text.p));
    if (units < 0 || (uint64_t)units > s.len) {
        (void)fail(r, WF_E_FORMAT, "a text is cut off");
        *out_units = 0;
        return WF_STR("");
    }
    cut = wf_lib0_cut(r->text.p, s.len, (size_t)units, &half);
    s.len = cut;
    /* Yjs never cuts a pair here: its halves were replaced when the item was split. */
    if (half || (cut == 0 && units > 0))
        (void)fail(r, WF_E_FORMAT, "a text ends within a character");
    r->text.p += cut;
    return s;
}

static uint32_t get_key_number(struct reader *r, struct wf_str key)
{
    uint32_t number = 0;

    if (r->rc == 0 && wf_crdt__key(r->d, key, &number) != 0)
        (void)fail(r, WF_E_NOMEM, "there is not enough memory");
    return number;
}

static uint32_t get_key(struct reader *r)
{
    struct wf_str key;
    size_t units;
    int64_t k;

    if (!r->v2)
        return get_key_number(r, get_text(r, &units));
    k = diff_get(r, WF_CRDT_COL_KEY);
    if (k >= 0 && (uint64_t)k < r->n_keys)
        return get_key_number(r, r->keys[k]);
    key = get_text(r, &units);
    if (wf_reserve(&r->keys, &r->cap_keys, r->n_keys + 1, sizeof(*r->keys)) != 0) {
        (void)fail(r, WF_E_NOMEM, "there is not enough memory");
        return 0;
    }
    r->keys[r->n_keys++] = key;
    return get_key_number(r, key);
}

static uint32_t get_client_index(struct reader *r)
{
    uint64_t id = get_client(r);
    uint32_t index = 0;

    if (r->rc == 0 && r->rest.bad)
        (void)fail(r, WF_E_FORMAT, "it ends too early");
    if (r->rc == 0 && wf_crdt__client(r->d, id, &index) != 0)
        (void)fail(r, WF_E_NOMEM, "there is not enough memory");
    return index;
}

/* Appends a value (Any, or in format 1 perhaps JSON) in canonical form to r->value. */
static void get_value(struct reader *r, bool is_json)
{
    size_t units;
    int rc;

    if (r->rc != 0)
        return;
    if (is_json && !r->v2) {
        struct wf_str text = get_text(r, &units);
        rc = r->rc != 0 ? r->rc : wf_any_from_json(text, false, &r->value);
    } else {
        size_t at = r->value.len;
        rc = wf_any_read(&r->rest, &r->value);
        if (rc == 0 && is_json && r->value.ptr[at] == WF_ANY_UNDEFINED)
            rc = WF_E_FORMAT; /* it has no form in format 1 */
    }
    if (rc != 0 && r->rc == 0)
        (void)fail(r, rc, "a value is malformed");
}

/* ---- content ---- */

/* Keeps what stands in r->value as the item's data. */
static void keep_value(struct reader *r, struct wf_crdt_item *it)
{
    if (r->rc == 0)
        r->rc = wf_buf_status(&r->value);
    if (r->rc != 0)
        return;
    it->data = wf_crdt__pool_put(r->d, it->client, r->value.ptr, r->value.len);
    it->bytes = (uint32_t)r->value.len;
    if (it->data == NULL) {
        it->bytes = 0;
        (void)fail(r, WF_E_NOMEM, "there is not enough memory");
    }
}

static void get_values(struct reader *r, struct wf_crdt_item *it)
{
    size_t units;

    it->len = get_len(r);
    for (uint32_t i = 0; i < it->len && r->rc == 0; i++) {
        if (it->kind == WF_CRDT_ANY) {
            get_value(r, false);
        } else {
            struct wf_str text = get_text(r, &units);
            int rc = r->rc != 0 ? r->rc : wf_any_from_json(text, true, &r->value);
            if (rc != 0)
                (void)fail(r, rc, "a value is malformed");
        }
    }
    keep_value(r, it);
}

static void get_type(struct reader *r, struct wf_crdt_item *it)
{
    uint64_t kind = r->v2 ? (uint64_t)run_get(r, WF_CRDT_COL_KIND) : wf_lib0_uint(&r->rest);
    uint32_t name = 0;

    if (kind > WF_CRDT_XML_TEXT) {
        (void)fail(r, WF_E_FORMAT, "it has a type of an unknown kind");
        return;
    }
    if (kind == WF_CRDT_XML_ELEMENT || kind == WF_CRDT_XML_HOOK)
        name = get_key(r);
    if (r->rc == 0 && wf_crdt__type_new(r->d, (enum wf_crdt_kind)kind, name, &it->type) != 0)
        (void)fail(r, WF_E_NOMEM, "there is not enough memory");
}

static void get_content(struct reader *r, struct wf_crdt_item *it)
{
    uint32_t key;
    size_t units;
    struct wf_str s;

    it->len = 1;
    wf_buf_reset(&r->value);
    switch (it->kind) {
    case WF_CRDT_DELETED:
        it->len = get_len(r);
        break;
    case WF_CRDT_JSON:
    case WF_CRDT_ANY:
        get_values(r, it);
        break;
    case WF_CRDT_BINARY:
        s = wf_lib0_bytes(&r->rest);
        it->data = (uint8_t *)(uintptr_t)s.ptr;
        it->bytes = (uint32_t)s.len;
        it->flags |= WF_CRDT_F_BORROWED;
        break;
    case WF_CRDT_STRING:
        s = get_text(r, &units);
        it->data = (uint8_t *)(uintptr_t)s.ptr;
        it->bytes = (uint32_t)s.len;
        it->len = (uint32_t)units;
        it->flags |= WF_CRDT_F_BORROWED;
        if (units == 0 || units >= UINT32_MAX)
            (void)fail(r, WF_E_FORMAT, "a text is empty");
        break;
    case WF_CRDT_EMBED:
        get_value(r, true);
        keep_value(r, it);
        break;
    case WF_CRDT_FORMAT:
        key = get_key(r);
        (void)wf_buf_append(&r->value, &key, sizeof(key));
        get_value(r, true);
        keep_value(r, it);
        break;
    case WF_CRDT_TYPE:
        get_type(r, it);
        break;
    case WF_CRDT_DOC:
        s = get_text(r, &units);
        wf_lib0_append_bytes(&r->value, s);
        get_value(r, false);
        keep_value(r, it);
        break;
    default:
        (void)fail(r, WF_E_FORMAT, "it has content of an unknown kind");
        break;
    }
}

/* ---- structs ---- */

static void get_parent(struct reader *r, struct wf_crdt_item *it, bool has_sub)
{
    uint64_t is_name = r->v2 ? byte_get(r, WF_CRDT_COL_PARENT) : wf_lib0_uint(&r->rest);
    struct wf_str name;
    size_t units;

    if (is_name == 1) {
        name = get_text(r, &units);
        if (r->rc == 0 && wf_crdt__root(r->d, name, &it->parent) != 0)
            (void)fail(r, WF_E_NOMEM, "there is not enough memory");
    } else {
        it->flags |= WF_CRDT_F_PARENT_ID;
        it->left = get_client_index(r);
        it->right = get_clock(r, WF_CRDT_COL_LEFT);
        if (it->left == it->client && it->right >= it->clock)
            (void)fail(r, WF_E_FORMAT, "an item lies within a later one");
    }
    if (has_sub) {
        name = get_text(r, &units);
        it->sub = get_key_number(r, name);
    }
}

static void get_item(struct reader *r, struct wf_crdt_item *it, uint8_t info)
{
    if ((info & 0x80) != 0) {
        it->o_client = get_client_index(r);
        it->o_clock = get_clock(r, WF_CRDT_COL_LEFT);
        if (it->o_client == it->client && it->o_clock >= it->clock)
            (void)fail(r, WF_E_FORMAT, "an item stands right of a later one");
    }
    if ((info & 0x40) != 0) {
        it->r_client = get_client_index(r);
        it->r_clock = get_clock(r, WF_CRDT_COL_RIGHT);
        if (it->r_client == it->client && it->r_clock >= it->clock)
            (void)fail(r, WF_E_FORMAT, "an item stands left of a later one");
    }
    if ((info & 0xc0) == 0)
        get_parent(r, it, (info & 0x20) != 0);
    /* Else parent and key are the neighbour's, known when it is integrated. */
    it->kind = info & 0x1f;
    get_content(r, it);
}

/* One struct; its number, or 0. */
static uint32_t get_struct(struct reader *r, uint32_t client, uint32_t clock)
{
    uint32_t i = wf_crdt__item_new(r->d);
    struct wf_crdt_item *it;
    uint8_t info;
    uint64_t len;

    if (i == 0) {
        (void)fail(r, WF_E_NOMEM, "there is not enough memory");
        return 0;
    }
    it = wf_crdt__item(r->d, i);
    it->client = client;
    it->clock = clock;
    info = r->v2 ? byte_get(r, WF_CRDT_COL_INFO) : wf_lib0_byte(&r->rest);
    if ((info & 0x1f) == WF_CRDT_GC) {
        it->kind = WF_CRDT_GC;
        it->flags = WF_CRDT_F_DELETED;
        it->len = get_len(r);
    } else if (info == WF_CRDT_SKIP) {
        it->kind = WF_CRDT_SKIP;
        len = wf_lib0_uint(&r->rest);
        it->len = (uint32_t)len;
        if (len == 0 || len >= UINT32_MAX)
            (void)fail(r, WF_E_FORMAT, "a gap's length is 0 or too large");
    } else {
        get_item(r, it, info);
    }
    if (r->rest.bad)
        (void)fail(r, WF_E_FORMAT, "it ends too early");
    if (it->len > UINT32_MAX - 1 - clock)
        (void)fail(r, WF_E_LIMIT, "a clock is too large");
    return i;
}

static void get_section(struct reader *r, struct wf_crdt_parsed *p)
{
    uint64_t n = wf_lib0_uint(&r->rest), clock;
    struct wf_crdt_section *s;
    uint32_t client = get_client_index(r), i;

    clock = wf_lib0_uint(&r->rest);
    if (r->rc == 0 && (r->rest.bad || n > r->max_structs || clock >= UINT32_MAX))
        (void)fail(r, WF_E_LIMIT, "it has too many structs for its size");
    if (r->rc == 0 && r->d->clients[client].section != 0 && !r->raw)
        (void)fail(r, WF_E_FORMAT, "it has two sections of one client");
    if (r->rc == 0 &&
        wf_reserve(&p->sections, &p->cap_sections, p->n_sections + 1, sizeof(*p->sections)) != 0)
        (void)fail(r, WF_E_NOMEM, "there is not enough memory");
    if (r->rc != 0)
        return;
    r->max_structs -= n;
    s = &p->sections[p->n_sections++];
    *s = (struct wf_crdt_section){.client = client,
                                  .first = (uint32_t)p->n_structs,
                                  .end = (uint32_t)p->n_structs,
                                  .at = (uint32_t)p->n_structs};
    r->d->clients[client].section = (uint32_t)p->n_sections;
    for (; n > 0 && r->rc == 0; n--) {
        if (wf_reserve(&p->structs, &p->cap_structs, p->n_structs + 1, sizeof(*p->structs)) != 0) {
            (void)fail(r, WF_E_NOMEM, "there is not enough memory");
            return;
        }
        i = get_struct(r, client, (uint32_t)clock);
        if (i == 0)
            return;
        p->structs[p->n_structs++] = i;
        s->end++;
        clock += wf_crdt__item(r->d, i)->len;
    }
}

static void get_deletes(struct reader *r, struct wf_crdt_ranges *out)
{
    uint64_t n_clients = wf_lib0_uint(&r->rest);

    for (; n_clients > 0 && r->rc == 0; n_clients--) {
        uint64_t id = wf_lib0_uint(&r->rest), n = wf_lib0_uint(&r->rest), at = 0;
        uint32_t client = 0;
        if (r->rest.bad)
            (void)fail(r, WF_E_FORMAT, "it ends too early");
        if (r->rc == 0 && wf_crdt__client(r->d, id, &client) != 0)
            (void)fail(r, WF_E_NOMEM, "there is not enough memory");
        for (; n > 0 && r->rc == 0; n--) {
            uint64_t clock = wf_lib0_uint(&r->rest) + (r->v2 ? at : 0);
            uint64_t len = wf_lib0_uint(&r->rest) + (r->v2 ? 1 : 0);
            at = clock + len;
            if (r->rest.bad || len == 0 || at >= UINT32_MAX)
                (void)fail(r, WF_E_FORMAT, "a range of deletes is malformed");
            else if (wf_crdt__ranges_add(out, client, (uint32_t)clock, (uint32_t)len) != 0)
                (void)fail(r, WF_E_NOMEM, "there is not enough memory");
        }
    }
}

void wf_crdt__parsed_deinit(struct wf_crdt *d, struct wf_crdt_parsed *p)
{
    for (size_t i = 0; i < p->n_structs; i++) {
        if (p->structs[i] != 0)
            wf_crdt__discard(d, p->structs[i]);
    }
    for (size_t i = 0; i < p->n_sections; i++)
        d->clients[p->sections[i].client].section = 0;
    wf_free(p->sections);
    wf_free(p->structs);
    wf_free(p->deletes.at);
    *p = (struct wf_crdt_parsed){0};
}

int wf_crdt__parse(struct wf_crdt *d, struct wf_str update, enum wf_crdt_format format, bool raw,
                   struct wf_crdt_parsed *out, struct wf_err *err)
{
    struct reader r = {.d = d,
                       .rest = wf_lib0_in(update.ptr, update.len),
                       .v2 = format == WF_CRDT_V2,
                       .raw = raw,
                       .err = err,
                       .max_structs = (uint64_t)update.len * STRUCTS_A_BYTE + 1024};
    uint64_t n;

    *out = (struct wf_crdt_parsed){0};
    if (update.len > WF_LIMIT_CRDT_BYTES)
        return fail(&r, WF_E_LIMIT, "it is too large");
    wf_buf_init(&r.value, WF_LIMIT_CRDT_BYTES);
    if (!r.v2 || open_columns(&r) == 0) {
        n = wf_lib0_uint(&r.rest);
        for (; n > 0 && r.rc == 0; n--)
            get_section(&r, out);
        if (r.rc == 0)
            get_deletes(&r, &out->deletes);
        if (r.rc == 0 && r.rest.bad)
            (void)fail(&r, WF_E_FORMAT, "it ends too early");
    }
    wf_buf_deinit(&r.value);
    wf_free(r.keys);
    if (r.rc != 0)
        wf_crdt__parsed_deinit(d, out);
    return r.rc;
}

int wf_crdt__parse_deletes(struct wf_crdt *d, struct wf_lib0_in *in, enum wf_crdt_format format,
                           struct wf_crdt_ranges *out)
{
    struct reader r = {.d = d, .rest = *in, .v2 = format == WF_CRDT_V2};

    get_deletes(&r, out);
    if (r.rc == 0 && r.rest.bad)
        r.rc = WF_E_FORMAT;
    *in = r.rest;
    return r.rc;
}

int wf_crdt__parse_vector(struct wf_crdt *d, struct wf_str vector, struct wf_crdt_ranges *out)
{
    struct wf_lib0_in in = wf_lib0_in(vector.ptr, vector.len);
    uint64_t n = vector.len == 0 ? 0 : wf_lib0_uint(&in);

    for (; n > 0 && !in.bad; n--) {
        uint64_t id = wf_lib0_uint(&in), clock = wf_lib0_uint(&in);
        uint32_t client;
        if (in.bad)
            break;
        if (wf_crdt__client(d, id, &client) != 0 ||
            wf_crdt__ids_add(out, client, clock > UINT32_MAX ? UINT32_MAX : (uint32_t)clock) != 0)
            return WF_E_NOMEM;
    }
    return in.bad ? WF_E_FORMAT : 0;
}
