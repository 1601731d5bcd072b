/* SPDX-License-Identifier: Apache-2.0 */
/* Records of several devices: random histories, delivered in random orders, several times, in part
 * through states that are merged, come to the same bytes everywhere; and to what a second, naive
 * reading of the same changes says. Deletions that are settled change nothing that is seen.
 * WEFT_RECORD_HISTORIES says how many. */
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/rng.h"
#include "crdt/hlc.h"
#include "crdt/record.h"

#define HISTORIES 3000
#define DEVICES_MAX 6
#define CHANGES_MAX 60

static struct wf_rng_seeded rng;
static int64_t now_ms;
static const uint8_t uid[WF_CHANGE_UID_BYTES] = {9};

static uint64_t below(uint64_t n)
{
    return wf_rng_below(&rng.rng, n);
}

static int64_t wall_ms(void *ud)
{
    const int64_t *skew = ud;
    return now_ms + *skew;
}

/* The histories have no signatures: nothing here verifies them. */
static int no_signature(void *ud, struct wf_str purpose, struct wf_str bytes,
                        uint8_t out[WF_SIGNATURE_BYTES], struct wf_err *err)
{
    (void)ud, (void)purpose, (void)bytes, (void)err;
    memset(out, 0, WF_SIGNATURE_BYTES);
    return 0;
}

static struct device {
    struct wf_signer signer;
    struct wf_clock clock;
    int64_t skew;
    struct wf_hlc hlc;
    struct wf_record record;
    size_t n_has[DEVICES_MAX]; /* changes of each device that it has */
    uint64_t dseq;
} devices[DEVICES_MAX];
static size_t n_devices;

static struct made {
    struct wf_buf bytes;
    struct wf_change change;
    size_t device;
    size_t index; /* among its device's */
} changes[CHANGES_MAX];
static size_t n_changes;

static struct wf_stamp stamp_of(const struct wf_change *c)
{
    struct wf_stamp at = {.hlc = c->hlc};
    memcpy(at.device, c->device, sizeof(at.device));
    return at;
}

static void apply(struct wf_record *r, const struct made *m)
{
    struct wf_stamp at = stamp_of(&m->change);
    struct wf_change_item item;
    size_t i = 0;

    while (wf_change_next(&m->change, &i, &item))
        if (!item.is_pruned)
            assert_int_equal(wf_record_apply(r, &item, &at, NULL), 0);
}

/* ---- making a history ---- */

static const char *const fields[] = {"a", "b", "c"};
static const char *const values[] = {"1", "\"x\"", "[true,null]", "{\"k\":1}"};

static int op_order(const void *a, const void *b)
{
    return wf_record_op_cmp(a, b);
}

/* One random op; false: there is none (nothing to take back). */
static bool random_op(struct device *d, struct wf_buf *dots, struct wf_record_op *op)
{
    struct wf_str field = wf_str_from(fields[below(3)]);
    struct wf_str value = wf_str_from(values[below(4)]);

    *op = (struct wf_record_op){.kind = (enum wf_record_op_kind)below(7), .field = field};
    if (op->kind == WF_RECORD_DELETE && below(3) > 0)
        op->kind = WF_RECORD_SET; /* not too often */
    switch (op->kind) {
    case WF_RECORD_DELETE:
        op->field = WF_STR("");
        return true;
    case WF_RECORD_LABEL:
        op->field = WF_STR("");
        op->label = (uint8_t)below(4);
        return true;
    case WF_RECORD_SET:
    case WF_RECORD_ADD:
        op->value = value;
        return true;
    case WF_RECORD_COUNT:
        return wf_record_count_op(&d->record, d->signer.id, field, (int64_t)below(9) - 4, op,
                                  NULL) == 0;
    case WF_RECORD_TAKE:
        return wf_record_take_op(&d->record, field, value, dots, op, NULL) == 0;
    case WF_RECORD_UNSET:
    case WF_RECORD_KIND_COUNT:
        break;
    }
    return true;
}

