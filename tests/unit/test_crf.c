/* SPDX-License-Identifier: Apache-2.0 */
/* Entities by words: the field's gradient, what it learns, the same scores out of a lens file, and
 * files that are wrong. The texts are made here; lens files are tiny ones. */
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
#include "model/gguf_write.h"
#include "os/file.h"
#include "support/tiny_lens.h"
#include "train/crf.h"
#include "train/crf_classes.h"
#include "train/shuffle.h"

#define TAGS WF_ENTITY_TAGS
#define ROW WF_CRF_ROW
#define N_TEXTS 200

static char folder[64];

static void path_of(const char *name, char out[160])
{
    (void)snprintf(out, 160, "%s/%s", folder, name);
}

/* ---- texts and files ---- */

static const char *const people[] = {"Ana\tB-person\nSilva\tI-person", "Mia\tB-person",
                                     "Otto\tB-person\nLang\tI-person"};
static const char *const places[] = {"Porto\tB-location", "New\tB-location\nYork\tI-location",
                                     "Oslo\tB-location"};

static void write_texts(void)
{
    struct wf_buf b;
    char path[160];
    uint64_t draw = 3;

    wf_buf_init(&b, 1u << 20);
    for (int i = 0; i < N_TEXTS; i++)
        wf_buf_appendf(&b, "%s\nsaw\tO\n%s\nin\tO\n%s\nn%d\tO\n\n", people[wf_draw_below(&draw, 3)],
                       i % 2 != 0 ? "boats\tO" : "bread\tO", places[wf_draw_below(&draw, 3)], i);
    path_of("set.conll", path);
    assert_int_equal(wf_file_replace(path, b.ptr, b.len, 0600, NULL), 0);
    wf_buf_reset(&b);
    wf_buf_append_cstr(&b, "[task entity]\nweight = 2\nlower = 0.2\n"
                           "sources = set.conll conll wnut 100 noisy\n");
    path_of("set.conf", path);
    assert_int_equal(wf_file_replace(path, b.ptr, b.len, 0600, NULL), 0);
    wf_buf_reset(&b);
    for (int i = 0; i < 20; i++)
        wf_buf_appendf(&b, "Mia\tB-person\nsaw\tO\nn%d\tO\n\n", i);
    path_of("few.conll", path);
    assert_int_equal(wf_file_replace(path, b.ptr, b.len, 0600, NULL), 0);
    wf_buf_reset(&b);
    wf_buf_append_cstr(&b, "[task entity]\nsources = few.conll conll wnut 100 train; few.conll "
                           "conll wnut 0 noisydev\n");
    path_of("few.conf", path);
    assert_int_equal(wf_file_replace(path, b.ptr, b.len, 0600, NULL), 0);
    wf_buf_deinit(&b);
}

/* A copy of a file whose entries and tensors of one prefix are others. */
typedef void (*put_fn)(struct wf_gguf_writer *w);
typedef void (*write_fn)(struct wf_gguf_writer *w);
static void change(const char *from, const char *to, const char *prefix, put_fn put, write_fn write)
{
    const char *const without[] = {prefix, NULL};
    struct wf_gguf_writer *w = NULL;
    struct wf_gguf *g = NULL;

    assert_int_equal(wf_gguf_open(from, &g, NULL), 0);
    assert_int_equal(wf_gguf_writer_new(to, &w, NULL), 0);
    wf_gguf_put_others(w, g, without);
    if (put != NULL)
        put(w);
    assert_int_equal(wf_gguf_writer_begin(w, NULL), 0);
    assert_int_equal(wf_gguf_write_others(w, g, without, NULL), 0);
    if (write != NULL)
        write(w);
    assert_int_equal(wf_gguf_writer_finish(w, NULL), 0);
    wf_gguf_writer_free(w);
    wf_gguf_close(g);
}

