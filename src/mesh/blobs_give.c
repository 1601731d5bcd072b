/* SPDX-License-Identifier: Apache-2.0 */
/* What others ask for is answered in the order of its coming, one message at a time, while there is
 * room. Whether somebody may have a document is looked at anew for every question. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/json.h"
#include "engine/model_store.h"
#include "mesh/blobs_internal.h"
#include "mesh/sharing.h"
#include "os/file.h"
#include "store/blob.h"

/* Of a file that nobody has cut yet, so much is cut for one answer: the first bytes go soon. */
#define CUT_BYTES ((size_t)8 << 20)
/* In one go, before others have their turn. */
#define GO_MESSAGES 16

void wf_blobs__forget_asks(struct wf_blobs_peer *p)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &p->asks)
    {
        wf_list_remove(it);
        wf_free(WF_CONTAINER(it, struct wf_blobs_ask, node));
    }
    p->n_asks = 0;
}

static void drop(struct wf_blobs_peer *p, struct wf_blobs_ask *a)
{
    wf_list_remove(&a->node);
    wf_free(a);
    p->n_asks--;
}

/* It does not want those any more. */
static void stop(struct wf_blobs_peer *p, uint32_t id)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &p->asks)
    {
        struct wf_blobs_ask *a = WF_CONTAINER(it, struct wf_blobs_ask, node);
        if (a->m.id == id)
            drop(p, a);
    }
}

void wf_blobs__asked(struct wf_blobs *b, struct wf_blobs_peer *p, const struct wf_blobs_message *m)
{
    struct wf_blobs_ask *a;

    if (m->kind == WF_BLOBS_STOP) {
        stop(p, m->id);
        return;
    }
    if (p->n_asks >= WF_BLOBS_ASKS_MAX) {
        wf_blobs__hang_up(b, p, "it asks for more than can be answered");
        return;
    }
    a = wf_alloc(sizeof(*a) + m->body.len);
    if (a == NULL) {
        wf_blobs__hang_up(b, p, "memory is short");
        return;
    }
    *a = (struct wf_blobs_ask){.m = *m};
    if (m->body.len > 0)
        memcpy(a->name, m->body.ptr, m->body.len);
    a->m.body = wf_str_n(a->name, m->body.len);
    wf_list_push(&p->asks, &a->node);
    p->n_asks++;
}

/* ---- what it may have ---- */

/* Up to which label another person's device may read a space; false: it may not. */
static bool readable(struct wf_blobs *b, const struct wf_blobs_peer *p, const uint8_t *space,
                     enum wf_label *out)
{
    for (unsigned l = WF_LABEL_SECRET; b->o.may_read != NULL && l-- > WF_LABEL_PUBLIC;) {
        *out = (enum wf_label)l;
        if (b->o.may_read(b->o.ud, p->entry.device, space, *out))
            return true;
    }
    return false;
}

/* Whether it may have the document now, and whether this device keeps it. */
static bool may_have(struct wf_blobs *b, struct wf_blobs_peer *p, const struct wf_blobs_message *m,
                     bool *out_keeps, uint64_t *out_bytes)
{
    struct wf_paper_asked asked = {
        .hash = m->hash, .space = m->space, .keeps_all = b->o.keep == WF_BLOBS_KEEP_ALL};
    struct wf_reader *r = NULL;
    bool may = false;

    if (b->wire.entry(b->wire.ud, p->id, &p->entry, NULL) != 0 ||
        wf_store_reader_get(b->o.store, &r, NULL) != 0)
        return false;
    asked.clearance = p->entry.clearance;
    if ((!p->is_other || readable(b, p, m->space, &asked.clearance)) &&
        wf_paper_may_give(r, &asked, &may, out_keeps, out_bytes, NULL) != 0)
        may = false;
    wf_store_reader_put(b->o.store, r);
    return may;
}

static bool is_entered(const struct wf_blobs_peer *p, const struct wf_blobs_message *m)
{
    for (size_t i = 0; i < p->n_entered; i++) {
        if (memcmp(p->entered[i].hash, m->hash, sizeof(m->hash)) == 0 &&
            memcmp(p->entered[i].space, m->space, sizeof(m->space)) == 0)
            return true;
    }
    return false;
}

/* Has the ledger say that a document's bytes go to another person's device, once a session. Errors:
 * BUSY: it cannot now, and nothing is to go. */
