/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over packed texts, and its way back.
 *
 * An item is one text and one head of keys with the heads of queries that share it; a member of the
 * gang takes the next one that nobody has. Queries are met WF_NET__ROWS at a time. Of the weights
 * only the logarithm of each row's sum is kept; backward makes them again (as Dao et al. 2022 do).
 * With S = Q K^T (queries come scaled), P = softmax(S) and O = P V:
 *   dV = P^T dO,  dP = dO V^T,  dS = P * (dP - row sums of P * dP),  dQ = dS K,  dK = dS^T Q. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "train/net_internal.h"

struct attend {
    struct wf_net *n;
    const struct wf_net__layer *l;
    const struct wf_layer_params *lp;
    const float *qkv, *lse_in, *d_att; /* lse_in, d_att: backward only */
    float *att, *lse, *d_qkv;
    atomic_size_t i_next; /* the next item; relaxed: it orders nothing but itself */
};

/* One head of queries of a text. */
struct item {
    const struct attend *a;
    struct wf_net__scratch *s;
    size_t first, n_tok; /* tokens of the text */
    size_t head, kv_head;
};

/* A matrix with rows at a distance. */
struct view {
    const float *p;
    size_t ld;
};

/* c [m, n] = or += a b; of a dense c with that row length. */
static void product(const struct item *it, size_t m, size_t n, size_t k, struct view a,
                    bool a_turned, struct view b, bool b_turned, bool adds, float *c, size_t ldc)
{
    struct wf_gemm g = {.m = m,
                        .n = n,
                        .k = k,
                        .a = a.p,
                        .b = b.p,
                        .c = c,
                        .lda = a.ld,
                        .ldb = b.ld,
                        .ldc = ldc,
                        .a_turned = a_turned,
                        .b_turned = b_turned,
                        .adds = adds};

    wf_gemm_run(it->s->room, it->s->alone, it->a->n->kind, &g);
}

/* Where query head, keys and values of the item's text begin in rows of n_qkv. */
static size_t q_at(const struct item *it)
{
    return it->first * it->a->l->n_qkv + it->head * it->a->n->p->head_dim;
}

static size_t k_at(const struct item *it)
{
    return it->first * it->a->l->n_qkv +
           ((size_t)it->a->lp->n_heads + it->kv_head) * it->a->n->p->head_dim;
}

static size_t v_at(const struct item *it)
{
    const struct wf_params *p = it->a->n->p;

    return it->first * it->a->l->n_qkv +
           ((size_t)it->a->lp->n_heads + it->a->lp->n_kv_heads) * p->head_dim +
           it->kv_head * p->value_dim;
}

/* Positions [*out_from, *out_to) that the text's token i sees. */
static void sees(const struct item *it, size_t i, size_t *out_from, size_t *out_to)
{
    const struct wf_params *p = it->a->n->p;

    *out_from = 0;
    *out_to = p->is_causal ? i + 1 : it->n_tok;
    if (it->a->lp->is_windowed && i + 1 > p->window)
        *out_from = i + 1 - p->window;
}

/* Keys that some query of [i, i + m) sees: [*out_from, *out_to). */
static void seen(const struct item *it, size_t i, size_t m, size_t *out_from, size_t *out_to)
{
    size_t unused;

    sees(it, i, out_from, &unused);
    sees(it, i + m - 1, &unused, out_to);
}

static void cap_row(float cap, float *s, size_t n)
{
    for (size_t j = 0; j < n && cap != 0.0f; j++)
        s[j] = cap * tanhf(s[j] / cap);
}

static float largest(const float *x, size_t n)
{
    float most[16], all = -INFINITY;
    size_t i = 0;

    for (size_t j = 0; j < 16; j++)
        most[j] = -INFINITY;
    for (; i + 16 <= n; i += 16) {
        for (size_t j = 0; j < 16; j++)
            most[j] = x[i + j] > most[j] ? x[i + j] : most[j];
    }
    for (size_t j = 0; j < 16; j++)
        all = most[j] > all ? most[j] : all;
    for (; i < n; i++)
        all = x[i] > all ? x[i] : all;
    return all;
}

