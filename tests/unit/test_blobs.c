/* SPDX-License-Identifier: Apache-2.0 */
/* One core that gives and takes files, the test at the other end: what it gives to whom, what it
 * asks for, what it makes of nonsense, of the same pieces, of a break in the middle. */
#include "mesh/blobs.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "mesh/blobs_message.h"
#include "mesh/blobs_store.h"
#include "mesh/sharing.h"
#include "os/file.h"
#include "space/record.h"
#include "store/blob.h"
#include "store/spaces.h"
#include "support/home.h"

#define N_BYTES ((size_t)3 << 20)
#define SENT_MAX 4096u
#define WAIT_MS 20000

/* What was sent to the test, in its order. */
struct sent {
    uint64_t peer;
    struct wf_blobs_message m;
    char *bytes;
};

static struct home home;
static struct wf_signer_key key;
static struct wf_signer signer;
static struct wf_records *records;
static struct wf_blobs *blobs;
static struct wf_sealed_events events;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the next five */
static struct sent sent[SENT_MAX];
static size_t n_sent, n_read;
static unsigned n_closed;
static enum wf_label clearance;
static char parts[128];
/* Connections from this number on are other people's devices. */
#define OTHER 50u
static bool may_read_public, may_read_private, is_ledger_broken;
static uint8_t shared_space[WF_SPACE_UID_BYTES];
static unsigned n_given;
static char given_name[64];

/* ---- the wire ---- */

static int wire_send(void *ud, uint64_t peer, struct wf_str bytes, struct wf_err *err)
{
    struct sent *s;

    (void)ud;
    (void)err;
    pthread_mutex_lock(&lock);
    assert_true(n_sent < SENT_MAX);
    s = &sent[n_sent];
    s->peer = peer;
    s->bytes = wf_alloc(bytes.len);
    if (s->bytes != NULL) { /* else as if it was lost on the way */
        memcpy(s->bytes, bytes.ptr, bytes.len);
        assert_int_equal(wf_blobs_message_read(wf_str_n(s->bytes, bytes.len), &s->m, NULL), 0);
        n_sent++;
    }
    pthread_mutex_unlock(&lock);
    return 0;
}

static void wire_close(void *ud, uint64_t peer, const char *words)
{
    (void)ud;
    (void)peer;
    assert_true(strlen(words) > 0);
    pthread_mutex_lock(&lock);
    n_closed++;
    pthread_mutex_unlock(&lock);
}

static int wire_entry(void *ud, uint64_t peer, struct wf_devices_entry *out, struct wf_err *err)
{
    (void)ud;
    (void)err;
    *out = (struct wf_devices_entry){.clearance = clearance};
    (void)snprintf(out->name, sizeof(out->name), "node %u", (unsigned)peer);
    return 0;
}

static int wire_own(void *ud, struct wf_devices_entry *out, struct wf_err *err)
{
    (void)ud;
    (void)err;
    *out = (struct wf_devices_entry){.clearance = WF_LABEL_PRIVATE};
    return 0;
}

static bool wire_other(void *ud, uint64_t peer)
{
    (void)ud;
    return peer >= OTHER;
}

static const struct wf_blobs_wire wire = {.send = wire_send,
                                          .close = wire_close,
                                          .entry = wire_entry,
                                          .own_entry = wire_own,
                                          .is_other = wire_other};

static bool may_read(void *ud, const uint8_t *device, const uint8_t *space, enum wf_label label)
{
    bool may;

    (void)ud;
    (void)device;
    pthread_mutex_lock(&lock);
    may = memcmp(space, shared_space, sizeof(shared_space)) == 0 &&
          (label == WF_LABEL_PRIVATE ? may_read_private
                                     : label < WF_LABEL_PRIVATE && may_read_public);
    pthread_mutex_unlock(&lock);
    return may;
}

