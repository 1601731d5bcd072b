/* SPDX-License-Identifier: Apache-2.0 */
/* ODF styles and lists: which paragraphs are titles, where pages break, how items are numbered.
 *
 * Headings need no style: they are elements of their own. A paragraph's style mostly is an
 * automatic one ("P7") whose parent has the meaning ("Title"). List styles have ten levels, each a
 * number or a bullet; headings are numbered by one of the same kind, the outline style. */
#include <assert.h>

#include "ingest/counting.h"
#include "ingest/odf_internal.h"

#define PARENTS_MAX 32

/* ---- reading ---- */

static bool open_style(struct wf_odf_style_reader *r, const struct wf_xml_element *e)
{
    struct wf_arena *arena = &r->o->arena;
    struct wf_str name = wf_xml_attr(e, "style:name");
    struct wf_odf_style *s = wf_arena_alloc(arena, sizeof(*s));
    union wf_map_value *v = s != NULL ? wf_map_put(&r->o->styles, name, NULL) : NULL;
    if (v == NULL) {
        return false;
    }
    s->parent = wf_arena_dup(arena, wf_xml_attr(e, "style:parent-style-name"));
    s->is_title = wf_str_eq(name, WF_STR("Title"));
    /* A change of the page's layout begins a page. */
    s->break_before = wf_xml_attr(e, "style:master-page-name").len > 0;
    v->ptr = s;
    r->style = s;
    return s->parent.ptr != NULL;
}

static void par_properties(struct wf_odf_style *s, const struct wf_xml_element *e)
{
    if (wf_str_eq(wf_xml_attr(e, "fo:break-before"), WF_STR("page"))) {
        s->break_before = true;
    }
    if (wf_str_eq(wf_xml_attr(e, "fo:break-after"), WF_STR("page"))) {
        s->break_after = true;
    }
}

static bool open_list_style(struct wf_odf_style_reader *r, const struct wf_xml_element *e)
{
    struct wf_odf_list_style *s = wf_arena_alloc(&r->o->arena, sizeof(*s));
    union wf_map_value *v =
        s != NULL ? wf_map_put(&r->o->list_styles, wf_xml_attr(e, "style:name"), NULL) : NULL;
    if (v == NULL) {
        return false;
    }
    v->ptr = s;
    r->list_style = s;
    return true;
}

static bool read_level(struct wf_odf_style_reader *r, int id, const struct wf_xml_element *e)
{
    long i = wf_xml_attr_long(e, "text:level", 0) - 1;
    struct wf_arena *arena = &r->o->arena;
    if (r->list_style == NULL || i < 0 || i >= WF_ODF_LEVELS) {
        return true;
    }
    struct wf_odf_level *l = &r->list_style->levels[i];
    struct wf_str format = wf_xml_attr(e, "style:num-format");
    l->format = id == WF_ODF_LEVEL_BULLET ? '*' : format.len == 1 ? format.ptr[0] : '\0';
    l->start = wf_xml_attr_long(e, "text:start-value", 1);
    l->n_shown = (int)WF_MIN(WF_MAX(wf_xml_attr_long(e, "text:display-levels", 1), 1L), i + 1);
    l->before = wf_arena_dup(arena, wf_xml_attr(e, "style:num-prefix"));
    l->after = wf_arena_dup(arena, wf_xml_attr(e, "style:num-suffix"));
    return l->before.ptr != NULL && l->after.ptr != NULL;
}

bool wf_odf__style_start(struct wf_odf_style_reader *r, int id, const struct wf_xml_element *e)
{
    switch (id) {
    case WF_ODF_STYLE:
        return open_style(r, e);
    case WF_ODF_PAR_PROPERTIES:
        if (r->style != NULL) {
            par_properties(r->style, e);
        }
        return true;
    case WF_ODF_TEXT_PROPERTIES:
        if (r->style != NULL) {
            r->style->hidden = wf_str_eq(wf_xml_attr(e, "text:display"), WF_STR("none"));
        }
        return true;
    case WF_ODF_LIST_STYLE:
        return open_list_style(r, e);
    case WF_ODF_OUTLINE_STYLE:
        r->list_style = &r->o->outline;
        return true;
    case WF_ODF_LEVEL_NUMBER:
    case WF_ODF_LEVEL_BULLET:
        return read_level(r, id, e);
    default:
        return true;
    }
}

void wf_odf__style_end(struct wf_odf_style_reader *r, int id)
{
    if (id == WF_ODF_STYLE) {
        r->style = NULL;
    } else if (id == WF_ODF_LIST_STYLE || id == WF_ODF_OUTLINE_STYLE) {
        r->list_style = NULL;
    }
}

/* ---- asking ---- */

const struct wf_odf_style *wf_odf__style(const struct wf_odf *o, struct wf_str name)
{
    union wf_map_value *v = name.len > 0 ? wf_map_get(&o->styles, name) : NULL;
    return v != NULL ? v->ptr : NULL;
}

bool wf_odf__is_title(const struct wf_odf *o, struct wf_str name)
{
    for (int i = 0; i < PARENTS_MAX && name.len > 0; i++) {
        const struct wf_odf_style *s = wf_odf__style(o, name);
        if (wf_str_eq(name, WF_STR("Title")) || (s != NULL && s->is_title)) {
            return true;
        }
        name = s != NULL ? s->parent : wf_str_n("", 0);
    }
    return false;
}

static void append_number(struct wf_buf *out, int64_t n, char format)
{
    switch (format) { /* too long a label is cut */
    case 'a':
    case 'A':
        (void)wf_counting_letters(out, n, format);
        break;
    case 'i':
    case 'I':
        (void)wf_counting_roman(out, n, format == 'I');
        break;
    default:
        (void)wf_buf_appendf(out, "%lld", (long long)n);
        break;
    }
}

static void append_label(const struct wf_odf_list_style *s, const struct wf_odf_counters *n,
                         int level, struct wf_buf *out)
{
    const struct wf_odf_level *l = &s->levels[level];
    if (l->format == '*') {
        (void)wf_buf_append_cstr(out, "-"); /* as above */
        return;
    }
    if (l->format == '\0') {
        return;
    }
    (void)wf_buf_append_str(out, l->before); /* as above */
    bool any = false;
    for (int i = WF_MAX(level + 1 - l->n_shown, 0); i <= level; i++) {
        char format = s->levels[i].format;
        if (format == '*' || format == '\0') {
            continue;
        }
        (void)wf_buf_append_cstr(out, any ? "." : ""); /* as above */
        append_number(out, n->at[i], format);
        any = true;
    }
    (void)wf_buf_append_str(out, l->after); /* as above */
}

void wf_odf__next_label(const struct wf_odf_list_style *s, struct wf_odf_counters *n, int level,
                        long start, struct wf_buf *out)
{
    assert(level >= 0 && level < WF_ODF_LEVELS);
    for (int i = 0; i <= level; i++) { /* a level that was skipped counts as begun */
        if (!n->counting[i]) {
            n->at[i] = s->levels[i].start;
            n->counting[i] = true;
        } else if (i == level) {
            n->at[i] = WF_MIN(n->at[i], (int64_t)INT32_MAX) + 1;
        }
    }
    if (start >= 0) {
        n->at[level] = start;
    }
    for (int i = level + 1; i < WF_ODF_LEVELS; i++) {
        n->counting[i] = false;
    }
    append_label(s, n, level, out);
}
