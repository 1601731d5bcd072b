/* SPDX-License-Identifier: Apache-2.0 */
/* weft pair: two devices of one person come together. One shows a code and waits; at the other it
 * is typed, or scanned. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "op/json.h"
#include "op/qr.h"

#define QR_BYTES_MAX (64u << 10)

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

static void print_code(const json_t *code)
{
    const json_t *addresses = json_object_get(code, "addresses");
    struct wf_buf qr;

    printf(_("On the other device, type:\n\n    %sweft pair %s@%s%s\n\n"), wf_cli_bold(),
           wf_json_text(code, "code"), wf_json_text(code, "address"), wf_cli_plain());
    for (size_t i = 1; i < json_array_size(addresses); i++) {
        const char *a = json_string_value(json_array_get(addresses, i));
        printf(_("%sor with the address %s%s\n"), wf_cli_dim(), a != NULL ? a : "", wf_cli_plain());
    }
    if (isatty(STDOUT_FILENO)) {
        wf_buf_init(&qr, QR_BYTES_MAX);
        if (wf_qr_draw(json_object_get(code, "qr"), &qr, NULL) == 0)
            printf(_("\nor scan this there:\n\n%s\n"), qr.ptr);
        wf_buf_deinit(&qr);
    }
    printf("%s\n", _("The code counts once, for five minutes. Waiting; Ctrl-C ends it."));
    (void)fflush(stdout); /* somebody is to read it while this waits */
}

static int on_event(void *ud, const char *event, const json_t *data)
{
    (void)ud;
    if (strcmp(event, "code") == 0)
        print_code(data);
    else if (strcmp(event, "tried") == 0)
        fprintf(stderr, "weft: %s\n", wf_json_text(data, "error"));
    return 0;
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
    struct wf_client_options o = {.program = NULL};
    struct wf_client_call call = {.op = "pair.show", .fd = -1, .fn = on_event};
    struct wf_err err = WF_ERR_INIT;
    struct wf_client *c = NULL;
    json_t *result = NULL;
    int code = WF_EXIT_DONE, rc;

    call.params = json_pack("{s:b}", "wait", !cli->json);
    rc = wf_client_open(&cli->home, &o, &c, &err);
    if (rc == WF_E_NOENT)
        rc = wf_err_set(&err, rc, "%s", _("weft is not running. Start it: weft up"));
    else if (rc == 0)
        rc = wf_client_run(c, &call, &result, &err);
    if (rc != 0) {
        code = wf_cli_fail(cli, &err);
    } else if (cli->json) {
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
    json_decref(call.params);
    json_decref(result);
    wf_client_close(c);
    return code;
}

static int join(struct wf_cli *cli, const char *target, bool is_relay)
{
    struct wf_client_options o = {.program = NULL};
    struct wf_client_call call = {.op = "pair.join", .fd = -1};
    struct wf_err err = WF_ERR_INIT;
    struct wf_client *c = NULL;
    json_t *result = NULL;
    int code = WF_EXIT_DONE, rc;

    call.params = json_pack("{s:s, s:b}", "target", target, "relay", is_relay);
    rc = call.params != NULL ? wf_client_open(&cli->home, &o, &c, &err)
                             : wf_err_set(&err, WF_E_INVAL, "%s", usage());
    if (rc == WF_E_NOENT)
        rc = wf_err_set(&err, rc, "%s", _("weft is not running. Start it: weft up"));
    else if (rc == 0)
        rc = wf_client_run(c, &call, &result, &err);
    if (rc != 0)
        code = wf_cli_fail(cli, &err);
    else if (cli->json)
        wf_cli_print_json(result);
    else
        print_paired(result);
    json_decref(call.params);
    json_decref(result);
    wf_client_close(c);
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
