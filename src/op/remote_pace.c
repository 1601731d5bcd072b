/* SPDX-License-Identifier: Apache-2.0 */
/* Breakers and budget of the engines elsewhere, for requests of any thread.
 *
 * What a request may cost at most is reserved before it is sent: its prompt by what texts of that
 * length have in tokens and a half more, its answer by what it asks for at most. */
#include <pthread.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "op/picture.h"
#include "op/remote_internal.h"
#include "route/experience.h"

/* What an answer is taken to have at most where nobody says so. */
#define ANSWER_TOKENS 4096

struct wf_remote_pace {
    const struct wf_engines *engines;
    struct wf_budget *budget;
    pthread_mutex_t lock;        /* guards the breakers */
    struct wf_breaker *breakers; /* [engines->n] */
};

int wf_remote__pace_new(const struct wf_remote_options *o, struct wf_remote_pace **out,
                        struct wf_err *err)
{
    struct wf_remote_pace *p = wf_alloc_array(1, sizeof(*p));
    size_t n = o->engines != NULL ? o->engines->n : 0;

    if (p == NULL || (p->breakers = wf_alloc_array(n + 1, sizeof(*p->breakers))) == NULL) {
        wf_free(p);
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    p->engines = o->engines;
    p->budget = o->budget;
    pthread_mutex_init(&p->lock, NULL);
    for (size_t i = 0; i < n; i++)
        wf_breaker_init(&p->breakers[i], NULL, NULL, NULL);
    *out = p;
    return 0;
}

void wf_remote__pace_free(struct wf_remote_pace *p)
{
    if (p == NULL)
        return;
    pthread_mutex_destroy(&p->lock);
    wf_free(p->breakers);
    wf_free(p);
}

static struct wf_breaker *breaker_of(struct wf_remote_pace *p, const struct wf_engine_entry *e)
{
    return &p->breakers[e - p->engines->items];
}

/* ---- the budget ---- */

static bool has_limits(const struct wf_budget_limits *l)
{
    return l->money_micro > 0 || l->n_tokens > 0 || l->energy_j > 0;
}

static int64_t energy_of(const struct wf_engine_entry *e, uint64_t n_in, uint64_t n_out)
{
    const struct wf_route_request q = {.n_prompt = (uint32_t)WF_MIN(n_in, (uint64_t)UINT32_MAX)};
    const struct wf_candidate c = {
        .engine = wf_str_from(e->name), .model = wf_str_from(e->models[0]), .tier = e->tier};
    struct wf_estimate about;

    wf_experience_estimate(NULL, &q, &c, 0, NULL, &about);
    return (int64_t)(about.energy_j * ((double)n_in + (double)n_out) /
                     ((double)q.n_prompt + about.n_out)) +
           1;
}

static struct wf_spending spending(const struct wf_engine_entry *e, uint64_t n_in,
                                   uint64_t n_cached, uint64_t n_out)
{
    return (struct wf_spending){.money_micro = wf_engine_cost_micro(e, n_in, n_cached, n_out),
                                .n_tokens = (int64_t)(n_in + n_out),
                                .energy_j = energy_of(e, n_in, n_out)};
}

int wf_remote__reserve(struct wf_remote_pace *p, const struct wf_engine_entry *e,
                       const struct wf_gen_request *q, struct wf_str body,
                       struct wf_remote_stake *out, struct wf_err *err)
{
    const uint64_t n_choices = WF_MAX(q->n_choices, (size_t)1);
    uint64_t n_most = q->n_max > 0          ? q->n_max
                      : e->n_output_max > 0 ? (uint64_t)e->n_output_max
                                            : ANSWER_TOKENS;
    size_t n_pictures, picture_bytes = 0;
    int rc;

