/* SPDX-License-Identifier: Apache-2.0 */
/* Vocabularies in pieces: they say what the usual keys say, those that cannot stay as they are, and
 * what is damaged is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/rng.h"
#include "model/synth_internal.h"
#include "model/vocab_internal.h"
#include "model/vocab_pieces.h"
#include "os/file.h"
#include "support/tiny_lens.h"
#include "support/tiny_vocab.h"
#include "train/bpe.h"

#define N WF_TOKEN_NORMAL
#define C WF_TOKEN_CONTROL

static const char *const texts[] = {
    "the low tide is lower than the lowest tide; the newest and the widest are the best.",
    "Über den Wolken muß die Freiheit wohl grenzenlos sein: 1,234.5 km!",
    "東京タワーは東京にある。東京は大きい。\n\nпривет мир, привет всем",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।",
    "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق",
    "ყველა ადამიანი იბადება თავისუფალი; כל בני אדם נולדו בני חורין",
    "มนุษย์ทั้งหลายเกิดมามีอิสระ \xf0\x9f\x98\x80 \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb bababa",
    "don't can't I'll you're   spaced   out\t\ttabs\r\nlines <s><q> a<|x|>b\n",
    "\xff\xfe\x80 broken \xe2\x82 bytes \xc0\xaf",
};

/* A vocabulary in both forms. */
struct both {
    struct wf_buf file, pieces, file_in_pieces;
    struct wf_gguf *a_file, *b_file;
    struct wf_vocab *a, *b;
};

/* Opens the bytes of b->file, and the same in pieces. */
static void open_both(struct both *b)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_str pre = {0};
    char name[64];
    bool fits;

    if (wf_gguf_open_memory(b->file.ptr, b->file.len, &b->a_file, &err) != 0 ||
        wf_vocab_open(b->a_file, &b->a, &err) != 0)
        fail_msg("%s", err.msg);
    assert_true(wf_gguf_string(b->a_file, "tokenizer.ggml.pre", &pre));
    (void)snprintf(name, sizeof(name), "%.*s", WF_STR_ARG(pre));
    wf_buf_init(&b->pieces, 1u << 20);
    wf_buf_init(&b->file_in_pieces, 1u << 20);
    assert_int_equal(wf_vocab_pieces(b->a, &b->pieces, &fits), 0);
    assert_true(fits);
    tiny_vocab_build_pieces(name, wf_buf_str(&b->pieces), &b->file_in_pieces);
    if (wf_gguf_open_memory(b->file_in_pieces.ptr, b->file_in_pieces.len, &b->b_file, &err) != 0 ||
        wf_vocab_open(b->b_file, &b->b, &err) != 0)
        fail_msg("%s", err.msg);
}

static void shut_both(struct both *b)
{
    wf_vocab_close(b->a);
    wf_vocab_close(b->b);
    wf_gguf_close(b->a_file);
    wf_gguf_close(b->b_file);
    wf_buf_deinit(&b->file);
    wf_buf_deinit(&b->pieces);
    wf_buf_deinit(&b->file_in_pieces);
}

static void assert_str_equal(struct wf_str a, struct wf_str b)
{
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.ptr, b.ptr, a.len);
}

/* The merges of a are merges of x, in the same order. */
static void assert_merges_of(const struct wf_vocab *a, const struct wf_vocab *x, size_t *out_n)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n_merge_slots; i++) {
        const struct wf_merge *m = &a->merges[i], *same;
        if (m->left == WF_TOKEN_NONE)
            continue;
        same = wf_vocab__merge(x, m->left, m->right);
        assert_non_null(same);
        assert_int_equal(same->merged, m->merged);
        assert_int_equal(same->rank, m->rank);
        n++;
    }
    *out_n = n;
}

