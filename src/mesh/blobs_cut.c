/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting. The hash moves a bit to the left with each byte, so its highest bits depend on the last
 * 64 bytes, and those are looked at. */
#include "mesh/blobs_cut.h"

#include <assert.h>
#include <pthread.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "base/alloc.h"

/* Of the hash's highest bits so many are zero at a border: 2^18 bytes is the normal length. */
#define BITS_STRICT 20
#define BITS_LOOSE 16
#define SEED UINT64_C(0x77656674206769FF)

static uint64_t gear[256];
static pthread_once_t gear_once = PTHREAD_ONCE_INIT;

static void make_gear(void)
{
    uint64_t state = SEED;

    for (size_t i = 0; i < 256; i++) {
        uint64_t z = (state += UINT64_C(0x9E3779B97F4A7C15));
        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        gear[i] = z ^ (z >> 31);
    }
}

/* The first border behind `from`, where the hash is *io_h, at or before `to`; 0: there is none. */
static size_t find(const uint8_t *p, size_t from, size_t to, uint64_t mask, uint64_t *io_h)
{
    uint64_t h = *io_h;

    for (size_t i = from; i < to; i++) {
        h = (h << 1) + gear[p[i]];
        if ((h & mask) == 0)
            return i + 1;
    }
    *io_h = h;
    return 0;
}

size_t wf_piece_cut(const uint8_t *p, size_t n)
{
    const uint64_t strict = ~UINT64_C(0) << (64 - BITS_STRICT);
    const uint64_t loose = ~UINT64_C(0) << (64 - BITS_LOOSE);
    size_t end = WF_MIN(n, WF_PIECE_BYTES_MAX), normal = WF_MIN(end, WF_PIECE_BYTES_NORMAL), at;
    uint64_t h = 0;

    assert(n > 0);
    (void)pthread_once(&gear_once, make_gear);
    if (end <= WF_PIECE_BYTES_MIN)
        return end;
    at = find(p, WF_PIECE_BYTES_MIN, normal, strict, &h);
    if (at == 0)
        at = find(p, normal, end, loose, &h);
    return at == 0 ? end : at;
}

void wf_piece_make(const uint8_t *p, size_t n, struct wf_piece *out)
{
    assert(n <= WF_PIECE_BYTES_MAX);
    out->bytes = (uint32_t)n;
    if (EVP_Digest(p, n, out->hash, NULL, EVP_sha256(), NULL) != 1) /* out of memory */
        (void)crypto_hash_sha256(out->hash, p, n);                  /* the same, slower */
}
