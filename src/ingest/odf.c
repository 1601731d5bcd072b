/* SPDX-License-Identifier: Apache-2.0 */
/* ODF: texts, spreadsheets, presentations and drawings of LibreOffice and others.
 *
 * Order: is it encrypted (the manifest says so), metadata, styles.xml (styles; headers, footers and
 * master pages onto a tape), content.xml, the tape. The flat form, one XML file, is read alike.
 *
 * Pages of a text are known when the program noted where its last layout broke them, or where
 * breaks are set; slides and sheets are pages. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "ingest/format.h"
#include "ingest/odf_internal.h"
#include "ingest/parse.h"

#define ARENA_BYTES_MAX (64u << 20)
#define STYLES_MAX 200000u
#define REST_BYTES_MAX (16u << 20)
#define META_BYTES_MAX (64u << 10)

static int walk(struct wf_odf *o, size_t i_member, const struct wf_xml_handler *h,
                struct wf_err *err)
{
    return i_member == SIZE_MAX ? wf_xml_walk_bytes(o->flat, h, &o->damaged, err)
                                : wf_xml_walk_member(o->archive, i_member, h, &o->damaged, err);
}

static void ignore_end(void *ud, int id)
{
    (void)ud;
    (void)id;
}

/* ---- encryption ---- */

enum {
    ENTRY = 1,
    ENCRYPTION
};
static const struct wf_xml_name manifest_names[] = {
    {"manifest:file-entry", ENTRY}, {"manifest:encryption-data", ENCRYPTION}, {NULL, 0}};

struct manifest_reader {
    bool is_content; /* the open entry is one that holds the text */
    bool encrypted;
};

static bool manifest_start(void *ud, int id, const struct wf_xml_element *e)
{
    struct manifest_reader *r = ud;
    if (id == ENTRY) {
        struct wf_str path = wf_xml_attr(e, "manifest:full-path");
        r->is_content =
            wf_str_eq(path, WF_STR("content.xml")) || wf_str_eq(path, WF_STR("encrypted-package"));
    } else if (id == ENCRYPTION && r->is_content) {
        r->encrypted = true;
    }
    return true;
}

static int check_encrypted(struct wf_odf *o, struct wf_err *err)
{
    size_t i = wf_archive_find(o->archive, WF_STR("META-INF/manifest.xml"));
    if (i == SIZE_MAX) {
        return 0;
    }
    struct manifest_reader r = {0};
    struct wf_xml_handler h = {.spaces = wf_odf_spaces,
                               .names = manifest_names,
                               .start = manifest_start,
                               .end = ignore_end,
                               .ud = &r};
    int rc = walk(o, i, &h, err);
    if (rc == WF_E_FORMAT) {
        o->damaged = true;
        rc = 0;
    }
    return rc == 0 && r.encrypted ? wf_archive_need_password(err) : rc;
}

/* ---- metadata ---- */

enum {
    META_TITLE = 1,
    META_AUTHOR,
    META_FIRST_AUTHOR,
    META_DATE,
    META_CREATED,
    META_LANGUAGE,
    META_SUBJECT,
    META_KEYWORD,
    META_DESCRIPTION,
    META_META,
    META_COUNT,
    META_BODY,
};
static const struct wf_xml_name meta_names[] = {
    {"dc:title", META_TITLE},
    {"dc:creator", META_AUTHOR},
    {"meta:initial-creator", META_FIRST_AUTHOR},
    {"dc:date", META_DATE},
    {"meta:creation-date", META_CREATED},
    {"dc:language", META_LANGUAGE},
    {"dc:subject", META_SUBJECT},
    {"meta:keyword", META_KEYWORD},
    {"dc:description", META_DESCRIPTION},
    {"office:meta", META_META},
    {"office:body", META_BODY},
    {NULL, 0},
};

struct meta_reader {
    bool in_meta;
    int open;
    struct wf_buf values[META_COUNT];
};

static bool meta_start(void *ud, int id, const struct wf_xml_element *e)
{
    (void)e;
    struct meta_reader *m = ud;
    m->in_meta = m->in_meta || id == META_META;
    m->open = m->in_meta && id < META_COUNT ? id : 0;
    if (m->open > 0 && m->values[m->open].len > 0) {
        (void)wf_buf_append_cstr(&m->values[m->open], ", "); /* too long: cut */
    }
    return id != META_BODY;
}

static void meta_end(void *ud, int id)
{
    struct meta_reader *m = ud;
    m->open = 0;
    m->in_meta = m->in_meta && id != META_META;
}

