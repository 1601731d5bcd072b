/* SPDX-License-Identifier: Apache-2.0 */
/* Reading people from the store. What a space's charter is, is told by all that are kept: those
 * that no other comes out of are resolved one after the other, in one order everywhere. */
#include <string.h>

#include "base/alloc.h"
#include "mesh/charter.h"
#include "mesh/people_internal.h"
#include "store/sql.h"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (people).");
}

/* ---- charters ---- */

int wf_people__each_charter(sqlite3_stmt *st, struct wf_people__charters *out, struct wf_err *err)
{
    int rc = 0;

    while (rc == 0 && (rc = wf_sql_step(st, "reading charters", err)) == 1) {
        struct wf_err own = WF_ERR_INIT;
        if (wf_reserve(&out->at, &out->cap, out->n + 1, sizeof(*out->at)) != 0) {
            rc = no_memory(err);
            break;
        }
        rc = wf_charter_read(wf_sql_blob(st, 0), &out->at[out->n], &own);
        if (rc != 0)
            rc = wf_err_set(err, WF_E_CORRUPT, "A kept charter of a space: %s", own.msg);
        out->n += rc == 0;
    }
    sqlite3_reset(st);
    return rc;
}

static bool is_head(const struct wf_people__charters *all, size_t i)
{
    for (size_t k = 0; k < all->n; k++) {
        if (k != i && wf_charter_compare(&all->at[k], &all->at[i]) == WF_DEVICES_NEWER)
            return false;
    }
    return true;
}

int wf_people__resolve(const struct wf_people__charters *all, struct wf_charter *out,
                       bool *out_forked, struct wf_err *err)
{
    size_t n_heads = 0;
    int rc = 0;

    out->version = 0;
    for (size_t i = 0; i < all->n && rc == 0; i++) {
        if (!is_head(all, i))
            continue;
        if (n_heads++ == 0)
            *out = all->at[i];
        else
            rc = wf_charter_mend(out, &all->at[i], err);
    }
    *out_forked = n_heads > 1;
    return rc;
}

static int read_space(struct wf_reader *r, int64_t id, struct wf_people_space *out,
                      struct wf_err *err)
{
    static const char sql[] = "SELECT bytes FROM charter WHERE space=?1 ORDER BY version, hash";
    struct wf_people__charters all = {.n = 0};
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    *out = (struct wf_people_space){.id = id};
    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    rc = wf_people__each_charter(st, &all, err);
    if (rc == 0)
        rc = wf_people__resolve(&all, &out->charter, &out->is_forked, err);
    out->kept = all.at;
    out->n_kept = all.n;
    return rc;
}

static int read_spaces(struct wf_reader *r, struct wf_people *out, struct wf_err *err)
{
    static const char sql[] = "SELECT DISTINCT space FROM charter ORDER BY space";
    sqlite3_stmt *st = NULL;
    int64_t *ids = NULL;
    size_t n = 0, cap = 0;
    int rc = wf_reader_cached(r, sql, &st, err);

    while (rc == 0 && (rc = wf_sql_step(st, "reading charters", err)) == 1) {
        rc = wf_reserve(&ids, &cap, n + 1, sizeof(*ids)) == 0 ? 0 : no_memory(err);
        if (rc == 0)
            ids[n++] = sqlite3_column_int64(st, 0);
    }
    if (st != NULL)
        sqlite3_reset(st);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (wf_reserve(&out->spaces, &out->cap_spaces, out->n_spaces + 1, sizeof(*out->spaces)) !=
            0) {
            rc = no_memory(err);
            break;
        }
        rc = read_space(r, ids[i], &out->spaces[out->n_spaces++], err);
    }
    wf_free(ids);
    return rc;
}

/* ---- persons ---- */

static int add_person(struct wf_people *p, sqlite3_stmt *st, struct wf_err *err)
{
    struct wf_person *one;
    int rc;

    if (wf_reserve(&p->persons, &p->cap_persons, p->n_persons + 1, sizeof(*one)) != 0)
        return no_memory(err);
    one = &p->persons[p->n_persons];
    *one = (struct wf_person){.expected_ms = sqlite3_column_int64(st, 1)};
    one->list = wf_alloc(sizeof(*one->list));
    if (one->list == NULL)
        return no_memory(err);
    p->n_persons++;
    rc = wf_devices_read(wf_sql_blob(st, 0), one->list, err);
    memcpy(one->owner, one->list->owner, sizeof(one->owner));
    return rc == 0 ? 0 : wf_err_set(err, WF_E_CORRUPT, "A kept list of devices is damaged.");
}

int wf_people_read(struct wf_reader *r, struct wf_people *out, struct wf_err *err)
{
    static const char sql[] = "SELECT list, expected_ms FROM person ORDER BY owner";
    sqlite3_stmt *st = NULL;
    int rc = wf_reader_cached(r, sql, &st, err);

    *out = (struct wf_people){.n_persons = 0};
    while (rc == 0 && (rc = wf_sql_step(st, "reading lists of devices", err)) == 1)
        rc = add_person(out, st, err);
    if (st != NULL)
        sqlite3_reset(st);
    return rc == 0 ? read_spaces(r, out, err) : rc;
}

