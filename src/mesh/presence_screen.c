/* SPDX-License-Identifier: Apache-2.0 */
/* Screens: what is presented on a device, told to the others that may see it, and what a remote on
 * one of them wants to be seen there. A screen is its device's: only that says what it shows; a
 * remote asks, and hears what became of it as everybody does. */
#include <string.h>

#include "base/json.h"
#include "mesh/presence_internal.h"

/* A whole number from 0 on; one that is not there is 0. */
static bool copy_number(const json_t *from, const char *key, json_int_t max, json_t *to)
{
    const json_t *v = json_object_get(from, key);
    const json_int_t n = json_integer_value(v);

    return (v == NULL || json_is_integer(v)) && n >= 0 && n <= max &&
           json_object_set_new(to, key, json_integer(n)) == 0;
}

static bool is_ratio(const json_t *v)
{
    return json_is_number(v) && json_number_value(v) >= 0 && json_number_value(v) <= 1;
}

int wf_presence_screen_read(const json_t *state, json_t **out, struct wf_err *err)
{
    const char *kind = wf_json_text(state, "kind"), *id = wf_json_text(state, "id");
    const json_t *pointer = json_object_get(state, "pointer");
    json_t *copy;
    int rc = 0;

    if (strcmp(kind, "draft") != 0 && strcmp(kind, "document") != 0)
        return wf_err_set(err, WF_E_INVAL, "\"kind\" is draft or document.");
    if (id[0] == '\0' || strlen(id) > WF_PRESENCE_SCREEN_ID_BYTES)
        return wf_err_set(err, WF_E_INVAL, "\"id\" is none of a draft or document.");
    if (pointer != NULL &&
        (json_array_size(pointer) != 2 || !is_ratio(json_array_get(pointer, 0)) ||
         !is_ratio(json_array_get(pointer, 1))))
        return wf_err_set(err, WF_E_INVAL, "\"pointer\" is two numbers from 0 to 1.");
    copy = json_pack("{s:s, s:s}", "kind", kind, "id", id);
    if (copy == NULL)
        return wf_presence__no_memory(err);
    if (!copy_number(state, "at", WF_PRESENCE_SLIDES_MAX, copy) ||
        !copy_number(state, "n", WF_PRESENCE_SLIDES_MAX, copy) ||
        !copy_number(state, "since", INT64_MAX, copy))
        rc =
            wf_err_set(err, WF_E_INVAL, "\"at\", \"n\" and \"since\" are whole numbers from 0 on.");
    if (rc == 0 && pointer != NULL &&
        json_object_set_new(copy, "pointer",
                            json_pack("[f, f]", json_number_value(json_array_get(pointer, 0)),
                                      json_number_value(json_array_get(pointer, 1)))) != 0)
        rc = wf_presence__no_memory(err);
    if (rc == 0)
        *out = copy;
    else
        json_decref(copy);
    return rc;
}

static bool is_same(const json_t *a, const json_t *b)
{
    return strcmp(wf_json_text(a, "kind"), wf_json_text(b, "kind")) == 0 &&
           strcmp(wf_json_text(a, "id"), wf_json_text(b, "id")) == 0;
}

/* ---- the screen of this device ---- */

void wf_presence_show(struct wf_presence *p, enum wf_label label, const json_t *state)
{
    json_decref(p->screen);
    p->screen = json_deep_copy(state); /* NULL: as if nothing were shown */
    p->screen_label = label;
    p->n_screens++;
}

static bool may_see(const struct wf_presence *p, const struct wf_presence_device *d)
{
    return p->screen != NULL && p->screen_label < WF_LABEL_SECRET &&
           p->screen_label <= d->clearance;
}

void wf_presence__tell_screen(struct wf_presence *p, struct wf_presence_device *d)
{
    const bool may = may_see(p, d);
    json_t *body;

    if (d->peer == 0 || d->is_full || (may ? d->screen_told == p->n_screens : d->screen_told == 0))
        return;
    body =
        may ? json_pack("{s:O, s:s}", "screen", p->screen, "label", wf_label_name(p->screen_label))
            : json_pack("{s:n}", "screen");
    if (wf_presence__send(p, d, WF_PRESENCE_SCREEN, body, NULL) == 0)
        d->screen_told = may ? p->n_screens : 0;
}

