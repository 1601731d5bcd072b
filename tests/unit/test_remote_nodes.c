/* SPDX-License-Identifier: Apache-2.0 */
/* Two nodes of one owner in one process, and models of the one asked by the other: all of an answer
 * arrives and nobody on the way reads it; labels are looked at by both; who asks no more stops it;
 * a slow reader makes the other wait; nodes that go, ask too much, or say what they may not. */
#include "mesh/remote_nodes.h"

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

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "mesh/remote_message.h"
#include "mesh/remote_request.h"
#include "model/mix.h"
#include "model/synth.h"
#include "support/models.h"
#include "support/scripted.h"
#include "support/sealed_world.h"

#define WAIT_MS 20000
#define MARKER "marker that nobody on the way reads"

/* An engine that writes until it is given up. */
struct endless {
    struct wf_engine base;
    struct wf_gen_usage usage;
    size_t piece; /* bytes of an event */
    char *text;
    atomic_uint n_events, n_live;
};
struct endless_gen {
    struct wf_gen base;
    const struct wf_gen_request *q;
};

static struct sealed_world w;
static struct wf_nodes *laptop, *box;
static struct models models;
static struct scripted scripted;
static struct endless endless;
static unsigned n_requests; /* on the way */

static int endless_generate(struct wf_engine *e, const struct wf_gen_request *q,
                            struct wf_gen **out, struct wf_err *err)
{
    struct endless_gen *g = malloc(sizeof(*g));

    (void)err;
    assert_non_null(g);
    *g = (struct endless_gen){{e->ops}, q};
    atomic_fetch_add(&endless.n_live, 1);
    *out = &g->base;
    return 0;
}

static int endless_next(struct wf_gen *base, struct wf_gen_event *out, struct wf_err *err)
{
    const struct endless_gen *g = WF_CONTAINER(base, struct endless_gen, base);

    if (g->q->canceled(g->q->canceled_ud))
        return wf_err_set(err, WF_E_CANCELED, "Canceled.");
    atomic_fetch_add(&endless.n_events, 1);
    *out =
        (struct wf_gen_event){.kind = WF_GEN_TEXT, .text = wf_str_n(endless.text, endless.piece)};
    return 1;
}

static const struct wf_gen_usage *endless_usage(const struct wf_gen *g)
{
    (void)g;
    return &endless.usage;
}

static void endless_free(struct wf_gen *base)
{
    free(WF_CONTAINER(base, struct endless_gen, base));
    atomic_fetch_sub(&endless.n_live, 1);
}

static json_t *endless_loaded(struct wf_engine *e)
{
    (void)e;
    return json_array();
}

static const struct wf_engine_ops endless_ops = {.generate = endless_generate,
                                                 .next = endless_next,
                                                 .usage = endless_usage,
                                                 .gen_free = endless_free,
                                                 .loaded = endless_loaded};

/* ---- the world ---- */

/* Counts requests, and asserts that nothing says anything to who is on the way. */
static bool look(void *ud, struct sealed_packet *p)
{
    (void)ud;
    if (p->from == 0 && p->bytes.len > 300)
        n_requests++;
    assert_null(memmem(p->bytes.ptr, p->bytes.len, MARKER, sizeof(MARKER) - 1));
    return true;
}

static int setup(void **state)
{
    char path[128];
    struct wf_err err = WF_ERR_INIT;
    (void)state;

    models_make(&models);
    (void)snprintf(path, sizeof(path), "%s/m.gguf", models.dir);
    if (wf_synth(wf_synth_shape_by_name("tiny"), wf_mix_by_name("Q8_0"), 1, path, NULL, &err) != 0)
        return -1;
    return wf_model_store_import(models.s, path, "tiny", NULL, NULL, NULL, &err);
}

static int teardown(void **state)
{
    (void)state;
    models_remove(&models);
    return 0;
}

static void begin(struct wf_engine *engine, enum wf_nodes_offers offers)
{
    const struct wf_nodes_options of_box = {
        .models = models.s, .engine = engine, .offers = offers, .n_slots = 4};
    struct wf_nodes_options o = {.offers = WF_NODES_OFFERS_AUTO};

    sealed_world_init(&w, 2, 11);
    w.change = look;
    n_requests = 0;
    o.sealed = w.nodes[0].sealed;
    assert_int_equal(wf_nodes_new(&o, &laptop, NULL), 0);
    o = of_box;
    o.sealed = w.nodes[1].sealed;
    assert_int_equal(wf_nodes_new(&o, &box, NULL), 0);
    sealed_world_connect(&w, 0, 1);
}

