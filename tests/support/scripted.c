/* SPDX-License-Identifier: Apache-2.0 */
/* Scripted: without a script, every choice thinks "hm", writes "Hi there" in two pieces (with
 * logarithms where they are wanted), calls the first tool where a call is asked for, and ends. An
 * embedding is the text's length and its place; a score is the length of the document. */
#include "support/scripted.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"

#define EVENTS_PER_CHOICE 6

struct gen {
    struct wf_gen base;
    struct scripted *engine;
    const struct wf_gen_request *q;
    struct wf_gen_event *own; /* made to fit */
    const struct wf_gen_event *events;
    size_t n_events, i;
    char *call_name;
};

/* ---- what was asked ---- */

static void put_number(json_t *o, const char *key, double x, double usual)
{
    if (x != usual)
        json_object_set_new(o, key, isfinite(x) ? json_real(x) : json_string("-inf"));
}

static void put_text(json_t *o, const char *key, const char *s)
{
    if (s)
        json_object_set_new(o, key, json_string(s));
}

static void put_view(json_t *o, const char *key, struct wf_str s)
{
    if (s.ptr)
        json_object_set_new(o, key, json_stringn(s.ptr, s.len));
}

static void put_sampling(json_t *o, const struct wf_sampling *s)
{
    const struct wf_sampling d = wf_sampling_default();
    put_number(o, "temperature", (double)s->temperature, (double)d.temperature);
    put_number(o, "top_k", (double)s->top_k, (double)d.top_k);
    put_number(o, "top_p", (double)s->top_p, (double)d.top_p);
    put_number(o, "min_p", (double)s->min_p, (double)d.min_p);
    put_number(o, "typical_p", (double)s->typical_p, (double)d.typical_p);
    put_number(o, "repeat_penalty", (double)s->repeat_penalty, (double)d.repeat_penalty);
    put_number(o, "frequency_penalty", (double)s->frequency_penalty, (double)d.frequency_penalty);
    put_number(o, "presence_penalty", (double)s->presence_penalty, (double)d.presence_penalty);
    put_number(o, "repeat_last_n", (double)s->repeat_last_n, (double)d.repeat_last_n);
    put_number(o, "mirostat", (double)s->mirostat, (double)d.mirostat);
    put_number(o, "mirostat_tau", (double)s->mirostat_tau, (double)d.mirostat_tau);
    put_number(o, "mirostat_eta", (double)s->mirostat_eta, (double)d.mirostat_eta);
    put_number(o, "dry_multiplier", (double)s->dry_multiplier, (double)d.dry_multiplier);
    put_number(o, "dry_base", (double)s->dry_base, (double)d.dry_base);
    put_number(o, "dry_allowed_length", (double)s->dry_allowed_length,
               (double)d.dry_allowed_length);
    put_number(o, "dry_last_n", (double)s->dry_last_n, (double)d.dry_last_n);
    put_number(o, "xtc_probability", (double)s->xtc_probability, (double)d.xtc_probability);
    put_number(o, "xtc_threshold", (double)s->xtc_threshold, (double)d.xtc_threshold);
    if (s->n_biases > 0)
        json_object_set_new(o, "logit_bias", json_object());
    for (size_t i = 0; i < s->n_biases; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", s->biases[i].id);
        put_number(json_object_get(o, "logit_bias"), id, (double)s->biases[i].bias, NAN);
    }
    if (s->breakers)
        json_object_set_new(o, "breakers", json_array());
    for (size_t i = 0; i < s->n_breakers; i++)
        json_array_append_new(json_object_get(o, "breakers"), json_string(s->breakers[i]));
    json_object_set_new(o, "seed", json_integer((json_int_t)s->seed));
}

static void put_tools(json_t *o, const struct wf_tool_rules *t)
{
    static const char *const choices[] = {"auto", "none", "required", "named"};
    if (t->tools)
        json_object_set(o, "tools", (json_t *)(uintptr_t)t->tools);
    json_object_set_new(o, "tool_choice", json_string(choices[t->choice]));
    put_text(o, "tool_name", t->name);
    if (t->parallel)
        json_object_set_new(o, "parallel", json_true());
}

