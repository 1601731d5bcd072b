/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Schema: the public test suite (draft 2020-12) against the checker and the grammars, texts
 * written at random, what is refused and by which words, memory that fails. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "model/schema.h"
#include "support/written.h"

#define SUITE "../shared/data/json-schema/draft2020-12"
#define WALKS 4
#define BUDGET 300

static struct byte_vocab vocab;

static int set_up(void **state)
{
    static const char *const words[] = {"{\"", "\":",  "\",\"", "\"}", "],[",
                                        "12",  "true", "}}",    NULL};

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

static char *dump(const json_t *v)
{
    return json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
}

static json_t *parse(const char *text)
{
    json_t *v = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

    if (v == NULL)
        fail_msg("no JSON: %s", text);
    return v;
}

/* ---- texts at random ---- */

/* What the grammar writes validates, as another reading of the schema has it. */
static void check_written(const json_t *schema, struct wf_grammar *g, uint64_t seed)
{
    struct wf_rng_seeded rng;
    size_t budget = BUDGET;

    wf_rng_seeded_init(&rng, seed);
    for (int i = 0; i < WALKS; i++) {
        struct wf_err err = WF_ERR_INIT;
        bool is_valid = false;
        struct wf_buf text;
        json_t *v;
        int rc;

        wf_buf_init(&text, 1u << 20);
        rc = written_text(g, &vocab, &rng.rng, budget, &text, &err);
        if (rc == WF_E_LIMIT && text.len == 0 && budget < 100000) { /* the least is more */
            budget *= 8;
            i--;
            wf_buf_deinit(&text);
            continue;
        }
        if (rc != 0)
            fail_msg("%s: %s", dump(schema), err.msg);
        v = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (v == NULL)
            fail_msg("%s: wrote %s", dump(schema), text.ptr);
        rc = wf_schema_check(schema, v, &is_valid, &err);
        if (rc != 0 || !is_valid)
            fail_msg("%s: wrote %s", dump(schema), text.ptr);
        json_decref(v);
        wf_buf_deinit(&text);
    }
}

/* ---- the suite ---- */

struct counts {
    size_t n_groups, n_refused, n_valid, n_accepted;
};

/* Formats are asserted more strictly, and what only big numbers show is left out. */
static bool is_stricter(const char *path, const char *description)
{
    return strstr(path, "/format") != NULL || strstr(description, "overflow") != NULL;
}

static void check_instance(const char *path, const json_t *schema, struct wf_grammar *g,
                           const json_t *test, struct counts *counts)
{
    const json_t *data = json_object_get(test, "data");
    const char *what = json_string_value(json_object_get(test, "description"));
    bool expected = json_is_true(json_object_get(test, "valid")), is_valid = false, accepted;
    struct wf_err err = WF_ERR_INIT;
    char *text = dump(data);
    int rc = wf_schema_check(schema, data, &is_valid, &err);

    if (rc == 0 && is_valid != expected && !(expected && is_stricter(path, what)))
        fail_msg("%s: %s: checked %s", path, what, text);
    if (g != NULL) {
        accepted = written_accepts(g, &vocab, wf_str_from(text));
        if (accepted && !expected)
            fail_msg("%s: %s: takes %s for %s", path, what, text, dump(schema));
        counts->n_valid += expected ? 1 : 0;
        counts->n_accepted += accepted ? 1 : 0;
    }
    free(text); /* jansson's */
}

static void check_group(const char *path, const json_t *group, struct counts *counts)
{
    const json_t *schema = json_object_get(group, "schema"), *tests;
    struct wf_err err = WF_ERR_INIT;
    struct wf_grammar *g = NULL;
    int rc = wf_grammar_from_schema(schema, &g, &err);

    tests = json_object_get(group, "tests");
    if (rc != 0 && rc != WF_E_UNSUPPORTED && rc != WF_E_INVAL)
        fail_msg("%s: %s: %s", path, dump(schema), err.msg);
    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *test = json_array_get(tests, i);
        if (rc == WF_E_INVAL && json_is_true(json_object_get(test, "valid")))
            fail_msg("%s: %s: %s, but %s", path, dump(schema), err.msg, dump(test));
        check_instance(path, schema, g, test, counts);
    }
    counts->n_groups++;
    counts->n_refused += rc == WF_E_UNSUPPORTED ? 1 : 0;
    if (g != NULL)
        check_written(schema, g, counts->n_groups);
    wf_grammar_unref(g);
}

