/* SPDX-License-Identifier: Apache-2.0 */
/* Letters with spaces and their keys, from device to device: what the receiver's clearance allows,
 * sealed to it, signed by the sender.
 *
 *   "weft grant 1\n"; 32 to which device; 32 from which; spaces, each: 16 uid, flags (1: it is
 *   "me", then: 32 whose it was at first), length and name, label, keys, each: level, epoch, 32
 *   key; 64 signature of all before, purpose "grant 1"
 *
 * The space "me" is that of the device which the owner has had the longest: whose "me" comes from a
 * younger one takes its uid, and with it what is in it, from whoever has it. */
#include <string.h>

#include <sodium.h>

#include "base/limits.h"
#include "crdt/lib0.h"
#include "mesh/sharing_internal.h"
#include "mesh/sharing_relay.h"
#include "space/record.h"
#include "space/space.h"
#include "store/spaces.h"
#include "store/sql.h"

#define MAGIC "weft grant 1\n"
#define PURPOSE WF_STR("grant 1")
#define IS_ME 1u
#define KEYS_MAX 1000000u

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a letter.");
}

/* ---- writing ---- */

struct granting {
    const struct wf_devices_entry *to;
    const struct wf_share_space *space;
    uint8_t origin[WF_SIGNER_ID_BYTES]; /* of "me" */
    struct wf_buf keys;
    uint64_t n_keys;
};

static int put_key(void *ud, const struct wf_share_key *k, struct wf_err *err)
{
    struct granting *g = ud;

    if (k->space != g->space->id || k->level > g->to->clearance)
        return 0;
    g->n_keys++;
    wf_lib0_append_uint(&g->keys, k->level);
    wf_lib0_append_uint(&g->keys, k->epoch);
    return wf_buf_append(&g->keys, k->key.key, sizeof(k->key.key)) == 0 ? 0 : no_memory(err);
}

static int put_space(struct wf_reader *r, struct granting *g, struct wf_buf *out,
                     struct wf_err *err)
{
    const struct wf_share_space *space = g->space;
    enum wf_label label;
    int rc;

    (void)!wf_label_parse(space->label, &label);
    g->n_keys = 0;
    wf_buf_reset(&g->keys);
    rc = wf_share_keys(r, put_key, g, err);
    if (rc != 0)
        return rc;
    (void)wf_buf_append(out, space->uid, sizeof(space->uid));
    wf_lib0_append_uint(out, space->id == 1 ? IS_ME : 0);
    if (space->id == 1)
        (void)wf_buf_append(out, g->origin, sizeof(g->origin));
    wf_lib0_append_bytes(out, space->name);
    wf_lib0_append_uint(out, label);
    wf_lib0_append_uint(out, g->n_keys);
    (void)wf_buf_append_str(out, wf_buf_str(&g->keys));
    return wf_buf_status(out) == 0 ? 0 : no_memory(err);
}

static bool is_for(const struct wf_sharing *s, const struct wf_share_space *space,
                   const struct wf_devices_entry *to)
{
    enum wf_label label;

    return wf_label_parse(space->label, &label) && label <= to->clearance &&
           wf_sharing__has_streams(s, space->id);
}

/* All of it but the signature. */
static int write_letter(struct wf_sharing *s, const struct wf_devices_entry *to, struct wf_buf *out,
                        struct wf_err *err)
{
    struct granting g = {.to = to};
    struct wf_share_space *spaces = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    size_t n = 0, n_allowed = 0;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 4096, SIZE_MAX);
    wf_buf_init(&g.keys, SIZE_MAX);
    memcpy(g.origin, s->o.device->signer.id, sizeof(g.origin));
    rc = wf_share_me(r, g.origin, err);
    if (rc == 0)
        rc = wf_share_spaces(r, &arena, &spaces, &n, err);
    for (size_t i = 0; i < n; i++)
        n_allowed += is_for(s, &spaces[i], to);
    (void)wf_buf_append(out, MAGIC, sizeof(MAGIC) - 1);
    (void)wf_buf_append(out, to->device, sizeof(to->device));
    (void)wf_buf_append(out, s->o.device->signer.id, sizeof(to->device));
    wf_lib0_append_uint(out, n_allowed);
    for (size_t i = 0; i < n && rc == 0; i++) {
        g.space = &spaces[i];
        if (is_for(s, &spaces[i], to))
            rc = put_space(r, &g, out, err);
    }
    if (g.keys.len > 0)
        sodium_memzero(g.keys.ptr, g.keys.len);
    wf_buf_deinit(&g.keys);
    wf_arena_deinit(&arena);
    wf_store_reader_put(s->o.store, r);
    return rc;
}

/* The letter with its signature, sealed. *out_hash: of the letter; *out_tag: of the signature,
 * which nobody else can make, so that it says nothing of what is in it. */