static void assert_same_tokens(const struct wf_vocab *a, const struct wf_vocab *b)
{
    size_t n[2];

    assert_int_equal(wf_vocab_size(a), wf_vocab_size(b));
    for (int32_t i = 0; i < (int32_t)a->n; i++) {
        assert_str_equal(wf_vocab_name(a, i), wf_vocab_name(b, i));
        assert_str_equal(wf_vocab_bytes(a, i), wf_vocab_bytes(b, i));
        assert_str_equal(a->tokens[i].word, b->tokens[i].word);
        assert_int_equal(wf_vocab_kind(a, i), wf_vocab_kind(b, i));
        assert_int_equal(wf_vocab_find(b, wf_vocab_name(a, i)), i);
    }
    assert_memory_equal(a->byte_tokens, b->byte_tokens, sizeof(a->byte_tokens));
    assert_int_equal(a->name_max, b->name_max);
    assert_merges_of(a, b, &n[0]);
    assert_merges_of(b, a, &n[1]);
    assert_int_equal(n[0], n[1]);
}

static void assert_same_ids(const struct both *b, struct wf_str text)
{
    struct wf_ids x = {0}, y = {0};

    for (unsigned flags = 0; flags < 4; flags++) {
        x.n = y.n = 0;
        assert_int_equal(wf_vocab_encode(b->a, text, flags & WF_ENCODE_CONTROL, &x, NULL), 0);
        assert_int_equal(wf_vocab_encode(b->b, text, flags & WF_ENCODE_CONTROL, &y, NULL), 0);
        assert_int_equal(x.n, y.n);
        if (x.n > 0)
            assert_memory_equal(x.ptr, y.ptr, x.n * sizeof(*x.ptr));
    }
    wf_free(x.ptr);
    wf_free(y.ptr);
}

/* All texts, and parts of them put together. */
static void assert_same_encoding(const struct both *b)
{
    struct wf_rng_seeded rng;
    struct wf_buf mix;

    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++)
        assert_same_ids(b, wf_str_from(texts[i]));
    wf_rng_seeded_init(&rng, 11);
    wf_buf_init(&mix, 1u << 20);
    for (int round = 0; round < 300; round++) {
        wf_buf_reset(&mix);
        for (int k = 0; k < 4; k++) {
            struct wf_str s = wf_str_from(texts[wf_rng_below(&rng.rng, WF_ARRAY_LEN(texts))]);
            size_t from = wf_rng_below(&rng.rng, s.len);
            (void)wf_buf_append_str(&mix, wf_str_sub(s, from, from + wf_rng_below(&rng.rng, 40)));
        }
        assert_same_ids(b, wf_buf_str(&mix));
    }
    wf_buf_deinit(&mix);
}

/* Small, with tokens of all kinds, and words that are taken whole. */
static void build_mixed(struct wf_buf *out)
{
    static const struct tiny_token tokens[] = {
        {"<s>", C, 0},
        {"a", N, 0},
        {"b", N, 0},
        {"\u0120", N, 0},
        {"<unk>", WF_TOKEN_UNKNOWN, 0},
        {"ab", N, 0},
        {"word", N, 0}, /* no merge makes it */
        {"\u0120a", N, 0},
        {"\u0120ab", N, 0},
        {"<|x|>", WF_TOKEN_USER, 0},
        {"c", N, 0},
        {"abc", N, 0},
        {"<0x41>", WF_TOKEN_BYTE, 0},
        {"  \u6771", N, 0}, /* not in the alphabet */
        {"left out", WF_TOKEN_UNUSED, 0},
        {"", WF_TOKEN_UNUSED, 0},
        {"ababc", N, 0},
        {NULL, 0, 0},
    };
    static const char *const merges[] = {"a b",    "\u0120 a",     "\u0120 ab", "ab c",
                                         "ab abc", "nothing here", NULL};

    tiny_vocab_build("gpt2", "llama-bpe", tokens, merges, out);
}

static void build_lens(struct wf_buf *out)
{
    tiny_lens_build(0, out);
}

