/* SPDX-License-Identifier: Apache-2.0 */
/* Two fabrics in one process, over a link of memory (the functions of mesh/link.h are below), each
 * with a keeper of its own: code and scanned text, wrong ones, how often somebody may try, also
 * over a restart; lists that travel; a pairing that breaks off at any message. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "mesh/fabric.h"
#include "mesh/keeper.h"
#include "mesh/link.h"
#include "os/file.h"
#include "os/sock.h"

/* ---- a link of memory ---- */

struct wf_link {
    struct wf_link_events events;
    struct wf_link *other;
    uint8_t key[WF_LINK_KEY_BYTES], pins[2 * WF_DEVICES_MAX][WF_LINK_KEY_BYTES];
    size_t n_pins;
    _Atomic bool is_pairing;
    bool is_listening;
    uint64_t peer; /* 0: not connected */
};

static pthread_mutex_t net = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP; /* callbacks call back */
static uint64_t n_connections;
static _Atomic int lose_after; /* messages until the connection breaks; -1: never */

static bool knows(const struct wf_link *l, const uint8_t *key)
{
    for (size_t i = 0; i < l->n_pins; i++)
        if (memcmp(l->pins[i], key, WF_LINK_KEY_BYTES) == 0)
            return true;
    return false;
}

void wf_link_on(struct wf_link *l, unsigned channel, const struct wf_link_events *events)
{
    assert_int_equal(channel, WF_LINK_PAIRING);
    pthread_mutex_lock(&net);
    l->events = events != NULL ? *events : (struct wf_link_events){.ud = NULL};
    pthread_mutex_unlock(&net);
}

void wf_link_allow(struct wf_link *l, const uint8_t (*pins)[WF_LINK_KEY_BYTES], size_t n)
{
    pthread_mutex_lock(&net);
    memcpy(l->pins, pins, n * WF_LINK_KEY_BYTES);
    l->n_pins = n;
    pthread_mutex_unlock(&net);
}

static void tell_down(struct wf_link *l, uint64_t peer, enum wf_link_reason reason)
{
    if (l->events.down != NULL)
        l->events.down(l->events.ud, peer, reason, WF_STR(""));
}

static void tell_up(struct wf_link *l, uint64_t peer)
{
    if (l->events.up != NULL)
        l->events.up(l->events.ud, peer, l->other->key, knows(l, l->other->key),
                     WF_STR("192.0.2.7:7771"));
}

static void disconnect(struct wf_link *l)
{
    uint64_t peer = l->peer;

    if (peer == 0)
        return;
    l->peer = l->other->peer = 0;
    tell_down(l, peer, WF_LINK_LOST);
    tell_down(l->other, peer, WF_LINK_LOST);
}

/* Off: strangers have to go. */
void wf_link_pairing(struct wf_link *l, bool is_on)
{
    pthread_mutex_lock(&net);
    l->is_pairing = is_on;
    if (!is_on && l->peer != 0 && !knows(l, l->other->key))
        disconnect(l);
    pthread_mutex_unlock(&net);
}

int wf_link_dial(struct wf_link *l, struct wf_str host_port, const uint8_t *pin, uint64_t *out_peer,
                 struct wf_err *err)
{
    (void)pin, (void)err;
    pthread_mutex_lock(&net);
    disconnect(l);
    *out_peer = ++n_connections;
    if (!wf_str_eq(host_port, WF_STR("there:7771"))) {
        tell_down(l, *out_peer, WF_LINK_NO_NAME);
    } else if (!l->other->is_pairing && !knows(l->other, l->key)) {
        tell_down(l, *out_peer, WF_LINK_NOT_PAIRED);
    } else {
        l->peer = l->other->peer = *out_peer;
        tell_up(l->other, *out_peer);
        tell_up(l, *out_peer);
    }
    pthread_mutex_unlock(&net);
    return 0;
}

int wf_link_send(struct wf_link *l, uint64_t peer, unsigned channel, struct wf_str bytes,
                 struct wf_err *err)
{
    int rc = 0;

    (void)err;
    pthread_mutex_lock(&net);
    if (l->peer != peer || peer == 0)
        rc = WF_E_NOENT;
    else if (lose_after == 0)
        disconnect(l);
    else if (l->other->events.bytes != NULL)
        l->other->events.bytes(l->other->events.ud, peer, channel, bytes);
    if (lose_after > 0)
        lose_after--;
    pthread_mutex_unlock(&net);
    return rc;
}

