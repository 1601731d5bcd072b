/* SPDX-License-Identifier: Apache-2.0 */
/* Syncers in one process, with a network that delays, fills up and breaks: all come to have what
 * they may have, nobody hears of what it must not; forks, old copies, held back and forged batches
 * are told. */
#include "mesh/syncer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "support/shelf_memory.h"

#define N_MAX 6
#define WINDOW_BYTES 60000 /* of messages on the way in one direction */

struct packet {
    size_t from, to;
    struct wf_str bytes; /* owned */
};

struct node {
    size_t i;
    struct wf_syncer *s;
    struct shelf_memory shelf;
    struct wf_signer_key secret;
    struct wf_signer signer;
    struct wf_space_key key;
    bool is_connected[N_MAX];
    bool is_full[N_MAX]; /* the way there was: it waits for room */
    bool takes_none;     /* it does not know yet what it may have */
    int fails;           /* nothing can be sent, for that reason */
    unsigned levels;     /* bits of the streams that it may have */
    unsigned n_wrong[WF_SYNCER_WRONG_COUNT];
    uint64_t n_came;
    uint64_t said[N_MAX]; /* what others said of the first one's log of the first stream */
    unsigned n_said_all;
};

static struct node nodes[N_MAX];
static size_t n_nodes;
static uint8_t streams[2][WF_STREAM_ID_BYTES];
static struct packet *way;
static size_t n_way, cap_way;
static struct wf_rng_seeded rng;
static int64_t now_ns;

static int64_t mono(void *ud)
{
    (void)ud;
    return now_ns;
}

static const struct wf_clock clock_of_test = {.mono_ns = mono};

/* ---- the network ---- */

static size_t bytes_between(size_t from, size_t to)
{
    size_t n = 0;

    for (size_t i = 0; i < n_way; i++) {
        if (way[i].from == from && way[i].to == to)
            n += way[i].bytes.len;
    }
    return n;
}

static unsigned level_of(const uint8_t stream[WF_STREAM_ID_BYTES])
{
    return memcmp(stream, streams[1], WF_STREAM_ID_BYTES) == 0 ? 2 : 1;
}

static bool gives(void *ud, uint64_t peer, const uint8_t stream[WF_STREAM_ID_BYTES])
{
    (void)ud;
    return (nodes[peer - 1].levels & level_of(stream)) != 0;
}

static bool takes(void *ud, uint64_t peer, const struct wf_sync_log *log)
{
    const struct node *n = ud;

    (void)peer;
    return !n->takes_none && (n->levels & level_of(log->stream)) != 0;
}

static bool knows_owners; /* all know whose log it is */

static bool owns(void *ud, uint64_t peer, const struct wf_sync_log *log)
{
    (void)ud;
    return knows_owners && memcmp(nodes[peer - 1].signer.id, log->device, sizeof(log->device)) == 0;
}

/* The others tell it of what it may have, and of what it wrote. */
static bool tells(void *ud, uint64_t peer, const struct wf_sync_log *log)
{
    const struct node *n = ud;

    (void)peer;
    return (n->levels & level_of(log->stream)) != 0 ||
           memcmp(log->device, n->signer.id, sizeof(log->device)) == 0;
}

/* Nothing of a stream is sent to who must not have it, not even its name. */
static void assert_allowed(const struct node *to, struct wf_str bytes)
{
    for (unsigned k = 0; k < 2; k++) {
        if ((to->levels & (k + 1)) == 0 && !knows_owners)
            assert_null(memmem(bytes.ptr, bytes.len, streams[k], WF_STREAM_ID_BYTES));
    }
}

static int send_it(void *ud, uint64_t peer, struct wf_str bytes, struct wf_err *err)
{
    struct node *from = ud;
    size_t to = (size_t)peer - 1;
    char *copy;

    assert_true(from->is_connected[to]);
    assert_true(bytes.len <= (size_t)1 << 20);
    assert_allowed(&nodes[to], bytes);
    if (from->fails != 0)
        return wf_err_set(err, from->fails, "as ordered");
    if (bytes_between(from->i, to) > WINDOW_BYTES) {
        from->is_full[to] = true;
        return wf_err_set(err, WF_E_BUSY, "full");
    }
    if (n_way == cap_way) {
        cap_way = cap_way == 0 ? 256 : 2 * cap_way;
        way = realloc(way, cap_way * sizeof(*way));
        assert_non_null(way);
    }
    copy = malloc(bytes.len);
    assert_non_null(copy);
    memcpy(copy, bytes.ptr, bytes.len);
    way[n_way++] = (struct packet){from->i, to, wf_str_n(copy, bytes.len)};
    return 0;
}

