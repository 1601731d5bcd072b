/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of two cores in one process: both know each other and nobody else reads; what is
 * changed, repeated, lost or out of order ends the session and says so; a machine between the two,
 * a device that is out, an old handshake, and one that never comes to its end get none. */
#include "mesh/sealed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "mesh/sealed_session.h"
#include "support/sealed_world.h"

#define MARKER "the marker that nobody on the way may read"

/* What one node was told. */
struct heard {
    unsigned n_up, n_down, n_bytes, n_room;
    uint64_t peer;
    char name[WF_DEVICES_NAME_BYTES + 1];
    char words[200];
    struct wf_buf last;
};

static struct sealed_world w;
static struct heard heard[SEALED_NODES_MAX];

static void on_up(void *ud, uint64_t peer, const struct wf_devices_entry *e)
{
    struct heard *h = ud;

    h->n_up++;
    h->peer = peer;
    (void)snprintf(h->name, sizeof(h->name), "%s", e->name);
}

static void on_bytes(void *ud, uint64_t peer, struct wf_str bytes)
{
    struct heard *h = ud;

    assert_int_equal(peer, h->peer);
    assert_true(h->n_up > h->n_down);
    h->n_bytes++;
    wf_buf_reset(&h->last);
    (void)wf_buf_append_str(&h->last, bytes); /* an allocation that fails is the test's own */
}

static void on_room(void *ud, uint64_t peer)
{
    (void)peer;
    ((struct heard *)ud)->n_room++;
}

static void on_down(void *ud, uint64_t peer, struct wf_str words)
{
    struct heard *h = ud;

    assert_int_equal(peer, h->peer);
    h->n_down++;
    (void)snprintf(h->words, sizeof(h->words), "%.*s", WF_STR_ARG(words));
}

/* Makes the box a device of another person, with whom a space is shared, or none is. */
static void part(bool is_shared)
{
    const struct wf_devices all = w.nodes[0].list;
    uint8_t at[WF_DEVICES_KEY_BYTES] = {1};

    for (size_t i = 0; i < 2; i++) {
        struct wf_devices one = {.version = 0};
        wf_devices_begin(&one, w.owner.id, at, 5);
        assert_int_equal(wf_devices_add(&one, &all.entries[i], NULL), 0);
        w.nodes[i].others[0] = all.entries[1 - i];
        w.nodes[i].n_others = is_shared;
        sealed_world_list(&w, &one, i);
    }
}

static void share(bool is_shared)
{
    for (size_t i = 0; i < 2; i++) {
        w.nodes[i].n_others = is_shared;
        wf_sealed_devices_changed(w.nodes[i].sealed);
    }
}

static void listen_all(void)
{
    for (size_t i = 0; i < w.n_nodes; i++) {
        const struct wf_sealed_events ev = {on_up, on_bytes, on_room, on_down, &heard[i], false};
        heard[i] = (struct heard){.n_up = 0};
        wf_buf_init(&heard[i].last, SIZE_MAX);
        for (unsigned c = WF_LINK_REQUESTS; c < WF_LINK_CHANNEL_COUNT; c++) {
            struct wf_sealed_events own = ev;
            if (c != WF_LINK_REQUESTS)
                own.up = NULL, own.down = NULL;
            wf_sealed_on(w.nodes[i].sealed, c, &own);
        }
    }
}

static void begin(size_t n)
{
    sealed_world_init(&w, n, 7);
    listen_all();
}

static void end(void)
{
    sealed_world_end(&w);
    for (size_t i = 0; i < SEALED_NODES_MAX; i++) {
        if (heard[i].last.ptr != NULL)
            wf_buf_deinit(&heard[i].last);
    }
    memset(heard, 0, sizeof(heard));
}

static int say(size_t from, unsigned channel, const char *text)
{
    return wf_sealed_send(w.nodes[from].sealed, heard[from].peer, channel, wf_str_from(text), NULL);
}

static bool has_got(size_t at, const char *text)
{
    return wf_str_eq(wf_buf_str(&heard[at].last), wf_str_from(text));
}

/* Asserts that nothing on its way says anything. */
static bool look_for_marker(void *ud, struct sealed_packet *p)
{
    unsigned *n = ud;

    (*n)++;
    assert_null(memmem(p->bytes.ptr, p->bytes.len, MARKER, sizeof(MARKER) - 1));
    return true;
}

