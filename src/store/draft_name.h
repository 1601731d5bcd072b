/* Draft name: which of the drafts that want one name has it, and which numbers the others have: by
 * their uids, whoever was heard of first. What is shown is the row's name (store/draft_log.h).
 * All in turn. Thread: owner of the turn. */
#ifndef WF_STORE_DRAFT_NAME_H
#define WF_STORE_DRAFT_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "store/store.h"

struct wf_draft_wanted {
    int64_t space;
    char name[WF_LIMIT_NAME_BYTES + 16];
    bool is_numbered; /* another name is shown */
};

/* What a draft is to be called. NOENT. */
int wf_draft_name_wanted(struct wf_store *s, int64_t id, struct wf_draft_wanted *out,
                         struct wf_err *err) WF_MUST_USE;
/* It is to be called that from now on; others may get other numbers. NOENT, LIMIT, NOMEM, those of
 * writing. */
int wf_draft_name_want(struct wf_store *s, int64_t id, struct wf_str name,
                       struct wf_err *err) WF_MUST_USE;
/* A draft that was to be called so is gone, or is not any more. NOMEM, those of writing. */
int wf_draft_name_left(struct wf_store *s, const struct wf_draft_wanted *before,
                       struct wf_err *err) WF_MUST_USE;
/* It is to be called what it is shown as: somebody gave it that name. Those of writing. */
int wf_draft_name_given(struct wf_store *s, int64_t id, struct wf_err *err) WF_MUST_USE;

#endif
