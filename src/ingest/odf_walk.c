/* SPDX-License-Identifier: Apache-2.0 */
/* ODF: the walk over content.xml and styles.xml, in one pass each.
 *
 * Three kinds of bodies share it. In a text, paragraphs flow and what is anchored in them (notes,
 * comments, frames) stands behind. In a spreadsheet, paragraphs are the text of cells. In a
 * presentation or drawing, each frame of a page is a block of its own, and the one that is the
 * title becomes the heading. In styles.xml only the margins are text: headers and footers, and what
 * a master page prints on every page; they wait on a tape for the end.
 *
 * Invariants: (1) body is what the walk stands in now, BODY_NONE outside; (2) n_boxes counts the
 * notes, comments and frames that are open; in a spreadsheet text goes to the cell while it is 0;
 * (3) lists[0..n_lists) are the open lists. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "ingest/blocks.h"
#include "ingest/odf_internal.h"

#define TAPE_BYTES_MAX (32u << 20)

const struct wf_xml_ns wf_odf_spaces[] = {
    {"office", ":opendocument:xmlns:office:"},
    {"text", ":opendocument:xmlns:text:"},
    {"table", ":opendocument:xmlns:table:"},
    {"draw", ":opendocument:xmlns:drawing:"},
    {"style", ":opendocument:xmlns:style:"},
    {"fo", ":opendocument:xmlns:xsl-fo-compatible:"},
    {"svg", ":opendocument:xmlns:svg-compatible:"},
    {"presentation", ":opendocument:xmlns:presentation:"},
    {"meta", ":opendocument:xmlns:meta:"},
    {"manifest", ":opendocument:xmlns:manifest:"},
    {"dc", "purl.org/dc/elements"},
    {NULL, NULL},
};

enum {
    PASS_OVER = WF_ODF_STYLES_COUNT,
    BODY_TEXT,
    BODY_SHEETS,
    BODY_SLIDES,
    MARGIN,
    MASTER,
    T_P,
    T_H,
    T_SPAN,
    T_S,
    T_TAB,
    T_LINE,
    T_PAGE,
    T_LIST,
    T_ITEM,
    T_ITEM_HEADER,
    T_NOTE_BODY,
    T_RUBY_TEXT,
    T_HIDDEN,
    T_SECTION,
    ANNOTATION,
    CREATOR,
    TABLE,
    COLUMN,
    ROW,
    CELL,
    PAGE,
    FRAME,
    TEXT_BOX,
    SHAPE,
    NOTES,
    FOOTER_TEXT,
    FIELD,
    PAGE_FIELD,
};

static const struct wf_xml_name walk_names[] = {
    {"text:p", T_P},
    {"text:span", T_SPAN},
    {"text:s", T_S},
    {"table:table-cell", CELL},
    {"table:covered-table-cell", CELL},
    {"table:table-row", ROW},
    {"text:h", T_H},
    {"text:tab", T_TAB},
    {"text:tab-stop", T_TAB},
    {"text:line-break", T_LINE},
    {"text:soft-page-break", T_PAGE},
    {"text:list", T_LIST},
    {"text:ordered-list", T_LIST},
    {"text:unordered-list", T_LIST},
    {"text:list-item", T_ITEM},
    {"text:list-header", T_ITEM_HEADER},
    {"text:note-body", T_NOTE_BODY},
    {"text:footnote-body", T_NOTE_BODY},
    {"text:endnote-body", T_NOTE_BODY},
    {"text:ruby-text", T_RUBY_TEXT},
    {"text:hidden-text", T_HIDDEN},
    {"text:hidden-paragraph", T_HIDDEN},
    {"text:section", T_SECTION},
    {"office:annotation", ANNOTATION},
    {"dc:creator", CREATOR},
    {"table:table", TABLE},
    {"table:table-column", COLUMN},
    {"draw:page", PAGE},
    {"draw:frame", FRAME},
    {"draw:text-box", TEXT_BOX},
    {"draw:custom-shape", SHAPE},
    {"draw:rect", SHAPE},
    {"draw:ellipse", SHAPE},
    {"draw:circle", SHAPE},
    {"draw:line", SHAPE},
    {"draw:polygon", SHAPE},
    {"draw:polyline", SHAPE},
    {"draw:path", SHAPE},
    {"draw:connector", SHAPE},
    {"draw:measure", SHAPE},
    {"draw:caption", SHAPE},
    {"draw:regular-polygon", SHAPE},
    {"presentation:notes", NOTES},
    {"presentation:footer-decl", FOOTER_TEXT},
    {"presentation:header-decl", FOOTER_TEXT},
    {"text:page-number", PAGE_FIELD},
    {"text:page-count", PAGE_FIELD},
    {"text:page-continuation", FIELD},
    {"text:sheet-name", FIELD},
    {"text:date", FIELD},
    {"text:time", FIELD},
    {"text:title", FIELD},
    {"text:file-name", FIELD},
    {"text:author-name", FIELD},
    {"presentation:footer", FIELD},
    {"presentation:header", FIELD},
    {"presentation:date-time", FIELD},
    {"office:text", BODY_TEXT},
    {"office:spreadsheet", BODY_SHEETS},
    {"office:presentation", BODY_SLIDES},
    {"office:drawing", BODY_SLIDES},
    {"style:header", MARGIN},
    {"style:footer", MARGIN},
    {"style:header-left", MARGIN},
    {"style:footer-left", MARGIN},
    {"style:header-first", MARGIN},
    {"style:footer-first", MARGIN},
    {"style:master-page", MASTER},
    {"style:style", WF_ODF_STYLE},
    {"style:paragraph-properties", WF_ODF_PAR_PROPERTIES},
    {"style:properties", WF_ODF_PAR_PROPERTIES},
    {"style:text-properties", WF_ODF_TEXT_PROPERTIES},
    {"text:list-style", WF_ODF_LIST_STYLE},
    {"text:outline-style", WF_ODF_OUTLINE_STYLE},
    {"text:list-level-style-number", WF_ODF_LEVEL_NUMBER},
    {"text:outline-level-style", WF_ODF_LEVEL_NUMBER},
    {"text:list-level-style-bullet", WF_ODF_LEVEL_BULLET},
    {"text:list-level-style-image", WF_ODF_LEVEL_BULLET},
    {"text:tracked-changes", PASS_OVER},
    {"table:tracked-changes", PASS_OVER},
    {"text:note-citation", PASS_OVER},
    {"text:footnote-citation", PASS_OVER},
    {"text:endnote-citation", PASS_OVER},
    {"text:table-of-content-source", PASS_OVER},
    {"text:alphabetical-index-source", PASS_OVER},
    {"text:bibliography-source", PASS_OVER},
    {"text:illustration-index-source", PASS_OVER},
    {"text:table-index-source", PASS_OVER},
    {"text:object-index-source", PASS_OVER},
    {"text:user-index-source", PASS_OVER},
    {"office:forms", PASS_OVER},
    {"office:scripts", PASS_OVER},
    {"office:script", PASS_OVER},
    {"office:font-face-decls", PASS_OVER},
    {"office:binary-data", PASS_OVER},
    {"svg:title", PASS_OVER},
    {"svg:desc", PASS_OVER},
    {"dc:date", PASS_OVER},
    {"meta:date-string", PASS_OVER},
    {"style:handout-master", PASS_OVER},
    {"style:presentation-page-layout", PASS_OVER},
    {"table:content-validations", PASS_OVER},
    {"table:named-expressions", PASS_OVER},
    {"table:database-ranges", PASS_OVER},
    {"table:data-pilot-tables", PASS_OVER},
    {"draw:object", PASS_OVER},
    {"draw:object-ole", PASS_OVER},
    {"office:meta", PASS_OVER},
    {"office:settings", PASS_OVER},
    {NULL, 0},
};

enum body {
    BODY_NONE,
    BODY_IS_TEXT,
    BODY_IS_SHEETS,
    BODY_IS_SLIDES,
    BODY_IS_MARGIN,
};

struct list {
    const struct wf_odf_list_style *style; /* may be NULL */
    bool item_fresh;                       /* the item's first paragraph is still to come */
    long item_start;                       /* its number, or -1 */
};

