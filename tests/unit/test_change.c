/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of records as bytes: what is written can be read and verified; what is forged, cut off,
 * out of order or above a limit is refused; a pruned one keeps its signature. */
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/rng.h"
#include "crdt/change.h"

static const uint8_t uid[WF_CHANGE_UID_BYTES] = {1, 2, 3};
static struct wf_signer_key key;
static struct wf_signer signer;
static struct wf_rng_seeded rng;
static struct wf_buf out;

static char dots[2 * WF_CHANGE_DOT_BYTES];
static struct wf_record_op ops_a[7];
static struct wf_record_op op_b = {.kind = WF_RECORD_DELETE};
static struct wf_change_draft items[2];

static int set_up(void **state)
{
    uint8_t seed[32] = {7};
    (void)state;

    if (sodium_init() < 0)
        return -1;
    wf_signer_from_seed(seed, &key, &signer);
    wf_rng_seeded_init(&rng, 3);
    wf_buf_init(&out, WF_LIMIT_CHANGE_BYTES);
    memset(dots, 0, sizeof(dots));
    dots[WF_SIGNER_ID_BYTES] = 5;                             /* device 0..., time 5 */
    dots[WF_CHANGE_DOT_BYTES] = 1;                            /* device 1 0..., */
    dots[WF_CHANGE_DOT_BYTES + WF_SIGNER_ID_BYTES + 2] = 100; /* another time */
    const struct wf_record_op ops[] = {
        {.kind = WF_RECORD_LABEL, .label = 2},
        {.kind = WF_RECORD_SET, .field = WF_STR("a"), .value = WF_STR("{\"x\":[1,2]}")},
        {.kind = WF_RECORD_UNSET, .field = WF_STR("b")},
        {.kind = WF_RECORD_COUNT, .field = WF_STR("n"), .total = -7},
        {.kind = WF_RECORD_ADD, .field = WF_STR("s"), .value = WF_STR("\"one\"")},
        {.kind = WF_RECORD_ADD, .field = WF_STR("s"), .value = WF_STR("\"two\"")},
        {.kind = WF_RECORD_TAKE,
         .field = WF_STR("s"),
         .value = WF_STR("\"two\""),
         .dots = {dots, sizeof(dots)}},
    };
    memcpy(ops_a, ops, sizeof(ops_a));
    items[0] = (struct wf_change_draft){.label = 1,
                                        .collection = WF_STR("notes"),
                                        .key = WF_STR("caf\xc3\xa9/1"),
                                        .ops = ops_a,
                                        .n_ops = 7};
    items[1] = (struct wf_change_draft){
        .label = 3, .collection = WF_STR("notes"), .key = WF_STR("z"), .ops = &op_b, .n_ops = 1};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_buf_deinit(&out);
    return 0;
}

static int write(const struct wf_change_draft *drafts, size_t n, struct wf_err *err)
{
    const struct wf_change_head head = {
        .dseq = 300, .hlc = UINT64_C(1) << 40, .uid = uid, .rng = &rng.rng};
    return wf_change_write(&head, &signer, drafts, n, &out, NULL, err);
}

static struct wf_change made(void)
{
    struct wf_change c = {.dseq = 0};
    struct wf_err err = WF_ERR_INIT;
    if (write(items, 2, &err) != 0 || wf_change_read(wf_buf_str(&out), &c, &err) != 0)
        fail_msg("%s", err.msg);
    return c;
}

static void test_change__what_is_written_can_be_read(void **state)
{
    struct wf_change_item item;
    struct wf_record_op op;
    struct wf_change c = made();
    size_t at = 0, k = 0, n = 0;
    (void)state;

    assert_int_equal(c.dseq, 300);
    assert_int_equal(c.hlc, UINT64_C(1) << 40);
    assert_int_equal(c.label, 3);
    assert_memory_equal(c.device, signer.id, sizeof(c.device));
    assert_int_equal(wf_change_verify(&c, uid, NULL), 0);
    assert_true(wf_change_next(&c, &at, &item));
    assert_true(wf_str_eq(item.key, items[0].key) && item.label == 1 && item.n_ops == 7);
    while (wf_change_op_next(&item, &k, &op)) {
        const struct wf_record_op *want = &ops_a[n++];
        assert_int_equal(wf_record_op_cmp(&op, want), 0);
        assert_true(wf_str_eq(op.value, want->value) && wf_str_eq(op.dots, want->dots));
        assert_true(op.total == want->total && op.label == want->label);
    }
    assert_int_equal(n, 7);
    assert_true(wf_change_next(&c, &at, &item));
    assert_true(wf_str_eq(item.key, WF_STR("z")));
    assert_false(wf_change_next(&c, &at, &item));
}

