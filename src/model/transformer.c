/* SPDX-License-Identifier: Apache-2.0 */
/* Models, runners, and the pass through all layers.
 *
 * A batch is checked whole before anything is written; then pages are reserved for every text, and
 * given back if one fails. Each layer adds two halves to the residual stream x: attention (or a
 * convolution) and a feed-forward. Decoders norm before a half (some behind it too), encoders norm
 * the sum. Only rows whose logits are wanted go through all of the last layer, and meet the output
 * matrix. */
#include "model/transformer.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/config.h"
#include "base/limits.h"
#include "model/pack.h"
#include "model/transformer_internal.h"
#include "os/cores.h"

#define BATCH_DEFAULT 512
#define CACHE_LINE 64

int wf_model_open_gguf(struct wf_gguf *g, struct wf_model **out, struct wf_err *err)
{
    struct wf_model *m = wf_alloc_array(1, sizeof(*m));
    int rc;

    if (m == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a model.");
    rc = wf_params_read(g, &m->params, err);
    if (rc == 0)
        rc = wf_weights_load(g, &m->params, &m->weights, err);
    if (rc != 0) {
        wf_model_close(m); /* the file stays the caller's */
        return rc;
    }
    m->gguf = g;
    *out = m;
    return 0;
}

int wf_model_open(const char *path, struct wf_model **out, struct wf_err *err)
{
    struct wf_gguf *g = NULL;
    int rc = wf_gguf_open(path, &g, err);

    if (rc == 0) {
        rc = wf_model_open_gguf(g, out, err);
        if (rc != 0)
            wf_gguf_close(g);
    }
    return rc;
}

int wf_model_pack(struct wf_model *m, size_t n_threads, struct wf_err *err)
{
    assert(m->weights.packed == NULL);
    return wf_weights_pack(&m->weights, m->params.n_layers, m->gguf, wf_kern(),
                           n_threads > 0 ? n_threads : wf_cores_fast(), err);
}

void wf_model_close(struct wf_model *m)
{
    if (m == NULL)
        return;
    wf_weights_deinit(&m->weights);
    wf_params_deinit(&m->params);
    wf_gguf_close(m->gguf);
    wf_free(m);
}

const struct wf_gguf *wf_model_gguf(const struct wf_model *m)
{
    return m->gguf;
}

const struct wf_params *wf_model_params(const struct wf_model *m)
{
    return &m->params;
}

uint64_t wf_model_weight_bytes(const struct wf_model *m)
{
    return m->weights.bytes;
}

static bool is_encoder(const struct wf_runner *r)
{
    return wf_family_sees_all(r->p->family);
}

/* One buffer of n items; remembers a failure in *io_ok. */
static void *buffer(struct wf_runner *r, size_t n, size_t width, size_t item_bytes, bool *io_ok)
{
    void *p;

    if (width == 0 || !*io_ok)
        return NULL;
    p = n <= SIZE_MAX / width ? wf_alloc_array(n * width, item_bytes) : NULL;
    *io_ok = p != NULL;
    r->bytes += n * width * item_bytes;
    return p;
}

/* Rows of the buffers: products may take more than a batch's tokens, see multiply. */
static size_t rows_max(const struct wf_runner *r)
{
    return r->n_batch + r->kern->n_wide;
}

/* The most bytes that a batch's prepared rows take, over all matrices. */
static size_t prepared_bytes_max(const struct wf_runner *r, size_t width)
{
    size_t n, max = 0;

    for (size_t i = 0; wf_dtype_at(i) != NULL; i++) {
        n = r->kern->act_bytes(wf_dtype_at(i), r->act, (width + 255) / 256 * 256, rows_max(r));
        max = n > max ? n : max;
    }
    return max;
}

/* Encoders of many short texts meet the same positions again and again; their contexts are short
 * and no layer is windowed. */
static bool keeps_turns(const struct wf_runner *r)
{
    return (r->p->family->flags & WF_FAMILY_BOTH_WAYS) != 0;
}

static int make_buffers(struct wf_runner *r, struct wf_err *err)
{
    const struct wf_params *p = r->p;
    size_t n = rows_max(r), f = sizeof(float), ff = wf_params_ff_max(p);
    size_t q = wf_params_q_dim_max(p), kv = wf_params_kv_dim_max(p);
    size_t att = p->conv_len > 0 && (size_t)3 * p->dim > q ? (size_t)3 * p->dim : q;
    size_t wide = att > p->dim ? att : p->dim;
    bool ok = true;

    wide = ff > wide ? ff : wide;
    r->places = buffer(r, n, 1, sizeof(*r->places), &ok);
    r->x = buffer(r, n, p->dim, f, &ok);
    r->h = buffer(r, n, p->dim, f, &ok);
    r->y = buffer(r, n, p->dim, f, &ok);
    r->q = buffer(r, n, q, f, &ok);
    r->k = buffer(r, n, kv, f, &ok);
    r->v = buffer(r, n, kv, f, &ok);
    r->att = buffer(r, n, att, f, &ok);
    r->gate = buffer(r, n, ff, f, &ok);
    r->up = buffer(r, n, ff, f, &ok);
    r->probs = buffer(r, n, p->n_experts, f, &ok);
    r->chosen = buffer(r, n, p->n_experts_used, sizeof(*r->chosen), &ok);
    r->chosen_weight = buffer(r, n, p->n_experts_used, f, &ok);
    r->expert_rows = buffer(r, n, 1, sizeof(*r->expert_rows), &ok);
    r->expert_weight = buffer(r, n, p->n_experts > 0, f, &ok);
    r->expert_in = buffer(r, n, p->n_experts > 0 ? p->dim : 0, f, &ok);
    r->expert_out = buffer(r, n, p->n_experts > 0 ? p->dim : 0, f, &ok);
    r->prepared_room = buffer(r, prepared_bytes_max(r, wide) + CACHE_LINE, 1, 1, &ok);
    if (ok) /* kernels read whole lines of it, again and again */
        r->prepared = r->prepared_room + (CACHE_LINE - (uintptr_t)r->prepared_room % CACHE_LINE);
    r->times = buffer(r, wf_gang_size(r->gang), 2, sizeof(*r->times), &ok);
    r->tiles = buffer(r, wf_gang_size(r->gang), wf_transformer__tile_floats(p), f, &ok);
    r->tile_first = buffer(r, n, 1, sizeof(*r->tile_first), &ok);
    r->n_partials = is_encoder(r) ? 0 : wf_transformer__partial_floats(p, r->n_context);
    r->partials = buffer(r, r->n_partials, 1, f, &ok);
    for (int i = 0; i < 2; i++) {
        r->angles[i] = keeps_turns(r) ? NULL : buffer(r, n, p->n_rot, f, &ok);
        r->frequencies[i] = buffer(r, 1, p->n_rot, sizeof(double), &ok);
    }
    if (keeps_turns(r))
        r->turns = buffer(r, r->n_context, p->n_rot, f, &ok);
    return ok ? 0
              : wf_err_set(err, WF_E_NOMEM,
                           "Not enough memory for batches of %zu tokens and a context of %zu.", n,
                           r->n_context);
}

static void make_frequencies(struct wf_runner *r)
{
    const struct wf_weights *w = &r->model->weights;
    const float *factors = w->rope_factors;

    if (r->p->family->rope == WF_ROPE_NONE)
        return;
    if (factors == NULL)
        factors = r->n_context > r->p->rope_context ? w->rope_long : w->rope_short;
    for (int i = 0; i < 2; i++)
        r->turned_length[i] = wf_rope_frequencies(r->p, i == 1, factors, r->frequencies[i]);
    for (size_t i = 0; i < r->n_context && r->turns != NULL; i++)
        wf_rope_angles(r->frequencies[0], r->p->n_rot / 2, i, r->turned_length[0],
                       r->turns + i * r->p->n_rot);
}

static int check_options(struct wf_runner *r, const struct wf_runner_options *o, struct wf_err *err)
{
    size_t most = is_encoder(r) ? r->p->n_context : WF_LIMIT_MODEL_CONTEXT;

    r->kern = o->kern != NULL ? o->kern : wf_kern();
    assert(r->model->weights.packed == NULL || r->kern->packed != NULL);
    r->act = o->act;
    r->n_context = o->n_context > 0 ? o->n_context : r->p->n_context;
    r->n_batch = o->n_batch > 0 ? o->n_batch : is_encoder(r) ? r->n_context : BATCH_DEFAULT;
    if (r->n_context > most || r->n_batch > WF_LIMIT_MODEL_BATCH)
        return wf_err_set(
            err, WF_E_INVAL,
            "A context of %zu tokens (%zu at once) is more than the model takes (%zu).",
            r->n_context, r->n_batch, most);
    return 0;
}

int wf_runner_new(const struct wf_model *m, const struct wf_runner_options *o,
                  struct wf_runner **out, struct wf_err *err)
{
    struct wf_runner *r = wf_alloc_array(1, sizeof(*r));
    size_t n_threads = o->n_threads > 0 ? o->n_threads : wf_cores_fast();
    int rc;

    if (r == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to run a model.");
    r->model = m;
    r->p = &m->params;
    r->n_written = SIZE_MAX;
    r->power = o->power;
    r->is_fixed = o->is_fixed;
    rc = check_options(r, o, err);
    if (rc == 0)
        rc = wf_gang_new(n_threads < WF_GANG_MEMBERS_MAX ? n_threads : WF_GANG_MEMBERS_MAX,
                         &r->gang, err);
    if (rc == 0 && !is_encoder(r))
        rc = wf_kv_new(r->p, o->kv, o->n_cache_tokens > 0 ? o->n_cache_tokens : r->n_context,
                       &r->kv, err);
    if (rc == 0)
        rc = make_buffers(r, err);
    if (rc != 0) {
        wf_runner_free(r);
        return rc;
    }
    make_frequencies(r);
    for (size_t i = 0; i < WF_ARRAY_LEN(r->throttles); i++)
        wf_throttle_init(&r->throttles[i], wf_gang_size(r->gang));
    wf_gang_while_waiting(r->gang, wf_transformer__fetch, r);
    *out = r;
    return 0;
}

void wf_runner_free(struct wf_runner *r)
{
    if (r == NULL)
        return;
    void *all[] = {r->places,
                   r->x,
                   r->h,
                   r->y,
                   r->q,
                   r->k,
                   r->v,
                   r->att,
                   r->gate,
                   r->up,
                   r->probs,
                   r->chosen,
                   r->chosen_weight,
                   r->expert_rows,
                   r->expert_weight,
                   r->expert_in,
                   r->expert_out,
                   r->prepared_room,
                   r->times,
                   r->tiles,
                   r->tile_first,
                   r->partials,
                   r->angles[0],
                   r->angles[1],
                   r->frequencies[0],
                   r->frequencies[1],
                   r->turns};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        wf_free(all[i]);
    wf_kv_free(r->kv);
    wf_gang_free(r->gang);
    wf_free(r);
}

struct wf_kv *wf_runner_kv(struct wf_runner *r)
{
    return r->kv;
}

size_t wf_runner_n_context(const struct wf_runner *r)
{
    return r->n_context;
}

size_t wf_runner_n_few(const struct wf_runner *r)
{
    return r->kern->n_wide > 1 && !r->model->weights.is_packed ? r->kern->n_wide - 1 : SIZE_MAX;
}

size_t wf_runner_n_batch(const struct wf_runner *r)
{
    return r->n_batch;
}

size_t wf_runner_bytes(const struct wf_runner *r)
{
    return r->bytes;
}

/* A token's embedding (and position, and type 0) into x, and the angles of its position. */
static void embed_token(struct wf_runner *r, const void *ud, size_t i_tok, size_t i_member)
{
    const int32_t *ids = ud;
    const struct wf_params *p = r->p;
    const struct wf_weights *w = &r->model->weights;
    size_t position = r->places[i_tok].position;
    float *x = r->x + i_tok * p->dim, *other = r->h + i_tok * p->dim;

    (void)i_member;
    wf_matrix_row(&w->embed, (size_t)ids[i_tok], x);
    if (r->parts != NULL)
        wf_transformer__adapt_embedding(r, i_tok, ids[i_tok], x);
    for (size_t i = 0; i < p->dim && p->embed_scale != 1.0f; i++)
        x[i] *= p->embed_scale;
    for (size_t k = 0; r->marks != NULL && r->marks->bits[i_tok] >> k != 0; k++) {
        if (r->marks->bits[i_tok] >> k & 1)
            r->kern->axpy(1.0f, r->marks->rows + k * p->dim, x, p->dim);
    }
    if (w->positions.format != NULL) {
        wf_matrix_row(&w->positions, position, other);
        r->kern->axpy(1.0f, other, x, p->dim);
    }
    if (w->types.format != NULL) {
        wf_matrix_row(&w->types, 0, other);
        r->kern->axpy(1.0f, other, x, p->dim);
    }
    for (int i = 0; i < 2 && p->family->rope != WF_ROPE_NONE && r->turns == NULL; i++)
        wf_rope_angles(r->frequencies[i], p->n_rot / 2, position, r->turned_length[i],
                       r->angles[i] + i_tok * p->n_rot);
}

/* The norms of a layer: before attention, behind it, before the feed-forward, behind it. */
static struct wf_norm norm_of(const struct wf_layer_weights *w, size_t k)
{
    const struct wf_norm all[] = {{w->attn_norm, w->attn_norm_bias},
                                  {w->attn_post_norm, w->attn_post_norm_bias},
                                  {w->ffn_norm, w->ffn_norm_bias},
                                  {w->ffn_post_norm, w->ffn_post_norm_bias}};

    return all[k];
}

int wf_transformer__run(struct wf_runner *r, const int32_t *ids, const atomic_bool *stop,
                        struct wf_err *err)
{
    const struct wf_weights *w = &r->model->weights;
    size_t i_conv = 0;

    wf_transformer__each(r, r->n_tok, embed_token, ids);
    if (w->embed_norm != NULL)
        wf_transformer__norm(r, r->x, w->embed_norm, w->embed_norm_bias, r->n_tok, r->x);
    wf_transformer__begin_half(r, norm_of(w->layers, 0));
    for (size_t i = 0; i < r->p->n_layers; i++) {
        const struct wf_layer_weights *lw = &w->layers[i];
        bool is_last = i + 1 == r->p->n_layers;
        struct wf_norm ffn = norm_of(lw, 2), next = is_last ? ffn : norm_of(lw + 1, 0);
        /* Relaxed: the flag orders nothing, a layer later is soon enough. A convolution's state has
         * moved on by then, so such models finish their pass. */
        if (stop != NULL && r->p->conv_len == 0 && atomic_load_explicit(stop, memory_order_relaxed))
            return wf_err_set(err, WF_E_CANCELED, "The request was given up.");
        if (lw->conv != NULL)
            wf_transformer__convolve(r, i, i_conv++);
        else
            wf_transformer__attend(r, i);
        if (r->n_tok == 0)
            break;
        wf_transformer__end_half(r, norm_of(lw, 1), &ffn);
        wf_transformer__feed_forward(r, i);
        wf_transformer__end_half(r, norm_of(lw, 3), is_last ? NULL : &next);
    }
    return 0;
}

/* The logits of the rows that left the last layer. */
static void make_logits(struct wf_runner *r, float *out)
{
    const struct wf_params *p = r->p;
    const struct wf_weights *w = &r->model->weights;
    size_t n = r->n_tok;
    struct wf_product last = {.matrix = &w->output, .out = out, .ld = p->n_vocab};

    wf_transformer__norm(r, r->x, w->output_norm, w->output_norm_bias, n, r->h);
    wf_transformer__multiply(r, r->h, n, &last, 1);
    for (size_t i = 0; i < n * p->n_vocab && p->logit_scale != 1.0f; i++)
        out[i] *= p->logit_scale;
    for (size_t i = 0; i < n * p->n_vocab && p->logit_cap != 0.0f; i++)
        out[i] = p->logit_cap * tanhf(out[i] / p->logit_cap);
}

int wf_transformer__check_ids(const struct wf_runner *r, const int32_t *ids, size_t n,
                              struct wf_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || (uint32_t)ids[i] >= r->p->n_vocab)
            return wf_err_set(err, WF_E_RANGE, "Token %d is not in the model's vocabulary of %u.",
                              ids[i], r->p->n_vocab);
    }
    return 0;
}

