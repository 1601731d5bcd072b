/* Chunks: a document's text cut into the pieces that search finds.
 *
 * The chunks of a document partition its text: concatenated in order they give it back byte for
 * byte. Cut at headings and pages, then borders, then sentences, then spaces; never inside a code
 * point. Memory is bounded by one chunk, whatever the document. Thread rule: owner. */
#ifndef WF_INGEST_CHUNK_H
#define WF_INGEST_CHUNK_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "ingest/stream.h"

/* What a chunk aims at, in letters: about 200 words. A letter counts 1, kana and hangul 2, a Han
 * character 3, so that chunks say about as much in every script. */
#define WF_CHUNK_AIM 1200
/* A paragraph of up to this many letters (250 to 300 words) is not cut. */
#define WF_CHUNK_KEEP 1900
/* A piece below this is not cut off because the next paragraph is long. */
#define WF_CHUNK_LEAST 350
/* The path of headings of a chunk, bytes; longer headings are cut. */
#define WF_CHUNK_HEADING_BYTES 480

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
/* Begins a new document, with another ud. */
void wf_chunker_reset(struct wf_chunker *c, void *ud);
/* Takes TEXT, PAGE, HEADING and BORDER frames (others are ignored) and calls fn for each chunk
 * that is complete; a failure of fn is returned. A page break inside a chunk ends it. */
int wf_chunker_feed(struct wf_chunker *c, const struct wf_stream_frame *f,
                    struct wf_err *err) WF_MUST_USE;
/* The rest. */
int wf_chunker_end(struct wf_chunker *c, struct wf_err *err) WF_MUST_USE;
/* The first heading of the document so far, or empty. Valid until reset. */
struct wf_str wf_chunker_first_heading(const struct wf_chunker *c);

#endif
