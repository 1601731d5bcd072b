/* SPDX-License-Identifier: Apache-2.0 */
/* References of a schema against its base, as RFC 3986 (5.2) resolves them. */
#include <string.h>

#include "base/limits.h"
#include "model/schema_internal.h"

struct uri {
    struct wf_str scheme, authority, path, query, fragment;
    bool has_scheme, has_authority, has_query, has_fragment;
};

static bool is_scheme(struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i], lower = (char)(c | 32);
        bool is_letter = lower >= 'a' && lower <= 'z';
        if (!is_letter && (i == 0 || !((c >= '0' && c <= '9') || strchr("+-.", c) != NULL)))
            return false;
    }
    return s.len > 0;
}

static struct uri parse(struct wf_str s)
{
    struct uri u = {0};
    size_t i = wf_str_find_byte(s, '#', 0);

    if (i != SIZE_MAX) {
        u.has_fragment = true;
        u.fragment = wf_str_sub(s, i + 1, s.len);
        s.len = i;
    }
    i = wf_str_find_byte(s, '?', 0);
    if (i != SIZE_MAX) {
        u.has_query = true;
        u.query = wf_str_sub(s, i + 1, s.len);
        s.len = i;
    }
    i = wf_str_find_byte(s, ':', 0);
    if (i != SIZE_MAX && is_scheme(wf_str_sub(s, 0, i))) {
        u.has_scheme = true;
        u.scheme = wf_str_sub(s, 0, i);
        s = wf_str_sub(s, i + 1, s.len);
    }
    if (wf_str_starts(s, WF_STR("//"))) {
        u.has_authority = true;
        s = wf_str_sub(s, 2, s.len);
        i = wf_str_find_byte(s, '/', 0);
        i = i == SIZE_MAX ? s.len : i;
        u.authority = wf_str_sub(s, 0, i);
        s = wf_str_sub(s, i, s.len);
    }
    u.path = s;
    return u;
}

/* Appends a path without its "." and ".." segments. */
static void append_path(struct wf_buf *out, struct wf_str path)
{
    size_t start = out->len;
    bool is_rooted = wf_str_starts(path, WF_STR("/"));
    struct wf_str part, rest = is_rooted ? wf_str_sub(path, 1, path.len) : path;
    bool ends_open = false;

    if (path.len == 0)
        return;
    while (wf_str_split(&rest, '/', &part)) {
        bool is_last = rest.ptr == NULL;
        if (wf_str_eq(part, WF_STR("."))) {
            ends_open = is_last;
        } else if (wf_str_eq(part, WF_STR(".."))) {
            while (out->len > start && out->ptr[out->len - 1] != '/')
                wf_buf_truncate(out, out->len - 1);
            if (out->len > start)
                wf_buf_truncate(out, out->len - 1);
            ends_open = is_last;
        } else {
            if (is_rooted || out->len > start)
                (void)wf_buf_append_byte(out, '/');
            (void)wf_buf_append_str(out, part);
        }
    }
    if (ends_open || out->len == start)
        (void)wf_buf_append_byte(out, '/');
}

static void append_merged(struct wf_buf *out, const struct uri *base, struct wf_str path,
                          struct wf_buf *scratch)
{
    size_t slash = base->path.len;

    while (slash > 0 && base->path.ptr[slash - 1] != '/')
        slash--;
    if (base->has_authority && base->path.len == 0)
        (void)wf_buf_append_byte(scratch, '/');
    (void)wf_buf_append_str(scratch, wf_str_sub(base->path, 0, slash));
    (void)wf_buf_append_str(scratch, path);
    append_path(out, wf_buf_str(scratch));
}

static void append_query(struct wf_buf *out, const struct uri *u)
{
    if (u->has_query) {
        (void)wf_buf_append_byte(out, '?');
        (void)wf_buf_append_str(out, u->query);
    }
}

static void combine(struct wf_buf *out, const struct uri *b, const struct uri *r,
                    struct wf_buf *scratch)
{
    const struct uri *scheme = r->has_scheme ? r : b;
    bool is_whole = r->has_scheme || r->has_authority;
    const struct uri *authority = is_whole ? r : b;

    if (scheme->has_scheme) {
        (void)wf_buf_append_str(out, scheme->scheme);
        (void)wf_buf_append_byte(out, ':');
    }
    if (authority->has_authority) {
        (void)wf_buf_append_cstr(out, "//");
        (void)wf_buf_append_str(out, authority->authority);
    }
    if (!is_whole && r->path.len == 0) {
        (void)wf_buf_append_str(out, b->path);
        append_query(out, r->has_query ? r : b);
        return;
    }
    if (is_whole && !authority->has_authority)
        (void)wf_buf_append_str(out, r->path); /* urn:...: nothing to take apart */
    else if (is_whole || wf_str_starts(r->path, WF_STR("/")))
        append_path(out, r->path);
    else
        append_merged(out, b, r->path, scratch);
    append_query(out, r);
}

const char *wf_uri_resolve(struct wf_arena *a, const char *base, const char *reference,
                           const char **out_fragment)
{
    struct uri b = parse(wf_str_from(base)), r = parse(wf_str_from(reference));
    struct wf_buf out, scratch;
    const char *result = NULL;

    wf_buf_init(&out, WF_LIMIT_HTTP_JSON_BYTES);
    wf_buf_init(&scratch, WF_LIMIT_HTTP_JSON_BYTES);
    combine(&out, &b, &r, &scratch);
    if (wf_buf_status(&out) == 0 && wf_buf_status(&scratch) == 0)
        result = wf_arena_cstr(a, wf_buf_str(&out));
    *out_fragment = NULL;
    if (result != NULL && r.has_fragment) {
        *out_fragment = wf_arena_cstr(a, r.fragment);
        result = *out_fragment != NULL ? result : NULL;
    }
    wf_buf_deinit(&out);
    wf_buf_deinit(&scratch);
    return result;
}
