/* SPDX-License-Identifier: Apache-2.0 */
/* weft models NAME ...: runs one of the subcommands, which are rows of a table; and what those that
 * write models share. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/i18n.h"
#include "cli/models.h"

static const struct wf_models_command commands[] = {
    {"list", wf_models_list, N_("the models of this machine")},
    {"show", wf_models_show, N_("everything about a model")},
    {"import", wf_models_import, N_("make a GGUF file on this machine a model")},
    {"rm", wf_models_rm, N_("remove models")},
    {"cp", wf_models_cp, N_("give a model a second name")},
    {"verify", wf_models_verify, N_("check that models' files are whole")},
    {"quantize", wf_models_quantize, N_("write a model anew in another data type")},
    {"synth", wf_models_synth, N_("make a model with random weights, for benchmarks")},
    {NULL, NULL, NULL},
};

bool wf_models_tell(void *ud, uint64_t done, uint64_t total)
{
    struct wf_models_progress *p = ud;
    int percent = total > 0 ? (int)(100 * done / total) : 100;

    if (percent != p->percent && isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s %d%%", p->what, percent < 100 ? percent : 100);
    p->percent = percent;
    return true;
}

void wf_models_told(const struct wf_models_progress *p)
{
    if (p->percent >= 0 && isatty(STDERR_FILENO))
        fputs("\n", stderr);
}

const char *wf_models_mixes(char out[256])
{
    size_t at = 0;

    out[0] = 0;
    for (size_t i = 0; wf_mix_at(i) != NULL && at < 256; i++)
        at += (size_t)snprintf(out + at, 256 - at, "%s%s", i > 0 ? " " : "", wf_mix_at(i)->name);
    return out;
}

static void print_help(FILE *f)
{
    fprintf(f, "%s\n\n", _("Usage: weft models COMMAND ..."));
    for (const struct wf_models_command *c = commands; c->name != NULL; c++)
        fprintf(f, "  %-11s %s\n", c->name, _(c->help));
    fprintf(f, "\n%s\n", _("weft models COMMAND --help says more about a command."));
}

int wf_cmd_models(struct wf_cli *cli)
{
    const char *name = cli->n_args > 0 ? cli->args[0] : "";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_help(stdout);
        return WF_EXIT_DONE;
    }
    for (const struct wf_models_command *c = commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) != 0)
            continue;
        cli->args++;
        cli->n_args--;
        return c->run(cli);
    }
    if (name[0] != 0)
        fprintf(stderr, _("weft: there is no command \"models %s\".\n"), name);
    print_help(stderr);
    return WF_EXIT_USAGE;
}
