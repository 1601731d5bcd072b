/* SPDX-License-Identifier: Apache-2.0 */
/* Awareness: a table of clients in the order in which they were first heard of. A message is read
 * whole, with its JSON checked and written anew as JavaScript would, before the table changes. */
#include "crdt/awareness.h"

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "crdt/any.h"
#include "crdt/lib0.h"

struct peer {
    uint64_t client;
    uint32_t clock;
    int64_t heard_ms;
    char *state; /* NULL = gone */
    size_t n;
};
struct wf_awareness {
    struct peer *peers; /* [0] is the local client */
    size_t n, cap;
    bool has_said; /* the local client set a state before */
};

int wf_awareness_new(uint64_t client, struct wf_awareness **out)
{
    struct wf_awareness *a = wf_alloc_array(1, sizeof(*a));

    if (a == NULL || wf_reserve(&a->peers, &a->cap, 4, sizeof(*a->peers)) != 0) {
        wf_free(a);
        return WF_E_NOMEM;
    }
    a->peers[a->n++] = (struct peer){.client = client};
    *out = a;
    return 0;
}

void wf_awareness_free(struct wf_awareness *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < a->n; i++)
        wf_free(a->peers[i].state);
    wf_free(a->peers);
    wf_free(a);
}

static struct peer *find(const struct wf_awareness *a, uint64_t client)
{
    for (size_t i = 0; i < a->n; i++) {
        if (a->peers[i].client == client)
            return &a->peers[i];
    }
    return NULL;
}

/* A JSON text as JavaScript writes it; *out NULL for null. The caller frees it. */
static int normal(struct wf_str text, char **out, size_t *out_n)
{
    struct wf_buf any, json;
    int rc;

    *out = NULL;
    *out_n = 0;
    if (text.len > WF_LIMIT_AWARENESS_BYTES)
        return WF_E_LIMIT;
    wf_buf_init(&any, (size_t)WF_LIMIT_AWARENESS_BYTES * 8);
    wf_buf_init(&json, (size_t)WF_LIMIT_AWARENESS_BYTES * 8);
    rc = wf_any_from_json(text, false, &any);
    if (rc == 0 && !(any.len == 1 && any.ptr[0] == WF_ANY_NULL)) {
        wf_any_to_json(wf_buf_str(&any), &json);
        rc = wf_buf_status(&json);
        if (rc == 0) {
            *out = wf_buf_detach(&json, out_n);
            rc = *out == NULL ? WF_E_NOMEM : 0;
        }
    }
    wf_buf_deinit(&any);
    wf_buf_deinit(&json);
    return rc;
}

int wf_awareness_set(struct wf_awareness *a, struct wf_str state, int64_t now_ms)
{
    struct peer *p = &a->peers[0];
    char *text = NULL;
    size_t n = 0;
    int rc = state.len == 0 ? 0 : normal(state, &text, &n);

    if (rc != 0)
        return rc;
    wf_free(p->state);
    p->state = text;
    p->n = n;
    if (a->has_said)
        p->clock++;
    a->has_said = true;
    p->heard_ms = now_ms;
    return 0;
}

/* One client's part of a message, read. */
struct news {
    uint64_t client;
    uint32_t clock;
    char *state;
    size_t n;
};

static int read_news(struct wf_str message, struct news **out, size_t *out_n)
{
    struct wf_lib0_in in = wf_lib0_in(message.ptr, message.len);
    uint64_t n = wf_lib0_uint(&in), clock;
    struct news *all;
    int rc = 0;

    if (n > WF_LIMIT_AWARENESS_CLIENTS)
        return WF_E_LIMIT;
    all = wf_alloc_array((size_t)n + 1, sizeof(*all));
    if (all == NULL)
        return WF_E_NOMEM;
    *out = all;
    for (*out_n = 0; *out_n < n && rc == 0; ++*out_n) {
        struct news *x = &all[*out_n];
        struct wf_str text;
        x->client = wf_lib0_uint(&in);
        clock = wf_lib0_uint(&in);
        text = wf_lib0_bytes(&in);
        x->clock = (uint32_t)clock;
        rc = in.bad || clock >= UINT32_MAX ? WF_E_FORMAT : normal(text, &x->state, &x->n);
    }
    return rc != 0 ? rc : in.bad ? WF_E_FORMAT : 0;
}

