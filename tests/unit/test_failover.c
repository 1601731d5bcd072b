/* SPDX-License-Identifier: Apache-2.0 */
/* Failover: engines that die at random tokens; whatever dies where, the answer is whole, nothing
 * stands twice, and what cannot be taken up is said. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/rng.h"
#include "route/failover.h"

static const char answer[] =
    "The  quick brown f\xc3\xb6x\n\njumps over \xe6\xbc\xa2\xe5\xad\x97, and "
    "then  it sleeps.\n- one\n- two \n";

/* Tells the answer, a few characters at a time, from where the request's last message leaves off;
 * dies after so many events. */
struct teller {
    struct wf_engine base;
    struct wf_rng_seeded *dice;
    int dies_after; /* events; below 0: never */
    bool refuses;   /* generate fails */
    int code;       /* how it dies */
    bool thinks;
    bool hangs; /* before its first event, until it is cancelled */
    size_t n_asked, n_live, n_max;
};

struct telling {
    struct wf_gen base;
    struct teller *t;
    size_t at;
    int n_events;
    bool ended, thought, is_first;
    const struct wf_gen_request *q;
    struct wf_gen_usage usage;
    char model[16];
};

static int generate(struct wf_engine *e, const struct wf_gen_request *q, struct wf_gen **out,
                    struct wf_err *err)
{
    struct teller *t = (struct teller *)e;
    size_t n = json_array_size(q->messages);
    const json_t *last = json_array_get(q->messages, n - 1);
    const char *content = json_string_value(json_object_get(last, "content"));
    struct telling *g;

    t->n_asked++;
    t->n_max = q->n_max;
    if (t->refuses)
        return wf_err_set(err, t->code, "refused");
    g = calloc(1, sizeof(*g));
    assert_non_null(g);
    g->base.ops = t->base.ops;
    g->t = t;
    g->q = q;
    g->is_first = true;
    (void)snprintf(g->model, sizeof(g->model), "model %zu", t->n_asked);
    g->usage.model = g->model;
    if (q->continue_last) { /* it must be the answer's beginning */
        g->at = strlen(content);
        assert_memory_equal(content, answer, g->at);
        assert_true(g->at == 0 || strchr(" \n", answer[g->at - 1]) == NULL); /* as some want it */
    }
    t->n_live++;
    *out = &g->base;
    return 0;
}

static int next(struct wf_gen *gen, struct wf_gen_event *out, struct wf_err *err)
{
    struct telling *g = (struct telling *)gen;
    size_t to = g->at;

    while (g->t->hangs) {
        if (g->q->canceled != NULL && g->q->canceled(g->q->canceled_ud))
            return wf_err_set(err, WF_E_CANCELED, "Canceled.");
        (void)usleep(1000);
    }
    if (g->t->dies_after >= 0 && g->n_events++ >= g->t->dies_after)
        return wf_err_set(err, g->t->code, "died");
    memset(out, 0, sizeof(*out));
    if (g->ended)
        return 0;
    if (g->t->thinks && !g->thought) {
        g->thought = true;
        out->kind = WF_GEN_REASONING;
        out->text = WF_STR("hm");
        return 1;
    }
    if (g->at == sizeof(answer) - 1) {
        g->ended = true;
        out->kind = WF_GEN_END;
        return 1;
    }
    to += 1 + (size_t)wf_rng_below(&g->t->dice->rng, 6);
    to = to < sizeof(answer) - 1 ? to : sizeof(answer) - 1;
    while ((answer[to] & 0xc0) == 0x80)
        to++;
    out->kind = WF_GEN_TEXT;
    out->text = wf_str_n(answer + g->at, to - g->at);
    g->at = to;
    g->usage.n_written++;
    return 1;
}

static const struct wf_gen_usage *usage(const struct wf_gen *gen)
{
    return &((const struct telling *)gen)->usage;
}

static void gen_free(struct wf_gen *gen)
{
    ((struct telling *)gen)->t->n_live--;
    memset(gen, 'x', sizeof(struct telling)); /* whoever still reads it sees that */
    free(gen);
}

