/* SPDX-License-Identifier: Apache-2.0 */
/* Intents: what a request asks for, as one of a set's labels, and its slots as tags of words.
 *
 * The label comes of the hidden state of <s> (or the mean of all) and learns to stand alone: what
 * words and letters say (train/linear_set.h) is fitted beside it afterwards, and both are added
 * when lens is asked. Out of scope is a label of its own where a set has such rows; beside it a
 * threshold on the best label's share is chosen on what is kept aside, each half for the other, so
 * that what is printed was not chosen on itself. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "train/task_intent_internal.h"
#include "train/task_list.h"

/* Tensors, as wf_intent.names has them. */
enum {
    WEIGHT,
    BIAS,
    SLOT_WEIGHT,
    SLOT_BIAS,
    SLOT_MOVES,
    N_TENSORS
};

#define ARENA_BYTES_MAX (1u << 20) /* names: some hundred of at most 100 bytes */
#define FIELD(f) offsetof(struct wf_intent__settings, f)

static const char *const pools[] = {"first", "mean", NULL};

static const struct wf_conf_option options[] = {
    {.name = "sources",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(sources),
     .text_bytes = sizeof(((struct wf_intent__settings *)0)->sources),
     .help = "files by ';': PATH FORM WEIGHT USE, see docs/lens.md"},
    {.name = "outside",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(outside),
     .text_bytes = WF_CONF_NAME_BYTES,
     .fallback = "oos",
     .help = "the label that means out of scope"},
    {.name = "pool",
     .kind = WF_CONF_CHOICE,
     .offset = FIELD(pool),
     .fallback = "first",
     .choices = pools,
     .help = "what of the hidden states the head sees"},
    {.name = "copies",
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(copies),
     .fallback = "12",
     .min = 1,
     .max = 1000,
     .help = "fillings of each template"},
    {.name = "smoothing",
     .kind = WF_CONF_REAL,
     .offset = FIELD(smoothing),
     .fallback = "0",
     .min = 0,
     .max = 0.5,
     .help = "of the target's share, spread over all labels"},
    {.name = "recall",
     .kind = WF_CONF_REAL,
     .offset = FIELD(recall),
     .fallback = "0.78",
     .min = 0,
     .max = 1,
     .help = "of what is out of scope, that the threshold must find"},
    {.name = "linear",
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(linear),
     .fallback = "0",
     .min = 0,
     .max = 1 << 20,
     .help = "weights of the linear judge that `weft train linear` puts beside it; 0: none"},
    {.name = "linear_cost",
     .kind = WF_CONF_REAL,
     .offset = FIELD(linear_cost),
     .fallback = "1",
     .min = 1e-3,
     .max = 1e3,
     .help = "there, of a text on the wrong side of a label; more fits closer"},
    {.name = "slots",
     .kind = WF_CONF_FLAG,
     .offset = FIELD(slots),
     .fallback = "no",
     .help = "whether slots are learned too"},
    {.name = "slot_scale",
     .kind = WF_CONF_REAL,
     .offset = FIELD(slot_scale),
     .fallback = "1",
     .min = 0,
     .max = 100,
     .help = "of the slots' loss beside the labels'"},
    {.name = NULL},
};

static const struct wf_task_figure figures[] = {
    {"accuracy", "%"}, {"outside_recall", "%"}, {"closed_accuracy", "%"},
    {"slot_f1", "%"},  {"threshold", ""},       {NULL, NULL},
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the requests to train on.");
}

/* ---- opening ---- */

static void intent_close(void *task)
{
    struct wf_intent *t = task;

    if (t == NULL)
        return;
    void *all[] = {t->rows, t->starts, t->tags, t->best, t->targets, t->from, t->to, t->probs};
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        wf_free(all[i]);
    for (size_t i = 0; i < 2; i++) {
        wf_free(t->sides[i].texts);
        wf_free(t->sides[i].tokens);
        wf_free(t->sides[i].tags);
    }
    wf_items_free(t->items);
    wf_loss_room_free(t->room);
    wf_arena_deinit(&t->arena);
    wf_free(t);
}

static int open_rooms(struct wf_intent *t, struct wf_err *err)
{
    size_t n = t->place.n_tokens_max + 1;

    t->rows = wf_alloc_array(n, sizeof(*t->rows));
    t->starts = wf_alloc_array(n, sizeof(*t->starts));
    t->tags = wf_alloc_array(n, sizeof(*t->tags));
    t->best = wf_alloc_array(n, sizeof(*t->best));
    t->targets = wf_alloc_array(n, sizeof(*t->targets));
    t->from = wf_alloc_array(n, sizeof(*t->from));
    t->to = wf_alloc_array(n, sizeof(*t->to));
    return t->rows != NULL && t->starts != NULL && t->tags != NULL && t->best != NULL &&
                   t->targets != NULL && t->from != NULL && t->to != NULL
               ? 0
               : no_memory(err);
}

