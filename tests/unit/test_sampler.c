/* SPDX-License-Identifier: Apache-2.0 */
/* Sampler: hand-computed vectors; frequencies against a reference that sorts and sums in double;
 * what must not happen with hostile logits. All seeds are fixed. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "model/sampler_internal.h"
#include "support/tiny_vocab.h"

#define N_MAX 700

static struct wf_sampling off(void)
{
    struct wf_sampling s = wf_sampling_default();
    s.temperature = 1;
    s.top_k = 0;
    s.top_p = 1;
    s.min_p = 0;
    return s;
}

static struct wf_sampler *make(const struct wf_sampling *set, size_t n)
{
    struct wf_sampler *s = NULL;
    struct wf_err err = WF_ERR_INIT;
    if (wf_sampler_new(set, NULL, n, &s, &err) != 0)
        fail_msg("%s", err.msg);
    return s;
}

static int32_t pick(struct wf_sampler *s, const float *logits, size_t n, const uint32_t *allowed)
{
    float copy[N_MAX];
    memcpy(copy, logits, n * sizeof(*copy));
    return wf_sampler_pick(s, copy, allowed, 0, NULL);
}

/* ---- the reference ---- */

struct ref {
    int32_t id;
    double x, p;
};

static int by_logit(const void *a, const void *b)
{
    const struct ref *ra = a, *rb = b;
    return ra->x != rb->x ? (ra->x < rb->x ? 1 : -1) : ra->id - rb->id;
}

static double normalise(struct ref *r, size_t n, double t)
{
    double sum = 0, max = -INFINITY;
    for (size_t i = 0; i < n; i++)
        max = fmax(max, r[i].x);
    for (size_t i = 0; i < n; i++)
        sum += r[i].p = exp((r[i].x - max) / t);
    for (size_t i = 0; i < n; i++)
        r[i].p /= sum;
    return sum;
}

static size_t cut_at_mass(const struct ref *r, size_t n, double p)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        if ((sum += r[i].p) >= p)
            return i + 1;
    return n;
}

static size_t ref_typical(struct ref *r, size_t n, double p)
{
    double entropy = 0;
    for (size_t i = 0; i < n; i++)
        entropy -= r[i].p * log(r[i].p);
    for (size_t i = 0; i < n; i++) /* insertion sort by distance to the entropy */
        for (size_t j = i; j > 0 && fabs(-log(r[j].p) - entropy) < fabs(-log(r[j - 1].p) - entropy);
             j--) {
            struct ref t = r[j];
            r[j] = r[j - 1];
            r[j - 1] = t;
        }
    n = cut_at_mass(r, n, p);
    qsort(r, n, sizeof(*r), by_logit);
    return n;
}

/* The distribution that the settings make, without penalties and XTC, into out [n]. */
static void reference(const struct wf_sampling *set, const float *logits, size_t n,
                      const uint32_t *allowed, double *out)
{
    struct ref r[N_MAX];
    size_t m = 0;

    for (size_t i = 0; i < n; i++)
        if (allowed == NULL || (allowed[i / 32] >> i % 32 & 1))
            r[m++] = (struct ref){(int32_t)i, (double)logits[i], 0};
    qsort(r, m, sizeof(*r), by_logit);
    if (set->top_k > 0)
        m = WF_MIN(m, (size_t)set->top_k);
    (void)normalise(r, m, 1);
    if (set->typical_p < 1)
        m = ref_typical(r, m, (double)set->typical_p);
    (void)normalise(r, m, 1);
    if (set->top_p < 1)
        m = cut_at_mass(r, m, (double)set->top_p);
    (void)normalise(r, m, 1);
    while (m > 1 && r[m - 1].p < (double)set->min_p * r[0].p)
        m--;
    (void)normalise(r, m, (double)set->temperature);
    memset(out, 0, n * sizeof(*out));
    for (size_t i = 0; i < m; i++)
        out[r[i].id] = r[i].p;
}

static double random_unit(const struct wf_rng *rng)
{
    return (double)(wf_rng_u64(rng) >> 11) * 0x1p-53;
}

static double random_normal(const struct wf_rng *rng)
{
    return sqrt(-2 * log(1 - random_unit(rng))) * cos(6.283185307179586 * random_unit(rng));
}

