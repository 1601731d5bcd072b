/* SPDX-License-Identifier: Apache-2.0 */
/* Charters: written and read alike, refused in any other form; who may say what; two that know
 * nothing of each other come to the same everywhere. And people in a store, with each allocation
 * failing in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "mesh/charter.h"
#include "mesh/people.h"
#include "store/spaces.h"
#include "store/sql.h"
#include "support/home.h"

enum {
    ADA,
    BEN,
    CAI,
    DOT,
    N_PEOPLE
};
static struct wf_signer owners[N_PEOPLE], devices[N_PEOPLE];
static struct wf_signer_key owner_keys[N_PEOPLE], device_keys[N_PEOPLE];
static const char *const names[N_PEOPLE] = {"Ada", "Ben", "Cai", "Dot"};

static int set_up(void **state)
{
    (void)state;
    assert_true(sodium_init() >= 0);
    for (unsigned i = 0; i < N_PEOPLE; i++) {
        uint8_t seed[32];
        memset(seed, (int)(10 + i), sizeof(seed));
        wf_signer_from_seed(seed, &owner_keys[i], &owners[i]);
        memset(seed, (int)(50 + i), sizeof(seed));
        wf_signer_from_seed(seed, &device_keys[i], &devices[i]);
    }
    return 0;
}

static void found(struct wf_charter *c)
{
    struct wf_charter_first first = {
        .name = WF_STR("plans"), .label = WF_LABEL_PUBLIC, .owner_name = WF_STR("Ada")};

    memset(first.uid, 7, sizeof(first.uid));
    memcpy(first.owner, owners[ADA].id, 32);
    assert_int_equal(wf_charter_found(&first, c, NULL), 0);
    assert_int_equal(wf_charter_sign(c, owners[ADA].id, &devices[ADA], NULL), 0);
}

static struct wf_charter_member member(unsigned who, enum wf_role role)
{
    struct wf_charter_member m = {.role = role, .clearance = WF_LABEL_PRIVATE};

    memcpy(m.owner, owners[who].id, 32);
    snprintf(m.name, sizeof(m.name), "%s", names[who]);
    return m;
}

/* The next version, in which `who` has that role, signed by `by`. */
static int next(struct wf_charter *c, unsigned who, enum wf_role role, unsigned by)
{
    const struct wf_charter_member m = member(who, role);
    int rc;

    wf_charter_begin(c);
    rc = wf_charter_set(c, &m, NULL);
    assert_int_equal(wf_charter_sign(c, owners[by].id, &devices[by], NULL), 0);
    return rc;
}

static enum wf_role role_of(const struct wf_charter *c, unsigned who)
{
    const struct wf_charter_member *m = wf_charter_member(c, owners[who].id);

    return m == NULL ? WF_ROLE_OUT : m->role;
}

static size_t bytes_of(const struct wf_charter *c, char out[WF_CHARTER_BYTES_MAX])
{
    struct wf_buf b;
    size_t n;

    wf_buf_init(&b, WF_CHARTER_BYTES_MAX);
    assert_int_equal(wf_charter_write(c, &b), 0);
    n = b.len;
    memcpy(out, b.ptr, n);
    wf_buf_deinit(&b);
    return n;
}

static void test_charter__what_is_written_is_read(void **state)
{
    static char one[WF_CHARTER_BYTES_MAX], two[WF_CHARTER_BYTES_MAX];
    struct wf_charter c, back;
    size_t n;

    (void)state;
    found(&c);
    assert_int_equal(next(&c, BEN, WF_ROLE_READ, ADA), 0);
    assert_int_equal(next(&c, CAI, WF_ROLE_ADMIN, ADA), 0);
    n = bytes_of(&c, one);
    assert_int_equal(wf_charter_read(wf_str_n(one, n), &back, NULL), 0);
    assert_int_equal(bytes_of(&back, two), n);
    assert_memory_equal(one, two, n);
    assert_int_equal(role_of(&back, BEN), WF_ROLE_READ);
    assert_string_equal(back.name, "plans");
}

static void test_charter__any_other_byte_is_refused(void **state)
{
    static char bytes[WF_CHARTER_BYTES_MAX + 1];
    struct wf_charter c, back;
    size_t n;

    (void)state;
    found(&c);
    assert_int_equal(next(&c, BEN, WF_ROLE_WRITE, ADA), 0);
    n = bytes_of(&c, bytes);
    for (size_t i = 0; i < n; i++) {
        bytes[i] ^= 1;
        assert_int_not_equal(wf_charter_read(wf_str_n(bytes, n), &back, NULL), 0);
        bytes[i] ^= 1;
    }
    for (size_t i = 0; i < n; i++)
        assert_int_not_equal(wf_charter_read(wf_str_n(bytes, i), &back, NULL), 0);
    bytes[n] = 0;
    assert_int_equal(wf_charter_read(wf_str_n(bytes, n + 1), &back, NULL), WF_E_FORMAT);
}

