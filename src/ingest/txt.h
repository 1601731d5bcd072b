/* Plain text, taken in as it stands: what txt.c does for .txt, and for what is text but broken as
 * the format it claims to be. Thread rule: owner. */
#ifndef WF_INGEST_TXT_H
#define WF_INGEST_TXT_H

#include <stdbool.h>

#include "ingest/stream.h"

struct wf_txt {
    struct wf_stream_writer *_w;
    uint32_t _page; /* pages begun by form feeds; 0 = none yet */
    bool _code;     /* borders only before lines that are not indented */
    bool _blank;    /* the text so far ends in a blank line */
    bool _at_line_start;
    bool _any; /* something other than white space was seen */
};

/* is_code: source code, whose borders stand before top-level definitions. */
void wf_txt_init(struct wf_txt *t, struct wf_stream_writer *w, bool is_code);
/* The next part of the text (UTF-8, "\n" as line end): writes it verbatim, with a border after
 * each blank line and a page at each form feed. Returns the stream's status. */
int wf_txt_feed(struct wf_txt *t, struct wf_str s);
/* True when anything but white space was fed. */
bool wf_txt_any(const struct wf_txt *t);

#endif