static void end(void)
{
    wf_nodes_free(laptop);
    wf_nodes_free(box);
    sealed_world_end(&w);
}

static bool is_late(int64_t begun_ns)
{
    return wf_clock_mono_ns(NULL) - begun_ns > WAIT_MS * INT64_C(1000000);
}

/* Lets messages go to and fro until the box's models are known. */
static struct wf_nodes_place meet(void)
{
    const int64_t begun_ns = wf_clock_mono_ns(NULL);
    struct wf_nodes_place at;

    while (wf_nodes_find(laptop, "box/tiny", WF_MODEL_CHAT, &at, NULL) != 0) {
        sealed_world_run(&w);
        assert_false(is_late(begun_ns));
        usleep(200);
    }
    return at;
}

static void wake(void *ud)
{
    (void)ud;
}

/* The next event of a generation, while messages go to and fro. */
static int next(struct wf_gen *g, struct wf_gen_event *out, struct wf_err *err)
{
    const struct wf_gen_wake wk = {.fn = wake};
    const int64_t begun_ns = wf_clock_mono_ns(NULL);
    int rc;

    for (;;) {
        sealed_world_run(&w);
        rc = wf_gen_try(g, &wk, out, err);
        if (rc != WF_GEN_LATER)
            return rc;
        assert_false(is_late(begun_ns));
        usleep(100);
    }
}

static json_t *chat(const char *text)
{
    json_t *v = json_pack("[{s:s, s:s}]", "role", "user", "content", text);

    assert_non_null(v);
    return v;
}

/* ---- answers ---- */

static void test_remote_nodes__all_of_an_answer_arrives(void **state)
{
    const struct wf_gen_logprob l = {WF_STR("gr\xc3\xbc"), 5, -0.5F, NULL, 0};
    const struct wf_gen_event events[] = {
        {.kind = WF_GEN_REASONING, .text = WF_STR("so")},
        {.kind = WF_GEN_TEXT, .text = WF_STR("gr\xc3\xbc"), .logprobs = &l, .n_logprobs = 1},
        {.kind = WF_GEN_TEXT, .text = WF_STR(MARKER)},
        {.kind = WF_GEN_CALL, .call_id = WF_STR("c1"), .call_name = WF_STR("clock")},
        {.kind = WF_GEN_ARGUMENTS, .text = WF_STR("{}")},
        {.kind = WF_GEN_END, .finish = WF_FINISH_TOOL_CALLS},
    };
    json_t *messages = chat(MARKER);
    struct wf_gen_request q = {.messages = messages, .sampling = wf_sampling_default(), .n_max = 9};
    struct wf_nodes_place at;
    struct wf_gen_event e;
    struct wf_gen *g = NULL;
    (void)state;

    scripted_init(&scripted);
    scripted.events = events;
    scripted.n_events = WF_ARRAY_LEN(events);
    begin(&scripted.base, WF_NODES_OFFERS_ON);
    at = meet();
    assert_string_equal(at.node, "box");
    assert_string_equal(at.model, "tiny:latest");
    assert_int_equal(wf_nodes_generate(laptop, &at, &q, WF_LABEL_PRIVATE, &g, NULL), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(events); i++) {
        assert_int_equal(next(g, &e, NULL), 1);
        assert_int_equal(e.kind, events[i].kind);
        assert_true(wf_str_eq(e.text, events[i].text) && wf_str_eq(e.call_id, events[i].call_id));
        assert_int_equal(e.n_logprobs, events[i].n_logprobs);
    }
    assert_int_equal(e.finish, WF_FINISH_TOOL_CALLS);
    assert_int_equal(next(g, &e, NULL), 0);
    assert_int_equal(next(g, &e, NULL), 0);
    assert_string_equal(wf_gen_usage(g)->model, "box/tiny:latest");
    assert_int_equal(wf_gen_usage(g)->n_prompt, 7);
    assert_int_equal(wf_gen_usage(g)->n_written, 5);
    wf_gen_free(g);
    end();
    assert_string_equal(
        json_string_value(json_object_get(
            json_array_get(json_object_get(scripted.asked, "messages"), 0), "content")),
        MARKER);
    scripted_deinit(&scripted);
    json_decref(messages);
}

