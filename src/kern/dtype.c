/* SPDX-License-Identifier: Apache-2.0 */
/* The table of data types, and the floats. The other types stand in dtype_block32.c (blocks of 32
 * values) and dtype_block256.c (blocks of 256). */
#include "kern/dtype.h"

#include <string.h>
#include <strings.h>

#include "kern/dtype_internal.h"
#include "kern/half.h"

static const struct wf_dtype dtypes[] = {
#define WF_DTYPE_ROW(name, id, block, bytes)                                                       \
    {#name, (id), (block), (bytes), wf_dtype__unpack_##name, wf_dtype__pack_##name},
    WF_DTYPE_MAP(WF_DTYPE_ROW)
#undef WF_DTYPE_ROW
};

#define N_DTYPES (sizeof(dtypes) / sizeof(dtypes[0]))

const struct wf_dtype *wf_dtype_at(size_t i)
{
    return i < N_DTYPES ? &dtypes[i] : NULL;
}

const struct wf_dtype *wf_dtype_by_id(uint32_t id)
{
    for (size_t i = 0; i < N_DTYPES; i++) {
        if (dtypes[i].id == id)
            return &dtypes[i];
    }
    return NULL;
}

const struct wf_dtype *wf_dtype_by_name(const char *name)
{
    for (size_t i = 0; i < N_DTYPES; i++) {
        if (strcasecmp(dtypes[i].name, name) == 0)
            return &dtypes[i];
    }
    return NULL;
}

void wf_dtype__unpack_F32(const void *src, float *dst, size_t n)
{
    memcpy(dst, src, n * sizeof(*dst));
}

void wf_dtype__pack_F32(const float *src, void *dst, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float x = isfinite(src[i]) ? src[i] : 0.0f;
        memcpy((char *)dst + i * sizeof(x), &x, sizeof(x));
    }
}

static uint16_t load16(const void *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

void wf_dtype__unpack_F16(const void *src, float *dst, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = wf_half_to_float(load16((const char *)src + 2 * i));
}

/* The largest half stands for what is above it: an infinite weight would spoil every product. */
void wf_dtype__pack_F16(const float *src, void *dst, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float x = isfinite(src[i]) ? fmaxf(-65504.0f, fminf(65504.0f, src[i])) : 0.0f;
        uint16_t h = wf_float_to_half(x);
        memcpy((char *)dst + 2 * i, &h, sizeof(h));
    }
}

void wf_dtype__unpack_BF16(const void *src, float *dst, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = wf_bf16_to_float(load16((const char *)src + 2 * i));
}

void wf_dtype__pack_BF16(const float *src, void *dst, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t b = wf_float_to_bf16(isfinite(src[i]) ? src[i] : 0.0f);
        memcpy((char *)dst + 2 * i, &b, sizeof(b));
    }
}
