/* SPDX-License-Identifier: Apache-2.0 */
/* The fabric as others ask for it: nodes, changes of the list, the code that is shown. Changes go
 * one way: a copy of the list is changed, signed by the keeper, written, and only then held to. */
#include "mesh/fabric.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "mesh/fabric_internal.h"

#define LINK_WAIT_MS 10000u /* for link to start: the supervisor looks once a second */

/* ---- life ---- */

/* Where somebody is who has not said his last word in a pairing. */
static void ask_again(struct wf_fabric *f)
{
    const struct wf_devices_entry *e =
        f->kept.version != 0 ? wf_devices_by_node(&f->kept, f->kept.signed_at) : NULL;

    if (e != NULL && f->o.link != NULL && f->kept_address[0] != 0)
        wf_link_address(f->o.link, e->transport, wf_str_from(f->kept_address));
}

int wf_fabric_new(const struct wf_fabric_options *o, struct wf_fabric **out, struct wf_err *err)
{
    struct wf_fabric *f = wf_alloc_array(1, sizeof(*f));
    int rc;

    if (f == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    f->o = *o;
    (void)pthread_mutex_init(&f->lock, NULL); /* none can fail with default attributes */
    (void)pthread_mutex_init(&f->count_lock, NULL);
    (void)pthread_cond_init(&f->changed, NULL);
    if (!wf_devices_is_name(wf_str_from(o->name)))
        snprintf(f->name, sizeof(f->name), "%s", wf_node_tier_name(o->tier));
    else
        snprintf(f->name, sizeof(f->name), "%s", o->name);
    f->o.name = f->name;
    rc = wf_fabric__open(f, err);
    if (rc == 0 && o->link != NULL)
        rc = wf_team_new("fabric", 1, WF_FABRIC_WAITING_MAX, &f->worker, err);
    f->o.dir = NULL; /* only borrowed */
    if (rc != 0) {
        wf_fabric_free(f);
        return rc;
    }
    wf_fabric__allow(f);
    wf_fabric__listen(f);
    ask_again(f);
    *out = f;
    return 0;
}

void wf_fabric_free(struct wf_fabric *f)
{
    if (f == NULL)
        return;
    if (f->worker != NULL && f->o.link != NULL)
        wf_link_on(f->o.link, WF_LINK_PAIRING, NULL);
    wf_team_free(f->worker);
    wf_pairing_free(f->shower.p);
    wf_pairing_free(f->joiner.p);
    (void)pthread_cond_destroy(&f->changed);
    (void)pthread_mutex_destroy(&f->count_lock);
    (void)pthread_mutex_destroy(&f->lock);
    sodium_memzero(&f->code, sizeof(f->code));
    wf_free(f->people);
    wf_free(f);
}

void wf_fabric__say(struct wf_fabric *f, const char *what)
{
    if (f->o.changed != NULL)
        f->o.changed(f->o.ud, what);
}

void wf_fabric_devices(struct wf_fabric *f, struct wf_devices *out)
{
    pthread_mutex_lock(&f->lock);
    *out = f->list;
    pthread_mutex_unlock(&f->lock);
}

/* ---- what all changes need ---- */

uint8_t wf_fabric__roles(enum wf_node_tier t)
{
    return t == WF_NODE_TIER_DEVICE ? 0
           : t == WF_NODE_TIER_EDGE ? WF_ROLE_RELAY | WF_ROLE_COMPUTE
                                    : WF_ROLE_RELAY;
}

int wf_fabric__ready(struct wf_fabric *f, struct wf_err *err)
{
    if (f->o.link == NULL || f->o.keeper == NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED, "weft is not running. Start it: weft up");
    if (f->list_err.code != 0)
        return wf_err_set(err, f->list_err.code,
                          "The list of devices cannot be read (%.120s). weft nodes leave forgets "
                          "it; then pair again.",
                          f->list_err.msg);
    return 0;
}

int wf_fabric__who(struct wf_fabric *f, struct wf_err *err)
{
    struct wf_pairing_who who;
    bool has;
    int rc;

    pthread_mutex_lock(&f->lock);
    has = f->has_who;
    pthread_mutex_unlock(&f->lock);
    if (has)
        return 0;
    memset(&who, 0, sizeof(who));
    who.entry.tier = f->o.tier;
    who.entry.roles = wf_fabric__roles(f->o.tier);
    memcpy(who.entry.name, f->name, sizeof(who.entry.name));
    memcpy(who.entry.device, f->o.device->id, sizeof(who.entry.device));
    rc = wf_link_key(f->o.link, who.entry.transport, LINK_WAIT_MS, err);
    if (rc == 0)
        rc = wf_keeper_identity(f->o.keeper, &who, err);
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&f->lock);
    f->who = who;
    if (f->is_relay)
        f->who.entry.roles = WF_ROLE_RELAY | WF_ROLE_CIPHER;
    f->has_who = true;
    pthread_mutex_unlock(&f->lock);
    return 0;
}