static void meta_text(void *ud, struct wf_str s)
{
    struct meta_reader *m = ud;
    if (m->open > 0) {
        (void)wf_buf_append_str(&m->values[m->open], s); /* too long: cut */
    }
}

static void write_meta(struct meta_reader *m, struct wf_stream_writer *w)
{
    static const struct {
        const char *key;
        int first, second; /* the second when the first is empty */
    } rows[] = {
        {"title", META_TITLE, 0},
        {"author", META_FIRST_AUTHOR, META_AUTHOR},
        {"date", META_DATE, META_CREATED},
        {"language", META_LANGUAGE, 0},
        {"subject", META_SUBJECT, 0},
        {"keywords", META_KEYWORD, 0},
        {"description", META_DESCRIPTION, 0},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_str v = wf_str_trim(wf_buf_str(&m->values[rows[i].first]));
        if (v.len == 0) {
            v = wf_str_trim(wf_buf_str(&m->values[rows[i].second]));
        }
        (void)wf_stream_meta(w, rows[i].key, v); /* its failure sticks */
    }
}

static int read_meta(struct wf_odf *o, struct wf_err *err)
{
    size_t i = o->archive != NULL ? wf_archive_find(o->archive, WF_STR("meta.xml")) : SIZE_MAX;
    if (o->archive != NULL && i == SIZE_MAX) {
        return 0;
    }
    struct meta_reader m = {0};
    for (int k = 0; k < META_COUNT; k++) {
        wf_buf_init(&m.values[k], META_BYTES_MAX);
    }
    struct wf_xml_handler h = {.spaces = wf_odf_spaces,
                               .names = meta_names,
                               .start = meta_start,
                               .end = meta_end,
                               .text = meta_text,
                               .ud = &m};
    int rc = walk(o, i, &h, err);
    if (rc == 0) {
        write_meta(&m, o->w);
    }
    for (int k = 0; k < META_COUNT; k++) {
        wf_buf_deinit(&m.values[k]);
    }
    return rc == WF_E_FORMAT ? 0 : rc; /* without its metadata it is whole enough */
}

/* ---- the document ---- */

static bool tells_pages(struct wf_str s)
{
    return wf_str_find(s, WF_STR("soft-page-break"), 0) != SIZE_MAX ||
           wf_str_find(s, WF_STR("break-before=\"page\""), 0) != SIZE_MAX ||
           wf_str_find(s, WF_STR("break-after=\"page\""), 0) != SIZE_MAX;
}

/* Does the text tell where a page ends? Looks at the bytes, which is a fraction of a walk. */
static int find_pages(struct wf_odf *o, size_t i_member, struct wf_err *err)
{
    if (i_member == SIZE_MAX) {
        o->page = tells_pages(o->flat) ? 1 : 0;
        return 0;
    }
    char window[(16u << 10) + 64];
    size_t n_kept = 0;
    int rc = wf_archive_begin(o->archive, i_member, err);
    while (rc == 0 && o->page == 0) {
        size_t n = 0;
        rc = wf_archive_read(o->archive, window + n_kept, sizeof(window) - n_kept, &n, err);
        if (rc != 0 || n == 0) {
            break;
        }
        struct wf_str s = wf_str_n(window, n_kept + n);
        o->page = tells_pages(s) ? 1 : 0;
        n_kept = WF_MIN(s.len, (size_t)32);
        memmove(window, window + s.len - n_kept, n_kept);
    }
    return rc == WF_E_FORMAT ? 0 : rc; /* the walk tells of damage */
}

static int read_packed(struct wf_odf *o, struct wf_err *err)
{
    size_t i = wf_archive_find(o->archive, WF_STR("content.xml"));
    int rc = check_encrypted(o, err);
    if (rc == 0 && i == SIZE_MAX) {
        return wf_err_set(err, WF_E_FORMAT,
                          "the file is damaged or incomplete: the part with the text is missing");
    }
    if (rc == 0) {
        rc = read_meta(o, err);
    }
    size_t i_styles = wf_archive_find(o->archive, WF_STR("styles.xml"));
    if (rc == 0 && i_styles != SIZE_MAX) {
        rc = wf_odf__walk(o, i_styles, err);
        if (rc == WF_E_FORMAT) {
            o->damaged = true;
            rc = 0;
        }
    }
    if (rc == 0) {
        rc = find_pages(o, i, err);
    }
    return rc == 0 ? wf_odf__walk(o, i, err) : rc;
}

