/* Redaction that comes back: data of a text are taken out before it goes to an engine, and put back
 * into what the engine answers.
 *
 * A redaction (struct wf_redaction) is one conversation's map, held by core alone. The same datum
 * always gets the same placeholder ("<PERSON_1>"); other ways to write the same (a card's number
 * with spaces, "Frau Schmidt" where one Anna Schmidt is known) get a letter behind the number
 * ("<PERSON_1b>"), so that each comes back as it was written. Models change placeholders: the way
 * back takes upper and lower case, other brackets or none, escapes of Markdown, HTML, JSON and
 * URLs, full-width forms and digits of other scripts, and endings ("PERSON_1s", "<PERSON_1>'s")
 * stay behind what is put in. A text that has such a form itself is no danger: its number is passed
 * over, or, where it is taken already, the form goes as a placeholder, too (<TEXT_1>).
 *
 * For any text, restoring what was redacted gives the text again, unless something was masked or
 * hashed. What the map holds is zeroed when it is freed. Thread rule: owner. */
#ifndef WF_PRIVACY_REDACT_H
#define WF_PRIVACY_REDACT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "privacy/policy.h"

/* Placeholders of one conversation; bytes of one datum. */
#define WF_REDACT_MARKS_MAX 100000u
#define WF_REDACT_DATUM_BYTES_MAX (64u << 10)
/* An encrypted datum is carried by the text itself, and must fit into what a stream holds back. */
#define WF_REDACT_CIPHER_BYTES_MAX 1024u
/* Bytes that a restored stream holds back at most. */
#define WF_RESTORE_HELD_MAX 2048u
#define WF_REDACT_KEY_BYTES 32

struct wf_redaction;
struct wf_restore;

/* An empty map with a key of its own; key NULL: a random one (for hash, encrypt and fakes). *out is
 * owned by the caller. Errors: NOMEM. */
int wf_redaction_new(const uint8_t key[WF_REDACT_KEY_BYTES], struct wf_redaction **out,
                     struct wf_err *err) WF_MUST_USE;
/* Zeroes and frees. NULL is a no-op. */
void wf_redaction_free(struct wf_redaction *r);

/* What is to be done with one piece of a text. */
struct wf_redact_span {
    size_t start, end; /* bytes */
    const char *type;  /* the detector's */
    enum wf_operator op;
};

/* Appends the text with its spans (in order, not overlapping) redacted; of NONE and KEEP the text
 * stays. Errors, *out then as before: INVAL (spans), LIMIT (placeholders, a datum too long), NOMEM,
 * the buffer's. */
int wf_redact(struct wf_redaction *r, struct wf_str text, const struct wf_redact_span *spans,
              size_t n_spans, struct wf_buf *out, struct wf_err *err) WF_MUST_USE;

/* {"<PERSON_1>":"Anna Schmidt", ...}: placeholders and fakes with what they stand for. New
 * reference; NULL: no memory, or data that are no UTF-8. */
json_t *wf_redaction_json(const struct wf_redaction *r) WF_MUST_USE;
/* The map of such an object: for wf_restore, and to go on with. Errors: FORMAT, LIMIT, NOMEM. */
int wf_redaction_from_json(const json_t *map, const uint8_t key[WF_REDACT_KEY_BYTES],
                           struct wf_redaction **out, struct wf_err *err) WF_MUST_USE;

/* ---- the way back ---- */

struct wf_restore_options {
    bool in_json; /* what is put in is escaped to stand within a JSON string (tools' arguments) */
};

/* A stream being restored; the map is borrowed until it is freed and must not change meanwhile.
 * Errors: NOMEM. */
int wf_restore_new(const struct wf_redaction *r, const struct wf_restore_options *o,
                   struct wf_restore **out, struct wf_err *err) WF_MUST_USE;
void wf_restore_free(struct wf_restore *s);

/* Takes the next piece, any bytes cut anywhere, and appends what is certain by now; at most
 * WF_RESTORE_HELD_MAX bytes wait. `end` gives the rest. Errors: NOMEM, the buffer's: the stream is
 * then broken. */
int wf_restore_feed(struct wf_restore *s, struct wf_str piece, struct wf_buf *out) WF_MUST_USE;
int wf_restore_end(struct wf_restore *s, struct wf_buf *out) WF_MUST_USE;

/* A whole text at once. Errors: NOMEM, the buffer's. */
int wf_restore_text(const struct wf_redaction *r, struct wf_str text, struct wf_buf *out,
                    struct wf_err *err) WF_MUST_USE;

/* ---- single operators, also for Presidio's clients ---- */

/* Appends a made-up datum of the same kind and form, with a right checksum where its type has one;
 * the same for the same seed; never equal to the datum itself. Errors: the buffer's. */
int wf_redact_fake(struct wf_str datum, const char *type, uint64_t seed, struct wf_buf *out);

/* Appends the datum masked: letters and digits become '*'; of long numbers the last four stay; of
 * credentials not even the length does. Errors: the buffer's. */
int wf_redact_mask(struct wf_str datum, const char *type, struct wf_buf *out);

#endif
