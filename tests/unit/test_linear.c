/* SPDX-License-Identifier: Apache-2.0 */
/* Linear judges: grams; a machine at its optimum; sets, tables and back; what is kept aside chooses
 * how much each judge counts; wrong tables; memory that runs out; into a lens file and asked there.
 * The texts are made here. */
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
#include "model/lens.h"
#include "model/lens_grams.h"
#include "os/file.h"
#include "support/tiny_lens.h"
#include "train/linear.h"
#include "train/linear_fit.h"

/* ---- grams ---- */

static size_t n_common(const struct wf_lens_grams *a, const struct wf_lens_grams *b)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n; i++) {
        for (size_t j = 0; j < b->n; j++)
            n += a->items[i] == b->items[j];
    }
    return n;
}

static void test_lens_grams__case_marks_and_accents_do_not_count(void **state)
{
    struct wf_lens_grams a, b;

    (void)state;
    wf_lens_grams(WF_STR("Turn, the LIGHTS on! D\xc3\xa9j\xc3\xa0"), &a);
    assert_int_equal(a.n_words, 5 + 6);
    wf_lens_grams(WF_STR("turn the lights on deja"), &b);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.items, b.items, a.n * sizeof(a.items[0]));
    wf_lens_grams(WF_STR("on the lights turn deja"), &b);
    assert_true(n_common(&a, &b) < a.n); /* pairs of words are others */
    wf_lens_grams(WF_STR("my light"), &b);
    assert_true(n_common(&b, &a) >= 10); /* parts of "lights" */
    wf_lens_grams(WF_STR(" ,.! "), &a);
    assert_int_equal(a.n, 0);
    wf_lens_grams(WF_STR("no no no no"), &a);
    assert_int_equal(a.n_words, 1 + 3); /* each once */
}

static void test_lens_grams__long_texts_have_an_end(void **state)
{
    static char text[20000];
    struct wf_lens_grams g;

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 9 == 8 ? ' ' : (char)('a' + i * 7 % 26 + i / 300 % 3);
    wf_lens_grams(wf_str_n(text, sizeof(text)), &g);
    assert_true(g.n > 500 && g.n <= WF_LENS_GRAMS_MAX);
    for (size_t i = 0; i < g.n; i++)
        assert_true(g.items[i] >> WF_LENS_GRAMS_BITS == 0);
}

/* ---- the machine ---- */

/* Six rows of three features and two labels; the last one is on the wrong side. */
static const uint32_t features[] = {0, 0, 1, 1, 2, 2, 0, 2, 0};
static const float values[] = {1, 1, 0.5f, 1, 1, 1, 0.25f, 0.5f, 0.5f};
static const size_t starts[] = {0, 1, 3, 4, 5, 7, 9};
static const int32_t labels[] = {0, 0, 0, 1, 1, 1};
static const float costs[] = {1, 1, 1, 1, 1, 2};
static const struct wf_linear_rows rows = {features, values, starts, labels, costs, 6, 3, 2};

/* At the optimum a weight is twice the sum of costs, hinges and values. */
static double distance(const struct wf_linear_machine *m, size_t label)
{
    double sums[4] = {0}, most = 0;

    for (size_t i = 0; i < rows.n; i++) {
        float scores[2];
        double side = labels[i] == (int32_t)label ? 1 : -1, hinge;
        wf_linear_score(m, features + starts[i], values + starts[i], starts[i + 1] - starts[i],
                        scores);
        hinge = fmax(0, 1 - side * (double)scores[label]);
        for (size_t k = starts[i]; k < starts[i + 1]; k++)
            sums[features[k]] += 2 * (double)costs[i] * hinge * side * (double)values[k];
        sums[3] += 2 * (double)costs[i] * hinge * side;
    }
    for (size_t f = 0; f < 4; f++) {
        double w = (double)(f < 3 ? m->weights[label * 3 + f] : m->biases[label]);
        bool may = f == 3 || m->keep == NULL || m->keep[label * 3 + f] != 0;
        most = fmax(most, may ? fabs(w - sums[f]) : fabs(w));
    }
    return most;
}

