/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 products of weights with many tokens: what reading a prompt does, and what arithmetic
 * bounds. Lanes and units are told in avx512_many.h.
 *
 * WF_PANEL_UNITS units of WF_PANEL_ROWS rows are unpacked at once into a panel, which all tokens go
 * by in tiles; it and as many bytes of the tokens stay in the second cache, or nearly. So every
 * weight is unpacked once for TOKENS tokens, and sums of a panel are added to `out`. While tiles
 * are multiplied, what the next panel is unpacked from is asked for. */
#ifdef __x86_64__
#include <string.h>

#include "kern/avx512_internal.h"
#include "kern/avx512_many.h"

#define TOKENS 512 /* that go by a panel */
/* Bytes that float rows get, so that they do not all meet in one set of a cache. */
#define ROW_APART 64

/* How a type is multiplied. */
struct path {
    wf_panel_fn unpack;
    wf_sweep_fn sweep;
    size_t values; /* a panel's, of each row */
};

static bool as_bf16(const struct wf_dtype *t)
{
    return t->id == WF_DTYPE_BF16 && wf_avx512__has_bf16();
}

static struct path path_of(const struct wf_dtype *t)
{
    if (as_bf16(t))
        return (struct path){wf_avx512__bf16_panel, wf_avx512__bf16_sweep, 2 * WF_PANEL_UNITS};
    if (t->block == 1)
        return (struct path){wf_avx512__float_panel_of(t), wf_avx512__float_sweep, WF_PANEL_UNITS};
    return (struct path){wf_avx512__panel_of(t), wf_avx512__sweep_of(t), WF_PANEL_VALUES};
}

size_t wf_avx512__many_row(const struct wf_dtype *t, size_t n_in)
{
    if (as_bf16(t))
        return (n_in + 1) / 2 * sizeof(float) + ROW_APART;
    if (t->block == 1)
        return n_in * sizeof(float) + ROW_APART;
    return wf_avx512__bytes_row(t, n_in);
}

void wf_avx512__many_prepare(const struct wf_dtype *t, const float *x, size_t n_in, void *row)
{
    if (as_bf16(t))
        wf_avx512__bf16_prepare(x, n_in, row);
    else if (t->block == 1)
        memcpy(row, x, n_in * sizeof(float));
    else
        wf_avx512__bytes_prepare(t, x, n_in, row);
}

/* All rows of values [s->from, s->from + s->n) with n_tok tokens from i_tok on. */
static void multiply_values(const struct wf_dtype *t, const struct path *path,
                            const struct wf_avx512_rows *a, struct wf_sweep *s, size_t i_tok,
                            size_t n_tok)
{
    struct wf_panel p;

    for (size_t row = 0; row < a->n_rows; row += WF_PANEL_ROWS) {
        size_t left = a->n_rows - row, then = left > WF_PANEL_ROWS ? left - WF_PANEL_ROWS : 0;
        const uint8_t *w = a->w + row * a->row_bytes;
        struct wf_next next = {.w = w + WF_PANEL_ROWS * a->row_bytes + wf_dtype_bytes(t, s->from),
                               .row_bytes = a->row_bytes,
                               .n_rows = then < WF_PANEL_ROWS ? then : WF_PANEL_ROWS,
                               .bytes = wf_dtype_bytes(t, s->n)};
        s->out = a->out + i_tok * a->ld + row;
        s->n_rows = left < WF_PANEL_ROWS ? left : WF_PANEL_ROWS;
        path->unpack(w, a->row_bytes, s->n_rows, s->from, s->n, &p);
        path->sweep(&p, s, n_tok, &next);
    }
}

/* Values of a row that go into a panel at once: at most `most`, panels being as equal as can be. */
static size_t values_each(const struct wf_dtype *t, size_t n_in, size_t most)
{
    size_t n_panels = (n_in + most - 1) / most, unit = t->block == 1 ? 64 : 256;
    size_t each = (n_in + n_panels - 1) / n_panels;

    return (each + unit - 1) / unit * unit;
}

void wf_avx512__multiply_many(const struct wf_dtype *t, const struct wf_avx512_rows *a,
                              size_t n_tok)
{
    float tile[WF_TILE][WF_PANEL_ROWS] __attribute__((aligned(64)));
    struct path path = path_of(t);
    size_t values = values_each(t, a->n_in, path.values);
    size_t n_parts = (n_tok + TOKENS - 1) / TOKENS, end = 0;

    for (size_t part = 0; part < n_parts; part++) {
        size_t i = end;
        end = n_tok * (part + 1) / n_parts;
        for (size_t from = 0; from < a->n_in; from += values) {
            size_t left = a->n_in - from;
            struct wf_sweep s = {.x = a->x + i * a->x_bytes,
                                 .x_bytes = a->x_bytes,
                                 .from = from,
                                 .n = left < values ? left : values,
                                 .ld = a->ld,
                                 .adds = from > 0,
                                 .tile = tile};
            if (t->block == 1) {
                s.q_at = from * (as_bf16(t) ? sizeof(uint16_t) : sizeof(float));
            } else if (t->block == 256) {
                s.low_at = wf_avx512__low_at(t, a->n_in, from);
                s.q_at = wf_avx512__bytes_at(t, a->n_in) + from;
            }
            multiply_values(t, &path, a, &s, i, end - i);
        }
    }
}
#endif