struct walker {
    struct wf_odf *o;
    struct wf_odf_style_reader styles;
    enum body body; /* (1) */
    struct wf_blocks b;
    struct wf_odf_sheet sheet;
    struct list lists[WF_ODF_LEVELS]; /* (3); deeper ones are counted only */
    int n_lists;
    bool in_master, in_margin;
    unsigned n_boxes; /* (2) */
    unsigned n_shapes;
    bool shape_is_box[WF_LIMIT_NESTING]; /* of the open frames, shapes and text boxes */
    unsigned n_cell_pars;                /* open in the open cell */
    bool par_is_heading;
    long par_level;
    struct wf_str par_style;
    bool in_creator, in_footer_text;
    bool fresh_page;
    uint32_t i_page;                   /* of slides */
    struct wf_buf title, slide, notes; /* tapes of the open slide */
    bool in_notes;
    int status;           /* of the sheets */
    size_t margin_at;     /* where the open margin begins in o->rest */
    bool margin_has_page; /* it shows the number of the page */
};

/* ---- pages ---- */

/* A break that is set at the beginning of a page changes nothing. */
static void next_page(struct walker *k, bool set)
{
    if (k->o->page > 0 && k->body == BODY_IS_TEXT && k->n_boxes == 0 && !(set && k->fresh_page)) {
        k->o->page++;
        k->fresh_page = true;
        wf_emit_page(&k->b.out, k->o->page);
    }
}