static int seal_letter(struct wf_sharing *s, const struct wf_devices_entry *to,
                       struct wf_buf *letter, struct wf_buf *out, uint8_t tag[WF_SYNC_TAG_BYTES],
                       struct wf_err *err)
{
    const struct wf_signer *signer = &s->o.device->signer;
    uint8_t signature[WF_SIGNATURE_BYTES];
    int rc = signer->sign(signer->ud, PURPOSE, wf_buf_str(letter), signature, err);

    if (rc != 0)
        return rc;
    (void)crypto_generichash(tag, WF_SYNC_TAG_BYTES, signature, sizeof(signature), NULL, 0);
    if (wf_buf_append(letter, signature, sizeof(signature)) != 0)
        return no_memory(err);
    return wf_device_seal(to->device, wf_buf_str(letter), out, err);
}

static int send_letter(struct wf_sharing *s, struct wf_sharing_peer *p,
                       const struct wf_devices_entry *to, struct wf_buf *letter, struct wf_err *err)
{
    struct wf_sync_message m = {.kind = WF_SYNC_LETTER};
    uint8_t hash[sizeof(p->granted)];
    struct wf_buf sealed;
    int rc;

    (void)crypto_generichash(hash, sizeof(hash), (const uint8_t *)letter->ptr, letter->len, NULL,
                             0);
    if (memcmp(hash, p->granted, sizeof(hash)) == 0)
        return 0; /* it has been told */
    wf_buf_init(&sealed, SIZE_MAX);
    rc = seal_letter(s, to, letter, &sealed, m.tag, err);
    memcpy(m.device, to->device, sizeof(m.device));
    m.bytes = wf_buf_str(&sealed);
    if (rc == 0)
        rc = wf_syncer_send(s->syncer, p->id, &m, err);
    wf_buf_deinit(&sealed);
    if (rc == WF_E_BUSY) { /* with the next round */
        s->keys_changed = true;
        return 0;
    }
    if (rc == 0)
        memcpy(p->granted, hash, sizeof(hash));
    return rc;
}

int wf_sharing__grant(struct wf_sharing *s, struct wf_sharing_peer *p, struct wf_err *err)
{
    const struct wf_devices_entry *to = wf_devices_by_transport(&s->devices, p->key);
    struct wf_buf letter;
    int rc;

    if (to == NULL || to->revoked_ms != 0 || (to->roles & WF_ROLE_CIPHER) != 0)
        return 0;
    wf_buf_init(&letter, SIZE_MAX);
    rc = write_letter(s, to, &letter, err);
    if (rc == 0)
        rc = send_letter(s, p, to, &letter, err);
    if (letter.len > 0)
        sodium_memzero(letter.ptr, letter.len);
    wf_buf_deinit(&letter);
    return rc;
}

int wf_sharing__letter(struct wf_sharing *s, const struct wf_devices_entry *to, struct wf_buf *out,
                       uint8_t tag[WF_SYNC_TAG_BYTES], struct wf_err *err)
{
    struct wf_buf letter;
    int rc;

    wf_buf_init(&letter, SIZE_MAX);
    rc = write_letter(s, to, &letter, err);
    if (rc == 0)
        rc = seal_letter(s, to, &letter, out, tag, err);
    if (letter.len > 0)
        sodium_memzero(letter.ptr, letter.len);
    wf_buf_deinit(&letter);
    return rc;
}

/* ---- reading ---- */

struct granted {
    uint8_t uid[WF_SPACE_UID_BYTES];
    uint8_t origin[WF_SIGNER_ID_BYTES]; /* of "me" */
    uint64_t flags, label, n_keys;
    struct wf_str name;
};

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
    get(in, out->uid, sizeof(out->uid));
    out->flags = wf_lib0_uint(in);
    if ((out->flags & IS_ME) != 0)
        get(in, out->origin, sizeof(out->origin));
    out->name = wf_lib0_bytes(in);
    out->label = wf_lib0_uint(in);
    out->n_keys = wf_lib0_uint(in);
    return !in->bad && out->label < WF_LABEL_SECRET && out->n_keys <= KEYS_MAX &&
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
    const struct wf_str uid = wf_str_n((const char *)g->uid, sizeof(g->uid)), none = WF_STR("");
    int rc = wf_records_move_in_turn(s->o.records, 1, g->uid, err);

    if (rc == 0)
        rc = run_on_me(s->o.store, sql_uid, uid, err);
    if (rc == 0)
        rc = run_on_me(s->o.store, sql_keys, none, err);
    if (rc == 0)
        rc = run_on_me(s->o.store, sql_told, none, err);
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
    *out = theirs->added_ms != own->added_ms
               ? theirs->added_ms < own->added_ms
               : memcmp(theirs->node, own->node, sizeof(own->node)) < 0;
    return 0;
}

