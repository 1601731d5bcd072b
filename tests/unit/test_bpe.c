/* SPDX-License-Identifier: Apache-2.0 */
/* BPE trainer: against a trainer and an encoder that are slow and simple, written here. */
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
#include "base/rng.h"
#include "model/pretokenizer.h"
#include "model/vocab.h"
#include "os/file.h"
#include "train/bpe.h"

static const char *const controls[] = {"<s>", "</s>", "<mask>"};

static const char *const texts[] = {
    "the low tide is lower than the lowest tide; the newest and the widest are the best.",
    "low lower lowest new newer newest wide wider widest\nlow low low",
    "Über den Wolken muß die Freiheit wohl grenzenlos sein: 1,234.5 km!",
    "東京タワーは東京にある。東京は大きい。\n\nпривет мир, привет всем",
    "aaaa aaaaa aaaaaaa aaa aa a banana bananas ananas",
    "don't can't won't I'll you're   spaced   out\t\ttabs\r\nlines\n",
};
#define N_TEXTS (sizeof(texts) / sizeof(texts[0]))

static struct wf_bpe *new_bpe(uint32_t n_tokens, uint32_t token_bytes_max, uint64_t count_min)
{
    struct wf_bpe_options o = {.n_tokens = n_tokens,
                               .token_bytes_max = token_bytes_max,
                               .count_min = count_min,
                               .pre = "qwen2",
                               .controls = controls,
                               .n_controls = 3};
    struct wf_bpe *b = NULL;

    assert_int_equal(wf_bpe_new(&o, &b, NULL), 0);
    return b;
}

static void add_texts(struct wf_bpe *b, bool backwards)
{
    for (size_t i = 0; i < N_TEXTS; i++)
        assert_int_equal(
            wf_bpe_add(b, wf_str_from(texts[backwards ? N_TEXTS - 1 - i : i]), 100, NULL), 0);
}

/* ---- the simple trainer: all words as lists of ids, all pairs counted anew for each merge ---- */

#define WORDS_MAX 400
#define SYMBOLS_MAX 100

struct naive {
    struct {
        char bytes[SYMBOLS_MAX];
        size_t n_bytes, n;
        int ids[SYMBOLS_MAX];
    } words[WORDS_MAX]; /* a word as often as it is there */
    size_t n_words;
    char tokens[1000][SYMBOLS_MAX];
    size_t token_bytes[1000];
    int n_tokens;
};

static int add_naive_word(void *ud, struct wf_str word)
{
    struct naive *t = ud;

    assert_true(t->n_words < WORDS_MAX && word.len < SYMBOLS_MAX);
    t->words[t->n_words].n = word.len;
    for (size_t i = 0; i < word.len; i++)
        t->words[t->n_words].ids[i] = 3 + (uint8_t)word.ptr[i];
    t->n_words++;
    return 0;
}

static int count_naive(const struct naive *t, int left, int right)
{
    int n = 0;

    for (size_t w = 0; w < t->n_words; w++) {
        for (size_t i = 0; i + 1 < t->words[w].n; i++)
            n += t->words[w].ids[i] == left && t->words[w].ids[i + 1] == right;
    }
    return n;
}

static void best_naive(const struct naive *t, size_t bytes_max, int *out_left, int *out_right,
                       int *out_n)
{
    *out_n = 0;
    for (size_t w = 0; w < t->n_words; w++) {
        for (size_t i = 0; i + 1 < t->words[w].n; i++) {
            int l = t->words[w].ids[i], r = t->words[w].ids[i + 1], n;
            if (t->token_bytes[l] + t->token_bytes[r] > bytes_max)
                continue;
            n = count_naive(t, l, r);
            if (n > *out_n ||
                (n == *out_n && (l < *out_left || (l == *out_left && r < *out_right)))) {
                *out_left = l;
                *out_right = r;
                *out_n = n;
            }
        }
    }
}

static int naive_token(struct naive *t, int l, int r)
{
    char bytes[SYMBOLS_MAX];
    size_t n = t->token_bytes[l] + t->token_bytes[r];

    memcpy(bytes, t->tokens[l], t->token_bytes[l]);
    memcpy(bytes + t->token_bytes[l], t->tokens[r], t->token_bytes[r]);
    for (int i = 3; i < t->n_tokens; i++) {
        if (t->token_bytes[i] == n && memcmp(t->tokens[i], bytes, n) == 0)
            return i;
    }
    memcpy(t->tokens[t->n_tokens], bytes, n);
    t->token_bytes[t->n_tokens] = n;
    return t->n_tokens++;
}

