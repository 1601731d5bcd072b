/* SPDX-License-Identifier: Apache-2.0 */
/* Attention, a tile of tokens and the heads that share keys at a time.
 *
 * Keys and values are unpacked page by page and met by all rows of the tile (a row is one token's
 * query head); sums are kept relative to the largest score so far (online softmax: Milakov and
 * Gimelshein 2018; tiles: Dao et al. 2022), so that no scores of a whole text are held. What a row
 * gets does not depend on the other rows of its tile: it meets the same pages in the same steps,
 * however a text is cut into batches. An encoder's texts have no pages: runs of the batch's own
 * rows stand for them. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "model/transformer_internal.h"

/* Rows of a tile, where one token has not more heads: beyond this their sums no longer lie in the
 * nearest cache. And its tokens. */
#define ROWS 64
#define TOKENS_MAX 16
/* With fewer tiles for each thread, heads that share keys are taken one by one. */
#define TILES_PER_THREAD 2
/* Below this many multiplications the gang is not worth waking. */
#define PRODUCTS_ALONE 65536
#define PAGE WF_KV_PAGE_TOKENS

/* What all tiles of a layer have in common. */
struct tiling {
    const struct wf_layer_params *lp;
    const float *sinks; /* [n_heads], or NULL */
    size_t i_layer;
    size_t n_heads;  /* query heads of a tile, that share keys */
    size_t n_tokens; /* of a tile at most */
};

struct tile {
    const struct wf_runner *r;
    const struct tiling *tiling;
    size_t i_tok, n_tok; /* of the batch, one text's */
    size_t head;         /* the first query head */
    size_t kv_head;
    size_t n_rows;        /* n_tok * n_heads, a token's heads side by side */
    float *q;             /* [n_rows, head_dim] */
    float *scores;        /* [n_rows, PAGE] */
    float *keys;          /* [PAGE, head_dim] */
    float *values;        /* [PAGE, value_dim] */
    float *sums;          /* [n_rows, value_dim] */
    float *most, *weight; /* [n_rows] the largest score so far, and the sum of weights */
};

/* Query heads that share keys: the most of any layer. */
static size_t group_max(const struct wf_params *p)
{
    size_t max = 1;

    for (size_t i = 0; i < p->n_layers; i++) {
        const struct wf_layer_params *l = &p->layers[i];
        if (l->n_kv_heads > 0 && l->n_heads / l->n_kv_heads > max)
            max = l->n_heads / l->n_kv_heads;
    }
    return max;
}

size_t wf_transformer__tile_floats(const struct wf_params *p)
{
    size_t rows = group_max(p) > ROWS ? group_max(p) : ROWS;

    return rows * (p->head_dim + PAGE + p->value_dim + 2) +
           (size_t)PAGE * (p->head_dim + p->value_dim);
}

static void lay_out(struct tile *t, float *room)
{
    const struct wf_params *p = t->r->p;

    t->q = room;
    t->scores = t->q + t->n_rows * p->head_dim;
    t->keys = t->scores + t->n_rows * PAGE;
    t->values = t->keys + (size_t)PAGE * p->head_dim;
    t->sums = t->values + (size_t)PAGE * p->value_dim;
    t->most = t->sums + t->n_rows * p->value_dim;
    t->weight = t->most + t->n_rows;
}

static void begin_rows(struct tile *t)
{
    const struct wf_params *p = t->r->p;
    size_t d = p->head_dim, n = t->tiling->n_heads;

    for (size_t i = 0; i < t->n_tok; i++)
        memcpy(t->q + i * n * d, t->r->q + ((t->i_tok + i) * t->tiling->lp->n_heads + t->head) * d,
               n * d * sizeof(float));
    memset(t->sums, 0, t->n_rows * p->value_dim * sizeof(float));
    for (size_t i = 0; i < t->n_rows; i++) {
        t->most[i] = -INFINITY;
        t->weight[i] = 0.0f;
    }
}

