/* SPDX-License-Identifier: Apache-2.0 */
/* Every loss against its formula in float64: the loss, and all gradients as slopes of the formula,
 * by hidden states and by every value that learns. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "train/loss.h"

#define TOKENS 17
#define DIM 8
#define VOCAB 29
#define LABELS 5
#define EMBED 6

static struct wf_family family = {.name = "lens", .rope = WF_ROPE_HALVES};
static struct wf_layer_params layer = {.n_heads = 2, .n_kv_heads = 2, .n_ff = 8, .is_turned = true};
static const struct wf_net_head heads[] = {
    {"words.bias", 1, VOCAB, 0.5f, false},    {"head.weight", LABELS, DIM, 0.7f, true},
    {"head.bias", 1, LABELS, 0.5f, false},    {"head.transitions", LABELS, LABELS, 0.8f, false},
    {"embed.weight", EMBED, DIM, 0.7f, true},
};

struct bed {
    struct wf_params p;
    struct wf_net *net;
    struct wf_loss_room *room;
    float hidden[TOKENS * DIM], d_hidden[TOKENS * DIM];
    struct wf_loss_head head;
};

static int set_up(void **state)
{
    static struct bed bed;
    struct bed *b = &bed;
    struct wf_rng_seeded rng;
    struct wf_err err = WF_ERR_INIT;
    struct wf_net_options o = {.n_threads = 2,
                               .n_tokens_max = 2048,
                               .seed = 3,
                               .heads = heads,
                               .n_heads = WF_ARRAY_LEN(heads)};
    int32_t ids[TOKENS] = {0};
    uint32_t starts[] = {0, TOKENS};
    struct wf_net_batch batch = {.ids = ids, .starts = starts, .n_texts = 1};
    const float *hidden;

    memset(b, 0, sizeof(*b));
    b->p = (struct wf_params){.family = &family,
                              .layers = &layer,
                              .n_layers = 1,
                              .n_vocab = VOCAB,
                              .dim = DIM,
                              .head_dim = 4,
                              .value_dim = 4,
                              .n_context = 64,
                              .n_rot = 4,
                              .norm_eps = 1e-5f,
                              .embed_scale = 1.0f,
                              .residual_scale = 1.0f,
                              .logit_scale = 1.0f,
                              .attention_scale = 0.5f,
                              .rope_base = 100.0f,
                              .rope_factor = 1.0f,
                              .rope_attn_factor = 1.0f,
                              .rope_context = 64,
                              .yarn_beta_fast = 32.0f,
                              .yarn_beta_slow = 1.0f};
    b->p.rope_base_window = b->p.rope_base;
    b->p.rope_factor_window = 1.0f;
    if (wf_net_new(&b->p, &o, &b->net, &err) != 0 ||
        wf_loss_room_new(b->net, &b->room, &err) != 0 ||
        wf_net_forward(b->net, &batch, true, &hidden, &err) != 0)
        fail_msg("%s", err.msg);
    /* Hidden states of our own: losses do not care where they come from. */
    wf_rng_seeded_init(&rng, 5);
    for (size_t i = 0; i < TOKENS * DIM; i++)
        b->hidden[i] = (float)((double)(wf_rng_u64(&rng.rng) >> 11) * 0x1p-52 - 1.0);
    b->head.weight = wf_net_find(b->net, "head.weight");
    b->head.bias = wf_net_find(b->net, "head.bias");
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *b = *state;

    wf_loss_room_free(b->room);
    wf_net_free(b->net);
    return 0;
}

/* A loss as its formula in float64, and as the program runs it. */
struct checked {
    struct bed *bed;
    const void *loss; /* of the kind's struct */
    double (*formula)(const struct checked *c, const double *hidden, const double *values);
    int (*run)(struct wf_loss_room *r, const struct wf_loss_of *of, const void *loss,
               struct wf_loss_result *out, struct wf_err *err);
};

static const double *named(const struct bed *b, const double *values, const char *name)
{
    return values + wf_net_find(b->net, name)->offset;
}

