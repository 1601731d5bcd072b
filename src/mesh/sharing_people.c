/* SPDX-License-Identifier: Apache-2.0 */
/* Rights (sharing_people.h). An owner's own devices may everything up to their clearance in a space
 * that is his alone. In one with a charter everybody's devices may what it says of their owner, up
 * to the lower of what it and his own list of devices clear them for. What is not known is refused.
 */
#include "mesh/sharing_people.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "mesh/sharing_internal.h"
#include "space/rights.h"

/* So long somebody who is out may still be told that he is. */
#define LAST_WORDS_MS 2000

struct wf_people_self wf_sharing__self(const struct wf_sharing *s)
{
    const struct wf_devices_entry *e = wf_sharing__entry(s, s->o.device->signer.id);
    struct wf_people_self self = {.device = &s->o.device->signer,
                                  .name = wf_str_from(e == NULL ? "" : e->name)};

    memcpy(self.owner, s->devices.owner, sizeof(self.owner));
    return self;
}

int wf_sharing__read_people(struct wf_sharing *s, struct wf_err *err)
{
    struct wf_people people;
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_people_read(r, &people, err);
    wf_store_reader_put(s->o.store, r);
    if (rc != 0) {
        wf_people_free(&people);
        return rc;
    }
    wf_people_free(&s->people);
    s->people = people;
    s->people_forked = false;
    for (size_t i = 0; i < people.n_spaces; i++)
        s->people_forked = s->people_forked || people.spaces[i].is_forked;
    s->keys_changed = s->rules_changed = s->pins_changed = true;
    return s->o.rights == NULL ? 0 : wf_rights_read(s->o.rights, s->o.store, err);
}

void wf_sharing__mend(struct wf_sharing *s)
{
    const struct wf_people_self self = wf_sharing__self(s);
    struct wf_err err = WF_ERR_INIT;
    int rc = 0;

    s->people_forked = false; /* once, until something is new */
    for (size_t i = 0; i < s->people.n_spaces && rc == 0; i++) {
        if (s->people.spaces[i].is_forked)
            rc = wf_people_mend(s->o.store, &self, s->people.spaces[i].id, &err);
    }
    if (rc == 0)
        rc = wf_sharing__read_people(s, &err);
    s->people_forked = false;
    if (rc != 0)
        wf_sharing__log(s, "a charter of a space: %s", err.msg);
}

/* ---- who ---- */

const struct wf_devices_entry *wf_sharing__node(const struct wf_sharing *s,
                                                const struct wf_sharing_peer *p,
                                                const struct wf_person **out_whose)
{
    const struct wf_devices_entry *e = wf_devices_by_transport(&s->devices, p->key);

    *out_whose = NULL;
    return e != NULL ? e : wf_people_transport(&s->people, p->key, out_whose);
}

const struct wf_devices_entry *wf_sharing__device(const struct wf_sharing *s,
                                                  const uint8_t device[WF_SIGNER_ID_BYTES],
                                                  const struct wf_person **out_whose)
{
    const struct wf_devices_entry *e = wf_sharing__entry(s, device);

    *out_whose = NULL;
    return e != NULL ? e : wf_people_device(&s->people, device, out_whose);
}

/* What a charter calls him, the first that names him. */
static const char *name_of(const struct wf_sharing *s, const struct wf_person *p)
{
    for (size_t i = 0; i < s->people.n_spaces; i++) {
        const struct wf_charter_member *m =
            wf_charter_member(&s->people.spaces[i].charter, p->owner);
        if (m != NULL)
            return m->name;
    }
    return "somebody";
}

void wf_sharing__name(const struct wf_sharing *s, const uint8_t device[WF_SIGNER_ID_BYTES],
                      char out[160])
{
    const struct wf_person *whose;
    const struct wf_devices_entry *e = wf_sharing__device(s, device, &whose);

    if (e == NULL)
        snprintf(out, 160, "an unknown device");
    else if (whose == NULL)
        snprintf(out, 160, "%s", e->name);
    else
        snprintf(out, 160, "%s / %s", name_of(s, whose), e->name);
}

/* ---- what he may ---- */

static enum wf_sharing_right right_of_role(enum wf_role role)
{
    switch (role) {
    case WF_ROLE_READ:
        return WF_SHARING_READ;
    case WF_ROLE_WRITE:
        return WF_SHARING_WRITE;
    case WF_ROLE_ADMIN:
        return WF_SHARING_ADMIN;
    case WF_ROLE_OUT:
    case WF_ROLE_COUNT:
        break;
    }
    return WF_SHARING_NONE;
}

/* What this owner may; NULL: the space has no charter. */
static const struct wf_charter_member *own_member(const struct wf_sharing *s, int64_t space,
                                                  bool *out_shared)
{
    const struct wf_people_space *p = wf_people_space(&s->people, space);

    *out_shared = p != NULL;
    return p == NULL ? NULL : wf_charter_member(&p->charter, s->devices.owner);
}

