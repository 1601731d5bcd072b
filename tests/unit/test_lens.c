/* SPDX-License-Identifier: Apache-2.0 */
/* Lens: what heads make of hidden states that are known, long texts in windows, files that are
 * wrong. Hidden states are handed in, so each test says what the encoder "saw". */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/lens.h"
#include "model/lens_grams.h"
#include "model/lens_match.h"
#include "support/tiny_lens.h"

#define D TINY_LENS_DIM
#define WINDOW 32

static int open_with(unsigned with, struct wf_buf *bytes, struct wf_lens **out, struct wf_err *err)
{
    struct wf_gguf *g = NULL;
    int rc;

    wf_buf_init(bytes, 8u << 20);
    tiny_lens_build(with, bytes);
    rc = wf_gguf_open_memory(bytes->ptr, bytes->len, &g, err);
    return rc == 0 ? wf_lens_open_gguf(g, out, err) : rc;
}

struct opened {
    struct wf_buf bytes;
    struct wf_lens *lens;
};

static void open_lens(struct opened *o, unsigned with)
{
    struct wf_err err = WF_ERR_INIT;

    if (open_with(with, &o->bytes, &o->lens, &err) != 0)
        fail_msg("%s", err.msg);
}

static void shut(struct opened *o)
{
    wf_lens_close(o->lens);
    wf_buf_deinit(&o->bytes);
}

/* What the test sees in token t of window i; all zeros before. */
typedef void (*seen_fn)(const struct wf_lens *l, const int32_t *ids, size_t n, size_t i_window,
                        float *hidden, const void *ud);

static void answer(const struct opened *o, const struct wf_lens_ask *ask, seen_fn seen,
                   const void *ud, struct wf_lens_answer *out)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_lens_job *j = NULL;
    int32_t ids[WINDOW];

    if (wf_lens_job_new(o->lens, ask, &j, &err) != 0)
        fail_msg("%s", err.msg);
    for (size_t i = wf_lens_job_n_windows(j); i-- > 0;) { /* in another order than theirs */
        float hidden[WINDOW * D] = {0};
        size_t n = wf_lens_job_window(j, i, ids);
        assert_int_equal(n, wf_lens_job_window_tokens(j, i));
        assert_true(n <= wf_lens_window(o->lens));
        seen(o->lens, ids, n, i, hidden, ud);
        wf_lens_job_take(j, i, hidden);
    }
    assert_int_equal(wf_lens_job_finish(j, out, &err), 0);
    wf_lens_job_free(j);
}

/* A rule: the n-th token (0: the first) whose bytes are `word` gets `value` at `at`. */
struct rule {
    const char *word; /* NULL: <s> */
    size_t at;
    float value;
};

static void by_rules(const struct wf_lens *l, const int32_t *ids, size_t n, size_t i_window,
                     float *hidden, const void *ud)
{
    (void)i_window;
    for (size_t t = 0; t < n; t++) {
        struct wf_str bytes = wf_vocab_bytes(wf_lens_vocab(l), ids[t]);
        for (const struct rule *r = ud; r->at != SIZE_MAX; r++) {
            if (wf_str_eq(bytes, wf_str_from(r->word != NULL ? r->word : "<s>")))
                hidden[t * D + r->at] = r->value;
        }
    }
}

static void expect_marks(const struct wf_lens_marks *m, const char *want)
{
    char got[512] = "";
    size_t n = 0;

    for (size_t i = 0; i < m->n; i++)
        n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%zu-%zu %.*s", i > 0 ? ", " : "",
                              m->items[i].start, m->items[i].end, WF_STR_ARG(m->items[i].type));
    assert_string_equal(got, want);
    for (size_t i = 0; i < m->n; i++)
        assert_true(m->items[i].score >= 0.0f && m->items[i].score <= 1.0f);
}

enum {
    O,
    BP,
    IP,
    BL,
    IL,
    LP,
    UP,
    LL,
    UL
};

static void test_lens__entities_are_whole_words_in_code_points(void **state)
{
    /* Words are " an", "Ü" (two bytes, two tokens), " x", "y" alone ... */
    static const struct rule rules[] = {
        {"A", BP, 9},
        {"\xc3", IP, 9},
        {"P", BL, 9},
        {NULL, SIZE_MAX, 0},
    };
    const struct wf_lens_ask ask = {.tasks = WF_LENS_ENTITIES,
                                    .text = wf_str_from("\xe2\x82\xac A\xc3\x9c, P.")};
    struct wf_lens_answer a;
    struct opened o;

    (void)state;
    open_lens(&o, 0);
    /* " AÜ" is one word of the pre-tokenizer: its first token " " or " A" decides, not what
     * follows.
     */
    answer(&o, &ask, by_rules, rules, &a);
    expect_marks(&a.entities, "");
    wf_lens_answer_deinit(&a);
    static const struct rule firsts[] = {
        {" ", BP, 9},
        {"\xe2", BL, 7},
        {".", BL, 5},
        {NULL, SIZE_MAX, 0},
    };
    answer(&o, &ask, by_rules, firsts, &a);
    expect_marks(&a.entities, "0-1 place, 2-4 person, 6-7 person, 7-8 place");
    wf_lens_answer_deinit(&a);
    shut(&o);
}

