/* SPDX-License-Identifier: Apache-2.0 */
/* The remote engine: a generation pulls bytes from airlock, feeds them to the protocol's reader,
 * and gives its events out with what was redacted put back.
 *
 * Per choice one stream of text is open at a time (answer, thoughts, or one call's arguments); when
 * another begins, or the end comes, what the open one still held back goes out first. */
#include "op/remote.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/rng.h"
#include "op/remote_internal.h"
#include "route/provider.h"

#define EVENT_BYTES_MAX ((size_t)WF_PROVIDER_EVENT_BYTES_MAX + (64u << 10))

/* A wait is given up this soon after nobody waits any more. */
#define TICK_MS 50

struct remote {
    struct wf_engine base;
    struct wf_remote_options o;
    struct wf_remote_pace *pace;
};

struct choice {
    struct wf_restore *open; /* NULL: none */
    enum wf_gen_event_kind kind;
    size_t i_call;
};

struct generation {
    struct wf_gen base;
    struct remote *r;
    const struct wf_engine_entry *engine;
    const char *own_model; /* the provider's name */
    struct wf_remote_cleared cleared;
    struct wf_airlock_call *call;
    struct wf_provider_reader *reader;
    struct wf_remote_stake stake;
    uint32_t n_tries;
    int status;             /* of this try; 0: none came */
    bool has_told;          /* some of the answer is out */
    uint64_t n_told;        /* its bytes */
    struct choice *choices; /* [n_choices] */
    size_t n_choices;
    struct wf_gen_event stash; /* waits until what was held back is out */
    bool has_stash, is_fed;    /* is_fed: all bytes are in the reader */
    struct wf_buf text, name;  /* of the event that is out */
    struct wf_buf body;        /* what is sent */
    char request_id[24];
    const json_t *asked;  /* the messages before redaction */
    struct wf_buf answer; /* all that was told of it */
    enum wf_gen_event_kind answer_kind;
    uint32_t flags[WF_INBOUND_COUNT];
    bool is_unscanned;   /* it could not be looked at: as if flagged */
    char flag_text[160]; /* "leak:1 link:2" */
    struct wf_gen_usage usage;
    char model[WF_AIRLOCK_TEXT_BYTES], route[2 * WF_AIRLOCK_TEXT_BYTES + 200];
};

/* ---- the way there ---- */

/* One try: airlock gets the request, a reader waits for the answer. */
static int send(struct generation *g, struct wf_err *err)
{
    const struct wf_gen_request *q = &g->cleared.q;
    const bool streamed = true;
    struct wf_airlock_frame f = {.label = g->cleared.label,
                                 .streamed = streamed,
                                 .engine = wf_str_from(g->engine->name),
                                 .model = wf_str_from(g->own_model),
                                 .request_id = wf_str_from(g->request_id),
                                 .reason = WF_STR("asked for by name"),
                                 .text = wf_buf_str(&g->body)};
    struct wf_provider_reader *reader = NULL;
    int rc;

    f.n_counts = g->cleared.n_counts;
    memcpy(f.counts, g->cleared.counts, sizeof(f.counts));
    rc = wf_provider_reader_new(g->engine, q, streamed, NULL, &reader, err);
    if (rc != 0)
        return rc;
    wf_provider_reader_free(g->reader);
    g->reader = reader;
    g->is_fed = false;
    g->status = 0;
    rc = wf_remote__enter(g->r->pace, &g->stake, err);
    if (rc == 0)
        rc = wf_airlock_call_new(g->r->o.link, &f, q->canceled, q->canceled_ud, &g->call, err);
    if (rc != 0)
        wf_remote__left(g->r->pace, &g->stake, NULL, NULL); /* no fault of the engine's */
    g->n_tries++;
    return rc;
}

/* Writes what is sent, reserves what it may cost, and sends it. */
static int begin(struct generation *g, struct wf_err *err)
{
    int rc = wf_provider_write(g->engine, &g->cleared.q, g->own_model, true, &g->body, NULL, err);

    wf_rng_hex(NULL, g->request_id + 2, 8);
    snprintf(g->route, sizeof(g->route), "%s; %s; label=%s; redacted=%zu; id=%s", g->engine->name,
             g->model, wf_label_name(g->cleared.label), g->cleared.n_redacted, g->request_id);
    if (rc == 0)
        rc = wf_remote__reserve(g->r->pace, g->engine, &g->cleared.q, wf_buf_str(&g->body),
                                &g->stake, err);
    return rc == 0 ? send(g, err) : rc;
}

