/* SPDX-License-Identifier: Apache-2.0 */
/* Pairings over link: one in which this device shows a code, one in which it joins, at a time each;
 * and lists of devices that come from paired nodes. Everything here runs with the fabric's lock
 * held, so that one thing happens after the other.
 *
 * Who comes and says hello while another is being paired is asked to wait; one that takes longer
 * than WF_PAIRING_S makes room. A code ends with its use, its time, or WF_FABRIC_TRIES_MAX wrong
 * tries. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "mesh/fabric_internal.h"
#include "mesh/pairing_internal.h"

#define POLL_MS 200 /* how often somebody who waits is asked whether he still does */

static void drop(struct wf_fabric_session *s)
{
    wf_pairing_free(s->p);
    *s = (struct wf_fabric_session){.peer = 0};
}

/* Strangers may connect while a code is shown, and those that are there stay until they go or their
 * time is over: they are told why not. */
void wf_fabric__close_door(struct wf_fabric *f)
{
    if (!f->is_door_open || f->code.is_on || f->n_showing > 0)
        return;
    for (size_t i = 0; i < WF_FABRIC_PEERS_MAX; i++) {
        const struct wf_fabric_peer *p = &f->peers[i];
        const struct wf_devices_entry *e = wf_devices_by_transport(&f->list, p->key);
        bool is_in = p->is_paired || (e != NULL && e->revoked_ms == 0); /* it came to be paired */
        bool is_busy = f->shower.p != NULL && f->shower.peer == p->peer;
        if (p->peer != 0 && !p->is_known && (!is_in || is_busy) && p->peer != f->joiner.peer)
            return;
    }
    f->is_door_open = false;
    wf_link_pairing(f->o.link, false);
}

void wf_fabric__code_off(struct wf_fabric *f)
{
    f->code.is_on = false;
    sodium_memzero(f->code.digits, sizeof(f->code.digits));
    sodium_memzero(f->code.scanned, sizeof(f->code.scanned));
    wf_fabric__close_door(f);
}

/* ---- seams: the shower's ---- */

static int count_try(void *ud, unsigned *out_wait_s, struct wf_err *err)
{
    struct wf_fabric *f = ud;
    int rc;

    if (!f->code.is_on || wf_clock_mono_ns(f->o.clock) >= f->code.until_ns)
        return wf_err_set(err, WF_E_NOENT, "The code is too old.");
    rc = wf_fabric__count_try(f, out_wait_s, err);
    if (rc == 0)
        f->code.n_tries++;
    return rc;
}

static void used(void *ud)
{
    wf_fabric__forget_try(ud);
    wf_fabric__code_off(ud);
}

static int offer(void *ud, const struct wf_devices_entry *joiner, const struct wf_devices *theirs,
                 struct wf_devices *out, struct wf_err *err)
{
    struct wf_fabric *f = ud;
    enum wf_devices_order order =
        theirs != NULL ? wf_devices_compare(theirs, &f->list) : WF_DEVICES_OLDER;
    int64_t now_ms = wf_fabric__now_ms(f);
    struct wf_devices_entry e = *joiner;
    int rc = 0;

    e.added_ms = now_ms;
    e.clearance = wf_node_tier_clearance(e.tier);
    *out = order == WF_DEVICES_NEWER ? *theirs : f->list;
    if (order == WF_DEVICES_FORKED)
        rc = wf_devices_mend(out, theirs, err);
    if (rc == 0)
        wf_devices_begin(out, f->list.owner, f->who.entry.node, now_ms);
    if (rc == 0)
        rc = wf_devices_add(out, &e, err);
    return rc == 0 ? wf_keeper_sign(f->o.keeper, out, err) : rc;
}

static int hold(void *ud, const struct wf_devices *list, struct wf_err *err)
{
    int rc = wf_fabric__hold(ud, list, err);

    wf_fabric__close_door(ud);
    return rc;
}

/* ---- and the joiner's ---- */

