/* SPDX-License-Identifier: Apache-2.0 */
/* BPE: words are counted, then merged pair by pair.
 *
 * A merge looks only at the words that its pair stands in: their pairs are taken out of the counts,
 * the two symbols become one, and the new pairs go in. So a vocabulary of 16,384 tokens over a
 * million unique words takes seconds. */
#include "train/bpe.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "train/bpe_internal.h"

/* A text is cut in parts of about this size: the pre-tokenizer's notes then stay in the cache. */
#define PART_BYTES ((size_t)32 << 10)
#define SYMBOLS_MAX ((size_t)1 << 31)
/* How often `tell` is called: once in so many merges. */
#define TELL_EACH 64

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to make a vocabulary.");
}

static int check(const struct wf_bpe_options *o, struct wf_err *err)
{
    if (o->n_controls > WF_BPE_CONTROLS_MAX)
        return wf_err_set(err, WF_E_INVAL, "A vocabulary has at most %d control tokens.",
                          WF_BPE_CONTROLS_MAX);
    if (o->n_tokens < o->n_controls + 256 || o->n_tokens > WF_BPE_TOKENS_MAX)
        return wf_err_set(err, WF_E_INVAL,
                          "A vocabulary has from %zu tokens (bytes and control tokens) to %u.",
                          o->n_controls + 256, WF_BPE_TOKENS_MAX);
    if (o->token_bytes_max > WF_BPE_TOKEN_BYTES_MAX)
        return wf_err_set(err, WF_E_INVAL, "A token has at most %d bytes.", WF_BPE_TOKEN_BYTES_MAX);
    if (wf_pretokenizer_by_name(wf_str_from(o->pre)) == NULL)
        return wf_err_set(err, WF_E_INVAL, "There is no pre-tokenizer '%s'.", o->pre);
    return 0;
}

/* Control tokens have no bytes, the next 256 are the bytes. */
static int add_first_tokens(struct wf_bpe *b)
{
    for (size_t i = 0; i < b->o.n_controls; i++)
        b->tokens[b->n_tokens++] = (struct wf_bpe_token){0};
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        union wf_map_value *v = wf_map_put(&b->by_bytes, wf_str_n(&c, 1), NULL);
        if (v == NULL)
            return WF_E_NOMEM;
        v->u64 = b->n_tokens;
        b->tokens[b->n_tokens++] = (struct wf_bpe_token){(uint32_t)b->bytes.len, 1};
        (void)wf_buf_append_byte(&b->bytes, c);
    }
    return wf_buf_status(&b->bytes);
}

int wf_bpe_new(const struct wf_bpe_options *o, struct wf_bpe **out, struct wf_err *err)
{
    struct wf_bpe *b;
    int rc = check(o, err);

    if (rc != 0)
        return rc;
    b = wf_alloc_array(1, sizeof(*b));
    if (b == NULL)
        return no_memory(err);
    b->o = *o;
    if (b->o.token_bytes_max == 0)
        b->o.token_bytes_max = WF_BPE_TOKEN_BYTES_MAX;
    if (b->o.count_min == 0)
        b->o.count_min = 200;
    b->pre = wf_pretokenizer_by_name(wf_str_from(o->pre));
    wf_map_init(&b->counts, SYMBOLS_MAX);
    wf_map_init(&b->by_bytes, WF_BPE_TOKENS_MAX);
    wf_buf_init(&b->bytes, UINT32_MAX);
    b->tokens = wf_alloc_array(o->n_tokens, sizeof(*b->tokens));
    if (b->tokens == NULL || add_first_tokens(b) != 0) {
        wf_bpe_free(b);
        return no_memory(err);
    }
    *out = b;
    return 0;
}

void wf_bpe_free(struct wf_bpe *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->n_pair_slots; i++)
        wf_free(b->pairs[i].words);
    wf_free(b->pairs);
    wf_free(b->heap);
    wf_free(b->touched);
    wf_free(b->words);
    wf_free(b->symbols);
    wf_free(b->tokens);
    wf_free(b->merges);
    wf_buf_deinit(&b->bytes);
    wf_map_deinit(&b->by_bytes);
    wf_map_deinit(&b->counts);
    wf_free(b);
}

