/* One session between two cores, as a machine without sockets and threads: bytes in, bytes out.
 *
 *   begin -> HELLO_SENT -HELLO-> AUTH_SENT -AUTH-> DONE_SENT -DONE, DATA-> OPEN
 *   (each side sends HELLO at once, AUTH upon HELLO, DONE upon AUTH; any error -> ENDED)
 *
 * Messages, each in a channel of the connection:
 *
 *   HELLO   0   1  kind 1            AUTH, DONE, DATA   0  1  kind 2, 3, 4
 *           1   1  version 1                            1  8  counter, little endian
 *           2  32  X25519 key                           9     sealed, 16 bytes longer
 *
 * HELLO, AUTH and DONE go over WF_LINK_REQUESTS. The side whose device id is lower is the client of
 * crypto_kx. AUTH holds a signature by the device's key, purpose "session 1", of: 1 who signs (1:
 * the client), 1 version, then of client and server in turn 32 device, 32 transport key, 32 X25519
 * key. The key of a channel and direction is BLAKE2b-256 of that without the first byte, the
 * channel and a word, keyed with crypto_kx's key of the direction; the seal is XChaCha20-Poly1305,
 * the nonce the counter and zeros, the associated data the nine bytes before it. After every
 * WF_SEALED_MESSAGES_PER_KEY messages the key is replaced by a hash of itself.
 *
 * A message is taken only with the counter that is next: what was left out, repeated, changed, or
 * comes out of order ends the session. DATA that comes before DONE, in another channel, stands for
 * it: it is sent by who has AUTH. Thread rule: owner. */
#ifndef WF_MESH_SEALED_SESSION_H
#define WF_MESH_SEALED_SESSION_H

#include "base/buf.h"
#include "mesh/sealed.h"

#define WF_SEALED_VERSION 1
#define WF_SEALED_HELLO_BYTES 34u
#define WF_SEALED_CHANNELS (WF_LINK_CHANNEL_COUNT - WF_LINK_REQUESTS)

enum wf_sealed_kind {
    WF_SEALED_HELLO = 1,
    WF_SEALED_AUTH = 2,
    WF_SEALED_DONE = 3,
    WF_SEALED_DATA = 4,
};

enum wf_sealed_state {
    WF_SEALED_NONE = 0, /* all zero: not begun */
    WF_SEALED_HELLO_SENT,
    WF_SEALED_AUTH_SENT,
    WF_SEALED_DONE_SENT,
    WF_SEALED_OPEN,
    WF_SEALED_ENDED,
};

/* Both ends, as the list of devices and link have them. */
struct wf_sealed_who {
    const struct wf_signer *device; /* this device's; borrowed for the session */
    uint8_t transport[WF_DEVICES_KEY_BYTES];
    uint8_t other_device[WF_DEVICES_KEY_BYTES];
    uint8_t other_transport[WF_DEVICES_KEY_BYTES];
};

/* One direction of a channel. */
struct wf_sealed_way {
    uint8_t key[32];
    uint64_t n; /* messages so far */
};

struct wf_sealed_session {
    enum wf_sealed_state state;
    bool has_done; /* the other's DONE came */
    struct wf_sealed_who who;
    int64_t begun_ns;
    uint8_t secret[32], key[32], other_key[32]; /* X25519; the secret until AUTH_SENT */
    struct wf_sealed_way out[WF_SEALED_CHANNELS], in[WF_SEALED_CHANNELS];
};

/* Begins, and appends HELLO to `out`. rng NULL: the system's. Errors: INVAL (both ends are one
 * device), those of the buffer. */
int wf_sealed_session_begin(struct wf_sealed_session *ss, const struct wf_sealed_who *who,
                            const struct wf_rng *rng, int64_t now_ns, struct wf_buf *out,
                            struct wf_err *err) WF_MUST_USE;

struct wf_sealed_taken {
    bool is_up;       /* it is open from this message on */
    bool has_message; /* DATA: what was in it is in `plain` */
};

/* Takes a message of the other side. What is to be answered, over WF_LINK_REQUESTS, is appended to
 * `reply`, DATA to `plain`. After an error the session is ENDED. Errors: FORMAT (no message, or not
 * in its place), DENIED (changed, or the other does not prove who it is), TIMEOUT (the handshake
 * took longer than WF_SEALED_HANDSHAKE_MS), UNSUPPORTED (another version), NOMEM, those of the
 * signer. */
int wf_sealed_session_take(struct wf_sealed_session *ss, unsigned channel, struct wf_str bytes,
                           int64_t now_ns, struct wf_sealed_taken *out, struct wf_buf *plain,
                           struct wf_buf *reply, struct wf_err *err) WF_MUST_USE;

/* Appends the sealed form of a message. It counts once wf_sealed_session_sent was called: until
 * then the next one takes its place, and what was made here must not be sent. Errors: NOENT (not
 * OPEN), LIMIT, NOMEM. */
int wf_sealed_session_seal(struct wf_sealed_session *ss, unsigned channel, struct wf_str bytes,
                           struct wf_buf *out, struct wf_err *err) WF_MUST_USE;
void wf_sealed_session_sent(struct wf_sealed_session *ss, unsigned channel);

/* Wipes all keys: ENDED. */
void wf_sealed_session_end(struct wf_sealed_session *ss);

#endif
