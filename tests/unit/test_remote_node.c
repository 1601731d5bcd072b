/* SPDX-License-Identifier: Apache-2.0 */
/* Models of one's own other nodes, from a chat to what arrives there and back: what the policy
 * keeps is not sent, what it wants replaced is, and is put back; the router weighs such a node, and
 * goes on elsewhere where it goes in the middle of its answer. */
#include "op/remote_node.h"

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

#include "base/alloc.h"
#include "base/clock.h"
#include "model/mix.h"
#include "model/synth.h"
#include "op/router.h"
#include "op/sites.h"
#include "support/models.h"
#include "support/scripted.h"
#include "support/sealed_world.h"

#define WAIT_MS 20000
#define PERSON "write to anna.berger@example.com please"

static struct sealed_world w;
static struct wf_nodes *laptop, *box;
static struct models models;
static struct scripted there, here;
static struct wf_detector *detector;
static struct wf_policy *policy;
static struct wf_engine *engine;
static struct wf_node_breakers *breakers;
static int64_t now_ns; /* the breakers' clock */

static int64_t mono(void *ud)
{
    (void)ud;
    return now_ns;
}

static const struct wf_clock clock_of_breakers = {.mono_ns = mono};

static int setup(void **state)
{
    const struct wf_detect_options all = {.plain_only = false};
    char path[128];
    (void)state;

    models_make(&models);
    (void)snprintf(path, sizeof(path), "%s/m.gguf", models.dir);
    if (wf_synth(wf_synth_shape_by_name("tiny"), wf_mix_by_name("Q8_0"), 1, path, NULL, NULL) != 0)
        return -1;
    if (wf_model_store_import(models.s, path, "tiny", NULL, NULL, NULL, NULL) != 0)
        return -1;
    return wf_detector_open(&all, &detector, NULL);
}

static int teardown(void **state)
{
    (void)state;
    models_remove(&models);
    wf_detector_free(detector);
    return 0;
}

static bool is_late(int64_t begun_ns)
{
    return wf_clock_mono_ns(NULL) - begun_ns > WAIT_MS * INT64_C(1000000);
}

/* The box has a model and an engine whose answers are written beforehand; the laptop has neither,
 * and asks by that policy (NULL: the built-in one). */
static void begin(const char *text)
{
    struct wf_nodes_options no = {.models = models.s, .offers = WF_NODES_OFFERS_ON};
    const int64_t begun_ns = wf_clock_mono_ns(NULL);
    struct wf_remote_node_options o = {.local = &here.base, .detector = detector};
    struct wf_nodes_place at;

    scripted_init(&there);
    scripted_init(&here);
    sealed_world_init(&w, 2, 5);
    no.sealed = w.nodes[1].sealed;
    no.engine = &there.base;
    assert_int_equal(wf_nodes_new(&no, &box, NULL), 0);
    no = (struct wf_nodes_options){.sealed = w.nodes[0].sealed};
    assert_int_equal(wf_nodes_new(&no, &laptop, NULL), 0);
    sealed_world_connect(&w, 0, 1);
    while (wf_nodes_find(laptop, "box", WF_MODEL_CHAT, &at, NULL) != 0) {
        sealed_world_run(&w);
        assert_false(is_late(begun_ns));
        usleep(200);
    }
    if (text != NULL)
        assert_int_equal(
            wf_policy_parse(wf_str_from(text), &(struct wf_policy_options){NULL}, &policy, NULL),
            0);
    else
        assert_int_equal(wf_policy_built_in(&policy, NULL), 0);
    o.nodes = laptop;
    o.policy = policy;
    now_ns = 1;
    assert_int_equal(wf_node_breakers_new(&clock_of_breakers, &breakers, NULL), 0);
    o.breakers = breakers;
    assert_int_equal(wf_remote_node_engine_new(&o, &engine, NULL), 0);
}

