/* SPDX-License-Identifier: Apache-2.0 */
/* What a relay keeps, in a store: passes of which the newest counts, letters within bounds, what
 * nodes said, and what goes from the shelf because of that; each write of it may fail. */
#include "mesh/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "support/faulty.h"
#include "support/home.h"

#define DAY_MS INT64_C(86400000)

static struct home home;
static struct wf_signer owner, writer, stranger;
static struct wf_signer_key keys[3];
static int64_t now_ms;
static const uint8_t stream[WF_STREAM_ID_BYTES] = "the stream here";

static int64_t wall(void *ud)
{
    (void)ud;
    return now_ms;
}

static const struct wf_clock clock_of_test = {.wall_ms = wall};

static struct wf_relay *start(const struct wf_relay_options *o)
{
    struct wf_relay_options all = *o;
    struct wf_relay *r = NULL;

    all.store = home.store;
    all.clock = &clock_of_test;
    assert_int_equal(wf_relay_new(&all, &r, NULL), 0);
    wf_relay_be(r, true);
    return r;
}

static int set_up(void **state)
{
    (void)state;
    now_ms = 1000 * DAY_MS;
    home_make(&home);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    home_close(&home);
    home_remove(&home);
    return 0;
}

/* ---- faults ---- */

static struct {
    enum {
        FAULT_NONE,
        FAULT_ALLOC,
        FAULT_DISK
    } kind;
    int n;
    bool was_hit;
} fault;

static void arm(void)
{
    if (fault.kind == FAULT_ALLOC)
        wf_alloc_fail_at((uint64_t)fault.n);
    if (fault.kind == FAULT_DISK)
        faulty_set(fault.n, false);
}

static void disarm(void)
{
    fault.was_hit = (fault.kind == FAULT_ALLOC && wf_alloc_failed()) ||
                    (fault.kind == FAULT_DISK && faulty_hit());
    wf_alloc_fail_at(0);
    faulty_set(0, false);
}

/* ---- passes ---- */

static struct wf_pass_holder holder(unsigned n, bool writes)
{
    struct wf_pass_holder h = {.flags = writes ? WF_PASS_WRITES : 0};

    memset(h.transport, (int)n, sizeof(h.transport));
    memset(h.device, (int)n + 100, sizeof(h.device));
    return h;
}

static bool is_owner(void *ud, const uint8_t device[WF_SIGNER_ID_BYTES])
{
    (void)ud;
    return memcmp(device, owner.id, sizeof(owner.id)) == 0;
}

/* Gives a pass for n devices, of which the first, with the writer's key, and others may write. */
static int give(struct wf_relay *r, const struct wf_signer *by, uint64_t version, unsigned n,
                bool *out_news)
{
    struct wf_pass_holder holders[8];
    struct wf_buf b;
    int rc;

    for (unsigned i = 0; i < n; i++)
        holders[i] = holder(i + 1, i != 1);
    if (n > 0)
        memcpy(holders[0].device, writer.id, sizeof(writer.id));
    wf_buf_init(&b, SIZE_MAX);
    assert_int_equal(wf_pass_write(stream, version, holders, n, by, &b, NULL), 0);
    arm();
    rc = wf_relay_take_pass(r, wf_buf_str(&b), is_owner, NULL, out_news, NULL);
    disarm();
    wf_buf_deinit(&b);
    return rc;
}

static struct wf_sync_log log_of(const uint8_t device[WF_SIGNER_ID_BYTES])
{
    struct wf_sync_log log;

    memcpy(log.stream, stream, sizeof(log.stream));
    memcpy(log.device, device, sizeof(log.device));
    return log;
}

