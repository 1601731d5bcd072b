/* SPDX-License-Identifier: Apache-2.0 */
/* Training an adapter. Texts become pieces of a fixed length, each beginning as the model's texts
 * do; a step takes pieces in a shuffled order until its tokens are full, asks for every next word,
 * and goes down the slope with AdamW, the rate rising for a while, then falling to nought. */
#include "train/lora.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "os/thread.h"
#include "train/lora_internal.h"
#include "train/loss.h"
#include "train/optimiser.h"
#include "train/schedule.h"
#include "train/shuffle.h"

#define ASIDE_ONE_IN 10
#define PIECE_MIN 8 /* tokens: less teaches nothing */
#define CLIP 1.0
/* Bytes of scores that a loss takes at most, see loss_words.c. */
#define LOSS_BYTES ((uint64_t)64 << 20)

static int fill_options(struct wf_lora *l, const struct wf_lora_options *o, struct wf_err *err)
{
    struct wf_lora_options *f = &l->o;

    *f = *o;
    f->rank = f->rank > 0 ? f->rank : 8;
    f->alpha = f->alpha > 0.0f ? f->alpha : 2.0f * (float)f->rank;
    f->on = f->on != 0 ? f->on : WF_NET_LORA_ALL;
    f->text_tokens = f->text_tokens > 0 ? f->text_tokens : 256;
    f->text_tokens = WF_MIN(f->text_tokens, l->params.n_context);
    f->batch_tokens = WF_MAX(f->batch_tokens > 0 ? f->batch_tokens : 512, f->text_tokens);
    f->n_epochs = f->n_epochs > 0 ? f->n_epochs : 2;
    f->rate = f->rate > 0 ? f->rate : 1e-4;
    if (f->rank > 256 || f->text_tokens < PIECE_MIN || f->batch_tokens > 1u << 16 ||
        (f->on & ~WF_NET_LORA_ALL) != 0)
        return wf_err_set(err, WF_E_INVAL,
                          "An adapter has a rank of 1 to 256; pieces have %d tokens or more, and a "
                          "step 65,536 at most.",
                          PIECE_MIN);
    return 0;
}

int wf_lora_open(const char *model, const struct wf_lora_options *o, struct wf_lora **out,
                 struct wf_err *err)
{
    struct wf_lora *l = wf_alloc_array(1, sizeof(*l));
    int rc;

    if (l == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for an adapter.");
    rc = wf_gguf_open(model, &l->gguf, err);
    if (rc == 0)
        rc = wf_params_read(l->gguf, &l->params, err);
    if (rc == 0)
        rc = wf_weights_load(l->gguf, &l->params, &l->weights, err);
    if (rc == 0)
        rc = wf_vocab_open(l->gguf, &l->vocab, err);
    if (rc == 0)
        rc = fill_options(l, o, err);
    if (rc != 0) {
        wf_lora_close(l);
        return rc;
    }
    *out = l;
    return 0;
}

void wf_lora_close(struct wf_lora *l)
{
    if (l == NULL)
        return;
    wf_net_free(l->net);
    wf_vocab_close(l->vocab);
    wf_weights_deinit(&l->weights);
    wf_params_deinit(&l->params);
    wf_gguf_close(l->gguf);
    wf_free(l->ids.ptr);
    wf_free(l->starts);
    wf_free(l);
}

/* ---- pieces ---- */

static int begin_piece(struct wf_lora *l)
{
    if (l->n_pieces + 2 > l->cap) {
        size_t cap = l->cap > 0 ? 2 * l->cap : 64;
        uint32_t *grown = wf_realloc_array(l->starts, cap, sizeof(*grown));
        if (grown == NULL)
            return WF_E_NOMEM;
        l->starts = grown;
        l->cap = cap;
    }
    l->starts[l->n_pieces++] = (uint32_t)l->ids.n;
    return 0;
}

/* The tokens of a text as pieces behind the others. */
static int cut(struct wf_lora *l, const struct wf_ids *ids)
{
    int32_t bos = wf_vocab_adds_bos(l->vocab) ? wf_vocab_bos(l->vocab) : WF_TOKEN_NONE;
    size_t head = bos != WF_TOKEN_NONE ? 1 : 0, some;
    int rc = 0;

    for (size_t i = 0; i < ids->n && rc == 0; i += some) {
        some = WF_MIN(ids->n - i, (size_t)l->o.text_tokens - head);
        if (some < PIECE_MIN && i > 0) /* the rest of a text that has pieces */
            break;
        rc = begin_piece(l);
        if (rc == 0 && head > 0)
            rc = wf_ids_push(&l->ids, bos);
        for (size_t j = i; j < i + some && rc == 0; j++)
            rc = wf_ids_push(&l->ids, ids->ptr[j]);
        if (rc == 0)
            l->starts[l->n_pieces] = (uint32_t)l->ids.n;
    }
    return rc;
}

int wf_lora_add(struct wf_lora *l, struct wf_str text, struct wf_err *err)
{
    struct wf_ids ids = {0};
    size_t n_pieces = l->n_pieces, n_ids = l->ids.n;
    int rc;

    if (l->net != NULL)
        return wf_err_set(err, WF_E_INVAL, "The adapter is trained; texts come before that.");
    rc = wf_vocab_encode(l->vocab, text, 0, &ids, err);
    if (rc == 0 && ids.n > (size_t)UINT32_MAX / 4 - l->ids.n)
        rc = wf_err_set(err, WF_E_LIMIT, "The texts are more than weft trains an adapter from.");
    if (rc == 0 && cut(l, &ids) != 0) {
        l->n_pieces = n_pieces;
        l->ids.n = n_ids;
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory for the texts.");
    }
    wf_free(ids.ptr);
    return rc;
}

static bool is_aside(const struct wf_lora *l, size_t i)
{
    return l->n_pieces >= ASIDE_ONE_IN && i % ASIDE_ONE_IN == ASIDE_ONE_IN / 2;
}

static size_t n_aside(const struct wf_lora *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n_pieces; i++)
        n += is_aside(l, i);
    return n;
}

