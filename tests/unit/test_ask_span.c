/* SPDX-License-Identifier: Apache-2.0 */
/* What lens adds to an answer: the span, the order of sentences; and that nothing changes where it
 * is absent, off, or not sure. */
#include <math.h>
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
#include "engine/lens.h"
#include "os/file.h"
#include "skill/ask.h"
#include "skill/ask_internal.h"
#include "support/library.h"
#include "support/tiny_lens.h"
#include "text/utf8.h"

static const struct library_document documents[] = {
    {.path = "/d/harbour.txt",
     .title = "Harbour",
     .text = "Kelvik lies on the western coast. In Sm\xc3\xa5land, the lighthouse of Kelvik was "
             "built in 1874 by the engineer Ada Norrland. It burns no oil today."},
    {.path = "/d/bridge.txt",
     .title = "Bridge",
     .text = "The stone bridge of Tarnby was built in 1911. It has nine arches."},
};

static const char question[] = "When was the lighthouse of Kelvik built?";

static struct library lib;
static struct wf_arena arena;
static struct wf_ask_look look;
static char folder[64], file[96];

static int setup(void **state)
{
    struct wf_buf bytes;

    (void)state;
    library_open_filled(&lib, documents, WF_ARRAY_LEN(documents));
    wf_arena_init(&arena, 0, 64 << 20);
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-ask-span-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof(file), "%s/lens.gguf", folder);
    wf_buf_init(&bytes, 8u << 20);
    tiny_lens_build(TINY_LENS_MATCH, &bytes);
    assert_int_equal(wf_file_replace(file, bytes.ptr, bytes.len, 0600, NULL), 0);
    wf_buf_deinit(&bytes);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    wf_arena_deinit(&arena);
    library_close(&lib);
    (void)unlink(file);
    return rmdir(folder);
}

static void look_again(void)
{
    const struct wf_ask_query q = {.question = wf_str_from(question)};
    struct wf_err err = WF_ERR_INIT;

    memset(&look, 0, sizeof(look));
    if (wf_ask__look(lib.store, &q, &arena, &look, &err) != 0)
        fail_msg("%s", err.msg);
    assert_true(look.n_sentences >= 3);
}

static void quote(struct wf_answer *out)
{
    const struct wf_ask_query q = {.question = wf_str_from(question)};

    *out = (struct wf_answer){.found = false};
    assert_int_equal(wf_ask__quote(&look, &q, &arena, out, NULL), 0);
    assert_true(out->found);
}

/* A span over `piece` of the best sentence's chunk. */
static void put_span(const char *piece, double none)
{
    size_t hit = look.sentences[0].hit;
    size_t at = wf_str_find(look.hits.items[hit].text, wf_str_from(piece), 0);

    assert_true(at != SIZE_MAX);
    look.spans[0] = (struct wf_ask_span){hit, at, at + strlen(piece), 0.8, none};
    look.n_spans = 1;
}

static void test_ask_span__is_a_place_in_the_answer(void **state)
{
    struct wf_answer a;
    size_t from, to;

    (void)state;
    look_again();
    put_span("1874", 0.1);
    quote(&a);
    from = wf_utf8_offset(a.text, (size_t)a.span_start_cp);
    to = wf_utf8_offset(a.text, (size_t)a.span_end_cp);
    assert_true(wf_str_eq(wf_str_sub(a.text, from, to), WF_STR("1874")));
    assert_true(a.span_score > 0.79 && a.span_score < 0.81);
    put_span("1874", 0.6); /* not sure that there is an answer */
    quote(&a);
    assert_int_equal(a.span_end_cp, 0);
    put_span("western coast", 0.1); /* of another sentence */
    quote(&a);
    assert_int_equal(a.span_end_cp, 0);
    look.spans[0].hit++; /* of another chunk */
    quote(&a);
    assert_int_equal(a.span_end_cp, 0);
}

