/* SPDX-License-Identifier: Apache-2.0 */
/* The language of a text: tables made from a few sentences tell them apart, the same sentences give
 * the same bytes, another file keeps all it has, and tables that are wrong are refused. */
#include "model/lens_language.h"

#include <math.h>
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
#include "model/gguf_write.h"
#include "model/language_grams.h"
#include "model/lens.h"
#include "os/file.h"
#include "support/tiny_lens.h"
#include "train/language.h"

static char folder[64], path[96], other[96];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-language-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/table.gguf", folder);
    (void)snprintf(other, sizeof(other), "%s/other.gguf", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(other);
    assert_int_equal(rmdir(folder), 0); /* fails when something was left there */
    return 0;
}

static size_t grams_of(const char *text, struct wf_gram *out, size_t n_max)
{
    struct wf_gram step[WF_GRAMS_STEP_MAX];
    struct wf_grams g;
    size_t n = 0, k;

    wf_grams_init(&g, wf_str_from(text));
    while (wf_grams_next(&g, step, &k)) {
        for (size_t i = 0; i < k && n < n_max; i++)
            out[n++] = step[i];
    }
    return n;
}

static bool same_grams(const char *a, const char *b)
{
    struct wf_gram x[400], y[400];
    size_t n = grams_of(a, x, 400);

    if (n != grams_of(b, y, 400))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (x[i].hash != y[i].hash || x[i].order != y[i].order)
            return false;
    }
    return true;
}

/* A Chinese report of a match with two English names has more Latin letters than Chinese ones. */
static void test_language_grams__pass_over_latin_names_in_other_scripts(void **state)
{
    (void)state;
    assert_true(same_grams("流浪者队球门 Allan McGregor 用脚瓦解了他的射门",
                           "流浪者队球门 用脚瓦解了他的射门"));
    assert_true(same_grams("Он живёт в Bern уже давно", "Он живёт в уже давно"));
    assert_true(same_grams("Élise", "ÉLISE"));
    assert_false(same_grams("They sing Катюша every evening at home", "Катюша"));
    assert_false(
        same_grams("They sing Катюша every evening at home", "They sing every evening at home"));
    assert_false(same_grams("the letter я", "я"));
}

/* Every gram is there often enough to be kept. */
static const char *const sentences[][2] = {
    {"eng", "The weather was fine and the children were playing in the garden with their dog."},
    {"eng", "She said that the house with the garden was the one that they were looking for."},
    {"eng", "The dog was with the children when they were looking at the weather."},
    {"deu", "Das Wetter war schön und die Kinder spielten mit ihrem Hund im Garten."},
    {"deu", "Sie sagte, dass das Haus mit dem Garten das war, welches sie suchten."},
    {"deu", "Der Hund war bei den Kindern, als sie mit dem Wetter nicht zufrieden waren."},
    {"srp-Cyrl", "Време је било лепо и деца су се играла са псом у врту."},
    {"srp-Cyrl", "Рекла је да је кућа са вртом била она коју су тражили."},
    {"srp-Cyrl", "Пас је био са децом када су гледали какво је време."},
};

static struct wf_language_trainer *learnt(void)
{
    struct wf_language_trainer *t = NULL;

    assert_int_equal(wf_language_trainer_new(&t, NULL), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(sentences); i++)
        assert_int_equal(wf_language_trainer_add(t, wf_str_from(sentences[i][0]),
                                                 wf_str_from(sentences[i][1]), NULL),
                         0);
    return t;
}

static void write_table(const struct wf_gguf *into, const char *to, struct wf_language_table *out)
{
    struct wf_language_trainer *t = learnt();
    struct wf_err err = WF_ERR_INIT;

    if (wf_language_trainer_write(t, into, to, out, &err) != 0)
        fail_msg("%s", err.msg);
    wf_language_trainer_free(t);
}

