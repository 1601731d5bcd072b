/* SPDX-License-Identifier: Apache-2.0 */
/* Entities: the floor, each of lens's judges alone, and both together, on the texts that the task
 * keeps aside.
 *
 *   bench_floor_entity [LENS [CONF [DATA]]]   models/lens.gguf, train/entity.conf, ../shared/data
 *
 * The floor is a linear-chain conditional random field over the usual features of words (the word
 * and its neighbours, first and last letters, shapes), fitted on the same texts with all its
 * weights (train/crf.h; L-BFGS over the same features reached 64.5, noisy 49.9, WNUT17's dev 50.4).
 * F1 of spans: both ends and the type must be right; types that a set does not tag do not count.
 * "both" is what `weft lens entities` says. Must: above the floor, and 38 on WNUT17's dev (persons,
 * places, organisations; stretch 45). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "model/transformer.h"
#include "train/crf.h"

#define SKIPPED 77
#define TAGS WF_ENTITY_TAGS
#define MUST 38.0

enum judge {
    FLOOR,
    ENCODER,
    WORDS,
    BOTH,
    N_JUDGES
};

struct row {
    char name[48];
    struct wf_entity_count of[N_JUDGES];
};

enum {
    ALL,
    NOISY,
    WNUT_DEV,
    FIRST_TYPE,
    FIRST_SOURCE = FIRST_TYPE + WF_ENTITY_TYPES,
    N_ROWS = FIRST_SOURCE + WF_CRF_SOURCES_MAX
};

struct bench {
    struct wf_crf_texts texts;
    struct wf_lens *lens;
    struct wf_runner *runner;
    struct wf_crf *floor;
    struct row rows[N_ROWS];
    int32_t *gold, *got; /* of a text */
    float *scores;
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_floor_entity: %s\n", what);
    exit(1);
}

static void check(int rc, const struct wf_err *err)
{
    if (rc != 0)
        fail(err->msg);
}

static void *must(void *p)
{
    if (p == NULL)
        fail("no memory");
    return p;
}

/* ---- counting ---- */

static void count(struct bench *b, const struct wf_crf_text *t, enum judge who)
{
    const struct {
        size_t row;
        uint32_t types;
        bool counts;
    } rows[] = {
        {ALL, t->known, true},
        {NOISY, WF_ENTITY_NOISY, t->is_noisy},
        {WNUT_DEV, WF_ENTITY_NOISY, t->is_noisy && t->is_dev_file},
        {FIRST_SOURCE + t->source, t->known, true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].counts)
            wf_entity_count(b->gold, b->got, t->n, rows[i].types, &b->rows[rows[i].row].of[who]);
    }
    for (unsigned k = 0; k < WF_ENTITY_TYPES; k++) {
        if ((t->known >> k & 1) != 0)
            wf_entity_count(b->gold, b->got, t->n, 1u << k, &b->rows[FIRST_TYPE + k].of[who]);
    }
}

static void count_scores(struct bench *b, const struct wf_crf_text *t, enum judge who,
                         const float *scores, const float *moves)
{
    static const float none[TAGS * TAGS];

    if (scores == NULL)
        return;
    if (wf_crf_decode(scores, t->n, moves != NULL ? moves : none, b->got) != 0)
        fail("no memory");
    count(b, t, who);
}

/* Tags of words out of marks. */
static void count_marks(struct bench *b, const struct wf_crf_text *t, const struct wf_lens_marks *m)
{
    const uint32_t *begins = b->texts.sides[1].begins + t->first;
    size_t at = 0;

    for (size_t i = 0, last = SIZE_MAX; i < t->n; i++) {
        int type = 0;
        while (at < m->n && m->items[at].to <= begins[i])
            at++;
        b->got[i] = 0;
        if (at == m->n || m->items[at].from > begins[i])
            continue;
        while (!wf_str_eq(m->items[at].type, wf_str_from(wf_entity_name((enum wf_entity)type))))
            type++;
        b->got[i] = wf_entity_tag((enum wf_entity)type, last != at);
        last = at;
    }
    count(b, t, BOTH);
}

/* ---- judging ---- */

static void run_text(struct bench *b, const struct wf_crf_text *t)
{
    struct wf_str bytes = wf_buf_str(&b->texts.sides[1].bytes);
    const struct wf_lens_ask ask = {.tasks = WF_LENS_ENTITIES,
                                    .text = wf_str_sub(bytes, t->at, t->at + t->len)};
    struct wf_err err = WF_ERR_INIT;
    struct wf_lens_tag_scores s;
    struct wf_lens_job *j = NULL;
    struct wf_lens_answer a;
    int32_t *ids = must(wf_alloc_array(wf_lens_window(b->lens), sizeof(*ids)));

    check(wf_lens_job_new(b->lens, &ask, &j, &err), &err);
    for (size_t i = 0; i < wf_lens_job_n_windows(j); i++) {
        uint32_t starts[2] = {0, (uint32_t)wf_lens_job_window(j, i, ids)};
        const float *hidden = NULL;
        check(wf_runner_encode(b->runner, ids, starts, 1, &hidden, &err), &err);
        wf_lens_job_take(j, i, hidden);
    }
    check(wf_lens_job_tag_scores(j, &s, &err), &err);
    if (s.n != t->n || s.n_tags != TAGS)
        fail("the lens has other tags");
    count_scores(b, t, ENCODER, s.encoder, s.encoder_moves);
    count_scores(b, t, WORDS, s.words, s.words_moves);
    check(wf_lens_job_finish(j, &a, &err), &err);
    count_marks(b, t, &a.entities);
    wf_lens_answer_deinit(&a);
    wf_lens_job_free(j);
    wf_free(ids);
}

