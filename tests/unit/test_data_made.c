/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that are made out of prose: what they ask for stands in the passage, not in the
 * question; without its sentence the passage does not answer; glossaries' terms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "train/data_made.h"
#include "train/data_twist.h"

static const char kelvik[] =
    "Kelvik lies on the western coast of the old country and has some three hundred houses along "
    "the shore. The lighthouse of Kelvik was built in 1874 by the engineer Ada Norrland after a "
    "long winter of storms. It burns no oil today, and visitors climb its stairs in summer, when "
    "the ferries of Captain Lund leave the harbour for Tarnby.";

struct seen {
    size_t n, n_answered, n_none;
    char answer[64];
};

static int on_cloze(void *ud, const struct wf_data_question *q, struct wf_err *err)
{
    struct seen *s = ud;

    (void)err;
    s->n++;
    assert_true(wf_str_eq(q->title, WF_STR("Harbours")));
    assert_true(wf_str_ends(q->question, WF_STR("?")));
    if (q->n_answers == 0) { /* comes behind the one that it is made of */
        s->n_none++;
        assert_true(wf_str_find(q->passage, wf_str_from(s->answer), 0) == SIZE_MAX);
        return 0;
    }
    struct wf_str a = wf_str_sub(q->passage, q->answers[0].from, q->answers[0].to);
    assert_true(a.len > 0 && a.len < sizeof(s->answer));
    memcpy(s->answer, a.ptr, a.len);
    s->answer[a.len] = 0;
    assert_true(wf_str_find(q->question, a, 0) == SIZE_MAX);
    assert_true(wf_str_find(WF_STR("1874 Kelvik Ada Norrland Captain Lund Tarnby"), a, 0) !=
                SIZE_MAX);
    s->n_answered++;
    return 0;
}

static int cloze(struct wf_str bytes, size_t n_each, wf_data_question_fn fn, void *ud,
                 struct wf_err *err)
{
    struct wf_lines *l = NULL;
    int rc = wf_lines_open_bytes("x", bytes, &l, err);

    if (rc == 0)
        rc = wf_data_cloze_read_lines(l, n_each, fn, ud, err);
    wf_lines_close(l);
    return rc;
}

/* Documents of paragraphs that differ, so that different things are asked for. */
static void write_documents(struct wf_buf *out, size_t n, size_t n_paragraphs)
{
    for (size_t i = 0; i < n; i++) {
        (void)wf_buf_append_cstr(out, "{\"title\":\"Harbours\",\"text\":\"Too short.");
        for (size_t k = 0; k < n_paragraphs; k++)
            (void)wf_buf_appendf(out, "\\n\\n%s It has stood here for %zu years.", kelvik,
                                 100 * i + k);
        (void)wf_buf_append_cstr(out, "\"}\n");
    }
}

static int count(void *ud, const struct wf_data_question *q, struct wf_err *err)
{
    (void)q;
    (void)err;
    (*(size_t *)ud)++;
    return 0;
}

static void test_data_made__cloze_asks_for_what_the_passage_has(void **state)
{
    struct seen s = {0};
    struct wf_buf b;
    size_t n = 0, n_more = 0;

    (void)state;
    wf_buf_init(&b, 1u << 20);
    (void)wf_buf_appendf(&b, "{\"title\":\"Harbours\",\"text\":\"Too short.\\n\\n%s\"}\n", kelvik);
    assert_int_equal(cloze(wf_buf_str(&b), 3, on_cloze, &s, NULL), 0);
    wf_buf_reset(&b);
    write_documents(&b, 30, 6);
    assert_int_equal(cloze(wf_buf_str(&b), 1, count, &n, NULL), 0);
    assert_true(n >= 30); /* each is asked of its first paragraphs */
    assert_int_equal(cloze(wf_buf_str(&b), 3, count, &n_more, NULL), 0);
    assert_true(n_more > 2 * n && n_more <= 30 * 3 * 2);
    wf_buf_deinit(&b);
    assert_true(s.n == s.n_answered + s.n_none && s.n_answered <= 1 && s.n_none <= s.n_answered);
}

static void test_data_made__cloze_over_many_passages(void **state)
{
    struct seen s = {0};

    (void)state;
    for (size_t i = 0; i < 60; i++) { /* another beginning, another sentence is drawn */
        char text[1024];
        size_t n = (size_t)snprintf(text, sizeof(text),
                                    "{\"title\":\"Harbours\",\"text\":\"There are %zu of it. %s\"}",
                                    7 + i, kelvik);
        struct seen one = {0};
        assert_int_equal(cloze(wf_str_n(text, n), 3, on_cloze, &one, NULL), 0);
        s.n_answered += one.n_answered;
        s.n_none += one.n_none;
    }
    assert_true(s.n_answered > 20 && s.n_none > 10);
}

