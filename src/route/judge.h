/* Judge: whether an answer is right, where it is known what is right: what an evaluation asks. No
 * model is asked. Pure. Threads: any. */
#ifndef WF_ROUTE_JUDGE_H
#define WF_ROUTE_JUDGE_H

#include <stdbool.h>

#include "base/str.h"

/* Whether the answer (valid UTF-8) says what is expected:
 *
 *   a letter A to J   the choice that it names: behind its last "answer", else the only letter that
 *                     stands alone ("B", "(B)", "B. Paris")
 *   a number          its last number is that one ("1,000", "$1000" and "1000.0" are the same)
 *   anything else     its words stand in the answer one behind the other, whatever their case,
 * accents and marks (text/word.h)
 *
 * An expectation without any word is met by no answer. */
bool wf_judge_is_right(struct wf_str answer, struct wf_str expected);

#endif
