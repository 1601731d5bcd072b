/* SPDX-License-Identifier: Apache-2.0 */
/* The two state machines of pairing (diagram in pairing.h).
 *
 * Why nobody between the two learns or changes anything: CPace's channel identifier holds both
 * transport keys as each side saw them in its own connection, so a machine in the middle, which has
 * other keys, ends at the tag; and the tag is what a guess costs. The joiner proves itself first,
 * so that the shower counts and tells a wrong code. All that follows is sealed under the key of
 * CPace, one key a direction, the message's number as nonce; what a device says of itself is signed
 * by its own key over that run, so that it has the key whose name it gives. */
#include "mesh/pairing.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/alloc.h"
#include "mesh/cpace.h"
#include "mesh/pairing_internal.h"

#define RUN_BYTES 32 /* what is signed: a hash of the key, which only the two have */

struct wf_pairing {
    enum wf_pairing_state state;
    bool is_joiner, is_guest;
    char secrets[2][WF_PAIRING_SECRET_MAX]; /* typed, scanned */
    size_t n_secrets[2];
    bool is_scanned; /* which of them it is about */
    struct wf_pairing_who who, other;
    bool has_other;
    const struct wf_signer *device;
    uint8_t peer[WF_DEVICES_KEY_BYTES];
    char fingerprint[WF_FINGERPRINT_TEXT_BYTES]; /* empty: any */
    struct wf_pairing_seams seams;
    struct wf_devices list, theirs, offered; /* version 0: none */
    struct wf_cpace cpace;
    uint8_t session[2 * WF_PAIRING_NONCE_BYTES]; /* the joiner's nonce, the shower's */
    uint8_t key[WF_CPACE_KEY_BYTES];
    uint8_t peer_share[WF_CPACE_SHARE_BYTES];
    uint64_t n_sent, n_got; /* sealed messages */
    unsigned wait_s;
};

/* ---- life ---- */

static void set_secret(struct wf_pairing *p, bool is_scanned, struct wf_str secret)
{
    if (secret.len > 0)
        memcpy(p->secrets[is_scanned], secret.ptr, secret.len);
    p->n_secrets[is_scanned] = secret.len;
}

