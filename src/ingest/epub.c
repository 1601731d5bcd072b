/* SPDX-License-Identifier: Apache-2.0 */
/* EPUB: books. The package file (OPF) tells the order of the chapters (its spine); each chapter is
 * a page of XHTML, read by the HTML parser, which forgives what many books get wrong.
 *
 * A chapter without a heading of its own gets its title from the table of contents (NCX, or the
 * navigation page of EPUB 3). There are no pages: a book's text flows. A book whose chapters are
 * encrypted (DRM) is refused; one whose fonts are scrambled, which many are, is not. A book whose
 * package file is lost still has its chapters: they are taken in the order they lie in. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "ingest/archive.h"
#include "ingest/compose.h"
#include "ingest/format.h"
#include "ingest/html.h"
#include "ingest/parse.h"
#include "ingest/xml.h"

#define ARENA_BYTES_MAX (64u << 20)
/* A chapter is in memory as it is, as UTF-8, and in the parser. */
#define CHAPTER_BYTES_MAX (48u << 20)
#define META_BYTES_MAX (64u << 10)
/* Where in a chapter its title would stand. */
#define TITLE_WITHIN_BYTES (8u << 10)

/* What the book says about one member of the archive. */
struct part {
    struct wf_str title; /* in the table of contents */
    unsigned level;      /* 1 = a chapter */
    bool is_text;        /* XHTML */
    bool is_nav;         /* the table of contents itself */
    bool encrypted;
};

enum {
    META_TITLE = 1,
    META_AUTHOR,
    META_DATE,
    META_LANGUAGE,
    META_SUBJECT,
    META_DESCRIPTION,
    META_COUNT
};
static const char *const meta_keys[META_COUNT] = {
    [META_TITLE] = "title",       [META_AUTHOR] = "author",   [META_DATE] = "date",
    [META_LANGUAGE] = "language", [META_SUBJECT] = "subject", [META_DESCRIPTION] = "description",
};

struct book {
    struct wf_archive *archive;
    struct wf_arena arena;
    struct wf_stream_writer *w;
    struct wf_compose c;
    bool damaged;
    struct part *parts;  /* one a member */
    size_t i_opf, i_toc; /* members, or SIZE_MAX */
    size_t *items;       /* members in the order of the package's manifest */
    struct wf_str *item_ids;
    size_t n_items, n_room;
    size_t *spine; /* members in reading order */
    size_t n_spine, n_spine_room;
    /* what the open element is about, while a part is walked */
    int meta_open;
    struct wf_buf meta[META_COUNT];
    struct wf_buf label; /* of the table of contents */
    unsigned toc_depth;
    bool in_toc, in_label, font_only;
    size_t i_link;
};

static const struct wf_xml_ns spaces[] = {
    {"container", "opendocument:xmlns:container"},
    {"opf", "idpf.org/2007/opf"},
    {"opf", "openebook.org/namespaces/oeb-package"},
    {"dc", "purl.org/dc/elements"},
    {"ncx", "daisy.org/z3986/2005/ncx"},
    {"h", "w3.org/1999/xhtml"},
    {"epub", "idpf.org/2007/ops"},
    {"enc", "w3.org/2001/04/xmlenc"},
    {NULL, NULL},
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "not enough memory to read the book");
}

static int walk(struct book *b, size_t i_member, const struct wf_xml_name *names,
                bool (*start)(void *, int, const struct wf_xml_element *), void (*end)(void *, int),
                void (*text)(void *, struct wf_str), struct wf_err *err)
{
    struct wf_xml_handler h = {
        .spaces = spaces, .names = names, .start = start, .end = end, .text = text, .ud = b};
    int rc = wf_xml_walk_member(b->archive, i_member, &h, &b->damaged, err);
    if (rc == WF_E_FORMAT) {
        b->damaged = true;
        rc = 0;
    }
    return rc == WF_E_NOMEM ? no_memory(err) : rc;
}

static void ignore_end(void *ud, int id)
{
    (void)ud;
    (void)id;
}

/* ---- container.xml and encryption.xml ---- */

