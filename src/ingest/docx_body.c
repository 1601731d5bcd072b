/* SPDX-License-Identifier: Apache-2.0 */
/* DOCX: the walk over a part with paragraphs.
 *
 * The part is read in one pass. What a paragraph is (heading, list item, plain) is known when its
 * first text comes, since its properties stand in front; so breaks, heading marks and list labels
 * are written just then. What stands inside a paragraph but is read behind it (text boxes, notes,
 * comments, charts) waits on the tape `later` until the outermost paragraph or table ends.
 *
 * Left out: tracked deletions, codes of fields, hidden text, placeholders of forms, and the second
 * copy of what mc:AlternateContent gives twice.
 *
 * Invariants: (1) pars[0..n_pars) are the paragraphs that are open: one, or more where text boxes
 * nest; (2) bit i of result_bits says whether field i of the n_fields open ones shows its result
 * now; text is shown only when all do. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "ingest/docx_internal.h"

#define PARS_MAX 16u
#define FIELDS_MAX 64u
#define ALTERNATES_MAX 32u
#define LATER_BYTES_MAX (32u << 20)
#define ASIDE_BYTES_MAX (16u << 20)

enum {
    W_P = 1,
    W_PPR,
    W_PSTYLE,
    W_OUTLINE,
    W_NUM_ID,
    W_NUM_LEVEL,
    W_R,
    W_VANISH,
    W_T,
    W_TAB,
    W_BR,
    W_HYPHEN,
    W_SYM,
    W_PAGE_BREAK,
    W_PAGE_BREAK_BEFORE,
    W_FOOTNOTE_REF,
    W_ENDNOTE_REF,
    W_COMMENT_REF,
    W_DEL,
    W_FIELD_CHAR,
    W_TBL,
    W_GRID_COL,
    W_TR,
    W_TC,
    W_SDT_PLACEHOLDER,
    W_SDT,
    W_SDT_CONTENT,
    W_TEXT_BOX,
    W_ALTERNATE,
    W_CHOICE,
    W_FALLBACK,
    W_RUBY_TEXT,
    W_RUBY,
    W_PART,
    W_FOOTNOTE,
    W_ENDNOTE,
    W_COMMENT,
    M_T,
    M_DEN,
    PASS_OVER,
};

static const struct wf_xml_name body_names[] = {
    {"w:t", W_T},
    {"w:r", W_R},
    {"w:p", W_P},
    {"w:pPr", W_PPR},
    {"w:pStyle", W_PSTYLE},
    {"w:outlineLvl", W_OUTLINE},
    {"w:numId", W_NUM_ID},
    {"w:ilvl", W_NUM_LEVEL},
    {"w:vanish", W_VANISH},
    {"w:tab", W_TAB},
    {"w:ptab", W_TAB},
    {"w:br", W_BR},
    {"w:cr", W_BR},
    {"w:noBreakHyphen", W_HYPHEN},
    {"w:sym", W_SYM},
    {"w:lastRenderedPageBreak", W_PAGE_BREAK},
    {"w:pageBreakBefore", W_PAGE_BREAK_BEFORE},
    {"w:footnoteReference", W_FOOTNOTE_REF},
    {"w:endnoteReference", W_ENDNOTE_REF},
    {"w:commentReference", W_COMMENT_REF},
    {"w:del", W_DEL},
    {"w:fldChar", W_FIELD_CHAR},
    {"w:tbl", W_TBL},
    {"w:gridCol", W_GRID_COL},
    {"w:tr", W_TR},
    {"w:tc", W_TC},
    {"w:sdt", W_SDT},
    {"w:showingPlcHdr", W_SDT_PLACEHOLDER},
    {"w:sdtContent", W_SDT_CONTENT},
    {"w:txbxContent", W_TEXT_BOX},
    {"mc:AlternateContent", W_ALTERNATE},
    {"mc:Choice", W_CHOICE},
    {"mc:Fallback", W_FALLBACK},
    {"w:ruby", W_RUBY},
    {"w:rt", W_RUBY_TEXT},
    {"c:chart", W_PART},
    {"dgm:relIds", W_PART},
    {"w:footnote", W_FOOTNOTE},
    {"w:endnote", W_ENDNOTE},
    {"w:comment", W_COMMENT},
    {"m:t", M_T},
    {"m:den", M_DEN},
    {"w:moveFrom", PASS_OVER},
    {"w:instrText", PASS_OVER},
    {"w:delText", PASS_OVER},
    {"w:delInstrText", PASS_OVER},
    {"w:tabs", PASS_OVER},
    {"w:sectPr", PASS_OVER},
    {"w:tblPr", PASS_OVER},
    {"w:pPrChange", PASS_OVER},
    {"w:rPrChange", PASS_OVER},
    {"w:tblGridChange", PASS_OVER},
    {"m:ctrlPr", PASS_OVER},
    {NULL, 0},
};

struct par {
    struct wf_str style;  /* in the package's arena */
    struct wf_str num_id; /* likewise; ptr NULL = not said */
    int num_level;        /* -1 = not said */
    int outline;          /* -1 = not said */
    bool begun;           /* its first text was written */
    bool heading;         /* a heading mark is open */
    bool merged;          /* its mark was deleted: the next paragraph goes on in it */
};