/* A head whose tag k is value k of the hidden state. */
static void put_head(struct wf_gguf_writer *w)
{
    char name[WF_ENTITY_TAG_BYTES];

    wf_gguf_put_strings(w, "lens.entity.labels", TAGS);
    for (unsigned i = 0; i < TAGS; i++) {
        wf_entity_tag_name(i, name);
        wf_gguf_item_put_string(w, wf_str_from(name));
    }
    wf_gguf_put_tensor(w, WF_STR("lens.entity.weight"), wf_dtype_by_id(WF_DTYPE_F32), 2,
                       (const uint64_t[]){TINY_LENS_DIM, TAGS});
}

static void write_head(struct wf_gguf_writer *w)
{
    for (unsigned k = 0; k < TAGS; k++) {
        float row[TINY_LENS_DIM] = {0};
        row[k] = 1.0f;
        assert_int_equal(wf_gguf_writer_write(w, row, sizeof(row), NULL), 0);
    }
}

static void write_lens(const char *name, unsigned with)
{
    struct wf_buf b;
    char path[160];

    wf_buf_init(&b, 8u << 20);
    tiny_lens_build(with, &b);
    path_of(name, path);
    assert_int_equal(wf_file_replace(path, b.ptr, b.len, 0600, NULL), 0);
    wf_buf_deinit(&b);
}

static int make_folder(void **state)
{
    char from[160], to[160];

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/weft-crf-XXXXXX");
    assert_non_null(mkdtemp(folder));
    write_texts();
    write_lens("bare.gguf", TINY_LENS_NO_HEADS);
    write_lens("other.gguf", 0);
    path_of("bare.gguf", from);
    path_of("head.gguf", to);
    change(from, to, "lens.entity.", put_head, write_head);
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"set.conll", "set.conf",   "bare.gguf", "other.gguf",
                                        "head.gguf", "words.gguf", "both.gguf", "wrong.gguf",
                                        "plain.txt", "list.conf",  "few.conll", "few.conf"};
    char path[160];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        path_of(names[i], path);
        (void)unlink(path);
    }
    return rmdir(folder);
}

/* ---- the loss ---- */

static double loss_of(struct wf_crf_room *r, const uint32_t *allowed, size_t n, const float *scores,
                      const float *moves)
{
    float d_scores[8 * ROW], d_moves[TAGS * ROW];

    return wf_crf_loss(r, allowed, n, scores, moves, d_scores, d_moves);
}

static void check_gradient(const uint32_t *allowed, size_t n)
{
    float scores[8 * ROW] = {0}, moves[TAGS * ROW] = {0}, d_scores[8 * ROW], d_moves[TAGS * ROW];
    struct wf_crf_room *r = NULL;
    const float h = 0.05f;
    uint64_t draw = 11;

    for (size_t i = 0; i < n * ROW; i++)
        scores[i] = i % ROW < TAGS ? (float)(4 * wf_draw_real(&draw) - 2) : 0.0f;
    for (size_t i = 0; i < (size_t)TAGS * ROW; i++)
        moves[i] = i % ROW < TAGS ? (float)(2 * wf_draw_real(&draw) - 1) : 0.0f;
    assert_int_equal(wf_crf_room_new(n, &r, NULL), 0);
    assert_true(wf_crf_loss(r, allowed, n, scores, moves, d_scores, d_moves) > 0);
    for (int k = 0; k < 60; k++) {
        bool is_move = k % 2 != 0;
        size_t i = (size_t)wf_draw_below(&draw, is_move ? TAGS : n);
        size_t tag = (size_t)wf_draw_below(&draw, 5), at = i * ROW + tag;
        float *x = is_move ? &moves[at] : &scores[at], was = *x;
        *x = was + h;
        double up = loss_of(r, allowed, n, scores, moves);
        *x = was - h;
        double down = loss_of(r, allowed, n, scores, moves);
        *x = was;
        double want = (up - down) / (2 * (double)h);
        assert_true(fabs(want - (double)(is_move ? d_moves[at] : d_scores[at])) < 2e-3);
    }
    wf_crf_room_free(r);
}

