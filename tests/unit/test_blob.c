/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of store/blob.h and store/pack.h: copies, limits, placing with a commit, sweeping after a
 * crash; small ones in packs: together, destroyed one by one, written again. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "os/file.h"
#include "store/blob.h"
#include "store/pack.h"
#include "support/home.h"

/* A content that gets a file of its own. */
#define LARGE (WF_PACK_BLOB_BYTES_MAX + 1)

static struct home home;
static bool has_no_holes;
static unsigned n_refused;

/* Stands before libc's: a file system that knows no holes, when a test wants one. */
int fallocate(int fd, int mode, off_t at, off_t n)
{
    if (has_no_holes) {
        n_refused++;
        errno = EOPNOTSUPP;
        return -1;
    }
    return (int)syscall(SYS_fallocate, fd, mode, at, n);
}

static int set_up(void **state)
{
    (void)state;
    home_make(&home);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    home_remove(&home);
    return 0;
}

static int file_with(const void *p, size_t n)
{
    int fd = -1;
    assert_int_equal(wf_file_memfd("test", &fd, NULL), 0);
    assert_int_equal(write(fd, p, n), (ssize_t)n);
    return fd;
}

static struct wf_blob copy(const void *p, size_t n)
{
    struct wf_blob b;
    int fd = file_with(p, n);
    assert_int_equal(wf_blob_copy(home.store, fd, &b, NULL, NULL, NULL), 0);
    close(fd);
    return b;
}

/* A large content that begins with `name`. */
static struct wf_blob copy_large(const char *name)
{
    static char bytes[LARGE];
    snprintf(bytes, sizeof(bytes), "%s", name);
    return copy(bytes, sizeof(bytes));
}

static void path_of(const struct wf_blob *b, char out[256])
{
    char hex[2 * WF_HASH_BYTES + 1];
    sodium_bin2hex(hex, sizeof(hex), b->hash, WF_HASH_BYTES);
    snprintf(out, 256, "%s/blobs/%.2s/%s", home.dir, hex, hex);
}

/* Commits the copies; no document asks for them, so the next sweep takes them. */
static void place(struct wf_blob *b)
{
    struct wf_blob *blobs[] = {b};
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_blob_commit(home.store, blobs, 1, NULL), 0);
}

static void test_blob__copies_and_hashes(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 4095, 256 << 10, (256 << 10) + 1, 3000000};
    char *bytes = wf_alloc(3000000);
    assert_non_null(bytes);
    randombytes_buf(bytes, 3000000);
    for (size_t i = 0; i < WF_ARRAY_LEN(sizes); i++) {
        struct wf_blob b = copy(bytes, sizes[i]);
        uint8_t want[WF_HASH_BYTES];
        crypto_generichash(want, sizeof(want), (const uint8_t *)bytes, sizes[i], NULL, 0);
        assert_memory_equal(b.hash, want, sizeof(want));
        assert_int_equal(b.bytes, sizes[i]);
        place(&b);
        assert_int_equal(wf_blob_check(home.store, b.hash, NULL), 0);
        int fd = -1;
        struct stat st;
        assert_int_equal(wf_blob_open(home.store, b.hash, &fd, NULL), 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_size, sizes[i]);
        if (sizes[i] > WF_PACK_BLOB_BYTES_MAX)
            assert_int_equal(st.st_mode & 0777, 0600);
        close(fd);
    }
    wf_free(bytes);
    assert_int_equal(home_n_blobs(&home), WF_ARRAY_LEN(sizes));
    assert_int_equal(home_n_files(&home, "tmp"), 1); /* the mark */
}

static void commit_all(struct wf_blob *b, size_t n)
{
    struct wf_blob *blobs[64];
    assert_true(n <= WF_ARRAY_LEN(blobs));
    for (size_t i = 0; i < n; i++)
        blobs[i] = &b[i];
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_blob_commit(home.store, blobs, n, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        assert_null(b[i].content);
        assert_int_equal(wf_blob_check(home.store, b[i].hash, NULL), 0);
    }
}

