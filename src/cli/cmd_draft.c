/* SPDX-License-Identifier: Apache-2.0 */
/* weft draft: what is edited together: made, read, edited, its past. Editing sends what the person
 * had before them with what they made of it, so that only their changes are changes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/editor.h"
#include "cli/i18n.h"
#include "op/json.h"
#include "os/file.h"
#include "os/zone.h"

struct draft_options {
    const char *space;
    int64_t at; /* a version; 0 = now */
};

static const char *local(const json_t *o, const char *key, char out[WF_CIVIL_BYTES])
{
    struct wf_civil c;

    wf_zone_civil(json_integer_value(json_object_get(o, key)), &c);
    wf_civil_print(&c, out);
    out[10] = ' ';
    return out;
}

/* Text that is shown as part of a line. */
static void print_name(const json_t *o, const char *key)
{
    char *text = wf_strdup(wf_json_text(o, key));

    if (text != NULL) {
        wf_str_make_printable(text, strlen(text));
        printf("%s", text);
    }
    wf_free(text);
}

static void print_row(const json_t *d)
{
    char at[WF_CIVIL_BYTES];

    printf("%s  %-8s  %s", local(d, "updated", at), wf_json_text(d, "label"), wf_cli_bold());
    print_name(d, "space");
    printf("/");
    print_name(d, "name");
    printf("%s\n", wf_cli_plain());
}

/* Runs an operation on a draft; `more` (taken over) has further parameters. */
static int call(struct wf_cli *cli, const char *op, const char *draft, json_t *more,
                json_t **out_result)
{
    json_t *name = json_string(draft);
    struct wf_err err = WF_ERR_INIT;

    if (name == NULL || more == NULL || json_object_set_new(more, "draft", name) != 0) {
        json_decref(more);
        (void)wf_err_set(&err, WF_E_INVAL, "%s", _("The name is not UTF-8."));
        return wf_cli_fail(cli, &err);
    }
    return wf_cli_call(cli, op, more, out_result);
}

static int list(struct wf_cli *cli, const struct draft_options *o)
{
    json_t *result = NULL, *all = json_array(), *d, *next;
    char after[64] = "";
    size_t i;
    int code;

    do {
        json_t *params = json_pack("{s:i, s:s}", "limit", 1000, "after", after);
        if (o->space && params)
            json_object_set_new(params, "space", json_string(o->space));
        json_decref(result);
        result = NULL;
        code = wf_cli_call(cli, "drafts.list", params, &result);
        json_array_extend(all, json_object_get(result, "drafts"));
        next = json_object_get(result, "next");
        snprintf(after, sizeof(after), "%s", json_is_string(next) ? json_string_value(next) : "");
    } while (code == 0 && after[0] != 0);
    if (code == 0 && cli->json) {
        json_object_set(result, "drafts", all);
        wf_cli_print_json(result);
    } else if (code == 0 && json_array_size(all) == 0) {
        printf("%s\n", _("There are no drafts yet. weft draft new SPACE/NAME makes one."));
    } else if (code == 0) {
        json_array_foreach(all, i, d) print_row(d);
    }
    json_decref(result);
    json_decref(all);
    return code;
}

/* "SPACE/NAME" as two texts of `params`; NAME alone is one of "me". */
static int split(const char *address, json_t *params)
{
    const char *slash = strchr(address, '/');
    json_t *space = slash ? json_stringn(address, (size_t)(slash - address)) : json_string("me");

    return json_object_set_new(params, "space", space) == 0 &&
                   json_object_set_new(params, "name", json_string(slash ? slash + 1 : address)) ==
                       0
               ? 0
               : WF_E_INVAL;
}

/* What stands on standard input, when that is no terminal. */
static int read_input(struct wf_buf *out, bool *out_any, struct wf_err *err)
{
    *out_any = !isatty(STDIN_FILENO);
    return *out_any ? wf_file_read_stream(STDIN_FILENO, out, err) : 0;
}

