/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting texts into words before BPE, as the models' own regular expressions do.
 *
 * A pre-tokenizer is up to six passes. A pass looks for its next match in every piece that the pass
 * before left; matches and what lies between them become the next pieces. A match is a function
 * from a place to a length, written by hand over Unicode categories, so that no text can make
 * cutting slow (regular expressions with look-ahead can). */
#include <string.h>
#include <utf8proc.h>

#include "base/alloc.h"
#include "model/vocab_internal.h"
#include "text/utf8.h"

#define PASSES_MAX 6

/* Categories of a code point, as bits. */
#define LETTER 1u
#define NUMBER 2u
#define PUNCTUATION 4u
#define SYMBOL 8u
#define MARK 16u
#define WHITE 32u
#define UPPER 64u  /* Lu Lt Lm Lo M */
#define LOWER 128u /* Ll Lm Lo M */
#define CASED 256u /* Lu Ll Lt */

struct point {
    uint32_t c;
    uint32_t offset; /* bytes from the text's begin */
    unsigned is;     /* categories */
};

/* The length of the match at i, 0: none. The piece ends at `end`. */
typedef size_t (*match_fn)(const struct point *p, size_t i, size_t end);

struct wf_pretokenizer {
    const char *name;
    match_fn passes[PASSES_MAX];
    bool adds_bos, takes_whole_words;
};

static unsigned categories_of(uint32_t c)
{
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
        return LETTER | UPPER | CASED;
    case UTF8PROC_CATEGORY_LL:
        return LETTER | LOWER | CASED;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return LETTER | UPPER | LOWER;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        return MARK | UPPER | LOWER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return NUMBER;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
        return PUNCTUATION;
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO:
        return SYMBOL;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return WHITE;
    default:
        return (c >= 9 && c <= 13) || c == 0x85 ? WHITE : 0;
    }
}

static unsigned is_at(const struct point *p, size_t i, size_t end)
{
    return i < end ? p[i].is : 0;
}

/* Code points from i on that have one of the categories. */
static size_t run_of(const struct point *p, size_t i, size_t end, unsigned is)
{
    size_t n = 0;

    while (i + n < end && (p[i + n].is & is) != 0)
        n++;
    return n;
}

/* Code points from i on that have none of them. */
static size_t run_without(const struct point *p, size_t i, size_t end, unsigned is)
{
    size_t n = 0;

    while (i + n < end && (p[i + n].is & is) == 0)
        n++;
    return n;
}

/* Of the digits from i on, `most` at most: texts of nothing else are not looked through for each.
 */
static size_t digits_of(const struct point *p, size_t i, size_t end, size_t most)
{
    return run_of(p, i, end - i < most ? end : i + most, NUMBER);
}

static bool is_break(uint32_t c)
{
    return c == '\r' || c == '\n';
}

