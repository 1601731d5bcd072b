/* SPDX-License-Identifier: Apache-2.0 */
/* Pairing, both machines in one process: they come to one list and the same words; a wrong code,
 * somebody between, changed, lost, repeated and misplaced messages do not; what a crash leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "support/paired.h"

#define N_MESSAGES 10u

static struct paired_world w;

static void run(const char *shown, const char *typed)
{
    assert_int_equal(paired_begin(&w, shown, typed, NULL), 0);
    paired_run(&w, NULL, NULL);
}

static bool are_done(void)
{
    return wf_pairing_state(w.s) == WF_PAIRING_DONE && wf_pairing_state(w.j) == WF_PAIRING_DONE;
}

static bool is_in(const struct wf_devices *d, const struct paired_side *s)
{
    const struct wf_devices_entry *e = wf_devices_by_node(d, s->who.entry.node);

    return d->version != 0 && e != NULL && e->revoked_ms == 0;
}

static void test_pairing__both_hold_one_list_and_show_the_same_words(void **state)
{
    char one[WF_PHRASE_COMPARED_TEXT_BYTES], two[WF_PHRASE_COMPARED_TEXT_BYTES];
    (void)state;

    paired_init(&w, 1);
    assert_int_equal(paired_begin(&w, "482913", "482913", NULL), 0);
    assert_false(wf_pairing_compared(w.s, one));
    assert_null(wf_pairing_other(w.s));
    assert_int_equal(paired_run(&w, NULL, NULL), N_MESSAGES);
    assert_true(are_done());
    assert_int_equal(wf_devices_compare(&w.shower.held, &w.joiner.held), WF_DEVICES_SAME);
    assert_true(is_in(&w.joiner.held, &w.shower) && is_in(&w.shower.held, &w.joiner));
    assert_int_equal(w.joiner.held.version, 2);
    assert_int_equal(w.n_tries, 1);
    assert_int_equal(w.n_used, 1);
    assert_true(wf_pairing_compared(w.s, one) && wf_pairing_compared(w.j, two));
    assert_string_equal(one, two);
    assert_string_equal(wf_pairing_other(w.s)->name, "phone");
    assert_string_equal(wf_pairing_other(w.j)->name, "laptop");
    paired_end(&w);
}

static void test_pairing__what_is_scanned_pairs_too(void **state)
{
    struct wf_pairing *shower;
    (void)state;

    paired_init(&w, 17);
    w.is_scanned = true;
    run("KJH2", "KJH2");
    assert_true(are_done());
    paired_end(&w);
    /* Typed, where only the picture was shown. */
    assert_int_equal(paired_begin(&w, "1", "1", NULL), 0);
    wf_pairing_free(w.j);
    shower = w.s;
    w.is_scanned = false;
    assert_int_equal(paired_begin(&w, "1", "1", NULL), 0);
    wf_pairing_free(w.s);
    w.s = shower;
    paired_run(&w, NULL, NULL);
    assert_int_equal(w.j_err.code, WF_E_NOENT);
    assert_int_equal(w.s_err.code, WF_E_NOENT);
    paired_end(&w);
}

static void test_pairing__a_wrong_code_is_refused_and_counted(void **state)
{
    (void)state;
    paired_init(&w, 2);
    run("482913", "482914");
    assert_int_equal(w.s_err.code, WF_E_DENIED);
    assert_int_equal(w.j_err.code, WF_E_DENIED);
    assert_non_null(strstr(w.j_err.msg, "not the code"));
    assert_int_equal(w.n_tries, 1);
    assert_int_equal(w.n_used, 0);
    assert_int_equal(w.joiner.held.version + w.joiner.kept.version, 0);
    assert_false(is_in(&w.shower.held, &w.joiner));
    paired_end(&w);
}

static void test_pairing__a_try_too_soon_says_how_long_to_wait(void **state)
{
    (void)state;
    paired_init(&w, 3);
    w.refuse_try = WF_E_BUSY;
    run("482913", "482913");
    assert_int_equal(w.j_err.code, WF_E_BUSY);
    assert_non_null(strstr(w.j_err.msg, "42 seconds"));
    paired_end(&w);
    w.refuse_try = WF_E_NOENT;
    run("482913", "482913");
    assert_int_equal(w.j_err.code, WF_E_NOENT);
    paired_end(&w);
    assert_int_equal(w.joiner.held.version, 0);
}

