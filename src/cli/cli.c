/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share: options by table, one way to fail, one way to call the core, and text
 * that fits the terminal. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/i18n.h"
#include "text/utf8.h"

static const struct wf_option *find_option(const struct wf_option *o, struct wf_str name,
                                           char letter)
{
    for (; o && o->name; o++) {
        if (letter ? o->letter == letter : wf_str_eq(name, wf_str_from(o->name)))
            return o;
    }
    return NULL;
}

static bool set_option(const struct wf_option *o, const char *value)
{
    int64_t n;
    double x;

    switch (o->kind) {
    case WF_OPTION_TEXT:
        *(const char **)o->out = value;
        return true;
    case WF_OPTION_NUMBER:
        if (!wf_str_to_i64(wf_str_from(value), &n) || n < o->min || n > o->max) {
            fprintf(stderr, _("weft: --%s takes a whole number from %lld to %lld, not \"%s\".\n"),
                    o->name, (long long)o->min, (long long)o->max, value);
            return false;
        }
        *(int64_t *)o->out = n;
        return true;
    case WF_OPTION_RATIO:
        if (!wf_str_to_f64(wf_str_from(value), &x) || !(x > 0 && x <= 1)) {
            fprintf(stderr, _("weft: --%s takes a number above 0 and up to 1, not \"%s\".\n"),
                    o->name, value);
            return false;
        }
        *(double *)o->out = x;
        return true;
    case WF_OPTION_FLAG:
        *(bool *)o->out = true;
        return true;
    }
    return false;
}

/* Handles args[*io_i], which begins with '-'. */
static bool one_option(struct wf_cli *cli, const struct wf_option *table, size_t *io_i)
{
    struct wf_option common[] = {
        {.name = "home", .kind = WF_OPTION_TEXT, .out = &cli->home_dir},
        {.name = "json", .kind = WF_OPTION_FLAG, .out = &cli->json},
        {.name = NULL},
    };
    const char *arg = cli->args[*io_i], *value = NULL;
    struct wf_str name = wf_str_from(arg + (arg[1] == '-' ? 2 : 1));
    char letter = arg[1] == '-' ? 0 : arg[1];
    size_t equals = letter ? SIZE_MAX : wf_str_find_byte(name, '=', 0);
    const struct wf_option *o;

    if (equals != SIZE_MAX) {
        value = name.ptr + equals + 1;
        name = wf_str_sub(name, 0, equals);
    } else if (letter && arg[2]) {
        value = arg + 2;
    }
    o = find_option(table, name, letter);
    if (!o)
        o = find_option(common, name, letter);
    if (!o) {
        fprintf(stderr, _("weft: there is no option %s here.\n"), arg);
        return false;
    }
    if (o->kind != WF_OPTION_FLAG && !value) {
        if (*io_i + 1 >= cli->n_args) {
            fprintf(stderr, _("weft: --%s needs a value.\n"), o->name);
            return false;
        }
        value = cli->args[++*io_i];
    }
    return set_option(o, value);
}

bool wf_cli_options(struct wf_cli *cli, const char *usage, const struct wf_option *options,
                    int *out_exit)
{
    struct wf_err err = WF_ERR_INIT;
    bool only_arguments = false;
    size_t n = 0;

    *out_exit = WF_EXIT_USAGE;
    for (size_t i = 0; i < cli->n_args; i++) {
        char *arg = cli->args[i];
        if (!only_arguments && (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)) {
            printf("%s\n", usage);
            *out_exit = WF_EXIT_DONE;
            return false;
        }
        if (!only_arguments && strcmp(arg, "--") == 0)
            only_arguments = true;
        else if (only_arguments || arg[0] != '-' || arg[1] == 0)
            cli->args[n++] = arg;
        else if (!one_option(cli, options, &i))
            return false;
    }
    cli->n_args = n;
    if (wf_home_init(&cli->home, cli->home_dir, &err) != 0) {
        fprintf(stderr, "weft: %s\n", err.msg);
        return false;
    }
    *out_exit = WF_EXIT_DONE;
    return true;
}

