/* SPDX-License-Identifier: Apache-2.0 */
/* The airlock process, in its own walls, between this test as the core and a provider that keeps
 * every byte: what may go goes, once the ledger has it; all else stays, and the sentence says why.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/airlock.h"
#include "daemon/airlock_internal.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "os/sock.h"
#include "privacy/ledger_read.h"
#include "route/airlock_link.h"
#include "route/keys.h"
#include "support/pictures.h"
#include "support/recorder.h"

#define KEY "sk-test-0123456789abcdefghijklmnop"

static struct world {
    char dir[64];
    struct wf_home home;
    struct recorder *recorder;
    struct wf_log *log;
    int listener;
    pid_t airlock;
    struct wf_airlock_link *link;
} w;

static void write_engine(const char *name, enum wf_label clearance, bool has_key)
{
    const char *const models[] = {"small"};
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/v1", recorder_port(w.recorder));
    const struct wf_engine_entry e = {.name = name,
                                      .protocol = WF_PROTOCOL_OPENAI,
                                      .url = url,
                                      .provider = name,
                                      .tier = WF_TIER_PROVIDER,
                                      .clearance = clearance,
                                      .has_key = has_key,
                                      .models = models,
                                      .n_models = 1};
    struct wf_err err = WF_ERR_INIT;
    if (wf_engines_put(w.home.engines, &e, false, &err) != 0)
        fail_msg("%s", err.msg);
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

static void make_world(const struct recorder_options *ro)
{
    snprintf(w.dir, sizeof(w.dir), "/tmp/weft-test-XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    assert_int_equal(wf_home_init(&w.home, w.dir, NULL), 0);
    assert_int_equal(wf_home_create(&w.home, NULL), 0);
    w.log = wf_log_new(-1, WF_LOG_INFO);
    w.recorder = recorder_start(ro);
    write_engine("stub", WF_LABEL_INTERNAL, true);
    write_engine("low", WF_LABEL_PUBLIC, false);
    assert_int_equal(wf_key_put(w.home.keys, "stub", WF_STR(KEY), NULL), 0);
    assert_int_equal(wf_sock_listen_unix(w.home.airlock, &w.listener, NULL), 0);
    assert_int_equal(wf_airlock_link_new(w.listener, (long)getpid(), &w.link, NULL), 0);
}

static int set_up(void **state)
{
    const struct recorder_options ro = {.keeps = true};
    (void)state;
    make_world(&ro);
    start_airlock();
    return 0;
}

static int tear_down(void **state)
{
    char command[256];
    int status = 0;
    (void)state;
    wf_airlock_link_free(w.link);
    if (w.airlock > 0) {
        (void)kill(w.airlock, SIGTERM); /* it may have ended with its connection */
        assert_int_equal(waitpid(w.airlock, &status, 0), w.airlock);
        /* One that has hardly begun dies of the signal. */
        bool is_early = WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
        if (!is_early && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
            fail_msg("the airlock ended with status %#x", (unsigned)status);
    }
    recorder_stop(w.recorder);
    wf_file_close(&w.listener);
    wf_log_free(w.log);
    snprintf(command, sizeof(command), "rm -rf '%s'", w.dir);
    return system(command);
}

struct result {
    int code, status;
    uint64_t seq;
    struct wf_err err;
    struct wf_buf body;
};

static struct wf_airlock_frame request(const char *engine, enum wf_label label, const char *body)
{
    return (struct wf_airlock_frame){.label = label,
                                     .engine = wf_str_from(engine),
                                     .model = WF_STR("small"),
                                     .request_id = WF_STR("r-1"),
                                     .reason = WF_STR("a test"),
                                     .text = wf_str_from(body)};
}

static void run_once(struct wf_airlock_frame f, struct result *out)
{
    struct wf_airlock_call *c = NULL;
    struct wf_airlock_piece p = {.is_end = false};
    *out = (struct result){.err = WF_ERR_INIT};
    wf_buf_init(&out->body, (size_t)64 << 20);
    out->code = wf_airlock_call_new(w.link, &f, NULL, NULL, &c, &out->err);
    while (out->code == 0 && !p.is_end) {
        out->code = wf_airlock_call_next(c, &p, &out->err);
        if (out->code == 0) {
            out->status = p.status;
            out->seq = p.seq;
            assert_int_equal(wf_buf_append_str(&out->body, p.bytes), 0);
        }
    }
    wf_airlock_call_free(c);
}

