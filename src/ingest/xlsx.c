/* SPDX-License-Identifier: Apache-2.0 */
/* XLSX: Excel workbooks and templates, with or without macros.
 *
 * A sheet is a page, its name a heading; hidden sheets are taken in, too. Behind the rows come the
 * texts in the sheet's margins, its drawings and charts, and the comments on its cells. The shared
 * strings are the one part that must be in memory whole. The binary format (XLSB) is refused. */
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "ingest/drawing.h"
#include "ingest/emit.h"
#include "ingest/format.h"
#include "ingest/parse.h"
#include "ingest/xlsx_internal.h"

/* Together with libxml2 and the table of their ends within a worker's memory. */
#define STRINGS_BYTES_MAX (192u << 20)
#define STRINGS_MAX (16u << 20)
#define FORMATS_MAX 65536u /* Excel's limit is 65490 */
#define SHEETS_MAX 10000u
#define TAPE_BYTES_MAX (16u << 20)

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "not enough memory to read the workbook");
}

/* A part that is damaged costs its own text only. */
static int forgive(struct wf_xlsx *x, int rc)
{
    if (rc == WF_E_FORMAT) {
        x->pkg.damaged = true;
        return 0;
    }
    return rc;
}

static int walk(struct wf_xlsx *x, size_t i_member, const struct wf_xml_name *names,
                bool (*start)(void *, int, const struct wf_xml_element *), void (*end)(void *, int),
                void (*text)(void *, struct wf_str), void *ud, struct wf_err *err)
{
    struct wf_xml_handler h = {.spaces = wf_ooxml_spaces,
                               .names = names,
                               .start = start,
                               .end = end,
                               .text = text,
                               .ud = ud};
    return wf_xml_walk_member(x->pkg.archive, i_member, &h, &x->pkg.damaged, err);
}

/* ---- shared strings ---- */

enum {
    ITEM = 1,
    ITEM_TEXT,
    ITEM_PHONETIC
};
static const struct wf_xml_name string_names[] = {
    {"s:si", ITEM}, {"s:t", ITEM_TEXT}, {"s:rPh", ITEM_PHONETIC}, {NULL, 0}};

struct string_reader {
    struct wf_xlsx *x;
    struct wf_buf item;
    bool in_text;
    bool full;
};

static bool string_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct string_reader *r = ud;
    if (id == ITEM) {
        wf_buf_reset(&r->item);
    }
    r->in_text = id == ITEM_TEXT;
    if (r->full) {
        wf_xml_stop(e, WF_E_LIMIT);
    }
    return id != ITEM_PHONETIC;
}

static bool add_string(struct wf_xlsx *x, struct wf_str s)
{
    if (x->n_strings == x->n_strings_room) {
        size_t room = x->n_strings_room * 2 + 1024;
        uint32_t *grown =
            room <= 2 * STRINGS_MAX ? wf_realloc_array(x->string_ends, room, sizeof(*grown)) : NULL;
        if (grown == NULL) {
            return false;
        }
        x->string_ends = grown;
        x->n_strings_room = room;
    }
    if (wf_xlsx__unescape(&x->strings, s) != 0) {
        return false;
    }
    x->string_ends[x->n_strings++] = (uint32_t)x->strings.len;
    return true;
}

static void string_end(void *ud, int id)
{
    struct string_reader *r = ud;
    r->in_text = false;
    if (id == ITEM && !r->full) {
        r->full = !add_string(r->x, wf_buf_str(&r->item));
    }
}

static void string_text(void *ud, struct wf_str s)
{
    struct string_reader *r = ud;
    if (r->in_text) {
        (void)wf_buf_append_str(&r->item, s); /* one that is too long is cut */
    }
}

static int read_strings(struct wf_xlsx *x, size_t i_member, struct wf_err *err)
{
    struct string_reader r = {.x = x};
    wf_buf_init(&r.item, 1u << 20);
    int rc = walk(x, i_member, string_names, string_start, string_end, string_text, &r, err);
    wf_buf_deinit(&r.item);
    return r.full ? wf_err_set(err, WF_E_LIMIT, "the workbook holds more than %u MB of text",
                               STRINGS_BYTES_MAX >> 20)
                  : rc;
}

