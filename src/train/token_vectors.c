/* SPDX-License-Identifier: Apache-2.0 */
/* The job: sources of the task embed, steps, the table's share beside the encoder, and the file. */
#include "train/token_vectors.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "kern/dtype.h"
#include "model/lens.h"
#include "train/task_list.h"
#include "train/token_vectors_internal.h"

/* Of a batch: texts are short, so that pairs are what limits it. */
#define BATCH_TOKENS 220000u
#define BATCH_PAIRS 2048
#define RATE 0.03
/* What the exam's figures that count are: own language, across, western ones, sentences, news. */
#define N_SHARES 5

static const double shares[N_SHARES] = {0.5, 0.7, 1.0, 1.4, 2.0};

const char *wf_token_vectors_figure(size_t i)
{
    return i < WF_TASK_FIGURES_MAX ? wf_embed__figures[i].name : NULL;
}

struct work {
    const struct wf_token_vectors_job *job;
    struct wf_token_vectors_report *report;
    struct wf_lens *lens;
    struct wf_gguf *file; /* the same, to be copied */
    struct wf_embed *e;
    struct wf_token_vectors__table t;
    struct wf_lens_static_parts parts;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to fit vectors.");
}

/* ---- sources ---- */

static int open_task(struct work *w, struct wf_conf *conf, struct wf_err *err)
{
    const struct wf_conf_section *section = wf_conf_section(conf, "embed");
    struct wf_embed__settings *s;
    void *task = NULL;
    int rc;

    if (section == NULL || !wf_str_eq(section->kind, WF_STR("task")))
        return wf_err_set(err, WF_E_NOENT, "The experiment has no [task embed].");
    s = wf_alloc_array(1, sizeof(*s));
    if (s == NULL)
        return no_memory(err);
    rc = wf_conf_fill(conf, section, wf_task_embed.options, s, err);
    s->pairs = BATCH_PAIRS;
    const struct wf_task_place place = {
        .name = "embed",
        .data_dir = w->job->data_dir,
        .work_dir = w->job->data_dir,
        .vocab = wf_lens_vocab(w->lens),
        .params = wf_model_params(wf_lens_model(w->lens)),
        .n_tokens_max = WF_MAX(BATCH_TOKENS, 8 * (size_t)s->tokens),
        .n_text_max = wf_lens_window(w->lens),
        .seed = w->job->seed,
        .n_ranks = 1,
    };
    if (rc == 0)
        rc = wf_task_embed.open(&place, s, &task, err);
    w->e = task;
    wf_free(s);
    return rc;
}

/* ---- fitting ---- */

static int begin(struct work *w, struct wf_err *err)
{
    const struct wf_gguf_tensor *t = wf_gguf_tensor(w->file, "token_embd.weight");
    size_t n = w->t.n_tokens, dim = w->e->place.params->dim;
    double *counts = wf_alloc_array(n + 1, sizeof(*counts));
    float *rows = wf_alloc_array(n + 1, dim * sizeof(*rows));
    int rc = counts == NULL || rows == NULL ? no_memory(err) : 0;

    if (rc == 0 && (t == NULL || t->dims[0] != dim || t->dims[1] < n))
        rc = wf_err_set(err, WF_E_FORMAT, "The lens has no vectors of its tokens.");
    for (size_t i = 0; i < w->e->n_ids && rc == 0; i++)
        counts[w->e->ids[i]] += 1;
    if (rc == 0) {
        wf_dtype_by_id(t->type)->unpack(t->data, rows, n * dim);
        rc = wf_token_vectors__begin_rows(&w->t, rows, dim, counts, w->job->seed, err);
    }
    wf_free(counts);
    wf_free(rows);
    return rc;
}

static int learn(struct work *w, struct wf_err *err)
{
    uint64_t n_steps = w->report->n_steps, n_last = 0;
    struct wf_token_vectors__steps s;
    double sum = 0, loss = 0;
    size_t n = 0;
    int rc = wf_token_vectors__steps_init(&s, w->e, &w->t, w->job->seed, err);

    if (rc != 0)
        return rc;
    for (uint64_t i = 0; i < n_steps && rc == 0; i++) {
        double left = 1 - (double)i / (double)n_steps;
        if (i == n_steps / 2)
            wf_token_vectors__round(&w->t);
        rc = wf_token_vectors__step(&s, (float)(RATE * fmin(1, 2 * left)), &loss, &n, err);
        w->report->n_pairs += n;
        if (10 * left <= 1) {
            sum += loss;
            n_last++;
        }
        if (rc == 0 && w->job->on_step != NULL)
            w->job->on_step(w->job->ud, i + 1, n_steps, loss);
    }
    w->report->loss = n_last > 0 ? sum / (double)n_last : loss;
    wf_token_vectors__steps_deinit(&s);
    return rc;
}

