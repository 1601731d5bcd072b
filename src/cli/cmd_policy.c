/* SPDX-License-Identifier: Apache-2.0 */
/* weft policy check, test, show: what the policy means, whether it says what it should, and which
 * one is in force. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "op/json.h"
#include "os/file.h"
#include "privacy/policy_cases.h"

/* A policy being read, and every mistake in it. */
struct reading {
    const struct wf_cli *cli;
    const char *path;
    bool is_built_in; /* there is no file */
    json_t *mistakes;
};

static void mistake(void *ud, const char *sentence)
{
    struct reading *r = ud;

    if (r->cli->json)
        (void)json_array_append_new(r->mistakes, json_string(sentence));
    else
        fprintf(stderr, "%s\n", sentence);
}

/* The policy of a file, or of the home when path is NULL. */
static int load(struct reading *r, struct wf_policy **out, struct wf_err *err)
{
    struct wf_policy_options o = {
        .name = r->path, .user_home = r->cli->env("HOME"), .complain = mistake, .ud = r};

    if (o.name == NULL)
        o.name = r->path = r->cli->home.policy;
    r->is_built_in = r->path == r->cli->home.policy && access(r->path, F_OK) != 0;
    if (r->is_built_in)
        return wf_policy_built_in(out, err);
    return wf_policy_load(r->path, &o, out, err);
}

static int fail(struct reading *r, const struct wf_err *err)
{
    if (!r->cli->json || json_array_size(r->mistakes) == 0) {
        if (err->code != WF_E_FORMAT)
            return wf_cli_fail(r->cli, err);
        fprintf(stderr, "%s\n",
                _("This is no policy yet: until it can be read, everything is "
                  "secret."));
        return WF_EXIT_FAILED;
    }
    json_t *v = json_object();
    json_object_set_new(v, "file", json_string(r->path));
    json_object_set_new(v, "ok", json_false());
    json_object_set(v, "mistakes", r->mistakes);
    wf_cli_print_json(v);
    json_decref(v);
    return WF_EXIT_FAILED;
}

/* A folder that is not there is often one that is written otherwise ("~/patients"). */
static void warn_of_paths(const struct wf_policy *p)
{
    struct wf_policy_rule last = {.line = 0};
    char path[WF_LIMIT_PATH_BYTES];
    struct wf_str s;

    for (size_t i = 0; i < wf_policy_n_rules(p); i++) {
        struct wf_policy_rule one = wf_policy_rule(p, i);
        if (one.is_built_in || one.line == last.line || !wf_policy_path(p, i, &s) ||
            s.len >= sizeof(path))
            continue;
        last = one;
        memcpy(path, s.ptr, s.len);
        path[s.len] = 0;
        if (access(path, F_OK) != 0)
            fprintf(stderr, _("line %u: %s is not there now; is it spelled right?\n"),
                    (unsigned)one.line, path);
    }
}

static int check(struct reading *r, bool all, struct wf_policy *p, struct wf_err *err)
{
    struct wf_buf text;
    int rc;

    wf_buf_init(&text, SIZE_MAX);
    rc = wf_policy_explain(p, all || r->is_built_in, &text, err);
    if (rc == 0 && r->cli->json) {
        json_t *v = json_object();
        json_object_set_new(v, "file", r->is_built_in ? json_null() : json_string(r->path));
        json_object_set_new(v, "ok", json_true());
        json_object_set_new(v, "rules", json_integer((json_int_t)wf_policy_n_rules(p)));
        json_object_set_new(v, "explained", wf_json_str(wf_buf_str(&text)));
        wf_cli_print_json(v);
        json_decref(v);
    } else if (rc == 0) {
        (void)fwrite(text.ptr, 1, text.len, stdout);
        warn_of_paths(p);
    }
    wf_buf_deinit(&text);
    return rc;
}

/* ---- test ---- */

struct table {
    const struct wf_cli *cli;
    json_t *cases;
    struct wf_detector *detector; /* opened by the first case that needs it */
    struct wf_detect_run *run;
};

/* By patterns: cases say names themselves ("with names"). */
static int scan(void *ud, struct wf_str text, const struct wf_pii **out, size_t *out_n,
                struct wf_err *err)
{
    const struct wf_detect_options o = {.plain_only = false};
    struct table *t = ud;
    struct wf_pii_list found = {.n = 0};
    int rc = t->detector == NULL ? wf_detector_open(&o, &t->detector, err) : 0;

    if (rc == 0 && t->run == NULL)
        rc = wf_detect_run_new(t->detector, &t->run, err);
    if (rc == 0)
        rc = wf_detect_scan(t->run, text, (struct wf_pii_list){NULL, 0}, &found, err);
    if (rc == 0) {
        *out = found.items;
        *out_n = found.n;
    }
    return rc;
}

static void tell(void *ud, const struct wf_policy_case *one)
{
    struct table *t = ud;

    if (!t->cli->json) {
        printf("%-5s %4zu  %.*s\n", one->passed ? _("ok") : _("FAIL"), one->line,
               WF_STR_ARG(one->text));
        if (!one->passed)
            printf("            %s\n", one->got);
        return;
    }
    json_t *v = json_object();
    json_object_set_new(v, "line", json_integer((json_int_t)one->line));
    json_object_set_new(v, "case", wf_json_str(one->text));
    json_object_set_new(v, "passed", json_boolean(one->passed));
    if (!one->passed)
        json_object_set_new(v, "got", json_string(one->got));
    (void)json_array_append_new(t->cases, v);
}