int wf_pairing_new(const struct wf_pairing_options *o, struct wf_pairing **out, struct wf_err *err)
{
    struct wf_pairing *p;

    if (o->typed.len + o->scanned.len == 0 || o->typed.len > WF_PAIRING_SECRET_MAX ||
        o->scanned.len > WF_PAIRING_SECRET_MAX)
        return wf_err_set(err, WF_E_INVAL, "A code has six digits.");
    if (sodium_init() < 0)
        return wf_err_set(err, WF_E_UNSUPPORTED, "The system gives no random numbers.");
    p = wf_alloc_array(1, sizeof(*p));
    if (p == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    p->is_joiner = o->is_joiner;
    p->is_guest = o->is_guest;
    set_secret(p, false, o->typed);
    set_secret(p, true, o->scanned);
    p->is_scanned = o->is_joiner && o->scanned.len > 0;
    p->who = *o->who;
    p->device = o->device;
    memcpy(p->peer, o->peer, sizeof(p->peer));
    if (o->fingerprint != NULL)
        memcpy(p->fingerprint, o->fingerprint, strnlen(o->fingerprint, sizeof(p->fingerprint) - 1));
    p->seams = o->seams;
    if (o->list != NULL)
        p->list = *o->list;
    *out = p;
    return 0;
}

void wf_pairing_free(struct wf_pairing *p)
{
    if (p == NULL)
        return;
    sodium_memzero(p, sizeof(*p));
    wf_free(p);
}

enum wf_pairing_state wf_pairing_state(const struct wf_pairing *p)
{
    return p->state;
}

const struct wf_devices_entry *wf_pairing_other(const struct wf_pairing *p)
{
    return p->has_other ? &p->other.entry : NULL;
}

/* A hash of the key for one use. */
static void derive(const struct wf_pairing *p, const char *use, uint8_t out[32])
{
    (void)crypto_generichash(out, 32, (const uint8_t *)use, strlen(use), p->key,
                             sizeof(p->key)); /* cannot fail */
}

bool wf_pairing_compared(const struct wf_pairing *p, char out[WF_PHRASE_COMPARED_TEXT_BYTES])
{
    uint8_t hash[32];

    if (p->state < WF_PAIRING_KNOWN || p->state == WF_PAIRING_FAILED)
        return false;
    derive(p, "weft pairing words", hash);
    wf_phrase_compared(hash, out);
    return true;
}

/* ---- CPace ---- */

/* Draws this side's share, bound to the channel and the session. */
static void begin_cpace(struct wf_pairing *p)
{
    static const char word_own[] = "weft pairing 1", word_guest[] = "weft inviting ";
    const char *const word = p->is_guest ? word_guest : word_own;
    char channel[sizeof(word_own) - 1 + 2 * WF_DEVICES_KEY_BYTES];
    const uint8_t *own = p->who.entry.transport;
    const struct wf_cpace_input in = {
        .password = wf_str_n(p->secrets[p->is_scanned], p->n_secrets[p->is_scanned]),
        .channel = wf_str_n(channel, sizeof(channel)),
        .session = wf_str_n((const char *)p->session, sizeof(p->session)),
    };

    _Static_assert(sizeof(word_own) == sizeof(word_guest), "the same place for both");
    memcpy(channel, word, sizeof(word_own) - 1);
    memcpy(channel + sizeof(word_own) - 1, p->is_joiner ? own : p->peer, WF_DEVICES_KEY_BYTES);
    memcpy(channel + sizeof(word_own) - 1 + WF_DEVICES_KEY_BYTES, p->is_joiner ? p->peer : own,
           WF_DEVICES_KEY_BYTES);
    wf_cpace_begin(&p->cpace, &in, p->seams.rng);
}

static struct wf_cpace_said said(const struct wf_pairing *p, bool is_joiner)
{
    return (struct wf_cpace_said){
        .share = is_joiner == p->is_joiner ? p->cpace.share : p->peer_share,
        .data = is_joiner ? WF_STR("joiner") : WF_STR("shower"),
    };
}

static int finish_cpace(struct wf_pairing *p, const uint8_t *share, struct wf_err *err)
{
    struct wf_cpace_said a, b;

    memcpy(p->peer_share, share, sizeof(p->peer_share));
    a = said(p, true);
    b = said(p, false);
    return wf_cpace_finish(&p->cpace, p->is_joiner,
                           wf_str_n((const char *)p->session, sizeof(p->session)), &a, &b, p->key,
                           err);
}

static void send_tag(struct wf_pairing *p, struct wf_buf *out)
{
    const struct wf_cpace_said own = said(p, p->is_joiner);
    uint8_t tag[WF_CPACE_TAG_BYTES];

    wf_cpace_confirm(p->key, wf_str_n((const char *)p->session, sizeof(p->session)), &own, tag);
    wf_buf_append_byte(out, WF_PAIRING_TAG); /* the status is looked at by wf_pairing_step */
    wf_buf_append(out, tag, sizeof(tag));
}

static int check_tag(struct wf_pairing *p, struct wf_str body, struct wf_err *err)
{
    const struct wf_cpace_said other = said(p, !p->is_joiner);

    if (!wf_cpace_is_confirmed(p->key, wf_str_n((const char *)p->session, sizeof(p->session)),
                               &other, (const uint8_t *)body.ptr))
        return wf_err_set(err, WF_E_DENIED,
                          p->is_joiner ? "That is not the device that shows the code, or somebody "
                                         "is between the two."
                                       : "Somebody tried another code than the one that is shown.");
    return 0;
}

/* ---- seals ---- */

static void seal_key(const struct wf_pairing *p, bool by_joiner, uint8_t out[32])
{
    derive(p, by_joiner ? "weft pairing joiner" : "weft pairing shower", out);
}

static void nonce_of(uint64_t n, uint8_t out[crypto_aead_chacha20poly1305_IETF_NPUBBYTES])
{
    memset(out, 0, crypto_aead_chacha20poly1305_IETF_NPUBBYTES);
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(n >> (8 * i));
}

/* Seals what the buffer holds, in place: it becomes the message. */
static int seal(struct wf_pairing *p, struct wf_buf *io, struct wf_err *err)
{
    uint8_t key[32], nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];
    size_t n = io->len;

    if (wf_buf_reserve(io, 1 + WF_PAIRING_SEAL_BYTES) != 0)
        return wf_err_set(err, wf_buf_status(io), "Out of memory.");
    memmove(io->ptr + 1, io->ptr, n);
    io->ptr[0] = WF_PAIRING_SEALED;
    seal_key(p, p->is_joiner, key);
    nonce_of(p->n_sent++, nonce);
    (void)crypto_aead_chacha20poly1305_ietf_encrypt((uint8_t *)io->ptr + 1, NULL,
                                                    (const uint8_t *)io->ptr + 1, n, NULL, 0, NULL,
                                                    nonce, key); /* cannot fail */
    wf_buf_commit(io, 1 + WF_PAIRING_SEAL_BYTES);
    sodium_memzero(key, sizeof(key));
    return 0;
}

