/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ingest/intake.h: from descriptors to documents, with real workers. Parsers that fail
 * late, crash or never end live here only, as rows asked before all others. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "ingest/format.h"
#include "ingest/intake.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "store/blob.h"
#include "store/purge.h"
#include "support/home.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* ---- parsers ---- */

static int sentences(const struct wf_parse_input *in, struct wf_stream_writer *w, size_t n_bytes)
{
    struct wf_buf content;
    char line[128];
    wf_buf_init(&content, 1000);
    if (wf_parse_read_all(in, &content, NULL) != 0)
        return WF_E_IO;
    for (size_t n = 0, i = 0; n < n_bytes && wf_stream_status(w) == 0; i++) {
        int k = snprintf(line, sizeof(line), "Sentence %zu of %.40s is here. ", i, content.ptr);
        n += (size_t)k;
        (void)wf_stream_text(w, wf_str_n(line, (size_t)k));
        if (i % 5 == 0)
            (void)wf_stream_border(w);
    }
    wf_buf_deinit(&content);
    return wf_stream_status(w);
}

static int parse_late(const struct wf_parse_input *in, struct wf_stream_writer *w,
                      struct wf_err *err)
{
    int r = sentences(in, w, 18u << 20); /* beyond a commit */
    return r != 0 ? r : wf_err_set(err, WF_E_ENCRYPTED, "its end is encrypted");
}

static int parse_crash(const struct wf_parse_input *in, struct wf_stream_writer *w,
                       struct wf_err *err)
{
    (void)err;
    (void)sentences(in, w, 3u << 20);
    (void)wf_stream_flush(w);
    _exit(3);
}

static int parse_large(const struct wf_parse_input *in, struct wf_stream_writer *w,
                       struct wf_err *err)
{
    (void)err;
    (void)wf_stream_meta(w, "title", WF_STR("A large one"));
    return sentences(in, w, 34u << 20); /* beyond two commits */
}

static int parse_pausing(const struct wf_parse_input *in, struct wf_stream_writer *w,
                         struct wf_err *err)
{
    (void)err;
    (void)sentences(in, w, 3u << 20); /* some parts */
    (void)wf_stream_flush(w);
    usleep(200000); /* the writer has taken them all */
    return sentences(in, w, 1000);
}

static int parse_endless(const struct wf_parse_input *in, struct wf_stream_writer *w,
                         struct wf_err *err)
{
    (void)err;
    for (unsigned i = 0; wf_stream_status(w) == 0; i++) {
        (void)sentences(in, w, 1000);
        (void)wf_stream_flush(w);
        usleep(1000);
    }
    return wf_stream_status(w);
}

static int parse_telling(const struct wf_parse_input *in, struct wf_stream_writer *w,
                         struct wf_err *err)
{
    (void)in;
    (void)err;
    (void)wf_stream_meta(w, "title", WF_STR("  Its \n own\ttitle "));
    (void)wf_stream_meta(w, "author", WF_STR("Ada"));
    (void)wf_stream_meta(w, "language", WF_STR("de"));
    (void)wf_stream_meta(w, "date", WF_STR("2024-05-06"));
    (void)wf_stream_page(w, 1);
    (void)wf_stream_text(w, WF_STR("First page.\n"));
    (void)wf_stream_progress(w, 1, 2);
    (void)wf_stream_warning(w, "page %d could not be read", 3);
    (void)wf_stream_warning(w, "and it is crooked");
    (void)wf_stream_page(w, 2);
    return wf_stream_text(w, WF_STR("Second page.\n"));
}

static int parse_silent(const struct wf_parse_input *in, struct wf_stream_writer *w,
                        struct wf_err *err)
{
    (void)in;
    (void)w;
    (void)err;
    return 0;
}

static int score(const struct wf_format *f, const struct wf_format_hint *h)
{
    return wf_format_has_extension(f, h) ? 1000 : WF_SCORE_NO;
}

#define ROW(name, fn, how)                                                                         \
    {                                                                                              \
        .id = name, .title = name, .media_type = "test/" name, .extensions = name, .score = score, \
        .parse = fn, .kind = how                                                                   \
    }