/* ---- paragraphs ---- */

static bool in_cell(const struct walker *k)
{
    return k->body == BODY_IS_SHEETS && k->n_boxes == 0;
}

/* The label of the item that the paragraph begins, or of its heading. */
static bool make_label(struct walker *k, struct wf_buf *label)
{
    if (k->par_is_heading) {
        int level = (int)WF_MIN(WF_MAX(k->par_level, 1L), (long)WF_ODF_LEVELS) - 1;
        wf_odf__next_label(&k->o->outline, &k->o->headings, level, -1, label);
        return false;
    }
    if (k->n_lists == 0 || k->n_lists > WF_ODF_LEVELS) {
        return k->n_lists > 0;
    }
    struct list *l = &k->lists[k->n_lists - 1];
    if (l->item_fresh && l->style != NULL) {
        wf_odf__next_label(l->style, &k->o->items, k->n_lists - 1, l->item_start, label);
    }
    l->item_fresh = false;
    return true;
}

static void begin_par(struct walker *k)
{
    struct wf_buf label;
    wf_buf_init(&label, 256);
    bool item = make_label(k, &label);
    unsigned level = 0;
    if (k->par_is_heading) {
        level = (unsigned)WF_MIN(WF_MAX(k->par_level, 1L), 6L);
    } else if (k->body == BODY_IS_TEXT && wf_odf__is_title(k->o, k->par_style)) {
        level = 1;
    }
    if (k->body != BODY_IS_TEXT) { /* the bullets of slides are their look */
        wf_buf_reset(&label);
    }
    wf_blocks_par_begin(&k->b, level, item, wf_buf_str(&label));
    wf_buf_deinit(&label);
}

static void put_text(struct walker *k, struct wf_str s)
{
    if (in_cell(k)) {
        wf_odf__cell_text(&k->sheet, s);
        return;
    }
    if (wf_blocks_is_first(&k->b, s)) {
        begin_par(k);
    }
    uint64_t n_before = k->b.n_text;
    wf_blocks_text(&k->b, s);
    k->fresh_page = k->fresh_page && k->b.n_text == n_before;
}

static bool start_par(struct walker *k, int id, const struct wf_xml_element *e)
{
    struct wf_str name = wf_xml_attr(e, "text:style-name");
    const struct wf_odf_style *s = wf_odf__style(k->o, name);
    if (k->body == BODY_NONE || (s != NULL && s->hidden)) {
        return false;
    }
    if (in_cell(k)) {
        wf_odf__cell_text(&k->sheet, WF_STR(" "));
        k->n_cell_pars++;
        return true;
    }
    if (!wf_blocks_par_start(&k->b)) {
        return false;
    }
    if (s != NULL && s->break_before) {
        next_page(k, true);
    }
    k->par_is_heading = id == T_H && !wf_xml_attr_bool(e, "text:is-list-header", false);
    k->par_level = wf_xml_attr_long(e, "text:outline-level", wf_xml_attr_long(e, "text:level", 1));
    k->par_style = wf_arena_dup(&k->o->arena, name);
    return true;
}