static void end(void)
{
    wf_engine_free(engine);
    wf_node_breakers_free(breakers);
    wf_nodes_free(laptop);
    wf_nodes_free(box);
    sealed_world_end(&w);
    scripted_deinit(&there);
    scripted_deinit(&here);
    wf_policy_free(policy);
}

static void wake(void *ud)
{
    (void)ud;
}

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

/* All text of an answer. */
static int read_all(struct wf_gen *g, struct wf_buf *out, struct wf_err *err)
{
    struct wf_gen_event e;
    int rc;

    while ((rc = next(g, &e, err)) == 1) {
        if (e.kind == WF_GEN_TEXT)
            (void)wf_buf_append_str(out, e.text);
    }
    return rc;
}

static const char *asked_text(const struct scripted *s)
{
    return json_string_value(
        json_object_get(json_array_get(json_object_get(s->asked, "messages"), 0), "content"));
}

static struct wf_gen_request request(json_t **out_messages, const char *model, const char *text)
{
    *out_messages = json_pack("[{s:s, s:s}]", "role", "user", "content", text);
    return (struct wf_gen_request){
        .model = model, .messages = *out_messages, .sampling = wf_sampling_default()};
}

static void test_remote_node__what_is_asked_of_it_says_where_it_ran(void **state)
{
    const struct wf_gen_event events[] = {{.kind = WF_GEN_TEXT, .text = WF_STR("hello")},
                                          {.kind = WF_GEN_END, .finish = WF_FINISH_STOP}};
    json_t *messages;
    struct wf_gen_request q = request(&messages, "box/tiny", PERSON);
    struct wf_gen *g = NULL;
    struct wf_buf b;
    (void)state;

    wf_buf_init(&b, 1000);
    begin(NULL);
    there.events = events;
    there.n_events = 2;
    assert_int_equal(wf_engine_generate(engine, &q, &g, NULL), 0);
    assert_int_equal(read_all(g, &b, NULL), 0);
    assert_string_equal(b.ptr, "hello");
    assert_non_null(strstr(wf_gen_usage(g)->route, "box; box/tiny:latest; label=private"));
    assert_string_equal(wf_gen_usage(g)->model, "box/tiny:latest");
    wf_gen_free(g);
    assert_int_equal(here.n_made, 0);
    end();
    wf_buf_deinit(&b);
    json_decref(messages);
}

static void test_remote_node__names_of_this_device_are_its_own(void **state)
{
    json_t *messages;
    struct wf_gen_request q = request(&messages, "tiny", "hello");
    struct wf_gen *g = NULL;
    (void)state;

    begin(NULL);
    assert_int_equal(wf_engine_generate(engine, &q, &g, NULL), 0);
    wf_gen_free(g);
    q.model = NULL;
    assert_int_equal(wf_engine_generate(engine, &q, &g, NULL), 0);
    wf_gen_free(g);
    assert_int_equal(here.n_made, 2);
    assert_true(wf_remote_node_is(laptop, NULL, "box") && wf_remote_node_is(laptop, NULL, "box/x"));
    assert_false(wf_remote_node_is(laptop, NULL, "tiny") || wf_remote_node_is(NULL, NULL, "box"));
    end();
    json_decref(messages);
}

static void test_remote_node__what_the_policy_keeps_is_not_sent(void **state)
{
    json_t *messages;
    struct wf_gen_request q = request(&messages, "box/tiny", PERSON);
    struct wf_err err = WF_ERR_INIT;
    struct wf_gen *g = NULL;
    bool is_kept = false;
    (void)state;

    begin(NULL);
    q.is_kept = &is_kept;
    sealed_world_clear(&w, "box", WF_LABEL_INTERNAL);
    assert_int_equal(wf_engine_generate(engine, &q, &g, &err), WF_E_DENIED);
    assert_non_null(strstr(err.msg, "Nothing was sent to box"));
    assert_true(is_kept);
    q.messages = NULL;
    q.prompt = WF_STR(PERSON);
    assert_int_equal(wf_engine_generate(engine, &q, &g, &err), WF_E_DENIED);
    q.prompt = WF_STR("\xff\xfe");
    assert_int_equal(wf_engine_generate(engine, &q, &g, &err), WF_E_INVAL);
    q.prompt = WF_STR("");
    q.prompt_ids = &(int32_t){1};
    q.n_prompt_ids = 1;
    assert_int_equal(wf_engine_generate(engine, &q, &g, &err), WF_E_UNSUPPORTED);
    q = (struct wf_gen_request){.model = "box/tiny", .messages = messages, .release_id = "x"};
    assert_int_equal(wf_engine_generate(engine, &q, &g, &err), WF_E_DENIED);
    sealed_world_run(&w);
    assert_int_equal(there.n_made, 0);
    end();
    json_decref(messages);
}

