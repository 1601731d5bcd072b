/* What two cores say to each other about requests to models, over WF_LINK_REQUESTS, sealed. Numbers
 * are little endian; n: 7 bits a byte (crdt/lib0.h); text: n and so many bytes.
 *
 *   0  1  kind
 *   1  4  the request's number, which its asker chose; 0: of none
 *   5     by kind:
 *   CATALOG  who runs models -> others: JSON, what it offers and how it is; again when that changes
 *   PING     8 bytes; PONG brings them back
 *   REQUEST  asker -> node: u32 length of all of it, a piece; those that follow have the next ones
 *   STARTED  node -> asker: JSON, counts so far (below), with the model's full name
 *   EVENTS   node -> asker: events, one behind the other (below)
 *   DONE     node -> asker: JSON, all counts: nothing follows
 *   ERROR    node -> asker: i32 code, text to the end: nothing follows
 *   CREDIT   asker -> node: u32, so many more bytes of EVENTS may come
 *   CANCEL   asker -> node: it is given up, nothing is answered any more
 *   NUMBERS  node -> asker: f32, of a text's vector, or texts' scores, by the texts' order; takes
 *            credit as EVENTS do
 *
 * An event is: a byte kind (enum wf_gen_event_kind), a byte flags (1: logprobs), n choice, n call,
 * text; of CALL: text id, text name; of END: a byte finish, text stop; with logprobs: n tokens,
 * each text, n id, 4 bytes f32, n others, each text, n id, f32.
 *
 * Counts are {"model", "context", "prompt", "cached", "truncated", "written", "reasoning",
 * "load_ns", "queue_ns", "prompt_ns", "write_ns"}. Thread rule: any. */
#ifndef WF_MESH_REMOTE_MESSAGE_H
#define WF_MESH_REMOTE_MESSAGE_H

#include "base/arena.h"
#include "engine/engine.h"
#include "mesh/sealed.h"

#define WF_REMOTE_HEAD_BYTES 5u
/* Bytes of EVENTS, or NUMBERS, that may be on their way, or wait with who asked, beside one
 * message. */
#define WF_REMOTE_WINDOW_BYTES (256u << 10)
/* Tokens of one event's logprobs. */
#define WF_REMOTE_LOGPROBS 65536u

/* The values are sent: they stay. */
enum wf_remote_kind {
    WF_REMOTE_CATALOG = 1,
    WF_REMOTE_PING = 2,
    WF_REMOTE_PONG = 3,
    WF_REMOTE_REQUEST = 4,
    WF_REMOTE_STARTED = 5,
    WF_REMOTE_EVENTS = 6,
    WF_REMOTE_DONE = 7,
    WF_REMOTE_ERROR = 8,
    WF_REMOTE_CREDIT = 9,
    WF_REMOTE_CANCEL = 10,
    WF_REMOTE_NUMBERS = 11,
};

struct wf_remote_message {
    enum wf_remote_kind kind;
    uint32_t id;
    uint32_t number;     /* REQUEST: the length of all; CREDIT */
    int code;            /* ERROR: of enum wf_err_code */
    struct wf_str bytes; /* the rest; borrowed */
};

/* Errors: FORMAT (no such message, or not in its form). */
int wf_remote_message_read(struct wf_str bytes, struct wf_remote_message *out,
                           struct wf_err *err) WF_MUST_USE;
/* Appends. Errors: those of the buffer. */
int wf_remote_message_write(const struct wf_remote_message *m, struct wf_buf *out) WF_MUST_USE;

/* Appends an event. Errors: those of the buffer. */
int wf_remote_event_write(const struct wf_gen_event *e, struct wf_buf *out) WF_MUST_USE;
/* The event at *io_at of the bytes of EVENTS, which moves behind it; texts are views, logprobs are
 * the arena's. 1; 0: there are no more. Errors: FORMAT, NOMEM. */
int wf_remote_event_next(struct wf_str bytes, size_t *io_at, struct wf_arena *arena,
                         struct wf_gen_event *out, struct wf_err *err) WF_MUST_USE;

/* Appends counts. Errors: NOMEM. */
int wf_remote_usage_write(const struct wf_gen_usage *u, struct wf_buf *out) WF_MUST_USE;
/* Reads counts into *out, but names. *out_model, a copy of the arena's; may be NULL. Errors:
 * FORMAT, NOMEM. */
int wf_remote_usage_read(struct wf_str bytes, struct wf_arena *arena, struct wf_gen_usage *out,
                         const char **out_model, struct wf_err *err) WF_MUST_USE;

#endif
