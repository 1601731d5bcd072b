/* SPDX-License-Identifier: Apache-2.0 */
/* Sensitivity: what kinds of private matters a text holds, several at once (logistic, of the mean
 * of a window's hidden states or of <s>).
 *
 * Sources say what their texts are about as a whole; a label that a source may or may not have is
 * unknown there and does not count. Long texts are windows, of which some are taken. Thresholds are
 * chosen for recall first, by each half of what is kept aside for the other; beside them stands
 * what rules with keywords find (the lists keywords_LABEL of the templates). */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "train/items.h"
#include "train/loss.h"
#include "train/sensitivity_source.h"
#include "train/task_list.h"

#define TABLE_LINE 160u

struct settings {
    char sources[WF_CONF_VALUE_BYTES], labels[512], keywords[512];
    int64_t pool, window, copies, linear;
    double recall, positive, cost;
};

struct text {
    uint32_t has, unknown; /* bits of labels */
    uint32_t by_words;     /* what rules with keywords say */
    uint8_t half;
};

struct side {
    struct text *texts; /* [n] */
    size_t n, cap;
};

struct sensitivity {
    struct wf_task_place place;
    struct settings s;
    struct wf_items *items;
    struct side sides[2];
    struct wf_sensitivity_labels labels;
    float weights[WF_SENSITIVITY_LABELS_MAX];
    struct wf_task_position position;
    int32_t begin;
    struct wf_items_batch batch;
    struct wf_loss_room *room;
    uint32_t *from, *to;
    int32_t *ids;
    float *targets, *probs; /* [n_tokens_max, labels] */
    char table[WF_SENSITIVITY_LABELS_MAX][TABLE_LINE];
};

/* Pieces are made of texts. */
struct taking {
    struct sensitivity *e;
    struct wf_ids ids;
    struct wf_buf piece;
};

#define FIELD(f) offsetof(struct settings, f)

static const char *const pools[] = {"first", "mean", NULL};

static const struct wf_conf_option options[] = {
    {.name = "sources",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(sources),
     .text_bytes = WF_CONF_VALUE_BYTES,
     .help = "files by ';': PATH FORM LABELS WEIGHT ONE_IN, see docs/lens.md"},
    {.name = "labels",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(labels),
     .text_bytes = 512,
     .help = "all labels, by ','"},
    {.name = "keywords",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(keywords),
     .text_bytes = 512,
     .fallback = "",
     .help = "a file of templates with lists keywords_LABEL, to measure beside"},
    {.name = "pool",
     .kind = WF_CONF_CHOICE,
     .offset = FIELD(pool),
     .fallback = "mean",
     .choices = pools,
     .help = "what of the hidden states the head sees"},
    {.name = "window",
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(window),
     .fallback = "96",
     .min = 8,
     .max = 4096,
     .help = "tokens of a long text's windows"},
    {.name = "copies",
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(copies),
     .fallback = "12",
     .min = 1,
     .max = 1000,
     .help = "fillings of each template"},
    {.name = "recall",
     .kind = WF_CONF_REAL,
     .offset = FIELD(recall),
     .fallback = "0.95",
     .min = 0,
     .max = 1,
     .help = "of each label, that its threshold must keep"},
    {.name = "positive",
     .kind = WF_CONF_REAL,
     .offset = FIELD(positive),
     .fallback = "2",
     .min = 0.1,
     .max = 100,
     .help = "what a label that is there counts beside one that is not"},
    {.name = "linear", /* this and the next are for weft train sensitivity */
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(linear),
     .fallback = "0",
     .max = 1 << 20,
     .help = "weights of the linear judge that is fitted afterwards; 0: none"},
    {.name = "linear_cost",
     .kind = WF_CONF_REAL,
     .offset = FIELD(cost),
     .fallback = "1",
     .min = 1e-3,
     .max = 1e3,
     .help = "what a text on the wrong side costs it"},
    {.name = NULL},
};

static const struct wf_task_figure figures[] = {
    {"f1", "%"},         {"recall", "%"},         {"precision", "%"}, {"micro_f1", "%"},
    {"keyword_f1", "%"}, {"keyword_recall", "%"}, {NULL, NULL},
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the texts to train on.");
}

/* ---- reading ---- */

/* Tokens [from, to) of what was encoded as one text. */
static int add_piece(struct taking *r, const struct wf_sensitivity_text *x, size_t from, size_t to,
                     struct wf_err *err)
{
    struct sensitivity *e = r->e;
    struct side *s = &e->sides[x->is_dev];
    struct text t = {.has = x->has, .unknown = x->unknown, .half = x->half};

