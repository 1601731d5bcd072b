/* SPDX-License-Identifier: Apache-2.0 */
/* What a node offers, as JSON, and what others say they do:
 *
 *   {"v": 1, "offers": bool, "slots", "battery": 0..1 or -1, "heat": likewise, "carbon",
 *    "models": [{"name", "params", "context", "loaded", "queued", "read_ms", "write_ms"}],
 *    "encoders": [the same and "kind": "embed" or "rerank"]}
 *
 * Those that only read are a list of their own, which who knows chats alone passes over.
 * Battery and heat are rounded, so that a node that does nothing says nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "mesh/remote_internal.h"

#define VERSION 1
/* Steps that are worth telling. */
#define BATTERY_STEP 0.05F
#define HEAT_STEP 0.1F
/* Times of a token that are measured: what is above is no speed. */
#define TOKEN_MS_MAX 60000.0
#define SPEED_WEIGHT 0.3
#define SPEED_TOKENS 8u /* fewer say nothing */

/* What is offered, while it is gathered. */
struct offer {
    json_t *models, *encoders;
};

void wf_nodes_plain_name(const char *name, char out[WF_DEVICES_NAME_BYTES + 1])
{
    size_t i = 0;

    for (; i < WF_DEVICES_NAME_BYTES && name[i] != '\0'; i++)
        out[i] = name[i] == ' ' ? '-' : name[i];
    out[i] = '\0';
}

/* ---- speeds; the lock is held ---- */

static struct wf_nodes_speed *speed_of(struct wf_nodes *n, const char *model)
{
    for (size_t i = 0; i < WF_NODES_SPEEDS; i++) {
        if (strcmp(n->speeds[i].model, model) == 0)
            return &n->speeds[i];
    }
    return NULL;
}

static void mix(double *io, double ms)
{
    if (ms > 0 && ms < TOKEN_MS_MAX)
        *io = *io == 0 ? ms : SPEED_WEIGHT * ms + (1 - SPEED_WEIGHT) * *io;
}

void wf_nodes__note_speed(struct wf_nodes *n, const struct wf_gen_usage *u)
{
    const size_t n_read = u->n_prompt > u->n_cached ? u->n_prompt - u->n_cached : 0;
    struct wf_nodes_speed *s;

    if (u->model == NULL || u->model[0] == '\0')
        return;
    s = speed_of(n, u->model);
    if (s == NULL) {
        s = &n->speeds[n->next_speed++ % WF_NODES_SPEEDS];
        *s = (struct wf_nodes_speed){.read_ms = 0};
        (void)snprintf(s->model, sizeof(s->model), "%s", u->model);
    }
    if (n_read >= SPEED_TOKENS)
        mix(&s->read_ms, (double)u->prompt_ns / 1e6 / (double)n_read);
    if (u->n_written >= SPEED_TOKENS)
        mix(&s->write_ms, (double)u->write_ns / 1e6 / (double)(u->n_written - 1));
}

/* ---- what is offered here ---- */

bool wf_nodes__offers(struct wf_nodes *n)
{
    struct wf_devices_entry own;

    if (n->o.engine == NULL || n->o.models == NULL || n->o.offers == WF_NODES_OFFERS_OFF)
        return false;
    if (n->o.offers == WF_NODES_OFFERS_ON)
        return true;
    return wf_sealed_own_entry(n->o.sealed, &own, NULL) == 0 &&
           (own.tier != WF_NODE_TIER_DEVICE || (own.roles & WF_ROLE_COMPUTE) != 0);
}

static double rounded(float x, float step)
{
    return x < 0 ? -1.0 : (double)(roundf(x / step) * step);
}

static const json_t *loaded_of(const json_t *loaded, const char *model)
{
    const json_t *m;
    size_t i;

    json_array_foreach(loaded, i, m)
    {
        if (strcmp(wf_json_text(m, "model"), model) == 0)
            return m;
    }
    return NULL;
}

