/* SPDX-License-Identifier: Apache-2.0 */
/* Types: finding a position, and changing arrays and maps. A position is looked for beside the
 * place of the last edit first, then in the tree (tree.c). New elements go directly behind the
 * visible element on their left; pushed ones behind everything, deleted elements included: as Yjs
 * does, for then the bytes are the same, too. */
#include "crdt/types.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "crdt/any.h"
#include "crdt/types_internal.h"
#include "crdt/update_internal.h"

/* Neighbours that are tried before the tree. */
#define NEAR 12u
/* Units from the last edit within which they are tried. */
#define NEAR_UNITS 40u

/* ---- positions ---- */

/* The item with position `at`, near a place: true when it was found. */
static bool near(const struct wf_crdt *d, uint32_t at, uint32_t *io_item, uint32_t *io_begin)
{
    uint32_t i = *io_item, begin = *io_begin;

    for (unsigned steps = 0; i != 0 && steps < NEAR; steps++) {
        const struct wf_crdt_item *it = wf_crdt__item(d, i);
        uint32_t n = wf_crdt__visible(it);
        if (at >= begin && at - begin < n) {
            *io_item = i;
            *io_begin = begin;
            return true;
        }
        if (at < begin) {
            i = it->left;
            begin -= i != 0 ? wf_crdt__visible(wf_crdt__item(d, i)) : 0;
        } else {
            begin += n;
            i = it->right;
        }
    }
    return false;
}

int wf_crdt__item_with(struct wf_crdt *d, uint32_t type, uint32_t at, uint32_t *out_item,
                       uint32_t *out_begin)
{
    const struct wf_crdt_type *t = &d->types[type];
    uint32_t from = t->cursor != 0 ? t->cursor_at : 0;

    *out_item = t->cursor != 0 ? t->cursor : t->start;
    *out_begin = from;
    if (t->tree == 0 || (at < from ? from - at : at - from) < NEAR_UNITS ||
        at - from < wf_crdt__visible(wf_crdt__item(d, *out_item))) {
        if (near(d, at, out_item, out_begin))
            return 0;
    }
    return wf_crdt__tree_find(d, type, at, out_item, out_begin);
}

bool wf_crdt__within_pair(const struct wf_crdt_item *it, uint32_t n)
{
    bool half = false;

    if (it->kind != WF_CRDT_STRING || it->bytes == it->len)
        return false;
    (void)wf_lib0_cut(it->data, it->bytes, n, &half);
    return half;
}

int wf_crdt__locate(struct wf_crdt *d, uint32_t type, uint32_t at, uint32_t *out_left,
                    uint32_t *out_right)
{
    struct wf_crdt_type *t = &d->types[type];
    uint32_t i, begin, whole;
    const struct wf_crdt_item *it;

    if (at == 0) {
        *out_left = 0;
        *out_right = t->start;
        return 0;
    }
    if (wf_crdt__item_with(d, type, at - 1, &i, &begin) != 0)
        return WF_E_NOMEM;
    it = wf_crdt__item(d, i);
    if (at - begin < it->len) {
        if (wf_crdt__within_pair(it, at - begin))
            return WF_E_INVAL;
        if (wf_crdt__clean_end(d, it->client, it->clock + (at - begin) - 1, &whole) != 0)
            return WF_E_NOMEM;
    }
    t = &d->types[type];
    t->cursor = i;
    t->cursor_at = begin;
    *out_left = i;
    *out_right = it->right;
    return 0;
}

/* ---- content ---- */

/* True for what is in canonical form for sure, and mostly is put in: small numbers, short texts,
 * true, false, null. */
static bool is_simple(struct wf_str value)
{
    const uint8_t *p = (const uint8_t *)value.ptr;

    if (value.len == 1)
        return p[0] == WF_ANY_TRUE || p[0] == WF_ANY_FALSE || p[0] == WF_ANY_NULL;
    if (value.len == 2 && p[0] == WF_ANY_INT)
        return p[1] < 0x80;
    return value.len >= 2 && value.len < 130 && p[0] == WF_ANY_TEXT && p[1] == value.len - 2 &&
           wf_lib0_units(p + 2, value.len - 2) != SIZE_MAX;
}

int wf_crdt__put_content(struct wf_crdt *d, const struct wf_crdt_put *what, bool is_embed,
                         struct wf_crdt_item *out)
{
    struct wf_lib0_in in = wf_lib0_in(what->bytes.ptr, what->bytes.len);
    uint32_t name = 0, n = what->kind == WF_CRDT_PUT_VALUES ? what->n : 1;
    int rc = 0;

