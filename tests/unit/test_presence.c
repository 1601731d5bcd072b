/* SPDX-License-Identifier: Apache-2.0 */
/* What is open on one device is known on the others that may know: two and three machines, joined
 * by a queue, on a clock that the test turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "mesh/presence.h"

#define NODES 3

static int64_t now_ms;

static int64_t mono(void *ud)
{
    (void)ud;
    return now_ms * 1000000;
}

static const struct wf_clock test_clock = {.mono_ns = mono};

/* Node i: connection number k + 1 of it leads to node k. */
static struct node {
    struct wf_presence *p;
    unsigned n_changed, n_handed, n_sent, n_other, n_screens, n_moved;
    json_int_t moved_at;
    uint64_t taken_call;
    unsigned taken_pages;
    size_t n_bytes;
    bool is_full;
} nodes[NODES];

struct message {
    size_t to;
    uint64_t from;
    size_t n;
    char bytes[70000];
};
static struct message queue[64];
static size_t n_queue;

static int send_it(void *ud, uint64_t peer, struct wf_str bytes, struct wf_err *err)
{
    struct node *n = ud;
    struct message *m = &queue[n_queue];

    if (n->is_full)
        return wf_err_set(err, WF_E_BUSY, "full");
    assert_true(n_queue < 64 && bytes.len <= sizeof(m->bytes));
    m->to = (size_t)peer - 1;
    m->from = (uint64_t)(n - nodes) + 1;
    m->n = bytes.len;
    memcpy(m->bytes, bytes.ptr, bytes.len);
    n_queue++;
    n->n_sent++;
    n->n_bytes += bytes.len;
    return 0;
}

static void changed(void *ud)
{
    ((struct node *)ud)->n_changed++;
}

static void handed(void *ud)
{
    ((struct node *)ud)->n_handed++;
}

static void taken(void *ud, uint64_t call, unsigned pages)
{
    ((struct node *)ud)->taken_call = call;
    ((struct node *)ud)->taken_pages = pages;
}

static void screen(void *ud)
{
    ((struct node *)ud)->n_screens++;
}

static void moved(void *ud, const json_t *state)
{
    ((struct node *)ud)->n_moved++;
    ((struct node *)ud)->moved_at = json_integer_value(json_object_get(state, "at"));
}

static void other(void *ud, uint64_t peer, unsigned kind, struct wf_str body)
{
    (void)peer;
    assert_int_equal(kind, 20);
    assert_int_equal(body.len, 2);
    ((struct node *)ud)->n_other++;
}

static struct wf_devices_entry entry(size_t i, enum wf_label clearance)
{
    static const char *const names[] = {"laptop", "phone", "box"};
    struct wf_devices_entry e = {.clearance = clearance};

    memset(e.device, (int)i + 1, sizeof(e.device));
    snprintf(e.name, sizeof(e.name), "%s", names[i]);
    return e;
}

static void connect_two(size_t a, size_t b)
{
    struct wf_devices_entry ea = entry(a, a == 2 ? WF_LABEL_INTERNAL : WF_LABEL_PRIVATE);
    struct wf_devices_entry eb = entry(b, b == 2 ? WF_LABEL_INTERNAL : WF_LABEL_PRIVATE);

    assert_int_equal(wf_presence_up(nodes[a].p, b + 1, &eb, NULL), 0);
    assert_int_equal(wf_presence_up(nodes[b].p, a + 1, &ea, NULL), 0);
}

static int setup(void **state)
{
    (void)state;
    now_ms = 50000000;
    n_queue = 0;
    memset(nodes, 0, sizeof(nodes));
    for (size_t i = 0; i < NODES; i++) {
        const struct wf_presence_options o = {.clock = &test_clock,
                                              .send = send_it,
                                              .changed = changed,
                                              .handed = handed,
                                              .taken = taken,
                                              .screen = screen,
                                              .moved = moved,
                                              .other = other,
                                              .ud = &nodes[i]};
        assert_int_equal(wf_presence_new(&o, &nodes[i].p, NULL), 0);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < NODES; i++)
        wf_presence_free(nodes[i].p);
    return 0;
}