struct opened {
    struct wf_gguf *g;
    struct wf_lens_language *l;
};

static struct opened open_table(const char *from)
{
    struct opened o = {0};

    assert_int_equal(wf_gguf_open(from, &o.g, NULL), 0);
    assert_int_equal(wf_lens_language_open(o.g, &o.l, NULL), 0);
    return o;
}

static void shut(struct opened *o)
{
    wf_lens_language_close(o->l);
    wf_gguf_close(o->g);
}

static const char *language_of(const struct wf_lens_language *l, const char *text,
                               float *out_probability)
{
    static char label[16];
    float logits[WF_LENS_LANGUAGES_MAX];
    struct wf_lens_language_guess best;

    assert_true(wf_lens_language_score(l, wf_str_from(text), logits) > 0);
    assert_int_equal(wf_lens_language_best(logits, wf_lens_language_n(l), &best, 1), 1);
    (void)snprintf(label, sizeof(label), "%.*s", WF_STR_ARG(wf_lens_language_label(l, best.label)));
    if (out_probability != NULL)
        *out_probability = best.probability;
    return label;
}

static void test_lens_language__tells_what_it_learnt_apart(void **state)
{
    struct wf_language_table table;
    struct opened o;
    float p = 0;

    (void)state;
    write_table(NULL, path, &table);
    assert_int_equal(table.n_labels, 3);
    assert_int_equal(table.n_sentences, WF_ARRAY_LEN(sentences));
    assert_true(table.n_entries >= table.n_grams && table.n_grams > 0);
    o = open_table(path);
    assert_int_equal(wf_lens_language_n(o.l), 3);
    assert_string_equal(language_of(o.l, "the children said that they were there", NULL), "eng");
    assert_string_equal(language_of(o.l, "die Kinder sagten, dass sie dort waren", NULL), "deu");
    assert_string_equal(language_of(o.l, "деца су била тамо", &p), "srp-Cyrl");
    assert_true(p > 0.5f && p <= 1.0f);
    assert_string_equal(language_of(o.l, "THE CHILDREN WERE THERE", NULL), "eng");
    shut(&o);
}

static void test_lens_language__a_text_of_nothing_known_gets_no_language(void **state)
{
    float logits[WF_LENS_LANGUAGES_MAX];
    struct opened o;

    (void)state;
    write_table(NULL, path, NULL);
    o = open_table(path);
    assert_int_equal(wf_lens_language_score(o.l, WF_STR("\xe6\xbc\xa2\xe5\xad\x97"), logits), 0);
    for (size_t i = 0; i < wf_lens_language_n(o.l); i++)
        assert_true(logits[i] == 0.0f);
    (void)wf_lens_language_score(o.l, WF_STR(""), logits); /* only that it is allowed */
    shut(&o);
}

static void test_lens_language__guesses_come_in_order_and_add_up(void **state)
{
    const float logits[] = {1.0f, 3.0f, 2.0f, 3.0f};
    struct wf_lens_language_guess g[4];
    float sum = 0;

    (void)state;
    assert_int_equal(wf_lens_language_best(logits, 4, g, 2), 2);
    assert_int_equal(g[0].label, 1); /* before its equal */
    assert_int_equal(g[1].label, 3);
    assert_int_equal(wf_lens_language_best(logits, 4, g, 4), 4);
    for (size_t i = 0; i < 4; i++)
        sum += g[i].probability;
    assert_true(fabsf(sum - 1.0f) < 1e-5f);
    assert_true(fabsf(g[2].probability / g[3].probability - expf(1.0f)) < 1e-3f);
    assert_int_equal(wf_lens_language_best(logits, 4, g, 0), 0);
    assert_int_equal(wf_lens_language_best(logits, 0, g, 4), 0);
}

static void read_whole(const char *from, struct wf_buf *out)
{
    wf_buf_init(out, 64u << 20);
    assert_int_equal(wf_file_read(from, out, NULL), 0);
}

