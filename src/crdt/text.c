/* SPDX-License-Identifier: Apache-2.0 */
/* Texts: inserting, deleting, formatting. Formats are items without length that begin or end an
 * attribute for all that follows; what is inserted opens those that are not in force yet and closes
 * those behind itself. The rules, and their order, are Yjs's: another engine would otherwise tidy
 * what this one wrote. A text that was never formatted takes a short way. */
#include "base/alloc.h"
#include "base/limits.h"
#include "crdt/any.h"
#include "crdt/types_internal.h"

/* ---- attributes ---- */

struct wf_str wf_crdt__null(void)
{
    return wf_str_n("\x7e", 1);
}

const struct wf_str *wf_crdt__attr(const struct wf_crdt_attrs *a, uint32_t key)
{
    for (size_t i = 0; i < a->n; i++) {
        if (a->at[i].key == key)
            return &a->at[i].value;
    }
    return NULL;
}

int wf_crdt__attr_set(struct wf_crdt_attrs *a, uint32_t key, struct wf_str value)
{
    for (size_t i = 0; i < a->n; i++) {
        if (a->at[i].key == key) {
            a->at[i].value = value;
            return 0;
        }
    }
    if (wf_reserve(&a->at, &a->cap, a->n + 1, sizeof(*a->at)) != 0)
        return WF_E_NOMEM;
    a->at[a->n++] = (struct wf_crdt_attr){key, value};
    return 0;
}

void wf_crdt__attr_drop(struct wf_crdt_attrs *a, uint32_t key)
{
    size_t kept = 0;

    for (size_t i = 0; i < a->n; i++) {
        if (a->at[i].key != key)
            a->at[kept++] = a->at[i];
    }
    a->n = kept;
}

/* The member of an object, or an empty view. */
static struct wf_str member(struct wf_str object, struct wf_str key)
{
    struct wf_lib0_in in = wf_lib0_in(object.ptr + 1, object.len - 1);
    uint64_t n = wf_lib0_uint(&in);

    for (; n > 0; n--) {
        struct wf_str k = wf_lib0_bytes(&in), v = wf_any_skip(&in);
        if (wf_str_eq(k, key))
            return v;
    }
    return WF_STR("");
}

bool wf_crdt__value_equal(struct wf_str a, struct wf_str b)
{
    struct wf_lib0_in in;
    uint64_t n;

    if (wf_str_eq(a, b))
        return true;
    if (a.len != b.len || a.len < 2 || a.ptr[0] != WF_ANY_OBJECT || b.ptr[0] != WF_ANY_OBJECT)
        return false;
    in = wf_lib0_in(a.ptr + 1, a.len - 1);
    for (n = wf_lib0_uint(&in); n > 0; n--) {
        struct wf_str k = wf_lib0_bytes(&in), v = wf_any_skip(&in);
        if (!wf_str_eq(member(b, k), v) || v.ptr[0] == WF_ANY_OBJECT || v.ptr[0] == WF_ANY_ARRAY)
            return false;
    }
    return true;
}

int wf_crdt__attr_apply(struct wf_crdt_attrs *a, const struct wf_crdt_item *format)
{
    struct wf_str value = wf_crdt__format_value(format);

    if (wf_crdt__is_null(value)) {
        wf_crdt__attr_drop(a, wf_crdt__format_key(format));
        return 0;
    }
    return wf_crdt__attr_set(a, wf_crdt__format_key(format), value);
}

int wf_crdt__attrs_read(struct wf_crdt *d, struct wf_str any, struct wf_crdt_attrs *out)
{
    struct wf_lib0_in in = wf_lib0_in(any.ptr, any.len);
    uint64_t n;

    if (wf_lib0_byte(&in) != WF_ANY_OBJECT)
        return WF_E_INVAL;
    n = wf_lib0_uint(&in);
    for (; n > 0 && !in.bad; n--) {
        struct wf_str key = wf_lib0_bytes(&in), value = wf_any_skip(&in);
        uint32_t number;
        if (in.bad || in.p > in.end || value.ptr[0] == WF_ANY_UNDEFINED)
            return WF_E_INVAL;
        if (wf_crdt__key(d, key, &number) != 0 || wf_crdt__attr_set(out, number, value) != 0)
            return WF_E_NOMEM;
    }
    return in.bad || in.p != in.end ? WF_E_INVAL : 0;
}

