/* SPDX-License-Identifier: Apache-2.0 */
/* weft feedback ID good|bad: what an answer was like, for who chooses the next engine. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/i18n.h"
#include "op/json.h"

static void show(const json_t *v)
{
    const double quality = 100 * json_number_value(json_object_get(v, "quality"));
    const double sd = 100 * json_number_value(json_object_get(v, "quality_sd"));
    const char *engine = wf_json_text(v, "engine"), *kind = wf_json_text(v, "kind");

    if (!json_is_true(json_object_get(v, "is_new")))
        printf("%s\n", _("That was known; it counts once."));
    printf(_("Of %s weft now expects %.0f%% of answers of this kind (%s) to be right, give or take "
             "%.0f.\n"),
           engine, quality, kind, sd);
}

int wf_cmd_feedback(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft feedback ID good|bad\n\n"
        "Says what the answer of a request was like that weft had placed (the model \"auto\"), by\n"
        "the id that its header x-weft-route has. It counts once, as one answer that was looked\n"
        "at; another word later takes the first one back.");
    const struct wf_option options[] = {{.name = NULL}};
    json_t *result = NULL;
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 2 || (strcmp(cli->args[1], "good") != 0 && strcmp(cli->args[1], "bad") != 0))
        return wf_cli_usage(usage);
    code =
        wf_cli_call(cli, "feedback",
                    json_pack("{s:s, s:s}", "id", cli->args[0], "rating", cli->args[1]), &result);
    if (code != 0)
        return code;
    if (cli->json)
        wf_cli_print_json(result);
    else
        show(result);
    json_decref(result);
    return WF_EXIT_DONE;
}
