/* SPDX-License-Identifier: Apache-2.0 */
/* Of each token it is known what its first and its last character are; a token goes on with the
 * word before it when both sides are letters, both are signs, or it begins within a character. */
#include "train/words.h"

#include <utf8proc.h>

#include "base/alloc.h"
#include "text/utf8.h"

enum side {
    SIDE_LETTER,
    SIDE_DIGIT,
    SIDE_SIGN,
    SIDE_SPACE,
    SIDE_WITHIN, /* a part of a character */
    SIDE_CONTROL,
};

struct wf_words {
    size_t n;
    uint8_t (*sides)[2]; /* [n] */
};

static enum side side_of(uint32_t point)
{
    switch (utf8proc_category((utf8proc_int32_t)point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN: /* marks stand within words */
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        return SIDE_LETTER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return SIDE_DIGIT;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
        return SIDE_SPACE;
    default:
        return SIDE_SIGN;
    }
}

/* A cut character counts as a letter on the side where it is cut open. */
static void find_sides(struct wf_str s, uint8_t out[2])
{
    size_t i = 0;
    bool is_first = true;

    out[0] = out[1] = SIDE_SPACE;
    while (i < s.len) {
        size_t valid = wf_utf8_valid_prefix(wf_str_sub(s, i, s.len));
        enum side side = SIDE_WITHIN;
        if (valid > 0)
            side = side_of(wf_utf8_next(s, &i));
        else if (((unsigned char)s.ptr[i++] & 0xc0) == 0xc0)
            side = SIDE_LETTER; /* begins a character that the next token ends */
        out[1] = (uint8_t)side;
        if (is_first)
            out[0] = (uint8_t)side;
        is_first = false;
    }
}

int wf_words_new(const struct wf_vocab *v, struct wf_words **out, struct wf_err *err)
{
    struct wf_words *w = wf_alloc_array(1, sizeof(*w));

    if (w != NULL) {
        w->n = wf_vocab_size(v);
        w->sides = wf_alloc_array(w->n, sizeof(*w->sides));
    }
    if (w == NULL || w->sides == NULL) {
        wf_words_free(w);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a table of tokens.");
    }
    for (size_t i = 0; i < w->n; i++) {
        find_sides(wf_vocab_bytes(v, (int32_t)i), w->sides[i]);
        if (wf_vocab_kind(v, (int32_t)i) != WF_TOKEN_NORMAL)
            w->sides[i][0] = w->sides[i][1] = SIDE_CONTROL;
    }
    *out = w;
    return 0;
}

void wf_words_free(struct wf_words *w)
{
    if (w == NULL)
        return;
    wf_free(w->sides);
    wf_free(w);
}

static bool goes_on(const struct wf_words *w, int32_t before, int32_t id)
{
    enum side left = (enum side)w->sides[before][1], right = (enum side)w->sides[id][0];

    if (left == SIDE_CONTROL)
        return false;
    if (right == SIDE_LETTER)
        return left == SIDE_LETTER || left == SIDE_WITHIN;
    return right == SIDE_WITHIN || (right == SIDE_SIGN && left == SIDE_SIGN);
}

size_t wf_words_find(const struct wf_words *w, const int32_t *ids, uint32_t from, uint32_t to,
                     uint32_t *out)
{
    size_t n = 0;

    for (uint32_t i = from; i < to; i++) {
        bool begins =
            i == from || !goes_on(w, ids[i - 1], ids[i]) || i - out[n - 1] >= WF_WORDS_TOKENS_MAX;
        if (begins)
            out[n++] = i;
    }
    return n;
}
