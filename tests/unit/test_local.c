/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in engine over a store with a model of random weights: names, prompts, counts, memory
 * of what is loaded, and what is refused. What its texts say means nothing; that they are the right
 * ones is test_scheduler's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <ftw.h>

#include "base/alloc.h"
#include "base/str.h"
#include "engine/local.h"
#include "model/kv.h"
#include "model/synth.h"

static char dir[] = "/tmp/weft-local-XXXXXX";
static struct wf_model_store *store;
static struct wf_engine *engine;

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

/* One file under two names. */
static int setup(void **state)
{
    const struct wf_model_settings settings = {
        .parallel = 4, .batch = 128, .cache = WF_KV_F16, .activations = 1, .keep_alive_s = -1};
    struct wf_model_entry entry;
    struct wf_err err = WF_ERR_INIT;
    char path[64];

    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/m.gguf", dir);
    if (wf_synth(wf_synth_shape_by_name("tiny"), wf_mix_by_name("Q8_0"), 1, path, NULL, &err) != 0)
        return -1;
    snprintf(path, sizeof(path), "%s/store", dir);
    if (wf_model_store_open(path, &store, &err) != 0)
        return -1;
    snprintf(path, sizeof(path), "%s/m.gguf", dir);
    if (wf_model_store_import(store, path, "first", NULL, NULL, &entry, &err) != 0 ||
        wf_model_store_copy(store, "first", "second", &err) != 0)
        return -1;
    return wf_local_engine_new(store, &settings, &engine, &err);
}

static int teardown(void **state)
{
    (void)state;
    wf_engine_free(engine);
    wf_model_store_close(store);
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct wf_gen_request asking(const char *model, const json_t *messages)
{
    struct wf_gen_request q = {
        .model = model, .messages = messages, .n_max = 4, .sampling = wf_sampling_default()};

    q.sampling.temperature = 0;
    return q;
}

static struct wf_gen *begin(const struct wf_gen_request *q)
{
    struct wf_gen *g = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_engine_generate(engine, q, &g, &err) != 0)
        fail_msg("%s", err.msg);
    return g;
}

static void finish(struct wf_gen *g)
{
    struct wf_gen_event e;
    int rc;

    while ((rc = wf_gen_next(g, &e, NULL)) == 1)
        ;
    assert_int_equal(rc, 0);
}

static json_t *says(const char *text)
{
    return json_pack("[{s:s, s:s}]", "role", "user", "content", text);
}

static void test_local__each_use_has_the_name_it_asked_for(void **state)
{
    json_t *messages = says("Hello");
    struct wf_gen_request a = asking("first", messages), b = asking("second:latest", messages);
    struct wf_gen *g = begin(&a), *h = begin(&b);

    (void)state;
    assert_string_equal(wf_gen_usage(g)->model, "first:latest");
    assert_string_equal(wf_gen_usage(h)->model, "second:latest");
    finish(g);
    finish(h);
    assert_string_equal(wf_gen_usage(g)->model, "first:latest");
    wf_gen_free(g);
    wf_gen_free(h);
    json_decref(messages);
}

static size_t count(const struct wf_gen_request *q)
{
    struct wf_err err = WF_ERR_INIT;
    size_t n = 0;

    if (wf_engine_count(engine, q, &n, &err) != 0)
        fail_msg("%s", err.msg);
    return n;
}

static void test_local__counts_what_a_generation_reads(void **state)
{
    json_t *messages = says("How many tokens is this?");
    struct wf_gen_request q = asking("first", messages);
    struct wf_gen *g = begin(&q);

    (void)state;
    finish(g);
    assert_int_equal(wf_gen_usage(g)->n_prompt, count(&q));
    assert_int_equal(wf_gen_usage(g)->n_written, 4);
    wf_gen_free(g);
    json_decref(messages);
}

static void test_local__control_tokens_of_users_are_text(void **state)
{
    json_t *none = says(""), *name = says("<|im_end|>"), *system;
    struct wf_gen_request q = asking("first", none), named = asking("first", name);
    size_t n_none = count(&q), n_name = count(&named);

    (void)state;
    assert_true(n_name > n_none + 1); /* several tokens, not the one that ends a turn */
    system = json_pack("[{s:s, s:s}]", "role", "assistant", "content", "<|im_end|>");
    q.messages = system;
    assert_true(count(&q) < n_name); /* who wrote the conversation may use it */
    json_decref(none);
    json_decref(name);
    json_decref(system);
}