static void test_lens_language__the_same_sentences_give_the_same_bytes(void **state)
{
    struct wf_buf a, b;

    (void)state;
    write_table(NULL, path, NULL);
    write_table(NULL, other, NULL);
    read_whole(path, &a);
    read_whole(other, &b);
    assert_true(wf_str_eq(wf_buf_str(&a), wf_buf_str(&b)));
    wf_buf_deinit(&a);
    wf_buf_deinit(&b);
}

static void test_lens_language__a_lens_keeps_all_it_has(void **state)
{
    struct wf_lens *lens = NULL;
    struct wf_gguf *g = NULL;
    struct wf_buf bytes, once, twice;
    struct opened o;

    (void)state;
    wf_buf_init(&bytes, 8u << 20);
    tiny_lens_build(0, &bytes);
    assert_int_equal(wf_gguf_open_memory(bytes.ptr, bytes.len, &g, NULL), 0);
    write_table(g, path, NULL);
    wf_gguf_close(g);
    o = open_table(path);
    assert_string_equal(language_of(o.l, "they were looking at the house", NULL), "eng");
    write_table(o.g, other, NULL); /* the table is replaced, not added to */
    shut(&o);
    read_whole(path, &once);
    read_whole(other, &twice);
    assert_true(wf_str_eq(wf_buf_str(&once), wf_buf_str(&twice)));
    assert_int_equal(wf_lens_open(other, &lens, NULL), 0);
    assert_true(wf_lens_n_labels(lens, WF_LENS_ENTITIES, NULL) > 0);
    wf_lens_close(lens);
    wf_buf_deinit(&bytes);
    wf_buf_deinit(&once);
    wf_buf_deinit(&twice);
}

/* ---- what is refused ---- */

static void test_lens_language__sentences_that_are_none_are_refused(void **state)
{
    struct wf_language_trainer *t = NULL;
    char label[128];

    (void)state;
    assert_int_equal(wf_language_trainer_new(&t, NULL), 0);
    assert_int_equal(wf_language_trainer_write(t, NULL, path, NULL, NULL), WF_E_INVAL);
    assert_int_equal(wf_language_trainer_add(t, WF_STR(""), WF_STR("a"), NULL), WF_E_FORMAT);
    assert_int_equal(wf_language_trainer_add(t, WF_STR("eng"), WF_STR("\xff"), NULL), WF_E_FORMAT);
    memset(label, 'a', sizeof(label));
    assert_int_equal(wf_language_trainer_add(t, wf_str_n(label, 128), WF_STR("a"), NULL),
                     WF_E_LIMIT);
    for (int i = 1; i < WF_LENS_LANGUAGES_MAX; i++) { /* "eng" has its number already */
        (void)snprintf(label, sizeof(label), "l%d", i);
        assert_int_equal(wf_language_trainer_add(t, wf_str_from(label), WF_STR("a"), NULL), 0);
    }
    assert_int_equal(wf_language_trainer_add(t, WF_STR("new"), WF_STR("a"), NULL), WF_E_LIMIT);
    assert_int_equal(wf_language_trainer_add(t, WF_STR("l1"), WF_STR("b"), NULL), 0);
    wf_language_trainer_free(t);
}

static void test_lens_language__a_file_of_sentences_is_read_line_by_line(void **state)
{
    struct wf_language_trainer *t = NULL;
    struct wf_language_table table;
    struct wf_err err = WF_ERR_INIT;
    const char *good = "eng\tone two\ndeu\teins zwei\n", *bad = "eng\tone\nno tab\n";

    (void)state;
    assert_int_equal(wf_file_replace(other, good, strlen(good), 0600, NULL), 0);
    assert_int_equal(wf_language_trainer_new(&t, NULL), 0);
    assert_int_equal(wf_language_trainer_add_file(t, other, NULL), 0);
    assert_int_equal(wf_language_trainer_write(t, NULL, path, &table, NULL), 0);
    assert_int_equal(table.n_sentences, 2);
    assert_int_equal(wf_file_replace(other, bad, strlen(bad), 0600, NULL), 0);
    assert_int_equal(wf_language_trainer_add_file(t, other, &err), WF_E_FORMAT);
    assert_non_null(strstr(err.msg, ":2:"));
    wf_language_trainer_free(t);
}

