/* SPDX-License-Identifier: Apache-2.0 */
/* The members of ZIP archives: whole ones, damaged ones, locked ones, and bombs. */
#include "ingest/archive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "support/zipped.h"

static struct wf_archive_source source(const struct zipped *z)
{
    struct wf_archive_source s = {.fd = -1, .n_bytes = z->bytes.len};
    s.bytes = wf_buf_str(&z->bytes);
    return s;
}

static void make_three(struct zipped *z, bool stored)
{
    zipped_begin(z, stored, NULL);
    zipped_add(z, "mimetype", "text/x-test");
    zipped_add(z, "word/document.xml", "<a>first</a>");
    zipped_add(z, "word/sub/other part.xml", "<b>second</b>");
    zipped_end(z);
}

static void assert_member(struct wf_archive *a, const char *name, const char *content)
{
    struct wf_buf out;
    struct wf_err err = WF_ERR_INIT;
    size_t i = wf_archive_find(a, wf_str_from(name));
    assert_true(i != SIZE_MAX);
    wf_buf_init(&out, 1u << 20);
    assert_int_equal(wf_archive_read_all(a, i, &out, &err), 0);
    assert_string_equal(out.ptr, content);
    wf_buf_deinit(&out);
}

static void test_archive__members_are_read_in_any_order(void **state)
{
    (void)state;
    for (int stored = 0; stored < 2; stored++) {
        struct zipped z;
        struct wf_archive *a = NULL;
        make_three(&z, stored);
        struct wf_archive_source s = source(&z);
        assert_int_equal(wf_archive_open(&s, &a, NULL), 0);
        assert_int_equal(wf_archive_count(a), 3);
        assert_false(wf_archive_damaged(a));
        assert_member(a, "word/sub/other part.xml", "<b>second</b>");
        assert_member(a, "mimetype", "text/x-test");
        assert_member(a, "/WORD/Document.xml", "<a>first</a>");
        assert_member(a, "word/sub/other part.xml", "<b>second</b>");
        assert_int_equal(wf_archive_find(a, WF_STR("word")), SIZE_MAX);
        wf_archive_free(a);
        zipped_free(&z);
    }
}

static void test_archive__a_descriptor_is_read_without_moving_it(void **state)
{
    (void)state;
    struct zipped z;
    struct wf_archive *a = NULL;
    make_three(&z, false);
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert_int_equal(write(fd, z.bytes.ptr, z.bytes.len), z.bytes.len);
    assert_int_equal(lseek(fd, 7, SEEK_SET), 7);
    struct wf_archive_source s = {.fd = fd, .n_bytes = z.bytes.len};
    assert_int_equal(wf_archive_open(&s, &a, NULL), 0);
    assert_member(a, "mimetype", "text/x-test");
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 7);
    wf_archive_free(a);
    close(fd);
    zipped_free(&z);
}

static void test_archive__names_are_found_from_a_member(void **state)
{
    (void)state;
    struct zipped z;
    struct wf_archive *a = NULL;
    make_three(&z, false);
    struct wf_archive_source s = source(&z);
    assert_int_equal(wf_archive_open(&s, &a, NULL), 0);
    struct wf_str base = WF_STR("word/document.xml");
    size_t other = wf_archive_find(a, WF_STR("word/sub/other part.xml"));
    assert_int_equal(wf_archive_find_from(a, base, WF_STR("sub/other part.xml")), other);
    assert_int_equal(wf_archive_find_from(a, base, WF_STR("./sub/../sub/other%20part.xml#x")),
                     other);
    assert_int_equal(wf_archive_find_from(a, base, WF_STR("/word/sub/other part.xml")), other);
    assert_int_equal(wf_archive_find_from(a, base, WF_STR("../mimetype?q=1")), 0);
    assert_int_equal(wf_archive_find_from(a, base, WF_STR("../../../mimetype")), 0);
    assert_int_equal(wf_archive_find_from(a, base, WF_STR("")), SIZE_MAX);
    assert_int_equal(wf_archive_find_from(a, base, WF_STR("..")), SIZE_MAX);
    assert_int_equal(wf_archive_find_from(a, base, WF_STR("a%2")), SIZE_MAX);
    wf_archive_free(a);
    zipped_free(&z);
}

/* What was cut off is lost, what stands before is not. */
static void test_archive__a_cut_archive_gives_its_whole_members(void **state)
{
    (void)state;
    struct zipped z;
    struct wf_archive *a = NULL;
    make_three(&z, true);
    struct wf_archive_source s = source(&z);
    char *third = memmem(s.bytes.ptr, s.bytes.len, "<b>", 3);
    assert_non_null(third);
    s.bytes.len = s.n_bytes = (size_t)(third + 2 - s.bytes.ptr);
    assert_int_equal(wf_archive_open(&s, &a, NULL), 0);
    assert_true(wf_archive_damaged(a));
    assert_member(a, "mimetype", "text/x-test");
    assert_member(a, "word/document.xml", "<a>first</a>");
    wf_archive_free(a);
    zipped_free(&z);
}