static void test_relay__hands_a_stream_to_those_alone_whom_its_pass_names(void **state)
{
    struct wf_relay *r = start(&(struct wf_relay_options){.days_max = 0});
    const struct wf_pass_holder one = holder(1, true), two = holder(2, false), three = holder(3, 1);
    const struct wf_sync_log theirs = log_of(one.device), unwritten = log_of(two.device);
    uint8_t(*all)[WF_PASS_KEY_BYTES] = NULL;
    uint8_t device[WF_SIGNER_ID_BYTES];
    bool news = false;
    size_t n = 0;

    (void)state;
    assert_false(wf_relay_gives(r, one.transport, stream));
    assert_false(wf_relay_takes(r, one.transport, &theirs));
    assert_int_equal(give(r, &stranger, 1, 2, &news), WF_E_DENIED);
    assert_int_equal(give(r, &owner, 5, 2, &news), 0);
    assert_true(news);
    assert_true(wf_relay_gives(r, one.transport, stream));
    assert_true(wf_relay_gives(r, two.transport, stream));
    assert_false(wf_relay_gives(r, three.transport, stream));
    assert_true(wf_relay_takes(r, two.transport, &theirs));
    assert_false(wf_relay_takes(r, three.transport, &theirs));
    assert_false(wf_relay_takes(r, one.transport, &unwritten)); /* it may only read */
    assert_true(wf_relay_device(r, two.transport, device));
    assert_memory_equal(device, two.device, sizeof(device));
    assert_true(wf_relay_knows(r, two.device));
    assert_false(wf_relay_knows(r, three.device));
    assert_int_equal(wf_relay_keys(r, &all, &n, NULL), 0);
    assert_int_equal(n, 2);
    wf_free(all);
    assert_int_equal(give(r, &owner, 4, 3, &news), 0); /* an older one changes nothing */
    assert_false(news);
    assert_false(wf_relay_gives(r, three.transport, stream));
    assert_int_equal(give(r, &owner, 6, 1, &news), 0); /* one is out */
    assert_false(wf_relay_gives(r, two.transport, stream));
    wf_relay_free(r);
    r = start(&(struct wf_relay_options){.days_max = 0}); /* it is there after a restart */
    assert_true(wf_relay_gives(r, one.transport, stream));
    assert_false(wf_relay_gives(r, two.transport, stream));
    assert_int_equal(give(r, &owner, 5, 2, &news), 0); /* nor is the one before played again */
    assert_false(wf_relay_gives(r, two.transport, stream));
    wf_relay_free(r);
}

/* ---- letters ---- */

static int keep(struct wf_relay *r, unsigned to, unsigned from, uint8_t tag, size_t n_bytes)
{
    char *bytes = wf_alloc_array(n_bytes, 1);
    struct wf_relay_letter l = {.bytes = wf_str_n(bytes, n_bytes)};
    int rc;

    assert_non_null(bytes);
    bytes[0] = (char)tag;
    memset(l.to, (int)to, sizeof(l.to));
    memset(l.from, (int)(from & 0xff), sizeof(l.from));
    l.from[0] = (uint8_t)(from >> 8);
    memset(l.tag, tag, sizeof(l.tag));
    arm();
    rc = wf_relay_keep(r, &l, NULL);
    disarm();
    wf_free(bytes);
    return rc;
}

struct waiting {
    unsigned n;
    struct wf_relay_letter last;
};

static int count(void *ud, const struct wf_relay_letter *l, struct wf_err *err)
{
    struct waiting *w = ud;

    (void)err;
    w->n++;
    w->last = *l;
    return 0;
}

static unsigned waits(struct wf_relay *r, unsigned to, struct wf_relay_letter *out)
{
    uint8_t device[WF_SIGNER_ID_BYTES];
    struct waiting w = {.n = 0};

    memset(device, (int)to, sizeof(device));
    assert_int_equal(wf_relay_waiting(r, device, count, &w, NULL), 0);
    if (out != NULL)
        *out = w.last;
    return w.n;
}

