/* SPDX-License-Identifier: Apache-2.0 */
/* weft bench MODEL: how fast a model runs here. "pp" is a prompt's tokens a second, taken in at
 * once (in batches), "tg" the tokens a second that are written one by one, each after an empty
 * context unless --depth says otherwise: as llama-bench measures them. Tokens are random; a first
 * round warms up and is not counted. What is shown is the median; the spread is the range beside
 * it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/rng.h"
#include "base/str.h"
#include "cli/bench_crdt.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "model/mix.h"
#include "model/transformer.h"
#include "os/cores.h"

#define REPEATS_MAX 100
#define TEXTS_MAX 64

struct bench {
    struct wf_model *model;
    struct wf_runner *runner;
    struct wf_seq before; /* --depth tokens, read once, which every round begins with */
    int64_t n_prompt, n_gen, depth, repeats;
    float *logits;
    int32_t *ids; /* [longest step], random */
    struct wf_rng_seeded rng;
    double pp[REPEATS_MAX], tg[REPEATS_MAX]; /* tokens a second */
    double load_ms;
};

static void shuffle_ids(struct bench *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        b->ids[i] = (int32_t)wf_rng_below(&b->rng.rng, wf_model_params(b->model)->n_vocab);
}

/* Takes n tokens in, as many at once as a batch holds, of a text that is read or written; logits of
 * the last ones only. */
static int take_in(struct bench *b, struct wf_seq *seq, size_t n, bool reads, struct wf_err *err)
{
    size_t most = wf_runner_n_batch(b->runner);
    int rc = 0;

    for (size_t done = 0; done < n && rc == 0; done += most) {
        struct wf_batch_part part = {.seq = seq,
                                     .ids = b->ids,
                                     .n = n - done < most ? n - done : most,
                                     .n_logits = 1,
                                     .reads = reads};
        shuffle_ids(b, part.n);
        rc = wf_runner_eval(b->runner, &part, 1, NULL, b->logits, err);
    }
    return rc;
}

/* One measurement: n tokens behind `depth` others, in steps of one or as a prompt. */
static int measure(struct bench *b, size_t n, bool one_by_one, double *out_rate, struct wf_err *err)
{
    struct wf_seq seq;
    int64_t start;
    int rc = wf_seq_init(&seq, wf_runner_kv(b->runner), err);

    if (rc == 0)
        rc = wf_seq_share(&seq, &b->before, (size_t)b->depth, err);
    if (rc == 0) /* what a model with convolutions could not share */
        rc = take_in(b, &seq, (size_t)b->depth - seq.n_tokens, true, err);
    start = wf_clock_mono_ns(NULL);
    for (size_t i = 0; i < (one_by_one ? n : 1) && rc == 0; i++)
        rc = take_in(b, &seq, one_by_one ? 1 : n, !one_by_one, err);
    *out_rate = (double)n / ((double)(wf_clock_mono_ns(NULL) - start) * 1e-9);
    wf_seq_deinit(&seq);
    return rc;
}

/* Texts of n tokens each through an encoder, as many at once as a batch holds. */
static int measure_texts(struct bench *b, size_t n, double *out_rate, struct wf_err *err)
{
    size_t n_texts = wf_runner_n_batch(b->runner) / n;
    uint32_t starts[TEXTS_MAX + 1];
    const float *hidden = NULL;
    int64_t start;
    int rc;

    n_texts = WF_MIN(n_texts, (size_t)TEXTS_MAX);
    for (size_t i = 0; i <= n_texts; i++)
        starts[i] = (uint32_t)(i * n);
    shuffle_ids(b, n_texts * n);
    start = wf_clock_mono_ns(NULL);
    rc = wf_runner_encode(b->runner, b->ids, starts, n_texts, &hidden, err);
    *out_rate = (double)(n_texts * n) / ((double)(wf_clock_mono_ns(NULL) - start) * 1e-9);
    return rc;
}

static int measure_encoder(struct bench *b, struct wf_err *err)
{
    double warm;
    int rc = measure_texts(b, (size_t)b->n_prompt, &warm, err);

    for (int64_t i = 0; i < b->repeats && rc == 0; i++)
        rc = measure_texts(b, (size_t)b->n_prompt, &b->pp[i], err);
    return rc;
}

