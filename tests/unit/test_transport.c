/* SPDX-License-Identifier: Apache-2.0 */
/* Two transports over loopback: who connects, what comes through, what takes turns, what ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "mesh/tls.h"
#include "support/linked.h"

#define KEYS(l) ((const uint8_t(*)[WF_LINK_KEY_BYTES])(l).key)

static void test_transport__a_paired_node_is_reached_and_named(void **state)
{
    (void)state;
    struct linked a, b;
    struct wf_link_frame f;

    linked_start(&a, 1, false, NULL);
    linked_start(&b, 2, true, NULL);
    f = linked_expect(&b, WF_LINK_FRAME_HELLO);
    assert_memory_equal(f.key, b.key, WF_LINK_KEY_BYTES);
    assert_int_equal(f.number, b.port);
    f = linked_expect(&b, WF_LINK_FRAME_ADDRESSES);
    assert_true(wf_str_starts(f.text, wf_str_from(b.address)));
    linked_allow(&a, KEYS(b), 1);
    linked_allow(&b, KEYS(a), 1);
    linked_dial(&a, 2, b.address, b.key);
    f = linked_expect(&a, WF_LINK_FRAME_UP);
    assert_true(f.peer == 2 && f.is_paired && f.is_dialled);
    assert_memory_equal(f.key, b.key, WF_LINK_KEY_BYTES);
    assert_true(f.skew_ms > -60000 && f.skew_ms < 60000);
    assert_true(wf_str_eq(f.version, WF_STR(WF_VERSION)));
    f = linked_expect(&b, WF_LINK_FRAME_UP);
    assert_true(f.is_paired && !f.is_dialled);
    assert_memory_equal(f.key, a.key, WF_LINK_KEY_BYTES);
    linked_stop(&a);
    f = linked_expect(&b, WF_LINK_FRAME_DOWN);
    assert_true(f.reason == WF_LINK_CLOSED || f.reason == WF_LINK_LOST);
    linked_stop(&b);
}

static void test_transport__ipv6_is_reached_too(void **state)
{
    (void)state;
    struct linked a, b;
    uint64_t at_a, at_b;

    linked_start(&a, 1, false, NULL);
    linked_start(&b, 102, true, NULL);
    linked_pair(&a, &b, &at_a, &at_b);
    linked_send(&b, at_b, WF_LINK_SYNC, WF_STR("over six"));
    assert_true(wf_str_eq(linked_expect(&a, WF_LINK_FRAME_BYTES_CAME).text, WF_STR("over six")));
    linked_stop(&a);
    linked_stop(&b);
}

static void fill(char *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(i * 31 + (i >> 8) * 7 + seed);
}

/* Sizes around all borders, both ways, on all channels. */
static void exchange(struct linked *a, struct linked *b, uint64_t at_a, uint64_t at_b)
{
    const size_t sizes[] = {1, 124, 125, 126, 16366, 16367, 16368, 65536, WF_LINK_MESSAGE_BYTES};
    char *bytes = wf_alloc_array(WF_LINK_MESSAGE_BYTES, 1);

    assert_non_null(bytes);
    for (size_t i = 0; i < WF_ARRAY_LEN(sizes); i++) {
        const unsigned channel = WF_LINK_PAIRING + (unsigned)i % 4;
        struct wf_link_frame f;
        fill(bytes, sizes[i], (unsigned)i);
        linked_send(a, at_a, channel, wf_str_n(bytes, sizes[i]));
        f = linked_expect(b, WF_LINK_FRAME_BYTES_CAME);
        assert_true(f.peer == at_b && f.channel == channel);
        assert_true(wf_str_eq(f.text, wf_str_n(bytes, sizes[i])));
        linked_send(b, at_b, channel, wf_str_n(bytes, sizes[i]));
        f = linked_expect(a, WF_LINK_FRAME_BYTES_CAME);
        assert_true(f.peer == at_a && wf_str_eq(f.text, wf_str_n(bytes, sizes[i])));
    }
    wf_free(bytes);
}

static void test_transport__messages_of_all_sizes_come_through(void **state)
{
    (void)state;
    struct linked a, b;
    uint64_t at_a, at_b;

    linked_start(&a, 1, false, NULL);
    linked_start(&b, 2, true, NULL);
    linked_pair(&a, &b, &at_a, &at_b);
    exchange(&a, &b, at_a, at_b);
    linked_stop(&a);
    linked_stop(&b);
}

