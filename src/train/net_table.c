/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what learns, and first values.
 *
 * Tensors follow each other in the order in which a layer uses them: queries, keys and values side
 * by side, gate and up likewise, so that each group is one product. Matrices start from normal
 * numbers of deviation sqrt(2 / 5 n_in), those that add to the residual stream from 2 / (n_layers
 * sqrt(n_in)) (Nguyen and Salazar 2019; Wang and Komatsuzaki 2021), norms from 1, biases from 0;
 * or all of it from a model's weights. Where these stay frozen, matrices point to them and only the
 * adapters' matrices are listed. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "train/net_internal.h"

/* How a tensor starts, if not from a normal distribution of that deviation. */
#define START_ONES (-1.0)
#define START_ZEROS 0.0

struct table {
    struct wf_net *n; /* its tensors are NULL while they are only counted */
    int layer;        /* -1: outside of layers */
    double *starts;   /* [n_tensors] deviation, or START_ONES */
};

/* Appends a tensor and gives its offset. */
static size_t put(struct table *t, const char *name, const char *suffix, size_t rows, size_t cols,
                  double start)
{
    struct wf_net *n = t->n;
    size_t offset = n->n_values;

    if (n->tensors != NULL) {
        struct wf_net_tensor *e = &n->tensors[n->n_tensors];
        if (t->layer >= 0)
            (void)snprintf(e->name, sizeof(e->name), "blk.%d.%s%s", t->layer, name, suffix);
        else
            (void)snprintf(e->name, sizeof(e->name), "%s%s", name, suffix);
        e->offset = offset;
        e->rows = (uint32_t)rows;
        e->cols = (uint32_t)cols;
        e->decays = start > 0 && rows > 1;
        assert(t->starts != NULL);
        t->starts[n->n_tensors] = start;
    }
    n->n_tensors++;
    n->n_values += rows * cols;
    return offset;
}

static bool is_frozen(const struct table *t)
{
    return t->n->lora_rank > 0;
}

/* `stored` is the model's, or NULL. */
static struct wf_net__vector put_vector(struct table *t, const char *name, size_t width,
                                        double start, const float *stored)
{
    if (is_frozen(t))
        return (struct wf_net__vector){.at = WF_NET__NONE, .p = stored};
    return (struct wf_net__vector){.at = put(t, name, "", 1, width, start)};
}

static struct wf_net__vector absent(void)
{
    return (struct wf_net__vector){.at = WF_NET__NONE};
}

/* One of a group. `lora` is its bit. */
struct part {
    const char *name;
    size_t n_out;
    unsigned lora;
    const struct wf_matrix *stored; /* of a model, or NULL */
};

/* Deviation of a matrix; `adds`: to the residual stream. */
static double spread(const struct wf_net *n, size_t n_in, bool adds)
{
    double small = sqrt(2.0 / (5.0 * (double)n_in));
    double added = 2.0 / ((double)n->p->n_layers * sqrt((double)n_in));

    return adds && added < small ? added : small;
}

static void put_adapter(struct table *t, const struct part *part, struct wf_net__matrix *m)
{
    size_t rank = t->n->lora_rank;

    m->a = m->b = WF_NET__NONE;
    if ((t->n->lora_on & part->lora) == 0)
        return;
    m->a = put(t, part->name, ".lora_a", rank, m->n_in, 1.0 / sqrt(3.0 * (double)m->n_in));
    m->b = put(t, part->name, ".lora_b", m->n_out, rank, START_ZEROS);
}

static struct wf_net__group put_group(struct table *t, size_t n_in, const struct part *parts,
                                      size_t n, bool adds)
{
    struct wf_net__group g = {.n_in = n_in, .bias = absent()};
    double start = spread(t->n, n_in, adds);

    for (size_t i = 0; i < n; i++) {
        struct wf_net__matrix *m = &g.of[is_frozen(t) ? i : 0];
        size_t at = WF_NET__NONE;
        if (!is_frozen(t))
            at = put(t, parts[i].name, "", parts[i].n_out, n_in, start);
        if (is_frozen(t) || i == 0)
            *m = (struct wf_net__matrix){.at = at,
                                         .stored = is_frozen(t) ? parts[i].stored : NULL,
                                         .a = WF_NET__NONE,
                                         .b = WF_NET__NONE,
                                         .n_in = n_in,
                                         .column = g.n_out};
        m->n_out += parts[i].n_out;
        g.n_out += parts[i].n_out;
        if (is_frozen(t))
            put_adapter(t, &parts[i], m);
    }
    g.n = is_frozen(t) ? n : 1;
    return g;
}

