/* SPDX-License-Identifier: Apache-2.0 */
/* A vocabulary out of a GGUF's metadata, every number checked before it is used. What a file leaves
 * out has the defaults of its kind. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/vocab_internal.h"
#include "text/utf8.h"

struct reader {
    const struct wf_gguf *g;
    struct wf_vocab *v;
    struct wf_err *err;
};

int wf_vocab__damaged(struct wf_err *err, const char *what)
{
    return wf_err_set(err, WF_E_FORMAT, "The model's vocabulary is damaged: %s.", what);
}

static int damaged(struct reader *r, const char *what)
{
    return wf_vocab__damaged(r->err, what);
}

/* The bytes of a name in GPT-2's alphabet; nothing where it is not in it. */
static int bytes_of_bpe(struct wf_vocab *v, struct wf_str name, struct wf_str *out)
{
    char *p = wf_arena_alloc(&v->arena, name.len + 1);
    size_t i = 0, n = 0;
    bool is_valid;

    if (p == NULL)
        return WF_E_NOMEM;
    *out = wf_str_from("");
    while (i < name.len) {
        uint32_t c = wf_vocab__next_point(name, &i, &is_valid);
        int byte = is_valid ? wf_alphabet_byte(c) : -1;
        if (byte < 0)
            return 0;
        p[n++] = (char)byte;
    }
    *out = wf_str_n(p, n);
    return 0;
}