static void test_transport__short_reads_and_writes_change_nothing(void **state)
{
    (void)state;
    struct linked a, b;
    uint64_t at_a, at_b;

    wf_tls_short(977);
    linked_start(&a, 1, false, NULL);
    linked_start(&b, 2, true, NULL);
    linked_pair(&a, &b, &at_a, &at_b);
    exchange(&a, &b, at_a, at_b);
    wf_tls_short(0);
    linked_stop(&a);
    linked_stop(&b);
}

/* What a dial of `address` comes to. */
static enum wf_link_reason dial_down(struct linked *l, const char *address, const uint8_t *pin)
{
    static uint64_t id = 1000;

    linked_dial(l, id += 2, address, pin);
    struct wf_link_frame f = linked_expect(l, WF_LINK_FRAME_DOWN);
    assert_true(f.peer == id);
    return f.reason;
}

static void test_transport__who_is_not_paired_is_turned_away_on_both_sides(void **state)
{
    (void)state;
    struct linked a, b, c;
    struct wf_link_frame f;

    linked_start(&a, 1, false, NULL);
    linked_start(&b, 2, true, NULL);
    linked_start(&c, 3, true, NULL);
    uint8_t both[2][WF_LINK_KEY_BYTES];
    memcpy(both[0], b.key, WF_LINK_KEY_BYTES);
    memcpy(both[1], c.key, WF_LINK_KEY_BYTES);
    linked_allow(&a, (const uint8_t(*)[WF_LINK_KEY_BYTES])both, 2);
    /* b knows nobody. */
    assert_int_equal(dial_down(&a, b.address, b.key), WF_LINK_NOT_PAIRED);
    f = linked_expect(&b, WF_LINK_FRAME_KNOCK);
    assert_memory_equal(f.key, a.key, WF_LINK_KEY_BYTES);
    assert_int_equal(f.reason, WF_LINK_NOT_PAIRED);
    /* At b's address there is c: another key than the one looked for. */
    linked_allow(&c, KEYS(a), 1);
    assert_int_equal(dial_down(&a, c.address, b.key), WF_LINK_OTHER_KEY);
    linked_stop(&a);
    linked_stop(&b);
    linked_stop(&c);
}

static void test_transport__a_key_that_is_taken_back_ends_its_connection(void **state)
{
    (void)state;
    struct linked a, b;
    uint64_t at_a, at_b;
    struct wf_link_frame f;

    linked_start(&a, 1, false, NULL);
    linked_start(&b, 2, true, NULL);
    linked_pair(&a, &b, &at_a, &at_b);
    linked_allow(&b, NULL, 0);
    f = linked_expect(&b, WF_LINK_FRAME_DOWN);
    assert_true(f.peer == at_b && f.reason == WF_LINK_NOT_PAIRED);
    f = linked_expect(&a, WF_LINK_FRAME_DOWN);
    assert_true(f.peer == at_a && f.reason == WF_LINK_NOT_PAIRED);
    assert_int_equal(dial_down(&a, b.address, b.key), WF_LINK_NOT_PAIRED);
    linked_stop(&a);
    linked_stop(&b);
}

static void test_transport__strangers_pair_and_do_nothing_else(void **state)
{
    (void)state;
    struct linked a, b;
    struct wf_link_frame f;
    uint64_t at_b;

    linked_start(&a, 1, false, NULL);
    linked_start(&b, 2, true, NULL);
    assert_int_equal(dial_down(&a, b.address, NULL), WF_LINK_NOT_PAIRED); /* nobody pairs */
    linked_pairing(&b, true);
    linked_dial(&b, 2, "not an address", NULL); /* it has heard that */
    linked_expect(&b, WF_LINK_FRAME_DOWN);
    linked_dial(&a, 2, b.address, NULL);
    f = linked_expect(&a, WF_LINK_FRAME_UP);
    assert_false(f.is_paired);
    f = linked_expect(&b, WF_LINK_FRAME_UP);
    assert_false(f.is_paired);
    at_b = f.peer;
    linked_send(&a, 2, WF_LINK_PAIRING, WF_STR("commit"));
    f = linked_expect(&b, WF_LINK_FRAME_BYTES_CAME);
    assert_true(f.channel == WF_LINK_PAIRING && wf_str_eq(f.text, WF_STR("commit")));
    /* It ends with the pairing. */
    linked_pairing(&b, false);
    f = linked_expect(&b, WF_LINK_FRAME_DOWN);
    assert_true(f.peer == at_b && f.reason == WF_LINK_ENDED_HERE);
    linked_expect(&a, WF_LINK_FRAME_DOWN);
    linked_stop(&a);
    linked_stop(&b);
}

