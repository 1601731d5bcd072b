/* SPDX-License-Identifier: Apache-2.0 */
/* One generation, and where that is doubted another. The small one's answer is told as one event of
 * thoughts, one of text, and its end. */
#include "route/cascade.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "route/check.h"

struct cascade {
    struct wf_gen base; /* first */
    struct wf_cascade_options o;
    struct wf_failover_place places[WF_FAILOVER_PLACES_MAX];
    struct wf_gen_request q; /* for the small one */
    struct wf_buf thoughts, text, stop;
    struct wf_gen_event end;
    int n_told; /* of the small one's events */
    struct wf_gen_usage usage;
    struct wf_gen *small, *rest;        /* rest: NULL where the small one's answer stands */
    const struct wf_gen_request *asked; /* borrowed */
    bool is_hearing;                    /* the small one still answers */
    int64_t began_ns, first_ns;
    double logprobs;
    size_t n_logprobs;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to hold an answer back.");
}

bool wf_cascade_fits(const struct wf_gen_request *q)
{
    return q->messages != NULL && q->tools.tools == NULL && q->schema == NULL &&
           q->grammar == NULL && q->n_choices <= 1 && !q->continue_last && !q->wants_logprobs &&
           q->n_top_logprobs == 0;
}

/* ---- the small one ---- */

static void note(struct cascade *c, const struct wf_gen_event *e)
{
    for (size_t i = 0; i < e->n_logprobs; i++)
        c->logprobs += (double)e->logprobs[i].logprob;
    c->n_logprobs += e->n_logprobs;
    if (e->kind == WF_GEN_TEXT)
        (void)wf_buf_append_str(&c->text, e->text); /* their status is asked at the end */
    else if (e->kind == WF_GEN_REASONING)
        (void)wf_buf_append_str(&c->thoughts, e->text);
    if (e->kind != WF_GEN_END)
        return;
    (void)wf_buf_append_str(&c->stop, e->stop);
    c->end = *e;
    c->end.stop = wf_buf_str(&c->stop);
}

static int begin_small(struct cascade *c, struct wf_err *err)
{
    const struct wf_failover_place *p = &c->places[0];

    if (p->model != NULL)
        c->q.model = p->model;
    c->q.is_once = true;
    c->q.wants_logprobs = true; /* where an engine has none it says nothing of them */
    c->began_ns = wf_clock_mono_ns(c->o.places.clock);
    return wf_engine_generate(p->engine, &c->q, &c->small, err);
}

/* All of its answer; WF_GEN_LATER where there is somebody to wake. */
static int hear(struct cascade *c, const struct wf_gen_wake *w, struct wf_err *err)
{
    struct wf_gen_event e;
    int rc;

    while ((rc = w != NULL ? wf_gen_try(c->small, w, &e, err) : wf_gen_next(c->small, &e, err)) ==
           1) {
        if (c->first_ns == 0)
            c->first_ns = wf_clock_mono_ns(c->o.places.clock);
        note(c, &e);
    }
    if (rc == 0 && (wf_buf_status(&c->text) != 0 || wf_buf_status(&c->thoughts) != 0 ||
                    wf_buf_status(&c->stop) != 0))
        rc = no_memory(err);
    return rc;
}

/* How doubtful it is, and what is to be learned of it. */
static double judge(struct cascade *c, struct wf_outcome *out)
{
    const int64_t first_ns = c->first_ns != 0 ? c->first_ns : c->began_ns;
    const struct wf_check_answer a = {
        .kind = c->o.kind,
        .is_bounded = c->q.n_max > 0,
        .text = wf_buf_str(&c->text),
        .finish = c->end.finish,
        .logprob = c->n_logprobs > 0 ? c->logprobs / (double)c->n_logprobs : 0,
        .n_logprobs = c->n_logprobs,
    };
    const struct wf_gen_usage *u = wf_gen_usage(c->small);
    double doubt = wf_check_doubt(&a, NULL);

    c->usage = *u;
    *out = (struct wf_outcome){
        .ttft_ms = (double)(first_ns - c->began_ns) / 1e6,
        .total_ms = (double)(wf_clock_mono_ns(c->o.places.clock) - c->began_ns) / 1e6,
        .n_prompt = (uint32_t)(u->n_prompt - WF_MIN(u->n_cached, u->n_prompt)),
        .n_out = (uint32_t)u->n_written,
        .is_rated = doubt >= WF_CHECK_DOUBTFUL, /* that nothing speaks against it is no proof */
        .quality = (float)(1 - doubt),
    };
    return doubt;
}

static void tell(struct cascade *c, const struct wf_outcome *o, const struct wf_err *err)
{
    if (c->o.places.tell != NULL)
        c->o.places.tell(c->o.places.ud, 0, o, err);
}

/* ---- the rest ---- */