static void deliver(void)
{
    for (size_t i = 0; i < n_queue; i++) {
        struct wf_err err = WF_ERR_INIT;
        int rc = wf_presence_bytes(nodes[queue[i].to].p, queue[i].from,
                                   wf_str_n(queue[i].bytes, queue[i].n), &err);
        if (rc != 0)
            fail_msg("%s", err.msg);
    }
    n_queue = 0;
}

/* Lets time pass, to where each has said what it has to say. */
static void pass(int64_t ms)
{
    int64_t end_ms = now_ms + ms;

    while (now_ms <= end_ms) {
        int64_t next_ms = end_ms + 1;
        for (size_t i = 0; i < NODES; i++)
            next_ms = WF_MIN(next_ms, wf_presence_tick(nodes[i].p));
        assert_true(next_ms > now_ms);
        deliver();
        now_ms = WF_MAX(now_ms + 1, next_ms);
    }
    now_ms = end_ms;
}

static void set(size_t i, const char *id, enum wf_label label, const char *what)
{
    json_t *v = NULL;

    if (what != NULL)
        assert_int_equal(wf_json_parse(wf_str_from(what), &v, NULL), 0);
    assert_int_equal(wf_presence_set(nodes[i].p, wf_str_from(id), label, v, true, NULL), 0);
    json_decref(v);
}

/* What node i knows of the items of the other `of`. */
static size_t n_known(size_t i, const char *of)
{
    json_t *v = wf_presence_json(nodes[i].p), *other_node;
    size_t k, n = 0;

    assert_non_null(v);
    json_array_foreach(json_object_get(v, "others"), k, other_node)
    {
        if (strcmp(wf_json_text(other_node, "node"), of) == 0)
            n = json_array_size(json_object_get(other_node, "items"));
    }
    json_decref(v);
    return n;
}

/* The text of the latest active thing there. */
static const char *text_known(size_t i, const char *of)
{
    static char text[200];
    json_t *v = wf_presence_json(nodes[i].p), *other_node;
    size_t k;

    text[0] = 0;
    json_array_foreach(json_object_get(v, "others"), k, other_node)
    {
        if (strcmp(wf_json_text(other_node, "node"), of) == 0)
            snprintf(text, sizeof(text), "%s",
                     wf_json_text(json_array_get(json_object_get(other_node, "items"), 0), "text"));
    }
    json_decref(v);
    return text;
}

static void test_presence__what_is_open_is_known_elsewhere(void **state)
{
    (void)state;
    connect_two(0, 1);
    set(0, "p1", WF_LABEL_PRIVATE,
        "{\"view\":\"thread\",\"ref\":\"abc\",\"title\":\"Soup\",\"text\":\"how\","
        "\"at\":{\"scroll\":0.5},\"generation\":{\"id\":\"g1\",\"written\":3}}");
    pass(0);
    assert_int_equal(n_known(1, "laptop"), 1);
    assert_string_equal(text_known(1, "laptop"), "how");
    assert_true(nodes[1].n_changed > 0);
    set(0, "p2", WF_LABEL_PUBLIC, "{\"view\":\"draft\",\"text\":\"later\"}");
    pass(100);
    assert_int_equal(n_known(1, "laptop"), 2);
    set(0, "p1", WF_LABEL_PRIVATE, NULL);
    pass(100);
    assert_int_equal(n_known(1, "laptop"), 1);
    assert_string_equal(text_known(1, "laptop"), "later");
    /* Nothing of what it hears goes back. */
    assert_int_equal(n_known(0, "phone"), 0);
}

static void test_presence__who_may_not_know_does_not_hear(void **state)
{
    (void)state;
    connect_two(0, 1);
    connect_two(0, 2);
    set(0, "p1", WF_LABEL_PRIVATE, "{\"view\":\"thread\"}");
    set(0, "p2", WF_LABEL_INTERNAL, "{\"view\":\"draft\"}");
    set(0, "p3", WF_LABEL_SECRET, "{\"view\":\"chat\"}");
    pass(100);
    assert_int_equal(n_known(1, "laptop"), 2);
    assert_int_equal(n_known(2, "laptop"), 1);
    set(0, "p2", WF_LABEL_PRIVATE, "{\"view\":\"draft\"}"); /* something was written there */
    pass(100);
    assert_int_equal(n_known(1, "laptop"), 2);
    assert_int_equal(n_known(2, "laptop"), 0);
    set(0, "p1", WF_LABEL_SECRET, "{\"view\":\"thread\"}");
    pass(100);
    assert_int_equal(n_known(1, "laptop"), 1);
}