int wf_fabric__publish(struct wf_fabric *f, struct wf_devices *d, struct wf_err *err)
{
    int rc = wf_keeper_sign(f->o.keeper, d, err);

    if (rc == 0)
        rc = wf_fabric__hold(f, d, err);
    if (rc == 0) {
        wf_fabric__tell_all(f);
        wf_fabric__say(f, "nodes");
    }
    return rc;
}

int wf_fabric__begin(struct wf_fabric *f, struct wf_err *err)
{
    struct wf_devices_entry e = f->who.entry;
    struct wf_keeper_owner owner;
    struct wf_devices d = {.version = 0};
    int rc = wf_keeper_owner(f->o.keeper, true, &owner, err);

    if (rc != 0)
        return rc;
    e.added_ms = wf_fabric__now_ms(f);
    e.clearance = wf_node_tier_clearance(e.tier);
    wf_devices_begin(&d, owner.id, e.node, e.added_ms);
    rc = wf_devices_add(&d, &e, err);
    return rc == 0 ? wf_fabric__publish(f, &d, err) : rc;
}

/* ---- the list ---- */

int wf_fabric_init(struct wf_fabric *f, struct wf_err *err)
{
    int rc;

    pthread_mutex_lock(&f->lock);
    rc = wf_fabric__ready(f, err);
    if (rc == 0 && f->list.version != 0)
        rc = wf_err_set(err, WF_E_EXIST, "This device has an owner already. weft nodes shows it.");
    pthread_mutex_unlock(&f->lock);
    if (rc == 0)
        rc = wf_fabric__who(f, err);
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&f->lock);
    if (f->list.version == 0)
        rc = wf_fabric__begin(f, err);
    pthread_mutex_unlock(&f->lock);
    return rc;
}

const uint8_t *wf_fabric__own_node(const struct wf_fabric *f)
{
    for (size_t i = 0; f->list.version != 0 && i < f->list.n_entries; i++) {
        const struct wf_devices_entry *e = &f->list.entries[i];
        if (e->revoked_ms == 0 && memcmp(e->device, f->o.device->id, sizeof(e->device)) == 0)
            return e->node;
    }
    return NULL;
}

/* A copy of the list as its next version; the lock is held. */
static int next(struct wf_fabric *f, struct wf_devices *d, struct wf_err *err)
{
    const uint8_t *node = wf_fabric__own_node(f);
    int rc = wf_fabric__ready(f, err);

    if (rc == 0 && f->list.version == 0)
        rc = wf_err_set(err, WF_E_NOENT, "Nothing is paired here yet.");
    else if (rc == 0 && node == NULL)
        rc = wf_err_set(err, WF_E_DENIED, "The owner has taken this device out.");
    if (rc != 0)
        return rc;
    *d = f->list;
    wf_devices_begin(d, f->list.owner, node, wf_fabric__now_ms(f));
    return 0;
}

int wf_fabric_rename(struct wf_fabric *f, struct wf_str name, struct wf_str to, struct wf_err *err)
{
    struct wf_devices d;
    int rc;

    pthread_mutex_lock(&f->lock);
    rc = next(f, &d, err);
    if (rc == 0)
        rc = wf_devices_rename(&d, name, to, err);
    if (rc == 0)
        rc = wf_fabric__publish(f, &d, err);
    pthread_mutex_unlock(&f->lock);
    return rc;
}

int wf_fabric_clear(struct wf_fabric *f, struct wf_str name, enum wf_label clearance,
                    struct wf_err *err)
{
    struct wf_devices d;
    int rc;

    pthread_mutex_lock(&f->lock);
    rc = next(f, &d, err);
    if (rc == 0)
        rc = wf_devices_clear(&d, name, clearance, err);
    if (rc == 0)
        rc = wf_fabric__publish(f, &d, err);
    pthread_mutex_unlock(&f->lock);
    return rc;
}

