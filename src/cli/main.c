/* SPDX-License-Identifier: Apache-2.0 */
/* The program `weft`: finds the home, the language and the command, and runs it.
 *
 * The commands are rows of one table. The environment is read here and nowhere else. */
#include <libintl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/i18n.h"
#include "cli/plain.h"

struct command {
    const char *name;
    int (*run)(struct wf_cli *cli);
    const char *help; /* NULL: not listed */
};

static const struct command commands[] = {
    {"up", wf_cmd_up, N_("start weft and print its address")},
    {"add", wf_cmd_add, N_("take in files and folders")},
    {"ask", wf_cmd_ask, N_("answer a question from your documents")},
    {"search", wf_cmd_search, N_("find passages by words")},
    {"summarize", wf_cmd_summarize, N_("the sentences that matter in a file")},
    {"documents", wf_cmd_documents, N_("list what was taken in")},
    {"remove", wf_cmd_remove, N_("remove a document for good")},
    {"draft", wf_cmd_draft, N_("what is edited together: read, edited, its history")},
    {"record", wf_cmd_record, N_("small things with fields, the same on all devices")},
    {"pin", wf_cmd_pin, N_("keep a document of another device on this one")},
    {"unpin", wf_cmd_unpin, N_("let go a document that was pinned")},
    {"spaces", wf_cmd_spaces, N_("the spaces that drafts and documents live in")},
    {"reminders", wf_cmd_reminders, N_("what weft is to remind you of, and when")},
    {"watch", wf_cmd_watch, N_("keep a folder taken in while weft runs")},
    {"link", wf_cmd_link, N_("a new one-time link to the page of a running weft")},
    {"phone", wf_cmd_phone, N_("let a phone in the local network use weft")},
    {"phones", wf_cmd_phones, N_("the phones that were let in; taking one out")},
    {"pair", wf_cmd_pair, N_("make two devices know each other, by a code")},
    {"nodes", wf_cmd_nodes, N_("your paired devices: named, taken out, recovered")},
    {"sync", wf_cmd_sync, N_("whether your devices have the same")},
    {"handoff", wf_cmd_handoff, N_("what is open here opens on another device")},
    {"run", wf_cmd_run, N_("talk to a model, or let it answer once")},
    {"models", wf_cmd_models, N_("model files: what is there, and making them")},
    {"pull", wf_cmd_pull, N_("bring a model from a registry, Hugging Face or a URL")},
    {"label", wf_cmd_label, N_("how sensitive a text is, and why")},
    {"policy", wf_cmd_policy, N_("who may see what: checked, tested, shown")},
    {"redact", wf_cmd_redact, N_("a text with placeholders for what others need not see")},
    {"restore", wf_cmd_restore, N_("what weft redact took out, put back")},
    {"engines", wf_cmd_engines, N_("engines elsewhere, and what each may see")},
    {"route", wf_cmd_route, N_("where a request would run, and why")},
    {"why", wf_cmd_why, N_("where a request ran and why, and what left for it")},
    {"feedback", wf_cmd_feedback, N_("what an answer was like, for who chooses the next engine")},
    {"ledger", wf_cmd_ledger, N_("what left this machine, and whether the record is unchanged")},
    {"lens", wf_cmd_lens, N_("what the embedded model says of a text")},
    {"bench", wf_cmd_bench, N_("how fast a model runs here")},
    {"train", wf_cmd_train, N_("make vocabularies and models out of texts")},
    {"tokenize", wf_cmd_tokenize, N_("a text as a model's tokens, and back")},
    {"template", wf_cmd_template, N_("a chat template's text for messages, for measuring")},
    {"sample", wf_cmd_sample, N_("what a model writes under a schema or grammar, for measuring")},
    {"logits", wf_cmd_logits, N_("what a model computes for token ids, for measuring")},
    {"crdt", wf_cmd_crdt, N_("updates of drafts as files, for measuring")},
    {"doctor", wf_cmd_doctor, N_("what is installed, missing, misconfigured, and what to do")},
    {"core", wf_cmd_core, NULL},
};

static void print_help(FILE *f)
{
    fprintf(f, "%s\n\n", _("weft answers from your own documents, on your own machine."));
    fprintf(f, "%s\n", _("Usage: weft [--home FOLDER] [--json] COMMAND ..."));
    fprintf(f, "%s\n\n", _("       weft \"a sentence that says what you want\""));
    for (size_t i = 0; i < WF_ARRAY_LEN(commands); i++) {
        if (commands[i].help)
            fprintf(f, "  %-11s %s\n", commands[i].name, _(commands[i].help));
    }
    fprintf(f, "\n%s\n",
            _("weft COMMAND --help says more about a command; man weft says everything."));
}