static void test_presence__secrets_are_not_even_on_the_way(void **state)
{
    (void)state;
    connect_two(0, 1);
    set(0, "p1", WF_LABEL_SECRET, "{\"view\":\"thread\",\"text\":\"the code is 4711\"}");
    for (int i = 0; i < 10; i++) {
        now_ms += 50;
        (void)wf_presence_tick(nodes[0].p);
        for (size_t k = 0; k < n_queue; k++)
            assert_null(memmem(queue[k].bytes, queue[k].n, "4711", 4));
        n_queue = 0;
    }
}

static void test_presence__typing_is_gathered_and_arrives_soon(void **state)
{
    (void)state;
    char what[100];
    size_t before;

    connect_two(0, 1);
    pass(1000);
    before = nodes[0].n_sent;
    for (int i = 0; i < 500; i++) { /* a key every 2 ms, for a second */
        snprintf(what, sizeof(what), "{\"view\":\"thread\",\"text\":\"%d\"}", i);
        set(0, "p1", WF_LABEL_PRIVATE, what);
        pass(2);
    }
    assert_in_range(nodes[0].n_sent - before, 20, 40);
    pass(50);
    assert_string_equal(text_known(1, "laptop"), "499");
}

static void test_presence__idle_costs_next_to_nothing(void **state)
{
    (void)state;
    size_t n, bytes;

    connect_two(0, 1);
    set(0, "c1", WF_LABEL_PRIVATE, "{\"view\":\"thread\",\"title\":\"Soup\",\"text\":\"how\"}");
    pass(1000);
    n = nodes[0].n_sent;
    bytes = nodes[0].n_bytes;
    for (int minute = 0; minute < 60; minute++) { /* the page says that it is there */
        json_t *v = json_pack("{s:s,s:s,s:s}", "view", "thread", "title", "Soup", "text", "how");
        assert_int_equal(
            wf_presence_set(nodes[0].p, WF_STR("c1"), WF_LABEL_PRIVATE, v, false, NULL), 0);
        json_decref(v);
        pass(60000);
    }
    print_message("idle for an hour: %zu messages, %zu bytes\n", nodes[0].n_sent - n,
                  nodes[0].n_bytes - bytes);
    /* What the seal and the frames around it add is below 200 bytes a message. */
    assert_in_range(nodes[0].n_bytes - bytes + 200 * (nodes[0].n_sent - n), 1, 60 * 100);
    assert_int_equal(n_known(1, "laptop"), 1);
}

static void test_presence__it_is_forgotten(void **state)
{
    (void)state;
    connect_two(0, 1);
    set(0, "p1", WF_LABEL_PRIVATE, "{\"view\":\"thread\"}");
    pass(1000);
    wf_presence_down(nodes[0].p, 2);
    wf_presence_down(nodes[1].p, 1);
    pass(600000); /* ten minutes later it can still be continued */
    assert_int_equal(n_known(1, "laptop"), 1);
    pass(1300000);
    assert_int_equal(n_known(1, "laptop"), 0);
    /* A page that was closed without a word. */
    set(0, "p1", WF_LABEL_PRIVATE, "{\"view\":\"thread\"}");
    connect_two(0, 1);
    pass(1000);
    assert_int_equal(n_known(1, "laptop"), 1);
    pass(WF_PRESENCE_PAGE_MS + 1000);
    assert_int_equal(n_known(1, "laptop"), 0);
}

static void test_presence__who_is_taken_out_is_forgotten(void **state)
{
    (void)state;
    static struct wf_devices list;

    connect_two(0, 1);
    set(1, "p1", WF_LABEL_PRIVATE, "{\"view\":\"thread\"}");
    pass(1000);
    assert_int_equal(n_known(0, "phone"), 1);
    list.n_entries = 1;
    list.entries[0] = entry(1, WF_LABEL_INTERNAL);
    wf_presence_devices(nodes[0].p, &list);
    set(0, "p1", WF_LABEL_PRIVATE, "{\"view\":\"thread\"}"); /* above what it may see now */
    pass(1000);
    assert_int_equal(n_known(1, "laptop"), 0);
    list.entries[0].revoked_ms = 1;
    wf_presence_devices(nodes[0].p, &list);
    assert_int_equal(n_known(0, "phone"), 0);
    pass(1000);
}

