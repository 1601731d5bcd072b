/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that keep. A node without keys is told by passes which devices may have a stream; a letter
 * to a device that is not connected is left with all nodes that keep, and handed over by whichever
 * of them the device meets first. A letter is the same for as long as what it says is: it has a tag
 * by which a keeper knows that, and a device may take it more than once. */
#include "mesh/sharing_relay.h"

#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "mesh/sharing_internal.h"
#include "mesh/sharing_people.h"

/* Letters that wait are handed over again after so long, in case something was missing for them. */
#define AGAIN_NS INT64_C(60000000000)

/* ---- who ---- */

bool wf_sharing__is_relay(const struct wf_devices_entry *e)
{
    return e != NULL && e->revoked_ms == 0 && (e->roles & WF_ROLE_RELAY) != 0;
}

static bool is_cipher(const struct wf_devices_entry *e)
{
    return e != NULL && e->revoked_ms == 0 && (e->roles & WF_ROLE_CIPHER) != 0;
}

bool wf_sharing__is_cipher(const struct wf_sharing *s)
{
    return s->is_cipher;
}

static const struct wf_devices_entry *entry_of(const struct wf_sharing *s,
                                               const struct wf_sharing_peer *p)
{
    return wf_devices_by_transport(&s->devices, p->key);
}

static bool is_connected(const struct wf_sharing *s, const uint8_t transport[WF_DEVICES_KEY_BYTES])
{
    for (size_t i = 0; i < s->n_peers; i++) {
        if (s->peers[i].id != 0 && memcmp(s->peers[i].key, transport, sizeof(s->peers[i].key)) == 0)
            return true;
    }
    return false;
}

/* The device at the other end; false: it is nobody's. */
static bool device_of(const struct wf_sharing *s, const struct wf_sharing_peer *p,
                      uint8_t out[WF_SIGNER_ID_BYTES])
{
    const struct wf_devices_entry *e = entry_of(s, p);

    if (e == NULL)
        return wf_relay_device(s->relay, p->key, out);
    memcpy(out, e->device, sizeof(e->device));
    return e->revoked_ms == 0;
}

/* ---- beginning ---- */

int wf_sharing__relay_open(struct wf_sharing *s, struct wf_err *err)
{
    const struct wf_relay_options o = {.store = s->o.store, .clock = s->o.clock};

    return wf_relay_new(&o, &s->relay, err);
}

/* It was made one that gets no keys: those that it has go. */
static void forget_keys(struct wf_sharing *s)
{
    struct wf_err err = WF_ERR_INIT;
    int rc = wf_store_write_begin(s->o.store, &err);

    if (rc == 0) {
        rc = wf_share_keys_forget(s->o.store, &err);
        if (rc == 0)
            rc = wf_store_write_commit(s->o.store, &err);
        else
            wf_store_write_rollback(s->o.store);
    }
    if (rc != 0)
        wf_sharing__log(s, "keys that are to be forgotten: %s", err.msg);
}

void wf_sharing__relay_listed(struct wf_sharing *s)
{
    const struct wf_devices_entry *own = wf_sharing__entry(s, s->o.device->signer.id);
    struct wf_err err = WF_ERR_INIT;

    if (s->is_cipher && own != NULL && own->clearance < s->cleared &&
        wf_relay_forget_passes(s->relay, &err) != 0)
        wf_sharing__log(s, "passes that are to be forgotten: %s", err.msg);
    s->is_cipher = is_cipher(own);
    s->cleared = own == NULL ? WF_LABEL_PUBLIC : own->clearance;
    wf_relay_be(s->relay, s->is_cipher);
    s->pins_changed = s->pins_changed || s->is_cipher;
    if (s->is_cipher)
        forget_keys(s);
    wf_syncer_keep(s->syncer, s->o.keeps || wf_sharing__is_relay(own));
    for (size_t i = 0; i < s->n_peers; i++)
        s->peers[i].hands_over = true; /* what was from an unknown device may not be any more */
}

bool wf_sharing__relay_up(struct wf_sharing *s, struct wf_sharing_peer *p)
{
    p->hands_over = true;
    return wf_relay_met(s->relay, p->key, wf_sharing__is_relay(entry_of(s, p)), NULL) == 0;
}

/* ---- what passes say, on a node without keys ---- */

