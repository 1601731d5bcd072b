/* SPDX-License-Identifier: Apache-2.0 */
/* PPTX: PowerPoint presentations, shows and templates.
 *
 * A slide is a page: its title as a heading, its shapes, its charts and diagrams, the speaker's
 * notes, comments. Slides come in the order of the presentation, hidden ones too (they are part of
 * the file, and page numbers count them). What stands on the masters and in footers is the same on
 * many slides: it comes once, at the end. */
#include "base/map.h"
#include "ingest/drawing.h"
#include "ingest/emit.h"
#include "ingest/format.h"
#include "ingest/ooxml.h"
#include "ingest/parse.h"

#define TAPE_BYTES_MAX (32u << 20)
#define SLIDES_MAX 20000u

struct deck {
    struct wf_ooxml pkg;
    struct wf_stream_writer *w;
    struct wf_compose c;
    struct wf_ooxml_rels rels; /* of the presentation */
    struct wf_map authors;     /* of comments: id -> struct wf_str * */
    struct wf_map margins;     /* tapes of footers and masters that were emitted */
    struct wf_map masters;     /* names of masters and layouts that were read */
    struct wf_buf title, body, footer, notes, rest;
    uint32_t n_slides;
};

/* A part that is damaged costs its own text only. */
static int forgive(struct deck *d, int rc)
{
    if (rc == WF_E_FORMAT) {
        d->pkg.damaged = true;
        return 0;
    }
    return rc;
}

/* ---- the list of slides ---- */

enum {
    SLIDE_ID = 1,
    AUTHOR
};
static const struct wf_xml_name deck_names[] = {
    {"p:sldId", SLIDE_ID}, {"p:cmAuthor", AUTHOR}, {"p188:author", AUTHOR}, {NULL, 0}};

struct slide_list {
    struct deck *d;
    size_t *items; /* members, in the package's arena */
    size_t n_items, n_room;
};

static bool add_slide(struct slide_list *l, size_t i_member)
{
    if (l->n_items == l->n_room) {
        size_t room = l->n_room * 2 + 64;
        size_t *grown = room <= 2 * SLIDES_MAX + 64
                            ? wf_arena_array(&l->d->pkg.arena, room, sizeof(*grown))
                            : NULL;
        if (grown == NULL) {
            return false;
        }
        for (size_t i = 0; i < l->n_items; i++) {
            grown[i] = l->items[i];
        }
        l->items = grown;
        l->n_room = room;
    }
    l->items[l->n_items++] = i_member;
    return true;
}

static bool add_author(struct deck *d, const struct wf_xml_element *e)
{
    struct wf_str *name = wf_arena_alloc(&d->pkg.arena, sizeof(*name));
    union wf_map_value *v =
        name != NULL ? wf_map_put(&d->authors, wf_xml_attr(e, "id"), NULL) : NULL;
    if (v == NULL) {
        return false;
    }
    *name = wf_arena_dup(&d->pkg.arena, wf_xml_attr(e, "name"));
    v->ptr = name;
    return name->ptr != NULL;
}

static bool list_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct slide_list *l = ud;
    bool ok = true;
    if (id == SLIDE_ID) {
        size_t i = wf_ooxml_by_id(&l->d->rels, wf_xml_attr(e, "r:id"));
        if (i == SIZE_MAX) {
            l->d->pkg.damaged = true;
        } else {
            ok = add_slide(l, i);
        }
    } else if (id == AUTHOR) {
        ok = add_author(l->d, e);
    }
    if (!ok) {
        wf_xml_stop(e, WF_E_NOMEM);
    }
    return true;
}

static void list_end(void *ud, int id)
{
    (void)ud;
    (void)id;
}

static int read_list(struct slide_list *l, size_t i_member, struct wf_err *err)
{
    struct wf_xml_handler h = {.spaces = wf_ooxml_spaces,
                               .names = deck_names,
                               .start = list_start,
                               .end = list_end,
                               .ud = l};
    return wf_xml_walk_member(l->d->pkg.archive, i_member, &h, &l->d->pkg.damaged, err);
}

static int read_authors(struct slide_list *l, struct wf_err *err)
{
    static const char *const types[] = {"commentAuthors", "authors"};
    int rc = 0;
    for (size_t k = 0; rc == 0 && k < WF_ARRAY_LEN(types); k++) {
        size_t at = 0;
        size_t i = wf_ooxml_by_type(&l->d->rels, types[k], &at);
        if (i != SIZE_MAX) {
            rc = forgive(l->d, read_list(l, i, err));
        }
    }
    return rc;
}

