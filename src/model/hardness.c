/* SPDX-License-Identifier: Apache-2.0 */
/* Hardness: features of a request's text, and the table that weighs them. A text that is longer
 * than what is looked at is seen by its first and last words. */
#include "model/hardness.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/asset.h"
#include "base/buf.h"
#include "text/word.h"

#define MAGIC "WFHARD01"
#define HEAD_BYTES 28u
#define BEGIN_BYTES 4096u /* of a long text: so much of its begin, and of its end */
#define END_BYTES 1024u

struct wf_hardness {
    float scales[WF_HARDNESS_OUTPUTS], biases[WF_HARDNESS_OUTPUTS];
    int8_t weights[WF_HARDNESS_OUTPUTS][WF_HARDNESS_ROWS];
};

/* ---- features ---- */

enum seed {
    SEED_WORD = 1,
    SEED_PAIR,
    SEED_BEGIN,
    SEED_END,
    SEED_SHAPE
};

static void put(struct wf_hardness_features *f, size_t *n, uint64_t hash)
{
    hash ^= hash >> 32;
    if (*n < WF_HARDNESS_FEATURES_MAX)
        f->items[(*n)++] = (uint16_t)((hash ^ hash >> 15) % WF_HARDNESS_ROWS);
}

struct seen {
    struct wf_word words[WF_HARDNESS_WORDS_MAX];
    size_t n;
};

static void see(struct seen *s, struct wf_str text, size_t n_max)
{
    struct wf_words w;

    wf_words_init(&w, text);
    while (s->n < n_max && wf_words_next(&w, &s->words[s->n]))
        s->n++;
}

static struct wf_str word_of(const struct wf_word *w)
{
    return wf_str_n(w->text, w->len);
}

/* What can be counted, a few steps a doubling; each is a row of its own. */
static void put_shape(struct wf_hardness_features *f, size_t *n, struct wf_str text,
                      const struct seen *s)
{
    enum {
        DIGITS,
        SIGNS,
        LINES,
        UPPERS,
        COMMAS,
        OTHERS,
        LETTERS,
        WORDS,
        LONG,
        COUNTS
    };
    double counts[COUNTS] = {0};

    double length = (double)text.len;

    text = wf_str_sub(text, 0, BEGIN_BYTES);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        counts[DIGITS] += c >= '0' && c <= '9';
        counts[SIGNS] += c != '\0' && strchr("+*/=<>^$%{}[]()_\\|", c) != NULL;
        counts[LINES] += c == '\n';
        counts[UPPERS] += c >= 'A' && c <= 'Z';
        counts[COMMAS] += c == ',' || c == ';' || c == '.';
        counts[OTHERS] += c >= 0x80;
        counts[LETTERS] += (c | 32) >= 'a' && (c | 32) <= 'z';
    }
    counts[WORDS] = length;
    for (size_t i = 0; i < s->n; i++)
        counts[LONG] += s->words[i].len >= 9;
    for (unsigned k = 0; k < COUNTS; k++) {
        char name[3] = {(char)('a' + k), (char)(int)(2.0 * log2(1.0 + counts[k])), 0};
        put(f, n, wf_str_hash(wf_str_n(name, 2), SEED_SHAPE));
        if (k == WORDS || k == LETTERS)
            continue;
        name[0] = (char)('A' + k); /* and as a share of the text */
        name[1] = (char)(int)(4.0 * sqrt(256.0 * counts[k] / ((double)text.len + 1.0)));
        put(f, n, wf_str_hash(wf_str_n(name, 2), SEED_SHAPE));
    }
}