    if (s->n == s->cap) {
        size_t cap = s->cap > 0 ? 2 * s->cap : 1024;
        struct text *texts = wf_realloc_array(s->texts, cap, sizeof(*texts));
        if (texts == NULL)
            return no_memory(err);
        s->texts = texts;
        s->cap = cap;
    }
    e->ids[0] = e->begin;
    memcpy(e->ids + 1, r->ids.ptr + from, (to - from) * sizeof(*e->ids));
    if (x->is_dev) {
        wf_buf_reset(&r->piece);
        for (size_t i = from; i < to; i++) {
            struct wf_str bytes = wf_vocab_bytes(e->place.vocab, r->ids.ptr[i]);
            (void)wf_buf_append(&r->piece, bytes.ptr, bytes.len);
        }
        t.by_words = wf_sensitivity_by_words(&e->labels, wf_buf_str(&r->piece));
    }
    s->texts[s->n++] = t;
    return wf_items_add(e->items, x->is_dev, x->weight,
                        &(struct wf_item_text){e->ids, to - from + 1}, 1, err);
}

/* A text in windows, of which some are taken. */
static int take(void *ud, const struct wf_sensitivity_text *x, struct wf_err *err)
{
    struct taking *r = ud;
    struct sensitivity *e = r->e;
    size_t most = WF_MIN((size_t)e->s.window, e->place.n_text_max - 1);
    int rc;

    r->ids.n = 0;
    rc = x->text.len > 0 ? wf_vocab_encode(e->place.vocab, x->text, 0, &r->ids, err) : 0;
    for (size_t i = 0, from = 0; rc == 0 && from < r->ids.n; i++, from += most) {
        size_t to = WF_MIN(from + most, r->ids.n);
        if (i > 0 && to - from < most / 4)
            break; /* a rest says too little */
        if (wf_sensitivity_takes(x, i))
            rc = add_piece(r, x, from, to, err);
    }
    return rc;
}

/* ---- opening ---- */

static void sensitivity_close(void *task)
{
    struct sensitivity *e = task;

    if (e == NULL)
        return;
    wf_free(e->sides[0].texts);
    wf_free(e->sides[1].texts);
    wf_free(e->from);
    wf_free(e->to);
    wf_free(e->ids);
    wf_free(e->targets);
    wf_free(e->probs);
    wf_items_free(e->items);
    wf_loss_room_free(e->room);
    wf_sensitivity_labels_deinit(&e->labels);
    wf_free(e);
}

static int open_rooms(struct sensitivity *e, struct wf_err *err)
{
    size_t n = e->place.n_tokens_max + 1;

    e->from = wf_alloc_array(n, sizeof(*e->from));
    e->to = wf_alloc_array(n, sizeof(*e->to));
    e->ids = wf_alloc_array(n, sizeof(*e->ids));
    e->targets = wf_alloc_array(n, e->labels.n * sizeof(*e->targets));
    e->probs = wf_alloc_array(n, e->labels.n * sizeof(*e->probs));
    return e->from != NULL && e->to != NULL && e->ids != NULL && e->targets != NULL &&
                   e->probs != NULL
               ? 0
               : no_memory(err);
}

static int open_sources(struct sensitivity *e, struct wf_err *err)
{
    const struct wf_sensitivity_sources sources = {.labels = &e->labels,
                                                   .list = e->s.sources,
                                                   .data_dir = e->place.data_dir,
                                                   .copies = e->s.copies};
    struct taking r = {.e = e};
    int rc;

    wf_buf_init(&r.piece, WF_LIMIT_CORPUS_LINE_BYTES);
    rc = wf_sensitivity_read(&sources, take, &r, err);
    wf_buf_deinit(&r.piece);
    wf_free(r.ids.ptr);
    if (rc == 0 && wf_items_n(e->items, false) == 0)
        rc = wf_err_set(err, WF_E_FORMAT, "The sources of sensitivity hold no text to train on.");
    return rc;
}

static int sensitivity_open(const struct wf_task_place *p, const void *settings, void **out,
                            struct wf_err *err)
{
    struct sensitivity *e = wf_alloc_array(1, sizeof(*e));
    int rc;

    if (e == NULL)
        return no_memory(err);
    e->place = *p;
    memcpy(&e->s, settings, sizeof(e->s));
    e->begin = wf_vocab_bos(p->vocab);
    rc = e->begin == WF_TOKEN_NONE
             ? wf_err_set(err, WF_E_FORMAT, "The vocabulary has no token that begins texts.")
             : wf_items_new(p, &e->items, err);
    if (rc == 0)
        rc = wf_sensitivity_labels_init(&e->labels, e->s.labels, e->s.keywords, err);
    for (size_t i = 0; i < WF_SENSITIVITY_LABELS_MAX; i++)
        e->weights[i] = (float)e->s.positive;
    if (rc == 0)
        rc = open_rooms(e, err);
    if (rc == 0)
        rc = open_sources(e, err);
    if (rc == 0)
        *out = e;
    else
        sensitivity_close(e);
    return rc;
}