int wf_presence__take_move(struct wf_presence *p, struct wf_presence_device *d, const json_t *body,
                           struct wf_err *err)
{
    const json_t *pointer;
    json_t *want = NULL;
    json_int_t at, n;
    int rc = wf_presence_screen_read(json_object_get(body, "screen"), &want, err);

    if (rc != 0)
        return rc;
    if (!may_see(p, d) || !is_same(p->screen, want)) { /* it shows something else by now */
        json_decref(want);
        return 0;
    }
    at = json_integer_value(json_object_get(want, "at"));
    n = json_integer_value(json_object_get(p->screen, "n"));
    pointer = json_object_get(want, "pointer");
    (void)json_object_del(p->screen, "pointer"); /* there may be none */
    rc = json_object_set_new(p->screen, "at", json_integer(WF_MAX(WF_MIN(at, n - 1), 0)));
    if (rc == 0 && pointer != NULL)
        rc = json_object_set(p->screen, "pointer", (json_t *)(uintptr_t)pointer);
    json_decref(want);
    p->n_screens++;
    p->o.moved(p->o.ud, p->screen);
    return rc == 0 ? 0 : wf_presence__no_memory(err);
}

/* ---- those of others ---- */

void wf_presence__drop_screen(struct wf_presence *p, struct wf_presence_device *d)
{
    if (d->screen == NULL)
        return;
    json_decref(d->screen);
    d->screen = NULL;
    p->o.screen(p->o.ud);
}

int wf_presence__take_screen(struct wf_presence *p, struct wf_presence_device *d,
                             const json_t *body, struct wf_err *err)
{
    const json_t *v = json_object_get(body, "screen");
    enum wf_label label = WF_LABEL_SECRET;
    json_t *state = NULL;
    int rc;

    if (json_is_null(v)) {
        wf_presence__drop_screen(p, d);
        return 0;
    }
    if (!wf_label_parse(wf_str_from(wf_json_text(body, "label")), &label) ||
        label >= WF_LABEL_SECRET)
        return wf_err_set(err, WF_E_FORMAT, "What a screen shows there has no label.");
    rc = wf_presence_screen_read(v, &state, err);
    if (rc != 0)
        return rc;
    json_decref(d->screen);
    d->screen = state;
    d->screen_label = label;
    d->screen_ms = wf_presence__now_ms(p);
    p->o.screen(p->o.ud);
    return 0;
}

json_t *wf_presence_screens(const struct wf_presence *p)
{
    json_t *all = json_array();
    int64_t latest_ms = INT64_MIN;
    int rc = all == NULL ? -1 : 0;

    for (size_t i = 0; i < p->n_devices && rc == 0; i++) {
        const struct wf_presence_device *d = &p->devices[i];
        json_t *v = d->screen != NULL ? json_deep_copy(d->screen) : NULL;
        if (d->screen == NULL)
            continue;
        rc = v == NULL ? -1 : json_object_set_new(v, "node", json_string(d->name));
        if (rc != 0)
            json_decref(v);
        else if (d->screen_ms > latest_ms)
            rc = json_array_insert_new(all, 0, v);
        else
            rc = json_array_append_new(all, v);
        latest_ms = WF_MAX(latest_ms, d->screen_ms);
    }
    if (rc == 0)
        return all;
    json_decref(all);
    return NULL;
}

int wf_presence_move(struct wf_presence *p, uint64_t peer, const json_t *state, struct wf_err *err)
{
    struct wf_presence_device *d = wf_presence__device_at(p, peer);

    if (d == NULL || d->screen == NULL || !is_same(d->screen, state))
        return wf_err_set(err, WF_E_NOENT, "That is not on a screen there.");
    if (d->screen_label > d->clearance)
        return wf_err_set(err, WF_E_DENIED, "This is %s: %s is cleared up to %s.",
                          wf_label_name(d->screen_label), d->name, wf_label_name(d->clearance));
    return wf_presence__send(p, d, WF_PRESENCE_MOVE, json_pack("{s:O}", "screen", state), err);
}
