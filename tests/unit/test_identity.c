/* SPDX-License-Identifier: Apache-2.0 */
/* The owner's key: made once, kept closed, made again out of its words, which are told once; the
 * keeper, which signs for nobody else; a crash at any write. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "mesh/identity.h"
#include "mesh/keeper.h"
#include "os/file.h"
#include "os/sock.h"

static struct world {
    char dir[64], owner[80], node[80], other[80], key[96];
} w;

static int set_up(void **state)
{
    (void)state;
    snprintf(w.dir, sizeof(w.dir), "/tmp/weft-test-XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    snprintf(w.owner, sizeof(w.owner), "%s/owner", w.dir);
    snprintf(w.node, sizeof(w.node), "%s/node", w.dir);
    snprintf(w.other, sizeof(w.other), "%s/other", w.dir);
    snprintf(w.key, sizeof(w.key), "%s/key", w.owner);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", w.dir);
    return system(command);
}

static void test_identity__a_key_is_made_once_and_kept_closed(void **state)
{
    struct wf_identity one, two;
    struct stat st;
    (void)state;

    assert_int_equal(wf_identity_open(w.owner, &one, NULL), WF_E_NOENT);
    assert_int_equal(wf_identity_make(w.owner, NULL), 0);
    assert_int_equal(wf_identity_make(w.owner, NULL), WF_E_EXIST);
    assert_int_equal(stat(w.key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(wf_identity_open(w.owner, &one, NULL), 0);
    assert_int_equal(wf_identity_open(w.owner, &two, NULL), 0);
    assert_memory_equal(one.signer.id, two.signer.id, 32);
    assert_int_equal(chmod(w.key, 0644), 0);
    assert_int_equal(wf_identity_open(w.owner, &two, NULL), WF_E_DENIED);
    wf_identity_forget(&one);
    assert_true(sodium_is_zero((uint8_t *)&one, sizeof(one)));
}

static void test_identity__words_make_the_same_key_and_are_told_once(void **state)
{
    uint8_t secret[WF_PHRASE_SECRET_BYTES], back[WF_PHRASE_SECRET_BYTES], id[32];
    char text[WF_PHRASE_TEXT_BYTES];
    struct wf_identity one, two;
    (void)state;

    assert_int_equal(wf_identity_make(w.owner, NULL), 0);
    assert_true(wf_identity_paper_waits(w.owner));
    assert_int_equal(wf_identity_paper(w.owner, secret, NULL), 0);
    assert_int_equal(wf_identity_paper_done(w.owner, NULL), 0);
    assert_false(wf_identity_paper_waits(w.owner));
    assert_int_equal(wf_identity_paper(w.owner, back, NULL), WF_E_NOENT);
    wf_phrase_write(secret, text);
    assert_int_equal(wf_phrase_read(wf_str_from(text), back, NULL), 0);
    assert_int_equal(wf_identity_recover(w.other, back, id, NULL), 0);
    assert_int_equal(wf_identity_open(w.owner, &one, NULL), 0);
    assert_int_equal(wf_identity_open(w.other, &two, NULL), 0);
    assert_memory_equal(one.signer.id, two.signer.id, 32);
    assert_memory_equal(one.signer.id, id, 32);
    assert_false(wf_identity_paper_waits(w.other));
    /* Again is nothing new; another owner's is refused. */
    assert_int_equal(wf_identity_recover(w.owner, secret, id, NULL), 0);
    secret[0] ^= 1;
    assert_int_equal(wf_identity_recover(w.owner, secret, id, NULL), WF_E_EXIST);
    assert_int_equal(wf_identity_open(w.owner, &two, NULL), 0);
    assert_memory_equal(one.signer.id, two.signer.id, 32);
}

static void test_identity__a_failing_disk_leaves_a_whole_key_or_none(void **state)
{
    uint8_t secret[WF_PHRASE_SECRET_BYTES];
    struct wf_identity k;
    (void)state;

    for (uint64_t n = 1;; n++) {
        wf_file_fail_at(n);
        int rc = wf_identity_make(w.owner, NULL);
        wf_file_fail_at(0);
        int there = wf_identity_open(w.owner, &k, NULL);
        assert_true(there == 0 || there == WF_E_NOENT);
        if (there == 0) /* the words of every key that counts can be had */
            assert_int_equal(wf_identity_paper(w.owner, secret, NULL), 0);
        if (rc == 0)
            break;
        if (there == 0)
            assert_int_equal(unlink(w.key), 0);
    }
}

/* ---- the keeper ---- */

static struct wf_keeper *keeper;
static pthread_t server;
static int server_fd;

