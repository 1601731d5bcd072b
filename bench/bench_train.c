/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a network learns: lens (8 layers of 256, feed-forward 640, 16,384 words) forward and
 * backward with the loss of 15% of its words, texts of some lengths packed into batches of 8192
 * tokens; median and spread of the steps, and where the time goes. The must value is for two idle
 * cores with BF16 products. With one thread its processor time counts, so that a busy machine does
 * not matter.
 *
 *   bench_train [STEPS [THREADS]] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/rng.h"
#include "base/str.h"
#include "kern/gemm.h"
#include "train/loss.h"

#define BATCH 8192
#define VOCAB 16384
#define MUST 10000.0 /* tokens a second, texts of 128 */

static const struct wf_family family = {.name = "lens", .rope = WF_ROPE_HALVES};

static void fail(const char *why)
{
    (void)fprintf(stderr, "bench_train: %s\n", why);
    exit(1);
}

static void set_params(struct wf_params *p, struct wf_layer_params layers[8])
{
    *p = (struct wf_params){.family = &family,
                            .layers = layers,
                            .n_layers = 8,
                            .n_vocab = VOCAB,
                            .dim = 256,
                            .head_dim = 64,
                            .value_dim = 64,
                            .n_context = 512,
                            .n_rot = 64,
                            .norm_eps = 1e-5f,
                            .embed_scale = 1.0f,
                            .residual_scale = 1.0f,
                            .logit_scale = 1.0f,
                            .attention_scale = 0.125f,
                            .rope_base = 10000.0f,
                            .rope_base_window = 10000.0f,
                            .rope_factor = 1.0f,
                            .rope_factor_window = 1.0f,
                            .rope_attn_factor = 1.0f,
                            .rope_context = 512,
                            .yarn_beta_fast = 32.0f,
                            .yarn_beta_slow = 1.0f};
    for (int i = 0; i < 8; i++)
        layers[i] =
            (struct wf_layer_params){.n_heads = 4, .n_kv_heads = 4, .n_ff = 640, .is_turned = true};
}

struct work {
    int32_t ids[BATCH], targets[BATCH];
    uint32_t starts[BATCH + 1], rows[BATCH];
    float d_hidden[BATCH * 256];
};

/* Texts of that length; one token in seven is asked for. */
static struct wf_net_batch fill(struct work *w, size_t length, size_t *out_n_rows)
{
    struct wf_rng_seeded s;
    size_t n_texts = BATCH / length, n = 0;

    wf_rng_seeded_init(&s, length);
    for (size_t i = 0; i < BATCH; i++)
        w->ids[i] = (int32_t)wf_rng_below(&s.rng, VOCAB);
    for (size_t i = 0; i <= n_texts; i++)
        w->starts[i] = (uint32_t)(i * length);
    for (uint32_t i = 0; i < n_texts * length; i += 7) {
        w->rows[n] = i;
        w->targets[n++] = (int32_t)wf_rng_below(&s.rng, VOCAB);
    }
    *out_n_rows = n;
    return (struct wf_net_batch){.ids = w->ids, .starts = w->starts, .n_texts = n_texts};
}

static bool is_alone; /* one thread: its processor time */

