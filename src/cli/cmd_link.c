/* SPDX-License-Identifier: Apache-2.0 */
/* weft link: a new one-time link to the page of a running weft. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/i18n.h"
#include "op/json.h"

int wf_cmd_link(struct wf_cli *cli)
{
    const char *usage = _("Usage: weft link\n\nPrints a new one-time link to the page of a running "
                          "weft.");
    struct wf_client_options o = {.program = NULL};
    struct wf_client_call call = {.op = "link", .fd = -1};
    struct wf_err err = WF_ERR_INIT;
    struct wf_client *c = NULL;
    json_t *result = NULL;
    int code, rc;

    if (!wf_cli_options(cli, usage, NULL, &code))
        return code;
    if (cli->n_args != 0)
        return wf_cli_usage(usage);
    rc = wf_client_open(&cli->home, &o, &c, &err);
    if (rc == WF_E_NOENT)
        rc = wf_err_set(&err, rc, "%s", _("weft is not running. Start it: weft up"));
    else if (rc == 0)
        rc = wf_client_run(c, &call, &result, &err);
    if (rc != 0)
        code = wf_cli_fail(cli, &err);
    else if (cli->json)
        wf_cli_print_json(result);
    else
        printf("%s\n", wf_json_text(result, "link"));
    if (rc == 0)
        code = WF_EXIT_DONE;
    json_decref(result);
    wf_client_close(c);
    return code;
}