static void name_file(char path[64])
{
    (void)snprintf(path, 64, "/tmp/weft-test-pieces-%ld.gguf", (long)getpid());
}

/* Takes a file's bytes and removes it. */
static void take_file(const char *path, struct wf_buf *out)
{
    assert_int_equal(wf_file_read(path, out, NULL), 0);
    assert_int_equal(wf_file_remove(path, NULL), 0);
}

/* What is learnt from the texts: several hundred merges. */
static void build_trained(struct wf_buf *out)
{
    static const char *const controls[] = {"<s>", "</s>", "<q>"};
    const struct wf_bpe_options o = {
        .n_tokens = 700, .count_min = 200, .pre = "qwen2", .controls = controls, .n_controls = 3};
    struct wf_bpe *b = NULL;
    char path[64];

    assert_int_equal(wf_bpe_new(&o, &b, NULL), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++)
        assert_int_equal(wf_bpe_add(b, wf_str_from(texts[i]), 300, NULL), 0);
    assert_int_equal(wf_bpe_train(b, NULL, NULL, NULL), 0);
    assert_true(wf_bpe_n_tokens(b) > 600);
    name_file(path);
    assert_int_equal(wf_bpe_write(b, "test", path, NULL), 0);
    take_file(path, out);
    wf_bpe_free(b);
}

/* Of many tokens, their control tokens last. */
static void build_synthetic(struct wf_buf *out)
{
    struct wf_gguf_writer *w = NULL;
    char path[64];

    name_file(path);
    assert_int_equal(wf_gguf_writer_new(path, &w, NULL), 0);
    assert_int_equal(wf_synth__vocab(w, 5000, true, NULL), 0);
    assert_int_equal(wf_gguf_writer_begin(w, NULL), 0);
    assert_int_equal(wf_gguf_writer_finish(w, NULL), 0);
    wf_gguf_writer_free(w);
    take_file(path, out);
}

static void (*const builders[])(struct wf_buf *) = {build_mixed, build_lens, build_trained,
                                                    build_synthetic};

static void test_vocab_pieces__say_what_other_keys_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(builders); i++) {
        struct both b = {0};
        struct wf_buf again;
        bool fits;

        wf_buf_init(&b.file, 1u << 20);
        wf_buf_init(&again, 1u << 20);
        builders[i](&b.file);
        open_both(&b);
        assert_same_tokens(b.a, b.b);
        assert_same_encoding(&b);
        assert_int_equal(wf_vocab_count(b.a_file), wf_vocab_size(b.a));
        assert_int_equal(wf_vocab_count(b.b_file), wf_vocab_size(b.a));
        assert_int_equal(wf_vocab_pieces(b.b, &again, &fits), 0);
        assert_true(fits);
        assert_str_equal(wf_buf_str(&again), wf_buf_str(&b.pieces));
        wf_buf_deinit(&again);
        shut_both(&b);
    }
}

/* ---- what stays as it is ---- */

static void expect_misfit(const char *model, const struct tiny_token *tokens,
                          const char *const *merges)
{
    struct wf_buf file, pieces;
    struct wf_gguf *g = NULL;
    struct wf_vocab *v = NULL;
    bool fits = true;

    wf_buf_init(&file, 1u << 20);
    wf_buf_init(&pieces, 1u << 20);
    tiny_vocab_build(model, "gpt-2", tokens, merges, &file);
    assert_int_equal(wf_gguf_open_memory(file.ptr, file.len, &g, NULL), 0);
    assert_int_equal(wf_vocab_open(g, &v, NULL), 0);
    assert_int_equal(wf_vocab_pieces(v, &pieces, &fits), 0);
    assert_false(fits);
    assert_int_equal(pieces.len, 0);
    wf_vocab_close(v);
    wf_gguf_close(g);
    wf_buf_deinit(&file);
    wf_buf_deinit(&pieces);
}

