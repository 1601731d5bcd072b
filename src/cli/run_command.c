/* SPDX-License-Identifier: Apache-2.0 */
/* /commands: a table of name, what stands behind it, help and function. */
#include <stdio.h>
#include <string.h>

#include "cli/i18n.h"
#include "cli/models.h"
#include "cli/run.h"
#include "op/json.h"
#include "op/op.h"

#define ARGUMENT_BYTES_MAX (64u << 10)

static void complain(const struct wf_err *err)
{
    fprintf(stderr, "%s\n", err->msg);
}

static void note(const char *text)
{
    printf("%s%s%s\n", wf_cli_dim(), text, wf_cli_plain());
}

/* ---- what there is to see ---- */

static void show_model(const struct wf_run *r)
{
    char a[32], b[32];

    printf("%s%s%s\n", wf_cli_bold(), wf_run_model(r), wf_cli_plain());
    if (wf_run_is_elsewhere(r)) {
        printf(_("  runs elsewhere, at %s\n"), wf_json_text(r->model, "provider"));
        return;
    }
    printf("  %s, %s, %s, %s\n", wf_json_text(r->model, "family"),
           wf_models_params(a, (uint64_t)json_integer_value(json_object_get(r->model, "params"))),
           wf_json_text(r->model, "quantization"),
           wf_cli_bytes(b, (uint64_t)json_integer_value(json_object_get(r->model, "bytes"))));
    printf(_("  trained for a context of %s tokens\n"),
           wf_cli_count(a, (uint64_t)json_integer_value(json_object_get(r->model, "context"))));
}

static void show_system(const struct wf_run *r)
{
    if (r->system)
        printf("%s\n", json_string_value(r->system));
    else
        note(_("There is no system message. /system TEXT sets one."));
}

static void show_options(const struct wf_run *r)
{
    const char *name;
    json_t *v;

    json_object_foreach(r->options, name, v)
    {
        printf("  %-20s ", name);
        if (json_is_number(v))
            printf("%.6g\n", json_number_value(v));
        else if (json_is_boolean(v))
            printf("%s\n", json_is_true(v) ? "on" : "off");
        else
            printf("%s\n", json_is_string(v) ? json_string_value(v) : "...");
    }
    if (json_object_size(r->options) == 0)
        note(_("All options are at their defaults. /set NAME VALUE changes one."));
}

static void show_messages(const struct wf_run *r)
{
    const json_t *m;
    size_t i;

    json_array_foreach(r->messages, i, m)
    {
        struct wf_run_print p;
        bool is_question = strcmp(wf_json_text(m, "role"), "user") == 0;
        printf("%s%s%s", wf_cli_bold(), is_question ? "> " : "", wf_cli_plain());
        fflush(stdout);
        wf_run_print_init(&p, r->wraps);
        wf_run_print_text(&p, wf_str_from(wf_json_text(m, "content")), false);
        wf_run_print_end(&p);
        wf_run_print_deinit(&p);
    }
    if (json_array_size(r->messages) == 0)
        note(_("Nothing has been said yet."));
}

static void cmd_show(struct wf_run *r, const char *what)
{
    if (!*what || strcmp(what, "model") == 0)
        show_model(r);
    else if (strcmp(what, "system") == 0)
        show_system(r);
    else if (strcmp(what, "options") == 0)
        show_options(r);
    else if (strcmp(what, "messages") == 0)
        show_messages(r);
    else if (strcmp(what, "template") == 0)
        printf("%s\n", wf_json_text(r->model, "template"));
    else
        fprintf(stderr, "%s\n", _("There is to see: model, system, options, messages, template."));
}

static void cmd_context(struct wf_run *r, const char *argument)
{
    const json_t *u = r->usage;
    json_int_t all = json_integer_value(json_object_get(u, "context")),
               prompt = json_integer_value(json_object_get(u, "prompt")),
               written = json_integer_value(json_object_get(u, "written"));
    char a[32], b[32];
    int cells;

    (void)argument;
    if (all <= 0) {
        note(_("Known once the model has answered."));
        return;
    }
    cells = (int)(40.0 * (double)(prompt + written) / (double)all + 0.5);
    printf("  [");
    for (int i = 0; i < 40; i++)
        putchar(i < cells ? '#' : '.');
    printf("]\n");
    printf(_("  %s of %s tokens are in use; of the last prompt %s were in the cache.\n"),
           wf_cli_count(a, (uint64_t)(prompt + written)), wf_cli_count(b, (uint64_t)all),
           wf_cli_count((char[32]){0}, (uint64_t)json_integer_value(json_object_get(u, "cached"))));
}

