/* SPDX-License-Identifier: Apache-2.0 */
/* The router: how well it tells easy from hard questions (../shared/data/routing, by folds), beside
 * any order, nearest neighbours and the oracle; what a decision costs; and ten million decisions in
 * simulated households, beside the oracle that knows the truth. N as argument: so many instead. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "model/hardness.h"
#include "route/experience.h"
#include "route/route.h"
#include "support/route_sim.h"
#include "train/hardness.h"

#define DATA "../shared/data/routing/pairs.jsonl.xz"
#define NEIGHBOURS 40u
#define COMMON 0.05 /* of the questions: features that more have tell no neighbours */
#define MUST_AREA 0.60
#define MUST_US 50.0
#define MUST_REGRET 0.10
#define DECISIONS 10000000u
#define IN_A_WORLD 5000u

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static void *made(size_t n, size_t bytes)
{
    void *p = wf_alloc_array(n, bytes);

    if (p == NULL)
        exit(1);
    return p;
}

/* ---- nearest neighbours ---- */

struct index {
    uint32_t *starts; /* [rows + 1] */
    uint32_t *postings;
    float *rarity; /* [rows] */
    float *norms;  /* [questions] */
};

static size_t n_words(const struct wf_hardness_question *x)
{
    return x->features.ends[0];
}

static void make_index(const struct wf_hardness_questions *q, struct index *out)
{
    size_t total = 0;

    out->starts = made(WF_HARDNESS_ROWS + 2, sizeof(*out->starts));
    out->rarity = made(WF_HARDNESS_ROWS, sizeof(*out->rarity));
    out->norms = made(q->n, sizeof(*out->norms));
    for (size_t i = 0; i < q->n; i++) {
        total += n_words(&q->items[i]);
        for (size_t k = 0; k < n_words(&q->items[i]); k++)
            out->starts[q->items[i].features.items[k] + 2]++;
    }
    for (size_t r = 0; r < WF_HARDNESS_ROWS; r++) {
        double n = out->starts[r + 2];
        out->rarity[r] = n > COMMON * (double)q->n ? 0 : (float)log((double)q->n / (n + 1));
        out->starts[r + 2] += out->starts[r + 1];
    }
    out->postings = made(total + 1, sizeof(*out->postings));
    for (size_t i = 0; i < q->n; i++) {
        float sum = 0;
        for (size_t k = 0; k < n_words(&q->items[i]); k++) {
            uint16_t r = q->items[i].features.items[k];
            out->postings[out->starts[r + 1]++] = (uint32_t)i;
            sum += out->rarity[r] * out->rarity[r];
        }
        out->norms[i] = sqrtf(sum) + 1e-6F;
    }
}

/* The mean of what the large model changed at the nearest questions of other folds. */
static double neighbours_say(const struct wf_hardness_questions *q, const struct index *x, size_t i,
                             float *near)
{
    struct {
        float near, gain;
    } best[NEIGHBOURS] = {{0, 0}};
    double sum = 0, weight = 1e-9;

    memset(near, 0, q->n * sizeof(*near));
    for (size_t k = 0; k < n_words(&q->items[i]); k++) {
        uint16_t r = q->items[i].features.items[k];
        for (uint32_t p = x->starts[r]; x->rarity[r] > 0 && p < x->starts[r + 1]; p++)
            near[x->postings[p]] += x->rarity[r] * x->rarity[r];
    }
    for (size_t j = 0; j < q->n; j++) {
        float v = near[j] / x->norms[j];
        size_t at = NEIGHBOURS - 1;
        if (q->items[j].fold == q->items[i].fold || v <= best[at].near)
            continue;
        for (; at > 0 && best[at - 1].near < v; at--)
            best[at] = best[at - 1];
        best[at].near = v;
        best[at].gain = (float)q->items[j].right[1] - (float)q->items[j].right[0];
    }
    for (size_t k = 0; k < NEIGHBOURS; k++) {
        sum += (double)(best[k].near * best[k].gain);
        weight += (double)best[k].near;
    }
    return sum / weight;
}

/* ---- areas ---- */

static bool measure_areas(void)
{
    struct wf_hardness_questions q;
    struct wf_err err = WF_ERR_INIT;
    struct index x;
    double *gains[4], area[4];
    bool good = true;

    if (wf_hardness_questions_read(DATA, &q, &err) != 0) {
        printf("%s\n", err.msg);
        exit(77);
    }
    for (size_t k = 0; k < 4; k++)
        gains[k] = made(q.n, sizeof(**gains));
    float *near = made(q.n, sizeof(*near));
    make_index(&q, &x);
    if (wf_hardness_fold_gains(&q, false, gains[0], &err) != 0 ||
        wf_hardness_fold_gains(&q, true, gains[1], &err) != 0)
        exit(1);
    for (size_t i = 0; i < q.n; i++) {
        gains[2][i] = neighbours_say(&q, &x, i, near);
        gains[3][i] = (double)q.items[i].right[1] - (double)q.items[i].right[0];
    }
    printf("area under accuracy by share of calls to the large model (any order .500)\n");
    for (size_t s = 0; s < q.n_sets; s++) {
        for (size_t k = 0; k < 4; k++) {
            if (wf_hardness_area(&q, s, gains[k], &area[k], &err) != 0)
                exit(1);
        }
        printf("  %-8s ours %.3f%s  unseen subjects %.3f  nearest neighbours %.3f  oracle %.3f\n",
               q.sets[s], area[0], strcmp(q.sets[s], "mmlu") == 0 ? " (must .600)" : "", area[1],
               area[2], area[3]);
        good &= strcmp(q.sets[s], "mmlu") != 0 || area[0] >= MUST_AREA;
    }
    for (size_t k = 0; k < 4; k++)
        wf_free(gains[k]);
    wf_free(near);
    wf_free(x.starts);
    wf_free(x.postings);
    wf_free(x.rarity);
    wf_free(x.norms);
    wf_hardness_questions_deinit(&q);
    return good;
}

