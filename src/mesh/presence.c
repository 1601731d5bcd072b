/* SPDX-License-Identifier: Apache-2.0 */
/* What is open here, and what others say is open there. Times are this device's: a message says how
 * long ago somebody was active, so that no clock need be right. */
#include "mesh/presence.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "mesh/presence_internal.h"

int wf_presence_new(const struct wf_presence_options *o, struct wf_presence **out,
                    struct wf_err *err)
{
    struct wf_presence *p = wf_alloc_array(1, sizeof(*p));

    if (p == NULL)
        return wf_presence__no_memory(err);
    p->o = *o;
    *out = p;
    return 0;
}

static void drop_all(struct wf_presence_item *items, size_t *io_n)
{
    while (*io_n > 0)
        wf_presence__drop(items, io_n, *io_n - 1);
}

void wf_presence_free(struct wf_presence *p)
{
    if (p == NULL)
        return;
    drop_all(p->items, &p->n_items);
    for (size_t i = 0; i < p->n_devices; i++) {
        drop_all(p->devices[i].items, &p->devices[i].n_items);
        json_decref(p->devices[i].screen);
    }
    wf_free(p->devices);
    json_decref(p->screen);
    json_decref(p->handed);
    wf_free(p);
}

struct wf_presence_item *wf_presence__item(struct wf_presence_item *items, size_t n,
                                           struct wf_str id)
{
    for (size_t i = 0; i < n; i++) {
        if (wf_str_eq(wf_str_from(items[i].id), id))
            return &items[i];
    }
    return NULL;
}

void wf_presence__drop(struct wf_presence_item *items, size_t *io_n, size_t i)
{
    json_decref(items[i].what);
    memmove(&items[i], &items[i + 1], (*io_n - i - 1) * sizeof(items[0]));
    (*io_n)--;
}

/* ---- here ---- */

/* The place of a page; another's that was silent the longest where there is none. */
static struct wf_presence_item *make_room(struct wf_presence *p, struct wf_str id)
{
    struct wf_presence_item *it;
    size_t oldest = 0;

    if (p->n_items == WF_PRESENCE_ITEMS_MAX) {
        for (size_t i = 1; i < p->n_items; i++) {
            if (p->items[i].said_ms < p->items[oldest].said_ms)
                oldest = i;
        }
        wf_presence__drop(p->items, &p->n_items, oldest);
    }
    it = &p->items[p->n_items++];
    *it = (struct wf_presence_item){.what = NULL};
    memcpy(it->id, id.ptr, id.len);
    it->active_ms = wf_presence__now_ms(p);
    return it;
}

int wf_presence_set(struct wf_presence *p, struct wf_str id, enum wf_label label,
                    const json_t *what, bool is_active, struct wf_err *err)
{
    struct wf_presence_item *it = wf_presence__item(p->items, p->n_items, id);
    int64_t now_ms = wf_presence__now_ms(p);
    json_t *copy = NULL;
    int rc;

    if (id.len == 0 || id.len > WF_PRESENCE_ID_BYTES || memchr(id.ptr, 0, id.len) != NULL)
        return wf_err_set(err, WF_E_INVAL, "The id of a page has 1 to %d bytes.",
                          WF_PRESENCE_ID_BYTES);
    if (what == NULL) {
        if (it != NULL)
            wf_presence__drop(p->items, &p->n_items, (size_t)(it - p->items));
        return 0;
    }
    rc = wf_presence_what_read(what, &copy, err);
    if (rc != 0)
        return rc;
    if (it == NULL)
        it = make_room(p, id);
    if (it->what == NULL || it->label != label || !json_equal(it->what, copy))
        it->version = ++p->n_versions;
    else if (is_active)
        it->is_touched = true;
    json_decref(it->what);
    it->what = copy;
    it->label = label;
    it->said_ms = now_ms;
    if (is_active)
        it->active_ms = now_ms;
    return 0;
}

/* ---- devices ---- */

