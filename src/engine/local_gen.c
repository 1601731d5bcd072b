/* SPDX-License-Identifier: Apache-2.0 */
/* One generation of the built-in engine: a prompt, jobs, and their news as events.
 *
 * News come token by token; a chat's go through the dialect's reader, which says what each piece
 * is. Events wait in a queue that is emptied before more news are taken, so that its memory is one
 * batch of news. What events point to lies in two buffers by offset and is resolved when an event
 * is handed out, since the buffers move while they grow. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "engine/local_internal.h"
#include "engine/prompt.h"

/* How long a wait for news lasts before the caller is asked whether anyone still waits. */
#define LOOK_MS 100

struct event {
    enum wf_gen_event_kind kind;
    size_t i_choice, i_call;
    size_t text, n_text; /* in texts */
    size_t id, n_id, name, n_name;
    size_t i_logprob, n_logprobs; /* in tokens */
    enum wf_gen_finish finish;
    struct wf_str stop; /* of the request */
};

struct choice {
    struct wf_dialect_reader *reader; /* NULL: the text is the answer */
    size_t n_calls;
    size_t i_logprob, n_held; /* tokens that no event has yet, in gen.tokens */
    bool reasons;             /* the last part was a thought */
};

struct gen {
    struct wf_gen base;
    struct wf_local *engine;
    struct wf_local_use use;
    struct wf_loaded *loaded;       /* of use; NULL before it is had */
    const struct wf_gen_request *q; /* borrowed */
    struct wf_jobs *jobs;
    struct wf_job_output output;
    struct wf_gen_usage usage;
    size_t n_choices;
    struct choice *choices;

    struct event *events;
    size_t n_events, cap_events, i_event;
    struct wf_buf texts;
    struct wf_written *tokens; /* with logprobs, of the events */
    size_t n_tokens, cap_tokens;
    struct wf_logprob *tops;
    size_t n_tops, cap_tops;
    struct wf_gen_logprob *out_logprobs, *out_tops; /* of the event handed out */
    size_t i_choice;                                /* whose part is being read */

    struct wf_ids ids; /* where somebody wants to know: the prompt and what is handed out */
    struct wf_gen_point point;
};

static struct gen *gen_of(struct wf_gen *g)
{
    return WF_CONTAINER(g, struct gen, base);
}

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for an answer.");
}

/* ---- the queue ---- */

static int append_text(struct gen *g, struct wf_str s, size_t *out_at, size_t *out_n)
{
    *out_at = g->texts.len;
    *out_n = s.len;
    return wf_buf_append_str(&g->texts, s);
}

static struct event *new_event(struct gen *g, enum wf_gen_event_kind kind, size_t i_choice)
{
    if (wf_reserve(&g->events, &g->cap_events, g->n_events + 1, sizeof(*g->events)) != 0)
        return NULL;
    g->events[g->n_events] = (struct event){.kind = kind, .i_choice = i_choice};
    return &g->events[g->n_events++];
}

/* The last event, when more of the same kind can go into it. */
static struct event *last_alike(struct gen *g, enum wf_gen_event_kind kind, size_t i_choice,
                                size_t i_call)
{
    struct event *e = g->n_events > 0 ? &g->events[g->n_events - 1] : NULL;

    if (e == NULL || e->kind != kind || e->i_choice != i_choice || e->i_call != i_call ||
        e->text + e->n_text != g->texts.len)
        return NULL;
    return e;
}

static int add_piece(struct gen *g, enum wf_gen_event_kind kind, size_t i_choice, size_t i_call,
                     struct wf_str text)
{
    struct choice *c = &g->choices[i_choice];
    struct event *e = last_alike(g, kind, i_choice, i_call);
    size_t n = 0;
    int rc;

    if (e == NULL) {
        e = new_event(g, kind, i_choice);
        if (e == NULL)
            return WF_E_NOMEM;
        e->i_call = i_call;
        e->text = g->texts.len;
        e->i_logprob = c->i_logprob;
    }
    rc = append_text(g, text, &(size_t){0}, &n);
    e->n_text += n;
    if (kind == WF_GEN_TEXT)
        e->n_logprobs = g->n_tokens - e->i_logprob;
    c->i_logprob = g->n_tokens;
    return rc;
}

