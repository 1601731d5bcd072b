/* SPDX-License-Identifier: Apache-2.0 */
/* weft handoff: what is open here opens on another device; without a device, what is open on the
 * others. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/i18n.h"
#include "op/json.h"

/* What a thing is called: its title, else the beginning of what is written there, else its kind. */
static const char *name_of(const json_t *item)
{
    const char *title = wf_json_text(item, "title"), *text = wf_json_text(item, "text");

    return title[0] != 0 ? title : text[0] != 0 ? text : wf_json_text(item, "view");
}

static void print_idle(const json_t *item)
{
    int64_t minutes = json_integer_value(json_object_get(item, "idle_ms")) / 60000;

    if (minutes == 0)
        printf("%s\n", _("now"));
    else
        printf(ngettext("%lld minute ago\n", "%lld minutes ago\n", (unsigned long)minutes),
               (long long)minutes);
}

static void print_open(const json_t *v)
{
    const json_t *others = json_object_get(v, "others");
    json_t *node, *item;
    size_t i, k, n = 0;

    json_array_foreach(others, i, node)
    {
        json_array_foreach(json_object_get(node, "items"), k, item)
        {
            printf("%s%-20s%s  %-8s  %-40.40s  ", wf_cli_bold(), wf_json_text(node, "node"),
                   wf_cli_plain(), wf_json_text(item, "view"), name_of(item));
            print_idle(item);
            n++;
        }
    }
    if (n == 0)
        printf("%s\n", json_array_size(others) == 0
                           ? _("No other device is connected. Paired ones: weft nodes")
                           : _("Nothing is open on the other devices."));
}

static void print_handed(const json_t *v)
{
    const char *node = wf_json_text(v, "node"), *name = name_of(json_object_get(v, "item"));

    if (json_integer_value(json_object_get(v, "pages")) > 0)
        printf(_("\"%s\" is open on %s now.\n"), name, node);
    else
        printf(_("\"%s\" opens on %s when the app is opened there.\n"), name, node);
}

int wf_cmd_handoff(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft handoff [NODE]\n\n"
          "What is open here, with its place and what is not sent yet, opens on another device.\n"
          "Without NODE: what is open on the other devices.");
    const struct wf_option options[] = {{.name = NULL}};
    json_t *v = NULL;
    bool is_list;
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args > 1)
        return wf_cli_usage(usage);
    is_list = cli->n_args == 0;
    code = is_list ? wf_cli_call(cli, "presence.list", json_object(), &v)
                   : wf_cli_call(cli, "handoff", json_pack("{s:s}", "node", cli->args[0]), &v);
    if (code != 0)
        return code;
    if (cli->json)
        wf_cli_print_json(v);
    else if (is_list)
        print_open(v);
    else
        print_handed(v);
    json_decref(v);
    return WF_EXIT_DONE;
}
