/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding many texts at once: against a plain float64 rendering of the same network, and bit for
 * bit against the same texts one by one, with every kernel, float and quantised. */
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
#include "kern/dtype.h"
#include "model/synth.h"
#include "model/transformer.h"
#include "model/vocab.h"
#include "support/tiny_model.h"

#define HEADS 4
#define KV_HEADS 2
#define HEAD_DIM 32
#define FF 256
#define N TINY_IDS

struct loaded {
    struct wf_buf bytes;
    struct wf_model *model;
    struct wf_runner *runner;
};

static void load(struct loaded *l, const char *name, const struct wf_runner_options *o)
{
    struct wf_gguf *g = NULL;
    struct wf_err err = WF_ERR_INIT;

    wf_buf_init(&l->bytes, 64u << 20);
    tiny_model_build(name, &l->bytes);
    if (wf_gguf_open_memory(l->bytes.ptr, l->bytes.len, &g, &err) != 0 ||
        wf_model_open_gguf(g, &l->model, &err) != 0 ||
        wf_runner_new(l->model, o, &l->runner, &err) != 0)
        fail_msg("%s: %s", name, err.msg);
}

static void unload(struct loaded *l)
{
    wf_runner_free(l->runner);
    wf_model_close(l->model);
    wf_buf_deinit(&l->bytes);
}

/* ---- the network in float64, read off the paper ---- */

static const float *weight(const struct loaded *l, int layer, const char *name)
{
    char full[64];
    const struct wf_gguf_tensor *t;

    if (layer >= 0)
        (void)snprintf(full, sizeof(full), "blk.%d.%s.weight", layer, name);
    else
        (void)snprintf(full, sizeof(full), "%s.weight", name);
    t = wf_gguf_tensor(wf_model_gguf(l->model), full);
    assert_non_null(t);
    return t->data;
}

static void multiply(const float *w, size_t n_out, size_t n_in, const double *x, double *y)
{
    for (size_t t = 0; t < N; t++) {
        for (size_t o = 0; o < n_out; o++) {
            double sum = 0;
            for (size_t i = 0; i < n_in; i++)
                sum += (double)w[o * n_in + i] * x[t * n_in + i];
            y[t * n_out + o] = sum;
        }
    }
}

static void norm(const float *w, const double *x, double *y)
{
    for (size_t t = 0; t < N; t++) {
        double square = 0;
        for (size_t i = 0; i < TINY_DIM; i++)
            square += x[t * TINY_DIM + i] * x[t * TINY_DIM + i];
        for (size_t i = 0; i < TINY_DIM; i++)
            y[t * TINY_DIM + i] =
                x[t * TINY_DIM + i] / sqrt(square / TINY_DIM + 1e-6) * (double)w[i];
    }
}

static void turn(double *x, size_t n_heads)
{
    for (size_t t = 0; t < N; t++) {
        for (size_t h = 0; h < n_heads; h++) {
            double *v = x + (t * n_heads + h) * HEAD_DIM;
            for (size_t i = 0; i < HEAD_DIM / 2; i++) {
                double angle = (double)t * pow(10000.0, -2.0 * (double)i / HEAD_DIM);
                double a = v[i], b = v[i + HEAD_DIM / 2];
                v[i] = a * cos(angle) - b * sin(angle);
                v[i + HEAD_DIM / 2] = a * sin(angle) + b * cos(angle);
            }
        }
    }
}

static void attend(const double *q, const double *k, const double *v, double *out)
{
    for (size_t t = 0; t < N; t++) {
        for (size_t h = 0; h < HEADS; h++) {
            size_t g = h / (HEADS / KV_HEADS);
            double w[N], sum = 0;
            for (size_t s = 0; s < N; s++) {
                w[s] = 0;
                for (size_t i = 0; i < HEAD_DIM; i++)
                    w[s] +=
                        q[(t * HEADS + h) * HEAD_DIM + i] * k[(s * KV_HEADS + g) * HEAD_DIM + i];
                w[s] = exp(w[s] / sqrt(HEAD_DIM));
                sum += w[s];
            }
            for (size_t i = 0; i < HEAD_DIM; i++) {
                double *o = &out[(t * HEADS + h) * HEAD_DIM + i];
                *o = 0;
                for (size_t s = 0; s < N; s++)
                    *o += w[s] / sum * v[(s * KV_HEADS + g) * HEAD_DIM + i];
            }
        }
    }
}

