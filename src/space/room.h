/* Rooms: who has a draft open over a connection, and what each has to hear.
 *
 * A client joins the room of a draft, gives the messages that come from its peer (of y-websocket's
 * or Hocuspocus's protocol, told apart by the first) and is given those that are for it. What is
 * sent on, answered or confirmed is durable. Presence (awareness) is kept as long as its client is
 * there, and is never stored.
 *
 * Thread rule: any; one client's messages one at a time. */
#ifndef WF_SPACE_ROOM_H
#define WF_SPACE_ROOM_H

#include "base/err.h"
#include "base/str.h"
#include "space/draft.h"

struct wf_rooms;
struct wf_room_client;

/* A client's side. All are called from any thread, must return at once and take no lock that is
 * held while a function of this header is called. */
struct wf_room_peer {
    /* A message for it, borrowed for the call. */
    void (*send)(void *ud, struct wf_str message);
    /* It has to be let go: what it has may no longer be what is here. It may join anew. */
    void (*drop)(void *ud);
    /* After this nothing is called any more. */
    void (*release)(void *ud);
    void *ud;
};

/* Rooms of the drafts of `all` (borrowed). Errors: NOMEM. */
int wf_rooms_new(struct wf_drafts *all, struct wf_rooms **out) WF_MUST_USE;
/* When every client has left; waits until all are released. NULL is a no-op. */
void wf_rooms_free(struct wf_rooms *rooms);

/* Joins the room of SPACE/NAME, made when there is no such draft; a name of 32 hex digits is the
 * uid of one, which is not made. `peer` is copied; it is released some time after wf_room_leave,
 * and not when this fails. Errors: NOENT (no such space), INVAL (the name), LIMIT (too many
 * clients), those of wf_draft_open_named. */
int wf_room_join(struct wf_rooms *rooms, struct wf_str space, struct wf_str name,
                 const struct wf_room_peer *peer, struct wf_room_client **out,
                 struct wf_err *err) WF_MUST_USE;

/* A message came from it. Errors: FORMAT, LIMIT, DENIED (another document's name), CANCELED (the
 * draft was dropped), NOMEM: the client is to be closed; nothing of the message was done. */
int wf_room_receive(struct wf_room_client *c, struct wf_str message,
                    struct wf_err *err) WF_MUST_USE;

/* It has gone: its presence with it. The client must not be used any more. */
void wf_room_leave(struct wf_room_client *c);

#endif
