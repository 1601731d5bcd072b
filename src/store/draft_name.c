/* SPDX-License-Identifier: Apache-2.0 */
/* Names that several drafts of a space want. What a draft is to be called is decided by who writes;
 * of those that want one name the one with the least uid has it, the others have it with a number,
 * in the order of their uids: so that devices which know the same drafts show the same names,
 * whoever heard of which first. A number is left out where a draft wants just that name. What is
 * secret counts as others know it, who heard of it before (by its record, mesh/sharing_internal.h):
 * under its name of then it takes a number though it is called otherwise here; under another name
 * it comes last.
 *
 * draft.name is what is shown; draft_wanted has what is wanted, where that is another. */
#include "store/draft_name.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "store/store_internal.h"

/* Others know the secret draft d by the name ?2. */
#define KNOWN                                                                                      \
    "(EXISTS(SELECT 1 FROM record r WHERE r.space=d.space AND r.collection='weft.draft'"           \
    " AND r.key=lower(hex(d.uid))) AND ?2 IS (SELECT t.name FROM draft_told t WHERE t.uid=d.uid))"
#define UNKNOWN "d.label='secret' AND NOT " KNOWN
#define SHOWN_BYTES (WF_LIMIT_NAME_BYTES + 16)

struct member {
    int64_t id;
    bool is_moved; /* it gets another name than it has */
    char shown[SHOWN_BYTES];
};

struct group {
    struct member *at;
    size_t n, cap;
};

/* ---- who wants what ---- */

int wf_draft_name_wanted(struct wf_store *s, int64_t id, struct wf_draft_wanted *out,
                         struct wf_err *err)
{
    static const char sql[] = "SELECT d.space,ifnull(w.name,d.name),w.name IS NOT NULL FROM draft d"
                              " LEFT JOIN draft_wanted w ON w.draft=d.id WHERE d.id=?1";
    sqlite3_stmt *st = NULL;
    struct wf_str name;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    rc = wf_sql_step(st, "looking at a draft's name", err);
    if (rc <= 0)
        return rc == 0 ? wf_err_set(err, WF_E_NOENT, "There is no such draft.") : rc;
    name = wf_sql_text(st, 1);
    *out = (struct wf_draft_wanted){.space = sqlite3_column_int64(st, 0),
                                    .is_numbered = sqlite3_column_int(st, 2) != 0};
    (void)snprintf(out->name, sizeof(out->name), "%.*s", WF_STR_ARG(name));
    sqlite3_reset(st);
    return 0;
}

static int is_wanted(struct wf_store *s, int64_t space, struct wf_str name, struct wf_err *err)
{
    static const char sql[] = "SELECT 1 FROM draft d WHERE d.space=?1 AND d.name=?2"
                              " AND NOT EXISTS(SELECT 1 FROM draft_wanted w WHERE w.draft=d.id)"
                              " UNION ALL SELECT 1 FROM draft_wanted w JOIN draft d ON d.id=w.draft"
                              " WHERE w.name=?2 AND d.space=?1 LIMIT 1";
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_text(st, 2, name);
    rc = wf_sql_step(st, "looking for a draft", err);
    sqlite3_reset(st);
    return rc;
}

static int read_members(struct wf_store *s, int64_t space, struct wf_str name, struct group *g,
                        struct wf_err *err)
{
    static const char sql[] =
        "SELECT d.id,d.name,d.uid AS uid," UNKNOWN " AS last FROM draft d"
        " WHERE d.space=?1 AND d.name=?2"
        " AND NOT EXISTS(SELECT 1 FROM draft_wanted w WHERE w.draft=d.id)"
        " UNION ALL SELECT d.id,d.name,d.uid," UNKNOWN " FROM draft_wanted w"
        " JOIN draft d ON d.id=w.draft WHERE w.name=?2 AND d.space=?1 ORDER BY last,uid";
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    wf_sql_bind_text(st, 2, name);
    while ((rc = wf_sql_step(st, "looking at drafts of one name", err)) == 1) {
        struct member *m;
        struct wf_str shown = wf_sql_text(st, 1);
        if (wf_reserve(&g->at, &g->cap, g->n + 1, sizeof(*g->at)) != 0) {
            rc = wf_err_set(err, WF_E_NOMEM, "Out of memory (drafts).");
            break;
        }
        m = &g->at[g->n++];
        *m = (struct member){.id = sqlite3_column_int64(st, 0)};
        (void)snprintf(m->shown, sizeof(m->shown), "%.*s", WF_STR_ARG(shown));
    }
    sqlite3_reset(st);
    return rc;
}

/* ---- numbers ---- */

/* What each of those that want the name is called then. */
static int number(struct wf_store *s, int64_t space, struct wf_str name, struct group *g,
                  struct wf_err *err)
{
    unsigned k = 1;