/* Row i of `rows`. */
static void row_of(const struct wf_loss_rows *rows, const double *hidden, size_t i, double out[DIM])
{
    size_t to = rows->to != NULL ? rows->to[i] : (size_t)rows->from[i] + 1;

    memset(out, 0, DIM * sizeof(*out));
    for (size_t t = rows->from[i]; t < to; t++) {
        for (size_t j = 0; j < DIM; j++)
            out[j] += hidden[t * DIM + j] / (double)(to - rows->from[i]);
    }
}

static void map(const double *w, const double *bias, const double *x, size_t n_out, double *out)
{
    for (size_t o = 0; o < n_out; o++) {
        out[o] = bias != NULL ? bias[o] : 0.0;
        for (size_t j = 0; j < DIM; j++)
            out[o] += w[o * DIM + j] * x[j];
    }
}

static double log_sum(const double *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += exp(x[i]);
    return log(sum);
}

static double slope(const struct checked *c, double *hidden, double *values, double *x)
{
    double was = *x, step = 1e-5, above, below;

    *x = was + step;
    above = c->formula(c, hidden, values);
    *x = was - step;
    below = c->formula(c, hidden, values);
    *x = was;
    return (above - below) / (2 * step);
}

/* n gradients beside slopes: the length of the difference beside the length. */
static void compare(const struct checked *c, double *hidden, double *values, double *x,
                    const float *got, size_t n, double scale, const char *what)
{
    double off = 0, length = 0;

    for (size_t i = 0; i < n; i++) {
        double want = scale * slope(c, hidden, values, &x[i]);
        off += (want - (double)got[i]) * (want - (double)got[i]);
        length += want * want;
    }
    if (!(sqrt(off) <= 1e-5 * sqrt(length)))
        fail_msg("%s: off by %g of %g", what, sqrt(off), sqrt(length));
}

static void check_against_formula(const struct checked *c)
{
    struct bed *b = c->bed;
    struct wf_loss_of of = {b->hidden, NULL, 3.0f};
    struct wf_loss_result result, again;
    size_t n = wf_net_n_values(b->net), n_tensors;
    const struct wf_net_tensor *tensors = wf_net_tensors(b->net, &n_tensors);
    double hidden[TOKENS * DIM], *values = wf_alloc_array(n, sizeof(*values)), want;

    assert_non_null(values);
    for (size_t i = 0; i < TOKENS * DIM; i++)
        hidden[i] = (double)b->hidden[i];
    for (size_t i = 0; i < n; i++)
        values[i] = (double)wf_net_values(b->net)[i];
    wf_net_zero_grads(b->net);
    memset(b->d_hidden, 0, sizeof(b->d_hidden));
    want = c->formula(c, hidden, values);
    assert_int_equal(c->run(b->room, &of, c->loss, &result, NULL), 0);
    if (!(fabs(result.loss - want) < 1e-5 * fabs(want)))
        fail_msg("the loss is %.9g, not %.9g", result.loss, want);
    for (size_t i = 0; i < n; i++)
        assert_true(wf_net_grads(b->net)[i] == 0.0f); /* it only measured */
    of.d_hidden = b->d_hidden;
    assert_int_equal(c->run(b->room, &of, c->loss, &again, NULL), 0);
    assert_true(fabs(result.loss - again.loss) < 1e-6 * fabs(want));
    assert_int_equal(result.n_right, again.n_right);
    compare(c, hidden, values, hidden, b->d_hidden, TOKENS * DIM, 3.0, "hidden");
    for (size_t i = 0; i < n_tensors; i++)
        compare(c, hidden, values, values + tensors[i].offset,
                wf_net_grads(b->net) + tensors[i].offset, (size_t)tensors[i].rows * tensors[i].cols,
                3.0, tensors[i].name);
    wf_free(values);
}

/* ---- words ---- */

