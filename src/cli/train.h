/* The subcommands of `weft train`, one file cmd_train_NAME.c each. A subcommand gets the command
 * line without "train NAME" and returns an enum wf_exit. Thread rule: owner. */
#ifndef WF_CLI_TRAIN_H
#define WF_CLI_TRAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/cli.h"
#include "train/conf.h"

/* Makes a vocabulary; makes files of tokens. */
int wf_train_vocab(struct wf_cli *cli);
int wf_train_shards(struct wf_cli *cli);
int wf_train_export_command(struct wf_cli *cli);
/* Makes the table of languages. */
int wf_train_language(struct wf_cli *cli);
/* Makes the table of words by which sentences are chosen. */
int wf_train_salience(struct wf_cli *cli);
/* Fits the linear judge of private matters. */
int wf_train_sensitivity(struct wf_cli *cli);
/* Gives a lens file its version and its card. */
int wf_train_card(struct wf_cli *cli);
/* Fits what words say of entities. */
int wf_train_crf(struct wf_cli *cli);
/* Fits the linear judges of requests. */
int wf_train_linear(struct wf_cli *cli);
/* Fits vectors of tokens beside the encoder's embedding. */
int wf_train_vectors(struct wf_cli *cli);
/* Fits how lens joins its heads with shared words. */
int wf_train_answers(struct wf_cli *cli);
/* Fits the table by which easy and hard requests are told apart. */
int wf_train_route(struct wf_cli *cli);
/* Trains an adapter for a model. */
int wf_train_adapter(struct wf_cli *cli);

/* weft train CONF: runs an experiment. */
int wf_train_run(struct wf_cli *cli);

/* What commands that fit something to a lens share: weft train NAME CONF --into LENS [--out OUT]
 * [--data FOLDER]. Strings are borrowed, of the command line. */
struct wf_train_fit {
    const char *into, *out, *data;
    struct wf_conf *conf; /* owned by the caller: wf_conf_free */
};
/* Reads the command line, with n more options (WF_TRAIN_FIT_MORE at most), and CONF; what was not
 * given is filled. False: *out_code says how the command ends, and there is no conf. */
#define WF_TRAIN_FIT_MORE 8
bool wf_train_fit_open(struct wf_cli *cli, const char *usage, const struct wf_option *more,
                       size_t n, struct wf_train_fit *out, int *out_code);

/* From now on the first SIGINT or SIGTERM asks to stop, a second one ends at once. Thread: init. */
void wf_train_catch_signals(void);
bool wf_train_asked_to_stop(void);

/* " · 3 min left" into out [n]; "" when that is not known (not finite). Thread: any. */
void wf_train_time_left(char *out, size_t n, double s);

#endif
