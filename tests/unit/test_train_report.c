/* SPDX-License-Identifier: Apache-2.0 */
/* Figures: rows and their file, through crashes; and the page that shows them. */
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
#include "os/file.h"
#include "train/history.h"
#include "train/plot.h"
#include "train/report.h"

static char folder[64], path[96];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-history-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/figures.csv", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    assert_int_equal(wf_file_remove(path, NULL), 0);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

static void columns(struct wf_history *h, const char *const *names)
{
    wf_history_init(h);
    for (; *names != NULL; names++)
        assert_int_equal(wf_history_add_column(h, *names, NULL), 0);
}

static const char *const three[] = {"step", "loss", "rate", NULL};

static void add(struct wf_history *h, double step, double loss, double rate)
{
    const double row[] = {step, loss, rate};

    assert_int_equal(wf_history_add(h, row, NULL), 0);
}

static void assert_file(const char *text)
{
    struct wf_buf b;

    wf_buf_init(&b, 1u << 20);
    assert_int_equal(wf_file_read(path, &b, NULL), 0);
    assert_string_equal(b.ptr, text);
    wf_buf_deinit(&b);
}

static void test_train_history__goes_on_in_its_file(void **state)
{
    struct wf_history h;

    (void)state;
    columns(&h, three);
    assert_int_equal(wf_history_load(&h, path, 100, NULL), 0); /* there is none */
    assert_int_equal(wf_history_begin(&h, path, NULL), 0);
    add(&h, 1, 9.5, (double)NAN);
    add(&h, 2, 9.25, 0.001);
    add(&h, 3, 9, 0.002);
    wf_history_deinit(&h);
    assert_file("step,loss,rate\n1,9.5,\n2,9.25,0.001\n3,9,0.002\n");
    columns(&h, three); /* taken up again at step 2 */
    assert_int_equal(wf_history_load(&h, path, 2, NULL), 0);
    assert_int_equal(h.n_rows, 2);
    assert_true(isnan(wf_history_at(&h, 0, 2)));
    assert_true(wf_history_at(&h, 1, 1) == 9.25);
    assert_int_equal(wf_history_begin(&h, path, NULL), 0);
    add(&h, 3, 8, 0.002);
    wf_history_deinit(&h);
    assert_file("step,loss,rate\n1,9.5,\n2,9.25,0.001\n3,8,0.002\n");
}

static void test_train_history__leaves_out_what_it_cannot_read(void **state)
{
    const char *text = "step,more,loss\n1,7,5\n2,7\n3,7,4,1\nx,7,3\n4,,2\n,7,1\n5,7,";
    struct wf_history h;

    (void)state;
    assert_int_equal(wf_file_replace(path, text, strlen(text), 0600, NULL), 0);
    columns(&h, three);
    assert_int_equal(wf_history_load(&h, path, 100, NULL), 0);
    assert_int_equal(h.n_rows, 3); /* steps 1 and 4, and 5, whose loss is missing */
    assert_true(wf_history_at(&h, 0, 1) == 5);
    assert_true(isnan(wf_history_at(&h, 0, 2)));
    assert_true(wf_history_at(&h, 1, 1) == 2);
    assert_true(wf_history_at(&h, 2, 0) == 5);
    assert_true(isnan(wf_history_at(&h, 2, 1)));
    assert_int_equal(wf_history_column(&h, "rate"), 2);
    assert_true(wf_history_column(&h, "more") == SIZE_MAX);
    wf_history_deinit(&h);
}

static void test_train_history__has_limits(void **state)
{
    struct wf_history h;
    char name[WF_HISTORY_NAME_BYTES + 1];

    (void)state;
    wf_history_init(&h);
    memset(name, 'n', sizeof(name));
    name[WF_HISTORY_NAME_BYTES] = 0;
    assert_int_equal(wf_history_add_column(&h, name, NULL), WF_E_LIMIT);
    name[WF_HISTORY_NAME_BYTES - 1] = 0;
    for (size_t i = 0; i < WF_HISTORY_COLUMNS_MAX; i++)
        assert_int_equal(wf_history_add_column(&h, name, NULL), 0);
    assert_int_equal(wf_history_add_column(&h, name, NULL), WF_E_LIMIT);
    wf_history_deinit(&h);
}

static void test_train_history__a_full_disk_is_told(void **state)
{
    struct wf_history h;
    const double row[] = {1, 2, 3};

    (void)state;
    columns(&h, three);
    wf_file_fail_at(1);
    assert_int_equal(wf_history_begin(&h, path, NULL), WF_E_FULL);
    wf_file_fail_at(0);
    assert_int_equal(wf_history_begin(&h, path, NULL), 0);
    wf_file_fail_at(1);
    assert_int_equal(wf_history_add(&h, row, NULL), WF_E_FULL);
    wf_file_fail_at(0);
    wf_history_deinit(&h);
}

/* ---- the page ---- */

static const char *const all[] = {"step",         "tokens",   "seconds",      "learning_rate",
                                  "norm",         "loss.mlm", "dev.mlm.loss", "dev.mlm.accuracy",
                                  "tokens_per_s", NULL};

