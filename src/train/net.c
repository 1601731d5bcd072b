/* SPDX-License-Identifier: Apache-2.0 */
/* Making a network: the table of what learns, first values, and every buffer a batch needs, once.
 *
 * Tensors follow each other in the order in which a layer uses them: queries, keys and values side
 * by side, gate and up likewise, so that each group is one product. Matrices start from normal
 * numbers of deviation sqrt(2 / 5 n_in), those that add to the residual stream from 2 / (n_layers
 * sqrt(n_in)) (Nguyen and Salazar 2019; Wang and Komatsuzaki 2021), norms from 1, biases from 0. */
#include "train/net.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "os/thread.h"
#include "train/net_internal.h"

/* ---- the table ---- */

/* How a tensor starts. */
enum start {
    START_ONES,
    START_ZEROS,
    START_NORMAL,
};

struct table {
    struct wf_net *n; /* its tensors are NULL while they are only counted */
    int layer;        /* -1: outside of layers */
    double *starts;   /* [n_tensors] deviation; -1: ones */
};

/* Appends a tensor and gives its offset. */
static size_t put(struct table *t, const char *name, size_t rows, size_t cols, double deviation)
{
    struct wf_net *n = t->n;
    size_t offset = n->n_values;

    if (n->tensors != NULL) {
        struct wf_net_tensor *e = &n->tensors[n->n_tensors];
        if (t->layer >= 0)
            (void)snprintf(e->name, sizeof(e->name), "blk.%d.%s", t->layer, name);
        else
            (void)snprintf(e->name, sizeof(e->name), "%s", name);
        e->offset = offset;
        e->rows = (uint32_t)rows;
        e->cols = (uint32_t)cols;
        e->decays = deviation >= 0 && rows > 1;
        t->starts[n->n_tensors] = deviation;
    }
    n->n_tensors++;
    n->n_values += rows * cols;
    return offset;
}

static size_t put_vector(struct table *t, const char *name, size_t width, enum start start)
{
    return put(t, name, 1, width, start == START_ONES ? -1.0 : 0.0);
}

static size_t put_matrix(struct table *t, const char *name, size_t rows, size_t cols, bool adds)
{
    double small = sqrt(2.0 / (5.0 * (double)cols));
    double added = 2.0 / ((double)t->n->p->n_layers * sqrt((double)cols));

    return put(t, name, rows, cols, adds && added < small ? added : small);
}

static void put_attention(struct table *t, struct wf_net__layer *l, size_t i_layer)
{
    const struct wf_params *p = t->n->p;
    const struct wf_layer_params *lp = &p->layers[i_layer];
    size_t q = (size_t)lp->n_heads * p->head_dim, k = (size_t)lp->n_kv_heads * p->head_dim;
    size_t v = (size_t)lp->n_kv_heads * p->value_dim;
    unsigned has = t->n->has;

    l->n_qkv = q + k + v;
    l->n_att = (size_t)lp->n_heads * p->value_dim;
    l->attn_norm = put_vector(t, "attn_norm.weight", p->dim, START_ONES);
    l->qkv = put_matrix(t, "attn_q.weight", q, p->dim, false);
    (void)put_matrix(t, "attn_k.weight", k, p->dim, false);
    (void)put_matrix(t, "attn_v.weight", v, p->dim, false);
    l->qkv_bias = WF_NET__NONE;
    if ((has & WF_NET_QKV_BIAS) != 0) {
        l->qkv_bias = put_vector(t, "attn_q.bias", q, START_ZEROS);
        (void)put_vector(t, "attn_k.bias", k, START_ZEROS);
        (void)put_vector(t, "attn_v.bias", v, START_ZEROS);
    }
    l->q_norm = l->k_norm = WF_NET__NONE;
    if ((has & WF_NET_QK_NORM) != 0) {
        l->q_norm = put_vector(t, "attn_q_norm.weight", p->head_dim, START_ONES);
        l->k_norm = put_vector(t, "attn_k_norm.weight", p->head_dim, START_ONES);
    }
    l->o = put_matrix(t, "attn_output.weight", p->dim, l->n_att, true);
    l->attn_post = WF_NET__NONE;
    if ((has & WF_NET_POST_NORM) != 0)
        l->attn_post = put_vector(t, "post_attention_norm.weight", p->dim, START_ONES);
}