static void end_par(struct walker *k)
{
    if (in_cell(k)) {
        k->n_cell_pars--;
        return;
    }
    wf_blocks_par_end(&k->b);
    const struct wf_odf_style *s = wf_odf__style(k->o, k->par_style);
    if (s != NULL && s->break_after) {
        next_page(k, true);
    }
}

static bool start_span(struct walker *k, const struct wf_xml_element *e)
{
    const struct wf_odf_style *s = wf_odf__style(k->o, wf_xml_attr(e, "text:style-name"));
    return s == NULL || !s->hidden;
}

/* ---- lists ---- */

static void start_list(struct walker *k, const struct wf_xml_element *e)
{
    struct wf_str name = wf_xml_attr(e, "text:style-name");
    union wf_map_value *v = name.len > 0 ? wf_map_get(&k->o->list_styles, name) : NULL;
    bool goes_on = wf_xml_attr_bool(e, "text:continue-numbering", false) ||
                   wf_xml_attr(e, "text:continue-list").len > 0;
    if (k->n_lists < WF_ODF_LEVELS) {
        struct list *l = &k->lists[k->n_lists];
        const struct wf_odf_list_style *outer = k->n_lists > 0 ? l[-1].style : NULL;
        *l = (struct list){.style = v != NULL ? v->ptr : outer, .item_start = -1};
        if (!goes_on) {
            k->o->items.counting[k->n_lists] = false;
        }
    }
    k->n_lists++;
}

static void start_item(struct walker *k, int id, const struct wf_xml_element *e)
{
    if (k->n_lists > 0 && k->n_lists <= WF_ODF_LEVELS) {
        struct list *l = &k->lists[k->n_lists - 1];
        l->item_fresh = id == T_ITEM;
        l->item_start = wf_xml_attr_long(e, "text:start-value", -1);
    }
}

/* ---- what stands apart ---- */

static bool start_box(struct walker *k)
{
    if (!wf_blocks_box_start(&k->b)) {
        return false;
    }
    k->n_boxes++;
    return true;
}

static void end_box(struct walker *k)
{
    assert(k->n_boxes > 0);
    k->n_boxes--;
    wf_blocks_box_end(&k->b);
}

/* A header, a footer, or a shape of a master page. */
static void begin_margin(struct walker *k)
{
    k->margin_at = k->o->rest.len;
    k->margin_has_page = false;
}

static void end_margin(struct walker *k)
{
    size_t at = WF_MIN(k->margin_at, k->o->rest.len);
    if (!wf_emit_is_margin(wf_str_sub(wf_buf_str(&k->o->rest), at, SIZE_MAX), k->margin_has_page)) {
        wf_buf_truncate(&k->o->rest, at);
    }
    k->margin_at = k->o->rest.len;
}

/* A frame or shape of a slide is a block; what it is for decides where it goes. */
static bool start_slide_shape(struct walker *k, const struct wf_xml_element *e)
{
    static const char *const margins[] = {"page-number", "date-time", "header", "footer", "page"};
    struct wf_str class = wf_xml_attr(e, "presentation:class");
    for (size_t i = 0; i < WF_ARRAY_LEN(margins); i++) {
        if (wf_str_eq(class, wf_str_from(margins[i]))) {
            return false;
        }
    }
    if (wf_xml_attr_bool(e, "presentation:placeholder", false)) {
        return false;
    }
    bool title = wf_str_eq(class, WF_STR("title")) && !k->in_notes;
    k->b.out.tape = k->in_notes ? &k->notes : title ? &k->title : &k->slide;
    wf_emit_paragraph(&k->b.out);
    return true;
}