static void test_remote_nodes__a_request_of_many_messages_arrives(void **state)
{
    const size_t n = (size_t)3 << 20;
    char *text = malloc(n + 1);
    struct wf_gen_request q = {.sampling = wf_sampling_default()};
    struct wf_nodes_place at;
    struct wf_gen_event e;
    struct wf_gen *g = NULL;
    (void)state;

    assert_non_null(text);
    memset(text, 'x', n);
    text[n] = '\0';
    q.prompt = wf_str_n(text, n);
    scripted_init(&scripted);
    begin(&scripted.base, WF_NODES_OFFERS_ON);
    at = meet();
    assert_int_equal(wf_nodes_generate(laptop, &at, &q, WF_LABEL_PUBLIC, &g, NULL), 0);
    while (next(g, &e, NULL) == 1)
        ;
    assert_true(n_requests >= 3);
    wf_gen_free(g);
    end();
    assert_int_equal(json_string_length(json_object_get(scripted.asked, "prompt")), n);
    scripted_deinit(&scripted);
    free(text);
}

static void test_remote_nodes__an_error_there_is_one_here_with_its_words(void **state)
{
    struct wf_gen_request q = {.prompt = WF_STR("a"), .sampling = wf_sampling_default()};
    struct wf_err err = WF_ERR_INIT;
    struct wf_nodes_place at;
    struct wf_gen_event e;
    struct wf_gen *g = NULL;
    (void)state;

    scripted_init(&scripted);
    scripted.fail = WF_E_RANGE;
    begin(&scripted.base, WF_NODES_OFFERS_ON);
    at = meet();
    assert_int_equal(wf_nodes_generate(laptop, &at, &q, WF_LABEL_PUBLIC, &g, NULL), 0);
    assert_int_equal(next(g, &e, &err), WF_E_RANGE);
    assert_non_null(strstr(err.msg, "box: "));
    wf_gen_free(g);
    end();
    scripted_deinit(&scripted);
}

/* ---- labels, and who offers ---- */

static void test_remote_nodes__labels_are_looked_at_before_it_goes(void **state)
{
    struct wf_gen_request q = {.prompt = WF_STR("a"), .sampling = wf_sampling_default()};
    struct wf_err err = WF_ERR_INIT;
    struct wf_nodes_place at;
    struct wf_gen *g = NULL;
    (void)state;

    scripted_init(&scripted);
    begin(&scripted.base, WF_NODES_OFFERS_ON);
    at = meet();
    sealed_world_clear(&w, "box", WF_LABEL_INTERNAL);
    n_requests = 0;
    assert_int_equal(wf_nodes_generate(laptop, &at, &q, WF_LABEL_PRIVATE, &g, &err), WF_E_DENIED);
    assert_non_null(strstr(err.msg, "it may see internal"));
    assert_int_equal(wf_nodes_generate(laptop, &at, &q, WF_LABEL_SECRET, &g, &err), WF_E_DENIED);
    assert_non_null(strstr(err.msg, "secret"));
    sealed_world_run(&w);
    assert_int_equal(n_requests, 0);
    assert_int_equal(scripted.n_made, 0);
    end();
    scripted_deinit(&scripted);
}

static void test_remote_nodes__labels_are_looked_at_where_it_comes(void **state)
{
    struct wf_gen_request q = {.prompt = WF_STR("a"), .sampling = wf_sampling_default()};
    struct wf_devices d;
    struct wf_err err = WF_ERR_INIT;
    struct wf_nodes_place at;
    struct wf_gen_event e;
    struct wf_gen *g = NULL;
    (void)state;

    scripted_init(&scripted);
    begin(&scripted.base, WF_NODES_OFFERS_ON);
    at = meet();
    /* The box alone knows that it may see less; the laptop is out of date, or lies. */
    d = w.nodes[0].list;
    wf_devices_begin(&d, w.owner.id, d.signed_at, 7);
    assert_int_equal(wf_devices_clear(&d, WF_STR("box"), WF_LABEL_INTERNAL, NULL), 0);
    sealed_world_list(&w, &d, 1);
    assert_int_equal(wf_nodes_generate(laptop, &at, &q, WF_LABEL_PRIVATE, &g, NULL), 0);
    assert_int_equal(next(g, &e, &err), WF_E_DENIED);
    assert_non_null(strstr(err.msg, "It may see internal, and this is private"));
    wf_gen_free(g);
    assert_int_equal(scripted.n_made, 0);
    assert_int_equal(wf_nodes_generate(laptop, &at, &q, WF_LABEL_INTERNAL, &g, NULL), 0);
    assert_int_equal(next(g, &e, &err), 1);
    wf_gen_free(g);
    end();
    scripted_deinit(&scripted);
}

