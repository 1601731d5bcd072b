/* SPDX-License-Identifier: Apache-2.0 */
/* The owner's list of devices: how it changes, and how two of them stand to each other. Its form
 * in bytes is devices_format.c's.
 *
 * Invariants, of every list that was read or changed here: (1) entries ascend by node key; (2) no
 * transport or device key occurs in two of them; (3) names of those that are in differ, also in
 * small letters; (4) no clearance is secret. */
#include "mesh/devices.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "text/utf8.h"

static const char *const tier_names[WF_NODE_TIER_COUNT] = {"device", "edge", "cloud"};

const char *wf_node_tier_name(enum wf_node_tier t)
{
    return tier_names[t < WF_NODE_TIER_COUNT ? t : WF_NODE_TIER_CLOUD];
}

bool wf_node_tier_parse(struct wf_str name, enum wf_node_tier *out)
{
    for (unsigned t = 0; t < WF_NODE_TIER_COUNT; t++) {
        if (wf_str_eq(name, wf_str_from(tier_names[t]))) {
            *out = (enum wf_node_tier)t;
            return true;
        }
    }
    return false;
}

enum wf_label wf_node_tier_clearance(enum wf_node_tier t)
{
    return t == WF_NODE_TIER_DEVICE || t == WF_NODE_TIER_EDGE ? WF_LABEL_PRIVATE
                                                              : WF_LABEL_INTERNAL;
}

bool wf_devices_is_name(struct wf_str name)
{
    size_t i = 0;

    if (name.len == 0 || name.len > WF_DEVICES_NAME_BYTES || name.ptr[0] == ' ' ||
        name.ptr[name.len - 1] == ' ' || wf_utf8_valid_prefix(name) != name.len)
        return false;
    while (i < name.len) {
        uint32_t c = wf_utf8_next(name, &i);
        /* Control characters, and those that change how others are read (order, width). */
        if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == '/' || (c >= 0x200b && c <= 0x200f) ||
            (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff)
            return false;
    }
    return true;
}

/* ---- looking ---- */

const struct wf_devices_entry *wf_devices_by_node(const struct wf_devices *d,
                                                  const uint8_t node[WF_DEVICES_KEY_BYTES])
{
    for (size_t i = 0; i < d->n_entries; i++)
        if (memcmp(d->entries[i].node, node, WF_DEVICES_KEY_BYTES) == 0)
            return &d->entries[i];
    return NULL;
}

const struct wf_devices_entry *
wf_devices_by_transport(const struct wf_devices *d, const uint8_t transport[WF_DEVICES_KEY_BYTES])
{
    for (size_t i = 0; i < d->n_entries; i++)
        if (memcmp(d->entries[i].transport, transport, WF_DEVICES_KEY_BYTES) == 0)
            return &d->entries[i];
    return NULL;
}

const struct wf_devices_entry *wf_devices_by_name(const struct wf_devices *d, struct wf_str name)
{
    for (size_t i = 0; i < d->n_entries; i++)
        if (d->entries[i].revoked_ms == 0 &&
            wf_str_eq_nocase(name, wf_str_from(d->entries[i].name)))
            return &d->entries[i];
    return NULL;
}

static struct wf_devices_entry *find(struct wf_devices *d, struct wf_str name, struct wf_err *err)
{
    const struct wf_devices_entry *e = wf_devices_by_name(d, name);

    if (e == NULL)
        (void)wf_err_set(err, WF_E_NOENT, "There is no node \"%.*s\". weft nodes lists them.",
                         WF_STR_ARG(name));
    return e == NULL ? NULL : &d->entries[e - d->entries];
}

/* ---- changes ---- */

/* Notes a version that this one comes out of; the oldest makes room. */
static void add_ancestor(struct wf_devices *d, const struct wf_devices_version *v)
{
    size_t i = 0;

    while (i < d->n_ancestors && (d->ancestors[i].version < v->version ||
                                  (d->ancestors[i].version == v->version &&
                                   memcmp(d->ancestors[i].hash, v->hash, sizeof(v->hash)) < 0)))
        i++;
    if (i < d->n_ancestors && d->ancestors[i].version == v->version &&
        memcmp(d->ancestors[i].hash, v->hash, sizeof(v->hash)) == 0)
        return;
    if (d->n_ancestors == WF_DEVICES_ANCESTORS_MAX) {
        if (i == 0)
            return; /* it is the oldest itself */
        memmove(d->ancestors, d->ancestors + 1, (i - 1) * sizeof(*d->ancestors));
        d->ancestors[i - 1] = *v;
        return;
    }
    memmove(d->ancestors + i + 1, d->ancestors + i, (d->n_ancestors - i) * sizeof(*d->ancestors));
    d->ancestors[i] = *v;
    d->n_ancestors++;
}

