/* WebSocket (RFC 6455) between nodes, as far as both ends are weft: the handshake of /mesh/1, and
 * whole binary messages of a bounded size, with ping, pong and close. No extensions, no messages in
 * fragments, no texts: what has them is none of ours and is refused.
 *
 * Pure: bytes in, bytes out. Thread rule: any. */
#ifndef WF_MESH_WS_H
#define WF_MESH_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define WF_WS_PATH "/mesh/1"
/* A request's or an answer's head. */
#define WF_WS_HEAD_BYTES 2048u
/* What one message carries at most: with all headers it fills one TLS record. */
#define WF_WS_MESSAGE_BYTES 16368u
#define WF_WS_NONCE_BYTES 16
/* The longest header of a frame. */
#define WF_WS_FRAME_HEAD_BYTES 8u

enum wf_ws_op {
    WF_WS_BINARY = 2,
    WF_WS_CLOSE = 8,
    WF_WS_PING = 9,
    WF_WS_PONG = 10,
};

/* The client's request, with a random nonce. */
int wf_ws_put_request(struct wf_str host, const uint8_t nonce[WF_WS_NONCE_BYTES],
                      struct wf_buf *out);
/* The server: reads a request and appends the answer, also a refusal (then the result is FORMAT, or
 * UNSUPPORTED for another path or version). *out_bytes: what the head took; 0, and nothing
 * appended, when it is not whole yet. Errors: LIMIT (the head is too long), FORMAT, UNSUPPORTED,
 * the buffer's. */
int wf_ws_answer(struct wf_str in, struct wf_buf *out, size_t *out_bytes) WF_MUST_USE;
/* The client: whether that is the answer to the request with this nonce. *out_bytes as above.
 * Errors: LIMIT, FORMAT (nothing of ours), UNSUPPORTED (a weft that has no such path). */
int wf_ws_check_answer(struct wf_str in, const uint8_t nonce[WF_WS_NONCE_BYTES],
                       size_t *out_bytes) WF_MUST_USE;

struct wf_ws_frame {
    enum wf_ws_op op;
    size_t at, len; /* the payload, from where the frame begins */
    bool is_masked;
    uint8_t mask[4];
};

/* Appends a frame of `head` and `payload` together (at most WF_WS_MESSAGE_BYTES; 125 for what is
 * not BINARY); mask NULL: unmasked, as servers do. Errors: LIMIT, the buffer's. */
int wf_ws_put(enum wf_ws_op op, const uint8_t mask[4], struct wf_str head, struct wf_str payload,
              struct wf_buf *out);
/* The first frame in `in`; *out_bytes: with its header, 0 when it is not whole yet. `is_masked`:
 * what it has to be (frames of clients are). Errors: FORMAT, LIMIT. */
int wf_ws_next(struct wf_str in, bool is_masked, struct wf_ws_frame *out,
               size_t *out_bytes) WF_MUST_USE;
/* Takes the mask off the payload of a frame that begins at p, in place. */
void wf_ws_unmask(const struct wf_ws_frame *f, char *p);

#endif