static int measure_all(struct bench *b, struct wf_err *err)
{
    double warm;
    int rc = 0;

    if (wf_runner_kv(b->runner) == NULL)
        return measure_encoder(b, err);

    rc = wf_seq_init(&b->before, wf_runner_kv(b->runner), err);
    if (rc == 0)
        rc = take_in(b, &b->before, (size_t)b->depth, true, err);
    if (rc == 0 && b->n_prompt > 0)
        rc = measure(b, (size_t)b->n_prompt, false, &warm, err);
    for (int64_t i = 0; i < b->repeats && rc == 0 && b->n_prompt > 0; i++)
        rc = measure(b, (size_t)b->n_prompt, false, &b->pp[i], err);
    if (rc == 0 && b->n_gen > 0)
        rc = measure(b, 1, true, &warm, err);
    for (int64_t i = 0; i < b->repeats && rc == 0 && b->n_gen > 0; i++)
        rc = measure(b, (size_t)b->n_gen, true, &b->tg[i], err);
    wf_seq_deinit(&b->before);
    return rc;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Sorts; the median. */
static double median(double *rates, size_t n)
{
    qsort(rates, n, sizeof(*rates), by_size);
    return n % 2 == 1 ? rates[n / 2] : (rates[n / 2 - 1] + rates[n / 2]) / 2;
}

/* "AMD EPYC", as the system has it; empty when it does not say. */
static void cpu_name(char out[128])
{
    char line[512];
    FILE *f = fopen("/proc/cpuinfo", "re");

    out[0] = 0;
    while (f != NULL && out[0] == 0 && fgets(line, sizeof(line), f) != NULL) {
        const char *colon = strchr(line, ':');
        struct wf_str name = wf_str_trim(wf_str_from(colon != NULL ? colon + 1 : ""));
        if (strncmp(line, "model name", 10) == 0)
            (void)snprintf(out, 128, "%.*s", WF_STR_ARG(name));
    }
    if (f != NULL)
        (void)fclose(f);
}

/* The mix that the file says it is, else the type that most of the weights have. */
static const char *main_type(const struct wf_gguf *g)
{
    uint64_t most = 0, file_type = 0;
    const char *name = "";

    for (size_t i = 0; wf_gguf_u64(g, "general.file_type", &file_type) && wf_mix_at(i) != NULL;
         i++) {
        if (wf_mix_at(i)->file_type == file_type)
            return wf_mix_at(i)->name;
    }
    for (size_t d = 0; wf_dtype_at(d) != NULL; d++) {
        uint64_t bytes = 0;
        for (size_t i = 0; i < wf_gguf_n_tensors(g); i++) {
            const struct wf_gguf_tensor *t = wf_gguf_tensor_at(g, i);
            bytes += t->type == wf_dtype_at(d)->id ? t->bytes : 0;
        }
        if (bytes > most) {
            most = bytes;
            name = wf_dtype_at(d)->name;
        }
    }
    return name;
}

static uint64_t n_weights(const struct wf_gguf *g)
{
    uint64_t n = 0;

    for (size_t i = 0; i < wf_gguf_n_tensors(g); i++) {
        const uint64_t *d = wf_gguf_tensor_at(g, i)->dims;
        n += d[0] * d[1] * d[2] * d[3];
    }
    return n;
}

/* What one token meets: weights that are multiplied for every token of a prompt, and bytes that are
 * read to write one. Of experts those that are used; the embeddings only where they are the output
 * matrix too. */
static void count_a_token(const struct wf_model *m, double *out_weights, double *out_bytes)
{
    const struct wf_gguf *g = wf_model_gguf(m);
    const struct wf_params *p = wf_model_params(m);
    bool is_tied = wf_gguf_tensor(g, "output.weight") == NULL;

    *out_weights = *out_bytes = 0;
    for (size_t i = 0; i < wf_gguf_n_tensors(g); i++) {
        const struct wf_gguf_tensor *t = wf_gguf_tensor_at(g, i);
        double n = (double)(t->dims[0] * t->dims[1] * t->dims[2]), bytes = (double)t->bytes;
        bool is_embed = wf_str_eq(t->name, wf_str_from("token_embd.weight"));
        if (t->dims[1] < 2 || (is_embed && !is_tied))
            continue;
        if (t->dims[2] > 1 && p->n_experts > 0) {
            n *= (double)p->n_experts_used / (double)p->n_experts;
            bytes *= (double)p->n_experts_used / (double)p->n_experts;
        }
        *out_bytes += bytes;
        if (!is_embed && !wf_str_eq(t->name, wf_str_from("output.weight")))
            *out_weights += n;
    }
}

static void put_rates(json_t *v, const char *name, double *rates, size_t n, int64_t n_tokens)
{
    json_t *all = json_array();
    char key[32];

    if (n_tokens == 0) {
        json_object_set_new(v, name, json_null());
    } else {
        json_object_set_new(v, name, json_real(median(rates, n)));
        for (size_t i = 0; i < n; i++)
            json_array_append_new(all, json_real(rates[i]));
    }
    (void)snprintf(key, sizeof(key), "%s_runs", name);
    json_object_set_new(v, key, all);
}

static void print_rate(const char *what, int64_t n, double *rates, size_t repeats)
{
    double middle;

    if (n == 0)
        return;
    middle = median(rates, repeats);
    printf(_("  %s%-6lld %10.2f tokens/s   (%.2f to %.2f)\n"), what, (long long)n, middle, rates[0],
           rates[repeats - 1]);
}

static void print_all(const struct wf_cli *cli, struct bench *b, const char *path, size_t n_threads,
                      const struct wf_kern *kern, const char *kv)
{
    const struct wf_gguf *g = wf_model_gguf(b->model);
    size_t n = (size_t)b->repeats;
    char cpu[128], bytes[32];
    struct wf_str name = wf_str_from(path);

    cpu_name(cpu);
    (void)wf_gguf_string(g, "general.name", &name); /* absent: the path */
    if (cli->json) {
        json_t *v = json_object();
        double weights, of_token;
        put_rates(v, "pp", b->pp, n, b->n_prompt);
        put_rates(v, "tg", b->tg, n, b->n_gen);
        json_t *rest = json_pack(
            "{s:s, s:s%, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:s, s:f}", "file",
            path, "model", name.ptr, name.len, "family", wf_model_params(b->model)->family->name,
            "type", main_type(g), "weights", (json_int_t)n_weights(g), "bytes",
            (json_int_t)wf_model_weight_bytes(b->model), "n_prompt", (json_int_t)b->n_prompt,
            "n_gen", (json_int_t)b->n_gen, "depth", (json_int_t)b->depth, "threads",
            (json_int_t)n_threads, "repeats", (json_int_t)b->repeats, "kernels", kern->name, "kv",
            kv, "cpu", cpu, "load_ms", b->load_ms);
        json_object_update(v, rest);
        count_a_token(b->model, &weights, &of_token);
        json_object_set_new(v, "weights_a_token", json_integer((json_int_t)weights));
        json_object_set_new(v, "bytes_a_token", json_integer((json_int_t)of_token));
        wf_cli_print_json(v);
        json_decref(rest);
        json_decref(v);
        return;
    }
    printf(_("%.*s, %s, %s, %.2f billion weights\n"), WF_STR_ARG(name), main_type(g),
           wf_cli_bytes(bytes, wf_model_weight_bytes(b->model)), (double)n_weights(g) * 1e-9);
    printf(_("%s, %zu threads, kernels %s, cache %s, opened in %.0f ms\n"), cpu, n_threads,
           kern->name, kv, b->load_ms);
    print_rate("pp", b->n_prompt, b->pp, n);
    print_rate("tg", b->n_gen, b->tg, n);
}

static int run(struct bench *b, const char *path, struct wf_runner_options *o, struct wf_err *err)
{
    int64_t start = wf_clock_mono_ns(NULL);
    size_t longest;
    int rc = wf_model_open(path, &b->model, err);

    /* Weights are packed for the fastest kernels only. */
    if (rc == 0 && (o->kern == NULL || o->kern == wf_kern()))
        rc = wf_model_pack(b->model, o->n_threads, err);
    if (rc != 0)
        return rc;
    b->load_ms = (double)(wf_clock_mono_ns(NULL) - start) * 1e-6;
    longest = (size_t)(b->n_prompt > b->n_gen ? b->n_prompt : b->n_gen);
    if (wf_family_sees_all(wf_model_params(b->model)->family)) {
        b->n_prompt = WF_MIN(b->n_prompt, (int64_t)wf_model_params(b->model)->n_context);
        b->n_gen = 0;
        if (b->n_prompt == 0)
            return wf_err_set(err, WF_E_INVAL, "%s",
                              _("The model makes embeddings; say with -p how long a text is."));
        o->n_batch = WF_MAX(o->n_batch, (size_t)b->n_prompt);
    } else {
        o->n_context = (size_t)b->depth + longest + WF_KV_PAGE_TOKENS; /* of a page, two copies */
    }
    rc = wf_runner_new(b->model, o, &b->runner, err);
    if (rc != 0)
        return rc;
    b->logits = wf_alloc_array(wf_model_params(b->model)->n_vocab, sizeof(*b->logits));
    b->ids = wf_alloc_array(wf_runner_n_batch(b->runner), sizeof(*b->ids));
    if (b->logits == NULL || b->ids == NULL)
        return wf_err_set(err, WF_E_NOMEM, "%s", _("Not enough memory for the logits."));
    wf_rng_seeded_init(&b->rng, 1);
    return measure_all(b, err);
}

/* -1 when it is none. */
static int kv_kind(const char *name)
{
    static const char *const names[] = {"f32", "f16", "q8_0"};

    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0)
            return i;
    }
    return -1;
}