static void expect_frequencies(const struct wf_sampling *set, const float *logits, size_t n,
                               const uint32_t *allowed, size_t n_draws)
{
    struct wf_sampler *s = make(set, n);
    double p[N_MAX], counts[N_MAX] = {0};

    reference(set, logits, n, allowed, p);
    for (size_t i = 0; i < n_draws; i++)
        counts[pick(s, logits, n, allowed)]++;
    for (size_t i = 0; i < n; i++) {
        double want = p[i] * (double)n_draws, sigma = sqrt(want * (1 - p[i])) + 1;
        if (fabs(counts[i] - want) > 5.5 * sigma || (p[i] == 0 && counts[i] > 0))
            fail_msg("token %zu of %zu: %g times, expected %g (k %d p %g m %g typ %g t %g)", i, n,
                     counts[i], want, (int)set->top_k, (double)set->top_p, (double)set->min_p,
                     (double)set->typical_p, (double)set->temperature);
    }
    wf_sampler_free(s);
}

/* ---- arithmetic ---- */

static void test_sampler__logarithm_and_exponential_are_exact_enough(void **state)
{
    (void)state;
    for (double x = 1e-300; x < 1e300; x *= 1.37e3)
        assert_true(fabs(wf_sampler_log(x) - log(x)) <= 4e-16 * (1 + fabs(log(x))));
    for (double x = -690; x < 700; x += 0.317)
        assert_true(fabs(wf_sampler_exp(x) - exp(x)) <= 1e-14 * exp(x));
    for (float x = -86.9f; x <= 0; x += 0.0137f)
        assert_true(fabs((double)wf_sampler_share(x) - exp((double)x)) <= 3e-7 * exp((double)x));
    assert_true(wf_sampler_share(0) == 1.0f);
    assert_true(wf_sampler_share(-88) == 0.0f);
    assert_true(wf_sampler_share(-INFINITY) == 0.0f);
    assert_true(wf_sampler_share(NAN) == 0.0f);
}

static void test_sampler__passes_see_every_place(void **state)
{
    float x[N_MAX];

    (void)state;
    for (size_t n = 1; n < N_MAX; n += 1 + n / 7)
        for (size_t at = 0; at < n; at += 1 + n / 11) {
            for (size_t i = 0; i < n; i++)
                x[i] = -(float)(i % 17);
            x[at] = 3;
            assert_int_equal(wf_sampler_argmax(x, n), at);
            assert_int_equal(wf_sampler_find(x, n, 0, 3), at);
            assert_int_equal(wf_sampler_find(x, n, at + 1, 3), n);
            double want = 0;
            for (size_t i = 0; i < n; i++)
                want += exp((double)x[i] - 3);
            assert_true(fabs(wf_sampler_mass(x, n, 3, 1) - want) < 1e-6 * want);
        }
}

/* ---- steps ---- */

static void test_sampler__without_temperature_the_first_likeliest_comes(void **state)
{
    const float logits[] = {1, 5, NAN, 5, -INFINITY, 4};
    const uint32_t allowed[] = {1u << 0 | 1u << 2 | 1u << 5};
    struct wf_sampling set = off();
    struct wf_sampler *s;

    (void)state;
    set.temperature = 0;
    s = make(&set, 6);
    assert_int_equal(pick(s, logits, 6, NULL), 1);
    assert_int_equal(pick(s, logits, 6, allowed), 5);
    wf_sampler_free(s);
}

static void test_sampler__everything_off_draws_from_the_model(void **state)
{
    const float logits[] = {0, 1, 2, -1, 0.5f};
    struct wf_sampling set = off();

    (void)state;
    expect_frequencies(&set, logits, 5, NULL, 20000);
    set.temperature = 2.5f;
    expect_frequencies(&set, logits, 5, NULL, 20000);
    set.temperature = 0.3f;
    expect_frequencies(&set, logits, 5, NULL, 20000);
}

/* Shares 0.5 0.25 0.125 0.0625 0.0625. */
static const float halves[] = {0, -0.693147181f, -1.386294361f, -2.079441542f, -2.079441542f};

static void expect_set(const struct wf_sampling *set, const float *logits, size_t n, uint32_t want)
{
    struct wf_sampler *s = make(set, n);
    uint32_t got = 0;
    for (int i = 0; i < 2000; i++)
        got |= 1u << pick(s, logits, n, NULL);
    assert_int_equal(got, want);
    wf_sampler_free(s);
}

