/* SPDX-License-Identifier: Apache-2.0 */
/* The spaces that are only read: a few, so a list that is looked through. */
#include "space/rights.h"

#include "base/alloc.h"
#include "store/sql.h"
#include "store/store.h"

/* Of the roles in space.role (mesh/charter.h) the first that writes. */
#define WRITES 2

void wf_rights_init(struct wf_rights *r)
{
    *r = (struct wf_rights){._n = 0};
    (void)pthread_rwlock_init(&r->_lock, NULL); /* cannot fail with default attributes */
}

void wf_rights_deinit(struct wf_rights *r)
{
    wf_free(r->_read_only);
    (void)pthread_rwlock_destroy(&r->_lock);
}

static int collect(struct wf_reader *reader, struct wf_rights *out, struct wf_err *err)
{
    static const char sql[] = "SELECT id FROM space WHERE role<?1 ORDER BY id";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(reader, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, WRITES);
    while ((rc = wf_sql_step(st, "reading what may be written", err)) == 1) {
        if (wf_reserve(&out->_read_only, &out->_cap, out->_n + 1, sizeof(*out->_read_only)) != 0) {
            rc = wf_err_set(err, WF_E_NOMEM, "Out of memory (spaces).");
            break;
        }
        out->_read_only[out->_n++] = sqlite3_column_int64(st, 0);
    }
    sqlite3_reset(st);
    return rc;
}

int wf_rights_read(struct wf_rights *r, struct wf_store *store, struct wf_err *err)
{
    struct wf_rights now = {._n = 0};
    struct wf_reader *reader = NULL;
    int64_t *before;
    int rc = wf_store_reader_get(store, &reader, err);

    if (rc != 0)
        return rc;
    rc = collect(reader, &now, err);
    wf_store_reader_put(store, reader);
    if (rc != 0) {
        wf_free(now._read_only);
        return rc;
    }
    (void)pthread_rwlock_wrlock(&r->_lock);
    before = r->_read_only;
    r->_read_only = now._read_only;
    r->_n = now._n;
    r->_cap = now._cap;
    (void)pthread_rwlock_unlock(&r->_lock);
    wf_free(before);
    return 0;
}

bool wf_rights_may_write(struct wf_rights *r, int64_t space)
{
    bool is_found = false;

    if (r == NULL)
        return true;
    (void)pthread_rwlock_rdlock(&r->_lock);
    for (size_t i = 0; i < r->_n && !is_found; i++)
        is_found = r->_read_only[i] == space;
    (void)pthread_rwlock_unlock(&r->_lock);
    return !is_found;
}

int wf_rights_check(struct wf_rights *r, int64_t space, struct wf_err *err)
{
    return wf_rights_may_write(r, space)
               ? 0
               : wf_err_set(err, WF_E_DENIED,
                            "You may only read in this space: who shares it said so, or you have "
                            "left it.");
}
