/* SPDX-License-Identifier: Apache-2.0 */
/* The charter of a space: how it changes, and how two of them stand to each other. Its form in
 * bytes is charter_format.c's.
 *
 * Invariants, of every charter that was read or changed here: (1) members ascend by owner; (2)
 * there is one founder; (3) no clearance is secret; (4) who may write, or might once, is known as
 * such. A fork may leave a space without an admin: then nobody comes in any more. */
#include "mesh/charter.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "space/space.h"

static const char *const role_names[WF_ROLE_COUNT] = {"out", "read", "write", "admin"};

const char *wf_role_name(enum wf_role role)
{
    return role_names[role < WF_ROLE_COUNT ? role : WF_ROLE_OUT];
}

bool wf_role_parse(struct wf_str name, enum wf_role *out)
{
    for (unsigned r = WF_ROLE_READ; r < WF_ROLE_COUNT; r++) {
        if (wf_str_eq(name, wf_str_from(role_names[r]))) {
            *out = (enum wf_role)r;
            return true;
        }
    }
    return false;
}

/* ---- looking ---- */

static size_t find(const struct wf_charter *c, const uint8_t owner[WF_DEVICES_KEY_BYTES])
{
    size_t i = 0;

    while (i < c->n_members && memcmp(c->members[i].owner, owner, WF_DEVICES_KEY_BYTES) < 0)
        i++;
    return i;
}

static struct wf_charter_member *member_of(struct wf_charter *c,
                                           const uint8_t owner[WF_DEVICES_KEY_BYTES])
{
    size_t i = find(c, owner);

    return i < c->n_members && memcmp(c->members[i].owner, owner, WF_DEVICES_KEY_BYTES) == 0
               ? &c->members[i]
               : NULL;
}

const struct wf_charter_member *wf_charter_member(const struct wf_charter *c,
                                                  const uint8_t owner[WF_DEVICES_KEY_BYTES])
{
    size_t i = find(c, owner);

    return i < c->n_members && memcmp(c->members[i].owner, owner, WF_DEVICES_KEY_BYTES) == 0
               ? &c->members[i]
               : NULL;
}

const struct wf_charter_member *wf_charter_by_name(const struct wf_charter *c, struct wf_str name)
{
    for (size_t i = 0; i < c->n_members; i++) {
        if (c->members[i].role != WF_ROLE_OUT &&
            wf_str_eq_nocase(name, wf_str_from(c->members[i].name)))
            return &c->members[i];
    }
    return NULL;
}

static enum wf_role role_in(const struct wf_charter *c, const uint8_t owner[WF_DEVICES_KEY_BYTES])
{
    const struct wf_charter_member *m = wf_charter_member(c, owner);

    return m == NULL ? WF_ROLE_OUT : m->role;
}

/* ---- changes ---- */

int wf_charter_found(const struct wf_charter_first *first, struct wf_charter *out,
                     struct wf_err *err)
{
    struct wf_charter_member *m = &out->members[0];

    if (!wf_space_name_ok(first->name) || first->name.len > WF_CHARTER_NAME_BYTES ||
        !wf_devices_is_name(first->owner_name) || first->label >= WF_LABEL_SECRET)
        return wf_err_set(err, WF_E_INVAL,
                          "That is no name of a space or a person, or the space "
                          "is secret: it stays where it is.");
    memset(out, 0, sizeof(*out));
    out->version = 1;
    out->epoch = 1;
    out->label = first->label;
    memcpy(out->uid, first->uid, sizeof(out->uid));
    memcpy(out->name, first->name.ptr, first->name.len);
    memcpy(m->owner, first->owner, sizeof(m->owner));
    memcpy(m->name, first->owner_name.ptr, first->owner_name.len);
    m->role = WF_ROLE_ADMIN;
    m->clearance = WF_LABEL_PRIVATE;
    m->is_founder = m->has_written = true;
    out->n_members = 1;
    return 0;
}

