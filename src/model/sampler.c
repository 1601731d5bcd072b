/* SPDX-License-Identifier: Apache-2.0 */
/* Sampler: settings, what was written so far, and the way to one token.
 *
 * A pick makes as few passes over the vocabulary as its settings allow: likeliest: one; top-k: one
 * that gathers what may be among the k; top-p and min-p: one for the sum of shares, one that
 * gathers what is large enough to matter; a bare draw: one for the sum and a part of another. A
 * mask of few tokens makes none: its tokens are gathered by their bits. What follows works on what
 * was gathered.
 *
 * Invariants: (1) logits that are no number, or -infinity, never come; (2) if none is left, the
 * first token that the mask allows comes; (3) a pick changes nothing but the random state,
 * mirostat's and scratch. */
#include "model/sampler.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "model/sampler_internal.h"

/* Masks that allow less than one token in so many are gathered by their bits. */
#define SPARSE 8
/* A draw from all tokens first decides on a block of so many. */
#define BLOCK 1024

struct wf_sampling wf_sampling_default(void)
{
    return (struct wf_sampling){
        .temperature = 0.8f,
        .top_k = 40,
        .top_p = 0.95f,
        .min_p = 0.05f,
        .typical_p = 1,
        .repeat_penalty = 1,
        .repeat_last_n = 64,
        .mirostat_tau = 5,
        .mirostat_eta = 0.1f,
        .dry_base = 1.75f,
        .dry_allowed_length = 2,
        .dry_last_n = -1,
        .xtc_threshold = 0.1f,
    };
}

/* ---- making one ---- */

struct bound {
    const char *name;
    double value, min, max;
};

static int check(const struct wf_sampling *s, size_t n_vocab, struct wf_err *err)
{
    const double most = FLT_MAX, many = 9e15; /* whole numbers that a double holds */
    const struct bound bounds[] = {
        {"temperature", (double)s->temperature, 0, most},
        {"top_k", (double)s->top_k, 0, many},
        {"top_p", (double)s->top_p, 0, 1},
        {"min_p", (double)s->min_p, 0, 1},
        {"typical_p", (double)s->typical_p, 0, 1},
        {"repeat_penalty", (double)s->repeat_penalty, (double)FLT_MIN, most},
        {"frequency_penalty", (double)s->frequency_penalty, -most, most},
        {"presence_penalty", (double)s->presence_penalty, -most, most},
        {"repeat_last_n", (double)s->repeat_last_n, -1, many},
        {"mirostat", (double)s->mirostat, 0, 2},
        {"mirostat_tau", (double)s->mirostat_tau, 0, most},
        {"mirostat_eta", (double)s->mirostat_eta, 0, most},
        {"dry_multiplier", (double)s->dry_multiplier, 0, most},
        {"dry_base", (double)s->dry_base, 1, most},
        {"dry_allowed_length", (double)s->dry_allowed_length, 0, many},
        {"dry_last_n", (double)s->dry_last_n, -1, many},
        {"xtc_probability", (double)s->xtc_probability, 0, 1},
        {"xtc_threshold", (double)s->xtc_threshold, 0, 1},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(bounds); i++) {
        const struct bound *b = &bounds[i];
        if (!(b->value >= b->min && b->value <= b->max))
            return wf_err_set(err, WF_E_RANGE, "%s is %g; it must be from %g to %g", b->name,
                              b->value, b->min, b->max);
    }
    for (size_t i = 0; i < s->n_biases; i++) {
        const struct wf_logit_bias *b = &s->biases[i];
        if (b->id < 0 || (size_t)b->id >= n_vocab)
            return wf_err_set(err, WF_E_RANGE, "logit_bias names token %d; the model has %zu",
                              b->id, n_vocab);
        if (isnan(b->bias))
            return wf_err_set(err, WF_E_RANGE, "logit_bias of token %d is not a number", b->id);
    }
    return 0;
}

