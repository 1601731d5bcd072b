/* SPDX-License-Identifier: Apache-2.0 */
/* An answer moves between two devices with sealed sessions in one process, over a network in the
 * test's hand: taken over with the same model, another, or followed with none; refused by its
 * label; and what becomes of it where the connection breaks. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <ftw.h>

#include "base/alloc.h"
#include "engine/local.h"
#include "mesh/nearby.h"
#include "mesh/remote_message.h"
#include "model/kv.h"
#include "model/synth.h"
#include "op/moving.h"
#include "support/sealed_world.h"

#define N_MAX 500
#define NAME "a1b2"

static char dir[] = "/tmp/weft-moving-XXXXXX";
static struct sealed_world w;
static struct device {
    struct wf_model_store *store;
    struct wf_engine *engine;
    struct wf_nearby *nearby;
    struct wf_moving *moving;
} devices[2];
static pthread_t pump_thread;
static atomic_bool pump_stops;
static atomic_size_t page_bytes; /* of caches that were sent */

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

/* Hands messages over, all the time. */
static void *pump(void *ud)
{
    (void)ud;
    while (!atomic_load(&pump_stops)) {
        sealed_world_run(&w);
        usleep(500);
    }
    return NULL;
}

static void list_devices(void *ud, struct wf_devices *out)
{
    *out = ((struct sealed_node *)ud)->list;
}

static void changed(void *ud, const char *what)
{
    (void)ud;
    (void)what;
}

static void other(void *ud, uint64_t peer, unsigned kind, struct wf_str body)
{
    struct device *d = &devices[((struct sealed_node *)ud)->i];

    if (kind == WF_MOVING_PAGES)
        atomic_fetch_add(&page_bytes, body.len);
    if (d->moving != NULL)
        wf_moving_message(d->moving, peer, kind, body);
}

static int send_nearby(void *ud, uint64_t peer, unsigned kind, struct wf_str body,
                       struct wf_err *err)
{
    return wf_nearby_send(devices[((struct sealed_node *)ud)->i].nearby, peer, kind, body, err);
}

static bool clearance_of(void *ud, uint64_t peer, enum wf_label *out)
{
    struct wf_devices_entry entry;

    if (wf_sealed_entry(((struct sealed_node *)ud)->sealed, peer, &entry, NULL) != 0)
        return false;
    *out = entry.clearance;
    return true;
}

static enum wf_label label(void *ud, struct wf_str text)
{
    (void)ud;
    return wf_str_find(text, WF_STR("hush"), 0) != SIZE_MAX ? WF_LABEL_SECRET : WF_LABEL_PRIVATE;
}

static void add_model(int i, const char *file, const char *name)
{
    struct wf_model_entry entry;
    char path[64];

    snprintf(path, sizeof(path), "%s/%s", dir, file);
    assert_int_equal(wf_model_store_import(devices[i].store, path, name, NULL, NULL, &entry, NULL),
                     0);
}

static int begin_device(int i)
{
    const struct wf_model_settings settings = {
        .parallel = 2, .batch = 128, .cache = WF_KV_F16, .activations = 1, .keep_alive_s = -1};
    struct device *d = &devices[i];
    const struct wf_nearby_options no = {.sealed = w.nodes[i].sealed,
                                         .devices = list_devices,
                                         .changed = changed,
                                         .other = other,
                                         .ud = &w.nodes[i]};
    struct wf_moving_options mo = {
        .label = label, .send = send_nearby, .clearance = clearance_of, .ud = &w.nodes[i]};
    char path[64];

    snprintf(path, sizeof(path), "%s/store%d", dir, i);
    if (wf_model_store_open(path, &d->store, NULL) != 0 ||
        wf_local_engine_new(d->store, &settings, &d->engine, NULL) != 0 ||
        wf_nearby_new(&no, &d->nearby, NULL) != 0)
        return -1;
    mo.engine = mo.local = d->engine;
    mo.models = d->store;
    return wf_moving_new(&mo, &d->moving, NULL);
}