static void test_linear__is_fitted_to_its_optimum(void **state)
{
    struct wf_linear_machine m;
    size_t n = 0;

    (void)state;
    assert_int_equal(wf_linear_init(&m, 3, 2, NULL), 0);
    assert_int_equal(wf_linear_fit(&m, &rows, 1, NULL), 0);
    assert_true(distance(&m, 0) < 0.3 && distance(&m, 1) < 0.3);
    assert_true(m.weights[0] > 0.2f && m.weights[2] < -0.2f);
    assert_int_equal(wf_linear_prune(&m, &rows, 4, NULL), 0);
    for (size_t i = 0; i < 6; i++)
        n += m.keep[i];
    assert_true(n >= 2 && n <= 4);
    assert_int_equal(wf_linear_fit(&m, &rows, 1, NULL), 0);
    assert_true(distance(&m, 0) < 0.3 && distance(&m, 1) < 0.3);
    wf_linear_deinit(&m);
    wf_linear_deinit(&m);
}

/* ---- sets ---- */

static char folder[64];

static const char templates[] =
    "@what: milk | two eggs | bread and butter | a lamp\n"
    "@filler: now | please | soon | today | on Friday\n"
    "[add]\n"
    "buy {what} {_filler}\nget {what} {_filler}\nwe (need|lack) {what} {_filler}\n"
    "order {what} {_filler}\nbring {what} {_filler}\nkaufe {what} {_filler}\n"
    "hole {what} {_filler}\nbestelle {what} {_filler}\n"
    "[remove]\n"
    "call Ana {_filler}\nring her {_filler}\nphone Otto {_filler}\ncall Mia {_filler}\n"
    "ring him {_filler}\nphone her {_filler}\nrufe Ana an {_filler}\n"
    "[oos]\n"
    "the sea is {_filler} blue\nold songs are {_filler} long\nwhy is snow white {_filler}\n"
    "who won {_filler}\nbirds sing {_filler}\nthe moon is {_filler} full\n";

static const char list[] = "set.txt templates 100 train; set.txt templates 0 tune";

static void path_of(const char *name, char out[160])
{
    (void)snprintf(out, 160, "%s/%s", folder, name);
}

static int make_folder(void **state)
{
    struct wf_buf lens;
    char path[160];

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-linear-XXXXXX");
    assert_non_null(mkdtemp(folder));
    path_of("set.txt", path);
    assert_int_equal(wf_file_replace(path, templates, strlen(templates), 0600, NULL), 0);
    wf_buf_init(&lens, 8u << 20);
    tiny_lens_build(TINY_LENS_LINEAR, &lens); /* a table that is to be replaced */
    path_of("lens.gguf", path);
    assert_int_equal(wf_file_replace(path, lens.ptr, lens.len, 0600, NULL), 0);
    wf_buf_reset(&lens);
    tiny_lens_build(TINY_LENS_NO_HEADS, &lens);
    path_of("bare.gguf", path);
    assert_int_equal(wf_file_replace(path, lens.ptr, lens.len, 0600, NULL), 0);
    wf_buf_deinit(&lens);
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"set.txt",  "lens.gguf", "bare.gguf",
                                        "out.gguf", "rows.tsv",  "rows.map"};
    char path[160];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        path_of(names[i], path);
        (void)unlink(path);
    }
    return rmdir(folder);
}

static int read_set(struct wf_linear_set **out, struct wf_err *err)
{
    const struct wf_intent_sources s = {
        .list = list, .data_dir = folder, .outside = "oos", .copies = 6};

    return wf_linear_set_read(&s, out, err);
}

static struct wf_linear_set *packed(size_t n_max)
{
    struct wf_linear_set *s = NULL;

    assert_int_equal(read_set(&s, NULL), 0);
    assert_int_equal(wf_linear_set_fit(s, 1, NULL), 0);
    assert_int_equal(wf_linear_set_prune(s, n_max, NULL), 0);
    assert_int_equal(wf_linear_set_pack(s, NULL), 0);
    return s;
}

/* How many texts are given their own label. */
static double right(const struct wf_linear_set *s)
{
    size_t n = wf_linear_set_n_texts(s), n_right = 0;
    float scores[3];

    for (size_t i = 0; i < n; i++) {
        const struct wf_linear_text *t = wf_linear_set_text(s, i);
        wf_linear_set_score(s, t->text, scores);
        size_t best = scores[1] > scores[0] ? 1 : 0;
        best = scores[2] > scores[best] ? 2 : best;
        n_right += (int32_t)best == t->label;
    }
    return (double)n_right / (double)n;
}