static void came(void *ud, const struct wf_sync_head *head)
{
    struct node *n = ud;
    const struct wf_batch *last = shelf_memory_last(&n->shelf, &head->log);

    assert_non_null(last); /* durable before it is told */
    assert_int_equal(last->number, head->last);
    n->n_came++;
}

static void trouble(void *ud, const struct wf_syncer_trouble *t)
{
    ((struct node *)ud)->n_wrong[t->what]++;
}

static uint64_t said(void *ud, uint64_t peer, const struct wf_sync_head *head)
{
    struct node *n = ud;
    uint64_t before = n->said[peer - 1];

    if (memcmp(head->log.device, nodes[0].signer.id, sizeof(head->log.device)) != 0 ||
        memcmp(head->log.stream, streams[0], sizeof(head->log.stream)) != 0)
        return 0;
    n->said[peer - 1] = head->last;
    return before;
}

static void said_all(void *ud, uint64_t peer)
{
    (void)peer;
    ((struct node *)ud)->n_said_all++;
}

static void other(void *ud, uint64_t peer, const struct wf_sync_message *m)
{
    (void)peer;
    assert_int_equal(m->kind, WF_SYNC_HELLO);
    assert_int_equal(m->version, WF_SYNC_VERSION);
    (void)ud;
}

static bool are_over; /* devices are out */

static bool is_over(void *ud, const struct wf_sync_log *log)
{
    (void)ud, (void)log;
    return are_over;
}

static void node_start(struct node *n, bool keeps)
{
    struct wf_syncer_options o = {.keeps = keeps,
                                  .clock = &clock_of_test,
                                  .gives = gives,
                                  .owns = owns,
                                  .takes = takes,
                                  .tells = tells,
                                  .is_over = is_over,
                                  .send = send_it,
                                  .came = came,
                                  .trouble = trouble,
                                  .said = said,
                                  .said_all = said_all,
                                  .other = other,
                                  .ud = n};

    shelf_memory_shelf(&n->shelf, &o.shelf);
    memcpy(o.device, n->signer.id, sizeof(o.device));
    assert_int_equal(wf_syncer_new(&o, &n->s, NULL), 0);
}

static void start(size_t n, size_t n_keep)
{
    const uint8_t uid[WF_SPACE_UID_BYTES] = {1};

    assert_true(sodium_init() >= 0);
    wf_rng_seeded_init(&rng, n * 10 + n_keep);
    wf_stream_id(uid, WF_LABEL_INTERNAL, streams[0]);
    wf_stream_id(uid, WF_LABEL_PRIVATE, streams[1]);
    memset(nodes, 0, sizeof(nodes));
    n_nodes = n;
    now_ns = 1;
    knows_owners = false;
    for (size_t i = 0; i < n; i++) {
        const uint8_t seed[32] = {(uint8_t)(i + 1)};
        nodes[i].i = i;
        nodes[i].levels = 3;
        wf_signer_from_seed(seed, &nodes[i].secret, &nodes[i].signer);
        memset(nodes[i].key.key, 5, sizeof(nodes[i].key.key));
        wf_space_key_name(&nodes[i].key);
        node_start(&nodes[i], i < n_keep);
    }
}

static void drop(size_t k)
{
    free((void *)(uintptr_t)way[k].bytes.ptr);
    memmove(way + k, way + k + 1, (n_way - k - 1) * sizeof(*way));
    n_way--;
}

static void stop(void)
{
    while (n_way > 0)
        drop(0);
    for (size_t i = 0; i < n_nodes; i++) {
        wf_syncer_free(nodes[i].s);
        shelf_memory_free(&nodes[i].shelf);
    }
    free(way);
    way = NULL;
    n_way = cap_way = 0;
}

