/* SPDX-License-Identifier: Apache-2.0 */
/* XML: libxml2's push parser with SAX2 callbacks, fed piece by piece.
 *
 * No tree is built. A name is looked up by its two interned pointers (namespace and local name,
 * from libxml2's dictionary) in a small cache, so that the tables of the formats are searched once
 * for every name of a part and not once for every element.
 *
 * Entities: the parser asks `get_entity`, which knows the five of XML only; declarations are
 * ignored, so nothing can expand. Recovery is on: a broken part goes on as well as it can.
 *
 * Invariants: (1) ids[0..depth) are the open elements that the handler accepted; (2) while
 * n_skipped > 0 the walk stands inside an element that was passed over, n_skipped levels deep. */
#include "ingest/xml.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "base/limits.h"

#define CACHE_SLOTS 1024u /* a power of two; documents use 50 to 300 names */
#define PIECE_BYTES (16u << 10)

struct cached_name {
    const xmlChar *uri;
    const xmlChar *local; /* NULL: the slot is free */
    int id;
};

struct wf_xml {
    const struct wf_xml_handler *h;
    xmlParserCtxtPtr ctxt;
    int depth; /* (1) */
    int ids[WF_LIMIT_NESTING];
    int n_skipped; /* (2) */
    bool stopped;
    bool too_deep;
    int code; /* what stopped it */
    size_t n_cached;
    struct cached_name cache[CACHE_SLOTS];
};

struct wf_xml_element {
    struct wf_xml *x;
    const xmlChar **attrs; /* five pointers each: local, prefix, URI, value, end of value */
    int n_attrs;
};

/* ---- names ---- */

static bool in_space(const struct wf_xml_handler *h, const char *prefix, size_t prefix_len,
                     const xmlChar *uri)
{
    for (const struct wf_xml_ns *ns = h->spaces; uri != NULL && ns->prefix != NULL; ns++) {
        if (strlen(ns->prefix) == prefix_len && memcmp(ns->prefix, prefix, prefix_len) == 0 &&
            strstr((const char *)uri, ns->uri_piece) != NULL) {
            return true;
        }
    }
    return false;
}

/* Does our name ("w:val" or "val") mean this local name in this namespace? */
static bool means(const struct wf_xml_handler *h, const char *name, const xmlChar *local,
                  const xmlChar *uri)
{
    const char *colon = strchr(name, ':');
    const char *our_local = colon != NULL ? colon + 1 : name;
    return strcmp(our_local, (const char *)local) == 0 &&
           (colon == NULL || in_space(h, name, (size_t)(colon - name), uri));
}

static int search_name(const struct wf_xml_handler *h, const xmlChar *local, const xmlChar *uri)
{
    for (const struct wf_xml_name *n = h->names; n->name != NULL; n++) {
        if (means(h, n->name, local, uri)) {
            return n->id;
        }
    }
    return 0;
}

static int find_id(struct wf_xml *x, const xmlChar *local, const xmlChar *uri)
{
    size_t key = (size_t)local * 31 + (size_t)uri;
    size_t i = (key ^ key >> 12) & (CACHE_SLOTS - 1);
    while (x->cache[i].local != NULL) {
        if (x->cache[i].local == local && x->cache[i].uri == uri) {
            return x->cache[i].id;
        }
        i = (i + 1) & (CACHE_SLOTS - 1);
    }
    int id = search_name(x->h, local, uri);
    if (x->n_cached < CACHE_SLOTS / 2) { /* a hostile part may use any number of names */
        x->cache[i] = (struct cached_name){.uri = uri, .local = local, .id = id};
        x->n_cached++;
    }
    return id;
}

/* ---- attributes ---- */

static struct wf_str attr_value(const struct wf_xml_element *e, int i)
{
    const xmlChar **a = e->attrs + (ptrdiff_t)5 * i;
    return wf_str_n((const char *)a[3], (size_t)(a[4] - a[3]));
}

