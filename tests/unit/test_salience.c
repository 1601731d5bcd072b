/* SPDX-License-Identifier: Apache-2.0 */
/* Salience: what is learned of summaries chooses the sentences that they are made of, also of texts
 * that it did not see; a lens and the summarizer use it where they know the words; tables that are
 * wrong are refused. The texts are made here. */
#include "model/salience.h"

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
#include "base/buf.h"
#include "model/gguf_write.h"
#include "model/lens.h"
#include "skill/summarize.h"
#include "support/tiny_lens.h"
#include "train/salience.h"
#include "train/shuffle.h"

static char folder[64], list[96], docs[96], table[96], other[96];

#define N_DOCS 120
#define S(lit)                                                                                     \
    {                                                                                              \
        "" lit, sizeof(lit) - 1                                                                    \
    }

static const char *const names[] = {"Ana", "Otto", "Mia", "Paul", "Sofia", "Ben", "Lea", "Tom"};
static const char *const things[] = {"boat", "lamp", "bread", "house", "garden", "train", "song"};
static const char *const verbs[] = {"sold", "kept", "moved", "painted", "lent", "closed"};

/* A talk in which what was decided is what is written down; it never comes first. */
static void make_doc(uint64_t i, struct wf_buf *out)
{
    uint64_t draw = wf_seed_mix(9, i);
    char what[2][80];

    for (size_t k = 0; k < 2; k++)
        (void)snprintf(what[k], sizeof(what[k]), "We decided: the %s of %s is %s.",
                       things[wf_draw_below(&draw, 7)], names[wf_draw_below(&draw, 8)],
                       verbs[wf_draw_below(&draw, 6)]);
    wf_buf_append_cstr(out, "{\"dialogue\": \"");
    for (size_t k = 0; k < 12; k++) {
        if (k == 4 || k == 9)
            wf_buf_appendf(out, "%s ", what[k == 9]);
        wf_buf_appendf(out, "Well, you know, %s talked on and on of weather. ",
                       names[wf_draw_below(&draw, 8)]);
    }
    wf_buf_appendf(out, "\", \"summary\": \"%s %s\"}\n", what[0], what[1]);
}

static void write_text(const char *path, const struct wf_buf *text)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_int_equal(fwrite(text->ptr, 1, text->len, f), text->len);
    assert_int_equal(fclose(f), 0);
}

static int make_folder(void **state)
{
    struct wf_buf b;

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-salience-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(list, sizeof(list), "%s/list.conf", folder);
    (void)snprintf(docs, sizeof(docs), "%s/docs.jsonl", folder);
    (void)snprintf(table, sizeof(table), "%s/table.gguf", folder);
    (void)snprintf(other, sizeof(other), "%s/other.gguf", folder);
    wf_buf_init(&b, 1u << 20);
    for (uint64_t i = 0; i < N_DOCS; i++)
        make_doc(i, &b);
    write_text(docs, &b);
    wf_buf_reset(&b);
    wf_buf_appendf(&b, "# made up\ndata=%s\n\ndocs.jsonl 100\n", folder);
    write_text(list, &b);
    wf_buf_deinit(&b);
    return 0;
}

static int remove_folder(void **state)
{
    const char *const all[] = {list, docs, table, other};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        (void)unlink(all[i]);
    assert_int_equal(rmdir(folder), 0); /* fails when something was left there */
    return 0;
}

static int learn(const struct wf_gguf *into, const char *to, wf_salience_logits_fn fn,
                 struct wf_salience_table *out, struct wf_err *err)
{
    struct wf_salience_trainer *t = NULL;
    int rc = wf_salience_trainer_new(&t, err);

    if (rc == 0) {
        wf_salience_trainer_encoder(t, fn, NULL);
        rc = wf_salience_trainer_add_list(t, list, err);
    }
    if (rc == 0)
        rc = wf_salience_trainer_write(t, into, to, out, err);
    wf_salience_trainer_free(t);
    return rc;
}

static struct wf_salience *learned(struct wf_salience_table *out)
{
    struct wf_salience *s = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_gguf *g = NULL;

