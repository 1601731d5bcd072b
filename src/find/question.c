/* SPDX-License-Identifier: Apache-2.0 */
/* Question: words, weights, and where a text says them.
 *
 * Matching walks the text once. Every word of it is looked up in a small hash table; a word that is
 * not there may be another form of a term, which a bit set of word beginnings rules out for most.
 * No language is chosen: two words are forms of one when they share a beginning that is long beside
 * what differs behind it. That joins a few words too many (which the weights survive) and misses
 * umlauts and prefixes. A word that stands in no chunk at all may be misspelt: one or two slips of
 * the pen are forgiven it. Who types accents means them: in Latin script a word with the same
 * letters and other accents then is another form (Vietnamese has six words for each that is left
 * without them); a question without any finds all alike.
 *
 * Weights are idf to the power of 1.5, which measured best on questions over paragraphs in sixteen
 * sets: one rare word says more than two half-rare ones. The number of chunks in idf is drawn
 * towards the most frequent word's: among 20,000 English chunks and 200 Hindi ones, a Hindi word of
 * grammar is rare, but not rare among those that can answer.
 *
 * Deliberately absent: synonyms, and dictionaries of any language. */
#include "find/question.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <utf8proc.h>

#include "text/utf8.h"

#define STOP_WEIGHT 0.2
#define IDF_POWER 1.5
/* Names, in German all nouns, are what a passage about something else lacks. */
#define NAME_WEIGHT 1.3
/* How far the number of chunks is drawn towards that of the most frequent word. */
#define LOCAL_SHARE 0.6
/* From this length on a word that no chunk has may be misspelt, in two places if it is longer. */
#define SLIP_BYTES 5
#define SLIP_TWO_BYTES 8
/* Words of a long text that are considered for the term places. */
#define WORDS_MAX 4096

static struct wf_str term_str(const struct wf_question_term *t)
{
    return wf_str_n(t->text, t->len);
}

static uint32_t hash_word(struct wf_str s)
{
    return (uint32_t)(wf_str_hash(s, 0) & (WF_QUESTION_SLOTS - 1));
}

/* Hash of the first three bytes, by which forms of a word are recognised first. */
static unsigned hash_begin(const char *p)
{
    unsigned h = (unsigned)(unsigned char)p[0] * 31u + (unsigned char)p[1];
    return (h * 31u + (unsigned char)p[2]) & 255u;
}