/* ---- the way back ---- */

/* Ends the open stream of a choice; true when something of it was left, in g->text. */
static int close_stream(struct generation *g, struct choice *ch, bool *out_rest)
{
    int rc = 0;

    *out_rest = false;
    if (ch->open == NULL)
        return 0;
    wf_buf_reset(&g->text);
    rc = wf_restore_end(ch->open, &g->text);
    wf_restore_free(ch->open);
    ch->open = NULL;
    *out_rest = rc == 0 && g->text.len > 0;
    return rc;
}

static bool is_text(enum wf_gen_event_kind kind)
{
    return kind == WF_GEN_TEXT || kind == WF_GEN_REASONING || kind == WF_GEN_ARGUMENTS;
}

static int restore_name(struct generation *g, struct wf_gen_event *io, struct wf_err *err)
{
    wf_buf_reset(&g->name);
    int rc = wf_restore_text(g->cleared.redaction, io->call_name, &g->name, err);
    io->call_name = wf_buf_str(&g->name);
    return rc;
}

/* The reader's event as the caller sees it: 1 with *io changed, 0 when it is nothing yet. */
static int restore(struct generation *g, struct wf_gen_event *io, struct wf_err *err)
{
    struct choice *ch = &g->choices[io->i_choice];
    const struct wf_restore_options ro = {.in_json = io->kind == WF_GEN_ARGUMENTS};
    bool rest = false;
    int rc = 0;

    if (ch->open != NULL && (ch->kind != io->kind || ch->i_call != io->i_call)) {
        struct wf_gen_event held = {
            .kind = ch->kind, .i_choice = io->i_choice, .i_call = ch->i_call};
        rc = close_stream(g, ch, &rest);
        if (rc != 0)
            return wf_err_set(err, rc, "Out of memory.");
        if (rest) {
            g->stash = *io; /* the reader is not asked again before it is out */
            g->has_stash = true;
            held.text = wf_buf_str(&g->text);
            *io = held;
            return 1;
        }
    }
    if (io->kind == WF_GEN_CALL)
        rc = restore_name(g, io, err);
    if (!is_text(io->kind))
        return rc == 0 ? 1 : rc;
    if (ch->open == NULL)
        rc = wf_restore_new(g->cleared.redaction, &ro, &ch->open, err);
    ch->kind = io->kind;
    ch->i_call = io->i_call;
    wf_buf_reset(&g->text);
    if (rc == 0 && wf_restore_feed(ch->open, io->text, &g->text) != 0)
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    io->text = wf_buf_str(&g->text);
    io->logprobs = NULL; /* of tokens that are not the restored text's */
    io->n_logprobs = 0;
    return rc != 0 ? rc : g->text.len > 0;
}

/* ---- bytes ---- */

static void feed_head(struct generation *g, const struct wf_airlock_piece *p)
{
    struct wf_str rest = p->head;

    g->status = p->status;
    wf_provider_status(g->reader, p->status);
    while (rest.len > 0) {
        size_t end = WF_MIN(wf_str_find_byte(rest, '\n', 0), rest.len);
        struct wf_str line = wf_str_sub(rest, 0, end);
        size_t colon = wf_str_find_byte(line, ':', 0);
        if (colon < line.len)
            wf_provider_header(g->reader, wf_str_sub(line, 0, colon),
                               wf_str_trim(wf_str_sub(line, colon + 1, line.len)));
        rest = wf_str_sub(rest, WF_MIN(end + 1, rest.len), rest.len);
    }
}

static int more(struct generation *g, struct wf_err *err)
{
    struct wf_airlock_piece p;
    int rc;

    if (g->is_fed)
        return wf_err_set(err, WF_E_IO, "%.40s broke off in the middle of its answer.",
                          g->engine->name);
    rc = wf_airlock_call_next(g->call, &p, err);
    if (rc != 0)
        return rc;
    if (p.head.len > 0 || (p.is_end && p.bytes.len == 0))
        feed_head(g, &p);
    if (p.bytes.len > 0)
        rc = wf_provider_feed(g->reader, p.bytes, err);
    if (rc == 0 && p.is_end) {
        g->is_fed = true;
        wf_provider_end(g->reader);
    }
    return rc;
}