static void test_change__what_is_forged_is_seen(void **state)
{
    static const uint8_t other_space[WF_CHANGE_UID_BYTES] = {1, 2, 4};
    unsigned n_denied = 0, n_refused = 0;
    struct wf_change c = made();
    (void)state;

    assert_int_equal(wf_change_verify(&c, other_space, NULL), WF_E_DENIED);
    for (size_t i = 0; i < out.len; i++) {
        out.ptr[i] ^= 4;
        if (wf_change_read(wf_buf_str(&out), &c, NULL) != 0)
            n_refused++;
        else
            n_denied += wf_change_verify(&c, uid, NULL) == WF_E_DENIED;
        out.ptr[i] ^= 4;
    }
    assert_int_equal(n_denied + n_refused, out.len);
    assert_true(n_denied > 150); /* the device, numbers, the salts, the signature */
    for (size_t n = 0; n < out.len; n++)
        assert_int_equal(wf_change_read(wf_str_sub(wf_buf_str(&out), 0, n), &c, NULL), WF_E_FORMAT);
    wf_buf_append_byte(&out, 0);
    assert_int_equal(wf_change_read(wf_buf_str(&out), &c, NULL), WF_E_FORMAT);
    struct wf_err err = WF_ERR_INIT;
    out.ptr[0] = 3;
    assert_int_equal(wf_change_read(wf_buf_str(&out), &c, &err), WF_E_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "update weft"));
}

static bool is_first(void *ud, const struct wf_change_item *item)
{
    (void)ud;
    return item->label == 1;
}

static void test_change__a_pruned_one_keeps_its_signature(void **state)
{
    struct wf_change c = made(), less;
    struct wf_change_item item;
    struct wf_buf b;
    size_t at = 0;
    (void)state;

    wf_buf_init(&b, 1u << 20);
    assert_int_equal(wf_change_prune(&c, is_first, NULL, &b), 0);
    assert_true(b.len < out.len);
    assert_int_equal(wf_change_read(wf_buf_str(&b), &less, NULL), 0);
    assert_int_equal(wf_change_verify(&less, uid, NULL), 0);
    assert_int_equal(less.n_pruned, 1);
    assert_memory_equal(less.id, c.id, sizeof(c.id));
    assert_true(wf_str_find(wf_buf_str(&b), WF_STR("one"), 0) == SIZE_MAX);
    assert_true(wf_change_next(&less, &at, &item) && item.is_pruned);
    assert_true(wf_change_next(&less, &at, &item) && wf_str_eq(item.key, WF_STR("z")));
    /* Again, it costs nothing. */
    size_t len = b.len;
    wf_buf_reset(&out);
    assert_int_equal(wf_change_prune(&less, is_first, NULL, &out), 0);
    assert_int_equal(out.len, len);
    wf_buf_deinit(&b);
}

/* Writing the one item with `op` gives `want`. */
static void assert_op(struct wf_record_op op, int want)
{
    struct wf_change_draft item = {
        .collection = WF_STR("c"), .key = WF_STR("k"), .ops = &op, .n_ops = 1};
    struct wf_err err = WF_ERR_INIT;
    assert_int_equal(write(&item, 1, &err), want);
    assert_int_equal(err.msg[0] != 0, want != 0);
}

static struct wf_record_op set(struct wf_str field, struct wf_str value)
{
    return (struct wf_record_op){.kind = WF_RECORD_SET, .field = field, .value = value};
}

