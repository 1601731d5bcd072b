/* SPDX-License-Identifier: Apache-2.0 */
/* Salience: which sentences of a text a summary would be made of.
 *
 * People wrote summaries in their own words; what is learned are the sentences that together say
 * most of the same words: chosen greedily by what each adds to ROUGE-1 (Lin 2004; so Nallapati,
 * Zhai, Zhou 2017). Each sentence is scored in the window around it, by the mean of its tokens'
 * hidden states, as the analyser does. Measured is the ROUGE-1 of the best sentences, as many words
 * of them as the summary has, beside the first ones and beside what could be chosen at best; sets
 * (folders) count alike, as in bench_summarize -k, whose figures stand on the same texts. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "text/sentence.h"
#include "train/data_summaries.h"
#include "train/items.h"
#include "train/loss.h"
#include "train/split.h"
#include "train/task_list.h"

#define SOURCE_FIELDS 2u
#define SENTENCES_MAX 8000u /* of one document */
#define GROUPS_MAX 16u      /* folders of sources; each counts alike */

struct settings {
    char sources[WF_CONF_VALUE_BYTES];
    int64_t window;
    double positive;
};

/* Hashes of words, of all that is kept, one after the other. */
struct words {
    uint32_t *ptr;
    size_t n, cap;
};

struct span {
    size_t from, to;
};

/* A sentence of a window. */
struct sentence {
    uint32_t from, to; /* tokens of the window */
    float target;
    uint32_t doc, at; /* dev: of which document, and which of its sentences */
};

struct window {
    size_t first, n; /* sentences */
};

struct side {
    struct sentence *sentences;
    struct window *windows; /* as the items are numbered */
    size_t n_sentences, cap_sentences, n_windows, cap_windows;
};

/* A document that is kept aside: its sentences' words and the summaries'. */
struct doc {
    size_t first_sentence, n_sentences; /* in spans */
    size_t first_ref, n_refs;           /* likewise */
    size_t group;
    double lead, best; /* ROUGE-1 of the first sentences, and of the chosen */
};

struct salience {
    struct wf_task_place place;
    struct settings s;
    struct wf_items *items;
    struct side sides[2];
    struct doc *docs;
    struct span *spans; /* of words */
    float *scores;      /* [n_spans] of sentences, as far as they were measured */
    struct words words;
    size_t n_docs, cap_docs, n_spans, cap_spans;
    uint64_t groups[GROUPS_MAX]; /* of folders' names, [n_groups] */
    size_t n_groups;
    struct wf_task_position position;
    int32_t begin;
    struct wf_items_batch batch;
    struct wf_loss_room *room;
    uint32_t *from, *to; /* [n_tokens_max + 1] of the batch */
    int32_t *ids;
    float *targets, *probs;
};

/* The document that is read. */
struct source {
    struct salience *e;
    double weight;
    size_t group;
    struct wf_ids ids;
    uint32_t *offsets;       /* [ids.n + 1] */
    struct wf_sentence *cut; /* [n_cut] */
    bool *chosen;            /* by any summary */
    uint32_t *tokens_from, *tokens_to;
    size_t n_cut;
    struct wf_err *err;
};

#define FIELD(f) offsetof(struct settings, f)

static const struct wf_conf_option options[] = {
    {.name = "sources",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(sources),
     .text_bytes = WF_CONF_VALUE_BYTES,
     .help = "files by ';': PATH WEIGHT, see docs/lens.md"},
    {.name = "window",
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(window),
     .fallback = "256",
     .min = 16,
     .max = 4096,
     .help = "tokens of a window, of whole sentences"},
    {.name = "positive",
     .kind = WF_CONF_REAL,
     .offset = FIELD(positive),
     .fallback = "4",
     .min = 0.1,
     .max = 100,
     .help = "what a sentence that was chosen counts beside one that was not"},
    {.name = NULL},
};

