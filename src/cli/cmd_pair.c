/* SPDX-License-Identifier: Apache-2.0 */
/* weft pair: two devices of one person come together. One shows a code and waits; at the other it
 * is typed, or scanned. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/code.h"
#include "cli/i18n.h"
#include "op/json.h"

static const char *usage(void)
{
    return _("Usage: weft pair --show\n"
             "       weft pair [--relay] CODE@HOST:PORT\n\n"
             "Makes two devices know each other. On the one that is yours already: weft pair "
             "--show\n"
             "prints a code and waits; on the new one: weft pair with that code and address, or "
             "what\n"
             "was scanned. Both show the same three words then. A code counts once, for five "
             "minutes,\n"
             "with one try a minute.\n"
             "--relay: this device keeps what the others write while they sleep, and can read none "
             "of it.");
}

static void print_head(const json_t *code)
{
    const json_t *addresses = json_object_get(code, "addresses");

    printf(_("On the other device, type:\n\n    %sweft pair %s@%s%s\n\n"), wf_cli_bold(),
           wf_json_text(code, "code"), wf_json_text(code, "address"), wf_cli_plain());
    for (size_t i = 1; i < json_array_size(addresses); i++) {
        const char *a = json_string_value(json_array_get(addresses, i));
        printf(_("%sor with the address %s%s\n"), wf_cli_dim(), a != NULL ? a : "", wf_cli_plain());
    }
}

static void print_paired(const json_t *v)
{
    printf(_("Paired with %s%s%s. Both devices show these words: %s%s%s\n"), wf_cli_bold(),
           wf_json_text(v, "name"), wf_cli_plain(), wf_cli_bold(), wf_json_text(v, "words"),
           wf_cli_plain());
}

/* With --json the code is printed at once, and counts on in the daemon. */
static int show(struct wf_cli *cli)
{
    json_t *result, *params = json_pack("{s:b}", "wait", !cli->json);
    struct wf_err err = WF_ERR_INIT;
    int code = wf_code_run(cli, "pair.show", params, print_head, &result);

    if (code != WF_EXIT_DONE)
        return code;
    if (cli->json) {
        wf_cli_print_json(result);
    } else if (strcmp(wf_json_text(result, "state"), "paired") == 0) {
        print_paired(result);
        printf("%s\n", _("If this device is lost, a page of paper brings the others back: weft "
                         "nodes paper"));
    } else {
        (void)wf_err_set(&err, WF_E_TIMEOUT, "%s",
                         _("The code counts no more, and nothing was paired."));
        code = wf_cli_fail(cli, &err);
    }
    json_decref(result);
    return code;
}

static int join(struct wf_cli *cli, const char *target, bool is_relay)
{
    json_t *result, *params = json_pack("{s:s, s:b}", "target", target, "relay", is_relay);
    int code = wf_code_run(cli, "pair.join", params, NULL, &result);

    if (code == WF_EXIT_DONE && cli->json)
        wf_cli_print_json(result);
    else if (code == WF_EXIT_DONE)
        print_paired(result);
    json_decref(result);
    return code;
}

int wf_cmd_pair(struct wf_cli *cli)
{
    bool is_shown = false, is_relay = false;
    const struct wf_option options[] = {
        {.name = "relay", .kind = WF_OPTION_FLAG, .out = &is_relay},
        {.name = "show", .kind = WF_OPTION_FLAG, .out = &is_shown},
        {.name = NULL},
    };
    int code;

    if (!wf_cli_options(cli, usage(), options, &code))
        return code;
    if (is_shown ? cli->n_args != 0 || is_relay : cli->n_args != 1)
        return wf_cli_usage(usage());
    return is_shown ? show(cli) : join(cli, cli->args[0], is_relay);
}