static void test_sealed__two_devices_of_one_owner_speak_and_nobody_else_reads(void **state)
{
    struct wf_devices_entry e;
    unsigned n_seen = 0;
    uint64_t peer = 0;
    (void)state;

    begin(2);
    w.change = look_for_marker;
    w.ud = &n_seen;
    sealed_world_connect(&w, 0, 1);
    assert_int_equal(say(0, WF_LINK_REQUESTS, "too early"), WF_E_NOENT);
    assert_int_equal(sealed_world_run(&w), 6);
    assert_int_equal(heard[0].n_up, 1);
    assert_int_equal(heard[1].n_up, 1);
    assert_string_equal(heard[0].name, "box");
    assert_string_equal(heard[1].name, "laptop");
    for (unsigned c = WF_LINK_REQUESTS; c < WF_LINK_CHANNEL_COUNT; c++) {
        assert_int_equal(say(0, c, MARKER), 0);
        assert_int_equal(say(1, c, MARKER " back"), 0);
        sealed_world_run(&w);
        assert_true(has_got(1, MARKER) && has_got(0, MARKER " back"));
    }
    assert_int_equal(n_seen, 6 + 2 * WF_SEALED_CHANNELS);
    assert_int_equal(wf_sealed_peer_by_name(w.nodes[0].sealed, WF_STR("BOX"), &peer, NULL), 0);
    assert_int_equal(peer, heard[0].peer);
    assert_int_equal(wf_sealed_entry(w.nodes[0].sealed, peer, &e, NULL), 0);
    assert_string_equal(e.name, "box");
    assert_int_equal(wf_sealed_own_entry(w.nodes[0].sealed, &e, NULL), 0);
    assert_string_equal(e.name, "laptop");
    sealed_world_cut(&w, 0, 1);
    assert_int_equal(heard[0].n_down, 1);
    assert_string_equal(heard[0].words, "");
    assert_int_equal(say(0, WF_LINK_REQUESTS, "too late"), WF_E_NOENT);
    end();
}

static void test_sealed__names_say_why_there_is_nobody(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_sealed *s;
    uint64_t peer = 0;
    (void)state;

    begin(2);
    s = w.nodes[0].sealed;
    assert_int_equal(wf_sealed_peer_by_name(s, WF_STR("tower"), &peer, &err), WF_E_NOENT);
    assert_non_null(strstr(err.msg, "None of your nodes is called tower"));
    assert_int_equal(wf_sealed_peer_by_name(s, WF_STR("laptop"), &peer, &err), WF_E_NOENT);
    assert_non_null(strstr(err.msg, "is this node"));
    assert_int_equal(wf_sealed_peer_by_name(s, WF_STR("box"), &peer, &err), WF_E_NOENT);
    assert_non_null(strstr(err.msg, "not connected"));
    assert_int_equal(wf_sealed_send(s, 9, WF_LINK_SYNC, WF_STR("x"), &err), WF_E_INVAL);
    end();
}

static void test_sealed__the_longest_message_and_one_longer(void **state)
{
    static char text[WF_SEALED_MESSAGE_BYTES + 1];
    struct wf_sealed *s;
    (void)state;

    begin(2);
    s = w.nodes[0].sealed;
    sealed_world_connect(&w, 0, 1);
    sealed_world_run(&w);
    assert_int_equal(wf_sealed_send(s, heard[0].peer, WF_LINK_PRESENCE,
                                    wf_str_n(text, WF_SEALED_MESSAGE_BYTES), NULL),
                     0);
    assert_int_equal(wf_sealed_send(s, heard[0].peer, WF_LINK_PRESENCE,
                                    wf_str_n(text, WF_SEALED_MESSAGE_BYTES + 1), NULL),
                     WF_E_LIMIT);
    assert_int_equal(say(0, WF_LINK_PRESENCE, ""), 0);
    sealed_world_run(&w);
    assert_int_equal(heard[1].n_bytes, 2);
    assert_int_equal(heard[1].last.len, 0);
    end();
}

static void test_sealed__what_found_no_room_is_sent_again(void **state)
{
    (void)state;

    begin(2);
    sealed_world_connect(&w, 0, 1);
    sealed_world_run(&w);
    w.nodes[0].n_busy = 3;
    for (int i = 0; i < 3; i++)
        assert_int_equal(say(0, WF_LINK_REQUESTS, "one"), WF_E_BUSY);
    assert_int_equal(say(0, WF_LINK_REQUESTS, "two"), 0);
    sealed_world_run(&w);
    assert_true(has_got(1, "two"));
    w.nodes[0].events.room(w.nodes[0].events.ud, w.nodes[0].peer[1], WF_LINK_REQUESTS);
    assert_int_equal(heard[0].n_room, 1);
    end();
}

/* ---- on the way ---- */

/* Flips a bit of one byte of the k-th message. */
struct flip {
    unsigned k, n;
    size_t at;
    bool was_there;
};