static double words_formula(const struct checked *c, const double *hidden, const double *values)
{
    const struct wf_loss_words *w = c->loss;
    double loss = 0;

    for (size_t i = 0; i < w->rows.n; i++) {
        double x[DIM], logits[VOCAB];
        row_of(&w->rows, hidden, i, x);
        map(named(c->bed, values, "token_embd.weight"),
            w->bias != NULL ? named(c->bed, values, "words.bias") : NULL, x, VOCAB, logits);
        for (size_t j = 0; j < VOCAB; j++) {
            logits[j] *= (double)c->bed->p.logit_scale;
            if (c->bed->p.logit_cap != 0.0f)
                logits[j] =
                    (double)c->bed->p.logit_cap * tanh(logits[j] / (double)c->bed->p.logit_cap);
        }
        loss += (log_sum(logits, VOCAB) - logits[w->targets[i]]) / (double)w->rows.n;
    }
    return loss;
}

static int run_words(struct wf_loss_room *r, const struct wf_loss_of *of, const void *loss,
                     struct wf_loss_result *out, struct wf_err *err)
{
    return wf_loss_words(r, of, loss, out, err);
}

static void test_loss__words(void **state)
{
    static const uint32_t rows[] = {0, 3, 4, 4, 9, 16};
    static const int32_t targets[] = {5, 0, 28, 17, 17, 2};
    struct bed *b = *state;
    struct wf_loss_words w = {.rows = {rows, NULL, 6}, .targets = targets};
    struct checked c = {b, &w, words_formula, run_words};

    check_against_formula(&c);
    w.bias = wf_net_find(b->net, "words.bias");
    check_against_formula(&c);
    b->p.logit_scale = 0.5f;
    check_against_formula(&c);
    b->p.logit_cap = 0.7f;
    check_against_formula(&c);
}

/* More rows than a block holds: the mean over all of them. */
static void test_loss__words_in_blocks(void **state)
{
    struct bed *b = *state;
    static uint32_t rows[1500];
    static int32_t targets[1500];
    struct wf_loss_words w = {.rows = {rows, NULL, 1500}, .targets = targets};
    struct wf_loss_of of = {b->hidden, NULL, 1.0f};
    struct wf_loss_result whole, part;
    double sum = 0;

    for (size_t i = 0; i < 1500; i++) {
        rows[i] = (uint32_t)(i * 7 % TOKENS);
        targets[i] = (int32_t)(i * 11 % VOCAB);
    }
    assert_int_equal(wf_loss_words(b->room, &of, &w, &whole, NULL), 0);
    for (size_t i = 0; i < 1500; i += 50) {
        struct wf_loss_words some = {.rows = {rows + i, NULL, 50}, .targets = targets + i};
        assert_int_equal(wf_loss_words(b->room, &of, &some, &part, NULL), 0);
        sum += part.loss * 50;
    }
    assert_true(fabs(whole.loss - sum / 1500) < 1e-6);
    assert_true(whole.weight == 1500);
}

/* ---- labels ---- */

static double classes_formula(const struct checked *c, const double *hidden, const double *values)
{
    const struct wf_loss_classes *l = c->loss;
    double loss = 0, weight = 0;

    for (size_t i = 0; i < l->rows.n; i++) {
        double x[DIM], s[LABELS], one = 0, share = l->weights != NULL ? (double)l->weights[i] : 1.0;
        if (l->targets[i] < 0)
            continue;
        row_of(&l->rows, hidden, i, x);
        map(named(c->bed, values, "head.weight"), named(c->bed, values, "head.bias"), x, LABELS, s);
        for (int32_t j = 0; j < LABELS; j++) {
            double want = (double)l->smoothing / LABELS;
            want += j == l->targets[i] ? 1.0 - (double)l->smoothing : 0.0;
            one += want * (log_sum(s, LABELS) - s[j]);
        }
        loss += share * one;
        weight += share;
    }
    return loss / weight;
}

static int run_classes(struct wf_loss_room *r, const struct wf_loss_of *of, const void *loss,
                       struct wf_loss_result *out, struct wf_err *err)
{
    return wf_loss_classes(r, of, loss, out, err);
}

