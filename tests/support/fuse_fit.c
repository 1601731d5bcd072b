/* SPDX-License-Identifier: Apache-2.0 */
/* Fuse fit: Newton's method on the log-likelihood of the right candidate among all of its list. */
#include "support/fuse_fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define N (WF_FUSE_PARTS + 1) /* words are the last */
#define STEPS 25
#define GROUPS 64
/* A value that nothing reaches. */
#define NEVER 10.0

/* Pulls towards 0: the square of 1 / what is usual, beside 100 for each group. */
static const double ridges[WF_FUSE_PARTS] = {
    [WF_FUSE_SIMILARITY] = 0.01, [WF_FUSE_SIMILARITY_OPEN] = 0.01, [WF_FUSE_FIRST] = 1,
    [WF_FUSE_ANSWERS] = 4,       [WF_FUSE_ANSWERS_OPEN] = 4,       [WF_FUSE_SENTENCE] = 4,
    [WF_FUSE_SPAN] = 4};

struct fuse_fit_example *fuse_fit_add(struct fuse_fit *f)
{
    if (f->n == f->n_room) {
        f->n_room = f->n_room != 0 ? 2 * f->n_room : 256;
        f->examples = wf_realloc_array(f->examples, f->n_room, sizeof *f->examples);
        if (f->examples == NULL)
            exit(1);
    }
    f->examples[f->n] = (struct fuse_fit_example){.good = -1};
    return &f->examples[f->n++];
}

void fuse_fit_free(struct fuse_fit *f)
{
    wf_free(f->examples);
    *f = (struct fuse_fit){.examples = NULL};
}

static size_t n_parts(bool with_judge)
{
    return with_judge ? WF_FUSE_PARTS : WF_FUSE_ANSWERS;
}

static void parts_of(const struct fuse_fit_candidate *c, bool with_judge, double out[N])
{
    wf_fuse_parts(&c->c, out);
    for (size_t i = n_parts(with_judge); i < WF_FUSE_PARTS; i++)
        out[i] = 0;
    out[N - 1] = c->words;
}

static double dot(const double a[N], const double b[N])
{
    double sum = 0;
    for (size_t i = 0; i < N; i++)
        sum += a[i] * b[i];
    return sum;
}

/* x of a x = b, in place of b. The ridge keeps a regular. */
static void solve(double a[N][N], double b[N])
{
    for (size_t i = 0; i < N; i++) {
        for (size_t k = i + 1; k < N; k++) {
            double share = a[k][i] / a[i][i];
            for (size_t j = i; j < N; j++)
                a[k][j] -= share * a[i][j];
            b[k] -= share * b[i];
        }
    }
    for (size_t i = N; i-- > 0;) {
        for (size_t k = i + 1; k < N; k++)
            b[i] -= a[i][k] * b[k];
        b[i] /= a[i][i];
    }
}

/* Adds the gradient and the negative Hessian of one example. */
static void add_example(const struct fuse_fit_example *e, const double w[N], bool with_judge,
                        double weight, double g[N], double h[N][N])
{
    double x[FUSE_FIT_CANDIDATES][N], p[FUSE_FIT_CANDIDATES], mean[N] = {0}, most = -1e300, sum = 0;
    for (int c = 0; c < e->n; c++) {
        parts_of(&e->candidates[c], with_judge, x[c]);
        p[c] = dot(w, x[c]);
        most = fmax(most, p[c]);
    }
    for (int c = 0; c < e->n; c++)
        sum += p[c] = exp(p[c] - most);
    for (int c = 0; c < e->n; c++) {
        for (size_t i = 0; i < N; i++)
            mean[i] += (p[c] / sum) * x[c][i];
    }
    for (int c = 0; c < e->n; c++) {
        for (size_t i = 0; i < N; i++) {
            for (size_t k = 0; k < N; k++)
                h[i][k] += weight * (p[c] / sum) * (x[c][i] - mean[i]) * (x[c][k] - mean[k]);
        }
    }
    for (size_t i = 0; i < N; i++)
        g[i] += weight * (x[e->good][i] - mean[i]);
}

/* Every group counts alike: an example's weight. */
static void group_weights(const struct fuse_fit *f, unsigned halves, double out[GROUPS])
{
    double n[GROUPS] = {0};
    for (size_t i = 0; i < f->n; i++)
        n[f->examples[i].group % GROUPS] += (f->examples[i].half & halves) != 0;
    for (size_t i = 0; i < GROUPS; i++)
        out[i] = n[i] > 0 ? 100 / n[i] : 0;
}

