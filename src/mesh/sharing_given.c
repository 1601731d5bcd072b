/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to other people's devices is in the ledger before it goes.
 *
 * The syncer asks of every batch that it is about to send whether it may leave. For an own device,
 * an own relay, it may. For somebody else's the batch is opened, and of each thing that it changes
 * (a draft; the records of a collection; a document's entry) an entry says that it goes there. An
 * entry stands for some minutes: what else of the same thing goes to the same device meanwhile is
 * counted, and a second entry has the sum, where it is more than the first said; so that an hour of
 * typing makes a dozen entries, not ten thousand. An entry is durable before its first byte leaves;
 * what cannot be entered does not leave, and is tried again.
 *
 * A process that is killed knows no sums any more: then the first entry is what there is, and says
 * that it, and what followed within WINDOW_NS, went. What devices say of how far they are has no
 * content, and no entry. */
#include <sodium.h>
#include <string.h>

#include "base/alloc.h"
#include "crdt/change.h"
#include "mesh/blobs.h"
#include "mesh/blobs_store.h"
#include "mesh/sharing_internal.h"
#include "mesh/sharing_people.h"
#include "store/draft_log.h"
#include "text/utf8.h"

#define WINDOW_NS (INT64_C(300) * 1000000000)
#define AGAIN_NS (INT64_C(2) * 1000000000)
/* Who writes it is being started. */
#define SOON_NS (INT64_C(250) * 1000000)
/* Open at once: when there are more, all are closed. */
#define OPEN_MAX 2048u
/* Entries that are handed over at once. */
#define AT_ONCE 256u
#define NAME_BYTES_MAX 400u

/* Something that a batch changes. */
struct item {
    const char *what; /* static */
    uint8_t key[16];  /* which: a hash */
    struct wf_str id; /* a draft's uid, a collection, a document's hash; views into the content */
    uint32_t n;       /* changes */
    uint64_t bytes;   /* of them, before they were sealed */
    size_t i_open;    /* the entry that stands for it; SIZE_MAX: there is none yet */
};

struct leaving {
    struct wf_sharing *s;
    const struct wf_sharing_stream *stream;
    const struct wf_devices_entry *to;
    enum wf_sharing_right right;
    const uint8_t *sealed; /* hash of the batch */
    struct item *items;
    size_t n, cap;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory for what goes into the ledger.");
}

/* ---- what is in a batch ---- */

static int add(struct leaving *l, const char *what, struct wf_str id, uint64_t bytes)
{
    struct item it = {.what = what, .id = id, .n = 1, .bytes = bytes, .i_open = SIZE_MAX};
    crypto_generichash_state h;

    (void)crypto_generichash_init(&h, NULL, 0, sizeof(it.key)); /* none of these can fail */
    (void)crypto_generichash_update(&h, (const uint8_t *)what, strlen(what) + 1);
    (void)crypto_generichash_update(&h, (const uint8_t *)id.ptr, id.len);
    (void)crypto_generichash_final(&h, it.key, sizeof(it.key));
    for (size_t i = 0; i < l->n; i++) {
        if (memcmp(l->items[i].key, it.key, sizeof(it.key)) == 0) {
            l->items[i].n++;
            l->items[i].bytes += bytes;
            return 0;
        }
    }
    if (wf_reserve(&l->items, &l->cap, l->n + 1, sizeof(*l->items)) != 0)
        return WF_E_NOMEM;
    l->items[l->n++] = it;
    return 0;
}

/* What a draft is called is a record; it counts as a change of the draft. */
static int add_record(struct leaving *l, const struct wf_change_item *it)
{
    uint64_t bytes = it->collection.len + it->key.len;
    struct wf_record_op op;
    size_t at = 0;

    if (it->is_pruned)
        return 0; /* nothing of it is there but a hash */
    while (wf_change_op_next(it, &at, &op))
        bytes += op.field.len + op.value.len;
    if (wf_str_eq(it->collection, WF_SHARING_DRAFTS))
        return add(l, "draft", it->key, bytes);
    if (wf_str_eq(it->collection, WF_BLOBS_RECORDS))
        return add(l, "document", it->key, bytes);
    return add(l, "record", it->collection, bytes);
}

static int add_change(struct leaving *l, struct wf_str bytes)
{
    struct wf_change c;
    struct wf_change_item it;
    size_t at = 0;
    int rc = wf_change_read(bytes, &c, NULL);

    if (rc == WF_E_NOMEM)
        return rc;
    if (rc != 0)
        return add(l, "batch", WF_STR(""), bytes.len); /* goes on as it is, for others to judge */
    while (rc == 0 && wf_change_next(&c, &at, &it))
        rc = add_record(l, &it);
    return rc;
}

/* A draft's uid in hex, as records have it; into the room of 32 bytes. */
static struct wf_str hex_of(struct wf_arena *arena, const uint8_t uid[16])
{
    char *hex = wf_arena_alloc(arena, 33);

    if (hex == NULL)
        return WF_STR("");
    (void)sodium_bin2hex(hex, 33, uid, 16);
    return wf_str_n(hex, 32);
}

static int add_all(struct leaving *l, struct wf_str content, struct wf_arena *arena)
{
    struct wf_batch_entry e;
    size_t at = 0;
    int rc = 0, got = 0;

    while (rc == 0 && (got = wf_batch_entry_next(content, &at, &e)) == 1) {
        if (e.kind == WF_BATCH_UPDATE) {
            struct wf_str hex = hex_of(arena, e.draft);
            rc = hex.len == 0 ? WF_E_NOMEM : add(l, "draft", hex, e.bytes.len);
        } else if (e.kind == WF_BATCH_CHANGE) {
            rc = add_change(l, e.bytes);
        }
    }
    if (rc == 0 && got < 0)
        rc = add(l, "batch", WF_STR(""), content.len - WF_MIN(at, content.len));
    return rc;
}

/* ---- entries that stand ---- */

static size_t find(const struct leaving *l, const struct item *it)
{
    for (size_t i = 0; i < l->s->n_given; i++) {
        const struct wf_sharing_given *g = &l->s->given[i];
        if (memcmp(g->item, it->key, sizeof(g->item)) == 0 &&
            memcmp(g->device, l->to->device, sizeof(g->device)) == 0 &&
            g->space == l->stream->space && g->level == l->stream->level)
            return i;
    }
    return SIZE_MAX;
}

static const char *reason_of(enum wf_sharing_right right)
{
    switch (right) {
    case WF_SHARING_KEEPS:
        return "keeps the space for a member, and cannot read it";
    case WF_SHARING_READ:
        return "a member's device, who reads the space";
    case WF_SHARING_WRITE:
        return "a member's device, who writes in the space";
    case WF_SHARING_ADMIN:
        return "a member's device, who says who is in the space";
    case WF_SHARING_NONE:
        break;
    }
    return "";
}

/* What it is called; of what is not known here, its id. */
static struct wf_str name_of(struct wf_reader *r, const struct leaving *l, const struct item *it,
                             struct wf_arena *arena)
{
    struct wf_draft_row draft;
    struct wf_paper paper;
    uint8_t hash[WF_HASH_BYTES];
    size_t n = 0;

    if (strcmp(it->what, "draft") == 0 && wf_draft_row_uid(r, it->id, arena, &draft, NULL) == 0)
        return draft.name;
    if (strcmp(it->what, "document") == 0 &&
        sodium_hex2bin(hash, sizeof(hash), it->id.ptr, it->id.len, NULL, &n, NULL) == 0 &&
        n == sizeof(hash) && wf_paper_get(r, l->stream->space, hash, arena, &paper, NULL) == 0)
        return paper.name;
    return it->id;
}

static struct wf_str space_name(struct wf_reader *r, const struct leaving *l,
                                struct wf_arena *arena)
{
    struct wf_share_space *spaces = NULL;
    size_t n = 0;

    if (wf_share_spaces(r, arena, &spaces, &n, NULL) != 0)
        return WF_STR("");
    for (size_t i = 0; i < n; i++) {
        if (spaces[i].id == l->stream->space)
            return spaces[i].name;
    }
    return WF_STR("");
}

static void describe(const struct wf_sharing_given *g, struct wf_given *out)
{
    *out = (struct wf_given){.seq = g->seq,
                             .to = g->to,
                             .space = wf_str_from(g->space_name),
                             .name = wf_str_from(g->name),
                             .what = g->what,
                             .reason = g->reason,
                             .label = g->level,
                             .n = g->n,
                             .bytes = g->bytes};
    memcpy(out->device, g->device, sizeof(out->device));
    memcpy(out->sealed, g->sealed, sizeof(out->sealed));
}

static void forget(struct wf_sharing *s, size_t i)
{
    wf_free(s->given[i].name);
    wf_free(s->given[i].space_name);
    s->given[i] = s->given[--s->n_given];
}

/* Has the ledger write what is described, from `first` on. */
static int enter(struct wf_sharing *s, struct wf_given *what, size_t n, struct wf_err *err)
{
    int rc = 0;

    if (s->o.given == NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED, "There is no ledger.");
    for (size_t i = 0; i < n && rc == 0; i += AT_ONCE)
        rc = s->o.given(s->o.ud, what + i, WF_MIN(n - i, (size_t)AT_ONCE), err);
    return rc;
}

/* Owned; as much of it as a ledger takes. */
static char *copy(struct wf_str s)
{
    struct wf_str part = wf_str_sub(s, 0, NAME_BYTES_MAX);
    size_t n = wf_utf8_valid_prefix(part);
    char *p = wf_alloc(n + 1);

    if (p != NULL) {
        if (n > 0)
            memcpy(p, part.ptr, n);
        p[n] = '\0';
    }
    return p;
}

/* One more that stands, not entered yet: behind those that are counted. */
static int put(struct leaving *l, const struct item *it, struct wf_reader *r, size_t i,
               struct wf_arena *arena, struct wf_err *err)
{
    struct wf_sharing *s = l->s;
    struct wf_sharing_given *g;

    if (wf_reserve(&s->given, &s->cap_given, i + 1, sizeof(*s->given)) != 0)
        return no_memory(err);
    g = &s->given[i];
    *g = (struct wf_sharing_given){.space = l->stream->space,
                                   .level = l->stream->level,
                                   .what = it->what,
                                   .reason = reason_of(l->right),
                                   .opened_ns = wf_clock_mono_ns(s->o.clock),
                                   .n = it->n,
                                   .bytes = it->bytes,
                                   .n_told = it->n,
                                   .bytes_told = it->bytes};
    memcpy(g->device, l->to->device, sizeof(g->device));
    memcpy(g->item, it->key, sizeof(g->item));
    memcpy(g->sealed, l->sealed, sizeof(g->sealed));
    wf_sharing__name(s, g->device, g->to);
    g->to[wf_utf8_valid_prefix(wf_str_from(g->to))] = '\0';
    g->name = copy(name_of(r, l, it, arena));
    g->space_name = copy(space_name(r, l, arena));
    if (g->name != NULL && g->space_name != NULL)
        return 0;
    wf_free(g->name);
    wf_free(g->space_name);
    return no_memory(err);
}

static void free_from(struct wf_sharing *s, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        wf_free(s->given[i].name);
        wf_free(s->given[i].space_name);
    }
}