enum {
    ROOT_FILE = 1,
    METHOD,
    CIPHER
};
static const struct wf_xml_name container_names[] = {{"container:rootfile", ROOT_FILE}, {NULL, 0}};
static const struct wf_xml_name encryption_names[] = {
    {"enc:EncryptionMethod", METHOD}, {"enc:CipherReference", CIPHER}, {NULL, 0}};

static bool container_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct book *b = ud;
    if (id == ROOT_FILE && b->i_opf == SIZE_MAX) {
        b->i_opf = wf_archive_find_from(b->archive, wf_str_n("", 0), wf_xml_attr(e, "full-path"));
    }
    return true;
}

/* Two methods only scramble fonts, against copying them out of the book. */
static bool encryption_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct book *b = ud;
    if (id == METHOD) {
        struct wf_str how = wf_xml_attr(e, "Algorithm");
        b->font_only = wf_str_find(how, WF_STR("idpf.org/2008/embedding"), 0) != SIZE_MAX ||
                       wf_str_find(how, WF_STR("ns.adobe.com/pdf/enc#RC"), 0) != SIZE_MAX;
    } else if (id == CIPHER && !b->font_only) {
        size_t i = wf_archive_find_from(b->archive, wf_str_n("", 0), wf_xml_attr(e, "URI"));
        if (i != SIZE_MAX) {
            b->parts[i].encrypted = true;
        }
    }
    return true;
}

/* The package file, where container.xml says or else the first that there is. */
static int find_opf(struct book *b, struct wf_err *err)
{
    size_t i = wf_archive_find(b->archive, WF_STR("META-INF/container.xml"));
    int rc =
        i != SIZE_MAX ? walk(b, i, container_names, container_start, ignore_end, NULL, err) : 0;
    for (i = 0; b->i_opf == SIZE_MAX && i < wf_archive_count(b->archive); i++) {
        struct wf_str name = wf_archive_name(b->archive, i);
        if (wf_str_ends(name, WF_STR(".opf")) && !wf_str_starts(name, WF_STR("__MACOSX/"))) {
            b->i_opf = i;
        }
    }
    i = wf_archive_find(b->archive, WF_STR("META-INF/encryption.xml"));
    return rc == 0 && i != SIZE_MAX
               ? walk(b, i, encryption_names, encryption_start, ignore_end, NULL, err)
               : rc;
}

/* ---- the package file ---- */

enum {
    ITEM = META_COUNT,
    ITEM_REF,
    SPINE
};
static const struct wf_xml_name opf_names[] = {
    {"dc:title", META_TITLE},     {"dc:creator", META_AUTHOR},
    {"dc:date", META_DATE},       {"dc:language", META_LANGUAGE},
    {"dc:subject", META_SUBJECT}, {"dc:description", META_DESCRIPTION},
    {"opf:item", ITEM},           {"opf:itemref", ITEM_REF},
    {"opf:spine", SPINE},         {NULL, 0},
};

static bool grow_items(struct book *b)
{
    if (b->n_items < b->n_room) {
        return true;
    }
    size_t room = b->n_room * 2 + 64;
    size_t *items = wf_realloc_array(b->items, room, sizeof(*items));
    if (items != NULL) {
        b->items = items;
    }
    struct wf_str *ids = wf_realloc_array(b->item_ids, room, sizeof(*ids));
    if (ids != NULL) {
        b->item_ids = ids;
    }
    b->n_room = items != NULL && ids != NULL ? room : b->n_room;
    return items != NULL && ids != NULL;
}

static bool add_item(struct book *b, const struct wf_xml_element *e)
{
    struct wf_str base = wf_archive_name(b->archive, b->i_opf);
    struct wf_str type = wf_xml_attr(e, "media-type");
    size_t i = wf_archive_find_from(b->archive, base, wf_xml_attr(e, "href"));
    if (i == SIZE_MAX) {
        return true; /* the spine tells whether it is missed */
    }
    struct wf_str id = wf_arena_dup(&b->arena, wf_xml_attr(e, "id"));
    if (id.ptr == NULL || !grow_items(b)) {
        return false;
    }
    b->parts[i].is_text = wf_str_find(type, WF_STR("html"), 0) != SIZE_MAX ||
                          wf_str_eq(type, WF_STR("text/x-oeb1-document"));
    bool nav = wf_str_find(wf_xml_attr(e, "properties"), WF_STR("nav"), 0) != SIZE_MAX;
    if (nav || (wf_str_find(type, WF_STR("dtbncx"), 0) != SIZE_MAX && b->i_toc == SIZE_MAX)) {
        b->i_toc = i;
        b->parts[i].is_nav = nav;
    }
    b->items[b->n_items] = i;
    b->item_ids[b->n_items++] = id;
    return true;
}