struct wf_presence_device *wf_presence__device_at(struct wf_presence *p, uint64_t peer)
{
    for (size_t i = 0; i < p->n_devices; i++) {
        if (peer != 0 && p->devices[i].peer == peer)
            return &p->devices[i];
    }
    return NULL;
}

static struct wf_presence_device *device_of(struct wf_presence *p, const uint8_t *key)
{
    for (size_t i = 0; i < p->n_devices; i++) {
        if (memcmp(p->devices[i].key, key, WF_SIGNER_ID_BYTES) == 0)
            return &p->devices[i];
    }
    return NULL;
}

static void take_entry(struct wf_presence_device *d, const struct wf_devices_entry *e)
{
    memcpy(d->name, e->name, sizeof(d->name));
    d->clearance = e->clearance;
}

int wf_presence_up(struct wf_presence *p, uint64_t peer, const struct wf_devices_entry *entry,
                   struct wf_err *err)
{
    struct wf_presence_device *d = device_of(p, entry->device);

    if (d == NULL) {
        if (wf_reserve(&p->devices, &p->cap_devices, p->n_devices + 1, sizeof(*d)) != 0)
            return wf_presence__no_memory(err);
        d = &p->devices[p->n_devices++];
        *d = (struct wf_presence_device){.peer = 0};
        memcpy(d->key, entry->device, sizeof(d->key));
    }
    take_entry(d, entry);
    d->peer = peer;
    d->n_told = 0;
    d->screen_told = 0;
    d->is_begun = d->is_full = false;
    d->next_ms = d->beat_ms = 0;
    d->heard_ms = wf_presence__now_ms(p);
    return 0;
}

void wf_presence_down(struct wf_presence *p, uint64_t peer)
{
    struct wf_presence_device *d = wf_presence__device_at(p, peer);

    if (d == NULL)
        return;
    d->peer = 0;
    wf_presence__drop_screen(p, d);
    p->o.changed(p->o.ud);
}

void wf_presence_room(struct wf_presence *p, uint64_t peer)
{
    struct wf_presence_device *d = wf_presence__device_at(p, peer);

    if (d != NULL)
        d->is_full = false;
}

void wf_presence_devices(struct wf_presence *p, const struct wf_devices *devices)
{
    for (size_t i = p->n_devices; i-- > 0;) {
        struct wf_presence_device *d = &p->devices[i];
        const struct wf_devices_entry *e = NULL;
        for (size_t k = 0; k < devices->n_entries && e == NULL; k++) {
            if (memcmp(devices->entries[k].device, d->key, sizeof(d->key)) == 0)
                e = &devices->entries[k];
        }
        if (e != NULL && e->revoked_ms == 0) {
            take_entry(d, e);
            continue;
        }
        drop_all(d->items, &d->n_items);
        wf_presence__drop_screen(p, d);
        memmove(d, d + 1, (p->n_devices - i - 1) * sizeof(*d));
        p->n_devices--;
        p->o.changed(p->o.ud);
    }
}

/* ---- what others say ---- */

/* Takes `it` over. */
static int put_item(struct wf_presence_device *d, struct wf_presence_item *it, struct wf_err *err)
{
    struct wf_presence_item *old = wf_presence__item(d->items, d->n_items, wf_str_from(it->id));

    if (it->what == NULL) {
        if (old != NULL)
            old->active_ms = it->active_ms;
        return 0;
    }
    if (old == NULL && d->n_items == WF_PRESENCE_ITEMS_MAX) {
        json_decref(it->what);
        return wf_err_set(err, WF_E_LIMIT, "A device says that too much is open there.");
    }
    if (old != NULL)
        json_decref(old->what);
    else
        old = &d->items[d->n_items++];
    *old = *it;
    return 0;
}

static int take_state(struct wf_presence *p, struct wf_presence_device *d, const json_t *body,
                      struct wf_err *err)
{
    const json_t *items = json_object_get(body, "items"), *gone = json_object_get(body, "gone");
    const json_t *v;
    size_t i;

