/* SPDX-License-Identifier: Apache-2.0 */
/* From an experiment's sections to tables in a lens file. The settings are those of the task
 * `intent` (train/task_intent.c), which has the two of the linear judge in its table as well. */
#include "train/linear_fit.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "train/linear_write.h"

struct settings {
    char sources[WF_CONF_VALUE_BYTES];
    char outside[WF_CONF_NAME_BYTES];
    int64_t copies, linear;
    double recall, cost;
};

#define FIELD(f) offsetof(struct settings, f)

static const struct wf_conf_option options[] = {
    {.name = "sources",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(sources),
     .text_bytes = WF_CONF_VALUE_BYTES},
    {.name = "outside",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(outside),
     .text_bytes = WF_CONF_NAME_BYTES,
     .fallback = "oos"},
    {.name = "copies",
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(copies),
     .fallback = "12",
     .min = 1,
     .max = 1000},
    {.name = "recall", .kind = WF_CONF_REAL, .offset = FIELD(recall), .fallback = "0.78", .max = 1},
    {.name = "linear",
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(linear),
     .fallback = "0",
     .max = 1 << 20},
    {.name = "linear_cost",
     .kind = WF_CONF_REAL,
     .offset = FIELD(cost),
     .fallback = "1",
     .min = 1e-3,
     .max = 1e3},
    {.name = NULL},
};

struct work {
    struct wf_conf *conf;
    const struct wf_linear_job *job;
    struct wf_lens *lens;
    struct wf_gguf *gguf; /* the same file, to be copied */
    struct wf_linear_set *sets[WF_LINEAR_SETS_MAX];
    struct wf_linear_judged judged[WF_LINEAR_SETS_MAX];
    char names[WF_LINEAR_SETS_MAX][WF_CONF_NAME_BYTES];
    size_t n;
};

/* Labels in the order of the head, where the file has one. */
static int order_labels(const struct wf_lens *lens, const char *name, struct wf_linear_set *s,
                        struct wf_err *err)
{
    struct wf_str labels[WF_LENS_LINEAR_LABELS_MAX];
    size_t n = wf_lens_n_labels(lens, WF_LENS_INTENT, name);

    if (n == 0 || !wf_lens_has_intent_head(lens, name))
        return 0;
    for (size_t i = 0; i < n && i < WF_LENS_LINEAR_LABELS_MAX; i++)
        labels[i] = wf_lens_label(lens, WF_LENS_INTENT, name, i);
    return wf_linear_set_order(s, labels, WF_MIN(n, WF_LENS_LINEAR_LABELS_MAX), err);
}

static int judge_set(struct work *w, const struct settings *o, struct wf_linear_set *s,
                     struct wf_linear_opinions *both, struct wf_err *err)
{
    struct wf_linear_judged *j = &w->judged[w->n];
    struct wf_linear_report r = {.name = j->name, .n_labels = wf_linear_set_n_labels(s)};
    const struct wf_lens_linear_parts *p;
    int rc;

    r.whole = wf_linear_measure(both, WF_LINEAR_TABLE, o->recall);
    rc = wf_linear_set_prune(s, (size_t)o->linear, err);
    if (rc == 0)
        rc = wf_linear_set_pack(s, err);
    if (rc != 0)
        return rc;
    wf_linear_opinions_again(both, s);
    r.has_encoder = wf_linear_opinions_has_encoder(both);
    r.linear = wf_linear_measure(both, WF_LINEAR_TABLE, o->recall);
    r.scales = wf_linear_choose(both, r.has_encoder ? WF_LINEAR_BOTH : WF_LINEAR_TABLE, o->recall);
    if (r.has_encoder) {
        r.encoder = wf_linear_measure(both, WF_LINEAR_ENCODER, o->recall);
        r.both = wf_linear_measure(both, WF_LINEAR_BOTH, o->recall);
    }
    p = wf_linear_set_parts(s);
    r.n_entries = p->n_entries;
    r.bytes = p->grams.len + p->weights.len;
    j->scales = r.scales;
    if (r.scales.outside > 0 && r.scales.linear > 0)
        wf_linear_set_shift(s, (size_t)wf_linear_set_outside(s),
                            (float)(r.scales.outside / r.scales.linear));
    return w->job->on_set != NULL ? w->job->on_set(w->job->ud, &r) : 0;
}

static int fit_set(struct work *w, const struct settings *o, struct wf_err *err)
{
    const struct wf_intent_sources sources = {.list = o->sources,
                                              .data_dir = w->job->data_dir,
                                              .outside = o->outside,
                                              .copies = o->copies};
    struct wf_linear_opinions *both = NULL;
    struct wf_linear_set *s = NULL;
    const char *name = w->judged[w->n].name;
    int rc = wf_linear_set_read(&sources, &s, err);

    if (rc == 0)
        rc = order_labels(w->lens, name, s, err);
    if (rc == 0)
        rc = wf_linear_set_fit(s, o->cost, err);
    if (rc == 0)
        rc = wf_linear_opinions_new(s, w->lens, name, &both, err);
    if (rc == 0)
        rc = judge_set(w, o, s, both, err);
    wf_linear_opinions_free(both);
    w->sets[w->n] = s;
    w->judged[w->n].set = s;
    w->n += rc == 0;
    if (rc != 0) {
        wf_linear_set_free(s);
        wf_err_prefix(err, "%s", name);
    }
    return rc;
}

static int fit_sections(struct work *w, struct wf_err *err)
{
    struct settings *o = wf_alloc_array(1, sizeof(*o));
    int rc = o == NULL ? wf_err_set(err, WF_E_NOMEM, "Not enough memory.") : 0;

    for (size_t i = 0; i < wf_conf_n_sections(w->conf) && rc == 0; i++) {
        const struct wf_conf_section *s = wf_conf_section_at(w->conf, i);
        if (!wf_str_eq(s->kind, WF_STR("task")) || !wf_str_eq(s->of, WF_STR("intent")))
            continue;
        rc = wf_conf_fill(w->conf, s, options, o, err);
        if (rc != 0 || o->linear == 0)
            continue;
        if (w->n == WF_LINEAR_SETS_MAX) {
            rc = wf_err_set(err, WF_E_LIMIT, "More than %d sets of intents.", WF_LINEAR_SETS_MAX);
            break;
        }
        (void)snprintf(w->names[w->n], sizeof(w->names[0]), "%.*s", WF_STR_ARG(s->name));
        w->judged[w->n].name = w->names[w->n];
        rc = fit_set(w, o, err);
    }
    if (rc == 0 && w->n == 0)
        rc = wf_err_set(err, WF_E_NOENT,
                        "The experiment has no [task intent SET] with linear weights.");
    wf_free(o);
    return rc;
}

int wf_linear_fit_all(struct wf_conf *conf, const struct wf_linear_job *job, struct wf_err *err)
{
    struct work w = {.conf = conf, .job = job};
    int rc = wf_lens_open(job->into, &w.lens, err);

    if (rc == 0)
        rc = fit_sections(&w, err);
    if (rc == 0 && job->out != NULL)
        rc = wf_gguf_open(job->into, &w.gguf, err);
    if (rc == 0 && job->out != NULL)
        rc = wf_linear_write(w.gguf, w.judged, w.n, job->out, err);
    for (size_t i = 0; i < w.n; i++)
        wf_linear_set_free(w.sets[i]);
    wf_lens_close(w.lens);
    wf_gguf_close(w.gguf);
    return rc;
}
