/* SPDX-License-Identifier: Apache-2.0 */
/* weft pull NAME|URL: brings a model, with a bar; Ctrl-C stops, the same command goes on. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/bar.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "cli/models.h"
#include "op/json.h"

static volatile sig_atomic_t stop_flag;

static void on_interrupt(int sig)
{
    (void)sig;
    stop_flag = 1;
}

static int show(void *ud, const char *event, const json_t *data)
{
    const char *phase = wf_json_text(data, "phase");
    json_int_t done = json_integer_value(json_object_get(data, "done"));
    json_int_t all = json_integer_value(json_object_get(data, "all"));
    char from[96] = "";

    if (stop_flag)
        return 1;
    if (strcmp(event, "progress") != 0)
        return 0;
    if (strcmp(phase, "download") == 0 && wf_json_text(data, "node")[0])
        (void)snprintf(from, sizeof(from), _("from %s"), wf_json_text(data, "node"));
    if (strcmp(phase, "download") == 0)
        wf_bar_draw(ud, from[0] ? from : _("downloading"), (uint64_t)done, (uint64_t)all);
    else if (strcmp(phase, "check") == 0 && all > 0)
        wf_bar_draw(ud, _("checking"), (uint64_t)done, (uint64_t)all);
    return 0;
}

int wf_models_pull(struct wf_cli *cli, json_t *params, json_t **out_result)
{
    struct wf_bar bar;
    struct wf_client_call call = {
        .op = "models.pull", .params = params, .fd = -1, .fn = show, .ud = &bar};
    struct sigaction sa = {.sa_handler = on_interrupt,
                           .sa_flags = (int)(SA_RESTART | SA_RESETHAND)};
    struct wf_err err = WF_ERR_INIT;
    struct wf_client *c = NULL;
    int code = wf_cli_connect(cli, true, &c);

    if (code != 0)
        return code;
    stop_flag = 0;
    sigaction(SIGINT, &sa, NULL);
    wf_bar_init(&bar, !cli->json);
    if (wf_client_run(c, &call, out_result, &err) != 0) {
        wf_bar_clear(&bar);
        if (stop_flag)
            (void)wf_err_set(&err, WF_E_CANCELED, "%s",
                             _("Stopped early. The same command goes on from here."));
        code = wf_cli_fail(cli, &err);
    }
    wf_bar_clear(&bar);
    wf_client_close(c);
    return code;
}

int wf_cmd_pull(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft pull NAME|URL [--as NAME] [--sha256 HEX]\n\n"
        "Brings a model: smollm2:135m from Ollama's registry, HOST/NAME:TAG from another,\n"
        "hf.co/USER/REPO:QUANT from Hugging Face (Q4_K_M where nothing is said), or a GGUF file by "
        "its URL.\nA paired device that has it is asked first. Ctrl-C stops; the same command goes "
        "on from there.");
    const char *as = NULL, *sha256 = NULL;
    const struct wf_option options[] = {
        {.name = "as", .kind = WF_OPTION_TEXT, .out = &as},
        {.name = "sha256", .kind = WF_OPTION_TEXT, .out = &sha256},
        {.name = NULL},
    };
    char digest[80] = "", bytes[32];
    json_t *result = NULL, *params;
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 1)
        return wf_cli_usage(usage);
    if (sha256)
        snprintf(digest, sizeof(digest), "sha256:%.70s", sha256);
    params = json_pack("{s:s, s:s*, s:s*, s:s*}", "name", cli->args[0], "as", as, "token",
                       cli->env("HF_TOKEN"), "digest", sha256 ? digest : NULL);
    code = wf_models_pull(cli, params, &result);
    json_decref(params);
    if (code != 0)
        return code;
    if (cli->json)
        wf_cli_print_json(result);
    else
        printf(_("%s is there: %s, %s, %s.\n"), wf_json_text(result, "name"),
               wf_json_text(result, "family"), wf_json_text(result, "quantization"),
               wf_cli_bytes(bytes, (uint64_t)json_integer_value(json_object_get(result, "bytes"))));
    if (!cli->json && wf_json_text(result, "node")[0])
        printf(_("It came from %s.\n"), wf_json_text(result, "node"));
    json_decref(result);
    return WF_EXIT_DONE;
}
