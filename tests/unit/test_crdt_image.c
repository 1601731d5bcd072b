/* SPDX-License-Identifier: Apache-2.0 */
/* Images of documents: a document that was written and opened again is the one it was. Two rooms
 * play the same; in one, documents are now and then replaced by what their image gives: whatever
 * they tell and say is the same bytes. Damage of any byte is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "crdt/image.h"
#include "crdt/types.h"

#define N_SIDES 3
#define N_MISLAID 8

struct side {
    struct wf_crdt_options options;
    struct wf_crdt *d;
    uint64_t map, list, text, xml;
    struct wf_buf told;
};

struct room {
    struct side sides[N_SIDES];
    struct wf_buf mislaid[N_MISLAID]; /* updates that come late, or never */
    struct wf_rng_seeded rng;
};

static void told(void *ud, struct wf_str update, bool remote)
{
    struct side *s = ud;

    (void)remote;
    wf_buf_reset(&s->told);
    (void)wf_buf_append_str(&s->told, update);
}

static void name_roots(struct side *s)
{
    assert_int_equal(wf_crdt_root(s->d, WF_STR("m"), WF_CRDT_MAP, &s->map), 0);
    assert_int_equal(wf_crdt_root(s->d, WF_STR("l"), WF_CRDT_ARRAY, &s->list), 0);
    assert_int_equal(wf_crdt_root(s->d, WF_STR("t"), WF_CRDT_TEXT, &s->text), 0);
    assert_int_equal(wf_crdt_root(s->d, WF_STR("x"), WF_CRDT_XML_FRAGMENT, &s->xml), 0);
}

static void room_open(struct room *r, uint64_t seed)
{
    wf_rng_seeded_init(&r->rng, seed);
    for (size_t i = 0; i < N_MISLAID; i++)
        wf_buf_init(&r->mislaid[i], SIZE_MAX);
    for (uint64_t i = 0; i < N_SIDES; i++) {
        struct side *s = &r->sides[i];
        s->options = (struct wf_crdt_options){.client = (i + 1) << (16 * i),
                                              .keep_deleted = seed % 5 == 0,
                                              .pack_always = seed % 2 == 0,
                                              .on_update = told,
                                              .ud = s};
        wf_buf_init(&s->told, SIZE_MAX);
        assert_int_equal(wf_crdt_new(&s->options, &s->d), 0);
        name_roots(s);
    }
}

static void room_close(struct room *r)
{
    for (size_t i = 0; i < N_MISLAID; i++)
        wf_buf_deinit(&r->mislaid[i]);
    for (size_t i = 0; i < N_SIDES; i++) {
        wf_crdt_free(r->sides[i].d);
        wf_buf_deinit(&r->sides[i].told);
    }
}

/* ---- what is done ---- */

static struct wf_crdt_put some_put(const struct wf_rng *rng)
{
    static const struct wf_str values[] = {
        {"\x7d\x05", 2},
        {"\x77\x03"
         "abc",
         5},
        {"\x76\x02\x01"
         "a\x78\x01"
         "b\x77\x04\xf0\x9f\x98\x80",
         13},
        {"\x75\x02\x7e\x7f", 4},
        {"\x7b\x40\x09\x21\xfb\x54\x44\x2d\x18", 9},
    };
    struct wf_crdt_put put = {.kind = WF_CRDT_PUT_VALUES, .n = 1};

    switch (wf_rng_below(rng, 8)) {
    case 0:
        return (struct wf_crdt_put){.kind = WF_CRDT_PUT_BYTES, .bytes = WF_STR("\x01\xff\x80")};
    case 1:
        return (struct wf_crdt_put){.kind = WF_CRDT_PUT_BYTES, .bytes = WF_STR("")};
    case 2:
        return (struct wf_crdt_put){
            .kind = WF_CRDT_PUT_DOC, .bytes = {"\x76\x00", 2}, .name = WF_STR("a-guid\xc3\xa9")};
    case 3:
        return (struct wf_crdt_put){.kind = WF_CRDT_PUT_TYPE, .type = WF_CRDT_MAP};
    default:
        put.bytes = values[wf_rng_below(rng, 5)];
        return put;
    }
}

