/* SPDX-License-Identifier: Apache-2.0 */
/* A code in the terminal, while the daemon waits for whoever types it. */
#include "cli/code.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/i18n.h"
#include "op/json.h"
#include "op/qr.h"

#define QR_BYTES_MAX (64u << 10)

typedef void (*head_fn)(const json_t *code);

static void print_code(const json_t *code, head_fn head)
{
    struct wf_buf qr;

    head(code);
    if (isatty(STDOUT_FILENO)) {
        wf_buf_init(&qr, QR_BYTES_MAX);
        if (wf_qr_draw(json_object_get(code, "qr"), &qr, NULL) == 0)
            printf(_("\nor scans this there:\n\n%s\n"), qr.ptr);
        wf_buf_deinit(&qr);
    }
    printf("%s\n", _("The code counts once, for five minutes. Waiting; Ctrl-C ends it."));
    (void)fflush(stdout); /* somebody is to read it while this waits */
}

static int on_event(void *ud, const char *event, const json_t *data)
{
    const head_fn *head = ud;

    if (strcmp(event, "code") == 0 && *head != NULL)
        print_code(data, *head);
    else if (strcmp(event, "tried") == 0)
        fprintf(stderr, "weft: %s\n", wf_json_text(data, "error"));
    return 0;
}

int wf_code_run(struct wf_cli *cli, const char *op, json_t *params,
                void (*head)(const json_t *code), json_t **out)
{
    const struct wf_client_call c = {
        .op = op, .params = params, .fd = -1, .fn = on_event, .ud = &head};
    struct wf_client_options o = {.program = NULL};
    struct wf_err err = WF_ERR_INIT;
    struct wf_client *client = NULL;
    int rc = params == NULL ? wf_err_set(&err, WF_E_INVAL, "%s", _("That is not UTF-8."))
                            : wf_client_open(&cli->home, &o, &client, &err);

    *out = NULL;
    if (rc == WF_E_NOENT)
        rc = wf_err_set(&err, rc, "%s", _("weft is not running. Start it: weft up"));
    else if (rc == 0)
        rc = wf_client_run(client, &c, out, &err);
    json_decref(params);
    wf_client_close(client);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
