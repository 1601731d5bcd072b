/* Migrate: brings a database to this program's schema, one version at a time.
 *
 * Thread rule: init. */
#ifndef WF_STORE_MIGRATE_H
#define WF_STORE_MIGRATE_H

#include "base/err.h"

struct sqlite3;

/* Sets what must stand before the first table does (page size, vacuum mode); harmless later. */
int wf_migrate_prepare(struct sqlite3 *db, struct wf_err *err) WF_MUST_USE;

/* Runs the migrations that are missing, each in a transaction of its own that also raises
 * user_version, so that a crash leaves a version whole.
 * Errors: WF_E_FORMAT (a database of another program), WF_E_UNSUPPORTED (a newer weft's),
 * WF_E_CORRUPT, WF_E_IO, WF_E_FULL, WF_E_NOMEM. */
int wf_migrate_run(struct sqlite3 *db, struct wf_err *err) WF_MUST_USE;

/* Only checks that the database is ours and of exactly this version (for read-only opening). */
int wf_migrate_check(struct sqlite3 *db, struct wf_err *err) WF_MUST_USE;

#endif
