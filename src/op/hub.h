/* Hub: tells whoever listens what has changed (documents taken in, threads renamed).
 *
 * Events are hints, not a log: a listener that is slow is told less, and reads the state anew.
 * Thread rule: any. */
#ifndef WF_OP_HUB_H
#define WF_OP_HUB_H

#include <jansson.h>
#include <stdbool.h>

#include "base/config.h"

struct wf_hub;

/* Called from the thread that publishes: take a copy, queue it, return at once. */
typedef void (*wf_hub_fn)(void *ud, const char *event, const char *json);

/* A hub without listeners, NULL out of memory; free with none left. */
struct wf_hub *wf_hub_new(void) WF_MUST_USE;
void wf_hub_free(struct wf_hub *h);

/* Adds or removes a listener; fn(ud) is not called after unsubscribe has returned. Subscribe is
 * false when memory is exhausted. */
bool wf_hub_subscribe(struct wf_hub *h, wf_hub_fn fn, void *ud) WF_MUST_USE;
void wf_hub_unsubscribe(struct wf_hub *h, wf_hub_fn fn, void *ud);

/* Whether anybody listens: else nothing need be made to be published. */
bool wf_hub_is_heard(struct wf_hub *h);

/* Publishes `data` (borrowed; NULL = {}) under a static name. What cannot be sent is dropped. */
void wf_hub_publish(struct wf_hub *h, const char *event, const json_t *data);

#endif
