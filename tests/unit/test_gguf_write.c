/* SPDX-License-Identifier: Apache-2.0 */
/* Writing model files: what is written is what is read, whatever fails leaves nothing behind;
 * quantising and making models on top of it. */
#include <jansson.h>
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
#include "model/gguf_write.h"
#include "model/quantize.h"
#include "model/synth.h"
#include "model/template.h"
#include "model/transformer.h"
#include "model/vocab.h"
#include "os/file.h"
#include "support/tiny_lens.h"
#include "support/tiny_model.h"

static char folder[64], path[96];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-gguf-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/model.gguf", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    assert_int_equal(wf_file_remove(path, NULL), 0);
    assert_int_equal(rmdir(folder), 0); /* fails when something was left there */
    return 0;
}

static int write_small(const float *x, const char *name, struct wf_err *err)
{
    struct wf_gguf_writer *w = NULL;
    const struct wf_dtype *q8 = wf_dtype_by_id(WF_DTYPE_Q8_0);
    uint8_t packed[2 * 34];
    int rc = wf_gguf_writer_new(name, &w, err);

    if (rc != 0)
        return rc;
    q8->pack(x, packed, 64);
    wf_gguf_put_string(w, "general.architecture", WF_STR("llama"));
    wf_gguf_put_u32(w, "a.number", 4000000000u);
    wf_gguf_put_f32(w, "a.float", 0.25f);
    wf_gguf_put_bool(w, "a.flag", true);
    wf_gguf_put_strings(w, "a.strings", 3);
    wf_gguf_item_put_string(w, WF_STR("one"));
    wf_gguf_item_put_string(w, WF_STR(""));
    wf_gguf_item_put_string(w, WF_STR("three"));
    wf_gguf_put_i32s(w, "a.numbers", 2);
    wf_gguf_item_put_i32(w, -5);
    wf_gguf_item_put_i32(w, 7);
    wf_gguf_put_tensor(w, WF_STR("vector"), wf_dtype_by_id(WF_DTYPE_F32), 1, (uint64_t[]){3});
    wf_gguf_put_tensor(w, WF_STR("matrix"), q8, 2, (uint64_t[]){32, 2});
    rc = wf_gguf_writer_begin(w, err);
    if (rc == 0)
        rc = wf_gguf_writer_write(w, x, 3 * sizeof(float), err);
    if (rc == 0)
        rc = wf_gguf_writer_write(w, packed, 40, err);
    if (rc == 0)
        rc = wf_gguf_writer_write(w, packed + 40, 28, err);
    if (rc == 0)
        rc = wf_gguf_writer_finish(w, err);
    wf_gguf_writer_free(w);
    return rc;
}

static void fill(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((i * 37 + 11) % 64) / 32.0f - 1.0f;
}

