/* SPDX-License-Identifier: Apache-2.0 */
/* Estimates and learning. A time is the sum of what is known (queue, round trip, loading) and of
 * what is believed; an observation of a sum is shared out among its beliefs by how much each moves
 * it and how uncertain it is. */
#include "route/experience.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "route/experience_internal.h"

#define NOISE 0.08F   /* variance of one observation's logarithm */
#define FADE_MS 6.0e8 /* a week: what was learned counts 1/e */
#define BOLDNESS 0.5F /* of exploring: 1 draws from the whole belief, and regrets more */
#define MILLIARD 1e9
#define LOG_MOST 12.0F /* beliefs stay within e^12 */

/* ---- what is thought beforehand ---- */

static const float answer_tokens[WF_KIND_COUNT] = {
    [WF_KIND_CHAT] = 250,      [WF_KIND_CODE] = 450,  [WF_KIND_MATH] = 300,
    [WF_KIND_CHOICE] = 40,     [WF_KIND_WRITE] = 600, [WF_KIND_TRANSLATE] = 200,
    [WF_KIND_SUMMARIZE] = 180, [WF_KIND_TOOLS] = 80,
};

struct wf_belief wf_experience__length_prior(void)
{
    return (struct wf_belief){0, 0.6F};
}

struct wf_belief wf_experience__prior(size_t i, bool measured)
{
    static const float vars[WF_QUANTITY_COUNT] = {
        [WF_QUANTITY_BEGIN] = 0.5F,  [WF_QUANTITY_READ] = 0.8F,  [WF_QUANTITY_WRITE] = 0.6F,
        [WF_QUANTITY_ENERGY] = 0.6F, [WF_QUANTITY_WORKS] = 1.0F, [WF_QUANTITY_RIGHT] = 0.4F,
    };
    float var = i < WF_QUANTITY_COUNT ? vars[i] : 0.3F;

    return (struct wf_belief){0, measured ? 0.1F : var};
}

/* Milliards of weights. A provider that does not say is taken for a large one. */
static double size_of(const struct wf_candidate *c)
{
    if (c->n_params > 0)
        return fmax((double)c->n_params / MILLIARD, 0.01);
    return c->tier == WF_TIER_PROVIDER ? 300.0 : c->tier == WF_TIER_HERE ? 3.0 : 8.0;
}

static bool is_measured(const struct wf_candidate *c, size_t i)
{
    return (i == WF_QUANTITY_READ && c->read_ms > 0) ||
           (i == WF_QUANTITY_WRITE && c->write_ms > 0) ||
           (i == WF_QUANTITY_ENERGY && c->power_w > 0);
}

/* A device's processor moves some 20 GB/s; data centres some thousand, and size by size. */
static double write_before(const struct wf_candidate *c)
{
    if (c->write_ms > 0)
        return c->write_ms;
    return c->tier >= WF_TIER_CLOUD ? 8.0 + 0.03 * size_of(c) : 2.0 + 25.0 * size_of(c);
}

static double read_before(const struct wf_candidate *c)
{
    if (c->read_ms > 0)
        return c->read_ms;
    return c->tier >= WF_TIER_CLOUD ? 0.1 + 0.001 * size_of(c) : 0.2 + 8.0 * size_of(c);
}

/* Log odds of a right answer: on the line through the small and the large model that the table of
 * hardness was fitted to (some 25 and some 1000 milliards), steeper below the small one. */
static double odds_before(const struct wf_route_request *q, const struct wf_candidate *c)
{
    double at = (log10(size_of(c)) - 1.4) / 1.6;
    double gap = fmax((double)(q->hard_large - q->hard_small), 0.3);

    if (at < 0) /* what both know well a tiny one still does not */
        return (double)q->hard_small + fmax(1.5 * at, -3.0) * fmax(gap, 0.8);
    return (double)q->hard_small + fmin(at, 1.2) * gap;
}

/* Two operations a weight and token (reading shares its weights' way through memory), by what a
 * joule does: 8e9 on a device, 2e11 in a data centre. */
static double energy_before(const struct wf_candidate *c, double n_read, double n_written,
                            double busy_ms)
{
    double per_joule = c->tier >= WF_TIER_CLOUD ? 2e11 : 8e9;

    if (c->power_w > 0) /* what runs beside it bears its share */
        return c->power_w * busy_ms / 1000.0 / (double)(c->n_slots > 0 ? c->n_slots : 1);
    return 2.0 * size_of(c) * MILLIARD * (0.3 * n_read + n_written) / per_joule;
}

