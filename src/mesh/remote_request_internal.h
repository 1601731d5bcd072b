/* What the files of mesh/remote_request.h share: generations (remote_request.c), vectors and scores
 * of texts (remote_request_texts.c). */
#ifndef WF_MESH_REMOTE_REQUEST_INTERNAL_H
#define WF_MESH_REMOTE_REQUEST_INTERNAL_H

#include "mesh/remote_request.h"

/* What all have; NULL: out of memory. */
json_t *wf_remote_request__head(const char *id, const char *model, enum wf_label label,
                                bool truncate);
/* Sets an array of texts, where there are any. */
int wf_remote_request__set_texts(json_t *into, const char *name, const struct wf_str *texts,
                                 size_t n) WF_MUST_USE;
/* Appends a request, which is taken over; NULL: out of memory. Errors: LIMIT, NOMEM. */
int wf_remote_request__append(json_t *v, struct wf_buf *out, struct wf_err *err) WF_MUST_USE;

/* Errors that name the member; both return the code. */
int wf_remote_request__bad(struct wf_err *err, const char *name);
int wf_remote_request__no_memory(struct wf_err *err);

/* Reads what it asks of texts, where it does: `what` says so. Its head was read. */
int wf_remote_request__read_texts(struct wf_remote_request *r, struct wf_err *err) WF_MUST_USE;

#endif