struct table {
    unsigned n_columns; /* of its grid */
    bool any_cell;      /* in this row */
};

/* What a text box interrupts. */
struct outside {
    struct wf_emit out;
    unsigned table_base;
    bool cell_text;
};

struct walker {
    struct wf_docx *d;
    bool is_body;
    struct wf_emit out;
    struct outside outsides[PARS_MAX]; /* of the open text boxes */
    unsigned n_outsides;
    struct wf_buf later;
    struct wf_buf aside; /* the note or comment that is read, or one text box */
    struct wf_str aside_id;
    struct par pars[PARS_MAX]; /* (1) */
    unsigned n_pars;
    struct table tables[PARS_MAX];
    unsigned n_tables;   /* open, those too deep for the array included */
    unsigned table_base; /* those outside of the open text box */
    bool cell_text;      /* the open cell holds text */
    bool in_list;        /* the last paragraph was an item */
    bool glue;           /* the last paragraph's mark was deleted */
    bool in_ppr, hidden, in_text, in_ruby_text;
    unsigned n_fields;
    uint64_t result_bits;                /* (2) */
    uint64_t n_text;                     /* pieces of text so far: did this element give any? */
    uint64_t alternates[ALTERNATES_MAX]; /* n_text at the start of each open AlternateContent */
    unsigned n_alternates;
    bool placeholder; /* the open sdt shows its placeholder only */
    bool fresh_page;  /* a page began and no text came since */
    struct wf_buf ruby;
};

/* ---- paragraphs ---- */

static struct par *par_of(struct walker *k)
{
    return k->n_pars > 0 ? &k->pars[k->n_pars - 1] : NULL;
}

/* A table of one column only frames its content. */
static bool in_real_table(const struct walker *k)
{
    for (unsigned i = k->table_base; i < k->n_tables && i < PARS_MAX; i++) {
        if (k->tables[i].n_columns != 1) { /* 0: not told */
            return true;
        }
    }
    return false;
}

/* 1..6 when the paragraph is a heading, else 0. */
static unsigned heading_level(const struct walker *k, const struct par *p)
{
    const struct wf_docx_style *s = wf_docx__style(k->d, p->style);
    int level = p->outline >= 0 ? p->outline : (s != NULL ? s->outline : 0);
    return level > 0 ? WF_MIN((unsigned)level, 6u) : 0;
}

/* Writes the label of a list item. True when it is one. */
static bool begin_item(struct walker *k, const struct par *p, struct wf_buf *label)
{
    const struct wf_docx_style *s = wf_docx__style(k->d, p->style);
    struct wf_str num_id = p->num_id;
    int level = p->num_level;
    if (num_id.ptr == NULL && s != NULL) {
        num_id = s->num_id;
        level = level >= 0 ? level : s->num_level;
    }
    return wf_docx__next_label(k->d, num_id, level, s != NULL ? s->id : p->style, label);
}

static void begin_breaks(struct walker *k, bool item, unsigned level)
{
    if (k->glue) {
        return;
    }
    if (in_real_table(k)) {
        if (k->cell_text) {
            wf_emit_line(&k->out);
        }
    } else if (level > 0) {
        wf_emit_heading(&k->out, level);
    } else if (item && k->in_list) {
        wf_emit_item(&k->out);
    } else {
        wf_emit_paragraph(&k->out);
    }
}

