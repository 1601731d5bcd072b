/* SPDX-License-Identifier: Apache-2.0 */
/* What people are shown of link, as JSON. */
#include <sodium.h>
#include <string.h>

#include "mesh/link_internal.h"

static const char *const names[WF_LINK_REASON_COUNT] = {
    [WF_LINK_CLOSED] = "closed",       [WF_LINK_ENDED_HERE] = "ended_here",
    [WF_LINK_REPLACED] = "replaced",   [WF_LINK_LOST] = "lost",
    [WF_LINK_SILENT] = "silent",       [WF_LINK_PORT_CLOSED] = "port_closed",
    [WF_LINK_NO_ROUTE] = "no_route",   [WF_LINK_NO_ANSWER] = "no_answer",
    [WF_LINK_NO_NAME] = "no_name",     [WF_LINK_NOT_WEFT] = "not_weft",
    [WF_LINK_OTHER_KEY] = "other_key", [WF_LINK_NOT_PAIRED] = "not_paired",
    [WF_LINK_VERSION] = "version",     [WF_LINK_TOO_MUCH] = "too_much",
    [WF_LINK_TOO_SLOW] = "too_slow",   [WF_LINK_MALFORMED] = "malformed",
    [WF_LINK_DIED] = "died",           [WF_LINK_NO_MEMORY] = "no_memory",
};

const char *wf_link_reason_name(enum wf_link_reason reason)
{
    return (size_t)reason < WF_ARRAY_LEN(names) && names[reason] != NULL ? names[reason] : "?";
}

static json_t *hex_of(const uint8_t key[WF_LINK_KEY_BYTES])
{
    char hex[2 * WF_LINK_KEY_BYTES + 1];

    (void)sodium_bin2hex(hex, sizeof(hex), key, WF_LINK_KEY_BYTES);
    return json_string(hex);
}

/* The connection to a paired node that is up, or NULL. */
static const struct wf_link_peer *up_of(struct wf_link *l, const uint8_t key[WF_LINK_KEY_BYTES])
{
    struct wf_list *it, *tmp;

    for (size_t i = 0; i < WF_LINK_BUCKETS; i++) {
        WF_LIST_EACH(it, tmp, &l->peers[i])
        {
            const struct wf_link_peer *p = WF_CONTAINER(it, struct wf_link_peer, node);
            if (p->is_up && p->is_paired && memcmp(p->key, key, WF_LINK_KEY_BYTES) == 0)
                return p;
        }
    }
    return NULL;
}

static json_t *peer_status(struct wf_link *l, const uint8_t key[WF_LINK_KEY_BYTES],
                           const struct wf_discover_state *s)
{
    const struct wf_link_peer *up = up_of(l, key);
    const struct wf_link_last *last = wf_link__last(l, key);
    const char *state = up != NULL ? "up" : s->is_dialling ? "dialling" : "waiting";
    json_t *v = json_pack("{s:o, s:s}", "key", hex_of(key), "state", state), *tried = json_array();
    bool ok = v != NULL;

    for (size_t i = 0; i < s->n_addresses; i++)
        ok = json_array_append_new(tried, json_string(s->addresses[i])) == 0 && ok;
    ok = ok && json_object_set(v, "tried", tried) == 0;
    json_decref(tried);
    if (up != NULL) {
        ok = ok && json_object_set_new(v, "address", json_string(up->address)) == 0;
        ok = ok && json_object_set_new(v, "version", json_string(up->version)) == 0;
        ok = ok && json_object_set_new(v, "skew_ms", json_integer(up->skew_ms)) == 0;
    } else if (last != NULL && last->is_known) {
        ok = ok && json_object_set_new(v, "address", json_string(last->address)) == 0;
        ok = ok &&
             json_object_set_new(v, "reason", json_string(wf_link_reason_name(last->reason))) == 0;
        ok = ok && json_object_set_new(v, "words", json_string(last->words)) == 0;
    }
    if (up == NULL && s->next_ms != INT64_MAX)
        ok = ok && json_object_set_new(v, "next_s",
                                       json_integer((s->next_ms - wf_link__now_ms()) / 1000)) == 0;
    if (ok)
        return v;
    json_decref(v);
    return NULL;
}

static json_t *peers_status(struct wf_link *l)
{
    struct wf_discover_state s;
    uint8_t key[WF_LINK_KEY_BYTES];
    json_t *all = json_array();

    for (size_t i = 0; wf_discover_at(l->discover, i, key, &s); i++)
        (void)json_array_append_new(all, peer_status(l, key, &s)); /* one less, without memory */
    return all;
}

static json_t *knocks_status(struct wf_link *l)
{
    const size_t n = WF_MIN(l->n_knocks, (size_t)WF_LINK_KNOCKS);
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++) {
        const struct wf_link_knock *k = &l->knocks[(l->n_knocks - 1 - i) % WF_LINK_KNOCKS];
        (void)json_array_append_new(/* as above */
                                    all,
                                    json_pack("{s:o, s:s, s:s, s:I}", "key", hex_of(k->key),
                                              "address", k->address, "reason",
                                              wf_link_reason_name(k->reason), "ago_s",
                                              (json_int_t)((wf_link__now_ms() - k->at_ms) / 1000)));
    }
    return all;
}

static json_t *addresses_status(struct wf_link *l)
{
    struct wf_str rest = wf_buf_str(&l->addresses), line;
    json_t *all = json_array();

    while (l->has_addresses && wf_str_line(&rest, &line))
        (void)json_array_append_new(all, json_stringn(line.ptr, line.len)); /* as above */
    return all;
}

json_t *wf_link_status(struct wf_link *l)
{
    const char *state;
    json_t *v;

    pthread_mutex_lock(&l->lock);
    state = l->has_key ? "on" : l->is_wanted ? "starting" : "off";
    v = json_pack("{s:s, s:i, s:s, s:b, s:o, s:o, s:o}", "state", state, "port", (int)l->port,
                  "listening", l->problem, "pairing", l->is_pairing, "addresses",
                  addresses_status(l), "peers", peers_status(l), "knocks", knocks_status(l));
    if (v != NULL && l->has_key && json_object_set_new(v, "key", hex_of(l->key)) != 0) {
        json_decref(v);
        v = NULL;
    }
    pthread_mutex_unlock(&l->lock);
    return v;
}
