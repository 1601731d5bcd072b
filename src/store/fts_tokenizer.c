/* SPDX-License-Identifier: Apache-2.0 */
/* FTS5 tokenizer: hands every word of text/word.h to FTS5.
 *
 * There is no state beyond the walk itself, so an instance is one static byte. The same walk serves
 * documents and queries: a query's phrase in a script without spaces becomes overlapping pairs at
 * consecutive positions, which is exactly how they stand in the index.
 *
 * FTS5 hands over bytes that may come from a query string; text/word.h wants valid UTF-8, and
 * decodes defensively. Everything inside weft is checked before it gets here. */
#include "store/fts_tokenizer.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "text/word.h"

static char instance; /* never read: FTS5 wants a pointer that is not NULL */

static int tok_create(void *ctx, const char **args, int n_args, Fts5Tokenizer **out)
{
    (void)ctx;
    (void)args; /* the version is there to be read in the schema */
    if (n_args > 1) {
        return SQLITE_ERROR;
    }
    *out = (Fts5Tokenizer *)(void *)&instance;
    return SQLITE_OK;
}

static void tok_delete(Fts5Tokenizer *t)
{
    assert((void *)t == (void *)&instance);
    (void)t;
}

typedef int (*token_fn)(void *ctx, int flags, const char *token, int n, int start, int end);

static int tok_tokenize(Fts5Tokenizer *t, void *ctx, int flags, const char *text, int n_text,
                        token_fn on_token)
{
    (void)t;
    (void)flags;
    assert(n_text >= 0);
    struct wf_words walk;
    struct wf_word word;
    wf_words_init(&walk, wf_str_n(text, (size_t)n_text));
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && wf_words_next(&walk, &word)) {
        rc = on_token(ctx, 0, word.text, (int)word.len, (int)word.start, (int)word.end);
    }
    return rc;
}

fts5_api *wf_fts_api(sqlite3 *db)
{
    fts5_api *api = NULL;
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &st, NULL) == SQLITE_OK) {
        sqlite3_bind_pointer(st, 1, (void *)&api, "fts5_api_ptr", NULL);
        sqlite3_step(st);
    }
    sqlite3_finalize(st);
    return api;
}

int wf_fts_tokenizer_register(sqlite3 *db, struct wf_err *err)
{
    fts5_api *api = wf_fts_api(db);
    if (api == NULL) {
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "This system's SQLite was built without full-text search (FTS5): install "
                          "the distribution's libsqlite3.");
    }
    fts5_tokenizer methods = {tok_create, tok_delete, tok_tokenize};
    if (api->xCreateTokenizer(api, "weft", NULL, &methods, NULL) != SQLITE_OK) {
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (registering the tokenizer).");
    }
    return 0;
}
