/* Plain words: a sentence in place of a command ("remind me to call Ana on Friday"). Only main.c
 * and plain*.c include this. Thread rule: owner. */
#ifndef WF_CLI_PLAIN_H
#define WF_CLI_PLAIN_H

#include "base/arena.h"
#include "cli/cli.h"

/* The table of commands, which main.c has. */
struct wf_plain_commands {
    const char *(*name)(size_t i);                    /* NULL behind the last */
    int (*run)(struct wf_cli *cli, const char *name); /* with cli->args; an exit code */
};

/* Takes words that begin with no command: a mistyped one is said; else they are a sentence, whose
 * command is shown and run. cli->args and n_args hold them all. Returns an exit code. */
int wf_plain_run(struct wf_cli *cli, const struct wf_plain_commands *commands);

/* Letters that must change, come, go or swap their places to make a word of the other; above
 * WF_PLAIN_DISTANCE_MAX it is that and one. Words longer than 32 bytes are as far as can be. */
#define WF_PLAIN_DISTANCE_MAX 2u
unsigned wf_plain_distance(const char *a, const char *b);

/* Whether `word` is `command` with a slip of the finger. */
bool wf_plain_is_near(const char *word, const char *command);

/* ---- between plain.c, plain_find.c and plain_say.c ---- */

/* What the core says of a sentence, and what becomes of it. */
struct wf_plain {
    struct wf_cli *cli;
    const struct wf_plain_commands *commands;
    struct wf_arena arena;
    json_t *wish; /* of the operation "understand" */
    bool yes;     /* --yes */
    char **args;  /* the command, its last argument found: [n_args + 1] */
    size_t n_args;
    const char *shown; /* instead of the last argument, to a person; NULL: itself */
};

/* Finds the file or document that the last argument names, and puts its path or id there. An exit
 * code, having said what is wrong. */
int wf_plain_find(struct wf_plain *p);

/* "Understood: ..." and its command, on standard error. */
void wf_plain_say_command(const struct wf_plain *p);
/* What was understood, and that weft cannot do it yet, or what is lacking. An exit code. */
int wf_plain_say_not_yet(const struct wf_plain *p);
int wf_plain_say_lacking(const struct wf_plain *p);
int wf_plain_say_not_understood(const struct wf_plain *p);

#endif
