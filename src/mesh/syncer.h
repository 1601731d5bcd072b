/* Syncer: brings nodes that may have the same batches to have them. It is a machine without
 * sockets, threads or clocks of its own: bytes go in, bytes go out, so that the simulator can play
 * it; batches lie on a shelf (mesh/shelf.h).
 *
 * Both sides say how far each log is with them (HEADS), and again when that changes, which is also
 * how one learns what the other has durably. Who is behind asks for what it lacks (WANT), of one
 * node a log at a time; a device's new batches are sent to who was up to date without being asked,
 * as are all new ones by a node that keeps batches for those who sleep. What comes is checked
 * (form, signature, place in its log) and made durable by wf_syncer_flush, together with all that
 * came in between; only then is it told to anybody.
 *
 * What a node may have is the caller's to say, for each stream, and asked anew whenever something
 * is about to be given: what it must not have is not even announced. Thread rule: owner. */
#ifndef WF_MESH_SYNCER_H
#define WF_MESH_SYNCER_H

#include <jansson.h>

#include "base/clock.h"
#include "mesh/shelf.h"

/* A node that does not send what it said it has is given up on after so long. */
#define WF_SYNCER_PATIENCE_S 20

enum wf_syncer_wrong {
    WF_SYNCER_FORK,     /* a device made two batches with one number */
    WF_SYNCER_BEHIND,   /* others have more of this device's own log than it has: an old copy of
                           its data was put back. It must not write before it has them, too */
    WF_SYNCER_WITHHELD, /* a node says it has batches, and does not send them */
    WF_SYNCER_LOST,     /* a node no longer has what it had */
    WF_SYNCER_FORGED,   /* a node sent a batch that its device did not sign, or that is none */
    WF_SYNCER_LATER,    /* a node has only what came later, as a relay that has let go of what all
                           had; nobody here has the rest */
    WF_SYNCER_WRONG_COUNT
};

struct wf_syncer_trouble {
    enum wf_syncer_wrong what;
    uint64_t peer; /* who sent it or says it */
    struct wf_sync_log log;
    uint64_t number; /* of the batch; LOST, BEHIND: up to which the other has */
};

struct wf_syncer;

/* The callbacks must not call the syncer. */
struct wf_syncer_options {
    struct wf_shelf shelf;
    uint8_t device[WF_SIGNER_ID_BYTES]; /* this one */
    bool keeps;                         /* it keeps batches for those who sleep */
    const struct wf_clock *clock;       /* NULL: the system's */
    /* May that node have this stream? */
    bool (*gives)(void *ud, uint64_t peer, const uint8_t stream[WF_STREAM_ID_BYTES]);
    /* Is this log what that node itself wrote? It hears of it, and has it, also where it may not
     * have the stream: else it would never know that others have what it wrote. NULL: no. */
    bool (*owns)(void *ud, uint64_t peer, const struct wf_sync_log *log);
    /* Is this log wanted here, from that node? */
    bool (*takes)(void *ud, uint64_t peer, const struct wf_sync_log *log);
    /* May that node tell this one how far a log is with it? What it may not tell counts as no
     * difference: one that may see less than before keeps what it has, and hears no more of it.
     * NULL: it may. */
    bool (*tells)(void *ud, uint64_t peer, const struct wf_sync_log *log);
    /* Has a snapshot on the shelf what the log's batches before that one did? NULL: none has. */
    bool (*covers)(void *ud, const struct wf_sync_log *log, uint64_t before);
    /* Is the log's device out? Of a log of two stories that one is not told the other counts as
     * difference for as long as it is not, since it is to be mended. NULL: it is not. */
    bool (*is_over)(void *ud, const struct wf_sync_log *log);
    /* Is a batch about to go to that node, in the message that is made; other than 0: it must not
     * now, and wf_syncer_room follows. Then whether those of which that was asked went, once that
     * is known. Both NULL: all may. */
    int (*leaves)(void *ud, uint64_t peer, struct wf_str batch);
    void (*left)(void *ud, uint64_t peer, bool is_sent);
    /* Sends a message. BUSY: it was not taken, and wf_syncer_room will follow. Other errors: it is
     * tried again with a tick, until wf_syncer_down where the node is gone. */
    int (*send)(void *ud, uint64_t peer, struct wf_str message, struct wf_err *err);
    /* Batches of others up to this one are durable here now. */
    void (*came)(void *ud, const struct wf_sync_head *head);
    void (*trouble)(void *ud, const struct wf_syncer_trouble *t);
    /* A node says how far a log is with it: what it once said of it, in other connections, too; 0:
     * nothing. May be NULL. */
    uint64_t (*said)(void *ud, uint64_t peer, const struct wf_sync_head *head);
    /* It has said all that it has. May be NULL. */
    void (*said_all)(void *ud, uint64_t peer);
    /* A message that is not about batches: HELLO, LETTER, PASS, GOT. */
    void (*other)(void *ud, uint64_t peer, const struct wf_sync_message *m);
    void *ud;
};