bool wf_sharing__relay_gives(const struct wf_sharing *s, uint64_t peer,
                             const uint8_t stream[WF_STREAM_ID_BYTES])
{
    const struct wf_sharing_peer *p = wf_sharing__peer(s, peer);
    const struct wf_devices_entry *e = p == NULL ? NULL : entry_of(s, p);

    return p != NULL && (e == NULL || e->revoked_ms == 0) &&
           wf_relay_gives(s->relay, p->key, stream);
}

bool wf_sharing__relay_takes(const struct wf_sharing *s, uint64_t peer,
                             const struct wf_sync_log *log)
{
    const struct wf_sharing_peer *p = wf_sharing__peer(s, peer);
    const struct wf_devices_entry *e = p == NULL ? NULL : entry_of(s, p);

    return p != NULL && (e == NULL || e->revoked_ms == 0) && wf_relay_takes(s->relay, p->key, log);
}

/* A pass counts from the owner's own devices that have keys. */
static bool counts(void *ud, const uint8_t device[WF_SIGNER_ID_BYTES])
{
    const struct wf_devices_entry *e = wf_sharing__entry(ud, device);

    return e != NULL && e->revoked_ms == 0 && !is_cipher(e);
}

static int take_pass(struct wf_sharing *s, struct wf_str bytes, struct wf_err *err)
{
    bool is_news = false;
    struct wf_pass p;
    int rc;

    if (!wf_sharing__is_cipher(s))
        return 0; /* it knows by itself who may have what */
    rc = wf_relay_take_pass(s->relay, bytes, counts, s, &is_news, err);
    if (rc != 0 || !is_news)
        return rc;
    s->pins_changed = true;
    rc = wf_pass_read(bytes, &p, err);
    return rc == 0 ? wf_syncer_stream_changed(s->syncer, p.stream, err) : rc;
}

/* Other people's devices that passes name may connect. */
static void pin_holders(struct wf_sharing *s)
{
    uint8_t(*keys)[WF_PASS_KEY_BYTES] = NULL;
    size_t n = 0, n_others = 0;

    if (!s->pins_changed || wf_relay_keys(s->relay, &keys, &n, NULL) != 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (wf_devices_by_transport(&s->devices, keys[i]) == NULL)
            memmove(keys[n_others++], keys[i], sizeof(*keys));
    }
    if (s->o.pins != NULL)
        s->o.pins(s->o.ud, (const uint8_t(*)[WF_DEVICES_KEY_BYTES])keys, n_others);
    wf_free(keys);
    s->pins_changed = false;
}

/* ---- passes, from a device with keys ---- */

struct passing {
    struct wf_sharing *s;
    struct wf_pass_holder *holders;
    size_t n_holders, cap_holders;
    uint64_t version;
};

static int add_holder(struct passing *g, const struct wf_devices_entry *e,
                      const uint8_t stream[WF_STREAM_ID_BYTES])
{
    const enum wf_sharing_right right = wf_sharing__right(g->s, e->device, stream);
    struct wf_pass_holder *h;

    if (e->revoked_ms != 0 || is_cipher(e) || right < WF_SHARING_READ)
        return 0;
    if (wf_reserve(&g->holders, &g->cap_holders, g->n_holders + 1, sizeof(*h)) != 0)
        return WF_E_NOMEM;
    h = &g->holders[g->n_holders++];
    memcpy(h->transport, e->transport, sizeof(h->transport));
    memcpy(h->device, e->device, sizeof(h->device));
    h->flags = right >= WF_SHARING_WRITE ? WF_PASS_WRITES : 0;
    return 0;
}

/* The holders of a stream, in g: the owner's devices and those of others in its space. The version
 * rises with each list and the charter, so that whoever knows more makes the one that counts. */
static int list_holders(struct passing *g, const uint8_t stream[WF_STREAM_ID_BYTES])
{
    const struct wf_sharing *s = g->s;
    const struct wf_sharing_stream *t = wf_sharing__stream(s, stream);
    const struct wf_people_space *space = t == NULL ? NULL : wf_people_space(&s->people, t->space);
    int rc = 0;

    g->n_holders = 0;
    g->version = s->devices.version + (space == NULL ? 0 : space->charter.version);
    for (size_t i = 0; i < s->devices.n_entries && rc == 0; i++)
        rc = add_holder(g, &s->devices.entries[i], stream);
    for (size_t i = 0; space != NULL && i < s->people.n_persons && rc == 0; i++) {
        const struct wf_devices *list = s->people.persons[i].list;
        if (wf_charter_member(&space->charter, s->people.persons[i].owner) == NULL)
            continue;
        g->version += list->version;
        for (size_t k = 0; k < list->n_entries && rc == 0; k++)
            rc = add_holder(g, &list->entries[k], stream);
    }
    return rc;
}

