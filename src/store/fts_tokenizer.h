/* FTS5 tokenizer `weft`: the words of text/word.h as FTS5's tokens, for index and queries alike.
 *
 * Thread rule: owner (of the connection). */
#ifndef WF_STORE_FTS_TOKENIZER_H
#define WF_STORE_FTS_TOKENIZER_H

#include <sqlite3.h>

#include "base/err.h"

/* FTS5's interface of this connection; NULL when SQLite was built without FTS5. */
fts5_api *wf_fts_api(sqlite3 *db);

/* Makes tokenize='weft N' known on the connection. N is the version of the word rules that the
 * index was built with. Errors: WF_E_UNSUPPORTED (no FTS5), WF_E_NOMEM. */
int wf_fts_tokenizer_register(sqlite3 *db, struct wf_err *err) WF_MUST_USE;

#endif