static void make_change(size_t i_device)
{
    struct device *d = &devices[i_device];
    struct made *m = &changes[n_changes];
    struct wf_record_op ops[4];
    struct wf_buf dots;
    size_t n = 0, n_want = 1 + below(4);

    wf_buf_init(&dots, 1u << 20);
    wf_buf_reserve(&dots, 4096); /* the ops' dots stay where they are */
    while (n < n_want && random_op(d, &dots, &ops[n]))
        n++;
    qsort(ops, n, sizeof(ops[0]), op_order);
    size_t k = 0; /* each place once */
    for (size_t i = 0; i < n; i++)
        if (k == 0 || wf_record_op_cmp(&ops[k - 1], &ops[i]) != 0)
            ops[k++] = ops[i];
    if (k > 0) {
        struct wf_change_draft item = {.label = (uint8_t)below(4),
                                       .collection = WF_STR("c"),
                                       .key = WF_STR("k"),
                                       .ops = ops,
                                       .n_ops = k};
        struct wf_change_head head = {
            .dseq = ++d->dseq, .hlc = wf_hlc_now(&d->hlc), .uid = uid, .rng = &rng.rng};
        wf_buf_init(&m->bytes, 1u << 20);
        assert_int_equal(wf_change_write(&head, &d->signer, &item, 1, &m->bytes, &m->change, NULL),
                         0);
        m->device = i_device;
        m->index = d->n_has[i_device]++;
        apply(&d->record, m);
        n_changes++;
    }
    wf_buf_deinit(&dots);
}

/* Gives device `to` what it lacks of `from`'s next changes, in their order, some at a time. */
static void deliver(size_t from, size_t to)
{
    struct device *d = &devices[to];
    size_t n = 1 + below(3);

    for (size_t i = 0; i < n_changes && n > 0; i++) {
        struct made *m = &changes[i];
        if (m->device != from || m->index != d->n_has[from])
            continue;
        assert_int_equal(wf_hlc_see(&d->hlc, m->change.hlc, NULL), 0);
        apply(&d->record, m);
        d->n_has[from]++;
        n--;
    }
}

/* ---- what is settled: by what is really so, which a device learns from the others' words ---- */

static size_t settler; /* the device that asks */

static bool is_stable(void *ud, const struct wf_stamp *at)
{
    (void)ud;
    for (size_t i = 0; i < n_changes; i++) {
        struct made *m = &changes[i];
        struct wf_stamp t = stamp_of(&m->change);
        if (wf_stamp_cmp(&t, at) == 0) /* every device has it */
            for (size_t d = 0; d < n_devices; d++)
                if (devices[d].n_has[m->device] <= m->index)
                    return false;
        if (t.hlc <= at->hlc && devices[settler].n_has[m->device] <= m->index)
            return false; /* what came before it is not all here */
    }
    return true;
}

static void settle(size_t i_device)
{
    settler = i_device;
    (void)wf_record_settle(&devices[i_device].record, is_stable, NULL);
}

static void history(uint64_t seed, bool settles)
{
    size_t n_steps;

    wf_rng_seeded_init(&rng, seed);
    n_devices = 2 + below(DEVICES_MAX - 1);
    n_steps = 5 + below(CHANGES_MAX - 5);
    n_changes = 0;
    now_ms = 1000000;
    for (size_t i = 0; i < n_devices; i++) {
        struct device *d = &devices[i];
        memset(d, 0, sizeof(*d));
        d->signer.sign = no_signature;
        rng.rng.fill(rng.rng.ud, d->signer.id, sizeof(d->signer.id));
        d->skew = (int64_t)below(600000) - 300000;
        d->clock = (struct wf_clock){.wall_ms = wall_ms, .ud = &d->skew};
        wf_hlc_init(&d->hlc, &d->clock, 0);
        wf_record_init(&d->record);
    }
    for (size_t i = 0; i < n_steps; i++) {
        now_ms += (int64_t)below(3) * (int64_t)below(2000);
        if (below(2) > 0)
            make_change(below(n_devices));
        for (size_t k = below(4); k > 0; k--)
            deliver(below(n_devices), below(n_devices));
        if (settles && below(3) == 0)
            settle(below(n_devices));
    }
}

static void forget_history(void)
{
    for (size_t i = 0; i < n_devices; i++)
        wf_record_deinit(&devices[i].record);
    for (size_t i = 0; i < n_changes; i++)
        wf_buf_deinit(&changes[i].bytes);
}

