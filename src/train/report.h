/* Report: a page that shows a training: its figures as curves and its experiment's text. One HTML
 * file that needs nothing else, no script; light or dark as the reader's system is. Threads: any.
 */
#ifndef WF_TRAIN_REPORT_H
#define WF_TRAIN_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "train/history.h"

struct wf_report {
    const struct wf_history *history; /* columns as the trainer names them */
    const char *title;
    struct wf_str conf;
    uint64_t n_steps;  /* of the whole training */
    uint64_t n_values; /* that learn */
};

/* Appends the page. Errors: the buffer's. */
int wf_report_page(const struct wf_report *r, struct wf_buf *out) WF_MUST_USE;

/* Writes it to a file. Errors: those of wf_file_replace, NOMEM. */
int wf_report_write(const struct wf_report *r, const char *path, struct wf_err *err) WF_MUST_USE;

#endif