static int make(struct wf_sampler *s, const struct wf_vocab *vocab, struct wf_err *err)
{
    struct wf_sampling *set = &s->set;
    int rc;

    s->cands.ptr = wf_alloc_array(s->n_vocab, sizeof(*s->cands.ptr));
    s->cap_changes = set->n_biases;
    s->changes = wf_alloc_array(s->cap_changes, sizeof(*s->changes));
    s->biases = wf_alloc_array(set->n_biases, sizeof(*s->biases));
    s->block_mass = wf_alloc_array(s->n_vocab / BLOCK + 1, sizeof(*s->block_mass));
    if (s->cands.ptr == NULL || s->changes == NULL || s->biases == NULL || s->block_mass == NULL)
        return wf_err_set(err, WF_E_NOMEM, "not enough memory to sample");
    for (size_t i = 0; i < set->n_biases; i++)
        s->biases[i] = set->biases[i];
    set->biases = s->biases;
    if (s->has_penalties) {
        s->seen_of = wf_alloc_array(s->n_vocab, sizeof(*s->seen_of));
        if (s->seen_of == NULL)
            return wf_err_set(err, WF_E_NOMEM, "not enough memory to sample");
    }
    rc = s->has_dry ? wf_dry_init(&s->dry, set, vocab, s->n_vocab, err) : 0;
    return rc == WF_E_NOMEM ? wf_err_set(err, rc, "not enough memory to sample") : rc;
}

int wf_sampler_new(const struct wf_sampling *set, const struct wf_vocab *vocab, size_t n_vocab,
                   struct wf_sampler **out, struct wf_err *err)
{
    struct wf_sampler *s;
    int rc = check(set, n_vocab, err);

    if (rc != 0)
        return rc;
    assert(n_vocab > 0);
    s = wf_alloc_array(1, sizeof(*s));
    if (s == NULL)
        return wf_err_set(err, WF_E_NOMEM, "not enough memory to sample");
    s->set = *set;
    s->n_vocab = n_vocab;
    s->has_penalties =
        set->repeat_last_n != 0 && (set->repeat_penalty != 1.0f || set->frequency_penalty != 0.0f ||
                                    set->presence_penalty != 0.0f);
    s->has_dry = set->dry_multiplier > 0 && set->dry_last_n != 0;
    s->mu = 2 * (double)set->mirostat_tau;
    wf_rng_seeded_init(&s->rng, set->seed);
    rc = make(s, vocab, err);
    s->set.breakers = NULL;
    if (rc != 0)
        wf_sampler_free(s);
    else
        *out = s;
    return rc;
}

void wf_sampler_save(const struct wf_sampler *s, struct wf_sampler_state *out)
{
    memcpy(out->random, s->rng._state, sizeof(out->random));
    out->mu = s->mu;
}

int wf_sampler_load(struct wf_sampler *s, const struct wf_sampler_state *state, struct wf_err *err)
{
    /* The generator stays at zero for ever, where it is there. */
    if ((state->random[0] | state->random[1] | state->random[2] | state->random[3]) == 0 ||
        !isfinite(state->mu))
        return wf_err_set(err, WF_E_RANGE, "That is no state of a sampler.");
    memcpy(s->rng._state, state->random, sizeof(s->rng._state));
    s->mu = state->mu;
    return 0;
}

void wf_sampler_free(struct wf_sampler *s)
{
    if (s == NULL)
        return;
    wf_free(s->biases);
    wf_free(s->block_mass);
    wf_dry_deinit(&s->dry);
    wf_free(s->cands.ptr);
    wf_free(s->changes);
    wf_free(s->text);
    wf_free(s->seen_of);
    wf_free(s->seen);
    wf_free(s);
}

/* ---- what was written ---- */

/* Room for one more token, and for every change that a pick may then make. */
static int reserve(struct wf_sampler *s)
{
    size_t cap = WF_MAX(256, 2 * s->cap_text), distinct, n_changes;
    struct wf_logit_change *changes;
    int32_t *p;

    if (s->n_text < s->cap_text)
        return 0;
    distinct = WF_MIN(cap, s->n_vocab);
    n_changes = s->set.n_biases + 2 * distinct;
    p = wf_realloc_array(s->text, cap, sizeof(*p));
    if (p == NULL)
        return WF_E_NOMEM;
    s->text = p;
    p = wf_realloc_array(s->seen, distinct, sizeof(*p));
    if (p == NULL)
        return WF_E_NOMEM;
    s->seen = p;
    changes = wf_realloc_array(s->changes, n_changes, sizeof(*changes));
    if (changes == NULL)
        return WF_E_NOMEM;
    s->changes = changes;
    s->cap_changes = n_changes;
    if (s->has_dry && wf_dry_reserve(&s->dry, cap) != 0)
        return WF_E_NOMEM;
    s->cap_text = cap;
    return 0;
}

