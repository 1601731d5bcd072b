/* SPDX-License-Identifier: Apache-2.0 */
/* Adapters from texts: the loss falls, also on what is kept aside; what is written does in the
 * transformer what it did in training; and what cannot be is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "model/adapter.h"
#include "model/synth.h"
#include "model/transformer.h"
#include "support/tiny_model.h"
#include "train/lora.h"
#include "train/lora_internal.h"
#include "train/loss.h"

static char dir[] = "/tmp/weft-lora-XXXXXX";
static char model_path[64], adapter_path[64];

static int set_up(void **state)
{
    const struct wf_synth_shape shape = {"test", "llama", 2,   256,      512,   4,
                                         2,      300,     128, 10000.0f, false, false};
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(model_path, sizeof(model_path), "%s/model.gguf", dir);
    (void)snprintf(adapter_path, sizeof(adapter_path), "%s/adapter.gguf", dir);
    return wf_synth(&shape, wf_mix_by_name("Q4_K_M"), 3, model_path, NULL, &err);
}

static int tear_down(void **state)
{
    (void)state;
    (void)remove(adapter_path);
    (void)remove(model_path);
    return rmdir(dir);
}

static void add_texts(struct wf_lora *l, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char text[256];
        (void)snprintf(text, sizeof(text),
                       "On day %zu the weaver counts her threads, red and blue, and begins anew.",
                       i % 7);
        assert_int_equal(wf_lora_add(l, wf_str_from(text), NULL), 0);
    }
}

static struct wf_lora *open_lora(const struct wf_lora_options *o)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_lora *l = NULL;

    if (wf_lora_open(model_path, o, &l, &err) != 0)
        fail_msg("%s", err.msg);
    return l;
}

/* The loss of the next word over some tokens, as the network has it. */
static double net_loss(struct wf_net *net, const int32_t *ids, uint32_t n)
{
    const float *hidden = NULL;
    uint32_t starts[] = {0, n}, rows[128];
    struct wf_net_batch b = {.ids = ids, .starts = starts, .n_texts = 1};
    struct wf_loss_room *room = NULL;
    struct wf_loss_result loss;

    for (uint32_t i = 0; i < n; i++)
        rows[i] = i;
    assert_int_equal(wf_net_forward(net, &b, false, &hidden, NULL), 0);
    assert_int_equal(wf_loss_room_new(net, &room, NULL), 0);
    struct wf_loss_of of = {.hidden = hidden};
    struct wf_loss_words w = {.rows = {rows, NULL, n - 1}, .targets = ids + 1};
    assert_int_equal(wf_loss_words(room, &of, &w, &loss, NULL), 0);
    wf_loss_room_free(room);
    return loss.loss;
}

/* The same by the runner, with or without an adapter. */
static double model_loss(struct wf_model *m, const struct wf_adapter *a, const int32_t *ids,
                         size_t n)
{
    struct wf_runner_options o = {.n_threads = 2, .n_context = 128, .act = WF_ACT_F32};
    struct wf_runner *r = NULL;
    struct wf_seq seq = {0};
    struct wf_adapter_use use = {a, 1.0f};
    size_t n_vocab = wf_model_params(m)->n_vocab;
    float *logits = wf_alloc_array(n * n_vocab, sizeof(*logits));
    double loss = 0;

    assert_non_null(logits);
    assert_int_equal(wf_runner_new(m, &o, &r, NULL), 0);
    assert_int_equal(wf_seq_init(&seq, wf_runner_kv(r), NULL), 0);
    struct wf_batch_part part = {.seq = &seq,
                                 .ids = ids,
                                 .n = n,
                                 .n_logits = n,
                                 .adapters = &use,
                                 .n_adapters = a != NULL ? 1 : 0};
    assert_int_equal(wf_runner_eval(r, &part, 1, NULL, logits, NULL), 0);
    for (size_t i = 0; i + 1 < n; i++) {
        const float *x = logits + i * n_vocab;
        double sum = 0;
        for (size_t j = 0; j < n_vocab; j++)
            sum += exp((double)x[j]);
        loss += (log(sum) - (double)x[ids[i + 1]]) / (double)(n - 1);
    }
    wf_seq_deinit(&seq);
    wf_runner_free(r);
    wf_free(logits);
    return loss;
}