/* ---- positions ---- */

struct spot {
    uint32_t type, left, right;
    struct wf_crdt_attrs now; /* in force here */
};

/* Steps over the item on the right. */
static int forward(struct wf_crdt *d, struct spot *s)
{
    const struct wf_crdt_item *it = wf_crdt__item(d, s->right);
    int rc = 0;

    if (it->kind == WF_CRDT_FORMAT && !wf_crdt__deleted(it))
        rc = wf_crdt__attr_apply(&s->now, it);
    s->left = s->right;
    s->right = it->right;
    return rc;
}

static int spot_at(struct wf_crdt *d, uint32_t type, uint32_t at, struct spot *out)
{
    int rc;

    *out = (struct spot){.type = type};
    rc = wf_crdt__locate(d, type, at, &out->left, &out->right);
    if (rc != 0 || !d->types[type].has_formats || out->left == 0)
        return rc;
    for (uint32_t i = d->types[type].start;; i = wf_crdt__item(d, i)->right) {
        const struct wf_crdt_item *it = wf_crdt__item(d, i);
        if (it->kind == WF_CRDT_FORMAT && !wf_crdt__deleted(it) &&
            wf_crdt__attr_apply(&out->now, it) != 0)
            return WF_E_NOMEM;
        if (i == out->left)
            return 0;
    }
}

static bool is_format(const struct wf_crdt_item *it)
{
    return it->kind == WF_CRDT_FORMAT;
}

/* ---- inserting ---- */

/* Goes right over what says what is wanted anyway. */
static int skip_wanted(struct wf_crdt *d, struct spot *s, const struct wf_crdt_attrs *wanted)
{
    int rc = 0;

    while (s->right != 0 && rc == 0) {
        const struct wf_crdt_item *it = wf_crdt__item(d, s->right);
        if (!wf_crdt__deleted(it)) {
            const struct wf_str *v =
                is_format(it) ? wf_crdt__attr(wanted, wf_crdt__format_key(it)) : NULL;
            if (!is_format(it) ||
                !wf_crdt__value_equal(v != NULL ? *v : wf_crdt__null(), wf_crdt__format_value(it)))
                break;
        }
        rc = forward(d, s);
    }
    return rc;
}

static int put_format(struct wf_crdt *d, struct spot *s, uint32_t key, struct wf_str value)
{
    struct wf_crdt_item content = {.kind = WF_CRDT_FORMAT, .len = 1};
    uint32_t i;
    int rc;

    wf_buf_reset(&d->scratch);
    (void)wf_buf_append(&d->scratch, &key, sizeof(key));
    if (wf_buf_append_str(&d->scratch, value) != 0)
        return WF_E_NOMEM;
    content.data = (uint8_t *)d->scratch.ptr;
    content.bytes = (uint32_t)d->scratch.len;
    rc = wf_crdt__insert(d, s->type, 0, s->left, s->right, &content, &i);
    if (rc != 0)
        return rc;
    s->right = i;
    return forward(d, s);
}

/* Opens what is wanted and not in force; what was in force instead in `closing`. */
static int open_wanted(struct wf_crdt *d, struct spot *s, const struct wf_crdt_attrs *wanted,
                       struct wf_crdt_attrs *closing)
{
    int rc = 0;

