/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of texts: what they say makes the one text the other, and they say little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"
#include "space/text_diff.h"
#include "text/utf8.h"

static struct wf_arena arena;

static int set_up(void **state)
{
    (void)state;
    wf_arena_init(&arena, 0, 256u << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_arena_deinit(&arena);
    return 0;
}

/* Byte offset of a place in UTF-16 units. */
static size_t offset_of(struct wf_str s, uint32_t at)
{
    size_t i = 0;

    for (uint32_t units = 0; units < at;)
        units += wf_utf8_next(s, &i) > 0xffff ? 2 : 1;
    return i;
}

/* Applies the difference; *out_touched: units deleted and bytes inserted. */
static void apply(struct wf_str a, struct wf_str b, struct wf_buf *out, size_t *out_n,
                  size_t *out_touched)
{
    struct wf_text_edit *edits = NULL;
    size_t n = 0, at = 0;

    *out_touched = 0;
    wf_arena_reset(&arena);
    assert_int_equal(wf_text_diff(a, b, &arena, &edits, &n), 0);
    wf_buf_reset(out);
    for (size_t i = 0; i < n; i++) {
        size_t from = offset_of(a, edits[i].at);
        assert_true(from >= at);
        wf_buf_append_str(out, wf_str_sub(a, at, from));
        wf_buf_append_str(out, edits[i].insert);
        at = offset_of(a, edits[i].at + edits[i].n_deleted);
        *out_touched += edits[i].n_deleted + edits[i].insert.len;
        assert_true(edits[i].n_deleted > 0 || edits[i].insert.len > 0);
    }
    wf_buf_append_str(out, wf_str_sub(a, at, a.len));
    *out_n = n;
}

static void check(const char *a, const char *b, size_t n_edits, size_t touched)
{
    struct wf_buf out;
    size_t n, t;

    wf_buf_init(&out, 1u << 20);
    apply(wf_str_from(a), wf_str_from(b), &out, &n, &t);
    assert_string_equal(out.ptr, b);
    assert_int_equal(n, n_edits);
    assert_int_equal(t, touched);
    wf_buf_deinit(&out);
}

static void test_text_diff__says_the_least(void **state)
{
    (void)state;
    check("", "", 0, 0);
    check("same", "same", 0, 0);
    check("", "new", 1, 3);
    check("old", "", 1, 3);
    check("the cat sat", "the cat sat down", 1, 5);
    check("the cat sat", "the dog sat", 1, 6);
    check("one two three four", "one 2 three 4", 2, 9); /* two words */
    check("a\nb\nc\nd\ne\n", "a\nB\nc\nd\nE\n", 2, 4);
    check("x\xf0\x9f\x98\x80y", "x\xf0\x9f\x98\x81y", 1, 6); /* a pair is not split: 2 + 4 */
    check("\xc3\xa4", "\xc3\xa5", 1, 3);
}

static void random_text(struct wf_rng *rng, struct wf_buf *out, size_t n_lines)
{
    static const char *const words[] = {"alpha ", "beta ", "\xc3\xa4 ", "\xf0\x9f\x98\x80",
                                        "x",      "\n",    "yy ",       "\n\n"};

    for (size_t i = 0; i < n_lines * 4; i++)
        wf_buf_append_cstr(out, words[wf_rng_below(rng, 8)]);
}

/* Some random words put in or taken out. */
static void change(struct wf_rng *rng, struct wf_str a, struct wf_buf *out, size_t n_changes)
{
    size_t at = 0;

    wf_buf_reset(out);
    for (size_t i = 0; i < n_changes; i++) {
        size_t to = at + (a.len > at ? wf_rng_below(rng, (a.len - at) / (n_changes - i) + 1) : 0);
        while (to < a.len && ((unsigned char)a.ptr[to] & 0xc0) == 0x80)
            to++;
        wf_buf_append_str(out, wf_str_sub(a, at, to));
        at = to;
        if (wf_rng_below(rng, 2))
            random_text(rng, out, wf_rng_below(rng, 3));
        else
            at = WF_MIN(a.len, at + wf_rng_below(rng, 30));
        while (at < a.len && ((unsigned char)a.ptr[at] & 0xc0) == 0x80)
            at++;
    }
    wf_buf_append_str(out, wf_str_sub(a, at, a.len));
}

static void test_text_diff__makes_the_one_the_other(void **state)
{
    struct wf_rng_seeded seeded;
    struct wf_buf a, b, out;
    size_t n, touched;

    (void)state;
    wf_rng_seeded_init(&seeded, 7);
    wf_buf_init(&a, 8u << 20);
    wf_buf_init(&b, 8u << 20);
    wf_buf_init(&out, 8u << 20);
    for (int i = 0; i < 600; i++) {
        wf_buf_reset(&a);
        random_text(&seeded.rng, &a, i % 10 == 0 ? 4000 : 1 + wf_rng_below(&seeded.rng, 60));
        if (i % 20 == 1) { /* nothing in common */
            wf_buf_reset(&b);
            random_text(&seeded.rng, &b, 3000);
        } else {
            change(&seeded.rng, wf_buf_str(&a), &b, 1 + wf_rng_below(&seeded.rng, 20));
        }
        apply(wf_buf_str(&a), wf_buf_str(&b), &out, &n, &touched);
        assert_int_equal(out.len, b.len);
        assert_memory_equal(out.ptr, b.ptr, b.len);
        if (i % 20 != 1) /* what was not changed stays: 20 changes of up to 90 bytes, and 30 off */
            assert_true(touched < 20 * 180);
    }
    wf_buf_deinit(&a);
    wf_buf_deinit(&b);
    wf_buf_deinit(&out);
}

static void test_text_diff__fails_cleanly_without_memory(void **state)
{
    struct wf_text_edit *edits = NULL;
    size_t n_edits = 0;
    int rc = WF_E_NOMEM;
    uint64_t n_live;

    (void)state;
    wf_arena_deinit(&arena);
    n_live = wf_alloc_stats().n_live;
    for (uint64_t n = 1; rc != 0; n++) {
        wf_alloc_fail_at(n);
        rc = wf_text_diff(WF_STR("one two three four"), WF_STR("one 2 three 4"), &arena, &edits,
                          &n_edits);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        wf_arena_deinit(&arena);
        assert_int_equal(wf_alloc_stats().n_live, n_live);
        assert_true(n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text_diff__says_the_least, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_diff__makes_the_one_the_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_diff__fails_cleanly_without_memory, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
