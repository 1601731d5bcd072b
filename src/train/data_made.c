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
#define ANSWER_WORDS 4
#define QUESTION_BYTES 1024

struct reader {
    struct wf_lines *l;
    size_t n_each;
    wf_data_question_fn fn;
    void *ud;
    struct wf_err *err;
    struct wf_buf question, rest;
};

/* ---- words as they are written ---- */

struct word {
    size_t from, to;               /* bytes of the paragraph, without punctuation at both ends */
    bool is_name, is_number, ends; /* ends: punctuation follows */
};

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_part(char c)
{
    return is_upper(c) || is_digit(c) || (c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80;
}

static size_t cut_words(struct wf_str p, const struct wf_sentence *s, struct word *out)
{
    size_t n = 0, i = s->start;

    while (i < s->end && n < WORDS_MAX) {
        struct word w = {0};
        size_t stop;
        while (i < s->end && (unsigned char)p.ptr[i] <= ' ')
            i++;
        for (stop = i; stop < s->end && (unsigned char)p.ptr[stop] > ' ';)
            stop++;
        w.from = i;
        w.to = stop;
        i = stop;
        while (w.from < w.to && !is_part(p.ptr[w.from]))
            w.from++;
        while (w.to > w.from && !is_part(p.ptr[w.to - 1]))
            w.to--;
        if (w.from == w.to)
            continue;
        w.ends = w.to < stop;
        w.is_name = is_upper(p.ptr[w.from]) && w.to - w.from > 2 && n > 0;
        w.is_number = is_digit(p.ptr[w.from]) && is_digit(p.ptr[w.to - 1]);
        out[n++] = w;
    }
    return n;
}

/* The run of words from i on that can be asked for; 0: none. */
static size_t run_at(const struct word *w, size_t n, size_t i)
{
    size_t k = i + 1;

    if (w[i].is_number)
        return 1;
    if (!w[i].is_name || (i > 0 && w[i - 1].is_name && !w[i - 1].ends))
        return 0;
    while (k < n && w[k].is_name && !w[k - 1].ends)
        k++;
    return k - i <= ANSWER_WORDS ? k - i : 0;
}

/* What asks for it. */
static const char *asking(struct wf_str p, const struct word *w, uint64_t *io_draw)
{
    static const char *const of_names[] = {"what", "who", "which"};
    bool is_year =
        w->is_number && w->to - w->from == 4 && (p.ptr[w->from] == '1' || p.ptr[w->from] == '2');

    if (is_year)
        return "what year";
    return w->is_number ? "how many" : of_names[wf_draw_below(io_draw, 3)];
}

static int make_question(struct reader *r, struct wf_str p, const struct word *w, size_t n,
                         size_t at, size_t n_run, uint64_t *io_draw)
{
    size_t from = at > AROUND ? at - AROUND : 0, to = WF_MIN(n, at + n_run + AROUND);

    wf_buf_reset(&r->question);
    for (size_t i = from; i < to; i++) {
        bool is_asked = i >= at && i < at + n_run;
        if (is_asked ? i > at : wf_draw_real(io_draw) < LEFT_OUT)
            continue;
        if (r->question.len > 0)
            (void)wf_buf_append_byte(&r->question, ' ');
        if (is_asked)
            (void)wf_buf_append_cstr(&r->question, asking(p, &w[i], io_draw));
        else
            (void)wf_buf_append_str(&r->question, wf_str_sub(p, w[i].from, w[i].to));
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
    struct word words[WORDS_MAX];
    size_t starts[WORDS_MAX], n_starts = 0, n = cut_words(q->passage, s, words), at, n_run;
    struct wf_str answer;
    int rc;

    *out_asked = false;
    for (size_t i = 0; i < n; i++) {
        if (run_at(words, n, i) > 0)
            starts[n_starts++] = i;
    }
    if (n_starts == 0 || n < 8)
        return 0;
    at = starts[wf_draw_below(io_draw, n_starts)];
    n_run = run_at(words, n, at);
    rc = make_question(r, q->passage, words, n, at, n_run, io_draw);
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
