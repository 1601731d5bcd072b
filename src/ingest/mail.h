/* Mail: the readable text of one message (RFC 5322, MIME), through GMime. What .eml files and the
 * messages of mailboxes have in common. Thread rule: owner. */
#ifndef WF_INGEST_MAIL_H
#define WF_INGEST_MAIL_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "ingest/compose.h"
#include "ingest/parse.h"
#include "ingest/stream.h"

/* Writes the message: a heading of `level` with its subject, who and when, the body, the names of
 * attachments and the text of those that are text. `meta`: subject, sender and date are also the
 * document's. Broken parts are warnings. Errors: WF_E_FORMAT (no message at all), the stream's. */
int wf_mail_put(const struct wf_parse_input *in, struct wf_str bytes, unsigned level, bool meta,
                struct wf_compose *c, struct wf_stream_writer *w, struct wf_err *err) WF_MUST_USE;

/* Initialises GMime; the spawner's. */
void wf_mail_warm(void);

/* True when the text begins with the header of a message. */
bool wf_mail_begins(struct wf_str text);

#endif