static int send_pass(struct passing *g, struct wf_sharing_peer *p,
                     const uint8_t stream[WF_STREAM_ID_BYTES], struct wf_err *err)
{
    struct wf_sync_message m = {.kind = WF_SYNC_PASS};
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_PASS_BYTES_MAX);
    rc = wf_pass_write(stream, g->version, g->holders, g->n_holders, &g->s->o.device->signer, &b,
                       err);
    m.bytes = wf_buf_str(&b);
    if (rc == 0)
        rc = wf_syncer_send(g->s->syncer, p->id, &m, err);
    wf_buf_deinit(&b);
    return rc;
}

/* What all passes for a node say; equal: it has been told. */
static int digest(struct passing *g, const struct wf_devices_entry *e, uint8_t out[32])
{
    const struct wf_sharing *s = g->s;
    crypto_generichash_state state;
    int rc = 0;

    (void)crypto_generichash_init(&state, NULL, 0, 32);
    for (size_t i = 0; i < s->n_streams && rc == 0; i++) {
        if (s->streams[i].level > e->clearance)
            continue;
        rc = list_holders(g, s->streams[i].id);
        (void)crypto_generichash_update(&state, s->streams[i].id, WF_STREAM_ID_BYTES);
        (void)crypto_generichash_update(&state, (const uint8_t *)&g->version, sizeof(g->version));
        (void)crypto_generichash_update(&state, (const uint8_t *)g->holders,
                                        g->n_holders * sizeof(*g->holders));
    }
    (void)crypto_generichash_final(&state, out, 32);
    return rc;
}

static int send_passes(struct wf_sharing *s, struct wf_sharing_peer *p,
                       const struct wf_devices_entry *e, struct wf_err *err)
{
    struct passing g = {.s = s};
    uint8_t hash[sizeof(p->granted)];
    int rc = digest(&g, e, hash);

    if (rc == 0 && memcmp(hash, p->granted, sizeof(hash)) == 0) {
        wf_free(g.holders);
        return 0;
    }
    for (size_t i = 0; i < s->n_streams && rc == 0; i++) {
        if (s->streams[i].level > e->clearance)
            continue;
        rc = list_holders(&g, s->streams[i].id);
        if (rc == 0)
            rc = send_pass(&g, p, s->streams[i].id, err);
    }
    wf_free(g.holders);
    if (rc == 0)
        memcpy(p->granted, hash, sizeof(hash));
    return rc;
}

/* ---- letters that are left ---- */

static struct wf_sharing_left *left_of(const struct wf_sharing_peer *p,
                                       const uint8_t to[WF_SIGNER_ID_BYTES])
{
    for (size_t i = 0; i < p->n_left; i++) {
        if (memcmp(p->left[i].to, to, WF_SIGNER_ID_BYTES) == 0)
            return &p->left[i];
    }
    return NULL;
}

static int leave(struct wf_sharing *s, struct wf_sharing_peer *p, const struct wf_sync_message *m,
                 struct wf_err *err)
{
    struct wf_sharing_left *l = left_of(p, m->device);
    int rc;

    if (l != NULL && memcmp(l->tag, m->tag, sizeof(l->tag)) == 0)
        return 0;
    if (l == NULL) {
        if (wf_reserve(&p->left, &p->cap_left, p->n_left + 1, sizeof(*l)) != 0)
            return wf_err_set(err, WF_E_NOMEM, "Not enough memory for letters.");
        l = &p->left[p->n_left];
    }
    rc = wf_syncer_send(s->syncer, p->id, m, err);
    if (rc != 0)
        return rc;
    p->n_left += l == &p->left[p->n_left];
    memcpy(l->to, m->device, sizeof(l->to));
    memcpy(l->tag, m->tag, sizeof(l->tag));
    return 0;
}

