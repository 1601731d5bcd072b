/* SPDX-License-Identifier: Apache-2.0 */
/* The machine: what link says, what changed here, what came; then everything that follows from it.
 * It has no thread and no clock of its own (sharing_thread.c gives it the first, for the product).
 */
#include "mesh/sharing_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "mesh/sharing_people.h"
#include "mesh/sharing_relay.h"
#include "os/thread.h"

#define TICK_MS 1000
/* Between two rounds of batches, so that typing makes some of them a second; after a failure. */
#define GATHER_MS 20
#define AGAIN_MS 2000
#define UNTAKEN_MS 60000
/* That wait to be taken. */
#define LETTERS_MAX 32u

void wf_sharing__log(const struct wf_sharing *s, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    if (s->o.log == NULL)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    wf_log_line(s->o.log, WF_LOG_WARN, "sharing", "%s", text);
}

/* ---- who and what ---- */

const struct wf_devices_entry *wf_sharing__entry(const struct wf_sharing *s,
                                                 const uint8_t device[WF_SIGNER_ID_BYTES])
{
    for (size_t i = 0; i < s->devices.n_entries; i++) {
        if (memcmp(s->devices.entries[i].device, device, WF_SIGNER_ID_BYTES) == 0)
            return &s->devices.entries[i];
    }
    return NULL;
}

const struct wf_sharing_stream *wf_sharing__stream(const struct wf_sharing *s,
                                                   const uint8_t id[WF_STREAM_ID_BYTES])
{
    for (size_t i = 0; i < s->n_streams; i++) {
        if (memcmp(s->streams[i].id, id, WF_STREAM_ID_BYTES) == 0)
            return &s->streams[i];
    }
    return NULL;
}

static uint32_t *bucket_of(struct wf_sharing *s, uint64_t id)
{
    return &s->buckets[(id / 2 + id % 2) % WF_SHARING_BUCKETS];
}

struct wf_sharing_peer *wf_sharing__peer(const struct wf_sharing *s, uint64_t id)
{
    const uint32_t *at = bucket_of((struct wf_sharing *)(uintptr_t)s, id);

    for (uint32_t k = *at; k != WF_SHARING_NOBODY; k = s->peers[k].next) {
        if (s->peers[k].id == id)
            return &s->peers[k];
    }
    return NULL;
}

/* A place for a connection; NULL: no memory. */
static struct wf_sharing_peer *add_peer(struct wf_sharing *s, uint64_t id)
{
    size_t k = 0;

    while (k < s->n_peers && s->peers[k].id != 0)
        k++;
    if (k == s->n_peers) {
        if (wf_reserve(&s->peers, &s->cap_peers, s->n_peers + 1, sizeof(*s->peers)) != 0)
            return NULL;
        s->n_peers++;
    }
    s->peers[k] = (struct wf_sharing_peer){.id = id, .next = *bucket_of(s, id)};
    *bucket_of(s, id) = (uint32_t)k;
    return &s->peers[k];
}

static void remove_peer(struct wf_sharing *s, struct wf_sharing_peer *p)
{
    uint32_t *at = bucket_of(s, p->id);

    while (&s->peers[*at] != p)
        at = &s->peers[*at].next;
    *at = p->next;
    wf_free(p->left);
    *p = (struct wf_sharing_peer){.id = 0};
}

bool wf_sharing__has_streams(const struct wf_sharing *s, int64_t space)
{
    for (size_t i = 0; i < s->n_streams; i++) {
        if (s->streams[i].space == space)
            return true;
    }
    return false;
}

bool wf_sharing__is_elder(const struct wf_devices_entry *a, const struct wf_devices_entry *b)
{
    return a->added_ms != b->added_ms ? a->added_ms < b->added_ms
                                      : memcmp(a->node, b->node, sizeof(a->node)) < 0;
}

/* Whether another device's "me" is here, and the owner has none that is older: the others have gone
 * over to that, and do not say so to who may not see it. One that is out is older, too: it may have
 * been heard before. */
static bool has_owners_me(const struct wf_sharing *s, const uint8_t origin[WF_SIGNER_ID_BYTES],
                          enum wf_label least)
{
    const struct wf_devices_entry *whose = wf_sharing__entry(s, origin);

