/* SPDX-License-Identifier: Apache-2.0 */
/* Two sides, each one array of tokens with where texts and items begin. A pass over the train side
 * is a list of item numbers (weights make some come twice or not at all), gone through in shuffled
 * order. */
#include "train/items.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "train/shuffle.h"

#define ITEMS_MAX (1u << 28)

struct side {
    int32_t *ids;
    uint64_t *texts; /* [n_texts + 1] where they begin in ids */
    uint32_t *items; /* [n_items + 1] where they begin in texts */
    float *weights;  /* [n_items] */
    size_t n_ids, cap_ids, n_texts, cap_texts, n_items, cap_items;
};

struct wf_items {
    struct wf_task_place place;
    struct side sides[2]; /* train, dev */
    uint32_t *pass;       /* [n_pass] item numbers of the pass that is gone through */
    size_t n_pass, cap_pass;
    uint64_t built;                    /* which pass that is, plus 1 */
    int32_t *ids;                      /* of the batch, as are those below: [n_tokens_max] */
    uint32_t *starts, *which, *firsts; /* [n_tokens_max + 1] */
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the texts to train on.");
}

int wf_items_new(const struct wf_task_place *p, struct wf_items **out, struct wf_err *err)
{
    struct wf_items *t = wf_alloc_array(1, sizeof(*t));
    size_t n = p->n_tokens_max + 1;

    *out = NULL;
    if (t == NULL)
        return no_memory(err);
    t->place = *p;
    t->ids = wf_alloc_array(n, sizeof(*t->ids));
    t->starts = wf_alloc_array(n, sizeof(*t->starts));
    t->which = wf_alloc_array(n, sizeof(*t->which));
    t->firsts = wf_alloc_array(n, sizeof(*t->firsts));
    if (t->ids == NULL || t->starts == NULL || t->which == NULL || t->firsts == NULL) {
        wf_items_free(t);
        return no_memory(err);
    }
    *out = t;
    return 0;
}

void wf_items_free(struct wf_items *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < WF_ARRAY_LEN(t->sides); i++) {
        wf_free(t->sides[i].ids);
        wf_free(t->sides[i].texts);
        wf_free(t->sides[i].items);
        wf_free(t->sides[i].weights);
    }
    wf_free(t->pass);
    wf_free(t->ids);
    wf_free(t->starts);
    wf_free(t->which);
    wf_free(t->firsts);
    wf_free(t);
}

/* ---- adding ---- */

/* Room for an item of so many texts and ids. The arrays of one kind grow together. */
static int grow(struct side *s, size_t n_texts, size_t n_ids)
{
    size_t cap = s->cap_items;
    int rc = wf_reserve(&s->ids, &s->cap_ids, s->n_ids + n_ids, sizeof(*s->ids));

    if (rc == 0)
        rc = wf_reserve(&s->texts, &s->cap_texts, s->n_texts + n_texts + 1, sizeof(*s->texts));
    if (rc == 0)
        rc = wf_reserve(&s->weights, &cap, s->n_items + 2, sizeof(*s->weights));
    if (rc == 0)
        rc = wf_reserve(&s->items, &s->cap_items, s->n_items + 2, sizeof(*s->items));
    return rc;
}

int wf_items_add(struct wf_items *t, bool is_dev, double weight, const struct wf_item_text *texts,
                 size_t n_texts, struct wf_err *err)
{
    struct side *s = &t->sides[is_dev];
    size_t n_ids = 0;

    for (size_t i = 0; i < n_texts; i++)
        n_ids += texts[i].n;
    if (n_ids > t->place.n_tokens_max || n_ids == 0)
        return wf_err_set(err, WF_E_LIMIT, "A text of %zu tokens does not fit into a batch of %zu.",
                          n_ids, t->place.n_tokens_max);
    if (s->n_texts + n_texts >= ITEMS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "There are too many texts to train on.");
    if (grow(s, n_texts, n_ids) != 0)
        return no_memory(err);
    s->texts[0] = s->items[0] = 0;
    for (size_t i = 0; i < n_texts; i++) {
        memcpy(s->ids + s->n_ids, texts[i].ids, texts[i].n * sizeof(*s->ids));
        s->n_ids += texts[i].n;
        s->texts[++s->n_texts] = s->n_ids;
    }
    s->weights[s->n_items++] = (float)weight;
    s->items[s->n_items] = (uint32_t)s->n_texts;
    t->built = 0;
    return 0;
}

