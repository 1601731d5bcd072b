/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness: getrandom(2) for secrets, xoshiro256** for simulations.
 *
 * The system's generator has no failure that a caller could handle: a key made of less than random
 * bytes is worse than no process, so anything but success or an interruption aborts. The seeded
 * one follows D. Blackman and S. Vigna, "Scrambled linear pseudorandom number generators" (2018);
 * its bytes are the same on every machine (little endian). It is never to make secrets. */
#include "base/rng.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/config.h"

static void system_fill(void *ud, void *out, size_t n)
{
    (void)ud; /* the kernel holds the state */
    unsigned char *p = out;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort();
        p += got;
        n -= (size_t)got;
    }
}

const struct wf_rng *wf_rng_system(void)
{
    static const struct wf_rng system_rng = {system_fill, NULL};
    return &system_rng;
}

static uint64_t rotate_left(uint64_t x, unsigned k)
{
    return (x << k) | (x >> (64 - k));
}

static uint64_t seeded_next(uint64_t s[4])
{
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

static void seeded_fill(void *ud, void *out, size_t n)
{
    struct wf_rng_seeded *s = ud;
    unsigned char *p = out;
    while (n > 0) {
        uint64_t v = seeded_next(s->_state);
        for (size_t i = 0; i < 8 && n > 0; i++, n--, v >>= 8)
            *p++ = (unsigned char)v;
    }
}

void wf_rng_seeded_init(struct wf_rng_seeded *s, uint64_t seed)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(s->_state); i++) {
        seed += UINT64_C(0x9E3779B97F4A7C15);
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        s->_state[i] = z ^ (z >> 31);
    }
    s->rng = (struct wf_rng){seeded_fill, s};
}

uint64_t wf_rng_u64(const struct wf_rng *r)
{
    if (!r)
        r = wf_rng_system();
    unsigned char bytes[8];
    r->fill(r->ud, bytes, sizeof(bytes));
    uint64_t v = 0;
    for (size_t i = 0; i < sizeof(bytes); i++)
        v |= (uint64_t)bytes[i] << (8 * i);
    return v;
}

uint64_t wf_rng_below(const struct wf_rng *r, uint64_t n)
{
    assert(n > 0);
    /* The top 2^64 mod n values would favour the low results: draw again. */
    uint64_t excess = (UINT64_MAX % n + 1) % n;
    for (;;) {
        uint64_t v = wf_rng_u64(r);
        if (v <= UINT64_MAX - excess)
            return v % n;
    }
}

void wf_rng_hex(const struct wf_rng *r, char *out, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[32];
    assert(n <= sizeof(bytes));
    if (!r)
        r = wf_rng_system();
    r->fill(r->ud, bytes, n);
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}
