/* Sharing: drafts and records of spaces, on all of an owner's devices that may see them, and on
 * those of other people whom a space's charter names (mesh/charter.h).
 *
 * What this device changes goes into batches (mesh/batch.h), one stream a level, soon after it is
 * durable; the syncer (mesh/syncer.h) brings batches to the paired nodes over link and theirs here;
 * what comes is opened and applied. Keys of spaces go from device to device in letters that only
 * the receiver opens, those of the levels up to its clearance alone. A stream above a node's
 * clearance is not given to it, nor named. What is secret goes into no batch.
 *
 * A thread of its own does it all, by the steps of mesh/sharing_machine.h. Thread rule: any. */
#ifndef WF_MESH_SHARING_H
#define WF_MESH_SHARING_H

#include <jansson.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rng.h"
#include "mesh/devices.h"
#include "privacy/label.h"
#include "space/device.h"
#include "store/spaces.h"

#define WF_GIVEN_HASH_BYTES 32

struct wf_drafts;
struct wf_link;
struct wf_records;
struct wf_rights;
struct wf_sharing;
struct wf_store;

/* What goes to another person's device, for the ledger. Views are borrowed. */
struct wf_given {
    uint64_t seq;   /* 0: it is about to go, written by the callee: the entry. Else the entry that
                       said that it goes, of which this is the sum */
    const char *to; /* "Ben / phone" */
    uint8_t device[WF_SIGNER_ID_BYTES];
    struct wf_str space, name; /* name: of the draft, the collection of records, the document */
    const char *what;          /* "draft", "record", "document", "file": its bytes; "batch":
                                  cannot be told */
    const char *reason;
    enum wf_label label;
    uint32_t n;                          /* changes; of a sum 0: nothing went after all */
    uint64_t bytes;                      /* of the changes, before they were sealed */
    uint8_t sealed[WF_GIVEN_HASH_BYTES]; /* as the ledger has it (privacy/ledger.h) */
};

struct wf_draft_moment; /* space/draft.h */

struct wf_sharing_options {
    struct wf_store *store; /* this and the next are borrowed until free */
    struct wf_drafts *drafts;
    struct wf_records *records;
    struct wf_link *link;
    const struct wf_device *device;
    struct wf_rights *rights;     /* read anew when charters are others; may be NULL */
    bool keeps;                   /* passes new batches on at once, for those who sleep */
    const struct wf_clock *clock; /* NULL: the system's, by which the thread sleeps */
    const struct wf_rng *rng;     /* NULL: the system's */
    struct wf_log *log;           /* may be NULL */
    /* The owner's devices as they are now; version 0: none. */
    void (*devices)(void *ud, struct wf_devices *out);
    /* A draft's label as what stands in it at that moment asks for, before that is sealed. It is to
     * look at exactly that (wf_draft_look): what is deleted since then goes, too. Errors: NOMEM,
     * FULL, IO, BUSY: it does not go now; others: it counts as secret. */
    int (*label)(void *ud, const struct wf_draft_moment *at, enum wf_label *out,
                 struct wf_err *err);
    void *label_ud;
    /* The transport keys of other people's devices that spaces are shared with, all of them anew.
     * Must not call back; may be NULL. */
    void (*pins)(void *ud, const uint8_t (*keys)[WF_DEVICES_KEY_BYTES], size_t n);
    /* Writes what is about to go to other people's devices, or went there, into the ledger, and
     * waits until that is durable. Must not call back. Fails: nothing of it goes, and it is tried
     * again. NULL: nothing goes to them. */
    int (*given)(void *ud, struct wf_given *what, size_t n, struct wf_err *err);
    /* Something that status tells is different. Must not wait or call back; may be NULL. */
    void (*changed)(void *ud);
    void *ud;
};

/* Starts the thread. Errors: NOMEM, BUSY (no room for a thread), those of the store. */
int wf_sharing_new(const struct wf_sharing_options *o, struct wf_sharing **out,
                   struct wf_err *err) WF_MUST_USE;
/* Ends the thread; before link, drafts, records and store are freed. NULL is a no-op. */
void wf_sharing_free(struct wf_sharing *s);

/* A document of a space whose bytes are to go to another person's device (mesh/blobs.h). */
struct wf_sharing_document {
    const uint8_t *device; /* [WF_SIGNER_ID_BYTES] */
    const uint8_t *space;  /* [WF_SPACE_UID_BYTES] */
    const uint8_t *hash;   /* [WF_GIVEN_HASH_BYTES] of its bytes */
    struct wf_str name;
    enum wf_label label;
    uint64_t bytes;
};
/* Whether a device, of whomever it is, may read what bears that label in a space, by the charter
 * and the lists as they are now. Waits for what the thread does. s NULL: none may. */
bool wf_sharing_may_read(struct wf_sharing *s, const uint8_t device[WF_SIGNER_ID_BYTES],
                         const uint8_t space[WF_SPACE_UID_BYTES], enum wf_label label);
/* Enters that they go, and waits until that is durable. Errors: DENIED (it may not read it, s is
 * NULL), those of `given`: nothing of it is to go. */
int wf_sharing_give_document(struct wf_sharing *s, const struct wf_sharing_document *d,
                             struct wf_err *err) WF_MUST_USE;

/* Drafts or records have changed here; the list of devices or something of mesh/people.h is
 * another. Never waits. */
void wf_sharing_poke(struct wf_sharing *s);
void wf_sharing_devices_changed(struct wf_sharing *s);

/* {"converged", "nodes", "behind": {"here", "there", "unsent", "untaken"}, "absent": [{"name",
 * "seen_ms", "lacks"}], "problems": [...], "relay":
 * null or, on a node that keeps ciphertext alone, what wf_relay_status says}:
 * batches that connected nodes have and this one lacks, and the other way round; changes not in a
 * batch yet, batches not applied yet. converged: there is somebody to compare with, and none of
 * these. Waits for what the thread does now. NULL: out of memory. */
json_t *wf_sharing_status(struct wf_sharing *s) WF_MUST_USE;

#endif