static void test_blob__many_at_once(void **state)
{
    (void)state;
    struct wf_blob b[50];
    for (unsigned i = 0; i < 50; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%u", i);
        b[i] = copy_large(name);
    }
    assert_int_equal(home_n_files(&home, "tmp"), 50);
    commit_all(b, 50);
    assert_int_equal(home_n_files(&home, "blobs"), 50);
    assert_int_equal(home_n_files(&home, "packs"), 0);
}

static void test_blob__small_ones_share_a_pack(void **state)
{
    (void)state;
    struct wf_blob b[51];
    for (unsigned i = 0; i < 50; i++)
        b[i] = copy(&i, sizeof(i));
    unsigned again = 7;
    b[50] = copy(&again, sizeof(again)); /* twice in one commit */
    commit_all(b, 51);
    assert_int_equal(home_n_files(&home, "blobs"), 0);
    assert_int_equal(home_n_files(&home, "packs"), 1);
    assert_int_equal(home_n_blobs(&home), 50);
    char path[256];
    struct stat st;
    snprintf(path, sizeof(path), "%s/packs/1", home.dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 50 * sizeof(unsigned));
    assert_int_equal(st.st_mode & 0777, 0600);
    b[0] = copy(&again, sizeof(again)); /* and later: it is there already */
    commit_all(b, 1);
    assert_int_equal(home_n_files(&home, "packs"), 1);
}

/* Removes what no document needs, as a purge does; `commit` false: it is broken off. */
static void remove_blob(const struct wf_blob *b, bool commit)
{
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_blob_remove(home.store, b->hash, NULL), 0);
    if (commit)
        assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    else
        wf_store_write_rollback(home.store);
}

static void test_blob__one_of_a_pack_is_destroyed(void **state)
{
    (void)state;
    struct wf_blob b[3] = {copy("apricots", 8), copy("blueberries", 11), copy("cherries", 8)};
    commit_all(b, 3);
    assert_int_equal(home_grep(&home, "blueberries", false), 1);
    remove_blob(&b[1], true);
    assert_int_equal(home_grep(&home, "blueberries", false), 0);
    assert_int_equal(wf_blob_check(home.store, b[1].hash, NULL), WF_E_NOENT);
    assert_int_equal(wf_blob_check(home.store, b[0].hash, NULL), 0);
    assert_int_equal(wf_blob_check(home.store, b[2].hash, NULL), 0);
    assert_int_equal(home_n_blobs(&home), 2);
    remove_blob(&b[0], true);
    remove_blob(&b[2], true);
    assert_int_equal(home_n_files(&home, "packs"), 0);
    remove_blob(&b[2], true); /* safe to repeat */
}

static void test_blob__is_overwritten_where_holes_are_unknown(void **state)
{
    (void)state;
    char bytes[10000];
    memset(bytes, 'b', sizeof(bytes));
    struct wf_blob b[3] = {copy("apricots", 8), copy(bytes, sizeof(bytes)), copy("cherries", 8)};
    commit_all(b, 3);
    assert_int_equal(home_grep(&home, "bbbbbbbbbb", false), 1);
    has_no_holes = true;
    remove_blob(&b[1], true);
    has_no_holes = false;
    assert_int_equal(n_refused, 1);
    assert_int_equal(home_grep(&home, "bbbbbbbbbb", false), 0);
    assert_int_equal(wf_blob_check(home.store, b[0].hash, NULL), 0);
    assert_int_equal(wf_blob_check(home.store, b[2].hash, NULL), 0);
}

static void test_blob__a_removal_that_was_broken_off(void **state)
{
    (void)state;
    struct wf_blob b[2] = {copy("apricots", 8), copy("blueberries", 11)};
    commit_all(b, 2);
    remove_blob(&b[0], false); /* its row stays, its bytes are gone */
    assert_int_equal(wf_blob_check(home.store, b[0].hash, NULL), WF_E_CORRUPT);
    b[0] = copy("apricots", 8); /* who brings them again does not rely on the row */
    commit_all(b, 1);
    assert_int_equal(home_n_files(&home, "packs"), 2);
    assert_int_equal(home_n_blobs(&home), 2);
    assert_int_equal(wf_blob_check(home.store, b[1].hash, NULL), 0);
}

