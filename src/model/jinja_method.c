/* SPDX-License-Identifier: Apache-2.0 */
/* What can be called in a template: methods of texts, lists, dicts and loops as Python has them,
 * and the functions of all templates. Methods that would change a value exist, but refuse. */
#include <string.h>
#include <utf8proc.h>

#include "base/limits.h"
#include "model/jinja.h"
#include "text/utf8.h"

/* As range() in the sandbox. */
#define RANGE_MAX 100000

static struct wf_jv arg(const struct wf_jargs *args, size_t i)
{
    return wf_jargs__at(args, i, NULL, wf_jv__none());
}

static struct wf_str str_arg(struct wf_jrun *r, const struct wf_jargs *args, size_t i)
{
    struct wf_jv v = arg(args, i);

    if (v.kind == WF_J_STR)
        return v.s;
    if (v.kind == WF_J_UNDEFINED)
        wf_jrun__fail_undefined(r, v);
    wf_jrun__fail(r, WF_E_FORMAT, "a text is needed, not a %s", wf_jv__type(v));
    return wf_str_from("");
}

static bool is_space(uint32_t c)
{
    utf8proc_category_t k;

    if (c < 128)
        return c == ' ' || (c >= 9 && c <= 13) || (c >= 28 && c <= 31);
    k = utf8proc_category((utf8proc_int32_t)c);
    return c == 0x85 || k == UTF8PROC_CATEGORY_ZS || k == UTF8PROC_CATEGORY_ZL ||
           k == UTF8PROC_CATEGORY_ZP;
}

/* Whether a code point is in a text; white space when there is none. */
static bool is_among(struct wf_str set, bool has_set, struct wf_str point, uint32_t c)
{
    return has_set ? wf_str_find(set, point, 0) != SIZE_MAX : is_space(c);
}

static size_t point_before(struct wf_str s, size_t i)
{
    while (i > 0 && ((uint8_t)s.ptr[--i] & 0xc0) == 0x80) {
    }
    return i;
}

static struct wf_jv strip(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args,
                          bool left, bool right)
{
    bool has_set = args->pos.n > 0 && args->pos.items[0].kind != WF_J_NONE;
    struct wf_str set = has_set ? str_arg(r, args, 0) : wf_str_from(""), s = self.s;
    size_t from = 0, to = s.len, i;

    while (left && from < to) {
        i = from;
        uint32_t c = wf_utf8_next(s, &i);
        if (!is_among(set, has_set, wf_str_sub(s, from, i), c))
            break;
        from = i;
    }
    while (right && to > from) {
        i = point_before(s, to);
        size_t end = i;
        uint32_t c = wf_utf8_next(s, &end);
        if (!is_among(set, has_set, wf_str_sub(s, i, to), c))
            break;
        to = i;
    }
    self.s = wf_str_sub(s, from, to);
    return self;
}

static struct wf_jv s_strip(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return strip(r, self, args, true, true);
}

static struct wf_jv s_lstrip(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return strip(r, self, args, true, false);
}

static struct wf_jv s_rstrip(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return strip(r, self, args, false, true);
}

static int64_t limit_arg(const struct wf_jargs *args)
{
    struct wf_jv v = wf_jargs__at(args, 1, "maxsplit", wf_jv__int(-1));

    return v.kind == WF_J_INT && v.i >= 0 ? v.i : INT64_MAX;
}

static struct wf_jv split_spaces(struct wf_jrun *r, struct wf_str s, int64_t limit)
{
    struct wf_jv out = wf_jv__list(r, 0);
    size_t i = 0, from, last;

    while (i < s.len && r->rc == 0) {
        from = i;
        if (is_space(wf_utf8_next(s, &i)))
            continue;
        if (limit-- == 0) {
            struct wf_jv rest = wf_jv__str(wf_str_sub(s, from, s.len));
            wf_jlist__push(r, out.list, strip(r, rest, &(struct wf_jargs){0}, false, true));
            break;
        }
        last = i;
        while (i < s.len && !is_space(wf_utf8_next(s, &i)))
            last = i;
        wf_jlist__push(r, out.list, wf_jv__str(wf_str_sub(s, from, last)));
    }
    return out;
}

