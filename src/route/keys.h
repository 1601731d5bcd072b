/* Keys: the providers' keys of a home, a file each (keys/ENGINE, 0600, in a folder of 0700), apart
 * from everything else. Only airlock reads them and `weft engines` writes them; nothing else
 * includes this. A file that others may read is refused. Thread rule: any. */
#ifndef WF_ROUTE_KEYS_H
#define WF_ROUTE_KEYS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Keys of providers have some hundred bytes, tokens of organisations a few thousand. */
#define WF_KEY_BYTES_MAX 8192u

/* Whether a text can be a key: printable ASCII without blanks, so that it can stand in a header.
 * Errors: INVAL, LIMIT. */
int wf_key_check(struct wf_str key, struct wf_err *err) WF_MUST_USE;

/* Writes an engine's key (white space around it is dropped), making the folder. Errors: INVAL,
 * LIMIT, IO, FULL, DENIED. */
int wf_key_put(const char *folder, const char *engine, struct wf_str key,
               struct wf_err *err) WF_MUST_USE;
/* Reads it into out (reset first). wf_key_forget wipes it. Errors: NOENT, DENIED (others may read
 * the file, or it is not the caller's), INVAL, LIMIT, IO, NOMEM. */
int wf_key_get(const char *folder, const char *engine, struct wf_buf *out,
               struct wf_err *err) WF_MUST_USE;
/* Removes it; none is no error. */
int wf_key_remove(const char *folder, const char *engine, struct wf_err *err) WF_MUST_USE;

/* Overwrites what the buffer holds and empties it. */
void wf_key_forget(struct wf_buf *key);

#endif