/* ---- what changes something ---- */

static void list_models(struct wf_run *r)
{
    struct wf_client_call call = {.op = "models.list", .fd = -1};
    struct wf_err err = WF_ERR_INIT;
    json_t *result = NULL, *m;
    char bytes[32];
    size_t i;

    if (wf_run_connect(r) != 0)
        return;
    if (wf_client_run(r->client, &call, &result, &err) != 0) {
        complain(&err);
        return;
    }
    json_array_foreach(json_object_get(result, "models"), i, m)
    {
        const char *kind = wf_json_text(m, "kind"), *name = wf_json_text(m, "name");
        if (strcmp(kind, "chat") != 0 && strcmp(kind, "text") != 0)
            continue;
        printf("%s %s%-32s%s %s\n", strcmp(name, wf_run_model(r)) == 0 ? "*" : " ", wf_cli_bold(),
               name, wf_cli_plain(),
               wf_cli_bytes(bytes, (uint64_t)json_integer_value(json_object_get(m, "bytes"))));
    }
    json_decref(result);
}

static void cmd_model(struct wf_run *r, const char *name)
{
    struct wf_err err = WF_ERR_INIT;

    if (!*name) {
        list_models(r);
        return;
    }
    if (wf_run_connect(r) != 0)
        return;
    if (wf_run_use(r, name, &err) != 0)
        complain(&err);
    else
        show_model(r);
}

static void cmd_system(struct wf_run *r, const char *text)
{
    if (!*text) {
        show_system(r);
        return;
    }
    json_decref(r->system);
    r->system = strcmp(text, "none") == 0 ? NULL : json_string(text);
    note(r->system ? _("Set.") : _("There is no system message any more."));
}

static void list_options(const struct wf_run *r)
{
    const char *name;

    show_options(r);
    printf("%s", wf_cli_dim());
    printf("%s", _("There are:"));
    for (size_t i = 0; (name = wf_op_chat_option(i)) != NULL; i++)
        printf(" %s", name);
    printf(" stats wrap%s\n", wf_cli_plain());
}

static void cmd_set(struct wf_run *r, const char *argument)
{
    struct wf_str rest = wf_str_from(argument), name;
    struct wf_err err = WF_ERR_INIT;
    char key[64], value[1024];

    if (!*argument || !wf_str_split(&rest, ' ', &name) || rest.len == 0) {
        list_options(r);
        return;
    }
    rest = wf_str_trim(rest);
    snprintf(key, sizeof(key), "%.*s", WF_STR_ARG(name));
    snprintf(value, sizeof(value), "%.*s", WF_STR_ARG(rest));
    if (strcmp(key, "stats") == 0)
        r->has_stats = strcmp(value, "off") != 0;
    else if (strcmp(key, "wrap") == 0)
        r->wraps = strcmp(value, "off") != 0;
    else if (wf_run_set(r, key, value, &err) != 0)
        complain(&err);
}

static void cmd_save(struct wf_run *r, const char *name)
{
    struct wf_err err = WF_ERR_INIT;

    if (!*name)
        fprintf(stderr, "%s\n", _("Say a name: /save NAME"));
    else if (wf_run_save(r, name, &err) != 0)
        complain(&err);
    else
        note(_("Saved."));
}

static void cmd_load(struct wf_run *r, const char *name)
{
    struct wf_err err = WF_ERR_INIT;

    if (!*name)
        fprintf(stderr, "%s\n", _("Say a name: /load NAME"));
    else if (wf_run_connect(r) != 0)
        return;
    else if (wf_run_load(r, name, &err) != 0)
        complain(&err);
    else
        show_messages(r);
}

