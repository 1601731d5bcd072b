/* SPDX-License-Identifier: Apache-2.0 */
/* Stop texts: by hand, and against a reference that looks at the whole text, however it is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/rng.h"
#include "model/stops.h"
#include "text/utf8.h"

static void start(struct wf_stops *s, const char *a, const char *b)
{
    const struct wf_str texts[] = {wf_str_from(a), wf_str_from(b)};
    assert_int_equal(wf_stops_init(s, texts, b == NULL ? a != NULL : 2), 0);
}

/* Feeds a piece; what comes out must be `want`. */
static void feed(struct wf_stops *s, const char *piece, const char *want, size_t want_match)
{
    struct wf_buf out;
    size_t matched = 77;
    wf_buf_init(&out, 1u << 20);
    assert_int_equal(wf_stops_feed(s, wf_str_from(piece), &out, &matched), 0);
    assert_string_equal(out.ptr, want);
    assert_int_equal(matched, want_match);
    wf_buf_deinit(&out);
}

static void flush(struct wf_stops *s, const char *want)
{
    struct wf_buf out;
    wf_buf_init(&out, 1u << 20);
    assert_int_equal(wf_stops_flush(s, &out), 0);
    assert_string_equal(out.ptr, want);
    assert_int_equal(wf_stops_held(s), 0);
    wf_buf_deinit(&out);
    wf_stops_deinit(s);
}

static void test_stops__hold_back_what_may_begin_one(void **state)
{
    struct wf_stops s;

    (void)state;
    start(&s, "</s>", NULL);
    feed(&s, "one <", "one ", WF_STOPS_NONE);
    feed(&s, "/", "", WF_STOPS_NONE);
    assert_int_equal(wf_stops_held(&s), 2);
    feed(&s, "b><", "</b>", WF_STOPS_NONE);
    feed(&s, "/s", "", WF_STOPS_NONE);
    feed(&s, "> more", "", 0);
    feed(&s, "more", "", 0);
    flush(&s, "");
    start(&s, "</s>", NULL);
    feed(&s, "x</", "x", WF_STOPS_NONE);
    flush(&s, "</");
}

static void test_stops__the_first_whole_one_ends_it(void **state)
{
    struct wf_stops s;

    (void)state;
    start(&s, "abcd", "bc");
    feed(&s, "xab", "x", WF_STOPS_NONE);
    feed(&s, "cd", "a", 1);
    flush(&s, "");
    start(&s, "bc", "abc"); /* end together: the one that begins first */
    feed(&s, "xabc", "x", 1);
    flush(&s, "");
    start(&s, "", "c"); /* an empty one is never met */
    feed(&s, "abc", "ab", 1);
    flush(&s, "");
}

static void test_stops__find_one_that_overlaps_itself(void **state)
{
    struct wf_stops s;

    (void)state;
    start(&s, "aabaa", NULL);
    feed(&s, "aab", "", WF_STOPS_NONE);
    feed(&s, "ab", "aabab", WF_STOPS_NONE);
    feed(&s, "caab", "c", WF_STOPS_NONE);
    feed(&s, "aa", "", 0);
    flush(&s, "");
    start(&s, "\n\n\n", NULL);
    feed(&s, "a\n\n", "a", WF_STOPS_NONE);
    feed(&s, "b", "\n\nb", WF_STOPS_NONE);
    feed(&s, "\n\n", "", WF_STOPS_NONE);
    feed(&s, "\n", "", 0);
    flush(&s, "");
}

static void test_stops__give_whole_code_points(void **state)
{
    struct wf_stops s;

    (void)state;
    start(&s, NULL, NULL);
    feed(&s, "gr\xC3", "gr", WF_STOPS_NONE);
    feed(&s, "\xBC\xC3\x9F \xF0\x9F", "\xC3\xBC\xC3\x9F ", WF_STOPS_NONE);
    feed(&s, "\x91", "", WF_STOPS_NONE);
    feed(&s, "\x8B\xE2\x82", "\xF0\x9F\x91\x8B", WF_STOPS_NONE);
    flush(&s, "\xEF\xBF\xBD");
    start(&s, "\xBC", NULL); /* within a code point: takes all of it */
    feed(&s,
         "a\xC3\xBC"
         "b",
         "a", 0);
    flush(&s, "");
}

