/* SPDX-License-Identifier: Apache-2.0 */
/* Words that were hidden, told from what stands around them: what a network reads before it learns
 * its tasks (Devlin et al. 2019; whole words).
 *
 * Texts lie in shards of tokens. Each pass over them cuts long texts into windows anew (where they
 * begin differs from pass to pass), and gives windows out in a shuffled order; what is kept in
 * memory is where windows lie, twelve bytes each. A batch is as many windows as fit, each behind
 * <s>. A fifth of the words is asked for: of ten, eight stand there as <mask>, one as random
 * tokens, one as they are. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "train/corpus.h"
#include "train/corpus_shards.h"
#include "train/loss.h"
#include "train/shuffle.h"
#include "train/task.h"
#include "train/task_list.h"
#include "train/words.h"

#define SOURCES_MAX 4096u
#define WINDOWS_MAX UINT32_MAX
/* Windows of a text overlap by nothing; the first of a long one has between this and all. */
#define WINDOW_MIN 8u

struct settings {
    char corpus[1024];
    char shards[1024];
    double mask;
    int64_t dev_tokens;
};

struct window {
    uint32_t text, from;
    uint16_t source, n; /* tokens without <s> */
};

struct windows {
    struct window *items;
    size_t n, cap;
};

/* A source's files. */
struct source {
    struct wf_shard *train, *dev;
    double weight; /* how often a text is seen in one pass */
};

/* Room for one batch. */
struct batch {
    int32_t *ids;     /* [n_tokens_max] */
    uint32_t *starts; /* [n_tokens_max + 1] */
    uint32_t *rows;   /* [n_tokens_max] tokens that are asked for */
    int32_t *targets; /* [n_tokens_max] */
    uint32_t *words;  /* [n_tokens_max + 1] where words begin */
    size_t n_texts, n_rows;
};

struct mlm {
    struct wf_task_place place;
    struct settings s;
    size_t n_window; /* tokens of a window, without <s> */
    struct source *sources;
    size_t n_sources;
    struct windows train, dev;
    uint64_t built; /* the pass that `train` is of, plus 1; 0: none */
    struct wf_task_position position;
    uint64_t epoch_tokens;
    struct wf_words *table;
    int32_t begin, mask;
    struct batch b;
    struct wf_loss_room *room; /* made when first needed: a network is */
};

#define FIELD(f) offsetof(struct settings, f)

static const struct wf_conf_option options[] = {
    {.name = "corpus",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(corpus),
     .text_bytes = sizeof(((struct settings *)0)->corpus),
     .help = "the list of sources, relative to the working folder"},
    {.name = "shards",
     .kind = WF_CONF_TEXT,
     .offset = FIELD(shards),
     .text_bytes = sizeof(((struct settings *)0)->shards),
     .fallback = "shards",
     .help = "folder of the sources' tokens, in the work folder"},
    {.name = "mask",
     .kind = WF_CONF_REAL,
     .offset = FIELD(mask),
     .fallback = "0.2",
     .min = 0.01,
     .max = 0.9,
     .help = "the part of words that is asked for"},
    {.name = "dev_tokens",
     .kind = WF_CONF_NUMBER,
     .offset = FIELD(dev_tokens),
     .fallback = "65536",
     .min = 1,
     .max = 1e9,
     .help = "tokens that a look at what is kept aside takes"},
    {.name = NULL},
};

static const struct wf_task_figure figures[] = {
    {"loss", ""},
    {"accuracy", "%"},
    {NULL, NULL},
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the texts to train on.");
}

/* ---- windows ---- */

static int push(struct windows *w, struct window one, struct wf_err *err)
{
    if (w->n == WINDOWS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "There are too many texts to train on.");
    if (w->n == w->cap) {
        size_t cap = w->cap > 0 ? 2 * w->cap : 1024;
        struct window *items = wf_realloc_array(w->items, cap, sizeof(*items));
        if (items == NULL)
            return no_memory(err);
        w->items = items;
        w->cap = cap;
    }
    w->items[w->n++] = one;
    return 0;
}

/* The windows of one text. The first of a long one is shorter, by chance. */
static int cut_text(const struct mlm *m, size_t i_source, uint64_t i_text, size_t n, uint64_t seed,
                    struct windows *out, struct wf_err *err)
{
    size_t from = 0, len = m->n_window;
    int rc = 0;

    if (n > m->n_window)
        len = WINDOW_MIN + wf_draw_below(&seed, m->n_window - WINDOW_MIN + 1);
    while (from < n && rc == 0) {
        len = WF_MIN(len, n - from);
        struct window w = {
            .text = (uint32_t)i_text, .from = (uint32_t)from, .source = (uint16_t)i_source};
        w.n = (uint16_t)len;
        rc = push(out, w, err);
        from += len;
        len = m->n_window;
    }
    return rc;
}

