/* SPDX-License-Identifier: Apache-2.0 */
/* Rooms: messages of both protocols, what each client hears, presence that goes with it, and
 * memory that fails anywhere. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "crdt/lib0.h"
#include "crdt/types.h"
#include "space/room.h"
#include "space/sync_frame.h"
#include "support/home.h"

static struct home home;
static struct wf_drafts *all;
static struct wf_rooms *rooms;

static int set_up(void **state)
{
    struct wf_drafts_options o = {.gather_ms = 1};

    (void)state;
    home_make(&home);
    o.store = home.store;
    assert_int_equal(wf_drafts_new(&o, &all, NULL), 0);
    assert_int_equal(wf_rooms_new(all, &rooms), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_rooms_free(rooms);
    wf_drafts_free(all);
    home_remove(&home);
    return 0;
}

/* ---- frames ---- */

static void test_room__frames_are_read_and_written(void **state)
{
    const enum wf_sync_kind kinds[] = {WF_SYNC_STEP1, WF_SYNC_STEP2, WF_SYNC_UPDATE,
                                       WF_SYNC_AWARENESS};
    struct wf_sync_frame f;
    struct wf_buf out;

    (void)state;
    wf_buf_init(&out, 1000);
    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++) {
        wf_buf_reset(&out);
        wf_sync_write(WF_SYNC_YWEBSOCKET, WF_STR(""), kinds[i], WF_STR("bytes"), &out);
        assert_int_equal(wf_sync_read(WF_SYNC_YWEBSOCKET, wf_buf_str(&out), &f), 0);
        assert_int_equal(f.kind, kinds[i]);
        assert_true(wf_str_eq(f.bytes, WF_STR("bytes")));
        for (size_t n = 0; n < out.len; n++)
            assert_int_equal(
                wf_sync_read(WF_SYNC_YWEBSOCKET, wf_str_sub(wf_buf_str(&out), 0, n), &f),
                WF_E_FORMAT);
    }
    wf_buf_reset(&out);
    wf_sync_write(WF_SYNC_YWEBSOCKET, WF_STR(""), WF_SYNC_OTHER, WF_STR(""), &out);
    assert_int_equal(out.len, 0); /* it knows no such thing */
    wf_sync_write(WF_SYNC_HOCUSPOCUS, WF_STR("me/notes"), WF_SYNC_UPDATE, WF_STR("u"), &out);
    assert_int_equal(wf_sync_dialect_of(wf_buf_str(&out), WF_STR("me"), WF_STR("notes")),
                     WF_SYNC_HOCUSPOCUS);
    assert_int_equal(wf_sync_dialect_of(wf_buf_str(&out), WF_STR("me"), WF_STR("other")),
                     WF_SYNC_YWEBSOCKET);
    assert_true(wf_sync_name_is(wf_str_n("notes\0abc", 9), WF_STR("me"), WF_STR("notes")));
    assert_false(wf_sync_name_is(WF_STR("xme/notes"), WF_STR("me"), WF_STR("notes")));
    assert_int_equal(wf_sync_read(WF_SYNC_YWEBSOCKET, WF_STR("\x05"), &f), WF_E_FORMAT);
    wf_buf_deinit(&out);
}

/* ---- clients ---- */

/* One end, with a document of its own. */
struct end {
    struct wf_room_client *client;
    struct wf_crdt *doc;
    enum wf_sync_dialect dialect;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned n_updates, n_kept, n_awareness, n_gone, n_step1, n_step2, n_bad;
    bool is_dropped, is_released;
};