/* What needs to know how many labels there are. */
static int open_scores(struct wf_intent *t, struct wf_err *err)
{
    size_t n = t->place.n_tokens_max;

    t->probs = wf_alloc_array(n, t->labels.n * sizeof(*t->probs));
    return t->probs != NULL ? 0 : no_memory(err);
}

static void name_tensors(struct wf_intent *t)
{
    static const char *const names[][2] = {{"intent", "weight"},
                                           {"intent", "bias"},
                                           {"slot", "weight"},
                                           {"slot", "bias"},
                                           {"slot", "transitions"}};

    for (size_t i = 0; i < N_TENSORS; i++)
        (void)snprintf(t->names[i], sizeof(t->names[i]), "lens.%s.%.32s.%s", names[i][0],
                       t->place.name, names[i][1]);
}

static int intent_open(const struct wf_task_place *p, const void *settings, void **out,
                       struct wf_err *err)
{
    struct wf_intent *t = wf_alloc_array(1, sizeof(*t));
    int rc;

    if (t == NULL)
        return no_memory(err);
    t->place = *p;
    memcpy(&t->s, settings, sizeof(t->s));
    wf_arena_init(&t->arena, 0, ARENA_BYTES_MAX);
    t->begin = wf_vocab_bos(p->vocab);
    name_tensors(t);
    rc = open_rooms(t, err);
    if (rc == 0 && t->begin == WF_TOKEN_NONE)
        rc = wf_err_set(err, WF_E_FORMAT, "The vocabulary has no token that begins texts.");
    if (rc == 0)
        rc = wf_items_new(p, &t->items, err);
    if (rc == 0)
        rc = wf_intent__read(t, err);
    if (rc == 0)
        rc = open_scores(t, err);
    if (rc == 0)
        *out = t;
    else
        intent_close(t);
    return rc;
}

/* ---- training ---- */

static size_t n_tags(const struct wf_intent *t)
{
    return t->slots.n > 0 ? 1 + 2 * t->slots.n : 0;
}

/* A field over tags costs with their square and knows 64 of them; beyond, words stand alone and the
 * analyser's rules of what may follow what do the rest. */
static bool has_field(const struct wf_intent *t)
{
    return n_tags(t) > 0 && n_tags(t) <= WF_LOSS_TAGS_MAX;
}

static size_t intent_heads(const void *task, struct wf_net_head out[WF_TASK_HEADS_MAX])
{
    const struct wf_intent *t = task;
    uint32_t dim = t->place.params->dim, tags = (uint32_t)n_tags(t), labels = (uint32_t)t->labels.n;
    size_t n = 0;

    out[n++] = (struct wf_net_head){t->names[WEIGHT], labels, dim, 0.02f, true};
    out[n++] = (struct wf_net_head){t->names[BIAS], 1, labels, 0, false};
    if (tags > 0) {
        out[n++] = (struct wf_net_head){t->names[SLOT_WEIGHT], tags, dim, 0.02f, true};
        out[n++] = (struct wf_net_head){t->names[SLOT_BIAS], 1, tags, 0, false};
    }
    if (has_field(t))
        out[n++] = (struct wf_net_head){t->names[SLOT_MOVES], tags, tags, 0, false};
    return n;
}

static uint64_t intent_epoch_tokens(const void *task)
{
    return wf_items_epoch_tokens(((const struct wf_intent *)task)->items);
}

static struct wf_task_position *intent_position(void *task)
{
    return &((struct wf_intent *)task)->position;
}

static int intent_next(void *task, uint64_t seed, struct wf_net_batch *out, struct wf_err *err)
{
    struct wf_intent *t = task;
    int rc = wf_items_next(t->items, &t->position, 0, &t->batch, err);

    (void)seed;
    *out = t->batch.net;
    return rc;
}

static int label_loss(struct wf_intent *t, struct wf_net *net, const struct wf_loss_of *of,
                      bool is_dev, float *out_probs, double *out_loss, struct wf_err *err)
{
    struct wf_loss_classes c = {
        .rows = {.from = t->from, .to = t->s.pool == 1 ? t->to : NULL, .n = t->batch.n_items},
        .head = {wf_net_find(net, t->names[WEIGHT]), wf_net_find(net, t->names[BIAS])},
        .targets = t->targets,
        .smoothing = is_dev ? 0.0f : (float)t->s.smoothing,
        .out_probs = out_probs};
    struct wf_loss_result result = {0};
    int rc;

    for (size_t i = 0; i < t->batch.n_items; i++) {
        t->from[i] = t->batch.net.starts[i];
        t->to[i] = t->batch.net.starts[i + 1];
        t->targets[i] = t->sides[is_dev].texts[t->batch.items[i]].target;
    }
    rc = wf_loss_classes(t->room, of, &c, &result, err);
    *out_loss += result.loss;
    return rc;
}

