/* SPDX-License-Identifier: Apache-2.0 */
/* weft core: the core of one command, with its conversation at descriptor 3. Not for people: other
 * commands start it when no daemon runs (daemon/client.c). */
#include <signal.h>
#include <stdbool.h>

#include "cli/cli.h"
#include "daemon/core.h"

#define CONN_FD 3

int wf_cmd_core(struct wf_cli *cli)
{
    bool bare = false, labels = false;
    const struct wf_option options[] = {
        {.name = "bare", .kind = WF_OPTION_FLAG, .out = &bare},
        {.name = "labels", .kind = WF_OPTION_FLAG, .out = &labels},
        {.name = NULL},
    };
    struct wf_core_options o = {.program = cli->program,
                                .conn_fd = CONN_FD,
                                .unix_fd = -1,
                                .http_fd = -1,
                                .airlock_fd = -1,
                                .link_fd = -1,
                                .lan_fd = -1,
                                .keeper_fd = -1,
                                .ready_fd = -1};
    struct wf_err err = WF_ERR_INIT;
    struct wf_config config;
    int code;

    if (!wf_cli_options(cli, "weft core is for weft itself.", options, &code))
        return code;
    /* Ctrl-C is for the command that started us; it decides when the work ends. */
    (void)signal(SIGINT, SIG_IGN);
    wf_config_init(&config);
    o.config = &config;
    o.home = bare ? NULL : &cli->home;
    o.has_labels = labels;
    if (wf_cli_config(cli, &config, &err) != 0)
        wf_core_refuse(CONN_FD, &err);
    else if (wf_core_run(&o, &err) == 0)
        return WF_EXIT_DONE;
    return WF_EXIT_FAILED;
}
