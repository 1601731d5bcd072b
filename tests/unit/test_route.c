/* SPDX-License-Identifier: Apache-2.0 */
/* The router: each constraint removes what it must and says so, the balance decides, estimates
 * learn and fade, what was learned survives its file, and in simulated households nothing is ever
 * broken and little is regretted. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "route/experience.h"
#include "route/route.h"
#include "support/route_sim.h"

#define DAY_MS INT64_C(86400000)

static struct wf_candidate small_here(void)
{
    return (struct wf_candidate){.engine = WF_STR("here"),
                                 .model = WF_STR("small"),
                                 .tier = WF_TIER_HERE,
                                 .clearance = WF_LABEL_SECRET,
                                 .abilities = WF_ABILITY_TOOLS,
                                 .n_params = 3000000000,
                                 .n_context = 8192,
                                 .read_ms = 1,
                                 .write_ms = 40,
                                 .power_w = 20,
                                 .money_left = -1,
                                 .energy_left_j = -1,
                                 .battery = -1};
}

static struct wf_candidate large_far(void)
{
    return (struct wf_candidate){.engine = WF_STR("far"),
                                 .model = WF_STR("large"),
                                 .tier = WF_TIER_PROVIDER,
                                 .clearance = WF_LABEL_INTERNAL,
                                 .abilities = WF_ABILITY_TOOLS | WF_ABILITY_IMAGES,
                                 .n_params = 1000000000000,
                                 .price_in = 2,
                                 .price_out = 8,
                                 .money_left = -1,
                                 .energy_left_j = -1,
                                 .battery = -1,
                                 .needs_network = true};
}

static struct wf_route_request a_request(void)
{
    return (struct wf_route_request){
        .kind = WF_KIND_CHAT, .n_prompt = 100, .hard_small = 0.5F, .hard_large = 2.5F};
}

/* What removes the far one of the two. */
static enum wf_barrier barrier(const struct wf_route_request *q, struct wf_candidate far)
{
    struct wf_candidate both[] = {small_here(), far};
    const struct wf_route_options o = {.now_ms = DAY_MS};
    struct wf_decision d;

    both[0].label = far.label;
    wf_route_decide(q, both, 2, &o, &d);
    if (d.of[1].barrier != WF_BARRIER_NONE) {
        for (size_t i = 0; i < d.n_allowed; i++)
            assert_int_not_equal(d.order[i], 1);
        assert_int_not_equal(d.hedge, 1);
        assert_int_not_equal(d.cascade, 1);
        assert_int_not_equal(d.cascade_then, 1);
    }
    return d.of[1].barrier;
}

static void test_route__rights_remove_with_their_reason(void **state)
{
    struct wf_route_request q = a_request();
    struct wf_candidate c = large_far();

    (void)state;
    assert_int_equal(barrier(&q, c), WF_BARRIER_NONE);
    c.label = WF_LABEL_INTERNAL;
    assert_int_equal(barrier(&q, c), WF_BARRIER_NONE);
    c.label = WF_LABEL_PRIVATE;
    assert_int_equal(barrier(&q, c), WF_BARRIER_CLEARANCE);
    c.label = (enum wf_label)77; /* no label that can be read: secret */
    c.clearance = WF_LABEL_SECRET;
    assert_int_equal(barrier(&q, c), WF_BARRIER_SECRET);
    c = large_far();
    c.clearance = (enum wf_label)77;
    assert_int_equal(barrier(&q, c), WF_BARRIER_CLEARANCE);
    c = large_far();
    c.is_refused = true;
    assert_int_equal(barrier(&q, c), WF_BARRIER_POLICY);
    c = large_far();
    c.needs_consent = true;
    assert_int_equal(barrier(&q, c), WF_BARRIER_CONSENT);
    q.has_consent = true;
    assert_int_equal(barrier(&q, c), WF_BARRIER_NONE);
    q.here_only = true;
    assert_int_equal(barrier(&q, c), WF_BARRIER_HERE);
    q = a_request();
    q.is_offline = true;
    assert_int_equal(barrier(&q, large_far()), WF_BARRIER_OFFLINE);
}

