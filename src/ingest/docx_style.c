/* SPDX-License-Identifier: Apache-2.0 */
/* DOCX styles and list numbers.
 *
 * A style says whether its paragraphs are headings: by its outline level, or by one of Word's own
 * names ("heading 1" to "heading 9", "Title"), which are English in every language. Both are
 * inherited along basedOn.
 *
 * Lists: a paragraph names a numbering and a level; the numbering names an abstract one, which has
 * the formats and owns the counters (so that several numberings count on together, unless one of
 * them starts anew by an override). A label is counted for every paragraph of a list, shown or
 * not, as Word does it. */
#include <assert.h>
#include <string.h>

#include "ingest/counting.h"
#include "ingest/docx_internal.h"

/* Chains of basedOn in real files are below ten; a circle must end. */
#define BASED_ON_MAX 32

/* ---- styles ---- */

enum {
    S_STYLE = 1,
    S_NAME,
    S_BASED_ON,
    S_OUTLINE,
    S_NUM_ID,
    S_NUM_LEVEL,
    S_PASS_OVER,
};
static const struct wf_xml_name style_names[] = {
    {"w:style", S_STYLE},
    {"w:name", S_NAME},
    {"w:basedOn", S_BASED_ON},
    {"w:outlineLvl", S_OUTLINE},
    {"w:numId", S_NUM_ID},
    {"w:ilvl", S_NUM_LEVEL},
    {"w:tblStylePr", S_PASS_OVER},
    {"w:latentStyles", S_PASS_OVER},
    {NULL, 0},
};

struct style_reader {
    struct wf_docx *d;
    struct wf_docx_style *open;
};

/* Makes the style known and open; false when memory ran out. */
static bool open_style(struct style_reader *r, const struct wf_xml_element *e)
{
    struct wf_str type = wf_xml_attr(e, "w:type");
    r->open = NULL;
    if (type.len > 0 && !wf_str_eq(type, WF_STR("paragraph"))) {
        return true;
    }
    struct wf_arena *arena = &r->d->pkg.arena;
    struct wf_docx_style *s = wf_arena_alloc(arena, sizeof(*s));
    struct wf_str id = wf_arena_dup(arena, wf_xml_attr(e, "w:styleId"));
    union wf_map_value *v =
        s != NULL && id.ptr != NULL ? wf_map_put(&r->d->styles, id, NULL) : NULL;
    if (v == NULL) {
        return false;
    }
    *s = (struct wf_docx_style){.id = id, .outline = -1, .num_level = -1};
    v->ptr = s;
    r->open = s;
    if (wf_xml_attr_bool(e, "w:default", false)) {
        r->d->default_style = id;
    }
    return true;
}

/* The outline level that Word's own style names stand for; -1 for all other names. */
static int outline_of_name(struct wf_str name)
{
    if (wf_str_eq_nocase(name, WF_STR("title"))) {
        return 1;
    }
    struct wf_str head = wf_str_sub(name, 0, 8);
    if (name.len == 9 && wf_str_eq_nocase(head, WF_STR("heading ")) && name.ptr[8] >= '1' &&
        name.ptr[8] <= '9') {
        return name.ptr[8] - '0';
    }
    return -1;
}

static bool style_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct style_reader *r = ud;
    struct wf_docx_style *s = r->open;
    struct wf_str val = wf_xml_attr(e, "w:val");
    if (id == S_PASS_OVER) {
        return false;
    }
    bool ok = true;
    if (id == S_STYLE) {
        ok = open_style(r, e);
    } else if (s != NULL && id == S_NAME && s->outline < 0) {
        s->outline = outline_of_name(val);
    } else if (s != NULL && id == S_BASED_ON) {
        s->based_on = wf_arena_dup(&r->d->pkg.arena, val);
        ok = s->based_on.ptr != NULL;
    } else if (s != NULL && id == S_OUTLINE) {
        long level = wf_xml_attr_long(e, "w:val", 9);
        s->outline = level >= 0 && level < 9 ? (int)level + 1 : 0;
    } else if (s != NULL && id == S_NUM_ID) {
        s->num_id = wf_arena_dup(&r->d->pkg.arena, val);
        ok = s->num_id.ptr != NULL;
    } else if (s != NULL && id == S_NUM_LEVEL) {
        long level = wf_xml_attr_long(e, "w:val", 0);
        s->num_level = (int)WF_MIN(WF_MAX(level, 0L), WF_DOCX_LEVELS - 1L);
    }
    if (!ok) {
        wf_xml_stop(e, WF_E_NOMEM);
    }
    return true;
}