/* Windows of all texts of a source, each as often as this pass sees it. */
static int cut_source(const struct mlm *m, size_t i_source, const struct wf_shard *shard,
                      uint64_t seed, struct windows *out, struct wf_err *err)
{
    uint64_t n_texts = wf_shard_head(shard)->n_texts;
    double weight = m->sources[i_source].weight;
    int rc = 0;

    if (n_texts > UINT32_MAX)
        return wf_err_set(err, WF_E_LIMIT, "There are too many texts to train on.");
    for (uint64_t i = 0; i < n_texts && rc == 0; i++) {
        uint64_t draw = wf_seed_mix(wf_seed_mix(seed, i_source), i);
        double left = weight;
        while (left > 0 && rc == 0 && (left >= 1 || wf_draw_real(&draw) < left)) {
            rc =
                cut_text(m, i_source, i, wf_shard_text_len(shard, i), wf_draw_u64(&draw), out, err);
            left -= 1;
        }
    }
    return rc;
}

static int cut(struct mlm *m, bool is_dev, uint64_t seed, struct windows *out, struct wf_err *err)
{
    int rc = 0;

    out->n = 0;
    for (size_t i = 0; i < m->n_sources && rc == 0; i++)
        rc = cut_source(m, i, is_dev ? m->sources[i].dev : m->sources[i].train, seed, out, err);
    return rc;
}

/* Makes the windows of the pass that the position is in. */
static int prepare(struct mlm *m, struct wf_err *err)
{
    int rc = 0;

    if (m->built != m->position.epoch + 1) {
        rc = cut(m, false, wf_seed_mix(m->place.seed, m->position.epoch), &m->train, err);
        m->built = rc == 0 ? m->position.epoch + 1 : 0;
    }
    return rc;
}

/* ---- opening ---- */

static int open_shard(const struct mlm *m, const struct wf_corpus_source *s, const char *dir,
                      bool is_dev, struct wf_shard **out, struct wf_err *err)
{
    struct wf_buf path;
    int rc;

    wf_buf_init(&path, WF_LIMIT_PATH_BYTES);
    rc = wf_corpus_shard_path(s, dir, is_dev, &path, err);
    if (rc == 0)
        rc = wf_shard_open(path.ptr, out, err);
    if (rc == WF_E_NOENT)
        rc = wf_err_set(err, rc, "%s is not there: run weft train shards first.", path.ptr);
    if (rc == 0 && wf_shard_head(*out)->vocab_hash != wf_shard_vocab_hash(m->place.vocab))
        rc = wf_err_set(err, WF_E_FORMAT,
                        "%s was made with another vocabulary: run weft train shards again.",
                        path.ptr);
    wf_buf_deinit(&path);
    return rc;
}

static int open_sources(struct mlm *m, const struct wf_corpus *c, const char *dir,
                        struct wf_err *err)
{
    size_t n = wf_corpus_n_sources(c);
    int rc = 0;

    if (n > SOURCES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "There are more than %u sources.", SOURCES_MAX);
    m->sources = wf_alloc_array(n + 1, sizeof(*m->sources));
    if (m->sources == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct wf_corpus_source *s = wf_corpus_source(c, i);
        struct source *to = &m->sources[m->n_sources];
        if (s->epoch_hundredths == 0)
            continue;
        to->weight = s->epoch_hundredths / 100.0;
        m->n_sources++;
        rc = open_shard(m, s, dir, false, &to->train, err);
        if (rc == 0)
            rc = open_shard(m, s, dir, true, &to->dev, err);
        if (rc == 0)
            m->epoch_tokens +=
                (uint64_t)(to->weight * (double)(wf_shard_head(to->train)->n_tokens));
    }
    return rc;
}

static int open_corpus(struct mlm *m, struct wf_err *err)
{
    struct wf_corpus *c = NULL;
    struct wf_buf dir;
    int rc;

    wf_buf_init(&dir, WF_LIMIT_PATH_BYTES);
    if (m->s.shards[0] != '/' && m->place.work_dir[0] != 0)
        (void)wf_buf_appendf(&dir, "%s/", m->place.work_dir);
    (void)wf_buf_append_cstr(&dir, m->s.shards);
    rc = wf_buf_status(&dir) != 0 ? no_memory(err) : wf_corpus_open(m->s.corpus, &c, err);
    if (rc == 0)
        rc = open_sources(m, c, dir.ptr, err);
    wf_corpus_free(c);
    wf_buf_deinit(&dir);
    return rc;
}