static int read_flat(struct wf_odf *o, struct wf_err *err)
{
    int rc = read_meta(o, err);
    if (rc == 0) {
        rc = find_pages(o, SIZE_MAX, err);
    }
    return rc == 0 ? wf_odf__walk(o, SIZE_MAX, err) : rc;
}

static int finish(struct wf_odf *o, struct wf_err *err)
{
    bool damaged = o->damaged || (o->archive != NULL && wf_archive_damaged(o->archive));
    struct wf_emit out = {.c = &o->c};
    wf_emit_paragraph(&out);
    wf_emit_replay(&out, wf_buf_str(&o->rest));
    if (!wf_compose_any(&o->c)) {
        return damaged ? wf_err_set(err, WF_E_FORMAT,
                                    "the file is damaged or incomplete: no text could be read")
                       : wf_parse_no_text(err);
    }
    if (damaged) {
        (void)wf_stream_warning(o->w, "the file is damaged: some of its text may be missing");
    }
    return wf_stream_status(o->w);
}

static int open_document(struct wf_odf *o, const struct wf_parse_input *in, struct wf_err *err)
{
    char head[2];
    size_t n = 0;
    int rc = wf_parse_read_at(in, 0, head, sizeof(head), &n, err);
    if (rc == 0 && n == 2 && memcmp(head, "PK", 2) == 0) {
        return wf_archive_open_input(in, &o->archive, err);
    }
    return rc == 0 ? wf_parse_map(in, &o->flat, err) : rc;
}

static int parse(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)
{
    struct wf_odf o = {.w = w};
    wf_compose_init(&o.c, w);
    wf_arena_init(&o.arena, 0, ARENA_BYTES_MAX);
    wf_map_init(&o.styles, STYLES_MAX);
    wf_map_init(&o.list_styles, STYLES_MAX);
    wf_buf_init(&o.rest, REST_BYTES_MAX);
    int rc = open_document(&o, in, err);
    if (rc == 0) {
        rc = o.archive != NULL ? read_packed(&o, err) : read_flat(&o, err);
    }
    if (rc == 0) {
        rc = finish(&o, err);
    }
    wf_archive_free(o.archive);
    wf_parse_unmap(in, o.flat);
    wf_arena_deinit(&o.arena);
    wf_map_deinit(&o.styles);
    wf_map_deinit(&o.list_styles);
    wf_buf_deinit(&o.rest);
    return rc;
}

/* ---- rows ---- */

/* The media type stands at the front of the archive, or in the root of a flat file. */
static int score(const struct wf_format *f, const struct wf_format_hint *h)
{
    if (wf_format_zip_type_is(h, f->media_type)) {
        return WF_SCORE_CERTAIN;
    }
    if (wf_str_starts(h->head, WF_STR("PK\x03\x04"))) {
        return wf_format_has_extension(f, h) ? WF_SCORE_MAGIC : WF_SCORE_NO;
    }
    size_t at = wf_str_find(h->text, WF_STR("<office:document"), 0);
    return at != SIZE_MAX && wf_str_find(h->text, wf_str_from(f->media_type), at) != SIZE_MAX
               ? WF_SCORE_CERTAIN
               : WF_SCORE_NO;
}

static void warm(void)
{
    wf_xml_warm();
    wf_archive_warm();
}

const struct wf_format wf_format_odt = {
    .id = "odt",
    .title = "OpenDocument text",
    .media_type = "application/vnd.oasis.opendocument.text",
    .extensions = "odt ott odm fodt",
    .score = score,
    .parse = parse,
    .kind = WF_PARSE_ALONE,
    .warm = warm,
};

const struct wf_format wf_format_ods = {
    .id = "ods",
    .title = "OpenDocument spreadsheet",
    .media_type = "application/vnd.oasis.opendocument.spreadsheet",
    .extensions = "ods ots fods",
    .score = score,
    .parse = parse,
    .kind = WF_PARSE_ALONE,
};

const struct wf_format wf_format_odp = {
    .id = "odp",
    .title = "OpenDocument presentation",
    .media_type = "application/vnd.oasis.opendocument.presentation",
    .extensions = "odp otp fodp",
    .score = score,
    .parse = parse,
    .kind = WF_PARSE_ALONE,
};

const struct wf_format wf_format_odg = {
    .id = "odg",
    .title = "OpenDocument drawing",
    .media_type = "application/vnd.oasis.opendocument.graphics",
    .extensions = "odg otg fodg",
    .score = score,
    .parse = parse,
    .kind = WF_PARSE_ALONE,
};