    if (whose == NULL || memcmp(origin, s->o.device->signer.id, WF_SIGNER_ID_BYTES) == 0)
        return false;
    for (size_t i = 0; i < s->devices.n_entries; i++) {
        const struct wf_devices_entry *e = &s->devices.entries[i];
        if (e->clearance >= least && wf_sharing__is_elder(e, whose))
            return false;
    }
    return true;
}

/* A device that may not see the owner's "me" cannot come to have it: its own stays with it. One
 * that has it already, and may see less since, still tells the others what it wrote. */
static bool is_apart(const struct wf_sharing *s, const struct wf_share_space *space,
                     const uint8_t origin[WF_SIGNER_ID_BYTES], enum wf_label least)
{
    const struct wf_devices_entry *own = wf_sharing__entry(s, s->o.device->signer.id);

    return space->id == 1 && own != NULL && own->clearance < least &&
           !has_owners_me(s, origin, least);
}

/* There is room for them. */
static void add_streams(struct wf_sharing *s, const struct wf_share_space *space,
                        const uint8_t origin[WF_SIGNER_ID_BYTES])
{
    enum wf_label least;

    (void)!wf_label_parse(space->label, &least);
    if (is_apart(s, space, origin, least))
        return;
    for (int level = (int)least; level < WF_LABEL_SECRET; level++) {
        struct wf_sharing_stream *t = &s->streams[s->n_streams++];
        t->space = space->id;
        t->level = (enum wf_label)level;
        wf_stream_id(space->uid, t->level, t->id);
    }
}

/* Of what is not here any more nothing is wrong. */
static void forget_problems(struct wf_sharing *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->n_problems; i++) {
        if (wf_sharing__stream(s, s->problems[i].log.stream) != NULL)
            s->problems[kept++] = s->problems[i];
    }
    s->n_problems = kept;
}

int wf_sharing__read_streams(struct wf_sharing *s, struct wf_err *err)
{
    struct wf_share_space *spaces = NULL;
    struct wf_reader *r = NULL;
    uint8_t origin[WF_SIGNER_ID_BYTES]; /* whose "me" it is */
    struct wf_arena arena;
    size_t n = 0;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 4096, SIZE_MAX);
    memcpy(origin, s->o.device->signer.id, sizeof(origin));
    rc = wf_share_me(r, origin, err);
    if (rc == 0)
        rc = wf_share_spaces(r, &arena, &spaces, &n, err);
    wf_store_reader_put(s->o.store, r);
    if (rc == 0 &&
        wf_reserve(&s->streams, &s->cap_streams, n * WF_LABEL_SECRET + 1, sizeof(*s->streams)) != 0)
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory (spaces).");
    if (rc == 0) { /* else it goes on with those that it knew */
        s->n_streams = 0;
        for (size_t i = 0; i < n; i++)
            add_streams(s, &spaces[i], origin);
        forget_problems(s);
    }
    wf_arena_deinit(&arena);
    return rc;
}

struct wf_sharing_problem *wf_sharing__problem(struct wf_sharing *s, const struct wf_sync_log *log,
                                               const char *words)
{
    struct wf_sharing_problem *p = NULL;

    for (size_t i = 0; i < s->n_problems && p == NULL; i++) {
        if (memcmp(&s->problems[i].log, log, sizeof(*log)) == 0)
            p = &s->problems[i];
    }
    if (p == NULL && words[0] == '\0')
        return NULL;
    if (p == NULL) {
        if (wf_reserve(&s->problems, &s->cap_problems, s->n_problems + 1, sizeof(*p)) != 0)
            return NULL;
        p = &s->problems[s->n_problems++];
        *p = (struct wf_sharing_problem){.log = *log};
    }
    if (words[0] != '\0' && strncmp(p->words, words, sizeof(p->words) - 1) != 0) {
        char name[160];
        wf_sharing__name(s, log->device, name);
        wf_sharing__log(s, "changes of %s: %s", name, words);
    }
    (void)snprintf(p->words, sizeof(p->words), "%s", words);
    p->is_missing = false;
    if (s->o.changed != NULL)
        s->o.changed(s->o.ud);
    return p;
}

bool wf_sharing__is_own_trouble(int rc)
{
    return rc == WF_E_NOMEM || rc == WF_E_FULL || rc == WF_E_IO || rc == WF_E_BUSY;
}

int wf_sharing__label(const struct wf_sharing *s, const struct wf_draft_moment *at,
                      enum wf_label *out, struct wf_err *err)
{
    int rc = s->o.label(s->o.label_ud, at, out, err);