static int setup(void **state)
{
    char path[64];

    (void)state;
    memcpy(dir, "/tmp/weft-moving-XXXXXX", sizeof(dir));
    if (mkdtemp(dir) == NULL)
        return -1;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        snprintf(path, sizeof(path), "%s/%d.gguf", dir, (int)seed);
        if (wf_synth(wf_synth_shape_by_name("tiny"), wf_mix_by_name("Q8_0"), seed, path, NULL,
                     NULL) != 0)
            return -1;
    }
    memset(devices, 0, sizeof(devices));
    sealed_world_init(&w, 2, 3);
    if (begin_device(0) != 0 || begin_device(1) != 0)
        return -1;
    add_model(0, "1.gguf", "here");
    sealed_world_connect(&w, 0, 1);
    sealed_world_run(&w);
    atomic_store(&pump_stops, false);
    return pthread_create(&pump_thread, NULL, pump, NULL);
}

static void stop_pump(void)
{
    if (!atomic_exchange(&pump_stops, true))
        pthread_join(pump_thread, NULL);
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        wf_moving_stop(devices[i].moving);
    stop_pump();
    for (int i = 0; i < 2; i++) {
        wf_nearby_free(devices[i].nearby);
        wf_moving_free(devices[i].moving);
        wf_engine_free(devices[i].engine);
        wf_model_store_close(devices[i].store);
    }
    sealed_world_end(&w);
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- an answer on the first device, and what the second has of it ---- */

static json_t *messages;

static struct wf_gen_request asking(const char *text, const char *name)
{
    struct wf_gen_request q = {
        .model = "here", .n_max = N_MAX, .sampling = wf_sampling_default(), .name = name};

    json_decref(messages);
    messages = json_pack("[{s:s, s:s}]", "role", "user", "content", text);
    q.messages = messages;
    q.sampling.seed = 4711;
    q.sampling.temperature = 1;
    q.ignore_eos = true;
    return q;
}

static struct wf_gen *begin(const struct wf_gen_request *q)
{
    struct wf_gen *g = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_moving_generate(devices[0].moving, devices[0].engine, q, &g, &err) != 0)
        fail_msg("%s", err.msg);
    return g;
}

/* Pulls n events (SIZE_MAX: all), their text appended; how it ended, if it did. */
static enum wf_gen_finish pull(struct wf_gen *g, size_t n, struct wf_buf *text)
{
    enum wf_gen_finish finish = WF_FINISH_STOP;
    struct wf_err err = WF_ERR_INIT;
    struct wf_gen_event e;
    int rc = 1;

    for (size_t i = 0; i < n && (rc = wf_gen_next(g, &e, &err)) == 1; i++) {
        if (e.kind == WF_GEN_TEXT)
            wf_buf_append_str(text, e.text);
        if (e.kind == WF_GEN_END)
            finish = e.finish;
    }
    if (rc < 0)
        fail_msg("%s", err.msg);
    return finish;
}

/* All that is on the second device's tape, as text. The result: 0, or why it broke off. */
static int follow(int i, struct wf_buf *text, enum wf_gen_finish *out_finish)
{
    enum wf_gen_finish ignored;
    struct wf_err err = WF_ERR_INIT;
    struct wf_gen_event e;
    struct wf_arena arena;
    struct wf_buf bytes;
    char model[256];
    size_t at = 0, told = 0;
    int rc = 1, n = 0;

    wf_buf_init(&bytes, 1 << 22);
    wf_arena_init(&arena, 1024, 1 << 22);
    while (rc == 1 || rc == WF_E_TIMEOUT) {
        assert_true(n++ < 1000);
        rc = wf_moving_read(devices[i].moving, WF_STR(NAME), &at, 100, &bytes, model, &ignored,
                            &err);
        while (wf_remote_event_next(wf_buf_str(&bytes), &told, &arena, &e, NULL) == 1) {
            if (e.kind == WF_GEN_TEXT)
                wf_buf_append_str(text, e.text);
            if (e.kind == WF_GEN_END)
                *out_finish = e.finish;
        }
    }
    wf_buf_deinit(&bytes);
    wf_arena_deinit(&arena);
    return rc;
}