/* Opens a message into `out`, whose first byte must be `kind`; *out_body is behind it. */
static int unseal(struct wf_pairing *p, struct wf_str body, enum wf_pairing_kind kind,
                  struct wf_buf *out, struct wf_str *out_body, struct wf_err *err)
{
    uint8_t key[32], nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];
    unsigned long long n = 0;
    int rc;

    if (body.len < WF_PAIRING_SEAL_BYTES + 1)
        return wf_err_set(err, WF_E_FORMAT, "That is no message of pairing.");
    if (wf_buf_reserve(out, body.len) != 0)
        return wf_err_set(err, wf_buf_status(out), "Out of memory.");
    seal_key(p, !p->is_joiner, key);
    nonce_of(p->n_got++, nonce);
    rc = crypto_aead_chacha20poly1305_ietf_decrypt(
        (uint8_t *)out->ptr, &n, NULL, (const uint8_t *)body.ptr, body.len, NULL, 0, nonce, key);
    sodium_memzero(key, sizeof(key));
    if (rc != 0)
        return wf_err_set(err, WF_E_FORMAT, "A message of the pairing was changed on its way.");
    wf_buf_commit(out, (size_t)n);
    if ((unsigned char)out->ptr[0] != kind)
        return wf_err_set(err, WF_E_FORMAT, "That is not the pairing's next message.");
    *out_body = wf_str_sub(wf_buf_str(out), 1, out->len);
    return 0;
}

static struct wf_str run_purpose(bool of_joiner)
{
    return of_joiner ? WF_STR("pairing joiner") : WF_STR("pairing shower");
}

/* Signs this run with the device's key. */
static int sign_run(struct wf_pairing *p, struct wf_buf *out, struct wf_err *err)
{
    uint8_t run[RUN_BYTES], signature[WF_SIGNATURE_BYTES];
    int rc;

    derive(p, "weft pairing run", run);
    rc = p->device->sign(p->device->ud, run_purpose(p->is_joiner),
                         wf_str_n((const char *)run, sizeof(run)), signature, err);
    if (rc == 0)
        wf_buf_append(out, signature, sizeof(signature));
    return rc;
}

static bool is_run_signed(const struct wf_pairing *p, const uint8_t device[WF_DEVICES_KEY_BYTES],
                          const char *signature)
{
    uint8_t run[RUN_BYTES];

    derive(p, "weft pairing run", run);
    return wf_signer_is_signed(device, run_purpose(!p->is_joiner),
                               wf_str_n((const char *)run, sizeof(run)),
                               (const uint8_t *)signature);
}

/* ---- hello and shares ---- */

static void send_hello(struct wf_pairing *p, struct wf_buf *out)
{
    const struct wf_rng *rng = p->seams.rng != NULL ? p->seams.rng : wf_rng_system();
    uint8_t *own = p->session + (p->is_joiner ? 0 : WF_PAIRING_NONCE_BYTES);

    rng->fill(rng->ud, own, WF_PAIRING_NONCE_BYTES);
    wf_buf_append_byte(out, WF_PAIRING_HELLO);
    wf_buf_append_byte(out, WF_PAIRING_VERSION);
    wf_buf_append_byte(
        out, p->is_joiner ? (char)((unsigned)p->is_scanned | (unsigned)p->is_guest << 1) : 0);
    wf_buf_append(out, own, WF_PAIRING_NONCE_BYTES);
}