static const struct wf_format rows[] = {
    ROW("late", parse_late, WF_PARSE_ALONE),       ROW("crash", parse_crash, WF_PARSE_ALONE),
    ROW("large", parse_large, WF_PARSE_ALONE),     ROW("endless", parse_endless, WF_PARSE_ALONE),
    ROW("pausing", parse_pausing, WF_PARSE_ALONE), ROW("telling", parse_telling, WF_PARSE_SHARED),
    ROW("silent", parse_silent, WF_PARSE_SHARED),
};

/* ---- the bench of it ---- */

static struct home home;
static struct wf_extract_client *client;
static int spawner_pid;
static struct wf_intake *intake;

/* What was told, by the order of the requests. */
#define N_MAX 3000
static struct told {
    atomic_uint n_calls; /* polled by a test; the rest is read behind a flush */
    enum wf_intake_outcome outcome;
    int code;
    char uid[32];
    char reason[256];
    char title[64];
    char warning[128];
    uint64_t bytes;
    unsigned n_progress;
    uint64_t pages_done;
} told[N_MAX];
static size_t n_told;

static void done(void *ud, const struct wf_intake_result *r)
{
    struct told *t = ud;
    t->outcome = r->outcome;
    t->code = r->code;
    t->bytes = r->bytes;
    snprintf(t->uid, sizeof(t->uid), "%.*s", WF_STR_ARG(r->uid));
    snprintf(t->reason, sizeof(t->reason), "%.*s", WF_STR_ARG(r->reason));
    snprintf(t->title, sizeof(t->title), "%.*s", WF_STR_ARG(r->title));
    snprintf(t->warning, sizeof(t->warning), "%.*s", WF_STR_ARG(r->warning));
    t->n_calls++; /* last: what stands above is written */
}

static void progress(void *ud, const struct wf_intake_progress *p)
{
    struct told *t = ud;
    t->n_progress++;
    if (p->phase == WF_INTAKE_READING)
        t->pages_done = p->n_done;
}

static int start_workers(void **state)
{
    (void)state;
    struct wf_extract_limits limits = {.time_s_max = 30,
                                       .unsandboxed = !wf_sandbox_support().seccomp};
    static const struct wf_format *list[WF_ARRAY_LEN(rows) + 1];
    int fd = -1;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++)
        list[i] = &rows[i];
    wf_format_set_extra(list);
    if (wf_extract_spawn(&limits, &fd, &spawner_pid, NULL) != 0)
        return -1;
    return wf_extract_client_new(fd, &limits, &client, NULL);
}

static int stop_workers(void **state)
{
    (void)state;
    int status = 0;
    wf_extract_client_free(client);
    return waitpid(spawner_pid, &status, 0) == spawner_pid ? 0 : -1;
}

static void begin(void)
{
    memset(told, 0, sizeof(told));
    n_told = 0;
    assert_int_equal(wf_intake_new(home.store, client, &intake, NULL), 0);
}

static int set_up(void **state)
{
    (void)state;
    home_make(&home);
    begin();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_intake_free(intake);
    intake = NULL;
    home_remove(&home);
    return 0;
}

/* A request for a file of this content whose last change was at `mtime`. */
static struct wf_intake_request request(const char *path, struct wf_str content, int64_t mtime)
{
    int fd = -1;
    assert_int_equal(wf_file_memfd("doc", &fd, NULL), 0);
    assert_int_equal(write(fd, content.ptr, content.len), (ssize_t)content.len);
    assert_true(n_told < N_MAX);
    return (struct wf_intake_request){
        .fd = fd,
        .path = wf_str_from(path),
        .stat = {.size = content.len, .mtime_ns = mtime, .ino = 1, .dev = 1},
        .done = done,
        .progress = progress,
        .ud = &told[n_told++],
    };
}

static struct told *submit(const struct wf_intake_request *r)
{
    struct wf_err err = WF_ERR_INIT;
    if (wf_intake_add(intake, r, &err) != 0)
        fail_msg("%s", err.msg);
    return r->ud;
}

static struct told *add(const char *path, const char *content, int64_t mtime)
{
    struct wf_intake_request r = request(path, wf_str_from(content), mtime);
    struct told *t = submit(&r);
    wf_intake_flush(intake);
    assert_int_equal(t->n_calls, 1);
    return t;
}

