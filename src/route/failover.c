/* SPDX-License-Identifier: Apache-2.0 */
/* One generation over several places. Invariant: `text` is what was told of the answer, whole
 * characters; a place that goes on is given it as the answer's beginning, without the white space
 * at its end (providers refuse that), which is left out of what it tells. */
#include "route/failover.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "route/hedge.h"

#define MODEL_BYTES 400 /* ENGINE/MODEL */

struct failover {
    struct wf_gen base; /* first */
    struct wf_failover_place places[WF_FAILOVER_PLACES_MAX];
    size_t n, i;                        /* i: the place that answers now */
    uint8_t of[WF_FAILOVER_PLACES_MAX]; /* the index that each place had for the caller */
    struct wf_hedge *hedge;             /* of the first; NULL: none */
    struct wf_gen_event first;          /* of who won */
    bool has_first;
    bool is_racing; /* two places are asked, and none has begun: gen is NULL */
    struct wf_failover_options o;
    const struct wf_gen_request *asked; /* borrowed */
    struct wf_gen_request q;            /* for the place that answers now */
    json_t *messages;                   /* of q, where they are others than asked */
    struct wf_buf prompt;               /* likewise */
    struct wf_gen *gen;
    struct wf_buf text; /* told */
    bool told_thoughts, told_call, ended;
    bool is_second; /* the places are gone through for the second time */
    bool taken_up;  /* something was told by a place before: thoughts are not told again */
    size_t skip_at, skip_end; /* white space in `text` that the place was not given: told already */
    size_t n_written;         /* tokens of the places before */
    struct wf_gen_usage usage;
    /* Of each place, by its model's full name: callers keep it, and the place's generation goes. */
    char models[WF_FAILOVER_PLACES_MAX][MODEL_BYTES];
    int64_t began_ns, first_ns;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to go on with an answer.");
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* ---- the request for the next place ---- */

static struct wf_str told_without_space(const struct failover *f)
{
    struct wf_str s = wf_buf_str(&f->text);

    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* What the caller began the answer with; NULL: nothing, or no plain text. */
static const json_t *own_beginning(const struct wf_gen_request *q)
{
    size_t n = q->continue_last ? json_array_size(q->messages) : 0;
    const json_t *text =
        n > 0 ? json_object_get(json_array_get(q->messages, n - 1), "content") : NULL;

    return json_is_string(text) ? text : NULL;
}

/* The messages with the answer's beginning as the last one. */
static int begin_message(struct failover *f, struct wf_str told)
{
    const json_t *before = own_beginning(f->asked);
    json_t *own = NULL;

    wf_buf_reset(&f->prompt);
    if (before != NULL)
        (void)wf_buf_append(&f->prompt, json_string_value(before), json_string_length(before));
    if (wf_buf_append_str(&f->prompt, told) != 0)
        return WF_E_NOMEM;
    json_decref(f->messages);
    f->messages =
        json_copy((json_t *)(uintptr_t)f->asked->messages); /* shallow: items are shared */
    own = json_pack("{s:s, s:s%}", "role", "assistant", "content", f->prompt.ptr, f->prompt.len);
    if (own == NULL || f->messages == NULL ||
        (before != NULL && json_array_remove(f->messages, json_array_size(f->messages) - 1) != 0)) {
        json_decref(own);
        return WF_E_NOMEM;
    }
    f->q.messages = f->messages;
    f->q.continue_last = true;
    return json_array_append_new(f->messages, own) == 0 ? 0 : WF_E_NOMEM;
}

static int make_request(struct failover *f, struct wf_err *err)
{
    struct wf_str told = told_without_space(f);
    int rc = 0;

    f->q = *f->asked;
    f->taken_up = f->told_thoughts || f->text.len > 0;
    if (f->places[f->i].model != NULL)
        f->q.model = f->places[f->i].model;
    f->q.is_once |= f->i + 1 < f->n;
    if (f->text.len == 0)
        return 0;
    if (f->q.n_max > 0)
        f->q.n_max = f->q.n_max > f->n_written ? f->q.n_max - f->n_written : 1;
    f->skip_at = told.len;
    f->skip_end = f->text.len;
    if (f->asked->messages != NULL) {
        rc = told.len > 0 ? begin_message(f, told) : 0;
    } else {
        wf_buf_reset(&f->prompt);
        (void)wf_buf_append_str(&f->prompt, f->asked->prompt); /* asked with the next */
        rc = wf_buf_append_str(&f->prompt, told);
        f->q.prompt = wf_buf_str(&f->prompt);
    }
    return rc == 0 ? 0 : no_memory(err);
}

/* ---- from place to place ---- */

static void tell(struct failover *f, const struct wf_err *err)
{
    int64_t now = wf_clock_mono_ns(f->o.clock);
    const struct wf_gen_usage *u = f->gen != NULL ? wf_gen_usage(f->gen) : NULL;
    struct wf_outcome o = {.failed = err != NULL};

    if (f->o.tell == NULL)
        return;
    if (err == NULL && f->first_ns > 0) {
        o.ttft_ms = (double)(f->first_ns - f->began_ns) / 1e6;
        o.total_ms = (double)(now - f->began_ns) / 1e6;
    }
    if (u != NULL) {
        size_t n = u->n_prompt - (u->n_cached < u->n_prompt ? u->n_cached : u->n_prompt);
        o.n_prompt = (uint32_t)(n < UINT32_MAX ? n : UINT32_MAX);
        o.n_out = (uint32_t)(u->n_written < UINT32_MAX ? u->n_written : UINT32_MAX);
    }
    f->o.tell(f->o.ud, f->of[f->i], &o, err);
}

/* A place was late, and another answers: as late as that it is, at least. */
static void tell_late(struct failover *f, size_t i_place, int64_t asked_ns, int64_t now_ns)
{
    const struct wf_outcome o = {.ttft_ms = (double)(now_ns - asked_ns) / 1e6};

    if (f->o.tell != NULL)
        f->o.tell(f->o.ud, i_place, &o, NULL);
}

/* ---- two at once ---- */

/* Asks the first place, and the hedge where that is late; where there are no threads for that the
 * first alone. */
static int race(struct failover *f, struct wf_err *err)
{
    const struct wf_failover_place first = f->places[0], second = f->places[f->o.i_hedge];
    const struct wf_hedge_options o = {.first = {first.engine, first.model},
                                       .second = {second.engine, second.model},
                                       .after_ms = f->o.hedge_after_ms,
                                       .clock = f->o.clock};
    int rc = wf_hedge_start(&o, f->asked, &f->hedge, err); /* which stays as it is */

    f->is_racing = rc == 0;
    if (rc != WF_E_BUSY)
        return rc;
    wf_hedge_free(f->hedge);
    f->hedge = NULL;
    f->o.i_hedge = 0;
    return wf_engine_generate(first.engine, &f->q, &f->gen, err);
}

/* Who has begun is the first place from now on. */
static void take(struct failover *f, struct wf_hedge_won won)
{
    const struct wf_failover_place first = f->places[0], second = f->places[f->o.i_hedge];

    if (won.is_second) {
        uint8_t of = f->of[0];
        tell_late(f, of, f->began_ns, won.first_ns);
        f->places[0] = second;
        f->places[f->o.i_hedge] = first;
        f->of[0] = f->of[f->o.i_hedge];
        f->of[f->o.i_hedge] = of;
    }
    f->gen = won.g;
    f->first = won.event;
    f->has_first = won.has_event;
    f->began_ns = won.began_ns;
    f->first_ns = won.has_event ? won.first_ns : 0;
}

/* Whether the place that is asked now has a hedge: the first time, and no more. */
static bool is_hedged(const struct failover *f)
{
    return f->i == 0 && f->o.i_hedge > 0 && f->hedge == NULL && f->text.len == 0;
}

/* Whether another place may be asked after such an error. */
static bool is_the_places_fault(int code)
{
    return code != WF_E_INVAL && code != WF_E_RANGE && code != WF_E_NOMEM && code != WF_E_CANCELED;
}

/* Whether the answer can be taken up where it stands. */
static bool can_be_taken_up(const struct failover *f)
{
    const struct wf_gen_request *q = f->asked;

    if (f->text.len == 0 && !f->told_call)
        return !f->told_thoughts || q->n_choices <= 1;
    if (q->continue_last && own_beginning(q) == NULL)
        return false;
    return !f->told_call && q->n_choices <= 1 && q->prompt_ids == NULL && q->schema == NULL &&
           q->grammar == NULL;
}

static const struct wf_gen_usage *usage(const struct wf_gen *g)
{
    struct failover *f = (struct failover *)(uintptr_t)g;
    char *model = f->models[f->i < f->n ? f->i : f->n - 1];

    if (f->is_racing)
        f->usage.model = f->places[0].model; /* the one that is expected */
    if (f->gen == NULL)
        return &f->usage;
    f->usage = *wf_gen_usage(f->gen);
    f->usage.n_written += f->n_written;
    if (model[0] == 0 && f->usage.model != NULL)
        (void)snprintf(model, MODEL_BYTES, "%s", f->usage.model);
    f->usage.model = model;
    return &f->usage;
}

static void leave(struct failover *f)
{
    f->n_written = usage(&f->base)->n_written;
    f->usage.route = f->usage.flags = NULL; /* they go with it */
    wf_gen_free(f->gen);
    f->gen = NULL;
}

/* Begins at this place or a later one. `code` and *err: why the one before failed, 0 for none. */
static int begin(struct failover *f, int code, struct wf_err *err)
{
    for (;; f->i++) {
        struct wf_err e = WF_ERR_INIT;
        if (f->i == f->n && (f->is_second || f->text.len == 0))
            break;
        if (f->i == f->n) { /* half an answer is there: each may try once more */
            f->is_second = true;
            f->i = 0;
        }
        if (f->text.len > 0 && !f->places[f->i].can_continue)
            continue;
        code = make_request(f, err);
        if (code != 0)
            return code;
        f->began_ns = wf_clock_mono_ns(f->o.clock);
        f->first_ns = 0;
        code = is_hedged(f) ? race(f, &e)
                            : wf_engine_generate(f->places[f->i].engine, &f->q, &f->gen, &e);
        if (code == 0)
            return 0;
        f->gen = NULL;
        (void)wf_err_set(err, code, "%s", e.msg);
        if (!is_the_places_fault(code))
            return code;
        tell(f, &e);
    }
    return code;
}

/* Leaves out the white space that was told already. */
static void skip(struct failover *f, struct wf_str *io)
{
    for (; f->skip_at < f->skip_end && io->len > 0; f->skip_at++) {
        if (io->ptr[0] != f->text.ptr[f->skip_at])
            f->skip_at = f->skip_end - 1; /* it goes on without it */
        else
            *io = wf_str_sub(*io, 1, io->len);
    }
}

/* Notes what an event tells; false: it is not to be told. */
static bool note(struct failover *f, struct wf_gen_event *e)
{
    if (f->first_ns == 0)
        f->first_ns = wf_clock_mono_ns(f->o.clock);
    switch (e->kind) {
    case WF_GEN_TEXT:
        skip(f, &e->text);
        (void)wf_buf_append_str(&f->text, e->text); /* its status is asked by next */
        return e->text.len > 0;
    case WF_GEN_REASONING:
        if (f->taken_up)
            return false;
        f->told_thoughts = true;
        return true;
    case WF_GEN_CALL:
    case WF_GEN_ARGUMENTS:
        f->told_call = true;
        return true;
    case WF_GEN_END:
        f->ended = true;
        return true;
    }
    return true;
}

/* The next event of the place that answers; w NULL: waits for it. */
static int ask(struct failover *f, const struct wf_gen_wake *w, struct wf_gen_event *out,
               struct wf_err *err)
{
    if (!f->has_first)
        return w != NULL ? wf_gen_try(f->gen, w, out, err) : wf_gen_next(f->gen, out, err);
    f->has_first = false;
    *out = f->first;
    return 1;
}

/* Waits for one of two; where both fail the next places are asked. */
static int finish_race(struct failover *f, const struct wf_gen_wake *w, struct wf_err *err)
{
    struct wf_hedge_won won;
    struct wf_err e = WF_ERR_INIT;
    int rc = wf_hedge_poll(f->hedge, w, &won, &e);

    if (rc == WF_GEN_LATER)
        return rc;
    f->is_racing = false;
    if (rc == 0) {
        take(f, won);
        return 0;
    }
    (void)wf_err_set(err, rc, "%s", e.msg);
    if (!is_the_places_fault(rc))
        return rc;
    tell(f, &e);
    f->i++;
    return begin(f, rc, err);
}

static int try(struct wf_gen *g, const struct wf_gen_wake *w, struct wf_gen_event *out,
               struct wf_err *err)
{
    struct failover *f = (struct failover *)g;
    const int raced = f->is_racing ? finish_race(f, w, err) : 0;

