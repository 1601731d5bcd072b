/* SPDX-License-Identifier: Apache-2.0 */
/* weft up: starts weft in the foreground and prints where it is. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/i18n.h"
#include "daemon/config.h"
#include "daemon/supervisor.h"

#define OPTIONS_MAX 48

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

/* Every setting is a flag, too: "model_context" as --model-context. */
struct flags {
    struct wf_option options[OPTIONS_MAX + 1];
    char names[OPTIONS_MAX][WF_CONFIG_ENV_BYTES];
    const char *values[OPTIONS_MAX];
    bool lan; /* --lan alone is "on" */
    size_t n;
};

static void make_flags(struct flags *f)
{
    struct wf_config_option o;

    for (; wf_config_option_at(f->n, &o); f->n++) {
        char *name = f->names[f->n];
        assert(f->n < OPTIONS_MAX);
        snprintf(name, WF_CONFIG_ENV_BYTES, "%s", o.name);
        for (; *name; name++)
            *name = *name == '_' ? '-' : *name;
        f->options[f->n] = (struct wf_option){.name = f->names[f->n],
                                              .letter = strcmp(o.name, "port") == 0 ? 'p' : 0,
                                              .kind = WF_OPTION_TEXT,
                                              .out = &f->values[f->n]};
        if (strcmp(o.name, "lan") == 0)
            f->options[f->n] =
                (struct wf_option){.name = "lan", .kind = WF_OPTION_FLAG, .out = &f->lan};
    }
}

static int use_flags(const struct flags *f, struct wf_config *config, struct wf_err *err)
{
    struct wf_config_option o;
    int rc = f->lan ? wf_config_set(config, WF_STR("lan"), WF_STR("on"), err) : 0;

    for (size_t i = 0; i < f->n && rc == 0; i++) {
        if (f->values[i] && wf_config_option_at(i, &o))
            rc = wf_config_set(config, wf_str_from(o.name), wf_str_from(f->values[i]), err);
    }
    return rc;
}

/* The table as text: for people, and (Markdown) for docs/settings.md. */
static int print_settings(bool markdown)
{
    struct wf_config_option o;

    if (markdown)
        printf("| setting | default | what it is |\n|---|---|---|\n");
    for (size_t i = 0; wf_config_option_at(i, &o); i++) {
        if (markdown)
            printf("| `%s` | %s | %s |\n", o.name, *o.fallback ? o.fallback : "(empty)", o.help);
        else
            printf("  %-20s %-10s %s\n", o.name, o.fallback, o.help);
    }
    return WF_EXIT_DONE;
}

int wf_cmd_up(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft up [--lan] [--port N] [--host ADDRESS] [--SETTING VALUE ...]\n\nStarts weft "
          "and "
          "prints its address and a one-time link to its page. Ctrl-C stops it.\nWith --lan phones "
          "in "
          "the local network may use it, once they were let in: weft phone\nSettings are "
          "read from weft.conf in the home folder (SIGHUP reads them again), from the\n"
          "environment (WEFT_MODEL_CONTEXT=8192), and from flags (--model-context 8192), the later "
          "ones first.\nweft up --settings lists them.");
    struct flags flags = {.n = 0};
    struct wf_option options[OPTIONS_MAX + 3];
    bool settings = false, markdown = false;
    struct wf_supervisor_options o = {.program = cli->program,
                                      .notify_socket = cli->notify_socket,
                                      .ready = print_ready,
                                      .ud = cli};
    struct wf_err err = WF_ERR_INIT;
    struct wf_config config;
    int code;

    make_flags(&flags);
    memcpy(options, flags.options, flags.n * sizeof(options[0]));
    options[flags.n] =
        (struct wf_option){.name = "settings", .kind = WF_OPTION_FLAG, .out = &settings};
    options[flags.n + 1] =
        (struct wf_option){.name = "markdown", .kind = WF_OPTION_FLAG, .out = &markdown};
    options[flags.n + 2] = (struct wf_option){.name = NULL};
    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 0)
        return wf_cli_usage(usage);
    if (settings)
        return print_settings(markdown);
    if (wf_cli_config(cli, &config, &err) != 0 || use_flags(&flags, &config, &err) != 0)
        return wf_cli_fail(cli, &err);
    o.home = &cli->home;
    o.config = &config;
    return wf_supervisor_run(&o, &err) == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