static void see(struct wf_sampler *s, int32_t id)
{
    struct wf_seen *seen = &s->seen_of[id];
    if (seen->count++ == 0) {
        seen->at = (uint32_t)s->n_seen;
        s->seen[s->n_seen++] = id;
    }
}

static void forget(struct wf_sampler *s, int32_t id)
{
    struct wf_seen *seen = &s->seen_of[id];
    int32_t last;

    assert(seen->count > 0);
    if (--seen->count > 0)
        return;
    last = s->seen[--s->n_seen];
    s->seen[seen->at] = last;
    s->seen_of[last].at = seen->at;
}

int wf_sampler_accept(struct wf_sampler *s, int32_t id)
{
    assert(id >= 0 && (size_t)id < s->n_vocab);
    if (!s->has_penalties && !s->has_dry)
        return 0;
    if (reserve(s) != 0)
        return WF_E_NOMEM;
    s->text[s->n_text++] = id;
    if (s->has_penalties) {
        int64_t window = s->set.repeat_last_n;
        see(s, id);
        if (window >= 0 && s->n_text > (uint64_t)window)
            forget(s, s->text[s->n_text - (size_t)window - 1]);
    }
    if (s->has_dry)
        wf_dry_accept(&s->dry, s->text, s->n_text);
    return 0;
}

/* ---- steps that change logits ---- */

static void change(struct wf_sampler *s, float *logits, int32_t id, float to)
{
    assert(s->n_changes < s->cap_changes);
    s->changes[s->n_changes++] = (struct wf_logit_change){id, logits[id]};
    logits[id] = to;
}

static void apply_biases(struct wf_sampler *s, float *logits)
{
    for (size_t i = 0; i < s->set.n_biases; i++) {
        const struct wf_logit_bias *b = &s->set.biases[i];
        change(s, logits, b->id, logits[b->id] + b->bias);
    }
}

static void apply_penalties(struct wf_sampler *s, float *logits)
{
    const struct wf_sampling *set = &s->set;

    for (size_t i = 0; i < s->n_seen; i++) {
        int32_t id = s->seen[i];
        float x = logits[id];
        x = x > 0 ? x / set->repeat_penalty : x * set->repeat_penalty;
        x -= (float)s->seen_of[id].count * set->frequency_penalty + set->presence_penalty;
        change(s, logits, id, x);
    }
}

static void apply_dry(struct wf_sampler *s, float *logits)
{
    size_t n = wf_dry_find(&s->dry);

    for (size_t i = 0; i < n; i++) {
        int32_t id = s->dry.touched[i];
        change(s, logits, id, logits[id] - wf_dry_penalty(&s->dry, i));
    }
}

static size_t count_bits(const uint32_t *bits, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n / 32; i++)
        sum += (size_t)__builtin_popcount(bits[i]);
    if (n % 32 != 0)
        sum += (size_t)__builtin_popcount(bits[n / 32] & ((1u << n % 32) - 1));
    return sum;
}

/* The next token at or behind `from` that is allowed; n when there is none. */
static size_t next_bit(const uint32_t *bits, size_t n, size_t from)
{
    for (size_t i = from; i < n; i = (i / 32 + 1) * 32) {
        uint32_t word = bits[i / 32] >> i % 32;
        if (word != 0)
            return WF_MIN(n, i + (size_t)__builtin_ctz(word));
    }
    return n;
}

/* -infinity for every token that is not allowed. */
static void blot_out(float *logits, const uint32_t *bits, size_t n)
{
    for (size_t i = 0; i < n; i += 32) {
        size_t end = WF_MIN(n, i + 32);
        if (bits[i / 32] == UINT32_MAX)
            continue;
        for (size_t j = i; j < end; j++)
            if (!(bits[i / 32] >> (j - i) & 1))
                logits[j] = -INFINITY;
    }
}

