/* SPDX-License-Identifier: Apache-2.0 */
/* The node's key and its certificates of the other keys. The signatures are Ed25519ph, whose parts
 * are hashed one after the other: a fixed word, the purpose with its length, the bytes. */
#include "privacy/node.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "os/file.h"
#include "privacy/ledger_format.h"

#define SIGNED_BYTES (WF_NODE_CERT_BYTES - WF_NODE_SIGNATURE_BYTES)

_Static_assert(WF_NODE_KEY_BYTES == WF_LEDGER_KEY_BYTES, "one form of key files");

static const char cert_magic[8] = {'W', 'F', 'L', 'C', 'E', 'R', 'T', '1'};
static const struct kind {
    char magic[8];
    const char *file, *purpose;
} kinds[WF_NODE_SUBJECT_COUNT] = {
    [WF_NODE_DEVICE] = {{'W', 'F', 'D', 'C', 'E', 'R', 'T', '1'}, "device.cert", "device"},
    [WF_NODE_TRANSPORT] = {{'W', 'F', 'T', 'C', 'E', 'R', 'T', '1'}, "transport.cert", "transport"},
};
static const char sign_word[] = "weft node signature 1\n";

static int path_of(const char *dir, const char *name, char out[WF_LIMIT_PATH_BYTES],
                   struct wf_err *err)
{
    int n = snprintf(out, WF_LIMIT_PATH_BYTES, "%s/%s", dir, name);

    return n > 0 && n < WF_LIMIT_PATH_BYTES
               ? 0
               : wf_err_set(err, WF_E_LIMIT, "The path of the node's folder is too long.");
}

/* ---- files ---- */

static int read_key(const char *path, uint8_t out[WF_NODE_KEY_BYTES], struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, 4096);
    rc = wf_file_read(path, &b, err);
    if (rc == 0 && wf_ledger_format_read_key(wf_buf_str(&b), out) != 0)
        rc = wf_err_set(err, WF_E_FORMAT, "%s holds no key.", path);
    if (b.ptr != NULL)
        sodium_memzero(b.ptr, b.len);
    wf_buf_deinit(&b);
    return rc;
}

static int write_key(const char *path, const uint8_t key[WF_NODE_KEY_BYTES], unsigned mode,
                     struct wf_err *err)
{
    char text[WF_LEDGER_KEY_FILE_BYTES + 1];
    int rc;

    wf_ledger_format_write_key(key, text);
    rc = wf_file_replace(path, text, WF_LEDGER_KEY_FILE_BYTES, mode, err);
    sodium_memzero(text, sizeof(text));
    return rc;
}

int wf_node_public(const char *dir, uint8_t out[WF_NODE_KEY_BYTES], struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    int rc = path_of(dir, "key.pub", path, err);

    return rc == 0 ? read_key(path, out, err) : rc;
}

/* The public half is written first: where there is a secret key, both are there. */
static int make(const char *dir, const char *path, struct wf_node_key *out, struct wf_err *err)
{
    uint8_t seed[WF_NODE_KEY_BYTES];
    char pub_path[WF_LIMIT_PATH_BYTES];
    int rc = wf_file_mkdirs(dir, err);

    if (rc == 0)
        rc = path_of(dir, "key.pub", pub_path, err);
    if (rc != 0)
        return rc;
    randombytes_buf(seed, sizeof(seed));
    (void)crypto_sign_seed_keypair(out->pub, out->_secret, seed); /* cannot fail */
    rc = write_key(pub_path, out->pub, 0644, err);
    if (rc == 0)
        rc = write_key(path, seed, 0600, err);
    sodium_memzero(seed, sizeof(seed));
    return rc;
}

static int open_old(const char *dir, const char *path, struct wf_node_key *out, struct wf_err *err)
{
    uint8_t seed[WF_NODE_KEY_BYTES], shown[WF_NODE_KEY_BYTES];
    int rc = read_key(path, seed, err);

    if (rc == 0)
        (void)crypto_sign_seed_keypair(out->pub, out->_secret, seed); /* cannot fail */
    sodium_memzero(seed, sizeof(seed));
    if (rc == 0)
        rc = wf_node_public(dir, shown, err);
    if (rc == 0 && memcmp(shown, out->pub, sizeof(shown)) != 0)
        rc = wf_err_set(err, WF_E_FORMAT, "%s/key.pub is not the public half of the node's key.",
                        dir);
    return rc;
}

int wf_node_key_open(const char *dir, struct wf_node_key *out, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    int rc = path_of(dir, "key", path, err);

    if (rc != 0)
        return rc;
    if (sodium_init() < 0)
        return wf_err_set(err, WF_E_UNSUPPORTED, "The system gives no random numbers.");
    if (access(path, F_OK) == 0)
        rc = open_old(dir, path, out, err);
    else if (errno == ENOENT)
        rc = make(dir, path, out, err);
    else
        rc = wf_err_errno(err, errno, "cannot look at %s", path);
    if (rc != 0)
        wf_node_key_forget(out);
    return rc;
}

