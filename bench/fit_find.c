/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the weights of find/score.c: listwise logistic regression over the candidates of questions
 * whose passage is known.
 *
 *   fit_find [-n OTHERS] [-d DIR] SET...    a SET: en, de, ... (XQuAD) or squad-dev, arcd, ...
 *
 * Half of the articles of each set teach, the other half is told apart in what is printed. Prints
 * the recall of the weights in use, then of those found, then these. Not part of `make bench`. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "find/candidates.h"
#include "find/question.h"
#include "find/score.h"
#include "store/sql.h"
#include "support/library.h"
#include "support/qa.h"

#define CANDIDATES 48
#define N_X (2 * WF_FEATURE_COUNT) /* for words, for pairs */
#define QUESTIONS_PER_SET 1200
#define STEPS 400
#define RATE 0.1
#define DECAY 1e-4

struct example {
    float x[CANDIDATES][N_X];
    float now[CANDIDATES]; /* value by the weights in use */
    int n, good;           /* good: the passage's number, or -1 */
    int set;
    bool teaches;
};

struct fit {
    struct example *examples;
    size_t n;
    const char *names[32];
    int n_sets;
    double weights[N_X], scale[N_X];
};

static int by_weight(const void *a, const void *b)
{
    const struct wf_candidate *x = a, *y = b;
    return x->weight < y->weight ? 1 : x->weight > y->weight ? -1 : 0;
}

static void must(int status, const struct wf_err *err)
{
    if (status >= 0)
        return;
    fprintf(stderr, "fit_find: %s\n", err->msg);
    exit(1);
}

/* The passage's number is the document's: one document a passage, added in order. */
static void read_candidate(struct wf_reader *r, const struct wf_question *q, int64_t chunk,
                           size_t passage, struct example *e)
{
    static const char sql[] = "SELECT text,document FROM chunk WHERE id=?";
    struct wf_err err = WF_ERR_INIT;
    sqlite3_stmt *st = NULL;
    struct wf_score score;
    must(wf_reader_cached(r, sql, &st, &err), &err);
    sqlite3_bind_int64(st, 1, chunk);
    must(wf_sql_step(st, "reading", &err), &err);
    wf_score_passage(q, wf_str_n(NULL, 0), wf_str_n(NULL, 0), wf_sql_text(st, 0), &score);
    for (int f = 0; f < WF_FEATURE_COUNT; f++) {
        e->x[e->n][f] = (float)(score.features[f] * (1 - q->pair_share));
        e->x[e->n][f + WF_FEATURE_COUNT] = (float)(score.features[f] * q->pair_share);
    }
    e->now[e->n] = (float)score.value;
    if (sqlite3_column_int64(st, 1) == (sqlite3_int64)passage + 1 && e->good < 0)
        e->good = e->n;
    sqlite3_reset(st);
    e->n++;
}

static void take(struct wf_reader *r, const char *text, size_t passage, struct example *e)
{
    struct wf_question q;
    struct wf_candidates c;
    struct wf_err err = WF_ERR_INIT;
    size_t n = 0;
    wf_question_init(&q, wf_str_from(text));
    must(wf_candidates_gather(r, &q, &c, &err), &err);
    for (size_t i = 0; i < c.n_slots; i++) {
        if (c.slots[i].chunk != 0)
            c.slots[n++] = c.slots[i];
    }
    if (n > 0)
        qsort(c.slots, n, sizeof *c.slots, by_weight);
    e->good = -1;
    for (size_t i = 0; i < n && e->n < CANDIDATES; i++)
        read_candidate(r, &q, c.slots[i].chunk, passage, e);
    wf_candidates_free(&c);
}

static void take_set(struct fit *f, const struct qa_set *set)
{
    struct library l;
    struct wf_reader *r = NULL;
    struct wf_err err = WF_ERR_INIT;
    size_t every = set->n_questions / QUESTIONS_PER_SET + 1;
    library_open(&l);
    for (size_t i = 0; i < set->n_passages; i++) {
        char path[32];
        snprintf(path, sizeof path, "/p/%zu", i);
        library_add(&l, &(struct library_document){.path = path, .text = set->passages[i].text},
                    NULL);
    }
    library_commit(&l);
    must(wf_store_reader_get(l.store, &r, &err), &err);
    f->examples = wf_realloc_array(f->examples, f->n + set->n_questions, sizeof *f->examples);
    if (f->examples == NULL)
        exit(1);
    for (size_t i = 0; i < set->n_questions; i += every) {
        const struct qa_question *q = &set->questions[i];
        if (q->impossible)
            continue;
        struct example *e = &f->examples[f->n++];
        *e = (struct example){.set = f->n_sets - 1};
        e->teaches = set->passages[q->passage].article % 2 == 0;
        take(r, q->text, q->passage, e);
    }
    wf_store_reader_put(l.store, r);
    library_close(&l);
}

/* Value of candidate c by the fit's weights, or by those in use. */
static double value(const struct fit *f, const struct example *e, int c, bool is_now)
{
    double sum = 0;
    if (is_now)
        return (double)e->now[c];
    for (int k = 0; k < N_X; k++)
        sum += f->weights[k] * (double)e->x[c][k];
    return sum;
}