/* The i-th piece that is learnt from, in an order of that epoch. */
static size_t piece_at(const struct wf_lora *l, uint64_t epoch, size_t n, size_t i)
{
    size_t at = (size_t)wf_shuffle_at(wf_seed_mix(l->o.seed, epoch), n, i);

    if (l->n_pieces < ASIDE_ONE_IN)
        return at;
    /* Skips those kept aside: the 6th, 16th, ... */
    return at + (at + ASIDE_ONE_IN / 2 - 1) / (ASIDE_ONE_IN - 1);
}

/* ---- the plan ---- */

static void net_options(const struct wf_lora *l, struct wf_net_options *out)
{
    bool is_fast = wf_gemm_has_bf16() && !l->o.is_exact;

    *out = (struct wf_net_options){.n_threads = l->o.n_threads,
                                   .kind = is_fast ? WF_GEMM_BF16 : WF_GEMM_F32,
                                   .n_tokens_max = l->o.batch_tokens,
                                   .n_text_max = l->o.text_tokens,
                                   .seed = l->o.seed,
                                   .weights = &l->weights,
                                   .lora_rank = l->o.rank,
                                   .lora_alpha = l->o.alpha,
                                   .lora_on = l->o.on,
                                   .recomputes = true};
}

/* Steps of an epoch: pieces in order until a step's tokens are full. */
static uint64_t epoch_steps(const struct wf_lora *l, uint64_t epoch, size_t n)
{
    uint64_t steps = 0;
    size_t filled = 0;

    for (size_t i = 0; i < n; i++) {
        size_t at = piece_at(l, epoch, n, i), length = l->starts[at + 1] - l->starts[at];
        if (steps == 0 || filled + length > l->o.batch_tokens) {
            steps++;
            filled = 0;
        }
        filled += length;
    }
    return steps;
}

void wf_lora_plan(const struct wf_lora *l, struct wf_lora_plan *out)
{
    struct wf_net_options o;
    size_t n_learnt;

    net_options(l, &o);
    *out = (struct wf_lora_plan){.n_pieces = l->n_pieces,
                                 .n_aside = n_aside(l),
                                 .n_values = wf_net_count(&l->params, &o),
                                 .model_bytes = l->weights.bytes};
    n_learnt = out->n_pieces - out->n_aside;
    for (size_t i = 0; i < l->n_pieces; i++)
        out->n_tokens += is_aside(l, i) ? 0 : l->starts[i + 1] - l->starts[i];
    for (uint32_t i = 0; i < l->o.n_epochs; i++)
        out->n_steps += epoch_steps(l, i, n_learnt);
    out->bytes = wf_net_bytes(&l->params, &o);
    if (out->n_values == 0 || out->bytes == UINT64_MAX) { /* no memory to count it */
        out->bytes = UINT64_MAX;
        return;
    }
    out->bytes += 2 * out->n_values * sizeof(float) + LOSS_BYTES +
                  (uint64_t)o.n_tokens_max * l->params.dim * sizeof(float);
}

