/* A transport in a thread of its own, with the test in core's place. */
#ifndef WF_TESTS_LINKED_H
#define WF_TESTS_LINKED_H

#include <pthread.h>
#include <stdbool.h>

#include "mesh/transport.h"

struct linked {
    struct wf_transport *t;
    pthread_t thread;
    int core_fd; /* the test's end */
    int listen_fd;
    uint16_t port;
    uint8_t key[WF_LINK_KEY_BYTES];
    char address[64]; /* "127.0.0.1:PORT" */
    struct wf_buf in;
    size_t taken; /* of `in`, by the frame that was given last */
};

/* Starts one with the seed {n, n, ...}; `listens` at 127.0.0.1, at "::1" for n of 100 and more, at
 * 0.0.0.0 from 200 on. `o` may be NULL; its descriptors are set here, but for netlink_fd where that
 * is above 0. */
void linked_start(struct linked *l, uint8_t n, bool listens, const struct wf_transport_options *o);
void linked_stop(struct linked *l);
/* The public key that the seed {n, n, ...} gives. */
void linked_key(uint8_t n, uint8_t out[WF_LINK_KEY_BYTES]);

/* Core's frames. */
void linked_allow(struct linked *l, const uint8_t (*keys)[WF_LINK_KEY_BYTES], size_t n);
void linked_pairing(struct linked *l, bool is_on);
void linked_dial(struct linked *l, uint64_t id, const char *address, const uint8_t *pin);
void linked_send(struct linked *l, uint64_t id, unsigned channel, struct wf_str bytes);
void linked_close(struct linked *l, uint64_t id);

/* The next frame of the kind (others are passed over), borrowed until the next call; false after
 * wait_ms. */
bool linked_next(struct linked *l, enum wf_link_kind kind, struct wf_link_frame *out, int wait_ms);
/* The next frame of any kind. */
bool linked_any(struct linked *l, struct wf_link_frame *out, int wait_ms);
/* The same, which must come: within 20 s, since machines may be busy. */
struct wf_link_frame linked_expect(struct linked *l, enum wf_link_kind kind);

/* Pairs two (keys allowed on both sides), a dials b; the numbers at both ends. */
void linked_pair(struct linked *a, struct linked *b, uint64_t *out_a, uint64_t *out_b);

#endif