/* The link may not have noticed yet that the last airlock is gone. */
static void run(struct wf_airlock_frame f, struct result *out)
{
    run_once(f, out);
    for (int i = 0; i < 100 && out->code == WF_E_CRASHED; i++) {
        wf_buf_deinit(&out->body);
        (void)usleep(20000);
        run_once(f, out);
    }
}

#define HELLO "{\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"

static void test_airlock__what_may_go_goes_and_comes_back(void **state)
{
    struct result r;
    (void)state;
    run(request("stub", WF_LABEL_INTERNAL, HELLO), &r);
    if (r.code != 0)
        fail_msg("%s", r.err.msg);
    assert_int_equal(r.status, 200);
    assert_true(r.seq > 0);
    assert_non_null(strstr(r.body.ptr, "\"content\":\"hello\""));
    assert_true(recorder_holds(w.recorder, WF_STR("POST /v1/chat/completions"), false));
    assert_true(recorder_holds(w.recorder, WF_STR("Authorization: Bearer " KEY), false));
    assert_true(recorder_holds(w.recorder, WF_STR(HELLO), false));
    wf_buf_deinit(&r.body);
}

static void count_up(void *ud)
{
    atomic_fetch_add((atomic_int *)ud, 1);
}

/* Who does not wait is told once that there is something, and gets all of it bit by bit. */
static void test_airlock__one_may_be_told_instead_of_waiting(void **state)
{
    atomic_int n_told = 0;
    const struct wf_airlock_wake wake = {.fn = count_up, .ud = &n_told};
    struct wf_airlock_frame f = request("stub", WF_LABEL_INTERNAL, HELLO);
    struct wf_airlock_call *c = NULL;
    struct wf_airlock_piece p = {.is_end = false};
    int n_later = 0;
    struct wf_buf body;
    struct result first;

    (void)state;
    run(f, &first); /* there is an airlock */
    wf_buf_init(&body, (size_t)1 << 20);
    assert_int_equal(wf_airlock_call_new(w.link, &f, NULL, NULL, &c, NULL), 0);
    while (!p.is_end) {
        int rc = wf_airlock_call_try(c, &wake, &p, NULL);
        if (rc == 0) {
            (void)wf_buf_append_str(&body, p.bytes); /* compared below */
            continue;
        }
        assert_int_equal(rc, WF_AIRLOCK_LATER);
        n_later++;
        for (int i = 0; i < 30000 && atomic_load(&n_told) < n_later; i++)
            (void)usleep(1000);
        assert_int_equal(atomic_load(&n_told), n_later);
        p.is_end = false;
    }
    assert_string_equal(body.ptr, first.body.ptr);
    wf_airlock_call_free(c);
    wf_buf_deinit(&body);
    wf_buf_deinit(&first.body);
}

/* Handles and connections are used again: nothing of one request is in the next. */
static void test_airlock__requests_one_after_the_other_have_nothing_of_each_other(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        char body[400], said[200];
        struct result r;
        int n = snprintf(said, sizeof(said), "number %c%.*s", 'a' + i % 26, i * 4,
                         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                         "xxxxxxxx");
        assert_true(n > 0);
        snprintf(body, sizeof(body), "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}",
                 said);
        run(request("stub", WF_LABEL_INTERNAL, body), &r);
        assert_int_equal(r.code, 0);
        assert_non_null(strstr(r.body.ptr, said));
        assert_null(strstr(strstr(r.body.ptr, said) + 1, said));
        wf_buf_deinit(&r.body);
    }
    assert_in_range(recorder_n_connections(w.recorder), 1, 5);
}

static void expect_kept_back(struct wf_airlock_frame f, int code, const char *says)
{
    struct result r;
    size_t before = recorder_n_bytes(w.recorder), calls = recorder_n_connections(w.recorder);
    run(f, &r);
    if (r.code != code || strstr(r.err.msg, says) == NULL)
        fail_msg("%d: %s", r.code, r.err.msg);
    assert_int_equal(recorder_n_bytes(w.recorder), before);
    assert_int_equal(recorder_n_connections(w.recorder), calls);
    wf_buf_deinit(&r.body);
}

