/* Lan: the door for phones in the local network, over TLS on listeners that come from a short
 * process of the supervisor's (daemon/lan.h), with the home CA's certificate for this machine.
 *
 * Apart from the token of its own that each phone shows (op/phones.h) nothing counts here: the
 * home's token does not. What a phone may do is what the routes' rows say. Without TLS, at the same
 * port, there are a page that says how to trust the home CA, and its certificate, nothing else.
 *
 * Packets (local socket; each a whole): to core: 'C' close the listeners, answered by one byte; 'P'
 * SENTENCE there are none, and why; 'L' JSON NUL KEY with the listeners as descriptors: {"hosts"
 * [..], "port", "fingerprint", "chain", "ca" (PEM), "until" (ms)}. Thread: event. Only http/
 * includes this. */
#ifndef WF_HTTP_LAN_H
#define WF_HTTP_LAN_H

#include <libwebsockets.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct wf_http;
struct wf_lan;
struct wf_request;

/* Begins to take packets from h->o.lan_fd. Errors: NOMEM, IO. */
int wf_lan_new(struct wf_http *h, struct wf_lan **out, struct wf_err *err) WF_MUST_USE;
/* Tells the phones' list that nobody listens any more; before the context is destroyed. NULL is a
 * no-op. */
void wf_lan_stop(struct wf_lan *l);
/* After the context was destroyed. NULL is a no-op. */
void wf_lan_free(struct wf_lan *l);

/* The callback of the protocol "lan", and what lan.c has to say of one of http's: whether a
 * connection (or the virtual host itself) is of this door. */
int wf_lan_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len);
bool wf_lan_is(const struct wf_lan *l, struct lws *wsi);
/* Sets up TLS when libwebsockets asks for it (ssl_ctx: SSL_CTX). 0, or not. */
int wf_lan_set_up_tls(struct wf_lan *l, void *ssl_ctx);
/* Of a connection that was accepted: its virtual host; NULL: there are too many. */
struct lws_vhost *wf_lan_vhost(struct wf_lan *l);
void wf_lan_counts(struct wf_lan *l, int by);

/* Whether Host is one of the certificate's names with the port; whether Origin is (empty: none was
 * sent); what may be had without TLS. */
bool wf_lan_host_ok(const struct wf_lan *l, const char *host);
bool wf_lan_origin_ok(const struct wf_lan *l, const char *origin, bool has_tls);
bool wf_lan_is_open_path(struct wf_str path);
/* "__Host-weft_7772". */
const char *wf_lan_cookie(const struct wf_lan *l);

/* A phone is out: notes it; and gives the next one of those, 0: none is left. Threads: any; event.
 */
void wf_lan_revoked(void *ud, uint64_t phone);
uint64_t wf_lan_next_revoked(struct wf_lan *l);

#endif
