/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of devices, by libsodium. The parts are hashed one after the other (Ed25519ph), so
 * that nothing is copied together first. */
#include "crdt/signer.h"

#include <sodium.h>

#include "base/config.h"

static const char sign_word[] = "weft device signature 1\n";

static void begin(crypto_sign_state *s, struct wf_str purpose, struct wf_str bytes)
{
    uint8_t n = (uint8_t)WF_MIN(purpose.len, (size_t)255);

    (void)crypto_sign_init(s); /* none of these can fail */
    (void)crypto_sign_update(s, (const uint8_t *)sign_word, sizeof(sign_word) - 1);
    (void)crypto_sign_update(s, &n, 1);
    (void)crypto_sign_update(s, (const uint8_t *)purpose.ptr, n);
    (void)crypto_sign_update(s, (const uint8_t *)bytes.ptr, bytes.len);
}

static int sign(void *ud, struct wf_str purpose, struct wf_str bytes,
                uint8_t out[WF_SIGNATURE_BYTES], struct wf_err *err)
{
    const struct wf_signer_key *key = ud;
    crypto_sign_state s;

    (void)err;
    begin(&s, purpose, bytes);
    (void)crypto_sign_final_create(&s, out, NULL, key->_secret); /* cannot fail */
    return 0;
}

void wf_signer_from_seed(const uint8_t seed[32], struct wf_signer_key *key, struct wf_signer *out)
{
    (void)crypto_sign_seed_keypair(out->id, key->_secret, seed); /* cannot fail */
    out->sign = sign;
    out->ud = key;
}

void wf_signer_forget(struct wf_signer_key *key)
{
    sodium_memzero(key, sizeof(*key));
}

bool wf_signer_is_signed(const uint8_t id[WF_SIGNER_ID_BYTES], struct wf_str purpose,
                         struct wf_str bytes, const uint8_t signature[WF_SIGNATURE_BYTES])
{
    crypto_sign_state s;

    begin(&s, purpose, bytes);
    return crypto_sign_final_verify(&s, signature, id) == 0;
}