static void reference(const struct loaded *l, const int32_t *ids, double *x)
{
    static double h[N * TINY_DIM], y[N * TINY_DIM], q[N * TINY_DIM], k[N * KV_HEADS * HEAD_DIM];
    static double v[N * KV_HEADS * HEAD_DIM], gate[N * FF], up[N * FF];

    for (size_t t = 0; t < N; t++) {
        for (size_t i = 0; i < TINY_DIM; i++)
            x[t * TINY_DIM + i] =
                (double)weight(l, -1, "token_embd")[(size_t)ids[t] * TINY_DIM + i];
    }
    for (int n = 0; n < 2; n++) {
        norm(weight(l, n, "attn_norm"), x, h);
        multiply(weight(l, n, "attn_q"), TINY_DIM, TINY_DIM, h, q);
        multiply(weight(l, n, "attn_k"), (size_t)KV_HEADS * HEAD_DIM, TINY_DIM, h, k);
        multiply(weight(l, n, "attn_v"), (size_t)KV_HEADS * HEAD_DIM, TINY_DIM, h, v);
        turn(q, HEADS);
        turn(k, KV_HEADS);
        attend(q, k, v, y);
        multiply(weight(l, n, "attn_output"), TINY_DIM, TINY_DIM, y, h);
        for (size_t i = 0; i < (size_t)N * TINY_DIM; i++)
            x[i] += h[i];
        norm(weight(l, n, "ffn_norm"), x, h);
        multiply(weight(l, n, "ffn_gate"), FF, TINY_DIM, h, gate);
        multiply(weight(l, n, "ffn_up"), FF, TINY_DIM, h, up);
        for (size_t i = 0; i < (size_t)N * FF; i++)
            up[i] *= gate[i] / (1.0 + exp(-gate[i]));
        multiply(weight(l, n, "ffn_down"), TINY_DIM, FF, up, h);
        for (size_t i = 0; i < (size_t)N * TINY_DIM; i++)
            x[i] += h[i];
    }
    norm(weight(l, -1, "output_norm"), x, x);
}

static void test_encode__equals_the_network_in_float64(void **state)
{
    static double want[N * TINY_DIM];
    struct wf_runner_options o = {.n_threads = 2};
    uint32_t starts[] = {0, N};
    double d = 0, all = 0;
    const float *got;
    int32_t ids[N];
    struct loaded l;

    (void)state;
    tiny_model_ids(ids);
    load(&l, "lens", &o);
    assert_int_equal(wf_runner_encode(l.runner, ids, starts, 1, &got, NULL), 0);
    reference(&l, ids, want);
    for (size_t i = 0; i < (size_t)N * TINY_DIM; i++) {
        d += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        all += want[i] * want[i];
    }
    if (!(sqrt(d / all) < 1e-5))
        fail_msg("relative error %g", sqrt(d / all));
    unload(&l);
}

/* ---- many texts at once ---- */

#define TOKENS_MAX 256

