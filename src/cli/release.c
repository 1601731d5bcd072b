/* SPDX-License-Identifier: Apache-2.0 */
/* What the policy keeps, a person at a terminal may release for one request, in a chat, a question
 * about documents, or a summary: all of it is shown as
 * it would go, then a reason is asked for, then the engine's name, typed out. Everything else, an
 * empty line first of all, leaves it here. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/i18n.h"
#include "cli/release.h"
#include "cli/run.h"
#include "op/json.h"

#define LINE_BYTES 1000

/* ---- showing ---- */

/* One line of a text that may hold anything. */
static void print_line(struct wf_str line)
{
    char *own = wf_memdup0(line.ptr, line.len);

    if (own != NULL) {
        wf_str_make_printable(own, line.len);
        fprintf(stderr, "  | %s\n", own);
    }
    wf_free(own);
}

static void print_message(const json_t *m)
{
    const json_t *content = json_object_get(m, "content");
    char *text = json_is_string(content) ? NULL : json_dumps(m, JSON_COMPACT);
    struct wf_str rest = wf_str_from(text != NULL ? text : wf_json_text(m, "content")), line;

    fprintf(stderr, "  %s:\n", wf_json_text(m, "role"));
    while (wf_str_split(&rest, '\n', &line))
        print_line(line);
    wf_free(text);
}

static void print_counts(const json_t *counts, const char *before)
{
    const char *type;
    json_t *n;

    if (json_object_size(counts) == 0)
        return;
    fprintf(stderr, "%s", before);
    json_object_foreach((json_t *)(uintptr_t)counts, type, n)
        fprintf(stderr, " %lld %s", (long long)json_integer_value(n), type);
    fprintf(stderr, "\n");
}

static void print_look(const json_t *look)
{
    const json_t *m;
    size_t i;

    fprintf(stderr, _("This is %s, %s may see %s. %s\n"), wf_json_text(look, "from"),
            wf_json_text(look, "engine"), wf_json_text(look, "clearance"),
            wf_json_text(look, "reason"));
    if (!json_is_true(json_object_get(look, "possible"))) {
        fprintf(stderr, _("No release: %s\n"), wf_json_text(look, "why"));
        return;
    }
    fprintf(stderr, _("You may release it, this once. To %s would go, exactly (%lld bytes):\n"),
            wf_json_text(look, "to_whom"),
            (long long)json_integer_value(json_object_get(look, "bytes")));
    json_array_foreach(json_object_get(look, "messages"), i, m) print_message(m);
    print_counts(json_object_get(look, "redactions"), _("Replaced before it goes:"));
    if (json_is_true(json_object_get(look, "as_is")))
        print_counts(json_object_get(look, "above"), _("It goes as it is, with:"));
}

/* ---- asking ---- */

/* A line that is typed, without what surrounds it; false: none, or an empty one. */
static bool ask(const char *question, char out[LINE_BYTES])
{
    struct wf_str line;

    fprintf(stderr, "%s ", question);
    fflush(stderr);
    if (fgets(out, LINE_BYTES, stdin) == NULL)
        return false;
    line = wf_str_trim(wf_str_from(out));
    memmove(out, line.ptr, line.len);
    out[line.len] = '\0';
    return line.len > 0;
}

/* What is asked about. */
struct asking {
    struct wf_client *client;
    struct wf_client_call call; /* with params of its own */
};

static json_t *look(const struct asking *a, bool as_is)
{
    struct wf_err err = WF_ERR_INIT;
    json_t *v = NULL;

    if (json_object_set_new(a->call.params, "release", json_pack("{s:b}", "as_is", (int)as_is)) !=
        0)
        return NULL;
    if (wf_client_run(a->client, &a->call, &v, &err) != 0) {
        fprintf(stderr, "%s\n", err.msg);
        return NULL;
    }
    if (json_is_true(json_object_get(v, "needed"))) {
        print_look(v);
        return v;
    }
    json_decref(v); /* another mistake than the policy's */
    return NULL;
}

/* The reason, having looked at it with nothing replaced where that was asked for. */
static bool ask_reason(const struct asking *a, json_t **io_look, char reason[LINE_BYTES])
{
    for (;;) {
        bool is_as_is = json_is_true(json_object_get(*io_look, "as_is"));
        bool has_more = !is_as_is && json_object_size(json_object_get(*io_look, "above")) > 0;

        if (has_more)
            fprintf(
                stderr, "%s\n",
                _("(\"as it is\" shows it without replacing what the policy does not replace.)"));
        if (!ask(
                _("Why is it to go? Your reason is kept in the ledger; without one it stays here:"),
                reason))
            return false;
        if (!has_more || strcmp(reason, _("as it is")) != 0)
            return true;
        json_decref(*io_look);
        *io_look = look(a, true);
        if (*io_look == NULL || !json_is_true(json_object_get(*io_look, "possible")))
            return false;
    }
}

json_t *wf_release_ask(struct wf_cli *cli, struct wf_client *c, const struct wf_client_call *call)
{
    char reason[LINE_BYTES], name[LINE_BYTES], question[LINE_BYTES];
    struct asking a = {.client = c,
                       .call = {.op = call->op, .params = json_copy(call->params), .fd = call->fd}};
    json_t *v, *release = NULL;

    if (a.call.params == NULL || cli->json || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        json_decref(a.call.params);
        return NULL;
    }
    v = look(&a, false);
    if (v != NULL && json_is_true(json_object_get(v, "possible")) && ask_reason(&a, &v, reason)) {
        snprintf(question, sizeof(question), _("Type %s to send it:"), wf_json_text(v, "engine"));
        if (ask(question, name) && strcmp(name, wf_json_text(v, "engine")) == 0)
            release = json_pack("{s:s, s:s, s:s*}", "id", wf_json_text(v, "id"), "reason", reason,
                                "fence", json_string_value(json_object_get(v, "fence")));
        if (release == NULL)
            fprintf(stderr, "%s\n", _("It stays here."));
    }
    json_decref(v);
    json_decref(a.call.params);
    return release;
}

int wf_release_run(struct wf_cli *cli, struct wf_client *c, const struct wf_client_call *call,
                   json_t **out_result, struct wf_err *err)
{
    struct wf_client_call again = *call;
    json_t *release;
    int rc = wf_client_run(c, call, out_result, err);

    if (rc != WF_E_DENIED)
        return rc;
    release = wf_release_ask(cli, c, call);
    if (release == NULL)
        return rc;
    again.params = json_copy(call->params);
    rc = again.params != NULL && json_object_set_new(again.params, "release", release) == 0
             ? wf_client_run(c, &again, out_result, err)
             : wf_err_set(err, WF_E_NOMEM, "%s", _("Out of memory."));
    json_decref(again.params);
    return rc;
}

json_t *wf_run_release(struct wf_run *r, const json_t *params)
{
    const struct wf_client_call call = {
        .op = "release", .params = (json_t *)(uintptr_t)params, .fd = -1};

    return wf_release_ask(r->cli, r->client, &call);
}