static void connect_two(size_t a, size_t b)
{
    if (a == b || nodes[a].is_connected[b])
        return;
    nodes[a].is_connected[b] = nodes[b].is_connected[a] = true;
    nodes[a].is_full[b] = nodes[b].is_full[a] = false;
    assert_int_equal(wf_syncer_up(nodes[a].s, b + 1, NULL), 0);
    assert_int_equal(wf_syncer_up(nodes[b].s, a + 1, NULL), 0);
}

static void disconnect(size_t a, size_t b)
{
    if (!nodes[a].is_connected[b])
        return;
    nodes[a].is_connected[b] = nodes[b].is_connected[a] = false;
    for (size_t k = n_way; k-- > 0;) {
        if ((way[k].from == a && way[k].to == b) || (way[k].from == b && way[k].to == a))
            drop(k);
    }
    wf_syncer_down(nodes[a].s, b + 1);
    wf_syncer_down(nodes[b].s, a + 1);
}

/* The next packet of a random pair arrives. False: nothing is on the way. */
static bool step(void)
{
    size_t k, from, to;
    struct wf_str bytes;

    if (n_way == 0)
        return false;
    k = wf_rng_below(&rng.rng, n_way);
    from = way[k].from, to = way[k].to;
    for (k = 0; way[k].from != from || way[k].to != to; k++)
        ;
    bytes = way[k].bytes;
    memmove(way + k, way + k + 1, (n_way - k - 1) * sizeof(*way));
    n_way--;
    if (wf_syncer_bytes(nodes[to].s, from + 1, bytes, NULL) != 0)
        disconnect(from, to);
    free((void *)(uintptr_t)bytes.ptr);
    if (wf_rng_below(&rng.rng, 4) == 0)
        (void)!wf_syncer_flush(nodes[to].s, NULL);
    if (nodes[from].is_full[to] && nodes[from].is_connected[to] &&
        bytes_between(from, to) < WINDOW_BYTES / 2) {
        nodes[from].is_full[to] = false;
        wf_syncer_room(nodes[from].s, to + 1);
    }
    return true;
}

static void settle(void)
{
    bool goes_on = true;

    while (goes_on) {
        while (step())
            ;
        for (size_t i = 0; i < n_nodes; i++)
            assert_int_equal(wf_syncer_flush(nodes[i].s, NULL), 0);
        goes_on = n_way > 0;
    }
}

/* ---- writing ---- */

static void write_batch(struct node *n, unsigned level, size_t n_content)
{
    struct wf_batch_place at = {.number = 1};
    struct wf_sync_head head = {.last = 0};
    const struct wf_batch *last;
    struct wf_buf bytes;
    struct wf_batch b;
    struct wf_shelf shelf;
    char *content = calloc(1, n_content + 1);
    int rc = 0;

    memcpy(head.log.stream, streams[level], sizeof(head.log.stream));
    memcpy(head.log.device, n->signer.id, sizeof(head.log.device));
    memcpy(at.stream, streams[level], sizeof(at.stream));
    last = shelf_memory_last(&n->shelf, &head.log);
    if (last != NULL) {
        at.number = last->number + 1;
        memcpy(at.prev, last->hash, sizeof(at.prev));
    }
    wf_buf_init(&bytes, SIZE_MAX);
    assert_int_equal(wf_batch_write(&at, &n->key, &n->signer, &rng.rng,
                                    wf_str_n(content, n_content), &bytes, head.hash, NULL),
                     0);
    assert_int_equal(wf_batch_read(wf_buf_str(&bytes), &b, NULL), 0);
    shelf_memory_shelf(&n->shelf, &shelf);
    assert_int_equal(shelf.append(shelf.ud, &b, 1, &rc, NULL), 0);
    assert_int_equal(rc, 0);
    head.last = at.number;
    assert_int_equal(wf_syncer_wrote(n->s, &head, NULL), 0);
    wf_buf_deinit(&bytes);
    free(content);
}

static uint64_t last_of(const struct node *n, const struct node *writer, unsigned level)
{
    struct wf_sync_log log;

    memcpy(log.stream, streams[level], sizeof(log.stream));
    memcpy(log.device, writer->signer.id, sizeof(log.device));
    const struct wf_batch *b = shelf_memory_last(&n->shelf, &log);
    assert_int_equal(wf_syncer_here(n->s, &log), b == NULL ? 0 : b->number);
    return b == NULL ? 0 : b->number;
}