static void fill(struct wf_history *h, size_t n)
{
    columns(h, all);
    for (size_t i = 1; i <= n; i++) {
        double x = (double)i, dev = i % 10 == 0 ? 1 : (double)NAN;
        const double row[] = {x,     8192 * x,      x,        1e-3 / x,      1,
                              9 / x, dev * 8.5 / x, dev * 50, 10000 - 10 * x};
        assert_int_equal(wf_history_add(h, row, NULL), 0);
    }
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;

    for (const char *p = strstr(text, what); p != NULL; p = strstr(p + 1, what))
        n++;
    return n;
}

static void test_train_report__draws_what_was_measured(void **state)
{
    struct wf_report r = {.title = "a <b> & c", .conf = WF_STR("[x]\ny = <z>\n"), .n_steps = 500};
    struct wf_history h;
    struct wf_buf b;

    (void)state;
    fill(&h, 400);
    r.history = &h;
    wf_buf_init(&b, 1u << 20);
    assert_int_equal(wf_report_page(&r, &b), 0);
    assert_int_equal(count(b.ptr, "<svg"), 5);         /* loss, accuracy, rate, speed, norm */
    assert_int_equal(count(b.ptr, "class='curve"), 7); /* the loss smoothed and not, and dev's */
    assert_non_null(strstr(b.ptr, "a &lt;b&gt; &amp; c"));
    assert_non_null(strstr(b.ptr, "y = &lt;z&gt;"));
    assert_non_null(strstr(b.ptr, "400 of 500"));
    assert_non_null(strstr(b.ptr, "mlm.accuracy, on texts kept aside"));
    assert_non_null(strstr(b.ptr, "tokens a second"));
    assert_null(strstr(b.ptr, "nan"));
    assert_null(strstr(b.ptr, "inf"));
    assert_null(strstr(b.ptr, "<script"));
    assert_null(strstr(b.ptr, "http"));
    wf_buf_deinit(&b);
    wf_history_deinit(&h);
}

static void test_train_report__is_a_page_before_there_are_figures(void **state)
{
    struct wf_report r = {.title = "t", .n_steps = 5};
    struct wf_history h;
    struct wf_buf b;

    (void)state;
    for (size_t n = 0; n < 3; n++) {
        fill(&h, n);
        r.history = &h;
        wf_buf_init(&b, 1u << 20);
        assert_int_equal(wf_report_page(&r, &b), 0);
        assert_int_equal(count(b.ptr, "<svg") > 0, n >= 2);
        assert_null(strstr(b.ptr, "nan"));
        wf_buf_deinit(&b);
        wf_history_deinit(&h);
    }
}

/* Every point lies within the picture, whatever the scale. */
static void test_train_plot__stays_in_its_frame(void **state)
{
    static double x[1000], y[1000];
    struct wf_plot_curve c = {.name = "c", .x = x, .y = y, .n = 1000};
    struct wf_plot p = {.title = "t", .x_label = "x", .y_label = "y", .curves = &c, .n_curves = 1};
    const double scales[] = {1e-12, 1e-3, 1, 12345, 1e12};
    struct wf_buf b;

    (void)state;
    for (size_t k = 0; k < 5; k++) {
        const char *at;
        size_t n = 0;
        for (size_t i = 0; i < 1000; i++) {
            x[i] = (double)i;
            y[i] = i % 7 == 3 ? (double)NAN : scales[k] * sin((double)i);
        }
        wf_buf_init(&b, 1u << 20);
        assert_int_equal(wf_plot_write(&p, &b), 0);
        assert_null(strstr(b.ptr, "nan"));
        at = strstr(b.ptr, "class='curve c0' d='");
        assert_non_null(at);
        for (at += 20; *at != '\''; n++) {
            char *end;
            double px = strtod(at + 1, &end), py;
            py = strtod(end, &end);
            assert_true(px >= 0 && px <= 420);
            assert_true(py >= 0 && py <= 270);
            at = end;
        }
        assert_int_equal(n, 300);
        assert_true(count(b.ptr, "class=grid") >= 3);
        assert_true(count(b.ptr, "class=grid") <= 12);
        wf_buf_deinit(&b);
    }
    for (size_t i = 0; i < 1000; i++) /* one value only */
        y[i] = 5;
    wf_buf_init(&b, 1u << 20);
    assert_int_equal(wf_plot_write(&p, &b), 0);
    assert_non_null(strstr(b.ptr, "<svg"));
    wf_buf_deinit(&b);
}

static void test_train_report__survives_failing_memory(void **state)
{
    struct wf_report r = {.title = "t"};
    struct wf_history h;
    int rc = WF_E_NOMEM;

    (void)state;
    fill(&h, 5);
    r.history = &h;
    for (uint64_t n = 1; rc != 0; n++) {
        wf_alloc_fail_at(n);
        rc = wf_report_write(&r, path, NULL);
        assert_int_equal(rc, wf_alloc_failed() ? WF_E_NOMEM : 0);
        wf_alloc_fail_at(0);
    }
    wf_history_deinit(&h);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_train_history__goes_on_in_its_file),
        TEST(test_train_history__leaves_out_what_it_cannot_read),
        TEST(test_train_history__has_limits),
        TEST(test_train_history__a_full_disk_is_told),
        cmocka_unit_test(test_train_report__draws_what_was_measured),
        cmocka_unit_test(test_train_report__is_a_page_before_there_are_figures),
        cmocka_unit_test(test_train_plot__stays_in_its_frame),
        TEST(test_train_report__survives_failing_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