static int keep(void *ud, const struct wf_devices *list, struct wf_err *err)
{
    struct wf_fabric *f = ud;

    return wf_fabric__keep(f, list, f->join.address, err);
}

static int make(struct wf_fabric *f, struct wf_fabric_session *s, uint64_t peer, const uint8_t *key,
                struct wf_err *err)
{
    bool is_joiner = s == &f->joiner;
    bool is_guest = is_joiner ? f->join.is_guest : f->code.is_guest;
    struct wf_str secret = wf_str_from(f->join.secret), none = WF_STR("");
    struct wf_pairing_options o = {
        .is_joiner = is_joiner,
        .is_guest = is_guest,
        .typed = !is_joiner            ? wf_str_from(f->code.digits)
                 : !f->join.is_scanned ? secret
                                       : none,
        .scanned = !is_joiner           ? wf_str_from(f->code.scanned)
                   : f->join.is_scanned ? secret
                                        : none,
        .who = &f->who,
        .device = f->o.device,
        .list = f->list.version != 0 ? &f->list : NULL,
        .fingerprint = is_joiner && f->join.fingerprint[0] != 0 ? f->join.fingerprint : NULL,
        .seams = {.rng = f->o.rng,
                  .count_try = count_try,
                  .used = used,
                  .offer = is_guest ? wf_fabric__offer_guest : offer,
                  .commit = is_guest ? wf_fabric__commit_guest : hold,
                  .keep = is_guest ? wf_fabric__keep_host : keep,
                  .take = is_guest ? wf_fabric__take_host : hold,
                  .ud = f},
    };

    if (!is_joiner)
        f->guest_invite = f->code.invite; /* the code may be another by the time it is used */
    memcpy(o.peer, key, sizeof(o.peer));
    s->peer = peer;
    s->begun_ns = wf_clock_mono_ns(f->o.clock);
    return wf_pairing_new(&o, &s->p, err);
}

/* ---- how it went ---- */

static void note(struct wf_fabric_outcome *o, const struct wf_pairing *p)
{
    const struct wf_devices_entry *e = wf_pairing_other(p);

    o->is_paired = wf_pairing_state(p) == WF_PAIRING_DONE;
    if (o->is_paired)
        o->err = (struct wf_err)WF_ERR_INIT;
    if (e != NULL)
        snprintf(o->name, sizeof(o->name), "%s", e->name);
    (void)wf_pairing_compared(p, o->words);
}

static void join_over(struct wf_fabric *f, int rc, const struct wf_err *err)
{
    f->join.is_over = true;
    f->join.rc = rc;
    if (rc != 0)
        f->join.err = *err;
    drop(&f->joiner);
    pthread_cond_broadcast(&f->changed);
}

/* A wrong code was tried, or a pairing broke off. */
static void shower_failed(struct wf_fabric *f, const struct wf_err *err)
{
    f->shown.err = *err;
    if (f->o.log != NULL)
        wf_log_line(f->o.log, WF_LOG_WARN, "fabric", "a pairing failed: %s", err->msg);
    drop(&f->shower);
    if (f->code.is_on && f->code.n_tries >= WF_FABRIC_TRIES_MAX)
        wf_fabric__code_off(f);
}

/* ---- what comes ---- */

void wf_fabric__came_up(struct wf_fabric *f, uint64_t peer, const uint8_t *key)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf b;
    int rc;

    if (f->joiner.peer != peer || f->joiner.p != NULL)
        return;
    wf_buf_init(&b, WF_PAIRING_MESSAGE_BYTES);
    rc = make(f, &f->joiner, peer, key, &err);
    if (rc == 0)
        rc = wf_pairing_start(f->joiner.p, &b, &err);
    if (rc == 0)
        wf_fabric__send(f, peer, wf_buf_str(&b));
    else
        join_over(f, rc, &err);
    wf_buf_deinit(&b);
}

