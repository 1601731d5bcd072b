/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of base/log.h and base/list.h: the line's form, levels, limits, whole lines from threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"

static int fd = -1;
static struct wf_log *logger;
static char text[1 << 20];

static int set_up(void **state)
{
    (void)state;
    fd = memfd_create("log", MFD_CLOEXEC);
    /* As a log is opened: without it, threads' writes to a memfd may take the same place. */
    if (fd < 0 || fcntl(fd, F_SETFL, O_APPEND) != 0)
        return -1;
    logger = wf_log_new(fd, WF_LOG_INFO);
    return logger ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    wf_log_free(logger);
    close(fd);
    return 0;
}

/* All that was written. */
static struct wf_str written(void)
{
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    assert_true(n >= 0);
    text[n] = '\0';
    return wf_str_n(text, (size_t)n);
}

static size_t n_lines(void)
{
    struct wf_str rest = written();
    struct wf_str line;
    size_t n = 0;
    while (wf_str_line(&rest, &line))
        n++;
    return n;
}

static void test_log__one_line_an_event(void **state)
{
    (void)state;
    errno = ENOENT;
    wf_log_line(logger, WF_LOG_WARN, "http", "slow client cut off peer=%d", 3);
    assert_int_equal(errno, ENOENT); /* untouched */
    struct wf_str s = written();
    assert_int_equal(s.len, strlen("2026-01-31T12:00:00.000Z warn  http     "
                                   "slow client cut off peer=3\n"));
    assert_int_equal(s.ptr[10], 'T');
    assert_int_equal(s.ptr[23], 'Z');
    assert_string_equal(s.ptr + 24, " warn  http     slow client cut off peer=3\n");
    wf_log_line(logger, WF_LOG_ERROR, "a-long-component", "%s", "line\nbreak\x1b[0m\xFF");
    assert_non_null(strstr(written().ptr, "Z error a-long-component line break [0m?\n"));
    assert_int_equal(n_lines(), 2);
}

static void test_log__levels(void **state)
{
    (void)state;
    wf_log_line(logger, WF_LOG_DEBUG, "x", "no");
    assert_int_equal(written().len, 0);
    wf_log_set_level(logger, WF_LOG_DEBUG);
    wf_log_line(logger, WF_LOG_DEBUG, "x", "yes");
    assert_int_equal(n_lines(), 1);
    wf_log_set_level(logger, WF_LOG_ERROR);
    wf_log_line(logger, WF_LOG_WARN, "x", "no");
    wf_log_line(logger, WF_LOG_ERROR, "x", "yes");
    assert_int_equal(n_lines(), 2);
    wf_log_line(NULL, WF_LOG_ERROR, "x", "silent");
    wf_log_set_level(NULL, WF_LOG_ERROR);
    wf_log_free(NULL);
}

static void test_log__cuts_long_lines(void **state)
{
    (void)state;
    char big[3 * WF_LOG_LINE_BYTES];
    memset(big, 'b', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    wf_log_line(logger, WF_LOG_INFO, "x", "%s", big);
    wf_log_line(logger, WF_LOG_INFO, "x", "next");
    struct wf_str rest = written();
    struct wf_str line;
    assert_true(wf_str_line(&rest, &line));
    assert_true(line.len < WF_LOG_LINE_BYTES && line.len > WF_LOG_LINE_BYTES - 5);
    assert_true(wf_str_ends(rest, WF_STR("next\n")));
}

static void test_log__repeats_are_held_back_and_counted(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++)
        wf_log_line(logger, WF_LOG_INFO, "x", "the same %d", i);
    size_t n_first = n_lines();
    /* The burst may meet the border of a second. */
    assert_true(n_first >= WF_LOG_REPEAT_PER_S && n_first <= 2 * WF_LOG_REPEAT_PER_S);
    wf_log_line(logger, WF_LOG_INFO, "x", "another");
    assert_true(wf_str_ends(written(), WF_STR("another\n")));
    for (int i = 0; i < 2; i++) {
        if (i > 0)
            usleep(1100000);
        for (int k = 0; k < 15; k++)
            wf_log_line(logger, WF_LOG_INFO, "x", "loop");
    }
    assert_non_null(strstr(written().ptr, "loop repeats=5\n"));
}

static void *log_much(void *ud)
{
    for (int i = 0; i < 500; i++) {
        wf_log_line(logger, WF_LOG_INFO, ud, "a%d", i);
        wf_log_line(logger, WF_LOG_INFO, ud, "b%d", i);
        wf_log_line(logger, WF_LOG_INFO, ud, "c%d", i);
    }
    return ud;
}

static void test_log__threads_write_whole_lines(void **state)
{
    (void)state;
    static char names[4][4] = {"t0", "t1", "t2", "t3"};
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, log_much, names[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    struct wf_str rest = written();
    struct wf_str line;
    size_t n = 0;
    while (wf_str_line(&rest, &line)) {
        assert_true(line.len >= 42 && line.ptr[23] == 'Z' && line.ptr[31] == 't');
        n++;
    }
    assert_true(n >= 3 * WF_LOG_REPEAT_PER_S);
}

static void test_log__what_cannot_be_written_is_dropped(void **state)
{
    (void)state;
    struct wf_log *lost = wf_log_new(-1, WF_LOG_INFO);
    wf_log_line(lost, WF_LOG_INFO, "x", "nowhere");
    wf_log_free(lost);
    wf_alloc_fail_at(1);
    assert_null(wf_log_new(1, WF_LOG_INFO));
    wf_alloc_fail_at(0);
}

struct item {
    int number;
    struct wf_list node;
};

/* The numbers in order, as one decimal number. */
static int numbers(struct wf_list *head)
{
    struct wf_list *it;
    struct wf_list *tmp;
    int n = 0;
    WF_LIST_EACH(it, tmp, head)
    {
        n = n * 10 + WF_CONTAINER(it, struct item, node)->number;
    }
    return n;
}

static void test_list__links_and_unlinks(void **state)
{
    (void)state;
    struct wf_list head;
    struct item items[5];
    wf_list_init(&head);
    assert_true(wf_list_empty(&head));
    assert_int_equal(numbers(&head), 0);
    for (int i = 0; i < 5; i++)
        items[i].number = i + 1;
    wf_list_push(&head, &items[0].node);
    wf_list_push(&head, &items[1].node);
    wf_list_add(&head, &items[2].node);
    wf_list_add(&items[0].node, &items[3].node);
    assert_int_equal(numbers(&head), 3142);
    wf_list_remove(&items[0].node);
    wf_list_remove(&items[0].node);
    assert_int_equal(numbers(&head), 342);
    struct wf_list *it;
    struct wf_list *tmp;
    WF_LIST_EACH(it, tmp, &head)
    {
        wf_list_remove(it);
    }
    assert_true(wf_list_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_log__one_line_an_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log__levels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log__cuts_long_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log__repeats_are_held_back_and_counted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_log__threads_write_whole_lines, set_up, tear_down),
        cmocka_unit_test(test_log__what_cannot_be_written_is_dropped),
        cmocka_unit_test(test_list__links_and_unlinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