static void test_lens__illegal_moves_never_win(void **state)
{
    /* "1" to "4" are words of one token each. I-place may not follow B-person, however sure. */
    static const struct rule rules[] = {
        {"1", IP, 9}, {"1", BP, 3}, {"2", IL, 9},        {"2", IP, 8},
        {"3", IP, 1}, {"4", BP, 1}, {NULL, SIZE_MAX, 0},
    };
    const struct wf_lens_ask ask = {.tasks = WF_LENS_ENTITIES, .text = wf_str_from("1234")};
    struct wf_lens_answer a;
    struct opened o;

    (void)state;
    open_lens(&o, 0);
    answer(&o, &ask, by_rules, rules, &a);
    expect_marks(&a.entities, "0-3 person, 3-4 person");
    wf_lens_answer_deinit(&a);
    shut(&o);
    /* The same under BILOU: a span that is begun must be ended, by L. */
    static const struct rule bilou[] = {
        {"1", BP, 9}, {"2", O, 2}, {"2", LP, 1}, {"3", UL, 5}, {"4", BP, 9}, {NULL, SIZE_MAX, 0},
    };
    open_lens(&o, TINY_LENS_BILOU);
    answer(&o, &ask, by_rules, bilou, &a);
    expect_marks(&a.entities, "0-2 person, 2-3 place");
    wf_lens_answer_deinit(&a);
    shut(&o);
    /* What was learned about moves counts too. */
    static const struct rule dear[] = {{"1", O, 9}, {"2", BP, 4}, {NULL, SIZE_MAX, 0}};
    const struct wf_lens_ask two = {.tasks = WF_LENS_ENTITIES, .text = wf_str_from("12")};
    for (int i = 0; i < 2; i++) {
        open_lens(&o, i == 0 ? 0 : TINY_LENS_TRANSITIONS);
        answer(&o, &two, by_rules, dear, &a);
        expect_marks(&a.entities, i == 0 ? "1-2 person" : "");
        wf_lens_answer_deinit(&a);
        shut(&o);
    }
}

/* ---- long texts ---- */

/* Digits' tags; a window sees its edges within the text wrong: two tokens there say B-place. ud:
 * how many windows there are. */
static void with_edges(const struct wf_lens *l, const int32_t *ids, size_t n, size_t i_window,
                       float *hidden, const void *ud)
{
    bool is_last = i_window + 1 == *(const size_t *)ud;

    for (size_t t = 1; t < n; t++) {
        char c = wf_vocab_bytes(wf_lens_vocab(l), ids[t]).ptr[0];
        hidden[t * D + (c == '7' ? BP : c == '8' ? IP : O)] = 5.0f;
        if ((t < 3 && i_window > 0) || (t >= n - 2 && !is_last))
            hidden[t * D + BL] = 20.0f;
        hidden[t * D + TINY_LENS_SALIENCE] = c == '9' ? 3.0f : -3.0f;
    }
}

static void test_lens__a_token_is_judged_far_from_edges(void **state)
{
    char text[201], want[400] = "";
    const struct wf_lens_ask ask = {.tasks = WF_LENS_ENTITIES, .text = {text, 200}};
    struct wf_lens_answer a;
    struct opened o;
    size_t n = 0, n_windows = 10; /* 31 tokens, then 23 more each, at most: 9, made even */

    (void)state;
    memset(text, '1', 200);
    for (size_t i = 3; i < 190; i += 11) {
        memcpy(text + i, "788", 3);
        n += (size_t)snprintf(want + n, sizeof(want) - n, "%s%zu-%zu person", n > 0 ? ", " : "", i,
                              i + 3);
    }
    open_lens(&o, 0);
    answer(&o, &ask, with_edges, &n_windows, &a);
    expect_marks(&a.entities, want);
    wf_lens_answer_deinit(&a);
    shut(&o);
}

static void test_lens__windows_cover_every_token_once(void **state)
{
    struct opened o;

    (void)state;
    open_lens(&o, 0);
    for (size_t len = 0; len < 130; len++) {
        char text[131];
        struct wf_lens_ask ask = {.tasks = WF_LENS_EMBED, .text = {text, len}};
        struct wf_lens_job *j = NULL;
        int32_t ids[WINDOW];
        size_t reached = 0;
        memset(text, '1', sizeof(text));
        assert_int_equal(wf_lens_job_new(o.lens, &ask, &j, NULL), 0);
        for (size_t i = 0; i < wf_lens_job_n_windows(j); i++) {
            size_t n = wf_lens_job_window(j, i, ids);
            assert_true(n >= 1 && n <= WINDOW);
            reached += n - 1;
        }
        assert_true(reached >= len);
        assert_true(reached <= len + len / 2 + 8);
        wf_lens_job_free(j);
    }
    shut(&o);
}