/* ---- time ---- */

/* n candidates that are all allowed, with lessons about each, explored. */
static double decision_us(size_t n, unsigned rounds, uint64_t *out_allocations)
{
    static struct wf_candidate c[WF_ROUTE_CANDIDATES_MAX];
    static char names[WF_ROUTE_CANDIDATES_MAX][16];
    struct wf_route_request q = {.n_prompt = 500, .hard_large = 1};
    const struct wf_outcome o = {.ttft_ms = 300, .total_ms = 4000, .n_prompt = 500, .n_out = 90};
    struct wf_rng_seeded dice;
    struct wf_experience *x = NULL;
    struct wf_decision d;
    double start;

    if (wf_experience_new(&x, NULL) != 0)
        exit(1);
    wf_rng_seeded_init(&dice, 1);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "m%zu", i);
        c[i] = (struct wf_candidate){.engine = wf_str_from(names[i]),
                                     .model = WF_STR("m"),
                                     .tier = WF_TIER_PROVIDER,
                                     .clearance = WF_LABEL_PRIVATE,
                                     .n_params = (i + 1) * 1000000000u,
                                     .money_left = -1,
                                     .energy_left_j = -1,
                                     .battery = -1};
        wf_experience_learn(x, &q, &c[i], &o, 1000);
    }
    const struct wf_route_options options = {
        .experience = x, .explore = &dice.rng, .now_ms = 86400000};
    *out_allocations = wf_alloc_stats().n_total;
    start = now_us();
    for (unsigned i = 0; i < rounds; i++) {
        q.balance = (enum wf_balance)(i % WF_BALANCE_COUNT);
        wf_route_decide(&q, c, n, &options, &d);
    }
    start = (now_us() - start) / rounds;
    *out_allocations = wf_alloc_stats().n_total - *out_allocations;
    wf_experience_free(x);
    return start;
}

static double hardness_us(void)
{
    static char text[2048];
    struct wf_hardness *h = NULL;
    float odds[2], sum = 0;
    double start;

    for (size_t i = 0; i + 1 < sizeof(text); i++)
        text[i] = i % 7 == 6 ? ' ' : (char)('a' + i * 11 % 26);
    if (wf_hardness_built_in(&h, NULL) != 0)
        exit(1);
    start = now_us();
    for (int i = 0; i < 2000; i++) {
        text[0] = (char)('a' + i % 26);
        wf_hardness_score(h, wf_str_n(text, sizeof(text) - 1), odds);
        sum += odds[0];
    }
    start = (now_us() - start) / 2000;
    wf_hardness_close(h);
    return isfinite(sum) ? start : INFINITY;
}

static bool measure_times(void)
{
    uint64_t allocations[2];
    double few = decision_us(8, 20000, &allocations[0]);
    double most = decision_us(WF_ROUTE_CANDIDATES_MAX, 4000, &allocations[1]);

    printf("a decision: %.2f us of 8 candidates, %.2f us of %u (must %.0f), %llu allocations; how "
           "hard a text of 2 kB is: %.1f us\n",
           few, most, WF_ROUTE_CANDIDATES_MAX, MUST_US,
           (unsigned long long)(allocations[0] + allocations[1]), hardness_us());
    return most <= MUST_US && allocations[0] + allocations[1] == 0;
}

/* ---- simulated ---- */

static bool simulate(uint64_t n)
{
    struct route_sim_result r = {.n_decisions = 0};
    double done;

    for (uint64_t seed = 1; r.n_decisions < n; seed++)
        route_sim_run(seed, n < IN_A_WORLD ? n : IN_A_WORLD, &r);
    done = (double)(r.n_decisions - r.n_empty);
    printf("%llu decisions: constraints broken %llu (must 0); regret %.2f%% (must under %.0f%%)\n",
           (unsigned long long)r.n_decisions, (unsigned long long)r.n_broken,
           100 * route_sim_regret(&r), 100 * MUST_REGRET);
    printf("  expected utility: ours %.4f  without learning %.4f  any that is allowed %.4f  oracle "
           "%.4f; nothing allowed in %.1f%%\n",
           r.ours / done, r.blind / done, r.random / done, r.oracle / done,
           100.0 * (double)r.n_empty / (double)r.n_decisions);
    if (r.n_broken > 0)
        printf("  %s\n", r.broken);
    return r.n_broken == 0 && route_sim_regret(&r) < MUST_REGRET;
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : DECISIONS;
    bool good = measure_areas();

    good &= measure_times();
    good &= simulate(n > 0 ? n : DECISIONS);
    return good ? 0 : 1;
}