/* The space's row; 0: it is not taken. */
static int take_space(struct wf_sharing *s, const struct granted *g, int64_t *out,
                      struct wf_err *err)
{
    bool is_elders = false;
    int rc = find_space(s->o.store, g->uid, out, err);

    if (rc != 0 || *out != 0)
        return rc;
    if ((g->flags & IS_ME) == 0)
        return add_space(s->o.store, g, wf_clock_wall_ms(s->o.clock), out, err);
    rc = is_elder(s, g->origin, &is_elders, err);
    if (rc != 0 || !is_elders)
        return rc; /* it will take ours */
    *out = 1;
    return become_me(s, g, err);
}

static int take_spaces(struct wf_sharing *s, struct wf_lib0_in *in, struct wf_err *err)
{
    uint64_t n = wf_lib0_uint(in);
    struct wf_share_key key;
    int rc = 0;

    for (uint64_t i = 0; i < n && rc == 0; i++) {
        struct granted g;
        int64_t space = 0;
        if (!get_space(in, &g))
            return wf_err_set(err, WF_E_FORMAT, "It is not in the form of one.");
        rc = take_space(s, &g, &space, err);
        for (uint64_t k = 0; k < g.n_keys && rc == 0; k++) {
            if (!get_key(in, space, &key))
                return wf_err_set(err, WF_E_FORMAT, "It is not in the form of one.");
            if (space != 0)
                rc = wf_share_key_add(s->o.store, &key, err);
        }
    }
    sodium_memzero(&key, sizeof(key));
    if (rc == 0 && (in->bad || in->p != in->end))
        rc = wf_err_set(err, WF_E_FORMAT, "It is not in the form of one.");
    return rc;
}

/* Whether who brings a letter may have kept it for somebody else. */
static bool is_kept(const struct wf_sharing *s, const struct wf_sharing_peer *p)
{
    return wf_sharing__is_relay(wf_devices_by_transport(&s->devices, p->key));
}

/* Who it is from and for, and that it is signed; *in stands at its spaces. */
static int read_letter(struct wf_sharing *s, const struct wf_sharing_peer *p, struct wf_str letter,
                       struct wf_lib0_in *in, struct wf_err *err)
{
    uint8_t to[WF_SIGNER_ID_BYTES], from[WF_SIGNER_ID_BYTES];
    const struct wf_devices_entry *e;
    const size_t n_magic = sizeof(MAGIC) - 1;

    if (letter.len < n_magic + sizeof(to) + sizeof(from) + WF_SIGNATURE_BYTES ||
        memcmp(letter.ptr, MAGIC, n_magic) != 0)
        return wf_err_set(err, WF_E_FORMAT, "It is not in the form of one.");
    *in = wf_lib0_in(letter.ptr + n_magic, letter.len - n_magic - WF_SIGNATURE_BYTES);
    get(in, to, sizeof(to));
    get(in, from, sizeof(from));
    e = wf_sharing__entry(s, from);
    if (memcmp(to, s->o.device->signer.id, sizeof(to)) != 0 || e == NULL || e->revoked_ms != 0 ||
        (memcmp(e->transport, p->key, sizeof(p->key)) != 0 && !is_kept(s, p)) ||
        !wf_signer_is_signed(from, PURPOSE, wf_str_n(letter.ptr, letter.len - WF_SIGNATURE_BYTES),
                             (const uint8_t *)letter.ptr + letter.len - WF_SIGNATURE_BYTES))
        return wf_err_set(err, WF_E_DENIED, "It is not from the device that brings it.");
    return 0;
}

static int take_grant(struct wf_sharing *s, struct wf_lib0_in *in, struct wf_err *err)
{
    int rc = wf_store_write_begin(s->o.store, err);

    if (rc != 0)
        return rc;
    rc = take_spaces(s, in, err);
    if (rc == 0)
        return wf_store_write_commit(s->o.store, err);
    wf_store_write_rollback(s->o.store);
    return rc;
}

int wf_sharing__take_letter(struct wf_sharing *s, const struct wf_sharing_peer *p,
                            struct wf_str sealed, struct wf_err *err)
{
    struct wf_lib0_in in;
    struct wf_buf letter;
    int rc;

    wf_buf_init(&letter, SIZE_MAX);
    rc = wf_device_unseal(s->o.device, sealed, &letter, err);
    if (rc == 0)
        rc = read_letter(s, p, wf_buf_str(&letter), &in, err);
    if (rc == 0)
        rc = take_grant(s, &in, err);
    if (letter.len > 0)
        sodium_memzero(letter.ptr, letter.len);
    wf_buf_deinit(&letter);
    s->is_unsent = s->keys_changed = s->is_stale = true;
    return rc;
}