int wf_fabric_relay(struct wf_fabric *f, struct wf_str name, bool is_on, struct wf_err *err)
{
    const struct wf_devices_entry *e;
    struct wf_devices d;
    int rc;

    pthread_mutex_lock(&f->lock);
    rc = next(f, &d, err);
    e = rc == 0 ? wf_devices_by_name(&d, name) : NULL;
    if (e != NULL && is_on && memcmp(e->device, f->o.device->id, sizeof(e->device)) == 0)
        rc = wf_err_set(err, WF_E_INVAL,
                        "This device has the owner's key: it cannot be one that reads nothing.");
    if (rc == 0)
        rc = wf_devices_relay(&d, name, is_on, e != NULL ? wf_fabric__roles(e->tier) : 0, err);
    if (rc == 0)
        rc = wf_fabric__publish(f, &d, err);
    pthread_mutex_unlock(&f->lock);
    return rc;
}

void wf_fabric_offer(struct wf_fabric *f, bool is_relay)
{
    pthread_mutex_lock(&f->lock);
    f->is_relay = is_relay;
    f->who.entry.roles = is_relay ? WF_ROLE_RELAY | WF_ROLE_CIPHER : wf_fabric__roles(f->o.tier);
    pthread_mutex_unlock(&f->lock);
}

int wf_fabric_revoke(struct wf_fabric *f, struct wf_str name, struct wf_err *err)
{
    const struct wf_devices_entry *e;
    struct wf_devices d;
    int rc;

    pthread_mutex_lock(&f->lock);
    rc = next(f, &d, err);
    e = rc == 0 ? wf_devices_by_name(&d, name) : NULL;
    if (e != NULL && memcmp(e->device, f->o.device->id, sizeof(e->device)) == 0)
        rc = wf_err_set(err, WF_E_INVAL,
                        "That is this device itself. Revoke it on another one, or have it forget "
                        "the others: weft nodes leave.");
    if (rc == 0)
        rc = wf_devices_revoke(&d, name, wf_fabric__now_ms(f), err);
    if (rc == 0)
        rc = wf_fabric__publish(f, &d, err);
    pthread_mutex_unlock(&f->lock);
    return rc;
}

int wf_fabric_leave(struct wf_fabric *f, struct wf_err *err)
{
    int rc = 0;

    pthread_mutex_lock(&f->lock);
    if (f->list.version == 0 && f->list_err.code == 0 && f->kept.version == 0)
        rc = wf_err_set(err, WF_E_NOENT, "Nothing is paired here.");
    if (rc == 0)
        rc = wf_fabric__forget_kept(f, err);
    if (rc == 0)
        rc = wf_fabric__forget_list(f, err);
    if (rc == 0)
        wf_fabric__code_off(f);
    pthread_mutex_unlock(&f->lock);
    if (rc == 0)
        wf_fabric__say(f, "nodes");
    return rc;
}

/* ---- as JSON ---- */

static json_t *roles_json(uint8_t roles)
{
    json_t *v = json_array();

    if ((roles & WF_ROLE_RELAY) != 0)
        json_array_append_new(v, json_string("relay"));
    if ((roles & WF_ROLE_COMPUTE) != 0)
        json_array_append_new(v, json_string("compute"));
    if ((roles & WF_ROLE_CIPHER) != 0)
        json_array_append_new(v, json_string("ciphertext"));
    return v;
}

static json_t *ms_json(int64_t ms)
{
    return ms != 0 ? json_integer(ms) : json_null();
}

static const struct wf_fabric_peer *peer_of(const struct wf_fabric *f, const uint8_t *key)
{
    for (size_t i = 0; i < WF_FABRIC_PEERS_MAX; i++)
        if (f->peers[i].peer != 0 && f->peers[i].is_paired &&
            memcmp(f->peers[i].key, key, WF_DEVICES_KEY_BYTES) == 0)
            return &f->peers[i];
    return NULL;
}

static int64_t seen_ms(const struct wf_fabric *f, const uint8_t *key)
{
    for (size_t i = 0; i < f->n_seen; i++)
        if (memcmp(f->seen[i].key, key, WF_DEVICES_KEY_BYTES) == 0)
            return f->seen[i].at_ms;
    return 0;
}

