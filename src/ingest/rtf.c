/* SPDX-License-Identifier: Apache-2.0 */
/* RTF: a small reader of our own: groups, control words, characters.
 *
 * Groups that hold no text of the document (fonts, colours, styles, pictures, field codes, revision
 * tables, anything marked "\*") are skipped whole; the font table is looked at for the code pages
 * that its fonts stand for, since a character given as "\'e4" means what the current font's charset
 * says. "\u8364?" is Unicode with a stand-in, which is skipped by count (\uc). Cells of a table are
 * separated by tabs, rows and paragraphs are lines, outline levels are headings.
 *
 * Depth, number of fonts and length of control words are bounded; a file that ends inside a group
 * gives the text up to there. */
#include <assert.h>
#include <string.h>

#include "ingest/compose.h"
#include "ingest/encoding.h"
#include "ingest/format.h"
#include "ingest/parse.h"
#include "text/utf8.h"

#define FILE_BYTES_MAX ((size_t)128 << 20)
#define DEPTH_MAX 500
#define FONTS_MAX 512
#define WORD_MAX 32
/* Bytes in a code page are converted a run at a time: some characters have two. */
#define RUN_BYTES_MAX 4096

enum where {
    IN_TEXT,
    IN_SKIP,
    IN_FONTS,
    IN_INFO,
    IN_META, /* one of info's fields */
    IN_NOTE, /* a comment or footnote: it stands in the middle of a sentence, and comes last */
};

struct group {
    enum where where;
    const char *meta;     /* key of the metadata being read */
    const char *encoding; /* of bytes; NULL: the document's */
    int n_uc;             /* stand-in characters behind a \u */
    bool hidden;
};

struct rtf {
    struct wf_str s;
    size_t i;
    struct wf_compose c;
    struct wf_stream_writer *w;
    struct group groups[DEPTH_MAX];
    size_t depth;
    size_t open_at; /* behind the last bracket that opened a group */
    size_t n_lost;  /* groups opened above DEPTH_MAX */
    const char *encoding;
    struct {
        int number;
        const char *encoding;
    } fonts[FONTS_MAX];
    size_t n_fonts;
    int font_defined; /* number of the font that the font table is defining */
    int default_font;
    int to_skip; /* stand-in characters still to skip */
    bool star;   /* "\*" stood before this word */
    bool in_table;
    unsigned outline; /* level of the paragraph's heading; 0 = none */
    uint32_t high;    /* first half of a pair of surrogates */
    char run[RUN_BYTES_MAX];
    size_t run_bytes;
    struct wf_buf meta;
    struct wf_buf notes;
};

static struct group *top(struct rtf *r)
{
    assert(r->depth > 0);
    return &r->groups[r->depth - 1];
}

/* ---- text out ---- */

static void put_utf8(struct rtf *r, struct wf_str s)
{
    struct group *g = top(r);
    if (g->where == IN_META) {
        (void)wf_buf_append_str(&r->meta, s); /* cut at its maximum is fine */
    } else if (g->where == IN_NOTE) {
        (void)wf_buf_append_str(&r->notes, s); /* likewise */
    } else if (g->where == IN_TEXT && !g->hidden) {
        wf_compose_flow(&r->c, s);
    }
}

/* What has gathered of bytes in a code page. */
static void put_run(struct rtf *r)
{
    struct wf_buf text;
    const char *encoding = top(r)->encoding;
    if (r->run_bytes == 0) {
        return;
    }
    wf_buf_init(&text, 4u * RUN_BYTES_MAX);
    (void)wf_encoding_convert(encoding != NULL ? encoding : r->encoding,
                              wf_str_n(r->run, r->run_bytes), &text); /* no memory: less text */
    r->run_bytes = 0;
    put_utf8(r, wf_buf_str(&text));
    wf_buf_deinit(&text);
}

static void put_byte(struct rtf *r, char c)
{
    if (r->to_skip > 0) {
        r->to_skip--;
        return;
    }
    enum where where = top(r)->where;
    if (where != IN_TEXT && where != IN_META && where != IN_NOTE) {
        return;
    }
    if (r->run_bytes == sizeof(r->run)) {
        put_run(r);
    }
    r->run[r->run_bytes++] = c;
}