/* ---- from news to events ---- */

static int on_part(void *ud, const struct wf_part *part)
{
    struct gen *g = ud;
    struct choice *c = &g->choices[g->i_choice];
    struct event *e;
    int rc = 0;

    c->reasons = part->kind == WF_PART_REASONING;
    switch (part->kind) {
    case WF_PART_TEXT:
        return add_piece(g, WF_GEN_TEXT, g->i_choice, 0, part->text);
    case WF_PART_REASONING:
        return add_piece(g, WF_GEN_REASONING, g->i_choice, 0, part->text);
    case WF_PART_ARGUMENTS:
        return add_piece(g, WF_GEN_ARGUMENTS, g->i_choice, part->i_call, part->text);
    case WF_PART_CALL:
        e = new_event(g, WF_GEN_CALL, g->i_choice);
        if (e == NULL)
            return WF_E_NOMEM;
        e->i_call = part->i_call;
        c->n_calls++;
        rc = append_text(g, part->name, &e->name, &e->n_name);
        if (rc == 0)
            rc = append_text(g, wf_str_from(part->id), &e->id, &e->n_id);
        return rc;
    }
    return rc;
}

static int read_piece(struct gen *g, size_t i, struct wf_str piece, bool end)
{
    struct choice *c = &g->choices[i];

    g->i_choice = i;
    if (c->reader != NULL)
        return wf_dialect_read(c->reader, piece, end, on_part, g);
    return piece.len > 0 ? add_piece(g, WF_GEN_TEXT, i, 0, piece) : 0;
}

/* Keeps a token's logprobs until an event takes them. */
static int keep_logprobs(struct gen *g, const struct wf_written *t)
{
    int rc = wf_reserve(&g->tokens, &g->cap_tokens, g->n_tokens + 1, sizeof(*g->tokens));

    if (rc == 0)
        rc = wf_reserve(&g->tops, &g->cap_tops, g->n_tops + t->n_top, sizeof(*g->tops));
    if (rc != 0)
        return rc;
    g->tokens[g->n_tokens] = *t;
    g->tokens[g->n_tokens++].i_top = g->n_tops;
    if (t->n_top > 0)
        memcpy(g->tops + g->n_tops, g->output.tops + t->i_top, t->n_top * sizeof(*g->tops));
    g->n_tops += t->n_top;
    return 0;
}

/* What this text holds back moves to the end, so that it is in front of what comes now. */
static int lift_held(struct gen *g, struct choice *c)
{
    int rc = wf_reserve(&g->tokens, &g->cap_tokens, g->n_tokens + c->n_held, sizeof(*g->tokens));

    if (rc != 0)
        return rc;
    if (c->n_held > 0)
        memcpy(g->tokens + g->n_tokens, g->tokens + c->i_logprob, c->n_held * sizeof(*g->tokens));
    c->i_logprob = g->n_tokens;
    g->n_tokens += c->n_held;
    return 0;
}

static enum wf_gen_finish finish_of(const struct gen *g, size_t i)
{
    if (g->output.finish == WF_FINISH_STOP && g->choices[i].n_calls > 0)
        return WF_FINISH_TOOL_CALLS;
    return g->output.finish;
}

/* One token more of the text that somebody wants to know of. */
static int note_point(struct gen *g, const struct wf_written *t)
{
    if (g->ids.n == 0)
        return 0;
    g->point.n_written++;
    g->point.has_sampler = true;
    g->point.sampler = t->sampler;
    return wf_ids_push(&g->ids, t->id);
}

/* Everything was handed out. */
static void tell_point(struct gen *g)
{
    if (g->ids.n == 0)
        return;
    g->point.ids = g->ids.ptr;
    g->point.n_ids = g->ids.n;
    g->q->tap->at(g->q->tap->ud, &g->point);
}