    if (raced != 0)
        return raced;
    while (f->gen != NULL) {
        struct wf_err e = WF_ERR_INIT;
        struct wf_gen_event event;
        int rc = ask(f, w, &event, &e);
        if (rc == WF_GEN_LATER)
            return rc;
        if (rc > 0 && !note(f, &event))
            continue;
        if (rc > 0 && wf_buf_status(&f->text) != 0)
            return no_memory(err);
        if (rc > 0) {
            *out = event;
            return rc;
        }
        if (rc == 0 || (f->ended && f->asked->n_choices <= 1)) {
            tell(f, NULL);
            return 0;
        }
        if (is_the_places_fault(rc))
            tell(f, &e);
        (void)wf_err_set(err, rc, "%s", e.msg);
        if (!is_the_places_fault(rc) || !can_be_taken_up(f))
            return rc;
        leave(f);
        f->i++;
        rc = begin(f, rc, err);
        if (rc != 0)
            return rc;
    }
    return wf_err_set(err, WF_E_INVAL, "The answer is over.");
}

static int next(struct wf_gen *g, struct wf_gen_event *out, struct wf_err *err)
{
    return try(g, NULL, out, err);
}

static void gen_free(struct wf_gen *g)
{
    struct failover *f = (struct failover *)g;

    wf_gen_free(f->gen);
    wf_hedge_free(f->hedge);
    json_decref(f->messages);
    wf_buf_deinit(&f->prompt);
    wf_buf_deinit(&f->text);
    wf_free(f);
}

size_t wf_failover_at(const struct wf_gen *g)
{
    const struct failover *f = (const struct failover *)g;

    return f->of[f->i < f->n ? f->i : f->n - 1];
}

static const struct wf_engine_ops ops = {
    .next = next, .try = try, .usage = usage, .gen_free = gen_free};

int wf_failover_generate(const struct wf_failover_options *o, const struct wf_gen_request *q,
                         struct wf_gen **out, struct wf_err *err)
{
    struct failover *f = wf_alloc_array(1, sizeof(*f));
    int rc;

    assert(o->n > 0 && o->n <= WF_FAILOVER_PLACES_MAX);
    assert(o->i_hedge < o->n);
    if (f == NULL)
        return no_memory(err);
    f->base.ops = &ops;
    f->o = *o;
    f->o.clock = o->clock != NULL ? o->clock : wf_clock_system();
    f->n = o->n;
    memcpy(f->places, o->places, o->n * sizeof(*o->places));
    for (size_t i = 0; i < o->n; i++)
        f->of[i] = (uint8_t)i;
    f->asked = q;
    wf_buf_init(&f->prompt, WF_LIMIT_HTTP_MODEL_ANSWER_BYTES);
    wf_buf_init(&f->text, WF_LIMIT_HTTP_MODEL_ANSWER_BYTES);
    rc = begin(f, 0, err);
    if (rc == 0)
        *out = &f->base;
    else
        gen_free(&f->base);
    return rc;
}
