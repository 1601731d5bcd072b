/* The subcommands of `weft train`, one file cmd_train_NAME.c each. A subcommand gets the command
 * line without "train NAME" and returns an enum wf_exit. Thread rule: owner. */
#ifndef WF_CLI_TRAIN_H
#define WF_CLI_TRAIN_H

#include "cli/cli.h"

/* Makes a vocabulary; makes files of tokens. */
int wf_train_vocab(struct wf_cli *cli);
int wf_train_shards(struct wf_cli *cli);
int wf_train_export_command(struct wf_cli *cli);

/* weft train CONF: runs an experiment. */
int wf_train_run(struct wf_cli *cli);

#endif