static json_t *node_json(const struct wf_fabric *f, const struct wf_devices_entry *e)
{
    bool is_this = memcmp(e->device, f->o.device->id, sizeof(e->device)) == 0;
    const struct wf_fabric_peer *peer = peer_of(f, e->transport);
    char fingerprint[WF_FINGERPRINT_TEXT_BYTES];
    int64_t seen = peer != NULL || is_this ? wf_fabric__now_ms(f) : seen_ms(f, e->transport);

    wf_fingerprint(e->node, fingerprint);
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:b, s:b, s:I, s:o, s:o, s:s}", "name", e->name,
                     "tier", wf_node_tier_name(e->tier), "clearance", wf_label_name(e->clearance),
                     "roles", roles_json(e->roles), "fingerprint", fingerprint, "this", is_this,
                     "connected", is_this || peer != NULL, "added", (json_int_t)e->added_ms,
                     "revoked", ms_json(e->revoked_ms), "last_seen", ms_json(seen), "address",
                     peer != NULL ? peer->address : "");
}

/* The name of the node that offered a list which is still kept. */
static const char *unfinished(const struct wf_fabric *f)
{
    const struct wf_devices_entry *e;

    if (f->kept.version == 0)
        return NULL;
    e = wf_devices_by_node(&f->kept, f->kept.signed_at);
    return e != NULL ? e->name : "";
}

json_t *wf_fabric_nodes(struct wf_fabric *f)
{
    struct wf_keeper_owner own = {.is_there = false};
    char fingerprint[WF_FINGERPRINT_TEXT_BYTES];
    json_t *nodes = json_array(), *v;
    const char *fork;

    if (f->o.keeper != NULL && wf_keeper_owner(f->o.keeper, false, &own, NULL) != 0)
        own.is_there = false; /* who needs it will be told */
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; f->list.version != 0 && i < f->list.n_entries; i++)
        json_array_append_new(nodes, node_json(f, &f->list.entries[i]));
    wf_fingerprint(f->list.owner, fingerprint);
    fork = f->list_err.code != 0 ? f->list_err.msg : f->fork.code != 0 ? f->fork.msg : NULL;
    v = json_pack("{s:s?, s:b, s:b, s:I, s:I, s:s?, s:s?, s:o}", "owner",
                  f->list.version != 0 ? fingerprint : NULL, "owner_key",
                  own.is_there &&
                      (f->list.version == 0 || memcmp(own.id, f->list.owner, sizeof(own.id)) == 0),
                  "paper", own.is_there && own.paper_waits, "version", (json_int_t)f->list.version,
                  "epoch", (json_int_t)f->list.epoch, "fork", fork, "unfinished", unfinished(f),
                  "nodes", nodes);
    pthread_mutex_unlock(&f->lock);
    return v;
}

/* ---- the code ---- */