static void test_gguf_write__what_is_written_is_read(void **state)
{
    float x[64], back[64];
    struct wf_gguf *g = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_str s;
    uint64_t u;
    double d;
    int64_t n;
    bool b;

    (void)state;
    fill(x, 64);
    if (write_small(x, path, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(wf_gguf_open(path, &g, &err), 0);
    assert_int_equal(wf_gguf_version(g), 3);
    assert_int_equal(wf_gguf_n_values(g), 6);
    assert_true(wf_gguf_u64(g, "a.number", &u) && u == 4000000000u);
    assert_true(wf_gguf_f64(g, "a.float", &d) && d == 0.25);
    assert_true(wf_gguf_bool(g, "a.flag", &b) && b);
    assert_true(wf_gguf_item_string(wf_gguf_value(g, "a.strings"), 2, &s));
    assert_true(wf_str_eq(s, WF_STR("three")));
    assert_true(wf_gguf_item_i64(wf_gguf_value(g, "a.numbers"), 0, &n) && n == -5);
    const struct wf_gguf_tensor *v = wf_gguf_tensor(g, "vector"), *m = wf_gguf_tensor(g, "matrix");
    assert_memory_equal(v->data, x, 3 * sizeof(float));
    assert_int_equal(m->dims[1], 2);
    wf_dtype_by_id(m->type)->unpack(m->data, back, 64);
    for (size_t i = 0; i < 64; i++)
        assert_true(fabsf(back[i] - x[i]) < 0.01f);
    wf_gguf_close(g);
}

static void test_gguf_write__failures_leave_nothing_behind(void **state)
{
    uint64_t live;
    float x[64];
    int rc = -1;

    (void)state;
    fill(x, 64);
    assert_int_equal(write_small(x, "/nowhere/x.gguf", NULL), WF_E_NOENT);
    live = wf_alloc_stats().n_live;
    for (uint64_t n = 1; rc != 0; n++) {
        wf_alloc_fail_at(n);
        rc = write_small(x, path, NULL);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        assert_true(rc == 0 || access(path, F_OK) != 0);
        assert_int_equal(wf_alloc_stats().n_live, live);
    }
    assert_int_equal(wf_file_remove(path, NULL), 0);
    rc = -1;
    for (uint64_t n = 1; rc != 0; n++) {
        wf_file_fail_at(n);
        rc = write_small(x, path, NULL);
        wf_file_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_FULL);
    }
}

static size_t count_type(const struct wf_gguf *g, uint32_t type)
{
    size_t n = 0;

    for (size_t i = 0; i < wf_gguf_n_tensors(g); i++)
        n += wf_gguf_tensor_at(g, i)->type == type;
    return n;
}

/* A model of a shape in little: its mixes are those of the real one's files. */
static void test_gguf_write__mixes_are_those_of_their_names(void **state)
{
    static const struct {
        const char *shape, *mix;
        uint32_t type;
        size_t n;
    } cases[] = {
        /* TinyLlama's files as llama.cpp counts them: 45 F32, 135 Q4_K, 21 Q6_K; Q4_0 155 and 1. */
        {"tinyllama-1.1b", "Q4_K_M", WF_DTYPE_F32, 45},
        {"tinyllama-1.1b", "Q4_K_M", WF_DTYPE_Q4_K, 135},
        {"tinyllama-1.1b", "Q4_K_M", WF_DTYPE_Q6_K, 21},
        {"tinyllama-1.1b", "Q4_0", WF_DTYPE_Q4_0, 155},
        {"tinyllama-1.1b", "Q4_0", WF_DTYPE_Q6_K, 1},
        {"tinyllama-1.1b", "Q8_0", WF_DTYPE_Q8_0, 156},
        {"tinyllama-1.1b", "F16", WF_DTYPE_F16, 156},
        {"tinyllama-1.1b", "Q2_K", WF_DTYPE_Q4_K, 22},
        {"tinyllama-1.1b", "Q2_K", WF_DTYPE_Q3_K, 44},
        {"tinyllama-1.1b", "Q4_K_S", WF_DTYPE_Q5_K, 4 + 2},
        {"tinyllama-1.1b", "Q3_K_M", WF_DTYPE_Q5_K, 2 + 1},
        /* Rows of 896 are no whole blocks of 256. */
        {"qwen2.5-0.5b", "Q4_K_M", WF_DTYPE_Q5_0, 24 * 5 + 12},
        {"qwen2.5-0.5b", "Q4_K_M", WF_DTYPE_Q8_0, 1 + 12},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wf_synth_shape s = *wf_synth_shape_by_name(cases[i].shape);
        struct wf_gguf *g = NULL;
        s.dim = s.dim % 256 == 0 ? 256 : 224; /* narrow, but as divisible as it was */
        s.n_heads = s.dim / 32;
        s.n_kv_heads = s.n_heads / (s.dim % 256 == 0 ? 8 : 7);
        s.n_ff = 512;
        s.n_vocab = 300;
        assert_int_equal(wf_synth(&s, wf_mix_by_name(cases[i].mix), 1, path, NULL, NULL), 0);
        assert_int_equal(wf_gguf_open(path, &g, NULL), 0);
        if (count_type(g, cases[i].type) != cases[i].n)
            fail_msg("%s %s: %zu of %s", cases[i].shape, cases[i].mix, count_type(g, cases[i].type),
                     wf_dtype_by_id(cases[i].type)->name);
        wf_gguf_close(g);
    }
}

static double relative_error(const float *a, const float *b, size_t n)
{
    double d = 0, s = 0;

    for (size_t i = 0; i < n; i++) {
        d += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        s += (double)b[i] * (double)b[i];
    }
    return sqrt(d / s);
}

/* Logits of the last of the tiny models' ids. */
static void logits(struct wf_gguf *g, float *out)
{
    struct wf_runner_options o = {.n_threads = 1, .act = WF_ACT_F32};
    struct wf_model *m = NULL;
    struct wf_runner *r = NULL;
    int32_t ids[TINY_IDS];
    struct wf_seq seq;

    tiny_model_ids(ids);
    assert_int_equal(wf_model_open_gguf(g, &m, NULL), 0);
    assert_int_equal(wf_runner_new(m, &o, &r, NULL), 0);
    assert_int_equal(wf_seq_init(&seq, wf_runner_kv(r), NULL), 0);
    struct wf_batch_part part = {.seq = &seq, .ids = ids, .n = TINY_IDS, .n_logits = 1};
    assert_int_equal(wf_runner_eval(r, &part, 1, NULL, out, NULL), 0);
    wf_seq_deinit(&seq);
    wf_runner_free(r);
    wf_model_close(m);
}

static void test_gguf_write__quantised_models_stay_near(void **state)
{
    static const struct {
        const char *model, *mix;
        double bound;
    } cases[] = {{"llama", "F32", 0.0},   {"llama", "F16", 2e-3},   {"llama", "Q8_0", 3e-2},
                 {"llama", "Q5_1", 0.15}, {"mixtral", "Q8_0", 0.2}, {"gemma3", "Q8_0", 5e-2}};
    float want[TINY_VOCAB], got[TINY_VOCAB];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wf_gguf *g = NULL;
        struct wf_quantized done;
        struct wf_buf bytes;
        struct wf_err err = WF_ERR_INIT;
        wf_buf_init(&bytes, 64u << 20);
        tiny_model_build(cases[i].model, &bytes);
        assert_int_equal(wf_gguf_open_memory(bytes.ptr, bytes.len, &g, NULL), 0);
        if (wf_quantize(g, wf_mix_by_name(cases[i].mix), NULL, path, NULL, &done, &err) != 0)
            fail_msg("%s", err.msg);
        assert_true((done.n_changed == 0) == (i == 0));
        assert_int_equal(done.n_again, 0);
        logits(g, want); /* closes it */
        assert_int_equal(wf_gguf_open(path, &g, NULL), 0);
        logits(g, got);
        double error = relative_error(got, want, TINY_VOCAB);
        if (!(error <= cases[i].bound))
            fail_msg("%s as %s: relative error %g", cases[i].model, cases[i].mix, error);
        wf_buf_deinit(&bytes);
    }
}

