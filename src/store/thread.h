/* Threads: conversations, each a list of questions with their answers; and the store's small
 * settings.
 *
 * Writing functions take their own turn (wf_store_write_begin) and are durable when they return 0.
 * Reading functions need a reader; strings live in the arena. Thread: any. */
#ifndef WF_STORE_THREAD_H
#define WF_STORE_THREAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

#define WF_THREAD_ID_BYTES 20 /* lower-case hex digits */

struct wf_thread {
    struct wf_str id, title;
    int64_t created_ms, updated_ms;
    uint32_t n_turns;
};

struct wf_turn {
    struct wf_str question;
    struct wf_str answer; /* JSON */
    int64_t at_ms;
};

/* Makes an id for a thread that wf_thread_append will create. */
void wf_thread_new_id(struct wf_store *s, char out[WF_THREAD_ID_BYTES + 1]);

/* Adds a turn to thread `id`, created with the question as its title when missing. */
int wf_thread_append(struct wf_store *s, struct wf_str id, const struct wf_turn *turn,
                     struct wf_err *err) WF_MUST_USE;

/* WF_E_NOENT when there is no such thread. */
int wf_thread_rename(struct wf_store *s, struct wf_str id, struct wf_str title,
                     struct wf_err *err) WF_MUST_USE;
int wf_thread_remove(struct wf_store *s, struct wf_str id, struct wf_err *err) WF_MUST_USE;

/* Takes the answers that quote document `uid` out of all turns (they become
 * {"answer":null,"found":false,"citations":[],"removed":true}); the questions stay. Within the
 * caller's turn of writing (wf_store_write_begin). Thread: owner of the turn. */
int wf_thread_forget(struct wf_store *s, struct wf_str uid, struct wf_err *err) WF_MUST_USE;

/* One thread and its turns, oldest first, the last n_turns_max of them. WF_E_NOENT. */
int wf_thread_get(struct wf_reader *r, struct wf_str id, struct wf_arena *arena,
                  struct wf_thread *out, struct wf_err *err) WF_MUST_USE;
int wf_thread_turns(struct wf_reader *r, struct wf_str id, size_t n_turns_max,
                    struct wf_arena *arena, struct wf_turn **out, size_t *out_n,
                    struct wf_err *err) WF_MUST_USE;

/* Threads updated before `before_ms` (0 = all), newest first, at most n_max. */
int wf_thread_page(struct wf_reader *r, int64_t before_ms, size_t n_max, struct wf_arena *arena,
                   struct wf_thread **out, size_t *out_n, struct wf_err *err) WF_MUST_USE;

/* ---- settings: rows of meta whose key begins with "setting." ---- */

/* The value, or the empty view when never set. */
int wf_setting_get(struct wf_reader *r, const char *name, struct wf_arena *arena,
                   struct wf_str *out, struct wf_err *err) WF_MUST_USE;
int wf_setting_set(struct wf_store *s, const char *name, struct wf_str value,
                   struct wf_err *err) WF_MUST_USE;

#endif
