/* SPDX-License-Identifier: Apache-2.0 */
/* Entities: names of people and places, dates, amounts in a text, as tags of its words (BIO) under
 * a conditional random field.
 *
 * Sets tag different types, and what a set does not tag is not nothing: outside its entities a word
 * of it may be anything that the set does not know, for all we are told, and the field sums over
 * that. Of types that would then be learned from few sets only, `outside` says how often such words
 * are held to be nothing after all. Each text is cut in windows of whole words; a part of them
 * comes again in small letters, as people type. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "train/entity.h"
#include "train/items.h"
#include "train/loss.h"
#include "train/shuffle.h"
#include "train/split.h"
#include "train/task_list.h"

struct settings {
    char sources[WF_CONF_VALUE_BYTES];
    double outside, lower;
};

/* A window's words: their first tokens and tags, in the arrays of a side. */
struct text {
    uint32_t first, n;
    uint32_t known;
    bool is_noisy;
};

/* What is known of the words of one side. */
struct side {
    uint32_t *tokens; /* [n] the first token of a word, within its window */
    int32_t *tags;    /* [n] or -1 */
    uint64_t *allowed;
    size_t n, cap;
    struct text *texts; /* [n_texts], as the items are numbered */
    size_t n_texts, cap_texts;
};

struct entity {
    struct wf_task_place place;
    struct settings s;
    struct wf_items *items;
    struct side sides[2];
    struct wf_task_position position;
    int32_t begin;
    struct wf_items_batch batch;
    struct wf_loss_room *room;
    uint32_t *rows, *starts; /* [n_tokens_max + 1] of the batch */
    int32_t *tags, *best;
    uint64_t *allowed;
};

/* The source that is read. */
struct source {
    struct entity *e;
    double weight;
    bool is_dev, is_noisy;
    struct wf_ids ids, firsts;
    struct wf_buf lower;
    struct wf_err *err;
};

#define FIELD(f) offsetof(struct settings, f)

static const struct wf_conf_option options[] = {
    {.name = "sources",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(sources),
     .text_bytes = sizeof(((struct settings *)0)->sources),
     .help = "files by ';': PATH FORM KNOWN WEIGHT USE, see docs/lens.md"},
    {.name = "outside",
     .kind = WF_CONF_REAL,
     .offset = FIELD(outside),
     .fallback = "0.5",
     .min = 0,
     .max = 1,
     .help = "how often words that a set says nothing of are held to be no entity"},
    {.name = "lower",
     .kind = WF_CONF_REAL,
     .offset = FIELD(lower),
     .fallback = "0.1",
     .min = 0,
     .max = 1,
     .help = "the part of texts that comes again in small letters"},
    {.name = NULL},
};

static const struct wf_task_figure figures[] = {
    {"f1", "%"}, {"precision", "%"}, {"recall", "%"}, {"noisy_f1", "%"}, {NULL, NULL},
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the texts to train on.");
}

/* ---- reading ---- */

static int reserve(struct side *s, size_t n, struct wf_err *err)
{
    size_t cap = s->cap > 0 ? s->cap : 4096;

    while (cap < s->n + n)
        cap *= 2;
    if (cap != s->cap) {
        uint32_t *tokens = wf_realloc_array(s->tokens, cap, sizeof(*tokens));
        s->tokens = tokens != NULL ? tokens : s->tokens;
        int32_t *tags = wf_realloc_array(s->tags, cap, sizeof(*tags));
        s->tags = tags != NULL ? tags : s->tags;
        uint64_t *allowed = wf_realloc_array(s->allowed, cap, sizeof(*allowed));
        s->allowed = allowed != NULL ? allowed : s->allowed;
        if (tokens == NULL || tags == NULL || allowed == NULL)
            return no_memory(err);
        s->cap = cap;
    }
    if (s->n_texts == s->cap_texts) {
        cap = s->cap_texts > 0 ? 2 * s->cap_texts : 1024;
        struct text *texts = wf_realloc_array(s->texts, cap, sizeof(*texts));
        if (texts == NULL)
            return no_memory(err);
        s->texts = texts;
        s->cap_texts = cap;
    }
    return 0;
}

/* The bytes of a word, without the white space in front. */
static void word_bytes(const struct source *r, struct wf_str text, size_t i, size_t *io_at,
                       size_t *out_from, size_t *out_to)
{
    const struct wf_ids *firsts = &r->firsts;
    size_t to = i + 1 < firsts->n ? (size_t)firsts->ptr[i + 1] : r->ids.n;
    size_t end = *io_at;

    for (size_t k = (size_t)firsts->ptr[i]; k < to; k++)
        end += wf_vocab_bytes(r->e->place.vocab, r->ids.ptr[k]).len;
    end = WF_MIN(end, text.len);
    *out_from = *io_at;
    while (*out_from + 1 < end && (unsigned char)text.ptr[*out_from] <= ' ')
        (*out_from)++;
    *out_to = *io_at = end;
}

