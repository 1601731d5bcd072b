/* SPDX-License-Identifier: Apache-2.0 */
/* Reading types: text, deltas, JSON, XML as text. Nesting is bounded by what a person can have
 * made: deeper types are left out as null. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "crdt/any.h"
#include "crdt/types_internal.h"

/* Strings that stand behind each other in memory, too, are appended together. Where items stand in
 * their order (behind an image), the next one is looked at before the link to it has come. */
static void put_text(const struct wf_crdt *d, uint32_t type, struct wf_buf *out)
{
    const uint8_t *from = NULL, *end = NULL;
    const struct wf_crdt_item *it = NULL;
    uint32_t before = WF_CRDT_NONE;

    for (uint32_t i = d->types[type].start, next; i != 0; i = next) {
        it = i == before + 1 && i % WF_CRDT_BLOCK != 0 ? it + 1 : wf_crdt__item(d, i);
        before = i;
        next = it->right;
        if (it->kind != WF_CRDT_STRING || wf_crdt__deleted(it))
            continue;
        if (it->data != end) {
            (void)wf_buf_append(out, from, (size_t)(end - from));
            from = it->data;
        }
        end = it->data + it->bytes;
    }
    (void)wf_buf_append(out, from, (size_t)(end - from));
}

int wf_crdt_text_get(const struct wf_crdt *d, uint64_t type, struct wf_buf *out)
{
    uint32_t t;

    if (wf_crdt__type(d, type, &t) == NULL)
        return WF_E_NOENT;
    put_text(d, t, out);
    return wf_buf_status(out);
}

/* A text as a JSON string. */
static void put_quoted(struct wf_str text, struct wf_buf *out)
{
    struct wf_buf any;

    wf_buf_init(&any, WF_LIMIT_CRDT_BYTES);
    wf_any_put_text(&any, text);
    if (wf_buf_status(&any) == 0)
        wf_any_to_json(wf_buf_str(&any), out);
    else
        out->_status = wf_buf_status(&any);
    wf_buf_deinit(&any);
}

static void put_type(const struct wf_crdt *d, uint32_t type, unsigned depth, struct wf_buf *out);

/* The values of an item, separated by commas; *io_first: none was written yet. */
static void put_values(const struct wf_crdt *d, const struct wf_crdt_item *it, unsigned depth,
                       bool *io_first, struct wf_buf *out)
{
    struct wf_lib0_in in = wf_lib0_in(it->data, it->kind == WF_CRDT_TYPE ? 0 : it->bytes);
    struct wf_str value;

    for (uint32_t k = 0; k < it->len; k++) {
        if (!*io_first)
            (void)wf_buf_append_byte(out, ',');
        *io_first = false;
        switch (it->kind) {
        case WF_CRDT_TYPE:
            put_type(d, it->type, depth + 1, out);
            break;
        case WF_CRDT_DOC:
            (void)wf_buf_append_cstr(out, "{\"guid\":");
            put_quoted(wf_lib0_bytes(&in), out);
            (void)wf_buf_append_byte(out, '}');
            break;
        case WF_CRDT_BINARY:
            (void)wf_buf_append_byte(out, '{');
            for (uint32_t b = 0; b < it->bytes; b++)
                (void)wf_buf_appendf(out, "%s\"%u\":%u", b > 0 ? "," : "", b, it->data[b]);
            (void)wf_buf_append_byte(out, '}');
            break;
        default:
            value = wf_any_skip(&in);
            if (value.len == 1 && value.ptr[0] == WF_ANY_UNDEFINED)
                (void)wf_buf_append_cstr(out, "null");
            else
                wf_any_to_json(value, out);
            break;
        }
        if (it->kind == WF_CRDT_STRING)
            break;
    }
}

/* ---- deltas ---- */

static void put_attributes(const struct wf_crdt *d, const struct wf_crdt_attrs *now,
                           struct wf_buf *out)
{
    if (now->n == 0)
        return;
    (void)wf_buf_append_cstr(out, ",\"attributes\":{");
    for (size_t i = 0; i < now->n; i++) {
        if (i > 0)
            (void)wf_buf_append_byte(out, ',');
        put_quoted(d->keys[now->at[i].key], out);
        (void)wf_buf_append_byte(out, ':');
        wf_any_to_json(now->at[i].value, out);
    }
    (void)wf_buf_append_byte(out, '}');
}

/* Writes the text that was gathered, with its attributes. */
static void flush_text(const struct wf_crdt *d, struct wf_buf *text,
                       const struct wf_crdt_attrs *now, bool *io_first, struct wf_buf *out)
{
    if (text->len == 0)
        return;
    (void)wf_buf_append_cstr(out, *io_first ? "{\"insert\":" : ",{\"insert\":");
    *io_first = false;
    put_quoted(wf_buf_str(text), out);
    put_attributes(d, now, out);
    (void)wf_buf_append_byte(out, '}');
    wf_buf_reset(text);
}

