/* SPDX-License-Identifier: Apache-2.0 */
/* Grammars: GBNF and parts, masks against trying every token, budgets, control tokens, vocabularies
 * that lack bytes, memory that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "support/tiny_vocab.h"
#include "support/written.h"

static struct byte_vocab vocab;

static int set_up(void **state)
{
    static const char *const words[] = {
        "ab",   "abc",  "aaaa", "12", "},{", "\":\"", "\"]", "\",", "\xc3\x83\xc2\xa9",
        "x\"}", "true", "{\"",  NULL};

    (void)state;
    byte_vocab_init(&vocab, words);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    byte_vocab_deinit(&vocab);
    return 0;
}

static struct wf_grammar *compile(const char *text)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_grammar *g = NULL;

    if (wf_grammar_from_gbnf(wf_str_from(text), &g, &err) != 0)
        fail_msg("%s: %s", text, err.msg);
    return g;
}

#define JSON_GBNF                                                                                  \
    "root ::= value # a comment\n"                                                                 \
    "value ::= object | array | string | number | \"true\" | \"null\"\n"                           \
    "object ::= \"{\" ws ( string \":\" ws value (\",\" ws string \":\" ws value)* )? \"}\"\n"     \
    "array ::=\n  \"[\" ws ( value (\",\" ws value)* )? \"]\"\n\n"                                 \
    "string ::= \"\\\"\" ( [^\"\\\\\\x00-\\x1f] | \"\\\\\" ([\"\\\\/bfnrt] | \"u\" "               \
    "[0-9a-fA-F]{4}) )* \"\\\"\"\n"                                                                \
    "number ::= \"-\"? ([0-9] | [1-9] [0-9]{0,8}) (\".\" [0-9]+)?\n"                               \
    "ws ::= [ \\n]?\n"

static const struct {
    const char *grammar, *fit, *unfit; /* texts separated by | */
} gbnf[] = {
    {"root ::= \"a\"", "a", "|b|aa"},
    {"root ::= \"a\"* \"b\"+ \"c\"? \"d\"{2} \"e\"{1,} \"f\"{0,2}", "bdde|aaabbcddeeff",
     "bde|bddefff|add"},
    {"root ::= x | \"(\" root \")\"\nx ::= [a-c] | [^a-z]", "a|((c))|\xc3\xa9|(A)", "d|(a|((a)"},
    {"root ::= a b a\na ::= b?\nb ::= \"x\"", "x|xx|xxx", "|xxxx"},
    {"root ::= .", "a|\xf0\x9f\x98\x80", "|ab|\xff|\xed\xa0\x80"},
    {"root ::= [\\u00e0-\\u00ff\\U0001F600]", "\xc3\xa9|\xf0\x9f\x98\x80", "\xc3|e"},
    {"root ::= (\"a\" | \"b\" |\n \"c\")+", "abc|c", "|d"},
    {"root ::= \"a\" root \"b\" | \"\"", "ab|aabb|", "aab|ba"},
    {JSON_GBNF, "{\"a\": [1,-2.5,\"\\u00e9\\n\"],\"b\":{}}|[]|true|\"\"|12",
     "{a:1}|[1,]|01|\"\n\"|nul|{\"a\":1}}"},
};

static void check_texts(const char *grammar, const char *texts, bool fit)
{
    struct wf_str rest = wf_str_from(texts), text;
    struct wf_grammar *g = compile(grammar);

    while (wf_str_split(&rest, '|', &text)) {
        if (written_accepts(g, &vocab, text) != fit)
            fail_msg("%s: '%.*s'", grammar, WF_STR_ARG(text));
    }
    wf_grammar_unref(g);
}

static void test_grammar__reads_gbnf(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(gbnf); i++) {
        check_texts(gbnf[i].grammar, gbnf[i].fit, true);
        check_texts(gbnf[i].grammar, gbnf[i].unfit, false);
    }
}