static void test_charter__members_have_bounds(void **state)
{
    struct wf_charter c;
    struct wf_charter_member m = member(BEN, WF_ROLE_WRITE);

    (void)state;
    found(&c);
    for (unsigned i = 1; i < WF_CHARTER_MEMBERS_MAX; i++) {
        randombytes_buf(m.owner, sizeof(m.owner));
        snprintf(m.name, sizeof(m.name), "member %u", i);
        assert_int_equal(wf_charter_set(&c, &m, NULL), 0);
    }
    randombytes_buf(m.owner, sizeof(m.owner));
    snprintf(m.name, sizeof(m.name), "one more");
    assert_int_equal(wf_charter_set(&c, &m, NULL), WF_E_LIMIT);
    snprintf(m.name, sizeof(m.name), "member 5");
    assert_int_equal(wf_charter_set(&c, &m, NULL), WF_E_EXIST);
    m = member(BEN, WF_ROLE_WRITE);
    m.clearance = WF_LABEL_SECRET;
    assert_int_equal(wf_charter_set(&c, &m, NULL), WF_E_INVAL);
    m = member(ADA, WF_ROLE_READ);
    assert_int_equal(wf_charter_set(&c, &m, NULL), WF_E_INVAL); /* nobody would say who is in */
}

static void test_charter__the_epoch_rises_with_who_goes(void **state)
{
    struct wf_charter c;

    (void)state;
    found(&c);
    assert_int_equal(next(&c, BEN, WF_ROLE_READ, ADA), 0);
    assert_int_equal(c.epoch, 1);
    assert_int_equal(next(&c, BEN, WF_ROLE_WRITE, ADA), 0);
    assert_int_equal(c.epoch, 1);
    assert_int_equal(next(&c, BEN, WF_ROLE_READ, ADA), 0);
    assert_int_equal(c.epoch, 2);
    assert_true(wf_charter_member(&c, owners[BEN].id)->has_written);
    assert_int_equal(next(&c, BEN, WF_ROLE_OUT, ADA), 0);
    assert_int_equal(c.epoch, 3);
}

static void test_charter__who_may_say_so(void **state)
{
    struct wf_charter before, c;

    (void)state;
    found(&before);
    assert_int_equal(next(&before, BEN, WF_ROLE_WRITE, ADA), 0);
    assert_int_equal(next(&before, CAI, WF_ROLE_ADMIN, ADA), 0);
    c = before;
    assert_int_equal(next(&c, DOT, WF_ROLE_READ, CAI), 0);
    assert_true(wf_charter_may_follow(&before, &c));
    c = before;
    assert_int_equal(next(&c, DOT, WF_ROLE_READ, BEN), 0);
    assert_false(wf_charter_may_follow(&before, &c)); /* who writes takes nobody in */
    c = before;
    assert_int_equal(next(&c, BEN, WF_ROLE_ADMIN, BEN), 0);
    assert_false(wf_charter_may_follow(&before, &c)); /* nor raises himself */
    c = before;
    assert_int_equal(next(&c, BEN, WF_ROLE_OUT, BEN), 0);
    assert_true(wf_charter_may_follow(&before, &c)); /* but may go */
    c = before;
    assert_int_equal(next(&c, CAI, WF_ROLE_OUT, BEN), 0);
    assert_false(wf_charter_may_follow(&before, &c));
    c = before;
    assert_int_equal(next(&c, ADA, WF_ROLE_OUT, CAI), 0);
    assert_false(wf_charter_may_follow(&before, &c)); /* nobody puts the founder out */
    c = before;
    assert_int_equal(next(&c, ADA, WF_ROLE_OUT, ADA), 0);
    assert_true(wf_charter_may_follow(&before, &c));
    c = before;
    assert_int_equal(next(&c, DOT, WF_ROLE_READ, DOT), 0);
    assert_false(wf_charter_may_follow(&before, &c)); /* a stranger */
}

static void assert_same(const struct wf_charter *a, const struct wf_charter *b)
{
    assert_int_equal(wf_charter_compare(a, b), WF_DEVICES_SAME);
    assert_int_equal(a->epoch, b->epoch);
}

