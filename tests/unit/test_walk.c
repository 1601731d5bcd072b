/* SPDX-License-Identifier: Apache-2.0 */
/* Walking folders: which files are found, in which order, under which names. */
#include "daemon/walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/file.h"

static char dir[] = "/tmp/weft-test-walk-XXXXXX";

static void put(const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(wf_file_replace(path, name, strlen(name), 0600, NULL), 0);
}

static void make(const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(wf_file_mkdirs(path, NULL), 0);
}

static int begin(void **state)
{
    char from[256], to[256];

    (void)state;
    assert_non_null(mkdtemp(dir));
    make("b/c");
    make(".hidden");
    make("home");
    put("z.txt");
    put("a.txt");
    put("b/1.txt");
    put("b/c/2.txt");
    put(".dot");
    put(".hidden/no.txt");
    put("home/no.txt");
    snprintf(from, sizeof(from), "%s/link", dir);
    snprintf(to, sizeof(to), "%s/a.txt", dir);
    assert_int_equal(symlink(to, from), 0);
    snprintf(from, sizeof(from), "%s/loop", dir);
    return symlink(dir, from);
}

static int end(void **state)
{
    char command[300];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return (system)(command); /* a test's own folder */
}

static void assert_names(const struct wf_walk *w, const char *const *names, size_t n)
{
    assert_int_equal(w->n_files, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(w->files[i].path + strlen(dir) + 1, names[i]);
}

static void test_walk__finds_visible_files_in_order(void **state)
{
    static const char *const names[] = {"a.txt", "b/1.txt", "b/c/2.txt", "z.txt"};
    char home[256];
    struct wf_walk w;

    (void)state;
    snprintf(home, sizeof(home), "%s/home", dir);
    wf_walk_init(&w, home);
    assert_int_equal(wf_walk_add(&w, dir, NULL), 0);
    assert_names(&w, names, 4);
    assert_int_equal(w.n_failures, 0);
    assert_int_equal(w.files[0].bytes, 5);
    assert_int_equal(w.bytes, 5 + 7 + 9 + 5);
    wf_walk_deinit(&w);
}

static void test_walk__follows_a_link_that_is_named(void **state)
{
    char path[256];
    struct wf_walk w;

    (void)state;
    snprintf(path, sizeof(path), "%s/link", dir);
    wf_walk_init(&w, NULL);
    assert_int_equal(wf_walk_add(&w, path, NULL), 0);
    assert_int_equal(w.n_files, 1);
    assert_string_equal(w.files[0].path, path);
    wf_walk_deinit(&w);
}

static void test_walk__what_is_missing_is_a_failure(void **state)
{
    struct wf_walk w;

    (void)state;
    wf_walk_init(&w, NULL);
    assert_int_equal(wf_walk_add(&w, "/nonexistent/file", NULL), 0);
    assert_int_equal(wf_walk_add(&w, "/dev/null", NULL), 0);
    assert_int_equal(w.n_files, 0);
    assert_int_equal(w.n_failures, 2);
    assert_string_equal(w.failures[0].path, "/nonexistent/file");
    assert_non_null(strstr(w.failures[1].reason, "neither"));
    wf_walk_deinit(&w);
}

static void test_walk__makes_paths_absolute(void **state)
{
    static const char *const cases[][2] = {
        {"/a/b", "/a/b"}, {"/a//b/", "/a/b"}, {"/a/./b/../c", "/a/c"}, {"/../..", "/"}, {"/", "/"},
    };
    struct wf_arena arena;
    char cwd[256], want[300];

    (void)state;
    wf_arena_init(&arena, 0, 1u << 20);
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++)
        assert_string_equal(wf_walk_absolute(&arena, cases[i][0]), cases[i][1]);
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    snprintf(want, sizeof(want), "%s/x", cwd);
    assert_string_equal(wf_walk_absolute(&arena, "./y/../x"), want);
    wf_arena_deinit(&arena);
}

/* Such a path cannot travel as JSON: it ended the whole walk's adding with "out of memory". */
static void test_walk__a_name_that_is_not_utf8_is_a_failure(void **state)
{
    char folder[256], path[300];
    struct wf_walk w;

    (void)state;
    make("odd\xff/in");
    put("odd\xff/1.txt");
    put("b/\xc3.txt");
    wf_walk_init(&w, NULL);
    snprintf(folder, sizeof(folder), "%s/b", dir);
    assert_int_equal(wf_walk_add(&w, folder, NULL), 0);
    assert_int_equal(w.n_files, 2);
    assert_int_equal(w.n_failures, 1);
    snprintf(path, sizeof(path), "%s/b/\xef\xbf\xbd.txt", dir);
    assert_string_equal(w.failures[0].path, path);
    assert_non_null(strstr(w.failures[0].reason, "UTF-8"));
    snprintf(folder, sizeof(folder), "%s/odd\xff", dir);
    assert_int_equal(wf_walk_add(&w, folder, NULL), 0);
    assert_int_equal(w.n_files, 2);
    assert_int_equal(w.n_failures, 2);
    wf_walk_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk__finds_visible_files_in_order),
        cmocka_unit_test(test_walk__follows_a_link_that_is_named),
        cmocka_unit_test(test_walk__what_is_missing_is_a_failure),
        cmocka_unit_test(test_walk__makes_paths_absolute),
        cmocka_unit_test(test_walk__a_name_that_is_not_utf8_is_a_failure),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