static bool find_term(const struct wf_question *q, struct wf_str word, size_t *out)
{
    for (uint32_t i = hash_word(word); q->_slots[i] != 0; i = (i + 1) % WF_QUESTION_SLOTS) {
        size_t k = (size_t)q->_slots[i] - 1;
        if (wf_str_eq(term_str(&q->terms[k]), word)) {
            *out = k;
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

/* Letters with a stroke: no accent to Unicode, which takes them for letters of their own. */
static bool is_stroked(utf8proc_int32_t cp)
{
    return cp == 0x00F0 || cp == 0x00F8 || cp == 0x0111 || cp == 0x0142;
}

static bool is_accent(utf8proc_int32_t cp)
{
    return cp >= 0x0300 && cp <= 0x036F;
}

/* Hash of the accents of a Latin word as `text` writes it, and of the letters that carry them; 0
 * when it has none. */
static uint32_t hash_accents(struct wf_str text, const struct wf_word *w)
{
    uint32_t h = 0, n_letters = 0;
    for (size_t i = w->start; i < text.len;) {
        bool is_behind = i >= w->end; /* a last letter's accents may stand there */
        utf8proc_int32_t cp = (utf8proc_int32_t)wf_utf8_next(text, &i), parts[8];
        if (is_behind && !is_accent(cp))
            break;
        if (cp < 0x80) {
            n_letters++;
            continue;
        }
        int last = 0;
        cp = utf8proc_tolower(cp);
        utf8proc_ssize_t n = utf8proc_decompose_char(cp, parts, WF_ARRAY_LEN(parts),
                                                     UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &last);
        for (utf8proc_ssize_t k = 0; k < n && k < (utf8proc_ssize_t)WF_ARRAY_LEN(parts); k++) {
            if (parts[k] > 0x0250 && !is_accent(parts[k]))
                return 0; /* another script: there, marks are often left out */
            n_letters += !is_accent(parts[k]);
            if (is_accent(parts[k]) || is_stroked(parts[k]))
                h += ((uint32_t)parts[k] * 31u + n_letters) * 2654435761u; /* in any order */
        }
    }
    return h;
}

/* Does the word at s[start] begin with a capital? */
static bool is_capital(struct wf_str s, size_t start)
{
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)wf_utf8_next(s, &start));
    return c == UTF8PROC_CATEGORY_LU || c == UTF8PROC_CATEGORY_LT;
}

/* A folded word goes through the index's tokenizer once more when it is looked up there: only words
 * that stay what they are can be. */
static bool is_stable(struct wf_str word)
{
    struct wf_words walk;
    struct wf_word again;
    wf_words_init(&walk, word);
    return wf_words_next(&walk, &again) && again.len == word.len &&
           memcmp(again.text, word.ptr, word.len) == 0 && !wf_words_next(&walk, &again);
}

static void index_term(struct wf_question *q, size_t k)
{
    struct wf_question_term *t = &q->terms[k];
    uint32_t i = hash_word(term_str(t));
    while (q->_slots[i] != 0)
        i = (i + 1) % WF_QUESTION_SLOTS;
    q->_slots[i] = (uint8_t)(k + 1);
    if (t->len >= 3 && !t->is_pair && !t->has_digit && !t->is_stop) {
        unsigned h = hash_begin(t->text);
        q->_begins[h / 8] |= (uint8_t)(1u << (h % 8));
    }
}

static struct wf_question_term *add_term(struct wf_question *q, const struct wf_word *w)
{
    struct wf_str word = wf_str_n(w->text, w->len);
    if (q->n_terms == WF_QUESTION_TERMS || !is_stable(word))
        return NULL;
    struct wf_question_term *t = &q->terms[q->n_terms];
    *t = (struct wf_question_term){.len = w->len, .is_pair = w->is_pair, .boost = 1};
    memcpy(t->text, w->text, w->len);
    t->is_stop = wf_word_is_stop(word);
    t->has_digit = has_digit(word);
    t->is_asked = true;
    index_term(q, q->n_terms++);
    return t;
}

/* Which words of a long text have a place: all longer than `len`, and n_at_len of just that. */
struct room {
    uint32_t len;
    size_t n_at_len;
};

static struct room make_room(struct wf_str text)
{
    size_t n_by_len[WF_WORD_BYTES_MAX + 1] = {0};
    struct wf_words walk;
    struct wf_word w;
    size_t n = 0;
    wf_words_init(&walk, text);
    for (; n < WORDS_MAX && wf_words_next(&walk, &w); n++)
        n_by_len[w.len]++;
    if (n <= WF_QUESTION_TERMS)
        return (struct room){0, 0};
    size_t n_kept = 0;
    uint32_t len = WF_WORD_BYTES_MAX;
    while (len > 1 && n_kept + n_by_len[len] <= WF_QUESTION_TERMS)
        n_kept += n_by_len[len--];
    return (struct room){len, n_kept < WF_QUESTION_TERMS ? WF_QUESTION_TERMS - n_kept : 0};
}

static bool has_room(struct room *room, const struct wf_word *w)
{
    if (w->len != room->len)
        return w->len > room->len;
    return room->n_at_len > 0 && room->n_at_len-- > 0;
}

void wf_question_init(struct wf_question *q, struct wf_str text)
{
    memset(q, 0, sizeof *q);
    struct room room = make_room(text);
    struct wf_words walk;
    struct wf_word w;
    wf_words_init(&walk, text);
    for (size_t n = 0; n < WORDS_MAX && wf_words_next(&walk, &w); n++) {
        size_t k;
        struct wf_str word = wf_str_n(w.text, w.len);
        uint32_t accents = hash_accents(text, &w);
        if (!find_term(q, word, &k)) {
            if (!has_room(&room, &w) || add_term(q, &w) == NULL)
                continue;
            k = q->n_terms - 1;
            q->terms[k].accents = accents;
            q->_has_accents |= accents != 0;
        } else {
            q->terms[k].is_any |= q->terms[k].accents != accents;
        }
        if (q->n_order > 0 && !q->terms[k].is_stop && is_capital(text, w.start))
            q->terms[k].is_name = true;
        if (q->n_order < WF_QUESTION_ORDER)
            q->order[q->n_order++] = (uint8_t)k;
    }
}

void wf_question_lend(struct wf_question *q, struct wf_str text, double boost)
{
    assert(boost > 0 && boost <= 1);
    struct wf_words walk;
    struct wf_word w;
    wf_words_init(&walk, text);
    for (size_t n = 0; n < WORDS_MAX && wf_words_next(&walk, &w); n++) {
        size_t k;
        struct wf_str word = wf_str_n(w.text, w.len);
        if (wf_word_is_stop(word) || find_term(q, word, &k))
            continue;
        struct wf_question_term *t = add_term(q, &w);
        if (t != NULL) {
            t->boost = boost;
            t->is_asked = false;
            t->accents = hash_accents(text, &w);
        }
    }
}

size_t wf_question_n_meaning(const struct wf_question *q)
{
    size_t n = 0;
    for (size_t i = 0; i < q->n_terms; i++)
        n += !q->terms[i].is_stop;
    return n;
}

/* idf of a word in `with` of n chunks, to the power that weights have. */
static double rarity(double n, double with)
{
    return pow(log(1 + (n - with + 0.5) / (with + 0.5)), IDF_POWER);
}

void wf_question_weigh(struct wf_question *q, uint64_t n_all)
{
    uint64_t n_most = 0;
    for (size_t i = 0; i < q->n_terms; i++)
        n_most = q->terms[i].n_chunks > n_most ? q->terms[i].n_chunks : n_most;
    double all = n_all > 0 ? (double)n_all : 1;
    double n = exp((1 - LOCAL_SHARE) * log(all) + LOCAL_SHARE * log((double)n_most + 1));
    q->weight = q->weight_max = q->pair_share = 0;
    q->weight_once = rarity(fmax(n, 1), 1);
    for (size_t i = 0; i < q->n_terms; i++) {
        struct wf_question_term *t = &q->terms[i];
        t->weight = rarity(n, fmin((double)t->n_chunks, n)) * t->boost;
        t->weight *= t->is_stop ? STOP_WEIGHT : t->is_name ? NAME_WEIGHT : 1;
        q->weight += t->weight;
        q->weight_max = fmax(q->weight_max, t->weight);
        q->_has_unknown |= t->n_chunks == 0;
        if (t->is_pair)
            q->pair_share += t->weight;
    }
    if (q->weight > 0)
        q->pair_share /= q->weight;
}

/* ---- matching ---- */

bool wf_word_same_stem(struct wf_str a, struct wf_str b)
{
    size_t n = WF_MIN(a.len, b.len), same = 0;
    while (same < n && a.ptr[same] == b.ptr[same])
        same++;
    /* back to a code point border of both */
    while (same > 0 && ((same < a.len && ((unsigned char)a.ptr[same] & 0xC0) == 0x80) ||
                        (same < b.len && ((unsigned char)b.ptr[same] & 0xC0) == 0x80)))
        same--;
    size_t n_same = wf_utf8_count(wf_str_sub(a, 0, same));
    size_t rest_a = wf_utf8_count(wf_str_sub(a, same, a.len));
    size_t rest_b = wf_utf8_count(wf_str_sub(b, same, b.len));
    size_t rest = WF_MAX(rest_a, rest_b);
    return rest <= 4 && n_same >= (rest <= 1 ? 3 : rest + 2);
}

/* Edits (letters changed, left out, added, swapped with the next) that lead from a to b, or more
 * than max. Bytes stand for letters: good enough to tell one slip from two. */
static unsigned edits(struct wf_str a, struct wf_str b, unsigned max)
{
    unsigned row[3][WF_WORD_BYTES_MAX + 1];
    assert(a.len <= WF_WORD_BYTES_MAX && b.len <= WF_WORD_BYTES_MAX);
    for (size_t k = 0; k <= b.len; k++)
        row[0][k] = (unsigned)k;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned *now = row[i % 3], *above = row[(i + 2) % 3], *two_above = row[(i + 1) % 3];
        unsigned least = now[0] = (unsigned)i;
        for (size_t k = 1; k <= b.len; k++) {
            unsigned n = above[k - 1] + (a.ptr[i - 1] != b.ptr[k - 1]);
            n = WF_MIN(n, WF_MIN(above[k], now[k - 1]) + 1);
            if (i > 1 && k > 1 && a.ptr[i - 1] == b.ptr[k - 2] && a.ptr[i - 2] == b.ptr[k - 1])
                n = WF_MIN(n, two_above[k - 2] + 1);
            now[k] = n;
            least = WF_MIN(least, n);
        }
        if (least > max + 1) /* a swap looks two rows back */
            return max + 1;
    }
    return row[a.len % 3][b.len];
}

