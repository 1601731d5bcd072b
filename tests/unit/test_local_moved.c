/* SPDX-License-Identifier: Apache-2.0 */
/* A text that is taken over between two tokens goes on as it would have: the built-in engine twice,
 * each with a store of its own and the same model of random weights. Whatever was asked for, and
 * wherever it is cut, the whole is what an undisturbed run writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ftw.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "engine/local.h"
#include "model/kv.h"
#include "model/synth.h"

#define N_MAX 100

static char dir[] = "/tmp/weft-moved-XXXXXX";
static struct wf_model_store *stores[2];
static struct wf_engine *engines[2];

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int add(struct wf_model_store *s, const char *file, const char *name)
{
    struct wf_model_entry entry;
    char path[64];

    snprintf(path, sizeof(path), "%s/%s", dir, file);
    return wf_model_store_import(s, path, name, NULL, NULL, &entry, NULL);
}

static int make_model(const char *file, uint64_t seed)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/%s", dir, file);
    return wf_synth(wf_synth_shape_by_name("tiny"), wf_mix_by_name("Q8_0"), seed, path, NULL, NULL);
}

/* The second has it under another name, and another model beside it. */
static int setup(void **state)
{
    const struct wf_model_settings settings = {
        .parallel = 2, .batch = 128, .cache = WF_KV_F16, .activations = 1, .keep_alive_s = -1};
    char path[64];

    (void)state;
    if (mkdtemp(dir) == NULL || make_model("m.gguf", 1) != 0 || make_model("o.gguf", 2) != 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/store%d", dir, i);
        if (wf_model_store_open(path, &stores[i], NULL) != 0 ||
            wf_local_engine_new(stores[i], &settings, &engines[i], NULL) != 0)
            return -1;
    }
    return add(stores[0], "m.gguf", "here") | add(stores[1], "m.gguf", "there") |
           add(stores[1], "o.gguf", "other");
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        wf_engine_free(engines[i]);
        wf_model_store_close(stores[i]);
    }
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- taking over ---- */

/* Where a text stood when `at` tokens, or more, were handed out. */
struct taken {
    size_t at;
    bool is_there;
    struct wf_gen_point point;
    int32_t ids[2048];
};

static void take(void *ud, const struct wf_gen_point *p)
{
    struct taken *t = ud;

    if (t->is_there || p->n_written < t->at)
        return;
    t->is_there = true;
    t->point = *p;
    assert_true(p->n_ids <= WF_ARRAY_LEN(t->ids));
    memcpy(t->ids, p->ids, p->n_ids * sizeof(p->ids[0]));
    t->point.ids = t->ids;
}

/* What is told: kinds and texts. */
struct told {
    struct wf_buf text;
    size_t n_at_take; /* of it, told when it was taken */
    enum wf_gen_finish finish;
    size_t n_written;
};

static size_t cached; /* of the last run, tokens that were not read */

/* Runs it to its end; `t` may be NULL, else it is given up once it is taken. */
static void run(int i, struct wf_gen_request q, struct taken *t, struct told *out)
{
    const struct wf_gen_tap tap = {.at = take, .ud = t};
    struct wf_err err = WF_ERR_INIT;
    struct wf_gen_event e;
    struct wf_gen *g = NULL;
    int rc;

    q.tap = t != NULL ? &tap : NULL;
    wf_buf_init(&out->text, 1 << 20);
    out->n_at_take = 0;
    if (wf_engine_generate(engines[i], &q, &g, &err) != 0)
        fail_msg("%s", err.msg);
    while ((rc = wf_gen_next(g, &e, &err)) == 1) {
        if (t != NULL && t->is_there && out->n_at_take == 0)
            out->n_at_take = out->text.len;
        if (e.kind == WF_GEN_END)
            out->finish = e.finish;
        if (e.text.len > 0 || e.kind == WF_GEN_CALL)
            wf_buf_appendf(&out->text, "%d:%.*s", (int)e.kind, WF_STR_ARG(e.text));
    }
    if (rc != 0)
        fail_msg("%s", err.msg);
    out->n_written = wf_gen_usage(g)->n_written;
    cached = wf_gen_usage(g)->n_cached;
    wf_gen_free(g);
}

