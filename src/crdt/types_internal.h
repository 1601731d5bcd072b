/* Positions and attributes while a text is changed; shared by the files of types. Thread rule:
 * owner. */
#ifndef WF_CRDT_TYPES_INTERNAL_H
#define WF_CRDT_TYPES_INTERNAL_H

#include "crdt/crdt_internal.h"
#include "crdt/types.h"

/* Attributes in the order in which they were set; values are borrowed from items or the caller. */
struct wf_crdt_attr {
    uint32_t key;
    struct wf_str value;
};
struct wf_crdt_attrs {
    struct wf_crdt_attr *at;
    size_t n, cap;
};
/* The value, or NULL. */
const struct wf_str *wf_crdt__attr(const struct wf_crdt_attrs *a, uint32_t key);
int wf_crdt__attr_set(struct wf_crdt_attrs *a, uint32_t key, struct wf_str value);
void wf_crdt__attr_drop(struct wf_crdt_attrs *a, uint32_t key);
/* As Yjs compares them: equal, or objects with the same simple members. */
bool wf_crdt__value_equal(struct wf_str a, struct wf_str b);
/* What a format item does to the attributes that are in force: null ends one. */
int wf_crdt__attr_apply(struct wf_crdt_attrs *a, const struct wf_crdt_item *format);
/* The attributes of an Any object. Errors: WF_E_INVAL, WF_E_NOMEM. */
int wf_crdt__attrs_read(struct wf_crdt *d, struct wf_str any, struct wf_crdt_attrs *out);
/* The value null. */
struct wf_str wf_crdt__null(void);
static inline bool wf_crdt__is_null(struct wf_str value)
{
    return value.len == 1 && value.ptr[0] == 126;
}

/* The neighbours of a position: what is left ends there (split where needed). cursor is kept. */
int wf_crdt__locate(struct wf_crdt *d, uint32_t type, uint32_t at, uint32_t *out_left,
                    uint32_t *out_right);

/* The visible item that holds position `at` (below the length), and where it begins. */
int wf_crdt__item_with(struct wf_crdt *d, uint32_t type, uint32_t at, uint32_t *out_item,
                       uint32_t *out_begin);
/* True when a cut behind an item's first n units lies within a surrogate pair. */
bool wf_crdt__within_pair(const struct wf_crdt_item *it, uint32_t n);

/* What is put in as an item's content (kind, data, len or type). Values are checked. */
int wf_crdt__put_content(struct wf_crdt *d, const struct wf_crdt_put *what, bool is_embed,
                         struct wf_crdt_item *out);

/* Deletes formats that say nothing between `start` and the next content; `curr` is where the
 * attributes `now` hold (may be changed). */
int wf_crdt__format_gap(struct wf_crdt *d, uint32_t start, uint32_t curr,
                        const struct wf_crdt_attrs *at_start, struct wf_crdt_attrs *now);

#endif
