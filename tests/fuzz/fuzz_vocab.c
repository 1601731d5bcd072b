/* SPDX-License-Identifier: Apache-2.0 */
/* Tokenizers: any text becomes tokens of the vocabulary, and BPE's and SentencePiece's texts come
 * back byte for byte. The first byte chooses the vocabulary; behind 255 stands one in pieces: it is
 * refused, or says the same when it is written anew. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/vocab_pieces.h"
#include "support/tiny_vocab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N_VOCABS 16
#define N_TOKENS 300

static struct wf_vocab *vocabs[N_VOCABS];
static bool is_exact[N_VOCABS];

static void build(size_t i, const char *model, const char *pre, const struct tiny_token *tokens,
                  const char *const *merges, bool exact)
{
    static struct wf_buf bytes[N_VOCABS];
    static struct wf_gguf *opened[N_VOCABS]; /* they stay: their vocabularies borrow from them */
    struct wf_gguf *g = NULL;
    struct wf_err err = WF_ERR_INIT;
    int rc;

    wf_buf_init(&bytes[i], 1u << 20);
    tiny_vocab_build(model, pre, tokens, merges, &bytes[i]);
    rc = wf_gguf_open_memory(bytes[i].ptr, bytes[i].len, &g, &err);
    rc = rc == 0 ? wf_vocab_open(g, &vocabs[i], &err) : rc;
    assert(rc == 0);
    opened[i] = g;
    is_exact[i] = exact;
}

/* GPT-2's name of a byte. */
static void name_byte(int b, char out[4])
{
    static int next[256];
    int n = 256, c = 0;

    for (int i = 0; i < 256; i++) {
        bool is_shown = (i >= 33 && i <= 126) || (i >= 161 && i <= 172) || i >= 174;
        next[i] = is_shown ? i : n++;
    }
    c = next[b];
    if (c < 128)
        (void)snprintf(out, 4, "%c", c);
    else
        (void)snprintf(out, 4, "%c%c", 0xc0 | c >> 6, 0x80 | (c & 63));
}

static void build_all(void)
{
    static const char *const pres[] = {"default", "gpt-2",       "llama-bpe",      "qwen2",
                                       "falcon",  "tekken",      "deepseek-coder", "deepseek-v3",
                                       "gpt-4o",  "deepseek-llm"};
    static const char *const merges[] = {"a b", "ab c", "t h", "th e", "1 2", "\xc4\xa0 a", NULL};
    static struct tiny_token bpe[N_TOKENS], spm[N_TOKENS];
    static char names[N_TOKENS][8];
    static const char *const words[] = {"ab", "abc", "th", "the", "12", "\u0120a"};
    size_t n = 256;

    for (int b = 0; b < 256; b++) {
        name_byte(b, names[b]);
        bpe[b] = (struct tiny_token){names[b], 1, 0};
    }
    for (size_t i = 0; i < 6; i++)
        bpe[n++] = (struct tiny_token){words[i], 1, 0};
    bpe[n++] = (struct tiny_token){"<|x|>", 3, 0};
    bpe[n++] = (struct tiny_token){"<u>", 4, 0};
    for (size_t i = 0; i < 10; i++)
        build(i, "gpt2", pres[i], bpe, merges, true);
    spm[0] = (struct tiny_token){"<unk>", 2, 0};
    spm[1] = (struct tiny_token){"<s>", 3, 0};
    spm[2] = (struct tiny_token){"</s>", 3, 0};
    for (int b = 0; b < 256; b++) {
        static char hex[256][8];
        (void)snprintf(hex[b], 8, "<0x%02X>", b);
        spm[3 + b] = (struct tiny_token){hex[b], 6, 0};
    }
    n = 259;
    for (size_t i = 0; i < 5; i++)
        spm[n++] = (struct tiny_token){words[i], 1, -(float)i};
    spm[n++] = (struct tiny_token){"\xe2\x96\x81", 1, -20};
    spm[n++] = (struct tiny_token){"a", 1, -21};
    spm[n++] = (struct tiny_token){"b", 1, -22};
    build(10, "llama", NULL, spm, NULL, true);
    build(11, "t5", NULL, spm, NULL, false);
    build(12, "bert", NULL, spm, NULL, false);
}

