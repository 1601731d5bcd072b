/* Thread log: what of the conversations (store/thread.h) other devices are to have and do not yet,
 * and what comes from them. Each turn has an id that is the same everywhere; titles, turns and
 * removals are noted as untold where they are changed, in the same transaction.
 *
 * Functions that write take their own turn (wf_store_write_begin). Strings live in the arena.
 * Thread: any. */
#ifndef WF_STORE_THREAD_LOG_H
#define WF_STORE_THREAD_LOG_H

#include <stdbool.h>

#include "store/thread.h"

/* A turn's id: 12 hexadecimal digits of its time, 12 at random. */
#define WF_TURN_UID_BYTES 24

/* A title, when `uid` is empty, or a turn, as it stands here; label: of the thread so far
 * (privacy/label.h). */
struct wf_thread_news {
    struct wf_str id, uid;
    struct wf_str title; /* of a title; with at_ms: when the thread was begun */
    struct wf_turn turn; /* of a turn */
    int64_t at_ms;
    uint8_t label;
};

/* What others do not know, at most n_max, titles last (a thread's label is known then). */
int wf_thread_untold(struct wf_reader *r, size_t n_max, struct wf_arena *arena,
                     struct wf_thread_news **out, size_t *out_n, struct wf_err *err) WF_MUST_USE;
/* It is told now, unless it has changed meanwhile; the thread's label is at least `label`. */
int wf_thread_told(struct wf_store *s, const struct wf_thread_news *n, uint8_t label,
                   struct wf_err *err) WF_MUST_USE;

/* Names ("ID", "ID/UID") of what was removed here and others may have, at most n_max; and that they
 * know it now. */
int wf_thread_gone(struct wf_reader *r, size_t n_max, struct wf_arena *arena, struct wf_str **out,
                   size_t *out_n, struct wf_err *err) WF_MUST_USE;
int wf_thread_gone_told(struct wf_store *s, struct wf_str name, struct wf_err *err) WF_MUST_USE;

/* Another device's: a title or turn as it is now. What was changed here and is untold stays. */
int wf_thread_take(struct wf_store *s, const struct wf_thread_news *n,
                   struct wf_err *err) WF_MUST_USE;
/* Names of live records of conversations (space 1, collection "weft.thread") that are not among
 * them, at most n_max. */
int wf_thread_missing(struct wf_reader *r, size_t n_max, struct wf_arena *arena,
                      struct wf_str **out, size_t *out_n, struct wf_err *err) WF_MUST_USE;
/* Another device has removed a thread, or (uid not empty) a turn. */
int wf_thread_take_gone(struct wf_store *s, struct wf_str id, struct wf_str uid,
                        struct wf_err *err) WF_MUST_USE;

/* The label of a thread so far; secret where there is none. */
uint8_t wf_thread_label(struct wf_reader *r, struct wf_str id);

#endif