/* Adds the words [from, to) of what was encoded as one window. */
static int add_window(struct source *r, const struct wf_data_tagged *t, const int32_t *tags,
                      const uint64_t *allowed, size_t from, size_t to, bool is_dev, double weight)
{
    struct entity *e = r->e;
    struct side *s = &e->sides[is_dev];
    size_t first = (size_t)r->firsts.ptr[from];
    size_t last = to < r->firsts.n ? (size_t)r->firsts.ptr[to] : r->ids.n;
    int rc = reserve(s, to - from, r->err);

    int32_t *ids = e->tags; /* free as long as there is no batch */

    ids[0] = e->begin;
    memcpy(ids + 1, r->ids.ptr + first, (last - first) * sizeof(*ids));
    if (rc == 0)
        rc = wf_items_add(e->items, is_dev, weight, &(struct wf_item_text){ids, last - first + 1},
                          1, r->err);
    if (rc != 0)
        return rc;
    s->texts[s->n_texts++] =
        (struct text){(uint32_t)s->n, (uint32_t)(to - from), t->known, r->is_noisy};
    for (size_t i = from; i < to; i++, s->n++) {
        s->tokens[s->n] = (uint32_t)((size_t)r->firsts.ptr[i] - first + 1);
        s->tags[s->n] = tags[i];
        s->allowed[s->n] = allowed[i];
    }
    return 0;
}

/* All windows of a text that was encoded. */
static int add_windows(struct source *r, const struct wf_data_tagged *t, struct wf_str text,
                       bool is_dev, double weight)
{
    size_t n = r->firsts.n, most = r->e->place.n_text_max - 1, span = 0, last = SIZE_MAX, at = 0;
    int32_t *tags = wf_alloc_array(n + 1, sizeof(*tags));
    uint64_t *allowed = wf_alloc_array(n + 1, sizeof(*allowed));
    uint64_t unknown = wf_entity_unknown_tags(t->known), draw = wf_split_hash(text);
    int rc = tags == NULL || allowed == NULL ? no_memory(r->err) : 0;

    if (!is_dev && wf_draw_real(&draw) < r->e->s.outside)
        unknown = 1;
    for (size_t i = 0; i < n && rc == 0; i++) {
        size_t from, to;
        word_bytes(r, text, i, &at, &from, &to);
        tags[i] = wf_entity_find_tag(t, from, to, unknown, &span, &last, &allowed[i]);
    }
    for (size_t i = 0, to; i < n && rc == 0; i = to) {
        size_t begin = (size_t)r->firsts.ptr[i];
        for (to = i + 1; to < n; to++) {
            size_t end = to + 1 < n ? (size_t)r->firsts.ptr[to + 1] : r->ids.n;
            if (end - begin > most)
                break;
        }
        size_t end = to < n ? (size_t)r->firsts.ptr[to] : r->ids.n;
        if (end - begin <= most) /* a longer word is no name of anything */
            rc = add_window(r, t, tags, allowed, i, to, is_dev, weight);
    }
    wf_free(tags);
    wf_free(allowed);
    return rc;
}

static int encode(struct source *r, struct wf_str text)
{
    r->ids.n = r->firsts.n = 0;
    return wf_vocab_encode_words(r->e->place.vocab, text, &r->ids, &r->firsts, r->err);
}