/* One that was taken out and has not heard of it calls again and again, also while the door stands
 * open: it takes no place and no try of those who come to be paired. */
static void test_transport__who_looks_for_a_paired_one_is_no_stranger(void **state)
{
    (void)state;
    struct linked out, guests[3], b;
    struct wf_link_frame f;

    linked_start(&b, 2, true, NULL);
    linked_start(&out, 1, false, NULL);
    linked_allow(&out, KEYS(b), 1);
    linked_pairing(&b, true);
    linked_dial(&b, 2, "not an address", NULL); /* it has heard that */
    linked_expect(&b, WF_LINK_FRAME_DOWN);
    for (int i = 0; i < 8; i++) {
        linked_dial(&out, 2 * (uint64_t)i + 2, b.address, b.key);
        assert_true(linked_any(&out, &f, 20000));
        while (f.kind != WF_LINK_FRAME_DOWN) {
            assert_int_not_equal(f.kind, WF_LINK_FRAME_UP);
            assert_true(linked_any(&out, &f, 20000));
        }
        assert_int_equal(f.reason, WF_LINK_NOT_PAIRED);
        f = linked_expect(&b, WF_LINK_FRAME_KNOCK);
        assert_memory_equal(f.key, out.key, WF_LINK_KEY_BYTES);
    }
    for (int i = 0; i < 3; i++) {
        linked_start(&guests[i], (uint8_t)(3 + i), false, NULL);
        if (i == 2) { /* two of an address at once; it hears why it must wait */
            assert_int_equal(dial_down(&guests[i], b.address, NULL), WF_LINK_TOO_MUCH);
            break;
        }
        linked_dial(&guests[i], 2, b.address, NULL);
        f = linked_expect(&guests[i], WF_LINK_FRAME_UP);
        assert_false(f.is_paired);
    }
    for (int i = 0; i < 3; i++)
        linked_stop(&guests[i]);
    linked_stop(&out);
    linked_stop(&b);
}

/* A core that sends a stranger more than pairing is not obeyed: that is the last line. */
static void test_transport__a_core_that_lies_is_left(void **state)
{
    (void)state;
    struct linked a, b;
    struct wf_link_frame f;

    linked_start(&a, 1, false, NULL);
    linked_start(&b, 2, true, NULL);
    linked_pairing(&b, true);
    linked_dial(&b, 2, "not an address", NULL);
    linked_expect(&b, WF_LINK_FRAME_DOWN);
    linked_dial(&a, 2, b.address, NULL);
    linked_expect(&a, WF_LINK_FRAME_UP);
    linked_send(&a, 2, WF_LINK_SYNC, WF_STR("secret of the space"));
    while (linked_any(&a, &f, 20000)) /* until it ends */
        assert_int_not_equal(f.kind, WF_LINK_FRAME_BYTES_CAME);
    f = linked_expect(&b, WF_LINK_FRAME_UP);
    assert_false(f.is_paired);
    f = linked_expect(&b, WF_LINK_FRAME_DOWN); /* and no bytes in between */
    linked_stop(&a);
    linked_stop(&b);
}

static void test_transport__a_stranger_that_sends_much_is_ended(void **state)
{
    (void)state;
    struct linked a, b;
    struct wf_link_frame f;
    char bytes[8192];

    fill(bytes, sizeof(bytes), 1);
    linked_start(&a, 1, false, NULL);
    linked_start(&b, 2, true, NULL);
    linked_pairing(&b, true);
    linked_dial(&b, 2, "not an address", NULL);
    linked_expect(&b, WF_LINK_FRAME_DOWN);
    linked_dial(&a, 2, b.address, NULL);
    linked_expect(&a, WF_LINK_FRAME_UP);
    for (size_t i = 0; i < WF_LINK_STRANGER_BYTES / sizeof(bytes) + 1; i++)
        linked_send(&a, 2, WF_LINK_PAIRING, wf_str_n(bytes, sizeof(bytes)));
    f = linked_expect(&a, WF_LINK_FRAME_DOWN);
    assert_int_equal(f.reason, WF_LINK_TOO_MUCH);
    linked_stop(&a);
    linked_stop(&b);
}