struct wf_str wf_xlsx__string(const struct wf_xlsx *x, uint64_t i)
{
    if (i >= x->n_strings) {
        return wf_str_n("", 0);
    }
    size_t from = i > 0 ? x->string_ends[i - 1] : 0;
    return wf_str_sub(wf_buf_str(&x->strings), from, x->string_ends[i]);
}

/* ---- formats of cells ---- */

enum {
    NUM_FMT = 1,
    CELL_XFS,
    XF
};
static const struct wf_xml_name style_names[] = {
    {"s:numFmt", NUM_FMT}, {"s:cellXfs", CELL_XFS}, {"s:xf", XF}, {NULL, 0}};

struct style_reader {
    struct wf_xlsx *x;
    struct wf_map codes; /* format id -> struct wf_str * */
    bool in_cell_xfs;
};

static bool add_code(struct style_reader *r, const struct wf_xml_element *e)
{
    struct wf_str *code = wf_arena_alloc(&r->x->pkg.arena, sizeof(*code));
    union wf_map_value *v =
        code != NULL ? wf_map_put(&r->codes, wf_xml_attr(e, "numFmtId"), NULL) : NULL;
    if (v == NULL) {
        return false;
    }
    *code = wf_arena_dup(&r->x->pkg.arena, wf_xml_attr(e, "formatCode"));
    v->ptr = code;
    return code->ptr != NULL;
}

static bool add_format(struct style_reader *r, const struct wf_xml_element *e)
{
    struct wf_xlsx *x = r->x;
    if (x->n_formats % 64 == 0) {
        struct wf_xlsx_format *grown =
            wf_realloc_array(x->formats, x->n_formats + 64, sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        x->formats = grown;
    }
    union wf_map_value *v = wf_map_get(&r->codes, wf_xml_attr(e, "numFmtId"));
    struct wf_xlsx_format *f = &x->formats[x->n_formats++];
    if (v != NULL) {
        wf_xlsx__parse_code(*(struct wf_str *)v->ptr, f);
    } else {
        wf_xlsx__builtin(wf_xml_attr_long(e, "numFmtId", 0), f);
    }
    return true;
}

static bool style_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct style_reader *r = ud;
    bool ok = true;
    if (id == NUM_FMT) {
        ok = add_code(r, e);
    } else if (id == CELL_XFS) {
        r->in_cell_xfs = true;
    } else if (id == XF && r->in_cell_xfs && r->x->n_formats < FORMATS_MAX) {
        ok = add_format(r, e);
    }
    if (!ok) {
        wf_xml_stop(e, WF_E_NOMEM);
    }
    return true;
}

static void style_end(void *ud, int id)
{
    struct style_reader *r = ud;
    if (id == CELL_XFS) {
        r->in_cell_xfs = false;
    }
}

static int read_styles(struct wf_xlsx *x, size_t i_member, struct wf_err *err)
{
    struct style_reader r = {.x = x};
    wf_map_init(&r.codes, FORMATS_MAX);
    int rc = walk(x, i_member, style_names, style_start, style_end, NULL, &r, err);
    wf_map_deinit(&r.codes);
    return rc == WF_E_NOMEM ? no_memory(err) : rc;
}

/* ---- the list of sheets ---- */

enum {
    SHEET = 1,
    WORKBOOK
};
static const struct wf_xml_name book_names[] = {
    {"s:sheet", SHEET}, {"s:workbookPr", WORKBOOK}, {NULL, 0}};

struct sheet_ref {
    struct wf_str name, rel;
    struct sheet_ref *next;
};

struct book_reader {
    struct wf_xlsx *x;
    struct sheet_ref *first;
    struct sheet_ref **at; /* where the next one is linked */
    size_t n;
};