/* The first piece's, by the runner, with or without what was written. */
static double runner_loss(const struct wf_lora *l, bool adapts)
{
    struct wf_model *m = NULL;
    struct wf_adapter *a = NULL;
    struct wf_err err = WF_ERR_INIT;
    double loss;

    if (wf_model_open(model_path, &m, &err) != 0 ||
        (adapts && wf_adapter_open(m, adapter_path, &a, &err) != 0))
        fail_msg("%s", err.msg);
    loss = model_loss(m, a, l->ids.ptr, l->starts[1]);
    wf_adapter_close(a);
    wf_model_close(m);
    return loss;
}

static void on_step(void *ud, const struct wf_lora_view *v)
{
    uint64_t *n = ud;

    (*n)++;
    assert_int_equal(v->step, *n);
    assert_true(v->n_steps >= *n);
    assert_true(isfinite(v->loss));
}

static void test_lora__learns_and_is_applied_as_it_learnt(void **state)
{
    const struct wf_lora_options o = {.rank = 4,
                                      .text_tokens = 64,
                                      .batch_tokens = 256,
                                      .n_epochs = 3,
                                      .rate = 3e-3,
                                      .n_threads = 2,
                                      .is_exact = true};
    struct wf_lora *l = open_lora(&o);
    uint64_t n_steps = 0;
    struct wf_lora_events e = {.ud = &n_steps, .stepped = on_step};
    struct wf_lora_result result;
    struct wf_lora_plan plan;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    add_texts(l, 30);
    wf_lora_plan(l, &plan);
    assert_true(plan.n_aside > 0);
    if (wf_lora_train(l, &e, &result, &err) != 0)
        fail_msg("%s", err.msg);
    assert_true(result.is_done);
    assert_int_equal(result.n_steps, n_steps);
    assert_int_equal(plan.n_steps, n_steps);
    assert_int_equal(plan.n_values, wf_net_n_values(wf_lora_net(l)));
    if (!(result.after < result.before - 1.0))
        fail_msg("the loss goes from %g to %g", result.before, result.after);

    if (wf_lora_write(l, adapter_path, &err) != 0)
        fail_msg("%s", err.msg);
    double trained = net_loss(wf_lora_net(l), l->ids.ptr, l->starts[1]);
    double applied = runner_loss(l, true), plain = runner_loss(l, false);
    if (!(fabs(applied - trained) < 1e-3 * trained))
        fail_msg("trained %g, applied %g", trained, applied);
    assert_true(applied < plain - 1.0);
    wf_lora_close(l);
}

/* A file with fused matrices, all of their parts adapted, or some. */
static void check_fused(unsigned on)
{
    struct wf_lora l = {.o = {.rank = 3, .alpha = 5.0f, .on = on}};
    struct wf_net_options o = {.n_threads = 2,
                               .n_tokens_max = TINY_IDS,
                               .weights = &l.weights,
                               .lora_rank = 3,
                               .lora_alpha = 5.0f,
                               .lora_on = on};
    struct wf_gguf *g = NULL;
    struct wf_model *m = NULL;
    struct wf_adapter *a = NULL;
    struct wf_buf bytes;
    struct wf_err err = WF_ERR_INIT;
    int32_t ids[TINY_IDS];

    wf_buf_init(&bytes, 64u << 20);
    tiny_model_build("phi3", &bytes);
    tiny_model_ids(ids);
    assert_int_equal(wf_gguf_open_memory(bytes.ptr, bytes.len, &l.gguf, NULL), 0);
    assert_int_equal(wf_gguf_open_memory(bytes.ptr, bytes.len, &g, NULL), 0);
    assert_int_equal(wf_model_open_gguf(g, &m, NULL), 0);
    assert_int_equal(wf_params_read(l.gguf, &l.params, NULL), 0);
    assert_int_equal(wf_weights_load(l.gguf, &l.params, &l.weights, NULL), 0);
    assert_int_equal(wf_net_new(&l.params, &o, &l.net, NULL), 0);
    for (size_t i = 0; i < wf_net_n_values(l.net); i++)
        wf_net_values(l.net)[i] += 0.1f * (float)sin((double)i);
    if (wf_lora_write(&l, adapter_path, &err) != 0 ||
        wf_adapter_open(m, adapter_path, &a, &err) != 0)
        fail_msg("%s", err.msg);
    double want = net_loss(l.net, ids, TINY_IDS), got = model_loss(m, a, ids, TINY_IDS);
    double plain = model_loss(m, NULL, ids, TINY_IDS);
    if (!(fabs(want - got) < 1e-4 * want) || fabs(want - plain) < 1e-3 * want)
        fail_msg("trained %g, applied %g, without %g", want, got, plain);
    wf_adapter_close(a);
    wf_net_free(l.net);
    wf_weights_deinit(&l.weights);
    wf_params_deinit(&l.params);
    wf_gguf_close(l.gguf);
    wf_model_close(m);
    wf_buf_deinit(&bytes);
}