static void put_attention(struct table *t, struct wf_net__layer *l, size_t i_layer)
{
    static const struct wf_layer_weights none;
    const struct wf_net *n = t->n;
    const struct wf_params *p = n->p;
    const struct wf_layer_params *lp = &p->layers[i_layer];
    const struct wf_layer_weights *w = n->weights != NULL ? &n->weights->layers[i_layer] : &none;
    size_t q = (size_t)lp->n_heads * p->head_dim, k = (size_t)lp->n_kv_heads * p->head_dim;
    size_t v = (size_t)lp->n_kv_heads * p->value_dim;
    const struct part qkv[] = {{"attn_q.weight", q, WF_NET_LORA_Q, &w->q},
                               {"attn_k.weight", k, WF_NET_LORA_K, &w->k},
                               {"attn_v.weight", v, WF_NET_LORA_V, &w->v}};
    const struct part o = {"attn_output.weight", p->dim, WF_NET_LORA_O, &w->o};

    l->n_qkv = q + k + v;
    l->n_att = (size_t)lp->n_heads * p->value_dim;
    l->attn_norm = put_vector(t, "attn_norm.weight", p->dim, START_ONES, w->attn_norm);
    l->qkv = put_group(t, p->dim, qkv, 3, false);
    if ((n->has & WF_NET_QKV_BIAS) != 0 && !is_frozen(t)) {
        l->qkv.bias = put_vector(t, "attn_q.bias", q, START_ZEROS, NULL);
        (void)put_vector(t, "attn_k.bias", k, START_ZEROS, NULL);
        (void)put_vector(t, "attn_v.bias", v, START_ZEROS, NULL);
    }
    l->q_norm = l->k_norm = l->attn_post = absent();
    if ((n->has & WF_NET_QK_NORM) != 0) {
        l->q_norm = put_vector(t, "attn_q_norm.weight", p->head_dim, START_ONES, w->q_norm);
        l->k_norm = put_vector(t, "attn_k_norm.weight", p->head_dim, START_ONES, w->k_norm);
    }
    l->o = put_group(t, l->n_att, &o, 1, true);
    if ((n->has & WF_NET_POST_NORM) != 0)
        l->attn_post =
            put_vector(t, "post_attention_norm.weight", p->dim, START_ONES, w->attn_post_norm);
}

static void put_layer(struct table *t, struct wf_net__layer *l, size_t i_layer)
{
    static const struct wf_layer_weights none;
    const struct wf_net *n = t->n;
    const struct wf_params *p = n->p;
    const struct wf_layer_weights *w = n->weights != NULL ? &n->weights->layers[i_layer] : &none;
    size_t ff = p->layers[i_layer].n_ff;
    const struct part gate_up[] = {{"ffn_gate.weight", ff, WF_NET_LORA_GATE, &w->gate},
                                   {"ffn_up.weight", ff, WF_NET_LORA_UP, &w->up}};
    const struct part down = {"ffn_down.weight", p->dim, WF_NET_LORA_DOWN, &w->down};

    t->layer = (int)i_layer;
    put_attention(t, l, i_layer);
    l->n_ff = ff;
    l->ffn_norm = put_vector(t, "ffn_norm.weight", p->dim, START_ONES, w->ffn_norm);
    l->gate_up = put_group(t, p->dim, gate_up, 2, false);
    l->down = put_group(t, ff, &down, 1, true);
    l->ffn_post = absent();
    if ((n->has & WF_NET_POST_NORM) != 0)
        l->ffn_post = put_vector(t, "post_ffw_norm.weight", p->dim, START_ONES, w->ffn_post_norm);
    t->layer = -1;
}

