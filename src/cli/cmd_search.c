/* SPDX-License-Identifier: Apache-2.0 */
/* weft search "WORDS": the passages that hold them, best first. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "op/json.h"

static void print_hit(size_t n, const json_t *hit)
{
    const json_t *page = json_object_get(hit, "page");

    printf("%s[%zu] %s%s", wf_cli_bold(), n, wf_json_text(hit, "title"), wf_cli_plain());
    if (json_is_integer(page))
        printf(_(", page %d"), (int)json_integer_value(page));
    printf("\n");
    wf_cli_print_wrapped(wf_json_text(hit, "text"), 4, 0, 0);
    printf("    %s%s%s\n\n", wf_cli_dim(), wf_json_text(hit, "path"), wf_cli_plain());
}

int wf_cmd_search(struct wf_cli *cli)
{
    const char *usage = _("Usage: weft search \"WORDS\" [-k N] [--space NAME] [--type TYPE] "
                          "[--path PREFIX]\n\nFinds the passages that hold the words, best first.");
    const char *space = NULL, *type = NULL, *path = NULL;
    int64_t k = 10;
    const struct wf_option options[] = {
        {.name = "hits",
         .letter = 'k',
         .kind = WF_OPTION_NUMBER,
         .out = &k,
         .min = 1,
         .max = WF_LIMIT_HITS},
        {.name = "space", .kind = WF_OPTION_TEXT, .out = &space},
        {.name = "type", .kind = WF_OPTION_TEXT, .out = &type},
        {.name = "path", .kind = WF_OPTION_TEXT, .out = &path},
        {.name = NULL},
    };
    json_t *result = NULL, *hit;
    const json_t *hits;
    size_t i;
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 1)
        return wf_cli_usage(usage);
    code = wf_cli_call(cli, "search",
                       json_pack("{s:s, s:I, s:s*, s:s*, s:s*}", "q", cli->args[0], "k",
                                 (json_int_t)k, "space", space, "type", type, "path", path),
                       &result);
    if (code != 0)
        return code;
    hits = json_object_get(result, "hits");
    if (cli->json) {
        wf_cli_print_json(result);
    } else if (json_array_size(hits) == 0) {
        printf("%s\n", _("Nothing in your documents holds these words."));
    } else {
        json_array_foreach(hits, i, hit) print_hit(i + 1, hit);
    }
    json_decref(result);
    return WF_EXIT_DONE;
}
