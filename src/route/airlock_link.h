/* Airlock link: the core's side of the way to airlock (route/airlock_frame.h).
 *
 * The supervisor connects to a listener that core inherits and gives the connection to each airlock
 * that it starts; the link takes what the supervisor connected, and nobody else's. When airlock
 * dies, all that is under way fails with a sentence, and the next airlock is taken. A thread reads.
 * Thread rule: any; a call has one owner. */
#ifndef WF_ROUTE_AIRLOCK_LINK_H
#define WF_ROUTE_AIRLOCK_LINK_H

#include <stdbool.h>

#include "route/airlock_frame.h"

struct wf_airlock_link;
struct wf_airlock_call;

/* Takes what `supervisor` (a process id) connects to listen_fd, which is borrowed. *out is owned by
 * the caller. Errors: NOMEM, IO. */
int wf_airlock_link_new(int listen_fd, long supervisor, struct wf_airlock_link **out,
                        struct wf_err *err) WF_MUST_USE;
/* Ends the connection and the thread; all calls must have been freed. NULL is a no-op. */
void wf_airlock_link_free(struct wf_airlock_link *l);

/* Hands a request over; the frame's kind and id are set here. Waits a moment for an airlock that is
 * being started. Errors: CRASHED (there is none: nothing left), LIMIT, NOMEM, CANCELED. */
int wf_airlock_call_new(struct wf_airlock_link *l, struct wf_airlock_frame *request,
                        bool (*canceled)(void *ud), void *ud, struct wf_airlock_call **out,
                        struct wf_err *err) WF_MUST_USE;

/* Has airlock write down n things that go to other people's devices: frames of the kind GIVEN,
 * whose kind and id are set here. Waits until all are durable, some seconds at most; out_seqs [n]:
 * the entries. Errors: CRASHED (there is no airlock), CANCELED (it takes too long), those of the
 * ledger (FULL, IO, ...), LIMIT, NOMEM: of none it is known that it is written. */
int wf_airlock_given(struct wf_airlock_link *l, struct wf_airlock_frame *frames, size_t n,
                     uint64_t *out_seqs, struct wf_err *err) WF_MUST_USE;

/* What came; views are borrowed until the next call for the same one. */
struct wf_airlock_piece {
    int status;          /* of the answer; 0 until its head came */
    struct wf_str head;  /* header lines, once: with the piece that brings them */
    struct wf_str bytes; /* more of the body; empty: none */
    bool is_end;
    uint64_t seq; /* with is_end: the ledger's entry */
};

/* Whom to tell that there are news. */
struct wf_airlock_wake {
    void (*fn)(void *ud);
    void *ud;
};

/* What wf_airlock_call_try returns when nothing has come yet. */
#define WF_AIRLOCK_LATER 1

/* Waits for more. Errors: what airlock says (DENIED, FULL, ...), CRASHED (it died), CANCELED. */
int wf_airlock_call_next(struct wf_airlock_call *c, struct wf_airlock_piece *out,
                         struct wf_err *err) WF_MUST_USE;
/* The same without waiting: WF_AIRLOCK_LATER when nothing has come; w->fn is then called once it
 * has, by another thread, perhaps before this returns, and not after a further call of these
 * functions for c has begun. It must not call them, nor wait. A cancellation is seen when this is
 * called. */
int wf_airlock_call_try(struct wf_airlock_call *c, const struct wf_airlock_wake *w,
                        struct wf_airlock_piece *out, struct wf_err *err) WF_MUST_USE;
/* Tells airlock what was made of the answer, for the ledger's completion entry: tokens_in,
 * tokens_out, cost_micro and counts (flags) of the frame; its kind and id are set here. Once,
 * behind the end or before giving up; without it the entry has none of that. */
void wf_airlock_call_report(struct wf_airlock_call *c, struct wf_airlock_frame *report);
/* Gives up what is not finished, and frees. NULL is a no-op. */
void wf_airlock_call_free(struct wf_airlock_call *c);

#endif