static void test_sampler__cuts_fall_where_they_are_computed_by_hand(void **state)
{
    struct wf_sampling set = off();

    (void)state;
    set.top_k = 2;
    expect_set(&set, halves, 5, 3);
    set.top_k = 4; /* of equal ones the first */
    expect_set(&set, halves, 5, 15);
    set = off();
    set.top_p = 0.6f;
    expect_set(&set, halves, 5, 3);
    set.top_p = 0.8f;
    expect_set(&set, halves, 5, 7);
    set.top_p = 0.9f;
    expect_set(&set, halves, 5, 15);
    set.top_p = 0;
    expect_set(&set, halves, 5, 1);
    set = off();
    set.min_p = 0.3f;
    expect_set(&set, halves, 5, 3);
    set.min_p = 0.2f;
    expect_set(&set, halves, 5, 7);
    set.min_p = 1;
    expect_set(&set, halves, 5, 1);
    /* Entropy 1.875 bits: surprises 1 2 3 4 4 are 0.875 0.125 1.125 2.125 2.125 away. */
    set = off();
    set.typical_p = 0.2f;
    expect_set(&set, halves, 5, 2);
    set.typical_p = 0.7f;
    expect_set(&set, halves, 5, 3);
    set.typical_p = 0.8f;
    expect_set(&set, halves, 5, 7);
    /* top-p counts within what top-k left: 0.5 / 0.75 reaches 0.6. */
    set = off();
    set.top_k = 2;
    set.top_p = 0.6f;
    expect_set(&set, halves, 5, 1);
}

static void test_sampler__xtc_spares_the_least_of_the_likely(void **state)
{
    struct wf_sampling set = off();
    struct wf_sampler *s;
    int n_first = 0;

    (void)state;
    set.xtc_probability = 1;
    set.xtc_threshold = 0.2f;
    expect_set(&set, halves, 5, 2 + 4 + 8 + 16);
    set.xtc_threshold = 0.1f;
    expect_set(&set, halves, 5, 4 + 8 + 16);
    set.xtc_threshold = 0.4f; /* one alone stays */
    expect_set(&set, halves, 5, 31);
    set.xtc_threshold = 0.51f;
    expect_set(&set, halves, 5, 31);
    set.xtc_threshold = 0.1f;
    set.xtc_probability = 0.25f;
    s = make(&set, 5);
    for (int i = 0; i < 20000; i++)
        n_first += pick(s, halves, 5, NULL) == 0;
    assert_in_range(n_first, 7500 - 350, 7500 + 350); /* 0.75 * 0.5 */
    wf_sampler_free(s);
}

static void test_sampler__penalties_as_computed_by_hand(void **state)
{
    float logits[] = {2, 2, -2, 0};
    struct wf_sampling set = off();
    struct wf_sampler *s;

    (void)state;
    set.temperature = 0;
    set.repeat_penalty = 2;
    set.frequency_penalty = 0.25f;
    set.presence_penalty = 0.5f;
    set.repeat_last_n = 3;
    s = make(&set, 4);
    for (int32_t i = 0; i < 2; i++) /* falls out of the window */
        assert_int_equal(wf_sampler_accept(s, 3), 0);
    assert_int_equal(wf_sampler_accept(s, 1), 0);
    assert_int_equal(wf_sampler_accept(s, 1), 0);
    assert_int_equal(wf_sampler_accept(s, 2), 0);
    assert_int_equal(wf_sampler_pick(s, logits, NULL, 0, NULL), 0);
    assert_true(logits[0] == 2.0f);
    assert_true(logits[1] == 0.0f);   /* 2 / 2 - 2 * 0.25 - 0.5 */
    assert_true(logits[2] == -4.75f); /* -2 * 2 - 0.25 - 0.5 */
    assert_true(logits[3] == 0.0f);
    wf_sampler_free(s);
}

static void test_sampler__penalties_forget_what_leaves_the_window(void **state)
{
    struct wf_sampling set = off();
    struct wf_rng_seeded rng;
    struct wf_sampler *s;
    int32_t text[3000];

    (void)state;
    wf_rng_seeded_init(&rng, 1);
    set.temperature = 0;
    set.presence_penalty = 1;
    set.frequency_penalty = 0.125f;
    set.repeat_last_n = 37;
    s = make(&set, 50);
    for (size_t n = 0; n < WF_ARRAY_LEN(text); n++) {
        float logits[50] = {0}, want[50] = {0};
        text[n] = (int32_t)(wf_rng_u64(&rng.rng) % 50);
        assert_int_equal(wf_sampler_accept(s, text[n]), 0);
        (void)wf_sampler_pick(s, logits, NULL, 0, NULL);
        for (size_t i = n + 1 < 37 ? 0 : n + 1 - 37; i <= n; i++)
            want[text[i]] -= want[text[i]] < 0 ? 0.125f : 1.125f;
        assert_memory_equal(logits, want, sizeof(want));
    }
    wf_sampler_free(s);
}

