/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions: the glossary's terms of a book are looked for in its paragraphs. A sentence defines
 * a term when it has it and a good part of what the glossary says of it. */
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "text/sentence.h"
#include "text/word.h"
#include "train/data_internal.h"
#include "train/data_made.h"
#include "train/data_made_internal.h"

#define PASSAGE_MIN 200
#define PASSAGE_MAX 1800
#define TERMS_MAX (64u << 10)
#define STRINGS_MAX ((size_t)64 << 20)
#define WORDS_MAX 48
/* The part of a definition's words that its sentence has. */
#define SHARE_LEAST 0.5

struct term {
    struct wf_str book, term, definition;
    bool is_asked; /* once in a book is enough */
};

struct reader {
    struct wf_lines *l;
    wf_data_question_fn fn;
    void *ud;
    struct wf_err *err;
    struct wf_arena arena;
    struct term *terms;
    size_t n_terms, cap_terms;
    struct wf_buf question;
};

static int term_line(void *ud, const json_t *v)
{
    struct reader *r = ud;
    struct term t = {.book = wf_arena_dup(&r->arena, wf_data__string(v, "book")),
                     .term = wf_arena_dup(&r->arena, wf_data__string(v, "term")),
                     .definition = wf_arena_dup(&r->arena, wf_data__string(v, "definition"))};

    if (t.book.ptr == NULL || t.term.ptr == NULL || t.definition.ptr == NULL)
        return wf_data__no_memory(r->l, r->err);
    if (t.term.len < 3 || r->n_terms == TERMS_MAX)
        return 0;
    if (r->n_terms == r->cap_terms) {
        size_t cap = r->cap_terms > 0 ? 2 * r->cap_terms : 1024;
        struct term *p = wf_realloc_array(r->terms, cap, sizeof(*p));
        if (p == NULL)
            return wf_data__no_memory(r->l, r->err);
        r->terms = p;
        r->cap_terms = cap;
    }
    r->terms[r->n_terms++] = t;
    return 0;
}

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

/* The part of the definition's words of meaning that the sentence has. */
static double share_of(struct wf_str definition, struct wf_str sentence)
{
    struct wf_words walk;
    struct wf_word w;
    double n = 0, there = 0;

    wf_words_init(&walk, definition);
    while (n < WORDS_MAX && wf_words_next(&walk, &w)) {
        if (wf_word_is_stop(wf_str_n(w.text, w.len)))
            continue;
        n += 1;
        there += has_word(sentence, &w);
    }
    return n > 1 ? there / n : 0;
}

/* The sentence that defines the term best, if one does. */
static bool find_sentence(struct wf_str passage, const struct term *t, struct wf_sentence *out)
{
    struct wf_sentence s;
    double best = SHARE_LEAST;
    bool is_found = false;
    size_t i = 0, n = 0;

    for (; wf_sentence_next(passage, &i, &s); n++) {
        struct wf_str text = wf_str_sub(passage, s.start, s.end);
        double share;
        if (wf_str_find(text, t->term, 0) >= text.len)
            continue;
        share = share_of(t->definition, text);
        if (share < best)
            continue;
        best = share;
        *out = s;
        is_found = true;
    }
    return is_found && n > 1;
}

static int ask_term(struct reader *r, struct term *t, struct wf_data_question *q)
{
    struct wf_sentence s = {0, 0};

    if (wf_str_find(q->passage, t->term, 0) >= q->passage.len || !find_sentence(q->passage, t, &s))
        return 0;
    t->is_asked = true;
    wf_buf_reset(&r->question);
    (void)wf_buf_appendf(&r->question, "What is %.*s?", WF_STR_ARG(t->term));
    if (wf_buf_status(&r->question) != 0)
        return wf_data__no_memory(r->l, r->err);
    q->question = wf_buf_str(&r->question);
    q->answers[0] = (struct wf_data_span){s.start, s.end, WF_ENTITY_OTHER};
    q->n_answers = 1;
    return r->fn(r->ud, q, r->err);
}

static int text_line(void *ud, const json_t *v)
{
    struct reader *r = ud;
    struct wf_str rest = wf_data__string(v, "text"), passage;
    struct wf_data_question q = {
        .title = wf_data__string(v, "title"), .key = rest, .is_sentences = true};
    int rc = 0;

    while (rc == 0 && wf_data__paragraph(&rest, &passage)) {
        if (passage.len < PASSAGE_MIN || passage.len > PASSAGE_MAX)
            continue;
        q.passage = passage;
        for (size_t i = 0; i < r->n_terms && rc == 0; i++) {
            struct term *t = &r->terms[i];
            bool is_of = wf_str_starts(q.title, t->book) && q.title.len > t->book.len &&
                         q.title.ptr[t->book.len] == ':';
            if (is_of && !t->is_asked)
                rc = ask_term(r, t, &q);
        }
    }
    return rc;
}

int wf_data_definitions_read_lines(struct wf_lines *l, struct wf_lines *terms,
                                   wf_data_question_fn fn, void *ud, struct wf_err *err)
{
    struct reader r = {.l = terms, .fn = fn, .ud = ud, .err = err};
    int rc;

    wf_arena_init(&r.arena, 0, STRINGS_MAX);
    wf_buf_init(&r.question, 4096);
    rc = wf_data__json(terms, term_line, &r, err);
    r.l = l;
    if (rc == 0)
        rc = wf_data__json(l, text_line, &r, err);
    wf_buf_deinit(&r.question);
    wf_arena_deinit(&r.arena);
    wf_free(r.terms);
    return rc;
}

int wf_data_definitions_read(const char *path, const char *terms_path, wf_data_question_fn fn,
                             void *ud, struct wf_err *err)
{
    struct wf_lines *l = NULL, *terms = NULL;
    int rc = wf_lines_open(path, &l, err);

    if (rc == 0)
        rc = wf_lines_open(terms_path, &terms, err);
    if (rc == 0)
        rc = wf_data_definitions_read_lines(l, terms, fn, ud, err);
    wf_lines_close(l);
    wf_lines_close(terms);
    return rc;
}
