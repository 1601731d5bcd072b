/* Formats: one row a format that weft takes in or refuses by name, and how to tell them apart.
 *
 * Recognising looks at a few kilobytes at both ends of a file and at its name; it is done by code
 * of ours only, inside a worker. To add a format: a file `xxx.c` with `const struct wf_format
 * wf_format_xxx`, and its line in format_list.h. Thread rule: any. */
#ifndef WF_INGEST_FORMAT_H
#define WF_INGEST_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "ingest/parse.h"

/* Bytes that recognising is shown of a file's beginning and of its end. */
#define WF_FORMAT_HEAD_BYTES (32u << 10)
#define WF_FORMAT_TAIL_BYTES (64u << 10)

/* What kind of worker parses it. */
enum wf_parse_kind {
    WF_PARSE_SHARED, /* only our own code reads: a worker serves many documents in turn */
    WF_PARSE_ALONE,  /* a worker of its own, that ends with the document */
    WF_PARSE_EXEC,   /* likewise, and it may exec one helper program below exec_dirs */
};

/* What a row's `score` is shown. */
struct wf_format_hint {
    struct wf_str name;      /* file name, may be empty */
    struct wf_str extension; /* of it, without the dot, as written; may be empty */
    struct wf_str head;      /* the first bytes as they are */
    struct wf_str tail;      /* the last bytes; the same as head for small files */
    struct wf_str text;      /* head as ASCII-compatible text: without BOM, UTF-16 narrowed */
    uint64_t n_bytes;        /* of the whole file */
    bool is_binary;          /* head holds bytes that no text holds */
};

/* How sure a row is. The best row wins, the first one of equals. */
enum {
    WF_SCORE_NO = 0,
    WF_SCORE_FALLBACK = 10, /* "it is text at least" */
    WF_SCORE_NAME = 40,     /* the extension says so, the content does not object */
    WF_SCORE_CONTENT = 60,  /* the content looks like it */
    WF_SCORE_BOTH = 80,     /* extension and content */
    WF_SCORE_MAGIC = 100,   /* magic bytes */
    WF_SCORE_CERTAIN = 120, /* magic bytes and what lies behind them (a ZIP that is a DOCX) */
};

struct wf_format {
    const char *id;         /* "docx" */
    const char *title;      /* for sentences: "Word document" */
    const char *media_type; /* "application/..."; also the META "type" */
    const char *extensions; /* lower case, separated by spaces: "htm html xhtml"; may be "" */
    const char *magic;      /* bytes the file begins with, or NULL */
    size_t magic_bytes;
    /* NULL: WF_SCORE_MAGIC when `magic` fits, WF_SCORE_NAME when the extension fits and the row
     * has no magic and the file is not binary. Else decides alone. */
    int (*score)(const struct wf_format *f, const struct wf_format_hint *h);
    wf_parse_fn parse;
    enum wf_parse_kind kind;
    const char *const
        *read_dirs; /* NULL-terminated; libraries' data the parser opens; may be NULL */
    const char *const *exec_dirs; /* WF_PARSE_EXEC */
    /* Run once in the spawner, before any fork: initialises libraries. Reads no outside bytes,
     * starts no threads, leaves no descriptors open. May be NULL. */
    void (*warm)(void);
    bool refuses; /* parse only tells why it is not taken in */
};

/* The i-th row in the order of format_list.h, or NULL behind the last. */
const struct wf_format *wf_format_at(size_t i);
/* The index of a row of the table. */
size_t wf_format_index(const struct wf_format *f);

/* The row for a file; never NULL (the last resort refuses). *h needs name, head, tail, n_bytes;
 * the rest is filled in. `text_buf` (at least WF_FORMAT_HEAD_BYTES) gives h->text room. */
const struct wf_format *wf_format_find(struct wf_format_hint *h, char *text_buf);

/* The row for a media type ("text/html"), or NULL. */
const struct wf_format *wf_format_by_type(struct wf_str media_type);
/* The row whose id it is, or NULL. */
const struct wf_format *wf_format_by_id(struct wf_str id);

/* Tests only: a list of rows (NULL-terminated, static; NULL = none), asked before all others.
 * Thread: init. */
void wf_format_set_extra(const struct wf_format *const *list);

/* Helpers for `score`. */
bool wf_format_has_extension(const struct wf_format *f, const struct wf_format_hint *h);
bool wf_format_has_magic(const struct wf_format *f, const struct wf_format_hint *h);
/* True when the file is a ZIP archive with a member of this name (or that begins so, when `member`
 * ends in "/"), as far as the first and last bytes show. */
bool wf_format_zip_has(const struct wf_format_hint *h, const char *member);
/* True when the ZIP's first member is a stored "mimetype" that begins with `type` (ODF, EPUB). */
bool wf_format_zip_type_is(const struct wf_format_hint *h, const char *type);

#endif