/* ---- beliefs ---- */

/* As it is now: faded towards what it began with. */
static struct wf_belief faded(struct wf_belief b, struct wf_belief prior, int64_t at_ms,
                              int64_t now_ms)
{
    double age = now_ms > at_ms ? (double)now_ms - (double)at_ms : 0;
    float keep = (float)exp(-age / FADE_MS);

    b.mean = prior.mean + keep * (b.mean - prior.mean);
    b.var = fminf(prior.var + keep * keep * (b.var - prior.var), prior.var);
    return b;
}

/* About normal, from one number: the sum of four uniform ones. */
static float draw(const struct wf_rng *r)
{
    uint64_t v = wf_rng_u64(r);
    float sum = 0;

    for (int i = 0; i < 4; i++, v >>= 16)
        sum += (float)(v & 0xffff) / 65536.0F;
    return (sum - 2.0F) * 1.7320508F;
}

static float middle(struct wf_belief b, const struct wf_rng *explore)
{
    return explore != NULL ? b.mean + BOLDNESS * sqrtf(b.var) * draw(explore) : b.mean;
}

static double share(double odds)
{
    return 1.0 / (1.0 + exp(-odds));
}

/* Beliefs about a candidate at a time. */
struct view {
    struct wf_belief b[WF_BELIEFS];
    struct wf_belief length;
};

static void look(const struct wf_experience *x, const struct wf_route_request *q,
                 const struct wf_candidate *c, int64_t now_ms, struct view *out)
{
    const struct wf_lesson *l = x != NULL ? wf_experience__find(x, c->engine, c->model) : NULL;
    size_t kind = WF_QUANTITY_COUNT + (size_t)q->kind;

    for (size_t i = 0; i < WF_BELIEFS; i++) {
        struct wf_belief prior = wf_experience__prior(i, is_measured(c, i));
        out->b[i] = prior;
        if (l != NULL && (i < WF_QUANTITY_COUNT || i == kind))
            out->b[i] = faded(l->beliefs[i], prior, l->at_ms, now_ms);
    }
    out->length = wf_experience__length_prior();
    if (x != NULL)
        out->length = faded(x->lengths[q->kind], out->length, x->lengths_ms, now_ms);
}

/* ---- estimating ---- */

/* The parts of a request's time. */
struct times {
    double known, begin, read; /* ms until the first token */
    double write;              /* ms a token */
};

static struct times times_of(const struct wf_route_request *q, const struct wf_candidate *c,
                             double begin, double read, double write)
{
    struct times t = {
        .begin = (c->tier >= WF_TIER_CLOUD ? 150.0 : 30.0) * exp(begin),
        .read = fmax((double)q->n_prompt, 1.0) * read_before(c) * exp(read),
        .write = write_before(c) * exp(write),
    };
    double turns = (double)c->n_queued / (double)(c->n_slots > 0 ? c->n_slots : 1);

    t.known = c->load_ms + c->round_trip_ms + turns * 200.0 * t.write;
    return t;
}

static double n_out_of(const struct wf_route_request *q, double length)
{
    double n = (double)answer_tokens[q->kind] * exp(length);

    return fmax(q->n_max > 0 ? fmin(n, (double)q->n_max) : n, 1.0);
}