/* ---- training ---- */

static size_t sensitivity_heads(const void *task, struct wf_net_head out[WF_TASK_HEADS_MAX])
{
    const struct sensitivity *e = task;
    uint32_t n = (uint32_t)e->labels.n;

    out[0] = (struct wf_net_head){"lens.sensitivity.weight", n, e->place.params->dim, 0.02f, true};
    out[1] = (struct wf_net_head){"lens.sensitivity.bias", 1, n, 0, false};
    /* Nothing asks anything of them: measuring writes them. */
    out[2] = (struct wf_net_head){"lens.sensitivity.thresholds", 1, n, 0, false};
    return 3;
}

static uint64_t sensitivity_epoch_tokens(const void *task)
{
    return wf_items_epoch_tokens(((const struct sensitivity *)task)->items);
}

static struct wf_task_position *sensitivity_position(void *task)
{
    return &((struct sensitivity *)task)->position;
}

static int sensitivity_next(void *task, uint64_t seed, struct wf_net_batch *out, struct wf_err *err)
{
    struct sensitivity *e = task;
    int rc = wf_items_next(e->items, &e->position, 0, &e->batch, err);

    (void)seed;
    *out = e->batch.net;
    return rc;
}

static int run_loss(struct sensitivity *e, struct wf_net *net, const struct wf_loss_of *of,
                    bool is_dev, float *out_probs, double *out_loss, struct wf_err *err)
{
    struct wf_loss_binary b = {
        .rows = {.from = e->from, .to = e->s.pool == 1 ? e->to : NULL, .n = e->batch.n_items},
        .head = {wf_net_find(net, "lens.sensitivity.weight"),
                 wf_net_find(net, "lens.sensitivity.bias")},
        .targets = e->targets,
        .label_weight = e->weights,
        .out_probs = out_probs};
    struct wf_loss_result result = {0};
    int rc = e->room == NULL ? wf_loss_room_new(net, &e->room, err) : 0;

    for (size_t i = 0; i < e->batch.n_items; i++) {
        const struct text *t = &e->sides[is_dev].texts[e->batch.items[i]];
        e->from[i] = e->batch.net.starts[i];
        e->to[i] = e->batch.net.starts[i + 1];
        for (size_t k = 0; k < e->labels.n; k++)
            e->targets[i * e->labels.n + k] =
                t->unknown >> k & 1 ? -1.0f : (float)(t->has >> k & 1);
    }
    if (rc == 0)
        rc = wf_loss_binary(e->room, of, &b, &result, err);
    *out_loss = result.loss;
    return rc;
}

static int sensitivity_loss(void *task, struct wf_net *net, const float *hidden, float scale,
                            float *d_hidden, double *out_loss, struct wf_err *err)
{
    struct wf_loss_of of = {.hidden = hidden, .d_hidden = d_hidden, .scale = scale};

    return run_loss(task, net, &of, false, NULL, out_loss, err);
}

/* ---- measuring ---- */

struct count {
    double found, there, right;
};

static double share(double a, double b)
{
    return b > 0 ? 100 * a / b : 0;
}

/* Label k at a threshold, of one half (2: both). */
static struct count count_at(const struct sensitivity *e, const float *probs, size_t k,
                             unsigned half, double x)
{
    const struct side *s = &e->sides[true];
    struct count c = {0};

    for (size_t i = 0; i < s->n; i++) {
        const struct text *t = &s->texts[i];
        bool there = t->has >> k & 1, found = (double)probs[i * e->labels.n + k] >= x;
        if ((t->unknown >> k & 1) || (half != 2 && t->half != half))
            continue;
        c.there += there;
        c.found += found;
        c.right += there && found;
    }
    return c;
}

/* Of the thresholds that keep enough the one of the best F1. */
static double choose(const struct sensitivity *e, const float *probs, size_t k, unsigned half)
{
    double best = 0.02, best_f1 = -1;

    for (int i = 1; i < 50; i++) {
        double x = i / 50.0, f1;
        struct count c = count_at(e, probs, k, half, x);
        if (c.right < e->s.recall * c.there)
            break;
        f1 = share(2 * c.right, c.there + c.found);
        if (f1 > best_f1) {
            best_f1 = f1;
            best = x;
        }
    }
    return best;
}

static int run_all(struct sensitivity *e, struct wf_net *net, float *all, struct wf_err *err)
{
    size_t i = 0, at = 0;
    int rc = 0;

    while (rc == 0) {
        const float *hidden = NULL;
        double loss;
        wf_items_in_order(e->items, true, &i, 0, &e->batch);
        if (e->batch.n_items == 0)
            break;
        rc = wf_net_forward(net, &e->batch.net, false, &hidden, err);
        if (rc == 0)
            rc = run_loss(e, net, &(struct wf_loss_of){.hidden = hidden}, true, e->probs, &loss,
                          err);
        if (rc == 0)
            memcpy(all + at * e->labels.n, e->probs, e->batch.n_items * e->labels.n * sizeof(*all));
        at += e->batch.n_items;
    }
    return rc;
}

