/* SPDX-License-Identifier: Apache-2.0 */
/* The hub: a list of listeners under one mutex. Publishing calls them one after the other, so each
 * must only copy and return; whoever needs more queues it on its own thread. */
#include "op/hub.h"

#include <assert.h>
#include <pthread.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/list.h"
#include "op/json.h"

struct listener {
    struct wf_list node;
    wf_hub_fn fn;
    void *ud;
};

struct wf_hub {
    pthread_mutex_t lock; /* guards listeners; rank: taken last, callbacks take none of ours */
    struct wf_list listeners;
};

struct wf_hub *wf_hub_new(void)
{
    struct wf_hub *h = wf_alloc_array(1, sizeof(*h));

    if (!h)
        return NULL;
    pthread_mutex_init(&h->lock, NULL);
    wf_list_init(&h->listeners);
    return h;
}

void wf_hub_free(struct wf_hub *h)
{
    struct wf_list *it, *tmp;

    if (!h)
        return;
    WF_LIST_EACH(it, tmp, &h->listeners)
    wf_free(WF_CONTAINER(it, struct listener, node));
    pthread_mutex_destroy(&h->lock);
    wf_free(h);
}

bool wf_hub_subscribe(struct wf_hub *h, wf_hub_fn fn, void *ud)
{
    struct listener *l = wf_alloc_array(1, sizeof(*l));

    assert(fn != NULL);
    if (!l)
        return false;
    l->fn = fn;
    l->ud = ud;
    pthread_mutex_lock(&h->lock);
    wf_list_push(&h->listeners, &l->node);
    pthread_mutex_unlock(&h->lock);
    return true;
}

void wf_hub_unsubscribe(struct wf_hub *h, wf_hub_fn fn, void *ud)
{
    struct wf_list *it, *tmp;

    pthread_mutex_lock(&h->lock);
    WF_LIST_EACH(it, tmp, &h->listeners)
    {
        struct listener *l = WF_CONTAINER(it, struct listener, node);
        if (l->fn == fn && l->ud == ud) {
            wf_list_remove(&l->node);
            wf_free(l);
        }
    }
    pthread_mutex_unlock(&h->lock);
}

bool wf_hub_is_heard(struct wf_hub *h)
{
    bool is;

    pthread_mutex_lock(&h->lock);
    is = !wf_list_empty(&h->listeners);
    pthread_mutex_unlock(&h->lock);
    return is;
}

void wf_hub_publish(struct wf_hub *h, const char *event, const json_t *data)
{
    struct wf_list *it, *tmp;
    struct wf_buf json;

    if (!h)
        return;
    wf_buf_init(&json, WF_LIMIT_FRAME_BYTES);
    if (data ? wf_json_append(&json, data) != 0 : wf_buf_append_cstr(&json, "{}") != 0) {
        wf_buf_deinit(&json);
        return;
    }
    pthread_mutex_lock(&h->lock);
    WF_LIST_EACH(it, tmp, &h->listeners)
    {
        struct listener *l = WF_CONTAINER(it, struct listener, node);
        l->fn(l->ud, event, json.ptr);
    }
    pthread_mutex_unlock(&h->lock);
    wf_buf_deinit(&json);
}
