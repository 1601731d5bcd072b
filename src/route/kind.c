/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of request a text is, by a few words that people ask with, and its form: enough to keep
 * apart what is learned of answers; a wrong guess only makes it learn slower. */
#include <string.h>

#include "route/route.h"
#include "text/word.h"

/* What asks stands at the begin, or at the end below what was pasted. */
#define LOOK_BYTES 600u

/* Beginnings of folded words in en de es fr it pt nl; by kind. */
static const struct {
    const char *word;
    uint8_t kind, weight;
} words[] = {
    {"translat", WF_KIND_TRANSLATE, 3},
    {"ubersetz", WF_KIND_TRANSLATE, 3},
    {"traduc", WF_KIND_TRANSLATE, 3},
    {"traduz", WF_KIND_TRANSLATE, 3},
    {"traduis", WF_KIND_TRANSLATE, 3},
    {"traduir", WF_KIND_TRANSLATE, 3},
    {"tradur", WF_KIND_TRANSLATE, 3},
    {"traduci", WF_KIND_TRANSLATE, 3},
    {"vertaal", WF_KIND_TRANSLATE, 3},
    {"summar", WF_KIND_SUMMARIZE, 3},
    {"zusammenfass", WF_KIND_SUMMARIZE, 3},
    {"fasse", WF_KIND_SUMMARIZE, 2},
    {"resum", WF_KIND_SUMMARIZE, 3},
    {"riassu", WF_KIND_SUMMARIZE, 3},
    {"samenvat", WF_KIND_SUMMARIZE, 3},
    {"tldr", WF_KIND_SUMMARIZE, 3},
    {"code", WF_KIND_CODE, 2},
    {"function", WF_KIND_CODE, 2},
    {"python", WF_KIND_CODE, 3},
    {"javascript", WF_KIND_CODE, 3},
    {"sql", WF_KIND_CODE, 3},
    {"bug", WF_KIND_CODE, 2},
    {"compil", WF_KIND_CODE, 2},
    {"regex", WF_KIND_CODE, 3},
    {"funktion", WF_KIND_CODE, 2},
    {"program", WF_KIND_CODE, 1},
    {"skript", WF_KIND_CODE, 2},
    {"script", WF_KIND_CODE, 2},
    {"calculat", WF_KIND_MATH, 3},
    {"comput", WF_KIND_MATH, 1},
    {"solve", WF_KIND_MATH, 2},
    {"equation", WF_KIND_MATH, 3},
    {"prove", WF_KIND_MATH, 2},
    {"integral", WF_KIND_MATH, 3},
    {"percent", WF_KIND_MATH, 1},
    {"berechn", WF_KIND_MATH, 3},
    {"rechne", WF_KIND_MATH, 3},
    {"gleichung", WF_KIND_MATH, 3},
    {"calcul", WF_KIND_MATH, 3},
    {"ecuaci", WF_KIND_MATH, 3},
    {"calcol", WF_KIND_MATH, 3},
    {"write", WF_KIND_WRITE, 2},
    {"essay", WF_KIND_WRITE, 3},
    {"poem", WF_KIND_WRITE, 3},
    {"story", WF_KIND_WRITE, 2},
    {"letter", WF_KIND_WRITE, 2},
    {"draft", WF_KIND_WRITE, 2},
    {"schreib", WF_KIND_WRITE, 2},
    {"gedicht", WF_KIND_WRITE, 3},
    {"brief", WF_KIND_WRITE, 1},
    {"escrib", WF_KIND_WRITE, 2},
    {"redige", WF_KIND_WRITE, 2},
    {"ecris", WF_KIND_WRITE, 2},
    {"scrivi", WF_KIND_WRITE, 2},
    {"escrev", WF_KIND_WRITE, 2},
    {"schrijf", WF_KIND_WRITE, 2},
};

static void count_words(struct wf_str text, unsigned *counts)
{
    struct wf_words w;
    struct wf_word word;

    wf_words_init(&w, text);
    while (wf_words_next(&w, &word)) {
        for (size_t i = 0; i < WF_ARRAY_LEN(words); i++) {
            if (wf_str_starts(wf_str_n(word.text, word.len), wf_str_from(words[i].word)))
                counts[words[i].kind] += words[i].weight;
        }
    }
}

/* Lines that begin with A, B, C and a stop: answers to choose from. */
static bool gives_choices(struct wf_str text)
{
    struct wf_str line;
    char next = 'A';

    while (next <= 'C' && wf_str_line(&text, &line)) {
        line = wf_str_trim(line);
        if (line.len > 2 && line.ptr[0] == next && (line.ptr[1] == '.' || line.ptr[1] == ')'))
            next++;
    }
    return next > 'C';
}

enum wf_kind wf_kind_of(struct wf_str text, bool has_tools)
{
    unsigned counts[WF_KIND_COUNT] = {0}, n_digits = 0;
    enum wf_kind best = WF_KIND_CHAT;
    size_t from = text.len > LOOK_BYTES ? text.len - LOOK_BYTES : 0;
    struct wf_str begin = wf_str_sub(text, 0, LOOK_BYTES);

    if (has_tools)
        return WF_KIND_TOOLS;
    if (gives_choices(wf_str_sub(text, text.len > 4096 ? text.len - 4096 : 0, text.len)))
        return WF_KIND_CHOICE;
    while (from < text.len && ((unsigned char)text.ptr[from] & 0xc0) == 0x80)
        from++;
    while (begin.len > 0 && begin.len < text.len &&
           ((unsigned char)text.ptr[begin.len] & 0xc0) == 0x80)
        begin.len--;
    count_words(begin, counts);
    if (from > begin.len)
        count_words(wf_str_sub(text, from, text.len), counts);
    for (size_t i = 0; i < begin.len; i++)
        n_digits += begin.ptr[i] >= '0' && begin.ptr[i] <= '9';
    counts[WF_KIND_CODE] += wf_str_find(text, WF_STR("```"), 0) != SIZE_MAX ? 3 : 0;
    counts[WF_KIND_MATH] += n_digits >= 4 && begin.len < LOOK_BYTES ? 1 : 0;
    counts[WF_KIND_CHAT] = 1;
    for (unsigned k = 0; k < WF_KIND_COUNT; k++)
        best = counts[k] > counts[best] ? (enum wf_kind)k : best;
    return best;
}

uint32_t wf_tokens_about(struct wf_str text)
{
    size_t n_ascii = 0;

    for (size_t i = 0; i < text.len; i++)
        n_ascii += ((unsigned char)text.ptr[i] & 0x80) == 0;
    n_ascii = n_ascii / 4 + (text.len - n_ascii) * 2 / 5;
    return n_ascii < UINT32_MAX / 2 ? (uint32_t)n_ascii + 1 : UINT32_MAX / 2;
}
