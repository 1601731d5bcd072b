/* SPDX-License-Identifier: Apache-2.0 */
/* A session of two cores (diagram and form in sealed_session.h).
 *
 * Why nobody between the two learns or changes anything: the keys come out of two fresh X25519
 * keys, which both devices sign together with their ids and transport keys. Who puts a key of its
 * own in one's place lacks the signature over it; an old HELLO and its signature fit no new key of
 * the other side. The secret half is wiped as soon as the keys are made, so that neither device
 * key opens what was recorded. Counters are checked before anything is opened, and are part of
 * what is sealed, so that the words for the log can tell a repeated message from a changed one. */
#include "mesh/sealed_session.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define HEAD_BYTES 9u
#define MAC_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define ROLE_BYTES 96u /* of one side: device, transport, X25519 */
#define TRANSCRIPT_BYTES (2 + 2 * ROLE_BYTES)

_Static_assert(WF_SEALED_OVERHEAD == HEAD_BYTES + MAC_BYTES, "what a seal adds");
_Static_assert(crypto_kx_PUBLICKEYBYTES == 32 && crypto_kx_SESSIONKEYBYTES == 32, "keys");

static const struct wf_str purpose = {"session 1", 9};

static bool is_client(const struct wf_sealed_session *ss)
{
    return memcmp(ss->who.device->id, ss->who.other_device, WF_SIGNER_ID_BYTES) < 0;
}

/* ---- what is signed ---- */

static void put_role(uint8_t *out, const uint8_t *device, const uint8_t *transport,
                     const uint8_t *key)
{
    memcpy(out, device, 32);
    memcpy(out + 32, transport, 32);
    memcpy(out + 64, key, 32);
}

static void write_transcript(const struct wf_sealed_session *ss, bool by_client,
                             uint8_t out[TRANSCRIPT_BYTES])
{
    const struct wf_sealed_who *w = &ss->who;
    const bool own_first = is_client(ss);

    out[0] = by_client;
    out[1] = WF_SEALED_VERSION;
    put_role(out + 2 + (own_first ? 0 : ROLE_BYTES), w->device->id, w->transport, ss->key);
    put_role(out + 2 + (own_first ? ROLE_BYTES : 0), w->other_device, w->other_transport,
             ss->other_key);
}

static struct wf_str bytes_of(const uint8_t *p, size_t n)
{
    return wf_str_n((const char *)p, n);
}

/* ---- keys ---- */

static void derive(const uint8_t key[32], unsigned channel, const uint8_t *transcript,
                   uint8_t out[32])
{
    static const char word[] = "weft sealed 1";
    crypto_generichash_state st;
    const uint8_t which = (uint8_t)channel;

    (void)crypto_generichash_init(&st, key, 32, 32); /* none of these can fail */
    (void)crypto_generichash_update(&st, (const uint8_t *)word, sizeof(word) - 1);
    (void)crypto_generichash_update(&st, &which, 1);
    (void)crypto_generichash_update(&st, transcript + 1, TRANSCRIPT_BYTES - 1);
    (void)crypto_generichash_final(&st, out, 32);
}

/* The key that follows from one. */
static void turn(struct wf_sealed_way *w)
{
    static const char word[] = "weft sealed next";
    uint8_t next[32];

    (void)crypto_generichash(next, sizeof(next), (const uint8_t *)word, sizeof(word) - 1, w->key,
                             sizeof(w->key)); /* cannot fail */
    memcpy(w->key, next, sizeof(next));
    sodium_memzero(next, sizeof(next));
}

static void count(struct wf_sealed_way *w)
{
    if (++w->n % WF_SEALED_MESSAGES_PER_KEY == 0)
        turn(w);
}

