/* Updates as bytes: what reads and writes both formats, and works on updates without a document.
 *
 * Format 1: clients { structs { info, ids, content } }, then ranges of deletes; all in one stream.
 * Format 2: the same values in nine columns, each run-length coded, before the rest:
 *   0, then with its length each: keys, clients, left clocks, right clocks, infos, texts, parent
 *   infos, type kinds, lengths; then the rest: counts, first clocks, values, deletes.
 *
 * Sections stand in falling order of client ids. Thread rule: owner. */
#ifndef WF_CRDT_UPDATE_H
#define WF_CRDT_UPDATE_H

#include "crdt/crdt.h"

/* ---- updates without a document ---- */

/* One update in *out that says what all n say, in the same format: appended. Errors: WF_E_FORMAT,
 * WF_E_LIMIT, WF_E_NOMEM. */
int wf_crdt_merge(const struct wf_str *updates, size_t n, enum wf_crdt_format format,
                  struct wf_buf *out) WF_MUST_USE;

/* What of an update a copy with this state vector lacks, appended. Errors: as wf_crdt_merge. */
int wf_crdt_diff(struct wf_str update, struct wf_str state_vector, enum wf_crdt_format format,
                 struct wf_buf *out) WF_MUST_USE;

/* The same update in the other format, appended. Errors: as wf_crdt_merge. */
int wf_crdt_convert(struct wf_str update, enum wf_crdt_format from, enum wf_crdt_format to,
                    struct wf_buf *out) WF_MUST_USE;

/* The state vector of a document that has only this update, appended. Errors: as wf_crdt_merge. */
int wf_crdt_update_vector(struct wf_str update, enum wf_crdt_format format,
                          struct wf_buf *out) WF_MUST_USE;

#endif
