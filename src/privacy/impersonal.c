/* SPDX-License-Identifier: Apache-2.0 */
/* Words that begin questions, and words for who asks. */
#include "privacy/impersonal.h"

#include <stdint.h>

/* A question is short. */
#define QUESTION_MOST 600
#define CHOICES_LEAST 3

static const char *const questions[] = {
    "what",    "which",   "who",      "whom",    "whose",   "when",    "where",    "why",
    "how",     "in",      "on",       "at",      "for",     "is",      "are",      "was",
    "were",    "did",     "does",     "do",      "name",    "under",   "was",      "welche",
    "welcher", "welches", "welchem",  "welchen", "wer",     "wen",     "wem",      "wessen",
    "wann",    "wo",      "warum",    "wie",     "mit",     "woher",   "wohin",    "wodurch",
    "wofür",   "quel",    "quelle",   "quels",   "quelles", "qui",     "que",      "quoi",
    "quand",   "où",      "pourquoi", "comment", "combien", "qué",     "cuál",     "cuáles",
    "quién",   "quiénes", "cuándo",   "dónde",   "cómo",    "cuánto",  "cuántos",  "cuántas",
    "para",    "por",     "che",      "cosa",    "quale",   "quali",   "chi",      "quando",
    "dove",    "perché",  "come",     "quanto",  "quanti",  "quem",    "qual",     "quais",
    "onde",    "como",    "wat",      "welke",   "wie",     "wanneer", "waar",     "waarom",
    "hoe",     "ce",      "care",     "cine",    "când",    "unde",    "cum",      "câți",
    "cât",     "după",    "co",       "kto",     "kiedy",   "gdzie",   "dlaczego", "jak",
    "jaki",    "jaka",    "jakie",    "który",   "która",   "что",     "кто",      "когда",
    "где",     "почему",  "как",      "какой",   "какая",   "какое",   "какие",    "сколько",
    "чем",     "кого",    "vad",      "vilken",  "vilket",  "vilka",   "vem",      "när",
    "var",     "varför",  "hur",      "hvad",    "hvem",    "hvornår", "hvor",     "hvorfor",
    "hvordan", "hva",     "hvilken",  "hvilket", "hvilke",  "når",
};

/* Who asks, and whose: pronouns, and verbs where they are left out. */
static const char *const selves[] = {
    "i",       "i'm",     "i've",    "my",     "me",      "mine",      "myself",  "we",
    "our",     "us",      "ours",    "im",     "ich",     "mein",      "meine",   "meinem",
    "meinen",  "meiner",  "meines",  "mir",    "mich",    "wir",       "unser",   "unsere",
    "unserem", "unseren", "unserer", "uns",    "je",      "j'ai",      "mon",     "ma",
    "mes",     "moi",     "nous",    "notre",  "nos",     "yo",        "mi",      "mis",
    "mí",      "tengo",   "estoy",   "soy",    "he",      "nosotros",  "nuestro", "nuestra",
    "debo",    "puedo",   "io",      "mio",    "mia",     "miei",      "mie",     "ho",
    "sono",    "noi",     "nostro",  "nostra", "devo",    "posso",     "eu",      "meu",
    "minha",   "meus",    "minhas",  "tenho",  "estou",   "sou",       "nosso",   "nossa",
    "ik",      "mijn",    "mij",     "wij",    "ons",     "onze",      "mea",     "mele",
    "mei",     "meu",     "am",      "sunt",   "noastră", "nostru",    "mam",     "jestem",
    "mój",     "moja",    "moje",    "mojego", "mojej",   "mnie",      "nasz",    "nasza",
    "я",       "мой",     "моя",     "моё",    "мое",     "мои",       "моего",   "моей",
    "моему",   "мне",     "меня",    "мы",     "наш",     "наша",      "нас",     "jag",
    "min",     "mitt",    "mina",    "mig",    "vi",      "vår",       "vårt",    "jeg",
    "mit",     "mine",    "meg",     "vores",  "vår",     "patient's", "her",     "his",
    "she",     "he's",    "sie",     "ihr",    "ihre",    "sein",      "seine",   "elle",
    "sa",      "ses",     "ella",    "su",     "sus",     "lei",       "suo",     "sua",
    "ela",     "dele",    "dela",    "hij",    "zij",     "haar",      "zijn",    "он",
    "она",     "его",     "её",      "ее",     "hon",     "han",       "hans",    "hennes",
    "hun",     "hendes",  "hennes",
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '\'' || (uint8_t)c >= 0x80;
}

static bool is_among(struct wf_str word, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (wf_str_eq_nocase(word, wf_str_from(list[i])))
            return true;
    return false;
}

/* The next word from *io_i on; false: there is none. Capitals beyond ASCII count as others. */
static bool next_word(struct wf_str t, size_t *io_i, struct wf_str *out)
{
    size_t i = *io_i, end;

    while (i < t.len && !is_letter(t.ptr[i]))
        i++;
    for (end = i; end < t.len && is_letter(t.ptr[end]);)
        end++;
    *io_i = end;
    *out = wf_str_sub(t, i, end);
    return end > i;
}

bool wf_is_quiz(struct wf_str t)
{
    char next = 'A';

    for (size_t i = 0; i + 2 < t.len; i++) {
        const bool begins = i > 0 && t.ptr[i - 1] == '\n';
        const size_t at = i + (t.ptr[i] == '(');
        if (begins && t.ptr[at] == next && at + 1 < t.len &&
            (t.ptr[at + 1] == '.' || t.ptr[at + 1] == ')'))
            next++;
    }
    return next >= 'A' + CHOICES_LEAST;
}

/* Russian words begin with a capital there: "Что", "Как". */
static bool begins_question(struct wf_str word)
{
    static const char *const capitals[] = {"Что",   "Кто",   "Когда", "Где",   "Почему",  "Как",
                                           "Какой", "Какая", "Какое", "Какие", "Сколько", "Чем",
                                           "Кого",  "Où",    "Când",  "När",   "Când"};

    /* "¿Qué": the mark before it is beyond ASCII. */
    if (word.len > 2 && (uint8_t)word.ptr[0] == 0xc2 && (uint8_t)word.ptr[1] == 0xbf)
        word = wf_str_sub(word, 2, word.len);
    return is_among(word, questions, WF_ARRAY_LEN(questions)) ||
           is_among(word, capitals, WF_ARRAY_LEN(capitals));
}

static bool has_self(struct wf_str t)
{
    struct wf_str word;
    size_t i = 0;

    while (next_word(t, &i, &word))
        if (is_among(word, selves, WF_ARRAY_LEN(selves)))
            return true;
    return false;
}

bool wf_is_question(struct wf_str text)
{
    static const char *const marks[] = {"?", "？", "؟", "՞"};
    const struct wf_str t = wf_str_trim(text);

    if (t.len > QUESTION_MOST || has_self(t))
        return false;
    for (size_t i = 0; i < WF_ARRAY_LEN(marks); i++)
        if (wf_str_ends(t, wf_str_from(marks[i])))
            return true;
    /* Greek has ";" for it. */
    return t.len > 2 && t.ptr[t.len - 1] == ';' && (uint8_t)t.ptr[t.len - 2] >= 0x80;
}

bool wf_is_impersonal(struct wf_str text)
{
    const struct wf_str t = wf_str_trim(text);
    struct wf_str word;
    size_t i = 0;

    if (wf_is_quiz(t))
        return true;
    return wf_is_question(t) && next_word(t, &i, &word) && begins_question(word);
}
