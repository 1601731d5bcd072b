/* SPDX-License-Identifier: Apache-2.0 */
/* Learning rates. The first step of a warm-up is not 0, so that no step is wasted. */
#include "train/schedule.h"

#include <math.h>

#define PI 3.14159265358979323846

/* How far step is between from and to, within 0 and 1. */
static double part(uint64_t step, uint64_t from, uint64_t to)
{
    if (step <= from)
        return 0;
    return step >= to ? 1 : (double)(step - from) / (double)(to - from);
}

double wf_schedule_rate(const struct wf_schedule *s, uint64_t step)
{
    double high = 1, done;

    if (step < s->n_warmup)
        return s->peak * (double)(step + 1) / (double)s->n_warmup;
    done = part(step, s->n_warmup, s->n_steps);
    switch (s->kind) {
    case WF_SCHEDULE_CONSTANT:
        return s->peak;
    case WF_SCHEDULE_LINEAR:
        high = 1 - done;
        break;
    case WF_SCHEDULE_COSINE:
        high = 0.5 + 0.5 * cos(PI * done);
        break;
    case WF_SCHEDULE_TRAPEZOID:
        high = 1 - part(step, s->n_steps - (s->n_down < s->n_steps ? s->n_down : s->n_steps),
                        s->n_steps);
        break;
    }
    return s->peak * (s->floor + (1 - s->floor) * high);
}
