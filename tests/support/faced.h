/* Faced: one request answered by its route, without a socket: what a model face makes of a body.
 * Thread rule: owner. */
#ifndef WF_TESTS_SUPPORT_FACED_H
#define WF_TESTS_SUPPORT_FACED_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"
#include "http/request.h"
#include "op/op.h"

struct faced {
    int status;         /* 0: there is no such route, or no memory for this */
    bool whole;         /* the answer ended, and did not break */
    struct wf_buf head; /* lines "name: value" of the route's own headers */
    struct wf_buf body; /* without the marks of chunks */
};

/* From the next faced_run on, the n-th allocation of a route's run fails, of weft or of jansson (if
 * json_set_alloc_funcs was given wf_alloc and wf_free); 0: none does. */
void faced_fail_at(uint64_t n);
/* True when the failure has come in the last run. */
bool faced_failed(void);

/* Runs method and path with this body on the operations of ctx; the answer's fields are freed by
 * faced_free. */
void faced_run(struct wf_op_context *ctx, enum wf_http_method method, const char *path,
               struct wf_str body, struct faced *out);
void faced_free(struct faced *f);
/* Forgets the responses that were kept (4 at most, 1 MiB). */
void faced_forget(void);

/* The whole body as JSON; NULL when it is none. A new reference. */
json_t *faced_json(const struct faced *f);
/* The data of the n-th event of a stream, NULL behind the last; "[DONE]" is a JSON string. A new
 * reference. */
json_t *faced_event(const struct faced *f, size_t n);
/* What stands at a path of keys and places ("choices.0.text"); NULL: nothing. Borrowed from v. */
json_t *faced_at(json_t *v, const char *path);
/* Whether the JSON text `want` is what stands at the path ("": v itself); says on standard error
 * what does where it is not. */
bool faced_is(json_t *v, const char *path, const char *want);
/* The value of a header, or NULL; borrowed until the next call. */
const char *faced_header(const struct faced *f, const char *name);

#endif
