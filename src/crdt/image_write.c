/* SPDX-License-Identifier: Apache-2.0 */
/* Writing images: all structs are gone over by client; whichever begins a list, of a sequence or a
 * key's chain, begins a group, and the group's items get the next numbers. Numbers of clients, keys
 * and types that nothing names any more are left out, so that an image of a document that came from
 * an image is no larger than that of one that came from its state. Columns are collected as 32-bit
 * numbers and narrowed at the end. */
#include "base/alloc.h"
#include "base/crc32c.h"
#include "crdt/image.h"
#include "crdt/image_internal.h"

struct writing {
    const struct wf_crdt *d;
    uint32_t *clients, *types, *keys; /* their new numbers; while counting: 1 = is named */
    uint32_t *items;
    uint32_t n_items;                      /* so far */
    struct wf_buf cols[WF_CRDT_IMG_COUNT]; /* numbers of 4 bytes, or bytes; failures stick */
};

static void put(struct writing *w, enum wf_crdt_section_kind k, uint32_t v)
{
    (void)wf_buf_append(&w->cols[k], &v, sizeof(v));
}

/* ---- new numbers ---- */

static void name_keys(struct writing *w, const struct wf_crdt_item *it)
{
    struct wf_crdt_run r;

    if (it->kind == WF_CRDT_PACKED) {
        for (r = wf_crdt__run(it); wf_crdt__run_next(&r);)
            w->keys[r.at.sub] = 1;
    } else if (it->kind == WF_CRDT_FORMAT) {
        w->keys[wf_crdt__format_key(it)] = 1;
    }
    w->keys[it->sub] = 1;
}

/* Numbers what is named, from `first` on; the others get NONE. */
static void number(uint32_t *at, size_t n, uint32_t first)
{
    for (size_t i = 0; i < n; i++)
        at[i] = at[i] != 0 ? first++ : WF_CRDT_NONE;
}

static void name_all(struct writing *w)
{
    const struct wf_crdt *d = w->d;

    for (size_t k = 0; k < d->n_clients; k++) {
        const struct wf_crdt_client *c = &d->clients[k];
        w->clients[k] = c->next > 0;
        for (uint32_t n = 0; n < c->n_chunks; n++) {
            for (uint32_t s = 0; s < c->chunks[n]->n; s++)
                name_keys(w, wf_crdt__item(d, c->chunks[n]->at[s].item));
        }
    }
    for (size_t i = 0; i < d->missing.n; i++)
        w->clients[d->missing.at[i].client] = 1;
    for (size_t t = WF_CRDT_ROOTS + 1; t < d->n_types; t++) {
        w->types[t] = d->types[t].used;
        if (d->types[t].used)
            w->keys[d->types[t].name] = 1;
    }
    w->types[0] = w->types[WF_CRDT_ROOTS] = w->keys[0] = 1;
    number(w->clients, d->n_clients, 0);
    number(w->types, d->n_types, 0);
    number(w->keys, d->n_keys, 0);
}

/* ---- items ---- */

static void put_content(struct writing *w, const struct wf_crdt_item *it)
{
    const struct wf_crdt_numbers to = {w->clients, w->types, w->keys};
    struct wf_buf *rest = &w->cols[WF_CRDT_IMG_REST];
    size_t before = rest->len;
    uint32_t key;

    switch (it->kind) {
    case WF_CRDT_PACKED:
        wf_crdt__run_renumber(it, &to, rest);
        break;
    case WF_CRDT_FORMAT:
        key = w->keys[wf_crdt__format_key(it)];
        (void)wf_buf_append(rest, &key, sizeof(key));
        (void)wf_buf_append(rest, it->data + sizeof(key), it->bytes - sizeof(key));
        break;
    default:
        (void)wf_buf_append(rest, it->data, it->bytes);
        break;
    }
    put(w, WF_CRDT_IMG_SIZE, (uint32_t)(rest->len - before));
}

static void put_origin(struct writing *w, enum wf_crdt_section_kind k, uint32_t client,
                       uint32_t clock)
{
    bool none = client == WF_CRDT_NONE;

    put(w, k, none ? 0 : w->clients[client] + 1);
    put(w, k + 1, none ? 0 : clock);
}

static void put_item(struct writing *w, uint32_t i)
{
    const struct wf_crdt_item *it = wf_crdt__item(w->d, i);
    bool ascii = it->kind == WF_CRDT_STRING && it->bytes == it->len;
    unsigned flags = it->flags & (WF_CRDT_F_DELETED | WF_CRDT_F_KEEP);

    w->items[i] = ++w->n_items;
    (void)wf_buf_append_byte(
        &w->cols[WF_CRDT_IMG_HEAD],
        (char)(it->kind | flags << WF_CRDT_IMG_FLAGS_AT | (ascii ? WF_CRDT_IMG_ASCII : 0)));
    put(w, WF_CRDT_IMG_LEN, it->len);
    put_origin(w, WF_CRDT_IMG_O_CLIENT, it->o_client, it->o_clock);
    put_origin(w, WF_CRDT_IMG_R_CLIENT, it->r_client, it->r_clock);
    if (ascii)
        (void)wf_buf_append(&w->cols[WF_CRDT_IMG_TEXT], it->data, it->bytes);
    else if (wf_crdt__has_data(it))
        put_content(w, it);
}

