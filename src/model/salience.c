/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing: greedily by worth, which falls as words are covered, so that worths may be out of date
 * in a heap and are computed anew only at its top (Minoux 1978).
 *
 * A word is expected mu times in a summary; that it is there k times or more is the tail of a
 * negative binomial distribution, and the sum over a summary's words is how many of them it is
 * expected to share: what ROUGE-1 counts. */
#include "model/salience.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/config.h"
#include "kern/dtype.h"

#define TAILS 8            /* a word beyond is worth nothing */
#define RATE_MAX 0.13      /* of a word's share of a summary: "the" has 0.07 */
#define SHARE_OF_KNOWN 0.6 /* of a text's running words */
#define REGIONS 30u        /* of a text */
#define WORDS_MIN 15.0f    /* of a summary */
#define LENGTH_SLACK 5.0f
#define WORTH_MIN 1e-4f

static const char fit_name[] = "lens.salience.fit";
static const char hashes_name[] = "lens.salience.words.hashes";
static const char weights_name[] = "lens.salience.words.weights";

/* ---- reading ---- */

bool wf_salience_is_in(const struct wf_gguf *g)
{
    return wf_gguf_tensor(g, fit_name) != NULL || wf_gguf_value(g, hashes_name) != NULL ||
           wf_gguf_value(g, weights_name) != NULL;
}

static int refuse(const char *name, struct wf_err *err)
{
    return wf_err_set(err, WF_E_FORMAT, "The lens file cannot be used: %s is no table of salience.",
                      name);
}

/* Within what makes sense, so that no number can become none. */
static bool is_fit(const struct wf_salience_fit *f)
{
    for (size_t i = 0; i < WF_SALIENCE_FEATURES; i++) {
        if (!(fabsf(f->beta[i]) < 50.0f))
            return false;
    }
    return f->words >= 1.0f && f->words < 1000.0f && f->shape > 0.01f && f->shape < 1000.0f &&
           f->price >= 0.0f && f->price < 1.0f && f->length >= 0.0f && f->length <= 2.0f &&
           f->region > 0.0f && f->region <= 1.0f && f->encoder >= 0.0f && f->encoder < 10.0f;
}

static int read_fit(const struct wf_gguf *g, struct wf_salience *s, struct wf_err *err)
{
    const struct wf_gguf_tensor *t = wf_gguf_tensor(g, fit_name);
    float v[2 * WF_SALIENCE_FIT];

    if (t == NULL || t->type != WF_DTYPE_F32 || t->dims[0] != WF_SALIENCE_FIT || t->dims[1] != 2 ||
        t->dims[2] != 1 || t->dims[3] != 1)
        return refuse(fit_name, err);
    memcpy(v, t->data, sizeof(v));
    for (size_t i = 0; i < 2; i++) {
        memcpy(&s->fit[i], v + i * WF_SALIENCE_FIT, sizeof(s->fit[i]));
        if (!is_fit(&s->fit[i]))
            return refuse(fit_name, err);
    }
    return 0;
}