static bool flip_bit(void *ud, struct sealed_packet *p)
{
    struct flip *f = ud;

    if (f->n++ == f->k && f->at < p->bytes.len) {
        p->bytes.ptr[f->at] ^= 4;
        f->was_there = true;
    }
    return true;
}

static void test_sealed__a_changed_bit_in_any_message_ends_it(void **state)
{
    const unsigned n_messages = 7; /* the handshake's six, and one of a channel */
    (void)state;

    for (unsigned k = 0; k < n_messages; k++) {
        struct flip f = {.k = k, .was_there = true};
        for (; f.was_there; f.at++) {
            begin(2);
            f.n = 0;
            f.was_there = false;
            w.change = flip_bit;
            w.ud = &f;
            sealed_world_connect(&w, 0, 1);
            sealed_world_run(&w);
            if (heard[0].n_up == 1 && say(0, WF_LINK_REQUESTS, MARKER) == 0)
                sealed_world_run(&w);
            if (f.was_there) {
                assert_int_equal(heard[1].n_bytes, 0);
                assert_int_equal(heard[0].n_up - heard[0].n_down, 0);
                assert_int_equal(heard[1].n_up - heard[1].n_down, 0);
            }
            end();
        }
        assert_true(f.at > 25); /* it has been through the message */
    }
}

/* Holds one message of channel `channel` back, for the test. */
struct held {
    unsigned channel;
    unsigned n_left; /* so many more are let by */
    struct wf_buf bytes;
    bool is_copied; /* it goes on, too */
    bool has_it;
};

static bool hold(void *ud, struct sealed_packet *p)
{
    struct held *h = ud;

    if (h->has_it || p->channel != h->channel || h->n_left-- > 0)
        return true;
    h->has_it = true;
    assert_int_equal(wf_buf_append_str(&h->bytes, wf_buf_str(&p->bytes)), 0);
    return h->is_copied;
}

static void meddle(struct held *h, bool is_copied)
{
    *h = (struct held){.channel = WF_LINK_PRESENCE, .is_copied = is_copied};
    wf_buf_init(&h->bytes, SIZE_MAX);
    begin(2);
    w.change = hold;
    w.ud = h;
    sealed_world_connect(&w, 0, 1);
    sealed_world_run(&w);
    assert_int_equal(say(0, WF_LINK_PRESENCE, "first"), 0);
    sealed_world_run(&w);
    assert_true(h->has_it);
}

static void assert_ended(const char *words, unsigned n_bytes)
{
    assert_int_equal(heard[1].n_bytes, n_bytes);
    assert_int_equal(heard[1].n_down, 1);
    assert_non_null(strstr(heard[1].words, words));
    assert_int_equal(w.nodes[1].peer[0], 0);
}

static void test_sealed__a_repeated_message_ends_it_and_is_named(void **state)
{
    struct held h;
    (void)state;

    meddle(&h, true);
    sealed_world_put(&w, 0, 1, WF_LINK_PRESENCE, wf_buf_str(&h.bytes));
    sealed_world_run(&w);
    assert_ended("came twice", 1);
    wf_buf_deinit(&h.bytes);
    end();
}

static void test_sealed__a_lost_or_later_message_ends_it_and_is_named(void **state)
{
    struct held h;
    (void)state;

    meddle(&h, false);
    assert_int_equal(say(0, WF_LINK_PRESENCE, "second"), 0);
    sealed_world_run(&w);
    assert_ended("left out or came in another order", 0);
    wf_buf_deinit(&h.bytes);
    end();
}

static void test_sealed__a_message_of_another_channel_or_direction_is_none(void **state)
{
    struct held h;
    (void)state;

    meddle(&h, false);
    /* Counter 0 is next in this channel, too, but the key is another. */
    h.bytes.ptr[1] = 2;
    sealed_world_put(&w, 0, 1, WF_LINK_REQUESTS, wf_buf_str(&h.bytes));
    sealed_world_run(&w);
    assert_ended("changed", 0);
    wf_buf_deinit(&h.bytes);
    end();
    meddle(&h, false);
    sealed_world_put(&w, 1, 0, WF_LINK_PRESENCE, wf_buf_str(&h.bytes));
    sealed_world_run(&w);
    assert_int_equal(heard[0].n_bytes, 0);
    assert_int_equal(heard[0].n_down, 1);
    assert_non_null(strstr(heard[0].words, "changed"));
    wf_buf_deinit(&h.bytes);
    end();
}