static void test_change__ops_have_limits(void **state)
{
    static char text[WF_LIMIT_RECORD_VALUE_BYTES + 2];
    (void)state;

    memset(text, 'x', sizeof(text));
    assert_op(set(wf_str_n(text, WF_LIMIT_RECORD_NAME_BYTES), WF_STR("1")), 0);
    assert_op(set(wf_str_n(text, WF_LIMIT_RECORD_NAME_BYTES + 1), WF_STR("1")), WF_E_LIMIT);
    assert_op(set(WF_STR(""), WF_STR("1")), WF_E_INVAL);
    assert_op(set(WF_STR("a\nb"), WF_STR("1")), WF_E_INVAL);
    assert_op(set(WF_STR("a\xff"), WF_STR("1")), WF_E_INVAL);
    assert_op(set(WF_STR("a"), WF_STR("")), WF_E_FORMAT);
    assert_op(set(WF_STR("a"), WF_STR("{\"a\":1,}")), WF_E_FORMAT);
    assert_op(set(WF_STR("a"), WF_STR("1 2")), WF_E_FORMAT);
    text[0] = '"';
    text[WF_LIMIT_RECORD_VALUE_BYTES - 1] = '"';
    assert_op(set(WF_STR("a"), wf_str_n(text, WF_LIMIT_RECORD_VALUE_BYTES)), 0);
    assert_op(set(WF_STR("a"), wf_str_n(text, WF_LIMIT_RECORD_VALUE_BYTES + 1)), WF_E_LIMIT);
    struct wf_record_op count = {
        .kind = WF_RECORD_COUNT, .field = WF_STR("n"), .total = WF_RECORD_TOTAL_MAX};
    assert_op(count, 0);
    count.total++;
    assert_op(count, WF_E_FORMAT);
    count.total = INT64_MIN;
    assert_op(count, WF_E_FORMAT);
    assert_op((struct wf_record_op){.kind = WF_RECORD_DELETE, .field = WF_STR("a")}, WF_E_FORMAT);
    assert_op((struct wf_record_op){.kind = WF_RECORD_LABEL, .label = 3}, 0);
    assert_op((struct wf_record_op){.kind = WF_RECORD_LABEL, .label = 4}, WF_E_FORMAT);
    struct wf_record_op take = {.kind = WF_RECORD_TAKE,
                                .field = WF_STR("s"),
                                .value = WF_STR("1"),
                                .dots = {dots, sizeof(dots)}};
    assert_op(take, 0);
    dots[WF_CHANGE_DOT_BYTES] = 0; /* twice the same device */
    assert_op(take, WF_E_FORMAT);
    take.dots.len = 0;
    assert_op(take, WF_E_FORMAT);
}

static void test_change__records_have_limits(void **state)
{
    static char names[WF_LIMIT_CHANGE_ITEMS + 1][8];
    static struct wf_change_draft many[WF_LIMIT_CHANGE_ITEMS + 1];
    static struct wf_record_op ops[WF_LIMIT_CHANGE_OPS + 1];
    static char long_key[WF_LIMIT_RECORD_KEY_BYTES + 1];
    struct wf_change_draft item = items[1];
    (void)state;

    for (size_t i = 0; i <= WF_LIMIT_CHANGE_ITEMS; i++) {
        snprintf(names[i], sizeof(names[i]), "%06zu", i);
        many[i] = items[1];
        many[i].key = wf_str_from(names[i]);
        ops[i < WF_LIMIT_CHANGE_OPS ? i : WF_LIMIT_CHANGE_OPS] =
            set(wf_str_from(names[i]), WF_STR("0"));
    }
    assert_int_equal(write(many, WF_LIMIT_CHANGE_ITEMS, NULL), 0);
    assert_int_equal(write(many, WF_LIMIT_CHANGE_ITEMS + 1, NULL), WF_E_FORMAT);
    assert_int_equal(write(many, 0, NULL), WF_E_FORMAT);
    item.ops = ops;
    item.n_ops = WF_LIMIT_CHANGE_OPS;
    assert_int_equal(write(&item, 1, NULL), 0);
    item.n_ops = WF_LIMIT_CHANGE_OPS + 1;
    assert_int_equal(write(&item, 1, NULL), WF_E_FORMAT);
    item.n_ops = 0;
    assert_int_equal(write(&item, 1, NULL), WF_E_FORMAT);
    item = items[1];
    memset(long_key, 'k', sizeof(long_key));
    item.key = wf_str_n(long_key, WF_LIMIT_RECORD_KEY_BYTES);
    assert_int_equal(write(&item, 1, NULL), 0);
    item.key.len++;
    assert_int_equal(write(&item, 1, NULL), WF_E_LIMIT);
    item = items[1];
    item.collection = WF_STR("a/b");
    assert_int_equal(write(&item, 1, NULL), WF_E_INVAL);
    item.collection = WF_STR("c");
    item.label = 4;
    assert_int_equal(write(&item, 1, NULL), WF_E_FORMAT);
    const struct wf_change_draft twice[] = {items[1], items[1]};
    assert_int_equal(write(twice, 2, NULL), WF_E_FORMAT);
    const struct wf_change_draft back[] = {items[1], items[0]};
    assert_int_equal(write(back, 2, NULL), WF_E_FORMAT);
}

static void test_change__a_change_has_a_limit(void **state)
{
    static char text[WF_LIMIT_RECORD_VALUE_BYTES];
    struct wf_record_op ops[5];
    struct wf_err err = WF_ERR_INIT;
    struct wf_change_draft item = items[1];
    struct wf_change c;
    (void)state;

    memset(text, 'x', sizeof(text));
    text[0] = text[sizeof(text) - 1] = '"';
    for (size_t i = 0; i < 5; i++)
        ops[i] = set(wf_str_sub(WF_STR("abcde"), i, i + 1), wf_str_n(text, sizeof(text)));
    item.ops = ops;
    item.n_ops = 3;
    assert_int_equal(write(&item, 1, NULL), 0);
    item.n_ops = 4;
    assert_int_equal(write(&item, 1, &err), WF_E_LIMIT);
    assert_non_null(strstr(err.msg, "fewer at once"));
    wf_buf_deinit(&out);
    wf_buf_init(&out, 4u << 20);
    wf_buf_append_fill(&out, 1, WF_LIMIT_CHANGE_BYTES + 1);
    assert_int_equal(wf_change_read(wf_buf_str(&out), &c, NULL), WF_E_LIMIT);
}

