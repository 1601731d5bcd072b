/* Blobs: documents of spaces on all of an owner's devices that may have them, and on those of other
 * people who may read the space; and models from a paired node.
 *
 * What is said of a document (its name, size, label, the hash of its content, which devices have
 * it) travels as a record of the collection "weft.document" in the stream of its label, so a device
 * with a lower clearance never hears of it. Its bytes are fetched from core to core, sealed, over
 * WF_LINK_BLOBS: in pieces that its content cuts (mesh/blobs_cut.h), of which those that are here
 * already are not fetched again; what came is kept in DIR until the whole is there and its hash is
 * right, also when a connection breaks or a process is killed. Then it goes the way of every file
 * that is taken in. Which documents are fetched is a setting; the others are known by name, and
 * come when somebody opens or pins them. A document that is removed on one device goes on all.
 *
 * Who asks for a document above its clearance is told that there is none. Models are public.
 *
 * Another person's device is asked, and answered, about documents alone, of spaces that it may read
 * by the charter, up to its level there, looked at anew for each question. That the bytes of one go
 * to it is in the ledger before they do; while that cannot be, they wait. What it says it keeps
 * counts for nothing. Who may only read a space fetches, and tells nobody that it has it.
 *
 * A thread of its own does it all. Thread rule: any. */
#ifndef WF_MESH_BLOBS_H
#define WF_MESH_BLOBS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "mesh/devices.h"
#include "mesh/sealed.h"
#include "store/document.h"

struct wf_blobs;
struct wf_intake;
struct wf_intake_result;
struct wf_model_store;
struct wf_records;
struct wf_rights;
struct wf_sharing_document;
struct wf_store;

/* Records that say what documents there are; the key is the hash of the content in hex. */
#define WF_BLOBS_RECORDS WF_STR("weft.document")

/* Which documents of other devices are fetched without being asked for. */
enum wf_blobs_keep {
    WF_BLOBS_KEEP_ALL,
    WF_BLOBS_KEEP_SMALL,  /* up to small_bytes */
    WF_BLOBS_KEEP_PINNED, /* none but those that somebody pinned */
};

/* How it gets to the other cores; tests play it. As the functions of mesh/sealed.h. */
struct wf_blobs_wire {
    int (*send)(void *ud, uint64_t peer, struct wf_str bytes, struct wf_err *err);
    void (*close)(void *ud, uint64_t peer, const char *words);
    int (*entry)(void *ud, uint64_t peer, struct wf_devices_entry *out, struct wf_err *err);
    int (*own_entry)(void *ud, struct wf_devices_entry *out, struct wf_err *err);
    bool (*is_other)(void *ud, uint64_t peer); /* another person's device; NULL: none is */
    void *ud;
};

struct wf_blobs_options {
    struct wf_store *store; /* this and the next are borrowed until free */
    struct wf_records *records;
    struct wf_intake *intake;
    struct wf_model_store *models;    /* NULL: none are given */
    struct wf_sealed *sealed;         /* whose channel is taken; or */
    const struct wf_blobs_wire *wire; /* what stands in its place */
    const uint8_t *device;            /* this device's id; copied */
    const char *dir;                  /* for what is on its way; made when missing; copied */
    enum wf_blobs_keep keep;
    uint64_t small_bytes; /* of KEEP_SMALL */
    uint64_t bytes_max;   /* that originals from elsewhere may take which need not stay; 0: no limit
                             with KEEP_ALL, else none may */
    const struct wf_clock *clock; /* NULL: the system's */
    struct wf_log *log;           /* may be NULL */
    /* A document's label as its text asks for, before others are told of it; secret where that
     * cannot be told: then nobody is. NULL: what its row says. */
    enum wf_label (*label)(void *ud, int64_t document);
    void *label_ud;
    struct wf_rights *rights; /* where nothing may be written nobody is told; NULL: everywhere */
    /* As wf_sharing_may_read and wf_sharing_give_document, for other people's devices. NULL: they
     * get nothing and are asked for nothing. */
    bool (*may_read)(void *ud, const uint8_t *device, const uint8_t *space, enum wf_label label);
    int (*given)(void *ud, const struct wf_sharing_document *d, struct wf_err *err);
    /* The owner's devices as they are now, for their names; may be NULL. */
    void (*devices)(void *ud, struct wf_devices *out);
    /* What was taken in from elsewhere, and that something is different. Must not wait; may be
     * NULL. */
    void (*taken)(void *ud, const struct wf_intake_result *r);
    void (*changed)(void *ud);
    void *ud;
};

