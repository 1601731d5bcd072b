/* SPDX-License-Identifier: Apache-2.0 */
/* Letters with spaces and their keys that come (their form: sharing_grant.c): who they are from,
 * what is taken of them. A letter is taken whole in one turn, or not at all; a charter in it that
 * is signed by nobody who might is passed over and named, since what else it brings may be well.
 *
 * Of another person's device no keys are taken of a later epoch than the space has, or of a level
 * that it may not read itself: whoever goes must not know the keys that come after. */
#include "mesh/sharing_grant.h"

#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "crdt/lib0.h"
#include "mesh/sharing_internal.h"
#include "mesh/sharing_people.h"
#include "mesh/sharing_relay.h"
#include "space/record.h"
#include "space/space.h"
#include "store/spaces.h"
#include "store/sql.h"

#define MAGIC WF_SHARING_GRANT_MAGIC
#define PURPOSE WF_SHARING_GRANT_PURPOSE
#define IS_ME WF_SHARING_GRANT_IS_ME
#define KEYS_MAX 1000000u
#define LISTS_MAX 1024u
/* More than anybody keeps of a space. */
#define CHARTERS_MAX 64u

struct granted {
    uint8_t uid[WF_SPACE_UID_BYTES];
    uint8_t origin[WF_SIGNER_ID_BYTES]; /* of "me" */
    uint64_t flags, label, n_charters, n_keys;
    struct wf_str name;
    struct wf_charter *charters; /* ascending, those whose signer is known to be who he says */
    size_t n;
};

struct taking {
    struct wf_sharing *s;
    struct wf_people_self self;
    const struct wf_devices_entry *from;
    const struct wf_person *whose; /* NULL: this owner's */
    struct wf_lib0_in in;
    struct wf_devices *lists; /* that came with it */
    size_t n_lists;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a letter.");
}

static int no_letter(struct wf_err *err)
{
    return wf_err_set(err, WF_E_FORMAT, "It is not in the form of one.");
}

static void get(struct wf_lib0_in *in, void *out, size_t n)
{
    if ((size_t)(in->end - in->p) < n) {
        (void)wf_lib0_fail(in);
        memset(out, 0, n);
        return;
    }
    memcpy(out, in->p, n);
    in->p += n;
}

static bool get_space(struct wf_lib0_in *in, struct granted *out)
{
    *out = (struct granted){.n = 0};
    get(in, out->uid, sizeof(out->uid));
    out->flags = wf_lib0_uint(in);
    if ((out->flags & IS_ME) != 0)
        get(in, out->origin, sizeof(out->origin));
    out->name = wf_lib0_bytes(in);
    out->label = wf_lib0_uint(in);
    out->n_charters = wf_lib0_uint(in);
    return !in->bad && out->label < WF_LABEL_SECRET && out->n_charters <= CHARTERS_MAX &&
           wf_space_name_ok(out->name);
}

static bool get_key(struct wf_lib0_in *in, int64_t space, struct wf_share_key *out)
{
    uint64_t level = wf_lib0_uint(in), epoch = wf_lib0_uint(in);

    *out = (struct wf_share_key){
        .space = space, .level = (enum wf_label)level, .epoch = (uint32_t)epoch};
    get(in, out->key.key, sizeof(out->key.key));
    wf_space_key_name(&out->key);
    return !in->bad && level < WF_LABEL_SECRET && epoch <= UINT32_MAX;
}

/* ---- lists and charters ---- */

static int get_lists(struct taking *t, struct wf_err *err)
{
    uint64_t n = wf_lib0_uint(&t->in);
    int rc = 0;

    if (t->in.bad || n > LISTS_MAX)
        return no_letter(err);
    t->lists = n == 0 ? NULL : wf_alloc_array((size_t)n, sizeof(*t->lists));
    if (n > 0 && t->lists == NULL)
        return no_memory(err);
    for (uint64_t i = 0; i < n && rc == 0; i++) {
        struct wf_str bytes = wf_lib0_bytes(&t->in);
        rc = t->in.bad ? no_letter(err) : wf_devices_read(bytes, &t->lists[t->n_lists], err);
        t->n_lists += rc == 0;
    }
    return rc;
}

