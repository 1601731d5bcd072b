/* SPDX-License-Identifier: Apache-2.0 */
/* Methods of texts, as Python's str has them. Places and lengths count code points. */
#include <string.h>
#include <utf8proc.h>

#include "base/limits.h"
#include "model/jinja.h"
#include "text/utf8.h"

static struct wf_jv arg(const struct wf_jargs *args, size_t i)
{
    return wf_jargs__at(args, i, NULL, wf_jv__none());
}

struct wf_str wf_jargs__str(struct wf_jrun *r, const struct wf_jargs *args, size_t i)
{
    struct wf_jv v = arg(args, i);

    if (v.kind == WF_J_STR)
        return v.s;
    if (v.kind == WF_J_UNDEFINED)
        wf_jrun__fail_undefined(r, v);
    wf_jrun__fail(r, WF_E_FORMAT, "a text is needed, not a %s", wf_jv__type(v));
    return wf_str_from("");
}

int64_t wf_jargs__int(struct wf_jrun *r, const struct wf_jargs *args, size_t i, const char *name,
                      int64_t otherwise)
{
    struct wf_jv v = wf_jargs__at(args, i, name, wf_jv__none());

    if (v.kind == WF_J_NONE)
        return otherwise;
    if (v.kind == WF_J_UNDEFINED)
        wf_jrun__fail_undefined(r, v);
    if (v.kind != WF_J_INT && v.kind != WF_J_BOOL)
        wf_jrun__fail(r, WF_E_FORMAT, "a whole number is needed, not a %s", wf_jv__type(v));
    return wf_jv__integer(v);
}

bool wf_jv__is_space(uint32_t c)
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
    return has_set ? wf_str_find(set, point, 0) != SIZE_MAX : wf_jv__is_space(c);
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
    struct wf_str set = has_set ? wf_jargs__str(r, args, 0) : wf_str_from(""), s = self.s;
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

static int64_t limit_arg(struct wf_jrun *r, const struct wf_jargs *args)
{
    int64_t limit = wf_jargs__int(r, args, 1, "maxsplit", -1);

    return limit >= 0 ? limit : INT64_MAX;
}

static struct wf_jv split_spaces(struct wf_jrun *r, struct wf_str s, int64_t limit)
{
    struct wf_jv out = wf_jv__list(r, 0);
    size_t i = 0, from, last;

    while (i < s.len && r->rc == 0) {
        from = i;
        if (wf_jv__is_space(wf_utf8_next(s, &i)))
            continue;
        if (limit-- == 0) {
            wf_jlist__push(r, out.list, wf_jv__str(wf_str_sub(s, from, s.len)));
            break;
        }
        last = i;
        while (i < s.len && !wf_jv__is_space(wf_utf8_next(s, &i)))
            last = i;
        wf_jlist__push(r, out.list, wf_jv__str(wf_str_sub(s, from, last)));
    }
    return out;
}