/* Notes a version that this one comes out of; the oldest makes room. */
static void add_ancestor(struct wf_charter *c, const struct wf_devices_version *v)
{
    size_t i = 0;

    while (i < c->n_ancestors && (c->ancestors[i].version < v->version ||
                                  (c->ancestors[i].version == v->version &&
                                   memcmp(c->ancestors[i].hash, v->hash, sizeof(v->hash)) < 0)))
        i++;
    if (i < c->n_ancestors && c->ancestors[i].version == v->version &&
        memcmp(c->ancestors[i].hash, v->hash, sizeof(v->hash)) == 0)
        return;
    if (c->n_ancestors == WF_CHARTER_ANCESTORS_MAX) {
        if (i == 0)
            return; /* it is the oldest itself */
        memmove(c->ancestors, c->ancestors + 1, (i - 1) * sizeof(*c->ancestors));
        c->ancestors[i - 1] = *v;
        return;
    }
    memmove(c->ancestors + i + 1, c->ancestors + i, (c->n_ancestors - i) * sizeof(*c->ancestors));
    c->ancestors[i] = *v;
    c->n_ancestors++;
}

static void add_as_ancestor(struct wf_charter *c, const struct wf_charter *before)
{
    struct wf_devices_version v = {.version = before->version};

    wf_charter_hash(before, v.hash);
    add_ancestor(c, &v);
}

static void forget_signer(struct wf_charter *c)
{
    memset(c->owner, 0, sizeof(c->owner));
    memset(c->device, 0, sizeof(c->device));
    memset(c->signature, 0, sizeof(c->signature));
}

void wf_charter_begin(struct wf_charter *c)
{
    assert(c->version > 0);
    add_as_ancestor(c, c);
    c->version++;
    forget_signer(c);
}

static bool has_admin(const struct wf_charter *c)
{
    for (size_t i = 0; i < c->n_members; i++) {
        if (c->members[i].role == WF_ROLE_ADMIN)
            return true;
    }
    return false;
}

static int check_member(const struct wf_charter *c, const struct wf_charter_member *m,
                        struct wf_err *err)
{
    struct wf_str name = wf_str_n(m->name, strnlen(m->name, sizeof(m->name)));
    const struct wf_charter_member *other = wf_charter_by_name(c, name);

    if (!wf_devices_is_name(name))
        return wf_err_set(err, WF_E_INVAL,
                          "A member's name has 1 to 64 bytes, no line breaks, no \"/\".");
    if (m->role >= WF_ROLE_COUNT || m->clearance >= WF_LABEL_SECRET)
        return wf_err_set(err, WF_E_INVAL, "What is secret is for nobody else.");
    if (other != NULL && m->role != WF_ROLE_OUT &&
        memcmp(other->owner, m->owner, sizeof(m->owner)) != 0)
        return wf_err_set(err, WF_E_EXIST, "The space has a member \"%s\" already.", other->name);
    return 0;
}

static int insert(struct wf_charter *c, const struct wf_charter_member *m, struct wf_err *err)
{
    size_t i = find(c, m->owner);

    if (c->n_members == WF_CHARTER_MEMBERS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "There are %d members already, those that went counted.",
                          WF_CHARTER_MEMBERS_MAX);
    memmove(c->members + i + 1, c->members + i, (c->n_members - i) * sizeof(*c->members));
    c->members[i] = *m;
    c->members[i].is_founder = false;
    c->members[i].has_written = m->role >= WF_ROLE_WRITE;
    c->n_members++;
    return 0;
}

