/* SPDX-License-Identifier: Apache-2.0 */
/* Tokenizers: small vocabularies whose answers are known, cuts against vectors, real vocabularies
 * against reference output where they are there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/vocab_internal.h"
#include "os/file.h"
#include "support/tiny_vocab.h"

#define DATA "../shared/data/tokenizer/"
#define N 1
#define U 2
#define C 3
#define B 6
#define S "\xe2\x96\x81"

struct opened {
    struct wf_buf bytes;
    struct wf_gguf *g;
    struct wf_vocab *v;
};

static void open_tiny(struct opened *o, const char *model, const char *pre,
                      const struct tiny_token *tokens, const char *const *merges)
{
    struct wf_err err = WF_ERR_INIT;

    wf_buf_init(&o->bytes, 1u << 20);
    tiny_vocab_build(model, pre, tokens, merges, &o->bytes);
    if (wf_gguf_open_memory(o->bytes.ptr, o->bytes.len, &o->g, &err) != 0 ||
        wf_vocab_open(o->g, &o->v, &err) != 0)
        fail_msg("%s: %s", model, err.msg);
}

static void shut(struct opened *o)
{
    wf_vocab_close(o->v);
    wf_gguf_close(o->g);
    wf_buf_deinit(&o->bytes);
}

static void expect(const struct opened *o, const char *text, unsigned flags, const char *ids)
{
    struct wf_ids out = {0};
    struct wf_buf got;

    wf_buf_init(&got, 1u << 16);
    assert_int_equal(wf_vocab_encode(o->v, wf_str_from(text), flags, &out, NULL), 0);
    for (size_t i = 0; i < out.n; i++)
        (void)wf_buf_appendf(&got, i > 0 ? " %d" : "%d", out.ptr[i]);
    assert_string_equal(got.ptr, ids);
    wf_buf_deinit(&got);
    wf_free(out.ptr);
}

static void expect_text(const struct opened *o, const int32_t *ids, size_t n, const char *text)
{
    struct wf_buf got;

    wf_buf_init(&got, 1u << 16);
    assert_int_equal(wf_vocab_decode(o->v, ids, n, false, &got, NULL), 0);
    assert_string_equal(got.ptr, text);
    wf_buf_deinit(&got);
}

static void test_vocab__merges_sentencepiece_by_score(void **state)
{
    static const struct tiny_token tokens[] = {
        {"<unk>", U, 0},   {"<s>", C, 0},    {"</s>", C, 0}, {"<0xC3>", B, 0},
        {"<0xA4>", B, 0},  {S, N, -9},       {"a", N, -9},   {"b", N, -9},
        {"c", N, -9},      {"ab", N, -1},    {"bc", N, -2},  {S "a", N, -3},
        {"abc", N, -0.5f}, {S "abc", N, -4}, {"<x>", C, 0},  {NULL, 0, 0},
    };
    struct opened o;

    (void)state;
    open_tiny(&o, "llama", NULL, tokens, NULL);
    expect(&o, "abc", WF_ENCODE_ENDS, "1 13");
    expect(&o, "bca", 0, "5 10 6");
    expect(&o, "a\xc3\xa4", 0, "11 3 4");
    expect(&o, "", WF_ENCODE_ENDS, "1");
    expect(&o, "a<x>a", WF_ENCODE_CONTROL, "11 14 11");
    expect(&o, "z", 0, "5 0");
    expect_text(&o, (const int32_t[]){1, 13, 14, 11, 3, 4}, 6, "abca\xc3\xa4");
    assert_true(wf_vocab_is_end(o.v, 2));
    assert_int_equal(wf_vocab_find(o.v, wf_str_from("ab")), 9);
    shut(&o);
}

static void test_vocab__merges_bpe_by_rank(void **state)
{
    static const struct tiny_token tokens[] = {
        {"a", N, 0},
        {"b", N, 0},
        {"c", N, 0},
        {"\xc4\xa0", N, 0},
        {"ab", N, 0},
        {"bc", N, 0},
        {"abc", N, 0},
        {"\xc4\xa0"
         "a",
         N, 0},
        {"<|x|>", C, 0},
        {NULL, 0, 0},
    };
    static const char *const merges[] = {"b c", "a b", "a bc", "\xc4\xa0 a", NULL};
    struct opened o;

    (void)state;
    open_tiny(&o, "gpt2", "gpt-2", tokens, merges);
    expect(&o, "abc", 0, "6");
    expect(&o, "ab abab", 0, "4 3 4 4");
    expect(&o, "a<|x|>a", WF_ENCODE_CONTROL, "0 8 0");
    expect(&o, "a<|x|>a", 0, "0 0"); /* signs have no tokens here */
    expect_text(&o, (const int32_t[]){4, 7, 1}, 3, "ab ab");
    shut(&o);
}

