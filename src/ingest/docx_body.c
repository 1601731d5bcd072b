/* SPDX-License-Identifier: Apache-2.0 */
/* DOCX: the walk over a part with paragraphs, in one pass.
 *
 * Left out: tracked deletions, codes of fields, hidden text, placeholders of forms, and the second
 * copy of what mc:AlternateContent gives twice. Text boxes, notes, comments and charts stand behind
 * the paragraph or table that they are anchored in.
 *
 * Invariants: (1) pars[i] belongs to the i-th open paragraph of the blocks; (2) bit i of
 * result_bits says whether field i of the n_fields open ones shows its result now; text is shown
 * only when all do. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "ingest/blocks.h"
#include "ingest/docx_internal.h"

#define FIELDS_MAX 64u
#define ALTERNATES_MAX 32u
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
    W_FIELD_CODE,
    W_PAGE_NUMBER,
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
    {"w:instrText", W_FIELD_CODE},
    {"w:fldSimple", W_FIELD_CODE},
    {"w:pgNum", W_PAGE_NUMBER},
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
    bool merged;          /* its mark was deleted: the next paragraph goes on in it */
};

struct walker {
    struct wf_docx *d;
    bool is_body;
    struct wf_blocks b;
    struct par pars[WF_BLOCKS_DEPTH]; /* (1) */
    struct wf_buf aside;              /* the note or comment that is read */
    struct wf_str aside_id;
    bool in_ppr, hidden, in_text, in_code, in_ruby_text;
    unsigned n_fields;
    uint64_t result_bits;                /* (2) */
    uint64_t alternates[ALTERNATES_MAX]; /* b.n_text at the start of each open AlternateContent */
    unsigned n_alternates;
    bool placeholder; /* the open sdt shows its placeholder only */
    bool fresh_page;  /* a page began and no text came since */
    struct wf_buf ruby;
};

/* ---- paragraphs ---- */

static struct par *par_of(struct walker *k)
{
    return k->b.n_pars > 0 ? &k->pars[k->b.n_pars - 1] : NULL;
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

/* Before the first text of a paragraph. */
static void begin_par(struct walker *k, const struct par *p)
{
    struct wf_buf label;
    wf_buf_init(&label, 256);
    bool item = begin_item(k, p, &label);
    wf_blocks_par_begin(&k->b, heading_level(k, p), item, wf_buf_str(&label));
    wf_buf_deinit(&label);
}

static bool is_shown(const struct walker *k)
{
    uint64_t all = k->n_fields >= 64 ? UINT64_MAX : (UINT64_C(1) << k->n_fields) - 1;
    return !k->hidden && (k->result_bits & all) == all;
}

static void put_text(struct walker *k, struct wf_str s)
{
    if (!is_shown(k) || s.len == 0) {
        return;
    }
    if (k->in_ruby_text) {
        (void)wf_buf_append_str(&k->ruby, s); /* its failure drops the reading aid */
        return;
    }
    if (wf_blocks_is_first(&k->b, s)) {
        begin_par(k, par_of(k));
    }
    uint64_t n_before = k->b.n_text;
    wf_blocks_text(&k->b, s);
    k->fresh_page = k->fresh_page && k->b.n_text == n_before;
}

static bool start_par(struct walker *k)
{
    if (!wf_blocks_par_start(&k->b)) {
        return false;
    }
    *par_of(k) = (struct par){.num_level = -1, .outline = -1};
    return true;
}

static void end_par(struct walker *k)
{
    const struct par *p = par_of(k);
    bool begun = wf_blocks_par_begun(&k->b);
    if (!begun) { /* an empty item counts, too */
        struct wf_buf label;
        wf_buf_init(&label, 256);
        (void)begin_item(k, p, &label);
        wf_buf_deinit(&label);
    } else if (p->merged && !wf_blocks_in_heading(&k->b)) {
        k->b.glue = true;
    }
    wf_blocks_par_end(&k->b);
    if (k->b.n_pars == 0) { /* a field whose result never began must not swallow the rest */
        k->result_bits = UINT64_MAX;
    }
}

static void next_page(struct walker *k, bool rendered)
{
    if (k->d->page == 0 || k->b.out.c == NULL || (rendered && k->fresh_page)) {
        return;
    }
    k->d->page++;
    k->fresh_page = true;
    wf_emit_page(&k->b.out, k->d->page);
}

/* ---- what stands apart ---- */

static void add_aside(struct walker *k, const char *kind, struct wf_str id)
{
    struct wf_str tape = wf_docx__aside(k->d, kind, id);
    if (tape.len > 0 && is_shown(k)) {
        wf_blocks_add_later(&k->b, tape);
    }
}

static void start_aside(struct walker *k, int id, const struct wf_xml_element *e)
{
    wf_buf_reset(&k->aside);
    k->aside_id = wf_arena_dup(&k->d->pkg.arena, wf_xml_attr(e, "w:id"));
    k->b.out = (struct wf_emit){.tape = &k->aside};
    struct wf_str author = wf_xml_attr(e, "w:author");
    if (id == W_COMMENT && author.len > 0) {
        wf_emit_text(&k->b.out, author);
        wf_emit_text(&k->b.out, WF_STR(": "));
        k->b.glue = true; /* the text goes on in this line */
    }
}

static void end_aside(struct walker *k, int id)
{
    const char *kind = id == W_FOOTNOTE ? "footnote" : id == W_ENDNOTE ? "endnote" : "comment";
    wf_docx__keep_aside(k->d, kind, k->aside_id, wf_buf_str(&k->aside));
    k->b.glue = false;
}

static void start_alternate(struct walker *k)
{
    if (k->n_alternates < ALTERNATES_MAX) {
        k->alternates[k->n_alternates] = k->b.n_text;
    }
    k->n_alternates++;
}

/* The first branch that gives text is taken. */
static bool take_branch(const struct walker *k)
{
    return k->n_alternates == 0 || k->n_alternates > ALTERNATES_MAX ||
           k->alternates[k->n_alternates - 1] == k->b.n_text;
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
        if (is_shown(k)) {
            wf_blocks_tab(&k->b);
        }
        return true;
    case W_BR:
        if (wf_str_eq(wf_xml_attr(e, "w:type"), WF_STR("page"))) {
            next_page(k, false);
        }
        if (is_shown(k)) {
            wf_blocks_line(&k->b);
        }
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
    case W_PAGE_NUMBER:
        k->d->saw_page_field = true;
        return true;
    case W_FIELD_CHAR:
        field_char(k, wf_xml_attr(e, "w:fldCharType"));
        return true;
    default:
        return false;
    }
}