    if (rc == 0 || wf_sharing__is_own_trouble(rc))
        return rc;
    *out = WF_LABEL_SECRET; /* it cannot be told */
    return 0;
}

size_t wf_sharing__missing(const struct wf_sharing *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_problems; i++)
        n += s->problems[i].is_missing;
    return n;
}

/* ---- the syncer's callbacks ---- */

static bool gives(void *ud, uint64_t peer, const uint8_t stream[WF_STREAM_ID_BYTES])
{
    return wf_sharing__is_cipher(ud)
               ? wf_sharing__relay_gives(ud, peer, stream)
               : wf_sharing__right_of_peer(ud, peer, stream) > WF_SHARING_NONE;
}

static bool owns(void *ud, uint64_t peer, const struct wf_sync_log *log)
{
    return wf_sharing__owns(ud, peer, log);
}

static bool takes(void *ud, uint64_t peer, const struct wf_sync_log *log)
{
    if (wf_sharing__is_cipher(ud))
        return wf_sharing__relay_takes(ud, peer, log);
    return wf_sharing__takes(ud, peer, log);
}

static bool tells(void *ud, uint64_t peer, const struct wf_sync_log *log)
{
    return wf_sharing__is_cipher(ud) || wf_sharing__tells(ud, peer, log);
}

static bool is_over(void *ud, const struct wf_sync_log *log)
{
    return wf_sharing__is_over(ud, log);
}

static int send_to(void *ud, uint64_t peer, struct wf_str message, struct wf_err *err)
{
    struct wf_sharing *s = ud;

    return s->link.send(s->link.ud, peer, message, err);
}

static void came(void *ud, const struct wf_sync_head *head)
{
    struct wf_sharing *s = ud;

    if (!wf_sharing__is_cipher(s) && wf_sharing__came(s, &head->log) != 0)
        s->must_look = true;
}

/* What another node's connection is called. */
static const char *name_of(const struct wf_sharing *s, uint64_t peer)
{
    const struct wf_sharing_peer *p = wf_sharing__peer(s, peer);
    const struct wf_devices_entry *e =
        p == NULL ? NULL : wf_devices_by_transport(&s->devices, p->key);

    return e == NULL ? "another node" : e->name;
}

static bool is_cipher_peer(const struct wf_sharing *s, uint64_t peer)
{
    const struct wf_sharing_peer *p = wf_sharing__peer(s, peer);
    const struct wf_person *whose = NULL;
    const struct wf_devices_entry *e = p == NULL ? NULL : wf_sharing__node(s, p, &whose);

    return e != NULL && (e->roles & WF_ROLE_CIPHER) != 0;
}

void wf_sharing__trouble(struct wf_sharing *s, const struct wf_syncer_trouble *t)
{
    static const char *const words[] = {
        [WF_SYNCER_FORK] = "It has told two stories: it was copied, or set back to an old copy of "
                           "its data. Revoke it and pair it anew.",
        [WF_SYNCER_BEHIND] = "This device has an old copy of its own data; the rest comes from the "
                             "others.",
        [WF_SYNCER_WITHHELD] = "%s has them and does not send them; others are asked.",
        [WF_SYNCER_LOST] = "%s had more of them than it has now: it was set back.",
        [WF_SYNCER_FORGED] = "%s sent some that are forged or damaged.",
        [WF_SYNCER_LATER] = "%s has only those that came later; the rest comes from a device that "
                            "has them.",
    };
    /* A relay lets go of what all had; a device keeps what no snapshot has. */
    const enum wf_syncer_wrong what =
        t->what == WF_SYNCER_LATER && !is_cipher_peer(s, t->peer) ? WF_SYNCER_WITHHELD : t->what;
    struct wf_sharing_problem *p;
    char text[sizeof(p->words)];
    const char *at = strstr(words[what], "%s");

    if (at == NULL)
        (void)snprintf(text, sizeof(text), "%s", words[what]);
    else
        (void)snprintf(text, sizeof(text), "%s%s", name_of(s, t->peer), at + 2);
    if (t->what == WF_SYNCER_FORK)
        wf_sharing__forked(s, &t->log);
    if (t->what == WF_SYNCER_FORK && wf_sharing__is_over(s, &t->log))
        (void)snprintf(text, sizeof(text),
                       "It told two stories before it was taken out: what others have of both is "
                       "kept; what it alone had is lost.");
    p = wf_sharing__problem(s, &t->log, text);
    if (t->what == WF_SYNCER_BEHIND && p != NULL)
        p->own_upto = WF_MAX(p->own_upto, t->number);
    if (p != NULL)
        p->missing = what == WF_SYNCER_WITHHELD || what == WF_SYNCER_LATER ? t->number : 0;
}

