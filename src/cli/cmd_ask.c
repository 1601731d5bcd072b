/* SPDX-License-Identifier: Apache-2.0 */
/* weft ask "QUESTION": the sentences of one's own documents that answer, each with its place. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "cli/release.h"
#include "op/json.h"
#include "text/utf8.h"

static void print_citation(size_t n, const json_t *c)
{
    const json_t *page = json_object_get(c, "page"), *mark = json_object_get(c, "highlight");
    struct wf_str text = wf_str_from(wf_json_text(c, "text"));
    json_int_t start = json_integer_value(json_object_get(c, "start"));
    json_int_t mark_start = json_integer_value(json_object_get(mark, "start")) - start;
    json_int_t mark_end = json_integer_value(json_object_get(mark, "end")) - start;

    printf("%s[%zu] %s%s", wf_cli_bold(), n, wf_json_text(c, "title"), wf_cli_plain());
    if (json_is_integer(page))
        printf(_(", page %d"), (int)json_integer_value(page));
    printf("\n");
    if (!mark || mark_start < 0 || mark_end < mark_start)
        mark_start = mark_end = 0;
    wf_cli_print_wrapped(text.ptr, 4, wf_utf8_offset(text, (size_t)mark_start),
                         wf_utf8_offset(text, (size_t)mark_end));
    printf("    %s%s%s\n\n", wf_cli_dim(), wf_json_text(c, "path"), wf_cli_plain());
}

/* A place in the answer; 0 where there is none. */
static size_t point_of(const json_t *span, const char *key)
{
    json_int_t at = json_integer_value(json_object_get(span, key));

    return at > 0 ? (size_t)at : 0;
}

static void print_answer(const json_t *result)
{
    const json_t *citations = json_object_get(result, "citations");
    const json_t *span = json_object_get(result, "span");
    struct wf_str text;
    json_t *c;
    size_t i;

    if (!json_is_true(json_object_get(result, "found"))) {
        printf("%s\n", _("Nothing in your documents answers this."));
        return;
    }
    text = wf_str_from(wf_json_text(result, "answer"));
    wf_cli_print_wrapped(text.ptr, 0, wf_utf8_offset(text, point_of(span, "start")),
                         wf_utf8_offset(text, point_of(span, "end")));
    printf("\n");
    json_array_foreach(citations, i, c) print_citation(i + 1, c);
}

/* Where a model wrote, or was asked in vain. */
static void print_route(const json_t *result)
{
    const json_t *route = json_object_get(result, "route");
    const char *model = json_string_value(json_object_get(route, "model"));

    if (model)
        printf("%s%s: %s%s\n", wf_cli_dim(), model, wf_json_text(route, "reason"), wf_cli_plain());
}

int wf_cmd_ask(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft ask \"QUESTION\" [--thread ID] [--space NAME] [--type TYPE] [--path PREFIX]\n"
        "                [--model NAME | --quote]\n\n"
        "Answers from your documents, with the places it stands at. --thread goes on with an\n"
        "earlier question. Where a chat model is there (weft models list) the answer is in its\n"
        "words, each statement checked against what it cites; --quote answers in the documents'\n"
        "own.");
    const char *thread = NULL, *space = NULL, *type = NULL, *path = NULL, *model = NULL;
    bool quote = false;
    const struct wf_option options[] = {
        {.name = "thread", .kind = WF_OPTION_TEXT, .out = &thread},
        {.name = "space", .kind = WF_OPTION_TEXT, .out = &space},
        {.name = "type", .kind = WF_OPTION_TEXT, .out = &type},
        {.name = "path", .kind = WF_OPTION_TEXT, .out = &path},
        {.name = "model", .kind = WF_OPTION_TEXT, .out = &model},
        {.name = "quote", .kind = WF_OPTION_FLAG, .out = &quote},
        {.name = NULL},
    };
    struct wf_client_call call = {.op = "ask", .fd = -1};
    struct wf_err err = WF_ERR_INIT;
    struct wf_client *c = NULL;
    json_t *result = NULL;
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 1 || (model && quote))
        return wf_cli_usage(usage);
    call.params = json_pack("{s:s, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*}", "question", cli->args[0],
                            "thread", thread, "space", space, "type", type, "path", path, "model",
                            model, "mode", quote ? "extractive" : NULL);
    code = wf_cli_connect(cli, false, &c);
    if (code == 0 && wf_release_run(cli, c, &call, &result, &err) != 0)
        code = wf_cli_fail(cli, &err);
    wf_client_close(c);
    json_decref(call.params);
    if (code != 0)
        return code;
    if (cli->json) {
        wf_cli_print_json(result);
    } else {
        print_answer(result);
        print_route(result);
        wf_cli_print_flagged(result);
        fflush(stdout); /* the hint comes behind the answer, also where both go to one file */
        fprintf(stderr, _("To go on: weft ask --thread %s \"...\"\n"),
                wf_json_text(result, "thread"));
    }
    json_decref(result);
    return WF_EXIT_DONE;
}
