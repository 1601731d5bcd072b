/* The rows' functions, one pair a data type, for the table in dtype.c. Threads: any. */
#ifndef WF_KERN_DTYPE_INTERNAL_H
#define WF_KERN_DTYPE_INTERNAL_H

#include "kern/dtype.h"

/* Unpack n values (whole blocks) from src to dst [n] f32; pack the other way. */
#define WF_DTYPE_DECLARE(name, id, block, bytes)                                                   \
    void wf_dtype__unpack_##name(const void *src, float *dst, size_t n);                           \
    void wf_dtype__pack_##name(const float *src, void *dst, size_t n);
WF_DTYPE_MAP(WF_DTYPE_DECLARE)
#undef WF_DTYPE_DECLARE

/* The 16 values of IQ4_NL and IQ4_XS, and those of MXFP4 doubled. */
extern const int8_t wf_dtype__iq4[16];
extern const int8_t wf_dtype__fp4[16];

/* Scale j (0..7) and minimum j of the 12 bytes that Q4_K and Q5_K keep them in, 6 bits each. */
static inline void wf_dtype__scale_min(const uint8_t *s, int j, uint8_t *out_scale,
                                       uint8_t *out_min)
{
    if (j < 4) {
        *out_scale = s[j] & 63;
        *out_min = s[j + 4] & 63;
    } else {
        *out_scale = (uint8_t)((s[j + 4] & 15) | s[j - 4] >> 6 << 4);
        *out_min = (uint8_t)(s[j + 4] >> 4 | s[j] >> 6 << 4);
    }
}

/* Scale i (0..15) of the 12 bytes of Q3_K, 6 bits, less 32. */
static inline int wf_dtype__scale_q3(const uint8_t *s, int i)
{
    int low = i < 8 ? s[i] & 15 : s[i - 8] >> 4;

    return (low | (s[8 + i % 4] >> 2 * (i / 4) & 3) << 4) - 32;
}

#endif