static void test_relay__keeps_the_newest_letter_of_each(void **state)
{
    struct wf_relay *r = start(&(struct wf_relay_options){.days_max = 0});
    struct wf_relay_letter l;

    (void)state;
    assert_int_equal(keep(r, 1, 2, 7, 100), 0);
    assert_int_equal(keep(r, 1, 3, 7, 100), 0);
    assert_int_equal(keep(r, 2, 3, 7, 100), 0);
    assert_int_equal(waits(r, 1, NULL), 2);
    assert_int_equal(keep(r, 1, 2, 8, 200), 0); /* in place of the older */
    assert_int_equal(waits(r, 1, &l), 2);
    assert_int_equal(wf_relay_got(r, l.to, l.hash, NULL), 0);
    assert_int_equal(wf_relay_got(r, l.to, l.hash, NULL), 0); /* once more does nothing */
    assert_int_equal(waits(r, 1, NULL), 1);
    wf_relay_free(r);
    r = start(&(struct wf_relay_options){.days_max = 0});
    assert_int_equal(waits(r, 1, &l), 1);
    assert_int_equal(wf_relay_got(r, l.to, l.hash, NULL), 0);
    assert_int_equal(keep(r, 1, 2, 8, 200), 0); /* the same again: it was handed over */
    assert_int_equal(keep(r, 1, 3, 7, 100), 0);
    assert_int_equal(waits(r, 1, NULL), 0);
    assert_int_equal(keep(r, 1, 2, 9, 200), 0); /* another */
    assert_int_equal(waits(r, 1, NULL), 1);
    assert_int_equal(waits(r, 2, NULL), 1);
    wf_relay_free(r);
}

static void test_relay__letters_have_bounds(void **state)
{
    struct wf_relay *r = start(&(struct wf_relay_options){.days_max = 0});
    bool room;

    (void)state;
    assert_int_equal(wf_relay_tend(r, &room, NULL), 0);
    for (unsigned i = 0; i < WF_LIMIT_RELAY_LETTERS; i++)
        assert_int_equal(keep(r, 1, i, 7, 10), 0);
    assert_int_equal(keep(r, 1, WF_LIMIT_RELAY_LETTERS, 7, 10), WF_E_LIMIT);
    assert_int_equal(keep(r, 1, 5, 8, 10), 0); /* in place of an older is no more than before */
    assert_int_equal(keep(r, 2, 1, 7, WF_LIMIT_RELAY_LETTER_BYTES - 10), 0);
    assert_int_equal(keep(r, 2, 2, 7, 10), 0);
    assert_int_equal(keep(r, 2, 3, 7, 1), WF_E_LIMIT);
    now_ms += (WF_LIMIT_RELAY_DAYS + 2) * DAY_MS; /* nobody came for them */
    assert_int_equal(wf_relay_tend(r, &room, NULL), 0);
    assert_int_equal(waits(r, 1, NULL), 0);
    assert_int_equal(waits(r, 2, NULL), 0);
    wf_relay_free(r);
}

/* ---- batches ---- */

struct story {
    uint64_t number;
    uint8_t hash[WF_BATCH_HASH_BYTES];
};

/* Appends the writer's next batch. */
static int append(struct wf_relay *r, struct story *io, size_t n_content)
{
    struct wf_batch_place at = {.number = io->number + 1};
    struct wf_space_key space_key = {.key = {9}};
    char *content = wf_alloc_array(n_content, 1);
    uint8_t hash[WF_BATCH_HASH_BYTES];
    struct wf_shelf shelf;
    struct wf_batch b;
    struct wf_buf bytes;
    int rc, one = 0;

    assert_non_null(content);
    wf_space_key_name(&space_key);
    memcpy(at.stream, stream, sizeof(at.stream));
    memcpy(at.prev, io->hash, sizeof(at.prev));
    wf_buf_init(&bytes, SIZE_MAX);
    assert_int_equal(wf_batch_write(&at, &space_key, &writer, NULL, wf_str_n(content, n_content),
                                    &bytes, hash, NULL),
                     0);
    assert_int_equal(wf_batch_read(wf_buf_str(&bytes), &b, NULL), 0);
    wf_relay_shelf(r, &shelf);
    rc = shelf.append(shelf.ud, &b, 1, &one, NULL);
    if (rc == 0 && one == 0) {
        io->number++;
        memcpy(io->hash, hash, sizeof(hash));
    }
    wf_buf_deinit(&bytes);
    wf_free(content);
    return rc != 0 ? rc : one;
}

