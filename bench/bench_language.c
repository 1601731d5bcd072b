/* SPDX-License-Identifier: Apache-2.0 */
/* The language of a sentence: how often lens's table is right on sentences that it was not made
 * from, beside naive Bayes over character n-grams; its size and speed.
 *
 *   bench_language [DATA]    DATA: ../shared/data
 *
 * Row r of all languages is the same sentence of the same document, so rows are kept aside
 * together, in blocks that end where a document ends; each block is measured by a table made from
 * the others. Four of the 128 labels are English, mostly with the very same sentences: no method
 * can be right about more of them than the ceiling says, so labels are also counted by language and
 * script alone (countries as one). Exit status 1 below the must values. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/map.h"
#include "model/language_grams.h"
#include "model/lens_language.h"
#include "text/utf8.h"
#include "train/language.h"
#include "train/lines.h"

#define MORE "train/language.conf" /* more text of some languages */
#define ROWS_MAX 100
#define MUST_SENTENCE 97.0
#define MUST_SHORT 99.0
#define SHORT_CODE_POINTS 50

static const char *const largest[] = {"eng", "zho", "hin", "spa", "arb",
                                      "fra", "ben", "por", "rus", "urd"};

struct data {
    struct wf_buf text; /* labels and sentences lie in it, each ended by NUL */
    struct wf_str labels[WF_LENS_LANGUAGES_MAX];
    struct wf_str sentences[WF_LENS_LANGUAGES_MAX][ROWS_MAX];
    size_t n_rows[WF_LENS_LANGUAGES_MAX];
    size_t n_labels, n_rows_max;
    bool begins[ROWS_MAX]; /* a row begins a document */
};

struct count {
    size_t n, exact, language, n_short, right_short;
    double loss, confidence;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Without a country: "eng-US" is "eng", "srp-Latn" stays; Chinese by country is by script. */
static struct wf_str language_of(struct wf_str label)
{
    bool has_country = label.len == 6 && label.ptr[3] == '-';
    return has_country && !wf_str_starts(label, WF_STR("zho")) ? wf_str_sub(label, 0, 3) : label;
}

static bool is_largest(struct wf_str label)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(largest); i++) {
        if (wf_str_eq(wf_str_sub(label, 0, 3), wf_str_from(largest[i])))
            return true;
    }
    return false;
}

/* ---- data ---- */

static int take_line(struct data *d, struct wf_str line)
{
    struct wf_str label;
    size_t l;

    if (!wf_str_split(&line, '\t', &label) || line.ptr == NULL)
        return WF_E_FORMAT;
    if (d->n_labels == 0 || !wf_str_eq(d->labels[d->n_labels - 1], label)) {
        if (d->n_labels == WF_LENS_LANGUAGES_MAX)
            return WF_E_LIMIT;
        d->labels[d->n_labels++] = wf_str_n(d->text.ptr + d->text.len, label.len);
        (void)wf_buf_append_str(&d->text, label);
    }
    l = d->n_labels - 1;
    if (d->n_rows[l] == ROWS_MAX)
        return WF_E_LIMIT;
    d->sentences[l][d->n_rows[l]++] = wf_str_n(d->text.ptr + d->text.len, line.len);
    d->n_rows_max = d->n_rows[l] > d->n_rows_max ? d->n_rows[l] : d->n_rows_max;
    return wf_buf_append_str(&d->text, line);
}

typedef int (*line_fn)(void *ud, struct wf_str line);

static int each_line(const char *data, const char *file, line_fn fn, void *ud, struct wf_err *err)
{
    char path[4096];
    struct wf_lines *lines = NULL;
    bool is_end = false;
    struct wf_str line;
    int rc;

    (void)snprintf(path, sizeof(path), "%s/%s", data, file);
    rc = wf_lines_open(path, &lines, err);
    while (rc == 0 && (rc = wf_lines_next(lines, &line, &is_end, err)) == 0 && !is_end) {
        rc = fn(ud, line);
        if (rc != 0)
            rc = wf_lines_fail(lines, rc, err, "not the data that this bench is for");
    }
    wf_lines_close(lines);
    return rc;
}

static int on_sentence(void *ud, struct wf_str line)
{
    return take_line(ud, line);
}

struct documents {
    struct wf_map of; /* English sentence: a hash of its document's name */
};

static int on_document(void *ud, struct wf_str line)
{
    struct documents *d = ud;
    struct wf_str name, eng;
    union wf_map_value *v;

    if (!wf_str_split(&line, '\t', &name) || !wf_str_split(&line, '\t', &eng))
        return WF_E_FORMAT;
    v = wf_map_put(&d->of, eng, NULL);
    if (v == NULL)
        return WF_E_NOMEM;
    v->u64 = wf_str_hash(name, 1);
    return 0;
}