int wf_charter_set(struct wf_charter *c, const struct wf_charter_member *m, struct wf_err *err)
{
    struct wf_charter_member *own = member_of(c, m->owner), before;
    int rc = check_member(c, m, err);

    if (rc != 0)
        return rc;
    if (own == NULL)
        return insert(c, m, err);
    before = *own;
    own->role = m->role;
    own->clearance = m->clearance;
    own->has_written = own->has_written || m->role >= WF_ROLE_WRITE;
    memcpy(own->name, m->name, sizeof(own->name));
    if (!has_admin(c)) {
        *own = before;
        return wf_err_set(err, WF_E_INVAL,
                          "Nobody would be left who says who is in the space. Make another one an "
                          "admin first.");
    }
    if (own->role < before.role || own->clearance < before.clearance)
        c->epoch++;
    return 0;
}

/* ---- who may say so ---- */

static bool is_same_member(const struct wf_charter_member *a, const struct wf_charter_member *b)
{
    return a->role == b->role && a->clearance == b->clearance && a->is_founder == b->is_founder &&
           a->has_written == b->has_written && strcmp(a->name, b->name) == 0;
}

/* Whether all that `next` says is that its signer's owner has gone. */
static bool only_leaves(const struct wf_charter *before, const struct wf_charter *next)
{
    if (next->n_members != before->n_members || strcmp(next->name, before->name) != 0 ||
        next->label != before->label)
        return false;
    for (size_t i = 0; i < next->n_members; i++) {
        const struct wf_charter_member *a = &before->members[i], *b = &next->members[i];
        struct wf_charter_member left = *a;
        if (memcmp(a->owner, b->owner, sizeof(a->owner)) != 0)
            return false;
        if (memcmp(b->owner, next->owner, sizeof(b->owner)) == 0)
            left.role = WF_ROLE_OUT;
        if (!is_same_member(&left, b))
            return false;
    }
    return true;
}

static const struct wf_charter_member *founder_of(const struct wf_charter *c)
{
    for (size_t i = 0; i < c->n_members; i++) {
        if (c->members[i].is_founder)
            return &c->members[i];
    }
    return NULL;
}

bool wf_charter_may_follow(const struct wf_charter *before, const struct wf_charter *next)
{
    const struct wf_charter_member *a = founder_of(before), *b = founder_of(next);

    if (memcmp(before->uid, next->uid, sizeof(next->uid)) != 0 || next->epoch < before->epoch ||
        a == NULL || b == NULL || memcmp(a->owner, b->owner, sizeof(a->owner)) != 0)
        return false;
    if (memcmp(next->owner, a->owner, sizeof(a->owner)) != 0 &&
        (b->role < a->role || b->clearance < a->clearance))
        return false;
    return role_in(before, next->owner) == WF_ROLE_ADMIN ||
           (role_in(before, next->owner) != WF_ROLE_OUT && only_leaves(before, next));
}

/* ---- two charters ---- */

static bool comes_out_of(const struct wf_charter *a, const struct wf_charter *b)
{
    uint8_t hash[WF_DEVICES_HASH_BYTES];

    if (a->version <= b->version)
        return false;
    wf_charter_hash(b, hash);
    for (size_t i = 0; i < a->n_ancestors; i++) {
        if (a->ancestors[i].version == b->version &&
            memcmp(a->ancestors[i].hash, hash, sizeof(hash)) == 0)
            return true;
    }
    return a->n_ancestors == WF_CHARTER_ANCESTORS_MAX && b->version < a->ancestors[0].version;
}

enum wf_devices_order wf_charter_compare(const struct wf_charter *a, const struct wf_charter *b)
{
    uint8_t hash_a[WF_DEVICES_HASH_BYTES], hash_b[WF_DEVICES_HASH_BYTES];

    if (a->version == 0 || b->version == 0)
        return a->version == b->version ? WF_DEVICES_SAME
               : a->version == 0        ? WF_DEVICES_OLDER
                                        : WF_DEVICES_NEWER;
    if (memcmp(a->uid, b->uid, sizeof(a->uid)) != 0)
        return WF_DEVICES_STRANGE;
    if (comes_out_of(a, b))
        return WF_DEVICES_NEWER;
    if (comes_out_of(b, a))
        return WF_DEVICES_OLDER;
    wf_charter_hash(a, hash_a);
    wf_charter_hash(b, hash_b);
    return memcmp(hash_a, hash_b, sizeof(hash_a)) == 0 ? WF_DEVICES_SAME : WF_DEVICES_FORKED;
}