static void test_airlock__labels_above_the_clearance_stay(void **state)
{
    (void)state;
    expect_kept_back(request("stub", WF_LABEL_PRIVATE, HELLO), WF_E_DENIED, "it is private");
    expect_kept_back(request("stub", WF_LABEL_SECRET, HELLO), WF_E_DENIED, "it is secret");
    expect_kept_back(request("low", WF_LABEL_INTERNAL, HELLO), WF_E_DENIED, "may see public");
    expect_kept_back(request("nobody", WF_LABEL_PUBLIC, HELLO), WF_E_NOENT, "no engine");
}

static void test_airlock__the_second_look_refuses_what_was_forgotten(void **state)
{
    static const char *const bodies[] = {
        "{\"content\":\"pay with 4111 1111 1111 1111\"}",
        "{\"content\":\"write to anna.schmidt@example.org\"}",
        "{\"content\":\"write to anna\\u002eschmidt\\u0040example.org\"}",
        "{\"content\":\"IBAN\\nDE89 3704 0044 0532 0130 00\"}",
        "{\"content\":\"key AKIAIOSFODNN7EXAMPLE\"}",
        ("{\"tool_calls\":[{\"function\":{\"arguments\":\"{\\\"card\\\":\\\"4111111111111111\\\"}"
         "\"}"
         "}]}"),
    };
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bodies); i++)
        expect_kept_back(request("stub", WF_LABEL_PUBLIC, bodies[i]), WF_E_DENIED, "second look");
}

#define PICTURE(data) "{\"content\":\"see\",\"images\":[\"" data "\"]}"

/* The built-in policy lets none go to providers, whatever core says; and what is more than seen of
 * one goes nowhere. */
static void test_airlock__pictures_are_looked_at(void **state)
{
    (void)state;
    expect_kept_back(request("stub", WF_LABEL_PUBLIC, PICTURE(PICTURE_CLEAN)), WF_E_DENIED,
                     "a picture is private by the policy");
    expect_kept_back(request("stub", WF_LABEL_PUBLIC, PICTURE(PICTURE_TELLING)), WF_E_DENIED,
                     "more than what is seen");
    expect_kept_back(
        request("stub", WF_LABEL_PUBLIC, PICTURE("data:image/png;base64," PICTURE_TELLING)),
        WF_E_DENIED, "more than what is seen");
}

static void test_airlock__the_ledger_has_it_first(void **state)
{
    char path[WF_LIMIT_PATH_BYTES + 8];
    struct result r;
    (void)state;
    run(request("stub", WF_LABEL_INTERNAL, HELLO), &r);
    assert_int_equal(r.code, 0);
    wf_buf_deinit(&r.body);
    /* A ledger that cannot be written: nothing leaves. */
    (void)kill(w.airlock, SIGKILL);
    assert_int_equal(waitpid(w.airlock, NULL, 0), w.airlock);
    snprintf(path, sizeof(path), "%s/log", w.home.ledger);
    assert_int_equal(truncate(path, 0), 0); /* as if somebody had wiped it */
    start_airlock();
    expect_kept_back(request("stub", WF_LABEL_INTERNAL, HELLO), WF_E_CORRUPT, "ledger");
}

static struct wf_airlock_frame gift(uint64_t of, uint32_t n)
{
    struct wf_airlock_frame f = {.label = WF_LABEL_PRIVATE,
                                 .engine = WF_STR("plans"),
                                 .model = WF_STR("list"),
                                 .request_id = WF_STR("00ff"),
                                 .to = WF_STR("Ben / phone"),
                                 .reason = WF_STR("reads the space"),
                                 .seq = of,
                                 .bytes = 100 * n,
                                 .n_counts = 1};
    f.counts[0] = (struct wf_airlock_count){WF_STR("draft"), n};
    memset(f.sealed, (int)n, sizeof(f.sealed));
    return f;
}

/* Waits for an airlock that is being started. */
static int give(struct wf_airlock_frame *frames, size_t n, uint64_t *seqs, struct wf_err *err)
{
    int rc = wf_airlock_given(w.link, frames, n, seqs, err);
    for (unsigned i = 0; i < 400 && rc == WF_E_CRASHED; i++) {
        (void)poll(NULL, 0, 25);
        rc = wf_airlock_given(w.link, frames, n, seqs, err);
    }
    return rc;
}