static void test_crf__gradients_are_those_of_differences(void **state)
{
    const uint32_t told[] = {1u << 0, 1u << 1, 1u << 2, 1u << 0, 1u << 3};
    const uint32_t partly[] = {1u << 0, 1u << 1 | 1u << 0 | 3u << 9, 1u << 2, 1 | 6u, 1u << 4};

    (void)state;
    check_gradient(told, 5);
    check_gradient(partly, 5);
    check_gradient(told, 1);
}

static void test_crf__entities_go_on_only_where_they_began(void **state)
{
    float scores[3 * TAGS] = {0}, moves[TAGS * TAGS] = {0};
    int32_t tags[3];

    (void)state;
    scores[2] = 9.0f;            /* I-person at the begin: not possible */
    scores[1] = 1.0f;            /* B-person */
    scores[TAGS + 4] = 2.5f;     /* I-organisation behind it: neither */
    scores[TAGS + 2] = 2.0f;     /* I-person */
    scores[2 * TAGS + 3] = 2.0f; /* B-organisation */
    assert_int_equal(wf_crf_decode(scores, 3, moves, tags), 0);
    assert_int_equal(tags[0], 1);
    assert_int_equal(tags[1], 2);
    assert_int_equal(tags[2], 3);
    assert_int_equal(wf_crf_decode(scores, 0, moves, tags), 0);
}

/* ---- fitting ---- */

static void fit(const struct wf_lens *l, struct wf_crf_texts *texts, struct wf_crf **out)
{
    struct wf_err err = WF_ERR_INIT;
    char path[160];

    memset(texts, 0, sizeof(*texts));
    path_of("set.conf", path);
    if (wf_crf_texts_read(path, folder, wf_lens_vocab(l), NULL, texts, &err) != 0)
        fail_msg("%s", err.msg);
    if (wf_crf_fit(&texts->sides[0], &wf_crf_usual, NULL, NULL, out, &err) != 0)
        fail_msg("%s", err.msg);
}

static void test_crf__learns_what_words_say(void **state)
{
    struct wf_crf_texts texts;
    struct wf_lens *l = NULL;
    struct wf_crf *c = NULL, *again = NULL;
    struct wf_crf_choice choice;
    char path[160];

    (void)state;
    path_of("bare.gguf", path);
    assert_int_equal(wf_lens_open(path, &l, NULL), 0);
    fit(l, &texts, &c);
    assert_true(texts.sides[1].n_texts > 5); /* one in ten, and not more */
    assert_true(texts.sides[1].n_texts < 50);
    assert_true(texts.sides[0].n_texts > N_TEXTS - texts.sides[1].n_texts); /* small letters too */
    assert_int_equal(wf_crf_choose(c, NULL, 1, &texts.sides[1], &choice, NULL), 0);
    assert_true(choice.words.f1 > 95);
    assert_true(choice.both.f1 > 95 && choice.both.noisy_f1 > 95);
    assert_true(choice.numbers.share == 1);
    assert_int_equal(wf_crf_fit(&texts.sides[0], &wf_crf_usual, NULL, NULL, &again, NULL), 0);
    assert_int_equal(again->n_features, c->n_features);
    assert_memory_equal(again->weights, c->weights, c->first[c->n_features] * sizeof(*c->weights));
    wf_crf_free(c);
    wf_crf_free(again);
    wf_crf_texts_deinit(&texts);
    wf_lens_close(l);
}

static void test_crf__a_squeezed_table_keeps_what_matters(void **state)
{
    struct wf_crf_texts texts;
    struct wf_lens *l = NULL;
    struct wf_crf *c = NULL;
    struct wf_crf_choice choice;
    size_t n;
    char path[160];

    (void)state;
    path_of("bare.gguf", path);
    assert_int_equal(wf_lens_open(path, &l, NULL), 0);
    fit(l, &texts, &c);
    n = c->first[c->n_features];
    wf_crf_squeeze(c, 600);
    assert_true(c->first[c->n_features] < n);
    assert_true(c->first[c->n_features] > 100 && c->first[c->n_features] < 600);
    for (size_t i = 1; i < c->n_features; i++)
        assert_true(c->numbers[i - 1] < c->numbers[i] && c->first[i - 1] < c->first[i]);
    assert_int_equal(wf_crf_choose(c, NULL, 1, &texts.sides[1], &choice, NULL), 0);
    assert_true(choice.both.f1 > 90);
    wf_crf_free(c);
    wf_crf_texts_deinit(&texts);
    wf_lens_close(l);
}

