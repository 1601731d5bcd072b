/* SPDX-License-Identifier: Apache-2.0 */
/* Extraction through spawner and workers: documents give text; a parser that reaches for the
 * network, a file, memory, time or another process, that crashes or lies, is one reported failure
 * and the next document goes on. The wicked parsers live here only, as rows asked before all
 * others. */
#include "ingest/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "ingest/format.h"
#include "os/sandbox.h"
#include "support/parsed.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* no limit of memory, signals become exits */
#else
#define SANITIZED 0
#endif

/* ---- wicked parsers ---- */

#define WICKED(name)                                                                               \
    static int name(const struct wf_parse_input *in, struct wf_stream_writer *w, struct wf_err *err)

static int say(struct wf_stream_writer *w, bool reached)
{
    return wf_stream_text(w, reached ? WF_STR("reached") : WF_STR("denied"));
}

WICKED(parse_net)
{
    (void)in;
    (void)err;
    return say(w, socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

WICKED(parse_open)
{
    (void)in;
    (void)err;
    return say(w, open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0);
}

WICKED(parse_write)
{
    (void)in;
    (void)err;
    return say(w, open("/tmp/weft-test-escape", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) >= 0);
}

WICKED(parse_fork)
{
    (void)in;
    (void)err;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    return say(w, pid > 0);
}

WICKED(parse_kill)
{
    (void)in;
    (void)err;
    return say(w, kill(getppid(), SIGKILL) == 0);
}

WICKED(parse_descriptors)
{
    (void)in;
    (void)err;
    unsigned n = 0;
    for (int fd = 4; fd < 64; fd++) {
        n += fd != in->fd && fcntl(fd, F_GETFD) >= 0;
    }
    return say(w, n > 0 || getenv("HOME") != NULL || getenv("PATH") != NULL);
}

WICKED(parse_memory)
{
    (void)in;
    char *p = wf_alloc((size_t)1 << 30);
    if (p == NULL) {
        return wf_err_set(err, WF_E_NOMEM, "no memory");
    }
    memset(p, 1, (size_t)1 << 30);
    int rc = say(w, p[123456] == 1);
    wf_free(p);
    return rc;
}

/* What a library does that takes memory for granted. */
WICKED(parse_memory_abort)
{
    (void)in;
    (void)err;
    for (int i = 0; i < 64; i++) {
        void *p = mmap(NULL, 32u << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) {
            abort();
        }
        memset(p, 1, 32u << 20);
    }
    return say(w, true);
}

WICKED(parse_loop)
{
    (void)in;
    (void)w;
    (void)err;
    volatile bool stop_now = false;
    while (!stop_now) {
    }
    return 0;
}

WICKED(parse_sleep)
{
    (void)in;
    (void)w;
    (void)err;
    for (;;) {
        char c;
        if (read(0, &c, 1) < 0) { /* /dev/null: burns little, ends never */
            return 0;
        }
    }
}

WICKED(parse_crash)
{
    (void)in;
    (void)err;
    (void)wf_stream_text(w, WF_STR("half a text"));
    (void)wf_stream_flush(w);
    (void)raise(SIGSEGV);
    return 0;
}

WICKED(parse_exit)
{
    (void)in;
    (void)w;
    (void)err;
    _exit(0);
}

WICKED(parse_lie)
{
    (void)in;
    (void)err;
    (void)wf_stream_flush(w);
    return write(w->_fd, "T\4\0\0\0\xff\xff\xff\xff", 9) == 9 ? 0 : WF_E_IO;
}

WICKED(parse_flood)
{
    (void)in;
    (void)err;
    static char block[65536];
    memset(block, 'x', sizeof(block));
    while (wf_stream_text(w, wf_str_n(block, sizeof(block))) == 0) {
    }
    return wf_stream_status(w);
}

WICKED(parse_error)
{
    (void)in;
    (void)w;
    return wf_err_set(err, WF_E_ENCRYPTED, "it is encrypted");
}

#define ROW(name_, parse_, kind_)                                                                  \
    {                                                                                              \
        .id = name_, .title = name_, .media_type = "x/" name_, .extensions = name_,                \
        .parse = parse_, .kind = kind_, .score = score                                             \
    }

static int score(const struct wf_format *f, const struct wf_format_hint *h)
{
    return wf_format_has_extension(f, h) ? 1000 : WF_SCORE_NO;
}

static const struct wf_format wicked[] = {
    ROW("net", parse_net, WF_PARSE_SHARED),
    ROW("open", parse_open, WF_PARSE_SHARED),
    ROW("write", parse_write, WF_PARSE_SHARED),
    ROW("fork", parse_fork, WF_PARSE_SHARED),
    ROW("kill", parse_kill, WF_PARSE_SHARED),
    ROW("fds", parse_descriptors, WF_PARSE_SHARED),
    ROW("memory", parse_memory, WF_PARSE_SHARED),
    ROW("memabort", parse_memory_abort, WF_PARSE_ALONE),
    ROW("loop", parse_loop, WF_PARSE_SHARED),
    ROW("sleep", parse_sleep, WF_PARSE_ALONE),
    ROW("crash", parse_crash, WF_PARSE_SHARED),
    ROW("crashalone", parse_crash, WF_PARSE_ALONE),
    ROW("exit", parse_exit, WF_PARSE_SHARED),
    ROW("lie", parse_lie, WF_PARSE_ALONE),
    ROW("flood", parse_flood, WF_PARSE_ALONE),
    ROW("error", parse_error, WF_PARSE_SHARED),
    ROW("netalone", parse_net, WF_PARSE_ALONE),
    ROW("openalone", parse_open, WF_PARSE_ALONE),
    ROW("openexec", parse_open, WF_PARSE_EXEC),
    ROW("netexec", parse_net, WF_PARSE_EXEC),
};

/* ---- the bench of it ---- */

static struct wf_extract_client *client;
static int spawner_pid;

static int memfd_of(const char *text)
{
    int fd = memfd_create("doc", MFD_CLOEXEC);
    size_t n = strlen(text);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), (ssize_t)n);
    return fd;
}