/* Whether a list has the device; *io_out: it is revoked there. */
static bool has(const struct wf_devices *list, const uint8_t device[WF_SIGNER_ID_BYTES],
                bool *io_out)
{
    for (size_t i = 0; i < list->n_entries; i++) {
        if (memcmp(list->entries[i].device, device, WF_SIGNER_ID_BYTES) != 0)
            continue;
        *io_out = *io_out || list->entries[i].revoked_ms != 0;
        return true;
    }
    return false;
}

/* Whether the device that signed a charter is in the list of the owner that it names, by all lists
 * that are known of him: one that is revoked in one of them signs nothing. */
static bool is_signer_known(const struct taking *t, const struct wf_charter *c)
{
    const struct wf_person *p = wf_people_person(&t->s->people, c->owner);
    bool is_known = false, is_out = false;

    if (memcmp(c->owner, t->s->devices.owner, sizeof(c->owner)) == 0)
        is_known = has(&t->s->devices, c->device, &is_out);
    else if (p != NULL)
        is_known = has(p->list, c->device, &is_out);
    for (size_t i = 0; i < t->n_lists; i++) {
        if (memcmp(t->lists[i].owner, c->owner, sizeof(c->owner)) == 0)
            is_known = has(&t->lists[i], c->device, &is_out) || is_known;
    }
    return is_known && !is_out;
}

static int get_charters(struct taking *t, struct granted *g, struct wf_err *err)
{
    size_t n = (size_t)g->n_charters;
    int rc = 0;

    g->charters = n == 0 ? NULL : wf_alloc_array(n, sizeof(*g->charters));
    if (n > 0 && g->charters == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct wf_str bytes = wf_lib0_bytes(&t->in);
        struct wf_charter *c = &g->charters[g->n];
        rc = t->in.bad ? no_letter(err) : wf_charter_read(bytes, c, err);
        if (rc == 0 && memcmp(c->uid, g->uid, sizeof(c->uid)) != 0)
            rc = no_letter(err);
        g->n += rc == 0 && is_signer_known(t, c);
    }
    g->n_keys = wf_lib0_uint(&t->in);
    return rc == 0 && (t->in.bad || g->n_keys > KEYS_MAX) ? no_letter(err) : rc;
}

/* Whether somebody else may bring this space as one that is new here. */
static bool is_invited(const struct taking *t, const struct granted *g)
{
    const struct wf_charter *c = g->n == 0 ? NULL : &g->charters[g->n - 1];
    const struct wf_charter_member *own, *theirs;

    if (c == NULL || t->whose->expected_ms <= wf_clock_wall_ms(t->s->o.clock))
        return false;
    own = wf_charter_member(c, t->self.owner);
    theirs = wf_charter_member(c, t->whose->owner);
    return own != NULL && own->role != WF_ROLE_OUT && theirs != NULL && theirs->role != WF_ROLE_OUT;
}

static int take_charters(struct taking *t, const struct granted *g, int64_t space, bool is_new,
                         struct wf_err *err)
{
    bool is_first_well = is_new || t->whose == NULL;
    int rc = 0;

    for (size_t i = 0; i < g->n && rc == 0; i++) {
        struct wf_err own = WF_ERR_INIT;
        rc = wf_people_take_charter(t->s->o.store, &t->self, space, &g->charters[i], is_first_well,
                                    NULL, &own);
        if (rc == WF_E_DENIED) {
            wf_sharing__log(t->s, "%s", own.msg);
            rc = 0;
        } else if (rc != 0) {
            rc = wf_err_set(err, rc, "%s", own.msg);
        }
    }
    return rc;
}