static void test_sealed__a_message_of_an_earlier_session_is_none(void **state)
{
    struct held h;
    (void)state;

    meddle(&h, true);
    sealed_world_cut(&w, 0, 1);
    sealed_world_connect(&w, 0, 1);
    sealed_world_run(&w);
    assert_int_equal(heard[1].n_up, 2);
    sealed_world_put(&w, 0, 1, WF_LINK_PRESENCE, wf_buf_str(&h.bytes));
    sealed_world_run(&w);
    assert_int_equal(heard[1].n_bytes, 1);
    assert_int_equal(heard[1].n_down, 2);
    assert_non_null(strstr(heard[1].words, "changed"));
    wf_buf_deinit(&h.bytes);
    end();
}

static void test_sealed__an_old_hello_gets_no_session(void **state)
{
    struct held h = {.channel = WF_LINK_REQUESTS, .is_copied = true};
    (void)state;

    wf_buf_init(&h.bytes, SIZE_MAX);
    begin(2);
    w.change = hold;
    w.ud = &h;
    sealed_world_connect(&w, 0, 1);
    sealed_world_run(&w);
    sealed_world_cut(&w, 0, 1);
    assert_int_equal(h.bytes.ptr[0], WF_SEALED_HELLO);
    /* Somebody with the transport key of 0 alone plays its old part. */
    w.nodes[1].peer[0] = 77;
    w.nodes[1].events.up(w.nodes[1].events.ud, 77, w.nodes[0].transport, true, WF_STR(""));
    sealed_world_put(&w, 0, 1, WF_LINK_REQUESTS, wf_buf_str(&h.bytes));
    sealed_world_run(&w);
    assert_int_equal(heard[1].n_up, 1);
    wf_buf_deinit(&h.bytes);
    end();
}

/* ---- who is between, who is out ---- */

/* A machine between the two: it has a session of its own with each end, and their transport keys
 * (link has been taken over at both ends), but not their devices' keys. */
struct between {
    struct wf_sealed_session to[2]; /* with node 0, as node 1, and the other way round */
    struct wf_signer signer;
    struct wf_signer_key key;
    unsigned n_refused;
};

static bool play_between(void *ud, struct sealed_packet *p)
{
    struct between *b = ud;
    struct wf_sealed_session *ss = &b->to[p->from];
    struct wf_sealed_taken taken;
    struct wf_buf plain, reply;

    if (ss->state == WF_SEALED_ENDED)
        return false;
    wf_buf_init(&plain, SIZE_MAX);
    wf_buf_init(&reply, SIZE_MAX);
    if (wf_sealed_session_take(ss, p->channel, wf_buf_str(&p->bytes), 1, &taken, &plain, &reply,
                               NULL) != 0)
        b->n_refused++;
    else if (reply.len > 0)
        w.nodes[p->from].events.bytes(w.nodes[p->from].events.ud,
                                      w.nodes[p->from].peer[1 - p->from], WF_LINK_REQUESTS,
                                      wf_buf_str(&reply));
    wf_buf_deinit(&plain);
    wf_buf_deinit(&reply);
    return false;
}

static void test_sealed__who_is_between_the_two_gets_no_session(void **state)
{
    static struct between b;
    uint8_t seed[32] = {9};
    (void)state;

    begin(2);
    memset(&b, 0, sizeof(b));
    wf_signer_from_seed(seed, &b.key, &b.signer);
    sealed_world_connect(&w, 0, 1);
    for (size_t i = 0; i < 2; i++) {
        struct wf_sealed_who who = {.device = &b.signer};
        struct wf_buf hello;
        memcpy(b.signer.id, w.nodes[1 - i].device.id, sizeof(b.signer.id)); /* it says it is */
        memcpy(who.transport, w.nodes[1 - i].transport, sizeof(who.transport));
        memcpy(who.other_device, w.nodes[i].device.id, sizeof(who.other_device));
        memcpy(who.other_transport, w.nodes[i].transport, sizeof(who.other_transport));
        wf_buf_init(&hello, SIZE_MAX);
        assert_int_equal(wf_sealed_session_begin(&b.to[i], &who, NULL, 1, &hello, NULL), 0);
        w.nodes[i].events.bytes(w.nodes[i].events.ud, w.nodes[i].peer[1 - i], WF_LINK_REQUESTS,
                                wf_buf_str(&hello));
        wf_buf_deinit(&hello);
    }
    w.change = play_between;
    w.ud = &b;
    sealed_world_run(&w);
    assert_int_equal(heard[0].n_up + heard[1].n_up, 0);
    assert_int_equal(w.nodes[0].peer[1], 0); /* and the connection has ended */
    end();
}

/* Two connections with one device each, whose messages somebody hands across: their keys are not
 * those of each other's connections. */
