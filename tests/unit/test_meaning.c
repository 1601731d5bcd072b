/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of find/meaning.h: the background thread embeds everything once, goes on where it was,
 * begins anew with another lens, survives failures, gives way, and stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "engine/lens.h"
#include "find/lens_embedder.h"
#include "find/meaning.h"
#include "os/file.h"
#include "support/home.h"
#include "support/meant.h"
#include "support/tiny_lens.h"
#include "text/utf8.h"

#define WAIT_MS 120000

static struct home home;
static struct meant meant;

static int set_up(void **state)
{
    (void)state;
    home_make(&home);
    meant = (struct meant){.version = "lens 1"};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    home_remove(&home);
    return 0;
}

static int64_t add(unsigned number, size_t n_bytes)
{
    struct wf_err err = WF_ERR_INIT;
    char path[64];
    size_t n = 0;
    int64_t id = 0;
    char *text = home_words(number, n_bytes, &n);
    snprintf(path, sizeof(path), "/p-%u.txt", number);
    if (home_add(&home, path, "Title", wf_str_n(text, n), &id, &err) != 0)
        fail_msg("%s", err.msg);
    wf_free(text);
    return id;
}

static void take_away(int64_t id)
{
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_document_remove(home.store, id, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
}

static struct wf_meaning *meaning_new(struct wf_meaning_options o)
{
    struct wf_meaning *m = NULL;
    struct wf_err err = WF_ERR_INIT;
    o.store = home.store;
    o.embedder = meant_embedder(&meant);
    if (wf_meaning_new(&o, &m, &err) != 0)
        fail_msg("%s", err.msg);
    return m;
}

static struct wf_meaning *meaning_started(void)
{
    struct wf_meaning *m = meaning_new((struct wf_meaning_options){.n_chunks_at_once = 0});
    assert_int_equal(wf_meaning_start(m, NULL), 0);
    return m;
}

static struct wf_meaning_status status_of(struct wf_meaning *m)
{
    struct wf_meaning_status s;
    wf_meaning_status(m, &s);
    return s;
}

/* Every chunk has a vector of this lens, and the thread says so. */
static void assert_all(struct wf_meaning *m, const char *lens)
{
    char what[256];
    assert_true(wf_meaning_wait(m, WAIT_MS));
    struct wf_meaning_status s = status_of(m);
    if (s.state != WF_MEANING_IDLE)
        fail_msg("%s: %s", wf_meaning_state_name(s.state), s.why);
    int64_t n = home_count(&home, "chunk c JOIN document d ON d.id=c.document");
    snprintf(what, sizeof what,
             "chunk c JOIN vector v ON c.id>=v.first_chunk AND"
             " c.id<v.first_chunk+v.n_chunks AND v.lens LIKE '%s,%%'",
             lens);
    assert_int_equal(home_count(&home, what), n);
    assert_int_equal(s.n_embedded, n);
    assert_int_equal(strncmp(s.lens, lens, strlen(lens)), 0);
    assert_int_equal(wf_store_check(home.store, NULL), 0);
}

/* The nearest chunk to a document's own beginning is its first. */
static void assert_finds(struct wf_meaning *m, unsigned number)
{
    struct wf_meant q;
    struct wf_near near[3];
    size_t n = 0;
    char path[64], what[256];
    char *text;
    snprintf(path, sizeof(path), "/p-%u.txt", number);
    text = home_text(&home, path, &n);
    assert_non_null(text);
    text[WF_MIN(n, (size_t)900)] = 0;
    n = wf_utf8_valid_prefix(wf_str_from(text));
    assert_int_equal(wf_meaning_question(m, wf_str_n(text, n), &q, NULL), 0);
    assert_int_equal(q.dim, MEANT_DIM);
    wf_free(text);
    assert_int_equal(wf_meaning_search(m, &q, NULL, 0, 3, near, &n, NULL), 0);
    assert_true(n > 0 && near[0].similarity > 0.7f);
    snprintf(what, sizeof what,
             "chunk c JOIN source s ON s.document=c.document WHERE c.id=%lld AND s.path='%s'",
             (long long)near[0].chunk, path);
    assert_int_equal(home_count(&home, what), 1);
}

static void test_meaning__embeds_all_in_the_background(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 30; i++)
        add(i, 200 + 300 * i);
    add(30, 200000); /* several pieces */
    struct wf_meaning *m = meaning_started();
    assert_all(m, "lens 1");
    assert_int_equal(atomic_load(&meant.n_texts), home_count(&home, "chunk"));
    assert_finds(m, 7);
    assert_finds(m, 30);
    add(40, 5000);
    wf_meaning_poke(m);
    assert_all(m, "lens 1");
    assert_finds(m, 40);
    assert_int_equal(atomic_load(&meant.n_texts), home_count(&home, "chunk")); /* each once */
    assert_true(status_of(m).n_memory > 0);
    wf_meaning_free(m);
}