static void test_route__means_remove_at_their_limit_and_not_below(void **state)
{
    struct wf_route_request q = a_request();
    struct wf_candidate c = large_far();

    (void)state;
    c.breaker = WF_BREAKER_OPEN;
    assert_int_equal(barrier(&q, c), WF_BARRIER_BREAKER);
    c.breaker = WF_BREAKER_HALF_OPEN;
    assert_int_equal(barrier(&q, c), WF_BARRIER_NONE);
    q.needs = WF_ABILITY_IMAGES;
    assert_int_equal(barrier(&q, large_far()), WF_BARRIER_NONE);
    q.needs |= WF_ABILITY_SCHEMA;
    assert_int_equal(barrier(&q, large_far()), WF_BARRIER_ABILITY);
    q = a_request();
    q.n_max = 1000;
    c = large_far();
    c.n_context = 1100;
    assert_int_equal(barrier(&q, c), WF_BARRIER_NONE);
    c.n_context = 1099;
    assert_int_equal(barrier(&q, c), WF_BARRIER_CONTEXT);
    c = large_far();
    c.money_left = (100 * 2 + 1000 * 8) / 1e6;
    assert_int_equal(barrier(&q, c), WF_BARRIER_NONE);
    c.money_left *= 0.999;
    assert_int_equal(barrier(&q, c), WF_BARRIER_BUDGET);
    c = large_far();
    c.energy_left_j = 0;
    assert_int_equal(barrier(&q, c), WF_BARRIER_BUDGET);
    c = large_far();
    c.battery = 0.19F;
    assert_int_equal(barrier(&q, c), WF_BARRIER_BATTERY);
    q.battery_least = 0.1F;
    assert_int_equal(barrier(&q, c), WF_BARRIER_NONE);
    c.battery = -1;
    c.heat = 0.95F;
    assert_int_equal(barrier(&q, c), WF_BARRIER_HEAT);
    q.deadline_ms = 10;
    assert_int_equal(barrier(&q, large_far()), WF_BARRIER_DEADLINE);
    q.deadline_ms = 1e7;
    assert_int_equal(barrier(&q, large_far()), WF_BARRIER_NONE);
}

static size_t chosen(enum wf_balance balance, struct wf_route_request q)
{
    const struct wf_candidate both[] = {small_here(), large_far()};
    const struct wf_route_options o = {.now_ms = DAY_MS};
    struct wf_decision d;

    q.balance = balance;
    wf_route_decide(&q, both, 2, &o, &d);
    assert_int_equal(d.n_allowed, 2);
    assert_false(d.explores);
    return wf_decision_chosen(&d);
}

static void test_route__the_balance_decides(void **state)
{
    struct wf_route_request easy = a_request(), hard = a_request();

    (void)state;
    easy.hard_small = 4;
    easy.hard_large = 4.5F;
    hard.hard_small = -1;
    hard.hard_large = 2;
    assert_int_equal(chosen(WF_BALANCE_GOOD, hard), 1);
    assert_int_equal(chosen(WF_BALANCE_FAST, hard), 1);
    assert_int_equal(chosen(WF_BALANCE_PRIVATE, hard), 0);
    assert_int_equal(chosen(WF_BALANCE_PRIVATE, easy), 0);
    assert_int_equal(chosen(WF_BALANCE_FRUGAL, easy), 0);
}

static void test_route__without_candidates_nothing_is_chosen(void **state)
{
    struct wf_route_request q = a_request();
    struct wf_candidate c = large_far(), many[WF_ROUTE_CANDIDATES_MAX + 1];
    const struct wf_route_options o = {.now_ms = 0};
    struct wf_decision d;

    (void)state;
    wf_route_decide(&q, &c, 0, &o, &d);
    assert_true(wf_decision_chosen(&d) == WF_ROUTE_NONE);
    c.label = WF_LABEL_SECRET;
    wf_route_decide(&q, &c, 1, &o, &d);
    assert_true(wf_decision_chosen(&d) == WF_ROUTE_NONE);
    assert_int_equal(d.of[0].barrier, WF_BARRIER_SECRET);
    for (size_t i = 0; i < WF_ARRAY_LEN(many); i++)
        many[i] = large_far();
    wf_route_decide(&q, many, WF_ARRAY_LEN(many), &o, &d);
    assert_int_equal(d.n, WF_ROUTE_CANDIDATES_MAX);
    assert_int_equal(d.n_allowed, WF_ROUTE_CANDIDATES_MAX);
}

