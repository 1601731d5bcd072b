/* SPDX-License-Identifier: Apache-2.0 */
/* Lens linear: the table's bytes are unpacked once into arrays that are quick to look things up in:
 * buckets by a gram's upper bits, its lower bits beside each other, and entries of label and level.
 * Everything is checked while it is unpacked; scoring trusts the arrays. */
#include "model/lens_linear.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "kern/dtype.h"
#include "model/lens_grams.h"

#define BUCKET_BITS 14
#define LOW_BITS (WF_LENS_GRAMS_BITS - BUCKET_BITS)
#define N_BUCKETS (1u << BUCKET_BITS)
#define NAME_BYTES 96

_Static_assert(LOW_BITS <= 8, "the lower bits of a gram fit their array");
_Static_assert(WF_LENS_LINEAR_LABELS_MAX <= 256, "a label fits its byte");

struct entry {
    uint8_t label, level;
};

struct wf_lens_linear {
    size_t n_labels;
    uint32_t n_grams, n_entries;
    float levels[WF_LENS_LINEAR_LEVELS];
    float *biases;         /* [n_labels] */
    uint32_t *buckets;     /* [N_BUCKETS + 1] where a bucket's grams begin */
    uint8_t *low;          /* [n_grams] the lower bits, ascending in a bucket */
    uint32_t *entries_of;  /* [n_grams + 1] where a gram's entries begin */
    struct entry *entries; /* [n_entries] */
};

static int bad(struct wf_err *err, const char *what)
{
    return wf_err_set(err, WF_E_FORMAT, "A table of what words say cannot be used: %s.", what);
}

/* ---- opening ---- */

static bool next_number(struct wf_str *io, uint32_t *out)
{
    uint32_t v = 0;

    for (unsigned shift = 0; shift <= 28 && io->len > 0; shift += 7) {
        unsigned char c = (unsigned char)*io->ptr++;
        io->len--;
        v |= (uint32_t)(c & 0x7f) << shift;
        if ((c & 0x80) == 0) {
            *out = v;
            return true;
        }
    }
    return false;
}

static int make_arrays(struct wf_lens_linear *l, struct wf_err *err)
{
    l->biases = wf_alloc_array(l->n_labels, sizeof(*l->biases));
    l->buckets = wf_alloc_array(N_BUCKETS + 1, sizeof(*l->buckets));
    l->low = wf_alloc_array((size_t)l->n_grams + 1, sizeof(*l->low));
    l->entries_of = wf_alloc_array((size_t)l->n_grams + 1, sizeof(*l->entries_of));
    l->entries = wf_alloc_array((size_t)l->n_entries + 1, sizeof(*l->entries));
    if (l->biases != NULL && l->buckets != NULL && l->low != NULL && l->entries_of != NULL &&
        l->entries != NULL)
        return 0;
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a table of what words say.");
}

/* Where labels are put: bytes, which to the compiler may lie in the table itself; apart from it, it
 * need not be read anew behind each. */
struct place {
    struct entry *at, *end;
    uint32_t n_labels;
};

/* One gram's labels; false when they do not fit or are none of ours. */
static bool read_entries(struct place *p, struct wf_str *io)
{
    uint32_t label = 0, v;

    for (bool is_first = true;; is_first = false) {
        if (!next_number(io, &v) || v >> 1 >= WF_LENS_LINEAR_LABELS_MAX)
            return false;
        label += (v >> 1) + !is_first;
        if (label >= p->n_labels || p->at == p->end)
            return false;
        (p->at++)->label = (uint8_t)label;
        if ((v & 1) != 0)
            return true;
    }
}

static int read_grams(struct wf_lens_linear *l, struct wf_str bytes, struct wf_err *err)
{
    struct place p = {l->entries, l->entries + l->n_entries, (uint32_t)l->n_labels};
    uint32_t gram = 0, bucket = 0, more = 0;

    for (uint32_t i = 0; i < l->n_grams; i++) {
        if (!next_number(&bytes, &more) || more >= (1u << WF_LENS_GRAMS_BITS) - gram ||
            (more == 0 && i > 0))
            return bad(err, "its grams are out of order or break off");
        gram += more;
        while (bucket <= gram >> LOW_BITS)
            l->buckets[bucket++] = i;
        l->low[i] = (uint8_t)(gram & ((1u << LOW_BITS) - 1));
        l->entries_of[i] = (uint32_t)(p.at - l->entries);
        if (!read_entries(&p, &bytes))
            return bad(err, "a gram's labels are none");
    }
    while (bucket <= N_BUCKETS)
        l->buckets[bucket++] = l->n_grams;
    l->entries_of[l->n_grams] = (uint32_t)(p.at - l->entries);
    return p.at == p.end ? 0 : bad(err, "it has fewer entries than it says");
}

static int read_weights(struct wf_lens_linear *l, const struct wf_lens_linear_parts *p,
                        struct wf_err *err)
{
    struct entry *e = l->entries;
    uint32_t n = l->n_entries;

    if (p->weights.len < ((size_t)n + 1) / 2)
        return bad(err, "its weights break off");
    for (uint32_t i = 0; i + 1 < n; i += 2) {
        uint8_t c = (uint8_t)p->weights.ptr[i / 2];
        e[i].level = c & 15;
        e[i + 1].level = c >> 4;
    }
    if (n % 2 != 0)
        e[n - 1].level = (uint8_t)p->weights.ptr[n / 2] & 15;
    for (size_t i = 0; i < WF_LENS_LINEAR_LEVELS + p->n_labels; i++) {
        float v = i < WF_LENS_LINEAR_LEVELS ? p->levels[i] : p->biases[i - WF_LENS_LINEAR_LEVELS];
        if (!(fabsf(v) < 1e6f)) /* so that sums stay finite */
            return bad(err, "a number is out of range");
    }
    memcpy(l->levels, p->levels, sizeof(l->levels));
    memcpy(l->biases, p->biases, p->n_labels * sizeof(*p->biases));
    return 0;
}

