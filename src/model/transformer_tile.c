/* SPDX-License-Identifier: Apache-2.0 */
/* Attention, a tile of tokens and the heads that share keys at a time.
 *
 * All rows of a tile (a row is one token's query head) meet a page of keys and values together
 * (kern/attend.h), page by page, so that no scores of a whole text are held. Every CHUNK positions
 * of a text sums begin anew, and are merged with those before: few rows with much to see are so
 * split among the gang by chunks (Flash-Decoding: Dao et al. 2023), and get the same as if they
 * were not. What a row gets does not depend on the other rows of its tile, nor on how a text was
 * cut into batches. An encoder's texts have no pages: runs of the batch's own rows stand for
 * them. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "model/transformer_internal.h"

/* Rows of a tile, where one token has not more heads: beyond this their sums no longer lie in the
 * nearest cache. And its tokens. */
#define ROWS 128
#define TOKENS_MAX 16
/* Positions after which sums begin anew: so many pages, which are met at once. */
#define CHUNK (PAGES * PAGE)
#define PAGES 8
/* With fewer tiles for each thread, they are split by chunks. */
#define TILES_PER_THREAD 4
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
    size_t n_tiles;
    size_t n_chunks; /* that tiles are split into; 1: they are not */
};

/* Rows' sums: see struct wf_attend. */
struct sums {
    float *most, *weight, *sums;
};