/* Keeps what was told, for looking at it as a whole. */
static void keep(struct generation *g, const struct wf_gen_event *e)
{
    if (g->r->o.inbound == NULL || !is_text(e->kind))
        return;
    if (g->answer.len > 0 && e->kind != g->answer_kind)
        (void)wf_buf_append_byte(&g->answer, '\n'); /* the buffer's status is asked at the end */
    g->answer_kind = e->kind;
    (void)wf_buf_append_str(&g->answer, e->text);
}

/* Looks at the answer, and says in the route what is flagged. */
static void look_at(struct generation *g)
{
    size_t at = 0;

    if (g->r->o.inbound == NULL || g->asked == NULL || g->answer.len == 0)
        return;
    g->is_unscanned = wf_buf_status(&g->answer) != 0 ||
                      wf_remote__scan(&g->r->o, g->asked, g->cleared.redaction,
                                      wf_buf_str(&g->answer), g->flags, NULL) != 0;
    for (int i = 0; i < WF_INBOUND_COUNT; i++) {
        if (g->flags[i] == 0 || at >= sizeof(g->flag_text))
            continue;
        at += (size_t)snprintf(g->flag_text + at, sizeof(g->flag_text) - at, "%s%s:%u",
                               at > 0 ? " " : "", wf_inbound_name((enum wf_inbound_kind)i),
                               g->flags[i]);
    }
    if (g->is_unscanned)
        (void)snprintf(g->flag_text, sizeof(g->flag_text), "unscanned:1");
    at = strlen(g->route);
    if (g->flag_text[0] != '\0' && at < sizeof(g->route))
        (void)snprintf(g->route + at, sizeof(g->route) - at, "; flagged=%s", g->flag_text);
    g->asked = NULL; /* once */
}

/* An event of the reader's, on its way to the caller. */
static int tell(struct generation *g, struct wf_gen_event *io, struct wf_err *err)
{
    g->has_told = true;
    g->n_told += io->text.len;
    int rc = restore(g, io, err);

    if (rc == 1)
        keep(g, io);
    return rc;
}

static const struct wf_gen_usage *usage(const struct wf_gen *base);

static int end(struct generation *g)
{
    const struct wf_provider_rates rates = wf_provider_rates(g->reader);

    wf_remote__left(g->r->pace, &g->stake, NULL, &rates);
    look_at(g);
    (void)usage(&g->base); /* whoever holds it sees the final counts */
    return 0;
}

/* What went wrong with a try: the provider's word, or that airlock could not reach it. */
static struct wf_provider_problem problem_of(const struct generation *g, int rc, bool is_link)
{
    struct wf_provider_problem p = wf_provider_problem(g->reader);

    if (is_link)
        p = (struct wf_provider_problem){.may_retry = rc == WF_E_IO || rc == WF_E_TIMEOUT,
                                         .retry_after_ms = -1};
    p.is_midway = p.is_midway || g->has_told;
    return p;
}

static int wait_ms(const struct generation *g, int64_t ms, struct wf_err *err)
{
    const struct wf_gen_request *q = &g->cleared.q;

    for (int64_t at = 0; at < ms; at += TICK_MS) {
        if (q->canceled != NULL && q->canceled(q->canceled_ud))
            return wf_err_set(err, WF_E_CANCELED, "Canceled.");
        (void)poll(NULL, 0, (int)WF_MIN(ms - at, (int64_t)TICK_MS)); /* a pause */
    }
    return 0;
}

/* A try failed with rc: 0 when the next one is under way. */
static int try_again(struct generation *g, int rc, bool is_link, struct wf_err *err)
{
    const struct wf_provider_problem p = problem_of(g, rc, is_link);
    const struct wf_provider_rates rates = wf_provider_rates(g->reader);
    int64_t ms;

    wf_remote__left(g->r->pace, &g->stake, &p, &rates);
    ms = wf_remote__wait_ms(g->r->pace, &g->stake, g->n_tries, &p);
    if (rc == WF_E_CANCELED || ms < 0)
        return rc;
    wf_airlock_call_free(g->call);
    g->call = NULL;
    rc = wait_ms(g, ms, err);
    return rc == 0 ? send(g, err) : rc;
}