static void test_presence__connecting_again_tells_it_again(void **state)
{
    (void)state;
    connect_two(0, 1);
    set(0, "p1", WF_LABEL_PRIVATE, "{\"view\":\"thread\"}");
    set(0, "p2", WF_LABEL_PRIVATE, "{\"view\":\"chat\"}");
    pass(1000);
    wf_presence_down(nodes[0].p, 2);
    wf_presence_down(nodes[1].p, 1);
    set(0, "p1", WF_LABEL_PRIVATE, NULL);
    pass(1000);
    assert_int_equal(n_known(1, "laptop"), 2);
    connect_two(0, 1);
    pass(100);
    assert_int_equal(n_known(1, "laptop"), 1);
}

static void test_presence__what_does_not_go_through_goes_later(void **state)
{
    (void)state;
    connect_two(0, 1);
    pass(100);
    nodes[0].is_full = true;
    set(0, "p1", WF_LABEL_PRIVATE, "{\"view\":\"thread\",\"text\":\"a\"}");
    pass(1000);
    set(0, "p1", WF_LABEL_PRIVATE, "{\"view\":\"thread\",\"text\":\"ab\"}");
    pass(1000);
    assert_int_equal(n_known(1, "laptop"), 0);
    nodes[0].is_full = false;
    wf_presence_room(nodes[0].p, 2);
    pass(100);
    assert_string_equal(text_known(1, "laptop"), "ab");
}

static void test_presence__the_latest_is_handed_over(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    json_t *item = NULL, *v;

    connect_two(0, 1);
    connect_two(0, 2);
    assert_int_equal(wf_presence_hand(nodes[0].p, 2, WF_STR(""), 1, &item, &err), WF_E_NOENT);
    set(0, "p1", WF_LABEL_PRIVATE, "{\"view\":\"thread\",\"ref\":\"one\"}");
    pass(100);
    set(0, "p2", WF_LABEL_PRIVATE, "{\"view\":\"draft\",\"ref\":\"two\",\"text\":\"unsent\"}");
    set(1, "p7", WF_LABEL_PUBLIC, "{\"view\":\"ask\"}");
    set(1, "c1", WF_LABEL_PUBLIC, "{\"view\":\"draft\"}"); /* a command: no page */
    pass(100);
    assert_int_equal(wf_presence_hand(nodes[0].p, 2, WF_STR(""), 7, &item, &err), 0);
    assert_string_equal(wf_json_text(item, "ref"), "two");
    json_decref(item);
    deliver();
    deliver();
    assert_int_equal(nodes[1].n_handed, 1);
    assert_int_equal(nodes[0].taken_call, 7);
    assert_int_equal(nodes[0].taken_pages, 1);
    v = wf_presence_take(nodes[1].p);
    assert_non_null(v);
    assert_string_equal(wf_json_text(v, "node"), "laptop");
    assert_string_equal(wf_json_text(json_object_get(v, "item"), "text"), "unsent");
    json_decref(v);
    assert_null(wf_presence_take(nodes[1].p)); /* once */
    assert_int_equal(wf_presence_hand(nodes[0].p, 2, WF_STR("p1"), 8, &item, &err), 0);
    assert_string_equal(wf_json_text(item, "ref"), "one");
    json_decref(item);
    n_queue = 0;
    assert_int_equal(wf_presence_hand(nodes[0].p, 3, WF_STR(""), 9, &item, &err), WF_E_DENIED);
    set(0, "p2", WF_LABEL_SECRET, "{\"view\":\"draft\"}");
    assert_int_equal(wf_presence_hand(nodes[0].p, 2, WF_STR("p2"), 9, &item, &err), WF_E_DENIED);
    assert_int_equal(n_queue, 0);
}

/* ---- screens ---- */

static void show(size_t i, enum wf_label label, const char *text)
{
    json_t *v = NULL;

    if (text != NULL)
        assert_int_equal(wf_json_parse(wf_str_from(text), &v, NULL), 0);
    wf_presence_show(nodes[i].p, label, v);
    json_decref(v);
}

