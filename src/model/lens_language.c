/* SPDX-License-Identifier: Apache-2.0 */
/* Lens, the language of a text: the table's bytes are unpacked once into arrays that are quick to
 * look things up in: buckets by a hash's upper half, its lower bits beside each other, and entries
 * of label and weight. Everything is checked while it is unpacked; looking up trusts the arrays. */
#include "model/lens_language.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/language_grams.h"

#define BUCKET_BITS 16
#define LOW_BITS (WF_GRAMS_BITS - BUCKET_BITS)
#define N_BUCKETS (1u << BUCKET_BITS)

_Static_assert(LOW_BITS <= 16, "the lower bits of a hash fit their array");

struct entry {
    uint8_t label, weight;
};

struct wf_lens_language {
    const struct wf_gguf_value *labels;
    size_t n_labels;
    uint32_t n_grams, n_entries;
    float step, sharpness;
    uint32_t *buckets;     /* [N_BUCKETS + 1] where a bucket's grams begin */
    uint16_t *low;         /* [n_grams] the lower bits of their hashes, ascending in a bucket */
    uint32_t *entries_of;  /* [n_grams + 1] where a gram's entries begin */
    struct entry *entries; /* [n_entries] */
};

static int bad(struct wf_err *err, const char *what)
{
    return wf_err_set(err, WF_E_FORMAT, "The table of languages cannot be used: %s.", what);
}

bool wf_lens_language_is_in(const struct wf_gguf *g)
{
    return wf_gguf_value(g, "lens.language.grams") != NULL;
}

/* ---- bytes in whole numbers ---- */

struct bytes {
    struct wf_str s; /* what is left */
};

static bool next_byte(struct bytes *b, uint8_t *out)
{
    if (b->s.len == 0)
        return false;
    *out = (uint8_t)*b->s.ptr++;
    b->s.len--;
    return true;
}

static bool next_number(struct bytes *b, uint32_t *out)
{
    uint32_t v = 0;
    uint8_t c = 0x80;

    for (unsigned shift = 0; (c & 0x80) != 0; shift += 7) {
        if (shift > 28 || !next_byte(b, &c))
            return false;
        v |= (uint32_t)(c & 0x7f) << shift;
    }
    *out = v;
    return true;
}

/* ---- opening ---- */

static int read_numbers(struct wf_lens_language *l, const struct wf_gguf *g, struct wf_err *err)
{
    uint64_t n_grams, n_entries;
    double step, sharpness;

    if (!wf_gguf_u64(g, "lens.language.n_grams", &n_grams) ||
        !wf_gguf_u64(g, "lens.language.n_entries", &n_entries) ||
        !wf_gguf_f64(g, "lens.language.step", &step) ||
        !wf_gguf_f64(g, "lens.language.sharpness", &sharpness))
        return bad(err, "a number is missing");
    if (n_grams > WF_LIMIT_LENS_GRAMS || n_entries > WF_LIMIT_LENS_GRAM_ENTRIES)
        return wf_err_set(err, WF_E_LIMIT, "The table of languages is too large.");
    /* Sums of thousands of grams stay finite. */
    if (!(step > 0 && step < 1e6 && sharpness > 0 && sharpness < 1e6))
        return bad(err, "a number is out of range");
    l->n_grams = (uint32_t)n_grams;
    l->n_entries = (uint32_t)n_entries;
    l->step = (float)step;
    l->sharpness = (float)sharpness;
    return 0;
}

static int read_labels(struct wf_lens_language *l, const struct wf_gguf *g, struct wf_err *err)
{
    const struct wf_gguf_value *v = wf_gguf_value(g, "lens.language.labels");
    struct wf_str s;

    if (v == NULL || v->kind != WF_GGUF_ARRAY || v->item_kind != WF_GGUF_STRING ||
        v->n_items == 0 || v->n_items > WF_LENS_LANGUAGES_MAX)
        return bad(err, "it names no languages, or too many");
    for (size_t i = 0; i < v->n_items; i++) {
        if (!wf_gguf_item_string(v, i, &s) || s.len == 0 || s.len > WF_LIMIT_LENS_LABEL_BYTES)
            return bad(err, "the name of a language is empty or too long");
    }
    l->labels = v;
    l->n_labels = v->n_items;
    return 0;
}

static int make_arrays(struct wf_lens_language *l, struct wf_err *err)
{
    l->buckets = wf_alloc_array(N_BUCKETS + 1, sizeof(*l->buckets));
    l->low = wf_alloc_array(l->n_grams, sizeof(*l->low));
    l->entries_of = wf_alloc_array((size_t)l->n_grams + 1, sizeof(*l->entries_of));
    l->entries = wf_alloc_array(l->n_entries, sizeof(*l->entries));
    if (l->buckets != NULL && l->low != NULL && l->entries_of != NULL && l->entries != NULL)
        return 0;
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the table of languages.");
}