static int put_delta(const struct wf_crdt *d, uint32_t type, unsigned depth, struct wf_buf *out)
{
    struct wf_crdt_attrs now = {0};
    struct wf_buf text;
    bool first = true, alone;
    int rc = 0;

    wf_buf_init(&text, WF_LIMIT_CRDT_BYTES);
    (void)wf_buf_append_byte(out, '[');
    for (uint32_t i = d->types[type].start; i != 0 && rc == 0; i = wf_crdt__item(d, i)->right) {
        const struct wf_crdt_item *it = wf_crdt__item(d, i);
        if (wf_crdt__deleted(it))
            continue;
        if (it->kind == WF_CRDT_STRING) {
            rc = wf_buf_append(&text, it->data, it->bytes);
            continue;
        }
        flush_text(d, &text, &now, &first, out);
        if (it->kind == WF_CRDT_FORMAT) {
            rc = wf_crdt__attr_apply(&now, it);
        } else {
            (void)wf_buf_append_cstr(out, first ? "{\"insert\":" : ",{\"insert\":");
            first = false;
            alone = true;
            put_values(d, it, depth, &alone, out);
            put_attributes(d, &now, out);
            (void)wf_buf_append_byte(out, '}');
        }
    }
    flush_text(d, &text, &now, &first, out);
    (void)wf_buf_append_byte(out, ']');
    wf_buf_deinit(&text);
    wf_free(now.at);
    return rc != 0 ? rc : wf_buf_status(out);
}

int wf_crdt_text_delta(const struct wf_crdt *d, uint64_t type, struct wf_buf *out)
{
    uint32_t t;

    if (wf_crdt__type(d, type, &t) == NULL)
        return WF_E_NOENT;
    return put_delta(d, t, 0, out);
}

/* ---- JSON ---- */

static void put_array(const struct wf_crdt *d, uint32_t type, unsigned depth, struct wf_buf *out)
{
    bool first = true;

    (void)wf_buf_append_byte(out, '[');
    for (uint32_t i = d->types[type].start; i != 0; i = wf_crdt__item(d, i)->right) {
        const struct wf_crdt_item *it = wf_crdt__item(d, i);
        if (wf_crdt__visible(it) > 0 && it->kind != WF_CRDT_STRING)
            put_values(d, it, depth, &first, out);
    }
    (void)wf_buf_append_byte(out, ']');
}

struct named {
    struct wf_str key;
    uint32_t item;
};

static int by_name(const void *a, const void *b)
{
    return wf_str_cmp(((const struct named *)a)->key, ((const struct named *)b)->key);
}

/* The live values of a map by key; NULL and 0 where there are none or memory ran out (then the
 * buffer fails). */
static struct named *entries_of(const struct wf_crdt *d, uint32_t type, size_t *out_n,
                                struct wf_buf *out)
{
    struct named *names = NULL;
    size_t n = 0, cap = 0;

    for (uint32_t e = d->types[type].first_entry; e != 0; e = d->entries[e].next) {
        uint32_t i = d->entries[e].item;
        if (wf_crdt__deleted(wf_crdt__item(d, i)))
            continue;
        if (wf_reserve(&names, &cap, n + 1, sizeof(*names)) != 0) {
            out->_status = WF_E_NOMEM;
            break;
        }
        names[n++] = (struct named){d->keys[d->entries[e].key], i};
    }
    if (n > 1)
        qsort(names, n, sizeof(*names), by_name);
    *out_n = n;
    return names;
}

/* The last of an item's values: what a key holds. */
static void put_last(const struct wf_crdt *d, const struct wf_crdt_item *it, unsigned depth,
                     struct wf_buf *out)
{
    struct wf_crdt_item last = *it;
    struct wf_lib0_in in;
    bool first = true;

    if (it->kind == WF_CRDT_ANY || it->kind == WF_CRDT_JSON) {
        in = wf_lib0_in(it->data, it->bytes);
        for (uint32_t k = 1; k < it->len; k++)
            (void)wf_any_skip(&in);
        last.data += in.p - it->data;
        last.bytes -= (uint32_t)(in.p - it->data);
        last.len = 1;
    }
    put_values(d, &last, depth, &first, out);
}

static void put_map(const struct wf_crdt *d, uint32_t type, unsigned depth, struct wf_buf *out)
{
    size_t n;
    struct named *names = entries_of(d, type, &n, out);

    (void)wf_buf_append_byte(out, '{');
    for (size_t k = 0; k < n; k++) {
        if (k > 0)
            (void)wf_buf_append_byte(out, ',');
        put_quoted(names[k].key, out);
        (void)wf_buf_append_byte(out, ':');
        put_last(d, wf_crdt__item(d, names[k].item), depth, out);
    }
    (void)wf_buf_append_byte(out, '}');
    wf_free(names);
}

/* ---- XML ---- */

static void put_markup(const struct wf_crdt *d, uint32_t type, unsigned depth, struct wf_buf *out);