static int begin_point(struct gen *g, const struct wf_prompt *prompt)
{
    int rc = 0;

    if (g->q->tap == NULL || g->n_choices > 1)
        return 0;
    g->point = (struct wf_gen_point){.model = g->use.name, .digest = g->loaded->entry.digest};
    for (size_t i = 0; i < prompt->ids.n && rc == 0; i++)
        rc = wf_ids_push(&g->ids, prompt->ids.ptr[i]);
    return rc;
}

/* Reads what text i has gained. */
static int read_news(struct gen *g, size_t i)
{
    const struct wf_job_output *o = &g->output;
    struct wf_str text = wf_buf_str(&o->text);
    struct event *e;
    size_t at = 0;
    int rc = lift_held(g, &g->choices[i]);

    for (size_t k = 0; k < o->n_tokens && rc == 0; k++) {
        const struct wf_written *t = &o->tokens[k];
        if (g->q->wants_logprobs)
            rc = keep_logprobs(g, t);
        if (rc == 0)
            rc = note_point(g, t);
        if (rc == 0 && t->n_bytes > 0)
            rc = read_piece(g, i, wf_str_sub(text, at, at + t->n_bytes), false);
        at += t->n_bytes;
        g->usage.n_written++;
        g->usage.n_reasoning += g->choices[i].reasons;
    }
    if (rc == 0 && o->is_finished)
        rc = read_piece(g, i, wf_str_sub(text, at, text.len), true);
    g->choices[i].n_held = o->is_finished ? 0 : g->n_tokens - g->choices[i].i_logprob;
    if (rc != 0 || !o->is_finished)
        return rc;
    e = new_event(g, WF_GEN_END, i);
    if (e == NULL)
        return WF_E_NOMEM;
    e->finish = finish_of(g, i);
    if (o->finish == WF_FINISH_STOP_TEXT)
        e->stop = g->q->stops[o->i_stop];
    return 0;
}

/* The choice whose held tokens lie first behind `from`; NULL: none. */
static struct choice *next_holder(struct gen *g, size_t from)
{
    struct choice *best = NULL;

    for (size_t i = 0; i < g->n_choices; i++) {
        struct choice *c = &g->choices[i];
        if (c->n_held > 0 && c->i_logprob >= from && (!best || c->i_logprob < best->i_logprob))
            best = c;
    }
    return best;
}

/* Forgets what was handed out; tokens whose text is still held back stay. */
static void empty_queue(struct gen *g)
{
    struct choice *c;
    size_t n = 0;

    g->n_events = g->i_event = 0;
    wf_buf_reset(&g->texts);
    while ((c = next_holder(g, n)) != NULL) {
        memmove(g->tokens + n, g->tokens + c->i_logprob, c->n_held * sizeof(*g->tokens));
        c->i_logprob = n;
        n += c->n_held;
    }
    g->n_tokens = n;
    if (n == 0)
        g->n_tops = 0;
}

/* ---- handing out ---- */

static struct wf_str text_at(const struct gen *g, size_t at, size_t n)
{
    return wf_str_n(g->texts.ptr + at, n);
}

static struct wf_gen_logprob logprob_of(const struct gen *g, int32_t id, float logprob)
{
    return (struct wf_gen_logprob){
        .token = wf_vocab_bytes(g->loaded->vocab, id), .id = id, .logprob = logprob};
}

/* The logprobs of an event, as one array with their tops. */
static int give_logprobs(struct gen *g, const struct event *e, struct wf_gen_event *out)
{
    size_t n_tops = 0, at = 0;

    for (size_t i = 0; i < e->n_logprobs; i++)
        n_tops += g->tokens[e->i_logprob + i].n_top;
    wf_free(g->out_logprobs);
    wf_free(g->out_tops);
    g->out_logprobs = wf_alloc_array(e->n_logprobs + 1, sizeof(*g->out_logprobs));
    g->out_tops = wf_alloc_array(n_tops + 1, sizeof(*g->out_tops));
    if (g->out_logprobs == NULL || g->out_tops == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; i < e->n_logprobs; i++) {
        const struct wf_written *t = &g->tokens[e->i_logprob + i];
        g->out_logprobs[i] = logprob_of(g, t->id, t->logprob);
        g->out_logprobs[i].top = g->out_tops + at;
        g->out_logprobs[i].n_top = t->n_top;
        for (size_t k = 0; k < t->n_top; k++)
            g->out_tops[at++] =
                logprob_of(g, g->tops[t->i_top + k].id, g->tops[t->i_top + k].logprob);
    }
    out->logprobs = g->out_logprobs;
    out->n_logprobs = e->n_logprobs;
    return 0;
}