struct tile {
    const struct wf_runner *r;
    const struct tiling *tiling;
    size_t i_tok, n_tok; /* of the batch, one text's */
    size_t head;         /* the first query head */
    size_t kv_head;
    size_t n_rows;     /* n_tok * n_heads, a token's heads side by side */
    bool is_unpacked;  /* pages are made here, of floats */
    float *keys;       /* such a page: [head_dim, PAGE] */
    float *values;     /* [PAGE, value_dim] */
    struct sums sums;  /* of all chunks so far */
    struct sums chunk; /* of the one at work, if there was one before */
    float *q, *q_scales, *room;
    int8_t *q8;
    int32_t *q_sums;
    uint32_t *seen;
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

/* A tile's buffers, one behind the other. */
struct room {
    float *floats; /* NULL: only counted */
    size_t n;
};

/* n items of 4 bytes, in whole cache lines. */
static void *take(struct room *room, size_t n)
{
    size_t at = room->n;

    room->n += (n + 15) / 16 * 16;
    return room->floats != NULL ? room->floats + at : NULL;
}

static void take_sums(struct sums *s, size_t n_rows, size_t n, struct room *room)
{
    s->most = take(room, n_rows);
    s->weight = take(room, n_rows);
    s->sums = take(room, n_rows * n);
}

static void lay_out(struct tile *t, const struct wf_params *p, size_t n_rows, struct room *room)
{
    size_t d = p->head_dim;

    t->keys = take(room, PAGE * d);
    t->values = take(room, (size_t)PAGE * p->value_dim);
    t->room = take(room, wf_attend_room(n_rows, d, p->value_dim));
    t->seen = take(room, n_rows * PAGES);
    t->q = take(room, n_rows * d);
    t->q8 = take(room, n_rows * ((d + 3) / 4));
    t->q_scales = take(room, n_rows * ((d + 31) / 32));
    t->q_sums = take(room, n_rows * ((d + 31) / 32));
    take_sums(&t->sums, n_rows, p->value_dim, room);
    take_sums(&t->chunk, n_rows, p->value_dim, room);
}

size_t wf_transformer__tile_floats(const struct wf_params *p)
{
    struct tile t;
    struct room room = {0};

    lay_out(&t, p, group_max(p) > ROWS ? group_max(p) : ROWS, &room);
    return room.n;
}

size_t wf_transformer__partial_floats(const struct wf_params *p, size_t n_context)
{
    size_t n_heads = 0;

    for (size_t i = 0; i < p->n_layers; i++)
        n_heads = p->layers[i].n_heads > n_heads ? p->layers[i].n_heads : n_heads;
    return (n_context + CHUNK - 1) / CHUNK * n_heads * (p->value_dim + 2);
}

static enum wf_kv_kind page_kind(const struct tile *t)
{
    return t->is_unpacked ? WF_KV_F32 : wf_kv_kind(t->r->kv);
}

static void begin_rows(struct tile *t)
{
    const struct wf_kern *kern = t->r->kern;
    size_t d = t->r->p->head_dim, n = t->tiling->n_heads;

    for (size_t i = 0; i < t->n_tok; i++) {
        const float *q = t->r->q + ((t->i_tok + i) * t->tiling->lp->n_heads + t->head) * d;
        if (page_kind(t) == WF_KV_Q8_0)
            kern->to_i8(q, n * d, t->q_scales + i * n * d / 32, t->q_sums + i * n * d / 32,
                        t->q8 + i * n * d);
        else
            memcpy(t->q + i * n * d, q, n * d * sizeof(float));
    }
}

static void begin_sums(const struct tile *t, const struct sums *s)
{
    memset(s->sums, 0, t->n_rows * t->r->p->value_dim * sizeof(float));
    memset(s->weight, 0, t->n_rows * sizeof(float));
    for (size_t i = 0; i < t->n_rows; i++)
        s->most[i] = -INFINITY;
}

/* Keys and values of positions [base, base + n) of an encoder's text, as a page of floats: keys are
 * turned, [head_dim, PAGE]. */
static void unpack_own(struct tile *t, size_t base, size_t n)
{
    const struct wf_runner *r = t->r;
    size_t d = r->p->head_dim, vd = r->p->value_dim, nk = t->tiling->lp->n_kv_heads;
    size_t ld = nk * d, first = r->places[t->i_tok].i_key + base, j = 0;
    const float *own = r->k + (first * nk + t->kv_head) * d;

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
    for (j = n; j < PAGE; j++) { /* not seen, but read */
        for (size_t i = 0; i < d; i++)
            t->keys[i * PAGE + j] = 0.0f;
    }
    for (j = 0; j < n; j++)
        memcpy(t->values + j * vd, r->v + ((first + j) * nk + t->kv_head) * vd, vd * sizeof(float));
}

/* A page of Q8_0 as floats, where activations are floats. */
static void unpack_page(struct tile *t, const uint8_t *keys, const uint8_t *values, size_t n)
{
    size_t d = t->r->p->head_dim, vd = t->r->p->value_dim;

    for (size_t j = 0; j < PAGE; j++) {
        for (size_t i = 0; i < d; i++)
            t->keys[i * PAGE + j] = j < n ? wf_page_key(WF_KV_Q8_0, keys, d, j, i) : 0.0f;
    }
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < vd; i++)
            t->values[j * vd + i] = wf_page_value(WF_KV_Q8_0, values, vd, j, i);
    }
}

/* Positions [*out_from, *out_to) that a token of the batch sees. */
static void sees(const struct wf_runner *r, const struct tiling *tiling, size_t i_tok,
                 size_t *out_from, size_t *out_to)
{
    const struct wf_place *at = &r->places[i_tok];

    *out_from = 0;
    *out_to = at->seq != NULL ? (size_t)at->position + 1 : at->n_keys;
    if (at->seq != NULL && tiling->lp->is_windowed && *out_to > r->p->window)
        *out_from = *out_to - r->p->window;
}

/* Bits [from, to) of a page's slots. */
static uint32_t slots(size_t from, size_t to)
{
    uint32_t below_to = to < PAGE ? (1u << to) - 1 : UINT32_MAX;

    return from < PAGE ? below_to & ~((1u << from) - 1) : 0;
}

/* Which of the slots of the page at `base` the rows see. */
static void look(const struct tile *t, size_t base, uint32_t *seen)
{
    size_t n = t->tiling->n_heads;

    for (size_t i = 0; i < t->n_tok; i++) {
        size_t from, to;
        sees(t->r, t->tiling, t->i_tok + i, &from, &to);
        from = from > base ? from - base : 0;
        to = to > base ? to - base : 0;
        uint32_t bits = slots(from, to);
        for (size_t h = 0; h < n; h++)
            seen[i * n + h] = bits;
    }
}

