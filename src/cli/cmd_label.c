/* SPDX-License-Identifier: Apache-2.0 */
/* weft label: how sensitive a text on standard input is, and what is in it that makes it so.
 *
 * Needs no data and makes no home. Locked down before it reads a byte, like weft lens. */
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "cli/labeling.h"
#include "op/json.h"
#include "os/file.h"

struct asked {
    bool patterns, lines;
    const char *policy;
};

/* Scores have three digits; a real number would be written with seventeen. */
static void print_json(const json_t *label)
{
    if (json_dumpf(label, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6)) == 0)
        putchar('\n');
}

/* ---- one text ---- */

static void show(const json_t *label)
{
    const json_t *span, *topic;
    size_t i;

    printf("%s%s%s\n", wf_cli_bold(), wf_json_text(label, "label"), wf_cli_plain());
    json_array_foreach(json_object_get(label, "spans"), i, span)
    {
        printf("  %-18s ", wf_json_text(span, "type"));
        for (const char *s = wf_json_text(span, "text"); *s != '\0'; s++)
            putchar((unsigned char)*s < ' ' ? ' ' : *s); /* on one line, whatever it is */
        printf("  %s%.2f  %s%s\n", wf_cli_dim(), json_real_value(json_object_get(span, "score")),
               wf_json_text(span, "reason"), wf_cli_plain());
    }
    json_array_foreach(json_object_get(label, "topics"), i, topic)
        printf("  %-18s %s%.2f%s\n", wf_json_text(topic, "type"), wf_cli_dim(),
               json_real_value(json_object_get(topic, "score")), wf_cli_plain());
}

static int label_text(void *ud, struct wf_str text, json_t **out, struct wf_err *err)
{
    return wf_labeler_run(ud, text, out, err);
}

static int run_one(const struct wf_cli *cli, struct wf_labeler *l, struct wf_err *err)
{
    struct wf_buf raw, text;
    json_t *label = NULL;
    int rc;

    wf_buf_init(&raw, WF_LIMIT_DETECT_BYTES);
    wf_buf_init(&text, (size_t)4 * WF_LIMIT_DETECT_BYTES);
    rc = wf_file_read_stream(STDIN_FILENO, &raw, err);
    if (rc == 0)
        rc = wf_labeling_valid(wf_buf_str(&raw), &text, err);
    if (rc == 0)
        rc = wf_labeler_run(l, wf_buf_str(&text), &label, err);
    if (rc == 0 && cli->json)
        print_json(label);
    else if (rc == 0)
        show(label);
    json_decref(label);
    wf_buf_deinit(&raw);
    wf_buf_deinit(&text);
    return rc;
}

int wf_cmd_label(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft label [--jsonl] [--patterns] [--policy FILE]\n\n"
        "Says how sensitive the text on standard input is (public, internal, private, secret)\n"
        "and what makes it so: cards, ID numbers, phones, addresses, keys, names, topics.\n"
        "  --jsonl        standard input has one object {\"text\":...} a line; each gets one back\n"
        "  --patterns     without the embedded model: no names and no topics, but faster\n"
        "  --policy FILE  by this policy in place of weft.policy in the home folder");
    struct asked a = {.patterns = false};
    const struct wf_option options[] = {
        {.name = "jsonl", .kind = WF_OPTION_FLAG, .out = &a.lines},
        {.name = "patterns", .kind = WF_OPTION_FLAG, .out = &a.patterns},
        {.name = "policy", .kind = WF_OPTION_TEXT, .out = &a.policy},
        {.name = NULL},
    };
    struct wf_err err = WF_ERR_INIT;
    struct wf_labeling t = {.detector = NULL};
    size_t n_bad = 0;
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args > 0)
        return wf_cli_usage(usage);
    rc = wf_labeling_open(cli, a.policy, a.patterns, &t, &err);
    if (rc == 0)
        rc = a.lines ? wf_labeling_lines(label_text, t.labeler, &n_bad, &err)
                     : run_one(cli, t.labeler, &err);
    wf_labeling_close(&t);
    if (rc != 0)
        return wf_cli_fail(cli, &err);
    return n_bad == 0 ? WF_EXIT_DONE : WF_EXIT_FAILED;
}