/* What is left of a space that its owner went from stays on his devices. */
static enum wf_sharing_right right_of_own(const struct wf_sharing *s,
                                          const struct wf_sharing_stream *t)
{
    bool is_shared;
    const struct wf_charter_member *m = own_member(s, t->space, &is_shared);

    if (!is_shared)
        return WF_SHARING_ADMIN;
    if (m == NULL || t->level > m->clearance)
        return WF_SHARING_NONE;
    return m->role == WF_ROLE_OUT ? WF_SHARING_READ : right_of_role(m->role);
}

static enum wf_sharing_right right_of_person(const struct wf_sharing *s,
                                             const struct wf_person *whose,
                                             const struct wf_sharing_stream *t)
{
    const struct wf_people_space *p = wf_people_space(&s->people, t->space);
    const struct wf_charter_member *own, *m;

    if (p == NULL)
        return WF_SHARING_NONE;
    own = wf_charter_member(&p->charter, s->devices.owner);
    m = wf_charter_member(&p->charter, whose->owner);
    if (own == NULL || own->role == WF_ROLE_OUT || m == NULL || t->level > m->clearance)
        return WF_SHARING_NONE;
    return right_of_role(m->role);
}

static enum wf_sharing_right right_of(const struct wf_sharing *s, const struct wf_devices_entry *e,
                                      const struct wf_person *whose,
                                      const uint8_t stream[WF_STREAM_ID_BYTES])
{
    const struct wf_sharing_stream *t = wf_sharing__stream(s, stream);
    enum wf_sharing_right right;

    if (e == NULL || e->revoked_ms != 0 || t == NULL || t->level > e->clearance)
        return WF_SHARING_NONE;
    right = whose == NULL ? right_of_own(s, t) : right_of_person(s, whose, t);
    return (e->roles & WF_ROLE_CIPHER) != 0 ? WF_MIN(right, WF_SHARING_KEEPS) : right;
}

enum wf_sharing_right wf_sharing__right(const struct wf_sharing *s,
                                        const uint8_t device[WF_SIGNER_ID_BYTES],
                                        const uint8_t stream[WF_STREAM_ID_BYTES])
{
    const struct wf_person *whose;
    const struct wf_devices_entry *e = wf_sharing__device(s, device, &whose);

    return right_of(s, e, whose, stream);
}

enum wf_sharing_right wf_sharing__right_of_peer(const struct wf_sharing *s, uint64_t peer,
                                                const uint8_t stream[WF_STREAM_ID_BYTES])
{
    const struct wf_sharing_peer *p = wf_sharing__peer(s, peer);
    const struct wf_person *whose = NULL;
    const struct wf_devices_entry *e = p == NULL ? NULL : wf_sharing__node(s, p, &whose);

    return right_of(s, e, whose, stream);
}

/* What a charter says, or said, of whoever has that device; NULL: nothing. */
static const struct wf_charter_member *author(const struct wf_sharing *s,
                                              const uint8_t device[WF_SIGNER_ID_BYTES],
                                              const struct wf_people_space *p)
{
    const struct wf_person *whose;
    const struct wf_devices_entry *e = wf_sharing__device(s, device, &whose);

    if (e == NULL)
        return NULL;
    return wf_charter_member(&p->charter, whose == NULL ? s->devices.owner : whose->owner);
}

bool wf_sharing__is_author(const struct wf_sharing *s, const uint8_t device[WF_SIGNER_ID_BYTES],
                           int64_t space)
{
    const struct wf_people_space *p = wf_people_space(&s->people, space);
    const struct wf_charter_member *m = p == NULL ? NULL : author(s, device, p);

    return p == NULL ? wf_sharing__entry(s, device) != NULL : m != NULL && m->has_written;
}

bool wf_sharing__counts(const struct wf_sharing *s, const uint8_t device[WF_SIGNER_ID_BYTES],
                        const uint8_t stream[WF_STREAM_ID_BYTES])
{
    const struct wf_sharing_stream *t = wf_sharing__stream(s, stream);

    return t != NULL && wf_sharing__is_author(s, device, t->space);
}

/* What somebody wrote who may not any more comes from others, who took it when he might: what he
 * brings himself may be from afterwards. */
static bool is_from_before(const struct wf_sharing *s, uint64_t peer, const struct wf_sync_log *log)
{
    const struct wf_sharing_stream *t = wf_sharing__stream(s, log->stream);
    const struct wf_people_space *p = wf_people_space(&s->people, t->space);
    const struct wf_charter_member *m = p == NULL ? NULL : author(s, log->device, p);
    const struct wf_person *whose = NULL;

    if (m == NULL || m->role >= WF_ROLE_WRITE)
        return true;
    (void)wf_sharing__node(s, wf_sharing__peer(s, peer), &whose);
    return memcmp(m->owner, whose == NULL ? s->devices.owner : whose->owner, sizeof(m->owner)) != 0;
}