/* ---- looking ---- */

static void assert_same(const struct wf_record *a, const struct wf_record *b, bool is_final,
                        uint64_t seed)
{
    struct wf_buf x, y;

    wf_buf_init(&x, 1u << 20);
    wf_buf_init(&y, 1u << 20);
    assert_int_equal(wf_record_write(a, is_final, &x), 0);
    assert_int_equal(wf_record_write(b, is_final, &y), 0);
    if (!wf_str_eq(wf_buf_str(&x), wf_buf_str(&y)))
        fail_msg("history %llu: two records differ (%zu and %zu bytes)", (unsigned long long)seed,
                 x.len, y.len);
    wf_buf_deinit(&x);
    wf_buf_deinit(&y);
}

/* Changes `from` .. `to` - 1 of `order`, each once, twice or three times, later ones again. */
static void play(struct wf_record *r, const size_t *order, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        apply(r, &changes[order[i]]);
        if (below(3) == 0)
            apply(r, &changes[order[from + below(i - from + 1)]]);
    }
}

static void shuffle(size_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t k = below(i), t = order[k];
        order[k] = order[i - 1];
        order[i - 1] = t;
    }
}

/* All changes in a random order, in up to three parts whose states are merged, some through bytes.
 */
static void play_in_parts(struct wf_record *out, struct wf_buf *room)
{
    size_t order[CHANGES_MAX], n_parts = 1 + below(3), from = 0;

    shuffle(order, n_changes);
    for (size_t p = 0; p < n_parts; p++) {
        size_t to = p + 1 == n_parts ? n_changes : from + below(n_changes - from + 1);
        struct wf_record part, again;
        wf_record_init(&part);
        wf_record_init(&again);
        play(&part, order, from, to);
        size_t at = room->len;
        assert_int_equal(wf_record_write(&part, false, room), 0);
        struct wf_err err = WF_ERR_INIT;
        if (wf_record_read(&again, wf_str_sub(wf_buf_str(room), at, room->len), &err) != 0)
            fail_msg("%s", err.msg);
        assert_same(&part, &again, false, 0);
        assert_int_equal(wf_record_merge(out, below(2) ? &part : &again, NULL), 0);
        assert_int_equal(wf_record_merge(out, &again, NULL), 0);
        wf_record_deinit(&part);
        wf_record_deinit(&again);
        from = to;
    }
}

/* ---- the naive reading ---- */

struct found {
    struct wf_stamp at, value_at;
    struct wf_str value;
    int64_t totals[DEVICES_MAX];
    struct wf_stamp counted[DEVICES_MAX], added[4][DEVICES_MAX], taken[4][DEVICES_MAX];
};

static size_t value_index(struct wf_str v)
{
    for (size_t i = 0; i < 4; i++)
        if (wf_str_eq(v, wf_str_from(values[i])))
            return i;
    fail();
    return 0;
}

static size_t device_index(const uint8_t *id)
{
    for (size_t i = 0; i < n_devices; i++)
        if (memcmp(devices[i].signer.id, id, WF_SIGNER_ID_BYTES) == 0)
            return i;
    fail();
    return 0;
}

static void later(struct wf_stamp *mine, const struct wf_stamp *other)
{
    if (wf_stamp_cmp(other, mine) > 0)
        *mine = *other;
}

static void note(struct found *f, const struct wf_record_op *op, const struct wf_stamp *at)
{
    size_t d = device_index(at->device);

    if ((op->kind == WF_RECORD_SET || op->kind == WF_RECORD_UNSET) &&
        wf_stamp_cmp(at, &f->value_at) > 0) {
        f->value_at = *at;
        f->value = op->value;
    } else if (op->kind == WF_RECORD_COUNT && wf_stamp_cmp(at, &f->counted[d]) > 0) {
        f->counted[d] = *at;
        f->totals[d] = op->total;
    } else if (op->kind == WF_RECORD_ADD) {
        later(&f->added[value_index(op->value)][d], at);
    } else if (op->kind == WF_RECORD_TAKE) {
        for (size_t i = 0; i < op->dots.len; i += WF_CHANGE_DOT_BYTES) {
            struct wf_stamp dot = {.hlc = 0};
            memcpy(dot.device, op->dots.ptr + i, WF_SIGNER_ID_BYTES);
            memcpy(&dot.hlc, op->dots.ptr + i + WF_SIGNER_ID_BYTES, 8);
            later(&f->taken[value_index(op->value)][device_index(dot.device)], &dot);
        }
    }
}