static void assert_text(const char *path, const char *want)
{
    size_t n = 0;
    char *text = home_text(&home, path, &n);
    assert_non_null(text);
    assert_string_equal(text, want);
    wf_free(text);
}

static void assert_sound(void)
{
    struct wf_err err = WF_ERR_INIT;
    if (wf_store_check(home.store, &err) != 0)
        fail_msg("%s", err.msg);
}

/* ---- small documents ---- */

static void test_intake__adds_and_knows_again(void **state)
{
    (void)state;
    struct told *t = add("/d/a.txt", "The river carries salt.\n", 1);
    assert_int_equal(t->outcome, WF_INTAKE_ADDED);
    assert_int_equal(strlen(t->uid), WF_UID_BYTES);
    assert_string_equal(t->title, "a.txt");
    assert_int_equal(t->bytes, 24);
    assert_text("/d/a.txt", "The river carries salt.\n");
    assert_int_equal(home_matches(&home, "river"), 1);
    assert_int_equal(home_count(&home, "document WHERE type='text/plain'"), 1);

    assert_int_equal(add("/d/a.txt", "The river carries salt.\n", 1)->outcome, WF_INTAKE_UNCHANGED);
    struct told *again = add("/d/a.txt", "The river carries salt.\n", 2); /* only touched */
    assert_int_equal(again->outcome, WF_INTAKE_KNOWN);
    assert_string_equal(again->uid, t->uid);
    struct told *other = add("/d/b.txt", "The river carries salt.\n", 1);
    assert_int_equal(other->outcome, WF_INTAKE_KNOWN);
    assert_string_equal(other->uid, t->uid);
    assert_int_equal(home_count(&home, "document"), 1);
    assert_int_equal(home_count(&home, "source"), 2);
    assert_int_equal(home_n_blobs(&home), 1);
    assert_sound();
}

static void test_intake__a_changed_file_is_replaced(void **state)
{
    (void)state;
    add("/a.txt", "zzoldword", 1);
    assert_int_equal(add("/a.txt", "new words", 2)->outcome, WF_INTAKE_ADDED);
    assert_text("/a.txt", "new words");
    assert_int_equal(home_count(&home, "document"), 1);
    assert_int_equal(wf_purge_wait(home.store, 0, NULL), 0);
    assert_int_equal(home_grep(&home, "zzoldword", true), 0);
}

static void test_intake__the_same_content_at_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        char path[32];
        snprintf(path, sizeof(path), "/a%u.txt", i);
        struct wf_intake_request r = request(path, WF_STR("the very same"), 1);
        (void)submit(&r);
    }
    wf_intake_flush(intake);
    unsigned n_added = 0;
    for (unsigned i = 0; i < 40; i++) {
        assert_true(told[i].outcome == WF_INTAKE_ADDED || told[i].outcome == WF_INTAKE_KNOWN);
        n_added += told[i].outcome == WF_INTAKE_ADDED;
    }
    assert_int_equal(n_added, 1);
    assert_int_equal(home_count(&home, "document"), 1);
    assert_int_equal(home_count(&home, "source"), 40);
    assert_sound();
}

static void test_intake__uploads_have_no_path(void **state)
{
    (void)state;
    struct wf_intake_request r = request("", WF_STR("uploaded words"), 1);
    r.name = WF_STR("letter.txt");
    r.space = WF_STR("family");
    r.label = WF_STR("secret");
    r.commit_now = true;
    assert_int_equal(submit(&r)->n_calls <= 1, 1);
    wf_intake_flush(intake);
    assert_string_equal(told[0].title, "letter.txt");
    assert_int_equal(home_count(&home, "source"), 0);
    assert_int_equal(home_count(&home, "document d JOIN space s ON s.id=d.space WHERE kept=1 AND"
                                       " s.name='family' AND d.label='secret'"),
                     1);
    /* In another space it is another document. */
    assert_int_equal(add("/a.txt", "uploaded words", 1)->outcome, WF_INTAKE_ADDED);
    assert_int_equal(home_count(&home, "document"), 2);
    assert_int_equal(home_n_blobs(&home), 1);
}

