/* SPDX-License-Identifier: Apache-2.0 */
/* Two logistic regressions by stochastic gradients with a rate for each weight (AdaGrad) and a
 * penalty of squared weights, four passes; longer ones learn the questions by heart. Then weights
 * become bytes. */
#include "train/hardness.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "train/lines.h"
#include "train/shuffle.h"

#define PASSES 4u
#define RATE 0.05f
#define PENALTY 0.01f
#define SOFTEN 1e-3f /* under the root of a weight's rate: rare features do not jump */
#define SEED 11u

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to fit how hard requests are.");
}

/* ---- reading ---- */

void wf_hardness_questions_deinit(struct wf_hardness_questions *q)
{
    wf_free(q->items);
    *q = (struct wf_hardness_questions){.n = 0};
}

/* The number of a set; SIZE_MAX: there are too many, or its name is too long. */
static size_t set_of(struct wf_hardness_questions *q, const char *name)
{
    size_t i = 0, n = strlen(name);

    while (i < q->n_sets && strcmp(q->sets[i], name) != 0)
        i++;
    if (i < q->n_sets)
        return i;
    if (i == WF_HARDNESS_SETS_MAX || n >= WF_HARDNESS_NAME_BYTES)
        return SIZE_MAX;
    memcpy(q->sets[q->n_sets++], name, n + 1);
    return i;
}

static int add(struct wf_hardness_questions *q, const json_t *line, const struct wf_lines *l,
               struct wf_err *err)
{
    const char *set = json_string_value(json_object_get(line, "set"));
    const char *subject = json_string_value(json_object_get(line, "subject"));
    const char *prompt = json_string_value(json_object_get(line, "prompt"));
    const json_t *small = json_object_get(line, "weak"), *large = json_object_get(line, "strong");
    struct wf_hardness_question *x;
    size_t i_set;

    if (set == NULL || subject == NULL || prompt == NULL || !json_is_boolean(small) ||
        !json_is_boolean(large))
        return wf_lines_fail(l, WF_E_FORMAT, err,
                             "set, subject, prompt, weak or strong is missing");
    i_set = set_of(q, set);
    if (i_set == SIZE_MAX)
        return wf_lines_fail(l, WF_E_LIMIT, err, "too many sets");
    if (q->n == q->_cap) {
        size_t cap = q->_cap > 0 ? 2 * q->_cap : 1024;
        x = wf_realloc_array(q->items, cap, sizeof(*x));
        if (x == NULL)
            return no_memory(err);
        q->items = x;
        q->_cap = cap;
    }
    x = &q->items[q->n++];
    memset(x, 0, sizeof(*x));
    wf_hardness_features(wf_str_from(prompt), &x->features);
    x->right[WF_HARDNESS_SMALL] = json_is_true(small);
    x->right[WF_HARDNESS_LARGE] = json_is_true(large);
    x->set = (uint8_t)i_set;
    x->fold = (uint8_t)(wf_str_hash(wf_str_from(prompt), SEED) % WF_HARDNESS_FOLDS);
    x->subject_fold = (uint8_t)(wf_str_hash(wf_str_from(subject), SEED) % WF_HARDNESS_FOLDS);
    return 0;
}

int wf_hardness_questions_read(const char *path, struct wf_hardness_questions *out,
                               struct wf_err *err)
{
    struct wf_lines *l = NULL;
    struct wf_str line;
    bool is_end = false;
    int rc;

    *out = (struct wf_hardness_questions){.n = 0};
    rc = wf_lines_open(path, &l, err);
    while (rc == 0 && (rc = wf_lines_next(l, &line, &is_end, err)) == 0 && !is_end) {
        json_t *v = json_loadb(line.len > 0 ? line.ptr : "", line.len, 0, NULL);
        rc =
            v != NULL ? add(out, v, l, err) : wf_lines_fail(l, WF_E_FORMAT, err, "this is no JSON");
        json_decref(v);
    }
    wf_lines_close(l);
    return rc;
}

/* ---- fitting ---- */

struct machine {
    float weights[WF_HARDNESS_ROWS], squares[WF_HARDNESS_ROWS];
    float bias;
};

/* The log odds; and each feature's value, by group. */
static float score(const struct machine *m, const struct wf_hardness_features *f,
                   float values[WF_HARDNESS_GROUPS])
{
    float all = m->bias;
    size_t from = 0;

    for (size_t g = 0; g < WF_HARDNESS_GROUPS; from = f->ends[g++]) {
        float sum = 0;
        values[g] = f->ends[g] > from ? 1.0f / sqrtf((float)(f->ends[g] - from)) : 0.0f;
        for (size_t i = from; i < f->ends[g]; i++)
            sum += m->weights[f->items[i]];
        all += sum * values[g];
    }
    return all;
}

static void step(struct machine *m, const struct wf_hardness_features *f, bool right, float rate)
{
    float values[WF_HARDNESS_GROUPS];
    float off = 1.0f / (1.0f + expf(-score(m, f, values))) - (right ? 1.0f : 0.0f);
    size_t from = 0;

    m->bias -= 0.1f * rate * off;
    for (size_t g = 0; g < WF_HARDNESS_GROUPS; from = f->ends[g++]) {
        for (size_t i = from; i < f->ends[g]; i++) {
            size_t row = f->items[i];
            float slope = off * values[g] + PENALTY * m->weights[row];
            m->squares[row] += slope * slope;
            m->weights[row] -= rate * slope / sqrtf(m->squares[row] + SOFTEN);
        }
    }
}

