/* Stops: texts that end an answer, found while it is written, token by token.
 *
 * What is written is given back as soon as it is certain that it belongs to the answer: whole code
 * points, and nothing that may yet turn out to be the beginning of a stop text. Of several stop
 * texts the one that is whole first ends the answer (of those that end at the same byte: the one
 * that begins first). Every byte costs a bounded number of steps, however the texts repeat.
 * Threads: owner. */
#ifndef WF_MODEL_STOPS_H
#define WF_MODEL_STOPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* No stop text was met. */
#define WF_STOPS_NONE SIZE_MAX

struct wf_stop_text;

struct wf_stops {
    struct wf_stop_text *_texts; /* [_n] */
    size_t _n;
    struct wf_buf _held; /* written, not yet given back */
    size_t _matched;     /* index of the one that was met, or WF_STOPS_NONE */
};

/* Copies n texts (empty ones are never met; 0 texts: only code points are made whole). Errors:
 * LIMIT (more than WF_LIMIT_STOPS texts, or one of more than WF_LIMIT_STOP_BYTES), NOMEM; s is then
 * empty, and wf_stops_deinit a no-op. */
int wf_stops_init(struct wf_stops *s, const struct wf_str *texts, size_t n) WF_MUST_USE;
/* Safe to call twice. */
void wf_stops_deinit(struct wf_stops *s);

/* Reads what was written next; appends to out what is now certain. When a stop text is met,
 * *out_matched is its index, out has got all before it, and what follows is dropped, now and in
 * later calls; else WF_STOPS_NONE. Bytes that are no UTF-8 become U+FFFD. Errors: LIMIT (out is
 * full), NOMEM; the stops are then over. */
int wf_stops_feed(struct wf_stops *s, struct wf_str written, struct wf_buf *out,
                  size_t *out_matched) WF_MUST_USE;

/* The answer ended otherwise: appends what was held back. Errors: LIMIT, NOMEM. */
int wf_stops_flush(struct wf_stops *s, struct wf_buf *out) WF_MUST_USE;

/* Bytes held back now. */
size_t wf_stops_held(const struct wf_stops *s);

#endif
