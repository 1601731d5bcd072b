/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of tokens beside the encoder's: what a table says of texts, which tables are refused, and
 * that fitting one finds out a cipher that the encoder knows nothing of, in the file that comes out
 * of it. The texts are made here. */
#include "train/token_vectors.h"

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
#include "base/buf.h"
#include "model/lens.h"
#include "model/lens_static.h"
#include "os/file.h"
#include "support/tiny_lens.h"
#include "train/shuffle.h"

#define N_ROWS 800

static char folder[64], rows[96], lens[96], made[96];

static const char no_conf[] = "[task mlm]\nweight = 1\n";

/* ---- a table by hand ---- */

static const float levels[] = {-1.0f, 1.0f};
static const float sizes[] = {1.0f, 2.0f, 0.5f};
/* Rows of eight values: + - - - - - - -, + + - ..., all +. */
static const struct wf_lens_static_parts by_hand = {.codes = {"\x01\x03\xff\x00", 4},
                                                    .levels = levels,
                                                    .sizes = sizes,
                                                    .n_tokens = 3,
                                                    .width = 8,
                                                    .bits = 1,
                                                    .share = 2.0f};

static void test_token_vectors__a_text_is_the_sum_of_its_tokens(void **state)
{
    const int32_t ids[] = {0, 1, 7, -1, 2}; /* 7 and -1: no such tokens */
    struct wf_lens_static *s = NULL;
    float v[WF_LENS_DIMS];

    (void)state;
    assert_int_equal(wf_lens_static_read(&by_hand, &s, NULL), 0);
    assert_int_equal(wf_lens_static_width(s), 8);
    wf_lens_static_embed(s, ids, 5, v); /* 3.5, 1.5, and six times -2.5 */
    float length = sqrtf(3.5f * 3.5f + 1.5f * 1.5f + 6 * 2.5f * 2.5f);
    assert_float_equal(v[0], 3.5f / length, 1e-6);
    assert_float_equal(v[1], 1.5f / length, 1e-6);
    assert_float_equal(v[7], -2.5f / length, 1e-6);
    wf_lens_static_embed(s, ids, 0, v);
    for (size_t i = 0; i < 8; i++)
        assert_true(v[i] == 0.0f);
    /* beside the encoder's: one share, and two */
    for (size_t i = 0; i < WF_LENS_DIMS; i++)
        v[i] = i == 3 ? 9.0f : 0.0f;
    v[WF_LENS_DIMS - 1] = 100.0f; /* gives its place */
    wf_lens_static_join(s, ids, 5, v);
    assert_float_equal(v[3], 1 / sqrtf(5), 1e-6);
    assert_float_equal(v[WF_LENS_DIMS - 8], 2 / sqrtf(5) * 3.5f / length, 1e-6);
    assert_float_equal(v[WF_LENS_DIMS - 1], 2 / sqrtf(5) * -2.5f / length, 1e-6);
    wf_lens_static_close(s);
}

static void test_token_vectors__codes_of_two_bits_are_read_lowest_first(void **state)
{
    static const float four[] = {0.0f, 1.0f, 2.0f, 3.0f};
    const struct wf_lens_static_parts p = {.codes = {"\xe4\x00", 2}, /* 0 1 2 3, 0 0 0 0 */
                                           .levels = four,
                                           .sizes = sizes,
                                           .n_tokens = 1,
                                           .width = 8,
                                           .bits = 2,
                                           .share = 1.0f};
    const int32_t id = 0;
    struct wf_lens_static *s = NULL;
    float v[8];

    (void)state;
    assert_int_equal(wf_lens_static_read(&p, &s, NULL), 0);
    wf_lens_static_embed(s, &id, 1, v);
    for (size_t i = 0; i < 8; i++)
        assert_float_equal(v[i], (i < 4 ? (float)i : 0.0f) / sqrtf(14), 1e-6);
    wf_lens_static_close(s);
}