/* ---- sentences, spans ---- */

static void test_lens__sentences_have_the_mean_of_their_tokens(void **state)
{
    const struct wf_lens_ask ask = {.tasks = WF_LENS_SALIENCE,
                                    .text = WF_STR("Gar nichts. In 999999999999. Und aus.")};
    struct wf_lens_answer a;
    struct opened o;
    size_t n_windows = 2;

    (void)state;
    open_lens(&o, 0);
    answer(&o, &ask, with_edges, &n_windows, &a);
    assert_int_equal(a.sentences.n, 3);
    assert_int_equal(a.sentences.items[1].start, 12);
    assert_int_equal(a.sentences.items[1].end, 28);
    assert_true(a.sentences.items[1].score > 0.7f);
    assert_true(a.sentences.items[0].score < 0.1f && a.sentences.items[2].score < 0.1f);
    wf_lens_answer_deinit(&a);
    shut(&o);
}

static void test_lens__the_best_span_wins_over_windows(void **state)
{
    static const struct rule rules[] = {
        {"7", TINY_LENS_SPAN, 5},     {"9", TINY_LENS_SPAN + 1, 5}, {"5", TINY_LENS_SPAN, 6},
        {"9", TINY_LENS_SENTENCE, 2}, {NULL, SIZE_MAX, 0},
    };
    static const struct rule no_answer[] = {
        {NULL, TINY_LENS_SPAN, 20}, {NULL, TINY_LENS_SPAN + 1, 20},
        {"7", TINY_LENS_SPAN, 1},   {"7", TINY_LENS_SPAN + 1, 1},
        {NULL, SIZE_MAX, 0},
    };
    /* 5 would be a better start, but stands behind the only end. */
    char text[] = "1111111111 1111111111 1111111111 1111111111 \xc3\xa4 789 1111111111 5 11111111";
    struct wf_lens_ask ask = {
        .tasks = WF_LENS_SPANS, .text = wf_str_from(text), .question = WF_STR("what")};
    struct wf_lens_answer a;
    struct opened o;

    (void)state;
    open_lens(&o, 0);
    answer(&o, &ask, by_rules, rules, &a);
    assert_int_equal(a.span.start, 46);
    assert_int_equal(a.span.end, 49);
    assert_int_equal(a.span.from, 47);
    assert_true(a.none < 0.01f);
    assert_true(a.span.score > 0.1f && a.span.score <= 1.0f);
    assert_int_equal(a.sentences.n, 1);
    wf_lens_answer_deinit(&a);
    answer(&o, &ask, by_rules, no_answer, &a);
    assert_true(a.none > 0.99f);
    assert_int_equal(a.span.start, 46); /* the best there is, all the same */
    wf_lens_answer_deinit(&a);
    ask.text = WF_STR("");
    answer(&o, &ask, by_rules, rules, &a);
    assert_true(a.none == 1.0f && a.span.end == 0);
    wf_lens_answer_deinit(&a);
    shut(&o);
    /* A head of its own for it. */
    static const struct rule head[] = {{NULL, TINY_LENS_NONE, 9}, {NULL, SIZE_MAX, 0}};
    ask.text = WF_STR("789");
    open_lens(&o, TINY_LENS_WITH_NONE);
    answer(&o, &ask, by_rules, head, &a);
    assert_true(a.none > 0.99f);
    wf_lens_answer_deinit(&a);
    shut(&o);
}

/* A sentence's score is its own and that of the best span in it, in whichever window. */
static void test_lens__a_sentence_counts_by_its_span(void **state)
{
    static const struct rule rules[] = {
        {"7", TINY_LENS_SPAN, 4}, {"9", TINY_LENS_SPAN + 1, 4}, {NULL, SIZE_MAX, 0}};
    const struct wf_lens_ask ask = {
        .tasks = WF_LENS_SPANS,
        .text = WF_STR("Gar 111 nichts 111. Ein 789 kam an. Und 7 aus 111 sind genug davon."),
        .question = WF_STR("what")};
    struct wf_lens_answer a;
    struct opened o;

    (void)state;
    open_lens(&o, 0);
    answer(&o, &ask, by_rules, rules, &a);
    assert_int_equal(a.sentences.n, 3);
    assert_true(a.sentences.items[1].score > 0.95f); /* 1 / (1 + exp(-8 / 2)) */
    assert_true(fabsf(a.sentences.items[0].score - 0.5f) < 0.01f);
    assert_true(a.sentences.items[2].score > 0.8f && a.sentences.items[2].score < 0.95f);
    wf_lens_answer_deinit(&a);
    shut(&o);
}