static void test_sealed__a_connection_that_is_spliced_to_another_gets_none(void **state)
{
    (void)state;

    begin(3);
    /* 0 is connected to 2 and 1 to 2; 2's link hands what they say to each other. */
    w.nodes[0].peer[1] = 50;
    w.nodes[1].peer[0] = 51;
    w.nodes[0].events.up(w.nodes[0].events.ud, 50, w.nodes[2].transport, true, WF_STR(""));
    w.nodes[1].events.up(w.nodes[1].events.ud, 51, w.nodes[2].transport, true, WF_STR(""));
    sealed_world_run(&w);
    assert_int_equal(heard[0].n_up + heard[1].n_up, 0);
    assert_int_equal(w.nodes[0].peer[1], 0);
    end();
}

static void test_sealed__a_device_that_is_revoked_loses_it_at_once(void **state)
{
    (void)state;

    begin(2);
    sealed_world_connect(&w, 0, 1);
    sealed_world_run(&w);
    assert_int_equal(say(1, WF_LINK_REQUESTS, "on its way"), 0);
    sealed_world_revoke(&w, "box", 0);
    assert_int_equal(say(0, WF_LINK_REQUESTS, "to who is out"), WF_E_NOENT);
    sealed_world_run(&w);
    assert_int_equal(heard[0].n_bytes, 0);
    assert_int_equal(heard[0].n_down, 1);
    assert_non_null(strstr(heard[0].words, "not among the owner's devices"));
    sealed_world_connect(&w, 0, 1);
    sealed_world_run(&w);
    assert_int_equal(heard[0].n_up, 1);
    assert_int_equal(heard[1].n_up, 1);
    end();
}

/* Neither does it hear of presence and requests, nor is it asked. */
static void test_sealed__a_relay_that_reads_nothing_gets_none(void **state)
{
    struct wf_devices all;
    (void)state;

    begin(2);
    all = w.nodes[0].list;
    assert_int_equal(wf_devices_relay(&all, WF_STR("box"), true, 0, NULL), 0);
    sealed_world_list(&w, &all, SIZE_MAX);
    sealed_world_connect(&w, 0, 1);
    sealed_world_run(&w);
    assert_int_equal(heard[0].n_up + heard[1].n_up, 0);
    assert_int_equal(wf_devices_relay(&all, WF_STR("box"), false, 0, NULL), 0);
    sealed_world_list(&w, &all, SIZE_MAX);
    sealed_world_run(&w);
    assert_int_equal(heard[0].n_up, 1);
    assert_int_equal(heard[1].n_up, 1);
    end();
}

static void test_sealed__who_is_in_later_gets_it_then(void **state)
{
    struct wf_devices all, one = {.version = 0};
    uint8_t at[WF_DEVICES_KEY_BYTES] = {1};
    (void)state;

    begin(2);
    all = w.nodes[0].list;
    wf_devices_begin(&one, w.owner.id, at, 5);
    assert_int_equal(wf_devices_add(&one, &all.entries[0], NULL), 0);
    sealed_world_list(&w, &one, 0);
    sealed_world_connect(&w, 0, 1);
    sealed_world_run(&w);
    assert_int_equal(heard[0].n_up + heard[1].n_up, 0);
    w.nodes[0].list = all;
    wf_sealed_devices_changed(w.nodes[0].sealed);
    sealed_world_run(&w);
    assert_int_equal(heard[0].n_up, 1);
    assert_int_equal(heard[1].n_up, 1);
    end();
}

/* ---- other people's devices ---- */

/* One channel takes them: its own `up`, and no other's. */
static void take_others(struct heard *of)
{
    for (size_t i = 0; i < 2; i++) {
        const struct wf_sealed_events ev = {on_up, on_bytes, on_room, on_down, &of[i], true};
        of[i] = (struct heard){.n_up = 0};
        wf_buf_init(&of[i].last, SIZE_MAX);
        wf_sealed_on(w.nodes[i].sealed, WF_LINK_BLOBS, &ev);
    }
}