static void test_transport__what_cannot_be_reached_is_told_why(void **state)
{
    (void)state;
    struct linked a, b;
    char closed[64];

    linked_start(&a, 1, false, NULL);
    linked_start(&b, 2, true, NULL);
    snprintf(closed, sizeof(closed), "%s", b.address);
    linked_stop(&b);
    assert_int_equal(dial_down(&a, closed, NULL), WF_LINK_PORT_CLOSED);
    assert_int_equal(dial_down(&a, "", NULL), WF_LINK_NO_NAME);
    assert_int_equal(dial_down(&a, "a b:1", NULL), WF_LINK_NO_NAME);
    assert_int_equal(dial_down(&a, "weft.invalid:1", NULL), WF_LINK_NO_NAME);
    linked_stop(&a);
}

static void test_transport__one_of_two_connections_stays(void **state)
{
    (void)state;
    struct linked a, b;
    struct wf_link_frame f;
    uint64_t first_a, first_b;
    unsigned n_down = 0;

    linked_start(&a, 1, true, NULL);
    linked_start(&b, 2, true, NULL);
    linked_pair(&a, &b, &first_a, &first_b);
    linked_dial(&b, 3000, a.address, a.key); /* the other way, too */
    f = linked_expect(&b, WF_LINK_FRAME_DOWN);
    assert_true(f.reason == WF_LINK_REPLACED || f.reason == WF_LINK_CLOSED);
    assert_int_equal(f.peer, 3000);
    /* The first one lives. */
    linked_send(&a, first_a, WF_LINK_SYNC, WF_STR("still"));
    f = linked_expect(&b, WF_LINK_FRAME_BYTES_CAME);
    assert_true(f.peer == first_b);
    while (linked_next(&a, WF_LINK_FRAME_DOWN, &f, 50))
        n_down++;
    assert_int_equal(n_down, 0);
    linked_stop(&a);
    linked_stop(&b);
}

/* What one side has been told of connections so far. */
struct tally {
    uint64_t up; /* the one that is there; 0: none */
    unsigned n_up;
};

/* Takes what comes within wait_ms; true when bytes came. */
static bool tally(struct linked *l, struct tally *io, int wait_ms)
{
    struct wf_link_frame f;

    while (linked_any(l, &f, wait_ms)) {
        if (f.kind == WF_LINK_FRAME_UP) {
            io->up = f.peer;
            io->n_up++;
        } else if (f.kind == WF_LINK_FRAME_DOWN && f.peer == io->up) {
            io->up = 0;
        } else if (f.kind == WF_LINK_FRAME_BYTES_CAME) {
            return true;
        }
    }
    return false;
}

/* Both dial at once, again and again: one connection stays, the same at both ends. */
static void test_transport__both_may_dial_at_once(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 8; round++) {
        struct tally at_a = {0, 0}, at_b = {0, 0};
        struct linked a, b;
        bool came = false;
        linked_start(&a, 1, true, NULL);
        linked_start(&b, 2, true, NULL);
        linked_allow(&a, KEYS(b), 1);
        linked_allow(&b, KEYS(a), 1);
        linked_dial(&a, 3002, "not an address", NULL);
        linked_dial(&b, 3002, "not an address", NULL);
        linked_expect(&a, WF_LINK_FRAME_DOWN);
        linked_expect(&b, WF_LINK_FRAME_DOWN);
        linked_dial(&a, 3000, b.address, b.key);
        linked_dial(&b, 3000, a.address, a.key);
        for (int i = 0; !came && i < 200; i++) {
            (void)tally(&a, &at_a, 100);
            came = tally(&b, &at_b, 100);
            if (!came && at_a.up != 0 && at_b.up != 0)
                linked_send(&a, at_a.up, WF_LINK_PRESENCE, WF_STR("here"));
        }
        assert_true(came);
        assert_in_range(at_a.n_up, 1, 2);
        assert_in_range(at_b.n_up, 1, 2);
        linked_stop(&a);
        linked_stop(&b);
    }
}

/* Behind megabytes of a sync, presence comes long before their end. */
static void test_transport__a_big_sync_does_not_hold_up_presence(void **state)
{
    (void)state;
    struct linked a, b;
    uint64_t at_a, at_b;
    size_t n_sync = 0, n_before = SIZE_MAX;
    char *bytes = wf_alloc_array(WF_LINK_WINDOW_BYTES, 1);

    assert_non_null(bytes);
    linked_start(&a, 1, false, NULL);
    linked_start(&b, 2, true, NULL);
    linked_pair(&a, &b, &at_a, &at_b);
    /* 2 MiB of sync are queued in a row; presence stands behind all of them. */
    linked_send(&a, at_a, WF_LINK_SYNC, wf_str_n(bytes, WF_LINK_WINDOW_BYTES - 1));
    linked_send(&a, at_a, WF_LINK_SYNC, wf_str_n(bytes, WF_LINK_WINDOW_BYTES));
    linked_send(&a, at_a, WF_LINK_PRESENCE, WF_STR("typing"));
    for (unsigned i = 0; i < 3; i++) {
        struct wf_link_frame f = linked_expect(&b, WF_LINK_FRAME_BYTES_CAME);
        if (f.channel == WF_LINK_PRESENCE)
            n_before = n_sync;
        else
            n_sync++;
    }
    assert_true(n_before <= 1); /* not behind both */
    wf_free(bytes);
    linked_stop(&a);
    linked_stop(&b);
}