static void put_code_point(struct rtf *r, uint32_t cp)
{
    char out[4];
    put_run(r);
    put_utf8(r, wf_str_n(out, wf_utf8_put(out, cp)));
}

/* \u takes signed 16-bit units. */
static void put_unit(struct rtf *r, int value)
{
    uint32_t unit = (uint32_t)(value < 0 ? value + 65536 : value) & 0xffffu;
    if (unit >= 0xd800 && unit < 0xdc00) {
        r->high = unit;
    } else if (unit >= 0xdc00 && unit < 0xe000) {
        if (r->high != 0) {
            put_code_point(r, 0x10000u + ((r->high & 0x3ffu) << 10 | (unit & 0x3ffu)));
        }
        r->high = 0;
    } else {
        put_code_point(r, unit >= 0xf000 && unit < 0xf100 ? unit - 0xf000 : unit); /* symbols */
    }
    r->to_skip = top(r)->n_uc;
}

static bool is_shown(struct rtf *r)
{
    return top(r)->where == IN_TEXT && !top(r)->hidden;
}

static void end_paragraph(struct rtf *r)
{
    put_run(r);
    if (!is_shown(r)) {
        return;
    }
    if (r->outline > 0) {
        wf_compose_heading_end(&r->c);
    } else if (r->in_table) {
        wf_compose_space(&r->c);
    } else {
        wf_compose_paragraph(&r->c);
    }
}

/* ---- control words ---- */

static const char *charset_encoding(int charset)
{
    static const struct {
        int charset;
        const char *name;
    } charsets[] = {
        {0, "WINDOWS-1252"},   {77, "MACINTOSH"},     {128, "CP932"},        {129, "CP949"},
        {130, "JOHAB"},        {134, "GB18030"},      {136, "BIG5-HKSCS"},   {161, "WINDOWS-1253"},
        {162, "WINDOWS-1254"}, {163, "WINDOWS-1258"}, {177, "WINDOWS-1255"}, {178, "WINDOWS-1256"},
        {186, "WINDOWS-1257"}, {204, "WINDOWS-1251"}, {222, "WINDOWS-874"},  {238, "WINDOWS-1250"},
        {255, "IBM850"},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(charsets); i++) {
        if (charsets[i].charset == charset) {
            return charsets[i].name;
        }
    }
    return NULL;
}

static const char *code_page_encoding(int page)
{
    char room[16] = "cp";
    size_t n = 2;
    for (int unit = 10000; unit > 0; unit /= 10) {
        if (page >= unit || unit == 1) {
            room[n++] = (char)('0' + page / unit % 10);
        }
    }
    return page > 0 && page < 65536 ? wf_encoding_known(wf_str_n(room, n)) : NULL;
}

static const char *font_encoding(const struct rtf *r, int number)
{
    for (size_t i = 0; i < r->n_fonts; i++) {
        if (r->fonts[i].number == number) {
            return r->fonts[i].encoding;
        }
    }
    return NULL;
}

static void define_font(struct rtf *r, const char *encoding)
{
    if (encoding != NULL && r->n_fonts < FONTS_MAX) {
        r->fonts[r->n_fonts].number = r->font_defined;
        r->fonts[r->n_fonts].encoding = encoding;
        r->n_fonts++;
    }
}

static void set_font(struct rtf *r, int number)
{
    if (top(r)->where == IN_FONTS) {
        r->font_defined = number;
        return;
    }
    put_run(r);
    top(r)->encoding = font_encoding(r, number);
}

/* Groups that are no text, besides all that are marked "\*". */
static bool is_skipped(struct wf_str word)
{
    static const char *const words[] = {
        "colortbl",  "stylesheet", "pict",       "object",    "header",    "headerl",
        "headerr",   "headerf",    "footer",     "footerl",   "footerr",   "footerf",
        "listtable", "revtbl",     "rsidtbl",    "generator", "themedata", "datastore",
        "xmlnstbl",  "filetbl",    "fldinst",    "bkmkstart", "bkmkend",   "listoverridetable",
        "listtext",  "pntext",     "nonshppict", "objdata",   "datafield", "latentstyles",
        "sp",        "template",   "private",    "xe",        "tc",        "pgdsctbl",
        "atnid",     "atnauthor",  "atrfstart",  "atrfend",   "fontemb",   "falt"};
    for (size_t i = 0; i < WF_ARRAY_LEN(words); i++) {
        if (wf_str_eq(word, wf_str_from(words[i]))) {
            return true;
        }
    }
    return false;
}