static json_t *asked_json(const struct wf_gen_request *q)
{
    json_t *o = json_object();
    put_text(o, "model", q->model);
    if (q->messages)
        json_object_set(o, "messages", (json_t *)(uintptr_t)q->messages);
    put_tools(o, &q->tools);
    if (q->template_vars)
        json_object_set(o, "template_vars", (json_t *)(uintptr_t)q->template_vars);
    if (q->continue_last)
        json_object_set_new(o, "continue_last", json_true());
    put_text(o, "chat_template", q->chat_template);
    put_view(o, "prompt", q->prompt);
    put_view(o, "suffix", q->suffix);
    if (q->prompt_ids)
        json_object_set_new(o, "prompt_ids", json_array());
    for (size_t i = 0; i < q->n_prompt_ids; i++)
        json_array_append_new(json_object_get(o, "prompt_ids"), json_integer(q->prompt_ids[i]));
    put_sampling(o, &q->sampling);
    put_number(o, "n_max", (double)q->n_max, 0);
    put_number(o, "n_choices", (double)q->n_choices, 1);
    put_number(o, "n_top_logprobs", (double)q->n_top_logprobs, 0);
    if (q->wants_logprobs)
        json_object_set_new(o, "logprobs", json_true());
    if (q->ignore_eos)
        json_object_set_new(o, "ignore_eos", json_true());
    if (q->n_stops > 0)
        json_object_set_new(o, "stops", json_array());
    for (size_t i = 0; i < q->n_stops; i++)
        json_array_append_new(json_object_get(o, "stops"),
                              json_stringn(q->stops[i].ptr, q->stops[i].len));
    if (q->schema)
        json_object_set(o, "schema", (json_t *)(uintptr_t)q->schema);
    put_text(o, "grammar", q->grammar);
    if (q->overflow == WF_OVERFLOW_TRUNCATE)
        json_object_set_new(o, "overflow", json_string("truncate"));
    for (size_t i = 0; i < q->n_adapters; i++) {
        if (i == 0)
            json_object_set_new(o, "adapters", json_object());
        json_object_set_new(json_object_get(o, "adapters"), q->adapters[i].name,
                            json_real((double)q->adapters[i].scale));
    }
    put_number(o, "n_context", (double)q->load.n_context, 0);
    if (q->load.keep_alive_s != 0)
        json_object_set_new(o, "keep_alive_s", json_integer(q->load.keep_alive_s));
    return o;
}

static void note(struct scripted *s, json_t *asked)
{
    json_decref(s->asked);
    s->asked = asked;
}

static int failure(int code, struct wf_err *err)
{
    return code != 0 ? wf_err_set(err, code, "The script says so.") : 0;
}

/* ---- generations ---- */

static const struct wf_gen_logprob tops[] = {
    {.token = {"Hi", 2}, .id = 5, .logprob = -0.5F},
    {.token = {"\xff", 1}, .id = 6, .logprob = -INFINITY},
};
static const struct wf_gen_logprob hi = {
    .token = {"Hi", 2}, .id = 5, .logprob = -0.5F, .top = tops, .n_top = 2};