static void assert_converged(void)
{
    for (size_t i = 0; i < n_nodes; i++) {
        for (size_t w = 0; w < n_nodes; w++) {
            for (unsigned level = 0; level < 2; level++) {
                bool may = (nodes[i].levels & (level + 1)) != 0;
                assert_int_equal(last_of(&nodes[i], &nodes[w], level),
                                 may ? last_of(&nodes[w], &nodes[w], level) : 0);
            }
        }
        struct wf_syncer_behind b = wf_syncer_behind(nodes[i].s);
        assert_int_equal(b.here, 0);
        assert_int_equal(b.there, 0);
        assert_true(b.is_known);
    }
}

static void assert_no_trouble(void)
{
    for (size_t i = 0; i < n_nodes; i++) {
        for (unsigned k = 0; k < WF_SYNCER_WRONG_COUNT; k++)
            assert_int_equal(nodes[i].n_wrong[k], 0);
    }
}

/* ---- tests ---- */

static void test_syncer__all_come_to_have_the_same(void **state)
{
    (void)state;
    for (size_t n = 2; n <= N_MAX; n++) {
        start(n, n / 3);
        for (unsigned i = 0; i < 1500; i++) {
            size_t a = wf_rng_below(&rng.rng, n), b = wf_rng_below(&rng.rng, n);
            switch (wf_rng_below(&rng.rng, 12)) {
            case 0:
                connect_two(a, b);
                break;
            case 1:
                if (a != b)
                    disconnect(a, b);
                break;
            case 2:
            case 3:
                write_batch(&nodes[a], (unsigned)wf_rng_below(&rng.rng, 2),
                            wf_rng_below(&rng.rng, 3000));
                break;
            case 4:
                nodes[a].shelf.fail_at = wf_rng_below(&rng.rng, 2);
                (void)!wf_syncer_flush(nodes[a].s, NULL);
                nodes[a].shelf.fail_at = 0;
                break;
            default:
                (void)step();
            }
        }
        for (size_t i = 0; i + 1 < n; i++) { /* each connection anew: what failed is asked again */
            disconnect(i, i + 1);
            connect_two(i, i + 1);
        }
        settle();
        for (size_t i = 0; i < n; i++)
            wf_syncer_tick(nodes[i].s);
        settle();
        assert_converged();
        assert_no_trouble();
        stop();
    }
}

static void test_syncer__nobody_hears_of_what_it_must_not_have(void **state)
{
    (void)state;
    start(4, 1);
    nodes[1].levels = 1; /* internal alone; send_it looks at all that goes there */
    nodes[3].levels = 0;
    connect_two(0, 1);
    connect_two(0, 2);
    connect_two(1, 2);
    connect_two(2, 3);
    for (unsigned i = 0; i < 20; i++) {
        write_batch(&nodes[0], i % 2, 100);
        write_batch(&nodes[2], i % 2, 100);
    }
    settle();
    assert_converged();
    assert_no_trouble();
    nodes[1].levels = 3; /* cleared for more */
    for (size_t i = 0; i < n_nodes; i++)
        assert_int_equal(wf_syncer_rules_changed(nodes[i].s, NULL), 0);
    settle();
    assert_converged();
    nodes[1].levels = 1; /* and for less again: what is new does not reach it */
    write_batch(&nodes[0], 1, 100);
    settle();
    assert_int_equal(last_of(&nodes[1], &nodes[0], 1), 10);
    assert_int_equal(last_of(&nodes[2], &nodes[0], 1), 11);
    disconnect(0, 1); /* nor does it hear again how far it is: that is no difference */
    connect_two(0, 1);
    settle();
    assert_int_equal(wf_syncer_behind(nodes[1].s).there, 0);
    assert_int_equal(wf_syncer_behind(nodes[0].s).there, 0);
    assert_true(wf_syncer_behind(nodes[1].s).is_known);
    stop();
}