    *out = (struct wf_crdt_item){.kind = is_embed ? WF_CRDT_EMBED : WF_CRDT_ANY, .len = n};
    if (what->kind == WF_CRDT_PUT_VALUES && n == 1 && is_simple(what->bytes)) {
        out->data = (uint8_t *)(uintptr_t)what->bytes.ptr;
        out->bytes = (uint32_t)what->bytes.len;
        return 0;
    }
    wf_buf_reset(&d->scratch);
    switch (what->kind) {
    case WF_CRDT_PUT_TYPE:
        out->kind = WF_CRDT_TYPE;
        if ((unsigned)what->type > WF_CRDT_XML_TEXT)
            return WF_E_INVAL;
        if (what->type == WF_CRDT_XML_ELEMENT || what->type == WF_CRDT_XML_HOOK)
            rc = wf_crdt__key(d, what->name, &name);
        return rc != 0 ? rc : wf_crdt__type_new(d, what->type, name, &out->type);
    case WF_CRDT_PUT_BYTES:
        out->kind = WF_CRDT_BINARY;
        if (what->bytes.len > WF_LIMIT_CRDT_BYTES)
            return WF_E_LIMIT;
        out->data = (uint8_t *)(uintptr_t)what->bytes.ptr;
        out->bytes = (uint32_t)what->bytes.len;
        return 0;
    case WF_CRDT_PUT_DOC:
        out->kind = WF_CRDT_DOC;
        wf_lib0_append_bytes(&d->scratch, what->name);
        rc = wf_any_read(&in, &d->scratch);
        break;
    case WF_CRDT_PUT_VALUES:
        for (uint32_t i = 0; i < n && rc == 0; i++)
            rc = wf_any_read(&in, &d->scratch);
        break;
    }
    if (rc == 0)
        rc = wf_buf_status(&d->scratch);
    if (rc == WF_E_FORMAT || (rc == 0 && (in.p != in.end || n == 0 || (is_embed && n != 1))))
        return WF_E_INVAL;
    if (rc == 0 && is_embed && d->scratch.ptr[0] == WF_ANY_UNDEFINED)
        return WF_E_INVAL;
    out->data = (uint8_t *)d->scratch.ptr;
    out->bytes = (uint32_t)d->scratch.len;
    return rc;
}

/* What types have elements, and which have keys. */
static const unsigned with_elements =
    1u << WF_CRDT_ARRAY | 1u << WF_CRDT_XML_ELEMENT | 1u << WF_CRDT_XML_FRAGMENT;
static const unsigned with_keys = 1u << WF_CRDT_MAP | 1u << WF_CRDT_TEXT |
                                  1u << WF_CRDT_XML_ELEMENT | 1u << WF_CRDT_XML_HOOK |
                                  1u << WF_CRDT_XML_TEXT;

/* Opens a transaction on a type of one of these kinds; its index in *out. */
static int open_type(struct wf_crdt *d, uint64_t type, unsigned kinds, uint32_t *out)
{
    const struct wf_crdt_type *t;

    if (d->broken)
        return WF_E_NOMEM;
    t = wf_crdt__type(d, type, out);
    if (t == NULL)
        return WF_E_NOENT;
    if ((kinds >> t->kind & 1) == 0)
        return WF_E_INVAL;
    return wf_crdt_begin(d);
}

/* Ends it; the first failure counts. */
static int close_type(struct wf_crdt *d, int rc)
{
    int rc2;

    if (rc == WF_E_NOMEM)
        d->broken = true;
    rc2 = wf_crdt_commit(d);
    return rc != 0 ? rc : rc2;
}

static int insert_between(struct wf_crdt *d, uint32_t type, uint32_t sub, uint32_t left,
                          uint32_t right, const struct wf_crdt_put *what, uint64_t *out_type)
{
    struct wf_crdt_item content;
    uint32_t i;
    int rc = wf_crdt__put_content(d, what, false, &content);

    if (rc == 0)
        rc = wf_crdt__insert(d, type, sub, left, right, &content, &i);
    if (rc == 0 && out_type != NULL)
        *out_type = content.kind == WF_CRDT_TYPE ? wf_crdt__type_number(d, content.type) : 0;
    return rc;
}

/* ---- arrays ---- */

int wf_crdt_array_insert(struct wf_crdt *d, uint64_t type, uint32_t at,
                         const struct wf_crdt_put *what, uint64_t *out_type)
{
    uint32_t t, left, right;
    int rc = open_type(d, type, with_elements, &t);

    if (rc != 0)
        return rc;
    rc = at > d->types[t].length ? WF_E_RANGE : wf_crdt__locate(d, t, at, &left, &right);
    if (rc == 0)
        rc = insert_between(d, t, 0, left, right, what, out_type);
    return close_type(d, rc);
}