    if (json_is_true(json_object_get(body, "all")))
        drop_all(d->items, &d->n_items);
    json_array_foreach(gone, i, v)
    {
        struct wf_str id = wf_str_from(json_string_value(v));
        struct wf_presence_item *it = wf_presence__item(d->items, d->n_items, id);
        if (it != NULL)
            wf_presence__drop(d->items, &d->n_items, (size_t)(it - d->items));
    }
    json_array_foreach(items, i, v)
    {
        struct wf_presence_item it;
        int rc = wf_presence__read_item(v, wf_presence__now_ms(p), &it, err);
        if (rc == 0)
            rc = put_item(d, &it, err);
        if (rc != 0)
            return rc;
    }
    p->o.changed(p->o.ud);
    return 0;
}

static unsigned n_pages(const struct wf_presence *p)
{
    unsigned n = 0;

    for (size_t i = 0; i < p->n_items; i++)
        n += p->items[i].id[0] == 'p';
    return n;
}

static int take_hand(struct wf_presence *p, struct wf_presence_device *d, const json_t *body,
                     struct wf_err *err)
{
    const json_t *call = json_object_get(body, "call");
    struct wf_presence_item it;
    int rc =
        wf_presence__read_item(json_object_get(body, "item"), wf_presence__now_ms(p), &it, err);

    if (rc != 0)
        return rc;
    if (it.what == NULL || !json_is_integer(call)) {
        json_decref(it.what);
        return wf_err_set(err, WF_E_FORMAT, "What is handed over is nothing.");
    }
    json_decref(p->handed);
    p->handed = wf_presence__item_json(&it, wf_presence__now_ms(p), true);
    json_decref(it.what);
    if (p->handed == NULL)
        return wf_presence__no_memory(err);
    memcpy(p->handed_by, d->name, sizeof(d->name));
    p->handed_ms = wf_presence__now_ms(p);
    p->o.handed(p->o.ud);
    /* That it does not arrive the other side sees by waiting in vain. */
    (void)!wf_presence__send(
        p, d, WF_PRESENCE_TAKEN,
        json_pack("{s:I, s:i}", "call", json_integer_value(call), "pages", (int)n_pages(p)), NULL);
    return 0;
}

static int take_taken(struct wf_presence *p, const json_t *body, struct wf_err *err)
{
    const json_t *call = json_object_get(body, "call"), *pages = json_object_get(body, "pages");

    if (!json_is_integer(call) || !json_is_integer(pages) || json_integer_value(pages) < 0 ||
        json_integer_value(pages) > WF_PRESENCE_ITEMS_MAX)
        return wf_err_set(err, WF_E_FORMAT, "An answer to what was handed over is none.");
    p->o.taken(p->o.ud, (uint64_t)json_integer_value(call), (unsigned)json_integer_value(pages));
    return 0;
}

static int take_message(struct wf_presence *p, struct wf_presence_device *d, unsigned kind,
                        const json_t *body, struct wf_err *err)
{
    switch (kind) {
    case WF_PRESENCE_STATE:
        return take_state(p, d, body, err);
    case WF_PRESENCE_HAND:
        return take_hand(p, d, body, err);
    case WF_PRESENCE_TAKEN:
        return take_taken(p, body, err);
    case WF_PRESENCE_SCREEN:
        return wf_presence__take_screen(p, d, body, err);
    case WF_PRESENCE_MOVE:
        return wf_presence__take_move(p, d, body, err);
    default: /* of a newer version */
        return 0;
    }
}

