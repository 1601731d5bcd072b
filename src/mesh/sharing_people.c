/* SPDX-License-Identifier: Apache-2.0 */
/* Rights (sharing_people.h). An owner's own devices may everything up to their clearance. */
#include "mesh/sharing_people.h"

#include "mesh/sharing_internal.h"

static enum wf_sharing_right right_of(const struct wf_sharing *s, const struct wf_devices_entry *e,
                                      const uint8_t stream[WF_STREAM_ID_BYTES])
{
    const struct wf_sharing_stream *t = wf_sharing__stream(s, stream);

    if (e == NULL || e->revoked_ms != 0 || t == NULL || t->level > e->clearance)
        return WF_SHARING_NONE;
    return (e->roles & WF_ROLE_CIPHER) != 0 ? WF_SHARING_KEEPS : WF_SHARING_ADMIN;
}

enum wf_sharing_right wf_sharing__right(const struct wf_sharing *s,
                                        const uint8_t device[WF_SIGNER_ID_BYTES],
                                        const uint8_t stream[WF_STREAM_ID_BYTES])
{
    return right_of(s, wf_sharing__entry(s, device), stream);
}

enum wf_sharing_right wf_sharing__right_of_peer(const struct wf_sharing *s, uint64_t peer,
                                                const uint8_t stream[WF_STREAM_ID_BYTES])
{
    const struct wf_sharing_peer *p = wf_sharing__peer(s, peer);

    return p == NULL ? WF_SHARING_NONE
                     : right_of(s, wf_devices_by_transport(&s->devices, p->key), stream);
}

bool wf_sharing__counts(const struct wf_sharing *s, const uint8_t device[WF_SIGNER_ID_BYTES],
                        const uint8_t stream[WF_STREAM_ID_BYTES])
{
    return wf_sharing__stream(s, stream) != NULL && wf_sharing__entry(s, device) != NULL;
}