static void step_joiner(struct wf_fabric *f, struct wf_str bytes)
{
    uint64_t peer = f->joiner.peer;
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf out;
    int rc;

    wf_buf_init(&out, WF_PAIRING_MESSAGE_BYTES);
    rc = wf_pairing_step(f->joiner.p, bytes, &out, &err);
    wf_fabric__send(f, peer, wf_buf_str(&out));
    wf_buf_deinit(&out);
    note(&f->join.outcome, f->joiner.p);
    if (rc == 0 && wf_pairing_state(f->joiner.p) == WF_PAIRING_DONE) {
        wf_fingerprint(wf_pairing_other(f->joiner.p)->node, f->join.other);
        wf_link_address(f->o.link, wf_pairing_other(f->joiner.p)->transport,
                        wf_str_from(f->join.address));
        if (f->join.is_guest) /* as a stranger it came; the next connection is no stranger's */
            wf_link_close(f->o.link, peer);
        join_over(f, 0, NULL);
        wf_fabric__say(f, "nodes");
    } else if (rc != 0) {
        join_over(f, rc, &err);
    }
}

static void step_shower(struct wf_fabric *f, struct wf_str bytes)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf out;
    int rc;

    wf_buf_init(&out, WF_PAIRING_MESSAGE_BYTES);
    rc = wf_pairing_step(f->shower.p, bytes, &out, &err);
    wf_fabric__send(f, f->shower.peer, wf_buf_str(&out));
    wf_buf_deinit(&out);
    note(&f->shown, f->shower.p);
    if (rc != 0) {
        shower_failed(f, &err);
    } else if (wf_pairing_state(f->shower.p) == WF_PAIRING_DONE) {
        drop(&f->shower);
        wf_fabric__close_door(f);
        wf_fabric__tell_all(f);
        wf_fabric__say(f, "nodes");
    }
    wf_fabric__say(f, "pairing");
}

static void refuse(struct wf_fabric *f, uint64_t peer, enum wf_pairing_end why, uint32_t number)
{
    struct wf_buf b;

    wf_buf_init(&b, 16);
    wf_pairing__write_end(why, number, &b);
    wf_fabric__send(f, peer, wf_buf_str(&b));
    wf_buf_deinit(&b);
}

/* Somebody says hello where a code is shown. */
static void begin_shower(struct wf_fabric *f, uint64_t peer, const uint8_t *key,
                         struct wf_str bytes)
{
    int64_t now_ns = wf_clock_mono_ns(f->o.clock);
    int64_t left_s = WF_PAIRING_S - (now_ns - f->shower.begun_ns) / 1000000000;
    struct wf_err err = WF_ERR_INIT;

    if (f->code.is_on && now_ns >= f->code.until_ns)
        wf_fabric__code_off(f);
    if (!f->code.is_on || !f->has_who) {
        refuse(f, peer, WF_PAIRING_END_NO_CODE, 0);
        return;
    }
    if (f->shower.p != NULL && left_s > 0) {
        refuse(f, peer, WF_PAIRING_END_WAIT, (uint32_t)left_s);
        return;
    }
    drop(&f->shower);
    if (make(f, &f->shower, peer, key, &err) != 0)
        shower_failed(f, &err);
    else
        step_shower(f, bytes);
}

/* ---- lists of paired nodes ---- */

/* Mends a fork where the owner's key is here; else it is told. */
static void forked(struct wf_fabric *f, const struct wf_devices *theirs)
{
    struct wf_devices d = f->list;

    (void)wf_devices_name_fork(&f->list, theirs, &f->fork);
    if (f->o.log != NULL)
        wf_log_line(f->o.log, WF_LOG_WARN, "fabric", "%s", f->fork.msg);
    if (wf_fabric__own_node(f) != NULL && wf_devices_mend(&d, theirs, NULL) == 0 &&
        wf_fabric__publish(f, &d, NULL) == 0)
        return;
    if (wf_devices_prefers_second(&f->list, theirs)) {
        struct wf_err fork = f->fork;
        if (wf_fabric__hold(f, theirs, NULL) == 0)
            f->fork = fork;
    }
    wf_fabric__say(f, "nodes");
}

