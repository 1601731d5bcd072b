/* SPDX-License-Identifier: Apache-2.0 */
/* Frames between core and airlock: what is written is read, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "route/airlock_frame.h"

static void write_frame(const struct wf_airlock_frame *f, struct wf_buf *out)
{
    wf_buf_init(out, WF_LIMIT_FRAME_BYTES);
    assert_int_equal(wf_airlock_frame_write(f, out), 0);
}

static struct wf_airlock_frame request(void)
{
    struct wf_airlock_frame f = {.kind = WF_AIRLOCK_REQUEST,
                                 .id = 0x1122334455667788,
                                 .label = WF_LABEL_INTERNAL,
                                 .streamed = true,
                                 .engine = WF_STR("gpt"),
                                 .model = WF_STR("gpt-5-mini"),
                                 .request_id = WF_STR("r-1"),
                                 .reason = WF_STR("asked for by name"),
                                 .n_counts = 2,
                                 .text = WF_STR("{\"messages\":[]}")};
    f.counts[0] = (struct wf_airlock_count){WF_STR("IBAN_CODE"), 3};
    f.counts[1] = (struct wf_airlock_count){WF_STR("PERSON"), 70000};
    return f;
}

static void test_airlock_frame__a_request_comes_through(void **state)
{
    (void)state;
    struct wf_airlock_frame f = request(), got;
    struct wf_buf b;
    write_frame(&f, &b);
    assert_int_equal(wf_airlock_frame_read(wf_buf_str(&b), &got, NULL), 0);
    assert_int_equal(got.kind, WF_AIRLOCK_REQUEST);
    assert_true(got.id == f.id && got.label == f.label && got.streamed);
    assert_true(wf_str_eq(got.engine, f.engine) && wf_str_eq(got.model, f.model));
    assert_true(wf_str_eq(got.request_id, f.request_id) && wf_str_eq(got.reason, f.reason));
    assert_int_equal(got.n_counts, 2);
    assert_true(wf_str_eq(got.counts[1].type, WF_STR("PERSON")) && got.counts[1].n == 70000);
    assert_true(wf_str_eq(got.text, f.text));
    wf_buf_deinit(&b);
}

static struct wf_airlock_frame released(void)
{
    struct wf_airlock_frame f = request();
    f.is_released = true;
    f.release = (struct wf_release){.who = WF_STR("anna"),
                                    .when_ms = 1790000000123,
                                    .from = WF_LABEL_PRIVATE,
                                    .to = f.label,
                                    .engine = f.engine,
                                    .reason = WF_STR("the bank asks for it")};
    memset(f.release.what, 0xa7, sizeof(f.release.what));
    return f;
}

static void test_airlock_frame__a_release_comes_through(void **state)
{
    (void)state;
    struct wf_airlock_frame f = released(), got;
    struct wf_buf b;
    write_frame(&f, &b);
    assert_int_equal(wf_airlock_frame_read(wf_buf_str(&b), &got, NULL), 0);
    assert_true(got.is_released && got.release.when_ms == f.release.when_ms);
    assert_int_equal(got.release.from, WF_LABEL_PRIVATE);
    assert_int_equal(got.release.to, WF_LABEL_INTERNAL);
    assert_true(wf_str_eq(got.release.engine, f.engine));
    assert_true(wf_str_eq(got.release.who, f.release.who));
    assert_true(wf_str_eq(got.release.reason, f.release.reason));
    assert_memory_equal(got.release.what, f.release.what, sizeof(got.release.what));
    assert_true(wf_str_eq(got.text, f.text));
    wf_buf_deinit(&b);
    f = request(); /* which must not bear the one before */
    write_frame(&f, &b);
    assert_int_equal(wf_airlock_frame_read(wf_buf_str(&b), &got, NULL), 0);
    assert_false(got.is_released);
    wf_buf_deinit(&b);
}

