/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts whose maps are written to often: what keys held before is packed, and nobody can tell. Two
 * rooms play the same, in one everything is packed at once: all bytes are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "crdt/types.h"
#include "crdt/undo.h"
#include "crdt/update.h"

#define N_SIDES 3
#define N_KEYS 12

struct side {
    struct wf_crdt *d;
    struct wf_crdt_undo *undo;
    uint64_t map, list, text;
    struct wf_buf told; /* not yet taken by each other one */
};

struct room {
    struct side sides[N_SIDES];
    struct wf_rng_seeded rng;
};

static void told(void *ud, struct wf_str update, bool remote)
{
    struct side *s = ud;

    (void)remote;
    wf_buf_reset(&s->told);
    (void)wf_buf_append_str(&s->told, update);
}

static void room_open(struct room *r, uint64_t seed, bool packs)
{
    wf_rng_seeded_init(&r->rng, seed);
    for (uint64_t i = 0; i < N_SIDES; i++) {
        struct side *s = &r->sides[i];
        const struct wf_crdt_options o = {
            .client = i + 1, .pack_always = packs, .on_update = told, .ud = s};
        const struct wf_crdt_undo_options all = {0};
        wf_buf_init(&s->told, SIZE_MAX);
        assert_int_equal(wf_crdt_new(&o, &s->d), 0);
        assert_int_equal(wf_crdt_root(s->d, WF_STR("m"), WF_CRDT_MAP, &s->map), 0);
        assert_int_equal(wf_crdt_root(s->d, WF_STR("l"), WF_CRDT_ARRAY, &s->list), 0);
        assert_int_equal(wf_crdt_root(s->d, WF_STR("t"), WF_CRDT_TEXT, &s->text), 0);
        s->undo = NULL;
        if (i == 0)
            assert_int_equal(wf_crdt_undo_new(s->d, &all, &s->undo), 0);
    }
}

static void room_close(struct room *r)
{
    for (size_t i = 0; i < N_SIDES; i++) {
        wf_crdt_undo_free(r->sides[i].undo);
        wf_crdt_free(r->sides[i].d);
        wf_buf_deinit(&r->sides[i].told);
    }
}

static int set_key(struct side *s, uint64_t map, const struct wf_rng *rng)
{
    struct wf_crdt_put put = {.kind = WF_CRDT_PUT_VALUES, .n = 1};
    const char value[2] = {0x7d, (char)wf_rng_below(rng, 64)};
    char key[16];

    (void)snprintf(key, sizeof(key), "k%u", (unsigned)wf_rng_below(rng, N_KEYS));
    put.bytes = wf_str_n(value, 2);
    if (wf_rng_below(rng, 10) == 0)
        return wf_crdt_map_delete(s->d, map, wf_str_from(key));
    return wf_crdt_map_set(s->d, map, wf_str_from(key), &put, NULL);
}

/* A map in the list gets some sets, or comes, or goes. */
static int inner(struct side *s, const struct wf_rng *rng)
{
    const struct wf_crdt_put put = {.kind = WF_CRDT_PUT_TYPE, .type = WF_CRDT_MAP};
    uint32_t n = wf_crdt_length(s->d, s->list);
    uint64_t map = 0;
    int rc = 0;

    if (n > 3 && wf_rng_below(rng, 3) == 0)
        return wf_crdt_array_delete(s->d, s->list, (uint32_t)wf_rng_below(rng, n), 1);
    rc = wf_crdt_array_insert(s->d, s->list, (uint32_t)wf_rng_below(rng, n + 1), &put, &map);
    for (int i = 0; i < 40 && rc == 0; i++)
        rc = set_key(s, map, rng);
    return rc;
}

/* Takes what another has that this one lacks. */
static int sync(struct side *to, struct side *from)
{
    struct wf_buf vector, diff;
    int rc;

    wf_buf_init(&vector, SIZE_MAX);
    wf_buf_init(&diff, SIZE_MAX);
    rc = wf_crdt_state_vector(to->d, &vector);
    if (rc == 0)
        rc = wf_crdt_encode(from->d, wf_buf_str(&vector), WF_CRDT_V2, &diff);
    if (rc == 0)
        rc = wf_crdt_apply(to->d, wf_buf_str(&diff), WF_CRDT_V2, NULL);
    wf_buf_deinit(&vector);
    wf_buf_deinit(&diff);
    return rc;
}

/* One step, the same in every room of the seed; *out: who it was about. */
static int step(struct room *r, struct side **out)
{
    const struct wf_rng *rng = &r->rng.rng;
    struct side *s = &r->sides[wf_rng_below(rng, N_SIDES)];
    bool did;
    int rc = 0;

    *out = s;
    switch (wf_rng_below(rng, 12)) {
    case 0:
        return wf_crdt_text_insert(s->d, s->text, 0, WF_STR("x"), NULL);
    case 1:
        return inner(s, rng);
    case 2:
        return sync(s, &r->sides[wf_rng_below(rng, N_SIDES)]);
    case 3:
        *out = &r->sides[0];
        return wf_rng_below(rng, 3) != 0 ? wf_crdt_undo(r->sides[0].undo, &did)
                                         : wf_crdt_redo(r->sides[0].undo, &did);
    default:
        for (int i = 0; i < 6 && rc == 0; i++)
            rc = set_key(s, s->map, rng);
        return rc;
    }
}

static void encode(struct wf_crdt *d, struct wf_str vector, enum wf_crdt_format f,
                   struct wf_buf *out)
{
    wf_buf_init(out, SIZE_MAX);
    assert_int_equal(wf_crdt_encode(d, vector, f, out), 0);
}

static void assert_same_bytes(struct wf_buf *a, struct wf_buf *b)
{
    assert_int_equal(a->len, b->len);
    assert_memory_equal(a->ptr, b->ptr, a->len);
    wf_buf_deinit(a);
    wf_buf_deinit(b);
}

