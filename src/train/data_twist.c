/* SPDX-License-Identifier: Apache-2.0 */
/* Three ways: another name or number of the same shape; a word's opposite; "not". */
#include "train/data_twist.h"

#include "train/data_made_internal.h"
#include "train/shuffle.h"

#define WORDS_MAX 64
#define TEXT_WORDS_MAX 400
#define OTHERS_MAX 64
/* How often the first way is taken where two are possible, and "not" where nothing else is. */
#define BY_NAME 0.6
#define BY_NOT 0.5

/* Opposites, in pairs. */
static const char *const opposites[] = {
    "first",     "last",       "largest",   "smallest", "highest",   "lowest",    "oldest",
    "newest",    "most",       "least",     "more",     "fewer",     "before",    "after",
    "north",     "south",      "east",      "west",     "northern",  "southern",  "eastern",
    "western",   "begin",      "end",       "began",    "ended",     "start",     "stop",
    "started",   "stopped",    "increase",  "decrease", "increased", "decreased", "won",
    "lost",      "win",        "lose",      "large",    "small",     "high",      "low",
    "higher",    "lower",      "larger",    "smaller",  "good",      "bad",       "best",
    "worst",     "above",      "below",     "inside",   "outside",   "male",      "female",
    "men",       "women",      "maximum",   "minimum",  "positive",  "negative",  "early",
    "late",      "earliest",   "latest",    "long",     "short",     "longest",   "shortest",
    "public",    "private",    "legal",     "illegal",  "strong",    "weak",      "stronger",
    "weaker",    "major",      "minor",     "new",      "old",       "hot",       "cold",
    "common",    "rare",       "rich",      "poor",     "accept",    "reject",    "accepted",
    "rejected",  "built",      "destroyed", "gain",     "loss",      "allowed",   "forbidden",
    "allow",     "prevent",    "support",   "oppose",   "supported", "opposed",   "arrive",
    "leave",     "arrived",    "left",      "buy",      "sell",      "bought",    "sold",
    "open",      "close",      "opened",    "closed",   "join",      "quit",      "joined",
    "quit",      "internal",   "external",  "direct",   "indirect",  "import",    "export",
    "imports",   "exports",    "true",      "false",    "winter",    "summer",    "majority",
    "minority",  "parent",     "child",     "father",   "mother",    "son",       "daughter",
    "brother",   "sister",     "king",      "queen",    "create",    "destroy",   "created",
    "destroyed", "successful", "failed",    "minimal",  "maximal",   "upper",     "lower",
    "possible",  "impossible", "known",     "unknown",  "always",    "never",     "all",
    "none",      "fast",       "slow",
};

struct asked {
    struct wf_str question, answer;
    const struct wf_str *texts; /* [n_texts] */
    size_t n_texts;
};

struct found {
    size_t from, to; /* bytes of the question */
    bool is_number;
};

static bool has(struct wf_str s, struct wf_str part)
{
    return wf_str_find(s, part, 0) != SIZE_MAX;
}

/* Where the words [i, i + n) end, without "'s". */
static size_t end_of(struct wf_str text, const struct wf_data__word *w, size_t i, size_t n)
{
    size_t to = w[i + n - 1].to;
    struct wf_str s = wf_str_sub(text, w[i].from, to);

    if (wf_str_ends(s, WF_STR("'s")))
        return to - 2;
    return wf_str_ends(s, WF_STR("\xe2\x80\x99s")) ? to - 4 : to;
}

/* Names and numbers of the question; the first word asks. */
static size_t find_named(struct wf_str question, const struct wf_data__word *w, size_t n,
                         struct found *out)
{
    size_t n_out = 0;

    for (size_t i = 1; i < n; i++) {
        size_t run = wf_data__run_at(w, n, i);
        if (run == 0)
            continue;
        out[n_out++] = (struct found){w[i].from, end_of(question, w, i, run), w[i].is_number};
    }
    return n_out;
}

/* Those of a text that could stand there instead: a number of as many digits, a name of any. */
static size_t find_others(const struct asked *a, const struct found *f, struct wf_str text,
                          struct wf_str *out, size_t n_out)
{
    struct wf_data__word w[TEXT_WORDS_MAX];
    size_t n = wf_data__cut_words(text, 0, text.len, w, TEXT_WORDS_MAX), run;

