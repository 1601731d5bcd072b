/* SPDX-License-Identifier: Apache-2.0 */
/* The node's key: made once, kept closed; its certificate of the ledger's key, and forged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/buf.h"
#include "os/file.h"
#include "privacy/ledger_read.h"
#include "privacy/node.h"

#define NOW INT64_C(1790000000000)

static struct world {
    char dir[64], node[80], ledger[80], secret[96], cert[96];
    uint8_t key[WF_NODE_KEY_BYTES]; /* the ledger's */
} w;

static int set_up(void **state)
{
    struct wf_ledger_options o;
    struct wf_ledger_report r;
    struct wf_ledger *l = NULL;
    (void)state;
    snprintf(w.dir, sizeof(w.dir), "/tmp/weft-test-XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    snprintf(w.node, sizeof(w.node), "%s/node", w.dir);
    snprintf(w.ledger, sizeof(w.ledger), "%s/ledger", w.dir);
    snprintf(w.secret, sizeof(w.secret), "%s/airlock/ledger.key", w.dir);
    snprintf(w.cert, sizeof(w.cert), "%s/ledger.cert", w.node);
    o = (struct wf_ledger_options){.dir = w.ledger, .key_path = w.secret};
    assert_int_equal(wf_ledger_open(&o, &l, NULL), 0);
    wf_ledger_close(l);
    assert_int_equal(wf_ledger_verify(w.ledger, NULL, &r, NULL), 0);
    memcpy(w.key, r.key, sizeof(w.key));
    return 0;
}

static int tear_down(void **state)
{
    char command[256];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", w.dir);
    return system(command);
}

static void test_node__a_key_is_made_once_and_kept_closed(void **state)
{
    struct wf_node_key one, two;
    uint8_t pub[WF_NODE_KEY_BYTES];
    char path[128];
    struct stat st;
    (void)state;
    assert_int_equal(wf_node_public(w.node, pub, NULL), WF_E_NOENT);
    assert_int_equal(wf_node_key_open(w.node, &one, NULL), 0);
    assert_int_equal(wf_node_key_open(w.node, &two, NULL), 0);
    assert_memory_equal(&one, &two, sizeof(one));
    assert_int_equal(wf_node_public(w.node, pub, NULL), 0);
    assert_memory_equal(pub, one.pub, sizeof(pub));
    snprintf(path, sizeof(path), "%s/key", w.node);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    /* A public half that is not its own is seen. */
    snprintf(path, sizeof(path), "%s/key.pub", w.node);
    pub[0] ^= 1;
    char text[WF_LEDGER_KEY_FILE_BYTES + 1];
    wf_ledger_format_write_key(pub, text);
    assert_int_equal(wf_file_replace(path, text, WF_LEDGER_KEY_FILE_BYTES, 0644, NULL), 0);
    assert_int_equal(wf_node_key_open(w.node, &two, NULL), WF_E_FORMAT);
    assert_int_equal(wf_file_replace(path, "key\n", 4, 0644, NULL), 0);
    assert_int_equal(wf_node_public(w.node, pub, NULL), WF_E_FORMAT);
    wf_node_key_forget(&one);
}

static void test_node__signatures_are_for_a_purpose(void **state)
{
    const struct wf_str bytes = WF_STR("some bytes");
    uint8_t signature[WF_NODE_SIGNATURE_BYTES];
    struct wf_node_key k;
    (void)state;
    assert_int_equal(wf_node_key_open(w.node, &k, NULL), 0);
    wf_node_sign(&k, WF_STR("ledger"), bytes, signature);
    assert_true(wf_node_is_signed(k.pub, WF_STR("ledger"), bytes, signature));
    assert_false(wf_node_is_signed(k.pub, WF_STR("pairing"), bytes, signature));
    assert_false(wf_node_is_signed(k.pub, WF_STR("ledge"), WF_STR("rsome bytes"), signature));
    assert_false(wf_node_is_signed(k.pub, WF_STR("ledger"), WF_STR("some byte"), signature));
    signature[5] ^= 1;
    assert_false(wf_node_is_signed(k.pub, WF_STR("ledger"), bytes, signature));
    wf_node_key_forget(&k);
}

static void test_node__certifies_the_ledgers_key_once(void **state)
{
    struct wf_node_cert c;
    (void)state;
    assert_int_equal(wf_node_check_ledger(w.node, w.key, &c, NULL), WF_E_NOENT);
    assert_int_equal(wf_node_certify_ledger(w.node, w.dir, NOW, NULL), WF_E_NOENT);
    assert_int_equal(wf_node_certify_ledger(w.node, w.ledger, NOW, NULL), 0);
    assert_int_equal(wf_node_check_ledger(w.node, w.key, &c, NULL), 0);
    assert_true(c.time_ms == NOW);
    assert_int_equal(wf_node_certify_ledger(w.node, w.ledger, NOW, NULL), WF_E_EXIST);
    w.key[3] ^= 1; /* another ledger key */
    assert_int_equal(wf_node_check_ledger(w.node, w.key, &c, NULL), WF_E_CORRUPT);
}

static void test_node__forged_certificates_are_found(void **state)
{
    struct wf_node_key other;
    struct wf_node_cert c;
    struct wf_buf b;
    char elsewhere[96];
    (void)state;
    assert_int_equal(wf_node_certify_ledger(w.node, w.ledger, NOW, NULL), 0);
    wf_buf_init(&b, 4096);
    assert_int_equal(wf_file_read(w.cert, &b, NULL), 0);
    assert_int_equal(b.len, WF_NODE_CERT_BYTES);
    for (size_t i = 0; i < b.len; i++) { /* any bit */
        b.ptr[i] = (char)(b.ptr[i] ^ (1 << (i % 8)));
        assert_int_equal(wf_file_replace(w.cert, b.ptr, b.len, 0644, NULL), 0);
        assert_int_equal(wf_node_check_ledger(w.node, w.key, &c, NULL), WF_E_CORRUPT);
        b.ptr[i] = (char)(b.ptr[i] ^ (1 << (i % 8)));
    }
    for (size_t n = 0; n < b.len; n += 11) { /* cut */
        assert_int_equal(wf_file_replace(w.cert, b.ptr, n, 0644, NULL), 0);
        assert_int_equal(wf_node_check_ledger(w.node, w.key, &c, NULL), WF_E_CORRUPT);
    }
    wf_buf_deinit(&b);
    /* Right in itself, but another node's. */
    snprintf(elsewhere, sizeof(elsewhere), "%s/other", w.dir);
    assert_int_equal(wf_node_certify_ledger(elsewhere, w.ledger, NOW, NULL), 0);
    assert_int_equal(wf_node_key_open(elsewhere, &other, NULL), 0);
    assert_int_equal(wf_file_remove(w.cert, NULL), 0);
    snprintf(elsewhere, sizeof(elsewhere), "%s/other/ledger.cert", w.dir);
    assert_int_equal(wf_file_rename(elsewhere, w.cert, NULL), 0);
    assert_int_equal(wf_node_check_ledger(w.node, w.key, &c, NULL), WF_E_CORRUPT);
    wf_node_key_forget(&other);
}

static void test_node__other_keys_are_certified_once(void **state)
{
    const uint8_t key[WF_NODE_KEY_BYTES] = {1}, other[WF_NODE_KEY_BYTES] = {2};
    uint8_t cert[WF_NODE_CERT_BYTES], again[WF_NODE_CERT_BYTES], node[WF_NODE_KEY_BYTES];
    char path[128];
    FILE *f;
    (void)state;

    assert_int_equal(wf_node_certify(w.node, WF_NODE_DEVICE, key, NOW, cert, NULL), 0);
    assert_int_equal(wf_node_public(w.node, node, NULL), 0);
    assert_true(wf_node_is_certified(WF_NODE_DEVICE, cert, node, key));
    assert_false(wf_node_is_certified(WF_NODE_TRANSPORT, cert, node, key));
    assert_false(wf_node_is_certified(WF_NODE_DEVICE, cert, node, other));
    assert_false(wf_node_is_certified(WF_NODE_DEVICE, cert, other, key));
    /* The same one later; never one of another key. */
    assert_int_equal(wf_node_certify(w.node, WF_NODE_DEVICE, key, NOW + 1, again, NULL), 0);
    assert_memory_equal(cert, again, sizeof(cert));
    assert_int_equal(wf_node_certify(w.node, WF_NODE_DEVICE, other, NOW, again, NULL), WF_E_EXIST);
    assert_int_equal(wf_node_certify(w.node, WF_NODE_TRANSPORT, other, NOW, again, NULL), 0);
    for (size_t i = 0; i < sizeof(cert); i++) {
        cert[i] ^= 4;
        assert_false(wf_node_is_certified(WF_NODE_DEVICE, cert, node, key));
        cert[i] ^= 4;
    }
    snprintf(path, sizeof(path), "%s/device.cert", w.node);
    f = fopen(path, "wb");
    assert_non_null(f);
    fputs("short", f);
    fclose(f);
    assert_int_equal(wf_node_certify(w.node, WF_NODE_DEVICE, key, NOW, again, NULL), WF_E_CORRUPT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_node__a_key_is_made_once_and_kept_closed),
        TEST(test_node__signatures_are_for_a_purpose),
        TEST(test_node__certifies_the_ledgers_key_once),
        TEST(test_node__forged_certificates_are_found),
        TEST(test_node__other_keys_are_certified_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
