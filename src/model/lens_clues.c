/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of English words, and a walk over each sentence. */
#include "model/lens_clues.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "text/word.h"

#define STEM_BYTES 3 /* at least */

/* ---- what is asked for ---- */

static enum wf_lens_asked asked_how(const struct wf_word *next)
{
    static const struct {
        const char *words;
        enum wf_lens_asked asked;
    } kinds[] = {{"many", WF_LENS_ASKED_HOW_MANY},
                 {"much", WF_LENS_ASKED_HOW_MUCH},
                 {"long", WF_LENS_ASKED_HOW_LONG},
                 {"often", WF_LENS_ASKED_HOW_OFTEN},
                 {"old far tall high big large deep wide fast", WF_LENS_ASKED_HOW_LARGE}};

    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++) {
        if (wf_word_is_one_of(next, kinds[i].words))
            return kinds[i].asked;
    }
    return WF_LENS_ASKED_HOW;
}

static enum wf_lens_asked asked_what(const struct wf_word *next)
{
    if (wf_word_is_one_of(next, "year years date century decade month day time period"))
        return WF_LENS_ASKED_WHAT_TIME;
    if (wf_word_is_one_of(next, "percentage percent number amount"))
        return WF_LENS_ASKED_WHAT_NUMBER;
    if (wf_word_is_one_of(next, "city country person state name company king queen president"))
        return WF_LENS_ASKED_WHAT_NAME;
    return wf_word_is_stop(wf_str_n(next->text, next->len)) ? WF_LENS_ASKED_WHAT
                                                            : WF_LENS_ASKED_WHICH;
}

enum wf_lens_asked wf_lens_asked(struct wf_str question)
{
    struct wf_words walk;
    struct wf_word w, next = {.len = 0};

    wf_words_init(&walk, question);
    while (wf_words_next(&walk, &w)) {
        if (wf_word_is_one_of(&w, "who whom whose"))
            return WF_LENS_ASKED_WHO;
        if (wf_word_is_one_of(&w, "when"))
            return WF_LENS_ASKED_WHEN;
        if (wf_word_is_one_of(&w, "where"))
            return WF_LENS_ASKED_WHERE;
        if (wf_word_is_one_of(&w, "why"))
            return WF_LENS_ASKED_WHY;
        if (wf_word_is_one_of(&w, "how"))
            return wf_words_next(&walk, &next) ? asked_how(&next) : WF_LENS_ASKED_HOW;
        if (wf_word_is_one_of(&w, "what which"))
            return wf_words_next(&walk, &next) ? asked_what(&next) : WF_LENS_ASKED_WHAT;
    }
    return WF_LENS_ASKED_ANY;
}

/* ---- what a sentence has ---- */

static unsigned bit(enum wf_lens_shape s)
{
    return 1u << s;
}

/* Shapes of a word by what it says. */
static unsigned shapes_of_word(const struct wf_word *w)
{
    static const struct {
        enum wf_lens_shape shape;
        const char *words;
    } lists[] = {
        {WF_LENS_SHAPE_NUMERAL,
         "one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty "
         "sixty hundred thousand million billion half twice once third quarter dozen"},
        {WF_LENS_SHAPE_MONTH, "january february march april may june july august september "
                              "october november december"},
        {WF_LENS_SHAPE_PERCENT, "percent percentage"},
        {WF_LENS_SHAPE_CAUSE,
         "because due since so therefore thus cause caused causes result reason reasons"},
        {WF_LENS_SHAPE_CALLED, "called known named termed name names referred"},
        {WF_LENS_SHAPE_BY, "by"},
        {WF_LENS_SHAPE_AT, "in at near from"},
        {WF_LENS_SHAPE_SUCH, "such including include includes like"},
    };
    unsigned out = 0;

    for (size_t i = 0; i < WF_ARRAY_LEN(lists); i++)
        out |= wf_word_is_one_of(w, lists[i].words) ? bit(lists[i].shape) : 0;
    if (w->text[0] >= '0' && w->text[0] <= '9') {
        bool is_year = w->len == 4 && (w->text[0] == '1' || w->text[0] == '2') &&
                       w->text[3] >= '0' && w->text[3] <= '9';
        out |= bit(WF_LENS_SHAPE_NUMBER) |
               bit(is_year ? WF_LENS_SHAPE_YEAR : WF_LENS_SHAPE_OTHER_NUMBER);
    }
    return out;
}

static unsigned shapes_of_signs(struct wf_str sentence)
{
    static const struct {
        const char *sign;
        enum wf_lens_shape shape;
    } signs[] = {{"%", WF_LENS_SHAPE_PERCENT},    {"$", WF_LENS_SHAPE_MONEY},
                 {"£", WF_LENS_SHAPE_MONEY},      {"€", WF_LENS_SHAPE_MONEY},
                 {"\"", WF_LENS_SHAPE_QUOTE},     {"“", WF_LENS_SHAPE_QUOTE},
                 {"(", WF_LENS_SHAPE_PARENTHESIS}};
    unsigned out = 0;

    for (size_t i = 0; i < WF_ARRAY_LEN(signs); i++) {
        if (wf_str_find(sentence, wf_str_from(signs[i].sign), 0) != SIZE_MAX)
            out |= bit(signs[i].shape);
    }
    return out;
}

/* The question's words, and its words of meaning by their stems, each once. */
struct own {
    struct wf_word words[WF_LENS_SHARED_WORDS];
    uint64_t stems[WF_LENS_SHARED_WORDS];
    size_t n, n_stems;
};

