/* SPDX-License-Identifier: Apache-2.0 */
/* The form of the list of devices in bytes: written and read, with every invariant of devices.c
 * checked, so that what can be read would be written the same way. */
#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "mesh/devices.h"
#include "mesh/pack.h"

_Static_assert(WF_DEVICES_BYTES_MAX == 94 + WF_DEVICES_ANCESTORS_MAX * 40 +
                                           WF_DEVICES_MAX * (116 + WF_DEVICES_NAME_BYTES) +
                                           WF_SIGNATURE_BYTES,
               "as long as it can be");

static const char magic[8] = {'W', 'F', 'D', 'E', 'V', 'S', '1', '\n'};

/* ---- writing ---- */

static uint8_t *put_entry(uint8_t *p, const struct wf_devices_entry *e)
{
    size_t len = strnlen(e->name, WF_DEVICES_NAME_BYTES);

    p = wf_pack(p, e->node, sizeof(e->node));
    p = wf_pack(p, e->device, sizeof(e->device));
    p = wf_pack(p, e->transport, sizeof(e->transport));
    p = wf_pack_number(p, (uint64_t)e->added_ms, 8);
    p = wf_pack_number(p, (uint64_t)e->revoked_ms, 8);
    p = wf_pack_number(p, e->tier, 1);
    p = wf_pack_number(p, e->clearance, 1);
    p = wf_pack_number(p, e->roles, 1);
    p = wf_pack_number(p, len, 1);
    return wf_pack(p, e->name, len);
}

/* All before the signature; how many bytes. Needs no memory, so that a list's name cannot fail. */
static size_t pack(const struct wf_devices *d, uint8_t out[WF_DEVICES_BYTES_MAX])
{
    uint8_t *p = wf_pack(out, magic, sizeof(magic));

    assert(d->n_ancestors <= WF_DEVICES_ANCESTORS_MAX);
    assert(d->n_entries <= WF_DEVICES_MAX);
    p = wf_pack_number(p, d->version, 8);
    p = wf_pack_number(p, (uint64_t)d->time_ms, 8);
    p = wf_pack_number(p, d->epoch, 4);
    p = wf_pack(p, d->owner, sizeof(d->owner));
    p = wf_pack(p, d->signed_at, sizeof(d->signed_at));
    p = wf_pack_ancestors(p, d->ancestors, d->n_ancestors);
    p = wf_pack_number(p, d->n_entries, 1);
    for (size_t i = 0; i < d->n_entries; i++)
        p = put_entry(p, &d->entries[i]);
    return (size_t)(p - out);
}

int wf_devices_write_unsigned(const struct wf_devices *d, struct wf_buf *out)
{
    uint8_t bytes[WF_DEVICES_BYTES_MAX];

    return wf_buf_append(out, bytes, pack(d, bytes));
}

void wf_devices_hash(const struct wf_devices *d, uint8_t out[WF_DEVICES_HASH_BYTES])
{
    uint8_t bytes[WF_DEVICES_BYTES_MAX];

    (void)crypto_generichash(out, WF_DEVICES_HASH_BYTES, bytes, pack(d, bytes), NULL, 0);
}

int wf_devices_write(const struct wf_devices *d, struct wf_buf *out)
{
    int rc = wf_devices_write_unsigned(d, out);

    return rc == 0 ? wf_buf_append(out, d->signature, sizeof(d->signature)) : rc;
}

/* ---- reading ---- */

