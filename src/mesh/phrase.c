/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets as words. Bits are taken from the front, 11 a word: 128 of the secret, then the four
 * highest of its hash. What is typed is matched in three steps, each of which must leave one word
 * alone: the very word; a word that begins so; a word that is one slip away (no two of the list are
 * one slip apart, but something typed may lie between two). */
#include "mesh/phrase.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "mesh/phrase_words.h"

#define WORD_BITS 11
#define PREFIX_MIN 3 /* letters: a word cut shorter than that is a slip, not a short form */
#define TYPED_WORD_MAX 32

_Static_assert(WF_PHRASE_N_WORDS *WORD_BITS == WF_PHRASE_SECRET_BYTES * 8 + 4, "and a checksum");
_Static_assert(1 << WORD_BITS == WF_PHRASE_WORDS, "a word is 11 bits");

static unsigned checksum(const uint8_t secret[WF_PHRASE_SECRET_BYTES])
{
    static const char word[] = "weft phrase checksum";
    uint8_t hash[32];
    unsigned sum;

    (void)crypto_generichash(hash, sizeof(hash), secret, WF_PHRASE_SECRET_BYTES,
                             (const uint8_t *)word, sizeof(word) - 1); /* cannot fail */
    sum = hash[0] >> 4;
    sodium_memzero(hash, sizeof(hash));
    return sum;
}

const char *wf_phrase_word(unsigned i)
{
    return wf_phrase__words[i % WF_PHRASE_WORDS];
}

/* The k-th 11 bits. */
static unsigned bits_at(const uint8_t *bytes, unsigned k)
{
    unsigned v = 0;

    for (unsigned bit = k * WORD_BITS; bit < (k + 1) * WORD_BITS; bit++)
        v = v << 1 | ((unsigned)bytes[bit / 8] >> (7 - bit % 8) & 1u);
    return v;
}

static void write_words(const uint8_t *bytes, unsigned n, char *out)
{
    for (unsigned k = 0; k < n; k++) {
        const char *w = wf_phrase_word(bits_at(bytes, k));
        size_t len = strlen(w);
        memcpy(out, w, len);
        out += len;
        *out++ = k + 1 < n ? ' ' : 0;
    }
}

void wf_phrase_write(const uint8_t secret[WF_PHRASE_SECRET_BYTES], char out[WF_PHRASE_TEXT_BYTES])
{
    uint8_t bytes[WF_PHRASE_SECRET_BYTES + 1];

    memcpy(bytes, secret, WF_PHRASE_SECRET_BYTES);
    bytes[WF_PHRASE_SECRET_BYTES] = (uint8_t)(checksum(secret) << 4);
    write_words(bytes, WF_PHRASE_N_WORDS, out);
    sodium_memzero(bytes, sizeof(bytes));
}

void wf_phrase_compared(const uint8_t bytes[WF_PHRASE_COMPARED_BYTES],
                        char out[WF_PHRASE_COMPARED_TEXT_BYTES])
{
    write_words(bytes, 3, out);
}

/* ---- what was typed ---- */

/* Whether one letter more, less, another or two swapped turn a into b. */
static bool is_one_slip(struct wf_str a, struct wf_str b)
{
    size_t i = 0, n_same_end = 0, rest_a, rest_b;

    while (i < a.len && i < b.len && a.ptr[i] == b.ptr[i])
        i++;
    while (n_same_end < a.len - i && n_same_end < b.len - i &&
           a.ptr[a.len - 1 - n_same_end] == b.ptr[b.len - 1 - n_same_end])
        n_same_end++;
    rest_a = a.len - i - n_same_end;
    rest_b = b.len - i - n_same_end;
    if (rest_a <= 1 && rest_b <= 1)
        return true;
    return rest_a == 2 && rest_b == 2 && a.ptr[i] == b.ptr[i + 1] && a.ptr[i + 1] == b.ptr[i];
}

enum match {
    MATCH_WHOLE,
    MATCH_BEGIN,
    MATCH_SLIP,
    MATCH_COUNT
};

static bool matches(enum match how, struct wf_str typed, struct wf_str word)
{
    switch (how) {
    case MATCH_WHOLE:
        return wf_str_eq(typed, word);
    case MATCH_BEGIN:
        return typed.len >= PREFIX_MIN && wf_str_starts(word, typed);
    case MATCH_SLIP:
        return is_one_slip(typed, word);
    case MATCH_COUNT:
        break;
    }
    return false;
}

/* The number of the word that was meant, or -1. */
static int look_up(struct wf_str typed)
{
    for (unsigned how = MATCH_WHOLE; how < MATCH_COUNT; how++) {
        int found = -1, n = 0;
        for (int i = 0; i < WF_PHRASE_WORDS; i++) {
            if (matches(how, typed, wf_str_from(wf_phrase__words[i]))) {
                found = i;
                n++;
            }
        }
        if (n == 1)
            return found;
        if (n > 1)
            return -1;
    }
    return -1;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ((unsigned char)c & 0x80);
}

/* The next word in small letters; false: there is none. */
static bool next_word(struct wf_str *rest, char out[TYPED_WORD_MAX], size_t *out_len)
{
    size_t i = 0, n = 0;

    while (i < rest->len && !is_letter(rest->ptr[i]))
        i++;
    for (; i < rest->len && is_letter(rest->ptr[i]); i++) {
        char c = rest->ptr[i];
        if (n < TYPED_WORD_MAX)
            out[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    *rest = wf_str_sub(*rest, i, rest->len);
    *out_len = n;
    return n > 0;
}

static void put_bits(uint8_t *bytes, unsigned k, unsigned v)
{
    for (unsigned i = 0; i < WORD_BITS; i++) {
        unsigned bit = k * WORD_BITS + i;
        if (v >> (WORD_BITS - 1 - i) & 1u)
            bytes[bit / 8] = (uint8_t)(bytes[bit / 8] | 1u << (7 - bit % 8));
    }
}

int wf_phrase_read(struct wf_str typed, uint8_t out[WF_PHRASE_SECRET_BYTES], struct wf_err *err)
{
    uint8_t bytes[WF_PHRASE_SECRET_BYTES + 1] = {0};
    char word[TYPED_WORD_MAX];
    unsigned n_words = 0;
    size_t len;
    int rc = 0;

    if (typed.len > WF_PHRASE_TYPED_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "That is far more than twelve words.");
    while (rc == 0 && next_word(&typed, word, &len)) {
        int i = look_up(wf_str_n(word, len));
        if (i < 0)
            rc = wf_err_set(err, WF_E_FORMAT,
                            "Word %u, \"%.*s\", is none of those that recovery phrases have, or "
                            "not clear. Look at it again.",
                            n_words + 1, (int)len, word);
        else if (n_words < WF_PHRASE_N_WORDS)
            put_bits(bytes, n_words, (unsigned)i);
        n_words++;
    }
    if (rc == 0 && n_words != WF_PHRASE_N_WORDS)
        rc = wf_err_set(err, WF_E_FORMAT, "A recovery phrase has %d words; these are %u.",
                        WF_PHRASE_N_WORDS, n_words);
    if (rc == 0 && checksum(bytes) != bytes[WF_PHRASE_SECRET_BYTES] >> 4)
        rc = wf_err_set(err, WF_E_FORMAT,
                        "These words do not belong together: one is another word than on the "
                        "paper, or two changed places.");
    if (rc == 0)
        memcpy(out, bytes, WF_PHRASE_SECRET_BYTES);
    sodium_memzero(bytes, sizeof(bytes));
    sodium_memzero(word, sizeof(word));
    return rc;
}