static void add_as_ancestor(struct wf_devices *d, const struct wf_devices *before)
{
    struct wf_devices_version v = {.version = before->version};

    wf_devices_hash(before, v.hash);
    add_ancestor(d, &v);
}

void wf_devices_begin(struct wf_devices *d, const uint8_t owner[WF_DEVICES_KEY_BYTES],
                      const uint8_t node[WF_DEVICES_KEY_BYTES], int64_t now_ms)
{
    if (d->version == 0)
        *d = (struct wf_devices){.version = 0};
    else
        add_as_ancestor(d, d);
    assert(d->version == 0 || memcmp(d->owner, owner, sizeof(d->owner)) == 0);
    memcpy(d->owner, owner, sizeof(d->owner));
    memcpy(d->signed_at, node, sizeof(d->signed_at));
    d->version++;
    d->time_ms = now_ms;
    memset(d->signature, 0, sizeof(d->signature));
}

/* Gives an entry that is to be `self` (its place, or n_entries) a name that no other has. */
static void set_name(struct wf_devices *d, const uint8_t *node, struct wf_str name,
                     char out[WF_DEVICES_NAME_BYTES + 1])
{
    char with[WF_DEVICES_NAME_BYTES + 1];
    size_t len = name.len;

    memcpy(with, name.ptr, len);
    with[len] = 0;
    for (unsigned n = 2;; n++) {
        const struct wf_devices_entry *e = wf_devices_by_name(d, wf_str_from(with));
        char number[16];
        size_t n_number;
        if (e == NULL || memcmp(e->node, node, WF_DEVICES_KEY_BYTES) == 0)
            break;
        n_number = (size_t)snprintf(number, sizeof(number), " %u", n);
        len = WF_MIN(name.len, WF_DEVICES_NAME_BYTES - n_number);
        while (len > 0 && len < name.len && ((unsigned char)name.ptr[len] & 0xc0) == 0x80)
            len--; /* not within a character */
        while (len > 0 && name.ptr[len - 1] == ' ')
            len--;
        memcpy(with, name.ptr, len);
        memcpy(with + len, number, n_number + 1);
    }
    memcpy(out, with, strlen(with) + 1);
}

static int check_entry(const struct wf_devices *d, const struct wf_devices_entry *e,
                       struct wf_err *err)
{
    struct wf_str name = wf_str_n(e->name, strnlen(e->name, sizeof(e->name)));

    if (!wf_devices_is_name(name))
        return wf_err_set(err, WF_E_INVAL,
                          "A node's name has 1 to 64 bytes, no line breaks, no \"/\".");
    if (e->tier >= WF_NODE_TIER_COUNT || e->clearance >= WF_LABEL_SECRET ||
        (e->roles & ~WF_ROLES_ALL) != 0)
        return wf_err_set(err, WF_E_INVAL, "No node is cleared for what is secret.");
    for (size_t i = 0; i < d->n_entries; i++) {
        const struct wf_devices_entry *o = &d->entries[i];
        if (memcmp(o->node, e->node, WF_DEVICES_KEY_BYTES) == 0)
            continue;
        if (memcmp(o->device, e->device, WF_DEVICES_KEY_BYTES) == 0 ||
            memcmp(o->transport, e->transport, WF_DEVICES_KEY_BYTES) == 0)
            return wf_err_set(err, WF_E_INVAL,
                              "That node uses keys of the node \"%s\". Was its folder copied? Give "
                              "it a new one.",
                              o->name);
    }
    return 0;
}