static void test_local__long_prompts_are_refused_or_cut_by_messages(void **state)
{
    json_t *messages = json_array();
    char text[2001];
    struct wf_gen_request q = asking("first", messages);
    struct wf_gen *g = NULL;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    memset(text, 'x', 2000);
    text[2000] = 0;
    for (int i = 0; i < 8; i++) {
        json_array_append_new(messages, json_pack("{s:s, s:s}", "role",
                                                  i % 2 ? "assistant" : "user", "content", text));
    }
    json_array_append_new(messages, json_pack("{s:s, s:s}", "role", "user", "content", "end"));
    assert_int_equal(wf_engine_generate(engine, &q, &g, &err), WF_E_LIMIT);
    assert_non_null(strstr(err.msg, "4096"));
    q.overflow = WF_OVERFLOW_TRUNCATE;
    g = begin(&q);
    assert_true(wf_gen_usage(g)->n_truncated > 2000);
    assert_true(wf_gen_usage(g)->n_prompt < 4096);
    finish(g);
    wf_gen_free(g);
    json_decref(messages);
}

static bool always(void *ud)
{
    (void)ud;
    return true;
}

static void test_local__who_has_gone_is_not_served(void **state)
{
    json_t *messages = says("Hello");
    struct wf_gen_request q = asking("first", messages);
    struct wf_gen_event e;
    struct wf_gen *g;

    (void)state;
    q.canceled = always;
    q.n_max = 1000;
    g = begin(&q);
    assert_int_equal(wf_gen_next(g, &e, NULL), WF_E_CANCELED);
    wf_gen_free(g);
    json_decref(messages);
}

static void test_local__loads_once_and_lets_go(void **state)
{
    json_t *loaded;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    assert_int_equal(wf_engine_load(engine, "first", NULL, &err), 0);
    assert_int_equal(wf_engine_load(engine, "second", NULL, &err), 0);
    loaded = wf_engine_loaded(engine);
    assert_int_equal(json_array_size(loaded), 1); /* one file, once in memory */
    json_decref(loaded);
    assert_int_equal(wf_engine_unload(engine, "second", &err), 0);
    for (int i = 0; i < 500; i++) {
        size_t n;
        loaded = wf_engine_loaded(engine);
        n = json_array_size(loaded);
        json_decref(loaded);
        if (n == 0)
            return;
        usleep(10000);
    }
    fail_msg("it stays loaded");
}

/* More texts than a pass holds, one longer than a pass, each as it is alone. */
static void test_local__embeds_many_texts_as_each_alone(void **state)
{
    enum {
        N = 60
    };
    static char words[N][1200];
    struct wf_str texts[N];
    struct wf_embed_request q = {.model = "first", .texts = texts, .n_texts = N};
    struct wf_embeddings all = {0}, one = {0};
    struct wf_err err = WF_ERR_INIT;
    size_t n_tokens = 0;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        size_t n = i == 31 ? 400 : 1 + i % 9;
        for (size_t k = 0; k < n; k++)
            words[i][k] = (char)('a' + (i + k * (1 + i / 9)) % 26);
        texts[i] = wf_str_n(words[i], n);
    }
    assert_int_equal(wf_engine_embed(engine, &q, &all, &err), 0);
    for (size_t i = 0; i < N; i++) {
        q.texts = &texts[i];
        q.n_texts = 1;
        assert_int_equal(wf_engine_embed(engine, &q, &one, &err), 0);
        assert_int_equal(one.n_dims, all.n_dims);
        assert_memory_equal(one.vectors, all.vectors + i * all.n_dims, all.n_dims * sizeof(float));
        n_tokens += one.n_tokens;
        wf_free(one.vectors);
    }
    assert_int_equal(all.n_tokens, n_tokens);
    assert_true(all.n_tokens > 400);
    texts[40] = WF_STR("");
    q.texts = texts;
    q.n_texts = N;
    assert_int_not_equal(wf_engine_embed(engine, &q, &one, &err), 0);
    wf_free(all.vectors);
}

static void import_model(const struct wf_synth_shape *shape, const char *type, const char *name)
{
    struct wf_model_entry entry;
    struct wf_err err = WF_ERR_INIT;
    char path[64];

    snprintf(path, sizeof(path), "%s/%s.gguf", dir, name);
    if (wf_synth(shape, wf_mix_by_name(type), 2, path, NULL, &err) != 0 ||
        wf_model_store_import(store, path, name, NULL, NULL, &entry, &err) != 0)
        fail_msg("%s", err.msg);
}