static void test_airlock__what_goes_to_other_people_is_in_the_ledger(void **state)
{
    struct wf_airlock_frame many[100], one;
    const struct wf_ledger_entry *e;
    struct wf_ledger_reader *r = NULL;
    struct wf_ledger_report report;
    struct wf_err err = WF_ERR_INIT;
    uint64_t seqs[100], sum = 0;
    char path[WF_LIMIT_PATH_BYTES + 8];
    (void)state;

    for (uint32_t i = 0; i < 100; i++)
        many[i] = gift(0, i + 1);
    assert_int_equal(give(many, 100, seqs, &err), 0);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(seqs[i], i + 1);
    one = gift(seqs[11], 40);
    assert_int_equal(give(&one, 1, &sum, &err), 0);
    one = gift(seqs[12], 0); /* it did not go after all */
    assert_int_equal(give(&one, 1, &sum, &err), 0);
    assert_int_equal(sum, 102);
    assert_int_equal(wf_ledger_reader_open(w.home.ledger, &r, NULL), 0);
    for (uint64_t i = 1; i <= 12; i++)
        assert_int_equal(wf_ledger_reader_next(r, &e, NULL), 1);
    assert_int_equal(e->kind, WF_LEDGER_GIVEN);
    assert_true(wf_str_eq(e->to, WF_STR("Ben / phone")) && e->counts[0].n == 12);
    assert_int_equal(e->sealed[31], 12);
    json_t *v = wf_ledger_entry_json(e);
    assert_string_equal(json_string_value(json_object_get(v, "words")),
                        "12 changes to the draft plans/list went to Ben's phone");
    json_decref(v);
    wf_ledger_reader_to_end(r);
    assert_int_equal(wf_ledger_reader_back(r, &e, NULL), 1);
    assert_true(e->kind == WF_LEDGER_GIVEN_ALL && e->n_counts == 0 && e->request_seq == 13);
    assert_int_equal(wf_ledger_reader_back(r, &e, NULL), 1);
    assert_true(e->counts[0].n == 40 && e->request_seq == 12 && e->bytes == 4000);
    wf_ledger_reader_free(r);
    one = gift(0, 1);
    one.label = WF_LABEL_SECRET;
    assert_int_equal(give(&one, 1, &sum, &err), WF_E_DENIED);
    assert_int_equal(wf_ledger_verify(w.home.ledger, NULL, &report, &err), 0);
    assert_int_equal(report.n_entries, 102);
    assert_int_equal(recorder_n_bytes(w.recorder), 0); /* the bytes do not go through it */
    (void)kill(w.airlock, SIGKILL);
    assert_int_equal(waitpid(w.airlock, NULL, 0), w.airlock);
    w.airlock = 0;
    one = gift(0, 1);
    for (int rc = 0; rc != WF_E_CRASHED;) /* once its death is seen */
        rc = wf_airlock_given(w.link, &one, 1, &sum, &err);
    snprintf(path, sizeof(path), "%s/log", w.home.ledger);
    assert_int_equal(truncate(path, 0), 0);
    start_airlock();
    assert_int_equal(give(&one, 1, &sum, &err), WF_E_CORRUPT); /* then nothing goes */
}

static void test_airlock__a_policy_that_cannot_be_read_lets_nothing_out(void **state)
{
    (void)state;
    (void)kill(w.airlock, SIGTERM); /* it is there */
    assert_int_equal(waitpid(w.airlock, NULL, 0), w.airlock);
    assert_int_equal(wf_file_replace(w.home.policy, "gibberish\n", 10, 0600, NULL), 0);
    start_airlock();
    expect_kept_back(request("stub", WF_LABEL_PUBLIC, HELLO), WF_E_FORMAT, "Nothing leaves");
}

static void test_airlock__a_key_that_is_missing_is_told(void **state)
{
    (void)state;
    (void)kill(w.airlock, SIGTERM); /* it is there */
    assert_int_equal(waitpid(w.airlock, NULL, 0), w.airlock);
    assert_int_equal(wf_key_remove(w.home.keys, "stub", NULL), 0);
    start_airlock();
    expect_kept_back(request("stub", WF_LABEL_PUBLIC, HELLO), WF_E_NOENT, "key of stub");
}

