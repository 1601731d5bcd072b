/* Schedule: the learning rate of each step: a linear warm-up, then down to a floor. Threads: any.
 */
#ifndef WF_TRAIN_SCHEDULE_H
#define WF_TRAIN_SCHEDULE_H

#include <stdint.h>

enum wf_schedule_kind {
    WF_SCHEDULE_CONSTANT,
    WF_SCHEDULE_LINEAR,
    WF_SCHEDULE_COSINE,
    WF_SCHEDULE_TRAPEZOID, /* level, then linearly down over the last n_down steps */
};

struct wf_schedule {
    enum wf_schedule_kind kind;
    uint64_t n_steps;
    uint64_t n_warmup;
    uint64_t n_down; /* of a trapezoid */
    double peak;
    double floor; /* the least, as a part of the peak */
};

/* The rate of a step (from 0). Behind the last it stays at the floor. */
double wf_schedule_rate(const struct wf_schedule *s, uint64_t step);

#endif