static void run_by(struct wf_extract_client *c, struct parsed *p, const char *name,
                   const char *text)
{
    int fd = memfd_of(text);
    parsed_init(p);
    p->rc = wf_extract_run(c, fd, name, parsed_frame, p, &p->err);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), strlen(text)); /* not moved */
    close(fd);
}

static void run(struct parsed *p, const char *name, const char *text)
{
    run_by(client, p, name, text);
}

/* After anything wicked, an honest document is read. */
static void check_still_well(void)
{
    struct parsed p;
    run(&p, "a.txt", "well");
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.text.ptr, "well");
    parsed_deinit(&p);
}

static bool has_sandbox(void)
{
    return wf_sandbox_support().seccomp;
}

static int start(void **state)
{
    struct wf_extract_limits limits = {.time_s_max = 2, .unsandboxed = !has_sandbox()};
    static const struct wf_format *rows[WF_ARRAY_LEN(wicked) + 1];
    int fd = -1;
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(wicked); i++) {
        rows[i] = &wicked[i];
    }
    wf_format_set_extra(rows);
    if (wf_extract_spawn(&limits, &fd, &spawner_pid, NULL) != 0) {
        return -1;
    }
    return wf_extract_client_new(fd, &limits, &client, NULL);
}

static int stop(void **state)
{
    int status = 0;
    (void)state;
    wf_extract_client_free(client);
    return waitpid(spawner_pid, &status, 0) == spawner_pid && WIFEXITED(status) ? 0 : -1;
}