static void test_loss__classes(void **state)
{
    static const uint32_t from[] = {0, 2, 2, 9, 13}, to[] = {17, 3, 6, 10, 17};
    static const int32_t targets[] = {4, -1, 0, 2, 2};
    static const float weights[] = {1.0f, 5.0f, 0.5f, 0.0f, 2.0f};
    struct bed *b = *state;
    float probs[5 * LABELS];
    struct wf_loss_classes l = {.rows = {from, NULL, 5}, .head = b->head, .targets = targets};
    struct checked c = {b, &l, classes_formula, run_classes};

    check_against_formula(&c);
    l.rows.to = to;
    l.weights = weights;
    l.smoothing = 0.1f;
    l.out_probs = probs;
    check_against_formula(&c);
    for (size_t i = 0; i < 5; i++) {
        float sum = 0;
        for (size_t j = 0; j < LABELS; j++)
            sum += probs[i * LABELS + j];
        assert_true(fabsf(sum - 1.0f) < 1e-5f);
    }
}

static void test_loss__classes_without_targets(void **state)
{
    static const uint32_t rows[] = {1, 2};
    struct bed *b = *state;
    float probs[2 * LABELS];
    struct wf_loss_classes l = {.rows = {rows, NULL, 2}, .head = b->head, .out_probs = probs};
    struct wf_loss_of of = {b->hidden, b->d_hidden, 1.0f};
    struct wf_loss_result result;

    memset(b->d_hidden, 0, sizeof(b->d_hidden));
    assert_int_equal(wf_loss_classes(b->room, &of, &l, &result, NULL), 0);
    assert_true(result.weight == 0 && result.loss == 0 && result.n_right == 0);
    assert_true(probs[0] > 0.0f);
    for (size_t i = 0; i < TOKENS * DIM; i++)
        assert_true(b->d_hidden[i] == 0.0f);
}

static double binary_formula(const struct checked *c, const double *hidden, const double *values)
{
    const struct wf_loss_binary *l = c->loss;
    double loss = 0, weight = 0;

    for (size_t i = 0; i < l->rows.n; i++) {
        double x[DIM], s[LABELS], share = l->weights != NULL ? (double)l->weights[i] : 1.0;
        row_of(&l->rows, hidden, i, x);
        map(named(c->bed, values, "head.weight"), named(c->bed, values, "head.bias"), x, LABELS, s);
        for (size_t j = 0; j < LABELS; j++) {
            double t = (double)l->targets[i * LABELS + j], p = 1.0 / (1.0 + exp(-s[j]));
            double yes = l->label_weight != NULL ? (double)l->label_weight[j] : 1.0;
            if (t < 0)
                continue;
            loss -= share * (yes * t * log(p) + (1.0 - t) * log(1.0 - p));
            weight += share;
        }
    }
    return loss / weight;
}

static int run_binary(struct wf_loss_room *r, const struct wf_loss_of *of, const void *loss,
                      struct wf_loss_result *out, struct wf_err *err)
{
    return wf_loss_binary(r, of, loss, out, err);
}

static void test_loss__binary(void **state)
{
    static const uint32_t rows[] = {3, 8, 8};
    static const float targets[] = {1, 0, 0, -1, 1, 0.5f, 0, 1, 1, 1, -1, -1, 0, 0, 1};
    static const float weights[] = {1.0f, 3.0f, 0.5f}, label_weight[] = {1, 2, 3, 4, 5};
    struct bed *b = *state;
    struct wf_loss_binary l = {.rows = {rows, NULL, 3}, .head = b->head, .targets = targets};
    struct checked c = {b, &l, binary_formula, run_binary};

    check_against_formula(&c);
    l.weights = weights;
    l.label_weight = label_weight;
    check_against_formula(&c);
}

static double pick_formula(const struct checked *c, const double *hidden, const double *values)
{
    const struct wf_loss_pick *l = c->loss;
    double loss = 0, n = 0, s[TOKENS][LABELS];

    for (size_t i = 0; i < l->rows.n; i++) {
        double x[DIM];
        row_of(&l->rows, hidden, i, x);
        map(named(c->bed, values, "head.weight"), named(c->bed, values, "head.bias"), x, LABELS,
            s[i]);
    }
    for (size_t g = 0; g < l->n_groups; g++) {
        for (size_t j = 0; j < LABELS; j++) {
            int32_t target = l->targets[g * LABELS + j];
            double sum = 0;
            for (size_t i = l->starts[g]; i < l->starts[g + 1]; i++)
                sum += exp(s[i][j]);
            if (target >= 0) {
                loss += log(sum) - s[l->starts[g] + (size_t)target][j];
                n++;
            }
        }
    }
    return loss / n;
}