    n_most = WF_MIN(n_most, (uint64_t)UINT32_MAX / n_choices) * n_choices;
    *out = (struct wf_remote_stake){.engine = e, .n_most = (uint32_t)n_most};
    n_pictures = wf_op_pictures(q->messages, &picture_bytes); /* whose bytes are no words */
    out->n_prompt = wf_tokens_about(body);
    out->n_prompt -= (uint32_t)WF_MIN(picture_bytes / 4, (size_t)out->n_prompt);
    out->n_prompt += (uint32_t)(n_pictures * WF_OP_PICTURE_TOKENS);
    out->most = spending(e, (uint64_t)out->n_prompt * 3 / 2, 0, n_most);
    if (p->budget == NULL && (has_limits(&e->day) || has_limits(&e->month)))
        return wf_err_set(err, WF_E_DENIED,
                          "Nothing was sent to %.40s: it has a budget, and what was spent of it "
                          "cannot be read.",
                          e->name);
    rc = p->budget != NULL ? wf_budget_reserve(p->budget, e, &out->most, err) : 0;
    out->is_reserved = rc == 0 && p->budget != NULL;
    return rc;
}

int64_t wf_remote__settle(struct wf_remote_pace *p, struct wf_remote_stake *s,
                          const struct wf_gen_usage *used)
{
    const struct wf_spending nothing = {.n_tokens = 0};
    const struct wf_spending spent =
        used->n_prompt + used->n_written > 0
            ? spending(s->engine, used->n_prompt, used->n_cached, used->n_written)
            : nothing;

    if (s->is_reserved) /* a failure to save: it is booked, and saved with the next */
        (void)!wf_budget_settle(p->budget, s->engine, &s->most, &spent, NULL);
    s->is_reserved = false;
    return spent.money_micro;
}

/* ---- the breakers ---- */

int wf_remote__enter(struct wf_remote_pace *p, struct wf_remote_stake *s, struct wf_err *err)
{
    int64_t wait_ms = 0;

    pthread_mutex_lock(&p->lock);
    s->is_entered = wf_breaker_enter(breaker_of(p, s->engine), s->n_prompt, &wait_ms);
    pthread_mutex_unlock(&p->lock);
    if (s->is_entered)
        return 0;
    return wf_err_set(err, WF_E_BUSY,
                      "%.40s failed again and again, or asked for a pause: nothing is sent to it "
                      "for another %lld s.",
                      s->engine->name, (long long)((wait_ms + 999) / 1000));
}

void wf_remote__left(struct wf_remote_pace *p, struct wf_remote_stake *s,
                     const struct wf_provider_problem *problem,
                     const struct wf_provider_rates *rates)
{
    if (!s->is_entered)
        return;
    s->is_entered = false;
    pthread_mutex_lock(&p->lock);
    wf_breaker_done(breaker_of(p, s->engine), problem, rates);
    pthread_mutex_unlock(&p->lock);
}

int64_t wf_remote__wait_ms(struct wf_remote_pace *p, const struct wf_remote_stake *s,
                           uint32_t i_try, const struct wf_provider_problem *problem)
{
    int64_t ms;

    pthread_mutex_lock(&p->lock);
    ms = wf_breaker_wait_ms(breaker_of(p, s->engine), i_try, problem);
    pthread_mutex_unlock(&p->lock);
    return ms;
}

/* What is left of the one that ends first; below 0: there is none. */
static double least_left(int64_t day, int64_t day_spent, int64_t month, int64_t month_spent)
{
    double left = -1;

    if (day > 0)
        left = WF_MAX((double)(day - day_spent), 0.0);
    if (month > 0 && (left < 0 || (double)(month - month_spent) < left))
        left = WF_MAX((double)(month - month_spent), 0.0);
    return left;
}

void wf_remote__look_out(struct wf_remote_pace *p, const struct wf_engine_entry *e,
                         struct wf_remote_outlook *out)
{
    struct wf_spending day = {.n_tokens = 0}, month = {.n_tokens = 0};
    const struct wf_breaker *b = breaker_of(p, e);

    pthread_mutex_lock(&p->lock);
    out->breaker = wf_breaker_would(b, 0, NULL) ? wf_breaker_state(b) : WF_BREAKER_OPEN;
    pthread_mutex_unlock(&p->lock);
    if (p->budget != NULL)
        wf_budget_spent(p->budget, e->name, &day, &month);
    out->money_left =
        least_left(e->day.money_micro, day.money_micro, e->month.money_micro, month.money_micro);
    if (out->money_left > 0)
        out->money_left /= 1e6;
    out->energy_left_j =
        least_left(e->day.energy_j, day.energy_j, e->month.energy_j, month.energy_j);
    out->tokens_left = least_left(e->day.n_tokens, day.n_tokens, e->month.n_tokens, month.n_tokens);
    out->tokens_left = out->tokens_left < 0 ? 0 : out->tokens_left < 1 ? -1 : out->tokens_left;
    if (p->budget == NULL && (has_limits(&e->day) || has_limits(&e->month)))
        out->tokens_left = -1; /* what was spent cannot be read */
}