static void test_extract__documents_give_their_text(void **state)
{
    (void)state;
    struct parsed p;
    run(&p, "/home/someone/a.txt", "One.\n\nTwo.");
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.marked.ptr, "One.\n\n{B}Two.");
    assert_string_equal(p.meta.ptr, "type=text/plain\n");
    parsed_deinit(&p);
    run(&p, "a.html", "<h1>Head</h1><p>Body");
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.marked.ptr, "{H1}Head{H0}\n\n{B}Body");
    parsed_deinit(&p);
    run(&p, "a.txt", "Stra\xdf\x65 in K\xf6ln, sch\xf6n");
    assert_int_equal(p.rc, 0);
    assert_string_equal(p.text.ptr, "Stra\u00dfe in K\u00f6ln, sch\u00f6n");
    parsed_deinit(&p);
    /* What lies inside needs no file of its own, which the sandbox would not give. */
    run(&p, "a.eml",
        "From: a@example.org\nSubject: s\nContent-Type: multipart/mixed; boundary=x\n\n--x\n"
        "Content-Type: text/csv; name=t.csv\nContent-Disposition: attachment\n\nName,Age\nAnn,3\n"
        "--x--\n");
    assert_int_equal(p.rc, 0);
    assert_non_null(strstr(p.text.ptr, "Name: Ann; Age: 3"));
    parsed_deinit(&p);
}

static void test_extract__refusals_carry_their_sentence(void **state)
{
    (void)state;
    struct parsed p;
    run(&p, "a.error", "x");
    assert_int_equal(p.rc, WF_E_ENCRYPTED);
    assert_string_equal(p.err.msg, "it is encrypted");
    parsed_deinit(&p);
    run(&p, "a.txt", "");
    assert_int_equal(p.rc, WF_E_FORMAT);
    assert_string_equal(p.err.msg, "the file is empty");
    parsed_deinit(&p);
    int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    parsed_init(&p);
    p.rc = wf_extract_run(client, dir, "a", parsed_frame, &p, &p.err);
    assert_int_equal(p.rc, WF_E_UNSUPPORTED);
    parsed_deinit(&p);
    close(dir);
    check_still_well();
}

/* Either the call fails, or the worker dies of it; nothing is reached. */
static void test_extract__a_worker_reaches_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"a.net", "a.open",     "a.write",     "a.fork",   "a.kill",
                                        "a.fds", "a.netalone", "a.openalone", "a.netexec"};
    if (!has_sandbox()) {
        skip();
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        struct parsed p;
        run(&p, names[i], "x");
        if (p.rc == 0) {
            assert_string_equal(p.text.ptr, "denied");
        } else {
            assert_int_equal(p.rc, WF_E_CRASHED);
        }
        parsed_deinit(&p);
        check_still_well();
    }
    assert_int_equal(access("/tmp/weft-test-escape", F_OK), -1);
    assert_int_equal(waitpid(spawner_pid, NULL, WNOHANG), 0);
}

static void test_extract__memory_is_bounded(void **state)
{
    (void)state;
    struct parsed p;
    if (!has_sandbox() || SANITIZED) {
        skip();
    }
    static const char *const names[] = {"a.memory", "a.memabort"};
    struct wf_extract_client *patient = NULL; /* touching so much takes a busy machine long */
    int fd = -1;
    int pid = 0;
    assert_int_equal(wf_extract_spawn(NULL, &fd, &pid, NULL), 0);
    assert_int_equal(wf_extract_client_new(fd, NULL, &patient, NULL), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        run_by(patient, &p, names[i], "x");
        assert_int_equal(p.rc, WF_E_LIMIT);
        assert_string_equal(p.err.msg, "reading it needs more than 512 MB of memory");
        parsed_deinit(&p);
    }
    wf_extract_client_free(patient);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_extract__time_is_bounded(void **state)
{
    (void)state;
    static const char *const names[] = {"a.loop", "a.sleep"};
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        struct parsed p;
        run(&p, names[i], "x");
        assert_int_equal(p.rc, WF_E_TIMEOUT);
        assert_non_null(strstr(p.err.msg, "longer than 2 s"));
        parsed_deinit(&p);
        check_still_well();
    }
}