static int given(void *ud, const struct wf_sharing_document *d, struct wf_err *err)
{
    int rc;

    (void)ud;
    pthread_mutex_lock(&lock);
    rc = is_ledger_broken ? wf_err_set(err, WF_E_IO, "The ledger is full.") : 0;
    for (size_t i = 0; i < n_sent; i++) /* before its first byte */
        assert_true(sent[i].peer < OTHER || sent[i].m.kind == WF_BLOBS_NONE || n_given > 0);
    if (rc == 0) {
        n_given++;
        (void)snprintf(given_name, sizeof(given_name), "%.*s %s", WF_STR_ARG(d->name),
                       wf_label_name(d->label));
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

/* The next message of that kind; others are passed over. */
static bool next(enum wf_blobs_kind kind, struct sent *out, int wait_ms)
{
    for (int i = 0; i <= wait_ms; i += 5) {
        bool is_there = false;
        pthread_mutex_lock(&lock);
        while (!is_there && n_read < n_sent) {
            *out = sent[n_read++];
            is_there = out->m.kind == kind;
        }
        pthread_mutex_unlock(&lock);
        if (is_there)
            return true;
        usleep(5000);
    }
    return false;
}

/* The next of any kind, if there is one. */
static bool any(struct sent *out)
{
    bool is;

    pthread_mutex_lock(&lock);
    is = n_read < n_sent;
    if (is)
        *out = sent[n_read++];
    pthread_mutex_unlock(&lock);
    return is;
}

static void say(uint64_t peer, const struct wf_blobs_message *m)
{
    struct wf_buf b;

    wf_buf_init(&b, SIZE_MAX);
    assert_int_equal(wf_blobs_message_write(m, &b), 0);
    events.bytes(events.ud, peer, wf_buf_str(&b));
    wf_buf_deinit(&b);
}

static bool is_closed(unsigned n)
{
    for (int i = 0; i < WAIT_MS; i += 5) {
        bool is;
        pthread_mutex_lock(&lock);
        is = n_closed >= n;
        pthread_mutex_unlock(&lock);
        if (is)
            return true;
        usleep(5000);
    }
    return false;
}

/* ---- set up ---- */

static void uid_of(int64_t space, uint8_t out[WF_SPACE_UID_BYTES])
{
    struct wf_reader *r = NULL;

    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_paper_space(r, space, out, NULL), 0);
    wf_store_reader_put(home.store, r);
}

static void start(void)
{
    const struct wf_blobs_options o = {.store = home.store,
                                       .records = records,
                                       .wire = &wire,
                                       .device = signer.id,
                                       .dir = parts,
                                       .may_read = may_read,
                                       .given = given,
                                       .keep = WF_BLOBS_KEEP_ALL};

    assert_int_equal(wf_blobs_new(&o, &blobs, NULL), 0);
    wf_blobs_events(blobs, &events);
}

static int set_up(void **state)
{
    static const uint8_t seed[32] = {5};
    const struct wf_devices_entry none = {.clearance = WF_LABEL_PUBLIC};

    (void)state;
    (void)none;
    home_make(&home);
    wf_signer_from_seed(seed, &key, &signer);
    const struct wf_records_options ro = {.store = home.store, .signer = &signer, .tidy_ms = -1};
    assert_int_equal(wf_records_new(&ro, &records, NULL), 0);
    (void)snprintf(parts, sizeof(parts), "%s/parts", home.dir);
    n_sent = n_read = 0;
    n_closed = 0;
    clearance = WF_LABEL_PRIVATE;
    may_read_public = may_read_private = is_ledger_broken = false;
    n_given = 0;
    uid_of(WF_SPACE_DEFAULT, shared_space);
    start();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_blobs_free(blobs);
    blobs = NULL;
    wf_records_free(records);
    home_remove(&home);
    for (size_t i = 0; i < n_sent; i++)
        wf_free(sent[i].bytes);
    return 0;
}

/* ---- documents ---- */

static void hash_of(struct wf_str content, uint8_t out[WF_HASH_BYTES])
{
    (void)crypto_generichash(out, WF_HASH_BYTES, (const unsigned char *)content.ptr, content.len,
                             NULL, 0);
}

/* What others know of it; a row without that is of something that was removed. */
static void tell_of(const struct wf_paper *p)
{
    char hex[2 * WF_HASH_BYTES + 1], bytes[32], label[32];
    (void)sodium_bin2hex(hex, sizeof(hex), p->hash, sizeof(p->hash));
    (void)snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)p->bytes);
    (void)snprintf(label, sizeof(label), "\"%s\"", wf_label_name((enum wf_label)p->label));
    const struct wf_record_op ops[] = {
        {.kind = WF_RECORD_SET, .field = WF_STR("bytes"), .value = wf_str_from(bytes)},
        {.kind = WF_RECORD_SET, .field = WF_STR("label"), .value = wf_str_from(label)},
        {.kind = WF_RECORD_SET, .field = WF_STR("name"), .value = WF_STR("\"a name\"")},
    };
    const struct wf_record_edit edit = {.collection = WF_BLOBS_RECORDS,
                                        .key = wf_str_from(hex),
                                        .label = (uint8_t)p->label,
                                        .ops = ops,
                                        .n_ops = 3};
    assert_int_equal(wf_records_write(records, p->space, &edit, 1, NULL), 0);
}

