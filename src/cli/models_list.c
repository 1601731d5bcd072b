/* SPDX-License-Identifier: Apache-2.0 */
/* weft models list; and what the subcommands share. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/bar.h"
#include "cli/i18n.h"
#include "cli/models.h"
#include "op/json.h"

static int show_progress(void *ud, const char *event, const json_t *data)
{
    json_int_t done = json_integer_value(json_object_get(data, "done"));
    json_int_t all = json_integer_value(json_object_get(data, "all"));

    if (strcmp(event, "progress") == 0)
        wf_bar_draw(ud, _("checking"), (uint64_t)done, (uint64_t)all);
    return 0;
}

int wf_models_run(struct wf_cli *cli, struct wf_client *c, const char *op, json_t *params,
                  json_t **out_result)
{
    struct wf_bar bar;
    struct wf_client_call call = {
        .op = op, .params = params, .fd = -1, .fn = show_progress, .ud = &bar};
    struct wf_err err = WF_ERR_INIT;
    int rc;

    wf_bar_init(&bar, !cli->json);
    rc = wf_client_run(c, &call, out_result, &err);
    wf_bar_clear(&bar);
    json_decref(params);
    return rc == 0 ? 0 : wf_cli_fail(cli, &err);
}

int wf_models_call(struct wf_cli *cli, const char *op, json_t *params, json_t **out_result)
{
    struct wf_client *c = NULL;
    int code = wf_cli_connect(cli, true, &c);

    if (code == 0)
        code = wf_models_run(cli, c, op, params, out_result);
    else
        json_decref(params);
    wf_client_close(c);
    return code;
}

char *wf_models_params(char out[32], uint64_t n)
{
    static const struct {
        double unit;
        const char *letter;
    } units[] = {{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "k"}};

    for (size_t i = 0; i < WF_ARRAY_LEN(units); i++) {
        double x = (double)n / units[i].unit;
        if (x >= 0.9995) {
            snprintf(out, 32, x < 9.95 ? "%.1f%s" : "%.0f%s", x, units[i].letter);
            return out;
        }
    }
    snprintf(out, 32, "%u", (unsigned)n);
    return out;
}

static void print_model(const json_t *m, int width)
{
    time_t added = (time_t)(json_integer_value(json_object_get(m, "added")) / 1000);
    char bytes[32], params[32], date[16] = "";
    struct tm tm;

    if (localtime_r(&added, &tm))
        (void)strftime(date, sizeof(date), "%Y-%m-%d", &tm); /* empty where it does not fit */
    printf("%s%-*s%s  %8s  %6s  %-8s  %-8s  %-11s  %s%s%s\n", wf_cli_bold(), width,
           wf_json_text(m, "name"), wf_cli_plain(),
           wf_cli_bytes(bytes, (uint64_t)json_integer_value(json_object_get(m, "bytes"))),
           wf_models_params(params, (uint64_t)json_integer_value(json_object_get(m, "params"))),
           wf_json_text(m, "quantization"), wf_json_text(m, "kind"), wf_json_text(m, "family"),
           wf_cli_dim(), date, wf_cli_plain());
}

int wf_models_list(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft models list\n\nLists the models of this machine: name, size, "
          "weights, type, kind, family, day.");
    json_t *result = NULL, *m;
    size_t i, width = 0;
    int code;

    if (!wf_cli_options(cli, usage, NULL, &code))
        return code;
    if (cli->n_args != 0)
        return wf_cli_usage(usage);
    code = wf_models_call(cli, "models.list", json_object(), &result);
    if (code != 0)
        return code;
    const json_t *models = json_object_get(result, "models");
    json_array_foreach(models, i, m) width = WF_MAX(width, strlen(wf_json_text(m, "name")));
    if (cli->json)
        wf_cli_print_json(result);
    else if (json_array_size(models) == 0)
        fprintf(stderr, "%s\n", _("There is no model yet. Get one: weft pull smollm2"));
    else
        json_array_foreach(models, i, m) print_model(m, (int)width);
    json_decref(result);
    return WF_EXIT_DONE;
}
