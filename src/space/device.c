/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the device's key. A file that others may read is refused: who else has the key can
 * write in this device's name. */
#include "space/device.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/limits.h"
#include "os/file.h"

#define SEED_BYTES 32
#define FILE_BYTES (2 * SEED_BYTES + 1) /* hex digits and a line end */

static bool read_hex(struct wf_str text, uint8_t seed[SEED_BYTES])
{
    size_t n = 0;

    return text.len == 2 * (size_t)SEED_BYTES &&
           sodium_hex2bin(seed, SEED_BYTES, text.ptr, text.len, NULL, &n, NULL) == 0 &&
           n == SEED_BYTES;
}

static int read_seed(const char *path, uint8_t seed[SEED_BYTES], struct wf_err *err)
{
    struct wf_buf b;
    struct stat st;
    int rc = 0;

    if (stat(path, &st) != 0)
        return wf_err_errno(err, errno, "cannot look at %s", path);
    if ((st.st_mode & 077) != 0)
        return wf_err_set(err, WF_E_DENIED,
                          "Others may read %s, this device's key: chmod 600 it, or remove it for a "
                          "new one when they have.",
                          path);
    wf_buf_init(&b, 4096);
    rc = wf_file_read(path, &b, err);
    if (rc == 0 && !read_hex(wf_str_trim(wf_buf_str(&b)), seed))
        rc = wf_err_set(err, WF_E_FORMAT, "%s holds no key.", path);
    if (b.len > 0)
        sodium_memzero(b.ptr, b.len);
    wf_buf_deinit(&b);
    return rc;
}

/* A new file's folder, 0700. */
static int make_folder(const char *path, struct wf_err *err)
{
    char dir[WF_LIMIT_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    size_t n = slash != NULL ? (size_t)(slash - path) : 0;

    if (n >= sizeof(dir))
        return wf_err_set(err, WF_E_LIMIT, "The path of the device's key is too long.");
    if (n == 0)
        return 0;
    memcpy(dir, path, n);
    dir[n] = 0;
    return wf_file_mkdirs(dir, err);
}

static int make_seed(const char *path, uint8_t seed[SEED_BYTES], struct wf_err *err)
{
    char text[FILE_BYTES + 1];
    int rc = make_folder(path, err);

    if (rc != 0)
        return rc;
    randombytes_buf(seed, SEED_BYTES);
    (void)sodium_bin2hex(text, sizeof(text), seed, SEED_BYTES); /* cannot fail */
    text[FILE_BYTES - 1] = '\n';
    rc = wf_file_replace(path, text, FILE_BYTES, 0600, err);
    sodium_memzero(text, sizeof(text));
    return rc;
}

int wf_device_open(const char *path, struct wf_device *out, struct wf_err *err)
{
    uint8_t seed[SEED_BYTES];
    struct stat st;
    int rc;

    if (sodium_init() < 0)
        return wf_err_set(err, WF_E_UNSUPPORTED, "The system gives no random numbers.");
    if (stat(path, &st) == 0)
        rc = read_seed(path, seed, err);
    else if (errno == ENOENT)
        rc = make_seed(path, seed, err);
    else
        rc = wf_err_errno(err, errno, "cannot look at %s", path);
    if (rc == 0)
        wf_signer_from_seed(seed, &out->_key, &out->signer);
    sodium_memzero(seed, sizeof(seed));
    return rc;
}

void wf_device_forget(struct wf_device *d)
{
    wf_signer_forget(&d->_key);
}

/* ---- sealing ---- */

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to seal or open a letter.");
}

int wf_device_seal(const uint8_t id[WF_DEVICE_ID_BYTES], struct wf_str bytes, struct wf_buf *out,
                   struct wf_err *err)
{
    uint8_t to[crypto_box_PUBLICKEYBYTES];
    size_t n = bytes.len + crypto_box_SEALBYTES;

    if (crypto_sign_ed25519_pk_to_curve25519(to, id) != 0)
        return wf_err_set(err, WF_E_INVAL, "This is no device's key.");
    if (wf_buf_reserve(out, n) != 0)
        return no_memory(err);
    if (crypto_box_seal((uint8_t *)out->ptr + out->len, (const uint8_t *)bytes.ptr, bytes.len,
                        to) != 0)
        return wf_err_set(err, WF_E_INVAL, "This is no device's key.");
    wf_buf_commit(out, n);
    return 0;
}

int wf_device_unseal(const struct wf_device *d, struct wf_str sealed, struct wf_buf *out,
                     struct wf_err *err)
{
    uint8_t own[crypto_box_PUBLICKEYBYTES], secret[crypto_box_SECRETKEYBYTES];
    int rc;

    if (sealed.len < crypto_box_SEALBYTES)
        return wf_err_set(err, WF_E_DENIED, "This letter is not for this device.");
    if (wf_buf_reserve(out, sealed.len - crypto_box_SEALBYTES) != 0)
        return no_memory(err);
    rc = crypto_sign_ed25519_pk_to_curve25519(own, d->signer.id);
    if (rc == 0)
        rc = crypto_sign_ed25519_sk_to_curve25519(secret, d->_key._secret);
    if (rc == 0)
        rc = crypto_box_seal_open((uint8_t *)out->ptr + out->len, (const uint8_t *)sealed.ptr,
                                  sealed.len, own, secret);
    sodium_memzero(secret, sizeof(secret));
    if (rc != 0)
        return wf_err_set(err, WF_E_DENIED, "This letter is not for this device.");
    wf_buf_commit(out, sealed.len - crypto_box_SEALBYTES);
    return 0;
}