static void refused(struct wf_lens_static_parts p)
{
    struct wf_lens_static *s = NULL;

    assert_int_equal(wf_lens_static_read(&p, &s, NULL), WF_E_FORMAT);
    assert_null(s);
}

static void test_token_vectors__tables_that_are_none_are_refused(void **state)
{
    const float wild[] = {1.0f, NAN, 1.0f};
    struct wf_lens_static_parts p = by_hand;

    (void)state;
    p.bits = 3;
    refused(p);
    p = by_hand;
    p.width = 12;
    refused(p);
    p.width = 256;
    refused(p);
    p.width = 0;
    refused(p);
    p = by_hand;
    p.codes.len = 2;
    refused(p);
    p = by_hand;
    p.share = 0;
    refused(p);
    p.share = INFINITY;
    refused(p);
    p = by_hand;
    p.sizes = wild;
    refused(p);
    p = by_hand;
    p.levels = wild;
    refused(p);
}

static void test_token_vectors__memory_that_runs_out_is_an_error(void **state)
{
    struct wf_lens_static *s = NULL;

    (void)state;
    for (uint64_t n = 1; n <= 2; n++) {
        wf_alloc_fail_at(n);
        assert_int_equal(wf_lens_static_read(&by_hand, &s, NULL), WF_E_NOMEM);
        wf_alloc_fail_at(0);
        assert_null(s);
    }
}

/* ---- fitting ---- */

static int make_folder(void **state)
{
    uint64_t draw = 1;
    struct wf_buf b;

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-vectors-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(rows, sizeof(rows), "%s/rows.tsv", folder);
    (void)snprintf(lens, sizeof(lens), "%s/lens.gguf", folder);
    (void)snprintf(made, sizeof(made), "%s/made.gguf", folder);
    wf_buf_init(&b, 8u << 20);
    for (int i = 0; i < N_ROWS; i++) { /* letters, and those that stand thirteen behind them */
        char a[8], c[8];
        for (size_t k = 0; k < sizeof(a); k++) {
            a[k] = (char)('a' + wf_draw_below(&draw, 13));
            c[k] = (char)(a[k] + 13);
        }
        wf_buf_appendf(&b, "%.8s\t%.8s\n", a, c);
    }
    assert_int_equal(wf_file_replace(rows, b.ptr, b.len, 0600, NULL), 0);
    wf_buf_reset(&b);
    tiny_lens_build(0, &b);
    assert_int_equal(wf_file_replace(lens, b.ptr, b.len, 0600, NULL), 0);
    wf_buf_deinit(&b);
    return 0;
}

static int remove_folder(void **state)
{
    const char *const all[] = {rows, lens, made};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        (void)unlink(all[i]);
    assert_int_equal(rmdir(folder), 0); /* fails when something was left there */
    return 0;
}

static int fit(const char *text, struct wf_token_vectors_job job,
               struct wf_token_vectors_report *out, struct wf_err *err)
{
    struct wf_conf *conf = NULL;
    int rc;

    job.into = lens;
    job.data_dir = folder;
    assert_int_equal(wf_conf_parse(wf_str_from(text), "here", &conf, NULL), 0);
    rc = wf_token_vectors_fit(conf, &job, out, err);
    wf_conf_free(conf);
    return rc;
}

static const char embed_conf[] = "[task embed]\ntokens = 16\ncandidates = 100\nmarks = no\n"
                                 "sources = rows.tsv sentences 1 1\n";

static size_t figure(const char *name)
{
    size_t i = 0;

    while (strcmp(wf_token_vectors_figure(i), name) != 0)
        i++;
    return i;
}

