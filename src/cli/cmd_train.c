/* SPDX-License-Identifier: Apache-2.0 */
/* weft train NAME ...: runs one of the subcommands, which are rows of a table; what is none of them
 * is an experiment's file. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/i18n.h"
#include "cli/train.h"

static const struct {
    const char *name;
    int (*run)(struct wf_cli *cli);
    const char *help; /* one line */
} commands[] = {
    {"vocab", wf_train_vocab, N_("make a vocabulary out of texts")},
    {"shards", wf_train_shards, N_("texts as files of tokens, for training")},
    {"export", wf_train_export_command, N_("what was trained, as a model file")},
    {"answers", wf_train_answers, N_("how lens finds answers, from questions")},
    {"language", wf_train_language, N_("a table that tells languages apart, from sentences")},
    {"linear", wf_train_linear, N_("judges of requests by words, beside the encoder")},
    {"salience", wf_train_salience, N_("what words summaries have, from texts and summaries")},
    {"sensitivity", wf_train_sensitivity, N_("a judge of private matters by words")},
    {"card", wf_train_card, N_("the version of a lens file, and its figures")},
    {"crf", wf_train_crf, N_("what words say of entities, into a lens file")},
    {"vectors", wf_train_vectors, N_("vectors of tokens, beside the encoder's embedding")},
    {"route", wf_train_route, N_("which requests a small model answers right")},
    {"adapter", wf_train_adapter, N_("an adapter for a model, from your own texts")},
};

static void print_help(FILE *f)
{
    fprintf(f, "%s\n\n", _("Usage: weft train CONF ... | weft train COMMAND ..."));
    fprintf(f, "  %-11s %s\n", "CONF", _("run the experiment that a file describes"));
    for (size_t i = 0; i < WF_ARRAY_LEN(commands); i++)
        fprintf(f, "  %-11s %s\n", commands[i].name, _(commands[i].help));
    fprintf(f, "\n%s\n", _("weft train COMMAND --help says more about a command."));
}

int wf_cmd_train(struct wf_cli *cli)
{
    const char *name = cli->n_args > 0 ? cli->args[0] : "";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_help(stdout);
        return WF_EXIT_DONE;
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        cli->args++;
        cli->n_args--;
        return commands[i].run(cli);
    }
    if (name[0] != 0)
        return wf_train_run(cli);
    print_help(stderr);
    return WF_EXIT_USAGE;
}