static void test_intake__titles(void **state)
{
    (void)state;
    assert_string_equal(add("/d/x.telling", "1", 1)->title, "Its own title");
    assert_string_equal(add("/d/x.md", "# The heading #\n\nText.\n", 1)->title, "The heading");
    struct wf_intake_request r = request("/d/y.telling", WF_STR("2"), 1);
    r.title = WF_STR("Asked for");
    struct told *t = submit(&r);
    wf_intake_flush(intake);
    assert_string_equal(t->title, "Asked for");
    char name[400];
    memset(name, 'n', sizeof(name));
    memcpy(name, "/d/\xff\xfe", 5); /* no UTF-8 */
    memcpy(name + sizeof(name) - 5, ".txt", 5);
    t = add(name, "text", 1);
    assert_int_equal(t->outcome, WF_INTAKE_ADDED);
    assert_int_equal(home_count(&home, "document WHERE length(CAST(title AS BLOB))<=300"), 4);
}

static void test_intake__metadata_warnings_pages(void **state)
{
    (void)state;
    struct told *t = add("/x.telling", "1", 1);
    assert_string_equal(t->warning, "page 3 could not be read\nand it is crooked");
    assert_true(t->n_progress >= 2);
    assert_int_equal(t->pages_done, 1);
    assert_int_equal(home_count(&home, "document WHERE author='Ada' AND language='de' AND"
                                       " written='2024-05-06' AND n_pages=2 AND type='test/telling'"
                                       " AND warning LIKE 'page 3%'"),
                     1);
    assert_int_equal(home_count(&home, "chunk WHERE page=2 AND text='Second page.\n'"), 1);
}

static void test_intake__failures_are_told_and_remembered(void **state)
{
    (void)state;
    struct told *t = add("/a.txt", "", 1);
    assert_int_equal(t->outcome, WF_INTAKE_FAILED);
    assert_int_equal(t->code, WF_E_FORMAT);
    assert_string_equal(t->reason, "the file is empty");
    assert_string_equal(t->uid, "");
    assert_int_equal(home_count(&home, "failed"), 1);
    t = add("/a.txt", "", 1);
    assert_string_equal(t->reason, "the file is empty");
    assert_int_equal(t->n_progress, 0); /* it was not read again */
    struct wf_intake_request r = request("/a.txt", WF_STR(""), 1);
    r.retry = true;
    t = submit(&r);
    wf_intake_flush(intake);
    assert_int_equal(t->outcome, WF_INTAKE_FAILED);
    assert_string_equal(add("/b.silent", "1", 1)->reason, "there is no text in it");
    assert_string_equal(add("/c.crash", "1", 1)->uid, "");
    assert_int_equal(add("/a.txt", "now it holds words", 2)->outcome, WF_INTAKE_ADDED);
    assert_int_equal(home_count(&home, "failed"), 2);
    assert_int_equal(home_count(&home, "document"), 1);
    assert_int_equal(home_n_blobs(&home), 1);
    assert_true(home_n_files(&home, "tmp") <= 1);
    assert_sound();
}

static void test_intake__a_failing_change_keeps_what_was_there(void **state)
{
    (void)state;
    add("/a.txt", "good words", 1);
    assert_int_equal(add("/a.txt", "", 2)->outcome, WF_INTAKE_FAILED);
    assert_text("/a.txt", "good words");
}

static void test_intake__look_costs_no_file(void **state)
{
    (void)state;
    struct wf_source_known known;
    struct wf_source_stat st = {.size = 10, .mtime_ns = 1, .ino = 1, .dev = 1};
    struct wf_str me = {NULL, 0};
    add("/a.txt", "some words", 1);
    assert_int_equal(wf_intake_look(intake, WF_STR("/a.txt"), &st, me, NULL, &known, NULL), 0);
    assert_int_equal(known.state, WF_SOURCE_UNCHANGED);
    assert_int_equal(wf_intake_look(intake, WF_STR("/a.txt"), &st, WF_STR("x"), NULL, &known, NULL),
                     0);
    assert_int_equal(known.state, WF_SOURCE_NEW);
}