static void test_sealed__another_persons_device_is_heard_on_a_channel_that_takes_it(void **state)
{
    struct heard of[2];
    uint64_t peer;
    (void)state;

    begin(2);
    take_others(of);
    part(false);
    sealed_world_connect(&w, 0, 1);
    sealed_world_run(&w);
    assert_int_equal(of[0].n_up + of[1].n_up, 0); /* no space is shared */
    share(true);
    sealed_world_run(&w);
    assert_true(of[0].n_up == 1 && of[1].n_up == 1);
    assert_int_equal(heard[0].n_up + heard[1].n_up, 0);
    assert_true(wf_sealed_is_other(w.nodes[0].sealed, of[0].peer));
    assert_int_equal(
        wf_sealed_send(w.nodes[0].sealed, of[0].peer, WF_LINK_BLOBS, WF_STR("pieces"), NULL), 0);
    sealed_world_run(&w);
    assert_true(wf_str_eq(wf_buf_str(&of[1].last), WF_STR("pieces")));
    /* By name it is nobody, and no other channel is spoken with it. */
    assert_int_equal(wf_sealed_peer_by_name(w.nodes[0].sealed, WF_STR("box"), &peer, NULL),
                     WF_E_NOENT);
    for (unsigned c = WF_LINK_REQUESTS; c < WF_LINK_BLOBS; c++)
        assert_int_equal(wf_sealed_send(w.nodes[0].sealed, of[0].peer, c, WF_STR("hello"), NULL),
                         WF_E_NOENT);
    /* No space is shared any more: nothing goes, though the connection is there; then again. */
    share(false);
    assert_int_equal(
        wf_sealed_send(w.nodes[0].sealed, of[0].peer, WF_LINK_BLOBS, WF_STR("more"), NULL),
        WF_E_NOENT);
    share(true);
    sealed_world_run(&w);
    assert_int_equal(
        wf_sealed_send(w.nodes[1].sealed, of[1].peer, WF_LINK_BLOBS, WF_STR("again"), NULL), 0);
    sealed_world_run(&w);
    assert_true(wf_str_eq(wf_buf_str(&of[0].last), WF_STR("again")));
    wf_buf_deinit(&of[0].last);
    wf_buf_deinit(&of[1].last);
    end();
}

static void test_sealed__another_persons_device_that_says_more_is_hung_up_on(void **state)
{
    struct heard of[2];
    const struct wf_sealed_events ev = {.bytes = NULL, .takes_others = true};
    (void)state;

    begin(2);
    take_others(of);
    wf_sealed_on(w.nodes[1].sealed, WF_LINK_REQUESTS, &ev); /* its weft lets it */
    part(true);
    sealed_world_connect(&w, 0, 1);
    sealed_world_run(&w);
    assert_int_equal(of[0].n_up, 1);
    assert_int_equal(
        wf_sealed_send(w.nodes[1].sealed, of[1].peer, WF_LINK_REQUESTS, WF_STR("run this"), NULL),
        0);
    sealed_world_run(&w);
    assert_int_equal(heard[0].n_bytes + heard[0].n_up, 0);
    assert_int_equal(of[0].n_down, 1);
    assert_non_null(strstr(of[0].words, "no business"));
    wf_buf_deinit(&of[0].last);
    wf_buf_deinit(&of[1].last);
    end();
}

/* ---- time ---- */

static bool lose(void *ud, struct sealed_packet *p)
{
    (void)ud;
    return p->from != 0;
}

static void test_sealed__a_handshake_that_takes_too_long_is_none(void **state)
{
    (void)state;

    begin(2);
    sealed_world_connect(&w, 0, 1);
    w.now_ns += WF_SEALED_HANDSHAKE_MS * INT64_C(1000000) + 1;
    sealed_world_run(&w);
    assert_int_equal(heard[0].n_up + heard[1].n_up, 0);
    assert_int_equal(w.nodes[0].peer[1], 0); /* it is connected anew */
    sealed_world_connect(&w, 0, 1);
    w.now_ns += WF_SEALED_HANDSHAKE_MS * INT64_C(1000000);
    sealed_world_run(&w);
    assert_int_equal(heard[0].n_up + heard[1].n_up, 2);
    end();
    /* Nobody answers: the connection is left alone. */
    begin(2);
    w.change = lose;
    sealed_world_connect(&w, 0, 1);
    sealed_world_run(&w);
    assert_int_equal(heard[0].n_up + heard[1].n_up, 0);
    assert_int_not_equal(w.nodes[0].peer[1], 0);
    end();
}

static void test_sealed__a_newer_version_leaves_the_connection(void **state)
{
    const char hello[] = {WF_SEALED_HELLO, WF_SEALED_VERSION + 1, 1, 2, 3};
    (void)state;

    begin(2);
    w.nodes[0].peer[1] = 5;
    w.nodes[0].events.up(w.nodes[0].events.ud, 5, w.nodes[1].transport, true, WF_STR(""));
    w.nodes[0].events.bytes(w.nodes[0].events.ud, 5, WF_LINK_REQUESTS,
                            wf_str_n(hello, sizeof(hello)));
    assert_false(w.nodes[0].is_closing[1]);
    end();
}

/* ---- the machine itself ---- */

struct machines {
    struct wf_sealed_session s[2];
    struct wf_signer signers[2];
    struct wf_signer_key keys[2];
};

