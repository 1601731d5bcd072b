/* weft lens: its lines of JSON, apart from what a person reads. Only cmd_lens.c and lens_*.c
 * include this. Thread rule: owner. */
#ifndef WF_CLI_LENS_H
#define WF_CLI_LENS_H

#include "cli/cli.h"
#include "engine/lens.h"

/* One JSON object a line from standard input, one a line to standard output, in order. Lines that
 * cannot be answered get {"error":...} and are counted. Errors: those of reading and writing. */
int wf_lens_lines(struct wf_lens_pool *pool, unsigned task, const char *set, size_t *out_n_bad,
                  struct wf_err *err) WF_MUST_USE;

/* What one answer says, for a person. */
void wf_lens_print(const struct wf_lens_ask *ask, const struct wf_lens_answer *a);

/* What a lens can do, and its card. */
void wf_lens_show(const struct wf_lens *l, const char *path);
json_t *wf_lens_show_json(const struct wf_lens *l, const char *path);

#endif