static void test_syncer__large_batches_go_in_parts(void **state)
{
    (void)state;
    start(2, 0);
    connect_two(0, 1);
    write_batch(&nodes[0], 0, 10);
    write_batch(&nodes[0], 0, 5000000);
    write_batch(&nodes[0], 0, 700000);
    write_batch(&nodes[0], 0, 20);
    settle();
    assert_converged();
    write_batch(&nodes[0], 0, 5000000); /* broken off in between */
    for (unsigned i = 0; i < 3; i++)
        (void)step();
    disconnect(0, 1);
    connect_two(0, 1);
    settle();
    assert_converged();
    assert_no_trouble();
    stop();
}

static void test_syncer__new_batches_are_there_after_one_message(void **state)
{
    (void)state;
    start(3, 1); /* 1 writes, 0 keeps and passes on, 2 reads */
    connect_two(0, 1);
    connect_two(0, 2);
    settle();
    write_batch(&nodes[1], 0, 50);
    settle();
    for (unsigned i = 0; i < 5; i++) {
        write_batch(&nodes[1], 0, 50);
        assert_int_equal(n_way, 1);
        assert_true(step());
        assert_int_equal(wf_syncer_flush(nodes[0].s, NULL), 0);
        assert_int_equal(last_of(&nodes[0], &nodes[1], 0), i + 2);
        for (size_t k = 0; k < n_way; k++) { /* passed on, and the writer hears that it is kept */
            const uint8_t kind = (uint8_t)way[k].bytes.ptr[0];
            assert_int_equal(kind, way[k].to == 2 ? WF_SYNC_BATCHES : WF_SYNC_HEADS);
        }
        assert_int_equal(n_way, 2);
        settle();
        assert_int_equal(last_of(&nodes[2], &nodes[1], 0), i + 2);
    }
    stop();
}

static void test_syncer__two_stories_are_told(void **state)
{
    (void)state;
    struct wf_sync_log log;

    start(2, 0);
    write_batch(&nodes[0], 0, 10);
    write_batch(&nodes[0], 0, 10);
    connect_two(0, 1);
    settle();
    disconnect(0, 1);
    /* An old copy of its data is put back, and it writes on. */
    memcpy(log.stream, streams[0], sizeof(log.stream));
    memcpy(log.device, nodes[0].signer.id, sizeof(log.device));
    wf_syncer_free(nodes[0].s);
    shelf_memory_cut(&nodes[0].shelf, &log, 1);
    node_start(&nodes[0], false);
    connect_two(0, 1);
    assert_int_equal(nodes[0].n_wrong[WF_SYNCER_BEHIND], 0);
    settle();
    assert_true(nodes[0].n_wrong[WF_SYNCER_BEHIND] > 0); /* it has its own back */
    assert_converged();
    disconnect(0, 1);
    wf_syncer_free(nodes[0].s);
    shelf_memory_cut(&nodes[0].shelf, &log, 1);
    node_start(&nodes[0], false);
    write_batch(&nodes[0], 0, 20); /* without asking anybody */
    connect_two(0, 1);
    settle();
    assert_true(nodes[1].n_wrong[WF_SYNCER_FORK] > 0);
    assert_true(nodes[0].n_wrong[WF_SYNCER_FORK] > 0);
    assert_int_equal(last_of(&nodes[1], &nodes[0], 0), 2); /* the first story stays */
    for (unsigned i = 0; i < 2; i++) { /* and neither has what the other has, though as much */
        assert_int_equal(wf_syncer_behind(nodes[i].s).here, 1);
        assert_int_equal(wf_syncer_behind(nodes[i].s).there, 1);
    }
    are_over = true;
    assert_int_equal(wf_syncer_behind(nodes[1].s).here, 0);
    assert_int_equal(wf_syncer_behind(nodes[1].s).there, 0);
    are_over = false;
    write_batch(&nodes[0], 0, 20);
    settle();
    assert_int_equal(last_of(&nodes[1], &nodes[0], 0), 2);
    stop();
}

