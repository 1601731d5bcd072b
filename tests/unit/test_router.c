/* SPDX-License-Identifier: Apache-2.0 */
/* The router, with a real airlock and providers on loopback: what may not leave runs here, what may
 * goes where it is best; an engine that dies in its answer loses and doubles nothing; one that
 * fails, or has no money left, is passed over; and afterwards it is known why. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/rng.h"
#include "daemon/airlock.h"
#include "model/synth.h"
#include "op/remote.h"
#include "op/router.h"
#include "op/why.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "os/sock.h"
#include "route/experience.h"
#include "route/record.h"
#include "support/recorder.h"

/* Each with a router of its own; 500 have been run. The library has its own 500 (test_failover). */
#define DEATHS 50

#define ADDRESS "anna.schmidt@example.org"

/* What the provider says, and what of it a person reads. */
#define HALF_ONE                                                                                   \
    "The  quick brown f\xc3\xb6x jumps over \xe6\xbc\xa2\xe5\xad\x97 and then  it sleeps. Write "
#define HALF_TWO " today, and again to "
static const char said[] = HALF_ONE "<EMAIL_1>" HALF_TWO "<EMAIL_1>, says the d\xc3\xb6g. ";
static const char read_as[] = HALF_ONE ADDRESS HALF_TWO ADDRESS ", says the d\xc3\xb6g. ";

/* ---- this device: it knows the answer, and goes on where it was begun ---- */

struct telling {
    struct wf_gen base;
    size_t at;
    bool has_ended;
    struct wf_gen_usage usage;
};

static size_t n_told_here, n_live_here;

static int tell_generate(struct wf_engine *e, const struct wf_gen_request *q, struct wf_gen **out,
                         struct wf_err *err)
{
    size_t n = json_array_size(q->messages);
    const char *last =
        json_string_value(json_object_get(json_array_get(q->messages, n - 1), "content"));
    struct telling *g = wf_alloc_array(1, sizeof(*g));