static void check_folder(const char *folder, struct counts *counts)
{
    DIR *d = opendir(folder);
    struct dirent *e;

    if (d == NULL)
        skip(); /* the data is not here */
    while ((e = readdir(d)) != NULL) {
        char path[512];
        json_t *groups;
        if (strstr(e->d_name, ".json") == NULL || strcmp(e->d_name, "bignum.json") == 0)
            continue; /* jansson holds no bigger numbers */
        (void)snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        groups = json_load_file(path, JSON_ALLOW_NUL, NULL);
        assert_non_null(groups);
        for (size_t i = 0; i < json_array_size(groups); i++)
            check_group(path, json_array_get(groups, i), counts);
        json_decref(groups);
    }
    closedir(d);
}

static void test_schema__keeps_to_the_suite(void **state)
{
    struct counts c = {0};

    (void)state;
    check_folder(SUITE, &c);
    /* Other documents, most dynamic references, and some ten more are refused. */
    assert_true(c.n_groups >= 380);
    assert_true(c.n_refused <= 52);
    /* Not all valid texts are written (1.0 never is), but most. */
    assert_true(c.n_accepted * 100 >= c.n_valid * 80);
}

static void test_schema__keeps_to_the_optional_suite(void **state)
{
    struct counts c = {0};

    (void)state;
    check_folder(SUITE "/optional", &c);
    check_folder(SUITE "/optional/format", &c);
    assert_true(c.n_refused <= 4);
}

/* ---- what clients send ---- */

static const char *const clients[] = {
    "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\",\"properties\":{"
    "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":40},\"age\":{\"type\":\"integer\","
    "\"minimum\":0,\"exclusiveMaximum\":150},\"email\":{\"type\":\"string\",\"format\":\"email\"},"
    "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":1,\"maxItems\":5}},"
    "\"required\":[\"name\",\"age\"],\"additionalProperties\":false}",
    "{\"$defs\":{\"Node\":{\"type\":\"object\",\"title\":\"Node\",\"properties\":{\"value\":{"
    "\"title\":\"Value\",\"type\":\"number\"},\"next\":{\"anyOf\":[{\"$ref\":\"#/$defs/Node\"},{"
    "\"type\":\"null\"}],\"default\":null}},\"required\":[\"value\"]}},\"$ref\":\"#/$defs/Node\"}",
    "{\"oneOf\":[{\"type\":\"object\",\"properties\":{\"kind\":{\"const\":\"a\"},\"x\":{\"type\":"
    "\"integer\"}},\"required\":[\"kind\",\"x\"]},{\"type\":\"object\",\"properties\":{\"kind\":{"
    "\"const\":\"b\"},\"y\":{\"type\":\"string\"}},\"required\":[\"kind\",\"y\"]}]}",
    "{\"type\":\"array\",\"uniqueItems\":true,\"minItems\":2,\"items\":{\"enum\":[\"r\",\"g\","
    "\"b\"]}}",
    "{\"type\":\"number\",\"multipleOf\":0.01,\"minimum\":0,\"maximum\":10}",
    "{\"type\":\"integer\",\"multipleOf\":7,\"minimum\":100,\"maximum\":200}",
    "{\"type\":\"object\",\"minProperties\":2,\"maxProperties\":3,\"additionalProperties\":{"
    "\"type\":\"boolean\"}}",
    "{\"type\":\"array\",\"contains\":{\"const\":7},\"minContains\":2,\"maxContains\":2,"
    "\"items\":{\"type\":\"integer\"},\"maxItems\":6}",
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{},\"c\":{}},"
    "\"dependentRequired\":{\"b\":[\"c\"]},\"required\":[\"a\"],\"if\":{\"properties\":{\"a\":{"
    "\"const\":\"x\"}}},\"then\":{\"required\":[\"b\"]}}",
    "{\"type\":\"string\",\"pattern\":\"^(?=.*[0-9])(?!.*  )[A-Za-z0-9 ]{8,20}$\"}",
    "{\"type\":\"object\",\"patternProperties\":{\"^x-\":{\"type\":\"integer\"}},"
    "\"propertyNames\":{\"maxLength\":8},\"minProperties\":1,\"additionalProperties\":false}",
    "{\"not\":{\"type\":[\"object\",\"array\",\"string\"]}}",
    "{\"type\":\"string\",\"maxLength\":3,\"minLength\":3}",
    "{\"type\":\"number\",\"exclusiveMinimum\":-0.5,\"exclusiveMaximum\":0.25}",
    "{\"type\":\"object\",\"not\":{\"required\":[\"a\"]},\"minProperties\":1}",
    "{\"type\":\"object\",\"not\":{\"additionalProperties\":{\"type\":\"string\"}}}",
    "{\"const\":{\"a\":[1,\"\\u0001\\\"\",1.5e-7],\"b\":null}}",
};

static void test_schema__writes_what_clients_ask_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(clients); i++) {
        json_t *schema = parse(clients[i]);
        struct wf_err err = WF_ERR_INIT;
        struct wf_grammar *g = NULL;

        if (wf_grammar_from_schema(schema, &g, &err) != 0)
            fail_msg("%s: %s", clients[i], err.msg);
        for (uint64_t seed = 0; seed < 8; seed++)
            check_written(schema, g, seed);
        wf_grammar_unref(g);
        json_decref(schema);
    }
}

