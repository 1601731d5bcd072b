/* Purge: destroys what was removed, for good: text, words in the index, free pages, log, blob.
 *
 * A thread of the store does it in the background, in short turns of writing, so that adding and
 * asking go on meanwhile. It begins soon after somebody removed something, later when documents
 * were only replaced (each time the whole index is rewritten, so it is done for many together),
 * and at open when it was interrupted. Thread rule: any. */
#ifndef WF_STORE_PURGE_H
#define WF_STORE_PURGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

/* Waits until all that was removed before the call is destroyed, and does not wait for a better
 * moment to begin. timeout_ms 0 = as long as it takes. Errors: WF_E_TIMEOUT (it goes on in the
 * background), WF_E_DENIED (read-only store), or why the last attempt failed. */
int wf_purge_wait(struct wf_store *s, uint32_t timeout_ms, struct wf_err *err) WF_MUST_USE;

/* True while something removed is not destroyed yet. */
bool wf_purge_pending(struct wf_store *s);

#endif
