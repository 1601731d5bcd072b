/* Types of a document: what is put into and taken out of texts, arrays, maps and XML.
 *
 * Every function that changes something opens a transaction of its own where none is open. Texts
 * are UTF-8; positions and lengths count UTF-16 units in texts, elements elsewhere. Values are Any
 * bytes (crdt/any.h); attributes are one Any object. Views given in are borrowed for the call.
 *
 * Errors, of all that change: WF_E_NOENT (no such type), WF_E_RANGE (behind the end), WF_E_INVAL
 * (within a surrogate pair, or a value or text that is malformed, or a type that has no such
 * contents), WF_E_LIMIT, WF_E_NOMEM. Thread rule: owner. */
#ifndef WF_CRDT_TYPES_H
#define WF_CRDT_TYPES_H

#include "crdt/crdt.h"

/* ---- what is put in ---- */

enum wf_crdt_put_kind {
    WF_CRDT_PUT_VALUES, /* n values, one after the other in `bytes` */
    WF_CRDT_PUT_BYTES,  /* `bytes` as they are */
    WF_CRDT_PUT_TYPE,   /* an empty type */
    WF_CRDT_PUT_DOC,    /* a document of its own: `name` is its guid, `bytes` its options (Any) */
};
struct wf_crdt_put {
    enum wf_crdt_put_kind kind;
    struct wf_str bytes;
    uint32_t n;
    enum wf_crdt_kind type;
    struct wf_str name; /* of an element or hook; a guid */
};

/* ---- text, also that of XML ---- */

/* Inserts text at a position. `attributes` NULL: as what is left of it; else exactly those. */
int wf_crdt_text_insert(struct wf_crdt *d, uint64_t type, uint32_t at, struct wf_str text,
                        const struct wf_str *attributes) WF_MUST_USE;

/* Inserts one value or type as an embed of length 1; a type's number in *out_type (may be NULL). */
int wf_crdt_text_embed(struct wf_crdt *d, uint64_t type, uint32_t at,
                       const struct wf_crdt_put *what, const struct wf_str *attributes,
                       uint64_t *out_type) WF_MUST_USE;

/* Deletes n units. */
int wf_crdt_text_delete(struct wf_crdt *d, uint64_t type, uint32_t at, uint32_t n) WF_MUST_USE;

/* Sets attributes on n units; null removes one. */
int wf_crdt_text_format(struct wf_crdt *d, uint64_t type, uint32_t at, uint32_t n,
                        struct wf_str attributes) WF_MUST_USE;

/* ---- arrays, and the children of XML ---- */

/* Inserts at a position, or behind the last element; a type's number in *out_type (may be NULL). */
int wf_crdt_array_insert(struct wf_crdt *d, uint64_t type, uint32_t at,
                         const struct wf_crdt_put *what, uint64_t *out_type) WF_MUST_USE;
int wf_crdt_array_push(struct wf_crdt *d, uint64_t type, const struct wf_crdt_put *what,
                       uint64_t *out_type) WF_MUST_USE;

/* Deletes n elements. */
int wf_crdt_array_delete(struct wf_crdt *d, uint64_t type, uint32_t at, uint32_t n) WF_MUST_USE;

/* ---- maps, and the attributes of XML and texts ---- */

/* Sets a key; a type's number in *out_type (may be NULL). */
int wf_crdt_map_set(struct wf_crdt *d, uint64_t type, struct wf_str key,
                    const struct wf_crdt_put *what, uint64_t *out_type) WF_MUST_USE;

/* Deletes a key; nothing happens when it is absent. */
int wf_crdt_map_delete(struct wf_crdt *d, uint64_t type, struct wf_str key) WF_MUST_USE;

/* ---- reading: appended to `out`. Errors: WF_E_NOENT, WF_E_NOMEM, WF_E_LIMIT (of `out`) ---- */

/* The text without embeds and formats. */
int wf_crdt_text_get(const struct wf_crdt *d, uint64_t type, struct wf_buf *out) WF_MUST_USE;

/* The text as a JSON array of {"insert":...,"attributes":{...}}, as editors exchange it. */
int wf_crdt_text_delta(const struct wf_crdt *d, uint64_t type, struct wf_buf *out) WF_MUST_USE;

/* Any type as JSON: text as a string, arrays, maps with keys in the order of code units, XML as its
 * text; bytes as {"0":..}, documents as {"guid":..}. A root whose kind nobody named: as what stands
 * in it lets it seem. */
int wf_crdt_json(const struct wf_crdt *d, uint64_t type, struct wf_buf *out) WF_MUST_USE;

/* The type under a key of a map, or at a position of a sequence; 0 where there is none. */
uint64_t wf_crdt_map_type(const struct wf_crdt *d, uint64_t type, struct wf_str key);
uint64_t wf_crdt_array_type(struct wf_crdt *d, uint64_t type, uint32_t at);

#endif
