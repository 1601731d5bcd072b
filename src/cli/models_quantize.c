/* SPDX-License-Identifier: Apache-2.0 */
/* weft models quantize IN OUT TYPE: a model in another data type. */
#include <stdio.h>

#include "cli/i18n.h"
#include "cli/models.h"

static void print_done(const struct wf_cli *cli, const char *path, const struct wf_mix *mix,
                       const struct wf_quantized *q)
{
    char in[32], out[32];
    json_t *v;

    if (!cli->json) {
        printf(_("%s: %s of weights became %s (%s).\n"), path, wf_cli_bytes(in, q->bytes_in),
               wf_cli_bytes(out, q->bytes_out), mix->name);
        return;
    }
    v = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "file", path, "type", mix->name, "bytes_in",
                  (json_int_t)q->bytes_in, "bytes_out", (json_int_t)q->bytes_out, "changed",
                  (json_int_t)q->n_changed, "quantised_again", (json_int_t)q->n_again);
    if (v != NULL)
        wf_cli_print_json(v);
    json_decref(v);
}

int wf_models_quantize(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft models quantize IN OUT TYPE [--embeddings TYPE]\n\n"
        "Writes the model file IN to OUT with its matrices in another data type, chosen for each\n"
        "as the type's name promises (Q4_K_M keeps the touchier ones finer). Types: F32 F16 BF16\n"
        "Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q4_K_M Q5_K_S Q5_K_M Q6_K\n"
        "IQ4_NL IQ4_XS MXFP4. --embeddings: of the table of tokens, where it is to be another "
        "(Q4_K).");
    struct wf_models_progress shown = {_("quantising"), -1};
    struct wf_progress p = {wf_models_tell, &shown};
    const struct wf_mix *mix;
    const struct wf_dtype *type = NULL;
    const char *embeddings = NULL;
    const struct wf_option options[] = {
        {.name = "embeddings", .kind = WF_OPTION_TEXT, .out = &embeddings},
        {.name = NULL},
    };
    struct wf_quantized done = {0};
    struct wf_err err = WF_ERR_INIT;
    struct wf_gguf *g = NULL;
    char names[256];
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 3)
        return wf_cli_usage(usage);
    mix = wf_mix_by_name(cli->args[2]);
    if (mix == NULL) {
        wf_err_set(&err, WF_E_INVAL, _("There is no type '%s'. These are: %s."), cli->args[2],
                   wf_models_mixes(names));
        return wf_cli_fail(cli, &err);
    }
    if (embeddings != NULL && (type = wf_dtype_by_name(embeddings)) == NULL) {
        wf_err_set(&err, WF_E_INVAL, _("There is no type '%s' for one matrix."), embeddings);
        return wf_cli_fail(cli, &err);
    }
    rc = wf_gguf_open(cli->args[0], &g, &err);
    if (rc == 0)
        rc = wf_quantize(g, mix, type, cli->args[1], &p, &done, &err);
    wf_models_told(&shown);
    wf_gguf_close(g);
    if (rc != 0)
        return wf_cli_fail(cli, &err);
    if (done.n_again > 0)
        fprintf(stderr,
                _("weft: %zu matrices were quantised before and have lost twice; quantise from an "
                  "F16 or F32 file where you have one.\n"),
                done.n_again);
    print_done(cli, cli->args[1], mix, &done);
    return WF_EXIT_DONE;
}