static void test_airlock_frame__a_release_that_is_cut_is_refused(void **state)
{
    (void)state;
    struct wf_airlock_frame f = released(), got;
    struct wf_buf b;
    f.text = WF_STR("");
    write_frame(&f, &b);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(wf_airlock_frame_read(wf_str_n(b.ptr, n), &got, NULL), WF_E_FORMAT);
    wf_buf_deinit(&b);
    f.release.from = WF_LABEL_COUNT; /* a label that there is not */
    write_frame(&f, &b);
    assert_int_equal(wf_airlock_frame_read(wf_buf_str(&b), &got, NULL), WF_E_FORMAT);
    wf_buf_deinit(&b);
}

static void test_airlock_frame__all_kinds_come_through(void **state)
{
    (void)state;
    const struct wf_airlock_frame all[] = {
        {.kind = WF_AIRLOCK_CANCEL, .id = 1},
        {.kind = WF_AIRLOCK_CREDIT, .id = 2, .number = 4000000000u},
        {.kind = WF_AIRLOCK_HEAD, .id = 3, .number = 429, .text = WF_STR("retry-after: 3\n")},
        {.kind = WF_AIRLOCK_DATA, .id = 4, .text = WF_STR("data: x\n\n")},
        {.kind = WF_AIRLOCK_REPORT,
         .id = 7,
         .tokens_in = 1u << 30,
         .tokens_out = 5,
         .cost_micro = UINT64_MAX,
         .counts = {{.type = WF_STR("leak"), .n = 2}, {.type = WF_STR("secret"), .n = 1}},
         .n_counts = 2},
        {.kind = WF_AIRLOCK_END, .id = 5, .seq = UINT64_MAX},
        {.kind = WF_AIRLOCK_FAILED, .id = 6, .code = WF_E_DENIED, .text = WF_STR("Kept back.")},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++) {
        struct wf_airlock_frame got = {.number = 0};
        struct wf_buf b;
        write_frame(&all[i], &b);
        assert_int_equal(wf_airlock_frame_read(wf_buf_str(&b), &got, NULL), 0);
        assert_true(got.kind == all[i].kind && got.id == all[i].id);
        assert_true(got.number == all[i].number && got.seq == all[i].seq);
        assert_true(got.tokens_in == all[i].tokens_in && got.tokens_out == all[i].tokens_out);
        assert_true(got.cost_micro == all[i].cost_micro && got.n_counts == all[i].n_counts);
        for (size_t k = 0; k < got.n_counts; k++)
            assert_true(wf_str_eq(got.counts[k].type, all[i].counts[k].type) &&
                        got.counts[k].n == all[i].counts[k].n);
        assert_true(got.code == all[i].code && wf_str_eq(got.text, all[i].text));
        wf_buf_deinit(&b);
    }
}

static void test_airlock_frame__what_is_cut_or_longer_is_refused(void **state)
{
    (void)state;
    struct wf_airlock_frame f = request(), got;
    struct wf_buf b;
    f.text = WF_STR("");
    write_frame(&f, &b);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(wf_airlock_frame_read(wf_str_n(b.ptr, n), &got, NULL), WF_E_FORMAT);
    wf_buf_deinit(&b);
    const struct wf_airlock_frame cancel = {.kind = WF_AIRLOCK_CANCEL};
    write_frame(&cancel, &b);
    assert_int_equal(wf_buf_append_byte(&b, 0), 0);
    assert_int_equal(wf_airlock_frame_read(wf_buf_str(&b), &got, NULL), WF_E_FORMAT);
    wf_buf_deinit(&b);
}

