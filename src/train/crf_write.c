/* SPDX-License-Identifier: Apache-2.0 */
/* The field in a lens file (model/lens_words.h): the weights that matter most, brought to few
 * levels, as a stream of bits. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/gguf_write.h"
#include "train/crf.h"

#define TAGS WF_ENTITY_TAGS
#define LEVELS WF_LENS_WORDS_LEVELS
#define TABLE_BYTES_MAX ((size_t)16 << 20)
#define ROUNDS 12

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to write what was learnt.");
}

/* ---- fewer weights ---- */

/* Bits of the fields that each feature and each weight takes, about: a gap takes its lower bits
 * and two more. */
static double bits_of(size_t n_features, size_t n_entries)
{
    double gap = n_features > 0 ? (double)(1u << WF_LENS_WORD_BITS) / (double)n_features : 1;

    return (double)n_features * (log2(gap) + 1.6) +
           (double)n_entries * (WF_LENS_WORDS_TAG_BITS + WF_LENS_WORDS_LEVEL_BITS + 1);
}

/* What leaving a weight out costs, about. */
static float cost_of(const struct wf_crf *c, size_t w)
{
    return fabsf(c->weights[w]) * sqrtf(c->squares[w]);
}

/* Bytes of features that keep a weight of at least this cost, and of their weights. */
static double size_at(const struct wf_crf *c, float least)
{
    size_t n_features = 0, n_entries = 0;

    for (size_t k = 0; k < c->n_features; k++) {
        size_t n = 0;
        for (uint32_t w = c->first[k]; w < c->first[k + 1]; w++)
            n += c->weights[w] != 0.0f && cost_of(c, w) >= least;
        n_features += n > 0;
        n_entries += n;
    }
    return bits_of(n_features, n_entries) / 8;
}

/* The border that a table of bytes_max asks for. */
static float find_least(const struct wf_crf *c, size_t bytes_max)
{
    float low = 0.0f, high = 1024.0f;

    if (bytes_max == 0 || size_at(c, 0.0f) <= (double)bytes_max)
        return 0.0f;
    for (int i = 0; i < 32; i++) {
        float mid = (low + high) / 2;
        if (size_at(c, mid) > (double)bytes_max)
            low = mid;
        else
            high = mid;
    }
    return high;
}

/* Leaves out what is below the border, and features that have nothing left. */
static void drop(struct wf_crf *c, float least)
{
    size_t n_features = 0;
    uint32_t n = 0, from = 0;

    for (size_t k = 0; k < c->n_features; k++) {
        uint32_t begin = n, to = c->first[k + 1];
        for (uint32_t w = from; w < to; w++) {
            if (c->weights[w] == 0.0f || cost_of(c, w) < least)
                continue;
            c->tags[n] = c->tags[w];
            c->squares[n] = c->squares[w];
            c->weights[n++] = c->weights[w];
        }
        from = to;
        if (n == begin)
            continue;
        c->numbers[n_features] = c->numbers[k];
        c->first[n_features++] = begin;
    }
    c->n_features = n_features;
    c->first[n_features] = n;
}

/* ---- levels ---- */

static size_t nearest(const float *levels, float x)
{
    size_t low = 0, high = LEVELS - 1;

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (levels[mid] < x)
            low = mid + 1;
        else
            high = mid;
    }
    return low > 0 && x - levels[low - 1] < levels[low] - x ? low - 1 : low;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

/* Levels that lie best (Lloyd 1982) where a weight's error costs its share of the loss's curvature,
 * which the sum of its squared gradients is about; they begin closer together around 0. */
static void find_levels(const struct wf_crf *c, float levels[LEVELS])
{
    size_t n = c->first[c->n_features];
    float low = 0.0f, high = 0.0f;

    for (size_t i = 0; i < n; i++) {
        low = fminf(low, c->weights[i]);
        high = fmaxf(high, c->weights[i]);
    }
    for (size_t i = 0; i < LEVELS; i++) {
        float t = 2.0f * ((float)i + 0.5f) / (float)LEVELS - 1.0f;
        levels[i] = powf(fabsf(t), 1.5f) * (t < 0 ? low : high);
    }
    for (int round = 0; round < ROUNDS; round++) {
        double sums[LEVELS] = {0}, costs[LEVELS] = {0};
        for (size_t i = 0; i < n; i++) {
            size_t at = nearest(levels, c->weights[i]);
            sums[at] += (double)c->weights[i] * (double)c->squares[i];
            costs[at] += (double)c->squares[i];
        }
        for (size_t i = 0; i < LEVELS; i++)
            levels[i] = costs[i] > 0 ? (float)(sums[i] / costs[i]) : levels[i];
        qsort(levels, LEVELS, sizeof(*levels), by_value);
    }
}