static void test_route__it_advises_to_begin_small_and_to_ask_a_second(void **state)
{
    struct wf_route_request q = a_request();
    struct wf_candidate both[] = {small_here(), large_far()};
    const struct wf_route_options o = {.now_ms = DAY_MS};
    struct wf_decision d;

    (void)state;
    both[0].n_params = 25000000000;
    q.hard_small = 2;
    q.hard_large = 5;
    q.balance = WF_BALANCE_GOOD;
    wf_route_decide(&q, both, 2, &o, &d);
    assert_int_equal(d.cascade, 0);
    assert_int_equal(d.cascade_then, 1);
    assert_true(d.cascade_utility > d.of[wf_decision_chosen(&d)].utility);
    q.balance = WF_BALANCE_FRUGAL;
    wf_route_decide(&q, both, 2, &o, &d);
    assert_true(d.hedge == WF_ROUTE_NONE); /* frugal ones do not ask twice */
    q.balance = WF_BALANCE_FAST;
    both[0].write_ms = 10;
    wf_route_decide(&q, both, 2, &o, &d);
    if (d.hedge != WF_ROUTE_NONE) {
        assert_int_not_equal(d.hedge, wf_decision_chosen(&d));
        assert_true(d.hedge_after_ms > d.of[wf_decision_chosen(&d)].estimate.ttft_ms);
    }
}

/* ---- learning ---- */

static struct wf_experience *taught(const struct wf_candidate *c, const struct wf_route_request *q,
                                    const struct wf_outcome *o, unsigned times)
{
    struct wf_experience *x = NULL;

    assert_int_equal(wf_experience_new(&x, NULL), 0);
    for (unsigned i = 0; i < times; i++)
        wf_experience_learn(x, q, c, o, DAY_MS);
    return x;
}

static void test_route__estimates_come_to_what_was_seen_and_fade(void **state)
{
    struct wf_candidate c = large_far();
    struct wf_route_request q = a_request();
    const struct wf_outcome o = {.ttft_ms = 900,
                                 .total_ms = 900 + 100 * 70,
                                 .n_prompt = 100,
                                 .n_out = 100,
                                 .energy_j = 500,
                                 .is_rated = true,
                                 .quality = 0};
    struct wf_experience *x = taught(&c, &q, &o, 60);
    struct wf_estimate before, now, later;

    (void)state;
    wf_experience_estimate(NULL, &q, &c, DAY_MS, NULL, &before);
    wf_experience_estimate(x, &q, &c, DAY_MS, NULL, &now);
    wf_experience_estimate(x, &q, &c, 400 * DAY_MS, NULL, &later);
    assert_true(fabs(now.ttft_ms / 900 - 1) < 0.1);
    assert_true(fabs((now.total_ms - now.ttft_ms) / now.n_out / 70 - 1) < 0.1);
    assert_true(fabs(now.n_out / 100 - 1) < 0.2);
    assert_true(fabs(now.energy_j / now.n_out / 5 - 1) < 0.3);
    assert_true(now.quality < 0.3 && before.quality > 0.8);
    assert_true(now.works > before.works);
    assert_true(now.ttft_sd < before.ttft_sd && now.quality_sd > 0);
    assert_true(fabs(later.ttft_ms / before.ttft_ms - 1) < 0.01);
    assert_true(fabs(later.quality - before.quality) < 0.01);
    q.kind = WF_KIND_CODE; /* what holds for one kind holds a little for the others */
    wf_experience_estimate(x, &q, &c, DAY_MS, NULL, &later);
    assert_true(later.quality < before.quality && later.quality > now.quality);
    wf_experience_free(x);
}

