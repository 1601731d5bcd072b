/* A draft's text as a whole: made another by small edits. Thread rule: owner of the document. */
#ifndef WF_SPACE_TEXT_EDIT_H
#define WF_SPACE_TEXT_EDIT_H

#include "base/err.h"
#include "base/str.h"
#include "crdt/crdt.h"

/* Whether the document is a text of ours, or empty: not what another editor has made, as a tree or
 * under another name. */
bool wf_text_is(const struct wf_crdt *doc);

/* Makes the root WF_DRAFT_ROOT hold `text`, in one transaction. Errors: INVAL (not UTF-8, or with
 * NUL), LIMIT (above WF_LIMIT_DRAFT_BYTES / 4), UNSUPPORTED (it is no text of ours), NOMEM. Nothing
 * has changed then, but after NOMEM. */
int wf_text_edit(struct wf_crdt *doc, struct wf_str text, struct wf_err *err) WF_MUST_USE;

#endif