void wf_crf_squeeze(struct wf_crf *c, size_t bytes_max)
{
    drop(c, find_least(c, bytes_max));
    find_levels(c, c->levels);
    for (size_t i = 0; i < c->first[c->n_features]; i++)
        c->weights[i] = c->levels[nearest(c->levels, c->weights[i])];
}

/* ---- bits ---- */

struct bits {
    struct wf_buf words; /* whole numbers of 32 bits; a failure sticks */
    uint64_t held;
    unsigned n_held;
};

static void put_bits(struct bits *b, uint32_t v, unsigned n)
{
    b->held |= (uint64_t)v << b->n_held;
    b->n_held += n;
    if (b->n_held < 32)
        return;
    (void)wf_buf_append_u32le(&b->words, (uint32_t)b->held);
    b->held >>= 32;
    b->n_held -= 32;
}

static void end_bits(struct bits *b)
{
    if (b->n_held > 0)
        put_bits(b, 0, 32 - b->n_held);
}

static void put_number(struct bits *b, uint32_t gap, unsigned gap_bits)
{
    for (uint32_t n = gap >> gap_bits; n > 0; n--)
        put_bits(b, 1, 1);
    put_bits(b, 0, 1);
    put_bits(b, gap & ((1u << gap_bits) - 1), gap_bits);
}

/* So many lower bits make numbers of that many gaps shortest. */
static unsigned gap_bits_of(size_t n)
{
    double mean = (double)(1u << WF_LENS_WORD_BITS) / (double)(n + 1) * 0.69;
    unsigned bits = 0;

    while (bits < WF_LENS_WORD_BITS - 1 && (double)(2u << bits) <= mean)
        bits++;
    return bits;
}

static void put_features(const struct wf_crf *c, unsigned gap_bits, struct bits *b)
{
    uint32_t last = 0;

    for (size_t k = 0; k < c->n_features; k++) {
        put_number(b, c->numbers[k] - last, gap_bits);
        last = c->numbers[k];
        for (uint32_t w = c->first[k]; w < c->first[k + 1]; w++) {
            put_bits(b, c->tags[w], WF_LENS_WORDS_TAG_BITS);
            put_bits(b, (uint32_t)nearest(c->levels, c->weights[w]), WF_LENS_WORDS_LEVEL_BITS);
            put_bits(b, w + 1 == c->first[k + 1], 1);
        }
    }
    end_bits(b);
}

static void put_classes(const struct wf_lens_classes *c, unsigned gap_bits, struct bits *b)
{
    uint32_t last = 0;

    for (size_t i = 0; i < c->n; i++) {
        put_number(b, c->words[i] - last, gap_bits);
        put_bits(b, c->of[i], WF_LENS_WORDS_CLASS_BITS);
        last = c->words[i];
    }
    end_bits(b);
}

/* ---- the file ---- */

struct writing {
    const struct wf_crf *c;
    const struct wf_crf_numbers *numbers;
    const struct wf_lens_classes *classes;
    struct wf_gguf_writer *w;
    struct bits table, class_table;
    unsigned gap_bits, class_gap_bits;
};

static void put_words(struct wf_gguf_writer *w, const char *key, const struct wf_buf *b)
{
    wf_gguf_put_i32s(w, key, b->len / 4);
    for (size_t i = 0; i < b->len; i += 4) {
        const uint8_t *p = (const uint8_t *)b->ptr + i;
        uint32_t v = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        wf_gguf_item_put_i32(w, (int32_t)v);
    }
}

static void put_table(const struct writing *x)
{
    struct wf_gguf_writer *w = x->w;
    char name[WF_ENTITY_TAG_BYTES];

    wf_gguf_put_strings(w, "lens.entity.words.labels", TAGS);
    for (unsigned i = 0; i < TAGS; i++) {
        wf_entity_tag_name(i, name);
        wf_gguf_item_put_string(w, wf_str_from(name));
    }
    wf_gguf_put_u32(w, "lens.entity.words.n_features", (uint32_t)x->c->n_features);
    wf_gguf_put_u32(w, "lens.entity.words.n_entries", x->c->first[x->c->n_features]);
    wf_gguf_put_u32(w, "lens.entity.words.gap_bits", x->gap_bits);
    wf_gguf_put_f32(w, "lens.entity.words.share", (float)x->numbers->share);
    wf_gguf_put_f32(w, "lens.entity.words.outside", (float)x->numbers->outside);
    put_words(w, "lens.entity.words.table", &x->table.words);
    if (x->classes == NULL || x->classes->n == 0)
        return;
    wf_gguf_put_u32(w, "lens.entity.words.n_classes", (uint32_t)x->classes->n);
    wf_gguf_put_u32(w, "lens.entity.words.class_gap_bits", x->class_gap_bits);
    put_words(w, "lens.entity.words.classes", &x->class_table.words);
}