static void test_route__a_word_about_an_answer_moves_a_little(void **state)
{
    const struct wf_candidate c = {
        .engine = WF_STR("gpt"), .model = WF_STR("m"), .tier = WF_TIER_PROVIDER};
    const struct wf_route_request q = {.kind = WF_KIND_MATH, .n_prompt = 100, .hard_large = 0.5F},
                                  other = {.kind = WF_KIND_CODE, .hard_large = 0.5F};
    struct wf_estimate before, one, now, elsewhere;
    struct wf_experience *x = NULL;
    (void)state;
    assert_int_equal(wf_experience_new(&x, NULL), 0);
    wf_experience_estimate(NULL, &q, &c, DAY_MS, NULL, &before);
    wf_experience_rate(x, &q, &c, 1, 0.25F, DAY_MS);
    wf_experience_estimate(x, &q, &c, DAY_MS, NULL, &one);
    assert_true(one.quality > before.quality && one.quality < before.quality + 0.03);
    assert_true(one.ttft_ms == before.ttft_ms && one.works == before.works);
    wf_experience_rate(x, &q, &c, 1, 1, DAY_MS);
    wf_experience_estimate(x, &q, &c, DAY_MS, NULL, &now);
    assert_true(now.quality > one.quality && now.quality < before.quality + 0.12);
    assert_true(now.quality_sd < before.quality_sd); /* and it is surer */
    wf_experience_estimate(x, &other, &c, DAY_MS, NULL, &elsewhere);
    assert_true(elsewhere.quality < now.quality); /* of other kinds less */
    for (int i = 0; i < 300; i++)
        wf_experience_rate(x, &q, &c, i % 4 == 0 ? 1 : 0, 1, DAY_MS);
    wf_experience_estimate(x, &q, &c, DAY_MS, NULL, &now);
    assert_true(now.quality > 0.15 && now.quality < 0.35); /* many say what it is like */
    wf_experience_estimate(x, &q, &c, 300 * DAY_MS, NULL, &now);
    assert_true(now.quality > before.quality - 0.02); /* it fades */
    wf_experience_free(x);
}

static void test_route__one_that_fails_is_chosen_less(void **state)
{
    const struct wf_candidate both[] = {small_here(), large_far()};
    struct wf_route_request q = a_request();
    const struct wf_outcome failed = {.failed = true};
    struct wf_experience *x = taught(&both[1], &q, &failed, 12);
    const struct wf_route_options o = {.experience = x, .now_ms = DAY_MS};
    struct wf_decision d;

    (void)state;
    q.hard_small = 0;
    assert_int_equal(chosen(WF_BALANCE_GOOD, q), 1);
    wf_route_decide(&q, both, 2, &o, &d);
    assert_int_equal(wf_decision_chosen(&d), 0);
    assert_int_equal(d.n_allowed, 2); /* that it fails is no constraint */
    wf_experience_free(x);
}

static void test_route__estimates_of_any_candidate_are_finite(void **state)
{
    struct wf_rng_seeded dice;
    struct wf_experience *x = NULL;

    (void)state;
    wf_rng_seeded_init(&dice, 5);
    assert_int_equal(wf_experience_new(&x, NULL), 0);
    for (unsigned i = 0; i < 20000; i++) {
        struct wf_candidate c = large_far();
        struct wf_route_request q = a_request();
        struct wf_estimate e;
        double big = exp((double)wf_rng_below(&dice.rng, 40) - 10.0);
        c.tier = (enum wf_tier)wf_rng_below(&dice.rng, WF_TIER_COUNT);
        c.n_params = wf_rng_u64(&dice.rng) >> wf_rng_below(&dice.rng, 64);
        c.read_ms = i % 3 ? big : 0;
        c.write_ms = i % 5 ? big : 0;
        c.power_w = i % 7 ? big : 0;
        q.kind = (enum wf_kind)(i % WF_KIND_COUNT);
        q.n_prompt = (uint32_t)wf_rng_u64(&dice.rng);
        q.hard_small = (float)(i % 40) - 20;
        const struct wf_outcome o = {.failed = i % 11 == 0,
                                     .ttft_ms = big,
                                     .total_ms = big * 3,
                                     .n_out = (uint32_t)wf_rng_u64(&dice.rng),
                                     .energy_j = big,
                                     .is_rated = true,
                                     .quality = (float)(i % 2)};
        wf_experience_learn(x, &q, &c, &o, (int64_t)i * 1000);
        wf_experience_estimate(x, &q, &c, (int64_t)i * 1000, i % 2 ? &dice.rng : NULL, &e);
        assert_true(isfinite(e.ttft_ms) && e.ttft_ms >= 0 && isfinite(e.total_ms));
        assert_true(e.quality >= 0 && e.quality <= 1 && e.works >= 0 && e.works <= 1);
        assert_true(isfinite(e.energy_j) && isfinite(e.cost) && isfinite(e.total_sd));
    }
    wf_experience_free(x);
}