static const struct {
    const char *grammar;
    int code;
    const char *word;
} mistakes[] = {
    {"", WF_E_FORMAT, "root"},
    {"root ::= x", WF_E_FORMAT, "named x"},
    {"a ::= \"x\"", WF_E_FORMAT, "root"},
    {"root ::= \"x\"\nroot ::= \"y\"", WF_E_FORMAT, "Line 2"},
    {"root ::= (\"x\"", WF_E_FORMAT, ")"},
    {"root ::= \"x", WF_E_FORMAT, "not closed"},
    {"root ::= [a", WF_E_FORMAT, "not closed"},
    {"root ::= \"\\q\"", WF_E_FORMAT, "escape"},
    {"root ::= \"a\"{3,2}", WF_E_FORMAT, "upside down"},
    {"root = \"a\"", WF_E_FORMAT, "::="},
    {"root ::= [z-a]", WF_E_FORMAT, "upside down"},
    {"root ::= root \"a\" | \"b\"", WF_E_UNSUPPORTED, "left recursion"},
    {"root ::= a \"x\"\na ::= b? root | \"z\"\nb ::= \"y\"", WF_E_UNSUPPORTED, "left recursion"},
    {"root ::= \"a\" root", WF_E_INVAL, "Nothing can match"},
    {"root ::= [^\\x00-\\U0010FFFF]", WF_E_INVAL, "Nothing can match"},
    {"root ::= \"a\"{999999}", WF_E_LIMIT, "10000"},
    {"root ::= ((\"a\"{1000}){1000}){9}", WF_E_LIMIT, "too large"},
    {"root ::= \"\xff\"", WF_E_FORMAT, "UTF-8"},
};

static void test_grammar__says_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(mistakes); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_grammar *g = NULL;
        int rc = wf_grammar_from_gbnf(wf_str_from(mistakes[i].grammar), &g, &err);
        if (rc != mistakes[i].code || strstr(err.msg, mistakes[i].word) == NULL)
            fail_msg("%s: %s %s", mistakes[i].grammar, wf_err_name(rc), err.msg);
        assert_null(g);
    }
}

static void test_grammar__bounds_nesting(void **state)
{
    struct wf_grammar *g = NULL;
    struct wf_buf b;

    (void)state;
    wf_buf_init(&b, 1u << 20);
    (void)wf_buf_append_cstr(&b, "root ::= ");
    (void)wf_buf_append_fill(&b, '(', 100000);
    assert_int_equal(wf_grammar_from_gbnf(wf_buf_str(&b), &g, NULL), WF_E_LIMIT);
    wf_buf_deinit(&b);
}

/* ---- masks ---- */

/* What a mask should be: every token tried. */
static void try_all(struct wf_grammar *g, struct wf_str before, const uint32_t *bits)
{
    for (int32_t id = 0; (size_t)id < wf_vocab_size(vocab.vocab); id++) {
        struct wf_constraint *c = NULL;
        bool is_allowed;
        assert_int_equal(wf_constraint_new(g, vocab.trie, &c, NULL), 0);
        assert_int_equal(wf_constraint_accept_bytes(c, before, NULL), 0);
        is_allowed = wf_constraint_accept(c, id, NULL) == 0;
        if (is_allowed != ((bits[id / 32] >> id % 32 & 1) != 0))
            fail_msg("token %d behind '%.*s'", id, WF_STR_ARG(before));
        wf_constraint_free(c);
    }
}

static void check_masks(struct wf_grammar *g, struct wf_str text)
{
    uint32_t bits[32];

    for (size_t n = 0; n <= text.len; n++) {
        struct wf_constraint *c = NULL;
        assert_int_equal(wf_constraint_new(g, vocab.trie, &c, NULL), 0);
        assert_int_equal(wf_constraint_accept_bytes(c, wf_str_sub(text, 0, n), NULL), 0);
        assert_int_equal(wf_constraint_mask(c, SIZE_MAX, bits, NULL), 0);
        try_all(g, wf_str_sub(text, 0, n), bits);
        wf_constraint_free(c);
    }
}