static void test_meaning__goes_on_where_it_was(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        add(i, 40000);
    for (unsigned round = 0; round < 3; round++) { /* stopped at some moment */
        struct wf_meaning *m = meaning_started();
        wf_meaning_wait(m, 2);
        wf_meaning_free(m);
        home_close(&home);
        home_open(&home);
    }
    int64_t n_before = home_count(&home, "(SELECT 1 FROM vector)");
    struct wf_meaning *m = meaning_started();
    assert_all(m, "lens 1");
    assert_true(home_count(&home, "vector") >= n_before);
    for (unsigned i = 0; i < 10; i++)
        assert_finds(m, i);
    wf_meaning_free(m);
}

static void test_meaning__another_lens_begins_anew(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        add(i, 30000);
    struct wf_meaning *m = meaning_started();
    assert_all(m, "lens 1");
    wf_meaning_free(m);
    unsigned n_first = atomic_load(&meant.n_texts);
    m = meaning_new((struct wf_meaning_options){.n_chunks_at_once = 0});
    assert_int_equal(status_of(m).n_embedded, n_first); /* known also without a thread */
    assert_int_equal(wf_meaning_start(m, NULL), 0);
    assert_all(m, "lens 1");
    assert_int_equal(atomic_load(&meant.n_texts), n_first); /* nothing to do */
    wf_meaning_free(m);
    meant.version = "lens 2";
    m = meaning_started();
    assert_all(m, "lens 2");
    assert_int_equal(atomic_load(&meant.n_texts), 2 * n_first);
    assert_int_equal(home_count(&home, "vector WHERE lens LIKE 'lens 1%'"), 0);
    assert_finds(m, 3);
    wf_meaning_free(m);
}

static void test_meaning__removed_documents_are_not_found(void **state)
{
    (void)state;
    int64_t ids[20];
    for (unsigned i = 0; i < 20; i++)
        ids[i] = add(i, 8000);
    struct wf_meaning *m = meaning_started();
    for (unsigned i = 0; i < 20; i += 2) /* some before they have vectors, some after */
        take_away(ids[i]);
    assert_all(m, "lens 1");
    assert_finds(m, 5);
    take_away(ids[7]);
    assert_all(m, "lens 1");
    struct wf_meant q = {.dim = MEANT_DIM, .vector = {1}};
    struct wf_near near[1000];
    size_t n = 0;
    assert_int_equal(wf_meaning_search(m, &q, NULL, 0, 1000, near, &n, NULL), 0);
    assert_int_equal(n, home_count(&home, "chunk c JOIN document d ON d.id=c.document"));
    wf_meaning_free(m);
}

