/* Inbound: what comes back from an engine is looked at before anything follows it. It is never
 * changed, only flagged: where something stands that a person or a program should not trust.
 *
 * An answer may carry what a document or a web page told the model to say (instructions to the next
 * model, tool calls), secrets that are not the asker's, scripts, and addresses that carry data away
 * when they are opened or shown. weft's page shows text only and loads nothing from elsewhere, so
 * a script or a picture does nothing there; other clients of the API are told by the flags.
 *
 * What stands in code (fences of Markdown) is shown as text: scripts, pictures and addresses there
 * are not flagged; instructions and secrets are. Made once, used by any number of threads, each
 * with a run of its own. */
#ifndef WF_PRIVACY_INBOUND_H
#define WF_PRIVACY_INBOUND_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "privacy/detect.h"

enum wf_inbound_kind {
    WF_INBOUND_INSTRUCTION, /* words to a model, not to a person */
    WF_INBOUND_SECRET,      /* credentials or numbers of somebody; the asker did not send them */
    WF_INBOUND_SCRIPT,      /* would run where HTML is shown */
    WF_INBOUND_IMAGE,       /* would be loaded from elsewhere where it is shown */
    WF_INBOUND_LINK,        /* leads where nobody who asked, and no document, had named */
    WF_INBOUND_LEAK,   /* a picture or link whose address carries something of what was asked */
    WF_INBOUND_UNSEEN, /* characters that nobody sees, but programs do */
    WF_INBOUND_COUNT
};

/* "instruction", ...: as the ledger counts them. Static storage. */
const char *wf_inbound_name(enum wf_inbound_kind kind);

struct wf_inbound_flag {
    size_t start, end; /* bytes of the answer */
    enum wf_inbound_kind kind;
    float score;        /* 0..1 */
    const char *reason; /* static */
};

struct wf_inbound;
struct wf_inbound_run;

/* Compiles the rules. *out is owned by the caller. Errors: NOMEM, INVAL (a rule is wrong: a test
 * finds that). Threads: any. */
int wf_inbound_open(struct wf_inbound **out, struct wf_err *err) WF_MUST_USE;
/* After its runs. NULL is a no-op. */
void wf_inbound_free(struct wf_inbound *in);

/* What one thread needs. Errors: NOMEM. */
int wf_inbound_run_new(const struct wf_inbound *in, struct wf_inbound_run **out,
                       struct wf_err *err) WF_MUST_USE;
void wf_inbound_run_free(struct wf_inbound_run *r);

struct wf_inbound_ask {
    struct wf_str answer;      /* any bytes; at most WF_LIMIT_DETECT_BYTES */
    struct wf_pii_list found;  /* what the detectors find in it */
    struct wf_str sent;        /* all that was asked: what stands there is the asker's own */
    const struct wf_str *data; /* [n_data] what was redacted: may stand in no address */
    size_t n_data;
};

/* The flags by place, then kind; borrowed until the next scan or the run's end. Errors: NOMEM;
 * LIMIT (too long, or more flags than WF_LIMIT_PII): the answer is then to be treated as flagged.
 * Threads: owner. */
int wf_inbound_scan(struct wf_inbound_run *r, const struct wf_inbound_ask *ask,
                    const struct wf_inbound_flag **out, size_t *out_n,
                    struct wf_err *err) WF_MUST_USE;

#endif
