/* Command line: what all commands share. A command is one file cmd_x.c with one function; results
 * go to stdout, progress and complaints to stderr; --json gives one documented object. Thread rule:
 * owner (the commands are single-threaded). */
#ifndef WF_CLI_CLI_H
#define WF_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "daemon/client.h"
#include "daemon/config.h"
#include "daemon/home.h"

enum wf_exit {
    WF_EXIT_DONE = 0,
    WF_EXIT_FAILED = 1,
    WF_EXIT_USAGE = 2,
};

struct wf_cli {
    const char *home_dir; /* as given or found; NULL until known */
    struct wf_home home;
    bool json;                            /* --json */
    const char *program;                  /* path of this program, to start a core with */
    const char *notify_socket;            /* NOTIFY_SOCKET or NULL */
    const char *(*env)(const char *name); /* a variable of the environment, or NULL */
    char **args;                          /* what is left after the options */
    size_t n_args;
};

/* An option of a command. `out` is a `const char *` (text), `int64_t` (number within [min, max])
 * or `bool` (flag). */
enum wf_option_kind {
    WF_OPTION_TEXT,
    WF_OPTION_NUMBER,
    WF_OPTION_RATIO,
    WF_OPTION_FLAG
};
struct wf_option {
    const char *name; /* "sentences" for --sentences; NULL ends a table */
    char letter;      /* 'k' for -k; 0 = none */
    enum wf_option_kind kind;
    void *out;
    int64_t min, max; /* of a number */
};

/* Takes the options out of cli->args; those left are the arguments. On a mistake says it on stderr,
 * on --help prints `usage`, and returns false: the command then returns *out_exit. `options` may be
 * NULL. */
bool wf_cli_options(struct wf_cli *cli, const char *usage, const struct wf_option *options,
                    int *out_exit) WF_MUST_USE;

/* Tells, on standard error, what is flagged in a result of ask or summarize ("flagged"). */
void wf_cli_print_flagged(const json_t *result);

/* Prints how the command is used on stderr; returns WF_EXIT_USAGE. */
int wf_cli_usage(const char *usage);

/* Says `err` on stderr (with --json also {"error":...} on stdout); returns WF_EXIT_FAILED. */
int wf_cli_fail(const struct wf_cli *cli, const struct wf_err *err);

/* The settings: defaults, then weft.conf, then the environment (WEFT_NAME). Errors: as
 * wf_config_load and wf_config_set. */
int wf_cli_config(const struct wf_cli *cli, struct wf_config *out, struct wf_err *err) WF_MUST_USE;

/* Opens the conversation with the core, making the home first when `make_home`. 0 or, having said
 * why, WF_EXIT_FAILED. */
int wf_cli_connect(struct wf_cli *cli, bool make_home, struct wf_client **out) WF_MUST_USE;

/* Runs one operation on a core (params are taken over) and closes. 0 or, having said why,
 * WF_EXIT_FAILED. *out_result is a new reference. */
int wf_cli_call(struct wf_cli *cli, const char *op, json_t *params,
                json_t **out_result) WF_MUST_USE;

/* Prints one JSON object and a newline on stdout. */
void wf_cli_print_json(const json_t *v);

/* Terminal: on/off sequences for stdout, empty when it is no terminal. */
const char *wf_cli_bold(void);
const char *wf_cli_dim(void);
const char *wf_cli_plain(void);

/* Prints text on stdout wrapped to the terminal (80 columns when unknown), each line after `indent`
 * spaces; [mark_start, mark_end) in bytes is shown bold. White space is folded. */
void wf_cli_print_wrapped(const char *text, size_t indent, size_t mark_start, size_t mark_end);

/* 1234567 as "1,234,567" into out (32 bytes); bytes as "1.2 MB". Return out. */
char *wf_cli_count(char out[32], uint64_t n);
char *wf_cli_bytes(char out[32], uint64_t n);

/* ---- the commands; each returns an enum wf_exit ---- */
int wf_cmd_add(struct wf_cli *cli);
int wf_cmd_ask(struct wf_cli *cli);
int wf_cmd_bench(struct wf_cli *cli);
int wf_cmd_core(struct wf_cli *cli);
int wf_cmd_crdt(struct wf_cli *cli);
int wf_cmd_doctor(struct wf_cli *cli);
int wf_cmd_draft(struct wf_cli *cli);
int wf_cmd_record(struct wf_cli *cli);
int wf_cmd_documents(struct wf_cli *cli);
int wf_cmd_engines(struct wf_cli *cli);
int wf_cmd_label(struct wf_cli *cli);
int wf_cmd_ledger(struct wf_cli *cli);
int wf_cmd_why(struct wf_cli *cli);
int wf_cmd_feedback(struct wf_cli *cli);
int wf_cmd_lens(struct wf_cli *cli);
int wf_cmd_link(struct wf_cli *cli);
int wf_cmd_logits(struct wf_cli *cli);
int wf_cmd_models(struct wf_cli *cli);
int wf_cmd_tokenize(struct wf_cli *cli);
int wf_cmd_template(struct wf_cli *cli);
int wf_cmd_nodes(struct wf_cli *cli);
int wf_cmd_sync(struct wf_cli *cli);
int wf_cmd_handoff(struct wf_cli *cli);
int wf_cmd_pair(struct wf_cli *cli);
int wf_cmd_phone(struct wf_cli *cli);
int wf_cmd_phones(struct wf_cli *cli);
int wf_cmd_policy(struct wf_cli *cli);
int wf_cmd_pull(struct wf_cli *cli);
int wf_cmd_redact(struct wf_cli *cli);
int wf_cmd_reminders(struct wf_cli *cli);
int wf_cmd_remove(struct wf_cli *cli);
int wf_cmd_restore(struct wf_cli *cli);
int wf_cmd_route(struct wf_cli *cli);
int wf_cmd_run(struct wf_cli *cli);
int wf_cmd_sample(struct wf_cli *cli);
int wf_cmd_search(struct wf_cli *cli);
int wf_cmd_pin(struct wf_cli *cli);
int wf_cmd_unpin(struct wf_cli *cli);
int wf_cmd_spaces(struct wf_cli *cli);
int wf_cmd_summarize(struct wf_cli *cli);
int wf_cmd_train(struct wf_cli *cli);
int wf_cmd_up(struct wf_cli *cli);
int wf_cmd_watch(struct wf_cli *cli);

#endif
