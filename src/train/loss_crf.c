/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences of tags. The loss of one is the logarithm of the weight of all sequences less that of
 * those that agree with what is known; its gradient is what each set expects of tags and
 * transitions, one less the other. Both sets run through the same forward and backward sums, in
 * float64 and scaled to sum 1 at each step, with the exponentials of transitions taken once. Bands
 * of sequences are the members'; gradients of transitions are summed band by band. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "train/loss_internal.h"

struct work {
    struct wf_loss_room *r;
    const struct wf_loss_crf *c;
    size_t n_tags, length_max; /* of a sequence */
    float *scores;             /* [n, n_tags], then their gradients */
    const double *moves;       /* [n_tags, n_tags] exp(transition - most) */
    double most;               /* the largest transition */
    bool learns;
    double *places;       /* [parts] rooms of sequences */
    size_t place_doubles; /* of one */
    double *losses;       /* [n_sequences] */
    size_t *n_right;      /* [parts] */
    float step;
};

/* A member's room. */
struct place {
    double *alpha, *beta, *emit; /* [length, n_tags] */
    double *scale;               /* [length] */
    double *moved;               /* [n_tags, n_tags] expected transitions */
    double *total;               /* [n_tags, n_tags] gradient of transitions, of this part */
};

static size_t place_doubles(size_t length, size_t n_tags)
{
    return length * (3 * n_tags + 1) + 2 * n_tags * n_tags;
}

static void lay_out(const struct work *w, size_t i_part, struct place *out)
{
    size_t k = w->n_tags;

    out->alpha = w->places + i_part * w->place_doubles;
    out->beta = out->alpha + w->length_max * k;
    out->emit = out->beta + w->length_max * k;
    out->scale = out->emit + w->length_max * k;
    out->moved = out->scale + w->length_max;
    out->total = out->moved + k * k;
}

/* Weights of a position's tags, of which only `allowed` count; the logarithm that was taken out. */
static double emit(const float *score, size_t k, uint64_t allowed, double *out)
{
    double most = -INFINITY;

    for (size_t j = 0; j < k; j++) {
        if (allowed >> j & 1)
            most = fmax(most, (double)score[j]);
    }
    for (size_t j = 0; j < k; j++)
        out[j] = allowed >> j & 1 ? exp((double)score[j] - most) : 0.0;
    return most;
}

/* The tags that row i may have by what is known of it. */
static uint64_t allowed_at(const struct wf_loss_crf *c, size_t i)
{
    if (c->targets[i] >= 0)
        return UINT64_C(1) << c->targets[i];
    return c->allowed != NULL ? c->allowed[i] : UINT64_MAX;
}

/* Forward sums of a sequence; the logarithm of the weight of all sequences, or with `known` of
 * those that agree with it. */
static double run_forward(const struct work *w, const struct place *p, size_t first, size_t n,
                          bool known)
{
    size_t k = w->n_tags;
    double log_sum = 0;

    for (size_t t = 0; t < n; t++) {
        double *a = p->alpha + t * k, *e = p->emit + t * k, sum = 0;
        log_sum += emit(w->scores + (first + t) * k, k,
                        known ? allowed_at(w->c, first + t) : UINT64_MAX, e);
        if (t == 0) {
            memcpy(a, e, k * sizeof(*a));
        } else {
            const double *before = a - k;
            memset(a, 0, k * sizeof(*a));
            for (size_t i = 0; i < k; i++) {
                for (size_t j = 0; j < k && before[i] > 0; j++)
                    a[j] += before[i] * w->moves[i * k + j];
            }
            for (size_t j = 0; j < k; j++)
                a[j] *= e[j];
            log_sum += w->most;
        }
        for (size_t j = 0; j < k; j++)
            sum += a[j];
        sum = fmax(sum, 1e-300); /* transitions that are next to impossible */
        p->scale[t] = sum;
        for (size_t j = 0; j < k; j++)
            a[j] /= sum;
        log_sum += log(sum);
    }
    return log_sum;
}