/* ---- steps that choose ---- */

/* A number in [0, 1). */
static double draw_unit(struct wf_sampler *s)
{
    return (double)(wf_rng_u64(&s->rng.rng) >> 11) * 0x1p-53;
}

const struct wf_cand *wf_sampler_draw(struct wf_sampler *s)
{
    const struct wf_cands *c = &s->cands;
    double left = draw_unit(s) * c->mass;
    const struct wf_cand *last = &c->ptr[0];

    for (size_t i = 0; i < c->n; i++) {
        if (!(c->ptr[i].w > 0))
            continue;
        last = &c->ptr[i];
        left -= (double)last->w;
        if (left < 0)
            break;
    }
    return last;
}

/* A draw from all tokens, none gathered: a block's share decides first. */
static int32_t draw_bare(struct wf_sampler *s, const float *logits, float scale)
{
    const float max = s->cands.max;
    size_t n_blocks = (s->n_vocab + BLOCK - 1) / BLOCK, i = 0, last;
    double mass = 0, left;

    for (size_t k = 0; k < n_blocks; k++) {
        size_t n = WF_MIN(BLOCK, s->n_vocab - k * BLOCK);
        s->block_mass[k] = wf_sampler_mass(logits + k * BLOCK, n, max, scale);
        mass += s->block_mass[k];
    }
    left = draw_unit(s) * mass;
    while (i + 1 < n_blocks && left >= s->block_mass[i])
        left -= s->block_mass[i++];
    last = wf_sampler_argmax(logits, s->n_vocab); /* where rounding leaves nothing else */
    for (size_t j = i * BLOCK; j < WF_MIN(s->n_vocab, (i + 1) * BLOCK); j++) {
        float w = wf_sampler_share((logits[j] - max) * scale);
        if (!(w > 0))
            continue;
        last = j;
        left -= (double)w;
        if (left < 0)
            break;
    }
    return (int32_t)last;
}

/* Those whose surprise is nearest to the expected one. */
static void cut_typical(struct wf_cands *c, float typical_p)
{
    double log_mass = wf_sampler_log(c->mass), entropy = 0;

    for (size_t i = 0; i < c->n; i++) {
        const struct wf_cand *one = &c->ptr[i];
        if (one->w > 0)
            entropy += (double)one->w / c->mass * (log_mass - (double)(one->x - c->max));
    }
    for (size_t i = 0; i < c->n; i++) {
        struct wf_cand *one = &c->ptr[i];
        one->key = (float)-fabs(log_mass - (double)(one->x - c->max) - entropy);
    }
    wf_cands_keep_mass(c, (double)typical_p * c->mass);
    c->max = -INFINITY;
    for (size_t i = 0; i < c->n; i++) {
        c->ptr[i].key = c->ptr[i].x;
        c->max = fmaxf(c->max, c->ptr[i].x);
    }
    wf_cands_weigh(c, 1);
}

/* Only tokens that are at least min_p times as likely as the likeliest. */
static void cut_min_p(struct wf_cands *c, float min_p)
{
    double floor = (double)c->max + wf_sampler_log((double)min_p);
    size_t n = 0;

    c->mass = 0;
    for (size_t i = 0; i < c->n; i++) {
        struct wf_cand one = c->ptr[i];
        if ((double)one.x < floor && one.x < c->max)
            continue;
        c->mass += (double)one.w;
        c->ptr[n++] = one;
    }
    c->n = n;
}