static const char *const ours[] = {"lens.entity.words.", NULL};

static int write_file(const struct writing *x, const struct wf_gguf *g, struct wf_err *err)
{
    const struct wf_dtype *f32 = wf_dtype_by_id(WF_DTYPE_F32);
    size_t n_moves = (size_t)TAGS * TAGS;
    int rc;

    wf_gguf_put_others(x->w, g, ours);
    put_table(x);
    wf_gguf_put_tensor(x->w, WF_STR("lens.entity.words.levels"), f32, 1,
                       (const uint64_t[]){LEVELS});
    wf_gguf_put_tensor(x->w, WF_STR("lens.entity.words.transitions"), f32, 2,
                       (const uint64_t[]){TAGS, TAGS});
    rc = wf_gguf_writer_begin(x->w, err);
    if (rc == 0)
        rc = wf_gguf_write_others(x->w, g, ours, err);
    if (rc == 0)
        rc = wf_gguf_writer_write(x->w, x->c->levels, sizeof(x->c->levels), err);
    if (rc == 0)
        rc = wf_gguf_writer_write(x->w, x->c->transitions, n_moves * sizeof(float), err);
    return rc == 0 ? wf_gguf_writer_finish(x->w, err) : rc;
}

int wf_crf_check_labels(const struct wf_gguf *g, struct wf_err *err)
{
    const struct wf_gguf_value *v = wf_gguf_value(g, "lens.entity.labels");
    char name[WF_ENTITY_TAG_BYTES];
    struct wf_str label;
    bool is_same = v != NULL && v->kind == WF_GGUF_ARRAY && v->n_items == TAGS;

    if (wf_gguf_tensor(g, "lens.entity.weight") == NULL)
        return 0;
    for (unsigned i = 0; i < TAGS && is_same; i++) {
        wf_entity_tag_name(i, name);
        is_same = wf_gguf_item_string(v, i, &label) && wf_str_eq(label, wf_str_from(name));
    }
    return is_same ? 0 : wf_err_set(err, WF_E_FORMAT, "The lens file has other tags of entities.");
}

int wf_crf_write(const struct wf_crf *c, const struct wf_crf_numbers *numbers,
                 const struct wf_lens_classes *classes, const struct wf_gguf *into,
                 const char *path, struct wf_crf_table *out, struct wf_err *err)
{
    struct writing x = {.c = c, .numbers = numbers, .classes = classes};
    int rc = wf_crf_check_labels(into, err);

    if (rc == 0)
        rc = wf_gguf_writer_new(path, &x.w, err);
    if (rc != 0)
        return rc;
    wf_buf_init(&x.table.words, TABLE_BYTES_MAX);
    wf_buf_init(&x.class_table.words, TABLE_BYTES_MAX);
    x.gap_bits = gap_bits_of(c->n_features);
    put_features(c, x.gap_bits, &x.table);
    if (classes != NULL && classes->n > 0) {
        x.class_gap_bits = gap_bits_of(classes->n);
        put_classes(classes, x.class_gap_bits, &x.class_table);
    }
    out->n_features = c->n_features;
    out->n_entries = c->first[c->n_features];
    out->bytes = x.table.words.len + x.class_table.words.len +
                 (LEVELS + (size_t)TAGS * TAGS) * sizeof(float);
    rc = wf_buf_status(&x.table.words);
    if (rc == 0)
        rc = wf_buf_status(&x.class_table.words);
    if (rc == WF_E_NOMEM)
        rc = no_memory(err);
    else if (rc != 0 || c->n_features > WF_LIMIT_LENS_GRAMS)
        rc = wf_err_set(err, WF_E_LIMIT, "The table of words would be too large.");
    else
        rc = write_file(&x, into, err);
    wf_gguf_writer_free(x.w);
    wf_buf_deinit(&x.table.words);
    wf_buf_deinit(&x.class_table.words);
    return rc;
}