/* 0 in x [n] outside of [from, to). */
static void blank(float *x, size_t n, size_t from, size_t to)
{
    memset(x, 0, from * sizeof(*x));
    memset(x + to, 0, (n - to) * sizeof(*x));
}

/* Raw scores of queries [i, i + m) with keys [base, end), into s->probs, rows of end - base. */
static void score(const struct item *it, size_t i, size_t m, size_t base, size_t end)
{
    const struct attend *a = it->a;
    size_t ld = a->l->n_qkv;
    struct view q = {a->qkv + q_at(it) + i * ld, ld}, k = {a->qkv + k_at(it) + base * ld, ld};

    product(it, m, end - base, a->n->p->head_dim, q, false, k, true, false, it->s->probs,
            end - base);
}

/* A row's scores to weights, not yet divided by their sum: 0 where it does not see. */
static float weigh(const struct item *it, size_t i, size_t base, size_t end, float *s,
                   float *out_most)
{
    const struct wf_net *n = it->a->n;
    size_t from, to;

    sees(it, i, &from, &to);
    from -= base;
    to -= base;
    cap_row(n->p->score_cap, s + from, to - from);
    blank(s, end - base, from, to);
    *out_most = largest(s + from, to - from);
    return n->kern->exp_sum(s + from, *out_most, to - from);
}

static void attend_head(const struct item *it)
{
    const struct attend *a = it->a;
    size_t ld = a->l->n_qkv, d = a->n->p->value_dim;
    float sums[WF_NET__ROWS];

    for (size_t i = 0; i < it->n_tok; i += WF_NET__ROWS) {
        size_t m = WF_MIN(it->n_tok - i, (size_t)WF_NET__ROWS), base, end;
        seen(it, i, m, &base, &end);
        float *out = a->att + (it->first + i) * a->l->n_att + it->head * d;
        score(it, i, m, base, end);
        for (size_t r = 0; r < m; r++) {
            float most;
            sums[r] = weigh(it, i + r, base, end, it->s->probs + r * (end - base), &most);
            a->lse[(it->first + i + r) * a->lp->n_heads + it->head] = most + logf(sums[r]);
        }
        struct view probs = {it->s->probs, end - base}, v = {a->qkv + v_at(it) + base * ld, ld};
        product(it, m, d, end - base, probs, false, v, false, false, out, a->l->n_att);
        for (size_t r = 0; r < m; r++) {
            for (size_t j = 0; j < d; j++)
                out[r * a->l->n_att + j] /= sums[r];
        }
    }
}

/* Row i: scores become weights, and the gradient of weights that of scores. */
static void row_back(const struct item *it, size_t i, size_t base, size_t end, float *s, float *ds)
{
    const struct attend *a = it->a;
    const struct wf_net *n = a->n;
    float lse = a->lse_in[(it->first + i) * a->lp->n_heads + it->head], cap = n->p->score_cap;
    size_t from, to;

    sees(it, i, &from, &to);
    from -= base;
    to -= base;
    blank(s, end - base, from, to);
    blank(ds, end - base, from, to);
    cap_row(cap, s + from, to - from);
    (void)n->kern->exp_sum(s + from, lse, to - from);
    n->grad->softmax_back(s + from, 1.0f, ds + from, to - from);
    /* The capped score is the logarithm of its weight, and the cap's slope is 1 - (s / cap)^2. */
    for (size_t j = from; j < to && cap != 0.0f; j++) {
        float share = (s[j] > 0.0f ? logf(s[j]) + lse : -cap) / cap;
        ds[j] *= 1.0f - share * share;
    }
}