static void style_end(void *ud, int id)
{
    struct style_reader *r = ud;
    if (id == S_STYLE) {
        r->open = NULL;
    }
}

/* Takes over from the styles it is based on what the style does not say itself. */
static void resolve_style(struct wf_docx *d, struct wf_docx_style *s)
{
    const struct wf_docx_style *base = s;
    for (int i = 0; i < BASED_ON_MAX && base->based_on.len > 0; i++) {
        union wf_map_value *v = wf_map_get(&d->styles, base->based_on);
        if (v == NULL) {
            break;
        }
        base = v->ptr;
        if (s->outline < 0) {
            s->outline = base->outline;
        }
        if (s->num_id.ptr == NULL) {
            s->num_id = base->num_id;
        }
        if (s->num_level < 0) {
            s->num_level = base->num_level;
        }
    }
}

int wf_docx__styles(struct wf_docx *d, size_t i_member, struct wf_err *err)
{
    struct style_reader r = {.d = d};
    struct wf_xml_handler h = {.spaces = wf_ooxml_spaces,
                               .names = style_names,
                               .start = style_start,
                               .end = style_end,
                               .ud = &r};
    int rc = wf_xml_walk_member(d->pkg.archive, i_member, &h, &d->pkg.damaged, err);
    size_t i = 0;
    struct wf_str key;
    union wf_map_value v;
    while (wf_map_next(&d->styles, &i, &key, &v)) {
        resolve_style(d, v.ptr);
    }
    return rc;
}

const struct wf_docx_style *wf_docx__style(const struct wf_docx *d, struct wf_str id)
{
    union wf_map_value *v = wf_map_get(&d->styles, id.len > 0 ? id : d->default_style);
    return v != NULL ? v->ptr : NULL;
}

/* ---- list numbers ---- */

enum number_format {
    FORMAT_DECIMAL,
    FORMAT_DECIMAL_ZERO,
    FORMAT_ORDINAL,
    FORMAT_LOWER_LETTER,
    FORMAT_UPPER_LETTER,
    FORMAT_LOWER_ROMAN,
    FORMAT_UPPER_ROMAN,
    FORMAT_BULLET,
    FORMAT_NONE,
};

struct level {
    enum number_format format;
    int64_t start;
    long restart;       /* begins anew behind levels below this one; 0 = never; -1 = the usual */
    bool legal;         /* all numbers of the label are decimal */
    struct wf_str text; /* "%1.%2." */
    struct wf_str style;
};

struct wf_docx_list {
    struct level levels[WF_DOCX_LEVELS];
    int64_t at[WF_DOCX_LEVELS];    /* the counters */
    bool counting[WF_DOCX_LEVELS]; /* ... that have been started */
    struct wf_str style_link;      /* the numbering style that it uses */
};

struct wf_docx_number {
    struct wf_docx_list *list;
    struct level *levels[WF_DOCX_LEVELS]; /* its own, or NULL */
    int64_t start[WF_DOCX_LEVELS];        /* its own, or -1 */
    bool used;
};