/* Lists of those whom the space's charter names. */
static int take_lists(struct taking *t, const struct wf_charter *c, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < t->n_lists && rc == 0; i++) {
        const struct wf_devices *list = &t->lists[i];
        if (memcmp(list->owner, t->self.owner, sizeof(list->owner)) != 0 &&
            wf_charter_member(c, list->owner) != NULL)
            rc = wf_people_take_list(t->s->o.store, list, 0, NULL, err);
    }
    return rc;
}

/* ---- spaces of others become spaces here; all in one turn ---- */

static int find_space(struct wf_store *store, const uint8_t uid[WF_SPACE_UID_BYTES], int64_t *out,
                      struct wf_err *err)
{
    static const char sql[] = "SELECT id FROM space WHERE uid=?1";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(store, sql, &st, err);

    *out = 0;
    if (rc != 0)
        return rc;
    wf_sql_bind_blob(st, 1, wf_str_n((const char *)uid, WF_SPACE_UID_BYTES));
    rc = wf_sql_step(st, "looking for a space", err);
    if (rc == 1)
        *out = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}

/* A new space with that uid; its name gets a number where another has it. */
static int add_space(struct wf_store *store, const struct granted *g, int64_t now_ms, int64_t *out,
                     struct wf_err *err)
{
    static const char sql[] =
        "WITH RECURSIVE n(k,name) AS (SELECT 1,?2 UNION ALL"
        " SELECT k+1, ?2||' ('||(k+1)||')' FROM n WHERE k<1000)"
        "INSERT INTO space(uid,name,label,created_ms)"
        " SELECT ?1,name,?3,?4 FROM n WHERE name NOT IN (SELECT name FROM space) LIMIT 1";
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(store, sql, &st, err);

    if (rc != 0)
        return rc;
    wf_sql_bind_blob(st, 1, wf_str_n((const char *)g->uid, sizeof(g->uid)));
    wf_sql_bind_text(st, 2, g->name);
    wf_sql_bind_text(st, 3, wf_str_from(wf_label_name((enum wf_label)g->label)));
    sqlite3_bind_int64(st, 4, now_ms);
    rc = wf_sql_run(st, "making a space", err);
    return rc == 0 ? find_space(store, g->uid, out, err) : rc;
}

static int run_on_me(struct wf_store *store, const char *sql, struct wf_str blob,
                     struct wf_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = wf_store_write_cached(store, sql, &st, err);

    if (rc == 0 && blob.len > 0)
        wf_sql_bind_blob(st, 1, blob);
    return rc == 0 ? wf_sql_run(st, "joining the space \"me\"", err) : rc;
}

/* This device's "me" becomes the owner's: its uid, and all that is in it goes to the others anew.
 */
static int become_me(struct wf_sharing *s, const struct granted *g, struct wf_err *err)
{
    static const char sql_uid[] = "UPDATE space SET uid=?1 WHERE id=1";
    static const char sql_keys[] = "DELETE FROM space_key WHERE space=1";
    static const char sql_told[] = "DELETE FROM draft_told WHERE space=1";
    static const char sql_sent[] = "DELETE FROM change_sent WHERE space=1";
    static const char sql_words[] = "DELETE FROM device_word WHERE space=1";
    const struct wf_str uid = wf_str_n((const char *)g->uid, sizeof(g->uid)), none = WF_STR("");
    int rc = wf_records_move_in_turn(s->o.records, 1, g->uid, err);

    if (rc == 0)
        rc = run_on_me(s->o.store, sql_uid, uid, err);
    if (rc == 0)
        rc = run_on_me(s->o.store, sql_keys, none, err);
    if (rc == 0)
        rc = run_on_me(s->o.store, sql_told, none, err);
    if (rc == 0)
        rc = run_on_me(s->o.store, sql_words, none, err);
    if (rc == 0)
        rc = wf_share_set_me(s->o.store, g->origin, err);
    return rc == 0 ? run_on_me(s->o.store, sql_sent, none, err) : rc;
}

