/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting a blob into pieces by its content: gigabytes a second, alone and with the pieces' hashes,
 * beside what memory gives in the same run (a copy of it), which is the limit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "mesh/blobs_cut.h"

#define N_BYTES ((size_t)256 << 20)

static double seconds_since(int64_t start_ns)
{
    return (double)(wf_clock_mono_ns(NULL) - start_ns) * 1e-9;
}

static double run(const uint8_t *p, bool hashes, size_t *out_n)
{
    int64_t start_ns = wf_clock_mono_ns(NULL);
    struct wf_piece piece;

    *out_n = 0;
    for (size_t at = 0; at < N_BYTES; (*out_n)++) {
        size_t len = wf_piece_cut(p + at, N_BYTES - at);
        if (hashes)
            wf_piece_make(p + at, len, &piece);
        at += len;
    }
    return (double)N_BYTES / seconds_since(start_ns) * 1e-9;
}

int main(void)
{
    static const unsigned char seed[randombytes_SEEDBYTES] = {1};
    uint8_t *p = wf_alloc(N_BYTES), *q = wf_alloc(N_BYTES);
    int64_t start_ns;
    double copied;
    size_t n = 0;

    if (p == NULL || q == NULL || sodium_init() < 0)
        return EXIT_FAILURE;
    randombytes_buf_deterministic(p, N_BYTES, seed);
    memcpy(q, p, N_BYTES); /* pages are there */
    start_ns = wf_clock_mono_ns(NULL);
    memcpy(q, p, N_BYTES);
    copied = (double)N_BYTES / seconds_since(start_ns) * 1e-9;
    printf("cut                 %5.2f GB/s\n", run(p, false, &n));
    printf("cut and hash        %5.2f GB/s  (%zu pieces, %zu bytes each)\n", run(p, true, &n), n,
           N_BYTES / n);
    printf("memory, a copy      %5.2f GB/s\n", copied);
    wf_free(p);
    wf_free(q);
    return EXIT_SUCCESS;
}