static void test_blob__a_pack_goes_with_its_transaction(void **state)
{
    (void)state;
    struct wf_blob b = copy("apricots", 8);
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_blob_stage(home.store, &b, NULL), 0);
    assert_int_equal(home_n_files(&home, "packs"), 1);
    wf_store_write_rollback(home.store);
    assert_int_equal(home_n_blobs(&home), 0);
    char path[256];
    snprintf(path, sizeof(path), "%s/packs/12", home.dir); /* as a crash would leave it */
    assert_int_equal(wf_file_replace(path, "x", 1, 0600, NULL), 0);
    snprintf(path, sizeof(path), "%s/packs/notes", home.dir);
    assert_int_equal(wf_file_replace(path, "x", 1, 0600, NULL), 0);
    snprintf(path, sizeof(path), "%s/tmp/left", home.dir);
    assert_int_equal(wf_file_replace(path, "x", 1, 0600, NULL), 0);
    home_close(&home);
    home_open(&home);
    assert_int_equal(home_n_files(&home, "packs"), 1); /* only what is not ours */
}

static void test_blob__refuses_what_is_no_file_or_too_large(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    struct wf_blob b;
    int dir = open("/tmp", O_RDONLY | O_DIRECTORY);
    assert_int_equal(wf_blob_copy(home.store, dir, &b, NULL, NULL, &err), WF_E_INVAL);
    close(dir);
    int fd = file_with("x", 1);
    assert_int_equal(ftruncate(fd, (off_t)WF_LIMIT_FILE_BYTES + 1), 0); /* no bytes are written */
    assert_int_equal(wf_blob_copy(home.store, fd, &b, NULL, NULL, &err), WF_E_LIMIT);
    assert_non_null(strstr(err.msg, "2048 MB"));
    close(fd);
    assert_int_equal(home_n_files(&home, "tmp"), 0);
}

static int stop_at(void *ud, uint64_t n_done, struct wf_err *err)
{
    *(uint64_t *)ud = n_done;
    return n_done > 500000 ? wf_err_set(err, WF_E_CANCELED, "stopped") : 0;
}

static void test_blob__stops_when_told(void **state)
{
    (void)state;
    struct wf_blob b;
    uint64_t n_done = 0;
    char *bytes = wf_alloc_array(1, 2000000);
    assert_non_null(bytes);
    int fd = file_with(bytes, 2000000);
    assert_int_equal(wf_blob_copy(home.store, fd, &b, stop_at, &n_done, NULL), WF_E_CANCELED);
    assert_true(n_done > 500000 && n_done < 1000000);
    assert_int_equal(home_n_files(&home, "tmp"), 0);
    close(fd);
    wf_free(bytes);
}

static void test_blob__a_failed_commit_leaves_none(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 20; n++) {
        struct wf_blob b[2] = {copy("abc", 3), copy_large("abc")};
        struct wf_blob *blobs[] = {&b[0], &b[1]};
        struct wf_err err = WF_ERR_INIT;
        assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
        wf_file_fail_at(n);
        int r = wf_blob_commit(home.store, blobs, 2, &err);
        wf_file_fail_at(0);
        if (r == 0) {
            assert_true(n > 6); /* the mark; both contents, both folders, a name */
            assert_int_equal(home_n_blobs(&home), 2);
            return;
        }
        assert_int_equal(r, WF_E_FULL);
        assert_int_equal(home_n_blobs(&home), 0);
        assert_true(home_n_files(&home, "tmp") <= 1);
    }
    fail();
}