/* Counts all tensors, or lists them when the table is there. */
static void put_all(struct table *t, const struct wf_net_options *o)
{
    struct wf_net *n = t->n;
    const struct wf_weights *w = n->weights;
    const struct part embed = {"token_embd.weight", n->p->n_vocab, 0, w != NULL ? &w->embed : NULL};
    const struct part output = {"output.weight", n->p->n_vocab, 0, w != NULL ? &w->output : NULL};

    n->n_tensors = n->n_values = 0;
    n->output = put_group(t, n->p->dim, &embed, 1, false);
    n->embed = n->output.of[0];
    for (size_t i = 0; i < n->p->n_layers; i++)
        put_layer(t, &n->layers[i], i);
    n->output_norm = put_vector(t, "output_norm.weight", n->p->dim, START_ONES,
                                w != NULL ? w->output_norm : NULL);
    if ((n->has & WF_NET_OUTPUT) != 0)
        n->output = put_group(t, n->p->dim, &output, 1, false);
    for (size_t i = 0; i < o->n_heads; i++) {
        const struct wf_net_head *h = &o->heads[i];
        assert(strlen(h->name) < sizeof(n->tensors->name));
        (void)put(t, h->name, "", h->rows, h->cols, (double)h->init);
        if (n->tensors != NULL)
            n->tensors[n->n_tensors - 1].decays = h->decays;
    }
}

/* ---- first values ---- */

