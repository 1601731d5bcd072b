/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings of texts: what belongs together is near, whatever the language, and all else is not.
 *
 * A batch is pairs of one source, mostly of one pair of languages, and where a source is a list of
 * documents, a few neighbours at a time: then what is not the right one is hard to tell from it. A
 * batch is drawn by its number alone; units (see task_embed_internal.h) are taken without putting
 * back within a batch, so no passage comes twice. Texts go through the network as lens reads them:
 * windows, each behind <s> and (as the setting says) <q> or <p>; the mean of all their tokens, a
 * linear map, length 1. The loss is InfoNCE over beginnings of 256, 128 and 64 values. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "train/shuffle.h"
#include "train/task_embed_internal.h"
#include "train/task_list.h"

#define PREFIX_MAX 2u /* <s> and a mark */
#define TEXT_MIN 8u   /* tokens of a window, least */

static const uint32_t dims[] = {256, 128, 64};

#define FIELD(f) offsetof(struct wf_embed__settings, f)
#define NUMBER(f, fallback_, min_, max_, help_)                                                    \
    {                                                                                              \
        .name = #f, .kind = WF_CONF_NUMBER, .offset = FIELD(f), .fallback = (fallback_),           \
        .min = (min_), .max = (max_), .help = (help_)                                              \
    }
#define REAL(f, fallback_, min_, max_, help_)                                                      \
    {                                                                                              \
        .name = #f, .kind = WF_CONF_REAL, .offset = FIELD(f), .fallback = (fallback_),             \
        .min = (min_), .max = (max_), .help = (help_)                                              \
    }

static const struct wf_conf_option options[] = {
    {.name = "sources",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(sources),
     .text_bytes = sizeof(((struct wf_embed__settings *)0)->sources),
     .help = "files by ';': PATHS KIND WEIGHT SHARE, see train/embed.conf"},
    NUMBER(tokens, "160", 8, 4096, "tokens of the longest passage"),
    NUMBER(run, "4", 1, 1024, "passages of a document that come together"),
    NUMBER(pairs, "0", 0, 65536, "the most pairs of a batch; 0: as many as fit"),
    NUMBER(candidates, "500", 2, 65536, "what a text that is kept aside is to be found among"),
    REAL(temperature, "0.05", 0.001, 10, "what cosines are divided by"),
    REAL(same, "0.4", 0, 1, "how often question and passage are of the same language"),
    REAL(pivot, "0.5", 0, 1, "else: how often one of the two is the first language"),
    REAL(title, "0.3", 0, 1, "how often a title stands above a passage"),
    {.name = "marks",
     .kind = WF_CONF_FLAG,
     .offset = FIELD(marks),
     .fallback = "yes",
     .help = "whether <q> and <p> say what is a question"},
    {.name = NULL},
};

/* ---- opening ---- */

static void embed_close(void *task)
{
    struct wf_embed *e = task;

    if (e == NULL)
        return;
    for (size_t i = 0; i < e->n_sources; i++)
        wf_embed__free_source(&e->sources[i]);
    wf_free(e->sources);
    wf_free(e->ids);
    wf_free(e->starts);
    wf_free(e->links);
    wf_free(e->b.ids);
    wf_free(e->b.starts);
    wf_free(e->b.groups);
    for (size_t i = 0; i < WF_ARRAY_LEN(e->b.from); i++) {
        wf_free(e->b.from[i]);
        wf_free(e->b.to[i]);
    }
    wf_loss_room_free(e->room);
    wf_free(e);
}

static int make_room(struct wf_embed *e, struct wf_err *err)
{
    size_t n = e->place.n_tokens_max + 1;
    struct wf_embed__batch *b = &e->b;
    bool ok;

    b->ids = wf_alloc_array(n, sizeof(*b->ids));
    b->starts = wf_alloc_array(n, sizeof(*b->starts));
    b->groups = wf_alloc_array(n, sizeof(*b->groups));
    ok = b->ids != NULL && b->starts != NULL && b->groups != NULL;
    for (size_t i = 0; i < WF_ARRAY_LEN(b->from) && ok; i++) {
        b->from[i] = wf_alloc_array(n, sizeof(**b->from));
        b->to[i] = wf_alloc_array(n, sizeof(**b->to));
        ok = b->from[i] != NULL && b->to[i] != NULL;
    }
    return ok ? 0 : wf_embed__no_memory(err);
}