static int run_pick(struct wf_loss_room *r, const struct wf_loss_of *of, const void *loss,
                    struct wf_loss_result *out, struct wf_err *err)
{
    return wf_loss_pick(r, of, loss, out, err);
}

static void test_loss__pick(void **state)
{
    static const uint32_t rows[] = {0, 1, 2, 3, 4, 5, 6, 9}, starts[] = {0, 3, 4, 8};
    static const int32_t targets[] = {0, 2, 1, -1, 1, 0, -1, 0, 0, 0, 3, 3, 2, -1, 0};
    struct bed *b = *state;
    float probs[8 * LABELS];
    struct wf_loss_pick l = {.rows = {rows, NULL, 8},
                             .head = b->head,
                             .starts = starts,
                             .n_groups = 3,
                             .targets = targets,
                             .out_probs = probs};
    struct checked c = {b, &l, pick_formula, run_pick};

    /* The bias moves all rows of a group alike: its gradient is nought, within rounding. */
    l.head.bias = NULL;
    b->head.bias = NULL;
    memset(wf_net_values(b->net) + wf_net_find(b->net, "head.bias")->offset, 0,
           LABELS * sizeof(float));
    check_against_formula(&c);
    assert_true(fabsf(probs[3 * LABELS] - 1.0f) < 1e-6f); /* alone in its group */
}

/* ---- pairs ---- */

/* One direction: row i of `from` among all rows of `to`, of the first d values. */
static double nce(const struct wf_loss_pairs *l, double (*from)[EMBED], double (*to)[EMBED],
                  size_t n_to, size_t d)
{
    double loss = 0;

    for (size_t i = 0; i < l->a.n; i++) {
        double sum = 0, at = 0;
        for (size_t j = 0; j < n_to; j++) {
            double dot = 0, aa = 0, bb = 0;
            for (size_t k = 0; k < d; k++) {
                dot += from[i][k] * to[j][k];
                aa += from[i][k] * from[i][k];
                bb += to[j][k] * to[j][k];
            }
            dot /= sqrt(aa) * sqrt(bb) * (double)l->temperature;
            at = i == j ? dot : at;
            if (i != j && j < l->a.n && l->groups != NULL && l->groups[i] == l->groups[j])
                continue;
            sum += exp(dot);
        }
        loss += (log(sum) - at) / (double)l->a.n;
    }
    return loss;
}

static double pairs_formula(const struct checked *c, const double *hidden, const double *values)
{
    const struct wf_loss_pairs *l = c->loss;
    double a[8][EMBED], b[8][EMBED], x[DIM], loss = 0;
    size_t n_dims = l->n_dims > 0 ? l->n_dims : 1;

    for (size_t i = 0; i < l->a.n; i++) {
        row_of(&l->a, hidden, i, x);
        map(named(c->bed, values, "embed.weight"), NULL, x, EMBED, a[i]);
        row_of(&l->b, hidden, i, x);
        map(named(c->bed, values, "embed.weight"), NULL, x, EMBED, b[i]);
    }
    for (size_t i = 0; i < l->others.n; i++) {
        row_of(&l->others, hidden, i, x);
        map(named(c->bed, values, "embed.weight"), NULL, x, EMBED, b[l->a.n + i]);
    }
    for (size_t i = 0; i < n_dims; i++) {
        size_t d = l->n_dims > 0 ? l->dims[i] : EMBED;
        loss += 0.5 * nce(l, a, b, l->a.n + l->others.n, d) / (double)n_dims;
        loss += 0.5 * nce(l, b, a, l->a.n, d) / (double)n_dims;
    }
    return loss;
}

static int run_pairs(struct wf_loss_room *r, const struct wf_loss_of *of, const void *loss,
                     struct wf_loss_result *out, struct wf_err *err)
{
    return wf_loss_pairs(r, of, loss, out, err);
}