static void put_layer(struct table *t, struct wf_net__layer *l, size_t i_layer)
{
    const struct wf_params *p = t->n->p;

    t->layer = (int)i_layer;
    put_attention(t, l, i_layer);
    l->n_ff = p->layers[i_layer].n_ff;
    l->ffn_norm = put_vector(t, "ffn_norm.weight", p->dim, START_ONES);
    l->gate_up = put_matrix(t, "ffn_gate.weight", l->n_ff, p->dim, false);
    (void)put_matrix(t, "ffn_up.weight", l->n_ff, p->dim, false);
    l->down = put_matrix(t, "ffn_down.weight", p->dim, l->n_ff, true);
    l->ffn_post = WF_NET__NONE;
    if ((t->n->has & WF_NET_POST_NORM) != 0)
        l->ffn_post = put_vector(t, "post_ffw_norm.weight", p->dim, START_ONES);
    t->layer = -1;
}

/* Counts all tensors, or lists them when the table is there. */
static void put_all(struct table *t, const struct wf_net_options *o)
{
    struct wf_net *n = t->n;
    size_t vocab = n->p->n_vocab, dim = n->p->dim;

    n->n_tensors = n->n_values = 0;
    n->embed = put_matrix(t, "token_embd.weight", vocab, dim, false);
    for (size_t i = 0; i < n->p->n_layers; i++)
        put_layer(t, &n->layers[i], i);
    n->output_norm = put_vector(t, "output_norm.weight", dim, START_ONES);
    n->output = n->embed;
    if ((n->has & WF_NET_OUTPUT) != 0)
        n->output = put_matrix(t, "output.weight", vocab, dim, false);
    for (size_t i = 0; i < o->n_heads; i++) {
        const struct wf_net_head *h = &o->heads[i];
        assert(strlen(h->name) < sizeof(n->tensors->name));
        (void)put(t, h->name, h->rows, h->cols, (double)h->init);
        if (n->tensors != NULL)
            n->tensors[n->n_tensors - 1].decays = h->decays;
    }
}

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

static int make_table(struct wf_net *n, const struct wf_net_options *o)
{
    struct table t = {.n = n, .layer = -1};

    n->layers = wf_alloc_array(n->p->n_layers, sizeof(*n->layers));
    if (n->layers == NULL)
        return WF_E_NOMEM;
    put_all(&t, o);
    t.starts = wf_alloc_array(n->n_tensors, sizeof(*t.starts));
    n->tensors = wf_alloc_array(n->n_tensors, sizeof(*n->tensors));
    n->values = wf_alloc_lines(n->n_values, sizeof(float));
    n->grads = wf_alloc_lines(n->n_values, sizeof(float));
    if (t.starts == NULL || n->tensors == NULL || n->values == NULL || n->grads == NULL) {
        wf_free(t.starts);
        return WF_E_NOMEM;
    }
    put_all(&t, o);
    fill(n, t.starts);
    wf_free(t.starts);
    return 0;
}

/* ---- the buffers ---- */

struct maker {
    bool counts; /* bytes only */
    bool failed;
    uint64_t bytes;
};

static void *make(struct maker *m, size_t n, size_t width, size_t item_bytes)
{
    void *p = NULL;

    m->bytes += (uint64_t)n * width * item_bytes;
    if (m->counts || m->failed || n == 0 || width == 0)
        return NULL;
    p = n <= SIZE_MAX / width ? wf_alloc_lines(n * width, item_bytes) : NULL;
    m->failed = p == NULL;
    return p;
}

