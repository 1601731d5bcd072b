/* SPDX-License-Identifier: Apache-2.0 */
/* The home CA: made once, kept from others; its leaves hold before OpenSSL's verifier, for the
 * names that they have and no others; what it may not vouch for does not hold even if it does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "mesh/home_ca.h"
#include "os/file.h"

#define NOW_MS ((int64_t)1795926000000) /* a day in November 2026 */
#define DAY_MS ((int64_t)24 * 3600 * 1000)

static char dir[64], key_path[96], cert_path[96];
static struct wf_buf chain, key;
static struct wf_home_ca *ca;
static int64_t until_ms;

static int begin(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/weft-ca-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(key_path, sizeof(key_path), "%s/ca.key", dir);
    snprintf(cert_path, sizeof(cert_path), "%s/ca.crt", dir);
    wf_buf_init(&chain, 32768);
    wf_buf_init(&key, 32768);
    return wf_home_ca_open(dir, "box", NOW_MS, &ca, NULL);
}

static int end(void **state)
{
    char command[96];

    (void)state;
    wf_home_ca_close(ca);
    ca = NULL;
    wf_buf_deinit(&chain);
    wf_buf_deinit(&key);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    return system(command);
}

static int make_leaf(const char *const *names, int64_t now_ms)
{
    struct wf_home_ca_names n = {.n = 0};

    for (; *names != NULL; names++)
        snprintf(n.name[n.n++], WF_HOME_CA_NAME_BYTES, "%s", *names);
    wf_buf_reset(&chain);
    wf_buf_reset(&key);
    return wf_home_ca_leaf(ca, &n, now_ms, &chain, &key, &until_ms, NULL);
}

static X509 *read_cert(BIO *b)
{
    X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);

    assert_non_null(x);
    return x;
}

/* What OpenSSL says of a leaf below a root at a time, for a server's name or address. */
static int verify(X509 *leaf, X509 *root, int64_t at_ms, const char *host, const char *ip)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *c = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *p = X509_VERIFY_PARAM_new();
    int why;

    assert_int_equal(X509_STORE_add_cert(store, root), 1);
    X509_VERIFY_PARAM_set_time(p, (time_t)(at_ms / 1000));
    X509_VERIFY_PARAM_set_depth(p, 4);
    X509_VERIFY_PARAM_set_purpose(p, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT);
    if (host)
        assert_int_equal(X509_VERIFY_PARAM_set1_host(p, host, 0), 1);
    if (ip)
        assert_int_equal(X509_VERIFY_PARAM_set1_ip_asc(p, ip), 1);
    assert_int_equal(X509_STORE_CTX_init(c, store, leaf, NULL), 1);
    X509_STORE_CTX_set0_param(c, p);
    why = X509_verify_cert(c) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(c);
    X509_STORE_CTX_free(c);
    X509_STORE_free(store);
    return why;
}

static int verify_leaf(int64_t at_ms, const char *host, const char *ip)
{
    BIO *b = BIO_new_mem_buf(chain.ptr, (int)chain.len);
    X509 *leaf = read_cert(b), *root = read_cert(b);
    int why = verify(leaf, root, at_ms, host, ip);

    X509_free(leaf);
    X509_free(root);
    BIO_free(b);
    return why;
}

static const char *const names[] = {"box.local", "192.168.1.20", "fd00::7", "box", NULL};

static void test_home_ca__a_leaf_holds_for_its_names_alone(void **state)
{
    (void)state;
    assert_int_equal(make_leaf(names, NOW_MS), 0);
    assert_int_equal(verify_leaf(NOW_MS, "box.local", NULL), X509_V_OK);
    assert_int_equal(verify_leaf(NOW_MS, "box", NULL), X509_V_OK);
    assert_int_equal(verify_leaf(NOW_MS, NULL, "192.168.1.20"), X509_V_OK);
    assert_int_equal(verify_leaf(NOW_MS, NULL, "fd00::7"), X509_V_OK);
    assert_int_equal(verify_leaf(NOW_MS, "other.local", NULL), X509_V_ERR_HOSTNAME_MISMATCH);
    assert_int_equal(verify_leaf(NOW_MS, NULL, "192.168.1.21"), X509_V_ERR_IP_ADDRESS_MISMATCH);
}

