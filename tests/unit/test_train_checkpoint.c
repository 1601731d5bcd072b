/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: what is written comes back; every damage is told; what fails leaves the last one. */
#include "train/checkpoint.h"

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
#include "os/file.h"

static char folder[64], path[96], previous[128], tmp[128];
static float values[3][35];

static const struct wf_checkpoint_tensor tensors[] = {
    {"token_embd.weight", 5, 7, values[0], values[1], values[2]},
    {"output_norm.weight", 1, 3, values[1], values[2], values[0]},
};
static const struct wf_checkpoint_task tasks[] = {{"mlm", 2, 1234567890123}, {"entity", 0, 5}};
static const struct wf_checkpoint whole = {.n_steps = 100,
                                           .n_tokens = 819200,
                                           .n_updates = 99,
                                           .n_skipped = 1,
                                           .trained_ns = 123456789012,
                                           .seed = 42,
                                           .conf = {"[train]\n", 8},
                                           .meta = {"m", 1},
                                           .tasks = tasks,
                                           .tensors = tensors,
                                           .n_tasks = 2,
                                           .n_tensors = 2,
                                           .has_moments = true};

static int make_folder(void **state)
{
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < 35; i++)
            values[k][i] = (float)(100 * k + i) / 7.0f;
    }
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-checkpoint-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/checkpoint", folder);
    (void)snprintf(previous, sizeof(previous), "%s.previous", path);
    (void)snprintf(tmp, sizeof(tmp), "%s.new", path);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    assert_int_equal(wf_file_remove(path, NULL), 0);
    assert_int_equal(wf_file_remove(previous, NULL), 0);
    assert_int_equal(rmdir(folder), 0); /* fails when something was left there */
    return 0;
}

static uint64_t steps_of(const char *file)
{
    struct wf_checkpoint_file *f = NULL;
    uint64_t n;

    assert_int_equal(wf_checkpoint_open(file, &f, NULL), 0);
    n = wf_checkpoint_of(f)->n_steps;
    wf_checkpoint_close(f);
    return n;
}

static void test_train_checkpoint__comes_back(void **state)
{
    struct wf_checkpoint_file *f = NULL;
    const struct wf_checkpoint_tensor *t;
    const struct wf_checkpoint *c;

    (void)state;
    assert_int_equal(wf_checkpoint_write(&whole, path, NULL), 0);
    assert_int_equal(wf_checkpoint_open(path, &f, NULL), 0);
    c = wf_checkpoint_of(f);
    assert_int_equal(c->n_steps, 100);
    assert_int_equal(c->n_tokens, 819200);
    assert_int_equal(c->n_updates, 99);
    assert_int_equal(c->n_skipped, 1);
    assert_int_equal(c->trained_ns, 123456789012);
    assert_int_equal(c->seed, 42);
    assert_true(c->has_moments);
    assert_true(wf_str_eq(c->conf, WF_STR("[train]\n")));
    assert_true(wf_str_eq(c->meta, WF_STR("m")));
    assert_int_equal(c->n_tensors, 2);
    assert_null(wf_checkpoint_tensor(f, "blk.0.attn_q.weight"));
    t = wf_checkpoint_tensor(f, "token_embd.weight");
    assert_int_equal(t->rows, 5);
    assert_int_equal(t->cols, 7);
    assert_memory_equal(t->values, values[0], sizeof(values[0]));
    assert_memory_equal(t->first, values[1], sizeof(values[1]));
    assert_memory_equal(t->second, values[2], sizeof(values[2]));
    t = wf_checkpoint_tensor(f, "output_norm.weight");
    assert_memory_equal(t->second, values[0], 3 * sizeof(float));
    assert_int_equal(wf_checkpoint_task(f, "mlm")->epoch, 2);
    assert_int_equal(wf_checkpoint_task(f, "mlm")->i, 1234567890123);
    assert_null(wf_checkpoint_task(f, "span"));
    wf_checkpoint_close(f);
}

static void test_train_checkpoint__may_be_values_only(void **state)
{
    struct wf_checkpoint c = whole;
    struct wf_checkpoint_file *f = NULL;

    (void)state;
    c.has_moments = false;
    assert_int_equal(wf_checkpoint_write(&c, path, NULL), 0);
    assert_int_equal(wf_checkpoint_open(path, &f, NULL), 0);
    assert_false(wf_checkpoint_of(f)->has_moments);
    assert_null(wf_checkpoint_tensor(f, "token_embd.weight")->first);
    assert_memory_equal(wf_checkpoint_tensor(f, "token_embd.weight")->values, values[0],
                        sizeof(values[0]));
    wf_checkpoint_close(f);
}

static void test_train_checkpoint__keeps_the_previous_one(void **state)
{
    struct wf_checkpoint c = whole;

    (void)state;
    assert_int_equal(wf_checkpoint_write(&c, path, NULL), 0);
    c.n_steps = 200;
    assert_int_equal(wf_checkpoint_write(&c, path, NULL), 0);
    assert_int_equal(steps_of(path), 200);
    assert_int_equal(steps_of(previous), 100);
}

