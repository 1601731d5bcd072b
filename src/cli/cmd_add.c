/* SPDX-License-Identifier: Apache-2.0 */
/* weft add PATH...: walks the paths here, as the person, and hands descriptors to the core.
 *
 * Ctrl-C sends no more files, waits for those under way, and says what is done: running the same
 * command again goes on from there, since finished files cost a stat. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "daemon/add.h"
#include "daemon/walk.h"

#define REDRAW_NS 100000000
/* Vectors are made by a command of its own for so many new passages, and no longer than that. */
#define VECTORS_PASSAGES 8000
#define VECTORS_S 20

struct add_view {
    struct wf_cli *cli;
    json_t *failed; /* array of {path, reason} */
    bool bar;       /* stderr is a terminal */
    int64_t start_ns, drawn_ns;
};

static volatile int stop_flag;

static void on_interrupt(int sig)
{
    (void)sig;
    stop_flag = 1;
}

static void clear_bar(const struct add_view *v)
{
    if (v->bar)
        fputs("\r\033[K", stderr);
}

static void fail_path(struct add_view *v, const char *path, const char *reason)
{
    clear_bar(v);
    fprintf(stderr, _("not added: %s: %s\n"), path, reason);
    json_array_append_new(v->failed, json_pack("{s:s, s:s}", "path", path, "reason", reason));
}

static void draw_bar(struct add_view *v, const struct wf_add_progress *p)
{
    int64_t now_ns = wf_clock_mono_ns(NULL);
    double s = (double)(now_ns - v->start_ns) / 1e9;
    double share = p->bytes_all ? (double)p->bytes_done / (double)p->bytes_all : 1;
    const char *slash = p->path ? strrchr(p->path, '/') : NULL;
    char done[32], all[32], rate[32], left[64] = "";

    if (!v->bar || (now_ns - v->drawn_ns < REDRAW_NS && p->n_done < p->n_all))
        return;
    v->drawn_ns = now_ns;
    if (s > 2 && share > 0.01 && share < 1) {
        int left_s = (int)(s / share - s) + 1;
        if (left_s < 100)
            snprintf(left, sizeof(left), _(" · %d s left"), left_s);
        else
            snprintf(left, sizeof(left), _(" · %d min left"), (left_s + 59) / 60);
    }
    fputs("\r\033[K", stderr);
    fprintf(stderr, _("%s of %s files · %d%% · %s/s%s · %.40s"), wf_cli_count(done, p->n_done),
            wf_cli_count(all, p->n_all), (int)(share * 100),
            wf_cli_bytes(rate, s > 0.1 ? (uint64_t)((double)p->bytes_done / s) : 0), left,
            slash ? slash + 1 : "");
    fflush(stderr);
}

static void told(void *ud, const struct wf_add_progress *p)
{
    struct add_view *v = ud;

    if (p->path && p->status && strcmp(p->status, "failed") == 0)
        fail_path(v, p->path, p->reason ? p->reason : _("It cannot be read."));
    draw_bar(v, p);
}

static void print_result(struct add_view *v, const struct wf_add_result *r)
{
    char a[32], u[32], f[32];

    if (v->cli->json) {
        json_t *out = json_pack("{s:I, s:I, s:O}", "added", (json_int_t)r->n_added, "unchanged",
                                (json_int_t)r->n_unchanged, "failed", v->failed);
        wf_cli_print_json(out);
        json_decref(out);
        return;
    }
    printf(_("%s added, %s unchanged, %s failed.\n"), wf_cli_count(a, r->n_added),
           wf_cli_count(u, r->n_unchanged), wf_cli_count(f, json_array_size(v->failed)));
    if (stop_flag)
        printf("%s\n", _("Stopped early. The same command goes on from here."));
}

static int draw_vectors(void *ud, const char *event, const json_t *data)
{
    struct add_view *v = ud;
    char n[32];

    if (strcmp(event, "vectors") == 0 && v->bar) {
        uint64_t done = (uint64_t)json_integer_value(json_object_get(data, "chunks"));
        fputs("\r\033[K", stderr);
        fprintf(stderr, _("%s passages can be found by their meaning"), wf_cli_count(n, done));
        fflush(stderr);
    }
    return stop_flag ? 1 : 0;
}

