/* Split: which texts are kept aside, in one place, so that all tasks agree.
 *
 * A text that a task measures on must never be trained on, not by another task either. So the rule
 * looks at nothing but the text (or the name of the document that it is of): the same bytes are
 * kept aside everywhere, whatever file they came from and in whatever order. Threads: any. */
#ifndef WF_TRAIN_SPLIT_H
#define WF_TRAIN_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* The rule's edition: what was made by another is made anew. */
#define WF_SPLIT_EDITION 2u

/* One text in so many is kept aside, unless a task says otherwise. */
#define WF_SPLIT_ONE_IN 10

/* A number of the text for ever: FNV-1a of 64 bits over its bytes without white space (ASCII) and
 * "_", well mixed. These are left out because sources part the same sentence's tokens, and the
 * words of the same title, in different ways. */
uint64_t wf_split_hash(struct wf_str text);

/* Whether the text is kept aside: one in WF_SPLIT_ONE_IN, or one in `one_in` (0: none). Which are
 * kept aside with one_in 20 are so with 10 too. */
bool wf_split_is_dev(struct wf_str text);
bool wf_split_is_dev_of(struct wf_str text, uint32_t one_in);

#endif
