/* SPDX-License-Identifier: Apache-2.0 */
/* weft pin, weft unpin: a document of another device comes to this one and stays, or need not. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/bar.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "op/json.h"

static int run(struct wf_cli *cli, const char *usage, const char *op)
{
    const struct wf_option options[] = {{.name = NULL}};
    json_t *result = NULL;
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 1)
        return wf_cli_usage(usage);
    code = wf_cli_call(cli, op, json_pack("{s:s}", "id", cli->args[0]), &result);
    if (code == 0 && cli->json)
        wf_cli_print_json(result);
    json_decref(result);
    return code;
}

static int show(void *ud, const char *event, const json_t *data)
{
    if (strcmp(event, "progress") == 0)
        wf_bar_draw(ud, _("fetching"), (uint64_t)json_integer_value(json_object_get(data, "done")),
                    (uint64_t)json_integer_value(json_object_get(data, "all")));
    return 0;
}

/* Waits until it is here. */
static int fetch(struct wf_cli *cli, const char *words)
{
    struct wf_bar bar;
    json_t *params = json_pack("{s:s}", "id", words), *result = NULL;
    const struct wf_client_call call = {
        .op = "documents.fetch", .params = params, .fd = -1, .fn = show, .ud = &bar};
    struct wf_err err = WF_ERR_INIT;
    struct wf_client *c = NULL;
    int code = wf_cli_connect(cli, false, &c);

    if (code == 0) {
        wf_bar_init(&bar, !cli->json);
        if (wf_client_run(c, &call, &result, &err) != 0)
            code = wf_cli_fail(cli, &err);
        wf_bar_clear(&bar);
    }
    wf_client_close(c);
    json_decref(result);
    json_decref(params);
    return code;
}

int wf_cmd_pin(struct wf_cli *cli)
{
    int code = run(cli,
                   _("Usage: weft pin DOCUMENT\n\nThe original of a document (its id, or its name "
                     "as weft documents lists it) comes to this\ndevice from the one that has it, "
                     "and stays."),
                   "documents.pin");

    return code == 0 && cli->n_args == 1 ? fetch(cli, cli->args[0]) : code;
}

int wf_cmd_unpin(struct wf_cli *cli)
{
    return run(cli,
               _("Usage: weft unpin DOCUMENT\n\nThe original need not stay on this device: where "
                 "another one keeps it, it goes once room is\nneeded. Its text stays, and is "
                 "found."),
               "documents.unpin");
}