static void new_code(struct wf_fabric *f, const struct wf_fabric_invite *invite)
{
    static const char signs[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    struct wf_fabric_code *c = &f->code;

    snprintf(c->digits, sizeof(c->digits), "%06u", (unsigned)wf_rng_below(f->o.rng, 1000000));
    for (size_t i = 0; i < WF_FABRIC_SCANNED_BYTES; i++)
        c->scanned[i] = signs[wf_rng_below(f->o.rng, sizeof(signs) - 1)];
    c->scanned[WF_FABRIC_SCANNED_BYTES] = 0;
    c->until_ms = wf_fabric__now_ms(f) + WF_FABRIC_CODE_S * INT64_C(1000);
    c->until_ns = wf_clock_mono_ns(f->o.clock) + WF_FABRIC_CODE_S * INT64_C(1000000000);
    c->n_tries = 0;
    c->is_on = true;
    c->is_guest = invite != NULL;
    c->invite = (struct wf_fabric_invite){.space = 0};
    if (invite != NULL)
        c->invite = *invite;
    memset(&f->shown, 0, sizeof(f->shown));
}

/* {"code", ...} with the addresses, a line each. */
static json_t *code_json(const struct wf_fabric *f, struct wf_str addresses)
{
    char fingerprint[WF_FINGERPRINT_TEXT_BYTES];
    json_t *all = json_array(), *v;
    struct wf_str line, rest = addresses;
    struct wf_buf scan;

    wf_fingerprint(f->who.entry.node, fingerprint);
    wf_buf_init(&scan, 2 * WF_LINK_ADDRESSES_BYTES);
    wf_buf_append_cstr(&scan, f->code.is_guest ? "weft:join/" : "weft:pair/");
    for (size_t i = 0; wf_str_line(&rest, &line); i++) {
        json_array_append_new(all, json_stringn(line.ptr, line.len));
        if (i < WF_FABRIC_SCANNED_ADDRESSES)
            wf_buf_appendf(&scan, "%s%.*s", i > 0 ? "," : "", WF_STR_ARG(line));
    }
    wf_buf_appendf(&scan, "/%s/%s", fingerprint, f->code.scanned);
    v = wf_buf_status(&scan) != 0
            ? NULL
            : json_pack("{s:s, s:O, s:O, s:s, s:s, s:I}", "code", f->code.digits, "address",
                        json_array_get(all, 0), "addresses", all, "fingerprint", fingerprint,
                        "scan", scan.ptr, "until", (json_int_t)f->code.until_ms);
    wf_buf_deinit(&scan);
    json_decref(all);
    return v;
}

/* Whether this device may take others in; the lock is held. */
static int may_show(struct wf_fabric *f, const struct wf_fabric_invite *invite, struct wf_err *err)
{
    struct wf_keeper_owner own;
    int rc = wf_fabric__ready(f, err);

    if (invite != NULL)
        return rc;
    if (rc == 0)
        rc = wf_keeper_owner(f->o.keeper, false, &own, err);
    if (rc == 0 && f->list.version != 0 &&
        (!own.is_there || memcmp(own.id, f->list.owner, sizeof(own.id)) != 0))
        rc = wf_err_set(err, WF_E_NOENT,
                        "Only a device that has the owner's key can take others in. Show the code "
                        "where the first pairing began, or bring the key here: weft nodes "
                        "recover.");
    return rc;
}

int wf_fabric__show(struct wf_fabric *f, const struct wf_fabric_invite *invite, json_t **out,
                    struct wf_err *err)
{
    struct wf_buf addresses;
    int rc;

    pthread_mutex_lock(&f->lock);
    rc = may_show(f, invite, err);
    f->is_door_open = f->is_door_open || rc == 0;
    f->n_showing += rc == 0;
    pthread_mutex_unlock(&f->lock);
    if (rc != 0)
        return rc;
    wf_link_pairing(f->o.link, true); /* so that link starts and listens */
    wf_buf_init(&addresses, WF_LINK_ADDRESSES_BYTES);
    rc = wf_fabric__who(f, err);
    if (rc == 0)
        rc = wf_link_addresses(f->o.link, &addresses, LINK_WAIT_MS, err);
    if (rc == 0 && addresses.len == 0)
        rc = wf_err_set(err, WF_E_UNSUPPORTED,
                        "No port is open for other devices: link_port is 0, or another program has "
                        "it. weft doctor says more.");
    pthread_mutex_lock(&f->lock);
    f->n_showing--;
    if (rc == 0 && f->list.version == 0)
        rc = wf_fabric__begin(f, err);
    if (rc == 0 && invite != NULL)
        rc = wf_fabric__may_invite(f, invite, err);
    if (rc == 0) {
        new_code(f, invite);
        *out = code_json(f, wf_buf_str(&addresses));
        if (*out == NULL)
            rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    if (rc != 0)
        wf_fabric__code_off(f);
    pthread_mutex_unlock(&f->lock);
    wf_buf_deinit(&addresses);
    if (rc == 0)
        wf_fabric__say(f, "pairing");
    return rc;
}

int wf_fabric_show(struct wf_fabric *f, json_t **out, struct wf_err *err)
{
    return wf_fabric__show(f, NULL, out, err);
}

void wf_fabric_hide(struct wf_fabric *f)
{
    pthread_mutex_lock(&f->lock);
    wf_fabric__code_off(f);
    pthread_mutex_unlock(&f->lock);
    wf_fabric__say(f, "pairing");
}

json_t *wf_fabric_shown(struct wf_fabric *f)
{
    const char *state = "none";
    json_t *v;

    pthread_mutex_lock(&f->lock);
    if (f->code.is_on && wf_clock_mono_ns(f->o.clock) >= f->code.until_ns)
        wf_fabric__code_off(f);
    if (f->shown.is_paired)
        state = "paired";
    else if (f->shower.p != NULL)
        state = "trying";
    else if (f->code.is_on)
        state = "shown";
    v = json_pack("{s:s, s:i, s:s?, s:s?, s:s?, s:o}", "state", state, "tries",
                  (int)f->code.n_tries, "error", f->shown.err.code != 0 ? f->shown.err.msg : NULL,
                  "name", f->shown.is_paired ? f->shown.name : NULL, "words",
                  f->shown.words[0] != 0 ? f->shown.words : NULL, "until",
                  ms_json(f->code.is_on ? f->code.until_ms : 0));
    pthread_mutex_unlock(&f->lock);
    return v;
}