/* The places of the rest are counted behind the small one. */
static void tell_rest(void *ud, size_t i_place, const struct wf_outcome *o,
                      const struct wf_err *err)
{
    struct cascade *c = ud;

    if (c->o.places.tell != NULL)
        c->o.places.tell(c->o.places.ud, i_place + 1, o, err);
}

static int begin_rest(struct cascade *c, const struct wf_gen_request *q, struct wf_err *err)
{
    const struct wf_failover_options o = {.places = c->places + 1,
                                          .n = c->o.places.n - 1,
                                          .clock = c->o.places.clock,
                                          .tell = tell_rest,
                                          .ud = c};
    wf_gen_free(c->small);
    c->small = NULL;
    return wf_failover_generate(&o, q, &c->rest, err);
}

/* The small one has ended with rc, and *own where that is an error: its answer stands, or the rest
 * is begun. */
static int settle(struct cascade *c, int rc, const struct wf_err *own, struct wf_err *err)
{
    struct wf_outcome outcome = {.failed = true};

    c->is_hearing = false;
    if (rc == WF_E_CANCELED || rc == WF_E_NOMEM)
        return wf_err_set(err, rc, "%s", own->msg);
    if (rc != 0) {
        tell(c, &outcome, own);
        return begin_rest(c, c->asked, err);
    }
    const double doubt = judge(c, &outcome);
    tell(c, &outcome, NULL);
    return doubt >= WF_CHECK_DOUBTFUL ? begin_rest(c, c->asked, err) : 0;
}

/* ---- the generation ---- */

static int try(struct wf_gen *g, const struct wf_gen_wake *w, struct wf_gen_event *out,
               struct wf_err *err)
{
    struct cascade *c = (struct cascade *)g;
    struct wf_gen_event held = {.kind = WF_GEN_END};
    struct wf_err own = WF_ERR_INIT;
    int rc = c->is_hearing ? hear(c, w, &own) : 0;

    if (rc == WF_GEN_LATER)
        return rc;
    if (c->is_hearing)
        rc = settle(c, rc, &own, err);
    if (rc != 0)
        return rc;
    if (c->rest != NULL)
        return w != NULL ? wf_gen_try(c->rest, w, out, err) : wf_gen_next(c->rest, out, err);
    while (c->n_told < 3) {
        int i = c->n_told++;
        const struct wf_buf *b = i == 0 ? &c->thoughts : &c->text;
        if (i == 2) {
            *out = c->end;
            return 1;
        }
        if (b->len == 0)
            continue;
        held.kind = i == 0 ? WF_GEN_REASONING : WF_GEN_TEXT;
        held.text = wf_buf_str(b);
        *out = held;
        return 1;
    }
    return 0;
}

static int next(struct wf_gen *g, struct wf_gen_event *out, struct wf_err *err)
{
    return try(g, NULL, out, err);
}

static const struct wf_gen_usage *usage(const struct wf_gen *g)
{
    const struct cascade *c = (const struct cascade *)g;

    if (c->is_hearing)
        return wf_gen_usage(c->small);
    return c->rest != NULL ? wf_gen_usage(c->rest) : &c->usage;
}

static void gen_free(struct wf_gen *g)
{
    struct cascade *c = (struct cascade *)g;

    wf_gen_free(c->small);
    wf_gen_free(c->rest);
    wf_buf_deinit(&c->thoughts);
    wf_buf_deinit(&c->text);
    wf_buf_deinit(&c->stop);
    wf_free(c);
}

size_t wf_cascade_at(const struct wf_gen *g)
{
    const struct cascade *c = (const struct cascade *)g;

    return c->rest != NULL ? wf_failover_at(c->rest) + 1 : 0;
}

static const struct wf_engine_ops ops = {
    .next = next, .try = try, .usage = usage, .gen_free = gen_free};

int wf_cascade_generate(const struct wf_cascade_options *o, const struct wf_gen_request *q,
                        struct wf_gen **out, struct wf_err *err)
{
    struct cascade *c = wf_alloc_array(1, sizeof(*c));
    struct wf_err own = WF_ERR_INIT;
    int rc;

    assert(o->places.n >= 2 && o->places.n <= WF_FAILOVER_PLACES_MAX);
    if (c == NULL)
        return no_memory(err);
    c->base.ops = &ops;
    c->o = *o;
    for (size_t i = 0; i < o->places.n; i++)
        c->places[i] = o->places.places[i];
    c->q = *q;
    c->asked = q;
    wf_buf_init(&c->thoughts, WF_LIMIT_HTTP_MODEL_ANSWER_BYTES);
    wf_buf_init(&c->text, WF_LIMIT_HTTP_MODEL_ANSWER_BYTES);
    wf_buf_init(&c->stop, WF_LIMIT_HTTP_MODEL_ANSWER_BYTES);
    rc = begin_small(c, &own);
    c->is_hearing = rc == 0;
    if (rc != 0)
        rc = settle(c, rc, &own, err);
    if (rc == 0)
        *out = &c->base;
    else
        gen_free(&c->base);
    return rc;
}
