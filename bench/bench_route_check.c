/* SPDX-License-Identifier: Apache-2.0 */
/* A small model's answers that stand: how often they are right, beside the small model always and
 * the large one always.
 *
 * First, what is decided before anything is asked: for each question of ../shared/data/routing (by
 * folds: by a table that has not seen it) the router chooses between the two models that answered
 * them, as a balance wants it; an answer that is there has no signs to doubt it (the data has no
 * answers, only whether they were right).
 *
 * Second, what the check (route/check.h) says of answers: with a file of them as argument, JSON
 * lines {"question", NAME: {"is_correct", "solution"}, ...}, as openai/grade-school-math has them
 * (example_model_solutions.jsonl: the questions of the set gsm8k). Not in the repository. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "model/hardness.h"
#include "route/check.h"
#include "route/route.h"
#include "support/jsonl.h"
#include "train/hardness.h"

#define DATA "../shared/data/routing/pairs.jsonl.xz"
#define MODELS_MAX 8u

static void *made(size_t n, size_t bytes)
{
    void *p = wf_alloc_array(n + 1, bytes);

    if (p == NULL)
        exit(1);
    return p;
}

static double percent(size_t n, size_t of)
{
    return of > 0 ? 100.0 * (double)n / (double)of : 0;
}

/* ---- before anything is asked ---- */

/* What the two models' providers asked for a million tokens, in dollars; how large they are. */
static const struct wf_candidate models[] = {
    {.engine = {"small", 5},
     .model = {"m", 1},
     .tier = WF_TIER_PROVIDER,
     .clearance = WF_LABEL_PRIVATE,
     .n_params = 47000000000,
     .price_in = 0.6,
     .price_out = 0.6,
     .money_left = -1,
     .energy_left_j = -1,
     .battery = -1},
    {.engine = {"large", 5},
     .model = {"m", 1},
     .tier = WF_TIER_PROVIDER,
     .clearance = WF_LABEL_PRIVATE,
     .n_params = 1000000000000,
     .price_in = 10,
     .price_out = 30,
     .money_left = -1,
     .energy_left_j = -1,
     .battery = -1},
};

struct sum {
    size_t n, n_small, n_small_right, n_right;
    double cost, cost_large;
};

/* Whether the small one's answer stands, where nothing in it is doubtful. */
static bool small_stands(const struct wf_decision *d, enum wf_balance balance)
{
    const bool is_cascade = balance == WF_BALANCE_FRUGAL && d->cascade == 0; /* for it alone */

    return is_cascade || d->order[0] == 0;
}

static void decide(const struct wf_hardness_question *x, const float *odds, enum wf_kind kind,
                   enum wf_balance balance, struct sum *io)
{
    const struct wf_route_request q = {.kind = kind,
                                       .balance = balance,
                                       .n_prompt = 100,
                                       .hard_small = odds[WF_HARDNESS_SMALL],
                                       .hard_large = odds[WF_HARDNESS_LARGE]};
    const struct wf_route_options o = {.now_ms = 1};
    struct wf_decision d;
    bool is_small;

    wf_route_decide(&q, models, 2, &o, &d);
    is_small = small_stands(&d, balance);
    io->n++;
    io->n_small += is_small;
    io->n_small_right += is_small && x->right[WF_HARDNESS_SMALL];
    io->n_right += x->right[is_small ? WF_HARDNESS_SMALL : WF_HARDNESS_LARGE];
    io->cost += d.of[is_small ? 0 : 1].estimate.cost;
    io->cost_large += d.of[1].estimate.cost;
}

static void measure_set(const struct wf_hardness_questions *q, const float *odds, size_t set)
{
    const enum wf_kind kind = strcmp(q->sets[set], "mmlu") == 0 ? WF_KIND_CHOICE : WF_KIND_MATH;
    struct sum sums[WF_BALANCE_COUNT] = {{.n = 0}};
    size_t n = 0, small = 0, large = 0;

    for (size_t i = 0; i < q->n; i++) {
        const struct wf_hardness_question *x = &q->items[i];
        if (x->set != set)
            continue;
        n++;
        small += x->right[WF_HARDNESS_SMALL];
        large += x->right[WF_HARDNESS_LARGE];
        for (unsigned b = 0; b < WF_BALANCE_COUNT; b++)
            decide(x, odds + i * WF_HARDNESS_OUTPUTS, kind, (enum wf_balance)b, &sums[b]);
    }
    printf("  %-6s always the small one: %.1f%% right; always the large one: %.1f%%\n",
           q->sets[set], percent(small, n), percent(large, n));
    for (unsigned b = 0; b < WF_BALANCE_COUNT; b++)
        printf("         %-8s the small one's answer stands for %5.1f%%, right in %.1f%% of those; "
               "all: %.1f%% right, for %.0f%% of the large one's money\n",
               wf_balance_name((enum wf_balance)b), percent(sums[b].n_small, n),
               percent(sums[b].n_small_right, sums[b].n_small), percent(sums[b].n_right, n),
               100 * sums[b].cost / sums[b].cost_large);
}

