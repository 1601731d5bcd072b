/* SPDX-License-Identifier: Apache-2.0 */
/* weft label: how sensitive a text on standard input is, and what is in it that makes it so.
 *
 * Needs no data and makes no home. Locked down before it reads a byte, like weft lens. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "daemon/lens_file.h"
#include "op/json.h"
#include "op/label.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "text/utf8.h"

/* A text at its limit, every byte of it written as an escape of six. */
#define LINE_MAX_BYTES ((size_t)6 * WF_LIMIT_DETECT_BYTES)
#define READ_BYTES ((size_t)64 << 10)

struct asked {
    bool patterns, lines;
    const char *policy;
};

struct tools {
    struct wf_detector *detector;
    struct wf_policy *policy;
    struct wf_lens_pool *lens;
    struct wf_labeler *labeler;
};

static void close_tools(struct tools *t)
{
    wf_labeler_free(t->labeler);
    wf_lens_pool_free(t->lens);
    wf_policy_free(t->policy);
    wf_detector_free(t->detector);
}

/* The one given, or the home's where it has one, or the built-in. */
static int open_policy(const struct wf_cli *cli, const char *path, struct wf_policy **out,
                       struct wf_err *err)
{
    const char *name = path != NULL ? path : cli->home.policy;
    const struct wf_policy_options o = {.name = name, .user_home = cli->env("HOME")};

    if (path == NULL && access(name, F_OK) != 0)
        return wf_policy_built_in(out, err);
    return wf_policy_load(name, &o, out, err);
}

/* The lens where its file is; without it patterns alone are used. */
static int open_lens(const struct wf_cli *cli, struct wf_lens_pool **out, struct wf_err *err)
{
    struct wf_lens_place place;
    struct wf_config config;
    const struct wf_lens *lens;
    int rc = wf_cli_config(cli, &config, err);

    if (rc != 0)
        return rc;
    wf_lens_file_find(cli->program, config.lens, &place);
    if (place.is_off || place.path[0] == '\0')
        return 0;
    const struct wf_lens_pool_options o = wf_lens_file_options(&place);
    rc = wf_lens_pool_new(&o, out, err);
    return rc == 0 ? wf_lens_pool_lens(*out, &lens, err) : rc;
}

/* All that is in files or becomes machine code comes before the lock. */
static int open_tools(const struct wf_cli *cli, const struct asked *a, struct tools *t,
                      struct wf_err *err)
{
    const struct wf_detect_options detect = {.plain_only = false};
    const struct wf_sandbox_options box = {.kind = WF_SANDBOX_EXTRACT, .threads = true};
    int rc = open_policy(cli, a->policy, &t->policy, err);