static void unpack_rows(const struct wf_kern *kern, enum wf_kv_kind kind, const uint8_t *from,
                        size_t row_bytes, size_t n_rows, size_t n, float *out)
{
    for (size_t i = 0; i < n_rows; i++, from += row_bytes, out += n) {
        switch (kind) {
        case WF_KV_F32:
            memcpy(out, from, n * sizeof(float));
            break;
        case WF_KV_F16:
            kern->from_f16((const uint16_t *)(const void *)from, out, n);
            break;
        case WF_KV_Q8_0:
            wf_dtype_by_id(WF_DTYPE_Q8_0)->unpack(from, out, n);
            break;
        }
    }
}

/* Keys (else values) of positions [base, base + n) of the tile's text. */
static void unpack(struct tile *t, size_t base, size_t n, bool is_keys)
{
    const struct wf_runner *r = t->r;
    const struct wf_place *at = &r->places[t->i_tok];
    size_t d = is_keys ? r->p->head_dim : r->p->value_dim, layer = t->tiling->i_layer;
    float *out = is_keys ? t->keys : t->values;
    const float *own = is_keys ? r->k : r->v;
    size_t nk = t->tiling->lp->n_kv_heads;
    enum wf_kv_kind kind;
    const uint8_t *page;

    if (at->seq == NULL) {
        own += ((at->i_first + base) * nk + t->kv_head) * d;
        unpack_rows(r->kern, WF_KV_F32, (const uint8_t *)own, nk * d * sizeof(float), n, d, out);
        return;
    }
    kind = wf_kv_kind(r->kv);
    page = at->seq->pages[base / PAGE] + wf_kv_row_bytes(kind, t->kv_head * d);
    page += is_keys ? wf_kv_key_offset(r->kv, layer) : wf_kv_value_offset(r->kv, layer);
    unpack_rows(r->kern, kind, page,
                is_keys ? wf_kv_key_bytes(r->kv, layer) : wf_kv_value_bytes(r->kv, layer), n, d,
                out);
}

/* Keys of positions [base, base + n) of an encoder's text, turned: [head_dim, PAGE], the rest 0. A
 * whole page of scores is then a sum of rows for each query, which is much cheaper than a product
 * for each key. */
static void unpack_turned(struct tile *t, size_t base, size_t n)
{
    const struct wf_runner *r = t->r;
    size_t d = r->p->head_dim, nk = t->tiling->lp->n_kv_heads, ld = nk * d, j = 0;
    const float *own = r->k + ((r->places[t->i_tok].i_first + base) * nk + t->kv_head) * d;

    if (n < PAGE)
        memset(t->keys, 0, PAGE * d * sizeof(float));
    for (; j + 4 <= n; j += 4, own += 4 * ld) { /* four at a time: as many fewer stores */
        for (size_t i = 0; i < d; i++) {
            const float four[4] = {own[i], own[ld + i], own[2 * ld + i], own[3 * ld + i]};
            memcpy(t->keys + i * PAGE + j, four, sizeof(four));
        }
    }
    for (; j < n; j++, own += ld) {
        for (size_t i = 0; i < d; i++)
            t->keys[i * PAGE + j] = own[i];
    }
}

/* Scores of a page, before they are scaled. */
static void score_page(struct tile *t, size_t base, size_t n)
{
    const struct wf_kern *kern = t->r->kern;
    size_t d = t->r->p->head_dim;

    if (t->r->places[t->i_tok].seq == NULL) {
        unpack_turned(t, base, n);
        memset(t->scores, 0, t->n_rows * PAGE * sizeof(float));
        kern->mix(t->q, d, t->keys, t->n_rows, d, PAGE, t->scores);
        return;
    }
    unpack(t, base, n, true);
    kern->matmul(wf_dtype_by_id(WF_DTYPE_F32), WF_ACT_F32, t->keys, n, d, t->q, t->n_rows,
                 t->scores, PAGE);
}