static void cmd_clear(struct wf_run *r, const char *argument)
{
    (void)argument;
    json_array_clear(r->messages);
    json_decref(r->usage);
    r->usage = NULL;
    note(_("The conversation begins anew."));
}

static void cmd_undo(struct wf_run *r, const char *argument)
{
    (void)argument;
    note(wf_run_undo(r, true) ? _("The last question and its answer are taken back.")
                              : _("Nothing has been said yet."));
}

static void cmd_retry(struct wf_run *r, const char *argument)
{
    int code = 0;

    (void)argument;
    if (wf_run_undo(r, false))
        code = wf_run_talk(r, NULL);
    else
        note(_("Nothing has been said yet."));
    (void)code; /* it was said */
}

/* ---- the table ---- */

static void cmd_help(struct wf_run *r, const char *argument);
static void cmd_leave(struct wf_run *r, const char *argument)
{
    (void)r; /* wf_run_command leaves */
    (void)argument;
}

static const struct command {
    const char *name, *argument, *help; /* help NULL: another name of the one before */
    void (*run)(struct wf_run *r, const char *argument);
} commands[] = {
    {"/help", "", N_("this list"), cmd_help},
    {"/?", "", NULL, cmd_help},
    {"/model", N_("[NAME]"), N_("talk to another model; list those there are"), cmd_model},
    {"/system", N_("[TEXT|none]"), N_("what the model is told beforehand"), cmd_system},
    {"/set", N_("[NAME VALUE]"), N_("temperature, seed, max_tokens, think, ... or default"),
     cmd_set},
    {"/show", N_("[WHAT]"), N_("model, system, options, messages or template"), cmd_show},
    {"/context", "", N_("how much of the context is in use"), cmd_context},
    {"/retry", "", N_("let the model answer the last question again"), cmd_retry},
    {"/undo", "", N_("take back the last question and its answer"), cmd_undo},
    {"/clear", "", N_("begin the conversation anew"), cmd_clear},
    {"/save", N_("NAME"), N_("keep the conversation in the home, or at a path"), cmd_save},
    {"/load", N_("NAME"), N_("go on with one that was kept"), cmd_load},
    {"/bye", "", N_("leave; so does Ctrl-D"), cmd_leave},
    {"/exit", "", NULL, cmd_leave},
    {"/quit", "", NULL, cmd_leave},
};

static void cmd_help(struct wf_run *r, const char *argument)
{
    char head[64];

    (void)r;
    (void)argument;
    for (size_t i = 0; i < WF_ARRAY_LEN(commands); i++) {
        const struct command *c = &commands[i];
        if (!c->help)
            continue;
        snprintf(head, sizeof(head), "%s %s", c->name, *c->argument ? _(c->argument) : "");
        printf("  %-22s %s\n", head, _(c->help));
    }
    printf(
        "\n%s\n",
        _("  \"\"\" begins and ends a message of several lines; so does a \\ at a line's end.\n"
          "  Ctrl-C stops an answer or gives a line up; the arrow keys bring earlier lines back."));
}

const char *wf_run_command_at(size_t i)
{
    return i < WF_ARRAY_LEN(commands) ? commands[i].name : NULL;
}

bool wf_run_command(struct wf_run *r, const char *line)
{
    const char *space = strpbrk(line, " \t\n");
    struct wf_str name = wf_str_n(line, space ? (size_t)(space - line) : strlen(line));
    struct wf_str rest = wf_str_trim(wf_str_from(space ? space : ""));
    struct wf_buf argument;

    for (size_t i = 0; i < WF_ARRAY_LEN(commands); i++) {
        if (!wf_str_eq(name, wf_str_from(commands[i].name)))
            continue;
        wf_buf_init(&argument, ARGUMENT_BYTES_MAX);
        if (wf_buf_append_str(&argument, rest) == 0)
            commands[i].run(r, argument.ptr);
        else
            fprintf(stderr, "%s\n", _("That is too long."));
        wf_buf_deinit(&argument);
        return commands[i].run != cmd_leave;
    }
    fprintf(stderr, _("There is no command %.*s. /help lists them.\n"), WF_STR_ARG(name));
    return true;
}