/* A lens keeps its vocabulary in pieces, other models as other programs read it. */
static void test_gguf_write__quantised_lenses_have_pieces(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct wf_gguf *g = NULL;
        struct wf_vocab *before = NULL, *after = NULL;
        struct wf_buf bytes;

        wf_buf_init(&bytes, 64u << 20);
        if (i == 0) {
            tiny_lens_build(0, &bytes);
        } else {
            struct wf_synth_shape s = *wf_synth_shape_by_name("tiny");
            s.n_vocab = 1000;
            assert_int_equal(wf_synth(&s, wf_mix_at(0), 1, path, NULL, NULL), 0);
            assert_int_equal(wf_file_read(path, &bytes, NULL), 0);
        }
        struct wf_gguf *from = NULL;
        assert_int_equal(wf_gguf_open_memory(bytes.ptr, bytes.len, &from, NULL), 0);
        assert_int_equal(wf_quantize(from, wf_mix_by_name("Q8_0"), NULL, path, NULL, NULL, NULL),
                         0);
        assert_int_equal(wf_gguf_open(path, &g, NULL), 0);
        assert_true((wf_gguf_value(g, "tokenizer.weft.pieces") != NULL) == (i == 0));
        assert_true((wf_gguf_value(g, "tokenizer.ggml.tokens") == NULL) == (i == 0));
        assert_int_equal(wf_vocab_open(from, &before, NULL), 0);
        assert_int_equal(wf_vocab_open(g, &after, NULL), 0);
        assert_int_equal(wf_vocab_size(before), wf_vocab_size(after));
        for (int32_t id = 0; id < (int32_t)wf_vocab_size(before); id++)
            assert_true(wf_str_eq(wf_vocab_name(before, id), wf_vocab_name(after, id)));
        wf_vocab_close(before);
        wf_vocab_close(after);
        wf_gguf_close(g);
        wf_gguf_close(from);
        wf_buf_deinit(&bytes);
    }
}

static bool give_up(void *ud, uint64_t done, uint64_t total)
{
    assert_true(done <= total);
    return (*(int *)ud)-- > 0;
}

static void test_gguf_write__quantising_can_be_given_up(void **state)
{
    int calls = 3;
    struct wf_progress p = {give_up, &calls};
    struct wf_gguf *g = NULL;
    struct wf_buf bytes;

    (void)state;
    wf_buf_init(&bytes, 64u << 20);
    tiny_model_build("llama", &bytes);
    assert_int_equal(wf_gguf_open_memory(bytes.ptr, bytes.len, &g, NULL), 0);
    assert_int_equal(wf_quantize(g, wf_mix_by_name("Q4_0"), NULL, path, &p, NULL, NULL),
                     WF_E_CANCELED);
    assert_int_not_equal(access(path, F_OK), 0);
    uint64_t live = wf_alloc_stats().n_live;
    int rc = -1;
    for (uint64_t n = 1; rc != 0; n++) {
        wf_alloc_fail_at(n);
        rc = wf_quantize(g, wf_mix_by_name("Q4_0"), NULL, path, NULL, NULL, NULL);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM || rc == WF_E_BUSY);
        assert_int_equal(wf_alloc_stats().n_live, live);
    }
    wf_gguf_close(g);
    wf_buf_deinit(&bytes);
}

