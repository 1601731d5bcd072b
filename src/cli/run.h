/* weft run: a chat in the terminal. What its files share; only cmd_run.c and run_*.c include this.
 * Thread rule: owner. */
#ifndef WF_CLI_RUN_H
#define WF_CLI_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/cli.h"
#include "daemon/client.h"

/* ---- what is written on the terminal: run_print.c ---- */

/* Prints a model's text as it comes: words are not cut at the edge of a terminal, and nothing in
 * the text can steer it (escape sequences do not get through). Where stdout is no terminal, the
 * bytes go out as they are. */
struct wf_run_print {
    bool is_terminal;
    bool keeps_lines; /* does not wrap */
    size_t width, column;
    size_t n_gap;   /* spaces before the word that is held back */
    size_t n_cells; /* of the word */
    bool is_cut;    /* the word's beginning was printed already, since it is wider than a line */
    bool is_dim, has_begun, is_waiting;
    struct wf_buf word;
};

/* Begins; `wraps` false: lines are left to the terminal. */
void wf_run_print_init(struct wf_run_print *p, bool wraps);
void wf_run_print_deinit(struct wf_run_print *p);
/* Shows that an answer is awaited, until something is printed. */
void wf_run_print_wait(struct wf_run_print *p);
/* More of the text: a thought (dimmed, terminals only) or the answer. Whole characters. */
void wf_run_print_text(struct wf_run_print *p, struct wf_str text, bool is_thought);
/* Ends the text: what was held back, and on a terminal the line. */
void wf_run_print_end(struct wf_run_print *p);

/* ---- the line that is typed: run_line.c ---- */

enum wf_run_key {
    WF_RUN_TEXT,   /* a message or a command */
    WF_RUN_CANCEL, /* Ctrl-C */
    WF_RUN_LEAVE,  /* Ctrl-D, or the terminal is gone */
};

struct wf_run_line;

/* Takes over the terminal's line, with the history in a file (0600, made when missing). *out is
 * owned by the caller. Errors: NOMEM, IO (no terminal that can be edited on). */
int wf_run_line_new(const char *history, struct wf_run_line **out, struct wf_err *err) WF_MUST_USE;
/* Reads one message into `out` (reset first): one line, or several: within """, behind a trailing
 * backslash, or pasted. */
enum wf_run_key wf_run_line_read(struct wf_run_line *l, struct wf_buf *out);
/* NULL is a no-op. */
void wf_run_line_free(struct wf_run_line *l);

/* ---- the conversation: run_chat.c, run_talk.c ---- */

struct wf_run {
    struct wf_cli *cli;
    struct wf_client *client; /* NULL: not connected (anew) */
    bool is_interactive;
    bool has_stats, wraps;
    json_t *model;    /* models.show */
    json_t *system;   /* a text, or NULL */
    json_t *messages; /* array, without the system message */
    json_t *options;  /* of the operation chat */
    json_t *usage;    /* of the last answer, or NULL */
    int stop_fds[2];  /* a pipe: its read end can be read once Ctrl-C was pressed */
};

/* Says the last message of the conversation to the model and prints what it answers, which becomes
 * part of the conversation. *out_result (may be NULL) is a new reference. 0, or having said why an
 * enum wf_exit; the message is then taken out again. */
int wf_run_talk(struct wf_run *r, json_t **out_result) WF_MUST_USE;
/* Where the policy kept what `params` (of the operation chat) say, and a person is at the terminal:
 * shows what would go, asks, and gives the "release" that they meant. A new reference; NULL: it
 * stays, which was said. */
json_t *wf_run_release(struct wf_run *r, const json_t *params);
/* From now on Ctrl-C stops the answer that is being written, if there is one, and never the program
 * (a conversation is not lost by pressing it a moment too late); `on` false: as before. r->stop_fds
 * is there until then. Once a process. */
void wf_run_catch(const struct wf_run *r, bool on);
/* Adds a message of the person. False when memory is out. */
bool wf_run_say(struct wf_run *r, struct wf_str text) WF_MUST_USE;
/* Removes the last answer and, with `and_question`, what it answered. False: there is none. */
bool wf_run_undo(struct wf_run *r, bool and_question);
/* The name of the model, for the person and for the core. Borrowed. */
const char *wf_run_model(const struct wf_run *r);
/* Whether it is one of an engine elsewhere: ENGINE/MODEL. */
bool wf_run_is_elsewhere(const struct wf_run *r);
/* Looks a model up (NULL: the default) and makes it the one that is talked to. Errors: NOENT, INVAL
 * and others, with their sentence. */
int wf_run_use(struct wf_run *r, const char *name, struct wf_err *err) WF_MUST_USE;
/* Connects where it is not connected. 0 or, having said why, WF_EXIT_FAILED. */
int wf_run_connect(struct wf_run *r) WF_MUST_USE;

/* Sets an option from its text ("0.7", "on", "a text"); "default" takes it away. Errors: INVAL. */
int wf_run_set(struct wf_run *r, const char *name, const char *value,
               struct wf_err *err) WF_MUST_USE;

/* Writes the conversation to a file (0600), reads one. A name without a slash is one of the home's
 * folder chats/. Errors: IO, NOENT, FORMAT (it is no conversation), ... */
int wf_run_save(struct wf_run *r, const char *name, struct wf_err *err) WF_MUST_USE;
int wf_run_load(struct wf_run *r, const char *name, struct wf_err *err) WF_MUST_USE;

/* ---- /commands: run_command.c ---- */

/* Runs a command ("/set seed 7"). False: it was the one that leaves. */
bool wf_run_command(struct wf_run *r, const char *line);
/* The i-th command's name, with its slash; NULL behind the last. */
const char *wf_run_command_at(size_t i);

#endif
