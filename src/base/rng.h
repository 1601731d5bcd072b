/* Randomness seam: the system's generator for secrets and ids, a seeded one for simulations.
 *
 * Thread rule: any for the system's; owner for a seeded one. */
#ifndef WF_BASE_RNG_H
#define WF_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct wf_rng {
    void (*fill)(void *ud, void *out, size_t n); /* n random bytes; cannot fail */
    void *ud;
};

/* getrandom(2). Static storage. Fit for keys and tokens. */
const struct wf_rng *wf_rng_system(void);

struct wf_rng_seeded {
    uint64_t _state[4];
    struct wf_rng rng; /* hand out &s.rng */
};

/* xoshiro256** from `seed` by splitmix64 (Blackman, Vigna 2018). The struct must not move. */
void wf_rng_seeded_init(struct wf_rng_seeded *s, uint64_t seed);

/* 64 random bits; a number below n (n > 0) without bias. NULL rng = the system's. */
uint64_t wf_rng_u64(const struct wf_rng *r);
uint64_t wf_rng_below(const struct wf_rng *r, uint64_t n);

/* 2*n lower-case hex digits and a NUL into `out` (2*n + 1 bytes), from n random bytes (n <= 32). */
void wf_rng_hex(const struct wf_rng *r, char *out, size_t n);

#endif