/* Somebody between has other transport keys; the code is right. */
static void test_pairing__somebody_between_is_refused(void **state)
{
    uint8_t own[32];
    (void)state;

    paired_init(&w, 4);
    memcpy(own, w.joiner.who.entry.transport, sizeof(own));
    randombytes_buf(w.joiner.who.entry.transport, 32); /* what the shower sees */
    assert_int_equal(paired_begin(&w, "1", "1", NULL), 0);
    wf_pairing_free(w.j);
    memcpy(w.joiner.who.entry.transport, own, sizeof(own));
    struct wf_pairing *s = w.s;
    assert_int_equal(paired_begin(&w, "1", "1", NULL), 0);
    wf_pairing_free(w.s);
    w.s = s;
    paired_run(&w, NULL, NULL);
    assert_int_equal(w.s_err.code, WF_E_DENIED);
    assert_int_equal(w.j_err.code, WF_E_DENIED);
    assert_int_equal(w.joiner.kept.version, 0);
    paired_end(&w);
}

/* ---- messages that are not as they were ---- */

struct change {
    unsigned i;
    size_t at;
    uint8_t with;
    bool happened;
    size_t bytes; /* of the message */
};

static bool flip(void *ud, unsigned i, struct wf_buf *message)
{
    struct change *c = ud;

    if (i != c->i)
        return true;
    c->bytes = message->len;
    if (c->at < message->len) {
        message->ptr[c->at] = (char)(message->ptr[c->at] ^ c->with);
        c->happened = true;
    }
    return true;
}

/* Whatever happened: nobody holds to a list that the other does not hold or keep. */
static void check_no_half(void)
{
    if (is_in(&w.shower.held, &w.joiner))
        assert_true(w.joiner.kept.version != 0 || w.joiner.held.version != 0);
    if (w.joiner.held.version != 0)
        assert_true(is_in(&w.shower.held, &w.joiner));
}

static void test_pairing__any_changed_byte_ends_it(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_MESSAGES; i++) {
        struct change c = {.i = i, .with = 1};
        do {
            c.happened = false;
            paired_init(&w, 5);
            assert_int_equal(paired_begin(&w, "482913", "482913", NULL), 0);
            paired_run(&w, flip, &c);
            assert_true(c.bytes > 0);
            if (c.happened)
                assert_false(are_done());
            check_no_half();
            paired_end(&w);
            c.at += c.at < 40 ? 7 : 53;
        } while (c.happened);
    }
}

static bool cut_short(void *ud, unsigned i, struct wf_buf *message)
{
    struct change *c = ud;

    if (i == c->i)
        c->at == 0 ? wf_buf_truncate(message, message->len - 1)
                   : (void)wf_buf_append_byte(message, 0);
    return true;
}

static void test_pairing__a_byte_too_many_or_too_few_ends_it(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * N_MESSAGES; i++) {
        struct change c = {.i = i / 2, .at = i % 2};
        paired_init(&w, 6);
        assert_int_equal(paired_begin(&w, "482913", "482913", NULL), 0);
        paired_run(&w, cut_short, &c);
        assert_false(are_done());
        check_no_half();
        paired_end(&w);
    }
}

/* Keeps messages of a run, and puts one of them in the place of another. */
struct replay {
    char *kept[N_MESSAGES];
    size_t bytes[N_MESSAGES];
    unsigned from, to; /* to == N_MESSAGES: record only */
};

static bool replay(void *ud, unsigned i, struct wf_buf *message)
{
    struct replay *r = ud;

    if (r->to == N_MESSAGES && i < N_MESSAGES) {
        r->kept[i] = wf_memdup0(message->ptr, message->len);
        r->bytes[i] = message->len;
    } else if (i == r->to) {
        wf_buf_reset(message);
        wf_buf_append(message, r->kept[r->from], r->bytes[r->from]);
    }
    return true;
}

static void test_pairing__replayed_and_misplaced_messages_end_it(void **state)
{
    struct replay r = {.to = N_MESSAGES};
    (void)state;

    paired_init(&w, 7);
    assert_int_equal(paired_begin(&w, "482913", "482913", NULL), 0);
    paired_run(&w, replay, &r);
    assert_true(are_done());
    paired_end(&w);
    for (r.to = 0; r.to < N_MESSAGES; r.to++) {
        for (r.from = 0; r.from < N_MESSAGES; r.from++) {
            paired_init(&w, 7);
            (void)wf_rng_u64(&w.rng.rng); /* the same devices, another run */
            assert_int_equal(paired_begin(&w, "482913", "482913", NULL), 0);
            paired_run(&w, replay, &r);
            assert_false(are_done());
            check_no_half();
            paired_end(&w);
        }
    }
    for (unsigned i = 0; i < N_MESSAGES; i++)
        wf_free(r.kept[i]);
}

/* ---- loss ---- */

static bool lose(void *ud, unsigned i, struct wf_buf *message)
{
    (void)message;
    return i != *(unsigned *)ud;
}