struct defined {
    size_t n;
    struct wf_buf said;
};

static int on_defined(void *ud, const struct wf_data_question *q, struct wf_err *err)
{
    struct defined *d = ud;

    (void)err;
    d->n++;
    assert_true(q->is_sentences);
    assert_int_equal(q->n_answers, 1);
    (void)wf_buf_appendf(&d->said, "%.*s|%.*s\n", WF_STR_ARG(q->question),
                         WF_STR_ARG(wf_str_sub(q->passage, q->answers[0].from, q->answers[0].to)));
    return 0;
}

static const char terms[] =
    "{\"book\":\"Coasts\",\"term\":\"lighthouse\",\"definition\":\"tower whose lamp warns "
    "ships\"}\n"
    "{\"book\":\"Coasts\",\"term\":\"keeper\",\"definition\":\"person who guards a bank vault\"}\n"
    "{\"book\":\"Hills\",\"term\":\"stone\",\"definition\":\"built by hand of them\"}\n";
static const char texts[] =
    "{\"title\":\"Coasts: One\",\"text\":\"The lighthouse is old. A lighthouse is a tower with a "
    "strong lamp that warns the ships of rocks along the coast. Most of them were built by hand, "
    "of stone. Their keeper lived there with a family the whole year round, and wrote down the "
    "weather of each day.\"}\n";

static int defined(const char *of_terms, const char *of_texts, wf_data_question_fn fn, void *ud,
                   struct wf_err *err)
{
    struct wf_lines *l = NULL, *t = NULL;
    int rc = wf_lines_open_bytes("terms", wf_str_from(of_terms), &t, err);

    if (rc == 0)
        rc = wf_lines_open_bytes("texts", wf_str_from(of_texts), &l, err);
    if (rc == 0)
        rc = wf_data_definitions_read_lines(l, t, fn, ud, err);
    wf_lines_close(l);
    wf_lines_close(t);
    return rc;
}

static void test_data_made__terms_are_asked_where_they_are_defined(void **state)
{
    struct defined d = {0};
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    wf_buf_init(&d.said, 4096);
    assert_int_equal(defined(terms, texts, on_defined, &d, &err), 0);
    assert_int_equal(d.n, 1); /* not the keeper of a bank, not another book's stone */
    assert_true(wf_str_eq(wf_buf_str(&d.said),
                          WF_STR("What is lighthouse?|A lighthouse is a tower with a strong lamp "
                                 "that warns the ships of rocks along the coast.\n")));
    wf_buf_deinit(&d.said);
    assert_int_equal(defined("[1]", texts, on_defined, &d, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, "terms:1"));
    assert_int_equal(defined(terms, "x", on_defined, &d, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, "texts:1"));
}

static const char reviews[] =
    "{\"book\":\"Coasts\",\"section\":\"One\",\"question\":\"A tower whose lamp warns ships is "
    "called a ________.\",\"answer\":\"lighthouse\"}\n"
    "{\"book\":\"Coasts\",\"section\":\"One\",\"question\":\"What did the keepers of the towers "
    "do?\",\"answer\":\"They wrote down the weather of each day and lived there with their "
    "family.\"}\n"
    "{\"book\":\"Coasts\",\"section\":\"One\",\"question\":\"Which of the following is of "
    "stone?\",\"answer\":\"lighthouse\"}\n"
    "{\"book\":\"Coasts\",\"section\":\"Two\",\"question\":\"What is the lamp of a tower "
    "for?\",\"answer\":\"ships\"}\n";

static int reviewed(const char *of_questions, const char *of_texts, wf_data_question_fn fn,
                    void *ud, struct wf_err *err)
{
    struct wf_lines *l = NULL, *q = NULL;
    int rc = wf_lines_open_bytes("questions", wf_str_from(of_questions), &q, err);

    if (rc == 0)
        rc = wf_lines_open_bytes("texts", wf_str_from(of_texts), &l, err);
    if (rc == 0)
        rc = wf_data_reviews_read_lines(l, q, fn, ud, err);
    wf_lines_close(l);
    wf_lines_close(q);
    return rc;
}

static int on_review(void *ud, const struct wf_data_question *q, struct wf_err *err)
{
    struct defined *d = ud;

    (void)err;
    d->n++;
    (void)wf_buf_appendf(&d->said, "%.*s|%.*s|%d\n", WF_STR_ARG(q->question),
                         WF_STR_ARG(wf_str_sub(q->passage, q->answers[0].from, q->answers[0].to)),
                         q->is_sentences);
    return 0;
}