static void train_naive(struct naive *t, int n_tokens, size_t bytes_max, int count_min)
{
    int l = 0, r = 0, n;

    for (int b = 0; b < 256; b++) {
        t->tokens[3 + b][0] = (char)b;
        t->token_bytes[3 + b] = 1;
    }
    t->n_tokens = 259;
    while (t->n_tokens < n_tokens) {
        best_naive(t, bytes_max, &l, &r, &n);
        if (n < count_min || n == 0)
            return;
        int merged = naive_token(t, l, r);
        for (size_t w = 0; w < t->n_words; w++) {
            size_t k = 0;
            int *ids = t->words[w].ids;
            for (size_t i = 0; i < t->words[w].n; k++) {
                bool is = i + 1 < t->words[w].n && ids[i] == l && ids[i + 1] == r;
                ids[k] = is ? merged : ids[i];
                i += is ? 2 : 1;
            }
            t->words[w].n = k;
        }
    }
}

static void check_against_naive(uint32_t n_tokens, uint32_t bytes_max, int count_min)
{
    const struct wf_pretokenizer *pre = wf_pretokenizer_by_name(wf_str_from("qwen2"));
    struct wf_bpe *b = new_bpe(n_tokens, bytes_max, (uint64_t)count_min * 100);
    struct naive *t = wf_alloc_array(1, sizeof(*t));

    assert_non_null(t);
    add_texts(b, false);
    for (size_t i = 0; i < N_TEXTS; i++)
        assert_int_equal(wf_pretokenizer_cut(pre, wf_str_from(texts[i]), add_naive_word, t), 0);
    train_naive(t, (int)n_tokens, bytes_max, count_min);
    assert_int_equal(wf_bpe_train(b, NULL, NULL, NULL), 0);
    assert_int_equal(wf_bpe_n_tokens(b), t->n_tokens);
    for (int i = 3; i < t->n_tokens; i++) {
        struct wf_str got = wf_bpe_bytes(b, (uint32_t)i);
        if (got.len != t->token_bytes[i] || memcmp(got.ptr, t->tokens[i], got.len) != 0)
            fail_msg("token %d is '%.*s', not '%.*s'", i, WF_STR_ARG(got), (int)t->token_bytes[i],
                     t->tokens[i]);
    }
    wf_free(t);
    wf_bpe_free(b);
}

static void test_bpe__merges_as_the_simple_trainer_does(void **state)
{
    (void)state;
    check_against_naive(330, 24, 2);
    check_against_naive(600, 24, 2); /* until nothing stands together twice */
    check_against_naive(600, 4, 1);
    check_against_naive(300, 3, 3);
}

static void test_bpe__order_of_texts_changes_nothing(void **state)
{
    struct wf_bpe *a = new_bpe(400, 24, 200), *b = new_bpe(400, 24, 200);

    (void)state;
    add_texts(a, false);
    add_texts(b, true);
    assert_int_equal(wf_bpe_n_words(a), wf_bpe_n_words(b));
    assert_int_equal(wf_bpe_train(a, NULL, NULL, NULL), 0);
    assert_int_equal(wf_bpe_train(b, NULL, NULL, NULL), 0);
    assert_int_equal(wf_bpe_n_tokens(a), wf_bpe_n_tokens(b));
    for (uint32_t i = 3; i < wf_bpe_n_tokens(a); i++)
        assert_true(wf_str_eq(wf_bpe_bytes(a, i), wf_bpe_bytes(b, i)));
    wf_bpe_free(a);
    wf_bpe_free(b);
}

static void test_bpe__weights_count(void **state)
{
    struct wf_bpe *b = new_bpe(260, 24, 1);

    (void)state;
    assert_int_equal(wf_bpe_add(b, wf_str_from("xy xy xy"), 100, NULL), 0);
    assert_int_equal(wf_bpe_add(b, wf_str_from("qz qz"), 151, NULL), 0); /* 3.02 > 3 */
    assert_int_equal(wf_bpe_add(b, wf_str_from("nn nn nn nn nn nn nn"), 0, NULL), 0);
    assert_int_equal(wf_bpe_train(b, NULL, NULL, NULL), 0);
    assert_int_equal(wf_bpe_n_tokens(b), 260);
    assert_true(wf_str_eq(wf_bpe_bytes(b, 259), wf_str_from("qz")));
    wf_bpe_free(b);
}

