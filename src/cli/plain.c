/* SPDX-License-Identifier: Apache-2.0 */
/* A sentence in place of a command. The core says what it asks for (the operation "understand"); it
 * is shown, what changes something is asked about first, and the command is run as if it had been
 * typed.
 *
 * A word alone, or a first word that is nearly a command's name, is a slip of the finger and no
 * sentence: "weft serach x" must never do anything else than say so. */
#include "cli/plain.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/i18n.h"
#include "op/json.h"

#define ARENA_BYTES_MAX (1u << 20)
#define WORD_BYTES_MAX 32
#define SENTENCE_BYTES_MAX (64u << 10)
#define NEAR_MAX 3

/* ---- slips of the finger ---- */

unsigned wf_plain_distance(const char *a, const char *b)
{
    uint8_t least[WORD_BYTES_MAX + 1][WORD_BYTES_MAX + 1]; /* between their first i and k letters */
    size_t n = strlen(a), m = strlen(b);

    if (n > WORD_BYTES_MAX || m > WORD_BYTES_MAX)
        return WF_PLAIN_DISTANCE_MAX + 1;
    for (size_t i = 0; i <= n; i++) {
        for (size_t k = 0; k <= m; k++) {
            unsigned best = (unsigned)(i + k); /* of nothing: all of the other */
            if (i > 0 && k > 0) {
                best = least[i - 1][k - 1] + (a[i - 1] != b[k - 1] ? 1u : 0u);
                best = WF_MIN(best, least[i - 1][k] + 1u);
                best = WF_MIN(best, least[i][k - 1] + 1u);
            }
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                best = WF_MIN(best, least[i - 2][k - 2] + 1u);
            least[i][k] = (uint8_t)best;
        }
    }
    return least[n][m];
}

/* Short names are near to many words that begin sentences ("and" to "add", "as" to "ask"): of them
 * only two letters may have swapped their places. */
bool wf_plain_is_near(const char *word, const char *command)
{
    size_t n = strlen(command);
    unsigned d = wf_plain_distance(word, command), sum = 0;

    for (size_t i = 0; n < 4 && i < n && word[i] != 0; i++)
        sum += (unsigned)((unsigned char)word[i] - (unsigned char)command[i]);
    if (n < 4)
        return d <= 1 && strlen(word) == n && sum == 0;
    return d <= (n < 6 ? 1u : WF_PLAIN_DISTANCE_MAX);
}

static bool has_blank(const char *s)
{
    return strpbrk(s, " \t\n") != NULL;
}

/* Says that there is no such command, and which ones have nearly that name; how many have. */
static size_t say_slip(const struct wf_plain_commands *commands, const char *word, bool is_alone)
{
    const char *near[NEAR_MAX], *name;
    size_t n = 0;

    for (size_t i = 0; (name = commands->name(i)) != NULL && n < NEAR_MAX; i++) {
        if (wf_plain_is_near(word, name))
            near[n++] = name;
    }
    if (n == 0 && !is_alone)
        return 0;
    fprintf(stderr, _("weft: there is no command \"%s\". See weft --help.\n"), word);
    for (size_t i = 0; i < n; i++)
        fprintf(stderr, _("  Did you mean: weft %s\n"), near[i]);
    return n;
}

/* True when it is no sentence; that is said. */
static bool is_slip(const struct wf_cli *cli, const struct wf_plain_commands *commands)
{
    bool is_alone = true;

    if (has_blank(cli->args[0]))
        return false;
    for (size_t i = 1; i < cli->n_args; i++)
        is_alone = is_alone && cli->args[i][0] == '-';
    return say_slip(commands, cli->args[0], is_alone) > 0 || is_alone;
}

/* ---- asking the core ---- */

/* The words as one sentence. */
static char *join(struct wf_plain *p)
{
    char *sentence = NULL;
    struct wf_buf b;

    wf_buf_init(&b, SENTENCE_BYTES_MAX);
    for (size_t i = 0; i < p->cli->n_args; i++)
        (void)wf_buf_appendf(&b, "%s%s", i > 0 ? " " : "", p->cli->args[i]);
    if (wf_buf_status(&b) == 0)
        sentence = wf_arena_cstr(&p->arena, wf_buf_str(&b));
    wf_buf_deinit(&b);
    return sentence;
}

/* The daemon where one runs, since it has the lens in memory; else a core that keeps nothing, so
 * that no home is needed. */
static int understand(struct wf_plain *p, const char *sentence, struct wf_err *err)
{
    const struct wf_client_options daemon = {.program = NULL};
    struct wf_client_call call = {.op = "understand", .fd = -1};
    struct wf_client *c = NULL;
    int rc = 0;

    if (wf_client_open(&p->cli->home, &daemon, &c, NULL) != 0)
        rc = wf_client_open_bare(&p->cli->home, p->cli->program, &c, err);
    call.params = json_pack("{s:s}", "text", sentence);
    if (rc == 0 && call.params == NULL)
        rc = wf_err_set(err, WF_E_INVAL, "%s", _("The sentence is not UTF-8."));
    if (rc == 0)
        rc = wf_client_run(c, &call, &p->wish, err);
    json_decref(call.params);
    wf_client_close(c);
    return rc;
}