static void test_extract__a_crash_is_one_failure(void **state)
{
    (void)state;
    static const struct {
        const char *name, *words;
    } cases[] = {
        {"a.crash", "the parser crashed (SIGSEGV)"},
        {"a.crashalone", "the parser crashed (SIGSEGV)"},
        {"a.exit", "the parser stopped in the middle (exit 0)"},
        {"a.lie", "the parser's output is malformed"},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct parsed p;
        run(&p, cases[i].name, "x");
        assert_int_equal(p.rc, WF_E_CRASHED);
        if (!SANITIZED) {
            assert_string_equal(p.err.msg, cases[i].words);
        }
        parsed_deinit(&p);
        check_still_well();
    }
}

static int stop_early(void *ud, const struct wf_stream_frame *f, struct wf_err *err)
{
    unsigned *n = ud;
    (void)f;
    return ++*n == 3 ? wf_err_set(err, WF_E_CANCELED, "enough") : 0;
}

static void test_extract__the_reader_may_stop_it(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    unsigned n = 0;
    int fd = memfd_of("x");
    assert_int_equal(wf_extract_run(client, fd, "a.flood", stop_early, &n, &err), WF_E_CANCELED);
    assert_string_equal(err.msg, "enough");
    assert_int_equal(n, 3);
    close(fd);
    check_still_well();
}

/* More documents than a shared worker serves. */
static void test_extract__workers_are_replaced(void **state)
{
    (void)state;
    int fd = memfd_of("again");
    for (int i = 0; i < 4100; i++) {
        struct parsed p;
        parsed_init(&p);
        p.rc = wf_extract_run(client, fd, "a.txt", parsed_frame, &p, &p.err);
        if (p.rc != 0) {
            fail_msg("document %d: %s", i, p.err.msg);
        }
        assert_string_equal(p.text.ptr, "again");
        parsed_deinit(&p);
    }
    close(fd);
}

static void *run_many(void *ud)
{
    unsigned *n_good = ud;
    for (int i = 0; i < 60; i++) {
        struct parsed p;
        char text[32];
        (void)snprintf(text, sizeof(text), "%p %d", ud, i);
        int fd = memfd_create("doc", MFD_CLOEXEC);
        if (fd < 0 || write(fd, text, strlen(text)) < 0) {
            return NULL;
        }
        parsed_init(&p);
        p.rc = wf_extract_run(client, fd, i % 10 == 3 ? "a.md" : "a.txt", parsed_frame, &p, &p.err);
        *n_good += p.rc == 0 && strcmp(p.text.ptr, text) == 0;
        parsed_deinit(&p);
        close(fd);
    }
    return NULL;
}

static void test_extract__threads_extract_side_by_side(void **state)
{
    (void)state;
    pthread_t threads[6];
    unsigned n_good[6] = {0};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_many, &n_good[i]), 0);
    }
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(n_good[i], 60);
    }
}

static void test_extract__without_spawner_it_says_so(void **state)
{
    (void)state;
    struct wf_extract_limits limits = {.unsandboxed = !has_sandbox()};
    struct wf_extract_client *c = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct parsed p;
    int fd = -1;
    int pid = 0;
    int doc = memfd_of("x");
    assert_int_equal(wf_extract_spawn(&limits, &fd, &pid, NULL), 0);
    assert_int_equal(wf_extract_client_new(fd, &limits, &c, NULL), 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    parsed_init(&p);
    assert_int_equal(wf_extract_run(c, doc, "a.txt", parsed_frame, &p, &err), WF_E_IO);
    parsed_deinit(&p);
    wf_extract_client_free(c);
    wf_extract_client_free(NULL);
    close(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extract__documents_give_their_text),
        cmocka_unit_test(test_extract__refusals_carry_their_sentence),
        cmocka_unit_test(test_extract__a_worker_reaches_nothing),
        cmocka_unit_test(test_extract__memory_is_bounded),
        cmocka_unit_test(test_extract__time_is_bounded),
        cmocka_unit_test(test_extract__a_crash_is_one_failure),
        cmocka_unit_test(test_extract__the_reader_may_stop_it),
        cmocka_unit_test(test_extract__workers_are_replaced),
        cmocka_unit_test(test_extract__threads_extract_side_by_side),
        cmocka_unit_test(test_extract__without_spawner_it_says_so),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