static int next(struct wf_gen *base, struct wf_gen_event *out, struct wf_err *err)
{
    struct generation *g = WF_CONTAINER(base, struct generation, base);

    for (;;) {
        bool is_link = false;
        int rc = 1;
        if (g->has_stash)
            *out = g->stash;
        else
            rc = wf_provider_next(g->reader, out, err);
        g->has_stash = false;
        if (rc == WF_PROVIDER_WAIT) {
            rc = more(g, err);
            is_link = true;
        }
        if (rc < 0)
            rc = try_again(g, rc, is_link, err);
        else if (rc == 1 && out->i_choice >= g->n_choices)
            rc = wf_err_set(err, WF_E_FORMAT, "%.40s sent an answer too many.", g->engine->name);
        else if (rc == 1)
            rc = tell(g, out, err);
        else if (!is_link)
            return end(g);
        if (rc != 0)
            return rc;
    }
}

static const struct wf_gen_usage *usage(const struct wf_gen *base)
{
    struct wf_gen *own = (struct wf_gen *)(uintptr_t)base; /* a copy that it keeps changes */
    struct generation *g = WF_CONTAINER(own, struct generation, base);

    g->usage = *wf_provider_usage(g->reader);
    g->usage.model = g->model;
    g->usage.route = g->route;
    g->usage.flags = g->flag_text[0] != '\0' ? g->flag_text : NULL;
    return &g->usage;
}

static void count_flags(const struct generation *g, struct wf_airlock_frame *out)
{
    for (int i = 0; i < WF_INBOUND_COUNT; i++)
        if (g->flags[i] > 0)
            out->counts[out->n_counts++] = (struct wf_airlock_count){
                .type = wf_str_from(wf_inbound_name((enum wf_inbound_kind)i)), .n = g->flags[i]};
    if (g->is_unscanned)
        out->counts[out->n_counts++] =
            (struct wf_airlock_count){.type = WF_STR("unscanned"), .n = 1};
}

/* Books what was used, and tells the ledger. Where the provider did not say how much it was, it is
 * what texts of that length have, about; of what never began to answer it is nothing. */
static void settle(struct generation *g)
{
    struct wf_gen_usage used = {.n_prompt = 0};
    struct wf_airlock_frame report = {.n_counts = 0};

    if (g->reader != NULL && g->status >= 200 && g->status < 300)
        used = *wf_provider_usage(g->reader);
    if (g->has_told && used.n_prompt == 0)
        used.n_prompt = g->stake.n_prompt;
    if (g->has_told && used.n_written == 0)
        used.n_written = (size_t)(g->n_told / 4) + 1;
    report.cost_micro = (uint64_t)wf_remote__settle(g->r->pace, &g->stake, &used);
    report.tokens_in = used.n_prompt;
    report.tokens_out = used.n_written;
    look_at(g); /* of one that broke off */
    count_flags(g, &report);
    if (g->call != NULL)
        wf_airlock_call_report(g->call, &report);
}

static void gen_free(struct wf_gen *base)
{
    struct generation *g = WF_CONTAINER(base, struct generation, base);

    wf_remote__left(g->r->pace, &g->stake, NULL, NULL); /* given up: no fault of the engine's */
    if (g->stake.engine != NULL)
        settle(g);
    wf_airlock_call_free(g->call);
    wf_provider_reader_free(g->reader);
    for (size_t i = 0; g->choices != NULL && i < g->n_choices; i++)
        wf_restore_free(g->choices[i].open);
    wf_free(g->choices);
    wf_remote__cleared_free(&g->cleared);
    wf_buf_deinit(&g->text);
    wf_buf_deinit(&g->name);
    wf_buf_deinit(&g->body);
    wf_buf_deinit(&g->answer);
    wf_free(g);
}

/* ---- the engine's table ---- */

/* The engine that a request means, or NULL: the local one. */
static const struct wf_engine_entry *resolve(const struct remote *r, const char *model,
                                             const char **out_model)
{
    struct wf_model_entry local;
    const struct wf_engine_entry *e;

    if (model == NULL || model[0] == '\0')
        return NULL;
    e = wf_engines_resolve(r->o.engines, wf_str_from(model), out_model);
    if (e != NULL && strncmp(model, e->name, strlen(e->name)) != 0 && r->o.models != NULL &&
        wf_model_store_find(r->o.models, model, &local, NULL) == 0)
        return NULL;
    return e;
}

static int generate(struct wf_engine *base, const struct wf_gen_request *q, struct wf_gen **out,
                    struct wf_err *err)
{
    struct remote *r = WF_CONTAINER(base, struct remote, base);
    const char *model = NULL;
    const struct wf_engine_entry *e = resolve(r, q->model, &model);
    struct generation *g;
    int rc;

