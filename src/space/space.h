/* Names of spaces and of what is in them: what they may be, and how SPACE/NAME is read.
 *
 * A name has 1 to 64 characters of UTF-8, none of them '/' or a control character, no white space
 * at its ends, and is not "." or "..", which an address on the web would lose. Thread rule: any. */
#ifndef WF_SPACE_SPACE_H
#define WF_SPACE_SPACE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/* Whether `name` may be the name of a space, or of a draft. */
bool wf_space_name_ok(struct wf_str name);

/* The same with a sentence: WF_E_INVAL. `what` is what is named ("space", "draft"). */
int wf_space_name_check(struct wf_str name, const char *what, struct wf_err *err) WF_MUST_USE;

/* "SPACE/NAME", or "NAME" for one of the space "me"; views into `address`. WF_E_INVAL. */
int wf_space_split(struct wf_str address, struct wf_str *out_space, struct wf_str *out_name,
                   struct wf_err *err) WF_MUST_USE;

#endif