static void test_change__a_number_has_one_form(void **state)
{
    struct wf_change c = made();
    struct wf_buf b;
    (void)state;

    /* dseq 300 is ac 02; ac 82 00 is the same number. */
    wf_buf_init(&b, 1u << 20);
    wf_buf_append(&b, out.ptr, 34);
    assert_int_equal((uint8_t)b.ptr[33], 0xac);
    wf_buf_append(&b, "\x82\0", 2);
    wf_buf_append(&b, out.ptr + 35, out.len - 35);
    assert_int_equal(wf_change_read(wf_buf_str(&b), &c, NULL), WF_E_FORMAT);
    wf_buf_deinit(&b);
}

static void test_change__a_failed_allocation_is_an_error(void **state)
{
    struct wf_change c;
    unsigned n_failed = 0;
    (void)state;

    for (uint64_t n = 1;; n++) {
        struct wf_err err = WF_ERR_INIT;
        wf_buf_deinit(&out);
        wf_buf_init(&out, WF_LIMIT_CHANGE_BYTES);
        wf_alloc_fail_at(n);
        int rc = write(items, 2, &err);
        if (rc == 0)
            rc = wf_change_read(wf_buf_str(&out), &c, &err);
        if (rc == 0)
            rc = wf_change_verify(&c, uid, &err);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(rc, failed ? WF_E_NOMEM : 0);
        assert_int_equal(err.msg[0] != 0, failed);
        n_failed += failed;
        if (!failed)
            break;
    }
    assert_true(n_failed > 3);
}

/* Brought along into another space it is what was signed for the first. */
static void test_change__a_moved_one_keeps_its_signature(void **state)
{
    static const uint8_t other_space[WF_CHANGE_UID_BYTES] = {1, 2, 4};
    struct wf_change c = made(), moved, less;
    uint8_t head[WF_CHANGE_MOVED_BYTES];
    struct wf_buf b, twice;
    (void)state;

    wf_buf_init(&b, 1u << 20);
    wf_buf_init(&twice, 1u << 20);
    wf_change_moved_head(uid, head);
    wf_buf_append(&b, head, sizeof(head));
    wf_buf_append_str(&b, wf_buf_str(&out));
    assert_int_equal(wf_change_read(wf_buf_str(&b), &moved, NULL), 0);
    assert_true(moved.is_moved && !c.is_moved);
    assert_memory_equal(moved.uid, uid, sizeof(moved.uid));
    assert_memory_equal(moved.id, c.id, sizeof(c.id));
    assert_true(moved.dseq == c.dseq && moved.hlc == c.hlc && moved.label == c.label);
    assert_int_equal(wf_change_verify(&moved, other_space, NULL), 0);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(wf_change_read(wf_str_sub(wf_buf_str(&b), 0, n), &less, NULL),
                         WF_E_FORMAT);
    wf_buf_append(&twice, head, sizeof(head));
    wf_buf_append_str(&twice, wf_buf_str(&b));
    assert_int_equal(wf_change_read(wf_buf_str(&twice), &less, NULL), WF_E_FORMAT);
    wf_buf_reset(&twice);
    assert_int_equal(wf_change_prune(&moved, is_first, NULL, &twice), 0);
    assert_int_equal(wf_change_read(wf_buf_str(&twice), &less, NULL), 0);
    assert_true(less.is_moved && less.n_pruned == 1);
    assert_int_equal(wf_change_verify(&less, other_space, NULL), 0);
    b.ptr[3] ^= 1; /* of the space that it names */
    assert_int_equal(wf_change_read(wf_buf_str(&b), &moved, NULL), 0);
    assert_int_equal(wf_change_verify(&moved, uid, NULL), WF_E_DENIED);
    wf_buf_deinit(&b);
    wf_buf_deinit(&twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_change__what_is_written_can_be_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_change__what_is_forged_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_change__a_pruned_one_keeps_its_signature, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_change__a_moved_one_keeps_its_signature, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_change__ops_have_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_change__records_have_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_change__a_change_has_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_change__a_number_has_one_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_change__a_failed_allocation_is_an_error, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