void wf_link_close(struct wf_link *l, uint64_t peer)
{
    pthread_mutex_lock(&net);
    if (l->peer == peer)
        disconnect(l);
    pthread_mutex_unlock(&net);
}

void wf_link_address(struct wf_link *l, const uint8_t key[WF_LINK_KEY_BYTES],
                     struct wf_str host_port)
{
    (void)l, (void)key, (void)host_port;
}

int wf_link_known(struct wf_link *l, const uint8_t key[WF_LINK_KEY_BYTES], struct wf_buf *out)
{
    return knows(l, key) ? wf_buf_append_cstr(out, "there:7771\n") : 0;
}

int wf_link_key(struct wf_link *l, uint8_t out[WF_LINK_KEY_BYTES], unsigned timeout_ms,
                struct wf_err *err)
{
    (void)timeout_ms, (void)err;
    memcpy(out, l->key, WF_LINK_KEY_BYTES);
    return 0;
}

int wf_link_addresses(struct wf_link *l, struct wf_buf *out, unsigned timeout_ms,
                      struct wf_err *err)
{
    (void)timeout_ms, (void)err;
    return l->is_listening ? wf_buf_append_cstr(out, "there:7771\n[2001:db8::1]:7771\n") : 0;
}

/* The same for tests, beside threads that change it. */
static bool allows(const struct wf_link *l, const uint8_t *key)
{
    bool does;

    pthread_mutex_lock(&net);
    does = knows(l, key);
    pthread_mutex_unlock(&net);
    return does;
}

/* ---- two devices ---- */

struct device {
    char dir[96], node[96], owner[96];
    struct wf_link link;
    struct wf_keeper *keeper;
    pthread_t server;
    int server_fd;
    struct wf_signer signer;
    struct wf_signer_key key;
    struct wf_fabric *f;
};

static struct world {
    char dir[64];
    _Atomic int64_t now_ms;
    struct device a, b;
} w;

static int64_t wall_ms(void *ud)
{
    (void)ud;
    return w.now_ms;
}

static int64_t mono_ns(void *ud)
{
    (void)ud;
    return w.now_ms * 1000000;
}

static const struct wf_clock clock_of_test = {.wall_ms = wall_ms, .mono_ns = mono_ns};

static void *serve(void *ud)
{
    struct device *d = ud;
    const struct wf_keeper_folders at = {.node = d->node, .owner = d->owner};

    wf_keeper_serve(&at, d->server_fd);
    wf_file_close(&d->server_fd);
    return NULL;
}

static void open_fabric(struct device *d, const char *name)
{
    const struct wf_fabric_options o = {.dir = d->dir,
                                        .link = &d->link,
                                        .keeper = d->keeper,
                                        .device = &d->signer,
                                        .name = name,
                                        .clock = &clock_of_test};

    assert_int_equal(wf_fabric_new(&o, &d->f, NULL), 0);
}

