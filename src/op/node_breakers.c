/* SPDX-License-Identifier: Apache-2.0 */
/* Breakers by nodes' names. There are as many as nodes were asked: a handful. */
#include "op/node_breakers.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "mesh/devices.h"

struct named {
    char node[WF_DEVICES_NAME_BYTES + 1];
    struct wf_breaker breaker;
};

struct wf_node_breakers {
    const struct wf_clock *clock;
    pthread_mutex_t lock; /* guards what follows */
    struct named *items;  /* [n] */
    size_t n, cap;
};

int wf_node_breakers_new(const struct wf_clock *clock, struct wf_node_breakers **out,
                         struct wf_err *err)
{
    struct wf_node_breakers *b = wf_alloc_array(1, sizeof(*b));

    if (b == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    b->clock = clock;
    pthread_mutex_init(&b->lock, NULL);
    *out = b;
    return 0;
}

void wf_node_breakers_free(struct wf_node_breakers *b)
{
    if (b == NULL)
        return;
    pthread_mutex_destroy(&b->lock);
    wf_free(b->items);
    wf_free(b);
}

/* NULL: nothing was asked of it yet. The lock is held. */
static struct wf_breaker *find(struct wf_node_breakers *b, struct wf_str node)
{
    for (size_t i = 0; i < b->n; i++) {
        if (wf_str_eq(wf_str_from(b->items[i].node), node))
            return &b->items[i].breaker;
    }
    return NULL;
}

/* The lock is held. NULL: no memory, and then nothing is counted. */
static struct wf_breaker *find_or_add(struct wf_node_breakers *b, const char *node)
{
    struct wf_breaker *found = find(b, wf_str_from(node));

    if (found != NULL || wf_reserve(&b->items, &b->cap, b->n + 1, sizeof(*b->items)) != 0)
        return found;
    (void)snprintf(b->items[b->n].node, sizeof(b->items[b->n].node), "%s", node);
    wf_breaker_init(&b->items[b->n].breaker, NULL, b->clock, NULL);
    return &b->items[b->n++].breaker;
}

int wf_node_breakers_enter(struct wf_node_breakers *b, const char *node, struct wf_err *err)
{
    struct wf_breaker *of;
    int64_t wait_ms = 0;
    bool may;

    if (b == NULL)
        return 0;
    pthread_mutex_lock(&b->lock);
    of = find_or_add(b, node);
    may = of == NULL || wf_breaker_enter(of, 0, &wait_ms);
    pthread_mutex_unlock(&b->lock);
    if (may)
        return 0;
    return wf_err_set(err, WF_E_BUSY,
                      "%.40s failed again and again: nothing is sent to it for another %lld s.",
                      node, (long long)((wait_ms + 999) / 1000));
}

/* It is gone in the middle of an answer, takes nothing, or answers what is no answer. One that has
 * as much to do as it can (BUSY) works. */
static bool is_the_nodes_fault(int code)
{
    return code == WF_E_IO || code == WF_E_TIMEOUT || code == WF_E_FORMAT;
}

void wf_node_breakers_left(struct wf_node_breakers *b, const char *node, int code)
{
    const struct wf_provider_problem failed = {.may_retry = true};
    struct wf_breaker *of;

    if (b == NULL)
        return;
    pthread_mutex_lock(&b->lock);
    of = find(b, wf_str_from(node));
    if (of != NULL)
        wf_breaker_done(of, is_the_nodes_fault(code) ? &failed : NULL, NULL);
    pthread_mutex_unlock(&b->lock);
}

enum wf_breaker_state wf_node_breakers_state(struct wf_node_breakers *b, struct wf_str node,
                                             int64_t *out_ms)
{
    enum wf_breaker_state state = WF_BREAKER_CLOSED;
    int64_t ms = 0;

    if (b != NULL) {
        const struct wf_breaker *of;
        pthread_mutex_lock(&b->lock);
        of = find(b, node);
        if (of != NULL)
            state = wf_breaker_would(of, 0, &ms) ? wf_breaker_state(of) : WF_BREAKER_OPEN;
        pthread_mutex_unlock(&b->lock);
    }
    if (out_ms != NULL)
        *out_ms = ms;
    return state;
}