static void test_airlock_frame__labels_codes_and_counts_are_bounded(void **state)
{
    (void)state;
    struct wf_airlock_frame f = request(), got;
    struct wf_buf b;
    write_frame(&f, &b);
    b.ptr[9] = WF_LABEL_COUNT;
    assert_int_equal(wf_airlock_frame_read(wf_buf_str(&b), &got, NULL), WF_E_FORMAT);
    wf_buf_deinit(&b);
    const struct wf_airlock_frame failed = {.kind = WF_AIRLOCK_FAILED, .code = WF_E_IO};
    write_frame(&failed, &b);
    b.ptr[9] = 0; /* no error is none */
    assert_int_equal(wf_airlock_frame_read(wf_buf_str(&b), &got, NULL), WF_E_FORMAT);
    wf_buf_deinit(&b);
    static char longer[WF_AIRLOCK_DATA_BYTES + 1];
    f = (struct wf_airlock_frame){.kind = WF_AIRLOCK_DATA,
                                  .text = wf_str_n(longer, sizeof(longer))};
    wf_buf_init(&b, WF_LIMIT_FRAME_BYTES);
    assert_int_equal(wf_airlock_frame_write(&f, &b), WF_E_LIMIT);
    f = request();
    f.engine = wf_str_n(longer, WF_AIRLOCK_TEXT_BYTES + 1);
    assert_int_equal(wf_airlock_frame_write(&f, &b), WF_E_LIMIT);
    wf_buf_deinit(&b);
}

static void test_airlock_frame__what_is_given_comes_through(void **state)
{
    (void)state;
    struct wf_airlock_frame f = {.kind = WF_AIRLOCK_GIVEN,
                                 .id = 7,
                                 .label = WF_LABEL_PRIVATE,
                                 .engine = WF_STR("plans"),
                                 .model = WF_STR("list"),
                                 .request_id = WF_STR("00ff"),
                                 .to = WF_STR("Ben / phone"),
                                 .reason = WF_STR("reads the space"),
                                 .seq = 41,
                                 .bytes = 1 << 20,
                                 .n_counts = 1};
    struct wf_airlock_frame got;
    struct wf_buf b;
    f.counts[0] = (struct wf_airlock_count){WF_STR("draft"), 12};
    memset(f.sealed, 9, sizeof(f.sealed));
    write_frame(&f, &b);
    assert_int_equal(wf_airlock_frame_read(wf_buf_str(&b), &got, NULL), 0);
    assert_true(got.kind == WF_AIRLOCK_GIVEN && got.id == 7 && got.label == WF_LABEL_PRIVATE);
    assert_true(wf_str_eq(got.engine, f.engine) && wf_str_eq(got.model, f.model));
    assert_true(wf_str_eq(got.to, f.to) && wf_str_eq(got.reason, f.reason));
    assert_true(wf_str_eq(got.request_id, f.request_id) && got.seq == 41 && got.bytes == 1 << 20);
    assert_true(got.n_counts == 1 && got.counts[0].n == 12);
    assert_memory_equal(got.sealed, f.sealed, sizeof(f.sealed));
    for (size_t n = 0; n < b.len; n++) /* cut anywhere */
        assert_int_equal(wf_airlock_frame_read(wf_str_n(b.ptr, n), &got, NULL), WF_E_FORMAT);
    (void)wf_buf_append_byte(&b, 0);
    assert_int_equal(wf_airlock_frame_read(wf_buf_str(&b), &got, NULL), WF_E_FORMAT);
    b.ptr[9] = WF_LABEL_COUNT;
    assert_int_equal(wf_airlock_frame_read(wf_str_n(b.ptr, b.len - 1), &got, NULL), WF_E_FORMAT);
    wf_buf_reset(&b);
    f.n_counts = 0; /* it must be something */
    assert_int_equal(wf_airlock_frame_write(&f, &b), WF_E_LIMIT);
    wf_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_airlock_frame__a_request_comes_through),
        cmocka_unit_test(test_airlock_frame__a_release_comes_through),
        cmocka_unit_test(test_airlock_frame__a_release_that_is_cut_is_refused),
        cmocka_unit_test(test_airlock_frame__all_kinds_come_through),
        cmocka_unit_test(test_airlock_frame__what_is_cut_or_longer_is_refused),
        cmocka_unit_test(test_airlock_frame__what_is_given_comes_through),
        cmocka_unit_test(test_airlock_frame__labels_codes_and_counts_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
