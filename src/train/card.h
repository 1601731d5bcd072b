/* Card: what a lens file says of itself: its version and the figures that were measured with it.
 *
 * Threads: any. */
#ifndef WF_TRAIN_CARD_H
#define WF_TRAIN_CARD_H

#include "base/err.h"
#include "base/str.h"
#include "model/gguf.h"

/* Writes a copy of the lens file `into` to `path`, with `version` as its lens.version and the lines
 * of `text` that are not empty as its lens.card. Errors: INVAL (no version, a text that is not
 * UTF-8), LIMIT (WF_LIMIT_LENS_CARD lines), those of the writer. */
int wf_card_write(const struct wf_gguf *into, struct wf_str version, struct wf_str text,
                  const char *path, struct wf_err *err) WF_MUST_USE;

#endif
