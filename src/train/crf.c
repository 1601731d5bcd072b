/* SPDX-License-Identifier: Apache-2.0 */
/* Fitting the field: features are numbered, a pair of feature and tag that was seen gets a weight,
 * and texts come one after the other in another order each pass. */
#include "train/crf.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "train/shuffle.h"

#define TAGS WF_ENTITY_TAGS
#define ROW WF_CRF_ROW
#define FEATURES WF_LENS_WORD_FEATURES
#define NONE UINT32_MAX
#define FEATURES_MAX ((size_t)1 << 25)
/* What a word asks of a tag's score below this changes nothing. */
#define GRADIENT_MIN 1e-4f
#define BETA 1.0f

const struct wf_crf_options wf_crf_usual = {
    .passes = 6, .rate = 0.1f, .l1 = 0.6f, .l2 = 4.0f, .seen_min = 2};

struct fitting {
    const struct wf_crf_side *s;
    const struct wf_crf_options *o;
    struct wf_crf *c;
    uint32_t *keys, *values; /* open addressing: features' numbers, 0 is free; [mask + 1] */
    size_t mask;
    uint32_t *ids; /* [words, FEATURES] of features that have weights, or NONE */
    float *sums;   /* FTRL's z of the weights, and both sums of the moves */
    float move_sums[TAGS * ROW], move_squares[TAGS * ROW];
    float moves[TAGS * ROW], d_moves[TAGS * ROW];
    float *scores, *d_scores; /* [n_max, ROW] */
    struct wf_crf_room *room;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to learn from texts.");
}

void wf_crf_free(struct wf_crf *c)
{
    if (c == NULL)
        return;
    wf_free(c->numbers);
    wf_free(c->first);
    wf_free(c->tags);
    wf_free(c->weights);
    wf_free(c->squares);
    wf_free(c->transitions);
    wf_free(c);
}

/* ---- features ---- */

static size_t slot_of(const struct fitting *f, uint32_t number)
{
    size_t i = (size_t)(number * 2654435761u) & f->mask;

    while (f->keys[i] != 0 && f->keys[i] != number)
        i = (i + 1) & f->mask;
    return i;
}

static int grow_slots(struct fitting *f, struct wf_err *err)
{
    uint32_t *keys = f->keys, *values = f->values;
    size_t n = keys != NULL ? f->mask + 1 : 0, more = n > 0 ? 2 * n : (size_t)1 << 16;

    if (more > 2 * FEATURES_MAX)
        return wf_err_set(err, WF_E_LIMIT, "There is too much text to learn from.");
    f->keys = wf_alloc_array(more, sizeof(*keys));
    f->values = wf_alloc_array(more, sizeof(*values));
    f->mask = more - 1;
    if (f->keys != NULL && f->values != NULL) {
        for (size_t i = 0; i < n; i++) {
            if (keys[i] == 0)
                continue;
            size_t at = slot_of(f, keys[i]);
            f->keys[at] = keys[i];
            f->values[at] = values[i];
        }
    }
    wf_free(keys);
    wf_free(values);
    return f->keys != NULL && f->values != NULL ? 0 : no_memory(err);
}

/* How often each feature is there. */
static int count_features(struct fitting *f, struct wf_err *err)
{
    size_t n = f->s->n * FEATURES, n_used = 0;
    int rc = grow_slots(f, err);

    for (size_t i = 0; i < n && rc == 0; i++) {
        if (f->s->features[i] == 0)
            continue;
        size_t at = slot_of(f, f->s->features[i]);
        n_used += f->keys[at] == 0;
        f->keys[at] = f->s->features[i];
        f->values[at]++;
        if (2 * n_used > f->mask)
            rc = grow_slots(f, err);
    }
    return rc;
}

/* Sorts numbers by their bytes, the lowest first. */
static void sort(uint32_t *a, uint32_t *room, size_t n)
{
    for (unsigned shift = 0; shift < 32; shift += 8) {
        size_t starts[257] = {0};
        for (size_t i = 0; i < n; i++)
            starts[(a[i] >> shift & 255) + 1]++;
        for (size_t d = 0; d < 256; d++)
            starts[d + 1] += starts[d];
        for (size_t i = 0; i < n; i++)
            room[starts[a[i] >> shift & 255]++] = a[i];
        uint32_t *swap = a;
        a = room;
        room = swap;
    }
}

