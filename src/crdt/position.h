/* Positions that move with the text: where a cursor stands, told so that it means the same place in
 * every copy, whatever is inserted or deleted meanwhile.
 *
 * As bytes: 0 id = at an item · 1 name = at the end of a root · 2 id = at the end of a type, each
 * followed by a signed number: below 0 the position sticks to what is left of it, else to what is
 * right. Thread rule: owner of the document. */
#ifndef WF_CRDT_POSITION_H
#define WF_CRDT_POSITION_H

#include "crdt/crdt.h"

/* Appends the bytes of position `at` of a type. Errors: WF_E_NOENT (no such type), WF_E_RANGE,
 * WF_E_NOMEM, WF_E_LIMIT (of `out`). */
int wf_crdt_position_make(struct wf_crdt *d, uint64_t type, uint32_t at, bool sticks_left,
                          struct wf_buf *out) WF_MUST_USE;

/* Where a position is now: a type and a place in it. What was deleted and came back by undo is
 * followed. Errors: WF_E_FORMAT, WF_E_NOENT (it is not known here, or gone), WF_E_NOMEM. */
int wf_crdt_position_find(struct wf_crdt *d, struct wf_str position, uint64_t *out_type,
                          uint32_t *out_at) WF_MUST_USE;

#endif
