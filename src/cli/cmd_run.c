/* SPDX-License-Identifier: Apache-2.0 */
/* weft run [MODEL] [PROMPT...]: talks to a model: a conversation on a terminal, or one answer to a
 * prompt that stands in the arguments or comes through a pipe.
 *
 * MODEL may be a GGUF file, which is imported first, and a name that is not there is offered to be
 * pulled. */
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/i18n.h"
#include "cli/models.h"
#include "cli/run.h"
#include "engine/model_store.h"
#include "op/json.h"
#include "os/file.h"
#include "text/utf8.h"

#define PROMPT_BYTES_MAX (6u << 20) /* of the frame that carries it */

struct flags {
    const char *system, *temperature, *max_tokens, *seed, *context, *think, *load;
    bool stats;
};

/* ---- which model ---- */

/* Whether the model of that name is this very file. */
static bool is_imported(struct wf_run *r, const char *name, const struct stat *file)
{
    struct stat st;

    return wf_run_use(r, name, NULL) == 0 && stat(wf_json_text(r->model, "path"), &st) == 0 &&
           st.st_dev == file->st_dev && st.st_ino == file->st_ino;
}

/* A path to a GGUF becomes a model under its file's name. */
static int use_file(struct wf_run *r, const char *path, const struct stat *st)
{
    char name[WF_MODEL_NAME_MAX];
    struct wf_err err = WF_ERR_INIT;
    json_t *result = NULL;
    int code = wf_run_connect(r);

    wf_model_name_of_file(path, name);
    if (code != 0 || is_imported(r, name, st))
        return code;
    wf_client_close(r->client); /* importing has a conversation of its own */
    r->client = NULL;
    code = wf_models_import_file(r->cli, path, name, &result);
    json_decref(result);
    if (code == 0)
        code = wf_run_connect(r);
    if (code == 0 && wf_run_use(r, name, &err) != 0)
        code = wf_cli_fail(r->cli, &err);
    return code;
}

static bool wants_pull(const char *name)
{
    char answer[16] = "";

    fprintf(stderr, _("There is no model %s here. Pull it? [Y/n] "), name);
    fflush(stderr);
    if (!fgets(answer, sizeof(answer), stdin))
        return false;
    return answer[0] == '\n' || strchr(_("yY"), answer[0]) != NULL;
}

static int pull_and_use(struct wf_run *r, const char *name)
{
    json_t *params = json_pack("{s:s, s:s*}", "name", name, "token", r->cli->env("HF_TOKEN"));
    struct wf_err err = WF_ERR_INIT;
    json_t *result = NULL;
    int code;

    wf_client_close(r->client);
    r->client = NULL;
    code = wf_models_pull(r->cli, params, &result);
    json_decref(params);
    if (code == 0)
        code = wf_run_connect(r);
    if (code == 0 && wf_run_use(r, wf_json_text(result, "name"), &err) != 0)
        code = wf_cli_fail(r->cli, &err);
    json_decref(result);
    return code;
}

static int use(struct wf_run *r, const char *name)
{
    struct wf_err err = WF_ERR_INIT;
    struct stat st;
    int code;

    if (name && (strchr(name, '/') || wf_str_ends(wf_str_from(name), WF_STR(".gguf"))) &&
        stat(name, &st) == 0 && S_ISREG(st.st_mode))
        return use_file(r, name, &st);
    code = wf_run_connect(r);
    if (code != 0 || wf_run_use(r, name, &err) == 0)
        return code;
    if (err.code == WF_E_NOENT && name && isatty(STDIN_FILENO) && isatty(STDERR_FILENO) &&
        !r->cli->json && wants_pull(name))
        return pull_and_use(r, name);
    return wf_cli_fail(r->cli, &err);
}

/* ---- one answer ---- */

