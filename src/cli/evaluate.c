/* SPDX-License-Identifier: Apache-2.0 */
/* Each question goes to each engine in turn, as any request would; the core judges the answer and
 * learns from it. An engine that may not be asked five times in a row (its budget is spent, the
 * policy keeps it all) is asked no more. */
#include "cli/evaluate.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/bar.h"
#include "cli/i18n.h"
#include "op/json.h"
#include "os/file.h"
#include "route/route.h"

#define FILE_BYTES_MAX ((size_t)64 << 20)
#define ENGINES_MAX 16
#define REFUSALS_MAX 5

struct tally {
    uint64_t n_asked, n_right;
};

struct engine {
    char *name;
    struct tally all, kinds[WF_KIND_COUNT];
    uint64_t n_kept, tokens;
    unsigned n_refused; /* in a row */
    double cost, ms, quality, quality_sd;
    char why[200]; /* of the last time that it was not asked */
};

struct run {
    struct wf_cli *cli;
    struct wf_client *client;
    json_t *questions; /* array */
    struct engine engines[ENGINES_MAX];
    size_t n_engines;
    int64_t n_max;
};

static volatile sig_atomic_t stop_flag;

static void on_interrupt(int sig)
{
    (void)sig;
    stop_flag = 1;
}

/* ---- what is asked ---- */

static bool is_question(const json_t *v)
{
    const json_t *answer = json_object_get(v, "answer");

    return json_is_string(json_object_get(v, "question")) &&
           (json_is_string(answer) || json_array_size(answer) > 0);
}

static int read_questions(const char *path, json_t **out, struct wf_err *err)
{
    struct wf_str rest, line;
    struct wf_buf raw;
    size_t n = 0;
    int rc;

    *out = json_array();
    wf_buf_init(&raw, FILE_BYTES_MAX);
    rc = *out != NULL ? wf_file_read(path, &raw, err) : WF_E_NOMEM;
    rest = wf_buf_str(&raw);
    while (rc == 0 && wf_str_line(&rest, &line)) {
        json_t *v = NULL;
        n++;
        if (wf_str_trim(line).len == 0)
            continue;
        rc = wf_json_parse(line, &v, err);
        if (rc == 0 && !is_question(v))
            rc = wf_err_set(err, WF_E_FORMAT, _("there is no \"question\" with its \"answer\""));
        if (rc == 0)
            rc =
                json_array_append(*out, v) == 0 ? 0 : wf_err_set(err, WF_E_NOMEM, "Out of memory.");
        else
            wf_err_prefix(err, _("line %zu"), n);
        json_decref(v);
    }
    if (rc == 0 && json_array_size(*out) == 0)
        rc = wf_err_set(err, WF_E_FORMAT, _("There is no question in %s."), path);
    wf_buf_deinit(&raw);
    return rc;
}

static int read_engines(struct run *r, const char *names, struct wf_err *err)
{
    struct wf_str rest = wf_str_from(names), name;

    while (wf_str_split(&rest, ',', &name)) {
        name = wf_str_trim(name);
        if (r->n_engines == ENGINES_MAX)
            return wf_err_set(err, WF_E_LIMIT, _("At most %d engines are asked at once."),
                              ENGINES_MAX);
        r->engines[r->n_engines].name = wf_memdup0(name.ptr, name.len);
        if (r->engines[r->n_engines].name == NULL)
            return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
        r->n_engines++;
    }
    return 0;
}

/* ---- asking ---- */

static int stop(void *ud, const char *event, const json_t *data)
{
    (void)ud;
    (void)event;
    (void)data;
    return stop_flag != 0;
}

static void count(struct engine *e, const json_t *v)
{
    const bool is_right = json_is_true(json_object_get(v, "right"));
    enum wf_kind kind;

    if (!json_is_true(json_object_get(v, "asked"))) {
        e->n_kept++;
        e->n_refused++;
        (void)snprintf(e->why, sizeof(e->why), "%s", wf_json_text(v, "why"));
        wf_str_make_printable(e->why, strlen(e->why));
        return;
    }
    e->n_refused = 0;
    e->all.n_asked++;
    e->all.n_right += is_right;
    if (wf_kind_parse(wf_str_from(wf_json_text(v, "kind")), &kind)) {
        e->kinds[kind].n_asked++;
        e->kinds[kind].n_right += is_right;
    }
    e->tokens += (uint64_t)(json_integer_value(json_object_get(v, "tokens_in")) +
                            json_integer_value(json_object_get(v, "tokens_out")));
    e->cost += json_number_value(json_object_get(v, "cost"));
    e->ms += json_number_value(json_object_get(v, "ms"));
    e->quality = json_number_value(json_object_get(v, "quality"));
    e->quality_sd = json_number_value(json_object_get(v, "quality_sd"));
}

static int ask(struct run *r, struct engine *e, const json_t *question, struct wf_err *err)
{
    struct wf_client_call call = {.op = "evaluate", .fd = -1, .fn = stop};
    json_t *v = NULL;
    int rc;

    call.params = json_pack("{s:s, s:O, s:O}", "engine", e->name, "question",
                            json_object_get(question, "question"), "answers",
                            json_object_get(question, "answer"));
    if (call.params == NULL || (r->n_max > 0 && json_object_set_new(call.params, "max_tokens",
                                                                    json_integer(r->n_max)) != 0))
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    else
        rc = wf_client_run(r->client, &call, &v, err);
    if (rc == 0)
        count(e, v);
    json_decref(call.params);
    json_decref(v);
    return rc;
}