/* Whether the owner has had the device whose "me" it is for longer than the one whose is here. */
static int is_elder(const struct wf_sharing *s, const uint8_t origin[WF_SIGNER_ID_BYTES], bool *out,
                    struct wf_err *err)
{
    const struct wf_devices_entry *theirs = wf_sharing__entry(s, origin), *own;
    uint8_t here[WF_SIGNER_ID_BYTES];
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    *out = false;
    if (rc != 0)
        return rc;
    memcpy(here, s->o.device->signer.id, sizeof(here));
    rc = wf_share_me(r, here, err);
    wf_store_reader_put(s->o.store, r);
    own = wf_sharing__entry(s, here);
    if (rc != 0 || own == NULL || theirs == NULL)
        return rc;
    *out = wf_sharing__is_elder(theirs, own);
    return 0;
}

/* The space's row; 0: it is not taken. *out_new: it was made. */
static int take_space(struct taking *t, const struct granted *g, int64_t *out, bool *out_new,
                      struct wf_err *err)
{
    struct wf_sharing *s = t->s;
    bool is_elders = false;
    int rc = find_space(s->o.store, g->uid, out, err);

    *out_new = false;
    if (rc != 0 || *out != 0)
        return rc;
    if (t->whose != NULL && ((g->flags & IS_ME) != 0 || !is_invited(t, g)))
        return 0;
    if ((g->flags & IS_ME) == 0) {
        *out_new = true;
        return add_space(s->o.store, g, wf_clock_wall_ms(s->o.clock), out, err);
    }
    rc = is_elder(s, g->origin, &is_elders, err);
    if (rc != 0 || !is_elders)
        return rc; /* it will take ours */
    *out = 1;
    return become_me(s, g, err);
}

/* Up to which level and epoch the sender's keys of a space are taken. */
struct limits {
    int level; /* below 0: none */
    uint32_t epoch;
};

static int limits_of(struct taking *t, const struct wf_charter *c, int64_t space,
                     struct limits *out, struct wf_err *err)
{
    const struct wf_charter_member *m;

    *out = (struct limits){.level = WF_LABEL_PRIVATE, .epoch = UINT32_MAX};
    if (t->whose == NULL)
        return 0;
    m = c->version == 0 ? NULL : wf_charter_member(c, t->whose->owner);
    out->level =
        m == NULL || m->role == WF_ROLE_OUT ? -1 : (int)WF_MIN(m->clearance, t->from->clearance);
    return wf_people_epoch_in_turn(t->s->o.store, &t->s->devices, space, &out->epoch, err);
}

static int take_keys(struct taking *t, const struct granted *g, int64_t space,
                     const struct limits *limits, struct wf_err *err)
{
    struct wf_share_key key;
    int rc = 0;

    for (uint64_t k = 0; k < g->n_keys && rc == 0; k++) {
        if (!get_key(&t->in, space, &key))
            rc = no_letter(err);
        else if (space != 0 && (int)key.level <= limits->level && key.epoch <= limits->epoch)
            rc = wf_share_key_add(t->s->o.store, &key, err);
    }
    sodium_memzero(&key, sizeof(key));
    return rc;
}

static int take_one(struct taking *t, struct granted *g, struct wf_err *err)
{
    struct limits limits = {.level = -1};
    struct wf_charter now = {.version = 0};
    int64_t space = 0;
    bool is_new;
    int rc = take_space(t, g, &space, &is_new, err);

    if (rc == 0 && space != 0)
        rc = take_charters(t, g, space, is_new, err);
    if (rc == 0 && space != 0)
        rc = wf_people_charter_in_turn(t->s->o.store, space, &now, err);
    if (rc == 0 && now.version != 0)
        rc = take_lists(t, &now, err);
    if (rc == 0 && space != 0)
        rc = limits_of(t, &now, space, &limits, err);
    return rc == 0 ? take_keys(t, g, space, &limits, err) : rc;
}