/* What is asked arrives, and what becomes of it. */
static void settle(void)
{
    pass(10);
    pass(10);
}

/* What node i knows of screens elsewhere, as text. */
static const char *screens(size_t i)
{
    static char text[400];
    json_t *all = wf_presence_screens(nodes[i].p);
    struct wf_buf b;

    wf_buf_init(&b, sizeof(text) - 1);
    assert_int_equal(wf_json_append(&b, all), 0);
    (void)snprintf(text, sizeof(text), "%.*s", WF_STR_ARG(wf_buf_str(&b)));
    wf_buf_deinit(&b);
    json_decref(all);
    return text;
}

static int move(size_t from, size_t to, const char *text, struct wf_err *err)
{
    json_t *v = NULL;
    int rc;

    assert_int_equal(wf_json_parse(wf_str_from(text), &v, NULL), 0);
    rc = wf_presence_move(nodes[from].p, to + 1, v, err);
    json_decref(v);
    return rc;
}

#define TALK "{\"kind\":\"draft\",\"id\":\"talk\",\"at\":0,\"n\":3,\"since\":5}"
#define TALK_AT(n) "{\"kind\":\"draft\",\"id\":\"talk\",\"at\":" n "}"

static void test_presence__a_screen_is_moved_from_another_device(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    (void)state;

    connect_two(0, 1);
    pass(100);
    assert_int_equal(move(1, 0, TALK_AT("1"), &err), WF_E_NOENT); /* nothing is shown yet */
    show(0, WF_LABEL_PRIVATE, TALK);
    settle();
    assert_int_equal(nodes[1].n_screens, 1);
    assert_non_null(strstr(screens(1), "\"id\":\"talk\""));
    assert_non_null(strstr(screens(1), "\"node\":\"laptop\""));
    assert_string_equal(screens(0), "[]");
    assert_int_equal(move(1, 0, TALK_AT("1"), NULL), 0);
    settle();
    assert_true(nodes[0].n_moved == 1 && nodes[0].moved_at == 1);
    assert_non_null(strstr(screens(1), "\"at\":1,\"n\":3,\"since\":5"));
    /* A pointer comes and goes; a slide that is not there is the last one. */
    assert_int_equal(
        move(1, 0, "{\"kind\":\"draft\",\"id\":\"talk\",\"at\":7,\"pointer\":[0.5,1]}", NULL), 0);
    settle();
    assert_int_equal(nodes[0].moved_at, 2);
    assert_non_null(strstr(screens(1), "\"pointer\":[0.5,1"));
    assert_int_equal(move(1, 0, TALK_AT("0"), NULL), 0);
    settle();
    assert_null(strstr(screens(1), "pointer"));
    /* What is not on it is not moved: here, nor where the word of it comes late. */
    assert_int_equal(move(1, 0, "{\"kind\":\"draft\",\"id\":\"other\"}", &err), WF_E_NOENT);
    assert_int_equal(move(1, 0, TALK_AT("1"), NULL), 0);
    show(0, WF_LABEL_PRIVATE, "{\"kind\":\"document\",\"id\":\"x\",\"n\":2}");
    settle();
    assert_int_equal(nodes[0].n_moved, 3);
    /* It ends, and so it does when its device goes. */
    show(0, WF_LABEL_PRIVATE, NULL);
    settle();
    assert_string_equal(screens(1), "[]");
    show(0, WF_LABEL_PRIVATE, TALK);
    settle();
    wf_presence_down(nodes[1].p, 1);
    assert_string_equal(screens(1), "[]");
    wf_presence_down(nodes[0].p, 2);
    connect_two(0, 1);
    settle();
    assert_non_null(strstr(screens(1), "talk"));
}