int wf_pairing_start(struct wf_pairing *p, struct wf_buf *out, struct wf_err *err)
{
    assert(p->is_joiner);
    assert(p->state == WF_PAIRING_READY);
    assert(!p->is_guest || p->list.version != 0);
    send_hello(p, out);
    if (wf_buf_status(out) != 0)
        return wf_err_set(err, wf_buf_status(out), "Out of memory.");
    p->state = WF_PAIRING_ASKED;
    return 0;
}

static int take_hello(struct wf_pairing *p, struct wf_str body, struct wf_err *err)
{
    if (body.len < 1 || body.ptr[0] != WF_PAIRING_VERSION)
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "The other device has a version of weft that cannot be paired.");
    if (body.len != 2 + WF_PAIRING_NONCE_BYTES ||
        (unsigned char)body.ptr[1] > (p->is_joiner ? 0 : 3))
        return wf_err_set(err, WF_E_FORMAT, "That is no message of pairing.");
    if (!p->is_joiner) {
        p->is_scanned = (body.ptr[1] & 1) != 0;
        if (p->n_secrets[p->is_scanned] == 0 || (body.ptr[1] & 2) / 2 != p->is_guest)
            return wf_err_set(err, WF_E_NOENT, "No such code is shown.");
    }
    memcpy(p->session + (p->is_joiner ? WF_PAIRING_NONCE_BYTES : 0), body.ptr + 2,
           WF_PAIRING_NONCE_BYTES);
    return 0;
}

static void send_share(struct wf_pairing *p, struct wf_buf *out)
{
    wf_buf_append_byte(out, WF_PAIRING_SHARE);
    wf_buf_append(out, p->cpace.share, sizeof(p->cpace.share));
}

static int take_share(struct wf_pairing *p, struct wf_str body, struct wf_err *err)
{
    if (body.len != WF_CPACE_SHARE_BYTES)
        return wf_err_set(err, WF_E_FORMAT, "That is no message of pairing.");
    return finish_cpace(p, (const uint8_t *)body.ptr, err);
}

/* ---- who, the list, the end of it ---- */

static int send_who(struct wf_pairing *p, struct wf_buf *out, struct wf_err *err)
{
    int rc;

    wf_buf_append_byte(out, WF_PAIRING_WHO);
    wf_pairing__write_who(&p->who, out);
    rc = sign_run(p, out, err);
    if (rc == 0 && p->list.version != 0)
        (void)!wf_devices_write(&p->list, out); /* the status is looked at here */
    if (rc == 0 && wf_buf_status(out) != 0)
        rc = wf_err_set(err, wf_buf_status(out), "Out of memory.");
    return rc == 0 ? seal(p, out, err) : rc;
}

/* Whether a list is another owner's and has the other device as the one it proved to be. */
static int check_guest(const struct wf_pairing *p, const struct wf_devices *theirs,
                       const uint8_t *node, struct wf_err *err)
{
    const struct wf_devices_entry *e = wf_devices_by_node(theirs, node);

    if (memcmp(theirs->owner, p->list.owner, sizeof(p->list.owner)) == 0)
        return wf_err_set(err, WF_E_EXIST,
                          "Both devices are of one owner: pair them (weft pair), then they have "
                          "all spaces together.");
    if (e == NULL || e->revoked_ms != 0 ||
        memcmp(e->transport, p->peer, sizeof(e->transport)) != 0 ||
        (!p->is_joiner && memcmp(e->device, p->other.entry.device, sizeof(e->device)) != 0))
        return wf_err_set(err, WF_E_FORMAT, "The list that came does not have the other device.");
    return 0;
}

/* The joiner's own list, which may be missing. */
static int take_theirs(struct wf_pairing *p, struct wf_str bytes, struct wf_err *err)
{
    int rc;

    if (bytes.len == 0 && !p->is_guest)
        return 0;
    rc = wf_devices_read(bytes, &p->theirs, err);
    if (rc != 0)
        return wf_err_set(err, WF_E_FORMAT, "The other device's list of devices is none.");
    if (p->is_guest)
        return check_guest(p, &p->theirs, p->other.entry.node, err);
    if (p->list.version != 0 && memcmp(p->theirs.owner, p->list.owner, sizeof(p->list.owner)) != 0)
        return wf_err_set(err, WF_E_EXIST,
                          "The other device belongs to another owner already: weft nodes leave, "
                          "there, lets it go.");
    return 0;
}