/* The kinds that are offered: those that write, and those that only read. */
static bool is_encoder(enum wf_model_kind kind)
{
    return kind == WF_MODEL_EMBED || kind == WF_MODEL_RERANK;
}

static int add_model(struct wf_nodes *n, const struct wf_model_entry *m, const json_t *loaded,
                     const struct offer *to)
{
    json_t *list = is_encoder(m->kind) ? to->encoders : to->models;
    const json_t *l = loaded_of(loaded, m->name);
    const struct wf_nodes_speed *s;
    double read_ms = 0, write_ms = 0;

    if ((m->kind != WF_MODEL_CHAT && !is_encoder(m->kind)) ||
        json_array_size(to->models) + json_array_size(to->encoders) >= WF_NODES_MODELS_MAX)
        return 0;
    pthread_mutex_lock(&n->lock);
    s = speed_of(n, m->name);
    if (s != NULL) {
        read_ms = s->read_ms;
        write_ms = s->write_ms;
    }
    pthread_mutex_unlock(&n->lock);
    return json_array_append_new(
        list, json_pack("{s:s, s:s, s:I, s:I, s:b, s:I, s:f, s:f}", "name", m->name, "kind",
                        wf_model_kind_name(m->kind), "params", (json_int_t)m->n_params, "context",
                        (json_int_t)m->n_context, "loaded", l != NULL, "queued",
                        json_integer_value(json_object_get(l, "n_active")), "read_ms", read_ms,
                        "write_ms", write_ms));
}

/* The models, the default one first. */
static int add_models(struct wf_nodes *n, const struct offer *to)
{
    const struct wf_model_list *l = NULL;
    const struct wf_model_entry *first;
    json_t *loaded;
    int rc = wf_model_store_list(n->o.models, &l, NULL);

    if (rc != 0)
        return rc == WF_E_NOMEM ? -1 : 0; /* what cannot be read is not offered */
    loaded = wf_engine_loaded(n->o.engine);
    first = wf_model_list_find(l, NULL);
    if (first != NULL)
        rc = add_model(n, first, loaded, to);
    for (size_t i = 0; i < wf_model_list_n(l) && rc == 0; i++) {
        if (wf_model_list_at(l, i) != first)
            rc = add_model(n, wf_model_list_at(l, i), loaded, to);
    }
    json_decref(loaded);
    wf_model_list_unref(l);
    return rc;
}

int wf_nodes__write_catalog(struct wf_nodes *n, struct wf_buf *out, struct wf_err *err)
{
    const bool offers = wf_nodes__offers(n);
    struct wf_power_state power;
    const struct offer to = {json_array(), json_array()};
    json_t *v;
    int rc = to.models == NULL || to.encoders == NULL ? -1 : 0;

    wf_power_read(n->o.power, &power);
    if (rc == 0 && offers)
        rc = add_models(n, &to);
    v = !offers ? json_pack("{s:i, s:b}", "v", VERSION, "offers", 0)
                : json_pack("{s:i, s:b, s:I, s:f, s:f, s:I, s:O, s:O}", "v", VERSION, "offers", 1,
                            "slots", (json_int_t)n->o.n_slots, "battery",
                            rounded(power.battery, BATTERY_STEP), "heat",
                            rounded(power.heat, HEAT_STEP), "carbon", n->o.carbon_g_kwh, "models",
                            to.models, "encoders", to.encoders);
    if (rc == 0 && v != NULL)
        rc = wf_json_append(out, v);
    else
        rc = -1;
    json_decref(v);
    json_decref(to.models);
    json_decref(to.encoders);
    return rc == 0 ? 0
                   : wf_err_set(err, WF_E_NOMEM, "Nodes are not told what there is: no memory.");
}

/* ---- what others say ---- */

static int no_catalog(struct wf_err *err)
{
    return wf_err_set(err, WF_E_FORMAT, "What another node says that it offers is malformed.");
}