/* Without the kinds, which fall differently. */
static void strip(struct wf_buf *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->len; i++) {
        if (i + 1 < b->len && b->ptr[i + 1] == ':' && b->ptr[i] >= '0' && b->ptr[i] <= '4')
            i++;
        else
            b->ptr[n++] = b->ptr[i];
    }
    wf_buf_truncate(b, n);
}

static void check_moves(struct wf_gen_request q)
{
    struct told whole, first, second;

    run(0, q, NULL, &whole);
    strip(&whole.text);
    for (size_t at = 0; at < whole.n_written; at += at < 4 ? 1 : 31) {
        struct taken *t = wf_alloc_array(1, sizeof(*t));
        struct wf_gen_request r = q;
        t->at = at;
        run(0, q, t, &first);
        assert_true(t->is_there);
        assert_true(t->point.n_written >= at);
        if (t->point.n_written < whole.n_written) {
            r.model = "there";
            r.resume = &t->point;
            run(1, r, NULL, &second);
            strip(&second.text);
            assert_int_equal(second.text.len, whole.text.len);
            assert_memory_equal(second.text.ptr, whole.text.ptr, whole.text.len);
            assert_int_equal(second.finish, whole.finish);
            assert_int_equal(second.n_written, whole.n_written);
            wf_buf_deinit(&second.text);
        }
        wf_buf_deinit(&first.text);
        wf_free(t);
    }
    wf_buf_deinit(&whole.text);
}

static struct wf_gen_request asking(const json_t *messages)
{
    struct wf_gen_request q = {
        .model = "here", .messages = messages, .n_max = N_MAX, .sampling = wf_sampling_default()};

    q.sampling.seed = 4711;
    q.sampling.temperature = 1;
    q.ignore_eos = true;
    return q;
}

static json_t *says(const char *text)
{
    return json_pack("[{s:s, s:s}]", "role", "user", "content", text);
}

static void test_local_moved__goes_on_with_the_same_token(void **state)
{
    json_t *messages = says("Tell me of the sea.");
    struct wf_gen_request q = asking(messages);

    (void)state;
    check_moves(q);
    q.sampling.temperature = 0;
    check_moves(q);
    q.sampling = wf_sampling_default();
    q.sampling.seed = 5;
    q.sampling.top_k = 0;
    q.sampling.top_p = 1;
    q.sampling.min_p = 0;
    check_moves(q);
    json_decref(messages);
}

static void test_local_moved__penalties_look_back_as_far(void **state)
{
    json_t *messages = says("Tell me of the sea.");
    struct wf_gen_request q = asking(messages);

    (void)state;
    q.sampling.repeat_penalty = 1.3f;
    q.sampling.presence_penalty = 0.5f;
    q.sampling.frequency_penalty = 0.3f;
    q.sampling.repeat_last_n = 16;
    check_moves(q);
    q.sampling.dry_multiplier = 0.8f;
    check_moves(q);
    json_decref(messages);
}

static void test_local_moved__mirostat_has_learned_as_much(void **state)
{
    json_t *messages = says("Tell me of the sea.");
    struct wf_gen_request q = asking(messages);

    (void)state;
    q.sampling.mirostat = 2;
    check_moves(q);
    q.sampling.mirostat = 1;
    check_moves(q);
    json_decref(messages);
}