/* A line of the table: where label k is, how often each label is said; '.' stands for never. */
static void write_line(struct sensitivity *e, const float *probs, const float *thresholds, size_t k,
                       const struct count *c)
{
    const struct side *s = &e->sides[true];
    char *line = e->table[k];
    size_t n;

    n = (size_t)snprintf(line, TABLE_LINE, "%-12s %5.0f there %5.0f found %5.0f right |",
                         e->labels.names[k], c->there, c->found, c->right);
    for (size_t j = 0; j < e->labels.n && n < TABLE_LINE; j++) {
        unsigned said = 0;
        for (size_t i = 0; i < s->n; i++)
            said += (s->texts[i].has >> k & 1) && probs[i * e->labels.n + j] >= thresholds[j];
        n += (size_t)snprintf(line + n, TABLE_LINE - n, " %u", said);
    }
}

static void add(struct count *io, struct count c)
{
    io->there += c.there;
    io->found += c.found;
    io->right += c.right;
}

/* What rules with keywords find of label k. */
static struct count count_words(const struct sensitivity *e, size_t k)
{
    const struct side *s = &e->sides[true];
    struct count c = {0};

    for (size_t i = 0; i < s->n; i++) {
        bool there = s->texts[i].has >> k & 1, found = s->texts[i].by_words >> k & 1;
        if (s->texts[i].unknown >> k & 1)
            continue;
        c.there += there;
        c.found += found;
        c.right += there && found;
    }
    return c;
}

static void sum_up(struct sensitivity *e, const float *probs, float *thresholds, double *out)
{
    struct count all = {0};
    double f1 = 0, recall = 0, precision = 0, words_f1 = 0, words_recall = 0, n = 0;

    for (size_t k = 0; k < e->labels.n; k++)
        thresholds[k] = (float)choose(e, probs, k, 2);
    for (size_t k = 0; k < e->labels.n; k++) {
        struct count c = {0}, words = count_words(e, k);
        add(&c, count_at(e, probs, k, 0, choose(e, probs, k, 1)));
        add(&c, count_at(e, probs, k, 1, choose(e, probs, k, 0)));
        write_line(e, probs, thresholds, k, &c);
        add(&all, c);
        if (c.there == 0)
            continue;
        f1 += share(2 * c.right, c.there + c.found);
        recall += share(c.right, c.there);
        precision += share(c.right, c.found);
        words_f1 += share(2 * words.right, words.there + words.found);
        words_recall += share(words.right, words.there);
        n++;
    }
    out[0] = f1 / fmax(n, 1);
    out[1] = recall / fmax(n, 1);
    out[2] = precision / fmax(n, 1);
    out[3] = share(2 * all.right, all.there + all.found);
    out[4] = words_f1 / fmax(n, 1);
    out[5] = words_recall / fmax(n, 1);
}

static int sensitivity_evaluate(void *task, struct wf_net *net, double *out, struct wf_err *err)
{
    struct sensitivity *e = task;
    struct wf_items_batch kept = e->batch;
    const struct wf_net_tensor *thresholds = wf_net_find(net, "lens.sensitivity.thresholds");
    float *probs = wf_alloc_array(e->sides[true].n + 1, e->labels.n * sizeof(*probs));
    int rc = probs == NULL ? no_memory(err) : run_all(e, net, probs, err);

    if (rc == 0)
        sum_up(e, probs, wf_net_values(net) + thresholds->offset, out);
    wf_free(probs);
    e->batch = kept;
    return rc;
}

static void sensitivity_describe(const void *task, struct wf_meta *out)
{
    const struct sensitivity *e = task;
    const char *lines[WF_SENSITIVITY_LABELS_MAX];

    for (size_t i = 0; i < e->labels.n; i++)
        lines[i] = e->table[i];
    wf_meta_put_strings(out, "lens.sensitivity.labels", e->labels.names, (uint32_t)e->labels.n);
    wf_meta_put_string(out, "lens.sensitivity.pool", wf_str_from(pools[e->s.pool]));
    wf_meta_put_strings(out, "lens.sensitivity.table", lines, (uint32_t)e->labels.n);
}

const struct wf_task_kind wf_task_sensitivity = {
    .name = "sensitivity",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .figures = figures,
    .open = sensitivity_open,
    .close = sensitivity_close,
    .heads = sensitivity_heads,
    .epoch_tokens = sensitivity_epoch_tokens,
    .position = sensitivity_position,
    .next = sensitivity_next,
    .loss = sensitivity_loss,
    .evaluate = sensitivity_evaluate,
    .describe = sensitivity_describe,
};