static void fit(struct gen *g, size_t i_choice)
{
    const struct wf_tool_rules *t = &g->q->tools;
    struct wf_gen_event *e = g->own + g->n_events;
    bool calls = json_array_size(t->tools) > 0 &&
                 (t->choice == WF_TOOL_REQUIRED || t->choice == WF_TOOL_NAMED);
    size_t n = 0;
    e[n++] = (struct wf_gen_event){.kind = WF_GEN_REASONING, .text = WF_STR("hm")};
    e[n++] = (struct wf_gen_event){.kind = WF_GEN_TEXT, .text = WF_STR("Hi")};
    if (g->q->wants_logprobs) {
        e[n - 1].logprobs = &hi;
        e[n - 1].n_logprobs = 1;
    }
    e[n++] = (struct wf_gen_event){.kind = WF_GEN_TEXT, .text = WF_STR(" there")};
    if (calls) {
        e[n++] = (struct wf_gen_event){.kind = WF_GEN_CALL,
                                       .call_id = WF_STR("call_1"),
                                       .call_name = wf_str_from(g->call_name)};
        e[n++] = (struct wf_gen_event){.kind = WF_GEN_ARGUMENTS, .text = WF_STR("{\"a\":1}")};
    }
    e[n++] = (struct wf_gen_event){.kind = WF_GEN_END,
                                   .finish = calls ? WF_FINISH_TOOL_CALLS : WF_FINISH_STOP};
    assert(n <= EVENTS_PER_CHOICE);
    for (size_t i = 0; i < n; i++)
        e[i].i_choice = i_choice;
    g->n_events += n;
}

static int generate(struct wf_engine *e, const struct wf_gen_request *q, struct wf_gen **out,
                    struct wf_err *err)
{
    struct scripted *s = (struct scripted *)e;
    size_t n_choices = q->n_choices > 0 ? q->n_choices : 1;
    const char *name = q->tools.name;
    struct gen *g;
    note(s, asked_json(q));
    if (s->fail != 0) {
        (void)failure(s->fail, err);
        err->retry_ms = s->retry_ms;
        return s->fail;
    }
    if (q->canceled && q->canceled(q->canceled_ud))
        return failure(WF_E_CANCELED, err);
    if (!name)
        name = json_string_value(json_object_get(
            json_object_get(json_array_get(q->tools.tools, 0), "function"), "name"));
    g = wf_alloc_array(1, sizeof(*g));
    if (!g)
        return failure(WF_E_NOMEM, err);
    *g = (struct gen){.base = {e->ops},
                      .engine = s,
                      .q = q,
                      .events = s->events,
                      .n_events = s->events ? s->n_events : 0,
                      .call_name = wf_strdup(name ? name : ""),
                      .own = wf_alloc_array(n_choices * EVENTS_PER_CHOICE, sizeof(*g->own))};
    s->usage.consent = wf_gen_consent(q);
    s->n_live++;
    s->n_made++;
    *out = &g->base;
    if (!g->call_name || !g->own) {
        wf_gen_free(*out);
        *out = NULL;
        return failure(WF_E_NOMEM, err);
    }
    for (size_t i = 0; !s->events && i < n_choices; i++)
        fit(g, i);
    if (!s->events)
        g->events = g->own;
    return 0;
}

static int next(struct wf_gen *base, struct wf_gen_event *out, struct wf_err *err)
{
    struct gen *g = (struct gen *)base;
    const struct wf_gen_request *q = g->q;
    /* The request is alive still. */
    assert(!q->messages || json_is_array(q->messages));
    assert(!q->schema || json_typeof(q->schema) <= JSON_NULL);
    if (q->canceled && q->canceled(q->canceled_ud))
        return failure(WF_E_CANCELED, err);
    if (g->i == g->n_events)
        return failure(g->engine->fail_next, err);
    *out = g->events[g->i++];
    return 1;
}

static const struct wf_gen_usage *usage(const struct wf_gen *base)
{
    return &((const struct gen *)base)->engine->usage;
}

static void gen_free(struct wf_gen *base)
{
    struct gen *g = (struct gen *)base;
    g->engine->n_live--;
    wf_free(g->call_name);
    wf_free(g->own);
    wf_free(g);
}

static int count(struct wf_engine *e, const struct wf_gen_request *q, size_t *out_n,
                 struct wf_err *err)
{
    struct scripted *s = (struct scripted *)e;
    note(s, asked_json(q));
    *out_n = s->usage.n_prompt;
    return failure(s->fail, err);
}

/* ---- the others ---- */

