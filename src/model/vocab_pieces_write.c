/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a vocabulary in pieces, out of one that is open. First each token is looked at: it is a
 * byte, a pair of pieces before it, or has its name; whatever else the merges say cannot be said in
 * pieces, and then the vocabulary stays as it is. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/vocab_internal.h"
#include "model/vocab_pieces.h"
#include "model/vocab_pieces_internal.h"

#define NO_PIECE UINT32_MAX
#define NAME_BYTES_MAX 255u
#define PIECES_BYTES_MAX ((size_t)256 << 20)

struct writer {
    const struct wf_vocab *v;
    const struct wf_merge **made_by; /* [n] the merge that makes a token, or NULL */
    uint32_t *pieces;                /* [n] the number of a token as a piece, or NO_PIECE */
    uint8_t *sorts;                  /* [n] what group a token belongs to */
    uint32_t n_pieces;
    uint64_t held; /* bits that are not a byte yet */
    unsigned n_held;
    struct wf_buf *out;
};

/* Which merge makes each token; false when a token is made in two ways. */
static bool find_makers(struct writer *w)
{
    for (size_t i = 0; i < w->v->n_merge_slots; i++) {
        const struct wf_merge *m = &w->v->merges[i];
        if (m->left == WF_TOKEN_NONE)
            continue;
        if (w->made_by[m->merged] != NULL)
            return false;
        w->made_by[m->merged] = m;
    }
    return true;
}

/* Whether a token comes out of two pieces, its merge behind `last`. */
static bool is_pair(const struct writer *w, const struct wf_token *t, const struct wf_merge *m,
                    const struct wf_merge *last)
{
    return t->kind == WF_TOKEN_NORMAL && w->pieces[m->left] != NO_PIECE &&
           w->pieces[m->right] != NO_PIECE && (last == NULL || m->rank > last->rank) &&
           t->word.len > 0 && t->word.len <= WF_LIMIT_VOCAB_PIECE_BYTES;
}

/* What each token is; false where pieces cannot say so. */
static bool sort_tokens(struct writer *w)
{
    const struct wf_merge *last = NULL;
    size_t text_bytes = 0;

    for (size_t i = 0; i < w->v->n; i++)
        w->pieces[i] = NO_PIECE;
    for (size_t i = 0; i < w->v->n; i++) {
        const struct wf_token *t = &w->v->tokens[i];
        const struct wf_merge *m = w->made_by[i];

        if (wf_vocab_find(w->v, t->name) != (int32_t)i)
            return false; /* another has its name */
        if (m != NULL) {
            if (!is_pair(w, t, m, last))
                return false;
            last = m;
            w->sorts[i] = WF_PIECES_PAIRS;
            text_bytes += t->name.len + t->word.len;
        } else if (t->kind == WF_TOKEN_NORMAL && t->word.len == 1) {
            w->sorts[i] = WF_PIECES_BYTES;
            text_bytes += 4; /* as they are counted when they are read */
        } else if (t->name.len <= NAME_BYTES_MAX) {
            w->sorts[i] = (uint8_t)t->kind;
            continue;
        } else {
            return false;
        }
        w->pieces[i] = w->n_pieces++;
    }
    return text_bytes <= WF_LIMIT_VOCAB_TEXT_BYTES;
}

static unsigned bits_of(uint32_t x)
{
    unsigned n = 0;

    while (n < 32 && x >> n != 0)
        n++;
    return n;
}

static void put_bits(struct writer *w, uint32_t value, unsigned n)
{
    w->held |= (uint64_t)value << w->n_held;
    for (w->n_held += n; w->n_held >= 8; w->n_held -= 8) {
        (void)wf_buf_append_byte(w->out, (char)(w->held & 0xff));
        w->held >>= 8;
    }
}

static void put_piece(struct writer *w, uint32_t piece, unsigned width)
{
    unsigned n = bits_of(piece);

    if (n <= width - 7) {
        put_bits(w, 0, WF_PIECES_CLASS_BITS);
        put_bits(w, piece, width - 7);
        return;
    }
    put_bits(w, n - 1 - (width - 8), WF_PIECES_CLASS_BITS);
    put_bits(w, piece - ((uint32_t)1 << (n - 1)), n - 1);
}