/* On a master page: text in placeholders but the footer are prompts ("click to edit"). */
static bool start_master_shape(struct walker *k, const struct wf_xml_element *e)
{
    struct wf_str class = wf_xml_attr(e, "presentation:class");
    begin_margin(k);
    return class.len == 0 || wf_str_eq(class, WF_STR("footer"));
}

/* Elsewhere it stands behind the paragraph that it is anchored in, or the rows it lies over. */
static bool start_shape(struct walker *k, int id, const struct wf_xml_element *e)
{
    bool boxed = false;
    if (k->body == BODY_NONE || k->n_shapes == WF_LIMIT_NESTING) {
        return false;
    }
    if (k->body == BODY_IS_MARGIN && !start_master_shape(k, e)) {
        return false;
    }
    if (k->body == BODY_IS_SLIDES && k->b.n_pars == 0) {
        if (id != TEXT_BOX && !start_slide_shape(k, e)) {
            return false;
        }
    } else if (id != FRAME && (k->b.n_pars > 0 || k->body == BODY_IS_SHEETS)) {
        boxed = true;
        if (!start_box(k)) {
            return false;
        }
    }
    k->shape_is_box[k->n_shapes++] = boxed;
    return true;
}

static void end_shape(struct walker *k)
{
    assert(k->n_shapes > 0);
    if (k->shape_is_box[--k->n_shapes]) {
        end_box(k);
    }
    if (k->body == BODY_IS_MARGIN && k->n_shapes == 0) {
        end_margin(k);
    }
}

/* ---- slides ---- */

static void start_slide(struct walker *k)
{
    k->i_page++;
    wf_buf_reset(&k->title);
    wf_buf_reset(&k->slide);
    wf_buf_reset(&k->notes);
    k->b.out = (struct wf_emit){.tape = &k->slide};
}

static void end_slide(struct walker *k)
{
    struct wf_emit out = {.c = &k->o->c};
    wf_emit_paragraph(&out);
    wf_emit_page(&out, k->i_page);
    if (wf_emit_has_text(wf_buf_str(&k->title))) {
        struct wf_buf plain;
        wf_buf_init(&plain, 64u << 10);
        wf_emit_plain(wf_buf_str(&k->title), &plain);
        wf_emit_heading(&out, 1);
        wf_emit_text(&out, wf_buf_str(&plain));
        wf_emit_heading_end(&out);
        wf_buf_deinit(&plain);
    }
    wf_emit_paragraph(&out);
    wf_emit_replay(&out, wf_buf_str(&k->slide));
    wf_emit_paragraph(&out);
    wf_emit_replay(&out, wf_buf_str(&k->notes));
    wf_emit_paragraph(&out);
}

/* ---- tables ---- */

static bool start_table_part(struct walker *k, int id, const struct wf_xml_element *e)
{
    long n = wf_xml_attr_long(e, "table:number-columns-repeated", 1);
    if (k->body == BODY_NONE) {
        return false;
    }
    if (in_cell(k)) {
        if (id == TABLE) {
            wf_odf__sheet_start(&k->sheet, wf_xml_attr(e, "table:name"));
        } else if (id == ROW) {
            wf_odf__row_start(&k->sheet, wf_xml_attr_long(e, "table:number-rows-repeated", 1));
        } else if (id == CELL) {
            wf_odf__cell_start(&k->sheet, e);
        }
        return true;
    }
    if (id == TABLE) {
        wf_blocks_table_start(&k->b, 0);
    } else if (id == COLUMN) {
        wf_blocks_table_columns(&k->b, (unsigned)WF_MIN(WF_MAX(n, 1L), 1000L));
    } else if (id == ROW) {
        wf_blocks_row_start(&k->b);
    } else {
        wf_blocks_cell_start(&k->b);
    }
    return true;
}

/* The texts that lie over the rows of a sheet, behind them. */
static void end_sheet(struct walker *k)
{
    struct wf_emit out = {.c = &k->o->c};
    int rc = wf_odf__sheet_end(&k->sheet);
    k->status = k->status != 0 ? k->status : rc;
    if (wf_emit_has_text(wf_buf_str(&k->slide))) {
        wf_grid_begin(&k->sheet.grid);
        wf_emit_paragraph(&out);
        wf_emit_replay(&out, wf_buf_str(&k->slide));
        wf_emit_paragraph(&out);
    }
    wf_buf_reset(&k->slide);
}