static int read_words(const struct wf_gguf *g, struct wf_salience *s, struct wf_err *err)
{
    const struct wf_gguf_value *h = wf_gguf_value(g, hashes_name);
    const struct wf_gguf_value *w = wf_gguf_value(g, weights_name);
    uint32_t *hashes;
    float *all, *about;

    if (h == NULL || h->kind != WF_GGUF_ARRAY || h->n_items > WF_SALIENCE_WORDS_MAX)
        return refuse(hashes_name, err);
    if (w == NULL || w->kind != WF_GGUF_ARRAY || w->n_items != h->n_items)
        return refuse(weights_name, err);
    s->n = (size_t)h->n_items;
    s->_owned = hashes = wf_alloc_array(s->n + 1, 3 * sizeof(*hashes));
    if (hashes == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the words of salience.");
    s->hashes = hashes;
    s->weights[0] = all = (float *)(void *)(hashes + s->n);
    s->weights[1] = about = all + s->n;
    for (size_t i = 0; i < s->n; i++) {
        int64_t hash, weight;
        if (!wf_gguf_item_i64(h, i, &hash) || hash < INT32_MIN || hash > INT32_MAX)
            return refuse(hashes_name, err);
        if (!wf_gguf_item_i64(w, i, &weight) || weight < INT32_MIN || weight > INT32_MAX)
            return refuse(weights_name, err);
        hashes[i] = (uint32_t)hash;
        if (i > 0 && hashes[i] <= hashes[i - 1])
            return refuse(hashes_name, err);
        all[i] = (float)(int16_t)((uint32_t)weight & 0xffffu) / 100.0f;
        about[i] = (float)(int16_t)((uint32_t)weight >> 16) / 100.0f;
        if (fabsf(all[i]) > WF_SALIENCE_WEIGHT_MAX || fabsf(about[i]) > WF_SALIENCE_WEIGHT_MAX)
            return refuse(weights_name, err);
    }
    return 0;
}

int wf_salience_open(const struct wf_gguf *g, struct wf_salience **out, struct wf_err *err)
{
    struct wf_salience *s = wf_alloc_array(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the words of salience.");
    rc = read_fit(g, s, err);
    if (rc == 0)
        rc = read_words(g, s, err);
    if (rc == 0)
        *out = s;
    else
        wf_salience_close(s);
    return rc;
}

void wf_salience_close(struct wf_salience *s)
{
    if (s == NULL)
        return;
    wf_free(s->_owned);
    wf_free(s);
}

/* The word's place in the table; n: it is not there. */
static size_t find(const struct wf_salience *s, uint32_t hash)
{
    size_t low = 0, high = s->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (s->hashes[mid] < hash)
            low = mid + 1;
        else
            high = mid;
    }
    return low < s->n && s->hashes[low] == hash ? low : s->n;
}

float wf_salience_weight(const struct wf_salience *s, uint32_t hash, bool about)
{
    size_t i = find(s, hash);

    return i < s->n ? s->weights[about][i] : 0.0f;
}

size_t wf_salience_usual(size_t n_sentences)
{
    return (size_t)fmin(25, 2 + sqrt((double)n_sentences) / 2);
}

bool wf_salience_knows(const struct wf_salience *s, const struct wf_salience_text *t)
{
    uint64_t n = 0;

    for (size_t i = 0; i < t->n_words; i++)
        n += find(s, t->words[i].hash) < s->n ? t->words[i].n : 0;
    return t->n > 0 && (double)n >= SHARE_OF_KNOWN * (double)t->starts[t->n];
}

/* ---- choosing ---- */

struct choice {
    const struct wf_salience_text *t;
    const struct wf_salience_fit *fit;
    float (*tails)[TAILS]; /* per word: that it is there more than so many times */
    uint16_t *n_covered;   /* per word */
    float *factors;        /* per sentence */
    struct wf_salience_pick *heap;
    size_t n_heap;
    float regions[REGIONS];
};

/* The tails of a word that is expected mu times. */
static void find_tails(float mu, float shape, float out[TAILS])
{
    float more = mu / (shape + mu), p = powf(shape / (shape + mu), shape), tail = 1.0f;

    for (size_t k = 0; k < TAILS; k++) {
        tail -= p;
        out[k] = tail > 0.0f ? tail : 0.0f;
        p *= (shape + (float)k) / (float)(k + 1) * more;
    }
}

static void weigh_words(struct choice *c, const struct wf_salience *s, size_t n_wanted)
{
    float n = fmaxf(WORDS_MIN, c->fit->words * (float)n_wanted);

    for (size_t i = 0; i < c->t->n_words; i++) {
        float x[WF_SALIENCE_FEATURES];
        double log_rate = (double)wf_salience_weight(s, c->t->words[i].hash, c->t->is_about);
        wf_salience_features(c->t, i, x);
        for (size_t k = 0; k < WF_SALIENCE_FEATURES; k++)
            log_rate += (double)(c->fit->beta[k] * x[k]);
        find_tails(n * (float)fmin(exp(log_rate), RATE_MAX), c->fit->shape, c->tails[i]);
    }
}

static void weigh_sentences(struct choice *c, const float *logits)
{
    for (size_t i = 0; i < c->t->n; i++) {
        float n = (float)(c->t->starts[i + 1] - c->t->starts[i]);
        float logit = logits != NULL && isfinite(logits[i]) ? logits[i] : 0.0f;
        logit = fmaxf(-20.0f, fminf(20.0f, c->fit->encoder * logit));
        c->factors[i] = expf(logit) / powf(n + LENGTH_SLACK, c->fit->length);
    }
}

static float *region_of(struct choice *c, uint32_t i)
{
    assert(i < c->t->n);
    return &c->regions[(uint64_t)i * REGIONS / c->t->n];
}

static float worth(struct choice *c, uint32_t i)
{
    const struct wf_salience_text *t = c->t;
    float sum = 0.0f;

    for (uint32_t k = t->starts[i]; k < t->starts[i + 1]; k++) {
        uint16_t *n = &c->n_covered[t->ids[k]];
        if (*n < TAILS)
            sum += c->tails[t->ids[k]][*n];
        (*n)++; /* a sentence has some hundreds of words at most */
        sum -= c->fit->price;
    }
    for (uint32_t k = t->starts[i]; k < t->starts[i + 1]; k++)
        c->n_covered[t->ids[k]]--;
    return fmaxf(sum, WORTH_MIN) * c->factors[i] * *region_of(c, i);
}

/* The earlier sentence on a tie, so that the order does not depend on the heap. */
static bool is_before(struct wf_salience_pick a, struct wf_salience_pick b)
{
    return a.worth > b.worth || (a.worth == b.worth && a.i < b.i);
}

static void sift_down(struct choice *c, size_t i)
{
    struct wf_salience_pick item = c->heap[i];

    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= c->n_heap)
            break;
        if (child + 1 < c->n_heap && is_before(c->heap[child + 1], c->heap[child]))
            child++;
        if (!is_before(c->heap[child], item))
            break;
        c->heap[i] = c->heap[child];
        i = child;
    }
    c->heap[i] = item;
}

