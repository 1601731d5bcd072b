/* SPDX-License-Identifier: Apache-2.0 */
/* The card of a lens file: it comes into a copy that keeps all else, replaces the card before it,
 * and texts that are none are refused. */
#include "train/card.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/limits.h"
#include "model/vocab.h"
#include "os/file.h"
#include "support/tiny_lens.h"

static char folder[64], lens[96], copy[96], again[96];

static int make_folder(void **state)
{
    struct wf_buf file;

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-card-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(lens, sizeof(lens), "%s/lens.gguf", folder);
    (void)snprintf(copy, sizeof(copy), "%s/copy.gguf", folder);
    (void)snprintf(again, sizeof(again), "%s/again.gguf", folder);
    wf_buf_init(&file, 1 << 20);
    tiny_lens_build(0, &file);
    assert_int_equal(wf_file_replace(lens, file.ptr, file.len, 0600, NULL), 0);
    wf_buf_deinit(&file);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(lens);
    (void)unlink(copy);
    (void)unlink(again);
    assert_int_equal(rmdir(folder), 0); /* fails when something was left there */
    return 0;
}

static struct wf_gguf *opened(const char *path)
{
    struct wf_gguf *g = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_gguf_open(path, &g, &err) != 0)
        fail_msg("%s", err.msg);
    return g;
}

static void give(const char *from, const char *version, const char *text, const char *to)
{
    struct wf_gguf *g = opened(from);
    struct wf_err err = WF_ERR_INIT;

    if (wf_card_write(g, wf_str_from(version), wf_str_from(text), to, &err) != 0)
        fail_msg("%s", err.msg);
    wf_gguf_close(g);
}

static void test_card__replaces_what_was_said_and_keeps_the_rest(void **state)
{
    struct wf_gguf *a, *b;
    const struct wf_gguf_value *card;
    struct wf_str version;

    (void)state;
    give(lens, "1", "first\n", copy);
    give(copy, "2", "\nlanguages: 97\n\n  spans: 44  \n", again);
    a = opened(lens);
    b = opened(again);
    assert_true(wf_gguf_string(b, "lens.version", &version));
    assert_true(wf_str_eq(version, WF_STR("2")));
    card = wf_gguf_value(b, "lens.card");
    assert_non_null(card);
    assert_int_equal(card->n_items, 2);
    assert_int_equal(wf_gguf_n_tensors(a), wf_gguf_n_tensors(b));
    for (size_t i = 0; i < wf_gguf_n_tensors(a); i++) {
        const struct wf_gguf_tensor *x = wf_gguf_tensor_at(a, i), *y = wf_gguf_tensor_at(b, i);
        assert_true(wf_str_eq(x->name, y->name));
        assert_int_equal(x->bytes, y->bytes);
        assert_memory_equal(x->data, y->data, (size_t)x->bytes);
    }
    wf_gguf_close(a);
    wf_gguf_close(b);
}

/* Each token keeps its number, name and kind; what the file says of texts' ends stays. */
static void test_card__puts_the_vocabulary_in_pieces(void **state)
{
    struct wf_gguf *a, *b;
    struct wf_vocab *v = NULL, *w = NULL;

    (void)state;
    give(lens, "1", "first\n", copy);
    give(copy, "2", "second\n", again);
    a = opened(lens);
    b = opened(again);
    assert_null(wf_gguf_value(b, "tokenizer.ggml.tokens"));
    assert_null(wf_gguf_value(b, "tokenizer.ggml.merges"));
    assert_int_equal(wf_gguf_n_values(b) + 2, wf_gguf_n_values(a)); /* three keys are one */
    assert_int_equal(wf_vocab_open(a, &v, NULL), 0);
    assert_int_equal(wf_vocab_open(b, &w, NULL), 0);
    assert_int_equal(wf_vocab_size(v), wf_vocab_size(w));
    for (int32_t i = 0; i < (int32_t)wf_vocab_size(v); i++) {
        assert_true(wf_str_eq(wf_vocab_name(v, i), wf_vocab_name(w, i)));
        assert_int_equal(wf_vocab_kind(v, i), wf_vocab_kind(w, i));
    }
    wf_vocab_close(v);
    wf_vocab_close(w);
    wf_gguf_close(a);
    wf_gguf_close(b);
}

static void test_card__refuses_what_is_none(void **state)
{
    struct wf_gguf *g = opened(lens);
    char many[2 * WF_LIMIT_LENS_CARD + 3];

    (void)state;
    for (size_t i = 0; i < sizeof(many) - 1; i++)
        many[i] = i % 2 == 0 ? 'x' : '\n';
    many[sizeof(many) - 1] = 0;
    assert_int_equal(wf_card_write(g, WF_STR(""), WF_STR("a"), copy, NULL), WF_E_INVAL);
    assert_int_equal(wf_card_write(g, WF_STR("1"), WF_STR("a\xff"), copy, NULL), WF_E_INVAL);
    assert_int_equal(wf_card_write(g, WF_STR("1"), wf_str_from(many), copy, NULL), WF_E_LIMIT);
    assert_int_equal(access(copy, F_OK), -1);
    wf_gguf_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_card__replaces_what_was_said_and_keeps_the_rest,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_card__puts_the_vocabulary_in_pieces, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_card__refuses_what_is_none, make_folder,
                                        remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