static void test_grammar__masks_what_fits_and_nothing_else(void **state)
{
    json_t *schema = json_loads("{\"properties\":{\"ab\":{\"type\":\"string\",\"maxLength\":3},"
                                "\"n\":{\"type\":\"integer\",\"minimum\":5}}}",
                                0, NULL);
    struct wf_grammar *g = compile(JSON_GBNF);

    (void)state;
    check_masks(g, WF_STR("{\"ab\": [12,\"x\xc3\xa9\"],\"\":{\"k\":true}}"));
    wf_grammar_unref(g);
    assert_int_equal(wf_grammar_from_schema(schema, &g, NULL), 0);
    check_masks(g, WF_STR("{\"ab\":\"x\xc3\xa9\",\"n\":125}"));
    wf_grammar_unref(g);
    json_decref(schema);
}

static void test_grammar__ends_within_any_budget(void **state)
{
    struct wf_grammar *g = compile(JSON_GBNF);
    struct wf_rng_seeded rng;

    (void)state;
    wf_rng_seeded_init(&rng, 7);
    for (size_t budget = 2; budget < 60; budget++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_buf text;
        json_t *v;
        wf_buf_init(&text, 1u << 16);
        if (written_text(g, &vocab, &rng.rng, budget, &text, &err) != 0)
            fail_msg("%zu: %s", budget, err.msg);
        v = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (v == NULL && strstr(text.ptr, "\\u") == NULL)
            fail_msg("%zu: %s", budget, text.ptr);
        json_decref(v);
        wf_buf_deinit(&text);
    }
    wf_grammar_unref(g);
}

static void test_grammar__says_when_the_budget_is_too_small(void **state)
{
    struct wf_grammar *g = compile("root ::= \"abcabc\"");
    struct wf_constraint *c = NULL;
    uint32_t bits[32];

    (void)state;
    assert_int_equal(wf_constraint_new(g, vocab.trie, &c, NULL), 0);
    assert_int_equal(wf_constraint_mask(c, 6, bits, NULL), WF_E_LIMIT);
    assert_int_equal(wf_constraint_mask(c, 7, bits, NULL), 0);
    assert_false(wf_constraint_may_end(c));
    assert_int_equal(wf_constraint_accept(c, vocab.end, NULL), WF_E_INVAL);
    assert_int_equal(wf_constraint_accept_bytes(c, WF_STR("abd"), NULL), WF_E_INVAL);
    assert_int_equal(wf_constraint_accept_bytes(c, WF_STR("abcabc"), NULL), 0);
    assert_true(wf_constraint_must_end(c));
    assert_int_equal(wf_constraint_mask(c, 0, bits, NULL), WF_E_LIMIT);
    assert_int_equal(wf_constraint_mask(c, 1, bits, NULL), 0);
    assert_true((bits[vocab.end / 32] >> vocab.end % 32 & 1) != 0);
    assert_int_equal(wf_constraint_accept(c, vocab.end, NULL), 0);
    wf_constraint_free(c);
    wf_grammar_unref(g);
}

/* Deeper than a text may nest, only the way out is left; what is remembered stays bounded. */
static void test_grammar__finds_out_of_the_depth(void **state)
{
    struct wf_grammar *g = compile("root ::= \"[\" root \"]\" | \"1\"");
    struct wf_constraint *c = NULL;
    uint32_t bits[32];
    size_t n = 0;

    (void)state;
    assert_int_equal(wf_constraint_new(g, vocab.trie, &c, NULL), 0);
    for (;; n++) {
        assert_int_equal(wf_constraint_mask(c, SIZE_MAX, bits, NULL), 0);
        if ((bits['[' / 32] >> '[' % 32 & 1) == 0)
            break;
        assert_int_equal(wf_constraint_accept(c, '[', NULL), 0);
        assert_true(n < 10 * WF_LIMIT_GRAMMAR_DEPTH);
    }
    assert_int_equal(wf_constraint_accept(c, '1', NULL), 0);
    for (; n > 0; n--)
        assert_int_equal(wf_constraint_accept(c, ']', NULL), 0);
    assert_true(wf_constraint_must_end(c));
    wf_constraint_free(c);
    wf_grammar_unref(g);
}

