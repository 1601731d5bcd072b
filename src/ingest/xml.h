/* XML: walks one part of a document element by element, in memory bounded by its depth.
 *
 * Nothing is loaded from elsewhere, no entity but the five of XML is expanded, nesting ends at
 * WF_LIMIT_NESTING. A part that is broken gives what stands before (and, as far as it makes sense,
 * behind) the break. Names are looked up in a table of the format: "w:t", where "w" is our short
 * name for a namespace, whatever prefix the file uses. Thread rule: owner. */
#ifndef WF_INGEST_XML_H
#define WF_INGEST_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "ingest/archive.h"

/* A namespace is known by a piece of its URI; several rows may give one prefix. */
struct wf_xml_ns {
    const char *prefix; /* NULL ends the table */
    const char *uri_piece;
};

struct wf_xml_name {
    const char *name; /* "w:t"; NULL ends the table */
    int id;           /* above 0 */
};

struct wf_xml; /* a walk */
struct wf_xml_element;

struct wf_xml_handler {
    const struct wf_xml_ns *spaces;
    const struct wf_xml_name *names;
    /* id is 0 for names not in the table. False: the element and all inside are passed over, and
     * `end` is not called for it. */
    bool (*start)(void *ud, int id, const struct wf_xml_element *e);
    void (*end)(void *ud, int id);
    /* Character data, in pieces that end at code point borders; UTF-8 as libxml2 gives it. */
    void (*text)(void *ud, struct wf_str s); /* may be NULL */
    void *ud;
};

/* The value of an attribute: "w:val" in that namespace, "val" in any or none. An absent one is
 * the empty view with ptr NULL. Valid during the callback. */
struct wf_str wf_xml_attr(const struct wf_xml_element *e, const char *name);
/* The same as a number, or `otherwise` when it is absent or no number. */
long wf_xml_attr_long(const struct wf_xml_element *e, const char *name, long otherwise);
/* As a truth value: "1", "true", "on" / "0", "false", "off", "none"; else `otherwise`. */
bool wf_xml_attr_bool(const struct wf_xml_element *e, const char *name, bool otherwise);
/* Walks all attributes: start with *io_i = 0; false at the end. */
bool wf_xml_attr_next(const struct wf_xml_element *e, int *io_i, struct wf_str *out_local,
                      struct wf_str *out_value);
/* Ends the walk from inside a callback; the walk returns `code` (0: well). */
void wf_xml_stop(const struct wf_xml_element *e, int code);

/* Walks a member of an archive, or bytes. *out_damaged (may be NULL) becomes true when it was not
 * well formed; that alone is no error. `end` is called for every element that `start` accepted,
 * also when the part breaks off. Errors: WF_E_LIMIT (nesting), WF_E_NOMEM, those of wf_archive_read
 * when nothing could be read, a code given to wf_xml_stop. */
int wf_xml_walk_member(struct wf_archive *a, size_t i_member, const struct wf_xml_handler *h,
                       bool *out_damaged, struct wf_err *err) WF_MUST_USE;
int wf_xml_walk_bytes(struct wf_str bytes, const struct wf_xml_handler *h, bool *out_damaged,
                      struct wf_err *err) WF_MUST_USE;

/* Initialises the library. Thread: init. */
void wf_xml_warm(void);

#endif