/* ---- classes of words ---- */

static uint16_t class_of(const struct wf_lens_classes *c, const char *word)
{
    uint32_t number = wf_lens_word_number(wf_str_from(word));

    for (size_t i = 0; i < c->n; i++) {
        assert_true(i == 0 || c->words[i - 1] < c->words[i]);
        if (c->words[i] == number)
            return c->of[i];
    }
    return 0;
}

static void test_crf__words_that_stand_alike_have_a_class(void **state)
{
    static const char *const cities[] = {"Oslo", "Porto", "Bergen"};
    static const char *const foods[] = {"bread", "soup", "rice"};
    struct wf_crf_classes *made = NULL;
    struct wf_lens_classes c;
    struct wf_buf b;
    char path[160], list[160];

    (void)state;
    wf_buf_init(&b, 1u << 20);
    for (int i = 0; i < 60; i++)
        wf_buf_appendf(&b, "she saw %s in may %d\n\nwe eat %s with joy %d\n\n", cities[i % 3], i,
                       foods[i % 3], i);
    path_of("plain.txt", path);
    assert_int_equal(wf_file_replace(path, b.ptr, b.len, 0600, NULL), 0);
    wf_buf_reset(&b);
    wf_buf_appendf(&b, "data=%s\nx lang=eng read=plain dev=0 plain.txt\n", folder);
    path_of("list.conf", list);
    assert_int_equal(wf_file_replace(list, b.ptr, b.len, 0600, NULL), 0);
    wf_buf_deinit(&b);
    assert_int_equal(wf_crf_classes_make(list, 1000, 100000, &made, NULL), 0);
    c = wf_crf_classes_view(made);
    assert_true(class_of(&c, "oslo") >> 2 > 0);
    assert_int_equal(class_of(&c, "Oslo"), class_of(&c, "porto"));
    assert_int_equal(class_of(&c, "bread"), class_of(&c, "rice"));
    assert_int_not_equal(class_of(&c, "oslo") >> 2, class_of(&c, "bread") >> 2);
    assert_int_equal(class_of(&c, "(Oslo") & 3, 3);
    assert_int_equal(class_of(&c, "bread") & 3, 0);
    assert_int_equal(class_of(&c, "london"), 0);
    wf_crf_classes_free(made);
    assert_int_equal(wf_crf_classes_make(list, 2, 100000, &made, NULL), 0);
    assert_int_equal(wf_crf_classes_view(made).n, 2);
    wf_crf_classes_free(made);
    assert_int_equal(wf_crf_classes_make("/nowhere", 2, 100, &made, NULL), WF_E_NOENT);
    assert_int_equal(wf_crf_classes_view(NULL).n, 0);
}

/* ---- in a lens ---- */

/* Fits a field and writes it into a copy of a lens. */
static void make(const char *from, const char *to, double share, double outside)
{
    const struct wf_crf_numbers numbers = {share, outside};
    const uint32_t words[] = {5, 900, 268000000};
    const uint16_t of[] = {7, 500, 9};
    const struct wf_lens_classes classes = {words, of, 3};
    struct wf_crf_texts texts;
    struct wf_crf_table table;
    struct wf_lens *l = NULL;
    struct wf_gguf *g = NULL;
    struct wf_crf *c = NULL;
    char a[160], b[160];

    path_of("bare.gguf", a);
    assert_int_equal(wf_lens_open(a, &l, NULL), 0);
    fit(l, &texts, &c);
    wf_crf_squeeze(c, 20000);
    path_of(from, a);
    path_of(to, b);
    assert_int_equal(wf_gguf_open(a, &g, NULL), 0);
    assert_int_equal(wf_crf_write(c, &numbers, &classes, g, b, &table, NULL), 0);
    assert_int_equal(table.n_features, c->n_features);
    assert_true(table.bytes > 1000 && table.bytes < 26000);
    wf_crf_free(c);
    wf_gguf_close(g);
    wf_crf_texts_deinit(&texts);
    wf_lens_close(l);
}