static int slot_loss(struct wf_intent *t, struct wf_net *net, const struct wf_loss_of *of,
                     bool is_dev, int32_t *out_best, double *out_loss, struct wf_err *err)
{
    const struct wf_intent__side *s = &t->sides[is_dev];
    struct wf_loss_head head = {wf_net_find(net, t->names[SLOT_WEIGHT]),
                                wf_net_find(net, t->names[SLOT_BIAS])};
    struct wf_loss_of scaled = *of;
    struct wf_loss_result result = {0};
    size_t n = 0;
    int rc;

    for (size_t i = 0; i < t->batch.n_items; i++) {
        const struct wf_intent__text *x = &s->texts[t->batch.items[i]];
        t->starts[i] = (uint32_t)n;
        for (size_t k = x->first; k < x->first + x->n; k++, n++) {
            t->rows[n] = t->batch.net.starts[i] + s->tokens[k];
            t->tags[n] = s->tags[k];
        }
    }
    t->starts[t->batch.n_items] = (uint32_t)n;
    if (n == 0)
        return 0;
    scaled.scale *= (float)t->s.slot_scale;
    struct wf_loss_crf c = {.rows = {.from = t->rows, .n = n},
                            .head = head,
                            .transitions = wf_net_find(net, t->names[SLOT_MOVES]),
                            .starts = t->starts,
                            .n_sequences = t->batch.n_items,
                            .targets = t->tags,
                            .out_best = out_best};
    struct wf_loss_classes alone = {
        .rows = c.rows, .head = head, .targets = t->tags, .out_best = out_best};
    rc = c.transitions != NULL ? wf_loss_crf(t->room, &scaled, &c, &result, err)
                               : wf_loss_classes(t->room, &scaled, &alone, &result, err);
    *out_loss += t->s.slot_scale * result.loss;
    return rc;
}

int wf_intent__loss(struct wf_intent *t, struct wf_net *net, const struct wf_loss_of *of,
                    bool is_dev, float *out_probs, int32_t *out_best, double *out_loss,
                    struct wf_err *err)
{
    int rc = t->room == NULL ? wf_loss_room_new(net, &t->room, err) : 0;

    *out_loss = 0;
    if (rc == 0)
        rc = label_loss(t, net, of, is_dev, out_probs, out_loss, err);
    if (rc == 0 && n_tags(t) > 0)
        rc = slot_loss(t, net, of, is_dev, out_best, out_loss, err);
    return rc;
}

static int intent_loss(void *task, struct wf_net *net, const float *hidden, float scale,
                       float *d_hidden, double *out_loss, struct wf_err *err)
{
    struct wf_loss_of of = {.hidden = hidden, .d_hidden = d_hidden, .scale = scale};

    return wf_intent__loss(task, net, &of, false, NULL, NULL, out_loss, err);
}

/* ---- what the analyser must know ---- */

static void intent_describe(const void *task, struct wf_meta *out)
{
    const struct wf_intent *t = task;
    const char *set = t->place.name;
    char key[64], tags[WF_INTENT__NAMES_MAX][WF_LIMIT_LENS_LABEL_BYTES + 3];
    const char *labels[WF_INTENT__NAMES_MAX] = {"O"};

    (void)snprintf(key, sizeof(key), "lens.intent.%.32s.labels", set);
    wf_meta_put_strings(out, key, t->labels.items, (uint32_t)t->labels.n);
    (void)snprintf(key, sizeof(key), "lens.intent.%.32s.pool", set);
    wf_meta_put_string(out, key, wf_str_from(pools[t->s.pool]));
    (void)snprintf(key, sizeof(key), "lens.intent.%.32s.threshold", set);
    wf_meta_put_f32(out, key, (float)t->threshold);
    if (t->outside >= 0) {
        (void)snprintf(key, sizeof(key), "lens.intent.%.32s.outside", set);
        wf_meta_put_string(out, key, wf_str_from(t->s.outside));
    }
    for (size_t i = 1; i < n_tags(t); i++) {
        (void)snprintf(tags[i], sizeof(tags[i]), "%c-%s", i % 2 == 1 ? 'B' : 'I',
                       t->slots.items[(i - 1) / 2]);
        labels[i] = tags[i];
    }
    (void)snprintf(key, sizeof(key), "lens.slot.%.32s.labels", set);
    if (n_tags(t) > 0)
        wf_meta_put_strings(out, key, labels, (uint32_t)n_tags(t));
}

const struct wf_task_kind wf_task_intent = {
    .name = "intent",
    .options = options,
    .settings_bytes = sizeof(struct wf_intent__settings),
    .figures = figures,
    .open = intent_open,
    .close = intent_close,
    .heads = intent_heads,
    .epoch_tokens = intent_epoch_tokens,
    .position = intent_position,
    .next = intent_next,
    .loss = intent_loss,
    .evaluate = wf_intent__evaluate,
    .describe = intent_describe,
};
