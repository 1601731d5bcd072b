/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and bytes of the signed forms. */
#include "mesh/pack.h"

#include <assert.h>
#include <string.h>

uint8_t *wf_pack(uint8_t *p, const void *bytes, size_t n)
{
    if (n > 0)
        memcpy(p, bytes, n);
    return p + n;
}

uint8_t *wf_pack_number(uint8_t *p, uint64_t v, size_t n)
{
    assert(n <= 8);
    for (size_t i = 0; i < n; i++)
        *p++ = (uint8_t)(v >> (8 * i));
    return p;
}

uint8_t *wf_pack_ancestors(uint8_t *p, const struct wf_devices_version *v, size_t n)
{
    p = wf_pack_number(p, n, 1);
    for (size_t i = 0; i < n; i++) {
        p = wf_pack_number(p, v[i].version, 8);
        p = wf_pack(p, v[i].hash, sizeof(v[i].hash));
    }
    return p;
}

void wf_unpack(struct wf_unpack *u, void *out, size_t n)
{
    u->is_short = u->is_short || u->left < n;
    if (u->is_short) {
        memset(out, 0, n);
        return;
    }
    if (n > 0)
        memcpy(out, u->p, n);
    u->p += n;
    u->left -= n;
}

uint64_t wf_unpack_number(struct wf_unpack *u, size_t n)
{
    uint8_t bytes[8];
    uint64_t v = 0;

    assert(n <= sizeof(bytes));
    wf_unpack(u, bytes, n);
    for (size_t i = n; i-- > 0;)
        v = v << 8 | bytes[i];
    return v;
}

bool wf_unpack_ancestors(struct wf_unpack *u, uint64_t version, size_t n_max,
                         struct wf_devices_version *out, size_t *out_n)
{
    *out_n = (size_t)wf_unpack_number(u, 1);
    if (u->is_short || *out_n > n_max)
        return false;
    for (size_t i = 0; i < *out_n; i++) {
        struct wf_devices_version *v = &out[i];
        v->version = wf_unpack_number(u, 8);
        wf_unpack(u, v->hash, sizeof(v->hash));
        if (v->version == 0 || v->version >= version)
            return false;
        if (i > 0 &&
            (v[-1].version > v->version ||
             (v[-1].version == v->version && memcmp(v[-1].hash, v->hash, sizeof(v->hash)) >= 0)))
            return false;
    }
    return !u->is_short;
}
