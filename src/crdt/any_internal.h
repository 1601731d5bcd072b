/* Objects of Any values while they are written: shared by the reader of Any and that of JSON. Not
 * for outside. Thread rule: owner. */
#ifndef WF_CRDT_ANY_INTERNAL_H
#define WF_CRDT_ANY_INTERNAL_H

#include "base/buf.h"
#include "base/str.h"

struct wf_any_member {
    size_t key_at, key_len; /* text of the key, in the buffer */
    size_t start, end;      /* key and value, in the buffer */
    size_t order;           /* as read */
    uint64_t index;         /* of an array; UINT64_MAX = the key is none */
};

struct wf_any_object {
    struct wf_any_member *members;
    size_t n, cap;
    size_t body; /* where the members begin in the buffer */
    bool mixed;  /* an array index is among the keys */
};

/* Notes that a member whose key lies at [key_at, key_at + key_len) was appended as [start, now). */
int wf_any_object__note(struct wf_any_object *o, struct wf_buf *out, size_t start, size_t key_at,
                        size_t key_len) WF_MUST_USE;

/* Writes tag and count before the members, which began at `o->body`, in JavaScript's order and
 * without doubles; frees the list. 0, WF_E_NOMEM, WF_E_LIMIT. */
int wf_any_object__finish(struct wf_any_object *o, struct wf_buf *out) WF_MUST_USE;

#endif