static void test_sampler__bias_forbids_and_favours(void **state)
{
    const struct wf_logit_bias biases[] = {{0, -INFINITY}, {3, 0.7f}, {3, 0.7f}, {2, INFINITY}};
    struct wf_sampling set = off();

    (void)state;
    set.biases = biases;
    set.n_biases = 1;
    expect_set(&set, halves, 5, 30);
    set.temperature = 0;
    set.n_biases = 2;
    expect_set(&set, halves, 5, 2);
    set.n_biases = 3;
    expect_set(&set, halves, 5, 8);
    set.n_biases = 4;
    expect_set(&set, halves, 5, 4);
}

/* ---- DRY ---- */

/* The longest end of text[0..n) that also stands earlier followed by each token; within the last
 * `window`, not across `breaker`. */
static void dry_reference(const int32_t *text, size_t n, size_t window, int32_t breaker,
                          size_t *best, size_t n_vocab)
{
    size_t start = n > window ? n - window : 0;
    memset(best, 0, n_vocab * sizeof(*best));
    for (size_t end = start + 1; end < n; end++) {
        size_t length = 0;
        while (length < end - start && text[end - 1 - length] == text[n - 1 - length] &&
               text[n - 1 - length] != breaker)
            length++;
        best[text[end]] = WF_MAX(best[text[end]], length);
    }
}

struct opened {
    struct wf_buf bytes;
    struct wf_gguf *g;
    struct wf_vocab *v;
};

static void open_tiny(struct opened *o, const struct tiny_token *tokens)
{
    *o = (struct opened){0};
    wf_buf_init(&o->bytes, 1u << 16);
    tiny_vocab_build("llama", NULL, tokens, NULL, &o->bytes);
    assert_int_equal(wf_gguf_open_memory(o->bytes.ptr, o->bytes.len, &o->g, NULL), 0);
    assert_int_equal(wf_vocab_open(o->g, &o->v, NULL), 0);
}

static void shut(struct opened *o)
{
    wf_vocab_close(o->v);
    wf_gguf_close(o->g);
    wf_buf_deinit(&o->bytes);
}

static void test_sampler__dry_finds_the_longest_repeats(void **state)
{
    static const struct tiny_token tokens[] = {
        {"a", 1, -1},  {"b", 1, -1},   {"c", 1, -1},     {"d", 1, -1}, {"e", 1, -1},
        {"f", 1, -1},  {"g", 1, -1},   {"h", 1, -1},     {"i", 1, -1}, {"j", 1, -1},
        {"k", 1, -1},  {"l", 1, -1},   {"m", 1, -1},     {"n", 1, -1}, {"<unk>", 2, 0},
        {"<s>", 3, 0}, {"</s>", 3, 0}, {"<0x0A>", 6, 0}, {NULL, 0, 0},
    };
    static const char *const breakers[] = {"b"};
    static const int64_t windows[] = {-1, 12, 100};
    struct wf_rng_seeded rng;
    struct opened o;

    (void)state;
    open_tiny(&o, tokens);
    wf_rng_seeded_init(&rng, 7);
    for (size_t round = 0; round < 12; round++) {
        struct wf_sampling set = off();
        struct wf_sampler *s;
        int32_t text[400];
        size_t n_vocab = 2 + round, window;
        int32_t breaker = round % 2 ? 1 : -1;
        set.temperature = 0;
        set.dry_multiplier = 1;
        set.dry_base = 1.5f;
        set.dry_allowed_length = (int64_t)(round % 4);
        set.dry_last_n = windows[round % 3];
        window = set.dry_last_n < 0 ? SIZE_MAX : (size_t)set.dry_last_n;
        set.breakers = breakers;
        set.n_breakers = breaker < 0 ? 0 : 1;
        assert_int_equal(wf_sampler_new(&set, o.v, n_vocab, &s, NULL), 0);
        for (size_t n = 0; n < WF_ARRAY_LEN(text); n++) {
            float logits[16] = {0};
            size_t best[16], allowed = (size_t)set.dry_allowed_length;
            text[n] = (int32_t)(wf_rng_u64(&rng.rng) % (n_vocab + 3));
            /* Often goes on with what stood 7 tokens before, so that long repeats come. */
            if ((size_t)text[n] >= n_vocab)
                text[n] = n >= 7 ? text[n - 7] : 0;
            assert_int_equal(wf_sampler_accept(s, text[n]), 0);
            (void)wf_sampler_pick(s, logits, NULL, 0, NULL);
            dry_reference(text, n + 1, window, breaker, best, n_vocab);
            for (size_t i = 0; i < n_vocab; i++) {
                double want = best[i] == 0 || best[i] < allowed
                                  ? 0
                                  : -fmin(pow(1.5, (double)(best[i] - allowed)), 1e38);
                if (fabs((double)logits[i] - want) > 1e-4 * fabs(want))
                    fail_msg("round %zu, %zu tokens: token %zu %g, not %g (%zu)", round, n + 1, i,
                             (double)logits[i], want, best[i]);
            }
        }
        wf_sampler_free(s);
    }
    shut(&o);
}

