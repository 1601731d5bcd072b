/* SPDX-License-Identifier: Apache-2.0 */
/* Cloze questions: paragraphs, sentences, what could be asked for in them. */
#include "train/data_made.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "text/sentence.h"
#include "train/data_internal.h"
#include "train/data_made_internal.h"
#include "train/shuffle.h"
#include "train/split.h"

/* A passage is about as long as those of sets. */
#define PASSAGE_MIN 300
#define PASSAGE_MAX 1800
#define WORDS_MAX 96
/* Words around what is asked for, on each side, and how often one is left out. */
#define AROUND 9
#define LEFT_OUT 0.2
/* How often what is asked for comes in front; else it stands where it stood. */
#define IN_FRONT 0.7
#define HELPING                                                                                    \
    "is are was were has have had can could will would should must may might does do did"
#define QUESTION_BYTES 1024

struct reader {
    struct wf_lines *l;
    size_t n_each;
    wf_data_question_fn fn;
    void *ud;
    struct wf_err *err;
    struct wf_buf question, rest;
};

/* What asks for it. */
static const char *asking(struct wf_str p, const struct wf_data__word *w, uint64_t *io_draw)
{
    static const char *const of_names[] = {"what", "who", "which"};
    bool is_year =
        w->is_number && w->to - w->from == 4 && (p.ptr[w->from] == '1' || p.ptr[w->from] == '2');

    if (is_year)
        return "what year";
    return w->is_number ? "how many" : of_names[wf_draw_below(io_draw, 3)];
}

/* What is asked for: words [at, at + n) of a sentence; and the words around that are used. */
struct asked {
    const struct wf_data__word *w;
    size_t from, at, n, to;
    const char *asking;
};

static void put_word(struct reader *r, struct wf_str s)
{
    if (r->question.len > 0)
        (void)wf_buf_append_byte(&r->question, ' ');
    (void)wf_buf_append_str(&r->question, s);
}

/* Words [from, to), some of them left out. */
static void put_words(struct reader *r, struct wf_str p, const struct asked *a, size_t from,
                      size_t to, uint64_t *io_draw)
{
    for (size_t i = from; i < to; i++) {
        if (wf_draw_real(io_draw) >= LEFT_OUT)
            put_word(r, wf_str_sub(p, a->w[i].from, a->w[i].to));
    }
}

static bool is_one_of(struct wf_str p, const struct wf_data__word *w, const char *words)
{
    struct wf_str rest = wf_str_from(words), one;

    while (wf_str_split(&rest, ' ', &one)) {
        if (wf_str_eq(one, wf_str_sub(p, w->from, w->to)))
            return true;
    }
    return false;
}

/* As a person would: what is asked for in front, then a verb that helps another one, where the
 * clause has one; only the clause around it. "It was built in 1874 by Ada": "when was It built by
 * Ada". */
static void ask_in_front(struct reader *r, struct wf_str p, struct asked *a, uint64_t *io_draw)
{
    size_t behind = a->at + a->n, before = a->at, to = behind, helps;
    bool is_year = strcmp(a->asking, "what year") == 0;

    while (before > a->from && !a->w[before - 1].ends)
        before--;
    while (to > a->at && to < a->to && !a->w[to - 1].ends)
        to++;
    for (helps = before; helps < a->at && !is_one_of(p, &a->w[helps], HELPING);)
        helps++;
    a->from = a->at;
    if (is_year && a->at > before && is_one_of(p, &a->w[a->at - 1], "in by since until of")) {
        a->asking = "when";
        a->from--;
    }
    put_word(r, wf_str_from(a->asking));
    if (helps < a->from && strcmp(a->asking, "how many") != 0) {
        put_word(r, wf_str_sub(p, a->w[helps].from, a->w[helps].to));
        put_words(r, p, a, before, helps, io_draw);
        put_words(r, p, a, helps + 1, a->from, io_draw);
        put_words(r, p, a, behind, to, io_draw);
    } else {
        put_words(r, p, a, behind, to, io_draw);
        put_words(r, p, a, before, a->from, io_draw);
    }
}

static int make_question(struct reader *r, struct wf_str p, struct asked *a, uint64_t *io_draw)
{
    wf_buf_reset(&r->question);
    a->asking = asking(p, &a->w[a->at], io_draw);
    if (wf_draw_real(io_draw) < IN_FRONT) {
        ask_in_front(r, p, a, io_draw);
    } else {
        put_words(r, p, a, a->from, a->at, io_draw);
        put_word(r, wf_str_from(a->asking));
        put_words(r, p, a, a->at + a->n, a->to, io_draw);
    }
    (void)wf_buf_append_byte(&r->question, '?');
    return wf_buf_status(&r->question) == 0 ? 0 : wf_data__no_memory(r->l, r->err);
}

/* The paragraph without the sentence, unless it has the answer elsewhere, too. */
static int give_without(struct reader *r, struct wf_data_question *q, const struct wf_sentence *s,
                        struct wf_str answer)
{
    struct wf_str p = q->passage;