/* Those behind the first n_given are entered: they stand. */
static int enter_new(struct wf_sharing *s, size_t n, struct wf_err *err)
{
    struct wf_given *what = n == 0 ? NULL : wf_alloc_array(n, sizeof(*what));
    int rc = n > 0 && what == NULL ? no_memory(err) : 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        describe(&s->given[s->n_given + i], &what[i]);
    if (rc == 0 && n > 0)
        rc = enter(s, what, n, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        s->given[s->n_given + i].seq = what[i].seq;
    if (rc == 0) /* nothing of it has gone yet */
        for (size_t i = s->n_given; i < s->n_given + n; i++)
            s->given[i].n = 0, s->given[i].bytes = 0;
    wf_free(what);
    return rc;
}

static int open_new(struct leaving *l, struct wf_arena *arena, struct wf_err *err)
{
    struct wf_sharing *s = l->s;
    struct wf_reader *r = NULL;
    size_t end = s->n_given;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < l->n && rc == 0; i++) {
        if (l->items[i].i_open != SIZE_MAX)
            continue;
        rc = put(l, &l->items[i], r, end, arena, err);
        if (rc == 0)
            l->items[i].i_open = end++;
    }
    wf_store_reader_put(s->o.store, r);
    if (rc == 0)
        rc = enter_new(s, end - s->n_given, err);
    if (rc == 0)
        s->n_given = end;
    else
        free_from(s, s->n_given, end);
    return rc;
}