    if (e == NULL)
        return wf_engine_generate(r->o.local, q, out, err);
    if (q->messages == NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED, "%.40s is spoken to in chats only.", e->name);
    g = wf_alloc_array(1, sizeof(*g));
    if (g == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    g->base.ops = base->ops;
    g->r = r;
    g->engine = e;
    g->own_model = model;
    memcpy(g->request_id, "r-", 3);
    g->n_choices = WF_MAX(q->n_choices, (size_t)1);
    g->choices = wf_alloc_array(g->n_choices, sizeof(*g->choices));
    wf_buf_init(&g->text, EVENT_BYTES_MAX);
    wf_buf_init(&g->name, EVENT_BYTES_MAX);
    wf_buf_init(&g->body, WF_AIRLOCK_BODY_BYTES);
    wf_buf_init(&g->answer, WF_LIMIT_DETECT_BYTES);
    g->asked = q->messages;
    snprintf(g->model, sizeof(g->model), "%s/%s", e->name, model);
    rc = g->choices == NULL ? wf_err_set(err, WF_E_NOMEM, "Out of memory.") : 0;
    if (rc == 0)
        rc = wf_remote__clear(&r->o, e, q, &g->cleared, err);
    if (rc == 0)
        rc = begin(g, err);
    if (rc != 0)
        gen_free(&g->base);
    else
        *out = &g->base;
    return rc;
}

/* ---- what only the local engine does ---- */

static struct wf_engine *local_of(struct wf_engine *base)
{
    return WF_CONTAINER(base, struct remote, base)->o.local;
}

static int count(struct wf_engine *base, const struct wf_gen_request *q, size_t *out_n,
                 struct wf_err *err)
{
    const char *model;

    if (resolve(WF_CONTAINER(base, struct remote, base), q->model, &model) != NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED, "Tokens of providers' models are not counted.");
    return wf_engine_count(local_of(base), q, out_n, err);
}

static int embed(struct wf_engine *base, const struct wf_embed_request *q,
                 struct wf_embeddings *out, struct wf_err *err)
{
    return wf_engine_embed(local_of(base), q, out, err);
}

static int rerank(struct wf_engine *base, const struct wf_rerank_request *q, float *out_scores,
                  struct wf_rerank_usage *out_usage, struct wf_err *err)
{
    return wf_engine_rerank(local_of(base), q, out_scores, out_usage, err);
}

static json_t *loaded(struct wf_engine *base)
{
    return wf_engine_loaded(local_of(base));
}

static int load(struct wf_engine *base, const char *model, const struct wf_load *how,
                struct wf_err *err)
{
    return wf_engine_load(local_of(base), model, how, err);
}

static int unload(struct wf_engine *base, const char *model, struct wf_err *err)
{
    return wf_engine_unload(local_of(base), model, err);
}

static void free_engine(struct wf_engine *base)
{
    struct remote *r = WF_CONTAINER(base, struct remote, base);

    wf_engine_free(r->o.local);
    wf_remote__pace_free(r->pace);
    wf_free(r);
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
    .free = free_engine,
};

int wf_remote_engine_new(const struct wf_remote_options *o, struct wf_engine **out,
                         struct wf_err *err)
{
    struct remote *r = wf_alloc_array(1, sizeof(*r));

    if (r == NULL) {
        wf_engine_free(o->local);
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    r->base.ops = &ops;
    r->o = *o;
    *out = &r->base;
    if (wf_remote__pace_new(o, &r->pace, err) == 0)
        return 0;
    free_engine(&r->base);
    return WF_E_NOMEM;
}

int wf_remote_models(const struct wf_engines *engines,
                     int (*fn)(void *ud, const char *name, const struct wf_engine_entry *e),
                     void *ud)
{
    char name[WF_ENGINE_NAME_BYTES_MAX + WF_ENGINE_TEXT_BYTES_MAX + 2];
    int rc = 0;

    for (size_t i = 0; engines != NULL && rc == 0 && i < engines->n; i++) {
        const struct wf_engine_entry *e = &engines->items[i];
        for (size_t k = 0; rc == 0 && k < e->n_models; k++) {
            snprintf(name, sizeof(name), "%s/%s", e->name, e->models[k]);
            rc = fn(ud, name, e);
        }
    }
    return rc;
}