static void test_sampler__dry_stops_at_breakers(void **state)
{
    static const struct tiny_token tokens[] = {
        {"<unk>", 2, 0}, {"<s>", 3, 0}, {"</s>", 3, 0}, {"a", 1, -1},     {"b", 1, -1},
        {"c:", 1, -1},   {"x", 1, -1},  {"y", 1, -1},   {"<0x0A>", 6, 0}, {NULL, 0, 0},
    };
    static const int32_t plain[] = {3, 4, 6, 3, 4}, colon[] = {3, 4, 5, 6, 3, 4, 5};
    static const int32_t xy[] = {6, 7, 4, 3, 6, 7};
    static const char *const breakers[] = {"xy"};
    struct wf_sampling set = off();
    struct opened o;

    (void)state;
    open_tiny(&o, tokens);
    set.temperature = 0;
    set.dry_multiplier = 1;
    for (int i = 0; i < 4; i++) {
        const int32_t *text = i == 0 ? plain : i == 1 ? colon : xy;
        size_t n = i == 0 ? 5 : i == 1 ? 7 : 6;
        float logits[9] = {0};
        struct wf_sampler *s = NULL;
        set.breakers = i == 3 ? breakers : NULL;
        set.n_breakers = i == 3 ? 1 : 0;
        assert_int_equal(wf_sampler_new(&set, o.v, 9, &s, NULL), 0);
        for (size_t j = 0; j < n; j++)
            assert_int_equal(wf_sampler_accept(s, text[j]), 0);
        (void)wf_sampler_pick(s, logits, NULL, 0, NULL);
        assert_true(logits[6] == (i == 0 ? -1.0f : 0.0f));
        assert_true(logits[4] == (i == 2 ? -1.0f : 0.0f)); /* "x" "y" is a breaker in the last */
        wf_sampler_free(s);
    }
    shut(&o);
}

/* ---- random settings against the reference ---- */

static void random_mask(const struct wf_rng *rng, size_t n, double share, uint32_t *out)
{
    memset(out, 0, (n + 31) / 32 * sizeof(*out));
    for (size_t i = 0; i < n; i++)
        if (random_unit(rng) < share || i == n / 2)
            out[i / 32] |= 1u << i % 32;
    if (n % 32 != 0) /* behind the last token: not to be looked at */
        out[n / 32] |= ~((1u << n % 32) - 1);
}

static void test_sampler__frequencies_are_those_of_the_reference(void **state)
{
    struct wf_rng_seeded rng;

    (void)state;
    wf_rng_seeded_init(&rng, 42);
    for (int round = 0; round < 60; round++) {
        const struct wf_rng *r = &rng.rng;
        struct wf_sampling set = off();
        size_t n = 1 + wf_rng_below(r, round % 3 == 0 ? N_MAX - 1 : 40);
        float logits[N_MAX];
        uint32_t allowed[N_MAX / 32 + 1];
        for (size_t i = 0; i < n; i++)
            logits[i] = (float)(2.5 * random_normal(r));
        set.seed = (uint64_t)round;
        if (round & 1)
            set.top_k = 1 + (int64_t)wf_rng_below(r, 30);
        if (round & 2)
            set.top_p = (float)random_unit(r);
        if (round & 4)
            set.min_p = (float)(0.2 * random_unit(r));
        if (round & 8)
            set.typical_p = (float)random_unit(r);
        if (round & 16)
            set.temperature = (float)(0.3 + random_unit(r));
        random_mask(r, n, round % 5 == 0 ? 0.04 : 0.6, allowed);
        expect_frequencies(&set, logits, n, round % 4 == 3 || round % 5 == 0 ? allowed : NULL,
                           2000);
    }
}