static int enter(struct wf_blobs *b, struct wf_blobs_peer *p, const struct wf_blobs_message *m)
{
    struct wf_sharing_document d = {.device = p->entry.device, .space = m->space, .hash = m->hash};
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    struct wf_paper paper;
    int rc;

    if (!p->is_other || is_entered(p, m))
        return 0;
    if (b->o.given == NULL ||
        wf_reserve(&p->entered, &p->cap_entered, p->n_entered + 1, sizeof(*p->entered)) != 0 ||
        wf_store_reader_get(b->o.store, &r, NULL) != 0)
        return WF_E_BUSY;
    wf_arena_init(&arena, 4096, (size_t)1 << 20);
    rc = wf_paper_of(r, m->space, m->hash, &arena, &paper, NULL);
    wf_store_reader_put(b->o.store, r);
    if (rc == 0) {
        d.name = paper.name;
        d.label = (enum wf_label)paper.label;
        d.bytes = paper.bytes;
        rc = b->o.given(b->o.ud, &d, NULL);
    }
    wf_arena_deinit(&arena);
    if (rc != 0)
        return WF_E_BUSY;
    memcpy(p->entered[p->n_entered].hash, m->hash, sizeof(m->hash));
    memcpy(p->entered[p->n_entered++].space, m->space, sizeof(m->space));
    return 0;
}

static void digest_of(const uint8_t *hash, char out[72])
{
    memcpy(out, "sha256:", 7);
    (void)sodium_bin2hex(out + 7, 65, hash, 32);
}

static int open_blob(struct wf_blobs *b, enum wf_blobs_what what, const uint8_t *hash, int *out_fd)
{
    char digest[72];

    if (what == WF_BLOBS_DOCUMENT)
        return wf_blob_open(b->o.store, hash, out_fd, NULL);
    digest_of(hash, digest);
    return b->o.models == NULL ? WF_E_NOENT
                               : wf_model_store_open_blob(b->o.models, digest, out_fd, NULL);
}

/* Opens what is asked for, unless it is open. false: it is not for who asks. */
static bool ready(struct wf_blobs *b, struct wf_blobs_peer *p, const struct wf_blobs_message *m)
{
    bool keeps = false;
    uint64_t bytes = 0;
    struct stat st;

    if (m->what == WF_BLOBS_DOCUMENT && !may_have(b, p, m, &keeps, &bytes))
        return false;
    if (p->fd >= 0 && p->what == m->what && memcmp(p->hash, m->hash, sizeof(p->hash)) == 0)
        return true;
    wf_file_close(&p->fd);
    if (open_blob(b, m->what, m->hash, &p->fd) != 0)
        return false;
    if (fstat(p->fd, &st) != 0 || st.st_size <= 0) {
        wf_file_close(&p->fd);
        return false;
    }
    p->what = m->what;
    memcpy(p->hash, m->hash, sizeof(p->hash));
    p->n_bytes = (uint64_t)st.st_size;
    return true;
}

/* ---- answers; each: 0: it is answered, BUSY: later, 1: more of it follows ---- */

static int none(struct wf_blobs *b, struct wf_blobs_peer *p, uint32_t id)
{
    const struct wf_blobs_message m = {.kind = WF_BLOBS_NONE, .id = id};

    return wf_blobs__send(b, p, &m, NULL);
}

static int give_has(struct wf_blobs *b, struct wf_blobs_peer *p, const struct wf_blobs_ask *a)
{
    struct wf_blobs_message m = {.kind = WF_BLOBS_HAS, .id = a->m.id};
    bool keeps = false;
    int fd = -1;

    if (a->m.what == WF_BLOBS_DOCUMENT && !may_have(b, p, &a->m, &keeps, &m.n_bytes))
        return none(b, p, a->m.id);
    if (open_blob(b, a->m.what, a->m.hash, &fd) != 0)
        return none(b, p, a->m.id);
    wf_file_close(&fd);
    m.flags = WF_BLOBS_HAS_IT | (keeps ? WF_BLOBS_KEEPS_IT : 0);
    return wf_blobs__send(b, p, &m, NULL);
}