static void test_vocab_pieces__do_not_fit_what_they_cannot_say(void **state)
{
    static char name[257];
    static const struct tiny_token plain[] = {{"a", N, 0},  {"b", N, 0},   {"c", N, 0},
                                              {"ab", N, 0}, {"abc", N, 0}, {NULL, 0, 0}};
    static const struct tiny_token late[] = {{"ab", N, 0}, {"a", N, 0}, {"b", N, 0}, {NULL, 0, 0}};
    static const struct tiny_token twice[] = {
        {"a", N, 0}, {"b", N, 0}, {"a", N, 0}, {"ab", N, 0}, {NULL, 0, 0}};
    static const struct tiny_token kind[] = {{"a", N, 0}, {"b", N, 0}, {"ab", C, 0}, {NULL, 0, 0}};
    static const struct tiny_token half[] = {{"a", C, 0}, {"b", N, 0}, {"ab", N, 0}, {NULL, 0, 0}};
    static const struct tiny_token named[] = {
        {"a", N, 0}, {"bc", N, 0}, {"abc", N, 0}, {NULL, 0, 0}};
    static const struct tiny_token long_name[] = {{"a", N, 0}, {name, C, 0}, {NULL, 0, 0}};
    static const struct {
        const struct tiny_token *tokens;
        const char *merges[5];
    } cases[] = {
        {plain, {"ab c", "a b", NULL}}, /* not in the order of the tokens */
        {late, {"a b", NULL}},          /* halves behind their whole */
        {twice, {"a b", NULL}},         /* a name twice */
        {kind, {"a b", NULL}},          /* a control token that is merged */
        {half, {"a b", NULL}},          /* made of a control token */
        {named, {"a bc", NULL}},        /* made of a token that is no piece */
        {long_name, {"a a", NULL}},
    };

    (void)state;
    memset(name, 'n', 256);
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++)
        expect_misfit("gpt2", cases[i].tokens, cases[i].merges);
    expect_misfit("bert", plain, NULL);
    expect_misfit("llama", plain, NULL);
}

/* A token that two merges make: only one of them could be said. */
static void test_vocab_pieces__do_not_fit_tokens_made_twice(void **state)
{
    static const struct tiny_token tokens[] = {{"a", N, 0},  {"b", N, 0},  {"c", N, 0},
                                               {"ab", N, 0}, {"bc", N, 0}, {"abc", N, 0},
                                               {NULL, 0, 0}};
    static const char *const merges[] = {"a b", "b c", "ab c", "a bc", NULL};

    (void)state;
    expect_misfit("gpt2", tokens, merges);
}

/* ---- what is damaged ---- */

/* Opens a vocabulary of these pieces; the code, and what it says when it is refused. */
static int open_pieces(struct wf_str pieces, struct wf_err *err)
{
    struct wf_buf file;
    struct wf_gguf *g = NULL;
    struct wf_vocab *v = NULL;
    int rc;

    wf_buf_init(&file, 64u << 20);
    tiny_vocab_build_pieces("gpt-2", pieces, &file);
    assert_int_equal(wf_gguf_open_memory(file.ptr, file.len, &g, NULL), 0);
    rc = wf_vocab_open(g, &v, err);
    assert_true((rc == 0) == (v != NULL));
    wf_vocab_close(v);
    wf_gguf_close(g);
    wf_buf_deinit(&file);
    return rc;
}

#define HEAD(n) "\1" n "\0\0\0"
#define GROUP(what, n) what n "\0\0\0"
#define BYTES_AB GROUP("\0", "\2") "ab"
/* The pair of 0 and 1: each a class of 0 and one bit, width 8: 000 0, 000 1 from the lowest on. */
#define PAIR_AB GROUP("\7", "\1") "\x8\x80"
#define P(lit)                                                                                     \
    {                                                                                              \
        lit, sizeof(lit) - 1                                                                       \
    }

