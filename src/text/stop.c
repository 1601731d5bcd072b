/* SPDX-License-Identifier: Apache-2.0 */
/* Stop words: a hash set of the folded table.
 *
 * The idea: the table keeps the words as people spell them; the first question folds them with the
 * tokenizer itself, so that the two cannot disagree, into a set that needs one look.
 *
 * Invariants: the set is written once, under `once`, and at most three quarters full. Deliberately
 * not here: which words (stop_words.c), and languages: one set for all, since a text may mix them.
 */
#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "text/stop_words.h"
#include "text/word.h"

#define N_SLOTS 4096u /* a power of two */
#define WORD_BYTES 31 /* longest stop word, folded, at most */

struct slot {
    uint8_t len; /* 0 = free */
    char text[WORD_BYTES];
};

static struct slot slots[N_SLOTS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The slot that holds `s`, or the free one where it belongs. */
static struct slot *find(struct wf_str s)
{
    size_t i = (size_t)wf_str_hash(s, 0) & (N_SLOTS - 1);
    while (slots[i].len != 0 && (slots[i].len != s.len || memcmp(slots[i].text, s.ptr, s.len) != 0))
        i = (i + 1) & (N_SLOTS - 1);
    return &slots[i];
}

static void build(void)
{
    size_t n = 0;
    for (const char *const *language = wf_text__stop_words; *language; language++) {
        struct wf_words w;
        struct wf_word word;
        wf_words_init(&w, wf_str_from(*language));
        while (wf_words_next(&w, &word)) {
            struct wf_str folded = {word.text, word.len};
            assert(word.len <= WORD_BYTES);
            struct slot *slot = find(folded);
            n += slot->len == 0;
            slot->len = (uint8_t)word.len;
            memcpy(slot->text, word.text, word.len);
        }
    }
    assert(n < N_SLOTS * 3 / 4);
}

bool wf_word_is_stop(struct wf_str folded)
{
    if (folded.len == 0 || folded.len > WORD_BYTES)
        return false;
    (void)pthread_once(&once, build); /* cannot fail with a static control */
    return find(folded)->len != 0;
}
