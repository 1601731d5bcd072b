/* Fabric: the nodes that one owner has paired, as the core holds them: the signed list of devices,
 * the code that is shown, pairings that run over link, and lists that come from other nodes. What
 * needs the owner's key is asked of the keeper.
 *
 *   FOLDER/devices  the list that is held to
 *   FOLDER/kept     a list that was offered in a pairing whose last word has not come yet
 *   FOLDER/tries    when a code was last tried: one try a minute, also across restarts
 *   FOLDER/seen     when nodes were last connected, for people
 *
 * JSON that is given is a new reference, as docs/api.md describes it. Thread rule: any. */
#ifndef WF_MESH_FABRIC_H
#define WF_MESH_FABRIC_H

#include <jansson.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/str.h"
#include "mesh/charter.h"
#include "mesh/devices.h"

/* How long a code that is shown counts, and after how many wrong tries it does not any more. */
#define WF_FABRIC_CODE_S 300
#define WF_FABRIC_TRIES_MAX 3
/* Between two tries. */
#define WF_FABRIC_TRY_S 60

struct wf_fabric;
struct wf_keeper;
struct wf_link;
struct wf_store;

struct wf_fabric_options {
    const char *dir;                /* made when missing; copied */
    struct wf_link *link;           /* NULL: nothing can be paired, only looked at */
    struct wf_keeper *keeper;       /* NULL: likewise */
    const struct wf_signer *device; /* this device's */
    struct wf_store *store;         /* where spaces are; NULL: nobody is invited. Borrowed */
    const char *name;               /* what this machine is called; copied */
    enum wf_node_tier tier;
    const struct wf_clock *clock; /* NULL: the system's */
    const struct wf_rng *rng;     /* NULL: the system's */
    struct wf_log *log;           /* may be NULL */
    /* Something is different: "nodes", or "pairing". Called from any thread, must not wait and not
     * call back. May be NULL. */
    void (*changed)(void *ud, const char *what);
    void *ud;
};

/* Reads what is there and allows link those that are paired. What is damaged is no error here: it
 * is told by all that would need it. Errors: IO, NOMEM, BUSY. */
int wf_fabric_new(const struct wf_fabric_options *o, struct wf_fabric **out,
                  struct wf_err *err) WF_MUST_USE;
/* Ends what runs. Before link and keeper are freed. NULL is a no-op. */
void wf_fabric_free(struct wf_fabric *f);

/* The nodes: {"owner", "owner_key", "paper", "version", "epoch", "fork", "unfinished", "nodes"}.
 * NULL: out of memory. */
json_t *wf_fabric_nodes(struct wf_fabric *f) WF_MUST_USE;

/* Makes the owner's key and the first list, with this device, where there is none. Errors: EXIST
 * (there is a list already), those of the keeper. */
int wf_fabric_init(struct wf_fabric *f, struct wf_err *err) WF_MUST_USE;

/* Errors: NOENT (no such node; the owner's key is elsewhere), EXIST, INVAL, those of the keeper and
 * of files. */
int wf_fabric_rename(struct wf_fabric *f, struct wf_str name, struct wf_str to,
                     struct wf_err *err) WF_MUST_USE;
int wf_fabric_clear(struct wf_fabric *f, struct wf_str name, enum wf_label clearance,
                    struct wf_err *err) WF_MUST_USE;
/* Whether a node keeps ciphertext alone for the others, or does what its tier does. */
int wf_fabric_relay(struct wf_fabric *f, struct wf_str name, bool is_on,
                    struct wf_err *err) WF_MUST_USE;
int wf_fabric_revoke(struct wf_fabric *f, struct wf_str name, struct wf_err *err) WF_MUST_USE;
/* Forgets the owner and all nodes here. The owner's key, where this device has it, stays. Errors:
 * NOENT (there is no list), IO. */
int wf_fabric_leave(struct wf_fabric *f, struct wf_err *err) WF_MUST_USE;

