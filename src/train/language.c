/* SPDX-License-Identifier: Apache-2.0 */
/* Language: every gram of every sentence becomes one number, hash above order above label. Sorted,
 * equal ones lie side by side, so counting is one walk and needs no table of grams. */
#include "train/language.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "model/gguf_write.h"
#include "model/language_grams.h"
#include "model/lens_language.h"
#include "text/utf8.h"
#include "train/corpus.h"
#include "train/lines.h"

#define LABEL_BITS 7
#define ORDER_BITS 3
/* A key: hash, order, label, and whether the text is one of wf_language_trainer_add_more's. */
#define KEY_BITS (WF_GRAMS_BITS + ORDER_BITS + LABEL_BITS + 1)

_Static_assert(WF_LENS_LANGUAGES_MAX == 1 << LABEL_BITS, "a label fits its bits");
_Static_assert(WF_GRAMS_ORDERS <= 1 << ORDER_BITS, "an order fits its bits");

/* Grams of all sentences, at most: 512 MB of them. */
#define KEYS_MAX (64u << 20)
#define TABLE_BYTES_MAX (64u << 20)
#define WEIGHT_MAX 15

/* By order: how much it counts, and how often a gram must have been seen at all. Found by cross
 * validation over documents of 128 languages (docs/lens.md); long grams say the same thing again,
 * which is why they count less. */
static const struct {
    double weight;
    uint32_t n_min;
} orders[WF_GRAMS_ORDERS] = {{0, 0}, {1, 1}, {1, 1}, {0.8, 3}, {0.5, 3}, {1, 2}};

/* Times that a gram of more texts alone would be in as much text as a language's sentences are. */
#define MORE_MIN 1.5

/* A weight below it says too little for its bytes. */
#define WEIGHT_MIN 2

/* What brings the best label's softmax to how often it is right, on sentences kept aside. */
#define SHARPNESS 1.15f

struct wf_language_trainer {
    char *labels[WF_LENS_LANGUAGES_MAX];
    size_t n_labels, n_sentences;
    uint64_t *keys; /* [n_keys] of cap_keys */
    size_t n_keys, cap_keys;
    /* Grams of an order in a language: of its sentences, and of more texts. */
    double totals[2][WF_GRAMS_ORDERS][WF_LENS_LANGUAGES_MAX];
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to learn languages.");
}

int wf_language_trainer_new(struct wf_language_trainer **out, struct wf_err *err)
{
    struct wf_language_trainer *t = wf_alloc_array(1, sizeof(*t));

    if (t == NULL)
        return no_memory(err);
    *out = t;
    return 0;
}

void wf_language_trainer_free(struct wf_language_trainer *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->n_labels; i++)
        wf_free(t->labels[i]);
    wf_free(t->keys);
    wf_free(t);
}

/* ---- sentences ---- */

static int label_of(struct wf_language_trainer *t, struct wf_str label, size_t *out,
                    struct wf_err *err)
{
    for (size_t i = t->n_labels; i-- > 0;) { /* sentences of a label mostly lie together */
        if (wf_str_eq(wf_str_from(t->labels[i]), label)) {
            *out = i;
            return 0;
        }
    }
    if (label.len == 0 || wf_utf8_valid_prefix(label) != label.len)
        return wf_err_set(err, WF_E_FORMAT, "A sentence has no language.");
    if (label.len > WF_LIMIT_LENS_LABEL_BYTES || t->n_labels == WF_LENS_LANGUAGES_MAX)
        return wf_err_set(err, WF_E_LIMIT,
                          "There are more than %d languages, or one's name is too "
                          "long.",
                          WF_LENS_LANGUAGES_MAX);
    t->labels[t->n_labels] = wf_memdup0(label.ptr, label.len);
    if (t->labels[t->n_labels] == NULL)
        return no_memory(err);
    *out = t->n_labels++;
    return 0;
}

static int reserve(struct wf_language_trainer *t, struct wf_err *err)
{
    size_t cap = t->cap_keys > 0 ? 2 * t->cap_keys : 1u << 16;
    uint64_t *keys;

    if (t->cap_keys - t->n_keys >= WF_GRAMS_STEP_MAX)
        return 0;
    if (cap > KEYS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "There is too much text to learn languages from.");
    keys = wf_realloc_array(t->keys, cap, sizeof(*keys));
    if (keys == NULL)
        return no_memory(err);
    t->keys = keys;
    t->cap_keys = cap;
    return 0;
}