static const struct {
    const char *schema;
    int code;
    const char *word;
} refusals[] = {
    {"{\"$ref\":\"http://example.com/x\"}", WF_E_UNSUPPORTED, "$ref at #"},
    {"{\"properties\":{\"a\":{\"uniqueItems\":true}},\"required\":[\"a\"]}", WF_E_UNSUPPORTED,
     "uniqueItems at #/properties/a"},
    {"{\"not\":{\"format\":\"date\"},\"type\":\"string\"}", WF_E_UNSUPPORTED, "format at #/not"},
    {"{\"pattern\":\"(a)\\\\1\"}", WF_E_UNSUPPORTED, "pattern at #"},
    {"{\"pattern\":\"\\\\bx\"}", WF_E_UNSUPPORTED, "pattern at #"},
    {"{\"pattern\":\"(\"}", WF_E_INVAL, "pattern at #"},
    {"{\"type\":\"text\"}", WF_E_INVAL, "type at #"},
    {"{\"properties\":[]}", WF_E_INVAL, "properties at #"},
    {"{\"$ref\":\"#/$defs/x\"}", WF_E_INVAL, "$ref at #"},
    {"false", WF_E_INVAL, "Nothing can match"},
    {"3", WF_E_INVAL, "Not a schema"},
    {"{\"type\":\"string\",\"const\":3}", WF_E_INVAL, "Nothing can match"},
    {"{\"type\":\"integer\",\"exclusiveMinimum\":1,\"exclusiveMaximum\":2}", WF_E_INVAL,
     "Nothing can match"},
    {"{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}",
     WF_E_INVAL, "Nothing can match"},
    {"{\"minItems\":20000,\"type\":\"array\"}", WF_E_LIMIT, "minItems"},
};

static void test_schema__refuses_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(refusals); i++) {
        json_t *schema = parse(refusals[i].schema);
        struct wf_err err = WF_ERR_INIT;
        struct wf_grammar *g = NULL;
        int rc = wf_grammar_from_schema(schema, &g, &err);

        if (rc != refusals[i].code || strstr(err.msg, refusals[i].word) == NULL)
            fail_msg("%s: %s: %s", refusals[i].schema, wf_err_name(rc), err.msg);
        json_decref(schema);
    }
}

static void test_schema__counts_code_points_of_escapes(void **state)
{
    static const char *const fit[] = {"\"\xf0\x9f\x98\x80\\ud83d\\ude00\"", "\"\\u0041b\"",
                                      "\"\\n\\\"\"", "\"\xc3\xa9\\u00E9\""};
    static const char *const unfit[] = {"\"\\ud83d\"", "\"\\ude00\\ud83d\"", "\"a\"",     "\"abc\"",
                                        "\"\xc3\"",    "\"\n\n\"",           "\"\\x\\x\""};
    json_t *schema = parse("{\"type\":\"string\",\"minLength\":2,\"maxLength\":2}");
    struct wf_grammar *g = NULL;

    (void)state;
    assert_int_equal(wf_grammar_from_schema(schema, &g, NULL), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(fit); i++)
        assert_true(written_accepts(g, &vocab, wf_str_from(fit[i])));
    for (size_t i = 0; i < WF_ARRAY_LEN(unfit); i++)
        assert_false(written_accepts(g, &vocab, wf_str_from(unfit[i])));
    wf_grammar_unref(g);
    json_decref(schema);
}

static void test_schema__fails_cleanly_without_memory(void **state)
{
    json_t *schema = parse(
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":\"^a+[^b]\","
        "\"maxLength\":9},\"n\":{\"type\":\"integer\",\"minimum\":3}},\"oneOf\":[{\"required\":["
        "\"a\"]},{\"required\":[\"n\"]}],\"patternProperties\":{\"^p\":{\"enum\":[1,2]}}}");

    (void)state;
    for (uint64_t n = 1;; n++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_grammar *g = NULL;
        wf_alloc_fail_at(n);
        int rc = wf_grammar_from_schema(schema, &g, &err);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || (failed && rc == WF_E_NOMEM && err.msg[0] != 0));
        wf_grammar_unref(g);
        if (!failed)
            break;
    }
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema__keeps_to_the_suite),
        cmocka_unit_test(test_schema__keeps_to_the_optional_suite),
        cmocka_unit_test(test_schema__writes_what_clients_ask_for),
        cmocka_unit_test(test_schema__refuses_by_name),
        cmocka_unit_test(test_schema__counts_code_points_of_escapes),
        cmocka_unit_test(test_schema__fails_cleanly_without_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
