/* SPDX-License-Identifier: Apache-2.0 */
/* Texts to tokens and back: special tokens are found first, the longest before the others; what
 * lies between them goes to the tokenizer. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/vocab_internal.h"

struct fragment {
    size_t from, to;
    int32_t id; /* of a special token; WF_TOKEN_NONE: text */
};

struct fragments {
    struct fragment *ptr;
    size_t n, cap;
};

uint32_t wf_vocab__next_point(struct wf_str text, size_t *io_i, bool *out_is_valid)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *p = (const uint8_t *)text.ptr + *io_i;
    size_t left = text.len - *io_i;
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    uint32_t c = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));

    *out_is_valid = p[0] < 0x80 || (p[0] >= 0xc2 && p[0] <= 0xf4 && n <= left);
    for (size_t i = 1; i < n && *out_is_valid; i++) {
        *out_is_valid = (p[i] & 0xc0) == 0x80;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (*out_is_valid && n > 1)
        *out_is_valid = c >= lowest[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
    *io_i += *out_is_valid ? n : 1;
    return *out_is_valid ? c : p[0];
}

static int add(struct fragments *f, size_t from, size_t to, int32_t id)
{
    if (from == to && id == WF_TOKEN_NONE)
        return 0;
    if (f->n == f->cap) {
        size_t cap = f->cap > 0 ? 2 * f->cap : 16;
        struct fragment *p = wf_realloc_array(f->ptr, cap, sizeof(*p));

        if (p == NULL)
            return WF_E_NOMEM;
        f->ptr = p;
        f->cap = cap;
    }
    f->ptr[f->n++] = (struct fragment){from, to, id};
    return 0;
}

static bool is_white(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Cuts one fragment at every place of a token. */
static int cut_fragment(const struct wf_vocab *v, struct wf_str text, const struct wf_token *t,
                        struct fragment f, struct fragments *out)
{
    size_t at, from = f.from;
    int rc = 0;

    while (rc == 0) {
        struct wf_str rest = wf_str_sub(text, from, f.to);
        size_t end;
        at = f.id == WF_TOKEN_NONE ? wf_str_find(rest, t->name, 0) : SIZE_MAX;
        if (at == SIZE_MAX)
            break;
        end = from + at;
        while (t->strips_left && end > from && is_white(text.ptr[end - 1]))
            end--;
        rc = add(out, from, end, WF_TOKEN_NONE);
        if (rc == 0)
            rc = add(out, from + at, from + at + t->name.len, (int32_t)(t - v->tokens));
        from += at + t->name.len;
        while (t->strips_right && from < f.to && is_white(text.ptr[from]))
            from++;
    }
    return rc == 0 ? add(out, from, f.to, f.id) : rc;
}

/* Whether two neighbouring bytes are in a text: most special tokens are not, and this is cheaper
 * than looking for each of thousands. */
struct pairs {
    uint64_t bits[65536 / 64];
};

static size_t pair_of(const char *p)
{
    return (size_t)(uint8_t)p[0] << 8 | (uint8_t)p[1];
}

static bool may_hold(const struct pairs *pairs, struct wf_str name)
{
    size_t i;

    if (name.len < 2)
        return true;
    i = pair_of(name.ptr);
    return (pairs->bits[i / 64] >> (i % 64) & 1) != 0;
}

static int cut_text(const struct wf_vocab *v, struct wf_str text, bool control,
                    struct fragments *out)
{
    struct pairs *pairs = wf_alloc(sizeof(*pairs));
    struct fragments next = {0};
    int rc = pairs != NULL ? add(out, 0, text.len, WF_TOKEN_NONE) : WF_E_NOMEM;

    for (size_t i = 0; rc == 0 && i + 1 < text.len; i++) {
        size_t bit = pair_of(text.ptr + i);
        if (i == 0)
            memset(pairs, 0, sizeof(*pairs));
        pairs->bits[bit / 64] |= UINT64_C(1) << (bit % 64);
    }
    for (size_t i = 0; i < v->n_special && rc == 0; i++) {
        const struct wf_token *t = v->special[i];
        if ((!control && t->kind != WF_TOKEN_USER) || t->name.len > text.len ||
            (text.len > 1 && !may_hold(pairs, t->name)))
            continue;
        next.n = 0;
        for (size_t k = 0; k < out->n && rc == 0; k++)
            rc = cut_fragment(v, text, t, out->ptr[k], &next);
        struct fragments swap = *out;
        *out = next;
        next = swap;
    }
    wf_free(next.ptr);
    wf_free(pairs);
    return rc;
}

static int encode_fragment(const struct wf_vocab *v, struct wf_str s, bool with_space,
                           struct wf_ids *out)
{
    switch (v->model) {
    case WF_VOCAB_SPM:
        return wf_vocab__encode_spm(v, s, with_space, out);
    case WF_VOCAB_WORDPIECE:
        return wf_vocab__encode_wordpiece(v, s, out);
    case WF_VOCAB_UNIGRAM:
        return wf_vocab__encode_unigram(v, s, out);
    case WF_VOCAB_BPE:
        break;
    }
    return wf_vocab__encode_bpe(v, s, out, NULL);
}

static int push_if(bool wanted, int32_t id, struct wf_ids *out)
{
    return wanted && id != WF_TOKEN_NONE ? wf_ids_push(out, id) : 0;
}

static int encode(const struct wf_vocab *v, struct wf_str text, unsigned flags, struct wf_ids *out)
{
    bool ends = (flags & WF_ENCODE_ENDS) != 0, is_behind_special = true;
    struct fragments f = {0};
    int rc = cut_text(v, text, (flags & WF_ENCODE_CONTROL) != 0, &f);

    if (rc == 0)
        rc = push_if(ends && v->add_bos, v->bos, out);
    for (size_t i = 0; i < f.n && rc == 0; i++) {
        if (f.ptr[i].id != WF_TOKEN_NONE)
            rc = wf_ids_push(out, f.ptr[i].id);
        else
            rc = encode_fragment(v, wf_str_sub(text, f.ptr[i].from, f.ptr[i].to), is_behind_special,
                                 out);
        is_behind_special = f.ptr[i].id != WF_TOKEN_NONE;
    }
    if (rc == 0)
        rc = push_if(ends && v->add_separator, v->separator, out);
    if (rc == 0)
        rc = push_if(ends && v->add_eos, v->eos, out);
    wf_free(f.ptr);
    return rc;
}

int wf_vocab_encode(const struct wf_vocab *v, struct wf_str text, unsigned flags,
                    struct wf_ids *io_out, struct wf_err *err)
{
    size_t n_before = io_out->n;
    int rc;

    if (text.len > WF_LIMIT_ENCODE_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "A text of more than %u MiB is not taken at once.",
                          WF_LIMIT_ENCODE_BYTES >> 20);
    rc = encode(v, text, flags, io_out);
    if (rc != 0) {
        io_out->n = n_before;
        return wf_err_set(err, rc, "Not enough memory for the tokens of a text.");
    }
    return 0;
}

int wf_vocab_encode_words(const struct wf_vocab *v, struct wf_str text, struct wf_ids *io_out,
                          struct wf_ids *io_firsts, struct wf_err *err)
{
    size_t n_before = io_out->n, n_firsts_before = io_firsts->n;
    int rc;

    if (v->model != WF_VOCAB_BPE)
        return wf_err_set(err, WF_E_UNSUPPORTED, "The vocabulary is no byte-level BPE.");
    if (text.len > WF_LIMIT_ENCODE_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "A text of more than %u MiB is not taken at once.",
                          WF_LIMIT_ENCODE_BYTES >> 20);
    rc = wf_vocab__encode_bpe(v, text, io_out, io_firsts);
    if (rc == 0)
        return 0;
    io_out->n = n_before;
    io_firsts->n = n_firsts_before;
    return wf_err_set(err, rc, "Not enough memory for the tokens of a text.");
}

int wf_vocab_decode(const struct wf_vocab *v, const int32_t *ids, size_t n, bool with_control,
                    struct wf_buf *out, struct wf_err *err)
{
    bool drops_space = v->model == WF_VOCAB_WORDPIECE || v->add_space_prefix;

    for (size_t i = 0; i < n; i++) {
        struct wf_str s;
        bool is_control;

        if (ids[i] < 0 || (size_t)ids[i] >= v->n)
            return wf_err_set(err, WF_E_RANGE, "Token %d is not in the model's vocabulary of %u.",
                              ids[i], (unsigned)v->n);
        is_control = v->tokens[ids[i]].kind == WF_TOKEN_CONTROL ||
                     v->tokens[ids[i]].kind == WF_TOKEN_UNKNOWN;
        s = v->tokens[ids[i]].bytes;
        if (!is_control && drops_space && s.len > 0 && s.ptr[0] == ' ')
            s = wf_str_sub(s, 1, s.len);
        /* encoding puts a space behind each control token too */
        drops_space = is_control ? v->model == WF_VOCAB_WORDPIECE || v->add_space_prefix : false;
        if (!is_control || with_control)
            (void)wf_buf_append_str(out, s);
    }
    if (wf_buf_status(out) != 0)
        return wf_err_set(err, wf_buf_status(out), "Not enough memory for a text.");
    return 0;
}