static void test_vocab_pieces__damaged_ones_are_refused(void **state)
{
    static const struct {
        struct wf_str pieces;
        int rc;
        const char *says;
    } cases[] = {
        {P(HEAD("\3") BYTES_AB PAIR_AB), 0, NULL},
        {P(HEAD("\3") BYTES_AB GROUP("\3", "\1") "\1x"), 0, NULL},
        {P(""), WF_E_FORMAT, "too short"},
        {P("\1\3\0\0"), WF_E_FORMAT, "too short"},
        {P("\2\3\0\0\0" BYTES_AB PAIR_AB), WF_E_UNSUPPORTED, "does not know"},
        {P(HEAD("\0") BYTES_AB), WF_E_FORMAT, "as many tokens"},
        {P(HEAD("\x20") BYTES_AB PAIR_AB), WF_E_FORMAT, "as many tokens"},
        {P("\1\xff\xff\xff\xff" BYTES_AB PAIR_AB), WF_E_FORMAT, "as many tokens"},
        {P(HEAD("\4") BYTES_AB PAIR_AB), WF_E_FORMAT, "breaks off"},
        {P(HEAD("\2") BYTES_AB PAIR_AB), WF_E_FORMAT, "behind its last token"},
        {P(HEAD("\2") GROUP("\0", "\3") "abc"), WF_E_FORMAT, "impossible number"},
        {P(HEAD("\2") GROUP("\0", "\0") "abc"), WF_E_FORMAT, "impossible number"},
        {P(HEAD("\2") GROUP("\x8", "\2") "ab"), WF_E_FORMAT, "unknown sort"},
        {P(HEAD("\2") GROUP("\0", "\2") "a"), WF_E_FORMAT, "breaks off"},
        {P(HEAD("\2") GROUP("\0", "\2") "aa"), WF_E_FORMAT, "twice"},
        {P(HEAD("\3") BYTES_AB GROUP("\3", "\1") "\2x"), WF_E_FORMAT, "breaks off"},
        {P(HEAD("\3") BYTES_AB GROUP("\3", "\1") "\1a"), WF_E_FORMAT, "twice"},
        {P(HEAD("\3") BYTES_AB GROUP("\7", "\1") "\7\x80"), WF_E_FORMAT, "width"},
        {P(HEAD("\3") BYTES_AB GROUP("\7", "\1") "\x19\x80\0\0\0"), WF_E_FORMAT, "width"},
        {P(HEAD("\3") BYTES_AB GROUP("\7", "\1") "\x8\1\2"), WF_E_FORMAT, "stand before it"},
        {P(HEAD("\3") BYTES_AB GROUP("\7", "\1") "\x8\x10\3"), WF_E_FORMAT, "stand before it"},
        {P(HEAD("\3") BYTES_AB GROUP("\7", "\1") "\x10\x80"), WF_E_FORMAT, "breaks off"},
        {P(HEAD("\4") BYTES_AB GROUP("\7", "\2") "\x8\x80\x80"), WF_E_FORMAT, "twice"},
        {P(HEAD("\3") BYTES_AB GROUP("\7", "\1") "\x9\0\x80"), WF_E_FORMAT, "stands behind"},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_err err = WF_ERR_INIT;
        int rc = open_pieces(cases[i].pieces, &err);
        if (rc != cases[i].rc || (rc != 0 && strstr(err.msg, cases[i].says) == NULL))
            fail_msg("case %zu: %d, %s", i, rc, err.msg);
    }
}

