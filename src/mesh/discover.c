/* SPDX-License-Identifier: Apache-2.0 */
/* Discover: a list of nodes with their addresses and moments. Small enough to be walked: a person
 * has a dozen devices, an organisation's node at most a thousand. */
#include "mesh/discover.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "base/alloc.h"
#include "mesh/address.h"

#define WAIT_MS 1000
#define WAIT_MAX_MS (5 * 60 * 1000)
#define WAIT_LONG_MS (15 * 60 * 1000)
#define LONG_MS ((int64_t)24 * 60 * 60 * 1000)
#define LOOK_MS (5 * 60 * 1000)
#define SETTLE_MS 200 /* several addresses come together */
#define HEX_CHARS (2 * WF_LINK_KEY_BYTES)

struct place {
    char address[WF_LINK_ADDRESS_BYTES + 1];
    int64_t worked_ms; /* wall clock; 0: never */
    uint64_t heard;    /* when it was heard of last, in counts */
};

struct node {
    uint8_t key[WF_LINK_KEY_BYTES];
    struct place places[WF_DISCOVER_ADDRESSES]; /* the likeliest first */
    size_t n_places, i_place;                   /* i_place: to be tried next */
    unsigned n_up;
    bool is_dialling;
    int64_t next_ms, wait_ms, lost_ms;
};

struct wf_discover {
    const struct wf_rng *rng;
    struct node *nodes;
    size_t n_nodes;
    uint64_t n_heard;
    int64_t looked_ms; /* INT64_MIN: not yet, or not since a change */
    uint64_t saved;    /* hash of the text */
};

struct wf_discover *wf_discover_new(const struct wf_rng *rng)
{
    struct wf_discover *d = wf_alloc_array(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    d->rng = rng;
    d->looked_ms = INT64_MIN;
    return d;
}

void wf_discover_free(struct wf_discover *d)
{
    if (d == NULL)
        return;
    wf_free(d->nodes);
    wf_free(d);
}

static struct node *find(const struct wf_discover *d, const uint8_t key[WF_LINK_KEY_BYTES])
{
    for (size_t i = 0; i < d->n_nodes; i++) {
        if (memcmp(d->nodes[i].key, key, WF_LINK_KEY_BYTES) == 0)
            return &d->nodes[i];
    }
    return NULL;
}

int wf_discover_allow(struct wf_discover *d, const uint8_t (*keys)[WF_LINK_KEY_BYTES], size_t n)
{
    struct node *nodes = NULL;

    if (n > 0 && (nodes = wf_alloc_array(n, sizeof(*nodes))) == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct node *old = find(d, keys[i]);
        if (old != NULL) {
            nodes[i] = *old;
            continue;
        }
        memcpy(nodes[i].key, keys[i], WF_LINK_KEY_BYTES);
        nodes[i].next_ms = INT64_MAX;
        nodes[i].wait_ms = WAIT_MS;
        d->looked_ms = INT64_MIN;
    }
    wf_free(d->nodes);
    d->nodes = nodes;
    d->n_nodes = n;
    return 0;
}

/* ---- addresses ---- */

static void move_to_front(struct node *n, size_t i)
{
    const struct place p = n->places[i];

    memmove(n->places + 1, n->places, i * sizeof(p));
    n->places[0] = p;
}

/* The place of an address; a new one takes the room of that which is worth least: which never
 * worked, or longest ago. */
static struct place *place_of(struct node *n, const char *address)
{
    size_t worst = 0;