/* Shows a new code, which replaces the one before; makes owner and list where there are none.
 * {"code", "address", "addresses", "fingerprint", "scan", "until"}. Waits for link to start.
 * Errors: NOENT (the owner's key is on another device), UNSUPPORTED (nothing listens), TIMEOUT,
 * those of wf_fabric_init. */
int wf_fabric_show(struct wf_fabric *f, json_t **out, struct wf_err *err) WF_MUST_USE;
/* The code counts no more. */
void wf_fabric_hide(struct wf_fabric *f);
/* How it goes with the code that is or was shown: {"state": "none"|"shown"|"trying"|"paired",
 * "tries", "error", "name", "words", "until"}. NULL: out of memory. */
json_t *wf_fabric_shown(struct wf_fabric *f) WF_MUST_USE;

/* How this device offers itself in a pairing from now on: as one that keeps ciphertext alone and
 * gets no keys, or as its tier says (at first). */
void wf_fabric_offer(struct wf_fabric *f, bool is_relay);

/* Joins the device that shows a code: "CODE@HOST:PORT", or what was scanned. Waits until it is
 * done; canceled(ud) is asked now and then. {"name", "words", "fingerprint"}. Errors: INVAL (not in
 * that form), BUSY (a pairing runs, or a try too soon), DENIED (the code), EXIST (another owner),
 * TIMEOUT, CANCELED, and what keeps the two from each other, in words. */
int wf_fabric_join(struct wf_fabric *f, struct wf_str target, bool (*canceled)(void *ud), void *ud,
                   json_t **out, struct wf_err *err) WF_MUST_USE;

/* ---- other people (mesh/people.h) ---- */

struct wf_fabric_invite {
    int64_t space;
    enum wf_role role;
    enum wf_label clearance; /* up to which level */
};
/* As wf_fabric_show, of a code by which somebody else becomes a member of a space. How it goes is
 * told by wf_fabric_shown, too. Errors: DENIED (no admin of the space, or it is "me"), NOENT (no
 * such space), as above but for the owner's key, which is not needed. */
int wf_fabric_invite(struct wf_fabric *f, const struct wf_fabric_invite *invite, json_t **out,
                     struct wf_err *err) WF_MUST_USE;
/* As wf_fabric_join, for such a code. Makes owner and list where there are none. What is shared
 * comes from the other device then. EXIST: a member already, or of the same owner. */
int wf_fabric_visit(struct wf_fabric *f, struct wf_str target, bool (*canceled)(void *ud), void *ud,
                    json_t **out, struct wf_err *err) WF_MUST_USE;
/* Who is in a space: {"shared", "role", "epoch", "members": [{"name", "role", "level",
 * "founder", "self", "owner", "devices": [{"name", "connected"}]}]}; of one that is this owner's
 * alone, himself. Errors: NOMEM, those of reading. */
int wf_fabric_members(struct wf_fabric *f, int64_t space, json_t **out,
                      struct wf_err *err) WF_MUST_USE;
/* Says anew what a member may; OUT: he is removed. Errors: NOENT (no such member), DENIED (this
 * owner is no admin there), INVAL (the founder; no admin would be left). */
int wf_fabric_set_role(struct wf_fabric *f, int64_t space, struct wf_str member, enum wf_role role,
                       struct wf_err *err) WF_MUST_USE;
/* Goes from a space; what was in it stays here and is not changed any more. Errors: NOENT (it is
 * shared with nobody), INVAL (no admin would be left). */
int wf_fabric_leave_space(struct wf_fabric *f, int64_t space, struct wf_err *err) WF_MUST_USE;
/* The transport keys of other people's devices that may connect, all of them anew; they are no
 * nodes of the fabric. */
void wf_fabric_people(struct wf_fabric *f, const uint8_t (*keys)[WF_DEVICES_KEY_BYTES], size_t n);

/* ---- for those who send ---- */

/* The list that is held to, copied; version 0: none. */
void wf_fabric_devices(struct wf_fabric *f, struct wf_devices *out);

#endif