static void make(struct device *d, const char *name, uint8_t seed)
{
    uint8_t bytes[32] = {seed};
    int fds[2];

    snprintf(d->dir, sizeof(d->dir), "%s/%s", w.dir, name);
    snprintf(d->node, sizeof(d->node), "%s/%s-node", w.dir, name);
    snprintf(d->owner, sizeof(d->owner), "%s/%s-owner", w.dir, name);
    memset(&d->link, 0, sizeof(d->link));
    memset(d->link.key, seed, sizeof(d->link.key));
    d->link.is_listening = true;
    wf_signer_from_seed(bytes, &d->key, &d->signer);
    assert_int_equal(wf_sock_pair(fds, NULL), 0);
    d->server_fd = fds[1];
    assert_int_equal(pthread_create(&d->server, NULL, serve, d), 0);
    assert_int_equal(wf_keeper_new(fds[0], &d->keeper, NULL), 0);
    open_fabric(d, name);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(w.dir, sizeof(w.dir), "/tmp/weft-test-XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    w.now_ms = INT64_C(1790000000000);
    lose_after = -1;
    make(&w.a, "laptop", 1);
    make(&w.b, "phone", 2);
    w.a.link.other = &w.b.link;
    w.b.link.other = &w.a.link;
    return 0;
}

static void close_device(struct device *d)
{
    wf_fabric_free(d->f);
    wf_keeper_free(d->keeper);
    pthread_join(d->server, NULL);
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    close_device(&w.a);
    close_device(&w.b);
    snprintf(command, sizeof(command), "rm -rf '%s'", w.dir);
    return system(command);
}

/* The daemon of a device starts anew: what it held in memory is gone. */
static void restart(struct device *d, const char *name)
{
    pthread_mutex_lock(&net);
    disconnect(&d->link);
    pthread_mutex_unlock(&net);
    wf_fabric_free(d->f);
    d->link.is_pairing = false;
    open_fabric(d, name);
}

/* ---- asking ---- */

/* The code that a now shows, at its address; or what its picture says. */
static void show(char out[512], const char *what)
{
    json_t *v = NULL;

    assert_int_equal(wf_fabric_show(w.a.f, &v, NULL), 0);
    assert_int_equal(strlen(json_string_value(json_object_get(v, "code"))), 6);
    if (strcmp(what, "scan") == 0)
        snprintf(out, 512, "%s", json_string_value(json_object_get(v, "scan")));
    else
        snprintf(out, 512, "%s@%s", json_string_value(json_object_get(v, "code")),
                 json_string_value(json_object_get(v, "address")));
    json_decref(v);
}

static int join(const char *target, json_t **out, struct wf_err *err)
{
    json_t *v = NULL;
    int rc = wf_fabric_join(w.b.f, wf_str_from(target), NULL, NULL, &v, err);

    if (out != NULL && rc == 0)
        *out = v;
    else
        json_decref(v);
    return rc;
}

static void make_wrong(char target[512])
{
    target[0] = target[0] == '9' ? '0' : (char)(target[0] + 1);
}

static size_t n_nodes(struct device *d)
{
    json_t *v = wf_fabric_nodes(d->f);
    size_t n = 0, i;
    json_t *node;

    json_array_foreach(json_object_get(v, "nodes"), i, node)
    {
        if (json_is_null(json_object_get(node, "revoked")))
            n++;
    }
    json_decref(v);
    return n;
}

/* Waits until both hold the same list. */
static bool agree(void)
{
    static struct wf_devices a, b;

    for (int i = 0; i < 2000; i++) {
        wf_fabric_devices(w.a.f, &a);
        wf_fabric_devices(w.b.f, &b);
        if (wf_devices_compare(&a, &b) == WF_DEVICES_SAME)
            return true;
        usleep(5000);
    }
    return false;
}

/* Strangers may not come any more, once those who were there have gone. */
static bool door_closes(void)
{
    pthread_mutex_lock(&net);
    disconnect(&w.a.link);
    pthread_mutex_unlock(&net);
    for (int i = 0; i < 2000 && w.a.link.is_pairing; i++)
        usleep(5000);
    return !w.a.link.is_pairing;
}

static void pair(void)
{
    char target[512];

    show(target, "code");
    assert_int_equal(join(target, NULL, NULL), 0);
    assert_true(agree());
}

/* ---- tests ---- */

static void test_fabric__a_code_pairs_two_devices(void **state)
{
    char target[512];
    json_t *joined = NULL, *shown;
    (void)state;

    assert_int_equal(n_nodes(&w.a), 0);
    show(target, "code");
    assert_int_equal(n_nodes(&w.a), 1);
    assert_int_equal(join(target, &joined, NULL), 0);
    assert_true(agree());
    assert_int_equal(n_nodes(&w.a), 2);
    assert_int_equal(n_nodes(&w.b), 2);
    shown = wf_fabric_shown(w.a.f);
    assert_string_equal(json_string_value(json_object_get(shown, "state")), "paired");
    assert_string_equal(json_string_value(json_object_get(shown, "name")), "phone");
    assert_string_equal(json_string_value(json_object_get(joined, "name")), "laptop");
    assert_string_equal(json_string_value(json_object_get(shown, "words")),
                        json_string_value(json_object_get(joined, "words")));
    assert_true(door_closes());
    assert_true(allows(&w.a.link, w.b.link.key) && allows(&w.b.link, w.a.link.key));
    json_decref(joined);
    json_decref(shown);
    /* Once: the code is used up. */
    w.now_ms += 61000;
    assert_int_not_equal(join(target, NULL, NULL), 0);
    restart(&w.b, "phone");
    assert_int_equal(n_nodes(&w.b), 2);
    assert_true(allows(&w.b.link, w.a.link.key));
}

static void test_fabric__what_is_scanned_pairs_too(void **state)
{
    char target[512], *mark;
    struct wf_err err = WF_ERR_INIT;
    (void)state;

    show(target, "scan");
    assert_non_null(strstr(target, "/there:7771,[2001:db8::1]:7771/"));
    mark = strrchr(target, '/') - 1; /* the fingerprint's last sign */
    *mark = *mark == 'a' ? 'b' : 'a';
    assert_int_equal(join(target, NULL, &err), WF_E_DENIED);
    assert_int_equal(n_nodes(&w.b), 0);
    w.now_ms += 61000;
    show(target, "scan");
    assert_int_equal(join(target, NULL, NULL), 0);
    assert_true(agree());
}

static void test_fabric__one_try_a_minute_also_over_a_restart(void **state)
{
    char target[512], right[512];
    struct wf_err err = WF_ERR_INIT;
    (void)state;

    show(target, "code");
    snprintf(right, sizeof(right), "%s", target);
    make_wrong(target);
    assert_int_equal(join(target, NULL, &err), WF_E_DENIED);
    assert_int_equal(n_nodes(&w.b), 0);
    w.now_ms += 20000;
    assert_int_equal(join(right, NULL, &err), WF_E_BUSY); /* the right one, too soon */
    assert_non_null(strstr(err.msg, "40 seconds"));
    restart(&w.a, "laptop");
    show(right, "code");
    assert_int_equal(join(right, NULL, &err), WF_E_BUSY);
    w.now_ms -= 3600000; /* a clock that is set back frees nobody */
    assert_int_equal(join(right, NULL, &err), WF_E_BUSY);
    w.now_ms += 60000;
    assert_int_equal(join(right, NULL, NULL), 0);
    assert_true(agree());
}

static void test_fabric__a_code_dies_of_time_and_of_wrong_tries(void **state)
{
    char target[512], right[512];
    struct wf_err err = WF_ERR_INIT;
    (void)state;

    show(right, "code");
    w.now_ms += WF_FABRIC_CODE_S * INT64_C(1000);
    assert_int_equal(join(right, NULL, &err), WF_E_NOENT);
    show(right, "code");
    snprintf(target, sizeof(target), "%s", right);
    make_wrong(target);
    for (int i = 0; i < WF_FABRIC_TRIES_MAX; i++) {
        assert_int_equal(join(target, NULL, &err), WF_E_DENIED);
        w.now_ms += 61000;
    }
    assert_int_not_equal(join(right, NULL, &err), 0);
    assert_int_equal(n_nodes(&w.b), 0);
    assert_true(door_closes());
}

static void test_fabric__changes_of_the_list_travel(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    json_t *v = NULL;
    (void)state;

    pair();
    assert_int_equal(wf_fabric_rename(w.a.f, WF_STR("phone"), WF_STR("Ada's phone"), NULL), 0);
    assert_true(agree());
    v = wf_fabric_nodes(w.b.f);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(v, "nodes"), 0), "tier")),
        "device");
    assert_false(json_is_true(json_object_get(v, "owner_key")));
    json_decref(v);
    v = NULL;
    /* Who has not the owner's key changes nothing and takes nobody in. */
    assert_int_equal(wf_fabric_rename(w.b.f, WF_STR("laptop"), WF_STR("x"), &err), WF_E_NOENT);
    assert_int_equal(wf_fabric_show(w.b.f, &v, &err), WF_E_NOENT);
    assert_int_equal(wf_fabric_revoke(w.a.f, WF_STR("laptop"), &err), WF_E_INVAL);
    assert_int_equal(wf_fabric_revoke(w.a.f, WF_STR("ada's PHONE"), NULL), 0);
    assert_int_equal(n_nodes(&w.a), 1);
    assert_false(allows(&w.a.link, w.b.link.key));
}

