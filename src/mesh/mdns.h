/* mDNS (RFC 6762, 6763): paired nodes near by say where they are, and ask each other.
 *
 * Why not Avahi's client: it speaks to its daemon over D-Bus, by local sockets and messages that
 * can carry descriptors, both of which link is walled off from for good reasons; and the system's
 * bus would then be in reach of the process that has a network. What is needed of the protocol is
 * one question and one answer, which live beside an Avahi on the same port.
 *
 * A node answers as INSTANCE._weft._tcp.local, where INSTANCE is a hash of its transport key and
 * the day: who has paired with it knows the key and finds it; to anybody else it is another name
 * each day. Only its port is believed; the address is where the answer came from, and the key is
 * proved when it is dialled.
 *
 * The codec is pure. Thread rule: any. */
#ifndef WF_MESH_MDNS_H
#define WF_MESH_MDNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/err.h"
#include "mesh/frame.h"

#define WF_MDNS_INSTANCE_BYTES 8 /* shown as 16 hex digits */
/* A message that we take, and the instances of one that are looked at. */
#define WF_MDNS_MESSAGE_BYTES 9000u
#define WF_MDNS_INSTANCES 32u

/* Sockets: to hear with, and to say with, which wf_mdns_choose connects to the group; -1: none. Of
 * IPv4 alone: one of IPv6 is tied to an interface when it is bound, which cannot be done behind
 * link's walls when another network comes; a network without IPv4 is left to addresses that are
 * known. */
struct wf_mdns {
    int hear_fd, say_fd;
};

/* Opens what can be opened. Before link is locked down. */
void wf_mdns_open(struct wf_mdns *out);
void wf_mdns_close(struct wf_mdns *m);
/* Joins the group on one interface; what fails, or is joined already, stays as it is. */
void wf_mdns_join(const struct wf_mdns *m, unsigned zone);
/* What is said from now on goes out there. */
void wf_mdns_choose(const struct wf_mdns *m, unsigned zone);

/* The instance of a key on a day (days since 1970). */
void wf_mdns_instance(const uint8_t key[WF_LINK_KEY_BYTES], int64_t day,
                      uint8_t out[WF_MDNS_INSTANCE_BYTES]);

/* The question who is there. Errors: the buffer's. */
int wf_mdns_put_query(struct wf_buf *out);
/* The answer: the instance, its port, and numeric addresses ("HOST:PORT\n" each; of them those that
 * are numeric, at most 8). Errors: the buffer's. */
int wf_mdns_put_answer(const uint8_t instance[WF_MDNS_INSTANCE_BYTES], uint16_t port,
                       struct wf_str addresses, struct wf_buf *out);

struct wf_mdns_news {
    bool is_asked; /* somebody asks who is there */
    struct {
        uint8_t instance[WF_MDNS_INSTANCE_BYTES];
        uint16_t port;
    } instances[WF_MDNS_INSTANCES];
    size_t n;
};

/* What a message says of weft. Errors: FORMAT (it is none, or not whole). */
int wf_mdns_read(struct wf_str message, struct wf_mdns_news *out) WF_MUST_USE;

#endif
