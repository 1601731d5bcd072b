/* SPDX-License-Identifier: Apache-2.0 */
/* What a question asks for: a number, a time, a person, a place, a reason.
 *
 * A table of the words with which questions are asked, one row a type and language. In languages
 * with spaces a pattern is a run of folded words anywhere in the question, with ^ before it only at
 * the start, because it means something else in another language; in Chinese, Japanese and
 * Thai it is a piece of the text. The first row that fits decides, so that "what year" stands
 * before "what", and "how many years" before both.
 *
 * The test of a sentence is as coarse: a number or a year is digits (or a Chinese numeral) that the
 * question has not, a person or place a capitalised word inside the sentence. Scripts without
 * capitals get the middle value.
 *
 * Deliberately absent: a grammar of questions. */
#include <string.h>
#include <utf8proc.h>

#include "skill/ask_internal.h"
#include "text/utf8.h"
#include "text/word.h"

#define WORDS_MAX 64
/* What a sentence gets when its script does not tell. */
#define UNKNOWN 0.5
/* What a number is worth where an amount of money may be asked for. */
#define NO_MONEY 0.7

struct row {
    enum wf_ask_type type;
    const char *patterns; /* parted by '|'; folded when they are compared */
};

static const struct row spaced[] = {
    {WF_ASK_TIME, "what year|which year|what date|which date|what day|what month|what century|"
                  "what time|which century|how long ago|when"},
    {WF_ASK_AMOUNT, "how much|what price|what is the price|what does it cost|wie viel|wieviel|"
                    "wie teuer|cuanto cuesta|cuanto vale|quanto custa|quanto costa|combien coute|"
                    "hoeveel kost|ile kosztuje|сколько стоит|πόσο κοστίζει"},
    {WF_ASK_NUMBER, "how many|how old|how long|how far|how tall|how high|how often|"
                    "how large|how big|how deep|what percentage|what percent|what number|"
                    "what is the population|how fast|how heavy"},
    {WF_ASK_TIME, "wann|welchem jahr|welches jahr|welchem datum|welchem tag|welchem jahrhundert"},
    {WF_ASK_NUMBER, "wie viele|wieviele|wie alt|wie lang|wie lange|wie hoch|"
                    "wie gross|wie weit|wie oft|wie tief|wie schwer"},
    {WF_ASK_TIME, "cuando|que ano|que fecha|que dia|que siglo|que mes|quando|em que ano|"
                  "in che anno|quand|quelle annee|quelle date|quel siecle|wanneer|welk jaar"},
    {WF_ASK_NUMBER, "cuantos|cuantas|cuanto|cuanta|quantos|quantas|quanto|quanta|quanti|quante|"
                    "combien|quel pourcentage|que porcentaje|hoeveel|hoe oud|hoe lang"},
    {WF_ASK_TIME, "^cand|ce an|in ce an|ce data|kiedy|ktorym roku|^nar|vilket ar|ne zaman|"
                  "hangi yil|hangi tarih|hangi yilda|hangi tarihte"},
    {WF_ASK_NUMBER, "^cate|^cati|cat de|ce procent|^ile|ilu|hur manga|hur mycket|kac|kaci|kactir|"
                    "yuzde kaci|ne kadar"},
    {WF_ASK_TIME, "khi nao|nam nao|ngay nao|nao nam|когда|каком году|какого года|какой год|"
                  "каком веке|ποτε|ποιο ετος|ποια χρονια|ποια ημερομηνια|متى|اي عام|أي عام|"
                  "أي سنة|कब|किस वर्ष|किस साल"},
    {WF_ASK_NUMBER, "bao nhieu|bao lau|^may|сколько|скольких|какой процент|ποσα|ποσοι|ποσες|ποσο|"
                    "ποση|كم|كم عدد|कितने|कितनी|कितना"},
    {WF_ASK_PERSON,
     "who|whom|whose|^wer|wem|^wen|wessen|quien|quienes|^quem|^chi|^qui|wie was|cine|"
     "^cui|^kto|^vem|^kim|kimin|kimdir|^ai|кто|кого|кому|кем|чей|ποιος|ποιοι|من هو|"
     "من هي|من|किसने|कौन|किसका|किसके"},
    {WF_ASK_PLACE, "where|what country|which country|what city|which city|^wo|woher|wohin|"
                   "welchem land|welcher stadt|donde|adonde|onde|^dove|^ou|waar|unde|gdzie|^var|"
                   "nerede|nereye|nereden|dau|o dau|где|куда|откуда|που|أين|اين|कहाँ|कहां"},
    {WF_ASK_REASON, "why|what caused|what reason|warum|weshalb|wieso|por que|porque|perche|"
                    "pourquoi|waarom|de ce|dlaczego|varfor|neden|nicin|tai sao|vi sao|почему|"
                    "зачем|γιατι|لماذا|क्यों"},
};

