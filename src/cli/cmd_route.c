/* SPDX-License-Identifier: Apache-2.0 */
/* weft route --dry-run: where a chat request on standard input would run, and why; nothing is sent.
 * (--evaluate: cli/evaluate.h.)
 *
 * Engines, models and what was learned of them are read before the process is locked down, the
 * request after it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/evaluate.h"
#include "cli/i18n.h"
#include "cli/labeling.h"
#include "cli/sites.h"
#include "op/json.h"
#include "op/route.h"
#include "os/file.h"

struct asked {
    bool dry, patterns, consent, offline, here;
    const char *policy, *balance;
    int64_t deadline_ms;
};

/* What is opened for it. */
struct opened {
    struct wf_labeling t;
    struct wf_hardness *hardness;
    struct wf_experience *experience;
    struct wf_home_sites sites;
    enum wf_balance balance; /* by the settings, like has_consent */
    bool has_consent;
};

/* ---- for a person ---- */

static void show_time(char out[32], double ms)
{
    (void)snprintf(out, 32, ms < 1000 ? "%.0f ms" : "%.1f s", ms < 1000 ? ms : ms / 1000);
}

static double real(const json_t *v, const char *key)
{
    return json_number_value(json_object_get(v, key));
}

static void show_candidate(const json_t *c, bool is_chosen)
{
    bool allowed = json_is_true(json_object_get(c, "allowed"));
    char first[32], all[32];

    show_time(first, real(c, "ttft_ms"));
    show_time(all, real(c, "total_ms"));
    printf("%s %s%-24s%s %-8s %8s %8s %5.0f%% %8.0f J %9.5f  %s%s%s\n", is_chosen ? ">" : " ",
           is_chosen ? wf_cli_bold() : "", wf_json_text(c, "engine"),
           is_chosen ? wf_cli_plain() : "", wf_json_text(c, "tier"), first, all,
           100 * real(c, "quality"), real(c, "energy_j"), real(c, "cost"),
           allowed ? "" : wf_cli_dim(), is_chosen ? _("chosen") : _(wf_json_text(c, "why")),
           allowed ? "" : wf_cli_plain());
    if (json_is_true(json_object_get(c, "releasable")))
        printf("    %s\n", _("It could run there, once, if you release it."));
}

static void show(const json_t *v)
{
    const json_t *c, *advice = json_object_get(v, "advice"), *a;
    const char *chosen = wf_json_text(v, "chosen");
    size_t i;

    printf(_("Label %s, kind %s, about %d tokens, balance %s.\n"), wf_json_text(v, "label"),
           wf_json_text(v, "kind"), (int)json_integer_value(json_object_get(v, "prompt_tokens")),
           wf_json_text(v, "balance"));
    if (json_array_size(json_object_get(v, "candidates")) == 0) {
        printf("%s\n", _("There is no engine yet: weft pull NAME brings a model, weft engines add "
                         "names one elsewhere."));
        return;
    }
    printf("  %-24s %-8s %8s %8s %6s %10s %9s\n", _("engine"), _("tier"), _("begins"), _("ends"),
           _("right"), _("energy"), _("cost"));
    json_array_foreach(json_object_get(v, "candidates"), i, c)
        show_candidate(c, chosen[0] != '\0' && strcmp(wf_json_text(c, "engine"), chosen) == 0);
    if (chosen[0] == '\0')
        printf("%s\n", _("No engine may be asked."));
    if ((a = json_object_get(advice, "cascade")) != NULL)
        printf(_("Worth trying: %s first, and %s where its answer is doubtful.\n"),
               wf_json_text(a, "first"), wf_json_text(a, "then"));
    if ((a = json_object_get(advice, "hedge")) != NULL)
        printf(_("If it has not begun after %.0f ms: %s, too.\n"), real(a, "after_ms"),
               wf_json_text(a, "engine"));
}

/* ---- running ---- */

static int open_all(const struct wf_cli *cli, const struct asked *a, struct opened *o,
                    struct wf_err *err)
{
    struct wf_config config;
    int rc = wf_cli_config(cli, &config, err);

    if (rc == 0) {
        o->balance = (enum wf_balance)config.route_balance;
        o->has_consent = config.route_consent == 1;
        rc = wf_hardness_built_in(&o->hardness, err);
    }
    if (rc == 0)
        rc = wf_experience_new(&o->experience, err);
    if (rc == 0)
        rc = wf_experience_load(o->experience, cli->home.experience, err);
    if (rc == 0)
        rc = wf_home_sites_read(&cli->home, config.carbon_g_kwh, &o->sites, err);
    if (rc == 0) /* locks the process down */
        rc = wf_labeling_open(cli, a->policy, a->patterns, &o->t, err);
    return rc;
}