/* PAGE, NUMPAGES, SECTIONPAGES */
static bool is_page_code(struct wf_str code)
{
    struct wf_str word = wf_str_trim(code);
    word = wf_str_sub(word, 0, wf_str_find_byte(word, ' ', 0));
    return wf_str_eq_nocase(word, WF_STR("PAGE")) || wf_str_eq_nocase(word, WF_STR("NUMPAGES")) ||
           wf_str_eq_nocase(word, WF_STR("SECTIONPAGES"));
}

static bool is_separator(struct wf_str type)
{
    return wf_str_starts(type, WF_STR("separator")) || wf_str_starts(type, WF_STR("continuation"));
}

/* Elements that hold others; false: it is passed over. */
static bool start_block(struct walker *k, int id, const struct wf_xml_element *e)
{
    switch (id) {
    case W_P:
        return start_par(k);
    case W_TBL:
        wf_blocks_table_start(&k->b, 0);
        return true;
    case W_GRID_COL:
        wf_blocks_table_columns(&k->b, 1);
        return true;
    case W_TR:
        wf_blocks_row_start(&k->b);
        return true;
    case W_TC:
        wf_blocks_cell_start(&k->b);
        return true;
    case W_TEXT_BOX:
        return wf_blocks_box_start(&k->b);
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
    case W_FIELD_CODE: /* a simple field has its code as an attribute */
        k->d->saw_page_field = k->d->saw_page_field || is_page_code(wf_xml_attr(e, "w:instr"));
        k->in_code = wf_xml_attr(e, "w:instr").ptr == NULL;
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

/* A ruby inside the reading aid of another one is part of that. */
static void end_ruby(struct walker *k)
{
    if (k->ruby.len > 0 && !k->in_ruby_text) {
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
    case W_FIELD_CODE:
        k->in_code = false;
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
        wf_blocks_table_end(&k->b);
        break;
    case W_TEXT_BOX:
        wf_blocks_box_end(&k->b);
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
    if (k->in_code) {
        k->d->saw_page_field = k->d->saw_page_field || is_page_code(s);
    } else if (k->in_text) {
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
    wf_blocks_init(&k->b, (struct wf_emit){.c = tape == NULL ? &d->c : NULL, .tape = tape});
    k->result_bits = UINT64_MAX;
    k->fresh_page = true;
    wf_buf_init(&k->aside, ASIDE_BYTES_MAX);
    wf_buf_init(&k->ruby, 4096);
    struct wf_xml_handler h = {.spaces = wf_ooxml_spaces,
                               .names = body_names,
                               .start = body_start,
                               .end = body_end,
                               .text = body_text,
                               .ud = k};
    int rc = wf_xml_walk_member(d->pkg.archive, i_member, &h, &d->pkg.damaged, err);
    wf_blocks_flush(&k->b);
    wf_blocks_deinit(&k->b);
    wf_buf_deinit(&k->aside);
    wf_buf_deinit(&k->ruby);
    wf_free(k);
    return rc;
}
