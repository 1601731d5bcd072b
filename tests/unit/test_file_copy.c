/* SPDX-License-Identifier: Apache-2.0 */
/* Linking, cloning, copying: the same bytes come out, whichever way the file system allows, and
 * nothing is left where it failed. */
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
#include "os/file_copy.h"

static char dir[64], from[128], to[128];

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/weft-test-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(from, sizeof(from), "%s/from", dir);
    snprintf(to, sizeof(to), "%s/to", dir);
    return wf_file_replace(from, "content", 7, 0600, NULL);
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

static void assert_same(const char *path)
{
    struct wf_buf b;
    wf_buf_init(&b, 100);
    assert_int_equal(wf_file_read(path, &b, NULL), 0);
    assert_string_equal(b.ptr, "content");
    wf_buf_deinit(&b);
}

static void test_file_copy__links_where_it_can(void **state)
{
    enum wf_file_copied how = WF_FILE_COPIED;
    struct stat a, b;
    (void)state;
    assert_int_equal(wf_file_link_or_copy(from, to, NULL, NULL, &how, NULL), 0);
    assert_int_equal(how, WF_FILE_LINKED);
    assert_true(stat(from, &a) == 0 && stat(to, &b) == 0 && a.st_ino == b.st_ino);
    assert_int_equal(wf_file_link_or_copy(from, to, NULL, NULL, NULL, NULL), WF_E_EXIST);
    assert_int_equal(unlink(to), 0);
    /* A symbolic link is followed. */
    char link_path[140];
    snprintf(link_path, sizeof(link_path), "%s/link", dir);
    assert_int_equal(symlink(from, link_path), 0);
    assert_int_equal(wf_file_link_or_copy(link_path, to, NULL, NULL, NULL, NULL), 0);
    assert_true(lstat(to, &b) == 0 && S_ISREG(b.st_mode) && b.st_ino == a.st_ino);
}

static void test_file_copy__copies_what_it_cannot_link(void **state)
{
    enum wf_file_copied how = WF_FILE_LINKED;
    struct stat a, b;
    (void)state;
    assert_int_equal(wf_file_clone_or_copy(from, to, NULL, NULL, &how, NULL), 0);
    assert_int_not_equal(how, WF_FILE_LINKED);
    assert_same(to);
    assert_true(stat(from, &a) == 0 && stat(to, &b) == 0 && a.st_ino != b.st_ino);
}

static void test_file_copy__crosses_file_systems(void **state)
{
    char other[] = "/dev/shm/weft-test-XXXXXX";
    enum wf_file_copied how = WF_FILE_LINKED;
    struct stat a, b;
    (void)state;
    int fd = mkstemp(other);
    if (fd < 0 || fstat(fd, &a) != 0 || stat(dir, &b) != 0 || a.st_dev == b.st_dev) {
        close(fd);
        skip();
    }
    assert_int_equal(write(fd, "content", 7), 7);
    close(fd);
    assert_int_equal(wf_file_link_or_copy(other, to, NULL, NULL, &how, NULL), 0);
    assert_int_equal(how, WF_FILE_COPIED);
    assert_same(to);
    unlink(other);
}

static int stop(void *ud, uint64_t n_done, uint64_t n_all)
{
    (void)ud;
    assert_true(n_done == 7 && n_all == 7);
    return 1;
}

static void test_file_copy__leaves_nothing_behind(void **state)
{
    enum wf_file_copied how = WF_FILE_LINKED;
    (void)state;
    int rc = wf_file_clone_or_copy(from, to, stop, NULL, &how, NULL);
    if (rc == 0 && how == WF_FILE_CLONED)
        skip(); /* there was nothing to stop */
    assert_int_equal(rc, WF_E_CANCELED);
    assert_int_equal(access(to, F_OK), -1);
    wf_file_fail_at(1);
    assert_int_equal(wf_file_clone_or_copy(from, to, NULL, NULL, NULL, NULL), WF_E_FULL);
    wf_file_fail_at(0);
    assert_int_equal(access(to, F_OK), -1);
    assert_int_equal(wf_file_link_or_copy(dir, to, NULL, NULL, NULL, NULL), WF_E_INVAL);
    assert_int_equal(wf_file_link_or_copy("/no/file", to, NULL, NULL, NULL, NULL), WF_E_NOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file_copy__links_where_it_can, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_copy__copies_what_it_cannot_link, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_file_copy__crosses_file_systems, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_copy__leaves_nothing_behind, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