/* Starts the thread. Errors: NOMEM, BUSY (no room for a thread), IO. */
int wf_blobs_new(const struct wf_blobs_options *o, struct wf_blobs **out,
                 struct wf_err *err) WF_MUST_USE;
/* Ends the thread; before what it was given is freed. NULL is a no-op. */
void wf_blobs_free(struct wf_blobs *b);
/* What the wire's other end calls, in place of sealed's channel. */
void wf_blobs_events(struct wf_blobs *b, struct wf_sealed_events *out);

/* Documents were added or removed here; a record of WF_BLOBS_RECORDS has changed; the list of
 * devices is another. Never wait. NULL is a no-op. */
void wf_blobs_poke(struct wf_blobs *b);
void wf_blobs_heard(struct wf_blobs *b, int64_t space, struct wf_str key);
void wf_blobs_devices_changed(struct wf_blobs *b);

/* Called while bytes come; another result than 0 ends it with CANCELED: what came stays, and the
 * next time goes on from there. */
typedef int (*wf_blobs_progress_fn)(void *ud, uint64_t n_done, uint64_t n_all);

/* Pins a document (by id, name or title), so that it comes and stays, or lets it go. Errors: NOENT,
 * INVAL (several have the name), those of writing. */
int wf_blobs_pin(struct wf_blobs *b, struct wf_str words, bool is_pinned,
                 struct wf_err *err) WF_MUST_USE;
/* Fetches the original, and waits for it; out_uid (may be NULL): the document's id here. Errors:
 * NOENT (no such document; no device that has it is connected), CANCELED, INVAL, what taking it in
 * says. */
int wf_blobs_fetch(struct wf_blobs *b, struct wf_str words, wf_blobs_progress_fn progress, void *ud,
                   char out_uid[WF_UID_BYTES + 1], struct wf_err *err) WF_MUST_USE;
/* Whether the original of the document with that id is on other devices alone. Errors: NOENT (no
 * device has such a document), those of reading. */
int wf_blobs_is_away(struct wf_blobs *b, struct wf_str uid, bool *out,
                     struct wf_err *err) WF_MUST_USE;
/* A document here was opened. Never fails: then it counts as unused. */
void wf_blobs_opened(struct wf_blobs *b, int64_t space, const uint8_t hash[WF_HASH_BYTES]);

/* What a model's name means on a connected node: the JSON of its name's file, checked for its form
 * by who takes it; *out is a new reference; and the node's name. Errors: NOENT (none has it, or
 * says so in a few seconds), CANCELED. */
int wf_blobs_model(struct wf_blobs *b, struct wf_str name, json_t **out,
                   char out_node[WF_DEVICES_NAME_BYTES + 1], struct wf_err *err) WF_MUST_USE;
/* Fetches a model's file from whoever has it into the file `path`, behind what is there already.
 * `bytes`: how long it is. Its digest is for the caller to check. Errors: NOENT (nobody who has it
 * is connected any more), CANCELED, FULL, IO, NOMEM. */
int wf_blobs_model_file(struct wf_blobs *b, const uint8_t sha256[32], uint64_t bytes,
                        const char *path, wf_blobs_progress_fn progress, void *ud,
                        struct wf_err *err) WF_MUST_USE;

/* {"keep", "wanted", "wanted_bytes", "elsewhere", "away", "moved_bytes", "given_bytes",
 * "fetching": [{"name", "bytes", "done", "node"}]}. moved: fetched since the start; given: to
 * others. NULL: out of memory. */
json_t *wf_blobs_status(struct wf_blobs *b) WF_MUST_USE;
/* Documents that are not here at all, by space and hash, as documents.list has them, with
 * "state" and "on". The second adds "state", "pinned" and "on" (nodes that have the original) to
 * the JSON of one that is here. Errors: NOMEM, those of reading. */
int wf_blobs_elsewhere(struct wf_blobs *b, struct wf_str space, struct wf_str words, size_t n_max,
                       json_t **out, struct wf_err *err) WF_MUST_USE;
int wf_blobs_describe(struct wf_blobs *b, int64_t space, const uint8_t hash[WF_HASH_BYTES],
                      json_t *io_document, struct wf_err *err) WF_MUST_USE;

#endif
