/* SPDX-License-Identifier: Apache-2.0 */
/* DOCX: Word documents and templates, with or without macros.
 *
 * Order: properties, styles and numbers, then what the body refers to (footnotes, endnotes,
 * comments, charts, diagrams) onto tapes, then the body, then headers and footers, each text once.
 *
 * Pages: Word notes where its last layout broke pages, and people set breaks; a document with
 * neither has no pages, since only a layout would tell. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "ingest/docx_internal.h"
#include "ingest/drawing.h"
#include "ingest/format.h"
#include "ingest/parse.h"

#define STYLES_MAX 20000u
#define NUMBERS_MAX 100000u
#define ASIDES_MAX 200000u
#define TAPE_BYTES_MAX (16u << 20)

/* ---- asides ---- */

static struct wf_str aside_key(const char *kind, struct wf_str id, char buf[static 128])
{
    int n = snprintf(buf, 128, "%s %.*s", kind, WF_STR_ARG(wf_str_sub(id, 0, 100)));
    return wf_str_n(buf, n > 0 ? (size_t)n : 0);
}

void wf_docx__keep_aside(struct wf_docx *d, const char *kind, struct wf_str id, struct wf_str tape)
{
    char key[128];
    if (!wf_emit_has_text(tape)) {
        return;
    }
    struct wf_str *kept = wf_arena_alloc(&d->pkg.arena, sizeof(*kept));
    if (kept == NULL) {
        return;
    }
    *kept = wf_arena_dup(&d->pkg.arena, tape);
    union wf_map_value *v =
        kept->ptr != NULL ? wf_map_put(&d->asides, aside_key(kind, id, key), NULL) : NULL;
    if (v != NULL) {
        v->ptr = kept;
    }
}

struct wf_str wf_docx__aside(const struct wf_docx *d, const char *kind, struct wf_str id)
{
    char key[128];
    union wf_map_value *v = wf_map_get(&d->asides, aside_key(kind, id, key));
    return v != NULL ? *(struct wf_str *)v->ptr : wf_str_n("", 0);
}

/* ---- parts beside the body ---- */

/* A part that is damaged costs its own text only. */
static int forgive(struct wf_docx *d, int rc)
{
    if (rc == WF_E_FORMAT) {
        d->pkg.damaged = true;
        return 0;
    }
    return rc;
}

static int read_styles(struct wf_docx *d, const struct wf_ooxml_rels *rels, struct wf_err *err)
{
    size_t at = 0;
    size_t i = wf_ooxml_by_type(rels, "styles", &at);
    int rc = i != SIZE_MAX ? forgive(d, wf_docx__styles(d, i, err)) : 0;
    at = 0;
    i = wf_ooxml_by_type(rels, "numbering", &at);
    if (rc == 0 && i != SIZE_MAX) {
        rc = forgive(d, wf_docx__numbering(d, i, err));
    }
    return rc;
}

static int read_notes(struct wf_docx *d, const struct wf_ooxml_rels *rels, struct wf_err *err)
{
    static const char *const types[] = {"footnotes", "endnotes", "comments"};
    struct wf_buf tape;
    wf_buf_init(&tape, TAPE_BYTES_MAX);
    int rc = 0;
    for (size_t k = 0; rc == 0 && k < WF_ARRAY_LEN(types); k++) {
        size_t at = 0;
        size_t i = wf_ooxml_by_type(rels, types[k], &at);
        if (i != SIZE_MAX) {
            rc = forgive(d, wf_docx__walk(d, i, &tape, err));
        }
    }
    wf_buf_deinit(&tape);
    return rc;
}

/* Charts and diagrams, kept under the id of their relationship. */
static int read_drawings(struct wf_docx *d, const struct wf_ooxml_rels *rels, struct wf_err *err)
{
    int rc = 0;
    for (size_t k = 0; rc == 0 && k < rels->n_items; k++) {
        const struct wf_ooxml_rel *r = &rels->items[k];
        if (r->i_member == SIZE_MAX ||
            !(wf_str_eq(r->type, WF_STR("chart")) || wf_str_eq(r->type, WF_STR("diagramData")))) {
            continue;
        }
        struct wf_buf tape;
        wf_buf_init(&tape, TAPE_BYTES_MAX);
        rc = forgive(d, wf_drawing_text(&d->pkg, r->i_member, &tape, err));
        if (rc == 0) {
            wf_docx__keep_aside(d, "part", r->id, wf_buf_str(&tape));
        }
        wf_buf_deinit(&tape);
    }
    return rc;
}