static void put(const struct wf_paper *p)
{
    tell_of(p);
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_paper_put(home.store, p, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
}

static enum wf_paper_state state_of(const uint8_t *hash)
{
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    struct wf_paper p;
    int rc;

    wf_arena_init(&arena, 4096, SIZE_MAX);
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    rc = wf_paper_get(r, WF_SPACE_DEFAULT, hash, &arena, &p, NULL);
    wf_store_reader_put(home.store, r);
    wf_arena_deinit(&arena);
    return rc == 0 ? p.state : WF_PAPER_GONE;
}

/* A document here that others know under a label. */
static void add(const char *path, struct wf_str text, enum wf_label label, uint8_t hash[32])
{
    struct wf_paper p = {.space = WF_SPACE_DEFAULT,
                         .state = WF_PAPER_HERE,
                         .label = (int)label,
                         .told = (int)label,
                         .is_said = true,
                         .is_own = true,
                         .bytes = text.len,
                         .name = wf_str_from(path),
                         .uid = WF_STR("00000000000000000001")};

    hash_of(text, hash);
    memcpy(p.hash, hash, sizeof(p.hash));
    put(&p);
    assert_int_equal(home_add(&home, path, path, text, NULL, NULL), 0);
}

/* Its original is given up, and wanted again. */
static void want_back(const uint8_t hash[32], size_t n)
{
    struct wf_paper p = {.space = WF_SPACE_DEFAULT,
                         .state = WF_PAPER_TEXT,
                         .label = WF_LABEL_PRIVATE,
                         .told = WF_LABEL_PRIVATE,
                         .wanted = WF_PAPER_ASKED_FOR,
                         .bytes = n,
                         .name = WF_STR("book"),
                         .uid = WF_STR("00000000000000000001")};

    memcpy(p.hash, hash, sizeof(p.hash));
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_blob_evict(home.store, hash, NULL), 0);
    assert_int_equal(wf_paper_put(home.store, &p, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
}

static struct wf_str book(void)
{
    size_t n = 0;
    char *p = home_words(3, N_BYTES, &n);

    assert_non_null(p);
    return wf_str_n(p, n);
}

static void told_pieces(uint64_t peer, const struct sent *ask, struct wf_str content)
{
    struct wf_blobs_message m = {
        .kind = WF_BLOBS_PIECES, .id = ask->m.id, .from = ask->m.from, .n_bytes = content.len};
    const uint8_t *p = (const uint8_t *)content.ptr;
    struct wf_piece piece;
    struct wf_buf body;

    wf_buf_init(&body, SIZE_MAX);
    for (size_t at = (size_t)ask->m.from; at < content.len; at += piece.bytes) {
        wf_piece_make(p + at, wf_piece_cut(p + at, content.len - at), &piece);
        assert_int_equal(wf_blobs_piece_put(&piece, &body), 0);
    }
    m.body = wf_buf_str(&body);
    say(peer, &m);
    wf_buf_deinit(&body);
}

/* Answers a WANT, all but the last `n_less` bytes of it. */
static size_t give(uint64_t peer, const struct sent *w, struct wf_str content, size_t n_less)
{
    size_t n = (size_t)w->m.n_bytes - n_less;

    for (size_t done = 0; done < n;) {
        size_t len = WF_MIN(n - done, WF_BLOBS_DATA_BYTES);
        const struct wf_blobs_message m = {
            .kind = WF_BLOBS_DATA,
            .id = w->m.id,
            .from = w->m.from + done,
            .body = wf_str_sub(content, (size_t)w->m.from + done, (size_t)w->m.from + done + len)};
        say(peer, &m);
        done += len;
    }
    return n;
}

/* ---- giving ---- */

static void ask(enum wf_blobs_kind kind, uint32_t id, const uint8_t *hash, uint64_t from,
                uint64_t n)
{
    struct wf_blobs_message m = {.kind = kind, .id = id, .from = from, .n_bytes = n};

    memcpy(m.hash, hash, sizeof(m.hash));
    uid_of(WF_SPACE_DEFAULT, m.space);
    say(1, &m);
}

static void test_blobs__gives_what_one_may_have(void **state)
{
    struct wf_str text = book();
    uint8_t hash[32];
    struct sent got;
    size_t n = 0;

    (void)state;
    add("book", text, WF_LABEL_PRIVATE, hash);
    events.up(events.ud, 1, NULL);
    ask(WF_BLOBS_ASK_HAS, 1, hash, 0, 0);
    assert_true(next(WF_BLOBS_HAS, &got, WAIT_MS));
    assert_int_equal(got.m.flags, WF_BLOBS_HAS_IT | WF_BLOBS_KEEPS_IT);
    assert_int_equal(got.m.n_bytes, text.len);
    ask(WF_BLOBS_ASK_PIECES, 2, hash, 0, 0);
    assert_true(next(WF_BLOBS_PIECES, &got, WAIT_MS));
    assert_int_equal(got.m.n_bytes, text.len);
    ask(WF_BLOBS_WANT, 3, hash, 1000, 600000);
    while (n < 600000) {
        assert_true(next(WF_BLOBS_DATA, &got, WAIT_MS));
        assert_int_equal(got.m.from, 1000 + n);
        assert_memory_equal(got.m.body.ptr, text.ptr + got.m.from, got.m.body.len);
        n += got.m.body.len;
    }
    assert_int_equal(n, 600000);
    wf_free((void *)(uintptr_t)text.ptr);
}

static void test_blobs__above_a_clearance_is_the_same_as_not_there(void **state)
{
    static const uint8_t unknown[32] = {1, 2, 3};
    struct wf_str text = WF_STR("A private thing that nobody else is to see.");
    uint8_t hash[32];
    struct sent got;

    (void)state;
    add("diary", text, WF_LABEL_PRIVATE, hash);
    clearance = WF_LABEL_INTERNAL;
    events.up(events.ud, 1, NULL);
    for (int kind = WF_BLOBS_ASK_HAS; kind <= WF_BLOBS_WANT; kind++) {
        ask((enum wf_blobs_kind)kind, 10, unknown, 0, 1);
        assert_true(next(WF_BLOBS_NONE, &got, WAIT_MS));
        ask((enum wf_blobs_kind)kind, 11, hash, 0, 1);
        assert_true(next(WF_BLOBS_NONE, &got, WAIT_MS));
        assert_int_equal(got.m.id, 11);
    }
    for (size_t i = 0; i < n_sent; i++)
        assert_int_equal(sent[i].m.kind, WF_BLOBS_NONE);
    clearance = WF_LABEL_PRIVATE; /* raised: at once */
    ask(WF_BLOBS_ASK_HAS, 12, hash, 0, 1);
    assert_true(next(WF_BLOBS_HAS, &got, WAIT_MS));
}

static void ask_of(uint64_t peer, enum wf_blobs_kind kind, uint32_t id, const uint8_t *hash)
{
    struct wf_blobs_message m = {.kind = kind, .id = id};

    memcpy(m.hash, hash, sizeof(m.hash));
    say(peer, &m);
}

/* Somebody who may write in a shared space knows the hash of what is private in another one, and
 * says that it is a document there, for who is cleared for less. */
static void test_blobs__a_hash_alone_opens_nothing(void **state)
{
    struct wf_paper said = {.label = WF_LABEL_INTERNAL};
    struct wf_blobs_message m = {.kind = WF_BLOBS_ASK_HAS, .id = 50};
    struct wf_str text = book();
    char hex[2 * WF_HASH_BYTES + 1];
    struct sent got;
    uint8_t hash[32];
    size_t n = 0;

    (void)state;
    add("diary", text, WF_LABEL_PRIVATE, hash);
    events.up(events.ud, 1, NULL);
    for (uint64_t from = 0; from < text.len;) { /* how it is cut is noted */
        ask(WF_BLOBS_ASK_PIECES, 2, hash, from, 0);
        assert_true(next(WF_BLOBS_PIECES, &got, WAIT_MS));
        for (size_t i = 0; i < wf_blobs_pieces_n(&got.m); i++) {
            struct wf_piece piece;
            wf_blobs_piece_at(&got.m, i, &piece);
            from += piece.bytes;
        }
    }
    clearance = WF_LABEL_INTERNAL;
    assert_int_equal(
        wf_space_create(home.store, WF_STR("plans"), WF_STR("internal"), &said.space, NULL), 0);
    memcpy(said.hash, hash, sizeof(said.hash));
    said.bytes = text.len;
    tell_of(&said);
    (void)sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    wf_blobs_heard(blobs, said.space, wf_str_from(hex));
    /* It is asked of others, as one of that space, though the same bytes are here. */
    assert_true(next(WF_BLOBS_ASK_PIECES, &got, WAIT_MS));
    uid_of(said.space, m.space);
    assert_memory_equal(got.m.space, m.space, sizeof(m.space));
    memcpy(m.hash, hash, sizeof(m.hash));
    for (m.kind = WF_BLOBS_ASK_HAS; m.kind <= WF_BLOBS_WANT; m.kind++) {
        m.n_bytes = 1;
        say(1, &m);
        struct sent answer;
        assert_true(next(WF_BLOBS_NONE, &answer, WAIT_MS));
    }
    /* Nor do those who say its pieces get them put together from what is private. */
    told_pieces(1, &got, text);
    while (n < text.len) {
        assert_true(next(WF_BLOBS_WANT, &got, WAIT_MS));
        n += (size_t)got.m.n_bytes;
        (void)give(1, &got, WF_STR(""), (size_t)got.m.n_bytes);
        if (n < text.len) /* more is asked for once this has come: it does not */
            break;
    }
    assert_true(n > 0);
    m.kind = WF_BLOBS_ASK_HAS;
    clearance = WF_LABEL_PRIVATE; /* not even who may see it elsewhere has it there */
    say(1, &m);
    assert_true(next(WF_BLOBS_NONE, &got, WAIT_MS));
    ask(WF_BLOBS_ASK_HAS, 51, hash, 0, 0);
    assert_true(next(WF_BLOBS_HAS, &got, WAIT_MS));
    for (size_t i = 0; i < n_sent; i++)
        assert_int_not_equal(sent[i].m.kind, WF_BLOBS_DATA);
    wf_free((void *)(uintptr_t)text.ptr);
}

/* ---- other people's devices ---- */

static void set(bool *flag, bool value)
{
    pthread_mutex_lock(&lock);
    *flag = value;
    pthread_mutex_unlock(&lock);
}

static void ask_other(enum wf_blobs_kind kind, uint32_t id, enum wf_blobs_what what,
                      const uint8_t *hash)
{
    struct wf_blobs_message m = {.kind = kind, .id = id, .what = what, .n_bytes = 10};

    memcpy(m.hash, hash, sizeof(m.hash));
    if (what == WF_BLOBS_DOCUMENT)
        memcpy(m.space, shared_space, sizeof(m.space));
    if (kind != WF_BLOBS_WANT)
        m.n_bytes = 0;
    say(OTHER, &m);
}

static void test_blobs__a_member_gets_what_he_may_read_and_the_ledger_says_so(void **state)
{
    struct wf_str text = book();
    uint8_t hash[32];
    struct sent got;

    (void)state;
    add("book", text, WF_LABEL_PRIVATE, hash);
    events.up(events.ud, OTHER, NULL);
    for (int i = 0; i < 2; i++) { /* none of it; then what is public alone */
        ask_other(WF_BLOBS_ASK_PIECES, 1, WF_BLOBS_DOCUMENT, hash);
        assert_true(next(WF_BLOBS_NONE, &got, WAIT_MS));
        ask_other(WF_BLOBS_WANT, 2, WF_BLOBS_DOCUMENT, hash);
        assert_true(next(WF_BLOBS_NONE, &got, WAIT_MS));
        set(&may_read_public, true);
    }
    assert_int_equal(n_given, 0);
    set(&may_read_private, true);
    set(&is_ledger_broken, true); /* it waits until that can be written */
    ask_other(WF_BLOBS_ASK_PIECES, 3, WF_BLOBS_DOCUMENT, hash);
    assert_false(next(WF_BLOBS_PIECES, &got, 500));
    set(&is_ledger_broken, false);
    assert_true(next(WF_BLOBS_PIECES, &got, WAIT_MS));
    ask_other(WF_BLOBS_WANT, 4, WF_BLOBS_DOCUMENT, hash);
    assert_true(next(WF_BLOBS_DATA, &got, WAIT_MS));
    assert_memory_equal(got.m.body.ptr, text.ptr, 10);
    assert_int_equal(n_given, 1); /* once a session */
    assert_string_equal(given_name, "book private");
    /* Who keeps it, models and their files are none of his business. */
    ask_other(WF_BLOBS_ASK_HAS, 5, WF_BLOBS_DOCUMENT, hash);
    assert_true(next(WF_BLOBS_NONE, &got, WAIT_MS));
    ask_other(WF_BLOBS_WANT, 6, WF_BLOBS_MODEL_FILE, hash);
    assert_true(next(WF_BLOBS_NONE, &got, WAIT_MS));
    /* His rights end: the next question is answered as if it were not there. */
    set(&may_read_private, false);
    ask_other(WF_BLOBS_WANT, 7, WF_BLOBS_DOCUMENT, hash);
    assert_true(next(WF_BLOBS_NONE, &got, WAIT_MS));
    assert_int_equal(got.m.id, 7);
    wf_free((void *)(uintptr_t)text.ptr);
}

static void test_blobs__of_another_space_a_member_gets_nothing(void **state)
{
    struct wf_str text = WF_STR("A private thing of a space that is not his.");
    struct wf_blobs_message m = {.kind = WF_BLOBS_WANT, .id = 1, .n_bytes = 1};
    uint8_t hash[32], uid[WF_SPACE_UID_BYTES];
    struct sent got;
    int64_t plans = 0;

    (void)state;
    add("diary", text, WF_LABEL_PRIVATE, hash);
    assert_int_equal(wf_space_create(home.store, WF_STR("plans"), WF_STR("private"), &plans, NULL),
                     0);
    memcpy(m.hash, hash, sizeof(m.hash));
    memcpy(m.space, shared_space, sizeof(m.space)); /* that of the diary */
    uid_of(plans, uid);
    pthread_mutex_lock(&lock);
    memcpy(shared_space, uid, sizeof(uid));
    may_read_private = may_read_public = true;
    pthread_mutex_unlock(&lock);
    events.up(events.ud, OTHER, NULL);
    for (int i = 0; i < 2; i++) {
        say(OTHER, &m);
        assert_true(next(WF_BLOBS_NONE, &got, WAIT_MS));
        memcpy(m.space, uid, sizeof(m.space)); /* his own, where it is not */
    }
    assert_int_equal(n_given, 0);
}

static void test_blobs__own_devices_are_asked_first_and_members_of_what_is_theirs(void **state)
{
    struct wf_str text = book();
    uint8_t hash[32];
    struct sent got;

    (void)state;
    add("book", text, WF_LABEL_PRIVATE, hash);
    want_back(hash, text.len);
    wf_blobs_free(blobs); /* what is wanted is looked at anew */
    start();
    events.up(events.ud, OTHER, NULL);
    assert_false(next(WF_BLOBS_ASK_PIECES, &got, 500)); /* he may not know of it */
    set(&may_read_private, true);
    wf_blobs_devices_changed(blobs);
    assert_true(next(WF_BLOBS_ASK_PIECES, &got, WAIT_MS));
    assert_int_equal(got.peer, OTHER);
    events.up(events.ud, 1, NULL);
    say(OTHER, &(struct wf_blobs_message){.kind = WF_BLOBS_NONE, .id = got.m.id});
    do
        assert_true(next(WF_BLOBS_ASK_PIECES, &got, WAIT_MS));
    while (got.peer != 1);
    events.up(events.ud, OTHER + 1, NULL);
    say(1, &(struct wf_blobs_message){.kind = WF_BLOBS_NONE, .id = got.m.id});
    do {
        assert_true(next(WF_BLOBS_ASK_PIECES, &got, WAIT_MS));
        if (got.peer != OTHER + 1)
            say(got.peer, &(struct wf_blobs_message){.kind = WF_BLOBS_NONE, .id = got.m.id});
    } while (got.peer != OTHER + 1);
    told_pieces(OTHER + 1, &got, text);
    for (size_t n = 0; n < text.len;) {
        assert_true(next(WF_BLOBS_WANT, &got, WAIT_MS));
        assert_int_equal(got.peer, OTHER + 1);
        n += give(OTHER + 1, &got, text, 0);
    }
    /* What he says of what he keeps nobody asked. */
    say(OTHER, &(struct wf_blobs_message){
                   .kind = WF_BLOBS_HAS, .id = 1, .flags = WF_BLOBS_FLAGS_ALL, .n_bytes = 1});
    assert_true(is_closed(1));
    wf_free((void *)(uintptr_t)text.ptr);
}

static void test_blobs__hangs_up_on_nonsense(void **state)
{
    static const uint8_t unknown[32] = {9};
    struct sent got;

    (void)state;
    events.up(events.ud, 1, NULL);
    events.bytes(events.ud, 1, WF_STR("no such message"));
    assert_true(is_closed(1));
    events.bytes(events.ud, 1, WF_STR(""));
    assert_true(is_closed(2));
    for (uint32_t i = 0; i < 2000; i++) /* more than can be answered at once: it hangs up, or not */
        ask(WF_BLOBS_WANT, i, unknown, (uint64_t)1 << 43, 1);
    events.up(events.ud, 2, NULL); /* and goes on with others */
    ask_of(2, WF_BLOBS_ASK_HAS, 77, unknown);
    for (;;) {
        assert_true(next(WF_BLOBS_NONE, &got, WAIT_MS));
        if (got.peer == 2)
            break;
    }
    assert_int_equal(got.m.id, 77);
}

/* ---- taking ---- */

/* Pieces are asked for and told. */
static void begin_fetch(uint64_t peer, struct wf_str text, uint8_t hash[32])
{
    struct sent a;

    add("book", text, WF_LABEL_PRIVATE, hash);
    want_back(hash, text.len);
    events.up(events.ud, peer, NULL);
    assert_true(next(WF_BLOBS_ASK_PIECES, &a, WAIT_MS));
    assert_memory_equal(a.m.hash, hash, 32);
    told_pieces(peer, &a, text);
}

static void check_blob(const uint8_t hash[32])
{
    assert_int_equal(wf_blob_check(home.store, hash, NULL), 0);
}

static void test_blobs__takes_what_is_wanted(void **state)
{
    struct wf_str text = book();
    uint8_t hash[32];
    struct sent w;

    (void)state;
    begin_fetch(1, text, hash);
    while (state_of(hash) != WF_PAPER_HERE) {
        if (next(WF_BLOBS_WANT, &w, 50))
            (void)give(1, &w, text, 0);
    }
    check_blob(hash);
    wf_free((void *)(uintptr_t)text.ptr);
}

/* What others call a document is cut where a character ends. */
static void test_blobs__long_names_stay_text(void **state)
{
    static const uint8_t hash[32] = {3};
    char hex[65] = "", name[260] = "";
    const struct wf_record_op ops[] = {
        {.kind = WF_RECORD_SET, .field = WF_STR("bytes"), .value = WF_STR("5")},
        {.kind = WF_RECORD_SET, .field = WF_STR("label"), .value = WF_STR("\"private\"")},
        {.kind = WF_RECORD_SET, .field = WF_STR("name"), .value = wf_str_n(name, 258)},
    };
    const struct wf_record_edit edit = {.collection = WF_BLOBS_RECORDS,
                                        .key = wf_str_n(hex, 64),
                                        .label = WF_LABEL_PRIVATE,
                                        .ops = ops,
                                        .n_ops = 3};
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    struct wf_paper p;

    (void)state;
    (void)sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    memset(name, 'a', sizeof(name));
    memcpy(name + 255, "\xc3\xa9\"", 3);
    name[0] = '"';
    wf_blobs_free(blobs);
    assert_int_equal(wf_records_write(records, WF_SPACE_DEFAULT, &edit, 1, NULL), 0);
    start();
    while (state_of(hash) == WF_PAPER_GONE)
        usleep(5000);
    wf_arena_init(&arena, 4096, SIZE_MAX);
    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_paper_get(r, WF_SPACE_DEFAULT, hash, &arena, &p, NULL), 0);
    wf_store_reader_put(home.store, r);
    assert_int_equal(p.name.len, 254);
    wf_arena_deinit(&arena);
}

static void test_blobs__goes_on_after_a_break_and_a_new_start(void **state)
{
    struct wf_str text = book();
    uint8_t hash[32];
    size_t n_all = 0, n_first;
    struct sent w;

    (void)state;
    begin_fetch(1, text, hash);
    assert_true(next(WF_BLOBS_WANT, &w, WAIT_MS));
    n_first = give(1, &w, text, (size_t)w.m.n_bytes / 2);
    usleep(300000);
    events.down(events.ud, 1, WF_STR(""));
    wf_blobs_free(blobs);
    start();
    events.up(events.ud, 2, NULL);
    while (state_of(hash) != WF_PAPER_HERE) {
        if (!any(&w)) {
            usleep(5000);
            continue;
        }
        if (w.peer == 2)
            assert_int_not_equal(w.m.kind, WF_BLOBS_ASK_PIECES); /* they were told */
        if (w.peer == 2 && w.m.kind == WF_BLOBS_WANT)
            n_all += give(2, &w, text, 0);
    }
    check_blob(hash);
    assert_true(n_all <= text.len - n_first + WF_PIECE_BYTES_MAX);
    wf_free((void *)(uintptr_t)text.ptr);
}

static void test_blobs__who_sends_other_bytes_is_left_for_another(void **state)
{
    struct wf_str text = book();
    char *wrong = wf_alloc(text.len);
    uint8_t hash[32];
    struct sent w;

    (void)state;
    assert_non_null(wrong);
    memset(wrong, 'x', text.len);
    begin_fetch(1, text, hash);
    assert_true(next(WF_BLOBS_WANT, &w, WAIT_MS));
    (void)give(1, &w, wf_str_n(wrong, text.len), 0);
    usleep(300000);
    assert_int_equal(state_of(hash), WF_PAPER_TEXT);
    while (any(&w)) /* what it still asked the first for is of no interest */
        assert_int_equal(w.peer, 1);
    events.up(events.ud, 2, NULL);
    while (state_of(hash) != WF_PAPER_HERE) {
        if (next(WF_BLOBS_WANT, &w, 50))
            (void)give(w.peer, &w, text, 0); /* both may be asked again */
    }
    check_blob(hash);
    wf_free(wrong);
    wf_free((void *)(uintptr_t)text.ptr);
}

static void test_blobs__pieces_that_are_here_are_not_fetched(void **state)
{
    struct wf_str text = book();
    struct wf_piece pieces[64];
    uint8_t hash[32], changed_hash[32], space[WF_SPACE_UID_BYTES];
    char *changed = wf_alloc(text.len + 1);
    size_t n = 0, n_moved = 0;
    struct sent a;

    (void)state;
    assert_non_null(changed);
    changed[0] = 'X';
    memcpy(changed + 1, text.ptr, text.len);
    add("book", text, WF_LABEL_PRIVATE, hash);
    for (size_t at = 0; at < text.len; at += pieces[n++].bytes) {
        const uint8_t *p = (const uint8_t *)text.ptr + at;
        assert_true(n < 64);
        wf_piece_make(p, wf_piece_cut(p, text.len - at), &pieces[n]);
    }
    uid_of(WF_SPACE_DEFAULT, space);
    assert_int_equal(wf_store_write_begin(home.store, NULL), 0);
    assert_int_equal(wf_pieces_put(home.store, space, hash, pieces, n, NULL), 0);
    assert_int_equal(wf_store_write_commit(home.store, NULL), 0);
    hash_of(wf_str_n(changed, text.len + 1), changed_hash);
    struct wf_paper p = {.space = WF_SPACE_DEFAULT,
                         .state = WF_PAPER_TEXT,
                         .label = WF_LABEL_PRIVATE,
                         .told = WF_LABEL_PRIVATE,
                         .wanted = WF_PAPER_ASKED_FOR,
                         .bytes = text.len + 1,
                         .name = WF_STR("book two")};
    memcpy(p.hash, changed_hash, sizeof(p.hash));
    put(&p);
    events.up(events.ud, 1, NULL);
    assert_true(next(WF_BLOBS_ASK_PIECES, &a, WAIT_MS));
    told_pieces(1, &a, wf_str_n(changed, text.len + 1));
    while (state_of(changed_hash) != WF_PAPER_HERE) {
        if (next(WF_BLOBS_WANT, &a, 50))
            n_moved += give(1, &a, wf_str_n(changed, text.len + 1), 0);
    }
    check_blob(changed_hash);
    assert_true(n_moved > 0);
    assert_true(n_moved <= 2 * WF_PIECE_BYTES_MAX);
    assert_true(n_moved < text.len / 2);
    wf_free(changed);
    wf_free((void *)(uintptr_t)text.ptr);
}

/* Whatever allocation fails, nothing breaks, and later it comes nevertheless. */
static void test_blobs__survives_failing_memory(void **state)
{
    struct wf_str text = book();
    uint8_t hash[32];
    struct sent w;

    (void)state;
    begin_fetch(1, text, hash);
    for (uint64_t i = 1; i < 120 && state_of(hash) != WF_PAPER_HERE; i++) {
        if (!next(WF_BLOBS_WANT, &w, 20)) {
            events.down(events.ud, w.peer, WF_STR(""));
            events.up(events.ud, i + 10, NULL);
            continue;
        }
        wf_alloc_fail_at(i);
        if (i % 3 == 0)
            events.down(events.ud, w.peer, WF_STR(""));
        usleep(3000);
        wf_alloc_fail_at(0);
        (void)give(w.peer, &w, text, 0);
    }
    wf_alloc_fail_at(0);
    wf_blobs_free(blobs);
    start();
    events.up(events.ud, 500, NULL);
    while (state_of(hash) != WF_PAPER_HERE) {
        bool is_any = any(&w);
        if (is_any && w.m.kind == WF_BLOBS_ASK_PIECES)
            told_pieces(w.peer, &w, text);
        else if (is_any && w.m.kind == WF_BLOBS_WANT)
            (void)give(w.peer, &w, text, 0);
        else
            usleep(5000);
    }
    check_blob(hash);
    wf_free((void *)(uintptr_t)text.ptr);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_blobs__gives_what_one_may_have),
        TEST(test_blobs__above_a_clearance_is_the_same_as_not_there),
        TEST(test_blobs__a_hash_alone_opens_nothing),
        TEST(test_blobs__a_member_gets_what_he_may_read_and_the_ledger_says_so),
        TEST(test_blobs__of_another_space_a_member_gets_nothing),
        TEST(test_blobs__own_devices_are_asked_first_and_members_of_what_is_theirs),
        TEST(test_blobs__hangs_up_on_nonsense),
        TEST(test_blobs__takes_what_is_wanted),
        TEST(test_blobs__long_names_stay_text),
        TEST(test_blobs__goes_on_after_a_break_and_a_new_start),
        TEST(test_blobs__who_sends_other_bytes_is_left_for_another),
        TEST(test_blobs__pieces_that_are_here_are_not_fetched),
        TEST(test_blobs__survives_failing_memory),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
