/* What the files of http/ share: the server's state, the routes, the guard. Only http/ includes
 * this. */
#ifndef WF_HTTP_HTTP_INTERNAL_H
#define WF_HTTP_HTTP_INTERNAL_H

#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "http/http.h"
#include "http/lan.h"
#include "http/request.h"
#include "os/thread.h"

#define WF_HTTP_CODES_MAX 16
#define WF_HTTP_TOKEN_BYTES_MAX 128

/* Who may come in: guard.c. */
struct wf_guard {
    char origins[1024];
    char token[WF_HTTP_TOKEN_BYTES_MAX];
    char cookie_name[32]; /* by port: browsers share cookies among ports */
    char cookie[65];      /* derived from the token */
    char host[80];        /* "127.0.0.1" or "[::1]" */
    uint16_t port;
    pthread_mutex_t lock; /* guards the codes */
    struct {
        char code[WF_HTTP_CODE_HEX_LEN + 1]; /* empty: free */
        int64_t until_ns;
    } codes[WF_HTTP_CODES_MAX];
    size_t i_next;
};

/* What /metrics counts. */
struct wf_http_counters {
    _Atomic uint64_t n_requests[6]; /* by status / 100; 0 is unused */
    _Atomic uint64_t n_seconds_us;  /* time of all requests together */
    _Atomic uint64_t n_uploads;
    _Atomic uint64_t n_refused; /* by the guard */
};

struct wf_http {
    struct wf_http_options o;
    struct wf_guard guard;
    struct wf_http_counters counters;
    struct wf_team *team;
    struct wf_team *generators; /* for routes that wait for models */
    struct wf_response_store *responses;
    struct wf_sync *sync; /* connections of drafts; NULL: there are no drafts */
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lws *listener;
    struct wf_lan *lan; /* the door for phones; NULL: none */
    size_t n_connections_max;
    size_t n_connections;   /* event thread */
    struct wf_list clients; /* event thread: struct client of http.c */
    _Atomic bool stop;
    _Atomic bool woken; /* a wake-up is on its way */
    _Atomic bool running;
    unsigned n_calls; /* event thread: of our callback in this turn of the loop */
    int64_t stop_ns;  /* when stopping began */
    int64_t beat_ns;  /* of the last comment line to event streams */
};

/* One turn of the event loop, which waits for something to happen, unless `now`. False when the
 * loop is broken. Thread: event. */
bool wf_http__turn(struct wf_http *h, bool now) WF_MUST_USE;

/* Has the event thread look at all answers soon. Thread: any. */
void wf_http__wake(struct wf_http *h);

/* ---- guard.c; thread: event ---- */
int wf_guard_init(struct wf_guard *g, const struct wf_http_options *o,
                  struct wf_err *err) WF_MUST_USE;
void wf_guard_deinit(struct wf_guard *g);
bool wf_guard_host_ok(const struct wf_guard *g, const char *host);
bool wf_guard_origin_ok(const struct wf_guard *g, const char *origin); /* empty: none was sent */
/* One of the other origins that a person has allowed: with a token that it sends, never a cookie.
 */
bool wf_guard_is_friend(const struct wf_guard *g, const char *origin);
bool wf_guard_token_ok(const struct wf_guard *g, struct wf_str token);
bool wf_guard_cookie_ok(const struct wf_guard *g, struct wf_str cookie);
void wf_guard_new_code(struct wf_guard *g, char out[WF_HTTP_CODE_HEX_LEN + 1]); /* thread: any */
bool wf_guard_use_code(struct wf_guard *g, struct wf_str code);

/* ---- route.c ---- */
enum wf_route_body {
    WF_BODY_NONE,
    WF_BODY_JSON,
    WF_BODY_UPLOAD
};

/* Whom a route is for at the door for phones (http/lan.h). */
enum wf_route_lan {
    WF_LAN_NOBODY = 0, /* what is done at the machine itself: keys, policy, pairing, settings */
    WF_LAN_PHONE,      /* who shows a phone's token */
    WF_LAN_DOOR,       /* everybody there, and there alone */
};

typedef void (*wf_route_fn)(struct wf_request *r);

struct wf_route {
    enum wf_http_method method;
    const char *pattern; /* segments; {id} matches one */
    enum wf_route_body body;
    const char *op;        /* run with query, {id} and body as parameters; or */
    wf_route_fn run;       /* run on a worker */
    int status;            /* of a good answer of `op`; 204 drops the result */
    enum wf_route_lan lan; /* who of the local network may */
    bool in_event_thread;  /* `run` is called there, and must not block */
    bool generates;        /* `run` waits for a model: another team runs it */
    bool id_is_rest;       /* the {id} at the end takes all further segments (models' names) */
};

/* The i-th route, or NULL behind the last. Thread: any. */
const struct wf_route *wf_route_at(size_t i);
/* The route of r->method and r->path, with r->id set; NULL, and *out_allowed true when the path
 * exists for other methods. Thread: event. */
const struct wf_route *wf_route_find(struct wf_request *r, bool *out_allowed);
/* Answers r by its route. Thread: worker. */
void wf_route_run(struct wf_request *r);