/* Reads all n bytes at a place. */
static bool read_at(int fd, void *out, size_t n, uint64_t at)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fd, (char *)out + done, n - done, (off_t)(at + done));
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* Cuts what begins at `from`: appends pieces to the body. */
static bool cut(const struct wf_blobs_peer *p, uint64_t from, struct wf_buf *body)
{
    size_t n = (size_t)WF_MIN((uint64_t)CUT_BYTES, p->n_bytes - from), at = 0;
    bool is_last = from + n == p->n_bytes;
    uint8_t *bytes = wf_alloc(n);
    bool ok = bytes != NULL && read_at(p->fd, bytes, n, from);
    struct wf_piece piece;

    while (ok && at < n && (is_last || n - at >= WF_PIECE_BYTES_MAX)) {
        size_t len = wf_piece_cut(bytes + at, n - at);
        wf_piece_make(bytes + at, len, &piece);
        ok = wf_blobs_piece_put(&piece, body) == 0;
        at += len;
    }
    wf_free(bytes);
    return ok && body->len > 0;
}

/* Those that were noted when it came. */
static void noted(struct wf_blobs *b, const struct wf_blobs_ask *a, struct wf_buf *body)
{
    struct wf_piece *pieces = wf_alloc_array(WF_BLOBS_PIECES_MAX, sizeof(*pieces));
    struct wf_reader *r = NULL;
    size_t n = 0;

    if (pieces != NULL && wf_store_reader_get(b->o.store, &r, NULL) == 0) {
        if (wf_pieces_get(r, a->m.hash, a->m.from, pieces, WF_BLOBS_PIECES_MAX, &n, NULL) != 0)
            n = 0;
        wf_store_reader_put(b->o.store, r);
    }
    for (size_t i = 0; i < n; i++)
        (void)wf_blobs_piece_put(&pieces[i], body); /* too few are no harm */
    wf_free(pieces);
}

static int put_pieces(struct wf_blobs *b, void *ud, struct wf_err *err)
{
    const struct wf_blobs_peer *p = ud;
    const struct wf_blobs_message m = {.body = wf_buf_str(&p->listed)};
    size_t n = wf_blobs_pieces_n(&m);
    struct wf_piece *pieces = wf_alloc_array(n, sizeof(*pieces));
    int rc;

    if (pieces == NULL)
        return wf_blobs__no_memory(err);
    for (size_t i = 0; i < n; i++)
        wf_blobs_piece_at(&m, i, &pieces[i]);
    rc = wf_pieces_put(b->o.store, p->listed_space, p->listed_hash, pieces, n, err);
    wf_free(pieces);
    return rc;
}

/* Remembers how the file is cut; once that is all of it, for good. */
static void note(struct wf_blobs *b, struct wf_blobs_peer *p, const struct wf_blobs_message *asked,
                 struct wf_str pieces)
{
    const struct wf_blobs_message m = {.body = pieces};
    struct wf_piece piece;

    if (asked->from == 0) {
        wf_buf_reset(&p->listed);
        p->n_listed = 0;
        memcpy(p->listed_hash, p->hash, sizeof(p->hash));
        memcpy(p->listed_space, asked->space, sizeof(p->listed_space));
    }
    if (asked->from != p->n_listed ||
        memcmp(p->listed_space, asked->space, sizeof(p->listed_space)) != 0 ||
        memcmp(p->listed_hash, p->hash, sizeof(p->hash)) != 0 ||
        wf_buf_append_str(&p->listed, pieces) != 0)
        return;
    for (size_t i = 0; i < wf_blobs_pieces_n(&m); i++) {
        wf_blobs_piece_at(&m, i, &piece);
        p->n_listed += piece.bytes;
    }
    if (p->n_listed == p->n_bytes)
        (void)!wf_blobs__in_turn(b, put_pieces, p, NULL); /* else it is cut again */
}

static int give_pieces(struct wf_blobs *b, struct wf_blobs_peer *p, const struct wf_blobs_ask *a)
{
    struct wf_blobs_message m = {.kind = WF_BLOBS_PIECES, .id = a->m.id, .from = a->m.from};
    struct wf_buf body;
    int rc;

    if (a->m.what != WF_BLOBS_DOCUMENT || !ready(b, p, &a->m) || a->m.from >= p->n_bytes)
        return none(b, p, a->m.id);
    if (enter(b, p, &a->m) != 0)
        return WF_E_BUSY;
    wf_buf_init(&body, WF_SEALED_MESSAGE_BYTES - 64);
    noted(b, a, &body);
    if (body.len == 0) {
        if (!cut(p, a->m.from, &body)) {
            wf_buf_deinit(&body);
            return none(b, p, a->m.id);
        }
        note(b, p, &a->m, wf_buf_str(&body));
    }
    m.n_bytes = p->n_bytes;
    m.body = wf_buf_str(&body);
    rc = wf_blobs__send(b, p, &m, NULL);
    wf_buf_deinit(&body);
    return rc;
}

