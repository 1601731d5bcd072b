/* SPDX-License-Identifier: Apache-2.0 */
/* The linear judge of sensitivity: fitted to templates, it finds what is private in sentences of
 * templates that it did not see, alone or beside a head; it is written into a lens and read from
 * there. The templates are made here. */
#include "train/sensitivity_fit.h"

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
#include "base/buf.h"
#include "model/lens.h"
#include "support/tiny_lens.h"

static char folder[64], templates[96], lens[96], made[96];

static const char *const about[] = {"my aunt", "Otto", "the driver", "our guest", "Mia", "a clerk"};
static const char *const health[] = {"has a fever", "takes pills", "lies in hospital",
                                     "broke an arm", "is ill again"};
static const char *const money[] = {"owes me rent", "has no savings", "paid the loan late",
                                    "lost the wages", "opened a bank account"};
static const char *const nothing[] = {"likes the garden", "reads a book", "waits for the train",
                                      "paints the door", "sings a song"};

static void write_file(const char *path, const struct wf_buf *b)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_int_equal(fwrite(b->ptr, 1, b->len, f), b->len);
    assert_int_equal(fclose(f), 0);
}

static void add_all(struct wf_buf *b, const char *label, const char *const what[5])
{
    static const char *const when[] = {"today", "this week", "since May", "they say"};

    wf_buf_appendf(b, "[%s]\n", label);
    for (size_t i = 0; i < WF_ARRAY_LEN(about); i++)
        for (size_t k = 0; k < 5; k++)
            for (size_t j = 0; j < 4; j++)
                wf_buf_appendf(b, "%s %s %s\n", about[i], what[k], when[j]);
}

static int make_folder(void **state)
{
    struct wf_buf b;

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-sensitive-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(templates, sizeof(templates), "%s/templates.txt", folder);
    (void)snprintf(lens, sizeof(lens), "%s/lens.gguf", folder);
    (void)snprintf(made, sizeof(made), "%s/made.gguf", folder);
    wf_buf_init(&b, 8u << 20);
    wf_buf_append_cstr(&b, "@keywords_health: fever | pills\n@keywords_money: rent\n");
    add_all(&b, "health", health);
    add_all(&b, "money", money);
    add_all(&b, "none", nothing);
    write_file(templates, &b);
    wf_buf_deinit(&b);
    return 0;
}

static int remove_folder(void **state)
{
    const char *const all[] = {templates, lens, made};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        (void)unlink(all[i]);
    assert_int_equal(rmdir(folder), 0); /* fails when something was left there */
    return 0;
}

static int keep(void *ud, const struct wf_sensitivity_report *r)
{
    *(struct wf_sensitivity_report *)ud = *r;
    return 0;
}

static int fit(unsigned with, const char *labels, struct wf_sensitivity_report *out,
               struct wf_err *err)
{
    const struct wf_sensitivity_job job = {
        .into = lens, .out = made, .data_dir = folder, .on_done = keep, .ud = out};
    struct wf_conf *conf = NULL;
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, 8u << 20);
    tiny_lens_build(with, &b);
    write_file(lens, &b);
    wf_buf_reset(&b);
    wf_buf_appendf(&b,
                   "[task sensitivity]\nlabels = %s\nkeywords = %s\ncopies = 2\nrecall = 0.9\n"
                   "linear = 4000\nsources = templates.txt templates none 100 1\n",
                   labels, templates);
    assert_int_equal(wf_conf_parse(wf_buf_str(&b), "here", &conf, NULL), 0);
    rc = wf_sensitivity_fit(conf, &job, err);
    wf_conf_free(conf);
    wf_buf_deinit(&b);
    return rc;
}

/* What the made lens says of a text. */
static void ask(const char *text, struct wf_lens_answer *out)
{
    const struct wf_lens_ask q = {.tasks = WF_LENS_SENSITIVITY, .text = wf_str_from(text)};
    struct wf_lens *l = NULL;
    struct wf_lens_job *j = NULL;
    struct wf_err err = WF_ERR_INIT;
    float *hidden = wf_alloc_array(TINY_LENS_CONTEXT, TINY_LENS_DIM * sizeof(*hidden));

    if (wf_lens_open(made, &l, &err) != 0 || wf_lens_job_new(l, &q, &j, &err) != 0)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < wf_lens_job_n_windows(j); i++)
        wf_lens_job_take(j, i, hidden);
    assert_int_equal(wf_lens_job_finish(j, out, &err), 0);
    wf_lens_job_free(j);
    wf_free(hidden);
    /* types are the file's */
    for (size_t i = 0; i < out->sensitivity.n; i++)
        out->sensitivity.items[i].type = wf_str_eq(out->sensitivity.items[i].type, WF_STR("health"))
                                             ? WF_STR("health")
                                             : WF_STR("other");
    wf_lens_close(l);
}