static const struct wf_engine_ops teller_ops = {
    .generate = generate, .next = next, .usage = usage, .gen_free = gen_free};

struct told {
    size_t n, n_failed, last;
};

static void tell(void *ud, size_t i, const struct wf_outcome *o, const struct wf_err *err)
{
    struct told *t = ud;

    assert_int_equal(o->failed, err != NULL);
    assert_true(i < WF_FAILOVER_PLACES_MAX);
    t->n++;
    t->n_failed += o->failed;
    t->last = i;
}

struct setting {
    struct wf_rng_seeded dice;
    struct teller tellers[4];
    struct wf_failover_place places[4];
    json_t *messages;
    struct wf_gen_request q;
    struct wf_failover_options o;
    struct told told;
};

static void set(struct setting *s, uint64_t seed)
{
    memset(s, 0, sizeof(*s));
    wf_rng_seeded_init(&s->dice, seed);
    for (size_t i = 0; i < 4; i++) {
        s->tellers[i] = (struct teller){
            .base = {&teller_ops}, .dice = &s->dice, .dies_after = -1, .code = WF_E_IO};
        s->places[i] = (struct wf_failover_place){&s->tellers[i].base, NULL, true};
    }
    s->messages = json_pack("[{s:s, s:s}]", "role", "user", "content", "tell");
    s->q = (struct wf_gen_request){.messages = s->messages};
    s->o = (struct wf_failover_options){.places = s->places, .n = 4, .tell = tell, .ud = &s->told};
}

/* All of an answer: its text, and how often it thought. */
/* Without a thread that waits: whoever has news says so. */
static bool by_events;
static sem_t woken;
static size_t n_later;

static void wake(void *ud)
{
    (void)ud;
    assert_int_equal(sem_post(&woken), 0);
}

static int next_event(struct wf_gen *g, struct wf_gen_event *out, struct wf_err *err)
{
    const struct wf_gen_wake w = {.fn = wake};
    int rc;

    if (!by_events)
        return wf_gen_next(g, out, err);
    while ((rc = wf_gen_try(g, &w, out, err)) == WF_GEN_LATER) {
        n_later++;
        assert_int_equal(sem_wait(&woken), 0);
    }
    return rc;
}

static int hear(struct setting *s, struct wf_buf *text, size_t *out_thoughts, struct wf_err *err)
{
    struct wf_gen *g = NULL;
    struct wf_gen_event e;
    int rc = wf_failover_generate(&s->o, &s->q, &g, err);
    const char *model = g != NULL ? wf_gen_usage(g)->model : NULL; /* callers keep it */
    char was[16];

    (void)snprintf(was, sizeof(was), "%s", model != NULL ? model : "");
    *out_thoughts = 0;
    while (rc == 0 && (rc = next_event(g, &e, err)) > 0) {
        if (e.kind == WF_GEN_TEXT) {
            assert_true(e.text.len > 0);
            (void)wf_buf_append_str(text, e.text);
        }
        *out_thoughts += e.kind == WF_GEN_REASONING;
        rc = 0;
    }
    if (g != NULL)
        assert_true(wf_gen_usage(g)->n_written <= sizeof(answer));
    if (model != NULL) /* of two that are asked there is none yet */
        assert_string_equal(model, was);
    wf_gen_free(g);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(s->tellers[i].n_live, 0);
    return rc;
}

static void test_failover__five_hundred_deaths_lose_and_double_nothing(void **state)
{
    size_t n_deaths = 0, thoughts;

    (void)state;
    for (uint64_t seed = 1; n_deaths < 500; seed++) {
        struct setting s;
        struct wf_buf text;
        set(&s, seed);
        wf_buf_init(&text, 4096);
        for (size_t i = 0; i < 3; i++) {
            s.tellers[i].dies_after = (int)wf_rng_below(&s.dice.rng, 25);
            s.tellers[i].refuses = wf_rng_below(&s.dice.rng, 8) == 0;
            s.tellers[i].thinks = true;
        }
        assert_int_equal(hear(&s, &text, &thoughts, NULL), 0);
        if (strcmp(text.ptr, answer) != 0)
            fail_msg("seed %llu: %s", (unsigned long long)seed, text.ptr);
        assert_true(thoughts <= 1);
        assert_int_equal(s.told.n, s.told.n_failed + 1);
        n_deaths += s.told.n_failed;
        wf_buf_deinit(&text);
        json_decref(s.messages);
    }
}