static const char *meta_key(struct wf_str word)
{
    static const char *const keys[][2] = {{"title", "title"},
                                          {"author", "author"},
                                          {"subject", "subject"},
                                          {"keywords", "keywords"},
                                          {"doccomm", "description"}};
    for (size_t i = 0; i < WF_ARRAY_LEN(keys); i++) {
        if (wf_str_eq(word, wf_str_from(keys[i][0]))) {
            return keys[i][1];
        }
    }
    return NULL;
}

/* Words that change where the group's characters go. */
static bool take_place(struct rtf *r, struct wf_str word)
{
    struct group *g = top(r);
    bool note = wf_str_eq(word, WF_STR("annotation")) || wf_str_eq(word, WF_STR("footnote"));
    bool known_star = wf_str_eq(word, WF_STR("shptxt")) || wf_str_eq(word, WF_STR("shpinst")) ||
                      wf_str_eq(word, WF_STR("fldrslt"));
    if (g->where == IN_SKIP) {
        return true;
    }
    if (wf_str_eq(word, WF_STR("fonttbl"))) {
        g->where = IN_FONTS;
    } else if (wf_str_eq(word, WF_STR("info"))) {
        g->where = IN_INFO;
    } else if (g->where == IN_INFO && meta_key(word) != NULL) {
        wf_buf_reset(&r->meta);
        g->where = IN_META;
        g->meta = meta_key(word);
    } else if (note && g->where == IN_TEXT) {
        put_run(r);
        g->where = IN_NOTE;
    } else if (is_skipped(word) || (r->star && !known_star)) {
        put_run(r);
        g->where = IN_SKIP;
    } else {
        return false;
    }
    return true;
}

/* Words that stand for a character. */
static bool take_character(struct rtf *r, struct wf_str word)
{
    static const struct {
        const char *word;
        const char *text;
    } characters[] = {
        {"emdash", "\u2014"}, {"endash", "\u2013"},    {"lquote", "\u2018"},
        {"rquote", "\u2019"}, {"bullet", "\u2022"},    {"enspace", " "},
        {"emspace", " "},     {"qmspace", " "},        {"tab", " "},
        {"zwbo", ""},         {"ldblquote", "\u201c"}, {"zwj", "\u200d"},
        {"zwnj", "\u200c"},   {"rdblquote", "\u201d"},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(characters); i++) {
        if (wf_str_eq(word, wf_str_from(characters[i].word))) {
            put_run(r);
            put_utf8(r, wf_str_from(characters[i].text));
            return true;
        }
    }
    return false;
}

/* Words that end lines, paragraphs, cells and pages. */
static bool take_break(struct rtf *r, struct wf_str word)
{
    bool row = wf_str_eq(word, WF_STR("row")) || wf_str_eq(word, WF_STR("nestrow"));
    if (wf_str_eq(word, WF_STR("par")) || wf_str_eq(word, WF_STR("sect")) ||
        wf_str_eq(word, WF_STR("page"))) {
        end_paragraph(r);
    } else if (wf_str_eq(word, WF_STR("line"))) {
        put_run(r);
        wf_compose_line(&r->c);
    } else if (wf_str_eq(word, WF_STR("cell")) || wf_str_eq(word, WF_STR("nestcell"))) {
        put_run(r);
        wf_compose_cell(&r->c);
    } else if (row) {
        put_run(r);
        wf_compose_item(&r->c);
    } else {
        return false;
    }
    return true;
}

static void begin_heading(struct rtf *r, int level)
{
    put_run(r);
    if (level >= 0 && level < 6 && is_shown(r)) {
        r->outline = (unsigned)level + 1;
        wf_compose_heading(&r->c, r->outline);
    }
}

