/* SPDX-License-Identifier: Apache-2.0 */
/* A person's release of one request for an engine elsewhere: first looking at what would go, then
 * saying so.
 *
 * Looking gives a ticket for the very bytes that were shown. Whoever then sends the same request
 * with the ticket and a reason has released it: the ticket is gone with that, whatever comes of it.
 * The bytes are written anew and must be those that were shown; airlock holds the digest against
 * what it gets, once more. Tickets live in memory, some minutes, a few at a time. */
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "op/json.h"
#include "op/remote_internal.h"
#include "route/provider.h"

#define TICKETS_MAX 64

struct wf_remote_tickets {
    pthread_mutex_t lock;                       /* guards the rest */
    struct wf_remote_ticket items[TICKETS_MAX]; /* id empty: free */
    size_t next;                                /* the oldest is overwritten */
};

int wf_remote__tickets_new(struct wf_remote_tickets **out, struct wf_err *err)
{
    struct wf_remote_tickets *t = wf_alloc_array(1, sizeof(*t));

    if (t == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    pthread_mutex_init(&t->lock, NULL);
    *out = t;
    return 0;
}

void wf_remote__tickets_free(struct wf_remote_tickets *t)
{
    if (t == NULL)
        return;
    pthread_mutex_destroy(&t->lock);
    wf_free(t);
}

static void put(struct wf_remote_tickets *t, struct wf_remote_ticket *io)
{
    wf_rng_hex(NULL, io->id, WF_REMOTE_TICKET_BYTES / 2);
    pthread_mutex_lock(&t->lock);
    t->items[t->next] = *io;
    t->next = (t->next + 1) % TICKETS_MAX;
    pthread_mutex_unlock(&t->lock);
}

static int no_ticket(struct wf_err *err)
{
    return wf_err_set(err, WF_E_DENIED,
                      "There is no such release, or it was used before: look again at what would "
                      "go, and release that.");
}

int wf_remote__ticket_take(struct wf_remote_tickets *t, const char *id, int64_t now_ms,
                           struct wf_remote_ticket *out, struct wf_err *err)
{
    bool found = false;

    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < TICKETS_MAX && !found && id[0] != '\0'; i++) {
        if (strcmp(t->items[i].id, id) != 0)
            continue;
        found = true;
        *out = t->items[i];
        t->items[i] = (struct wf_remote_ticket){.from = WF_LABEL_SECRET};
    }
    pthread_mutex_unlock(&t->lock);
    if (!found)
        return no_ticket(err);
    if (now_ms < out->made_ms || now_ms - out->made_ms > WF_RELEASE_MS_MAX)
        return wf_err_set(err, WF_E_DENIED, "The release has run out; give it again.");
    return 0;
}

int wf_remote__ticket_model(struct wf_remote_tickets *t, const char *id, char *out,
                            size_t out_bytes, struct wf_err *err)
{
    int n = -1;

    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < TICKETS_MAX && n < 0 && id[0] != '\0'; i++)
        if (strcmp(t->items[i].id, id) == 0)
            n = snprintf(out, out_bytes, "%s", t->items[i].model);
    pthread_mutex_unlock(&t->lock);
    if (n < 0)
        return no_ticket(err);
    return (size_t)n < out_bytes ? 0 : wf_err_set(err, WF_E_LIMIT, "The model's name is too long.");
}

/* ---- looking ---- */

static json_t *counts_json(const struct wf_remote_cleared *c)
{
    json_t *v = json_object();

    for (size_t i = 0; i < c->n_counts; i++)
        (void)json_object_setn_new(v, c->counts[i].type.ptr, c->counts[i].type.len,
                                   json_integer(c->counts[i].n)); /* short of memory: fewer */
    return v;
}

