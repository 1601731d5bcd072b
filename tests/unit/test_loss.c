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
    struct wf_net_batch batch = {ids, starts, 1};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_loss__words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_loss__words_in_blocks, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
