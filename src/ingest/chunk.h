/* Chunks: a document's text cut into the pieces that search finds.
 *
 * The chunks of a document partition its text: concatenated in order they give it back byte for
 * byte. Cut at headings, then borders, then sentences, then spaces; never inside a code point.
 * Memory is bounded by one chunk, whatever the document. Thread rule: owner. */
#ifndef WF_INGEST_CHUNK_H
#define WF_INGEST_CHUNK_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "ingest/stream.h"

struct wf_chunk {
    struct wf_str text;    /* valid during the callback */
    struct wf_str heading; /* the headings above it, "A > B"; may be empty */
    uint64_t start_cp;     /* code points before it in the document */
    uint32_t n_cp;         /* code points in it */
    uint32_t page;         /* page it begins on, from 1; 0 = the format has none */
};

typedef int (*wf_chunk_fn)(void *ud, const struct wf_chunk *c, struct wf_err *err);

struct wf_chunker;

/* A chunker that calls fn(ud, chunk); NULL when memory ran out. Freeing NULL is a no-op. */
struct wf_chunker *wf_chunker_new(wf_chunk_fn fn, void *ud) WF_MUST_USE;
void wf_chunker_free(struct wf_chunker *c);
/* Takes TEXT, PAGE, HEADING and BORDER frames (others are ignored) and calls fn for each chunk
 * that is complete. A page break inside a chunk ends it. */
int wf_chunker_feed(struct wf_chunker *c, const struct wf_stream_frame *f,
                    struct wf_err *err) WF_MUST_USE;
/* The rest. */
int wf_chunker_end(struct wf_chunker *c, struct wf_err *err) WF_MUST_USE;

#endif