static bool read_entry(struct wf_unpack *r, struct wf_devices_entry *e)
{
    size_t len;

    wf_unpack(r, e->node, sizeof(e->node));
    wf_unpack(r, e->device, sizeof(e->device));
    wf_unpack(r, e->transport, sizeof(e->transport));
    e->added_ms = (int64_t)wf_unpack_number(r, 8);
    e->revoked_ms = (int64_t)wf_unpack_number(r, 8);
    e->tier = (enum wf_node_tier)wf_unpack_number(r, 1);
    e->clearance = (enum wf_label)wf_unpack_number(r, 1);
    e->roles = (uint8_t)wf_unpack_number(r, 1);
    len = (size_t)wf_unpack_number(r, 1);
    if (r->is_short || len > WF_DEVICES_NAME_BYTES)
        return false;
    memset(e->name, 0, sizeof(e->name));
    wf_unpack(r, e->name, len);
    return !r->is_short && e->added_ms >= 0 && e->revoked_ms >= 0 && e->tier < WF_NODE_TIER_COUNT &&
           e->clearance < WF_LABEL_SECRET && (e->roles & ~WF_ROLES_ALL) == 0 &&
           memchr(e->name, 0, len) == NULL && wf_devices_is_name(wf_str_n(e->name, len));
}

/* Whether an entry may stand behind the i before it. */
static bool fits(const struct wf_devices *d, size_t i)
{
    const struct wf_devices_entry *e = &d->entries[i];

    if (i > 0 && memcmp(e[-1].node, e->node, sizeof(e->node)) >= 0)
        return false;
    for (size_t k = 0; k < i; k++) {
        const struct wf_devices_entry *o = &d->entries[k];
        if (memcmp(o->device, e->device, sizeof(e->device)) == 0 ||
            memcmp(o->transport, e->transport, sizeof(e->transport)) == 0)
            return false;
        if (o->revoked_ms == 0 && e->revoked_ms == 0 &&
            wf_str_eq_nocase(wf_str_from(o->name), wf_str_from(e->name)))
            return false;
    }
    return true;
}

static bool read_all(struct wf_unpack *r, struct wf_devices *d)
{
    uint8_t start[sizeof(magic)];

    wf_unpack(r, start, sizeof(start));
    if (memcmp(start, magic, sizeof(magic)) != 0)
        return false;
    d->version = wf_unpack_number(r, 8);
    d->time_ms = (int64_t)wf_unpack_number(r, 8);
    d->epoch = (uint32_t)wf_unpack_number(r, 4);
    wf_unpack(r, d->owner, sizeof(d->owner));
    wf_unpack(r, d->signed_at, sizeof(d->signed_at));
    /* A version that cannot be followed by another one is none. */
    if (r->is_short || d->version == 0 || d->version >= (uint64_t)1 << 62 || d->time_ms < 0)
        return false;
    if (!wf_unpack_ancestors(r, d->version, WF_DEVICES_ANCESTORS_MAX, d->ancestors,
                             &d->n_ancestors))
        return false;
    d->n_entries = (size_t)wf_unpack_number(r, 1);
    if (r->is_short || d->n_entries > WF_DEVICES_MAX)
        return false;
    for (size_t i = 0; i < d->n_entries; i++)
        if (!read_entry(r, &d->entries[i]) || !fits(d, i))
            return false;
    return r->left == 0;
}

int wf_devices_read_unsigned(struct wf_str bytes, struct wf_devices *out, struct wf_err *err)
{
    struct wf_unpack r = {.p = (const uint8_t *)bytes.ptr, .left = bytes.len};

    memset(out, 0, sizeof(*out));
    if (!read_all(&r, out))
        return wf_err_set(err, WF_E_FORMAT, "That is no list of devices.");
    return 0;
}

int wf_devices_read(struct wf_str bytes, struct wf_devices *out, struct wf_err *err)
{
    size_t n = bytes.len > WF_SIGNATURE_BYTES ? bytes.len - WF_SIGNATURE_BYTES : 0;
    struct wf_str body = wf_str_sub(bytes, 0, n);
    int rc;

    if (bytes.len > WF_DEVICES_BYTES_MAX)
        return wf_err_set(err, WF_E_FORMAT, "That is no list of devices: it is too long.");
    rc = wf_devices_read_unsigned(body, out, err);
    if (rc != 0)
        return rc;
    memcpy(out->signature, bytes.ptr + n, sizeof(out->signature));
    if (!wf_signer_is_signed(out->owner, WF_STR("devices"), body, out->signature))
        return wf_err_set(err, WF_E_DENIED,
                          "The list of devices is not signed by the owner that it names.");
    return 0;
}