int wf_presence_bytes(struct wf_presence *p, uint64_t peer, struct wf_str bytes, struct wf_err *err)
{
    struct wf_presence_device *d = wf_presence__device_at(p, peer);
    unsigned kind;
    json_t *body = NULL;
    int rc;

    if (d == NULL)
        return 0;
    if (bytes.len == 0)
        return wf_err_set(err, WF_E_FORMAT, "A message of presence is empty.");
    kind = (unsigned char)bytes.ptr[0];
    d->heard_ms = wf_presence__now_ms(p);
    if (kind >= WF_PRESENCE_OTHER) {
        p->o.other(p->o.ud, peer, kind, wf_str_sub(bytes, 1, bytes.len));
        return 0;
    }
    if (bytes.len > WF_PRESENCE_MESSAGE_BYTES * 2)
        return wf_err_set(err, WF_E_LIMIT, "A message of presence is too long.");
    rc = wf_json_parse(wf_str_sub(bytes, 1, bytes.len), &body, err);
    if (rc == 0)
        rc = take_message(p, d, kind, body, err);
    json_decref(body);
    if (rc == WF_E_INVAL) { /* a page's mistake is a message that is none, here */
        rc = WF_E_FORMAT;
        if (err != NULL)
            err->code = rc;
    }
    return rc;
}

/* ---- time ---- */

static void expire(struct wf_presence *p, int64_t now_ms, int64_t *io_ms)
{
    for (size_t i = p->n_items; i-- > 0;) {
        int64_t until = p->items[i].said_ms +
                        (p->items[i].id[0] == 'p' ? WF_PRESENCE_PAGE_MS : WF_PRESENCE_COMMAND_MS);
        if (now_ms >= until)
            wf_presence__drop(p->items, &p->n_items, i);
        else
            *io_ms = WF_MIN(*io_ms, until);
    }
    for (size_t i = 0; i < p->n_devices; i++) {
        struct wf_presence_device *d = &p->devices[i];
        int64_t until = d->heard_ms + WF_PRESENCE_DEVICE_MS;
        if (d->n_items > 0 && now_ms >= until) {
            drop_all(d->items, &d->n_items);
            p->o.changed(p->o.ud);
        } else if (d->n_items > 0) {
            *io_ms = WF_MIN(*io_ms, until);
        }
    }
    if (p->handed != NULL && now_ms >= p->handed_ms + WF_PRESENCE_HANDED_MS) {
        json_decref(p->handed);
        p->handed = NULL;
    }
}

int64_t wf_presence_tick(struct wf_presence *p)
{
    int64_t now_ms = wf_presence__now_ms(p), next_ms = now_ms + WF_PRESENCE_PAGE_MS;
    bool are_ages_told = true;

    expire(p, now_ms, &next_ms);
    for (size_t i = 0; i < p->n_devices; i++) {
        wf_presence__tell_screen(p, &p->devices[i]);
        wf_presence__tell(p, &p->devices[i], now_ms, &next_ms);
        are_ages_told =
            are_ages_told && (p->devices[i].peer == 0 || p->devices[i].active_ms == now_ms);
    }
    for (size_t i = 0; i < p->n_items && are_ages_told; i++)
        p->items[i].is_touched = false;
    return next_ms;
}

/* ---- looking ---- */

static json_t *shown_item(const struct wf_presence_item *it, int64_t now_ms)
{
    json_t *v = json_copy(it->what);

    if (v == NULL || json_object_set_new(v, "id", json_string(it->id)) != 0 ||
        json_object_set_new(v, "label", json_string(wf_label_name(it->label))) != 0 ||
        json_object_set_new(v, "idle_ms", json_integer(WF_MAX(now_ms - it->active_ms, 0))) != 0) {
        json_decref(v);
        return NULL;
    }
    return v;
}