static int take_who(struct wf_pairing *p, struct wf_str body, struct wf_err *err)
{
    int rc = wf_pairing__read_who(&body, &p->other, err);

    if (rc != 0)
        return rc;
    if (body.len < WF_SIGNATURE_BYTES || !is_run_signed(p, p->other.entry.device, body.ptr) ||
        memcmp(p->other.entry.transport, p->peer, sizeof(p->peer)) != 0)
        return wf_err_set(err, WF_E_FORMAT, "The other device has not the keys that it names.");
    rc = take_theirs(p, wf_str_sub(body, WF_SIGNATURE_BYTES, body.len), err);
    if (rc == 0)
        rc = p->seams.offer(p->seams.ud, &p->other.entry,
                            p->theirs.version != 0 ? &p->theirs : NULL, &p->offered, err);
    p->has_other = rc == 0;
    return rc;
}

static int send_list(struct wf_pairing *p, struct wf_buf *out, struct wf_err *err)
{
    int rc;

    wf_buf_append_byte(out, WF_PAIRING_LIST);
    wf_buf_append(out, p->who.entry.node, sizeof(p->who.entry.node));
    rc = sign_run(p, out, err);
    if (rc == 0 && wf_devices_write(&p->offered, out) != 0)
        rc = wf_err_set(err, wf_buf_status(out), "Out of memory.");
    return rc == 0 ? seal(p, out, err) : rc;
}

static int is_fingerprint(const struct wf_pairing *p, const uint8_t *node, struct wf_err *err)
{
    char fingerprint[WF_FINGERPRINT_TEXT_BYTES];

    wf_fingerprint(node, fingerprint);
    if (p->fingerprint[0] != 0 && strcmp(fingerprint, p->fingerprint) != 0)
        return wf_err_set(err, WF_E_DENIED, "That is another device than the code's.");
    return 0;
}

/* Whether the offered list has this device as it is, and the other as the one it proved to be. */
static int check_offered(struct wf_pairing *p, const uint8_t *node, const char *signature,
                         struct wf_err *err)
{
    const struct wf_devices_entry *own = wf_devices_by_node(&p->offered, p->who.entry.node);
    const struct wf_devices_entry *other = wf_devices_by_node(&p->offered, node);

    if (own == NULL || own->revoked_ms != 0 ||
        memcmp(own->device, p->who.entry.device, sizeof(own->device)) != 0 ||
        memcmp(own->transport, p->who.entry.transport, sizeof(own->transport)) != 0)
        return wf_err_set(err, WF_E_FORMAT, "The list that came does not have this device.");
    if (other == NULL || other->revoked_ms != 0 || other == own ||
        memcmp(other->transport, p->peer, sizeof(p->peer)) != 0 ||
        !is_run_signed(p, other->device, signature))
        return wf_err_set(err, WF_E_FORMAT, "The list that came does not have the other device.");
    p->other.entry = *other;
    p->has_other = true;
    return is_fingerprint(p, node, err);
}

/* The list of whom this device is a guest of. */
static int check_host(struct wf_pairing *p, const uint8_t *node, const char *signature,
                      struct wf_err *err)
{
    int rc = check_guest(p, &p->offered, node, err);
    const struct wf_devices_entry *other = rc == 0 ? wf_devices_by_node(&p->offered, node) : NULL;

    if (rc == 0 && !is_run_signed(p, other->device, signature))
        rc = wf_err_set(err, WF_E_FORMAT, "The list that came does not have the other device.");
    if (rc == 0)
        rc = is_fingerprint(p, node, err);
    if (rc != 0)
        return rc;
    p->other.entry = *other;
    p->has_other = true;
    return 0;
}

