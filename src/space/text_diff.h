/* What has to be inserted and deleted so that one text becomes another: few and small edits, so
 * that what others write at the same time stays where it belongs. Thread rule: any. */
#ifndef WF_SPACE_TEXT_DIFF_H
#define WF_SPACE_TEXT_DIFF_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct wf_text_edit {
    uint32_t at;          /* in the old text, UTF-16 units */
    uint32_t n_deleted;   /* units from there */
    struct wf_str insert; /* a part of the new text, put there instead */
};

/* The edits in the order of their places, none touching the next. Both texts are valid UTF-8 of
 * less than 2^31 units; views into `new_text`. Time and memory are bounded: where texts differ in
 * more than some thousand places, larger parts are replaced. Errors: NOMEM. */
int wf_text_diff(struct wf_str old_text, struct wf_str new_text, struct wf_arena *arena,
                 struct wf_text_edit **out, size_t *out_n) WF_MUST_USE;

#endif
