/* SPDX-License-Identifier: Apache-2.0 */
/* Invitations: a pairing between devices of two owners. What it leaves behind is in the store
 * (mesh/people.h): at the one that invited the charter with its new member, and the list of his
 * devices; at the guest the other's list, and that its devices may bring a space within the next
 * minutes. The guest keeps that before the other commits, so that of a last word that is lost
 * nothing is missing: either there is a charter that names him, and it comes with the next
 * connection, or there is none, and what he keeps ends by itself. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "mesh/fabric_internal.h"
#include "mesh/people.h"

/* How long a new space is waited for. */
#define EXPECTED_MS (INT64_C(10) * 60 * 1000)
/* How long it is tried to tell the others that this owner went. */
#define TELL_LEFT_MS (INT64_C(30) * 24 * 3600 * 1000)

static struct wf_people_self self_of(const struct wf_fabric *f)
{
    const uint8_t *node = wf_fabric__own_node(f);
    const struct wf_devices_entry *e = node == NULL ? NULL : wf_devices_by_node(&f->list, node);
    struct wf_people_self self = {.name = wf_str_from(e == NULL ? f->name : e->name),
                                  .device = f->o.device};

    memcpy(self.owner, f->list.owner, sizeof(self.owner));
    return self;
}

static int has_store(const struct wf_fabric *f, struct wf_err *err)
{
    if (f->o.store == NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED, "There are no spaces to share here.");
    if (wf_fabric__own_node(f) == NULL)
        return wf_err_set(err, WF_E_DENIED, "The owner has taken this device out.");
    return 0;
}

int wf_fabric__may_invite(struct wf_fabric *f, const struct wf_fabric_invite *invite,
                          struct wf_err *err)
{
    const struct wf_people_self self = self_of(f);
    int rc = has_store(f, err);

    return rc == 0 ? wf_people_may_invite(f->o.store, &self, invite->space, NULL, err) : rc;
}

/* Link takes connections of these devices at once; sharing says it all anew a moment later. */
static void let_in(struct wf_fabric *f, const struct wf_devices *list)
{
    for (size_t i = 0; i < list->n_entries; i++) {
        if (list->entries[i].revoked_ms != 0)
            continue;
        if (wf_reserve(&f->people, &f->cap_people, f->n_people + 1, sizeof(*f->people)) != 0)
            break;
        memcpy(f->people[f->n_people++], list->entries[i].transport, sizeof(*f->people));
    }
    wf_fabric__allow(f);
}

int wf_fabric__offer_guest(void *ud, const struct wf_devices_entry *joiner,
                           const struct wf_devices *theirs, struct wf_devices *out,
                           struct wf_err *err)
{
    struct wf_fabric *f = ud;
    const struct wf_people_self self = self_of(f);
    int rc = has_store(f, err);

    if (rc == 0)
        rc = wf_people_may_invite(f->o.store, &self, f->guest_invite.space, theirs->owner, err);
    if (rc != 0)
        return rc;
    f->guest = *theirs;
    snprintf(f->guest_name, sizeof(f->guest_name), "%s", joiner->name);
    *out = f->list;
    return 0;
}

int wf_fabric__commit_guest(void *ud, const struct wf_devices *list, struct wf_err *err)
{
    struct wf_fabric *f = ud;
    const struct wf_people_self self = self_of(f);
    struct wf_people_edit edit = {
        .space = f->guest_invite.space,
        .member = {.role = f->guest_invite.role, .clearance = f->guest_invite.clearance},
        .is_new = true,
        .list = &f->guest};
    int rc;

    (void)list;
    memcpy(edit.member.owner, f->guest.owner, sizeof(edit.member.owner));
    memcpy(edit.member.name, f->guest_name, sizeof(edit.member.name));
    rc = wf_people_edit(f->o.store, &self, &edit, NULL, err);
    if (rc == 0)
        let_in(f, &f->guest);
    return rc;
}