static json_t *texts_json(const struct wf_str *texts, size_t n)
{
    json_t *v = json_array();
    for (size_t i = 0; texts && i < n; i++)
        json_array_append_new(v, json_stringn(texts[i].ptr, texts[i].len));
    return v;
}

static int embed(struct wf_engine *e, const struct wf_embed_request *q, struct wf_embeddings *out,
                 struct wf_err *err)
{
    struct scripted *s = (struct scripted *)e;
    size_t n_dims = q->n_dims > 0 ? q->n_dims : 2;
    note(s, json_pack("{s:s?, s:o, s:b, s:b}", "model", q->model, "texts",
                      texts_json(q->ids ? NULL : q->texts, q->n_texts), "truncate",
                      (int)q->truncate, "raw", (int)q->is_raw));
    if (s->fail != 0)
        return failure(s->fail, err);
    *out = (struct wf_embeddings){.vectors = wf_alloc_array(q->n_texts * n_dims, sizeof(float)),
                                  .n_dims = n_dims,
                                  .n_tokens = q->n_texts * 3,
                                  .model = "tiny:latest"};
    if (!out->vectors)
        return failure(WF_E_NOMEM, err);
    for (size_t i = 0; i < q->n_texts; i++) {
        out->vectors[i * n_dims] = (float)(q->ids ? q->n_ids[i] : q->texts[i].len);
        if (n_dims > 1)
            out->vectors[i * n_dims + 1] = (float)i + 0.5F;
    }
    return 0;
}

static int rerank(struct wf_engine *e, const struct wf_rerank_request *q, float *out_scores,
                  struct wf_rerank_usage *out_usage, struct wf_err *err)
{
    struct scripted *s = (struct scripted *)e;
    note(s,
         json_pack("{s:s?, s:s%, s:o, s:b}", "model", q->model, "query", q->query.ptr, q->query.len,
                   "texts", texts_json(q->texts, q->n_texts), "truncate", (int)q->truncate));
    for (size_t i = 0; i < q->n_texts; i++)
        out_scores[i] = (float)q->texts[i].len;
    *out_usage = (struct wf_rerank_usage){
        .n_tokens = 9, .n_truncated = q->truncate ? 2 : 0, .model = "rank:latest"};
    return failure(s->fail, err);
}

static json_t *loaded(struct wf_engine *e)
{
    (void)e;
    return json_pack("[{s:s, s:i, s:i, s:n, s:i}]", "model", "tiny:latest", "bytes", 1000,
                     "n_context", 64, "expires_ms", "n_active", 0);
}

static int load(struct wf_engine *e, const char *model, const struct wf_load *how,
                struct wf_err *err)
{
    struct scripted *s = (struct scripted *)e;
    note(s, json_pack("{s:s?, s:I}", "load", model, "keep_alive_s",
                      (json_int_t)(how ? how->keep_alive_s : 0)));
    return failure(s->fail, err);
}

static int unload(struct wf_engine *e, const char *model, struct wf_err *err)
{
    struct scripted *s = (struct scripted *)e;
    note(s, json_pack("{s:s?}", "unload", model));
    return failure(s->fail, err);
}

static void engine_free(struct wf_engine *e)
{
    (void)e;
}

static const struct wf_engine_ops ops = {
    .generate = generate,
    .next = next,
    .usage = usage,
    .gen_free = gen_free,
    .count = count,
    .embed = embed,
    .rerank = rerank,
    .loaded = loaded,
    .load = load,
    .unload = unload,
    .free = engine_free,
};

void scripted_init(struct scripted *s)
{
    *s = (struct scripted){.base = {&ops},
                           .usage = {.model = "tiny:latest",
                                     .n_context = 64,
                                     .n_prompt = 7,
                                     .n_cached = 4,
                                     .n_written = 5,
                                     .n_reasoning = 2}};
}

void scripted_deinit(struct scripted *s)
{
    assert(s->n_live == 0);
    json_decref(s->asked);
    s->asked = NULL;
}