/* ---- comments ---- */

enum {
    COMMENT = 1,
    COMMENT_TEXT
};
static const struct wf_xml_name comment_names[] = {
    {"p:cm", COMMENT},        {"p188:cm", COMMENT},  {"p188:reply", COMMENT},
    {"p:text", COMMENT_TEXT}, {"a:t", COMMENT_TEXT}, {NULL, 0}};

struct comment_reader {
    struct deck *d;
    struct wf_emit out;
    bool in_text;
};

static bool comment_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct comment_reader *r = ud;
    if (id == COMMENT) {
        union wf_map_value *v = wf_map_get(&r->d->authors, wf_xml_attr(e, "authorId"));
        wf_emit_paragraph(&r->out);
        if (v != NULL) {
            wf_emit_text(&r->out, *(struct wf_str *)v->ptr);
            wf_emit_text(&r->out, WF_STR(": "));
        }
    }
    r->in_text = id == COMMENT_TEXT;
    return true;
}

static void comment_end(void *ud, int id)
{
    (void)id;
    struct comment_reader *r = ud;
    r->in_text = false;
}

static void comment_text(void *ud, struct wf_str s)
{
    struct comment_reader *r = ud;
    if (r->in_text) {
        wf_emit_text(&r->out, s);
    }
}

static int read_comments(struct deck *d, size_t i_member, struct wf_err *err)
{
    struct comment_reader r = {.d = d, .out = {.c = &d->c}};
    struct wf_xml_handler h = {.spaces = wf_ooxml_spaces,
                               .names = comment_names,
                               .start = comment_start,
                               .end = comment_end,
                               .text = comment_text,
                               .ud = &r};
    return wf_xml_walk_member(d->pkg.archive, i_member, &h, &d->pkg.damaged, err);
}

/* ---- slides ---- */

/* Keeps for the end what is new among footers and masters. */
static void keep_margin(struct deck *d, struct wf_str tape)
{
    bool is_new = false;
    if (wf_emit_has_text(tape) && wf_map_put(&d->margins, tape, &is_new) != NULL && is_new) {
        (void)wf_buf_append_str(&d->rest, tape); /* too much: dropped */
    }
}

/* A layout, and the master it belongs to, when they were not read before. */
static int read_masters(struct deck *d, const struct wf_ooxml_rels *rels, const char *type,
                        struct wf_err *err)
{
    size_t at = 0;
    size_t i = wf_ooxml_by_type(rels, type, &at);
    bool is_new = false;
    if (i == SIZE_MAX ||
        wf_map_put(&d->masters, wf_archive_name(d->pkg.archive, i), &is_new) == NULL || !is_new) {
        return 0;
    }
    wf_buf_reset(&d->body);
    struct wf_drawing_tapes tapes = {.body = &d->body};
    int rc = forgive(d, wf_drawing_walk(&d->pkg, i, WF_DRAWING_MASTER, &tapes, err));
    keep_margin(d, wf_buf_str(&d->body));
    struct wf_ooxml_rels up;
    if (rc == 0) {
        rc = wf_ooxml_rels(&d->pkg, i, &up, err);
    }
    return rc == 0 && wf_str_eq(wf_str_from(type), WF_STR("slideLayout"))
               ? read_masters(d, &up, "slideMaster", err)
               : rc;
}

static void put_slide(struct deck *d)
{
    struct wf_emit out = {.c = &d->c};
    wf_emit_paragraph(&out);
    wf_emit_page(&out, d->n_slides);
    if (wf_emit_has_text(wf_buf_str(&d->title))) {
        wf_emit_heading(&out, 1);
        struct wf_buf plain;
        wf_buf_init(&plain, 64u << 10);
        wf_emit_plain(wf_buf_str(&d->title), &plain);
        wf_emit_text(&out, wf_buf_str(&plain));
        wf_buf_deinit(&plain);
        wf_emit_heading_end(&out);
    }
    wf_emit_paragraph(&out);
    wf_emit_replay(&out, wf_buf_str(&d->body));
    wf_emit_paragraph(&out);
    wf_emit_replay(&out, wf_buf_str(&d->notes));
    wf_emit_paragraph(&out);
}

static int read_notes(struct deck *d, const struct wf_ooxml_rels *rels, struct wf_err *err)
{
    size_t at = 0;
    size_t i = wf_ooxml_by_type(rels, "notesSlide", &at);
    struct wf_drawing_tapes tapes = {.body = &d->notes};
    return i == SIZE_MAX ? 0
                         : forgive(d, wf_drawing_walk(&d->pkg, i, WF_DRAWING_NOTES, &tapes, err));
}