/* All that two drafts say, and what they say to somebody who knows each client so far. */
static void assert_same(struct wf_crdt *a, struct wf_crdt *b, const struct wf_rng *rng)
{
    struct wf_buf x, y;
    char vector[1 + 3 * 3], *p = vector;

    for (int f = WF_CRDT_V1; f <= WF_CRDT_V2; f++) {
        encode(a, WF_STR(""), (enum wf_crdt_format)f, &x);
        encode(b, WF_STR(""), (enum wf_crdt_format)f, &y);
        assert_same_bytes(&x, &y);
    }
    *p++ = N_SIDES;
    for (char client = N_SIDES; client > 0; client--) {
        unsigned clock = (unsigned)wf_rng_below(rng, 2000);
        *p++ = client;
        *p++ = (char)(0x80 | (clock & 0x7f));
        *p++ = (char)(clock >> 7);
    }
    encode(a, wf_str_n(vector, (size_t)(p - vector)), WF_CRDT_V1, &x);
    encode(b, wf_str_n(vector, (size_t)(p - vector)), WF_CRDT_V1, &y);
    assert_same_bytes(&x, &y);
}

static void test_crdt_pack__nobody_can_tell(void **state)
{
    (void)state;
    size_t n_plain = 0, n_packed = 0;

    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct room plain, packed;
        struct wf_rng_seeded look;
        room_open(&plain, seed, false);
        room_open(&packed, seed, true);
        wf_rng_seeded_init(&look, seed);
        for (unsigned i = 0; i < 1500; i++) {
            struct side *a, *b;
            assert_int_equal(step(&plain, &a), 0);
            assert_int_equal(step(&packed, &b), 0);
            assert_int_equal(a->told.len, b->told.len);
            assert_memory_equal(a->told.ptr, b->told.ptr, a->told.len);
            if (i % 50 == 49)
                assert_same(a->d, b->d, &look.rng);
        }
        for (size_t i = 1; i < N_SIDES; i++) { /* what may be undone stays as it is */
            n_plain += wf_crdt_stats(plain.sides[i].d).n_items;
            n_packed += wf_crdt_stats(packed.sides[i].d).n_items;
        }
        room_close(&plain);
        room_close(&packed);
    }
    assert_true(n_packed < n_plain / 2);
}

/* A million sets: what is in memory stays small, also in a draft that loads them. */
static void test_crdt_pack__many_sets_take_little(void **state)
{
    (void)state;
    struct wf_crdt_options o = {.client = 7};
    struct wf_crdt *d = NULL, *loaded = NULL;
    struct wf_rng_seeded rng;
    struct wf_buf bytes, again;
    struct side s = {0};

    wf_rng_seeded_init(&rng, 3);
    assert_int_equal(wf_crdt_new(&o, &d), 0);
    assert_int_equal(wf_crdt_root(d, WF_STR("m"), WF_CRDT_MAP, &s.map), 0);
    s.d = d;
    for (unsigned i = 0; i < 1000000; i++)
        assert_int_equal(set_key(&s, s.map, &rng.rng), 0);
    assert_true(wf_crdt_stats(d).resident_bytes < 25000000);
    encode(d, WF_STR(""), WF_CRDT_V1, &bytes);
    o.client = 8;
    assert_int_equal(wf_crdt_new(&o, &loaded), 0);
    assert_int_equal(wf_crdt_apply(loaded, wf_buf_str(&bytes), WF_CRDT_V1, NULL), 0);
    assert_true(wf_crdt_stats(loaded).resident_bytes < 25000000);
    encode(loaded, WF_STR(""), WF_CRDT_V1, &again);
    assert_same_bytes(&bytes, &again);
    /* somebody who knows of nothing sets all keys: every chain is walked */
    o.client = 9;
    assert_int_equal(wf_crdt_new(&o, &s.d), 0);
    assert_int_equal(wf_crdt_root(s.d, WF_STR("m"), WF_CRDT_MAP, &s.map), 0);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(set_key(&s, s.map, &rng.rng), 0);
    encode(s.d, WF_STR(""), WF_CRDT_V1, &bytes);
    assert_int_equal(wf_crdt_apply(loaded, wf_buf_str(&bytes), WF_CRDT_V1, NULL), 0);
    wf_buf_deinit(&bytes);
    encode(d, WF_STR(""), WF_CRDT_V1, &bytes);
    assert_int_equal(wf_crdt_apply(s.d, wf_buf_str(&bytes), WF_CRDT_V1, NULL), 0);
    wf_buf_deinit(&bytes);
    encode(loaded, WF_STR(""), WF_CRDT_V2, &bytes);
    encode(s.d, WF_STR(""), WF_CRDT_V2, &again);
    assert_same_bytes(&bytes, &again);
    wf_crdt_free(d);
    wf_crdt_free(loaded);
    wf_crdt_free(s.d);
}

static void test_crdt_pack__memory_may_run_out_anywhere(void **state)
{
    (void)state;
    unsigned n_failed = 0;

    for (uint64_t n = 1; n < 400; n++) {
        struct room r;
        struct side *s;
        int rc = 0;
        room_open(&r, 5, true);
        for (unsigned i = 0; i < 100; i++)
            assert_int_equal(step(&r, &s), 0);
        wf_alloc_fail_at(n);
        for (unsigned i = 0; i < 100 && rc == 0; i++)
            rc = step(&r, &s);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        n_failed += rc != 0;
        room_close(&r);
    }
    assert_true(n_failed > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crdt_pack__nobody_can_tell),
        cmocka_unit_test(test_crdt_pack__many_sets_take_little),
        cmocka_unit_test(test_crdt_pack__memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
