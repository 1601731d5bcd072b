/* SPDX-License-Identifier: Apache-2.0 */
/* weft train CONF: runs an experiment. On a terminal one line shows how far it is; elsewhere a line
 * is written now and then, for a log. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/i18n.h"
#include "cli/train.h"
#include "train/trainer.h"

#define SETS_MAX 64
#define REDRAW_NS 200000000
#define LOG_NS 60000000000

struct shown {
    bool is_terminal;
    int64_t drawn_ns;
};

static bool on_stops(void *ud)
{
    (void)ud;
    return wf_train_asked_to_stop();
}

static void clear(struct shown *s)
{
    if (s->is_terminal && s->drawn_ns != 0)
        fputs("\r\033[K", stderr);
    s->drawn_ns = 0;
}

static void on_step(void *ud, const struct wf_trainer_view *v)
{
    struct shown *s = ud;
    int64_t now = wf_clock_mono_ns(NULL);
    char left[64], speed[32];

    if (now - s->drawn_ns < (s->is_terminal ? REDRAW_NS : LOG_NS) && v->step != v->n_steps)
        return;
    s->drawn_ns = now;
    wf_train_time_left(left, sizeof(left), v->left_s);
    fputs(s->is_terminal ? "\r\033[K" : "", stderr);
    fprintf(stderr, _("step %llu of %llu"), (unsigned long long)v->step,
            (unsigned long long)v->n_steps);
    for (size_t i = 0; i < v->n_tasks; i++) {
        if (isfinite(v->losses[i]))
            fprintf(stderr, " · %s %.3f", v->names[i], v->losses[i]);
    }
    if (v->tokens_per_s > 0)
        fprintf(stderr, _(" · %s tokens/s"), wf_cli_count(speed, (uint64_t)v->tokens_per_s));
    if (v->n_skipped > 0)
        fprintf(stderr, _(" · %llu skipped"), (unsigned long long)v->n_skipped);
    fprintf(stderr, "%s%s", left, s->is_terminal ? "" : "\n");
    (void)fflush(stderr);
}

static void on_measured(void *ud, uint64_t step, const char *task, const struct wf_task_figure *f,
                        const double *values)
{
    clear(ud);
    fprintf(stderr, _("step %llu, %s on texts kept aside:"), (unsigned long long)step, task);
    for (size_t i = 0; f[i].name != NULL; i++)
        fprintf(stderr, "%s %s %.4g%s%s", i > 0 ? "," : "", f[i].name, values[i],
                f[i].unit[0] != 0 ? " " : "", f[i].unit);
    fputc('\n', stderr);
}

static void on_saved(void *ud, uint64_t step, const char *path)
{
    clear(ud);
    fprintf(stderr, _("step %llu is kept in %s\n"), (unsigned long long)step, path);
}

/* Takes all --set out of the arguments. False: one has no value, or there are too many. */
static bool take_sets(struct wf_cli *cli, const char *out[SETS_MAX], size_t *out_n)
{
    size_t n = 0, kept = 0;

    for (size_t i = 0; i < cli->n_args; i++) {
        bool is_set = strcmp(cli->args[i], "--set") == 0;
        if (!is_set && strncmp(cli->args[i], "--set=", 6) != 0) {
            cli->args[kept++] = cli->args[i];
            continue;
        }
        if (n == SETS_MAX || (is_set && i + 1 == cli->n_args))
            return false;
        out[n++] = is_set ? cli->args[++i] : cli->args[i] + 6;
    }
    cli->n_args = kept;
    *out_n = n;
    return true;
}

static int finish(const struct wf_cli *cli, const struct wf_trainer *t, bool is_done)
{
    struct wf_trainer_view v;
    json_t *o;

    wf_trainer_look(t, &v);
    if (cli->json) {
        o = json_pack("{s:b, s:I, s:I, s:I, s:s}", "done", is_done, "step", (json_int_t)v.step,
                      "tokens", (json_int_t)v.n_tokens, "skipped", (json_int_t)v.n_skipped, "out",
                      wf_trainer_out_dir(t));
        for (size_t i = 0; o != NULL && i < v.n_tasks; i++) {
            if (isfinite(v.losses[i]))
                (void)json_object_set_new(o, v.names[i], json_real(v.losses[i]));
        }
        if (o != NULL)
            wf_cli_print_json(o);
        json_decref(o);
    }
    if (!is_done)
        fprintf(stderr, _("weft: stopped at step %llu; --resume goes on from there.\n"),
                (unsigned long long)v.step);
    return is_done ? WF_EXIT_DONE : WF_EXIT_FAILED;
}

static int run(const struct wf_cli *cli, struct wf_conf *conf, const struct wf_trainer_options *o)
{
    struct shown shown = {.is_terminal = isatty(STDERR_FILENO) != 0};
    struct wf_trainer_events e = {&shown, on_stops, on_step, on_measured, on_saved};
    struct wf_err err = WF_ERR_INIT;
    struct wf_trainer *t = NULL;
    bool is_done = false;
    int rc = wf_trainer_open(conf, o, &t, &err), code;

    if (rc == 0) {
        wf_train_catch_signals();
        rc = wf_trainer_run(t, &e, &is_done, &err);
        clear(&shown);
    }
    code = rc == 0 ? finish(cli, t, is_done) : wf_cli_fail(cli, &err);
    wf_trainer_close(t);
    return code;
}

int wf_train_run(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft train CONF [--resume] [--from CHECKPOINT] [--out FOLDER] [--data FOLDER]\n"
          "                       [--threads N] [--set SECTION.KEY=VALUE]...\n\n"
          "Runs the experiment that the file CONF describes. Checkpoints, figures (figures.csv,\n"
          "report.html) go to its folder. --resume goes on from the folder's last checkpoint;\n"
          "--from goes on from another one in a new folder; --set changes single settings.");
    struct wf_trainer_options o = {0};
    struct wf_err err = WF_ERR_INIT;
    const char *sets[SETS_MAX];
    struct wf_conf *conf = NULL;
    size_t n_sets = 0;
    int code, rc;
    const struct wf_option options[] = {
        {.name = "resume", .kind = WF_OPTION_FLAG, .out = &o.resumes},
        {.name = "from", .kind = WF_OPTION_TEXT, .out = &o.from},
        {.name = "out", .kind = WF_OPTION_TEXT, .out = &o.out_dir},
        {.name = "data", .kind = WF_OPTION_TEXT, .out = &o.data_dir},
        {"threads", 't', WF_OPTION_NUMBER, &o.n_threads, 1, 256},
        {0},
    };

    if (!take_sets(cli, sets, &n_sets))
        return wf_cli_usage(usage);
    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args != 1)
        return wf_cli_usage(usage);
    rc = wf_conf_load(cli->args[0], &conf, &err);
    for (size_t i = 0; i < n_sets && rc == 0; i++)
        rc = wf_conf_set(conf, wf_str_from(sets[i]), &err);
    code = rc == 0 ? run(cli, conf, &o) : wf_cli_fail(cli, &err);
    wf_conf_free(conf);
    return code;
}