static void test_syncer__who_heard_another_story_is_told_by_both(void **state)
{
    (void)state;
    struct wf_sync_log log;

    start(3, 0);
    for (unsigned i = 0; i < 3; i++)
        write_batch(&nodes[0], 0, 10);
    connect_two(0, 1);
    settle();
    disconnect(0, 1);
    memcpy(log.stream, streams[0], sizeof(log.stream));
    memcpy(log.device, nodes[0].signer.id, sizeof(log.device));
    wf_syncer_free(nodes[0].s);
    shelf_memory_cut(&nodes[0].shelf, &log, 1);
    node_start(&nodes[0], false);
    write_batch(&nodes[0], 0, 20); /* a second story, shorter than the first */
    connect_two(0, 2);
    settle();
    disconnect(0, 2);
    connect_two(1, 2);
    settle();
    assert_int_equal(last_of(&nodes[1], &nodes[0], 0), 3);
    assert_int_equal(last_of(&nodes[2], &nodes[0], 0), 2);
    assert_true(nodes[1].n_wrong[WF_SYNCER_FORK] > 0); /* that has more of it */
    assert_true(nodes[2].n_wrong[WF_SYNCER_FORK] > 0);
    now_ns += (WF_SYNCER_PATIENCE_S + 1) * INT64_C(1000000000);
    wf_syncer_tick(nodes[2].s);
    assert_int_equal(nodes[2].n_wrong[WF_SYNCER_WITHHELD], 0); /* nobody holds anything back */
    assert_int_equal(wf_syncer_behind(nodes[1].s).there, 1);
    assert_int_equal(wf_syncer_behind(nodes[2].s).here, 1);
    are_over = true; /* both are kept, and not by this log */
    assert_int_equal(wf_syncer_behind(nodes[1].s).there, 0);
    assert_int_equal(wf_syncer_behind(nodes[2].s).here, 0);
    are_over = false;
    stop();
}

static void test_syncer__who_holds_back_is_named_and_others_are_asked(void **state)
{
    (void)state;
    start(3, 0);
    write_batch(&nodes[0], 0, 10);
    connect_two(0, 1);
    settle();
    nodes[1].shelf.holds_back = true; /* it says that it has it, and gives nothing */
    connect_two(1, 2);
    settle();
    assert_int_equal(last_of(&nodes[2], &nodes[0], 0), 0);
    now_ns += (WF_SYNCER_PATIENCE_S + 1) * INT64_C(1000000000);
    wf_syncer_tick(nodes[2].s);
    assert_int_equal(nodes[2].n_wrong[WF_SYNCER_WITHHELD], 1);
    settle();
    now_ns += (WF_SYNCER_PATIENCE_S + 1) * INT64_C(1000000000);
    wf_syncer_tick(nodes[2].s);
    assert_int_equal(nodes[2].n_wrong[WF_SYNCER_WITHHELD], 1); /* once */
    connect_two(0, 2);
    settle();
    assert_int_equal(last_of(&nodes[2], &nodes[0], 0), 1);
    stop();
}

/* In another connection, too; and all that it once had comes back. */
static void test_syncer__who_has_less_than_it_said_is_named(void **state)
{
    struct wf_sync_log log;

    (void)state;
    start(2, 1);
    for (unsigned i = 0; i < 3; i++)
        write_batch(&nodes[0], 0, 10);
    connect_two(0, 1);
    settle();
    assert_int_equal(nodes[0].said[1], 3);
    assert_int_equal(nodes[0].n_said_all, 1);
    disconnect(0, 1);
    memcpy(log.stream, streams[0], sizeof(log.stream));
    memcpy(log.device, nodes[0].signer.id, sizeof(log.device));
    wf_syncer_free(nodes[1].s);
    shelf_memory_cut(&nodes[1].shelf, &log, 1);
    node_start(&nodes[1], true);
    connect_two(0, 1);
    settle();
    assert_int_equal(nodes[0].n_wrong[WF_SYNCER_LOST], 1);
    assert_int_equal(nodes[0].n_said_all, 2);
    assert_converged();
    stop();
}

/* Nobody says anything new: it comes all the same, once there is room on the disk. */
static void test_syncer__what_could_not_be_kept_comes_again(void **state)
{
    (void)state;
    start(2, 0);
    connect_two(0, 1);
    settle();
    write_batch(&nodes[0], 0, 100);
    nodes[1].shelf.fail_at = 1;
    while (step())
        ;
    (void)!wf_syncer_flush(nodes[1].s, NULL);
    assert_int_equal(nodes[1].shelf.fail_at, 0);
    settle();
    assert_int_equal(last_of(&nodes[1], &nodes[0], 0), 0);
    for (unsigned i = 0; i < 4; i++) {
        now_ns += INT64_C(1000000000);
        wf_syncer_tick(nodes[1].s);
        settle();
    }
    assert_converged();
    assert_no_trouble();
    stop();
}

