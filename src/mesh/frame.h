/* Frames between core and the process link, over one local stream (four bytes of length, little
 * endian, stand in front of each).
 *
 *   core -> link   ALLOW      the transport keys that are paired: all of them, anew
 *                  PAIRING    whether strangers may connect, for pairing alone
 *                  DIAL       connect to that address, under core's number for it
 *                  CLOSE      end that connection
 *                  SEND       one message for a channel of it
 *                  LOOK       ask the network for those that are paired (mDNS)
 *   link -> core   HELLO      its key, its port, and what is wrong with listening
 *                  ADDRESSES  under which addresses this machine is reached
 *                  UP         a connection is there
 *                  BYTES      one message from it
 *                  CREDIT     so many bytes have left: so many more may come
 *                  DOWN       it is gone, or never came to be
 *                  KNOCK      somebody was turned away
 *                  FOUND      somebody that is paired says where it is
 *                  CHANGED    the network is another one, or the machine has slept
 *
 * A payload is the kind (a byte), the connection's number (8 bytes) and what the kind has, numbers
 * little endian. No byte may be left over. Both sides hold the other for hostile. Thread rule: any.
 *
 *   ALLOW      32 bytes a key                  PAIRING, CHANGED  u8: 0 or 1
 *   DIAL       u8 has a key, 32 key, text      CLOSE, LOOK       nothing
 *   SEND       u8 channel, bytes               BYTES             the same
 *   HELLO      32 key, u16 port, text          ADDRESSES         text: "HOST:PORT\n" each
 *   UP         32 key, u8 flags, i64 skew in ms, u8 length and version, text: address
 *   CREDIT     u8 channel, u32 bytes           DOWN              u8 reason, text
 *   KNOCK      32 key, u8 reason, text         FOUND             32 key, text: address */
#ifndef WF_MESH_FRAME_H
#define WF_MESH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* An Ed25519 public key. */
#define WF_LINK_KEY_BYTES 32
/* Keys that are paired: the devices of an organisation's team. */
#define WF_LINK_PINS_MAX 1024u
/* One message of a channel; larger things are cut by who sends them. */
#define WF_LINK_MESSAGE_BYTES (1u << 20)
/* What may wait for a connection in one channel, beside one message that began below it. */
#define WF_LINK_WINDOW_BYTES (1u << 20)
/* How long a connection to a stranger may last, and how many bytes in all it may send or be sent.
 */
#define WF_LINK_STRANGER_S 300
#define WF_LINK_STRANGER_BYTES (64u << 10)
/* HOST:PORT; the longest name that there can be, and a port. */
#define WF_LINK_ADDRESS_BYTES 262u
/* All addresses of this machine. */
#define WF_LINK_ADDRESSES_BYTES (4u << 10)
/* What is wrong, in words. */
#define WF_LINK_WORDS_BYTES 240u
#define WF_LINK_VERSION_BYTES 32u
/* The longest payload. */
#define WF_LINK_FRAME_BYTES (WF_LINK_MESSAGE_BYTES + 16u)

/* The values are sent, also to other nodes: they stay. */
enum wf_link_channel {
    WF_LINK_CONTROL = 0,  /* link's own: hello; core may not use it */
    WF_LINK_PAIRING = 1,  /* the only one for strangers */
    WF_LINK_SYNC = 2,     /* batches, sealed */
    WF_LINK_REQUESTS = 3, /* core to core, sealed */
    WF_LINK_PRESENCE = 4, /* likewise */
    WF_LINK_BLOBS = 5,    /* likewise: documents and models */
    WF_LINK_CHANNEL_COUNT,
};

