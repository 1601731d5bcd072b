/* Twist: a question that its passage does not answer, out of one that it does, by one word or name:
 * what people do who are asked for such questions (Rajpurkar, Jia, Liang 2018, SQuAD 2.0: another
 * name or number, an antonym, a negation). English. Threads: any. */
#ifndef WF_TRAIN_DATA_TWIST_H
#define WF_TRAIN_DATA_TWIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Writes the twisted question to *out, which is reset. texts [n]: where names and numbers that take
 * others' place come from; never `answer`, and nothing that the question has. What is done is drawn
 * from *io_draw. False: there is nothing to change (or no memory: that sticks in *out). */
bool wf_data_twist(struct wf_str question, struct wf_str answer, const struct wf_str *texts,
                   size_t n, uint64_t *io_draw, struct wf_buf *out);

#endif