/* ---- training ---- */

/* What a training needs besides the network. */
struct run {
    struct wf_lora *l;
    struct wf_optimiser *optimiser;
    struct wf_loss_room *room;
    float *d_hidden;  /* [batch_tokens, dim] */
    int32_t *ids;     /* [batch_tokens] */
    uint32_t *starts; /* [batch_tokens + 1] */
    uint32_t *rows;   /* [batch_tokens] whose next word is asked for */
    int32_t *targets; /* [batch_tokens] */
    size_t n_texts;   /* of the batch at hand */
    size_t n_rows;
};

static int make_run(struct run *r, struct wf_err *err)
{
    struct wf_optimiser_options o = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .clip = CLIP};
    struct wf_lora *l = r->l;
    size_t n = l->o.batch_tokens, n_tensors;
    const struct wf_net_tensor *tensors = wf_net_tensors(l->net, &n_tensors);
    int rc = wf_optimiser_new(&o, tensors, n_tensors, wf_net_n_values(l->net), &r->optimiser, err);

    if (rc == 0)
        rc = wf_loss_room_new(l->net, &r->room, err);
    if (rc != 0)
        return rc;
    r->d_hidden = wf_alloc_lines(n * l->params.dim, sizeof(float));
    r->ids = wf_alloc_array(n, sizeof(*r->ids));
    r->starts = wf_alloc_array(n + 1, sizeof(*r->starts));
    r->rows = wf_alloc_array(n, sizeof(*r->rows));
    r->targets = wf_alloc_array(n, sizeof(*r->targets));
    if (r->d_hidden == NULL || r->ids == NULL || r->starts == NULL || r->rows == NULL ||
        r->targets == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to train an adapter.");
    return 0;
}

static void free_run(struct run *r)
{
    wf_optimiser_free(r->optimiser);
    wf_loss_room_free(r->room);
    wf_free(r->d_hidden);
    wf_free(r->ids);
    wf_free(r->starts);
    wf_free(r->rows);
    wf_free(r->targets);
}

/* Puts a piece behind the batch; false when it does not fit. */
static bool put_piece(struct run *r, size_t i_piece)
{
    const struct wf_lora *l = r->l;
    uint32_t at = r->n_texts > 0 ? r->starts[r->n_texts] : 0, from = l->starts[i_piece];
    uint32_t n = l->starts[i_piece + 1] - from;

    if (at + n > l->o.batch_tokens)
        return false;
    memcpy(r->ids + at, l->ids.ptr + from, n * sizeof(*r->ids));
    r->starts[r->n_texts++] = at;
    r->starts[r->n_texts] = at + n;
    for (uint32_t i = 0; i + 1 < n; i++) {
        r->rows[r->n_rows] = at + i;
        r->targets[r->n_rows++] = l->ids.ptr[from + i + 1];
    }
    return true;
}

/* The mean loss of the batch at hand; with `learns`, its gradients. */
static int run_batch(struct run *r, bool learns, struct wf_loss_result *out, struct wf_err *err)
{
    struct wf_net *net = r->l->net;
    struct wf_net_batch b = {.ids = r->ids, .starts = r->starts, .n_texts = r->n_texts};
    struct wf_loss_of of = {.d_hidden = learns ? r->d_hidden : NULL, .scale = 1.0f};
    struct wf_loss_words w = {.rows = {r->rows, NULL, r->n_rows}, .targets = r->targets};
    int rc = wf_net_forward(net, &b, learns, &of.hidden, err);

    if (rc == 0 && learns) {
        wf_net_zero_grads(net);
        memset(r->d_hidden, 0, (size_t)r->starts[r->n_texts] * r->l->params.dim * sizeof(float));
    }
    if (rc == 0)
        rc = wf_loss_words(r->room, &of, &w, out, err);
    if (rc == 0 && learns)
        wf_net_backward(net, r->d_hidden);
    r->n_texts = r->n_rows = 0;
    return rc;
}

/* The mean loss a token of the pieces kept aside. */
static int measure(struct run *r, double *out, struct wf_err *err)
{
    const struct wf_lora *l = r->l;
    struct wf_loss_result result;
    double sum = 0, weight = 0;
    size_t i = 0;
    int rc = 0;

    while (rc == 0 && i < l->n_pieces) {
        while (i < l->n_pieces && (!is_aside(l, i) || put_piece(r, i)))
            i++;
        if (r->n_texts == 0)
            break;
        rc = run_batch(r, false, &result, err);
        if (rc == 0) {
            sum += result.loss * result.weight;
            weight += result.weight;
        }
    }
    *out = weight > 0 ? sum / weight : (double)NAN;
    return rc;
}

