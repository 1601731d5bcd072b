/* Hiding: ways to write a text so that its data are not plainly there, each of which the detectors
 * are to undo. Thread rule: any. */
#ifndef WF_TESTS_HIDE_H
#define WF_TESTS_HIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

struct hide {
    const char *name;
    void (*fn)(struct wf_str s, struct wf_buf *out); /* appends s, hidden */
    bool all; /* is done to a whole sentence, not to the datum alone */
};

/* The first is "plain": as it is. */
extern const struct hide hides[];
extern const size_t hides_n;
/* So many first ones are the usual ways; the rest is what somebody does who knows of detectors. */
#define HIDES_USUAL 16

#endif