void wf_experience_estimate(const struct wf_experience *x, const struct wf_route_request *q,
                            const struct wf_candidate *c, int64_t now_ms,
                            const struct wf_rng *explore, struct wf_estimate *out)
{
    struct view v;
    struct times t;
    size_t kind = WF_QUANTITY_COUNT + (size_t)q->kind;
    double n_in = (double)q->n_prompt, odds, var, busy;

    look(x, q, c, now_ms, &v);
    t = times_of(q, c, (double)middle(v.b[WF_QUANTITY_BEGIN], explore),
                 (double)middle(v.b[WF_QUANTITY_READ], explore),
                 (double)middle(v.b[WF_QUANTITY_WRITE], explore));
    out->n_out = n_out_of(q, (double)v.length.mean);
    out->ttft_ms = t.known + t.begin + t.read;
    out->total_ms = out->ttft_ms + out->n_out * t.write;
    out->ttft_sd =
        sqrt((double)(NOISE + v.b[WF_QUANTITY_BEGIN].var * (float)(t.begin / out->ttft_ms) +
                      v.b[WF_QUANTITY_READ].var * (float)(t.read / out->ttft_ms)));
    out->total_sd = sqrt(
        (double)(NOISE + v.b[WF_QUANTITY_WRITE].var + (q->n_max > 0 ? 0.5F : 1.0F) * v.length.var));
    odds = odds_before(q, c) + (double)middle(v.b[WF_QUANTITY_RIGHT], explore) +
           (double)middle(v.b[kind], explore);
    var = (double)(v.b[WF_QUANTITY_RIGHT].var + v.b[kind].var);
    out->quality = share(explore != NULL ? odds : odds / sqrt(1.0 + 0.39 * var));
    out->quality_sd = sqrt(var) * out->quality * (1.0 - out->quality);
    out->works = share(3.0 + (double)middle(v.b[WF_QUANTITY_WORKS], explore));
    busy = t.read + out->n_out * t.write;
    out->energy_j = energy_before(c, n_in, out->n_out, busy) *
                    exp((double)middle(v.b[WF_QUANTITY_ENERGY], explore));
    out->cost = (n_in * c->price_in + out->n_out * c->price_out) / 1e6;
    out->carbon_g = out->energy_j / 3.6e6 * c->carbon_g_kwh;
}

/* ---- learning ---- */

static float bounded(float v)
{
    return fminf(fmaxf(v, -LOG_MOST), LOG_MOST);
}

/* One belief, of which an observation is off by `off`, at that noise. */
static void observe(struct wf_belief *b, float off, float noise)
{
    float gain = b->var / (b->var + noise);

    b->mean = bounded(b->mean + gain * bounded(off));
    b->var = fmaxf(b->var * (1.0F - gain), 1e-4F);
}

/* Two beliefs whose sum (or whose share of one) was seen; a and b say how much each moves it. */
static void observe_both(struct wf_belief *x, float a, struct wf_belief *y, float b, float off,
                         float noise)
{
    float s = a * a * x->var + b * b * y->var + noise;
    float kx = a * x->var / s, ky = b * y->var / s;

    off = bounded(off);
    x->mean = bounded(x->mean + kx * off);
    y->mean = bounded(y->mean + ky * off);
    x->var = fmaxf(x->var * (1.0F - kx * a), 1e-4F);
    y->var = fmaxf(y->var * (1.0F - ky * b), 1e-4F);
}

static double log_ratio(double seen, double thought)
{
    return log(fmax(seen, 1e-3) / fmax(thought, 1e-3));
}

static void learn_times(struct view *v, const struct wf_route_request *q,
                        const struct wf_candidate *c, const struct wf_outcome *o)
{
    struct wf_belief *begin = &v->b[WF_QUANTITY_BEGIN], *read = &v->b[WF_QUANTITY_READ];
    struct wf_belief *write = &v->b[WF_QUANTITY_WRITE];
    struct wf_route_request as = *q;
    struct times t;
    double ttft;

    as.n_prompt = o->n_prompt > 0 ? o->n_prompt : q->n_prompt;
    t = times_of(&as, c, (double)begin->mean, (double)read->mean, (double)write->mean);
    ttft = t.known + t.begin + t.read;
    if (o->ttft_ms > 0)
        observe_both(begin, (float)(t.begin / ttft), read, (float)(t.read / ttft),
                     (float)log_ratio(o->ttft_ms, ttft), NOISE);
    if (o->n_out > 1 && o->total_ms > o->ttft_ms)
        observe(write, (float)log_ratio((o->total_ms - o->ttft_ms) / (double)o->n_out, t.write),
                NOISE);
    if (o->energy_j > 0 && o->n_out > 0) {
        double busy = t.read + (double)o->n_out * t.write;
        double thought = energy_before(c, (double)as.n_prompt, (double)o->n_out, busy) *
                         exp((double)v->b[WF_QUANTITY_ENERGY].mean);
        observe(&v->b[WF_QUANTITY_ENERGY], (float)log_ratio(o->energy_j, thought), NOISE);
    }
}

/* The log odds of yes and no, by one more of them: Newton's step on its logarithm. */
static void learn_rate(struct wf_belief *b, double odds_else, float seen)
{
    double p = share(odds_else + (double)b->mean), curve = fmax(p * (1.0 - p), 0.02);

    observe(b, (float)(((double)seen - p) / curve), (float)(1.0 / curve));
}