/* A letter for a device that is not here goes to all that keep. */
static int leave_for(struct wf_sharing *s, const struct wf_devices_entry *to, struct wf_err *err)
{
    struct wf_sync_message m = {.kind = WF_SYNC_LETTER};
    struct wf_buf sealed;
    int rc;

    wf_buf_init(&sealed, SIZE_MAX);
    memcpy(m.device, to->device, sizeof(m.device));
    rc = wf_sharing__letter(s, to, &sealed, m.tag, err);
    m.bytes = wf_buf_str(&sealed);
    for (size_t i = 0; i < s->n_peers && rc == 0 && sealed.len > 0; i++) {
        struct wf_sharing_peer *p = &s->peers[i];
        if (p->id != 0 && wf_sharing__is_relay(entry_of(s, p)))
            rc = leave(s, p, &m, err);
    }
    wf_buf_deinit(&sealed);
    return rc;
}

static bool has_keeper(const struct wf_sharing *s)
{
    for (size_t i = 0; i < s->n_peers; i++) {
        if (s->peers[i].id != 0 && wf_sharing__is_relay(entry_of(s, &s->peers[i])))
            return true;
    }
    return false;
}

static int leave_for_all_of(struct wf_sharing *s, const struct wf_devices *list, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < list->n_entries && rc == 0; i++) {
        const struct wf_devices_entry *e = &list->entries[i];
        if (e->revoked_ms == 0 && !is_cipher(e) && !is_connected(s, e->transport) &&
            memcmp(e->device, s->o.device->signer.id, sizeof(e->device)) != 0)
            rc = leave_for(s, e, err);
    }
    return rc;
}

/* For the owner's devices, and those of others who are in a space. */
static int leave_all(struct wf_sharing *s, struct wf_err *err)
{
    int rc = leave_for_all_of(s, &s->devices, err);

    for (size_t i = 0; i < s->people.n_persons && rc == 0; i++)
        rc = leave_for_all_of(s, s->people.persons[i].list, err);
    return rc;
}

/* ---- letters that are kept ---- */

/* Whether somebody of that device key may have letters here. */
static bool is_known(const struct wf_sharing *s, const uint8_t device[WF_SIGNER_ID_BYTES])
{
    const struct wf_devices_entry *e = wf_sharing__entry(s, device);

    return e != NULL ? e->revoked_ms == 0 : wf_relay_knows(s->relay, device);
}

static int keep_letter(struct wf_sharing *s, const struct wf_sharing_peer *p,
                       const struct wf_sync_message *m, struct wf_err *err)
{
    struct wf_relay_letter l = {.bytes = m->bytes};
    int rc;

    if (!wf_sharing__is_relay(wf_sharing__entry(s, s->o.device->signer.id)) ||
        !device_of(s, p, l.from) || !is_known(s, m->device) || m->bytes.len == 0)
        return 0;
    memcpy(l.to, m->device, sizeof(l.to));
    memcpy(l.tag, m->tag, sizeof(l.tag));
    rc = wf_relay_keep(s->relay, &l, err);
    for (size_t i = 0; i < s->n_peers && rc == 0; i++) {
        uint8_t device[WF_SIGNER_ID_BYTES];
        if (s->peers[i].id != 0 && device_of(s, &s->peers[i], device) &&
            memcmp(device, l.to, sizeof(device)) == 0)
            s->peers[i].hands_over = true;
    }
    return rc;
}

struct handing {
    struct wf_sharing *s;
    struct wf_sharing_peer *p;
};

static int hand_one(void *ud, const struct wf_relay_letter *l, struct wf_err *err)
{
    const struct handing *h = ud;
    struct wf_sync_message m = {.kind = WF_SYNC_LETTER, .bytes = l->bytes};

    memcpy(m.device, l->to, sizeof(m.device));
    memcpy(m.tag, l->tag, sizeof(m.tag));
    return wf_syncer_send(h->s->syncer, h->p->id, &m, err);
}

static int hand_over(struct wf_sharing *s, struct wf_sharing_peer *p, struct wf_err *err)
{
    struct handing h = {s, p};
    uint8_t device[WF_SIGNER_ID_BYTES];
    int rc = 0;

    if (device_of(s, p, device))
        rc = wf_relay_waiting(s->relay, device, hand_one, &h, err);
    p->hands_over = rc == WF_E_BUSY; /* the rest when there is room */
    p->handed_ns = wf_clock_mono_ns(s->o.clock);
    return rc == WF_E_BUSY || rc == WF_E_NOENT ? 0 : rc;
}

/* ---- what comes ---- */

