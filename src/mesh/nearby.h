/* Nearby: presence (mesh/presence.h) over the sealed channel of the owner's other devices, with a
 * thread that waits for what is due. Thread rule: any, but not from within its callbacks where
 * nothing else is said. */
#ifndef WF_MESH_NEARBY_H
#define WF_MESH_NEARBY_H

#include "base/log.h"
#include "mesh/presence.h"
#include "mesh/sealed.h"

/* How long who is handed something may take to answer. */
#define WF_NEARBY_ANSWER_MS 3000

struct wf_nearby;

struct wf_nearby_options {
    struct wf_sealed *sealed; /* borrowed until free; its channel WF_LINK_PRESENCE is taken */
    struct wf_log *log;       /* may be NULL */
    /* The owner's devices as they are now. Called by the thread, with no lock held. */
    void (*devices)(void *ud, struct wf_devices *out);
    /* "presence": what is open elsewhere is different; "handoff": something is to be shown here
     * now; "present": something else is on another's screen. With no lock held; any thread; must
     * not wait. */
    void (*changed)(void *ud, const char *what);
    /* A remote elsewhere wants this device's screen to show that. The same rules. */
    void (*moved)(void *ud, const json_t *state);
    /* A message of another kind; a connection is gone, or takes more again (kind 0, and 1). The
     * rules of mesh/sealed.h's callbacks: wf_nearby_send may be called. */
    void (*other)(void *ud, uint64_t peer, unsigned kind, struct wf_str body);
    void *ud;
};
#define WF_NEARBY_DOWN 0u
#define WF_NEARBY_ROOM 1u

/* Starts the thread. Errors: NOMEM, BUSY (no room for a thread). */
int wf_nearby_new(const struct wf_nearby_options *o, struct wf_nearby **out,
                  struct wf_err *err) WF_MUST_USE;
/* Before sealed is freed. NULL is a no-op. */
void wf_nearby_free(struct wf_nearby *n);

/* As wf_presence_set, wf_presence_json, wf_presence_take. */
int wf_nearby_set(struct wf_nearby *n, struct wf_str id, enum wf_label label, const json_t *what,
                  bool is_active, struct wf_err *err) WF_MUST_USE;
json_t *wf_nearby_json(struct wf_nearby *n) WF_MUST_USE;
json_t *wf_nearby_take(struct wf_nearby *n);
/* As wf_presence_show, wf_presence_screens; as wf_presence_move, to a device by name. */
void wf_nearby_show(struct wf_nearby *n, enum wf_label label, const json_t *state);
json_t *wf_nearby_screens(struct wf_nearby *n) WF_MUST_USE;
int wf_nearby_move(struct wf_nearby *n, struct wf_str node, const json_t *state,
                   struct wf_err *err) WF_MUST_USE;
/* The list of devices is another. Never waits. NULL is a no-op. */
void wf_nearby_devices_changed(struct wf_nearby *n);

/* Hands something over, and waits for the answer: on how many open pages it is shown (0: it waits
 * there for one). Errors: those of wf_presence_peer and wf_presence_hand, TIMEOUT. */
int wf_nearby_hand(struct wf_nearby *n, struct wf_str node, struct wf_str id, json_t **out_item,
                   unsigned *out_pages, struct wf_err *err) WF_MUST_USE;

/* The connection to a device, by name. Errors: NOENT. */
int wf_nearby_peer(struct wf_nearby *n, struct wf_str node, uint64_t *out_peer,
                   struct wf_err *err) WF_MUST_USE;
/* A message of a kind from WF_PRESENCE_OTHER on. Errors: as wf_sealed_send. */
int wf_nearby_send(struct wf_nearby *n, uint64_t peer, unsigned kind, struct wf_str body,
                   struct wf_err *err) WF_MUST_USE;

#endif
