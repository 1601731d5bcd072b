/* Bar: one line on a terminal's stderr that says how far something is, how fast, and how long it
 * will still take. Nothing is drawn where stderr is no terminal. Thread rule: owner. */
#ifndef WF_CLI_BAR_H
#define WF_CLI_BAR_H

#include <stdbool.h>
#include <stdint.h>

struct wf_bar {
    bool is_on;
    int64_t _start_ns; /* 0: not begun */
    int64_t _drawn_ns;
    uint64_t _first; /* bytes that were done when it began */
    uint64_t _all;
};

/* A bar that is drawn when stderr is a terminal and `wanted`. */
void wf_bar_init(struct wf_bar *b, bool wanted);

/* Draws "what: 12% · 1.2 GB of 4.7 GB · 80 MB/s · 44 s left", at most ten times a second. n_all 0:
 * not known. Another n_all begins anew. `what` is marked for translation by the caller. */
void wf_bar_draw(struct wf_bar *b, const char *what, uint64_t n_done, uint64_t n_all);

/* Removes it, before something else is printed. */
void wf_bar_clear(struct wf_bar *b);

#endif
