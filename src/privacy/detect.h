/* Detect: finds personal data and secrets in a text, all languages at once.
 *
 * One pass over the text looks for the literals and numbers of all patterns (pattern.h); only where
 * one is found its expression runs, within a window of bounded length and with bounded effort. What
 * hides is seen too (view.h): zero-width characters, look-alike letters, spaced digits, base64, URL
 * encoding and the like are undone, and what is found there is given by its place in the original.
 *
 * A detector is opened once and used by any number of threads, each with a run of its own. */
#ifndef WF_PRIVACY_DETECT_H
#define WF_PRIVACY_DETECT_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct wf_detector;
struct wf_detect_run;

/* One thing found. All strings are constant. */
struct wf_pii {
    size_t start, end;  /* bytes in the text given */
    const char *type;   /* "CREDIT_CARD" */
    float score;        /* 0..1 */
    const char *reason; /* "Luhn checksum", "form", "lens" */
    struct wf_str word; /* the word near that told; empty: none did */
    const char *hidden; /* how it hid ("base64"); NULL: it stood there plainly */
};

struct wf_detect_options {
    float score_least; /* what is reported; 0: WF_DETECT_SCORE */
    bool plain_only;   /* does not look for what hides */
};

#define WF_DETECT_SCORE 0.5F

/* Compiles all patterns. *out is owned by the caller. Errors: NOMEM, INVAL (an expression of a
 * table is wrong: a test finds that). Threads: any. */
int wf_detector_open(const struct wf_detect_options *o, struct wf_detector **out,
                     struct wf_err *err) WF_MUST_USE;
/* All its runs must be freed before. NULL is a no-op. */
void wf_detector_free(struct wf_detector *d);

/* What one thread needs to scan. *out is owned by the caller; the detector is borrowed until it is
 * freed. Errors: NOMEM. */
int wf_detect_run_new(const struct wf_detector *d, struct wf_detect_run **out,
                      struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_detect_run_free(struct wf_detect_run *r);

struct wf_pii_list {
    const struct wf_pii *items;
    size_t n;
};

/* All of a text, any bytes, with what others found there (`more`, names for instance, may be
 * empty): by place, without overlaps, borrowed until the next scan or the run's end. Of what
 * overlaps the higher score stays, then the longer. Errors: NOMEM; LIMIT (more than WF_LIMIT_PII,
 * or longer than WF_LIMIT_DETECT_BYTES): the text is then to be treated as the most sensitive.
 * Threads: owner. */
int wf_detect_scan(struct wf_detect_run *r, struct wf_str text, struct wf_pii_list more,
                   struct wf_pii_list *out, struct wf_err *err) WF_MUST_USE;

#endif