    for (size_t i = 0; i < wanted->n && rc == 0; i++) {
        const struct wf_str *v = wf_crdt__attr(&s->now, wanted->at[i].key);
        struct wf_str now = v != NULL ? *v : wf_crdt__null();
        if (wf_crdt__value_equal(now, wanted->at[i].value))
            continue;
        rc = wf_crdt__attr_set(closing, wanted->at[i].key, now);
        if (rc == 0)
            rc = put_format(d, s, wanted->at[i].key, wanted->at[i].value);
    }
    return rc;
}

static int close_opened(struct wf_crdt *d, struct spot *s, struct wf_crdt_attrs *closing)
{
    int rc = 0;

    while (s->right != 0 && rc == 0) {
        const struct wf_crdt_item *it = wf_crdt__item(d, s->right);
        if (!wf_crdt__deleted(it)) {
            const struct wf_str *v =
                is_format(it) ? wf_crdt__attr(closing, wf_crdt__format_key(it)) : NULL;
            if (v == NULL || !wf_crdt__value_equal(*v, wf_crdt__format_value(it)))
                break;
            wf_crdt__attr_drop(closing, wf_crdt__format_key(it));
        }
        rc = forward(d, s);
    }
    for (size_t i = 0; i < closing->n && rc == 0; i++)
        rc = put_format(d, s, closing->at[i].key, closing->at[i].value);
    return rc;
}

/* Puts content at a spot with exactly these attributes (`wanted` gets those to be ended). */
static int insert_at(struct wf_crdt *d, struct spot *s, const struct wf_crdt_item *content,
                     struct wf_crdt_attrs *wanted, uint32_t *out)
{
    struct wf_crdt_attrs closing = {0};
    int rc = 0;

    for (size_t i = 0; i < s->now.n && rc == 0; i++) {
        if (wf_crdt__attr(wanted, s->now.at[i].key) == NULL)
            rc = wf_crdt__attr_set(wanted, s->now.at[i].key, wf_crdt__null());
    }
    if (rc == 0)
        rc = skip_wanted(d, s, wanted);
    if (rc == 0)
        rc = open_wanted(d, s, wanted, &closing);
    if (rc == 0)
        rc = wf_crdt__insert(d, s->type, 0, s->left, s->right, content, out);
    if (rc == 0) {
        s->left = *out;
        s->right = wf_crdt__item(d, *out)->right;
        rc = close_opened(d, s, &closing);
    }
    wf_free(closing.at);
    return rc;
}

static int open_text(struct wf_crdt *d, uint64_t type, uint32_t at, uint32_t n, uint32_t *out)
{
    const struct wf_crdt_type *t;

    if (d->broken)
        return WF_E_NOMEM;
    t = wf_crdt__type(d, type, out);
    if (t == NULL)
        return WF_E_NOENT;
    if (t->kind != WF_CRDT_TEXT && t->kind != WF_CRDT_XML_TEXT)
        return WF_E_INVAL;
    if (at > t->length || n > t->length - at)
        return WF_E_RANGE;
    return wf_crdt_begin(d);
}

static int close_text(struct wf_crdt *d, struct spot *s, int rc)
{
    int rc2;

    wf_free(s->now.at);
    if (rc == WF_E_NOMEM)
        d->broken = true;
    rc2 = wf_crdt_commit(d);
    return rc != 0 ? rc : rc2;
}

/* Attributes as given, or those in force. The given ones are made canonical in *copy, which lives
 * as long as they. */
static int wanted_at(struct wf_crdt *d, const struct spot *s, const struct wf_str *given,
                     struct wf_buf *copy, struct wf_crdt_attrs *out)
{
    int rc = 0;

    if (given != NULL) {
        struct wf_lib0_in in = wf_lib0_in(given->ptr, given->len);
        rc = wf_any_read(&in, copy);
        if (rc == WF_E_FORMAT || in.p != in.end)
            return WF_E_INVAL;
        return rc != 0 ? rc : wf_crdt__attrs_read(d, wf_buf_str(copy), out);
    }
    for (size_t i = 0; i < s->now.n && rc == 0; i++)
        rc = wf_crdt__attr_set(out, s->now.at[i].key, s->now.at[i].value);
    return rc;
}