    for (size_t i = 0; i < n->n_places; i++) {
        const struct place *p = &n->places[i], *w = &n->places[worst];
        if (strcmp(p->address, address) == 0)
            return &n->places[i];
        if (p->worked_ms < w->worked_ms || (p->worked_ms == w->worked_ms && p->heard < w->heard))
            worst = i;
    }
    if (n->n_places < WF_DISCOVER_ADDRESSES)
        worst = n->n_places++;
    n->places[worst] = (struct place){.worked_ms = 0};
    memcpy(n->places[worst].address, address, strlen(address));
    return &n->places[worst];
}

/* As it is written by us, so that one place has one text. */
static bool normal(struct wf_str text, char out[WF_LINK_ADDRESS_BYTES + 1])
{
    struct wf_address a;

    if (wf_address_read(text, &a) != 0)
        return false;
    wf_address_write(&a, out);
    return true;
}

static void try_soon(struct node *n, int64_t at_ms)
{
    if (n->n_up > 0 || n->n_places == 0)
        return;
    n->wait_ms = WAIT_MS;
    n->next_ms = WF_MIN(n->next_ms, at_ms);
}

void wf_discover_found(struct wf_discover *d, const uint8_t key[WF_LINK_KEY_BYTES],
                       struct wf_str address, int64_t now_ms)
{
    char text[WF_LINK_ADDRESS_BYTES + 1];
    struct node *n = find(d, key);
    struct place *p;

    if (n == NULL || !normal(address, text))
        return;
    p = place_of(n, text);
    p->heard = ++d->n_heard;
    if (n->n_up > 0 || n->is_dialling)
        return; /* it has its turn with the others */
    move_to_front(n, (size_t)(p - n->places));
    n->i_place = 0;
    try_soon(n, now_ms + SETTLE_MS);
}

/* ---- what happens ---- */

void wf_discover_up(struct wf_discover *d, const uint8_t key[WF_LINK_KEY_BYTES],
                    struct wf_str address, int64_t now_ms, int64_t wall_ms)
{
    char text[WF_LINK_ADDRESS_BYTES + 1];
    struct node *n = find(d, key);
    struct place *p;

    (void)now_ms;
    if (n == NULL)
        return;
    n->n_up++;
    n->is_dialling = false;
    n->next_ms = INT64_MAX;
    n->wait_ms = WAIT_MS;
    if (address.len == 0 || !normal(address, text))
        return;
    p = place_of(n, text);
    p->worked_ms = wall_ms;
    move_to_front(n, (size_t)(p - n->places));
}

/* A moment around `ms` from now. */
static int64_t about(const struct wf_discover *d, int64_t ms)
{
    const int64_t quarter = ms / 4;

    return ms - quarter + (int64_t)wf_rng_below(d->rng, (uint64_t)(2 * quarter + 1));
}

/* All addresses have failed. */
static void wait_longer(const struct wf_discover *d, struct node *n, int64_t now_ms)
{
    const int64_t most_ms = now_ms - n->lost_ms > LONG_MS ? WAIT_LONG_MS : WAIT_MAX_MS;

    n->i_place = 0;
    n->next_ms = n->n_places > 0 ? now_ms + about(d, n->wait_ms) : INT64_MAX;
    n->wait_ms = WF_MIN(n->wait_ms * 2, most_ms);
}

void wf_discover_down(struct wf_discover *d, const uint8_t key[WF_LINK_KEY_BYTES], int64_t now_ms)
{
    struct node *n = find(d, key);

    if (n == NULL)
        return;
    if (n->is_dialling) {
        n->is_dialling = false;
        if (++n->i_place < n->n_places && n->n_up == 0)
            n->next_ms = now_ms;
        else
            wait_longer(d, n, now_ms);
        return;
    }
    n->n_up -= n->n_up > 0 ? 1 : 0;
    if (n->n_up > 0)
        return;
    n->lost_ms = now_ms;
    n->i_place = 0;
    n->wait_ms = WAIT_MS;
    n->next_ms = n->n_places > 0 ? now_ms + about(d, SETTLE_MS) : INT64_MAX;
    d->looked_ms = INT64_MIN;
}

void wf_discover_changed(struct wf_discover *d, int64_t now_ms)
{
    d->looked_ms = INT64_MIN;
    for (size_t i = 0; i < d->n_nodes; i++) {
        if (!d->nodes[i].is_dialling)
            d->nodes[i].i_place = 0;
        try_soon(&d->nodes[i], now_ms + about(d, SETTLE_MS));
    }
}

bool wf_discover_next(struct wf_discover *d, int64_t now_ms, struct wf_discover_dial *out)
{
    for (size_t i = 0; i < d->n_nodes; i++) {
        struct node *n = &d->nodes[i];
        if (n->n_up > 0 || n->is_dialling || n->next_ms > now_ms || n->i_place >= n->n_places)
            continue;
        n->is_dialling = true;
        n->next_ms = INT64_MAX;
        memcpy(out->key, n->key, sizeof(out->key));
        memcpy(out->address, n->places[n->i_place].address, sizeof(out->address));
        return true;
    }
    return false;
}

int64_t wf_discover_due_ms(const struct wf_discover *d)
{
    int64_t due_ms = INT64_MAX;

    for (size_t i = 0; i < d->n_nodes; i++) {
        if (d->nodes[i].n_up == 0 && !d->nodes[i].is_dialling)
            due_ms = WF_MIN(due_ms, d->nodes[i].next_ms);
    }
    return due_ms;
}

bool wf_discover_looks(struct wf_discover *d, int64_t now_ms)
{
    bool is_missing = false;

    for (size_t i = 0; i < d->n_nodes; i++)
        is_missing = is_missing || d->nodes[i].n_up == 0;
    if (!is_missing || (d->looked_ms != INT64_MIN && now_ms - d->looked_ms < LOOK_MS))
        return false;
    d->looked_ms = now_ms;
    return true;
}

bool wf_discover_at(const struct wf_discover *d, size_t i, uint8_t out_key[WF_LINK_KEY_BYTES],
                    struct wf_discover_state *out)
{
    const struct node *n;

