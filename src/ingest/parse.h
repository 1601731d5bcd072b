/* Parse: what a parser of one format is given, what it owes, and helpers all of them share.
 *
 * One file a format (`html.c`, `pdf.c`): it defines its row, `const struct wf_format
 * wf_format_xxx` (format.h), and its parse function. The function runs inside an extract worker,
 * locked down already: it reads the one descriptor, writes text and marks to the stream, and
 * returns. It does not write the last frame (E or Z): it returns 0, or a code with a sentence in
 * `err` that tells the person the true reason ("the file is encrypted: save it without a password
 * and add it again"); the worker turns that into the frame. What was written before a failure is
 * thrown away by the core, so a file that is broken in part is rather a warning and success.
 *
 * Text conventions, the same in all formats:
 * - Lines end in "\n"; a paragraph, row, item or message ends in "\n" or "\n\n" and is followed by
 *   a BORDER frame (compose.h does both). Positions are natural: what a person would read, once.
 * - A heading is its text between H level and H 0, then "\n\n".
 * - PAGE where the format has pages, before the page's text; slides and sheets count as pages.
 * - Table cells are separated by "\t", rows by "\n".
 * - META keys in use: title, author, date (ISO 8601), language (BCP 47), subject, keywords,
 *   description. The media type is written by the worker.
 * - A document without any text: return WF_E_FORMAT through wf_parse_no_text.
 *
 * Thread rule: owner. */
#ifndef WF_INGEST_PARSE_H
#define WF_INGEST_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "ingest/stream.h"

struct wf_format;

struct wf_parse_input {
    int fd;                         /* the document, read from offset 0 with pread; borrowed */
    const char *bytes;              /* not NULL: it lies here instead, and fd is -1; borrowed */
    uint64_t n_bytes;               /* its size */
    struct wf_str name;             /* file name without folders; a hint only, may be empty */
    const struct wf_format *format; /* the row that was chosen */
    struct wf_str charset;          /* declared outside the file (MIME), or empty */
    unsigned depth;                 /* 0; a message inside a message has its parent's plus 1 */
    bool *tainted; /* set by a parser of a SHARED format that had a library read outside bytes:
                      the worker serves no other document afterwards. May be NULL */
};

/* Returns 0 or WF_E_* with a sentence in err. Stream failures (wf_stream_status) may be returned
 * as they are, without a sentence. */
typedef int (*wf_parse_fn)(const struct wf_parse_input *in, struct wf_stream_writer *w,
                           struct wf_err *err);

/* The whole file, for formats that need it at once: appended to `out`, whose maximum is the limit.
 * Errors: WF_E_IO, WF_E_NOMEM, WF_E_LIMIT. */
int wf_parse_read_all(const struct wf_parse_input *in, struct wf_buf *out,
                      struct wf_err *err) WF_MUST_USE;

/* Up to n bytes at `offset`; *out_n is less only at the end of the file. Errors: WF_E_IO. */
int wf_parse_read_at(const struct wf_parse_input *in, uint64_t offset, void *p, size_t n,
                     size_t *out_n, struct wf_err *err) WF_MUST_USE;

/* The whole file mapped read-only; unmapped with wf_parse_unmap of the same input. A file that
 * another process cuts meanwhile ends the worker with SIGBUS, which is reported as any crash. Empty
 * for an empty file. Errors: WF_E_NOMEM, WF_E_IO. */
int wf_parse_map(const struct wf_parse_input *in, struct wf_str *out,
                 struct wf_err *err) WF_MUST_USE;
void wf_parse_unmap(const struct wf_parse_input *in, struct wf_str s);

/* Recognises bytes that lie in memory (a mail's attachment). Only formats that need nothing beyond
 * the caller's sandbox, neither programs nor folders, can be read inside another document; others,
 * and depth above the limit, are WF_E_UNSUPPORTED. */
int wf_parse_nested_format(const struct wf_parse_input *parent, struct wf_str bytes,
                           struct wf_str name, struct wf_str media_type,
                           const struct wf_format **out, struct wf_err *err) WF_MUST_USE;

/* Parses them into the same stream, without their pages. */
int wf_parse_nested(const struct wf_parse_input *parent, const struct wf_format *format,
                    struct wf_str bytes, struct wf_str name, struct wf_str charset,
                    struct wf_stream_writer *w, struct wf_err *err) WF_MUST_USE;

/* Sets the sentence for a document that holds no text, and returns WF_E_FORMAT. */
int wf_parse_no_text(struct wf_err *err);

#endif