static int note_first(void *ud, uint64_t number, struct wf_str bytes, struct wf_err *err)
{
    (void)bytes;
    (void)err;
    *(uint64_t *)ud = number;
    return 1;
}

/* The first of the writer's batches that is still there; 0: none. */
static uint64_t first_of(struct wf_relay *r)
{
    const struct wf_sync_log log = log_of(writer.id);
    struct wf_shelf shelf;
    uint64_t first = 0;

    wf_relay_shelf(r, &shelf);
    assert_true(shelf.read(shelf.ud, &log, 1, 1, note_first, &first, NULL) >= 0);
    return first;
}

static void tend(struct wf_relay *r, bool *out_room)
{
    now_ms += 60000;
    assert_int_equal(wf_relay_tend(r, out_room, NULL), 0);
}

static void test_relay__trims_what_all_have_whom_the_pass_names(void **state)
{
    struct wf_relay *r = start(&(struct wf_relay_options){.trim_min = 1});
    const struct wf_pass_holder two = holder(2, false), three = holder(3, true);
    const struct wf_sync_log log = log_of(writer.id);
    struct story story = {.number = 0};
    bool news, room;

    (void)state;
    assert_int_equal(give(r, &owner, 1, 3, &news), 0);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(append(r, &story, 100), 0);
    tend(r, &room);
    assert_int_equal(first_of(r), 1);
    assert_int_equal(wf_relay_met(r, two.transport, false, NULL), 0);
    assert_int_equal(wf_relay_said(r, two.transport, &log, 10), 0);
    tend(r, &room);
    assert_int_equal(first_of(r), 1); /* the third sleeps */
    assert_int_equal(wf_relay_met(r, three.transport, false, NULL), 0);
    assert_int_equal(wf_relay_said(r, three.transport, &log, 4), 0);
    tend(r, &room);
    assert_int_equal(first_of(r), 5);
    assert_int_equal(wf_relay_said(r, three.transport, &log, 10), 4);
    tend(r, &room);
    assert_int_equal(first_of(r), 0);
    assert_int_equal(append(r, &story, 100), 0); /* it goes on */
    assert_int_equal(first_of(r), 11);
    wf_relay_free(r);
    r = start(&(struct wf_relay_options){.trim_min = 1}); /* what was said is to be said again */
    tend(r, &room);
    assert_int_equal(first_of(r), 11);
    wf_relay_free(r);
}

static void test_relay__full_it_says_so_and_goes_on_when_there_is_room(void **state)
{
    struct wf_relay *r = start(&(struct wf_relay_options){.bytes_max = 20000, .trim_min = 1});
    const struct wf_pass_holder one = holder(1, true), two = holder(2, false);
    const struct wf_sync_log log = log_of(writer.id);
    struct story story = {.number = 0};
    bool news, room = false;
    json_t *status;
    int rc = 0;

    (void)state;
    assert_int_equal(give(r, &owner, 1, 2, &news), 0);
    while (rc == 0)
        rc = append(r, &story, 3000);
    assert_int_equal(rc, WF_E_FULL);
    assert_in_range(story.number, 4, 6);
    assert_false(wf_relay_takes(r, one.transport, &log)); /* nobody is asked for more */
    status = wf_relay_status(r);
    assert_true(json_is_true(json_object_get(status, "full")));
    json_decref(status);
    tend(r, &room);
    assert_false(room); /* nobody has it: it stays */
    assert_int_equal(first_of(r), 1);
    assert_int_equal(wf_relay_met(r, two.transport, false, NULL), 0);
    (void)wf_relay_said(r, two.transport, &log, story.number);
    tend(r, &room);
    assert_true(room);
    assert_true(wf_relay_takes(r, one.transport, &log));
    assert_int_equal(append(r, &story, 3000), 0);
    wf_relay_free(r);
}