static const struct row unspaced[] = {
    {WF_ASK_TIME, "什么时候|什麼時候|何时|何時|哪一年|哪年|哪天|几年|いつ|何年|何月|何日|何世紀|"
                  "เมื่อใด|เมื่อไหร่|เมื่อไร|ปีใด|ปีไหน|วันใด"},
    {WF_ASK_AMOUNT, "多少钱|多少錢|いくら|ราคาเท่าไร|ราคาเท่าไหร่"},
    {WF_ASK_NUMBER, "多少|几个|幾個|几|多大|多长|多高|多远|いくつ|何人|何個|何回|どのくらい|"
                    "どれくらい|何%|何パーセント|เท่าไร|เท่าไหร่|เท่าใด|กี่"},
    {WF_ASK_PERSON, "谁|誰|だれ|何者|ใคร|ผู้ใด"},
    {WF_ASK_PLACE, "哪里|哪裡|哪儿|在哪|何处|どこ|何処|ที่ไหน|ที่ใด"},
    {WF_ASK_REASON, "为什么|為什麼|为何|なぜ|どうして|何故|ทำไม|เพราะเหตุใด"},
};

/* Words that point back, and beginnings that go on with what was said. */
static const char *const pointing[] = {
    "it|its|he|she|his|her|him|they|them|their|there|er|sie|ihn|ihm|ihr|ihre|sein|seine|dort",
    "ella|ellos|ellas|su|sus|alli|ele|ela|eles|seu|sua|lui|lei|loro|suo|elle|ils|elles|leur|leurs",
    "hij|zij|hun|daar|ei|lor|acolo|onun|onlar|orada|он|она|оно|они|его|ее|их|там",
    "αυτος|αυτη|αυτο|εκει|τους|هو|هي|هم|هناك|ذلك|वह|वे|उसका|उसकी|उसके|वहाँ|यह",
};
static const char *const beginnings =
    "and|but|also|what about|how about|und|aber|was ist mit|y|e|et|ed|que tal|et pour|si|и|а|και|"
    "ve|peki|va|con|و|और";
static const char *const pointing_unspaced =
    "它|他|她|那里|这个|那个|呢|それ|その|彼|そこ|มัน|เขา|เธอ|นั้น";

struct words {
    struct wf_word items[WORDS_MAX];
    size_t n;
};

static void take_words(struct wf_str text, struct words *out)
{
    struct wf_words walk;
    wf_words_init(&walk, text);
    out->n = 0;
    while (out->n < WORDS_MAX && wf_words_next(&walk, &out->items[out->n]))
        out->n++;
}

/* Does the pattern's run of words begin at word i? */
static bool run_at(const struct words *w, size_t i, struct wf_str pattern)
{
    struct wf_str part;
    if (pattern.len > 0 && pattern.ptr[0] == '^') {
        if (i > 0)
            return false;
        pattern = wf_str_sub(pattern, 1, pattern.len);
    }
    for (; wf_str_split(&pattern, ' ', &part); i++) {
        struct wf_words walk;
        struct wf_word folded;
        wf_words_init(&walk, part);
        if (i >= w->n || !wf_words_next(&walk, &folded) ||
            !wf_str_eq(wf_str_n(w->items[i].text, w->items[i].len),
                       wf_str_n(folded.text, folded.len)))
            return false;
    }
    return true;
}

static bool has_run(const struct words *w, const char *patterns, bool at_start)
{
    struct wf_str rest = wf_str_from(patterns), pattern;
    while (wf_str_split(&rest, '|', &pattern)) {
        for (size_t i = 0; i < (at_start ? WF_MIN(w->n, 1u) : w->n); i++) {
            if (run_at(w, i, pattern))
                return true;
        }
    }
    return false;
}

static bool has_piece(struct wf_str text, const char *patterns)
{
    struct wf_str rest = wf_str_from(patterns), pattern;
    while (wf_str_split(&rest, '|', &pattern)) {
        if (wf_str_find(text, pattern, 0) != SIZE_MAX)
            return true;
    }
    return false;
}