static const struct wf_task_figure figures[] = {
    {"rouge1", "%"},        {"lead_rouge1", "%"}, {"best_rouge1", "%"},
    {"rouge1_a_text", "%"}, {NULL, NULL},
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the texts to train on.");
}

/* ---- ROUGE-1 ---- */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The words of a text as spans of t->words: runs of ASCII letters and digits, any case. */
static int add_words(struct salience *e, struct wf_str text, struct span *out)
{
    struct words *w = &e->words;

    out->from = w->n;
    for (size_t i = 0; i < text.len;) {
        uint32_t h = 2166136261u;
        size_t from = i;
        for (; i < text.len && is_word(text.ptr[i]); i++) {
            char c = text.ptr[i];
            h = (h ^ (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c)) * 16777619u;
        }
        if (i == from) {
            i++;
            continue;
        }
        if (wf_reserve(&w->ptr, &w->cap, w->n + 1, sizeof(*w->ptr)) != 0)
            return WF_E_NOMEM;
        w->ptr[w->n++] = h;
    }
    out->to = w->n;
    return 0;
}

/* How often words occur: what a summary still lacks. Open addressing, at most half full. */
struct bag {
    uint32_t *keys; /* 0: free */
    int32_t *left;
    size_t mask;
    double n; /* words of the summary */
};

static int32_t *slot(const struct bag *b, uint32_t word)
{
    size_t i = (size_t)(word * 0x9e3779b1u) & b->mask;

    word |= word == 0;
    while (b->keys[i] != 0 && b->keys[i] != word)
        i = (i + 1) & b->mask;
    b->keys[i] = word;
    return &b->left[i];
}

/* A bag of a summary's words with room for looking up others, which are not kept. */
static int bag_of(const struct salience *e, struct span ref, size_t n_others, struct bag *out)
{
    size_t cap = 64;

    while (cap < 2 * (ref.to - ref.from + n_others))
        cap *= 2;
    *out = (struct bag){.mask = cap - 1, .n = (double)(ref.to - ref.from)};
    out->keys = wf_alloc_array(cap, sizeof(*out->keys));
    out->left = wf_alloc_array(cap, sizeof(*out->left));
    if (out->keys == NULL || out->left == NULL) {
        wf_free(out->keys);
        wf_free(out->left);
        return WF_E_NOMEM;
    }
    for (size_t i = ref.from; i < ref.to; i++)
        (*slot(out, e->words.ptr[i]))++;
    return 0;
}

static void bag_free(struct bag *b)
{
    wf_free(b->keys);
    wf_free(b->left);
}

/* How many words of a sentence the summary still lacks; they are taken out when `takes`. */
static double take(const struct salience *e, const struct bag *b, struct span s, bool takes)
{
    double n = 0;

    for (size_t i = s.from; i < s.to; i++)
        n += (*slot(b, e->words.ptr[i]))-- > 0;
    for (size_t i = s.from; i < s.to && !takes; i++)
        (*slot(b, e->words.ptr[i]))++;
    return n;
}

static double f1(double hits, double n, double n_ref)
{
    return n + n_ref > 0 ? 2 * hits / (n + n_ref) : 0;
}

/* Marks the sentences that greedily make most of a summary. */
static int choose(const struct salience *e, const struct span *sentences, size_t n, struct span ref,
                  bool *io_chosen)
{
    size_t first = n > 0 ? sentences[0].from : 0, last = n > 0 ? sentences[n - 1].to : 0;
    bool *taken = wf_alloc_array(n + 1, sizeof(*taken));
    double hits = 0, words = 0;
    struct bag b;

    if (taken == NULL || bag_of(e, ref, last - first, &b) != 0) {
        wf_free(taken);
        return WF_E_NOMEM;
    }
    for (;;) {
        double now = f1(hits, words, b.n), best = now;
        size_t best_i = n;
        for (size_t i = 0; i < n; i++) {
            double size = (double)(sentences[i].to - sentences[i].from), x;
            if (taken[i])
                continue;
            x = f1(hits + take(e, &b, sentences[i], false), words + size, b.n);
            if (x > best) {
                best = x;
                best_i = i;
            }
        }
        if (best_i == n)
            break;
        taken[best_i] = io_chosen[best_i] = true;
        hits += take(e, &b, sentences[best_i], true);
        words += (double)(sentences[best_i].to - sentences[best_i].from);
    }
    bag_free(&b);
    wf_free(taken);
    return 0;
}