/* The last item of the sequence, deleted or not. */
static int last_of(struct wf_crdt *d, uint32_t type, uint32_t *out)
{
    const struct wf_crdt_type *t = &d->types[type];
    uint32_t i = t->start, begin, node;

    *out = 0;
    if (t->tree == 0 && t->length > 64 &&
        wf_crdt__tree_find(d, type, t->length - 1, &i, &begin) != 0)
        return WF_E_NOMEM;
    if (d->types[type].tree != 0) {
        for (node = d->types[type].tree; !d->nodes[node].is_leaf;)
            node = d->nodes[node].kid[d->nodes[node].n - 1];
        i = d->nodes[node].kid[d->nodes[node].n - 1];
    }
    for (; i != 0; i = wf_crdt__item(d, i)->right)
        *out = i;
    return 0;
}

int wf_crdt_array_push(struct wf_crdt *d, uint64_t type, const struct wf_crdt_put *what,
                       uint64_t *out_type)
{
    uint32_t t, left;
    int rc = open_type(d, type, with_elements, &t);

    if (rc != 0)
        return rc;
    rc = last_of(d, t, &left);
    if (rc == 0)
        rc = insert_between(d, t, 0, left, 0, what, out_type);
    return close_type(d, rc);
}

/* Deletes n visible units from item i on, cutting the last. */
static int delete_units(struct wf_crdt *d, uint32_t i, uint32_t n)
{
    uint32_t next;

    for (; n > 0 && i != 0; i = next) {
        const struct wf_crdt_item *it = wf_crdt__item(d, i);
        uint32_t len = wf_crdt__visible(it), rest;
        if (len > n && wf_crdt__clean_start(d, it->client, it->clock + n, &rest) != 0)
            return WF_E_NOMEM;
        if (len > 0 && wf_crdt__delete(d, i) != 0)
            return WF_E_NOMEM;
        n -= len < n ? len : n;
        next = it->right;
    }
    return 0;
}

int wf_crdt_array_delete(struct wf_crdt *d, uint64_t type, uint32_t at, uint32_t n)
{
    uint32_t t, left, right;
    int rc = open_type(d, type, with_elements, &t);

    if (rc != 0)
        return rc;
    if (at > d->types[t].length || n > d->types[t].length - at)
        rc = WF_E_RANGE;
    if (rc == 0 && n > 0)
        rc = wf_crdt__locate(d, t, at, &left, &right);
    if (rc == 0 && n > 0)
        rc = delete_units(d, right, n);
    return close_type(d, rc);
}

/* ---- maps ---- */

int wf_crdt_map_set(struct wf_crdt *d, uint64_t type, struct wf_str key,
                    const struct wf_crdt_put *what, uint64_t *out_type)
{
    uint32_t t, sub, entry;
    int rc = open_type(d, type, with_keys, &t);

    if (rc != 0)
        return rc;
    if (wf_lib0_units((const uint8_t *)key.ptr, key.len) == SIZE_MAX ||
        (what->kind == WF_CRDT_PUT_VALUES && what->n != 1))
        rc = WF_E_INVAL;
    if (rc == 0)
        rc = wf_crdt__key(d, key, &sub);
    if (rc == 0) {
        entry = d->last_entry = wf_crdt__entry(d, t, sub);
        rc = insert_between(d, t, sub, entry != 0 ? d->entries[entry].item : 0, 0, what, out_type);
    }
    return close_type(d, rc);
}

int wf_crdt_map_delete(struct wf_crdt *d, uint64_t type, struct wf_str key)
{
    uint32_t t, sub, entry;
    int rc = open_type(d, type, with_keys, &t);

    if (rc != 0)
        return rc;
    rc = wf_crdt__key(d, key, &sub);
    entry = rc == 0 ? wf_crdt__entry(d, t, sub) : 0;
    if (entry != 0)
        rc = wf_crdt__delete(d, d->entries[entry].item);
    return close_type(d, rc);
}

/* ---- types within types ---- */

static uint64_t type_of(const struct wf_crdt *d, uint32_t i)
{
    const struct wf_crdt_item *it = wf_crdt__item(d, i);

    return i == 0 || it->kind != WF_CRDT_TYPE || wf_crdt__deleted(it)
               ? 0
               : wf_crdt__type_number(d, it->type);
}

uint64_t wf_crdt_map_type(const struct wf_crdt *d, uint64_t type, struct wf_str key)
{
    uint32_t t;

    if (wf_crdt__type(d, type, &t) == NULL)
        return 0;
    for (uint32_t e = d->types[t].first_entry; e != 0; e = d->entries[e].next) {
        if (wf_str_eq(d->keys[d->entries[e].key], key))
            return type_of(d, d->entries[e].item);
    }
    return 0;
}

uint64_t wf_crdt_array_type(struct wf_crdt *d, uint64_t type, uint32_t at)
{
    uint32_t t, i, begin;

    if (d->broken || wf_crdt__type(d, type, &t) == NULL || at >= d->types[t].length ||
        wf_crdt__item_with(d, t, at, &i, &begin) != 0)
        return 0;
    return type_of(d, i);
}
