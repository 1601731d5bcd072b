/* SPDX-License-Identifier: Apache-2.0 */
/* What embeddings are worth, by vectors alone, of what is kept aside: whether a question finds its
 * passage among all of its language, and in the first language; whether a sentence finds its
 * translation. What is searched is filled up with texts that were trained on. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "train/task_embed_internal.h"

#define PASSAGE_TIMES 2u /* passages are read further than while training */
#define AT_MOST 5u

const struct wf_task_figure wf_embed__figures[] = {
    {"recall_1", "%"}, {"across_1", "%"},    {"across_5", "%"}, {"west_5", "%"}, {"bare_1", "%"},
    {"titled_1", "%"}, {"sentences_1", "%"}, {"news_1", "%"},   {NULL, NULL},
};

struct exam {
    struct wf_embed *e;
    const struct wf_embed__encoder *by;
    struct wf_embed__source *s;
    uint32_t *units; /* [n] those that are kept aside first */
    size_t n, n_dev;
    float *first, *own; /* [n, 256] of the first language, of a slot */
    struct wf_err *err;
};

struct share {
    double right, n;
};

static void count(struct share *io, bool is_right)
{
    io->right += is_right;
    io->n += 1;
}

static double percent(const struct share *s)
{
    return s->n > 0 ? 100 * s->right / s->n : (double)NAN;
}

/* ---- embeddings ---- */

static int embed(struct exam *x, const uint32_t *texts, const uint32_t *titles, size_t n,
                 bool is_question, float *out)
{
    return x->by->embed(x->by->ud, texts, titles, n, is_question, out, x->err);
}

size_t wf_embed__fill(struct wf_embed *e, const uint32_t *texts, const uint32_t *titles, size_t n,
                      bool is_question)
{
    size_t i = 0;

    wf_embed__begin(&e->b);
    for (; i < n && texts[i] != WF_EMBED__NONE; i++) {
        struct wf_embed__put p = {.text = texts[i],
                                  .title = titles != NULL ? titles[i] : WF_EMBED__NONE,
                                  .n_max = PASSAGE_TIMES * (size_t)e->s.tokens,
                                  .is_question = is_question};
        if (!wf_embed__put(e, &p))
            break;
    }
    return i;
}

/* A network that is being trained. */
struct by_net {
    struct wf_embed *e;
    struct wf_net *net;
};

static int embed_by_net(void *ud, const uint32_t *texts, const uint32_t *titles, size_t n,
                        bool is_question, float *out, struct wf_err *err)
{
    struct by_net *by = ud;
    const struct wf_embed__batch *b = &by->e->b;
    size_t done = 0;
    int rc = 0;

    memset(out, 0, n * WF_EMBED__DIMS * sizeof(*out));
    while (done < n && rc == 0) {
        const float *hidden = NULL;
        size_t from = done;
        if (texts[done] == WF_EMBED__NONE) {
            done++;
            continue;
        }
        done += wf_embed__fill(by->e, texts + from, titles != NULL ? titles + from : NULL, n - from,
                               is_question);
        rc = wf_net_forward(
            by->net,
            &(struct wf_net_batch){.ids = b->ids, .starts = b->starts, .n_texts = b->n_windows},
            false, &hidden, err);
        struct wf_loss_rows rows = {b->from[0], b->to[0], b->n[0]};
        struct wf_loss_head head = wf_embed__head(by->net);
        if (rc == 0)
            rc = wf_loss_embed(by->e->room, hidden, &rows, &head, out + from * WF_EMBED__DIMS, err);
    }
    return rc;
}

static int embed_slot(struct exam *x, size_t slot, bool has_titles, float *out)
{
    uint32_t *texts = wf_alloc_array(2 * x->n + 1, sizeof(*texts)), *titles;
    int rc;

    if (texts == NULL)
        return wf_embed__no_memory(x->err);
    titles = texts + x->n;
    for (size_t i = 0; i < x->n; i++) {
        const struct wf_embed__cell *c = wf_embed__cell(x->s, x->units[i], slot);
        texts[i] = c->b;
        titles[i] = c->title;
    }
    rc = embed(x, texts, has_titles ? titles : NULL, x->n, false, out);
    wf_free(texts);
    return rc;
}

static float near(const float *a, const float *b)
{
    float sum = 0;

    for (size_t i = 0; i < WF_EMBED__DIMS; i++)
        sum += a[i] * b[i];
    return sum;
}

/* How many of others are nearer to `a` than number i of rows. */
static size_t rank(const struct exam *x, const float *a, const float *rows, size_t i)
{
    float own = near(a, rows + i * WF_EMBED__DIMS);
    uint32_t group = x->s->units[x->units[i]].group;
    size_t n = 0;

    for (size_t k = 0; k < x->n; k++) {
        if (x->s->units[x->units[k]].group != group)
            n += near(a, rows + k * WF_EMBED__DIMS) >= own;
    }
    return n;
}

/* ---- which texts ---- */