static int set_key(struct side *s, uint64_t map, const struct wf_rng *rng)
{
    struct wf_crdt_put put = some_put(rng);
    char key[16];

    (void)snprintf(key, sizeof(key), "k%u", (unsigned)wf_rng_below(rng, 12));
    if (wf_rng_below(rng, 10) == 0)
        return wf_crdt_map_delete(s->d, map, wf_str_from(key));
    return wf_crdt_map_set(s->d, map, wf_str_from(key), &put, NULL);
}

static int change_list(struct side *s, const struct wf_rng *rng)
{
    struct wf_crdt_put put = some_put(rng);
    uint32_t n = wf_crdt_length(s->d, s->list);
    uint64_t inner = 0;
    int rc;

    if (n > 3 && wf_rng_below(rng, 3) == 0)
        return wf_crdt_array_delete(s->d, s->list, (uint32_t)wf_rng_below(rng, n), 1);
    rc = wf_crdt_array_insert(s->d, s->list, (uint32_t)wf_rng_below(rng, n + 1), &put, &inner);
    for (int i = 0; i < 10 && rc == 0 && put.kind == WF_CRDT_PUT_TYPE; i++)
        rc = set_key(s, inner, rng);
    return rc;
}

static int change_xml(struct side *s, const struct wf_rng *rng)
{
    const struct wf_crdt_put element = {
        .kind = WF_CRDT_PUT_TYPE, .type = WF_CRDT_XML_ELEMENT, .name = WF_STR("p")};
    const struct wf_crdt_put text = {.kind = WF_CRDT_PUT_TYPE, .type = WF_CRDT_XML_TEXT};
    uint32_t n = wf_crdt_length(s->d, s->xml);
    uint64_t inner = 0, words = 0;
    int rc;

    if (n > 3 && wf_rng_below(rng, 2) == 0)
        return wf_crdt_array_delete(s->d, s->xml, (uint32_t)wf_rng_below(rng, n), 1);
    rc = wf_crdt_array_insert(s->d, s->xml, (uint32_t)wf_rng_below(rng, n + 1), &element, &inner);
    if (rc == 0)
        rc = set_key(s, inner, rng);
    if (rc == 0)
        rc = wf_crdt_array_insert(s->d, inner, 0, &text, &words);
    return rc != 0 ? rc : wf_crdt_text_insert(s->d, words, 0, WF_STR("in it"), NULL);
}