static void take_held(struct wf_fabric *f, uint64_t peer, struct wf_str bytes)
{
    struct wf_devices theirs;

    if (f->list.version == 0 || wf_devices_read(bytes, &theirs, NULL) != 0)
        return;
    switch (wf_devices_compare(&theirs, &f->list)) {
    case WF_DEVICES_NEWER:
        if (wf_fabric__hold(f, &theirs, NULL) == 0) {
            wf_fabric__tell_all(f);
            wf_fabric__say(f, "nodes");
        }
        break;
    case WF_DEVICES_OLDER:
        wf_fabric__send_held(f, peer);
        break;
    case WF_DEVICES_FORKED:
        forked(f, &theirs);
        break;
    case WF_DEVICES_SAME:
    case WF_DEVICES_STRANGE:
        break;
    }
}

/* What the other says of the list that is kept here. */
static void take_answer(struct wf_fabric *f, const uint8_t *key, struct wf_str bytes)
{
    const struct wf_devices_entry *e;
    struct wf_devices kept = f->kept;
    int answer;

    if (kept.version == 0)
        return;
    e = wf_devices_by_node(&kept, kept.signed_at);
    answer = wf_pairing_answered(&kept, bytes);
    if (e == NULL || memcmp(e->transport, key, sizeof(e->transport)) != 0 || answer == 0)
        return;
    if (answer > 0)
        (void)!wf_fabric__hold(f, &kept, NULL); /* it is asked again at the next connection */
    else if (wf_fabric__forget_kept(f, NULL) == 0)
        wf_fabric__allow(f);
    wf_fabric__say(f, "nodes");
}

static void answer(struct wf_fabric *f, uint64_t peer, const uint8_t *key, struct wf_str bytes)
{
    struct wf_buf b;

    wf_buf_init(&b, 100);
    if (wf_pairing_answer(&f->list, key, bytes, &b) && wf_buf_status(&b) == 0)
        wf_fabric__send(f, peer, wf_buf_str(&b));
    wf_buf_deinit(&b);
}

void wf_fabric__came(struct wf_fabric *f, uint64_t peer, const uint8_t *key, bool is_paired,
                     struct wf_str bytes)
{
    unsigned char kind = bytes.len > 0 ? (unsigned char)bytes.ptr[0] : 0;

    if (f->joiner.peer == peer && f->joiner.p != NULL && kind < WF_PAIRING_ASK)
        step_joiner(f, bytes);
    else if (f->joiner.peer == peer && f->joiner.p != NULL && kind == WF_PAIRING_END)
        step_joiner(f, bytes);
    else if (kind == WF_FABRIC_HELD && is_paired)
        take_held(f, peer, wf_str_sub(bytes, 1, bytes.len));
    else if (kind == WF_FABRIC_WHERE && is_paired)
        wf_fabric__take_where(f, wf_str_sub(bytes, 1, bytes.len));
    else if (kind == WF_PAIRING_ASK && is_paired)
        answer(f, peer, key, bytes);
    else if (kind == WF_PAIRING_ANSWER && is_paired)
        take_answer(f, key, bytes);
    else if (f->shower.p != NULL && f->shower.peer == peer)
        step_shower(f, bytes);
    else if (kind == WF_PAIRING_HELLO)
        begin_shower(f, peer, key, bytes);
}

/* ---- the end of a connection ---- */

/* Why two devices do not come together, for the person at the joining one. */
static void say_down(const struct wf_fabric *f, enum wf_link_reason reason, struct wf_str words,
                     struct wf_err *err)
{
    const char *at = f->join.address, *text;