enum {
    N_ABSTRACT = 1,
    N_LEVEL,
    N_START,
    N_FORMAT,
    N_TEXT,
    N_STYLE,
    N_LEGAL,
    N_RESTART,
    N_STYLE_LINK,
    N_NUM_STYLE_LINK,
    N_NUM,
    N_ABSTRACT_ID,
    N_OVERRIDE,
    N_START_OVERRIDE,
    N_PICTURE,
};
static const struct wf_xml_name number_names[] = {
    {"w:abstractNum", N_ABSTRACT},
    {"w:lvl", N_LEVEL},
    {"w:start", N_START},
    {"w:numFmt", N_FORMAT},
    {"w:lvlText", N_TEXT},
    {"w:pStyle", N_STYLE},
    {"w:isLgl", N_LEGAL},
    {"w:lvlRestart", N_RESTART},
    {"w:styleLink", N_STYLE_LINK},
    {"w:numStyleLink", N_NUM_STYLE_LINK},
    {"w:num", N_NUM},
    {"w:abstractNumId", N_ABSTRACT_ID},
    {"w:lvlOverride", N_OVERRIDE},
    {"w:startOverride", N_START_OVERRIDE},
    {"w:numPicBullet", N_PICTURE},
    {NULL, 0},
};

struct number_reader {
    struct wf_docx *d;
    struct wf_docx_list *list; /* the abstract numbering that is open */
    struct wf_docx_number *number;
    struct level *level;
    int override_level;
    struct wf_map defined; /* numbering style -> the list that defines it */
};

static enum number_format parse_format(struct wf_str s)
{
    static const struct {
        const char *name;
        enum number_format format;
    } rows[] = {
        {"decimalZero", FORMAT_DECIMAL_ZERO},
        {"lowerLetter", FORMAT_LOWER_LETTER},
        {"upperLetter", FORMAT_UPPER_LETTER},
        {"lowerRoman", FORMAT_LOWER_ROMAN},
        {"upperRoman", FORMAT_UPPER_ROMAN},
        {"bullet", FORMAT_BULLET},
        {"none", FORMAT_NONE},
        {"ordinal", FORMAT_ORDINAL},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        if (wf_str_eq(s, wf_str_from(rows[i].name))) {
            return rows[i].format;
        }
    }
    return FORMAT_DECIMAL;
}

static bool open_list(struct number_reader *r, const struct wf_xml_element *e)
{
    r->list = wf_arena_alloc(&r->d->pkg.arena, sizeof(*r->list));
    union wf_map_value *v =
        r->list != NULL ? wf_map_put(&r->d->lists, wf_xml_attr(e, "w:abstractNumId"), NULL) : NULL;
    if (v == NULL) {
        r->list = NULL;
        return false;
    }
    for (int i = 0; i < WF_DOCX_LEVELS; i++) {
        r->list->levels[i].restart = -1;
    }
    v->ptr = r->list;
    return true;
}

static bool open_number(struct number_reader *r, const struct wf_xml_element *e)
{
    r->number = wf_arena_alloc(&r->d->pkg.arena, sizeof(*r->number));
    union wf_map_value *v =
        r->number != NULL ? wf_map_put(&r->d->numbers, wf_xml_attr(e, "w:numId"), NULL) : NULL;
    if (v == NULL) {
        r->number = NULL;
        return false;
    }
    for (int i = 0; i < WF_DOCX_LEVELS; i++) {
        r->number->start[i] = -1;
    }
    v->ptr = r->number;
    return true;
}

static int level_attr(const struct wf_xml_element *e)
{
    long level = wf_xml_attr_long(e, "w:ilvl", 0);
    return (int)WF_MIN(WF_MAX(level, 0L), WF_DOCX_LEVELS - 1L);
}

/* What stands inside a level. */
static bool level_start(struct number_reader *r, int id, const struct wf_xml_element *e)
{
    struct level *l = r->level;
    struct wf_arena *arena = &r->d->pkg.arena;
    if (l == NULL) {
        return true;
    }
    if (id == N_START) {
        l->start = wf_xml_attr_long(e, "w:val", 0);
    } else if (id == N_FORMAT) {
        l->format = parse_format(wf_xml_attr(e, "w:val"));
    } else if (id == N_TEXT) {
        l->text = wf_arena_dup(arena, wf_xml_attr(e, "w:val"));
        return l->text.ptr != NULL;
    } else if (id == N_STYLE) {
        l->style = wf_arena_dup(arena, wf_xml_attr(e, "w:val"));
        return l->style.ptr != NULL;
    } else if (id == N_RESTART) {
        l->restart = wf_xml_attr_long(e, "w:val", -1);
    } else if (id == N_LEGAL) {
        l->legal = wf_xml_attr_bool(e, "w:val", true);
    }
    return true;
}