/* Why a connection is down, or somebody was turned away. The values are sent: they stay. */
enum wf_link_reason {
    WF_LINK_CLOSED = 0,      /* the other side ended it in good order */
    WF_LINK_ENDED_HERE = 1,  /* core asked for it */
    WF_LINK_REPLACED = 2,    /* there is a second connection to the same node; that one stays */
    WF_LINK_LOST = 3,        /* the network dropped it */
    WF_LINK_SILENT = 4,      /* nothing came any more */
    WF_LINK_PORT_CLOSED = 5, /* the machine is there, nobody listens at that port */
    WF_LINK_NO_ROUTE = 6,    /* the machine or its network cannot be reached */
    WF_LINK_NO_ANSWER = 7,   /* nothing came back at all: off, or a firewall that drops */
    WF_LINK_NO_NAME = 8,     /* the name has no address */
    WF_LINK_NOT_WEFT = 9,    /* something else answers there */
    WF_LINK_OTHER_KEY = 10,  /* a weft with another key than the one looked for */
    WF_LINK_NOT_PAIRED = 11, /* the other side does not know this node */
    WF_LINK_VERSION = 12,    /* no protocol that both speak */
    WF_LINK_TOO_MUCH = 13,   /* a limit was overstepped, or too many come at once */
    WF_LINK_TOO_SLOW = 14,   /* the handshake took too long */
    WF_LINK_MALFORMED = 15,  /* what came is no message of ours */
    WF_LINK_DIED = 16,       /* the process link on this machine is gone (it is started again) */
    WF_LINK_NO_MEMORY = 17,
    WF_LINK_REASON_COUNT,
};

/* Core's kinds below 16, link's from there on. The values are sent: they stay. */
enum wf_link_kind {
    WF_LINK_FRAME_ALLOW = 1,
    WF_LINK_FRAME_PAIRING = 2,
    WF_LINK_FRAME_DIAL = 3,
    WF_LINK_FRAME_CLOSE = 4,
    WF_LINK_FRAME_SEND = 5,
    WF_LINK_FRAME_LOOK = 6,
    WF_LINK_FRAME_HELLO = 16,
    WF_LINK_FRAME_ADDRESSES = 17,
    WF_LINK_FRAME_UP = 18,
    WF_LINK_FRAME_BYTES_CAME = 19,
    WF_LINK_FRAME_CREDIT = 20,
    WF_LINK_FRAME_DOWN = 21,
    WF_LINK_FRAME_KNOCK = 22,
    WF_LINK_FRAME_FOUND = 23,
    WF_LINK_FRAME_CHANGED = 24,
};

/* The views are borrowed: of a frame that was read, from its payload. */
struct wf_link_frame {
    enum wf_link_kind kind;
    uint64_t peer;                  /* the connection; 0 where the kind is of none */
    unsigned channel;               /* SEND, BYTES, CREDIT */
    uint32_t number;                /* HELLO: the port, 0: none; CREDIT: bytes */
    bool is_on;                     /* PAIRING; CHANGED: the machine has slept */
    bool has_key;                   /* DIAL: only that key will do */
    bool is_paired, is_dialled;     /* UP */
    enum wf_link_reason reason;     /* DOWN, KNOCK */
    int64_t skew_ms;                /* UP: the other's clock less ours */
    uint8_t key[WF_LINK_KEY_BYTES]; /* DIAL, HELLO, UP, KNOCK, FOUND */
    struct wf_str version;          /* UP: the other's */
    struct wf_str text;             /* an address, addresses, or words; ALLOW: the keys;
                                       SEND, BYTES: the message */
};

/* Appends the payload. Errors: LIMIT (something is too long), the buffer's. */
int wf_link_frame_write(const struct wf_link_frame *f, struct wf_buf *out);
/* The same with its four bytes of length in front. */
int wf_link_frame_put(const struct wf_link_frame *f, struct wf_buf *out);
/* Reads a payload. Errors: FORMAT: whoever sent it is not to be listened to any more. */
int wf_link_frame_read(struct wf_str payload, struct wf_link_frame *out,
                       struct wf_err *err) WF_MUST_USE;
/* The first whole frame in `in`, which may hold several, and how many bytes it takes with its
 * length: 0, with out untouched, when it is not whole yet. Errors: FORMAT, LIMIT. */
int wf_link_frame_next(struct wf_str in, struct wf_link_frame *out, size_t *out_bytes,
                       struct wf_err *err) WF_MUST_USE;

#endif
