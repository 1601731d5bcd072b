/* SPDX-License-Identifier: Apache-2.0 */
/* Letters with spaces and their keys, from device to device: what the receiver may have, sealed to
 * it, signed by the sender.
 *
 *   "weft grant 2\n"; 32 to which device; 32 from which; lists of devices of those with whom the
 *   spaces are shared, each length and bytes; spaces, each: 16 uid, flags (1: it is
 *   "me", then: 32 whose it was at first), length and name, label, charters, each length and bytes,
 * ascending; keys, each: level, epoch, 32 key; 64 signature of all before, purpose "grant 2"
 *
 * The space "me" is that of the device which the owner has had the longest: whose "me" comes from a
 * younger one takes its uid, and with it what is in it, from whoever has it. Another person's
 * device is written of spaces that are shared with him, and to one that is out, or left, that he
 * is, without keys. What another person's device brings is taken for spaces whose charter names
 * him; a space that is new here, of somebody who was joined a moment ago (mesh/people.h). */
#include "mesh/sharing_grant.h"

#include <string.h>

#include <sodium.h>

#include "crdt/lib0.h"
#include "mesh/sharing_internal.h"
#include "mesh/sharing_people.h"
#include "mesh/sharing_relay.h"

#define MAGIC WF_SHARING_GRANT_MAGIC
#define PURPOSE WF_SHARING_GRANT_PURPOSE
#define IS_ME WF_SHARING_GRANT_IS_ME

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a letter.");
}

/* ---- writing ---- */

struct granting {
    struct wf_sharing *s;
    const struct wf_devices_entry *to;
    const struct wf_person *whose; /* NULL: this owner's */
    const struct wf_share_space *space;
    uint8_t origin[WF_SIGNER_ID_BYTES]; /* of "me" */
    struct wf_buf keys;
    uint64_t n_keys;
};

static int put_key(void *ud, const struct wf_share_key *k, struct wf_err *err)
{
    struct granting *g = ud;
    uint8_t stream[WF_STREAM_ID_BYTES];

    if (k->space != g->space->id)
        return 0;
    wf_stream_id(g->space->uid, k->level, stream);
    if (wf_sharing__right(g->s, g->to->device, stream) < WF_SHARING_READ)
        return 0;
    g->n_keys++;
    wf_lib0_append_uint(&g->keys, k->level);
    wf_lib0_append_uint(&g->keys, k->epoch);
    return wf_buf_append(&g->keys, k->key.key, sizeof(k->key.key)) == 0 ? 0 : no_memory(err);
}

static int put_charters(const struct wf_people_space *p, struct wf_buf *out, struct wf_err *err)
{
    struct wf_buf b;
    int rc = 0;

    wf_lib0_append_uint(out, p == NULL ? 0 : p->n_kept);
    wf_buf_init(&b, WF_CHARTER_BYTES_MAX);
    for (size_t i = 0; p != NULL && i < p->n_kept && rc == 0; i++) {
        wf_buf_reset(&b);
        if (wf_charter_write(&p->kept[i], &b) == 0)
            wf_lib0_append_bytes(out, wf_buf_str(&b));
        else
            rc = no_memory(err);
    }
    wf_buf_deinit(&b);
    return rc;
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
    rc = put_charters(wf_people_space(&g->s->people, space->id), out, err);
    wf_lib0_append_uint(out, g->n_keys);
    (void)wf_buf_append_str(out, wf_buf_str(&g->keys));
    if (rc != 0)
        return rc;
    return wf_buf_status(out) == 0 ? 0 : no_memory(err);
}

/* Whether the receiver is written of a space. */
static bool hears_of(const struct granting *g, const struct wf_share_space *space)
{
    const struct wf_people_space *p = wf_people_space(&g->s->people, space->id);
    enum wf_label label;

    if (!wf_label_parse(space->label, &label) || label > g->to->clearance ||
        !wf_sharing__has_streams(g->s, space->id))
        return false;
    if (g->whose == NULL)
        return true;
    return p != NULL && wf_charter_member(&p->charter, g->whose->owner) != NULL;
}

/* Whether the receiver needs somebody's list: he is in a space that it may read. */
static bool needs_list(const struct granting *g, const uint8_t owner[WF_DEVICES_KEY_BYTES])
{
    const uint8_t *reader = g->whose == NULL ? g->s->devices.owner : g->whose->owner;

    if (memcmp(owner, reader, WF_DEVICES_KEY_BYTES) == 0)
        return false;
    for (size_t i = 0; i < g->s->people.n_spaces; i++) {
        const struct wf_charter *c = &g->s->people.spaces[i].charter;
        const struct wf_charter_member *m = wf_charter_member(c, reader);
        if (m != NULL && m->role != WF_ROLE_OUT && wf_charter_member(c, owner) != NULL)
            return true;
    }
    return false;
}

