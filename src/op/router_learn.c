/* SPDX-License-Identifier: Apache-2.0 */
/* How good answers were: by a person's word, by being asked for again, by questions whose answer is
 * known. All of it moves the same beliefs (route/experience.h), each as much as it is sure: an
 * evaluation and a person's word count as one answer that was looked at, a question that comes
 * again as a quarter of one. Retries are known by a hash of the conversation, with a seed of this
 * process: programs ask the same again for reasons of their own, so one counts only where a person
 * could have read the answer meanwhile, and each question once. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "op/json.h"
#include "op/router_internal.h"
#include "route/judge.h"
#include "text/utf8.h"

#define RETRY_WEIGHT 0.25F
#define RETRY_MS_LEAST 2000
#define RETRY_MS_MOST 300000
#define ANSWER_BYTES_MAX ((size_t)1 << 20)
#define SHOWN_BYTES 2000

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to learn from an answer.");
}

/* ---- asked for again ---- */

static struct wf_router_answer *answer_of(struct wf_router *r, uint64_t hash)
{
    for (size_t i = 0; i < WF_ROUTER_ANSWERS; i++)
        if (r->hashes[i] == hash)
            return &r->answers[i];
    return NULL;
}

void wf_router__look_back(struct wf_router *r, const struct wf_route_case *c)
{
    const int64_t now_ms = wf_clock_wall_ms(r->o.clock);
    struct wf_router_answer *a;

    pthread_mutex_lock(&r->lock);
    a = c->hash != 0 ? answer_of(r, c->hash) : NULL;
    if (a != NULL && !a->is_doubted && now_ms - a->at_ms >= RETRY_MS_LEAST &&
        now_ms - a->at_ms <= RETRY_MS_MOST) {
        const struct wf_route_request q = {
            .kind = a->kind, .hard_small = a->hard_small, .hard_large = a->hard_large};
        const struct wf_candidate k = {.engine = wf_str_from(a->engine),
                                       .model = wf_str_from(a->model),
                                       .tier = a->tier,
                                       .n_params = a->n_params};
        wf_experience_rate(r->experience, &q, &k, 0, RETRY_WEIGHT, now_ms);
        r->is_changed = true;
        a->is_doubted = true;
    }
    pthread_mutex_unlock(&r->lock);
}

void wf_router__remember(struct wf_router *r, const struct wf_route_case *c, size_t i_candidate)
{
    const struct wf_candidate *k = &c->candidates[i_candidate];
    struct wf_router_answer own = {
        .at_ms = wf_clock_wall_ms(r->o.clock),
        .kind = c->q.kind,
        .hard_small = c->q.hard_small,
        .hard_large = c->q.hard_large,
        .tier = k->tier,
        .n_params = k->n_params,
    };
    struct wf_router_answer *a;

    if (c->hash == 0 || k->engine.len > WF_EXPERIENCE_ENGINE_BYTES ||
        k->model.len > WF_EXPERIENCE_MODEL_BYTES)
        return;
    memcpy(own.engine, k->engine.ptr, k->engine.len);
    memcpy(own.model, k->model.ptr, k->model.len);
    pthread_mutex_lock(&r->lock);
    a = answer_of(r, c->hash);
    if (a != NULL) {
        own.is_doubted = a->is_doubted;
    } else {
        a = &r->answers[r->next_answer];
        r->next_answer = (r->next_answer + 1) % WF_ROUTER_ANSWERS;
    }
    *a = own;
    r->hashes[a - r->answers] = c->hash;
    pthread_mutex_unlock(&r->lock);
}

/* ---- a person's word ---- */

/* Adds what is believed of such requests there. */
static int add_quality(struct wf_router *r, const struct wf_route_request *q,
                       const struct wf_candidate *c, json_t *v, struct wf_err *err)
{
    struct wf_estimate e;

    pthread_mutex_lock(&r->lock);
    wf_experience_estimate(r->experience, q, c, wf_clock_wall_ms(r->o.clock), NULL, &e);
    pthread_mutex_unlock(&r->lock);
    if (v == NULL || json_object_set_new(v, "quality", json_real(e.quality)) != 0 ||
        json_object_set_new(v, "quality_sd", json_real(e.quality_sd)) != 0) {
        json_decref(v);
        return no_memory(err);
    }
    return 0;
}

/* Writes the word down, and learns from it. The lock keeps two words of one answer apart. */
static int rate(struct wf_router *r, struct wf_str id, bool is_good,
                const struct wf_route_request *q, const struct wf_candidate *c, bool *out_is_new,
                struct wf_err *err)
{
    const int64_t now_ms = wf_clock_wall_ms(r->o.clock);
    bool was_good = false;
    int rc, before;