static bool prefers_second(const struct wf_charter *a, const struct wf_charter *b)
{
    uint8_t hash_a[WF_DEVICES_HASH_BYTES], hash_b[WF_DEVICES_HASH_BYTES];

    if (a->version != b->version)
        return b->version > a->version;
    wf_charter_hash(a, hash_a);
    wf_charter_hash(b, hash_b);
    return memcmp(hash_b, hash_a, sizeof(hash_a)) > 0;
}

/* Both know him: the lower counts. */
static bool lower(struct wf_charter_member *io, const struct wf_charter_member *other)
{
    bool is_news = io->role != other->role || io->clearance != other->clearance;

    io->role = WF_MIN(io->role, other->role);
    io->clearance = WF_MIN(io->clearance, other->clearance);
    io->has_written = io->has_written || other->has_written;
    return is_news;
}

/* Whether whom that charter takes in is in: who signed it is an admin still. One that nobody has
 * signed yet, since it is mended itself, was looked at already. */
static bool takes_in(const struct wf_charter *now, const struct wf_charter *c)
{
    static const uint8_t nobody[WF_DEVICES_KEY_BYTES];

    return role_in(now, c->owner) == WF_ROLE_ADMIN || memcmp(c->owner, nobody, sizeof(nobody)) == 0;
}

/* Members that one of the two alone knows are out. */
static void sift(struct wf_charter *io, const struct wf_charter *knows,
                 const struct wf_charter *lacks)
{
    for (size_t i = 0; i < knows->n_members; i++) {
        struct wf_charter_member *m = member_of(io, knows->members[i].owner);
        if (m != NULL && wf_charter_member(lacks, m->owner) == NULL)
            m->role = WF_ROLE_OUT;
    }
}

int wf_charter_mend(struct wf_charter *io, const struct wf_charter *other, struct wf_err *err)
{
    const struct wf_charter mine = *io;
    bool is_second = prefers_second(&mine, other), is_news = false, sifts_mine, sifts_other;
    struct wf_charter c = is_second ? *other : mine;
    const struct wf_charter *rest = is_second ? &mine : other;

    assert(memcmp(mine.uid, other->uid, sizeof(mine.uid)) == 0);
    for (size_t i = 0; i < rest->n_ancestors; i++)
        add_ancestor(&c, &rest->ancestors[i]);
    add_as_ancestor(&c, &mine);
    add_as_ancestor(&c, other);
    for (size_t i = 0; i < rest->n_members; i++) {
        struct wf_charter_member *m = member_of(&c, rest->members[i].owner);
        size_t at = find(&c, rest->members[i].owner);
        if (m != NULL) {
            is_news = lower(m, &rest->members[i]) || is_news;
            continue;
        }
        if (c.n_members == WF_CHARTER_MEMBERS_MAX)
            return wf_err_set(err, WF_E_LIMIT, "Two charters of a space have too many members.");
        memmove(c.members + at + 1, c.members + at, (c.n_members - at) * sizeof(*c.members));
        c.members[at] = rest->members[i];
        c.n_members++;
    }
    sifts_mine = !takes_in(&c, &mine);
    sifts_other = !takes_in(&c, other);
    if (sifts_mine)
        sift(&c, &mine, other);
    if (sifts_other)
        sift(&c, other, &mine);
    c.version = WF_MAX(mine.version, other->version) + 1;
    c.epoch = WF_MAX(mine.epoch, other->epoch) + (is_news ? 1 : 0);
    c.label = WF_MAX(mine.label, other->label);
    forget_signer(&c);
    *io = c;
    return 0;
}