/* Takes one client's news; true when its state is another now. Room in the table is there. */
static bool take(struct wf_awareness *a, struct news *x, int64_t now_ms)
{
    struct peer *p = find(a, x->client);
    bool is_known = p != NULL && (p != &a->peers[0] || a->has_said), changed;
    uint32_t clock = is_known ? p->clock : 0;

    if (x->clock < clock ||
        (x->clock == clock && (x->state != NULL || p == NULL || p->state == NULL)))
        return false;
    if (p == NULL) {
        p = &a->peers[a->n++];
        *p = (struct peer){.client = x->client};
    }
    p->clock = x->clock;
    p->heard_ms = now_ms;
    if (x->state == NULL && p == &a->peers[0] && p->state != NULL) {
        p->clock++; /* still here */
        return false;
    }
    changed = (x->state == NULL) != (p->state == NULL);
    if (x->state != NULL && p->state != NULL)
        changed = p->n != x->n || memcmp(p->state, x->state, x->n) != 0;
    wf_free(p->state);
    p->state = x->state;
    p->n = x->n;
    x->state = NULL;
    return changed;
}

int wf_awareness_apply(struct wf_awareness *a, struct wf_str message, int64_t now_ms,
                       size_t *out_changed)
{
    struct news *all = NULL;
    size_t n = 0, changed = 0;
    int rc = read_news(message, &all, &n);

    if (rc == 0 && a->n + n > WF_LIMIT_AWARENESS_CLIENTS)
        rc = WF_E_LIMIT;
    if (rc == 0)
        rc = wf_reserve(&a->peers, &a->cap, a->n + n, sizeof(*a->peers));
    for (size_t i = 0; i < n && rc == 0; i++)
        changed += take(a, &all[i], now_ms);
    for (size_t i = 0; i < n; i++)
        wf_free(all[i].state);
    wf_free(all);
    if (rc == 0 && out_changed != NULL)
        *out_changed = changed;
    return rc;
}

static void put(const struct peer *p, struct wf_buf *out)
{
    wf_lib0_append_uint(out, p->client);
    wf_lib0_append_uint(out, p->clock);
    wf_lib0_append_bytes(out, p->state == NULL ? WF_STR("null") : wf_str_n(p->state, p->n));
}

int wf_awareness_encode(const struct wf_awareness *a, const uint64_t *clients, size_t n,
                        struct wf_buf *out)
{
    uint64_t count = 0;

    if (clients == NULL) {
        for (size_t i = 0; i < a->n; i++)
            count += a->peers[i].state != NULL;
        wf_lib0_append_uint(out, count);
        for (size_t i = 0; i < a->n; i++) {
            if (a->peers[i].state != NULL)
                put(&a->peers[i], out);
        }
        return wf_buf_status(out);
    }
    for (size_t i = 0; i < n; i++)
        count += find(a, clients[i]) != NULL;
    wf_lib0_append_uint(out, count);
    for (size_t i = 0; i < n; i++) {
        if (find(a, clients[i]) != NULL)
            put(find(a, clients[i]), out);
    }
    return wf_buf_status(out);
}

void wf_awareness_tick(struct wf_awareness *a, int64_t now_ms, size_t *out_gone, bool *out_renewed)
{
    *out_gone = 0;
    *out_renewed =
        a->peers[0].state != NULL && now_ms - a->peers[0].heard_ms >= WF_AWARENESS_RENEW_MS;
    if (*out_renewed) {
        a->peers[0].clock++;
        a->peers[0].heard_ms = now_ms;
    }
    for (size_t i = 1; i < a->n; i++) {
        struct peer *p = &a->peers[i];
        if (p->state == NULL || now_ms - p->heard_ms < WF_AWARENESS_GONE_MS)
            continue;
        wf_free(p->state);
        p->state = NULL;
        p->n = 0;
        ++*out_gone;
    }
}

bool wf_awareness_at(const struct wf_awareness *a, size_t n, struct wf_awareness_peer *out)
{
    if (n >= a->n)
        return false;
    *out = (struct wf_awareness_peer){.client = a->peers[n].client,
                                      .clock = a->peers[n].clock,
                                      .heard_ms = a->peers[n].heard_ms,
                                      .state = wf_str_n(a->peers[n].state, a->peers[n].n)};
    return true;
}
