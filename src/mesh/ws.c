/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket between nodes: handshake and frames.
 *
 * Why not libwebsockets, which serves weft's pages: here each connection wants its own pinned key,
 * a queue of bounded size a channel, a limit before any byte is kept, and calls that fail on
 * demand; with both ends ours the part of the protocol that is needed is this file. */
#include "mesh/ws.h"

#include <openssl/sha.h>
#include <sodium.h>
#include <string.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define ACCEPT_CHARS 28
#define NONCE_CHARS 24
#define CONTROL_BYTES_MAX 125u
#define LENGTH_16 126u
#define FIN 0x80u
#define MASKED 0x80u

/* ---- handshake ---- */

/* What the server proves with: the hash of the nonce as it was sent. */
static void accept_of(struct wf_str nonce, char out[ACCEPT_CHARS + 1])
{
    uint8_t hash[SHA_DIGEST_LENGTH];
    char text[NONCE_CHARS + sizeof(GUID)];

    memcpy(text, nonce.ptr, NONCE_CHARS);
    memcpy(text + NONCE_CHARS, GUID, sizeof(GUID));
    (void)SHA1((const uint8_t *)text, NONCE_CHARS + sizeof(GUID) - 1, hash); /* gives `hash` */
    (void)sodium_bin2base64(out, ACCEPT_CHARS + 1, hash, sizeof(hash),
                            sodium_base64_VARIANT_ORIGINAL);
}

int wf_ws_put_request(struct wf_str host, const uint8_t nonce[WF_WS_NONCE_BYTES],
                      struct wf_buf *out)
{
    char text[NONCE_CHARS + 1];

    (void)sodium_bin2base64(text, sizeof(text), nonce, WF_WS_NONCE_BYTES,
                            sodium_base64_VARIANT_ORIGINAL);
    return wf_buf_appendf(out,
                          "GET " WF_WS_PATH " HTTP/1.1\r\nHost: %.*s\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                          "Sec-WebSocket-Version: 13\r\n\r\n",
                          WF_STR_ARG(host), text);
}

/* The head of an HTTP message without its last empty line; *out_bytes: with it, 0: not whole. */
static int take_head(struct wf_str in, struct wf_str *out, size_t *out_bytes)
{
    size_t end = wf_str_find(wf_str_sub(in, 0, WF_WS_HEAD_BYTES), WF_STR("\r\n\r\n"), 0);

    *out_bytes = 0;
    if (end == SIZE_MAX)
        return in.len >= WF_WS_HEAD_BYTES ? WF_E_LIMIT : 0;
    *out = wf_str_sub(in, 0, end);
    *out_bytes = end + 4;
    return wf_str_find_byte(*out, 0, 0) == SIZE_MAX ? 0 : WF_E_FORMAT;
}

/* The value of a header, which must be there once. */
static bool header(struct wf_str head, const char *name, struct wf_str *out)
{
    struct wf_str line, key;
    size_t n = 0;

    (void)wf_str_line(&head, &line); /* the first is none */
    while (wf_str_line(&head, &line)) {
        size_t colon = wf_str_find_byte(line, ':', 0);
        key = wf_str_sub(line, 0, colon == SIZE_MAX ? 0 : colon);
        if (!wf_str_eq_nocase(key, wf_str_from(name)))
            continue;
        *out = wf_str_trim(wf_str_sub(line, colon + 1, line.len));
        n++;
    }
    return n == 1;
}

/* Whether a list of words has one. */
static bool has_word(struct wf_str list, struct wf_str word)
{
    struct wf_str part;

    while (wf_str_split(&list, ',', &part)) {
        if (wf_str_eq_nocase(wf_str_trim(part), word))
            return true;
    }
    return false;
}

static bool is_upgrade(struct wf_str head)
{
    struct wf_str v;

    return header(head, "Upgrade", &v) && wf_str_eq_nocase(v, WF_STR("websocket")) &&
           header(head, "Connection", &v) && has_word(v, WF_STR("upgrade"));
}

/* What is wrong with a request; its nonce when nothing is. */
static int check_request(struct wf_str head, struct wf_str *out_nonce)
{
    struct wf_str rest = head, line, v;

    if (!wf_str_line(&rest, &line) || !wf_str_starts(line, WF_STR("GET ")) ||
        !wf_str_ends(line, WF_STR(" HTTP/1.1")))
        return WF_E_FORMAT;
    if (!wf_str_eq(line, WF_STR("GET " WF_WS_PATH " HTTP/1.1")))
        return WF_E_UNSUPPORTED;
    if (!is_upgrade(head) || !header(head, "Sec-WebSocket-Key", out_nonce) ||
        out_nonce->len != NONCE_CHARS)
        return WF_E_FORMAT;
    return header(head, "Sec-WebSocket-Version", &v) && wf_str_eq(v, WF_STR("13"))
               ? 0
               : WF_E_UNSUPPORTED;
}

int wf_ws_answer(struct wf_str in, struct wf_buf *out, size_t *out_bytes)
{
    char accept[ACCEPT_CHARS + 1];
    struct wf_str head, nonce;
    int rc = take_head(in, &head, out_bytes);

    if (rc != 0 || *out_bytes == 0)
        return rc;
    rc = check_request(head, &nonce);
    if (rc != 0) {
        (void)wf_buf_appendf(out, "HTTP/1.1 %s\r\nServer: weft\r\nContent-Length: 0\r\n\r\n",
                             rc == WF_E_UNSUPPORTED ? "404 Not Found" : "400 Bad Request");
        return rc;
    }
    accept_of(nonce, accept);
    return wf_buf_appendf(out,
                          "HTTP/1.1 101 Switching Protocols\r\nServer: weft\r\n"
                          "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: %s\r\n\r\n",
                          accept);
}