/* Before the first text of a paragraph. */
static void begin_par(struct walker *k, struct par *p)
{
    struct wf_buf label;
    wf_buf_init(&label, 256);
    bool item = begin_item(k, p, &label);
    unsigned level = in_real_table(k) || k->glue ? 0 : heading_level(k, p);
    begin_breaks(k, item, level);
    k->in_list = item && level == 0;
    k->glue = false;
    p->begun = true;
    p->heading = level > 0;
    if (label.len > 0) {
        wf_emit_text(&k->out, wf_buf_str(&label));
        wf_emit_text(&k->out, WF_STR(" "));
    }
    wf_buf_deinit(&label);
}

static bool is_shown(const struct walker *k)
{
    uint64_t all = k->n_fields >= 64 ? UINT64_MAX : (UINT64_C(1) << k->n_fields) - 1;
    return !k->hidden && (k->result_bits & all) == all;
}

static bool is_blank(struct wf_str s)
{
    return wf_str_trim(s).len == 0;
}

static void put_text(struct walker *k, struct wf_str s)
{
    struct par *p = par_of(k);
    if (!is_shown(k) || s.len == 0) {
        return;
    }
    if (k->in_ruby_text) {
        (void)wf_buf_append_str(&k->ruby, s); /* its failure drops the reading aid */
        return;
    }
    if (p != NULL && !p->begun && !is_blank(s)) {
        begin_par(k, p);
    }
    wf_emit_text(&k->out, s);
    if (!is_blank(s)) {
        k->n_text++;
        k->cell_text = true;
        k->fresh_page = false;
    }
}

/* What waited for the end of the outermost paragraph or table. */
static void flush_later(struct walker *k)
{
    if (k->n_pars > 0 || k->n_tables > 0 || k->n_outsides > 0 || k->later.len == 0) {
        return;
    }
    wf_emit_paragraph(&k->out);
    wf_emit_replay(&k->out, wf_buf_str(&k->later));
    wf_emit_paragraph(&k->out);
    wf_buf_reset(&k->later);
}

static bool start_par(struct walker *k)
{
    if (k->n_pars == PARS_MAX) {
        return false;
    }
    k->pars[k->n_pars++] = (struct par){.num_level = -1, .outline = -1};
    return true;
}

static void end_par(struct walker *k)
{
    assert(k->n_pars > 0);
    struct par *p = par_of(k);
    if (!p->begun) { /* an empty item counts, too */
        struct wf_buf label;
        wf_buf_init(&label, 256);
        (void)begin_item(k, p, &label);
        wf_buf_deinit(&label);
    }
    if (p->heading) {
        wf_emit_heading_end(&k->out);
    }
    if (p->merged && p->begun) {
        k->glue = !p->heading;
    }
    k->n_pars--;
    if (k->n_pars == 0) { /* a field whose result never began must not swallow the rest */
        k->result_bits = UINT64_MAX;
    }
    flush_later(k);
}

static void next_page(struct walker *k, bool rendered)
{
    if (k->d->page == 0 || k->out.c == NULL || (rendered && k->fresh_page)) {
        return;
    }
    k->d->page++;
    k->fresh_page = true;
    wf_emit_page(&k->out, k->d->page);
}

/* ---- tables ---- */

static struct table *table_of(struct walker *k)
{
    return k->n_tables > 0 && k->n_tables <= PARS_MAX ? &k->tables[k->n_tables - 1] : NULL;
}

static void start_table(struct walker *k)
{
    k->n_tables++;
    if (table_of(k) != NULL) {
        *table_of(k) = (struct table){0};
    }
    k->in_list = false;
    k->glue = false;
}

static void start_row(struct walker *k)
{
    struct table *t = table_of(k);
    if (t != NULL) {
        t->any_cell = false;
    }
    if (!in_real_table(k)) {
        return;
    }
    if (k->n_tables - k->table_base == 1) {
        wf_emit_item(&k->out);
        k->cell_text = false;
    } else if (k->cell_text) { /* a table in a cell of another one */
        wf_emit_line(&k->out);
    }
}