    switch (reason) {
    case WF_LINK_PORT_CLOSED:
        text = "nothing listens there. Is the code still shown? weft pair --show opens the port.";
        break;
    case WF_LINK_NO_ROUTE:
        text = "cannot be reached from this network. Are both in the same one?";
        break;
    case WF_LINK_NO_ANSWER:
        text = "no answer: it sleeps, is in another network, or a firewall closes weft's port.";
        break;
    case WF_LINK_NO_NAME:
        text = "there is no machine of that name here. Type the address that is shown.";
        break;
    case WF_LINK_NOT_WEFT:
        text = "something else than weft answers there. Type the address that is shown.";
        break;
    case WF_LINK_NOT_PAIRED:
        text = "no code is shown there now. Run weft pair --show on that device.";
        break;
    case WF_LINK_TOO_MUCH:
        text = "too many try to come in there. Wait a minute and try again.";
        break;
    case WF_LINK_VERSION:
        text = "its weft is of a version that cannot be paired. Update the older one.";
        break;
    default:
        (void)wf_err_set(err, WF_E_IO, "The connection to %.100s ended%s%.*s", at,
                         words.len > 0 ? ": " : ".", WF_STR_ARG(words));
        return;
    }
    (void)wf_err_set(err, WF_E_IO, "%.100s: %s", at, text);
}

void wf_fabric__went_down(struct wf_fabric *f, uint64_t peer, enum wf_link_reason reason,
                          struct wf_str words)
{
    struct wf_err err = WF_ERR_INIT;

    if (f->shower.peer == peer && f->shower.p != NULL) {
        (void)wf_err_set(&err, WF_E_IO, "The connection ended in the middle of the pairing.");
        shower_failed(f, &err);
        wf_fabric__say(f, "pairing");
    }
    if (f->joiner.peer != peer)
        return;
    say_down(f, reason, words, &err);
    join_over(f, WF_E_IO, &err);
}

/* ---- joining ---- */

/* "CODE@HOST:PORT", or "weft:pair/ADDRESSES/FINGERPRINT/SECRET" (a guest: "weft:join/").
 * *out_addresses points into it. */
static int parse_target(struct wf_fabric *f, struct wf_str target, bool is_guest,
                        struct wf_str *out_addresses, struct wf_err *err)
{
    struct wf_str rest = wf_str_trim(target), parts[3];
    size_t at = wf_str_find_byte(rest, '@', 0);
    struct wf_fabric_join *j = &f->join;

    memset(j, 0, sizeof(*j));
    j->is_guest = is_guest;
    if (wf_str_starts(rest, is_guest ? WF_STR("weft:join/") : WF_STR("weft:pair/"))) {
        rest = wf_str_sub(rest, 10, rest.len);
        if (wf_str_split(&rest, '/', &parts[0]) && wf_str_split(&rest, '/', &parts[1]) &&
            wf_str_split(&rest, '/', &parts[2]) && parts[0].len > 0 &&
            parts[1].len == WF_FINGERPRINT_TEXT_BYTES - 1 &&
            parts[2].len == WF_FABRIC_SCANNED_BYTES) {
            memcpy(j->fingerprint, parts[1].ptr, parts[1].len);
            memcpy(j->secret, parts[2].ptr, parts[2].len);
            j->is_scanned = true;
            *out_addresses = parts[0];
            return 0;
        }
    } else if (at == WF_FABRIC_DIGITS && strspn(rest.ptr, "0123456789") == WF_FABRIC_DIGITS) {
        memcpy(j->secret, rest.ptr, WF_FABRIC_DIGITS);
        *out_addresses = wf_str_sub(rest, at + 1, rest.len);
        if (out_addresses->len > 0)
            return 0;
    }
    return wf_err_set(err, WF_E_INVAL,
                      "It is asked for as CODE@HOST:PORT, for instance "
                      "482913@192.168.1.20:7771: the other device shows both.");
}