/* Texts of `lengths` one by one, then together, in this order and the other way round. */
static void compare_packed(struct wf_runner *r, size_t dim, const char *what)
{
    static const uint32_t lengths[] = {1, 17, 2, 64, 3, 31, 16, 33, 1, 5};
    enum {
        N_TEXTS = sizeof(lengths) / sizeof(lengths[0])
    };
    float *alone = wf_alloc_array(TOKENS_MAX * dim, sizeof(*alone));
    int32_t ids[TOKENS_MAX], turned[TOKENS_MAX];
    uint32_t starts[N_TEXTS + 1] = {0}, back[N_TEXTS + 1] = {0};
    const float *got;

    assert_non_null(alone);
    for (size_t i = 0; i < TOKENS_MAX; i++)
        ids[i] = (int32_t)(i * 53 % 251);
    for (size_t i = 0; i < N_TEXTS; i++) {
        uint32_t one[] = {0, lengths[i]};
        starts[i + 1] = starts[i] + lengths[i];
        assert_int_equal(wf_runner_encode(r, ids + starts[i], one, 1, &got, NULL), 0);
        memcpy(alone + starts[i] * dim, got, lengths[i] * dim * sizeof(float));
    }
    assert_int_equal(wf_runner_encode(r, ids, starts, N_TEXTS, &got, NULL), 0);
    if (memcmp(got, alone, starts[N_TEXTS] * dim * sizeof(float)) != 0)
        fail_msg("%s: texts in one batch are not as they are alone", what);
    for (size_t i = 0; i < N_TEXTS; i++) {
        size_t from = N_TEXTS - 1 - i;
        back[i + 1] = back[i] + lengths[from];
        memcpy(turned + back[i], ids + starts[from], lengths[from] * sizeof(*ids));
    }
    assert_int_equal(wf_runner_encode(r, turned, back, N_TEXTS, &got, NULL), 0);
    for (size_t i = 0; i < N_TEXTS; i++) {
        size_t from = N_TEXTS - 1 - i;
        if (memcmp(got + back[i] * dim, alone + starts[from] * dim,
                   lengths[from] * dim * sizeof(float)) != 0)
            fail_msg("%s: text %zu differs in another order", what, from);
    }
    wf_free(alone);
}