/* Whatever is cut off or changed, it opens or is refused. */
static void test_vocab_pieces__any_damage_is_survived(void **state)
{
    struct both b = {0};
    size_t n_opened = 0;

    (void)state;
    wf_buf_init(&b.file, 1u << 20);
    build_lens(&b.file);
    open_both(&b);
    for (size_t n = 0; n < b.pieces.len; n++)
        assert_int_equal(open_pieces(wf_str_sub(wf_buf_str(&b.pieces), 0, n), NULL), WF_E_FORMAT);
    for (size_t i = 0; i < b.pieces.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            int rc;
            b.pieces.ptr[i] = (char)(b.pieces.ptr[i] ^ 1 << bit);
            rc = open_pieces(wf_buf_str(&b.pieces), NULL);
            assert_true(rc == 0 || rc == WF_E_FORMAT || rc == WF_E_UNSUPPORTED);
            n_opened += rc == 0;
            b.pieces.ptr[i] = (char)(b.pieces.ptr[i] ^ 1 << bit);
        }
    }
    assert_true(n_opened > 0); /* another name of a control token is one */
    shut_both(&b);
}

static void test_vocab_pieces__stand_alone_and_as_bytes(void **state)
{
    struct wf_gguf_writer *w = NULL;
    struct wf_gguf *g = NULL;
    struct wf_vocab *v = NULL;
    struct wf_err err = WF_ERR_INIT;
    char path[64];

    (void)state;
    name_file(path);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wf_gguf_writer_new(path, &w, NULL), 0);
        wf_gguf_put_string(w, "tokenizer.ggml.model", i == 2 ? WF_STR("bert") : WF_STR("gpt2"));
        if (i == 0)
            wf_gguf_put_i32s(w, WF_VOCAB_PIECES_KEY, 0);
        else
            wf_gguf_put_u8s(w, WF_VOCAB_PIECES_KEY, (struct wf_str)P(HEAD("\2") BYTES_AB));
        if (i == 1)
            wf_gguf_put_strings(w, "tokenizer.ggml.tokens", 0);
        assert_int_equal(wf_gguf_writer_begin(w, NULL), 0);
        assert_int_equal(wf_gguf_writer_finish(w, NULL), 0);
        wf_gguf_writer_free(w);
        assert_int_equal(wf_gguf_open(path, &g, NULL), 0);
        assert_int_equal(wf_vocab_open(g, &v, &err), WF_E_FORMAT);
        assert_non_null(strstr(err.msg, i == 0   ? "no list of bytes"
                                        : i == 1 ? "twice, as tokens"
                                                 : "only byte-level BPE"));
        wf_gguf_close(g);
    }
    assert_int_equal(wf_file_remove(path, NULL), 0);
}

/* ---- limits ---- */

struct bit_writer {
    struct wf_buf *out;
    uint32_t held;
    unsigned n_held;
};

/* A number of width 24, as the header says. */
static void put_number(struct bit_writer *b, uint32_t x)
{
    unsigned bits[2], n = 0;

    while (n < 24 && x >> n != 0)
        n++;
    bits[0] = n > 17 ? n - 17 : 0;
    bits[1] = n > 17 ? n - 1 : 17;
    for (unsigned i = 0; i < 3 + bits[1]; i++) {
        uint32_t bit = i < 3 ? bits[0] >> i & 1 : x >> (i - 3) & 1;
        b->held |= bit << b->n_held;
        if (++b->n_held == 8) {
            (void)wf_buf_append_byte(b->out, (char)b->held);
            *b = (struct bit_writer){.out = b->out};
        }
    }
}