static int find_tokens(struct wf_embed *e, struct wf_err *err)
{
    const struct wf_vocab *v = e->place.vocab;
    struct wf_ids line = {0};
    int rc;

    e->begin = wf_vocab_bos(v);
    e->question = wf_vocab_find(v, WF_STR("<q>"));
    e->passage = wf_vocab_find(v, WF_STR("<p>"));
    if (e->begin == WF_TOKEN_NONE || e->question == WF_TOKEN_NONE || e->passage == WF_TOKEN_NONE)
        return wf_err_set(err, WF_E_FORMAT, "The vocabulary lacks the tokens <s>, <q> and <p>.");
    rc = wf_vocab_encode(v, WF_STR("\n"), 0, &line, err);
    if (rc == 0 && line.n != 1)
        rc = wf_err_set(err, WF_E_FORMAT, "The vocabulary has no token for a line's end.");
    if (rc == 0)
        e->line = line.ptr[0];
    wf_free(line.ptr);
    return rc;
}

static int embed_open(const struct wf_task_place *p, const void *settings, void **out,
                      struct wf_err *err)
{
    struct wf_embed *e = wf_alloc_array(1, sizeof(*e));
    int rc;

    if (e == NULL)
        return wf_embed__no_memory(err);
    e->place = *p;
    memcpy(&e->s, settings, sizeof(e->s));
    rc = find_tokens(e, err);
    /* a pair with something against it, titles and marks, must fit into any batch */
    if (rc == 0 && (p->n_text_max < TEXT_MIN || 8 * (size_t)e->s.tokens > p->n_tokens_max))
        rc = wf_err_set(err, WF_E_RANGE,
                        "text_tokens must be at least %u, micro_tokens 8 times the embedding's "
                        "tokens.",
                        TEXT_MIN);
    if (rc == 0)
        rc = make_room(e, err);
    if (rc == 0)
        rc = wf_embed__read_sources(e, err);
    if (rc == 0)
        *out = e;
    else
        embed_close(e);
    return rc;
}

/* ---- batches ---- */

void wf_embed__begin(struct wf_embed__batch *b)
{
    b->n_windows = 0;
    b->starts[0] = 0;
    memset(b->n, 0, sizeof(b->n));
}

/* The i-th token of a title, a line break (n_title with it), and a text. */
static int32_t token_at(const struct wf_embed *e, const struct wf_embed__put *p, size_t n_title,
                        size_t i)
{
    if (i + 1 < n_title)
        return e->ids[e->starts[p->title] + i];
    return i < n_title ? e->line : e->ids[e->starts[p->text] + i - n_title];
}

bool wf_embed__put(struct wf_embed *e, const struct wf_embed__put *p)
{
    struct wf_embed__batch *b = &e->b;
    size_t n_title = p->title != WF_EMBED__NONE ? wf_embed__text_len(e, p->title) + 1 : 0;
    size_t n = WF_MIN(n_title + wf_embed__text_len(e, p->text), p->n_max);
    size_t n_prefix = e->s.marks ? PREFIX_MAX : 1, room = e->place.n_text_max - n_prefix;
    size_t n_windows = (n + room - 1) / room;
    uint32_t at = b->starts[b->n_windows];

    assert(n > 0);
    if (at + n + n_windows * n_prefix > e->place.n_tokens_max)
        return false;
    b->from[p->row][b->n[p->row]] = at;
    for (size_t i = 0; i < n; i++) {
        if (i % room == 0) {
            b->ids[at++] = e->begin;
            if (e->s.marks)
                b->ids[at++] = p->is_question ? e->question : e->passage;
        }
        b->ids[at++] = token_at(e, p, n_title, i);
        if ((i + 1) % room == 0 || i + 1 == n)
            b->starts[++b->n_windows] = at;
    }
    b->to[p->row][b->n[p->row]++] = at;
    return true;
}

/* What a batch is drawn from. */
struct draw {
    struct wf_embed__source *s;
    size_t x, y; /* slots of a and b */
    bool asks;
    uint64_t state;
};