static void test_sampler__cuts_large_sets_as_sorting_would(void **state)
{
    struct wf_rng_seeded rng;

    (void)state;
    wf_rng_seeded_init(&rng, 3);
    for (int round = 0; round < 40; round++) {
        struct wf_cand room[N_MAX], copy[N_MAX];
        struct wf_cands c = {.ptr = room, .n = 1 + wf_rng_below(&rng.rng, N_MAX - 1)};
        size_t n = c.n, k = 1 + wf_rng_below(&rng.rng, n);
        double sum = 0;
        for (size_t i = 0; i < n; i++) { /* many equal keys */
            float x = round & 1 ? (float)(int)(3 * random_normal(&rng.rng))
                                : (float)random_normal(&rng.rng);
            room[i] = (struct wf_cand){.x = x, .key = x, .w = 1, .id = (int32_t)i};
        }
        memcpy(copy, room, n * sizeof(*copy));
        if (round & 2)
            wf_cands_keep_n(&c, k);
        else
            wf_cands_keep_mass(&c, (double)k);
        assert_int_equal(c.n, k);
        wf_cands_sort(&c);
        c = (struct wf_cands){.ptr = copy, .n = n};
        wf_cands_sort(&c);
        for (size_t i = 0; i < k; i++) {
            assert_int_equal(room[i].id, copy[i].id);
            sum += (double)copy[i].w;
        }
        assert_true(sum == (double)k);
    }
}

static void test_sampler__top_k_gathers_from_any_order(void **state)
{
    enum {
        N = 5000
    };
    static float logits[N];
    struct wf_sampler *s;
    struct wf_sampling set = off();

    (void)state;
    s = make(&set, N);
    for (int order = 0; order < 4; order++) {
        for (int i = 0; i < N; i++)
            logits[i] = (float)(order == 0   ? i
                                : order == 1 ? -i
                                : order == 2 ? i * 1237 % N
                                             : i % 3);
        for (size_t k = 1; k <= N; k = k * 5 + 1) {
            wf_cands_gather_top(&s->cands, logits, N, k);
            assert_int_equal(s->cands.n, k);
            wf_cands_sort(&s->cands);
            for (size_t i = 0; order < 3 && i < k; i++)
                assert_true(s->cands.ptr[i].x == logits[order == 1 ? 0 : N - 1] - (float)i ||
                            order == 2);
            for (size_t i = 1; i < k; i++)
                assert_true(s->cands.ptr[i].x < s->cands.ptr[i - 1].x ||
                            (order == 3 && s->cands.ptr[i].id > s->cands.ptr[i - 1].id));
        }
    }
    wf_sampler_free(s);
}

/* ---- mirostat ---- */

static void test_sampler__mirostat_keeps_the_surprise(void **state)
{
    (void)state;
    for (int64_t version = 1; version <= 2; version++)
        for (int tau = 2; tau <= 5; tau++) {
            struct wf_sampling set = off();
            struct wf_rng_seeded rng;
            struct wf_sampler *s;
            float logits[N_MAX], copy[N_MAX];
            double sum = 0;
            int n = 4000;
            wf_rng_seeded_init(&rng, 5);
            for (size_t i = 0; i < N_MAX; i++)
                logits[i] = (float)(-1.2 * log((double)i + 1));
            set.mirostat = version;
            set.mirostat_tau = (float)tau;
            s = make(&set, N_MAX);
            for (int i = 0; i < n; i++) {
                struct wf_logprob p[1];
                memcpy(copy, logits, sizeof(copy));
                (void)wf_sampler_pick(s, copy, NULL, 0, p);
                sum -= (double)p[0].logprob / log(2);
            }
            /* What was drawn is measured against the cut distribution, so the model's own
             * surprise lies somewhat above the target. */
            sum /= n;
            if (!(sum > tau - 0.2 && sum < tau + 1.5))
                fail_msg("mirostat %d, target %d: %g bits", (int)version, tau, sum);
            wf_sampler_free(s);
        }
}

/* ---- logarithms of probability ---- */

static void test_sampler__logprobs_are_of_the_model_before_any_step(void **state)
{
    const struct wf_logit_bias bias = {0, -100};
    struct wf_sampling set = off();
    struct wf_logprob p[7];
    struct wf_sampler *s;
    float logits[5];

    (void)state;
    memcpy(logits, halves, sizeof(logits));
    set.temperature = 0;
    set.biases = &bias;
    set.n_biases = 1;
    set.presence_penalty = 3;
    s = make(&set, 5);
    assert_int_equal(wf_sampler_accept(s, 1), 0);
    assert_int_equal(wf_sampler_pick(s, logits, NULL, 6, p), 2);
    assert_int_equal(p[0].id, 2);
    assert_true(fabsf(p[0].logprob + 2.0794415f) < 1e-5f);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(p[i + 1].id, i);
        assert_true(fabsf(p[i + 1].logprob - (halves[i] - 0.6931472f)) < 1e-5f);
    }
    assert_int_equal(p[6].id, WF_TOKEN_NONE);
    wf_sampler_free(s);
    /* A token whose logit was changed is reported as it was. */
    set.biases = &(const struct wf_logit_bias){4, 100};
    s = make(&set, 5);
    memcpy(logits, halves, sizeof(logits));
    assert_int_equal(wf_sampler_pick(s, logits, NULL, 0, p), 4);
    assert_true(fabsf(p[0].logprob + 2.7725887f) < 1e-5f);
    wf_sampler_free(s);
}

