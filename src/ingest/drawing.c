/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing: DrawingML text.
 *
 * Shapes: each shape is a paragraph block, its paragraphs are items; a table's rows are rows. What
 * a placeholder of a slide is for (title, footer, number) decides where its text goes.
 *
 * Charts: title and axis titles are text like any other; a series becomes a row of its name and
 * its figures, under a row of its categories where these differ from the series before.
 *
 * Positions on the slide are not looked at: the order in the file is the one in which the author
 * made or arranged the shapes, and the one that screen readers use. */
#include "ingest/drawing.h"

#include <assert.h>

#include "ingest/emit.h"
#include "ingest/xml.h"

#define ALTERNATES_MAX 32u
#define ROW_BYTES_MAX (4u << 20)

enum {
    A_P = 1,
    A_T,
    A_BR,
    A_TBL,
    A_TR,
    A_TC,
    P_SHAPE,
    P_PLACEHOLDER,
    P_PROPERTIES,
    ALTERNATE,
    BRANCH,
    C_SERIES,
    C_NAME,
    C_CATEGORIES,
    C_VALUES,
    C_V,
    M_DEN,
    PASS_OVER,
};

static const struct wf_xml_name names[] = {
    {"a:p", A_P},
    {"a:t", A_T},
    {"m:t", A_T},
    {"a:br", A_BR},
    {"a:tbl", A_TBL},
    {"a:tr", A_TR},
    {"a:tc", A_TC},
    {"p:sp", P_SHAPE},
    {"p:graphicFrame", P_SHAPE},
    {"xdr:sp", P_SHAPE},
    {"dgm:pt", P_SHAPE},
    {"c:title", P_SHAPE},
    {"p:ph", P_PLACEHOLDER},
    {"p:cNvPr", P_PROPERTIES},
    {"xdr:cNvPr", P_PROPERTIES},
    {"mc:AlternateContent", ALTERNATE},
    {"mc:Choice", BRANCH},
    {"mc:Fallback", BRANCH},
    {"c:ser", C_SERIES},
    {"c:tx", C_NAME},
    {"c:cat", C_CATEGORIES},
    {"c:xVal", C_CATEGORIES},
    {"c:val", C_VALUES},
    {"c:yVal", C_VALUES},
    {"c:v", C_V},
    {"m:den", M_DEN},
    {"c:txPr", PASS_OVER},
    {"c:f", PASS_OVER},
    {"c:dLbls", PASS_OVER},
    {NULL, 0},
};

struct walker {
    enum wf_drawing_kind kind;
    const struct wf_drawing_tapes *tapes;
    struct wf_emit out; /* tape NULL: the shape is left out */
    bool in_text;
    bool par_begun;
    bool in_cell, any_cell, cell_text;
    uint64_t n_text; /* pieces so far: did this branch give any? */
    uint64_t alternates[ALTERNATES_MAX];
    unsigned n_alternates;
    bool in_series;
    struct wf_buf *field; /* the row that figures go to now, or NULL */
    struct wf_buf name, categories, values, last_categories;
};

static void put_text(struct walker *k, struct wf_str s)
{
    if (k->out.tape == NULL || s.len == 0) {
        return;
    }
    if (!k->par_begun && wf_str_trim(s).len > 0) {
        k->par_begun = true;
        if (!k->in_cell) {
            wf_emit_item(&k->out);
        } else if (k->cell_text) {
            wf_emit_line(&k->out);
        }
    }
    if (k->par_begun) {
        k->n_text++;
        k->cell_text = true;
        wf_emit_text(&k->out, s);
    }
}

/* ---- shapes ---- */

static void start_shape(struct walker *k)
{
    bool out = k->kind == WF_DRAWING_NOTES;
    k->out.tape = out ? NULL : k->tapes->body;
    if (!out) {
        wf_emit_paragraph(&k->out);
    }
}

