/* Request: one HTTP request and its answer, shared by the event thread and one worker.
 *
 * The event thread fills the request and owns the connection; a worker (or the event thread itself)
 * answers with the functions below. Answers are queued here and written by the event thread; a
 * worker that is ahead of a slow client waits. The struct lives until both sides have let go of it.
 * Only http/ includes this. */
#ifndef WF_HTTP_REQUEST_H
#define WF_HTTP_REQUEST_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "op/op.h"

enum wf_http_method {
    WF_HTTP_GET,
    WF_HTTP_HEAD,
    WF_HTTP_POST,
    WF_HTTP_PUT,
    WF_HTTP_PATCH,
    WF_HTTP_DELETE,
    WF_HTTP_OPTIONS,
    WF_HTTP_OTHER,
};

/* Whose API a request speaks: its errors come in that API's form. */
enum wf_face {
    WF_FACE_WEFT,
    WF_FACE_OPENAI,
    WF_FACE_ANTHROPIC,
    WF_FACE_OLLAMA,
    WF_FACE_PRESIDIO,
};

/* A file of an upload, spooled to disk. */
struct wf_upload {
    struct wf_list node;
    char *name;
    int fd;
    uint64_t bytes;
};

struct wf_http;
struct wf_route;

struct wf_request {
    /* ---- the request: written by the event thread before a worker sees it ---- */
    struct wf_http *http;
    enum wf_http_method method;
    struct wf_buf path;     /* decoded, without /t/TOKEN */
    json_t *query;          /* object of texts; never NULL */
    struct wf_buf body;     /* of JSON requests */
    struct wf_list uploads; /* struct wf_upload */
    uint64_t uploads_bytes;
    const struct wf_route *route; /* NULL: answered by the event thread */
    struct wf_str id;             /* the {id} of the route, into path */
    enum wf_face face;
    char request_id[32]; /* Anthropic's: "req_..."; else empty */
    bool wants_events;   /* Accept: text/event-stream */
    bool accepts_gzip;
    bool is_friend;  /* a page of another origin that a person has allowed asks */
    bool is_lan;     /* it came by the door for phones (http/lan.h) */
    uint64_t phone;  /* the phone that asks; 0: nobody of them */
    bool is_shared;  /* pages of other origins may have the answer */
    char range[128]; /* Range, or empty */
    char if_none_match[128];
    int64_t start_ns;
    uint64_t agent;  /* which program asks, by its own word */
    int64_t wait_ms; /* how long it waits (Prefer: wait, RFC 7240); 0: it does not say */

    /* ---- the answer: under the lock ---- */
    pthread_mutex_t lock;
    pthread_cond_t room; /* the queue has room again, or the client has gone */
    unsigned n_refs;
    bool closed;    /* the client has gone */
    bool has_head;  /* status and head are final */
    bool head_sent; /* event thread */
    int status;
    int64_t retry_ms;   /* of "try again later": when; 0: soon */
    struct wf_buf head; /* name NUL value NUL ..., besides those every answer has */
    int64_t length;     /* of the body; -1: not known, sent in chunks */
    struct wf_buf out;  /* body bytes that wait */
    int file_fd;        /* sent behind `out` when not -1; owned */
    off_t file_at, file_end;
    bool ended;  /* nothing more will be queued */
    bool broken; /* what was announced will not come */
    bool lossy;  /* an event stream: drop what does not fit */
    bool wants_room;
    void (*wake)(void *ud); /* see wf_request_on_change */
    void *wake_ud;
};

/* A request with one reference. NULL out of memory. */
struct wf_request *wf_request_new(struct wf_http *h) WF_MUST_USE;
void wf_request_ref(struct wf_request *r);
void wf_request_unref(struct wf_request *r);

/* ---- answering; thread: any, one at a time ---- */

/* Begins the answer. length -1: not known. `type` may be NULL (no body). */
void wf_answer_begin(struct wf_request *r, int status, const char *type, int64_t length);
/* Adds a header; before wf_answer_begin. Values with line breaks are refused silently. */
void wf_answer_header(struct wf_request *r, const char *name, const char *value);
/* Queues body bytes; waits while the queue is full. WF_E_CANCELED once the client has gone. */
int wf_answer_write(struct wf_request *r, const void *p, size_t n);
/* The end. */
void wf_answer_end(struct wf_request *r);
/* The end of an answer that cannot be finished: the connection breaks, so that the client notices.
 */
void wf_answer_break(struct wf_request *r);

/* Whole answers. `v` is taken over (NULL: out of memory, answered as such). */
void wf_answer_json(struct wf_request *r, int status, json_t *v);
void wf_answer_empty(struct wf_request *r, int status);
/* A part of a file; takes the descriptor. */
void wf_answer_file(struct wf_request *r, int status, int fd, off_t start, off_t end);
void wf_answer_bytes(struct wf_request *r, int status, const char *type, struct wf_str bytes);
/* RFC 9457; for the model faces in their own form (face.h). `more` (may be NULL, taken over) is
 * merged into the object. */
void wf_answer_problem(struct wf_request *r, int status, const char *code, const char *detail,
                       json_t *more);
/* The problem that an operation's error is: of the status and the form that the face gives it. */
void wf_answer_error(struct wf_request *r, const struct wf_err *err);

/* One server-sent event; `data` borrowed. As wf_answer_write. */
int wf_answer_event(struct wf_request *r, const char *event, const json_t *data);
int wf_answer_event_text(struct wf_request *r, const char *event, const char *json);

/* True once the client has gone. */
bool wf_request_closed(struct wf_request *r);

/* Has fn(ud) called when the client has gone, and when there is room again for which
 * wf_request_has_room was asked; not after this has been called with another fn, or NULL. It is
 * called with the request's lock: it must not touch it, nor wait. */
void wf_request_on_change(struct wf_request *r, void (*fn)(void *ud), void *ud);
/* False while the queue is full and the client is there. */
bool wf_request_has_room(struct wf_request *r);
/* The client has gone. Thread: event. */
void wf_request_close(struct wf_request *r);

#endif