static void test_remote_nodes__who_does_not_offer_is_not_asked(void **state)
{
    const int64_t begun_ns = wf_clock_mono_ns(NULL);
    struct wf_err err = WF_ERR_INIT;
    struct wf_nodes_place at;
    (void)state;

    scripted_init(&scripted);
    begin(&scripted.base, WF_NODES_OFFERS_AUTO); /* a device in the hand */
    do {
        sealed_world_run(&w);
        (void)!wf_nodes_find(laptop, "box", WF_MODEL_CHAT, &at, &err);
        usleep(200);
    } while (err.code == WF_E_BUSY && !is_late(begun_ns));
    assert_int_equal(err.code, WF_E_NOENT);
    assert_non_null(strstr(err.msg, "does not offer"));
    assert_false(wf_nodes_has_places(laptop));
    assert_true(wf_nodes_is_node(laptop, "box/any") && wf_nodes_is_node(laptop, "BOX"));
    assert_false(wf_nodes_is_node(laptop, "laptop/any") || wf_nodes_is_node(laptop, "gpt/any"));
    /* It answers nothing either, whoever asks all the same. */
    at = (struct wf_nodes_place){.peer = w.nodes[0].peer[1], .node = "box", .model = "tiny"};
    struct wf_gen_request q = {.prompt = WF_STR("a"), .sampling = wf_sampling_default()};
    struct wf_gen_event e;
    struct wf_gen *g = NULL;
    assert_int_equal(wf_nodes_generate(laptop, &at, &q, WF_LABEL_PUBLIC, &g, NULL), 0);
    assert_int_equal(next(g, &e, &err), WF_E_DENIED);
    wf_gen_free(g);
    assert_int_equal(scripted.n_made, 0);
    end();
    scripted_deinit(&scripted);
}

/* ---- giving up, waiting, going ---- */

static struct wf_gen *ask_endless(size_t piece, const struct wf_gen_request *q)
{
    struct wf_nodes_place at;
    struct wf_gen *g = NULL;

    endless = (struct endless){.base.ops = &endless_ops, .piece = piece};
    endless.usage.model = "tiny:latest";
    endless.text = malloc(piece);
    assert_non_null(endless.text);
    memset(endless.text, 'a', piece);
    begin(&endless.base, WF_NODES_OFFERS_ON);
    at = meet();
    assert_int_equal(wf_nodes_generate(laptop, &at, q, WF_LABEL_PUBLIC, &g, NULL), 0);
    return g;
}

static void wait_freed(void)
{
    const int64_t begun_ns = wf_clock_mono_ns(NULL);

    while (atomic_load(&endless.n_live) > 0 && !is_late(begun_ns)) {
        sealed_world_run(&w);
        usleep(200);
    }
    assert_int_equal(atomic_load(&endless.n_live), 0);
}

static void test_remote_nodes__who_asks_no_more_stops_it_there(void **state)
{
    struct wf_gen_request q = {.prompt = WF_STR("a"), .sampling = wf_sampling_default()};
    struct wf_gen_event e;
    struct wf_gen *g = ask_endless(10, &q);
    (void)state;

    assert_int_equal(next(g, &e, NULL), 1);
    assert_int_equal(next(g, &e, NULL), 1);
    wf_gen_free(g);
    wait_freed();
    end();
    free(endless.text);
}