static void put_machines(struct machines *m, struct wf_buf out[2])
{
    for (uint8_t i = 0; i < 2; i++) {
        uint8_t seed[32] = {(uint8_t)(i + 1)};
        wf_signer_from_seed(seed, &m->keys[i], &m->signers[i]);
    }
    for (uint8_t i = 0; i < 2; i++) {
        struct wf_sealed_who who = {.device = &m->signers[i]};
        memset(who.transport, i, sizeof(who.transport));
        memset(who.other_transport, 1 - i, sizeof(who.other_transport));
        memcpy(who.other_device, m->signers[1 - i].id, sizeof(who.other_device));
        wf_buf_init(&out[i], SIZE_MAX);
        assert_int_equal(wf_sealed_session_begin(&m->s[i], &who, NULL, 1, &out[i], NULL), 0);
    }
}

/* Hands what is in out[] to the other side, both at once, until both are silent. */
static void pump_machines(struct machines *m, struct wf_buf out[2])
{
    while (out[0].len + out[1].len > 0) {
        struct wf_buf bytes[2] = {out[0], out[1]};
        struct wf_sealed_taken taken;
        struct wf_buf plain;
        wf_buf_init(&plain, SIZE_MAX);
        for (unsigned i = 0; i < 2; i++)
            wf_buf_init(&out[i], SIZE_MAX);
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(wf_sealed_session_take(&m->s[1 - i], WF_LINK_REQUESTS,
                                                    wf_buf_str(&bytes[i]), 1, &taken, &plain,
                                                    &out[1 - i], NULL),
                             0);
            wf_buf_deinit(&bytes[i]);
        }
        wf_buf_deinit(&plain);
    }
}

static void end_machines(struct machines *m, struct wf_buf out[2])
{
    for (unsigned i = 0; i < 2; i++) {
        wf_sealed_session_end(&m->s[i]);
        wf_buf_deinit(&out[i]);
    }
}

/* One message from 0 to 1 in a channel. */
static int hand_over(struct machines *m, unsigned channel, struct wf_sealed_taken *taken)
{
    struct wf_buf sealed, plain, reply;
    int rc;

    wf_buf_init(&sealed, SIZE_MAX);
    wf_buf_init(&plain, SIZE_MAX);
    wf_buf_init(&reply, SIZE_MAX);
    assert_int_equal(wf_sealed_session_seal(&m->s[0], channel, WF_STR("text"), &sealed, NULL), 0);
    wf_sealed_session_sent(&m->s[0], channel);
    rc = wf_sealed_session_take(&m->s[1], channel, wf_buf_str(&sealed), 1, taken, &plain, &reply,
                                NULL);
    if (rc == 0)
        assert_true(wf_str_eq(wf_buf_str(&plain), WF_STR("text")));
    wf_buf_deinit(&sealed);
    wf_buf_deinit(&plain);
    wf_buf_deinit(&reply);
    return rc;
}

static void test_sealed__keys_are_replaced_after_so_many_messages(void **state)
{
    struct wf_sealed_taken taken;
    struct machines m = {.s = {{.state = WF_SEALED_NONE}}};
    struct wf_buf out[2];
    uint8_t first[32];
    (void)state;

    put_machines(&m, out);
    pump_machines(&m, out);
    assert_int_equal(m.s[0].state, WF_SEALED_OPEN);
    assert_int_equal(m.s[1].state, WF_SEALED_OPEN);
    for (unsigned i = 0; i < 32; i++) /* nothing is left to make the keys of again */
        assert_int_equal(m.s[0].secret[i], 0);
    memcpy(first, m.s[0].out[1].key, sizeof(first));
    assert_memory_equal(first, m.s[1].in[1].key, sizeof(first));
    assert_memory_not_equal(first, m.s[0].in[1].key, sizeof(first));
    assert_memory_not_equal(first, m.s[0].out[0].key, sizeof(first));
    for (unsigned i = 0; i < WF_SEALED_MESSAGES_PER_KEY + 10; i++) {
        assert_int_equal(hand_over(&m, WF_LINK_PRESENCE, &taken), 0);
        if (i + 2 == WF_SEALED_MESSAGES_PER_KEY)
            assert_memory_equal(first, m.s[0].out[1].key, sizeof(first));
    }
    assert_memory_not_equal(first, m.s[0].out[1].key, sizeof(first));
    assert_memory_equal(m.s[1].in[1].key, m.s[0].out[1].key, sizeof(first));
    end_machines(&m, out);
}