static void open_lens(const char *name, struct wf_lens **out)
{
    struct wf_err err = WF_ERR_INIT;
    char path[160];

    path_of(name, path);
    if (wf_lens_open(path, out, &err) != 0)
        fail_msg("%s", err.msg);
}

static const struct wf_lens_ask ask = {.tasks = WF_LENS_ENTITIES,
                                       .text = {"Ana Silva saw br\xc3\xaa"
                                                "ad in New York n3",
                                                35}};

static void test_crf__words_alone_need_no_encoder(void **state)
{
    struct wf_lens_tag_scores s;
    struct wf_lens_answer a;
    struct wf_lens_job *j = NULL;
    struct wf_crf_texts texts;
    struct wf_lens *l = NULL;
    struct wf_crf *c = NULL;
    float *want;

    (void)state;
    make("bare.gguf", "words.gguf", 0.3, 0.0); /* the share says nothing where one is alone */
    open_lens("words.gguf", &l);
    assert_int_equal(wf_lens_n_labels(l, WF_LENS_ENTITIES, NULL), WF_ENTITY_TYPES);
    assert_int_equal(wf_lens_job_new(l, &ask, &j, NULL), 0);
    assert_int_equal(wf_lens_job_n_windows(j), 0);
    assert_int_equal(wf_lens_job_tag_scores(j, &s, NULL), 0);
    assert_null(s.encoder);
    assert_int_equal(s.n_tags, TAGS);
    assert_int_equal(wf_lens_job_finish(j, &a, NULL), 0);
    assert_int_equal(a.entities.n, 2);
    assert_int_equal(a.entities.items[0].start, 0);
    assert_int_equal(a.entities.items[0].end, 9);
    assert_true(wf_str_eq(a.entities.items[0].type, WF_STR("person")));
    assert_true(wf_str_eq(a.entities.items[1].type, WF_STR("place")));
    assert_int_equal(a.entities.items[1].start, 23); /* code points */
    assert_int_equal(a.entities.items[1].end, 31);
    assert_true(a.entities.items[1].score > 0.5f && a.entities.items[1].score <= 1.0f);
    wf_lens_answer_deinit(&a);
    wf_lens_job_free(j);

    /* The same scores as the field gives. */
    fit(l, &texts, &c);
    wf_crf_squeeze(c, 20000);
    want = wf_alloc_array(texts.sides[1].texts[0].n, TAGS * sizeof(*want));
    assert_non_null(want);
    wf_crf_score(c, texts.sides[1].features, texts.sides[1].texts[0].n, want);
    const struct wf_lens_ask first = {
        .tasks = WF_LENS_ENTITIES,
        .text = wf_str_n(texts.sides[1].bytes.ptr, texts.sides[1].texts[0].len)};
    assert_int_equal(wf_lens_job_new(l, &first, &j, NULL), 0);
    assert_int_equal(wf_lens_job_tag_scores(j, &s, NULL), 0);
    assert_int_equal(s.n, texts.sides[1].texts[0].n);
    for (size_t i = 0; i < s.n * TAGS; i++)
        assert_true(fabsf(s.words[i] - want[i]) < 1e-4f);
    for (size_t i = 0; i < (size_t)TAGS * TAGS; i++)
        assert_true(s.words_moves[i] == c->transitions[i]);
    wf_free(want);
    wf_lens_job_free(j);
    wf_crf_free(c);
    wf_crf_texts_deinit(&texts);
    wf_lens_close(l);
}

