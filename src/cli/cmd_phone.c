/* SPDX-License-Identifier: Apache-2.0 */
/* weft phone: lets a phone in. First it learns to trust this home's certificates, then it opens a
 * link that counts once. weft phones: which there are, and taking one out. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/i18n.h"
#include "op/json.h"
#include "op/qr.h"
#include "os/zone.h"

#define QR_BYTES_MAX (64u << 10)

static int ask(struct wf_cli *cli, const char *op, json_t *params, json_t **out, struct wf_err *err)
{
    struct wf_client_options o = {.program = NULL};
    struct wf_client_call call = {.op = op, .params = params, .fd = -1};
    struct wf_client *c = NULL;
    int rc = wf_client_open(&cli->home, &o, &c, err);

    if (rc == WF_E_NOENT)
        rc = wf_err_set(err, rc, "%s", _("weft is not running. Start it: weft up --lan"));
    else if (rc == 0)
        rc = wf_client_run(c, &call, out, err);
    wf_client_close(c);
    return rc;
}

static void draw(const json_t *rows)
{
    struct wf_buf qr;

    if (!isatty(STDOUT_FILENO))
        return;
    wf_buf_init(&qr, QR_BYTES_MAX);
    if (wf_qr_draw(rows, &qr, NULL) == 0)
        printf("\n%s\n", qr.ptr);
    wf_buf_deinit(&qr);
}

static void print_invitation(const json_t *v)
{
    printf(
        _("1. On the phone, in the same network, scan this or open %s%s%s\n   and do what it says "
          "there. Compare the fingerprint:\n   %s\n"),
        wf_cli_bold(), wf_json_text(v, "guide"), wf_cli_plain(), wf_json_text(v, "fingerprint"));
    draw(json_object_get(v, "guide_qr"));
    printf(_("2. Then scan this, or type the code %s%s%s there:\n   %s\n"), wf_cli_bold(),
           wf_json_text(v, "code"), wf_cli_plain(), wf_json_text(v, "link"));
    draw(json_object_get(v, "link_qr"));
    printf("%s\n", _("The code counts once, for five minutes. weft phones lists who was let in."));
}

int wf_cmd_phone(struct wf_cli *cli)
{
    const char *usage = _("Usage: weft phone\n\n"
                          "Lets a phone in the same network use weft, where it runs with --lan: "
                          "shows where the\nphone learns to trust this home's certificates, and a "
                          "link that counts once, for five\nminutes. weft phones lists those that "
                          "were let in.");
    const struct wf_option options[] = {{.name = NULL}};
    struct wf_err err = WF_ERR_INIT;
    json_t *params = NULL, *v = NULL;
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 0)
        return wf_cli_usage(usage);
    params = json_object();
    code = WF_EXIT_DONE;
    if (ask(cli, "phones.invite", params, &v, &err) != 0)
        code = wf_cli_fail(cli, &err);
    else if (cli->json)
        wf_cli_print_json(v);
    else
        print_invitation(v);
    json_decref(params);
    json_decref(v);
    return code;
}

static void print_phones(const json_t *v)
{
    const json_t *list = json_object_get(v, "phones"), *lan = json_object_get(v, "lan");
    char at[WF_CIVIL_BYTES];
    struct wf_civil c;

    if (json_is_null(lan))
        printf("%s\n", _("Phones cannot connect. Start weft with: weft up --lan"));
    else if (json_object_get(lan, "problem") != NULL)
        printf(_("Phones cannot connect: %s\n"), wf_json_text(lan, "problem"));
    if (json_array_size(list) == 0)
        printf("%s\n", _("No phone was let in yet. Let one in: weft phone"));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        wf_zone_civil(json_integer_value(json_object_get(one, "seen")), &c);
        wf_civil_print(&c, at);
        at[10] = ' ';
        printf(_("%s%s%s  last seen %s\n"), wf_cli_bold(), wf_json_text(one, "name"),
               wf_cli_plain(), at);
    }
}

int wf_cmd_phones(struct wf_cli *cli)
{
    const char *usage = _("Usage: weft phones [--revoke NAME]\n\nLists the phones that were let "
                          "in. With --revoke one is out at once, and what it kept\nof weft goes "
                          "when it is opened the next time.");
    const char *name = NULL;
    const struct wf_option options[] = {
        {.name = "revoke", .kind = WF_OPTION_TEXT, .out = &name},
        {.name = NULL},
    };
    struct wf_err err = WF_ERR_INIT;
    json_t *params = NULL, *v = NULL;
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 0)
        return wf_cli_usage(usage);
    params = name != NULL ? json_pack("{s:s}", "name", name) : json_object();
    code = WF_EXIT_DONE;
    if (params == NULL ||
        ask(cli, name != NULL ? "phones.revoke" : "phones.list", params, &v, &err))
        code = wf_cli_fail(cli, &err);
    else if (cli->json)
        wf_cli_print_json(v);
    else
        print_phones(v);
    json_decref(params);
    json_decref(v);
    return code;
}