/* ---- the syncer's questions ---- */

/* Notes what goes with the message that is being made. */
static int count_on(struct leaving *l, struct wf_err *err)
{
    struct wf_sharing *s = l->s;

    if (wf_reserve(&s->leaving, &s->cap_leaving, s->n_leaving + l->n, sizeof(*s->leaving)) != 0)
        return no_memory(err);
    for (size_t i = 0; i < l->n; i++) {
        struct wf_sharing_leaving *to = &s->leaving[s->n_leaving++];
        *to = (struct wf_sharing_leaving){.seq = s->given[l->items[i].i_open].seq,
                                          .n = l->items[i].n,
                                          .bytes = l->items[i].bytes};
        memcpy(to->sealed, l->sealed, sizeof(to->sealed));
    }
    return 0;
}

static int account(struct leaving *l, const struct wf_batch *b, struct wf_err *err)
{
    struct wf_arena arena;
    struct wf_buf content;
    int rc;

    wf_arena_init(&arena, 4096, SIZE_MAX);
    wf_buf_init(&content, WF_LIMIT_BATCH_CONTENT_BYTES);
    rc = wf_sharing__open(l->s, b, &content, err);
    if (rc == 0)
        rc = add_all(l, wf_buf_str(&content), &arena);
    else if (rc == WF_E_NOENT || rc == WF_E_DENIED) /* sealed for others, or for nobody */
        rc = add(l, "batch", WF_STR(""), b->bytes.len);
    if (rc == WF_E_NOMEM)
        rc = no_memory(err);
    for (size_t i = 0; i < l->n; i++)
        l->items[i].i_open = find(l, &l->items[i]);
    if (rc == 0)
        rc = open_new(l, &arena, err);
    if (rc == 0)
        rc = count_on(l, err);
    if (content.len > 0)
        sodium_memzero(content.ptr, content.len);
    wf_buf_deinit(&content);
    wf_arena_deinit(&arena);
    return rc;
}