int wf_fabric__keep_host(void *ud, const struct wf_devices *list, struct wf_err *err)
{
    struct wf_fabric *f = ud;
    int rc = has_store(f, err);

    return rc == 0 ? wf_people_expect(f->o.store, list, wf_fabric__now_ms(f) + EXPECTED_MS, err)
                   : rc;
}

int wf_fabric__take_host(void *ud, const struct wf_devices *list, struct wf_err *err)
{
    (void)err;
    let_in(ud, list);
    return 0;
}

/* ---- callers ---- */

int wf_fabric_invite(struct wf_fabric *f, const struct wf_fabric_invite *invite, json_t **out,
                     struct wf_err *err)
{
    return wf_fabric__show(f, invite, out, err);
}

int wf_fabric_visit(struct wf_fabric *f, struct wf_str target, bool (*canceled)(void *ud), void *ud,
                    json_t **out, struct wf_err *err)
{
    const struct wf_fabric_wait wait = {.canceled = canceled, .ud = ud};

    return wf_fabric__join(f, target, true, &wait, out, err);
}

void wf_fabric_people(struct wf_fabric *f, const uint8_t (*keys)[WF_DEVICES_KEY_BYTES], size_t n)
{
    pthread_mutex_lock(&f->lock);
    if (n == 0 || wf_reserve(&f->people, &f->cap_people, n, sizeof(*f->people)) == 0) {
        if (n > 0)
            memcpy(f->people, keys, n * sizeof(*keys));
        f->n_people = n;
        wf_fabric__allow(f);
    }
    pthread_mutex_unlock(&f->lock);
}

/* ---- members ---- */

static bool is_connected(const struct wf_fabric *f, const uint8_t key[WF_DEVICES_KEY_BYTES])
{
    for (size_t i = 0; i < WF_FABRIC_PEERS_MAX; i++) {
        if (f->peers[i].peer != 0 && f->peers[i].is_known &&
            memcmp(f->peers[i].key, key, WF_DEVICES_KEY_BYTES) == 0)
            return true;
    }
    return false;
}

static json_t *devices_json(const struct wf_fabric *f, const struct wf_devices *list)
{
    json_t *v = json_array();

    for (size_t i = 0; list != NULL && i < list->n_entries; i++) {
        const struct wf_devices_entry *e = &list->entries[i];
        bool is_this = memcmp(e->device, f->o.device->id, sizeof(e->device)) == 0;
        if (e->revoked_ms == 0)
            json_array_append_new(v, json_pack("{s:s, s:b}", "name", e->name, "connected",
                                               is_this || is_connected(f, e->transport)));
    }
    return v;
}

static json_t *member_json(const struct wf_fabric *f, const struct wf_people *people,
                           const struct wf_charter_member *m)
{
    const struct wf_person *p = wf_people_person(people, m->owner);
    bool is_self = f->list.version != 0 && memcmp(m->owner, f->list.owner, sizeof(m->owner)) == 0;
    char owner[WF_FINGERPRINT_TEXT_BYTES];

    wf_fingerprint(m->owner, owner);
    return json_pack("{s:s, s:s, s:s, s:b, s:b, s:s, s:o}", "name", m->name, "role",
                     wf_role_name(m->role), "level", wf_label_name(m->clearance), "founder",
                     m->is_founder, "self", is_self, "owner", owner, "devices",
                     devices_json(f, is_self     ? &f->list
                                     : p == NULL ? NULL
                                                 : p->list));
}

/* Of a space that is shared with nobody. */
static json_t *alone_json(const struct wf_fabric *f)
{
    const struct wf_people_self self = self_of(f);
    struct wf_people none = {.n_persons = 0};
    struct wf_charter_member m = {
        .role = WF_ROLE_ADMIN, .clearance = WF_LABEL_PRIVATE, .is_founder = true};

    memcpy(m.owner, self.owner, sizeof(m.owner));
    snprintf(m.name, sizeof(m.name), "%.*s", WF_STR_ARG(self.name));
    return json_pack("{s:b, s:s, s:i, s:[o]}", "shared", 0, "role", wf_role_name(WF_ROLE_ADMIN),
                     "epoch", 0, "members", member_json(f, &none, &m));
}