static void make_kept(struct wf_net *n, struct maker *m)
{
    size_t rows = n->n_tokens_max, dim = n->p->dim, f = sizeof(float);
    size_t raw = (n->has & WF_NET_POST_NORM) != 0 ? dim : 0;

    for (size_t i = 0; i < n->p->n_layers; i++) {
        const struct wf_net__layer *l = &n->layers[i];
        struct wf_net__kept *k = &n->kept[i];
        k->x = make(m, rows, dim, f);
        k->qkv = make(m, rows, l->n_qkv, f);
        k->att = make(m, rows, l->n_att, f);
        k->lse = make(m, rows, n->p->layers[i].n_heads, f);
        k->mid = make(m, rows, dim, f);
        k->gate_up = make(m, rows, 2 * l->n_ff, f);
        k->attn_raw = make(m, rows, raw, f);
        k->ffn_raw = make(m, rows, raw, f);
    }
    n->last = make(m, rows, dim, f);
}

static void make_batch(struct wf_net *n, struct maker *m)
{
    size_t rows = n->n_tokens_max, dim = n->p->dim, f = sizeof(float);
    size_t ff = 0, qkv = 0, att = 0;

    for (size_t i = 0; i < n->p->n_layers; i++) {
        ff = WF_MAX(ff, n->layers[i].n_ff);
        qkv = WF_MAX(qkv, n->layers[i].n_qkv);
        att = WF_MAX(att, n->layers[i].n_att);
    }
    n->ids = make(m, rows, 1, sizeof(*n->ids));
    n->positions = make(m, rows, 1, sizeof(*n->positions));
    n->starts = make(m, rows + 1, 1, sizeof(*n->starts));
    n->hidden = make(m, rows, dim, f);
    n->h = make(m, rows, dim, f);
    n->y = make(m, rows, dim, f);
    n->dx = make(m, rows, dim, f);
    n->dh = make(m, rows, dim, f);
    n->act = make(m, rows, ff, f);
    n->turned = make(m, rows, (n->has & WF_NET_QK_NORM) != 0 ? qkv : 0, f);
    n->d_qkv = make(m, rows, qkv, f);
    n->d_att = make(m, rows, att, f);
    for (int i = 0; i < 2; i++) {
        n->angles[i] = make(m, n->n_text_max, n->p->n_rot, f);
        n->angles_back[i] = make(m, n->n_text_max, n->p->n_rot, f);
    }
}

/* The widest row that a norm's gradient is summed in. */
static size_t norms_width(const struct wf_net *n)
{
    return (size_t)2 * WF_MAX(n->p->dim, n->p->head_dim);
}

static void make_scratch(struct wf_net *n, struct maker *m, size_t n_members)
{
    for (size_t i = 0; i < n_members; i++) {
        struct wf_net__scratch unused, *s = m->counts ? &unused : &n->scratch[i];
        s->probs = make(m, WF_NET__ROWS, n->n_text_max, sizeof(float));
        s->d_scores = make(m, WF_NET__ROWS, n->n_text_max, sizeof(float));
        s->norms = make(m, 1, norms_width(n), sizeof(float));
    }
}

/* Frequencies of both kinds of layers, as angles of every position, and the same turning back. */
static void fill_angles(struct wf_net *n, double *frequencies)
{
    size_t n_rot = n->p->n_rot;

    for (int i = 0; i < 2 && n->p->family->rope != WF_ROPE_NONE; i++) {
        float length = wf_rope_frequencies(n->p, i == 1, NULL, frequencies);
        for (size_t at = 0; at < n->n_text_max; at++) {
            float *a = n->angles[i] + at * n_rot, *back = n->angles_back[i] + at * n_rot;
            wf_rope_angles(frequencies, n_rot / 2, at, length, a);
            for (size_t j = 0; j < n_rot; j++)
                back[j] = j % 2 == 0 ? a[j] : -a[j];
        }
    }
}