static int make(struct wf_cli *cli, const char *address)
{
    struct wf_client_call one = {.op = "drafts.create", .fd = -1};
    struct wf_err err = WF_ERR_INIT;
    struct wf_client *c = NULL;
    json_t *result = NULL, *params = json_object();
    struct wf_buf text;
    bool any = false;
    int rc, code = wf_cli_connect(cli, true, &c); /* a home is made for it */

    if (code != 0) {
        json_decref(params);
        return code;
    }
    wf_buf_init(&text, WF_LIMIT_FRAME_BYTES);
    rc = split(address, params) == 0
             ? read_input(&text, &any, &err)
             : wf_err_set(&err, WF_E_INVAL, "%s", _("The name is not UTF-8."));
    if (rc == 0 && text.len > 0 &&
        json_object_set_new(params, "text", wf_json_str(wf_buf_str(&text))) != 0)
        rc = wf_err_set(&err, WF_E_INVAL, "%s", _("The text is not UTF-8."));
    one.params = params;
    if (rc == 0)
        rc = wf_client_run(c, &one, &result, &err);
    code = rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
    if (rc == 0 && cli->json)
        wf_cli_print_json(result);
    else if (rc == 0)
        print_row(result);
    wf_buf_deinit(&text);
    json_decref(result);
    json_decref(params);
    wf_client_close(c);
    return code;
}

static json_t *at_version(const struct draft_options *o)
{
    return o->at ? json_pack("{s:I}", "version", (json_int_t)o->at) : json_object();
}

static int cat(struct wf_cli *cli, const char *draft, const struct draft_options *o)
{
    json_t *result = NULL, *text;
    const json_t *others;
    char *shown;
    int code = call(cli, "drafts.get", draft, at_version(o), &result);

    if (code != 0)
        return code;
    text = json_object_get(result, "text");
    others = json_object_get(result, "others");
    if (cli->json) {
        wf_cli_print_json(result);
    } else if (json_is_string(text)) {
        fwrite(json_string_value(text), 1, json_string_length(text), stdout);
    } else if (json_object_size(others) > 0) { /* what another editor made of it */
        shown = json_dumps(others, JSON_INDENT(2));
        printf("%s\n", shown ? shown : "");
        wf_free(shown);
    }
    json_decref(result);
    return WF_EXIT_DONE;
}

static void print_changed(struct wf_cli *cli, const json_t *result)
{
    if (cli->json)
        wf_cli_print_json(result);
    else if (json_is_true(json_object_get(result, "changed")))
        printf(_("Version %lld.\n"),
               (long long)json_integer_value(json_object_get(result, "version")));
    else
        printf("%s\n", _("Nothing has changed."));
}

/* The text that the person made of the draft's, and which version that was. */
static int new_text(struct wf_cli *cli, const char *draft, struct wf_buf *out, json_t **out_base)
{
    struct wf_err err = WF_ERR_INIT;
    json_t *result = NULL;
    const json_t *text;
    bool any = false;
    int rc = read_input(out, &any, &err), code;

    if (rc != 0)
        return wf_cli_fail(cli, &err);
    code = any ? 0 : call(cli, "drafts.get", draft, json_object(), &result);
    if (any || code != 0)
        return code;
    text = json_object_get(result, "text");
    *out_base = json_incref(json_object_get(result, "version"));
    if (json_is_string(text))
        wf_buf_append(out, json_string_value(text), json_string_length(text));
    json_decref(result);
    rc = wf_buf_status(out) == 0 ? wf_editor_run(cli, out, &err)
                                 : wf_err_set(&err, WF_E_LIMIT, "%s", _("The text is too long."));
    return rc == 0 ? 0 : wf_cli_fail(cli, &err);
}

static int edit(struct wf_cli *cli, const char *draft)
{
    json_t *result = NULL, *params = json_object(), *base = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf text;
    int code;

    wf_buf_init(&text, WF_LIMIT_FRAME_BYTES);
    code = new_text(cli, draft, &text, &base);
    if (code == 0 && base)
        json_object_set(params, "base", base);
    json_decref(base);
    if (code == 0 && json_object_set_new(params, "text", wf_json_str(wf_buf_str(&text))) != 0) {
        (void)wf_err_set(&err, WF_E_INVAL, "%s", _("The text is not UTF-8."));
        code = wf_cli_fail(cli, &err);
    }
    wf_buf_deinit(&text);
    if (code != 0) {
        json_decref(params);
        return code;
    }
    code = call(cli, "drafts.edit", draft, params, &result);
    if (code == 0)
        print_changed(cli, result);
    json_decref(result);
    return code;
}