/* Backward sums, on the scale of the forward ones: alpha beta is what tags are expected. */
static void run_backward(const struct work *w, const struct place *p, size_t n)
{
    size_t k = w->n_tags;

    memset(p->moved, 0, k * k * sizeof(*p->moved));
    for (size_t t = n; t-- > 0;) {
        double *b = p->beta + t * k;
        if (t + 1 == n) {
            for (size_t j = 0; j < k; j++)
                b[j] = 1.0;
            continue;
        }
        const double *a = p->alpha + t * k, *after = b + k, *e = p->emit + (t + 1) * k;
        for (size_t i = 0; i < k; i++) {
            double sum = 0;
            for (size_t j = 0; j < k; j++) {
                double way = w->moves[i * k + j] * e[j] * after[j] / p->scale[t + 1];
                p->moved[i * k + j] += a[i] * way;
                sum += way;
            }
            b[i] = sum;
        }
    }
}

/* Adds sign times what the sums expect to the gradients. */
static void expect(const struct work *w, const struct place *p, size_t n, double sign,
                   float *io_scores)
{
    size_t k = w->n_tags;

    for (size_t i = 0; i < n * k; i++)
        io_scores[i] += (float)(sign * p->alpha[i] * p->beta[i]);
    for (size_t i = 0; i < k * k; i++)
        p->total[i] += sign * p->moved[i];
}

/* The best sequence (Viterbi 1967), by the logarithms themselves; into out [n]. */
static void best(const struct work *w, const struct place *p, size_t first, size_t n, int32_t *out)
{
    const struct wf_net *net = w->r->net;
    const float *move = net->values + w->c->transitions->offset;
    size_t k = w->n_tags;
    double *sums = p->alpha, *from = p->beta;

    for (size_t t = 0; t < n; t++) {
        for (size_t j = 0; j < k; j++) {
            double most = t == 0 ? 0.0 : -INFINITY;
            size_t at = 0;
            for (size_t i = 0; i < k && t > 0; i++) {
                double s = sums[(t - 1) * k + i] + (double)move[i * k + j];
                if (s > most) {
                    most = s;
                    at = i;
                }
            }
            sums[t * k + j] = most + (double)w->scores[(first + t) * k + j];
            from[t * k + j] = (double)at;
        }
    }
    size_t at = 0;
    for (size_t j = 1; j < k; j++)
        at = sums[(n - 1) * k + j] > sums[(n - 1) * k + at] ? j : at;
    for (size_t t = n; t-- > 0;) {
        out[t] = (int32_t)at;
        at = (size_t)from[t * k + at];
    }
}

static void run_sequence(const struct work *w, const struct place *p, size_t i, size_t i_part)
{
    const struct wf_loss_crf *c = w->c;
    size_t first = c->starts[i], n = c->starts[i + 1] - first, k = w->n_tags;
    const int32_t *known = c->targets != NULL ? c->targets + first : NULL;
    float *grads = w->learns ? w->scores + (c->rows.n + first) * k : NULL;

    w->losses[i] = 0.0;
    if (n == 0)
        return;
    if (c->out_best != NULL) {
        best(w, p, first, n, c->out_best + first);
        for (size_t t = 0; t < n && known != NULL; t++)
            w->n_right[i_part] += known[t] == c->out_best[first + t];
    }
    if (known == NULL)
        return;
    w->losses[i] = run_forward(w, p, first, n, false);
    if (grads != NULL) {
        memset(grads, 0, n * k * sizeof(*grads));
        run_backward(w, p, n);
        expect(w, p, n, 1.0, grads);
    }
    w->losses[i] -= run_forward(w, p, first, n, true);
    if (grads != NULL) {
        run_backward(w, p, n);
        expect(w, p, n, -1.0, grads);
    }
    for (size_t j = 0; j < n * k && grads != NULL; j++)
        grads[j] *= w->step;
}

static void run_sequences(void *ud, size_t from, size_t to, size_t i_part)
{
    const struct work *w = ud;
    struct place p;

    assert(w->scores != NULL);

    lay_out(w, i_part, &p);
    memset(p.total, 0, w->n_tags * w->n_tags * sizeof(*p.total));
    for (size_t i = from; i < to; i++)
        run_sequence(w, &p, i, i_part);
}