/* After a break at any message both are asked, and agree. */
static void test_pairing__after_a_break_both_or_none_are_paired(void **state)
{
    struct wf_buf q, a;
    (void)state;

    wf_buf_init(&q, 100);
    wf_buf_init(&a, 100);
    for (unsigned i = 0; i <= N_MESSAGES; i++) {
        paired_init(&w, 8);
        assert_int_equal(paired_begin(&w, "482913", "482913", NULL), 0);
        paired_run(&w, lose, &i);
        paired_end(&w);
        if (w.joiner.kept.version != 0) {
            int answer;
            wf_buf_reset(&q);
            wf_buf_reset(&a);
            wf_pairing_ask(&w.joiner.kept, &q);
            assert_true(wf_pairing_answer(&w.shower.held, w.joiner.who.entry.transport,
                                          wf_buf_str(&q), &a));
            answer = wf_pairing_answered(&w.joiner.kept, wf_buf_str(&a));
            assert_int_equal(answer, i == N_MESSAGES - 1 ? 1 : -1);
            if (answer == 1)
                w.joiner.held = w.joiner.kept;
            w.joiner.kept.version = 0;
        }
        assert_int_equal(w.joiner.held.version != 0, is_in(&w.shower.held, &w.joiner));
        assert_int_equal(w.joiner.held.version != 0, i >= N_MESSAGES - 1);
        /* And may be paired anew. */
        run("771100", "771100");
        assert_true(are_done());
        assert_int_equal(wf_devices_compare(&w.shower.held, &w.joiner.held), WF_DEVICES_SAME);
        paired_end(&w);
    }
    wf_buf_deinit(&q);
    wf_buf_deinit(&a);
}

static void test_pairing__questions_of_strangers_are_answered_no(void **state)
{
    const uint8_t stranger[32] = {9};
    struct wf_buf q, a;
    (void)state;

    wf_buf_init(&q, 100);
    wf_buf_init(&a, 100);
    paired_init(&w, 9);
    wf_pairing_ask(&w.shower.held, &q);
    assert_true(wf_pairing_answer(&w.shower.held, stranger, wf_buf_str(&q), &a));
    assert_int_equal(wf_pairing_answered(&w.shower.held, wf_buf_str(&a)), -1);
    assert_int_equal(wf_pairing_answered(&w.shower.held, WF_STR("")), 0);
    assert_int_equal(wf_pairing_answered(&w.shower.held, wf_buf_str(&q)), 0);
    assert_false(wf_pairing_answer(&w.shower.held, stranger, wf_buf_str(&a), &q));
    wf_buf_deinit(&q);
    wf_buf_deinit(&a);
}

static void test_pairing__a_disk_that_fails_pairs_nobody(void **state)
{
    (void)state;
    paired_init(&w, 10);
    w.refuse_file = WF_E_FULL;
    run("482913", "482913");
    assert_int_equal(w.j_err.code, WF_E_FULL);
    assert_int_equal(w.s_err.code, WF_E_CANCELED);
    assert_int_equal(w.joiner.held.version + w.joiner.kept.version, 0);
    assert_false(is_in(&w.shower.held, &w.joiner));
    paired_end(&w);
}

/* ---- who ---- */

static void test_pairing__one_with_another_owner_is_told_so(void **state)
{
    static struct paired_world other;
    (void)state;

    paired_init(&other, 100);
    paired_init(&w, 11);
    w.joiner.held = other.shower.held;
    run("482913", "482913");
    assert_int_equal(w.s_err.code, WF_E_EXIST);
    assert_int_equal(w.j_err.code, WF_E_EXIST);
    assert_int_equal(w.joiner.kept.version, 0);
    paired_end(&w);
}

static void test_pairing__lists_of_one_owner_come_together(void **state)
{
    (void)state;
    /* The joiner was paired, away, and is paired again. */
    paired_init(&w, 12);
    run("1", "1");
    paired_end(&w);
    run("2", "2");
    assert_true(are_done());
    assert_int_equal(w.shower.held.version, 3);
    assert_int_equal(w.shower.held.n_entries, 2);
    paired_end(&w);
    /* The owner's key was recovered at the joiner: there it signed a list of its own. */
    w.joiner.held = (struct wf_devices){.version = 0};
    wf_devices_begin(&w.joiner.held, w.owner.id, w.joiner.who.entry.node, 5);
    assert_int_equal(wf_devices_add(&w.joiner.held, &w.joiner.who.entry, NULL), 0);
    assert_int_equal(wf_devices_sign(&w.joiner.held, &w.owner, NULL), 0);
    run("3", "3");
    assert_true(are_done());
    assert_int_equal(wf_devices_compare(&w.shower.held, &w.joiner.held), WF_DEVICES_SAME);
    assert_int_equal(w.shower.held.n_entries, 2);
    paired_end(&w);
}