/* Looks through all changes for one field, and puts into `o` what it holds. */
static void read_field(const char *name, const struct wf_stamp *gone, json_t *o)
{
    struct found f = {.value = {NULL, 0}};
    struct wf_stamp count_at = {.hlc = 0}, set_at = {.hlc = 0}, end = *gone;
    json_t *set = json_array();
    int64_t sum = 0;

    for (size_t i = 0; i < n_changes; i++) {
        struct wf_stamp at = stamp_of(&changes[i].change);
        struct wf_change_item item;
        struct wf_record_op op;
        size_t a = 0, b = 0;
        assert_true(wf_change_next(&changes[i].change, &a, &item));
        while (wf_change_op_next(&item, &b, &op))
            if (wf_str_eq(op.field, wf_str_from(name)))
                note(&f, &op, &at);
    }
    bool has_value = f.value_at.hlc > 0 && wf_stamp_cmp(&f.value_at, gone) >= 0;
    if (has_value)
        end = f.value_at;
    for (size_t d = 0; d < n_devices; d++)
        if (f.counted[d].hlc > 0 && wf_stamp_cmp(&f.counted[d], &end) >= 0) {
            sum += f.totals[d];
            later(&count_at, &f.counted[d]);
        }
    static const size_t by_bytes[4] = {1, 0, 2, 3}; /* "\"x\"", "1", "[...", "{..." */
    for (size_t v = 0; v < 4; v++) {
        bool is_in = false;
        for (size_t d = 0; d < n_devices; d++) {
            const struct wf_stamp *add = &f.added[by_bytes[v]][d];
            if (add->hlc > 0 && wf_stamp_cmp(add, &f.taken[by_bytes[v]][d]) > 0 &&
                wf_stamp_cmp(add, &end) >= 0) {
                is_in = true;
                later(&set_at, add);
            }
        }
        if (is_in)
            json_array_append_new(set, json_loads(values[by_bytes[v]], JSON_DECODE_ANY, NULL));
    }
    struct wf_stamp best = {.hlc = 0};
    json_t *shown = NULL;
    if (has_value && f.value.len > 0) {
        best = f.value_at;
        shown = json_loadb(f.value.ptr, f.value.len, JSON_DECODE_ANY, NULL);
    }
    if (wf_stamp_cmp(&count_at, &best) > 0) {
        best = count_at;
        json_decref(shown);
        shown = json_integer(sum);
    }
    if (wf_stamp_cmp(&set_at, &best) > 0) {
        json_decref(shown);
        shown = json_incref(set);
    }
    if (shown != NULL)
        json_object_set_new(o, name, shown);
    json_decref(set);
}

static void assert_is_what_the_changes_say(const struct wf_record *r, uint64_t seed)
{
    struct wf_stamp gone = {.hlc = 0};
    json_t *want = json_object(), *got = wf_record_json(r);

    for (size_t i = 0; i < n_changes; i++) {
        struct wf_stamp at = stamp_of(&changes[i].change);
        struct wf_change_item item;
        struct wf_record_op op;
        size_t a = 0, b = 0;
        assert_true(wf_change_next(&changes[i].change, &a, &item));
        while (wf_change_op_next(&item, &b, &op))
            if (op.kind == WF_RECORD_DELETE)
                later(&gone, &at);
    }
    for (size_t i = 0; i < 3; i++)
        read_field(fields[i], &gone, want);
    if (!json_equal(want, got)) {
        char *w = json_dumps(want, JSON_SORT_KEYS), *g = json_dumps(got, JSON_SORT_KEYS);
        fail_msg("history %llu: %s instead of %s", (unsigned long long)seed, g, w);
    }
    assert_int_equal(wf_record_is_live(r), json_object_size(want) > 0);
    json_decref(want);
    json_decref(got);
}