static void test_fabric__leaving_forgets_the_others(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    (void)state;

    assert_int_equal(wf_fabric_leave(w.b.f, &err), WF_E_NOENT);
    pair();
    w.now_ms += 1000; /* a right code was no guess: the next one need not wait */
    pair();
    assert_int_equal(wf_fabric_leave(w.b.f, NULL), 0);
    assert_int_equal(n_nodes(&w.b), 0);
    assert_false(allows(&w.b.link, w.a.link.key));
    restart(&w.b, "phone");
    assert_int_equal(n_nodes(&w.b), 0);
    w.now_ms += 61000;
    pair();
    assert_int_equal(n_nodes(&w.b), 2);
}

/* The owner's key at two places (recovered), both sign while they do not see each other. */
static void test_fabric__a_fork_mends_when_they_meet(void **state)
{
    char command[256];
    uint64_t peer;
    json_t *v;
    (void)state;

    pair();
    snprintf(command, sizeof(command), "cp -r %s %s", w.a.owner, w.b.owner);
    assert_int_equal(system(command), 0);
    restart(&w.a, "laptop");
    restart(&w.b, "phone");
    assert_int_equal(wf_fabric_rename(w.a.f, WF_STR("laptop"), WF_STR("desk"), NULL), 0);
    assert_int_equal(wf_fabric_rename(w.b.f, WF_STR("phone"), WF_STR("pocket"), NULL), 0);
    assert_int_equal(wf_fabric_rename(w.b.f, WF_STR("pocket"), WF_STR("pocket 2"), NULL), 0);
    assert_int_equal(wf_link_dial(&w.b.link, WF_STR("there:7771"), w.a.link.key, &peer, NULL), 0);
    assert_true(agree());
    v = wf_fabric_nodes(w.a.f);
    assert_true(json_is_null(json_object_get(v, "fork")));
    assert_int_equal(json_array_size(json_object_get(v, "nodes")), 2);
    json_decref(v);
}