static int give(struct gen *g, struct wf_gen_event *out, struct wf_err *err)
{
    const struct event *e = &g->events[g->i_event++];

    *out = (struct wf_gen_event){.kind = e->kind,
                                 .i_choice = e->i_choice,
                                 .text = text_at(g, e->text, e->n_text),
                                 .i_call = e->i_call,
                                 .call_id = text_at(g, e->id, e->n_id),
                                 .call_name = text_at(g, e->name, e->n_name),
                                 .finish = e->finish,
                                 .stop = e->stop};
    if (e->n_logprobs > 0 && give_logprobs(g, e, out) != 0)
        return no_memory(err);
    return 1;
}

static void note_times(struct gen *g)
{
    int64_t first = 0, last = 0;

    for (size_t i = 0; i < g->n_choices; i++) {
        struct wf_job_counts c = wf_jobs_counts(g->jobs, i);
        if (i == 0) {
            g->usage.n_cached = c.n_cached;
            g->usage.queue_ns = c.begun_ns > 0 ? c.begun_ns - c.queued_ns : 0;
            g->usage.prompt_ns = c.first_ns > 0 ? c.first_ns - c.begun_ns : 0;
        }
        first = c.first_ns > 0 && (first == 0 || c.first_ns < first) ? c.first_ns : first;
        last = c.last_ns > last ? c.last_ns : last;
    }
    g->usage.write_ns = last - first;
}

int wf_local__next(struct wf_gen *base, struct wf_gen_event *out, struct wf_err *err)
{
    struct gen *g = gen_of(base);
    size_t i = 0;
    int rc;

    for (;;) {
        if (g->i_event < g->n_events)
            return give(g, out, err);
        empty_queue(g);
        tell_point(g);
        if (g->q->canceled != NULL && g->q->canceled(g->q->canceled_ud))
            return wf_err_set(err, WF_E_CANCELED, "The request was given up.");
        rc = wf_jobs_next(g->jobs, LOOK_MS, &i, &g->output, err);
        if (rc == WF_E_TIMEOUT)
            continue;
        note_times(g);
        if (rc <= 0)
            return rc;
        rc = read_news(g, i);
        if (rc != 0)
            return rc == WF_E_NOMEM ? no_memory(err)
                                    : wf_err_set(err, rc, "The answer could not be read.");
    }
}

const struct wf_gen_usage *wf_local__usage(const struct wf_gen *base)
{
    return &WF_CONTAINER(base, const struct gen, base)->usage;
}

void wf_local__gen_free(struct wf_gen *base)
{
    struct gen *g = gen_of(base);

    wf_jobs_free(g->jobs);
    for (size_t i = 0; i < g->n_choices && g->choices != NULL; i++)
        wf_dialect_reader_free(g->choices[i].reader);
    wf_free(g->choices);
    wf_free(g->events);
    wf_buf_deinit(&g->texts);
    wf_free(g->tokens);
    wf_free(g->tops);
    wf_free(g->out_logprobs);
    wf_free(g->out_tops);
    wf_free(g->ids.ptr);
    wf_job_output_deinit(&g->output);
    if (g->loaded != NULL)
        wf_local__release(g->engine, g->loaded);
    wf_free(g);
}

/* ---- beginning ---- */

static bool has_tools(const struct wf_gen_request *q)
{
    return q->messages != NULL && json_array_size(q->tools.tools) > 0 &&
           q->tools.choice != WF_TOOL_NONE;
}

