/* SPDX-License-Identifier: Apache-2.0 */
/* Changing people in the store. What came from elsewhere is judged by what is here before it is
 * kept: a charter by those that it comes out of, a list by the one before it. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "mesh/people_internal.h"
#include "store/sql.h"

/* So many versions behind the newest are kept, to judge a fork by what it came out of. */
#define KEPT_VERSIONS 16
#define ME 1

/* ---- lists ---- */

/* The list that is kept of an owner; version 0: none. *io_expected becomes the later one. */
static int kept_list(struct wf_store *s, const uint8_t owner[WF_DEVICES_KEY_BYTES],
                     struct wf_devices *out, int64_t *io_expected, struct wf_err *err)
{
    static const char sql[] = "SELECT list, expected_ms FROM person WHERE owner=?1";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    out->version = 0;
    if (rc != 0)
        return rc;
    wf_sql_bind_bytes(st, 1, owner, WF_DEVICES_KEY_BYTES);
    rc = wf_sql_step(st, "reading a list of devices", err);
    if (rc == 1) {
        *io_expected = WF_MAX(*io_expected, sqlite3_column_int64(st, 1));
        rc = wf_devices_read(wf_sql_blob(st, 0), out, err);
    }
    sqlite3_reset(st);
    return rc;
}

static int put_list(struct wf_store *s, const struct wf_devices *list, int64_t expected_ms,
                    struct wf_err *err)
{
    static const char sql[] = "INSERT OR REPLACE INTO person(owner,list,expected_ms)"
                              " VALUES(?1,?2,?3)";
    sqlite3_stmt *st = NULL;
    struct wf_buf b;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_buf_init(&b, WF_DEVICES_BYTES_MAX);
    if (wf_devices_write(list, &b) != 0) {
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory (people).");
    } else {
        wf_sql_bind_bytes(st, 1, list->owner, sizeof(list->owner));
        wf_sql_bind_blob(st, 2, wf_buf_str(&b));
        sqlite3_bind_int64(st, 3, expected_ms);
        rc = wf_sql_run(st, "keeping a list of devices", err);
    }
    wf_buf_deinit(&b);
    return rc;
}

int wf_people_take_list(struct wf_store *s, const struct wf_devices *list, int64_t expected_ms,
                        bool *out_news, struct wf_err *err)
{
    struct wf_devices *kept = wf_alloc(sizeof(*kept));
    int64_t expected = expected_ms;
    bool is_newer = false;
    int rc = kept == NULL ? wf_err_set(err, WF_E_NOMEM, "Out of memory (people).")
                          : kept_list(s, list->owner, kept, &expected, err);

    if (rc == 0) {
        enum wf_devices_order order = wf_devices_compare(list, kept);
        is_newer = order == WF_DEVICES_NEWER ||
                   (order == WF_DEVICES_FORKED && wf_devices_prefers_second(kept, list));
        if (is_newer || expected_ms > 0)
            rc = put_list(s, is_newer ? list : kept, expected, err);
    }
    if (out_news != NULL)
        *out_news = is_newer;
    wf_free(kept);
    return rc;
}

/* ---- charters ---- */

static int kept_charters(struct wf_store *s, int64_t space, struct wf_people__charters *out,
                         struct wf_err *err)
{
    static const char sql[] = "SELECT bytes FROM charter WHERE space=?1 ORDER BY version, hash";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    return wf_people__each_charter(st, out, err);
}

static int insert_charter(struct wf_store *s, int64_t space, const struct wf_charter *c,
                          struct wf_err *err)
{
    static const char sql[] = "INSERT OR IGNORE INTO charter(space,hash,version,bytes)"
                              " VALUES(?1,?2,?3,?4)";
    uint8_t hash[WF_DEVICES_HASH_BYTES];
    sqlite3_stmt *st = NULL;
    struct wf_buf b;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_charter_hash(c, hash);
    wf_buf_init(&b, WF_CHARTER_BYTES_MAX);
    if (wf_charter_write(c, &b) != 0) {
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory (people).");
    } else {
        sqlite3_bind_int64(st, 1, space);
        wf_sql_bind_bytes(st, 2, hash, sizeof(hash));
        sqlite3_bind_int64(st, 3, (int64_t)c->version);
        wf_sql_bind_blob(st, 4, wf_buf_str(&b));
        rc = wf_sql_run(st, "keeping a charter", err);
    }
    wf_buf_deinit(&b);
    return rc;
}

static int run_on_space(struct wf_store *s, const char *sql, int64_t space, int64_t number,
                        struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    sqlite3_bind_int64(st, 2, number);
    return wf_sql_run(st, "keeping a charter", err);
}