static void run(struct bench *b)
{
    const struct wf_crf_side *s = &b->texts.sides[1];
    size_t n = 1;

    for (size_t i = 0; i < s->n_texts; i++)
        n = WF_MAX(n, s->texts[i].n);
    b->gold = must(wf_alloc_array(n, sizeof(*b->gold)));
    b->got = must(wf_alloc_array(n, sizeof(*b->got)));
    b->scores = must(wf_alloc_array(n, TAGS * sizeof(*b->scores)));
    for (size_t i = 0; i < s->n_texts; i++) {
        const struct wf_crf_text *t = &s->texts[i];
        for (size_t k = 0; k < t->n; k++)
            b->gold[k] = s->tags[t->first + k];
        wf_crf_score(b->floor, s->features + t->first * WF_LENS_WORD_FEATURES, t->n, b->scores);
        count_scores(b, t, FLOOR, b->scores, b->floor->transitions);
        run_text(b, t);
    }
    wf_free(b->gold);
    wf_free(b->got);
    wf_free(b->scores);
}

/* The floor sees what taggers usually do. */
static void fit_floor(struct bench *b)
{
    struct wf_err err = WF_ERR_INIT;

    for (size_t side = 0; side < 2; side++) {
        struct wf_crf_side *s = &b->texts.sides[side];
        for (size_t i = 0; i < s->n * WF_LENS_WORD_FEATURES; i++) {
            if (i % WF_LENS_WORD_FEATURES >= WF_LENS_WORD_USUAL)
                s->features[i] = 0;
        }
    }
    check(wf_crf_fit(&b->texts.sides[0], &wf_crf_usual, NULL, NULL, &b->floor, &err), &err);
}

/* ---- the table ---- */

static void name_rows(struct bench *b)
{
    (void)snprintf(b->rows[ALL].name, sizeof(b->rows[0].name), "all sets, F1");
    (void)snprintf(b->rows[NOISY].name, sizeof(b->rows[0].name), "noisy text, 3 types");
    (void)snprintf(b->rows[WNUT_DEV].name, sizeof(b->rows[0].name), "WNUT17 dev, 3 types");
    for (unsigned k = 0; k < WF_ENTITY_TYPES; k++)
        (void)snprintf(b->rows[FIRST_TYPE + k].name, sizeof(b->rows[0].name), "  %s",
                       wf_entity_name((enum wf_entity)k));
    for (size_t i = 0; i < b->texts.n_sources; i++)
        (void)snprintf(b->rows[FIRST_SOURCE + i].name, sizeof(b->rows[0].name), "  %.44s",
                       b->texts.sources[i]);
}

static bool print(const struct bench *b)
{
    const struct row *all = &b->rows[ALL], *dev = &b->rows[WNUT_DEV];
    bool is_reached = wf_entity_f1(&all->of[BOTH]) > wf_entity_f1(&all->of[FLOOR]) &&
                      wf_entity_f1(&dev->of[BOTH]) > wf_entity_f1(&dev->of[FLOOR]) &&
                      wf_entity_f1(&dev->of[BOTH]) >= MUST;

    printf("%-48s %8s %7s %8s %7s %7s\n", "", "entities", "floor", "encoder", "words", "both");
    for (size_t i = 0; i < N_ROWS; i++) {
        const struct row *r = &b->rows[i];
        if (r->of[BOTH].there == 0)
            continue;
        printf("%-48s %8.0f %7.1f %8.1f %7.1f %7.1f\n", r->name, r->of[BOTH].there,
               wf_entity_f1(&r->of[FLOOR]), wf_entity_f1(&r->of[ENCODER]),
               wf_entity_f1(&r->of[WORDS]), wf_entity_f1(&r->of[BOTH]));
    }
    printf("precision %.1f, recall %.1f; must: above the floor, %.0f on WNUT17 dev%s\n",
           wf_entity_precision(&all->of[BOTH]), wf_entity_recall(&all->of[BOTH]), MUST,
           is_reached ? "" : "  MISSED");
    return is_reached;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "models/lens.gguf";
    const char *conf = argc > 2 ? argv[2] : "train/entity.conf";
    const char *data = argc > 3 ? argv[3] : "../shared/data";
    struct bench *b = must(wf_alloc_array(1, sizeof(*b)));
    struct wf_runner_options o = {.n_threads = 0};
    struct wf_err err = WF_ERR_INIT;
    bool is_reached;

    if (access(data, R_OK) != 0 || access(path, R_OK) != 0) {
        (void)fprintf(stderr, "bench_floor_entity: there is no %s or no %s\n", path, data);
        return SKIPPED;
    }
    check(wf_lens_open(path, &b->lens, &err), &err);
    o.n_context = o.n_batch = wf_lens_window(b->lens);
    check(wf_runner_new(wf_lens_model(b->lens), &o, &b->runner, &err), &err);
    check(wf_crf_texts_read(conf, data, wf_lens_vocab(b->lens), NULL, &b->texts, &err), &err);
    fit_floor(b);
    name_rows(b);
    run(b);
    is_reached = print(b);
    wf_crf_free(b->floor);
    wf_crf_texts_deinit(&b->texts);
    wf_runner_free(b->runner);
    wf_lens_close(b->lens);
    wf_free(b);
    return is_reached ? 0 : 1;
}