/* Features that were seen often enough, in order; their slots hold where they are. */
static int number_features(struct fitting *f, struct wf_err *err)
{
    struct wf_crf *c = f->c;
    uint32_t *room;
    size_t n = 0;

    for (size_t i = 0; i <= f->mask; i++)
        n += f->keys[i] != 0 && f->values[i] >= f->o->seen_min;
    c->numbers = wf_alloc_array(n + 1, sizeof(*c->numbers));
    room = wf_alloc_array(n + 1, sizeof(*room));
    if (c->numbers == NULL || room == NULL) {
        wf_free(room);
        return no_memory(err);
    }
    for (size_t i = 0; i <= f->mask; i++) {
        if (f->keys[i] != 0 && f->values[i] >= f->o->seen_min)
            c->numbers[c->n_features++] = f->keys[i];
        f->values[i] = NONE;
    }
    sort(c->numbers, room, n);
    wf_free(room);
    for (size_t i = 0; i < n; i++)
        f->values[slot_of(f, c->numbers[i])] = (uint32_t)i;
    return 0;
}

static int look_up(struct fitting *f, struct wf_err *err)
{
    size_t n = f->s->n * FEATURES;

    f->ids = wf_alloc_array(n + 1, sizeof(*f->ids));
    if (f->ids == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        uint32_t number = f->s->features[i];
        f->ids[i] = number != 0 ? f->values[slot_of(f, number)] : NONE;
    }
    wf_free(f->keys);
    wf_free(f->values);
    f->keys = f->values = NULL;
    return 0;
}

/* Weights for the pairs that were seen; a word that is not told may be outside. */
static int lay_out(struct fitting *f, struct wf_err *err)
{
    struct wf_crf *c = f->c;
    uint32_t *seen = wf_alloc_array(c->n_features + 1, sizeof(*seen));
    size_t n = 0;

    c->first = wf_alloc_array(c->n_features + 1, sizeof(*c->first));
    if (seen == NULL || c->first == NULL) {
        wf_free(seen);
        return no_memory(err);
    }
    for (size_t i = 0; i < f->s->n * FEATURES; i++) {
        int tag = f->s->tags[i / FEATURES];
        if (f->ids[i] != NONE)
            seen[f->ids[i]] |= 1u << (tag > 0 ? tag : 0);
    }
    for (size_t k = 0; k < c->n_features; k++) {
        c->first[k] = (uint32_t)n;
        n += (size_t)__builtin_popcount(seen[k]);
    }
    c->first[c->n_features] = (uint32_t)n;
    c->tags = wf_alloc_array(n + 1, sizeof(*c->tags));
    c->weights = wf_alloc_array(n + 1, sizeof(*c->weights));
    c->squares = wf_alloc_array(n + 1, sizeof(*c->squares));
    f->sums = wf_alloc_array(n + 1, sizeof(*f->sums));
    n = 0;
    for (size_t k = 0; k < c->n_features && c->tags != NULL; k++) {
        for (unsigned t = 0; t < TAGS; t++) {
            if ((seen[k] >> t & 1) != 0)
                c->tags[n++] = (uint8_t)t;
        }
    }
    wf_free(seen);
    return c->tags == NULL || c->weights == NULL || c->squares == NULL || f->sums == NULL
               ? no_memory(err)
               : 0;
}

/* ---- learning ---- */

/* The weight after another gradient. */
static float update(const struct wf_crf_options *o, float *z, float *squares, float w, float g)
{
    float root = sqrtf(*squares + g * g);

    *z += g - (root - sqrtf(*squares)) / o->rate * w;
    *squares += g * g;
    if (fabsf(*z) <= o->l1)
        return 0.0f;
    return -(*z - copysignf(o->l1, *z)) / ((BETA + root) / o->rate + o->l2);
}

static void score_text(struct fitting *f, const struct wf_crf_text *t)
{
    const struct wf_crf *c = f->c;

    memset(f->scores, 0, t->n * ROW * sizeof(*f->scores));
    for (size_t i = 0; i < t->n; i++) {
        const uint32_t *ids = f->ids + (t->first + i) * FEATURES;
        float *row = f->scores + i * ROW;
        for (size_t k = 0; k < FEATURES; k++) {
            if (ids[k] == NONE)
                continue;
            for (uint32_t w = c->first[ids[k]]; w < c->first[ids[k] + 1]; w++)
                row[c->tags[w]] += c->weights[w];
        }
    }
}