static unsigned n_histories(void)
{
    const char *n = getenv("WEFT_RECORD_HISTORIES");
    return n ? (unsigned)strtoul(n, NULL, 10) : HISTORIES;
}

static void test_record_crdt__any_order_comes_to_the_same(void **state)
{
    size_t n_all = 0, n_live = 0;
    (void)state;

    for (uint64_t seed = 1; seed <= n_histories(); seed++) {
        struct wf_record first, other;
        struct wf_buf room;
        history(seed, false);
        wf_buf_init(&room, 1u << 24);
        wf_buf_reserve(&room, 1u << 20); /* states stay where they are */
        wf_record_init(&first);
        for (size_t i = 0; i < n_changes; i++)
            apply(&first, &changes[i]);
        for (unsigned k = 0; k < 4; k++) {
            wf_record_init(&other);
            play_in_parts(&other, &room);
            assert_same(&first, &other, false, seed);
            wf_record_deinit(&other);
        }
        assert_is_what_the_changes_say(&first, seed);
        n_all += n_changes;
        n_live += wf_record_is_live(&first);
        wf_record_deinit(&first);
        wf_buf_deinit(&room);
        forget_history();
    }
    print_message("%zu changes, %zu records alive at the end\n", n_all, n_live);
    assert_true(n_live > n_histories() / 2);
}

static void test_record_crdt__settling_changes_nothing_that_is_seen(void **state)
{
    size_t n_settled = 0;
    (void)state;

    for (uint64_t seed = 1; seed <= n_histories(); seed++) {
        struct wf_record all;
        history(seed, true);
        wf_record_init(&all);
        for (size_t i = 0; i < n_changes; i++)
            apply(&all, &changes[i]);
        for (bool more = true; more;) { /* the rest comes, and settles at times */
            more = false;
            for (size_t to = 0; to < n_devices; to++)
                for (size_t from = 0; from < n_devices; from++) {
                    deliver(from, to);
                    if (below(4) == 0)
                        settle(to);
                    more = more || devices[to].n_has[from] < devices[from].n_has[from];
                }
        }
        for (size_t i = 0; i < n_devices; i++) {
            assert_same(&all, &devices[i].record, true, seed);
            settle(i);
            assert_int_equal(wf_record_unsettled(&devices[i].record), 0);
            assert_same(&devices[0].record, &devices[i].record, false, seed);
        }
        n_settled += wf_record_unsettled(&all) > 0;
        assert_is_what_the_changes_say(&devices[0].record, seed);
        wf_record_deinit(&all);
        forget_history();
    }
    print_message("%zu records had something to settle\n", n_settled);
    assert_true(n_settled > n_histories() / 4);
}

/* ---- single things ---- */

static void one(struct wf_record *r, size_t i_device, struct wf_record_op op)
{
    struct device *d = &devices[i_device];
    struct made *m = &changes[n_changes++];
    struct wf_change_draft item = {
        .label = 1, .collection = WF_STR("c"), .key = WF_STR("k"), .ops = &op, .n_ops = 1};
    struct wf_change_head head = {
        .dseq = ++d->dseq, .hlc = wf_hlc_now(&d->hlc), .uid = uid, .rng = &rng.rng};

    wf_buf_init(&m->bytes, 1u << 20);
    assert_int_equal(wf_change_write(&head, &d->signer, &item, 1, &m->bytes, &m->change, NULL), 0);
    apply(r, m);
}

static void assert_json(const struct wf_record *r, const char *want)
{
    json_t *v = wf_record_json(r);
    char *s = json_dumps(v, JSON_SORT_KEYS | JSON_COMPACT);
    assert_string_equal(s, want);
    (void)free(s);
    json_decref(v);
}