struct wf_str wf_xml_attr(const struct wf_xml_element *e, const char *name)
{
    for (int i = 0; i < e->n_attrs; i++) {
        const xmlChar **a = e->attrs + (ptrdiff_t)5 * i;
        if (means(e->x->h, name, a[0], a[2])) {
            return attr_value(e, i);
        }
    }
    return wf_str_n(NULL, 0);
}

long wf_xml_attr_long(const struct wf_xml_element *e, const char *name, long otherwise)
{
    int64_t v;
    return wf_str_to_i64(wf_xml_attr(e, name), &v) && v >= LONG_MIN && v <= LONG_MAX ? (long)v
                                                                                     : otherwise;
}

bool wf_xml_attr_bool(const struct wf_xml_element *e, const char *name, bool otherwise)
{
    struct wf_str v = wf_xml_attr(e, name);
    if (wf_str_eq(v, WF_STR("1")) || wf_str_eq(v, WF_STR("true")) || wf_str_eq(v, WF_STR("on"))) {
        return true;
    }
    if (wf_str_eq(v, WF_STR("0")) || wf_str_eq(v, WF_STR("false")) || wf_str_eq(v, WF_STR("off")) ||
        wf_str_eq(v, WF_STR("none"))) {
        return false;
    }
    return otherwise;
}

bool wf_xml_attr_next(const struct wf_xml_element *e, int *io_i, struct wf_str *out_local,
                      struct wf_str *out_value)
{
    if (*io_i >= e->n_attrs) {
        return false;
    }
    *out_local = wf_str_from((const char *)e->attrs[(ptrdiff_t)5 * *io_i]);
    *out_value = attr_value(e, *io_i);
    ++*io_i;
    return true;
}

static void stop(struct wf_xml *x, int code)
{
    x->stopped = true;
    x->code = code;
    xmlStopParser(x->ctxt);
}

void wf_xml_stop(const struct wf_xml_element *e, int code)
{
    stop(e->x, code);
}

/* ---- what libxml2 calls ---- */

static void on_start(void *ud, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
                     int n_spaces, const xmlChar **spaces, int n_attrs, int n_defaulted,
                     const xmlChar **attrs)
{
    (void)prefix;
    (void)n_spaces;
    (void)spaces;
    (void)n_defaulted;
    struct wf_xml *x = ud;
    if (x->stopped) {
        return;
    }
    if (x->n_skipped > 0) {
        x->n_skipped++; /* libxml2 itself ends at 256 levels */
        return;
    }
    if (x->depth == WF_LIMIT_NESTING) {
        x->too_deep = true;
        stop(x, WF_E_LIMIT);
        return;
    }
    int id = find_id(x, local, uri);
    struct wf_xml_element e = {.x = x, .attrs = attrs, .n_attrs = n_attrs};
    if (x->h->start(x->h->ud, id, &e)) {
        x->ids[x->depth++] = id;
    } else {
        x->n_skipped = 1;
    }
}

static void on_end(void *ud, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
    (void)local;
    (void)prefix;
    (void)uri;
    struct wf_xml *x = ud;
    if (x->n_skipped > 0) {
        x->n_skipped--;
    } else if (!x->stopped && x->depth > 0) {
        x->depth--;
        x->h->end(x->h->ud, x->ids[x->depth]);
    }
}

static void on_text(void *ud, const xmlChar *s, int len)
{
    struct wf_xml *x = ud;
    if (!x->stopped && x->n_skipped == 0 && x->h->text != NULL && len > 0) {
        x->h->text(x->h->ud, wf_str_n((const char *)s, (size_t)len));
    }
}

static xmlEntityPtr get_entity(void *ud, const xmlChar *name)
{
    (void)ud;
    return xmlGetPredefinedEntity(name);
}

static void ignore_error(void *ud, const char *fmt, ...)
{
    (void)ud;
    (void)fmt;
}

/* ---- the walk ---- */

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "not enough memory to read the file");
}

