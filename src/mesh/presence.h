/* Presence: what is open on each of an owner's devices: a thread, chat, draft or document, where in
 * it, what is written there and not sent yet, an answer that is being written; and when somebody
 * was last active. It is told to the other devices and forgotten again, never stored.
 *
 * A machine without sockets and threads: what comes is given to it, what goes it gives to `send`,
 * core to core (mesh/sealed.h). What changes goes out at once, then gathered: the more was said
 * the longer the pause, so that typing costs some kilobytes a second. While nothing changes there
 * is a word every WF_PRESENCE_BEAT_MS. Each item has a label: a device hears of those up to its
 * clearance, of secret ones none does.
 *
 * A message is its kind, one byte, and a JSON object:
 *   1  {"all": bool, "items": [{"id", "age", "label", "what"}], "gone": [id]}: all there is, or
 *      what changed; age: milliseconds since somebody was active; without "what" that alone
 *   2  {"call", "item": {"id", "age", "label", "what"}}: to be shown there now
 *   3  {"call", "pages"}: it was taken; on so many open pages
 *   4  {"screen": state or null, "label"}: what is presented there
 *   5  {"screen": state}: what a remote wants to be seen on the screen that shows that
 *   16 and above: of others (op/moving.h)
 * "what" is {"view", "ref", "title", "text", "at", "generation"}, each of which may be absent; see
 * wf_presence_what_read; a screen's state is {"kind": "draft" or "document", "id", "at", "n",
 * "since", "pointer": [x, y], which may be absent}. Thread rule: owner. */
#ifndef WF_MESH_PRESENCE_H
#define WF_MESH_PRESENCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "crdt/signer.h"
#include "mesh/devices.h"

/* Things open on one device, and the longest of their texts. */
#define WF_PRESENCE_ITEMS_MAX 16
#define WF_PRESENCE_ID_BYTES 40
#define WF_PRESENCE_TEXT_BYTES (64u << 10)
#define WF_PRESENCE_MESSAGE_BYTES (256u << 10)
#define WF_PRESENCE_SCREEN_ID_BYTES 64
#define WF_PRESENCE_SLIDES_MAX 100000
/* A page that says nothing any more is gone; so is a device, for what is to be continued. */
#define WF_PRESENCE_PAGE_MS 180000
#define WF_PRESENCE_COMMAND_MS 3600000
#define WF_PRESENCE_DEVICE_MS 1800000
#define WF_PRESENCE_HANDED_MS 600000
#define WF_PRESENCE_BEAT_MS 300000
/* The shortest pause between two messages to one device, and bytes a second while it goes on. */
#define WF_PRESENCE_PAUSE_MS 30
#define WF_PRESENCE_RATE 100000
/* That somebody is active, and nothing else, is said so often at most. */
#define WF_PRESENCE_ACTIVE_MS 60000

/* The values are sent: they stay. */
enum wf_presence_kind {
    WF_PRESENCE_STATE = 1,
    WF_PRESENCE_HAND = 2,
    WF_PRESENCE_TAKEN = 3,
    WF_PRESENCE_SCREEN = 4,
    WF_PRESENCE_MOVE = 5,
    WF_PRESENCE_OTHER = 16
};

struct wf_presence;

struct wf_presence_options {
    const struct wf_clock *clock; /* NULL: the system's */
    /* As wf_sealed_send: BUSY until wf_presence_room. */
    int (*send)(void *ud, uint64_t peer, struct wf_str bytes, struct wf_err *err);
    /* What is open elsewhere is different. */
    void (*changed)(void *ud);
    /* Something is handed over by another device: to be shown now. It is kept until
     * wf_presence_take. */
    void (*handed)(void *ud);
    /* What this device handed over was taken. */
    void (*taken)(void *ud, uint64_t call, unsigned n_pages);
    /* What is on another device's screen is different. */
    void (*screen)(void *ud);
    /* A remote elsewhere wants this device's screen to show that; it is told so already. */
    void (*moved)(void *ud, const json_t *state);
    /* A message of a kind from WF_PRESENCE_OTHER on; `body` is what stands behind it. */
    void (*other)(void *ud, uint64_t peer, unsigned kind, struct wf_str body);
    void *ud;
};