static json_t *members_json(const struct wf_fabric *f, const struct wf_people *people,
                            const struct wf_people_space *s)
{
    const struct wf_charter_member *own = wf_charter_member(&s->charter, f->list.owner);
    json_t *members = json_array();

    for (size_t i = 0; i < s->charter.n_members; i++) {
        if (s->charter.members[i].role != WF_ROLE_OUT)
            json_array_append_new(members, member_json(f, people, &s->charter.members[i]));
    }
    return json_pack("{s:b, s:s, s:I, s:o}", "shared", 1, "role",
                     wf_role_name(own == NULL ? WF_ROLE_OUT : own->role), "epoch",
                     (json_int_t)s->charter.epoch, "members", members);
}

int wf_fabric_members(struct wf_fabric *f, int64_t space, json_t **out, struct wf_err *err)
{
    const struct wf_people_space *s;
    struct wf_people people;
    struct wf_reader *r = NULL;
    int rc = f->o.store == NULL ? wf_err_set(err, WF_E_UNSUPPORTED, "There are no spaces here.")
                                : wf_store_reader_get(f->o.store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_people_read(r, &people, err);
    wf_store_reader_put(f->o.store, r);
    if (rc == 0) {
        s = wf_people_space(&people, space);
        pthread_mutex_lock(&f->lock);
        *out = s == NULL ? alone_json(f) : members_json(f, &people, s);
        pthread_mutex_unlock(&f->lock);
        if (*out == NULL)
            rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    wf_people_free(&people);
    return rc;
}

/* The member of that name; *out is what he is now. */
static int find_member(struct wf_fabric *f, int64_t space, struct wf_str name,
                       struct wf_charter_member *out, struct wf_err *err)
{
    const struct wf_charter_member *m = NULL;
    const struct wf_people_space *s;
    struct wf_people people;
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(f->o.store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_people_read(r, &people, err);
    wf_store_reader_put(f->o.store, r);
    if (rc == 0) {
        s = wf_people_space(&people, space);
        m = s == NULL ? NULL : wf_charter_by_name(&s->charter, name);
        if (m != NULL)
            *out = *m;
        else
            rc = wf_err_set(err, WF_E_NOENT, "The space has no member \"%.*s\".", WF_STR_ARG(name));
    }
    wf_people_free(&people);
    return rc;
}

int wf_fabric_set_role(struct wf_fabric *f, int64_t space, struct wf_str member, enum wf_role role,
                       struct wf_err *err)
{
    struct wf_people_edit edit = {.space = space};
    int rc;

    pthread_mutex_lock(&f->lock);
    rc = has_store(f, err);
    if (rc == 0)
        rc = find_member(f, space, member, &edit.member, err);
    if (rc == 0 && edit.member.is_founder &&
        memcmp(edit.member.owner, f->list.owner, sizeof(edit.member.owner)) != 0)
        rc = wf_err_set(err, WF_E_INVAL, "%s made the space, and stays what he is.",
                        edit.member.name);
    if (rc == 0) {
        const struct wf_people_self self = self_of(f);
        edit.member.role = role;
        rc = wf_people_edit(f->o.store, &self, &edit, NULL, err);
    }
    pthread_mutex_unlock(&f->lock);
    if (rc == 0)
        wf_fabric__say(f, "nodes");
    return rc;
}

int wf_fabric_leave_space(struct wf_fabric *f, int64_t space, struct wf_err *err)
{
    int rc;

    pthread_mutex_lock(&f->lock);
    rc = has_store(f, err);
    if (rc == 0) {
        const struct wf_people_self self = self_of(f);
        rc = wf_people_leave(f->o.store, &self, space, wf_fabric__now_ms(f) + TELL_LEFT_MS, err);
    }
    pthread_mutex_unlock(&f->lock);
    if (rc == 0)
        wf_fabric__say(f, "nodes");
    return rc;
}