static int find_tokens(struct mlm *m, struct wf_err *err)
{
    m->begin = wf_vocab_find(m->place.vocab, WF_STR("<s>"));
    m->mask = wf_vocab_find(m->place.vocab, WF_STR("<mask>"));
    if (m->begin == WF_TOKEN_NONE || m->mask == WF_TOKEN_NONE)
        return wf_err_set(err, WF_E_FORMAT, "The vocabulary lacks the tokens <s> and <mask>.");
    return wf_words_new(m->place.vocab, &m->table, err);
}

static int make_room(struct mlm *m, struct wf_err *err)
{
    size_t n = m->place.n_tokens_max;
    struct batch *b = &m->b;

    b->ids = wf_alloc_array(n, sizeof(*b->ids));
    b->starts = wf_alloc_array(n + 1, sizeof(*b->starts));
    b->rows = wf_alloc_array(n, sizeof(*b->rows));
    b->targets = wf_alloc_array(n, sizeof(*b->targets));
    b->words = wf_alloc_array(n + 1, sizeof(*b->words));
    if (b->ids == NULL || b->starts == NULL || b->rows == NULL || b->targets == NULL ||
        b->words == NULL)
        return no_memory(err);
    return 0;
}

static void mlm_close(void *task)
{
    struct mlm *m = task;

    if (m == NULL)
        return;
    for (size_t i = 0; i < m->n_sources; i++) {
        wf_shard_close(m->sources[i].train);
        wf_shard_close(m->sources[i].dev);
    }
    wf_free(m->sources);
    wf_free(m->train.items);
    wf_free(m->dev.items);
    wf_free(m->b.ids);
    wf_free(m->b.starts);
    wf_free(m->b.rows);
    wf_free(m->b.targets);
    wf_free(m->b.words);
    wf_words_free(m->table);
    wf_loss_room_free(m->room);
    wf_free(m);
}

static int mlm_open(const struct wf_task_place *p, const void *settings, void **out,
                    struct wf_err *err)
{
    struct mlm *m = wf_alloc_array(1, sizeof(*m));
    int rc;

    if (m == NULL)
        return no_memory(err);
    m->place = *p;
    memcpy(&m->s, settings, sizeof(m->s));
    m->n_window = WF_MIN(p->n_text_max - 1, (size_t)UINT16_MAX);
    rc = m->n_window >= WINDOW_MIN
             ? find_tokens(m, err)
             : wf_err_set(err, WF_E_RANGE, "text_tokens must be above %u.", WINDOW_MIN);
    if (rc == 0)
        rc = open_corpus(m, err);
    if (rc == 0)
        rc = make_room(m, err);
    if (rc == 0)
        rc = cut(m, true, 1, &m->dev, err);
    if (rc == 0)
        rc = prepare(m, err);
    if (rc == 0 && m->train.n == 0)
        rc = wf_err_set(err, WF_E_FORMAT, "%s gives no texts to train on.", m->s.corpus);
    m->epoch_tokens += m->train.n; /* <s> of each */
    if (rc == 0)
        *out = m;
    else
        mlm_close(m);
    return rc;
}

/* ---- batches ---- */

/* Adds a window behind those that the batch has; false: it has no more room. */
static bool add_window(struct mlm *m, const struct window *w, bool is_dev)
{
    struct batch *b = &m->b;
    const struct source *s = &m->sources[w->source];
    uint32_t at = b->starts[b->n_texts];

    if (at + 1 + w->n > m->place.n_tokens_max)
        return false;
    b->ids[at] = m->begin;
    wf_shard_read(is_dev ? s->dev : s->train, w->text, w->from, w->n, b->ids + at + 1);
    b->n_texts++;
    b->starts[b->n_texts] = at + 1 + w->n;
    return true;
}

static int32_t random_token(const struct mlm *m, uint64_t *io_draw)
{
    int32_t id;

    do
        id = (int32_t)wf_draw_below(io_draw, wf_vocab_size(m->place.vocab));
    while (wf_vocab_kind(m->place.vocab, id) != WF_TOKEN_NORMAL);
    return id;
}

/* Hides the word [from, to). */
static void ask(struct mlm *m, uint32_t from, uint32_t to, uint64_t *io_draw)
{
    struct batch *b = &m->b;
    uint64_t dice = wf_draw_below(io_draw, 10);

    for (uint32_t i = from; i < to; i++) {
        b->rows[b->n_rows] = i;
        b->targets[b->n_rows++] = b->ids[i];
        if (dice < 8)
            b->ids[i] = m->mask;
        else if (dice < 9)
            b->ids[i] = random_token(m, io_draw);
    }
}

/* Asks for a part of each text's words, at least one: those that a partial shuffle picks, so that
 * every text is asked for as many as it should be. */