/* Latest active first; few. */
static json_t *shown_items(const struct wf_presence_item *items, size_t n, int64_t now_ms)
{
    bool is_out[WF_PRESENCE_ITEMS_MAX] = {false};
    json_t *list = json_array();

    for (size_t k = 0; k < n && list != NULL; k++) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < n; i++) {
            if (!is_out[i] && (best == SIZE_MAX || items[i].active_ms > items[best].active_ms))
                best = i;
        }
        is_out[best] = true;
        if (json_array_append_new(list, shown_item(&items[best], now_ms)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *shown_handed(const struct wf_presence *p, int64_t now_ms)
{
    struct wf_presence_item it;
    json_t *v;

    if (p->handed == NULL || wf_presence__read_item(p->handed, p->handed_ms, &it, NULL) != 0)
        return json_null();
    v = json_pack("{s:s, s:o}", "node", p->handed_by, "item", shown_item(&it, now_ms));
    json_decref(it.what);
    return v;
}

static json_t *shown_device(const struct wf_presence_device *d, int64_t now_ms)
{
    char hex[2 * WF_SIGNER_ID_BYTES + 1];

    for (size_t i = 0; i < sizeof(d->key); i++) {
        hex[2 * i] = "0123456789abcdef"[d->key[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[d->key[i] & 15];
    }
    hex[sizeof(hex) - 1] = 0;
    return json_pack("{s:s, s:s, s:b, s:o}", "node", d->name, "device", hex, "connected",
                     d->peer != 0, "items", shown_items(d->items, d->n_items, now_ms));
}

json_t *wf_presence_json(const struct wf_presence *p)
{
    int64_t now_ms = wf_presence__now_ms(p);
    json_t *others = json_array();

    for (size_t i = 0; i < p->n_devices && others != NULL; i++) {
        if (json_array_append_new(others, shown_device(&p->devices[i], now_ms)) != 0) {
            json_decref(others);
            others = NULL;
        }
    }
    return json_pack("{s:o, s:o, s:o}", "here", shown_items(p->items, p->n_items, now_ms), "others",
                     others, "handed", shown_handed(p, now_ms));
}

int wf_presence_peer(const struct wf_presence *p, struct wf_str node, uint64_t *out_peer,
                     struct wf_err *err)
{
    for (size_t i = 0; i < p->n_devices; i++) {
        const struct wf_presence_device *d = &p->devices[i];
        if (!wf_str_eq_nocase(wf_str_from(d->name), node))
            continue;
        *out_peer = d->peer;
        return d->peer != 0 ? 0 : wf_err_set(err, WF_E_NOENT, "%s is not connected now.", d->name);
    }
    return wf_err_set(err, WF_E_NOENT, "No device \"%.*s\" is connected: see weft nodes.",
                      (int)WF_MIN(node.len, (size_t)WF_DEVICES_NAME_BYTES), node.ptr);
}

/* ---- handing over ---- */

int wf_presence_hand(struct wf_presence *p, uint64_t peer, struct wf_str id, uint64_t call,
                     json_t **out_item, struct wf_err *err)
{
    struct wf_presence_device *d = wf_presence__device_at(p, peer);
    const struct wf_presence_item *it = NULL;
    int64_t now_ms = wf_presence__now_ms(p);
    json_t *item;
    int rc;

    if (d == NULL)
        return wf_err_set(err, WF_E_NOENT, "That device is not connected now.");
    for (size_t i = 0; i < p->n_items; i++) {
        const struct wf_presence_item *one = &p->items[i];
        if (id.len > 0 ? wf_str_eq(wf_str_from(one->id), id)
                       : it == NULL || one->active_ms > it->active_ms)
            it = one;
    }
    if (it == NULL)
        return wf_err_set(err, WF_E_NOENT,
                          "Nothing is open here: open a conversation, draft or document first.");
    if (it->label >= WF_LABEL_SECRET || it->label > d->clearance)
        return wf_err_set(err, WF_E_DENIED, "What is open is %s: %s may see up to %s.",
                          wf_label_name(it->label), d->name, wf_label_name(d->clearance));
    item = wf_presence__item_json(it, now_ms, true);
    rc = item == NULL
             ? wf_presence__no_memory(err)
             : wf_presence__send(p, d, WF_PRESENCE_HAND,
                                 json_pack("{s:I, s:o}", "call", (json_int_t)call, "item", item),
                                 err);
    if (rc == 0) {
        *out_item = shown_item(it, now_ms);
        rc = *out_item != NULL ? 0 : wf_presence__no_memory(err);
    }
    return rc;
}

json_t *wf_presence_take(struct wf_presence *p)
{
    json_t *v = p->handed != NULL ? shown_handed(p, wf_presence__now_ms(p)) : NULL;

    json_decref(p->handed);
    p->handed = NULL;
    return v;
}
