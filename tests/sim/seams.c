/* SPDX-License-Identifier: Apache-2.0 */
/* The system's clock and random numbers, for the whole program: these functions take the C
 * library's place. What forgets to ask a seam is played, too. */
#include "sim/seams.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <sodium.h>

#include "base/config.h"

static struct wf_rng_seeded rng;
static int64_t mono_ns, wall_ms;

void seams_seed(uint64_t seed)
{
    wf_rng_seeded_init(&rng, seed);
}

void seams_now(int64_t mono, int64_t wall)
{
    mono_ns = mono;
    wall_ms = wall;
}

int64_t seams_wall_ms(void)
{
    return wall_ms;
}

ssize_t getrandom(void *out, size_t n, unsigned flags)
{
    (void)flags;
    if (rng.rng.fill == NULL) /* before the first seed */
        seams_seed(1);
    rng.rng.fill(rng.rng.ud, out, n);
    return (ssize_t)n;
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    if (id == CLOCK_REALTIME)
        *out = (struct timespec){wall_ms / 1000, wall_ms % 1000 * 1000000};
    else
        *out = (struct timespec){mono_ns / 1000000000, mono_ns % 1000000000};
    return 0;
}

/* ---- libsodium's ---- */

static const char *name(void)
{
    return "sim";
}

static uint32_t number(void)
{
    uint32_t v;

    (void)!getrandom(&v, sizeof(v), 0);
    return v;
}

static void fill(void *const out, const size_t n)
{
    (void)!getrandom(out, n, 0);
}

bool seams_init(void)
{
    static randombytes_implementation impl = {
        .implementation_name = name, .random = number, .buf = fill};

    return randombytes_set_implementation(&impl) == 0 && sodium_init() >= 0;
}