/* ---- reading ---- */

static int cut(struct source *r, struct wf_str text)
{
    size_t at = 0;

    r->n_cut = 0;
    while (r->n_cut < SENTENCES_MAX && wf_sentence_next(text, &at, &r->cut[r->n_cut]))
        r->n_cut++;
    memset(r->chosen, 0, r->n_cut * sizeof(*r->chosen));
    return 0;
}

/* The document's tokens, and those of its sentences as the analyser has them. */
static int encode(struct source *r, struct wf_str text)
{
    struct salience *e = r->e;
    size_t at = 0, t = 0;
    int rc;

    r->ids.n = 0;
    rc = wf_vocab_encode(e->place.vocab, text, 0, &r->ids, r->err);
    if (rc != 0)
        return rc;
    wf_free(r->offsets);
    r->offsets = wf_alloc_array(r->ids.n + 1, sizeof(*r->offsets));
    if (r->offsets == NULL)
        return no_memory(r->err);
    for (size_t i = 0; i < r->ids.n; i++) {
        r->offsets[i] = (uint32_t)at;
        at += wf_vocab_bytes(e->place.vocab, r->ids.ptr[i]).len;
    }
    r->offsets[r->ids.n] = (uint32_t)at;
    for (size_t i = 0; i < r->n_cut; i++) {
        size_t k;
        while (t < r->ids.n && r->offsets[t + 1] <= r->cut[i].start)
            t++;
        for (k = t; k < r->ids.n && r->offsets[k] < r->cut[i].end;)
            k++;
        r->tokens_from[i] = (uint32_t)t;
        r->tokens_to[i] = (uint32_t)k;
    }
    return 0;
}

/* Sentences [from, to) as a window. */
static int add_window(struct source *r, size_t from, size_t to, bool is_dev)
{
    struct salience *e = r->e;
    struct side *s = &e->sides[is_dev];
    size_t first = r->tokens_from[from], n = r->tokens_to[to - 1] - first;

    if (wf_reserve(&s->sentences, &s->cap_sentences, s->n_sentences + to - from,
                   sizeof(*s->sentences)) != 0 ||
        wf_reserve(&s->windows, &s->cap_windows, s->n_windows + 1, sizeof(*s->windows)) != 0)
        return no_memory(r->err);
    s->windows[s->n_windows++] = (struct window){s->n_sentences, to - from};
    for (size_t i = from; i < to; i++)
        s->sentences[s->n_sentences++] =
            (struct sentence){.from = (uint32_t)(r->tokens_from[i] - first + 1),
                              .to = (uint32_t)(r->tokens_to[i] - first + 1),
                              .target = r->chosen[i] ? 1.0f : 0.0f,
                              .doc = (uint32_t)e->n_docs - is_dev,
                              .at = (uint32_t)i};
    e->ids[0] = e->begin;
    memcpy(e->ids + 1, r->ids.ptr + first, n * sizeof(*e->ids));
    return wf_items_add(e->items, is_dev, r->weight, &(struct wf_item_text){e->ids, n + 1}, 1,
                        r->err);
}

