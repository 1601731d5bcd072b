/* SPDX-License-Identifier: Apache-2.0 */
/* Entities by words, the table: its bits are unpacked once into arrays that are quick to look
 * things up in, and everything is checked while they are; looking up trusts the arrays. */
#include "model/lens_words.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "kern/dtype.h"

#define BUCKET_BITS 16u
#define LOW_BITS (WF_LENS_WORD_BITS - BUCKET_BITS)
#define N_BUCKETS (1u << BUCKET_BITS)
/* A weight or a transition beyond is a mistake. */
#define WEIGHT_MAX 1e4f

_Static_assert(LOW_BITS <= 16, "the lower bits of a number fit their array");
_Static_assert(WF_LENS_WORDS_TAGS_MAX == 1u << WF_LENS_WORDS_TAG_BITS, "a tag fits its bits");
_Static_assert(WF_LENS_WORDS_LEVELS == 1u << WF_LENS_WORDS_LEVEL_BITS, "a level fits its bits");

struct entry {
    uint8_t tag, level;
};

struct wf_lens_words {
    size_t n_tags;
    uint32_t n_features, n_entries;
    float share, outside;
    float levels[WF_LENS_WORDS_LEVELS];
    float *transitions;    /* [n_tags, n_tags] */
    uint32_t *buckets;     /* [N_BUCKETS + 1] where a bucket's features begin */
    uint16_t *low;         /* [n_features] the lower bits of their numbers */
    uint32_t *entries_of;  /* [n_features + 1] */
    struct entry *entries; /* [n_entries] */
    uint32_t *words;       /* [classes.n] */
    uint16_t *word_classes;
    struct wf_lens_classes classes;
};

static int bad(struct wf_err *err, const char *what)
{
    return wf_err_set(err, WF_E_FORMAT, "The table of words and tags cannot be used: %s.", what);
}

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the table of words and tags.");
}

bool wf_lens_words_is_in(const struct wf_gguf *g)
{
    return wf_gguf_value(g, "lens.entity.words.table") != NULL;
}

/* ---- bits in whole numbers ---- */

/* Part of what calls it: bits whose address no call gets stay in registers. */
#define INLINE inline __attribute__((always_inline))

struct bits {
    struct wf_str left; /* whole numbers of 32 bits */
    uint64_t held;
    unsigned n_held;
    bool is_short; /* more was asked for than there is */
};

static int open_bits(const struct wf_gguf *g, const char *key, struct bits *out, struct wf_err *err)
{
    const struct wf_gguf_value *v = wf_gguf_value(g, key);

    if (v == NULL || v->kind != WF_GGUF_ARRAY || v->item_kind != WF_GGUF_I32)
        return bad(err, "its bits are missing");
    *out = (struct bits){.left = wf_gguf_item_bytes(v)};
    return 0;
}

/* Another 32 bits; false, and is_short, behind the last. */
static INLINE bool hold_more(struct bits *b)
{
    const uint8_t *p = (const uint8_t *)b->left.ptr;

    if (b->left.len < 4) {
        b->is_short = true;
        return false;
    }
    b->held |= (uint64_t)(p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24)
               << b->n_held;
    b->n_held += 32;
    b->left.ptr += 4;
    b->left.len -= 4;
    return true;
}

/* The next n bits (n <= 28); 0 behind the last. */
static INLINE uint32_t take_bits(struct bits *b, unsigned n)
{
    uint32_t out;

    if (b->n_held < n && !hold_more(b))
        return 0;
    out = (uint32_t)(b->held & ((UINT64_C(1) << n) - 1));
    b->held >>= n;
    b->n_held -= n;
    return out;
}

/* How many ones stand before the next zero, which is taken too; `most` and more are not counted. */
static INLINE uint64_t take_ones(struct bits *b, uint64_t most)
{
    uint64_t sum = 0;

    while (sum < most) {
        unsigned n;
        if (b->n_held == 0 && !hold_more(b))
            return most;
        n = (unsigned)__builtin_ctzll(~b->held); /* at most 63 bits are held */
        sum += n;
        if (n < b->n_held) {
            b->held >>= n + 1;
            b->n_held -= n + 1;
            return sum;
        }
        b->held = 0;
        b->n_held = 0;
    }
    return most;
}

/* The next number above `last`; 0: there is none, or it is too large. */
static INLINE uint32_t take_number(struct bits *b, uint32_t last, unsigned gap_bits)
{
    uint64_t most = (UINT64_C(1) << WF_LENS_WORD_BITS >> gap_bits) + 1;
    uint64_t gap = take_ones(b, most);

    if (gap >= most)
        return 0;
    gap = (gap << gap_bits | take_bits(b, gap_bits)) + last;
    return b->is_short || gap <= last || gap >= 1u << WF_LENS_WORD_BITS ? 0 : (uint32_t)gap;
}

/* ---- opening ---- */

static int read_count(const struct wf_gguf *g, const char *key, uint64_t most, uint32_t *out,
                      struct wf_err *err)
{
    uint64_t n;

