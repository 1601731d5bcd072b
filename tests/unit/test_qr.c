/* SPDX-License-Identifier: Apache-2.0 */
/* QR codes as rows: as libqrencode makes them, finder patterns in three corners; what is too long
 * is refused; as half blocks they have the same dark modules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "op/qr.h"

static void test_qr__rows_are_square_with_finders(void **state)
{
    static const char *const finder[] = {"1111111", "1000001", "1011101", "1011101"};
    json_t *rows = NULL;
    size_t side;
    (void)state;

    assert_int_equal(wf_qr_rows("weft:pair/192.0.2.1:7771/aaaa-bbbb-cccc-dddd/X", &rows, NULL), 0);
    side = json_array_size(rows);
    assert_true(side >= 21 && (side - 17) % 4 == 0);
    for (size_t y = 0; y < side; y++)
        assert_int_equal(json_string_length(json_array_get(rows, y)), side);
    for (size_t y = 0; y < 4; y++) {
        const char *row = json_string_value(json_array_get(rows, y));
        assert_memory_equal(row, finder[y], 7);
        assert_memory_equal(row + side - 7, finder[y], 7);
        assert_memory_equal(json_string_value(json_array_get(rows, side - 1 - y)), finder[y], 7);
    }
    json_decref(rows);
}

static void test_qr__half_blocks_have_the_same_modules(void **state)
{
    json_t *rows = json_pack("[s, s, s]", "101", "010", "111");
    struct wf_buf b;
    (void)state;

    wf_buf_init(&b, 10000);
    assert_int_equal(wf_qr_draw(rows, &b, NULL), 0);
    assert_non_null(strstr(b.ptr, "\033[30;107m  ▀▄▀  \033[0m\n\033[30;107m  ▀▀▀  \033[0m\n"));
    wf_buf_deinit(&b);
    json_decref(rows);
    rows = json_array();
    assert_int_equal(wf_qr_draw(rows, &b, NULL), WF_E_FORMAT);
    json_decref(rows);
}

static void test_qr__what_is_too_long_is_refused(void **state)
{
    static char text[4000];
    json_t *rows = NULL;
    (void)state;

    memset(text, 'x', sizeof(text) - 1);
    assert_int_equal(wf_qr_rows(text, &rows, NULL), WF_E_LIMIT);
    assert_null(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_qr__rows_are_square_with_finders),
        cmocka_unit_test(test_qr__half_blocks_have_the_same_modules),
        cmocka_unit_test(test_qr__what_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