static void close_all(struct opened *o)
{
    wf_labeling_close(&o->t);
    wf_hardness_close(o->hardness);
    wf_experience_free(o->experience);
    wf_home_sites_deinit(&o->sites);
}

static int run(const struct wf_cli *cli, const struct asked *a, struct opened *o,
               struct wf_err *err)
{
    struct wf_route_plan plan = {.labeler = o->t.labeler,
                                 .policy = o->t.policy,
                                 .hardness = o->hardness,
                                 .experience = o->experience,
                                 .sites = o->sites.all.items,
                                 .n = o->sites.all.n,
                                 .balance = o->balance,
                                 .has_consent = a->consent || o->has_consent,
                                 .is_offline = a->offline,
                                 .here_only = a->here,
                                 .deadline_ms = (double)a->deadline_ms,
                                 .now_ms = wf_clock_wall_ms(wf_clock_system())};
    json_t *chat = NULL, *answer = NULL;
    struct wf_buf raw;
    int rc = 0;

    if (a->balance != NULL && !wf_balance_parse(wf_str_from(a->balance), &plan.balance))
        return wf_err_set(err, WF_E_INVAL, _("The balance is good, fast, frugal or private."));
    wf_buf_init(&raw, WF_LIMIT_HTTP_MODEL_JSON_BYTES);
    rc = wf_file_read_stream(STDIN_FILENO, &raw, err);
    if (rc == 0)
        rc = wf_json_parse(wf_buf_str(&raw), &chat, err);
    if (rc == 0)
        rc = wf_route_explain(&plan, chat, &answer, err);
    if (rc == 0 && cli->json)
        wf_cli_print_json(answer);
    else if (rc == 0)
        show(answer);
    json_decref(chat);
    json_decref(answer);
    wf_buf_deinit(&raw);
    return rc;
}

int wf_cmd_route(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft route --dry-run [--balance good|fast|frugal|private] [--deadline MS]\n"
        "                  [--consent] [--offline] [--here] [--patterns] [--policy FILE]\n"
        "       weft route --evaluate FILE --on ENGINE[,ENGINE...] [--tokens N]\n\n"
        "Says where the chat request on standard input (JSON as OpenAI has it) would run, and\n"
        "why: each engine with what is expected of it, or with what forbids it. Nothing is sent.\n"
        "  --balance B    what counts most: good (the default) is the likeliest right answer\n"
        "  --deadline MS  the whole answer is needed within so many milliseconds\n"
        "  --consent      as if you had agreed wherever the policy wants you to be asked\n"
        "  --offline      as if there were no network\n"
        "  --here         on this device or not at all\n"
        "  --patterns     without the embedded model: no names and no topics, but faster\n"
        "  --policy FILE  by this policy in place of weft.policy in the home folder\n\n"
        "--evaluate asks each engine the questions of a file ({\"question\",\"answer\"} a line; "
        "several\n"
        "answers as a list), as any request is asked, under the policy and the budgets, says how\n"
        "many answers are right and what that cost, and learns from it. ENGINE is a name that\n"
        "--dry-run lists; --tokens is the most that one answer may have (1024).");
    struct asked a = {.dry = false};
    struct wf_evaluation e = {.file = NULL};
    const struct wf_option options[] = {
        {.name = "dry-run", .kind = WF_OPTION_FLAG, .out = &a.dry},
        {.name = "balance", .kind = WF_OPTION_TEXT, .out = &a.balance},
        {.name = "deadline", .kind = WF_OPTION_NUMBER, .out = &a.deadline_ms, .max = 86400000},
        {.name = "consent", .kind = WF_OPTION_FLAG, .out = &a.consent},
        {.name = "offline", .kind = WF_OPTION_FLAG, .out = &a.offline},
        {.name = "here", .kind = WF_OPTION_FLAG, .out = &a.here},
        {.name = "patterns", .kind = WF_OPTION_FLAG, .out = &a.patterns},
        {.name = "policy", .kind = WF_OPTION_TEXT, .out = &a.policy},
        {.name = "evaluate", .kind = WF_OPTION_TEXT, .out = &e.file},
        {.name = "on", .kind = WF_OPTION_TEXT, .out = &e.on},
        {.name = "tokens", .kind = WF_OPTION_NUMBER, .out = &e.n_max, .max = 100000},
        {.name = NULL},
    };
    struct wf_err err = WF_ERR_INIT;
    struct opened o = {.hardness = NULL};
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args > 0 || a.dry == (e.file != NULL) || (e.file != NULL) != (e.on != NULL))
        return wf_cli_usage(usage);
    if (e.file != NULL)
        return wf_evaluate(cli, &e);
    rc = open_all(cli, &a, &o, &err);
    if (rc == 0)
        rc = run(cli, &a, &o, &err);
    close_all(&o);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(cli, &err);
}