/* ---- counting ---- */

struct counting {
    struct wf_bpe *b;
    uint32_t hundredths;
};

static int count_word(void *ud, struct wf_str word)
{
    struct counting *c = ud;
    union wf_map_value *v = wf_map_put(&c->b->counts, word, NULL);

    if (v == NULL)
        return WF_E_NOMEM;
    v->u64 += c->hundredths;
    return 0;
}

/* Where the part that begins at `from` ends: behind a newline that a visible ASCII character
 * follows, so that no pre-tokenizer's word is cut. */
static size_t part_end(struct wf_str text, size_t from)
{
    size_t i = from + PART_BYTES;

    for (; i < text.len; i++) {
        if (text.ptr[i - 1] == '\n' && text.ptr[i] > ' ' && text.ptr[i] <= '~')
            return i;
    }
    return text.len;
}

int wf_bpe_add(struct wf_bpe *b, struct wf_str text, uint32_t hundredths, struct wf_err *err)
{
    struct counting c = {b, hundredths};
    int rc = 0;

    assert(b->words == NULL);
    if (hundredths == 0)
        return 0;
    for (size_t from = 0, to; from < text.len && rc == 0; from = to) {
        to = part_end(text, from);
        rc = wf_pretokenizer_cut(b->pre, wf_str_sub(text, from, to), count_word, &c);
    }
    return rc == 0 ? 0 : no_memory(err);
}

size_t wf_bpe_n_words(const struct wf_bpe *b)
{
    return b->words != NULL ? b->n_words : b->counts.n_items;
}

/* ---- merging ---- */

/* Of no token. */
#define NONE UINT32_MAX

/* Adds a word's pairs to the counts or takes them out. Those with the token `merged` are new in the
 * word; with NONE all are when they are added. */
static int count_pairs(struct wf_bpe *b, uint32_t i_word, bool adds, uint32_t merged)
{
    const struct wf_bpe_word *w = &b->words[i_word];
    const uint32_t *s = b->symbols + w->from;
    int rc = 0;

    for (uint32_t i = 0; i + 1 < w->n && rc == 0; i++) {
        struct wf_bpe_best pair = {adds ? (int64_t)w->count : -(int64_t)w->count, s[i], s[i + 1]};
        bool is_new = merged == NONE || s[i] == merged || s[i + 1] == merged;
        rc = wf_bpe__count(b, pair, i_word, adds && is_new);
    }
    return rc;
}

/* Moves the counted words into one array of symbols, and counts their pairs. */
static int begin(struct wf_bpe *b, struct wf_err *err)
{
    size_t n_bytes = 0, i = 0, n_words = b->counts.n_items;
    union wf_map_value count;
    struct wf_str word;
    int rc = 0;

    while (wf_map_next(&b->counts, &i, &word, NULL))
        n_bytes += word.len;
    if (n_bytes >= SYMBOLS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "These are too many different words for a vocabulary.");
    b->words = wf_alloc_array(n_words + 1, sizeof(*b->words));
    b->symbols = wf_alloc_array(n_bytes + 1, sizeof(*b->symbols));
    if (b->words == NULL || b->symbols == NULL)
        return no_memory(err);
    n_bytes = i = 0;
    while (wf_map_next(&b->counts, &i, &word, &count)) {
        b->words[b->n_words++] =
            (struct wf_bpe_word){(uint32_t)n_bytes, (uint32_t)word.len, count.u64};
        for (size_t k = 0; k < word.len; k++)
            b->symbols[n_bytes++] = (uint32_t)(b->o.n_controls + (uint8_t)word.ptr[k]);
    }
    wf_map_deinit(&b->counts);
    for (uint32_t k = 0; k < b->n_words && rc == 0; k++)
        rc = count_pairs(b, k, true, NONE);
    if (rc == 0)
        rc = wf_bpe__push_touched(b);
    return rc == 0 ? 0 : no_memory(err);
}

