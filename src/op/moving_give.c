/* SPDX-License-Identifier: Apache-2.0 */
/* Of this device's answers: to who takes one over, to who follows. What the other may not see it
 * does not get: the label is that of all that was said and written. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "mesh/remote_message.h"
#include "mesh/sealed.h"
#include "op/moving_internal.h"

#define CHUNK_BYTES ((size_t)64 << 10)

int wf_moving__send(struct wf_moving *m, uint64_t peer, unsigned kind, json_t *body)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_SEALED_MESSAGE_BYTES);
    rc = body == NULL ? WF_E_NOMEM : wf_json_append(&b, body);
    if (rc == 0)
        rc = m->o.send(m->o.ud, peer, kind, wf_buf_str(&b), NULL);
    wf_buf_deinit(&b);
    json_decref(body);
    return rc;
}

int wf_moving__text(const struct wf_tape *t, struct wf_buf *out)
{
    struct wf_gen_event e;
    struct wf_arena arena;
    size_t at = 0;
    int rc;

    wf_arena_init(&arena, 1024, WF_MOVING_TAPE_BYTES);
    while ((rc = wf_remote_event_next(wf_buf_str(&t->events), &at, &arena, &e, NULL)) == 1) {
        if (e.kind == WF_GEN_TEXT)
            wf_buf_append_str(out, e.text);
    }
    wf_arena_deinit(&arena);
    return rc == 0 ? wf_buf_status(out) : rc;
}

/* Whether a device may have what is asked and written there. */
static bool may_see(struct wf_moving *m, const struct wf_tape *t, uint64_t peer)
{
    enum wf_label label = WF_LABEL_SECRET, clearance = WF_LABEL_PUBLIC;
    struct wf_buf all;

    wf_buf_init(&all, 2 * WF_MOVING_TAPE_BYTES);
    wf_buf_append_str(&all, wf_buf_str(&t->request));
    wf_buf_append_byte(&all, '\n');
    if (t->request.len > 0 && wf_moving__text(t, &all) == 0)
        label = m->o.label(m->o.ud, wf_buf_str(&all));
    wf_buf_deinit(&all);
    return label < WF_LABEL_SECRET && m->o.clearance(m->o.ud, peer, &clearance) &&
           label <= clearance;
}

static void refuse(struct wf_moving *m, struct wf_str name, uint64_t peer, json_int_t call,
                   const char *words)
{
    (void)!wf_moving__send(
        m, peer, WF_MOVING_STATE,
        json_pack("{s:o, s:I, s:s}", "name", wf_json_str(name), "call", call, "error", words));
}

/* ---- who takes it over ---- */

static json_t *point_json(const struct wf_gen_point *p)
{
    size_t n = sodium_base64_ENCODED_LEN(p->n_ids * 4, sodium_base64_VARIANT_ORIGINAL);
    uint8_t *raw = wf_alloc(p->n_ids * 4);
    char *text = wf_alloc(n), random[4][20], mu[40];
    json_t *v = NULL;

    if (raw != NULL && text != NULL) {
        for (size_t i = 0; i < p->n_ids; i++) {
            uint32_t id = (uint32_t)p->ids[i];
            for (int k = 0; k < 4; k++)
                raw[4 * i + (size_t)k] = (uint8_t)(id >> (8 * k));
        }
        (void)sodium_bin2base64(text, n, raw, p->n_ids * 4, sodium_base64_VARIANT_ORIGINAL);
        for (int k = 0; k < 4; k++)
            (void)snprintf(random[k], sizeof(random[k]), "%016llx",
                           (unsigned long long)p->sampler.random[k]);
        (void)snprintf(mu, sizeof(mu), "%a", p->sampler.mu);
        v = json_pack("{s:s, s:s, s:I, s:b, s:[s, s, s, s], s:s}", "digest", p->digest, "ids", text,
                      "written", (json_int_t)p->n_written, "drawn", (int)p->has_sampler, "random",
                      random[0], random[1], random[2], random[3], "mu", mu);
    }
    wf_free(raw);
    wf_free(text);
    return v;
}

static json_t *state_json(const struct wf_tape *t, const struct wf_gen_point *point)
{
    json_t *request = NULL, *v;
    struct wf_buf text;

    if (wf_json_parse(wf_buf_str(&t->request), &request, NULL) != 0)
        return NULL;
    v = json_pack("{s:s, s:I, s:s, s:o}", "name", t->name, "call", (json_int_t)t->call, "how",
                  point != NULL ? "move" : "text", "request", request);
    wf_buf_init(&text, WF_MOVING_TAPE_BYTES);
    if (v != NULL && point != NULL)
        json_object_set_new(v, "point", point_json(point));
    else if (v != NULL && wf_moving__text(t, &text) == 0)
        json_object_set_new(v, "text", wf_json_str(wf_buf_str(&text)));
    wf_buf_deinit(&text);
    return v;
}

void wf_moving__give(struct wf_moving *m, struct wf_tape *t, const struct wf_gen_point *point)
{
    int rc = t->state == WF_TAPE_RUNS && may_see(m, t, t->asked_by)
                 ? wf_moving__send(m, t->asked_by, WF_MOVING_STATE, state_json(t, point))
                 : WF_E_DENIED;

    t->is_asked = t->is_held = rc == 0;
    if (rc == 0 && point != NULL && !t->is_sending) /* else the last one's are still sent: none */
        wf_moving__keep_point(t, point);
    t->held_until_ms = wf_moving__now_ms() + WF_MOVING_HELD_MS;
    if (rc != 0)
        refuse(m, wf_str_from(t->name), t->asked_by, (json_int_t)t->call,
               rc == WF_E_DENIED ? "That device may not see what is in it." : "It cannot be sent.");
}