static int fail_to_understand(const struct wf_plain *p, const struct wf_err *err)
{
    int code = wf_cli_fail(p->cli, err);

    if (err->code == WF_E_UNSUPPORTED)
        fprintf(stderr, "%s\n",
                _("Without it words do: "
                  "weft search \"WORDS\", weft ask \"QUESTION\"; weft --help lists all commands."));
    return code;
}

/* ---- running ---- */

/* The command's words, copied out of the wish. */
static int take_args(struct wf_plain *p)
{
    const json_t *command = json_object_get(p->wish, "command");
    json_t *arg;
    size_t i;

    p->args = wf_arena_array(&p->arena, json_array_size(command) + 2, sizeof(*p->args));
    json_array_foreach(command, i, arg)
    {
        const char *text = json_string_value(arg);
        if (p->args == NULL || text == NULL ||
            (p->args[i] = wf_arena_cstr(&p->arena, wf_str_from(text))) == NULL)
            return WF_EXIT_FAILED;
        p->n_args = i + 1;
    }
    return p->n_args > 0 ? WF_EXIT_DONE : WF_EXIT_FAILED;
}

static bool may_change(const struct wf_plain *p)
{
    char answer[16] = "";

    if (p->yes || !json_is_true(json_object_get(p->wish, "changes")))
        return true;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        fprintf(stderr, "%s\n",
                _("weft: this changes what weft holds. Say --yes to have it done."));
        return false;
    }
    fprintf(stderr, _("This changes what weft holds. Do it? [y/N] "));
    fflush(stderr);
    return fgets(answer, sizeof(answer), stdin) != NULL && answer[0] != '\n' &&
           strchr(_("yY"), answer[0]) != NULL;
}

static int run(struct wf_plain *p)
{
    size_t last = p->n_args - 1;

    if (last > 0 && p->args[last][0] == '-') { /* an argument, whatever it looks like */
        p->args[last + 1] = p->args[last];
        p->args[last] = wf_arena_cstr(&p->arena, WF_STR("--"));
        p->n_args++;
    }
    p->cli->args = p->args + 1;
    p->cli->n_args = p->n_args - 1;
    return p->commands->run(p->cli, p->args[0]);
}

static int act(struct wf_plain *p)
{
    const char *state = wf_json_text(p->wish, "state");
    int code;

    if (p->cli->json) {
        wf_cli_print_json(p->wish);
        return strcmp(state, "not_understood") == 0 ? WF_EXIT_FAILED : WF_EXIT_DONE;
    }
    if (strcmp(state, "not_yet") == 0)
        return wf_plain_say_not_yet(p);
    if (strcmp(state, "lacking") == 0)
        return wf_plain_say_lacking(p);
    if (strcmp(state, "run") != 0)
        return wf_plain_say_not_understood(p);
    code = take_args(p);
    if (code == WF_EXIT_DONE)
        code = wf_plain_find(p);
    if (code != WF_EXIT_DONE)
        return code;
    wf_plain_say_command(p);
    return may_change(p) ? run(p) : WF_EXIT_FAILED;
}

int wf_plain_run(struct wf_cli *cli, const struct wf_plain_commands *commands)
{
    const char *usage =
        _("Usage: weft \"SENTENCE\" [--yes] [--json]\n\nUnderstands a sentence in plain words and "
          "runs "
          "the command that it asks for, having shown it.\nWhat changes or deletes something is "
          "asked "
          "about first; --yes says yes. --json prints what was\nunderstood and runs nothing.");
    struct wf_plain p = {.cli = cli, .commands = commands};
    const struct wf_option options[] = {
        {.name = "yes", .letter = 'y', .kind = WF_OPTION_FLAG, .out = &p.yes},
        {.name = NULL},
    };
    struct wf_err err = WF_ERR_INIT;
    const char *sentence;
    int code;

    if (is_slip(cli, commands))
        return WF_EXIT_USAGE;
    if (!wf_cli_options(cli, usage, options, &code))
        return code;
    wf_arena_init(&p.arena, 0, ARENA_BYTES_MAX);
    sentence = join(&p);
    if (sentence == NULL)
        (void)wf_err_set(&err, WF_E_LIMIT, "%s", _("The sentence is too long."));
    if (sentence == NULL || understand(&p, sentence, &err) != 0)
        code = fail_to_understand(&p, &err);
    else
        code = act(&p);
    json_decref(p.wish);
    wf_arena_deinit(&p.arena);
    return code;
}
