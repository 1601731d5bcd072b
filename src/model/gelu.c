/* SPDX-License-Identifier: Apache-2.0 */
/* The table has one float for each of the 65,536 halves (256 KiB) and is made on first use. */
#include "model/gelu.h"

#include <math.h>
#include <pthread.h>
#include <stdint.h>

#define CHUNK 256

static float table[1 << 16];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    uint16_t bits, rounded;
    float x, y;

    for (uint32_t i = 0; i < 1 << 16; i++) {
        bits = (uint16_t)i;
        wf_kern_ref.from_f16(&bits, &x, 1);
        y = 0.5f * x * (1.0f + tanhf(0.79788456080286535588f * x * (1.0f + 0.044715f * x * x)));
        wf_kern_ref.to_f16(&y, &rounded, 1);
        wf_kern_ref.from_f16(&rounded, &table[i], 1);
    }
}

void wf_gelu(const struct wf_kern *kern, float *x, const float *up, size_t n)
{
    uint16_t halves[CHUNK];

    (void)pthread_once(&made, make_table); /* fails for our own mistakes only */
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t m = n - at < CHUNK ? n - at : CHUNK;
        kern->to_f16(x + at, halves, m);
        for (size_t i = 0; i < m; i++) {
            float v = x[at + i], y = v <= -10.0f ? 0.0f : v >= 10.0f ? v : table[halves[i]];
            x[at + i] = up != NULL ? y * up[at + i] : y;
        }
    }
}
