/* Sharing as a machine: all that mesh/sharing.h does, worked by steps. It has no thread, and no
 * time, randomness or connection but what it is given, so that the simulator plays it; for the
 * product sharing_thread.c works it.
 *
 * What happens is said to it (up, bytes, room, down, changed, listed), then wf_sharing_machine_step
 * does what follows from all of that together. Where drafts have threads of their own a step waits
 * for the disk. Thread rule: owner. */
#ifndef WF_MESH_SHARING_MACHINE_H
#define WF_MESH_SHARING_MACHINE_H

#include "mesh/sharing.h"

/* The connections. Neither calls back into the machine. */
struct wf_sharing_link {
    /* As wf_link_send on the channel of sharing. */
    int (*send)(void *ud, uint64_t peer, struct wf_str bytes, struct wf_err *err);
    /* Ends a connection; wf_sharing_machine_down follows. */
    void (*close)(void *ud, uint64_t peer);
    void *ud;
};

/* Options' link is not looked at. wf_sharing_machine_listed comes before the first step. Errors:
 * NOMEM, those of the store. */
int wf_sharing_machine_new(const struct wf_sharing_options *o, const struct wf_sharing_link *link,
                           struct wf_sharing **out, struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_sharing_machine_free(struct wf_sharing *s);

/* A connection to a paired node is there: its number and the other's transport key; a message of
 * it; there is room again after BUSY; it is gone. Numbers that it does not know are passed over. */
void wf_sharing_machine_up(struct wf_sharing *s, uint64_t peer,
                           const uint8_t key[WF_DEVICES_KEY_BYTES]);
void wf_sharing_machine_bytes(struct wf_sharing *s, uint64_t peer, struct wf_str bytes);
void wf_sharing_machine_room(struct wf_sharing *s, uint64_t peer);
void wf_sharing_machine_down(struct wf_sharing *s, uint64_t peer);

/* Drafts or records have changed here. */
void wf_sharing_machine_changed(struct wf_sharing *s);
/* The list of devices is another: it is read. */
void wf_sharing_machine_listed(struct wf_sharing *s);

/* Does what there is to do. The next step is due when something has happened, and at the returned
 * time of the options' clock (mono_ns) at the latest. */
int64_t wf_sharing_machine_step(struct wf_sharing *s);

/* wf_sharing_status; is_waiting: something has happened that was not said to it yet. */
json_t *wf_sharing_machine_status(struct wf_sharing *s, bool is_waiting) WF_MUST_USE;

#endif