static void test_bpe__refuses_what_cannot_be(void **state)
{
    struct wf_bpe_options ok = {
        .n_tokens = 300, .pre = "qwen2", .controls = controls, .n_controls = 3};
    struct wf_bpe_options o;
    struct wf_err err = WF_ERR_INIT;
    struct wf_bpe *b = NULL;

    (void)state;
    o = ok;
    o.n_tokens = 258;
    assert_int_equal(wf_bpe_new(&o, &b, &err), WF_E_INVAL);
    o.n_tokens = WF_BPE_TOKENS_MAX + 1;
    assert_int_equal(wf_bpe_new(&o, &b, &err), WF_E_INVAL);
    o = ok;
    o.pre = "no such";
    assert_int_equal(wf_bpe_new(&o, &b, &err), WF_E_INVAL);
    o = ok;
    o.token_bytes_max = WF_BPE_TOKEN_BYTES_MAX + 1;
    assert_int_equal(wf_bpe_new(&o, &b, &err), WF_E_INVAL);
    o = ok;
    o.n_controls = WF_BPE_CONTROLS_MAX + 1;
    assert_int_equal(wf_bpe_new(&o, &b, &err), WF_E_INVAL);
    assert_null(b);
}

static bool stop(void *ud, uint32_t n_tokens)
{
    (void)ud;
    return n_tokens < 259;
}

static void test_bpe__can_be_stopped(void **state)
{
    struct wf_bpe *b = new_bpe(400, 24, 200);

    (void)state;
    add_texts(b, false);
    assert_int_equal(wf_bpe_train(b, stop, NULL, NULL), WF_E_CANCELED);
    wf_bpe_free(b);
}

/* ---- the file, read back ---- */

struct file {
    char path[64];
    struct wf_gguf *g;
    struct wf_vocab *v;
};

static void make_file(struct file *f, uint32_t n_tokens)
{
    struct wf_bpe *b = new_bpe(n_tokens, 24, 200);
    struct wf_err err = WF_ERR_INIT;

    add_texts(b, false);
    assert_int_equal(wf_bpe_train(b, NULL, NULL, NULL), 0);
    (void)snprintf(f->path, sizeof(f->path), "/tmp/weft-test-bpe-%ld.gguf", (long)getpid());
    if (wf_bpe_write(b, "test", f->path, &err) != 0 || wf_gguf_open(f->path, &f->g, &err) != 0 ||
        wf_vocab_open(f->g, &f->v, &err) != 0)
        fail_msg("%s", err.msg);
    wf_bpe_free(b);
}

static void drop_file(struct file *f)
{
    wf_vocab_close(f->v);
    wf_gguf_close(f->g);
    assert_int_equal(wf_file_remove(f->path, NULL), 0);
}

static void test_bpe__file_is_a_vocabulary(void **state)
{
    struct file f = {0};
    struct wf_ids ids = {0};

    (void)state;
    make_file(&f, 300);
    assert_int_equal(wf_vocab_size(f.v), 300);
    assert_int_equal(wf_vocab_bos(f.v), 0);
    assert_int_equal(wf_vocab_eos(f.v), 1);
    assert_true(wf_vocab_adds_bos(f.v));
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(wf_vocab_kind(f.v, i), WF_TOKEN_CONTROL);
        assert_true(wf_str_eq(wf_vocab_name(f.v, i), wf_str_from(controls[i])));
    }
    for (int b = 0; b < 256; b++) {
        char c = (char)b;
        assert_true(wf_str_eq(wf_vocab_bytes(f.v, 3 + b), wf_str_n(&c, 1)));
    }
    /* names of control tokens are text unless they are asked for */
    assert_int_equal(wf_vocab_encode(f.v, wf_str_from("<mask>"), 0, &ids, NULL), 0);
    assert_true(ids.n > 1);
    ids.n = 0;
    assert_int_equal(
        wf_vocab_encode(f.v, wf_str_from("<mask>"), WF_ENCODE_CONTROL | WF_ENCODE_ENDS, &ids, NULL),
        0);
    assert_int_equal(ids.n, 2);
    assert_int_equal(ids.ptr[0], 0);
    assert_int_equal(ids.ptr[1], 2);
    wf_free(ids.ptr);
    drop_file(&f);
}

/* The simple encoder: of all merges the first one in the file that applies, at its leftmost place,
 * until none does. */
struct simple {
    const struct file *f;
    const struct wf_gguf_value *merges;
    struct wf_ids *out;
};

static bool joins(const struct simple *s, int32_t l, int32_t r, uint64_t rank)
{
    struct wf_str m, left = wf_vocab_name(s->f->v, l), right = wf_vocab_name(s->f->v, r);

    assert_true(wf_gguf_item_string(s->merges, rank, &m));
    return m.len == left.len + 1 + right.len && memcmp(m.ptr, left.ptr, left.len) == 0 &&
           m.ptr[left.len] == ' ' && memcmp(m.ptr + left.len + 1, right.ptr, right.len) == 0;
}