    wf_buf_reset(&r->rest);
    (void)wf_buf_append_str(&r->rest, wf_str_sub(p, 0, s->start));
    (void)wf_buf_append_str(&r->rest, wf_str_trim(wf_str_sub(p, s->end, p.len)));
    if (wf_buf_status(&r->rest) != 0)
        return wf_data__no_memory(r->l, r->err);
    q->passage = wf_str_trim(wf_buf_str(&r->rest));
    q->n_answers = 0;
    if (q->passage.len == 0 || wf_str_find(q->passage, answer, 0) < q->passage.len)
        return 0;
    return r->fn(r->ud, q, r->err);
}

/* One question of a sentence, if something in it can be asked for. */
static int ask_sentence(struct reader *r, struct wf_data_question *q, const struct wf_sentence *s,
                        uint64_t *io_draw, bool *out_asked)
{
    struct wf_data__word words[WORDS_MAX];
    size_t starts[WORDS_MAX],
        n_starts = 0, n = wf_data__cut_words(q->passage, s->start, s->end, words, WORDS_MAX), at,
        n_run;
    struct wf_str answer;
    int rc;

    *out_asked = false;
    for (size_t i = 0; i < n; i++) {
        if (wf_data__run_at(words, n, i) > 0)
            starts[n_starts++] = i;
    }
    if (n_starts == 0 || n < 8)
        return 0;
    at = starts[wf_draw_below(io_draw, n_starts)];
    n_run = wf_data__run_at(words, n, at);
    rc = make_question(r, q->passage,
                       &(struct asked){.w = words,
                                       .from = at > AROUND ? at - AROUND : 0,
                                       .at = at,
                                       .n = n_run,
                                       .to = WF_MIN(n, at + n_run + AROUND)},
                       io_draw);
    if (rc != 0)
        return rc;
    *out_asked = true;
    q->question = wf_buf_str(&r->question);
    q->answers[0] =
        (struct wf_data_span){words[at].from, words[at + n_run - 1].to, WF_ENTITY_OTHER};
    q->n_answers = 1;
    answer = wf_str_sub(q->passage, q->answers[0].from, q->answers[0].to);
    rc = r->fn(r->ud, q, r->err);
    return rc == 0 ? give_without(r, q, s, answer) : rc;
}

static int ask_paragraph(struct reader *r, struct wf_data_question q, bool *out_asked)
{
    struct wf_sentence all[32];
    uint64_t draw = wf_split_hash(q.passage);
    size_t n = 0, i = 0;

    *out_asked = false;
    while (n < WF_ARRAY_LEN(all) && wf_sentence_next(q.passage, &i, &all[n]))
        n++;
    if (n < 3)
        return 0;
    return ask_sentence(r, &q, &all[wf_draw_below(&draw, n)], &draw, out_asked);
}

static int cloze_line(void *ud, const json_t *v)
{
    struct reader *r = ud;
    struct wf_str rest = wf_data__string(v, "text"), passage;
    struct wf_data_question q = {.title = wf_data__string(v, "title"), .key = rest};
    size_t n = 0;
    int rc = 0;

    while (rc == 0 && n < r->n_each && wf_data__paragraph(&rest, &passage)) {
        bool asked = false;
        q.passage = passage;
        if (passage.len >= PASSAGE_MIN && passage.len <= PASSAGE_MAX)
            rc = ask_paragraph(r, q, &asked);
        n += asked;
    }
    return rc;
}

int wf_data_cloze_read_lines(struct wf_lines *l, size_t n_each, wf_data_question_fn fn, void *ud,
                             struct wf_err *err)
{
    struct reader r = {.l = l, .n_each = n_each, .fn = fn, .ud = ud, .err = err};
    int rc;

    wf_buf_init(&r.question, QUESTION_BYTES * 8);
    wf_buf_init(&r.rest, PASSAGE_MAX + 1);
    rc = wf_data__json(l, cloze_line, &r, err);
    wf_buf_deinit(&r.question);
    wf_buf_deinit(&r.rest);
    return rc;
}

int wf_data_cloze_read(const char *path, size_t n_each, wf_data_question_fn fn, void *ud,
                       struct wf_err *err)
{
    struct wf_lines *l = NULL;
    int rc = wf_lines_open(path, &l, err);

    if (rc == 0)
        rc = wf_data_cloze_read_lines(l, n_each, fn, ud, err);
    wf_lines_close(l);
    return rc;
}

bool wf_data__paragraph(struct wf_str *io_rest, struct wf_str *out)
{
    size_t at;

    if (io_rest->len == 0)
        return false;
    at = wf_str_find(*io_rest, WF_STR("\n\n"), 0);
    at = WF_MIN(at, io_rest->len);
    *out = wf_str_trim(wf_str_sub(*io_rest, 0, at));
    *io_rest = wf_str_sub(*io_rest, WF_MIN(at + 2, io_rest->len), io_rest->len);
    return true;
}