    pthread_mutex_lock(&r->lock);
    before = wf_route_log_rated(r->routes_path, id, &was_good, err);
    rc = before == WF_E_NOENT ? 0 : before;
    *out_is_new = before == WF_E_NOENT || was_good != is_good;
    if (rc == 0 && *out_is_new)
        rc = wf_route_log_rate(r->routes_path, id, is_good, now_ms, err);
    if (rc == 0 && *out_is_new) {
        /* One that was changed takes the first back. */
        wf_experience_rate(r->experience, q, c, is_good ? 1 : 0, before == 0 ? 2 : 1, now_ms);
        r->is_changed = true;
    }
    pthread_mutex_unlock(&r->lock);
    return rc;
}

int wf_router_rate(struct wf_engine *router, struct wf_str id, bool is_good, json_t **out,
                   struct wf_err *err)
{
    struct wf_router *r = wf_router__of(router);
    struct wf_route_request q;
    struct wf_candidate c;
    json_t *record = NULL, *v = NULL;
    bool is_new = false;
    int rc = 0;

    if (r->routes_path == NULL || id.len == 0)
        rc = wf_err_set(err, WF_E_NOENT, "No decision of that id is kept.");
    wf_router_settle(router);
    if (rc == 0)
        rc = wf_route_log_find(r->routes_path, id, &record, err);
    if (rc == 0)
        rc = wf_route_record_answered(record, &q, &c, err);
    if (rc == 0)
        rc = rate(r, id, is_good, &q, &c, &is_new, err);
    if (rc == 0) {
        wf_router__save_soon(r, true);
        v = json_pack("{s:s%, s:O, s:s, s:b, s:b}", "id", id.ptr, id.len, "engine",
                      json_object_get(json_object_get(record, "actual"), "engine"), "kind",
                      wf_kind_name(q.kind), "good", (int)is_good, "is_new", (int)is_new);
        rc = add_quality(r, &q, &c, v, err);
    }
    if (rc == 0)
        *out = v;
    json_decref(record);
    return rc;
}

/* ---- questions whose answer is known ---- */

struct trial {
    struct wf_router *r;
    const struct wf_router_trial *t;
    json_t *messages;
    struct wf_router_case of;
    size_t i; /* the place */
    char model[WF_ROUTER_PLACE_BYTES];
    struct wf_buf answer;
    struct wf_outcome outcome;
    char route[WF_ROUTE_HEADER_BYTES];
};

/* The place of that name, and what a request calls its model. */
static int find_place(struct trial *x, struct wf_err *err)
{
    const struct wf_sites *s = &x->of.sites;

    while (x->i < s->n && strcmp(s->items[x->i].name, x->t->engine) != 0)
        x->i++;
    if (x->i == s->n)
        return wf_err_set(err, WF_E_NOENT,
                          "There is no engine \"%.60s\". weft route --dry-run lists them.",
                          x->t->engine);
    return wf_router__name(&s->items[x->i].c, x->model)
               ? 0
               : wf_err_set(err, WF_E_LIMIT, "The name of the model is too long.");
}

static int hear(struct trial *x, struct wf_gen *g, struct wf_err *err)
{
    const int64_t start_ns = wf_clock_mono_ns(x->r->o.clock);
    struct wf_gen_event e;
    int rc;

    while ((rc = wf_gen_next(g, &e, err)) == 1) {
        if (x->outcome.ttft_ms <= 0)
            x->outcome.ttft_ms = (double)(wf_clock_mono_ns(x->r->o.clock) - start_ns) / 1e6;
        if (e.kind == WF_GEN_TEXT && wf_buf_append_str(&x->answer, e.text) != 0)
            return no_memory(err);
    }
    x->outcome.total_ms = (double)(wf_clock_mono_ns(x->r->o.clock) - start_ns) / 1e6;
    return rc;
}

static int ask(struct trial *x, struct wf_err *err)
{
    struct wf_gen_request q = {.model = x->model,
                               .messages = x->messages,
                               .n_max = x->t->n_max,
                               .sampling = wf_sampling_default(),
                               .reason = "evaluation",
                               .canceled = x->t->canceled,
                               .canceled_ud = x->t->ud};
    const struct wf_gen_usage *u;
    struct wf_gen *g = NULL;
    int rc;

    q.sampling.temperature = 0;
    rc = wf_engine_generate(x->r->o.inner, &q, &g, err);
    if (rc == 0)
        rc = hear(x, g, err);
    if (rc == 0) {
        u = wf_gen_usage(g);
        x->outcome.n_prompt = (uint32_t)WF_MIN(u->n_prompt, (size_t)UINT32_MAX);
        x->outcome.n_out = (uint32_t)WF_MIN(u->n_written, (size_t)UINT32_MAX);
        (void)snprintf(x->route, sizeof(x->route), "%s", u->route != NULL ? u->route : "local");
    }
    wf_gen_free(g);
    return rc;
}