static void take_state(struct rtf *r, struct wf_str word, bool has_number, int number)
{
    struct group *g = top(r);
    if (wf_str_eq(word, WF_STR("pard"))) {
        put_run(r);
        wf_compose_heading_end(&r->c);
        r->outline = 0;
        r->in_table = false;
    } else if (wf_str_eq(word, WF_STR("intbl"))) {
        r->in_table = true;
    } else if (wf_str_eq(word, WF_STR("outlinelevel")) && has_number) {
        begin_heading(r, number);
    } else if (wf_str_eq(word, WF_STR("v"))) {
        put_run(r);
        g->hidden = !has_number || number != 0;
    } else if (wf_str_eq(word, WF_STR("plain"))) {
        put_run(r);
        g->hidden = false;
        g->encoding = font_encoding(r, r->default_font);
    } else if (wf_str_eq(word, WF_STR("deff")) && has_number) {
        r->default_font = number;
    }
}

static void take_code_page(struct rtf *r, struct wf_str word, int number)
{
    if (wf_str_eq(word, WF_STR("ansicpg"))) {
        const char *name = code_page_encoding(number);
        r->encoding = name != NULL ? name : r->encoding;
    } else if (wf_str_eq(word, WF_STR("mac"))) {
        r->encoding = "MACINTOSH";
    } else if (wf_str_eq(word, WF_STR("pc"))) {
        r->encoding = "IBM437";
    } else if (wf_str_eq(word, WF_STR("pca"))) {
        r->encoding = "IBM850";
    } else if (wf_str_eq(word, WF_STR("fcharset")) && top(r)->where == IN_FONTS) {
        define_font(r, charset_encoding(number));
    } else if (wf_str_eq(word, WF_STR("cpg")) && top(r)->where == IN_FONTS) {
        define_font(r, code_page_encoding(number));
    }
}

static void take_word(struct rtf *r, struct wf_str word, bool has_number, int number)
{
    if (wf_str_eq(word, WF_STR("u")) && has_number) {
        put_unit(r, number);
    } else if (wf_str_eq(word, WF_STR("uc")) && has_number) {
        top(r)->n_uc = number < 0 || number > 16 ? 1 : number;
    } else if (wf_str_eq(word, WF_STR("bin")) && has_number && number > 0) {
        r->i = WF_MIN(r->i + (size_t)number, r->s.len);
    } else if (wf_str_eq(word, WF_STR("f")) && has_number) {
        set_font(r, number);
    } else if (!take_place(r, word) && !take_character(r, word) && !take_break(r, word)) {
        take_state(r, word, has_number, number);
        take_code_page(r, word, number);
    }
    r->star = false; /* it holds for one word */
}

/* ---- syntax ---- */

static void open_group(struct rtf *r)
{
    put_run(r);
    r->to_skip = 0;
    r->open_at = r->i;
    if (r->depth == DEPTH_MAX) {
        r->n_lost++;
        return;
    }
    r->groups[r->depth] = *top(r);
    r->depth++;
}

