/* Text in: a document's bytes as blocks of whole lines in UTF-8, for the parsers of text formats.
 *
 * Streams: memory is bounded whatever the file. Detects the encoding (encoding.h), converts, drops
 * a byte order mark, and makes every line end "\n". Thread rule: owner. */
#ifndef WF_INGEST_TEXTIN_H
#define WF_INGEST_TEXTIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "ingest/parse.h"

struct wf_text_in {
    const struct wf_parse_input *_in;
    struct wf_buf _raw;  /* bytes read; the first _n_used are given out already */
    struct wf_buf _text; /* the block, where it had to be converted */
    size_t _n_used;
    uint64_t _offset; /* of the next read */
    bool _eof;
    const char *_encoding; /* NULL while everything was ASCII */
    bool _began;           /* a byte order mark can no longer come */
};

/* `in` is borrowed for the life of t. Reads nothing yet. */
void wf_text_in_init(struct wf_text_in *t, const struct wf_parse_input *in);
void wf_text_in_deinit(struct wf_text_in *t);

/* The next block into *out (valid until the next call): whole lines, but the last of the file may
 * lack its "\n", and a line of over a megabyte comes in parts, cut between characters. An empty
 * block is the end. Nearly valid UTF-8: damaged bytes of a UTF-8 file are passed on, the stream
 * repairs them. Errors: WF_E_IO, WF_E_NOMEM. */
int wf_text_in_next(struct wf_text_in *t, struct wf_str *out, struct wf_err *err) WF_MUST_USE;

/* All of it at once, appended to `out`, whose maximum is the limit. Errors also WF_E_LIMIT. */
int wf_text_in_all(struct wf_text_in *t, struct wf_buf *out, struct wf_err *err) WF_MUST_USE;

/* A line at a time, without its "\n"; *out_more is false at the end. */
struct wf_line_in {
    struct wf_text_in text;
    struct wf_str _rest;
};

/* As for wf_text_in. */
void wf_line_in_init(struct wf_line_in *l, const struct wf_parse_input *in);
/* Frees what it holds. */
void wf_line_in_deinit(struct wf_line_in *l);
/* The next line into *out (valid until the next call). Errors: WF_E_IO, WF_E_NOMEM. */
int wf_line_in_next(struct wf_line_in *l, struct wf_str *out, bool *out_more,
                    struct wf_err *err) WF_MUST_USE;

#endif