/* The encoder says that "bread" is a place, so much. */
static void answer_both(const char *name, float much, struct wf_lens_answer *out)
{
    struct wf_lens_job *j = NULL;
    struct wf_lens *l = NULL;
    float hidden[64 * TINY_LENS_DIM] = {0};
    int32_t ids[64];
    size_t n;

    open_lens(name, &l);
    assert_int_equal(wf_lens_job_new(l, &ask, &j, NULL), 0);
    assert_int_equal(wf_lens_job_n_windows(j), 2); /* of tokens of a byte */
    for (size_t w = 0; w < 2; w++) {
        memset(hidden, 0, sizeof(hidden));
        n = wf_lens_job_window(j, w, ids);
        for (size_t t = 0; t + 1 < n; t++) {
            struct wf_str byte = wf_vocab_bytes(wf_lens_vocab(l), ids[t]);
            struct wf_str next = wf_vocab_bytes(wf_lens_vocab(l), ids[t + 1]);
            if (wf_str_eq(byte, WF_STR(" ")) && wf_str_eq(next, WF_STR("b")))
                hidden[t * TINY_LENS_DIM + 5] = much; /* B-place */
        }
        wf_lens_job_take(j, w, hidden);
    }
    assert_int_equal(wf_lens_job_finish(j, out, NULL), 0);
    wf_lens_job_free(j);
    wf_lens_close(l);
}

static void test_crf__both_count_by_their_shares(void **state)
{
    struct wf_lens_answer a;

    (void)state;
    make("head.gguf", "both.gguf", 0.5, 0.0);
    answer_both("both.gguf", 0.0f, &a);
    assert_int_equal(a.entities.n, 2);
    wf_lens_answer_deinit(&a);
    answer_both("both.gguf", 60.0f, &a);
    assert_int_equal(a.entities.n, 3);
    assert_int_equal(a.entities.items[1].start, 14);
    wf_lens_answer_deinit(&a);
    make("head.gguf", "both.gguf", 1.0, 0.0); /* the encoder does not count */
    answer_both("both.gguf", 60.0f, &a);
    assert_int_equal(a.entities.n, 2);
    wf_lens_answer_deinit(&a);
    make("head.gguf", "both.gguf", 0.0, 0.0); /* words do not */
    answer_both("both.gguf", 60.0f, &a);
    assert_int_equal(a.entities.n, 1);
    wf_lens_answer_deinit(&a);
    make("head.gguf", "both.gguf", 1.0, -100.0); /* nothing is anything */
    answer_both("both.gguf", 0.0f, &a);
    assert_int_equal(a.entities.n, 0);
    wf_lens_answer_deinit(&a);
}

/* ---- wrong files ---- */

static void put_nothing(struct wf_gguf_writer *w)
{
    (void)w;
}

static void put_share(struct wf_gguf_writer *w)
{
    wf_gguf_put_f32(w, "lens.entity.words.share", 1.5f);
}

static void put_outside(struct wf_gguf_writer *w)
{
    wf_gguf_put_f32(w, "lens.entity.words.outside", NAN);
}

static void put_gap_bits(struct wf_gguf_writer *w)
{
    wf_gguf_put_u32(w, "lens.entity.words.gap_bits", 29);
}

static void put_n_entries(struct wf_gguf_writer *w)
{
    wf_gguf_put_u32(w, "lens.entity.words.n_entries", 3);
}

static void put_n_features(struct wf_gguf_writer *w)
{
    wf_gguf_put_u32(w, "lens.entity.words.n_features", 4000000);
}

static void put_more_features(struct wf_gguf_writer *w)
{
    wf_gguf_put_u32(w, "lens.entity.words.n_features", 40000000);
}

static void put_n_classes(struct wf_gguf_writer *w)
{
    wf_gguf_put_u32(w, "lens.entity.words.n_classes", 9);
}

static void put_table(struct wf_gguf_writer *w)
{
    wf_gguf_put_i32s(w, "lens.entity.words.table", 4);
    for (int i = 0; i < 4; i++)
        wf_gguf_item_put_i32(w, -1);
}

