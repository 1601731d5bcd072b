/* Node breakers: one for each of the owner's other nodes (route/breaker.h), so that one that fails
 * again and again is left alone for a while: "auto" weighs it no more, and who names it is told
 * when to come again. A node is known by its name in requests. Threads: any. */
#ifndef WF_OP_NODE_BREAKERS_H
#define WF_OP_NODE_BREAKERS_H

#include <jansson.h>

#include "base/clock.h"
#include "route/breaker.h"

struct wf_node_breakers;

/* *out is owned by the caller; clock NULL: the system's. Errors: NOMEM. */
int wf_node_breakers_new(const struct wf_clock *clock, struct wf_node_breakers **out,
                         struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_node_breakers_free(struct wf_node_breakers *b);

/* Asks before something is sent to a node; after 0 wf_node_breakers_left must follow. Errors: BUSY
 * (it is left alone; the sentence says how long). b NULL: always 0. */
int wf_node_breakers_enter(struct wf_node_breakers *b, const char *node,
                           struct wf_err *err) WF_MUST_USE;
/* How that went: 0, or the error's code. What is the request's own fault, or its caller's, says
 * nothing of the node. */
void wf_node_breakers_left(struct wf_node_breakers *b, const char *node, int code);

/* OPEN: nothing is sent to it now, for *out_ms more (may be NULL). b NULL: CLOSED. */
enum wf_breaker_state wf_node_breakers_state(struct wf_node_breakers *b, struct wf_str node,
                                             int64_t *out_ms);

#endif