static int encode_simple(void *ud, struct wf_str word)
{
    struct simple *s = ud;
    int32_t ids[SYMBOLS_MAX];
    size_t n = word.len;

    assert_true(n < SYMBOLS_MAX);
    for (size_t i = 0; i < n; i++)
        ids[i] = 3 + (uint8_t)word.ptr[i];
    for (uint64_t rank = 0; rank < s->merges->n_items; rank++) {
        for (size_t i = 0; i + 1 < n; i++) {
            char name[2 * SYMBOLS_MAX];
            if (!joins(s, ids[i], ids[i + 1], rank))
                continue;
            (void)snprintf(name, sizeof(name), "%.*s%.*s",
                           WF_STR_ARG(wf_vocab_name(s->f->v, ids[i])),
                           WF_STR_ARG(wf_vocab_name(s->f->v, ids[i + 1])));
            ids[i] = wf_vocab_find(s->f->v, wf_str_from(name));
            memmove(ids + i + 1, ids + i + 2, (n - i - 2) * sizeof(*ids));
            n--;
        }
    }
    for (size_t i = 0; i < n; i++)
        assert_int_equal(wf_ids_push(s->out, ids[i]), 0);
    return 0;
}

static void check_text(const struct file *f, struct wf_str text)
{
    const struct wf_pretokenizer *pre = wf_pretokenizer_by_name(wf_str_from("qwen2"));
    struct wf_ids got = {0}, want = {0};
    struct simple s = {f, wf_gguf_value(f->g, "tokenizer.ggml.merges"), &want};
    struct wf_buf back;

    wf_buf_init(&back, 1u << 20);
    assert_int_equal(wf_vocab_encode(f->v, text, 0, &got, NULL), 0);
    assert_int_equal(wf_vocab_decode(f->v, got.ptr, got.n, false, &back, NULL), 0);
    assert_int_equal(back.len, text.len);
    assert_memory_equal(back.ptr, text.ptr, text.len);
    assert_int_equal(wf_pretokenizer_cut(pre, text, encode_simple, &s), 0);
    assert_int_equal(got.n, want.n);
    assert_memory_equal(got.ptr, want.ptr, want.n * sizeof(*want.ptr));
    wf_buf_deinit(&back);
    wf_free(got.ptr);
    wf_free(want.ptr);
}

static void test_bpe__encodes_as_the_simple_encoder_does(void **state)
{
    struct wf_rng_seeded rng;
    struct file f = {0};
    char text[64];

    (void)state;
    make_file(&f, 420); /* as many as there are: about 320 */
    for (size_t i = 0; i < N_TEXTS; i++)
        check_text(&f, wf_str_from(texts[i]));
    wf_rng_seeded_init(&rng, 7);
    for (int round = 0; round < 200; round++) {
        size_t n = 1 + wf_rng_below(&rng.rng, sizeof(text) - 1);
        for (size_t i = 0; i < n; i++)
            text[i] =
                (char)(round % 2 == 0 ? wf_rng_below(&rng.rng, 256)
                                      : (uint64_t) "lowers tide\nan"[wf_rng_below(&rng.rng, 14)]);
        check_text(&f, wf_str_n(text, n));
    }
    drop_file(&f);
}

static void test_bpe__survives_failures_of_memory(void **state)
{
    char path[64];
    uint64_t n = 0;
    bool failed = true;

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/weft-test-bpe-f-%ld.gguf", (long)getpid());
    while (failed) {
        struct wf_bpe_options o = {
            .n_tokens = 280, .pre = "qwen2", .controls = controls, .n_controls = 3};
        struct wf_bpe *b = NULL;
        int rc;

        wf_alloc_fail_at(++n);
        rc = wf_bpe_new(&o, &b, NULL);
        for (size_t i = 0; i < N_TEXTS && rc == 0; i++)
            rc = wf_bpe_add(b, wf_str_from(texts[i]), 100, NULL);
        if (rc == 0)
            rc = wf_bpe_train(b, NULL, NULL, NULL);
        if (rc == 0)
            rc = wf_bpe_write(b, "test", path, NULL);
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        wf_bpe_free(b);
        if (rc != (failed ? WF_E_NOMEM : 0))
            fail_msg("allocation %llu: %d", (unsigned long long)n, rc);
    }
    assert_true(n > 50);
    assert_int_equal(wf_file_remove(path, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bpe__merges_as_the_simple_trainer_does),
        cmocka_unit_test(test_bpe__order_of_texts_changes_nothing),
        cmocka_unit_test(test_bpe__weights_count),
        cmocka_unit_test(test_bpe__refuses_what_cannot_be),
        cmocka_unit_test(test_bpe__can_be_stopped),
        cmocka_unit_test(test_bpe__file_is_a_vocabulary),
        cmocka_unit_test(test_bpe__encodes_as_the_simple_encoder_does),
        cmocka_unit_test(test_bpe__survives_failures_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