static void put_labels(struct wf_gguf_writer *w)
{
    wf_gguf_put_strings(w, "lens.entity.words.labels", 2);
    wf_gguf_item_put_string(w, WF_STR("O"));
    wf_gguf_item_put_string(w, WF_STR("B-person"));
}

static void put_levels(struct wf_gguf_writer *w)
{
    wf_gguf_put_tensor(w, WF_STR("lens.entity.words.levels"), wf_dtype_by_id(WF_DTYPE_F32), 1,
                       (const uint64_t[]){WF_LENS_WORDS_LEVELS});
}

static void write_levels(struct wf_gguf_writer *w)
{
    float levels[WF_LENS_WORDS_LEVELS] = {0};

    levels[3] = INFINITY;
    assert_int_equal(wf_gguf_writer_write(w, levels, sizeof(levels), NULL), 0);
}

static void test_crf__wrong_tables_are_refused(void **state)
{
    static const struct {
        const char *key;
        put_fn put;
        write_fn write;
        int rc;
    } cases[] = {
        {"lens.entity.words.share", put_share, NULL, WF_E_FORMAT},
        {"lens.entity.words.share", put_nothing, NULL, WF_E_FORMAT},
        {"lens.entity.words.outside", put_outside, NULL, WF_E_FORMAT},
        {"lens.entity.words.gap_bits", put_gap_bits, NULL, WF_E_FORMAT},
        {"lens.entity.words.n_entries", put_n_entries, NULL, WF_E_FORMAT},
        {"lens.entity.words.n_features", put_n_features, NULL, WF_E_FORMAT},
        {"lens.entity.words.n_features", put_more_features, NULL, WF_E_LIMIT},
        {"lens.entity.words.n_classes", put_n_classes, NULL, WF_E_FORMAT},
        {"lens.entity.words.table", put_table, NULL, WF_E_FORMAT},
        {"lens.entity.words.labels", put_labels, NULL, WF_E_FORMAT},
        {"lens.entity.words.labels", put_nothing, NULL, WF_E_FORMAT},
        {"lens.entity.words.levels", put_levels, write_levels, WF_E_FORMAT},
        {"lens.entity.words.transitions", put_nothing, NULL, WF_E_FORMAT},
    };
    char from[160], to[160];

    (void)state;
    make("head.gguf", "both.gguf", 0.5, 0.0);
    path_of("both.gguf", from);
    path_of("wrong.gguf", to);
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_lens *l = NULL;
        change(from, to, cases[i].key, cases[i].put, cases[i].write);
        assert_int_equal(wf_lens_open(to, &l, &err), cases[i].rc);
        assert_true(strlen(err.msg) > 20);
    }
}

static void test_crf__an_encoder_with_other_tags_is_let_alone(void **state)
{
    struct wf_gguf *g = NULL;
    char path[160];

    (void)state;
    path_of("other.gguf", path);
    assert_int_equal(wf_gguf_open(path, &g, NULL), 0);
    assert_int_equal(wf_crf_check_labels(g, NULL), WF_E_FORMAT);
    assert_int_equal(wf_crf_write(NULL, NULL, NULL, g, path, NULL, NULL), WF_E_FORMAT);
    wf_gguf_close(g);
    path_of("head.gguf", path);
    assert_int_equal(wf_gguf_open(path, &g, NULL), 0);
    assert_int_equal(wf_crf_check_labels(g, NULL), 0);
    wf_gguf_close(g);
}