size_t wf_items_n(const struct wf_items *t, bool is_dev)
{
    return t->sides[is_dev].n_items;
}

uint64_t wf_items_n_tokens(const struct wf_items *t, bool is_dev)
{
    return t->sides[is_dev].n_ids;
}

static size_t item_ids(const struct side *s, size_t i)
{
    return (size_t)(s->texts[s->items[i + 1]] - s->texts[s->items[i]]);
}

uint64_t wf_items_epoch_tokens(const struct wf_items *t)
{
    const struct side *s = &t->sides[false];
    double sum = 0;

    for (size_t i = 0; i < s->n_items; i++)
        sum += (double)s->weights[i] * (double)item_ids(s, i);
    return (uint64_t)sum;
}

/* ---- batches ---- */

/* Lists the items of a pass. */
static int prepare(struct wf_items *t, uint64_t epoch, struct wf_err *err)
{
    const struct side *s = &t->sides[false];
    uint64_t seed = wf_seed_mix(t->place.seed, epoch);

    if (t->built == epoch + 1)
        return 0;
    t->n_pass = 0;
    for (size_t i = 0; i < s->n_items; i++) {
        uint64_t draw = wf_seed_mix(seed, i);
        double whole = floor((double)s->weights[i]), rest = (double)s->weights[i] - whole;
        size_t n = (size_t)whole + (rest > 0 && wf_draw_real(&draw) < rest);
        for (size_t k = 0; k < n; k++) {
            if (wf_reserve(&t->pass, &t->cap_pass, t->n_pass + 1, sizeof(*t->pass)) != 0)
                return no_memory(err);
            t->pass[t->n_pass++] = (uint32_t)i;
        }
    }
    t->built = epoch + 1;
    return 0;
}

static void begin(struct wf_items *t, struct wf_items_batch *out)
{
    t->starts[0] = t->firsts[0] = 0;
    *out = (struct wf_items_batch){
        .net = {.ids = t->ids, .starts = t->starts}, .items = t->which, .firsts = t->firsts};
}

/* Adds an item to the batch; false: it does not fit. */
static bool put(struct wf_items *t, const struct side *s, size_t i, struct wf_items_batch *io)
{
    size_t at = t->starts[io->net.n_texts], n = item_ids(s, i);

    if (at + n > t->place.n_tokens_max)
        return false;
    memcpy(t->ids + at, s->ids + s->texts[s->items[i]], n * sizeof(*t->ids));
    for (size_t k = s->items[i]; k < s->items[i + 1]; k++) {
        at += (size_t)(s->texts[k + 1] - s->texts[k]);
        t->starts[++io->net.n_texts] = (uint32_t)at;
    }
    t->which[io->n_items++] = (uint32_t)i;
    t->firsts[io->n_items] = (uint32_t)io->net.n_texts;
    return true;
}

int wf_items_next(struct wf_items *t, struct wf_task_position *io, size_t n_items_max,
                  struct wf_items_batch *out, struct wf_err *err)
{
    begin(t, out);
    for (;;) {
        uint64_t at = io->i * t->place.n_ranks + t->place.rank;
        int rc = prepare(t, io->epoch, err);
        if (rc != 0)
            return rc;
        if (at >= t->n_pass) {
            if (io->i == 0)
                return wf_err_set(err, WF_E_FORMAT, "There are too few texts to train on.");
            *io = (struct wf_task_position){io->epoch + 1, 0};
            continue;
        }
        if (n_items_max != 0 && out->n_items == n_items_max)
            return 0;
        at = wf_shuffle_at(wf_seed_mix(t->place.seed, io->epoch), t->n_pass, at);
        if (!put(t, &t->sides[false], t->pass[at], out))
            return 0;
        io->i++;
    }
}

void wf_items_in_order(struct wf_items *t, bool is_dev, size_t *io_i, size_t n_items_max,
                       struct wf_items_batch *out)
{
    const struct side *s = &t->sides[is_dev];

    begin(t, out);
    while (*io_i < s->n_items && (n_items_max == 0 || out->n_items < n_items_max) &&
           put(t, s, *io_i, out))
        (*io_i)++;
}