static void test_failover__only_places_that_can_go_on_are_asked_then(void **state)
{
    struct setting s;
    struct wf_buf text;
    size_t thoughts;

    (void)state;
    set(&s, 3);
    wf_buf_init(&text, 4096);
    s.tellers[0].dies_after = 4;
    s.places[1].can_continue = false;
    s.q.n_max = 50;
    assert_int_equal(hear(&s, &text, &thoughts, NULL), 0);
    assert_string_equal(text.ptr, answer);
    assert_int_equal(s.tellers[1].n_asked, 0);
    assert_int_equal(s.tellers[2].n_asked, 1);
    assert_int_equal(s.tellers[2].n_max, 46); /* of what was asked for, four were told */
    wf_buf_reset(&text);
    s.tellers[0].dies_after = 0; /* nothing told: any place will do */
    assert_int_equal(hear(&s, &text, &thoughts, NULL), 0);
    assert_string_equal(text.ptr, answer);
    assert_int_equal(s.tellers[1].n_asked, 1);
    wf_buf_deinit(&text);
    json_decref(s.messages);
}

static void test_failover__a_fault_of_the_request_is_asked_of_no_second(void **state)
{
    static const int codes[] = {WF_E_INVAL, WF_E_RANGE, WF_E_CANCELED, WF_E_NOMEM};
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf text;
    size_t thoughts;

    (void)state;
    wf_buf_init(&text, 4096);
    for (size_t i = 0; i < 2 * WF_ARRAY_LEN(codes); i++) {
        struct setting s;
        set(&s, 4);
        s.tellers[0].code = codes[i / 2];
        s.tellers[0].refuses = i % 2 == 0;
        s.tellers[0].dies_after = 2;
        assert_int_equal(hear(&s, &text, &thoughts, &err), codes[i / 2]);
        assert_int_equal(s.tellers[1].n_asked, 0);
        json_decref(s.messages);
    }
    wf_buf_deinit(&text);
}

static void test_failover__what_cannot_be_taken_up_ends_with_the_first_error(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf text;
    size_t thoughts;

    (void)state;
    wf_buf_init(&text, 4096);
    for (int i = 0; i < 3; i++) {
        struct setting s;
        set(&s, 5);
        s.tellers[0].dies_after = 3;
        s.q.schema = i == 0 ? s.messages : NULL;
        s.q.grammar = i == 1 ? "root ::= \"a\"" : NULL;
        s.q.n_choices = i == 2 ? 2 : 0;
        assert_int_equal(hear(&s, &text, &thoughts, &err), WF_E_IO);
        assert_string_equal(err.msg, "died");
        assert_int_equal(s.tellers[1].n_asked, 0);
        json_decref(s.messages);
    }
    for (int i = 0; i < 2; i++) { /* and when all places fail, the last says why */
        struct setting s;
        set(&s, 6);
        for (size_t k = 0; k < 4; k++) {
            s.tellers[k].dies_after = 2;
            s.tellers[k].refuses = i == 1;
        }
        assert_int_equal(hear(&s, &text, &thoughts, &err), WF_E_IO);
        assert_int_equal(s.told.n_failed, i == 0 ? 8 : 4); /* in its middle each is asked twice */
        json_decref(s.messages);
    }
    wf_buf_deinit(&text);
}