int wf_lens_linear_read(const struct wf_lens_linear_parts *p, struct wf_lens_linear **out,
                        struct wf_err *err)
{
    struct wf_lens_linear *l;
    int rc;

    if (p->n_grams > WF_LIMIT_LENS_GRAMS || p->n_entries > WF_LIMIT_LENS_GRAM_ENTRIES ||
        p->n_labels == 0 || p->n_labels > WF_LENS_LINEAR_LABELS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "A table of what words say is too large.");
    /* Each gram and each entry is a byte at least: no more memory than the file has bytes for. */
    if (p->grams.len < (size_t)p->n_grams + p->n_entries)
        return bad(err, "its grams are out of order or break off");
    l = wf_alloc_array(1, sizeof(*l));
    if (l == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a table of what words say.");
    l->n_labels = p->n_labels;
    l->n_grams = p->n_grams;
    l->n_entries = p->n_entries;
    rc = make_arrays(l, err);
    if (rc == 0)
        rc = read_grams(l, p->grams, err);
    if (rc == 0)
        rc = read_weights(l, p, err);
    if (rc == 0)
        *out = l;
    else
        wf_lens_linear_close(l);
    return rc;
}

void wf_lens_linear_close(struct wf_lens_linear *l)
{
    if (l == NULL)
        return;
    wf_free(l->biases);
    wf_free(l->buckets);
    wf_free(l->low);
    wf_free(l->entries_of);
    wf_free(l->entries);
    wf_free(l);
}

/* ---- in a file ---- */

static bool read_u32(const struct wf_gguf *g, const char *of, const char *what, uint32_t *out)
{
    char name[NAME_BYTES];
    uint64_t v = 0;

    (void)snprintf(name, sizeof(name), "lens.%.48s.linear.%s", of, what);
    if (!wf_gguf_u64(g, name, &v) || v > UINT32_MAX)
        return false;
    *out = (uint32_t)v;
    return true;
}

/* NULL: there is none of that shape. */
static const float *read_floats(const struct wf_gguf *g, const char *of, const char *what, size_t n)
{
    char name[NAME_BYTES];
    const struct wf_gguf_tensor *t;

    (void)snprintf(name, sizeof(name), "lens.%.48s.linear.%s", of, what);
    t = wf_gguf_tensor(g, name);
    return t != NULL && t->type == WF_DTYPE_F32 && t->n_dims == 1 && t->dims[0] == n &&
                   (uintptr_t)t->data % sizeof(float) == 0
               ? t->data
               : NULL;
}

static struct wf_str read_bytes(const struct wf_gguf *g, const char *of, const char *what)
{
    char name[NAME_BYTES];
    const struct wf_gguf_value *v;

    (void)snprintf(name, sizeof(name), "lens.%.48s.linear.%s", of, what);
    v = wf_gguf_value(g, name);
    return v != NULL && v->item_kind == WF_GGUF_I32 ? wf_gguf_item_bytes(v) : WF_STR("");
}

int wf_lens_linear_open(const struct wf_gguf *g, const char *of, size_t n_labels,
                        struct wf_lens_linear **out, struct wf_err *err)
{
    struct wf_lens_linear_parts p = {.n_labels = n_labels};

    *out = NULL;
    if (!read_u32(g, of, "n_grams", &p.n_grams))
        return 0;
    p.grams = read_bytes(g, of, "grams");
    p.weights = read_bytes(g, of, "weights");
    p.levels = read_floats(g, of, "levels", WF_LENS_LINEAR_LEVELS);
    p.biases = read_floats(g, of, "biases", n_labels);
    if (p.levels == NULL || p.biases == NULL || !read_u32(g, of, "n_entries", &p.n_entries))
        return bad(err, "a part is missing or of a wrong shape");
    return wf_lens_linear_read(&p, out, err);
}

/* ---- scoring ---- */

/* Adds what the grams say, each weight times scale. */
static void add(const struct wf_lens_linear *l, const uint32_t *grams, size_t n, float *out)
{
    float scale = n > 0 ? 1.0f / sqrtf((float)n) : 0.0f, levels[WF_LENS_LINEAR_LEVELS];

    for (size_t i = 0; i < WF_LENS_LINEAR_LEVELS; i++)
        levels[i] = scale * l->levels[i];
    for (size_t i = 0; i < n; i++) {
        uint32_t at = l->buckets[grams[i] >> LOW_BITS];
        uint32_t end = l->buckets[(grams[i] >> LOW_BITS) + 1];
        uint8_t low = (uint8_t)(grams[i] & ((1u << LOW_BITS) - 1));
        while (at < end && l->low[at] < low)
            at++;
        if (at == end || l->low[at] != low)
            continue;
        for (uint32_t e = l->entries_of[at]; e < l->entries_of[at + 1]; e++)
            out[l->entries[e].label] += levels[l->entries[e].level];
    }
}

void wf_lens_linear_score(const struct wf_lens_linear *l, struct wf_str text, float *out)
{
    struct wf_lens_grams grams;

    wf_lens_grams(text, &grams);
    memcpy(out, l->biases, l->n_labels * sizeof(*out));
    add(l, grams.items, grams.n_words, out);
    add(l, grams.items + grams.n_words, grams.n - grams.n_words, out);
}