static bool style_link(struct number_reader *r, int id, const struct wf_xml_element *e)
{
    if (r->list == NULL) {
        return true;
    }
    if (id == N_NUM_STYLE_LINK) {
        r->list->style_link = wf_arena_dup(&r->d->pkg.arena, wf_xml_attr(e, "w:val"));
        return r->list->style_link.ptr != NULL;
    }
    union wf_map_value *v = wf_map_put(&r->defined, wf_xml_attr(e, "w:val"), NULL);
    if (v != NULL) {
        v->ptr = r->list;
    }
    return v != NULL;
}

/* A level of an abstract numbering, or one that a numbering has for itself. */
static bool open_level(struct number_reader *r, const struct wf_xml_element *e)
{
    int i = level_attr(e);
    if (r->number == NULL) {
        r->level = r->list != NULL ? &r->list->levels[i] : NULL;
        return true;
    }
    r->level = wf_arena_alloc(&r->d->pkg.arena, sizeof(*r->level));
    if (r->level == NULL) {
        return false;
    }
    r->level->restart = -1;
    r->number->levels[i] = r->level;
    return true;
}

static bool number_part(struct number_reader *r, int id, const struct wf_xml_element *e)
{
    if (id == N_ABSTRACT) {
        return open_list(r, e);
    }
    if (id == N_NUM) {
        return open_number(r, e);
    }
    if (id == N_LEVEL) {
        return open_level(r, e);
    }
    if (id == N_STYLE_LINK || id == N_NUM_STYLE_LINK) {
        return style_link(r, id, e);
    } else if (id == N_ABSTRACT_ID && r->number != NULL) {
        union wf_map_value *v = wf_map_get(&r->d->lists, wf_xml_attr(e, "w:val"));
        r->number->list = v != NULL ? v->ptr : NULL;
    } else if (id == N_OVERRIDE) {
        r->override_level = level_attr(e);
    } else if (id == N_START_OVERRIDE && r->number != NULL) {
        r->number->start[r->override_level] = wf_xml_attr_long(e, "w:val", -1);
    } else {
        return level_start(r, id, e);
    }
    return true;
}

static bool number_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct number_reader *r = ud;
    if (id == N_PICTURE) {
        return false;
    }
    if (!number_part(r, id, e)) {
        wf_xml_stop(e, WF_E_NOMEM);
    }
    return true;
}

static void number_end(void *ud, int id)
{
    struct number_reader *r = ud;
    if (id == N_LEVEL) {
        r->level = NULL;
    } else if (id == N_ABSTRACT) {
        r->list = NULL;
    } else if (id == N_NUM) {
        r->number = NULL;
    }
}

/* Numberings whose list only points at a numbering style use the list that defines it. */
static void follow_links(struct number_reader *r)
{
    size_t i = 0;
    struct wf_str key;
    union wf_map_value v;
    while (wf_map_next(&r->d->numbers, &i, &key, &v)) {
        struct wf_docx_number *n = v.ptr;
        if (n->list != NULL && n->list->style_link.len > 0) {
            union wf_map_value *to = wf_map_get(&r->defined, n->list->style_link);
            n->list = to != NULL ? to->ptr : n->list;
        }
    }
}

int wf_docx__numbering(struct wf_docx *d, size_t i_member, struct wf_err *err)
{
    struct number_reader r = {.d = d};
    wf_map_init(&r.defined, 10000);
    struct wf_xml_handler h = {.spaces = wf_ooxml_spaces,
                               .names = number_names,
                               .start = number_start,
                               .end = number_end,
                               .ud = &r};
    int rc = wf_xml_walk_member(d->pkg.archive, i_member, &h, &d->pkg.damaged, err);
    follow_links(&r);
    wf_map_deinit(&r.defined);
    return rc;
}

static const char *ordinal_ending(int64_t n)
{
    int64_t tens = n / 10 % 10;
    if (tens == 1 || n % 10 > 3) {
        return "th";
    }
    return n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
}