/* It was not asked, or did not answer. */
static json_t *unasked_json(const struct trial *x, const char *why)
{
    return json_pack("{s:s, s:s, s:b, s:s}", "engine", x->t->engine, "kind",
                     wf_kind_name(x->of.c->q.kind), "asked", 0, "why", why);
}

static int asked_json(struct trial *x, bool is_right, json_t **out, struct wf_err *err)
{
    const struct wf_candidate *c = &x->of.c->candidates[x->i];
    const struct wf_outcome *o = &x->outcome;
    const double cost = ((double)o->n_prompt * c->price_in + (double)o->n_out * c->price_out) / 1e6;
    struct wf_str shown = wf_str_sub(wf_buf_str(&x->answer), 0, SHOWN_BYTES);

    shown = wf_str_sub(shown, 0, wf_utf8_valid_prefix(shown));
    *out = json_pack("{s:s, s:s, s:b, s:b, s:o, s:f, s:I, s:I, s:f, s:s}", "engine", x->t->engine,
                     "kind", wf_kind_name(x->of.c->q.kind), "asked", 1, "right", (int)is_right,
                     "answer", wf_json_str(shown), "ms", o->total_ms, "tokens_in",
                     (json_int_t)o->n_prompt, "tokens_out", (json_int_t)o->n_out, "cost", cost,
                     "route", x->route);
    return add_quality(x->r, &x->of.c->q, c, *out, err);
}

/* What kept it or went wrong is told as a result; what is nobody's fault but ours is an error. */
static int run(struct trial *x, json_t **out, struct wf_err *err)
{
    const enum wf_barrier barrier = x->of.c->decision.of[x->i].barrier;
    struct wf_err own = WF_ERR_INIT;
    struct wf_str said;
    bool is_right = false;
    int rc = 0;

    if (barrier != WF_BARRIER_NONE) {
        *out = unasked_json(x, wf_barrier_text(barrier));
        return *out != NULL ? 0 : no_memory(err);
    }
    rc = ask(x, &own);
    if (rc == WF_E_CANCELED || rc == WF_E_NOMEM)
        return wf_err_set(err, rc, "%s", own.msg);
    if (rc != 0) {
        x->outcome = (struct wf_outcome){.failed = true};
        if (rc != WF_E_DENIED && rc != WF_E_UNSUPPORTED && rc != WF_E_BUSY && rc != WF_E_LIMIT)
            wf_router__learn(x->r, x->of.c, x->i, &x->outcome);
        *out = unasked_json(x, own.msg);
        return *out != NULL ? 0 : no_memory(err);
    }
    said = wf_buf_str(&x->answer);
    for (size_t i = 0; wf_utf8_valid_prefix(said) == said.len && i < x->t->n_answers; i++)
        is_right |= wf_judge_is_right(said, x->t->answers[i]);
    x->outcome.is_rated = true;
    x->outcome.quality = is_right ? 1 : 0;
    wf_router__learn(x->r, x->of.c, x->i, &x->outcome);
    return asked_json(x, is_right, out, err);
}

int wf_router_try(struct wf_engine *router, const struct wf_router_trial *t, json_t **out,
                  struct wf_err *err)
{
    struct trial x = {.r = wf_router__of(router), .t = t};
    struct wf_router_wish wish = wf_router_wish(router);
    const struct wf_model_list *models = NULL;
    struct wf_gen_request q = {.n_max = t->n_max};
    int rc = 0;

    wish.has_consent = true; /* the engine was named */
    wf_buf_init(&x.answer, ANSWER_BYTES_MAX);
    q.messages = x.messages =
        json_pack("[{s:s, s:s%}]", "role", "user", "content",
                  t->question.len > 0 ? t->question.ptr : "", t->question.len);
    if (x.messages == NULL)
        rc = no_memory(err);
    if (rc == 0 && x.r->o.models != NULL)
        rc = wf_model_store_list(x.r->o.models, &models, err);
    if (rc == 0)
        rc = wf_router__case_open(x.r, &wish, &q, models, &x.of, err);
    if (rc == 0)
        rc = find_place(&x, err);
    if (rc == 0) {
        wf_router__choose(x.r, &x.of.plan, false, x.of.c);
        rc = run(&x, out, err);
    }
    wf_router__case_close(&x.of);
    json_decref(x.messages);
    wf_buf_deinit(&x.answer);
    return rc;
}