static void trouble(void *ud, const struct wf_syncer_trouble *t)
{
    wf_sharing__trouble(ud, t);
}

/* Tells whether it is to be tried again. */
static bool take_letter(struct wf_sharing *s, struct wf_sharing_peer *p, struct wf_str sealed)
{
    struct wf_err err = WF_ERR_INIT;
    int rc;

    if (wf_sharing__is_cipher(s))
        return false; /* keys are not for it */
    rc = wf_sharing__take_letter(s, p, sealed, &err);
    if (rc == 0)
        wf_sharing__relay_got(s, p, sealed);
    else
        wf_sharing__log(s, "a letter with keys: %s", err.msg);
    return rc == WF_E_FULL || rc == WF_E_IO || rc == WF_E_NOMEM || rc == WF_E_BUSY;
}

static void drop_letter(struct wf_sharing *s, size_t i)
{
    wf_free(s->letters[i].bytes);
    s->n_letters--;
    memmove(s->letters + i, s->letters + i + 1, (s->n_letters - i) * sizeof(*s->letters));
}

/* Without memory it is lost until the next connection. */
static void keep_letter(struct wf_sharing *s, uint64_t peer, struct wf_str sealed)
{
    char *copy;

    if (s->n_letters == LETTERS_MAX)
        drop_letter(s, 0);
    copy = wf_alloc(sealed.len);
    if (copy == NULL ||
        wf_reserve(&s->letters, &s->cap_letters, s->n_letters + 1, sizeof(*s->letters)) != 0) {
        wf_free(copy);
        return;
    }
    memcpy(copy, sealed.ptr, sealed.len);
    s->letters[s->n_letters++] = (struct wf_sharing_untaken){peer, copy, sealed.len};
    s->letters_ns = wf_clock_mono_ns(s->o.clock) + AGAIN_MS * INT64_C(1000000);
}

/* A letter of a node that is there and not taken out. */
static void hear_letter(struct wf_sharing *s, uint64_t peer, struct wf_str sealed)
{
    struct wf_sharing_peer *p = wf_sharing__peer(s, peer);
    const struct wf_person *whose = NULL;
    const struct wf_devices_entry *e = p == NULL ? NULL : wf_sharing__node(s, p, &whose);

    if (e != NULL && e->revoked_ms == 0 && take_letter(s, p, sealed))
        keep_letter(s, peer, sealed);
}

/* Those that could not be taken, each once more. */
static void take_letters_again(struct wf_sharing *s, int64_t now_ns)
{
    size_t n = s->n_letters;

    if (now_ns < s->letters_ns)
        return;
    for (; n > 0; n--) {
        struct wf_sharing_untaken l = s->letters[0];
        s->letters[0].bytes = NULL;
        drop_letter(s, 0);
        hear_letter(s, l.peer, wf_str_n(l.bytes, l.len));
        wf_free(l.bytes);
    }
}

static void other(void *ud, uint64_t peer, const struct wf_sync_message *m)
{
    struct wf_sharing *s = ud;
    struct wf_sharing_peer *p = wf_sharing__peer(s, peer);
    const struct wf_person *whose = NULL;

    if (p == NULL || m->kind == WF_SYNC_HELLO)
        return;
    (void)wf_sharing__node(s, p, &whose);
    if (m->kind == WF_SYNC_LETTER &&
        memcmp(m->device, s->o.device->signer.id, sizeof(m->device)) == 0) {
        hear_letter(s, peer, m->bytes);
    } else if (whose == NULL) { /* nothing is kept for other people's devices */
        wf_sharing__relay_other(s, p, m);
    }
}

/* ---- what link says ---- */