static int check_parts(const struct wf_runner *r, const struct wf_batch_part *parts, size_t n_parts,
                       struct wf_err *err)
{
    size_t n = 0;
    int rc = 0;

    if (is_encoder(r))
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "The model makes embeddings, it does not write text.");
    for (size_t i = 0; i < n_parts && rc == 0; i++) {
        assert(parts[i].n > 0);
        assert(parts[i].n_logits <= parts[i].n);
        assert(i == 0 || parts[i].reads >= parts[i - 1].reads);
        n += parts[i].n;
        rc = wf_transformer__check_ids(r, parts[i].ids, parts[i].n, err);
        if (rc == 0 && parts[i].seq->n_tokens + parts[i].n > r->n_context)
            rc = wf_err_set(err, WF_E_RANGE, "The text is longer than the context of %zu tokens.",
                            r->n_context);
    }
    if (rc == 0 && n > r->n_batch)
        rc = wf_err_set(err, WF_E_RANGE, "A batch takes %zu tokens, not %zu.", r->n_batch, n);
    return rc;
}

/* Writes the places of all tokens and copies their ids together into io_ids [n_batch]. */
static void place_parts(struct wf_runner *r, const struct wf_batch_part *parts, size_t n_parts,
                        int32_t *io_ids)
{
    r->n_tok = r->n_written = 0;
    r->parts = NULL;
    for (size_t i = 0; i < n_parts; i++) {
        if (parts[i].n_adapters > 0)
            r->parts = parts;
        if (!parts[i].reads)
            r->n_written += parts[i].n;
        size_t first = r->n_tok;
        for (size_t j = 0; j < parts[i].n; j++, r->n_tok++) {
            r->places[r->n_tok] =
                (struct wf_place){.seq = parts[i].seq,
                                  .position = (uint32_t)(parts[i].seq->n_tokens + j),
                                  .i_first = (uint32_t)first,
                                  .n_part = (uint32_t)parts[i].n,
                                  .i_part = (uint32_t)i,
                                  .is_wanted = j >= parts[i].n - parts[i].n_logits};
            io_ids[r->n_tok] = parts[i].ids[j];
        }
    }
}

