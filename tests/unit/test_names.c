/* SPDX-License-Identifier: Apache-2.0 */
/* Names by the embedded model: types and places, also in a text of many parts, and what the whole
 * is about. The lens is the repository's own; without it the tests are skipped. */
#include "privacy/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "op/texts.h"

#define LENS "models/lens.gguf"

static struct wf_lens_pool *pool;

static int open_all(void **state)
{
    const struct wf_lens_pool_options o = {.path = LENS, .n_threads = 1};

    (void)state;
    return wf_lens_pool_new(&o, &pool, NULL);
}

static int close_all(void **state)
{
    (void)state;
    wf_lens_pool_free(pool);
    return 0;
}

static void need_lens(void)
{
    if (access(LENS, R_OK) != 0)
        skip();
}

/* Whether something of the type is exactly that part of the text. */
static bool has(const struct wf_names *n, struct wf_str text, const char *type, const char *part)
{
    for (size_t i = 0; i < n->n; i++)
        if (strcmp(n->items[i].type, type) == 0 &&
            wf_str_eq(wf_str_sub(text, n->items[i].start, n->items[i].end), wf_str_from(part)))
            return true;
    return false;
}

static void test_names__types_and_topics(void **state)
{
    const struct wf_str text = WF_STR("My patient Angela Merkel lives in Berlin and has diabetes; "
                                      "she takes metformin for it.");
    struct wf_names n;

    (void)state;
    need_lens();
    assert_int_equal(wf_names_find(pool, text, &n, NULL), 0);
    assert_true(has(&n, text, "PERSON", "Angela Merkel"));
    assert_true(has(&n, text, "LOCATION", "Berlin"));
    assert_int_equal(n.n_topics, 1);
    assert_string_equal(n.topics[0].type, "TOPIC_HEALTH");
    assert_true(n.topics[0].score > 0.5F && n.topics[0].score <= 1);
    for (size_t i = 0; i < n.n; i++)
        assert_true(n.items[i].score >= 0.5F && n.items[i].score <= 1);
    wf_names_deinit(&n);
    wf_names_deinit(&n);
}

/* A text of several parts: places are those of the whole, topics are told once. */
static void test_names__many_parts(void **state)
{
    struct wf_names n;
    struct wf_buf b;
    size_t n_found = 0;

    (void)state;
    need_lens();
    wf_buf_init(&b, 1u << 20);
    for (size_t i = 0; b.len < 140000; i++)
        wf_buf_append_cstr(&b, i % 500 == 499 ? "Then Angela Merkel came to Berlin.\n"
                                              : "It rained on and on, and the grass was wet.\n");
    assert_int_equal(wf_buf_status(&b), 0);
    assert_int_equal(wf_names_find(pool, wf_buf_str(&b), &n, NULL), 0);
    for (size_t i = 0; i < n.n; i++) {
        assert_true(n.items[i].start < n.items[i].end && n.items[i].end <= b.len);
        assert_true(i == 0 || n.items[i].start >= n.items[i - 1].start);
        n_found += strcmp(n.items[i].type, "PERSON") == 0 &&
                   wf_str_eq(wf_str_sub(wf_buf_str(&b), n.items[i].start, n.items[i].end),
                             WF_STR("Angela Merkel"));
    }
    assert_true(n_found >= 5);
    wf_names_deinit(&n);
    wf_buf_deinit(&b);
}

static void test_names__allocations_fail(void **state)
{
    const struct wf_str text = WF_STR("Angela Merkel, Berlin, has diabetes.");
    size_t n_failed = 0;
    bool failed = true;

    (void)state;
    need_lens();
    for (uint64_t k = 1; failed; k++) {
        struct wf_names n;
        wf_alloc_fail_at(k);
        const int rc = wf_names_find(pool, text, &n, NULL);
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || failed);
        n_failed += rc != 0;
        wf_names_deinit(&n);
    }
    assert_true(n_failed > 5);
}

static void test_names__without_a_lens(void **state)
{
    const struct wf_lens_pool_options o = {.path = NULL};
    struct wf_lens_pool *none = NULL;
    struct wf_names n;

    (void)state;
    assert_int_equal(wf_lens_pool_new(&o, &none, NULL), 0);
    assert_int_equal(wf_names_find(none, WF_STR("Ann"), &n, NULL), WF_E_UNSUPPORTED);
    assert_int_equal(n.n, 0);
    wf_lens_pool_free(none);
}

/* Whether a chat is about health, text by text. */
static bool is_about_health(const struct wf_detector *d, const char *chat)
{
    const struct wf_labeler_options o = {.detector = d, .lens = pool};
    struct wf_labeler *l = NULL;
    struct wf_texts *t = NULL;
    json_t *v = json_loads(chat, 0, NULL);
    bool is_about = false;

    assert_non_null(v);
    assert_int_equal(wf_labeler_new(&o, &l, NULL), 0);
    assert_int_equal(wf_texts_read(l, v, &t, NULL), 0);
    const struct wf_pii_list found = wf_texts_found(t, SIZE_MAX);
    for (size_t i = 0; i < found.n; i++)
        is_about = is_about || strcmp(found.items[i].type, "TOPIC_HEALTH") == 0;
    wf_texts_free(t);
    wf_labeler_free(l);
    json_decref(v);
    return is_about;
}

/* Chats have words of their own ("type"), which say nothing, but where somebody says them. */
static void test_names__the_form_of_a_chat_says_nothing(void **state)
{
    const struct wf_detect_options o = {.plain_only = false};
    struct wf_detector *d = NULL;

    (void)state;
    need_lens();
    assert_int_equal(wf_detector_open(&o, &d, NULL), 0);
    assert_false(is_about_health(d, "[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
                                    "\"text\":\"Paint the fence green.\"}]}]"));
    assert_true(is_about_health(d, "[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
                                   "\"text\":\"I have diabetes and take metformin.\"}]}]"));
    assert_true(is_about_health(d, "[{\"role\":\"I have diabetes and take metformin.\"}]"));
    assert_true(is_about_health(d, "[{\"I have diabetes and take metformin\":1}]"));
    wf_detector_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names__types_and_topics),
        cmocka_unit_test(test_names__many_parts),
        cmocka_unit_test(test_names__allocations_fail),
        cmocka_unit_test(test_names__the_form_of_a_chat_says_nothing),
        cmocka_unit_test(test_names__without_a_lens),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