static void test_remote_node__without_a_policy_or_detectors_nothing_is_sent(void **state)
{
    json_t *messages;
    struct wf_gen_request q = request(&messages, "box/tiny", "hello");
    struct wf_remote_node_options o = {.local = &here.base};
    struct wf_engine *blind = NULL;
    struct wf_gen *g = NULL;
    (void)state;

    begin(NULL);
    o.nodes = laptop;
    o.policy = policy;
    assert_int_equal(wf_remote_node_engine_new(&o, &blind, NULL), 0);
    assert_int_equal(wf_engine_generate(blind, &q, &g, NULL), WF_E_DENIED);
    wf_free(blind);
    o.policy = NULL;
    o.detector = detector;
    assert_int_equal(wf_remote_node_engine_new(&o, &blind, NULL), 0);
    assert_int_equal(wf_engine_generate(blind, &q, &g, NULL), WF_E_DENIED);
    wf_free(blind);
    sealed_world_run(&w);
    assert_int_equal(there.n_made, 0);
    end();
    json_decref(messages);
}

static void test_remote_node__what_is_replaced_for_it_is_put_back(void **state)
{
    const struct wf_gen_event events[] = {{.kind = WF_GEN_TEXT, .text = WF_STR("I wrote to <EMA")},
                                          {.kind = WF_GEN_TEXT, .text = WF_STR("IL_1>.")},
                                          {.kind = WF_GEN_END, .finish = WF_FINISH_STOP}};
    json_t *messages;
    struct wf_gen_request q = request(&messages, "box/tiny", PERSON);
    struct wf_gen *g = NULL;
    struct wf_buf b;
    (void)state;

    wf_buf_init(&b, 1000);
    begin("weft policy 1\nemail addresses may go to paired nodes when replaced\n");
    there.events = events;
    there.n_events = 3;
    assert_int_equal(wf_engine_generate(engine, &q, &g, NULL), 0);
    assert_int_equal(read_all(g, &b, NULL), 0);
    assert_string_equal(b.ptr, "I wrote to anna.berger@example.com.");
    assert_string_equal(asked_text(&there), "write to <EMAIL_1> please");
    assert_non_null(strstr(wf_gen_usage(g)->route, "redacted=1"));
    wf_gen_free(g);
    /* A text to go on with is not taken apart. */
    q.messages = NULL;
    q.prompt = WF_STR(PERSON);
    assert_int_equal(wf_engine_generate(engine, &q, &g, NULL), WF_E_DENIED);
    end();
    wf_buf_deinit(&b);
    json_decref(messages);
}