static void ask_texts(struct mlm *m, uint64_t draw)
{
    struct batch *b = &m->b;

    b->n_rows = 0;
    for (size_t t = 0; t < b->n_texts; t++) {
        uint32_t from = b->starts[t] + 1, to = b->starts[t + 1];
        size_t n = wf_words_find(m->table, b->ids, from, to, b->words);
        size_t n_asked = (size_t)(m->s.mask * (double)n + wf_draw_real(&draw));
        n_asked = WF_MIN(WF_MAX(n_asked, (size_t)1), n);
        for (size_t k = 0, left = n; k < n && n_asked > 0; k++, left--) {
            if (wf_draw_below(&draw, left) >= n_asked)
                continue;
            ask(m, b->words[k], k + 1 < n ? b->words[k + 1] : to, &draw);
            n_asked--;
        }
    }
}

static int mlm_next(void *task, uint64_t seed, struct wf_net_batch *out, struct wf_err *err)
{
    struct mlm *m = task;
    struct batch *b = &m->b;

    b->n_texts = 0;
    b->starts[0] = 0;
    for (;;) {
        uint64_t at = m->position.i * m->place.n_ranks + m->place.rank;
        int rc = prepare(m, err);
        if (rc != 0)
            return rc;
        if (at >= m->train.n) {
            if (m->position.i == 0)
                return wf_err_set(err, WF_E_FORMAT, "There are too few texts to train on.");
            m->position = (struct wf_task_position){m->position.epoch + 1, 0};
            continue;
        }
        at = wf_shuffle_at(wf_seed_mix(m->place.seed, m->position.epoch), m->train.n, at);
        if (!add_window(m, &m->train.items[at], false))
            break;
        m->position.i++;
    }
    ask_texts(m, seed);
    *out = (struct wf_net_batch){.ids = b->ids, .starts = b->starts, .n_texts = b->n_texts};
    return 0;
}

static int words_loss(struct mlm *m, struct wf_net *net, const struct wf_loss_of *of,
                      struct wf_loss_result *out, struct wf_err *err)
{
    struct wf_loss_words w = {.rows = {.from = m->b.rows, .n = m->b.n_rows},
                              .targets = m->b.targets};
    int rc = m->room == NULL ? wf_loss_room_new(net, &m->room, err) : 0;

    return rc == 0 ? wf_loss_words(m->room, of, &w, out, err) : rc;
}

static int mlm_loss(void *task, struct wf_net *net, const float *hidden, float scale,
                    float *d_hidden, double *out_loss, struct wf_err *err)
{
    struct wf_loss_of of = {.hidden = hidden, .d_hidden = d_hidden, .scale = scale};
    struct wf_loss_result result = {0};
    int rc = words_loss(task, net, &of, &result, err);

    if (rc == 0)
        *out_loss = result.loss;
    return rc;
}

/* The same words of the same windows at every look. */
static int mlm_evaluate(void *task, struct wf_net *net, double *out, struct wf_err *err)
{
    struct mlm *m = task;
    struct batch *b = &m->b;
    double loss = 0, weight = 0, right = 0;
    uint64_t n_tokens = 0, i = 0;
    int rc = 0;

    while (rc == 0 && i < m->dev.n && n_tokens < (uint64_t)m->s.dev_tokens) {
        struct wf_loss_result result = {0};
        const float *hidden = NULL;
        b->n_texts = 0;
        b->starts[0] = 0;
        while (i < m->dev.n && add_window(m, &m->dev.items[wf_shuffle_at(1, m->dev.n, i)], true))
            i++;
        n_tokens += b->starts[b->n_texts];
        ask_texts(m, i);
        rc = wf_net_forward(
            net, &(struct wf_net_batch){.ids = b->ids, .starts = b->starts, .n_texts = b->n_texts},
            false, &hidden, err);
        if (rc == 0)
            rc = words_loss(m, net, &(struct wf_loss_of){.hidden = hidden}, &result, err);
        loss += result.loss * result.weight;
        weight += result.weight;
        right += (double)result.n_right;
    }
    out[0] = weight > 0 ? loss / weight : (double)NAN;
    out[1] = weight > 0 ? 100 * right / weight : (double)NAN;
    return rc;
}

static uint64_t mlm_epoch_tokens(const void *task)
{
    return ((const struct mlm *)task)->epoch_tokens;
}

static struct wf_task_position *mlm_position(void *task)
{
    return &((struct mlm *)task)->position;
}

const struct wf_task_kind wf_task_mlm = {
    .name = "mlm",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .figures = figures,
    .open = mlm_open,
    .close = mlm_close,
    .epoch_tokens = mlm_epoch_tokens,
    .position = mlm_position,
    .next = mlm_next,
    .loss = mlm_loss,
    .evaluate = mlm_evaluate,
};