static void learn_quality(struct view *v, const struct wf_route_request *q,
                          const struct wf_candidate *c, float seen, float weight)
{
    struct wf_belief *all = &v->b[WF_QUANTITY_RIGHT], *kind = &v->b[WF_QUANTITY_COUNT + q->kind];
    double p = share(odds_before(q, c) + (double)all->mean + (double)kind->mean);
    double curve = fmax(p * (1.0 - p), 0.02);

    observe_both(all, 1, kind, 1, (float)(((double)seen - p) / curve),
                 (float)(1.0 / (curve * (double)weight)));
}

/* The lesson to write into; NULL: a name is too long, or empty. */
static struct wf_lesson *lesson_for(struct wf_experience *x, const struct wf_candidate *c)
{
    const struct wf_lesson *found = wf_experience__find(x, c->engine, c->model);
    struct wf_lesson *l;
    size_t i = x->n;

    if (found != NULL)
        return &x->lessons[found - x->lessons];
    if (c->engine.len == 0 || c->engine.len > WF_EXPERIENCE_ENGINE_BYTES || c->model.len == 0 ||
        c->model.len > WF_EXPERIENCE_MODEL_BYTES)
        return NULL;
    if (i < WF_EXPERIENCE_MAX) {
        x->n++;
    } else { /* the least recent goes */
        i = 0;
        for (size_t k = 1; k < x->n; k++)
            i = x->lessons[k].at_ms < x->lessons[i].at_ms ? k : i;
    }
    l = &x->lessons[i];
    *l = (struct wf_lesson){.hash = wf_experience__hash(c->engine, c->model)};
    memcpy(l->engine, c->engine.ptr, c->engine.len);
    memcpy(l->model, c->model.ptr, c->model.len);
    for (size_t k = 0; k < WF_BELIEFS; k++)
        l->beliefs[k] = wf_experience__prior(k, is_measured(c, k));
    return l;
}

/* The lesson, all of it of today, and its view; NULL: none can be written. */
static struct wf_lesson *lesson_of_today(struct wf_experience *x, const struct wf_route_request *q,
                                         const struct wf_candidate *c, int64_t now_ms,
                                         struct view *out)
{
    struct wf_lesson *l = lesson_for(x, c);

    if (l == NULL)
        return NULL;
    for (size_t i = 0; i < WF_BELIEFS; i++)
        l->beliefs[i] =
            faded(l->beliefs[i], wf_experience__prior(i, is_measured(c, i)), l->at_ms, now_ms);
    l->at_ms = now_ms;
    look(x, q, c, now_ms, out);
    return l;
}

static void put_back(struct wf_lesson *l, const struct wf_route_request *q, const struct view *v)
{
    for (size_t i = 0; i < WF_BELIEFS; i++) {
        if (i < WF_QUANTITY_COUNT || i == WF_QUANTITY_COUNT + (size_t)q->kind)
            l->beliefs[i] = v->b[i];
    }
}

void wf_experience_rate(struct wf_experience *x, const struct wf_route_request *q,
                        const struct wf_candidate *c, float quality, float weight, int64_t now_ms)
{
    struct view v;
    struct wf_lesson *l = lesson_of_today(x, q, c, now_ms, &v);

    assert(weight > 0);
    if (l == NULL)
        return;
    learn_quality(&v, q, c, fminf(fmaxf(quality, 0), 1), weight);
    put_back(l, q, &v);
}

void wf_experience_learn(struct wf_experience *x, const struct wf_route_request *q,
                         const struct wf_candidate *c, const struct wf_outcome *o, int64_t now_ms)
{
    struct view v;
    struct wf_lesson *l = lesson_of_today(x, q, c, now_ms, &v);

    if (l == NULL)
        return;
    learn_rate(&v.b[WF_QUANTITY_WORKS], 3.0, o->failed ? 0 : 1);
    if (!o->failed) {
        learn_times(&v, q, c, o);
        if (o->is_rated)
            learn_quality(&v, q, c, fminf(fmaxf(o->quality, 0), 1), 1);
    }
    put_back(l, q, &v);
    if (o->failed || o->n_out == 0)
        return;
    for (size_t k = 0; k < WF_KIND_COUNT; k++)
        x->lengths[k] = faded(x->lengths[k], wf_experience__length_prior(), x->lengths_ms, now_ms);
    x->lengths_ms = now_ms;
    if (q->n_max == 0 || o->n_out < q->n_max) /* one that was cut says less */
        observe(&x->lengths[q->kind],
                (float)log_ratio((double)o->n_out, n_out_of(q, (double)x->lengths[q->kind].mean)),
                0.5F);
}