static double learn(struct fitting *f, const struct wf_crf_text *t)
{
    struct wf_crf *c = f->c;
    double loss;

    score_text(f, t);
    loss = wf_crf_loss(f->room, f->s->allowed + t->first, t->n, f->scores, f->moves, f->d_scores,
                       f->d_moves);
    for (size_t i = 0; i < t->n; i++) {
        const uint32_t *ids = f->ids + (t->first + i) * FEATURES;
        const float *d = f->d_scores + i * ROW;
        for (size_t k = 0; k < FEATURES; k++) {
            if (ids[k] == NONE)
                continue;
            for (uint32_t w = c->first[ids[k]]; w < c->first[ids[k] + 1]; w++) {
                float g = d[c->tags[w]];
                if (fabsf(g) >= GRADIENT_MIN)
                    c->weights[w] =
                        update(f->o, &f->sums[w], &c->squares[w], c->weights[w], g * t->weight);
            }
        }
    }
    for (unsigned k = 0; k < TAGS * ROW; k++) {
        if (fabsf(f->d_moves[k]) >= GRADIENT_MIN)
            f->moves[k] = update(f->o, &f->move_sums[k], &f->move_squares[k], f->moves[k],
                                 f->d_moves[k] * t->weight);
    }
    return loss;
}

static int make_room(struct fitting *f, struct wf_err *err)
{
    size_t n = 1;
    int rc;

    for (size_t i = 0; i < f->s->n_texts; i++)
        n = WF_MAX(n, f->s->texts[i].n);
    f->scores = wf_alloc_lines(n, ROW * sizeof(float));
    f->d_scores = wf_alloc_lines(n, ROW * sizeof(float));
    f->c->transitions = wf_alloc_array((size_t)TAGS * TAGS, sizeof(float));
    rc = f->scores == NULL || f->d_scores == NULL || f->c->transitions == NULL
             ? no_memory(err)
             : wf_crf_room_new(n, &f->room, err);
    return rc;
}

static void run_passes(struct fitting *f, wf_crf_pass_fn pass, void *ud)
{
    const struct wf_crf_side *s = f->s;

    for (unsigned p = 0; p < f->o->passes; p++) {
        double loss = 0;
        for (size_t i = 0; i < s->n_texts; i++) {
            size_t k = (size_t)wf_shuffle_at(wf_seed_mix(7, p), s->n_texts, i);
            loss += learn(f, &s->texts[k]);
        }
        if (pass != NULL)
            pass(ud, p, loss / (double)WF_MAX(s->n, 1));
    }
    for (unsigned k = 0; k < TAGS * TAGS; k++)
        f->c->transitions[k] = f->moves[k / TAGS * ROW + k % TAGS];
}

int wf_crf_fit(const struct wf_crf_side *s, const struct wf_crf_options *o, wf_crf_pass_fn pass,
               void *ud, struct wf_crf **out, struct wf_err *err)
{
    struct fitting *f = wf_alloc_array(1, sizeof(*f));
    int rc = 0;

    if (f == NULL)
        return no_memory(err);
    f->s = s;
    f->o = o;
    f->c = wf_alloc_array(1, sizeof(*f->c));
    if (f->c == NULL)
        rc = no_memory(err);
    if (rc == 0)
        rc = count_features(f, err);
    if (rc == 0)
        rc = number_features(f, err);
    if (rc == 0)
        rc = look_up(f, err);
    if (rc == 0)
        rc = lay_out(f, err);
    if (rc == 0)
        rc = make_room(f, err);
    if (rc == 0) {
        run_passes(f, pass, ud);
        *out = f->c;
    } else {
        wf_crf_free(f->c);
    }
    wf_crf_room_free(f->room);
    void *all[] = {f->keys, f->values, f->ids, f->sums, f->scores, f->d_scores};
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        wf_free(all[i]);
    wf_free(f);
    return rc;
}

/* ---- scoring ---- */

static uint32_t find(const struct wf_crf *c, uint32_t number)
{
    size_t low = 0, high = c->n_features;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c->numbers[mid] < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low < c->n_features && c->numbers[low] == number ? (uint32_t)low : NONE;
}

void wf_crf_score(const struct wf_crf *c, const uint32_t *features, size_t n, float *out)
{
    memset(out, 0, n * TAGS * sizeof(*out));
    for (size_t k = 0; k < n * FEATURES; k++) {
        uint32_t f = features[k] != 0 ? find(c, features[k]) : NONE;
        for (uint32_t w = f != NONE ? c->first[f] : 0; f != NONE && w < c->first[f + 1]; w++)
            out[k / FEATURES * TAGS + c->tags[w]] += c->weights[w];
    }
}
