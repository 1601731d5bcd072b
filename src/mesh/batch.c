/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and signing: what is signed is the ciphertext, so that relays can refuse what a device
 * did not send before anybody opens it. */
#include "mesh/batch.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/limits.h"
#include "crdt/lib0.h"

#define MAGIC "WFBATCH1"
#define HEAD_BYTES 140u
#define SEALED_AT 140u
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define PADDED_MIN 256u
#define PURPOSE WF_STR("batch 1")

_Static_assert(NONCE_BYTES == 24, "as the format says");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == WF_SPACE_KEY_BYTES, "likewise");

static void put_number(uint8_t *p, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_number(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;

    for (unsigned i = n; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

static void hash(struct wf_str key, struct wf_str bytes, uint8_t *out, size_t n)
{
    (void)crypto_generichash(out, n, (const uint8_t *)bytes.ptr, bytes.len,
                             key.len > 0 ? (const uint8_t *)key.ptr : NULL, key.len);
}

/* ---- keys and streams ---- */

void wf_space_key_name(struct wf_space_key *k)
{
    hash(WF_STR("weft space key 1"), wf_str_n((const char *)k->key, sizeof(k->key)), k->id,
         sizeof(k->id));
}

void wf_space_key_new(const struct wf_rng *rng, struct wf_space_key *out)
{
    const struct wf_rng *r = rng != NULL ? rng : wf_rng_system();

    r->fill(r->ud, out->key, sizeof(out->key));
    wf_space_key_name(out);
}

void wf_stream_id(const uint8_t uid[WF_SPACE_UID_BYTES], enum wf_label level,
                  uint8_t out[WF_STREAM_ID_BYTES])
{
    const char what = (char)level;

    assert(level < WF_LABEL_SECRET);
    hash(wf_str_n((const char *)uid, WF_SPACE_UID_BYTES), wf_str_n(&what, 1), out,
         WF_STREAM_ID_BYTES);
}

/* ---- reading ---- */

int wf_batch_read(struct wf_str bytes, struct wf_batch *out, struct wf_err *err)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr;

    if (bytes.len > WF_LIMIT_BATCH_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "A batch is longer than any that weft makes.");
    if (bytes.len < HEAD_BYTES + TAG_BYTES + PADDED_MIN + WF_SIGNATURE_BYTES ||
        memcmp(p, MAGIC, 7) != 0)
        return wf_err_set(err, WF_E_FORMAT, "This is no batch.");
    if (p[7] != MAGIC[7])
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "A newer weft made this batch. Update weft on this device.");
    memcpy(out->stream, p + 8, sizeof(out->stream));
    memcpy(out->device, p + 24, sizeof(out->device));
    out->number = get_number(p + 56, 8);
    memcpy(out->prev, p + 64, sizeof(out->prev));
    memcpy(out->key, p + 96, sizeof(out->key));
    if (get_number(p + 136, 4) != bytes.len - HEAD_BYTES - WF_SIGNATURE_BYTES || out->number == 0 ||
        out->number > INT64_MAX ||
        (out->number == 1) != (sodium_is_zero(out->prev, sizeof(out->prev)) != 0))
        return wf_err_set(err, WF_E_FORMAT, "This is no batch.");
    out->bytes = bytes;
    out->begins = false;
    hash(WF_STR(""), wf_str_sub(bytes, 0, bytes.len - WF_SIGNATURE_BYTES), out->hash,
         sizeof(out->hash));
    return 0;
}

int wf_batch_verify(const struct wf_batch *b, struct wf_err *err)
{
    const uint8_t *signature = (const uint8_t *)b->bytes.ptr + b->bytes.len - WF_SIGNATURE_BYTES;

    if (!wf_signer_is_signed(b->device, PURPOSE, wf_str_n((const char *)b->hash, sizeof(b->hash)),
                             signature))
        return wf_err_set(err, WF_E_DENIED, "A batch is not signed by the device that it names.");
    return 0;
}

int wf_batch_open(const struct wf_batch *b, const struct wf_space_key *key, struct wf_buf *out,
                  struct wf_err *err)
{
    const uint8_t *p = (const uint8_t *)b->bytes.ptr;
    size_t n = b->bytes.len - HEAD_BYTES - WF_SIGNATURE_BYTES;

    if (sodium_memcmp(b->key, key->id, sizeof(b->key)) != 0)
        return wf_err_set(err, WF_E_NOENT, "A batch is sealed with a key that is not here.");
    if (wf_buf_reserve(out, n - TAG_BYTES) != 0)
        return wf_err_set(err, wf_buf_status(out), "Not enough memory to open a batch.");
    if (crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)out->ptr + out->len, NULL, NULL,
                                                   p + SEALED_AT, n, p, HEAD_BYTES, p + 112,
                                                   key->key) != 0)
        return wf_err_set(err, WF_E_DENIED, "A batch was changed after it was sealed.");
    wf_buf_commit(out, n - TAG_BYTES);
    return 0;
}

/* ---- writing ---- */

/* PADME: of a length's bits, as many of the lowest are rounded up as its exponent has more than the
 * exponent's own length. */