static void test_charter__a_fork_comes_to_the_same(void **state)
{
    struct wf_charter base, a, b, ab, ba;

    (void)state;
    found(&base);
    assert_int_equal(next(&base, BEN, WF_ROLE_ADMIN, ADA), 0);
    assert_int_equal(next(&base, CAI, WF_ROLE_WRITE, ADA), 0);
    a = b = base;
    assert_int_equal(next(&a, CAI, WF_ROLE_OUT, ADA), 0);
    assert_int_equal(next(&b, DOT, WF_ROLE_READ, BEN), 0);
    assert_int_equal(wf_charter_compare(&a, &b), WF_DEVICES_FORKED);
    ab = a;
    ba = b;
    assert_int_equal(wf_charter_mend(&ab, &b, NULL), 0);
    assert_int_equal(wf_charter_mend(&ba, &a, NULL), 0);
    assert_same(&ab, &ba);
    assert_int_equal(role_of(&ab, CAI), WF_ROLE_OUT);
    assert_int_equal(role_of(&ab, DOT), WF_ROLE_READ);
    assert_true(ab.epoch > a.epoch);
    assert_int_equal(wf_charter_compare(&ab, &a), WF_DEVICES_NEWER);
    /* Whoever signs it. */
    assert_int_equal(wf_charter_sign(&ab, owners[ADA].id, &devices[ADA], NULL), 0);
    assert_int_equal(wf_charter_sign(&ba, owners[BEN].id, &devices[BEN], NULL), 0);
    assert_same(&ab, &ba);
}

static void test_charter__who_is_out_takes_nobody_in(void **state)
{
    struct wf_charter base, a, b, ab, ba;

    (void)state;
    found(&base);
    assert_int_equal(next(&base, BEN, WF_ROLE_ADMIN, ADA), 0);
    a = b = base;
    assert_int_equal(next(&a, BEN, WF_ROLE_OUT, ADA), 0);
    assert_int_equal(next(&b, DOT, WF_ROLE_ADMIN, BEN), 0);
    ab = a;
    ba = b;
    assert_int_equal(wf_charter_mend(&ab, &b, NULL), 0);
    assert_int_equal(wf_charter_mend(&ba, &a, NULL), 0);
    assert_same(&ab, &ba);
    assert_int_equal(role_of(&ab, BEN), WF_ROLE_OUT);
    assert_int_equal(role_of(&ab, DOT), WF_ROLE_OUT);
    assert_int_equal(role_of(&ab, ADA), WF_ROLE_ADMIN);
}

/* ---- people, in a store ---- */

static struct home home;
static int64_t space;

static int set_up_home(void **state)
{
    assert_int_equal(set_up(state), 0);
    home_make(&home);
    assert_int_equal(wf_space_create(home.store, WF_STR("plans"), WF_STR(""), &space, NULL), 0);
    return 0;
}

static int tear_down_home(void **state)
{
    (void)state;
    home_remove(&home);
    return 0;
}

static struct wf_people_self self_of(unsigned who)
{
    struct wf_people_self self = {.name = wf_str_from(names[who]), .device = &devices[who]};

    memcpy(self.owner, owners[who].id, 32);
    return self;
}

/* A signed list of one device. */
static void list_of(unsigned who, struct wf_devices *out)
{
    struct wf_devices_entry e = {.added_ms = 1, .clearance = WF_LABEL_PRIVATE};

    *out = (struct wf_devices){.version = 0};
    memset(e.node, (int)(100 + who), sizeof(e.node));
    memset(e.transport, (int)(150 + who), sizeof(e.transport));
    memcpy(e.device, devices[who].id, sizeof(e.device));
    snprintf(e.name, sizeof(e.name), "%s's", names[who]);
    wf_devices_begin(out, owners[who].id, e.node, 1);
    assert_int_equal(wf_devices_add(out, &e, NULL), 0);
    assert_int_equal(wf_devices_sign(out, &owners[who], NULL), 0);
}

static int invite(unsigned who, enum wf_role role, unsigned by)
{
    static struct wf_devices list;
    const struct wf_people_self self = self_of(by);
    const struct wf_people_edit edit = {
        .space = space, .member = member(who, role), .is_new = true, .list = &list};

    list_of(who, &list);
    return wf_people_edit(home.store, &self, &edit, NULL, NULL);
}

static void read_people(struct wf_people *out)
{
    struct wf_reader *r = NULL;

    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_people_read(r, out, NULL), 0);
    wf_store_reader_put(home.store, r);
}