    if (rc == 0)
        rc = wf_detector_open(&detect, &t->detector, err);
    if (rc == 0 && !a->patterns)
        rc = open_lens(cli, &t->lens, err);
    if (rc == 0) {
        const struct wf_labeler_options o = {
            .detector = t->detector, .policy = t->policy, .lens = t->lens};
        rc = wf_labeler_new(&o, &t->labeler, err);
    }
    if (rc == 0) {
        rc = wf_sandbox_enter(&box, err);
        if (rc != 0)
            wf_err_prefix(err, "weft does not run without protection");
    }
    return rc;
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

static int label_text(struct wf_labeler *l, struct wf_str raw, json_t **out, struct wf_err *err)
{
    struct wf_buf text;
    int rc;

    if (wf_utf8_valid_prefix(raw) == raw.len)
        return wf_labeler_run(l, raw, out, err);
    wf_buf_init(&text, (size_t)4 * WF_LIMIT_DETECT_BYTES);
    rc = wf_utf8_append_repaired(&text, raw);
    if (rc != 0)
        rc = wf_err_set(err, rc, _("Not enough memory for the text."));
    else
        rc = wf_labeler_run(l, wf_buf_str(&text), out, err);
    wf_buf_deinit(&text);
    return rc;
}

static int run_one(const struct wf_cli *cli, struct wf_labeler *l, struct wf_err *err)
{
    struct wf_buf raw;
    json_t *label = NULL;
    int rc;

    wf_buf_init(&raw, WF_LIMIT_DETECT_BYTES);
    rc = wf_file_read_stream(STDIN_FILENO, &raw, err);
    if (rc == 0)
        rc = label_text(l, wf_buf_str(&raw), &label, err);
    if (rc == 0 && cli->json)
        wf_cli_print_json(label);
    else if (rc == 0)
        show(label);
    json_decref(label);
    wf_buf_deinit(&raw);
    return rc;
}

/* ---- lines ---- */

/* One line's answer, or its error in its place. */
static void answer_line(struct wf_labeler *l, struct wf_str line, size_t *io_n_bad)
{
    struct wf_err err = WF_ERR_INIT;
    json_t *asked = NULL, *label = NULL;
    int rc = wf_json_parse(line, &asked, &err);

    if (rc == 0) {
        const json_t *text = json_object_get(asked, "text");
        if (!json_is_string(text))
            rc = wf_err_set(&err, WF_E_INVAL, _("The line has no \"text\"."));
        else
            rc = label_text(l, wf_str_n(json_string_value(text), json_string_length(text)), &label,
                            &err);
    }
    if (rc != 0) {
        label = json_pack("{s:s}", "error", err.msg);
        ++*io_n_bad;
    }
    wf_cli_print_json(label);
    json_decref(label);
    json_decref(asked);
}

/* Lines are answered as they come, so that a program may wait for each. */
static int run_lines(struct wf_labeler *l, size_t *out_n_bad, struct wf_err *err)
{
    struct wf_buf in;
    ssize_t got = 1;
    int rc = 0;

    wf_buf_init(&in, LINE_MAX_BYTES);
    while (rc == 0 && got > 0) {
        size_t from = 0, end;
        if (wf_buf_reserve(&in, READ_BYTES) != 0) {
            rc = wf_err_set(err, WF_E_LIMIT, _("A line is too long."));
            break;
        }
        got = read(STDIN_FILENO, in.ptr + in.len, READ_BYTES);
        if (got < 0) {
            rc = wf_err_set(err, WF_E_IO, _("standard input cannot be read"));
            break;
        }
        end = in.len;
        wf_buf_commit(&in, (size_t)got);
        while ((end = wf_str_find_byte(wf_buf_str(&in), '\n', end)) != SIZE_MAX) {
            answer_line(l, wf_str_n(in.ptr + from, end - from), out_n_bad);
            from = ++end;
        }
        wf_buf_consume(&in, from);
        (void)fflush(stdout);
    }
    if (rc == 0 && in.len > 0) /* a last line without its end */
        answer_line(l, wf_buf_str(&in), out_n_bad);
    wf_buf_deinit(&in);
    return rc;
}

int wf_cmd_label(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft label [--jsonl] [--patterns] [--policy FILE]\n\n"
        "How sensitive the text on standard input is (public, internal, private, secret), and\n"
        "what in it makes it so: cards, numbers of states, phones, addresses, keys, names.\n"
        "  --jsonl        standard input has one object {\"text\":...} a line; each gets one back\n"
        "  --patterns     without the embedded model: what has a form, and no names\n"
        "  --policy FILE  by this policy in place of the home folder's");
    struct asked a = {.patterns = false};
    const struct wf_option options[] = {
        {.name = "jsonl", .kind = WF_OPTION_FLAG, .out = &a.lines},
        {.name = "patterns", .kind = WF_OPTION_FLAG, .out = &a.patterns},
        {.name = "policy", .kind = WF_OPTION_TEXT, .out = &a.policy},
        {.name = NULL},
    };
    struct wf_err err = WF_ERR_INIT;
    struct tools t = {.detector = NULL};
    size_t n_bad = 0;
    int code, rc;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    if (cli->n_args > 0)
        return wf_cli_usage(usage);
    rc = open_tools(cli, &a, &t, &err);
    if (rc == 0)
        rc = a.lines ? run_lines(t.labeler, &n_bad, &err) : run_one(cli, t.labeler, &err);
    close_tools(&t);
    if (rc != 0)
        return wf_cli_fail(cli, &err);
    return n_bad == 0 ? WF_EXIT_DONE : WF_EXIT_FAILED;
}
