/* SPDX-License-Identifier: Apache-2.0 */
/* weft up: starts weft in the foreground and prints where it is. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/i18n.h"
#include "daemon/config.h"
#include "daemon/supervisor.h"

static void print_ready(void *ud, const char *address, const char *link)
{
    struct wf_cli *cli = ud;

    if (cli->json) {
        json_t *v = json_pack("{s:s, s:s}", "address", address, "link", link);
        wf_cli_print_json(v);
        json_decref(v);
    } else {
        printf(_("weft is at %s · open it once with %s\n"), address, link);
    }
    (void)fflush(stdout); /* whoever reads it may be waiting */
}

int wf_cmd_up(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft up [--port N] [--host ADDRESS]\n\nStarts weft and prints its "
          "address and a one-time link to its page. Ctrl-C stops it.\nSettings are "
          "read from weft.conf in the home folder; SIGHUP reads them again.");
    const char *host = NULL;
    int64_t port = -1;
    const struct wf_option options[] = {
        {.name = "port",
         .letter = 'p',
         .kind = WF_OPTION_NUMBER,
         .out = &port,
         .min = 0,
         .max = 65535},
        {.name = "host", .kind = WF_OPTION_TEXT, .out = &host},
        {.name = NULL},
    };
    struct wf_supervisor_options o = {
        .notify_socket = cli->notify_socket, .ready = print_ready, .ud = cli};
    struct wf_err err = WF_ERR_INIT;
    struct wf_config config;
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 0)
        return wf_cli_usage(usage);
    wf_config_init(&config);
    if (wf_config_load(&config, cli->home.conf, &err) != 0)
        return wf_cli_fail(cli, &err);
    if (port >= 0)
        config.port = port;
    if (host && wf_config_set(&config, WF_STR("host"), wf_str_from(host), &err) != 0)
        return wf_cli_fail(cli, &err);
    o.home = &cli->home;
    o.config = &config;
    return wf_supervisor_run(&o, &err) == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