static int make_keys(struct wf_sealed_session *ss, struct wf_err *err)
{
    uint8_t rx[32], tx[32], transcript[TRANSCRIPT_BYTES];
    int rc = is_client(ss)
                 ? crypto_kx_client_session_keys(rx, tx, ss->key, ss->secret, ss->other_key)
                 : crypto_kx_server_session_keys(rx, tx, ss->key, ss->secret, ss->other_key);

    sodium_memzero(ss->secret, sizeof(ss->secret));
    write_transcript(ss, true, transcript);
    for (unsigned c = 0; c < WF_SEALED_CHANNELS && rc == 0; c++) {
        derive(tx, WF_LINK_REQUESTS + c, transcript, ss->out[c].key);
        derive(rx, WF_LINK_REQUESTS + c, transcript, ss->in[c].key);
    }
    sodium_memzero(rx, sizeof(rx));
    sodium_memzero(tx, sizeof(tx));
    return rc == 0 ? 0
                   : wf_err_set(err, WF_E_DENIED, "The other node's key of the session is bad.");
}

/* ---- seals ---- */

static void put_u64(uint8_t *out, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (8 * i));
}

static int seal(const struct wf_sealed_way *w, enum wf_sealed_kind kind, struct wf_str bytes,
                struct wf_buf *out, struct wf_err *err)
{
    uint8_t nonce[NONCE_BYTES] = {0}, *at;

    if (wf_buf_reserve(out, bytes.len + WF_SEALED_OVERHEAD) != 0)
        return wf_err_set(err, wf_buf_status(out), "Out of memory (a message to another node).");
    at = (uint8_t *)out->ptr + out->len;
    at[0] = (uint8_t)kind;
    put_u64(at + 1, w->n);
    memcpy(nonce, at + 1, 8);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(at + HEAD_BYTES, NULL,
                                                     (const uint8_t *)bytes.ptr, bytes.len, at,
                                                     HEAD_BYTES, NULL, nonce, w->key); /* cannot */
    wf_buf_commit(out, bytes.len + WF_SEALED_OVERHEAD);
    return 0;
}

/* Seals a message of the handshake, which is sent for certain or the session ends. */
static int reply_sealed(struct wf_sealed_session *ss, enum wf_sealed_kind kind, struct wf_str bytes,
                        struct wf_buf *out, struct wf_err *err)
{
    int rc = seal(&ss->out[0], kind, bytes, out, err);

    if (rc == 0)
        count(&ss->out[0]);
    return rc;
}

static uint64_t get_u64(const char *p)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 8; i++)
        v |= (uint64_t)(unsigned char)p[i] << (8 * i);
    return v;
}

static int check_counter(uint64_t got, uint64_t next, struct wf_err *err)
{
    if (got < next)
        return wf_err_set(err, WF_E_FORMAT, "A message of another node came twice on its way.");
    if (got > next)
        return wf_err_set(err, WF_E_FORMAT,
                          "Messages of another node were left out or came in another order.");
    return 0;
}

/* Opens a message of the right form into `out`, appended. */
static int unseal(struct wf_sealed_way *w, struct wf_str bytes, struct wf_buf *out,
                  struct wf_err *err)
{
    const uint8_t *in = (const uint8_t *)bytes.ptr;
    const size_t n = bytes.len - WF_SEALED_OVERHEAD;
    uint8_t nonce[NONCE_BYTES] = {0};
    int rc = check_counter(get_u64(bytes.ptr + 1), w->n, err);

    if (rc != 0)
        return rc;
    if (wf_buf_reserve(out, n) != 0)
        return wf_err_set(err, wf_buf_status(out), "Out of memory (a message of another node).");
    memcpy(nonce, in + 1, 8);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)out->ptr + out->len, NULL, NULL,
                                                   in + HEAD_BYTES, bytes.len - HEAD_BYTES, in,
                                                   HEAD_BYTES, nonce, w->key) != 0)
        return wf_err_set(err, WF_E_DENIED, "A message of another node was changed on its way.");
    wf_buf_commit(out, n);
    count(w);
    return 0;
}

/* ---- life ---- */

void wf_sealed_session_end(struct wf_sealed_session *ss)
{
    sodium_memzero(ss, sizeof(*ss));
    ss->state = WF_SEALED_ENDED;
}

int wf_sealed_session_begin(struct wf_sealed_session *ss, const struct wf_sealed_who *who,
                            const struct wf_rng *rng, int64_t now_ns, struct wf_buf *out,
                            struct wf_err *err)
{
    const struct wf_rng *r = rng != NULL ? rng : wf_rng_system();