static int64_t last_seen(struct device *d, const char *name)
{
    json_t *v = wf_fabric_nodes(d->f), *node;
    int64_t ms = -1;
    size_t i;

    json_array_foreach(json_object_get(v, "nodes"), i, node)
    {
        if (strcmp(json_string_value(json_object_get(node, "name")), name) == 0)
            ms = json_integer_value(json_object_get(node, "last_seen"));
    }
    json_decref(v);
    return ms;
}

static void test_fabric__when_a_node_was_seen_is_known_after_a_restart(void **state)
{
    int64_t at_ms;
    (void)state;

    pair();
    at_ms = w.now_ms;
    pthread_mutex_lock(&net);
    disconnect(&w.a.link);
    pthread_mutex_unlock(&net);
    usleep(50000);
    w.now_ms += 1000000;
    for (int i = 0; i < 2000 && last_seen(&w.a, "phone") != at_ms; i++)
        usleep(5000);
    restart(&w.a, "laptop");
    assert_int_equal(last_seen(&w.a, "phone"), at_ms);
    assert_int_equal(last_seen(&w.a, "laptop"), w.now_ms);
}

static void test_fabric__fails_cleanly_without_memory(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    uint64_t peer;
    (void)state;

    pair();
    for (uint64_t n = 1;; n++) {
        wf_alloc_fail_at(n);
        int rc = wf_fabric_rename(w.a.f, WF_STR("phone"), WF_STR("phone"), &err);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || failed);
        if (!failed)
            break;
    }
    /* And by a disk that fails: the list that is held to is the one on it. */
    for (uint64_t n = 1; n < 20; n++) {
        wf_file_fail_at(n);
        (void)!wf_fabric_rename(w.a.f, WF_STR("phone"), n % 2 ? WF_STR("p") : WF_STR("q"), NULL);
        wf_file_fail_at(0);
        (void)!wf_fabric_rename(w.a.f, n % 2 ? WF_STR("p") : WF_STR("q"), WF_STR("phone"), NULL);
    }
    /* What could not be told ended the connection; at the next one it is. */
    assert_int_equal(wf_link_dial(&w.b.link, WF_STR("there:7771"), w.a.link.key, &peer, NULL), 0);
    assert_true(agree());
    restart(&w.a, "laptop");
    assert_int_equal(n_nodes(&w.a), 2);
}

/* Broken off behind any number of messages, both started anew and connected again if they may:
 * both are paired or none is, and it can be tried again. */