static void end_table_part(struct walker *k, int id)
{
    bool cell = in_cell(k);
    if (id == TABLE) {
        if (cell) {
            end_sheet(k);
        } else {
            wf_blocks_table_end(&k->b);
        }
    } else if (id == ROW && cell) {
        wf_odf__row_end(&k->sheet);
    } else if (id == CELL && cell) {
        wf_odf__cell_end(&k->sheet);
    }
}

/* ---- elements ---- */

static bool start_body(struct walker *k, int id)
{
    if (k->body != BODY_NONE) {
        return false;
    }
    k->fresh_page = true;
    if (id == BODY_TEXT) {
        k->body = BODY_IS_TEXT;
        k->b.out = (struct wf_emit){.c = &k->o->c};
        wf_compose_page(&k->o->c, k->o->page);
    } else {
        k->body = id == BODY_SHEETS ? BODY_IS_SHEETS : BODY_IS_SLIDES;
        k->b.out = (struct wf_emit){.tape = &k->slide};
    }
    return true;
}

/* Bodies do not lie in each other, nor headers in headers: what is so written is passed over, so
 * that an element ends in the body in which it began. */
static bool start_margin(struct walker *k, int id, const struct wf_xml_element *e)
{
    bool fits = k->body == BODY_NONE || (id == MARGIN && k->body == BODY_IS_MARGIN);
    if (!fits || k->in_margin || !wf_xml_attr_bool(e, "style:display", true)) {
        return false;
    }
    k->in_master = k->in_master || id == MASTER;
    k->in_margin = id == MARGIN;
    k->body = BODY_IS_MARGIN;
    k->b.out = (struct wf_emit){.tape = &k->o->rest};
    begin_margin(k);
    return true;
}

static void put_space(struct walker *k, int id)
{
    if (in_cell(k)) {
        wf_odf__cell_text(&k->sheet, WF_STR(" "));
    } else if (id == T_S) {
        wf_blocks_text(&k->b, WF_STR(" "));
    } else if (id == T_TAB) {
        wf_blocks_tab(&k->b);
    } else {
        wf_blocks_line(&k->b);
    }
}

/* Elements of flowing text. */
static bool start_text(struct walker *k, int id, const struct wf_xml_element *e)
{
    switch (id) {
    case T_P:
    case T_H:
        return start_par(k, id, e);
    case T_SPAN:
        return start_span(k, e);
    case T_S:
    case T_TAB:
    case T_LINE:
        put_space(k, id);
        return true;
    case T_PAGE:
        next_page(k, false);
        return true;
    case T_LIST:
        start_list(k, e);
        return true;
    case T_ITEM:
    case T_ITEM_HEADER:
        start_item(k, id, e);
        return true;
    case FIELD: /* what a field shows differs from page to page */
    case PAGE_FIELD:
        k->margin_has_page = k->margin_has_page || id == PAGE_FIELD;
        return k->body != BODY_IS_MARGIN;
    case T_HIDDEN:
        return !wf_xml_attr_bool(e, "text:is-hidden", true);
    case T_SECTION:
        return !wf_str_eq(wf_xml_attr(e, "text:display"), WF_STR("none"));
    case T_RUBY_TEXT:
        put_text(k, WF_STR("("));
        return true;
    default:
        return true;
    }
}