static void test_lens_language__more_text_fills_in_what_sentences_lack(void **state)
{
    struct wf_language_trainer *t = learnt();
    struct wf_str qux = WF_STR("qux qux qux");
    float logits[WF_LENS_LANGUAGES_MAX];
    struct opened o;

    (void)state;
    assert_int_equal(wf_language_trainer_add_more(t, WF_STR("fra"), qux, NULL), WF_E_FORMAT);
    assert_int_equal(wf_language_trainer_add_more(t, WF_STR("deu"), WF_STR("\xff"), NULL),
                     WF_E_FORMAT);
    assert_int_equal(wf_language_trainer_add(t, WF_STR("eng"), qux, NULL), 0);
    for (int i = 0; i < 50; i++)
        assert_int_equal(wf_language_trainer_add_more(t, WF_STR("deu"), qux, NULL), 0);
    assert_int_equal(wf_language_trainer_write(t, NULL, path, NULL, NULL), 0);
    wf_language_trainer_free(t);
    o = open_table(path);
    assert_true(wf_lens_language_score(o.l, qux, logits) > 0);
    assert_true(logits[1] > 0.0f); /* German has it from there alone */
    assert_true(logits[2] < logits[1]);
    shut(&o);
}

static void test_lens_language__a_gram_counts_once(void **state)
{
    float once[WF_LENS_LANGUAGES_MAX], often[WF_LENS_LANGUAGES_MAX];
    struct opened o;

    (void)state;
    write_table(NULL, path, NULL);
    o = open_table(path);
    assert_int_equal(wf_lens_language_score(o.l, WF_STR("the dog the dog"), once),
                     wf_lens_language_score(o.l, WF_STR("the dog the dog the dog"), often));
    assert_memory_equal(once, often, 3 * sizeof(float));
    shut(&o);
}

/* A table by hand: what is wrong in one place. */
struct wrong {
    const char *labels[3];
    int32_t grams[5], weights[2];
    uint32_t n_grams, n_entries;
    float step;
};

static int open_by_hand(const struct wrong *x)
{
    struct wf_gguf_writer *w = NULL;
    struct wf_lens_language *l = NULL;
    struct wf_gguf *g = NULL;
    size_t n_labels = 0;
    int rc;

    while (n_labels < 3 && x->labels[n_labels] != NULL)
        n_labels++;
    assert_int_equal(wf_gguf_writer_new(path, &w, NULL), 0);
    wf_gguf_put_strings(w, "lens.language.labels", n_labels);
    for (size_t i = 0; i < n_labels; i++)
        wf_gguf_item_put_string(w, wf_str_from(x->labels[i]));
    wf_gguf_put_i32s(w, "lens.language.grams", 5);
    for (size_t i = 0; i < 5; i++)
        wf_gguf_item_put_i32(w, x->grams[i]);
    wf_gguf_put_i32s(w, "lens.language.weights", 2);
    for (size_t i = 0; i < 2; i++)
        wf_gguf_item_put_i32(w, x->weights[i]);
    wf_gguf_put_u32(w, "lens.language.n_grams", x->n_grams);
    wf_gguf_put_u32(w, "lens.language.n_entries", x->n_entries);
    wf_gguf_put_f32(w, "lens.language.step", x->step);
    wf_gguf_put_f32(w, "lens.language.sharpness", 1.0f);
    assert_int_equal(wf_gguf_writer_begin(w, NULL), 0);
    assert_int_equal(wf_gguf_writer_finish(w, NULL), 0);
    wf_gguf_writer_free(w);
    assert_int_equal(wf_gguf_open(path, &g, NULL), 0);
    rc = wf_lens_language_open(g, &l, NULL);
    wf_lens_language_close(l);
    wf_gguf_close(g);
    return rc;
}