/* A number from the normal distribution (Box and Muller 1958). */
static double normal(const struct wf_rng *rng)
{
    double u = ((double)(wf_rng_u64(rng) >> 11) + 1.0) * 0x1p-53;
    double v = (double)(wf_rng_u64(rng) >> 11) * 0x1p-53;

    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

static void fill(struct wf_net *n, const double *starts)
{
    struct wf_rng_seeded s;

    wf_rng_seeded_init(&s, n->seed);
    for (size_t i = 0; i < n->n_tensors; i++) {
        const struct wf_net_tensor *t = &n->tensors[i];
        size_t size = (size_t)t->rows * t->cols;
        for (size_t j = 0; j < size; j++) {
            float *v = &n->values[t->offset + j];
            *v = starts[i] < 0 ? 1.0f : starts[i] > 0 ? (float)(starts[i] * normal(&s.rng)) : 0.0f;
        }
    }
}

/* Copies stored matrices to values one behind the other, and their biases. */
static void copy_matrices(struct wf_net *n, const struct wf_net__group *g,
                          const struct wf_matrix *const *from, size_t n_from)
{
    float *to = n->values + g->of[0].at;
    float *bias = g->bias.at != WF_NET__NONE ? n->values + g->bias.at : NULL;

    for (size_t i = 0; i < n_from; i++) {
        const struct wf_matrix *m = from[i];
        for (size_t r = 0; r < m->n_out; r++, to += m->n_in)
            m->format->unpack(m->data + r * m->row_bytes, to, m->n_in);
        if (bias != NULL && m->bias != NULL)
            memcpy(bias, m->bias, m->n_out * sizeof(*bias));
        bias = bias != NULL ? bias + m->n_out : NULL;
    }
}

static void copy_vector(struct wf_net *n, const struct wf_net__vector *v, const float *from,
                        size_t width)
{
    if (v->at != WF_NET__NONE && from != NULL)
        memcpy(n->values + v->at, from, width * sizeof(float));
}

static void copy_weights(struct wf_net *n)
{
    const struct wf_weights *w = n->weights;
    const struct wf_matrix *embed = &w->embed, *output = &w->output;
    struct wf_net__group g = {.of = {n->embed}, .bias = absent()};
    size_t dim = n->p->dim, head = n->p->head_dim;

    copy_matrices(n, &g, &embed, 1);
    if ((n->has & WF_NET_OUTPUT) != 0)
        copy_matrices(n, &n->output, &output, 1);
    copy_vector(n, &n->output_norm, w->output_norm, dim);
    for (size_t i = 0; i < n->p->n_layers; i++) {
        const struct wf_net__layer *l = &n->layers[i];
        const struct wf_layer_weights *f = &w->layers[i];
        const struct wf_matrix *qkv[] = {&f->q, &f->k, &f->v}, *o = &f->o;
        const struct wf_matrix *gate_up[] = {&f->gate, &f->up}, *down = &f->down;
        copy_matrices(n, &l->qkv, qkv, 3);
        copy_matrices(n, &l->o, &o, 1);
        copy_matrices(n, &l->gate_up, gate_up, 2);
        copy_matrices(n, &l->down, &down, 1);
        copy_vector(n, &l->attn_norm, f->attn_norm, dim);
        copy_vector(n, &l->q_norm, f->q_norm, head);
        copy_vector(n, &l->k_norm, f->k_norm, head);
        copy_vector(n, &l->attn_post, f->attn_post_norm, dim);
        copy_vector(n, &l->ffn_norm, f->ffn_norm, dim);
        copy_vector(n, &l->ffn_post, f->ffn_post_norm, dim);
    }
}

/* ---- what vectors point to ---- */

static void settle_vector(struct wf_net *n, struct wf_net__vector *v)
{
    if (v->at == WF_NET__NONE)
        return;
    v->p = n->values + v->at;
    v->grad = n->grads + v->at;
}

static void settle(struct wf_net *n)
{
    settle_vector(n, &n->output_norm);
    for (size_t i = 0; i < n->p->n_layers; i++) {
        struct wf_net__layer *l = &n->layers[i];
        struct wf_net__vector *all[] = {&l->attn_norm, &l->q_norm,   &l->k_norm,  &l->attn_post,
                                        &l->ffn_norm,  &l->ffn_post, &l->qkv.bias};
        for (size_t j = 0; j < WF_ARRAY_LEN(all); j++)
            settle_vector(n, all[j]);
    }
}

void wf_net__look(struct wf_net *n)
{
    const struct wf_weights *w = n->weights;
    const struct wf_layer_weights *l = &w->layers[0];

    n->has = l->q.bias != NULL || l->k.bias != NULL || l->v.bias != NULL ? WF_NET_QKV_BIAS : 0;
    n->has |= l->q_norm != NULL ? WF_NET_QK_NORM : 0;
    n->has |= l->attn_post_norm != NULL ? WF_NET_POST_NORM : 0;
    n->has |= w->output.data != w->embed.data ? WF_NET_OUTPUT : 0;
    n->rope_factors = w->rope_factors;
    if (n->rope_factors == NULL)
        n->rope_factors = n->n_text_max > n->p->rope_context ? w->rope_long : w->rope_short;
}

/* Whether all layers are made of what the first one shows, and of nothing else. */
static int check_weights(const struct wf_net *n, struct wf_err *err)
{
    bool is_plain = true, is_normed = (n->has & WF_NET_QK_NORM) != 0;
    bool is_post = (n->has & WF_NET_POST_NORM) != 0;

    for (size_t i = 0; i < n->p->n_layers; i++) {
        const struct wf_layer_weights *l = &n->weights->layers[i];
        is_plain = is_plain && l->sinks == NULL && l->attn_norm_bias == NULL &&
                   l->ffn_norm_bias == NULL && l->gate.format != NULL && l->o.bias == NULL &&
                   l->down.bias == NULL && l->gate.bias == NULL && l->up.bias == NULL;
        is_plain = is_plain && (l->q_norm != NULL) == is_normed && (l->k_norm != NULL) == is_normed;
        is_plain = is_plain && (l->attn_post_norm != NULL) == is_post &&
                   (l->ffn_post_norm != NULL) == is_post;
    }
    return is_plain ? 0
                    : wf_err_set(err, WF_E_UNSUPPORTED,
                                 "The model has attention sinks, or norms and biases in some of "
                                 "its layers, which weft does not train.");
}

int wf_net__sizes(struct wf_net *n, const struct wf_net_options *o)
{
    struct table t = {.n = n, .layer = -1};

    n->layers = wf_alloc_array(n->p->n_layers, sizeof(*n->layers));
    if (n->layers == NULL)
        return WF_E_NOMEM;
    put_all(&t, o);
    return 0;
}

int wf_net__table(struct wf_net *n, const struct wf_net_options *o, struct wf_err *err)
{
    struct table t = {.n = n, .layer = -1};
    int rc = 0;

    if (n->weights != NULL) {
        wf_net__look(n);
        rc = check_weights(n, err);
    }
    if (rc != 0)
        return rc;
    rc = wf_net__sizes(n, o);
    if (rc == 0) {
        t.starts = wf_alloc_array(n->n_tensors, sizeof(*t.starts));
        n->tensors = wf_alloc_array(n->n_tensors, sizeof(*n->tensors));
        n->values = wf_alloc_lines(n->n_values, sizeof(float));
        n->grads = wf_alloc_lines(n->n_values, sizeof(float));
    }
    if (rc != 0 || t.starts == NULL || n->tensors == NULL || n->values == NULL ||
        n->grads == NULL) {
        wf_free(t.starts);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for what the network learns.");
    }
    put_all(&t, o);
    fill(n, t.starts);
    wf_free(t.starts);
    if (n->weights != NULL && n->lora_rank == 0)
        copy_weights(n);
    settle(n);
    return 0;
}