static int add_windows(struct source *r, bool is_dev)
{
    size_t most = WF_MIN((size_t)r->e->s.window, r->e->place.n_text_max) - 1, to;
    int rc = 0;

    for (size_t from = 0; from < r->n_cut && rc == 0; from = to) {
        /* A sentence that is longer than a window is seen as far as it goes. */
        r->tokens_to[from] =
            (uint32_t)WF_MIN((size_t)r->tokens_to[from], r->tokens_from[from] + most);
        for (to = from + 1; to < r->n_cut; to++) {
            if (r->tokens_to[to] - r->tokens_from[from] > most)
                break;
        }
        if (r->tokens_to[to - 1] > r->tokens_from[from])
            rc = add_window(r, from, to, is_dev);
    }
    return rc;
}

/* The words of all sentences and summaries, and which sentences are chosen. */
static int add_doc(struct source *r, const struct wf_data_summary *q)
{
    struct salience *e = r->e;
    struct doc d = {e->n_spans, r->n_cut, e->n_spans + r->n_cut, q->n_references, r->group, 0, 0};
    int rc = 0;

    if (wf_reserve(&e->docs, &e->cap_docs, e->n_docs + 1, sizeof(*e->docs)) != 0 ||
        wf_reserve(&e->spans, &e->cap_spans, e->n_spans + r->n_cut + q->n_references,
                   sizeof(*e->spans)) != 0)
        return no_memory(r->err);
    for (size_t i = 0; i < r->n_cut && rc == 0; i++)
        rc = add_words(e, wf_str_sub(q->document, r->cut[i].start, r->cut[i].end),
                       &e->spans[e->n_spans++]);
    for (size_t i = 0; i < q->n_references && rc == 0; i++)
        rc = add_words(e, q->references[i], &e->spans[e->n_spans++]);
    for (size_t i = 0; i < q->n_references && rc == 0; i++)
        rc = choose(e, e->spans + d.first_sentence, d.n_sentences, e->spans[d.first_ref + i],
                    r->chosen);
    e->docs[e->n_docs++] = d;
    return rc == 0 ? 0 : no_memory(r->err);
}

static double judge(const struct salience *e, const struct doc *d, const float *scores);

/* SQuALITY asks for the whole story in words; other questions are of parts. */
static bool asks_for_all(struct wf_str query)
{
    return query.len == 0 || wf_str_eq(query, WF_STR("What is the plot of the story?"));
}

static int take_summary(void *ud, const struct wf_data_summary *q, struct wf_err *err)
{
    struct source *r = ud;
    struct salience *e = r->e;
    bool is_dev = wf_split_is_dev(q->key);
    size_t n_spans = e->n_spans, n_words = e->words.n;
    int rc;

    (void)err;
    if (!asks_for_all(q->query) || q->n_references == 0 || q->document.len == 0)
        return 0;
    rc = cut(r, q->document);
    if (rc == 0)
        rc = add_doc(r, q);
    if (rc == 0)
        rc = encode(r, q->document);
    if (rc == 0 && is_dev) {
        struct doc *d = &e->docs[e->n_docs - 1];
        float *scores = wf_alloc_array(r->n_cut + 1, sizeof(*scores));
        if (scores == NULL)
            return no_memory(r->err);
        for (size_t i = 0; i < r->n_cut; i++)
            scores[i] = -(float)i;
        d->lead = judge(e, d, scores);
        for (size_t i = 0; i < r->n_cut; i++)
            scores[i] = r->chosen[i] ? 1.0f : 0.0f;
        d->best = judge(e, d, scores);
        wf_free(scores);
    } else if (rc == 0) { /* their words are not needed again */
        e->n_docs--;
        e->n_spans = n_spans;
        e->words.n = n_words;
    }
    return rc == 0 ? add_windows(r, is_dev) : rc;
}

/* The number of a path's folder; sets of several files are one group. */
static size_t group_of(struct salience *e, struct wf_str path)
{
    size_t n = path.len, i = 0;
    uint64_t name;

    while (n > 0 && path.ptr[n - 1] != '/')
        n--;
    name = wf_str_hash(wf_str_sub(path, 0, n), 1);
    while (i < e->n_groups && e->groups[i] != name)
        i++;
    if (i == e->n_groups && i < GROUPS_MAX)
        e->groups[e->n_groups++] = name;
    return WF_MIN(i, (size_t)GROUPS_MAX - 1);
}