static int ask_all(struct run *r, struct wf_err *err)
{
    const uint64_t n = json_array_size(r->questions) * r->n_engines;
    const json_t *q;
    struct wf_bar bar;
    uint64_t done = 0;
    size_t i;
    int rc = 0;

    wf_bar_init(&bar, !r->cli->json);
    json_array_foreach(r->questions, i, q)
    {
        for (size_t k = 0; rc == 0 && !stop_flag && k < r->n_engines; k++) {
            wf_bar_draw(&bar, _("asking"), done++, n);
            if (r->engines[k].n_refused < REFUSALS_MAX)
                rc = ask(r, &r->engines[k], q, err);
            else
                r->engines[k].n_kept++;
        }
    }
    wf_bar_clear(&bar);
    if (stop_flag && (rc == 0 || rc == WF_E_CANCELED))
        rc = wf_err_set(err, WF_E_CANCELED, "%s",
                        _("Stopped early; what was asked until then has been learned from."));
    return rc;
}

/* ---- what came ---- */

static double share(const struct tally *t)
{
    return t->n_asked > 0 ? (double)t->n_right / (double)t->n_asked : 0;
}

/* Of the share, by how many were asked; one more right and one more wrong, so that few are unsure.
 */
static double share_sd(const struct tally *t)
{
    const double n = (double)t->n_asked + 2, p = ((double)t->n_right + 1) / n;

    return sqrt(p * (1 - p) / n);
}

static json_t *tally_json(const struct tally *t)
{
    return json_pack("{s:I, s:I, s:f, s:f}", "asked", (json_int_t)t->n_asked, "right",
                     (json_int_t)t->n_right, "share", share(t), "share_sd", share_sd(t));
}

static json_t *engine_json(const struct engine *e)
{
    json_t *kinds = json_object();

    for (unsigned k = 0; k < WF_KIND_COUNT; k++)
        if (e->kinds[k].n_asked > 0)
            (void)json_object_set_new(kinds, wf_kind_name((enum wf_kind)k),
                                      tally_json(&e->kinds[k])); /* short of memory: fewer */
    return json_pack("{s:s, s:o, s:o, s:I, s:s, s:f, s:f, s:I, s:f, s:f}", "engine", e->name, "all",
                     tally_json(&e->all), "kinds", kinds, "kept", (json_int_t)e->n_kept, "why",
                     e->why, "cost", e->cost, "ms", e->ms, "tokens", (json_int_t)e->tokens,
                     "quality", e->quality, "quality_sd", e->quality_sd);
}

static void print_json(const struct run *r)
{
    json_t *list = json_array(), *v;

    for (size_t i = 0; i < r->n_engines; i++)
        (void)json_array_append_new(list, engine_json(&r->engines[i]));
    v = json_pack("{s:I, s:o}", "questions", (json_int_t)json_array_size(r->questions), "engines",
                  list);
    wf_cli_print_json(v);
    json_decref(v);
}

static void print_engine(const struct engine *e)
{
    const double n = e->all.n_asked > 0 ? (double)e->all.n_asked : 1;

    printf("%s%s%s: ", wf_cli_bold(), e->name, wf_cli_plain());
    printf(_("%llu of %llu right (%.0f%%, give or take %.0f), %.1f s an answer, %llu tokens, cost "
             "%.5f\n"),
           (unsigned long long)e->all.n_right, (unsigned long long)e->all.n_asked,
           100 * share(&e->all), 100 * share_sd(&e->all), e->ms / n / 1000,
           (unsigned long long)e->tokens, e->cost);
    for (unsigned k = 0; k < WF_KIND_COUNT; k++)
        if (e->kinds[k].n_asked > 0)
            printf("  %-10s %llu/%llu\n", wf_kind_name((enum wf_kind)k),
                   (unsigned long long)e->kinds[k].n_right,
                   (unsigned long long)e->kinds[k].n_asked);
    if (e->n_kept > 0)
        printf(_("  %llu not asked: %s\n"), (unsigned long long)e->n_kept, e->why);
}

static int run(struct run *r, const struct wf_evaluation *e)
{
    struct sigaction sa = {.sa_handler = on_interrupt,
                           .sa_flags = (int)(SA_RESTART | SA_RESETHAND)};
    struct wf_err err = WF_ERR_INIT;
    int code, rc = read_questions(e->file, &r->questions, &err);

    if (rc == 0)
        rc = read_engines(r, e->on, &err);
    if (rc != 0)
        return wf_cli_fail(r->cli, &err);
    code = wf_cli_connect(r->cli, true, &r->client);
    if (code != 0)
        return code;
    stop_flag = 0;
    sigaction(SIGINT, &sa, NULL);
    rc = ask_all(r, &err);
    if (rc == 0 || rc == WF_E_CANCELED) {
        if (r->cli->json)
            print_json(r);
        for (size_t i = 0; !r->cli->json && i < r->n_engines; i++)
            print_engine(&r->engines[i]);
    }
    wf_client_close(r->client);
    return rc == 0 ? WF_EXIT_DONE : wf_cli_fail(r->cli, &err);
}

int wf_evaluate(struct wf_cli *cli, const struct wf_evaluation *e)
{
    struct run *r = wf_alloc_array(1, sizeof(*r));
    struct wf_err err = WF_ERR_INIT;
    int code;

    if (r == NULL) {
        (void)wf_err_set(&err, WF_E_NOMEM, "Out of memory.");
        return wf_cli_fail(cli, &err);
    }
    r->cli = cli;
    r->n_max = e->n_max;
    code = run(r, e);
    for (size_t i = 0; i < r->n_engines; i++)
        wf_free(r->engines[i].name);
    json_decref(r->questions);
    wf_free(r);
    return code;
}