static int change_text(struct side *s, const struct wf_rng *rng)
{
    static const struct wf_str bold = {"\x76\x01\x01"
                                       "b\x78",
                                       5},
                               plain = {"\x76\x01\x01"
                                        "b\x7e",
                                        5};
    uint32_t n = wf_crdt_length(s->d, s->text), at = (uint32_t)wf_rng_below(rng, n + 1);
    uint32_t some = (uint32_t)wf_rng_below(rng, n - at + 1);
    uint64_t what = wf_rng_below(rng, 8);
    int rc;

    if (what < 3 && some == 0)
        return 0;
    if (what == 0)
        rc = wf_crdt_text_delete(s->d, s->text, at, WF_MIN(some, 5));
    else if (what < 3)
        rc = wf_crdt_text_format(s->d, s->text, at, some, what == 1 ? bold : plain);
    else
        rc = wf_crdt_text_insert(s->d, s->text, at,
                                 what == 3 ? WF_STR("\xf0\x9f\x98\x80\xc3\xbc") : WF_STR("words "),
                                 NULL);
    return rc == WF_E_INVAL ? 0 : rc; /* within a pair */
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

/* Mislays what somebody told last, or finds something again. */
static int mislay(struct room *r, struct side *s, const struct wf_rng *rng)
{
    struct wf_buf *it = &r->mislaid[wf_rng_below(rng, N_MISLAID)];
    int rc = 0;

    if (it->len > 0)
        rc = wf_crdt_apply(s->d, wf_buf_str(it), WF_CRDT_V1, NULL);
    wf_buf_reset(it);
    return rc != 0 ? rc : wf_buf_append_str(it, wf_buf_str(&s->told));
}

/* One step, the same in every room of the seed; *out: who it was about. */
static int step(struct room *r, struct side **out)
{
    const struct wf_rng *rng = &r->rng.rng;
    struct side *s = &r->sides[wf_rng_below(rng, N_SIDES)];

    *out = s;
    switch (wf_rng_below(rng, 12)) {
    case 0:
        return sync(s, &r->sides[wf_rng_below(rng, N_SIDES)]);
    case 1:
    case 2:
        return mislay(r, s, rng);
    case 3:
        return change_list(s, rng);
    case 4:
        return change_xml(s, rng);
    case 5:
    case 6:
    case 7:
        return set_key(s, s->map, rng);
    default:
        return change_text(s, rng);
    }
}

/* ---- what must be the same ---- */

static void encode(struct wf_crdt *d, enum wf_crdt_format f, struct wf_buf *out)
{
    wf_buf_init(out, SIZE_MAX);
    assert_int_equal(wf_crdt_encode(d, WF_STR(""), f, out), 0);
}

static void assert_same(struct wf_crdt *a, struct wf_crdt *b)
{
    struct wf_buf x, y;

    for (int f = WF_CRDT_V1; f <= WF_CRDT_V2; f++) {
        encode(a, (enum wf_crdt_format)f, &x);
        encode(b, (enum wf_crdt_format)f, &y);
        assert_int_equal(x.len, y.len);
        assert_memory_equal(x.ptr, y.ptr, x.len);
        wf_buf_deinit(&x);
        wf_buf_deinit(&y);
    }
}

/* Puts the document that its image gives in its place. */
static void reopen(struct side *s)
{
    struct wf_crdt *again = NULL;
    struct wf_buf image, second;

    wf_buf_init(&image, SIZE_MAX);
    wf_buf_init(&second, SIZE_MAX);
    assert_int_equal(wf_crdt_image_write(s->d, &image), 0);
    assert_int_equal(wf_crdt_image_open(wf_buf_str(&image), &s->options, &again), 0);
    assert_same(s->d, again);
    assert_int_equal(wf_crdt_pending(s->d), wf_crdt_pending(again));
    assert_int_equal(wf_crdt_stats(s->d).n_items, wf_crdt_stats(again).n_items);
    assert_int_equal(wf_crdt_image_write(again, &second), 0);
    assert_int_equal(image.len, second.len);
    assert_memory_equal(image.ptr, second.ptr, image.len);
    wf_crdt_free(s->d);
    s->d = again;
    name_roots(s);
    wf_buf_deinit(&image);
    wf_buf_deinit(&second);
}

static void test_crdt_image__nobody_can_tell(void **state)
{
    (void)state;
    unsigned n_waited = 0;

    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct room plain, imaged;
        struct wf_rng_seeded when;
        room_open(&plain, seed);
        room_open(&imaged, seed);
        wf_rng_seeded_init(&when, seed);
        for (unsigned i = 0; i < 600; i++) {
            struct side *a, *b;
            assert_int_equal(step(&plain, &a), 0);
            assert_int_equal(step(&imaged, &b), 0);
            assert_int_equal(a->told.len, b->told.len);
            assert_memory_equal(a->told.ptr, b->told.ptr, a->told.len);
            n_waited += wf_crdt_pending(b->d);
            if (wf_rng_below(&when.rng, 10) == 0)
                reopen(b);
            if (i % 50 == 49)
                assert_same(a->d, b->d);
        }
        room_close(&plain);
        room_close(&imaged);
    }
    assert_true(n_waited > 100);
}

/* Nothing that nobody names is carried on, however often an image is made of an image. */
static void test_crdt_image__stays_as_small(void **state)
{
    (void)state;
    struct wf_crdt_options o = {.client = 1};
    struct wf_crdt *d = NULL;
    struct wf_buf image;
    uint64_t text;
    size_t first = 0;

    wf_buf_init(&image, SIZE_MAX);
    assert_int_equal(wf_crdt_new(&o, &d), 0);
    assert_int_equal(wf_crdt_root(d, WF_STR("t"), WF_CRDT_TEXT, &text), 0);
    assert_int_equal(wf_crdt_text_insert(d, text, 0, WF_STR("some"), NULL), 0);
    for (uint64_t i = 0; i < 100; i++) {
        wf_buf_reset(&image);
        assert_int_equal(wf_crdt_image_write(d, &image), 0);
        first = i == 0 ? image.len : first;
        assert_int_equal(image.len, first);
        wf_crdt_free(d);
        d = NULL;
        o.client = 100 + i;
        assert_int_equal(wf_crdt_image_open(wf_buf_str(&image), &o, &d), 0);
        assert_int_equal(wf_crdt_client(d), o.client);
        assert_false(wf_crdt_client_taken(d));
    }
    wf_crdt_free(d);
    o.client = 1; /* who wrote in it */
    assert_int_equal(wf_crdt_image_open(wf_buf_str(&image), &o, &d), 0);
    assert_true(wf_crdt_client_taken(d));
    wf_crdt_free(d);
    wf_buf_deinit(&image);
}