static void test_sensitivity_fit__finds_what_it_was_not_shown(void **state)
{
    static const char filler[] = "The door is green and the song is long. ";
    struct wf_sensitivity_report r = {.n_texts = 0};
    struct wf_err err = WF_ERR_INIT;
    struct wf_lens_answer a;
    struct wf_buf text;

    (void)state;
    if (fit(TINY_LENS_NO_HEADS, "health,money", &r, &err) != 0)
        fail_msg("%s", err.msg);
    assert_false(r.has_encoder);
    assert_true(r.n_kept > 20 && r.n_texts > r.n_kept && r.n_entries > 10);
    assert_true(r.linear.recall > 90 && r.linear.f1 > 90);
    assert_true(r.words.recall < r.linear.recall); /* keywords are few */
    ask("Mia has a fever since Monday", &a);
    assert_int_equal(a.sensitivity.n, 1);
    assert_true(wf_str_eq(a.sensitivity.items[0].type, WF_STR("health")));
    assert_true(a.sensitivity.items[0].score > 0 && a.sensitivity.items[0].score <= 1);
    wf_lens_answer_deinit(&a);
    ask("Mia reads a book", &a);
    assert_int_equal(a.sensitivity.n, 0);
    wf_lens_answer_deinit(&a);
    ask("", &a);
    wf_lens_answer_deinit(&a);
    /* the end of a long text counts as well */
    wf_buf_init(&text, 1u << 16);
    for (int i = 0; i < 60; i++)
        wf_buf_append_cstr(&text, filler);
    wf_buf_append_cstr(&text, "My aunt has a fever and lies in hospital.");
    wf_buf_append_byte(&text, '\0');
    ask(text.ptr, &a);
    assert_true(a.sensitivity.n >= 1);
    wf_lens_answer_deinit(&a);
    wf_buf_deinit(&text);
}

static void test_sensitivity_fit__stands_beside_a_head(void **state)
{
    struct wf_sensitivity_report r = {.n_texts = 0};
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    if (fit(0, "health,money,law", &r, &err) != 0)
        fail_msg("%s", err.msg);
    assert_true(r.has_encoder);
    assert_true(r.both.recall > 90); /* the head knows nothing */
    assert_true(r.encoder.f1 < r.both.f1);
}

static void test_sensitivity_fit__other_labels_than_the_heads_are_refused(void **state)
{
    struct wf_sensitivity_report r;

    (void)state;
    assert_int_equal(fit(0, "money,health,law", &r, NULL), WF_E_FORMAT);
    assert_int_equal(fit(0, "health,money", &r, NULL), WF_E_FORMAT);
    assert_int_equal(fit(TINY_LENS_NO_HEADS, "money", &r, NULL), WF_E_FORMAT); /* health is none */
}

static void test_sensitivity_fit__pieces_end_at_white_space(void **state)
{
    char text[1000];
    struct wf_str s = {text, sizeof(text)};

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(wf_lens_piece(s, 0), WF_LENS_PIECE_BYTES);
    assert_int_equal(wf_lens_piece(s, 700), 1000);
    text[300] = ' ';
    assert_int_equal(wf_lens_piece(s, 0), 300);
    memcpy(text + WF_LENS_PIECE_BYTES + 499, "\xc3\xa4", 2); /* no character is cut */
    assert_int_equal(wf_lens_piece(s, 500), 500 + WF_LENS_PIECE_BYTES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sensitivity_fit__finds_what_it_was_not_shown),
        cmocka_unit_test(test_sensitivity_fit__stands_beside_a_head),
        cmocka_unit_test(test_sensitivity_fit__other_labels_than_the_heads_are_refused),
        cmocka_unit_test(test_sensitivity_fit__pieces_end_at_white_space),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