static void append_number(struct wf_buf *out, int64_t n, enum number_format format)
{
    switch (format) {
    case FORMAT_DECIMAL_ZERO:
        (void)wf_buf_appendf(out, "%02lld", (long long)n); /* too long: cut */
        break;
    case FORMAT_ORDINAL: /* as English has them; other languages' rules are not in the file */
        (void)wf_buf_appendf(out, "%lld%s", (long long)n, ordinal_ending(n)); /* likewise */
        break;
    case FORMAT_LOWER_LETTER:
        (void)wf_counting_letters(out, n, 'a');
        break;
    case FORMAT_UPPER_LETTER:
        (void)wf_counting_letters(out, n, 'A');
        break;
    case FORMAT_LOWER_ROMAN:
        (void)wf_counting_roman(out, n, false);
        break;
    case FORMAT_UPPER_ROMAN:
        (void)wf_counting_roman(out, n, true);
        break;
    case FORMAT_BULLET:
    case FORMAT_NONE:
        break;
    case FORMAT_DECIMAL:
        (void)wf_buf_appendf(out, "%lld", (long long)n); /* likewise */
        break;
    }
}

static const struct level *level_of(const struct wf_docx_number *n, int i)
{
    return n->levels[i] != NULL ? n->levels[i] : &n->list->levels[i];
}

static int64_t start_of(const struct wf_docx_number *n, int i)
{
    return n->start[i] >= 0 ? n->start[i] : level_of(n, i)->start;
}

/* Fills in "%1.%2" with the counters of the levels. */
static void append_label(struct wf_buf *out, const struct wf_docx_number *n, int i_level)
{
    const struct level *l = level_of(n, i_level);
    if (l->format == FORMAT_BULLET) {
        (void)wf_buf_append_cstr(out, "-"); /* the file's own sign needs its font */
        return;
    }
    for (size_t i = 0; i < l->text.len; i++) {
        char c = l->text.ptr[i];
        int k = i + 1 < l->text.len ? l->text.ptr[i + 1] - '1' : -1;
        if (c == '%' && k >= 0 && k < WF_DOCX_LEVELS) {
            append_number(out, n->list->at[k], l->legal ? FORMAT_DECIMAL : level_of(n, k)->format);
            i++;
        } else {
            (void)wf_buf_append_byte(out, c); /* too long: cut */
        }
    }
}

static void count(struct wf_docx_number *n, int i_level)
{
    struct wf_docx_list *list = n->list;
    for (int i = 0; !n->used && i < WF_DOCX_LEVELS; i++) {
        list->counting[i] = list->counting[i] && n->start[i] < 0;
    }
    n->used = true;
    for (int i = 0; i <= i_level; i++) { /* one that was skipped counts as begun */
        if (!list->counting[i]) {
            list->at[i] = start_of(n, i);
            list->counting[i] = true;
        } else if (i == i_level) {
            list->at[i] = WF_MIN(list->at[i], (int64_t)INT32_MAX) + 1;
        }
    }
    for (int i = i_level + 1; i < WF_DOCX_LEVELS; i++) {
        long restart = level_of(n, i)->restart;
        list->counting[i] = list->counting[i] && restart >= 0 && i_level >= restart;
    }
}

bool wf_docx__next_label(struct wf_docx *d, struct wf_str num_id, int level, struct wf_str style,
                         struct wf_buf *out)
{
    union wf_map_value *v = num_id.len > 0 ? wf_map_get(&d->numbers, num_id) : NULL;
    struct wf_docx_number *n = v != NULL ? v->ptr : NULL;
    if (n == NULL || n->list == NULL) {
        return false;
    }
    for (int i = 0; level < 0 && i < WF_DOCX_LEVELS; i++) {
        if (style.len > 0 && wf_str_eq(n->list->levels[i].style, style)) {
            level = i;
        }
    }
    level = WF_MAX(level, 0);
    assert(level < WF_DOCX_LEVELS);
    count(n, level);
    append_label(out, n, level);
    return true;
}
