/* Netlink: which addresses this machine has, and when that changes. The socket is opened before
 * link is locked down, since it is bound; afterwards the kernel is asked and heard through it.
 * Thread rule: owner. */
#ifndef WF_MESH_NETLINK_H
#define WF_MESH_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* Addresses that are kept: more has a router. */
#define WF_NETLINK_ADDRESSES 32

struct wf_netlink_address {
    int family;        /* AF_INET, AF_INET6 */
    uint8_t bytes[16]; /* 4 of them with AF_INET */
    unsigned zone;     /* index of the interface */
    bool is_global;    /* not of the loopback, nor of one link alone */
};

/* What some messages of the kernel's say. */
struct wf_netlink_news {
    struct wf_netlink_address addresses[WF_NETLINK_ADDRESSES]; /* those that there are */
    size_t n;
    bool is_end;    /* of what was asked for */
    bool is_change; /* something is not as it was, and was not asked for */
};

/* A socket that hears of changes, non-blocking. Errors: IO, DENIED. */
int wf_netlink_open(int *out_fd, struct wf_err *err) WF_MUST_USE;
/* Asks for all addresses; false when the kernel does not take it. */
bool wf_netlink_ask(int fd, uint32_t sequence);
/* Adds what the messages say to *io. `sequence`: of what was asked last; 0: nothing. Unknown
 * messages are passed over; false: they are not whole (what came before counts). */
bool wf_netlink_read(struct wf_str bytes, uint32_t sequence, struct wf_netlink_news *io);

#endif