    for (size_t i = 1; i < n && n_out<OTHERS_MAX; i += run> 0 ? run : 1) {
        run = wf_data__run_at(w, n, i);
        if (run == 0 || w[i].is_number != f->is_number || w[i - 1].ends)
            continue;
        struct wf_str s = wf_str_sub(text, w[i].from, end_of(text, w, i, run));
        if ((f->is_number && s.len != f->to - f->from) || has(a->question, s) ||
            has(a->answer, s) || has(s, a->answer))
            continue;
        out[n_out++] = s;
    }
    return n_out;
}

static void replace(struct wf_str question, size_t from, size_t to, struct wf_str by,
                    struct wf_buf *out)
{
    wf_buf_reset(out);
    (void)wf_buf_append_str(out, wf_str_sub(question, 0, from));
    (void)wf_buf_append_str(out, by);
    (void)wf_buf_append_str(out, wf_str_sub(question, to, question.len));
}

static bool by_name(const struct asked *a, const struct found *found, size_t n_found,
                    uint64_t *io_draw, struct wf_buf *out)
{
    const struct found *f;
    struct wf_str others[OTHERS_MAX];
    size_t n_others = 0, first;

    if (n_found == 0 || a->n_texts == 0 || a->answer.len == 0)
        return false;
    f = &found[wf_draw_below(io_draw, n_found)];
    first = wf_draw_below(io_draw, a->n_texts);
    for (size_t i = 0; i < a->n_texts; i++)
        n_others = find_others(a, f, a->texts[(first + i) % a->n_texts], others, n_others);
    if (n_others == 0)
        return false;
    replace(a->question, f->from, f->to, others[wf_draw_below(io_draw, n_others)], out);
    return true;
}

static bool by_opposite(struct wf_str question, const struct wf_data__word *w, size_t n,
                        uint64_t *io_draw, struct wf_buf *out)
{
    size_t first = n > 1 ? wf_draw_below(io_draw, n) : 0;

    for (size_t k = 0; k < n; k++) {
        const struct wf_data__word *x = &w[(first + k) % n];
        for (size_t i = 0; i < WF_ARRAY_LEN(opposites); i++) {
            if (!wf_str_eq(wf_str_sub(question, x->from, x->to), wf_str_from(opposites[i])))
                continue;
            replace(question, x->from, x->to, wf_str_from(opposites[i ^ 1]), out);
            return true;
        }
    }
    return false;
}

static bool by_not(struct wf_str question, const struct wf_data__word *w, size_t n,
                   struct wf_buf *out)
{
    static const char *const pairs[] = {
        "did",  "didn't",  "does", "doesn't", "do",    "don't",    "is",     "isn't",
        "are",  "aren't",  "was",  "wasn't",  "were",  "weren't",  "has",    "hasn't",
        "have", "haven't", "had",  "hadn't",  "could", "couldn't", "would",  "wouldn't",
        "can",  "can't",   "will", "won't",   "must",  "mustn't",  "should", "shouldn't"};

    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < WF_ARRAY_LEN(pairs); i += 2) {
            if (!wf_str_eq(wf_str_sub(question, w[k].from, w[k].to), wf_str_from(pairs[i])))
                continue;
            replace(question, w[k].from, w[k].to, wf_str_from(pairs[i + 1]), out);
            return true;
        }
    }
    return false;
}

bool wf_data_twist(struct wf_str question, struct wf_str answer, const struct wf_str *texts,
                   size_t n, uint64_t *io_draw, struct wf_buf *out)
{
    const struct asked a = {question, answer, texts, n};
    struct wf_data__word w[WORDS_MAX];
    struct found found[WORDS_MAX] = {{0}};
    size_t n_words = wf_data__cut_words(question, 0, question.len, w, WORDS_MAX);
    size_t n_found = find_named(question, w, n_words, found);
    bool name_first = wf_draw_real(io_draw) < BY_NAME, may_deny = wf_draw_real(io_draw) < BY_NOT;
    bool is_done = name_first && by_name(&a, found, n_found, io_draw, out);

    if (!is_done)
        is_done = by_opposite(question, w, n_words, io_draw, out);
    if (!is_done && !name_first)
        is_done = by_name(&a, found, n_found, io_draw, out);
    if (!is_done && may_deny)
        is_done = by_not(question, w, n_words, out);
    return is_done && wf_buf_status(out) == 0;
}