static void test_pairing__the_scanned_fingerprint_must_be_the_showers(void **state)
{
    char right[WF_FINGERPRINT_TEXT_BYTES], wrong[WF_FINGERPRINT_TEXT_BYTES];
    (void)state;

    paired_init(&w, 13);
    wf_fingerprint(w.shower.who.entry.node, right);
    assert_int_equal(strlen(right), WF_FINGERPRINT_TEXT_BYTES - 1);
    wf_fingerprint(w.joiner.who.entry.node, wrong);
    assert_string_not_equal(right, wrong);
    assert_int_equal(paired_begin(&w, "1", "1", wrong), 0);
    paired_run(&w, NULL, NULL);
    assert_int_equal(w.j_err.code, WF_E_DENIED);
    assert_int_equal(w.joiner.kept.version, 0);
    paired_end(&w);
    assert_int_equal(paired_begin(&w, "1", "1", right), 0);
    paired_run(&w, NULL, NULL);
    assert_true(are_done());
    paired_end(&w);
}

static void test_pairing__keys_that_are_not_its_own_are_refused(void **state)
{
    struct wf_pairing_who who;
    (void)state;

    paired_init(&w, 14);
    who = w.joiner.who;
    for (int i = 0; i < 4; i++) {
        w.joiner.who = who;
        if (i == 0)
            w.joiner.who.device_cert[100] ^= 1;
        else if (i == 1)
            w.joiner.who.transport_cert[20] ^= 1;
        else if (i == 2) /* a device key that it has not */
            memcpy(w.joiner.who.entry.device, w.shower.who.entry.device, 32);
        else /* another node's name and papers, which it heard of */
            w.joiner.who = w.shower.who,
            memcpy(w.joiner.who.entry.transport, who.entry.transport, 32);
        run("1", "1");
        assert_int_not_equal(w.s_err.code, 0);
        assert_int_equal(w.j_err.code, WF_E_CANCELED);
        assert_int_equal(w.shower.held.version, 1);
        paired_end(&w);
    }
}

static void test_pairing__empty_and_endless_codes_are_none(void **state)
{
    char long_one[WF_PAIRING_SECRET_MAX + 2];
    (void)state;

    memset(long_one, '1', sizeof(long_one));
    long_one[sizeof(long_one) - 1] = 0;
    paired_init(&w, 15);
    assert_int_equal(paired_begin(&w, "", "1", NULL), WF_E_INVAL);
    paired_end(&w);
    assert_int_equal(paired_begin(&w, "1", long_one, NULL), WF_E_INVAL);
    paired_end(&w);
}

static void test_pairing__fails_cleanly_without_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        paired_init(&w, 16);
        wf_alloc_fail_at(n);
        if (paired_begin(&w, "1", "1", NULL) == 0)
            paired_run(&w, NULL, NULL);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        check_no_half();
        if (w.s != NULL && w.j != NULL && !failed)
            assert_true(are_done());
        paired_end(&w);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairing__both_hold_one_list_and_show_the_same_words),
        cmocka_unit_test(test_pairing__what_is_scanned_pairs_too),
        cmocka_unit_test(test_pairing__a_wrong_code_is_refused_and_counted),
        cmocka_unit_test(test_pairing__a_try_too_soon_says_how_long_to_wait),
        cmocka_unit_test(test_pairing__somebody_between_is_refused),
        cmocka_unit_test(test_pairing__any_changed_byte_ends_it),
        cmocka_unit_test(test_pairing__a_byte_too_many_or_too_few_ends_it),
        cmocka_unit_test(test_pairing__replayed_and_misplaced_messages_end_it),
        cmocka_unit_test(test_pairing__after_a_break_both_or_none_are_paired),
        cmocka_unit_test(test_pairing__questions_of_strangers_are_answered_no),
        cmocka_unit_test(test_pairing__a_disk_that_fails_pairs_nobody),
        cmocka_unit_test(test_pairing__one_with_another_owner_is_told_so),
        cmocka_unit_test(test_pairing__lists_of_one_owner_come_together),
        cmocka_unit_test(test_pairing__the_scanned_fingerprint_must_be_the_showers),
        cmocka_unit_test(test_pairing__keys_that_are_not_its_own_are_refused),
        cmocka_unit_test(test_pairing__empty_and_endless_codes_are_none),
        cmocka_unit_test(test_pairing__fails_cleanly_without_memory),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