/* ---- how much it counts ---- */

/* What is to be as large as possible: the mean of the figures that there are. */
static double worth(const double *figures)
{
    double sum = 0;
    size_t n = 0;

    for (size_t i = 0; wf_token_vectors_figure(i) != NULL; i++) {
        if (!isfinite(figures[i]))
            continue;
        sum += figures[i];
        n++;
    }
    return n > 0 ? sum / (double)n : 0;
}

static int choose(struct work *w, struct wf_err *err)
{
    struct wf_token_vectors_report *r = w->report;
    struct wf_token_vectors__exam *x = NULL;
    double figures[WF_TASK_FIGURES_MAX], best = -1;
    int rc = wf_token_vectors__exam_new(w->e, w->lens, w->file, &x, err);

    if (rc == 0)
        rc = wf_token_vectors__examine(x, &w->parts, WF_TOKEN_VECTORS__ENCODER, r->encoder, err);
    if (rc == 0)
        rc = wf_token_vectors__examine(x, &w->parts, WF_TOKEN_VECTORS__TABLE, r->table, err);
    for (size_t i = 0; i < N_SHARES && rc == 0; i++) {
        w->parts.share = (float)shares[i];
        rc = wf_token_vectors__examine(x, &w->parts, WF_TOKEN_VECTORS__BOTH, figures, err);
        if (rc != 0 || worth(figures) <= best)
            continue;
        best = worth(figures);
        r->share = shares[i];
        memcpy(r->both, figures, sizeof(r->both));
    }
    w->parts.share = (float)r->share;
    wf_token_vectors__exam_free(x);
    return rc;
}

/* ---- the job ---- */

static int fit(struct work *w, struct wf_conf *conf, struct wf_err *err)
{
    size_t width = w->job->width > 0 ? w->job->width : WF_TOKEN_VECTORS_WIDTH;
    unsigned bits = w->job->bits > 0 ? w->job->bits : WF_TOKEN_VECTORS_BITS;
    int rc;

    if (width % 8 != 0 || width > WF_LENS_STATIC_WIDTH_MAX || bits > 2)
        return wf_err_set(err, WF_E_INVAL,
                          "Rows are a multiple of 8 values, at most %u, of one or two bits.",
                          WF_LENS_STATIC_WIDTH_MAX);
    rc = open_task(w, conf, err);
    if (rc == 0)
        rc = wf_token_vectors__table_init(&w->t, wf_vocab_size(wf_lens_vocab(w->lens)), width, bits,
                                          err);
    if (rc == 0)
        rc = begin(w, err);
    if (rc == 0)
        rc = learn(w, err);
    if (rc == 0)
        rc = wf_token_vectors__pack(&w->t, 1.0f, &w->parts, err);
    if (rc != 0)
        return rc;
    w->report->bytes = w->parts.codes.len + w->parts.n_tokens * sizeof(uint16_t);
    rc = choose(w, err);
    return rc == 0 && w->job->out != NULL
               ? wf_token_vectors__write(w->file, &w->parts, w->job->out, err)
               : rc;
}

int wf_token_vectors_fit(struct wf_conf *conf, const struct wf_token_vectors_job *job,
                         struct wf_token_vectors_report *out, struct wf_err *err)
{
    struct work w = {.job = job, .report = out};
    int rc = wf_lens_open(job->into, &w.lens, err);

    *out = (struct wf_token_vectors_report){.n_steps = job->n_steps > 0 ? job->n_steps
                                                                        : WF_TOKEN_VECTORS_STEPS};
    if (rc == 0)
        rc = wf_gguf_open(job->into, &w.file, err);
    if (rc == 0)
        rc = fit(&w, conf, err);
    wf_token_vectors__unpack(&w.parts);
    wf_token_vectors__table_deinit(&w.t);
    wf_task_embed.close(w.e);
    wf_gguf_close(w.file);
    wf_lens_close(w.lens);
    return rc;
}