static void test_relay__what_is_too_old_goes(void **state)
{
    struct wf_relay *r = start(&(struct wf_relay_options){.days_max = 10, .trim_min = 1});
    struct story story = {.number = 0};
    bool news, room;

    (void)state;
    assert_int_equal(give(r, &owner, 1, 2, &news), 0);
    for (unsigned day = 0; day < 15; day++) {
        assert_int_equal(append(r, &story, 100), 0);
        now_ms += DAY_MS;
        assert_int_equal(wf_relay_tend(r, &room, NULL), 0);
        assert_int_equal(first_of(r), day < 10 ? 1 : day - 10 + 2);
    }
    wf_relay_free(r);
}

/* It may see less: what nobody gives it a pass for any more is handed to nobody, and goes. */
static void test_relay__streams_without_a_pass_go(void **state)
{
    struct wf_relay *r = start(&(struct wf_relay_options){.trim_min = 1});
    const struct wf_pass_holder one = holder(1, true);
    struct story story = {.number = 0};
    bool news = false, room;

    (void)state;
    assert_int_equal(give(r, &owner, 1, 2, &news), 0);
    assert_int_equal(append(r, &story, 100), 0);
    assert_int_equal(wf_relay_tend(r, &room, NULL), 0);
    assert_int_equal(wf_relay_forget_passes(r, NULL), 0);
    assert_false(wf_relay_gives(r, one.transport, stream));
    for (unsigned day = 0; day < 3; day++) {
        assert_int_equal(first_of(r), 1);
        now_ms += DAY_MS;
        assert_int_equal(wf_relay_tend(r, &room, NULL), 0);
    }
    assert_int_equal(first_of(r), 0);
    wf_relay_free(r);
    r = start(&(struct wf_relay_options){.trim_min = 1});
    assert_false(wf_relay_gives(r, one.transport, stream));
    assert_int_equal(give(r, &owner, 1, 2, &news), 0); /* it may again */
    assert_true(wf_relay_gives(r, one.transport, stream));
    wf_relay_free(r);
}

/* A node with keys is bound by none of it. */
static void test_relay__without_its_role_it_trims_nothing(void **state)
{
    struct wf_relay *r =
        start(&(struct wf_relay_options){.bytes_max = 1000, .days_max = 1, .trim_min = 1});
    struct story story = {.number = 0};
    bool room;

    (void)state;
    wf_relay_be(r, false);
    for (unsigned day = 0; day < 5; day++) {
        assert_int_equal(append(r, &story, 1000), 0);
        now_ms += DAY_MS;
        assert_int_equal(wf_relay_tend(r, &room, NULL), 0);
    }
    assert_int_equal(first_of(r), 1);
    wf_relay_free(r);
}

/* ---- what was said ---- */

static bool is_two(void *ud, const uint8_t transport[WF_PASS_KEY_BYTES])
{
    (void)ud;
    return transport[0] == 2;
}

static void count_unsaid(void *ud, const struct wf_sync_log *log, uint64_t last)
{
    const struct wf_sync_log own = log_of(writer.id);

    assert_memory_equal(log, &own, sizeof(own));
    assert_int_equal(last, 7);
    ++*(unsigned *)ud;
}