static void test_presence__a_screen_above_a_clearance_is_not_told_nor_moved(void **state)
{
    static struct wf_devices list;
    (void)state;

    connect_two(0, 1);
    connect_two(0, 2);
    show(0, WF_LABEL_PRIVATE, TALK);
    pass(100);
    assert_string_equal(screens(2), "[]");
    assert_non_null(strstr(screens(1), "talk"));
    /* Who asks all the same (it guessed, or was told before) moves nothing. */
    n_queue = 0;
    const char words[] = "\5{\"screen\":" TALK_AT("1") "}";
    assert_int_equal(wf_presence_bytes(nodes[0].p, 3, wf_str_n(words, sizeof(words) - 1), NULL), 0);
    assert_int_equal(nodes[0].n_moved, 0);
    show(0, WF_LABEL_INTERNAL, TALK);
    settle();
    assert_non_null(strstr(screens(2), "talk"));
    show(0, WF_LABEL_SECRET, TALK); /* it became secret while it was shown */
    settle();
    assert_string_equal(screens(1), "[]");
    assert_string_equal(screens(2), "[]");
    show(0, WF_LABEL_PRIVATE, TALK);
    settle();
    assert_non_null(strstr(screens(1), "talk"));
    list.n_entries = 1; /* the phone may see less from now on, the box is out */
    list.entries[0] = entry(1, WF_LABEL_PUBLIC);
    wf_presence_devices(nodes[0].p, &list);
    settle();
    assert_string_equal(screens(1), "[]");
}

static void test_presence__what_is_no_screen_is_refused(void **state)
{
    static const char *const bad[] = {
        "\4{}",
        "\4{\"screen\":" TALK "}",
        "\4{\"screen\":" TALK ",\"label\":\"secret\"}",
        "\4{\"screen\":{\"kind\":\"film\",\"id\":\"a\"},\"label\":\"public\"}",
        "\4{\"screen\":{\"kind\":\"draft\",\"id\":\"\"},\"label\":\"public\"}",
        "\5{\"screen\":{\"kind\":\"draft\",\"id\":\"a\",\"at\":-1}}",
        "\5{\"screen\":{\"kind\":\"draft\",\"id\":\"a\",\"at\":1.5}}",
        "\5{\"screen\":{\"kind\":\"draft\",\"id\":\"a\",\"n\":1000000}}",
        "\5{\"screen\":{\"kind\":\"draft\",\"id\":\"a\",\"pointer\":[0,2]}}",
        "\5{\"screen\":{\"kind\":\"draft\",\"id\":\"a\",\"pointer\":[0]}}",
        "\5{\"screen\":null}",
    };
    (void)state;

    connect_two(0, 1);
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++)
        assert_int_equal(wf_presence_bytes(nodes[0].p, 2, wf_str_from(bad[i]), NULL), WF_E_FORMAT);
    assert_int_equal(nodes[0].n_moved + nodes[0].n_screens, 0);
}

static void test_presence__peers_by_name(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    uint64_t peer = 0;

    connect_two(0, 1);
    assert_int_equal(wf_presence_peer(nodes[0].p, WF_STR("Phone"), &peer, &err), 0);
    assert_int_equal(peer, 2);
    wf_presence_down(nodes[0].p, 2);
    assert_int_equal(wf_presence_peer(nodes[0].p, WF_STR("phone"), &peer, &err), WF_E_NOENT);
    assert_int_equal(wf_presence_peer(nodes[0].p, WF_STR("tablet"), &peer, &err), WF_E_NOENT);
}

static int say(const char *body, unsigned kind)
{
    char bytes[1000];
    int n = snprintf(bytes, sizeof(bytes), "%c%s", (char)kind, body);

    return wf_presence_bytes(nodes[0].p, 2, wf_str_n(bytes, (size_t)n), NULL);
}

