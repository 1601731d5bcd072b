/* Sums: what an answer reckons in plain sight ("3 + 4 = 8"), reckoned again. Pure. Threads: any. */
#ifndef WF_ROUTE_SUMS_H
#define WF_ROUTE_SUMS_H

#include <stddef.h>

#include "base/str.h"

struct wf_sums {
    size_t n, n_wrong; /* that can be reckoned; of them, wrong by more than rounding */
};

/* Counts them: numbers (with commas, signs of money, percent) joined by + - * / x and brackets, an
 * equals sign, a number. What has words, letters or powers in it is none. Linear in the text, but
 * for each sum's own length, of which 200 bytes are looked at. */
struct wf_sums wf_sums_in(struct wf_str text);

#endif