static void test_remote_nodes__a_slow_reader_makes_the_other_wait(void **state)
{
    const size_t piece = 1000;
    struct wf_gen_request q = {.prompt = WF_STR("a"), .sampling = wf_sampling_default()};
    struct wf_gen_event e;
    struct wf_gen *g = ask_endless(piece, &q);
    unsigned n = 0, before;
    (void)state;

    /* Nobody takes anything: it comes to rest below the window. */
    do {
        before = n;
        for (int i = 0; i < 20; i++) {
            sealed_world_run(&w);
            usleep(2000);
        }
        n = atomic_load(&endless.n_events);
    } while (n != before || n == 0);
    assert_true(n * piece <= WF_REMOTE_WINDOW_BYTES + 2 * piece);
    /* What is taken makes room for more, in order. */
    for (unsigned i = 0; i < 4 * n; i++)
        assert_int_equal(next(g, &e, NULL), 1);
    assert_true(atomic_load(&endless.n_events) >= 4 * n);
    assert_true(atomic_load(&endless.n_events) * piece <=
                4 * n * piece + WF_REMOTE_WINDOW_BYTES + 2 * piece);
    wf_gen_free(g);
    wait_freed();
    end();
    free(endless.text);
}

static void test_remote_nodes__a_node_that_goes_ends_it_at_both(void **state)
{
    struct wf_gen_request q = {.prompt = WF_STR("a"), .sampling = wf_sampling_default()};
    struct wf_err err = WF_ERR_INIT;
    struct wf_gen_event e;
    struct wf_gen *g = ask_endless(10, &q);
    int rc = 1;
    (void)state;

    assert_int_equal(next(g, &e, NULL), 1);
    sealed_world_cut(&w, 0, 1);
    while (rc == 1)
        rc = next(g, &e, &err);
    assert_int_equal(rc, WF_E_IO);
    assert_non_null(strstr(err.msg, "box is gone"));
    wf_gen_free(g);
    wait_freed();
    end();
    free(endless.text);
}

static void test_remote_nodes__an_end_of_weft_is_an_end_of_answers(void **state)
{
    struct wf_gen_request q = {.prompt = WF_STR("a"), .sampling = wf_sampling_default()};
    struct wf_gen_event e;
    struct wf_gen *g = ask_endless(10, &q);
    int rc = 1;
    (void)state;

    assert_int_equal(next(g, &e, NULL), 1);
    wf_nodes_stop(box); /* waits for what others asked */
    assert_int_equal(atomic_load(&endless.n_live), 0);
    wf_nodes_stop(laptop);
    while (rc == 1)
        rc = next(g, &e, NULL);
    assert_int_equal(rc, WF_E_IO);
    wf_gen_free(g);
    end();
    free(endless.text);
}

static void test_remote_nodes__requests_of_one_node_are_bounded(void **state)
{
    struct wf_gen_request q = {.prompt = WF_STR("a"), .sampling = wf_sampling_default()};
    struct wf_gen *g[WF_NODES_REQUESTS_PEER + 1] = {ask_endless(10, &q)};
    struct wf_err err = WF_ERR_INIT;
    struct wf_nodes_place at = meet();
    struct wf_gen_event e;
    (void)state;

    for (size_t i = 1; i <= WF_NODES_REQUESTS_PEER; i++)
        assert_int_equal(wf_nodes_generate(laptop, &at, &q, WF_LABEL_PUBLIC, &g[i], NULL), 0);
    assert_int_equal(next(g[WF_NODES_REQUESTS_PEER], &e, &err), WF_E_BUSY);
    assert_int_equal(next(g[WF_NODES_REQUESTS_PEER - 1], &e, &err), 1);
    for (size_t i = 0; i <= WF_NODES_REQUESTS_PEER; i++)
        wf_gen_free(g[i]);
    wait_freed();
    end();
    free(endless.text);
}

/* ---- what a node may not say ---- */

/* Sends the box what the laptop's own code would not. */
static void say(enum wf_remote_kind kind, uint32_t id, uint32_t number, const char *bytes)
{
    const struct wf_remote_message m = {
        .kind = kind, .id = id, .number = number, .bytes = wf_str_from(bytes)};
    struct wf_buf b;

    wf_buf_init(&b, SIZE_MAX);
    assert_int_equal(wf_remote_message_write(&m, &b), 0);
    assert_int_equal(wf_sealed_send(w.nodes[0].sealed, w.nodes[0].peer[1], WF_LINK_REQUESTS,
                                    wf_buf_str(&b), NULL),
                     0);
    wf_buf_deinit(&b);
    sealed_world_run(&w);
}

static void begin_hostile(void)
{
    scripted_init(&scripted);
    begin(&scripted.base, WF_NODES_OFFERS_ON);
    (void)meet();
    assert_int_not_equal(w.nodes[0].peer[1], 0);
}

