/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of os/file.h in a folder of their own: contents, limits, locks, and what each failing
 * write, fsync or rename leaves on the disk. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "os/file.h"

static char dir[64];

static const char *at(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/weft-test-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

static size_t n_entries(void)
{
    DIR *d = opendir(dir);
    assert_non_null(d);
    size_t n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2; /* . and .. */
}

static void assert_content(const char *path, const char *want)
{
    struct wf_buf b;
    wf_buf_init(&b, 1000000);
    assert_int_equal(wf_file_read(path, &b, NULL), 0);
    assert_string_equal(b.ptr, want);
    wf_buf_deinit(&b);
}

static void test_file__replace_and_read(void **state)
{
    (void)state;
    struct wf_err e = WF_ERR_INIT;
    mode_t umask_before = umask(0777); /* the mode is the one given */
    assert_int_equal(wf_file_replace(at("a"), "one", 3, 0640, &e), 0);
    umask(umask_before);
    struct stat st;
    assert_int_equal(stat(at("a"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_content(at("a"), "one");
    assert_int_equal(wf_file_replace(at("a"), "", 0, 0600, &e), 0);
    assert_content(at("a"), "");
    assert_int_equal(e.code, 0);
}

static void test_file__replace_in_the_current_folder(void **state)
{
    (void)state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(wf_file_replace("here", "x", 1, 0600, NULL), 0);
    assert_int_equal(chdir(before), 0);
    assert_content(at("here"), "x");
}

static void test_file__replace_takes_the_longest_name(void **state)
{
    (void)state;
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    char path[400];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(wf_file_replace(path, "x", 1, 0600, NULL), 0);
    assert_content(path, "x");
    assert_int_equal(wf_file_remove(path, NULL), 0);
}

static void test_file__replace_keeps_a_symbolic_links_target(void **state)
{
    (void)state;
    assert_int_equal(wf_file_replace(at("target"), "kept", 4, 0600, NULL), 0);
    assert_int_equal(symlink("target", at("link")), 0);
    assert_int_equal(wf_file_replace(at("link"), "new", 3, 0600, NULL), 0);
    assert_content(at("link"), "new");
    assert_content(at("target"), "kept");
}

static void test_file__replace_is_whole_at_every_failure(void **state)
{
    (void)state;
    assert_int_equal(wf_file_replace(at("f"), "old", 3, 0600, NULL), 0);
    size_t n_before = n_entries();
    for (uint64_t n = 1;; n++) {
        struct wf_err e = WF_ERR_INIT;
        wf_file_fail_at(n);
        int r = wf_file_replace(at("f"), "new", 3, 0600, &e);
        wf_file_fail_at(0);
        assert_int_equal(n_entries(), n_before); /* no temporary file stays */
        if (r == 0) {
            assert_int_equal(n, 5); /* write, fsync, rename, fsync of the folder failed before */
            break;
        }
        assert_int_equal(r, WF_E_FULL);
        assert_non_null(strstr(e.msg, dir));
        assert_non_null(strstr(e.msg, "No space left"));
        /* After the rename only the folder's fsync is missing. */
        assert_content(at("f"), n < 4 ? "old" : "new");
    }
    assert_content(at("f"), "new");
}

static void test_file__replace_refuses_impossible_paths(void **state)
{
    (void)state;
    struct wf_err e = WF_ERR_INIT;
    assert_int_equal(wf_file_replace("", "x", 1, 0600, &e), WF_E_INVAL);
    assert_int_equal(wf_file_replace(at("a/"), "x", 1, 0600, &e), WF_E_INVAL);
    assert_int_equal(wf_file_replace(at("none/a"), "x", 1, 0600, &e), WF_E_NOENT);
    assert_non_null(strstr(e.msg, "none"));
    char path[WF_LIMIT_PATH_BYTES + 10];
    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    path[WF_LIMIT_PATH_BYTES] = '/';
    assert_int_equal(wf_file_replace(path, "x", 1, 0600, &e), WF_E_LIMIT);
    path[WF_LIMIT_PATH_BYTES - 5] = '/';
    path[WF_LIMIT_PATH_BYTES - 2] = '\0'; /* the folder fits, the temporary name does not */
    assert_int_equal(wf_file_replace(path, "x", 1, 0600, &e), WF_E_LIMIT);
    assert_int_equal(mkdir(at("folder"), 0700), 0);
    assert_true(wf_file_replace(at("folder"), "x", 1, 0600, &e) < 0);
}

static void test_file__read_holds_the_limit(void **state)
{
    (void)state;
    struct wf_err e = WF_ERR_INIT;
    char text[5000];
    memset(text, 't', sizeof(text));
    assert_int_equal(wf_file_replace(at("big"), text, sizeof(text), 0600, NULL), 0);
    struct wf_buf b;
    wf_buf_init(&b, sizeof(text));
    assert_int_equal(wf_file_read(at("big"), &b, &e), 0);
    assert_int_equal(b.len, sizeof(text));
    wf_buf_deinit(&b);
    wf_buf_init(&b, sizeof(text) - 1);
    assert_int_equal(wf_file_read(at("big"), &b, &e), WF_E_LIMIT);
    assert_non_null(strstr(e.msg, "big is larger than the 4999 bytes"));
    wf_buf_deinit(&b);
    /* A file that does not tell its size. */
    wf_buf_init(&b, 1000000);
    assert_int_equal(wf_file_read("/proc/self/status", &b, &e), 0);
    assert_true(b.len > 100);
    wf_buf_deinit(&b);
    wf_buf_init(&b, 20);
    assert_int_equal(wf_file_read("/proc/self/status", &b, &e), WF_E_LIMIT);
    wf_buf_deinit(&b);
}

static void test_file__read_fd_starts_at_the_front(void **state)
{
    (void)state;
    int fd = -1;
    assert_int_equal(wf_file_memfd("test", &fd, NULL), 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(wf_file_write_all(fd, "content", 7, NULL), 0);
    struct wf_buf b;
    wf_buf_init(&b, 100);
    assert_int_equal(wf_file_read_fd(fd, &b, NULL), 0);
    assert_string_equal(b.ptr, "content");
    assert_int_equal(wf_file_read_fd(fd, &b, NULL), 0); /* reset first */
    assert_string_equal(b.ptr, "content");
    wf_buf_deinit(&b);
    wf_file_close(&fd);
    assert_int_equal(fd, -1);
    wf_file_close(&fd);
}

static void test_file__read_names_path_and_cause(void **state)
{
    (void)state;
    struct wf_err e = WF_ERR_INIT;
    struct wf_buf b;
    wf_buf_init(&b, 100);
    assert_int_equal(wf_file_read(at("missing"), &b, &e), WF_E_NOENT);
    assert_non_null(strstr(e.msg, "missing: No such file"));
    assert_true(wf_file_read(dir, &b, &e) < 0);
    assert_non_null(strstr(e.msg, "Is a directory"));
    assert_int_equal(wf_file_read_fd(-1, &b, &e), WF_E_IO);
    wf_buf_deinit(&b);
    wf_alloc_fail_at(1);
    assert_int_equal(wf_file_read("/proc/self/status", &b, &e), WF_E_NOMEM);
    wf_alloc_fail_at(0);
    wf_buf_deinit(&b);
    /* Failures in the middle: the second growth. */
    wf_buf_init(&b, 1000000);
    char text[100000];
    memset(text, 't', sizeof(text));
    assert_int_equal(wf_file_replace(at("large"), text, sizeof(text), 0600, NULL), 0);
    wf_alloc_fail_at(1);
    assert_int_equal(wf_file_read(at("large"), &b, &e), WF_E_NOMEM);
    wf_alloc_fail_at(0);
    wf_buf_deinit(&b);
}

static void test_file__write_all_waits_for_a_full_pipe(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    enum {
        N = 300000
    }; /* more than a pipe holds */
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        static char buf[4096];
        size_t n = 0;
        fcntl(fds[0], F_SETFL, 0);
        usleep(20000);
        while (n < N) {
            ssize_t got = read(fds[0], buf, sizeof(buf));
            if (got <= 0)
                _exit(1);
            n += (size_t)got;
        }
        _exit(0);
    }
    static char text[N];
    assert_int_equal(wf_file_write_all(fds[1], text, N, NULL), 0);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(fds[0]);
    close(fds[1]);
    struct wf_err e = WF_ERR_INIT;
    assert_int_equal(wf_file_write_all(-1, "x", 1, &e), WF_E_IO);
    wf_file_fail_at(1);
    assert_int_equal(wf_file_write_all(1, "x", 1, &e), WF_E_FULL);
}

static void test_file__mkdirs_makes_parents(void **state)
{
    (void)state;
    struct wf_err e = WF_ERR_INIT;
    assert_int_equal(wf_file_mkdirs(at("x//y/z/"), &e), 0);
    struct stat st;
    assert_int_equal(stat(at("x/y/z"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(wf_file_mkdirs(at("x/y/z"), &e), 0);
    assert_int_equal(wf_file_mkdirs("/", &e), 0);
    assert_int_equal(wf_file_replace(at("plain"), "x", 1, 0600, NULL), 0);
    assert_int_equal(wf_file_mkdirs(at("plain"), &e), WF_E_EXIST);
    assert_int_equal(wf_file_mkdirs(at("plain/sub"), &e), WF_E_EXIST);
    assert_int_equal(wf_file_mkdirs("", &e), WF_E_INVAL);
    assert_true(wf_file_mkdirs("/proc/weft-test", &e) < 0);
    char path[WF_LIMIT_PATH_BYTES + 1];
    memset(path, '/', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(wf_file_mkdirs(path, &e), WF_E_LIMIT);
    path[sizeof(path) - 2] = '\0'; /* one less fits */
    assert_int_equal(wf_file_mkdirs(path, &e), 0);
}

static void test_file__sync_dir(void **state)
{
    (void)state;
    struct wf_err e = WF_ERR_INIT;
    assert_int_equal(wf_file_sync_dir(dir, &e), 0);
    assert_int_equal(wf_file_sync_dir(at("nowhere"), &e), WF_E_NOENT);
    wf_file_fail_at(1);
    assert_int_equal(wf_file_sync_dir(dir, &e), WF_E_FULL);
    assert_non_null(strstr(e.msg, dir));
}

static void test_file__create_sync_rename(void **state)
{
    (void)state;
    char from[256];
    snprintf(from, sizeof(from), "%s", at("from"));
    struct wf_err err = WF_ERR_INIT;
    int fd = -1;
    assert_int_equal(wf_file_create(from, &fd, &err), 0);
    assert_int_equal(wf_file_write_all(fd, "abc", 3, &err), 0);
    int again = -1;
    assert_int_equal(wf_file_create(from, &again, &err), WF_E_EXIST);
    assert_int_equal(again, -1);
    wf_file_close(&fd);
    for (unsigned i = 0; i < 3; i++) {
        wf_file_fail_at(1);
        int r = i == 0   ? wf_file_sync(from, &err)
                : i == 1 ? wf_file_sync_all(dir, &err)
                         : wf_file_rename(from, at("to"), &err);
        assert_int_equal(r, WF_E_FULL);
    }
    assert_int_equal(wf_file_sync(from, &err), 0);
    assert_int_equal(wf_file_sync_all(dir, &err), 0);
    assert_int_equal(wf_file_rename(from, at("to"), &err), 0);
    assert_content(at("to"), "abc");
    assert_int_equal(wf_file_rename(from, at("to"), &err), WF_E_NOENT);
    assert_int_equal(wf_file_sync(from, &err), WF_E_NOENT);
    assert_int_equal(wf_file_sync_all(at("none"), &err), WF_E_NOENT);
    assert_int_equal(n_entries(), 1);
}

/* Pages of a file that are in memory. */
static size_t n_resident(const char *path, size_t bytes)
{
    static unsigned char in_memory[256];
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = bytes / page, n_there = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);

    assert_true(n <= sizeof(in_memory));
    assert_true(map != MAP_FAILED);
    assert_int_equal(mincore(map, bytes, in_memory), 0);
    for (size_t i = 0; i < n; i++)
        n_there += in_memory[i] & 1;
    munmap(map, bytes);
    wf_file_close(&fd);
    return n_there;
}

static void test_file__what_is_durable_can_leave_memory(void **state)
{
    static char bytes[1 << 20];
    char path[256];
    struct wf_err err = WF_ERR_INIT;
    struct statfs fs;
    int fd = -1;

    (void)state;
    snprintf(path, sizeof(path), "%s", at("large"));
    assert_int_equal(wf_file_create(path, &fd, &err), 0);
    assert_int_equal(wf_file_write_all(fd, bytes, sizeof(bytes), &err), 0);
    wf_file_close(&fd);
    assert_int_equal(wf_file_sync(path, &err), 0);
    assert_true(n_resident(path, sizeof(bytes)) > 0);
    wf_file_let_go(path);
    if (statfs(path, &fs) == 0 && fs.f_type == TMPFS_MAGIC)
        skip(); /* lies in memory only */
    assert_int_equal(n_resident(path, sizeof(bytes)), 0);
    wf_file_let_go(at("none"));
}

static void test_file__remove(void **state)
{
    (void)state;
    struct wf_err e = WF_ERR_INIT;
    assert_int_equal(wf_file_replace(at("gone"), "x", 1, 0600, NULL), 0);
    assert_int_equal(wf_file_remove(at("gone"), &e), 0);
    assert_int_equal(access(at("gone"), F_OK), -1);
    assert_int_equal(wf_file_remove(at("gone"), &e), 0);
    assert_true(wf_file_remove(dir, &e) < 0);
    assert_non_null(strstr(e.msg, dir));
}

static void test_file__lock_excludes(void **state)
{
    (void)state;
    struct wf_err e = WF_ERR_INIT;
    int fd = -1;
    int other = -1;
    assert_int_equal(wf_file_lock(at("lock"), &fd, &e), 0);
    assert_int_equal(wf_file_lock(at("lock"), &other, &e), WF_E_BUSY);
    assert_int_equal(other, -1);
    assert_non_null(strstr(e.msg, "lock"));
    wf_file_close(&fd);
    assert_int_equal(wf_file_lock(at("lock"), &fd, &e), 0);
    wf_file_close(&fd);
    assert_int_equal(wf_file_lock(at("no/lock"), &fd, &e), WF_E_NOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file__replace_and_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file__replace_in_the_current_folder, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_file__replace_takes_the_longest_name, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_file__replace_keeps_a_symbolic_links_target, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_file__replace_is_whole_at_every_failure, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_file__replace_refuses_impossible_paths, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_file__read_holds_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file__read_fd_starts_at_the_front, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file__read_names_path_and_cause, set_up, tear_down),
        cmocka_unit_test(test_file__write_all_waits_for_a_full_pipe),
        cmocka_unit_test_setup_teardown(test_file__mkdirs_makes_parents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file__sync_dir, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file__create_sync_rename, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file__what_is_durable_can_leave_memory, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_file__remove, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file__lock_excludes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
