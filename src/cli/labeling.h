/* Labeling: what the commands that look into texts share: detectors, policy and lens, opened before
 * the lock, and texts from standard input. Thread rule: owner. */
#ifndef WF_CLI_LABELING_H
#define WF_CLI_LABELING_H

#include "cli/cli.h"
#include "op/label.h"

struct wf_labeling {
    struct wf_detector *detector;
    struct wf_policy *policy;
    struct wf_lens_pool *lens; /* NULL: patterns alone */
    struct wf_labeler *labeler;
};

/* Opens all that is in files or becomes machine code, then locks the process down. policy: a file,
 * NULL: the home's, or the built-in one where it has none. patterns: without the lens. Zeroed
 * before; wf_labeling_close also after a failure. Errors: those of what is opened. */
int wf_labeling_open(const struct wf_cli *cli, const char *policy, bool patterns,
                     struct wf_labeling *t, struct wf_err *err) WF_MUST_USE;
void wf_labeling_close(struct wf_labeling *t);

/* Hands each {"text":...} line of standard input to `one` (the text is valid UTF-8) and prints the
 * object it gives, or {"error"}, as lines come. *out_n_bad counts errors. */
int wf_labeling_lines(int (*one)(void *ud, struct wf_str text, json_t **out, struct wf_err *err),
                      void *ud, size_t *out_n_bad, struct wf_err *err) WF_MUST_USE;

/* Appends the text with what is no UTF-8 replaced. */
int wf_labeling_valid(struct wf_str raw, struct wf_buf *out, struct wf_err *err) WF_MUST_USE;

#endif