/* The grammar that the answer keeps to, if any: of its own, or for its tool calls. */
static int choose_grammar(struct gen *g, bool thinks, struct wf_job_options *io,
                          struct wf_tool_grammar *tools, struct wf_err *err)
{
    const struct wf_gen_request *q = g->q;
    int rc = 0;

    if (q->schema != NULL || q->grammar != NULL) {
        if (has_tools(q) && q->tools.choice != WF_TOOL_AUTO)
            return wf_err_set(err, WF_E_INVAL,
                              "A required tool call and a form of the answer exclude each other.");
        rc = wf_local__grammar(g->engine, q->schema, q->grammar, &tools->grammar, err);
    } else if (has_tools(q)) {
        rc = wf_dialect_grammar(g->loaded->dialect, &q->tools, thinks, tools, err);
    }
    if (rc == WF_E_LIMIT) { /* which is said of prompts only */
        rc = WF_E_RANGE;
        if (err != NULL)
            err->code = rc;
    }
    if (rc != 0 || tools->grammar == NULL)
        return rc;
    io->grammar = tools->grammar;
    io->triggers = tools->triggers;
    io->n_triggers = tools->n_triggers;
    return wf_loaded_trie(g->loaded, &io->trie, err);
}

static int open_adapters(struct gen *g, struct wf_adapter_use *uses, struct wf_err *err)
{
    struct wf_model_entry entry;
    int rc = 0;

    for (size_t i = 0; i < g->q->n_adapters && rc == 0; i++) {
        rc = wf_model_store_find(g->engine->store, g->q->adapters[i].name, &entry, err);
        if (rc == 0 && entry.kind != WF_MODEL_ADAPTER)
            rc = wf_err_set(err, WF_E_INVAL, "%s is a model, not an adapter.", entry.name);
        if (rc == 0)
            rc = wf_loaded_adapter(g->loaded, &entry, &uses[i].adapter, err);
        uses[i].scale = g->q->adapters[i].scale;
    }
    return rc;
}

static int make_readers(struct gen *g, bool thinks, struct wf_err *err)
{
    const struct wf_gen_request *q = g->q;
    int rc = 0;

    g->choices = wf_alloc_array(g->n_choices, sizeof(*g->choices));
    if (g->choices == NULL)
        return no_memory(err);
    /* What must keep to a form is the answer from its first character on. */
    if (q->messages == NULL || q->schema != NULL || q->grammar != NULL)
        return 0;
    for (size_t i = 0; i < g->n_choices && rc == 0; i++)
        rc = wf_dialect_reader_new(g->loaded->dialect, has_tools(q) ? q->tools.tools : NULL, thinks,
                                   &g->choices[i].reader, err);
    return rc;
}

static int start_jobs(struct gen *g, struct wf_prompt *prompt, struct wf_err *err)
{
    const struct wf_gen_request *q = g->q;
    struct wf_adapter_use *uses = wf_alloc_array(q->n_adapters + 1, sizeof(*uses));
    struct wf_tool_grammar tools = {.grammar = NULL};
    struct wf_job_options o = {.ids = prompt->ids.ptr,
                               .n_ids = prompt->ids.n,
                               .sampling = q->sampling,
                               .stops = q->stops,
                               .n_stops = q->n_stops,
                               .n_max = q->n_max,
                               .n_top = q->n_top_logprobs,
                               .wants_logprobs = q->wants_logprobs,
                               .ignore_eos = q->ignore_eos,
                               .with_control = q->messages != NULL,
                               .adapters = uses,
                               .client = q->client,
                               .priority = q->priority,
                               .deadline_ns = q->deadline_ns,
                               .n_adapters = q->n_adapters};
    int rc = uses == NULL ? no_memory(err) : open_adapters(g, uses, err);

    if (q->resume != NULL) { /* its tokens, not ours */
        o.ids = q->resume->ids;
        o.n_ids = q->resume->n_ids;
        o.n_written = q->resume->n_written;
        o.sampler = q->resume->has_sampler ? &q->resume->sampler : NULL;
    }
    if (rc == 0)
        rc = choose_grammar(g, prompt->thinks, &o, &tools, err);
    if (rc == 0)
        rc = make_readers(g, prompt->thinks, err);
    if (rc == 0)
        rc = wf_jobs_start(g->loaded->sched, &o, g->n_choices, &g->jobs, err);
    wf_grammar_unref(tools.grammar);
    wf_free(uses);
    return rc;
}