/* ---- the file ---- */

static void test_route__what_was_learned_survives_its_file(void **state)
{
    struct wf_candidate c = large_far();
    struct wf_route_request q = a_request();
    const struct wf_outcome o = {.ttft_ms = 700, .total_ms = 9000, .n_prompt = 80, .n_out = 333};
    struct wf_experience *x = taught(&c, &q, &o, 3), *y = NULL;
    struct wf_estimate a, b;
    struct wf_buf one, two;
    char path[64];

    (void)state;
    c.model = WF_STR("other:latest");
    wf_experience_learn(x, &q, &c, &o, 3 * DAY_MS);
    (void)snprintf(path, sizeof(path), "/tmp/wf-experience-%d", (int)getpid());
    assert_int_equal(wf_experience_new(&y, NULL), 0);
    assert_int_equal(wf_experience_load(y, path, NULL), 0); /* none yet */
    assert_int_equal(wf_experience_n_lessons(y), 0);
    assert_int_equal(wf_experience_save(x, path, NULL), 0);
    assert_int_equal(wf_experience_load(y, path, NULL), 0);
    assert_int_equal(wf_experience_n_lessons(y), 2);
    wf_experience_estimate(x, &q, &c, 4 * DAY_MS, NULL, &a);
    wf_experience_estimate(y, &q, &c, 4 * DAY_MS, NULL, &b);
    assert_memory_equal(&a, &b, sizeof(a));
    wf_buf_init(&one, WF_EXPERIENCE_BYTES_MAX);
    wf_buf_init(&two, WF_EXPERIENCE_BYTES_MAX);
    assert_int_equal(wf_experience_print(x, &one), 0);
    assert_int_equal(wf_experience_print(y, &two), 0);
    assert_string_equal(one.ptr, two.ptr);
    for (size_t n = 0; n < one.len; n++) /* a torn file is no file, unless torn between lines */
        if (wf_experience_parse(y, wf_str_n(one.ptr, n), NULL) == 0)
            assert_int_equal(one.ptr[n - 1], '\n');
    for (uint64_t n = 1;; n++) {
        wf_alloc_fail_at(n);
        int rc = wf_experience_save(x, path, NULL);
        if (rc == 0)
            rc = wf_experience_load(y, path, NULL);
        if (!wf_alloc_failed())
            break;
        assert_int_equal(rc, WF_E_NOMEM);
    }
    wf_alloc_fail_at(0);
    wf_buf_deinit(&one);
    wf_buf_deinit(&two);
    (void)unlink(path);
    wf_experience_free(x);
    wf_experience_free(y);
}

static void test_route__the_file_is_bounded_and_strict(void **state)
{
    static const char *const bad[] = {
        "",
        "weft experience 1",
        "weft experience 1\n",
        "weft experience 2\nlengths 0\n",
        "weft experience 1\nlengths 0 0 1 0 1 0 1 0 1 0 1 0 1 0 1\n",
        "weft experience 1\nlengths 0 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0\n",
        "weft experience 1\nlengths 0 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 -1\n",
        "weft experience 1\nlengths 0 0 1 0 1 0 1 0 1 0 1 0 1 0 1 99 1\n",
        "weft experience 1\nlengths -1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1\n",
        "weft experience 1\nlengths 0 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 nan\n",
        "weft experience 1\nlengths 0 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1\n\n",
        "weft experience 1\nlengths 0 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1\nlesson a b 0 0 1\n",
    };
    struct wf_candidate c = large_far();
    struct wf_route_request q = a_request();
    const struct wf_outcome o = {.ttft_ms = 700, .total_ms = 9000, .n_prompt = 80, .n_out = 333};
    struct wf_experience *x = taught(&c, &q, &o, 1);
    struct wf_err err = WF_ERR_INIT;
    char name[300];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++)
        assert_int_equal(wf_experience_parse(x, wf_str_from(bad[i]), &err), WF_E_FORMAT);
    assert_int_equal(wf_experience_n_lessons(x), 1); /* as before */
    for (unsigned i = 0; i < WF_EXPERIENCE_MAX + 20; i++) {
        (void)snprintf(name, sizeof(name), "m%u", i);
        c.model = wf_str_from(name);
        wf_experience_learn(x, &q, &c, &o, DAY_MS + (int64_t)i);
    }
    assert_int_equal(wf_experience_n_lessons(x), WF_EXPERIENCE_MAX);
    memset(name, 'a', sizeof(name));
    c.model = wf_str_n(name, WF_EXPERIENCE_MODEL_BYTES + 1); /* not learned of, and no harm */
    wf_experience_learn(x, &q, &c, &o, DAY_MS);
    c.model = wf_str_n(name, WF_EXPERIENCE_MODEL_BYTES);
    wf_experience_learn(x, &q, &c, &o, DAY_MS);
    assert_int_equal(wf_experience_n_lessons(x), WF_EXPERIENCE_MAX);
    wf_experience_free(x);
}

