/* Filter: which documents a search may see, in SQL.
 *
 * Thread rule: owner (of the reader). */
#ifndef WF_FIND_FILTER_H
#define WF_FIND_FILTER_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "find/find.h"

/* Conditions on the table document as `d`, with the parameters ?2 to ?8 of wf_filter_bind. */
#define WF_FILTER_SQL                                                                              \
    " (?2 IS NULL OR d.space=(SELECT id FROM space WHERE name=?2))"                                \
    " AND (?3 IS NULL OR d.type=?3 OR substr(d.type,1,length(?3)+1)=?3||'/')"                      \
    " AND (?4 IS NULL OR EXISTS(SELECT 1 FROM source s WHERE s.document=d.id"                      \
    " AND substr(s.path,1,length(?4))=?4))"                                                        \
    " AND (?5 IS NULL OR d.modified_ms>=?5) AND (?6 IS NULL OR d.modified_ms<?6)"                  \
    " AND (?7 IS NULL OR d.uid=?7)"                                                                \
    " AND (?8 IS NULL OR d.label IN ('public','internal','private'))"

/* True when the filter lets everything through. */
bool wf_filter_is_empty(const struct wf_find_filter *f);

/* Binds ?2 to ?8; the views are borrowed until the statement is reset. */
void wf_filter_bind(sqlite3_stmt *st, const struct wf_find_filter *f);

/* The chunks of all documents that the filter lets through, in order, in `arena`. Looks at every
 * document. */
int wf_filter_ranges(struct wf_reader *r, const struct wf_find_filter *f, struct wf_arena *arena,
                     struct wf_chunk_range **out, size_t *out_n, struct wf_err *err) WF_MUST_USE;

#endif