static int find_documents(struct data *d, const char *data, struct wf_err *err)
{
    struct documents docs;
    uint64_t last = 0;
    int rc;

    wf_map_init(&docs.of, 1u << 16);
    rc = each_line(data, "parallel/ntrex/part70.tsv", on_document, &docs, err);
    for (size_t l = 0; l < d->n_labels && rc == 0; l++) {
        if (!wf_str_eq(d->labels[l], WF_STR("eng")))
            continue;
        for (size_t r = 0; r < d->n_rows[l]; r++) {
            const union wf_map_value *v = wf_map_get(&docs.of, d->sentences[l][r]);
            d->begins[r] = v == NULL || v->u64 != last;
            last = v != NULL ? v->u64 : 0;
        }
    }
    wf_map_deinit(&docs.of);
    return rc;
}

/* The block of each row: about as many rows in each, borders where documents begin. */
static void cut(const struct data *d, size_t n_blocks, size_t out[ROWS_MAX])
{
    size_t block = 0;

    for (size_t r = 0; r < d->n_rows_max; r++) {
        if (d->begins[r])
            block = r * n_blocks / d->n_rows_max;
        out[r] = block;
    }
}

/* ---- the floor: naive Bayes with pseudo-counts over one to three code points ---- */

#define FLOOR_ORDER 3
#define FLOOR_ALPHA 0.5

struct floor {
    uint32_t *counts; /* [gram][label], by the hash of the gram */
    double totals[WF_LENS_LANGUAGES_MAX];
    size_t n_grams;
};

static void floor_fit(struct floor *f, const struct data *d, const size_t *block, size_t without)
{
    struct wf_gram grams[WF_GRAMS_STEP_MAX];
    size_t n;

    memset(f->counts, 0, (sizeof(*f->counts) * WF_LENS_LANGUAGES_MAX) << 20);
    memset(f->totals, 0, sizeof(f->totals));
    f->n_grams = 0;
    for (size_t l = 0; l < d->n_labels; l++) {
        for (size_t r = 0; r < d->n_rows[l]; r++) {
            struct wf_grams g;
            wf_grams_init(&g, d->sentences[l][r]);
            while (block[r] != without && wf_grams_next(&g, grams, &n)) {
                for (size_t k = 0; k < n; k++) {
                    uint32_t *c = f->counts + (size_t)(grams[k].hash >> (WF_GRAMS_BITS - 20)) *
                                                  WF_LENS_LANGUAGES_MAX;
                    if (grams[k].order > FLOOR_ORDER)
                        continue;
                    c[l]++;
                    f->totals[l]++;
                }
            }
        }
    }
    for (size_t i = 0; i < 1u << 20; i++) {
        bool any = false;
        for (size_t l = 0; l < d->n_labels && !any; l++)
            any = f->counts[i * WF_LENS_LANGUAGES_MAX + l] > 0;
        f->n_grams += any;
    }
}

static size_t floor_best(const struct floor *f, const struct data *d, struct wf_str text)
{
    double sums[WF_LENS_LANGUAGES_MAX] = {0};
    struct wf_gram grams[WF_GRAMS_STEP_MAX];
    struct wf_grams g;
    size_t best = 0, n;

    wf_grams_init(&g, text);
    while (wf_grams_next(&g, grams, &n)) {
        for (size_t k = 0; k < n; k++) {
            const uint32_t *c =
                f->counts + (size_t)(grams[k].hash >> (WF_GRAMS_BITS - 20)) * WF_LENS_LANGUAGES_MAX;
            for (size_t l = 0; l < d->n_labels && grams[k].order <= FLOOR_ORDER; l++)
                sums[l] +=
                    log((c[l] + FLOOR_ALPHA) / (f->totals[l] + FLOOR_ALPHA * (double)f->n_grams));
        }
    }
    for (size_t l = 1; l < d->n_labels; l++)
        best = sums[l] > sums[best] ? l : best;
    return best;
}

/* ---- measuring ---- */

static void count(struct count *c, const struct data *d, size_t label, size_t guess)
{
    c->n++;
    c->exact += guess == label;
    c->language += wf_str_eq(language_of(d->labels[guess]), language_of(d->labels[label]));
}

static void count_short(struct count *c, const struct data *d, size_t label, size_t guess)
{
    c->n_short++;
    c->right_short +=
        wf_str_eq(wf_str_sub(d->labels[guess], 0, 3), wf_str_sub(d->labels[label], 0, 3));
}