/* ---- what comes from outside ---- */

static void test_sampler__hostile_logits_give_an_allowed_token(void **state)
{
    static const float values[] = {NAN, INFINITY, -INFINITY, 0, FLT_MAX, -FLT_MAX, 1e30f, -3};
    struct wf_rng_seeded rng;

    (void)state;
    wf_rng_seeded_init(&rng, 11);
    for (int round = 0; round < 3000; round++) {
        const struct wf_rng *r = &rng.rng;
        struct wf_sampling set = off();
        struct wf_logprob p[4];
        size_t n = 1 + wf_rng_below(r, 90), n_values = 1 + wf_rng_below(r, 8);
        uint32_t allowed[4];
        float logits[96];
        struct wf_sampler *s;
        int32_t id;
        for (size_t i = 0; i < n; i++)
            logits[i] = values[wf_rng_below(r, n_values)];
        random_mask(r, n, round % 2 ? 0.05 : 0.7, allowed);
        set.temperature = (float)(round % 3);
        set.mirostat = round % 7 < 3 ? round % 7 : 0;
        set.top_k = round % 4 == 0 ? 3 : 0;
        set.top_p = round % 5 == 0 ? 0.5f : 1;
        set.min_p = round % 6 == 0 ? 0.1f : 0;
        set.typical_p = round % 8 == 0 ? 0.5f : 1;
        set.xtc_probability = round % 9 == 0 ? 1 : 0;
        set.presence_penalty = 1;
        s = make(&set, n);
        for (int i = 0; i < 3; i++) {
            id = wf_sampler_pick(s, logits, allowed, 3, p);
            assert_in_range(id, 0, n - 1);
            assert_true(allowed[id / 32] >> id % 32 & 1);
            assert_int_equal(wf_sampler_accept(s, id), 0);
        }
        wf_sampler_free(s);
    }
}

static void test_sampler__a_number_is_preferred_to_none(void **state)
{
    const float logits[] = {NAN, -INFINITY, -90, NAN};
    struct wf_sampling set = wf_sampling_default();

    (void)state;
    expect_set(&set, logits, 4, 4);
    set = off();
    expect_set(&set, logits, 4, 4);
    set.mirostat = 1;
    expect_set(&set, logits, 4, 4);
    set.mirostat = 2;
    expect_set(&set, logits, 4, 4);
}

static void test_sampler__one_allowed_token_comes(void **state)
{
    const uint32_t allowed[] = {0, 1u << 3, 0};
    struct wf_sampling set = wf_sampling_default();
    struct wf_sampler *s = make(&set, 70);
    float logits[70] = {0};

    (void)state;
    for (int i = 0; i < 50; i++)
        assert_int_equal(pick(s, logits, 70, allowed), 35);
    logits[35] = -INFINITY;
    assert_int_equal(pick(s, logits, 70, allowed), 35);
    wf_sampler_free(s);
}

static void test_sampler__seeds_repeat(void **state)
{
    static const struct {
        uint64_t seed;
        int32_t ids[8];
    } known[] = {
        {0, {56, 70, 10, 40, 70, 97, 40, 54}},
        {1, {67, 51, 54, 35, 67, 16, 8, 35}},
    };
    float logits[100];

    (void)state;
    for (int i = 0; i < 100; i++)
        logits[i] = (float)(i * 37 % 100) / 20;
    for (size_t k = 0; k < WF_ARRAY_LEN(known); k++) {
        struct wf_sampling set = wf_sampling_default();
        struct wf_sampler *s;
        set.seed = known[k].seed;
        s = make(&set, 100);
        for (int i = 0; i < 8; i++)
            assert_int_equal(pick(s, logits, 100, NULL), known[k].ids[i]);
        wf_sampler_free(s);
    }
}