static int add(struct wf_language_trainer *t, size_t label, struct wf_str text, bool is_more,
               struct wf_err *err)
{
    struct wf_gram grams[WF_GRAMS_STEP_MAX];
    struct wf_grams g;
    size_t n;
    int rc = 0;

    if (wf_utf8_valid_prefix(text) != text.len)
        return wf_err_set(err, WF_E_FORMAT, "A sentence is not UTF-8.");
    wf_grams_init(&g, text);
    while (rc == 0 && wf_grams_next(&g, grams, &n)) {
        rc = reserve(t, err);
        for (size_t k = 0; k < n && rc == 0; k++) {
            uint64_t key = (uint64_t)grams[k].hash << ORDER_BITS | grams[k].order;
            t->totals[is_more][grams[k].order][label]++;
            t->keys[t->n_keys++] = (key << LABEL_BITS | label) << 1 | is_more;
        }
    }
    return rc;
}

int wf_language_trainer_add(struct wf_language_trainer *t, struct wf_str label, struct wf_str text,
                            struct wf_err *err)
{
    size_t i = 0;
    int rc = label_of(t, label, &i, err);

    if (rc == 0)
        rc = add(t, i, text, false, err);
    t->n_sentences += rc == 0;
    return rc;
}

int wf_language_trainer_add_more(struct wf_language_trainer *t, struct wf_str label,
                                 struct wf_str text, struct wf_err *err)
{
    for (size_t i = 0; i < t->n_labels; i++) {
        if (wf_str_eq(wf_str_from(t->labels[i]), label))
            return add(t, i, text, true, err);
    }
    return wf_err_set(err, WF_E_FORMAT, "There are no sentences of '%.*s' that more could be of.",
                      WF_STR_ARG(wf_str_sub(label, 0, 80)));
}

int wf_language_trainer_add_file(struct wf_language_trainer *t, const char *path,
                                 struct wf_err *err)
{
    struct wf_lines *lines = NULL;
    struct wf_str line, label;
    bool is_end = false;
    int rc = wf_lines_open(path, &lines, err);

    while (rc == 0) {
        rc = wf_lines_next(lines, &line, &is_end, err);
        if (rc != 0 || is_end)
            break;
        if (!wf_str_split(&line, '\t', &label) || line.ptr == NULL)
            rc = wf_lines_fail(lines, WF_E_FORMAT, err, "a line is a language, a tab, a sentence");
        else if (wf_language_trainer_add(t, label, line, err) != 0)
            rc = wf_lines_fail(lines, WF_E_FORMAT, err, "%s", err != NULL ? err->msg : "");
    }
    wf_lines_close(lines);
    return rc;
}

static int on_more(void *ud, const struct wf_corpus_text *x, struct wf_err *err)
{
    return x->is_dev ? 0 : wf_language_trainer_add_more(ud, x->language, x->text, err);
}

int wf_language_trainer_add_corpus(struct wf_language_trainer *t, const char *list,
                                   struct wf_err *err)
{
    struct wf_corpus *c = NULL;
    int rc = wf_corpus_open(list, &c, err);

    for (size_t i = 0; rc == 0 && i < wf_corpus_n_sources(c); i++)
        rc = wf_corpus_read(wf_corpus_source(c, i), on_more, t, err);
    wf_corpus_free(c);
    return rc;
}

/* ---- the table ---- */

#define DIGIT_BITS 9

_Static_assert(KEY_BITS <= 4 * DIGIT_BITS, "four passes, so that the last one ends in the keys");