/* A pass whose parts are checked and have room. */
static int eval(struct wf_runner *r, const struct wf_batch_part *parts, size_t n_parts,
                const atomic_bool *stop, float *out_logits, struct wf_err *err)
{
    /* Ids travel in y's place, which is written after they are read. */
    int32_t *ids = (int32_t *)(void *)r->y;
    size_t n_tok;
    int rc;

    place_parts(r, parts, n_parts, ids);
    n_tok = r->n_tok;
    wf_transformer__begin_pass(r, n_tok);
    rc = wf_transformer__run(r, ids, stop, err);
    r->n_written = SIZE_MAX;
    if (rc == 0 && r->n_tok > 0)
        make_logits(r, out_logits);
    wf_transformer__end_pass(r, n_tok, rc == 0);
    r->parts = NULL;
    return rc;
}

int wf_runner_eval(struct wf_runner *r, const struct wf_batch_part *parts, size_t n_parts,
                   const atomic_bool *stop, float *out_logits, struct wf_err *err)
{
    int rc = check_parts(r, parts, n_parts, err);

    for (size_t i = 0; i < n_parts && rc == 0; i++)
        rc = wf_seq_reserve(parts[i].seq, parts[i].n, err);
    if (rc == 0)
        rc = eval(r, parts, n_parts, stop, out_logits, err);
    for (size_t i = 0; i < n_parts; i++) {
        if (rc == 0)
            parts[i].seq->n_tokens += parts[i].n;
        else
            (void)wf_seq_truncate(parts[i].seq, parts[i].seq->n_tokens); /* gives pages back */
    }
    return rc;
}