/* Whatever write, fsync or rename fails, one of the two names holds what was there. */
static void test_train_checkpoint__survives_a_full_disk(void **state)
{
    struct wf_checkpoint c = whole;
    int rc = -1;

    (void)state;
    assert_int_equal(wf_checkpoint_write(&c, path, NULL), 0);
    for (uint64_t n = 1; rc != 0; n++) {
        struct wf_err err = WF_ERR_INIT;
        assert_true(n < 100);
        c.n_steps = 200;
        wf_file_fail_at(n);
        rc = wf_checkpoint_write(&c, path, &err);
        wf_file_fail_at(0);
        if (rc == 0)
            break;
        assert_non_null(strstr(err.msg, "checkpoint was not written"));
        assert_int_not_equal(access(tmp, F_OK), 0);
        if (access(path, F_OK) != 0)
            assert_int_equal(steps_of(previous), 100);
        else if (steps_of(path) != 200) /* the folder's fsync alone may fail after it is there */
            assert_int_equal(steps_of(path), 100);
        c.n_steps = 100;
        assert_int_equal(wf_checkpoint_write(&c, path, NULL), 0);
    }
    assert_int_equal(steps_of(path), 200);
}

static void read_bytes(struct wf_buf *b)
{
    assert_int_equal(wf_checkpoint_write(&whole, path, NULL), 0);
    wf_buf_init(b, 1u << 20);
    assert_int_equal(wf_file_read(path, b, NULL), 0);
}

static void assert_damaged(struct wf_str bytes, int code, const char *sentence)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_checkpoint_file *f = NULL;

    assert_int_equal(wf_checkpoint_open_memory("the file", bytes, &f, &err), code);
    assert_null(f);
    if (strstr(err.msg, sentence) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", sentence, err.msg);
}

static void test_train_checkpoint__every_flipped_bit_is_told(void **state)
{
    struct wf_buf b;

    (void)state;
    read_bytes(&b);
    for (size_t i = 0; i < b.len; i++) {
        struct wf_checkpoint_file *f = NULL;
        b.ptr[i] = (char)(b.ptr[i] ^ (1 << i % 8));
        assert_int_not_equal(wf_checkpoint_open_memory("x", wf_buf_str(&b), &f, NULL), 0);
        b.ptr[i] = (char)(b.ptr[i] ^ (1 << i % 8));
    }
    b.ptr[300] = (char)(b.ptr[300] ^ 1);
    assert_damaged(wf_buf_str(&b), WF_E_CORRUPT, "the file is damaged: ");
    wf_buf_deinit(&b);
}

static void test_train_checkpoint__every_short_file_is_told(void **state)
{
    struct wf_buf b;

    (void)state;
    read_bytes(&b);
    for (size_t n = 0; n < b.len; n++) {
        struct wf_checkpoint_file *f = NULL;
        char *part = wf_memdup0(b.ptr, n); /* so that a sanitizer sees what is read behind it */
        assert_non_null(part);
        assert_int_not_equal(wf_checkpoint_open_memory("x", wf_str_n(part, n), &f, NULL), 0);
        wf_free(part);
    }
    assert_damaged(wf_str_n(b.ptr, b.len - 1), WF_E_CORRUPT, "its end is missing");
    assert_damaged(wf_str_n(b.ptr, 20), WF_E_CORRUPT, "shorter than its header");
    assert_damaged(WF_STR("GGUF"), WF_E_FORMAT, "the file is no checkpoint of weft.");
    b.ptr[8] = 2;
    assert_damaged(wf_buf_str(&b), WF_E_FORMAT, "version 2");
    wf_buf_deinit(&b);
}

static void test_train_checkpoint__a_missing_file_is_told(void **state)
{
    struct wf_checkpoint_file *f = NULL;

    (void)state;
    assert_int_equal(wf_checkpoint_open("/nonexistent/checkpoint", &f, NULL), WF_E_NOENT);
}

static void test_train_checkpoint__survives_failing_memory(void **state)
{
    int rc = WF_E_NOMEM;

    (void)state;
    for (uint64_t n = 1; rc == WF_E_NOMEM; n++) {
        wf_alloc_fail_at(n);
        rc = wf_checkpoint_write(&whole, path, NULL);
        wf_alloc_fail_at(0);
    }
    assert_int_equal(rc, 0);
    rc = WF_E_NOMEM;
    for (uint64_t n = 1; rc == WF_E_NOMEM; n++) {
        struct wf_checkpoint_file *f = NULL;
        wf_alloc_fail_at(n);
        rc = wf_checkpoint_open(path, &f, NULL);
        wf_alloc_fail_at(0);
        wf_checkpoint_close(f);
    }
    assert_int_equal(rc, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_train_checkpoint__comes_back),
        TEST(test_train_checkpoint__may_be_values_only),
        TEST(test_train_checkpoint__keeps_the_previous_one),
        TEST(test_train_checkpoint__survives_a_full_disk),
        TEST(test_train_checkpoint__every_flipped_bit_is_told),
        TEST(test_train_checkpoint__every_short_file_is_told),
        TEST(test_train_checkpoint__a_missing_file_is_told),
        TEST(test_train_checkpoint__survives_failing_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