static void test_archive__a_wrong_directory_is_passed_over(void **state)
{
    (void)state;
    struct zipped z;
    struct wf_archive *a = NULL;
    make_three(&z, true);
    char *end = memmem(z.bytes.ptr, z.bytes.len, "PK\5\6", 4);
    assert_non_null(end);
    end[16] = (char)(end[16] ^ 0x55); /* where the directory begins */
    struct wf_archive_source s = source(&z);
    assert_int_equal(wf_archive_open(&s, &a, NULL), 0);
    assert_member(a, "word/document.xml", "<a>first</a>");
    wf_archive_free(a);
    zipped_free(&z);
}

static void test_archive__what_is_no_archive_is_refused(void **state)
{
    (void)state;
    static const char *const samples[] = {"", "PK", "PK\3\4", "hello", "PK\5\6"};
    for (size_t i = 0; i < WF_ARRAY_LEN(samples); i++) {
        struct wf_archive *a = NULL;
        struct wf_err err = WF_ERR_INIT;
        struct wf_archive_source s = {.fd = -1, .n_bytes = strlen(samples[i])};
        s.bytes = wf_str_from(samples[i]);
        assert_int_equal(wf_archive_open(&s, &a, &err), WF_E_FORMAT);
        assert_null(a);
        assert_non_null(strstr(err.msg, "damaged or incomplete"));
    }
}

static void test_archive__a_password_is_asked_for(void **state)
{
    (void)state;
    struct zipped z;
    struct wf_archive *a = NULL;
    struct wf_err err = WF_ERR_INIT;
    zipped_begin(&z, false, "secret");
    zipped_add(&z, "a.xml", "<a/>");
    zipped_end(&z);
    struct wf_archive_source s = source(&z);
    assert_int_equal(wf_archive_open(&s, &a, NULL), 0);
    assert_true(wf_archive_encrypted(a, 0));
    assert_int_equal(wf_archive_begin(a, 0, &err), WF_E_ENCRYPTED);
    assert_non_null(strstr(err.msg, "password"));
    wf_archive_free(a);
    zipped_free(&z);
}

/* Forty megabytes of zeros in forty kilobytes: the reader stops at 32 MB and says why. */
static void test_archive__a_bomb_is_not_unpacked(void **state)
{
    (void)state;
    struct zipped z;
    struct wf_archive *a = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf out;
    size_t n = (size_t)40 << 20;
    char *zeros = calloc(1, n);
    assert_non_null(zeros);
    zipped_begin(&z, false, NULL);
    zipped_add_bytes(&z, "zeros", zeros, n);
    zipped_end(&z);
    free(zeros);
    struct wf_archive_source s = source(&z);
    wf_buf_init(&out, (size_t)1 << 30);
    assert_int_equal(wf_archive_open(&s, &a, NULL), 0);
    assert_int_equal(wf_archive_read_all(a, 0, &out, &err), WF_E_LIMIT);
    assert_true(out.len <= ((size_t)33 << 20));
    assert_non_null(strstr(err.msg, "unpacks to more than"));
    wf_buf_deinit(&out);
    wf_archive_free(a);
    zipped_free(&z);
}

static int open_members(size_t n, struct wf_err *err)
{
    struct zipped z;
    struct wf_archive *a = NULL;
    zipped_begin(&z, true, NULL);
    for (size_t i = 0; i < n; i++) {
        char name[24];
        (void)snprintf(name, sizeof(name), "%zu", i);
        zipped_add(&z, name, "");
    }
    zipped_end(&z);
    struct wf_archive_source s = source(&z);
    int rc = wf_archive_open(&s, &a, err);
    wf_archive_free(a);
    zipped_free(&z);
    return rc;
}

static void test_archive__members_are_limited(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    assert_int_equal(open_members(WF_LIMIT_ARCHIVE_MEMBERS, &err), 0);
    assert_int_equal(open_members(WF_LIMIT_ARCHIVE_MEMBERS + 1, &err), WF_E_LIMIT);
    assert_non_null(strstr(err.msg, "20000"));
}

static void test_archive__no_memory_is_an_error(void **state)
{
    (void)state;
    struct zipped z;
    make_three(&z, false);
    struct wf_archive_source s = source(&z);
    uint64_t live = wf_alloc_stats().n_live;
    for (uint64_t n = 1; n < 100; n++) {
        struct wf_archive *a = NULL;
        wf_alloc_fail_at(n);
        int rc = wf_archive_open(&s, &a, NULL);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_true(failed ? rc == WF_E_NOMEM || rc == 0 : rc == 0);
        wf_archive_free(a);
        assert_int_equal(wf_alloc_stats().n_live, live);
        if (!failed) {
            assert_true(n > 1);
            break;
        }
    }
    zipped_free(&z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_archive__members_are_read_in_any_order),
        cmocka_unit_test(test_archive__a_descriptor_is_read_without_moving_it),
        cmocka_unit_test(test_archive__names_are_found_from_a_member),
        cmocka_unit_test(test_archive__a_cut_archive_gives_its_whole_members),
        cmocka_unit_test(test_archive__a_wrong_directory_is_passed_over),
        cmocka_unit_test(test_archive__what_is_no_archive_is_refused),
        cmocka_unit_test(test_archive__a_password_is_asked_for),
        cmocka_unit_test(test_archive__a_bomb_is_not_unpacked),
        cmocka_unit_test(test_archive__members_are_limited),
        cmocka_unit_test(test_archive__no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