/* A page of the tile's head: where its keys and values are. */
static void find_page(const struct tile *t, size_t i_page, const void **out_keys,
                      const void **out_values)
{
    const struct wf_runner *r = t->r;
    const uint8_t *page = r->places[t->i_tok].seq->pages[i_page];

    *out_keys = page + wf_kv_keys(r->kv, t->tiling->i_layer, t->kv_head);
    *out_values = page + wf_kv_values(r->kv, t->tiling->i_layer, t->kv_head);
}

/* Positions [base, to) of the tile's text, of one chunk. */
static void meet_pages(struct tile *t, const struct sums *s, size_t base, size_t to)
{
    const struct wf_params *p = t->r->p;
    const struct wf_seq *seq = t->r->places[t->i_tok].seq;
    const void *keys[PAGES], *values[PAGES];
    struct wf_attend a = {.kind = page_kind(t),
                          .n_rows = t->n_rows,
                          .key_dim = p->head_dim,
                          .value_dim = p->value_dim,
                          .in_words = t->i_tok >= t->r->n_written && t->r->act != WF_ACT_F32,
                          .keys = keys,
                          .values = values,
                          .scale = p->attention_scale,
                          .cap = p->score_cap,
                          .q = t->q,
                          .q8 = t->q8,
                          .q_scales = t->q_scales,
                          .q_sums = t->q_sums,
                          .seen = t->seen,
                          .most = s->most,
                          .weight = s->weight,
                          .sums = s->sums,
                          .room = t->room};

    for (; base < to; base += PAGE) {
        a.n_slots = to - base < PAGE ? to - base : PAGE;
        look(t, base, t->seen + a.n_pages * t->n_rows);
        if (seq != NULL)
            find_page(t, base / PAGE, &keys[a.n_pages], &values[a.n_pages]);
        else
            unpack_own(t, base, a.n_slots);
        if (t->is_unpacked) { /* one at a time: there is room for one */
            if (seq != NULL)
                unpack_page(t, keys[0], values[0], a.n_slots);
            keys[0] = t->keys;
            values[0] = t->values;
            a.n_pages = 1;
            t->r->kern->attend(&a);
            a.n_pages = 0;
            continue;
        }
        a.n_pages++;
    }
    if (seq == NULL || a.n_pages == 0)
        return;
    if (base / PAGE < seq->n_pages)
        find_page(t, base / PAGE, &a.next_keys, &a.next_values);
    t->r->kern->attend(&a);
}

/* x = x * a + y * b, four at a time as the compiler then takes registers. */
static void add_scaled(float *x, float a, const float *y, float b, size_t n)
{
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        for (size_t k = 0; k < 4; k++)
            x[i + k] = x[i + k] * a + y[i + k] * b;
    }
    for (; i < n; i++)
        x[i] = x[i] * a + y[i] * b;
}

/* A row's sums of one chunk to those of the chunks before. */
static void merge_row(float *most, float *weight, float *sums, float chunk_most, float chunk_weight,
                      const float *chunk_sums, size_t n)
{
    float largest = chunk_most > *most ? chunk_most : *most;
    float before = *most == largest ? 1.0f : expf(*most - largest);
    float now = chunk_most == largest ? 1.0f : expf(chunk_most - largest);

    *most = largest;
    *weight = *weight * before + chunk_weight * now;
    add_scaled(sums, before, chunk_sums, now, n);
}

/* The row's attention: sums over weights; a sink takes weight and adds no value. */
static void end_row(const struct wf_runner *r, const struct tiling *tiling, size_t i_tok,
                    size_t head, float most, float weight, const float *sums)
{
    size_t n = r->p->value_dim;
    float *out = r->att + (i_tok * tiling->lp->n_heads + head) * n, scale = 1.0f;

    if (tiling->sinks != NULL) {
        float sink = tiling->sinks[head], largest = fmaxf(most, sink);
        scale = expf(most - largest);
        weight = weight * scale + expf(sink - largest);
    }
    memset(out, 0, n * sizeof(*out));
    if (weight != 0.0f)
        r->kern->axpy(scale / weight, sums, out, n);
}