static struct wf_embed__source *choose_source(struct wf_embed *e, uint64_t *io_state)
{
    double at = wf_draw_real(io_state) * e->weight_sum;

    for (size_t i = 0; i + 1 < e->n_sources; i++) {
        at -= e->sources[i].weight;
        if (at < 0)
            return &e->sources[i];
    }
    return &e->sources[e->n_sources - 1];
}

static void choose_slots(const struct wf_embed *e, struct draw *d)
{
    const struct wf_embed__source *s = d->s;
    bool is_same = !s->is_alike && wf_draw_real(&d->state) < e->s.same;

    d->x = wf_draw_below(&d->state, s->n_used);
    d->y = d->x;
    if (s->n_used < 2 || is_same)
        return;
    if (wf_draw_real(&d->state) < e->s.pivot)
        d->y = s->pivot;
    while (d->x == d->y)
        d->x = wf_draw_below(&d->state, s->n_used);
    if (d->y != s->pivot || !s->is_alike) /* questions are in any language, passages too */
        return;
    if (wf_draw_below(&d->state, 2) == 0) {
        size_t x = d->x;
        d->x = d->y;
        d->y = x;
    }
}

static uint32_t choose_a(const struct wf_embed *e, struct draw *d, const struct wf_embed__cell *c)
{
    uint32_t k = c->links;

    if (d->s->is_alike)
        return c->b;
    if (c->n_links == 0)
        return WF_EMBED__NONE;
    for (uint64_t i = wf_draw_below(&d->state, c->n_links); i > 0; i--)
        k = e->links[k].next;
    return e->links[k].text;
}

/* False: the batch is full. A unit that has nothing in these slots is passed over. */
static bool put_unit(struct wf_embed *e, struct draw *d, uint32_t unit)
{
    const struct wf_embed__unit *u = &d->s->units[unit];
    const struct wf_embed__cell *c = wf_embed__cell(d->s, unit, d->y);
    struct wf_embed__batch *b = &e->b;
    bool has_title = c->title != WF_EMBED__NONE && wf_draw_real(&d->state) < e->s.title;
    uint32_t text = choose_a(e, d, wf_embed__cell(d->s, unit, d->x));
    size_t n_max = (size_t)e->s.tokens, n_windows = b->n_windows;
    struct wf_embed__put puts[] = {
        {text, WF_EMBED__NONE, n_max, 0, d->asks},
        {c->b, has_title ? c->title : WF_EMBED__NONE, n_max, 1, false},
        {u->against, WF_EMBED__NONE, n_max, 2, false},
    };
    size_t n[3];

    if (text == WF_EMBED__NONE || c->b == WF_EMBED__NONE)
        return true;
    memcpy(n, b->n, sizeof(n));
    for (size_t i = 0; i < WF_ARRAY_LEN(puts); i++) {
        if (puts[i].text != WF_EMBED__NONE && !wf_embed__put(e, &puts[i])) {
            b->n_windows = n_windows;
            memcpy(b->n, n, sizeof(n));
            return false;
        }
    }
    b->groups[b->n[0] - 1] = u->group;
    return e->s.pairs == 0 || b->n[0] < (size_t)e->s.pairs;
}

/* Runs of neighbours in a random order; where runs begin differs from batch to batch. */
static void fill(struct wf_embed *e, struct draw *d)
{
    const struct wf_embed__source *s = d->s;
    uint64_t run = s->runs ? WF_MIN((uint64_t)e->s.run, s->n_train) : 1;
    uint64_t n_runs = (s->n_train + run - 1) / run, seed = wf_draw_u64(&d->state);
    uint64_t shift = wf_draw_below(&d->state, s->n_train);

    for (uint64_t i = 0; i < n_runs; i++) {
        uint64_t first = wf_shuffle_at(seed, n_runs, i) * run;
        for (uint64_t k = first; k < first + run && k < s->n_train; k++) {
            if (!put_unit(e, d, s->train[(k + shift) % s->n_train]))
                return;
        }
    }
}

static uint64_t batches_per_epoch(const struct wf_embed *e)
{
    uint64_t per = (uint64_t)e->place.n_tokens_max * e->place.n_ranks;

    return (e->train_tokens + per - 1) / per;
}

