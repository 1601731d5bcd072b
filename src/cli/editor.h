/* The person's editor on a text. */
#ifndef WF_CLI_EDITOR_H
#define WF_CLI_EDITOR_H

#include "base/buf.h"
#include "cli/cli.h"

/* Has the person edit `io_text` with $VISUAL or $EDITOR (else nano or vi), in a file of the home
 * that only they can read, and that is gone afterwards. Errors: NOENT (no editor), CANCELED (it did
 * not end well), those of files. Thread: owner. */
int wf_editor_run(struct wf_cli *cli, struct wf_buf *io_text, struct wf_err *err) WF_MUST_USE;

#endif