/* What a token is called decides which words become it, not what kind it is of. */
static void test_vocab__words_become_tokens_of_any_kind(void **state)
{
    static const struct tiny_token tokens[] = {
        {"a", N, 0},      {"b", N, 0},  {"\u010a", 4, 0},
        {"\u0120", N, 0}, {"ab", C, 0}, {"\u0120\u0120", 4, 0},
        {"  ", 4, 0},     {NULL, 0, 0},
    };
    static const char *const merges[] = {"a b", "\u0120 \u0120", NULL};
    struct opened o;

    (void)state;
    open_tiny(&o, "gpt2", "gpt-2", tokens, merges);
    expect(&o, "a\nb", 0, "0 2 1"); /* a line break is the user's token, by its name */
    expect(&o, "ab", 0, "4");
    expect(&o, "a  b", 0, "0 6 1"); /* as it stands in the text: found before words are cut */
    shut(&o);
}

static void test_vocab__takes_the_longest_word_pieces(void **state)
{
    static const struct tiny_token tokens[] = {
        {"[UNK]", N, 0},   {"[CLS]", C, 0}, {"[SEP]", C, 0}, {S "hel", N, 0},
        {S "hello", N, 0}, {"lo", N, 0},    {S ",", N, 0},   {"world", N, 0},
        {S "hello", N, 0}, {S "w", N, 0},   {"orld", N, 0},  {NULL, 0, 0},
    };
    struct opened o;

    (void)state;
    open_tiny(&o, "bert", NULL, tokens, NULL);
    expect(&o, "H\xc3\xa9llo,\tWORLD hellox", 0, "8 6 9 10");
    shut(&o);
}

static void test_vocab__finds_the_likeliest_unigrams(void **state)
{
    static const struct tiny_token tokens[] = {
        {"<pad>", C, 0}, {"</s>", C, 0}, {"<unk>", U, 0}, {S, N, -2},      {"a", N, -3},
        {"b", N, -3},    {"ab", N, -4},  {"aba", N, -4},  {S "ab", N, -7}, {NULL, 0, 0},
    };
    struct opened o;

    (void)state;
    open_tiny(&o, "t5", NULL, tokens, NULL);
    expect(&o, "abab", 0, "7 5");
    expect(&o, "abaab", WF_ENCODE_ENDS, "7 6 1");
    expect(&o, "zzab", 0, "2 6"); /* unknown characters in a row are one token */
    shut(&o);
}

static int take_length(void *ud, struct wf_str word)
{
    return json_array_append_new(ud, json_integer((json_int_t)word.len));
}

static void test_vocab__cuts_as_the_models_do(void **state)
{
    struct wf_str rest, line;
    struct wf_buf file;
    size_t n = 0;

    (void)state;
    wf_buf_init(&file, 1u << 20);
    assert_int_equal(wf_file_read("tests/vectors/pretokenizers.jsonl", &file, NULL), 0);
    rest = wf_buf_str(&file);
    while (wf_str_line(&rest, &line)) {
        json_t *v = json_loadb(line.ptr, line.len, 0, NULL), *got = json_array();
        const char *pre = json_string_value(json_object_get(v, "pre"));
        const char *text = json_string_value(json_object_get(v, "text"));
        const struct wf_pretokenizer *p = wf_pretokenizer_by_name(wf_str_from(pre));
        assert_non_null(p);
        assert_int_equal(wf_pretokenizer_cut(p, wf_str_from(text), take_length, got), 0);
        if (!json_equal(got, json_object_get(v, "pieces")))
            fail_msg("%s cuts '%s' in other places", pre, text);
        json_decref(got);
        json_decref(v);
        n++;
    }
    assert_true(n > 500);
    wf_buf_deinit(&file);
}

