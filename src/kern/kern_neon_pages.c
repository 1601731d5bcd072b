/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over pages on aarch64. */
#ifdef __aarch64__
#include <string.h>

#include "kern/lanes_neon.h"
#include "kern/neon_internal.h"

#include "kern/lanes.h"

#define WF_ATTEND_ROWS 8
#include "kern/attend_lanes.h"

#include "kern/attend_blocks.h"

void wf_neon__attend(const struct wf_attend *a)
{
    wf_attend_pages(a);
}

void wf_neon__to_i8(const float *x, size_t n, float *scales, int32_t *sums, int8_t *y)
{
    for (size_t b = 0; b < n / 32; b++, x += 32, y += 32) {
        float32x4_t most = vdupq_n_f32(0.0f), none = most;
        int16x8_t total = vdupq_n_s16(0);
        for (size_t i = 0; i < 32; i += 4) {
            float32x4_t v = vld1q_f32(x + i);
            most = vmaxnmq_f32(most, vabsq_f32(v));
            none = vaddq_f32(none, vsubq_f32(v, v));
        }
        float max = vmaxnmvq_f32(most), odd = vaddvq_f32(none), by;
        scales[b] = wf_half_to_float(wf_float_to_half(max / 127.0f)) + odd;
        by = scales[b] == 0.0f || isnan(odd) ? 0.0f : 127.0f / max;
        for (size_t i = 0; i < 32; i += 8) {
            int32x4_t low = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i), by));
            int32x4_t high = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i + 4), by));
            int16x8_t v = vcombine_s16(vqmovn_s32(low), vqmovn_s32(high));
            total = vaddq_s16(total, v);
            vst1_s8(y + i, vqmovn_s16(v));
        }
        sums[b] = vaddlvq_s16(total);
    }
}
#endif