/* The short way: no formats here and none wanted. */
static int insert_plain(struct wf_crdt *d, struct spot *s, uint32_t at,
                        const struct wf_crdt_item *content)
{
    struct wf_crdt_type *t = &d->types[s->type];
    uint32_t cursor = t->cursor, cursor_at = t->cursor_at, i, begin;
    int rc = 0;

    if (s->right != 0 && wf_crdt__deleted(wf_crdt__item(d, s->right)) && at < t->length) {
        rc = wf_crdt__item_with(d, s->type, at, &i, &begin); /* however many deleted ones between */
        if (rc != 0)
            return rc;
        s->right = i;
        s->left = wf_crdt__item(d, i)->left;
    }
    while (s->right != 0 && wf_crdt__deleted(wf_crdt__item(d, s->right))) {
        s->left = s->right;
        s->right = wf_crdt__item(d, s->right)->right;
    }
    rc = wf_crdt__insert(d, s->type, 0, s->left, s->right, content, &i);
    if (rc != 0)
        return rc;
    t = &d->types[s->type];
    t->cursor = i; /* the new item, or the one that grew, where the cursor was */
    t->cursor_at = i == cursor && at > 0 ? cursor_at : at;
    return 0;
}

static int insert_content(struct wf_crdt *d, struct spot *s, uint32_t at,
                          const struct wf_crdt_item *content, const struct wf_str *attributes,
                          uint32_t *out)
{
    struct wf_crdt_attrs wanted = {0};
    struct wf_buf copy;
    int rc;

    if (attributes == NULL && !d->types[s->type].has_formats && content->kind == WF_CRDT_STRING)
        return insert_plain(d, s, at, content);
    wf_buf_init(&copy, WF_LIMIT_CRDT_BYTES);
    rc = wanted_at(d, s, attributes, &copy, &wanted);
    if (rc == 0)
        rc = insert_at(d, s, content, &wanted, out);
    wf_free(wanted.at);
    wf_buf_deinit(&copy);
    return rc;
}

int wf_crdt_text_insert(struct wf_crdt *d, uint64_t type, uint32_t at, struct wf_str text,
                        const struct wf_str *attributes)
{
    struct wf_crdt_item content = {.kind = WF_CRDT_STRING};
    size_t units = wf_lib0_units((const uint8_t *)text.ptr, text.len);
    struct spot s = {0};
    uint32_t t, i;
    int rc = open_text(d, type, at, 0, &t);

    if (rc != 0)
        return rc;
    if (units == SIZE_MAX)
        rc = WF_E_INVAL;
    else if (text.len > WF_LIMIT_CRDT_BYTES)
        rc = WF_E_LIMIT;
    if (rc == 0 && units > 0)
        rc = spot_at(d, t, at, &s);
    if (rc == 0 && units > 0) {
        content.data = (uint8_t *)(uintptr_t)text.ptr;
        content.bytes = (uint32_t)text.len;
        content.len = (uint32_t)units;
        rc = insert_content(d, &s, at, &content, attributes, &i);
    }
    return close_text(d, &s, rc);
}

int wf_crdt_text_embed(struct wf_crdt *d, uint64_t type, uint32_t at,
                       const struct wf_crdt_put *what, const struct wf_str *attributes,
                       uint64_t *out_type)
{
    static const struct wf_str none = {"\x76\x00", 2};
    struct wf_crdt_item content;
    struct wf_buf value; /* the scratch buffer is used by formats on the way */
    struct spot s = {0};
    uint32_t t, i;
    int rc = open_text(d, type, at, 0, &t);

    if (rc != 0)
        return rc;
    wf_buf_init(&value, WF_LIMIT_CRDT_BYTES);
    if (what->kind != WF_CRDT_PUT_VALUES && what->kind != WF_CRDT_PUT_TYPE)
        rc = WF_E_INVAL;
    if (rc == 0)
        rc = spot_at(d, t, at, &s);
    if (rc == 0)
        rc = wf_crdt__put_content(d, what, true, &content);
    if (rc == 0 && content.kind == WF_CRDT_EMBED) {
        rc = wf_buf_append(&value, content.data, content.bytes);
        content.data = (uint8_t *)value.ptr;
    }
    if (rc == 0)
        rc = insert_content(d, &s, at, &content, attributes != NULL ? attributes : &none, &i);
    if (rc == 0 && out_type != NULL)
        *out_type = content.kind == WF_CRDT_TYPE ? wf_crdt__type_number(d, content.type) : 0;
    wf_buf_deinit(&value);
    return close_text(d, &s, rc);
}

