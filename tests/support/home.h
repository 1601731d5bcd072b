/* Home: a data folder of a test's own, and documents put into it without any extraction. */
#ifndef WF_TESTS_SUPPORT_HOME_H
#define WF_TESTS_SUPPORT_HOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/document.h"
#include "store/store.h"

struct home {
    char dir[64];
    struct wf_store *store;
    struct wf_store_options options;
};

/* Makes the folder and opens the store in it; closes; closes and removes the folder. open fails
 * the test on error, try_open returns it. */
void home_make(struct home *h);
void home_open(struct home *h);
int home_try_open(struct home *h, struct wf_err *err);
void home_close(struct home *h);
void home_remove(struct home *h);

/* Takes `text` in as the content of `path` (cut every 1,000 bytes at a space), as the intake would:
 * blob, chunks, document, source, one commit. out_id may be NULL. */
int home_add(struct home *h, const char *path, const char *title, struct wf_str text,
             int64_t *out_id, struct wf_err *err);

/* Gives the document's chunks that lack them vectors of `lens`, of 32 dimensions, whose bytes spell
 * `word` again and again; a transaction a piece. */
int home_add_vectors(struct home *h, int64_t document, const char *lens, const char *word,
                     struct wf_err *err);

/* The document's text, for wf_free; NULL when it cannot be read. `path` as it was added. */
char *home_text(struct home *h, const char *path, size_t *out_len);

/* Rows of SELECT count(*) FROM `what`. */
int64_t home_count(struct home *h, const char *what);

/* Chunks whose words match the FTS5 query. */
int64_t home_matches(struct home *h, const char *query);

/* How many files below the folder hold the bytes (ASCII case is ignored); their names are printed
 * when `tell`. */
unsigned home_grep(const struct home *h, const char *word, bool tell);

/* Files below a folder of the home ("blobs", "tmp"). */
size_t home_n_files(const struct home *h, const char *folder);

/* Blobs, in files of their own and in packs. */
size_t home_n_blobs(struct home *h);

/* Text of about n_bytes with words made of `seed`: the same seed gives the same text. For wf_free.
 */
char *home_words(uint64_t seed, size_t n_bytes, size_t *out_len);

#endif
