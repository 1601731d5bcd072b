/* Addresses of nodes: "HOST:PORT", with an IPv6 address in brackets, where the port may be left
 * out. Pure. Thread rule: any. */
#ifndef WF_MESH_ADDRESS_H
#define WF_MESH_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "mesh/frame.h"

/* Where nodes listen unless told otherwise: next to the page's port. */
#define WF_LINK_PORT 7771

struct wf_address {
    char host[WF_LINK_ADDRESS_BYTES + 1]; /* without brackets, NUL-terminated */
    uint16_t port;
};

/* Reads one. Hosts are letters, digits, and "-._:%". Errors: INVAL. */
int wf_address_read(struct wf_str text, struct wf_address *out) WF_MUST_USE;
/* True when the host is numeric, and what it stands for. A zone ("%2", "%eth0") is taken as a
 * number. */
bool wf_address_numeric(const struct wf_address *a, struct sockaddr_storage *out);
/* "HOST:PORT" as it is read; at most WF_LINK_ADDRESS_BYTES and a NUL. */
void wf_address_write(const struct wf_address *a, char out[WF_LINK_ADDRESS_BYTES + 1]);

#endif