/* What an undisturbed run writes. */
static void whole(const char *question, struct wf_buf *out)
{
    struct wf_gen_request q = asking(question, NULL);
    struct wf_gen *g = begin(&q);

    wf_buf_init(out, 1 << 20);
    assert_int_equal(pull(g, SIZE_MAX, out), WF_FINISH_LENGTH);
    wf_gen_free(g);
}

struct moved {
    struct wf_buf whole, first, second;
    enum wf_gen_finish finish, there;
    int rc;
};

/* Begins it, lets the second device ask for it, and pulls both to their end. */
static void move(const char *question, struct moved *m)
{
    struct wf_gen_request q;
    struct wf_gen *g;

    whole(question, &m->whole);
    wf_buf_init(&m->first, 1 << 20);
    wf_buf_init(&m->second, 1 << 20);
    m->there = WF_FINISH_STOP;
    q = asking(question, NAME);
    g = begin(&q);
    (void)pull(g, 2, &m->first);
    assert_int_equal(wf_moving_take(devices[1].moving, WF_STR(NAME), w.nodes[1].peer[0], NULL), 0);
    usleep(100000); /* it is asked for before it is at its end */
    m->finish = pull(g, SIZE_MAX, &m->first);
    wf_gen_free(g);
    m->rc = follow(1, &m->second, &m->there);
}

static void end(struct moved *m)
{
    wf_buf_deinit(&m->whole);
    wf_buf_deinit(&m->first);
    wf_buf_deinit(&m->second);
    json_decref(messages);
    messages = NULL;
}

static bool begins(const struct wf_buf *all, const struct wf_buf *part)
{
    return wf_str_starts(wf_buf_str(all), wf_buf_str(part));
}

static void test_moving__with_the_same_model_it_is_the_same(void **state)
{
    struct moved m;

    (void)state;
    add_model(1, "2.gguf", "other");
    add_model(1, "1.gguf", "mine");
    move("Tell me of the sea.", &m);
    assert_int_equal(m.finish, WF_FINISH_MOVED);
    assert_int_equal(m.rc, 0);
    assert_int_equal(m.there, WF_FINISH_LENGTH);
    assert_true(wf_str_eq(wf_buf_str(&m.second), wf_buf_str(&m.whole)));
    assert_true(begins(&m.whole, &m.first));
    assert_true(m.first.len < m.whole.len);
    end(&m);
}

/* What is long comes with its cache. */
static void test_moving__a_long_text_need_not_be_read_again(void **state)
{
    struct wf_buf question;
    struct moved m;

    (void)state;
    add_model(1, "1.gguf", "mine");
    wf_buf_init(&question, 1 << 16);
    atomic_store(&page_bytes, 0);
    for (int i = 0; i < 30; i++)
        wf_buf_appendf(&question, "Ship number %d sails at dawn. ", i);
    wf_buf_append_byte(&question, 0);
    move(question.ptr, &m);
    assert_int_equal(m.finish, WF_FINISH_MOVED);
    assert_int_equal(m.there, WF_FINISH_LENGTH);
    assert_true(wf_str_eq(wf_buf_str(&m.second), wf_buf_str(&m.whole)));
    assert_true(atomic_load(&page_bytes) > 100000);
    end(&m);
    wf_buf_deinit(&question);
}

static void test_moving__with_another_model_the_text_goes_on(void **state)
{
    struct moved m;

    (void)state;
    add_model(1, "2.gguf", "other");
    move("Tell me of the sea.", &m);
    assert_int_equal(m.finish, WF_FINISH_MOVED);
    assert_int_equal(m.rc, 0);
    assert_true(begins(&m.whole, &m.first));
    assert_true(begins(&m.second, &m.first)); /* nothing twice, nothing left out */
    assert_true(m.second.len > m.first.len);
    end(&m);
}

static void test_moving__without_a_model_it_is_followed(void **state)
{
    struct moved m;

    (void)state;
    move("Tell me of the sea.", &m);
    assert_int_equal(m.finish, WF_FINISH_LENGTH);
    assert_int_equal(m.rc, 0);
    assert_true(wf_str_eq(wf_buf_str(&m.first), wf_buf_str(&m.whole)));
    assert_true(wf_str_eq(wf_buf_str(&m.second), wf_buf_str(&m.whole)));
    end(&m);
}