/* What "first" writes behind "Hello", as an engine with that draft has it, and what it says of the
 * draft. */
static json_t *write_with_draft(const char *draft, char *out_text, size_t n)
{
    struct wf_model_settings settings = {
        .parallel = 4, .batch = 128, .cache = WF_KV_F16, .activations = 1, .keep_alive_s = -1};
    json_t *messages = says("Hello"), *all, *loaded;
    struct wf_gen_request q = asking("first", messages);
    struct wf_engine *e = NULL;
    struct wf_gen *g = NULL;
    struct wf_gen_event event;
    struct wf_err err = WF_ERR_INIT;
    size_t len = 0;

    snprintf(settings.draft, sizeof(settings.draft), "%s", draft);
    assert_int_equal(wf_local_engine_new(store, &settings, &e, &err), 0);
    q.n_max = 40;
    assert_int_equal(wf_engine_generate(e, &q, &g, &err), 0);
    while (wf_gen_next(g, &event, &err) == 1) {
        assert_true(len + event.text.len < n);
        memcpy(out_text + len, event.text.ptr, event.text.len);
        len += event.text.len;
    }
    out_text[len] = 0;
    all = wf_engine_loaded(e);
    loaded = json_incref(json_array_get(all, 0));
    json_decref(all);
    wf_gen_free(g);
    wf_engine_free(e);
    json_decref(messages);
    return loaded;
}

static const char *said(const json_t *loaded, const char *key)
{
    return json_string_value(json_object_get(loaded, key));
}

static void test_local__a_draft_guesses_or_is_said_not_to(void **state)
{
    struct wf_synth_shape other = *wf_synth_shape_by_name("tiny");
    char plain[4096], text[4096];
    json_t *loaded = write_with_draft("", plain, sizeof(plain));

    (void)state;
    assert_null(said(loaded, "draft"));
    assert_null(said(loaded, "no_draft"));
    json_decref(loaded);
    assert_true(strlen(plain) > 0);

    import_model(&other, "Q4_0", "small");
    loaded = write_with_draft("small", text, sizeof(text));
    assert_string_equal(text, plain);
    assert_string_equal(said(loaded, "draft"), "small");
    assert_null(said(loaded, "no_draft"));
    json_decref(loaded);

    other.n_vocab += 16;
    import_model(&other, "Q4_0", "foreign");
    loaded = write_with_draft("foreign", text, sizeof(text));
    assert_string_equal(text, plain);
    assert_null(said(loaded, "draft"));
    assert_non_null(strstr(said(loaded, "no_draft"), "vocabulary"));
    json_decref(loaded);

    loaded = write_with_draft("nobody", text, sizeof(text));
    assert_string_equal(text, plain);
    assert_non_null(strstr(said(loaded, "no_draft"), "nobody"));
    json_decref(loaded);
}

static void test_local__what_is_not_there_is_said(void **state)
{
    json_t *messages = says("Hello");
    struct wf_gen_request q = asking("third", messages);
    const struct wf_str text = WF_STR("a");
    struct wf_rerank_request r = {.model = "first", .query = text, .texts = &text, .n_texts = 1};
    struct wf_rerank_usage usage;
    struct wf_gen *g = NULL;
    struct wf_err err = WF_ERR_INIT;
    float score;

    (void)state;
    assert_int_equal(wf_engine_generate(engine, &q, &g, &err), WF_E_NOENT);
    assert_non_null(strstr(err.msg, "third"));
    assert_int_equal(wf_engine_rerank(engine, &r, &score, &usage, &err), WF_E_UNSUPPORTED);
    q.model = "first";
    q.n_choices = 100000;
    assert_int_equal(wf_engine_generate(engine, &q, &g, &err), WF_E_RANGE);
    json_decref(messages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_local__each_use_has_the_name_it_asked_for),
        cmocka_unit_test(test_local__counts_what_a_generation_reads),
        cmocka_unit_test(test_local__control_tokens_of_users_are_text),
        cmocka_unit_test(test_local__long_prompts_are_refused_or_cut_by_messages),
        cmocka_unit_test(test_local__who_has_gone_is_not_served),
        cmocka_unit_test(test_local__loads_once_and_lets_go),
        cmocka_unit_test(test_local__embeds_many_texts_as_each_alone),
        cmocka_unit_test(test_local__a_draft_guesses_or_is_said_not_to),
        cmocka_unit_test(test_local__what_is_not_there_is_said),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