/* The words of the arguments, and behind them what comes through a pipe. */
static int read_prompt(struct wf_run *r, bool reads_stdin, struct wf_buf *out)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf bytes;
    int rc = 0;

    for (size_t i = 1; i < r->cli->n_args; i++)
        wf_buf_appendf(out, "%s%s", i > 1 ? " " : "", r->cli->args[i]);
    wf_buf_init(&bytes, PROMPT_BYTES_MAX);
    if (reads_stdin)
        rc = wf_file_read_stream(STDIN_FILENO, &bytes, &err);
    if (bytes.len > 0 && out->len > 0)
        wf_buf_append_cstr(out, "\n\n");
    wf_utf8_append_repaired(out, wf_str_trim(wf_buf_str(&bytes)));
    wf_buf_deinit(&bytes);
    if (rc == 0 && wf_buf_status(out) != 0)
        rc = wf_err_set(&err, WF_E_LIMIT, _("The prompt is longer than %u MiB."),
                        PROMPT_BYTES_MAX >> 20);
    if (rc == 0 && wf_str_trim(wf_buf_str(out)).len == 0)
        rc = wf_err_set(&err, WF_E_INVAL, "%s", _("The prompt is empty."));
    return rc == 0 ? 0 : wf_cli_fail(r->cli, &err);
}

static int answer_once(struct wf_run *r, bool reads_stdin)
{
    struct wf_buf prompt;
    json_t *result = NULL;
    int code;

    wf_buf_init(&prompt, PROMPT_BYTES_MAX);
    code = read_prompt(r, reads_stdin, &prompt);
    if (code == 0 && !wf_run_say(r, wf_buf_str(&prompt)))
        code = WF_EXIT_FAILED;
    if (code == 0)
        code = wf_run_talk(r, &result);
    if (code == 0 && r->cli->json)
        wf_cli_print_json(result);
    else if (code == 0 && !isatty(STDOUT_FILENO))
        putchar('\n'); /* a terminal's line was ended */
    json_decref(result);
    wf_buf_deinit(&prompt);
    return code;
}

/* ---- a conversation ---- */

static void greet(const struct wf_run *r)
{
    char params[32], bytes[32];

    if (wf_run_is_elsewhere(r)) {
        printf("%s%s%s%s  ", wf_cli_bold(), wf_run_model(r), wf_cli_plain(), wf_cli_dim());
        printf(_("It runs elsewhere, at %s: what you write leaves, as far as the policy lets it.\n"
                 "/help lists commands, Ctrl-D leaves.%s\n\n"),
               wf_json_text(r->model, "provider"), wf_cli_plain());
        return;
    }
    printf(
        "%s%s%s%s  %s, %s, %s\n", wf_cli_bold(), wf_run_model(r), wf_cli_plain(), wf_cli_dim(),
        wf_models_params(params, (uint64_t)json_integer_value(json_object_get(r->model, "params"))),
        wf_json_text(r->model, "quantization"),
        wf_cli_bytes(bytes, (uint64_t)json_integer_value(json_object_get(r->model, "bytes"))));
    printf("%s%s\n\n", _("It runs on this device. /help lists commands, Ctrl-D leaves."),
           wf_cli_plain());
}

/* One message or command; false: leave. */
static bool take_turn(struct wf_run *r, struct wf_buf *text)
{
    struct wf_str s = wf_str_trim(wf_buf_str(text));
    bool stays = true;

    if (s.len == 0)
        return true;
    if (s.ptr[0] == '/') {
        wf_buf_truncate(text, (size_t)(s.ptr - text->ptr) + s.len);
        stays = wf_run_command(r, s.ptr);
    } else if (wf_utf8_valid_prefix(s) != s.len || !wf_run_say(r, s)) {
        fprintf(stderr, "%s\n", _("That is no text weft can read (UTF-8)."));
    } else if (wf_run_talk(r, NULL) != 0) {
        return true; /* it was said */
    }
    putchar('\n');
    return stays;
}

static int converse(struct wf_run *r)
{
    char history[WF_LIMIT_PATH_BYTES + 16];
    struct wf_err err = WF_ERR_INIT;
    struct wf_run_line *line = NULL;
    enum wf_run_key key;
    struct wf_buf text;

    /* Without a UTF-8 locale letters beyond ASCII could not be typed. */
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    snprintf(history, sizeof(history), "%s/run_history", r->cli->home.dir);
    if (pipe2(r->stop_fds, O_CLOEXEC | O_NONBLOCK) != 0) {
        (void)wf_err_errno(&err, errno, "%s", _("A pipe cannot be made"));
        return wf_cli_fail(r->cli, &err);
    }
    if (wf_run_line_new(history, &line, &err) != 0)
        return wf_cli_fail(r->cli, &err);
    wf_run_catch(r, true);
    greet(r);
    wf_buf_init(&text, PROMPT_BYTES_MAX);
    do {
        key = wf_run_line_read(line, &text);
        if (wf_buf_status(&text) != 0)
            fprintf(stderr, "%s\n", _("That is too long."));
    } while (key == WF_RUN_CANCEL || (key == WF_RUN_TEXT && take_turn(r, &text)));
    if (key == WF_RUN_LEAVE)
        putchar('\n');
    wf_buf_deinit(&text);
    wf_run_line_free(line);
    wf_run_catch(r, false);
    return WF_EXIT_DONE;
}

