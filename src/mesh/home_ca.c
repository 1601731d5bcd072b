/* SPDX-License-Identifier: Apache-2.0 */
/* The home CA. P-256 for both keys: what phones' trust stores take.
 *
 * The key is written before the certificate, so that a crash between leaves a key without one,
 * which then gets one; a certificate without its key is of no use, and both are made anew. */
#include "mesh/home_ca.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/str.h"
#include "os/file.h"

#define DAY_S ((int64_t)24 * 3600)
#define CA_DAYS 3650
#define SKEW_S DAY_S /* a phone's clock may be behind */
#define PEM_BYTES_MAX ((size_t)16 << 10)

struct wf_home_ca {
    EVP_PKEY *key;
    X509 *cert;
    char host[WF_HOME_CA_NAME_BYTES]; /* what it may vouch for beside the fixed ones */
};

static int no_memory(struct wf_err *err)
{
    ERR_clear_error();
    return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

/* ---- names ---- */

bool wf_home_ca_is_private(const char *address, bool loopback)
{
    struct in6_addr six;
    struct in_addr four;
    uint32_t a;

    if (inet_pton(AF_INET, address, &four) == 1) {
        a = ntohl(four.s_addr);
        return a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 16 == 0xa9fe ||
               (loopback && a >> 24 == 127);
    }
    if (inet_pton(AF_INET6, address, &six) != 1)
        return false;
    return (six.s6_addr[0] & 0xfe) == 0xfc || (loopback && IN6_IS_ADDR_LOOPBACK(&six));
}

static bool is_address(const char *name)
{
    uint8_t bytes[16];

    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

/* Letters, digits, hyphens and dots: nothing that means something to OpenSSL's extensions. */
static bool is_host(const char *name)
{
    for (const char *p = name; *p != 0; p++) {
        bool is_letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
        if (!is_letter && !(*p >= '0' && *p <= '9') && *p != '-' && *p != '.')
            return false;
    }
    return name[0] != 0 && name[0] != '.';
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n > m && strcasecmp(name + n - m, end) == 0;
}

/* What the constraints let through; carriers' shared addresses (100.64/10) only when asked for. */
static bool may_vouch(const struct wf_home_ca *ca, const char *name)
{
    struct in_addr four;

    if (is_address(name))
        return wf_home_ca_is_private(name, true) ||
               (inet_pton(AF_INET, name, &four) == 1 && ntohl(four.s_addr) >> 22 == 0x191);
    return is_host(name) &&
           (ends_with(name, ".local") || ends_with(name, ".home.arpa") ||
            strcasecmp(name, "localhost") == 0 || (ca->host[0] && !strcasecmp(name, ca->host)));
}

/* ---- making certificates ---- */

static bool extend(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *e;
    X509V3_CTX ctx;
    bool ok;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool set_serial(X509 *x)
{
    BIGNUM *n = BN_new();
    bool ok = n != NULL && BN_rand(n, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
              BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;

    BN_free(n);
    return ok;
}

static bool set_name(X509_NAME *n, const char *text)
{
    return X509_NAME_add_entry_by_txt(n, "O", MBSTRING_ASC, (const unsigned char *)"weft", -1, -1,
                                      0) == 1 &&
           X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1,
                                      0) == 1;
}

static bool begin(X509 *x, const char *name, EVP_PKEY *key, int64_t now_ms, int64_t days)
{
    time_t now = (time_t)(now_ms / 1000);

    return X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
           X509_time_adj_ex(X509_getm_notBefore(x), 0, -(long)SKEW_S, &now) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(x), (int)days, 0, &now) != NULL &&
           set_name(X509_get_subject_name(x), name) && X509_set_pubkey(x, key) == 1;
}

static void constraints(const char *host, char *out, size_t out_bytes)
{
    snprintf(out, out_bytes,
             "critical,permitted;IP:10.0.0.0/255.0.0.0,permitted;IP:172.16.0.0/255.240.0.0,"
             "permitted;IP:192.168.0.0/255.255.0.0,permitted;IP:169.254.0.0/255.255.0.0,"
             "permitted;IP:127.0.0.0/255.0.0.0,permitted;IP:100.64.0.0/255.192.0.0,"
             "permitted;IP:fc00::/fe00::,"
             "permitted;IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,"
             "permitted;DNS:local,permitted;DNS:home.arpa,permitted;DNS:localhost%s%s",
             host[0] ? ",permitted;DNS:" : "", host);
}

static X509 *make_ca(EVP_PKEY *key, const char *host, int64_t now_ms)
{
    X509 *x = X509_new();
    char limits[768], name[WF_HOME_CA_NAME_BYTES + 32];
    bool ok = x != NULL;

    snprintf(name, sizeof(name), "weft home CA%s%s", host[0] ? " of " : "", host);
    constraints(host, limits, sizeof(limits));
    ok = ok && begin(x, name, key, now_ms, CA_DAYS) &&
         X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 &&
         extend(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
         extend(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
         extend(x, x, NID_subject_key_identifier, "hash") &&
         extend(x, x, NID_name_constraints, limits) && X509_sign(x, key, EVP_sha256()) > 0;
    if (ok)
        return x;
    X509_free(x);
    return NULL;
}

/* ---- files ---- */

static int write_pem(BIO *b, const char *path, unsigned mode, struct wf_err *err)
{
    char *p = NULL;
    long n = b != NULL ? BIO_get_mem_data(b, &p) : 0;

    return n > 0 ? wf_file_replace(path, p, (size_t)n, mode, err) : no_memory(err);
}

/* One that wipes what it held. */
static BIO *secret_bio(void)
{
    return BIO_new(BIO_s_secmem());
}

static int write_key(EVP_PKEY *key, const char *path, struct wf_err *err)
{
    BIO *b = secret_bio();
    int rc = b != NULL && PEM_write_bio_PKCS8PrivateKey(b, key, NULL, NULL, 0, NULL, NULL) == 1
                 ? write_pem(b, path, 0600, err)
                 : no_memory(err);

    BIO_free(b);
    return rc;
}

static int write_cert(X509 *cert, const char *path, struct wf_err *err)
{
    BIO *b = BIO_new(BIO_s_mem());
    int rc = b != NULL && PEM_write_bio_X509(b, cert) == 1 ? write_pem(b, path, 0644, err)
                                                           : no_memory(err);

    BIO_free(b);
    return rc;
}

/* No password is asked for: there is none. */
static int no_password(char *buf, int size, int rwflag, void *ud)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)ud;
    return -1;
}

static int read_key(const char *path, EVP_PKEY **out, struct wf_err *err)
{
    struct stat st;
    struct wf_buf b;
    BIO *bio = NULL;
    int rc;

    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        return wf_err_set(err, WF_E_DENIED,
                          "Others can read %s. Remove it with ca.crt; phones then trust a new one.",
                          path);
    wf_buf_init(&b, PEM_BYTES_MAX);
    rc = wf_file_read(path, &b, err);
    if (rc == 0) {
        bio = BIO_new_mem_buf(b.ptr, (int)b.len);
        *out = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
        if (*out == NULL || EVP_PKEY_get_base_id(*out) != EVP_PKEY_EC)
            rc = wf_err_set(err, WF_E_FORMAT, "%s holds no key of a home CA.", path);
        BIO_free(bio);
        explicit_bzero(b.ptr, b.len);
    }
    wf_buf_deinit(&b);
    ERR_clear_error();
    return rc;
}

static int read_cert(const char *path, X509 **out, struct wf_err *err)
{
    struct wf_buf b;
    BIO *bio = NULL;
    int rc;

    wf_buf_init(&b, PEM_BYTES_MAX);
    rc = wf_file_read(path, &b, err);
    if (rc == 0) {
        bio = BIO_new_mem_buf(b.ptr, (int)b.len);
        *out = bio != NULL ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
        if (*out == NULL)
            rc = wf_err_set(err, WF_E_FORMAT, "%s holds no certificate.", path);
        BIO_free(bio);
    }
    wf_buf_deinit(&b);
    ERR_clear_error();
    return rc;
}

static int make_key(EVP_PKEY **out, struct wf_err *err)
{
    *out = EVP_EC_gen("P-256");
    return *out != NULL ? 0 : no_memory(err);
}

/* The machine's name may have changed since: what the certificate lets through counts. */
static void read_host(struct wf_home_ca *ca, const char *host)
{
    NAME_CONSTRAINTS *nc = X509_get_ext_d2i(ca->cert, NID_name_constraints, NULL, NULL);

    for (int i = 0; nc != NULL && i < sk_GENERAL_SUBTREE_num(nc->permittedSubtrees); i++) {
        const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(nc->permittedSubtrees, i)->base;
        if (base->type == GEN_DNS && (size_t)ASN1_STRING_length(base->d.dNSName) == strlen(host) &&
            host[0] != 0 &&
            strncasecmp((const char *)ASN1_STRING_get0_data(base->d.dNSName), host, strlen(host)) ==
                0)
            snprintf(ca->host, sizeof(ca->host), "%s", host);
    }
    NAME_CONSTRAINTS_free(nc);
}

static int open_files(struct wf_home_ca *ca, const char *key_path, const char *cert_path,
                      const char *host, int64_t now_ms, struct wf_err *err)
{
    bool has_key = access(key_path, F_OK) == 0, has_cert = access(cert_path, F_OK) == 0;
    int rc = has_key ? read_key(key_path, &ca->key, err) : make_key(&ca->key, err);

    if (rc == 0 && !has_key)
        rc = write_key(ca->key, key_path, err);
    if (rc == 0 && has_key && has_cert) {
        rc = read_cert(cert_path, &ca->cert, err);
        if (rc == 0 && X509_check_private_key(ca->cert, ca->key) != 1)
            rc = wf_err_set(err, WF_E_FORMAT, "%s is not the certificate of ca.key beside it.",
                            cert_path);
    } else if (rc == 0) {
        ca->cert = make_ca(ca->key, host, now_ms);
        rc = ca->cert != NULL ? write_cert(ca->cert, cert_path, err) : no_memory(err);
    }
    ERR_clear_error();
    return rc;
}

int wf_home_ca_open(const char *dir, const char *host, int64_t now_ms, struct wf_home_ca **out,
                    struct wf_err *err)
{
    char key_path[WF_LIMIT_PATH_BYTES + 8], cert_path[WF_LIMIT_PATH_BYTES + 8];
    const char *name = is_host(host) && strlen(host) < WF_HOME_CA_NAME_BYTES ? host : "";
    struct wf_home_ca *ca = wf_alloc_array(1, sizeof(*ca));
    int rc;

    if (ca == NULL)
        return no_memory(err);
    snprintf(key_path, sizeof(key_path), "%s/ca.key", dir);
    snprintf(cert_path, sizeof(cert_path), "%s/ca.crt", dir);
    rc = wf_file_mkdirs(dir, err);
    if (rc == 0)
        rc = open_files(ca, key_path, cert_path, name, now_ms, err);
    if (rc != 0) {
        wf_home_ca_close(ca);
        return rc;
    }
    read_host(ca, name);
    *out = ca;
    return 0;
}

void wf_home_ca_close(struct wf_home_ca *ca)
{
    if (ca == NULL)
        return;
    EVP_PKEY_free(ca->key); /* wiped by it */
    X509_free(ca->cert);
    wf_free(ca);
}

/* ---- what others get ---- */

static int append_bio(BIO *b, struct wf_buf *out, struct wf_err *err)
{
    char *p = NULL;
    long n = BIO_get_mem_data(b, &p);

    if (n <= 0 || wf_buf_append(out, p, (size_t)n) != 0)
        return no_memory(err);
    return 0;
}

static int append_cert(X509 *cert, struct wf_buf *out, struct wf_err *err)
{
    BIO *b = BIO_new(BIO_s_mem());
    int rc =
        b != NULL && PEM_write_bio_X509(b, cert) == 1 ? append_bio(b, out, err) : no_memory(err);

    BIO_free(b);
    return rc;
}

int wf_home_ca_cert(const struct wf_home_ca *ca, struct wf_buf *out, struct wf_err *err)
{
    return append_cert(ca->cert, out, err);
}

void wf_home_ca_fingerprint(const struct wf_home_ca *ca, char out[WF_HOME_CA_FINGERPRINT_BYTES])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    size_t at = 0;

    out[0] = 0;
    if (X509_digest(ca->cert, EVP_sha256(), hash, &n) != 1 || n != 32)
        return;
    for (unsigned i = 0; i < n; i++)
        at += (size_t)snprintf(out + at, WF_HOME_CA_FINGERPRINT_BYTES - at, "%s%02X", i ? ":" : "",
                               hash[i]);
}

/* "IP:192.168.1.2,DNS:box.local"; how many names there are. */
static size_t alt_names(const struct wf_home_ca *ca, const struct wf_home_ca_names *names,
                        char *out, size_t out_bytes)
{
    size_t n = 0, at = 0;

    out[0] = 0;
    for (size_t i = 0; i < names->n; i++) {
        const char *name = names->name[i];
        if (!may_vouch(ca, name))
            continue;
        at += (size_t)snprintf(out + at, out_bytes - at, "%s%s:%s", n ? "," : "",
                               is_address(name) ? "IP" : "DNS", name);
        n++;
    }
    return n;
}

static bool fill_leaf(const struct wf_home_ca *ca, X509 *x, EVP_PKEY *key, const char *alt,
                      int64_t now_ms)
{
    return begin(x, "weft", key, now_ms, WF_HOME_CA_LEAF_DAYS) &&
           X509_set_issuer_name(x, X509_get_subject_name(ca->cert)) == 1 &&
           extend(x, ca->cert, NID_basic_constraints, "critical,CA:FALSE") &&
           extend(x, ca->cert, NID_key_usage, "critical,digitalSignature") &&
           extend(x, ca->cert, NID_ext_key_usage, "serverAuth") &&
           extend(x, ca->cert, NID_subject_key_identifier, "hash") &&
           extend(x, ca->cert, NID_authority_key_identifier, "keyid:always") &&
           extend(x, ca->cert, NID_subject_alt_name, alt) &&
           X509_sign(x, ca->key, EVP_sha256()) > 0;
}

int wf_home_ca_leaf(const struct wf_home_ca *ca, const struct wf_home_ca_names *names,
                    int64_t now_ms, struct wf_buf *out_cert, struct wf_buf *out_key,
                    int64_t *out_until_ms, struct wf_err *err)
{
    char alt[WF_HOME_CA_NAMES_MAX * (WF_HOME_CA_NAME_BYTES + 5)];
    EVP_PKEY *key = NULL;
    X509 *x = NULL;
    BIO *b = NULL;
    int rc;

    if (alt_names(ca, names, alt, sizeof(alt)) == 0)
        return wf_err_set(err, WF_E_INVAL,
                          "A certificate is made for private addresses and names below .local "
                          "alone, and this machine has none.");
    key = EVP_EC_gen("P-256");
    x = X509_new();
    b = secret_bio();
    rc = key != NULL && x != NULL && b != NULL && fill_leaf(ca, x, key, alt, now_ms)
             ? append_cert(x, out_cert, err)
             : no_memory(err);
    if (rc == 0)
        rc = append_cert(ca->cert, out_cert, err);
    if (rc == 0)
        rc = PEM_write_bio_PKCS8PrivateKey(b, key, NULL, NULL, 0, NULL, NULL) == 1
                 ? append_bio(b, out_key, err)
                 : no_memory(err);
    *out_until_ms = now_ms + WF_HOME_CA_LEAF_DAYS * DAY_S * 1000;
    BIO_free(b);
    X509_free(x);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return rc;
}