    if (memcmp(who->device->id, who->other_device, WF_SIGNER_ID_BYTES) == 0)
        return wf_err_set(err, WF_E_INVAL, "The other node has this one's key.");
    *ss =
        (struct wf_sealed_session){.state = WF_SEALED_HELLO_SENT, .who = *who, .begun_ns = now_ns};
    r->fill(r->ud, ss->secret, sizeof(ss->secret));
    (void)crypto_scalarmult_base(ss->key, ss->secret); /* cannot fail */
    wf_buf_append_byte(out, WF_SEALED_HELLO);          /* the status is looked at below */
    wf_buf_append_byte(out, WF_SEALED_VERSION);
    wf_buf_append(out, ss->key, sizeof(ss->key));
    if (wf_buf_status(out) == 0)
        return 0;
    wf_sealed_session_end(ss);
    return wf_err_set(err, wf_buf_status(out), "Out of memory (a session with another node).");
}

/* ---- the handshake ---- */

static int out_of_place(struct wf_err *err)
{
    return wf_err_set(err, WF_E_FORMAT, "That is not the session's next message.");
}

static int take_hello(struct wf_sealed_session *ss, struct wf_str bytes, struct wf_buf *reply,
                      struct wf_err *err)
{
    uint8_t transcript[TRANSCRIPT_BYTES], signature[WF_SIGNATURE_BYTES];
    int rc;

    if (ss->state != WF_SEALED_HELLO_SENT || bytes.len < 2)
        return out_of_place(err);
    if (bytes.ptr[1] != WF_SEALED_VERSION)
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "The other node has a version of weft that this one cannot speak to.");
    if (bytes.len != WF_SEALED_HELLO_BYTES)
        return wf_err_set(err, WF_E_FORMAT, "That is no message of a session.");
    memcpy(ss->other_key, bytes.ptr + 2, sizeof(ss->other_key));
    rc = make_keys(ss, err);
    if (rc == 0) {
        write_transcript(ss, is_client(ss), transcript);
        rc = ss->who.device->sign(ss->who.device->ud, purpose,
                                  bytes_of(transcript, sizeof(transcript)), signature, err);
    }
    if (rc == 0)
        rc = reply_sealed(ss, WF_SEALED_AUTH, bytes_of(signature, sizeof(signature)), reply, err);
    ss->state = WF_SEALED_AUTH_SENT;
    return rc;
}

static int take_auth(struct wf_sealed_session *ss, struct wf_str bytes, struct wf_buf *reply,
                     struct wf_err *err)
{
    uint8_t transcript[TRANSCRIPT_BYTES];
    struct wf_buf signature;
    int rc;

    if (ss->state != WF_SEALED_AUTH_SENT || bytes.len != WF_SIGNATURE_BYTES + WF_SEALED_OVERHEAD)
        return out_of_place(err);
    wf_buf_init(&signature, WF_SIGNATURE_BYTES);
    rc = unseal(&ss->in[0], bytes, &signature, err);
    write_transcript(ss, !is_client(ss), transcript);
    if (rc == 0 && !wf_signer_is_signed(ss->who.other_device, purpose,
                                        bytes_of(transcript, sizeof(transcript)),
                                        (const uint8_t *)signature.ptr))
        rc = wf_err_set(err, WF_E_DENIED,
                        "The other node does not prove that it has its device's key, or somebody "
                        "is between the two.");
    wf_buf_deinit(&signature);
    if (rc == 0)
        rc = reply_sealed(ss, WF_SEALED_DONE, WF_STR(""), reply, err);
    ss->state = WF_SEALED_DONE_SENT;
    return rc;
}

static int take_done(struct wf_sealed_session *ss, struct wf_str bytes, struct wf_sealed_taken *out,
                     struct wf_err *err)
{
    struct wf_buf none;
    int rc;