/* One stream alone is asked about anew. */
static void test_syncer__a_stream_that_may_be_had_now_comes(void **state)
{
    (void)state;
    start(3, 1);
    nodes[1].levels = nodes[2].levels = 0;
    connect_two(0, 1);
    connect_two(0, 2);
    write_batch(&nodes[0], 0, 10);
    write_batch(&nodes[0], 1, 10);
    settle();
    assert_int_equal(last_of(&nodes[1], &nodes[0], 0), 0);
    nodes[1].levels = 1;
    assert_int_equal(wf_syncer_stream_changed(nodes[0].s, streams[0], NULL), 0);
    settle();
    assert_int_equal(last_of(&nodes[1], &nodes[0], 0), 1);
    assert_int_equal(last_of(&nodes[1], &nodes[0], 1), 0);
    assert_int_equal(last_of(&nodes[2], &nodes[0], 0), 0);
    nodes[2].levels = 3; /* and what is wanted of it only now */
    nodes[0].levels = 3;
    assert_int_equal(wf_syncer_stream_changed(nodes[0].s, streams[1], NULL), 0);
    settle();
    assert_int_equal(last_of(&nodes[2], &nodes[0], 1), 1);
    assert_no_trouble();
    stop();
}

/* Who wrote it, and may not have the stream, said so before it was wanted; it comes from another
 * then. */
static void test_syncer__the_author_hears_of_what_came_from_another(void **state)
{
    struct wf_sync_log log;

    (void)state;
    start(3, 0);
    knows_owners = true;
    nodes[1].takes_none = true;
    connect_two(1, 2); /* it is asked first */
    connect_two(0, 1);
    connect_two(0, 2);
    settle();
    nodes[0].levels = 2;
    write_batch(&nodes[0], 0, 10);
    settle();
    assert_int_equal(last_of(&nodes[1], &nodes[0], 0), 0);
    assert_int_equal(last_of(&nodes[2], &nodes[0], 0), 1);
    nodes[1].takes_none = false;
    assert_int_equal(wf_syncer_rules_changed(nodes[1].s, NULL), 0);
    settle();
    assert_int_equal(last_of(&nodes[1], &nodes[0], 0), 1);
    memcpy(log.stream, streams[0], sizeof(log.stream));
    memcpy(log.device, nodes[0].signer.id, sizeof(log.device));
    assert_int_equal(wf_syncer_there(nodes[0].s, 3, &log), 1);
    assert_int_equal(wf_syncer_there(nodes[0].s, 2, &log), 1);
    assert_int_equal(wf_syncer_behind(nodes[0].s).there, 0);
    assert_no_trouble();
    stop();
}

/* Who wrote it is connected a second time, and the first connection is gone only then: it hears on
 * the second what comes from another. Nodes 0 and 1 are two connections of one device. */
static void test_syncer__the_author_hears_of_it_on_the_connection_that_stays(void **state)
{
    struct wf_sync_log log;

    (void)state;
    start(4, 0);
    memcpy(nodes[1].signer.id, nodes[0].signer.id, sizeof(nodes[0].signer.id));
    write_batch(&nodes[0], 0, 10);
    connect_two(0, 1); /* they have the same */
    connect_two(0, 3);
    settle();
    disconnect(0, 1);
    knows_owners = true;
    nodes[0].levels = nodes[1].levels = 2;
    nodes[2].takes_none = true;
    connect_two(2, 3); /* it is asked first */
    connect_two(1, 2);
    settle();
    connect_two(0, 2);
    settle();
    nodes[2].takes_none = false;
    assert_int_equal(wf_syncer_rules_changed(nodes[2].s, NULL), 0);
    disconnect(0, 2);
    settle();
    assert_int_equal(last_of(&nodes[2], &nodes[0], 0), 1);
    memcpy(log.stream, streams[0], sizeof(log.stream));
    memcpy(log.device, nodes[0].signer.id, sizeof(log.device));
    assert_int_equal(wf_syncer_there(nodes[1].s, 3, &log), 1);
    stop();
}