static void end_send(void *ud, struct wf_str message)
{
    struct end *e = ud;
    struct wf_sync_frame f = {.kind = WF_SYNC_OTHER};
    struct wf_sync_presence p;

    pthread_mutex_lock(&e->lock);
    e->n_bad += wf_sync_read(e->dialect, message, &f) != 0; /* another thread: no assertion */
    e->n_step1 += f.kind == WF_SYNC_STEP1;
    e->n_step2 += f.kind == WF_SYNC_STEP2;
    e->n_updates += f.kind == WF_SYNC_UPDATE;
    e->n_kept += f.kind == WF_SYNC_OTHER;
    if (f.kind == WF_SYNC_STEP2 || f.kind == WF_SYNC_UPDATE) {
        int rc = wf_crdt_apply(e->doc, f.bytes, WF_CRDT_V1, NULL);
        e->n_bad += rc != 0 && rc != WF_E_NOMEM;
    }
    if (f.kind == WF_SYNC_AWARENESS && wf_sync_presence_at(f.bytes, 0, &p)) {
        e->n_awareness++;
        e->n_gone += p.is_gone;
    }
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

static void end_drop(void *ud)
{
    struct end *e = ud;

    pthread_mutex_lock(&e->lock);
    e->is_dropped = true;
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

static void end_release(void *ud)
{
    struct end *e = ud;

    pthread_mutex_lock(&e->lock);
    e->is_released = true;
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

static int end_open(struct end *e, uint64_t id, enum wf_sync_dialect dialect)
{
    const struct wf_crdt_options o = {.client = id};
    const struct wf_room_peer peer = {
        .send = end_send, .drop = end_drop, .release = end_release, .ud = e};

    *e = (struct end){.dialect = dialect};
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->changed, NULL);
    if (wf_crdt_new(&o, &e->doc) != 0)
        return WF_E_NOMEM;
    return wf_room_join(rooms, WF_STR("me"), WF_STR("notes"), &peer, &e->client, NULL);
}

static void end_close(struct end *e)
{
    if (e->client) {
        wf_room_leave(e->client);
        pthread_mutex_lock(&e->lock);
        while (!e->is_released)
            pthread_cond_wait(&e->changed, &e->lock);
        pthread_mutex_unlock(&e->lock);
    }
    assert_int_equal(e->n_bad, 0);
    wf_crdt_free(e->doc);
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->changed);
}

static int say(struct end *e, enum wf_sync_kind kind, struct wf_str bytes)
{
    struct wf_buf message;
    int rc;

    wf_buf_init(&message, 1u << 20);
    wf_sync_write(e->dialect, WF_STR("notes"), kind, bytes, &message);
    rc = wf_buf_status(&message);
    if (rc == 0)
        rc = wf_room_receive(e->client, wf_buf_str(&message), NULL);
    wf_buf_deinit(&message);
    return rc;
}

/* Waits until *n of the end is at least `want`. */
static void await(struct end *e, const unsigned *n, unsigned want)
{
    pthread_mutex_lock(&e->lock);
    while (*n < want && !e->is_dropped)
        pthread_cond_wait(&e->changed, &e->lock);
    pthread_mutex_unlock(&e->lock);
}

/* Types at the beginning, and tells the room. */
static int type(struct end *e, const char *text)
{
    struct wf_buf update, vector;
    uint64_t root = 0;
    int rc;

    wf_buf_init(&update, 1u << 20);
    wf_buf_init(&vector, 1u << 20);
    pthread_mutex_lock(&e->lock);
    rc = wf_crdt_state_vector(e->doc, &vector);
    if (rc == 0)
        rc = wf_crdt_root(e->doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root);
    if (rc == 0)
        rc = wf_crdt_text_insert(e->doc, root, 0, wf_str_from(text), NULL);
    if (rc == 0)
        rc = wf_crdt_encode(e->doc, wf_buf_str(&vector), WF_CRDT_V1, &update);
    pthread_mutex_unlock(&e->lock);
    if (rc == 0)
        rc = say(e, WF_SYNC_UPDATE, wf_buf_str(&update));
    wf_buf_deinit(&update);
    wf_buf_deinit(&vector);
    return rc;
}

static void check_text(struct end *e, const char *want)
{
    struct wf_buf text;
    uint64_t root = 0;

    wf_buf_init(&text, 1000);
    pthread_mutex_lock(&e->lock);
    assert_int_equal(wf_crdt_root(e->doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root), 0);
    assert_int_equal(wf_crdt_text_get(e->doc, root, &text), 0);
    pthread_mutex_unlock(&e->lock);
    assert_string_equal(text.ptr, want);
    wf_buf_deinit(&text);
}

static void test_room__clients_hear_each_other(void **state)
{
    struct end a, b, c;

    (void)state;
    assert_int_equal(end_open(&a, 1, WF_SYNC_YWEBSOCKET), 0);
    assert_int_equal(end_open(&b, 2, WF_SYNC_HOCUSPOCUS), 0);
    assert_int_equal(say(&a, WF_SYNC_STEP1, WF_STR("\0")), 0);
    assert_int_equal(say(&b, WF_SYNC_STEP1, WF_STR("\0")), 0);
    await(&a, &a.n_step1, 1);
    await(&b, &b.n_step1, 1);
    assert_int_equal(type(&a, "one"), 0);
    await(&b, &b.n_updates, 1);
    assert_int_equal(type(&b, "two "), 0);
    await(&a, &a.n_updates, 1);
    await(&b, &b.n_kept, 1);
    check_text(&a, "two one");
    check_text(&b, "two one");
    assert_int_equal(a.n_kept, 0);
    assert_int_equal(end_open(&c, 3, WF_SYNC_YWEBSOCKET), 0);
    assert_int_equal(say(&c, WF_SYNC_STEP1, WF_STR("\0")), 0);
    await(&c, &c.n_step2, 1);
    check_text(&c, "two one");
    end_close(&c);
    end_close(&a);
    end_close(&b);
}

static void test_room__presence_goes_with_its_client(void **state)
{
    static const char here[] = "\1\7\1\2{}";
    struct end a, b;

    (void)state;
    assert_int_equal(end_open(&a, 1, WF_SYNC_YWEBSOCKET), 0);
    assert_int_equal(end_open(&b, 2, WF_SYNC_YWEBSOCKET), 0);
    assert_int_equal(say(&a, WF_SYNC_AWARENESS, WF_STR("\1\7\1\2{}")), 0);
    await(&a, &a.n_awareness, 1); /* it hears itself: the connection lives */
    assert_int_equal(say(&b, WF_SYNC_STEP1, WF_STR("\0")), 0);
    await(&b, &b.n_awareness, 1); /* who was here before */
    assert_int_equal(say(&a, WF_SYNC_AWARENESS, wf_str_n(here, 3)), WF_E_FORMAT);
    end_close(&a);
    await(&b, &b.n_gone, 1);
    assert_int_equal(b.n_gone, 1);
    end_close(&b);
}

static void test_room__refuses_what_is_malformed(void **state)
{
    struct wf_buf many;
    struct end a;

    (void)state;
    assert_int_equal(end_open(&a, 1, WF_SYNC_HOCUSPOCUS), 0);
    assert_int_equal(say(&a, WF_SYNC_UPDATE, WF_STR("\1")), WF_E_FORMAT);
    assert_int_equal(say(&a, WF_SYNC_STEP1, WF_STR("\xff")), WF_E_FORMAT);
    assert_int_equal(wf_room_receive(a.client, WF_STR("\5other\3"), NULL), WF_E_DENIED);
    assert_int_equal(wf_room_receive(a.client, WF_STR(""), NULL), WF_E_FORMAT);
    wf_buf_init(&many, 1u << 16); /* 65 presences of one connection */
    wf_lib0_append_uint(&many, 65);
    for (uint64_t i = 0; i < 65; i++) {
        wf_lib0_append_uint(&many, 100 + i);
        wf_lib0_append_uint(&many, 1);
        wf_lib0_append_bytes(&many, WF_STR("{}"));
    }
    assert_int_equal(say(&a, WF_SYNC_AWARENESS, wf_buf_str(&many)), WF_E_LIMIT);
    wf_buf_deinit(&many);
    assert_int_equal(type(&a, "good"), 0);
    end_close(&a);
}

static void test_room__lets_go_when_the_draft_is_removed(void **state)
{
    struct wf_draft *d = NULL;
    struct end a;
    int64_t id = 0;

    (void)state;
    assert_int_equal(end_open(&a, 1, WF_SYNC_YWEBSOCKET), 0);
    assert_int_equal(type(&a, "text"), 0);
    assert_int_equal(wf_draft_open_named(all, WF_STR("me"), WF_STR("notes"), false, &d, NULL), 0);
    assert_int_equal(wf_draft_remove(all, wf_draft_id(d), NULL), 0);
    wf_draft_close(d);
    assert_true(a.is_dropped);
    assert_int_equal(type(&a, "more"), WF_E_CANCELED);
    end_close(&a);
    assert_int_equal(end_open(&a, 1, WF_SYNC_YWEBSOCKET), WF_E_NOENT);
    end_close(&a);
    assert_int_equal(wf_draft_row_add(home.store, 1, WF_STR("notes"), &id, NULL), 0);
    assert_int_equal(end_open(&a, 1, WF_SYNC_YWEBSOCKET), 0); /* a new one */
    assert_int_equal(say(&a, WF_SYNC_STEP1, WF_STR("\0")), 0);
    await(&a, &a.n_step2, 1);
    check_text(&a, "");
    end_close(&a);
}

static int join_as(const char *name, struct end *e, struct wf_room_client **out)
{
    const struct wf_room_peer peer = {
        .send = end_send, .drop = end_drop, .release = end_release, .ud = e};

    return wf_room_join(rooms, WF_STR("me"), wf_str_from(name), &peer, out, NULL);
}

static void test_room__is_found_by_uid_and_never_made_by_it(void **state)
{
    static const uint8_t uid[WF_DRAFT_UID_BYTES] = {0xab, 0xcd};
    struct wf_room_client *client = NULL;
    struct end a = {.dialect = WF_SYNC_YWEBSOCKET};
    int64_t id = 0;

    (void)state;
    pthread_mutex_init(&a.lock, NULL);
    pthread_cond_init(&a.changed, NULL);
    assert_int_equal(join_as("abcd0000000000000000000000000000", &a, &client), WF_E_NOENT);
    assert_int_equal(wf_draft_row_add_uid(home.store, 1, WF_STR("notes"), uid, &id, NULL), 0);
    assert_int_equal(wf_draft_row_rename(home.store, id, WF_STR("renamed"), NULL), 0);
    assert_int_equal(join_as("abcd0000000000000000000000000000", &a, &client), 0);
    wf_room_leave(client);
    assert_int_equal(home_count(&home, "draft"), 1);
    pthread_mutex_destroy(&a.lock);
    pthread_cond_destroy(&a.changed);
}

static void test_room__has_room_for_so_many(void **state)
{
    struct wf_room_client *clients[WF_LIMIT_SYNC_CLIENTS], *one_more = NULL;
    struct end a = {.dialect = WF_SYNC_YWEBSOCKET};

    (void)state;
    pthread_mutex_init(&a.lock, NULL);
    pthread_cond_init(&a.changed, NULL);
    for (size_t i = 0; i < WF_LIMIT_SYNC_CLIENTS; i++)
        assert_int_equal(join_as("notes", &a, &clients[i]), 0);
    assert_int_equal(join_as("notes", &a, &one_more), WF_E_LIMIT);
    for (size_t i = 0; i < WF_LIMIT_SYNC_CLIENTS; i++)
        wf_room_leave(clients[i]);
    pthread_mutex_destroy(&a.lock);
    pthread_cond_destroy(&a.changed);
}

/* Whatever fails: the client is refused or let go, and nothing is left behind. */
static void test_room__survives_when_memory_fails(void **state)
{
    bool hit = true;

    (void)state;
    for (uint64_t n = 1; hit && n < 2000; n++) {
        struct end a, b;
        int rc, rc2;
        wf_alloc_fail_at(n);
        rc = end_open(&a, 1, WF_SYNC_HOCUSPOCUS);
        rc2 = end_open(&b, 2, WF_SYNC_YWEBSOCKET);
        if (rc == 0)
            rc = say(&a, WF_SYNC_STEP1, WF_STR("\0"));
        if (rc == 0)
            rc = say(&a, WF_SYNC_AWARENESS, WF_STR("\1\7\1\2{}"));
        if (rc == 0 && rc2 == 0)
            rc = say(&b, WF_SYNC_STEP1, WF_STR("\0"));
        if (rc == 0)
            rc = type(&a, "x");
        hit = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM || rc == WF_E_CANCELED);
        end_close(&a);
        end_close(&b);
    }
    assert_false(hit);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room__frames_are_read_and_written),
        T(test_room__clients_hear_each_other),
        T(test_room__presence_goes_with_its_client),
        T(test_room__refuses_what_is_malformed),
        T(test_room__lets_go_when_the_draft_is_removed),
        T(test_room__is_found_by_uid_and_never_made_by_it),
        T(test_room__has_room_for_so_many),
        T(test_room__survives_when_memory_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