static int take_spaces(struct taking *t, struct wf_err *err)
{
    uint64_t n;
    int rc = get_lists(t, err);

    n = rc == 0 ? wf_lib0_uint(&t->in) : 0;
    for (uint64_t i = 0; i < n && rc == 0; i++) {
        struct granted g;
        rc = get_space(&t->in, &g) ? get_charters(t, &g, err) : no_letter(err);
        if (rc == 0)
            rc = take_one(t, &g, err);
        wf_free(g.charters);
    }
    return rc == 0 && (t->in.bad || t->in.p != t->in.end) ? no_letter(err) : rc;
}

/* Whether who brings a letter may have kept it for somebody else. */
static bool is_kept(const struct wf_sharing *s, const struct wf_sharing_peer *p)
{
    const struct wf_person *whose = NULL;

    return wf_sharing__is_relay(wf_sharing__node(s, p, &whose));
}

/* Who it is from and for, and that it is signed; t->in stands at its lists. */
static int read_letter(struct taking *t, const struct wf_sharing_peer *p, struct wf_str letter,
                       struct wf_err *err)
{
    uint8_t to[WF_SIGNER_ID_BYTES], from[WF_SIGNER_ID_BYTES];
    const struct wf_devices_entry *e;
    const size_t n_magic = sizeof(MAGIC) - 1;

    if (letter.len < n_magic + sizeof(to) + sizeof(from) + WF_SIGNATURE_BYTES ||
        memcmp(letter.ptr, MAGIC, n_magic) != 0)
        return no_letter(err);
    t->in = wf_lib0_in(letter.ptr + n_magic, letter.len - n_magic - WF_SIGNATURE_BYTES);
    get(&t->in, to, sizeof(to));
    get(&t->in, from, sizeof(from));
    e = wf_sharing__device(t->s, from, &t->whose);
    if (memcmp(to, t->self.device->id, sizeof(to)) != 0 || e == NULL || e->revoked_ms != 0 ||
        (memcmp(e->transport, p->key, sizeof(p->key)) != 0 && !is_kept(t->s, p)) ||
        !wf_signer_is_signed(from, PURPOSE, wf_str_n(letter.ptr, letter.len - WF_SIGNATURE_BYTES),
                             (const uint8_t *)letter.ptr + letter.len - WF_SIGNATURE_BYTES))
        return wf_err_set(err, WF_E_DENIED, "It is not from the device that brings it.");
    t->from = e;
    return 0;
}

static int take_grant(struct taking *t, struct wf_err *err)
{
    struct wf_store *store = t->s->o.store;
    int rc = wf_store_write_begin(store, err);

    if (rc != 0)
        return rc;
    rc = take_spaces(t, err);
    if (rc == 0)
        return wf_store_write_commit(store, err);
    wf_store_write_rollback(store);
    return rc;
}

int wf_sharing__take_letter(struct wf_sharing *s, const struct wf_sharing_peer *p,
                            struct wf_str sealed, struct wf_err *err)
{
    struct taking t = {.s = s, .self = wf_sharing__self(s)};
    struct wf_buf letter;
    int rc;

    wf_buf_init(&letter, SIZE_MAX);
    rc = wf_device_unseal(s->o.device, sealed, &letter, err);
    if (rc == 0)
        rc = read_letter(&t, p, wf_buf_str(&letter), err);
    if (rc == 0)
        rc = take_grant(&t, err);
    if (letter.len > 0)
        sodium_memzero(letter.ptr, letter.len);
    wf_buf_deinit(&letter);
    wf_free(t.lists);
    if (rc == 0)
        rc = wf_sharing__read_people(s, err);
    s->is_unsent = s->keys_changed = s->is_stale = true;
    return rc;
}