/* A name with its U+2581 as spaces. */
static int bytes_of_spm(struct wf_vocab *v, struct wf_str name, struct wf_str *out)
{
    struct wf_str space = wf_str_from(WF_VOCAB_SPACE);
    size_t at = wf_str_find(name, space, 0), from = 0, n = 0;
    char *p;

    *out = name;
    if (at >= name.len)
        return 0;
    p = wf_arena_alloc(&v->arena, name.len);
    if (p == NULL)
        return WF_E_NOMEM;
    while (at < name.len) {
        memcpy(p + n, name.ptr + from, at - from);
        n += at - from;
        p[n++] = ' ';
        from = at + space.len;
        at = wf_str_find(name, space, from);
    }
    memcpy(p + n, name.ptr + from, name.len - from);
    *out = wf_str_n(p, n + name.len - from);
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "<0x41>" -> 0x41; -1: another name. */
static int byte_of_name(struct wf_str s)
{
    int high, low;

    if (s.len != 6 || memcmp(s.ptr, "<0x", 3) != 0 || s.ptr[5] != '>')
        return -1;
    high = hex_digit(s.ptr[3]);
    low = hex_digit(s.ptr[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

int wf_vocab__token_bytes(struct wf_vocab *v, struct wf_token *t)
{
    int byte = byte_of_name(t->name);
    char *p;

    if (t->kind == WF_TOKEN_BYTE && byte >= 0) {
        p = wf_arena_alloc(&v->arena, 1);
        if (p == NULL)
            return WF_E_NOMEM;
        *p = (char)byte;
        t->bytes = wf_str_n(p, 1);
        return 0;
    }
    t->bytes = t->name;
    if (v->model == WF_VOCAB_BPE && bytes_of_bpe(v, t->name, &t->word) != 0)
        return WF_E_NOMEM;
    if (t->kind == WF_TOKEN_CONTROL || t->kind == WF_TOKEN_UNKNOWN || t->kind == WF_TOKEN_USER)
        return 0;
    if (v->model != WF_VOCAB_BPE)
        return bytes_of_spm(v, t->name, &t->bytes);
    if (t->word.len > 0)
        t->bytes = t->word;
    return 0;
}

static const struct wf_gguf_value *list_of(struct reader *r, const char *key, size_t n)
{
    const struct wf_gguf_value *v = wf_gguf_value(r->g, key);

    return v != NULL && v->kind == WF_GGUF_ARRAY && v->n_items >= n ? v : NULL;
}

static int read_token(struct reader *r, size_t i, const struct wf_gguf_value *names,
                      const struct wf_gguf_value *kinds, const struct wf_gguf_value *scores)
{
    struct wf_token *t = &r->v->tokens[i];
    int64_t kind = WF_TOKEN_NORMAL;
    double score = 0.0;

    if (!wf_gguf_item_string(names, i, &t->name))
        return damaged(r, "its tokens are no texts");
    if (kinds != NULL && !wf_gguf_item_i64(kinds, i, &kind))
        return damaged(r, "its tokens' kinds are no numbers");
    if (scores != NULL && !wf_gguf_item_f64(scores, i, &score))
        return damaged(r, "its tokens' scores are no numbers");
    if (kind < WF_TOKEN_NORMAL || kind > WF_TOKEN_BYTE)
        kind = WF_TOKEN_NORMAL;
    t->kind = (enum wf_token_kind)kind;
    t->score = (float)score;
    if (t->name.len > r->v->name_max)
        r->v->name_max = t->name.len;
    if (t->kind == WF_TOKEN_NORMAL && t->score < r->v->score_low)
        r->v->score_low = t->score;
    return wf_vocab__token_bytes(r->v, t);
}

static int read_tokens(struct reader *r)
{
    const struct wf_gguf_value *names = list_of(r, "tokenizer.ggml.tokens", 1), *kinds, *scores;
    struct wf_vocab *v = r->v;
    int rc = 0;

    if (names == NULL)
        return wf_err_set(r->err, WF_E_NOENT, "The model file has no vocabulary.");
    if (names->n_items > WF_LIMIT_MODEL_VOCAB)
        return damaged(r, "it has more tokens than any model has");
    v->n = names->n_items;
    kinds = list_of(r, "tokenizer.ggml.token_type", v->n);
    scores = list_of(r, "tokenizer.ggml.scores", v->n);
    if (scores == NULL && (v->model == WF_VOCAB_SPM || v->model == WF_VOCAB_UNIGRAM))
        return damaged(r, "its tokens have no scores");
    v->tokens = wf_arena_array(&v->arena, v->n, sizeof(*v->tokens));
    if (v->tokens == NULL || wf_vocab__table_init(v, &v->by_name, v->n, true) != 0)
        return WF_E_NOMEM;
    memset(v->tokens, 0, v->n * sizeof(*v->tokens));
    for (size_t i = 0; i < v->n && rc == 0; i++) {
        rc = read_token(r, i, names, kinds, scores);
        if (rc == 0)
            wf_vocab__table_add(v, &v->by_name, (int32_t)i);
    }
    return rc;
}

/* Byte tokens: by name, or in BPE those of one byte. Of BPE also the table of words, where words
 * are looked up whole. */
static int fill_bytes(struct reader *r)
{
    struct wf_vocab *v = r->v;
    bool is_bpe = v->model == WF_VOCAB_BPE;

    v->whole_words = v->pre != NULL && wf_pretokenizer_takes_whole_words(v->pre);
    for (int b = 0; b < 256; b++)
        v->byte_tokens[b] = WF_TOKEN_NONE;
    if (v->whole_words && wf_vocab__table_init(v, &v->by_bytes, v->n, false) != 0)
        return WF_E_NOMEM;
    for (size_t i = 0; i < v->n; i++) {
        const struct wf_token *t = &v->tokens[i];
        int byte = is_bpe ? -1 : byte_of_name(t->name);

        if (byte >= 0)
            v->byte_tokens[byte] = (int32_t)i;
        if (v->whole_words && t->word.len > 0)
            wf_vocab__table_add(v, &v->by_bytes, (int32_t)i);
        if (t->word.len == 1)
            v->byte_tokens[(uint8_t)t->word.ptr[0]] = (int32_t)i;
    }
    return 0;
}

static int add_merge(struct reader *r, struct wf_str s, uint32_t rank, struct wf_buf *joined)
{
    size_t space = wf_str_find_byte(s, ' ', 1);
    struct wf_merge m = {.rank = rank}, *at;

    if (space >= s.len)
        return damaged(r, "a merge has no two halves");
    wf_buf_reset(joined);
    (void)wf_buf_append(joined, s.ptr, space);
    if (wf_buf_append(joined, s.ptr + space + 1, s.len - space - 1) != 0)
        return WF_E_NOMEM;
    m.left = wf_vocab_find(r->v, wf_str_sub(s, 0, space));
    m.right = wf_vocab_find(r->v, wf_str_sub(s, space + 1, s.len));
    m.merged = wf_vocab_find(r->v, wf_buf_str(joined));
    if (m.left == WF_TOKEN_NONE || m.right == WF_TOKEN_NONE || m.merged == WF_TOKEN_NONE)
        return 0; /* it could never be applied */
    at = &r->v->merges[wf_vocab__merge_slot(r->v, m.left, m.right)];
    if (at->left == WF_TOKEN_NONE)
        *at = m;
    return 0;
}

static int read_merges(struct reader *r)
{
    const struct wf_gguf_value *list = list_of(r, "tokenizer.ggml.merges", 0);
    struct wf_vocab *v = r->v;
    struct wf_buf joined;
    struct wf_str s;
    int rc = 0;

    if (list == NULL)
        return damaged(r, "it has no merges");
    if (list->n_items > WF_LIMIT_MODEL_VOCAB)
        return damaged(r, "it has more merges than any model has");
    if (wf_vocab__merges_init(v, list->n_items) != 0)
        return WF_E_NOMEM;
    wf_buf_init(&joined, SIZE_MAX);
    for (size_t i = 0; i < list->n_items && rc == 0; i++)
        rc = wf_gguf_item_string(list, i, &s) ? add_merge(r, s, (uint32_t)i, &joined)
                                              : damaged(r, "its merges are no texts");
    wf_buf_deinit(&joined);
    return rc;
}

/* A token's number by key; what it was when the file does not say. */
static void read_id(struct reader *r, const char *key, int32_t *io)
{
    uint64_t id;

    if (wf_gguf_u64(r->g, key, &id) && id < r->v->n)
        *io = (int32_t)id;
    if (*io >= 0 && (size_t)*io >= r->v->n)
        *io = WF_TOKEN_NONE;
}

static void read_ids(struct reader *r)
{
    struct wf_vocab *v = r->v;
    static const struct {
        int32_t bos, eos, unknown, separator;
    } usual[] = {
        [WF_VOCAB_SPM] = {1, 2, 0, WF_TOKEN_NONE},
        [WF_VOCAB_BPE] = {11, 11, WF_TOKEN_NONE, WF_TOKEN_NONE},
        [WF_VOCAB_WORDPIECE] = {101, WF_TOKEN_NONE, 100, 102},
        [WF_VOCAB_UNIGRAM] = {WF_TOKEN_NONE, 1, 2, WF_TOKEN_NONE},
    };

    v->bos = usual[v->model].bos;
    v->eos = usual[v->model].eos;
    v->unknown = usual[v->model].unknown;
    v->separator = usual[v->model].separator;
    read_id(r, "tokenizer.ggml.bos_token_id", &v->bos);
    read_id(r, "tokenizer.ggml.eos_token_id", &v->eos);
    read_id(r, "tokenizer.ggml.unknown_token_id", &v->unknown);
    read_id(r, "tokenizer.ggml.seperator_token_id", &v->separator); /* spelled so in files */
    read_id(r, "tokenizer.ggml.separator_token_id", &v->separator);
    if (v->model == WF_VOCAB_WORDPIECE)
        read_id(r, "tokenizer.ggml.cls_token_id", &v->bos);
}

static void read_flags(struct reader *r)
{
    struct wf_vocab *v = r->v;
    bool is_spm = v->model == WF_VOCAB_SPM, is_wordpiece = v->model == WF_VOCAB_WORDPIECE;

    v->add_bos = is_spm || is_wordpiece || (v->pre != NULL && wf_pretokenizer_adds_bos(v->pre));
    v->add_separator = is_wordpiece;
    v->add_eos = v->model == WF_VOCAB_UNIGRAM;
    v->add_space_prefix = is_spm;
    v->lowercase = true;
    if (!is_wordpiece) { /* whose texts always have both ends */
        (void)wf_gguf_bool(r->g, "tokenizer.ggml.add_bos_token", &v->add_bos);
        (void)wf_gguf_bool(r->g, "tokenizer.ggml.add_eos_token", &v->add_eos);
    }
    (void)wf_gguf_bool(r->g, "tokenizer.ggml.add_space_prefix", &v->add_space_prefix);
    (void)wf_gguf_bool(r->g, "tokenizer.ggml.remove_extra_whitespaces", &v->merge_spaces);
    (void)wf_gguf_bool(r->g, "tokenizer.ggml.normalizer.lowercase", &v->lowercase);
    v->strip_accents = v->lowercase; /* as BERT's own: cased models keep accents */
    (void)wf_gguf_bool(r->g, "tokenizer.ggml.normalizer.strip_accents", &v->strip_accents);
}

/* Generations end with these, besides the token that ends texts. Most tokens begin otherwise. */
static bool is_end_name(struct wf_str name)
{
    static const char *const ends[] = {
        "<|eot_id|>",    "<|im_end|>",      "<|end|>",
        "<|return|>",    "<|call|>",        "<end_of_turn>",
        "<|endoftext|>", "<|eom_id|>",      "<EOT>",
        "[EOT]",         "<|end_of_text|>", "<end_of_utterance>",
        "</s>",          "<eos>",           "<\uff5cend\u2581of\u2581sentence\uff5c>",
    };

    if (name.len == 0 || (name.ptr[0] != '<' && name.ptr[0] != '['))
        return false;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (wf_str_eq(name, wf_str_from(ends[i])))
            return true;
    }
    return false;
}

static int longer_first(const void *a, const void *b)
{
    const struct wf_token *x = *(const struct wf_token *const *)a;
    const struct wf_token *y = *(const struct wf_token *const *)b;

    if (x->name.len != y->name.len)
        return x->name.len > y->name.len ? -1 : 1;
    return x < y ? -1 : x > y;
}

static int by_name(const void *a, const void *b)
{
    const struct wf_token *x = *(const struct wf_token *const *)a;
    const struct wf_token *y = *(const struct wf_token *const *)b;
    int order = wf_str_cmp(x->name, y->name);

    return order != 0 ? order : (x > y) - (x < y);
}

static bool is_special(const struct wf_token *t)
{
    return t->name.len > 0 &&
           (t->kind == WF_TOKEN_CONTROL || t->kind == WF_TOKEN_USER || t->kind == WF_TOKEN_UNKNOWN);
}

static bool is_of_texts(const struct wf_token *t)
{
    return t->name.len > 0 &&
           (t->kind == WF_TOKEN_NORMAL || t->kind == WF_TOKEN_USER || t->kind == WF_TOKEN_UNUSED);
}

/* The tokens that pass, in an order. */
static int pick(struct wf_vocab *v, bool (*passes)(const struct wf_token *),
                int (*order)(const void *, const void *), const struct wf_token ***out,
                size_t *out_n)
{
    size_t n = 0;

    for (size_t i = 0; i < v->n; i++)
        n += passes(&v->tokens[i]);
    *out = wf_arena_array(&v->arena, n + 1, sizeof(**out));
    if (*out == NULL)
        return WF_E_NOMEM;
    *out_n = 0;
    for (size_t i = 0; i < v->n; i++) {
        if (passes(&v->tokens[i]))
            (*out)[(*out_n)++] = &v->tokens[i];
    }
    qsort(*out, n, sizeof(**out), order);
    return 0;
}

/* Phi-3's control tokens take the white space behind them with them. */
static void read_strips(struct reader *r)
{
    static const char *const kept[] = {"<unk>", "<s>", "<|endoftext|>"};
    struct wf_vocab *v = r->v;
    struct wf_str name;
    bool is_phi3 = false;

    if (!wf_gguf_string(r->g, "general.name", &name))
        return;
    for (size_t i = 0; i + 4 <= name.len; i++) {
        struct wf_str rest = wf_str_sub(name, i, name.len);
        is_phi3 = is_phi3 || wf_str_eq_nocase(wf_str_sub(rest, 0, 4), wf_str_from("phi3")) ||
                  wf_str_eq_nocase(wf_str_sub(rest, 0, 5), wf_str_from("phi-3"));
    }
    for (size_t i = 0; i < v->n && is_phi3; i++) {
        struct wf_token *t = &v->tokens[i];
        t->strips_right = is_special(t) || wf_str_eq(t->name, wf_str_from("</s>"));
        for (size_t j = 0; j < 3; j++)
            t->strips_right = t->strips_right && !wf_str_eq(t->name, wf_str_from(kept[j]));
    }
}

static void mark_ends(struct reader *r)
{
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};
    struct wf_vocab *v = r->v;
    uint64_t id;

    for (size_t i = 0; i < v->n; i++)
        v->tokens[i].is_end = is_end_name(v->tokens[i].name);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (wf_gguf_u64(r->g, keys[i], &id) && id < v->n)
            v->tokens[id].is_end = true;
    }
    if (v->eos != WF_TOKEN_NONE)
        v->tokens[v->eos].is_end = true;
}

/* The array may be of bytes of either sign. */
static int read_charsmap(struct reader *r)
{
    const struct wf_gguf_value *value = wf_gguf_value(r->g, "tokenizer.ggml.precompiled_charsmap");
    const uint8_t *p;
    uint32_t n;

    if (value == NULL || value->kind != WF_GGUF_ARRAY || value->n_items < 4)
        return 0;
    if (value->item_kind != WF_GGUF_U8 && value->item_kind != WF_GGUF_I8)
        return damaged(r, "its normalisation is no list of bytes");
    p = value->_data;
    n = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    if (n > value->n_items - 4)
        return damaged(r, "its normalisation is cut off");
    r->v->charsmap.units = p + 4;
    r->v->charsmap.n_units = n / 4;
    r->v->charsmap.replacements = wf_str_n((const char *)p + 4 + n, value->n_items - 4 - n);
    return 0;
}

static int read_model(struct reader *r)
{
    static const char *const names[] = {"llama", "gpt2", "bert", "t5"};
    static const char known[] = "llama (SentencePiece), gpt2 (BPE), bert (WordPiece), t5 (Unigram)";
    struct wf_str name, pre = wf_str_from("default");

    if (!wf_gguf_string(r->g, "tokenizer.ggml.model", &name) ||
        wf_str_eq(name, wf_str_from("no_vocab")) || wf_str_eq(name, wf_str_from("none")))
        return wf_err_set(r->err, WF_E_NOENT, "The model file has no vocabulary.");
    for (int i = 0; i < 4; i++) {
        if (!wf_str_eq(name, wf_str_from(names[i])))
            continue;
        r->v->model = (enum wf_vocab_model)i;
        if (r->v->model != WF_VOCAB_BPE)
            return 0;
        (void)wf_gguf_string(r->g, "tokenizer.ggml.pre", &pre);
        r->v->pre = wf_pretokenizer_by_name(pre);
        if (r->v->pre != NULL)
            return 0;
        return wf_err_set(r->err, WF_E_UNSUPPORTED,
                          "The model cuts texts like '%.*s', which weft does not know.",
                          WF_STR_ARG(wf_str_sub(pre, 0, 60)));
    }
    return wf_err_set(r->err, WF_E_UNSUPPORTED,
                      "The model's vocabulary is of the kind '%.*s'; weft knows %s.",
                      WF_STR_ARG(wf_str_sub(name, 0, 60)), known);
}

int wf_vocab__read(const struct wf_gguf *g, struct wf_vocab *v, struct wf_err *err)
{
    struct reader r = {g, v, err};
    bool is_in_pieces = wf_vocab__has_pieces(g);
    int rc = read_model(&r);

    if (rc == 0)
        rc = is_in_pieces ? wf_vocab__read_pieces(g, v, err) : read_tokens(&r);
    if (rc == 0)
        rc = fill_bytes(&r);
    if (rc == 0 && v->model == WF_VOCAB_BPE && !is_in_pieces)
        rc = read_merges(&r);
    if (rc == 0 && v->model == WF_VOCAB_UNIGRAM)
        rc = read_charsmap(&r);
    if (rc == 0)
        rc = pick(v, is_special, longer_first, &v->special, &v->n_special);
    if (rc == 0 && v->model == WF_VOCAB_UNIGRAM)
        rc = pick(v, is_of_texts, by_name, &v->sorted, &v->n_sorted);
    if (rc != 0)
        return rc;
    read_ids(&r);
    read_flags(&r);
    read_strips(&r);
    mark_ends(&r);
    return 0;
}
