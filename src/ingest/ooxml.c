/* SPDX-License-Identifier: Apache-2.0 */
/* OOXML: relationships and properties of a package.
 *
 * A part "word/document.xml" has its relationships in "word/_rels/document.xml.rels"; targets are
 * relative to the part's folder. A list that is missing or broken is not fatal: the usual names
 * are tried, and a document without its footnotes is better than none. */
#include "ingest/ooxml.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

/* Names and short texts of one package. A relationship is about 200 bytes, a slide deck has some
 * thousand. */
#define ARENA_BYTES_MAX (64u << 20)
#define RELS_MAX 100000u
#define META_BYTES_MAX (64u << 10)

const struct wf_xml_ns wf_ooxml_spaces[] = {
    {"w", "/wordprocessingml/2006/main"},
    {"w", "/wordprocessingml/main"},
    {"s", "/spreadsheetml/2006/main"},
    {"s", "/spreadsheetml/main"},
    {"p", "/presentationml/2006/main"},
    {"p", "/presentationml/main"},
    {"a", "/drawingml/2006/main"},
    {"a", "/drawingml/main"},
    {"c", "/drawingml/2006/chart"},
    {"c", "/drawingml/chart"},
    {"dgm", "/drawingml/2006/diagram"},
    {"dgm", "/drawingml/diagram"},
    {"xdr", "/drawingml/2006/spreadsheetDrawing"},
    {"xdr", "/drawingml/spreadsheetDrawing"},
    {"m", "/officeDocument/2006/math"},
    {"m", "/officeDocument/math"},
    {"r", "/officeDocument/2006/relationships"},
    {"r", "/officeDocument/relationships"},
    {"mc", "/markup-compatibility/2006"},
    {"v", "schemas-microsoft-com:vml"},
    {"rel", "/package/2006/relationships"},
    {"cp", "/metadata/core-properties"},
    {"dc", "purl.org/dc/elements"},
    {"dct", "purl.org/dc/terms"},
    {"tc", "/spreadsheetml/2018/threadedcomments"},
    {"p188", "/powerpoint/2018/8/main"},
    {NULL, NULL},
};

int wf_ooxml_open(const struct wf_parse_input *in, struct wf_ooxml *pkg, struct wf_err *err)
{
    memset(pkg, 0, sizeof(*pkg));
    wf_arena_init(&pkg->arena, 0, ARENA_BYTES_MAX);
    return wf_archive_open_input(in, &pkg->archive, err);
}

void wf_ooxml_close(struct wf_ooxml *pkg)
{
    wf_archive_free(pkg->archive);
    pkg->archive = NULL;
    wf_arena_deinit(&pkg->arena);
}

/* ---- relationships ---- */

enum {
    REL = 1
};
static const struct wf_xml_name rel_names[] = {{"rel:Relationship", REL}, {NULL, 0}};

struct rel_reader {
    struct wf_ooxml *pkg;
    struct wf_str part; /* whose relationships they are */
    struct wf_ooxml_rels rels;
    size_t n_room;
};

static struct wf_str last_word(struct wf_str uri)
{
    size_t at = uri.len;
    while (at > 0 && uri.ptr[at - 1] != '/') {
        at--;
    }
    return wf_str_sub(uri, at, uri.len);
}

static bool grow_rels(struct rel_reader *r)
{
    if (r->rels.n_items < r->n_room) {
        return true;
    }
    size_t room = r->n_room * 2 + 16;
    struct wf_ooxml_rel *grown = wf_arena_array(&r->pkg->arena, room, sizeof(*grown));
    if (grown == NULL || room > RELS_MAX) {
        return false;
    }
    if (r->rels.n_items > 0) {
        memcpy(grown, r->rels.items, r->rels.n_items * sizeof(*grown));
    }
    r->rels.items = grown;
    r->n_room = room;
    return true;
}

static bool rel_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct rel_reader *r = ud;
    if (id != REL) {
        return true;
    }
    struct wf_arena *arena = &r->pkg->arena;
    struct wf_str rel_id = wf_arena_dup(arena, wf_xml_attr(e, "Id"));
    struct wf_str type = wf_arena_dup(arena, last_word(wf_xml_attr(e, "Type")));
    if (!grow_rels(r) || rel_id.ptr == NULL || type.ptr == NULL) {
        wf_xml_stop(e, WF_E_NOMEM);
        return false;
    }
    bool outside = wf_str_eq_nocase(wf_xml_attr(e, "TargetMode"), WF_STR("External"));
    r->rels.items[r->rels.n_items++] = (struct wf_ooxml_rel){
        .id = rel_id,
        .type = type,
        .i_member = outside
                        ? SIZE_MAX
                        : wf_archive_find_from(r->pkg->archive, r->part, wf_xml_attr(e, "Target")),
    };
    return true;
}