static int take_list(struct wf_pairing *p, struct wf_str body, struct wf_err *err)
{
    const size_t head = WF_DEVICES_KEY_BYTES + WF_SIGNATURE_BYTES;
    enum wf_devices_order order;
    int rc;

    if (body.len < head)
        return wf_err_set(err, WF_E_FORMAT, "That is no message of pairing.");
    rc = wf_devices_read(wf_str_sub(body, head, body.len), &p->offered, err);
    if (rc != 0)
        return rc;
    if (p->is_guest) {
        rc = check_host(p, (const uint8_t *)body.ptr, body.ptr + WF_DEVICES_KEY_BYTES, err);
        return rc == 0 ? p->seams.keep(p->seams.ud, &p->offered, err) : rc;
    }
    order = wf_devices_compare(&p->offered, &p->list);
    if (order == WF_DEVICES_STRANGE)
        return wf_err_set(err, WF_E_EXIST, "This device belongs to another owner already.");
    if (order != WF_DEVICES_NEWER)
        return wf_err_set(err, WF_E_FORMAT, "The list that came is older than this device's.");
    rc = check_offered(p, (const uint8_t *)body.ptr, body.ptr + WF_DEVICES_KEY_BYTES, err);
    return rc == 0 ? p->seams.keep(p->seams.ud, &p->offered, err) : rc;
}

static int send_empty(struct wf_pairing *p, enum wf_pairing_kind kind, struct wf_buf *out,
                      struct wf_err *err)
{
    wf_buf_append_byte(out, (char)kind);
    if (wf_buf_status(out) != 0)
        return wf_err_set(err, wf_buf_status(out), "Out of memory.");
    return seal(p, out, err);
}

/* ---- the machines ---- */

static int step_joiner(struct wf_pairing *p, struct wf_str body, struct wf_buf *room,
                       struct wf_buf *out, struct wf_err *err)
{
    struct wf_str inner = {.ptr = NULL};
    int rc = 0;

    switch (p->state) {
    case WF_PAIRING_ASKED:
        rc = take_hello(p, body, err);
        if (rc == 0) {
            begin_cpace(p);
            send_share(p, out);
            p->state = WF_PAIRING_SHARED;
        }
        break;
    case WF_PAIRING_SHARED:
        rc = take_share(p, body, err);
        if (rc == 0) {
            send_tag(p, out);
            p->state = WF_PAIRING_PROVED;
        }
        break;
    case WF_PAIRING_PROVED:
        rc = check_tag(p, body, err);
        if (rc == 0)
            rc = send_who(p, out, err);
        if (rc == 0)
            p->state = WF_PAIRING_KNOWN;
        break;
    case WF_PAIRING_KNOWN:
        rc = unseal(p, body, WF_PAIRING_LIST, room, &inner, err);
        if (rc == 0)
            rc = take_list(p, inner, err);
        if (rc == 0)
            rc = send_empty(p, WF_PAIRING_KEPT, out, err);
        if (rc == 0)
            p->state = WF_PAIRING_KEEPING;
        break;
    case WF_PAIRING_KEEPING:
        rc = unseal(p, body, WF_PAIRING_DONE_, room, &inner, err);
        if (rc == 0)
            rc = p->seams.take(p->seams.ud, &p->offered, err);
        if (rc == 0)
            p->state = WF_PAIRING_DONE;
        break;
    default:
        rc = wf_err_set(err, WF_E_FORMAT, "That is not the pairing's next message.");
    }
    return rc;
}

static int step_shower(struct wf_pairing *p, struct wf_str body, struct wf_buf *room,
                       struct wf_buf *out, struct wf_err *err)
{
    struct wf_str inner = {.ptr = NULL};
    int rc = 0;

    switch (p->state) {
    case WF_PAIRING_READY:
        rc = take_hello(p, body, err);
        if (rc == 0) {
            send_hello(p, out);
            p->state = WF_PAIRING_ASKED;
        }
        break;
    case WF_PAIRING_ASKED:
        rc = p->seams.count_try(p->seams.ud, &p->wait_s, err);
        if (rc == 0) {
            begin_cpace(p);
            rc = take_share(p, body, err);
        }
        if (rc == 0) {
            send_share(p, out);
            p->state = WF_PAIRING_SHARED;
        }
        break;
    case WF_PAIRING_SHARED:
        rc = check_tag(p, body, err);
        if (rc == 0) {
            p->seams.used(p->seams.ud);
            send_tag(p, out);
            p->state = WF_PAIRING_KNOWN;
        }
        break;
    case WF_PAIRING_KNOWN:
        rc = unseal(p, body, WF_PAIRING_WHO, room, &inner, err);
        if (rc == 0)
            rc = take_who(p, inner, err);
        if (rc == 0)
            rc = send_list(p, out, err);
        if (rc == 0)
            p->state = WF_PAIRING_OFFERED;
        break;
    case WF_PAIRING_OFFERED:
        rc = unseal(p, body, WF_PAIRING_KEPT, room, &inner, err);
        if (rc == 0)
            rc = p->seams.commit(p->seams.ud, &p->offered, err);
        if (rc == 0)
            rc = send_empty(p, WF_PAIRING_DONE_, out, err);
        if (rc == 0)
            p->state = WF_PAIRING_DONE;
        break;
    default:
        rc = wf_err_set(err, WF_E_FORMAT, "That is not the pairing's next message.");
    }
    return rc;
}