/* `n_bytes` bytes, each doubled `n_doubled` times, then `n_pairs` pairs of the longest. */
static int open_doubled(uint32_t n_bytes, uint32_t n_doubled, uint32_t n_pairs, struct wf_err *err)
{
    uint32_t n = n_bytes * n_doubled + n_pairs, longest = n_bytes * n_doubled;
    struct wf_buf pieces;
    struct bit_writer b = {.out = &pieces};
    int rc;

    wf_buf_init(&pieces, 1u << 20);
    (void)wf_buf_append_byte(&pieces, 1);
    (void)wf_buf_append_u32le(&pieces, n_bytes + n);
    (void)wf_buf_append_byte(&pieces, 0);
    (void)wf_buf_append_u32le(&pieces, n_bytes);
    for (uint32_t i = 0; i < n_bytes; i++)
        (void)wf_buf_append_byte(&pieces, (char)i);
    (void)wf_buf_append_byte(&pieces, 7);
    (void)wf_buf_append_u32le(&pieces, n);
    (void)wf_buf_append_byte(&pieces, 24);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t pair = i - n_bytes * n_doubled;
        bool is_doubled = i < n_bytes * n_doubled;
        put_number(&b, is_doubled ? i : longest + pair / n_bytes);
        put_number(&b, is_doubled ? i : longest + (pair + 1 + pair / n_bytes) % n_bytes);
    }
    while (b.n_held > 0 && b.n_held < 8)
        b.n_held++;
    if (b.n_held > 0)
        (void)wf_buf_append_byte(&pieces, (char)b.held);
    assert_int_equal(wf_buf_status(&pieces), 0);
    rc = open_pieces(wf_buf_str(&pieces), err);
    wf_buf_deinit(&pieces);
    return rc;
}

static void test_vocab_pieces__tokens_have_limits(void **state)
{
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    _Static_assert(WF_LIMIT_VOCAB_PIECE_BYTES == 1u << 10, "ten times doubled");
    assert_int_equal(open_doubled(2, 10, 0, &err), 0);
    assert_int_equal(open_doubled(2, 11, 0, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, "too long"));
    /* of 1,024 bytes each, their names as long or twice as long: 256 x 100 are 64 MiB at least */
    assert_int_equal(open_doubled(256, 9, 256, &err), 0);
    assert_int_equal(open_doubled(256, 9, 256 * 128, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, "tokens are too long"));
}

/* ---- without memory ---- */

static void test_vocab_pieces__fail_cleanly_without_memory(void **state)
{
    struct wf_gguf_writer *w = NULL;
    struct both b = {0};
    struct wf_vocab *v = NULL;
    struct wf_buf out;
    char path[64];
    bool fits = false;
    uint64_t live;
    int rc = -1;

    (void)state;
    name_file(path);
    wf_buf_init(&b.file, 1u << 20);
    build_mixed(&b.file);
    open_both(&b);
    live = wf_alloc_stats().n_live;
    for (uint64_t n = 1; rc != 0; n++) {
        wf_alloc_fail_at(n);
        rc = wf_vocab_open(b.b_file, &v, NULL);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        wf_vocab_close(v);
        assert_int_equal(wf_alloc_stats().n_live, live);
    }
    rc = -1;
    for (uint64_t n = 1; rc != 0; n++) {
        wf_buf_init(&out, 1u << 20);
        wf_alloc_fail_at(n);
        rc = wf_vocab_pieces(b.a, &out, &fits);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 ? fits : rc == WF_E_NOMEM && !fits);
        wf_buf_deinit(&out);
        assert_int_equal(wf_alloc_stats().n_live, live);
    }
    rc = -1;
    for (uint64_t n = 1; rc != 0; n++) {
        assert_int_equal(wf_gguf_writer_new(path, &w, NULL), 0);
        wf_alloc_fail_at(n);
        rc = wf_vocab_put(w, b.a_file, true, NULL);
        if (rc == 0)
            rc = wf_gguf_writer_begin(w, NULL);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        wf_gguf_writer_free(w);
        assert_int_equal(wf_alloc_stats().n_live, live);
    }
    shut_both(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vocab_pieces__say_what_other_keys_say),
        cmocka_unit_test(test_vocab_pieces__do_not_fit_what_they_cannot_say),
        cmocka_unit_test(test_vocab_pieces__do_not_fit_tokens_made_twice),
        cmocka_unit_test(test_vocab_pieces__damaged_ones_are_refused),
        cmocka_unit_test(test_vocab_pieces__any_damage_is_survived),
        cmocka_unit_test(test_vocab_pieces__stand_alone_and_as_bytes),
        cmocka_unit_test(test_vocab_pieces__tokens_have_limits),
        cmocka_unit_test(test_vocab_pieces__fail_cleanly_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
