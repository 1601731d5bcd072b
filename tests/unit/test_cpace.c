/* SPDX-License-Identifier: Apache-2.0 */
/* CPace against the draft's own vectors (draft-irtf-cfrg-cpace-21, appendix "ristretto255 and
 * SHA-512"); what must be refused; two parties that agree, and all ways in which they must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "mesh/cpace.h"

#define BYTES_MAX 64

static size_t hex(const char *text, uint8_t out[BYTES_MAX])
{
    size_t n = 0;

    assert_int_equal(sodium_hex2bin(out, BYTES_MAX, text, strlen(text), NULL, &n, NULL), 0);
    return n;
}

/* A generator of "random" bytes that gives what the vectors say. */
static void fill_fixed(void *ud, void *out, size_t n)
{
    assert_int_equal(n, 32);
    memcpy(out, ud, n);
}

static const char ya[] = "da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08";
static const char yb[] = "d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d";
static const char share_a[] = "d6bac480f2c386c394efc7c47adb9925dcd2630b64f240c50f8d0eec482b9157";
static const char share_b[] = "3ea7e0b19560d7c0b0f5734f63b955286dfa8232b5ebe63324e2d9e7433f7258";
static const char isk[] = "b69effbf61b51d56401c0f65601abe428de8206feaaf0e32198896dcae7b35cd"
                          "2b38950a39dfd5d4a79164614c2984f7daa460b588c1e80c3fa2068af7900447";

static void begin_fixed(struct wf_cpace *c, const char *scalar)
{
    uint8_t bytes[BYTES_MAX], channel[BYTES_MAX], session[BYTES_MAX];
    const struct wf_rng rng = {.fill = fill_fixed, .ud = bytes};
    struct wf_cpace_input in = {.password = WF_STR("Password")};

    in.channel =
        wf_str_n((char *)channel, hex("0b415f696e69746961746f720b425f726573706f6e646572", channel));
    in.session = wf_str_n((char *)session, hex("7e4b4791d6a8ef019b936c79fb7f2c57", session));
    assert_int_equal(hex(scalar, bytes), 32);
    wf_cpace_begin(c, &in, &rng);
}

static void test_cpace__the_drafts_vectors_hold(void **state)
{
    uint8_t want[BYTES_MAX], session[BYTES_MAX], key[WF_CPACE_KEY_BYTES];
    struct wf_cpace a, b;
    struct wf_str sid;
    (void)state;

    sid = wf_str_n((char *)session, hex("7e4b4791d6a8ef019b936c79fb7f2c57", session));
    begin_fixed(&a, ya);
    begin_fixed(&b, yb);
    hex(share_a, want);
    assert_memory_equal(a.share, want, sizeof(a.share));
    hex(share_b, want);
    assert_memory_equal(b.share, want, sizeof(b.share));
    const struct wf_cpace_said said_a = {a.share, WF_STR("ADa")}, said_b = {b.share, WF_STR("ADb")};
    assert_int_equal(wf_cpace_finish(&a, true, sid, &said_a, &said_b, key, NULL), 0);
    assert_int_equal(hex(isk, want), sizeof(key));
    assert_memory_equal(key, want, sizeof(key));
    memset(key, 0, sizeof(key));
    assert_int_equal(wf_cpace_finish(&b, false, sid, &said_a, &said_b, key, NULL), 0);
    assert_memory_equal(key, want, sizeof(key));
}

/* The draft's invalid points, the identity, and encodings that are not canonical. */
static void test_cpace__shares_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {
        "2b3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* 0, not reduced */
        "0000000000000000000000000000000000000000000000000000000000000080", /* the high bit */
        "0100000000000000000000000000000000000000000000000000000000000000", /* negative */
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    uint8_t share[BYTES_MAX], key[WF_CPACE_KEY_BYTES];
    struct wf_cpace a;
    (void)state;

    begin_fixed(&a, ya);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct wf_err err = WF_ERR_INIT;
        const struct wf_cpace_said own = {a.share, WF_STR("")}, other = {share, WF_STR("")};
        hex(bad[i], share);
        assert_int_equal(wf_cpace_finish(&a, true, WF_STR("s"), &own, &other, key, &err),
                         WF_E_DENIED);
        assert_int_equal(err.code, WF_E_DENIED);
        assert_int_equal(wf_cpace_finish(&a, false, WF_STR("s"), &other, &own, key, NULL),
                         WF_E_DENIED);
    }
    /* And a good one: the draft's own product. */
    hex("2c3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c", share);
    const struct wf_cpace_said own = {a.share, WF_STR("")}, other = {share, WF_STR("")};
    assert_int_equal(wf_cpace_finish(&a, true, WF_STR("s"), &own, &other, key, NULL), 0);
}

