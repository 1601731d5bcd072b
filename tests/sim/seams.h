/* Seams: the program's clock and random numbers, from the seed. Thread rule: owner. */
#ifndef WF_TESTS_SIM_SEAMS_H
#define WF_TESTS_SIM_SEAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"

/* Once, first of all. */
bool seams_init(void);
/* What the system's generator gives from now on. */
void seams_seed(uint64_t seed);
/* What the system's clocks say. */
void seams_now(int64_t mono_ns, int64_t wall_ms);
int64_t seams_wall_ms(void);

#endif
