/* Reminders: what is to be said at a time, and whether it was.
 *
 * A reminder is due at a moment, is told once (wf_reminder_fire is the only one that says which,
 * and says each once, whatever happens after), and stays until it is removed. What a function here
 * has acknowledged is durable. Strings of reading functions live in the arena. Thread: any. */
#ifndef WF_STORE_REMINDER_H
#define WF_STORE_REMINDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

/* Reminders of a store, and the bytes of one's text: more than a person writes. */
#define WF_REMINDERS_MAX 1000
#define WF_REMINDER_BYTES_MAX ((size_t)4096)
#define WF_REMINDER_ID_BYTES 8 /* lower-case hex digits */

struct wf_reminder {
    struct wf_str id, text;
    int64_t due_ms, made_ms; /* since 1970 UTC */
    int64_t fired_ms;        /* when it was told; 0: not yet */
};

/* Keeps one more. out_id gets its id. Errors: LIMIT (too many, or too long a text), those of
 * writing. */
int wf_reminder_add(struct wf_store *s, struct wf_str text, int64_t due_ms,
                    char out_id[WF_REMINDER_ID_BYTES + 1], struct wf_err *err) WF_MUST_USE;

/* The same with an id of the caller's, of that form: where it is there nothing is added, and it is
 * no error. Errors: INVAL (no such id) as well. */
int wf_reminder_add_as(struct wf_store *s, struct wf_str id, struct wf_str text, int64_t due_ms,
                       struct wf_err *err) WF_MUST_USE;

/* NOENT when there is no such reminder. */
int wf_reminder_remove(struct wf_store *s, struct wf_str id, struct wf_err *err) WF_MUST_USE;

/* All of them, the first due first. */
int wf_reminder_list(struct wf_reader *r, struct wf_arena *arena, struct wf_reminder **out,
                     size_t *out_n, struct wf_err *err) WF_MUST_USE;

/* When the next one that was not told yet is due; INT64_MAX: there is none. */
int wf_reminder_next(struct wf_reader *r, int64_t *out_due_ms, struct wf_err *err) WF_MUST_USE;

/* Those that are due at now_ms and were not told yet; from now on they were: nobody gets them
 * again.
 */
int wf_reminder_fire(struct wf_store *s, int64_t now_ms, struct wf_arena *arena,
                     struct wf_reminder **out, size_t *out_n, struct wf_err *err) WF_MUST_USE;

#endif