    if (i >= d->n_nodes)
        return false;
    n = &d->nodes[i];
    memcpy(out_key, n->key, WF_LINK_KEY_BYTES);
    *out = (struct wf_discover_state){.is_up = n->n_up > 0,
                                      .is_dialling = n->is_dialling,
                                      .next_ms = n->next_ms,
                                      .n_addresses = n->n_places};
    for (size_t k = 0; k < n->n_places; k++)
        out->addresses[k] = n->places[k].address;
    return true;
}

/* ---- the file ---- */

int wf_discover_save(struct wf_discover *d, struct wf_buf *out, bool *out_changed)
{
    char hex[HEX_CHARS + 1];
    uint64_t hash;

    for (size_t i = 0; i < d->n_nodes; i++) {
        const struct node *n = &d->nodes[i];
        (void)sodium_bin2hex(hex, sizeof(hex), n->key, sizeof(n->key));
        for (size_t k = 0; k < n->n_places; k++)
            (void)wf_buf_appendf(out, "%s %" PRId64 " %s\n", hex, n->places[k].worked_ms,
                                 n->places[k].address); /* the end tells */
    }
    if (wf_buf_status(out) != 0)
        return wf_buf_status(out);
    hash = wf_str_hash(wf_buf_str(out), 0);
    *out_changed = hash != d->saved;
    d->saved = hash;
    return 0;
}

static bool take_key(struct wf_str hex, uint8_t out[WF_LINK_KEY_BYTES])
{
    size_t n = 0;

    return hex.len == HEX_CHARS &&
           sodium_hex2bin(out, WF_LINK_KEY_BYTES, hex.ptr, hex.len, NULL, &n, NULL) == 0 &&
           n == WF_LINK_KEY_BYTES;
}

/* Lines stand with the likeliest of a node first: each goes behind those before it. */
static void take_line(struct wf_discover *d, struct wf_str line, int64_t now_ms)
{
    char text[WF_LINK_ADDRESS_BYTES + 1];
    uint8_t key[WF_LINK_KEY_BYTES];
    struct wf_str hex, ms;
    struct node *n;
    int64_t worked_ms;

    if (!wf_str_split(&line, ' ', &hex) || !take_key(hex, key) || !wf_str_split(&line, ' ', &ms) ||
        !wf_str_to_i64(ms, &worked_ms) || worked_ms < 0 || line.ptr == NULL || !normal(line, text))
        return;
    n = find(d, key);
    if (n == NULL || n->n_places >= WF_DISCOVER_ADDRESSES)
        return;
    place_of(n, text)->worked_ms = worked_ms;
    try_soon(n, now_ms);
}

void wf_discover_load(struct wf_discover *d, struct wf_str text, int64_t now_ms)
{
    struct wf_str line;

    d->saved = wf_str_hash(text, 0);
    while (wf_str_line(&text, &line))
        take_line(d, line, now_ms);
}