static void measure_decisions(void)
{
    struct wf_hardness_questions q;
    struct wf_err err = WF_ERR_INIT;
    float *odds;

    if (wf_hardness_questions_read(DATA, &q, &err) != 0) {
        printf("%s\n", err.msg);
        exit(77);
    }
    odds = made(q.n, WF_HARDNESS_OUTPUTS * sizeof(*odds));
    if (wf_hardness_fold_odds(&q, false, odds, &err) != 0)
        exit(1);
    printf("decided before anything is asked, by questions kept aside\n");
    for (size_t s = 0; s < q.n_sets; s++)
        measure_set(&q, odds, s);
    wf_free(odds);
    wf_hardness_questions_deinit(&q);
}

/* ---- answers ---- */

struct answers {
    char names[MODELS_MAX][40];
    size_t n_names, n;
    /* Of each model: accepted by the check or not; right or not. */
    size_t counts[MODELS_MAX][2][2];
    /* Of each pair, the first one's answer where it is accepted, else the second's: right. */
    size_t cascades[MODELS_MAX][MODELS_MAX];
};

static size_t model_of(struct answers *a, const char *name)
{
    size_t i = 0;

    while (i < a->n_names && strcmp(a->names[i], name) != 0)
        i++;
    if (i == a->n_names && i < MODELS_MAX)
        (void)snprintf(a->names[a->n_names++], sizeof(a->names[0]), "%s", name);
    return i;
}

/* The answer without the marks "<<3+4=7>>" that those who wrote them reckon by. */
static void without_marks(const json_t *text, struct wf_buf *out)
{
    struct wf_str rest = wf_str_n(json_string_value(text), json_string_length(text));

    wf_buf_reset(out);
    for (size_t at; (at = wf_str_find(rest, WF_STR("<<"), 0)) != SIZE_MAX;) {
        const size_t end = wf_str_find(rest, WF_STR(">>"), at);
        (void)wf_buf_append_str(out, wf_str_sub(rest, 0, at)); /* short of memory: a wrong figure */
        rest = wf_str_sub(rest, end == SIZE_MAX ? rest.len : end + 2, rest.len);
    }
    (void)wf_buf_append_str(out, rest);
}

static bool add(void *ud, json_t *line)
{
    struct answers *a = ud;
    struct wf_buf b;
    bool accepted[MODELS_MAX] = {false}, right[MODELS_MAX] = {false};
    const char *name;
    json_t *v;

    wf_buf_init(&b, (size_t)1 << 20);
    json_object_foreach(line, name, v)
    {
        const json_t *text = json_object_get(v, "solution");
        const size_t i = json_is_string(text) ? model_of(a, name) : MODELS_MAX;
        struct wf_check_answer answer = {.kind = WF_KIND_MATH};
        if (i == MODELS_MAX)
            continue;
        without_marks(text, &b);
        answer.text = wf_buf_str(&b);
        accepted[i] = wf_check_doubt(&answer, NULL) < WF_CHECK_DOUBTFUL;
        right[i] = json_is_true(json_object_get(v, "is_correct"));
        a->counts[i][accepted[i]][right[i]]++;
    }
    for (size_t i = 0; i < a->n_names; i++)
        for (size_t k = 0; k < a->n_names; k++)
            a->cascades[i][k] += accepted[i] ? right[i] : right[k];
    a->n++;
    wf_buf_deinit(&b);
    return true;
}

static void measure_answers(const char *path)
{
    struct answers a = {.n = 0};

    if (jsonl_each(path, add, &a) < 0) {
        printf("%s cannot be read\n", path);
        exit(1);
    }
    printf("the check, of answers to %zu questions of gsm8k\n", a.n);
    for (size_t i = 0; i < a.n_names; i++) {
        const size_t *no = a.counts[i][0], *yes = a.counts[i][1];
        printf("  %-18s %.1f%% right; accepted %.1f%%, right in %.1f%% of those; wrong ones found "
               "%.1f%%, right ones doubted %.1f%%\n",
               a.names[i], percent(no[1] + yes[1], a.n), percent(yes[0] + yes[1], a.n),
               percent(yes[1], yes[0] + yes[1]), percent(no[0], no[0] + yes[0]),
               percent(no[1], no[1] + yes[1]));
    }
    for (size_t i = 0; i < a.n_names; i++) {
        for (size_t k = 0; k < a.n_names; k++) {
            const size_t small = a.counts[i][0][1] + a.counts[i][1][1];
            const size_t large = a.counts[k][0][1] + a.counts[k][1][1];
            if (small < large)
                printf("  %s, then %s where doubted: %.1f%% right (the first always %.1f%%, the "
                       "second %.1f%%)\n",
                       a.names[i], a.names[k], percent(a.cascades[i][k], a.n), percent(small, a.n),
                       percent(large, a.n));
        }
    }
}

int main(int argc, char **argv)
{
    measure_decisions();
    if (argc > 1)
        measure_answers(argv[1]);
    return 0;
}