static bool add_spine(struct book *b, size_t i_member)
{
    if (b->n_spine == b->n_spine_room) {
        size_t room = b->n_spine_room * 2 + 64;
        size_t *grown = wf_realloc_array(b->spine, room, sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        b->spine = grown;
        b->n_spine_room = room;
    }
    b->spine[b->n_spine++] = i_member;
    return true;
}

static bool add_item_ref(struct book *b, struct wf_str id)
{
    for (size_t i = 0; i < b->n_items; i++) {
        if (wf_str_eq(b->item_ids[i], id)) {
            return add_spine(b, b->items[i]);
        }
    }
    b->damaged = true;
    return true;
}

static bool opf_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct book *b = ud;
    bool ok = true;
    b->meta_open = id < META_COUNT ? id : 0;
    if (b->meta_open > 0 && b->meta[id].len > 0) {
        if (id == META_TITLE || id == META_DATE || id == META_LANGUAGE) {
            b->meta_open = 0; /* the first one counts */
        } else {
            (void)wf_buf_append_cstr(&b->meta[id], ", "); /* too long: cut */
        }
    } else if (id == ITEM) {
        ok = add_item(b, e);
    } else if (id == ITEM_REF) {
        ok = add_item_ref(b, wf_xml_attr(e, "idref"));
    }
    if (!ok) {
        wf_xml_stop(e, WF_E_NOMEM);
    }
    return true;
}

static void opf_end(void *ud, int id)
{
    (void)id;
    struct book *b = ud;
    b->meta_open = 0;
}

static void opf_text(void *ud, struct wf_str s)
{
    struct book *b = ud;
    if (b->meta_open > 0) {
        (void)wf_buf_append_str(&b->meta[b->meta_open], s); /* too long: cut */
    }
}

