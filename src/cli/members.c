/* SPDX-License-Identifier: Apache-2.0 */
/* weft spaces members, invite, join, role, remove, leave: the commands behind cli/members.h. */
#include "cli/members.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/code.h"
#include "cli/i18n.h"
#include "op/json.h"

static const char *role_words(const char *role)
{
    if (strcmp(role, "read") == 0)
        return _("reads");
    if (strcmp(role, "write") == 0)
        return _("reads and writes");
    if (strcmp(role, "admin") == 0)
        return _("reads, writes and says who is in");
    return _("has left");
}

static void print_member(const json_t *m)
{
    char *name = wf_strdup(wf_json_text(m, "name"));
    const json_t *devices = json_object_get(m, "devices"), *d;
    size_t i, n_here = 0;

    if (name == NULL)
        return;
    wf_str_make_printable(name, strlen(name));
    json_array_foreach(devices, i, d) n_here += json_is_true(json_object_get(d, "connected"));
    printf("%s%s%s  %s", wf_cli_bold(), name, wf_cli_plain(), role_words(wf_json_text(m, "role")));
    if (strcmp(wf_json_text(m, "level"), "private") != 0)
        printf(_(", up to %s"), wf_json_text(m, "level"));
    if (json_is_true(json_object_get(m, "self")))
        printf(_("  %s(you)%s"), wf_cli_dim(), wf_cli_plain());
    else if (json_array_size(devices) > 0)
        printf(_("  %s%zu devices, %zu connected%s"), wf_cli_dim(), json_array_size(devices),
               n_here, wf_cli_plain());
    printf("\n");
    wf_free(name);
}

static void print_members(const json_t *v)
{
    const json_t *m;
    size_t i;

    if (!json_is_true(json_object_get(v, "shared")))
        printf("%s\n", _("This space is yours alone."));
    else if (strcmp(wf_json_text(v, "role"), "out") == 0)
        printf("%s\n",
               _("You are no member any more. What was in the space stays here, unchanged."));
    json_array_foreach(json_object_get(v, "members"), i, m) print_member(m);
}

/* Calls an operation and prints members; takes params. */
static int call(struct wf_cli *cli, const char *op, json_t *params)
{
    json_t *result = NULL;
    int code = wf_cli_call(cli, op, params, &result);

    if (code != 0)
        return code;
    if (cli->json)
        wf_cli_print_json(result);
    else
        print_members(result);
    json_decref(result);
    return WF_EXIT_DONE;
}

int wf_members_list(struct wf_cli *cli, const char *space)
{
    return call(cli, "members.list", json_pack("{s:s}", "space", space));
}

int wf_members_role(struct wf_cli *cli, const char *space, const char *member, const char *role)
{
    return call(cli, "members.role",
                json_pack("{s:s, s:s, s:s}", "space", space, "member", member, "role", role));
}

int wf_members_remove(struct wf_cli *cli, const char *space, const char *member)
{
    return call(cli, "members.remove", json_pack("{s:s, s:s}", "space", space, "member", member));
}

int wf_members_leave(struct wf_cli *cli, const char *space)
{
    return call(cli, "members.leave", json_pack("{s:s}", "space", space));
}

/* ---- codes ---- */

static void print_head(const json_t *code)
{
    printf(
        _("The other person types, on a device of theirs:\n\n    %sweft spaces join %s@%s%s\n\n"),
        wf_cli_bold(), wf_json_text(code, "code"), wf_json_text(code, "address"), wf_cli_plain());
}

static void print_words(const json_t *v)
{
    printf(_("Both devices show these words: %s%s%s\n"), wf_cli_bold(), wf_json_text(v, "words"),
           wf_cli_plain());
}

int wf_members_invite(struct wf_cli *cli, const char *space, const char *role, const char *level)
{
    json_t *params = json_pack("{s:s, s:s*, s:s*, s:b}", "space", space, "role", role, "level",
                               level, "wait", !cli->json);
    struct wf_err err = WF_ERR_INIT;
    json_t *result;
    int code = wf_code_run(cli, "members.invite", params, print_head, &result);

    if (code != WF_EXIT_DONE)
        return code;
    if (cli->json) {
        wf_cli_print_json(result);
    } else if (strcmp(wf_json_text(result, "state"), "paired") == 0) {
        printf(_("%s%s%s is in the space now. "), wf_cli_bold(), wf_json_text(result, "name"),
               wf_cli_plain());
        print_words(result);
    } else {
        (void)wf_err_set(&err, WF_E_TIMEOUT, "%s",
                         _("The code counts no more, and nobody has joined."));
        code = wf_cli_fail(cli, &err);
    }
    json_decref(result);
    return code;
}

int wf_members_join(struct wf_cli *cli, const char *target)
{
    json_t *result;
    int code =
        wf_code_run(cli, "members.join", json_pack("{s:s}", "target", target), NULL, &result);

    if (code == WF_EXIT_DONE && cli->json) {
        wf_cli_print_json(result);
    } else if (code == WF_EXIT_DONE) {
        printf(_("Joined through %s%s%s; the space appears in a moment. "), wf_cli_bold(),
               wf_json_text(result, "name"), wf_cli_plain());
        print_words(result);
    }
    json_decref(result);
    return code;
}