/* Nobody has to say that it can be sent again. */
static void goes_later(int rc)
{
    start(2, 0);
    connect_two(0, 1);
    settle();
    nodes[0].fails = rc;
    write_batch(&nodes[0], 0, 10);
    settle();
    assert_int_equal(last_of(&nodes[1], &nodes[0], 0), 0);
    nodes[0].fails = 0;
    write_batch(&nodes[0], 1, 10);
    now_ns += INT64_C(2000000000);
    wf_syncer_tick(nodes[0].s);
    settle();
    assert_converged();
    assert_no_trouble();
    stop();
}

static void test_syncer__what_had_no_memory_goes_later(void **state)
{
    (void)state;
    goes_later(WF_E_NOMEM);
}

static void test_syncer__what_was_refused_goes_later(void **state)
{
    (void)state;
    goes_later(WF_E_DENIED);
}

static void test_syncer__forged_batches_end_the_connection(void **state)
{
    (void)state;
    start(2, 0);
    connect_two(0, 1);
    settle();
    write_batch(&nodes[0], 0, 100);
    for (size_t k = 0; k < n_way; k++) { /* somebody on the way, or the node itself */
        char *p = (char *)(uintptr_t)way[k].bytes.ptr;
        if (p[0] == WF_SYNC_BATCHES)
            p[way[k].bytes.len - 100] ^= 1;
    }
    settle();
    assert_int_equal(nodes[1].n_wrong[WF_SYNCER_FORGED], 1);
    assert_false(nodes[0].is_connected[1]);
    assert_int_equal(last_of(&nodes[1], &nodes[0], 0), 0);
    connect_two(0, 1);
    settle();
    assert_converged();
    stop();
}

static void test_syncer__refuses_what_is_no_message(void **state)
{
    (void)state;
    struct wf_sync_message m;
    const struct wf_str bad[] = {
        WF_STR(""),       WF_STR("\0"),   WF_STR("\1"),      WF_STR("\2x"),   WF_STR("\3abc"),
        WF_STR("\4\5ab"), WF_STR("\4\0"), WF_STR("\5\1\2x"), WF_STR("\7abc"), WF_STR("\x63")};

    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++)
        assert_int_equal(wf_sync_message_read(bad[i], &m, NULL), WF_E_FORMAT);
    assert_int_equal(wf_sync_message_read(WF_STR("\5\xff\xff\xff\xff\x7f\0x"), &m, NULL),
                     WF_E_LIMIT);
    start(2, 0);
    connect_two(0, 1);
    assert_int_equal(wf_syncer_bytes(nodes[0].s, 2, WF_STR("\x63"), NULL), WF_E_FORMAT);
    assert_int_equal(wf_syncer_bytes(nodes[0].s, 9, WF_STR("\2"), NULL), WF_E_NOENT);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syncer__all_come_to_have_the_same),
        cmocka_unit_test(test_syncer__nobody_hears_of_what_it_must_not_have),
        cmocka_unit_test(test_syncer__large_batches_go_in_parts),
        cmocka_unit_test(test_syncer__new_batches_are_there_after_one_message),
        cmocka_unit_test(test_syncer__two_stories_are_told),
        cmocka_unit_test(test_syncer__who_heard_another_story_is_told_by_both),
        cmocka_unit_test(test_syncer__who_holds_back_is_named_and_others_are_asked),
        cmocka_unit_test(test_syncer__who_has_less_than_it_said_is_named),
        cmocka_unit_test(test_syncer__what_could_not_be_kept_comes_again),
        cmocka_unit_test(test_syncer__a_stream_that_may_be_had_now_comes),
        cmocka_unit_test(test_syncer__the_author_hears_of_what_came_from_another),
        cmocka_unit_test(test_syncer__the_author_hears_of_it_on_the_connection_that_stays),
        cmocka_unit_test(test_syncer__what_had_no_memory_goes_later),
        cmocka_unit_test(test_syncer__what_was_refused_goes_later),
        cmocka_unit_test(test_syncer__forged_batches_end_the_connection),
        cmocka_unit_test(test_syncer__refuses_what_is_no_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