/* "PATH WEIGHT". */
static int read_source(struct source *r, struct wf_str line)
{
    struct wf_str words[SOURCE_FIELDS] = {{NULL, 0}}, rest = line;
    uint64_t hundredths = 0;
    struct wf_buf path;
    size_t n = 0;
    int rc;

    while (n < SOURCE_FIELDS && wf_str_split(&rest, ' ', &words[n]))
        n += words[n].len > 0;
    if (n != SOURCE_FIELDS || !wf_str_to_u64(words[1], &hundredths) || hundredths > 10000)
        return wf_err_set(r->err, WF_E_FORMAT, "'%.*s' is no source: PATH WEIGHT.",
                          WF_STR_ARG(wf_str_sub(line, 0, 80)));
    r->weight = (double)hundredths / 100;
    r->group = group_of(r->e, words[0]);
    wf_buf_init(&path, WF_LIMIT_PATH_BYTES);
    (void)wf_buf_appendf(&path, "%s/%.*s", r->e->place.data_dir, WF_STR_ARG(words[0]));
    rc = wf_buf_status(&path) != 0 ? no_memory(r->err)
                                   : wf_data_summaries_read(path.ptr, take_summary, r, r->err);
    wf_buf_deinit(&path);
    return rc;
}

static int open_sources(struct salience *e, struct wf_err *err)
{
    struct source r = {.e = e, .err = err};
    struct wf_str rest = wf_str_from(e->s.sources), part;
    int rc;

    r.cut = wf_alloc_array(SENTENCES_MAX, sizeof(*r.cut));
    r.chosen = wf_alloc_array(SENTENCES_MAX, sizeof(*r.chosen));
    r.tokens_from = wf_alloc_array(SENTENCES_MAX, sizeof(*r.tokens_from));
    r.tokens_to = wf_alloc_array(SENTENCES_MAX, sizeof(*r.tokens_to));
    rc = r.cut == NULL || r.chosen == NULL || r.tokens_from == NULL || r.tokens_to == NULL
             ? no_memory(err)
             : 0;
    while (rc == 0 && wf_str_split(&rest, ';', &part)) {
        part = wf_str_trim(part);
        if (part.len > 0)
            rc = read_source(&r, part);
    }
    if (rc == 0 && wf_items_n(e->items, false) == 0)
        rc = wf_err_set(err, WF_E_FORMAT, "The sources of salience hold no text to train on.");
    wf_free(r.ids.ptr);
    wf_free(r.offsets);
    wf_free(r.cut);
    wf_free(r.chosen);
    wf_free(r.tokens_from);
    wf_free(r.tokens_to);
    return rc;
}

/* ---- opening ---- */

static void salience_close(void *task)
{
    struct salience *e = task;

    if (e == NULL)
        return;
    void *all[] = {e->docs, e->spans, e->scores,  e->words.ptr, e->from,
                   e->to,   e->ids,   e->targets, e->probs};
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        wf_free(all[i]);
    for (size_t i = 0; i < 2; i++) {
        wf_free(e->sides[i].sentences);
        wf_free(e->sides[i].windows);
    }
    wf_items_free(e->items);
    wf_loss_room_free(e->room);
    wf_free(e);
}

static int open_rooms(struct salience *e, struct wf_err *err)
{
    size_t n = e->place.n_tokens_max + 1;

    e->from = wf_alloc_array(n, sizeof(*e->from));
    e->to = wf_alloc_array(n, sizeof(*e->to));
    e->ids = wf_alloc_array(n, sizeof(*e->ids));
    e->targets = wf_alloc_array(n, sizeof(*e->targets));
    e->probs = wf_alloc_array(n, sizeof(*e->probs));
    return e->from != NULL && e->to != NULL && e->ids != NULL && e->targets != NULL &&
                   e->probs != NULL
               ? 0
               : no_memory(err);
}