static int embed_next(void *task, uint64_t seed, struct wf_net_batch *out, struct wf_err *err)
{
    struct wf_embed *e = task;
    struct wf_task_position *at = &e->position;
    struct wf_embed__batch *b = &e->b;

    (void)seed;
    for (uint64_t i = 0; i < 100; i++) { /* two languages may have no sentence in common */
        uint64_t k = at->epoch * batches_per_epoch(e) + at->i;
        struct draw d = {.state = wf_seed_mix(
                             wf_seed_mix(e->place.seed, k * e->place.n_ranks + e->place.rank), i)};
        d.s = choose_source(e, &d.state);
        d.asks = d.s->asks || wf_draw_below(&d.state, 2) == 0;
        choose_slots(e, &d);
        wf_embed__begin(b);
        fill(e, &d);
        if (b->n[0] < 2)
            continue; /* nothing to tell it from */
        if (++at->i >= batches_per_epoch(e))
            *at = (struct wf_task_position){at->epoch + 1, 0};
        *out = (struct wf_net_batch){.ids = b->ids, .starts = b->starts, .n_texts = b->n_windows};
        return 0;
    }
    return wf_err_set(err, WF_E_FORMAT, "There are too few texts to train on.");
}

/* ---- training ---- */

static size_t embed_heads(const void *task, struct wf_net_head out[WF_TASK_HEADS_MAX])
{
    uint32_t dim = ((const struct wf_embed *)task)->place.params->dim;

    out[0] = (struct wf_net_head){"lens.embedding.weight", WF_EMBED__DIMS, dim, 0.05f, true};
    out[1] = (struct wf_net_head){"lens.embedding.bias", 1, WF_EMBED__DIMS, 0, false};
    return 2;
}

struct wf_loss_head wf_embed__head(const struct wf_net *net)
{
    return (struct wf_loss_head){wf_net_find(net, "lens.embedding.weight"),
                                 wf_net_find(net, "lens.embedding.bias")};
}

int wf_embed__room(struct wf_embed *e, struct wf_net *net, struct wf_err *err)
{
    return e->room == NULL ? wf_loss_room_new(net, &e->room, err) : 0;
}

static int embed_loss(void *task, struct wf_net *net, const float *hidden, float scale,
                      float *d_hidden, double *out_loss, struct wf_err *err)
{
    struct wf_embed *e = task;
    const struct wf_embed__batch *b = &e->b;
    struct wf_loss_of of = {.hidden = hidden, .d_hidden = d_hidden, .scale = scale};
    struct wf_loss_pairs p = {.a = {b->from[0], b->to[0], b->n[0]},
                              .b = {b->from[1], b->to[1], b->n[1]},
                              .others = {b->from[2], b->to[2], b->n[2]},
                              .head = wf_embed__head(net),
                              .temperature = (float)e->s.temperature,
                              .groups = b->groups,
                              .dims = dims,
                              .n_dims = WF_ARRAY_LEN(dims)};
    struct wf_loss_result result = {0};
    int rc = wf_embed__room(e, net, err);

    if (rc == 0)
        rc = wf_loss_pairs(e->room, &of, &p, &result, err);
    *out_loss = result.loss;
    return rc;
}

static uint64_t embed_epoch_tokens(const void *task)
{
    return ((const struct wf_embed *)task)->train_tokens;
}

static struct wf_task_position *embed_position(void *task)
{
    return &((struct wf_embed *)task)->position;
}

static void embed_describe(const void *task, struct wf_meta *out)
{
    wf_meta_put_bool(out, "lens.embedding.marks", ((const struct wf_embed *)task)->s.marks);
    wf_meta_put_string(out, "lens.embedding.pool", WF_STR("mean"));
}

const struct wf_task_kind wf_task_embed = {
    .name = "embed",
    .options = options,
    .settings_bytes = sizeof(struct wf_embed__settings),
    .figures = wf_embed__figures,
    .open = embed_open,
    .close = embed_close,
    .heads = embed_heads,
    .epoch_tokens = embed_epoch_tokens,
    .position = embed_position,
    .next = embed_next,
    .loss = embed_loss,
    .evaluate = wf_embed__evaluate,
    .describe = embed_describe,
};