void wf_hardness_features(struct wf_str text, struct wf_hardness_features *out)
{
    struct seen s = {.n = 0};
    size_t n = 0, to;

    if (text.len > BEGIN_BYTES + END_BYTES) {
        see(&s, wf_str_sub(text, 0, BEGIN_BYTES), WF_HARDNESS_WORDS_MAX * 3 / 4);
        for (to = text.len - END_BYTES; to < text.len && (text.ptr[to] & 0xc0) == 0x80; to++)
            ;
        see(&s, wf_str_sub(text, to, text.len), WF_HARDNESS_WORDS_MAX);
    } else {
        see(&s, text, WF_HARDNESS_WORDS_MAX);
    }
    for (size_t i = 0; i < s.n; i++) {
        uint64_t h = wf_str_hash(word_of(&s.words[i]), SEED_WORD);
        put(out, &n, h);
        if (i > 0)
            put(out, &n, wf_str_hash(word_of(&s.words[i - 1]), SEED_PAIR) * 31 + h);
    }
    out->ends[0] = n;
    for (size_t i = 0; i < s.n; i++) {
        struct wf_str w = word_of(&s.words[i]);
        if (w.len > 4)
            put(out, &n, wf_str_hash(wf_str_sub(w, 0, 4), SEED_BEGIN));
        if (w.len > 5)
            put(out, &n, wf_str_hash(wf_str_sub(w, w.len - 3, w.len), SEED_END));
    }
    out->ends[1] = n;
    put_shape(out, &n, text, &s);
    out->ends[2] = n;
}

/* ---- the table ---- */

static uint32_t u32_at(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;

    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static float f32_at(const char *p)
{
    uint32_t bits = u32_at(p);
    float v;

    memcpy(&v, &bits, sizeof(v));
    return v;
}

int wf_hardness_open(struct wf_str bytes, struct wf_hardness **out, struct wf_err *err)
{
    struct wf_hardness *h;

    if (bytes.len != WF_HARDNESS_TABLE_BYTES || memcmp(bytes.ptr, MAGIC, 8) != 0 ||
        u32_at(bytes.ptr + 8) != WF_HARDNESS_ROWS)
        return wf_err_set(err, WF_E_FORMAT, "This is no table of how hard requests are.");
    h = wf_alloc_array(1, sizeof(*h));
    if (h == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to tell how hard requests are.");
    for (size_t k = 0; k < WF_HARDNESS_OUTPUTS; k++) {
        h->scales[k] = f32_at(bytes.ptr + 12 + 4 * k);
        h->biases[k] = f32_at(bytes.ptr + 20 + 4 * k);
        if (!(fabsf(h->scales[k]) < 1e3f) || !(fabsf(h->biases[k]) < 1e3f)) {
            wf_free(h); /* so that sums stay finite */
            return wf_err_set(err, WF_E_FORMAT, "A table of how hard requests are is damaged.");
        }
    }
    memcpy(h->weights, bytes.ptr + HEAD_BYTES, sizeof(h->weights));
    *out = h;
    return 0;
}

int wf_hardness_built_in(struct wf_hardness **out, struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_HARDNESS_TABLE_BYTES);
    rc = wf_asset_unpack(&wf_hardness_assets[0], &b);
    rc = rc == 0 ? wf_hardness_open(wf_buf_str(&b), out, err)
                 : wf_err_set(err, rc, "Not enough memory to tell how hard requests are.");
    wf_buf_deinit(&b);
    return rc;
}

void wf_hardness_close(struct wf_hardness *h)
{
    wf_free(h);
}

void wf_hardness_weigh(const struct wf_hardness *h, const struct wf_hardness_features *f,
                       float *out)
{
    size_t from = 0;

    memcpy(out, h->biases, sizeof(h->biases));
    for (size_t g = 0; g < WF_HARDNESS_GROUPS; from = f->ends[g++]) {
        int32_t small = 0, large = 0;
        float share = f->ends[g] > from ? 1.0f / sqrtf((float)(f->ends[g] - from)) : 0.0f;
        for (size_t i = from; i < f->ends[g]; i++) {
            small += h->weights[WF_HARDNESS_SMALL][f->items[i]];
            large += h->weights[WF_HARDNESS_LARGE][f->items[i]];
        }
        out[WF_HARDNESS_SMALL] += h->scales[WF_HARDNESS_SMALL] * share * (float)small;
        out[WF_HARDNESS_LARGE] += h->scales[WF_HARDNESS_LARGE] * share * (float)large;
    }
}

void wf_hardness_score(const struct wf_hardness *h, struct wf_str text, float *out)
{
    struct wf_hardness_features f;

    wf_hardness_features(text, &f);
    wf_hardness_weigh(h, &f, out);
}
