/* SPDX-License-Identifier: Apache-2.0 */
/* One text at a time, one token after the other, every sum where the formula has it. */
#include "support/net_reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/rope.h"

/* One text on its way. */
struct text {
    const struct net_reference *r;
    const int32_t *ids;
    const uint16_t *marks; /* NULL: none */
    const char *marks_head;
    size_t n;
    double *x, *h, *y;             /* [n, dim] */
    double *q, *k, *v, *att, *act; /* [n, widest of any layer] */
    double *scores;                /* [n] */
};

static const double *tensor(const struct net_reference *r, int layer, const char *name)
{
    char full[64];

    if (layer >= 0)
        (void)snprintf(full, sizeof(full), "blk.%d.%s", layer, name);
    else
        (void)snprintf(full, sizeof(full), "%s", name);
    for (size_t i = 0; i < r->n_tensors; i++) {
        if (strcmp(r->tensors[i].name, full) == 0)
            return r->values + r->tensors[i].offset;
    }
    return NULL;
}

static void *need(size_t n, size_t item_bytes)
{
    void *p = wf_alloc_array(n, item_bytes);

    if (p == NULL)
        exit(1);
    return p;
}

/* y = x w / rms, in place or not. */
static void norm(const double *x, const double *w, double eps, size_t n, double *y)
{
    double square = 0;

    for (size_t i = 0; i < n; i++)
        square += x[i] * x[i];
    double r = 1.0 / sqrt(square / (double)n + eps);
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * r * w[i];
}

/* y [n_out] = W x + bias. */
static void multiply(const double *w, const double *bias, const double *x, size_t n_in,
                     size_t n_out, double *y)
{
    for (size_t o = 0; o < n_out; o++) {
        double sum = bias != NULL ? bias[o] : 0.0;
        for (size_t i = 0; i < n_in; i++)
            sum += w[o * n_in + i] * x[i];
        y[o] = sum;
    }
}

static void turn(const struct wf_params *p, const struct wf_layer_params *lp, size_t position,
                 double *x)
{
    double frequencies[256];
    double length = (double)wf_rope_frequencies(p, lp->is_windowed, NULL, frequencies);

    for (size_t i = 0; i < p->n_rot / 2; i++) {
        bool is_pairs = p->family->rope == WF_ROPE_PAIRS;
        size_t at = is_pairs ? 2 * i : i, other = is_pairs ? at + 1 : at + p->n_rot / 2;
        double c = cos((double)position * frequencies[i]) * length;
        double s = sin((double)position * frequencies[i]) * length;
        double a = x[at], b = x[other];
        x[at] = a * c - b * s;
        x[other] = a * s + b * c;
    }
}

static void place(const struct text *t, int layer)
{
    const struct wf_params *p = t->r->p;
    const struct wf_layer_params *lp = &p->layers[layer];
    const double *qn = tensor(t->r, layer, "attn_q_norm.weight");
    const double *kn = tensor(t->r, layer, "attn_k_norm.weight");
    size_t d = p->head_dim;

    for (size_t i = 0; i < t->n; i++) {
        for (size_t h = 0; h < (size_t)lp->n_heads + lp->n_kv_heads; h++) {
            bool is_q = h < lp->n_heads;
            double *x = is_q ? t->q + (i * lp->n_heads + h) * d
                             : t->k + (i * lp->n_kv_heads + h - lp->n_heads) * d;
            const double *w = is_q ? qn : kn;
            if (w != NULL)
                norm(x, w, (double)p->norm_eps, d, x);
            if (lp->is_turned)
                turn(p, lp, i, x);
        }
    }
}

/* What head h of token i gathers, into out [value_dim]. */
static void attend(const struct text *t, const struct wf_layer_params *lp, size_t i, size_t h,
                   double *out)
{
    const struct wf_params *p = t->r->p;
    size_t d = p->head_dim, dv = p->value_dim, kv = h / (lp->n_heads / lp->n_kv_heads);
    size_t to = p->is_causal ? i + 1 : t->n;
    size_t from = lp->is_windowed && i + 1 > p->window ? i + 1 - p->window : 0;
    double sum = 0;

    for (size_t j = from; j < to; j++) {
        double s = 0;
        for (size_t c = 0; c < d; c++)
            s += t->q[(i * lp->n_heads + h) * d + c] * t->k[(j * lp->n_kv_heads + kv) * d + c];
        s *= (double)p->attention_scale;
        if (p->score_cap != 0.0f)
            s = (double)p->score_cap * tanh(s / (double)p->score_cap);
        t->scores[j] = exp(s);
        sum += t->scores[j];
    }
    memset(out, 0, dv * sizeof(*out));
    for (size_t j = from; j < to; j++) {
        for (size_t c = 0; c < dv; c++)
            out[c] += t->scores[j] / sum * t->v[(j * lp->n_kv_heads + kv) * dv + c];
    }
}

/* x += residual_scale * y, normed before where the family does. */
static void add_half(const struct text *t, const double *post)
{
    const struct wf_params *p = t->r->p;

    for (size_t i = 0; i < t->n; i++) {
        double *y = t->y + i * p->dim;
        if (post != NULL)
            norm(y, post, (double)p->norm_eps, p->dim, y);
        for (size_t j = 0; j < p->dim; j++)
            t->x[i * p->dim + j] += (double)p->residual_scale * y[j];
    }
}