void wf_sharing_machine_up(struct wf_sharing *s, uint64_t peer,
                           const uint8_t key[WF_DEVICES_KEY_BYTES])
{
    struct wf_sharing_peer *p;
    struct wf_err err = WF_ERR_INIT;

    if (peer == 0 || wf_sharing__peer(s, peer) != NULL)
        return;
    p = add_peer(s, peer);
    if (p == NULL) {
        s->link.close(s->link.ud, peer);
        return;
    }
    memcpy(p->key, key, sizeof(p->key));
    if (!wf_sharing__relay_up(s, p) || wf_syncer_up(s->syncer, peer, &err) != 0) {
        remove_peer(s, p);
        s->link.close(s->link.ud, peer);
        return;
    }
    s->keys_changed = true;
}

void wf_sharing_machine_down(struct wf_sharing *s, uint64_t peer)
{
    struct wf_sharing_peer *p = wf_sharing__peer(s, peer);

    if (p == NULL)
        return;
    wf_sharing__remember(s, p);
    remove_peer(s, p);
    wf_syncer_down(s->syncer, peer);
}

void wf_sharing_machine_room(struct wf_sharing *s, uint64_t peer)
{
    if (wf_sharing__peer(s, peer) != NULL)
        wf_syncer_room(s->syncer, peer);
}

void wf_sharing_machine_bytes(struct wf_sharing *s, uint64_t peer, struct wf_str bytes)
{
    struct wf_err err = WF_ERR_INIT;

    if (wf_sharing__peer(s, peer) == NULL || wf_syncer_bytes(s->syncer, peer, bytes, &err) == 0)
        return;
    wf_sharing__log(s, "a node is hung up on: %s", err.msg);
    s->link.close(s->link.ud, peer);
}

/* ---- a step ---- */

/* Letters that are due; what fails is tried again, though nothing changes meanwhile. */
static void grant_all(struct wf_sharing *s)
{
    struct wf_err err = WF_ERR_INIT;
    const int64_t again_ns = wf_clock_mono_ns(s->o.clock) + AGAIN_MS * INT64_C(1000000);

    s->keys_changed = false;
    s->keys_ns = 0;
    if (wf_sharing__is_cipher(s))
        return; /* it has none */
    for (size_t i = 0; i < s->n_peers; i++) {
        struct wf_sharing_peer *p = &s->peers[i];
        if (p->id != 0 && wf_sharing__grant(s, p, &err) != 0) {
            wf_sharing__log(s, "keys cannot be passed on: %s", err.msg);
            s->keys_ns = again_ns;
        }
    }
    if (wf_sharing__relay_grant(s, &err) != 0) {
        wf_sharing__log(s, "for devices that sleep: %s", err.msg);
        s->keys_ns = again_ns;
    }
}

/* After another list, a letter, a new space; what fails is tried again. */
static void look_anew(struct wf_sharing *s, int64_t now_ns)
{
    struct wf_err err = WF_ERR_INIT;
    bool is_cipher = wf_sharing__is_cipher(s); /* it knows of no spaces */
    int rc = is_cipher ? 0 : wf_sharing__read_streams(s, &err);

    if (rc == 0 && !is_cipher)
        rc = wf_sharing__count_devices(s, &err);
    if (rc == 0 && !is_cipher)
        rc = wf_sharing__find_untaken(s, &err);
    if (rc == 0)
        rc = wf_syncer_rules_changed(s->syncer, &err);
    s->is_stale = rc != 0;
    s->must_merge = !is_cipher;
    if (rc == 0)
        return;
    wf_sharing__log(s, "%s", err.msg);
    s->stale_ns = now_ns + AGAIN_MS * INT64_C(1000000);
}

/* What was withheld has come from another, or after all; or nobody says any more that there is so
 * much. */
static void forget_withheld(struct wf_sharing *s)
{
    for (size_t i = 0; i < s->n_problems; i++) {
        struct wf_sharing_problem *p = &s->problems[i];
        if (p->missing == 0 || (wf_syncer_here(s->syncer, &p->log) < p->missing &&
                                wf_syncer_said(s->syncer, &p->log) >= p->missing))
            continue;
        p->missing = 0;
        (void)wf_sharing__problem(s, &p->log, "");
    }
}

/* What could not be applied is tried again now and then: another's clock that was ahead is not for
 * ever. */
static void try_again(struct wf_sharing *s, int64_t now_ns)
{
    struct wf_err err = WF_ERR_INIT;

    if (now_ns < s->untaken_ns)
        return;
    s->untaken_ns = now_ns + UNTAKEN_MS * INT64_C(1000000);
    for (size_t i = 0; i < s->n_problems; i++) {
        if (s->problems[i].words[0] == '\0')
            continue;
        if (wf_sharing__find_untaken(s, &err) != 0)
            wf_sharing__log(s, "%s", err.msg);
        return;
    }
}

