/* SPDX-License-Identifier: Apache-2.0 */
/* weft reminders: what is to be said at a time: the list, one more, one less. The running daemon
 * tells them when they are due. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "op/json.h"
#include "os/zone.h"
#include "text/when.h"

static const char *local(int64_t ms, char out[WF_CIVIL_BYTES])
{
    struct wf_civil c;

    wf_zone_civil(ms, &c);
    wf_civil_print(&c, out);
    out[10] = ' ';
    return out;
}

static void print_reminder(const json_t *m)
{
    const json_t *told = json_object_get(m, "told");
    char *text = wf_strdup(wf_json_text(m, "text")), at[WF_CIVIL_BYTES];

    if (text == NULL)
        return;
    wf_str_make_printable(text, strlen(text));
    printf("%s  %s  %s%s%s%s%s%s\n", wf_json_text(m, "id"),
           local(json_integer_value(json_object_get(m, "at")), at), wf_cli_bold(), text,
           wf_cli_plain(), wf_cli_dim(), json_is_integer(told) ? _("  told") : "", wf_cli_plain());
    wf_free(text);
}

static int list(struct wf_cli *cli)
{
    json_t *result = NULL, *m;
    const json_t *reminders;
    size_t i;
    int code = wf_cli_call(cli, "reminders.list", json_object(), &result);

    if (code != 0)
        return code;
    reminders = json_object_get(result, "reminders");
    if (cli->json) {
        wf_cli_print_json(result);
    } else if (json_array_size(reminders) == 0) {
        printf("%s\n", _("There are no reminders."));
    } else {
        json_array_foreach(reminders, i, m) print_reminder(m);
    }
    json_decref(result);
    return WF_EXIT_DONE;
}

/* The moment that `at` names, as a date or in words; without it, that the text speaks of. */
static int read_time(const char *at, const char *text, int64_t *out_ms, struct wf_err *err)
{
    const char *said = at ? at : text;
    struct wf_civil now, c;
    struct wf_when w = {.repeats = false};

    wf_zone_civil(wf_clock_wall_ms(NULL), &now);
    if (!at || !wf_civil_read(at, &c)) {
        if (!wf_when_find(wf_str_from(said), &now, &w))
            return wf_err_set(err, WF_E_INVAL,
                              _("\"%.200s\" says no time. Write it like 2027-03-12 09:00, or "
                                "\"on Friday at nine\"."),
                              said);
        c = w.at;
    }
    if (w.repeats)
        return wf_err_set(err, WF_E_UNSUPPORTED, "%s", _("weft cannot repeat reminders yet."));
    *out_ms = wf_zone_ms(&c);
    return 0;
}

/* Without a daemon nobody is there to tell it, which has to be known. */
static void print_added(const json_t *result)
{
    char at[WF_CIVIL_BYTES];

    printf(_("Reminder %s: %s\n"), wf_json_text(result, "id"),
           local(json_integer_value(json_object_get(result, "at")), at));
    if (!json_is_true(json_object_get(result, "is_told")))
        fprintf(stderr, "%s\n",
                _("weft does not run: reminders are told while it does (weft up), those that were "
                  "missed when it starts."));
}

static int add(struct wf_cli *cli, const char *text, const char *at)
{
    struct wf_client_call call = {.op = "reminders.add", .fd = -1};
    struct wf_err err = WF_ERR_INIT;
    struct wf_client *c = NULL;
    json_t *result = NULL;
    int64_t ms = 0;
    int code, rc = read_time(at, text, &ms, &err);

    if (rc != 0)
        return wf_cli_fail(cli, &err);
    code = wf_cli_connect(cli, true, &c); /* a home is made for it */
    if (code != 0)
        return code;
    call.params = json_pack("{s:s, s:I}", "text", text, "at", (json_int_t)ms);
    if (call.params == NULL)
        rc = wf_err_set(&err, WF_E_INVAL, "%s", _("The text is not UTF-8."));
    if (rc == 0)
        rc = wf_client_run(c, &call, &result, &err);
    code = rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
    if (rc == 0 && cli->json)
        wf_cli_print_json(result);
    else if (rc == 0)
        print_added(result);
    json_decref(result);
    json_decref(call.params);
    wf_client_close(c);
    return code;
}

static int remove_all(struct wf_cli *cli)
{
    int code = WF_EXIT_DONE;

    for (size_t i = 1; i < cli->n_args && code == WF_EXIT_DONE; i++) {
        json_t *result = NULL;
        code =
            wf_cli_call(cli, "reminders.remove", json_pack("{s:s}", "id", cli->args[i]), &result);
        json_decref(result);
    }
    if (code == WF_EXIT_DONE && cli->json) {
        json_t *v = json_pack("{s:I}", "removed", (json_int_t)(cli->n_args - 1));
        wf_cli_print_json(v);
        json_decref(v);
    } else if (code == WF_EXIT_DONE) {
        printf(_("%d removed.\n"), (int)(cli->n_args - 1));
    }
    return code;
}

int wf_cmd_reminders(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft reminders [add \"TEXT\" [--at TIME] | remove ID...]\n\nLists what weft is to "
        "remind you of. TIME is a date (2027-03-12 09:00) or words (\"on Friday at\nnine\", \"in "
        "two hours\"); without --at it is taken from the text. While weft runs it tells what is\n"
        "due, once; what was missed, when it starts.");
    const char *at = NULL, *verb;
    const struct wf_option options[] = {
        {.name = "at", .kind = WF_OPTION_TEXT, .out = &at},
        {.name = NULL},
    };
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    verb = cli->n_args > 0 ? cli->args[0] : "list";
    if (strcmp(verb, "list") == 0 && cli->n_args <= 1 && !at)
        return list(cli);
    if (strcmp(verb, "add") == 0 && cli->n_args == 2)
        return add(cli, cli->args[1], at);
    if (strcmp(verb, "remove") == 0 && cli->n_args > 1 && !at)
        return remove_all(cli);
    return wf_cli_usage(usage);
}