/* Newton's steps; only parts with a bit in `which` are not 0. */
static void fit(const struct fuse_fit *f, unsigned halves, bool with_judge, uint32_t which,
                double w[N])
{
    double groups[GROUPS];
    group_weights(f, halves, groups);
    memset(w, 0, N * sizeof *w);
    w[N - 1] = 1;
    for (int step = 0; step < STEPS; step++) {
        double g[N] = {0}, h[N][N] = {{0}};
        for (size_t i = 0; i < f->n; i++) {
            const struct fuse_fit_example *e = &f->examples[i];
            if ((e->half & halves) != 0 && e->good >= 0)
                add_example(e, w, with_judge, groups[e->group % GROUPS], g, h);
        }
        for (size_t i = 0; i < WF_FUSE_PARTS; i++) {
            g[i] -= ridges[i] * w[i];
            h[i][i] += (which >> i & 1) != 0 ? ridges[i] : 1e12; /* stays where it is */
        }
        h[N - 1][N - 1] += 0.01;
        solve(h, g);
        for (size_t i = 0; i < N; i++)
            w[i] += step < 5 ? 0.5 * g[i] : g[i];
    }
}

static void fit_parts(const struct fuse_fit *f, unsigned halves, bool with_judge,
                      struct wf_fuse_weights *out)
{
    double w[N];
    uint32_t which = (1u << n_parts(with_judge)) - 1;
    for (bool again = true; again;) { /* what would be negative is left out, the worst first */
        size_t worst = 0;
        fit(f, halves, with_judge, which, w);
        for (size_t i = 0; i < WF_FUSE_PARTS; i++)
            worst = w[i] * sqrt(ridges[i]) < w[worst] * sqrt(ridges[worst]) ? i : worst;
        again = w[worst] < -1e-6;
        which &= again ? ~(1u << worst) : which;
    }
    /* what words give counts as it is */
    for (size_t i = 0; i < WF_FUSE_PARTS; i++)
        out->parts[i] = (which >> i & 1) != 0 ? w[i] / w[N - 1] : 0;
}

/* ---- alone ---- */

static double alone_value(const struct fuse_fit_candidate *c, double share, bool with_judge)
{
    return c->c.similarity + (with_judge ? share * (double)c->c.evidence.answers : 0);
}

/* The highest value of a question's candidates without a word: the right one's, others'. */
static void alone_best(const struct fuse_fit_example *e, double share, bool with_judge,
                       double *out_right, double *out_wrong)
{
    *out_right = *out_wrong = -1e9;
    for (int c = 0; c < e->n; c++) {
        const struct fuse_fit_candidate *x = &e->candidates[c];
        double value = alone_value(x, share, with_judge);
        if (x->is_alone && c == e->good)
            *out_right = value;
        if (x->is_alone && !x->is_about)
            *out_wrong = fmax(*out_wrong, value);
    }
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* The least value that lets through at most that share of questions with a wrong one; and the
 * questions whose right one passes. */
static double least_value(const struct fuse_fit *f, unsigned halves, double share, bool with_judge,
                          double most_wrong, double *out_n_right)
{
    double *wrong = wf_alloc_array(f->n + 1, sizeof *wrong), right = 0, least = 0;
    size_t n = 0;
    if (wrong == NULL)
        exit(1);
    for (size_t i = 0; i < f->n; i++) {
        if ((f->examples[i].half & halves) != 0)
            alone_best(&f->examples[i], share, with_judge, &right, &wrong[n++]);
    }
    qsort(wrong, n, sizeof *wrong, compare);
    least = n > 0 ? wrong[n - 1 - (size_t)(most_wrong * (double)(n - 1))] + 1e-6 : NEVER;
    if (least < -1) /* hardly any had a wrong one to be kept from: no knowledge */
        least = NEVER;
    *out_n_right = 0;
    for (size_t i = 0; i < f->n; i++) {
        double unused = 0;
        if ((f->examples[i].half & halves) == 0)
            continue;
        alone_best(&f->examples[i], share, with_judge, &right, &unused);
        *out_n_right += right >= least;
    }
    wf_free(wrong);
    return least;
}

static void fit_alone(const struct fuse_fit *f, unsigned halves, bool with_judge, double most_wrong,
                      struct wf_fuse_weights *io)
{
    static const double shares[] = {0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12};
    double best = -1, n_right = 0;
    io->alone_least = least_value(f, halves, 0, false, most_wrong, &n_right);
    for (size_t i = 0; with_judge && i < WF_ARRAY_LEN(shares); i++) {
        double least = least_value(f, halves, shares[i], true, most_wrong, &n_right);
        if (n_right > best) {
            best = n_right;
            io->alone_similarity = 1;
            io->alone_answers = shares[i];
            io->alone = -least;
        }
    }
}

void fuse_fit_weights(const struct fuse_fit *f, unsigned halves, bool with_judge, double most_wrong,
                      struct wf_fuse_weights *out)
{
    *out = wf_fuse_defaults;
    fit_parts(f, halves, with_judge, out);
    fit_alone(f, halves, with_judge, most_wrong, out);
}

/* ---- telling ---- */

static double value_of(const struct wf_fuse_weights *w, const struct fuse_fit_candidate *c,
                       bool with_judge)
{
    double parts[N], sum = c->words;
    parts_of(c, with_judge, parts);
    for (size_t i = 0; i < WF_FUSE_PARTS; i++)
        sum += w->parts[i] * parts[i];
    return sum;
}

static int rank_of(const struct fuse_fit_example *e, const struct wf_fuse_weights *w,
                   bool with_judge)
{
    int rank = 0;
    if (e->good < 0)
        return 1000;
    const struct fuse_fit_candidate *good = &e->candidates[e->good];
    if (w == NULL && good->is_alone)
        return 1000;
    for (int c = 0; c < e->n; c++) {
        const struct fuse_fit_candidate *x = &e->candidates[c];
        rank +=
            c != e->good && (w != NULL ? value_of(w, x, with_judge) > value_of(w, good, with_judge)
                                       : x->words > good->words);
    }
    return rank;
}

/* Sums over the examples of one group. */
struct sums {
    double n, words, both, words_5, both_5;
};

/* Is the right one, or one of another article, shown for its vector alone? */
static void count_alone(const struct fuse_fit_example *e, const struct wf_fuse_weights *w,
                        bool with_judge, struct fuse_fit_recall *io)
{
    bool shows_right = false, shows_wrong = false;
    for (int c = 0; c < e->n; c++) {
        struct wf_fuse_case x = e->candidates[c].c;
        x.is_judged &= with_judge;
        bool is_shown = e->candidates[c].is_alone && wf_fuse_is_worth(w, &x);
        shows_right |= is_shown && c == e->good;
        shows_wrong |= is_shown && !e->candidates[c].is_about;
    }
    io->n++;
    io->alone_right += shows_right;
    io->alone_wrong += shows_wrong;
}

/* Adds the examples of these halves. */
static void add_sums(const struct fuse_fit *f, const struct wf_fuse_weights *w, unsigned halves,
                     bool with_judge, bool is_across, struct sums io[GROUPS],
                     struct fuse_fit_recall *io_alone)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct fuse_fit_example *e = &f->examples[i];
        struct sums *s = &io[e->group % GROUPS];
        if ((e->half & halves) == 0 || e->is_across != is_across)
            continue;
        int by_words = rank_of(e, NULL, with_judge), by_both = rank_of(e, w, with_judge);
        s->n++;
        s->words += by_words < 1;
        s->both += by_both < 1;
        s->words_5 += by_words < 5;
        s->both_5 += by_both < 5;
        count_alone(e, w, with_judge, io_alone);
    }
}

