/* Thread share: conversations on all devices of their owner.
 *
 * A conversation travels as records of the space "me": collection "weft.thread", key ID with the
 * fields title and at, and key ID/UID for each turn with question, answer, at. A turn's label is
 * that of the thread so far or of what it says, whichever is higher: a conversation that came to
 * something sensitive stays it. Secret ones lie in no batch. A thread of its own writes what is
 * untold; what comes is put beside the own ones (store/thread_log.h). Thread rule: any. */
#ifndef WF_SPACE_THREAD_SHARE_H
#define WF_SPACE_THREAD_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

struct wf_records;
struct wf_store;
struct wf_thread_share;

#define WF_THREAD_COLLECTION "weft.thread"

struct wf_thread_share_options {
    struct wf_store *store; /* borrowed until free, as is the next */
    struct wf_records *records;
    struct wf_log *log; /* may be NULL */
    /* What a text asks for (privacy/label.h); 3 where that cannot be told. */
    uint8_t (*label)(void *ud, struct wf_str text);
    /* Whether there is no other device: then nothing is told, so that what is removed stands in no
     * second place. NULL: there is one. */
    bool (*is_alone)(void *ud);
    /* Records were written (to be sent); conversations came. Any thread; must not wait. */
    void (*written)(void *ud);
    void (*came)(void *ud);
    void *ud;
};

/* Starts the thread, which begins with what is untold from before. Errors: NOMEM, BUSY. */
int wf_thread_share_new(const struct wf_thread_share_options *o, struct wf_thread_share **out,
                        struct wf_err *err) WF_MUST_USE;
/* Ends it; what is untold is told at the next start. NULL is a no-op. */
void wf_thread_share_free(struct wf_thread_share *s);

/* Conversations have changed here. Never waits. NULL is a no-op. */
void wf_thread_share_poke(struct wf_thread_share *s);
/* A record was written, here or elsewhere (wf_records_options.changed). NULL is a no-op. */
void wf_thread_share_changed(struct wf_thread_share *s, struct wf_str collection,
                             struct wf_str key);
/* What poke leads to, now. Errors: those of the store and of records. */
int wf_thread_share_tell(struct wf_thread_share *s, struct wf_err *err) WF_MUST_USE;

#endif