/* Could `word` be what was meant by a term that stands nowhere? */
static bool is_slip(const struct wf_question_term *t, struct wf_str word)
{
    unsigned max = t->len >= SLIP_TWO_BYTES ? 2 : 1;
    size_t apart = WF_MAX(t->len, word.len) - WF_MIN(t->len, word.len);
    return t->text[0] == word.ptr[0] && apart <= max && edits(term_str(t), word, max) <= max;
}

/* The misspelt term that `word` spells right. */
static bool find_slip(const struct wf_question *q, struct wf_str word, size_t *out)
{
    if (!q->_has_unknown || word.len + 1 < SLIP_BYTES)
        return false;
    for (size_t k = 0; k < q->n_terms; k++) {
        const struct wf_question_term *t = &q->terms[k];
        bool is_unknown = t->n_chunks == 0 && t->len >= SLIP_BYTES;
        if (is_unknown && !t->is_pair && !t->is_stop && !t->has_digit && is_slip(t, word)) {
            *out = k;
            return true;
        }
    }
    return false;
}

/* The term that `w` is another form of. */
static bool find_form(const struct wf_question *q, const struct wf_word *w, size_t *out)
{
    if (w->len < 3 || w->is_pair)
        return false;
    unsigned h = hash_begin(w->text);
    struct wf_str word = wf_str_n(w->text, w->len);
    if ((q->_begins[h / 8] >> (h % 8) & 1) == 0 || has_digit(word) || wf_word_is_stop(word))
        return false;
    for (size_t k = 0; k < q->n_terms; k++) {
        const struct wf_question_term *t = &q->terms[k];
        if (t->is_pair || t->is_stop || t->has_digit || t->len < 3 ||
            memcmp(t->text, w->text, 3) != 0)
            continue;
        if (wf_word_same_stem(term_str(t), word)) {
            *out = k;
            return true;
        }
    }
    return false;
}