void wf_sharing__relay_other(struct wf_sharing *s, struct wf_sharing_peer *p,
                             const struct wf_sync_message *m)
{
    struct wf_err err = WF_ERR_INIT;
    uint8_t device[WF_SIGNER_ID_BYTES];
    int rc = 0;

    if (m->kind == WF_SYNC_PASS)
        rc = take_pass(s, m->bytes, &err);
    else if (m->kind == WF_SYNC_LETTER)
        rc = keep_letter(s, p, m, &err);
    else if (m->kind == WF_SYNC_GOT && device_of(s, p, device) &&
             memcmp(device, m->device, sizeof(device)) == 0)
        rc = wf_relay_got(s->relay, device, m->hash, &err);
    if (rc != 0)
        wf_sharing__log(s, "what is kept for others: %s", err.msg);
}

void wf_sharing__relay_got(struct wf_sharing *s, const struct wf_sharing_peer *p,
                           struct wf_str sealed)
{
    struct wf_sync_message m = {.kind = WF_SYNC_GOT};
    const struct wf_person *whose = NULL;

    if (!wf_sharing__is_relay(wf_sharing__node(s, p, &whose)))
        return;
    memcpy(m.device, s->o.device->signer.id, sizeof(m.device));
    wf_relay_letter_hash(sealed, m.hash);
    (void)!wf_syncer_send(s->syncer, p->id, &m, NULL); /* it comes once more, else */
}

/* ---- what nodes say they have ---- */

uint64_t wf_sharing__said(void *ud, uint64_t peer, const struct wf_sync_head *head)
{
    struct wf_sharing *s = ud;
    const struct wf_sharing_peer *p = wf_sharing__peer(s, peer);

    return p == NULL ? 0 : wf_relay_said(s->relay, p->key, &head->log, head->last);
}

struct unsaid {
    struct wf_sharing *s;
    uint64_t peer;
};

static void tell_unsaid(void *ud, const struct wf_sync_log *log, uint64_t last)
{
    const struct unsaid *u = ud;
    const struct wf_syncer_trouble t = {
        .what = WF_SYNCER_LOST, .peer = u->peer, .log = *log, .number = last};

    /* What the node, or this one, may not have any more is not named by it. */
    if (wf_sharing__right_of_peer(u->s, u->peer, log->stream) > WF_SHARING_NONE &&
        wf_sharing__right(u->s, u->s->o.device->signer.id, log->stream) > WF_SHARING_NONE)
        wf_sharing__trouble(u->s, &t);
}

void wf_sharing__said_all(void *ud, uint64_t peer)
{
    struct unsaid u = {ud, peer};
    const struct wf_sharing_peer *p = wf_sharing__peer(ud, peer);

    if (p != NULL && !wf_sharing__is_cipher(u.s) && wf_sharing__is_relay(entry_of(u.s, p)))
        wf_relay_unsaid(u.s->relay, p->key, tell_unsaid, &u);
}

/* ---- all of it ---- */

int wf_sharing__relay_grant(struct wf_sharing *s, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < s->n_peers && rc == 0; i++) {
        const struct wf_devices_entry *e = s->peers[i].id == 0 ? NULL : entry_of(s, &s->peers[i]);
        if (is_cipher(e))
            rc = send_passes(s, &s->peers[i], e, err);
    }
    if (rc == 0 && has_keeper(s))
        rc = leave_all(s, err);
    if (rc == WF_E_BUSY || rc == WF_E_NOENT) { /* with the next round */
        s->keys_changed = true;
        return 0;
    }
    return rc;
}

void wf_sharing__relay_tend(struct wf_sharing *s)
{
    const int64_t now_ns = wf_clock_mono_ns(s->o.clock);
    struct wf_err err = WF_ERR_INIT;
    bool has_room = false;
    int rc = wf_relay_tend(s->relay, &has_room, &err);

    s->rules_changed = s->rules_changed || has_room;
    if (s->is_cipher)
        pin_holders(s);
    for (size_t i = 0; i < s->n_peers && rc == 0; i++) {
        struct wf_sharing_peer *p = &s->peers[i];
        if (p->id != 0 && (p->hands_over || now_ns - p->handed_ns > AGAIN_NS))
            rc = hand_over(s, p, &err);
    }
    if (rc != 0)
        wf_sharing__log(s, "what is kept for others: %s", err.msg);
}
