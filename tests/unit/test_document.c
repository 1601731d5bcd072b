/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of store/document.h and chunk_index.h: one document a content, paths that move, documents
 * in several commits, reading back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "store/purge.h"
#include "support/home.h"
#include "text/utf8.h"

static struct home home;
static struct wf_arena arena;

static int set_up(void **state)
{
    (void)state;
    wf_arena_init(&arena, 0, 4u << 20);
    home_make(&home);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_arena_deinit(&arena);
    home_remove(&home);
    return 0;
}

static int64_t add(const char *path, const char *title, const char *text)
{
    struct wf_err err = WF_ERR_INIT;
    int64_t id = 0;
    if (home_add(&home, path, title, wf_str_from(text), &id, &err) != 0)
        fail_msg("%s", err.msg);
    return id;
}

static struct wf_document at_path(const char *path)
{
    struct wf_reader *r = NULL;
    struct wf_document d;
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_document_at_path(r, wf_str_from(path), &arena, &d, NULL), 0);
    wf_store_reader_put(home.store, r);
    return d;
}

static void assert_text(const char *path, struct wf_str want)
{
    size_t n = 0;
    char *text = home_text(&home, path, &n);
    assert_non_null(text);
    assert_int_equal(n, want.len);
    assert_memory_equal(text, want.ptr, n);
    wf_free(text);
}

static void test_document__reads_back_what_was_added(void **state)
{
    (void)state;
    size_t n = 0;
    char *text = home_words(5, 20000, &n);
    int64_t id = 0;
    assert_int_equal(home_add(&home, "/a b/c.txt", "The title", wf_str_n(text, n), &id, NULL), 0);
    assert_text("/a b/c.txt", wf_str_n(text, n));
    struct wf_document d = at_path("/a b/c.txt");
    assert_int_equal(d.id, id);
    assert_int_equal(d.uid.len, WF_UID_BYTES);
    assert_string_equal(d.title.ptr, "The title");
    assert_string_equal(d.type.ptr, "text/plain");
    assert_string_equal(d.space.ptr, "me");
    assert_string_equal(d.label.ptr, "private"); /* the space's */
    assert_string_equal(d.path.ptr, "/a b/c.txt");
    assert_int_equal(d.bytes, n);
    assert_int_equal(d.n_cp, wf_utf8_count(wf_str_n(text, n)));
    assert_true(d.n_chunks >= 19 && d.added_ms > 0);
    struct wf_reader *r = NULL;
    struct wf_document again;
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_document_get(r, d.uid, &arena, &again, NULL), 0);
    assert_int_equal(again.id, id);
    assert_int_equal(wf_document_get_id(r, id, &arena, &again, NULL), 0);
    assert_int_equal(wf_document_get(r, WF_STR("nope"), &arena, &again, NULL), WF_E_NOENT);
    wf_store_reader_put(home.store, r);
    assert_int_equal(wf_store_check(home.store, NULL), 0);
    wf_free(text);
}

struct range {
    struct wf_buf text;
    uint64_t first_cp;
    unsigned n;
    unsigned stop_after;
};

static int gather(void *ud, int64_t chunk, const struct wf_chunk_row *c, struct wf_err *err)
{
    struct range *g = ud;
    (void)err;
    assert_true(chunk > 0);
    if (g->n++ == 0)
        g->first_cp = c->start_cp;
    assert_int_equal(wf_buf_append_str(&g->text, c->text), 0);
    return g->n == g->stop_after ? 7 : 0;
}

static void test_document__reads_ranges(void **state)
{
    (void)state;
    size_t n = 0;
    char *text = home_words(6, 30000, &n);
    assert_int_equal(home_add(&home, "/a", "A", wf_str_n(text, n), NULL, NULL), 0);
    struct wf_str all = wf_str_n(text, n);
    struct wf_document d = at_path("/a");
    struct wf_reader *r = NULL;
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    for (uint64_t from = 0; from < d.n_cp; from += 997) {
        struct range g = {.n = 0};
        wf_buf_init(&g.text, 1u << 20);
        uint64_t to = from + 1500;
        assert_int_equal(wf_document_chunks(r, &d, from, to, gather, &g, NULL), 0);
        assert_true(g.n >= 1 && g.n <= 4);
        assert_true(g.first_cp <= from);
        uint64_t end_cp = g.first_cp + wf_utf8_count(wf_buf_str(&g.text));
        assert_true(end_cp >= WF_MIN(to, d.n_cp));
        size_t at = wf_utf8_offset(all, g.first_cp);
        assert_memory_equal(all.ptr + at, g.text.ptr, g.text.len);
        wf_buf_deinit(&g.text);
    }
    struct range g = {.stop_after = 2};
    wf_buf_init(&g.text, 1u << 20);
    assert_int_equal(wf_document_chunks(r, &d, 0, UINT64_MAX, gather, &g, NULL), 7);
    assert_int_equal(g.n, 2);
    assert_int_equal(wf_document_chunks(r, &d, d.n_cp, UINT64_MAX, gather, &g, NULL), 0);
    assert_int_equal(wf_document_chunks(r, &d, 5, 5, gather, &g, NULL), 0);
    assert_int_equal(g.n, 2);
    wf_buf_deinit(&g.text);
    wf_store_reader_put(home.store, r);
    wf_free(text);
}

