/* SPDX-License-Identifier: Apache-2.0 */
/* The cipher of Presidio's encrypt operator. It protects what is written against reading, not
 * against changing, which is how it is; weft's own operator (privacy/redact.h) does both. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "op/presidio.h"

#define BLOCK 16

static int cipher_of(struct wf_str key, const EVP_CIPHER **out, struct wf_err *err)
{
    /* Once; no file is read for it, which the core could not. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    if (key.len == 16)
        *out = EVP_aes_128_cbc();
    else if (key.len == 24)
        *out = EVP_aes_192_cbc();
    else if (key.len == 32)
        *out = EVP_aes_256_cbc();
    else
        return wf_err_set(err, WF_E_INVAL,
                          "Invalid input, key must be of length 128, 192 or 256 bits");
    return 0;
}

/* One pass over n bytes; false: it does not fit (padding), or there is no memory. */
static bool run(const EVP_CIPHER *cipher, struct wf_str key, const uint8_t *iv, bool encrypts,
                const uint8_t *in, size_t n, uint8_t *out, size_t *out_n)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int a = 0, b = 0;
    bool good =
        ctx != NULL && n <= INT32_MAX - BLOCK &&
        EVP_CipherInit_ex(ctx, cipher, NULL, (const unsigned char *)key.ptr, iv, encrypts) &&
        EVP_CipherUpdate(ctx, out, &a, in, (int)n) && EVP_CipherFinal_ex(ctx, out + a, &b);

    EVP_CIPHER_CTX_free(ctx);
    *out_n = good ? (size_t)(a + b) : 0;
    return good;
}

int wf_presidio_encrypt(struct wf_str key, struct wf_str plain, struct wf_buf *out,
                        struct wf_err *err)
{
    const EVP_CIPHER *cipher;
    uint8_t *box;
    size_t n, room;
    int rc = cipher_of(key, &cipher, err);

    if (rc != 0)
        return rc;
    box = wf_alloc_array(plain.len + 3 * BLOCK, 1);
    room = sodium_base64_ENCODED_LEN(plain.len + 3 * BLOCK, sodium_base64_VARIANT_URLSAFE);
    if (box == NULL || wf_buf_reserve(out, room) != 0) {
        wf_free(box);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to encrypt.");
    }
    wf_rng_system()->fill(wf_rng_system()->ud, box, BLOCK);
    if (run(cipher, key, box, true, (const uint8_t *)(plain.len > 0 ? plain.ptr : ""), plain.len,
            box + BLOCK, &n)) {
        (void)sodium_bin2base64(out->ptr + out->len, room, box, BLOCK + n,
                                sodium_base64_VARIANT_URLSAFE);
        wf_buf_commit(out, sodium_base64_ENCODED_LEN(BLOCK + n, sodium_base64_VARIANT_URLSAFE) - 1);
    } else {
        rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory to encrypt.");
    }
    wf_free(box);
    return rc;
}

int wf_presidio_decrypt(struct wf_str key, struct wf_str text, struct wf_buf *out,
                        struct wf_err *err)
{
    const EVP_CIPHER *cipher;
    uint8_t *box;
    char *url;
    size_t n, n_plain;
    int rc = cipher_of(key, &cipher, err);

    if (rc != 0)
        return rc;
    box = wf_alloc_array(text.len + 1, 1);
    url = wf_memdup0(text.ptr, text.len);
    for (size_t i = 0; url != NULL && i < text.len; i++) /* either alphabet, as there */
        url[i] = (char)(url[i] == '+' ? '-' : url[i] == '/' ? '_' : url[i]);
    if (box == NULL || url == NULL || wf_buf_reserve(out, text.len + BLOCK) != 0) {
        wf_free(box);
        wf_free(url);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory to decrypt.");
    }
    if (sodium_base642bin(box, text.len + 1, url, text.len, NULL, &n, NULL,
                          sodium_base64_VARIANT_URLSAFE) != 0 ||
        n < 2 * BLOCK ||
        !run(cipher, key, box, false, box + BLOCK, n - BLOCK, (uint8_t *)out->ptr + out->len,
             &n_plain))
        rc = wf_err_set(err, WF_E_INVAL, "Invalid input, text is not encrypted with this key");
    else
        wf_buf_commit(out, n_plain);
    wf_free(box);
    wf_free(url);
    return rc;
}