static void test_record_crdt__a_deleted_record_can_be_made_anew(void **state)
{
    struct wf_record r;
    (void)state;

    history(1, false);
    forget_history();
    n_changes = 0;
    wf_record_init(&r);
    assert_true(wf_record_is_empty(&r));
    one(&r, 0,
        (struct wf_record_op){.kind = WF_RECORD_SET, .field = WF_STR("a"), .value = WF_STR("1")});
    one(&r, 0, (struct wf_record_op){.kind = WF_RECORD_COUNT, .field = WF_STR("n"), .total = 5});
    assert_json(&r, "{\"a\":1,\"n\":5}");
    assert_int_equal(wf_record_label(&r), 1);
    now_ms += 1000000; /* later on all clocks */
    one(&r, 1, (struct wf_record_op){.kind = WF_RECORD_DELETE});
    one(&r, 1, (struct wf_record_op){.kind = WF_RECORD_DELETE});
    assert_json(&r, "{}");
    assert_false(wf_record_is_live(&r) || wf_record_is_empty(&r));
    assert_int_equal(wf_record_label(&r), 0);
    now_ms += 1000000;
    one(&r, 0,
        (struct wf_record_op){.kind = WF_RECORD_SET, .field = WF_STR("b"), .value = WF_STR("2")});
    assert_json(&r, "{\"b\":2}");
    wf_record_deinit(&r);
    for (size_t i = 0; i < n_changes; i++)
        wf_buf_deinit(&changes[i].bytes);
}

static void test_record_crdt__a_failed_allocation_is_an_error(void **state)
{
    struct wf_record r;
    struct wf_buf out;
    unsigned n_failed = 0;
    (void)state;

    history(5, false);
    assert_true(n_changes > 3);
    for (uint64_t n = 1;; n++) {
        int rc = 0;
        wf_record_init(&r);
        wf_buf_init(&out, 1u << 20);
        wf_alloc_fail_at(n);
        for (size_t i = 0; rc == 0 && i < n_changes; i++) {
            struct wf_stamp at = stamp_of(&changes[i].change);
            struct wf_change_item item;
            struct wf_err err = WF_ERR_INIT;
            size_t k = 0;
            assert_true(wf_change_next(&changes[i].change, &k, &item));
            rc = wf_record_apply(&r, &item, &at, &err);
            assert_true(rc == 0 || (rc == WF_E_NOMEM && err.msg[0] != 0));
        }
        if (rc == 0)
            rc = wf_record_write(&r, false, &out);
        bool failed = wf_alloc_failed();
        wf_alloc_fail_at(0);
        wf_record_deinit(&r);
        wf_buf_deinit(&out);
        assert_int_equal(rc, failed ? WF_E_NOMEM : 0);
        n_failed += failed;
        if (!failed)
            break;
    }
    assert_true(n_failed > 3);
    forget_history();
}

static void test_record_crdt__a_damaged_state_is_refused(void **state)
{
    struct wf_record r;
    struct wf_buf good;
    unsigned n_refused = 0;
    (void)state;

    history(9, false);
    wf_record_init(&r);
    for (size_t i = 0; i < n_changes; i++)
        apply(&r, &changes[i]);
    wf_buf_init(&good, 1u << 20);
    assert_int_equal(wf_record_write(&r, false, &good), 0);
    for (size_t i = 0; i < good.len; i++) {
        struct wf_record other;
        wf_record_init(&other);
        assert_int_equal(wf_record_read(&other, wf_str_sub(wf_buf_str(&good), 0, i), NULL),
                         WF_E_CORRUPT); /* cut off */
        wf_record_deinit(&other);
        char byte = good.ptr[i];
        good.ptr[i] = (char)below(256);
        n_refused += wf_record_read(&other, wf_buf_str(&good), NULL) == WF_E_CORRUPT;
        good.ptr[i] = byte;
        wf_record_deinit(&other);
    }
    assert_true(n_refused > 0);
    wf_buf_deinit(&good);
    wf_record_deinit(&r);
    forget_history();
}

static int init(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_crdt__any_order_comes_to_the_same),
        cmocka_unit_test(test_record_crdt__settling_changes_nothing_that_is_seen),
        cmocka_unit_test(test_record_crdt__a_deleted_record_can_be_made_anew),
        cmocka_unit_test(test_record_crdt__a_failed_allocation_is_an_error),
        cmocka_unit_test(test_record_crdt__a_damaged_state_is_refused),
    };
    return cmocka_run_group_tests(tests, init, NULL);
}