static void report(const struct fit *f, bool is_now)
{
    double sum[2][2] = {{0}};
    printf("%s\n%-10s %13s %13s %8s\n", is_now ? "weights in use" : "weights found", "", "taught",
           "not taught", "reach");
    for (int s = 0; s < f->n_sets; s++) {
        size_t n[2] = {0}, at_1[2] = {0}, at_5[2] = {0}, reached = 0;
        for (size_t i = 0; i < f->n; i++) {
            const struct example *e = &f->examples[i];
            int rank = 0, half = !e->teaches;
            if (e->set != s)
                continue;
            n[half]++;
            if (e->good < 0)
                continue;
            reached++;
            for (int c = 0; c < e->n; c++)
                rank += c != e->good && value(f, e, c, is_now) >= value(f, e, e->good, is_now);
            at_1[half] += rank < 1;
            at_5[half] += rank < 5;
        }
        printf("%-10s", f->names[s]);
        for (int half = 0; half < 2; half++) {
            double one = (double)at_1[half] / (double)n[half];
            double five = (double)at_5[half] / (double)n[half];
            sum[half][0] += one;
            sum[half][1] += five;
            printf("   %.3f %.3f", one, five);
        }
        printf("    %.3f\n", (double)reached / (double)(n[0] + n[1]));
    }
    printf("%-10s   %.4f %.4f   %.4f %.4f\n", "mean", sum[0][0] / f->n_sets, sum[0][1] / f->n_sets,
           sum[1][0] / f->n_sets, sum[1][1] / f->n_sets);
    fflush(stdout);
}

/* One pass over the examples: the loss, and its gradient by the weights in units of spread. */
static double pass(const struct fit *f, double *gradient)
{
    double loss = 0;
    size_t n = 0;
    memset(gradient, 0, N_X * sizeof *gradient);
    for (size_t i = 0; i < f->n; i++) {
        const struct example *e = &f->examples[i];
        double p[CANDIDATES] = {0}, most = -1e300, sum = 0;
        if (!e->teaches || e->good < 0)
            continue;
        n++;
        for (int c = 0; c < e->n; c++)
            most = fmax(most, p[c] = value(f, e, c, false));
        for (int c = 0; c < e->n; c++)
            sum += p[c] = exp(p[c] - most);
        loss -= log(p[e->good] / sum);
        for (int c = 0; c < e->n; c++) {
            double d = p[c] / sum - (c == e->good);
            for (int k = 0; k < N_X; k++)
                gradient[k] += d * (double)e->x[c][k] * f->scale[k];
        }
    }
    for (int k = 0; k < N_X; k++)
        gradient[k] /= (double)n;
    return loss / (double)n;
}

static void find_scales(struct fit *f)
{
    for (int k = 0; k < N_X; k++) {
        double sum = 0, squares = 0, n = 0;
        for (size_t i = 0; i < f->n; i++) {
            for (int c = 0; c < f->examples[i].n; c++, n++) {
                double x = (double)f->examples[i].x[c][k];
                sum += x;
                squares += x * x;
            }
        }
        f->scale[k] = sqrt(fmax(squares / n - sum / n * sum / n, 1e-6));
        f->scale[k] = 1 / f->scale[k];
    }
}

/* Adam over weights in units of the features' spread. */
static void learn(struct fit *f)
{
    double g[N_X], m[N_X] = {0}, v[N_X] = {0}, loss = 0;
    find_scales(f);
    for (int step = 1; step <= STEPS; step++) {
        loss = pass(f, g);
        for (int k = 0; k < N_X; k++) {
            double w = f->weights[k] / f->scale[k];
            g[k] += DECAY * w;
            m[k] = 0.9 * m[k] + 0.1 * g[k];
            v[k] = 0.99 * v[k] + 0.01 * g[k] * g[k];
            w -= RATE * (m[k] / (1 - pow(0.9, step))) / (sqrt(v[k] / (1 - pow(0.99, step))) + 1e-8);
            f->weights[k] = w * f->scale[k];
        }
    }
    printf("loss %.4f\n", loss);
}

int main(int argc, char **argv)
{
    static struct fit f;
    const char *dir = "../shared/data";
    size_t n_others = 20000;
    struct qa_pool pool;
    int option;
    while ((option = getopt(argc, argv, "n:d:")) != -1) {
        if (option == 'n')
            n_others = strtoul(optarg, NULL, 10);
        if (option == 'd')
            dir = optarg;
    }
    if (!qa_pool_load(&pool, dir))
        return 77;
    for (int i = optind; i < argc && f.n_sets < 32; i++) {
        char path[512];
        struct qa_set set;
        bool is_xquad = strlen(argv[i]) == 2;
        snprintf(path, sizeof path, "%s/qa-retrieval/%s/train.jsonl.xz", dir, argv[i]);
        if (is_xquad ? qa_load_xquad(&set, dir, argv[i]) : qa_load_lines(&set, path)) {
            const char *lang = is_xquad                         ? argv[i]
                               : strcmp(argv[i], "arcd") == 0   ? "ar"
                               : strstr(argv[i], "cmrc")        ? "zh"
                               : strcmp(argv[i], "jsquad") == 0 ? "ja"
                                                                : "en";
            qa_add_others(&set, &pool, lang, n_others);
            f.names[f.n_sets++] = argv[i];
            take_set(&f, &set);
        }
        qa_free(&set);
    }
    report(&f, true);
    learn(&f);
    report(&f, false);
    for (int k = 0; k < N_X; k++)
        printf("%s feature %d: %8.3f  (spread %.3f)\n", k < WF_FEATURE_COUNT ? "words" : "pairs",
               k % WF_FEATURE_COUNT, f.weights[k], f.weights[k] / f.scale[k]);
    return 0;
}