/* Headers or footers of all sections and kinds of pages; most are the same. */
static int read_margins(struct wf_docx *d, const struct wf_ooxml_rels *rels, const char *type,
                        struct wf_map *seen, struct wf_err *err)
{
    struct wf_buf tape;
    wf_buf_init(&tape, TAPE_BYTES_MAX);
    struct wf_emit out = {.c = &d->c};
    size_t at = 0;
    size_t i;
    int rc = 0;
    while (rc == 0 && (i = wf_ooxml_by_type(rels, type, &at)) != SIZE_MAX) {
        wf_buf_reset(&tape);
        d->saw_page_field = false;
        rc = forgive(d, wf_docx__walk(d, i, &tape, err));
        bool is_new = true;
        struct wf_str s = wf_buf_str(&tape);
        if (rc == 0 && wf_emit_is_margin(s, d->saw_page_field) &&
            wf_map_put(seen, s, &is_new) != NULL && is_new) {
            wf_emit_paragraph(&out);
            wf_emit_replay(&out, s);
            wf_emit_paragraph(&out);
        }
    }
    wf_buf_deinit(&tape);
    return rc;
}

/* ---- pages ---- */

/* Does the body tell where a page ends? Looks at the bytes, which is a fraction of a walk. */
static int find_pages(struct wf_docx *d, size_t i_member, struct wf_err *err)
{
    static const char *const signs[] = {"lastRenderedPageBreak", "type=\"page\""};
    char window[(16u << 10) + 64];
    size_t n_kept = 0;
    int rc = wf_archive_begin(d->pkg.archive, i_member, err);
    while (rc == 0) {
        size_t n = 0;
        rc = wf_archive_read(d->pkg.archive, window + n_kept, sizeof(window) - n_kept, &n, err);
        if (rc != 0 || n == 0) {
            break;
        }
        struct wf_str s = wf_str_n(window, n_kept + n);
        for (size_t k = 0; k < WF_ARRAY_LEN(signs); k++) {
            if (wf_str_find(s, wf_str_from(signs[k]), 0) != SIZE_MAX) {
                d->page = 1;
                return 0;
            }
        }
        n_kept = WF_MIN(s.len, (size_t)32);
        memmove(window, window + s.len - n_kept, n_kept);
    }
    return rc == WF_E_FORMAT ? 0 : rc; /* the walk tells of damage */
}

/* ---- the document ---- */

static int read_body(struct wf_docx *d, size_t i_main, struct wf_err *err)
{
    int rc = find_pages(d, i_main, err);
    if (rc == 0) {
        wf_compose_page(&d->c, d->page);
        rc = wf_docx__walk(d, i_main, NULL, err);
    }
    return rc;
}

static int read_document(struct wf_docx *d, size_t i_main, struct wf_err *err)
{
    struct wf_ooxml_rels rels;
    struct wf_map seen;
    wf_map_init(&seen, 1000);
    int rc = wf_ooxml_rels(&d->pkg, i_main, &rels, err);
    if (rc == 0) {
        rc = read_styles(d, &rels, err);
    }
    if (rc == 0) {
        rc = read_drawings(d, &rels, err);
    }
    if (rc == 0) {
        rc = read_notes(d, &rels, err);
    }
    if (rc == 0) {
        rc = read_body(d, i_main, err);
    }
    if (rc == 0) {
        rc = read_margins(d, &rels, "header", &seen, err);
    }
    if (rc == 0) {
        rc = read_margins(d, &rels, "footer", &seen, err);
    }
    wf_map_deinit(&seen);
    return rc != 0 ? rc : wf_stream_status(d->w);
}

static void deinit(struct wf_docx *d)
{
    wf_map_deinit(&d->styles);
    wf_map_deinit(&d->lists);
    wf_map_deinit(&d->numbers);
    wf_map_deinit(&d->asides);
    wf_ooxml_close(&d->pkg);
}

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    struct wf_docx d = {.w = w};
    wf_compose_init(&d.c, w);
    wf_map_init(&d.styles, STYLES_MAX);
    wf_map_init(&d.lists, NUMBERS_MAX);
    wf_map_init(&d.numbers, NUMBERS_MAX);
    wf_map_init(&d.asides, ASIDES_MAX);
    size_t i_main = 0;
    int rc = wf_ooxml_open(in, &d.pkg, err);
    if (rc == 0) {
        rc = wf_ooxml_main(&d.pkg, "word/document.xml", &i_main, err);
    }
    if (rc == 0) {
        rc = wf_ooxml_meta(&d.pkg, w, err);
    }
    if (rc == 0) {
        rc = read_document(&d, i_main, err);
    }
    if (rc == 0) {
        rc = wf_ooxml_finish(&d.pkg, &d.c, w, err);
    }
    deinit(&d);
    return rc;
}

static int score(const struct wf_format *f, const struct wf_format_hint *h)
{
    return wf_ooxml_score(f, h, "word/");
}

const struct wf_format wf_format_docx = {
    .id = "docx",
    .title = "Word document",
    .media_type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    .extensions = "docx docm dotx dotm",
    .score = score,
    .parse = parse,
    .kind = WF_PARSE_ALONE,
    .warm = wf_ooxml_warm,
};