static int put_list(const struct wf_devices *list, struct wf_buf *b, struct wf_buf *out)
{
    wf_buf_reset(b);
    if (wf_devices_write(list, b) != 0)
        return WF_E_NOMEM;
    wf_lib0_append_bytes(out, wf_buf_str(b));
    return wf_buf_status(out);
}

static int put_lists(const struct granting *g, struct wf_buf *out, struct wf_err *err)
{
    const struct wf_sharing *s = g->s;
    bool own = needs_list(g, s->devices.owner);
    uint64_t n = own;
    struct wf_buf b;
    int rc = 0;

    for (size_t i = 0; i < s->people.n_persons; i++)
        n += needs_list(g, s->people.persons[i].owner);
    wf_lib0_append_uint(out, n);
    wf_buf_init(&b, WF_DEVICES_BYTES_MAX);
    if (own)
        rc = put_list(&s->devices, &b, out);
    for (size_t i = 0; i < s->people.n_persons && rc == 0; i++) {
        if (needs_list(g, s->people.persons[i].owner))
            rc = put_list(s->people.persons[i].list, &b, out);
    }
    wf_buf_deinit(&b);
    return rc == 0 ? 0 : no_memory(err);
}

/* All of it but the signature; *out_any: there is something to be said. */
static int write_letter(struct granting *g, struct wf_buf *out, bool *out_any, struct wf_err *err)
{
    struct wf_sharing *s = g->s;
    struct wf_share_space *spaces = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    size_t n = 0, n_allowed = 0;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 4096, SIZE_MAX);
    wf_buf_init(&g->keys, SIZE_MAX);
    memcpy(g->origin, s->o.device->signer.id, sizeof(g->origin));
    rc = wf_share_me(r, g->origin, err);
    if (rc == 0)
        rc = wf_share_spaces(r, &arena, &spaces, &n, err);
    for (size_t i = 0; i < n; i++)
        n_allowed += hears_of(g, &spaces[i]);
    (void)wf_buf_append(out, MAGIC, sizeof(MAGIC) - 1);
    (void)wf_buf_append(out, g->to->device, sizeof(g->to->device));
    (void)wf_buf_append(out, s->o.device->signer.id, sizeof(g->to->device));
    if (rc == 0)
        rc = put_lists(g, out, err);
    wf_lib0_append_uint(out, n_allowed);
    for (size_t i = 0; i < n && rc == 0; i++) {
        g->space = &spaces[i];
        if (hears_of(g, &spaces[i]))
            rc = put_space(r, g, out, err);
    }
    *out_any = n_allowed > 0;
    if (g->keys.len > 0)
        sodium_memzero(g->keys.ptr, g->keys.len);
    wf_buf_deinit(&g->keys);
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
    struct granting g = {.s = s};
    struct wf_buf letter;
    bool is_any = false;
    int rc;

    g.to = wf_sharing__node(s, p, &g.whose);
    if (g.to == NULL || g.to->revoked_ms != 0 || (g.to->roles & WF_ROLE_CIPHER) != 0)
        return 0;
    wf_buf_init(&letter, SIZE_MAX);
    rc = write_letter(&g, &letter, &is_any, err);
    if (rc == 0 && is_any)
        rc = send_letter(s, p, g.to, &letter, err);
    if (letter.len > 0)
        sodium_memzero(letter.ptr, letter.len);
    wf_buf_deinit(&letter);
    return rc;
}

int wf_sharing__letter(struct wf_sharing *s, const struct wf_devices_entry *to, struct wf_buf *out,
                       uint8_t tag[WF_SYNC_TAG_BYTES], struct wf_err *err)
{
    struct granting g = {.s = s, .to = to};
    struct wf_buf letter;
    bool is_any = false;
    int rc;

    (void)wf_sharing__device(s, to->device, &g.whose);
    wf_buf_init(&letter, SIZE_MAX);
    rc = write_letter(&g, &letter, &is_any, err);
    if (rc == 0 && is_any)
        rc = seal_letter(s, to, &letter, out, tag, err);
    if (letter.len > 0)
        sodium_memzero(letter.ptr, letter.len);
    wf_buf_deinit(&letter);
    return rc;
}