static void cover(struct choice *c, uint32_t i)
{
    float *region = region_of(c, i);

    for (uint32_t k = c->t->starts[i]; k < c->t->starts[i + 1]; k++) {
        uint16_t *n = &c->n_covered[c->t->ids[k]];
        *n = *n < TAILS ? (uint16_t)(*n + 1) : TAILS;
    }
    *region = fmaxf(*region * c->fit->region, 1e-12f);
}

static void run(struct choice *c, size_t n_out, struct wf_salience_pick *out)
{
    for (uint32_t i = 0; i < c->t->n; i++)
        c->heap[i] = (struct wf_salience_pick){i, worth(c, i)};
    for (size_t i = c->n_heap / 2; i-- > 0;)
        sift_down(c, i);
    for (size_t n = 0; n < n_out;) {
        struct wf_salience_pick top = c->heap[0];
        float now = worth(c, top.i);
        assert(c->n_heap > 0);
        if (now < top.worth) {
            c->heap[0].worth = now;
            sift_down(c, 0);
            if (c->heap[0].i != top.i)
                continue;
        }
        out[n++] = (struct wf_salience_pick){top.i, fminf(now, top.worth)};
        cover(c, top.i);
        c->heap[0] = c->heap[--c->n_heap];
        if (c->n_heap > 0)
            sift_down(c, 0);
    }
}

int wf_salience_choose(const struct wf_salience *s, const struct wf_salience_text *t,
                       const struct wf_salience_ask *ask, size_t n_out,
                       struct wf_salience_pick *out, struct wf_err *err)
{
    struct choice c = {.t = t, .fit = &s->fit[t->is_about], .n_heap = t->n};
    size_t n_wanted = ask->n_wanted > 0 ? ask->n_wanted : wf_salience_usual(t->n);
    int rc = 0;

    assert(n_out <= t->n);
    c.tails = wf_alloc_array(t->n_words + 1, sizeof(*c.tails));
    c.n_covered = wf_alloc_array(t->n_words + 1, sizeof(*c.n_covered));
    c.factors = wf_alloc_array(t->n + 1, sizeof(*c.factors));
    c.heap = wf_alloc_array(t->n + 1, sizeof(*c.heap));
    if (c.tails == NULL || c.n_covered == NULL || c.factors == NULL || c.heap == NULL) {
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to choose sentences.");
    } else {
        for (size_t i = 0; i < REGIONS; i++)
            c.regions[i] = 1.0f;
        weigh_words(&c, s, n_wanted);
        weigh_sentences(&c, ask->logits);
        run(&c, n_out, out);
    }
    wf_free(c.tails);
    wf_free(c.n_covered);
    wf_free(c.factors);
    wf_free(c.heap);
    return rc;
}
