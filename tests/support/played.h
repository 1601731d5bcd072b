/* Played: a core's operations on a real store of a few documents, where what would start workers is
 * played. For fuzz targets and tests of the faces; one file of the program includes played_here.h.
 * What fails ends the process. Thread rule: owner. */
#ifndef WF_TESTS_SUPPORT_PLAYED_H
#define WF_TESTS_SUPPORT_PLAYED_H

#include "op/op.h"

/* Begins a use of the operations; the context is the same until played_end is called. */
struct wf_op_context *played_begin(void);
/* True once it is time for a new store, since it grows with every thread that is begun. */
bool played_is_full(void);
/* Closes the store, when nothing uses it any more; the next use begins with a new one. */
void played_end(void);

#endif