static void end_rows(const struct tile *t)
{
    size_t n = t->tiling->n_heads;

    for (size_t row = 0; row < t->n_rows; row++)
        end_row(t->r, t->tiling, t->i_tok + row / n, t->head + row % n, t->sums.most[row],
                t->sums.weight[row], t->sums.sums + row * t->r->p->value_dim);
}

/* Where the sums of a row's chunk are kept while a tile is split: the largest score, the weight,
 * the sums. */
static float *partial(const struct wf_runner *r, const struct tiling *tiling, size_t i_tok,
                      size_t head, size_t i_chunk)
{
    size_t row = i_tok * tiling->lp->n_heads + head;

    return r->partials + (row * tiling->n_chunks + i_chunk) * (r->p->value_dim + 2);
}

static void keep_partials(const struct tile *t, const struct sums *s, size_t i_chunk)
{
    size_t n = t->tiling->n_heads, d = t->r->p->value_dim;

    for (size_t row = 0; row < t->n_rows; row++) {
        float *to = partial(t->r, t->tiling, t->i_tok + row / n, t->head + row % n, i_chunk);
        to[0] = s->most[row];
        to[1] = s->weight[row];
        memcpy(to + 2, s->sums + row * d, d * sizeof(*to));
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
    size_t n_items; /* tiles times groups of heads times chunks that they are split into */
};

/* Chunk i_chunk of a tile's positions [from, to). */
static void meet_chunk(struct tile *t, const struct sums *s, size_t i_chunk, size_t from, size_t to)
{
    size_t first = i_chunk * CHUNK, last = first + CHUNK;

    first = first > from / PAGE * PAGE ? first : from / PAGE * PAGE;
    last = last < to ? last : to;
    begin_sums(t, s);
    meet_pages(t, s, first, last);
}

static void meet_all(struct tile *t, size_t from, size_t to)
{
    size_t d = t->r->p->value_dim;

    meet_chunk(t, &t->sums, from / CHUNK, from, to);
    for (size_t i = from / CHUNK + 1; i * CHUNK < to; i++) {
        meet_chunk(t, &t->chunk, i, from, to);
        for (size_t row = 0; row < t->n_rows; row++)
            merge_row(&t->sums.most[row], &t->sums.weight[row], t->sums.sums + row * d,
                      t->chunk.most[row], t->chunk.weight[row], t->chunk.sums + row * d, d);
    }
    end_rows(t);
}

static void attend_item(const struct run *run, size_t i_item, size_t i_member)
{
    const struct tiling *tiling = run->tiling;
    const struct wf_runner *r = run->r;
    size_t n_groups = tiling->lp->n_heads / tiling->n_heads, from, to, last, left;
    size_t i_chunk = i_item / (tiling->n_tiles * n_groups);
    size_t i_tile = i_item % (tiling->n_tiles * n_groups);
    struct tile t = {.r = r,
                     .tiling = tiling,
                     .i_tok = r->tile_first[i_tile / n_groups],
                     .head = i_tile % n_groups * tiling->n_heads};
    struct room room = {.floats = r->tiles + i_member * wf_transformer__tile_floats(r->p)};

    left = r->places[t.i_tok].i_first + r->places[t.i_tok].n_part - t.i_tok;
    t.n_tok = left < tiling->n_tokens ? left : tiling->n_tokens;
    t.kv_head = t.head / (tiling->lp->n_heads / tiling->lp->n_kv_heads);
    t.n_rows = t.n_tok * tiling->n_heads;
    t.is_unpacked = r->kv == NULL || (wf_kv_kind(r->kv) == WF_KV_Q8_0 && r->act == WF_ACT_F32);
    sees(r, tiling, t.i_tok, &from, &to);
    sees(r, tiling, t.i_tok + t.n_tok - 1, &last, &to);
    if (tiling->n_chunks > 1 && (i_chunk < from / CHUNK || i_chunk * CHUNK >= to))
        return;
    lay_out(&t, r->p, t.n_rows, &room);
    begin_rows(&t);
    if (tiling->n_chunks == 1) {
        meet_all(&t, from, to);
        return;
    }
    meet_chunk(&t, &t.sums, i_chunk, from, to);
    keep_partials(&t, &t.sums, i_chunk);
}

/* In turn, not in bands: tiles further on in a text see more of it. */
static void attend_part(void *ud, size_t i, size_t n)
{
    const struct run *run = ud;

    for (size_t k = i; k < run->n_items; k += n)
        attend_item(run, k, i);
}

/* The chunks of rows that were split, in their order. */
static void merge_part(void *ud, size_t i, size_t n)
{
    const struct run *run = ud;
    const struct tiling *tiling = run->tiling;
    const struct wf_runner *r = run->r;
    size_t n_heads = tiling->lp->n_heads, from, to, row, last;

    wf_gang_part(r->n_tok * n_heads, 1, i, n, &row, &last);
    for (; row < last; row++) {
        sees(r, tiling, row / n_heads, &from, &to);
        float *s = partial(r, tiling, row / n_heads, row % n_heads, from / CHUNK);
        for (size_t k = from / CHUNK + 1; k * CHUNK < to; k++) {
            const float *more = partial(r, tiling, row / n_heads, row % n_heads, k);
            merge_row(&s[0], &s[1], s + 2, more[0], more[1], more + 2, r->p->value_dim);
        }
        end_row(r, tiling, row / n_heads, row % n_heads, s[0], s[1], s + 2);
    }
}

/* Positions that all tokens see together, about. */
static size_t n_seen(const struct wf_runner *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_tok; i++)
        n += r->places[i].seq != NULL ? (size_t)r->places[i].position + 1 : r->places[i].n_keys;
    return n;
}