static struct wf_buf *tape_for(const struct walker *k, struct wf_str type)
{
    bool title = wf_str_eq(type, WF_STR("title")) || wf_str_eq(type, WF_STR("ctrTitle"));
    bool footer = wf_str_eq(type, WF_STR("ftr")) || wf_str_eq(type, WF_STR("hdr"));
    bool margin = wf_str_eq(type, WF_STR("dt")) || wf_str_eq(type, WF_STR("sldNum"));
    switch (k->kind) {
    case WF_DRAWING_MASTER:
        return NULL;
    case WF_DRAWING_NOTES:
        return wf_str_eq(type, WF_STR("body")) ? k->tapes->body : NULL;
    case WF_DRAWING_SLIDE:
    case WF_DRAWING_ALL:
        break;
    }
    if (margin) {
        return NULL;
    }
    if (footer) {
        return k->tapes->footer;
    }
    return title && k->tapes->title != NULL ? k->tapes->title : k->tapes->body;
}

static void placeholder(struct walker *k, struct wf_str type)
{
    k->out.tape = tape_for(k, type);
    if (k->out.tape != NULL) {
        wf_emit_paragraph(&k->out);
    }
}

static void start_row(struct walker *k)
{
    k->any_cell = false;
    if (k->out.tape != NULL) {
        wf_emit_item(&k->out);
    }
}

static void start_cell(struct walker *k)
{
    if (k->any_cell && k->out.tape != NULL) {
        wf_emit_cell(&k->out);
    }
    k->any_cell = true;
    k->in_cell = true;
    k->cell_text = false;
}

static void line_break(struct walker *k)
{
    if (k->par_begun && k->out.tape != NULL) {
        wf_emit_line(&k->out);
    }
}

/* The first branch that gives text is taken. */
static bool alternate(struct walker *k, int id)
{
    if (id == ALTERNATE) {
        if (k->n_alternates < ALTERNATES_MAX) {
            k->alternates[k->n_alternates] = k->n_text;
        }
        k->n_alternates++;
        return true;
    }
    return k->n_alternates == 0 || k->n_alternates > ALTERNATES_MAX ||
           k->alternates[k->n_alternates - 1] == k->n_text;
}

/* ---- charts ---- */

static void start_series(struct walker *k)
{
    k->in_series = true;
    wf_buf_reset(&k->name);
    wf_buf_reset(&k->categories);
    wf_buf_reset(&k->values);
}

static void put_row(struct walker *k, struct wf_str name, struct wf_str cells)
{
    wf_emit_item(&k->out);
    wf_emit_text(&k->out, name);
    struct wf_str cell;
    while (wf_str_split(&cells, '\x1f', &cell)) {
        if (cell.len > 0) {
            wf_emit_cell(&k->out);
            wf_emit_text(&k->out, cell);
        }
    }
}

static void end_series(struct walker *k)
{
    struct wf_str categories = wf_buf_str(&k->categories);
    k->in_series = false;
    if (k->out.tape == NULL || k->values.len + k->name.len == 0) {
        return;
    }
    k->n_text++;
    if (categories.len > 0 && !wf_str_eq(categories, wf_buf_str(&k->last_categories))) {
        wf_emit_paragraph(&k->out);
        put_row(k, wf_str_n("", 0), categories);
        wf_buf_reset(&k->last_categories);
        (void)wf_buf_append_str(&k->last_categories, categories); /* then compared as different */
    }
    put_row(k, wf_buf_str(&k->name), wf_buf_str(&k->values));
}

/* ---- elements ---- */

static bool start_chart(struct walker *k, int id)
{
    switch (id) {
    case C_SERIES:
        start_series(k);
        break;
    case C_NAME:
        k->field = k->in_series ? &k->name : NULL;
        break;
    case C_CATEGORIES:
        k->field = k->in_series ? &k->categories : NULL;
        break;
    case C_VALUES:
        k->field = k->in_series ? &k->values : NULL;
        break;
    case C_V:
        k->in_text = k->field != NULL;
        if (k->field != NULL && k->field->len > 0) {
            (void)wf_buf_append_byte(k->field, '\x1f'); /* too much: dropped */
        }
        break;
    default:
        break;
    }
    return true;
}