/* A date of the form that metadata wants: it begins with a year. */
static bool is_iso_date(struct wf_str s)
{
    for (size_t i = 0; i < 4; i++) {
        if (i >= s.len || s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return s.len == 4 || s.ptr[4] == '-';
}

static void write_meta(struct book *b)
{
    for (int i = 1; i < META_COUNT; i++) {
        struct wf_str v = wf_str_trim(wf_buf_str(&b->meta[i]));
        if (i != META_DATE || is_iso_date(v)) {
            (void)wf_stream_meta(b->w, meta_keys[i], v); /* its failure sticks */
        }
    }
}

/* ---- the table of contents ---- */

enum {
    NAV_POINT = 1,
    NAV_LABEL,
    NAV_TEXT,
    NAV_CONTENT,
    NAV,
    LIST,
    LINK
};
static const struct wf_xml_name toc_names[] = {
    {"ncx:navPoint", NAV_POINT},
    {"ncx:navLabel", NAV_LABEL},
    {"ncx:text", NAV_TEXT},
    {"ncx:content", NAV_CONTENT},
    {"h:nav", NAV},
    {"h:ol", LIST},
    {"h:a", LINK},
    {NULL, 0},
};

/* The label belongs to this member, unless an earlier one does. */
static void name_part(struct book *b, size_t i_member)
{
    struct wf_str title = wf_str_trim(wf_buf_str(&b->label));
    if (i_member != SIZE_MAX && title.len > 0 && b->parts[i_member].title.len == 0) {
        b->parts[i_member].title = wf_arena_dup(&b->arena, title); /* no memory: no title */
        b->parts[i_member].level = WF_MIN(WF_MAX(b->toc_depth, 1u), 6u);
    }
}

static size_t linked(const struct book *b, struct wf_str href)
{
    return wf_archive_find_from(b->archive, wf_archive_name(b->archive, b->i_toc), href);
}

static bool toc_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct book *b = ud;
    switch (id) {
    case NAV_POINT:
    case LIST:
        b->toc_depth++;
        break;
    case NAV_LABEL:
        wf_buf_reset(&b->label);
        break;
    case NAV_TEXT:
        b->in_label = true;
        break;
    case NAV_CONTENT:
        name_part(b, linked(b, wf_xml_attr(e, "src")));
        break;
    case NAV: {
        struct wf_str type = wf_xml_attr(e, "epub:type");
        b->in_toc = wf_str_eq(type, WF_STR("toc"));
        return b->in_toc;
    }
    case LINK:
        wf_buf_reset(&b->label);
        b->in_label = b->in_toc;
        b->i_link = linked(b, wf_xml_attr(e, "href"));
        break;
    default:
        break;
    }
    return true;
}

static void toc_end(void *ud, int id)
{
    struct book *b = ud;
    if (id == NAV_POINT || id == LIST) {
        b->toc_depth--;
    } else if (id == NAV_TEXT) {
        b->in_label = false;
    } else if (id == NAV) {
        b->in_toc = false;
    } else if (id == LINK && b->in_label) {
        b->in_label = false;
        name_part(b, b->i_link);
    }
}

static void toc_text(void *ud, struct wf_str s)
{
    struct book *b = ud;
    if (b->in_label) {
        (void)wf_buf_append_str(&b->label, s); /* too long: cut */
    }
}

/* ---- chapters ---- */

static bool has_heading(struct wf_str html)
{
    for (size_t i = 0; (i = wf_str_find(html, WF_STR("<h"), i)) != SIZE_MAX; i += 2) {
        char level = i + 2 < html.len ? html.ptr[i + 2] : '\0';
        char behind = i + 3 < html.len ? html.ptr[i + 3] : '\0';
        if (level >= '1' && level <= '6' && (behind == '>' || behind == ' ')) {
            return true;
        }
    }
    return false;
}

static void put_title(struct book *b, const struct part *p, struct wf_str html)
{
    struct wf_str front = wf_str_sub(html, wf_str_find(html, WF_STR("<body"), 0), SIZE_MAX);
    front = wf_str_sub(front, 0, TITLE_WITHIN_BYTES);
    if (p->title.len > 0 && !has_heading(html) && wf_str_find(front, p->title, 0) == SIZE_MAX) {
        wf_compose_heading(&b->c, p->level);
        wf_compose_flow(&b->c, p->title);
        wf_compose_heading_end(&b->c);
    }
}

/* A chapter that is damaged or too large costs its own text only. */
static int read_chapter(struct book *b, size_t i_member, struct wf_buf *bytes, struct wf_err *err)
{
    const struct part *p = &b->parts[i_member];
    struct wf_html_options o = {.no_meta = true};
    wf_buf_reset(bytes);
    int rc = wf_archive_read_all(b->archive, i_member, bytes, err);
    if (rc == WF_E_FORMAT || (rc == WF_E_LIMIT && bytes->len > CHAPTER_BYTES_MAX / 2)) {
        b->damaged = true;
        rc = 0;
    }
    if (rc == 0 && bytes->len > 0) {
        wf_compose_paragraph(&b->c);
        put_title(b, p, wf_buf_str(bytes));
        rc = wf_html_text(wf_buf_str(bytes), &o, &b->c, b->w, err);
        wf_compose_heading_end(&b->c);
        wf_compose_paragraph(&b->c);
    }
    return rc == 0 ? wf_stream_status(b->w) : rc;
}

static bool looks_like_text(struct wf_str name)
{
    return wf_str_ends(name, WF_STR(".xhtml")) || wf_str_ends(name, WF_STR(".html")) ||
           wf_str_ends(name, WF_STR(".htm"));
}

/* The order of the files, for a book whose package file tells none. */
static int list_all(struct book *b, struct wf_err *err)
{
    b->damaged = true;
    for (size_t i = 0; i < wf_archive_count(b->archive); i++) {
        if (looks_like_text(wf_archive_name(b->archive, i))) {
            b->parts[i].is_text = true;
            if (!add_spine(b, i)) {
                return no_memory(err);
            }
        }
    }
    return 0;
}

static int read_chapters(struct book *b, struct wf_err *err)
{
    struct wf_buf bytes;
    wf_buf_init(&bytes, CHAPTER_BYTES_MAX);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < b->n_spine; i++) {
        const struct part *p = &b->parts[b->spine[i]];
        if (p->encrypted) {
            rc = wf_err_set(err, WF_E_ENCRYPTED,
                            "the book is protected against copying (DRM): only the program it was "
                            "bought for can open it");
        } else if (p->is_text && !p->is_nav) {
            rc = read_chapter(b, b->spine[i], &bytes, err);
        }
    }
    wf_buf_deinit(&bytes);
    return rc;
}