static void start_cell(struct walker *k)
{
    struct table *t = table_of(k);
    if (t == NULL || t->n_columns == 1) {
        return;
    }
    if (t->any_cell) {
        wf_emit_cell(&k->out);
        k->cell_text = false;
    }
    t->any_cell = true;
}

static void end_table(struct walker *k)
{
    assert(k->n_tables > k->table_base);
    k->n_tables--;
    if (k->n_tables == k->table_base) {
        wf_emit_paragraph(&k->out);
    }
    k->cell_text = k->n_tables > k->table_base;
    flush_later(k);
}

/* ---- what stands apart ---- */

static void add_aside(struct walker *k, const char *kind, struct wf_str id)
{
    struct wf_str tape = wf_docx__aside(k->d, kind, id);
    if (tape.len > 0 && is_shown(k)) {
        struct wf_emit later = {.tape = &k->later};
        wf_emit_paragraph(&later);
        (void)wf_buf_append_str(&k->later, tape); /* too much: dropped */
    }
}

/* Text boxes go to `later`; inside of one paragraphs and tables are counted anew. */
static bool start_box(struct walker *k)
{
    if (k->n_outsides == PARS_MAX) {
        return false;
    }
    k->outsides[k->n_outsides++] =
        (struct outside){.out = k->out, .table_base = k->table_base, .cell_text = k->cell_text};
    k->out = (struct wf_emit){.tape = &k->later};
    k->table_base = k->n_tables;
    k->in_list = false;
    wf_emit_paragraph(&k->out);
    return true;
}

static void end_box(struct walker *k)
{
    assert(k->n_outsides > 0);
    wf_emit_paragraph(&k->out);
    const struct outside *o = &k->outsides[--k->n_outsides];
    k->out = o->out;
    k->table_base = o->table_base;
    k->cell_text = o->cell_text;
    k->in_list = false;
}

static void start_aside(struct walker *k, int id, const struct wf_xml_element *e)
{
    wf_buf_reset(&k->aside);
    k->aside_id = wf_arena_dup(&k->d->pkg.arena, wf_xml_attr(e, "w:id"));
    k->out = (struct wf_emit){.tape = &k->aside};
    struct wf_str author = wf_xml_attr(e, "w:author");
    if (id == W_COMMENT && author.len > 0) {
        wf_emit_text(&k->out, author);
        wf_emit_text(&k->out, WF_STR(": "));
        k->glue = true; /* the text goes on in this line */
    }
}

static void end_aside(struct walker *k, int id)
{
    const char *kind = id == W_FOOTNOTE ? "footnote" : id == W_ENDNOTE ? "endnote" : "comment";
    wf_docx__keep_aside(k->d, kind, k->aside_id, wf_buf_str(&k->aside));
    k->glue = false;
}

static void start_alternate(struct walker *k)
{
    if (k->n_alternates < ALTERNATES_MAX) {
        k->alternates[k->n_alternates] = k->n_text;
    }
    k->n_alternates++;
}

/* The first branch that gives text is taken. */
static bool take_branch(const struct walker *k)
{
    return k->n_alternates == 0 || k->n_alternates > ALTERNATES_MAX ||
           k->alternates[k->n_alternates - 1] == k->n_text;
}

static void field_char(struct walker *k, struct wf_str type)
{
    if (wf_str_eq(type, WF_STR("begin")) && k->n_fields < FIELDS_MAX) {
        k->result_bits &= ~(UINT64_C(1) << k->n_fields);
        k->n_fields++;
    } else if (k->n_fields > 0 && wf_str_eq(type, WF_STR("separate"))) {
        k->result_bits |= UINT64_C(1) << (k->n_fields - 1);
    } else if (k->n_fields > 0 && wf_str_eq(type, WF_STR("end"))) {
        k->n_fields--;
        k->result_bits |= UINT64_C(1) << k->n_fields;
    }
}

/* A sign whose font we do not know is left out: its number means nothing without it. */
static void put_sign(struct walker *k, const struct wf_xml_element *e)
{
    const char *utf8 = wf_docx__sign(wf_xml_attr(e, "w:font"), wf_xml_attr(e, "w:char"));
    put_text(k, wf_str_from(utf8 != NULL ? utf8 : ""));
}

/* ---- elements ---- */

