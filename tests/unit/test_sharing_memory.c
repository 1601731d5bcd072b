/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that share while the n-th allocation fails: what could not be done for want of memory is
 * done later, and nobody says before that all have the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "support/sharers.h"

static struct sharers s;

static int tear_down(void **state)
{
    (void)state;
    sharers_remove(&s);
    return 0;
}

static void meet(void)
{
    for (size_t i = 0; i < 2; i++) {
        if (s.at[i].is_up)
            sharer_down(&s.at[i]);
        sharer_up(&s.at[i]);
    }
    sharers_link(&s, 0, 1);
}

static void assert_has(struct sharer *d, const char *text, const char *key)
{
    struct wf_buf have;
    char sql[96];

    wf_buf_init(&have, SIZE_MAX);
    sharer_text(d, "book", &have);
    assert_true(wf_str_eq(wf_buf_str(&have), wf_str_from(text)));
    wf_buf_deinit(&have);
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM record WHERE key='%s'", key);
    assert_int_equal(sharer_ask(d, sql), 1);
}

/* What is written on one comes to the other. */
static void go_over(unsigned n, bool as_they_meet)
{
    char text[32], key[32];

    (void)snprintf(text, sizeof(text), "text %u %u", n, as_they_meet);
    (void)snprintf(key, sizeof(key), "page %u %u", n, as_they_meet);
    meet();
    if (!as_they_meet)
        assert_true(sharers_settle(&s, 100));
    sharer_edit(&s.at[0], "book", wf_str_from(text));
    wf_drafts_commit(s.at[0].drafts); /* it is acknowledged */
    sharer_set(&s.at[0], key, 1);
    wf_alloc_fail_at(n);
    if (sharers_settle(&s, 8) && s.at[0].is_linked[1] && wf_alloc_failed())
        assert_has(&s.at[1], text, key);
    for (unsigned i = 0; i < 4; i++)
        sharers_step(&s, 700);
    assert_true(wf_alloc_failed());
    wf_alloc_fail_at(0);
    if (!s.at[0].is_linked[1]) /* one hung up on the other */
        sharers_link(&s, 0, 1);
    assert_true(sharers_settle(&s, 100));
    assert_has(&s.at[1], text, key);
}

static void test_sharing_memory__what_had_none_goes_later(void **state)
{
    (void)state;
    sharers_make(&s, 2, false);
    s.may_end = true;
    for (unsigned n = 2; n < 130; n += 2)
        go_over(n, false);
    for (unsigned n = 1; n < 190; n += 2)
        go_over(n, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_sharing_memory__what_had_none_goes_later, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
