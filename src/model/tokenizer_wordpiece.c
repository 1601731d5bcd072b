/* SPDX-License-Identifier: Apache-2.0 */
/* WordPiece: a text is folded (accents, case), cut at white space and around every sign and Chinese
 * character; a word is then the longest tokens from its begin on, or wholly unknown.
 * (Devlin et al. 2019, "BERT".) In GGUF files a token that begins a word has U+2581 in front. */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "model/vocab_internal.h"
#include "text/utf8.h"

struct wordpiece {
    const struct wf_vocab *v;
    struct wf_ids *out;
    struct wf_buf word; /* with its mark in front; empty: none begun */
};

static bool is_chinese(uint32_t c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
           (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
           (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

static bool is_white(uint32_t c, int category)
{
    return (c >= 9 && c <= 13) || c == 0x85 || category == UTF8PROC_CATEGORY_ZS ||
           category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

static bool is_dropped(const struct wf_vocab *v, uint32_t c, int category)
{
    if (c == 0 || c == 0xfffd || category == UTF8PROC_CATEGORY_CC ||
        category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_CS ||
        category == UTF8PROC_CATEGORY_CO)
        return true;
    return v->strip_accents &&
           (category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC ||
            category == UTF8PROC_CATEGORY_ME);
}

static bool stands_alone(uint32_t c, int category)
{
    bool is_symbol = category >= UTF8PROC_CATEGORY_SM && category <= UTF8PROC_CATEGORY_SO;
    bool is_punctuation = category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;

    return is_punctuation || (c < 127 && is_symbol) || is_chinese(c);
}

/* The tokens of the word that was collected. */
static int end_word(struct wordpiece *w)
{
    struct wf_str word = wf_buf_str(&w->word);
    size_t n_before = w->out->n, from = 0, to;
    int32_t id = WF_TOKEN_NONE;
    int rc = 0;

    if (word.len == 0)
        return 0;
    if (wf_buf_status(&w->word) != 0)
        return WF_E_NOMEM;
    while (from < word.len && rc == 0) {
        to = word.len - from > w->v->name_max ? from + w->v->name_max : word.len;
        for (id = WF_TOKEN_NONE; to > from && id == WF_TOKEN_NONE; to--)
            id = wf_vocab__table_find(w->v, &w->v->by_name, wf_str_sub(word, from, to));
        if (id == WF_TOKEN_NONE)
            break;
        rc = wf_ids_push(w->out, id);
        from = to + 1;
    }
    if (rc == 0 && id == WF_TOKEN_NONE) {
        w->out->n = n_before;
        rc = w->v->unknown != WF_TOKEN_NONE ? wf_ids_push(w->out, w->v->unknown) : 0;
    }
    wf_buf_reset(&w->word);
    return rc;
}

static void add_to_word(struct wordpiece *w, uint32_t c)
{
    char bytes[4];

    if (w->word.len == 0)
        (void)wf_buf_append_cstr(&w->word, WF_VOCAB_SPACE);
    (void)wf_buf_append(&w->word, bytes, wf_utf8_put(bytes, c));
}

static int take_point(struct wordpiece *w, uint32_t c)
{
    int category = (int)utf8proc_category((utf8proc_int32_t)c), rc;

    if (is_white(c, category))
        return end_word(w);
    if (is_dropped(w->v, c, category))
        return 0;
    if (w->v->lowercase)
        c = (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
    if (!stands_alone(c, category)) {
        add_to_word(w, c);
        return 0;
    }
    rc = end_word(w);
    add_to_word(w, c);
    return rc == 0 ? end_word(w) : rc;
}

int wf_vocab__encode_wordpiece(const struct wf_vocab *v, struct wf_str text, struct wf_ids *out)
{
    struct wordpiece w = {.v = v, .out = out};
    utf8proc_int32_t parts[32];
    size_t i = 0;
    bool is_valid;
    int rc = 0, boundary = 0;

    wf_buf_init(&w.word, SIZE_MAX);
    while (i < text.len && rc == 0) {
        utf8proc_int32_t c = (utf8proc_int32_t)wf_vocab__next_point(text, &i, &is_valid);

        /* the letter of a letter with accents; llama.cpp takes no more of Hangul either */
        parts[0] = is_valid ? c : 0xfffd;
        if (v->strip_accents && is_valid)
            (void)utf8proc_decompose_char(c, parts, 32, UTF8PROC_DECOMPOSE, &boundary);
        rc = take_point(&w, (uint32_t)parts[0]);
    }
    if (rc == 0)
        rc = end_word(&w);
    wf_buf_deinit(&w.word);
    return rc;
}