static size_t table_best(const struct wf_lens_language *l, struct wf_str text, size_t label,
                         struct count *c)
{
    float logits[WF_LENS_LANGUAGES_MAX];
    struct wf_lens_language_guess all[WF_LENS_LANGUAGES_MAX];
    size_t n = wf_lens_language_n(l);

    (void)wf_lens_language_score(l, text, logits);
    n = wf_lens_language_best(logits, n, all, n);
    for (size_t i = 0; i < n && c != NULL; i++)
        c->loss -= all[i].label == label ? log(all[i].probability) : 0;
    if (c != NULL)
        c->confidence += all[0].probability;
    return all[0].label;
}

static void measure_block(const struct data *d, const size_t *block, size_t b,
                          const struct wf_lens_language *l, const struct floor *f,
                          struct count *table, struct count *floor)
{
    for (size_t i = 0; i < d->n_labels; i++) {
        for (size_t r = 0; r < d->n_rows[i]; r++) {
            struct wf_str s = d->sentences[i][r];
            if (block[r] != b)
                continue;
            count(table, d, i, table_best(l, s, i, table));
            if (f != NULL)
                count(floor, d, i, floor_best(f, d, s));
            if (!is_largest(d->labels[i]) || wf_utf8_count(s) < SHORT_CODE_POINTS)
                continue;
            s = wf_str_sub(s, 0, wf_utf8_offset(s, SHORT_CODE_POINTS));
            count_short(table, d, i, table_best(l, s, i, NULL));
            if (f != NULL)
                count_short(floor, d, i, floor_best(f, d, s));
        }
    }
}

/* A table made from all blocks but one. */
static int make(const struct data *d, const size_t *block, size_t without, const char *path,
                struct wf_language_table *out, struct wf_gguf **out_file,
                struct wf_lens_language **out_table, struct wf_err *err)
{
    struct wf_language_trainer *t = NULL;
    int rc = wf_language_trainer_new(&t, err);

    for (size_t i = 0; i < d->n_labels; i++) {
        for (size_t r = 0; r < d->n_rows[i] && rc == 0; r++) {
            if (block[r] != without)
                rc = wf_language_trainer_add(t, d->labels[i], d->sentences[i][r], err);
        }
    }
    if (rc == 0 && access(MORE, R_OK) == 0)
        rc = wf_language_trainer_add_corpus(t, MORE, err);
    if (rc == 0)
        rc = wf_language_trainer_write(t, NULL, path, out, err);
    wf_language_trainer_free(t);
    if (rc == 0)
        rc = wf_gguf_open(path, out_file, err);
    return rc == 0 ? wf_lens_language_open(*out_file, out_table, err) : rc;
}

static int run_blocks(const struct data *d, size_t n_blocks, const char *path, struct count *table,
                      struct count *floor, struct wf_err *err)
{
    struct floor f = {0};
    size_t block[ROWS_MAX];
    int rc = 0;

    cut(d, n_blocks, block);
    if (floor != NULL) {
        f.counts = wf_alloc_array((size_t)WF_LENS_LANGUAGES_MAX << 20, sizeof(*f.counts));
        if (f.counts == NULL)
            return wf_err_set(err, WF_E_NOMEM, "no memory for the floor");
    }
    for (size_t b = 0; b < n_blocks && rc == 0; b++) {
        struct wf_gguf *g = NULL;
        struct wf_lens_language *l = NULL;
        rc = make(d, block, b, path, NULL, &g, &l, err);
        if (rc == 0 && floor != NULL)
            floor_fit(&f, d, block, b);
        if (rc == 0)
            measure_block(d, block, b, l, floor != NULL ? &f : NULL, table, floor);
        wf_lens_language_close(l);
        wf_gguf_close(g);
    }
    wf_free(f.counts);
    return rc;
}

static double percent(size_t part, size_t n)
{
    return n > 0 ? 100.0 * (double)part / (double)n : 0;
}

static void print(const char *name, const struct count *c)
{
    printf("%-42s %6.2f  %6.2f  %6.2f", name, percent(c->exact, c->n), percent(c->language, c->n),
           percent(c->right_short, c->n_short));
    if (c->loss > 0)
        printf("   log loss %.3f, says %.1f%%", c->loss / (double)c->n,
               100 * c->confidence / (double)c->n);
    printf("\n");
}