static void test_linear_set__is_fitted_pruned_and_packed(void **state)
{
    struct wf_linear_set *s = NULL;
    float whole[3], table[3];

    (void)state;
    assert_int_equal(read_set(&s, NULL), 0);
    assert_int_equal(wf_linear_set_n_labels(s), 3);
    assert_int_equal(wf_linear_set_outside(s), 2);
    assert_int_equal(wf_linear_set_fit(s, 1, NULL), 0);
    assert_true(right(s) > 0.9);
    assert_int_equal(wf_linear_set_prune(s, 400, NULL), 0);
    assert_true(right(s) > 0.85);
    wf_linear_set_score(s, WF_STR("buy a lamp today"), whole);
    assert_int_equal(wf_linear_set_pack(s, NULL), 0);
    assert_true(right(s) > 0.85);
    wf_linear_set_score(s, WF_STR("buy a lamp today"), table);
    assert_true(table[0] > table[1] && table[0] > table[2]);
    for (size_t i = 0; i < 3; i++) /* sixteen levels are coarse, but not that coarse */
        assert_true(fabsf(table[i] - whole[i]) < 0.25f);
    assert_true(wf_linear_set_parts(s)->n_entries <= 400);
    assert_true(wf_linear_set_parts(s)->n_entries > 100);
    wf_linear_set_free(s);
}

static void test_linear_set__labels_come_in_the_heads_order(void **state)
{
    const struct wf_str names[] = {WF_STR("oos"), WF_STR("add"), WF_STR("remove")};
    const struct wf_str others[] = {WF_STR("oos"), WF_STR("add"), WF_STR("move")};
    struct wf_linear_set *s = NULL;
    struct wf_err err = WF_ERR_INIT;
    float scores[3];

    (void)state;
    assert_int_equal(read_set(&s, NULL), 0);
    assert_int_equal(wf_linear_set_order(s, others, 3, &err), WF_E_FORMAT);
    assert_int_equal(wf_linear_set_order(s, names, 2, &err), WF_E_FORMAT);
    assert_int_equal(wf_linear_set_order(s, names, 3, NULL), 0);
    assert_int_equal(wf_linear_set_outside(s), 0);
    assert_string_equal(wf_linear_set_label(s, 1), "add");
    assert_int_equal(wf_linear_set_fit(s, 1, NULL), 0);
    wf_linear_set_score(s, WF_STR("buy milk now"), scores);
    assert_true(scores[1] > scores[0] && scores[1] > scores[2]);
    wf_linear_set_free(s);
}

static void write_text(const char *name, const char *text)
{
    char path[160];

    path_of(name, path);
    assert_int_equal(wf_file_replace(path, text, strlen(text), 0600, NULL), 0);
}

static size_t n_of(const struct wf_linear_set *s, const char *label)
{
    size_t n = 0;

    for (size_t i = 0; i < wf_linear_set_n_texts(s); i++)
        n += strcmp(wf_linear_set_label(s, (size_t)wf_linear_set_text(s, i)->label), label) == 0;
    return n;
}

/* Labels of others become ours, are left out, or are out of scope. */
static void test_intent_source__labels_are_mapped(void **state)
{
    struct wf_intent_sources sources = {.data_dir = folder, .outside = "oos", .copies = 1};
    struct wf_linear_set *s = NULL;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    write_text("rows.tsv", "buying\tbuy it now\nbuying\tbuy it all\nsky\tthe sky is blue\n"
                           "sky\tthe sky is red\nhm\tbuy a sky\n");
    write_text("rows.map", "# ours\nbuying  get\nhm -\n");
    sources.list = "rows.tsv requests 100 map=rows.map; rows.tsv requests 100 =it";
    assert_int_equal(wf_linear_set_read(&sources, &s, NULL), 0);
    assert_int_equal(wf_linear_set_n_texts(s), 4 + 5);
    assert_int_equal(n_of(s, "get"), 2);
    assert_int_equal(n_of(s, "oos"), 2);
    assert_int_equal(n_of(s, "it"), 5);
    wf_linear_set_free(s);
    sources.list = "rows.tsv requests 100 map=none.map";
    assert_int_equal(wf_linear_set_read(&sources, &s, &err), WF_E_NOENT);
    sources.list = "rows.tsv requests 100 maps";
    assert_int_equal(wf_linear_set_read(&sources, &s, &err), WF_E_FORMAT);
}