/* 's 't 'm 'd 're 've 'll */
static size_t contraction(const struct point *p, size_t i, size_t end, bool any_case)
{
    uint32_t a, b, lower = any_case ? 32 : 0;

    if (i + 1 >= end || p[i].c != '\'')
        return 0;
    a = p[i + 1].c | (p[i + 1].c < 128 ? lower : 0);
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return 2;
    if (i + 2 >= end)
        return 0;
    b = p[i + 2].c | (p[i + 2].c < 128 ? lower : 0);
    return (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l') ? 3 : 0;
}

/* White space that is not followed by a word; the last one before a word is left to it. */
static size_t spaces(const struct point *p, size_t i, size_t end)
{
    size_t n = run_of(p, i, end, WHITE);

    return n > 1 && i + n < end ? n - 1 : n;
}

static size_t gpt2_words(const struct point *p, size_t i, size_t end)
{
    static const unsigned kinds[] = {LETTER, NUMBER};
    size_t n = contraction(p, i, end, false), space = p[i].c == ' ';

    if (n > 0)
        return n;
    for (int k = 0; k < 2; k++) {
        n = run_of(p, i + space, end, kinds[k]);
        if (n > 0)
            return space + n;
    }
    n = run_without(p, i + space, end, WHITE | LETTER | NUMBER);
    return n > 0 ? space + n : spaces(p, i, end);
}

/* ` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`, with `with_slash` also [\r\n/]*. */
static size_t rest_of_words(const struct point *p, size_t i, size_t end, bool with_slash)
{
    size_t space = p[i].c == ' ', n = run_without(p, i + space, end, WHITE | LETTER | NUMBER);
    size_t last = 0;

    if (n > 0) {
        n += space;
        while (i + n < end && (is_break(p[i + n].c) || (with_slash && p[i + n].c == '/')))
            n++;
        return n;
    }
    n = run_of(p, i, end, WHITE);
    for (size_t j = 0; j < n; j++)
        last = is_break(p[i + j].c) ? j + 1 : last;
    return last > 0 ? last : spaces(p, i, end);
}

/* `[^\r\n\p{L}\p{N}]?\p{L}+` */
static size_t letters_with_lead(const struct point *p, size_t i, size_t end, unsigned letters)
{
    bool has_lead = !is_break(p[i].c) && (p[i].is & (LETTER | NUMBER)) == 0;
    size_t n = run_of(p, i, end, letters);

    if (has_lead && run_of(p, i + 1, end, letters) > 0)
        return 1 + run_of(p, i + 1, end, letters);
    return n;
}

static size_t llama3_like(const struct point *p, size_t i, size_t end, size_t digits_max)
{
    size_t n = contraction(p, i, end, true);

    if (n == 0)
        n = letters_with_lead(p, i, end, LETTER);
    if (n == 0)
        n = digits_of(p, i, end, digits_max);
    return n > 0 ? n : rest_of_words(p, i, end, false);
}

static size_t llama3_words(const struct point *p, size_t i, size_t end)
{
    return llama3_like(p, i, end, 3);
}

static size_t qwen2_words(const struct point *p, size_t i, size_t end)
{
    return llama3_like(p, i, end, 1);
}

/* `U*l+`: as much upper case as leaves some lower case (many letters are both). */
static size_t ends_lower(const struct point *p, size_t i, size_t end)
{
    size_t k = run_of(p, i, end, UPPER) + 1;

    while (k-- > 0) {
        if ((is_at(p, i + k, end) & LOWER) != 0)
            return k + run_of(p, i + k, end, LOWER);
    }
    return 0;
}

/* `U+l*` */
static size_t begins_upper(const struct point *p, size_t i, size_t end)
{
    size_t upper = run_of(p, i, end, UPPER);

    return upper > 0 ? upper + run_of(p, i + upper, end, LOWER) : 0;
}

/* Words that change from upper to lower case at most once, with a sign in front if there is one. */
static size_t cased_word(const struct point *p, size_t i, size_t end)
{
    bool has_lead = !is_break(p[i].c) && (p[i].is & (LETTER | NUMBER)) == 0;
    size_t n = has_lead ? ends_lower(p, i + 1, end) : 0;

    if (n > 0)
        return n + 1;
    n = ends_lower(p, i, end);
    if (n > 0)
        return n;
    n = has_lead ? begins_upper(p, i + 1, end) : 0;
    return n > 0 ? n + 1 : begins_upper(p, i, end);
}

static size_t cased_words(const struct point *p, size_t i, size_t end, bool contractions,
                          size_t digits_max)
{
    size_t n = cased_word(p, i, end);

    if (n > 0)
        return n + (contractions ? contraction(p, i + n, end, true) : 0);
    n = digits_of(p, i, end, digits_max);
    return n > 0 ? n : rest_of_words(p, i, end, true);
}

static size_t gpt4o_words(const struct point *p, size_t i, size_t end)
{
    return cased_words(p, i, end, true, 3);
}

static size_t tekken_words(const struct point *p, size_t i, size_t end)
{
    return cased_words(p, i, end, false, 1);
}

static size_t one_number(const struct point *p, size_t i, size_t end)
{
    return (is_at(p, i, end) & NUMBER) != 0;
}

static size_t three_numbers(const struct point *p, size_t i, size_t end)
{
    return digits_of(p, i, end, 3);
}

static size_t numbers(const struct point *p, size_t i, size_t end)
{
    return run_of(p, i, end, NUMBER);
}

static size_t three_ascii_digits(const struct point *p, size_t i, size_t end)
{
    for (size_t j = i; j < i + 3; j++) {
        if (j >= end || p[j].c < '0' || p[j].c > '9')
            return 0;
    }
    return 3;
}

static size_t line_break(const struct point *p, size_t i, size_t end)
{
    return i < end && is_break(p[i].c);
}

static size_t punctuation_and(const struct point *p, size_t i, size_t end, const char *others)
{
    size_t n = 0;

    while (i + n < end &&
           ((p[i + n].is & PUNCTUATION) != 0 ||
            (p[i + n].c < 128 && p[i + n].c != 0 && strchr(others, (int)p[i + n].c) != NULL)))
        n++;
    return n;
}

static size_t falcon_punctuation(const struct point *p, size_t i, size_t end)
{
    return punctuation_and(p, i, end, "$+<=>^~|`");
}

static size_t default_punctuation(const struct point *p, size_t i, size_t end)
{
    return punctuation_and(p, i, end, "$+<=>^~|");
}

/* `\s?X+` */
static size_t after_space(const struct point *p, size_t i, size_t end, unsigned is)
{
    size_t space = (is_at(p, i, end) & WHITE) != 0, n = run_of(p, i + space, end, is);

    return n > 0 ? space + n : 0;
}

static size_t spaced_letters(const struct point *p, size_t i, size_t end)
{
    return after_space(p, i, end, LETTER);
}

static size_t spaced_punctuation(const struct point *p, size_t i, size_t end)
{
    return after_space(p, i, end, PUNCTUATION);
}

/* Letters with case, but for the mathematical ones. */
static bool is_plain_cased(const struct point *p)
{
    return (p->is & CASED) != 0 && (p->c < 0x1d400 || p->c > 0x1d7ff);
}

static size_t spaced_cased(const struct point *p, size_t i, size_t end)
{
    size_t space = (is_at(p, i, end) & WHITE) != 0, n = 0;

    while (i + space + n < end && is_plain_cased(&p[i + space + n]))
        n++;
    return n > 0 ? space + n : 0;
}

static bool is_between(uint32_t c, uint32_t low, uint32_t high)
{
    return c >= low && c <= high;
}

/* ASCII from '!' on but digits (letters went before), its full-width form, quotes, CJK stops. */
static bool is_deepseek_sign(uint32_t c)
{
    return is_between(c, '!', '/') || is_between(c, ':', '~') || is_between(c, 0xff01, 0xff0f) ||
           is_between(c, 0xff1a, 0xff5e) || is_between(c, 0x2018, 0x201f) ||
           is_between(c, 0x3001, 0x3002);
}

static size_t spaced_signs(const struct point *p, size_t i, size_t end)
{
    size_t space = (is_at(p, i, end) & WHITE) != 0, n = 0;

    while (i + space + n < end && is_deepseek_sign(p[i + space + n].c))
        n++;
    return n > 0 ? space + n : 0;
}

static size_t last_spaces(const struct point *p, size_t i, size_t end)
{
    size_t n = run_of(p, i, end, WHITE);

    return i + n == end ? n : 0;
}

static size_t east_asian(const struct point *p, size_t i, size_t end)
{
    size_t n = 0;

    while (i + n < end && (p[i + n].is & WHITE) == 0 &&
           (is_between(p[i + n].c, 0x800, 0x9fa5) || is_between(p[i + n].c, 0xac00, 0xd7ff)))
        n++;
    return n;
}

static size_t han_and_kana(const struct point *p, size_t i, size_t end)
{
    size_t n = 0;

    while (i + n < end &&
           (is_between(p[i + n].c, 0x4e00, 0x9fa5) || is_between(p[i + n].c, 0x3040, 0x30ff)))
        n++;
    return n;
}

static bool is_ascii_sign(uint32_t c)
{
    return c > ' ' && c < 127 && !is_between(c, '0', '9') && !is_between(c | 32, 'a', 'z');
}

static size_t deepseek3_words(const struct point *p, size_t i, size_t end)
{
    size_t n = 0, space;
    bool has_lead = !is_break(p[i].c) && (p[i].is & (LETTER | PUNCTUATION | SYMBOL)) == 0;

    while (is_ascii_sign(p[i].c) && i + 1 + n < end && p[i + 1 + n].c < 128 &&
           is_between(p[i + 1 + n].c | 32, 'a', 'z'))
        n++;
    if (n > 0)
        return n + 1;
    n = has_lead ? run_of(p, i + 1, end, LETTER | MARK) : 0;
    if (n > 0)
        return n + 1;
    n = run_of(p, i, end, LETTER | MARK);
    if (n > 0)
        return n;
    space = p[i].c == ' ';
    n = run_of(p, i + space, end, PUNCTUATION | SYMBOL);
    if (n > 0) {
        n += space;
        while (i + n < end && is_break(p[i + n].c))
            n++;
        return n;
    }
    n = run_of(p, i, end, WHITE);
    space = 0;
    for (size_t j = 0; j < n; j++)
        space = is_break(p[i + j].c) ? j + 1 : space;
    return space > 0 ? space : spaces(p, i, end);
}

#define GPT2                                                                                       \
    {                                                                                              \
        gpt2_words                                                                                 \
    }
#define NUMBER_GPT2                                                                                \
    {                                                                                              \
        one_number, gpt2_words                                                                     \
    }
#define DEEPSEEK3                                                                                  \
    {                                                                                              \
        three_numbers, han_and_kana, deepseek3_words                                               \
    }

static const struct wf_pretokenizer table[] = {
    {"default", {default_punctuation, gpt2_words, numbers, three_ascii_digits}, false, false},
    {"gpt-2", GPT2, false, false},
    {"phi-2", GPT2, false, false},
    {"mpt", GPT2, false, false},
    {"olmo", GPT2, false, false},
    {"jais", GPT2, false, false},
    {"exaone4", GPT2, false, false},
    {"modern-bert", GPT2, false, false},
    {"jina-v2-es", GPT2, false, false},
    {"jina-v2-de", GPT2, false, false},
    {"jina-v2-code", GPT2, false, false},
    {"roberta-bpe", GPT2, false, false},
    {"trillion", GPT2, false, false},
    {"granite-docling", GPT2, false, false},
    {"gigachat", GPT2, false, false},
    {"a.x-4.0", GPT2, false, false},
    {"mellum", GPT2, false, false},
    {"jina-v1-en", GPT2, false, false},
    {"jina-es", GPT2, false, false},
    {"jina-de", GPT2, false, false},
    {"starcoder", NUMBER_GPT2, false, false},
    {"refact", NUMBER_GPT2, false, false},
    {"command-r", NUMBER_GPT2, false, false},
    {"smollm", NUMBER_GPT2, false, false},
    {"codeshell", NUMBER_GPT2, false, false},
    {"exaone", NUMBER_GPT2, false, false},
    {"minerva-7b", NUMBER_GPT2, false, false},
    {"falcon", {falcon_punctuation, gpt2_words, three_ascii_digits}, false, false},
    {"llama-bpe", {llama3_words}, true, true},
    {"llama3", {llama3_words}, true, true},
    {"llama-v3", {llama3_words}, true, true},
    {"falcon3", {llama3_words}, true, true},
    {"pixtral", {llama3_words}, true, true},
    {"lfm2", {llama3_words}, true, true},
    {"falcon-h1", {llama3_words}, true, true},
    {"midm-2.0", {llama3_words}, true, true},
    {"jina-v5-nano", {llama3_words}, true, true},
    {"dbrx", {llama3_words}, false, false},
    {"smaug-bpe", {llama3_words}, false, false},
    {"glm4", {llama3_words}, false, false},
    {"chatglm-bpe", {llama3_words}, false, false},
    {"qwen2", {qwen2_words}, false, false},
    {"deepseek-r1-qwen", {qwen2_words}, false, false},
    {"stablelm2", {qwen2_words}, false, false},
    {"hunyuan", {qwen2_words}, false, false},
    {"megrez", {qwen2_words}, false, false},
    {"kormo", {qwen2_words}, false, false},
    {"f2llmv2", {qwen2_words}, false, false},
    {"gpt-4o", {gpt4o_words}, false, false},
    {"llama4", {gpt4o_words}, false, false},
    {"kanana2", {gpt4o_words}, false, false},
    {"tekken", {tekken_words}, true, true},
    {"deepseek-llm",
     {line_break, spaced_cased, spaced_signs, last_spaces, east_asian, numbers},
     false,
     false},
    {"deepseek-coder",
     {line_break, spaced_letters, spaced_punctuation, east_asian, one_number},
     false,
     false},
    {"deepseek-v3", DEEPSEEK3, false, false},
    {"hunyuan-dense", DEEPSEEK3, false, false},
};

const struct wf_pretokenizer *wf_pretokenizer_by_name(struct wf_str name)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (wf_str_eq(name, wf_str_from(table[i].name)))
            return &table[i];
    }
    return NULL;
}