int wf_cli_config(const struct wf_cli *cli, struct wf_config *out, struct wf_err *err)
{
    char name[WF_CONFIG_ENV_BYTES];
    struct wf_config_option o;
    const char *value;
    int rc;

    wf_config_init(out);
    rc = wf_config_load(out, cli->home.conf, err);
    for (size_t i = 0; rc == 0 && wf_config_option_at(i, &o); i++) {
        wf_config_env_name(&o, name);
        value = cli->env ? cli->env(name) : NULL;
        if (!value)
            continue;
        rc = wf_config_set(out, wf_str_from(o.name), wf_str_from(value), err);
        if (rc != 0)
            wf_err_prefix(err, "%s", name);
    }
    return rc;
}

int wf_cli_usage(const char *usage)
{
    fprintf(stderr, "%s\n", usage);
    return WF_EXIT_USAGE;
}

int wf_cli_fail(const struct wf_cli *cli, const struct wf_err *err)
{
    fprintf(stderr, "weft: %s\n", err->msg);
    if (cli->json) {
        json_t *v = json_pack("{s:{s:s, s:s}}", "error", "code", wf_err_name(err->code), "message",
                              err->msg);
        if (v)
            wf_cli_print_json(v);
        json_decref(v);
    }
    return WF_EXIT_FAILED;
}

int wf_cli_connect(struct wf_cli *cli, bool make_home, struct wf_client **out)
{
    struct wf_client_options o = {.program = cli->program, .make_home = make_home};
    struct wf_err err = WF_ERR_INIT;

    return wf_client_open(&cli->home, &o, out, &err) == 0 ? 0 : wf_cli_fail(cli, &err);
}

int wf_cli_call(struct wf_cli *cli, const char *op, json_t *params, json_t **out_result)
{
    struct wf_client_call call = {.op = op, .params = params, .fd = -1};
    struct wf_err err = WF_ERR_INIT;
    struct wf_client *c = NULL;
    int rc = wf_cli_connect(cli, false, &c);

    if (rc == 0 && wf_client_run(c, &call, out_result, &err) != 0)
        rc = wf_cli_fail(cli, &err);
    wf_client_close(c);
    json_decref(params);
    return rc;
}

void wf_cli_print_json(const json_t *v)
{
    (void)json_dumpf(v, stdout, JSON_COMPACT | JSON_ENCODE_ANY); /* main checks stdout at the end */
    putchar('\n');
}

static const char *if_terminal(const char *sequence)
{
    return isatty(STDOUT_FILENO) ? sequence : "";
}

const char *wf_cli_bold(void)
{
    return if_terminal("\033[1m");
}

const char *wf_cli_dim(void)
{
    return if_terminal("\033[2m");
}

const char *wf_cli_plain(void)
{
    return if_terminal("\033[0m");
}

static size_t columns(void)
{
    struct winsize ws;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col >= 30)
        return WF_MIN((size_t)ws.ws_col, (size_t)100);
    return 80;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

void wf_cli_print_wrapped(const char *text, size_t indent, size_t mark_start, size_t mark_end)
{
    size_t n = strlen(text), width = columns(), at = 0, i = 0;
    bool bold = false;

    while (i < n) {
        size_t start, cells;
        while (i < n && is_space(text[i]))
            i++;
        start = i;
        while (i < n && !is_space(text[i]))
            i++;
        if (start == i)
            break;
        cells = wf_utf8_count(wf_str_n(text + start, i - start));
        if (at == 0 || at + 1 + cells > width) {
            printf("%s%*s", at ? "\n" : "", (int)indent, "");
            at = indent;
        } else {
            putchar(' ');
            at++;
        }
        for (size_t k = start; k < i; k++) {
            bool want = k >= mark_start && k < mark_end;
            if (want != bold)
                fputs(want ? wf_cli_bold() : wf_cli_plain(), stdout);
            bold = want;
            putchar(text[k]);
        }
        at += cells;
    }
    printf("%s%s", bold ? wf_cli_plain() : "", at ? "\n" : "");
}

char *wf_cli_count(char out[32], uint64_t n)
{
    char digits[24];
    int n_digits = snprintf(digits, sizeof(digits), "%" PRIu64, n), k = 0;

    for (int i = 0; i < n_digits; i++) {
        if (i > 0 && (n_digits - i) % 3 == 0)
            out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = 0;
    return out;
}

char *wf_cli_bytes(char out[32], uint64_t n)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double x = (double)n;
    size_t u = 0;

    while (x >= 999.5 && u + 1 < WF_ARRAY_LEN(units)) {
        x /= 1000;
        u++;
    }
    snprintf(out, 32, u == 0 || x >= 99.5 ? "%.0f %s" : "%.1f %s", x, units[u]);
    return out;
}