/* By weights the sentence comes first, then the best span in it; names that are nowhere refuse. */
static void test_lens__weights_choose_the_sentence(void **state)
{
    static const struct rule rules[] = {{"7", TINY_LENS_SPAN, 4},
                                        {"7", TINY_LENS_SPAN + 1, 4},
                                        {"5", TINY_LENS_SPAN, 9},
                                        {"5", TINY_LENS_SPAN + 1, 9},
                                        {NULL, SIZE_MAX, 0}};
    struct wf_lens_ask ask = {.tasks = WF_LENS_SPANS,
                              .text = WF_STR("Gar 5 nichts kam. Ein Xylophon 7 kam an. Genug."),
                              .question = WF_STR("wann ging das Xylophon kaputt")};
    struct wf_lens_answer a;
    struct opened o;
    float sum = 0;

    (void)state;
    open_lens(&o, TINY_LENS_ANSWER);
    answer(&o, &ask, by_rules, rules, &a);
    assert_int_equal(a.sentences.n, 3);
    for (size_t i = 0; i < 3; i++)
        sum += a.sentences.items[i].score;
    assert_true(fabsf(sum - 1.0f) < 1e-5f);
    assert_true(a.sentences.items[1].score > 0.5f);
    assert_int_equal(a.span.start, 31); /* the 7, though the 5 is a better one */
    assert_int_equal(a.span.end, 32);
    assert_true(a.span.score > 0.0f && a.span.score < 0.1f);
    assert_true(a.none < 0.1f);
    wf_lens_answer_deinit(&a);
    ask.question = WF_STR("wann ging das Xylophon von Zyprian kaputt");
    answer(&o, &ask, by_rules, rules, &a);
    assert_true(a.none > 0.9f);
    assert_int_equal(a.span.start, 31);
    wf_lens_answer_deinit(&a);
    ask.text = WF_STR("");
    answer(&o, &ask, by_rules, rules, &a);
    assert_true(a.none == 1.0f && a.span.end == 0 && a.sentences.n == 0);
    wf_lens_answer_deinit(&a);
    shut(&o);
}

/* Weights for other features say nothing: the heads choose alone. */
static void test_lens__weights_of_another_edition_are_passed_over(void **state)
{
    static const struct rule rules[] = {
        {"5", TINY_LENS_SPAN, 9}, {"5", TINY_LENS_SPAN + 1, 9}, {NULL, SIZE_MAX, 0}};
    const struct wf_lens_ask ask = {.tasks = WF_LENS_SPANS,
                                    .text =
                                        WF_STR("Gar 5 nichts kam. Ein Xylophon 7 kam an. Genug."),
                                    .question = WF_STR("wann ging das Xylophon kaputt")};
    struct wf_lens_answer a;
    struct opened o;

    (void)state;
    open_lens(&o, TINY_LENS_ANSWER | TINY_LENS_BAD_ANSWER);
    answer(&o, &ask, by_rules, rules, &a);
    assert_int_equal(a.span.start, 4);
    wf_lens_answer_deinit(&a);
    shut(&o);
}

/* Tokens carry what question and text share, in each window; by files with rows for it alone. */
static void test_lens__shared_words_are_told(void **state)
{
    char text[] = "1111111111 1111111111 1111111111 777 1111111111 1111111111 777";
    const struct wf_lens_ask ask = {
        .tasks = WF_LENS_SPANS, .text = wf_str_from(text), .question = WF_STR("what 777")};
    struct opened o;

    (void)state;
    for (int with = 0; with < 2; with++) {
        struct wf_lens_job *j = NULL;
        int32_t ids[WINDOW];
        uint16_t bits[WINDOW];
        size_t n_marked = 0;
        open_lens(&o, with ? TINY_LENS_MATCH : 0);
        assert_int_equal(wf_lens_marks_rows(o.lens) != NULL, with);
        assert_true(fabsf(wf_lens_rerank(o.lens) - (with ? 2.0f : 0.0f)) < 1e-6f);
        assert_int_equal(wf_lens_job_new(o.lens, &ask, &j, NULL), 0);
        assert_true(wf_lens_job_n_windows(j) > 1);
        for (size_t i = 0; i < wf_lens_job_n_windows(j); i++) {
            size_t n = wf_lens_job_window(j, i, ids);
            memset(bits, 0xff, sizeof(bits));
            wf_lens_job_marks(j, i, bits);
            for (size_t t = 0; t < n; t++) {
                bool shared = wf_str_eq(wf_vocab_bytes(wf_lens_vocab(o.lens), ids[t]), WF_STR("7"));
                bool marked = (bits[t] & (1u << WF_LENS_MATCH_EXACT | 1u << WF_LENS_MATCH_PRESENT));
                assert_int_equal(marked, with && shared);
                n_marked += marked;
            }
        }
        assert_true(!with || n_marked >= 9);
        wf_lens_job_free(j);
        shut(&o);
    }
}