/* ---- tables ---- */

static void test_lens_linear__wrong_tables_are_refused(void **state)
{
    struct wf_linear_set *s = packed(300);
    const struct wf_lens_linear_parts *good = wf_linear_set_parts(s);
    float bad_levels[WF_LENS_LINEAR_LEVELS] = {NAN};
    struct wf_lens_linear *l = NULL;
    struct wf_lens_linear_parts p[8];
    const int rcs[8] = {WF_E_FORMAT, WF_E_FORMAT, WF_E_FORMAT, WF_E_FORMAT,
                        WF_E_FORMAT, WF_E_LIMIT,  WF_E_LIMIT,  WF_E_FORMAT};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(p); i++)
        p[i] = *good;
    p[0].n_entries++;
    p[1].n_grams += 8;
    p[2].grams.len /= 2;
    p[3].weights.len = p[3].n_entries / 2 - 1;
    p[4].levels = bad_levels;
    p[5].n_labels = 0;
    p[6].n_labels = WF_LENS_LINEAR_LABELS_MAX + 1;
    p[7].n_labels = 2; /* the third is meant */
    for (size_t i = 0; i < WF_ARRAY_LEN(p); i++)
        assert_int_equal(wf_lens_linear_read(&p[i], &l, NULL), rcs[i]);
    wf_linear_set_free(s);
}

/* Any byte may be wrong: what opens can be asked. */
static void test_lens_linear__changed_bytes_do_no_harm(void **state)
{
    struct wf_linear_set *s = packed(100);
    struct wf_lens_linear_parts p = *wf_linear_set_parts(s);
    char *bytes = wf_alloc_array(p.grams.len, 1);
    size_t n_opened = 0;

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < p.grams.len; i++) {
        struct wf_lens_linear *l = NULL;
        float scores[3];
        memcpy(bytes, wf_linear_set_parts(s)->grams.ptr, p.grams.len);
        bytes[i] = (char)(bytes[i] ^ (i % 2 == 0 ? 0x80 : 0x11));
        p.grams.ptr = bytes;
        if (wf_lens_linear_read(&p, &l, NULL) != 0)
            continue;
        n_opened++;
        wf_lens_linear_score(l, WF_STR("buy two eggs on Friday"), scores);
        assert_true(isfinite(scores[0]) && isfinite(scores[1]) && isfinite(scores[2]));
        wf_lens_linear_close(l);
    }
    assert_true(n_opened > 0 && n_opened < p.grams.len);
    wf_free(bytes);
    wf_linear_set_free(s);
}

/* ---- memory ---- */

static int all_of_it(void)
{
    struct wf_linear_opinions *o = NULL;
    struct wf_linear_set *s = NULL;
    int rc = read_set(&s, NULL);

    if (rc == 0)
        rc = wf_linear_set_fit(s, 1, NULL);
    if (rc == 0)
        rc = wf_linear_set_prune(s, 300, NULL);
    if (rc == 0)
        rc = wf_linear_set_pack(s, NULL);
    if (rc == 0)
        rc = wf_linear_opinions_new(s, NULL, NULL, &o, NULL);
    wf_linear_opinions_free(o);
    wf_linear_set_free(s);
    return rc;
}

static void test_linear_set__memory_runs_out(void **state)
{
    uint64_t before = wf_alloc_stats().n_live, i = 1;

    (void)state;
    for (;; i += i < 60 ? 1 : 13) {
        wf_alloc_fail_at(i);
        int rc = all_of_it();
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(wf_alloc_stats().n_live, before);
        if (!failed) {
            assert_int_equal(rc, 0);
            break;
        }
        assert_int_equal(rc, WF_E_NOMEM);
    }
    assert_true(i > 20);
}

/* ---- into a lens ---- */

static struct wf_linear_report last;