static void close_group(struct rtf *r)
{
    put_run(r);
    r->to_skip = 0;
    if (r->n_lost > 0) {
        r->n_lost--;
        return;
    }
    struct group *g = top(r);
    bool ends_meta = g->where == IN_META && r->depth > 1 && (g - 1)->where == IN_INFO;
    if (ends_meta) {
        (void)wf_stream_meta(r->w, g->meta, wf_buf_str(&r->meta)); /* failures stick there */
    }
    if (g->where == IN_NOTE && r->depth > 1 && (g - 1)->where != IN_NOTE) {
        (void)wf_buf_append_byte(&r->notes, '\n'); /* cut at its maximum is fine */
    }
    if (r->depth > 1) {
        r->depth--;
    }
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* "\'e4", "\~", "\-", "\*" and the like; r->i stands behind the backslash. */
static void take_symbol(struct rtf *r)
{
    char c = r->s.ptr[r->i++];
    switch (c) {
    case '\'':
        if (r->s.len - r->i >= 2 && hex_digit(r->s.ptr[r->i]) >= 0 &&
            hex_digit(r->s.ptr[r->i + 1]) >= 0) {
            int v = hex_digit(r->s.ptr[r->i]) * 16 + hex_digit(r->s.ptr[r->i + 1]);
            r->i += 2;
            put_byte(r, (char)(unsigned char)v);
        }
        break;
    case '*':
        r->star = r->i - 2 == r->open_at; /* inside a group it marks nothing */
        break;
    case '~':
        put_byte(r, ' ');
        break;
    case '_':
        put_byte(r, '-');
        break;
    case '\n':
    case '\r':
        end_paragraph(r);
        break;
    case '\\':
    case '{':
    case '}':
        put_byte(r, c);
        break;
    default:
        break; /* optional hyphens, index marks */
    }
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void take_control(struct rtf *r)
{
    size_t from = r->i;
    if (r->i >= r->s.len) {
        return;
    }
    if (!is_letter(r->s.ptr[r->i])) {
        take_symbol(r);
        return;
    }
    while (r->i < r->s.len && is_letter(r->s.ptr[r->i]) && r->i - from < WORD_MAX) {
        r->i++;
    }
    struct wf_str word = wf_str_sub(r->s, from, r->i);
    bool minus = r->i < r->s.len && r->s.ptr[r->i] == '-';
    size_t digits = r->i + minus;
    size_t end = digits;
    int number = 0;
    while (end < r->s.len && r->s.ptr[end] >= '0' && r->s.ptr[end] <= '9' && end - digits < 9) {
        number = number * 10 + (r->s.ptr[end] - '0');
        end++;
    }
    bool has_number = end > digits;
    r->i = has_number ? end : r->i;
    if (r->i < r->s.len && r->s.ptr[r->i] == ' ') {
        r->i++;
    }
    take_word(r, word, has_number, minus ? -number : number);
}

static void put_notes(struct rtf *r)
{
    struct wf_str rest = wf_buf_str(&r->notes);
    struct wf_str note;
    while (wf_str_line(&rest, &note)) {
        wf_compose_paragraph(&r->c);
        wf_compose_flow(&r->c, WF_STR("Note: "));
        wf_compose_flow(&r->c, note);
    }
}

static int read_all(struct rtf *r)
{
    for (unsigned n = 0; r->i < r->s.len; n++) {
        char c = r->s.ptr[r->i++];
        if (c == '{') {
            open_group(r);
        } else if (c == '}') {
            close_group(r);
        } else if (c == '\\') {
            take_control(r);
        } else if (c != '\r' && c != '\n' && c != '\0') {
            put_byte(r, c);
        }
        if (n % 4096 == 0 && wf_stream_status(r->w) != 0) {
            break;
        }
    }
    put_run(r);
    wf_compose_heading_end(&r->c);
    put_notes(r);
    return wf_stream_status(r->w);
}

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    static struct rtf r; /* large; a worker parses one document at a time */
    struct wf_buf raw;
    memset(&r, 0, sizeof(r));
    r.w = w;
    r.encoding = "WINDOWS-1252";
    r.depth = 1;
    r.groups[0].n_uc = 1;
    wf_compose_init(&r.c, w);
    wf_buf_init(&r.meta, 4096);
    wf_buf_init(&r.notes, 1u << 20);
    wf_buf_init(&raw, FILE_BYTES_MAX);
    int rc = wf_parse_read_all(in, &raw, err);
    if (rc == 0) {
        r.s = wf_buf_str(&raw);
        rc = read_all(&r);
    }
    if (rc == 0 && !wf_compose_any(&r.c)) {
        rc = wf_parse_no_text(err);
    }
    wf_buf_deinit(&raw);
    wf_buf_deinit(&r.meta);
    wf_buf_deinit(&r.notes);
    return rc;
}

const struct wf_format wf_format_rtf = {
    .id = "rtf",
    .title = "RTF document",
    .media_type = "application/rtf",
    .extensions = "rtf",
    .magic = "{\\rtf",
    .magic_bytes = 5,
    .parse = parse,
    .kind = WF_PARSE_ALONE,
};