static void test_remote_node__it_is_a_place_that_the_router_weighs(void **state)
{
    struct wf_sites s = {.n = 0};
    struct wf_router_options o = {.never_explores = true, .never_hedges = true};
    json_t *messages;
    struct wf_gen_request q = request(&messages, "auto", "hello");
    struct wf_engine *router = NULL;
    struct wf_gen *g = NULL;
    struct wf_buf b;
    (void)state;

    wf_buf_init(&b, 1000);
    begin(NULL);
    assert_int_equal(wf_sites_list(NULL, NULL, &s, NULL), 0);
    assert_int_equal(wf_sites_add_nodes(&s, laptop, NULL), 0);
    assert_int_equal(s.n, 1);
    assert_string_equal(s.items[0].name, "box");
    assert_true(s.items[0].is_node && s.items[0].c.tier == WF_TIER_DEVICE);
    assert_true(s.items[0].c.n_params > 0 && s.items[0].target.clearance == WF_LABEL_PRIVATE);
    wf_sites_deinit(&s);
    o.inner = engine;
    o.nodes = laptop;
    o.detector = detector;
    o.policy = policy;
    assert_int_equal(wf_router_new(&o, &router, NULL), 0);
    engine = router;
    assert_true(wf_router_is_offered(router));
    assert_int_equal(wf_engine_generate(router, &q, &g, NULL), 0);
    assert_int_equal(read_all(g, &b, NULL), 0);
    assert_int_equal(strncmp(wf_gen_usage(g)->route, "box; box/tiny:latest", 20), 0);
    wf_gen_free(g);
    assert_int_equal(there.n_made, 1);
    /* What it may not see it is not asked, and nobody can release it for it. */
    sealed_world_clear(&w, "box", WF_LABEL_PUBLIC);
    struct wf_err err = WF_ERR_INIT;
    assert_int_equal(wf_engine_generate(router, &q, &g, &err), WF_E_DENIED);
    assert_null(strstr(err.msg, "if you release"));
    wf_router_settle(router);
    end();
    wf_buf_deinit(&b);
    json_decref(messages);
}

/* ---- texts that are only read there ---- */

struct reading {
    struct wf_embed_request embed;
    struct wf_rerank_request rank;
    bool is_rank;
    struct wf_embeddings vectors;
    float scores[8];
    struct wf_rerank_usage usage;
    int rc;
    struct wf_err err;
    atomic_bool is_over;
};

static void *read_there(void *ud)
{
    struct reading *x = ud;

    x->rc = x->is_rank ? wf_engine_rerank(engine, &x->rank, x->scores, &x->usage, &x->err)
                       : wf_engine_embed(engine, &x->embed, &x->vectors, &x->err);
    atomic_store(&x->is_over, true);
    return NULL;
}

/* It waits: messages go to and fro meanwhile. */
static int run_reading(struct reading *x)
{
    const int64_t begun_ns = wf_clock_mono_ns(NULL);
    pthread_t t;

    atomic_store(&x->is_over, false);
    assert_int_equal(pthread_create(&t, NULL, read_there, x), 0);
    while (!atomic_load(&x->is_over)) {
        sealed_world_run(&w);
        assert_false(is_late(begun_ns));
        usleep(100);
    }
    pthread_join(t, NULL);
    return x->rc;
}

static void test_remote_node__vectors_and_scores_are_made_there(void **state)
{
    const struct wf_str texts[] = {WF_STR("one"), WF_STR("three"), WF_STR("eleven")};
    struct reading x = {.embed = {.model = "box/tiny",
                                  .texts = texts,
                                  .n_texts = 3,
                                  .n_dims = 2,
                                  .is_raw = true,
                                  .truncate = true}};
    (void)state;

    begin(NULL);
    assert_int_equal(run_reading(&x), 0);
    assert_int_equal(x.vectors.n_dims, 2);
    for (size_t i = 0; i < 3; i++) {
        assert_true(x.vectors.vectors[2 * i] == (float)texts[i].len);
        assert_true(x.vectors.vectors[2 * i + 1] == (float)i + 0.5F);
    }
    assert_int_equal(x.vectors.n_tokens, 9);
    assert_string_equal(x.vectors.model, "box/tiny:latest");
    assert_int_equal(strncmp(x.vectors.route, "box; box/tiny:latest; label=", 28), 0);
    assert_true(json_is_true(json_object_get(there.asked, "raw")) &&
                json_is_true(json_object_get(there.asked, "truncate")));
    wf_free(x.vectors.vectors);
    x = (struct reading){.is_rank = true,
                         .rank = {.model = "box/tiny",
                                  .query = WF_STR("which?"),
                                  .texts = texts,
                                  .n_texts = 3,
                                  .truncate = true}};
    assert_int_equal(run_reading(&x), 0);
    assert_true(x.scores[0] == 3 && x.scores[1] == 5 && x.scores[2] == 6);
    assert_true(x.usage.n_tokens == 9 && x.usage.n_truncated == 2);
    assert_string_equal(x.usage.model, "box/rank:latest");
    assert_string_equal(json_string_value(json_object_get(there.asked, "query")), "which?");
    assert_int_equal(strncmp(x.usage.route, "box; box/tiny:latest; label=", 28), 0);
    assert_null(here.asked);
    /* What fails there fails here, with its reason. */
    there.fail = WF_E_RANGE;
    assert_int_equal(run_reading(&x), WF_E_RANGE);
    assert_int_equal(strncmp(x.err.msg, "box: ", 5), 0);
    end();
}