static void test_loss__pairs(void **state)
{
    static const uint32_t a[] = {0, 3, 6, 7}, a_to[] = {3, 6, 7, 8}, b_from[] = {8, 10, 11, 12};
    static const uint32_t b_to[] = {10, 11, 12, 14}, others[] = {14, 16}, others_to[] = {16, 17};
    static const uint32_t groups[] = {1, 2, 1, 3}, dims[] = {EMBED, 3};
    struct bed *b = *state;
    struct wf_loss_pairs l = {.a = {a, a_to, 4},
                              .b = {b_from, b_to, 4},
                              .head = {wf_net_find(b->net, "embed.weight"), NULL},
                              .temperature = 0.3f};
    struct checked c = {b, &l, pairs_formula, run_pairs};

    check_against_formula(&c);
    l.others = (struct wf_loss_rows){others, others_to, 2};
    l.groups = groups;
    l.dims = dims;
    l.n_dims = 2;
    check_against_formula(&c);
}

static void test_loss__embeddings_have_length_one(void **state)
{
    static const uint32_t from[] = {0, 4}, to[] = {4, 17};
    struct bed *b = *state;
    struct wf_loss_rows rows = {from, to, 2};
    struct wf_loss_head head = {wf_net_find(b->net, "embed.weight"), NULL};
    float out[2 * EMBED];
    double x[DIM], want[EMBED], hidden[TOKENS * DIM], values[EMBED * DIM], length = 0;

    assert_int_equal(wf_loss_embed(b->room, b->hidden, &rows, &head, out, NULL), 0);
    for (size_t i = 0; i < TOKENS * DIM; i++)
        hidden[i] = (double)b->hidden[i];
    for (size_t i = 0; i < EMBED * DIM; i++)
        values[i] = (double)wf_net_values(b->net)[head.weight->offset + i];
    row_of(&rows, hidden, 1, x);
    map(values, NULL, x, EMBED, want);
    for (size_t i = 0; i < EMBED; i++)
        length += want[i] * want[i];
    for (size_t i = 0; i < EMBED; i++)
        assert_true(fabs((double)out[EMBED + i] - want[i] / sqrt(length)) < 1e-6);
}

/* ---- sequences ---- */

/* The weight of all sequences of a text that agree with `known`, by trying each. */
static double try_all(const struct checked *c, const double *values, double (*s)[LABELS], size_t n,
                      const int32_t *known, const uint64_t *allowed, int32_t *out_best)
{
    const double *move = named(c->bed, values, "head.transitions");
    size_t n_ways = 1;
    double sum = 0, most = -INFINITY;

    for (size_t t = 0; t < n; t++)
        n_ways *= LABELS;
    for (size_t way = 0; way < n_ways; way++) {
        size_t rest = way, before = 0;
        double score = 0;
        bool agrees = true;
        for (size_t t = 0; t < n; t++, rest /= LABELS) {
            size_t tag = rest % LABELS;
            agrees = agrees && (known == NULL || known[t] < 0 || (size_t)known[t] == tag);
            agrees = agrees && (allowed == NULL || known[t] >= 0 || (allowed[t] >> tag & 1) != 0);
            score += s[t][tag] + (t > 0 ? move[before * LABELS + tag] : 0.0);
            before = tag;
        }
        sum += agrees ? exp(score) : 0.0;
        if (out_best != NULL && score > most) {
            most = score;
            rest = way;
            for (size_t t = 0; t < n; t++, rest /= LABELS)
                out_best[t] = (int32_t)(rest % LABELS);
        }
    }
    return log(sum);
}

static void crf_scores(const struct checked *c, const double *hidden, const double *values,
                       double (*s)[LABELS])
{
    const struct wf_loss_crf *l = c->loss;

    for (size_t i = 0; i < l->rows.n; i++) {
        double x[DIM];
        row_of(&l->rows, hidden, i, x);
        map(named(c->bed, values, "head.weight"), named(c->bed, values, "head.bias"), x, LABELS,
            s[i]);
    }
}