static void make_one(struct room *r, uint64_t seed, unsigned n_steps, struct wf_buf *out)
{
    struct side *s;

    room_open(r, seed);
    for (unsigned i = 0; i < n_steps; i++)
        assert_int_equal(step(r, &s), 0);
    wf_buf_init(out, SIZE_MAX);
    assert_int_equal(wf_crdt_image_write(r->sides[0].d, out), 0);
}

static void test_crdt_image__damage_is_refused(void **state)
{
    (void)state;
    struct wf_crdt *d = NULL;
    struct wf_buf image;
    struct room r;
    int rc;

    make_one(&r, 2, 300, &image);
    for (size_t i = 0; i < image.len; i++) {
        image.ptr[i] ^= 0x10;
        rc = wf_crdt_image_open(wf_buf_str(&image), NULL, &d);
        assert_int_equal(rc, i >= 8 && i < 16 ? WF_E_UNSUPPORTED : WF_E_FORMAT);
        image.ptr[i] ^= 0x10;
        assert_int_equal(wf_crdt_image_open(wf_str_n(image.ptr, i), NULL, &d), WF_E_FORMAT);
    }
    (void)wf_buf_append_byte(&image, 0);
    assert_int_equal(wf_crdt_image_open(wf_buf_str(&image), NULL, &d), WF_E_FORMAT);
    wf_buf_deinit(&image);
    room_close(&r);
}

static void test_crdt_image__memory_may_run_out_anywhere(void **state)
{
    (void)state;
    struct wf_crdt *d = NULL;
    struct wf_buf image, again;
    struct room r;
    unsigned n_failed = 0;
    int rc;

    make_one(&r, 4, 300, &image);
    wf_buf_init(&again, SIZE_MAX);
    for (uint64_t n = 1; n < 200; n++) {
        wf_alloc_fail_at(n);
        rc = wf_crdt_image_open(wf_buf_str(&image), NULL, &d);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        if (rc == 0)
            wf_crdt_free(d);
        n_failed += rc != 0;
        wf_buf_deinit(&again);
        (void)wf_buf_append_byte(&again, 'x');
        wf_alloc_fail_at(n);
        rc = wf_crdt_image_write(r.sides[0].d, &again);
        wf_alloc_fail_at(0);
        assert_true(rc == 0 || rc == WF_E_NOMEM);
        assert_int_equal(again.len, rc == 0 ? image.len + 1 : 1);
        n_failed += rc != 0;
    }
    assert_true(n_failed > 60);
    wf_buf_deinit(&again);
    wf_buf_deinit(&image);
    room_close(&r);
}

static void test_crdt_image__not_within_a_transaction(void **state)
{
    (void)state;
    struct wf_crdt *d = NULL;
    struct wf_buf image;

    wf_buf_init(&image, 100);
    assert_int_equal(wf_crdt_new(NULL, &d), 0);
    assert_int_equal(wf_crdt_begin(d), 0);
    assert_int_equal(wf_crdt_image_write(d, &image), WF_E_BUSY);
    assert_int_equal(wf_crdt_commit(d), 0);
    assert_int_equal(wf_crdt_image_write(d, &image), WF_E_LIMIT);
    assert_int_equal(image.len, 0);
    wf_crdt_free(d);
    wf_buf_deinit(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crdt_image__nobody_can_tell),
        cmocka_unit_test(test_crdt_image__stays_as_small),
        cmocka_unit_test(test_crdt_image__damage_is_refused),
        cmocka_unit_test(test_crdt_image__memory_may_run_out_anywhere),
        cmocka_unit_test(test_crdt_image__not_within_a_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
