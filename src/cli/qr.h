/* A QR code for a terminal. Thread rule: any. */
#ifndef WF_CLI_QR_H
#define WF_CLI_QR_H

#include "base/buf.h"
#include "base/err.h"

/* Appends `text` as a QR code of half blocks, two rows a line, black on white whatever the
 * terminal's colours are, with the quiet zone that scanners need. Errors: LIMIT (longer than a code
 * can hold), NOMEM. */
int wf_qr_print(const char *text, struct wf_buf *out, struct wf_err *err) WF_MUST_USE;

#endif
