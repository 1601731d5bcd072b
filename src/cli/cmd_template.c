/* SPDX-License-Identifier: Apache-2.0 */
/* weft template FILE.json: renders a chat template's cases, a JSON object a line. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "model/template.h"
#include "op/json.h"
#include "os/file.h"

/* "2026-03-14T09:26:53", local time; now when there is none. */
static time_t time_of(const json_t *now)
{
    const char *s = json_string_value(now);
    struct tm tm = {.tm_isdst = -1};

    if (s == NULL || strptime(s, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
        return time(NULL);
    return mktime(&tm);
}

static void render_case(const struct wf_template *t, const struct wf_err *broken, const json_t *c,
                        time_t now)
{
    const json_t *name = json_object_get(c, "name");
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf text;
    json_t *line = json_object();
    int rc = -1;

    wf_buf_init(&text, WF_LIMIT_TEMPLATE_BYTES);
    if (t != NULL && !json_is_object(json_object_get(c, "context")))
        (void)wf_err_set(&err, WF_E_INVAL, "The case has no object \"context\".");
    else if (t != NULL)
        rc = wf_template_render(t, json_object_get(c, "context"), now, &text, &err);
    json_object_set(line, "name", (json_t *)(uintptr_t)name);
    if (rc == 0)
        json_object_set_new(line, "text", wf_json_str(wf_buf_str(&text)));
    else
        json_object_set_new(line, "error", json_string(t != NULL ? err.msg : broken->msg));
    wf_buf_reset(&text);
    if (wf_json_append(&text, line) == 0)
        (void)printf("%s\n", text.ptr);
    json_decref(line);
    wf_buf_deinit(&text);
}

int wf_cmd_template(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft template FILE.json\n\n"
        "Renders the cases of a chat template: the file holds {\"template\", \"now\", \"cases\":\n"
        "[{\"name\", \"context\"}]}; a line of JSON is printed for each, with its name and the\n"
        "text or the error.");
    const struct wf_option options[] = {{0}};
    struct wf_template *t = NULL;
    struct wf_err err = WF_ERR_INIT, broken = WF_ERR_INIT;
    struct wf_buf text;
    const json_t *cases, *c, *source;
    json_t *file = NULL;
    json_error_t at;
    size_t i;
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 1)
        return wf_cli_usage(usage);
    wf_buf_init(&text, WF_LIMIT_TEMPLATE_MEMORY);
    rc = wf_file_read(cli->args[0], &text, &err);
    if (rc == 0 && (file = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, &at)) == NULL)
        rc = wf_err_set(&err, WF_E_FORMAT, _("%s is not JSON: %s"), cli->args[0], at.text);
    source = json_object_get(file, "template");
    cases = json_object_get(file, "cases");
    if (rc == 0 && (!json_is_string(source) || !json_is_array(cases)))
        rc = wf_err_set(&err, WF_E_FORMAT, _("%s has no template, or no cases."), cli->args[0]);
    if (rc == 0) {
        struct wf_str template = wf_str_n(json_string_value(source), json_string_length(source));
        if (wf_template_compile_plain(template, &t, &broken) != 0)
            t = NULL; /* each case says why */
        json_array_foreach(cases, i, c)
            render_case(t, &broken, c, time_of(json_object_get(file, "now")));
    }
    wf_template_free(t);
    json_decref(file);
    wf_buf_deinit(&text);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
