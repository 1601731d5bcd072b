/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of the list that are not connected: when they last were, and what they did not have then
 * of what is here now. What a device said it has is remembered as long as this process lives. */
#include <string.h>

#include "base/alloc.h"
#include "mesh/sharing_internal.h"
#include "mesh/sharing_people.h"

struct keeping {
    struct wf_sharing *s;
    uint64_t peer;
    struct wf_sharing_gone *gone;
};

static struct wf_sharing_gone *gone_of(const struct wf_sharing *s,
                                       const uint8_t key[WF_DEVICES_KEY_BYTES])
{
    for (size_t i = 0; i < s->n_gone; i++) {
        if (memcmp(s->gone[i].key, key, WF_DEVICES_KEY_BYTES) == 0)
            return &s->gone[i];
    }
    return NULL;
}

static int keep_head(void *ud, const struct wf_sync_head *head, struct wf_err *err)
{
    struct keeping *k = ud;
    struct wf_sharing_gone *g = k->gone;
    struct wf_sync_head had = *head;

    (void)err;
    had.last = wf_syncer_there(k->s->syncer, k->peer, &head->log);
    if (had.last == 0)
        return 0;
    if (wf_reserve(&g->has, &g->cap, g->n + 1, sizeof(had)) != 0)
        return 1; /* what is not remembered counts as lacking */
    g->has[g->n++] = had;
    return 0;
}

void wf_sharing__remember(struct wf_sharing *s, const struct wf_sharing_peer *p)
{
    struct keeping k = {.s = s, .peer = p->id, .gone = gone_of(s, p->key)};
    struct wf_shelf shelf;

    if (wf_devices_by_transport(&s->devices, p->key) == NULL)
        return; /* nobody of the list */
    if (k.gone == NULL) {
        if (wf_reserve(&s->gone, &s->cap_gone, s->n_gone + 1, sizeof(*s->gone)) != 0)
            return;
        k.gone = &s->gone[s->n_gone++];
        *k.gone = (struct wf_sharing_gone){.n = 0};
        memcpy(k.gone->key, p->key, sizeof(k.gone->key));
    }
    k.gone->n = 0;
    k.gone->at_ms = wf_clock_wall_ms(s->o.clock);
    wf_shelf_of_store(s->o.store, &shelf);
    (void)!shelf.heads(shelf.ud, keep_head, &k, NULL);
}

void wf_sharing__forget_gone(struct wf_sharing *s)
{
    for (size_t i = 0; i < s->n_gone; i++)
        wf_free(s->gone[i].has);
    wf_free(s->gone);
}

/* ---- as JSON ---- */

struct comparing {
    const struct wf_sharing *s;
    const struct wf_devices_entry *e;
    const struct wf_sharing_gone *gone;
    uint64_t lacks;
};

static int compare(void *ud, const struct wf_sync_head *head, struct wf_err *err)
{
    struct comparing *c = ud;
    uint64_t has = 0;

    (void)err;
    if (wf_sharing__right(c->s, c->e->device, head->log.stream) == WF_SHARING_NONE)
        return 0;
    for (size_t i = 0; i < c->gone->n; i++) {
        if (memcmp(&c->gone->has[i].log, &head->log, sizeof(head->log)) == 0)
            has = c->gone->has[i].last;
    }
    c->lacks += head->last > has ? head->last - has : 0;
    return 0;
}

static json_t *entry_json(const struct wf_sharing *s, const struct wf_devices_entry *e)
{
    struct comparing c = {.s = s, .e = e, .gone = gone_of(s, e->transport)};
    struct wf_shelf shelf;

    if (c.gone == NULL)
        return json_pack("{s:s, s:n, s:n}", "name", e->name, "seen_ms", "lacks");
    wf_shelf_of_store(s->o.store, &shelf);
    (void)!shelf.heads(shelf.ud, compare, &c, NULL);
    return json_pack("{s:s, s:I, s:I}", "name", e->name, "seen_ms", (json_int_t)c.gone->at_ms,
                     "lacks", (json_int_t)c.lacks);
}

static bool is_connected(const struct wf_sharing *s, const struct wf_devices_entry *e)
{
    for (size_t i = 0; i < s->n_peers; i++) {
        if (s->peers[i].id != 0 &&
            memcmp(s->peers[i].key, e->transport, sizeof(s->peers[i].key)) == 0)
            return true;
    }
    return false;
}

json_t *wf_sharing__absent_json(const struct wf_sharing *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->devices.n_entries; i++) {
        const struct wf_devices_entry *e = &s->devices.entries[i];
        if (e->revoked_ms == 0 && !is_connected(s, e) &&
            memcmp(e->device, s->o.device->signer.id, WF_SIGNER_ID_BYTES) != 0)
            (void)json_array_append_new(list, entry_json(s, e));
    }
    return list;
}