/* Where not all could be told for lack of memory, all are asked anew. */
static void flush(struct wf_sharing *s)
{
    struct wf_err err = WF_ERR_INIT;
    int rc = wf_syncer_flush(s->syncer, &err);

    if (rc != 0)
        wf_sharing__log(s, "changes of others are not kept: %s", err.msg);
    s->rules_changed = s->rules_changed || rc == WF_E_NOMEM;
}

/* What had no memory may be in the store, and the syncer not know of it. */
static void note_failure(struct wf_sharing *s, const char *what, int rc, const struct wf_err *err)
{
    wf_sharing__log(s, "%s: %s", what, err->msg);
    s->is_stale = s->is_stale || rc == WF_E_NOMEM;
}

/* All that follows from what came and what changed. */
static void work(struct wf_sharing *s)
{
    struct wf_err err = WF_ERR_INIT;
    int64_t now_ns = wf_clock_mono_ns(s->o.clock);
    int rc;

    flush(s);
    if (s->devices.version == 0)
        return;
    take_letters_again(s, now_ns);
    if (s->people_forked)
        wf_sharing__mend(s);
    if (s->is_stale && now_ns >= s->stale_ns)
        look_anew(s, now_ns);
    if (s->rules_changed) {
        s->rules_changed = wf_syncer_rules_changed(s->syncer, &err) != 0;
        if (s->rules_changed)
            wf_sharing__log(s, "%s", err.msg);
    }
    if (s->keys_changed || (s->keys_ns != 0 && now_ns >= s->keys_ns))
        grant_all(s);
    wf_sharing__relay_tend(s);
    if (wf_sharing__is_cipher(s)) {
        s->is_unsent = false; /* what is written here stays here */
        return;
    }
    forget_withheld(s);
    try_again(s, now_ns);
    rc = wf_sharing__in(s, &err);
    if (rc != 0)
        note_failure(s, "changes of others", rc, &err);
    if (s->keys_changed)
        grant_all(s);
    wf_sharing__pin(s);
    if (!s->is_unsent && wf_sharing__wants_word(s))
        s->is_unsent = true;
    if (s->is_unsent && now_ns >= s->out_ns) {
        rc = wf_sharing__out(s, &err);
        if (rc < 0)
            note_failure(s, "changes for others", rc, &err);
        s->out_ns = now_ns; /* there is more: at once */
        if (rc != 0 || !s->is_unsent)
            s->out_ns += (rc != 0 ? AGAIN_MS : GATHER_MS) * INT64_C(1000000);
    }
    if (wf_sharing__tend_stories(s, &err) != 0)
        wf_sharing__log(s, "what a device told twice: %s", err.msg);
    wf_sharing__tend_given(s);
    rc = wf_sharing__tend_snapshots(s, &err);
    if (rc != 0)
        note_failure(s, "snapshots", rc, &err);
}

/* When there is something to be done though nothing happens. */
static int64_t next_ns(const struct wf_sharing *s)
{
    int64_t tick_ns = wf_clock_mono_ns(s->o.clock) + TICK_MS * INT64_C(1000000);

    if (s->n_came > 0 && s->is_going_on)
        return 0;
    if (s->has_held)
        tick_ns = WF_MIN(tick_ns, s->given_ns);
    return s->is_unsent && s->devices.version > 0 ? WF_MIN(s->out_ns, tick_ns) : tick_ns;
}

void wf_sharing_machine_changed(struct wf_sharing *s)
{
    s->is_unsent = true;
}

void wf_sharing_machine_listed(struct wf_sharing *s)
{
    struct wf_err err = WF_ERR_INIT;

    s->o.devices(s->o.ud, &s->devices);
    if (wf_sharing__read_people(s, &err) != 0)
        wf_sharing__log(s, "%s", err.msg);
    s->keys_changed = s->is_stale = s->is_unsent = true; /* a space may be written into again */
    wf_sharing__relay_listed(s);
}

int64_t wf_sharing_machine_step(struct wf_sharing *s)
{
    work(s);
    wf_syncer_tick(s->syncer);
    return next_ns(s);
}

/* ---- how it stands ---- */