static void rel_end(void *ud, int id)
{
    (void)ud;
    (void)id;
}

int wf_ooxml_rels(struct wf_ooxml *pkg, size_t i_part, struct wf_ooxml_rels *out,
                  struct wf_err *err)
{
    *out = (struct wf_ooxml_rels){0};
    struct wf_str part =
        i_part == SIZE_MAX ? wf_str_n("", 0) : wf_archive_name(pkg->archive, i_part);
    struct wf_str file = last_word(part);
    struct wf_str folder = wf_str_sub(part, 0, part.len - file.len);
    char *name =
        wf_arena_printf(&pkg->arena, "%.*s_rels/%.*s.rels", WF_STR_ARG(folder), WF_STR_ARG(file));
    if (name == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "not enough memory to read the file");
    }
    size_t i = wf_archive_find(pkg->archive, wf_str_from(name));
    if (i == SIZE_MAX) {
        return 0;
    }
    struct rel_reader r = {.pkg = pkg, .part = part};
    struct wf_xml_handler h = {.spaces = wf_ooxml_spaces,
                               .names = rel_names,
                               .start = rel_start,
                               .end = rel_end,
                               .ud = &r};
    int rc = wf_xml_walk_member(pkg->archive, i, &h, &pkg->damaged, err);
    if (rc == WF_E_FORMAT) {
        pkg->damaged = true;
        rc = 0;
    } else if (rc == WF_E_NOMEM) {
        return wf_err_set(err, WF_E_NOMEM, "not enough memory to read the file");
    }
    *out = r.rels;
    return rc;
}

size_t wf_ooxml_by_id(const struct wf_ooxml_rels *rels, struct wf_str id)
{
    for (size_t i = 0; i < rels->n_items && id.len > 0; i++) {
        if (wf_str_eq(rels->items[i].id, id)) {
            return rels->items[i].i_member;
        }
    }
    return SIZE_MAX;
}

size_t wf_ooxml_by_type(const struct wf_ooxml_rels *rels, const char *type, size_t *io_i)
{
    struct wf_str t = wf_str_from(type);
    while (*io_i < rels->n_items) {
        const struct wf_ooxml_rel *r = &rels->items[(*io_i)++];
        if (r->i_member != SIZE_MAX && wf_str_eq(r->type, t)) {
            return r->i_member;
        }
    }
    return SIZE_MAX;
}

int wf_ooxml_main(struct wf_ooxml *pkg, const char *usual, size_t *out_i_member, struct wf_err *err)
{
    struct wf_ooxml_rels rels;
    int rc = wf_ooxml_rels(pkg, SIZE_MAX, &rels, err);
    if (rc != 0) {
        return rc;
    }
    size_t at = 0;
    size_t i = wf_ooxml_by_type(&rels, "officeDocument", &at);
    if (i == SIZE_MAX) {
        i = wf_archive_find(pkg->archive, wf_str_from(usual));
    }
    if (i == SIZE_MAX) {
        return wf_err_set(err, WF_E_FORMAT,
                          "the file is damaged or incomplete: the part with the text is missing");
    }
    *out_i_member = i;
    return 0;
}

/* ---- properties ---- */

enum {
    META_TITLE = 1,
    META_AUTHOR,
    META_CREATED,
    META_MODIFIED,
    META_LANGUAGE,
    META_SUBJECT,
    META_KEYWORDS,
    META_DESCRIPTION,
    META_COUNT
};
static const struct wf_xml_name meta_names[] = {
    {"dc:title", META_TITLE},
    {"dc:creator", META_AUTHOR},
    {"dct:created", META_CREATED},
    {"dct:modified", META_MODIFIED},
    {"dc:language", META_LANGUAGE},
    {"dc:subject", META_SUBJECT},
    {"cp:keywords", META_KEYWORDS},
    {"dc:description", META_DESCRIPTION},
    {NULL, 0},
};
static const char *const meta_keys[META_COUNT] = {
    [META_TITLE] = "title",
    [META_AUTHOR] = "author",
    [META_MODIFIED] = "date",
    [META_LANGUAGE] = "language",
    [META_SUBJECT] = "subject",
    [META_KEYWORDS] = "keywords",
    [META_DESCRIPTION] = "description",
};

struct meta_reader {
    int open; /* META_*, or 0 */
    struct wf_buf values[META_COUNT];
};