static void check_vocab(const struct wf_vocab *v, size_t n)
{
    assert_int_equal(wf_vocab_size(v), n);
    assert_true(wf_vocab_is_end(v, (int32_t)n - 1));
    assert_int_equal(wf_vocab_kind(v, (int32_t)n - 2), WF_TOKEN_CONTROL);
    for (int32_t id = 0; id < 256; id++) {
        assert_int_equal(wf_vocab_bytes(v, id).len, 1);
        assert_int_equal((uint8_t)wf_vocab_bytes(v, id).ptr[0], id);
    }
    assert_true(wf_str_eq(wf_vocab_bytes(v, 256), WF_STR("ba")));
    assert_true(wf_str_eq(wf_vocab_bytes(v, 256 + 105), WF_STR(" ba")));
    assert_true(wf_str_eq(wf_vocab_bytes(v, 256 + 211), WF_STR("babe")));
}

static void check_template(struct wf_str source)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_template *t = NULL;
    struct wf_buf text;
    json_t *context =
        json_loads("{\"messages\": [{\"role\": \"system\", \"content\": \"S\"},"
                   "{\"role\": \"user\", \"content\": \"U\"},"
                   "{\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": [{\"function\":"
                   "{\"name\": \"f\", \"arguments\": {\"a\": 1}}}]},"
                   "{\"role\": \"tool\", \"content\": \"R\"}],"
                   "\"tools\": [{\"type\": \"function\"}], \"add_generation_prompt\": true}",
                   0, NULL);

    wf_buf_init(&text, 4096);
    if (wf_template_compile(source, &t, &err) != 0 ||
        wf_template_render(t, context, 0, &text, &err) != 0)
        fail_msg("%s", err.msg);
    assert_string_equal(
        text.ptr, "<|im_start|>system\nS\n\nThese functions can be called:\n<tools>\n"
                  "{\"type\": \"function\"}\n</tools>\nA call is written like this:\n<tool_call>\n"
                  "{\"name\": NAME, \"arguments\": OBJECT}\n</tool_call><|im_end|>\n"
                  "<|im_start|>user\nU<|im_end|>\n"
                  "<|im_start|>assistant\n\n<tool_call>\n"
                  "{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call><|im_end|>\n"
                  "<|im_start|>user\n<tool_response>\nR\n</tool_response><|im_end|>\n"
                  "<|im_start|>assistant\n");
    wf_template_free(t);
    wf_buf_deinit(&text);
    json_decref(context);
}

static void test_gguf_write__made_models_can_be_talked_to(void **state)
{
    struct wf_synth_shape s = *wf_synth_shape_by_name("tiny");
    struct wf_err err = WF_ERR_INIT;
    struct wf_vocab *v = NULL;
    struct wf_gguf *g = NULL;
    float out[1000];
    struct wf_str source;

    (void)state;
    s.n_vocab = 1000;
    for (size_t i = 0; wf_mix_at(i) != NULL; i++) {
        assert_int_equal(wf_synth(&s, wf_mix_at(i), i, path, NULL, NULL), 0);
        assert_int_equal(wf_gguf_open(path, &g, NULL), 0);
        if (i == 0) {
            assert_int_equal(wf_vocab_open(g, &v, &err), 0);
            check_vocab(v, s.n_vocab);
            wf_vocab_close(v);
            assert_true(wf_gguf_string(g, "tokenizer.chat_template", &source));
            check_template(source);
        }
        logits(g, out);
        for (size_t j = 0; j < s.n_vocab; j++)
            assert_true(isfinite(out[j]) && fabsf(out[j]) < 20.0f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_gguf_write__what_is_written_is_read, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_gguf_write__failures_leave_nothing_behind, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_gguf_write__mixes_are_those_of_their_names,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_gguf_write__quantised_models_stay_near, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_gguf_write__quantised_lenses_have_pieces, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_gguf_write__quantising_can_be_given_up, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_gguf_write__made_models_can_be_talked_to, make_folder,
                                        remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
