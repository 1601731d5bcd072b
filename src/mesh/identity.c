/* SPDX-License-Identifier: Apache-2.0 */
/* The owner's key in its folder. The order of writing is such that a crash leaves no key whose
 * words are lost: the words first, then the public half, then the key, whose presence counts. */
#include "mesh/identity.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "os/file.h"

#define SEED_BYTES 32
#define HEX_MAX (2 * SEED_BYTES + 2)

static int path_of(const char *dir, const char *name, char out[WF_LIMIT_PATH_BYTES],
                   struct wf_err *err)
{
    int n = snprintf(out, WF_LIMIT_PATH_BYTES, "%s/%s", dir, name);

    return n > 0 && n < WF_LIMIT_PATH_BYTES
               ? 0
               : wf_err_set(err, WF_E_LIMIT, "The path of the owner's folder is too long.");
}

/* ---- files of hex digits ---- */

static int read_hex(const char *dir, const char *name, uint8_t *out, size_t n, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    struct wf_str text;
    struct wf_buf b;
    size_t got = 0;
    int rc = path_of(dir, name, path, err);

    if (rc != 0)
        return rc;
    wf_buf_init(&b, 4096);
    rc = wf_file_read(path, &b, err);
    text = wf_str_trim(wf_buf_str(&b));
    if (rc == 0 && (text.len != 2 * n ||
                    sodium_hex2bin(out, n, text.ptr, text.len, NULL, &got, NULL) != 0 || got != n))
        rc = wf_err_set(err, WF_E_FORMAT, "%s holds no key.", path);
    if (b.len > 0)
        sodium_memzero(b.ptr, b.len);
    wf_buf_deinit(&b);
    return rc;
}

static int write_hex(const char *dir, const char *name, const uint8_t *bytes, size_t n,
                     unsigned mode, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES], text[HEX_MAX];
    int rc = path_of(dir, name, path, err);

    if (rc != 0)
        return rc;
    (void)sodium_bin2hex(text, sizeof(text), bytes, n);
    text[2 * n] = '\n';
    rc = wf_file_replace(path, text, 2 * n + 1, mode, err);
    sodium_memzero(text, sizeof(text));
    return rc;
}

/* ---- the key ---- */

static void seed_of(const uint8_t secret[WF_PHRASE_SECRET_BYTES], uint8_t out[SEED_BYTES])
{
    static const char word[] = "weft owner seed 1";

    (void)crypto_generichash(out, SEED_BYTES, secret, WF_PHRASE_SECRET_BYTES, (const uint8_t *)word,
                             sizeof(word) - 1); /* cannot fail */
}

int wf_identity_open(const char *dir, struct wf_identity *out, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    uint8_t seed[SEED_BYTES];
    struct stat st;
    int rc = path_of(dir, "key", path, err);

    if (rc != 0)
        return rc;
    if (sodium_init() < 0)
        return wf_err_set(err, WF_E_UNSUPPORTED, "The system gives no random numbers.");
    if (stat(path, &st) != 0)
        return errno == ENOENT
                   ? wf_err_set(err, WF_E_NOENT,
                                "The owner's key is not on this device. Do this on the device "
                                "where the first pairing began, or bring the key here: weft nodes "
                                "recover.")
                   : wf_err_errno(err, errno, "cannot look at %s", path);
    if ((st.st_mode & 077) != 0)
        return wf_err_set(err, WF_E_DENIED, "Others may read %s, the owner's key: chmod 600 it.",
                          path);
    rc = read_hex(dir, "key", seed, sizeof(seed), err);
    if (rc == 0)
        wf_signer_from_seed(seed, &out->_key, &out->signer);
    sodium_memzero(seed, sizeof(seed));
    return rc;
}

void wf_identity_forget(struct wf_identity *k)
{
    wf_signer_forget(&k->_key);
    sodium_memzero(k, sizeof(*k));
}

