/* SPDX-License-Identifier: Apache-2.0 */
/* weft remove ID|PATH...: documents go for good: text, index entries, original. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/i18n.h"
#include "daemon/walk.h"

#define PATHS_BYTES_MAX (1u << 20)

int wf_cmd_remove(struct wf_cli *cli)
{
    const char *usage = _("Usage: weft remove DOCUMENT...\n\nRemoves documents for good, named by "
                          "their id (weft documents lists them) or path.\nThe files themselves "
                          "stay where they are.");
    json_t *names = json_array(), *result = NULL;
    struct wf_arena arena;
    int code;

    wf_arena_init(&arena, 0, PATHS_BYTES_MAX);
    if (!wf_cli_options(cli, usage, NULL, &code))
        goto out;
    if (cli->n_args == 0) {
        code = wf_cli_usage(usage);
        goto out;
    }
    for (size_t i = 0; i < cli->n_args; i++) {
        char *path = wf_walk_absolute(&arena, cli->args[i]);
        json_array_append_new(names, json_pack("{s:s, s:s*}", "id", cli->args[i], "path", path));
    }
    code = wf_cli_call(cli, "documents.remove", json_pack("{s:O}", "documents", names), &result);
    if (code == 0 && cli->json)
        wf_cli_print_json(result);
    else if (code == 0)
        printf(_("%d removed.\n"), (int)json_integer_value(json_object_get(result, "removed")));
    json_decref(result);
out:
    json_decref(names);
    wf_arena_deinit(&arena);
    return code;
}
