/* Provider: the protocols of remote engines, without any socket.
 *
 * A request of the engine's form becomes the body that a protocol wants; the bytes that come back
 * become the engine's events. Between the two stands airlock, which connects, puts the key in and
 * passes bytes on. What a protocol cannot say is left out and named, or is an error where leaving
 * it out would change what was asked for. All bytes from outside are bounded. Thread rule: any; a
 * reader by its owner. */
#ifndef WF_ROUTE_PROVIDER_H
#define WF_ROUTE_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/engine.h"
#include "route/engines.h"

/* A body: a conversation with its pictures, as the HTTP port takes it. */
#define WF_PROVIDER_BODY_BYTES_MAX (48u << 20)
/* One event of a stream, or a whole answer. */
#define WF_PROVIDER_EVENT_BYTES_MAX (4u << 20)
/* An error's body: what is longer is a web page. */
#define WF_PROVIDER_ERROR_BYTES_MAX (256u << 10)
/* All of one answer. */
#define WF_PROVIDER_ANSWER_BYTES_MAX (256u << 20)
/* Tool calls of one answer. */
#define WF_PROVIDER_CALLS_MAX 256u

/* ---- the request ---- */

/* What the protocol can do, less what the entry lacks: enum wf_ability. */
unsigned wf_provider_abilities(const struct wf_engine_entry *e);
/* What a request needs: enum wf_ability. Reasoning only where it is asked for. */
unsigned wf_provider_needs(const struct wf_gen_request *q);

#define WF_PROVIDER_URL_BYTES 4096
#define WF_PROVIDER_HEADERS_MAX 4

/* Where a request goes; the method is POST. */
struct wf_provider_target {
    char url[WF_PROVIDER_URL_BYTES];
    const char *headers[WF_PROVIDER_HEADERS_MAX]; /* "name: value", static; NULL behind the last */
    const char *key_header;                       /* the header that the key goes into: static */
    const char *key_prefix;                       /* what stands before the key in it: "Bearer " */
};

/* Fills *out. Errors: LIMIT (the URL is too long), INVAL (the model's name). */
int wf_provider_target(const struct wf_engine_entry *e, const char *model, bool streamed,
                       struct wf_provider_target *out, struct wf_err *err) WF_MUST_USE;

/* Appends the request's body. `model` is the provider's own name for it. `left_out` (may be NULL)
 * gets the names of what the protocol does not know and went without, by commas: sampling beyond
 * the protocol's, thoughts of the past. Settings that are at weft's defaults are not sent: the
 * provider's own hold. Errors: UNSUPPORTED (what must not be left out: a schema, pictures, a
 * grammar, an answer to go on with), INVAL (messages not in OpenAI's form), LIMIT, NOMEM; body is
 * then of no use. */
int wf_provider_write(const struct wf_engine_entry *e, const struct wf_gen_request *q,
                      const char *model, bool streamed, struct wf_buf *body,
                      struct wf_buf *left_out, struct wf_err *err) WF_MUST_USE;

/* ---- the response ---- */

struct wf_provider_reader;

/* Reads one response. The entry and the request are borrowed until the reader is freed. `clock`
 * (NULL: the system's) tells how far away a moment in a header is. Errors: LIMIT (too many stop
 * texts), NOMEM. */
int wf_provider_reader_new(const struct wf_engine_entry *e, const struct wf_gen_request *q,
                           bool streamed, const struct wf_clock *clock,
                           struct wf_provider_reader **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_provider_reader_free(struct wf_provider_reader *r);

/* The HTTP status and each header, before the first byte of the body; headers that mean nothing
 * here are passed over. */
void wf_provider_status(struct wf_provider_reader *r, int status);
void wf_provider_header(struct wf_provider_reader *r, struct wf_str name, struct wf_str value);

/* Takes bytes of the body over, in pieces of any size. Errors: LIMIT (an event is too long), NOMEM;
 * wf_provider_next says it, too. */
int wf_provider_feed(struct wf_provider_reader *r, struct wf_str bytes,
                     struct wf_err *err) WF_MUST_USE;
/* There are no more. */
void wf_provider_end(struct wf_provider_reader *r);

#define WF_PROVIDER_WAIT 2

/* The next event: 1 with *out filled (borrowed until the next call for this reader), 0 when the
 * answer is whole, WF_PROVIDER_WAIT when bytes are needed, or an error: what the provider said, in
 * plain words; wf_provider_problem says whether another try could help. Errors: BUSY (rate limit,
 * overload), DENIED (key, rights, money, the provider's filter), NOENT (no such model), LIMIT (the
 * prompt is too long), INVAL (the request), TIMEOUT, IO (its server failed, or the stream broke
 * off), FORMAT (not the protocol), NOMEM. Errors stick. */
int wf_provider_next(struct wf_provider_reader *r, struct wf_gen_event *out,
                     struct wf_err *err) WF_MUST_USE;

/* What has been counted so far; the model as the provider names it. Borrowed from the reader. */
const struct wf_gen_usage *wf_provider_usage(const struct wf_provider_reader *r);

struct wf_provider_problem {
    int status;             /* HTTP; 0: within the stream */
    bool may_retry;         /* the same request might go through later, or elsewhere */
    bool is_elsewhere_only; /* not here: the key, the rights, the model, the provider's filter */
    bool is_midway;         /* some of the answer had come: go on from there, do not repeat */
    int64_t retry_after_ms; /* the provider's own word; -1: none */
};
/* Of the last error; all zero (and -1) without one. */
struct wf_provider_problem wf_provider_problem(const struct wf_provider_reader *r);

/* What the headers said is left of the provider's own limits; -1: nothing. */
struct wf_provider_rates {
    int64_t n_requests, n_tokens;               /* left */
    int64_t requests_reset_ms, tokens_reset_ms; /* from now, until they are full again */
};
struct wf_provider_rates wf_provider_rates(const struct wf_provider_reader *r);

#endif