static void test_data_made__reviews_are_answered_by_their_section(void **state)
{
    struct defined d = {0};
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    wf_buf_init(&d.said, 4096);
    assert_int_equal(reviewed(reviews, texts, on_review, &d, &err), 0);
    /* Not the one that leans on choices, not another section's. The last line comes first. */
    assert_true(
        wf_str_eq(wf_buf_str(&d.said),
                  WF_STR("What did the keepers of the towers do?|Their keeper lived there "
                         "with a family the whole year round, and wrote down the weather "
                         "of each day.|1\n"
                         "A tower whose lamp warns ships is called a what?|lighthouse|0\n")));
    wf_buf_deinit(&d.said);
    assert_int_equal(reviewed("[1]", texts, on_review, &d, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, "questions:1"));
    assert_int_equal(reviewed(reviews, "x", on_review, &d, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, "texts:1"));
}

/* Twists a question 40 times; counts how often each of the wanted ones comes, and all. */
static size_t twist(const char *question, const char *answer, const char *text,
                    const char *const *wanted, size_t *out_n_done)
{
    struct wf_str t = wf_str_from(text);
    struct wf_buf b;
    size_t n_wanted = 0;

    *out_n_done = 0;
    wf_buf_init(&b, 4096);
    for (uint64_t i = 0; i < 40; i++) {
        uint64_t draw = i * 77 + 1;
        if (!wf_data_twist(wf_str_from(question), wf_str_from(answer), &t, 1, &draw, &b))
            continue;
        (*out_n_done)++;
        assert_false(wf_str_eq(wf_buf_str(&b), wf_str_from(question)));
        for (size_t k = 0; wanted[k] != NULL; k++)
            n_wanted += wf_str_eq(wf_buf_str(&b), wf_str_from(wanted[k]));
    }
    wf_buf_deinit(&b);
    return n_wanted;
}

static void test_data_made__questions_are_twisted(void **state)
{
    static const char text[] = "In 1874 the engineer Ada Norrland built it, before Captain Lund "
                               "came from Tarnby in 1911, with 45 men.";
    static const char *const named[] = {"When did Captain Lund build the first light of Kelvik?",
                                        NULL};
    static const char *const names[] = {"Who came first to Captain Lund's harbour in 1911?",
                                        "Who came first to Tarnby's harbour in 1911?",
                                        "Who came last to Kelvik's harbour in 1911?",
                                        "Who came first to Kelvik's harbour in 1874?", NULL};
    static const char *const denied[] = {"What doesn't burn there?", NULL};
    static const char *const nothing[] = {NULL};
    size_t n, n_wanted;

    (void)state;
    assert_true(twist("When did Ada Norrland build the first light of Kelvik?", "1874", text, named,
                      &n) > 0);
    assert_int_equal(n, 40);
    /* Names with their 's; of numbers those with as many digits; never the answer. */
    n_wanted =
        twist("Who came first to Kelvik's harbour in 1911?", "Ada Norrland", text, names, &n);
    assert_int_equal(n_wanted, n);
    assert_true(n > 20);
    n_wanted = twist("What does burn there?", "oil", text, denied, &n);
    assert_int_equal(n_wanted, n);
    assert_true(n > 5 && n < 35);
    assert_int_equal(twist("Why is that so?", "rain", "", nothing, &n), 0);
    assert_int_equal(twist("What town lies there", "Tarnby", text, nothing, &n), 0);
    assert_int_equal(n, 0);
}

static void test_data_made__without_memory(void **state)
{
    uint64_t before = wf_alloc_stats().n_live;
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, 1u << 16);
    write_documents(&b, 6, 4);
    for (uint64_t i = 1, at = 0; at < 3; i++) {
        size_t n = 0;
        wf_alloc_fail_at(i);
        int rc = at == 0   ? defined(terms, texts, count, &n, NULL)
                 : at == 1 ? cloze(wf_buf_str(&b), 3, count, &n, NULL)
                           : reviewed(reviews, texts, count, &n, NULL);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(rc, failed ? WF_E_NOMEM : 0);
        if (!failed) {
            assert_true(n > 0);
            assert_true(i > 2);
            at++;
            i = 0;
        }
    }
    wf_buf_deinit(&b);
    assert_int_equal(wf_alloc_stats().n_live, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_made__cloze_asks_for_what_the_passage_has),
        cmocka_unit_test(test_data_made__cloze_over_many_passages),
        cmocka_unit_test(test_data_made__terms_are_asked_where_they_are_defined),
        cmocka_unit_test(test_data_made__reviews_are_answered_by_their_section),
        cmocka_unit_test(test_data_made__questions_are_twisted),
        cmocka_unit_test(test_data_made__without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