void wf_moving__came_begun(struct wf_moving *m, uint64_t peer, const json_t *body)
{
    const char *name = wf_json_text(body, "name");
    struct wf_tape *t = wf_moving__tape(m, wf_str_from(name));
    bool ok = json_is_true(json_object_get(body, "ok"));
    bool is_it = t != NULL && t->is_held && t->asked_by == peer &&
                 (json_int_t)t->call == json_integer_value(json_object_get(body, "call"));

    if (is_it && !ok)
        t->is_held = t->is_asked = false;
    if (ok && (!is_it || wf_moving__send(m, peer, WF_MOVING_GO,
                                         json_pack("{s:s, s:b}", "name", name, "ok", 1)) != 0))
        (void)!wf_moving__send(m, peer, WF_MOVING_GO,
                               json_pack("{s:s, s:b}", "name", name, "ok", 0));
    else if (ok) {
        t->is_let_go = true;
        wf_moving__end(m, t, WF_TAPE_MOVED, NULL);
    }
    pthread_cond_broadcast(&m->changed);
}

/* ---- who follows ---- */

static void end_of(struct wf_moving *m, struct wf_tape *t, size_t i)
{
    bool failed = t->state != WF_TAPE_ENDED;
    const char *why = t->state == WF_TAPE_MOVED ? "It goes on on another device." : t->err.msg;

    if (wf_moving__send(m, t->followers[i].peer, WF_MOVING_END,
                        json_pack("{s:s, s:s?, s:s}", "name", t->name, "error", failed ? why : NULL,
                                  "model", t->model)) != WF_E_BUSY)
        t->followers[i].peer = 0;
}

/* Where a piece that begins at `at` ends: behind a whole event. */
static size_t piece_end(const struct wf_tape *t, size_t at)
{
    struct wf_gen_event e;
    struct wf_arena arena;
    size_t end = at, next = at;

    if (t->events.len - at <= CHUNK_BYTES)
        return t->events.len;
    wf_arena_init(&arena, 1024, WF_MOVING_TAPE_BYTES);
    while (next - at <= CHUNK_BYTES &&
           wf_remote_event_next(wf_buf_str(&t->events), &next, &arena, &e, NULL) == 1)
        end = next;
    wf_arena_deinit(&arena);
    return end > at ? end : t->events.len;
}

static void pump_one(struct wf_moving *m, struct wf_tape *t, size_t i)
{
    struct wf_buf b;
    int rc = 0;

    wf_buf_init(&b, WF_SEALED_MESSAGE_BYTES);
    while (rc == 0 && t->followers[i].at < t->events.len) {
        size_t n = piece_end(t, t->followers[i].at) - t->followers[i].at;
        wf_buf_reset(&b);
        wf_buf_append(&b, t->name, strlen(t->name) + 1);
        wf_buf_append_u32le(&b, (uint32_t)t->followers[i].at);
        wf_buf_append(&b, t->events.ptr + t->followers[i].at, n);
        rc = wf_buf_status(&b);
        if (rc == 0)
            rc = m->o.send(m->o.ud, t->followers[i].peer, WF_MOVING_EVENTS, wf_buf_str(&b), NULL);
        if (rc == 0)
            t->followers[i].at += n;
    }
    wf_buf_deinit(&b);
    if (rc == 0 && t->state != WF_TAPE_RUNS)
        end_of(m, t, i);
    else if (rc != 0 && rc != WF_E_BUSY)
        t->followers[i].peer = 0;
}

void wf_moving__pump(struct wf_moving *m, struct wf_tape *t)
{
    for (size_t i = 0; i < WF_MOVING_FOLLOWERS; i++) {
        if (t->followers[i].peer != 0)
            pump_one(m, t, i);
    }
}

static bool add_follower(struct wf_moving *m, struct wf_tape *t, uint64_t peer, json_int_t call)
{
    size_t i = 0;

    while (i < WF_MOVING_FOLLOWERS && t->followers[i].peer != 0 && t->followers[i].peer != peer)
        i++;
    if (i == WF_MOVING_FOLLOWERS || wf_moving__send(m, peer, WF_MOVING_STATE,
                                                    json_pack("{s:s, s:I, s:s}", "name", t->name,
                                                              "call", call, "how", "follow")) != 0)
        return false;
    t->followers[i].peer = peer;
    t->followers[i].at = 0;
    pump_one(m, t, i);
    return true;
}

static bool has_model(const struct wf_tape *t, const json_t *body)
{
    const json_t *v;
    size_t i;

    json_array_foreach(json_object_get(body, "have"), i, v)
    {
        if (t->digest[0] != 0 && json_is_string(v) && strcmp(json_string_value(v), t->digest) == 0)
            return true;
    }
    return false;
}

void wf_moving__came_take(struct wf_moving *m, uint64_t peer, const json_t *body)
{
    struct wf_str name = wf_str_from(wf_json_text(body, "name"));
    json_int_t call = json_integer_value(json_object_get(body, "call"));
    struct wf_tape *t = wf_moving__tape(m, name);
    bool runs = json_is_true(json_object_get(body, "runs")), has;

    if (t == NULL || t->from != 0 || !may_see(m, t, peer)) {
        refuse(m, name, peer, call,
               t == NULL ? "There is no such answer there any more."
                         : "That device may not have it.");
        return;
    }
    has = has_model(t, body);
    if (t->state == WF_TAPE_RUNS && (has || runs) && !t->is_asked) {
        t->is_asked = true;
        t->wants_text = !has;
        t->asked_by = peer;
        t->call = (uint64_t)call;
        return; /* the generation's own thread gives it, between two tokens */
    }
    if (!add_follower(m, t, peer, call))
        refuse(m, name, peer, call, "Too many follow it.");
}