    if (g == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    g->base.ops = e->ops;
    g->usage = (struct wf_gen_usage){.model = "tiny:latest", .n_prompt = 20};
    if (q->continue_last) { /* it must be the answer's beginning */
        g->at = strlen(last);
        assert_memory_equal(last, read_as, g->at);
    }
    n_told_here++;
    n_live_here++;
    *out = &g->base;
    return 0;
}

static int tell_next(struct wf_gen *base, struct wf_gen_event *out, struct wf_err *err)
{
    struct telling *g = (struct telling *)base;
    size_t to = WF_MIN(g->at + 5, sizeof(read_as) - 1);

    (void)err;
    if (g->has_ended)
        return 0;
    *out = (struct wf_gen_event){.kind = WF_GEN_END};
    if (g->at == sizeof(read_as) - 1) {
        g->has_ended = true;
        return 1;
    }
    while ((read_as[to] & 0xc0) == 0x80)
        to++;
    out->kind = WF_GEN_TEXT;
    out->text = wf_str_n(read_as + g->at, to - g->at);
    g->at = to;
    g->usage.n_written++;
    return 1;
}

static const struct wf_gen_usage *tell_usage(const struct wf_gen *base)
{
    return &((const struct telling *)base)->usage;
}

static void tell_free(struct wf_gen *base)
{
    n_live_here--;
    wf_free(base);
}

static json_t *tell_loaded(struct wf_engine *e)
{
    (void)e;
    return json_array();
}

static void free_local(struct wf_engine *e)
{
    (void)e;
}

static const struct wf_engine_ops local_ops = {.generate = tell_generate,
                                               .next = tell_next,
                                               .usage = tell_usage,
                                               .gen_free = tell_free,
                                               .loaded = tell_loaded,
                                               .free = free_local};
static struct wf_engine local = {&local_ops};

/* ---- the world ---- */

static struct world {
    char dir[64];
    struct wf_home home;
    struct recorder *recorders[2];
    struct wf_log *log;
    int listener;
    pid_t airlock;
    struct wf_airlock_link *link;
    struct wf_engines *engines;
    struct wf_model_store *models;
    struct wf_detector *detector;
    struct wf_policy *policy;
    struct wf_budget *budget;
    struct wf_engine *engine;
    bool never_hedges; /* the machine may be busy */
} w;

/* The system's, so much later. */
static int64_t later_ms;

static int64_t wall_ms(void *ud)
{
    (void)ud;
    return wf_clock_wall_ms(NULL) + later_ms;
}

static int64_t mono_ns(void *ud)
{
    (void)ud;
    return wf_clock_mono_ns(NULL);
}

static const struct wf_clock later_clock = {.wall_ms = wall_ms, .mono_ns = mono_ns};

static void open_router(bool has_consent, bool has_models)
{
    const struct wf_remote_options ro = {.local = &local,
                                         .engines = w.engines,
                                         .link = w.link,
                                         .models = w.models,
                                         .detector = w.detector,
                                         .policy = w.policy,
                                         .budget = w.budget};
    struct wf_router_options o = {.engines = w.engines,
                                  .models = has_models ? w.models : NULL,
                                  .detector = w.detector,
                                  .policy = w.policy,
                                  .has_consent = has_consent,
                                  .never_explores = true,
                                  .never_hedges = w.never_hedges,
                                  .experience = w.home.experience,
                                  .routes = w.home.routes,
                                  .clock = &later_clock,
                                  .log = w.log};
    wf_engine_free(w.engine);
    assert_int_equal(wf_remote_engine_new(&ro, &o.inner, NULL), 0);
    assert_int_equal(wf_router_new(&o, &w.engine, NULL), 0);
}

static void start_airlock(void)
{
    int fd = -1;
    assert_int_equal(wf_sock_connect_unix(w.home.airlock, &fd, NULL), 0);
    w.airlock = fork();
    if (w.airlock == 0) {
        const struct wf_airlock_options o = {.home = &w.home, .log = w.log, .fd = fd};
        _exit(wf_airlock_run(&o));
    }
    wf_file_close(&fd);
}

/* The first is the better one: "other" has but a small model. */
static void add_engine(const char *name, size_t i, int64_t day_tokens)
{
    const char *const models[] = {"model"};
    const struct recorder_options ro = {.keeps = true, .says = said};
    char url[64];
    w.recorders[i] = recorder_start(&ro);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/v1", recorder_port(w.recorders[i]));
    const struct wf_engine_entry e = {.name = name,
                                      .protocol = WF_PROTOCOL_OPENAI,
                                      .url = url,
                                      .provider = name,
                                      .tier = i == 0 ? WF_TIER_PROVIDER : WF_TIER_CLOUD,
                                      .clearance = WF_LABEL_INTERNAL,
                                      .models = models,
                                      .n_models = 1,
                                      .price_in_micro = 1000000,
                                      .price_out_micro = 2000000,
                                      .day = {.n_tokens = day_tokens}};
    assert_int_equal(wf_engines_put(w.home.engines, &e, false, NULL), 0);
}

static void add_model(void)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/m.gguf", w.dir);
    assert_int_equal(
        wf_synth(wf_synth_shape_by_name("tiny"), wf_mix_by_name("Q8_0"), 1, path, NULL, NULL), 0);
    assert_int_equal(wf_model_store_open(w.home.models, &w.models, NULL), 0);
    assert_int_equal(wf_model_store_import(w.models, path, "tiny", NULL, NULL,
                                           &(struct wf_model_entry){.bytes = 0}, NULL),
                     0);
}