static void test_failover__an_answer_that_was_begun_and_failing_allocations(void **state)
{
    struct setting s;
    struct wf_buf text;
    size_t thoughts;
    int rc;

    (void)state;
    set(&s, 7);
    (void)json_array_append_new(s.messages,
                                json_pack("{s:s, s:s}", "role", "assistant", "content", "The"));
    s.q.continue_last = true;
    s.tellers[0].dies_after = 5;
    wf_buf_init(&text, 4096);
    assert_int_equal(hear(&s, &text, &thoughts, NULL), 0);
    assert_string_equal(text.ptr, answer + 3);
    for (uint64_t n = 1;; n++) {
        struct wf_buf other;
        wf_buf_init(&other, 4096);
        wf_alloc_fail_at(n);
        rc = hear(&s, &other, &thoughts, NULL);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        wf_buf_deinit(&other);
        if (!failed)
            break;
        assert_true(rc == 0 || rc == WF_E_NOMEM); /* 0: it was the test's own buffer */
    }
    assert_int_equal(rc, 0);
    wf_buf_deinit(&text);
    json_decref(s.messages);
}

static void hear_late(void **state);
static void hear_in_time(void **state);

static void test_failover__hedges_hold_no_thread(void **state)
{
    assert_int_equal(sem_init(&woken, 0, 0), 0);
    by_events = true;
    n_later = 0;
    hear_late(state);
    hear_in_time(state);
    assert_true(n_later > 0);
    by_events = false;
    assert_int_equal(sem_destroy(&woken), 0);
}

static void test_failover__a_place_that_is_late_is_hedged(void **state)
{
    hear_late(state);
}

static void test_failover__who_is_in_time_is_asked_alone(void **state)
{
    hear_in_time(state);
}

static void hear_late(void **state)
{
    struct setting s;
    struct wf_buf text;
    size_t thoughts;

    (void)state;
    wf_buf_init(&text, 4096);
    set(&s, 8);
    s.o.i_hedge = 2;
    s.o.hedge_after_ms = 3;
    s.tellers[0].hangs = true; /* the third answers in its place */
    assert_int_equal(hear(&s, &text, &thoughts, NULL), 0);
    assert_string_equal(text.ptr, answer);
    assert_int_equal(s.tellers[0].n_asked, 1);
    assert_int_equal(s.tellers[1].n_asked, 0);
    assert_int_equal(s.tellers[2].n_asked, 1);
    assert_int_equal(s.told.n, 2); /* that it was late, and how the other was */
    assert_int_equal(s.told.last, 2);
    wf_buf_reset(&text);
    s.tellers[2].dies_after = 4; /* who won dies: the next goes on */
    assert_int_equal(hear(&s, &text, &thoughts, NULL), 0);
    assert_string_equal(text.ptr, answer);
    assert_int_equal(s.tellers[1].n_asked, 1);
    wf_buf_deinit(&text);
    json_decref(s.messages);
}

static void hear_in_time(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    struct setting s;
    struct wf_buf text;
    size_t thoughts;

    (void)state;
    wf_buf_init(&text, 4096);
    set(&s, 9);
    s.o.i_hedge = 1;
    s.o.hedge_after_ms = 600000;
    assert_int_equal(hear(&s, &text, &thoughts, NULL), 0);
    assert_string_equal(text.ptr, answer);
    assert_int_equal(s.tellers[1].n_asked, 0);
    wf_buf_reset(&text);
    s.tellers[0].refuses = true; /* an error is no lateness: the next is asked at once */
    assert_int_equal(hear(&s, &text, &thoughts, NULL), 0);
    assert_string_equal(text.ptr, answer);
    assert_int_equal(s.tellers[1].n_asked, 1);
    for (size_t i = 0; i < 4; i++)
        s.tellers[i].refuses = true;
    assert_int_equal(hear(&s, &text, &thoughts, &err), WF_E_IO);
    wf_buf_deinit(&text);
    json_decref(s.messages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failover__five_hundred_deaths_lose_and_double_nothing),
        cmocka_unit_test(test_failover__only_places_that_can_go_on_are_asked_then),
        cmocka_unit_test(test_failover__a_fault_of_the_request_is_asked_of_no_second),
        cmocka_unit_test(test_failover__what_cannot_be_taken_up_ends_with_the_first_error),
        cmocka_unit_test(test_failover__a_place_that_is_late_is_hedged),
        cmocka_unit_test(test_failover__hedges_hold_no_thread),
        cmocka_unit_test(test_failover__who_is_in_time_is_asked_alone),
        cmocka_unit_test(test_failover__an_answer_that_was_begun_and_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