    for (size_t i = 0; i < g->n; i++) {
        char shown[SHOWN_BYTES];
        int taken = 0;
        (void)snprintf(shown, sizeof(shown), "%.*s", WF_STR_ARG(name));
        do {
            if (k > 1)
                (void)snprintf(shown, sizeof(shown), "%.*s (%u)", WF_STR_ARG(name), k);
            taken = k > 1 ? is_wanted(s, space, wf_str_from(shown), err) : 0;
            k++;
        } while (taken > 0);
        if (taken < 0)
            return taken;
        g->at[i].is_moved = strcmp(g->at[i].shown, shown) != 0;
        memcpy(g->at[i].shown, shown, sizeof(shown));
    }
    return 0;
}

static int run(struct wf_store *s, const char *sql, int64_t id, struct wf_str text,
               struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store__stmt(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    if (sqlite3_bind_parameter_count(st) > 1)
        wf_sql_bind_text(st, 2, text);
    return wf_sql_run(st, "naming drafts", err);
}

/* Names that nobody can have stand in while names change hands. */
static int park(struct wf_store *s, const struct group *g, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < g->n && rc == 0; i++) {
        if (g->at[i].is_moved)
            rc = run(s, "UPDATE draft SET name=char(1)||?1 WHERE id=?1", g->at[i].id, WF_STR(""),
                     err);
    }
    return rc;
}

static int set_wanted(struct wf_store *s, int64_t id, struct wf_str name, struct wf_err *err)
{
    return run(s,
               "INSERT INTO draft_wanted(draft,name) VALUES(?1,?2)"
               " ON CONFLICT DO UPDATE SET name=excluded.name",
               id, name, err);
}

static int name_them(struct wf_store *s, struct wf_str wanted, const struct group *g,
                     struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < g->n && rc == 0; i++) {
        const struct member *m = &g->at[i];
        struct wf_str shown = wf_str_from(m->shown);
        if (m->is_moved)
            rc = run(s, "UPDATE draft SET name=?2 WHERE id=?1", m->id, shown, err);
        if (rc == 0 && wf_str_eq(shown, wanted))
            rc = run(s, "DELETE FROM draft_wanted WHERE draft=?1", m->id, WF_STR(""), err);
        else if (rc == 0 && m->is_moved)
            rc = set_wanted(s, m->id, wanted, err);
    }
    return rc;
}

/* "plan" of "plan (2)"; empty: it has no number. */
static struct wf_str base_of(struct wf_str name)
{
    size_t i = name.len;

    if (i < 4 || name.ptr[i - 1] != ')')
        return WF_STR("");
    for (i--; i > 0 && name.ptr[i - 1] >= '0' && name.ptr[i - 1] <= '9'; i--)
        ;
    return i > 2 && i < name.len - 1 && name.ptr[i - 1] == '(' && name.ptr[i - 2] == ' '
               ? wf_str_n(name.ptr, i - 2)
               : WF_STR("");
}

/* Who wants a name is another: those that want it, and those to whom it is one with a number. */
static int settle(struct wf_store *s, int64_t space, struct wf_str name, struct wf_err *err)
{
    const struct wf_str names[2] = {base_of(name), name};
    struct group groups[2] = {{.n = 0}, {.n = 0}};
    int rc = 0;

    for (size_t i = 0; i < 2 && rc == 0; i++) {
        if (names[i].len > 0)
            rc = read_members(s, space, names[i], &groups[i], err);
        if (rc == 0)
            rc = number(s, space, names[i], &groups[i], err);
    }
    for (size_t i = 0; i < 2 && rc == 0; i++)
        rc = park(s, &groups[i], err);
    for (size_t i = 0; i < 2 && rc == 0; i++)
        rc = name_them(s, names[i], &groups[i], err);
    wf_free(groups[0].at);
    wf_free(groups[1].at);
    return rc;
}

/* ---- changes ---- */

int wf_draft_name_want(struct wf_store *s, int64_t id, struct wf_str name, struct wf_err *err)
{
    struct wf_draft_wanted before;
    int rc = wf_draft_name_wanted(s, id, &before, err);

    if (rc != 0 || wf_str_eq(wf_str_from(before.name), name))
        return rc;
    if (name.len > WF_LIMIT_NAME_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "A draft's name is too long.");
    rc = set_wanted(s, id, name, err);
    if (rc == 0)
        rc = settle(s, before.space, name, err);
    return rc == 0 ? wf_draft_name_left(s, &before, err) : rc;
}

int wf_draft_name_left(struct wf_store *s, const struct wf_draft_wanted *before, struct wf_err *err)
{
    return settle(s, before->space, wf_str_from(before->name), err);
}

int wf_draft_name_given(struct wf_store *s, int64_t id, struct wf_err *err)
{
    return run(s, "DELETE FROM draft_wanted WHERE draft=?1", id, WF_STR(""), err);
}