static void test_home_ca__a_leaf_is_short_lived(void **state)
{
    (void)state;
    assert_int_equal(make_leaf(names, NOW_MS), 0);
    assert_in_range(until_ms - NOW_MS, 60 * DAY_MS, 397 * DAY_MS); /* phones take no longer ones */
    assert_int_equal(verify_leaf(until_ms - DAY_MS, "box", NULL), X509_V_OK);
    assert_int_equal(verify_leaf(until_ms + DAY_MS, "box", NULL), X509_V_ERR_CERT_HAS_EXPIRED);
    assert_int_equal(make_leaf(names, until_ms + DAY_MS), 0); /* the next one */
    assert_int_equal(verify_leaf(until_ms - DAY_MS, "box", NULL), X509_V_OK);
}

static void test_home_ca__is_made_once_and_kept_from_others(void **state)
{
    char first[WF_HOME_CA_FINGERPRINT_BYTES], again[WF_HOME_CA_FINGERPRINT_BYTES];
    struct stat st;

    (void)state;
    wf_home_ca_fingerprint(ca, first);
    assert_int_equal(strlen(first), 32 * 3 - 1);
    wf_home_ca_close(ca);
    ca = NULL;
    assert_int_equal(wf_home_ca_open(dir, "renamed", NOW_MS + DAY_MS, &ca, NULL), 0);
    wf_home_ca_fingerprint(ca, again);
    assert_string_equal(first, again);
    assert_int_equal(stat(key_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(make_leaf(names, NOW_MS), 0); /* "box" is what it may vouch for, no more */
    assert_int_equal(verify_leaf(NOW_MS, "box", NULL), X509_V_ERR_HOSTNAME_MISMATCH);
    assert_int_equal(verify_leaf(NOW_MS, "box.local", NULL), X509_V_OK);
}

static void test_home_ca__a_key_without_a_certificate_gets_one(void **state)
{
    (void)state;
    wf_home_ca_close(ca);
    ca = NULL;
    assert_int_equal(remove(cert_path), 0);
    assert_int_equal(wf_home_ca_open(dir, "box", NOW_MS, &ca, NULL), 0);
    assert_int_equal(make_leaf(names, NOW_MS), 0);
    assert_int_equal(verify_leaf(NOW_MS, "box", NULL), X509_V_OK);
}

static void test_home_ca__what_is_no_key_is_refused(void **state)
{
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    wf_home_ca_close(ca);
    ca = NULL;
    assert_int_equal(chmod(key_path, 0644), 0);
    assert_int_equal(wf_home_ca_open(dir, "box", NOW_MS, &ca, &err), WF_E_DENIED);
    assert_int_equal(wf_file_replace(key_path, "nonsense", 8, 0600, NULL), 0);
    assert_int_equal(wf_home_ca_open(dir, "box", NOW_MS, &ca, &err), WF_E_FORMAT);
    assert_null(ca);
}

static void test_home_ca__public_names_are_left_out(void **state)
{
    static const char *const mixed[] = {"192.0.2.5", "bank.example", "10.0.0.5", "a b,DNS:x", NULL};
    static const char *const none[] = {"192.0.2.5", "bank.example", "2001:db8::1", NULL};

    (void)state;
    assert_int_equal(make_leaf(mixed, NOW_MS), 0);
    assert_int_equal(verify_leaf(NOW_MS, NULL, "10.0.0.5"), X509_V_OK);
    assert_int_equal(verify_leaf(NOW_MS, NULL, "192.0.2.5"), X509_V_ERR_IP_ADDRESS_MISMATCH);
    assert_int_equal(verify_leaf(NOW_MS, "bank.example", NULL), X509_V_ERR_HOSTNAME_MISMATCH);
    assert_int_equal(make_leaf(none, NOW_MS), WF_E_INVAL);
}

/* Whoever has stolen the CA's key: a certificate for `alt` made with it. */
static X509 *forge(const char *alt, X509 *root)
{
    FILE *f = fopen(key_path, "r");
    EVP_PKEY *k = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    X509 *x = X509_new();
    X509V3_CTX c;
    X509_EXTENSION *e;
    time_t now = (time_t)(NOW_MS / 1000);

    fclose(f);
    assert_non_null(k);
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    X509_time_adj_ex(X509_getm_notBefore(x), -1, 0, &now);
    X509_time_adj_ex(X509_getm_notAfter(x), 30, 0, &now);
    X509_set_issuer_name(x, X509_get_subject_name(root));
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "O", MBSTRING_ASC,
                               (const unsigned char *)"forged", -1, -1, 0);
    X509_set_pubkey(x, k);
    X509V3_set_ctx(&c, root, x, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &c, NID_authority_key_identifier, "keyid:always");
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    e = X509V3_EXT_conf_nid(NULL, &c, NID_subject_key_identifier, "hash");
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    e = X509V3_EXT_conf_nid(NULL, &c, NID_subject_alt_name, alt);
    assert_non_null(e);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    assert_true(X509_sign(x, k, EVP_sha256()) > 0);
    EVP_PKEY_free(k);
    return x;
}

static void test_home_ca__a_thief_of_its_key_is_no_bank(void **state)
{
    struct wf_buf pem;
    X509 *root, *x;
    BIO *b;

    (void)state;
    wf_buf_init(&pem, 32768);
    assert_int_equal(wf_home_ca_cert(ca, &pem, NULL), 0);
    b = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    root = read_cert(b);
    x = forge("DNS:bank.example", root);
    assert_int_equal(verify(x, root, NOW_MS, "bank.example", NULL), X509_V_ERR_PERMITTED_VIOLATION);
    X509_free(x);
    x = forge("IP:192.0.2.5", root);
    assert_int_equal(verify(x, root, NOW_MS, NULL, "192.0.2.5"), X509_V_ERR_PERMITTED_VIOLATION);
    X509_free(x);
    x = forge("IP:192.168.1.9", root); /* what it may say, it can */
    assert_int_equal(verify(x, root, NOW_MS, NULL, "192.168.1.9"), X509_V_OK);
    X509_free(x);
    X509_free(root);
    BIO_free(b);
    wf_buf_deinit(&pem);
}

static void test_home_ca__knows_private_addresses(void **state)
{
    static const char *const private[] = {"10.1.2.3",    "172.16.0.1", "172.31.255.254",
                                          "192.168.0.1", "fd12::1",    "169.254.3.4"};
    static const char *const public[] = {"11.0.0.1",    "172.15.0.1", "172.32.0.1", "192.169.0.1",
                                         "2001:db8::1", "127.0.0.1",  "100.64.0.1", "::1",
                                         "fe80::1",     "10.0.0",     "",           "box"};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(private); i++)
        assert_true(wf_home_ca_is_private(private[i], false));
    for (size_t i = 0; i < WF_ARRAY_LEN(public); i++)
        assert_false(wf_home_ca_is_private(public[i], false));
    assert_true(wf_home_ca_is_private("127.0.0.1", true));
    assert_true(wf_home_ca_is_private("::1", true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_home_ca__a_leaf_holds_for_its_names_alone, begin, end),
        cmocka_unit_test_setup_teardown(test_home_ca__a_leaf_is_short_lived, begin, end),
        cmocka_unit_test_setup_teardown(test_home_ca__is_made_once_and_kept_from_others, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_home_ca__a_key_without_a_certificate_gets_one, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_home_ca__what_is_no_key_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_home_ca__public_names_are_left_out, begin, end),
        cmocka_unit_test_setup_teardown(test_home_ca__a_thief_of_its_key_is_no_bank, begin, end),
        cmocka_unit_test(test_home_ca__knows_private_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
