/* What the makers of questions share. Thread rule: owner. */
#ifndef WF_TRAIN_DATA_MADE_INTERNAL_H
#define WF_TRAIN_DATA_MADE_INTERNAL_H

#include <stdbool.h>

#include "base/str.h"

/* The next paragraph of a text, and the rest behind the empty line; false at the end. */
bool wf_data__paragraph(struct wf_str *io_rest, struct wf_str *out);

#endif
