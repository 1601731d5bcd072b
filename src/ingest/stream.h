/* Extract stream: what a worker that parsed a file says to the core, and the checks that the core
 * makes on every byte of it (the worker may have been taken over by the file it read).
 *
 * A document's text is the concatenation of all TEXT payloads. The other frames carry no text but
 * mark the position they stand at. Frame: u8 type, u32 length (little endian), payload.
 *
 * | type | payload | meaning |
 * |---|---|---|
 * | 'T' | UTF-8, whole code points, no NUL | text goes on |
 * | 'P' | u32 page from 1, increasing | a page begins here |
 * | 'H' | u8 level 1..6, 0 = end | a heading begins (ends) here |
 * | 'B' | empty | a border: paragraph, row, item, message; a chunk may end here |
 * | 'M' | key NUL value (UTF-8) | metadata: title, author, date, type, language |
 * | 'I' | u32 done, u32 all | progress, for pages that take long (OCR) |
 * | 'W' | UTF-8 sentence | a warning: part of the file could not be read, and why |
 * | 'E' | i32 WF_E_* code, UTF-8 sentence | it failed; last frame |
 * | 'Z' | u64 bytes of all TEXT payloads | the end; last frame. A stream without E or Z is a crash
 * |
 *
 * Headings do not nest: H 1..6 and H 0 alternate, and the end closes an open one. A TEXT payload
 * is never empty. A key is 1..WF_STREAM_KEY_MAX bytes of a-z 0-9 . _ -, a value or a sentence at
 * most WF_STREAM_VALUE_MAX bytes.
 *
 * Thread rule: owner. */
#ifndef WF_INGEST_STREAM_H
#define WF_INGEST_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum wf_stream_type {
    WF_STREAM_TEXT = 'T',
    WF_STREAM_PAGE = 'P',
    WF_STREAM_HEADING = 'H',
    WF_STREAM_BORDER = 'B',
    WF_STREAM_META = 'M',
    WF_STREAM_PROGRESS = 'I',
    WF_STREAM_WARNING = 'W',
    WF_STREAM_ERROR = 'E',
    WF_STREAM_END = 'Z',
};

#define WF_STREAM_KEY_MAX 64
#define WF_STREAM_VALUE_MAX 4096

/* ---- the worker's side: writes frames to a descriptor, buffered ---- */

struct wf_stream_writer {
    int _fd; /* -1: everything goes to _sink */
    struct wf_buf *_sink;
    struct wf_buf _buf;  /* frames not yet written; the last may be an open TEXT frame */
    size_t _text_at;     /* where that TEXT frame's header stands, or SIZE_MAX */
    uint64_t text_bytes; /* of TEXT so far */
    uint32_t _page;
    bool _no_pages;
    uint32_t _n_warnings;
    bool _heading;  /* one is open */
    bool _bordered; /* nothing but metadata since the last border */
    char _last;     /* last byte of text; 0 when there was none */
    bool _ended;
    int _status; /* first failure; sticks */
};

/* Frames go to `fd` (borrowed), or are appended to `sink` (borrowed; for tests). */
void wf_stream_writer_init(struct wf_stream_writer *w, int fd);
void wf_stream_writer_init_buf(struct wf_stream_writer *w, struct wf_buf *sink);
void wf_stream_writer_deinit(struct wf_stream_writer *w);
/* Each returns 0 or the failure that sticks (WF_E_IO when the core hung up: stop working;
 * WF_E_LIMIT when the text passed WF_LIMIT_TEXT_BYTES). So results may go unchecked in a run of
 * calls, if the loop around them looks at wf_stream_status now and then.
 * Text that is no valid UTF-8 is repaired with U+FFFD; control characters but tab and newline are
 * dropped (a lone carriage return too: the parser decides what ends a line). A text must end at a
 * code point border. */
int wf_stream_text(struct wf_stream_writer *w, struct wf_str s);
/* Whether pages are passed over: those of a document inside another are not the other's. Returns
 * what it was. */
bool wf_stream_ignore_pages(struct wf_stream_writer *w, bool ignore);

/* A page that is not above the last one is ignored. */
int wf_stream_page(struct wf_stream_writer *w, uint32_t page);
/* level 1..6 begins a heading (and ends one that is open; above 6 counts as 6), 0 ends it. */
int wf_stream_heading(struct wf_stream_writer *w, unsigned level);
/* A border right after a border is dropped. */
int wf_stream_border(struct wf_stream_writer *w);
/* An empty value is dropped, a long one cut. Control characters become spaces. */
int wf_stream_meta(struct wf_stream_writer *w, const char *key, struct wf_str value);
int wf_stream_progress(struct wf_stream_writer *w, uint32_t n_done, uint32_t n_all);
/* Above WF_LIMIT_STREAM_WARNINGS the rest is dropped. */
int wf_stream_warning(struct wf_stream_writer *w, const char *fmt, ...) WF_PRINTF(2, 3);
/* 0, or the failure that sticks. */
int wf_stream_status(const struct wf_stream_writer *w);
/* The last byte of text so far (0 = none yet): does a line break stand at the end already? */
char wf_stream_last(const struct wf_stream_writer *w);
/* Writes what is buffered, so that the reader sees it now. */
int wf_stream_flush(struct wf_stream_writer *w);
/* The last frame: either of them, once. Flushes. */
int wf_stream_fail(struct wf_stream_writer *w, int code, const char *fmt, ...) WF_PRINTF(3, 4);
int wf_stream_end(struct wf_stream_writer *w);

/* ---- the core's side: bytes in, checked frames out ---- */

struct wf_stream_frame {
    enum wf_stream_type type;
    struct wf_str text;  /* TEXT, WARNING, ERROR; META: the value */
    struct wf_str key;   /* META */
    uint32_t number;     /* PAGE, HEADING level, PROGRESS done */
    uint32_t number_all; /* PROGRESS */
    int code;            /* ERROR */
};

typedef int (*wf_stream_fn)(void *ud, const struct wf_stream_frame *f, struct wf_err *err);

struct wf_stream_reader {
    struct wf_buf _buf; /* the beginning of a frame that is not whole yet */
    uint64_t text_bytes;
    uint32_t _page;
    uint32_t _n_warnings;
    bool _heading;
    bool ended; /* E or Z was seen */
};

/* A reader before its first byte; deinit frees what it holds and may be called twice. */
void wf_stream_reader_init(struct wf_stream_reader *r);
void wf_stream_reader_deinit(struct wf_stream_reader *r);
/* Feeds n bytes; calls fn(ud, frame) for each whole frame (views valid during the call). A
 * malformed frame is WF_E_FORMAT; a failure of fn is returned as it is. TEXT that ends inside a
 * code point is malformed, as is anything behind the last frame. After a failure the reader takes
 * no more. */
int wf_stream_feed(struct wf_stream_reader *r, const void *p, size_t n, wf_stream_fn fn, void *ud,
                   struct wf_err *err) WF_MUST_USE;

#endif