    if (!wf_gguf_u64(g, key, &n))
        return bad(err, "a number is missing");
    if (n > most)
        return wf_err_set(err, WF_E_LIMIT, "The table of words and tags is too large.");
    *out = (uint32_t)n;
    return 0;
}

/* A tensor of n numbers that are finite and no mistakes. */
static int read_floats(const struct wf_gguf *g, const char *key, size_t n, float *out,
                       struct wf_err *err)
{
    const struct wf_gguf_tensor *t = wf_gguf_tensor(g, key);

    if (t == NULL || t->type != WF_DTYPE_F32 || t->bytes != n * sizeof(*out))
        return bad(err, "a list of weights is missing or has a wrong shape");
    memcpy(out, t->data, n * sizeof(*out));
    for (size_t i = 0; i < n; i++) {
        if (!(fabsf(out[i]) <= WEIGHT_MAX))
            return bad(err, "a weight is out of range");
    }
    return 0;
}

static int read_numbers(struct wf_lens_words *w, const struct wf_gguf *g, struct wf_err *err)
{
    double share, outside;
    int rc;

    if (!wf_gguf_f64(g, "lens.entity.words.share", &share) ||
        !wf_gguf_f64(g, "lens.entity.words.outside", &outside))
        return bad(err, "a number is missing");
    if (!(share >= 0 && share <= 1 && fabs(outside) <= (double)WEIGHT_MAX))
        return bad(err, "a number is out of range");
    w->share = (float)share;
    w->outside = (float)outside;
    rc = read_count(g, "lens.entity.words.n_features", WF_LIMIT_LENS_GRAMS, &w->n_features, err);
    if (rc == 0)
        rc = read_count(g, "lens.entity.words.n_entries", WF_LIMIT_LENS_GRAM_ENTRIES, &w->n_entries,
                        err);
    return rc;
}

static int make_arrays(struct wf_lens_words *w, struct wf_err *err)
{
    w->transitions = wf_alloc_array(w->n_tags * w->n_tags, sizeof(*w->transitions));
    w->buckets = wf_alloc_array(N_BUCKETS + 1, sizeof(*w->buckets));
    w->low = wf_alloc_array(w->n_features, sizeof(*w->low));
    w->entries_of = wf_alloc_array((size_t)w->n_features + 1, sizeof(*w->entries_of));
    w->entries = wf_alloc_array(w->n_entries, sizeof(*w->entries));
    return w->transitions == NULL || w->buckets == NULL || w->low == NULL ||
                   w->entries_of == NULL || w->entries == NULL
               ? no_memory(err)
               : 0;
}

static int read_gap_bits(const struct wf_gguf *g, const char *key, uint32_t *out,
                         struct wf_err *err)
{
    int rc = read_count(g, key, WF_LENS_WORD_BITS, out, err);

    return rc == WF_E_LIMIT ? bad(err, "a number is out of range") : rc;
}

/* A feature's entries from *io_n on; false when they do not fit. */
static INLINE bool read_entries(struct wf_lens_words *w, struct bits *b, uint32_t *io_n)
{
    for (uint32_t last = 0, is_last = 0; is_last == 0;) {
        uint32_t v = take_bits(b, WF_LENS_WORDS_TAG_BITS + WF_LENS_WORDS_LEVEL_BITS + 1);
        struct entry e = {.tag = (uint8_t)(v & (WF_LENS_WORDS_TAGS_MAX - 1)),
                          .level =
                              (uint8_t)(v >> WF_LENS_WORDS_TAG_BITS & (WF_LENS_WORDS_LEVELS - 1))};
        is_last = v >> (WF_LENS_WORDS_TAG_BITS + WF_LENS_WORDS_LEVEL_BITS);
        if (b->is_short || *io_n == w->n_entries || e.tag >= w->n_tags || e.tag < last)
            return false;
        w->entries[(*io_n)++] = e;
        last = (uint32_t)e.tag + 1;
    }
    return true;
}

static int read_table(struct wf_lens_words *w, const struct wf_gguf *g, struct wf_err *err)
{
    struct bits b;
    uint32_t number = 0, n_entries = 0, bucket = 0, gap_bits;
    int rc = read_gap_bits(g, "lens.entity.words.gap_bits", &gap_bits, err);

    if (rc == 0)
        rc = open_bits(g, "lens.entity.words.table", &b, err);
    if (rc != 0)
        return rc;
    for (uint32_t i = 0; i < w->n_features; i++) {
        number = take_number(&b, number, gap_bits);
        if (number == 0)
            return bad(err, "its features are out of order or break off");
        while (bucket <= number >> LOW_BITS)
            w->buckets[bucket++] = i;
        w->low[i] = (uint16_t)(number & ((1u << LOW_BITS) - 1));
        w->entries_of[i] = n_entries;
        if (!read_entries(w, &b, &n_entries))
            return bad(err, "a feature's tags are none");
    }
    while (bucket <= N_BUCKETS)
        w->buckets[bucket++] = w->n_features;
    w->entries_of[w->n_features] = n_entries;
    return n_entries == w->n_entries ? 0 : bad(err, "it has fewer entries than it says");
}