/* Writes the key of a secret; with its words, where they are to be printed. */
static int write_key(const char *dir, const uint8_t secret[WF_PHRASE_SECRET_BYTES], bool with_words,
                     uint8_t out_id[WF_SIGNER_ID_BYTES], struct wf_err *err)
{
    uint8_t seed[SEED_BYTES];
    struct wf_identity k;
    int rc = wf_file_mkdirs(dir, err);

    seed_of(secret, seed);
    wf_signer_from_seed(seed, &k._key, &k.signer);
    if (rc == 0 && with_words)
        rc = write_hex(dir, "paper", secret, WF_PHRASE_SECRET_BYTES, 0600, err);
    if (rc == 0)
        rc = write_hex(dir, "key.pub", k.signer.id, sizeof(k.signer.id), 0644, err);
    if (rc == 0)
        rc = write_hex(dir, "key", seed, sizeof(seed), 0600, err);
    memcpy(out_id, k.signer.id, sizeof(k.signer.id));
    wf_identity_forget(&k);
    sodium_memzero(seed, sizeof(seed));
    return rc;
}

int wf_identity_make(const char *dir, struct wf_err *err)
{
    uint8_t secret[WF_PHRASE_SECRET_BYTES], id[WF_SIGNER_ID_BYTES];
    struct wf_err own = WF_ERR_INIT;
    struct wf_identity k;
    int rc = wf_identity_open(dir, &k, &own);

    if (rc == 0) {
        wf_identity_forget(&k);
        return wf_err_set(err, WF_E_EXIST, "This device has the owner's key already.");
    }
    if (rc != WF_E_NOENT)
        return wf_err_set(err, rc, "%s", own.msg);
    randombytes_buf(secret, sizeof(secret));
    rc = write_key(dir, secret, true, id, err);
    sodium_memzero(secret, sizeof(secret));
    return rc;
}

int wf_identity_recover(const char *dir, const uint8_t secret[WF_PHRASE_SECRET_BYTES],
                        uint8_t out_id[WF_SIGNER_ID_BYTES], struct wf_err *err)
{
    uint8_t seed[SEED_BYTES];
    struct wf_err own = WF_ERR_INIT;
    struct wf_identity there, made;
    int rc = wf_identity_open(dir, &there, &own);

    if (rc == WF_E_NOENT)
        return write_key(dir, secret, false, out_id, err);
    if (rc != 0)
        return wf_err_set(err, rc, "%s", own.msg);
    seed_of(secret, seed);
    wf_signer_from_seed(seed, &made._key, &made.signer);
    if (memcmp(there.signer.id, made.signer.id, sizeof(made.signer.id)) != 0)
        rc = wf_err_set(err, WF_E_EXIST,
                        "This device has the key of another owner. Nothing was changed.");
    else
        memcpy(out_id, made.signer.id, sizeof(made.signer.id));
    wf_identity_forget(&there);
    wf_identity_forget(&made);
    sodium_memzero(seed, sizeof(seed));
    return rc;
}

/* ---- the words ---- */

int wf_identity_paper(const char *dir, uint8_t out[WF_PHRASE_SECRET_BYTES], struct wf_err *err)
{
    struct wf_err own = WF_ERR_INIT;
    int rc = read_hex(dir, "paper", out, WF_PHRASE_SECRET_BYTES, &own);

    if (rc == WF_E_NOENT)
        return wf_err_set(err, rc,
                          "The recovery words are on paper already, or this device never had "
                          "them. They are shown once only.");
    return rc == 0 ? 0 : wf_err_set(err, rc, "%s", own.msg);
}

int wf_identity_paper_done(const char *dir, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    int rc = path_of(dir, "paper", path, err);

    if (rc == 0)
        rc = wf_file_remove(path, err);
    return rc == 0 ? wf_file_sync_dir(dir, err) : rc;
}

bool wf_identity_paper_waits(const char *dir)
{
    char path[WF_LIMIT_PATH_BYTES];

    return path_of(dir, "paper", path, NULL) == 0 && access(path, F_OK) == 0;
}