static void embed(const struct wf_lens *l, const char *text, float *out)
{
    const struct wf_lens_ask q = {.tasks = WF_LENS_EMBED, .text = wf_str_from(text)};
    float *hidden = wf_alloc_array(TINY_LENS_CONTEXT, TINY_LENS_DIM * sizeof(*hidden));
    struct wf_lens_job *j = NULL;
    struct wf_lens_answer a;

    assert_int_equal(wf_lens_job_new(l, &q, &j, NULL), 0);
    for (size_t i = 0; i < wf_lens_job_n_windows(j); i++)
        wf_lens_job_take(j, i, hidden); /* zeros: the encoder says nothing */
    assert_int_equal(wf_lens_job_finish(j, &a, NULL), 0);
    memcpy(out, a.vector, sizeof(a.vector));
    wf_lens_answer_deinit(&a);
    wf_lens_job_free(j);
    wf_free(hidden);
}

static float cosine(const float *a, const float *b)
{
    float sum = 0;

    for (size_t i = 0; i < WF_LENS_DIMS; i++)
        sum += a[i] * b[i];
    return sum;
}

static void test_token_vectors__fitting_finds_out_a_cipher(void **state)
{
    float a[WF_LENS_DIMS], b[WF_LENS_DIMS], other[WF_LENS_DIMS];
    struct wf_token_vectors_report r;
    struct wf_err err = WF_ERR_INIT;
    struct wf_lens *l = NULL, *before = NULL;

    (void)state;
    for (unsigned bits = 1; bits <= 2; bits++) {
        const struct wf_token_vectors_job job = {
            .out = made, .width = 96, .bits = bits, .n_steps = 80};
        if (fit(embed_conf, job, &r, &err) != 0)
            fail_msg("%s", err.msg);
        size_t i = figure("sentences_1");
        assert_int_equal(r.n_steps, 80);
        assert_true(r.n_pairs > 10000 && r.share > 0);
        assert_int_equal(r.bytes, (256 + 5 + 3) * (96 * bits / 8 + 2));
        assert_true(r.table[i] > 90);
        assert_true(r.encoder[i] < 30);
        assert_true(r.both[i] > r.encoder[i]);
        assert_true(isnan(r.both[figure("recall_1")])); /* there are no questions */
    }
    if (wf_lens_open(made, &l, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(wf_lens_open(lens, &before, NULL), 0);
    assert_true(wf_lens_fingerprint(l) != wf_lens_fingerprint(before));
    embed(l, "kahbegim", a);
    embed(l, "xnuortvz", b);
    embed(l, "qrspyrqs", other);
    assert_float_equal(cosine(a, a), 1.0f, 1e-5);
    assert_true(cosine(a, b) > cosine(a, other) + 0.3f);
    embed(before, "kahbegim", a); /* a lens without a table is as it was: nothing but zeros */
    assert_true(cosine(a, a) == 0.0f);
    wf_lens_close(before);
    wf_lens_close(l);
}

static void test_token_vectors__what_cannot_be_fitted_is_said(void **state)
{
    struct wf_token_vectors_report r;

    (void)state;
    assert_int_equal(fit(no_conf, (struct wf_token_vectors_job){.n_steps = 1}, &r, NULL),
                     WF_E_NOENT);
    assert_int_equal(fit(embed_conf, (struct wf_token_vectors_job){.width = 100}, &r, NULL),
                     WF_E_INVAL);
    assert_int_equal(fit(embed_conf, (struct wf_token_vectors_job){.width = 256}, &r, NULL),
                     WF_E_INVAL);
    assert_int_equal(fit(embed_conf, (struct wf_token_vectors_job){.bits = 4}, &r, NULL),
                     WF_E_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_vectors__a_text_is_the_sum_of_its_tokens),
        cmocka_unit_test(test_token_vectors__codes_of_two_bits_are_read_lowest_first),
        cmocka_unit_test(test_token_vectors__tables_that_are_none_are_refused),
        cmocka_unit_test(test_token_vectors__memory_that_runs_out_is_an_error),
        cmocka_unit_test(test_token_vectors__fitting_finds_out_a_cipher),
        cmocka_unit_test(test_token_vectors__what_cannot_be_fitted_is_said),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
