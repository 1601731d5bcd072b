/* TLS between nodes: 1.3 alone, both sides with a certificate of their own making that carries an
 * Ed25519 key and nothing else of worth. There is no authority and no name: who the other is, is
 * its key, which the handshake proves that it holds; whether that key will do is asked of the
 * caller. No session is ever resumed, so that the proof is made each time.
 *
 * Bytes go through a BIO of ours, which counts them and can fail or cut the n-th call for tests.
 * Thread rule: owner; contexts may be shared by sessions of one thread. */
#ifndef WF_MESH_TLS_H
#define WF_MESH_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "mesh/frame.h"

/* Called in a handshake with the key that the other has shown (NULL: none that we take, which is
 * refused whatever is answered). What it returns goes to the other as an alert where it is not
 * WF_LINK_CLOSED, which stands for "well". */
typedef enum wf_link_reason (*wf_tls_judge)(void *ud, const uint8_t *key);

struct wf_tls {
    uint8_t key[WF_LINK_KEY_BYTES]; /* the public half */
    SSL_CTX *_client, *_server;
    wf_tls_judge _judge;
};

/* Makes certificate and contexts from the seed of an Ed25519 key, which is borrowed for the call.
 * Errors: NOMEM, UNSUPPORTED (OpenSSL has no such algorithm). */
int wf_tls_init(struct wf_tls *t, const uint8_t seed[WF_LINK_KEY_BYTES], wf_tls_judge judge,
                struct wf_err *err) WF_MUST_USE;
/* Frees; safe on a zeroed one, and twice. */
void wf_tls_deinit(struct wf_tls *t);

/* A session over the connected, non-blocking socket fd, which is borrowed; `ud` goes to the judge.
 * NULL when memory is short. Freed by SSL_free. */
SSL *wf_tls_session(const struct wf_tls *t, int fd, bool is_client, void *ud) WF_MUST_USE;

/* What a failed handshake, or a failed read, says of the other; LOST when it says nothing. Clears
 * OpenSSL's queue of errors. */
enum wf_link_reason wf_tls_reason(const SSL *s, int result);

/* Bytes that went through all sessions of this process, as the network sees them without headers
 * of TCP and IP. */
struct wf_tls_counts {
    uint64_t in, out;
};
struct wf_tls_counts wf_tls_counts(void);

/* Tests: the n-th call that reads or writes (1 = the next) fails as if the network had dropped the
 * connection; 0: none. Whether it came. And from now on no call moves more than n bytes; 0: as many
 * as it can. Thread: any. */
void wf_tls_fail_at(uint64_t n);
bool wf_tls_failed(void);
void wf_tls_short(size_t n);

#endif