/* Whether a text can go on here: with the same model, as one text. */
static int check_resume(const struct gen *g, struct wf_err *err)
{
    const struct wf_gen_point *at = g->q->resume;

    if (at == NULL)
        return 0;
    if (strcmp(at->digest, g->loaded->entry.digest) != 0)
        return wf_err_set(err, WF_E_NOENT, "The text was begun with another model.");
    if (g->n_choices > 1 || at->n_ids <= at->n_written)
        return wf_err_set(err, WF_E_INVAL, "The text cannot go on.");
    return 0;
}

/* What the text goes on behind, in place of the prompt that its messages make. */
static int take_prompt(const struct gen *g, struct wf_prompt *io)
{
    const struct wf_gen_point *at = g->q->resume;
    int rc = 0;

    if (at == NULL)
        return 0;
    io->ids.n = 0;
    for (size_t i = 0; i < at->n_ids - at->n_written && rc == 0; i++)
        rc = wf_ids_push(&io->ids, at->ids[i]);
    return rc;
}

int wf_local__generate(struct wf_engine *engine, const struct wf_gen_request *q,
                       struct wf_gen **out, struct wf_err *err)
{
    struct wf_local *e = WF_CONTAINER(engine, struct wf_local, base);
    struct gen *g = wf_alloc_array(1, sizeof(*g));
    struct wf_prompt prompt = {.n_truncated = 0};
    int rc;

    if (g == NULL)
        return no_memory(err);
    g->base.ops = engine->ops;
    g->engine = e;
    g->q = q;
    g->n_choices = q->n_choices > 0 ? q->n_choices : 1;
    wf_buf_init(&g->texts, WF_LIMIT_ENCODE_BYTES * 4);
    wf_job_output_init(&g->output);
    if (g->n_choices > WF_LIMIT_CHOICES)
        rc = wf_err_set(err, WF_E_RANGE, "At most %d answers to one prompt, not %zu.",
                        WF_LIMIT_CHOICES, g->n_choices);
    else
        rc = wf_local__acquire(e, q->model, &q->load, &g->use, err);
    if (rc == 0) {
        g->loaded = g->use.loaded;
        rc = check_resume(g, err);
    }
    if (rc == 0)
        rc = wf_prompt_make(g->loaded, q, &prompt, err);
    if (rc == 0 && (take_prompt(g, &prompt) != 0 || begin_point(g, &prompt) != 0))
        rc = no_memory(err);
    if (rc == 0) {
        g->usage.model = g->use.name;
        g->usage.consent = wf_gen_consent(q);
        g->usage.load_ns = g->use.load_ns;
        g->usage.n_context = g->loaded->n_context;
        g->usage.n_prompt = prompt.ids.n;
        g->usage.n_truncated = prompt.n_truncated;
        rc = start_jobs(g, &prompt, err);
    }
    wf_free(prompt.ids.ptr);
    if (rc != 0)
        wf_local__gen_free(&g->base);
    else
        *out = &g->base;
    return rc;
}

int wf_local__count(struct wf_engine *engine, const struct wf_gen_request *q, size_t *out_n,
                    struct wf_err *err)
{
    struct wf_local *e = WF_CONTAINER(engine, struct wf_local, base);
    struct wf_prompt prompt = {.n_truncated = 0};
    struct wf_local_use use;
    int rc = wf_local__acquire(e, q->model, &q->load, &use, err);

    if (rc != 0)
        return rc;
    rc = wf_prompt_make(use.loaded, q, &prompt, err);
    if (rc == 0)
        *out_n = prompt.ids.n;
    wf_free(prompt.ids.ptr);
    wf_local__release(e, use.loaded);
    return rc;
}