/* What each of the two has; where they differ they must not come to the same key. */
struct side {
    struct wf_cpace_input in;
    struct wf_str data, seen; /* own, and what came as the other's */
};

/* Whether both took each other's proof. */
static bool agree(const struct side *sa, const struct side *sb)
{
    uint8_t key_a[WF_CPACE_KEY_BYTES], key_b[WF_CPACE_KEY_BYTES], tag[WF_CPACE_TAG_BYTES];
    struct wf_cpace a, b;
    bool is_a_content, is_b_content;

    wf_cpace_begin(&a, &sa->in, NULL);
    wf_cpace_begin(&b, &sb->in, NULL);
    const struct wf_cpace_said a_own = {a.share, sa->data}, a_of_b = {b.share, sa->seen};
    const struct wf_cpace_said b_own = {b.share, sb->data}, b_of_a = {a.share, sb->seen};
    assert_int_equal(wf_cpace_finish(&a, true, sa->in.session, &a_own, &a_of_b, key_a, NULL), 0);
    assert_int_equal(wf_cpace_finish(&b, false, sb->in.session, &b_of_a, &b_own, key_b, NULL), 0);
    wf_cpace_confirm(key_a, sa->in.session, &a_own, tag);
    is_b_content = wf_cpace_is_confirmed(key_b, sb->in.session, &b_of_a, tag);
    assert_false(wf_cpace_is_confirmed(key_b, sb->in.session, &b_own, tag)); /* sent back */
    tag[0] ^= 1;
    assert_false(wf_cpace_is_confirmed(key_b, sb->in.session, &b_of_a, tag));
    wf_cpace_confirm(key_b, sb->in.session, &b_own, tag);
    is_a_content = wf_cpace_is_confirmed(key_a, sa->in.session, &a_of_b, tag);
    assert_int_equal(is_a_content, is_b_content);
    wf_cpace_forget(&a);
    assert_true(sodium_is_zero((uint8_t *)&a, sizeof(a)));
    return is_a_content;
}

static void test_cpace__agrees_only_where_all_is_alike(void **state)
{
    const struct side base = {.in = {WF_STR("123456"), WF_STR("channel"), WF_STR("session")},
                              .data = WF_STR("a"),
                              .seen = WF_STR("b")};
    const struct side other = {.in = base.in, .data = WF_STR("b"), .seen = WF_STR("a")};
    struct side x;
    (void)state;

    assert_true(agree(&base, &other));
    x = other, x.in.password = WF_STR("123457");
    assert_false(agree(&base, &x));
    x = other, x.in.channel = WF_STR("channe1");
    assert_false(agree(&base, &x));
    x = other, x.in.session = WF_STR("");
    assert_false(agree(&base, &x));
    x = other, x.seen = WF_STR("A"); /* changed on its way */
    assert_false(agree(&base, &x));
    x = other, x.data = WF_STR("");
    assert_false(agree(&base, &x));
    /* Where one string ends and the next begins counts. */
    x = other, x.in.channel = WF_STR("channels"), x.in.session = WF_STR("ession");
    assert_false(agree(&base, &x));
}

static void test_cpace__passwords_longer_than_a_block_work(void **state)
{
    static char long_one[300], other_one[300];
    struct side a = {.in = {wf_str_n(long_one, 300), WF_STR("c"), WF_STR("s")}}, b;
    (void)state;

    memset(long_one, 'x', sizeof(long_one));
    memcpy(other_one, long_one, sizeof(other_one));
    b = a, b.in.password = wf_str_n(other_one, 300);
    assert_true(agree(&a, &b));
    other_one[299] = 'y';
    assert_false(agree(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpace__the_drafts_vectors_hold),
        cmocka_unit_test(test_cpace__shares_that_are_none_are_refused),
        cmocka_unit_test(test_cpace__agrees_only_where_all_is_alike),
        cmocka_unit_test(test_cpace__passwords_longer_than_a_block_work),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
