/* SPDX-License-Identifier: Apache-2.0 */
/* The process-wide lens: what many threads ask at once gets the same bits as alone; absent or
 * switched off, it says so; questions may be dropped. */
#include <pthread.h>
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
#include "base/rng.h"
#include "engine/lens.h"
#include "os/file.h"
#include "support/tiny_lens.h"

#define N_TEXTS 24
#define N_THREADS 4

struct place {
    char dir[40], path[64];
};

static void write_lens(struct place *p, unsigned with)
{
    struct wf_buf bytes;

    (void)snprintf(p->dir, sizeof(p->dir), "/tmp/weft-lens-pool-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(p->path, sizeof(p->path), "%s/lens.gguf", p->dir);
    wf_buf_init(&bytes, 8u << 20);
    tiny_lens_build(with, &bytes);
    assert_int_equal(wf_file_replace(p->path, bytes.ptr, bytes.len, 0600, NULL), 0);
    wf_buf_deinit(&bytes);
}

static void remove_lens(struct place *p)
{
    (void)unlink(p->path);
    (void)rmdir(p->dir);
}

static struct wf_lens_pool *new_pool(const char *path, size_t n_threads)
{
    const struct wf_lens_pool_options o = {.path = path, .n_threads = n_threads};
    struct wf_lens_pool *p = NULL;

    assert_int_equal(wf_lens_pool_new(&o, &p, NULL), 0);
    return p;
}

/* Texts of 0 to 700 bytes: of none, one and many windows. */
struct texts {
    char bytes[N_TEXTS][700];
    struct wf_lens_ask asks[N_TEXTS];
};

static void make_texts(struct texts *t)
{
    struct wf_rng_seeded rng;

    wf_rng_seeded_init(&rng, 7);
    for (size_t i = 0; i < N_TEXTS; i++) {
        size_t n = i % 5 == 4 ? wf_rng_below(&rng.rng, 700) : wf_rng_below(&rng.rng, 40);
        for (size_t k = 0; k < n; k++)
            t->bytes[i][k] = "an. 7b,"[wf_rng_below(&rng.rng, 7)];
        t->asks[i] =
            (struct wf_lens_ask){.tasks = i % 2 == 0 ? WF_LENS_EMBED
                                                     : WF_LENS_ENTITIES | WF_LENS_SALIENCE |
                                                           WF_LENS_SENSITIVITY | WF_LENS_INTENT,
                                 .text = {t->bytes[i], n},
                                 .can_wait = i % 3 == 0};
    }
}

static void same_marks(const struct wf_lens_marks *a, const struct wf_lens_marks *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_int_equal(a->items[i].from, b->items[i].from);
        assert_int_equal(a->items[i].to, b->items[i].to);
        assert_true(wf_str_eq(a->items[i].type, b->items[i].type));
        assert_memory_equal(&a->items[i].score, &b->items[i].score, sizeof(float));
    }
}

static void same(const struct wf_lens_answer *a, const struct wf_lens_answer *b)
{
    assert_memory_equal(a->vector, b->vector, sizeof(a->vector));
    same_marks(&a->entities, &b->entities);
    same_marks(&a->sentences, &b->sentences);
    same_marks(&a->sensitivity, &b->sensitivity);
    same_marks(&a->slots, &b->slots);
    assert_memory_equal(&a->intent_score, &b->intent_score, sizeof(float));
}

struct asker {
    struct wf_lens_pool *pool;
    const struct texts *texts;
    const struct wf_lens_answer *want;
    int rc;
};

static void *ask_all(void *ud)
{
    struct asker *a = ud;

    for (int round = 0; round < 4; round++) {
        struct wf_lens_answer got[N_TEXTS];
        a->rc = wf_lens_pool_run(a->pool, a->texts->asks, N_TEXTS, got, NULL);
        if (a->rc != 0)
            break;
        for (size_t i = 0; i < N_TEXTS; i++) {
            same(&got[i], &a->want[i]);
            wf_lens_answer_deinit(&got[i]);
        }
    }
    return NULL;
}

static void test_lens_pool__many_at_once_get_what_one_gets(void **state)
{
    static struct texts texts;
    struct wf_lens_answer want[N_TEXTS];
    pthread_t threads[N_THREADS];
    struct asker askers[N_THREADS];
    struct wf_lens_pool *pool;
    size_t file, memory;
    struct place place;

    (void)state;
    make_texts(&texts);
    write_lens(&place, 0);
    pool = new_pool(place.path, 1);
    wf_lens_pool_sizes(pool, &file, &memory);
    assert_int_equal(file + memory, 0); /* nothing is loaded yet */
    for (size_t i = 0; i < N_TEXTS; i++)
        assert_int_equal(wf_lens_pool_run(pool, &texts.asks[i], 1, &want[i], NULL), 0);
    wf_lens_pool_sizes(pool, &file, &memory);
    assert_true(file > 0 && memory > 0);
    wf_lens_pool_free(pool);
    pool = new_pool(place.path, 3);
    for (size_t i = 0; i < N_THREADS; i++) {
        askers[i] = (struct asker){pool, &texts, want, -1};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_all, &askers[i]), 0);
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(askers[i].rc, 0);
    }
    wf_lens_pool_free(pool);
    for (size_t i = 0; i < N_TEXTS; i++)
        wf_lens_answer_deinit(&want[i]);
    remove_lens(&place);
}

