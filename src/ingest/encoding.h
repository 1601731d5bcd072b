/* Encodings: which one bytes from outside are in, and their text as UTF-8.
 *
 * Order of trust: byte order mark, declared charset (when the bytes agree), UTF-8 validity, the
 * pattern of zero bytes that UTF-16 leaves, and at last a statistical guess (uchardet).
 * Thread rule: any. */
#ifndef WF_INGEST_ENCODING_H
#define WF_INGEST_ENCODING_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Loads what converters need from disk (glibc's gconv modules), so that they work in a sandbox
 * that opens no files. Run in the spawner. Thread: init. */
void wf_encoding_warm(void);

/* The encoding of `sample` (the file's beginning), a name for iconv in static storage; never NULL.
 * `declared` may be empty. *out_bom_bytes (may be NULL): bytes of a byte order mark to skip. */
const char *wf_encoding_guess(struct wf_str sample, struct wf_str declared, size_t *out_bom_bytes);

/* Appends `bytes` as valid UTF-8: guesses as above and converts; what cannot be converted becomes
 * U+FFFD. Returns wf_buf_status. */
int wf_encoding_to_utf8(struct wf_str bytes, struct wf_str declared, struct wf_buf *out);

#endif