static void test_local_moved__a_form_is_kept(void **state)
{
    json_t *messages = says("Tell me of the sea.");
    json_t *schema = json_pack("{s:s, s:{s:{s:s}, s:{s:s, s:{s:s}}}, s:[s, s]}", "type", "object",
                               "properties", "name", "type", "string", "list", "type", "array",
                               "items", "type", "integer", "required", "name", "list");
    struct wf_gen_request q = asking(messages);

    (void)state;
    assert_non_null(schema);
    q.ignore_eos = false;
    q.schema = schema;
    q.n_max = 120;
    check_moves(q);
    json_decref(schema);
    json_decref(messages);
}

static void test_local_moved__stop_texts_across_the_cut(void **state)
{
    json_t *messages = says("Tell me of the sea.");
    struct wf_gen_request q = asking(messages);
    struct told whole;
    struct wf_str stop;

    (void)state;
    run(0, q, NULL, &whole);
    strip(&whole.text);
    assert_true(whole.text.len > 24);
    /* Some characters from the middle of what it writes. */
    stop = wf_str_sub(wf_buf_str(&whole.text), whole.text.len - 12, whole.text.len - 8);
    q.stops = &stop;
    q.n_stops = 1;
    check_moves(q);
    wf_buf_deinit(&whole.text);
    json_decref(messages);
}

static void test_local_moved__what_cannot_go_on_is_refused(void **state)
{
    json_t *messages = says("Tell me of the sea.");
    struct wf_gen_request q = asking(messages);
    struct taken *t = wf_alloc_array(1, sizeof(*t));
    struct wf_err err = WF_ERR_INIT;
    struct wf_gen *g = NULL;
    struct told first;
    int32_t was;

    (void)state;
    t->at = 3;
    run(0, q, t, &first);
    assert_true(t->is_there);
    q.resume = &t->point;
    q.model = "other";
    assert_int_equal(wf_engine_generate(engines[1], &q, &g, &err), WF_E_NOENT);
    q.model = "there";
    q.n_max = t->point.n_written; /* whole already */
    assert_int_equal(wf_engine_generate(engines[1], &q, &g, &err), WF_E_RANGE);
    q.n_max = N_MAX;
    was = t->ids[2];
    t->ids[2] = 1 << 30;
    assert_int_equal(wf_engine_generate(engines[1], &q, &g, &err), WF_E_RANGE);
    t->ids[2] = was;
    memset(t->point.sampler.random, 0, sizeof(t->point.sampler.random));
    assert_int_equal(wf_engine_generate(engines[1], &q, &g, &err), WF_E_RANGE);
    t->point.n_written = t->point.n_ids;
    assert_int_equal(wf_engine_generate(engines[1], &q, &g, &err), WF_E_INVAL);
    wf_buf_deinit(&first.text);
    wf_free(t);
    json_decref(messages);
}

/* Of a text that moves, the cache moves, too: piece by piece, in any length. It begins behind it
 * then, and goes on as if it had been read. */