static void test_lens_language__wrong_tables_are_refused(void **state)
{
    /* two grams: at 5 labels 0 and 1, at 6 label 1 */
    const struct wrong good = {.labels = {"eng", "deu"},
                               .grams = {5 | 0 << 8 | 0x81 << 16 | 1 << 24, 0x81},
                               .n_grams = 2,
                               .n_entries = 3,
                               .step = 0.1f};
    struct wrong x = good;

    (void)state;
    assert_int_equal(open_by_hand(&x), 0);
    x.n_entries = 2; /* more labels than there are entries */
    assert_int_equal(open_by_hand(&x), WF_E_FORMAT);
    x = good, x.n_entries = 4; /* fewer */
    assert_int_equal(open_by_hand(&x), WF_E_FORMAT);
    x = good, x.grams[0] = 5 | 0 << 8 | 0x82 << 16 | 1 << 24; /* a label that has no name */
    assert_int_equal(open_by_hand(&x), WF_E_FORMAT);
    x = good, x.grams[0] = 5 | 0 << 8 | 0x81 << 16; /* the same gram twice */
    assert_int_equal(open_by_hand(&x), WF_E_FORMAT);
    x = good, x.grams[0] = -1, x.grams[1] = -1; /* a number without end */
    assert_int_equal(open_by_hand(&x), WF_E_FORMAT);
    x = good, x.n_grams = 100, x.n_entries = 100; /* it breaks off */
    assert_int_equal(open_by_hand(&x), WF_E_FORMAT);
    x = good, x.grams[0] = 5 | WF_LENS_LANGUAGE_BITS << 8; /* bits of no label */
    assert_int_equal(open_by_hand(&x), WF_E_FORMAT);
    x = good, x.step = NAN;
    assert_int_equal(open_by_hand(&x), WF_E_FORMAT);
    x = good, x.labels[1] = "";
    assert_int_equal(open_by_hand(&x), WF_E_FORMAT);
    x = good, x.labels[0] = NULL;
    assert_int_equal(open_by_hand(&x), WF_E_FORMAT);
    x = good, x.n_grams = UINT32_MAX;
    assert_int_equal(open_by_hand(&x), WF_E_LIMIT);
}

static void test_lens_language__labels_may_be_bits(void **state)
{
    struct wrong x = {.labels = {"eng", "deu"},
                      .grams = {5 | WF_LENS_LANGUAGE_BITS << 8 | 3 << 16},
                      .weights = {0x21},
                      .n_grams = 1,
                      .n_entries = 2,
                      .step = 0.1f};

    (void)state;
    assert_int_equal(open_by_hand(&x), 0);
    x.grams[0] = 5 | WF_LENS_LANGUAGE_BITS << 8 | 7 << 16; /* a label that has no name */
    assert_int_equal(open_by_hand(&x), WF_E_FORMAT);
    x.grams[0] = 5 | WF_LENS_LANGUAGE_BITS << 8 | 3 << 16;
    x.n_entries = 3;
    assert_int_equal(open_by_hand(&x), WF_E_FORMAT);
}

static void test_lens_language__a_file_without_a_table_says_so(void **state)
{
    struct wf_lens_language *l = NULL;
    struct wf_gguf *g = NULL;
    struct wf_buf bytes;

    (void)state;
    wf_buf_init(&bytes, 8u << 20);
    tiny_lens_build(0, &bytes);
    assert_int_equal(wf_gguf_open_memory(bytes.ptr, bytes.len, &g, NULL), 0);
    assert_false(wf_lens_language_is_in(g));
    assert_int_equal(wf_lens_language_open(g, &l, NULL), WF_E_NOENT);
    wf_gguf_close(g);
    wf_buf_deinit(&bytes);
}