/* ---- the book ---- */

static int read_book(struct book *b, struct wf_err *err)
{
    int rc = find_opf(b, err);
    if (rc == 0 && b->i_opf != SIZE_MAX) {
        rc = walk(b, b->i_opf, opf_names, opf_start, opf_end, opf_text, err);
        write_meta(b);
    }
    if (rc == 0 && b->i_toc != SIZE_MAX) {
        rc = walk(b, b->i_toc, toc_names, toc_start, toc_end, toc_text, err);
    }
    if (rc == 0 && b->n_spine == 0) {
        rc = list_all(b, err);
    }
    if (rc == 0) {
        rc = read_chapters(b, err);
    }
    if (rc != 0) {
        return rc;
    }
    bool damaged = b->damaged || wf_archive_damaged(b->archive);
    if (!wf_compose_any(&b->c)) {
        return damaged ? wf_err_set(err, WF_E_FORMAT,
                                    "the book is damaged or incomplete: no text could be read")
                       : wf_parse_no_text(err);
    }
    if (damaged) {
        (void)wf_stream_warning(b->w, "the book is damaged: some of its text may be missing");
    }
    return wf_stream_status(b->w);
}

static void deinit(struct book *b)
{
    wf_archive_free(b->archive);
    wf_arena_deinit(&b->arena);
    wf_free(b->parts);
    wf_free(b->items);
    wf_free(b->item_ids);
    wf_free(b->spine);
    for (int i = 0; i < META_COUNT; i++) {
        wf_buf_deinit(&b->meta[i]);
    }
    wf_buf_deinit(&b->label);
}

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    struct book b = {.w = w, .i_opf = SIZE_MAX, .i_toc = SIZE_MAX};
    wf_compose_init(&b.c, w);
    wf_arena_init(&b.arena, 0, ARENA_BYTES_MAX);
    for (int i = 0; i < META_COUNT; i++) {
        wf_buf_init(&b.meta[i], META_BYTES_MAX);
    }
    wf_buf_init(&b.label, 1024);
    int rc = wf_archive_open_input(in, &b.archive, err);
    if (rc == 0) {
        b.parts = wf_alloc_array(wf_archive_count(b.archive), sizeof(*b.parts));
        rc = b.parts == NULL ? no_memory(err) : read_book(&b, err);
    }
    deinit(&b);
    return rc;
}

static int score(const struct wf_format *f, const struct wf_format_hint *h)
{
    if (!wf_str_starts(h->head, WF_STR("PK\x03\x04"))) {
        return WF_SCORE_NO;
    }
    if (wf_format_zip_type_is(h, f->media_type) || wf_format_zip_has(h, "META-INF/container.xml")) {
        return WF_SCORE_CERTAIN;
    }
    return wf_format_has_extension(f, h) ? WF_SCORE_MAGIC : WF_SCORE_NO;
}

static void warm(void)
{
    wf_xml_warm();
    wf_archive_warm();
}

const struct wf_format wf_format_epub = {
    .id = "epub",
    .title = "EPUB book",
    .media_type = "application/epub+zip",
    .extensions = "epub",
    .score = score,
    .parse = parse,
    .kind = WF_PARSE_ALONE,
    .warm = warm,
};