/* Where labels are put. They are bytes, which to the compiler may lie anywhere, in the table itself
 * too: so that it need not be read anew behind each, this stands apart from it. */
struct place {
    struct entry *at, *end;
    uint32_t n_labels;
};

static bool put_label(struct place *p, uint32_t label)
{
    if (p->at == p->end || label >= p->n_labels)
        return false;
    (p->at++)->label = (uint8_t)label;
    return true;
}

/* A bit for each language, the lowest of a byte first. */
static bool read_bits(struct place *p, struct bytes *grams)
{
    const struct entry *begin = p->at;

    if (grams->s.len < WF_LENS_LANGUAGES_MAX / 8)
        return false;
    for (uint32_t i = 0; i < WF_LENS_LANGUAGES_MAX; i += 64) {
        uint64_t bits = 0;
        for (uint32_t k = 0; k < 8; k++)
            bits |= (uint64_t)(uint8_t)grams->s.ptr[i / 8 + k] << (8 * k);
        for (; bits != 0; bits &= bits - 1) {
            if (!put_label(p, i + (uint32_t)__builtin_ctzll(bits)))
                return false;
        }
    }
    grams->s.ptr += WF_LENS_LANGUAGES_MAX / 8;
    grams->s.len -= WF_LENS_LANGUAGES_MAX / 8;
    return p->at > begin;
}

/* One gram's labels; false when they do not fit or are none of ours. */
static bool read_entries(struct place *p, struct bytes *grams)
{
    uint8_t c;

    if (!next_byte(grams, &c))
        return false;
    if (c == WF_LENS_LANGUAGE_BITS)
        return read_bits(p, grams);
    while (put_label(p, c & 0x7f)) {
        if ((c & 0x80) != 0)
            return true;
        if (!next_byte(grams, &c))
            return false;
    }
    return false;
}

static int read_grams(struct wf_lens_language *l, const struct wf_gguf_value *v, struct wf_err *err)
{
    struct place p = {l->entries, l->entries + l->n_entries, (uint32_t)l->n_labels};
    struct bytes b = {wf_gguf_item_bytes(v)};
    uint32_t hash = 0, bucket = 0;

    for (uint32_t i = 0; i < l->n_grams; i++) {
        uint32_t more;
        if (!next_number(&b, &more) || more >= (1u << WF_GRAMS_BITS) - hash || (more == 0 && i > 0))
            return bad(err, "its grams are out of order or break off");
        hash += more;
        while (bucket <= hash >> LOW_BITS)
            l->buckets[bucket++] = i;
        l->low[i] = (uint16_t)(hash & ((1u << LOW_BITS) - 1));
        l->entries_of[i] = (uint32_t)(p.at - l->entries);
        if (!read_entries(&p, &b))
            return bad(err, "a gram's languages are none");
    }
    while (bucket <= N_BUCKETS)
        l->buckets[bucket++] = l->n_grams;
    l->entries_of[l->n_grams] = (uint32_t)(p.at - l->entries);
    return p.at == p.end ? 0 : bad(err, "it has fewer entries than it says");
}

static int read_weights(struct wf_lens_language *l, const struct wf_gguf_value *v,
                        struct wf_err *err)
{
    struct wf_str s = wf_gguf_item_bytes(v);
    struct entry *e = l->entries;
    uint32_t n = l->n_entries;

    if (s.len < ((size_t)n + 1) / 2)
        return bad(err, "its weights break off");
    for (uint32_t i = 0; i + 1 < n; i += 2) {
        uint8_t c = (uint8_t)s.ptr[i / 2];
        e[i].weight = c & 15;
        e[i + 1].weight = c >> 4;
    }
    if (n % 2 != 0)
        e[n - 1].weight = (uint8_t)s.ptr[n / 2] & 15;
    return 0;
}

static bool is_bytes(const struct wf_gguf_value *v)
{
    return v != NULL && v->kind == WF_GGUF_ARRAY && v->item_kind == WF_GGUF_I32;
}

int wf_lens_language_open(const struct wf_gguf *g, struct wf_lens_language **out,
                          struct wf_err *err)
{
    const struct wf_gguf_value *grams = wf_gguf_value(g, "lens.language.grams");
    const struct wf_gguf_value *weights = wf_gguf_value(g, "lens.language.weights");
    struct wf_lens_language *l;
    int rc;

