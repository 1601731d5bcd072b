/* SPDX-License-Identifier: Apache-2.0 */
/* weft why ID: where a request ran and why, and what left this machine for it. It reads the files
 * itself: no daemon is asked for its word. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "op/json.h"
#include "op/why.h"
#include "os/zone.h"

static double real(const json_t *v, const char *key)
{
    return json_number_value(json_object_get(v, key));
}

/* A text of the file's, made fit for a terminal. */
static void print_text(const char *before, const char *text)
{
    char *own = *text != '\0' ? wf_strdup(text) : NULL;

    if (own == NULL)
        return;
    wf_str_make_printable(own, strlen(own));
    printf("%s%s", before, own);
    wf_free(own);
}

static void print_candidate(const json_t *c, const char *chosen)
{
    const char *name = wf_json_text(c, "engine");
    bool is_chosen = strcmp(name, chosen) == 0;

    printf("%s %s", is_chosen ? ">" : " ", is_chosen ? wf_cli_bold() : "");
    print_text("", name);
    printf("%s  %s  ", wf_cli_plain(), wf_json_text(c, "tier"));
    printf(_("begins %.0f ms, ends %.0f ms, right %.0f%%, %.0f J, cost %.5f"), real(c, "ttft_ms"),
           real(c, "total_ms"), 100 * real(c, "quality"), real(c, "energy_j"), real(c, "cost"));
    if (!json_is_true(json_object_get(c, "allowed")))
        print_text("  ", wf_json_text(c, "why"));
    printf("\n");
}

static void print_decision(const json_t *d)
{
    const json_t *c, *actual = json_object_get(d, "actual");
    size_t i;

    printf(_("Decided: label %s, kind %s, balance %s.\n"), wf_json_text(d, "label"),
           wf_json_text(d, "kind"), wf_json_text(d, "balance"));
    json_array_foreach(json_object_get(d, "candidates"), i, c)
        print_candidate(c, wf_json_text(d, "chosen"));
    if (wf_json_text(d, "feedback")[0] != '\0')
        printf("%s\n", strcmp(wf_json_text(d, "feedback"), "good") == 0
                           ? _("You found the answer good.")
                           : _("You found the answer bad."));
    if (!json_is_object(actual))
        return;
    print_text(_("It ran at "), wf_json_text(actual, "engine"));
    printf(_(": began after %.0f ms, ended after %.0f ms, cost %.5f%s.\n"), real(actual, "ttft_ms"),
           real(actual, "total_ms"), real(actual, "cost"),
           json_is_true(json_object_get(actual, "failed")) ? _(", and failed") : "");
}

static void print_counts(json_t *counts, const char *before)
{
    const char *lead = before, *type;
    json_t *n;

    json_object_foreach(counts, type, n)
    {
        printf("%s%lld ", lead, (long long)json_integer_value(n));
        print_text("", type);
        lead = ", ";
    }
}

static void print_entry(const json_t *e)
{
    const json_t *release = json_object_get(e, "release");
    struct wf_civil civil;
    char at[WF_CIVIL_BYTES];

    wf_zone_civil(json_integer_value(json_object_get(e, "time")), &civil);
    wf_civil_print(&civil, at);
    at[10] = ' ';
    printf("%s  %-10s  %-8s ", at, wf_json_text(e, "kind"), wf_json_text(e, "label"));
    print_text(" ", wf_json_text(e, "engine"));
    print_text("  ", wf_json_text(e, "model"));
    if (real(e, "tokens_in") + real(e, "tokens_out") > 0)
        printf(_("  %.0f tokens in, %.0f out, cost %.6f"), real(e, "tokens_in"),
               real(e, "tokens_out"), real(e, "cost_micro") / 1e6);
    print_counts(json_object_get(e, "redactions"), _("  redacted: "));
    print_counts(json_object_get(e, "flags"), _("  flagged: "));
    print_text(_("  released by "), wf_json_text(release, "who"));
    print_text(_(" from "), wf_json_text(release, "from"));
    print_text(": ", wf_json_text(release, "reason"));
    print_text("  ", wf_json_text(e, "reason"));
    printf("\n");
}

int wf_cmd_why(struct wf_cli *cli)
{
    static const char usage[] =
        N_("Usage: weft why ID\n\n"
           "Where the request ran and why, and what left this machine for it, by the id that its\n"
           "answer's header x-weft-route has (id=...). weft ledger list --json has ids, too.");
    const struct wf_option options[] = {{0}};
    struct wf_err err = WF_ERR_INIT;
    const json_t *e;
    json_t *v = NULL;
    size_t i;
    int code = WF_EXIT_DONE;

    if (!wf_cli_options(cli, _(usage), options, &code))
        return code;
    if (cli->n_args != 1)
        return wf_cli_usage(_(usage));
    if (wf_op_why_json(cli->home.ledger, cli->home.routes, wf_str_from(cli->args[0]), &v, &err) !=
        0)
        return wf_cli_fail(cli, &err);
    if (cli->json) {
        wf_cli_print_json(v);
    } else {
        if (json_is_object(json_object_get(v, "decision")))
            print_decision(json_object_get(v, "decision"));
        json_array_foreach(json_object_get(v, "entries"), i, e) print_entry(e);
    }
    json_decref(v);
    return code;
}
