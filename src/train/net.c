/* SPDX-License-Identifier: Apache-2.0 */
/* Making a network: every buffer that a batch needs, once, and what is said about it. What learns
 * is listed in net_table.c. */
#include "train/net.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "os/thread.h"
#include "train/net_internal.h"

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

/* Widths that any layer needs at most. */
struct widths {
    size_t qkv, att, ff, heads;
};

static struct widths widest(const struct wf_net *n)
{
    struct widths w = {0};

    for (size_t i = 0; i < n->p->n_layers; i++) {
        w.ff = WF_MAX(w.ff, n->layers[i].n_ff);
        w.qkv = WF_MAX(w.qkv, n->layers[i].n_qkv);
        w.att = WF_MAX(w.att, n->layers[i].n_att);
        w.heads = WF_MAX(w.heads, (size_t)n->p->layers[i].n_heads);
    }
    return w;
}

/* The longest row of a stored matrix. */
static size_t wide_row(const struct wf_net *n)
{
    struct widths w = widest(n);

    return WF_MAX(WF_MAX(w.ff, w.att), (size_t)n->p->dim);
}

/* One layer's, but for x. */
static void make_layer(struct wf_net *n, struct maker *m, const struct widths *w,
                       struct wf_net__kept *k)
{
    size_t rows = n->n_tokens_max, dim = n->p->dim, f = sizeof(float);
    size_t raw = (n->has & WF_NET_POST_NORM) != 0 ? dim : 0;

    k->qkv = make(m, rows, w->qkv, f);
    k->att = make(m, rows, w->att, f);
    k->lse = make(m, rows, w->heads, f);
    k->mid = make(m, rows, dim, f);
    k->gate_up = make(m, rows, 2 * w->ff, f);
    k->attn_raw = make(m, rows, raw, f);
    k->ffn_raw = make(m, rows, raw, f);
}

/* Where layers are recomputed all but x is the first layer's, for all. */
static void make_kept(struct wf_net *n, struct maker *m)
{
    size_t rows = n->n_tokens_max, dim = n->p->dim, f = sizeof(float);

    for (size_t i = 0; i < n->p->n_layers; i++) {
        const struct wf_net__layer *l = &n->layers[i];
        struct widths own = {l->n_qkv, l->n_att, l->n_ff, n->p->layers[i].n_heads};
        struct wf_net__kept unused = {0}, *k = m->counts ? &unused : &n->kept[i];
        if (n->recomputes && i == 0)
            own = widest(n);
        if (n->recomputes && i > 0 && !m->counts)
            *k = n->kept[0];
        if (!n->recomputes || i == 0)
            make_layer(n, m, &own, k);
        k->x = make(m, rows, dim, f);
    }
    n->last = make(m, rows, dim, f);
}

static void make_batch(struct wf_net *n, struct maker *m)
{
    size_t rows = n->n_tokens_max, dim = n->p->dim, f = sizeof(float);
    struct widths w = widest(n);

    n->ids = make(m, rows, 1, sizeof(*n->ids));
    n->positions = make(m, rows, 1, sizeof(*n->positions));
    n->starts = make(m, rows + 1, 1, sizeof(*n->starts));
    n->marks = make(m, rows, 1, sizeof(*n->marks));
    n->hidden = make(m, rows, dim, f);
    n->h = make(m, rows, dim, f);
    n->y = make(m, rows, dim, f);
    n->dx = make(m, rows, dim, f);
    n->dh = make(m, rows, dim, f);
    n->act = make(m, rows, w.ff, f);
    n->turned = make(m, rows, (n->has & WF_NET_QK_NORM) != 0 ? w.qkv : 0, f);
    n->d_qkv = make(m, rows, w.qkv, f);
    n->d_att = make(m, rows, w.att, f);
    n->inner = make(m, rows, n->lora_rank, f);
    n->band = make(m, n->lora_rank > 0 ? WF_MAX(WF_NET__BAND, wide_row(n)) : 0, 1, f);
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
        struct wf_net__scratch unused = {0}, *s = m->counts ? &unused : &n->scratch[i];
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
        float length = wf_rope_frequencies(n->p, i == 1, n->rope_factors, frequencies);
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
    struct widths w = widest(n);
    size_t side = WF_MAX(n->n_tokens_max, (size_t)n->p->n_vocab);

    for (size_t i = 0; i < n->n_tensors; i++)
        side = WF_MAX(side, (size_t)WF_MAX(n->tensors[i].rows, n->tensors[i].cols));
    return WF_MAX(side, WF_MAX(WF_MAX(w.qkv, w.att), WF_MAX(2 * w.ff, (size_t)n->p->dim)));
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
    bool is_plain = p->n_experts == 0 && p->conv_len == 0 &&
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
    n->weights = o->weights;
    n->lora_rank = o->lora_rank;
    n->lora_on = o->lora_on;
    n->lora_scale =
        o->lora_alpha != 0.0f && o->lora_rank > 0 ? o->lora_alpha / (float)o->lora_rank : 1.0f;
    n->recomputes = o->recomputes;
}

int wf_net_new(const struct wf_params *p, const struct wf_net_options *o, struct wf_net **out,
               struct wf_err *err)
{
    size_t n_threads = o->n_threads > 0 ? o->n_threads : wf_cpu_count();
    struct wf_net *n;
    int rc = check(p, err);

    assert(o->n_tokens_max > 0);
    assert(o->lora_rank == 0 || o->weights != NULL);
    assert(o->dropout >= 0.0f && o->dropout < 1.0f);
    if (rc != 0)
        return rc;
    n = wf_alloc_array(1, sizeof(*n));
    if (n == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a network.");
    take_options(n, p, o);
    rc = wf_gang_new(WF_MIN(n_threads, (size_t)WF_GANG_MEMBERS_MAX), &n->gang, err);
    if (rc == 0)
        rc = wf_net__table(n, o, err);
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
        void *all[] = {k->qkv, k->att, k->lse, k->mid, k->gate_up, k->attn_raw, k->ffn_raw};
        wf_free(k->x);
        for (size_t j = 0; j < WF_ARRAY_LEN(all) && (!n->recomputes || i == 0); j++)
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
                   n->marks,
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
                   n->angles_back[1],
                   n->inner,
                   n->band};
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

/* A network's sizes without its memory, but for n->layers. */
static int size_up(const struct wf_params *p, const struct wf_net_options *o, struct wf_net *out)
{
    memset(out, 0, sizeof(*out));
    take_options(out, p, o);
    if (out->weights != NULL)
        wf_net__look(out);
    return wf_net__sizes(out, o);
}

uint64_t wf_net_count(const struct wf_params *p, const struct wf_net_options *o)
{
    struct wf_net n;

    if (size_up(p, o, &n) != 0)
        return 0;
    wf_free(n.layers);
    return n.n_values;
}

uint64_t wf_net_bytes(const struct wf_params *p, const struct wf_net_options *o)
{
    struct maker m = {.counts = true};
    size_t n_threads = o->n_threads > 0 ? o->n_threads : wf_cpu_count();
    struct wf_net n;

    if (size_up(p, o, &n) != 0)
        return UINT64_MAX;
    m.bytes = 2 * (uint64_t)n.n_values * sizeof(float);
    make_kept(&n, &m);
    make_batch(&n, &m);
    make_scratch(&n, &m, WF_MIN(n_threads, (size_t)WF_GANG_MEMBERS_MAX));
    wf_free(n.layers);
    return m.bytes;
}