/* ---- simulated ---- */

static void test_route__in_simulated_households_nothing_is_broken(void **state)
{
    struct route_sim_result r = {.n_decisions = 0};

    (void)state;
    for (uint64_t seed = 1000; seed < 1025; seed++)
        route_sim_run(seed, 800, &r);
    if (r.n_broken > 0)
        fail_msg("%s", r.broken);
    assert_int_equal(r.n_decisions, 20000);
    assert_true(r.n_empty < r.n_decisions / 2);
    assert_true(route_sim_regret(&r) < 0.10);
    assert_true(r.ours > r.blind); /* it learns */
    assert_true(r.blind > r.random);
}

static void test_route__a_seed_replays(void **state)
{
    struct route_sim_result a = {.n_decisions = 0}, b = {.n_decisions = 0}, c = {.n_decisions = 0};

    (void)state;
    route_sim_run(7, 2000, &a);
    route_sim_run(7, 2000, &b);
    route_sim_run(8, 2000, &c);
    assert_int_equal(a.digest, b.digest);
    assert_true(a.ours >= b.ours && a.ours <= b.ours);
    assert_int_not_equal(a.digest, c.digest);
}

static void test_route__names_go_there_and_back(void **state)
{
    enum wf_kind kind;
    enum wf_balance balance;

    (void)state;
    for (unsigned i = 0; i < WF_KIND_COUNT; i++) {
        assert_true(wf_kind_parse(wf_str_from(wf_kind_name((enum wf_kind)i)), &kind));
        assert_int_equal(kind, i);
    }
    for (unsigned i = 0; i < WF_BALANCE_COUNT; i++) {
        assert_true(wf_balance_parse(wf_str_from(wf_balance_name((enum wf_balance)i)), &balance));
        assert_int_equal(balance, i);
    }
    assert_false(wf_kind_parse(WF_STR("?"), &kind));
    assert_string_equal(wf_barrier_name(WF_BARRIER_CLEARANCE), "clearance");
    assert_string_equal(wf_barrier_name(WF_BARRIER_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_route__rights_remove_with_their_reason),
        cmocka_unit_test(test_route__a_word_about_an_answer_moves_a_little),
        cmocka_unit_test(test_route__means_remove_at_their_limit_and_not_below),
        cmocka_unit_test(test_route__the_balance_decides),
        cmocka_unit_test(test_route__without_candidates_nothing_is_chosen),
        cmocka_unit_test(test_route__it_advises_to_begin_small_and_to_ask_a_second),
        cmocka_unit_test(test_route__estimates_come_to_what_was_seen_and_fade),
        cmocka_unit_test(test_route__one_that_fails_is_chosen_less),
        cmocka_unit_test(test_route__estimates_of_any_candidate_are_finite),
        cmocka_unit_test(test_route__what_was_learned_survives_its_file),
        cmocka_unit_test(test_route__the_file_is_bounded_and_strict),
        cmocka_unit_test(test_route__in_simulated_households_nothing_is_broken),
        cmocka_unit_test(test_route__a_seed_replays),
        cmocka_unit_test(test_route__names_go_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
