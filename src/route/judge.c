/* SPDX-License-Identifier: Apache-2.0 */
/* Answers against what is expected of them. */
#include "route/judge.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/config.h"
#include "text/word.h"

#define DIGITS_MAX 40
#define WORDS_MAX 64 /* of what is expected; a longer one is compared by its beginning */

/* ---- choices ---- */

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

static char capital(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Whether the letter at i is the name of a choice. "A" and "I" are words, too: they need a mark, or
 * to be the last word. */
static bool is_choice_at(struct wf_str s, size_t i)
{
    const char next = i + 1 < s.len ? s.ptr[i + 1] : '\0';
    size_t k = i + 1;

    if (s.ptr[i] < 'A' || s.ptr[i] > 'J' ||
        (i > 0 && (is_word_byte(s.ptr[i - 1]) || s.ptr[i - 1] == '\'')) ||
        (k < s.len && (is_word_byte(next) || next == '\'')))
        return false;
    if (s.ptr[i] != 'A' && s.ptr[i] != 'I')
        return true;
    while (k < s.len && !is_word_byte(s.ptr[k]))
        k++;
    return k == s.len || (next != ' ' && next != '\n');
}

/* The last place of a word, whatever its case; SIZE_MAX: there is none. */
static size_t last_of(struct wf_str s, const char *word)
{
    const size_t n = strlen(word);

    for (size_t i = s.len; i-- > 0;) {
        if (s.len - i >= n && strncasecmp(s.ptr + i, word, n) == 0)
            return i;
    }
    return SIZE_MAX;
}

/* The letter that an answer names, 0: none, or several. */
static char choice_of(struct wf_str s)
{
    const size_t at = last_of(s, "answer");
    char found = '\0';

    if (s.len > 0 && (s.len == 1 || !is_word_byte(s.ptr[1])) && capital(s.ptr[0]) <= 'J' &&
        capital(s.ptr[0]) >= 'A' && (s.len == 1 || s.ptr[1] != ' '))
        return capital(s.ptr[0]); /* "b", "b) Paris" */
    for (size_t i = at == SIZE_MAX ? s.len : at; i < s.len; i++) {
        if (is_choice_at(s, i))
            return s.ptr[i];
    }
    for (size_t i = 0; i < s.len; i++) {
        if (!is_choice_at(s, i))
            continue;
        if (found != '\0' && found != s.ptr[i])
            return '\0';
        found = s.ptr[i];
    }
    return found;
}

/* ---- numbers ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The number that begins at i (a digit, or a point before one), and where it ends. A comma before
 * three digits groups. */
static bool number_at(struct wf_str s, size_t i, double *out, size_t *out_end)
{
    char digits[DIGITS_MAX + 2];
    size_t n = 0;
    bool has_point = false;
    const bool is_negative =
        i > 0 && s.ptr[i - 1] == '-' && (i == 1 || !is_word_byte(s.ptr[i - 2]));

    if (is_negative)
        digits[n++] = '-';
    for (; i < s.len && n < DIGITS_MAX; i++) {
        const bool digit_next = i + 1 < s.len && is_digit(s.ptr[i + 1]);
        const bool groups = s.ptr[i] == ',' && !has_point && i + 3 < s.len && digit_next &&
                            is_digit(s.ptr[i + 2]) && is_digit(s.ptr[i + 3]) &&
                            (i + 4 == s.len || !is_digit(s.ptr[i + 4]));
        if (groups)
            continue;
        if (!is_digit(s.ptr[i]) && (s.ptr[i] != '.' || has_point || !digit_next))
            break;
        has_point |= s.ptr[i] == '.';
        digits[n++] = s.ptr[i];
    }
    *out_end = i;
    return wf_str_to_f64(wf_str_n(digits, n), out);
}

/* The last number of a text. */
static bool last_number(struct wf_str s, double *out)
{
    bool has = false;

    for (size_t i = 0; i < s.len;) {
        size_t end = i + 1;
        const bool begins = is_digit(s.ptr[i]) && (i == 0 || !is_word_byte(s.ptr[i - 1]));
        double v;
        if (begins && number_at(s, i, &v, &end)) {
            *out = v;
            has = true;
        }
        i = end;
    }
    return has;
}

/* Whether a text is a number and nothing else but signs of money, percent and spaces. */
static bool is_number(struct wf_str s, double *out)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i]) && strchr(" ,.-+$%", s.ptr[i]) == NULL)
            return false;
    }
    return last_number(s, out);
}

/* ---- words ---- */

static bool has_words(struct wf_str answer, struct wf_str expected)
{
    static const struct wf_word none = {.len = 0};
    struct wf_word wanted[WORDS_MAX], ring[WORDS_MAX];
    struct wf_words w;
    size_t n = 0, at = 0;

    wf_words_init(&w, expected);
    while (n < WORDS_MAX && wf_words_next(&w, &wanted[n]))
        n++;
    if (n == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        ring[i] = none;
    wf_words_init(&w, answer);
    while (wf_words_next(&w, &ring[at % n])) {
        bool is_same = true;
        at++;
        for (size_t k = 0; is_same && k < n; k++) {
            const struct wf_word *x = &ring[(at + k) % n];
            is_same = x->len == wanted[k].len && memcmp(x->text, wanted[k].text, x->len) == 0;
        }
        if (is_same)
            return true;
    }
    return false;
}

bool wf_judge_is_right(struct wf_str answer, struct wf_str expected)
{
    double wanted, said;

    answer = wf_str_trim(answer);
    expected = wf_str_trim(expected);
    if (expected.len == 1 && capital(expected.ptr[0]) >= 'A' && capital(expected.ptr[0]) <= 'J')
        return choice_of(answer) == capital(expected.ptr[0]);
    if (is_number(expected, &wanted))
        return last_number(answer, &said) && fabs(said - wanted) <= 1e-6 * fmax(1, fabs(wanted));
    return has_words(answer, expected);
}