static int step(struct run *r, double rate, double *out_loss, struct wf_err *err)
{
    struct wf_net *net = r->l->net;
    struct wf_optimiser_means means = {wf_net_gang(net), wf_net_room(net), wf_net_kind(net)};
    struct wf_loss_result result;
    double norm;
    int rc = run_batch(r, true, &result, err);

    if (rc != 0)
        return rc;
    *out_loss = result.loss;
    if (!isfinite(result.loss) || !wf_optimiser_step(r->optimiser, &means, rate, wf_net_grads(net),
                                                     wf_net_values(net), &norm))
        return wf_err_set(err, WF_E_RANGE,
                          "The training left the range of numbers; a lower rate may help.");
    return 0;
}

/* Where a training is. */
struct way {
    const struct wf_lora_events *e;
    struct wf_schedule schedule;
    struct wf_lora_result *result;
    int64_t began_ns;
    uint64_t n_tokens;
};

static void tell(const struct way *w, double loss)
{
    double s = (double)(wf_clock_mono_ns(NULL) - w->began_ns) * 1e-9;
    uint64_t done = w->result->n_steps, all = w->schedule.n_steps;
    struct wf_lora_view v = {.step = done,
                             .n_steps = all,
                             .loss = loss,
                             .tokens_per_s = (double)w->n_tokens / fmax(s, 1e-9),
                             .left_s = s / (double)done * (double)(all - done)};

    if (w->e != NULL && w->e->stepped != NULL)
        w->e->stepped(w->e->ud, &v);
}

static bool stops(const struct way *w)
{
    return w->e != NULL && w->e->stops != NULL && w->e->stops(w->e->ud);
}

static int run_epoch(struct run *r, struct way *w, uint64_t epoch, struct wf_err *err)
{
    const struct wf_lora *l = r->l;
    size_t n = l->n_pieces - n_aside(l), i = 0;
    double loss;
    int rc = 0;

    while (rc == 0 && i < n && !stops(w)) {
        while (i < n && put_piece(r, piece_at(l, epoch, n, i)))
            i++;
        w->n_tokens += r->starts[r->n_texts];
        rc = step(r, wf_schedule_rate(&w->schedule, w->result->n_steps), &loss, err);
        if (rc == 0) {
            w->result->n_steps++;
            tell(w, loss);
        }
    }
    w->result->is_done = rc == 0 && i == n;
    return rc;
}

static int run_all(struct run *r, const struct wf_lora_events *e, struct wf_lora_result *out,
                   struct wf_err *err)
{
    struct wf_lora_plan plan;
    struct way w = {.e = e, .result = out};
    int rc = measure(r, &out->before, err);

    wf_lora_plan(r->l, &plan);
    if (rc == 0 && plan.bytes == UINT64_MAX)
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to plan the training.");
    w.schedule = (struct wf_schedule){.kind = WF_SCHEDULE_LINEAR,
                                      .n_steps = plan.n_steps,
                                      .n_warmup = plan.n_steps / 20 + 1,
                                      .peak = r->l->o.rate};
    w.began_ns = wf_clock_mono_ns(NULL);
    out->is_done = true;
    for (uint32_t i = 0; i < r->l->o.n_epochs && rc == 0 && out->is_done; i++)
        rc = run_epoch(r, &w, i, err);
    if (rc == 0)
        rc = measure(r, &out->after, err);
    return rc;
}

int wf_lora_train(struct wf_lora *l, const struct wf_lora_events *e, struct wf_lora_result *out,
                  struct wf_err *err)
{
    struct wf_net_options o;
    struct wf_lora_result result = {0};
    struct run r = {.l = l};
    int rc;

    if (l->n_pieces == 0 || l->net != NULL)
        return wf_err_set(err, WF_E_INVAL, "There is no text to learn from.");
    net_options(l, &o);
    rc = wf_net_new(&l->params, &o, &l->net, err);
    if (rc == 0)
        rc = make_run(&r, err);
    if (rc == 0)
        rc = run_all(&r, e, &result, err);
    free_run(&r);
    if (rc == 0)
        *out = result;
    return rc;
}

struct wf_net *wf_lora_net(struct wf_lora *l)
{
    return l->net;
}