static json_t *look_json(const struct wf_engine_entry *e, const char *model,
                         const struct wf_remote_cleared *c, const struct wf_remote_look *look,
                         const struct wf_remote_ticket *ticket, struct wf_str body)
{
    char name[2 * WF_AIRLOCK_TEXT_BYTES], digest[2 * WF_RELEASE_DIGEST_BYTES + 1];
    json_t *v;

    snprintf(name, sizeof(name), "%s/%s", e->name, model);
    (void)sodium_bin2hex(digest, sizeof(digest), ticket->what, sizeof(ticket->what));
    v = json_pack(
        "{s:b, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O, s:b, s:O, s:o, s:o, s:s, s:I}",
        "needed", !look->gate.is_open, "possible", look->is_possible, "why", look->why, "engine",
        e->name, "to_whom", e->provider, "model", name, "from", wf_label_name(look->gate.label),
        "clearance",
        look->gate.clearance < 0 ? "nothing" : wf_label_name((enum wf_label)look->gate.clearance),
        "reason", look->reason, "above", look->above, "as_is", ticket->as_is, "messages",
        c->messages, "redactions", counts_json(c), "body", wf_json_str(body), "digest", digest,
        "bytes", (json_int_t)body.len);
    if (v == NULL || !look->is_possible)
        return v;
    (void)json_object_set_new(v, "to", json_string(wf_label_name(ticket->to)));
    (void)json_object_set_new(v, "id", json_string(ticket->id));
    (void)json_object_set_new(v, "expires", json_integer(ticket->made_ms + WF_RELEASE_MS_MAX));
    if (json_object_get(v, "expires") != NULL)
        return v;
    json_decref(v);
    return NULL;
}

int wf_remote__look(const struct wf_remote_options *o, const struct wf_engine_entry *engine,
                    const char *model, const struct wf_gen_request *q, json_t **out,
                    struct wf_err *err)
{
    struct wf_remote_cleared c;
    struct wf_remote_look look = {.is_possible = false};
    struct wf_remote_ticket ticket = {.made_ms = wf_clock_wall_ms(NULL), .as_is = q->release_as_is};
    struct wf_str text;
    struct wf_buf body;
    int rc = wf_remote__clear_to_look(o, engine, q, &c, &look, err);

    wf_buf_init(&body, WF_AIRLOCK_BODY_BYTES);
    if (rc == 0)
        rc = wf_provider_write(engine, &c.q, model, true, &body, NULL, err);
    if (rc == 0) {
        text = wf_buf_str(&body);
        wf_release_digest(&text, 1, ticket.what);
        ticket.from = look.gate.label;
        ticket.to = c.label;
        snprintf(ticket.model, sizeof(ticket.model), "%s/%s", engine->name, model);
        if (look.is_possible)
            put(o->tickets, &ticket);
        *out = look_json(engine, model, &c, &look, &ticket, text);
        rc = *out != NULL ? 0 : wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    json_decref(look.above);
    wf_buf_deinit(&body);
    wf_remote__cleared_free(&c);
    return rc;
}

/* ---- saying so ---- */

int wf_remote__release(const struct wf_remote_options *o, const struct wf_engine_entry *engine,
                       const struct wf_gen_request *q, struct wf_remote_ticket *out,
                       struct wf_release *out_release, struct wf_err *err)
{
    int64_t now_ms = wf_clock_wall_ms(NULL);
    const char *slash;
    int rc = wf_remote__ticket_take(o->tickets, q->release_id, now_ms, out, err);

    if (rc != 0)
        return rc;
    slash = strchr(out->model, '/');
    *out_release = (struct wf_release){
        .who = o->who.len > 0 ? o->who : WF_STR("owner"),
        .when_ms = now_ms,
        .engine = wf_str_n(out->model, slash == NULL ? 0 : (size_t)(slash - out->model)),
        .from = out->from,
        .to = out->to,
        .reason = wf_str_trim(wf_str_from(q->release_reason != NULL ? q->release_reason : ""))};
    memcpy(out_release->what, out->what, sizeof(out->what));
    if (wf_str_eq(out_release->engine, wf_str_from(engine->name)))
        out_release->engine = wf_str_from(engine->name); /* which outlives the ticket */
    return 0;
}