static void put_pairs(struct writer *w, size_t from, size_t to)
{
    unsigned width = bits_of(w->n_pieces - 1); /* pairs are pieces: there is one at least */

    width = width < WF_PIECES_WIDTH_MIN ? WF_PIECES_WIDTH_MIN : width;
    (void)wf_buf_append_byte(w->out, (char)width);
    for (size_t i = from; i < to; i++) {
        put_piece(w, w->pieces[w->made_by[i]->left], width);
        put_piece(w, w->pieces[w->made_by[i]->right], width);
    }
    if (w->n_held > 0)
        put_bits(w, 0, 8 - w->n_held);
}

static void put_head(struct wf_buf *out, uint8_t what, size_t n)
{
    (void)wf_buf_append_byte(out, (char)what);
    (void)wf_buf_append_u32le(out, (uint32_t)n);
}

static void put_group(struct writer *w, size_t from, size_t to)
{
    put_head(w->out, w->sorts[from], to - from);
    if (w->sorts[from] == WF_PIECES_PAIRS) {
        put_pairs(w, from, to);
        return;
    }
    for (size_t i = from; i < to; i++) {
        const struct wf_token *t = &w->v->tokens[i];
        if (w->sorts[from] != WF_PIECES_BYTES)
            (void)wf_buf_append_byte(w->out, (char)t->name.len);
        (void)wf_buf_append_str(w->out, w->sorts[from] == WF_PIECES_BYTES ? t->word : t->name);
    }
}

int wf_vocab_pieces(const struct wf_vocab *v, struct wf_buf *out, bool *out_fits)
{
    struct writer w = {.v = v, .out = out};
    size_t end;
    int rc = 0;

    *out_fits = false;
    if (v->model != WF_VOCAB_BPE)
        return 0;
    w.made_by = wf_alloc_array(v->n, sizeof(*w.made_by)); /* zeroed */
    w.pieces = wf_alloc_array(v->n, sizeof(*w.pieces));
    w.sorts = wf_alloc_array(v->n, sizeof(*w.sorts));
    if (w.made_by == NULL || w.pieces == NULL || w.sorts == NULL) {
        rc = WF_E_NOMEM;
    } else if (find_makers(&w) && sort_tokens(&w)) {
        put_head(out, WF_PIECES_EDITION, v->n);
        for (size_t i = 0; i < v->n; i = end) {
            for (end = i + 1; end < v->n && w.sorts[end] == w.sorts[i]; end++)
                ;
            put_group(&w, i, end);
        }
        rc = wf_buf_status(out);
        *out_fits = rc == 0;
    }
    wf_free((void *)w.made_by);
    wf_free(w.pieces);
    wf_free(w.sorts);
    return rc;
}

/* ---- a model file's keys ---- */

static bool is_in_pieces(struct wf_str key)
{
    return wf_str_eq(key, WF_STR(WF_VOCAB_TOKENS_KEY)) ||
           wf_str_eq(key, WF_STR("tokenizer.ggml.token_type")) ||
           wf_str_eq(key, WF_STR("tokenizer.ggml.merges"));
}

int wf_vocab_put(struct wf_gguf_writer *w, const struct wf_gguf *g, bool in_pieces,
                 struct wf_err *err)
{
    struct wf_vocab *v = NULL;
    struct wf_buf pieces;
    bool fits = false;
    int rc;

    wf_buf_init(&pieces, PIECES_BYTES_MAX);
    rc = in_pieces && !wf_vocab__has_pieces(g) ? wf_vocab_open(g, &v, NULL) : 0;
    if (rc == 0 && v != NULL)
        rc = wf_vocab_pieces(v, &pieces, &fits);
    wf_vocab_close(v);
    for (size_t i = 0; i < wf_gguf_n_values(g) && rc != WF_E_NOMEM; i++) {
        const struct wf_gguf_value *value = wf_gguf_value_at(g, i);
        if (!wf_str_starts(value->key, WF_STR("tokenizer.")) || (fits && is_in_pieces(value->key)))
            continue;
        wf_gguf_put_copy(w, value);
    }
    if (fits)
        wf_gguf_put_u8s(w, WF_VOCAB_PIECES_KEY, wf_buf_str(&pieces));
    wf_buf_deinit(&pieces);
    return rc == WF_E_NOMEM
               ? wf_err_set(err, WF_E_NOMEM, "Not enough memory for the model's vocabulary.")
               : 0;
}