/* $WEFT_HOME, else where the desktop keeps programs' data. */
static const char *default_home(char out[WF_LIMIT_PATH_BYTES])
{
    const char *weft = getenv("WEFT_HOME"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

    if (weft && *weft)
        return weft;
    if (data && *data == '/')
        snprintf(out, WF_LIMIT_PATH_BYTES, "%s/weft", data);
    else
        snprintf(out, WF_LIMIT_PATH_BYTES, "%s/.local/share/weft", home && *home ? home : "");
    return out;
}

/* The catalogue lies beside the program in a build, below PREFIX/share when installed. */
static void choose_language(const char *program)
{
    char dir[WF_LIMIT_PATH_BYTES], probe[WF_LIMIT_PATH_BYTES + 32];
    const char *slash = strrchr(program, '/');
    int n = slash ? (int)(slash - program) : 0;

    (void)setlocale(LC_MESSAGES, ""); /* an unknown locale means English */
    (void)setlocale(LC_CTYPE, "");
    snprintf(dir, sizeof(dir), "%.*s/locale", n, program);
    snprintf(probe, sizeof(probe), "%s/de", dir);
    if (access(probe, F_OK) != 0)
        snprintf(dir, sizeof(dir), "%.*s/../share/locale", n, program);
    bindtextdomain("weft", dir);
    bind_textdomain_codeset("weft", "UTF-8");
    textdomain("weft");
}

/* Takes --home, --json, --help and --version from in front of the command. Returns the index of the
 * command's word, or 0 after having answered (then *out_exit holds the code). */
static int global_options(struct wf_cli *cli, int argc, char **argv, int *out_exit)
{
    int i = 1;

    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--home") == 0 && i + 1 < argc) {
            cli->home_dir = argv[++i];
        } else if (strncmp(argv[i], "--home=", 7) == 0) {
            cli->home_dir = argv[i] + 7;
        } else if (strcmp(argv[i], "--json") == 0) {
            cli->json = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(stdout);
            *out_exit = WF_EXIT_DONE;
            return 0;
        } else if (strcmp(argv[i], "--version") == 0) {
            printf("weft %s\n", WF_VERSION);
            *out_exit = WF_EXIT_DONE;
            return 0;
        } else {
            fprintf(stderr, _("weft: there is no option %s. See weft --help.\n"), argv[i]);
            *out_exit = WF_EXIT_USAGE;
            return 0;
        }
    }
    if (i == argc) {
        print_help(stderr);
        *out_exit = WF_EXIT_USAGE;
        return 0;
    }
    return i;
}

static const char *environment(const char *name)
{
    return getenv(name);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static const char *command_name(size_t i)
{
    return i < WF_ARRAY_LEN(commands) ? commands[i].name : NULL;
}

static int run_command(struct wf_cli *cli, const char *name)
{
    const struct command *command = find_command(name);

    if (command != NULL)
        return command->run(cli);
    print_help(stdout); /* "help" */
    return WF_EXIT_DONE;
}

static int run(struct wf_cli *cli, char **args, size_t n_args)
{
    static const struct wf_plain_commands plain = {.name = command_name, .run = run_command};
    bool is_command = strcmp(args[0], "help") == 0 || find_command(args[0]) != NULL;

    cli->args = args + is_command;
    cli->n_args = n_args - is_command;
    return is_command ? run_command(cli, args[0]) : wf_plain_run(cli, &plain);
}

int main(int argc, char **argv)
{
    char home[WF_LIMIT_PATH_BYTES], program[WF_LIMIT_PATH_BYTES];
    struct wf_cli cli = {.notify_socket = getenv("NOTIFY_SOCKET"), .env = environment};
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
    int i, code = 0;

    program[n > 0 ? n : 0] = 0;
    cli.program = n > 0 ? program : argv[0];
    choose_language(cli.program);
    i = global_options(&cli, argc, argv, &code);
    if (i == 0)
        return code;
    if (!cli.home_dir)
        cli.home_dir = default_home(home);
    code = run(&cli, argv + i, (size_t)(argc - i));
    if (fflush(stdout) != 0 && code == WF_EXIT_DONE) {
        fprintf(stderr, "%s\n", _("weft: the output could not be written."));
        code = WF_EXIT_FAILED;
    }
    return code;
}