static int64_t own_role(void)
{
    static const char sql[] = "SELECT role FROM space WHERE name='plans'";
    struct wf_reader *r = NULL;
    sqlite3_stmt *st = NULL;
    int64_t role;

    assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
    assert_int_equal(wf_reader_cached(r, sql, &st, NULL), 0);
    assert_int_equal(wf_sql_step(st, "looking", NULL), 1);
    role = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    wf_store_reader_put(home.store, r);
    return role;
}

/* How many devices of others share a space with somebody's. */
static size_t n_others(const struct wf_people *p, unsigned of)
{
    struct wf_devices_entry *all = NULL;
    size_t n = 99;

    assert_int_equal(wf_people_others(p, owners[of].id, &all, &n, NULL), 0);
    for (size_t i = 0; i < n; i++)
        assert_memory_equal(all[i].device, devices[BEN].id, sizeof(all[i].device));
    wf_free(all);
    return n;
}

static void test_people__somebody_comes_and_goes(void **state)
{
    const struct wf_people_self ada = self_of(ADA);
    const struct wf_people_edit out = {.space = space, .member = member(BEN, WF_ROLE_OUT)};
    const struct wf_person *whose = NULL;
    struct wf_devices own;
    struct wf_people p;
    uint32_t epoch;

    (void)state;
    assert_int_equal(wf_people_may_invite(home.store, &ada, 1, NULL, NULL), WF_E_DENIED);
    assert_int_equal(wf_people_may_invite(home.store, &ada, 999, NULL, NULL), WF_E_NOENT);
    assert_int_equal(wf_people_may_invite(home.store, &ada, space, NULL, NULL), 0);
    assert_int_equal(home_count(&home, "charter"), 0); /* asking founds none */
    assert_int_equal(invite(BEN, WF_ROLE_WRITE, ADA), 0);
    assert_int_equal(invite(BEN, WF_ROLE_WRITE, ADA), WF_E_EXIST);
    assert_int_equal(invite(CAI, WF_ROLE_READ, BEN), WF_E_DENIED);
    list_of(ADA, &own);
    read_people(&p);
    assert_int_equal(p.n_spaces, 1);
    assert_int_equal(role_of(&p.spaces[0].charter, BEN), WF_ROLE_WRITE);
    assert_non_null(wf_people_device(&p, devices[BEN].id, &whose));
    assert_memory_equal(whose->owner, owners[BEN].id, 32);
    assert_true(wf_people_share(&p, owners[ADA].id, owners[BEN].id));
    assert_false(wf_people_share(&p, owners[ADA].id, owners[CAI].id));
    assert_int_equal(n_others(&p, ADA), 1);
    assert_int_equal(n_others(&p, CAI), 0);
    epoch = wf_people_epoch(&p, &own, space);
    own.epoch++; /* a device of Ada's is revoked */
    assert_true(wf_people_epoch(&p, &own, space) > epoch);
    epoch = wf_people_epoch(&p, &own, space);
    wf_people_free(&p);
    assert_int_equal(own_role(), WF_ROLE_ADMIN);
    assert_int_equal(wf_people_edit(home.store, &ada, &out, NULL, NULL), 0);
    own.epoch = 0; /* whatever lists say */
    read_people(&p);
    assert_true(wf_people_epoch(&p, &own, space) > epoch);
    assert_false(wf_people_share(&p, owners[ADA].id, owners[BEN].id));
    assert_int_equal(n_others(&p, ADA), 0);
    wf_people_free(&p);
}

static int take(unsigned self, const struct wf_charter *c, bool is_first_well)
{
    const struct wf_people_self me = self_of(self);
    int rc = wf_store_write_begin(home.store, NULL);

    assert_int_equal(rc, 0);
    rc = wf_people_take_charter(home.store, &me, space, c, is_first_well, NULL, NULL);
    if (rc == 0)
        return wf_store_write_commit(home.store, NULL);
    wf_store_write_rollback(home.store);
    return rc;
}

static void test_people__charters_of_others_are_judged(void **state)
{
    struct wf_charter base, forged, out, back;

    (void)state;
    found(&base);
    assert_int_equal(next(&base, BEN, WF_ROLE_READ, ADA), 0);
    assert_int_equal(take(BEN, &base, false), WF_E_DENIED); /* nobody brought it */
    assert_int_equal(take(BEN, &base, true), 0);
    assert_int_equal(own_role(), WF_ROLE_READ);
    forged = base;
    assert_int_equal(next(&forged, BEN, WF_ROLE_ADMIN, BEN), 0);
    assert_int_equal(take(BEN, &forged, true), WF_E_DENIED);
    out = base;
    assert_int_equal(next(&out, BEN, WF_ROLE_OUT, ADA), 0);
    assert_int_equal(take(BEN, &out, false), 0);
    assert_int_equal(own_role(), WF_ROLE_OUT);
    assert_int_equal(take(BEN, &base, false), 0); /* an old one changes nothing */
    assert_int_equal(own_role(), WF_ROLE_OUT);
    /* A fork behind the one that put him out. */
    back = base;
    assert_int_equal(next(&back, BEN, WF_ROLE_ADMIN, ADA), 0);
    assert_int_equal(take(BEN, &back, false), 0);
    assert_int_equal(own_role(), WF_ROLE_OUT);
}

