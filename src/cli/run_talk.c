/* SPDX-License-Identifier: Apache-2.0 */
/* One exchange with the model: the conversation goes to the core, the answer comes back in pieces.
 *
 * Ctrl-C writes to a pipe that the client watches beside its socket: the core is told to stop, and
 * gives what there is of the answer. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/i18n.h"
#include "cli/run.h"
#include "op/json.h"

/* For the signal handler: the write end of stop_fds. */
static volatile sig_atomic_t stop_fd = -1;

static void on_interrupt(int sig)
{
    ssize_t n = write(stop_fd, "s", 1);

    (void)sig;
    (void)n; /* a full pipe says it already */
}

static void drain(int fd)
{
    char bytes[64];

    while (read(fd, bytes, sizeof(bytes)) > 0) /* it does not block */
        continue;
}

static int show(void *ud, const char *event, const json_t *data)
{
    struct wf_run_print *p = ud;
    struct wf_str text = wf_str_from(wf_json_text(data, "text"));

    if (strcmp(event, "text") == 0)
        wf_run_print_text(p, text, false);
    else if (strcmp(event, "reasoning") == 0)
        wf_run_print_text(p, text, true);
    return 0;
}

/* The parameters of the operation. A new reference; NULL out of memory. */
static json_t *params_of(const struct wf_run *r)
{
    json_t *messages = json_array();

    if (r->system)
        json_array_append_new(messages,
                              json_pack("{s:s, s:O}", "role", "system", "content", r->system));
    json_array_extend(messages, r->messages);
    return json_pack("{s:s, s:o, s:O}", "model", wf_run_model(r), "messages", messages, "options",
                     r->options);
}

static json_int_t count(const json_t *usage, const char *key)
{
    return json_integer_value(json_object_get(usage, key));
}

/* "58 tokens · 21.3 tokens/s · context 812 of 8,192 (10 %)" */
static void print_stats(const json_t *result)
{
    const json_t *u = json_object_get(result, "usage");
    const char *finish = wf_json_text(result, "finish");
    json_int_t written = count(u, "written"), used = count(u, "prompt") + written,
               all = count(u, "context"), lost = count(u, "truncated");
    double s = json_number_value(json_object_get(u, "write_ms")) / 1000;
    char a[32], b[32];
    FILE *f = isatty(STDOUT_FILENO) ? stdout : stderr;
    bool dims = isatty(fileno(f));

    fputs(dims ? "\033[2m" : "", f);
    fprintf(f, ngettext("%s token", "%s tokens", (unsigned long)written),
            wf_cli_count(a, (uint64_t)written));
    if (s > 0 && written > 1)
        fprintf(f, _(" · %.1f tokens/s"), (double)(written - 1) / s);
    if (all > 0)
        fprintf(f, _(" · context %s of %s (%d %%)"), wf_cli_count(a, (uint64_t)used),
                wf_cli_count(b, (uint64_t)all), (int)(100.0 * (double)used / (double)all));
    if (strcmp(finish, "canceled") == 0)
        fprintf(f, " · %s", _("stopped"));
    else if (strcmp(finish, "length") == 0)
        fprintf(f, " · %s", used < all ? _("cut off: max_tokens") : _("cut off: context is full"));
    fprintf(f, "%s\n", dims ? "\033[0m" : "");
    if (lost > 0)
        fprintf(f, _("%s tokens of the conversation's beginning were left out.\n"),
                wf_cli_count(a, (uint64_t)lost));
}

/* Keys that are pressed while the model writes do not show in its text, and wait as they are for
 * the next line: within lines of the system's a Ctrl-D would become another byte. */
static void set_lines(bool on)
{
    const tcflag_t flags = ECHO | ICANON;
    struct termios t;

    if (tcgetattr(STDIN_FILENO, &t) != 0)
        return;
    t.c_lflag = on ? t.c_lflag | flags : t.c_lflag & ~flags;
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &t); /* without it the text is only less neat */
}

void wf_run_catch(const struct wf_run *r, bool on)
{
    struct sigaction sa = {.sa_handler = on ? on_interrupt : SIG_DFL, .sa_flags = SA_RESTART};

    stop_fd = r->stop_fds[1];
    sigemptyset(&sa.sa_mask);
    sigaction(SIGINT, &sa, NULL);
}

static int run(struct wf_run *r, struct wf_run_print *p, json_t *params, json_t **out_result,
               struct wf_err *err)
{
    const struct wf_client_call call = {.op = "chat",
                                        .params = params,
                                        .fd = -1,
                                        .fn = r->cli->json ? NULL : show,
                                        .ud = p,
                                        .stop_fd = r->is_interactive ? &r->stop_fds[0] : NULL};
    int rc;

    if (!r->is_interactive)
        return wf_client_run(r->client, &call, out_result, err);
    drain(r->stop_fds[0]); /* a Ctrl-C between two answers stops none */
    set_lines(false);
    wf_run_print_wait(p);
    rc = wf_client_run(r->client, &call, out_result, err);
    set_lines(true);
    return rc;
}

/* The answer becomes part of the conversation; one that never began does not. */
static int keep(struct wf_run *r, const json_t *result)
{
    const json_t *message = json_object_get(result, "message");

    json_decref(r->usage);
    r->usage = json_incref(json_object_get(result, "usage"));
    if (!wf_json_text(message, "content")[0] && !wf_json_text(message, "reasoning_content")[0] &&
        strcmp(wf_json_text(result, "finish"), "canceled") == 0)
        return json_array_remove(r->messages, json_array_size(r->messages) - 1);
    return json_array_append(r->messages, json_object_get(result, "message"));
}

/* What the policy kept, once more, released. */
static int run_released(struct wf_run *r, struct wf_run_print *p, json_t *params,
                        json_t **out_result, struct wf_err *err)
{
    json_t *release;

    wf_run_print_end(p);
    release = wf_run_release(r, params);
    if (release == NULL || json_object_set_new(params, "release", release) != 0)
        return err->code;
    return run(r, p, params, out_result, err);
}

int wf_run_talk(struct wf_run *r, json_t **out_result)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_run_print p;
    json_t *params = params_of(r), *result = NULL;
    int rc = wf_run_connect(r), code = rc;

    wf_run_print_init(&p, r->wraps);
    if (rc == 0 && !params)
        rc = wf_err_set(&err, WF_E_NOMEM, "%s", _("Out of memory."));
    else if (rc == 0)
        rc = run(r, &p, params, &result, &err);
    if (rc == WF_E_DENIED && wf_run_is_elsewhere(r))
        rc = run_released(r, &p, params, &result, &err);
    wf_run_print_end(&p);
    wf_run_print_deinit(&p);
    json_decref(params);
    if (rc == 0 && keep(r, result) != 0)
        rc = wf_err_set(&err, WF_E_NOMEM, "%s", _("Out of memory."));
    if (rc != 0 && code == 0)
        code = wf_cli_fail(r->cli, &err);
    if (rc != 0)
        json_array_remove(r->messages, json_array_size(r->messages) - 1);
    if (rc == WF_E_CRASHED || rc == WF_E_IO) { /* the next one begins anew */
        wf_client_close(r->client);
        r->client = NULL;
    }
    if (rc == 0 && r->has_stats)
        print_stats(result);
    if (rc == 0 && out_result)
        *out_result = json_incref(result);
    json_decref(result);
    return code;
}