/* Errors: NOMEM. The options are copied. */
int wf_presence_new(const struct wf_presence_options *o, struct wf_presence **out,
                    struct wf_err *err) WF_MUST_USE;
/* NULL is a no-op. */
void wf_presence_free(struct wf_presence *p);

/* Checks an object that says what is open, of a page or of another device, and gives a copy of what
 * is known of it: view (a word of at most 16 small letters), ref (80 bytes), title (300 bytes),
 * text (WF_PRESENCE_TEXT_BYTES), at (up to 8 numbers and short texts), generation ({id, model,
 * hash, written}). Errors: INVAL (the sentence names it), NOMEM. */
int wf_presence_what_read(const json_t *what, json_t **out, struct wf_err *err) WF_MUST_USE;

/* The page (an id that begins with 'p') or command `id` has this open here now; NULL: nothing.
 * Saying the same again says that somebody is active (`is_active`), or only that the page is still
 * there. What is there is not sent before wf_presence_tick. Errors: INVAL (the id), LIMIT (too
 * many), NOMEM. */
int wf_presence_set(struct wf_presence *p, struct wf_str id, enum wf_label label,
                    const json_t *what, bool is_active, struct wf_err *err) WF_MUST_USE;

/* A session with another device of the owner is there, or gone; its clearance is another. */
int wf_presence_up(struct wf_presence *p, uint64_t peer, const struct wf_devices_entry *entry,
                   struct wf_err *err) WF_MUST_USE;
void wf_presence_down(struct wf_presence *p, uint64_t peer);
void wf_presence_room(struct wf_presence *p, uint64_t peer);
/* The list of devices is another: who is out is forgotten, names and clearances are those of it. */
void wf_presence_devices(struct wf_presence *p, const struct wf_devices *devices);
/* A message came. Errors: FORMAT, LIMIT (it is no message of ours: the session is to be ended),
 * NOMEM. */
int wf_presence_bytes(struct wf_presence *p, uint64_t peer, struct wf_str bytes,
                      struct wf_err *err) WF_MUST_USE;

/* Sends what is due and forgets what is too old; returns the milliseconds (of the monotonic clock)
 * when it is to be called again, at the latest. */
int64_t wf_presence_tick(struct wf_presence *p);

/* {"here": [item], "others": [{"node", "device", "connected", "items": [item]}], "handed": {"node",
 * "item"} or null}; an item is {"id", "label", "idle_ms"} and what it says, latest active first. A
 * new reference; NULL: out of memory. */
json_t *wf_presence_json(const struct wf_presence *p) WF_MUST_USE;
/* The connection to the device of that name or (hexadecimal) key. Errors: NOENT, in words. */
int wf_presence_peer(const struct wf_presence *p, struct wf_str node, uint64_t *out_peer,
                     struct wf_err *err) WF_MUST_USE;

/* Checks what a screen shows, and gives a copy of what is known of it. Errors: INVAL, NOMEM. */
int wf_presence_screen_read(const json_t *state, json_t **out, struct wf_err *err) WF_MUST_USE;
/* This device's screen shows that, as wf_presence_screen_read gives it (copied); NULL: nothing any
 * more. It is told by wf_presence_tick. */
void wf_presence_show(struct wf_presence *p, enum wf_label label, const json_t *state);
/* What others' screens show, the latest first, with "node" beside. A new reference; NULL: out of
 * memory. */
json_t *wf_presence_screens(const struct wf_presence *p) WF_MUST_USE;
/* As a remote: asks that device to show that. Errors: NOENT (its screen shows something else),
 * DENIED (by its label), those of send. */
int wf_presence_move(struct wf_presence *p, uint64_t peer, const json_t *state,
                     struct wf_err *err) WF_MUST_USE;

/* Hands what is open here over to another device: the item `id`, or (empty) the latest active. What
 * it was is given in *out_item, a new reference. What is above its clearance does not go. Errors:
 * NOENT (nothing is open, or not that), DENIED (by its label), those of send. */
int wf_presence_hand(struct wf_presence *p, uint64_t peer, struct wf_str id, uint64_t call,
                     json_t **out_item, struct wf_err *err) WF_MUST_USE;
/* What was handed over to this device, {"node", "item"}, and forgets it; NULL: nothing. */
json_t *wf_presence_take(struct wf_presence *p);

#endif