static int begin(struct wf_xml *x, const struct wf_xml_handler *h, struct wf_err *err)
{
    x->h = h;
    xmlSAXHandler sax = {
        .getEntity = get_entity,
        .characters = on_text,
        .ignorableWhitespace = on_text,
        .cdataBlock = on_text,
        .startElementNs = on_start,
        .endElementNs = on_end,
        .error = ignore_error,
        .warning = ignore_error,
        .initialized = XML_SAX2_MAGIC,
    };
    x->ctxt = xmlCreatePushParserCtxt(&sax, x, NULL, 0, NULL);
    if (x->ctxt == NULL) {
        return no_memory(err);
    }
    (void)xmlCtxtUseOptions(x->ctxt, XML_PARSE_NONET | XML_PARSE_RECOVER | XML_PARSE_NOENT |
                                         XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    return 0;
}

/* Feeds bytes; false when the walk is over. */
static bool feed(struct wf_xml *x, const char *p, size_t n)
{
    (void)xmlParseChunk(x->ctxt, p, (int)n, 0); /* what went wrong is looked at in finish() */
    return !x->stopped && x->ctxt->errNo != XML_ERR_NO_MEMORY && x->ctxt->disableSAX == 0;
}

static int finish(struct wf_xml *x, bool *out_damaged, struct wf_err *err)
{
    if (!x->stopped) {
        (void)xmlParseChunk(x->ctxt, NULL, 0, 1); /* as above */
    }
    bool damaged = x->ctxt->wellFormed == 0 && !x->stopped;
    bool no_mem = x->ctxt->errNo == XML_ERR_NO_MEMORY;
    bool deep = x->too_deep;
    x->stopped = true;
    while (x->depth > 0) {
        x->depth--;
        x->h->end(x->h->ud, x->ids[x->depth]);
    }
    if (x->ctxt->myDoc != NULL) { /* an internal subset makes libxml2 build one */
        xmlFreeDoc(x->ctxt->myDoc);
        x->ctxt->myDoc = NULL;
    }
    xmlFreeParserCtxt(x->ctxt);
    if (no_mem) {
        return no_memory(err);
    }
    if (deep) {
        return wf_err_set(err, WF_E_LIMIT, "the file is nested more than %d levels deep",
                          WF_LIMIT_NESTING);
    }
    if (damaged && out_damaged != NULL) {
        *out_damaged = true;
    }
    return x->code;
}

int wf_xml_walk_member(struct wf_archive *a, size_t i_member, const struct wf_xml_handler *h,
                       bool *out_damaged, struct wf_err *err)
{
    struct wf_xml x = {0};
    int rc = wf_archive_begin(a, i_member, err);
    if (rc == 0) {
        rc = begin(&x, h, err);
    }
    if (rc != 0) {
        return rc;
    }
    char piece[PIECE_BYTES];
    size_t n_all = 0;
    for (;;) {
        size_t n = 0;
        rc = wf_archive_read(a, piece, sizeof(piece), &n, err);
        n_all += n;
        if (rc != 0 || n == 0 || !feed(&x, piece, n)) {
            break;
        }
    }
    int rc2 = finish(&x, out_damaged, err);
    if (rc == WF_E_FORMAT && n_all > 0) { /* the member breaks off: keep what it gave */
        if (out_damaged != NULL) {
            *out_damaged = true;
        }
        rc = 0;
    }
    return rc != 0 ? rc : rc2;
}

int wf_xml_walk_bytes(struct wf_str bytes, const struct wf_xml_handler *h, bool *out_damaged,
                      struct wf_err *err)
{
    struct wf_xml x = {0};
    int rc = begin(&x, h, err);
    if (rc != 0) {
        return rc;
    }
    for (size_t at = 0; at < bytes.len; at += PIECE_BYTES) {
        if (!feed(&x, bytes.ptr + at, WF_MIN(bytes.len - at, (size_t)PIECE_BYTES))) {
            break;
        }
    }
    return finish(&x, out_damaged, err);
}

void wf_xml_warm(void)
{
    xmlInitParser();
}