static void test_presence__what_is_no_message_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "[1",
        "{\"items\":[{}]}",
        "{\"items\":[{\"id\":\"a\"}]}",
        "{\"items\":[{\"id\":\"a\",\"age\":-1}]}",
        "{\"items\":[{\"id\":\"a\",\"age\":1,\"what\":{\"view\":\"x\"}}]}",
        "{\"items\":[{\"id\":\"a\",\"age\":1,\"label\":\"secret\",\"what\":{\"view\":\"x\"}}]}",
        "{\"items\":[{\"id\":\"a\",\"age\":1,\"label\":\"public\",\"what\":{\"view\":\"X\"}}]}",
        "{\"items\":[{\"id\":\"a\",\"age\":1,\"label\":\"public\",\"what\":{\"view\":\"x\",\"at\":["
        "]}}]}",
        "{\"items\":[{\"id\":\"a\",\"age\":1,\"label\":\"public\",\"what\":{\"view\":\"x\","
        "\"at\":{\"a\":{}}}}]}",
        "{\"items\":[{\"id\":\"a\",\"age\":1,\"label\":\"public\",\"what\":{\"view\":\"x\","
        "\"generation\":{}}}]}",
        "{\"items\":[{\"id\":\"0123456789012345678901234567890123456789x\",\"age\":1}]}",
    };
    char many[1000] = "{\"items\":[";

    connect_two(0, 1);
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++)
        assert_int_equal(say(bad[i], 1), WF_E_FORMAT);
    assert_int_equal(wf_presence_bytes(nodes[0].p, 2, WF_STR(""), NULL), WF_E_FORMAT);
    assert_int_equal(say("{}", 2), WF_E_FORMAT);
    assert_int_equal(say("{\"call\":1,\"item\":{\"id\":\"a\",\"age\":1}}", 2), WF_E_FORMAT);
    assert_int_equal(say("{\"call\":1,\"pages\":-1}", 3), WF_E_FORMAT);
    assert_int_equal(say("{}", 9), 0); /* a newer version's */
    assert_int_equal(say("{}", 20), 0);
    assert_int_equal(nodes[0].n_other, 1);
    for (int i = 0; i <= WF_PRESENCE_ITEMS_MAX; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many),
                 "%s{\"id\":\"%d\",\"age\":0,\"label\":\"public\",\"what\":{\"view\":\"a\"}}",
                 i > 0 ? "," : "", i);
    snprintf(many + strlen(many), sizeof(many) - strlen(many), "]}");
    assert_true(strlen(many) < sizeof(many) - 1);
    assert_int_equal(say(many, 1), WF_E_LIMIT);
    assert_int_equal(n_known(0, "phone"), WF_PRESENCE_ITEMS_MAX);
    assert_int_equal(nodes[0].n_handed, 0);
}

static void test_presence__a_page_more_replaces_the_most_silent(void **state)
{
    (void)state;
    char id[8];

    connect_two(0, 1);
    for (int i = 0; i < WF_PRESENCE_ITEMS_MAX + 4; i++) {
        snprintf(id, sizeof(id), "p%d", i);
        set(0, id, WF_LABEL_PUBLIC, "{\"view\":\"ask\"}");
        pass(100);
    }
    assert_int_equal(n_known(1, "laptop"), WF_PRESENCE_ITEMS_MAX);
}

static void test_presence__no_memory_changes_nothing(void **state)
{
    (void)state;
    json_t *v = json_pack("{s:s,s:s}", "view", "thread", "text", "how");
    int rc;

    connect_two(0, 1);
    for (uint64_t n = 1; n < 40; n++) {
        wf_alloc_fail_at(n);
        rc = wf_presence_set(nodes[0].p, WF_STR("p1"), WF_LABEL_PRIVATE, v, true, NULL);
        (void)wf_presence_tick(nodes[0].p);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        if (rc != 0)
            set(0, "p1", WF_LABEL_PRIVATE, "{\"view\":\"thread\",\"text\":\"how\"}");
        now_ms += 2000;
        pass(0);
        assert_string_equal(text_known(1, "laptop"), "how");
        assert_int_equal(
            wf_presence_set(nodes[0].p, WF_STR("p1"), WF_LABEL_PRIVATE, NULL, true, NULL), 0);
        pass(100);
        assert_int_equal(n_known(1, "laptop"), 0);
    }
    json_decref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_presence__what_is_open_is_known_elsewhere, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_presence__who_may_not_know_does_not_hear, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_presence__secrets_are_not_even_on_the_way, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_presence__typing_is_gathered_and_arrives_soon, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_presence__idle_costs_next_to_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_presence__it_is_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(test_presence__who_is_taken_out_is_forgotten, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_presence__connecting_again_tells_it_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_presence__what_does_not_go_through_goes_later, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_presence__the_latest_is_handed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_presence__a_screen_is_moved_from_another_device, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_presence__a_screen_above_a_clearance_is_not_told_nor_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_presence__what_is_no_screen_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_presence__peers_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_presence__what_is_no_message_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_presence__a_page_more_replaces_the_most_silent, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_presence__no_memory_changes_nothing, setup, teardown),
    };

    json_set_alloc_funcs(wf_alloc, wf_free); /* so that those fail, too */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