static void test_meaning__without_a_lens(void **state)
{
    (void)state;
    add(1, 5000);
    meant.version = NULL;
    struct wf_meaning *m = meaning_started();
    struct wf_meant q;
    struct wf_err err = WF_ERR_INIT;
    assert_true(wf_meaning_wait(m, WAIT_MS));
    assert_int_equal(status_of(m).state, WF_MEANING_ABSENT);
    assert_string_equal(status_of(m).why, "There is no lens.");
    assert_int_equal(wf_meaning_question(m, WF_STR("what"), &q, &err), WF_E_UNSUPPORTED);
    assert_int_equal(q.dim, 0);
    wf_meaning_poke(m);
    assert_true(wf_meaning_wait(m, WAIT_MS));
    wf_meaning_free(m);
    assert_int_equal(home_count(&home, "vector"), 0);
}

static void test_meaning__one_failure_is_tried_again(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        add(i, 5000);
    atomic_store(&meant.fails_at, 9);
    struct wf_meaning *m = meaning_started();
    assert_true(wf_meaning_wait(m, WAIT_MS));
    for (unsigned i = 0; i < 100 && status_of(m).state == WF_MEANING_FAILED; i++) {
        assert_string_equal(status_of(m).why, "The embedder fails as it was told to.");
        sqlite3_sleep(200);
    }
    assert_all(m, "lens 1");
    wf_meaning_free(m);
}

static void test_meaning__one_bad_text_does_not_stop_the_rest(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    meant.fails_on = "zzbad";
    add(1, 5000);
    assert_int_equal(home_add(&home, "/bad", "zzbad", WF_STR("a zzbad text"), NULL, &err), 0);
    add(2, 5000);
    struct wf_meaning *m = meaning_started();
    for (unsigned i = 0; i < 300 && status_of(m).state != WF_MEANING_IDLE; i++)
        sqlite3_sleep(100);
    assert_int_equal(status_of(m).state, WF_MEANING_IDLE);
    assert_int_equal(status_of(m).n_embedded, home_count(&home, "chunk") - 1);
    wf_meaning_free(m);
}

static bool is_busy(void *ud)
{
    return atomic_load((atomic_bool *)ud);
}

static void test_meaning__gives_way_to_others(void **state)
{
    (void)state;
    atomic_bool busy = true;
    add(1, 400000);
    struct wf_meaning *m =
        meaning_new((struct wf_meaning_options){.is_busy = is_busy, .busy_ud = &busy});
    assert_int_equal(wf_meaning_start(m, NULL), 0);
    for (unsigned i = 0; i < 1000 && status_of(m).state != WF_MEANING_PAUSED; i++)
        sqlite3_sleep(5);
    assert_int_equal(status_of(m).state, WF_MEANING_PAUSED);
    atomic_store(&busy, false);
    assert_all(m, "lens 1");
    wf_meaning_free(m);
    atomic_store(&busy, true); /* an end comes also while it waits */
    meant.version = "lens 2";
    m = meaning_new((struct wf_meaning_options){.is_busy = is_busy, .busy_ud = &busy});
    assert_int_equal(wf_meaning_start(m, NULL), 0);
    wf_meaning_free(m);
}

static void test_meaning__without_memory(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        add(i, 3000);
    for (uint64_t n = 1;; n++) {
        struct wf_meaning *m = NULL;
        struct wf_meaning_options o = {.store = home.store, .embedder = meant_embedder(&meant)};
        struct wf_err err = WF_ERR_INIT;
        char version[32];
        snprintf(version, sizeof version, "lens %u", (unsigned)n); /* always something to do */
        meant.version = version;
        wf_alloc_fail_at(n);
        int status = wf_meaning_new(&o, &m, &err);
        if (status == 0)
            status = wf_meaning_start(m, &err);
        if (status == 0)
            assert_true(wf_meaning_wait(m, WAIT_MS));
        bool hit = wf_alloc_failed();
        wf_alloc_fail_at(0);
        if (status != 0)
            assert_int_equal(status, WF_E_NOMEM);
        else if (hit && status_of(m).state != WF_MEANING_IDLE)
            assert_true(status_of(m).why[0] != 0);
        wf_meaning_free(m);
        assert_int_equal(wf_store_check(home.store, NULL), 0);
        if (!hit)
            break;
    }
    meant.version = "lens last";
    struct wf_meaning *m = meaning_started();
    assert_all(m, "lens last");
    wf_meaning_free(m);
}