static void put_group(struct writing *w, uint32_t n, unsigned far, const struct wf_crdt_item *of)
{
    put(w, WF_CRDT_IMG_GROUP, n << 2 | far);
    put(w, WF_CRDT_IMG_GROUP_TYPE, w->types[of->parent]);
    put(w, WF_CRDT_IMG_GROUP_KEY, w->keys[of->sub]);
}

/* The group that item i begins. */
static void put_list(struct writing *w, uint32_t i)
{
    const struct wf_crdt_item *first = wf_crdt__item(w->d, i), *it = first;
    uint32_t before = w->n_items;

    put_item(w, i);
    while (it->right != 0 && it->right != WF_CRDT_FAR) {
        put_item(w, it->right);
        it = wf_crdt__item(w->d, it->right);
    }
    put_group(w, w->n_items - before,
              (first->left == WF_CRDT_FAR ? 2u : 0) | (it->right == WF_CRDT_FAR ? 1u : 0), first);
}

static void put_items(struct writing *w)
{
    const struct wf_crdt *d = w->d;
    const struct wf_crdt_item *it, none = {0};
    uint32_t n_bare;

    for (size_t k = 0; k < d->n_clients; k++) {
        const struct wf_crdt_client *c = &d->clients[k];
        n_bare = 0;
        for (uint32_t n = 0; n < c->n_chunks; n++) {
            for (uint32_t s = 0; s < c->chunks[n]->n; s++) {
                uint32_t i = c->chunks[n]->at[s].item;
                it = wf_crdt__item(d, i);
                if (it->parent == 0) {
                    put_item(w, i);
                    n_bare++;
                    continue;
                }
                if (n_bare > 0)
                    put_group(w, n_bare, 0, &none);
                n_bare = 0;
                if (it->left == 0 || it->left == WF_CRDT_FAR)
                    put_list(w, i);
            }
        }
        if (n_bare > 0)
            put_group(w, n_bare, 0, &none);
    }
    assert(w->n_items == d->live_items);
}

/* ---- all else ---- */

static void put_clients(struct writing *w)
{
    const struct wf_crdt *d = w->d;
    uint32_t n_structs;

    for (size_t k = 0; k < d->n_clients; k++) {
        const struct wf_crdt_client *c = &d->clients[k];
        if (w->clients[k] == WF_CRDT_NONE)
            continue;
        n_structs = 0;
        for (uint32_t n = 0; n < c->n_chunks; n++) {
            for (uint32_t s = 0; s < c->chunks[n]->n; s++)
                put(w, WF_CRDT_IMG_LIST, w->items[c->chunks[n]->at[s].item]);
            n_structs += c->chunks[n]->n;
        }
        (void)wf_buf_append(&w->cols[WF_CRDT_IMG_CLIENT], &c->id, sizeof(c->id));
        put(w, WF_CRDT_IMG_STRUCTS, n_structs);
        put(w, WF_CRDT_IMG_NEXT, c->next);
    }
    for (size_t i = 0; i < d->missing.n; i++) {
        put(w, WF_CRDT_IMG_MISSING, w->clients[d->missing.at[i].client]);
        put(w, WF_CRDT_IMG_MISSING_CLOCK, d->missing.at[i].clock);
    }
}

static void put_types(struct writing *w)
{
    const struct wf_crdt *d = w->d;

    for (uint32_t t = WF_CRDT_ROOTS; t < d->n_types; t++) {
        const struct wf_crdt_type *type = &d->types[t];
        if (w->types[t] == WF_CRDT_NONE)
            continue;
        if (t != WF_CRDT_ROOTS) {
            (void)wf_buf_append_byte(&w->cols[WF_CRDT_IMG_TYPE],
                                     (char)(type->kind | (type->has_formats ? 128 : 0)));
            put(w, WF_CRDT_IMG_TYPE_ITEM, w->items[type->item]);
            put(w, WF_CRDT_IMG_TYPE_NAME, w->keys[type->name]);
        }
        for (uint32_t e = type->first_entry; e != 0; e = d->entries[e].next) {
            uint32_t item = d->entries[e].item;
            put(w, WF_CRDT_IMG_ENTRY, t == WF_CRDT_ROOTS ? w->types[item] : w->items[item]);
            put(w, WF_CRDT_IMG_ENTRY_TYPE, w->types[t]);
            put(w, WF_CRDT_IMG_ENTRY_KEY, w->keys[d->entries[e].key]);
        }
    }
}

