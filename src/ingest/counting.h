/* Counting: the letters and Roman numbers in which lists are numbered. Thread rule: any. */
#ifndef WF_INGEST_COUNTING_H
#define WF_INGEST_COUNTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* a b ... z aa bb ... zz aaa ..., as word processors count; `first` is 'a' or 'A'. What has no
 * letters or no Roman number (0, 300) is written in digits. Each returns wf_buf_status. */
int wf_counting_letters(struct wf_buf *out, int64_t n, char first);
int wf_counting_roman(struct wf_buf *out, int64_t n, bool upper);

#endif