/* ---- deleting ---- */

/* True when the end of a range lies within a surrogate pair. */
static bool end_within_pair(struct wf_crdt *d, uint32_t i, uint32_t n)
{
    bool half = false;

    for (; i != 0; i = wf_crdt__item(d, i)->right) {
        const struct wf_crdt_item *it = wf_crdt__item(d, i);
        uint32_t len = wf_crdt__visible(it);
        if (n < len && it->kind == WF_CRDT_STRING && it->bytes != it->len && n > 0)
            (void)wf_lib0_cut(it->data, it->bytes, n, &half);
        if (n <= len)
            return half;
        n -= len;
    }
    return false;
}

/* Cuts the item on the right where fewer than its units are left to do. */
static int cut_right(struct wf_crdt *d, const struct spot *s, uint32_t n)
{
    const struct wf_crdt_item *it = wf_crdt__item(d, s->right);
    uint32_t rest;

    if (n >= it->len)
        return 0;
    return wf_crdt__clean_start(d, it->client, it->clock + n, &rest);
}

static int delete_at(struct wf_crdt *d, struct spot *s, uint32_t n)
{
    struct wf_crdt_attrs at_start = {0};
    uint32_t start = s->right;
    int rc = 0;

    for (size_t i = 0; i < s->now.n && rc == 0; i++)
        rc = wf_crdt__attr_set(&at_start, s->now.at[i].key, s->now.at[i].value);
    while (n > 0 && s->right != 0 && rc == 0) {
        const struct wf_crdt_item *it = wf_crdt__item(d, s->right);
        if (wf_crdt__visible(it) > 0) {
            rc = cut_right(d, s, n);
            n -= it->len;
            if (rc == 0)
                rc = wf_crdt__delete(d, s->right);
        }
        if (rc == 0)
            rc = forward(d, s);
    }
    if (rc == 0 && start != 0 && d->types[s->type].has_formats)
        rc = wf_crdt__format_gap(d, start, s->right, &at_start, &s->now);
    wf_free(at_start.at);
    return rc;
}

/* The short way, without formats: each visible item of the range is looked for, however many
 * deleted ones lie between. */
static int delete_plain(struct wf_crdt *d, uint32_t type, uint32_t at, uint32_t n)
{
    uint32_t i, begin, rest, cursor = 0, cursor_at = 0;
    const struct wf_crdt_item *it;
    int rc = wf_crdt__item_with(d, type, at + n - 1, &i, &begin);

    if (rc == 0 && wf_crdt__within_pair(wf_crdt__item(d, i), at + n - begin))
        rc = WF_E_INVAL;
    if (rc == 0 && at > 0) {
        rc = wf_crdt__locate(d, type, at, &i, &rest);
        cursor = d->types[type].cursor;
        cursor_at = d->types[type].cursor_at;
    }
    while (rc == 0 && n > 0) {
        rc = wf_crdt__item_with(d, type, at, &i, &begin);
        if (rc != 0)
            break;
        it = wf_crdt__item(d, i);
        if (n < it->len)
            rc = wf_crdt__clean_start(d, it->client, it->clock + n, &rest);
        n -= it->len;
        if (rc == 0)
            rc = wf_crdt__delete(d, i);
        d->types[type].cursor = cursor; /* what is left of it is still there */
        d->types[type].cursor_at = cursor_at;
    }
    return rc;
}