/* The token of the bytes of two others: it may be there already, made of two other parts. */
static int token_of(struct wf_bpe *b, uint32_t left, uint32_t right, uint32_t *out)
{
    struct wf_bpe_token l = b->tokens[left], r = b->tokens[right];
    uint32_t from = (uint32_t)b->bytes.len;
    union wf_map_value *v;
    bool is_new;

    if (wf_buf_reserve(&b->bytes, l.n + r.n) != 0)
        return WF_E_NOMEM;
    memcpy(b->bytes.ptr + from, b->bytes.ptr + l.from, l.n);
    memcpy(b->bytes.ptr + from + l.n, b->bytes.ptr + r.from, r.n);
    v = wf_map_put(&b->by_bytes, wf_str_n(b->bytes.ptr + from, l.n + r.n), &is_new);
    if (v == NULL)
        return WF_E_NOMEM;
    if (is_new) {
        wf_buf_commit(&b->bytes, l.n + r.n);
        v->u64 = b->n_tokens;
        b->tokens[b->n_tokens++] = (struct wf_bpe_token){from, l.n + r.n};
    }
    *out = (uint32_t)v->u64;
    return 0;
}

/* Replaces the pair in one word, leftmost first. */
static int merge_word(struct wf_bpe *b, uint32_t i_word, const struct wf_bpe_merge *m)
{
    struct wf_bpe_word *w = &b->words[i_word];
    uint32_t *s = b->symbols + w->from, n = 0, i = 0;
    bool has = false;
    int rc;

    for (i = 0; i + 1 < w->n && !has; i++)
        has = s[i] == m->left && s[i + 1] == m->right;
    if (!has)
        return 0;
    rc = count_pairs(b, i_word, false, NONE);
    if (rc != 0)
        return rc;
    for (i = 0; i < w->n; n++) {
        bool merges = i + 1 < w->n && s[i] == m->left && s[i + 1] == m->right;
        s[n] = merges ? m->merged : s[i];
        i += merges ? 2 : 1;
    }
    w->n = n;
    return count_pairs(b, i_word, true, m->merged);
}

static int merge(struct wf_bpe *b, const struct wf_bpe_best *best)
{
    struct wf_bpe_merge m = {best->left, best->right, 0};
    struct wf_bpe_pair *p = wf_bpe__pair(b, m.left, m.right, false);
    uint32_t *words = p->words, n_words = p->n_words;
    int rc = token_of(b, m.left, m.right, &m.merged);

    p->words = NULL; /* a pair that overlaps itself ("aaa") starts a new list */
    p->n_words = p->cap_words = 0;
    if (rc == 0)
        rc = wf_reserve(&b->merges, &b->cap_merges, b->n_merges + 1, sizeof(*b->merges));
    if (rc == 0)
        b->merges[b->n_merges++] = m;
    for (uint32_t i = 0; i < n_words && rc == 0; i++)
        rc = merge_word(b, words[i], &m);
    wf_free(words);
    return rc == 0 ? wf_bpe__push_touched(b) : rc;
}

int wf_bpe_train(struct wf_bpe *b, wf_bpe_tell_fn tell, void *ud, struct wf_err *err)
{
    struct wf_bpe_best best;
    int rc = begin(b, err);

    while (rc == 0 && b->n_tokens < b->o.n_tokens && wf_bpe__pop(b, &best)) {
        if (tell != NULL && b->n_merges % TELL_EACH == 0 && !tell(ud, b->n_tokens))
            return wf_err_set(err, WF_E_CANCELED, "Making the vocabulary was stopped.");
        if (merge(b, &best) != 0)
            rc = no_memory(err);
    }
    return rc;
}

uint32_t wf_bpe_n_tokens(const struct wf_bpe *b)
{
    return b->n_tokens;
}

struct wf_str wf_bpe_bytes(const struct wf_bpe *b, uint32_t id)
{
    return wf_str_n(b->bytes.ptr + b->tokens[id].from, b->tokens[id].n);
}
