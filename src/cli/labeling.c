/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that look into texts share. Everything is opened, then the process is locked
 * down, then the first byte of a text is read. */
#include "cli/labeling.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "cli/i18n.h"
#include "daemon/lens_file.h"
#include "op/json.h"
#include "os/sandbox.h"
#include "text/utf8.h"

/* A text at its limit, every byte of it written as an escape of six. */
#define LINE_MAX_BYTES ((size_t)6 * WF_LIMIT_DETECT_BYTES)
#define READ_BYTES ((size_t)64 << 10)

void wf_labeling_close(struct wf_labeling *t)
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

int wf_labeling_open(const struct wf_cli *cli, const char *policy, bool patterns,
                     struct wf_labeling *t, struct wf_err *err)
{
    const struct wf_detect_options detect = {.plain_only = false};
    const struct wf_sandbox_options box = {.kind = WF_SANDBOX_EXTRACT, .threads = true};
    int rc = open_policy(cli, policy, &t->policy, err);

    if (rc == 0)
        rc = wf_detector_open(&detect, &t->detector, err);
    if (rc == 0 && !patterns)
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

int wf_labeling_valid(struct wf_str raw, struct wf_buf *out, struct wf_err *err)
{
    int rc = wf_utf8_append_repaired(out, raw);

    return rc == 0 ? 0 : wf_err_set(err, rc, _("Not enough memory for the text."));
}

/* ---- lines ---- */

struct lines {
    int (*one)(void *ud, struct wf_str text, json_t **out, struct wf_err *err);
    void *ud;
    size_t n_bad;
};

/* One line's answer, or its error in its place. */
static void answer_line(struct lines *l, struct wf_str line)
{
    struct wf_err err = WF_ERR_INIT;
    json_t *asked = NULL, *answer = NULL;
    int rc = wf_json_parse(line, &asked, &err);

    if (rc == 0) {
        const json_t *text = json_object_get(asked, "text"); /* jansson takes UTF-8 alone */
        if (!json_is_string(text))
            rc = wf_err_set(&err, WF_E_INVAL, _("The line has no \"text\"."));
        else
            rc = l->one(l->ud, wf_str_n(json_string_value(text), json_string_length(text)), &answer,
                        &err);
    }
    if (rc != 0) {
        answer = json_pack("{s:s}", "error", err.msg);
        l->n_bad++;
    }
    wf_cli_print_json(answer);
    json_decref(answer);
    json_decref(asked);
}

/* Lines are answered as they come, so that a program may wait for each. */
int wf_labeling_lines(int (*one)(void *ud, struct wf_str text, json_t **out, struct wf_err *err),
                      void *ud, size_t *out_n_bad, struct wf_err *err)
{
    struct lines l = {.one = one, .ud = ud};
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
            answer_line(&l, wf_str_n(in.ptr + from, end - from));
            from = ++end;
        }
        wf_buf_consume(&in, from);
        (void)fflush(stdout);
    }
    if (rc == 0 && in.len > 0) /* a last line without its end */
        answer_line(&l, wf_buf_str(&in));
    wf_buf_deinit(&in);
    *out_n_bad = l.n_bad;
    return rc;
}