static void test_people__a_fork_is_signed_by_an_admin(void **state)
{
    const struct wf_people_self ada = self_of(ADA), cai = self_of(CAI);
    struct wf_charter base, a, b;
    struct wf_people p;

    (void)state;
    found(&base);
    assert_int_equal(next(&base, BEN, WF_ROLE_ADMIN, ADA), 0);
    a = b = base;
    assert_int_equal(next(&a, CAI, WF_ROLE_READ, ADA), 0);
    assert_int_equal(next(&b, DOT, WF_ROLE_READ, BEN), 0);
    assert_int_equal(take(ADA, &base, true), 0);
    assert_int_equal(take(ADA, &a, false), 0);
    assert_int_equal(take(ADA, &b, false), 0);
    read_people(&p);
    assert_true(p.spaces[0].is_forked);
    assert_int_equal(role_of(&p.spaces[0].charter, CAI), WF_ROLE_READ);
    assert_int_equal(role_of(&p.spaces[0].charter, DOT), WF_ROLE_READ);
    wf_people_free(&p);
    assert_int_equal(wf_people_mend(home.store, &cai, space, NULL), 0); /* not his to sign */
    read_people(&p);
    assert_true(p.spaces[0].is_forked);
    wf_people_free(&p);
    assert_int_equal(wf_people_mend(home.store, &ada, space, NULL), 0);
    read_people(&p);
    assert_false(p.spaces[0].is_forked);
    wf_people_free(&p);
}

static void test_people__memory_fails(void **state)
{
    struct wf_people p = {.n_persons = 0};
    const struct wf_people_self ada = self_of(ADA);
    int rc = WF_E_NOMEM;

    (void)state;
    assert_int_equal(invite(BEN, WF_ROLE_WRITE, ADA), 0);
    for (uint64_t n = 1; rc != 0; n++) {
        struct wf_reader *r = NULL;
        assert_int_equal(wf_store_reader_get(home.store, &r, NULL), 0);
        wf_alloc_fail_at(n);
        rc = wf_people_read(r, &p, NULL);
        wf_alloc_fail_at(0);
        wf_store_reader_put(home.store, r);
        wf_people_free(&p);
        assert_true(n < 1000);
    }
    rc = WF_E_NOMEM;
    for (uint64_t n = 1; rc != 0; n++) {
        const struct wf_people_edit edit = {.space = space, .member = member(BEN, WF_ROLE_READ)};
        wf_alloc_fail_at(n);
        rc = wf_people_edit(home.store, &ada, &edit, NULL, NULL);
        wf_alloc_fail_at(0);
        if (rc != 0) { /* all or nothing */
            read_people(&p);
            assert_int_equal(role_of(&p.spaces[0].charter, BEN), WF_ROLE_WRITE);
            wf_people_free(&p);
        }
        assert_true(n < 1000);
    }
    read_people(&p);
    assert_int_equal(role_of(&p.spaces[0].charter, BEN), WF_ROLE_READ);
    wf_people_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_charter__what_is_written_is_read),
        cmocka_unit_test(test_charter__any_other_byte_is_refused),
        cmocka_unit_test(test_charter__members_have_bounds),
        cmocka_unit_test(test_charter__the_epoch_rises_with_who_goes),
        cmocka_unit_test(test_charter__who_may_say_so),
        cmocka_unit_test(test_charter__a_fork_comes_to_the_same),
        cmocka_unit_test(test_charter__who_is_out_takes_nobody_in),
        cmocka_unit_test_setup_teardown(test_people__somebody_comes_and_goes, set_up_home,
                                        tear_down_home),
        cmocka_unit_test_setup_teardown(test_people__charters_of_others_are_judged, set_up_home,
                                        tear_down_home),
        cmocka_unit_test_setup_teardown(test_people__a_fork_is_signed_by_an_admin, set_up_home,
                                        tear_down_home),
        cmocka_unit_test_setup_teardown(test_people__memory_fails, set_up_home, tear_down_home),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