static int read_classes(struct wf_lens_words *w, const struct wf_gguf *g, struct wf_err *err)
{
    struct bits b;
    uint32_t n, gap_bits, number = 0;
    int rc;

    if (wf_gguf_value(g, "lens.entity.words.classes") == NULL)
        return 0;
    rc = read_count(g, "lens.entity.words.n_classes", WF_LIMIT_LENS_GRAMS, &n, err);
    if (rc == 0)
        rc = read_gap_bits(g, "lens.entity.words.class_gap_bits", &gap_bits, err);
    if (rc == 0)
        rc = open_bits(g, "lens.entity.words.classes", &b, err);
    if (rc != 0)
        return rc;
    w->words = wf_alloc_array(n, sizeof(*w->words));
    w->word_classes = wf_alloc_array(n, sizeof(*w->word_classes));
    if (w->words == NULL || w->word_classes == NULL)
        return no_memory(err);
    for (uint32_t i = 0; i < n; i++) {
        number = take_number(&b, number, gap_bits);
        w->words[i] = number;
        w->word_classes[i] = (uint16_t)take_bits(&b, WF_LENS_WORDS_CLASS_BITS);
        if (number == 0 || b.is_short)
            return bad(err, "its words are out of order or break off");
    }
    w->classes = (struct wf_lens_classes){w->words, w->word_classes, n};
    return 0;
}

int wf_lens_words_open(const struct wf_gguf *g, size_t n_tags, struct wf_lens_words **out,
                       struct wf_err *err)
{
    struct wf_lens_words *w;
    int rc;

    if (!wf_lens_words_is_in(g))
        return wf_err_set(err, WF_E_NOENT, "The lens file has no table of words and tags.");
    if (n_tags == 0 || n_tags > WF_LENS_WORDS_TAGS_MAX)
        return bad(err, "it has no tags, or too many");
    w = wf_alloc_array(1, sizeof(*w));
    if (w == NULL)
        return no_memory(err);
    w->n_tags = n_tags;
    rc = read_numbers(w, g, err);
    if (rc == 0)
        rc = make_arrays(w, err);
    if (rc == 0)
        rc = read_floats(g, "lens.entity.words.levels", WF_LENS_WORDS_LEVELS, w->levels, err);
    if (rc == 0)
        rc = read_floats(g, "lens.entity.words.transitions", n_tags * n_tags, w->transitions, err);
    if (rc == 0)
        rc = read_table(w, g, err);
    if (rc == 0)
        rc = read_classes(w, g, err);
    if (rc != 0) {
        wf_lens_words_close(w);
        return rc;
    }
    *out = w;
    return 0;
}

void wf_lens_words_close(struct wf_lens_words *w)
{
    if (w == NULL)
        return;
    wf_free(w->transitions);
    wf_free(w->buckets);
    wf_free(w->low);
    wf_free(w->entries_of);
    wf_free(w->entries);
    wf_free(w->words);
    wf_free(w->word_classes);
    wf_free(w);
}

float wf_lens_words_share(const struct wf_lens_words *w)
{
    return w->share;
}

float wf_lens_words_outside(const struct wf_lens_words *w)
{
    return w->outside;
}

const float *wf_lens_words_transitions(const struct wf_lens_words *w)
{
    return w->transitions;
}

/* ---- scoring ---- */

struct scoring {
    const struct wf_lens_words *w;
    float *out;
};

/* The feature of this number; n_features where the table has none. */
static uint32_t find(const struct wf_lens_words *w, uint32_t number)
{
    uint32_t i = w->buckets[number >> LOW_BITS], end = w->buckets[(number >> LOW_BITS) + 1];
    uint16_t low = (uint16_t)(number & ((1u << LOW_BITS) - 1));

    while (i < end && w->low[i] < low)
        i++;
    return i < end && w->low[i] == low ? i : w->n_features;
}

static void score(void *ud, size_t i, const uint32_t features[WF_LENS_WORD_FEATURES])
{
    const struct scoring *s = ud;
    const struct wf_lens_words *w = s->w;
    float *row = s->out + i * w->n_tags;

    memset(row, 0, w->n_tags * sizeof(*row));
    for (size_t k = 0; k < WF_LENS_WORD_FEATURES; k++) /* they lie all over the table */
        __builtin_prefetch(&w->buckets[features[k] >> LOW_BITS]);
    for (size_t k = 0; k < WF_LENS_WORD_FEATURES; k++)
        __builtin_prefetch(&w->low[w->buckets[features[k] >> LOW_BITS]]);
    for (size_t k = 0; k < WF_LENS_WORD_FEATURES; k++) {
        uint32_t f = features[k] > 0 ? find(w, features[k]) : w->n_features;
        if (f == w->n_features)
            continue;
        for (uint32_t e = w->entries_of[f]; e < w->entries_of[f + 1]; e++)
            row[w->entries[e].tag] += w->levels[w->entries[e].level];
    }
}

void wf_lens_words_score(const struct wf_lens_words *w, const struct wf_lens_pieces *p, float *out)
{
    wf_lens_words_look(p, &w->classes, score, &(struct scoring){w, out});
}