/* What all pieces together must give. */
static size_t reference(struct wf_str all, const struct wf_str *texts, size_t n, struct wf_buf *out)
{
    size_t best_end = SIZE_MAX, best = WF_STOPS_NONE, cut = all.len;
    for (size_t i = 0; i < n; i++) {
        size_t at = wf_str_find(all, texts[i], 0);
        if (texts[i].len == 0 || at == SIZE_MAX)
            continue;
        if (at + texts[i].len < best_end ||
            (at + texts[i].len == best_end && texts[i].len > texts[best].len)) {
            best_end = at + texts[i].len;
            best = i;
            cut = at;
        }
    }
    assert_int_equal(wf_utf8_append_repaired(out, wf_str_n(all.ptr, cut)), 0);
    return best;
}

static void random_text(const struct wf_rng *r, char *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = "abab\n"[wf_rng_below(r, 5)];
}

static void test_stops__do_not_depend_on_where_pieces_are_cut(void **state)
{
    struct wf_rng_seeded rng;
    const struct wf_rng *r = &rng.rng;

    (void)state;
    wf_rng_seeded_init(&rng, 9);
    for (int round = 0; round < 3000; round++) {
        char text[40], stops[3][6];
        struct wf_str texts[3];
        struct wf_buf want, got;
        struct wf_stops s;
        size_t n = wf_rng_below(r, sizeof(text)), n_stops = wf_rng_below(r, 4), want_match, match;
        random_text(r, text, n);
        for (size_t i = 0; i < n_stops; i++) {
            random_text(r, stops[i], sizeof(stops[i]));
            texts[i] = wf_str_n(stops[i], wf_rng_below(r, sizeof(stops[i]) + 1));
        }
        wf_buf_init(&want, 1000);
        wf_buf_init(&got, 1000);
        want_match = reference(wf_str_n(text, n), texts, n_stops, &want);
        assert_int_equal(wf_stops_init(&s, texts, n_stops), 0);
        match = WF_STOPS_NONE;
        for (size_t i = 0, k; i < n; i += k) {
            k = 1 + wf_rng_below(r, WF_MIN(n - i, 7));
            assert_int_equal(wf_stops_feed(&s, wf_str_n(text + i, k), &got, &match), 0);
            assert_true(got.len <= want.len);
        }
        if (match == WF_STOPS_NONE)
            assert_int_equal(wf_stops_flush(&s, &got), 0);
        assert_int_equal(match, want_match);
        assert_string_equal(got.ptr, want.ptr);
        wf_stops_deinit(&s);
        wf_buf_deinit(&want);
        wf_buf_deinit(&got);
    }
}

static void test_stops__have_limits(void **state)
{
    static char big[WF_LIMIT_STOP_BYTES + 1];
    struct wf_str texts[WF_LIMIT_STOPS + 1];
    struct wf_stops s;

    (void)state;
    memset(big, 'x', sizeof(big));
    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++)
        texts[i] = wf_str_n(big, WF_LIMIT_STOP_BYTES);
    assert_int_equal(wf_stops_init(&s, texts, WF_LIMIT_STOPS + 1), WF_E_LIMIT);
    wf_stops_deinit(&s);
    assert_int_equal(wf_stops_init(&s, texts, WF_LIMIT_STOPS), 0);
    feed(&s, "xxxx", "", WF_STOPS_NONE);
    wf_stops_deinit(&s);
    texts[0].len++;
    assert_int_equal(wf_stops_init(&s, texts, 1), WF_E_LIMIT);
    wf_stops_deinit(&s);
}

static void test_stops__fail_cleanly_without_memory(void **state)
{
    const struct wf_str texts[] = {WF_STR("stop"), WF_STR("end")};
    uint64_t live = wf_alloc_stats().n_live;

    (void)state;
    for (uint64_t n = 1;; n++) {
        struct wf_stops s;
        struct wf_buf out;
        size_t match;
        bool failed;
        int rc;
        wf_buf_init(&out, 1000);
        wf_alloc_fail_at(n);
        rc = wf_stops_init(&s, texts, 2);
        if (rc == 0)
            rc = wf_stops_feed(&s, WF_STR("a text st"), &out, &match);
        if (rc == 0)
            rc = wf_stops_flush(&s, &out);
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(rc, failed ? WF_E_NOMEM : 0);
        wf_stops_deinit(&s);
        wf_buf_deinit(&out);
        assert_int_equal(wf_alloc_stats().n_live, live);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stops__hold_back_what_may_begin_one),
        cmocka_unit_test(test_stops__the_first_whole_one_ends_it),
        cmocka_unit_test(test_stops__find_one_that_overlaps_itself),
        cmocka_unit_test(test_stops__give_whole_code_points),
        cmocka_unit_test(test_stops__do_not_depend_on_where_pieces_are_cut),
        cmocka_unit_test(test_stops__have_limits),
        cmocka_unit_test(test_stops__fail_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