static void test_encode__texts_get_the_same_bits_in_any_company(void **state)
{
    static const char *const mixes[] = {"F32", "Q8_0", "Q4_K_M"};
    const struct wf_synth_shape shape = {"test", "lens", 2,   256,      512,  4,
                                         4,      300,    128, 10000.0f, true, false};
    char dir[] = "/tmp/weft-encode-XXXXXX", path[64];

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/model.gguf", dir);
    for (size_t m = 0; m < sizeof(mixes) / sizeof(mixes[0]); m++) {
        struct wf_model *model = NULL;
        assert_int_equal(wf_synth(&shape, wf_mix_by_name(mixes[m]), 7, path, NULL, NULL), 0);
        assert_int_equal(wf_model_open(path, &model, NULL), 0);
        for (size_t k = 0; wf_kern_at(k) != NULL; k++) {
            for (size_t n_threads = 1; n_threads <= 3; n_threads++) {
                struct wf_runner_options o = {.n_threads = n_threads,
                                              .n_batch = TOKENS_MAX,
                                              .act = n_threads == 2 ? WF_ACT_F32 : WF_ACT_Q8,
                                              .kern = wf_kern_at(k)};
                struct wf_runner *r = NULL;
                char what[64];
                (void)snprintf(what, sizeof(what), "%s, %s, %zu threads", mixes[m],
                               wf_kern_at(k)->name, n_threads);
                assert_int_equal(wf_runner_new(model, &o, &r, NULL), 0);
                compare_packed(r, 256, what);
                wf_runner_free(r);
            }
        }
        wf_model_close(model);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

static void test_encode__a_synthetic_bert_reads_words_and_gives_vectors(void **state)
{
    const struct wf_synth_shape shape = {"test", "bert", 2,   256,  512,  4,
                                         4,      1000,   128, 0.0f, true, true};
    struct wf_runner_options o = {.n_threads = 1, .act = WF_ACT_Q8};
    const char *path = "/tmp/weft-test-bert.gguf";
    struct wf_model *m = NULL;
    struct wf_vocab *v = NULL;
    struct wf_runner *r = NULL;
    struct wf_ids ids = {0};
    float a[256];

    (void)state;
    assert_int_equal(wf_synth(&shape, wf_mix_by_name("Q8_0"), 7, path, NULL, NULL), 0);
    assert_int_equal(wf_model_open(path, &m, NULL), 0);
    assert_int_equal(wf_vocab_open(wf_model_gguf(m), &v, NULL), 0);
    assert_int_equal(wf_vocab_encode(v, WF_STR("A cab bade"), WF_ENCODE_ENDS, &ids, NULL), 0);
    assert_true(ids.n >= 5); /* both ends, and three words at least */
    assert_int_equal(ids.ptr[0], 2);
    assert_int_equal(ids.ptr[1], 5); /* "a" at the beginning of a word */
    assert_int_equal(ids.ptr[ids.n - 1], 3);
    assert_int_equal(wf_runner_new(m, &o, &r, NULL), 0);
    assert_int_equal(wf_runner_embed(r, ids.ptr, (uint32_t[]){0, (uint32_t)ids.n}, 1, a, NULL), 0);
    assert_true(isfinite(a[0]) && isfinite(a[255]));
    wf_free(ids.ptr);
    wf_runner_free(r);
    wf_vocab_close(v);
    wf_model_close(m);
    (void)unlink(path);
}

static void test_encode__bert_is_encoded_and_embedded_alike(void **state)
{
    static const char *const names[] = {"bert", "lens"};
    struct wf_runner_options o = {.n_threads = 1, .n_batch = TOKENS_MAX};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        float want[TINY_DIM], sum[TINY_DIM] = {0};
        uint32_t starts[] = {0, 7, N};
        const float *got;
        struct loaded l;
        int32_t ids[N];
        tiny_model_ids(ids);
        load(&l, names[i], &o);
        assert_null(wf_runner_kv(l.runner));
        compare_packed(l.runner, TINY_DIM, names[i]);
        assert_int_equal(wf_runner_embed(l.runner, ids + 7, (uint32_t[]){0, N - 7}, 1, want, NULL),
                         0);
        assert_int_equal(wf_runner_encode(l.runner, ids, starts, 2, &got, NULL), 0);
        for (size_t t = 7; t < N; t++) {
            for (size_t d = 0; d < TINY_DIM; d++)
                sum[d] += got[t * TINY_DIM + d] / (N - 7);
        }
        for (size_t d = 0; d < TINY_DIM; d++)
            assert_true(fabsf(sum[d] - want[d]) < 1e-5f);
        unload(&l);
    }
}

static void test_encode__refuses_what_does_not_fit(void **state)
{
    struct wf_runner_options o = {.n_threads = 1, .n_context = 16, .n_batch = 40};
    int32_t ids[48] = {0}, wrong[] = {1, TINY_VOCAB};
    uint32_t two[] = {0, 2}, empty[] = {0, 2, 2}, longer[] = {0, 17}, many[] = {0, 16, 32, 41};
    uint32_t past[] = {0, 60, 20}, whole[] = {0, 16, 24, 40}, none[] = {0};
    struct wf_err err = WF_ERR_INIT;
    const float *got;
    struct loaded l;

    (void)state;
    load(&l, "lens", &o);
    assert_int_equal(wf_runner_encode(l.runner, wrong, two, 1, &got, &err), WF_E_RANGE);
    assert_non_null(strstr(err.msg, "512"));
    assert_int_equal(wf_runner_encode(l.runner, ids, empty, 2, &got, &err), WF_E_RANGE);
    assert_non_null(strstr(err.msg, "Text 2"));
    assert_int_equal(wf_runner_encode(l.runner, ids, longer, 1, &got, &err), WF_E_RANGE);
    assert_int_equal(wf_runner_encode(l.runner, ids, many, 3, &got, &err), WF_E_RANGE);
    assert_int_equal(wf_runner_encode(l.runner, ids, past, 2, &got, &err), WF_E_RANGE);
    assert_int_equal(wf_runner_encode(l.runner, ids, none, 0, &got, &err), 0);
    assert_int_equal(wf_runner_encode(l.runner, ids, whole, 3, &got, &err), 0);
    assert_int_equal(wf_runner_embed(l.runner, ids, longer, 1, (float[TINY_DIM]){0}, &err),
                     WF_E_RANGE);
    unload(&l);
    load(&l, "llama", &o);
    assert_int_equal(wf_runner_encode(l.runner, ids, two, 1, &got, &err), WF_E_UNSUPPORTED);
    unload(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode__equals_the_network_in_float64),
        cmocka_unit_test(test_encode__texts_get_the_same_bits_in_any_company),
        cmocka_unit_test(test_encode__a_synthetic_bert_reads_words_and_gives_vectors),
        cmocka_unit_test(test_encode__bert_is_encoded_and_embedded_alike),
        cmocka_unit_test(test_encode__refuses_what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
