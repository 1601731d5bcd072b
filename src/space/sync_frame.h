/* Messages of the two sync protocols that Yjs's clients speak over WebSocket, one a message:
 *
 *   y-websocket   type, then: 0 sync: step 0 (state vector), 1 (update that answers), 2 (update),
 *                 each with its bytes · 1 awareness, bytes · 2 auth, reason · 3 who is here?
 *   Hocuspocus    name of the document as text, then the same types, and 2 auth: 0 token, 1 denied,
 *                 2 granted with the scope · 5 and 6 texts for others · 7 close · 8 kept (1), for
 *                 each update that came · 9 ping · 10 pong
 *
 * Numbers, bytes and texts are lib0's. This module knows no documents and no connections. Thread
 * rule: any. */
#ifndef WF_SPACE_SYNC_FRAME_H
#define WF_SPACE_SYNC_FRAME_H

#include "base/buf.h"
#include "base/str.h"

enum wf_sync_dialect {
    WF_SYNC_UNKNOWN, /* nothing has come yet */
    WF_SYNC_YWEBSOCKET,
    WF_SYNC_HOCUSPOCUS,
};

enum wf_sync_kind {
    WF_SYNC_STEP1,  /* bytes: state vector */
    WF_SYNC_STEP2,  /* bytes: update */
    WF_SYNC_UPDATE, /* bytes: update */
    WF_SYNC_AWARENESS,
    WF_SYNC_WHO, /* asks for everybody's awareness */
    WF_SYNC_TOKEN,
    WF_SYNC_CLOSE,
    WF_SYNC_PING,
    WF_SYNC_OTHER, /* well-formed, and nothing to be done */
};

struct wf_sync_frame {
    enum wf_sync_kind kind;
    struct wf_str name;  /* Hocuspocus: of the document, as it was sent */
    struct wf_str bytes; /* views into the message */
};

/* Which protocol a connection's first message speaks, given the name that the address has: the
 * other protocol begins with a document's name, which is that, or SPACE/that. */
enum wf_sync_dialect wf_sync_dialect_of(struct wf_str message, struct wf_str space,
                                        struct wf_str name);

/* Whether a name of a Hocuspocus message means the draft (what follows a NUL is the session's). */
bool wf_sync_name_is(struct wf_str said, struct wf_str space, struct wf_str name);

/* Reads one message, whole. WF_E_FORMAT. */
int wf_sync_read(enum wf_sync_dialect dialect, struct wf_str message,
                 struct wf_sync_frame *out) WF_MUST_USE;

/* Appends a message; its failure sticks in `out`. `name` is for Hocuspocus. kind: STEP1, STEP2,
 * UPDATE, AWARENESS; a granted token (TOKEN), CLOSE, a pong (PING), and OTHER: an update was kept;
 * those are empty for y-websocket. */
void wf_sync_write(enum wf_sync_dialect dialect, struct wf_str name, enum wf_sync_kind kind,
                   struct wf_str bytes, struct wf_buf *out);

/* ---- awareness messages ---- */

struct wf_sync_presence {
    uint64_t client;
    uint64_t clock;
    bool is_gone;
};
/* The n-th client of an awareness message; false behind the last, or when it is malformed. */
bool wf_sync_presence_at(struct wf_str message, size_t n, struct wf_sync_presence *out);
/* Appends a message that says that these are gone, each with its clock. */
void wf_sync_presence_gone(const struct wf_sync_presence *who, size_t n, struct wf_buf *out);

#endif
