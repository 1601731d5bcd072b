/* SPDX-License-Identifier: Apache-2.0 */
/* weft models rm, cp and verify: what is done to names. */
#include <stdio.h>

#include "cli/i18n.h"
#include "cli/models.h"

/* Runs `op` for every argument; the first failure ends it. */
static int for_each_name(struct wf_cli *cli, const char *usage, const char *op, const char *done)
{
    int code;

    if (!wf_cli_options(cli, usage, NULL, &code))
        return code;
    if (cli->n_args == 0)
        return wf_cli_usage(usage);
    for (size_t i = 0; code == 0 && i < cli->n_args; i++) {
        json_t *result = NULL;
        code = wf_models_call(cli, op, json_pack("{s:s}", "name", cli->args[i]), &result);
        if (code == 0 && !cli->json)
            printf("%s: %s\n", cli->args[i], done);
        json_decref(result);
    }
    if (code == 0 && cli->json) {
        json_t *v = json_object();
        wf_cli_print_json(v);
        json_decref(v);
    }
    return code;
}

int wf_models_rm(struct wf_cli *cli)
{
    return for_each_name(
        cli,
        _("Usage: weft models rm NAME...\n\nRemoves models. What another name still "
          "means stays on the disk."),
        "models.remove", _("removed"));
}

int wf_models_verify(struct wf_cli *cli)
{
    return for_each_name(cli,
                         _("Usage: weft models verify NAME...\n\nReads models' files again and "
                           "compares their SHA-256."),
                         "models.verify", _("whole"));
}

int wf_models_cp(struct wf_cli *cli)
{
    const char *usage = _("Usage: weft models cp NAME NEW-NAME\n\nGives a model a second name; it "
                          "takes no space.");
    json_t *result = NULL;
    int code;

    if (!wf_cli_options(cli, usage, NULL, &code))
        return code;
    if (cli->n_args != 2)
        return wf_cli_usage(usage);
    code =
        wf_models_call(cli, "models.copy",
                       json_pack("{s:s, s:s}", "from", cli->args[0], "to", cli->args[1]), &result);
    if (code == 0 && cli->json)
        wf_cli_print_json(result);
    json_decref(result);
    return code;
}