int wf_devices_add(struct wf_devices *d, const struct wf_devices_entry *e, struct wf_err *err)
{
    struct wf_devices_entry own = *e;
    size_t i = 0;
    int rc = check_entry(d, e, err);

    if (rc != 0)
        return rc;
    set_name(d, e->node, wf_str_from(e->name), own.name);
    while (i < d->n_entries && memcmp(d->entries[i].node, e->node, WF_DEVICES_KEY_BYTES) < 0)
        i++;
    if (i < d->n_entries && memcmp(d->entries[i].node, e->node, WF_DEVICES_KEY_BYTES) == 0) {
        d->entries[i] = own;
        return 0;
    }
    if (d->n_entries == WF_DEVICES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "There are %d nodes already, revoked ones counted.",
                          WF_DEVICES_MAX);
    memmove(d->entries + i + 1, d->entries + i, (d->n_entries - i) * sizeof(*d->entries));
    d->entries[i] = own;
    d->n_entries++;
    return 0;
}

int wf_devices_rename(struct wf_devices *d, struct wf_str name, struct wf_str to,
                      struct wf_err *err)
{
    struct wf_devices_entry *e = find(d, name, err);
    const struct wf_devices_entry *other = wf_devices_by_name(d, to);

    if (e == NULL)
        return WF_E_NOENT;
    if (!wf_devices_is_name(to))
        return wf_err_set(err, WF_E_INVAL,
                          "A node's name has 1 to 64 bytes, no line breaks, no \"/\".");
    if (other != NULL && other != e)
        return wf_err_set(err, WF_E_EXIST, "There is a node \"%s\" already.", other->name);
    memcpy(e->name, to.ptr, to.len);
    e->name[to.len] = 0;
    return 0;
}

int wf_devices_clear(struct wf_devices *d, struct wf_str name, enum wf_label clearance,
                     struct wf_err *err)
{
    struct wf_devices_entry *e = find(d, name, err);

    if (e == NULL)
        return WF_E_NOENT;
    if (clearance >= WF_LABEL_SECRET)
        return wf_err_set(err, WF_E_INVAL, "No node is cleared for what is secret.");
    d->epoch += clearance < e->clearance;
    e->clearance = clearance;
    return 0;
}

int wf_devices_relay(struct wf_devices *d, struct wf_str name, bool is_on, uint8_t roles,
                     struct wf_err *err)
{
    struct wf_devices_entry *e = find(d, name, err);

    if (e == NULL)
        return WF_E_NOENT;
    d->epoch += is_on && (e->roles & WF_ROLE_CIPHER) == 0;
    e->roles = is_on ? WF_ROLE_RELAY | WF_ROLE_CIPHER : roles;
    return 0;
}

int wf_devices_revoke(struct wf_devices *d, struct wf_str name, int64_t now_ms, struct wf_err *err)
{
    struct wf_devices_entry *e = find(d, name, err);

    if (e == NULL)
        return WF_E_NOENT;
    e->revoked_ms = now_ms > 0 ? now_ms : 1;
    d->epoch++;
    return 0;
}

int wf_devices_sign(struct wf_devices *d, const struct wf_signer *owner, struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    if (memcmp(owner->id, d->owner, sizeof(d->owner)) != 0)
        return wf_err_set(err, WF_E_INVAL, "The list of devices is of another owner.");
    wf_buf_init(&b, WF_DEVICES_BYTES_MAX);
    rc = wf_devices_write_unsigned(d, &b);
    if (rc != 0)
        rc = wf_err_set(err, rc, "Out of memory.");
    else
        rc = owner->sign(owner->ud, WF_STR("devices"), wf_buf_str(&b), d->signature, err);
    wf_buf_deinit(&b);
    return rc;
}

/* ---- two lists ---- */

static bool comes_out_of(const struct wf_devices *a, const struct wf_devices *b)
{
    uint8_t hash[WF_DEVICES_HASH_BYTES];

    if (a->version <= b->version)
        return false;
    wf_devices_hash(b, hash);
    for (size_t i = 0; i < a->n_ancestors; i++)
        if (a->ancestors[i].version == b->version &&
            memcmp(a->ancestors[i].hash, hash, sizeof(hash)) == 0)
            return true;
    return a->n_ancestors == WF_DEVICES_ANCESTORS_MAX && b->version < a->ancestors[0].version;
}

