/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting: lengths within their bounds, the same wherever it is done, a change stays where it is.
 */
#include "mesh/blobs_cut.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"

#define N_BYTES ((size_t)100 << 20)
#define PIECES_MAX (N_BYTES / WF_PIECE_BYTES_MIN + 1)

static uint8_t *content(size_t n)
{
    static const unsigned char seed[randombytes_SEEDBYTES] = {7};
    uint8_t *p = wf_alloc(n);

    assert_non_null(p);
    randombytes_buf_deterministic(p, n, seed);
    return p;
}

static size_t cut_all(const uint8_t *p, size_t n, struct wf_piece *out)
{
    size_t n_pieces = 0;

    for (size_t at = 0; at < n;) {
        size_t len = wf_piece_cut(p + at, n - at);
        assert_true(len > 0);
        assert_true(len <= n - at);
        assert_true(n_pieces < PIECES_MAX);
        wf_piece_make(p + at, len, &out[n_pieces++]);
        at += len;
    }
    return n_pieces;
}

static void test_cut__lengths_are_within_bounds(void **state)
{
    struct wf_piece *pieces = wf_alloc_array(PIECES_MAX, sizeof(*pieces));
    size_t n_bytes = (size_t)32 << 20, n;
    uint8_t *p = content(n_bytes);

    (void)state;
    assert_non_null(pieces);
    n = cut_all(p, n_bytes, pieces);
    for (size_t i = 0; i + 1 < n; i++) {
        assert_true(pieces[i].bytes > WF_PIECE_BYTES_MIN);
        assert_true(pieces[i].bytes <= WF_PIECE_BYTES_MAX);
    }
    assert_in_range(n_bytes / n, WF_PIECE_BYTES_NORMAL / 2, WF_PIECE_BYTES_NORMAL * 2);
    wf_free(pieces);
    wf_free(p);
}

/* A device with an older program must find the same borders: they are written down. */
static void test_cut__borders_stay(void **state)
{
    size_t n_bytes = (size_t)4 << 20, at = 0;
    static const size_t borders[] = {346506,  724262,  994727,  1264521,
                                     1535089, 1677362, 1978015, 2374515};
    uint8_t *p = content(n_bytes);

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(borders); i++) {
        at += wf_piece_cut(p + at, n_bytes - at);
        assert_int_equal(at, borders[i]);
    }
    wf_free(p);
}

static void test_cut__few_bytes_are_one_piece(void **state)
{
    uint8_t zeros[3] = {0};
    struct wf_piece piece;

    (void)state;
    assert_int_equal(wf_piece_cut(zeros, 1), 1);
    assert_int_equal(wf_piece_cut(zeros, 3), 3);
    wf_piece_make(zeros, 3, &piece);
    assert_int_equal(piece.bytes, 3);
}

static void test_cut__what_is_alike_is_cut_at_the_most(void **state)
{
    size_t n = 3 * WF_PIECE_BYTES_MAX;
    uint8_t *p = wf_alloc_array(n, 1);

    (void)state;
    assert_non_null(p);
    memset(p, 'a', n);
    for (size_t at = 0; at < n;) {
        size_t len = wf_piece_cut(p + at, n - at);
        assert_in_range(len, 1, WF_PIECE_BYTES_MAX);
        at += len;
    }
    wf_free(p);
}

/* One byte more in front of 100 MB: less than one in a hundred bytes is in a piece that was not
 * there before. */
static void test_cut__a_change_stays_where_it_is(void **state)
{
    struct wf_piece *before = wf_alloc_array(PIECES_MAX, sizeof(*before));
    struct wf_piece *after = wf_alloc_array(PIECES_MAX, sizeof(*after));
    uint8_t *p = content(N_BYTES + 1);
    size_t n_before, n_after, moved = 0;

    (void)state;
    assert_non_null(before);
    assert_non_null(after);
    n_before = cut_all(p + 1, N_BYTES, before);
    n_after = cut_all(p, N_BYTES + 1, after);
    for (size_t i = 0, k = 0; i < n_after; i++) {
        size_t found = k;
        while (found < n_before && memcmp(before[found].hash, after[i].hash, 32) != 0)
            found++;
        if (found < n_before)
            k = found + 1;
        else
            moved += after[i].bytes;
    }
    assert_true(moved > 0);
    assert_true(moved < N_BYTES / 100);
    wf_free(before);
    wf_free(after);
    wf_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut__lengths_are_within_bounds),
        cmocka_unit_test(test_cut__borders_stay),
        cmocka_unit_test(test_cut__few_bytes_are_one_piece),
        cmocka_unit_test(test_cut__what_is_alike_is_cut_at_the_most),
        cmocka_unit_test(test_cut__a_change_stays_where_it_is),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