static int make_buffers(struct wf_net *n, struct wf_err *err)
{
    struct maker m = {0};
    double *frequencies = make(&m, n->p->n_rot, 1, sizeof(*frequencies));

    n->kept = make(&m, n->p->n_layers, 1, sizeof(*n->kept));
    n->scratch = make(&m, wf_gang_size(n->gang), 1, sizeof(*n->scratch));
    if (!m.failed) {
        make_kept(n, &m);
        make_batch(n, &m);
        make_scratch(n, &m, wf_gang_size(n->gang));
    }
    if (!m.failed)
        fill_angles(n, frequencies);
    wf_free(frequencies);
    return !m.failed
               ? 0
               : wf_err_set(err, WF_E_NOMEM, "Not enough memory to train with %zu tokens at once.",
                            n->n_tokens_max);
}

/* The longest side of any product. */
static size_t side_max(const struct wf_net *n)
{
    size_t side = n->n_tokens_max;

    for (size_t i = 0; i < n->n_tensors; i++)
        side = WF_MAX(side, WF_MAX(n->tensors[i].rows, n->tensors[i].cols));
    for (size_t i = 0; i < n->p->n_layers; i++)
        side = WF_MAX(side, WF_MAX(n->layers[i].n_qkv, 2 * n->layers[i].n_ff));
    return side;
}

static int make_rooms(struct wf_net *n, struct wf_err *err)
{
    size_t n_members = wf_gang_size(n->gang);
    size_t side = WF_MAX(WF_MAX(n->n_text_max, (size_t)WF_NET__ROWS),
                         (size_t)WF_MAX(n->p->head_dim, n->p->value_dim));
    int rc = wf_gemm_room_new(n_members, side_max(n), &n->room, err);

    for (size_t i = 0; i < n_members && rc == 0; i++) {
        rc = wf_gang_new(1, &n->scratch[i].alone, err);
        if (rc == 0)
            rc = wf_gemm_room_new(1, side, &n->scratch[i].room, err);
    }
    return rc;
}

/* ---- the whole ---- */

static int check(const struct wf_params *p, struct wf_err *err)
{
    bool is_plain = p->n_experts == 0 && p->conv_len == 0 && p->temperature_scale == 0.0f &&
                    (p->family->flags & (WF_FAMILY_ENCODER | WF_FAMILY_FFN_POST)) == 0 &&
                    p->family->ffn != WF_FFN_CLAMPED;

    for (uint32_t i = 0; i < p->n_layers; i++)
        is_plain = is_plain && p->layers[i].n_kv_heads > 0 && p->layers[i].n_ff > 0;
    return is_plain ? 0
                    : wf_err_set(err, WF_E_UNSUPPORTED,
                                 "Models of the family '%s' cannot be trained: experts, short "
                                 "convolutions, attention sinks and norms behind the sum have no "
                                 "gradients here.",
                                 p->family->name);
}

/* What the options say, without memory for a batch. */
static void take_options(struct wf_net *n, const struct wf_params *p,
                         const struct wf_net_options *o)
{
    n->p = p;
    n->kern = wf_kern();
    n->grad = wf_grad();
    n->kind = o->kind;
    n->has = o->has;
    n->dropout = o->dropout;
    n->seed = o->seed;
    n->n_tokens_max = o->n_tokens_max;
    n->n_text_max = o->n_text_max > 0 ? o->n_text_max : p->n_context;
    n->n_text_max = WF_MIN(n->n_text_max, n->n_tokens_max);
}

int wf_net_new(const struct wf_params *p, const struct wf_net_options *o, struct wf_net **out,
               struct wf_err *err)
{
    size_t n_threads = o->n_threads > 0 ? o->n_threads : wf_cpu_count();
    struct wf_net *n;
    int rc = check(p, err);