/* Positions [*out_from, *out_to) that a token of the tile sees. */
static void sees(const struct tile *t, size_t i, size_t *out_from, size_t *out_to)
{
    const struct wf_params *p = t->r->p;
    const struct wf_place *at = &t->r->places[t->i_tok + i];

    *out_from = 0;
    *out_to = at->seq != NULL ? (size_t)at->position + 1 : at->n_part;
    if (at->seq != NULL && t->tiling->lp->is_windowed && *out_to > p->window)
        *out_from = *out_to - p->window;
}

static float larger(float a, float b)
{
    return a > b ? a : b; /* b where a is no number */
}

/* x *= scale; the largest of them and `most`. Four chains of comparisons, as one would wait for
 * each of its steps. */
static float scale_row(float *x, size_t n, float scale, float most)
{
    float a = most, b = most, c = most, d = most;
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        x[i] *= scale;
        x[i + 1] *= scale;
        x[i + 2] *= scale;
        x[i + 3] *= scale;
        a = larger(x[i], a);
        b = larger(x[i + 1], b);
        c = larger(x[i + 2], c);
        d = larger(x[i + 3], d);
    }
    for (; i < n; i++) {
        x[i] *= scale;
        a = larger(x[i], a);
    }
    return larger(larger(a, b), larger(c, d));
}

/* Scores under a cap, and their largest. */
static float cap_row(float *x, size_t n, float scale, float cap, float most)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = cap * tanhf(x[i] * scale / cap);
        most = x[i] > most ? x[i] : most;
    }
    return most;
}

/* A row's scores [n] of a page, of which it sees [from, to): to weights relative to the largest
 * score, which may be a new one. */
static void weigh_row(struct tile *t, size_t row, size_t n, size_t from, size_t to)
{
    const struct wf_params *p = t->r->p;
    float *s = t->scores + row * PAGE, *sums = t->sums + row * p->value_dim, most, scale;

    if (from >= to) {
        memset(s, 0, n * sizeof(*s));
        return;
    }
    most = p->score_cap == 0.0f
               ? scale_row(s + from, to - from, p->attention_scale, t->most[row])
               : cap_row(s + from, to - from, p->attention_scale, p->score_cap, t->most[row]);
    /* Scores that are no numbers, or all minus infinity, stay so in the sums, as they should. */
    scale = t->most[row] == -INFINITY ? 0.0f : expf(t->most[row] - most);
    memset(s, 0, from * sizeof(*s));
    memset(s + to, 0, (n - to) * sizeof(*s));
    t->weight[row] = t->weight[row] * scale + t->r->kern->exp_sum(s + from, most, to - from);
    for (size_t j = 0; j < p->value_dim && scale != 1.0f; j++)
        sums[j] *= scale;
    t->most[row] = most;
}

static void meet_page(struct tile *t, size_t base, size_t n)
{
    const struct wf_runner *r = t->r;
    const struct wf_params *p = r->p;

    score_page(t, base, n);
    for (size_t i = 0; i < t->n_tok; i++) {
        size_t from, to;
        sees(t, i, &from, &to);
        from = from > base ? from - base : 0;
        to = to > base ? to - base : 0;
        for (size_t h = 0; h < t->tiling->n_heads; h++)
            weigh_row(t, i * t->tiling->n_heads + h, n, from, to < n ? to : n);
    }
    unpack(t, base, n, false);
    r->kern->mix(t->scores, PAGE, t->values, t->n_rows, n, p->value_dim, t->sums);
}

/* out = sums * scale / weight, four at a time as above. */
static void divide_row(const float *sums, float scale, float weight, size_t n, float *out)
{
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        for (size_t k = 0; k < 4; k++)
            out[i + k] = sums[i + k] * scale / weight;
    }
    for (; i < n; i++)
        out[i] = sums[i] * scale / weight;
}