static void *serve(void *ud)
{
    const struct wf_keeper_folders at = {.node = w.node, .owner = w.owner};

    (void)ud;
    wf_keeper_serve(&at, server_fd);
    wf_file_close(&server_fd);
    return NULL;
}

static int set_up_keeper(void **state)
{
    int fds[2];

    set_up(state);
    assert_int_equal(wf_sock_pair(fds, NULL), 0);
    server_fd = fds[1];
    assert_int_equal(pthread_create(&server, NULL, serve, NULL), 0);
    return wf_keeper_new(fds[0], &keeper, NULL);
}

static int tear_down_keeper(void **state)
{
    wf_keeper_free(keeper);
    pthread_join(server, NULL);
    return tear_down(state);
}

static void test_identity__the_keeper_certifies_and_signs(void **state)
{
    static struct wf_devices d, back;
    struct wf_pairing_who who = {.entry = {.device = {1}, .transport = {2}, .name = "a"}};
    struct wf_keeper_owner owner;
    struct wf_buf b;
    (void)state;

    assert_int_equal(wf_keeper_identity(keeper, &who, NULL), 0);
    assert_true(
        wf_node_is_certified(WF_NODE_DEVICE, who.device_cert, who.entry.node, who.entry.device));
    assert_true(wf_node_is_certified(WF_NODE_TRANSPORT, who.transport_cert, who.entry.node,
                                     who.entry.transport));
    assert_int_equal(wf_keeper_owner(keeper, false, &owner, NULL), 0);
    assert_false(owner.is_there);
    assert_int_equal(wf_keeper_sign(keeper, &d, NULL), WF_E_INVAL);
    wf_devices_begin(&d, who.entry.device, who.entry.node, 5);
    assert_int_equal(wf_keeper_sign(keeper, &d, NULL), WF_E_NOENT);
    assert_int_equal(wf_keeper_owner(keeper, true, &owner, NULL), 0);
    assert_true(owner.is_there && owner.paper_waits);
    assert_int_equal(wf_keeper_sign(keeper, &d, NULL), WF_E_DENIED); /* another owner's */
    d.version = 0;
    wf_devices_begin(&d, owner.id, who.entry.node, 5);
    assert_int_equal(wf_devices_add(&d, &who.entry, NULL), 0);
    assert_int_equal(wf_keeper_sign(keeper, &d, NULL), 0);
    wf_buf_init(&b, WF_DEVICES_BYTES_MAX);
    assert_int_equal(wf_devices_write(&d, &b), 0);
    assert_int_equal(wf_devices_read(wf_buf_str(&b), &back, NULL), 0);
    wf_buf_deinit(&b);
}

static void test_identity__the_keeper_refuses_anything_else(void **state)
{
    static const struct wf_str bad[] = {
        {"", 0},       {"\0", 1}, {"\1", 1},  {"\1abc", 4}, {"\2", 1},       {"\2\2", 2},
        {"\2\0\0", 3}, {"\3", 1}, {"\3x", 2}, {"\4", 1},    {"\xff\xff", 2},
    };
    const struct wf_keeper_folders at = {.node = w.node, .owner = w.owner};
    struct wf_buf out;
    (void)state;

    wf_buf_init(&out, WF_KEEPER_BYTES_MAX);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        wf_buf_reset(&out);
        assert_int_equal(wf_keeper_answer(&at, bad[i], 1, &out), 0);
        assert_true(out.len > 2 && out.ptr[0] == 1 && out.ptr[1] == -WF_E_INVAL);
    }
    assert_int_not_equal(access(w.key, F_OK), 0);
    wf_buf_deinit(&out);
}

static void test_identity__a_keeper_that_is_gone_is_told(void **state)
{
    struct wf_keeper_owner owner;
    struct wf_err err = WF_ERR_INIT;
    struct wf_keeper *k = NULL;
    int fds[2];
    (void)state;

    assert_int_equal(wf_sock_pair(fds, NULL), 0);
    assert_int_equal(wf_keeper_new(fds[0], &k, NULL), 0);
    wf_file_close(&fds[1]);
    assert_int_equal(wf_keeper_owner(k, false, &owner, &err), WF_E_CRASHED);
    assert_int_equal(wf_keeper_owner(k, false, &owner, &err), WF_E_CRASHED);
    wf_keeper_free(k);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_identity__a_key_is_made_once_and_kept_closed),
        TEST(test_identity__words_make_the_same_key_and_are_told_once),
        TEST(test_identity__a_failing_disk_leaves_a_whole_key_or_none),
        cmocka_unit_test_setup_teardown(test_identity__the_keeper_certifies_and_signs,
                                        set_up_keeper, tear_down_keeper),
        TEST(test_identity__the_keeper_refuses_anything_else),
        TEST(test_identity__a_keeper_that_is_gone_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