static void test_transport__more_than_the_window_is_a_lie(void **state)
{
    (void)state;
    struct linked a, b;
    uint64_t at_a, at_b;
    struct wf_link_frame f;
    char *bytes = wf_alloc_array(WF_LINK_WINDOW_BYTES, 1);
    size_t sent = 0, credit = 0;

    assert_non_null(bytes);
    linked_start(&a, 1, false, NULL);
    linked_start(&b, 2, true, NULL);
    linked_pair(&a, &b, &at_a, &at_b);
    /* b's core takes nothing: what a may send ends, and goes on when b reads again. */
    while (sent - credit < WF_LINK_WINDOW_BYTES) {
        linked_send(&a, at_a, WF_LINK_SYNC, wf_str_n(bytes, 256u << 10));
        sent += 256u << 10;
        while (linked_next(&a, WF_LINK_FRAME_CREDIT, &f, 300))
            credit += f.number;
        assert_true(sent < (size_t)256 << 20); /* it is bounded somewhere */
    }
    for (size_t got = 0; got < sent;)
        got += linked_expect(&b, WF_LINK_FRAME_BYTES_CAME).text.len;
    f = linked_expect(&a, WF_LINK_FRAME_CREDIT);
    assert_int_equal(f.channel, WF_LINK_SYNC);
    assert_true(f.number > 0);
    wf_free(bytes);
    linked_stop(&a);
    linked_stop(&b);
}

static void test_transport__silence_is_asked_about_and_answered(void **state)
{
    (void)state;
    const struct wf_transport_options o = {
        .times = {.ping_ms = 40, .ping_max_ms = 80, .pong_ms = 20000}};
    struct linked a, b;
    uint64_t at_a, at_b;
    struct wf_link_frame f;

    linked_start(&a, 1, false, &o);
    linked_start(&b, 2, true, &o);
    linked_pair(&a, &b, &at_a, &at_b);
    struct wf_tls_counts before = wf_tls_counts();
    assert_false(linked_next(&a, WF_LINK_FRAME_DOWN, &f, 600));
    struct wf_tls_counts after = wf_tls_counts();
    assert_true(after.out - before.out > 2 * 24); /* pings and pongs */
    assert_true(after.out - before.out < 600 / 40 * 2 * 2 * 64);
    linked_send(&a, at_a, WF_LINK_SYNC, WF_STR("awake"));
    linked_expect(&b, WF_LINK_FRAME_BYTES_CAME);
    linked_stop(&a);
    linked_stop(&b);
}

/* A laptop that was shut: core hears of it, and a connection that is still there goes on. */
static void test_transport__a_sleep_is_noticed_and_survived(void **state)
{
    (void)state;
    const struct wf_transport_options o = {.times = {.ping_ms = 3600000}};
    struct linked a, b;
    uint64_t at_a, at_b;
    struct wf_link_frame f;

    linked_start(&a, 1, false, &o);
    linked_start(&b, 2, true, &o);
    linked_pair(&a, &b, &at_a, &at_b);
    struct wf_tls_counts before = wf_tls_counts();
    wf_transport_sleep(INT64_C(600) * 1000000000);
    linked_dial(&a, 900, "not an address", NULL); /* it wakes */
    f = linked_expect(&a, WF_LINK_FRAME_CHANGED);
    assert_true(f.is_on);
    assert_false(linked_next(&a, WF_LINK_FRAME_DOWN, &f, 0) && f.peer == at_a);
    linked_send(&a, at_a, WF_LINK_SYNC, WF_STR("good morning"));
    linked_expect(&b, WF_LINK_FRAME_BYTES_CAME);
    assert_true(wf_tls_counts().out > before.out + 24); /* it was asked whether it is there */
    linked_stop(&a);
    linked_stop(&b);
}

/* The n-th call on the network fails, for all n: each side hears of an end, nothing hangs, nothing
 * leaks (the sanitizer tells), and the next connection works. */
