/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a vocabulary that is kept in pieces. Every number is checked where it is read: a half is
 * a piece before its whole, no name comes twice, texts stay within limits, nothing is left over.
 * Names and bytes are joined in rooms of the arena, many to each, and merges go straight to their
 * table: no name has to be looked up. */
#include "model/vocab_pieces.h"

#include <string.h>

#include "base/limits.h"
#include "model/vocab_internal.h"
#include "model/vocab_pieces_internal.h"
#include "text/utf8.h"

#define ROOM_BYTES ((size_t)32 << 10)

struct reader {
    struct wf_vocab *v;
    struct wf_err *err;
    struct wf_str left; /* what has not been read */
    size_t id;          /* of the next token */
    int32_t *pieces;    /* [n_pieces] their tokens */
    size_t n_pieces;
    uint32_t n_merges;
    char *room; /* for texts */
    size_t room_left;
    size_t text_bytes; /* of all names and bytes so far */
};

/* Bits, from the lowest of each byte on. */
struct bits {
    const uint8_t *at, *end;
    uint64_t held;
    unsigned n_held;
    bool is_short; /* more was asked for than there is */
};

static int damaged(struct reader *r, const char *what)
{
    return wf_vocab__damaged(r->err, what);
}

/* The next n bits (n <= 24); 0 behind the last. */
static uint32_t take_bits(struct bits *b, unsigned n)
{
    uint32_t out;

    while (b->n_held < n) {
        if (b->at == b->end) {
            b->is_short = true;
            return 0;
        }
        b->held |= (uint64_t)*b->at++ << b->n_held;
        b->n_held += 8;
    }
    out = (uint32_t)(b->held & ((UINT64_C(1) << n) - 1));
    b->held >>= n;
    b->n_held -= n;
    return out;
}

static uint32_t take_piece(struct bits *b, unsigned width)
{
    uint32_t c = take_bits(b, WF_PIECES_CLASS_BITS);
    unsigned k;

    if (c == 0)
        return take_bits(b, width - 7);
    k = width - 8 + c;
    return (uint32_t)1 << k | take_bits(b, k);
}

/* ---- tokens ---- */

/* Room for n bytes; NULL: there is no memory. */
static char *take_room(struct reader *r, size_t n)
{
    char *out;

    if (n > r->room_left) {
        size_t room = n > ROOM_BYTES ? n : ROOM_BYTES;
        r->room = wf_arena_alloc(&r->v->arena, room);
        if (r->room == NULL)
            return NULL;
        r->room_left = room;
    }
    out = r->room;
    r->room += n;
    r->room_left -= n;
    r->text_bytes += n;
    return out;
}

/* The next token, whose name has been filled in. */
static int add_token(struct reader *r, enum wf_token_kind kind)
{
    struct wf_token *t = &r->v->tokens[r->id];

    t->kind = kind;
    if (!wf_vocab__table_add_new(r->v, &r->v->by_name, (int32_t)r->id))
        return damaged(r, "it has a token twice");
    if (t->name.len > r->v->name_max)
        r->v->name_max = t->name.len;
    r->id++;
    return 0;
}

static int read_byte(struct reader *r)
{
    struct wf_token *t = &r->v->tokens[r->id];
    char *name;

    if (r->left.len == 0)
        return damaged(r, "it breaks off");
    t->word = t->bytes = wf_str_sub(r->left, 0, 1);
    r->left = wf_str_sub(r->left, 1, r->left.len);
    name = take_room(r, 4);
    if (name == NULL)
        return WF_E_NOMEM;
    t->name = wf_str_n(name, wf_utf8_put(name, wf_alphabet_point((uint8_t)t->word.ptr[0])));
    r->pieces[r->n_pieces++] = (int32_t)r->id;
    return add_token(r, WF_TOKEN_NORMAL);
}

static int read_named(struct reader *r, enum wf_token_kind kind)
{
    struct wf_token *t = &r->v->tokens[r->id];
    size_t n = r->left.len > 0 ? (uint8_t)r->left.ptr[0] : 0;

    if (r->left.len < n + 1)
        return damaged(r, "it breaks off");
    t->name = wf_str_sub(r->left, 1, n + 1);
    t->kind = kind;
    r->left = wf_str_sub(r->left, n + 1, r->left.len);
    return wf_vocab__token_bytes(r->v, t) != 0 ? WF_E_NOMEM : add_token(r, kind);
}

static struct wf_str join(char *p, struct wf_str a, struct wf_str b)
{
    memcpy(p, a.ptr, a.len);
    memcpy(p + a.len, b.ptr, b.len);
    return wf_str_n(p, a.len + b.len);
}

static int read_pair(struct reader *r, struct bits *b, unsigned width)
{
    uint32_t left = take_piece(b, width), right = take_piece(b, width);
    struct wf_merge m = {.merged = (int32_t)r->id, .rank = r->n_merges};
    struct wf_token *t = &r->v->tokens[r->id];
    const struct wf_token *from[2];
    size_t n_name, n_word;
    char *p;
    int rc;

    if (b->is_short)
        return damaged(r, "it breaks off");
    if (left >= r->n_pieces || right >= r->n_pieces)
        return damaged(r, "a token is made of one that does not stand before it");
    m.left = r->pieces[left];
    m.right = r->pieces[right];
    from[0] = &r->v->tokens[m.left];
    from[1] = &r->v->tokens[m.right];
    n_name = from[0]->name.len + from[1]->name.len;
    n_word = from[0]->word.len + from[1]->word.len;
    if (n_word > WF_LIMIT_VOCAB_PIECE_BYTES)
        return damaged(r, "a token is too long");
    if (r->text_bytes + n_name + n_word > WF_LIMIT_VOCAB_TEXT_BYTES)
        return damaged(r, "its tokens are too long");
    p = take_room(r, n_name + n_word);
    if (p == NULL)
        return WF_E_NOMEM;
    t->name = join(p, from[0]->name, from[1]->name);
    t->word = t->bytes = join(p + n_name, from[0]->word, from[1]->word);
    r->pieces[r->n_pieces++] = (int32_t)r->id;
    rc = add_token(r, WF_TOKEN_NORMAL);
    if (rc != 0)
        return rc;
    /* its halves are those of no pair before it: the name would be, too */
    r->v->merges[wf_vocab__merge_slot(r->v, m.left, m.right)] = m;
    r->n_merges++;
    return 0;
}