/* Runs an operation with the request's parameters; `event` (may be NULL) gets r as its ud. */
int wf_route_op(struct wf_request *r, const char *op,
                void (*event)(void *ud, const char *name, json_t *data), json_t **out_result,
                struct wf_err *err) WF_MUST_USE;

/* ---- handlers ---- */
void wf_handle_healthz(struct wf_request *r);
void wf_handle_open(struct wf_request *r);
void wf_handle_asset(struct wf_request *r);
void wf_handle_lan_ca(struct wf_request *r);
void wf_handle_lan_profile(struct wf_request *r);
void wf_handle_lan_about(struct wf_request *r);
void wf_handle_lan_join(struct wf_request *r);
void wf_handle_me(struct wf_request *r);
void wf_handle_leave(struct wf_request *r);
void wf_handle_metrics(struct wf_request *r);
void wf_handle_events(struct wf_request *r);
void wf_handle_events_closed(struct wf_request *r);
void wf_handle_upload(struct wf_request *r);
void wf_handle_document_text(struct wf_request *r);
void wf_handle_document_original(struct wf_request *r);
void wf_handle_document_remove(struct wf_request *r);
void wf_handle_generation(struct wf_request *r);
void wf_handle_ask(struct wf_request *r);
void wf_handle_anthropic_messages(struct wf_request *r);
void wf_handle_anthropic_count(struct wf_request *r);
void wf_handle_anthropic_models(struct wf_request *r); /* of wf_handle_openai_models */
void wf_handle_anthropic_model(struct wf_request *r);
void wf_handle_presidio_analyze(struct wf_request *r);
void wf_handle_presidio_anonymize(struct wf_request *r);
void wf_handle_presidio_deanonymize(struct wf_request *r);
void wf_handle_presidio_entities(struct wf_request *r);
void wf_handle_presidio_recognizers(struct wf_request *r);
void wf_handle_presidio_anonymizers(struct wf_request *r);
void wf_handle_presidio_deanonymizers(struct wf_request *r);
void wf_handle_presidio_health(struct wf_request *r);
void wf_handle_ollama_chat(struct wf_request *r);
void wf_handle_ollama_generate(struct wf_request *r);
void wf_handle_ollama_embed(struct wf_request *r);
void wf_handle_ollama_embeddings(struct wf_request *r);
void wf_handle_ollama_tags(struct wf_request *r);
void wf_handle_ollama_ps(struct wf_request *r);
void wf_handle_ollama_show(struct wf_request *r);
void wf_handle_ollama_delete(struct wf_request *r);
void wf_handle_ollama_copy(struct wf_request *r);
void wf_handle_ollama_version(struct wf_request *r);
void wf_handle_ollama_create(struct wf_request *r);
void wf_handle_ollama_blob(struct wf_request *r);
void wf_handle_ollama_pull(struct wf_request *r);

/* ---- sync.c: WebSocket connections of drafts; thread: event, where nothing else is said ---- */
struct wf_sync;
struct wf_sync_conn;
int wf_sync_new(struct wf_http *h, struct wf_sync **out, struct wf_err *err) WF_MUST_USE;
/* Lets all go and waits for their last messages to be dealt with; then free. Thread: the one that
 * made it, when the loop has ended. */
void wf_sync_stop(struct wf_sync *s);
void wf_sync_free(struct wf_sync *s);
/* For /sync/SPACE/NAME, for a phone (0: the owner); NULL: the path names no draft, or memory is
 * exhausted. */
struct wf_sync_conn *wf_sync_open(struct wf_http *h, struct lws *wsi, struct wf_str path,
                                  uint64_t phone);
/* A phone is out: closes what it has open. NULL is a no-op. */
void wf_sync_revoked(struct wf_sync *s, uint64_t phone);
/* The callbacks of one; a non-zero result closes it. NULL is a no-op. */
int wf_sync_established(struct wf_sync_conn *c);
int wf_sync_received(struct wf_sync_conn *c, const void *bytes, size_t n);
void wf_sync_heard(struct wf_sync_conn *c);
int wf_sync_writable(struct wf_sync_conn *c);
void wf_sync_closed(struct wf_sync_conn *c);
/* Somebody has something for some of them. NULL is a no-op. */
void wf_sync_wake(struct wf_sync *s);
/* Asks all whether they are still there, and lets those go that did not answer the last time. */
void wf_sync_beat(struct wf_sync *s);
void wf_handle_sync(struct wf_request *r); /* of who asks without WebSocket */

/* ---- upload.c: bodies with files, taken in as they arrive; thread: event ---- */
struct wf_upload_parser;
/* For a body of this content type. NULL with err set: 400. */
struct wf_upload_parser *wf_upload_begin(struct lws *wsi, struct wf_request *r, const char *type,
                                         struct wf_err *err) WF_MUST_USE;
int wf_upload_feed(struct wf_upload_parser *p, const void *bytes, size_t n,
                   struct wf_err *err) WF_MUST_USE;
int wf_upload_end(struct wf_upload_parser *p, struct wf_err *err) WF_MUST_USE;
void wf_upload_free(struct wf_upload_parser *p);

#endif