/* Does the word that is this term but for case and accents also have its accents? */
static bool has_accents_of(const struct wf_question_term *t, struct wf_str text,
                           const struct wf_word *w)
{
    if (t->is_any || t->is_pair)
        return true;
    return hash_accents(text, w) == t->accents;
}

size_t wf_question_match(const struct wf_question *q, struct wf_str text, struct wf_match *out,
                         size_t n_max, size_t *out_n_words)
{
    struct wf_words walk;
    struct wf_word w;
    size_t n = 0, pos = 0, k = 0;
    wf_words_init(&walk, text);
    for (; wf_words_next(&walk, &w); pos++) {
        enum wf_match_kind kind = WF_MATCH_EXACT;
        if (n == n_max)
            continue;
        if (!find_term(q, wf_str_n(w.text, w.len), &k)) {
            if (!find_form(q, &w, &k) && (w.is_pair || !find_slip(q, wf_str_n(w.text, w.len), &k)))
                continue;
            kind = WF_MATCH_FORM;
        } else if (q->_has_accents && !has_accents_of(&q->terms[k], text, &w)) {
            kind = WF_MATCH_FORM;
        }
        out[n++] = (struct wf_match){.start = (uint32_t)w.start,
                                     .end = (uint32_t)w.end,
                                     .pos = (uint32_t)pos,
                                     .term = (uint8_t)k,
                                     .kind = (uint8_t)kind};
    }
    *out_n_words = pos;
    return n;
}

double wf_question_value(const struct wf_question *q, const struct wf_match *m)
{
    double value = m->kind == WF_MATCH_EXACT ? 1 : WF_MATCH_FORM_VALUE;
    return q->terms[m->term].weight * value;
}