static void test_sampler__refuses_what_is_out_of_bounds(void **state)
{
    const struct wf_logit_bias bad_id = {5, 1}, no_number = {0, NAN};
    struct wf_sampling bad[12];
    struct wf_sampler *s = NULL;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++)
        bad[i] = wf_sampling_default();
    bad[0].temperature = -0.1f;
    bad[1].temperature = NAN;
    bad[2].top_p = 1.5f;
    bad[3].min_p = -1;
    bad[4].top_k = -1;
    bad[5].repeat_penalty = 0;
    bad[6].mirostat = 3;
    bad[7].dry_base = 0.5f;
    bad[8].repeat_last_n = -2;
    bad[9].xtc_probability = 2;
    bad[10].biases = &bad_id;
    bad[10].n_biases = 1;
    bad[11].biases = &no_number;
    bad[11].n_biases = 1;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        struct wf_err err = WF_ERR_INIT;
        assert_int_equal(wf_sampler_new(&bad[i], NULL, 5, &s, &err), WF_E_RANGE);
        assert_true(err.msg[0] != 0);
    }
}

static void test_sampler__a_pick_allocates_nothing(void **state)
{
    struct wf_sampling set = wf_sampling_default();
    struct wf_logprob p[6];
    struct wf_sampler *s;

    (void)state;
    set.presence_penalty = 1;
    set.dry_multiplier = 1;
    s = make(&set, N_MAX);
    for (int32_t i = 0; i < 600; i++) {
        float logits[N_MAX] = {0};
        uint64_t before;
        assert_int_equal(wf_sampler_accept(s, i % 90), 0);
        before = wf_alloc_stats().n_total;
        (void)wf_sampler_pick(s, logits, NULL, 5, p);
        assert_int_equal(wf_alloc_stats().n_total, before);
    }
    wf_sampler_free(s);
}

static void test_sampler__fails_cleanly_without_memory(void **state)
{
    const struct wf_logit_bias bias = {1, 1};
    struct wf_sampling set = wf_sampling_default();
    uint64_t live = wf_alloc_stats().n_live;

    (void)state;
    set.presence_penalty = 1;
    set.dry_multiplier = 1;
    set.biases = &bias;
    set.n_biases = 1;
    for (uint64_t n = 1;; n++) {
        struct wf_sampler *s = NULL;
        bool failed;
        int rc;
        wf_alloc_fail_at(n);
        rc = wf_sampler_new(&set, NULL, 40, &s, NULL);
        for (int32_t i = 0; rc == 0 && i < 600; i++)
            rc = wf_sampler_accept(s, i % 40);
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(rc, failed ? WF_E_NOMEM : 0);
        wf_sampler_free(s);
        assert_int_equal(wf_alloc_stats().n_live, live);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sampler__logarithm_and_exponential_are_exact_enough),
        cmocka_unit_test(test_sampler__passes_see_every_place),
        cmocka_unit_test(test_sampler__without_temperature_the_first_likeliest_comes),
        cmocka_unit_test(test_sampler__everything_off_draws_from_the_model),
        cmocka_unit_test(test_sampler__cuts_fall_where_they_are_computed_by_hand),
        cmocka_unit_test(test_sampler__xtc_spares_the_least_of_the_likely),
        cmocka_unit_test(test_sampler__penalties_as_computed_by_hand),
        cmocka_unit_test(test_sampler__penalties_forget_what_leaves_the_window),
        cmocka_unit_test(test_sampler__bias_forbids_and_favours),
        cmocka_unit_test(test_sampler__dry_finds_the_longest_repeats),
        cmocka_unit_test(test_sampler__dry_stops_at_breakers),
        cmocka_unit_test(test_sampler__frequencies_are_those_of_the_reference),
        cmocka_unit_test(test_sampler__cuts_large_sets_as_sorting_would),
        cmocka_unit_test(test_sampler__top_k_gathers_from_any_order),
        cmocka_unit_test(test_sampler__mirostat_keeps_the_surprise),
        cmocka_unit_test(test_sampler__logprobs_are_of_the_model_before_any_step),
        cmocka_unit_test(test_sampler__hostile_logits_give_an_allowed_token),
        cmocka_unit_test(test_sampler__a_number_is_preferred_to_none),
        cmocka_unit_test(test_sampler__one_allowed_token_comes),
        cmocka_unit_test(test_sampler__seeds_repeat),
        cmocka_unit_test(test_sampler__refuses_what_is_out_of_bounds),
        cmocka_unit_test(test_sampler__a_pick_allocates_nothing),
        cmocka_unit_test(test_sampler__fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
