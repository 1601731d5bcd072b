/* SPDX-License-Identifier: Apache-2.0 */
/* The form of a charter in bytes: written and read, with every invariant checked, so that what can
 * be read would be written the same way. */
#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "mesh/charter.h"
#include "mesh/pack.h"
#include "space/space.h"

#define TAIL_BYTES (WF_DEVICES_KEY_BYTES + WF_SIGNER_ID_BYTES + WF_SIGNATURE_BYTES)
#define IS_FOUNDER 1u
#define HAS_WRITTEN 2u

_Static_assert(WF_CHARTER_BYTES_MAX ==
                   39 + WF_CHARTER_NAME_BYTES + 1 + WF_CHARTER_ANCESTORS_MAX * 40 + 1 +
                       WF_CHARTER_MEMBERS_MAX * (36 + WF_DEVICES_NAME_BYTES) + TAIL_BYTES,
               "as long as it can be");

static const char magic[8] = {'W', 'F', 'C', 'H', 'R', 'T', '1', '\n'};

/* ---- writing ---- */

static uint8_t *put_member(uint8_t *p, const struct wf_charter_member *m)
{
    size_t len = strnlen(m->name, WF_DEVICES_NAME_BYTES);

    p = wf_pack(p, m->owner, sizeof(m->owner));
    p = wf_pack_number(p, m->role, 1);
    p = wf_pack_number(p, m->clearance, 1);
    p = wf_pack_number(p, (m->is_founder ? IS_FOUNDER : 0) | (m->has_written ? HAS_WRITTEN : 0), 1);
    p = wf_pack_number(p, len, 1);
    return wf_pack(p, m->name, len);
}

/* All before who signed; how many bytes. Needs no memory, so that a hash cannot fail. */
static size_t pack(const struct wf_charter *c, uint8_t out[WF_CHARTER_BYTES_MAX])
{
    size_t len = strnlen(c->name, WF_CHARTER_NAME_BYTES);
    uint8_t *p = wf_pack(out, magic, sizeof(magic));

    assert(c->n_ancestors <= WF_CHARTER_ANCESTORS_MAX);
    assert(c->n_members <= WF_CHARTER_MEMBERS_MAX);
    p = wf_pack_number(p, c->version, 8);
    p = wf_pack(p, c->uid, sizeof(c->uid));
    p = wf_pack_number(p, c->epoch, 4);
    p = wf_pack_number(p, c->label, 1);
    p = wf_pack_number(p, len, 2);
    p = wf_pack(p, c->name, len);
    p = wf_pack_ancestors(p, c->ancestors, c->n_ancestors);
    p = wf_pack_number(p, c->n_members, 1);
    for (size_t i = 0; i < c->n_members; i++)
        p = put_member(p, &c->members[i]);
    return (size_t)(p - out);
}

/* The same with who signed: what is signed. */
static size_t pack_signed(const struct wf_charter *c, uint8_t out[WF_CHARTER_BYTES_MAX])
{
    uint8_t *p = out + pack(c, out);

    p = wf_pack(p, c->owner, sizeof(c->owner));
    p = wf_pack(p, c->device, sizeof(c->device));
    return (size_t)(p - out);
}

void wf_charter_hash(const struct wf_charter *c, uint8_t out[WF_DEVICES_HASH_BYTES])
{
    uint8_t bytes[WF_CHARTER_BYTES_MAX];

    (void)crypto_generichash(out, WF_DEVICES_HASH_BYTES, bytes, pack(c, bytes), NULL, 0);
}

int wf_charter_write(const struct wf_charter *c, struct wf_buf *out)
{
    uint8_t bytes[WF_CHARTER_BYTES_MAX];
    int rc = wf_buf_append(out, bytes, pack_signed(c, bytes));

    return rc == 0 ? wf_buf_append(out, c->signature, sizeof(c->signature)) : rc;
}

int wf_charter_sign(struct wf_charter *c, const uint8_t owner[WF_DEVICES_KEY_BYTES],
                    const struct wf_signer *device, struct wf_err *err)
{
    uint8_t bytes[WF_CHARTER_BYTES_MAX];
    size_t n;

    memcpy(c->owner, owner, sizeof(c->owner));
    memcpy(c->device, device->id, sizeof(c->device));
    n = pack_signed(c, bytes);
    return device->sign(device->ud, WF_STR("charter 1"), wf_str_n((const char *)bytes, n),
                        c->signature, err);
}