static struct wf_vocab *open_pieces(struct wf_str pieces, struct wf_buf *file, struct wf_gguf **out)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_vocab *v = NULL;
    int rc;

    wf_buf_init(file, SIZE_MAX);
    tiny_vocab_build_pieces("qwen2", pieces, file);
    rc = wf_gguf_open_memory(file->ptr, file->len, out, NULL);
    assert(rc == 0);
    rc = wf_vocab_open(*out, &v, &err);
    assert(rc == 0 || err.msg[0] != 0);
    return v;
}

static void check_same(const struct wf_vocab *a, const struct wf_vocab *b)
{
    static const char text[] = "The the abab thabc \xc3\xa4\xff 12";
    struct wf_ids x = {0}, y = {0};
    int rc;

    assert(wf_vocab_size(a) == wf_vocab_size(b));
    for (int32_t i = 0; i < (int32_t)wf_vocab_size(a); i++) {
        assert(wf_str_eq(wf_vocab_name(a, i), wf_vocab_name(b, i)));
        assert(wf_vocab_kind(a, i) == wf_vocab_kind(b, i));
    }
    rc = wf_vocab_encode(a, wf_str_n(text, sizeof(text) - 1), WF_ENCODE_CONTROL, &x, NULL);
    assert(rc == 0);
    rc = wf_vocab_encode(b, wf_str_n(text, sizeof(text) - 1), WF_ENCODE_CONTROL, &y, NULL);
    assert(rc == 0 && x.n == y.n);
    assert(x.n == 0 || memcmp(x.ptr, y.ptr, x.n * sizeof(*x.ptr)) == 0);
    wf_free(x.ptr);
    wf_free(y.ptr);
}

static void run_pieces(struct wf_str pieces)
{
    struct wf_buf file[2], anew;
    struct wf_gguf *g[2] = {NULL, NULL};
    struct wf_vocab *v = open_pieces(pieces, &file[0], &g[0]), *again;
    bool fits = false;
    int rc;

    wf_buf_init(&anew, SIZE_MAX);
    wf_buf_init(&file[1], SIZE_MAX);
    if (v != NULL) {
        rc = wf_vocab_pieces(v, &anew, &fits);
        assert(rc == 0 && fits);
        again = open_pieces(wf_buf_str(&anew), &file[1], &g[1]);
        assert(again != NULL);
        check_same(v, again);
        wf_vocab_close(again);
    }
    wf_vocab_close(v);
    wf_gguf_close(g[0]);
    wf_gguf_close(g[1]);
    wf_buf_deinit(&file[0]);
    wf_buf_deinit(&file[1]);
    wf_buf_deinit(&anew);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_ids ids = {0};
    struct wf_buf back;
    struct wf_str text;
    size_t which;
    int rc;

    if (vocabs[0] == NULL)
        build_all();
    if (size == 0)
        return 0;
    if (data[0] == 255) {
        run_pieces(wf_str_n((const char *)data + 1, size - 1));
        return 0;
    }
    which = data[0] % 13;
    text = wf_str_n((const char *)data + 1, size - 1);
    rc = wf_vocab_encode(vocabs[which], text, (data[0] & 64) != 0 ? WF_ENCODE_CONTROL : 0, &ids,
                         NULL);
    assert(rc == 0);
    for (size_t i = 0; i < ids.n; i++)
        assert(ids.ptr[i] >= 0 && (size_t)ids.ptr[i] < wf_vocab_size(vocabs[which]));
    wf_buf_init(&back, SIZE_MAX);
    rc = wf_vocab_decode(vocabs[which], ids.ptr, ids.n, true, &back, NULL);
    assert(rc == 0);
    /* SentencePiece's sign of a space cannot be told from a space */
    if (is_exact[which] && (data[0] & 64) == 0 &&
        (which < 10 || wf_str_find(text, wf_str_from("\u2581"), 0) == SIZE_MAX))
        assert(back.len == text.len && memcmp(back.ptr, text.ptr, text.len) == 0);
    wf_buf_deinit(&back);
    wf_free(ids.ptr);
    return 0;
}
