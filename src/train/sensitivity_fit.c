/* SPDX-License-Identifier: Apache-2.0 */
/* One machine a label against the rest, over the grams that requests have; a text of which a label
 * is not known is left out of that label's. Texts are pieces, as lens sees them. */
#include "train/sensitivity_fit.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/lens.h"
#include "train/linear_internal.h"
#include "train/linear_write.h"
#include "train/sensitivity_mix.h"

#define LINE_BYTES 192u
#define SEED 6
#define COST_UNKNOWN 1e-6f /* as good as none */

struct settings {
    char sources[WF_CONF_VALUE_BYTES], labels[512], keywords[512];
    int64_t copies, linear;
    double recall, cost, positive;
};

#define FIELD(f) offsetof(struct settings, f)

static const struct wf_conf_option options[] = {
    {.name = "sources",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(sources),
     .text_bytes = WF_CONF_VALUE_BYTES},
    {.name = "labels", .kind = WF_CONF_TEXT, .offset = FIELD(labels), .text_bytes = 512},
    {.name = "keywords",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(keywords),
     .text_bytes = 512,
     .fallback = ""},
    {.name = "copies",
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(copies),
     .fallback = "12",
     .min = 1,
     .max = 1000},
    {.name = "recall", .kind = WF_CONF_REAL, .offset = FIELD(recall), .fallback = "0.95", .max = 1},
    {.name = "positive",
     .kind = WF_CONF_REAL,
     .offset = FIELD(positive),
     .fallback = "2",
     .min = 0.1,
     .max = 100},
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

struct item {
    uint32_t has, unknown, words;
};

struct work {
    const struct wf_sensitivity_job *job;
    struct settings s;
    struct wf_sensitivity_labels labels;
    struct wf_linear_set *set;
    struct item *items; /* [set->n_texts] */
    size_t cap;
    struct wf_lens *lens;
    /* of what is kept aside */
    size_t n_kept;
    uint32_t *has, *unknown, *words;
    uint8_t *halves;
    float *encoder, *linear;
    struct wf_sensitivity_opinions o;
    struct wf_sensitivity_mix mix;
    char lines[WF_SENSITIVITY_LABELS_MAX][LINE_BYTES];
    const char *table[WF_SENSITIVITY_LABELS_MAX];
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to fit a linear judge.");
}

/* ---- reading ---- */

static int add_piece(struct work *w, const struct wf_sensitivity_text *t, struct wf_str piece,
                     struct wf_err *err)
{
    struct wf_linear_text x = {
        .text = piece, .weight = (float)t->weight, .is_dev = t->is_dev, .half = t->half};

    if (w->set->n_texts == w->cap) {
        size_t cap = w->cap > 0 ? 2 * w->cap : 4096;
        struct item *p = wf_realloc_array(w->items, cap, sizeof(*p));
        if (p == NULL)
            return no_memory(err);
        w->items = p;
        w->cap = cap;
    }
    w->items[w->set->n_texts] = (struct item){
        t->has, t->unknown, t->is_dev ? wf_sensitivity_by_words(&w->labels, piece) : 0};
    return wf_linear__add(w->set, &x, err);
}

static int take(void *ud, const struct wf_sensitivity_text *t, struct wf_err *err)
{
    size_t i = 0;
    int rc = 0;

    for (size_t from = 0, to; from < t->text.len && rc == 0; from = to, i++) {
        to = wf_lens_piece(t->text, from);
        if (i > 0 && to - from < WF_LENS_PIECE_BYTES / 4)
            break; /* a rest says too little */
        if (wf_sensitivity_takes(t, i))
            rc = add_piece(ud, t, wf_str_trim(wf_str_sub(t->text, from, to)), err);
    }
    return rc;
}

static int read_texts(struct work *w, struct wf_err *err)
{
    const struct wf_sensitivity_sources sources = {.labels = &w->labels,
                                                   .list = w->s.sources,
                                                   .data_dir = w->job->data_dir,
                                                   .copies = w->s.copies};
    int rc = wf_sensitivity_labels_init(&w->labels, w->s.labels, w->s.keywords, err);

    if (rc == 0)
        rc = wf_linear__new(&w->set, err);
    if (rc == 0)
        rc = wf_sensitivity_read(&sources, take, w, err);
    if (rc == 0)
        rc = wf_linear__number_grams(w->set, err);
    if (rc == 0)
        rc = wf_linear__make_rows(w->set, err);
    if (rc == 0) {
        wf_linear__scale_rows(w->set);
        w->set->n_labels = w->labels.n;
        rc = wf_linear_init(&w->set->machine, w->set->n_features, w->labels.n, err);
    }
    return rc;
}

/* ---- fitting ---- */

/* Each label by itself: the texts that have it are label 0. */
static int fit(struct work *w, struct wf_err *err)
{
    struct wf_linear_set *s = w->set;
    size_t nf = s->n_features;
    int rc = 0;

    s->rows.n_labels = 1;
    for (size_t k = 0; k < w->labels.n && rc == 0; k++) {
        struct wf_linear_machine one = {.weights = s->machine.weights + k * nf,
                                        .biases = &s->machine.biases[k],
                                        .keep = s->machine.keep,
                                        .n_features = nf,
                                        .n_labels = 1};
        size_t row = 0;
        if (one.keep != NULL)
            one.keep += k * nf;
        for (size_t i = 0; i < s->n_texts; i++) {
            bool there = w->items[i].has >> k & 1;
            if (s->texts[i].is_dev)
                continue;
            s->targets[row] = there ? 0 : -1;
            s->costs[row++] =
                (w->items[i].unknown >> k & 1) != 0
                    ? COST_UNKNOWN
                    : s->texts[i].weight * (float)(w->s.cost * (there ? w->s.positive : 1));
        }
        rc = wf_linear_fit(&one, &s->rows, SEED + k, err);
    }
    return rc;
}

/* What the encoder says of a piece: the most of any window. */
static int ask_encoder(struct work *w, struct wf_runner *r, struct wf_str text, float *out,
                       struct wf_err *err)
{
    const struct wf_lens_ask ask = {.tasks = WF_LENS_SENSITIVITY, .text = text};
    int32_t *ids = wf_alloc_array(wf_lens_window(w->lens), sizeof(*ids));
    struct wf_lens_job *j = NULL;
    int rc = ids == NULL ? no_memory(err) : wf_lens_job_new(w->lens, &ask, &j, err);

    for (size_t i = 0; rc == 0 && i < wf_lens_job_n_windows(j); i++) {
        uint32_t starts[2] = {0, (uint32_t)wf_lens_job_window(j, i, ids)};
        const float *hidden;
        rc = wf_runner_encode(r, ids, starts, 1, &hidden, err);
        if (rc == 0)
            wf_lens_job_take(j, i, hidden);
        for (size_t k = 0; rc == 0 && k < w->labels.n; k++) {
            float x = wf_lens_job_labels(j)[i * w->labels.n + k];
            out[k] = i == 0 || x > out[k] ? x : out[k];
        }
    }
    wf_lens_job_free(j);
    wf_free(ids);
    return rc;
}

/* The labels must be the head's, in its order. */
static int check_labels(const struct work *w, struct wf_err *err)
{
    size_t n = wf_lens_n_labels(w->lens, WF_LENS_SENSITIVITY, NULL);

    for (size_t k = 0; k < w->labels.n; k++) {
        if (n != w->labels.n || !wf_str_eq(wf_lens_label(w->lens, WF_LENS_SENSITIVITY, NULL, k),
                                           wf_str_from(w->labels.names[k])))
            return wf_err_set(err, WF_E_FORMAT, "The labels of the sources are not the head's: %s.",
                              w->labels.names[k]);
    }
    return 0;
}

static int ask_encoder_all(struct work *w, struct wf_err *err)
{
    const struct wf_runner_options o = {.n_threads = 1,
                                        .n_context = wf_lens_window(w->lens),
                                        .n_batch = wf_lens_window(w->lens),
                                        .act = WF_ACT_Q8};
    struct wf_runner *r = NULL;
    size_t at = 0;
    int rc;

    if (!wf_lens_has_sensitivity_head(w->lens))
        return 0;
    rc = check_labels(w, err);
    if (rc == 0)
        rc = wf_runner_new(wf_lens_model(w->lens), &o, &r, err);
    for (size_t i = 0; i < w->set->n_texts && rc == 0; i++) {
        if (w->set->texts[i].is_dev)
            rc = ask_encoder(w, r, w->set->texts[i].text, w->encoder + at++ * w->labels.n, err);
    }
    wf_runner_free(r);
    w->o.encoder = rc == 0 ? w->encoder : NULL;
    return rc;
}

static void ask_linear(struct work *w)
{
    size_t at = 0;

    for (size_t i = 0; i < w->set->n_texts; i++) {
        if (w->set->texts[i].is_dev)
            wf_linear_set_score(w->set, w->set->texts[i].text, w->linear + at++ * w->labels.n);
    }
}

static int make_opinions(struct work *w, struct wf_err *err)
{
    size_t n = 0;

    for (size_t i = 0; i < w->set->n_texts; i++)
        n += w->set->texts[i].is_dev;
    w->n_kept = n;
    w->has = wf_alloc_array(n + 1, sizeof(*w->has));
    w->unknown = wf_alloc_array(n + 1, sizeof(*w->unknown));
    w->words = wf_alloc_array(n + 1, sizeof(*w->words));
    w->halves = wf_alloc_array(n + 1, 1);
    w->encoder = wf_alloc_array(n + 1, w->labels.n * sizeof(*w->encoder));
    w->linear = wf_alloc_array(n + 1, w->labels.n * sizeof(*w->linear));
    if (w->has == NULL || w->unknown == NULL || w->words == NULL || w->halves == NULL ||
        w->encoder == NULL || w->linear == NULL)
        return no_memory(err);
    n = 0;
    for (size_t i = 0; i < w->set->n_texts; i++) {
        if (!w->set->texts[i].is_dev)
            continue;
        w->has[n] = w->items[i].has;
        w->unknown[n] = w->items[i].unknown;
        w->words[n] = w->items[i].words;
        w->halves[n++] = w->set->texts[i].half;
    }
    w->o = (struct wf_sensitivity_opinions){.n = n,
                                            .n_labels = w->labels.n,
                                            .has = w->has,
                                            .unknown = w->unknown,
                                            .words = w->words,
                                            .halves = w->halves,
                                            .linear = w->linear,
                                            .recall = w->s.recall};
    return 0;
}

static struct wf_sensitivity_figures measure(struct work *w, bool encoder, bool linear)
{
    return wf_sensitivity_mix_measure(&w->o, encoder, linear, w->labels.names, w->lines[0],
                                      LINE_BYTES);
}

static int fit_and_measure(struct work *w, struct wf_sensitivity_report *r, struct wf_err *err)
{
    int rc = fit(w, err);

    if (rc == 0)
        rc = make_opinions(w, err);
    if (rc != 0)
        return rc;
    ask_linear(w);
    r->whole = measure(w, false, true);
    rc = wf_linear_prune(&w->set->machine, &w->set->rows, (size_t)w->s.linear, err);
    if (rc == 0)
        rc = fit(w, err);
    if (rc == 0)
        rc = wf_linear_set_pack(w->set, err);
    if (rc == 0)
        rc = ask_encoder_all(w, err);
    if (rc != 0)
        return rc;
    ask_linear(w);
    r->has_encoder = w->o.encoder != NULL;
    r->words = wf_sensitivity_words_measure(&w->o);
    if (r->has_encoder)
        r->encoder = measure(w, true, false);
    r->linear = measure(w, false, true);
    if (r->has_encoder)
        r->both = measure(w, true, true);
    wf_sensitivity_mix_choose(&w->o, r->has_encoder, true, WF_SENSITIVITY_BOTH_HALVES, &w->mix);
    return 0;
}

/* ---- writing ---- */

static int write_file(struct work *w, struct wf_err *err)
{
    static const char *const own[] = {"lens.sensitivity.linear.",    "lens.sensitivity.mix",
                                      "lens.sensitivity.thresholds", "lens.sensitivity.table",
                                      "lens.sensitivity.labels",     NULL};
    const struct wf_lens_linear_parts *p = wf_linear_set_parts(w->set);
    const uint64_t n_mix = w->labels.n + 2, n_labels = w->labels.n;
    struct wf_gguf_writer *out = NULL;
    struct wf_gguf *g = NULL;
    int rc = wf_gguf_open(w->job->into, &g, err);

    if (rc == 0)
        rc = wf_gguf_writer_new(w->job->out, &out, err);
    if (rc == 0) {
        wf_gguf_put_others(out, g, own);
        wf_gguf_put_strings(out, "lens.sensitivity.labels", n_labels);
        for (size_t k = 0; k < n_labels; k++)
            wf_gguf_item_put_string(out, wf_str_from(w->labels.names[k]));
        wf_gguf_put_strings(out, "lens.sensitivity.table", n_labels);
        for (size_t k = 0; k < n_labels; k++)
            wf_gguf_item_put_string(out, wf_str_from(w->lines[k]));
        wf_linear_put_table(out, "sensitivity", p);
        wf_gguf_put_tensor(out, WF_STR("lens.sensitivity.mix"), wf_dtype_by_id(WF_DTYPE_F32), 1,
                           &n_mix);
        wf_gguf_put_tensor(out, WF_STR("lens.sensitivity.thresholds"), wf_dtype_by_id(WF_DTYPE_F32),
                           1, &n_labels);
        rc = wf_gguf_writer_begin(out, err);
    }
    if (rc == 0)
        rc = wf_gguf_write_others(out, g, own, err);
    if (rc == 0)
        rc = wf_linear_write_table(out, p, err);
    if (rc == 0)
        rc = wf_gguf_writer_write(out, &w->mix.encoder, sizeof(float), err);
    if (rc == 0)
        rc = wf_gguf_writer_write(out, &w->mix.linear, sizeof(float), err);
    if (rc == 0)
        rc = wf_gguf_writer_write(out, w->mix.labels, n_labels * sizeof(float), err);
    if (rc == 0)
        rc = wf_gguf_writer_write(out, w->mix.thresholds, n_labels * sizeof(float), err);
    if (rc == 0)
        rc = wf_gguf_writer_finish(out, err);
    wf_gguf_writer_free(out);
    wf_gguf_close(g);
    return rc;
}

/* ---- all of it ---- */

static int read_settings(struct wf_conf *conf, struct settings *out, struct wf_err *err)
{
    for (size_t i = 0; i < wf_conf_n_sections(conf); i++) {
        const struct wf_conf_section *s = wf_conf_section_at(conf, i);
        int rc;
        if (!wf_str_eq(s->kind, WF_STR("task")) || !wf_str_eq(s->of, WF_STR("sensitivity")))
            continue;
        rc = wf_conf_fill(conf, s, options, out, err);
        if (rc != 0 || out->linear > 0)
            return rc;
    }
    return wf_err_set(err, WF_E_NOENT,
                      "The experiment has no [task sensitivity] with linear weights.");
}

static void work_free(struct work *w)
{
    void *all[] = {w->items, w->has, w->unknown, w->words, w->halves, w->encoder, w->linear};

    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        wf_free(all[i]);
    wf_linear_set_free(w->set);
    wf_sensitivity_labels_deinit(&w->labels);
    wf_lens_close(w->lens);
    wf_free(w);
}

int wf_sensitivity_fit(struct wf_conf *conf, const struct wf_sensitivity_job *job,
                       struct wf_err *err)
{
    struct work *w = wf_alloc_array(1, sizeof(*w));
    struct wf_sensitivity_report r = {.n_texts = 0};
    int rc;

    if (w == NULL)
        return no_memory(err);
    w->job = job;
    rc = read_settings(conf, &w->s, err);
    if (rc == 0)
        rc = wf_lens_open(job->into, &w->lens, err);
    if (rc == 0)
        rc = read_texts(w, err);
    if (rc == 0)
        rc = fit_and_measure(w, &r, err);
    if (rc == 0 && job->out != NULL)
        rc = write_file(w, err);
    if (rc == 0 && job->on_done != NULL) {
        const struct wf_lens_linear_parts *p = wf_linear_set_parts(w->set);
        r.n_kept = w->n_kept;
        r.n_texts = w->set->n_texts - w->n_kept;
        r.n_entries = p->n_entries;
        r.bytes = p->grams.len + p->weights.len;
        r.n_labels = w->labels.n;
        for (size_t k = 0; k < w->labels.n; k++)
            w->table[k] = w->lines[k];
        r.table = w->table;
        rc = job->on_done(job->ud, &r);
    }
    work_free(w);
    return rc;
}