static int delete_formatted(struct wf_crdt *d, struct spot *s, uint32_t at, uint32_t n)
{
    int rc = spot_at(d, s->type, at, s);

    if (rc == 0 && end_within_pair(d, s->right, n))
        rc = WF_E_INVAL;
    return rc != 0 ? rc : delete_at(d, s, n);
}

int wf_crdt_text_delete(struct wf_crdt *d, uint64_t type, uint32_t at, uint32_t n)
{
    struct spot s = {0};
    int rc = open_text(d, type, at, n, &s.type);

    if (rc != 0)
        return rc;
    if (n > 0)
        rc = d->types[s.type].has_formats ? delete_formatted(d, &s, at, n)
                                          : delete_plain(d, s.type, at, n);
    return close_text(d, &s, rc);
}

/* ---- formatting ---- */

/* A format on the way: gone where it is of an attribute that is set, for it is set anew. *out_end:
 * nothing behind it concerns the range. */
static int pass_format(struct wf_crdt *d, struct spot *s, const struct wf_crdt_attrs *wanted,
                       uint32_t n, struct wf_crdt_attrs *closing, bool *out_end)
{
    const struct wf_crdt_item *it = wf_crdt__item(d, s->right);
    uint32_t key = wf_crdt__format_key(it);
    const struct wf_str *v = wf_crdt__attr(wanted, key);
    struct wf_str value = wf_crdt__format_value(it);
    int rc = 0;

    *out_end = false;
    if (v == NULL)
        return wf_crdt__attr_set(&s->now, key, value);
    if (wf_crdt__value_equal(*v, value)) {
        wf_crdt__attr_drop(closing, key);
    } else if (n == 0) {
        *out_end = true;
        return 0;
    } else {
        rc = wf_crdt__attr_set(closing, key, value);
    }
    return rc != 0 ? rc : wf_crdt__delete(d, s->right);
}

static int format_at(struct wf_crdt *d, struct spot *s, uint32_t n,
                     const struct wf_crdt_attrs *wanted)
{
    struct wf_crdt_attrs closing = {0};
    bool end = false;
    int rc = skip_wanted(d, s, wanted);

    if (rc == 0)
        rc = open_wanted(d, s, wanted, &closing);
    while (rc == 0 && s->right != 0) {
        const struct wf_crdt_item *it = wf_crdt__item(d, s->right);
        bool deleted = wf_crdt__deleted(it);
        if (n == 0 && (closing.n == 0 || (!deleted && !is_format(it))))
            break;
        if (!deleted && is_format(it)) {
            rc = pass_format(d, s, wanted, n, &closing, &end);
        } else if (!deleted) {
            rc = cut_right(d, s, n);
            n -= it->len;
        }
        if (rc != 0 || end)
            break;
        rc = forward(d, s);
    }
    if (rc == 0)
        rc = close_opened(d, s, &closing);
    wf_free(closing.at);
    return rc;
}

int wf_crdt_text_format(struct wf_crdt *d, uint64_t type, uint32_t at, uint32_t n,
                        struct wf_str attributes)
{
    struct wf_crdt_attrs wanted = {0};
    struct wf_buf copy;
    struct spot s = {0};
    uint32_t t;
    int rc = open_text(d, type, at, n, &t);

    if (rc != 0)
        return rc;
    wf_buf_init(&copy, WF_LIMIT_CRDT_BYTES);
    if (n > 0) {
        rc = spot_at(d, t, at, &s);
        if (rc == 0 && end_within_pair(d, s.right, n))
            rc = WF_E_INVAL;
        if (rc == 0)
            rc = wanted_at(d, &s, &attributes, &copy, &wanted);
        if (rc == 0)
            rc = format_at(d, &s, n, &wanted);
    }
    wf_free(wanted.at);
    wf_buf_deinit(&copy);
    return close_text(d, &s, rc);
}