/* How many passages there are; 0 when that cannot be told. */
static int64_t count_passages(struct wf_client *c)
{
    struct wf_client_call call = {.op = "status", .fd = -1};
    struct wf_err err = WF_ERR_INIT;
    json_t *result = NULL;
    int64_t n = 0;

    if (wf_client_run(c, &call, &result, &err) == 0)
        n = json_integer_value(json_object_get(result, "chunks"));
    json_decref(result);
    return n;
}

/* The daemon makes vectors by itself; without it, those of a few new passages are made now. What is
 * not done in time, or fails, is left to the next time: words find everything already. */
static void make_vectors(struct add_view *v, struct wf_client *c, int64_t n_before)
{
    struct wf_client_call call = {.op = "vectors.make", .fd = -1, .fn = draw_vectors, .ud = v};
    struct wf_err err = WF_ERR_INIT;
    json_t *result = NULL;

    if (!wf_client_is_own(c) || stop_flag)
        return;
    if (count_passages(c) - n_before > VECTORS_PASSAGES) {
        if (v->bar)
            fprintf(
                stderr, "%s\n",
                _("Words find all of it; by meaning it is found once weft up has run a while."));
        return;
    }
    call.params = json_pack("{s:i}", "seconds", VECTORS_S);
    if (call.params && wf_client_run(c, &call, &result, &err) != 0)
        result = NULL; /* see above */
    clear_bar(v);
    json_decref(result);
    json_decref(call.params);
}

static int add_all(struct add_view *v, struct wf_walk *walk, const char *space, bool retry)
{
    struct wf_add_options o = {
        .space = space, .retry = retry, .fn = told, .ud = v, .stop = &stop_flag};
    struct wf_add_result result = {0, 0, 0};
    struct wf_err err = WF_ERR_INIT;
    struct wf_client *c = NULL;
    int code = wf_cli_connect(v->cli, true, &c);

    if (code == 0) {
        int64_t n_before = wf_client_is_own(c) ? count_passages(c) : 0;
        if (wf_add_files(c, walk, &o, &result, &err) != 0) {
            clear_bar(v);
            code = wf_cli_fail(v->cli, &err);
        } else {
            clear_bar(v);
            print_result(v, &result);
            make_vectors(v, c, n_before);
            code = json_array_size(v->failed) > 0 || stop_flag ? WF_EXIT_FAILED : WF_EXIT_DONE;
        }
    }
    wf_client_close(c);
    return code;
}

int wf_cmd_add(struct wf_cli *cli)
{
    const char *usage = _("Usage: weft add PATH... [--space NAME] [--retry]\n\n"
                          "Takes in files, and all files in folders. Files that have not changed "
                          "cost a look only.\nHidden files and links inside folders are passed "
                          "over.\n--retry reads again what failed before.");
    const char *space = NULL;
    bool retry = false;
    const struct wf_option options[] = {
        {.name = "space", .kind = WF_OPTION_TEXT, .out = &space},
        {.name = "retry", .kind = WF_OPTION_FLAG, .out = &retry},
        {.name = NULL},
    };
    struct sigaction sa = {.sa_handler = on_interrupt,
                           .sa_flags = (int)(SA_RESTART | SA_RESETHAND)};
    struct add_view v = {.cli = cli, .start_ns = wf_clock_mono_ns(NULL)};
    struct wf_err err = WF_ERR_INIT;
    struct wf_walk walk;
    int code = 0;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args == 0)
        return wf_cli_usage(usage);
    v.bar = isatty(STDERR_FILENO) && !cli->json;
    v.failed = json_array();
    sigaction(SIGINT, &sa, NULL);
    wf_walk_init(&walk, cli->home.dir);
    for (size_t i = 0; code == 0 && i < cli->n_args; i++) {
        if (wf_walk_add(&walk, cli->args[i], &err) != 0)
            code = wf_cli_fail(cli, &err);
    }
    for (size_t i = 0; code == 0 && i < walk.n_failures; i++)
        fail_path(&v, walk.failures[i].path, walk.failures[i].reason);
    if (code == 0)
        code = add_all(&v, &walk, space, retry);
    wf_walk_deinit(&walk);
    json_decref(v.failed);
    return code;
}