/* The kind that is to come, and how long it is; 0: as long as it likes. */
static enum wf_pairing_kind expected(const struct wf_pairing *p, size_t *out_bytes)
{
    *out_bytes = 0;
    switch (p->state) {
    case WF_PAIRING_READY:
        return p->is_joiner ? 0 : WF_PAIRING_HELLO;
    case WF_PAIRING_ASKED:
        return p->is_joiner ? WF_PAIRING_HELLO : WF_PAIRING_SHARE;
    case WF_PAIRING_SHARED:
    case WF_PAIRING_PROVED:
        if (p->is_joiner && p->state == WF_PAIRING_SHARED)
            return WF_PAIRING_SHARE;
        *out_bytes = WF_CPACE_TAG_BYTES;
        return WF_PAIRING_TAG;
    case WF_PAIRING_KNOWN:
    case WF_PAIRING_OFFERED:
    case WF_PAIRING_KEEPING:
        return WF_PAIRING_SEALED;
    case WF_PAIRING_DONE:
    case WF_PAIRING_FAILED:
        break;
    }
    return 0;
}

static int step(struct wf_pairing *p, struct wf_str message, struct wf_buf *room,
                struct wf_buf *out, struct wf_err *err)
{
    struct wf_str body = wf_str_sub(message, 1, message.len);
    size_t n_bytes;
    enum wf_pairing_kind kind = expected(p, &n_bytes);

    if (message.len > WF_PAIRING_MESSAGE_BYTES)
        return wf_err_set(err, WF_E_FORMAT, "A message of the pairing is too long.");
    if (message.len > 0 && message.ptr[0] == WF_PAIRING_END && kind != 0)
        return p->is_joiner
                   ? wf_pairing__read_end(body, err)
                   : wf_err_set(err, WF_E_CANCELED,
                                "The joining device ended the pairing. It says why there.");
    if (message.len == 0 || kind == 0 || (unsigned char)message.ptr[0] != kind ||
        (n_bytes != 0 && body.len != n_bytes))
        return wf_err_set(err, WF_E_FORMAT, "That is not the pairing's next message.");
    return p->is_joiner ? step_joiner(p, body, room, out, err)
                        : step_shower(p, body, room, out, err);
}

int wf_pairing_step(struct wf_pairing *p, struct wf_str message, struct wf_buf *out,
                    struct wf_err *err)
{
    bool was_over = p->state == WF_PAIRING_DONE || p->state == WF_PAIRING_FAILED;
    bool is_end = message.len > 0 && message.ptr[0] == WF_PAIRING_END;
    bool is_proved = p->state >= WF_PAIRING_KNOWN;
    struct wf_buf room;
    int rc;

    wf_buf_reset(out);
    wf_buf_init(&room, WF_PAIRING_MESSAGE_BYTES);
    rc = step(p, message, &room, out, err);
    if (rc == 0 && wf_buf_status(out) != 0)
        rc = wf_err_set(err, wf_buf_status(out), "Out of memory.");
    if (room.len > 0)
        sodium_memzero(room.ptr, room.len);
    wf_buf_deinit(&room);
    if (rc == 0 || was_over)
        return rc;
    p->state = WF_PAIRING_FAILED;
    wf_buf_reset(out);
    if (!is_end)
        wf_pairing__write_end(wf_pairing__end_of(rc, is_proved, p->is_guest), p->wait_s, out);
    return rc;
}