void wf_node_key_forget(struct wf_node_key *k)
{
    sodium_memzero(k, sizeof(*k));
}

void wf_node_key_seed(const struct wf_node_key *k, uint8_t out[WF_NODE_KEY_BYTES])
{
    (void)crypto_sign_ed25519_sk_to_seed(out, k->_secret); /* cannot fail */
}

/* ---- signatures ---- */

static void begin(crypto_sign_state *s, struct wf_str purpose, struct wf_str bytes)
{
    uint8_t n = (uint8_t)WF_MIN(purpose.len, (size_t)255);

    (void)crypto_sign_init(s); /* none of these can fail */
    (void)crypto_sign_update(s, (const uint8_t *)sign_word, sizeof(sign_word) - 1);
    (void)crypto_sign_update(s, &n, 1);
    (void)crypto_sign_update(s, (const uint8_t *)purpose.ptr, n);
    (void)crypto_sign_update(s, (const uint8_t *)bytes.ptr, bytes.len);
}

void wf_node_sign(const struct wf_node_key *k, struct wf_str purpose, struct wf_str bytes,
                  uint8_t out[WF_NODE_SIGNATURE_BYTES])
{
    crypto_sign_state s;

    begin(&s, purpose, bytes);
    (void)crypto_sign_final_create(&s, out, NULL, k->_secret); /* cannot fail */
}

bool wf_node_is_signed(const uint8_t key[WF_NODE_KEY_BYTES], struct wf_str purpose,
                       struct wf_str bytes, const uint8_t signature[WF_NODE_SIGNATURE_BYTES])
{
    crypto_sign_state s;

    begin(&s, purpose, bytes);
    return crypto_sign_final_verify(&s, signature, key) == 0;
}

/* ---- the certificate ---- */

static void put_u64(uint8_t *p, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_u64(const uint8_t *p)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 8; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

int wf_node_certify_ledger(const char *dir, const char *ledger, int64_t now_ms, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES], subject[WF_LIMIT_PATH_BYTES];
    uint8_t bytes[WF_NODE_CERT_BYTES];
    struct wf_node_key key;
    int rc = path_of(dir, "ledger.cert", path, err);

    if (rc == 0)
        rc = path_of(ledger, "key.pub", subject, err);
    if (rc == 0 && access(path, F_OK) == 0)
        rc = wf_err_set(err, WF_E_EXIST, "%s is there already.", path);
    if (rc == 0)
        rc = read_key(subject, bytes + 16, err);
    if (rc == 0)
        rc = wf_node_key_open(dir, &key, err);
    if (rc != 0)
        return rc;
    memcpy(bytes, cert_magic, sizeof(cert_magic));
    put_u64(bytes + 8, (uint64_t)now_ms);
    memcpy(bytes + 48, key.pub, sizeof(key.pub));
    wf_node_sign(&key, WF_STR("ledger"), wf_str_n((const char *)bytes, SIGNED_BYTES),
                 bytes + SIGNED_BYTES);
    wf_node_key_forget(&key);
    return wf_file_replace(path, bytes, sizeof(bytes), 0644, err);
}

/* What is wrong with a certificate; 0: nothing. */
static int check(const char *path, struct wf_str file, const uint8_t node[WF_NODE_KEY_BYTES],
                 const uint8_t ledger_key[WF_NODE_KEY_BYTES], struct wf_err *err)
{
    const uint8_t *bytes = (const uint8_t *)file.ptr;

    if (file.len != WF_NODE_CERT_BYTES || memcmp(bytes, cert_magic, sizeof(cert_magic)) != 0)
        return wf_err_set(err, WF_E_CORRUPT, "%s is no certificate.", path);
    if (memcmp(bytes + 48, node, WF_NODE_KEY_BYTES) != 0 ||
        !wf_node_is_signed(node, WF_STR("ledger"), wf_str_sub(file, 0, SIGNED_BYTES),
                           bytes + SIGNED_BYTES))
        return wf_err_set(err, WF_E_CORRUPT, "%s is not signed by this node's key.", path);
    if (memcmp(bytes + 16, ledger_key, WF_NODE_KEY_BYTES) != 0)
        return wf_err_set(err, WF_E_CORRUPT,
                          "The ledger is signed by another key than the one that this node has "
                          "certified. If you began a new ledger yourself, remove %s.",
                          path);
    return 0;
}