bool wf_pretokenizer_adds_bos(const struct wf_pretokenizer *p)
{
    return p->adds_bos;
}

bool wf_pretokenizer_takes_whole_words(const struct wf_pretokenizer *p)
{
    return p->takes_whole_words;
}

struct cut {
    const struct wf_pretokenizer *pre;
    struct wf_str text;
    const struct point *points; /* one more behind the last, at the text's end */
    wf_word_fn fn;
    void *ud;
};

/* Points [from, to) through the passes from i_pass on. */
static int run_passes(const struct cut *c, size_t i_pass, size_t from, size_t to)
{
    size_t last = from, n;
    int rc = 0;

    if (from == to)
        return 0;
    if (i_pass == PASSES_MAX || c->pre->passes[i_pass] == NULL)
        return c->fn(c->ud, wf_str_sub(c->text, c->points[from].offset, c->points[to].offset));
    for (size_t i = from; i < to && rc == 0; i += n) {
        n = c->pre->passes[i_pass](c->points, i, to);
        if (n == 0) {
            n = 1;
            continue;
        }
        rc = run_passes(c, i_pass + 1, last, i);
        if (rc == 0)
            rc = run_passes(c, i_pass + 1, i, i + n);
        last = i + n;
    }
    return rc == 0 ? run_passes(c, i_pass + 1, last, to) : rc;
}