static int read_slide(struct deck *d, size_t i_member, struct wf_err *err)
{
    wf_buf_reset(&d->title);
    wf_buf_reset(&d->body);
    wf_buf_reset(&d->footer);
    wf_buf_reset(&d->notes);
    d->n_slides++;
    struct wf_drawing_tapes tapes = {.title = &d->title, .footer = &d->footer, .body = &d->body};
    struct wf_ooxml_rels rels;
    int rc = wf_ooxml_rels(&d->pkg, i_member, &rels, err);
    if (rc == 0) {
        rc = forgive(d, wf_drawing_walk(&d->pkg, i_member, WF_DRAWING_SLIDE, &tapes, err));
    }
    if (rc == 0) {
        rc = wf_drawing_parts(&d->pkg, &rels, &d->body, err);
    }
    if (rc == 0) {
        rc = read_notes(d, &rels, err);
    }
    if (rc != 0) {
        return rc;
    }
    put_slide(d);
    keep_margin(d, wf_buf_str(&d->footer));
    static const char *const types[] = {"comments", "comment"};
    for (size_t k = 0; rc == 0 && k < WF_ARRAY_LEN(types); k++) {
        size_t at = 0;
        size_t i = wf_ooxml_by_type(&rels, types[k], &at);
        rc = i != SIZE_MAX ? forgive(d, read_comments(d, i, err)) : 0;
    }
    return rc == 0 ? read_masters(d, &rels, "slideLayout", err) : rc;
}

static int read_deck(struct deck *d, size_t i_main, struct wf_err *err)
{
    struct slide_list l = {.d = d};
    int rc = wf_ooxml_rels(&d->pkg, i_main, &d->rels, err);
    if (rc == 0) {
        rc = read_authors(&l, err);
    }
    if (rc == 0) {
        rc = read_list(&l, i_main, err);
    }
    size_t at = 0;
    size_t i;
    while (rc == 0 && l.n_items == 0 &&
           (i = wf_ooxml_by_type(&d->rels, "slide", &at)) != SIZE_MAX) {
        rc = forgive(d, read_slide(d, i, err)); /* the list is lost, the slides are not */
    }
    for (size_t k = 0; rc == 0 && k < l.n_items; k++) {
        rc = read_slide(d, l.items[k], err);
        if (rc == 0) {
            rc = wf_stream_status(d->w);
        }
    }
    struct wf_emit out = {.c = &d->c};
    wf_emit_paragraph(&out);
    wf_emit_replay(&out, wf_buf_str(&d->rest));
    return rc;
}

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    struct deck d = {.w = w};
    struct wf_buf *tapes[] = {&d.title, &d.body, &d.footer, &d.notes, &d.rest};
    for (size_t i = 0; i < WF_ARRAY_LEN(tapes); i++) {
        wf_buf_init(tapes[i], TAPE_BYTES_MAX);
    }
    wf_compose_init(&d.c, w);
    wf_map_init(&d.authors, 100000);
    wf_map_init(&d.margins, 100000);
    wf_map_init(&d.masters, 100000);
    size_t i_main = 0;
    int rc = wf_ooxml_open(in, &d.pkg, err);
    if (rc == 0) {
        rc = wf_ooxml_main(&d.pkg, "ppt/presentation.xml", &i_main, err);
    }
    if (rc == 0) {
        rc = wf_ooxml_meta(&d.pkg, w, err);
    }
    if (rc == 0) {
        rc = read_deck(&d, i_main, err);
    }
    if (rc == 0) {
        rc = wf_ooxml_finish(&d.pkg, &d.c, w, err);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(tapes); i++) {
        wf_buf_deinit(tapes[i]);
    }
    wf_map_deinit(&d.authors);
    wf_map_deinit(&d.margins);
    wf_map_deinit(&d.masters);
    wf_ooxml_close(&d.pkg);
    return rc;
}

static int score(const struct wf_format *f, const struct wf_format_hint *h)
{
    return wf_ooxml_score(f, h, "ppt/");
}

const struct wf_format wf_format_pptx = {
    .id = "pptx",
    .title = "PowerPoint presentation",
    .media_type = "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    .extensions = "pptx pptm ppsx ppsm potx potm",
    .score = score,
    .parse = parse,
    .kind = WF_PARSE_ALONE,
    .warm = wf_ooxml_warm,
};