static void test_lens__questions_are_cut_and_marked(void **state)
{
    char question[200];
    const struct wf_lens_ask ask = {
        .tasks = WF_LENS_SPANS, .text = WF_STR("789"), .question = {question, sizeof(question)}};
    struct wf_lens_job *j = NULL;
    int32_t ids[WINDOW];
    struct opened o;
    size_t n;

    (void)state;
    memset(question, '1', sizeof(question));
    open_lens(&o, 0);
    assert_int_equal(wf_lens_job_new(o.lens, &ask, &j, NULL), 0);
    assert_int_equal(wf_lens_job_n_windows(j), 1);
    n = wf_lens_job_window(j, 0, ids);
    assert_int_equal(n, 4 + (WINDOW / 2 - 4) + 3);
    assert_int_equal(ids[0], 0);     /* <s> */
    assert_int_equal(ids[1], 3);     /* <q> */
    assert_int_equal(ids[n - 5], 1); /* </s> */
    assert_int_equal(ids[n - 4], 4); /* <p> */
    wf_lens_job_free(j);
    shut(&o);
}

/* ---- heads of whole texts ---- */

static void test_lens__intents_have_a_scope_and_slots(void **state)
{
    static const struct rule sure[] = {
        {NULL, TINY_LENS_INTENT + 1, 5}, {"5", TINY_LENS_SLOT + 1, 5}, {NULL, SIZE_MAX, 0}};
    static const struct rule unsure[] = {{NULL, TINY_LENS_INTENT, 0.1f}, {NULL, SIZE_MAX, 0}};
    static const struct rule outside[] = {{NULL, TINY_LENS_INTENT + 2, 9}, {NULL, SIZE_MAX, 0}};
    const struct wf_lens_ask ask = {.tasks = WF_LENS_INTENT, .text = WF_STR("on 5")};
    struct wf_lens_answer a;
    struct opened o;

    (void)state;
    open_lens(&o, 0);
    answer(&o, &ask, by_rules, sure, &a);
    assert_true(wf_str_eq(a.intent, WF_STR("remove")) && a.in_scope && a.intent_score > 0.9f);
    expect_marks(&a.slots, "3-4 date");
    wf_lens_answer_deinit(&a);
    answer(&o, &ask, by_rules, unsure, &a);
    assert_true(wf_str_eq(a.intent, WF_STR("add")) && !a.in_scope);
    wf_lens_answer_deinit(&a);
    answer(&o, &ask, by_rules, outside, &a);
    assert_true(wf_str_eq(a.intent, WF_STR("oos")) && !a.in_scope && a.intent_score > 0.9f);
    wf_lens_answer_deinit(&a);
    shut(&o);
}

/* How many of some grams the table of the tiny lens has. */
static double n_known(const uint32_t *grams, size_t n)
{
    struct wf_lens_grams g;
    double known = 0;

    wf_lens_grams(WF_STR("an milk"), &g);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < g.n; k++)
            known += grams[i] == g.items[k];
    }
    return known;
}

/* What the linear judge of the tiny lens gives "remove". */
static double linear_of(struct wf_str text)
{
    struct wf_lens_grams g;
    double n, words, letters;

    wf_lens_grams(text, &g);
    n = (double)(g.n - g.n_words);
    words = n_known(g.items, g.n_words) / sqrt((double)g.n_words);
    letters = n_known(g.items + g.n_words, g.n - g.n_words) / sqrt(n);
    return (double)TINY_LENS_LINEAR_SCALE * (words + letters);
}

static void test_lens__a_linear_judge_adds_to_intents(void **state)
{
    static const struct rule nothing[] = {{NULL, SIZE_MAX, 0}};
    static const struct rule against[] = {{NULL, TINY_LENS_INTENT, 3}, {NULL, SIZE_MAX, 0}};
    const struct wf_lens_ask ask = {.tasks = WF_LENS_INTENT, .text = WF_STR("MILK, 5 an hour")};
    double x = linear_of(ask.text);
    struct wf_lens_answer a;
    struct opened o;

    (void)state;
    open_lens(&o, TINY_LENS_LINEAR);
    assert_true(wf_lens_has_intent_head(o.lens, "weft"));
    answer(&o, &ask, by_rules, nothing, &a);
    assert_true(x > 0.5 && wf_str_eq(a.intent, WF_STR("remove")));
    assert_true(fabs((double)a.intent_score - exp(x) / (exp(x) + 2)) < 1e-4);
    wf_lens_answer_deinit(&a);
    answer(&o, &ask, by_rules, against, &a);
    assert_true(wf_str_eq(a.intent, WF_STR("add")));
    assert_true(fabs((double)a.intent_score - exp(3) / (exp(3) + exp(x) + 1)) < 2e-3);
    wf_lens_answer_deinit(&a);
    shut(&o);
}