static bool book_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct book_reader *r = ud;
    if (id == WORKBOOK) {
        r->x->date1904 = wf_xml_attr_bool(e, "date1904", false);
    } else if (id == SHEET && r->n++ < SHEETS_MAX) {
        struct wf_arena *arena = &r->x->pkg.arena;
        struct sheet_ref *s = wf_arena_alloc(arena, sizeof(*s));
        if (s == NULL) {
            wf_xml_stop(e, WF_E_NOMEM);
            return false;
        }
        s->name = wf_arena_dup(arena, wf_xml_attr(e, "name"));
        s->rel = wf_arena_dup(arena, wf_xml_attr(e, "r:id"));
        *r->at = s;
        r->at = &s->next;
    }
    return true;
}

static void ignore_end(void *ud, int id)
{
    (void)ud;
    (void)id;
}

/* ---- what belongs to a sheet beside its rows ---- */

enum {
    COMMENT = 1,
    COMMENT_TEXT,
    COMMENT_PHONETIC
};
static const struct wf_xml_name comment_names[] = {
    {"s:comment", COMMENT},          {"s:t", COMMENT_TEXT},     {"s:rPh", COMMENT_PHONETIC},
    {"tc:threadedComment", COMMENT}, {"tc:text", COMMENT_TEXT}, {NULL, 0}};

struct comment_reader {
    struct wf_emit out;
    bool in_text;
};