bool wf_sharing__owns(const struct wf_sharing *s, uint64_t peer, const struct wf_sync_log *log)
{
    const struct wf_sharing_peer *p = wf_sharing__peer(s, peer);
    const struct wf_devices_entry *e =
        p == NULL ? NULL : wf_devices_by_transport(&s->devices, p->key);

    return e != NULL && e->revoked_ms == 0 &&
           memcmp(e->device, log->device, sizeof(log->device)) == 0;
}

bool wf_sharing__tells(const struct wf_sharing *s, uint64_t peer, const struct wf_sync_log *log)
{
    const uint8_t *own = s->o.device->signer.id;
    const struct wf_sharing_peer *p = wf_sharing__peer(s, peer);

    if (wf_sharing__right(s, own, log->stream) > WF_SHARING_NONE)
        return true;
    return p != NULL && wf_devices_by_transport(&s->devices, p->key) != NULL &&
           memcmp(log->device, own, sizeof(log->device)) == 0;
}

bool wf_sharing__takes(struct wf_sharing *s, uint64_t peer, const struct wf_sync_log *log)
{
    const struct wf_sharing_stream *t = wf_sharing__stream(s, log->stream);
    const struct wf_person *whose;

    if (t == NULL || !wf_sharing__tells(s, peer, log) ||
        (wf_sharing__right_of_peer(s, peer, log->stream) == WF_SHARING_NONE &&
         !wf_sharing__owns(s, peer, log)))
        return false; /* nor would it be given */
    if (wf_sharing__counts(s, log->device, log->stream) && is_from_before(s, peer, log))
        return true;
    for (size_t i = 0; i < s->n_problems; i++) {
        if (memcmp(&s->problems[i].log, log, sizeof(*log)) == 0 && s->problems[i].words[0] != 0)
            return false; /* it is told already */
    }
    if (wf_people_space(&s->people, t->space) != NULL &&
        wf_sharing__device(s, log->device, &whose) != NULL)
        (void)wf_sharing__problem(s, log, WF_SHARING_READS_ONLY);
    return false;
}

bool wf_sharing__may_write(const struct wf_sharing *s, int64_t space)
{
    bool is_shared;
    const struct wf_charter_member *m = own_member(s, space, &is_shared);

    return !is_shared || (m != NULL && m->role >= WF_ROLE_WRITE);
}

uint32_t wf_sharing__epoch(const struct wf_sharing *s, int64_t space, uint32_t *out_max)
{
    uint32_t epoch = wf_people_epoch(&s->people, &s->devices, space);

    *out_max = wf_people_space(&s->people, space) == NULL ? UINT32_MAX : epoch;
    return epoch;
}

/* ---- whose connections are taken ---- */

/* Whether a space is shared with him, or he may bring one. */
static bool is_wanted(const struct wf_sharing *s, const struct wf_person *p, int64_t now_ms)
{
    return p->expected_ms > now_ms || wf_people_share(&s->people, s->devices.owner, p->owner);
}

static bool add_pin(struct wf_sharing *s, const uint8_t key[WF_DEVICES_KEY_BYTES])
{
    if (wf_reserve(&s->pins, &s->cap_pins, s->n_pins + 1, sizeof(*s->pins)) != 0)
        return false;
    memcpy(s->pins[s->n_pins++], key, sizeof(*s->pins));
    return true;
}

void wf_sharing__pin(struct wf_sharing *s)
{
    int64_t now_ms = wf_clock_wall_ms(s->o.clock), next_ms = 0;
    size_t n_before = s->n_pins, n = 0;

    if (!s->pins_changed && (s->pins_ms == 0 || now_ms < s->pins_ms))
        return;
    for (size_t i = 0; i < s->people.n_persons; i++) {
        const struct wf_person *p = &s->people.persons[i];
        if (p->expected_ms > now_ms && (next_ms == 0 || p->expected_ms < next_ms))
            next_ms = p->expected_ms;
        for (size_t k = 0; k < p->list->n_entries && is_wanted(s, p, now_ms); k++) {
            if (p->list->entries[k].revoked_ms == 0 && !add_pin(s, p->list->entries[k].transport))
                return; /* tried again */
        }
    }
    n = s->n_pins - n_before;
    /* Those of before, for the last words, where it is news; the new ones are behind them. */
    if (s->pins_changed && n_before > 0) {
        next_ms = now_ms + LAST_WORDS_MS;
    } else {
        if (n > 0) /* else there may be no list yet */
            memmove(s->pins, s->pins + n_before, n * sizeof(*s->pins));
        s->n_pins = n;
    }
    if (s->o.pins != NULL)
        s->o.pins(s->o.ud, (const uint8_t(*)[WF_DEVICES_KEY_BYTES])s->pins, s->n_pins);
    s->pins_changed = false;
    s->pins_ms = next_ms;
}
