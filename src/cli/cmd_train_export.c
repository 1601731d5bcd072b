/* SPDX-License-Identifier: Apache-2.0 */
/* weft train export CHECKPOINT OUT.gguf: what was trained, as a model file. */
#include <stdio.h>

#include "cli/i18n.h"
#include "cli/train.h"
#include "train/export.h"

int wf_train_export_command(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft train export CHECKPOINT OUT.gguf [--vocab FILE]\n\n"
        "Writes the network, its heads and the vocabulary as a model file in float32; weft models\n"
        "quantize makes it smaller. --vocab names the vocabulary where it is not at the place "
        "that\n"
        "the experiment says.");
    const char *vocab = NULL;
    const struct wf_option options[] = {
        {.name = "vocab", .kind = WF_OPTION_TEXT, .out = &vocab},
        {0},
    };
    struct wf_err err = WF_ERR_INIT;
    json_t *v;
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 2)
        return wf_cli_usage(usage);
    if (wf_train_export(cli->args[0], cli->args[1], vocab, &err) != 0)
        return wf_cli_fail(cli, &err);
    if (!cli->json) {
        printf(_("%s is written.\n"), cli->args[1]);
        return WF_EXIT_DONE;
    }
    v = json_pack("{s:s}", "file", cli->args[1]);
    if (v != NULL)
        wf_cli_print_json(v);
    json_decref(v);
    return WF_EXIT_DONE;
}