static void test_moving__who_may_not_see_it_does_not_get_it(void **state)
{
    struct moved m;

    (void)state;
    add_model(1, "1.gguf", "mine");
    move("hush, tell me of the sea.", &m);
    assert_int_equal(m.finish, WF_FINISH_LENGTH); /* it was not disturbed */
    assert_true(wf_str_eq(wf_buf_str(&m.first), wf_buf_str(&m.whole)));
    assert_true(m.rc < 0);
    assert_int_equal(m.second.len, 0);
    end(&m);
}

static void test_moving__what_ended_can_still_be_had(void **state)
{
    struct wf_gen_request q = asking("Tell me of the sea.", NAME);
    enum wf_gen_finish there = WF_FINISH_STOP;
    struct wf_buf first, second;
    struct wf_gen *g = begin(&q);

    (void)state;
    wf_buf_init(&first, 1 << 20);
    wf_buf_init(&second, 1 << 20);
    (void)pull(g, SIZE_MAX, &first);
    wf_gen_free(g);
    assert_int_equal(wf_moving_take(devices[1].moving, WF_STR(NAME), w.nodes[1].peer[0], NULL), 0);
    assert_int_equal(follow(1, &second, &there), 0);
    assert_int_equal(there, WF_FINISH_LENGTH);
    assert_true(wf_str_eq(wf_buf_str(&first), wf_buf_str(&second)));
    wf_buf_deinit(&first);
    wf_buf_deinit(&second);
    json_decref(messages);
    messages = NULL;
}

static void test_moving__a_broken_connection_leaves_both_with_what_they_have(void **state)
{
    struct wf_gen_request q = asking("Tell me of the sea.", NAME);
    enum wf_gen_finish there = WF_FINISH_STOP;
    struct wf_buf first, second;
    struct wf_gen *g;

    (void)state;
    q.n_max = 3000;
    g = begin(&q);
    wf_buf_init(&first, 1 << 20);
    wf_buf_init(&second, 1 << 20);
    (void)pull(g, 2, &first);
    assert_int_equal(wf_moving_take(devices[1].moving, WF_STR(NAME), w.nodes[1].peer[0], NULL), 0);
    usleep(100000);
    (void)pull(g, 2, &first); /* what has gathered */
    usleep(100000);
    stop_pump();
    sealed_world_cut(&w, 0, 1);
    sealed_world_run(&w);
    assert_int_equal(pull(g, SIZE_MAX, &first), WF_FINISH_LENGTH);
    wf_gen_free(g);
    assert_true(follow(1, &second, &there) < 0); /* and says why */
    assert_true(second.len > 0 && begins(&first, &second));
    wf_buf_deinit(&first);
    wf_buf_deinit(&second);
    json_decref(messages);
    messages = NULL;
}

static void test_moving__what_is_not_there_is_said(void **state)
{
    enum wf_gen_finish there = WF_FINISH_STOP;
    struct wf_buf text;

    (void)state;
    wf_buf_init(&text, 1 << 20);
    assert_int_equal(follow(1, &text, &there), WF_E_NOENT);
    assert_int_equal(wf_moving_take(devices[1].moving, WF_STR(NAME), w.nodes[1].peer[0], NULL), 0);
    assert_true(follow(1, &text, &there) < 0);
    assert_int_equal(wf_moving_take(devices[1].moving, WF_STR(""), 1, NULL), WF_E_INVAL);
    assert_int_equal(wf_moving_take(devices[1].moving, WF_STR("x"), 99, NULL), WF_E_NOENT);
    wf_buf_deinit(&text);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_moving__with_the_same_model_it_is_the_same),
        CASE(test_moving__a_long_text_need_not_be_read_again),
        CASE(test_moving__with_another_model_the_text_goes_on),
        CASE(test_moving__without_a_model_it_is_followed),
        CASE(test_moving__who_may_not_see_it_does_not_get_it),
        CASE(test_moving__what_ended_can_still_be_had),
        CASE(test_moving__a_broken_connection_leaves_both_with_what_they_have),
        CASE(test_moving__what_is_not_there_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