static void attention_half(const struct text *t, int layer)
{
    const struct net_reference *r = t->r;
    const struct wf_params *p = r->p;
    const struct wf_layer_params *lp = &p->layers[layer];
    size_t q = (size_t)lp->n_heads * p->head_dim, k = (size_t)lp->n_kv_heads * p->head_dim;
    size_t v = (size_t)lp->n_kv_heads * p->value_dim, att = (size_t)lp->n_heads * p->value_dim;

    for (size_t i = 0; i < t->n; i++) {
        const double *h = t->h + i * p->dim;
        norm(t->x + i * p->dim, tensor(r, layer, "attn_norm.weight"), (double)p->norm_eps, p->dim,
             t->h + i * p->dim);
        multiply(tensor(r, layer, "attn_q.weight"), tensor(r, layer, "attn_q.bias"), h, p->dim, q,
                 t->q + i * q);
        multiply(tensor(r, layer, "attn_k.weight"), tensor(r, layer, "attn_k.bias"), h, p->dim, k,
                 t->k + i * k);
        multiply(tensor(r, layer, "attn_v.weight"), tensor(r, layer, "attn_v.bias"), h, p->dim, v,
                 t->v + i * v);
    }
    place(t, layer);
    for (size_t i = 0; i < t->n; i++) {
        for (size_t h = 0; h < lp->n_heads; h++)
            attend(t, lp, i, h, t->att + i * att + h * p->value_dim);
        multiply(tensor(r, layer, "attn_output.weight"), NULL, t->att + i * att, att, p->dim,
                 t->y + i * p->dim);
    }
    add_half(t, tensor(r, layer, "post_attention_norm.weight"));
}

static double activation(enum wf_ffn_kind kind, double x)
{
    if (kind == WF_FFN_SILU)
        return x / (1.0 + exp(-x));
    return 0.5 * x * (1.0 + tanh(0.79788456080286535588 * x * (1.0 + 0.044715 * x * x)));
}

static void feed_forward_half(const struct text *t, int layer)
{
    const struct net_reference *r = t->r;
    const struct wf_params *p = r->p;
    size_t ff = p->layers[layer].n_ff;

    for (size_t i = 0; i < t->n; i++) {
        double *h = t->h + i * p->dim, *gate = t->act, *up = t->act + ff;
        norm(t->x + i * p->dim, tensor(r, layer, "ffn_norm.weight"), (double)p->norm_eps, p->dim,
             h);
        multiply(tensor(r, layer, "ffn_gate.weight"), NULL, h, p->dim, ff, gate);
        multiply(tensor(r, layer, "ffn_up.weight"), NULL, h, p->dim, ff, up);
        for (size_t j = 0; j < ff; j++)
            gate[j] = activation(p->family->ffn, gate[j]) * up[j];
        multiply(tensor(r, layer, "ffn_down.weight"), NULL, gate, ff, p->dim, t->y + i * p->dim);
    }
    add_half(t, tensor(r, layer, "post_ffw_norm.weight"));
}

static void run_text(const struct text *t, double *out)
{
    const struct wf_params *p = t->r->p;
    const double *embed = tensor(t->r, -1, "token_embd.weight");

    for (size_t i = 0; i < t->n; i++) {
        for (size_t j = 0; j < p->dim; j++)
            t->x[i * p->dim + j] = (double)p->embed_scale * embed[(size_t)t->ids[i] * p->dim + j];
        for (size_t k = 0; t->marks != NULL && k < 16; k++) {
            for (size_t j = 0; j < p->dim && (t->marks[i] >> k & 1) != 0; j++)
                t->x[i * p->dim + j] += tensor(t->r, -1, t->marks_head)[k * p->dim + j];
        }
    }
    for (uint32_t i = 0; i < p->n_layers; i++) {
        attention_half(t, (int)i);
        feed_forward_half(t, (int)i);
    }
    for (size_t i = 0; i < t->n; i++)
        norm(t->x + i * p->dim, tensor(t->r, -1, "output_norm.weight"), (double)p->norm_eps, p->dim,
             out + i * p->dim);
}

void net_reference_hidden(const struct net_reference *r, const struct wf_net_batch *b, double *out)
{
    const struct wf_params *p = r->p;
    size_t n = b->starts[b->n_texts], wide = WF_MAX(wf_params_q_dim_max(p), p->dim);

    wide = WF_MAX(wide, 2 * wf_params_ff_max(p));
    struct text t = {.r = r, .marks_head = b->marks_head};
    double **all[] = {&t.x, &t.h, &t.y, &t.q, &t.k, &t.v, &t.att, &t.act, &t.scores};
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        *all[i] = need(n * wide, sizeof(double));
    for (size_t i = 0; i < b->n_texts; i++) {
        t.ids = b->ids + b->starts[i];
        t.marks = b->marks != NULL ? b->marks + b->starts[i] : NULL;
        t.n = b->starts[i + 1] - b->starts[i];
        run_text(&t, out + (size_t)b->starts[i] * p->dim);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        wf_free(*all[i]);
}
