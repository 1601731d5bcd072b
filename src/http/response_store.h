/* Response store: the last responses of /v1/responses and the conversations behind them, so that
 * the next request may go on with one by its id. In memory only: they go when weft stops, and the
 * oldest give way. Only http/ includes this. Threads: any. */
#ifndef WF_HTTP_RESPONSE_STORE_H
#define WF_HTTP_RESPONSE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

#define WF_RESPONSE_ID_MAX 64

struct wf_response_store;

/* An empty store for at most n_max responses of bytes_max together. NULL out of memory. */
struct wf_response_store *wf_response_store_new(size_t n_max, size_t bytes_max) WF_MUST_USE;
/* NULL is a no-op. */
void wf_response_store_free(struct wf_response_store *s);

/* Keeps copies of a response and of its conversation (JSON texts), the oldest ones give way.
 * Errors: NOMEM, LIMIT (larger than all there may be); nothing is kept then. */
int wf_response_store_put(struct wf_response_store *s, const char *id, struct wf_str response,
                          struct wf_str messages) WF_MUST_USE;
/* Appends copies to the buffers that are not NULL; false: there is no such response, or the
 * buffers' status tells. */
bool wf_response_store_get(struct wf_response_store *s, struct wf_str id, struct wf_buf *response,
                           struct wf_buf *messages);
/* Forgets one; false: there is none. */
bool wf_response_store_remove(struct wf_response_store *s, struct wf_str id);

#endif
