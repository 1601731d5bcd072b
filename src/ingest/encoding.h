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

/* The name that wf_encoding_guess would use for a declared one ("latin1"), or NULL. */
const char *wf_encoding_known(struct wf_str declared);

/* Appends `bytes` in the encoding `name` (as the guess gives it) as UTF-8; what cannot be converted
 * becomes U+FFFD. `bytes` holds whole characters. Returns wf_buf_status. */
int wf_encoding_convert(const char *name, struct wf_str bytes, struct wf_buf *out);

/* Appends `bytes` as valid UTF-8: guesses as above and converts; what cannot be converted becomes
 * U+FFFD. Returns wf_buf_status. */
int wf_encoding_to_utf8(struct wf_str bytes, struct wf_str declared, struct wf_buf *out);

#endif