/* Sums over weights; a sink takes weight and adds no value. */
static void end_rows(struct tile *t)
{
    const struct wf_params *p = t->r->p;
    size_t n = t->tiling->n_heads, d = p->value_dim;

    for (size_t row = 0; row < t->n_rows; row++) {
        size_t i_tok = t->i_tok + row / n, head = t->head + row % n;
        float *out = t->r->att + (i_tok * t->tiling->lp->n_heads + head) * d;
        const float *sums = t->sums + row * d;
        float weight = t->weight[row], scale = 1.0f;
        if (t->tiling->sinks != NULL) {
            float sink = t->tiling->sinks[head], most = fmaxf(t->most[row], sink);
            scale = expf(t->most[row] - most);
            weight = weight * scale + expf(sink - most);
        }
        if (weight > 0.0f)
            divide_row(sums, scale, weight, d, out);
        else
            memset(out, 0, d * sizeof(*out));
    }
}

/* Lists the first tokens of all tiles; returns how many there are. */
static size_t list_tiles(struct wf_runner *r, size_t n_tokens)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_tok; i++) {
        if ((i - r->places[i].i_first) % n_tokens == 0)
            r->tile_first[n++] = (uint32_t)i;
    }
    return n;
}

struct run {
    struct wf_runner *r;
    const struct tiling *tiling;
    size_t n_items; /* tiles times groups of heads */
};

static void attend_item(const struct run *run, size_t i_item, size_t i_member)
{
    const struct tiling *tiling = run->tiling;
    const struct wf_runner *r = run->r;
    size_t n_groups = tiling->lp->n_heads / tiling->n_heads, from, to, last, left;
    struct tile t = {.r = r,
                     .tiling = tiling,
                     .i_tok = r->tile_first[i_item / n_groups],
                     .head = i_item % n_groups * tiling->n_heads};

    left = r->places[t.i_tok].i_first + r->places[t.i_tok].n_part - t.i_tok;
    t.n_tok = left < tiling->n_tokens ? left : tiling->n_tokens;
    t.kv_head = t.head / (tiling->lp->n_heads / tiling->lp->n_kv_heads);
    t.n_rows = t.n_tok * tiling->n_heads;
    lay_out(&t, r->tiles + i_member * wf_transformer__tile_floats(r->p));
    begin_rows(&t);
    sees(&t, 0, &from, &to);
    sees(&t, t.n_tok - 1, &last, &to);
    for (size_t base = from / PAGE * PAGE; base < to; base += PAGE)
        meet_page(&t, base, to - base < PAGE ? to - base : PAGE);
    end_rows(&t);
}

/* In turn, not in bands: tiles further on in a text see more of it. */
static void attend_part(void *ud, size_t i, size_t n)
{
    const struct run *run = ud;

    for (size_t k = i; k < run->n_items; k += n)
        attend_item(run, k, i);
}

/* Positions that all tokens see together, about. */
static size_t n_seen(const struct wf_runner *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_tok; i++)
        n += r->places[i].seq != NULL ? (size_t)r->places[i].position + 1 : r->places[i].n_part;
    return n;
}

void wf_transformer__attend_tiles(struct wf_runner *r, size_t i_layer)
{
    struct tiling tiling = {.lp = &r->p->layers[i_layer],
                            .sinks = r->model->weights.layers[i_layer].sinks,
                            .i_layer = i_layer};
    struct run run = {.r = r, .tiling = &tiling};
    size_t group = tiling.lp->n_heads / tiling.lp->n_kv_heads, n_tiles;

    tiling.n_heads = group;
    /* An encoder's tokens all see the same: the more rows share what was unpacked, the better. */
    tiling.n_tokens = ROWS / group > TOKENS_MAX && r->kv != NULL ? TOKENS_MAX : ROWS / group;
    tiling.n_tokens = tiling.n_tokens > 0 ? tiling.n_tokens : 1;
    n_tiles = list_tiles(r, tiling.n_tokens);
    if (n_tiles * tiling.lp->n_kv_heads < TILES_PER_THREAD * wf_gang_size(r->gang))
        tiling.n_heads = 1;
    run.n_items = n_tiles * (tiling.lp->n_heads / tiling.n_heads);
    if (n_seen(r) * tiling.lp->n_heads * r->p->head_dim < PRODUCTS_ALONE)
        attend_part(&run, 0, 1);
    else
        wf_gang_run(r->gang, attend_part, &run);
}
