/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a sentence as the summarizer weighs them.
 *
 * The idea: content words stand by a prefix that most of their inflections share (the first 70
 * hundredths, at least five letters), which works alike in many languages and needs no tables.
 * Pronouns of the first and second person are counted, because sentences in which people address
 * each other tell less than those that tell about something; capitals within a sentence, because
 * names carry a story. Words in brackets by themselves ({pause}, [laughter]) are notes of a
 * transcriber, not words. */
#include <assert.h>
#include <string.h>

#include "base/config.h"
#include "skill/summarize_internal.h"
#include "text/sentence.h"
#include "text/word.h"

#define HEADER_WORDS 7 /* lines this short that differ by their numbers are one page header */

/* Folded, sorted by bytes. Without those that mean something else in another language (er, was,
 * min, te). */
static const char *const speech[] = {
    "bana",    "ben",     "beni",    "benim",  "biz",      "bizi",     "bizim",     "ciebie",
    "dein",    "deine",   "dich",    "dig",    "dir",      "du",       "euch",      "euer",
    "i",       "ich",     "ik",      "io",     "jag",      "je",       "jij",       "jou",
    "jouw",    "jullie",  "me",      "mein",   "meine",    "meinen",   "meiner",    "meu",
    "mi",      "mia",     "mich",    "miei",   "mig",      "mij",      "mijn",      "mine",
    "minha",   "mio",     "mir",     "mitt",   "mnie",     "moi",      "moj",       "moja",
    "mon",     "my",      "myself",  "nas",    "nasz",     "noi",      "nos",       "nosotros",
    "nossa",   "nosso",   "nostra",  "nostro", "nostru",   "notre",    "noua",      "nous",
    "nuestra", "nuestro", "ons",     "oss",    "our",      "ours",     "ourselves", "seni",
    "senin",   "siz",     "sizi",    "sizin",  "tes",      "teu",      "toi",       "tu",
    "tua",     "tuo",     "twoj",    "ty",     "uns",      "unser",    "unsere",    "usted",
    "ustedes", "voce",    "voces",   "voi",    "vos",      "vosotros", "vostro",    "votre",
    "voua",    "vous",    "vuestro", "wasz",   "we",       "wij",      "wir",       "wy",
    "yo",      "you",     "your",    "yours",  "yourself", "вам",      "вас",       "ваш",
    "вы",      "меня",    "мне",     "мнои",   "мои",      "моя",      "мы",        "нам",
    "нас",     "наш",     "твои",    "тебе",   "тебя",     "ты",       "я",
};

static bool is_in(struct wf_str word, const char *const *table, size_t n)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = wf_str_cmp(word, wf_str_from(table[mid]));
        if (order == 0)
            return true;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return false;
}

static bool is_all_digits(struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return true;
}

/* A transcriber's note: the word alone in brackets. */
static bool is_note(struct wf_str s, const struct wf_word *w)
{
    if (w->start == 0 || w->end >= s.len)
        return false;
    char open = s.ptr[w->start - 1], close = s.ptr[w->end];
    return (open == '{' && close == '}') || (open == '[' && close == ']' && w->start > 1);
}

/* A capital that does not begin the sentence: behind a space behind a letter or comma. */
static bool is_name(struct wf_str s, const struct wf_word *w)
{
    if (w->start < 2 || s.ptr[w->start] < 'A' || s.ptr[w->start] > 'Z' || w->end - w->start < 2)
        return false;
    char before = s.ptr[w->start - 2];
    return s.ptr[w->start - 1] == ' ' && ((before >= 'a' && before <= 'z') || before == ',');
}

static uint64_t mix(uint64_t hash, struct wf_str word)
{
    return (hash ^ wf_str_hash(word, 2)) * UINT64_C(0x9E3779B97F4A7C15);
}

void wf_summarize__words(struct wf_str sentence, struct wf_sum_words *out)
{
    *out = (struct wf_sum_words){0};
    uint64_t hash = 0; /* without numbers */
    unsigned n_numbers = 0;
    struct wf_words walk;
    struct wf_word word;
    size_t label = wf_sentence_label(sentence);
    out->has_label = label > 0;
    out->is_markup =
        sentence.len > 1 && sentence.ptr[0] == '<' && sentence.ptr[sentence.len - 1] == '>';
    wf_words_init(&walk, sentence);
    while (wf_words_next(&walk, &word)) {
        if (is_note(sentence, &word))
            continue;
        struct wf_str folded = wf_str_n(word.text, word.len);
        out->n_words += word.is_pair ? 0.5F : 1.0F;
        if (is_all_digits(folded))
            n_numbers++;
        else
            hash = mix(hash, folded);
        out->hash = mix(out->hash, folded);
        out->n_names += is_name(sentence, &word);
        if (folded.len <= 12 && is_in(folded, speech, WF_ARRAY_LEN(speech)))
            out->n_speech++;
        if (out->n_terms == WF_SUM_SENTENCE_TERMS || wf_word_is_stop(folded))
            continue;
        out->terms[out->n_terms++] = wf_word_stem(&word);
        if (word.start < label)
            out->n_label = out->n_terms;
    }
    if (n_numbers > 0 && out->n_words - (float)n_numbers <= HEADER_WORDS)
        out->hash = hash;
}

size_t wf_summarize__query(struct wf_str about, uint64_t out_terms[WF_SUM_QUERY_MAX])
{
    struct wf_words walk;
    struct wf_word word;
    size_t n = 0;
    wf_words_init(&walk, about);
    while (n < WF_SUM_QUERY_MAX && wf_words_next(&walk, &word)) {
        struct wf_str folded = wf_str_n(word.text, word.len);
        if (wf_word_is_stop(folded) || wf_word_is_asking(folded))
            continue;
        uint64_t hash = wf_word_stem(&word);
        bool is_known = false;
        for (size_t i = 0; i < n; i++)
            is_known = is_known || out_terms[i] == hash;
        if (!is_known)
            out_terms[n++] = hash;
    }
    return n;
}