enum wf_devices_order wf_devices_compare(const struct wf_devices *a, const struct wf_devices *b)
{
    uint8_t hash_a[WF_DEVICES_HASH_BYTES], hash_b[WF_DEVICES_HASH_BYTES];

    if (a->version == 0 || b->version == 0)
        return a->version == b->version ? WF_DEVICES_SAME
               : a->version == 0        ? WF_DEVICES_OLDER
                                        : WF_DEVICES_NEWER;
    if (memcmp(a->owner, b->owner, sizeof(a->owner)) != 0)
        return WF_DEVICES_STRANGE;
    if (comes_out_of(a, b))
        return WF_DEVICES_NEWER;
    if (comes_out_of(b, a))
        return WF_DEVICES_OLDER;
    wf_devices_hash(a, hash_a);
    wf_devices_hash(b, hash_b);
    return memcmp(hash_a, hash_b, sizeof(hash_a)) == 0 ? WF_DEVICES_SAME : WF_DEVICES_FORKED;
}

bool wf_devices_prefers_second(const struct wf_devices *a, const struct wf_devices *b)
{
    uint8_t hash_a[WF_DEVICES_HASH_BYTES], hash_b[WF_DEVICES_HASH_BYTES];

    if (a->version != b->version)
        return b->version > a->version;
    wf_devices_hash(a, hash_a);
    wf_devices_hash(b, hash_b);
    return memcmp(hash_b, hash_a, sizeof(hash_a)) > 0;
}

/* The name of the node at which a list was signed, as one of the two lists has it. */
static const char *place(const struct wf_devices *d, const struct wf_devices *a,
                         const struct wf_devices *b)
{
    const struct wf_devices_entry *e = wf_devices_by_node(a, d->signed_at);

    if (e == NULL)
        e = wf_devices_by_node(b, d->signed_at);
    return e == NULL ? "an unknown node" : e->name;
}

int wf_devices_name_fork(const struct wf_devices *a, const struct wf_devices *b, struct wf_err *err)
{
    return wf_err_set(err, WF_E_CORRUPT,
                      "There are two lists of devices that know nothing of each other: version "
                      "%llu, signed at %s, and version %llu, signed at %s.",
                      (unsigned long long)a->version, place(a, a, b),
                      (unsigned long long)b->version, place(b, a, b));
}

/* Takes over what the other list says of a node beside what this one says. */
static int mend_entry(struct wf_devices *d, const struct wf_devices_entry *e, bool *io_is_news,
                      struct wf_err *err)
{
    const struct wf_devices_entry *found = wf_devices_by_node(d, e->node);
    struct wf_devices_entry *own = found == NULL ? NULL : &d->entries[found - d->entries];

    if (own == NULL) {
        *io_is_news = *io_is_news || e->revoked_ms != 0;
        return wf_devices_add(d, e, err);
    }
    if ((own->revoked_ms == 0) != (e->revoked_ms == 0))
        *io_is_news = true;
    if (own->revoked_ms == 0 || (e->revoked_ms != 0 && e->revoked_ms < own->revoked_ms))
        own->revoked_ms = e->revoked_ms;
    return 0;
}

int wf_devices_mend(struct wf_devices *io, const struct wf_devices *other, struct wf_err *err)
{
    bool is_second = wf_devices_prefers_second(io, other), is_news = false;
    struct wf_devices d = is_second ? *other : *io;
    const struct wf_devices *rest = is_second ? io : other;
    int rc = 0;

    assert(memcmp(io->owner, other->owner, sizeof(io->owner)) == 0);
    for (size_t i = 0; i < rest->n_ancestors; i++)
        add_ancestor(&d, &rest->ancestors[i]);
    add_as_ancestor(&d, rest);
    /* The hash of the preferred one is not that of `d` any more. */
    add_as_ancestor(&d, is_second ? other : io);
    for (size_t i = 0; rc == 0 && i < rest->n_entries; i++)
        rc = mend_entry(&d, &rest->entries[i], &is_news, err);
    if (rc != 0)
        return rc;
    d.version = WF_MAX(io->version, other->version) + 1;
    d.epoch = WF_MAX(io->epoch, other->epoch) + (is_news ? 1 : 0);
    d.time_ms = WF_MAX(io->time_ms, other->time_ms);
    memset(d.signature, 0, sizeof(d.signature));
    *io = d;
    return 0;
}