static void test_local_moved__the_cache_comes_along(void **state)
{
    json_t *messages =
        says("Tell me of the sea, of ships, of sails, of storms, of the harbour at dawn, "
             "of gulls, of salt, of the lamp in the window, and of all who wait there.");
    struct wf_gen_request q = asking(messages);
    struct taken *t = wf_alloc_array(1, sizeof(*t));
    struct wf_cache_shape shape;
    struct wf_err err = WF_ERR_INIT;
    struct told whole, first, second;
    struct wf_buf piece;
    size_t n, got = 0, n_pages;

    (void)state;
    run(0, q, NULL, &whole);
    t->at = 40;
    run(0, q, t, &first);
    assert_true(t->is_there);
    assert_int_equal(wf_local_cache_shape(engines[0], "here", NULL, &shape, NULL), 0);
    assert_true(shape.read_rate >= 0);
    n_pages = (t->point.n_ids - 1) / shape.page_tokens;
    assert_true(n_pages >= 3);
    assert_int_equal(wf_engine_unload(engines[1], "there", NULL), 0); /* nothing is known there */
    t->point.model = "there";
    for (n = 0; n < n_pages; n += got) {
        wf_buf_init(&piece, 1 << 24);
        t->point.model = "here";
        assert_int_equal(
            wf_local_cache_read(engines[0], &t->point, n, n == 0 ? 1 : 2, &piece, &err), 0);
        t->point.model = "there";
        if (n > 0) { /* not before those that it follows */
            assert_int_equal(wf_local_cache_write(engines[1], &t->point, n + 1, wf_buf_str(&piece),
                                                  &got, NULL) != 0,
                             1);
        }
        assert_int_equal(
            wf_local_cache_write(engines[1], &t->point, n, wf_buf_str(&piece), &got, &err), 0);
        assert_true(got > 0);
        wf_buf_deinit(&piece);
    }
    assert_int_equal(wf_local_cache_known(engines[1], &t->point, &got, NULL), 0);
    assert_int_equal(got, n_pages * shape.page_tokens);
    q.model = "there";
    q.resume = &t->point;
    run(1, q, NULL, &second);
    assert_int_equal(cached, n_pages * shape.page_tokens);
    strip(&whole.text);
    strip(&second.text);
    assert_int_equal(second.text.len, whole.text.len);
    assert_memory_equal(second.text.ptr, whole.text.ptr, whole.text.len);
    wf_buf_deinit(&whole.text);
    wf_buf_deinit(&first.text);
    wf_buf_deinit(&second.text);
    wf_free(t);
    json_decref(messages);
}

static void test_local_moved__a_cache_of_another_kind_is_refused(void **state)
{
    int32_t ids[64] = {0};
    struct wf_gen_point point = {.model = "other", .ids = ids, .n_ids = 64};
    struct wf_cache_shape shape;
    struct wf_buf piece;
    size_t got = 0;

    (void)state;
    assert_int_equal(wf_local_cache_shape(engines[1], "other", NULL, &shape, NULL), 0);
    wf_buf_init(&piece, 1 << 24);
    assert_int_equal(wf_local_cache_read(engines[1], &point, 0, 1, &piece, NULL), WF_E_NOENT);
    assert_int_equal(piece.len, 0);
    for (uint32_t kind = 0; kind < 3; kind++) {
        for (size_t n = 0; n <= 3; n++) {
            bool fits = kind == WF_KV_F16 && (n == 1 || n == 2);
            wf_buf_truncate(&piece, 0);
            wf_buf_append_u32le(&piece, 1);
            wf_buf_append_u32le(&piece, kind);
            wf_buf_append_u32le(&piece, (uint32_t)shape.page_bytes);
            wf_buf_append_fill(&piece, 0, n * shape.page_bytes);
            assert_int_equal(
                wf_local_cache_write(engines[1], &point, 0, wf_buf_str(&piece), &got, NULL),
                fits ? 0 : WF_E_FORMAT);
        }
    }
    wf_buf_append_byte(&piece, 0);
    assert_int_equal(wf_local_cache_write(engines[1], &point, 0, wf_buf_str(&piece), &got, NULL),
                     WF_E_FORMAT);
    assert_int_equal(wf_local_cache_write(engines[1], &point, 0, WF_STR("short"), &got, NULL),
                     WF_E_FORMAT);
    assert_int_equal(
        wf_local_cache_write(engines[1], &point, SIZE_MAX / 2, wf_buf_str(&piece), &got, NULL),
        WF_E_FORMAT);
    wf_buf_deinit(&piece);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_local_moved__goes_on_with_the_same_token),
        cmocka_unit_test(test_local_moved__penalties_look_back_as_far),
        cmocka_unit_test(test_local_moved__mirostat_has_learned_as_much),
        cmocka_unit_test(test_local_moved__a_form_is_kept),
        cmocka_unit_test(test_local_moved__stop_texts_across_the_cut),
        cmocka_unit_test(test_local_moved__what_cannot_go_on_is_refused),
        cmocka_unit_test(test_local_moved__the_cache_comes_along),
        cmocka_unit_test(test_local_moved__a_cache_of_another_kind_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