static void test_document__same_content_is_one_document(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;
    add("/a", "A", "the very same words");
    int r = home_add(&home, "/b", "B", WF_STR("the very same words"), NULL, &err);
    assert_int_equal(r, WF_E_EXIST);
    assert_int_equal(home_count(&home, "document"), 1);
    assert_int_equal(home_n_blobs(&home), 1);
    assert_int_equal(wf_store_check(home.store, NULL), 0);
}

static void test_document__another_space_has_its_own(void **state)
{
    (void)state;
    int64_t space = 0;
    struct wf_incoming in;
    char uid[WF_UID_BYTES + 1];
    struct wf_document a;
    add("/a", "A", "shared words");
    a = at_path("/a");
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_space_id(home.store, WF_STR("family"), true, &space, NULL), 0);
    wf_incoming_begin(home.store, &in);
    const struct wf_chunk_row c = {.text = WF_STR("shared words"), .n_cp = 12};
    assert_int_equal(wf_incoming_chunk(home.store, &in, WF_STR("A"), &c, NULL), 0);
    const struct wf_document_new d = {.space = space,
                                      .hash = a.hash,
                                      .title = WF_STR("A"),
                                      .kept = true,
                                      .label = WF_STR("secret")};
    assert_int_equal(wf_incoming_finish(home.store, &in, &d, uid, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    assert_int_equal(home_count(&home, "document"), 2);
    assert_int_equal(home_count(&home, "document WHERE label='secret'"), 1);
    /* The blob is one, and stays as long as one of the two does. */
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_document_remove(home.store, a.id, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    assert_int_equal(wf_purge_wait(home.store, 0, NULL), 0);
    assert_int_equal(home_n_blobs(&home), 1);
    assert_int_equal(home_matches(&home, "shared"), 1);
}

static void set_source(const char *path, int64_t document)
{
    const struct wf_source_stat st = {.size = 1, .mtime_ns = 2, .ino = 3, .dev = 4};
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_source_set(home.store, wf_str_from(path), document, &st, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
}

static void test_document__a_changed_path_takes_its_old_document_along(void **state)
{
    (void)state;
    add("/a", "A", "old words");
    add("/a", "A", "new words");
    assert_int_equal(home_count(&home, "document"), 1);
    assert_int_equal(home_count(&home, "source"), 1);
    assert_text("/a", WF_STR("new words"));
}

static void test_document__stays_while_a_path_names_it(void **state)
{
    (void)state;
    int64_t a = add("/a", "A", "first words");
    set_source("/b", a);
    set_source("/b", a); /* again: nothing changes */
    int64_t c = add("/c", "C", "other words");
    set_source("/a", c);
    assert_int_equal(home_count(&home, "document"), 2);
    set_source("/b", c);
    assert_int_equal(home_count(&home, "document"), 1);
    struct wf_reader *r = NULL;
    struct wf_str *paths = NULL;
    size_t n = 0;
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_document_paths(r, c, &arena, &paths, &n, NULL), 0);
    wf_store_reader_put(home.store, r);
    assert_int_equal(n, 3);
    assert_string_equal(paths[0].ptr, "/a");
    assert_string_equal(paths[2].ptr, "/c");
}

static void test_document__a_kept_one_stays_without_a_path(void **state)
{
    (void)state;
    int64_t a = add("/a", "A", "kept words");
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_document_keep(home.store, a, NULL), 0);
    assert_int_equal(wf_source_remove(home.store, WF_STR("/a"), NULL), 0);
    assert_int_equal(wf_source_remove(home.store, WF_STR("/unknown"), NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    assert_int_equal(home_count(&home, "document"), 1);
    assert_int_equal(home_count(&home, "source"), 0);
}

static void test_document__a_removed_path_takes_it_along(void **state)
{
    (void)state;
    add("/a", "A", "words that go");
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_source_remove(home.store, WF_STR("/a"), NULL), 0);
    assert_int_equal(wf_document_remove(home.store, 4711, NULL), WF_E_NOENT);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    assert_int_equal(home_count(&home, "document"), 0);
}

/* ---- large documents ---- */

static struct wf_incoming begun(const char *text)
{
    struct wf_incoming in;
    wf_incoming_begin(home.store, &in);
    const struct wf_chunk_row c = {.text = wf_str_from(text), .n_cp = (uint32_t)strlen(text)};
    assert_int_equal(wf_incoming_chunk(home.store, &in, WF_STR("Half"), &c, NULL), 0);
    return in;
}

static const uint8_t some_hash[WF_HASH_BYTES] = {1, 2, 3};

static void test_document__is_invisible_until_it_is_whole(void **state)
{
    (void)state;
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    struct wf_incoming in = begun("first half ");
    assert_int_equal(wf_incoming_park(home.store, &in, some_hash, WF_STR("Half"), NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    assert_int_equal(home_count(&home, "document"), 0);
    assert_int_equal(wf_store_check(home.store, NULL), 0);

    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    const struct wf_chunk_row c = {.text = WF_STR("second"), .n_cp = 6, .start_cp = in.n_cp};
    assert_int_equal(wf_incoming_chunk(home.store, &in, WF_STR("Half"), &c, NULL), 0);
    const struct wf_document_new d = {.hash = some_hash, .title = WF_STR("Half"), .kept = true};
    char uid[WF_UID_BYTES + 1];
    assert_int_equal(wf_incoming_finish(home.store, &in, &d, uid, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    assert_int_equal(home_count(&home, "document"), 1);
    assert_int_equal(home_count(&home, "limbo"), 0);
    assert_int_equal(wf_store_check(home.store, NULL), 0);
}

static void test_document__half_of_one_is_swept_at_the_next_open(void **state)
{
    (void)state;
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    struct wf_incoming in = begun("xylophonic half");
    assert_int_equal(wf_incoming_park(home.store, &in, some_hash, WF_STR("Half"), NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    home_close(&home);
    home_open(&home);
    assert_true(wf_purge_pending(home.store));
    assert_int_equal(wf_purge_wait(home.store, 0, NULL), 0);
    assert_int_equal(home_count(&home, "chunk"), 0);
    assert_int_equal(home_count(&home, "limbo"), 0);
    assert_int_equal(home_matches(&home, "xylophonic"), 0);
    assert_int_equal(wf_store_check(home.store, NULL), 0);
}

static void test_document__an_abandoned_one_goes(void **state)
{
    (void)state;
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    struct wf_incoming in = begun("abandoned words");
    assert_int_equal(wf_incoming_abandon(home.store, &in, some_hash, WF_STR("Half"), NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    assert_int_equal(wf_purge_wait(home.store, 0, NULL), 0);
    assert_int_equal(home_count(&home, "chunk"), 0);
    assert_int_equal(wf_store_check(home.store, NULL), 0);
}

/* ---- looking ---- */

static struct wf_source_known look(const char *path, struct wf_source_stat st, const char *space)
{
    struct wf_reader *r = NULL;
    struct wf_source_known known;
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(
        wf_source_look(r, wf_str_from(path), &st, wf_str_from(space), &arena, &known, NULL), 0);
    wf_store_reader_put(home.store, r);
    return known;
}

static void test_document__looks_at_a_source(void **state)
{
    (void)state;
    int64_t a = add("/a", "A", "text");
    set_source("/a", a);
    struct wf_source_stat st = {.size = 1, .mtime_ns = 2, .ino = 3, .dev = 4};
    assert_int_equal(look("/a", st, "").state, WF_SOURCE_UNCHANGED);
    assert_int_equal(look("/a", st, "me").document, a);
    assert_string_equal(look("/a", st, "me").uid, at_path("/a").uid.ptr);
    assert_int_equal(look("/a", st, "family").state, WF_SOURCE_NEW);
    assert_int_equal(look("/b", st, "").state, WF_SOURCE_NEW);
    for (unsigned i = 0; i < 4; i++) {
        struct wf_source_stat other = st;
        other.size += i == 0;
        other.mtime_ns += i == 1;
        other.ino += i == 2;
        other.dev += i == 3;
        assert_int_equal(look("/a", other, "").state, WF_SOURCE_NEW);
    }
}

static void test_document__remembers_failures(void **state)
{
    (void)state;
    struct wf_source_stat st = {.size = 1, .mtime_ns = 2, .ino = 3, .dev = 4};
    int64_t a = add("/a", "A", "text");
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_failed_set(home.store, WF_STR("/a"), &st, WF_E_ENCRYPTED,
                                   WF_STR("it is encrypted"), NULL),
                     0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    struct wf_source_known known = look("/a", st, "");
    assert_int_equal(known.state, WF_SOURCE_FAILED);
    assert_int_equal(known.code, WF_E_ENCRYPTED);
    assert_string_equal(known.reason.ptr, "it is encrypted");
    assert_int_equal(home_count(&home, "document"), 1); /* what it held before stays */
    set_source("/a", a);
    assert_int_equal(look("/a", st, "").state, WF_SOURCE_UNCHANGED);
    assert_int_equal(home_count(&home, "failed"), 0);
}

static void test_document__lists_pages_newest_first(void **state)
{
    (void)state;
    char path[32];
    char text[32];
    for (unsigned i = 0; i < 10; i++) {
        snprintf(path, sizeof(path), "/folder/%u.txt", i);
        snprintf(text, sizeof(text), "text number %u", i);
        add(path, i % 2 ? "Odd one" : "Even one", text);
    }
    struct wf_reader *r = NULL;
    struct wf_document_list list;
    const struct wf_document_like all = {.space = {NULL, 0}}, odd = {.words = WF_STR("oDD")},
                                  seven = {.words = WF_STR("/7.TXT")},
                                  none = {.space = WF_STR("none")},
                                  texts = {.type = WF_STR("text")},
                                  image = {.type = WF_STR("image")};
    uint64_t n = 0;
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_document_page(r, &all, 0, 4, &arena, &list, NULL), 0);
    assert_int_equal(list.n_items, 4);
    assert_string_equal(list.items[0].path.ptr, "/folder/9.txt");
    int64_t before = list.items[3].id;
    assert_int_equal(wf_document_page(r, &all, before, 100, &arena, &list, NULL), 0);
    assert_int_equal(list.n_items, 6);
    assert_int_equal(wf_document_page(r, &odd, 0, 100, &arena, &list, NULL), 0);
    assert_int_equal(list.n_items, 5);
    assert_int_equal(wf_document_page(r, &seven, 0, 100, &arena, &list, NULL), 0);
    assert_int_equal(list.n_items, 1);
    assert_int_equal(wf_document_page(r, &none, 0, 100, &arena, &list, NULL), 0);
    assert_int_equal(list.n_items, 0);
    assert_int_equal(wf_document_page(r, &texts, 0, 100, &arena, &list, NULL), 0);
    assert_int_equal(list.n_items, 10);
    assert_int_equal(wf_document_count(r, &odd, &n, NULL), 0);
    assert_int_equal(n, 5);
    assert_int_equal(wf_document_count(r, &image, &n, NULL), 0);
    assert_int_equal(n, 0);
    struct wf_document_totals totals;
    assert_int_equal(wf_document_totals(r, &totals, NULL), 0);
    assert_int_equal(totals.n_documents, 10);
    assert_int_equal(totals.n_chunks, 10);
    assert_int_equal(totals.n_cp, 130);
    wf_store_reader_put(home.store, r);
}

static void test_document__indexes_title_heading_and_text_in_any_script(void **state)
{
    (void)state;
    add("/a", "Quarterly report",
        "Der Fluß heißt Rhein. 東京都の人口。 L'été à Paris, 1,000 people.");
    static const struct {
        const char *query;
        int64_t want;
    } wanted[] = {
        {"quarterly", 1}, {"heading", 1}, {"東京 AND 京都", 1},
        {"京東", 0},      {"ete", 1},     {"fluss", 1},
        {"heisst", 1},    {"1000", 1},    {"rhein AND paris", 1},
        {"absent", 0},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(wanted); i++)
        if (home_matches(&home, wanted[i].query) != wanted[i].want)
            fail_msg("%s: not %d matches", wanted[i].query, (int)wanted[i].want);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_document__reads_back_what_was_added),
        T(test_document__reads_ranges),
        T(test_document__same_content_is_one_document),
        T(test_document__another_space_has_its_own),
        T(test_document__a_changed_path_takes_its_old_document_along),
        T(test_document__stays_while_a_path_names_it),
        T(test_document__a_kept_one_stays_without_a_path),
        T(test_document__a_removed_path_takes_it_along),
        T(test_document__is_invisible_until_it_is_whole),
        T(test_document__half_of_one_is_swept_at_the_next_open),
        T(test_document__an_abandoned_one_goes),
        T(test_document__looks_at_a_source),
        T(test_document__remembers_failures),
        T(test_document__lists_pages_newest_first),
        T(test_document__indexes_title_heading_and_text_in_any_script),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