static size_t padded(size_t n)
{
    unsigned e = 0, s = 0;
    size_t mask;

    if (n <= PADDED_MIN)
        return PADDED_MIN;
    while (n >> (e + 1) != 0)
        e++;
    while (e >> s != 0)
        s++;
    mask = ((size_t)1 << (e - s)) - 1;
    return (n + mask) & ~mask;
}

size_t wf_batch_bytes(size_t n_content)
{
    return HEAD_BYTES + padded(n_content) + TAG_BYTES + WF_SIGNATURE_BYTES;
}

static void seal(uint8_t *p, size_t n, const struct wf_space_key *key, struct wf_str content,
                 uint8_t *room)
{
    unsigned long long n_sealed;
    int rc;

    memcpy(room, content.ptr, content.len);
    memset(room + content.len, 0, n - content.len);
    rc = crypto_aead_xchacha20poly1305_ietf_encrypt(p + SEALED_AT, &n_sealed, room, n, p,
                                                    HEAD_BYTES, NULL, p + 112, key->key);
    assert(rc == 0 && n_sealed == n + TAG_BYTES);
    (void)rc;
}

int wf_batch_write(const struct wf_batch_place *at, const struct wf_space_key *key,
                   const struct wf_signer *device, const struct wf_rng *rng, struct wf_str content,
                   struct wf_buf *out, uint8_t out_hash[WF_BATCH_HASH_BYTES], struct wf_err *err)
{
    const struct wf_rng *r = rng != NULL ? rng : wf_rng_system();
    size_t n = padded(content.len), start = out->len, total = wf_batch_bytes(content.len);
    uint8_t *p;
    int rc;

    assert(at->number > 0);
    if (content.len > WF_LIMIT_BATCH_CONTENT_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "A change is too large for one batch.");
    if (wf_buf_reserve(out, total + n) != 0) /* the content, padded, stands behind the batch */
        return wf_err_set(err, wf_buf_status(out), "Not enough memory for a batch.");
    p = (uint8_t *)out->ptr + start;
    memcpy(p, MAGIC, 8);
    memcpy(p + 8, at->stream, sizeof(at->stream));
    memcpy(p + 24, device->id, sizeof(device->id));
    put_number(p + 56, at->number, 8);
    memcpy(p + 64, at->prev, sizeof(at->prev));
    memcpy(p + 96, key->id, sizeof(key->id));
    r->fill(r->ud, p + 112, NONCE_BYTES);
    put_number(p + 136, n + TAG_BYTES, 4);
    seal(p, n, key, content, p + total);
    sodium_memzero(p + total, n);
    hash(WF_STR(""), wf_str_n((const char *)p, total - WF_SIGNATURE_BYTES), out_hash,
         WF_BATCH_HASH_BYTES);
    rc = device->sign(device->ud, PURPOSE, wf_str_n((const char *)out_hash, WF_BATCH_HASH_BYTES),
                      p + total - WF_SIGNATURE_BYTES, err);
    if (rc == 0)
        wf_buf_commit(out, total);
    return rc;
}

/* ---- content ---- */

static bool has_place(enum wf_batch_kind kind)
{
    return kind == WF_BATCH_UPDATE || kind == WF_BATCH_SNAPSHOT;
}

int wf_batch_entry_write(const struct wf_batch_entry *e, struct wf_buf *out)
{
    if (e->dseq > WF_LIB0_MAX || e->at_ms < 0 || e->at_ms > (int64_t)WF_LIB0_MAX)
        return WF_E_INVAL;
    (void)wf_buf_append_byte(out, (char)e->kind);
    if (has_place(e->kind)) {
        (void)wf_buf_append(out, e->draft, sizeof(e->draft));
        wf_lib0_append_uint(out, e->dseq);
        wf_lib0_append_uint(out, (uint64_t)e->at_ms);
    }
    wf_lib0_append_bytes(out, e->bytes);
    return wf_buf_status(out);
}

int wf_batch_entry_next(struct wf_str content, size_t *io_at, struct wf_batch_entry *out)
{
    struct wf_lib0_in in = wf_lib0_in(content.ptr + *io_at, content.len - *io_at);
    uint8_t kind;

    if (in.p == in.end)
        return 0;
    kind = wf_lib0_byte(&in);
    if (kind == 0)
        return sodium_is_zero(in.p, (size_t)(in.end - in.p)) ? 0 : WF_E_FORMAT;
    if (kind > WF_BATCH_WORD)
        return WF_E_FORMAT;
    *out = (struct wf_batch_entry){.kind = (enum wf_batch_kind)kind};
    if (has_place(out->kind)) {
        if ((size_t)(in.end - in.p) < sizeof(out->draft))
            return WF_E_FORMAT;
        memcpy(out->draft, in.p, sizeof(out->draft));
        in.p += sizeof(out->draft);
        out->dseq = wf_lib0_uint(&in);
        out->at_ms = (int64_t)wf_lib0_uint(&in);
    }
    out->bytes = wf_lib0_bytes(&in);
    if (in.bad || out->bytes.len == 0)
        return WF_E_FORMAT;
    *io_at = (size_t)((const char *)in.p - content.ptr);
    return 1;
}