static void give_back(struct work *w, const struct wf_loss_of *of, float *x)
{
    struct wf_net *n = w->r->net;
    const struct wf_loss_crf *c = w->c;
    size_t k = w->n_tags, dim = n->p->dim;
    float *d_moves = n->grads + c->transitions->offset, *dx = x + c->rows.n * dim;

    for (size_t i = 0; i < wf_gang_size(n->gang); i++) {
        struct place p;
        lay_out(w, i, &p);
        for (size_t j = 0; j < k * k; j++)
            d_moves[j] += (float)((double)w->step * p.total[j]);
    }
    wf_loss__apply_back(n, &c->head, x, w->scores + c->rows.n * k, c->rows.n, dx);
    wf_loss__scatter(n, &c->rows, 0, c->rows.n, dx, of->d_hidden);
}

/* exp of transitions less the largest. */
static void take_moves(struct work *w, double *out)
{
    const float *move = w->r->net->values + w->c->transitions->offset;
    size_t n = w->n_tags * w->n_tags;

    w->most = (double)wf_loss__largest(move, n);
    for (size_t i = 0; i < n; i++)
        out[i] = exp((double)move[i] - w->most);
    w->moves = out;
}

/* Sizes, and the doubles of all members: [losses | moves | places]. */
static double *make_places(struct work *w)
{
    const struct wf_loss_crf *c = w->c;
    size_t n_parts = wf_gang_size(w->r->net->gang), k = w->n_tags;
    double *d;

    for (size_t i = 0; i < c->n_sequences; i++)
        w->length_max = WF_MAX(w->length_max, (size_t)(c->starts[i + 1] - c->starts[i]));
    w->place_doubles = place_doubles(w->length_max, k);
    d = wf_alloc_array(c->n_sequences + k * k + n_parts * w->place_doubles, sizeof(*d));
    if (d != NULL) {
        w->losses = d;
        take_moves(w, d + c->n_sequences);
        w->places = d + c->n_sequences + k * k;
    }
    return d;
}

int wf_loss_crf(struct wf_loss_room *r, const struct wf_loss_of *of, const struct wf_loss_crf *c,
                struct wf_loss_result *out, struct wf_err *err)
{
    struct wf_net *net = r->net;
    size_t n = c->rows.n, k = c->head.weight->rows, dim = net->p->dim;
    size_t n_right[WF_GANG_MEMBERS_MAX] = {0};
    struct work w = {.r = r, .c = c, .n_tags = k, .n_right = n_right};
    struct wf_loss_result result = {.weight = c->targets != NULL ? (double)n : 0.0};
    double *doubles = make_places(&w);

    assert(k <= WF_LOSS_TAGS_MAX && c->transitions->rows == k && c->transitions->cols == k);
    assert(c->starts[0] == 0 && c->starts[c->n_sequences] == n);
    w.scores = wf_loss__room(r, n * (2 * k + 2 * dim) + 1, err);
    if (doubles == NULL || w.scores == NULL) {
        wf_free(doubles);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for sequences of tags.");
    }
    w.learns = of->d_hidden != NULL && c->targets != NULL && n > 0;
    w.step = n > 0 ? of->scale / (float)n : 0.0f;
    float *x = w.scores + 2 * n * k;
    wf_loss__gather(net, of->hidden, &c->rows, 0, n, x);
    wf_loss__apply(net, &c->head, x, n, w.scores);
    wf_loss__each(net, c->n_sequences, run_sequences, &w);
    for (size_t i = 0; i < c->n_sequences; i++)
        result.loss += n > 0 ? w.losses[i] / (double)n : 0.0;
    for (size_t i = 0; i < WF_ARRAY_LEN(n_right); i++)
        result.n_right += n_right[i];
    if (w.learns)
        give_back(&w, of, x);
    wf_free(doubles);
    *out = result;
    return 0;
}