static bool has_word(const struct own *own, const struct wf_word *w)
{
    for (size_t i = 0; i < own->n; i++) {
        if (own->words[i].len == w->len && memcmp(own->words[i].text, w->text, w->len) == 0)
            return true;
    }
    return false;
}

/* A number of what is left without endings of English; close enough to forms of one word within a
 * text and its question. */
static uint64_t stem_of(const struct wf_word *w)
{
    static const char *const endings[] = {"ingly", "edly", "ing", "ed", "es", "s", "ly"};
    struct wf_str s = wf_str_n(w->text, w->len);

    for (size_t i = 0; i < WF_ARRAY_LEN(endings) && !w->is_pair; i++) {
        struct wf_str ending = wf_str_from(endings[i]);
        if (s.len >= ending.len + STEM_BYTES && wf_str_ends(s, ending)) {
            s = wf_str_sub(s, 0, s.len - ending.len);
            break;
        }
    }
    return wf_str_hash(s, 1);
}

/* The bit of a word's stem; 0: the question has it not. */
static uint64_t stem_bit(const struct own *own, const struct wf_word *w)
{
    uint64_t stem = stem_of(w);

    for (size_t i = 0; i < own->n_stems; i++) {
        if (own->stems[i] == stem)
            return (uint64_t)1 << i;
    }
    return 0;
}

static void take_own(struct wf_str question, struct own *out)
{
    struct wf_words walk;

    out->n = out->n_stems = 0;
    wf_words_init(&walk, question);
    while (out->n < WF_LENS_SHARED_WORDS && wf_words_next(&walk, &out->words[out->n])) {
        const struct wf_word *w = &out->words[out->n++];
        if (!wf_word_is_stop(wf_str_n(w->text, w->len)) && stem_bit(out, w) == 0)
            out->stems[out->n_stems++] = stem_of(w);
    }
}

/* Which stems of the question a sentence has, and its shapes. */
static uint64_t look_at(struct wf_str sentence, const struct own *own, uint16_t *out_shapes)
{
    struct wf_words walk;
    struct wf_word w;
    unsigned shapes = shapes_of_signs(sentence);
    bool is_first = true, was_capital = false;
    uint64_t has = 0;

    wf_words_init(&walk, sentence);
    for (; wf_words_next(&walk, &w); is_first = false) {
        char c = sentence.ptr[w.start];
        bool is_capital = c >= 'A' && c <= 'Z' && w.len > 1;
        uint64_t stem = stem_bit(own, &w);
        has |= stem;
        if (stem == 0 && !has_word(own, &w)) {
            shapes |= shapes_of_word(&w);
            shapes |= is_capital && !is_first ? bit(WF_LENS_SHAPE_CAPITAL) : 0;
            shapes |= is_capital && was_capital ? bit(WF_LENS_SHAPE_CAPITALS) : 0;
        }
        was_capital = is_capital && !is_first;
    }
    *out_shapes = (uint16_t)shapes;
    return has;
}

static double count(uint64_t bits)
{
    double n = 0;

    for (; bits != 0; bits &= bits - 1)
        n++;
    return n;
}

int wf_lens_clues(struct wf_str question, struct wf_str text,
                  const struct wf_lens_shared_sentence *sentences, size_t n,
                  struct wf_lens_clues *out)
{
    struct own own;
    double local[WF_LENS_SHARED_WORDS] = {0}, all = 0;
    uint64_t *has = wf_alloc_array(n + 1, sizeof(*has));

    if (has == NULL)
        return WF_E_NOMEM;
    take_own(question, &own);
    for (size_t i = 0; i < n; i++) {
        has[i] =
            look_at(wf_str_sub(text, sentences[i].start, sentences[i].end), &own, &out[i].shapes);
        for (size_t k = 0; k < own.n_stems; k++)
            local[k] += (double)(has[i] >> k & 1);
    }
    for (size_t k = 0; k < own.n_stems; k++)
        all += local[k] = log1p((double)n / fmax(local[k], 1));
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t k = 0; k < own.n_stems; k++)
            sum += (has[i] >> k & 1) != 0 ? local[k] : 0;
        out[i].numbers[WF_LENS_CLUE_COVER] = (float)(count(has[i]) / fmax((double)own.n_stems, 1));
        out[i].numbers[WF_LENS_CLUE_LOCAL] = (float)(sum / fmax(all, 1e-9));
        out[i].numbers[WF_LENS_CLUE_BEFORE] =
            (float)(count(i > 0 ? has[i - 1] & ~has[i] : 0) / fmax((double)own.n_stems, 1));
    }
    wf_free(has);
    return 0;
}

float wf_lens_clues_score(const struct wf_lens_clues *c, enum wf_lens_asked asked,
                          const float *weights)
{
    float sum = 0;

    for (size_t k = 0; k < WF_LENS_CLUE_CROSSES; k++)
        sum += weights[k] * c->numbers[k];
    if (asked == WF_LENS_ASKED_ANY)
        return sum;
    weights += WF_LENS_CLUE_CROSSES + (size_t)(asked - 1) * WF_LENS_SHAPE_COUNT;
    for (size_t k = 0; k < WF_LENS_SHAPE_COUNT; k++)
        sum += (c->shapes >> k & 1) != 0 ? weights[k] : 0;
    return sum;
}
