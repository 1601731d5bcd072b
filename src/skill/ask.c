/* SPDX-License-Identifier: Apache-2.0 */
/* Ask, extractive: search, then the sentence of each passage that says most of the question.
 *
 * A sentence is weighed by the question's words it says; those of the heading above it, or of the
 * sentence before, count for less, and a heading itself is no answer. The
 * answer is given only when passage and sentence together cover enough of the question's weight:
 * the rare words, which say what it is about, must be there. A follow-up borrows the words of
 * earlier questions, for less weight. */
#include "skill/ask.h"

#include "find/question.h"
#include "text/sentence.h"
#include "text/utf8.h"

#define HITS 12
#define CITATIONS 5
#define CITATIONS_MAX ((size_t)HITS)
#define MATCHES 512
#define LENT 0.4
#define HEADING_WORDS 12
#define FROM_HEADING 0.8
#define FROM_BEFORE 0.3
#define NUMBER_BONUS 0.2
/* Measured on SQuAD and XQuAD: of questions whose subject is absent about one in seven passes.
 * Pairs of letters (Chinese, Thai) are covered less even by the passage that answers. */
#define FOUND_MIN 0.55
#define FOUND_EASE_PAIRS 0.12

struct best {
    size_t start, end;
    double share; /* of the question's weight */
};

/* A short line without a mark at its end that other text follows: what comes is what it says. */
static bool is_heading(struct wf_str text, const struct wf_sentence *s, size_t n_words)
{
    static const char *const marks[] = {
        ".",        "!",  "?",           ":", ";", "\xe3\x80\x82", "\xef\xbc\x9f", "\xe0\xa5\xa4",
        "\xd8\x9f", "\"", "\xe2\x80\x9d"};
    struct wf_str line = wf_str_sub(text, s->start, s->end);

    if (n_words > HEADING_WORDS || s->end + 1 >= text.len || text.ptr[s->end] != '\n')
        return false;
    for (size_t i = 0; i < WF_ARRAY_LEN(marks); i++) {
        if (wf_str_ends(line, wf_str_from(marks[i])))
            return false;
    }
    return true;
}

/* The question's words that `m` holds, each once, by their weight: *out_seen has their bits. */
static double weigh(const struct wf_question *q, const struct wf_match *m, size_t n,
                    uint64_t *out_seen)
{
    uint64_t seen = 0;
    double weight = 0;

    for (size_t k = 0; k < n; k++) {
        if (!(seen >> m[k].term & 1))
            weight += wf_question_value(q, &m[k]);
        seen |= UINT64_C(1) << m[k].term;
    }
    *out_seen = seen;
    return weight;
}

/* True when the question asks for a time, a number or an amount, in the languages listed. */
static bool asks_number(struct wf_str question)
{
    static const char *const words[] = {
        "when",   "year",    "date",  "many",  "much",    "long",   "old",    "wann",   "jahr",
        "datum",  "viele",   "viel",  "lange", "cuando",  "ano",    "fecha",  "cuanto", "cuantos",
        "cuanta", "cuantas", "quand", "annee", "combien", "quando", "quanto", "quanti"};
    struct wf_words w;
    struct wf_word word;

    wf_words_init(&w, question);
    while (wf_words_next(&w, &word)) {
        for (size_t i = 0; i < WF_ARRAY_LEN(words); i++) {
            if (wf_str_eq(wf_str_n(word.text, word.len), wf_str_from(words[i])))
                return true;
        }
    }
    return false;
}

static bool has_digit(struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= '0' && s.ptr[i] <= '9')
            return true;
    }
    return false;
}

static struct best best_sentence(const struct wf_question *q, struct wf_str text, bool number)
{
    struct best best = {0, 0, -1};
    uint64_t before = 0; /* words of the heading, or of the sentence before */
    double lent = 0;     /* what such a word adds */
    struct wf_sentence s;
    size_t i = 0;

    while (wf_sentence_next(text, &i, &s)) {
        struct wf_match m[MATCHES];
        size_t n_words,
            n = wf_question_match(q, wf_str_sub(text, s.start, s.end), m, MATCHES, &n_words);
        uint64_t seen = 0;
        double share = weigh(q, m, n, &seen);
        bool heading = is_heading(text, &s, n_words);

        for (size_t t = 0; t < q->n_terms; t++) {
            if ((before & ~seen) >> t & 1)
                share += lent * q->terms[t].weight;
        }
        share = q->weight > 0 ? share / q->weight : 0;
        if (share > 0 && number && has_digit(wf_str_sub(text, s.start, s.end)))
            share += NUMBER_BONUS;
        if (n_words > 0 && !heading && share > best.share)
            best = (struct best){s.start, s.end, share};
        before = heading ? before | seen : seen;
        lent = heading ? FROM_HEADING : FROM_BEFORE;
    }
    return best;
}

static void cite(struct wf_citation *c, const struct wf_hit *h, const struct best *b)
{
    c->hit = *h;
    c->highlight = wf_str_sub(h->text, b->start, b->end);
    c->highlight_start_cp = h->start_cp + wf_utf8_count(wf_str_sub(h->text, 0, b->start));
    c->highlight_end_cp = c->highlight_start_cp + wf_utf8_count(c->highlight);
}

int wf_ask(struct wf_store *s, const struct wf_ask_query *q, struct wf_arena *arena,
           struct wf_answer *out, struct wf_err *err)
{
    struct wf_find_query fq = {.filter = q->filter,
                               .n_hits_max = HITS,
                               .favoured = q->earlier_documents,
                               .n_favoured = q->n_earlier_documents};
    size_t n_max = WF_MIN(q->n_citations_max ? q->n_citations_max : CITATIONS, CITATIONS_MAX);
    struct wf_question *question = wf_arena_alloc(arena, sizeof(*question));
    struct wf_answer a = {.found = false};
    struct wf_hits hits;
    bool number = asks_number(q->question);
    double shares[CITATIONS_MAX], found_min;
    int rc;

    a.citations = wf_arena_array(arena, n_max, sizeof(*a.citations));
    if (!question || !a.citations)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    wf_question_init(question, q->question);
    for (size_t i = 0; i < q->n_earlier; i++)
        wf_question_lend(question, q->earlier[i], LENT);
    rc = wf_find_question(s, question, &fq, arena, &hits, err);
    if (rc != 0)
        return rc;
    found_min = FOUND_MIN - FOUND_EASE_PAIRS * question->pair_share;
    for (size_t i = 0; i < hits.n_items && a.n_citations < n_max; i++) {
        struct best b = best_sentence(question, hits.items[i].text, number);
        double share = 0.5 * hits.items[i].coverage + 0.5 * b.share;
        size_t at = a.n_citations;
        if (b.share <= 0 || share < found_min || share < 0.7 * a.confidence)
            continue;
        a.confidence = WF_MAX(a.confidence, share);
        for (; at > 0 && shares[at - 1] < share; at--) {
            a.citations[at] = a.citations[at - 1];
            shares[at] = shares[at - 1];
        }
        cite(&a.citations[at], &hits.items[i], &b);
        shares[at] = share;
        a.n_citations++;
    }
    a.found = a.n_citations > 0;
    a.confidence = WF_MIN(a.confidence, 1.0);
    if (a.found)
        a.text = a.citations[0].highlight;
    *out = a;
    return 0;
}