static void test_airlock__its_death_is_told_and_the_next_one_works(void **state)
{
    struct wf_airlock_frame f = request("stub", WF_LABEL_PUBLIC, HELLO);
    struct wf_airlock_call *c = NULL;
    struct wf_airlock_piece p;
    struct wf_err err = WF_ERR_INIT;
    struct result r;
    (void)state;
    (void)kill(w.airlock, SIGSTOP); /* it has the request and does nothing yet */
    assert_int_equal(wf_airlock_call_new(w.link, &f, NULL, NULL, &c, NULL), 0);
    (void)kill(w.airlock, SIGKILL);
    assert_int_equal(waitpid(w.airlock, NULL, 0), w.airlock);
    assert_int_equal(wf_airlock_call_next(c, &p, &err), WF_E_CRASHED);
    assert_non_null(strstr(err.msg, "has died"));
    wf_airlock_call_free(c);
    start_airlock();
    run(f, &r);
    assert_int_equal(r.code, 0);
    wf_buf_deinit(&r.body);
}

static bool always(void *ud)
{
    (void)ud;
    return true;
}

static void test_airlock__without_one_nothing_is_waited_for_in_vain(void **state)
{
    struct wf_airlock_frame f = request("stub", WF_LABEL_PUBLIC, HELLO);
    struct wf_airlock_call *c = NULL;
    (void)state;
    (void)kill(w.airlock, SIGKILL);
    assert_int_equal(waitpid(w.airlock, NULL, 0), w.airlock);
    w.airlock = 0;
    int rc = wf_airlock_call_new(w.link, &f, always, NULL, &c, NULL);
    assert_true(rc == WF_E_CANCELED || rc == WF_E_CRASHED); /* by whether its end was seen yet */
    assert_int_equal(wf_airlock_call_new(w.link, &f, NULL, NULL, &c, NULL), WF_E_CRASHED);
}

static void test_airlock__an_answer_longer_than_the_window_waits_for_core(void **state)
{
    const size_t n = 150000;
    char *body = wf_alloc(n + 200);
    struct result r;
    (void)state;
    size_t at = (size_t)sprintf(body, "{\"stream\":true,\"messages\":[{\"content\":\"");
    for (size_t i = 0; i < n; i++)
        body[at++] = i % 6 == 5 ? ' ' : 'a';
    strcpy(body + at, "\"}]}");
    run(request("stub", WF_LABEL_PUBLIC, body), &r);
    if (r.code != 0)
        fail_msg("%s", r.err.msg);
    assert_true(r.body.len > 4 * (size_t)WF_AIRLOCK_WINDOW_BYTES);
    assert_non_null(strstr(r.body.ptr, "[DONE]"));
    wf_buf_deinit(&r.body);
    wf_free(body);
}

static void test_airlock__many_at_once_do_not_mix(void **state)
{
    enum {
        N = 64
    };
    struct wf_airlock_call *calls[N];
    struct wf_airlock_piece p;
    char body[128];
    (void)state;
    for (int i = 0; i < N; i++) {
        snprintf(body, sizeof(body), "{\"messages\":[{\"content\":\"word%cx%c\"}]}", 'a' + i % 26,
                 'a' + i / 26);
        struct wf_airlock_frame f = request("stub", WF_LABEL_PUBLIC, body);
        assert_int_equal(wf_airlock_call_new(w.link, &f, NULL, NULL, &calls[i], NULL), 0);
    }
    for (int i = N - 1; i >= 0; i--) {
        struct wf_buf all;
        wf_buf_init(&all, 10000);
        do {
            assert_int_equal(wf_airlock_call_next(calls[i], &p, NULL), 0);
            assert_int_equal(wf_buf_append_str(&all, p.bytes), 0);
        } while (!p.is_end);
        snprintf(body, sizeof(body), "\"word%cx%c\"", 'a' + i % 26, 'a' + i / 26);
        assert_non_null(strstr(all.ptr, body));
        wf_buf_deinit(&all);
        wf_airlock_call_free(calls[i]);
    }
}

static void test_airlock__what_is_given_up_ends(void **state)
{
    struct wf_airlock_frame f = request("stub", WF_LABEL_PUBLIC, HELLO);
    struct wf_airlock_call *c = NULL;
    struct result r;
    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(wf_airlock_call_new(w.link, &f, NULL, NULL, &c, NULL), 0);
        wf_airlock_call_free(c);
    }
    run(f, &r);
    assert_int_equal(r.code, 0);
    wf_buf_deinit(&r.body);
}