/* Once, until it is another reason, or none. */
static void say(struct wf_sharing *s, const struct wf_err *err)
{
    if (strcmp(s->given_err.msg, err->msg) != 0)
        wf_sharing__log(s, "nothing goes to other people's devices: %s", err->msg);
    s->given_err = *err;
    if (s->o.changed != NULL)
        s->o.changed(s->o.ud);
}

int wf_sharing__leaves(void *ud, uint64_t peer, struct wf_str batch)
{
    struct wf_sharing *s = ud;
    struct wf_sharing_peer *p = wf_sharing__peer(s, peer);
    const struct wf_person *whose = NULL;
    struct leaving l = {.s = s, .to = p == NULL ? NULL : wf_sharing__node(s, p, &whose)};
    struct wf_err err = WF_ERR_INIT;
    struct wf_batch b;
    int rc;

    if (l.to != NULL && whose == NULL)
        return 0; /* this owner's */
    if (l.to == NULL || wf_clock_mono_ns(s->o.clock) < s->given_ns) {
        rc = WF_E_BUSY;
    } else {
        rc = wf_batch_read(batch, &b, &err);
        l.stream = rc == 0 ? wf_sharing__stream(s, b.stream) : NULL;
        if (rc == 0 && l.stream == NULL)
            rc = wf_err_set(&err, WF_E_NOENT, "A stream is of no space.");
        if (rc == 0) {
            l.right = wf_sharing__right_of_peer(s, peer, b.stream);
            l.sealed = b.hash;
            rc = account(&l, &b, &err);
        }
        if (rc != 0) {
            say(s, &err);
            s->given_ns = wf_clock_mono_ns(s->o.clock) + (rc == WF_E_CRASHED ? SOON_NS : AGAIN_NS);
        } else if (s->given_err.code != 0) {
            say(s, &(struct wf_err)WF_ERR_INIT);
        }
    }
    wf_free(l.items);
    if (p != NULL && rc != 0)
        p->is_held = s->has_held = true;
    return rc;
}

/* The hash of one batch; of more, of the hash before and theirs. */
static void chain(struct wf_sharing_given *g, const uint8_t sealed[WF_BATCH_HASH_BYTES])
{
    uint8_t both[2 * WF_BATCH_HASH_BYTES];

    if (g->n == 0) {
        memcpy(g->sealed, sealed, sizeof(g->sealed));
        return;
    }
    memcpy(both, g->sealed, WF_BATCH_HASH_BYTES);
    memcpy(both + WF_BATCH_HASH_BYTES, sealed, WF_BATCH_HASH_BYTES);
    (void)crypto_generichash(g->sealed, sizeof(g->sealed), both, sizeof(both), NULL, 0);
}