static int on_set(void *ud, const struct wf_linear_report *r)
{
    (void)ud;
    last = *r;
    assert_string_equal(r->name, "weft");
    return 0;
}

static int fit(const char *keys, const char *lens, struct wf_err *err)
{
    char text[512], into[160], out[160];
    struct wf_linear_job job = {.into = into, .out = out, .data_dir = folder, .on_set = on_set};
    struct wf_conf *c = NULL;
    int rc;

    path_of(lens, into);
    path_of("out.gguf", out);
    (void)snprintf(text, sizeof(text), "[task intent weft]\nsources = %s\n%s\n", list, keys);
    assert_int_equal(wf_conf_parse(wf_str_from(text), "x.conf", &c, NULL), 0);
    rc = wf_linear_fit_all(c, &job, err);
    wf_conf_free(c);
    return rc;
}

static void expect(struct wf_str text, const char *intent)
{
    const struct wf_lens_ask ask = {.tasks = WF_LENS_INTENT, .text = text};
    struct wf_lens_job *j = NULL;
    struct wf_lens *l = NULL;
    struct wf_lens_answer a;
    float hidden[TINY_LENS_DIM * 32] = {0};
    char out[160];

    path_of("out.gguf", out);
    assert_int_equal(wf_lens_open(out, &l, NULL), 0);
    assert_int_equal(wf_lens_job_new(l, &ask, &j, NULL), 0);
    for (size_t i = 0; i < wf_lens_job_n_windows(j); i++)
        wf_lens_job_take(j, i, hidden);
    assert_int_equal(wf_lens_job_finish(j, &a, NULL), 0);
    assert_true(wf_str_eq(a.intent, wf_str_from(intent)));
    assert_int_equal(a.in_scope, strcmp(intent, "oos") != 0);
    wf_lens_answer_deinit(&a);
    wf_lens_job_free(j);
    wf_lens_close(l);
}

static void test_linear_fit__into_a_lens_with_a_head(void **state)
{
    (void)state;
    assert_int_equal(fit("linear = 300\nrecall = 0.8", "lens.gguf", NULL), 0);
    assert_true(last.has_encoder && last.n_labels == 3 && last.n_entries <= 300);
    assert_true(last.linear.accuracy > 80 && last.linear.outside_recall > 70);
    /* An encoder of random weights is to count for little. */
    assert_true(last.both.accuracy >= last.linear.accuracy - 5);
    assert_true(last.encoder.accuracy < last.both.accuracy);
    assert_true(last.scales.linear > 0);
    expect(WF_STR("order bread and butter soon"), "add");
    expect(WF_STR("ring Otto"), "remove");
}

static void test_linear_fit__into_a_lens_without_one(void **state)
{
    (void)state;
    assert_int_equal(fit("linear = 300\nrecall = 0.8", "bare.gguf", NULL), 0);
    assert_false(last.has_encoder);
    expect(WF_STR("order bread and butter soon"), "add");
    expect(WF_STR("the moon is blue"), "oos");
}

static void test_linear_fit__what_is_wrong_is_said(void **state)
{
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    assert_int_equal(fit("", "lens.gguf", &err), WF_E_NOENT);
    assert_int_equal(fit("linear = x", "lens.gguf", &err), WF_E_RANGE);
    assert_int_equal(fit("linear = 9", "none.gguf", &err), WF_E_NOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lens_grams__case_marks_and_accents_do_not_count),
        cmocka_unit_test(test_lens_grams__long_texts_have_an_end),
        cmocka_unit_test(test_linear__is_fitted_to_its_optimum),
        cmocka_unit_test(test_linear_set__is_fitted_pruned_and_packed),
        cmocka_unit_test(test_linear_set__labels_come_in_the_heads_order),
        cmocka_unit_test(test_intent_source__labels_are_mapped),
        cmocka_unit_test(test_lens_linear__wrong_tables_are_refused),
        cmocka_unit_test(test_lens_linear__changed_bytes_do_no_harm),
        cmocka_unit_test(test_linear_set__memory_runs_out),
        cmocka_unit_test(test_linear_fit__into_a_lens_with_a_head),
        cmocka_unit_test(test_linear_fit__into_a_lens_without_one),
        cmocka_unit_test(test_linear_fit__what_is_wrong_is_said),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