static void test_crf__survives_failing_allocations(void **state)
{
    uint64_t before = wf_alloc_stats().n_live;
    char path[160];

    (void)state;
    make("bare.gguf", "words.gguf", 0.5, 0.0);
    path_of("words.gguf", path);
    for (uint64_t i = 1;; i++) {
        struct wf_lens_answer a;
        struct wf_lens_job *j = NULL;
        struct wf_lens *l = NULL;
        bool has_answer;
        wf_alloc_fail_at(i);
        int rc = wf_lens_open(path, &l, NULL);
        if (rc == 0)
            rc = wf_lens_job_new(l, &ask, &j, NULL);
        if (rc == 0)
            rc = wf_lens_job_finish(j, &a, NULL);
        has_answer = rc == 0;
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        if (has_answer)
            wf_lens_answer_deinit(&a);
        wf_lens_job_free(j);
        wf_lens_close(l);
        assert_int_equal(wf_alloc_stats().n_live, before);
        if (!failed) {
            assert_int_equal(rc, 0);
            assert_true(i > 15);
            return;
        }
        assert_int_equal(rc, WF_E_NOMEM);
    }
}

static int fit_and_write(const struct wf_crf_texts *texts, const struct wf_gguf *g, const char *to)
{
    const struct wf_crf_options o = {.passes = 1, .rate = 0.2f, .seen_min = 3};
    struct wf_crf_choice choice;
    struct wf_crf_table table;
    struct wf_crf *c = NULL;
    int rc = wf_crf_fit(&texts->sides[0], &o, NULL, NULL, &c, NULL);

    if (rc == 0)
        rc = wf_crf_choose(c, NULL, 1, &texts->sides[1], &choice, NULL);
    if (rc == 0) {
        wf_crf_squeeze(c, 2000);
        rc = wf_crf_write(c, &choice.numbers, NULL, g, to, &table, NULL);
    }
    wf_crf_free(c);
    return rc;
}

static void test_crf__fitting_survives_failing_allocations(void **state)
{
    struct wf_crf_texts texts = {0};
    struct wf_lens *l = NULL;
    struct wf_gguf *g = NULL;
    char path[160], to[160];

    (void)state;
    path_of("bare.gguf", path);
    path_of("wrong.gguf", to);
    assert_int_equal(wf_lens_open(path, &l, NULL), 0);
    assert_int_equal(wf_gguf_open(path, &g, NULL), 0);
    path_of("few.conf", path);
    assert_int_equal(wf_crf_texts_read(path, folder, wf_lens_vocab(l), NULL, &texts, NULL), 0);
    wf_crf_texts_deinit(&texts);
    uint64_t before = wf_alloc_stats().n_live;
    for (uint64_t i = 1, failed = 1; failed != 0; i++) {
        wf_crf_texts_deinit(&texts);
        assert_int_equal(wf_alloc_stats().n_live, before);
        wf_alloc_fail_at(i);
        int rc = wf_crf_texts_read(path, folder, wf_lens_vocab(l), NULL, &texts, NULL);
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(rc, failed != 0 ? WF_E_NOMEM : 0);
    }
    before = wf_alloc_stats().n_live;
    for (uint64_t i = 1, failed = 1; failed != 0; i++) {
        wf_alloc_fail_at(i);
        int rc = fit_and_write(&texts, g, to);
        failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        assert_int_equal(wf_alloc_stats().n_live, before);
        assert_int_equal(rc, failed != 0 ? WF_E_NOMEM : 0);
        assert_true(failed != 0 || i > 20);
    }
    wf_crf_texts_deinit(&texts);
    wf_gguf_close(g);
    wf_lens_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crf__gradients_are_those_of_differences),
        cmocka_unit_test(test_crf__entities_go_on_only_where_they_began),
        cmocka_unit_test(test_crf__learns_what_words_say),
        cmocka_unit_test(test_crf__a_squeezed_table_keeps_what_matters),
        cmocka_unit_test(test_crf__words_that_stand_alike_have_a_class),
        cmocka_unit_test(test_crf__words_alone_need_no_encoder),
        cmocka_unit_test(test_crf__both_count_by_their_shares),
        cmocka_unit_test(test_crf__wrong_tables_are_refused),
        cmocka_unit_test(test_crf__an_encoder_with_other_tags_is_let_alone),
        cmocka_unit_test(test_crf__survives_failing_allocations),
        cmocka_unit_test(test_crf__fitting_survives_failing_allocations),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
