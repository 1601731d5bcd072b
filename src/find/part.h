/* Part: the sentences of a chunk that are worth showing.
 *
 * Thread rule: any. */
#ifndef WF_FIND_PART_H
#define WF_FIND_PART_H

#include <stddef.h>

#include "base/str.h"
#include "find/question.h"

struct wf_part {
    size_t start, end; /* bytes, half-open, at sentence borders */
};

/* The run of whole sentences of `text`, at most n_cp_max code points (but at least one sentence),
 * that says most of the question. The first ones when it says nothing. */
struct wf_part wf_part_best(const struct wf_question *q, struct wf_str text, size_t n_cp_max);

/* `inner` (whole sentences of text) with sentences before and behind it, to n_cp_max code points.
 */
struct wf_part wf_part_around(struct wf_str text, struct wf_part inner, size_t n_cp_max);

#endif
