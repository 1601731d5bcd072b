/* Library: a store in a temporary folder, filled with texts through the real chunker, for tests and
 * benches of finding and answering.
 *
 * What fails ends the process with a sentence. Thread rule: owner. */
#ifndef WF_TESTS_SUPPORT_LIBRARY_H
#define WF_TESTS_SUPPORT_LIBRARY_H

#include <stdint.h>

#include "ingest/chunk.h"
#include "store/document.h"
#include "store/store.h"

struct library {
    char dir[64];
    struct wf_store *store;
    struct wf_chunker *chunker;
    struct wf_incoming incoming;
    struct wf_str title;
    uint64_t n_documents;
    size_t n_pending; /* documents since the last commit */
    bool is_writing;
};

/* A document and what a filter asks about it; empty fields get a usual value. */
struct library_document {
    const char *path, *title, *type, *space;
    const char *text; /* lines "# ..." are headings, blank lines borders, a line that begins with \f
                         a page */
    int64_t modified_ms;
};

void library_open(struct library *l);
/* The same with options of the store. */
void library_open_with(struct library *l, const struct wf_store_options *o);
/* Adds; out_uid may be NULL. Durable after library_commit. */
void library_add(struct library *l, const struct library_document *d,
                 char out_uid[WF_UID_BYTES + 1]);
void library_commit(struct library *l);
/* Opens, adds them all, commits. */
void library_open_filled(struct library *l, const struct library_document *documents, size_t n);
/* Closes and removes the folder. */
void library_close(struct library *l);

/* Code points [start, end) of a document's text, for wf_free. */
char *library_text(struct library *l, struct wf_str uid, uint64_t start, uint64_t end);

#endif