void wf_people_free(struct wf_people *p)
{
    for (size_t i = 0; i < p->n_persons; i++)
        wf_free(p->persons[i].list);
    for (size_t i = 0; i < p->n_spaces; i++)
        wf_free(p->spaces[i].kept);
    wf_free(p->persons);
    wf_free(p->spaces);
    *p = (struct wf_people){.n_persons = 0};
}

/* ---- looking ---- */

const struct wf_person *wf_people_person(const struct wf_people *p,
                                         const uint8_t owner[WF_DEVICES_KEY_BYTES])
{
    for (size_t i = 0; i < p->n_persons; i++) {
        if (memcmp(p->persons[i].owner, owner, WF_DEVICES_KEY_BYTES) == 0)
            return &p->persons[i];
    }
    return NULL;
}

const struct wf_people_space *wf_people_space(const struct wf_people *p, int64_t space)
{
    for (size_t i = 0; i < p->n_spaces; i++) {
        if (p->spaces[i].id == space)
            return &p->spaces[i];
    }
    return NULL;
}

const struct wf_devices_entry *wf_people_device(const struct wf_people *p,
                                                const uint8_t device[WF_SIGNER_ID_BYTES],
                                                const struct wf_person **out_whose)
{
    for (size_t i = 0; i < p->n_persons; i++) {
        const struct wf_devices *list = p->persons[i].list;
        *out_whose = &p->persons[i];
        for (size_t k = 0; k < list->n_entries; k++) {
            if (memcmp(list->entries[k].device, device, WF_SIGNER_ID_BYTES) == 0)
                return &list->entries[k];
        }
    }
    *out_whose = NULL;
    return NULL;
}

const struct wf_devices_entry *wf_people_transport(const struct wf_people *p,
                                                   const uint8_t key[WF_DEVICES_KEY_BYTES],
                                                   const struct wf_person **out_whose)
{
    for (size_t i = 0; i < p->n_persons; i++) {
        const struct wf_devices_entry *e = wf_devices_by_transport(p->persons[i].list, key);
        *out_whose = &p->persons[i];
        if (e != NULL)
            return e;
    }
    *out_whose = NULL;
    return NULL;
}

uint32_t wf_people__epoch(const struct wf_charter *c, uint64_t sum_of_lists)
{
    return c->epoch << 16 | (uint32_t)WF_MIN(sum_of_lists, (uint64_t)UINT16_MAX);
}

static bool is_in(const struct wf_charter *c, const uint8_t owner[WF_DEVICES_KEY_BYTES])
{
    const struct wf_charter_member *m = wf_charter_member(c, owner);

    return m != NULL && m->role != WF_ROLE_OUT;
}

bool wf_people_share(const struct wf_people *p, const uint8_t a[WF_DEVICES_KEY_BYTES],
                     const uint8_t b[WF_DEVICES_KEY_BYTES])
{
    for (size_t i = 0; i < p->n_spaces; i++) {
        if (is_in(&p->spaces[i].charter, a) && is_in(&p->spaces[i].charter, b))
            return true;
    }
    return false;
}

int wf_people_others(const struct wf_people *p, const uint8_t owner[WF_DEVICES_KEY_BYTES],
                     struct wf_devices_entry **out, size_t *out_n, struct wf_err *err)
{
    struct wf_devices_entry *all = NULL;
    size_t n = 0, cap = 0;

    for (size_t i = 0; i < p->n_persons; i++) {
        const struct wf_devices *list = p->persons[i].list;
        if (memcmp(p->persons[i].owner, owner, WF_DEVICES_KEY_BYTES) == 0 ||
            !wf_people_share(p, owner, p->persons[i].owner))
            continue;
        if (wf_reserve(&all, &cap, n + list->n_entries, sizeof(*all)) != 0) {
            wf_free(all);
            return wf_err_set(err, WF_E_NOMEM, "Not enough memory for other people's devices.");
        }
        for (size_t k = 0; k < list->n_entries; k++) {
            if (list->entries[k].revoked_ms == 0)
                all[n++] = list->entries[k];
        }
    }
    *out = all;
    *out_n = n;
    return 0;
}

uint32_t wf_people_epoch(const struct wf_people *p, const struct wf_devices *own, int64_t space)
{
    const struct wf_people_space *s = wf_people_space(p, space);
    uint64_t sum = 0;

    if (s == NULL)
        return own->epoch;
    for (size_t i = 0; i < s->charter.n_members; i++) {
        const struct wf_charter_member *m = &s->charter.members[i];
        const struct wf_person *who = wf_people_person(p, m->owner);
        if (m->role == WF_ROLE_OUT)
            continue;
        if (memcmp(m->owner, own->owner, sizeof(m->owner)) == 0)
            sum += own->epoch;
        else if (who != NULL)
            sum += who->list->epoch;
    }
    return wf_people__epoch(&s->charter, sum);
}
