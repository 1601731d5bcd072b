/* SPDX-License-Identifier: Apache-2.0 */
/* weft logits MODEL --ids FILE --out FILE: what a model computes for given token ids, as raw
 * little-endian float32. For measuring a model, or this program against another. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "model/transformer.h"
#include "os/file.h"

/* Tokens of one pass: their logits are held at once, half a megabyte each for large vocabularies.
 */
#define BATCH 64
#define IDS_BYTES_MAX (256u << 20)

struct logits {
    struct wf_model *model;
    struct wf_runner *runner;
    int32_t *ids;
    size_t n_ids;
    FILE *out;
    const char *out_path;
};

/* Numbers separated by white space. */
static int read_ids(const char *path, struct logits *l, struct wf_err *err)
{
    struct wf_buf text;
    struct wf_str rest, word;
    int64_t id;
    size_t cap;
    int rc;

    wf_buf_init(&text, IDS_BYTES_MAX);
    rc = wf_file_read(path, &text, err);
    cap = text.len / 2 + 1; /* an id takes a digit and a space */
    if (rc == 0 && (l->ids = wf_alloc_array(cap, sizeof(*l->ids))) == NULL)
        rc = wf_err_set(err, WF_E_NOMEM, _("Not enough memory for %zu token ids."), cap);
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("\t\n\r", text.ptr[i]) != NULL)
            text.ptr[i] = ' ';
    }
    rest = wf_buf_str(&text);
    while (rc == 0 && wf_str_split(&rest, ' ', &word)) {
        if (word.len == 0)
            continue;
        if (!wf_str_to_i64(word, &id) || id < 0 || id > INT32_MAX)
            rc = wf_err_set(err, WF_E_FORMAT, _("%s: '%.*s' is not a token id."), path,
                            WF_STR_ARG(wf_str_sub(word, 0, 40)));
        else
            l->ids[l->n_ids++] = (int32_t)id;
    }
    if (rc == 0 && l->n_ids == 0)
        rc = wf_err_set(err, WF_E_FORMAT, _("%s holds no token ids."), path);
    wf_buf_deinit(&text);
    return rc;
}

static int write_floats(struct logits *l, const float *x, size_t n, struct wf_err *err)
{
    if (fwrite(x, sizeof(*x), n, l->out) != n)
        return wf_err_errno(err, errno, "%s", l->out_path);
    return 0;
}

static int write_logits(struct logits *l, struct wf_err *err)
{
    size_t n_vocab = wf_model_params(l->model)->n_vocab;
    float *out = wf_alloc_array(BATCH * n_vocab, sizeof(*out));
    struct wf_seq seq = {0};
    int rc = 0;

    if (out == NULL)
        return wf_err_set(err, WF_E_NOMEM, "%s", _("Not enough memory for the logits."));
    rc = wf_seq_init(&seq, wf_runner_kv(l->runner), err);
    for (size_t i = 0; i < l->n_ids && rc == 0; i += BATCH) {
        size_t n = l->n_ids - i < BATCH ? l->n_ids - i : BATCH;
        struct wf_batch_part part = {.seq = &seq, .ids = l->ids + i, .n = n, .n_logits = n};
        rc = wf_runner_eval(l->runner, &part, 1, NULL, out, err);
        if (rc == 0)
            rc = write_floats(l, out, n * n_vocab, err);
    }
    wf_seq_deinit(&seq);
    wf_free(out);
    return rc;
}

static int write_embedding(struct logits *l, struct wf_err *err)
{
    size_t dim = wf_model_params(l->model)->dim;
    float *out = wf_alloc_array(dim, sizeof(*out));
    int rc;

    if (out == NULL)
        return wf_err_set(err, WF_E_NOMEM, "%s", _("Not enough memory for the embedding."));
    rc = wf_runner_embed(l->runner, l->ids, (const uint32_t[]){0, (uint32_t)l->n_ids}, 1, out, err);
    if (rc == 0)
        rc = write_floats(l, out, dim, err);
    wf_free(out);
    return rc;
}