    assert(o->n_tokens_max > 0);
    assert(o->dropout >= 0.0f && o->dropout < 1.0f);
    if (rc != 0)
        return rc;
    n = wf_alloc_array(1, sizeof(*n));
    if (n == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a network.");
    take_options(n, p, o);
    rc = wf_gang_new(WF_MIN(n_threads, (size_t)WF_GANG_MEMBERS_MAX), &n->gang, err);
    if (rc == 0 && make_table(n, o) != 0)
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory for what the network learns.");
    if (rc == 0)
        rc = make_buffers(n, err);
    if (rc == 0)
        rc = make_rooms(n, err);
    if (rc != 0) {
        wf_net_free(n);
        return rc;
    }
    *out = n;
    return 0;
}

static void free_kept(struct wf_net *n)
{
    for (size_t i = 0; n->kept != NULL && i < n->p->n_layers; i++) {
        struct wf_net__kept *k = &n->kept[i];
        void *all[] = {k->x, k->qkv, k->att, k->lse, k->mid, k->gate_up, k->attn_raw, k->ffn_raw};
        for (size_t j = 0; j < WF_ARRAY_LEN(all); j++)
            wf_free(all[j]);
    }
    wf_free(n->kept);
}

static void free_scratch(struct wf_net *n)
{
    for (size_t i = 0; n->scratch != NULL && i < wf_gang_size(n->gang); i++) {
        struct wf_net__scratch *s = &n->scratch[i];
        wf_gang_free(s->alone);
        wf_gemm_room_free(s->room);
        wf_free(s->probs);
        wf_free(s->d_scores);
        wf_free(s->norms);
    }
    wf_free(n->scratch);
}

void wf_net_free(struct wf_net *n)
{
    if (n == NULL)
        return;
    void *all[] = {n->layers,
                   n->tensors,
                   n->values,
                   n->grads,
                   n->last,
                   n->ids,
                   n->positions,
                   n->starts,
                   n->hidden,
                   n->h,
                   n->y,
                   n->dx,
                   n->dh,
                   n->act,
                   n->turned,
                   n->d_qkv,
                   n->d_att,
                   n->angles[0],
                   n->angles[1],
                   n->angles_back[0],
                   n->angles_back[1]};
    free_kept(n);
    free_scratch(n);
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++)
        wf_free(all[i]);
    wf_gemm_room_free(n->room);
    wf_gang_free(n->gang);
    wf_free(n);
}

const struct wf_net_tensor *wf_net_tensors(const struct wf_net *n, size_t *out_n)
{
    *out_n = n->n_tensors;
    return n->tensors;
}

const struct wf_net_tensor *wf_net_find(const struct wf_net *n, const char *name)
{
    for (size_t i = 0; i < n->n_tensors; i++) {
        if (strcmp(n->tensors[i].name, name) == 0)
            return &n->tensors[i];
    }
    return NULL;
}

size_t wf_net_n_values(const struct wf_net *n)
{
    return n->n_values;
}

float *wf_net_values(struct wf_net *n)
{
    return n->values;
}

float *wf_net_grads(struct wf_net *n)
{
    return n->grads;
}

void wf_net_zero_grads(struct wf_net *n)
{
    memset(n->grads, 0, n->n_values * sizeof(*n->grads));
}

const struct wf_params *wf_net_params(const struct wf_net *n)
{
    return n->p;
}

enum wf_gemm_kind wf_net_kind(const struct wf_net *n)
{
    return n->kind;
}

struct wf_gang *wf_net_gang(struct wf_net *n)
{
    return n->gang;
}

struct wf_gemm_room *wf_net_room(struct wf_net *n)
{
    return n->room;
}

void wf_net_set_count(struct wf_net *n, uint64_t i)
{
    n->i_forward = i;
}

uint64_t wf_net_time_ns(const struct wf_net *n, enum wf_net_time what)
{
    return n->ns[what];
}