static int read_pairs(struct reader *r, size_t n)
{
    struct bits b = {.at = (const uint8_t *)r->left.ptr + 1,
                     .end = (const uint8_t *)r->left.ptr + r->left.len};
    unsigned width = r->left.len > 0 ? (uint8_t)r->left.ptr[0] : 0;
    int rc = 0;

    if (width < WF_PIECES_WIDTH_MIN || width > WF_PIECES_WIDTH_MAX)
        return damaged(r, "its pairs have an impossible width");
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = read_pair(r, &b, width);
    if (rc == 0 && b.held != 0)
        rc = damaged(r, "something stands behind its pairs");
    r->left = wf_str_n((const char *)b.at, (size_t)(b.end - b.at));
    return rc;
}

static uint32_t u32_at(const char *s)
{
    const uint8_t *p = (const uint8_t *)s;

    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int read_group(struct reader *r)
{
    uint8_t what;
    size_t n;
    int rc = 0;

    if (r->left.len < WF_PIECES_HEAD_BYTES)
        return damaged(r, "it breaks off");
    what = (uint8_t)r->left.ptr[0];
    n = u32_at(r->left.ptr + 1);
    r->left = wf_str_sub(r->left, WF_PIECES_HEAD_BYTES, r->left.len);
    if (what > WF_PIECES_PAIRS)
        return damaged(r, "it has a group of tokens of an unknown sort");
    if (n == 0 || n > r->v->n - r->id)
        return damaged(r, "a group has an impossible number of tokens");
    if (what == WF_PIECES_PAIRS)
        return read_pairs(r, n);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = what == WF_PIECES_BYTES ? read_byte(r) : read_named(r, (enum wf_token_kind)what);
    return rc;
}

static int make_tables(struct reader *r)
{
    struct wf_vocab *v = r->v;

    v->tokens = wf_arena_array(&v->arena, v->n, sizeof(*v->tokens));
    r->pieces = wf_arena_array(&v->arena, v->n, sizeof(*r->pieces));
    if (v->tokens == NULL || r->pieces == NULL || wf_vocab__merges_init(v, v->n) != 0)
        return WF_E_NOMEM;
    return wf_vocab__table_init(v, &v->by_name, v->n, true);
}

bool wf_vocab__has_pieces(const struct wf_gguf *g)
{
    return wf_gguf_value(g, WF_VOCAB_PIECES_KEY) != NULL;
}

/* The bytes of the array; empty when it has another kind. */
static struct wf_str pieces_of(const struct wf_gguf *g)
{
    const struct wf_gguf_value *value = wf_gguf_value(g, WF_VOCAB_PIECES_KEY);

    return value != NULL && value->kind == WF_GGUF_ARRAY && value->item_kind == WF_GGUF_U8
               ? wf_gguf_item_bytes(value)
               : WF_STR("");
}

int wf_vocab__read_pieces(const struct wf_gguf *g, struct wf_vocab *v, struct wf_err *err)
{
    struct reader r = {.v = v, .err = err, .left = pieces_of(g)};
    int rc;

    if (wf_gguf_value(g, WF_VOCAB_TOKENS_KEY) != NULL)
        return damaged(&r, "it is there twice, as tokens and in pieces");
    if (v->model != WF_VOCAB_BPE)
        return damaged(&r, "only byte-level BPE is kept in pieces");
    if (r.left.len < WF_PIECES_HEAD_BYTES)
        return damaged(&r, "its pieces are no list of bytes, or too short");
    if (r.left.ptr[0] != WF_PIECES_EDITION)
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "The model's vocabulary is kept in a way that this weft does not know.");
    v->n = u32_at(r.left.ptr + 1);
    r.left = wf_str_sub(r.left, WF_PIECES_HEAD_BYTES, r.left.len);
    /* each token takes a byte at least */
    if (v->n == 0 || v->n > WF_LIMIT_MODEL_VOCAB || v->n > r.left.len)
        return damaged(&r, "it cannot have as many tokens as it says");
    rc = make_tables(&r);
    while (rc == 0 && r.id < v->n)
        rc = read_group(&r);
    if (rc == 0 && r.left.len > 0)
        rc = damaged(&r, "something stands behind its last token");
    return rc;
}

size_t wf_vocab_count(const struct wf_gguf *g)
{
    const struct wf_gguf_value *tokens = wf_gguf_value(g, WF_VOCAB_TOKENS_KEY);
    struct wf_str pieces = pieces_of(g);

    if (tokens != NULL)
        return tokens->kind == WF_GGUF_ARRAY ? tokens->n_items : 0;
    return pieces.len >= WF_PIECES_HEAD_BYTES && pieces.ptr[0] == WF_PIECES_EDITION
               ? u32_at(pieces.ptr + 1)
               : 0;
}