static void check_reference(const char *name)
{
    struct wf_buf path, in, out;
    struct wf_str texts, lines, line, text;
    struct opened o = {.g = NULL};
    struct wf_err err = WF_ERR_INIT;
    const struct wf_str mark = WF_STR("\n__ggml_vocab_test__\n");

    wf_buf_init(&path, 4096);
    wf_buf_init(&in, 1u << 20);
    wf_buf_init(&out, 1u << 20);
    (void)wf_buf_appendf(&path, DATA "ggml-vocab-%s.gguf", name);
    if (wf_gguf_open(path.ptr, &o.g, &err) != 0 || wf_vocab_open(o.g, &o.v, &err) != 0)
        fail_msg("%s: %s", name, err.msg);
    (void)wf_buf_append_cstr(&path, ".inp");
    assert_int_equal(wf_file_read(path.ptr, &in, NULL), 0);
    wf_buf_truncate(&path, path.len - 4);
    (void)wf_buf_append_cstr(&path, ".out");
    assert_int_equal(wf_file_read(path.ptr, &out, NULL), 0);
    texts = wf_buf_str(&in);
    lines = wf_buf_str(&out);
    while (texts.len > 0 && wf_str_line(&lines, &line)) {
        size_t end = wf_str_find(texts, mark, 0);
        char wanted[4096];
        text = wf_str_sub(texts, 0, end == SIZE_MAX ? texts.len : end);
        texts = wf_str_sub(texts, end == SIZE_MAX ? texts.len : end + mark.len, texts.len);
        line = wf_str_trim(line);
        (void)snprintf(wanted, sizeof(wanted), "%.*s", WF_STR_ARG(line));
        char *copy = wf_memdup0(text.ptr, text.len);
        expect(&o, copy, 0, wanted);
        wf_free(copy);
    }
    wf_buf_deinit(&in);
    wf_buf_deinit(&out);
    wf_buf_deinit(&path);
    wf_vocab_close(o.v);
    wf_gguf_close(o.g);
}

static void test_vocab__equals_the_reference(void **state)
{
    static const char *const names[] = {"llama-spm", "gpt-2", "mpt", "deepseek-coder", "bert-bge"};
    struct wf_buf probe;

    (void)state;
    wf_buf_init(&probe, 1u << 20);
    if (wf_file_read(DATA "README.md", &probe, NULL) != 0)
        skip();
    wf_buf_deinit(&probe);
    for (size_t i = 0; i < 5; i++)
        check_reference(names[i]);
}

static void test_vocab__names_what_it_does_not_know(void **state)
{
    static const struct tiny_token tokens[] = {{"a", N, 0}, {NULL, 0, 0}};
    static const char *const merges[] = {"a a", NULL};
    struct opened o;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    wf_buf_init(&o.bytes, 1u << 20);
    tiny_vocab_build("gpt2", "klingon", tokens, merges, &o.bytes);
    assert_int_equal(wf_gguf_open_memory(o.bytes.ptr, o.bytes.len, &o.g, &err), 0);
    assert_int_equal(wf_vocab_open(o.g, &o.v, &err), WF_E_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "klingon"));
    wf_gguf_close(o.g);
    wf_buf_reset(&o.bytes);
    tiny_vocab_build("no_vocab", NULL, tokens, NULL, &o.bytes);
    assert_int_equal(wf_gguf_open_memory(o.bytes.ptr, o.bytes.len, &o.g, &err), 0);
    assert_int_equal(wf_vocab_open(o.g, &o.v, &err), WF_E_NOENT);
    wf_gguf_close(o.g);
    wf_buf_deinit(&o.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vocab__merges_sentencepiece_by_score),
        cmocka_unit_test(test_vocab__merges_bpe_by_rank),
        cmocka_unit_test(test_vocab__words_become_tokens_of_any_kind),
        cmocka_unit_test(test_vocab__takes_the_longest_word_pieces),
        cmocka_unit_test(test_vocab__finds_the_likeliest_unigrams),
        cmocka_unit_test(test_vocab__cuts_as_the_models_do),
        cmocka_unit_test(test_vocab__equals_the_reference),
        cmocka_unit_test(test_vocab__names_what_it_does_not_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