/* So many, or (0) as many as suit. */
static void choose_threads(int64_t n, struct wf_runner_options *io)
{
    wf_cores_look("/sys");
    io->n_threads = n > 0 ? (size_t)n : wf_cores_fast();
    io->is_fixed = n > 0;
}

int wf_cmd_bench(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft bench MODEL [-p 512] [-n 64] [-t THREADS] [-r 3] [--depth N]\n"
          "                  [--kv f32|f16|q8_0] [--batch N] [--kernels NAME]\n\n"
          "Measures a model file: pp, the tokens a second of a prompt of -p tokens, and tg, those\n"
          "of -n tokens written one by one; the median of -r rounds. --depth: behind so many\n"
          "tokens that are there already. Of a model that makes embeddings: pp, of texts of -p\n"
          "tokens, as many at once as --batch holds.");
    struct bench b = {.n_prompt = 512, .n_gen = 64, .repeats = 3};
    int64_t n_threads = 0, n_batch = 512;
    const char *kv = "f16", *kernels = NULL;
    const struct wf_option options[] = {
        {.name = "prompt",
         .letter = 'p',
         .kind = WF_OPTION_NUMBER,
         .out = &b.n_prompt,
         .max = 65536},
        {.name = "gen", .letter = 'n', .kind = WF_OPTION_NUMBER, .out = &b.n_gen, .max = 65536},
        {.name = "depth", .letter = 'd', .kind = WF_OPTION_NUMBER, .out = &b.depth, .max = 1 << 20},
        {.name = "repeat",
         .letter = 'r',
         .kind = WF_OPTION_NUMBER,
         .out = &b.repeats,
         .min = 1,
         .max = REPEATS_MAX},
        {.name = "threads",
         .letter = 't',
         .kind = WF_OPTION_NUMBER,
         .out = &n_threads,
         .min = 1,
         .max = 256},
        {.name = "batch",
         .letter = 'b',
         .kind = WF_OPTION_NUMBER,
         .out = &n_batch,
         .min = 1,
         .max = 4096},
        {.name = "kv", .kind = WF_OPTION_TEXT, .out = &kv},
        {.name = "kernels", .kind = WF_OPTION_TEXT, .out = &kernels},
        {0},
    };
    struct wf_err err = WF_ERR_INIT;
    int code, rc;

    if (cli->n_args > 0 && strcmp(cli->args[0], "crdt") == 0)
        return wf_bench_crdt(cli);
    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 1 || kv_kind(kv) < 0 || b.n_prompt + b.n_gen == 0)
        return wf_cli_usage(usage);
    struct wf_runner_options o = {.n_batch = (size_t)n_batch,
                                  .kv = (enum wf_kv_kind)kv_kind(kv),
                                  .act = WF_ACT_Q8,
                                  .kern = kernels != NULL ? wf_kern_by_name(kernels) : wf_kern()};
    choose_threads(n_threads, &o);
    if (o.kern == NULL) {
        wf_err_set(&err, WF_E_INVAL, _("This processor runs no kernels named '%s'."), kernels);
        return wf_cli_fail(cli, &err);
    }
    rc = run(&b, cli->args[0], &o, &err);
    if (rc == 0)
        print_all(cli, &b, cli->args[0], o.n_threads, o.kern, kv);
    wf_runner_free(b.runner);
    wf_model_close(b.model);
    wf_free(b.logits);
    wf_free(b.ids);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