static double crf_formula(const struct checked *c, const double *hidden, const double *values)
{
    const struct wf_loss_crf *l = c->loss;
    double loss = 0, s[TOKENS][LABELS];

    crf_scores(c, hidden, values, s);
    for (size_t i = 0; i < l->n_sequences; i++) {
        size_t first = l->starts[i], n = l->starts[i + 1] - first;
        loss += try_all(c, values, s + first, n, NULL, NULL, NULL);
        loss -= try_all(c, values, s + first, n, l->targets + first,
                        l->allowed != NULL ? l->allowed + first : NULL, NULL);
    }
    return loss / (double)l->rows.n;
}

static int run_crf(struct wf_loss_room *r, const struct wf_loss_of *of, const void *loss,
                   struct wf_loss_result *out, struct wf_err *err)
{
    return wf_loss_crf(r, of, loss, out, err);
}

static void test_loss__sequences(void **state)
{
    static const uint32_t rows[] = {0, 2, 3, 5, 7, 8, 11, 16}, starts[] = {0, 4, 5, 8};
    static const int32_t targets[] = {0, 3, 3, 1, 4, 2, 2, 0}, some[] = {0, -1, 3, -1, -1, 2, 2, 0};
    static const uint64_t allowed[] = {1, 6, 1, 31, 17, 1, 1, 1};
    struct bed *b = *state;
    double s[TOKENS][LABELS], hidden[TOKENS * DIM];
    int32_t got[8], want[8];
    struct wf_loss_crf l = {.rows = {rows, NULL, 8},
                            .head = b->head,
                            .transitions = wf_net_find(b->net, "head.transitions"),
                            .starts = starts,
                            .n_sequences = 3,
                            .targets = targets,
                            .out_best = got};
    struct checked c = {b, &l, crf_formula, run_crf};
    size_t n = wf_net_n_values(b->net);
    double *values = wf_alloc_array(n, sizeof(*values));

    assert_non_null(values);
    check_against_formula(&c);
    l.targets = some;
    check_against_formula(&c);
    l.allowed = allowed;
    check_against_formula(&c);
    for (size_t i = 0; i < n; i++)
        values[i] = (double)wf_net_values(b->net)[i];
    for (size_t i = 0; i < TOKENS * DIM; i++)
        hidden[i] = (double)b->hidden[i];
    crf_scores(&c, hidden, values, s);
    for (size_t i = 0; i < 3; i++)
        (void)try_all(&c, values, s + starts[i], starts[i + 1] - starts[i], NULL, NULL,
                      want + starts[i]);
    assert_memory_equal(got, want, sizeof(want));
    wf_free(values);
}

/* Every allocation fails once: said so, nothing lost. */
static void test_loss__memory_runs_out(void **state)
{
    static const uint32_t rows[] = {0, 2, 3, 5}, starts[] = {0, 4};
    static const int32_t targets[] = {0, 3, 3, 1};
    struct bed *b = *state;
    struct wf_loss_crf l = {.rows = {rows, NULL, 4},
                            .head = b->head,
                            .transitions = wf_net_find(b->net, "head.transitions"),
                            .starts = starts,
                            .n_sequences = 1,
                            .targets = targets};
    struct wf_loss_of of = {b->hidden, b->d_hidden, 1.0f};
    uint64_t before = wf_alloc_stats().n_live;

    for (uint64_t i = 1;; i++) {
        struct wf_loss_room *room = NULL;
        struct wf_loss_result result;
        struct wf_err err = WF_ERR_INIT;
        wf_alloc_fail_at(i);
        int rc = wf_loss_room_new(b->net, &room, &err);
        if (rc == 0)
            rc = wf_loss_crf(room, &of, &l, &result, &err);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        wf_loss_room_free(room);
        assert_int_equal(wf_alloc_stats().n_live, before);
        if (!failed) {
            assert_int_equal(rc, 0);
            assert_true(i > 3);
            break;
        }
        assert_int_equal(rc, WF_E_NOMEM);
        assert_true(err.msg[0] != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_loss__words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_loss__words_in_blocks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_loss__classes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_loss__classes_without_targets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_loss__binary, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_loss__pick, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_loss__pairs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_loss__embeddings_have_length_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_loss__sequences, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_loss__memory_runs_out, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