/* How many chunks tiles are split into: all that the longest text has, where tiles are few. */
static size_t split(const struct wf_runner *r, const struct tiling *tiling)
{
    size_t n_rows = r->n_tok * tiling->lp->n_heads, n_chunks, most = 0;

    if (r->kv == NULL ||
        tiling->n_tiles * tiling->lp->n_kv_heads >= TILES_PER_THREAD * wf_gang_size(r->gang))
        return 1;
    for (size_t i = 0; i < r->n_tok; i++)
        most = r->places[i].position > most ? r->places[i].position : most;
    n_chunks = most / CHUNK + 1;
    return n_chunks * n_rows * (r->p->value_dim + 2) <= r->n_partials ? n_chunks : 1;
}

void wf_transformer__attend_tiles(struct wf_runner *r, size_t i_layer)
{
    struct tiling tiling = {.lp = &r->p->layers[i_layer],
                            .sinks = r->model->weights.layers[i_layer].sinks,
                            .i_layer = i_layer};
    struct run run = {.r = r, .tiling = &tiling};
    size_t group = tiling.lp->n_heads / tiling.lp->n_kv_heads;

    tiling.n_heads = group;
    /* An encoder's tokens all see the same: the more rows share what was unpacked, the better. */
    tiling.n_tokens = ROWS / group > TOKENS_MAX && r->kv != NULL ? TOKENS_MAX : ROWS / group;
    tiling.n_tokens = tiling.n_tokens > 0 ? tiling.n_tokens : 1;
    tiling.n_tiles = list_tiles(r, tiling.n_tokens);
    tiling.n_chunks = split(r, &tiling);
    run.n_items = tiling.n_tiles * tiling.lp->n_kv_heads * tiling.n_chunks;
    if (n_seen(r) * tiling.lp->n_heads * r->p->head_dim < PRODUCTS_ALONE) {
        attend_part(&run, 0, 1);
        if (tiling.n_chunks > 1)
            merge_part(&run, 0, 1);
        return;
    }
    wf_gang_run(r->gang, attend_part, &run);
    if (tiling.n_chunks > 1)
        wf_gang_run(r->gang, merge_part, &run);
}