static bool comment_start(void *ud, int id, const struct wf_xml_element *e)
{
    (void)e;
    struct comment_reader *r = ud;
    if (id == COMMENT) {
        wf_emit_paragraph(&r->out);
    }
    r->in_text = id == COMMENT_TEXT;
    return id != COMMENT_PHONETIC;
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

/* Threaded comments have a copy for older programs among the plain ones, which then is not read. */
static int read_comments(struct wf_xlsx *x, const struct wf_ooxml_rels *rels, struct wf_buf *tape,
                         struct wf_err *err)
{
    size_t at = 0;
    size_t i = wf_ooxml_by_type(rels, "threadedComment", &at);
    if (i == SIZE_MAX) {
        at = 0;
        i = wf_ooxml_by_type(rels, "comments", &at);
    }
    struct comment_reader r = {.out = {.tape = tape}};
    return i == SIZE_MAX ? 0
                         : forgive(x, walk(x, i, comment_names, comment_start, comment_end,
                                           comment_text, &r, err));
}

static int read_drawings(struct wf_xlsx *x, const struct wf_ooxml_rels *rels, struct wf_buf *tape,
                         struct wf_err *err)
{
    size_t at = 0;
    size_t i;
    int rc = 0;
    while (rc == 0 && (i = wf_ooxml_by_type(rels, "drawing", &at)) != SIZE_MAX) {
        struct wf_ooxml_rels own;
        rc = forgive(x, wf_drawing_text(&x->pkg, i, tape, err));
        if (rc == 0) {
            rc = wf_ooxml_rels(&x->pkg, i, &own, err);
        }
        if (rc == 0) {
            rc = wf_drawing_parts(&x->pkg, &own, tape, err);
        }
    }
    return rc;
}

static int read_extras(struct wf_xlsx *x, size_t i_member, struct wf_err *err)
{
    struct wf_ooxml_rels rels;
    struct wf_buf tape;
    wf_buf_init(&tape, TAPE_BYTES_MAX);
    int rc = wf_ooxml_rels(&x->pkg, i_member, &rels, err);
    if (rc == 0) {
        rc = read_drawings(x, &rels, &tape, err);
    }
    if (rc == 0) {
        rc = read_comments(x, &rels, &tape, err);
    }
    if (rc == 0 && wf_emit_has_text(wf_buf_str(&tape))) {
        struct wf_emit out = {.c = &x->c};
        wf_grid_begin(&x->grid);
        wf_emit_paragraph(&out);
        wf_emit_replay(&out, wf_buf_str(&tape));
    }
    wf_buf_deinit(&tape);
    return rc;
}

static int read_sheet(struct wf_xlsx *x, size_t i_member, struct wf_str name, struct wf_err *err)
{
    wf_grid_sheet(&x->grid, name);
    int rc = forgive(x, wf_xlsx__sheet(x, i_member, err));
    if (rc == 0) {
        rc = read_extras(x, i_member, err);
    }
    return rc == 0 ? wf_stream_status(x->w) : rc;
}

/* ---- the book ---- */

static int read_shared(struct wf_xlsx *x, const struct wf_ooxml_rels *rels, struct wf_err *err)
{
    size_t at = 0;
    size_t i = wf_ooxml_by_type(rels, "styles", &at);
    int rc = i != SIZE_MAX ? forgive(x, read_styles(x, i, err)) : 0;
    at = 0;
    i = wf_ooxml_by_type(rels, "sharedStrings", &at);
    if (rc == 0 && i != SIZE_MAX) {
        rc = forgive(x, read_strings(x, i, err));
    }
    return rc;
}

static int read_book(struct wf_xlsx *x, size_t i_main, struct wf_err *err)
{
    struct wf_ooxml_rels rels;
    struct book_reader r = {.x = x};
    r.at = &r.first;
    int rc = wf_ooxml_rels(&x->pkg, i_main, &rels, err);
    if (rc == 0) {
        rc = walk(x, i_main, book_names, book_start, ignore_end, NULL, &r, err);
    }
    if (rc == 0) {
        rc = read_shared(x, &rels, err);
    }
    size_t n_read = 0;
    for (struct sheet_ref *s = r.first; rc == 0 && s != NULL; s = s->next) {
        size_t i = wf_ooxml_by_id(&rels, s->rel);
        x->pkg.damaged = x->pkg.damaged || i == SIZE_MAX;
        if (i != SIZE_MAX) {
            n_read++;
            rc = read_sheet(x, i, s->name, err);
        }
    }
    size_t at = 0;
    size_t i;
    while (rc == 0 && n_read == 0 && /* the list is lost, the sheets are not */
           (i = wf_ooxml_by_type(&rels, "worksheet", &at)) != SIZE_MAX) {
        rc = read_sheet(x, i, wf_str_n("", 0), err);
    }
    return rc == WF_E_NOMEM ? no_memory(err) : rc;
}

static int check_kind(struct wf_xlsx *x, size_t i_main, struct wf_err *err)
{
    return wf_str_ends(wf_archive_name(x->pkg.archive, i_main), WF_STR(".bin"))
               ? wf_err_set(err, WF_E_UNSUPPORTED,
                            "a binary workbook (XLSB): save it as XLSX and add that")
               : 0;
}

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    struct wf_xlsx x = {.w = w};
    wf_compose_init(&x.c, w);
    wf_grid_init(&x.grid, &x.c);
    wf_buf_init(&x.strings, STRINGS_BYTES_MAX);
    size_t i_main = 0;
    int rc = wf_ooxml_open(in, &x.pkg, err);
    if (rc == 0) {
        rc = wf_ooxml_main(&x.pkg, "xl/workbook.xml", &i_main, err);
    }
    if (rc == 0) {
        rc = check_kind(&x, i_main, err);
    }
    if (rc == 0) {
        rc = wf_ooxml_meta(&x.pkg, w, err);
    }
    if (rc == 0) {
        rc = read_book(&x, i_main, err);
    }
    if (rc == 0) {
        rc = wf_ooxml_finish(&x.pkg, &x.c, w, err);
    }
    wf_grid_deinit(&x.grid);
    wf_buf_deinit(&x.strings);
    wf_free(x.string_ends);
    wf_free(x.formats);
    wf_ooxml_close(&x.pkg);
    return rc;
}

static int score(const struct wf_format *f, const struct wf_format_hint *h)
{
    return wf_ooxml_score(f, h, "xl/");
}

const struct wf_format wf_format_xlsx = {
    .id = "xlsx",
    .title = "Excel workbook",
    .media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    .extensions = "xlsx xlsm xltx xltm xlsb",
    .score = score,
    .parse = parse,
    .kind = WF_PARSE_ALONE,
    .warm = wf_ooxml_warm,
};
