/* Parsed: what a document gives, gathered for tests, fuzz targets and the dump tool: either parsed
 * in this process (through writer and checked reader, as in life), or frame by frame from a
 * worker. */
#ifndef WF_TESTS_SUPPORT_PARSED_H
#define WF_TESTS_SUPPORT_PARSED_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "ingest/stream.h"

struct parsed {
    struct wf_buf text;     /* all TEXT payloads */
    struct wf_buf marked;   /* the same with the other frames shown: {P1} {H2} {H0} {B} */
    struct wf_buf meta;     /* key=value lines */
    struct wf_buf warnings; /* one a line */
    int rc;
    struct wf_err err;
    int stream_rc;      /* what the core's reader said of the frames (parsed_run only) */
    const char *format; /* id of the row that was chosen (parsed_run only) */
};

void parsed_init(struct parsed *p);
void parsed_deinit(struct parsed *p);
/* wf_stream_fn with a struct parsed as ud. */
int parsed_frame(void *ud, const struct wf_stream_frame *f, struct wf_err *err);
/* Recognises and parses in this process; fills p (initialised by it). */
void parsed_run(struct parsed *p, const char *name, const void *bytes, size_t n);
/* The same with the row given by id. */
void parsed_run_as(struct parsed *p, const char *id, const char *name, const void *bytes, size_t n);

#endif
