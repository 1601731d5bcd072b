/* Code: what commands share that bring two devices together by a code (weft pair, weft spaces
 * invite and join). Thread rule: owner. */
#ifndef WF_CLI_CODE_H
#define WF_CLI_CODE_H

#include "cli/cli.h"

/* Runs an operation of the daemon, which must be there; takes params (NULL: words that are no
 * UTF-8). A code that it shows meanwhile is printed: first what `head` says of it, which is NULL
 * where none is shown. The exit status; *out, to be let go of, is NULL unless it is WF_EXIT_DONE.
 */
int wf_code_run(struct wf_cli *cli, const char *op, json_t *params,
                void (*head)(const json_t *code), json_t **out);

#endif
