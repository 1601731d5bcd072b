/* weft bench crdt: how fast drafts are, on a recorded history of edits. Thread rule: owner. */
#ifndef WF_CLI_BENCH_CRDT_H
#define WF_CLI_BENCH_CRDT_H

#include "cli/cli.h"

/* Runs the bench with what is left of the arguments behind "crdt"; an enum wf_exit. */
int wf_bench_crdt(struct wf_cli *cli);

#endif