static void test_transport__any_call_may_fail(void **state)
{
    (void)state;
    struct linked a, b;
    struct wf_link_frame f;
    uint64_t n, id = 10;

    const struct wf_transport_options o = {.accepts_of_address = 10000};
    linked_start(&a, 1, false, &o);
    linked_start(&b, 2, true, &o);
    linked_allow(&a, KEYS(b), 1);
    linked_allow(&b, KEYS(a), 1);
    linked_dial(&b, 2, "not an address", NULL);
    linked_expect(&b, WF_LINK_FRAME_DOWN);
    for (n = 1; n < 200; n++) {
        bool is_up = false;
        wf_tls_fail_at(n);
        linked_dial(&a, id += 2, b.address, b.key);
        while (linked_any(&a, &f, 20000)) {
            is_up = is_up || f.kind == WF_LINK_FRAME_UP;
            if (f.kind == WF_LINK_FRAME_UP)
                linked_send(&a, id, WF_LINK_SYNC, WF_STR("a message"));
            if (f.kind == WF_LINK_FRAME_UP)
                linked_close(&a, id);
            if (f.kind == WF_LINK_FRAME_DOWN && f.peer == id)
                break;
        }
        assert_int_equal(f.kind, WF_LINK_FRAME_DOWN);
        if (!wf_tls_failed() && is_up)
            break;
    }
    wf_tls_fail_at(0);
    assert_in_range(n, 5, 199);
    linked_dial(&a, id += 2, b.address, b.key);
    do
        f = linked_expect(&a, WF_LINK_FRAME_UP);
    while (f.peer != id);
    linked_stop(&a);
    linked_stop(&b);
}

/* The n-th allocation of the transports fails: an end is told, and the process goes on or ends in
 * good order. */
static void test_transport__any_allocation_may_fail(void **state)
{
    (void)state;
    const struct wf_transport_options o = {.accepts_of_address = 10000};

    for (uint64_t n = 1; n < 25; n++) {
        struct linked a, b;
        struct wf_link_frame f;
        linked_start(&a, 1, false, &o);
        linked_start(&b, 2, true, &o);
        linked_allow(&a, KEYS(b), 1);
        linked_allow(&b, KEYS(a), 1);
        linked_dial(&b, 2, "not an address", NULL);
        linked_expect(&b, WF_LINK_FRAME_DOWN);
        linked_dial(&a, 4, "not an address", NULL);
        linked_expect(&a, WF_LINK_FRAME_DOWN);
        wf_alloc_fail_at(n);
        linked_dial(&a, 2, b.address, b.key);
        while (linked_any(&a, &f, 150)) {
            if (f.kind == WF_LINK_FRAME_UP)
                linked_send(&a, 2, WF_LINK_SYNC, WF_STR("a message"));
            if (f.kind == WF_LINK_FRAME_DOWN)
                break;
        }
        wf_alloc_fail_at(0);
        linked_stop(&a);
        linked_stop(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transport__a_paired_node_is_reached_and_named),
        cmocka_unit_test(test_transport__ipv6_is_reached_too),
        cmocka_unit_test(test_transport__messages_of_all_sizes_come_through),
        cmocka_unit_test(test_transport__short_reads_and_writes_change_nothing),
        cmocka_unit_test(test_transport__who_is_not_paired_is_turned_away_on_both_sides),
        cmocka_unit_test(test_transport__a_key_that_is_taken_back_ends_its_connection),
        cmocka_unit_test(test_transport__strangers_pair_and_do_nothing_else),
        cmocka_unit_test(test_transport__who_looks_for_a_paired_one_is_no_stranger),
        cmocka_unit_test(test_transport__a_core_that_lies_is_left),
        cmocka_unit_test(test_transport__a_stranger_that_sends_much_is_ended),
        cmocka_unit_test(test_transport__what_cannot_be_reached_is_told_why),
        cmocka_unit_test(test_transport__one_of_two_connections_stays),
        cmocka_unit_test(test_transport__both_may_dial_at_once),
        cmocka_unit_test(test_transport__a_big_sync_does_not_hold_up_presence),
        cmocka_unit_test(test_transport__more_than_the_window_is_a_lie),
        cmocka_unit_test(test_transport__silence_is_asked_about_and_answered),
        cmocka_unit_test(test_transport__a_sleep_is_noticed_and_survived),
        cmocka_unit_test(test_transport__any_call_may_fail),
        cmocka_unit_test(test_transport__any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