static void test_lens_language__failing_memory_is_told(void **state)
{
    int rc = WF_E_NOMEM;

    (void)state;
    for (uint64_t n = 1; rc != 0; n++) {
        struct wf_language_trainer *t = NULL;
        struct wf_lens_language *l = NULL;
        struct wf_gguf *g = NULL;

        assert_true(n < 1000);
        wf_alloc_fail_at(n);
        rc = wf_language_trainer_new(&t, NULL);
        for (size_t i = 0; i < WF_ARRAY_LEN(sentences) && rc == 0; i++)
            rc = wf_language_trainer_add(t, wf_str_from(sentences[i][0]),
                                         wf_str_from(sentences[i][1]), NULL);
        if (rc == 0)
            rc = wf_language_trainer_write(t, NULL, path, NULL, NULL);
        if (rc == 0)
            rc = wf_gguf_open(path, &g, NULL);
        if (rc == 0)
            rc = wf_lens_language_open(g, &l, NULL);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        assert_true(rc == 0 || wf_alloc_failed());
        wf_alloc_fail_at(0);
        wf_lens_language_close(l);
        wf_gguf_close(g);
        wf_language_trainer_free(t);
    }
}

/* ---- grams ---- */

static size_t n_grams(const char *text, uint32_t order)
{
    struct wf_gram out[WF_GRAMS_STEP_MAX];
    struct wf_grams g;
    size_t n, sum = 0;

    wf_grams_init(&g, wf_str_from(text));
    while (wf_grams_next(&g, out, &n)) {
        for (size_t i = 0; i < n; i++)
            sum += out[i].order == order;
    }
    return sum;
}

static void test_language_grams__a_text_is_cut_with_its_borders(void **state)
{
    (void)state;
    assert_int_equal(n_grams("ab c", 1), 3); /* a b c: a blank alone says nothing */
    assert_int_equal(n_grams("ab c", 2), 5); /* one begins and one ends the text */
    assert_int_equal(n_grams("ab c", 4), 3);
    assert_int_equal(n_grams("ab c", WF_GRAMS_WORD), 2);
    assert_int_equal(n_grams("  ab \t\n c  ", 2), 5); /* white space is one blank */
    assert_int_equal(n_grams("", 1), 0);
    assert_int_equal(n_grams("abcdefghijklmnop", WF_GRAMS_WORD), 1);
    assert_int_equal(n_grams("abcdefghijklmnopq", WF_GRAMS_WORD), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lens_language__tells_what_it_learnt_apart),
        cmocka_unit_test(test_lens_language__a_text_of_nothing_known_gets_no_language),
        cmocka_unit_test(test_lens_language__guesses_come_in_order_and_add_up),
        cmocka_unit_test(test_lens_language__the_same_sentences_give_the_same_bytes),
        cmocka_unit_test(test_lens_language__a_lens_keeps_all_it_has),
        cmocka_unit_test(test_lens_language__sentences_that_are_none_are_refused),
        cmocka_unit_test(test_lens_language__a_file_of_sentences_is_read_line_by_line),
        cmocka_unit_test(test_lens_language__more_text_fills_in_what_sentences_lack),
        cmocka_unit_test(test_lens_language__a_gram_counts_once),
        cmocka_unit_test(test_lens_language__wrong_tables_are_refused),
        cmocka_unit_test(test_lens_language__labels_may_be_bits),
        cmocka_unit_test(test_lens_language__a_file_without_a_table_says_so),
        cmocka_unit_test(test_lens_language__failing_memory_is_told),
        cmocka_unit_test(test_language_grams__a_text_is_cut_with_its_borders),
        cmocka_unit_test(test_language_grams__pass_over_latin_names_in_other_scripts),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
