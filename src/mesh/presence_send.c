/* SPDX-License-Identifier: Apache-2.0 */
/* What a device is told: what it may hear of and does not know, what is gone, and now and then that
 * somebody is still there. */
#include <string.h>

#include "mesh/presence_internal.h"

static struct wf_presence_told *told_of(struct wf_presence_device *d, const char *id)
{
    for (size_t i = 0; i < d->n_told; i++) {
        if (strcmp(d->told[i].id, id) == 0)
            return &d->told[i];
    }
    return NULL;
}

static bool may_hear(const struct wf_presence_device *d, const struct wf_presence_item *it)
{
    return it->label < WF_LABEL_SECRET && it->label <= d->clearance;
}

/* Ids that it was told of and that are gone, or none of its business any more. */
static int add_gone(struct wf_presence *p, struct wf_presence_device *d, json_t *list)
{
    for (size_t i = 0; i < d->n_told; i++) {
        const struct wf_presence_item *it =
            wf_presence__item(p->items, p->n_items, wf_str_from(d->told[i].id));
        if ((it == NULL || !may_hear(d, it)) &&
            json_array_append_new(list, json_string(d->told[i].id)) != 0)
            return WF_E_NOMEM;
    }
    return 0;
}

/* Items that it does not know as they are; ages alone where `ages` says so. */
static int add_items(struct wf_presence *p, struct wf_presence_device *d, int64_t now_ms, bool ages,
                     json_t *list)
{
    for (size_t i = 0; i < p->n_items; i++) {
        const struct wf_presence_item *it = &p->items[i];
        const struct wf_presence_told *t = told_of(d, it->id);
        bool is_new = t == NULL || t->version != it->version;
        if (!may_hear(d, it) || (!is_new && !(ages && it->is_touched)))
            continue;
        if (json_array_append_new(list, wf_presence__item_json(it, now_ms, is_new)) != 0)
            return WF_E_NOMEM;
    }
    return 0;
}

static void note_told(struct wf_presence *p, struct wf_presence_device *d)
{
    d->n_told = 0;
    for (size_t i = 0; i < p->n_items; i++) {
        const struct wf_presence_item *it = &p->items[i];
        if (!may_hear(d, it))
            continue;
        memcpy(d->told[d->n_told].id, it->id, sizeof(it->id));
        d->told[d->n_told++].version = it->version;
    }
}

int wf_presence__send(struct wf_presence *p, struct wf_presence_device *d, unsigned kind,
                      json_t *body, struct wf_err *err)
{
    int64_t now_ms = wf_presence__now_ms(p);
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_PRESENCE_MESSAGE_BYTES * 2);
    rc = wf_presence__write(kind, body, &b, err);
    if (rc == 0)
        rc = p->o.send(p->o.ud, d->peer, wf_buf_str(&b), err);
    if (rc == WF_E_BUSY)
        d->is_full = true;
    if (rc == 0) {
        d->beat_ms = now_ms;
        d->next_ms =
            now_ms + WF_MAX(WF_PRESENCE_PAUSE_MS, (int64_t)(b.len * 1000 / WF_PRESENCE_RATE));
    }
    wf_buf_deinit(&b);
    return rc;
}

/* What is to be said, or NULL: nothing (*out_rc: 0), or no memory. */
static json_t *news(struct wf_presence *p, struct wf_presence_device *d, int64_t now_ms, bool ages,
                    int *out_rc)
{
    json_t *items = json_array(), *gone = json_array(), *body = NULL;
    bool is_beat = !d->is_begun || now_ms - d->beat_ms >= WF_PRESENCE_BEAT_MS;

    *out_rc = items != NULL && gone != NULL ? add_items(p, d, now_ms, ages, items) : WF_E_NOMEM;
    if (*out_rc == 0)
        *out_rc = add_gone(p, d, gone);
    if (*out_rc == 0 && (is_beat || json_array_size(items) + json_array_size(gone) > 0)) {
        body = json_pack("{s:O}", "items", items);
        if (body != NULL && !d->is_begun)
            json_object_set_new(body, "all", json_true());
        if (body != NULL && json_array_size(gone) > 0)
            json_object_set(body, "gone", gone);
        *out_rc = body == NULL ? WF_E_NOMEM : 0;
    }
    json_decref(items);
    json_decref(gone);
    return body;
}

void wf_presence__tell(struct wf_presence *p, struct wf_presence_device *d, int64_t now_ms,
                       int64_t *io_ms)
{
    bool ages = now_ms - d->active_ms >= WF_PRESENCE_ACTIVE_MS;
    struct wf_err err = WF_ERR_INIT;
    json_t *body;
    int rc;

    if (d->peer == 0 || d->is_full)
        return;
    if (now_ms < d->next_ms) {
        *io_ms = WF_MIN(*io_ms, d->next_ms);
        return;
    }
    body = news(p, d, now_ms, ages, &rc);
    if (body != NULL) {
        rc = wf_presence__send(p, d, WF_PRESENCE_STATE, body, &err);
        if (rc == 0) {
            d->is_begun = true;
            if (ages)
                d->active_ms = now_ms;
            note_told(p, d);
        }
    }
    /* Out of memory, or link is: once more, later. */
    *io_ms = WF_MIN(*io_ms,
                    rc != 0 && rc != WF_E_BUSY ? now_ms + 1000 : d->beat_ms + WF_PRESENCE_BEAT_MS);
    for (size_t i = 0; i < p->n_items; i++) {
        if (p->items[i].is_touched && may_hear(d, &p->items[i]))
            *io_ms = WF_MIN(*io_ms, WF_MAX(d->active_ms + WF_PRESENCE_ACTIVE_MS, now_ms + 1));
    }
}