static int take(void *ud, const struct wf_data_tagged *t, struct wf_err *err)
{
    struct source *r = ud;
    bool is_dev = r->is_dev || wf_split_is_dev(t->key);
    int rc;

    r->err = err;
    if (t->text.len == 0)
        return 0;
    rc = encode(r, t->text);
    if (rc == 0 && (!is_dev || r->weight > 0))
        rc = add_windows(r, t, t->text, is_dev, r->weight);
    if (rc != 0 || is_dev || r->e->s.lower <= 0)
        return rc;
    wf_buf_reset(&r->lower);
    for (size_t i = 0; i < t->text.len; i++) {
        char c = t->text.ptr[i];
        (void)wf_buf_append_byte(&r->lower, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
    }
    if (wf_buf_status(&r->lower) != 0)
        return no_memory(err);
    rc = encode(r, wf_buf_str(&r->lower));
    return rc == 0 ? add_windows(r, t, wf_buf_str(&r->lower), false, r->weight * r->e->s.lower)
                   : rc;
}

/* "PATH FORM KNOWN WEIGHT USE". */
static int read_source(struct entity *e, struct wf_str line, struct wf_err *err)
{
    struct source r = {.e = e};
    struct wf_entity_source source;
    struct wf_buf path;
    int rc = wf_entity_source_parse(line, &source, err);

    if (rc != 0)
        return rc;
    r.weight = source.weight;
    r.is_dev = source.is_dev;
    r.is_noisy = source.is_noisy;
    wf_buf_init(&r.lower, WF_LIMIT_CORPUS_LINE_BYTES);
    wf_buf_init(&path, WF_LIMIT_PATH_BYTES);
    (void)wf_buf_appendf(&path, "%s/%.*s", e->place.data_dir, WF_STR_ARG(source.path));
    rc = wf_buf_status(&path) != 0 ? no_memory(err)
                                   : wf_data_tagged_read(path.ptr, &source.form, take, &r, err);
    wf_buf_deinit(&path);
    wf_buf_deinit(&r.lower);
    wf_free(r.ids.ptr);
    wf_free(r.firsts.ptr);
    return rc;
}

/* ---- opening ---- */

static void entity_close(void *task)
{
    struct entity *e = task;

    if (e == NULL)
        return;
    for (size_t i = 0; i < 2; i++) {
        wf_free(e->sides[i].tokens);
        wf_free(e->sides[i].tags);
        wf_free(e->sides[i].allowed);
        wf_free(e->sides[i].texts);
    }
    wf_items_free(e->items);
    wf_loss_room_free(e->room);
    wf_free(e->rows);
    wf_free(e->starts);
    wf_free(e->tags);
    wf_free(e->best);
    wf_free(e->allowed);
    wf_free(e);
}

static int open_sources(struct entity *e, struct wf_err *err)
{
    struct wf_str rest = wf_str_from(e->s.sources), part;
    int rc = 0;

    while (rc == 0 && wf_str_split(&rest, ';', &part)) {
        part = wf_str_trim(part);
        if (part.len > 0)
            rc = read_source(e, part, err);
    }
    if (rc == 0 && wf_items_n(e->items, false) == 0)
        rc = wf_err_set(err, WF_E_FORMAT, "The sources of entities hold no text to train on.");
    return rc;
}

static int entity_open(const struct wf_task_place *p, const void *settings, void **out,
                       struct wf_err *err)
{
    struct entity *e = wf_alloc_array(1, sizeof(*e));
    size_t n = p->n_tokens_max + 1;
    int rc;

    if (e == NULL)
        return no_memory(err);
    e->place = *p;
    memcpy(&e->s, settings, sizeof(e->s));
    e->begin = wf_vocab_bos(p->vocab);
    e->rows = wf_alloc_array(n, sizeof(*e->rows));
    e->starts = wf_alloc_array(n, sizeof(*e->starts));
    e->tags = wf_alloc_array(n, sizeof(*e->tags));
    e->best = wf_alloc_array(n, sizeof(*e->best));
    e->allowed = wf_alloc_array(n, sizeof(*e->allowed));
    rc = e->rows == NULL || e->starts == NULL || e->tags == NULL || e->best == NULL ||
                 e->allowed == NULL
             ? no_memory(err)
             : wf_items_new(p, &e->items, err);
    if (rc == 0 && e->begin == WF_TOKEN_NONE)
        rc = wf_err_set(err, WF_E_FORMAT, "The vocabulary has no token that begins texts.");
    if (rc == 0)
        rc = open_sources(e, err);
    if (rc == 0)
        *out = e;
    else
        entity_close(e);
    return rc;
}

/* ---- training ---- */

static size_t entity_heads(const void *task, struct wf_net_head out[WF_TASK_HEADS_MAX])
{
    uint32_t dim = ((const struct entity *)task)->place.params->dim;

    out[0] = (struct wf_net_head){"lens.entity.weight", WF_ENTITY_TAGS, dim, 0.02f, true};
    out[1] = (struct wf_net_head){"lens.entity.bias", 1, WF_ENTITY_TAGS, 0, false};
    out[2] =
        (struct wf_net_head){"lens.entity.transitions", WF_ENTITY_TAGS, WF_ENTITY_TAGS, 0, false};
    return 3;
}

static uint64_t entity_epoch_tokens(const void *task)
{
    return wf_items_epoch_tokens(((const struct entity *)task)->items);
}

static struct wf_task_position *entity_position(void *task)
{
    return &((struct entity *)task)->position;
}

static int entity_next(void *task, uint64_t seed, struct wf_net_batch *out, struct wf_err *err)
{
    struct entity *e = task;
    int rc = wf_items_next(e->items, &e->position, 0, &e->batch, err);

    (void)seed;
    *out = e->batch.net;
    return rc;
}

/* The words of the batch, all of one side. */
static void gather(struct entity *e, bool is_dev, struct wf_loss_crf *out)
{
    const struct side *s = &e->sides[is_dev];
    size_t n = 0;

    for (size_t i = 0; i < e->batch.n_items; i++) {
        const struct text *t = &s->texts[e->batch.items[i]];
        e->starts[i] = (uint32_t)n;
        for (size_t k = t->first; k < t->first + t->n; k++, n++) {
            e->rows[n] = e->batch.net.starts[i] + s->tokens[k];
            e->tags[n] = s->tags[k];
            e->allowed[n] = s->allowed[k];
        }
    }
    e->starts[e->batch.n_items] = (uint32_t)n;
    *out = (struct wf_loss_crf){.rows = {.from = e->rows, .n = n},
                                .starts = e->starts,
                                .n_sequences = e->batch.n_items,
                                .targets = e->tags,
                                .allowed = e->allowed};
}

static int run_loss(struct entity *e, struct wf_net *net, const struct wf_loss_of *of,
                    struct wf_loss_crf *c, double *out_loss, struct wf_err *err)
{
    struct wf_loss_result result = {0};
    int rc = e->room == NULL ? wf_loss_room_new(net, &e->room, err) : 0;

    c->head.weight = wf_net_find(net, "lens.entity.weight");
    c->head.bias = wf_net_find(net, "lens.entity.bias");
    c->transitions = wf_net_find(net, "lens.entity.transitions");
    if (rc == 0)
        rc = wf_loss_crf(e->room, of, c, &result, err);
    *out_loss = result.loss;
    return rc;
}

static int entity_loss(void *task, struct wf_net *net, const float *hidden, float scale,
                       float *d_hidden, double *out_loss, struct wf_err *err)
{
    struct wf_loss_of of = {.hidden = hidden, .d_hidden = d_hidden, .scale = scale};
    struct wf_loss_crf c;

    gather(task, false, &c);
    return run_loss(task, net, &of, &c, out_loss, err);
}

/* ---- measuring ---- */

static int entity_evaluate(void *task, struct wf_net *net, double *out, struct wf_err *err)
{
    struct entity *e = task;
    struct wf_items_batch kept = e->batch;
    struct wf_entity_count all = {0}, noisy = {0};
    size_t i = 0;
    int rc = 0;

    while (rc == 0) {
        const float *hidden = NULL;
        struct wf_loss_crf c;
        double loss;
        wf_items_in_order(e->items, true, &i, 0, &e->batch);
        if (e->batch.n_items == 0)
            break;
        rc = wf_net_forward(net, &e->batch.net, false, &hidden, err);
        if (rc != 0)
            break;
        gather(e, true, &c);
        c.out_best = e->best;
        rc = run_loss(e, net, &(struct wf_loss_of){.hidden = hidden}, &c, &loss, err);
        for (size_t k = 0; k < e->batch.n_items && rc == 0; k++) {
            const struct text *t = &e->sides[true].texts[e->batch.items[k]];
            const int32_t *gold = e->tags + e->starts[k], *got = e->best + e->starts[k];
            wf_entity_count(gold, got, t->n, t->known, &all);
            if (t->is_noisy)
                wf_entity_count(gold, got, t->n, WF_ENTITY_NOISY, &noisy);
        }
    }
    e->batch = kept;
    out[0] = wf_entity_f1(&all);
    out[1] = wf_entity_precision(&all);
    out[2] = wf_entity_recall(&all);
    out[3] = wf_entity_f1(&noisy);
    return rc;
}

static void entity_describe(const void *task, struct wf_meta *out)
{
    char names[WF_ENTITY_TAGS][WF_ENTITY_TAG_BYTES];
    const char *labels[WF_ENTITY_TAGS];

    (void)task;
    for (unsigned i = 0; i < WF_ENTITY_TAGS; i++) {
        wf_entity_tag_name(i, names[i]);
        labels[i] = names[i];
    }
    wf_meta_put_strings(out, "lens.entity.labels", labels, WF_ENTITY_TAGS);
}

const struct wf_task_kind wf_task_entity = {
    .name = "entity",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .figures = figures,
    .open = entity_open,
    .close = entity_close,
    .heads = entity_heads,
    .epoch_tokens = entity_epoch_tokens,
    .position = entity_position,
    .next = entity_next,
    .loss = entity_loss,
    .evaluate = entity_evaluate,
    .describe = entity_describe,
};