static void test_blob__damage_is_found(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    struct wf_blob b = copy_large("abc");
    struct wf_blob small = copy("abc", 3);
    assert_int_equal(wf_blob_check(home.store, b.hash, &err), WF_E_NOENT);
    assert_int_equal(wf_blob_check(home.store, small.hash, &err), WF_E_NOENT);
    place(&b);
    place(&small);
    char path[256];
    path_of(&b, path);
    assert_int_equal(wf_file_replace(path, "abd", 3, 0600, NULL), 0);
    assert_int_equal(wf_blob_check(home.store, b.hash, &err), WF_E_CORRUPT);
    snprintf(path, sizeof(path), "%s/packs/1", home.dir);
    assert_int_equal(wf_file_replace(path, "abd", 3, 0600, NULL), 0);
    assert_int_equal(wf_blob_check(home.store, small.hash, &err), WF_E_CORRUPT);
    assert_int_equal(wf_file_replace(path, "ab", 2, 0600, NULL), 0);
    assert_int_equal(wf_blob_check(home.store, small.hash, &err), WF_E_CORRUPT);
}

static void test_blob__a_crash_is_swept_at_open(void **state)
{
    (void)state;
    struct wf_blob orphan = copy_large("orphan");
    char path[256];
    assert_int_equal(home_add(&home, "/a", "A", WF_STR("text"), NULL, NULL), 0);
    (void)copy_large("left in tmp");
    place(&orphan);
    path_of(&orphan, path);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(home_n_blobs(&home), 2);
    home_close(&home); /* as a crash would: a copy is left in tmp/ */
    home_open(&home);
    assert_int_equal(home_n_blobs(&home), 1);
    assert_int_equal(home_n_files(&home, "tmp"), 0);
    assert_int_not_equal(access(path, F_OK), 0);
    size_t n = 0;
    char *text = home_text(&home, "/a", &n);
    assert_non_null(text);
    wf_free(text);
}

static void test_blob__a_clean_close_needs_no_sweep(void **state)
{
    (void)state;
    assert_int_equal(home_add(&home, "/a", "A", WF_STR("text"), NULL, NULL), 0);
    assert_int_equal(home_n_files(&home, "tmp"), 1);
    home_close(&home);
    assert_int_equal(home_n_files(&home, "tmp"), 0);
    home_open(&home);
}

static void test_blob__strange_files_are_left_alone(void **state)
{
    (void)state;
    char path[256];
    snprintf(path, sizeof(path), "%s/blobs/ab", home.dir);
    assert_int_equal(wf_file_mkdirs(path, NULL), 0);
    snprintf(path, sizeof(path), "%s/blobs/ab/notes.txt", home.dir);
    assert_int_equal(wf_file_replace(path, "x", 1, 0600, NULL), 0);
    snprintf(path, sizeof(path), "%s/tmp/left", home.dir);
    assert_int_equal(wf_file_replace(path, "x", 1, 0600, NULL), 0);
    home_close(&home);
    home_open(&home);
    assert_int_equal(home_n_blobs(&home), 1);
    assert_int_equal(home_n_files(&home, "tmp"), 0);
}

static void test_blob__no_memory(void **state)
{
    (void)state;
    struct wf_blob b;
    int fd = file_with("abc", 3);
    wf_alloc_fail_at(1);
    assert_int_equal(wf_blob_copy(home.store, fd, &b, NULL, NULL, NULL), WF_E_NOMEM);
    wf_alloc_fail_at(0);
    assert_int_equal(home_n_files(&home, "tmp"), 0);
    close(fd);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_blob__copies_and_hashes),
        T(test_blob__many_at_once),
        T(test_blob__small_ones_share_a_pack),
        T(test_blob__one_of_a_pack_is_destroyed),
        T(test_blob__is_overwritten_where_holes_are_unknown),
        T(test_blob__a_removal_that_was_broken_off),
        T(test_blob__a_pack_goes_with_its_transaction),
        T(test_blob__refuses_what_is_no_file_or_too_large),
        T(test_blob__stops_when_told),
        T(test_blob__a_failed_commit_leaves_none),
        T(test_blob__damage_is_found),
        T(test_blob__a_crash_is_swept_at_open),
        T(test_blob__a_clean_close_needs_no_sweep),
        T(test_blob__strange_files_are_left_alone),
        T(test_blob__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