    if (learn(NULL, table, NULL, out, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(wf_gguf_open(table, &g, NULL), 0);
    assert_true(wf_salience_is_in(g));
    assert_int_equal(wf_salience_open(g, &s, NULL), 0);
    wf_gguf_close(g);
    return s;
}

static const struct wf_str talk[] = {
    S("Well, you know, Mia talked on and on of weather."),
    S("Well, you know, Paul talked on and on of weather."),
    S("We decided: the train of Lea is painted."),
    S("Well, you know, Tom talked on and on of weather."),
    S("We decided: the lamp of Otto is closed."),
    S("Well, you know, Ana talked on and on of weather."),
};

static void choose(const struct wf_salience *s, const struct wf_str *sentences, size_t n,
                   struct wf_str question, const float *logits, struct wf_salience_pick *out)
{
    struct wf_salience_text text;
    const struct wf_salience_ask ask = {.logits = logits, .n_wanted = 2};

    assert_int_equal(wf_salience_text_init(&text, sentences, n, question, NULL), 0);
    assert_int_equal(wf_salience_choose(s, &text, &ask, n, out, NULL), 0);
    wf_salience_text_deinit(&text);
}

static void test_salience__chooses_what_summaries_are_made_of(void **state)
{
    struct wf_salience_table made;
    struct wf_salience_pick picks[6];
    struct wf_salience *s = learned(&made);
    bool seen[6] = {false};

    (void)state;
    assert_true(made.n_texts > made.n_kept && made.n_kept > 0 && made.n_words > 20);
    assert_int_equal(made.n_texts + made.n_kept, N_DOCS);
    assert_true(made.rouge1[0] > 95); /* whole sentences were copied */
    choose(s, talk, 6, WF_STR(""), NULL, picks);
    assert_true(picks[0].i + picks[1].i == 2 + 4 && picks[0].i % 2 == 0);
    for (size_t k = 0; k < 6; k++) {
        assert_true(k == 0 || picks[k].worth <= picks[k - 1].worth);
        assert_false(seen[picks[k].i]);
        seen[picks[k].i] = true;
    }
    wf_salience_close(s);
}

static void test_salience__words_are_covered_once(void **state)
{
    const struct wf_str twice[] = {
        S("We decided: the lamp of Otto is closed."),
        S("We decided: the lamp of Otto is closed."),
        S("We decided: the train of Lea is painted."),
        S("Well, you know, Tom talked on and on of weather."),
    };
    struct wf_salience_pick picks[4];
    struct wf_salience *s = learned(NULL);

    (void)state;
    choose(s, twice, 4, WF_STR(""), NULL, picks);
    assert_true(picks[0].i == 2 || picks[1].i == 2); /* not the same again */
    wf_salience_close(s);
}

static void test_salience__the_encoder_counts_by_its_weight(void **state)
{
    const float logits[6] = {0, 0, -9, 0, -9, 9};
    struct wf_salience_pick picks[6];
    struct wf_salience *s = learned(NULL);

    (void)state;
    assert_true(s->fit[0].encoder == 0.0f); /* there was none */
    choose(s, talk, 6, WF_STR(""), logits, picks);
    assert_true(picks[0].i == 2 || picks[0].i == 4);
    s->fit[0].encoder = 1.0f;
    choose(s, talk, 6, WF_STR(""), logits, picks);
    assert_int_equal(picks[0].i, 5);
    wf_salience_close(s);
}

static void test_salience__a_question_draws_to_what_is_near_it(void **state)
{
    const struct wf_str all[] = {
        S("We decided: the boat of Ben is sold."),
        S("Well, you know, Ana talked on and on of weather."),
        S("Well, you know, Mia talked on and on of weather."),
        S("Well, you know, Tom talked on and on of weather."),
        S("Well, you know, Ben talked on and on of weather."),
        S("We decided: the lamp of Otto is closed."),
    };
    struct wf_salience_text text;

    (void)state;
    assert_int_equal(wf_salience_text_init(&text, all, 6, WF_STR("What of Otto's lamp?"), NULL), 0);
    assert_true(text.is_about);
    /* "closed" stands beside the lamp, "sold" far from it */
    assert_true(text.words[text.ids[text.starts[6] - 1]].near >
                4 * text.words[text.ids[text.starts[1] - 1]].near);
    wf_salience_text_deinit(&text);
    assert_int_equal(wf_salience_text_init(&text, all, 6, WF_STR("What about cheese?"), NULL), 0);
    assert_false(text.is_about);
    wf_salience_text_deinit(&text);
    assert_int_equal(wf_salience_text_init(&text, all, 0, WF_STR("What?"), NULL), 0);
    assert_int_equal(text.n_words, 0);
    wf_salience_text_deinit(&text);
}

/* The same for every text, so that the weight that is chosen cannot make it better. */
static int flat(void *ud, const struct wf_str *sentences, size_t n, float *out, struct wf_err *err)
{
    (void)ud;
    (void)err;
    for (size_t i = 0; i < n; i++)
        out[i] = sentences[i].len > 0 ? 1.0f : 0.0f;
    return 0;
}

static void test_salience__an_encoder_that_says_nothing_gets_no_weight(void **state)
{
    struct wf_salience_table made;

    (void)state;
    assert_int_equal(learn(NULL, table, flat, &made, NULL), 0);
    assert_true(made.encoder[0] == 0.0f && made.encoder[1] == 0.0f);
    assert_true(fabs(made.with_encoder[0] - made.rouge1[0]) < 5);
}

/* ---- put to use ---- */

static void summarize(const struct wf_salience *judge, const char *text, struct wf_arena *arena,
                      struct wf_summary *out)
{
    const struct wf_summary_options o = {.n_sentences = 2, .judge = judge};
    struct wf_summarizer *s = NULL;

    wf_arena_init(arena, 0, 1u << 20);
    assert_int_equal(wf_summarizer_new(&o, &s, NULL), 0);
    assert_int_equal(wf_summarizer_feed(s, wf_str_from(text), 0, NULL), 0);
    assert_int_equal(wf_summarizer_finish(s, arena, out, NULL), 0);
    wf_summarizer_free(s);
}

static void test_salience__summaries_use_it_where_it_knows_the_words(void **state)
{
    static const char known[] =
        "Well, you know, Mia talked on and on of weather. Well, you know, Mia and Tom talked of "
        "weather and weather. We decided: the train of Lea is painted. Well, Tom talked on of "
        "weather. We decided: the lamp of Otto is closed. You know, Ana talked on of weather.";
    static const char unknown[] =
        "Der Fluss stieg drei Tage lang. Die alte Frau sah den Fluss aus ihrem Fenster. Am vierten "
        "Tag riss der Fluss die Mühle fort. Ich mag Kuchen.";
    struct wf_salience *judge = learned(NULL);
    struct wf_summary a, b;
    struct wf_arena arena_a, arena_b;

    (void)state;
    summarize(judge, known, &arena_a, &a);
    assert_int_equal(a.n_sentences, 2);
    assert_true(wf_str_starts(a.sentences[0].text, WF_STR("We decided: the train")));
    assert_true(wf_str_starts(a.sentences[1].text, WF_STR("We decided: the lamp")));
    assert_true(a.sentences[0].score > 0 && a.sentences[0].score <= 1);
    wf_arena_deinit(&arena_a);
    summarize(judge, unknown, &arena_a, &a);
    summarize(NULL, unknown, &arena_b, &b);
    assert_int_equal(a.n_sentences, b.n_sentences);
    for (size_t i = 0; i < a.n_sentences; i++)
        assert_true(wf_str_eq(a.sentences[i].text, b.sentences[i].text));
    wf_arena_deinit(&arena_a);
    wf_arena_deinit(&arena_b);
    wf_salience_close(judge);
}

/* Answers to `text` by a lens file, whose encoder sees nothing. */
static void ask(const char *path, const char *text, bool encoder_only, struct wf_lens_answer *out)
{
    const struct wf_lens_ask q = {
        .tasks = WF_LENS_SALIENCE, .text = wf_str_from(text), .encoder_only = encoder_only};
    struct wf_lens *l = NULL;
    struct wf_lens_job *j = NULL;
    struct wf_err err = WF_ERR_INIT;
    float *hidden = wf_alloc_array(TINY_LENS_CONTEXT, TINY_LENS_DIM * sizeof(*hidden));

    if (wf_lens_open(path, &l, &err) != 0)
        fail_msg("%s", err.msg);
    assert_non_null(wf_lens_judge(l));
    assert_int_equal(wf_lens_job_new(l, &q, &j, &err), 0);
    for (size_t i = 0; i < wf_lens_job_n_windows(j); i++)
        wf_lens_job_take(j, i, hidden);
    assert_int_equal(wf_lens_job_finish(j, out, &err), 0);
    wf_lens_job_free(j);
    wf_lens_close(l);
    wf_free(hidden);
}

static void test_salience__a_lens_orders_sentences_by_it(void **state)
{
    static const char text[] = "Well, you know, Mia talked on of weather. We decided: the train of "
                               "Lea is painted. You know, Tom talked on of weather.";
    struct wf_gguf *g = NULL;
    struct wf_lens_answer a;
    struct wf_buf bytes;

    (void)state;
    for (int with_head = 0; with_head < 2; with_head++) {
        wf_buf_init(&bytes, 8u << 20);
        tiny_lens_build(with_head ? 0 : TINY_LENS_NO_HEADS, &bytes);
        assert_int_equal(wf_gguf_open_memory(bytes.ptr, bytes.len, &g, NULL), 0);
        assert_int_equal(learn(g, other, NULL, NULL, NULL), 0);
        wf_gguf_close(g);
        wf_buf_deinit(&bytes);
        ask(other, text, false, &a);
        assert_int_equal(a.sentences.n, 3);
        assert_true(a.sentences.items[1].score == 1.0f);
        assert_true(a.sentences.items[0].score < 1.0f && a.sentences.items[0].score >= 0.0f);
        assert_true(a.sentences.items[2].score < 1.0f);
        wf_lens_answer_deinit(&a);
        ask(other, text, true, &a);
        assert_int_equal(a.sentences.n, 3);
        assert_true(a.sentences.items[1].score < 1.0f);
        wf_lens_answer_deinit(&a);
    }
}

/* ---- what is wrong ---- */

struct wrong {
    int32_t hashes[3];
    int32_t weights[3];
    uint64_t n_hashes, n_weights, n_fit;
    float fit; /* all numbers */
};

static int open_wrong(const struct wrong *w)
{
    const uint64_t dims[] = {w->n_fit, 2};
    struct wf_gguf_writer *out = NULL;
    struct wf_salience *s = NULL;
    struct wf_gguf *g = NULL;
    int rc;

    assert_int_equal(wf_gguf_writer_new(other, &out, NULL), 0);
    wf_gguf_put_string(out, "general.architecture", WF_STR("lens"));
    wf_gguf_put_i32s(out, "lens.salience.words.hashes", w->n_hashes);
    for (size_t i = 0; i < w->n_hashes; i++)
        wf_gguf_item_put_i32(out, w->hashes[i]);
    wf_gguf_put_i32s(out, "lens.salience.words.weights", w->n_weights);
    for (size_t i = 0; i < w->n_weights; i++)
        wf_gguf_item_put_i32(out, w->weights[i]);
    wf_gguf_put_tensor(out, WF_STR("lens.salience.fit"), wf_dtype_by_id(WF_DTYPE_F32), 2, dims);
    assert_int_equal(wf_gguf_writer_begin(out, NULL), 0);
    for (size_t i = 0; i < 2 * w->n_fit; i++)
        assert_int_equal(wf_gguf_writer_write(out, &w->fit, sizeof(w->fit), NULL), 0);
    assert_int_equal(wf_gguf_writer_finish(out, NULL), 0);
    wf_gguf_writer_free(out);
    assert_int_equal(wf_gguf_open(other, &g, NULL), 0);
    rc = wf_salience_open(g, &s, NULL);
    wf_salience_close(s);
    wf_gguf_close(g);
    return rc;
}

static void test_salience__tables_that_are_wrong_are_refused(void **state)
{
    const struct wrong good = {{1, 2, -1}, {0, 100, -1}, 3, 3, WF_SALIENCE_FIT, 1.0f - 1e-3f};
    struct wrong w = good;

    (void)state;
    w.fit = 1.0f; /* a price of 1 is no price */
    assert_int_equal(open_wrong(&w), WF_E_FORMAT);
    w = good;
    w.fit = NAN;
    assert_int_equal(open_wrong(&w), WF_E_FORMAT);
    w = good;
    w.n_fit--;
    assert_int_equal(open_wrong(&w), WF_E_FORMAT);
    w = good;
    w.n_weights--;
    assert_int_equal(open_wrong(&w), WF_E_FORMAT);
    w = good;
    w.hashes[1] = 1; /* twice the same */
    assert_int_equal(open_wrong(&w), WF_E_FORMAT);
    w = good;
    w.weights[0] = 32767; /* hundredths: 327 */
    assert_int_equal(open_wrong(&w), WF_E_FORMAT);
}

static void test_salience__lists_that_are_wrong_are_refused(void **state)
{
    static const char *const wrong[] = {"docs.jsonl\n", "docs.jsonl many\n", "absent.jsonl 100\n"};
    struct wf_salience_trainer *t = NULL;
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, 4096);
    for (size_t i = 0; i < WF_ARRAY_LEN(wrong); i++) {
        assert_int_equal(wf_salience_trainer_new(&t, NULL), 0);
        wf_buf_reset(&b);
        wf_buf_appendf(&b, "data=%s\n%s", folder, wrong[i]);
        write_text(other, &b);
        assert_int_not_equal(wf_salience_trainer_add_list(t, other, NULL), 0);
        assert_int_equal(wf_salience_trainer_write(t, NULL, table, NULL, NULL), WF_E_INVAL);
        wf_salience_trainer_free(t);
    }
    wf_buf_deinit(&b);
}

static void test_salience__survives_failing_allocations(void **state)
{
    struct wf_salience_pick picks[6];
    uint64_t live;
    int rc = -1;

    (void)state;
    wf_salience_close(learned(NULL));
    live = wf_alloc_stats().n_live;
    for (uint64_t n = 1; rc != 0; n++) {
        const struct wf_salience_ask q = {.n_wanted = 2};
        struct wf_salience_text text = {.n = 0};
        struct wf_salience *s = NULL;
        struct wf_gguf *g = NULL;
        wf_alloc_fail_at(n);
        rc = wf_gguf_open(table, &g, NULL);
        if (rc == 0)
            rc = wf_salience_open(g, &s, NULL);
        if (rc == 0)
            rc = wf_salience_text_init(&text, talk, 6, WF_STR("Otto's lamp"), NULL);
        if (rc == 0)
            rc = wf_salience_choose(s, &text, &q, 6, picks, NULL);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        assert_true(rc == 0 || wf_alloc_failed());
        wf_alloc_fail_at(0);
        wf_salience_text_deinit(&text);
        wf_salience_close(s);
        wf_gguf_close(g);
        assert_int_equal(wf_alloc_stats().n_live, live);
        assert_true(n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_salience__chooses_what_summaries_are_made_of),
        cmocka_unit_test(test_salience__words_are_covered_once),
        cmocka_unit_test(test_salience__the_encoder_counts_by_its_weight),
        cmocka_unit_test(test_salience__a_question_draws_to_what_is_near_it),
        cmocka_unit_test(test_salience__an_encoder_that_says_nothing_gets_no_weight),
        cmocka_unit_test(test_salience__summaries_use_it_where_it_knows_the_words),
        cmocka_unit_test(test_salience__a_lens_orders_sentences_by_it),
        cmocka_unit_test(test_salience__tables_that_are_wrong_are_refused),
        cmocka_unit_test(test_salience__lists_that_are_wrong_are_refused),
        cmocka_unit_test(test_salience__survives_failing_allocations),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