enum wf_ask_type wf_ask__type(struct wf_str question)
{
    struct words w;
    take_words(question, &w);
    for (size_t i = 0; i < WF_ARRAY_LEN(unspaced); i++) {
        if (has_piece(question, unspaced[i].patterns))
            return unspaced[i].type;
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(spaced); i++) {
        if (has_run(&w, spaced[i].patterns, false))
            return spaced[i].type;
    }
    return WF_ASK_ANY;
}

bool wf_ask__leans(struct wf_str question)
{
    struct words w;
    take_words(question, &w);
    if (has_piece(question, pointing_unspaced) || has_run(&w, beginnings, true))
        return true;
    for (size_t i = 0; i < WF_ARRAY_LEN(pointing); i++) {
        if (has_run(&w, pointing[i], false))
            return true;
    }
    return false;
}

/* ---- sentences ---- */

static bool is_asked(const struct wf_question *q, const struct wf_word *w)
{
    for (size_t i = 0; i < q->n_terms; i++) {
        if (q->terms[i].len == w->len && memcmp(q->terms[i].text, w->text, w->len) == 0)
            return true;
    }
    return false;
}

static bool has_digit(const struct wf_word *w)
{
    for (size_t i = 0; i < w->len; i++) {
        if (w->text[i] >= '0' && w->text[i] <= '9')
            return true;
    }
    return false;
}

/* Does the sentence name a currency? */
static bool has_money(struct wf_str sentence)
{
    static const char *const signs = "$|€|£|¥|₹|₽|₺|฿|円|元";
    static const char *const names =
        "euro|euros|eur|dollar|dollars|usd|pound|pounds|gbp|franc|francs|franken|chf|yen|yuan|"
        "rupee|rupees|rubel|крона|крон|рубль|рубля|рублей|доллар|долларов|евро|crown|crowns|krone|"
        "kronen|kronor|kr|sek|nok|dkk|zloty|pln|lei|lira|dolares|dolar|pesos|peso|reais|real|cents";
    struct wf_str rest = wf_str_from(names), name;
    struct wf_words walk;
    struct wf_word w;
    if (has_piece(sentence, signs))
        return true;
    for (wf_words_init(&walk, sentence); wf_words_next(&walk, &w); rest = wf_str_from(names)) {
        while (wf_str_split(&rest, '|', &name)) {
            if (wf_str_eq(name, wf_str_n(w.text, w.len)))
                return true;
        }
    }
    return false;
}

struct kinds {
    bool number, year, name, has_case;
};

/* What of the sentence could be asked for and is no word of the question. */
static struct kinds look_at(const struct wf_question *q, struct wf_str sentence)
{
    struct kinds k = {false, false, false, false};
    struct wf_words walk;
    struct wf_word w;
    bool is_first = true;
    wf_words_init(&walk, sentence);
    for (; wf_words_next(&walk, &w); is_first = false) {
        size_t i = w.start;
        utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)wf_utf8_next(sentence, &i));
        bool is_upper = c == UTF8PROC_CATEGORY_LU || c == UTF8PROC_CATEGORY_LT;
        k.has_case |= is_upper || c == UTF8PROC_CATEGORY_LL;
        if (is_asked(q, &w))
            continue;
        if (has_digit(&w)) {
            k.number = true;
            k.year |= w.len == 4 || (w.len == 5 && w.text[4] == 's');
        }
        k.name |= is_upper && !is_first;
    }
    return k;
}

double wf_ask__type_fits(enum wf_ask_type type, const struct wf_question *q, struct wf_str sentence)
{
    if (type == WF_ASK_ANY || type == WF_ASK_REASON)
        return UNKNOWN;
    struct kinds k = look_at(q, sentence);
    bool has_numeral = has_piece(sentence, "两|三|四|五|六|七|八|九|十|百|千|万");
    switch (type) {
    case WF_ASK_NUMBER:
        return k.number ? 1 : has_numeral ? UNKNOWN : 0;
    case WF_ASK_AMOUNT:
        return !k.number ? (has_numeral ? UNKNOWN : 0) : has_money(sentence) ? 1 : NO_MONEY;
    case WF_ASK_TIME:
        return k.year ? 1 : k.number ? 0.8 : 0;
    default:
        return !k.has_case ? UNKNOWN : k.name ? 1 : 0;
    }
}
