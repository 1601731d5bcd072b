/* SPDX-License-Identifier: Apache-2.0 */
/* CPace over ristretto255 and SHA-512. All strings are hashed with their lengths before them
 * (LEB128), so that no two lists of strings are hashed alike; the password is padded to a block of
 * the hash, so that how long it is does not show in the time. Names in comments are the draft's. */
#include "mesh/cpace.h"

#include <sodium.h>
#include <string.h>

#define BLOCK_BYTES 128 /* of SHA-512: s_in_bytes */

static const char dsi[] = "CPaceRistretto255";
static const char dsi_isk[] = "CPaceRistretto255_ISK";

_Static_assert(crypto_core_ristretto255_BYTES == WF_CPACE_SHARE_BYTES, "an element");
_Static_assert(crypto_core_ristretto255_HASHBYTES == crypto_hash_sha512_BYTES, "one hash");
_Static_assert(crypto_hash_sha512_BYTES == WF_CPACE_KEY_BYTES, "ISK is a hash");
_Static_assert(crypto_auth_hmacsha512_BYTES == WF_CPACE_TAG_BYTES, "a tag is a hash");

/* ---- strings with their lengths ---- */

/* LEB128; returns how many bytes. */
static size_t length_of(size_t n, uint8_t out[10])
{
    size_t k = 0;

    do {
        out[k] = (uint8_t)((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
        n >>= 7;
        k++;
    } while (n > 0);
    return k;
}

static void hash_part(crypto_hash_sha512_state *h, const void *p, size_t n)
{
    uint8_t length[10];

    (void)crypto_hash_sha512_update(h, length, length_of(n, length)); /* none of these can fail */
    (void)crypto_hash_sha512_update(h, p, n);
}

static void mac_part(crypto_auth_hmacsha512_state *h, const void *p, size_t n)
{
    uint8_t length[10];

    (void)crypto_auth_hmacsha512_update(h, length, length_of(n, length)); /* cannot fail */
    (void)crypto_auth_hmacsha512_update(h, p, n);
}

/* ---- shares ---- */

/* calculate_generator(): generator_string() hashed as it is made. */
static void generator(const struct wf_cpace_input *in, uint8_t out[WF_CPACE_SHARE_BYTES])
{
    static const uint8_t zeros[BLOCK_BYTES];
    uint8_t hash[crypto_hash_sha512_BYTES], length[10];
    size_t taken = length_of(in->password.len, length) + in->password.len +
                   length_of(sizeof(dsi) - 1, length) + sizeof(dsi) - 1;
    crypto_hash_sha512_state h;

    (void)crypto_hash_sha512_init(&h); /* cannot fail */
    hash_part(&h, dsi, sizeof(dsi) - 1);
    hash_part(&h, in->password.ptr, in->password.len);
    hash_part(&h, zeros, taken < BLOCK_BYTES - 1 ? BLOCK_BYTES - 1 - taken : 0);
    hash_part(&h, in->channel.ptr, in->channel.len);
    hash_part(&h, in->session.ptr, in->session.len);
    (void)crypto_hash_sha512_final(&h, hash);
    (void)crypto_core_ristretto255_from_hash(out, hash); /* cannot fail */
    sodium_memzero(hash, sizeof(hash));
    sodium_memzero(&h, sizeof(h));
}

void wf_cpace_begin(struct wf_cpace *c, const struct wf_cpace_input *in, const struct wf_rng *rng)
{
    uint8_t g[WF_CPACE_SHARE_BYTES];

    if (rng == NULL)
        rng = wf_rng_system();
    generator(in, g);
    do { /* again for what has next to no chance: the scalar 0 */
        rng->fill(rng->ud, c->_scalar, sizeof(c->_scalar));
        c->_scalar[31] &= 0x0f; /* 252 bits, as the order of the group */
    } while (crypto_scalarmult_ristretto255(c->share, c->_scalar, g) != 0);
    sodium_memzero(g, sizeof(g));
}

/* ---- the key ---- */

int wf_cpace_finish(const struct wf_cpace *c, bool is_initiator, struct wf_str session,
                    const struct wf_cpace_said *initiator, const struct wf_cpace_said *responder,
                    uint8_t out_key[WF_CPACE_KEY_BYTES], struct wf_err *err)
{
    const struct wf_cpace_said *other = is_initiator ? responder : initiator;
    uint8_t k[WF_CPACE_SHARE_BYTES];
    crypto_hash_sha512_state h;

    /* Refuses what is no canonical encoding of an element, and the identity. */
    if (crypto_scalarmult_ristretto255(k, c->_scalar, other->share) != 0)
        return wf_err_set(err, WF_E_DENIED, "The other side's share is not a valid one.");
    (void)crypto_hash_sha512_init(&h); /* cannot fail */
    hash_part(&h, dsi_isk, sizeof(dsi_isk) - 1);
    hash_part(&h, session.ptr, session.len);
    hash_part(&h, k, sizeof(k));
    hash_part(&h, initiator->share, WF_CPACE_SHARE_BYTES);
    hash_part(&h, initiator->data.ptr, initiator->data.len);
    hash_part(&h, responder->share, WF_CPACE_SHARE_BYTES);
    hash_part(&h, responder->data.ptr, responder->data.len);
    (void)crypto_hash_sha512_final(&h, out_key);
    sodium_memzero(k, sizeof(k));
    sodium_memzero(&h, sizeof(h));
    return 0;
}

void wf_cpace_confirm(const uint8_t key[WF_CPACE_KEY_BYTES], struct wf_str session,
                      const struct wf_cpace_said *own, uint8_t out_tag[WF_CPACE_TAG_BYTES])
{
    static const char word[] = "CPaceMac";
    uint8_t mac_key[crypto_hash_sha512_BYTES];
    crypto_auth_hmacsha512_state mac;
    crypto_hash_sha512_state h;

    (void)crypto_hash_sha512_init(&h); /* none of these can fail */
    (void)crypto_hash_sha512_update(&h, (const uint8_t *)word, sizeof(word) - 1);
    (void)crypto_hash_sha512_update(&h, (const uint8_t *)session.ptr, session.len);
    (void)crypto_hash_sha512_update(&h, key, WF_CPACE_KEY_BYTES);
    (void)crypto_hash_sha512_final(&h, mac_key);
    (void)crypto_auth_hmacsha512_init(&mac, mac_key, sizeof(mac_key));
    mac_part(&mac, own->share, WF_CPACE_SHARE_BYTES);
    mac_part(&mac, own->data.ptr, own->data.len);
    (void)crypto_auth_hmacsha512_final(&mac, out_tag);
    sodium_memzero(mac_key, sizeof(mac_key));
    sodium_memzero(&mac, sizeof(mac));
    sodium_memzero(&h, sizeof(h));
}

bool wf_cpace_is_confirmed(const uint8_t key[WF_CPACE_KEY_BYTES], struct wf_str session,
                           const struct wf_cpace_said *other, const uint8_t tag[WF_CPACE_TAG_BYTES])
{
    uint8_t want[WF_CPACE_TAG_BYTES];
    bool is_same;

    wf_cpace_confirm(key, session, other, want);
    is_same = sodium_memcmp(want, tag, sizeof(want)) == 0;
    sodium_memzero(want, sizeof(want));
    return is_same;
}

void wf_cpace_forget(struct wf_cpace *c)
{
    sodium_memzero(c, sizeof(*c));
}