int wf_node_check_ledger(const char *dir, const uint8_t ledger_key[WF_NODE_KEY_BYTES],
                         struct wf_node_cert *out, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    uint8_t node[WF_NODE_KEY_BYTES];
    struct wf_buf b;
    int rc = path_of(dir, "ledger.cert", path, err);

    if (rc != 0)
        return rc;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return wf_err_set(err, WF_E_NOENT, "The ledger's key is not certified yet.");
    wf_buf_init(&b, 4096);
    rc = wf_node_public(dir, node, err);
    if (rc == WF_E_NOENT)
        rc = wf_err_set(err, WF_E_CORRUPT, "%s/key.pub, this node's public key, is gone.", dir);
    if (rc == 0)
        rc = wf_file_read(path, &b, err);
    if (rc == 0)
        rc = check(path, wf_buf_str(&b), node, ledger_key, err);
    if (rc == 0) {
        out->time_ms = (int64_t)get_u64((const uint8_t *)b.ptr + 8);
        memcpy(out->node, node, sizeof(node));
    }
    wf_buf_deinit(&b);
    return rc;
}

/* ---- certificates of the device's and the transport's key ---- */

static void make_cert(const struct wf_node_key *by, const struct kind *k,
                      const uint8_t key[WF_NODE_KEY_BYTES], int64_t now_ms,
                      uint8_t out[WF_NODE_CERT_BYTES])
{
    memcpy(out, k->magic, sizeof(k->magic));
    put_u64(out + 8, (uint64_t)now_ms);
    memcpy(out + 16, key, WF_NODE_KEY_BYTES);
    memcpy(out + 48, by->pub, sizeof(by->pub));
    wf_node_sign(by, wf_str_from(k->purpose), wf_str_n((const char *)out, SIGNED_BYTES),
                 out + SIGNED_BYTES);
}

bool wf_node_is_certified(enum wf_node_subject subject, const uint8_t cert[WF_NODE_CERT_BYTES],
                          const uint8_t node[WF_NODE_KEY_BYTES],
                          const uint8_t key[WF_NODE_KEY_BYTES])
{
    const struct kind *k = &kinds[subject];

    return memcmp(cert, k->magic, sizeof(k->magic)) == 0 &&
           memcmp(cert + 16, key, WF_NODE_KEY_BYTES) == 0 &&
           memcmp(cert + 48, node, WF_NODE_KEY_BYTES) == 0 &&
           wf_node_is_signed(node, wf_str_from(k->purpose),
                             wf_str_n((const char *)cert, SIGNED_BYTES), cert + SIGNED_BYTES);
}

/* The certificate that is there; NOENT: none. */
static int read_cert(const char *path, uint8_t out[WF_NODE_CERT_BYTES], struct wf_err *err)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, 4096);
    rc = wf_file_read(path, &b, err);
    if (rc == 0 && b.len != WF_NODE_CERT_BYTES)
        rc = wf_err_set(err, WF_E_CORRUPT, "%s is no certificate.", path);
    if (rc == 0)
        memcpy(out, b.ptr, WF_NODE_CERT_BYTES);
    wf_buf_deinit(&b);
    return rc;
}

int wf_node_certify(const char *dir, enum wf_node_subject subject,
                    const uint8_t key[WF_NODE_KEY_BYTES], int64_t now_ms,
                    uint8_t out[WF_NODE_CERT_BYTES], struct wf_err *err)
{
    const struct kind *k = &kinds[subject];
    char path[WF_LIMIT_PATH_BYTES];
    uint8_t bytes[WF_NODE_CERT_BYTES];
    struct wf_err own = WF_ERR_INIT;
    struct wf_node_key by;
    int rc = path_of(dir, k->file, path, err);

    if (rc == 0)
        rc = wf_node_key_open(dir, &by, err);
    if (rc != 0)
        return rc;
    rc = read_cert(path, bytes, &own);
    if (rc == 0 && !wf_node_is_certified(subject, bytes, by.pub, bytes + 16))
        rc = wf_err_set(err, WF_E_CORRUPT, "%s is not signed by this node's key.", path);
    else if (rc == 0 && memcmp(bytes + 16, key, WF_NODE_KEY_BYTES) != 0)
        rc = wf_err_set(err, WF_E_EXIST,
                        "This node has certified another %s key. If you made a new one yourself, "
                        "remove %s; the node has to be paired again then.",
                        k->purpose, path);
    else if (rc == WF_E_NOENT) {
        make_cert(&by, k, key, now_ms, bytes);
        rc = wf_file_replace(path, bytes, sizeof(bytes), 0644, err);
    } else if (rc != 0)
        rc = wf_err_set(err, rc, "%s", own.msg);
    wf_node_key_forget(&by);
    if (rc == 0)
        memcpy(out, bytes, sizeof(bytes));
    return rc;
}