/* ---- parts ---- */

static void test_grammar__joins_parts(void **state)
{
    json_t *schema = json_loads("{\"type\":\"integer\",\"minimum\":10,\"maximum\":12}", 0, NULL);
    struct wf_grammar_builder *b = NULL;
    struct wf_grammar *g = NULL;
    struct wf_constraint *c = NULL;
    uint32_t call, parts[4], two[2];

    (void)state;
    assert_int_equal(wf_grammar_builder_new(&b, NULL), 0);
    parts[0] = wf_grammar_control(b, WF_STR("<|tool|>"));
    parts[1] = wf_grammar_text(b, WF_STR("f("));
    parts[2] = wf_grammar_schema(b, schema);
    parts[3] = wf_grammar_text(b, WF_STR(")"));
    call = wf_grammar_sequence(b, parts, 4);
    two[0] = wf_grammar_any_text(b, WF_STR("<|"));
    two[1] = wf_grammar_repeat(b, call, 1, 2);
    assert_int_equal(wf_grammar_builder_finish(b, wf_grammar_sequence(b, two, 2), &g, NULL), 0);
    wf_grammar_builder_free(b);
    assert_true(written_accepts(g, &vocab, WF_STR("<|tool|>f(11)")));
    assert_true(written_accepts(g, &vocab, WF_STR("so < it is<|tool|>f(11)<|tool|>f(12)")));
    assert_false(written_accepts(g, &vocab, WF_STR("<|tool|>f(13)")));
    assert_false(written_accepts(g, &vocab, WF_STR("<|x<|tool|>f(12)")));
    assert_false(written_accepts(g, &vocab, WF_STR("so")));
    assert_int_equal(wf_constraint_new(g, vocab.trie, &c, NULL), 0);
    assert_int_equal(wf_constraint_accept(c, 'a', NULL), 0);
    assert_int_equal(wf_constraint_accept(c, vocab.control, NULL), 0);
    assert_int_equal(wf_constraint_accept(c, vocab.control, NULL), WF_E_INVAL);
    assert_int_equal(wf_constraint_accept_bytes(c, WF_STR("f(12)"), NULL), 0);
    assert_true(wf_constraint_may_end(c) && !wf_constraint_must_end(c));
    wf_constraint_free(c);
    wf_grammar_unref(g);
    json_decref(schema);
}

static void test_grammar__tells_the_first_mistake_of_parts(void **state)
{
    struct wf_grammar_builder *b = NULL;
    struct wf_grammar *g = NULL;
    struct wf_err err = WF_ERR_INIT;
    uint32_t part;

    (void)state;
    assert_int_equal(wf_grammar_builder_new(&b, NULL), 0);
    part = wf_grammar_gbnf(b, WF_STR("root ::= ("));
    part = wf_grammar_repeat(b, part, 0, SIZE_MAX);
    assert_int_equal(wf_grammar_builder_finish(b, part, &g, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, "Line 1"));
    wf_grammar_builder_free(b);
}

/* ---- vocabularies, memory ---- */

