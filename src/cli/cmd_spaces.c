/* SPDX-License-Identifier: Apache-2.0 */
/* weft spaces: the spaces that drafts, records and documents live in; one more. Who is in one is
 * members.c's. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "cli/members.h"
#include "op/json.h"

static void print_space(const json_t *s)
{
    char *name = wf_strdup(wf_json_text(s, "name"));

    if (name == NULL)
        return;
    wf_str_make_printable(name, strlen(name));
    printf("%s%s%s  %s  ", wf_cli_bold(), name, wf_cli_plain(), wf_json_text(s, "label"));
    printf(_("%lld drafts, %lld documents\n"),
           (long long)json_integer_value(json_object_get(s, "drafts")),
           (long long)json_integer_value(json_object_get(s, "documents")));
    wf_free(name);
}

static int list(struct wf_cli *cli)
{
    json_t *result = NULL, *s;
    size_t i;
    int code = wf_cli_call(cli, "spaces.list", json_object(), &result);

    if (code != 0)
        return code;
    if (cli->json) {
        wf_cli_print_json(result);
    } else {
        json_array_foreach(json_object_get(result, "spaces"), i, s) print_space(s);
    }
    json_decref(result);
    return WF_EXIT_DONE;
}

static int create(struct wf_cli *cli, const char *name, const char *label)
{
    struct wf_client_call call = {.op = "spaces.create", .fd = -1};
    struct wf_err err = WF_ERR_INIT;
    struct wf_client *c = NULL;
    json_t *result = NULL;
    int rc = 0, code = wf_cli_connect(cli, true, &c);

    if (code != 0)
        return code;
    call.params = label ? json_pack("{s:s, s:s}", "name", name, "label", label)
                        : json_pack("{s:s}", "name", name);
    if (call.params == NULL)
        rc = wf_err_set(&err, WF_E_INVAL, "%s", _("The name is not UTF-8."));
    if (rc == 0)
        rc = wf_client_run(c, &call, &result, &err);
    code = rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
    if (rc == 0 && cli->json)
        wf_cli_print_json(result);
    else if (rc == 0)
        print_space(result);
    json_decref(result);
    json_decref(call.params);
    wf_client_close(c);
    return code;
}

static const char *usage(void)
{
    return _(
        "Usage: weft spaces [list | create NAME [--label LABEL]]\n"
        "       weft spaces members SPACE\n"
        "       weft spaces invite SPACE [--role read|write|admin] [--level LEVEL]\n"
        "       weft spaces join CODE@HOST:PORT\n"
        "       weft spaces role SPACE MEMBER ROLE\n"
        "       weft spaces remove SPACE MEMBER\n"
        "       weft spaces leave SPACE\n\n"
        "Spaces hold drafts, records and documents of the same people. LABEL is the least that "
        "what is in\nit bears: public, internal, private (as when not said) or secret. The "
        "space \"me\" is always there,\nand yours alone. Somebody else becomes a member of "
        "another one by a code: weft spaces invite\nshows it and waits, weft spaces join takes "
        "it, on a device of his; both show the same three\nwords then. Members read, write "
        "(as when not said) or say who is in the space (admin), up to LEVEL\n(private, when "
        "not said). What is secret goes to nobody.");
}

int wf_cmd_spaces(struct wf_cli *cli)
{
    struct {
        const char *label, *role, *level;
    } w = {.label = NULL};
    const char *verb;
    const struct wf_option options[] = {
        {.name = "label", .kind = WF_OPTION_TEXT, .out = &w.label},
        {.name = "role", .kind = WF_OPTION_TEXT, .out = &w.role},
        {.name = "level", .kind = WF_OPTION_TEXT, .out = &w.level},
        {.name = NULL},
    };
    bool is_bare;
    int code;

    if (!wf_cli_options(cli, usage(), options, &code))
        return code;
    verb = cli->n_args > 0 ? cli->args[0] : "list";
    is_bare = w.role == NULL && w.level == NULL;
    if (strcmp(verb, "list") == 0 && cli->n_args <= 1 && is_bare && !w.label)
        return list(cli);
    if (strcmp(verb, "create") == 0 && cli->n_args == 2 && is_bare)
        return create(cli, cli->args[1], w.label);
    if (strcmp(verb, "invite") == 0 && cli->n_args == 2 && !w.label)
        return wf_members_invite(cli, cli->args[1], w.role, w.level);
    if (!is_bare || w.label)
        return wf_cli_usage(usage());
    if (strcmp(verb, "members") == 0 && cli->n_args == 2)
        return wf_members_list(cli, cli->args[1]);
    if (strcmp(verb, "join") == 0 && cli->n_args == 2)
        return wf_members_join(cli, cli->args[1]);
    if (strcmp(verb, "role") == 0 && cli->n_args == 4)
        return wf_members_role(cli, cli->args[1], cli->args[2], cli->args[3]);
    if (strcmp(verb, "remove") == 0 && cli->n_args == 3)
        return wf_members_remove(cli, cli->args[1], cli->args[2]);
    if (strcmp(verb, "leave") == 0 && cli->n_args == 2)
        return wf_members_leave(cli, cli->args[1]);
    return wf_cli_usage(usage());
}
