/* SPDX-License-Identifier: Apache-2.0 */
/* Lens static: rows are unpacked while they are added, a token at a time: with one bit a value a
 * row is 24 bytes, and the whole table stays in the processor's caches. Everything is checked when
 * it is opened; adding trusts it. */
#include "model/lens_static.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "kern/dtype.h"
#include "model/lens.h"

#define SIZE_LARGEST 1e6f /* so that sums stay finite */

struct wf_lens_static {
    const unsigned char *codes;              /* [n_tokens, row_bytes] */
    float *sizes;                            /* [n_tokens] */
    float levels[WF_LENS_STATIC_LEVELS_MAX]; /* [2^bits] */
    size_t n_tokens, width, row_bytes;
    unsigned bits;
    float share;
};

static int bad(struct wf_err *err, const char *what)
{
    return wf_err_set(err, WF_E_FORMAT,
                      "The lens file cannot be used: its table of tokens' vectors: %s.", what);
}

static bool are_sane(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!(fabsf(x[i]) <= SIZE_LARGEST))
            return false;
    }
    return true;
}

static int check(const struct wf_lens_static_parts *p, struct wf_err *err)
{
    if (p->bits != 1 && p->bits != 2 && p->bits != 4)
        return bad(err, "codes of that many bits are unknown");
    if (p->width == 0 || p->width % 8 != 0 || p->width > WF_LENS_STATIC_WIDTH_MAX)
        return bad(err, "rows of that many values are impossible");
    if (p->n_tokens > SIZE_MAX / WF_LENS_STATIC_WIDTH_MAX ||
        p->codes.len < p->n_tokens * (p->width * p->bits / 8))
        return bad(err, "its codes break off");
    if (!(p->share > 0) || !are_sane(&p->share, 1) || !are_sane(p->levels, (size_t)1 << p->bits) ||
        !are_sane(p->sizes, p->n_tokens))
        return bad(err, "a number is out of range");
    return 0;
}

int wf_lens_static_read(const struct wf_lens_static_parts *p, struct wf_lens_static **out,
                        struct wf_err *err)
{
    int rc = check(p, err);
    struct wf_lens_static *s;

    if (rc != 0)
        return rc;
    s = wf_alloc_array(1, sizeof(*s));
    if (s != NULL)
        s->sizes = wf_alloc_array(p->n_tokens + 1, sizeof(*s->sizes));
    if (s == NULL || s->sizes == NULL) {
        wf_lens_static_close(s);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a table of tokens' vectors.");
    }
    memcpy(s->sizes, p->sizes, p->n_tokens * sizeof(*p->sizes));
    memcpy(s->levels, p->levels, ((size_t)1 << p->bits) * sizeof(*p->levels));
    s->codes = (const unsigned char *)p->codes.ptr;
    s->n_tokens = p->n_tokens;
    s->width = p->width;
    s->bits = p->bits;
    s->row_bytes = (size_t)p->width * p->bits / 8;
    s->share = p->share;
    *out = s;
    return 0;
}

void wf_lens_static_close(struct wf_lens_static *s)
{
    if (s == NULL)
        return;
    wf_free(s->sizes);
    wf_free(s);
}

size_t wf_lens_static_width(const struct wf_lens_static *s)
{
    return s->width;
}

/* ---- in a file ---- */

static bool read_u32(const struct wf_gguf *g, const char *key, uint32_t *out)
{
    uint64_t v = 0;

    if (!wf_gguf_u64(g, key, &v) || v > UINT32_MAX)
        return false;
    *out = (uint32_t)v;
    return true;
}

/* A vector of n values as float32, owned by the caller. Errors: FORMAT, NOMEM. */
static int read_floats(const struct wf_gguf *g, const char *name, size_t n, float **out,
                       struct wf_err *err)
{
    const struct wf_gguf_tensor *t = wf_gguf_tensor(g, name);
    float *copy;

    if (t == NULL || t->n_dims != 1 || t->dims[0] != n ||
        (t->type != WF_DTYPE_F32 && t->type != WF_DTYPE_F16))
        return bad(err, "a part is missing or of a wrong shape");
    copy = wf_alloc_array(n + 1, sizeof(*copy));
    if (copy == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a table of tokens' vectors.");
    wf_dtype_by_id(t->type)->unpack(t->data, copy, n);
    *out = copy;
    return 0;
}

int wf_lens_static_open(const struct wf_gguf *g, size_t n_tokens, struct wf_lens_static **out,
                        struct wf_err *err)
{
    struct wf_lens_static_parts p = {.n_tokens = n_tokens};
    const struct wf_gguf_value *codes = wf_gguf_value(g, "lens.embedding.static.codes");
    float *levels = NULL, *sizes = NULL;
    double share = 0;
    int rc;

    *out = NULL;
    if (codes == NULL)
        return 0;
    if (codes->item_kind != WF_GGUF_I32 || !read_u32(g, "lens.embedding.static.width", &p.width) ||
        !read_u32(g, "lens.embedding.static.bits", &p.bits) || p.bits > 4 ||
        !wf_gguf_f64(g, "lens.embedding.static.share", &share))
        return bad(err, "a part is missing or of a wrong shape");
    p.codes = wf_gguf_item_bytes(codes);
    p.share = (float)share;
    rc = read_floats(g, "lens.embedding.static.levels", (size_t)1 << p.bits, &levels, err);
    if (rc == 0)
        rc = read_floats(g, "lens.embedding.static.sizes", n_tokens, &sizes, err);
    p.levels = levels;
    p.sizes = sizes;
    if (rc == 0)
        rc = wf_lens_static_read(&p, out, err);
    wf_free(levels);
    wf_free(sizes);
    return rc;
}

/* ---- vectors ---- */

/* x to length 1 and then times `share`; what is no number becomes zeros. */
static void bring_to(float *x, size_t n, float share)
{
    double square = 0;

    for (size_t i = 0; i < n; i++)
        square += (double)x[i] * (double)x[i];
    for (size_t i = 0; i < n; i++)
        x[i] = square > 0 && isfinite(square) ? share * (float)((double)x[i] / sqrt(square)) : 0.0f;
}

static void add_row(const struct wf_lens_static *s, size_t token, float *out)
{
    const unsigned char *codes = s->codes + token * s->row_bytes;
    float levels[WF_LENS_STATIC_LEVELS_MAX];
    unsigned n_levels = 1u << s->bits, per = 8 / s->bits;

    for (unsigned i = 0; i < n_levels; i++)
        levels[i] = s->levels[i] * s->sizes[token];
    for (size_t b = 0; b < s->row_bytes; b++) {
        unsigned c = codes[b];
        for (unsigned i = 0; i < per; i++, c >>= s->bits)
            *out++ += levels[c & (n_levels - 1)];
    }
}

void wf_lens_static_embed(const struct wf_lens_static *s, const int32_t *ids, size_t n, float *out)
{
    memset(out, 0, s->width * sizeof(*out));
    for (size_t i = 0; i < n; i++) {
        if (ids[i] >= 0 && (size_t)ids[i] < s->n_tokens)
            add_row(s, (size_t)ids[i], out);
    }
    bring_to(out, s->width, 1.0f);
}

void wf_lens_static_join(const struct wf_lens_static *s, const int32_t *ids, size_t n, float *io)
{
    size_t n_kept = WF_LENS_DIMS - s->width;

    bring_to(io, n_kept, 1.0f);
    wf_lens_static_embed(s, ids, n, io + n_kept);
    for (size_t i = n_kept; i < WF_LENS_DIMS; i++)
        io[i] *= s->share;
    bring_to(io, WF_LENS_DIMS, 1.0f);
}