static struct wf_jv s_split(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv out, sep = wf_jargs__at(args, 0, "sep", wf_jv__none());
    int64_t limit = limit_arg(r, args);
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

static struct wf_jv reversed(struct wf_jrun *r, struct wf_jv parts)
{
    struct wf_jv out = wf_jv__list(r, 0);

    for (size_t i = r->rc == 0 ? parts.list->n : 0; i-- > 0;)
        wf_jlist__push(r, out.list, parts.list->items[i]);
    return out;
}

static struct wf_jv rsplit_spaces(struct wf_jrun *r, struct wf_str s, int64_t limit)
{
    struct wf_jv parts = wf_jv__list(r, 0), rest = wf_jv__str(s);
    size_t from;

    while (r->rc == 0) {
        rest = strip(r, rest, &(struct wf_jargs){0}, false, true);
        s = rest.s;
        if (s.len == 0)
            break;
        from = limit-- == 0 ? 0 : s.len;
        while (from > 0) {
            size_t at = point_before(s, from), end = at;
            if (wf_jv__is_space(wf_utf8_next(s, &end)))
                break;
            from = at;
        }
        wf_jlist__push(r, parts.list, wf_jv__str(wf_str_sub(s, from, s.len)));
        rest.s = wf_str_sub(s, 0, from);
    }
    return reversed(r, parts);
}

static struct wf_jv s_rsplit(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_jv sep = wf_jargs__at(args, 0, "sep", wf_jv__none()), parts;
    int64_t limit = limit_arg(r, args);
    struct wf_str s = self.s;
    size_t at;

    if (sep.kind == WF_J_NONE)
        return rsplit_spaces(r, s, limit);
    if (sep.kind != WF_J_STR || sep.s.len == 0)
        wf_jrun__fail(r, WF_E_FORMAT, "a text cannot be split by this");
    parts = wf_jv__list(r, 0);
    while (r->rc == 0 && limit-- > 0 && (at = find_last(s, sep.s)) != SIZE_MAX) {
        wf_jlist__push(r, parts.list, wf_jv__str(wf_str_sub(s, at + sep.s.len, s.len)));
        s = wf_str_sub(s, 0, at);
    }
    wf_jlist__push(r, parts.list, wf_jv__str(s));
    return reversed(r, parts);
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

/* A place in code points, from the end where it is negative, as a place in bytes. */
static size_t place(struct wf_str s, int64_t at)
{
    int64_t n = (int64_t)wf_utf8_count(s);
    size_t i = 0;

    at = at < -n ? 0 : at < 0 ? at + n : WF_MIN(at, n);
    while (at-- > 0)
        (void)wf_utf8_next(s, &i);
    return i;
}

/* The part of a text that the arguments at i and i + 1 bound; false when it begins behind the end,
 * where not even an empty text is found. */
static bool part_arg(struct wf_jrun *r, struct wf_str s, const struct wf_jargs *args, size_t i,
                     size_t *out_from, struct wf_str *out)
{
    int64_t from = wf_jargs__int(r, args, i, NULL, 0);
    size_t end = place(s, wf_jargs__int(r, args, i + 1, NULL, INT64_MAX));

    *out_from = place(s, from);
    *out = wf_str_sub(s, *out_from, WF_MAX(end, *out_from));
    return (from <= 0 || from <= (int64_t)wf_utf8_count(s)) && end >= *out_from;
}

/* A text, or one of a tuple of them. */
static struct wf_jv any_of(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args,
                           bool (*is)(struct wf_str, struct wf_str))
{
    struct wf_jv v = arg(args, 0);
    struct wf_str part;
    size_t from;
    bool exists = part_arg(r, self.s, args, 1, &from, &part);

    if (v.kind != WF_J_LIST || (v.flags & WF_J_TUPLE) == 0)
        return wf_jv__bool(is(part, wf_jargs__str(r, args, 0)) && exists);
    for (size_t i = 0; i < v.list->n && exists; i++) {
        if (v.list->items[i].kind == WF_J_STR && is(part, v.list->items[i].s))
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
    struct wf_str what = wf_jargs__str(r, args, 0);

    if (wf_str_starts(self.s, what))
        self.s = wf_str_sub(self.s, what.len, self.s.len);
    return self;
}

static struct wf_jv s_removesuffix(struct wf_jrun *r, struct wf_jv self,
                                   const struct wf_jargs *args)
{
    struct wf_str what = wf_jargs__str(r, args, 0);

    if (wf_str_ends(self.s, what))
        self.s = wf_str_sub(self.s, 0, self.s.len - what.len);
    return self;
}

static struct wf_jv s_replace(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_str old = wf_jargs__str(r, args, 0), new = wf_jargs__str(r, args, 1);
    int64_t count = wf_jargs__int(r, args, 2, "count", -1), left = count >= 0 ? count : INT64_MAX;
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
    return wf_jv__cased(r, self.s, WF_J_UPPER);
}

static struct wf_jv s_lower(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    (void)args;
    return wf_jv__cased(r, self.s, WF_J_LOWER);
}

static struct wf_jv s_casefold(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    (void)args;
    return wf_jv__cased(r, self.s, WF_J_FOLD);
}

static struct wf_jv s_capitalize(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_buf b;
    size_t i = 0;

    (void)args;
    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    while (i < self.s.len)
        wf_jv__append_cased(self.s, &i, i == 0 ? WF_J_TITLE : WF_J_LOWER, &b);
    return wf_jv__of_buf(r, &b);
}

static int category(struct wf_str s, size_t i)
{
    return (int)utf8proc_category((utf8proc_int32_t)wf_utf8_next(s, &i));
}

static bool has_case(int k)
{
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LT;
}

/* Letters behind anything without case are upper. */
static struct wf_jv s_title(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    bool in_word = false;
    struct wf_buf b;
    size_t i = 0;

    (void)args;
    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    while (i < self.s.len) {
        int k = category(self.s, i);
        wf_jv__append_cased(self.s, &i, in_word ? WF_J_LOWER : WF_J_TITLE, &b);
        in_word = has_case(k);
    }
    return wf_jv__of_buf(r, &b);
}

static struct wf_jv s_swapcase(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_buf b;
    size_t i = 0;

    (void)args;
    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    while (i < self.s.len) {
        bool is_upper = category(self.s, i) == UTF8PROC_CATEGORY_LU;
        wf_jv__append_cased(self.s, &i, is_upper ? WF_J_LOWER : WF_J_UPPER, &b);
    }
    return wf_jv__of_buf(r, &b);
}

static struct wf_jv s_istitle(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    bool in_word = false, has = false, is_it = true;
    size_t i = 0;

    (void)r;
    (void)args;
    while (i < self.s.len && is_it) {
        int k = category(self.s, i);
        (void)wf_utf8_next(self.s, &i);
        is_it = !has_case(k) || in_word == (k == UTF8PROC_CATEGORY_LL);
        in_word = has_case(k);
        has = has || in_word;
    }
    return wf_jv__bool(is_it && has);
}

static struct wf_jv find(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args,
                         bool last, bool must)
{
    struct wf_str what = wf_jargs__str(r, args, 0), part;
    size_t from, at = SIZE_MAX;

    if (part_arg(r, self.s, args, 1, &from, &part))
        at = last ? find_last(part, what) : wf_str_find(part, what, 0);
    if (at == SIZE_MAX && must)
        wf_jrun__fail(r, WF_E_FORMAT, "a text does not hold another");
    if (at == SIZE_MAX)
        return wf_jv__int(-1);
    return wf_jv__int((int64_t)wf_utf8_count(wf_str_sub(self.s, 0, from + at)));
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

static struct wf_jv s_rindex(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    return find(r, self, args, true, true);
}

static struct wf_jv s_count(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    struct wf_str what = wf_jargs__str(r, args, 0), part;
    int64_t n = 0;
    size_t from, at;

    if (!part_arg(r, self.s, args, 1, &from, &part))
        return wf_jv__int(0);
    if (what.len == 0)
        return wf_jv__int((int64_t)wf_utf8_count(part) + 1);
    from = 0;
    while ((at = wf_str_find(part, what, from)) != SIZE_MAX) {
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
    int64_t width = wf_jargs__int(r, args, 0, "width", -1);
    struct wf_str fill = args->pos.n > 1 ? wf_jargs__str(r, args, 1) : wf_str_from(" ");
    int64_t n = (int64_t)wf_utf8_count(self.s), add, left;
    struct wf_buf b;

    if (args->pos.n == 0 || width > WF_LIMIT_TEMPLATE_BYTES || wf_utf8_count(fill) != 1) {
        wf_jrun__fail(r, WF_E_FORMAT, "a width and one character are needed");
        return self;
    }
    add = width > n ? width - n : 0;
    left = side < 0 ? 0 : side > 0 ? add : add / 2 + (add & width & 1);
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

/* Zeros behind the sign. */
static struct wf_jv s_zfill(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    int64_t width =
        WF_MIN(wf_jargs__int(r, args, 0, NULL, 0), 2 * (int64_t)WF_LIMIT_TEMPLATE_BYTES);
    int64_t add = width - (int64_t)wf_utf8_count(self.s);
    size_t sign = self.s.len > 0 && (self.s.ptr[0] == '-' || self.s.ptr[0] == '+');
    struct wf_buf b;

    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    (void)wf_buf_append_str(&b, wf_str_sub(self.s, 0, sign));
    if (add > 0)
        (void)wf_buf_append_fill(&b, '0', (size_t)add);
    (void)wf_buf_append_str(&b, wf_str_sub(self.s, sign, self.s.len));
    return wf_jv__of_buf(r, &b);
}

static struct wf_jv s_expandtabs(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    int64_t size = wf_jargs__int(r, args, 0, "tabsize", 8), column = 0;
    struct wf_buf b;
    size_t i = 0;

    wf_buf_init(&b, WF_LIMIT_TEMPLATE_BYTES);
    while (i < self.s.len && wf_buf_status(&b) == 0) {
        size_t from = i;
        uint32_t c = wf_utf8_next(self.s, &i);
        if (c == '\t') {
            int64_t n = size > 0 ? size - column % size : 0;
            (void)wf_buf_append_fill(&b, ' ', (size_t)n);
            column = n > 0 ? 0 : column; /* a border: a multiple of the size */
        } else {
            (void)wf_buf_append_str(&b, wf_str_sub(self.s, from, i));
            column = c == '\n' || c == '\r' ? 0 : column + 1;
        }
    }
    return wf_jv__of_buf(r, &b);
}

static struct wf_jv partition(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args,
                              bool last)
{
    struct wf_str sep = wf_jargs__str(r, args, 0), empty = wf_str_from("");
    size_t at = last ? find_last(self.s, sep) : wf_str_find(self.s, sep, 0);
    struct wf_jv out = wf_jv__list(r, WF_J_TUPLE);

    if (r->rc == 0 && sep.len == 0)
        wf_jrun__fail(r, WF_E_FORMAT, "a text cannot be split by this");
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

static struct wf_jv s_isdecimal(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    (void)r;
    (void)args;
    return all_are(self, UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_ND, 1, 0);
}

static struct wf_jv s_isnumeric(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    (void)r;
    (void)args;
    return all_are(self, UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NO, 1, 0);
}

static struct wf_jv s_isascii(struct wf_jrun *r, struct wf_jv self, const struct wf_jargs *args)
{
    (void)r;
    (void)args;
    for (size_t i = 0; i < self.s.len; i++) {
        if ((self.s.ptr[i] & 0x80) != 0)
            return wf_jv__bool(false);
    }
    return wf_jv__bool(true);
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

wf_jcall_fn wf_jinja__str_method(struct wf_str name)
{
    static const struct {
        const char *name;
        wf_jcall_fn fn;
    } table[] = {
        {"strip", s_strip},
        {"lstrip", s_lstrip},
        {"rstrip", s_rstrip},
        {"split", s_split},
        {"rsplit", s_rsplit},
        {"splitlines", s_splitlines},
        {"startswith", s_startswith},
        {"endswith", s_endswith},
        {"removeprefix", s_removeprefix},
        {"removesuffix", s_removesuffix},
        {"replace", s_replace},
        {"upper", s_upper},
        {"lower", s_lower},
        {"casefold", s_casefold},
        {"swapcase", s_swapcase},
        {"capitalize", s_capitalize},
        {"title", s_title},
        {"find", s_find},
        {"rfind", s_rfind},
        {"index", s_index},
        {"rindex", s_rindex},
        {"zfill", s_zfill},
        {"expandtabs", s_expandtabs},
        {"count", s_count},
        {"join", s_join},
        {"format", s_format},
        {"center", s_center},
        {"ljust", s_ljust},
        {"rjust", s_rjust},
        {"partition", s_partition},
        {"rpartition", s_rpartition},
        {"isalpha", s_isalpha},
        {"isdigit", s_isdecimal},
        {"isnumeric", s_isnumeric},
        {"isdecimal", s_isdecimal},
        {"isalnum", s_isalnum},
        {"isascii", s_isascii},
        {"istitle", s_istitle},
        {"isspace", s_isspace},
        {"isupper", s_isupper},
        {"islower", s_islower},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (wf_str_eq(name, wf_str_from(table[i].name)))
            return table[i].fn;
    }
    return NULL;
}