static bool on_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct walker *k = ud;
    if (id > 0 && id < WF_ODF_STYLES_COUNT) {
        if (!wf_odf__style_start(&k->styles, id, e)) {
            wf_xml_stop(e, WF_E_NOMEM);
        }
        return true;
    }
    switch (id) {
    case PASS_OVER:
        return false;
    case BODY_TEXT:
    case BODY_SHEETS:
    case BODY_SLIDES:
        return start_body(k, id);
    case MARGIN:
    case MASTER:
        return start_margin(k, id, e);
    case T_NOTE_BODY:
    case ANNOTATION:
        return k->body != BODY_NONE && start_box(k);
    case CREATOR:
        k->in_creator = k->n_boxes > 0;
        return true;
    case TABLE:
    case COLUMN:
    case ROW:
    case CELL:
        return start_table_part(k, id, e);
    case PAGE:
        start_slide(k);
        return true;
    case FRAME:
    case TEXT_BOX:
    case SHAPE:
        return start_shape(k, id, e);
    case NOTES:
        k->in_notes = k->body == BODY_IS_SLIDES;
        return k->in_notes;
    case FOOTER_TEXT:
        k->in_footer_text = true;
        return true;
    default:
        return start_text(k, id, e);
    }
}

static void on_end(void *ud, int id)
{
    struct walker *k = ud;
    switch (id) {
    case T_P:
    case T_H:
        end_par(k);
        break;
    case T_LIST:
        k->n_lists--;
        break;
    case T_RUBY_TEXT:
        put_text(k, WF_STR(")"));
        break;
    case T_NOTE_BODY:
    case ANNOTATION:
        end_box(k);
        break;
    case CREATOR:
        if (k->in_creator) {
            wf_emit_text(&k->b.out, WF_STR(": "));
            k->b.glue = true; /* the comment goes on in this line */
        }
        k->in_creator = false;
        break;
    case TABLE:
    case ROW:
    case CELL:
        end_table_part(k, id);
        break;
    case PAGE:
        end_slide(k);
        break;
    case FRAME:
    case TEXT_BOX:
    case SHAPE:
        end_shape(k);
        break;
    case NOTES:
        k->in_notes = false;
        k->b.out.tape = &k->slide;
        break;
    case FOOTER_TEXT:
        k->in_footer_text = false;
        break;
    case BODY_TEXT:
    case BODY_SHEETS:
    case BODY_SLIDES:
        k->body = BODY_NONE;
        break;
    case MASTER:
        k->in_master = false;
        k->body = BODY_NONE;
        break;
    case MARGIN:
        end_margin(k);
        k->in_margin = false;
        k->body = k->in_master ? BODY_IS_MARGIN : BODY_NONE;
        break;
    default:
        wf_odf__style_end(&k->styles, id);
        break;
    }
}

static void on_text(void *ud, struct wf_str s)
{
    struct walker *k = ud;
    if (k->in_creator) {
        wf_emit_text(&k->b.out, s);
    } else if (k->in_footer_text) {
        struct wf_emit rest = {.tape = &k->o->rest};
        wf_emit_paragraph(&rest);
        wf_emit_text(&rest, s);
    } else if (k->b.n_pars > 0 || (in_cell(k) && k->n_cell_pars > 0)) {
        put_text(k, s);
    }
}

int wf_odf__walk(struct wf_odf *o, size_t i_member, struct wf_err *err)
{
    struct walker *k = wf_alloc_array(1, sizeof(*k));
    if (k == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "not enough memory to read the file");
    }
    k->o = o;
    k->styles.o = o;
    wf_blocks_init(&k->b, (struct wf_emit){.tape = &o->rest});
    wf_odf__sheet_init(&k->sheet, &o->c);
    wf_buf_init(&k->title, TAPE_BYTES_MAX);
    wf_buf_init(&k->slide, TAPE_BYTES_MAX);
    wf_buf_init(&k->notes, TAPE_BYTES_MAX);
    struct wf_xml_handler h = {.spaces = wf_odf_spaces,
                               .names = walk_names,
                               .start = on_start,
                               .end = on_end,
                               .text = on_text,
                               .ud = k};
    int rc = i_member == SIZE_MAX ? wf_xml_walk_bytes(o->flat, &h, &o->damaged, err)
                                  : wf_xml_walk_member(o->archive, i_member, &h, &o->damaged, err);
    rc = rc == 0 ? k->status : rc;
    wf_blocks_flush(&k->b);
    wf_blocks_deinit(&k->b);
    wf_odf__sheet_deinit(&k->sheet);
    wf_buf_deinit(&k->title);
    wf_buf_deinit(&k->slide);
    wf_buf_deinit(&k->notes);
    wf_free(k);
    return rc;
}