static double seconds(void)
{
    struct timespec t;

    if (!is_alone)
        return (double)wf_clock_mono_ns(NULL) * 1e-9;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double step(struct wf_net *n, struct wf_loss_room *room, struct work *w,
                   const struct wf_net_batch *b, size_t n_rows, double *io_loss_s)
{
    double began = seconds(), loss_began;
    struct wf_loss_words words = {.rows = {w->rows, NULL, n_rows}, .targets = w->targets};
    struct wf_loss_of of = {.d_hidden = w->d_hidden, .scale = 1.0f};
    struct wf_loss_result result;

    wf_net_zero_grads(n);
    if (wf_net_forward(n, b, true, &of.hidden, NULL) != 0)
        fail("the batch does not run");
    loss_began = seconds();
    memset(w->d_hidden, 0, sizeof(w->d_hidden));
    if (wf_loss_words(room, &of, &words, &result, NULL) != 0)
        fail("no memory");
    *io_loss_s += seconds() - loss_began;
    wf_net_backward(n, w->d_hidden);
    if (!isfinite(result.loss))
        fail("the loss is no number");
    return seconds() - began;
}

static void shares(struct wf_net *n, const uint64_t before[WF_NET_TIME_COUNT], double loss_s,
                   double all_s)
{
    static const char *const names[] = {"products", "weights", "attention", "rows", "embed"};
    double parts_s = 0;

    for (size_t i = 0; i < WF_NET_TIME_COUNT; i++)
        parts_s += (double)(wf_net_time_ns(n, (enum wf_net_time)i) - before[i]) * 1e-9;
    printf("    ");
    for (size_t i = 0; i < WF_NET_TIME_COUNT; i++) {
        double s = (double)(wf_net_time_ns(n, (enum wf_net_time)i) - before[i]) * 1e-9;
        printf(" %s %.1f%%", names[i], 100 * (1 - loss_s / all_s) * s / parts_s);
    }
    printf(" words %.1f%%\n", 100 * loss_s / all_s);
}

/* Tokens a second, the median. */
static double measure(struct wf_net *n, struct wf_loss_room *room, struct work *w, size_t length,
                      size_t n_steps)
{
    double times[64], loss_s = 0, all_s = 0;
    uint64_t before[WF_NET_TIME_COUNT];
    size_t n_rows;
    struct wf_net_batch b = fill(w, length, &n_rows);
    double n_tok = (double)b.starts[b.n_texts];

    (void)step(n, room, w, &b, n_rows, &loss_s);
    loss_s = 0;
    for (size_t i = 0; i < WF_NET_TIME_COUNT; i++)
        before[i] = wf_net_time_ns(n, (enum wf_net_time)i);
    for (size_t i = 0; i < n_steps; i++) {
        times[i] = step(n, room, w, &b, n_rows, &loss_s);
        all_s += times[i];
    }
    qsort(times, n_steps, sizeof(times[0]), by_size);
    printf("  texts of %3zu: %6.0f tokens/s   fastest %6.0f, slowest %6.0f\n", length,
           n_tok / times[n_steps / 2], n_tok / times[0], n_tok / times[n_steps - 1]);
    shares(n, before, loss_s, all_s);
    return n_tok / times[n_steps / 2];
}

int main(int argc, char **argv)
{
    static struct work w;
    struct wf_layer_params layers[8];
    struct wf_params p;
    struct wf_net_options o = {
        .kind = WF_GEMM_BF16, .n_tokens_max = BATCH, .n_text_max = 512, .seed = 1};
    struct wf_net *n = NULL;
    struct wf_loss_room *room = NULL;
    struct wf_err err = WF_ERR_INIT;
    int64_t n_steps = 5, n_threads = 0;
    double got, must;

    if (argc > 1 && (!wf_str_to_i64(wf_str_from(argv[1]), &n_steps) || n_steps < 1 || n_steps > 64))
        fail("usage: bench_train [STEPS of 1 to 64 [THREADS]]");
    if (argc > 2 && (!wf_str_to_i64(wf_str_from(argv[2]), &n_threads) || n_threads < 0))
        fail("usage: bench_train [STEPS of 1 to 64 [THREADS]]");
    o.n_threads = (size_t)n_threads;
    is_alone = n_threads == 1;
    must = is_alone ? MUST / 2 : MUST;
    set_params(&p, layers);
    if (wf_net_new(&p, &o, &n, &err) != 0 || wf_loss_room_new(n, &room, &err) != 0)
        fail(err.msg);
    printf("  lens, %zu values, BF16 products%s\n", wf_net_n_values(n),
           wf_gemm_has_bf16() ? "" : " (slow here: the processor has none)");
    (void)measure(n, room, &w, 32, (size_t)n_steps);
    got = measure(n, room, &w, 128, (size_t)n_steps);
    (void)measure(n, room, &w, 512, (size_t)n_steps);
    printf("  texts of 128: must %.0f tokens/s on two idle cores%s%s\n", MUST,
           is_alone ? ", half of it on one" : "", got >= must ? "" : "  MISSED");
    printf("  memory: %.0f MB\n", (double)wf_alloc_stats().bytes_peak / 1e6);
    wf_loss_room_free(room);
    wf_net_free(n);
    return got >= must || !wf_gemm_has_bf16() ? 0 : 1;
}