static int salience_open(const struct wf_task_place *p, const void *settings, void **out,
                         struct wf_err *err)
{
    struct salience *e = wf_alloc_array(1, sizeof(*e));
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
        rc = open_rooms(e, err);
    if (rc == 0)
        rc = open_sources(e, err);
    if (rc == 0) {
        e->scores = wf_alloc_array(e->n_spans + 1, sizeof(*e->scores));
        rc = e->scores == NULL ? no_memory(err) : 0;
    }
    if (rc == 0)
        *out = e;
    else
        salience_close(e);
    return rc;
}

/* ---- training ---- */

static size_t salience_heads(const void *task, struct wf_net_head out[WF_TASK_HEADS_MAX])
{
    uint32_t dim = ((const struct salience *)task)->place.params->dim;

    out[0] = (struct wf_net_head){"lens.salience.weight", 1, dim, 0.02f, true};
    out[1] = (struct wf_net_head){"lens.salience.bias", 1, 1, 0, false};
    return 2;
}

static uint64_t salience_epoch_tokens(const void *task)
{
    return wf_items_epoch_tokens(((const struct salience *)task)->items);
}

static struct wf_task_position *salience_position(void *task)
{
    return &((struct salience *)task)->position;
}

static int salience_next(void *task, uint64_t seed, struct wf_net_batch *out, struct wf_err *err)
{
    struct salience *e = task;
    int rc = wf_items_next(e->items, &e->position, 0, &e->batch, err);

    (void)seed;
    *out = e->batch.net;
    return rc;
}

/* The i-th window of the batch. */
static const struct window *window_of(const struct salience *e, bool is_dev, size_t i)
{
    return &e->sides[is_dev].windows[e->batch.items[i]];
}

static int run_loss(struct salience *e, struct wf_net *net, const struct wf_loss_of *of,
                    bool is_dev, float *out_probs, double *out_loss, struct wf_err *err)
{
    float positive = (float)e->s.positive;
    struct wf_loss_binary b = {
        .rows = {.from = e->from, .to = e->to},
        .head = {wf_net_find(net, "lens.salience.weight"), wf_net_find(net, "lens.salience.bias")},
        .targets = e->targets,
        .label_weight = &positive,
        .out_probs = out_probs};
    struct wf_loss_result result = {0};
    size_t n = 0;
    int rc = e->room == NULL ? wf_loss_room_new(net, &e->room, err) : 0;

    for (size_t i = 0; i < e->batch.n_items; i++) {
        const struct window *w = window_of(e, is_dev, i);
        for (size_t k = w->first; k < w->first + w->n; k++) {
            const struct sentence *s = &e->sides[is_dev].sentences[k];
            if (s->to <= s->from)
                continue;
            e->from[n] = e->batch.net.starts[i] + s->from;
            e->to[n] = e->batch.net.starts[i] + s->to;
            e->targets[n++] = s->target;
        }
    }
    b.rows.n = n;
    if (rc == 0)
        rc = wf_loss_binary(e->room, of, &b, &result, err);
    *out_loss = result.loss;
    return rc;
}

static int salience_loss(void *task, struct wf_net *net, const float *hidden, float scale,
                         float *d_hidden, double *out_loss, struct wf_err *err)
{
    struct wf_loss_of of = {.hidden = hidden, .d_hidden = d_hidden, .scale = scale};

    return run_loss(task, net, &of, false, NULL, out_loss, err);
}

/* ---- measuring ---- */

/* ROUGE-1 of the sentences with the best scores, while they fit into as many words as the
 * summaries have on average; of several summaries the best counts. 0 without memory. */