static void put_tab(struct walker *k)
{
    struct par *p = par_of(k);
    if (p == NULL || !p->begun || !is_shown(k)) {
        return; /* one in front only indents */
    }
    if (p->heading || in_real_table(k)) {
        wf_emit_text(&k->out, WF_STR(" "));
    } else {
        wf_emit_cell(&k->out);
    }
}

static void put_break(struct walker *k, struct wf_str type)
{
    struct par *p = par_of(k);
    if (wf_str_eq(type, WF_STR("page"))) {
        next_page(k, false);
    }
    if (p == NULL || !p->begun || !is_shown(k)) {
        return;
    }
    if (p->heading || (in_real_table(k) && !k->cell_text)) {
        wf_emit_text(&k->out, WF_STR(" "));
    } else {
        wf_emit_line(&k->out);
    }
}

/* Properties of a paragraph. */
static void par_property(struct walker *k, int id, const struct wf_xml_element *e)
{
    struct par *p = par_of(k);
    struct wf_arena *arena = &k->d->pkg.arena;
    if (p == NULL || !k->in_ppr) {
        return;
    }
    if (id == W_PSTYLE) {
        p->style = wf_arena_dup(arena, wf_xml_attr(e, "w:val"));
    } else if (id == W_OUTLINE) {
        long level = wf_xml_attr_long(e, "w:val", 9);
        p->outline = level >= 0 && level < 9 ? (int)level + 1 : 0;
    } else if (id == W_NUM_ID) {
        p->num_id = wf_arena_dup(arena, wf_xml_attr(e, "w:val"));
    } else if (id == W_NUM_LEVEL) {
        long level = wf_xml_attr_long(e, "w:ilvl", wf_xml_attr_long(e, "w:val", 0));
        p->num_level = (int)WF_MIN(WF_MAX(level, 0L), WF_DOCX_LEVELS - 1L);
    } else if (id == W_PAGE_BREAK_BEFORE && wf_xml_attr_bool(e, "w:val", true)) {
        next_page(k, true);
    } else if (id == W_DEL) {
        p->merged = true;
    }
}

/* Elements that stand for a character or a mark; true when it was one. */
static bool start_sign(struct walker *k, int id, const struct wf_xml_element *e)
{
    switch (id) {
    case W_TAB:
        put_tab(k);
        return true;
    case W_BR:
        put_break(k, wf_xml_attr(e, "w:type"));
        return true;
    case W_HYPHEN:
        put_text(k, WF_STR("-"));
        return true;
    case W_SYM:
        put_sign(k, e);
        return true;
    case M_DEN:
        put_text(k, WF_STR("/"));
        return true;
    case W_PAGE_BREAK:
        next_page(k, true);
        return true;
    case W_FOOTNOTE_REF:
        add_aside(k, "footnote", wf_xml_attr(e, "w:id"));
        return true;
    case W_ENDNOTE_REF:
        add_aside(k, "endnote", wf_xml_attr(e, "w:id"));
        return true;
    case W_COMMENT_REF:
        add_aside(k, "comment", wf_xml_attr(e, "w:id"));
        return true;
    case W_PART:
        if (k->is_body) {
            struct wf_str part = wf_xml_attr(e, "r:id");
            add_aside(k, "part", part.len > 0 ? part : wf_xml_attr(e, "r:dm"));
        }
        return true;
    case W_FIELD_CHAR:
        field_char(k, wf_xml_attr(e, "w:fldCharType"));
        return true;
    default:
        return false;
    }
}

static bool is_separator(struct wf_str type)
{
    return wf_str_starts(type, WF_STR("separator")) || wf_str_starts(type, WF_STR("continuation"));
}