static void test_fabric__a_pairing_that_breaks_off_leaves_nothing_half(void **state)
{
    char target[512];
    uint64_t peer;
    (void)state;

    for (int n = 0; n < 11; n++) {
        assert_int_equal(n_nodes(&w.b), 0);
        show(target, "code");
        lose_after = n;
        (void)join(target, NULL, NULL);
        lose_after = -1;
        usleep(30000); /* what was on its way arrives */
        restart(&w.a, "laptop");
        restart(&w.b, "phone");
        assert_int_equal(wf_link_dial(&w.b.link, WF_STR("there:7771"), w.a.link.key, &peer, NULL),
                         0);
        if (n_nodes(&w.a) == 2)
            assert_true(agree());
        else
            assert_int_equal(n_nodes(&w.b), 0);
        w.now_ms += 61000;
        (void)!wf_fabric_leave(w.b.f, NULL);
        if (n_nodes(&w.a) == 2)
            assert_int_equal(wf_fabric_revoke(w.a.f, WF_STR("phone"), NULL), 0);
    }
    pair();
}

static void test_fabric__two_owners_do_not_mix(void **state)
{
    char target[512];
    struct wf_err err = WF_ERR_INIT;
    (void)state;

    assert_int_equal(wf_fabric_init(w.b.f, NULL), 0);
    assert_int_equal(wf_fabric_init(w.b.f, NULL), WF_E_EXIST);
    show(target, "code");
    assert_int_equal(join(target, NULL, &err), WF_E_EXIST);
    assert_non_null(strstr(err.msg, "weft nodes leave"));
    assert_int_equal(n_nodes(&w.b), 1);
    assert_int_equal(n_nodes(&w.a), 1);
}

static void test_fabric__a_damaged_list_is_told_and_not_overwritten(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    char path[128];
    json_t *v = NULL;
    FILE *f;
    (void)state;

    pair();
    snprintf(path, sizeof(path), "%s/devices", w.a.dir);
    f = fopen(path, "r+b");
    assert_non_null(f);
    fputs("x", f);
    fclose(f);
    restart(&w.a, "laptop");
    assert_int_equal(wf_fabric_show(w.a.f, &v, &err), WF_E_FORMAT);
    v = wf_fabric_nodes(w.a.f);
    assert_true(json_is_string(json_object_get(v, "fork")));
    json_decref(v);
    assert_false(allows(&w.a.link, w.b.link.key));
    assert_int_equal(wf_fabric_leave(w.a.f, NULL), 0);
    w.now_ms += 61000;
    assert_int_equal(wf_fabric_leave(w.b.f, NULL), 0);
    pair(); /* the owner's key is there still */
}

static void test_fabric__what_is_no_target_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "123456",
        "@there:7771",
        "123456@",
        "12345@there:7771",
        "1234567@there:7771",
        "12a456@there:7771",
        "weft:pair/",
        "weft:pair/there:7771//",
        "weft:pair/there:7771/aaaa-bbbb-cccc-dddd/short",
        "weft:pair//aaaa-bbbb-cccc-dddd/ABCDEFGHJKLMNPQRSTUVWXYZ23",
    };
    struct wf_err err = WF_ERR_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(join(bad[i], NULL, &err), WF_E_INVAL);
    assert_int_equal(join("123456@elsewhere:1", NULL, &err), WF_E_IO);
    assert_non_null(strstr(err.msg, "no machine of that name"));
    assert_int_equal(join("123456@there:7771", NULL, &err), WF_E_IO); /* no code is shown */
}

static void test_fabric__without_a_port_no_code_is_shown(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    json_t *v = NULL;
    (void)state;

    w.a.link.is_listening = false;
    assert_int_equal(wf_fabric_show(w.a.f, &v, &err), WF_E_UNSUPPORTED);
    assert_false(w.a.link.is_pairing);
    assert_int_equal(n_nodes(&w.a), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_fabric__a_code_pairs_two_devices),
        TEST(test_fabric__what_is_scanned_pairs_too),
        TEST(test_fabric__one_try_a_minute_also_over_a_restart),
        TEST(test_fabric__a_code_dies_of_time_and_of_wrong_tries),
        TEST(test_fabric__changes_of_the_list_travel),
        TEST(test_fabric__leaving_forgets_the_others),
        TEST(test_fabric__a_fork_mends_when_they_meet),
        TEST(test_fabric__when_a_node_was_seen_is_known_after_a_restart),
        TEST(test_fabric__fails_cleanly_without_memory),
        TEST(test_fabric__a_pairing_that_breaks_off_leaves_nothing_half),
        TEST(test_fabric__two_owners_do_not_mix),
        TEST(test_fabric__a_damaged_list_is_told_and_not_overwritten),
        TEST(test_fabric__what_is_no_target_is_refused),
        TEST(test_fabric__without_a_port_no_code_is_shown),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