static double judge(const struct salience *e, const struct doc *d, const float *scores)
{
    const struct span *sentences = e->spans + d->first_sentence, *refs = e->spans + d->first_ref;
    bool *taken = wf_alloc_array(d->n_sentences + 1, sizeof(*taken));
    size_t most = 0, words = 0;
    double best = 0;

    for (size_t i = 0; i < d->n_refs; i++)
        most += (refs[i].to - refs[i].from) / d->n_refs;
    for (size_t k = 0; k < d->n_sentences && taken != NULL; k++) {
        size_t top = d->n_sentences;
        for (size_t i = 0; i < d->n_sentences; i++) {
            if (!taken[i] && sentences[i].to > sentences[i].from &&
                (top == d->n_sentences || scores[i] > scores[top]))
                top = i;
        }
        if (top == d->n_sentences ||
            (k > 0 && words + sentences[top].to - sentences[top].from > most))
            break;
        taken[top] = true;
        words += sentences[top].to - sentences[top].from;
    }
    for (size_t i = 0; i < d->n_refs && taken != NULL; i++) {
        struct bag b;
        double hits = 0;
        if (bag_of(e, refs[i], words, &b) != 0)
            continue;
        for (size_t k = 0; k < d->n_sentences; k++)
            hits += taken[k] ? take(e, &b, sentences[k], true) : 0;
        best = fmax(best, f1(hits, (double)words, b.n));
        bag_free(&b);
    }
    wf_free(taken);
    return best;
}

static int run_all(struct salience *e, struct wf_net *net, struct wf_err *err)
{
    size_t i = 0;
    int rc = 0;

    while (rc == 0) {
        const float *hidden = NULL;
        double loss;
        size_t n = 0;
        wf_items_in_order(e->items, true, &i, 0, &e->batch);
        if (e->batch.n_items == 0)
            break;
        rc = wf_net_forward(net, &e->batch.net, false, &hidden, err);
        if (rc == 0)
            rc = run_loss(e, net, &(struct wf_loss_of){.hidden = hidden}, true, e->probs, &loss,
                          err);
        for (size_t w = 0; w < e->batch.n_items && rc == 0; w++) {
            const struct window *x = window_of(e, true, w);
            for (size_t k = x->first; k < x->first + x->n; k++) {
                const struct sentence *s = &e->sides[true].sentences[k];
                float *score = &e->scores[e->docs[s->doc].first_sentence + s->at];
                *score = s->to > s->from ? e->probs[n++] : 0.0f;
            }
        }
    }
    return rc;
}

static int salience_evaluate(void *task, struct wf_net *net, double *out, struct wf_err *err)
{
    struct salience *e = task;
    struct wf_items_batch kept = e->batch;
    double n[GROUPS_MAX] = {0}, n_groups = 0;
    int rc = run_all(e, net, err);

    for (size_t i = 0; i < e->n_docs; i++)
        n[e->docs[i].group]++;
    for (size_t i = 0; i < GROUPS_MAX; i++)
        n_groups += n[i] > 0;
    out[0] = out[1] = out[2] = out[3] = 0;
    for (size_t i = 0; i < e->n_docs && rc == 0; i++) {
        const struct doc *d = &e->docs[i];
        double share = 100 / (n[d->group] * n_groups);
        double rouge = judge(e, d, e->scores + d->first_sentence);
        out[0] += share * rouge;
        out[1] += share * d->lead;
        out[2] += share * d->best;
        out[3] += 100 * rouge / (double)e->n_docs;
    }
    e->batch = kept;
    return rc;
}

const struct wf_task_kind wf_task_salience = {
    .name = "salience",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .figures = figures,
    .open = salience_open,
    .close = salience_close,
    .heads = salience_heads,
    .epoch_tokens = salience_epoch_tokens,
    .position = salience_position,
    .next = salience_next,
    .loss = salience_loss,
    .evaluate = salience_evaluate,
};