static void test_ask_span__sentences_are_ordered_anew(void **state)
{
    struct wf_lens_mark marks[8];
    struct wf_lens_answer says = {.sentences = {marks, 0}, .none = 0.0f};
    struct wf_ask_sentence first, last = {.hit = 0};
    size_t hit;

    (void)state;
    look_again();
    first = look.sentences[0];
    hit = first.hit;
    for (size_t i = 0; i < look.n_sentences; i++) {
        const struct wf_ask_sentence *s = &look.sentences[i];
        if (s->hit != hit)
            continue;
        last = *s;
        marks[says.sentences.n++] =
            (struct wf_lens_mark){.from = s->start, .to = s->end, .score = 0.01f};
    }
    assert_int_equal(says.sentences.n, 3);
    marks[2].score = 0.99f;
    wf_ask__weigh(&look, hit, &says, 0.0); /* lens has no say */
    wf_ask__order(&look);
    assert_true(look.sentences[0].start == first.start && look.sentences[0].hit == hit);
    look_again();
    wf_ask__weigh(&look, hit, &says, 5.0);
    wf_ask__order(&look);
    assert_true(look.sentences[0].start == last.start && look.sentences[0].hit == hit);
    for (size_t i = 1; i < look.n_sentences; i++)
        assert_true(look.sentences[i - 1].score >= look.sentences[i].score);
}

static void test_ask_span__no_answer_counts_against_words(void **state)
{
    (void)state;
    look_again();
    put_span("1874", 0.9);
    assert_true(wf_ask__doubt(&look, 0.7) == 0.7); /* it has no say */
    look.refuse = 1;
    assert_true(fabs(wf_ask__doubt(&look, 0.5) - 0.1) < 1e-6);
    look.spans[0].none = 0.5;
    assert_true(fabs(wf_ask__doubt(&look, 0.7) - 0.7) < 1e-6);
    look.spans[0].none = 0.0;
    assert_true(wf_ask__doubt(&look, 0.7) > 0.99);
    look.spans[0].hit++; /* of another chunk */
    assert_true(wf_ask__doubt(&look, 0.7) == 0.7);
}

static struct wf_lens_pool *new_pool(const char *path, bool is_off)
{
    const struct wf_lens_pool_options o = {.path = path, .is_off = is_off, .n_threads = 1};
    struct wf_lens_pool *p = NULL;

    assert_int_equal(wf_lens_pool_new(&o, &p, NULL), 0);
    return p;
}

static void test_ask_span__without_lens_all_is_as_it_was(void **state)
{
    struct wf_ask_query q = {.question = wf_str_from(question)};
    struct wf_answer want, got;

    (void)state;
    assert_int_equal(wf_ask(lib.store, &q, &arena, &want, NULL), 0);
    for (int is_off = 0; is_off < 2; is_off++) {
        q.lens = new_pool(is_off ? file : NULL, is_off);
        assert_int_equal(wf_ask(lib.store, &q, &arena, &got, NULL), 0);
        assert_true(got.found && wf_str_eq(got.text, want.text));
        assert_int_equal(got.n_citations, want.n_citations);
        assert_true(got.confidence >= want.confidence && got.confidence <= want.confidence);
        assert_int_equal(got.span_end_cp, 0);
        wf_lens_pool_free(q.lens);
    }
}

/* With a lens that knows nothing, too, an answer is sentences of the documents. */
static void test_ask_span__a_lens_looks_at_the_chunks(void **state)
{
    struct wf_ask_query q = {.question = wf_str_from(question)};
    size_t file_bytes = 0, memory = 0;

    (void)state;
    q.lens = new_pool(file, false);
    look_again();
    wf_ask__see(q.lens, q.question, &look);
    wf_lens_pool_sizes(q.lens, &file_bytes, &memory);
    assert_true(file_bytes > 0 && memory > 0);
    assert_int_equal(look.n_spans, WF_MIN(look.hits.n_items, (size_t)WF_ASK_SPANS_MAX));
    for (size_t i = 0; i < look.n_spans; i++) {
        const struct wf_ask_span *s = &look.spans[i];
        assert_true(s->start < s->end && s->end <= look.hits.items[s->hit].text.len);
        for (size_t k = 0; k < i; k++)
            assert_true(look.spans[k].hit != s->hit);
    }
    for (size_t i = 0; i < look.n_sentences; i++)
        assert_true(look.sentences[i].is_seen && look.sentences[i].seen < 0);
    wf_lens_pool_free(q.lens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ask_span__is_a_place_in_the_answer),
        cmocka_unit_test(test_ask_span__sentences_are_ordered_anew),
        cmocka_unit_test(test_ask_span__no_answer_counts_against_words),
        cmocka_unit_test(test_ask_span__without_lens_all_is_as_it_was),
        cmocka_unit_test(test_ask_span__a_lens_looks_at_the_chunks),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
