/* SPDX-License-Identifier: Apache-2.0 */
/* weft train vectors CONF --into LENS.gguf: vectors of tokens, fitted and put beside the encoder's
 * embedding. */
#include <math.h>
#include <stdio.h>

#include "cli/i18n.h"
#include "cli/train.h"
#include "train/token_vectors.h"

static json_t *figures(const double *x)
{
    json_t *v = json_object();

    for (size_t i = 0; v != NULL && wf_token_vectors_figure(i) != NULL; i++) {
        if (isfinite(x[i]))
            json_object_set_new(v, wf_token_vectors_figure(i), json_real(x[i]));
    }
    return v;
}

static void print_json(const struct wf_token_vectors_report *r)
{
    json_t *v = json_pack(
        "{s:I, s:I, s:I, s:f, s:f, s:o, s:o, s:o}", "steps", (json_int_t)r->n_steps, "pairs",
        (json_int_t)r->n_pairs, "bytes", (json_int_t)r->bytes, "loss", r->loss, "share", r->share,
        "encoder", figures(r->encoder), "table", figures(r->table), "both", figures(r->both));

    if (v != NULL)
        wf_cli_print_json(v);
    json_decref(v);
}

static void print_text(const struct wf_token_vectors_report *r)
{
    char bytes[32], pairs[32];

    printf(_("%s pairs, loss %.3f; the table takes %s and counts %.1f beside the encoder\n"),
           wf_cli_count(pairs, r->n_pairs), r->loss, wf_cli_bytes(bytes, r->bytes), r->share);
    printf("  %-14s %8s %8s %8s\n", _("% kept aside"), _("encoder"), _("table"), _("both"));
    for (size_t i = 0; wf_token_vectors_figure(i) != NULL; i++) {
        if (isfinite(r->both[i]))
            printf("  %-14s %8.2f %8.2f %8.2f\n", wf_token_vectors_figure(i), r->encoder[i],
                   r->table[i], r->both[i]);
    }
}

static void on_step(void *ud, uint64_t i, uint64_t n, double loss)
{
    (void)ud;
    if (i % 500 == 0 || i == n)
        fprintf(stderr, _("step %llu of %llu · %.3f\n"), (unsigned long long)i,
                (unsigned long long)n, loss);
}

int wf_train_vectors(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft train vectors CONF --into LENS.gguf [--out OUT.gguf] [--data FOLDER]\n"
        "                          [--width N] [--bits N] [--steps N]\n\n"
        "Fits, on the pairs of [task embed] of the experiment CONF, a vector for each token,\n"
        "chooses how much they count beside the embedding of LENS.gguf, and writes them into\n"
        "that file, or into OUT.gguf. --width: values of a vector (192); --bits: of each value\n"
        "(1); --steps: of training (6000). Weights for searching must be fitted anew afterwards.");
    int64_t width = WF_TOKEN_VECTORS_WIDTH, bits = WF_TOKEN_VECTORS_BITS,
            steps = WF_TOKEN_VECTORS_STEPS;
    const struct wf_option more[] = {
        {.name = "width", .kind = WF_OPTION_NUMBER, .out = &width, .min = 8, .max = 248},
        {.name = "bits", .kind = WF_OPTION_NUMBER, .out = &bits, .min = 1, .max = 2},
        {.name = "steps", .kind = WF_OPTION_NUMBER, .out = &steps, .min = 1, .max = 10000000},
    };
    struct wf_token_vectors_job job = {.on_step = on_step, .seed = 1};
    struct wf_token_vectors_report report;
    struct wf_err err = WF_ERR_INIT;
    struct wf_train_fit f;
    int code, rc;

    if (!wf_train_fit_open(cli, usage, more, WF_ARRAY_LEN(more), &f, &code))
        return code;
    job.into = f.into;
    job.out = f.out;
    job.data_dir = f.data;
    job.width = (size_t)width;
    job.bits = (unsigned)bits;
    job.n_steps = (uint64_t)steps;
    rc = wf_token_vectors_fit(f.conf, &job, &report, &err);
    wf_conf_free(f.conf);
    if (rc != 0)
        return wf_cli_fail(cli, &err);
    if (cli->json)
        print_json(&report);
    else
        print_text(&report);
    return WF_EXIT_DONE;
}