static void attend_head_back(const struct item *it)
{
    const struct attend *a = it->a;
    const struct wf_params *p = a->n->p;
    size_t ld = a->l->n_qkv, dv = p->value_dim, dk = p->head_dim;

    for (size_t i = 0; i < it->n_tok; i += WF_NET__ROWS) {
        size_t m = WF_MIN(it->n_tok - i, (size_t)WF_NET__ROWS), base, end;
        seen(it, i, m, &base, &end);
        size_t n = end - base;
        struct view d_o = {a->d_att + (it->first + i) * a->l->n_att + it->head * dv, a->l->n_att};
        struct view q = {a->qkv + q_at(it) + i * ld, ld}, k = {a->qkv + k_at(it) + base * ld, ld};
        struct view v = {a->qkv + v_at(it) + base * ld, ld};
        struct view probs = {it->s->probs, n}, ds = {it->s->d_scores, n};
        score(it, i, m, base, end);
        product(it, m, n, dv, d_o, false, v, true, false, it->s->d_scores, n);
        for (size_t r = 0; r < m; r++)
            row_back(it, i + r, base, end, it->s->probs + r * n, it->s->d_scores + r * n);
        product(it, n, dv, m, probs, true, d_o, false, true, a->d_qkv + v_at(it) + base * ld, ld);
        product(it, m, dk, n, ds, false, k, false, false, a->d_qkv + q_at(it) + i * ld, ld);
        product(it, n, dk, m, ds, true, q, false, true, a->d_qkv + k_at(it) + base * ld, ld);
    }
}

/* Gradients of keys and values are added to by every head and block of queries. */
static void clear_keys(const struct item *it)
{
    const struct wf_params *p = it->a->n->p;

    for (size_t i = 0; i < it->n_tok; i++) {
        memset(it->a->d_qkv + k_at(it) + i * it->a->l->n_qkv, 0, p->head_dim * sizeof(float));
        memset(it->a->d_qkv + v_at(it) + i * it->a->l->n_qkv, 0, p->value_dim * sizeof(float));
    }
}

static void attend_part(void *ud, size_t i, size_t n_parts)
{
    struct attend *a = ud;
    struct wf_net *n = a->n;
    size_t nk = a->lp->n_kv_heads, group = a->lp->n_heads / nk, k;
    struct item it = {.a = a, .s = &n->scratch[i]};

    (void)n_parts;
    while ((k = atomic_fetch_add_explicit(&a->i_next, 1, memory_order_relaxed)) < n->n_texts * nk) {
        it.first = n->starts[k / nk];
        it.n_tok = n->starts[k / nk + 1] - it.first;
        it.kv_head = k % nk;
        if (a->d_qkv != NULL)
            clear_keys(&it);
        for (it.head = it.kv_head * group; it.head < (it.kv_head + 1) * group; it.head++) {
            if (a->d_qkv != NULL)
                attend_head_back(&it);
            else
                attend_head(&it);
        }
    }
}

void wf_net__attend(struct wf_net *n, size_t i_layer, const float *qkv, float *att, float *lse)
{
    struct attend a = {.n = n,
                       .l = &n->layers[i_layer],
                       .lp = &n->p->layers[i_layer],
                       .qkv = qkv,
                       .att = att,
                       .lse = lse};
    uint64_t since = wf_net__now();

    wf_gang_run(n->gang, attend_part, &a);
    wf_net__took(n, WF_NET_TIME_ATTENTION, since);
}

void wf_net__attend_back(struct wf_net *n, size_t i_layer, const float *qkv, const float *lse,
                         const float *d_att, float *d_qkv)
{
    struct attend a = {.n = n,
                       .l = &n->layers[i_layer],
                       .lp = &n->p->layers[i_layer],
                       .qkv = qkv,
                       .lse_in = lse,
                       .d_att = d_att,
                       .d_qkv = d_qkv};
    uint64_t since = wf_net__now();

    wf_gang_run(n->gang, attend_part, &a);
    wf_net__took(n, WF_NET_TIME_ATTENTION, since);
}