static int set_up(void **state)
{
    const struct wf_detect_options all = {.plain_only = false};
    (void)state;
    w = (struct world){.listener = -1, .never_hedges = true};
    n_told_here = 0;
    later_ms = 0;
    snprintf(w.dir, sizeof(w.dir), "/tmp/weft-test-XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    assert_int_equal(wf_home_init(&w.home, w.dir, NULL), 0);
    assert_int_equal(wf_home_create(&w.home, NULL), 0);
    w.log = wf_log_new(-1, WF_LOG_INFO);
    add_engine("best", 0, 5000);
    add_engine("other", 1, 0);
    add_model();
    assert_int_equal(wf_engines_load(w.home.engines, &w.engines, NULL), 0);
    assert_int_equal(wf_detector_open(&all, &w.detector, NULL), 0);
    assert_int_equal(wf_policy_built_in(&w.policy, NULL), 0);
    assert_int_equal(wf_sock_listen_unix(w.home.airlock, &w.listener, NULL), 0);
    assert_int_equal(wf_airlock_link_new(w.listener, (long)getpid(), &w.link, NULL), 0);
    assert_int_equal(wf_budget_open(w.home.spent, NULL, &w.budget, NULL), 0);
    open_router(true, true);
    start_airlock();
    return 0;
}

static int tear_down(void **state)
{
    char command[256];
    (void)state;
    wf_engine_free(w.engine);
    assert_int_equal(n_live_here, 0);
    assert_int_equal(wf_budget_close(w.budget, NULL), 0);
    wf_airlock_link_free(w.link);
    (void)kill(w.airlock, SIGTERM); /* it may have ended with its connection */
    assert_int_equal(waitpid(w.airlock, NULL, 0), w.airlock);
    for (size_t i = 0; i < 2; i++)
        recorder_stop(w.recorders[i]);
    wf_policy_free(w.policy);
    wf_detector_free(w.detector);
    wf_engines_free(w.engines);
    wf_model_store_close(w.models);
    wf_file_close(&w.listener);
    wf_log_free(w.log);
    snprintf(command, sizeof(command), "rm -rf '%s'", w.dir);
    return system(command);
}

static size_t n_asked(size_t i)
{
    return recorder_n_requests(w.recorders[i]);
}

/* ---- asking ---- */

struct told {
    struct wf_buf text;
    char first[600], last[600]; /* x-weft-route, when it began and when it had ended */
    char id[80];
    struct wf_err err;
};

static int ask_model(const char *model, const char *content, struct told *t)
{
    json_t *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", content);
    struct wf_gen_request q = {
        .model = model, .messages = messages, .sampling = wf_sampling_default()};
    struct wf_gen_event e;
    struct wf_gen *g = NULL;
    const char *id;
    int rc;

    *t = (struct told){.err = WF_ERR_INIT};
    wf_buf_init(&t->text, 100000);
    rc = wf_engine_generate(w.engine, &q, &g, &t->err);
    while (rc == 0 && (rc = wf_gen_next(g, &e, &t->err)) == 1) {
        if (t->first[0] == '\0')
            snprintf(t->first, sizeof(t->first), "%s",
                     wf_gen_usage(g)->route ? wf_gen_usage(g)->route : "");
        if (e.kind == WF_GEN_TEXT)
            assert_int_equal(wf_buf_append_str(&t->text, e.text), 0);
        rc = 0;
    }
    if (rc == 0 && wf_gen_usage(g)->route != NULL)
        snprintf(t->last, sizeof(t->last), "%s", wf_gen_usage(g)->route);
    wf_gen_free(g);
    wf_router_settle(w.engine);
    id = strstr(t->last, "id=");
    snprintf(t->id, sizeof(t->id), "%.18s", id != NULL ? id + 3 : "");
    json_decref(messages);
    return rc;
}

static void ask(const char *content, struct told *t)
{
    if (ask_model("auto", content, t) != 0)
        fail_msg("%s", t->err.msg);
}

static void forget(struct told *t)
{
    wf_buf_deinit(&t->text);
}

/* ---- where it runs ---- */

static void test_router__what_may_not_leave_runs_here(void **state)
{
    struct told t;
    (void)state;
    ask("My key is AKIAIOSFODNN7EXAMPLE, the password hunter2-Xk9!", &t);
    assert_memory_equal(t.first, "local; tiny:latest; label=secret; tier=here; why=good;", 54);
    assert_non_null(strstr(t.first, "allowed=1/3"));
    assert_string_equal(t.text.ptr, read_as);
    assert_int_equal(recorder_n_connections(w.recorders[0]), 0);
    assert_int_equal(recorder_n_connections(w.recorders[1]), 0);
    forget(&t);
}

static void test_router__what_may_goes_to_the_best_and_it_is_known_why(void **state)
{
    json_t *why = NULL, *decision, *entry;
    struct told t;
    (void)state;
    ask("Tell me of the fox, and write to " ADDRESS, &t);
    assert_memory_equal(t.first, "best; best/model; label=internal; tier=provider; why=good;", 58);
    assert_non_null(strstr(t.last, "redacted=1"));
    assert_string_equal(t.text.ptr, read_as);
    assert_int_equal(n_asked(0), 1);
    assert_false(recorder_holds(w.recorders[0], WF_STR("anna"), true));
    forget(&t);
    assert_int_equal(wf_op_why_json(w.home.ledger, w.home.routes, wf_str_from(t.id), &why, &t.err),
                     0);
    decision = json_object_get(why, "decision");
    entry = json_array_get(json_object_get(why, "entries"), 0);
    assert_string_equal(json_string_value(json_object_get(decision, "chosen")), "best/model");
    assert_true(json_number_value(json_object_get(
                    json_array_get(json_object_get(decision, "candidates"), 1), "total_ms")) > 0);
    decision = json_object_get(decision, "actual");
    assert_string_equal(json_string_value(json_object_get(decision, "engine")), "best/model");
    assert_true(json_number_value(json_object_get(decision, "total_ms")) > 0);
    assert_int_equal(json_integer_value(json_object_get(decision, "tokens")), 5);
    assert_true(json_number_value(json_object_get(decision, "cost")) > 0);
    assert_string_equal(json_string_value(json_object_get(entry, "reason")), "chosen: good");
    json_decref(why);
}

static void test_router__nothing_goes_without_consent(void **state)
{
    struct told t;
    (void)state;
    open_router(false, true);
    ask("Tell me of the fox.", &t);
    /* One's own cloud needs none, a provider does. */
    assert_memory_equal(t.first, "other; ", 7);
    assert_int_equal(n_asked(0), 0);
    forget(&t);
    recorder_set(w.recorders[1], 503, SIZE_MAX);
    open_router(false, false);
    assert_true(ask_model(NULL, "Tell me of the fox.", &t) < 0); /* no model here */
    assert_int_equal(n_asked(0), 0);
    forget(&t);
}

static void test_router__a_chat_that_names_nothing_stays_as_it_was(void **state)
{
    struct told t;
    (void)state;
    assert_int_equal(ask_model(NULL, "Tell me of the fox.", &t), 0);
    assert_string_equal(t.first, ""); /* the model of this device, and no word of a route */
    forget(&t);
    assert_int_equal(ask_model("tiny", "Tell me of the fox.", &t), 0);
    assert_string_equal(t.first, "");
    forget(&t);
    assert_int_equal(n_told_here, 2);
    assert_int_equal(access(w.home.routes, F_OK), -1);
    open_router(true, false); /* no model here: then it is the router's */
    assert_int_equal(ask_model("", "Tell me of the fox.", &t), 0);
    assert_memory_equal(t.first, "best; ", 6);
    forget(&t);
    assert_int_equal(ask_model("other/model", "Tell me of the fox.", &t), 0);
    assert_memory_equal(t.first, "other; other/model; label=", 26); /* named: as ever */
    forget(&t);
}

static void test_router__a_name_says_the_balance(void **state)
{
    struct told t;
    (void)state;
    assert_true(wf_router_is_auto("auto:latest", NULL));
    assert_false(wf_router_is_auto("auto:best", NULL) || wf_router_is_auto("automatic", NULL) ||
                 wf_router_is_auto("gpt", NULL) || wf_router_is_auto(NULL, NULL));
    assert_int_equal(ask_model("auto:private", "Tell me of the fox.", &t), 0);
    assert_memory_equal(t.first, "local; ", 7);
    assert_non_null(strstr(t.first, "why=private"));
    forget(&t);
}

/* ---- where it fails ---- */

static void test_router__what_fails_is_passed_over_and_then_left_alone(void **state)
{
    json_t *why = NULL, *first;
    struct told t;
    (void)state;
    recorder_set(w.recorders[0], 503, SIZE_MAX);
    for (int i = 0; i < 7; i++) {
        ask("Tell me of the fox.", &t);
        assert_memory_equal(t.first, "other; other/model; ", 20); /* before anything was told */
        forget(&t);
    }
    assert_int_equal(n_asked(0), 5); /* once each: there is another; then the breaker is open */
    assert_int_equal(wf_op_why_json(w.home.ledger, w.home.routes, wf_str_from(t.id), &why, &t.err),
                     0);
    first = json_array_get(json_object_get(json_object_get(why, "decision"), "candidates"), 1);
    assert_string_equal(json_string_value(json_object_get(first, "why")),
                        wf_barrier_text(WF_BARRIER_BREAKER));
    json_decref(why);
}

static void test_router__what_the_budget_does_not_cover_goes_elsewhere(void **state)
{
    struct wf_spending most = {.n_tokens = 4990}, spent = {.n_tokens = 4990};
    const struct wf_engine_entry *e = wf_engines_find(w.engines, WF_STR("best"));
    struct told t;
    (void)state;
    assert_int_equal(wf_budget_reserve(w.budget, e, &most, NULL), 0);
    assert_int_equal(wf_budget_settle(w.budget, e, &most, &spent, NULL), 0);
    ask("Tell me of the fox.", &t);
    assert_memory_equal(t.first, "other; ", 7);
    assert_int_equal(n_asked(0), 0);
    forget(&t);
}

static void test_router__a_budget_that_ends_meanwhile_is_no_end(void **state)
{
    /* For the decision there is enough; what is reserved at most is more. */
    struct wf_spending most = {.n_tokens = 3000}, spent = {.n_tokens = 3000};
    const struct wf_engine_entry *e = wf_engines_find(w.engines, WF_STR("best"));
    struct told t;
    (void)state;
    assert_int_equal(wf_budget_reserve(w.budget, e, &most, NULL), 0);
    assert_int_equal(wf_budget_settle(w.budget, e, &most, &spent, NULL), 0);
    ask("Tell me of the fox.", &t);
    assert_memory_equal(t.first, "other; ", 7);
    forget(&t);
}

/* Breakers, budgets and what was learned. */
static void begin_anew(void)
{
    wf_engine_free(w.engine);
    w.engine = NULL;
    assert_int_equal(wf_budget_close(w.budget, NULL), 0);
    (void)unlink(w.home.spent);
    (void)unlink(w.home.experience);
    assert_int_equal(wf_budget_open(w.home.spent, NULL, &w.budget, NULL), 0);
    open_router(true, true);
}

static void test_router__deaths_in_an_answer_lose_and_double_nothing(void **state)
{
    struct wf_rng_seeded dice;
    size_t n_midway = 0;
    (void)state;
    wf_rng_seeded_init(&dice, 5);
    for (int i = 0; i < DEATHS; i++) {
        size_t at = 7 + (size_t)wf_rng_below(&dice.rng, sizeof(said) - 8);
        struct told t;
        begin_anew(); /* each death is the first */
        recorder_set(w.recorders[0], 0, at);
        ask("Tell me of the fox, and write to " ADDRESS, &t);
        if (strcmp(t.text.ptr, read_as) != 0)
            fail_msg("death %d, at %zu: %s", i, at, t.text.ptr);
        n_midway += strncmp(t.first, "best", 4) == 0 && strncmp(t.last, "local", 5) == 0;
        forget(&t);
    }
    print_message("    %zu in the middle of an answer\n", n_midway);
    assert_int_equal(n_midway, DEATHS);
}

static void test_router__one_that_is_late_is_not_waited_for(void **state)
{
    struct told t;
    (void)state;
    recorder_set(w.recorders[0], -1, SIZE_MAX);
    w.never_hedges = false;
    open_router(true, true);
    ask("Tell me of the fox, and write to " ADDRESS, &t); /* else it would wait for minutes */
    assert_true(n_asked(0) <= 1); /* a busy machine hedges before it has sent anything */
    assert_memory_not_equal(t.first, "best", 4);
    assert_string_equal(t.text.ptr, read_as);
    forget(&t);
}

/* ---- what it learns ---- */

static void test_router__what_happened_is_learned_and_kept(void **state)
{
    struct wf_experience *x = NULL;
    struct told t;
    (void)state;
    for (int i = 0; i < 4; i++) {
        ask("Tell me of the fox.", &t);
        forget(&t);
    }
    ask("My key is AKIAIOSFODNN7EXAMPLE", &t);
    forget(&t);
    wf_engine_free(w.engine);
    w.engine = NULL;
    assert_int_equal(wf_experience_new(&x, NULL), 0);
    assert_int_equal(wf_experience_load(x, w.home.experience, NULL), 0);
    assert_int_equal(wf_experience_n_lessons(x), 2); /* best/model, here/tiny */
    const struct wf_route_request q = {.n_prompt = 10};
    const struct wf_candidate c = {
        .engine = WF_STR("best"), .model = WF_STR("model"), .tier = WF_TIER_PROVIDER};
    struct wf_estimate before, after;
    wf_experience_estimate(NULL, &q, &c, 0, NULL, &before);
    wf_experience_estimate(x, &q, &c, wf_clock_wall_ms(NULL), NULL, &after);
    assert_true(after.works > before.works);
    assert_true(after.ttft_ms < before.ttft_ms || after.ttft_ms > before.ttft_ms);
    wf_experience_free(x);
}

/* ---- what a person releases ---- */

static int ask_released(const json_t *messages, const char *id, struct wf_buf *out,
                        struct wf_err *err)
{
    struct wf_gen_request q = {.model = "auto",
                               .messages = messages,
                               .release_id = id,
                               .release_reason = "I want to",
                               .sampling = wf_sampling_default()};
    struct wf_gen_event e;
    struct wf_gen *g = NULL;
    int rc = wf_engine_generate(w.engine, &q, &g, err);

    while (rc == 0 && (rc = wf_gen_next(g, &e, err)) == 1)
        rc = e.kind == WF_GEN_TEXT ? wf_buf_append_str(out, e.text) : 0;
    wf_gen_free(g);
    return rc;
}

static void test_router__what_is_kept_may_be_released_for_the_best(void **state)
{
    json_t *messages =
        json_pack("[{s:s, s:s}]", "role", "user", "content", "Is 4111 1111 1111 1111 valid?");
    struct wf_gen_request q = {
        .model = "auto", .messages = messages, .sampling = wf_sampling_default()};
    struct wf_err err = WF_ERR_INIT;
    json_t *v = NULL;
    struct wf_buf out;
    struct told t;
    (void)state;
    open_router(true, false); /* nothing here can answer */
    assert_int_equal(ask_model("auto", "Is 4111 1111 1111 1111 valid?", &t), WF_E_DENIED);
    assert_non_null(strstr(t.err.msg, "(best may, once, if you release this)"));
    forget(&t);
    for (uint64_t n = 1;; n++) {
        wf_alloc_fail_at(n);
        int rc = wf_router_look(w.engine, &q, &v, &err);
        if (!wf_alloc_failed())
            break;
        if (rc == 0)
            json_decref(v); /* what is shown may be less */
    }
    wf_alloc_fail_at(0);
    assert_string_equal(json_string_value(json_object_get(v, "model")), "best/model");
    assert_int_equal(json_array_size(json_object_get(v, "offers")), 2);
    assert_true(json_is_true(json_object_get(v, "needed")));
    assert_int_equal(n_asked(0), 0);
    wf_buf_init(&out, 10000);
    assert_int_equal(ask_released(messages, "none", &out, &err), WF_E_DENIED);
    assert_int_equal(
        ask_released(messages, json_string_value(json_object_get(v, "id")), &out, &err), 0);
    assert_int_equal(n_asked(0), 1);
    assert_int_equal(
        ask_released(messages, json_string_value(json_object_get(v, "id")), &out, &err),
        WF_E_DENIED);
    assert_int_equal(n_asked(0), 1);
    wf_buf_deinit(&out);
    json_decref(v);
    /* Where one here can answer there is nothing to refuse, and a secret is offered to nobody. */
    open_router(true, true);
    (void)json_object_set_new(json_array_get(messages, 0), "content",
                              json_string("My key is AKIAIOSFODNN7EXAMPLE"));
    if (wf_router_look(w.engine, &q, &v, &err) != 0)
        fail_msg("%s", err.msg);
    assert_false(json_is_true(json_object_get(v, "possible")));
    assert_int_equal(json_array_size(json_object_get(v, "offers")), 0);
    json_decref(v);
    q.model = "tiny";
    assert_int_equal(wf_router_look(w.engine, &q, &v, &err), WF_E_UNSUPPORTED);
    json_decref(messages);
}

/* ---- how good answers are ---- */

static double quality_after(struct wf_str id, bool is_good, bool is_new)
{
    json_t *v = NULL;
    double quality;

    assert_int_equal(wf_router_rate(w.engine, id, is_good, &v, NULL), 0);
    assert_string_equal(json_string_value(json_object_get(v, "engine")), "best/model");
    assert_int_equal(json_is_true(json_object_get(v, "is_new")), is_new);
    quality = json_number_value(json_object_get(v, "quality"));
    assert_true(quality > 0 && quality < 1 &&
                json_number_value(json_object_get(v, "quality_sd")) > 0);
    json_decref(v);
    return quality;
}

static bool is_about(double a, double b)
{
    return a > b - 1e-4 && a < b + 1e-4;
}

static void test_router__a_person_s_word_is_learned_once(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    json_t *v = NULL;
    struct told t;
    (void)state;
    ask("Tell me of the fox.", &t);
    const struct wf_str id = wf_str_from(t.id);
    const double good = quality_after(id, true, true);
    assert_true(is_about(quality_after(id, true, false), good)); /* it fades, slowly */
    const double bad = quality_after(id, false, true);           /* the first is taken back */
    assert_true(bad < good && good - bad < 0.3);
    assert_true(is_about(quality_after(id, false, false), bad));
    open_router(true, true); /* it is kept */
    assert_true(is_about(quality_after(id, false, false), bad));
    assert_int_equal(wf_router_rate(w.engine, WF_STR("r-none"), true, &v, &err), WF_E_NOENT);
    assert_int_equal(wf_router_rate(w.engine, WF_STR(""), true, &v, &err), WF_E_NOENT);
    assert_int_equal(wf_router_rate(w.engine, WF_STR("a b"), true, &v, &err), WF_E_INVAL);
    forget(&t);
    recorder_set(w.recorders[0], 503, SIZE_MAX);
    recorder_set(w.recorders[1], 503, SIZE_MAX);
    open_router(true, false);
    assert_true(ask_model("auto", "Tell me of the fox.", &t) < 0);
    forget(&t);
    assert_int_equal(wf_route_log_find(w.home.routes, WF_STR(""), &v, NULL), 0);
    const char *failed = json_string_value(json_object_get(v, "id"));
    json_t *none = NULL;
    assert_int_equal(wf_router_rate(w.engine, wf_str_from(failed), true, &none, &err), WF_E_NOENT);
    json_decref(v);
}

/* The estimate of the best engine for such questions. */
static double quality_of_best(void)
{
    json_t *messages = json_pack("{s:[{s:s, s:s}]}", "messages", "role", "user", "content",
                                 "Tell me of the fox."),
           *v = NULL;
    const struct wf_router_wish wish = {.has_consent = true};
    double quality;

    assert_int_equal(wf_router_explain(w.engine, &wish, messages, &v, NULL), 0);
    quality = json_number_value(
        json_object_get(json_array_get(json_object_get(v, "candidates"), 1), "quality"));
    json_decref(v);
    json_decref(messages);
    return quality;
}

static void test_router__what_is_asked_again_soon_was_perhaps_not_good(void **state)
{
    static const struct {
        int64_t after_ms;
        const char *what;
        bool counts;
    } steps[] = {
        {500, "Tell me of the fox.", false},    /* a program */
        {20000, "Tell me of the dog.", false},  /* something else */
        {20000, "Tell me of the fox.", true},   /* a person */
        {20000, "Tell me of the fox.", false},  /* once */
        {900000, "Tell me of the dog.", false}, /* much later */
    };
    struct told t;
    (void)state;
    ask("Tell me of the fox.", &t);
    forget(&t);
    for (size_t i = 0; i < WF_ARRAY_LEN(steps); i++) {
        const double before = quality_of_best();
        later_ms += steps[i].after_ms;
        ask(steps[i].what, &t);
        forget(&t);
        const double now = quality_of_best();
        assert_int_equal(before - now > 1e-3, steps[i].counts);
        assert_true(before - now < 0.1);
    }
}

static json_t *try_at(const char *engine, const char *question, const char *answer, int want)
{
    const struct wf_str answers[] = {WF_STR("what nobody says"), wf_str_from(answer)};
    const struct wf_router_trial t = {.engine = engine,
                                      .question = wf_str_from(question),
                                      .answers = answers,
                                      .n_answers = 2,
                                      .n_max = 100};
    json_t *v = NULL;

    assert_int_equal(wf_router_try(w.engine, &t, &v, NULL), want);
    return v;
}

static void test_router__known_answers_teach_and_obey(void **state)
{
    json_t *v;
    double quality = 0;
    size_t n = 0;
    (void)state;
    for (int i = 0; i < 3; i++) {
        v = try_at("best", "Tell me of the fox.", "it sleeps", 0);
        assert_true(json_is_true(json_object_get(v, "asked")) &&
                    json_is_true(json_object_get(v, "right")));
        assert_true(json_number_value(json_object_get(v, "quality")) > quality);
        quality = json_number_value(json_object_get(v, "quality"));
        assert_true(json_number_value(json_object_get(v, "cost")) > 0);
        json_decref(v);
    }
    v = try_at("best", "Tell me of the fox.", "it wakes", 0);
    assert_false(json_is_true(json_object_get(v, "right")));
    assert_true(json_number_value(json_object_get(v, "quality")) < quality);
    json_decref(v);
    /* What is secret is not sent, and a budget ends. */
    n = n_asked(0);
    v = try_at("best", "My key is AKIAIOSFODNN7EXAMPLE, what is it?", "a key", 0);
    assert_false(json_is_true(json_object_get(v, "asked")));
    json_decref(v);
    assert_int_equal(n_asked(0), n);
    v = try_at("here", "My key is AKIAIOSFODNN7EXAMPLE, what is it?", "sleeps", 0);
    assert_true(json_is_true(json_object_get(v, "right")));
    json_decref(v);
    struct wf_spending most = {.n_tokens = 4000}, spent = {.n_tokens = 4990};
    const struct wf_engine_entry *e = wf_engines_find(w.engines, WF_STR("best"));
    assert_int_equal(wf_budget_reserve(w.budget, e, &most, NULL), 0);
    assert_int_equal(wf_budget_settle(w.budget, e, &most, &spent, NULL), 0);
    v = try_at("best", "Tell me of the fox.", "it sleeps", 0);
    assert_false(json_is_true(json_object_get(v, "asked")));
    assert_string_equal(json_string_value(json_object_get(v, "why")),
                        wf_barrier_text(WF_BARRIER_BUDGET));
    json_decref(v);
    assert_int_equal(n_asked(0), n);
    assert_null(try_at("nobody", "Tell me of the fox.", "it sleeps", WF_E_NOENT));
}

/* ---- a small one first ---- */

static void test_router__frugal_asks_the_small_one_once_it_is_known_to_do(void **state)
{
    struct told t;
    json_t *why = NULL, *decision;
    (void)state;
    assert_int_equal(ask_model("auto:frugal", "Tell me of the fox.", &t), 0);
    assert_memory_not_equal(t.first, "local; ", 7); /* so small a model is not thought to do */
    forget(&t);
    for (int i = 0; i < 25; i++)
        json_decref(try_at("here", "Tell me of the fox.", "it sleeps", 0));
    assert_int_equal(ask_model("auto:frugal", "Tell me of the fox.", &t), 0);
    assert_string_equal(t.text.ptr, read_as);
    assert_non_null(strstr(t.last, "why=frugal"));
    assert_int_equal(wf_op_why_json(w.home.ledger, w.home.routes, wf_str_from(t.id), &why, &t.err),
                     0);
    decision = json_object_get(why, "decision");
    assert_string_equal(json_string_value(json_object_get(decision, "balance")), "frugal");
    json_decref(why);
    forget(&t);
}

static void test_router__without_memory_it_says_so(void **state)
{
    json_t *messages =
        json_pack("[{s:s, s:s}]", "role", "user", "content", "My key is AKIAIOSFODNN7EXAMPLE");
    struct wf_gen_request q = {.model = "auto", .messages = messages};
    int rc;
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct wf_gen *g = NULL;
        wf_alloc_fail_at(n);
        struct wf_err err = WF_ERR_INIT;
        rc = wf_engine_generate(w.engine, &q, &g, &err);
        wf_gen_free(g);
        wf_router_settle(w.engine);
        if (!wf_alloc_failed())
            break;
        if (rc != 0 && rc != WF_E_NOMEM && rc != WF_E_DENIED) /* a model that is not read is none */
            fail_msg("allocation %llu: %s", (unsigned long long)n, err.msg);
    }
    wf_alloc_fail_at(0);
    assert_int_equal(rc, 0);
    json_decref(messages);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_router__what_may_not_leave_runs_here),
        TEST(test_router__what_may_goes_to_the_best_and_it_is_known_why),
        TEST(test_router__nothing_goes_without_consent),
        TEST(test_router__a_chat_that_names_nothing_stays_as_it_was),
        TEST(test_router__a_name_says_the_balance),
        TEST(test_router__what_fails_is_passed_over_and_then_left_alone),
        TEST(test_router__what_the_budget_does_not_cover_goes_elsewhere),
        TEST(test_router__a_budget_that_ends_meanwhile_is_no_end),
        TEST(test_router__deaths_in_an_answer_lose_and_double_nothing),
        TEST(test_router__one_that_is_late_is_not_waited_for),
        TEST(test_router__frugal_asks_the_small_one_once_it_is_known_to_do),
        TEST(test_router__what_happened_is_learned_and_kept),
        TEST(test_router__what_is_kept_may_be_released_for_the_best),
        TEST(test_router__a_person_s_word_is_learned_once),
        TEST(test_router__what_is_asked_again_soon_was_perhaps_not_good),
        TEST(test_router__known_answers_teach_and_obey),
        TEST(test_router__without_memory_it_says_so),
    };
    return wf_sandbox_support().seccomp ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