/* Of texts that several labels have, only one can be right. */
static int print_ceiling(const struct data *d, struct wf_err *err)
{
    struct wf_map seen;
    size_t n = 0, lost = 0;

    wf_map_init(&seen, 1u << 20);
    for (size_t i = 0; i < d->n_labels; i++) {
        for (size_t r = 0; r < d->n_rows[i]; r++, n++) {
            bool is_new = false;
            if (wf_map_put(&seen, d->sentences[i][r], &is_new) == NULL) {
                wf_map_deinit(&seen);
                return wf_err_set(err, WF_E_NOMEM, "no memory for the ceiling");
            }
            lost += !is_new;
        }
    }
    wf_map_deinit(&seen);
    printf("%-42s %6.2f\n", "ceiling: texts that labels share", percent(n - lost, n));
    return 0;
}

/* Size of the table made from everything, and its speed. */
static int print_whole(const struct data *d, const char *path, struct wf_err *err)
{
    size_t block[ROWS_MAX] = {0}, n = 0;
    struct wf_language_table t;
    struct wf_gguf *g = NULL;
    float logits[WF_LENS_LANGUAGES_MAX];
    struct wf_lens_language *l = NULL;
    double begin = now_s(), made, opened;
    int rc = make(d, block, SIZE_MAX, path, &t, &g, &l, err);

    if (rc == 0) {
        wf_lens_language_close(l);
        made = now_s();
        rc = wf_lens_language_open(g, &l, err);
        opened = now_s();
        for (size_t i = 0; i < d->n_labels && rc == 0; i++) {
            for (size_t r = 0; r < d->n_rows[i]; r++, n++)
                (void)wf_lens_language_score(l, d->sentences[i][r], logits);
        }
        printf("table of all %zu sentences: %zu grams, %zu entries, %.2f MB; made in %.1f s, "
               "opened in %.0f ms; %.1f us a sentence (limit 20)\n",
               t.n_sentences, t.n_grams, t.n_entries, (double)t.bytes / 1e6, made - begin,
               1e3 * (opened - made), 1e6 * (now_s() - opened) / (double)n);
    }
    wf_lens_language_close(l);
    wf_gguf_close(g);
    return rc;
}

static int run(const char *data, struct data *d, const char *path, bool *out_ok, struct wf_err *err)
{
    struct count table5 = {0}, floor5 = {0}, table20 = {0};
    int rc = each_line(data, "langid/ntrex_sentences.tsv.xz", on_sentence, d, err);

    if (rc == 0)
        rc = find_documents(d, data, err);
    if (rc == 0)
        rc = run_blocks(d, 5, path, &table5, &floor5, err);
    if (rc == 0)
        rc = run_blocks(d, 20, path, &table20, NULL, err);
    if (rc != 0)
        return rc;
    printf("accuracy, %%; %zu labels, sentences of documents kept aside\n", d->n_labels);
    printf("%-42s %6s  %6s  %6s\n", "", "label", "langu.", "10x50");
    print("naive Bayes, 1 to 3 code points (4/5)", &floor5);
    print("lens, made from 4/5 of the data", &table5);
    print("lens, made from 19/20 of the data", &table20);
    rc = print_ceiling(d, err);
    if (rc == 0)
        rc = print_whole(d, path, err);
    printf("must: language %.0f, the ten largest languages at %d code points %.0f\n", MUST_SENTENCE,
           SHORT_CODE_POINTS, MUST_SHORT);
    *out_ok = percent(table20.language, table20.n) >= MUST_SENTENCE &&
              percent(table20.right_short, table20.n_short) >= MUST_SHORT;
    return rc;
}

int main(int argc, char **argv)
{
    static struct data d;
    char folder[] = "/tmp/weft-bench-language-XXXXXX", path[64];
    const char *data = argc > 1 ? argv[1] : "../shared/data";
    struct wf_err err = WF_ERR_INIT;
    bool ok = false;
    int rc;

    if (access(data, R_OK) != 0) {
        printf("skipped: no data in %s\n", data);
        return 77;
    }
    if (mkdtemp(folder) == NULL)
        return 1;
    (void)snprintf(path, sizeof(path), "%s/table.gguf", folder);
    wf_buf_init(&d.text, 64u << 20);
    rc = wf_buf_reserve(&d.text, 16u << 20); /* views into it must not move */
    if (rc == 0)
        rc = run(data, &d, path, &ok, &err);
    wf_buf_deinit(&d.text);
    (void)unlink(path);
    (void)rmdir(folder);
    if (rc != 0)
        fprintf(stderr, "bench_language: %s\n", err.msg);
    return rc == 0 && ok ? 0 : 1;
}