/* With some probability: of the tokens above the threshold only the least likely. */
static void cut_xtc(struct wf_sampler *s)
{
    struct wf_cands *c = &s->cands;
    bool happens = draw_unit(s) < (double)s->set.xtc_probability;
    double bar = (double)s->set.xtc_threshold * c->mass;
    size_t n = 0, least = SIZE_MAX;

    if (!happens || c->n < 2)
        return;
    for (size_t i = 0; i < c->n; i++)
        if ((double)c->ptr[i].w >= bar && (least == SIZE_MAX || c->ptr[i].x <= c->ptr[least].x))
            least = i;
    for (size_t i = 0; least != SIZE_MAX && i < c->n; i++)
        if (i == least || (double)c->ptr[i].w < bar)
            c->ptr[n++] = c->ptr[i];
    c->n = least == SIZE_MAX ? c->n : n;
    c->max = -INFINITY;
    for (size_t i = 0; i < c->n; i++)
        c->max = fmaxf(c->max, c->ptr[i].x);
}

/* Gathers what top-p and min-p cannot both throw away; cands.mass is that of all tokens. What has
 * less than the n-th part of what top-p leaves out is beyond its cut: all such together come to
 * less than that. */
static void gather_likely(struct wf_sampler *s, const float *logits)
{
    const struct wf_sampling *set = &s->set;
    struct wf_cands *c = &s->cands;
    double floor = -INFINITY;

    if (set->top_p < 1) {
        double out = 1 - (double)set->top_p;
        double mass = wf_sampler_mass(logits, s->n_vocab, c->max, 1);
        floor = wf_sampler_log(out * mass / (double)s->n_vocab);
        c->mass = mass;
    }
    if (set->min_p > 0)
        floor = fmax(floor, wf_sampler_log((double)set->min_p));
    /* A little lower: the exact cuts follow. */
    floor = fmin(0, floor - 1e-3) + (double)c->max;
    floor = fmin(floor - fabs(floor) * 1e-6, (double)c->max);
    wf_cands_gather(c, logits, s->n_vocab, (float)fmax(floor, -(double)FLT_MAX));
}

/* Fills the candidates as top-k leaves them, with shares. */
static void gather(struct wf_sampler *s, const float *logits, bool is_gathered)
{
    const struct wf_sampling *set = &s->set;
    struct wf_cands *c = &s->cands;
    double mass;

    if (set->top_k > 0 && (uint64_t)set->top_k < s->n_vocab) {
        if (is_gathered)
            wf_cands_keep_n(c, (size_t)set->top_k);
        else
            wf_cands_gather_top(c, logits, s->n_vocab, (size_t)set->top_k);
    } else if (!is_gathered && set->typical_p >= 1 && (set->top_p < 1 || set->min_p > 0)) {
        gather_likely(s, logits);
        mass = c->mass;
        wf_cands_weigh(c, 1);
        if (set->top_p < 1)
            c->mass = mass;
        return;
    } else if (!is_gathered) {
        wf_cands_gather(c, logits, s->n_vocab, -FLT_MAX);
    }
    wf_cands_weigh(c, 1);
}

static int32_t choose_filtered(struct wf_sampler *s, const float *logits, bool is_gathered)
{
    const struct wf_sampling *set = &s->set;
    struct wf_cands *c = &s->cands;
    bool has_xtc = set->xtc_probability > 0 && set->xtc_threshold <= 0.5f;
    bool has_k = set->top_k > 0 && (uint64_t)set->top_k < s->n_vocab;

    if (!is_gathered && !has_k && !has_xtc && set->typical_p >= 1 && set->top_p >= 1 &&
        !(set->min_p > 0))
        return draw_bare(s, logits, 1 / set->temperature);
    gather(s, logits, is_gathered);
    if (set->typical_p < 1)
        cut_typical(c, set->typical_p);
    if (set->top_p < 1)
        wf_cands_keep_mass(c, (double)set->top_p * c->mass);
    if (set->min_p > 0)
        cut_min_p(c, set->min_p);
    if (has_xtc)
        cut_xtc(s);
    wf_cands_weigh(c, 1 / set->temperature);
    return wf_sampler_draw(s)->id;
}

/* ---- one pick ---- */

static void gather_allowed(struct wf_sampler *s, const float *logits, const uint32_t *allowed)
{
    struct wf_cands *c = &s->cands;

    c->n = 0;
    c->max = -INFINITY;
    for (size_t i = 0; (i = next_bit(allowed, s->n_vocab, i)) < s->n_vocab; i++) {
        float x = fminf(logits[i], FLT_MAX);
        if (isnan(logits[i]) || x < -FLT_MAX)
            continue;
        c->ptr[c->n++] = (struct wf_cand){.x = x, .key = x, .id = (int32_t)i};
        c->max = fmaxf(c->max, x);
    }
}