/* More numbers than may be on their way at once. */
static void test_remote_node__many_vectors_arrive(void **state)
{
    struct wf_str texts[400];
    struct reading x = {
        .embed = {.model = "box/tiny", .texts = texts, .n_texts = 400, .n_dims = 1000}};
    (void)state;

    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++)
        texts[i] = wf_str_sub(WF_STR("abcdefghijk"), 0, 1 + i % 11);
    begin(NULL);
    assert_int_equal(run_reading(&x), 0);
    assert_int_equal(x.vectors.n_dims, 1000);
    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++) {
        assert_true(x.vectors.vectors[1000 * i] == (float)texts[i].len);
        assert_true(x.vectors.vectors[1000 * i + 1] == (float)i + 0.5F);
    }
    wf_free(x.vectors.vectors);
    end();
}

static void test_remote_node__texts_to_read_go_as_they_are_or_not_at_all(void **state)
{
    const struct wf_str texts[] = {WF_STR("hello"), WF_STR(PERSON)}, no_text = WF_STR("\xff");
    const int32_t id = 1, *const ids[] = {&id};
    const size_t n_ids[] = {1};
    struct reading x = {.embed = {.model = "box/tiny", .texts = texts, .n_texts = 2}};
    (void)state;

    begin("weft policy 1\nemail addresses may go to paired nodes when replaced\n");
    assert_int_equal(run_reading(&x), WF_E_DENIED);
    assert_non_null(strstr(x.err.msg, "replaced"));
    end();
    begin(NULL);
    sealed_world_clear(&w, "box", WF_LABEL_INTERNAL);
    assert_int_equal(run_reading(&x), WF_E_DENIED);
    assert_non_null(strstr(x.err.msg, "Nothing was sent to box"));
    x.is_rank = true; /* the query counts, too */
    x.rank = (struct wf_rerank_request){
        .model = "box", .query = WF_STR(PERSON), .texts = texts, .n_texts = 1};
    assert_int_equal(run_reading(&x), WF_E_NOENT); /* which of its models ranks is not known */
    x.rank.model = "box/tiny";
    assert_int_equal(run_reading(&x), WF_E_DENIED);
    x.is_rank = false;
    x.embed.texts = &no_text;
    x.embed.n_texts = 1;
    assert_int_equal(run_reading(&x), WF_E_INVAL);
    x.embed.ids = ids;
    x.embed.n_ids = n_ids;
    assert_int_equal(run_reading(&x), WF_E_UNSUPPORTED);
    assert_null(there.asked);
    end();
}

/* ---- a node that fails ---- */