static void test_relay__knows_what_a_keeper_once_had(void **state)
{
    struct wf_relay *r = start(&(struct wf_relay_options){.days_max = 0});
    const struct wf_pass_holder two = holder(2, false), three = holder(3, false);
    const struct wf_sync_log log = log_of(writer.id);
    unsigned n = 0;
    bool room;

    (void)state;
    wf_relay_be(r, false);
    assert_int_equal(wf_relay_said(r, two.transport, &log, 3), 0); /* not connected: nothing */
    assert_int_equal(wf_relay_met(r, two.transport, true, NULL), 0);
    assert_int_equal(wf_relay_met(r, three.transport, false, NULL), 0);
    assert_int_equal(wf_relay_said(r, two.transport, &log, 7), 0);
    assert_int_equal(wf_relay_said(r, three.transport, &log, 9), 0);
    assert_int_equal(wf_relay_elsewhere(r, &log, is_two, NULL), 7);
    tend(r, &room);
    wf_relay_free(r);
    r = start(&(struct wf_relay_options){.days_max = 0}); /* of those that keep, also afterwards */
    assert_int_equal(wf_relay_met(r, two.transport, true, NULL), 0);
    assert_int_equal(wf_relay_met(r, three.transport, false, NULL), 0);
    wf_relay_unsaid(r, two.transport, count_unsaid, &n);
    assert_int_equal(n, 1); /* it says nothing of it any more */
    wf_relay_unsaid(r, three.transport, count_unsaid, &n);
    assert_int_equal(n, 1);
    assert_int_equal(wf_relay_said(r, two.transport, &log, 5), 7); /* it has less */
    wf_relay_unsaid(r, two.transport, count_unsaid, &n);
    assert_int_equal(n, 1);
    wf_relay_free(r);
}

/* ---- what fails ---- */

/* Each allocation, and each write to the disk, fails once: an error, and nothing half. */
static void fails_whole(bool is_pass)
{
    bool goes_on = true;

    for (fault.n = 1; goes_on; fault.n++) {
        struct wf_relay *r = start(&(struct wf_relay_options){.days_max = 0});
        const struct wf_pass_holder one = holder(1, true);
        const unsigned before = waits(r, 1, NULL);
        const uint64_t version = 1000u * fault.kind + (unsigned)fault.n;
        bool news = false, is_in;
        int rc = is_pass ? give(r, &owner, version, 2, &news)
                         : keep(r, 1, 500u * fault.kind + (unsigned)fault.n, 7, 100);
        goes_on = fault.was_hit;
        if (!goes_on)
            assert_int_equal(rc, 0);
        is_in = is_pass ? news : waits(r, 1, NULL) == before + 1;
        assert_int_equal(is_in, rc == 0);
        wf_relay_free(r);
        home_close(&home);
        home_open(&home);
        r = start(&(struct wf_relay_options){.days_max = 0});
        if (rc == 0 && !is_pass)
            assert_int_equal(waits(r, 1, NULL), before + 1);
        if (rc == 0 && is_pass)
            assert_true(wf_relay_pass(r, stream)->version == version &&
                        wf_relay_gives(r, one.transport, stream));
        wf_relay_free(r);
    }
}

static void test_relay__fails_whole(void **state)
{
    (void)state;
    home_close(&home);
    home.options.vfs = "faulty";
    home_open(&home);
    for (fault.kind = FAULT_ALLOC; fault.kind <= FAULT_DISK; fault.kind++) {
        fails_whole(false);
        fails_whole(true);
    }
    fault.kind = FAULT_NONE;
}

int main(void)
{
#define HERE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        HERE(test_relay__hands_a_stream_to_those_alone_whom_its_pass_names),
        HERE(test_relay__streams_without_a_pass_go),
        HERE(test_relay__keeps_the_newest_letter_of_each),
        HERE(test_relay__letters_have_bounds),
        HERE(test_relay__trims_what_all_have_whom_the_pass_names),
        HERE(test_relay__full_it_says_so_and_goes_on_when_there_is_room),
        HERE(test_relay__what_is_too_old_goes),
        HERE(test_relay__without_its_role_it_trims_nothing),
        HERE(test_relay__knows_what_a_keeper_once_had),
        HERE(test_relay__fails_whole),
    };
    struct wf_signer *signers[] = {&owner, &writer, &stranger};

    if (sodium_init() < 0)
        return 1;
    for (uint8_t i = 0; i < 3; i++) {
        const uint8_t seed[32] = {(uint8_t)(i + 1)};
        wf_signer_from_seed(seed, &keys[i], signers[i]);
    }
    faulty_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