static void test_intake__refuses_bad_requests(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    struct wf_intake_request r = request("/a", WF_STR("x"), 1);
    int fd = r.fd;
    r.fd = -1;
    assert_int_equal(wf_intake_add(intake, &r, &err), WF_E_INVAL);
    char *path = wf_alloc_array(1, 10000);
    assert_non_null(path);
    memset(path, 'a', 9999);
    r.fd = fd;
    r.path = wf_str_from(path);
    assert_int_equal(wf_intake_add(intake, &r, &err), WF_E_INVAL);
    wf_free(path);
    close(fd); /* still ours */
}

/* ---- large documents ---- */

static long peak_kb(void)
{
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    return ru.ru_maxrss;
}

static void test_intake__a_large_document_comes_in_parts(void **state)
{
    (void)state;
    long before_kb = peak_kb();
    struct told *t = add("/a.large", "alpha", 1);
    if (!SANITIZED)
        assert_true(peak_kb() < before_kb + 110000);
    assert_int_equal(t->outcome, WF_INTAKE_ADDED);
    assert_string_equal(t->title, "A large one");
    assert_true(t->n_progress > 10);
    assert_true(wf_intake_stats(intake).n_commits >= 3);
    size_t n = 0;
    char *text = home_text(&home, "/a.large", &n);
    assert_non_null(text);
    assert_true(n >= 34u << 20);
    assert_memory_equal(text, "Sentence 0 of alpha is here. Sentence 1 of", 42);
    wf_free(text);
    assert_sound();
    assert_int_equal(home_count(&home, "limbo"), 0);
}

static void test_intake__the_end_of_a_large_one_is_noticed(void **state)
{
    (void)state;
    const struct wf_intake_request r = request("/a.pausing", WF_STR("alpha"), 1);
    struct told *t = submit(&r);
    for (int i = 0; i < 2000 && wf_intake_stats(intake).n_waiting > 0; i++)
        usleep(10000); /* not a flush, which would wake the writer itself */
    assert_int_equal(t->n_calls, 1);
    assert_int_equal(t->outcome, WF_INTAKE_ADDED);
}

static void test_intake__a_late_failure_leaves_nothing(void **state)
{
    (void)state;
    add("/a.txt", "good words", 1);
    struct told *t = add("/b.late", "zzlateword", 1);
    assert_int_equal(t->outcome, WF_INTAKE_FAILED);
    assert_int_equal(t->code, WF_E_ENCRYPTED);
    assert_string_equal(t->reason, "its end is encrypted");
    assert_int_equal(home_count(&home, "document"), 1);
    assert_int_equal(wf_purge_wait(home.store, 0, NULL), 0);
    assert_int_equal(home_count(&home, "chunk"), 1);
    assert_int_equal(home_matches(&home, "zzlateword"), 0);
    assert_int_equal(home_grep(&home, "zzlateword", true), 0);
    assert_int_equal(home_n_blobs(&home), 1);
    assert_sound();
}

static void test_intake__others_may_write_meanwhile(void **state)
{
    (void)state;
    struct wf_intake_request r = request("/a.large", WF_STR("alpha"), 1);
    struct told *t = submit(&r);
    for (unsigned i = 0; t->n_calls == 0; i++) {
        char name[32];
        int64_t id = 0;
        snprintf(name, sizeof(name), "space %u", i);
        assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
        assert_int_equal(wf_space_id(home.store, wf_str_from(name), true, &id, NULL), 0);
        assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
        usleep(20000);
    }
    wf_intake_flush(intake);
    assert_int_equal(t->outcome, WF_INTAKE_ADDED);
    assert_true(home_count(&home, "space") > 3);
    assert_sound();
}

/* ---- many, and ending early ---- */

