/* SPDX-License-Identifier: Apache-2.0 */
/* Review questions of textbooks, laid to the paragraph of their section that answers them.
 *
 * A sentence answers when it has the answer word for word and some of the question, or, where the
 * answer is longer, a good part of the answer's words. Of a section's paragraphs the one with the
 * best sentence is taken; a question that no sentence answers is left out, as are those that lean
 * on their choices ("which of the following"). */
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "text/sentence.h"
#include "text/word.h"
#include "train/data_internal.h"
#include "train/data_made.h"
#include "train/data_made_internal.h"

#define PASSAGE_MIN 200
#define PASSAGE_MAX 1800
#define QUESTIONS_MAX (64u << 10)
#define STRINGS_MAX ((size_t)64 << 20)
#define WORDS_MAX 48
#define QUESTION_BYTES 400
#define ANSWER_BYTES 600
/* An answer that can stand in a sentence as it is. */
#define SHORT_BYTES 60
/* The part of the question's, or of a long answer's words that the sentence has at least. */
#define QUESTION_SHARE 0.34
#define ANSWER_SHARE 0.5

struct review {
    struct wf_str question, answer;
    size_t next; /* of the same section, from 1; 0: the last */
};

struct reader {
    struct wf_lines *l;
    wf_data_question_fn fn;
    void *ud;
    struct wf_err *err;
    struct wf_arena arena;
    struct wf_map sections; /* "book: section" to the number of a review, from 1 */
    struct review *all;
    size_t n, cap;
    struct wf_buf text;
};

static bool has(struct wf_str s, const char *part)
{
    return wf_str_find(s, wf_str_from(part), 0) != SIZE_MAX;
}

static bool leans_on_choices(struct wf_str question, struct wf_str answer)
{
    static const char *const leaning[] = {"following", "these", "below", "above", "(a)"};

    for (size_t i = 0; i < WF_ARRAY_LEN(leaning); i++) {
        if (has(question, leaning[i]))
            return true;
    }
    return has(answer, " of the above") || has(answer, "both ") || has(answer, "(a)");
}

/* The question's blank becomes "what". */
static struct wf_str without_blank(struct reader *r, struct wf_str question)
{
    size_t from = wf_str_find(question, WF_STR("___"), 0), to = from;

    if (from == SIZE_MAX)
        return question;
    while (to < question.len && question.ptr[to] == '_')
        to++;
    wf_buf_reset(&r->text);
    (void)wf_buf_append_str(&r->text, wf_str_sub(question, 0, from));
    (void)wf_buf_append_cstr(&r->text, from == 0 ? "What" : "what");
    (void)wf_buf_append_str(&r->text, wf_str_sub(question, to, question.len));
    while (r->text.len > 0 && wf_str_ends(wf_buf_str(&r->text), WF_STR(".")))
        wf_buf_truncate(&r->text, r->text.len - 1);
    (void)wf_buf_append_byte(&r->text, '?');
    return wf_buf_str(&r->text);
}

static int keep(struct reader *r, struct wf_str section, struct review x)
{
    bool is_new = false;
    union wf_map_value *v;

    if (r->n == r->cap) {
        size_t cap = r->cap > 0 ? 2 * r->cap : 1024;
        struct review *p = wf_realloc_array(r->all, cap, sizeof(*p));
        if (p == NULL)
            return wf_data__no_memory(r->l, r->err);
        r->all = p;
        r->cap = cap;
    }
    v = wf_map_put(&r->sections, section, &is_new);
    if (v == NULL || x.question.ptr == NULL || x.answer.ptr == NULL)
        return wf_data__no_memory(r->l, r->err);
    x.next = is_new ? 0 : (size_t)v->u64;
    r->all[r->n++] = x;
    v->u64 = r->n;
    return 0;
}

static int review_line(void *ud, const json_t *v)
{
    struct reader *r = ud;
    struct wf_str question = wf_str_trim(wf_data__string(v, "question"));
    struct wf_str answer = wf_str_trim(wf_data__string(v, "answer")), section;
    struct review x = {{0}, {0}, 0};

    if (question.len < 16 || question.len > QUESTION_BYTES || answer.len < 3 ||
        answer.len > ANSWER_BYTES || leans_on_choices(question, answer) || r->n == QUESTIONS_MAX)
        return 0;
    x.question = wf_arena_dup(&r->arena, without_blank(r, question));
    x.answer = wf_arena_dup(&r->arena, answer);
    if (wf_buf_status(&r->text) != 0)
        return wf_data__no_memory(r->l, r->err);
    wf_buf_reset(&r->text);
    (void)wf_buf_appendf(&r->text, "%.*s: %.*s", WF_STR_ARG(wf_data__string(v, "book")),
                         WF_STR_ARG(wf_data__string(v, "section")));
    section = wf_arena_dup(&r->arena, wf_buf_str(&r->text));
    if (wf_buf_status(&r->text) != 0 || section.ptr == NULL)
        return wf_data__no_memory(r->l, r->err);
    return keep(r, section, x);
}

