/* SPDX-License-Identifier: Apache-2.0 */
/* Points that end no sentence: abbreviations, initials, acronyms, ordinals, marks of list items.
 *
 * The idea: the word before the point decides whether it may be one of those; then only a function
 * word behind it (The, In, Er) is taken for the begin of a sentence: "the U.S. Army" against "in
 * the U.S. The army". Looks at most WF_SENTENCE_LOOK_MAX bytes around. */
#include <assert.h>
#include <string.h>

#include <utf8proc.h>

#include "base/config.h"
#include "text/abbreviation.h"
#include "text/sentence_internal.h"
#include "text/utf8.h"
#include "text/word.h"

#define ABBREVIATION_MAX 12 /* bytes of the longest abbreviation, at least */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_part(uint32_t cp)
{
    if (cp == '.')
        return true;
    enum wf_next n = wf_text__next_of(cp);
    return n == WF_NEXT_LOWER || n == WF_NEXT_UPPER || n == WF_NEXT_CASELESS || n == WF_NEXT_DIGIT;
}

/* The word that ends at `end`: letters, digits and inner points. */
static struct wf_str word_before(struct wf_str s, size_t start, size_t end)
{
    size_t from = end;
    while (from > start && end - from < WF_SENTENCE_LOOK_MAX) {
        size_t prev = from - 1;
        while (prev > start && ((unsigned char)s.ptr[prev] & 0xC0) == 0x80)
            prev--;
        if (!is_word_part(wf_text__peek(s, prev)))
            break;
        from = prev;
    }
    return wf_str_sub(s, from, end);
}

static enum wf_abbreviation abbreviation_of(struct wf_str word)
{
    char lower[ABBREVIATION_MAX + 8];
    size_t n = 0, i = 0;
    if (word.len > ABBREVIATION_MAX)
        return WF_ABBREVIATION_NONE;
    while (i < word.len && n < ABBREVIATION_MAX) {
        utf8proc_int32_t cp = (utf8proc_int32_t)wf_utf8_next(word, &i);
        n += wf_utf8_put(lower + n, (uint32_t)utf8proc_tolower(cp));
    }
    return i < word.len ? WF_ABBREVIATION_NONE : wf_text__abbreviation(wf_str_n(lower, n));
}

/* True when the word at i is a function word, which often begins a sentence. */
static bool is_starter(struct wf_str s, size_t i)
{
    struct wf_str rest = wf_str_sub(s, i, i + WF_SENTENCE_LOOK_MAX);
    struct wf_words w;
    struct wf_word word;
    wf_words_init(&w, wf_str_sub(rest, 0, wf_utf8_valid_prefix(rest)));
    return wf_words_next(&w, &word) && wf_word_is_stop(wf_str_n(word.text, word.len));
}

static bool has_only(struct wf_str s, const char *chars)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == 0 || !strchr(chars, s.ptr[i]))
            return false;
    return s.len > 0;
}

/* German writes ordinals as "am 3. Oktober": a short number behind such a word. */
static bool is_ordinal(struct wf_str s, size_t start, struct wf_str number)
{
    static const char *const before[] = {"am",  "im",  "vom",  "zum", "zur", "beim",
                                         "der", "die", "das",  "dem", "den", "des",
                                         "ab",  "bis", "seit", "und", "vor"};
    if (number.len > 2 || !has_only(number, "0123456789"))
        return false;
    size_t end = (size_t)(number.ptr - s.ptr);
    struct wf_str word = word_before(s, start, wf_text__trim_end(s, start, end));
    for (size_t i = 0; i < WF_ARRAY_LEN(before); i++)
        if (wf_str_eq_nocase(word, wf_str_from(before[i])))
            return true;
    return false;
}

/* "1.", "2.1.", "a.", "IV." at the very start: the mark of a list's item. */
static bool is_list_mark(struct wf_str word, bool is_letter)
{
    return is_letter || has_only(word, "0123456789.") ||
           (word.len <= 5 && (has_only(word, "ivx") || has_only(word, "IVX")));
}

/* "U.S", "e.g": points between parts of one or two letters. */
static bool is_acronym(struct wf_str word)
{
    size_t part = 0, n_points = 0;
    if (is_digit(word.ptr[0]))
        return false;
    for (size_t i = 0; i < word.len; i++) {
        part = word.ptr[i] == '.' ? 0 : part + (((unsigned char)word.ptr[i] & 0xC0) != 0x80);
        n_points += word.ptr[i] == '.';
        if (part > 2)
            return false;
    }
    return n_points > 0;
}

/* One letter of a script that has capitals: an initial. */
static bool is_initial(struct wf_str word)
{
    size_t i = 0;
    enum wf_next n = wf_text__next_of(wf_utf8_next(word, &i));
    return i == word.len && (n == WF_NEXT_UPPER || n == WF_NEXT_LOWER);
}

bool wf_text__is_end_at_point(struct wf_str s, size_t start, size_t i, const struct wf_ahead *a)
{
    assert(start <= i && i < s.len);
    struct wf_str word = word_before(s, start, i);
    if (word.len == 0 || a->end != i + 1)
        return true; /* a closing quote or bracket stands between: the point was meant */
    bool is_letter = is_initial(word);
    if (word.ptr == s.ptr + start && is_list_mark(word, is_letter))
        return false;
    size_t first = 0;
    bool is_capital = wf_text__next_of(wf_utf8_next(word, &first)) == WF_NEXT_UPPER;
    switch (abbreviation_of(word)) {
    case WF_ABBREVIATION_NEVER:
        return a->next == WF_NEXT_END;
    case WF_ABBREVIATION_TITLE:
        if (is_capital)
            return a->next == WF_NEXT_END;
        break;
    case WF_ABBREVIATION_NUMBER:
        if (a->next == WF_NEXT_DIGIT)
            return false;
        break;
    case WF_ABBREVIATION_ENDS:
        return a->next != WF_NEXT_DIGIT && (a->next != WF_NEXT_UPPER || is_starter(s, a->word));
    case WF_ABBREVIATION_NONE:
        break;
    }
    if (is_letter || is_acronym(word))
        return a->next != WF_NEXT_DIGIT && (a->next != WF_NEXT_UPPER || is_starter(s, a->word));
    return !is_ordinal(s, start, word);
}