/* No encoder is needed then. */
static void test_lens__a_linear_judge_may_be_alone(void **state)
{
    const struct wf_lens_ask ask = {.tasks = WF_LENS_INTENT, .text = WF_STR("an milk")};
    double x = linear_of(ask.text);
    struct wf_lens_job *j = NULL;
    struct wf_lens_answer a;
    struct opened o;

    (void)state;
    open_lens(&o, TINY_LENS_NO_HEADS | TINY_LENS_LINEAR);
    assert_false(wf_lens_has_intent_head(o.lens, NULL));
    assert_int_equal(wf_lens_n_labels(o.lens, WF_LENS_INTENT, "weft"), 3);
    assert_int_equal(wf_lens_job_new(o.lens, &ask, &j, NULL), 0);
    assert_int_equal(wf_lens_job_n_windows(j), 0);
    assert_int_equal(wf_lens_job_finish(j, &a, NULL), 0);
    assert_true(wf_str_eq(a.intent, WF_STR("remove")) && a.in_scope);
    assert_true(fabs((double)a.intent_score - exp(x) / (exp(x) + 2)) < 1e-4);
    wf_lens_answer_deinit(&a);
    wf_lens_job_free(j);
    shut(&o);
}

/* The last window alone is about health. */
static void last_is_ill(const struct wf_lens *l, const int32_t *ids, size_t n, size_t i_window,
                        float *hidden, const void *ud)
{
    (void)l;
    (void)ids;
    (void)n;
    hidden[TINY_LENS_SENSITIVITY] = i_window == *(const size_t *)ud ? 3.0f : -3.0f;
    hidden[TINY_LENS_SENSITIVITY + 1] = -1.0f;
    hidden[TINY_LENS_SENSITIVITY + 2] = 4.0f;
}

static void test_lens__one_sensitive_window_is_enough(void **state)
{
    char text[300];
    const struct wf_lens_ask ask = {.tasks = WF_LENS_SENSITIVITY, .text = {text, sizeof(text)}};
    struct wf_lens_answer a;
    struct opened o;
    size_t at = 3;

    (void)state;
    memset(text, '1', sizeof(text));
    open_lens(&o, 0);
    answer(&o, &ask, last_is_ill, &at, &a);
    assert_int_equal(a.sensitivity.n, 2);
    assert_true(wf_str_eq(a.sensitivity.items[0].type, WF_STR("law")));
    assert_true(wf_str_eq(a.sensitivity.items[1].type, WF_STR("health")));
    assert_true(fabsf(a.sensitivity.items[1].score - 1.0f / (1.0f + expf(-3.0f))) < 1e-4f);
    wf_lens_answer_deinit(&a);
    shut(&o);
}

/* The second and the third window speak of health, the latter much. */
static void two_are_ill(const struct wf_lens *l, const int32_t *ids, size_t n, size_t i_window,
                        float *hidden, const void *ud)
{
    (void)l;
    (void)ids;
    (void)ud;
    for (size_t t = 0; t < n; t++) {
        hidden[t * D + TINY_LENS_SENSITIVITY] = i_window == 1   ? 3.0f
                                                : i_window == 2 ? 6.0f
                                                : i_window == 4 ? 5.0f
                                                                : -3.0f;
        hidden[t * D + TINY_LENS_SENSITIVITY + 1] = hidden[t * D + TINY_LENS_SENSITIVITY + 2] =
            -5.0f;
    }
}

/* Where the head speaks of the mean, neighbours that are short together are one piece: of three
 * windows here, and a single one among others that say nothing does not count alone. */
static void test_lens__short_windows_are_judged_together(void **state)
{
    char text[300];
    const struct wf_lens_ask ask = {.tasks = WF_LENS_SENSITIVITY, .text = {text, sizeof(text)}};
    struct wf_lens_answer a;
    struct opened o;

    (void)state;
    memset(text, '1', sizeof(text));
    open_lens(&o, TINY_LENS_MEANS);
    answer(&o, &ask, two_are_ill, NULL, &a);
    assert_int_equal(a.sensitivity.n, 1);
    assert_true(wf_str_eq(a.sensitivity.items[0].type, WF_STR("health")));
    assert_true(fabsf(a.sensitivity.items[0].score - 1.0f / (1.0f + expf(-2.0f))) < 1e-3f);
    wf_lens_answer_deinit(&a);
    shut(&o);
}

static void all_ones(const struct wf_lens *l, const int32_t *ids, size_t n, size_t i_window,
                     float *hidden, const void *ud)
{
    (void)l;
    (void)ids;
    (void)i_window;
    for (size_t t = 0; t < n; t++)
        hidden[t * D] = t == 0 ? 9.0f : 1.0f;
    hidden[1] = *(const float *)ud;
}

static void test_lens__vectors_are_means_of_length_one(void **state)
{
    struct wf_lens_ask ask = {.tasks = WF_LENS_EMBED, .text = WF_STR("123")};
    float other = 4.0f, square = 0.0f;
    struct wf_lens_answer a;
    struct opened o;

    (void)state;
    open_lens(&o, 0);
    answer(&o, &ask, all_ones, &other, &a); /* the means are 3 and 1 */
    for (size_t i = 0; i < WF_LENS_DIMS; i++)
        square += a.vector[i] * a.vector[i];
    assert_true(fabsf(square - 1.0f) < 1e-5f);
    assert_true(fabsf(a.vector[0] - 3.0f * a.vector[1]) < 1e-5f);
    assert_true(fabsf(a.vector[64] - a.vector[0]) < 1e-7f);
    wf_lens_answer_deinit(&a);
    other = NAN; /* of a broken file: no numbers come out */
    answer(&o, &ask, all_ones, &other, &a);
    for (size_t i = 0; i < WF_LENS_DIMS; i++)
        assert_true(a.vector[i] == 0.0f);
    wf_lens_answer_deinit(&a);
    shut(&o);
}