static json_t *problems_json(const struct wf_sharing *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->n_problems; i++) {
        char name[160];
        wf_sharing__name(s, s->problems[i].log.device, name);
        if (s->problems[i].words[0] != '\0')
            (void)json_array_append_new(
                list, json_pack("{s:s, s:s}", "device", name, "words", s->problems[i].words));
    }
    if (s->given_err.code != 0)
        (void)json_array_append_new(
            list,
            json_pack("{s:s, s:s}", "device", "other people's devices", "words", s->given_err.msg));
    return list;
}

/* Nothing is left to be done here. */
static bool is_at_rest(const struct wf_sharing *s)
{
    return !s->is_unsent && s->n_came == 0 && s->keys_ns == 0 && s->n_letters == 0 &&
           !s->is_stale && !s->rules_changed && !s->keys_changed && !s->must_look &&
           wf_sharing__missing(s) == 0 && !wf_sharing__has_stories(s);
}

json_t *wf_sharing_machine_status(struct wf_sharing *s, bool is_waiting)
{
    struct wf_syncer_behind b = wf_syncer_behind(s->syncer);

    return json_pack("{s:b, s:I, s:{s:I, s:I, s:b, s:I}, s:o, s:o, s:o}", "converged",
                     b.n_peers > 0 && b.is_known && b.here == 0 && b.there == 0 && !is_waiting &&
                         is_at_rest(s),
                     "nodes", (json_int_t)b.n_peers, "behind", "here", (json_int_t)b.here, "there",
                     (json_int_t)b.there, "unsent", s->is_unsent || is_waiting, "untaken",
                     (json_int_t)(s->n_came + wf_sharing__missing(s)), "absent",
                     wf_sharing__absent_json(s), "problems", problems_json(s), "relay",
                     s->is_cipher ? wf_relay_status(s->relay) : json_null());
}

/* ---- making and freeing ---- */

static int open_syncer(struct wf_sharing *s, struct wf_err *err)
{
    struct wf_syncer_options o = {.owns = owns,
                                  .keeps = s->o.keeps,
                                  .clock = s->o.clock,
                                  .gives = gives,
                                  .takes = takes,
                                  .tells = tells,
                                  .is_over = is_over,
                                  .covers = wf_sharing__covers,
                                  .leaves = wf_sharing__leaves,
                                  .left = wf_sharing__left,
                                  .send = send_to,
                                  .came = came,
                                  .trouble = trouble,
                                  .other = other,
                                  .said = wf_sharing__said,
                                  .said_all = wf_sharing__said_all,
                                  .ud = s};

    wf_relay_shelf(s->relay, &o.shelf);
    memcpy(o.device, s->o.device->signer.id, sizeof(o.device));
    return wf_syncer_new(&o, &s->syncer, err);
}

int wf_sharing_machine_new(const struct wf_sharing_options *o, const struct wf_sharing_link *link,
                           struct wf_sharing **out, struct wf_err *err)
{
    struct wf_sharing *s = wf_alloc_array(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to share with other devices.");
    s->o = *o;
    s->link = *link;
    s->is_unsent = true;
    s->given_err = (struct wf_err)WF_ERR_INIT;
    for (size_t i = 0; i < WF_SHARING_BUCKETS; i++)
        s->buckets[i] = WF_SHARING_NOBODY;
    rc = wf_sharing__relay_open(s, err);
    if (rc == 0)
        rc = open_syncer(s, err);
    if (rc == 0)
        rc = wf_sharing__read_streams(s, err);
    if (rc == 0)
        rc = wf_sharing__read_people(s, err);
    if (rc != 0) {
        wf_sharing_machine_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void wf_sharing_machine_free(struct wf_sharing *s)
{
    if (s == NULL)
        return;
    wf_sharing__end_given(s);
    wf_syncer_free(s->syncer);
    wf_sharing__forget_gone(s);
    wf_relay_free(s->relay);
    for (size_t i = 0; i < s->n_peers; i++)
        wf_free(s->peers[i].left);
    while (s->n_letters > 0)
        drop_letter(s, s->n_letters - 1);
    wf_free(s->letters);
    wf_people_free(&s->people);
    wf_free(s->pins);
    wf_free(s->peers);
    wf_free(s->streams);
    wf_free(s->came);
    wf_free(s->problems);
    wf_free(s->forks);
    wf_free(s);
}