static void end_hostile(bool is_cut)
{
    assert_int_equal(w.nodes[0].peer[1] == 0, is_cut);
    assert_int_equal(scripted.n_made, 0);
    end();
    scripted_deinit(&scripted);
}

static void test_remote_nodes__what_is_no_message_ends_the_session(void **state)
{
    (void)state;
    begin_hostile();
    say(WF_REMOTE_PING, 0, 0, "short");
    end_hostile(true);
    begin_hostile();
    say(WF_REMOTE_CATALOG, 0, 0, "{\"v\":1,\"models\":[{\"name\":\"with space\"}]}");
    end_hostile(true);
    begin_hostile();
    say(WF_REMOTE_REQUEST, 1, 3, "longer than that");
    end_hostile(true);
    begin_hostile();
    say(WF_REMOTE_REQUEST, 1, WF_REMOTE_REQUEST_BYTES + 1, "{");
    end_hostile(true);
    begin_hostile();
    say(WF_REMOTE_REQUEST, 1, 30, "{");
    say(WF_REMOTE_REQUEST, 1, 30, "{");
    end_hostile(true);
}

static void test_remote_nodes__what_belongs_to_nothing_is_passed_over(void **state)
{
    (void)state;
    begin_hostile();
    say(WF_REMOTE_EVENTS, 77, 0, "abc");
    say(WF_REMOTE_DONE, 77, 0, "{}");
    say(WF_REMOTE_CREDIT, 77, 9, "");
    say(WF_REMOTE_CANCEL, 77, 0, "");
    say(WF_REMOTE_REQUEST, 77, 0, "a later piece");
    say(WF_REMOTE_CATALOG, 0, 0, "{\"v\":2,\"models\":7}");
    end_hostile(false);
}

static void test_remote_nodes__a_request_that_is_none_is_an_error(void **state)
{
    (void)state;
    begin_hostile();
    say(WF_REMOTE_REQUEST, 5, 2, "{}");
    for (int i = 0; i < 50; i++) {
        sealed_world_run(&w);
        usleep(1000);
    }
    end_hostile(false);
}

static void test_remote_nodes__memory_that_runs_out_ends_requests_and_no_more(void **state)
{
    struct wf_gen_request q = {.prompt = WF_STR("a"), .sampling = wf_sampling_default()};
    bool failed = true;
    (void)state;

    for (uint64_t n = 1; failed; n += 1 + n / 30) {
        struct wf_nodes_place at;
        struct wf_gen_event e;
        struct wf_gen *g = NULL;
        int rc;
        scripted_init(&scripted);
        begin(&scripted.base, WF_NODES_OFFERS_ON);
        at = meet();
        wf_alloc_fail_at(n);
        rc = wf_nodes_generate(laptop, &at, &q, WF_LABEL_PUBLIC, &g, NULL);
        while (rc == 0 && (rc = next(g, &e, NULL)) == 1)
            rc = 0;
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        if (!failed && g != NULL)
            assert_int_equal(rc, 0);
        wf_gen_free(g);
        end();
        scripted_deinit(&scripted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remote_nodes__all_of_an_answer_arrives),
        cmocka_unit_test(test_remote_nodes__a_request_of_many_messages_arrives),
        cmocka_unit_test(test_remote_nodes__an_error_there_is_one_here_with_its_words),
        cmocka_unit_test(test_remote_nodes__labels_are_looked_at_before_it_goes),
        cmocka_unit_test(test_remote_nodes__labels_are_looked_at_where_it_comes),
        cmocka_unit_test(test_remote_nodes__who_does_not_offer_is_not_asked),
        cmocka_unit_test(test_remote_nodes__who_asks_no_more_stops_it_there),
        cmocka_unit_test(test_remote_nodes__a_slow_reader_makes_the_other_wait),
        cmocka_unit_test(test_remote_nodes__a_node_that_goes_ends_it_at_both),
        cmocka_unit_test(test_remote_nodes__an_end_of_weft_is_an_end_of_answers),
        cmocka_unit_test(test_remote_nodes__requests_of_one_node_are_bounded),
        cmocka_unit_test(test_remote_nodes__what_is_no_message_ends_the_session),
        cmocka_unit_test(test_remote_nodes__what_belongs_to_nothing_is_passed_over),
        cmocka_unit_test(test_remote_nodes__a_request_that_is_none_is_an_error),
        cmocka_unit_test(test_remote_nodes__memory_that_runs_out_ends_requests_and_no_more),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