static bool meta_start(void *ud, int id, const struct wf_xml_element *e)
{
    (void)e;
    struct meta_reader *m = ud;
    m->open = id;
    return true;
}

static void meta_end(void *ud, int id)
{
    (void)id;
    struct meta_reader *m = ud;
    m->open = 0;
}

static void meta_text(void *ud, struct wf_str s)
{
    struct meta_reader *m = ud;
    if (m->open > 0) {
        (void)wf_buf_append_str(&m->values[m->open], s); /* too long: cut */
    }
}

/* The day it was last changed, or made. */
static void write_meta(struct meta_reader *m, struct wf_stream_writer *w)
{
    if (m->values[META_MODIFIED].len == 0) {
        (void)wf_buf_append_str(&m->values[META_MODIFIED], wf_buf_str(&m->values[META_CREATED]));
    }
    for (int i = 1; i < META_COUNT; i++) {
        if (meta_keys[i] != NULL) {
            struct wf_str v = wf_str_trim(wf_buf_str(&m->values[i]));
            (void)wf_stream_meta(w, meta_keys[i], v); /* its failure sticks */
        }
    }
}

int wf_ooxml_meta(struct wf_ooxml *pkg, struct wf_stream_writer *w, struct wf_err *err)
{
    struct wf_ooxml_rels rels;
    int rc = wf_ooxml_rels(pkg, SIZE_MAX, &rels, err);
    if (rc != 0) {
        return rc;
    }
    size_t at = 0;
    size_t i = wf_ooxml_by_type(&rels, "core-properties", &at);
    if (i == SIZE_MAX) {
        i = wf_archive_find(pkg->archive, WF_STR("docProps/core.xml"));
    }
    if (i == SIZE_MAX) {
        return 0;
    }
    struct meta_reader m = {0};
    for (int k = 0; k < META_COUNT; k++) {
        wf_buf_init(&m.values[k], META_BYTES_MAX);
    }
    struct wf_xml_handler h = {.spaces = wf_ooxml_spaces,
                               .names = meta_names,
                               .start = meta_start,
                               .end = meta_end,
                               .text = meta_text,
                               .ud = &m};
    struct wf_err ignored;
    rc = wf_xml_walk_member(pkg->archive, i, &h, NULL, &ignored);
    if (rc == 0) {
        write_meta(&m, w);
    }
    for (int k = 0; k < META_COUNT; k++) {
        wf_buf_deinit(&m.values[k]);
    }
    /* A document without its properties is whole enough. */
    return rc == WF_E_NOMEM ? wf_err_set(err, rc, "not enough memory to read the file")
                            : wf_stream_status(w);
}

/* ---- for the rows ---- */

/* What there is instead of text, for the refusal: not every document without text is empty. */
static int refuse(const struct wf_archive *a, struct wf_err *err)
{
    bool embedded = false;
    bool media = false;
    for (size_t i = 0; i < wf_archive_count(a); i++) {
        embedded =
            embedded || wf_str_find(wf_archive_name(a, i), WF_STR("/embeddings/"), 0) != SIZE_MAX;
        media = media || wf_str_find(wf_archive_name(a, i), WF_STR("/media/"), 0) != SIZE_MAX;
    }
    if (embedded) {
        return wf_err_set(err, WF_E_FORMAT,
                          "the document holds no text of its own, only files inside it: save those "
                          "and add them");
    }
    return media ? wf_err_set(err, WF_E_FORMAT, "the document holds no text, only pictures")
                 : wf_parse_no_text(err);
}

int wf_ooxml_finish(const struct wf_ooxml *pkg, const struct wf_compose *c,
                    struct wf_stream_writer *w, struct wf_err *err)
{
    bool damaged = pkg->damaged || wf_archive_damaged(pkg->archive);
    if (!wf_compose_any(c)) {
        return damaged ? wf_err_set(err, WF_E_FORMAT,
                                    "the file is damaged or incomplete: no text could be read")
                       : refuse(pkg->archive, err);
    }
    if (damaged) {
        (void)wf_stream_warning(w, "the file is damaged: some of its text may be missing");
    }
    return wf_stream_status(w);
}

int wf_ooxml_score(const struct wf_format *f, const struct wf_format_hint *h, const char *folder)
{
    if (!wf_str_starts(h->head, WF_STR("PK\x03\x04"))) {
        return WF_SCORE_NO;
    }
    if (wf_format_zip_has(h, folder)) {
        return WF_SCORE_CERTAIN;
    }
    return wf_format_has_extension(f, h) ? WF_SCORE_MAGIC : WF_SCORE_NO;
}

void wf_ooxml_warm(void)
{
    wf_xml_warm();
    wf_archive_warm();
}