static void put_children(const struct wf_crdt *d, uint32_t type, unsigned depth, struct wf_buf *out)
{
    for (uint32_t i = d->types[type].start; i != 0; i = wf_crdt__item(d, i)->right) {
        const struct wf_crdt_item *it = wf_crdt__item(d, i);
        if (!wf_crdt__deleted(it) && it->kind == WF_CRDT_TYPE)
            put_markup(d, it->type, depth + 1, out);
    }
}

/* A name in small ASCII letters, as Yjs shows elements. */
static void put_lower(struct wf_str name, struct wf_buf *out)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        (void)wf_buf_append_byte(out, c >= 'A' && c <= 'Z' ? (char)(c | 32) : c);
    }
}

static void put_element(const struct wf_crdt *d, uint32_t type, unsigned depth, struct wf_buf *out)
{
    struct wf_str name = d->keys[d->types[type].name], value;
    struct wf_lib0_in in;
    size_t n;
    struct named *names = entries_of(d, type, &n, out);

    (void)wf_buf_append_byte(out, '<');
    put_lower(name, out);
    for (size_t k = 0; k < n; k++) {
        const struct wf_crdt_item *it = wf_crdt__item(d, names[k].item);
        (void)wf_buf_append_byte(out, ' ');
        (void)wf_buf_append_str(out, names[k].key);
        (void)wf_buf_append_cstr(out, "=\"");
        in = wf_lib0_in(it->data, it->kind == WF_CRDT_ANY ? it->bytes : 0);
        value = it->kind == WF_CRDT_ANY ? wf_any_skip(&in) : WF_STR("");
        in = wf_lib0_in(value.ptr + 1, value.len > 0 ? value.len - 1 : 0);
        if (value.len > 0 && value.ptr[0] == WF_ANY_TEXT)
            (void)wf_buf_append_str(out, wf_lib0_bytes(&in));
        else if (value.len > 0)
            wf_any_to_json(value, out);
        (void)wf_buf_append_byte(out, '"');
    }
    (void)wf_buf_append_byte(out, '>');
    put_children(d, type, depth, out);
    (void)wf_buf_append_cstr(out, "</");
    put_lower(name, out);
    (void)wf_buf_append_byte(out, '>');
    wf_free(names);
}

static void put_markup(const struct wf_crdt *d, uint32_t type, unsigned depth, struct wf_buf *out)
{
    if (depth > WF_LIMIT_NESTING)
        return;
    switch (d->types[type].kind) {
    case WF_CRDT_XML_ELEMENT:
        put_element(d, type, depth, out);
        break;
    case WF_CRDT_XML_TEXT:
        put_text(d, type, out);
        break;
    default:
        put_children(d, type, depth, out);
        break;
    }
}

/* What a root that nobody named the kind of seems to be, by what stands in it. */
static enum wf_crdt_kind kind_of(const struct wf_crdt *d, uint32_t type)
{
    const struct wf_crdt_type *t = &d->types[type];

    if (t->kind != WF_CRDT_UNTYPED)
        return (enum wf_crdt_kind)t->kind;
    for (uint32_t i = t->start; i != 0; i = wf_crdt__item(d, i)->right) {
        const struct wf_crdt_item *it = wf_crdt__item(d, i);
        if (wf_crdt__deleted(it))
            continue;
        if (it->kind == WF_CRDT_STRING || it->kind == WF_CRDT_FORMAT || it->kind == WF_CRDT_EMBED)
            return WF_CRDT_TEXT;
        if (it->kind == WF_CRDT_TYPE && d->types[it->type].kind >= WF_CRDT_XML_ELEMENT)
            return WF_CRDT_XML_FRAGMENT;
        return WF_CRDT_ARRAY;
    }
    return t->first_entry != 0 ? WF_CRDT_MAP : WF_CRDT_UNTYPED;
}

static void put_type(const struct wf_crdt *d, uint32_t type, unsigned depth, struct wf_buf *out)
{
    enum wf_crdt_kind kind = kind_of(d, type);
    struct wf_buf text;

    if (depth > WF_LIMIT_NESTING) {
        (void)wf_buf_append_cstr(out, "null");
        return;
    }
    switch (kind) {
    case WF_CRDT_ARRAY:
        put_array(d, type, depth, out);
        return;
    case WF_CRDT_MAP:
    case WF_CRDT_XML_HOOK:
        put_map(d, type, depth, out);
        return;
    case WF_CRDT_TEXT:
    case WF_CRDT_XML_ELEMENT:
    case WF_CRDT_XML_FRAGMENT:
    case WF_CRDT_XML_TEXT:
    case WF_CRDT_UNTYPED:
        break;
    }
    wf_buf_init(&text, WF_LIMIT_CRDT_BYTES);
    if (kind == WF_CRDT_TEXT)
        put_text(d, type, &text);
    else
        put_markup(d, type, depth, &text);
    put_quoted(wf_buf_str(&text), out);
    wf_buf_deinit(&text);
}

int wf_crdt_json(const struct wf_crdt *d, uint64_t type, struct wf_buf *out)
{
    uint32_t t;

    if (wf_crdt__type(d, type, &t) == NULL)
        return WF_E_NOENT;
    put_type(d, t, 0, out);
    return wf_buf_status(out);
}