static void put_u32(char *p, uint32_t v)
{
    for (size_t i = 0; i < 4; i++)
        p[i] = (char)(v >> 8 * i);
}

static void put_f32(char *p, float v)
{
    uint32_t bits;

    memcpy(&bits, &v, sizeof(bits));
    put_u32(p, bits);
}

/* One output's part of the table. */
static void pack(const struct machine *m, size_t k, char *out)
{
    float most = 0, scale;

    for (size_t i = 0; i < WF_HARDNESS_ROWS; i++)
        most = fmaxf(most, fabsf(m->weights[i]));
    scale = most > 0 ? most / 127.0f : 1.0f;
    put_f32(out + 12 + 4 * k, scale);
    put_f32(out + 20 + 4 * k, m->bias);
    for (size_t i = 0; i < WF_HARDNESS_ROWS; i++)
        out[28 + k * WF_HARDNESS_ROWS + i] = (char)lrintf(m->weights[i] / scale);
}

int wf_hardness_fit(const struct wf_hardness_questions *q, unsigned aside, bool by_subject,
                    char *out, struct wf_err *err)
{
    struct machine *m = wf_alloc_array(1, sizeof(*m));

    if (m == NULL)
        return no_memory(err);
    memcpy(out, "WFHARD01", 8);
    put_u32(out + 8, WF_HARDNESS_ROWS);
    for (size_t k = 0; k < WF_HARDNESS_OUTPUTS; k++) {
        memset(m, 0, sizeof(*m));
        for (unsigned p = 0; p < PASSES; p++) {
            for (size_t i = 0; i < q->n; i++) {
                const struct wf_hardness_question *x = &q->items[wf_shuffle_at(SEED + p, q->n, i)];
                if ((by_subject ? x->subject_fold : x->fold) != aside)
                    step(m, &x->features, x->right[k], RATE / (float)(1 + p));
            }
        }
        pack(m, k, out);
    }
    wf_free(m);
    return 0;
}

/* ---- measuring ---- */

static double share(float odds)
{
    return 1.0 / (1.0 + exp(-(double)odds));
}

int wf_hardness_fold_odds(const struct wf_hardness_questions *q, bool by_subject, float *out_odds,
                          struct wf_err *err)
{
    char *table = wf_alloc(WF_HARDNESS_TABLE_BYTES);
    int rc = table == NULL ? no_memory(err) : 0;

    for (unsigned fold = 0; fold < WF_HARDNESS_FOLDS && rc == 0; fold++) {
        struct wf_hardness *h = NULL;
        rc = wf_hardness_fit(q, fold, by_subject, table, err);
        if (rc == 0)
            rc = wf_hardness_open(wf_str_n(table, WF_HARDNESS_TABLE_BYTES), &h, err);
        for (size_t i = 0; i < q->n && rc == 0; i++) {
            const struct wf_hardness_question *x = &q->items[i];
            if ((by_subject ? x->subject_fold : x->fold) == fold)
                wf_hardness_weigh(h, &x->features, out_odds + i * WF_HARDNESS_OUTPUTS);
        }
        wf_hardness_close(h);
    }
    wf_free(table);
    return rc;
}

int wf_hardness_fold_gains(const struct wf_hardness_questions *q, bool by_subject,
                           double *out_gains, struct wf_err *err)
{
    float *odds = wf_alloc_array(q->n + 1, WF_HARDNESS_OUTPUTS * sizeof(*odds));
    int rc = odds == NULL ? no_memory(err) : wf_hardness_fold_odds(q, by_subject, odds, err);

    for (size_t i = 0; rc == 0 && i < q->n; i++) {
        const float *o = odds + i * WF_HARDNESS_OUTPUTS;
        out_gains[i] = share(o[WF_HARDNESS_LARGE]) - share(o[WF_HARDNESS_SMALL]);
    }
    wf_free(odds);
    return rc;
}

struct ranked {
    double gain;
    int really; /* -1, 0, 1: what asking the large model changed */
};

static int by_gain(const void *a, const void *b)
{
    double x = ((const struct ranked *)a)->gain, y = ((const struct ranked *)b)->gain;

    return (x < y) - (x > y);
}

int wf_hardness_area(const struct wf_hardness_questions *q, size_t set, const double *gains,
                     double *out, struct wf_err *err)
{
    struct ranked *r = wf_alloc_array(q->n + 1, sizeof(*r));
    double all = 0, so_far = 0, area = 0;
    size_t n = 0;

    if (r == NULL)
        return no_memory(err);
    for (size_t i = 0; i < q->n; i++) {
        const bool *right = q->items[i].right;
        if (q->items[i].set != set)
            continue;
        r[n].gain = gains[i];
        r[n].really = (int)right[WF_HARDNESS_LARGE] - (int)right[WF_HARDNESS_SMALL];
        all += r[n++].really;
    }
    qsort(r, n, sizeof(*r), by_gain);
    for (size_t i = 0, to; i < n; i = to) {
        double sum = 0;
        for (to = i; to < n && r[to].gain >= r[i].gain; to++)
            sum += r[to].really;
        area += (double)(to - i) * (so_far + sum / 2);
        so_far += sum;
    }
    wf_free(r);
    if (all <= 0)
        return wf_err_set(err, WF_E_FORMAT, "The large model is no better than the small one.");
    *out = area / (double)n / all;
    return 0;
}