int wf_ws_check_answer(struct wf_str in, const uint8_t nonce[WF_WS_NONCE_BYTES], size_t *out_bytes)
{
    char text[NONCE_CHARS + 1], accept[ACCEPT_CHARS + 1];
    struct wf_str head, v;
    int rc = take_head(in, &head, out_bytes);

    if (rc != 0 || *out_bytes == 0)
        return rc;
    if (header(head, "Server", &v) && wf_str_eq(v, WF_STR("weft")) &&
        wf_str_starts(head, WF_STR("HTTP/1.1 404")))
        return WF_E_UNSUPPORTED;
    if (!wf_str_starts(head, WF_STR("HTTP/1.1 101 ")) || !is_upgrade(head) ||
        !header(head, "Sec-WebSocket-Accept", &v))
        return WF_E_FORMAT;
    (void)sodium_bin2base64(text, sizeof(text), nonce, WF_WS_NONCE_BYTES,
                            sodium_base64_VARIANT_ORIGINAL);
    accept_of(wf_str_n(text, NONCE_CHARS), accept);
    return wf_str_eq(v, wf_str_n(accept, ACCEPT_CHARS)) ? 0 : WF_E_FORMAT;
}

/* ---- frames ---- */

/* XORs n bytes with the mask, eight at a time. */
static void mask_bytes(char *p, size_t n, const uint8_t mask[4])
{
    uint64_t wide, word;
    size_t i = 0;

    memcpy(&wide, mask, 4);
    memcpy((char *)&wide + 4, mask, 4);
    for (; i + sizeof(word) <= n; i += sizeof(word)) {
        memcpy(&word, p + i, sizeof(word));
        word ^= wide;
        memcpy(p + i, &word, sizeof(word));
    }
    for (; i < n; i++)
        p[i] = (char)((uint8_t)p[i] ^ mask[i % 4]);
}

int wf_ws_put(enum wf_ws_op op, const uint8_t mask[4], struct wf_str head, struct wf_str payload,
              struct wf_buf *out)
{
    const size_t n = head.len + payload.len;
    const uint8_t bit = mask != NULL ? MASKED : 0;
    size_t at;

    if (n > (op == WF_WS_BINARY ? WF_WS_MESSAGE_BYTES : CONTROL_BYTES_MAX))
        return WF_E_LIMIT;
    if (wf_buf_reserve(out, n + WF_WS_FRAME_HEAD_BYTES) != 0)
        return wf_buf_status(out);
    (void)wf_buf_append_byte(out, (char)(FIN | op)); /* there is room, here and below */
    if (n < LENGTH_16) {
        (void)wf_buf_append_byte(out, (char)(bit | n));
    } else {
        (void)wf_buf_append_byte(out, (char)(bit | LENGTH_16));
        (void)wf_buf_append_byte(out, (char)(n >> 8));
        (void)wf_buf_append_byte(out, (char)(n & 0xff));
    }
    if (mask != NULL)
        (void)wf_buf_append(out, mask, 4);
    at = out->len;
    (void)wf_buf_append_str(out, head);
    (void)wf_buf_append_str(out, payload);
    if (mask != NULL)
        mask_bytes(out->ptr + at, n, mask);
    return wf_buf_status(out);
}

static bool is_op(unsigned op)
{
    return op == WF_WS_BINARY || op == WF_WS_CLOSE || op == WF_WS_PING || op == WF_WS_PONG;
}

int wf_ws_next(struct wf_str in, bool is_masked, struct wf_ws_frame *out, size_t *out_bytes)
{
    const uint8_t *p = (const uint8_t *)in.ptr;
    struct wf_ws_frame f = {.at = 2, .is_masked = is_masked};

    *out_bytes = 0;
    if (in.len < 2)
        return 0;
    /* Whole messages alone, and no bits of extensions. */
    if ((p[0] & 0xf0) != FIN || !is_op(p[0] & 0x0f) || ((p[1] & MASKED) != 0) != is_masked)
        return WF_E_FORMAT;
    f.op = (enum wf_ws_op)(p[0] & 0x0f);
    f.len = p[1] & 0x7fu;
    if (f.len > LENGTH_16 || (f.len == LENGTH_16 && f.op != WF_WS_BINARY))
        return WF_E_LIMIT;
    if (f.len == LENGTH_16) {
        if (in.len < 4)
            return 0;
        f.len = (size_t)p[2] << 8 | p[3];
        f.at = 4;
        if (f.len < LENGTH_16)
            return WF_E_FORMAT; /* the shorter form was due */
    }
    if (f.len > WF_WS_MESSAGE_BYTES)
        return WF_E_LIMIT;
    if (is_masked) {
        if (in.len < f.at + 4)
            return 0;
        memcpy(f.mask, p + f.at, 4);
        f.at += 4;
    }
    if (in.len < f.at + f.len)
        return 0;
    *out = f;
    *out_bytes = f.at + f.len;
    return 0;
}

void wf_ws_unmask(const struct wf_ws_frame *f, char *p)
{
    if (f->is_masked)
        mask_bytes(p + f->at, f->len, f->mask);
}