static int exam_init(struct exam *x)
{
    size_t most = (size_t)x->e->s.candidates;

    x->n = x->n_dev = 0;
    x->units = wf_alloc_array(most, sizeof(*x->units));
    x->first = wf_alloc_array(most * WF_EMBED__DIMS, sizeof(*x->first));
    x->own = wf_alloc_array(most * WF_EMBED__DIMS, sizeof(*x->own));
    if (x->units == NULL || x->first == NULL || x->own == NULL)
        return wf_embed__no_memory(x->err);
    for (int is_dev = 1; is_dev >= 0; is_dev--) {
        for (uint32_t i = 0; i < x->s->n_units && x->n < most; i++) {
            if (x->s->units[i].is_dev == (is_dev != 0))
                x->units[x->n++] = i;
        }
        x->n_dev = is_dev != 0 ? x->n : x->n_dev;
    }
    return 0;
}

static void exam_deinit(struct exam *x)
{
    wf_free(x->units);
    wf_free(x->first);
    wf_free(x->own);
    x->units = NULL;
    x->first = x->own = NULL;
}

/* ---- questions ---- */

struct found {
    struct share own_1, across_1, across_5, west_5;
    struct share bare_1, titled_1; /* in the first language, without and with titles above */
};

static bool is_west(const char *name)
{
    return strcmp(name, "de") == 0 || strcmp(name, "es") == 0 || strcmp(name, "fr") == 0;
}

static void count_ranks(const struct exam *x, size_t slot, size_t own, size_t first,
                        struct found *io)
{
    count(&io->own_1, own < 1);
    if (slot == x->s->pivot) {
        count(&io->bare_1, own < 1);
        return;
    }
    count(&io->across_1, first < 1);
    count(&io->across_5, first < AT_MOST);
    if (is_west(x->s->slots[slot]))
        count(&io->west_5, first < AT_MOST);
}

/* The questions of one passage in one language; with titles only these count. */
static int ask(struct exam *x, size_t slot, size_t i, bool has_titles, struct found *io)
{
    const struct wf_embed__cell *c = wf_embed__cell(x->s, x->units[i], slot);
    uint32_t *texts = wf_alloc_array(c->n_links + (size_t)1, sizeof(*texts));
    float *a = wf_alloc_array((c->n_links + (size_t)1) * WF_EMBED__DIMS, sizeof(*a));
    size_t n = 0;
    int rc;

    if (texts == NULL || a == NULL) {
        rc = wf_embed__no_memory(x->err);
        goto out;
    }
    for (uint32_t k = c->links; k != WF_EMBED__NONE; k = x->e->links[k].next)
        texts[n++] = x->e->links[k].text;
    rc = embed(x, texts, NULL, n, true, a);
    for (size_t k = 0; k < n && rc == 0; k++) {
        size_t own = rank(x, a + k * WF_EMBED__DIMS, x->own, i);
        if (has_titles)
            count(&io->titled_1, own < 1);
        else
            count_ranks(x, slot, own, rank(x, a + k * WF_EMBED__DIMS, x->first, i), io);
    }
out:
    wf_free(texts);
    wf_free(a);
    return rc;
}

/* All languages have the same questions, so that the mean over questions is that over languages. */
static int exam_finds(struct exam *x, struct found *io)
{
    int rc = embed_slot(x, x->s->pivot, false, x->first);

    for (size_t slot = 0; slot < x->s->n_used && rc == 0; slot++) {
        rc = embed_slot(x, slot, false, x->own);
        for (size_t i = 0; i < x->n_dev && rc == 0; i++)
            rc = ask(x, slot, i, false, io);
    }
    if (rc == 0)
        rc = embed_slot(x, x->s->pivot, true, x->own);
    for (size_t i = 0; i < x->n_dev && rc == 0; i++)
        rc = ask(x, x->s->pivot, i, true, io);
    return rc;
}

/* ---- translations ---- */

static int exam_translates(struct exam *x, struct share *io)
{
    int rc = embed_slot(x, x->s->pivot, false, x->first);

    for (size_t slot = 0; slot < x->s->n_used && rc == 0; slot++) {
        if (slot == x->s->pivot)
            continue;
        rc = embed_slot(x, slot, false, x->own);
        for (size_t i = 0; i < x->n_dev && rc == 0; i++)
            count(io, rank(x, x->own + i * WF_EMBED__DIMS, x->first, i) < 1);
    }
    return rc;
}

int wf_embed__examine(struct wf_embed *e, const struct wf_embed__encoder *by, double *out,
                      struct wf_err *err)
{
    struct exam x = {.e = e, .by = by, .err = err};
    struct found found = {0};
    struct share sentences = {0}, news = {0};
    int rc = 0;

    for (size_t i = 0; i < e->n_sources && rc == 0; i++) {
        x.s = &e->sources[i];
        if (x.s->exam == WF_EMBED__NO_EXAM)
            continue;
        rc = exam_init(&x);
        if (rc == 0)
            rc = x.s->exam == WF_EMBED__FINDS
                     ? exam_finds(&x, &found)
                     : exam_translates(&x, x.s->n_used > 2 ? &news : &sentences);
        exam_deinit(&x);
    }
    const struct share *const all[] = {
        &found.own_1,  &found.across_1, &found.across_5, &found.west_5,
        &found.bare_1, &found.titled_1, &sentences,      &news};
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        out[i] = percent(all[i]);
    return rc;
}

int wf_embed__evaluate(void *task, struct wf_net *net, double *out, struct wf_err *err)
{
    struct by_net by = {task, net};
    const struct wf_embed__encoder encoder = {embed_by_net, &by};
    int rc = wf_embed__room(task, net, err);

    return rc == 0 ? wf_embed__examine(task, &encoder, out, err) : rc;
}
