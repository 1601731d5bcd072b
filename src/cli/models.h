/* The subcommands of `weft models`, one file models_NAME.c each. A subcommand gets the command line
 * without "models NAME" and returns an enum wf_exit. Thread rule: owner. */
#ifndef WF_CLI_MODELS_H
#define WF_CLI_MODELS_H

#include "cli/cli.h"

struct wf_models_command {
    const char *name; /* NULL ends the table */
    int (*run)(struct wf_cli *cli);
    const char *help; /* one line */
};

#endif
