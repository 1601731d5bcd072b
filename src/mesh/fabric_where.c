/* SPDX-License-Identifier: Apache-2.0 */
/* Where relays are found: a device tells the owner's others what addresses it knows of those, so
 * that one which was never in the same network finds the relay that keeps for it. What is told is
 * no more than where to knock: who answers there has to have the key. */
#include <string.h>

#include "mesh/fabric_internal.h"

/* A message: the kind, 32 transport key, "HOST:PORT\n" each. */
#define LINES_MAX 8

static void send_one(struct wf_fabric *f, uint64_t peer, const struct wf_devices_entry *e)
{
    struct wf_buf b;

    wf_buf_init(&b, WF_PAIRING_MESSAGE_BYTES);
    (void)wf_buf_append_byte(&b, WF_FABRIC_WHERE); /* the status is looked at below */
    (void)wf_buf_append(&b, e->transport, sizeof(e->transport));
    if (wf_link_known(f->o.link, e->transport, &b) == 0 && b.len > 1 + sizeof(e->transport))
        wf_fabric__send(f, peer, wf_buf_str(&b));
    wf_buf_deinit(&b);
}

void wf_fabric__send_where(struct wf_fabric *f, uint64_t peer)
{
    for (size_t i = 0; f->list.version != 0 && i < f->list.n_entries; i++) {
        const struct wf_devices_entry *e = &f->list.entries[i];
        if (e->revoked_ms == 0 && (e->roles & WF_ROLE_RELAY) != 0 &&
            memcmp(e->device, f->o.device->id, sizeof(e->device)) != 0)
            send_one(f, peer, e);
    }
}

void wf_fabric__take_where(struct wf_fabric *f, struct wf_str body)
{
    const struct wf_devices_entry *e;
    struct wf_str rest, line;

    if (f->list.version == 0 || body.len <= WF_DEVICES_KEY_BYTES)
        return;
    e = wf_devices_by_transport(&f->list, (const uint8_t *)body.ptr);
    if (e == NULL || e->revoked_ms != 0 ||
        memcmp(e->device, f->o.device->id, sizeof(e->device)) == 0 ||
        (e->roles & WF_ROLE_RELAY) == 0)
        return;
    rest = wf_str_sub(body, WF_DEVICES_KEY_BYTES, body.len);
    for (int i = 0; i < LINES_MAX && wf_str_line(&rest, &line); i++) {
        if (line.len > 0 && line.len <= WF_LINK_ADDRESS_BYTES)
            wf_link_address(f->o.link, e->transport, line);
    }
}
