/* SPDX-License-Identifier: Apache-2.0 */
/* weft documents: what was taken in, newest first. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/i18n.h"
#include "op/json.h"

/* "on: laptop, box; online only" */
static void print_where(const json_t *d)
{
    const json_t *on = json_object_get(d, "on");
    const char *state = wf_json_text(d, "state");
    bool is_away = strcmp(state, "text") == 0 || strcmp(state, "elsewhere") == 0;
    json_t *name;
    size_t i;

    if (json_array_size(on) == 0 && !is_away)
        return;
    printf("                  %s", wf_cli_dim());
    printf(_("on: "));
    json_array_foreach(on, i, name) printf("%s%s", i > 0 ? ", " : "", json_string_value(name));
    if (strcmp(state, "text") == 0)
        printf(_("; the original is online only"));
    else if (json_is_true(json_object_get(d, "wanted")))
        printf(_("; on its way"));
    else if (is_away)
        printf(_("; online only"));
    if (json_is_true(json_object_get(d, "pinned")))
        printf(_("; pinned"));
    if (json_is_string(json_object_get(d, "problem")))
        printf("; %s", wf_json_text(d, "problem"));
    printf("%s\n", wf_cli_plain());
}

/* Those that only other devices have. */
static void print_elsewhere(const json_t *d)
{
    char bytes[32];

    printf("%s  %s%s%s  %s%s%s\n", wf_json_text(d, "id"), wf_cli_bold(), wf_json_text(d, "name"),
           wf_cli_plain(), wf_cli_dim(),
           wf_cli_bytes(bytes, (uint64_t)json_integer_value(json_object_get(d, "bytes"))),
           wf_cli_plain());
    print_where(d);
}

static void print_document(const json_t *d)
{
    const json_t *paths = json_object_get(d, "paths");
    const char *path = json_string_value(json_array_get(paths, 0));
    char bytes[32];

    printf("%s  %s%s%s  %s%s%s\n", wf_json_text(d, "id"), wf_cli_bold(), wf_json_text(d, "title"),
           wf_cli_plain(), wf_cli_dim(),
           wf_cli_bytes(bytes, (uint64_t)json_integer_value(json_object_get(d, "bytes"))),
           wf_cli_plain());
    if (path)
        printf("                  %s%s%s\n", wf_cli_dim(), path, wf_cli_plain());
    if (json_array_size(json_object_get(d, "on")) > 1 ||
        strcmp(wf_json_text(d, "state"), "text") == 0 || json_is_true(json_object_get(d, "pinned")))
        print_where(d);
}

int wf_cmd_documents(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft documents [WORDS] [--limit N] [--after CURSOR]\n\nLists what "
          "was taken in, newest first; WORDS choose by title and path.");
    const char *after = NULL;
    int64_t limit = 50;
    const struct wf_option options[] = {
        {.name = "limit", .kind = WF_OPTION_NUMBER, .out = &limit, .min = 1, .max = 200},
        {.name = "after", .kind = WF_OPTION_TEXT, .out = &after},
        {.name = NULL},
    };
    json_t *result = NULL, *d;
    const char *next;
    size_t i;
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args > 1)
        return wf_cli_usage(usage);
    code = wf_cli_call(cli, "documents.list",
                       json_pack("{s:I, s:s*, s:s*}", "limit", (json_int_t)limit, "after", after,
                                 "q", cli->n_args ? cli->args[0] : NULL),
                       &result);
    if (code != 0)
        return code;
    next = json_string_value(json_object_get(result, "next"));
    if (cli->json) {
        wf_cli_print_json(result);
    } else {
        json_array_foreach(json_object_get(result, "elsewhere"), i, d) print_elsewhere(d);
        json_array_foreach(json_object_get(result, "documents"), i, d) print_document(d);
        if (next)
            fprintf(stderr, _("More: weft documents --after %s\n"), next);
    }
    json_decref(result);
    return WF_EXIT_DONE;
}