int wf_pretokenizer_cut(const struct wf_pretokenizer *p, struct wf_str text, wf_word_fn fn,
                        void *ud)
{
    struct point *points = wf_alloc_array(text.len + 1, sizeof(*points));
    size_t n = 0, i = 0;
    bool is_valid;
    int rc;

    if (points == NULL)
        return WF_E_NOMEM;
    while (i < text.len) {
        points[n].offset = (uint32_t)i;
        points[n].c = wf_vocab__next_point(text, &i, &is_valid);
        points[n].is = is_valid ? categories_of(points[n].c) : 0;
        n++;
    }
    points[n].offset = (uint32_t)text.len;
    struct cut c = {p, text, points, fn, ud};
    rc = run_passes(&c, 0, 0, n);
    wf_free(points);
    return rc;
}

/* Bytes that are printable as they are: all but these four ranges. */
static bool is_shown(uint32_t b)
{
    return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
}

uint32_t wf_alphabet_point(uint8_t byte)
{
    uint32_t b = byte;

    if (is_shown(b))
        return b;
    if (b <= 32)
        return 256 + b;
    return b == 173 ? 256 + 67 : 256 + 33 + (b - 127);
}

int wf_alphabet_byte(uint32_t point)
{
    if (point < 256)
        return is_shown(point) ? (int)point : -1;
    if (point < 256 + 33)
        return (int)(point - 256);
    if (point < 256 + 67)
        return (int)(point - 256 - 33 + 127);
    return point == 256 + 67 ? 173 : -1;
}

int wf_alphabet_append(struct wf_buf *out, struct wf_str bytes)
{
    char point[4];

    for (size_t i = 0; i < bytes.len; i++) {
        size_t n = wf_utf8_put(point, wf_alphabet_point((uint8_t)bytes.ptr[i]));
        (void)wf_buf_append(out, point, n);
    }
    return wf_buf_status(out);
}