/* What this owner's devices may, by what the space's charter is now; old versions go. */
static int settle(struct wf_store *s, const struct wf_people_self *self, int64_t space,
                  struct wf_charter *out, struct wf_err *err)
{
    static const char sql_role[] = "UPDATE space SET role=?2 WHERE id=?1";
    static const char sql_old[] = "DELETE FROM charter WHERE space=?1 AND version<?2";
    struct wf_people__charters all = {.n = 0};
    const struct wf_charter_member *own;
    bool is_forked;
    int rc = kept_charters(s, space, &all, err);

    if (rc == 0)
        rc = wf_people__resolve(&all, out, &is_forked, err);
    wf_free(all.at);
    if (rc != 0)
        return rc;
    own = wf_charter_member(out, self->owner);
    rc = run_on_space(s, sql_role, space, own == NULL ? WF_ROLE_OUT : own->role, err);
    if (rc == 0 && out->version > KEPT_VERSIONS && !is_forked)
        rc = run_on_space(s, sql_old, space, (int64_t)(out->version - KEPT_VERSIONS), err);
    return rc;
}

/* The newest kept one that `c` came out of; NULL: none is here. */
static const struct wf_charter *parent_of(const struct wf_people__charters *all,
                                          const struct wf_charter *c)
{
    for (size_t i = all->n; i-- > 0;) {
        if (wf_charter_compare(c, &all->at[i]) == WF_DEVICES_NEWER)
            return &all->at[i];
    }
    return NULL;
}

static bool is_admin(const struct wf_charter *c, const uint8_t owner[WF_DEVICES_KEY_BYTES])
{
    const struct wf_charter_member *m = wf_charter_member(c, owner);

    return m != NULL && m->role == WF_ROLE_ADMIN;
}

/* 1: to be kept; 0: it says nothing new; DENIED. */
static int judge(const struct wf_people__charters *all, const struct wf_charter *c,
                 bool is_first_well, struct wf_err *err)
{
    const struct wf_charter *parent = parent_of(all, c);
    struct wf_charter held;
    bool is_forked = false, is_well = false;
    int rc = wf_people__resolve(all, &held, &is_forked, err);

    if (rc != 0)
        return rc;
    if (all->n == 0)
        is_well = is_first_well;
    else
        switch (wf_charter_compare(c, &held)) {
        case WF_DEVICES_OLDER:
            return 0;
        case WF_DEVICES_SAME: /* a fork that somebody has signed the end of */
            if (!is_forked)
                return 0;
            is_well = is_admin(&held, c->owner);
            break;
        case WF_DEVICES_NEWER:
            is_well = wf_charter_may_follow(&held, c);
            break;
        case WF_DEVICES_FORKED:
            is_well = parent != NULL && wf_charter_may_follow(parent, c);
            break;
        case WF_DEVICES_STRANGE:
            break;
        }
    return is_well ? 1
                   : wf_err_set(err, WF_E_DENIED,
                                "A charter of a space is signed by somebody who may not say who "
                                "is in it.");
}

int wf_people_take_charter(struct wf_store *s, const struct wf_people_self *self, int64_t space,
                           const struct wf_charter *c, bool is_first_well, bool *out_news,
                           struct wf_err *err)
{
    struct wf_people__charters all = {.n = 0};
    struct wf_charter now;
    int rc = kept_charters(s, space, &all, err);

    if (rc == 0)
        rc = judge(&all, c, is_first_well, err);
    wf_free(all.at);
    if (out_news != NULL)
        *out_news = rc > 0;
    if (rc <= 0)
        return rc;
    rc = insert_charter(s, space, c, err);
    return rc == 0 ? settle(s, self, space, &now, err) : rc;
}

int wf_people_charter_in_turn(struct wf_store *s, int64_t space, struct wf_charter *out,
                              struct wf_err *err)
{
    struct wf_people__charters all = {.n = 0};
    bool is_forked;
    int rc = kept_charters(s, space, &all, err);

    if (rc == 0)
        rc = wf_people__resolve(&all, out, &is_forked, err);
    wf_free(all.at);
    return rc;
}

int wf_people_epoch_in_turn(struct wf_store *s, const struct wf_devices *own, int64_t space,
                            uint32_t *out, struct wf_err *err)
{
    struct wf_devices *list = wf_alloc(sizeof(*list));
    struct wf_charter c = {.version = 0};
    uint64_t sum = 0;
    int64_t expected = 0;
    int rc = list == NULL ? wf_err_set(err, WF_E_NOMEM, "Out of memory (people).")
                          : wf_people_charter_in_turn(s, space, &c, err);

    for (size_t i = 0; i < c.n_members && rc == 0; i++) {
        const struct wf_charter_member *m = &c.members[i];
        if (m->role == WF_ROLE_OUT)
            continue;
        if (memcmp(m->owner, own->owner, sizeof(m->owner)) == 0)
            sum += own->epoch;
        else if ((rc = kept_list(s, m->owner, list, &expected, err)) == 0)
            sum += list->version == 0 ? 0 : list->epoch;
    }
    *out = c.version == 0 ? own->epoch : wf_people__epoch(&c, sum);
    wf_free(list);
    return rc;
}