/* ---- killed ---- */

/* The child: embeds until it is killed. */
static void embed_until_killed(void)
{
    struct wf_meaning *m = NULL;
    const struct wf_meaning_options o = {.embedder = meant_embedder(&meant), .n_chunks_at_once = 8};
    struct wf_meaning_options own = o;
    meant.slow_ms = 2;
    if (home_try_open(&home, NULL) != 0)
        _exit(1);
    own.store = home.store;
    if (wf_meaning_new(&own, &m, NULL) != 0 || wf_meaning_start(m, NULL) != 0)
        _exit(2);
    for (;;)
        (void)pause();
}

static void test_meaning__killed_it_loses_little(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 12; i++)
        add(i, 30000);
    int64_t n_before = 0, n_all = home_count(&home, "chunk");
    for (unsigned round = 0; round < 40 && n_before < n_all; round++) {
        int status = 0;
        home_close(&home);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            embed_until_killed();
        sqlite3_sleep(20 + 13 * (int)(round % 7));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status)); /* it had not ended by itself */
        home_open(&home);
        int64_t n = home_count(&home, "chunk c JOIN vector v ON c.id>=v.first_chunk AND"
                                      " c.id<v.first_chunk+v.n_chunks");
        assert_int_equal(wf_store_check(home.store, NULL), 0);
        assert_true(n >= n_before);
        n_before = n;
    }
    struct wf_meaning *m = meaning_started();
    assert_all(m, "lens 1");
    assert_int_equal(atomic_load(&meant.n_texts), n_all - n_before); /* only what was missing */
    for (unsigned i = 0; i < 12; i++)
        assert_finds(m, i);
    wf_meaning_free(m);
}

/* ---- a lens ---- */

static struct wf_lens_pool *pool_of(unsigned with, const char *name, char path[128])
{
    struct wf_lens_pool *pool = NULL;
    struct wf_buf b;
    wf_buf_init(&b, 64 << 20);
    tiny_lens_build(with, &b);
    snprintf(path, 128, "%s/%s", home.dir, name);
    assert_int_equal(wf_file_replace(path, b.ptr, b.len, 0600, NULL), 0);
    wf_buf_deinit(&b);
    const struct wf_lens_pool_options o = {.path = path, .n_threads = 1};
    assert_int_equal(wf_lens_pool_new(&o, &pool, NULL), 0);
    return pool;
}

static void test_meaning__by_a_lens(void **state)
{
    (void)state;
    char path[128], other_path[128];
    char lens[WF_VECTOR_LENS_BYTES_MAX + 1], other[WF_VECTOR_LENS_BYTES_MAX + 1];
    size_t dim = 0, n = 0;
    struct wf_err err = WF_ERR_INIT;
    struct wf_lens_pool *pool = pool_of(0, "a.gguf", path);
    struct wf_lens_pool *bare = pool_of(TINY_LENS_NO_HEADS, "b.gguf", other_path);
    struct wf_embedder e = wf_lens_embedder(pool), without = wf_lens_embedder(bare);
    assert_int_equal(without.identify(bare, other, &dim, &err), WF_E_UNSUPPORTED);
    assert_int_equal(e.identify(pool, lens, &dim, &err), 0);
    assert_int_equal(dim, WF_LENS_DIMS);
    assert_int_equal(e.identify(pool, other, &dim, &err), 0);
    assert_string_equal(lens, other);
    struct wf_meaning_options o = {.store = home.store, .embedder = e};
    struct wf_meaning *m = NULL;
    for (unsigned i = 0; i < 4; i++)
        add(i, 2000);
    assert_int_equal(wf_meaning_new(&o, &m, &err), 0);
    assert_int_equal(wf_meaning_start(m, &err), 0);
    assert_all(m, lens);
    struct wf_meant q;
    struct wf_near near[100];
    assert_int_equal(wf_meaning_question(m, WF_STR("which"), &q, &err), 0);
    assert_int_equal(wf_meaning_search(m, &q, NULL, 0, 100, near, &n, &err), 0);
    assert_int_equal(n, home_count(&home, "chunk"));
    wf_meaning_free(m);
    wf_lens_pool_free(pool);
    wf_lens_pool_free(bare);
}