/* ---- the command ---- */

static int set_flags(struct wf_run *r, const struct flags *f, struct wf_err *err)
{
    const struct {
        const char *name, *value;
    } options[] = {
        {"temperature", f->temperature}, {"max_tokens", f->max_tokens}, {"seed", f->seed},
        {"context", f->context},         {"think", f->think},
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < WF_ARRAY_LEN(options); i++) {
        if (options[i].value)
            rc = wf_run_set(r, options[i].name, options[i].value, err);
    }
    if (rc == 0 && f->system) {
        json_decref(r->system);
        r->system = json_string(f->system);
        if (!r->system)
            rc = wf_err_set(err, WF_E_INVAL, "%s",
                            _("The system message is no text weft can read (UTF-8)."));
    }
    r->has_stats = f->stats || r->is_interactive;
    return rc;
}

static int run(struct wf_run *r, const struct flags *f)
{
    bool has_prompt = r->cli->n_args > 1, reads_stdin = !isatty(STDIN_FILENO);
    struct wf_err err = WF_ERR_INIT;
    int code;

    r->is_interactive = !has_prompt && !reads_stdin && isatty(STDOUT_FILENO) && !r->cli->json;
    if (!r->messages || !r->options)
        return WF_EXIT_FAILED;
    code = use(r, r->cli->n_args > 0 ? r->cli->args[0] : NULL);
    if (code != 0)
        return code;
    if ((f->load && wf_run_load(r, f->load, &err) != 0) || set_flags(r, f, &err) != 0)
        return wf_cli_fail(r->cli, &err);
    return r->is_interactive ? converse(r) : answer_once(r, reads_stdin || !has_prompt);
}

int wf_cmd_run(struct wf_cli *cli)
{
    const char *usage = _(
        "Usage: weft run [MODEL] [PROMPT...] [--system TEXT] [--temperature T] [--max-tokens N]\n"
        "                [--seed N] [--context N] [--think on|off] [--load NAME] [--stats]\n\n"
        "Talks to a model on this device. With a prompt, or one through a pipe, prints the answer "
        "and ends.\nMODEL is a name, or the path of a GGUF file; without one the default model. "
        "ENGINE/MODEL is one of an\nengine elsewhere (weft engines): what the policy keeps you may "
        "release at a terminal, once.");
    struct flags f = {.system = NULL};
    const struct wf_option options[] = {
        {.name = "system", .kind = WF_OPTION_TEXT, .out = &f.system},
        {.name = "temperature", .kind = WF_OPTION_TEXT, .out = &f.temperature},
        {.name = "max-tokens", .kind = WF_OPTION_TEXT, .out = &f.max_tokens},
        {.name = "seed", .kind = WF_OPTION_TEXT, .out = &f.seed},
        {.name = "context", .kind = WF_OPTION_TEXT, .out = &f.context},
        {.name = "think", .kind = WF_OPTION_TEXT, .out = &f.think},
        {.name = "load", .kind = WF_OPTION_TEXT, .out = &f.load},
        {.name = "stats", .kind = WF_OPTION_FLAG, .out = &f.stats},
        {.name = NULL},
    };
    struct wf_run r = {.cli = cli, .wraps = true, .stop_fds = {-1, -1}};
    int code;

    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    r.messages = json_array();
    r.options = json_object();
    code = run(&r, &f);
    wf_client_close(r.client);
    json_decref(r.model);
    json_decref(r.system);
    json_decref(r.messages);
    json_decref(r.options);
    json_decref(r.usage);
    wf_file_close(&r.stop_fds[0]);
    wf_file_close(&r.stop_fds[1]);
    return code;
}