static void test_airlock__a_core_that_lies_is_left(void **state)
{
    int pair[2], status = 0;
    (void)state;
    assert_int_equal(wf_sock_pair(pair, NULL), 0);
    pid_t pid = fork();
    if (pid == 0) {
        const struct wf_airlock_options o = {.home = &w.home, .log = w.log, .fd = pair[1]};
        wf_file_close(&pair[0]);
        _exit(wf_airlock_run(&o));
    }
    wf_file_close(&pair[1]);
    assert_int_equal(wf_sock_send_frame(pair[0], "\x7fgarbage", 8, -1, 1000, NULL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    wf_file_close(&pair[0]);
    assert_int_equal(recorder_n_bytes(w.recorder), 0);
}

static void test_airlock__escapes_are_undone(void **state)
{
    static const char *const cases[][2] = {
        {"plain", "plain"},
        {"a\\nb\\t\\\"c\\\\d\\/", "a\nb\t\"c\\d/"},
        {"\\u0041\\u00e9\\u20ac", "A\xc3\xa9\xe2\x82\xac"},
        {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
        {"\\ud83d!", "\xef\xbf\xbd!"},
        {"\\u00", "00"},
        {"end\\", "end"},
    };
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_buf b;
        wf_buf_init(&b, 100);
        assert_int_equal(wf_airlock__unescape(wf_str_from(cases[i][0]), &b), 0);
        assert_string_equal(b.ptr, cases[i][1]);
        wf_buf_deinit(&b);
    }
}

/* ---- releases ---- */

#define CARD "{\"content\":\"pay with 4111 1111 1111 1111\"}"

/* A person has released the body, so many milliseconds ago. */
static struct wf_airlock_frame released(const char *body, int64_t ago_ms)
{
    struct wf_airlock_frame f = request("stub", WF_LABEL_INTERNAL, body);
    f.is_released = true;
    f.release = (struct wf_release){.who = WF_STR("anna"),
                                    .when_ms = wf_clock_wall_ms(NULL) - ago_ms,
                                    .engine = f.engine,
                                    .from = WF_LABEL_PRIVATE,
                                    .to = f.label,
                                    .reason = WF_STR("the bank asks for it")};
    wf_release_digest(&f.text, 1, f.release.what);
    return f;
}

static void run_well(struct wf_airlock_frame f, struct result *out)
{
    run(f, out);
    if (out->code != 0)
        fail_msg("%s", out->err.msg);
    assert_int_equal(out->status, 200);
    wf_buf_deinit(&out->body);
}

static void test_airlock__what_a_person_released_goes_once(void **state)
{
    struct wf_airlock_frame f = released(CARD, 0);
    struct wf_ledger_reader *reader = NULL;
    const struct wf_ledger_entry *e = NULL;
    struct result r;
    (void)state;
    expect_kept_back(request("stub", WF_LABEL_INTERNAL, CARD), WF_E_DENIED, "second look");
    run_well(f, &r);
    assert_true(recorder_holds(w.recorder, WF_STR("4111 1111 1111 1111"), false));
    assert_int_equal(wf_ledger_reader_open(w.home.ledger, &reader, NULL), 0);
    do
        assert_int_equal(wf_ledger_reader_next(reader, &e, NULL), 1);
    while (e->seq != r.seq);
    assert_true(e->kind == WF_LEDGER_REQUEST && e->is_released);
    assert_int_equal(e->label, WF_LABEL_INTERNAL);
    assert_int_equal(e->release.from, WF_LABEL_PRIVATE);
    assert_true(wf_str_eq(e->release.who, WF_STR("anna")));
    assert_true(wf_str_eq(e->release.reason, WF_STR("the bank asks for it")));
    assert_memory_equal(e->release.what, f.release.what, sizeof(f.release.what));
    assert_true(e->release.when_ms == f.release.when_ms);
    wf_ledger_reader_free(reader);
    expect_kept_back(f, WF_E_DENIED, "used before");
    /* An airlock that starts anew knows it from the ledger. */
    (void)kill(w.airlock, SIGKILL);
    assert_int_equal(waitpid(w.airlock, NULL, 0), w.airlock);
    start_airlock();
    expect_kept_back(f, WF_E_DENIED, "used before");
    run_well(released(CARD, 1), &r); /* given once more, it is another one */
}

static void test_airlock__a_picture_may_be_released(void **state)
{
    struct result r;
    (void)state;
    run_well(released(PICTURE(PICTURE_CLEAN), 0), &r);
    assert_true(recorder_holds(w.recorder, WF_STR(PICTURE_CLEAN), false));
    expect_kept_back(released(PICTURE(PICTURE_TELLING), 0), WF_E_DENIED, "more than what is seen");
}

static void test_airlock__a_release_that_was_altered_opens_nothing(void **state)
{
    struct wf_airlock_frame f = released(CARD, 0);
    (void)state;
    f.text = WF_STR("{\"content\":\"pay with 5555 5555 5555 4444\"}");
    expect_kept_back(f, WF_E_DENIED, "for another text");
    f = released(CARD, WF_RELEASE_MS_MAX + 1000);
    expect_kept_back(f, WF_E_DENIED, "has run out");
    f = released(CARD, -60000);
    expect_kept_back(f, WF_E_DENIED, "has run out");
    f = released(CARD, 0);
    f.release.from = WF_LABEL_INTERNAL; /* lowers nothing */
    expect_kept_back(f, WF_E_INVAL, "lowers a label");
    f = released(CARD, 0);
    f.release.reason = WF_STR("");
    expect_kept_back(f, WF_E_INVAL, "and why");
    f = released(CARD, 0);
    f.label = WF_LABEL_PRIVATE; /* the engine's clearance stays what it is */
    f.release.to = WF_LABEL_PRIVATE;
    expect_kept_back(f, WF_E_INVAL, "lowers a label");
    f = released(CARD, 0);
    f.engine = WF_STR("low");
    expect_kept_back(f, WF_E_DENIED, "may not even see what is internal");
}

static void test_airlock__no_release_opens_secrets_or_what_was_forgotten(void **state)
{
    struct wf_airlock_frame f = released("{\"content\":\"key AKIAIOSFODNN7EXAMPLE\"}", 0);
    (void)state;
    expect_kept_back(f, WF_E_DENIED, "What is secret stays");
    f.release.from = WF_LABEL_SECRET;
    expect_kept_back(f, WF_E_DENIED, "What is secret stays");
    f = released("{\"content\":\"card 4111 1111 1111 1111, anna.schmidt@example.org\"}", 0);
    expect_kept_back(f, WF_E_DENIED, "was to be replaced (EMAIL_ADDRESS)");
    run_well(released(CARD, 0), &(struct result){.code = 0});
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct wf_sandbox_support s = wf_sandbox_support();
    const struct CMUnitTest tests[] = {
        TEST(test_airlock__what_may_go_goes_and_comes_back),
        TEST(test_airlock__one_may_be_told_instead_of_waiting),
        TEST(test_airlock__requests_one_after_the_other_have_nothing_of_each_other),
        TEST(test_airlock__labels_above_the_clearance_stay),
        TEST(test_airlock__the_second_look_refuses_what_was_forgotten),
        TEST(test_airlock__pictures_are_looked_at),
        TEST(test_airlock__a_picture_may_be_released),
        TEST(test_airlock__the_ledger_has_it_first),
        TEST(test_airlock__a_policy_that_cannot_be_read_lets_nothing_out),
        TEST(test_airlock__a_key_that_is_missing_is_told),
        TEST(test_airlock__its_death_is_told_and_the_next_one_works),
        TEST(test_airlock__without_one_nothing_is_waited_for_in_vain),
        TEST(test_airlock__an_answer_longer_than_the_window_waits_for_core),
        TEST(test_airlock__many_at_once_do_not_mix),
        TEST(test_airlock__what_goes_to_other_people_is_in_the_ledger),
        TEST(test_airlock__what_is_given_up_ends),
        TEST(test_airlock__a_core_that_lies_is_left),
        TEST(test_airlock__what_a_person_released_goes_once),
        TEST(test_airlock__a_release_that_was_altered_opens_nothing),
        TEST(test_airlock__no_release_opens_secrets_or_what_was_forgotten),
    };
    const struct CMUnitTest plain[] = {cmocka_unit_test(test_airlock__escapes_are_undone)};
    int n = cmocka_run_group_tests(plain, NULL, NULL);
    return s.seccomp ? n + cmocka_run_group_tests(tests, NULL, NULL) : n;
}