static void test_meaning__a_lens_brings_its_weights(void **state)
{
    (void)state;
    char path[128], other_path[128], lens[WF_VECTOR_LENS_BYTES_MAX + 1];
    struct wf_lens_pool *pool = pool_of(TINY_LENS_SEARCH, "a.gguf", path);
    struct wf_lens_pool *plain = pool_of(0, "b.gguf", other_path);
    struct wf_embedder e = wf_lens_embedder_fitted(pool), none = wf_lens_embedder_fitted(plain);
    struct wf_fuse_weights w = {.parts = {[WF_FUSE_SIMILARITY] = 1, [WF_FUSE_SPAN] = 3}};
    struct wf_err err = WF_ERR_INIT;
    size_t dim = 0;
    assert_int_equal(e.identify(pool, lens, &dim, &err), 0);
    e.weights(pool, &w);
    assert_float_equal(w.parts[WF_FUSE_SIMILARITY], 7, 1e-6);
    assert_float_equal(w.parts[WF_FUSE_ANSWERS], 0.5, 1e-6);
    assert_float_equal(w.parts[WF_FUSE_SPAN], 3, 1e-6); /* as it was */
    assert_int_equal(none.identify(plain, lens, &dim, &err), WF_E_UNSUPPORTED);
    none = wf_lens_embedder(plain);
    assert_int_equal(none.identify(plain, lens, &dim, &err), 0); /* when it is asked for */
    wf_lens_pool_free(pool);
    wf_lens_pool_free(plain);
}

static void test_meaning__a_lens_reads_with_the_question(void **state)
{
    (void)state;
    char path[128], other_path[128];
    struct wf_lens_pool *pool = pool_of(0, "a.gguf", path);
    struct wf_lens_pool *bare = pool_of(TINY_LENS_NO_HEADS, "b.gguf", other_path);
    struct wf_embedder e = wf_lens_embedder(pool), without = wf_lens_embedder(bare);
    const struct wf_str texts[3] = {WF_STR("One. Two."), WF_STR(""), WF_STR("Another one.")};
    struct wf_evidence out[3], again[3];
    struct wf_err err = WF_ERR_INIT;
    assert_int_equal(e.judge(pool, WF_STR("which one"), texts, 3, out, &err), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_true(fabsf(out[i].answers) <= WF_FUSE_EVIDENCE_MOST);
        assert_true(fabsf(out[i].sentence) <= WF_FUSE_EVIDENCE_MOST);
        assert_true(fabsf(out[i].span) <= WF_FUSE_EVIDENCE_MOST);
    }
    assert_true(out[1].answers <= -WF_FUSE_EVIDENCE_MOST); /* there is nothing in it */
    assert_int_equal(e.judge(pool, WF_STR("which one"), texts + 2, 1, again, &err), 0);
    assert_float_equal(again[0].answers, out[2].answers, 1e-3); /* whoever is beside it */
    assert_int_equal(without.judge(bare, WF_STR("which"), texts, 1, out, &err), WF_E_UNSUPPORTED);
    wf_lens_pool_free(pool);
    wf_lens_pool_free(bare);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_meaning__embeds_all_in_the_background, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_meaning__goes_on_where_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_meaning__another_lens_begins_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_meaning__removed_documents_are_not_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_meaning__without_a_lens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_meaning__one_failure_is_tried_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_meaning__one_bad_text_does_not_stop_the_rest, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_meaning__gives_way_to_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_meaning__without_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_meaning__killed_it_loses_little, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_meaning__a_lens_brings_its_weights, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_meaning__a_lens_reads_with_the_question, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_meaning__by_a_lens, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