    if (grams == NULL)
        return wf_err_set(err, WF_E_NOENT, "The lens file has no table of languages.");
    if (!is_bytes(grams) || !is_bytes(weights))
        return bad(err, "its bytes are missing");
    l = wf_alloc_array(1, sizeof(*l));
    if (l == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the table of languages.");
    rc = read_numbers(l, g, err);
    if (rc == 0)
        rc = read_labels(l, g, err);
    if (rc == 0)
        rc = make_arrays(l, err);
    if (rc == 0)
        rc = read_grams(l, grams, err);
    if (rc == 0)
        rc = read_weights(l, weights, err);
    if (rc != 0) {
        wf_lens_language_close(l);
        return rc;
    }
    *out = l;
    return 0;
}

void wf_lens_language_close(struct wf_lens_language *l)
{
    if (l == NULL)
        return;
    wf_free(l->buckets);
    wf_free(l->low);
    wf_free(l->entries_of);
    wf_free(l->entries);
    wf_free(l);
}

size_t wf_lens_language_n(const struct wf_lens_language *l)
{
    return l->n_labels;
}

struct wf_str wf_lens_language_label(const struct wf_lens_language *l, size_t i)
{
    struct wf_str s = {0};

    assert(i < l->n_labels);
    (void)wf_gguf_item_string(l->labels, i, &s); /* read when it was opened */
    return s;
}

/* ---- scoring ---- */

/* The gram of this hash; n_grams where the table has none. */
static uint32_t find(const struct wf_lens_language *l, uint32_t hash)
{
    uint32_t i = l->buckets[hash >> LOW_BITS], end = l->buckets[(hash >> LOW_BITS) + 1];
    uint16_t low = (uint16_t)(hash & ((1u << LOW_BITS) - 1));

    while (i < end && l->low[i] < low)
        i++;
    return i < end && l->low[i] == low ? i : l->n_grams;
}

/* The grams that a text has had: open addressing, 0 is free. As large as the text needs, so that a
 * short one clears little; at most WF_GRAMS_TEXT_MAX code points fill it to 61%. */
#define SEEN_MAX 8192
_Static_assert((WF_GRAMS_TEXT_MAX + 1) * WF_GRAMS_STEP_MAX < SEEN_MAX * 2 / 3, "seen has room");

struct seen {
    uint32_t slots[SEEN_MAX]; /* a gram's number and 1 */
    uint32_t mask;
};

static void seen_init(struct seen *s, size_t n_bytes)
{
    uint32_t n = 64;

    while (n < SEEN_MAX && n * 2 < (n_bytes + 1) * WF_GRAMS_STEP_MAX * 3)
        n *= 2;
    s->mask = n - 1;
    memset(s->slots, 0, n * sizeof(s->slots[0]));
}

/* Whether the text had the gram already; it has it now. */
static bool seen_put(struct seen *s, uint32_t gram)
{
    uint32_t at = gram & s->mask;

    for (; s->slots[at] != 0; at = (at + 1) & s->mask) {
        if (s->slots[at] == gram + 1)
            return true;
    }
    s->slots[at] = gram + 1;
    return false;
}

size_t wf_lens_language_score(const struct wf_lens_language *l, struct wf_str text, float *out)
{
    uint32_t sums[WF_LENS_LANGUAGES_MAX] = {0}; /* a text's grams times 15 do not fill them */
    struct wf_gram grams[WF_GRAMS_STEP_MAX];
    struct wf_grams g;
    struct seen seen;
    size_t n_known = 0;
    float scale;

    seen_init(&seen, text.len);
    wf_grams_init(&g, text);
    for (size_t n; wf_grams_next(&g, grams, &n);) {
        for (size_t k = 0; k < n; k++) {
            uint32_t i = find(l, grams[k].hash);
            if (i == l->n_grams || seen_put(&seen, i))
                continue;
            n_known++;
            for (uint32_t e = l->entries_of[i]; e < l->entries_of[i + 1]; e++)
                sums[l->entries[e].label] += l->entries[e].weight;
        }
    }
    scale = l->step * l->sharpness / sqrtf((float)(n_known + 1));
    for (size_t i = 0; i < l->n_labels; i++)
        out[i] = scale * (float)sums[i];
    return n_known;
}

size_t wf_lens_language_best(const float *logits, size_t n, struct wf_lens_language_guess *out,
                             size_t k)
{
    size_t n_out = 0;
    double sum = 0;

    for (size_t i = 0; i < n && k > 0; i++) {
        size_t at = n_out;
        while (at > 0 && logits[i] > logits[out[at - 1].label])
            at--;
        if (at == k)
            continue;
        n_out += n_out < k;
        for (size_t j = n_out - 1; j > at; j--)
            out[j] = out[j - 1];
        out[at].label = i;
    }
    for (size_t i = 0; i < n && n_out > 0; i++)
        sum += exp((double)logits[i] - (double)logits[out[0].label]);
    for (size_t i = 0; i < n_out; i++)
        out[i].probability =
            (float)(exp((double)logits[out[i].label] - (double)logits[out[0].label]) / sum);
    return n_out;
}