static void print_version(const json_t *v)
{
    char from[WF_CIVIL_BYTES], to[WF_CIVIL_BYTES], bytes[32];
    json_int_t n = json_integer_value(json_object_get(v, "changes"));

    printf("%s%6lld%s  %s", wf_cli_bold(),
           (long long)json_integer_value(json_object_get(v, "version")), wf_cli_plain(),
           local(v, "from", from));
    if (n > 0)
        printf(_(" to %s  %lld changes"), local(v, "to", to) + 11, (long long)n);
    else
        printf("%s", _("  snapshot"));
    printf("  %s  %s%.8s%s\n",
           wf_cli_bytes(bytes, (uint64_t)json_integer_value(json_object_get(v, "bytes"))),
           wf_cli_dim(), wf_json_text(v, "device"), wf_cli_plain());
}

static int history(struct wf_cli *cli, const char *draft)
{
    json_t *result = NULL, *v;
    size_t i;
    int code = call(cli, "drafts.history", draft, json_object(), &result);

    if (code != 0)
        return code;
    if (cli->json) {
        wf_cli_print_json(result);
    } else {
        json_array_foreach(json_object_get(result, "versions"), i, v) print_version(v);
    }
    json_decref(result);
    return WF_EXIT_DONE;
}

static int restore(struct wf_cli *cli, const char *draft, const struct draft_options *o)
{
    json_t *result = NULL;
    int code = call(cli, "drafts.restore", draft, at_version(o), &result);

    if (code == 0)
        print_changed(cli, result);
    json_decref(result);
    return code;
}

/* what: "name" or "label". */
static int change(struct wf_cli *cli, const char *draft, const char *what, const char *to)
{
    json_t *result = NULL;
    int code = call(cli, "drafts.change", draft, json_pack("{s:s}", what, to), &result);

    if (code == 0 && cli->json)
        wf_cli_print_json(result);
    else if (code == 0)
        print_row(result);
    json_decref(result);
    return code;
}

static int remove_one(struct wf_cli *cli, const char *draft)
{
    json_t *result = NULL, *v = NULL;
    int code = call(cli, "drafts.remove", draft, json_object(), &result);

    if (code == 0 && cli->json)
        wf_cli_print_json(v = json_pack("{s:s}", "removed", draft));
    else if (code == 0)
        printf("%s\n", _("Removed, with its history."));
    json_decref(v);
    json_decref(result);
    return code;
}

int wf_cmd_draft(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft draft list [--space SPACE]\n"
        "       weft draft new|cat|edit|history|remove SPACE/NAME [--at VERSION]\n"
        "       weft draft restore SPACE/NAME --at VERSION\n"
        "       weft draft rename SPACE/NAME NAME\n"
        "       weft draft label SPACE/NAME internal|private|secret\n\n"
        "Drafts are edited together: here, on the page, and in any editor that speaks Yjs.\n"
        "new and edit take the text from standard input; without one, edit opens $EDITOR. Only\n"
        "what you changed becomes a change, whatever others write meanwhile. history lists the\n"
        "versions, cat --at shows one, restore goes back to it by a new change. label raises how\n"
        "sensitive it is: a private draft goes to devices cleared for it, a secret one stays.");
    struct draft_options o = {.space = NULL};
    const struct wf_option options[] = {
        {.name = "space", .kind = WF_OPTION_TEXT, .out = &o.space},
        {.name = "at", .kind = WF_OPTION_NUMBER, .out = &o.at, .min = 1, .max = INT64_MAX},
        {.name = NULL},
    };
    const char *verb, *draft;
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    verb = cli->n_args > 0 ? cli->args[0] : "list";
    draft = cli->n_args > 1 ? cli->args[1] : NULL;
    if (strcmp(verb, "list") == 0 && !draft && !o.at)
        return list(cli, &o);
    if (strcmp(verb, "rename") == 0 && cli->n_args == 3 && !o.at)
        return change(cli, draft, "name", cli->args[2]);
    if (strcmp(verb, "label") == 0 && cli->n_args == 3 && !o.at)
        return change(cli, draft, "label", cli->args[2]);
    if (cli->n_args != 2 || o.space)
        return wf_cli_usage(usage);
    if (strcmp(verb, "cat") == 0)
        return cat(cli, draft, &o);
    if (strcmp(verb, "restore") == 0 && o.at)
        return restore(cli, draft, &o);
    if (strcmp(verb, "new") == 0 && !o.at)
        return make(cli, draft);
    if (strcmp(verb, "edit") == 0 && !o.at)
        return edit(cli, draft);
    if (strcmp(verb, "history") == 0 && !o.at)
        return history(cli, draft);
    if (strcmp(verb, "remove") == 0 && !o.at)
        return remove_one(cli, draft);
    return wf_cli_usage(usage);
}