static void put_rest(struct writing *w)
{
    const struct wf_crdt *d = w->d;

    for (size_t k = 1; k < d->n_keys; k++) {
        if (w->keys[k] == WF_CRDT_NONE)
            continue;
        put(w, WF_CRDT_IMG_KEY_BYTES, (uint32_t)d->keys[k].len);
        (void)wf_buf_append_str(&w->cols[WF_CRDT_IMG_KEYS], d->keys[k]);
    }
    (void)wf_buf_append_str(&w->cols[WF_CRDT_IMG_PENDING], wf_buf_str(&d->pending));
    (void)wf_buf_append_str(&w->cols[WF_CRDT_IMG_DELETES], wf_buf_str(&d->pending_deletes));
}

/* ---- columns ---- */

/* Bytes that stand in a collected column for an element. */
static uint32_t collected_width(enum wf_crdt_section_kind k)
{
    switch (k) {
    case WF_CRDT_IMG_CLIENT:
        return 8;
    case WF_CRDT_IMG_TYPE:
    case WF_CRDT_IMG_KEYS:
    case WF_CRDT_IMG_HEAD:
    case WF_CRDT_IMG_TEXT:
    case WF_CRDT_IMG_REST:
    case WF_CRDT_IMG_PENDING:
    case WF_CRDT_IMG_DELETES:
        return 1;
    default:
        return 4;
    }
}

static uint32_t narrow_width(const struct wf_buf *col, bool may_be_none)
{
    uint32_t all = 0, v;

    for (size_t at = 0; at < col->len; at += sizeof(v)) {
        memcpy(&v, col->ptr + at, sizeof(v));
        all |= v;
    }
    return all > UINT16_MAX ? 4 : all > UINT8_MAX ? 2 : all > 0 || !may_be_none ? 1 : 0;
}

static void put_column(const struct wf_buf *col, uint32_t width, struct wf_buf *out)
{
    uint32_t v;
    uint16_t half;

    if (width == 0)
        return;
    for (size_t at = 0; at < col->len; at += sizeof(v)) {
        memcpy(&v, col->ptr + at, sizeof(v));
        half = (uint16_t)v;
        if (width == 1)
            (void)wf_buf_append_byte(out, (char)v);
        else
            (void)wf_buf_append(out, width == 2 ? (const void *)&half : &v, width);
    }
}

static int put_image(struct writing *w, struct wf_buf *out)
{
    struct wf_crdt_image_head head = {.format = WF_CRDT_IMAGE_FORMAT,
                                      .mark = wf_crdt__image_mark(),
                                      .flags = (w->d->keep_deleted ? WF_CRDT_IMAGE_KEPT : 0) |
                                               (w->d->has_packed ? WF_CRDT_IMAGE_PACKED : 0)};
    size_t start = out->len;

    memcpy(head.magic, WF_CRDT_IMAGE_MAGIC, sizeof(head.magic));
    (void)wf_buf_append(out, &head, sizeof(head));
    for (int k = 0; k < WF_CRDT_IMG_COUNT; k++) {
        const struct wf_buf *col = &w->cols[k];
        uint32_t width = collected_width((enum wf_crdt_section_kind)k);
        if (wf_buf_status(col) != 0)
            return wf_buf_status(col);
        head.sections[k].n = (uint32_t)(col->len / width);
        if (width == 4) {
            width = narrow_width(col, wf_crdt__image_width_min((enum wf_crdt_section_kind)k) == 0);
            put_column(col, width, out);
        } else {
            (void)wf_buf_append(out, col->ptr, col->len);
        }
        head.sections[k].width = width;
    }
    if (wf_buf_status(out) != 0)
        return wf_buf_status(out);
    memcpy(out->ptr + start, &head, sizeof(head));
    head.sum = wf_crdt__image_sum(wf_str_n(out->ptr + start, out->len - start));
    memcpy(out->ptr + start + WF_CRDT_IMAGE_SUM_AT, &head.sum, sizeof(head.sum));
    return 0;
}

int wf_crdt_image_write(const struct wf_crdt *d, struct wf_buf *out)
{
    struct writing w = {.d = d};
    size_t before = out->len;
    int rc = WF_E_NOMEM;

    if (d->broken)
        return WF_E_NOMEM;
    if (d->depth > 0 || d->redone.n_items > 0)
        return WF_E_BUSY;
    for (int k = 0; k < WF_CRDT_IMG_COUNT; k++)
        wf_buf_init(&w.cols[k], UINT32_MAX);
    w.clients = wf_alloc_array(d->n_clients, sizeof(*w.clients));
    w.types = wf_alloc_array(d->n_types, sizeof(*w.types));
    w.keys = wf_alloc_array(d->n_keys, sizeof(*w.keys));
    w.items = wf_alloc_array(d->n_items, sizeof(*w.items));
    if (w.clients != NULL && w.types != NULL && w.keys != NULL && w.items != NULL) {
        name_all(&w);
        put_items(&w);
        put_clients(&w);
        put_types(&w);
        put_rest(&w);
        rc = put_image(&w, out);
        if (rc != 0 && out->len > before)
            wf_buf_truncate(out, before);
    }
    for (int k = 0; k < WF_CRDT_IMG_COUNT; k++)
        wf_buf_deinit(&w.cols[k]);
    wf_free(w.clients);
    wf_free(w.types);
    wf_free(w.keys);
    wf_free(w.items);
    return rc;
}
