/* Connection: libwebsockets' callbacks turned into requests, and answers into writes. Event thread.
 * Only http/ includes this. */
#ifndef WF_HTTP_CONNECTION_H
#define WF_HTTP_CONNECTION_H

#include <libwebsockets.h>
#include <stdbool.h>

#include "base/list.h"
#include "http/request.h"

/* libwebsockets keeps one, zeroed, with each connection. */
struct wf_connection {
    struct wf_list node; /* in wf_http.clients while `r` is there */
    struct lws *wsi;
    struct wf_request *r; /* the request being received or answered */
    struct wf_upload_parser *upload;
    bool dispatched;  /* somebody is answering it */
    bool close_after; /* the connection cannot be used again */
    bool is_events;
    struct wf_sync_conn *sync; /* of a draft's connection, which has no requests (sync.c) */
};

/* The callback of the protocol "http". */
int wf_connection_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                           size_t len);

/* After a turn of the loop in which nothing was done: lets go of clients that hung up while they
 * waited for an answer. */
void wf_connection_look_after(struct wf_http *h);
/* Closes what phones that are out have open. Not within a callback. */
void wf_connection_revoked(struct wf_http *h);
/* A comment line to every event stream, so that a dead connection is noticed. */
void wf_connection_beat(struct wf_http *h);
/* Ends the event streams, for a clean stop. */
void wf_connection_end_streams(struct wf_http *h);
/* Marks every request's client as gone. */
void wf_connection_abandon(struct wf_http *h);

#endif