static void test_lora__joins_adapters_of_fused_matrices(void **state)
{
    (void)state;
    check_fused(WF_NET_LORA_ALL);
    check_fused(WF_NET_LORA_Q | WF_NET_LORA_V | WF_NET_LORA_UP);
}

static bool stops_at_once(void *ud)
{
    return (*(uint64_t *)ud)++ >= 2;
}

static void test_lora__ends_when_asked(void **state)
{
    const struct wf_lora_options o = {.rank = 1, .text_tokens = 32, .batch_tokens = 32};
    struct wf_lora *l = open_lora(&o);
    uint64_t asked = 0;
    struct wf_lora_events e = {.ud = &asked, .stops = stops_at_once};
    struct wf_lora_result result;

    (void)state;
    assert_int_equal(wf_lora_write(l, adapter_path, NULL), WF_E_INVAL);
    assert_int_equal(wf_lora_train(l, &e, &result, NULL), WF_E_INVAL); /* no text */
    add_texts(l, 2);
    assert_int_equal(wf_lora_train(l, &e, &result, NULL), 0);
    assert_false(result.is_done);
    assert_int_equal(result.n_steps, 2);
    assert_true(isnan(result.before)); /* too few to keep some aside */
    assert_int_equal(wf_lora_add(l, WF_STR("more"), NULL), WF_E_INVAL);
    wf_lora_close(l);
}

/* Every piece is learnt from once an epoch or kept aside, whatever their number. */
static void test_lora__plans_all_pieces(void **state)
{
    const struct wf_lora_options o = {.text_tokens = 16, .batch_tokens = 16, .n_epochs = 1};

    (void)state;
    for (size_t n = 1; n < 45; n++) {
        struct wf_lora *l = open_lora(&o);
        struct wf_lora_plan plan;
        for (size_t i = 0; i < n; i++)
            assert_int_equal(wf_lora_add(l, WF_STR("0123456789abcdef"), NULL), 0);
        wf_lora_plan(l, &plan);
        assert_int_equal(plan.n_aside, plan.n_pieces < 10 ? 0 : (plan.n_pieces + 4) / 10);
        assert_int_equal(plan.n_steps, plan.n_pieces - plan.n_aside);
        assert_true(plan.bytes > plan.n_values * 16);
        wf_lora_close(l);
    }
}

static void test_lora__refuses_impossible_options(void **state)
{
    static const struct wf_lora_options bad[] = {
        {.rank = 257}, {.text_tokens = 7}, {.batch_tokens = 70000}, {.on = 1u << 9}};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        struct wf_lora *l = NULL;
        struct wf_err err = WF_ERR_INIT;
        assert_int_equal(wf_lora_open(model_path, &bad[i], &l, &err), WF_E_INVAL);
        assert_null(l);
        assert_true(err.msg[0] != 0);
    }
}

static void test_lora__memory_runs_out(void **state)
{
    const struct wf_lora_options o = {
        .rank = 1, .text_tokens = 16, .batch_tokens = 16, .n_epochs = 1, .n_threads = 1};
    uint64_t before = wf_alloc_stats().n_live;

    (void)state;
    for (uint64_t i = 1;; i += 1 + i / 40) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_lora *l = NULL;
        struct wf_lora_result result;
        wf_alloc_fail_at(i);
        int rc = wf_lora_open(model_path, &o, &l, &err);
        if (rc == 0)
            rc = wf_lora_add(l, WF_STR("A weaver counts her threads."), &err);
        if (rc == 0)
            rc = wf_lora_train(l, NULL, &result, &err);
        if (rc == 0)
            rc = wf_lora_write(l, adapter_path, &err);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        wf_lora_close(l);
        assert_int_equal(wf_alloc_stats().n_live, before);
        if (!failed) {
            assert_int_equal(rc, 0);
            assert_true(i > 30);
            break;
        }
        assert_int_equal(rc, WF_E_NOMEM);
        assert_true(err.msg[0] != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lora__learns_and_is_applied_as_it_learnt),
        cmocka_unit_test(test_lora__joins_adapters_of_fused_matrices),
        cmocka_unit_test(test_lora__ends_when_asked),
        cmocka_unit_test(test_lora__plans_all_pieces),
        cmocka_unit_test(test_lora__refuses_impossible_options),
        cmocka_unit_test(test_lora__memory_runs_out),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