/* The average over groups. */
static void average(const struct sums s[GROUPS], struct fuse_fit_recall *io)
{
    double n = 0, *out[] = {&io->words, &io->both, &io->words_5, &io->both_5};
    for (size_t g = 0; g < GROUPS; g++) {
        const double sums[] = {s[g].words, s[g].both, s[g].words_5, s[g].both_5};
        n += s[g].n > 0;
        for (size_t k = 0; k < WF_ARRAY_LEN(out) && s[g].n > 0; k++)
            *out[k] += sums[k] / s[g].n;
    }
    for (size_t k = 0; k < WF_ARRAY_LEN(out); k++)
        *out[k] /= fmax(n, 1);
    io->alone_right /= fmax(io->n, 1);
    io->alone_wrong /= fmax(io->n, 1);
}

struct fuse_fit_recall fuse_fit_recall(const struct fuse_fit *f, const struct wf_fuse_weights *w,
                                       unsigned halves, bool with_judge, bool is_across)
{
    struct sums s[GROUPS] = {{0}};
    struct fuse_fit_recall r = {0};
    add_sums(f, w, halves, with_judge, is_across, s, &r);
    average(s, &r);
    return r;
}

struct fuse_fit_recall fuse_fit_by_halves(const struct fuse_fit *f, bool with_judge,
                                          double most_wrong, bool is_across)
{
    struct sums s[GROUPS] = {{0}};
    struct fuse_fit_recall r = {0};
    for (unsigned half = 1; half <= 2; half++) {
        struct wf_fuse_weights w;
        fuse_fit_weights(f, FUSE_FIT_ALL - half, with_judge, most_wrong, &w);
        add_sums(f, &w, half, with_judge, is_across, s, &r);
    }
    average(s, &r);
    return r;
}

void fuse_fit_print_weights(const struct wf_fuse_weights *w)
{
    struct wf_fuse_weights copy = *w;
    for (size_t i = 0; wf_fuse_weight_name(i) != NULL; i++)
        printf("%s%s %.4g", i > 0 ? ", " : "", wf_fuse_weight_name(i),
               *wf_fuse_weight_at(&copy, i));
    printf("\n");
}

void fuse_fit_print(const char *name, const struct fuse_fit_recall *r)
{
    printf("  %-18s at 1 and 5: words %.3f %.3f, both %.3f %.3f; without a word: right %.3f,"
           " wrong %.3f; %.0f questions\n",
           name, r->words, r->words_5, r->both, r->both_5, r->alone_right, r->alone_wrong, r->n);
}
