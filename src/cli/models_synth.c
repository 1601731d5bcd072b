/* SPDX-License-Identifier: Apache-2.0 */
/* weft models synth SHAPE TYPE OUT: a model of a real shape with random weights. */
#include <stdio.h>
#include <string.h>

#include "cli/i18n.h"
#include "cli/models.h"
#include "model/synth.h"

static int no_shape(const struct wf_cli *cli, const char *name)
{
    struct wf_err err = WF_ERR_INIT;
    char names[256];
    size_t at = 0;

    names[0] = 0;
    for (size_t i = 0; wf_synth_shape_at(i) != NULL && at < sizeof(names); i++)
        at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", i > 0 ? " " : "",
                               wf_synth_shape_at(i)->name);
    wf_err_set(&err, WF_E_INVAL, _("There is no shape '%s'. These are: %s."), name, names);
    return wf_cli_fail(cli, &err);
}

int wf_models_synth(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft models synth SHAPE TYPE OUT [--vocab N] [--seed N]\n\n"
        "Writes a model file with random weights and a made-up vocabulary: it says nothing, but\n"
        "is as fast and as large as the real one. Shapes: tiny, smollm2-135m, qwen2.5-0.5b,\n"
        "tinyllama-1.1b, llama-3.2-1b, lens-shape, bert-base. Types: as weft models quantize has\n"
        "them.");
    int64_t n_vocab = 0, seed = 1;
    const struct wf_option options[] = {
        {.name = "vocab",
         .kind = WF_OPTION_NUMBER,
         .out = &n_vocab,
         .min = WF_SYNTH_VOCAB_MIN,
         .max = 1000000},
        {.name = "seed", .kind = WF_OPTION_NUMBER, .out = &seed, .min = 0, .max = INT64_MAX},
        {0},
    };
    struct wf_models_progress shown = {_("writing"), -1};
    struct wf_progress p = {wf_models_tell, &shown};
    const struct wf_synth_shape *row;
    const struct wf_mix *mix;
    struct wf_synth_shape shape;
    struct wf_err err = WF_ERR_INIT;
    char names[256];
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 3)
        return wf_cli_usage(usage);
    row = wf_synth_shape_by_name(cli->args[0]);
    if (row == NULL)
        return no_shape(cli, cli->args[0]);
    mix = wf_mix_by_name(cli->args[1]);
    if (mix == NULL) {
        wf_err_set(&err, WF_E_INVAL, _("There is no type '%s'. These are: %s."), cli->args[1],
                   wf_models_mixes(names));
        return wf_cli_fail(cli, &err);
    }
    shape = *row;
    if (n_vocab > 0)
        shape.n_vocab = (uint32_t)n_vocab;
    rc = wf_synth(&shape, mix, (uint64_t)seed, cli->args[2], &p, &err);
    wf_models_told(&shown);
    if (rc != 0)
        return wf_cli_fail(cli, &err);
    if (cli->json) {
        json_t *v = json_pack("{s:s, s:s, s:s}", "file", cli->args[2], "shape", shape.name, "type",
                              mix->name);
        if (v != NULL)
            wf_cli_print_json(v);
        json_decref(v);
    }
    return WF_EXIT_DONE;
}