/* Reads how far the shelf's logs are. Errors: those of the shelf, NOMEM. */
int wf_syncer_new(const struct wf_syncer_options *o, struct wf_syncer **out,
                  struct wf_err *err) WF_MUST_USE;
void wf_syncer_free(struct wf_syncer *s);

/* A node is there; is gone. Errors of up: NOMEM, LIMIT (too many at once). */
int wf_syncer_up(struct wf_syncer *s, uint64_t peer, struct wf_err *err) WF_MUST_USE;
void wf_syncer_down(struct wf_syncer *s, uint64_t peer);

/* A message of a node that is there. Errors: FORMAT, LIMIT, UNSUPPORTED: the connection is to be
 * ended; NOMEM; those of the shelf. */
int wf_syncer_bytes(struct wf_syncer *s, uint64_t peer, struct wf_str message,
                    struct wf_err *err) WF_MUST_USE;
/* What came is made durable, told and passed on. Errors: those of the shelf (FULL, IO): what was
 * not kept is asked for again by a later wf_syncer_tick; NOMEM: not all who are to hear of it may
 * hear, before wf_syncer_rules_changed. */
int wf_syncer_flush(struct wf_syncer *s, struct wf_err *err) WF_MUST_USE;
/* There is room again to send to that node. */
void wf_syncer_room(struct wf_syncer *s, uint64_t peer);
/* This device has put batches of its own on the shelf, up to this one. NOMEM. */
int wf_syncer_wrote(struct wf_syncer *s, const struct wf_sync_head *head,
                    struct wf_err *err) WF_MUST_USE;
/* A snapshot has brought a log up to there: what is asked for next is behind it. NOMEM. */
int wf_syncer_reached(struct wf_syncer *s, const struct wf_sync_head *head,
                      struct wf_err *err) WF_MUST_USE;
/* What nodes may have, or what is wanted, is another: all is asked anew. NOMEM. */
int wf_syncer_rules_changed(struct wf_syncer *s, struct wf_err *err) WF_MUST_USE;
/* The same of one stream alone. */
int wf_syncer_stream_changed(struct wf_syncer *s, const uint8_t stream[WF_STREAM_ID_BYTES],
                             struct wf_err *err) WF_MUST_USE;
/* To be called about once a second. */
void wf_syncer_tick(struct wf_syncer *s);

/* A message that is not about batches. Errors: those of send, NOENT. */
int wf_syncer_send(struct wf_syncer *s, uint64_t peer, const struct wf_sync_message *m,
                   struct wf_err *err) WF_MUST_USE;

/* How far a log is here. */
uint64_t wf_syncer_here(const struct wf_syncer *s, const struct wf_sync_log *log);

/* How far a node has said that it has a log; 0: it has not. */
uint64_t wf_syncer_there(const struct wf_syncer *s, uint64_t peer, const struct wf_sync_log *log);
/* Whether it keeps batches for others from now on: passes new ones on at once. */
void wf_syncer_keep(struct wf_syncer *s, bool keeps);

/* How far a log is by those who are connected: the most that one of them said. */
uint64_t wf_syncer_said(const struct wf_syncer *s, const struct wf_sync_log *log);

/* What differs: batches that nodes here have and this one wants, and the other way round, of the
 * logs that they may tell of; of two stories of one length one batch both ways. */
struct wf_syncer_behind {
    uint64_t here, there;
    size_t n_peers;
    bool is_known; /* all nodes that are there have said what they have */
};
struct wf_syncer_behind wf_syncer_behind(const struct wf_syncer *s);

#endif