    if ((ss->state != WF_SEALED_DONE_SENT && ss->state != WF_SEALED_OPEN) || ss->has_done ||
        bytes.len != WF_SEALED_OVERHEAD)
        return out_of_place(err);
    wf_buf_init(&none, 0);
    rc = unseal(&ss->in[0], bytes, &none, err);
    out->is_up = rc == 0 && ss->state == WF_SEALED_DONE_SENT;
    ss->has_done = true;
    ss->state = WF_SEALED_OPEN;
    return rc;
}

static int take_data(struct wf_sealed_session *ss, unsigned channel, struct wf_str bytes,
                     struct wf_sealed_taken *out, struct wf_buf *plain, struct wf_err *err)
{
    int rc;

    if (ss->state != WF_SEALED_DONE_SENT && ss->state != WF_SEALED_OPEN)
        return out_of_place(err);
    rc = unseal(&ss->in[channel - WF_LINK_REQUESTS], bytes, plain, err);
    if (rc != 0)
        return rc;
    out->is_up = ss->state == WF_SEALED_DONE_SENT;
    out->has_message = true;
    ss->state = WF_SEALED_OPEN;
    return 0;
}

static int take(struct wf_sealed_session *ss, unsigned channel, struct wf_str bytes,
                struct wf_sealed_taken *out, struct wf_buf *plain, struct wf_buf *reply,
                struct wf_err *err)
{
    const unsigned kind = bytes.len > 0 ? (unsigned char)bytes.ptr[0] : 0;

    if (kind != WF_SEALED_HELLO && bytes.len < WF_SEALED_OVERHEAD)
        return wf_err_set(err, WF_E_FORMAT, "That is no message of a session.");
    if (kind == WF_SEALED_DATA)
        return take_data(ss, channel, bytes, out, plain, err);
    if (channel != WF_LINK_REQUESTS)
        return out_of_place(err);
    if (kind == WF_SEALED_HELLO)
        return take_hello(ss, bytes, reply, err);
    if (kind == WF_SEALED_AUTH)
        return take_auth(ss, bytes, reply, err);
    return kind == WF_SEALED_DONE ? take_done(ss, bytes, out, err) : out_of_place(err);
}

int wf_sealed_session_take(struct wf_sealed_session *ss, unsigned channel, struct wf_str bytes,
                           int64_t now_ns, struct wf_sealed_taken *out, struct wf_buf *plain,
                           struct wf_buf *reply, struct wf_err *err)
{
    int rc = 0;

    assert(ss->state != WF_SEALED_NONE && ss->state != WF_SEALED_ENDED);
    assert(channel >= WF_LINK_REQUESTS && channel < WF_LINK_CHANNEL_COUNT);
    *out = (struct wf_sealed_taken){.is_up = false};
    if (ss->state != WF_SEALED_OPEN &&
        now_ns - ss->begun_ns > WF_SEALED_HANDSHAKE_MS * INT64_C(1000000))
        rc = wf_err_set(err, WF_E_TIMEOUT, "The other node took too long to begin a session.");
    if (rc == 0)
        rc = take(ss, channel, bytes, out, plain, reply, err);
    if (rc != 0) {
        *out = (struct wf_sealed_taken){.is_up = false};
        wf_sealed_session_end(ss);
    }
    return rc;
}

/* ---- sending ---- */

int wf_sealed_session_seal(struct wf_sealed_session *ss, unsigned channel, struct wf_str bytes,
                           struct wf_buf *out, struct wf_err *err)
{
    assert(channel >= WF_LINK_REQUESTS && channel < WF_LINK_CHANNEL_COUNT);
    if (ss->state != WF_SEALED_OPEN)
        return wf_err_set(err, WF_E_NOENT, "There is no session with that node.");
    if (bytes.len > WF_SEALED_MESSAGE_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "A message to another node is longer than %u bytes.",
                          (unsigned)WF_SEALED_MESSAGE_BYTES);
    return seal(&ss->out[channel - WF_LINK_REQUESTS], WF_SEALED_DATA, bytes, out, err);
}

void wf_sealed_session_sent(struct wf_sealed_session *ss, unsigned channel)
{
    assert(ss->state == WF_SEALED_OPEN);
    count(&ss->out[channel - WF_LINK_REQUESTS]);
}