static bool on_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct walker *k = ud;
    switch (id) {
    case PASS_OVER:
        return false;
    case A_T:
        k->in_text = true;
        return true;
    case A_P:
        k->par_begun = false;
        return true;
    case A_BR:
        line_break(k);
        return true;
    case A_TR:
        start_row(k);
        return true;
    case A_TC:
        start_cell(k);
        return true;
    case P_SHAPE:
        start_shape(k);
        return true;
    case P_PLACEHOLDER:
        placeholder(k, wf_xml_attr(e, "type"));
        return true;
    case P_PROPERTIES:
        if (wf_xml_attr_bool(e, "hidden", false)) {
            k->out.tape = NULL;
        }
        return true;
    case ALTERNATE:
    case BRANCH:
        return alternate(k, id);
    case M_DEN:
        put_text(k, WF_STR("/"));
        return true;
    default:
        return start_chart(k, id);
    }
}

static void on_end(void *ud, int id)
{
    struct walker *k = ud;
    switch (id) {
    case A_T:
    case C_V:
        k->in_text = false;
        break;
    case A_TC:
        k->in_cell = false;
        break;
    case A_TBL:
        if (k->out.tape != NULL) {
            wf_emit_paragraph(&k->out);
        }
        break;
    case ALTERNATE:
        k->n_alternates--;
        break;
    case C_NAME:
    case C_CATEGORIES:
    case C_VALUES:
        k->field = NULL;
        break;
    case C_SERIES:
        end_series(k);
        break;
    default:
        break;
    }
}

static void on_text(void *ud, struct wf_str s)
{
    struct walker *k = ud;
    if (!k->in_text) {
        return;
    }
    if (k->field != NULL) {
        (void)wf_buf_append_str(k->field, s); /* too much: dropped */
    } else {
        put_text(k, s);
    }
}

int wf_drawing_walk(struct wf_ooxml *pkg, size_t i_member, enum wf_drawing_kind kind,
                    const struct wf_drawing_tapes *tapes, struct wf_err *err)
{
    assert(tapes->body != NULL);
    struct walker k = {.kind = kind, .tapes = tapes};
    k.out.tape = kind == WF_DRAWING_NOTES ? NULL : tapes->body;
    struct wf_buf *rows[] = {&k.name, &k.categories, &k.values, &k.last_categories};
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        wf_buf_init(rows[i], ROW_BYTES_MAX);
    }
    struct wf_xml_handler h = {.spaces = wf_ooxml_spaces,
                               .names = names,
                               .start = on_start,
                               .end = on_end,
                               .text = on_text,
                               .ud = &k};
    int rc = wf_xml_walk_member(pkg->archive, i_member, &h, &pkg->damaged, err);
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        wf_buf_deinit(rows[i]);
    }
    return rc;
}

int wf_drawing_text(struct wf_ooxml *pkg, size_t i_member, struct wf_buf *tape, struct wf_err *err)
{
    struct wf_drawing_tapes tapes = {.body = tape};
    return wf_drawing_walk(pkg, i_member, WF_DRAWING_ALL, &tapes, err);
}

int wf_drawing_parts(struct wf_ooxml *pkg, const struct wf_ooxml_rels *rels, struct wf_buf *tape,
                     struct wf_err *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < rels->n_items; i++) {
        const struct wf_ooxml_rel *r = &rels->items[i];
        if (r->i_member != SIZE_MAX &&
            (wf_str_eq(r->type, WF_STR("chart")) || wf_str_eq(r->type, WF_STR("diagramData")))) {
            struct wf_emit out = {.tape = tape};
            wf_emit_paragraph(&out);
            rc = wf_drawing_text(pkg, r->i_member, tape, err);
            if (rc == WF_E_FORMAT) {
                pkg->damaged = true;
                rc = 0;
            }
        }
    }
    return rc;
}