/* ---- changes made here ---- */

static int read_space_row(struct wf_store *s, int64_t space, struct wf_charter_first *out,
                          char name[WF_CHARTER_NAME_BYTES + 1], struct wf_err *err)
{
    static const char sql[] = "SELECT uid,name,label FROM space WHERE id=?1";
    sqlite3_stmt *st = NULL;
    struct wf_str uid, text;
    int rc = wf_store_write_cached(s, sql, &st, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_int64(st, 1, space);
    rc = wf_sql_step(st, "looking for a space", err);
    if (rc == 1) {
        uid = wf_sql_blob(st, 0);
        text = wf_sql_text(st, 1);
        rc = uid.len == sizeof(out->uid) && text.len <= WF_CHARTER_NAME_BYTES &&
                     wf_label_parse(wf_sql_text(st, 2), &out->label)
                 ? 0
                 : wf_err_set(err, WF_E_CORRUPT, "A space is damaged.");
        if (rc == 0) {
            memcpy(out->uid, uid.ptr, sizeof(out->uid));
            memcpy(name, text.ptr, text.len);
            out->name = wf_str_n(name, text.len);
        }
    } else if (rc == 0) {
        rc = wf_err_set(err, WF_E_NOENT, "There is no such space.");
    }
    sqlite3_reset(st);
    return rc;
}

static int may_share(int64_t space, const struct wf_charter_first *first, struct wf_err *err)
{
    if (space == ME || wf_str_eq(first->name, WF_STR("manual")))
        return wf_err_set(err, WF_E_DENIED,
                          "The space \"%.*s\" is yours alone. Make one to share: weft spaces "
                          "create NAME",
                          WF_STR_ARG(first->name));
    return 0;
}

/* The charter as it is, founded where there is none; nothing of that is kept yet but the first. */
static int charter_now(struct wf_store *s, const struct wf_people_self *self, int64_t space,
                       struct wf_charter *out, struct wf_err *err)
{
    struct wf_people__charters all = {.n = 0};
    struct wf_charter_first first = {.owner_name = self->name};
    char name[WF_CHARTER_NAME_BYTES + 1];
    bool is_forked;
    int rc = read_space_row(s, space, &first, name, err);

    if (rc == 0)
        rc = may_share(space, &first, err);
    if (rc == 0)
        rc = kept_charters(s, space, &all, err);
    if (rc == 0)
        rc = wf_people__resolve(&all, out, &is_forked, err);
    wf_free(all.at);
    if (rc != 0 || out->version != 0)
        return rc;
    memcpy(first.owner, self->owner, sizeof(first.owner));
    rc = wf_charter_found(&first, out, err);
    if (rc == 0)
        rc = wf_charter_sign(out, self->owner, self->device, err);
    return rc == 0 ? insert_charter(s, space, out, err) : rc;
}

static int needs_admin(const struct wf_charter *c, const struct wf_people_self *self,
                       struct wf_err *err)
{
    return is_admin(c, self->owner)
               ? 0
               : wf_err_set(err, WF_E_DENIED,
                            "Only an admin of the space \"%s\" says who is in it.", c->name);
}

static int must_be_new(const struct wf_charter *c, const uint8_t *owner, struct wf_err *err)
{
    const struct wf_charter_member *m = wf_charter_member(c, owner);

    return m == NULL || m->role == WF_ROLE_OUT
               ? 0
               : wf_err_set(err, WF_E_EXIST, "%s is a member of the space \"%s\" already.", m->name,
                            c->name);
}

/* A name that no other member has. */
static void set_free_name(const struct wf_charter *c, struct wf_charter_member *m)
{
    char base[sizeof(m->name)];

    memcpy(base, m->name, sizeof(base));
    for (unsigned n = 2; n < 1000; n++) {
        const struct wf_charter_member *other = wf_charter_by_name(c, wf_str_from(m->name));
        if (other == NULL || memcmp(other->owner, m->owner, sizeof(m->owner)) == 0)
            return;
        snprintf(m->name, sizeof(m->name), "%.*s %u", WF_DEVICES_NAME_BYTES - 5, base, n);
    }
}

static int edit_in_turn(struct wf_store *s, const struct wf_people_self *self,
                        const struct wf_people_edit *edit, struct wf_charter *out,
                        struct wf_err *err)
{
    struct wf_charter_member m = edit->member;
    struct wf_charter c;
    int rc = charter_now(s, self, edit->space, &c, err);

    if (rc == 0)
        rc = needs_admin(&c, self, err);
    if (rc == 0 && edit->is_new)
        rc = must_be_new(&c, m.owner, err);
    if (rc == 0 && edit->list != NULL)
        rc = wf_people_take_list(s, edit->list, 0, NULL, err);
    if (rc != 0)
        return rc;
    if (edit->is_new)
        set_free_name(&c, &m);
    wf_charter_begin(&c);
    rc = wf_charter_set(&c, &m, err);
    if (rc == 0)
        rc = wf_charter_sign(&c, self->owner, self->device, err);
    if (rc == 0)
        rc = insert_charter(s, edit->space, &c, err);
    return rc == 0 ? settle(s, self, edit->space, out, err) : rc;
}

static int end_turn(struct wf_store *s, int rc, struct wf_err *err)
{
    if (rc == 0)
        return wf_store_write_commit(s, err);
    wf_store_write_rollback(s);
    return rc;
}

int wf_people_edit(struct wf_store *s, const struct wf_people_self *self,
                   const struct wf_people_edit *edit, struct wf_charter *out, struct wf_err *err)
{
    struct wf_charter now;
    int rc = wf_store_write_begin(s, err);

    if (rc == 0)
        rc = end_turn(s, edit_in_turn(s, self, edit, &now, err), err);
    if (rc == 0 && out != NULL)
        *out = now;
    return rc;
}

static int leave_in_turn(struct wf_store *s, const struct wf_people_self *self, int64_t space,
                         int64_t expected_ms, struct wf_err *err)
{
    static const char sql[] = "UPDATE person SET expected_ms=max(expected_ms,?2) WHERE ?1=?1";
    struct wf_people__charters all = {.n = 0};
    const struct wf_charter_member *own;
    struct wf_charter_member gone;
    struct wf_charter c;
    bool is_forked;
    int rc = kept_charters(s, space, &all, err);

    if (rc == 0)
        rc = wf_people__resolve(&all, &c, &is_forked, err);
    wf_free(all.at);
    if (rc != 0)
        return rc;
    own = c.version == 0 ? NULL : wf_charter_member(&c, self->owner);
    if (own == NULL || own->role == WF_ROLE_OUT)
        return wf_err_set(err, WF_E_NOENT, "You share this space with nobody.");
    gone = *own;
    gone.role = WF_ROLE_OUT;
    wf_charter_begin(&c);
    rc = wf_charter_set(&c, &gone, err);
    if (rc == 0)
        rc = wf_charter_sign(&c, self->owner, self->device, err);
    if (rc == 0)
        rc = insert_charter(s, space, &c, err);
    if (rc == 0)
        rc = run_on_space(s, sql, space, expected_ms, err);
    return rc == 0 ? settle(s, self, space, &c, err) : rc;
}

int wf_people_leave(struct wf_store *s, const struct wf_people_self *self, int64_t space,
                    int64_t expected_ms, struct wf_err *err)
{
    int rc = wf_store_write_begin(s, err);

    return rc == 0 ? end_turn(s, leave_in_turn(s, self, space, expected_ms, err), err) : rc;
}

static int mend_in_turn(struct wf_store *s, const struct wf_people_self *self, int64_t space,
                        struct wf_err *err)
{
    struct wf_people__charters all = {.n = 0};
    struct wf_charter c;
    bool is_forked = false;
    int rc = kept_charters(s, space, &all, err);

    if (rc == 0)
        rc = wf_people__resolve(&all, &c, &is_forked, err);
    wf_free(all.at);
    if (rc != 0 || !is_forked || !is_admin(&c, self->owner))
        return rc;
    rc = wf_charter_sign(&c, self->owner, self->device, err);
    if (rc == 0)
        rc = insert_charter(s, space, &c, err);
    return rc == 0 ? settle(s, self, space, &c, err) : rc;
}

int wf_people_mend(struct wf_store *s, const struct wf_people_self *self, int64_t space,
                   struct wf_err *err)
{
    int rc = wf_store_write_begin(s, err);

    return rc == 0 ? end_turn(s, mend_in_turn(s, self, space, err), err) : rc;
}

int wf_people_expect(struct wf_store *s, const struct wf_devices *list, int64_t expected_ms,
                     struct wf_err *err)
{
    int rc = wf_store_write_begin(s, err);

    return rc == 0 ? end_turn(s, wf_people_take_list(s, list, expected_ms, NULL, err), err) : rc;
}

int wf_people_may_invite(struct wf_store *s, const struct wf_people_self *self, int64_t space,
                         const uint8_t *owner, struct wf_err *err)
{
    struct wf_charter c;
    int rc = wf_store_write_begin(s, err);

    if (rc != 0)
        return rc;
    rc = charter_now(s, self, space, &c, err);
    if (rc == 0)
        rc = needs_admin(&c, self, err);
    if (rc == 0 && owner != NULL)
        rc = must_be_new(&c, owner, err);
    wf_store_write_rollback(s); /* nothing is to be changed */
    return rc;
}