static int give_bytes(struct wf_blobs *b, struct wf_blobs_peer *p, struct wf_blobs_ask *a)
{
    struct wf_blobs_message m = {.kind = WF_BLOBS_DATA, .id = a->m.id};
    size_t n = (size_t)WF_MIN(a->m.n_bytes - a->n_given, (uint64_t)WF_BLOBS_DATA_BYTES);
    char *bytes;
    int rc;

    if ((a->n_given == 0 && !ready(b, p, &a->m)) || p->fd < 0 || a->m.from > p->n_bytes ||
        a->m.n_bytes > p->n_bytes - a->m.from)
        return none(b, p, a->m.id);
    if (enter(b, p, &a->m) != 0)
        return WF_E_BUSY;
    bytes = wf_alloc(n);
    m.from = a->m.from + a->n_given;
    if (bytes == NULL || !read_at(p->fd, bytes, n, m.from)) {
        wf_free(bytes);
        return none(b, p, a->m.id);
    }
    m.body = wf_str_n(bytes, n);
    rc = wf_blobs__send(b, p, &m, NULL);
    wf_free(bytes);
    if (rc != 0)
        return rc;
    a->n_given += n;
    b->n_given += n;
    return a->n_given < a->m.n_bytes ? 1 : 0;
}

static int give_model(struct wf_blobs *b, struct wf_blobs_peer *p, const struct wf_blobs_ask *a)
{
    struct wf_blobs_message m = {.kind = WF_BLOBS_MODEL, .id = a->m.id};
    char name[WF_MODEL_NAME_MAX];
    json_t *record = NULL;
    struct wf_buf text;
    int rc = WF_E_NOENT;

    if (b->o.models != NULL && a->m.body.len < sizeof(name)) {
        (void)snprintf(name, sizeof(name), "%.*s", WF_STR_ARG(a->m.body));
        rc = wf_model_store_record(b->o.models, name, &record, NULL);
    }
    wf_buf_init(&text, WF_BLOBS_MODEL_BYTES);
    if (rc == 0)
        rc = wf_json_append(&text, record);
    m.body = wf_buf_str(&text);
    rc = rc == 0 ? wf_blobs__send(b, p, &m, NULL) : none(b, p, a->m.id);
    wf_buf_deinit(&text);
    json_decref(record);
    return rc;
}

/* What another person's device may ask: about documents. */
static bool is_for_others(const struct wf_blobs_ask *a)
{
    return a->m.what == WF_BLOBS_DOCUMENT &&
           (a->m.kind == WF_BLOBS_ASK_PIECES || a->m.kind == WF_BLOBS_WANT);
}

static int give_one(struct wf_blobs *b, struct wf_blobs_peer *p, struct wf_blobs_ask *a)
{
    if (p->is_other && !is_for_others(a))
        return none(b, p, a->m.id);
    switch (a->m.kind) {
    case WF_BLOBS_ASK_HAS:
        return give_has(b, p, a);
    case WF_BLOBS_ASK_PIECES:
        return give_pieces(b, p, a);
    case WF_BLOBS_WANT:
        return give_bytes(b, p, a);
    case WF_BLOBS_ASK_MODEL:
        return give_model(b, p, a);
    case WF_BLOBS_STOP:
    case WF_BLOBS_HAS:
    case WF_BLOBS_PIECES:
    case WF_BLOBS_DATA:
    case WF_BLOBS_NONE:
    case WF_BLOBS_MODEL:
        break;
    }
    return 0; /* no question */
}

bool wf_blobs__give(struct wf_blobs *b, struct wf_blobs_peer *p)
{
    for (int i = 0; i < GO_MESSAGES; i++) {
        struct wf_blobs_ask *a;
        int rc;
        if (wf_list_empty(&p->asks) || p->is_full)
            return false;
        a = WF_CONTAINER(p->asks.next, struct wf_blobs_ask, node);
        rc = give_one(b, p, a);
        if (rc == WF_E_BUSY)
            return false;
        if (rc <= 0) /* also where the session is gone: nothing can be answered */
            drop(p, a);
    }
    return true;
}