static void test_remote_node__one_that_fails_again_and_again_is_left_alone(void **state)
{
    struct wf_router_options o = {.never_explores = true, .never_hedges = true};
    json_t *messages, *why = NULL;
    struct wf_gen_request q = request(&messages, "box/tiny", "hello");
    const struct wf_str text = WF_STR("hello");
    struct reading x = {.embed = {.model = "box/tiny", .texts = &text, .n_texts = 1}};
    struct wf_err err = WF_ERR_INIT;
    struct wf_gen *g = NULL;
    struct wf_buf b;
    int64_t left_ms = 0;
    size_t n_made;
    (void)state;

    wf_buf_init(&b, 1000);
    begin(NULL);
    there.fail_next = WF_E_FORMAT;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(wf_engine_generate(engine, &q, &g, NULL), 0);
        assert_int_equal(read_all(g, &b, NULL), WF_E_FORMAT);
        wf_gen_free(g);
    }
    there.fail = WF_E_INVAL; /* the request's own fault, and a caller's that is gone */
    assert_int_equal(run_reading(&x), WF_E_INVAL);
    there.fail = 0;
    assert_int_equal(wf_engine_generate(engine, &q, &g, NULL), 0);
    wf_gen_free(g);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(wf_node_breakers_state(breakers, WF_STR("box"), NULL), WF_BREAKER_CLOSED);
        assert_int_equal(wf_engine_generate(engine, &q, &g, NULL), 0);
        assert_int_equal(read_all(g, &b, NULL), WF_E_FORMAT);
        wf_gen_free(g);
    }
    assert_int_equal(wf_node_breakers_state(breakers, WF_STR("box"), &left_ms), WF_BREAKER_OPEN);
    assert_int_equal(left_ms, 2000);
    /* Nothing is sent: by name, nor by who chooses, nor a text to read. */
    n_made = there.n_made;
    assert_int_equal(wf_engine_generate(engine, &q, &g, &err), WF_E_BUSY);
    assert_non_null(strstr(err.msg, "box failed again and again"));
    assert_int_equal(run_reading(&x), WF_E_BUSY);
    o.inner = engine;
    o.nodes = laptop;
    o.breakers = breakers;
    o.detector = detector;
    o.policy = policy;
    assert_int_equal(wf_router_new(&o, &engine, NULL), 0);
    q.model = "auto";
    assert_int_equal(wf_engine_generate(engine, &q, &g, &err), WF_E_BUSY);
    assert_int_equal(there.n_made, n_made);
    why = json_pack("{s:O}", "messages", messages);
    json_t *told = NULL;
    const struct wf_router_wish wish = wf_router_wish(engine);
    assert_int_equal(wf_router_explain(engine, &wish, why, &told, NULL), 0);
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(told, "candidates"), 0), "barrier")),
                        "breaker");
    json_decref(told);
    json_decref(why);
    /* Later one request is let through to see; then all may go again. */
    now_ns += INT64_C(2000) * 1000000;
    there.fail_next = 0;
    assert_int_equal(wf_engine_generate(engine, &q, &g, NULL), 0);
    assert_int_equal(read_all(g, &b, NULL), 0);
    wf_gen_free(g);
    assert_int_equal(wf_node_breakers_state(breakers, WF_STR("box"), NULL), WF_BREAKER_CLOSED);
    wf_router_settle(engine);
    end();
    wf_buf_deinit(&b);
    json_decref(messages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remote_node__what_is_asked_of_it_says_where_it_ran),
        cmocka_unit_test(test_remote_node__names_of_this_device_are_its_own),
        cmocka_unit_test(test_remote_node__what_the_policy_keeps_is_not_sent),
        cmocka_unit_test(test_remote_node__without_a_policy_or_detectors_nothing_is_sent),
        cmocka_unit_test(test_remote_node__what_is_replaced_for_it_is_put_back),
        cmocka_unit_test(test_remote_node__it_is_a_place_that_the_router_weighs),
        cmocka_unit_test(test_remote_node__vectors_and_scores_are_made_there),
        cmocka_unit_test(test_remote_node__many_vectors_arrive),
        cmocka_unit_test(test_remote_node__texts_to_read_go_as_they_are_or_not_at_all),
        cmocka_unit_test(test_remote_node__one_that_fails_again_and_again_is_left_alone),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