/* Radix sort, the lowest digits first: the order does not depend on a library's qsort. */
static int sort_keys(struct wf_language_trainer *t, struct wf_err *err)
{
    uint64_t *from = t->keys, *to = wf_alloc_array(t->n_keys, sizeof(*to)), *other = to;

    if (to == NULL)
        return no_memory(err);
    for (unsigned shift = 0; shift < 4 * DIGIT_BITS; shift += DIGIT_BITS) {
        size_t starts[(1u << DIGIT_BITS) + 1] = {0};
        for (size_t i = 0; i < t->n_keys; i++)
            starts[(from[i] >> shift & ((1u << DIGIT_BITS) - 1)) + 1]++;
        for (size_t d = 0; d < 1u << DIGIT_BITS; d++)
            starts[d + 1] += starts[d];
        for (size_t i = 0; i < t->n_keys; i++)
            to[starts[from[i] >> shift & ((1u << DIGIT_BITS) - 1)]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    wf_free(other);
    return 0;
}

struct made {
    const struct wf_language_trainer *t;
    struct wf_buf grams, weights;
    size_t n_grams, n_entries;
    uint32_t last_hash;
    double step;
    uint8_t half; /* the weight that waits for the other half of its byte */
};

struct counts {
    uint32_t order, total; /* of sentences */
    uint32_t n[WF_LENS_LANGUAGES_MAX], n_more[WF_LENS_LANGUAGES_MAX];
};

static void put_weight(struct made *m, uint8_t w)
{
    if (m->n_entries++ % 2 == 0)
        m->half = w;
    else
        (void)wf_buf_append_byte(&m->weights, (char)(m->half | w << 4));
}

static void put_hash(struct made *m, uint32_t hash)
{
    uint32_t v = hash - m->last_hash;

    for (; v >= 0x80; v >>= 7)
        (void)wf_buf_append_byte(&m->grams, (char)(v | 0x80));
    (void)wf_buf_append_byte(&m->grams, (char)v);
    m->last_hash = hash;
    m->n_grams++;
}

/* The labels that have a weight, in the shorter way. */
static void put_labels(struct made *m, const uint8_t *weights, size_t n_labels)
{
    uint8_t list[WF_LENS_LANGUAGES_MAX], bits[1 + WF_LENS_LANGUAGES_MAX / 8] = {0};
    size_t n = 0;

    bits[0] = WF_LENS_LANGUAGE_BITS;
    for (size_t i = 0; i < n_labels; i++) {
        if (weights[i] == 0)
            continue;
        list[n++] = (uint8_t)i;
        bits[1 + i / 8] |= (uint8_t)(1u << i % 8);
    }
    list[n - 1] |= 0x80;
    if (n <= sizeof(bits))
        (void)wf_buf_append(&m->grams, list, n);
    else
        (void)wf_buf_append(&m->grams, bits, sizeof(bits));
}

/* How often a gram occurs in a language. More texts only fill in what its sentences do not have,
 * and must have it so often that as much text as the sentences are would show it: else a language
 * would win by having more texts. */
static double rate(const struct wf_language_trainer *t, const struct counts *c, size_t label)
{
    double n = c->n[label], total = t->totals[0][c->order][label] + 1;
    double n_more = c->n_more[label], total_more = t->totals[1][c->order][label];

    if (n == 0 && total_more > 0 && n_more * total >= MORE_MIN * total_more)
        return n_more / total_more;
    return n / total;
}

/* A gram's labels and weights, where it has any that is not nothing. Returns of the buffers stick
 * and are looked at once, at the end. */
static void put_gram(struct made *m, uint32_t hash, const struct counts *c)
{
    double rates[WF_LENS_LANGUAGES_MAX], mean = 0;
    uint8_t weights[WF_LENS_LANGUAGES_MAX];
    size_t n_labels = m->t->n_labels, last = SIZE_MAX;

    for (size_t i = 0; i < n_labels; i++) {
        rates[i] = rate(m->t, c, i);
        mean += rates[i] / (double)n_labels;
    }
    if (!(mean > 0) || c->total < orders[c->order].n_min)
        return;
    for (size_t i = 0; i < n_labels; i++) {
        double w = orders[c->order].weight * log1p(rates[i] / mean);
        weights[i] = (uint8_t)lround(w / m->step);
        weights[i] = weights[i] < WEIGHT_MIN ? 0 : weights[i];
        last = weights[i] > 0 ? i : last;
    }
    if (last == SIZE_MAX)
        return;
    put_hash(m, hash);
    put_labels(m, weights, n_labels);
    for (size_t i = 0; i <= last; i++) {
        if (weights[i] > 0)
            put_weight(m, weights[i]);
    }
}

/* Counts run by run of sorted keys. Where grams of two orders share a hash, the more frequent one
 * has it. */
static int make_table(struct made *m, struct wf_err *err)
{
    const struct wf_language_trainer *t = m->t;
    struct counts best = {0}, c = {0};

    m->step = log1p((double)t->n_labels) / WEIGHT_MAX; /* of a gram that only one language has */
    for (size_t i = 0; i < t->n_keys; i++) {
        uint64_t gram = t->keys[i] >> (LABEL_BITS + 1);
        uint64_t next = i + 1 < t->n_keys ? t->keys[i + 1] >> (LABEL_BITS + 1) : UINT64_MAX;
        size_t label = t->keys[i] >> 1 & (WF_LENS_LANGUAGES_MAX - 1);

        c.n[label] += (t->keys[i] & 1) == 0;
        c.n_more[label] += t->keys[i] & 1;
        c.total += (t->keys[i] & 1) == 0;
        if (next == gram)
            continue;
        c.order = (uint32_t)gram & ((1u << ORDER_BITS) - 1);
        if (c.total >= best.total)
            best = c;
        memset(&c, 0, sizeof(c));
        if (next >> ORDER_BITS == gram >> ORDER_BITS)
            continue;
        put_gram(m, (uint32_t)(gram >> ORDER_BITS), &best);
        memset(&best, 0, sizeof(best));
    }
    if (m->n_entries % 2 != 0)
        (void)wf_buf_append_byte(&m->weights, (char)m->half);
    /* whole 32-bit numbers */
    (void)wf_buf_append_fill(&m->grams, 0, (4 - m->grams.len % 4) % 4);
    (void)wf_buf_append_fill(&m->weights, 0, (4 - m->weights.len % 4) % 4);
    if (wf_buf_status(&m->grams) == 0 && wf_buf_status(&m->weights) == 0 &&
        m->n_grams <= WF_LIMIT_LENS_GRAMS && m->n_entries <= WF_LIMIT_LENS_GRAM_ENTRIES)
        return 0;
    if (wf_buf_status(&m->grams) == WF_E_NOMEM || wf_buf_status(&m->weights) == WF_E_NOMEM)
        return no_memory(err);
    return wf_err_set(err, WF_E_LIMIT, "The table of languages would be too large.");
}

/* ---- the file ---- */

static void put_bytes(struct wf_gguf_writer *w, const char *key, const struct wf_buf *b)
{
    wf_gguf_put_i32s(w, key, b->len / 4);
    for (size_t i = 0; i < b->len; i += 4) {
        const uint8_t *p = (const uint8_t *)b->ptr + i;
        uint32_t v = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        wf_gguf_item_put_i32(w, (int32_t)v);
    }
}

static void put_table(struct wf_gguf_writer *w, const struct made *m)
{
    const struct wf_language_trainer *t = m->t;

    wf_gguf_put_strings(w, "lens.language.labels", t->n_labels);
    for (size_t i = 0; i < t->n_labels; i++)
        wf_gguf_item_put_string(w, wf_str_from(t->labels[i]));
    wf_gguf_put_u32(w, "lens.language.n_grams", (uint32_t)m->n_grams);
    wf_gguf_put_u32(w, "lens.language.n_entries", (uint32_t)m->n_entries);
    wf_gguf_put_f32(w, "lens.language.step", (float)m->step);
    wf_gguf_put_f32(w, "lens.language.sharpness", SHARPNESS);
    put_bytes(w, "lens.language.grams", &m->grams);
    put_bytes(w, "lens.language.weights", &m->weights);
}

/* What is not taken from the other file. */
static const char *const own[] = {"lens.language.", NULL};

static int write_file(const struct made *m, const struct wf_gguf *into, const char *path,
                      struct wf_err *err)
{
    struct wf_gguf_writer *w = NULL;
    int rc = wf_gguf_writer_new(path, &w, err);

    if (rc != 0)
        return rc;
    if (into != NULL)
        wf_gguf_put_others(w, into, own);
    else
        wf_gguf_put_string(w, "general.architecture", WF_STR("lens"));
    put_table(w, m);
    rc = wf_gguf_writer_begin(w, err);
    if (rc == 0 && into != NULL)
        rc = wf_gguf_write_others(w, into, own, err);
    if (rc == 0)
        rc = wf_gguf_writer_finish(w, err);
    wf_gguf_writer_free(w);
    return rc;
}

int wf_language_trainer_write(struct wf_language_trainer *t, const struct wf_gguf *into,
                              const char *path, struct wf_language_table *out, struct wf_err *err)
{
    struct made m = {.t = t};
    int rc;

    if (t->n_sentences == 0)
        return wf_err_set(err, WF_E_INVAL, "There is no sentence to learn languages from.");
    wf_buf_init(&m.grams, TABLE_BYTES_MAX);
    wf_buf_init(&m.weights, TABLE_BYTES_MAX);
    rc = sort_keys(t, err);
    if (rc == 0)
        rc = make_table(&m, err);
    if (rc == 0)
        rc = write_file(&m, into, path, err);
    if (rc == 0 && out != NULL)
        *out = (struct wf_language_table){t->n_sentences, t->n_labels, m.n_grams, m.n_entries,
                                          m.grams.len + m.weights.len};
    wf_buf_deinit(&m.grams);
    wf_buf_deinit(&m.weights);
    return rc;
}
