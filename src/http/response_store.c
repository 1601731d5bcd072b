/* SPDX-License-Identifier: Apache-2.0 */
/* A list from old to new behind a mutex: a person's conversations are few, and a look along the
 * list costs nothing beside an answer. Texts and not JSON values are kept, so that no two threads
 * share one. */
#include "http/response_store.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/list.h"

struct entry {
    struct wf_list node;
    char id[WF_RESPONSE_ID_MAX];
    char *response, *messages;
    size_t n_response, n_messages;
};

struct wf_response_store {
    pthread_mutex_t lock; /* guards what follows; a leaf */
    struct wf_list entries;
    size_t n, n_max, bytes, bytes_max;
};

struct wf_response_store *wf_response_store_new(size_t n_max, size_t bytes_max)
{
    struct wf_response_store *s = wf_alloc_array(1, sizeof(*s));

    if (!s)
        return NULL;
    pthread_mutex_init(&s->lock, NULL);
    wf_list_init(&s->entries);
    s->n_max = n_max;
    s->bytes_max = bytes_max;
    return s;
}

static size_t entry_bytes(const struct entry *e)
{
    return sizeof(*e) + e->n_response + e->n_messages;
}

static void free_entry(struct entry *e)
{
    wf_free(e->response);
    wf_free(e->messages);
    wf_free(e);
}

/* s->lock is held. */
static void drop(struct wf_response_store *s, struct entry *e)
{
    wf_list_remove(&e->node);
    s->n--;
    s->bytes -= entry_bytes(e);
    free_entry(e);
}

void wf_response_store_free(struct wf_response_store *s)
{
    struct wf_list *it, *tmp;

    if (!s)
        return;
    WF_LIST_EACH(it, tmp, &s->entries)
    drop(s, WF_CONTAINER(it, struct entry, node));
    pthread_mutex_destroy(&s->lock);
    wf_free(s);
}

int wf_response_store_put(struct wf_response_store *s, const char *id, struct wf_str response,
                          struct wf_str messages)
{
    struct entry *e = wf_alloc_array(1, sizeof(*e));

    if (!e)
        return WF_E_NOMEM;
    e->response = wf_memdup0(response.ptr, response.len);
    e->messages = wf_memdup0(messages.ptr, messages.len);
    e->n_response = response.len;
    e->n_messages = messages.len;
    snprintf(e->id, sizeof(e->id), "%s", id);
    if (!e->response || !e->messages || entry_bytes(e) > s->bytes_max) {
        int rc = e->response && e->messages ? WF_E_LIMIT : WF_E_NOMEM;
        free_entry(e);
        return rc;
    }
    pthread_mutex_lock(&s->lock);
    wf_list_push(&s->entries, &e->node);
    s->n++;
    s->bytes += entry_bytes(e);
    while (s->n > s->n_max || s->bytes > s->bytes_max)
        drop(s, WF_CONTAINER(s->entries.next, struct entry, node));
    pthread_mutex_unlock(&s->lock);
    return 0;
}

/* s->lock is held. */
static struct entry *find(struct wf_response_store *s, struct wf_str id)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &s->entries)
    {
        struct entry *e = WF_CONTAINER(it, struct entry, node);
        if (wf_str_eq(wf_str_from(e->id), id))
            return e;
    }
    return NULL;
}

bool wf_response_store_get(struct wf_response_store *s, struct wf_str id, struct wf_buf *response,
                           struct wf_buf *messages)
{
    const struct entry *e;
    bool ok = false;

    pthread_mutex_lock(&s->lock);
    e = find(s, id);
    if (e) {
        ok = !response || wf_buf_append(response, e->response, e->n_response) == 0;
        ok = (!messages || wf_buf_append(messages, e->messages, e->n_messages) == 0) && ok;
    }
    pthread_mutex_unlock(&s->lock);
    return ok;
}

bool wf_response_store_remove(struct wf_response_store *s, struct wf_str id)
{
    struct entry *e;

    pthread_mutex_lock(&s->lock);
    e = find(s, id);
    if (e)
        drop(s, e);
    pthread_mutex_unlock(&s->lock);
    return e != NULL;
}
