/* weft route --evaluate: questions whose answers are known, asked of engines that are named. Thread
 * rule: owner. */
#ifndef WF_CLI_EVALUATE_H
#define WF_CLI_EVALUATE_H

#include "cli/cli.h"

struct wf_evaluation {
    const char *file; /* JSON lines: {"question", "answer": text or list of texts} */
    const char *on;   /* names of engines, by commas */
    int64_t n_max;    /* tokens of an answer; 0: the operation's own */
};

/* Asks, prints what came, and returns the exit status. */
int wf_evaluate(struct wf_cli *cli, const struct wf_evaluation *e);

#endif