static void test_grammar__keeps_to_what_a_vocabulary_can_write(void **state)
{
    static const struct tiny_token tokens[] = {{"<unk>", 2, 0}, {"<s>", 3, 0}, {"</s>", 3, 0},
                                               {"a", 1, 0},     {"b", 1, 0},   {"\xc3\xa9", 1, 0},
                                               {"ac", 1, 0},    {NULL, 0, 0}};
    struct wf_grammar *g = compile("root ::= \"a\" (\"c\" \"a\" | \"b\" | \"\xc3\xa9\")");
    struct wf_constraint *c = NULL;
    struct wf_token_trie *trie = NULL;
    struct wf_gguf *f = NULL;
    struct wf_vocab *v = NULL;
    struct wf_buf file;
    uint32_t bits[1];

    (void)state;
    wf_buf_init(&file, 1u << 20);
    tiny_vocab_build("llama", NULL, tokens, NULL, &file);
    assert_int_equal(wf_gguf_open_memory(file.ptr, file.len, &f, NULL), 0);
    assert_int_equal(wf_vocab_open(f, &v, NULL), 0);
    assert_int_equal(wf_token_trie_new(v, &trie, NULL), 0);
    assert_int_equal(wf_constraint_new(g, trie, &c, NULL), 0);
    assert_int_equal(wf_constraint_accept(c, 3, NULL), 0);
    assert_int_equal(wf_constraint_mask(c, SIZE_MAX, bits, NULL), 0);
    assert_int_equal(bits[0], 1u << 4 | 1u << 5); /* no c: nothing could follow */
    wf_constraint_free(c);
    wf_grammar_unref(g);
    g = compile("root ::= \"x\"");
    assert_int_equal(wf_constraint_new(g, trie, &c, NULL), WF_E_UNSUPPORTED);
    wf_grammar_unref(g);
    wf_token_trie_free(trie);
    wf_vocab_close(v);
    wf_gguf_close(f);
    wf_buf_deinit(&file);
}

static int use(uint32_t *bits)
{
    struct wf_grammar_builder *b = NULL;
    struct wf_grammar *g = NULL;
    struct wf_constraint *c = NULL;
    struct wf_token_trie *trie = NULL;
    uint32_t parts[3];
    int rc = wf_grammar_builder_new(&b, NULL);

    if (rc == 0) {
        parts[0] = wf_grammar_control(b, WF_STR("<|tool|>"));
        parts[1] = wf_grammar_gbnf(b, WF_STR(JSON_GBNF));
        parts[2] = wf_grammar_any_text(b, WF_STR("ab"));
        rc = wf_grammar_builder_finish(b, wf_grammar_choice(b, parts, 3), &g, NULL);
    }
    wf_grammar_builder_free(b);
    if (rc == 0)
        rc = wf_token_trie_new(vocab.vocab, &trie, NULL);
    if (rc == 0)
        rc = wf_constraint_new(g, trie, &c, NULL);
    if (rc == 0)
        rc = wf_constraint_accept_bytes(c, WF_STR("[\"x"), NULL);
    if (rc == 0)
        rc = wf_constraint_mask(c, 40, bits, NULL);
    wf_constraint_free(c);
    wf_token_trie_free(trie);
    wf_grammar_unref(g);
    return rc;
}

static void test_grammar__fails_cleanly_without_memory(void **state)
{
    uint32_t bits[32];

    (void)state;
    for (uint64_t n = 1;; n++) {
        wf_alloc_fail_at(n);
        int rc = use(bits);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || (failed && rc == WF_E_NOMEM));
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grammar__reads_gbnf),
        cmocka_unit_test(test_grammar__says_what_is_wrong),
        cmocka_unit_test(test_grammar__bounds_nesting),
        cmocka_unit_test(test_grammar__masks_what_fits_and_nothing_else),
        cmocka_unit_test(test_grammar__ends_within_any_budget),
        cmocka_unit_test(test_grammar__says_when_the_budget_is_too_small),
        cmocka_unit_test(test_grammar__finds_out_of_the_depth),
        cmocka_unit_test(test_grammar__joins_parts),
        cmocka_unit_test(test_grammar__tells_the_first_mistake_of_parts),
        cmocka_unit_test(test_grammar__keeps_to_what_a_vocabulary_can_write),
        cmocka_unit_test(test_grammar__fails_cleanly_without_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