void wf_sharing__left(void *ud, uint64_t peer, bool is_sent)
{
    struct wf_sharing *s = ud;

    (void)peer;
    for (size_t i = 0; i < s->n_leaving && is_sent; i++) {
        for (size_t k = 0; k < s->n_given; k++) {
            struct wf_sharing_given *g = &s->given[k];
            if (g->seq != s->leaving[i].seq)
                continue;
            chain(g, s->leaving[i].sealed);
            g->n += s->leaving[i].n;
            g->bytes += s->leaving[i].bytes;
            break;
        }
    }
    s->n_leaving = 0;
}

/* ---- a document's bytes, which go another way ---- */

int wf_sharing__give_document(struct wf_sharing *s, const struct wf_sharing_document *d,
                              struct wf_err *err)
{
    uint8_t stream[WF_STREAM_ID_BYTES];
    char to[160];
    struct leaving l = {.s = s};
    struct wf_given g = {
        .name = d->name, .what = "file", .label = d->label, .n = 1, .bytes = d->bytes};
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    int rc;

    wf_stream_id(d->space, d->label, stream);
    l.stream = wf_sharing__stream(s, stream);
    l.right = wf_sharing__right(s, d->device, stream);
    if (l.stream == NULL || l.right < WF_SHARING_READ)
        return wf_err_set(err, WF_E_DENIED, "That device may not have the document.");
    rc = wf_store_reader_get(s->o.store, &r, err);
    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 4096, SIZE_MAX);
    g.space = space_name(r, &l, &arena);
    wf_store_reader_put(s->o.store, r);
    g.name = wf_str_sub(g.name, 0, NAME_BYTES_MAX);
    g.name = wf_str_sub(g.name, 0, wf_utf8_valid_prefix(g.name));
    g.reason = reason_of(l.right);
    wf_sharing__name(s, d->device, to);
    to[wf_utf8_valid_prefix(wf_str_from(to))] = '\0';
    g.to = to;
    memcpy(g.device, d->device, sizeof(g.device));
    memcpy(g.sealed, d->hash, sizeof(g.sealed));
    rc = enter(s, &g, 1, err);
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- sums ---- */

static bool is_due(const struct wf_sharing *s, const struct wf_sharing_given *g, bool all)
{
    return all || wf_clock_mono_ns(s->o.clock) - g->opened_ns >= WINDOW_NS;
}

/* What the first entry said and no more went needs no second. */
static void drop_told(struct wf_sharing *s, bool all)
{
    for (size_t i = s->n_given; i > 0; i--) {
        const struct wf_sharing_given *g = &s->given[i - 1];
        if (is_due(s, g, all) && g->n == g->n_told && g->bytes == g->bytes_told)
            forget(s, i - 1);
    }
}

/* Closes those that are old, or all. 1: there are more. */
static int close_some(struct wf_sharing *s, bool all, struct wf_err *err)
{
    struct wf_given what[AT_ONCE];
    size_t at[AT_ONCE], n = 0;
    int rc = 0;

    for (size_t i = s->n_given; i > 0 && n < AT_ONCE; i--) {
        const struct wf_sharing_given *g = &s->given[i - 1];
        if (!is_due(s, g, all))
            continue;
        describe(g, &what[n]);
        at[n++] = i - 1;
    }
    if (n > 0)
        rc = enter(s, what, n, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        forget(s, at[i]); /* from the last to the first */
    return rc == 0 && n == AT_ONCE ? 1 : rc;
}

static int close_them(struct wf_sharing *s, bool all, struct wf_err *err)
{
    int rc;

    drop_told(s, all);
    do
        rc = close_some(s, all, err);
    while (rc == 1);
    return rc;
}

void wf_sharing__tend_given(struct wf_sharing *s)
{
    int64_t now_ns = wf_clock_mono_ns(s->o.clock);
    struct wf_err err = WF_ERR_INIT;

    if (now_ns < s->given_ns)
        return;
    if (close_them(s, s->n_given > OPEN_MAX, &err) != 0) {
        say(s, &err);
        s->given_ns = now_ns + AGAIN_NS;
        return;
    }
    if (!s->has_held)
        return;
    s->has_held = false;
    for (size_t i = 0; i < s->n_peers; i++) {
        if (s->peers[i].id == 0 || !s->peers[i].is_held)
            continue;
        s->peers[i].is_held = false;
        wf_syncer_room(s->syncer, s->peers[i].id);
    }
}

void wf_sharing__end_given(struct wf_sharing *s)
{
    if (s->n_given > 0)
        (void)!close_them(s, true, NULL); /* else the first entries are what there is */
    free_from(s, 0, s->n_given);
    wf_free(s->given);
    wf_free(s->leaving);
}