/* Elements that hold others; false: it is passed over. */
static bool start_block(struct walker *k, int id, const struct wf_xml_element *e)
{
    struct table *t = table_of(k);
    switch (id) {
    case W_P:
        return start_par(k);
    case W_TBL:
        start_table(k);
        return true;
    case W_GRID_COL:
        if (t != NULL) {
            t->n_columns++;
        }
        return true;
    case W_TR:
        start_row(k);
        return true;
    case W_TC:
        start_cell(k);
        return true;
    case W_TEXT_BOX:
        return start_box(k);
    case W_ALTERNATE:
        start_alternate(k);
        return true;
    case W_CHOICE:
    case W_FALLBACK:
        return take_branch(k);
    case W_FOOTNOTE:
    case W_ENDNOTE:
    case W_COMMENT:
        if (is_separator(wf_xml_attr(e, "w:type"))) {
            return false;
        }
        start_aside(k, id, e);
        return true;
    case W_SDT:
    case W_SDT_PLACEHOLDER:
        k->placeholder = id == W_SDT_PLACEHOLDER && wf_xml_attr_bool(e, "w:val", true);
        return true;
    case W_SDT_CONTENT:
        return !k->placeholder;
    default:
        return true;
    }
}

static bool body_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct walker *k = ud;
    switch (id) {
    case PASS_OVER:
        return false;
    case W_DEL:
        par_property(k, id, e);
        return false;
    case W_T:
    case M_T:
        k->in_text = true;
        return true;
    case W_R:
        k->hidden = false;
        return true;
    case W_VANISH:
        k->hidden = !k->in_ppr && wf_xml_attr_bool(e, "w:val", true);
        return true;
    case W_PPR:
        k->in_ppr = true;
        return true;
    case W_PSTYLE:
    case W_OUTLINE:
    case W_NUM_ID:
    case W_NUM_LEVEL:
    case W_PAGE_BREAK_BEFORE:
        par_property(k, id, e);
        return true;
    case W_RUBY_TEXT:
        wf_buf_reset(&k->ruby);
        k->in_ruby_text = true;
        return true;
    default:
        return start_sign(k, id, e) || start_block(k, id, e);
    }
}

static void end_ruby(struct walker *k)
{
    if (k->ruby.len > 0) {
        put_text(k, WF_STR("("));
        put_text(k, wf_buf_str(&k->ruby));
        put_text(k, WF_STR(")"));
        wf_buf_reset(&k->ruby);
    }
}

static void body_end(void *ud, int id)
{
    struct walker *k = ud;
    switch (id) {
    case W_T:
    case M_T:
        k->in_text = false;
        break;
    case W_R:
        k->hidden = false;
        break;
    case W_PPR:
        k->in_ppr = false;
        break;
    case W_P:
        end_par(k);
        break;
    case W_TBL:
        end_table(k);
        break;
    case W_TEXT_BOX:
        end_box(k);
        break;
    case W_ALTERNATE:
        k->n_alternates--;
        break;
    case W_SDT_CONTENT:
    case W_SDT:
        k->placeholder = false;
        break;
    case W_RUBY_TEXT:
        k->in_ruby_text = false;
        break;
    case W_RUBY:
        end_ruby(k);
        break;
    case W_FOOTNOTE:
    case W_ENDNOTE:
    case W_COMMENT:
        end_aside(k, id);
        break;
    default:
        break;
    }
}

static void body_text(void *ud, struct wf_str s)
{
    struct walker *k = ud;
    if (k->in_text) {
        put_text(k, s);
    }
}

int wf_docx__walk(struct wf_docx *d, size_t i_member, struct wf_buf *tape, struct wf_err *err)
{
    struct walker *k = wf_alloc_array(1, sizeof(*k));
    if (k == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "not enough memory to read the file");
    }
    k->d = d;
    k->is_body = tape == NULL;
    k->out = (struct wf_emit){.c = tape == NULL ? &d->c : NULL, .tape = tape};
    k->result_bits = UINT64_MAX;
    k->fresh_page = true;
    wf_buf_init(&k->later, LATER_BYTES_MAX);
    wf_buf_init(&k->aside, ASIDE_BYTES_MAX);
    wf_buf_init(&k->ruby, 4096);
    struct wf_xml_handler h = {.spaces = wf_ooxml_spaces,
                               .names = body_names,
                               .start = body_start,
                               .end = body_end,
                               .text = body_text,
                               .ud = k};
    int rc = wf_xml_walk_member(d->pkg.archive, i_member, &h, &d->pkg.damaged, err);
    assert(k->n_outsides == 0);
    flush_later(k);
    wf_buf_deinit(&k->later);
    wf_buf_deinit(&k->aside);
    wf_buf_deinit(&k->ruby);
    wf_free(k);
    return rc;
}