static void test_lens_pool__says_why_there_is_none(void **state)
{
    const struct wf_lens_pool_options off = {.path = "/nowhere/lens.gguf", .is_off = true};
    const struct wf_lens_ask ask = {.tasks = WF_LENS_EMBED, .text = WF_STR("x")};
    struct wf_err err = WF_ERR_INIT;
    struct wf_lens_use *u = NULL;
    struct wf_lens_pool *pool = NULL;

    (void)state;
    assert_int_equal(wf_lens_pool_new(&off, &pool, NULL), 0);
    assert_int_equal(wf_lens_pool_ask(pool, &ask, &u, &err), WF_E_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "lens = off"));
    wf_lens_pool_free(pool);
    pool = new_pool(NULL, 0);
    assert_int_equal(wf_lens_pool_ask(pool, &ask, &u, &err), WF_E_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "models/lens.gguf"));
    wf_lens_pool_free(pool);
    pool = new_pool("/nowhere/lens.gguf", 1);
    for (int i = 0; i < 2; i++) { /* said again, without another look */
        assert_int_equal(wf_lens_pool_ask(pool, &ask, &u, &err), WF_E_NOENT);
        assert_non_null(strstr(err.msg, "/nowhere/lens.gguf"));
    }
    wf_lens_pool_free(pool);
}

static void test_lens_pool__one_bad_text_ends_a_list(void **state)
{
    const struct wf_lens_ask asks[] = {
        {.tasks = WF_LENS_ENTITIES, .text = WF_STR("an an")},
        {.tasks = WF_LENS_ENTITIES, .text = WF_STR("\xff")},
        {.tasks = WF_LENS_ENTITIES, .text = WF_STR("an")},
    };
    struct wf_lens_answer out[3];
    struct wf_err err = WF_ERR_INIT;
    struct wf_lens_pool *pool;
    struct place place;

    (void)state;
    write_lens(&place, 0);
    pool = new_pool(place.path, 2);
    assert_int_equal(wf_lens_pool_run(pool, asks, 3, out, &err), WF_E_INVAL);
    assert_non_null(strstr(err.msg, "text 2"));
    assert_int_equal(wf_lens_pool_run(pool, asks, 0, out, &err), 0);
    wf_lens_pool_free(pool);
    remove_lens(&place);
}

static void test_lens_pool__questions_can_be_dropped(void **state)
{
    static char text[9000];
    const struct wf_lens_ask ask = {.tasks = WF_LENS_EMBED, .text = {text, sizeof(text)}};
    struct wf_lens_use *uses[3] = {NULL};
    struct wf_lens_answer a, b;
    struct wf_lens_pool *pool;
    struct place place;

    (void)state;
    memset(text, 'b', sizeof(text));
    for (size_t i = 5; i < sizeof(text); i += 6)
        text[i] = ' ';
    write_lens(&place, 0);
    pool = new_pool(place.path, 2);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(wf_lens_pool_ask(pool, &ask, &uses[i], NULL), 0);
    wf_lens_pool_drop(uses[0]);
    assert_int_equal(wf_lens_pool_answer(uses[2], &a, NULL), 0);
    wf_lens_pool_drop(uses[1]); /* done already, or nearly */
    wf_lens_pool_drop(NULL);
    assert_int_equal(wf_lens_pool_run(pool, &ask, 1, &b, NULL), 0);
    same(&a, &b);
    wf_lens_answer_deinit(&a);
    wf_lens_answer_deinit(&b);
    wf_lens_pool_free(pool);
    remove_lens(&place);
}

/* Whatever allocation fails: it is said, and nothing leaks. */
static void test_lens_pool__survives_failing_allocations(void **state)
{
    const struct wf_lens_ask asks[] = {{.tasks = WF_LENS_ENTITIES, .text = WF_STR("an an 7")},
                                       {.tasks = WF_LENS_EMBED, .text = WF_STR("7")}};
    uint64_t live;
    struct place place;
    int rc = -1;

    (void)state;
    write_lens(&place, 0);
    live = wf_alloc_stats().n_live;
    for (uint64_t n = 1; rc != 0; n++) {
        const struct wf_lens_pool_options o = {.path = place.path, .n_threads = 2};
        struct wf_lens_answer out[2];
        struct wf_lens_pool *pool = NULL;
        wf_alloc_fail_at(n);
        rc = wf_lens_pool_new(&o, &pool, NULL);
        if (rc == 0)
            rc = wf_lens_pool_run(pool, asks, 2, out, NULL);
        wf_alloc_fail_at(0);
        if (rc != 0)
            assert_int_equal(rc, WF_E_NOMEM);
        for (size_t i = 0; i < 2 && rc == 0; i++)
            wf_lens_answer_deinit(&out[i]);
        wf_lens_pool_free(pool);
        assert_int_equal(wf_alloc_stats().n_live, live);
    }
    remove_lens(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lens_pool__many_at_once_get_what_one_gets),
        cmocka_unit_test(test_lens_pool__says_why_there_is_none),
        cmocka_unit_test(test_lens_pool__one_bad_text_ends_a_list),
        cmocka_unit_test(test_lens_pool__questions_can_be_dropped),
        cmocka_unit_test(test_lens_pool__survives_failing_allocations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