static struct wf_jv s_split(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv out, sep = wf_jargs__at(args, 0, "sep", wf_jv__none());
    int64_t limit = limit_arg(args);
    size_t from = 0, at;

    if (sep.kind == WF_J_NONE)
        return split_spaces(r, self.s, limit);
    if (sep.kind != WF_J_STR || sep.s.len == 0)
        wf_jrun__fail(r, WF_E_FORMAT, "a text cannot be split by this");
    out = wf_jv__list(r, 0);
    while (r->rc == 0 && limit-- > 0 && (at = wf_str_find(self.s, sep.s, from)) != SIZE_MAX) {
        wf_jlist__push(r, out.list, wf_jv__str(wf_str_sub(self.s, from, at)));
        from = at + sep.s.len;
    }
    wf_jlist__push(r, out.list, wf_jv__str(wf_str_sub(self.s, from, self.s.len)));
    return out;
}

/* The last place of a text; SIZE_MAX: none. */
static size_t find_last(struct wf_str s, struct wf_str what)
{
    for (size_t i = s.len + 1; i-- > 0;) {
        if (wf_str_starts(wf_str_sub(s, i, s.len), what))
            return i;
    }
    return SIZE_MAX;
}

static struct wf_jv s_rsplit(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv sep = wf_jargs__at(args, 0, "sep", wf_jv__none()), parts, out;
    int64_t limit = limit_arg(args);
    struct wf_str s = self.s;
    size_t at;

    if (limit == INT64_MAX || sep.kind != WF_J_STR || sep.s.len == 0)
        return s_split(r, self, args);
    parts = wf_jv__list(r, 0);
    out = wf_jv__list(r, 0);
    while (r->rc == 0 && limit-- > 0 && (at = find_last(s, sep.s)) != SIZE_MAX) {
        wf_jlist__push(r, parts.list, wf_jv__str(wf_str_sub(s, at + sep.s.len, s.len)));
        s = wf_str_sub(s, 0, at);
    }
    wf_jlist__push(r, out.list, wf_jv__str(s));
    for (size_t i = r->rc == 0 ? parts.list->n : 0; i-- > 0;)
        wf_jlist__push(r, out.list, parts.list->items[i]);
    return out;
}