static void *add_many(void *ud)
{
    unsigned first = *(unsigned *)ud;
    for (unsigned i = first; i < first + 100; i++) {
        char path[32];
        char text[64];
        snprintf(path, sizeof(path), "/m%u.txt", i);
        snprintf(text, sizeof(text), "text with number %u", i);
        int fd = -1;
        assert_int_equal(wf_file_memfd("doc", &fd, NULL), 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        const struct wf_intake_request r = {.fd = fd,
                                            .path = wf_str_from(path),
                                            .stat = {.size = strlen(text), .mtime_ns = 1},
                                            .done = done,
                                            .ud = &told[i]};
        assert_int_equal(wf_intake_add(intake, &r, NULL), 0);
    }
    return NULL;
}

static void test_intake__many_producers(void **state)
{
    (void)state;
    pthread_t threads[4];
    unsigned first[4] = {0, 100, 200, 300};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, &first[i]), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    wf_intake_flush(intake);
    for (unsigned i = 0; i < 400; i++) {
        assert_int_equal(told[i].n_calls, 1);
        assert_int_equal(told[i].outcome, WF_INTAKE_ADDED);
    }
    struct wf_intake_stats stats = wf_intake_stats(intake);
    assert_int_equal(stats.n_added, 400);
    assert_int_equal(stats.n_waiting, 0);
    assert_true(stats.n_commits < 100); /* they shared commits */
    assert_int_equal(home_count(&home, "document"), 400);
    /* The index was written out at commits, not for each document. */
    assert_true((uint64_t)home_count(&home, "(SELECT DISTINCT segid FROM chunk_fts_idx)") <=
                stats.n_commits);
    assert_sound();
}

static void test_intake__cancel_ends_all(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        char path[32];
        snprintf(path, sizeof(path), "/a%u.endless", i);
        struct wf_intake_request r = request(path, WF_STR("alpha"), 1);
        (void)submit(&r);
    }
    usleep(50000);
    wf_intake_cancel(intake);
    wf_intake_flush(intake);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(told[i].n_calls, 1);
        assert_int_equal(told[i].outcome, WF_INTAKE_FAILED);
        assert_int_equal(told[i].code, WF_E_CANCELED);
    }
    struct wf_intake_request r = request("/b.txt", WF_STR("x"), 1);
    assert_int_equal(wf_intake_add(intake, &r, NULL), WF_E_CANCELED);
    close(r.fd);
    assert_int_equal(home_count(&home, "failed"), 0); /* nothing is wrong with them */
    assert_int_equal(home_count(&home, "document"), 0);
}

static void test_intake__one_request_is_canceled(void **state)
{
    (void)state;
    atomic_bool cancel = false;
    struct wf_intake_request r = request("/a.endless", WF_STR("alpha"), 1);
    r.cancel = &cancel;
    struct told *t = submit(&r);
    usleep(50000);
    assert_int_equal(t->n_calls, 0);
    atomic_store(&cancel, true);
    wf_intake_flush(intake);
    assert_int_equal(t->code, WF_E_CANCELED);
    assert_int_equal(add("/b.txt", "others go on", 1)->outcome, WF_INTAKE_ADDED);
}

static void test_intake__free_finishes_what_was_accepted(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        char path[32];
        struct wf_str content = wf_str_from(path);
        snprintf(path, sizeof(path), "/a%u.txt", i);
        content.len = strlen(path);
        struct wf_intake_request r = request(path, content, 1);
        (void)submit(&r);
    }
    wf_intake_free(intake);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(told[i].outcome, WF_INTAKE_ADDED);
    assert_int_equal(home_count(&home, "document"), 50);
    begin();
}

static void test_intake__free_of_null(void **state)
{
    (void)state;
    wf_intake_free(NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_intake__adds_and_knows_again),
        T(test_intake__a_changed_file_is_replaced),
        T(test_intake__the_same_content_at_once),
        T(test_intake__uploads_have_no_path),
        T(test_intake__titles),
        T(test_intake__metadata_warnings_pages),
        T(test_intake__failures_are_told_and_remembered),
        T(test_intake__a_failing_change_keeps_what_was_there),
        T(test_intake__look_costs_no_file),
        T(test_intake__refuses_bad_requests),
        T(test_intake__a_large_document_comes_in_parts),
        T(test_intake__the_end_of_a_large_one_is_noticed),
        T(test_intake__a_late_failure_leaves_nothing),
        T(test_intake__others_may_write_meanwhile),
        T(test_intake__many_producers),
        T(test_intake__cancel_ends_all),
        T(test_intake__one_request_is_canceled),
        T(test_intake__free_finishes_what_was_accepted),
        T(test_intake__free_of_null),
    };
    return cmocka_run_group_tests(tests, start_workers, stop_workers);
}
