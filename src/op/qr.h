/* A QR code as rows of modules: the page draws them, and the command line with half blocks. Thread
 * rule: any. */
#ifndef WF_OP_QR_H
#define WF_OP_QR_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

/* An array of strings, one a row, "1" for a dark module, without the quiet zone: a new reference.
 * Errors: LIMIT (longer than a code can hold), NOMEM. */
int wf_qr_rows(const char *text, json_t **out, struct wf_err *err) WF_MUST_USE;

/* Appends such rows for a terminal, two a line, black on white whatever its colours are, with the
 * quiet zone that scanners need. Errors: FORMAT (no such rows), those of the buffer. */
int wf_qr_draw(const json_t *rows, struct wf_buf *out, struct wf_err *err) WF_MUST_USE;

#endif