/* ---- reading ---- */

static bool read_head(struct wf_unpack *r, struct wf_charter *c)
{
    uint8_t start[sizeof(magic)];
    size_t len;

    wf_unpack(r, start, sizeof(start));
    if (memcmp(start, magic, sizeof(magic)) != 0)
        return false;
    c->version = wf_unpack_number(r, 8);
    wf_unpack(r, c->uid, sizeof(c->uid));
    c->epoch = (uint32_t)wf_unpack_number(r, 4);
    c->label = (enum wf_label)wf_unpack_number(r, 1);
    len = (size_t)wf_unpack_number(r, 2);
    /* What cannot be followed by another one is none. */
    if (r->is_short || c->version == 0 || c->version >= (uint64_t)1 << 62 || c->epoch == 0 ||
        c->epoch >= UINT16_MAX || c->label >= WF_LABEL_SECRET || len > WF_CHARTER_NAME_BYTES)
        return false;
    wf_unpack(r, c->name, len);
    return !r->is_short && memchr(c->name, 0, len) == NULL &&
           wf_space_name_ok(wf_str_n(c->name, len));
}

static bool read_member(struct wf_unpack *r, struct wf_charter_member *m)
{
    uint64_t flags;
    size_t len;

    wf_unpack(r, m->owner, sizeof(m->owner));
    m->role = (enum wf_role)wf_unpack_number(r, 1);
    m->clearance = (enum wf_label)wf_unpack_number(r, 1);
    flags = wf_unpack_number(r, 1);
    len = (size_t)wf_unpack_number(r, 1);
    if (r->is_short || len > WF_DEVICES_NAME_BYTES)
        return false;
    wf_unpack(r, m->name, len);
    m->is_founder = (flags & IS_FOUNDER) != 0;
    m->has_written = (flags & HAS_WRITTEN) != 0;
    return !r->is_short && m->role < WF_ROLE_COUNT && m->clearance < WF_LABEL_SECRET &&
           (flags & ~(uint64_t)(IS_FOUNDER | HAS_WRITTEN)) == 0 &&
           (m->role < WF_ROLE_WRITE || m->has_written) && memchr(m->name, 0, len) == NULL &&
           wf_devices_is_name(wf_str_n(m->name, len));
}

static bool read_members(struct wf_unpack *r, struct wf_charter *c)
{
    size_t n_founders = 0;

    c->n_members = (size_t)wf_unpack_number(r, 1);
    if (r->is_short || c->n_members == 0 || c->n_members > WF_CHARTER_MEMBERS_MAX)
        return false;
    for (size_t i = 0; i < c->n_members; i++) {
        struct wf_charter_member *m = &c->members[i];
        if (!read_member(r, m) || (i > 0 && memcmp(m[-1].owner, m->owner, sizeof(m->owner)) >= 0))
            return false;
        n_founders += m->is_founder;
    }
    return n_founders == 1;
}

int wf_charter_read_form(struct wf_str bytes, struct wf_charter *out, struct wf_err *err)
{
    struct wf_unpack r = {.p = (const uint8_t *)bytes.ptr, .left = bytes.len};

    memset(out, 0, sizeof(*out));
    if (!read_head(&r, out) ||
        !wf_unpack_ancestors(&r, out->version, WF_CHARTER_ANCESTORS_MAX, out->ancestors,
                             &out->n_ancestors) ||
        (out->n_ancestors == 0) != (out->version == 1) || !read_members(&r, out))
        return wf_err_set(err, WF_E_FORMAT, "That is no charter of a space.");
    wf_unpack(&r, out->owner, sizeof(out->owner));
    wf_unpack(&r, out->device, sizeof(out->device));
    wf_unpack(&r, out->signature, sizeof(out->signature));
    if (r.is_short || r.left != 0)
        return wf_err_set(err, WF_E_FORMAT, "That is no charter of a space.");
    return 0;
}

int wf_charter_read(struct wf_str bytes, struct wf_charter *out, struct wf_err *err)
{
    int rc = wf_charter_read_form(bytes, out, err);

    if (rc != 0)
        return rc;
    if (!wf_signer_is_signed(out->device, WF_STR("charter 1"),
                             wf_str_sub(bytes, 0, bytes.len - WF_SIGNATURE_BYTES), out->signature))
        return wf_err_set(err, WF_E_DENIED,
                          "The charter of the space is not signed by the device that it names.");
    return 0;
}