static void test_lens__questions_are_embedded_behind_their_mark(void **state)
{
    struct wf_lens_ask ask = {.tasks = WF_LENS_EMBED, .question = WF_STR("12")};
    int32_t ids[WINDOW];
    struct opened o;

    (void)state;
    for (int marks = 0; marks < 2; marks++) {
        struct wf_lens_job *j = NULL;
        open_lens(&o, marks ? TINY_LENS_MARKS : 0);
        assert_int_equal(wf_lens_job_new(o.lens, &ask, &j, NULL), 0);
        assert_int_equal(wf_lens_job_window(j, 0, ids), marks ? 4 : 3);
        assert_true(!marks || ids[1] == 3);
        wf_lens_job_free(j);
        shut(&o);
    }
}

/* ---- what is refused ---- */

static void test_lens__wrong_files_are_refused_with_a_sentence(void **state)
{
    static const struct {
        unsigned with;
        const char *says;
    } cases[] = {
        {TINY_LENS_FEW_LABELS, "lens.entity.labels"},
        {TINY_LENS_BAD_TAG, "BILOU"},
        {TINY_LENS_BAD_SHAPE, "lens.entity.weight"},
        {TINY_LENS_MATCH | TINY_LENS_BAD_EDITION, "lens.span.match"},
        {TINY_LENS_LINEAR | TINY_LENS_BAD_LINEAR, "fewer entries"},
        {TINY_LENS_ANSWER | TINY_LENS_HALF_ANSWER, "lens.answer.sentence"},
        {TINY_LENS_NO_CONTROL, "<q>"},
        {TINY_LENS_BAD_WINDOW, "65"},
        {TINY_LENS_BAD_LABEL, "lens.entity.labels"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wf_lens *l = NULL;
        struct wf_err err = WF_ERR_INIT;
        struct wf_buf bytes;
        assert_int_equal(open_with(cases[i].with, &bytes, &l, &err), WF_E_FORMAT);
        if (strstr(err.msg, cases[i].says) == NULL)
            fail_msg("case %zu says: %s", i, err.msg);
        wf_buf_deinit(&bytes);
    }
}

static void test_lens__a_vocabulary_without_a_byte_is_noticed(void **state)
{
    const struct wf_lens_ask bad = {.tasks = WF_LENS_ENTITIES, .text = WF_STR("az")};
    const struct wf_lens_ask good = {.tasks = WF_LENS_ENTITIES, .text = WF_STR("ay")};
    struct wf_err err = WF_ERR_INIT;
    struct wf_lens_job *j = NULL;
    struct opened o;

    (void)state;
    open_lens(&o, TINY_LENS_NO_BYTE);
    assert_int_equal(wf_lens_job_new(o.lens, &bad, &j, &err), WF_E_FORMAT);
    assert_int_equal(wf_lens_job_new(o.lens, &good, &j, &err), 0);
    wf_lens_job_free(j);
    shut(&o);
}

static void test_lens__says_what_it_cannot_do(void **state)
{
    static char long_text[WF_LIMIT_LENS_BYTES + 1];
    struct wf_err err = WF_ERR_INIT;
    struct wf_lens_job *j = NULL;
    struct wf_lens_ask ask = {.text = WF_STR("x"), .question = WF_STR("y")};
    struct opened o;

    (void)state;
    open_lens(&o, TINY_LENS_NO_HEADS);
    for (unsigned i = 0; i < WF_LENS_N_TASKS; i++) {
        ask.tasks = 1u << i;
        assert_int_equal(wf_lens_job_new(o.lens, &ask, &j, &err), WF_E_UNSUPPORTED);
        assert_non_null(strstr(err.msg, i == 4 ? "'weft'" : wf_lens_task_name(1u << i)));
    }
    shut(&o);
    open_lens(&o, 0);
    ask.tasks = WF_LENS_INTENT;
    ask.set = "clinc150";
    assert_int_equal(wf_lens_job_new(o.lens, &ask, &j, &err), WF_E_UNSUPPORTED);
    ask.tasks = WF_LENS_EMBED | WF_LENS_ENTITIES;
    assert_int_equal(wf_lens_job_new(o.lens, &ask, &j, &err), WF_E_INVAL);
    ask.tasks = 1u << WF_LENS_N_TASKS;
    assert_int_equal(wf_lens_job_new(o.lens, &ask, &j, &err), WF_E_INVAL);
    ask = (struct wf_lens_ask){.tasks = WF_LENS_ENTITIES, .text = WF_STR("\xff")};
    assert_int_equal(wf_lens_job_new(o.lens, &ask, &j, &err), WF_E_INVAL);
    memset(long_text, '1', sizeof(long_text));
    ask.text = wf_str_n(long_text, sizeof(long_text));
    assert_int_equal(wf_lens_job_new(o.lens, &ask, &j, &err), WF_E_LIMIT);
    ask.text.len--;
    assert_int_equal(wf_lens_job_new(o.lens, &ask, &j, &err), 0);
    wf_lens_job_free(j);
    assert_int_equal(wf_lens_n_labels(o.lens, WF_LENS_ENTITIES, NULL), 2);
    assert_true(wf_str_eq(wf_lens_label(o.lens, WF_LENS_ENTITIES, NULL, 1), WF_STR("place")));
    assert_string_equal(wf_lens_set_at(o.lens, 0), "weft");
    assert_null(wf_lens_set_at(o.lens, 1));
    assert_int_equal(wf_lens_task_by_name(WF_STR("spans")), WF_LENS_SPANS);
    assert_int_equal(wf_lens_task_by_name(WF_STR("nothing")), 0);
    shut(&o);
}

/* Whatever allocation fails, it is said, and nothing leaks. */
static void test_lens__survives_failing_allocations(void **state)
{
    static const struct rule rules[] = {
        {"7", BP, 9}, {"7", TINY_LENS_SPAN, 9}, {NULL, SIZE_MAX, 0}};
    unsigned tasks[] = {WF_LENS_ENTITIES | WF_LENS_SALIENCE | WF_LENS_INTENT | WF_LENS_SENSITIVITY,
                        WF_LENS_SPANS, WF_LENS_EMBED};
    struct wf_buf bytes;

    (void)state;
    wf_buf_init(&bytes, 8u << 20);
    tiny_lens_build(0, &bytes);
    for (size_t i = 0; i < 3; i++) {
        const struct wf_lens_ask ask = {
            .tasks = tasks[i], .text = WF_STR("7 77. 7 an. 7."), .question = WF_STR("7")};
        uint64_t live = wf_alloc_stats().n_live;
        int rc = -1;
        for (uint64_t n = 1; rc != 0; n++) {
            struct wf_gguf *g = NULL;
            struct wf_lens *l = NULL;
            struct wf_lens_job *j = NULL;
            struct wf_lens_answer a = {.none = 0};
            float hidden[WINDOW * D] = {0};
            int32_t ids[WINDOW];
            wf_alloc_fail_at(n);
            rc = wf_gguf_open_memory(bytes.ptr, bytes.len, &g, NULL);
            if (rc == 0)
                rc = wf_lens_open_gguf(g, &l, NULL);
            if (rc == 0)
                rc = wf_lens_job_new(l, &ask, &j, NULL);
            if (rc == 0) {
                size_t n_tok = wf_lens_job_window(j, 0, ids);
                by_rules(l, ids, n_tok, 0, hidden, rules);
                wf_lens_job_take(j, 0, hidden);
                rc = wf_lens_job_finish(j, &a, NULL);
            }
            wf_alloc_fail_at(0);
            if (rc != 0)
                assert_int_equal(rc, WF_E_NOMEM);
            wf_lens_answer_deinit(&a);
            wf_lens_job_free(j);
            wf_lens_close(l);
            assert_int_equal(wf_alloc_stats().n_live, live);
        }
    }
    wf_buf_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lens__entities_are_whole_words_in_code_points),
        cmocka_unit_test(test_lens__illegal_moves_never_win),
        cmocka_unit_test(test_lens__a_token_is_judged_far_from_edges),
        cmocka_unit_test(test_lens__windows_cover_every_token_once),
        cmocka_unit_test(test_lens__sentences_have_the_mean_of_their_tokens),
        cmocka_unit_test(test_lens__the_best_span_wins_over_windows),
        cmocka_unit_test(test_lens__a_sentence_counts_by_its_span),
        cmocka_unit_test(test_lens__weights_choose_the_sentence),
        cmocka_unit_test(test_lens__weights_of_another_edition_are_passed_over),
        cmocka_unit_test(test_lens__shared_words_are_told),
        cmocka_unit_test(test_lens__questions_are_cut_and_marked),
        cmocka_unit_test(test_lens__intents_have_a_scope_and_slots),
        cmocka_unit_test(test_lens__a_linear_judge_adds_to_intents),
        cmocka_unit_test(test_lens__a_linear_judge_may_be_alone),
        cmocka_unit_test(test_lens__one_sensitive_window_is_enough),
        cmocka_unit_test(test_lens__short_windows_are_judged_together),
        cmocka_unit_test(test_lens__vectors_are_means_of_length_one),
        cmocka_unit_test(test_lens__questions_are_embedded_behind_their_mark),
        cmocka_unit_test(test_lens__wrong_files_are_refused_with_a_sentence),
        cmocka_unit_test(test_lens__a_vocabulary_without_a_byte_is_noticed),
        cmocka_unit_test(test_lens__says_what_it_cannot_do),
        cmocka_unit_test(test_lens__survives_failing_allocations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