static void test_sealed__a_message_of_a_channel_may_come_before_done(void **state)
{
    struct wf_sealed_taken taken;
    struct machines m = {.s = {{.state = WF_SEALED_NONE}}};
    struct wf_buf out[2], auth[2], done[2], plain;
    (void)state;

    put_machines(&m, out);
    wf_buf_init(&plain, SIZE_MAX);
    for (unsigned i = 0; i < 2; i++) {
        wf_buf_init(&auth[i], SIZE_MAX);
        wf_buf_init(&done[i], SIZE_MAX);
    }
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(wf_sealed_session_take(&m.s[i], WF_LINK_REQUESTS, wf_buf_str(&out[1 - i]),
                                                1, &taken, &plain, &auth[i], NULL),
                         0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(wf_sealed_session_take(&m.s[i], WF_LINK_REQUESTS, wf_buf_str(&auth[1 - i]),
                                                1, &taken, &plain, &done[i], NULL),
                         0);
    assert_int_equal(wf_sealed_session_take(&m.s[0], WF_LINK_REQUESTS, wf_buf_str(&done[1]), 1,
                                            &taken, &plain, &out[0], NULL),
                     0);
    assert_true(taken.is_up);
    assert_int_equal(m.s[1].state, WF_SEALED_DONE_SENT);
    assert_int_equal(hand_over(&m, WF_LINK_PRESENCE, &taken), 0);
    assert_true(taken.is_up && taken.has_message);
    assert_int_equal(wf_sealed_session_take(&m.s[1], WF_LINK_REQUESTS, wf_buf_str(&done[0]), 1,
                                            &taken, &plain, &out[1], NULL),
                     0);
    assert_false(taken.is_up);
    assert_int_equal(hand_over(&m, WF_LINK_REQUESTS, &taken), 0);
    end_machines(&m, out);
    for (unsigned i = 0; i < 2; i++) {
        wf_buf_deinit(&auth[i]);
        wf_buf_deinit(&done[i]);
    }
    wf_buf_deinit(&plain);
}

static void test_sealed__memory_that_runs_out_ends_a_session_and_no_more(void **state)
{
    bool failed = true;
    (void)state;

    for (uint64_t n = 1; failed; n++) {
        begin(2);
        heard[0].n_up = 0;
        wf_alloc_fail_at(n);
        w.nodes[0].peer[1] = 1;
        w.nodes[1].peer[0] = 2;
        w.nodes[0].events.up(w.nodes[0].events.ud, 1, w.nodes[1].transport, true, WF_STR(""));
        w.nodes[1].events.up(w.nodes[1].events.ud, 2, w.nodes[0].transport, true, WF_STR(""));
        sealed_world_run(&w);
        if (heard[0].n_up > heard[0].n_down && say(0, WF_LINK_REQUESTS, MARKER) == 0)
            sealed_world_run(&w);
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        if (!failed)
            assert_true(has_got(1, MARKER));
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sealed__two_devices_of_one_owner_speak_and_nobody_else_reads),
        cmocka_unit_test(test_sealed__names_say_why_there_is_nobody),
        cmocka_unit_test(test_sealed__the_longest_message_and_one_longer),
        cmocka_unit_test(test_sealed__what_found_no_room_is_sent_again),
        cmocka_unit_test(test_sealed__a_changed_bit_in_any_message_ends_it),
        cmocka_unit_test(test_sealed__a_repeated_message_ends_it_and_is_named),
        cmocka_unit_test(test_sealed__a_lost_or_later_message_ends_it_and_is_named),
        cmocka_unit_test(test_sealed__a_message_of_another_channel_or_direction_is_none),
        cmocka_unit_test(test_sealed__a_message_of_an_earlier_session_is_none),
        cmocka_unit_test(test_sealed__an_old_hello_gets_no_session),
        cmocka_unit_test(test_sealed__who_is_between_the_two_gets_no_session),
        cmocka_unit_test(test_sealed__a_connection_that_is_spliced_to_another_gets_none),
        cmocka_unit_test(test_sealed__a_relay_that_reads_nothing_gets_none),
        cmocka_unit_test(test_sealed__a_device_that_is_revoked_loses_it_at_once),
        cmocka_unit_test(test_sealed__who_is_in_later_gets_it_then),
        cmocka_unit_test(test_sealed__another_persons_device_is_heard_on_a_channel_that_takes_it),
        cmocka_unit_test(test_sealed__another_persons_device_that_says_more_is_hung_up_on),
        cmocka_unit_test(test_sealed__a_handshake_that_takes_too_long_is_none),
        cmocka_unit_test(test_sealed__a_newer_version_leaves_the_connection),
        cmocka_unit_test(test_sealed__keys_are_replaced_after_so_many_messages),
        cmocka_unit_test(test_sealed__a_message_of_a_channel_may_come_before_done),
        cmocka_unit_test(test_sealed__memory_that_runs_out_ends_a_session_and_no_more),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
