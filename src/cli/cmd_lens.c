/* SPDX-License-Identifier: Apache-2.0 */
/* weft lens TASK: the embedded model by itself, on standard input. It runs in this process, which
 * is locked down as one that reads files of strangers before it reads a byte: no file, no network,
 * no process can be reached from it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "cli/lens.h"
#include "daemon/lens_file.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "text/utf8.h"

struct asked {
    unsigned task;
    const char *set, *question;
};

static int lock_down(struct wf_err *err)
{
    const struct wf_sandbox_options o = {.kind = WF_SANDBOX_EXTRACT, .threads = true};
    int rc = wf_sandbox_enter(&o, err);

    if (rc != 0)
        wf_err_prefix(err, "weft does not run without protection");
    return rc;
}

/* The whole of standard input as one text. */
static int run_one(struct wf_lens_pool *pool, const struct asked *q, struct wf_err *err)
{
    struct wf_buf raw, text;
    struct wf_lens_answer a;
    struct wf_lens_ask ask = {
        .tasks = q->task, .set = q->set, .question = wf_str_from(q->question)};
    int rc;

    wf_buf_init(&raw, WF_LIMIT_LENS_BYTES + 1);
    wf_buf_init(&text, (size_t)4 * WF_LIMIT_LENS_BYTES);
    rc = wf_file_read_stream(STDIN_FILENO, &raw, err);
    if (rc == 0 && wf_utf8_append_repaired(&text, wf_buf_str(&raw)) != 0)
        rc = wf_err_set(err, WF_E_NOMEM, _("Not enough memory for the text."));
    ask.text = wf_buf_str(&text);
    if (rc == 0)
        rc = wf_lens_pool_run(pool, &ask, 1, &a, err);
    if (rc == 0) {
        wf_lens_print(&ask, &a);
        wf_lens_answer_deinit(&a);
    }
    wf_buf_deinit(&text);
    wf_buf_deinit(&raw);
    return rc;
}

/* Lines that could not be answered have their errors in their places: standard output gets no line
 * more than standard input had. */
static int run_lines(struct wf_lens_pool *pool, const struct asked *q, size_t *out_n_bad,
                     struct wf_err *err)
{
    int rc = wf_lens_lines(pool, q->task, q->set, out_n_bad, err);

    if (rc == 0 && *out_n_bad > 0)
        (void)fprintf(stderr,
                      ngettext("weft: %zu line could not be answered; its error stands in its "
                               "place.\n",
                               "weft: %zu lines could not be answered; their errors stand in "
                               "their places.\n",
                               *out_n_bad),
                      *out_n_bad);
    return rc;
}

static int show(struct wf_cli *cli, const struct wf_lens *lens, const char *path)
{
    if (cli->json) {
        json_t *v = wf_lens_show_json(lens, path);
        if (v != NULL)
            wf_cli_print_json(v);
        json_decref(v);
    } else {
        wf_lens_show(lens, path);
    }
    return 0;
}

/* Opened before it is locked down, as no file can be opened after; threads come later. */
static int run(struct wf_cli *cli, const struct asked *q, size_t *out_n_bad, struct wf_err *err)
{
    struct wf_lens_place place;
    struct wf_lens_pool *pool = NULL;
    const struct wf_lens *lens;
    const struct wf_lens_ask ask = {.tasks = q->task, .set = q->set};
    struct wf_config config;
    int rc = wf_cli_config(cli, &config, err);

    if (rc != 0)
        return rc;
    wf_lens_file_find(cli->program, config.lens, &place);
    const struct wf_lens_pool_options o = wf_lens_file_options(&place);
    rc = wf_lens_pool_new(&o, &pool, err);
    if (rc == 0)
        rc = wf_lens_pool_lens(pool, &lens, err);
    if (rc == 0 && q->task == 0) {
        rc = show(cli, lens, place.path);
    } else if (rc == 0) {
        rc = wf_lens_can(lens, &ask, err);
        if (rc == 0)
            rc = lock_down(err);
        if (rc == 0)
            rc = cli->json ? run_lines(pool, q, out_n_bad, err) : run_one(pool, q, err);
    }
    wf_lens_pool_free(pool);
    return rc;
}

int wf_cmd_lens(struct wf_cli *cli)
{
    const char *usage =
        _("Usage: weft lens [embed|spans|entities|salience|intent|language|sensitivity]\n"
          "                 [--question TEXT] [--set NAME]\n\n"
          "What the embedded model says of a text on standard input: its embedding, the answer to\n"
          "--question in it, the people, places and the like, which sentences matter, what is\n"
          "asked for (--set: weft, clinc150, banking77, hwu64), its language, what is sensitive.\n"
          "With --json standard input has one object {\"text\":..., \"question\":...} a line, and\n"
          "each gets one back. Without a task: what the model file can do, and its figures.");
    struct asked q = {.task = 0};
    const struct wf_option options[] = {
        {.name = "question", .letter = 'q', .kind = WF_OPTION_TEXT, .out = &q.question},
        {.name = "set", .kind = WF_OPTION_TEXT, .out = &q.set},
        {.name = NULL},
    };
    struct wf_err err = WF_ERR_INIT;
    size_t n_bad = 0;
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args > 1)
        return wf_cli_usage(usage);
    if (cli->n_args == 1) {
        q.task = wf_lens_task_by_name(wf_str_from(cli->args[0]));
        if (q.task == 0)
            return wf_cli_usage(usage);
    }
    if (q.task == WF_LENS_SPANS && !cli->json && q.question == NULL)
        return wf_cli_usage(usage);
    if (run(cli, &q, &n_bad, &err) != 0)
        return wf_cli_fail(cli, &err);
    return n_bad == 0 ? WF_EXIT_DONE : WF_EXIT_FAILED;
}