static int write_scores(struct logits *l, struct wf_err *err)
{
    size_t n = wf_model_n_scores(l->model);
    float *out = wf_alloc_array(n + 1, sizeof(*out));
    int rc;

    if (out == NULL)
        return wf_err_set(err, WF_E_NOMEM, "%s", _("Not enough memory for the scores."));
    rc = wf_runner_score(l->runner, l->ids, (const uint32_t[]){0, (uint32_t)l->n_ids}, 1, out, err);
    if (rc == 0)
        rc = write_floats(l, out, n, err);
    wf_free(out);
    return rc;
}

static int run(struct logits *l, const char *ids_path, bool embed, bool score,
               struct wf_runner_options *o, struct wf_err *err)
{
    int rc = read_ids(ids_path, l, err);

    if (rc != 0)
        return rc;
    o->n_context = l->n_ids;
    o->n_batch = !embed && !score ? BATCH : 0;
    rc = wf_runner_new(l->model, o, &l->runner, err);
    if (rc == 0 && (l->out = fopen(l->out_path, "wbe")) == NULL)
        rc = wf_err_errno(err, errno, "%s", l->out_path);
    if (rc != 0)
        return rc;
    if (score)
        rc = write_scores(l, err);
    else
        rc = embed ? write_embedding(l, err) : write_logits(l, err);
    if (fclose(l->out) != 0 && rc == 0)
        rc = wf_err_errno(err, errno, "%s", l->out_path);
    return rc;
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

int wf_cmd_logits(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft logits MODEL --ids FILE --out FILE [--embed | --score] [--kv f32|f16|q8_0]\n"
          "                   [--threads N] [--exact] [--kernels NAME]\n\n"
          "Writes what a model computes for token ids (text, separated by white space) as raw\n"
          "little-endian float32: logits of every position, with --embed the pooled embedding,\n"
          "with --score what the classification head says. --exact keeps activations as float32\n"
          "also where weights are quantised.");
    const char *ids = NULL, *out = NULL, *kv = "f32", *kernels = NULL;
    int64_t n_threads = 0;
    bool embed = false, score = false, exact = false;
    const struct wf_option options[] = {
        {.name = "ids", .kind = WF_OPTION_TEXT, .out = &ids},
        {.name = "out", .letter = 'o', .kind = WF_OPTION_TEXT, .out = &out},
        {.name = "kv", .kind = WF_OPTION_TEXT, .out = &kv},
        {.name = "kernels", .kind = WF_OPTION_TEXT, .out = &kernels},
        {.name = "threads",
         .letter = 't',
         .kind = WF_OPTION_NUMBER,
         .out = &n_threads,
         .min = 1,
         .max = 256},
        {.name = "embed", .kind = WF_OPTION_FLAG, .out = &embed},
        {.name = "score", .kind = WF_OPTION_FLAG, .out = &score},
        {.name = "exact", .kind = WF_OPTION_FLAG, .out = &exact},
        {0},
    };
    struct logits l = {0};
    struct wf_err err = WF_ERR_INIT;
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 1 || ids == NULL || out == NULL || kv_kind(kv) < 0 || (embed && score))
        return wf_cli_usage(usage);
    struct wf_runner_options o = {.n_threads = (size_t)n_threads,
                                  .kv = (enum wf_kv_kind)kv_kind(kv),
                                  .act = exact ? WF_ACT_F32 : WF_ACT_Q8,
                                  .kern = kernels != NULL ? wf_kern_by_name(kernels) : NULL};
    if (kernels != NULL && o.kern == NULL) {
        wf_err_set(&err, WF_E_INVAL, _("This processor runs no kernels named '%s'."), kernels);
        return wf_cli_fail(cli, &err);
    }
    l.out_path = out;
    rc = wf_model_open(cli->args[0], &l.model, &err);
    if (rc == 0)
        rc = run(&l, ids, embed, score, &o, &err);
    wf_runner_free(l.runner);
    wf_model_close(l.model);
    wf_free(l.ids);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