static bool ends_line(uint32_t c)
{
    return (c >= 10 && c <= 13) || (c >= 28 && c <= 30) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static struct wf_jv s_splitlines(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    bool keeps = wf_jv__is_true(r, wf_jargs__at(args, 0, "keepends", wf_jv__bool(false)));
    struct wf_jv out = wf_jv__list(r, 0);
    size_t i = 0, from = 0;

    while (i < self.s.len && r->rc == 0) {
        size_t at = i;
        uint32_t c = wf_utf8_next(self.s, &i);
        if (!ends_line(c))
            continue;
        if (c == '\r' && i < self.s.len && self.s.ptr[i] == '\n')
            i++;
        wf_jlist__push(r, out.list, wf_jv__str(wf_str_sub(self.s, from, keeps ? i : at)));
        from = i;
    }
    if (from < self.s.len && r->rc == 0)
        wf_jlist__push(r, out.list, wf_jv__str(wf_str_sub(self.s, from, self.s.len)));
    return out;
}

/* A text, or one of a tuple of them. */
static struct wf_jv any_of(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args,
                           bool (*is)(struct wf_str, struct wf_str))
{
    struct wf_jv v = arg(args, 0);

    if (v.kind != WF_J_LIST)
        return wf_jv__bool(is(self.s, str_arg(r, args, 0)));
    for (size_t i = 0; i < v.list->n; i++) {
        if (v.list->items[i].kind == WF_J_STR && is(self.s, v.list->items[i].s))
            return wf_jv__bool(true);
    }
    return wf_jv__bool(false);
}

static struct wf_jv s_startswith(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return any_of(r, self, args, wf_str_starts);
}

static struct wf_jv s_endswith(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return any_of(r, self, args, wf_str_ends);
}

static struct wf_jv s_removeprefix(struct wf_jrun *r, struct wf_jv self,
                                   const struct wf_jargs *args)
{
    struct wf_str what = str_arg(r, args, 0);

    if (wf_str_starts(self.s, what))
        self.s = wf_str_sub(self.s, what.len, self.s.len);
    return self;
}

static struct wf_jv s_removesuffix(struct wf_jrun *r, struct wf_jv self,
                                   const struct wf_jargs *args)
{
    struct wf_str what = str_arg(r, args, 0);

    if (wf_str_ends(self.s, what))
        self.s = wf_str_sub(self.s, 0, self.s.len - what.len);
    return self;
}

static struct wf_jv s_replace(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_str old = str_arg(r, args, 0), new = str_arg(r, args, 1);
    struct wf_jv count = wf_jargs__at(args, 2, "count", wf_jv__int(-1));
    int64_t left = count.kind == WF_J_INT && count.i >= 0 ? count.i : INT64_MAX;
    size_t from = 0, at;
    struct wf_buf b;

    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    while (left-- > 0 && wf_buf_status(&b) == 0 && r->rc == 0 &&
           (at = wf_str_find(self.s, old, from)) != SIZE_MAX) {
        size_t end = at + old.len;
        if (old.len == 0) { /* an empty text is found before every character and at the end */
            (void)wf_buf_append_str(&b, new);
            if (at >= self.s.len) {
                from = at;
                break;
            }
            (void)wf_utf8_next(self.s, &end);
            (void)wf_buf_append_str(&b, wf_str_sub(self.s, at, end));
        } else {
            (void)wf_buf_append_str(&b, wf_str_sub(self.s, from, at));
            (void)wf_buf_append_str(&b, new);
        }
        from = end;
    }
    (void)wf_buf_append_str(&b, wf_str_sub(self.s, from, self.s.len));
    return wf_jv__of_buf(r, &b);
}

static struct wf_jv s_upper(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    (void)args;
    return wf_jv__cased(r, self.s, true);
}

static struct wf_jv s_lower(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    (void)args;
    return wf_jv__cased(r, self.s, false);
}

static struct wf_jv s_capitalize(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    size_t i = 0;
    struct wf_jv first, rest;

    (void)args;
    if (self.s.len == 0)
        return self;
    (void)wf_utf8_next(self.s, &i);
    first = wf_jv__cased(r, wf_str_sub(self.s, 0, i), true);
    rest = wf_jv__cased(r, wf_str_sub(self.s, i, self.s.len), false);
    return wf_jinja__binary(r, WF_J_ADD, first, rest);
}

/* Letters behind anything without case are upper. */
static struct wf_jv s_title(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    bool in_word = false;
    struct wf_buf b;
    size_t i = 0;

    (void)args;
    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    while (i < self.s.len && r->rc == 0) {
        size_t from = i;
        uint32_t c = wf_utf8_next(self.s, &i);
        utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
        struct wf_jv point = wf_jv__cased(r, wf_str_sub(self.s, from, i), !in_word);
        (void)wf_buf_append_str(&b, point.s);
        in_word = k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LT;
    }
    return wf_jv__of_buf(r, &b);
}

static struct wf_jv find(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args,
                         bool last, bool must)
{
    struct wf_str what = str_arg(r, args, 0);
    size_t at = last ? find_last(self.s, what) : wf_str_find(self.s, what, 0);

    if (at == SIZE_MAX && must)
        wf_jrun__fail(r, WF_E_FORMAT, "a text does not hold another");
    return wf_jv__int(at == SIZE_MAX ? -1 : (int64_t)wf_utf8_count(wf_str_sub(self.s, 0, at)));
}

static struct wf_jv s_find(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return find(r, self, args, false, false);
}

static struct wf_jv s_rfind(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return find(r, self, args, true, false);
}

static struct wf_jv s_index(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return find(r, self, args, false, true);
}

static struct wf_jv s_count(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_str what = str_arg(r, args, 0);
    int64_t n = 0;
    size_t from = 0, at;

    if (what.len == 0)
        return wf_jv__int((int64_t)wf_utf8_count(self.s) + 1);
    while ((at = wf_str_find(self.s, what, from)) != SIZE_MAX) {
        from = at + what.len;
        n++;
    }
    return wf_jv__int(n);
}

static struct wf_jv s_join(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jlist items = wf_jv__items(r, arg(args, 0));
    struct wf_buf b;

    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    for (size_t i = 0; i < items.n && r->rc == 0; i++) {
        if (items.items[i].kind != WF_J_STR)
            wf_jrun__fail(r, WF_E_FORMAT, "only texts can be joined, not a %s",
                          wf_jv__type(items.items[i]));
        else if (i > 0)
            (void)wf_buf_append_str(&b, self.s);
        wf_jv__append_text(r, items.items[i], &b);
    }
    return wf_jv__of_buf(r, &b);
}

static struct wf_jv s_format(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return wf_jinja__format(r, self.s, args);
}

/* How many fill characters go left and right. */
static struct wf_jv pad(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args, int side)
{
    struct wf_jv width = arg(args, 0);
    struct wf_str fill = args->pos.n > 1 ? str_arg(r, args, 1) : wf_str_from(" ");
    int64_t n = (int64_t)wf_utf8_count(self.s), add, left;
    struct wf_buf b;

    if (width.kind != WF_J_INT || width.i > WF_LIMIT_TEMPLATE_BYTES) {
        wf_jrun__fail(r, WF_E_FORMAT, "a width is needed");
        return self;
    }
    add = width.i > n ? width.i - n : 0;
    left = side < 0 ? 0 : side > 0 ? add : add / 2 + (add & width.i & 1);
    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    for (int64_t i = 0; i < left; i++)
        (void)wf_buf_append_str(&b, fill);
    (void)wf_buf_append_str(&b, self.s);
    for (int64_t i = left; i < add; i++)
        (void)wf_buf_append_str(&b, fill);
    return wf_jv__of_buf(r, &b);
}

static struct wf_jv s_center(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return pad(r, self, args, 0);
}

static struct wf_jv s_ljust(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return pad(r, self, args, -1);
}

static struct wf_jv s_rjust(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return pad(r, self, args, 1);
}

static struct wf_jv partition(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args,
                              bool last)
{
    struct wf_str sep = str_arg(r, args, 0), empty = wf_str_from("");
    size_t at = last ? find_last(self.s, sep) : wf_str_find(self.s, sep, 0);
    struct wf_jv out = wf_jv__list(r, WF_J_TUPLE);

    if (r->rc != 0)
        return out;
    if (at == SIZE_MAX) {
        wf_jlist__push(r, out.list, last ? wf_jv__str(empty) : self);
        wf_jlist__push(r, out.list, wf_jv__str(empty));
        wf_jlist__push(r, out.list, last ? self : wf_jv__str(empty));
    } else {
        wf_jlist__push(r, out.list, wf_jv__str(wf_str_sub(self.s, 0, at)));
        wf_jlist__push(r, out.list, wf_jv__str(sep));
        wf_jlist__push(r, out.list, wf_jv__str(wf_str_sub(self.s, at + sep.len, self.s.len)));
    }
    return out;
}

static struct wf_jv s_partition(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return partition(r, self, args, false);
}

static struct wf_jv s_rpartition(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return partition(r, self, args, true);
}

/* Whether all code points, of which there are some, are of kinds [a, b] or [c, d]. */
static struct wf_jv all_are(struct wf_jv self, int a, int b, int c, int d)
{
    size_t i = 0;

    while (i < self.s.len) {
        int k = (int)utf8proc_category((utf8proc_int32_t)wf_utf8_next(self.s, &i));
        if (!(k >= a && k <= b) && !(k >= c && k <= d))
            return wf_jv__bool(false);
    }
    return wf_jv__bool(self.s.len > 0);
}

static struct wf_jv s_isalpha(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    (void)r;
    (void)args;
    return all_are(self, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LO, 1, 0);
}

static struct wf_jv s_isdigit(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    (void)r;
    (void)args;
    return all_are(self, UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_ND, 1, 0);
}

static struct wf_jv s_isalnum(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    (void)r;
    (void)args;
    return all_are(self, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LO, UTF8PROC_CATEGORY_ND,
                   UTF8PROC_CATEGORY_NO);
}

static struct wf_jv s_isspace(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv rest = strip(r, self, &(struct wf_jargs){0}, true, false);

    (void)args;
    return wf_jv__bool(self.s.len > 0 && rest.s.len == 0);
}

static struct wf_jv is_case(struct wf_jrun *r, struct wf_jv self, const char *test)
{
    return wf_jv__bool(wf_jinja__test(r, wf_str_from(test), self, &(struct wf_jargs){0}));
}

static struct wf_jv s_isupper(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    (void)args;
    return is_case(r, self, "upper");
}

static struct wf_jv s_islower(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    (void)args;
    return is_case(r, self, "lower");
}

static struct wf_jv refuse(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    (void)args;
    wf_jrun__fail(r, WF_E_FORMAT, "a template may not change a %s", wf_jv__type(self));
    return wf_jv__none();
}

static struct wf_jv l_index(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    for (size_t i = 0; i < self.list->n; i++) {
        if (wf_jv__equal(r, self.list->items[i], arg(args, 0)))
            return wf_jv__int((int64_t)i);
    }
    wf_jrun__fail(r, WF_E_FORMAT, "a list does not hold a value");
    return wf_jv__none();
}

static struct wf_jv l_count(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    int64_t n = 0;

    for (size_t i = 0; i < self.list->n; i++)
        n += wf_jv__equal(r, self.list->items[i], arg(args, 0));
    return wf_jv__int(n);
}

static struct wf_jv l_copy(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    (void)args;
    return wf_jinja__filter(r, wf_str_from("list"), self, &(struct wf_jargs){0});
}

/* Keys, values or pairs. */
static struct wf_jv d_items(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv out = wf_jinja__filter(r, wf_str_from("items"), self, &(struct wf_jargs){0});

    (void)args;
    out.flags = 0;
    return out;
}

static struct wf_jv d_keys(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return l_copy(r, self, args);
}

static struct wf_jv d_values(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv out = wf_jv__list(r, 0);

    (void)args;
    for (size_t i = 0; i < self.dict->n && r->rc == 0; i++)
        wf_jlist__push(r, out.list, self.dict->entries[i].value);
    return out;
}

static struct wf_jv d_get(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    const struct wf_jv *v = wf_jdict__get(r, self.dict, arg(args, 0));

    return v != NULL ? *v : arg(args, 1);
}

static struct wf_jv d_copy(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv out = wf_jv__dict(r);

    (void)args;
    for (size_t i = 0; i < self.dict->n && r->rc == 0; i++)
        wf_jdict__set(r, out.dict, self.dict->entries[i].key, self.dict->entries[i].value);
    return out;
}

static struct wf_jv o_cycle(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    if (args->pos.n == 0) {
        wf_jrun__fail(r, WF_E_FORMAT, "cycle needs values");
        return wf_jv__none();
    }
    return args->pos.items[self.loop->index % args->pos.n];
}

static struct wf_jv o_changed(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv now = wf_jv__list(r, WF_J_TUPLE);
    bool is_same;

    for (size_t i = 0; i < args->pos.n && r->rc == 0; i++)
        wf_jlist__push(r, now.list, args->pos.items[i]);
    is_same = self.loop->last.kind == WF_J_LIST && wf_jv__equal(r, self.loop->last, now);
    self.loop->last = now;
    return wf_jv__bool(!is_same);
}

static struct wf_jv g_range(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    int64_t from = 0, to = 0, step = 1, *const at[] = {&from, &to, &step};
    struct wf_jv out = wf_jv__list(r, 0);
    size_t n = args->pos.n;

    (void)self;
    for (size_t i = 0; i < n && i < 3; i++) {
        struct wf_jv v = args->pos.items[i];
        if (v.kind != WF_J_INT && v.kind != WF_J_BOOL)
            wf_jrun__fail(r, WF_E_FORMAT, "range needs whole numbers, not a %s", wf_jv__type(v));
        *at[n == 1 ? 1 : i] = wf_jv__integer(v);
    }
    if (n == 0 || n > 3 || step == 0)
        wf_jrun__fail(r, WF_E_FORMAT, "range has wrong arguments");
    for (int64_t i = from; r->rc == 0 && (step > 0 ? i < to : i > to);) {
        if (out.list->n >= RANGE_MAX)
            wf_jrun__fail(r, WF_E_LIMIT, "a range has more than %d numbers", RANGE_MAX);
        wf_jlist__push(r, out.list, wf_jv__int(i));
        if (__builtin_add_overflow(i, step, &i))
            break;
    }
    return out;
}

static struct wf_jv g_dict(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv out = wf_jv__dict(r), from = arg(args, 0);

    (void)self;
    for (size_t i = 0; from.kind == WF_J_DICT && i < from.dict->n && r->rc == 0; i++)
        wf_jdict__set(r, out.dict, from.dict->entries[i].key, from.dict->entries[i].value);
    for (size_t i = 0; i < args->named.n && r->rc == 0; i++)
        wf_jdict__set(r, out.dict, args->named.entries[i].key, args->named.entries[i].value);
    return out;
}

static struct wf_jv g_namespace(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv out = g_dict(r, self, args);

    out.kind = WF_J_NAMESPACE;
    return out;
}

static struct wf_jv g_raise_exception(struct wf_jrun *r, struct wf_jv self,
                                      const struct wf_jargs *args)
{
    (void)self;
    wf_jrun__fail(r, WF_E_FORMAT, "it says: %.*s",
                  WF_STR_ARG(wf_str_sub(wf_jv__text(r, arg(args, 0)), 0, 250)));
    return wf_jv__none();
}

static struct wf_jv g_strftime_now(struct wf_jrun *r, struct wf_jv self,
                                   const struct wf_jargs *args)
{
    char format[200], text[400];
    struct wf_str s = str_arg(r, args, 0);
    struct tm tm;
    size_t n;

    (void)self;
    if (s.len >= sizeof(format)) {
        wf_jrun__fail(r, WF_E_FORMAT, "the format of a time is too long");
        return wf_jv__none();
    }
    memcpy(format, s.ptr, s.len);
    format[s.len] = 0;
    if (localtime_r(&r->now, &tm) == NULL)
        memset(&tm, 0, sizeof(tm));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* it is the template's to choose */
    n = strftime(text, sizeof(text), format, &tm);
#pragma GCC diagnostic pop
    return wf_jv__str(wf_arena_dup(&r->arena, wf_str_n(text, n)));
}

static const struct {
    enum wf_jkind kind; /* UNDEFINED: a function of all templates */
    const char *name;
    wf_jcall_fn fn;
} table[] = {
    {WF_J_UNDEFINED, "range", g_range},
    {WF_J_UNDEFINED, "dict", g_dict},
    {WF_J_UNDEFINED, "namespace", g_namespace},
    {WF_J_UNDEFINED, "raise_exception", g_raise_exception},
    {WF_J_UNDEFINED, "strftime_now", g_strftime_now},
    {WF_J_STR, "strip", s_strip},
    {WF_J_STR, "lstrip", s_lstrip},
    {WF_J_STR, "rstrip", s_rstrip},
    {WF_J_STR, "split", s_split},
    {WF_J_STR, "rsplit", s_rsplit},
    {WF_J_STR, "splitlines", s_splitlines},
    {WF_J_STR, "startswith", s_startswith},
    {WF_J_STR, "endswith", s_endswith},
    {WF_J_STR, "removeprefix", s_removeprefix},
    {WF_J_STR, "removesuffix", s_removesuffix},
    {WF_J_STR, "replace", s_replace},
    {WF_J_STR, "upper", s_upper},
    {WF_J_STR, "lower", s_lower},
    {WF_J_STR, "casefold", s_lower},
    {WF_J_STR, "capitalize", s_capitalize},
    {WF_J_STR, "title", s_title},
    {WF_J_STR, "find", s_find},
    {WF_J_STR, "rfind", s_rfind},
    {WF_J_STR, "index", s_index},
    {WF_J_STR, "count", s_count},
    {WF_J_STR, "join", s_join},
    {WF_J_STR, "format", s_format},
    {WF_J_STR, "center", s_center},
    {WF_J_STR, "ljust", s_ljust},
    {WF_J_STR, "rjust", s_rjust},
    {WF_J_STR, "partition", s_partition},
    {WF_J_STR, "rpartition", s_rpartition},
    {WF_J_STR, "isalpha", s_isalpha},
    {WF_J_STR, "isdigit", s_isdigit},
    {WF_J_STR, "isnumeric", s_isdigit},
    {WF_J_STR, "isdecimal", s_isdigit},
    {WF_J_STR, "isalnum", s_isalnum},
    {WF_J_STR, "isspace", s_isspace},
    {WF_J_STR, "isupper", s_isupper},
    {WF_J_STR, "islower", s_islower},
    {WF_J_LIST, "index", l_index},
    {WF_J_LIST, "count", l_count},
    {WF_J_LIST, "copy", l_copy},
    {WF_J_LIST, "append", refuse},
    {WF_J_LIST, "extend", refuse},
    {WF_J_LIST, "insert", refuse},
    {WF_J_LIST, "pop", refuse},
    {WF_J_LIST, "remove", refuse},
    {WF_J_LIST, "clear", refuse},
    {WF_J_LIST, "sort", refuse},
    {WF_J_LIST, "reverse", refuse},
    {WF_J_DICT, "items", d_items},
    {WF_J_DICT, "keys", d_keys},
    {WF_J_DICT, "values", d_values},
    {WF_J_DICT, "get", d_get},
    {WF_J_DICT, "copy", d_copy},
    {WF_J_DICT, "pop", refuse},
    {WF_J_DICT, "popitem", refuse},
    {WF_J_DICT, "update", refuse},
    {WF_J_DICT, "setdefault", refuse},
    {WF_J_DICT, "clear", refuse},
    {WF_J_LOOP, "cycle", o_cycle},
    {WF_J_LOOP, "changed", o_changed},
};

static struct wf_jv find_callable(struct wf_jrun *r, enum wf_jkind kind, struct wf_jv self,
                                  struct wf_str name)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct wf_jcallable *fn;
        if (table[i].kind != kind || !wf_str_eq(name, wf_str_from(table[i].name)))
            continue;
        fn = wf_arena_alloc(&r->arena, sizeof(*fn));
        if (fn == NULL) {
            wf_jrun__fail(r, WF_E_LIMIT, "it makes more than it may");
            break;
        }
        *fn = (struct wf_jcallable){.fn = table[i].fn, .self = self, .name = name};
        return (struct wf_jv){.kind = WF_J_CALLABLE, .fn = fn};
    }
    return wf_jv__undefined(name);
}

struct wf_jv wf_jinja__method(struct wf_jrun *r, struct wf_jv self, struct wf_str name)
{
    if (self.kind == WF_J_UNDEFINED)
        return self;
    return find_callable(r, self.kind, self, name);
}

struct wf_jv wf_jinja__global(struct wf_jrun *r, struct wf_str name)
{
    return find_callable(r, WF_J_UNDEFINED, wf_jv__none(), name);
}

struct wf_jv wf_jinja__call(struct wf_jrun *r, struct wf_jv fn, const struct wf_jargs *args)
{
    if (r->rc != 0)
        return wf_jv__none();
    if (fn.kind == WF_J_UNDEFINED) {
        wf_jrun__fail_undefined(r, fn);
        return wf_jv__none();
    }
    if (fn.kind != WF_J_CALLABLE) {
        wf_jrun__fail(r, WF_E_FORMAT, "a %s cannot be called", wf_jv__type(fn));
        return wf_jv__none();
    }
    return fn.fn->fn != NULL ? fn.fn->fn(r, fn.fn->self, args)
                             : wf_jinja__call_macro(r, fn.fn, args);
}