/* Waits until the join is over; the lock is held. */
static int await(struct wf_fabric *f, bool (*canceled)(void *ud), void *ud, struct wf_err *err)
{
    int64_t until_ns = wf_clock_mono_ns(NULL) + WF_PAIRING_S * INT64_C(1000000000);

    while (!f->join.is_over) {
        struct timespec t;
        if (canceled != NULL && canceled(ud))
            return wf_err_set(err, WF_E_CANCELED, "Canceled.");
        if (wf_clock_mono_ns(NULL) > until_ns)
            return wf_err_set(err, WF_E_TIMEOUT,
                              "%.100s does not answer in time. Is weft pair --show running there?",
                              f->join.address);
        (void)clock_gettime(CLOCK_REALTIME, &t); /* cannot fail */
        t.tv_nsec += POLL_MS * 1000000;
        t.tv_sec += t.tv_nsec / 1000000000;
        t.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&f->changed, &f->lock, &t); /* in vain is as good as a wake */
    }
    if (f->join.rc != 0)
        return wf_err_set(err, f->join.rc, "%s", f->join.err.msg);
    return 0;
}

/* One address; the lock is held. */
static int try_address(struct wf_fabric *f, struct wf_str address, bool (*canceled)(void *ud),
                       void *ud, struct wf_err *err)
{
    uint64_t peer = 0;
    int rc;

    if (address.len > WF_LINK_ADDRESS_BYTES)
        return wf_err_set(err, WF_E_INVAL, "That address is too long.");
    memcpy(f->join.address, address.ptr, address.len);
    f->join.address[address.len] = 0;
    f->join.is_over = false;
    f->join.rc = 0;
    rc = wf_link_dial(f->o.link, address, NULL, &peer, err);
    if (rc != 0)
        return rc;
    f->joiner.peer = peer;
    rc = await(f, canceled, ud, err);
    if (!f->join.is_over)
        drop(&f->joiner);
    if (rc != 0)
        wf_link_close(f->o.link, peer);
    return rc;
}

/* All addresses, until one does; the lock is held. */
static int try_all(struct wf_fabric *f, struct wf_str addresses, const struct wf_fabric_wait *wait,
                   struct wf_err *err)
{
    struct wf_str one;
    int rc = 0;

    while (rc == 0 && wf_str_split(&addresses, ',', &one)) {
        struct wf_err own = WF_ERR_INIT;
        rc = try_address(f, one, wait->canceled, wait->ud, &own);
        if (rc == 0)
            break;
        if (rc == WF_E_IO && addresses.ptr != NULL)
            rc = 0; /* the next one may do */
        else
            rc = wf_err_set(err, rc, "%s", own.msg);
    }
    return rc;
}

int wf_fabric_join(struct wf_fabric *f, struct wf_str target, bool (*canceled)(void *ud), void *ud,
                   json_t **out, struct wf_err *err)
{
    const struct wf_fabric_wait wait = {.canceled = canceled, .ud = ud};

    return wf_fabric__join(f, target, false, &wait, out, err);
}

int wf_fabric__join(struct wf_fabric *f, struct wf_str target, bool is_guest,
                    const struct wf_fabric_wait *wait, json_t **out, struct wf_err *err)
{
    struct wf_str addresses;
    int rc;

    pthread_mutex_lock(&f->lock);
    rc = wf_fabric__ready(f, err);
    if (rc == 0 && f->join.is_on)
        rc = wf_err_set(err, WF_E_BUSY, "This device is joining another already.");
    if (rc == 0)
        rc = parse_target(f, target, is_guest, &addresses, err);
    if (rc == 0)
        f->join.is_on = true;
    pthread_mutex_unlock(&f->lock);
    if (rc != 0)
        return rc;
    rc = wf_fabric__who(f, err);
    pthread_mutex_lock(&f->lock);
    if (rc == 0 && is_guest && f->list.version == 0)
        rc = wf_fabric__begin(f, err);
    if (rc == 0)
        rc = try_all(f, addresses, wait, err);
    if (rc == 0) {
        *out = json_pack("{s:s, s:s, s:s}", "name", f->join.outcome.name, "words",
                         f->join.outcome.words, "fingerprint", f->join.other);
        if (*out == NULL)
            rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    sodium_memzero(f->join.secret, sizeof(f->join.secret));
    f->join.is_on = false;
    pthread_mutex_unlock(&f->lock);
    return rc;
}