static double number_of(const json_t *v, const char *name, double min, double max, double fallback)
{
    const double x = json_number_value(json_object_get(v, name));

    return json_is_number(json_object_get(v, name)) && x >= min && x <= max ? x : fallback;
}

/* A name that a request can say: printable, without white space. */
static bool is_name(const char *s)
{
    const size_t n = strlen(s);

    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f)
            return false;
    }
    return n > 0 && n < WF_MODEL_NAME_MAX;
}

static int read_place(const json_t *all, const json_t *m, struct wf_nodes_place *out)
{
    const char *name = wf_json_text(m, "name");

    if (!is_name(name))
        return WF_E_FORMAT;
    (void)snprintf(out->model, sizeof(out->model), "%s", name);
    out->n_params = (uint64_t)number_of(m, "params", 0, 1e15, 0);
    out->n_context = (uint64_t)number_of(m, "context", 0, WF_LIMIT_MODEL_CONTEXT, 0);
    out->is_loaded = json_is_true(json_object_get(m, "loaded"));
    out->n_queued = (uint32_t)number_of(m, "queued", 0, 1e6, 0);
    out->read_ms = number_of(m, "read_ms", 0, TOKEN_MS_MAX, 0);
    out->write_ms = number_of(m, "write_ms", 0, TOKEN_MS_MAX, 0);
    out->n_slots = (uint32_t)number_of(all, "slots", 0, 4096, 0);
    out->battery = (float)number_of(all, "battery", 0, 1, -1);
    out->heat = (float)number_of(all, "heat", 0, 1, 0);
    out->carbon_g_kwh = number_of(all, "carbon", 0, 1e5, 0);
    return 0;
}

static enum wf_model_kind kind_of(const json_t *encoder)
{
    return strcmp(wf_json_text(encoder, "kind"), "rerank") == 0 ? WF_MODEL_RERANK : WF_MODEL_EMBED;
}

static int read_places(struct wf_nodes_peer *p, const json_t *v, struct wf_err *err)
{
    const json_t *models = json_object_get(v, "models"), *encoders = json_object_get(v, "encoders");
    const size_t n_models = json_array_size(models), n = n_models + json_array_size(encoders);
    struct wf_nodes_place *places;

    if (n > WF_NODES_MODELS_MAX)
        return no_catalog(err);
    places = wf_alloc_array(n + 1, sizeof(*places));
    if (places == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (another node's models).");
    for (size_t i = 0; i < n; i++) {
        const json_t *m =
            i < n_models ? json_array_get(models, i) : json_array_get(encoders, i - n_models);
        places[i] = (struct wf_nodes_place){.peer = p->id,
                                            .kind = i < n_models ? WF_MODEL_CHAT : kind_of(m),
                                            .tier = p->entry.tier,
                                            .clearance = p->entry.clearance};
        wf_nodes_plain_name(p->entry.name, places[i].node);
        if (read_place(v, m, &places[i]) != 0) {
            wf_free(places);
            return no_catalog(err);
        }
    }
    wf_free(p->places);
    p->places = places;
    p->n_places = n;
    return 0;
}

int wf_nodes__read_catalog(struct wf_nodes_peer *p, struct wf_str bytes, struct wf_err *err)
{
    json_t *v = NULL;
    int rc = wf_json_parse(bytes, &v, NULL);

    if (rc == WF_E_NOMEM)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (another node's models).");
    if (rc != 0 || !json_is_integer(json_object_get(v, "v")))
        rc = no_catalog(err);
    else if (json_integer_value(json_object_get(v, "v")) > VERSION)
        rc = wf_err_set(err, WF_E_UNSUPPORTED, "The other node has a newer weft.");
    if (rc == 0)
        rc = read_places(p, v, err);
    if (rc == 0) {
        p->has_catalog = true;
        p->offers = json_is_true(json_object_get(v, "offers"));
    }
    json_decref(v);
    return rc;
}