/* ---- sentences ---- */

static bool has_word(struct wf_str s, const struct wf_word *w)
{
    struct wf_words walk;
    struct wf_word x;

    wf_words_init(&walk, s);
    while (wf_words_next(&walk, &x)) {
        if (x.len == w->len && memcmp(x.text, w->text, w->len) == 0)
            return true;
    }
    return false;
}

/* The part of the text's words of meaning that the sentence has. */
static double share_of(struct wf_str text, struct wf_str sentence)
{
    struct wf_words walk;
    struct wf_word w;
    double n = 0, there = 0;

    wf_words_init(&walk, text);
    while (n < WORDS_MAX && wf_words_next(&walk, &w)) {
        if (wf_word_is_stop(wf_str_n(w.text, w.len)))
            continue;
        n += 1;
        there += has_word(sentence, &w);
    }
    return n > 0 ? there / n : 0;
}

struct place {
    struct wf_str passage;
    struct wf_data_span answer;
    bool is_sentence;
    double score;
};

static void look_at(const struct review *x, struct wf_str passage, const struct wf_sentence *s,
                    struct place *io)
{
    struct wf_str text = wf_str_sub(passage, s->start, s->end);
    size_t at = x->answer.len <= SHORT_BYTES ? wf_str_find(text, x->answer, 0) : SIZE_MAX;
    double of_question = share_of(x->question, text);
    double of_answer = at != SIZE_MAX ? 1 : share_of(x->answer, text);
    struct place p = {.passage = passage,
                      .answer = {s->start, s->end, WF_ENTITY_OTHER},
                      .is_sentence = at == SIZE_MAX,
                      .score = of_question + of_answer};

    if (at != SIZE_MAX ? of_question < QUESTION_SHARE
                       : x->answer.len <= SHORT_BYTES || of_answer < ANSWER_SHARE)
        return;
    if (at != SIZE_MAX)
        p.answer =
            (struct wf_data_span){s->start + at, s->start + at + x->answer.len, WF_ENTITY_OTHER};
    if (p.score > io->score)
        *io = p;
}

static int ask_review(struct reader *r, const struct review *x, struct wf_data_question *q)
{
    struct wf_str rest = q->key, passage;
    struct place best = {.score = 0};

    while (wf_data__paragraph(&rest, &passage)) {
        struct wf_sentence s;
        size_t i = 0;
        if (passage.len < PASSAGE_MIN || passage.len > PASSAGE_MAX)
            continue;
        while (wf_sentence_next(passage, &i, &s))
            look_at(x, passage, &s, &best);
    }
    if (best.score <= 0)
        return 0;
    q->passage = best.passage;
    q->question = x->question;
    q->answers[0] = best.answer;
    q->n_answers = 1;
    q->is_sentences = best.is_sentence;
    return r->fn(r->ud, q, r->err);
}

static int text_line(void *ud, const json_t *v)
{
    struct reader *r = ud;
    struct wf_data_question q = {.title = wf_data__string(v, "title"),
                                 .key = wf_data__string(v, "text")};
    const union wf_map_value *first = wf_map_get(&r->sections, q.title);
    int rc = 0;

    for (size_t i = first != NULL ? (size_t)first->u64 : 0; i > 0 && rc == 0;
         i = r->all[i - 1].next)
        rc = ask_review(r, &r->all[i - 1], &q);
    return rc;
}

int wf_data_reviews_read_lines(struct wf_lines *l, struct wf_lines *questions,
                               wf_data_question_fn fn, void *ud, struct wf_err *err)
{
    struct reader r = {.l = questions, .fn = fn, .ud = ud, .err = err};
    int rc;

    wf_arena_init(&r.arena, 0, STRINGS_MAX);
    wf_map_init(&r.sections, QUESTIONS_MAX);
    wf_buf_init(&r.text, 4096);
    rc = wf_data__json(questions, review_line, &r, err);
    r.l = l;
    if (rc == 0)
        rc = wf_data__json(l, text_line, &r, err);
    wf_buf_deinit(&r.text);
    wf_map_deinit(&r.sections);
    wf_arena_deinit(&r.arena);
    wf_free(r.all);
    return rc;
}

int wf_data_reviews_read(const char *path, const char *questions_path, wf_data_question_fn fn,
                         void *ud, struct wf_err *err)
{
    struct wf_lines *l = NULL, *questions = NULL;
    int rc = wf_lines_open(path, &l, err);

    if (rc == 0)
        rc = wf_lines_open(questions_path, &questions, err);
    if (rc == 0)
        rc = wf_data_reviews_read_lines(l, questions, fn, ud, err);
    wf_lines_close(l);
    wf_lines_close(questions);
    return rc;
}