static int test(struct reading *r, const char *path, const struct wf_policy *p, int *out_exit,
                struct wf_err *err)
{
    struct table t = {.cli = r->cli, .cases = json_array()};
    struct wf_policy_cases_options o = {.name = path, .scan = scan, .tell = tell, .ud = &t};
    size_t n = 0, failed = 0;
    struct wf_buf text;
    int rc;

    wf_buf_init(&text, WF_POLICY_BYTES_MAX);
    rc = wf_file_read(path, &text, err);
    if (rc == 0)
        rc = wf_policy_cases(p, wf_buf_str(&text), &o, &n, &failed, err);
    wf_buf_deinit(&text);
    if (rc == 0 && r->cli->json) {
        json_t *v = json_object();
        json_object_set_new(v, "passed", json_integer((json_int_t)(n - failed)));
        json_object_set_new(v, "failed", json_integer((json_int_t)failed));
        json_object_set(v, "cases", t.cases);
        wf_cli_print_json(v);
        json_decref(v);
    } else if (rc == 0) {
        printf(_("%zu passed, %zu failed\n"), n - failed, failed);
    }
    json_decref(t.cases);
    wf_detect_run_free(t.run);
    wf_detector_free(t.detector);
    *out_exit = failed > 0 ? WF_EXIT_FAILED : WF_EXIT_DONE;
    return rc;
}

/* ---- show ---- */

static int show(struct reading *r, struct wf_err *err)
{
    struct wf_buf own, built_in;
    int rc = 0;

    wf_buf_init(&own, WF_POLICY_BYTES_MAX);
    wf_buf_init(&built_in, WF_POLICY_BYTES_MAX);
    if (wf_policy_built_in_text(&built_in) != 0)
        rc = wf_err_set(err, WF_E_NOMEM, "%s", _("Not enough memory for the built-in policy."));
    if (rc == 0 && !r->is_built_in)
        rc = wf_file_read(r->path, &own, err);
    if (rc == 0 && r->cli->json) {
        json_t *v = json_object();
        json_object_set_new(v, "file", json_string(r->path));
        json_object_set_new(v, "exists", json_boolean(!r->is_built_in));
        json_object_set_new(v, "text", wf_json_str(wf_buf_str(&own)));
        json_object_set_new(v, "built_in", wf_json_str(wf_buf_str(&built_in)));
        wf_cli_print_json(v);
        json_decref(v);
    } else if (rc == 0) {
        printf("%s# %s%s\n%s", wf_cli_dim(), _("Built into weft:"), wf_cli_plain(), built_in.ptr);
        printf(r->is_built_in ? _("\n# There is no %s; these sentences alone are in force.\n")
                              : _("\n# From %s:\n"),
               r->path);
        (void)fwrite(own.ptr, 1, own.len, stdout);
    }
    wf_buf_deinit(&own);
    wf_buf_deinit(&built_in);
    return rc;
}

int wf_cmd_policy(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft policy check [FILE] [--all]   what each sentence means, what overrides what\n"
        "       weft policy test [FILE] CASES      whether it says what the cases expect\n"
        "       weft policy show                   the sentences in force, and where they are\n\n"
        "The policy says who may see what, in plain sentences: docs/policy.md. Without FILE it\n"
        "is weft.policy in the home folder. --all explains the built-in sentences, too.");
    bool all = false;
    const struct wf_option options[] = {
        {.name = "all", .kind = WF_OPTION_FLAG, .out = &all},
        {0},
    };
    struct reading r = {.cli = cli, .mistakes = json_array()};
    struct wf_err err = WF_ERR_INIT;
    struct wf_policy *p = NULL;
    const char *what;
    int code = WF_EXIT_DONE, rc;
    bool is_test;

    if (!wf_cli_options(cli, usage, options, &code)) {
        json_decref(r.mistakes);
        return code;
    }
    what = cli->n_args > 0 ? cli->args[0] : "";
    is_test = strcmp(what, "test") == 0;
    if ((!is_test && strcmp(what, "check") != 0 && strcmp(what, "show") != 0) ||
        cli->n_args > (is_test ? 3u : 2u) || cli->n_args < (is_test ? 2u : 1u) ||
        (strcmp(what, "show") == 0 && cli->n_args != 1)) {
        json_decref(r.mistakes);
        return wf_cli_usage(usage);
    }
    if (cli->n_args == (is_test ? 3u : 2u))
        r.path = cli->args[1];
    rc = load(&r, &p, &err);
    if (rc == 0 && is_test)
        rc = test(&r, cli->args[cli->n_args - 1], p, &code, &err);
    else if (rc == 0 && strcmp(what, "check") == 0)
        rc = check(&r, all, p, &err);
    else if (rc == 0)
        rc = show(&r, &err);
    if (rc != 0)
        code = p == NULL ? fail(&r, &err) : wf_cli_fail(cli, &err);
    wf_policy_free(p);
    json_decref(r.mistakes);
    return code;
}