static int32_t likeliest(const struct wf_cands *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->ptr[i].x == c->max)
            return c->ptr[i].id;
    return 0;
}

static void make_finite(float *logits, size_t n)
{
    for (size_t i = 0; i < n; i++)
        logits[i] = logits[i] > FLT_MAX ? FLT_MAX : logits[i];
}

static int32_t choose(struct wf_sampler *s, float *logits, const uint32_t *allowed)
{
    const struct wf_sampling *set = &s->set;
    struct wf_cands *c = &s->cands;
    bool is_gathered =
        allowed != NULL && count_bits(allowed, s->n_vocab) <= s->n_vocab / SPARSE + 1;
    size_t best = 0;

    assert(allowed == NULL || next_bit(allowed, s->n_vocab, 0) < s->n_vocab);
    if (is_gathered) {
        gather_allowed(s, logits, allowed);
    } else {
        if (allowed != NULL)
            blot_out(logits, allowed, s->n_vocab);
        best = wf_sampler_argmax(logits, s->n_vocab);
        c->max = logits[best];
        if (c->max > FLT_MAX) {
            make_finite(logits, s->n_vocab);
            c->max = FLT_MAX;
        }
    }
    if (!(c->max >= -FLT_MAX)) /* invariant 2 */
        return allowed == NULL ? 0 : (int32_t)next_bit(allowed, s->n_vocab, 0);
    if (!(set->temperature > 0) || !isfinite(1 / set->temperature))
        return is_gathered ? likeliest(c) : (int32_t)best;
    if (set->mirostat == 1)
        return wf_sampler_mirostat1(s, logits, is_gathered);
    if (set->mirostat == 2)
        return wf_sampler_mirostat2(s, logits, is_gathered);
    return choose_filtered(s, logits, is_gathered);
}

/* Writes the n likeliest; returns the logarithm of the sum of all exp(logit). */
static double report(struct wf_sampler *s, float *logits, size_t n, struct wf_logprob *out)
{
    struct wf_cands *c = &s->cands;
    float max = logits[wf_sampler_argmax(logits, s->n_vocab)];
    double sum;

    if (max > FLT_MAX)
        make_finite(logits, s->n_vocab);
    max = isnan(max) ? 0 : fmaxf(fminf(max, FLT_MAX), -FLT_MAX);
    sum = (double)max + wf_sampler_log(wf_sampler_mass(logits, s->n_vocab, max, 1));
    c->n = 0;
    if (n > 0)
        wf_cands_gather_top(c, logits, s->n_vocab, WF_MIN(n, s->n_vocab));
    wf_cands_sort(c);
    for (size_t i = 0; i < n; i++) {
        out[i] = (struct wf_logprob){WF_TOKEN_NONE, -INFINITY};
        if (i < c->n)
            out[i] = (struct wf_logprob){c->ptr[i].id, (float)((double)c->ptr[i].x - sum)};
    }
    return sum;
}

/* What a logit was before this pick changed it. */
static float unchanged(const struct wf_sampler *s, const float *logits, int32_t id)
{
    for (size_t i = 0; i < s->n_changes; i++)
        if (s->changes[i].id == id)
            return s->changes[i].old;
    return logits[id];
}

int32_t wf_sampler_pick(struct wf_sampler *s, float *logits, const uint32_t *allowed, size_t n_top,
                        struct wf_logprob *out_top)
{
    double sum = 0;
    int32_t id;

    if (out_top != NULL)
        sum = report(s, logits, n_top, out_top + 1);
    s->n_changes = 0;
    apply_biases(s, logits);
    if (s->has_penalties)
        apply_penalties(s, logits);
    if (s->has_dry)
        apply_dry(s, logits);
    id = choose(s, logits, allowed);
    if (out_top != NULL)
        out_top[0] = (struct wf_logprob){id, (float)((double)unchanged(s, logits, id) - sum)};
    return id;
}
