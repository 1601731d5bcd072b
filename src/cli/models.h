/* The subcommands of `weft models`, one file models_NAME.c each. A subcommand gets the command line
 * without "models NAME" and returns an enum wf_exit. Thread rule: owner. */
#ifndef WF_CLI_MODELS_H
#define WF_CLI_MODELS_H

#include "cli/cli.h"
#include "model/quantize.h"

struct wf_models_command {
    const char *name; /* NULL ends the table */
    int (*run)(struct wf_cli *cli);
    const char *help; /* one line */
};

/* ---- the subcommands ---- */
int wf_models_list(struct wf_cli *cli);
int wf_models_show(struct wf_cli *cli);
int wf_models_rm(struct wf_cli *cli);
int wf_models_cp(struct wf_cli *cli);
int wf_models_import(struct wf_cli *cli);
int wf_models_verify(struct wf_cli *cli);

/* What the commands import and pull do, for others that need it: the file at `path` becomes a model
 * of that name; a model comes over the network (params are borrowed; Ctrl-C stops it). 0 or, having
 * said why, WF_EXIT_FAILED. *out_result is a new reference. */
int wf_models_import_file(struct wf_cli *cli, const char *path, const char *name,
                          json_t **out_result) WF_MUST_USE;
int wf_models_pull(struct wf_cli *cli, json_t *params, json_t **out_result) WF_MUST_USE;

/* Runs one operation of the models (params are taken over), making the home where it is missing and
 * showing its progress. 0 or, having said why, WF_EXIT_FAILED. *out_result is a new reference. */
int wf_models_call(struct wf_cli *cli, const char *op, json_t *params,
                   json_t **out_result) WF_MUST_USE;
/* The same over a conversation that is open. */
int wf_models_run(struct wf_cli *cli, struct wf_client *c, const char *op, json_t *params,
                  json_t **out_result) WF_MUST_USE;

/* 7241732096 as "7.2B". Returns out. */
char *wf_models_params(char out[32], uint64_t n);
/* A line of progress on stderr, where that is a terminal: ud is a `struct wf_models_progress`. */
struct wf_models_progress {
    const char *what; /* "quantising", translated */
    int percent;      /* shown last; -1: nothing yet */
};
bool wf_models_tell(void *ud, uint64_t done, uint64_t total);
/* Ends the line. */
void wf_models_told(const struct wf_models_progress *p);

/* The names of all mixes, for messages: into out; returns out. */
const char *wf_models_mixes(char out[256]);

/* ---- those that write models ---- */
int wf_models_quantize(struct wf_cli *cli);
int wf_models_synth(struct wf_cli *cli);

#endif
