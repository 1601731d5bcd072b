/* Inside a syncer: logs, nodes, and what is between each two. Only syncer*.c includes this. Thread
 * rule: owner. */
#ifndef WF_MESH_SYNCER_INTERNAL_H
#define WF_MESH_SYNCER_INTERNAL_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "mesh/syncer.h"

#define WF_SYNCER_NONE UINT32_MAX
#define WF_SYNCER_BUCKETS 512

/* A log and a node that may give it or have it. */
struct wf_syncer_tie {
    uint32_t log;     /* NONE: free */
    bool is_queued;   /* in the node's queue */
    bool is_given_up; /* did not send what it said it had; until it says more */
    bool is_other;    /* it tells another story of the log than is here */
    uint64_t theirs;  /* what the node said it has */
    uint64_t told;    /* what it was told we have */
    uint64_t sending; /* the next to be sent; 0: nothing is */
    uint64_t sent;    /* the last that was sent */
    uint64_t first;   /* the node has none before it; 0: it did not say so */
};

/* Numbers of things, in no order. */
struct wf_syncer_set {
    uint32_t *at;
    size_t n, cap;
};

/* A stream, its logs, and the nodes that may have it as they were last asked for: so that a batch
 * costs what it is to those, whoever else is there. */
struct wf_syncer_stream {
    uint8_t id[WF_STREAM_ID_BYTES];
    struct wf_syncer_set logs, peers;
};

struct wf_syncer_peer {
    uint64_t id;
    uint32_t slot;               /* where it stands in the syncer's peers */
    struct wf_list by_id, ready; /* ready: there may be something to be sent */
    struct wf_list *all_ready;
    struct wf_syncer_set streams; /* in whose peers it is */
    bool is_blocked;              /* until there is room */
    bool tries_again;             /* it is blocked until the next tick */
    bool has_told;                /* all that it has */
    bool has_hello;               /* was sent a HELLO */
    bool is_told;                 /* was told all that we have, when it came */
    struct wf_syncer_tie *ties;
    size_t n_ties, cap_ties;
    struct wf_map of_log; /* log (4 bytes) to tie */
    uint32_t *queue;      /* ties that something is to be done for */
    size_t n_queue, cap_queue;
    struct wf_buf part; /* of a batch longer than a message */
    uint64_t part_total;
    uint64_t out_at;     /* likewise, on the way out: how much of it is sent */
    uint64_t out_number; /* of that batch, and its log */
    uint32_t out_log;
};

struct wf_syncer_log {
    struct wf_sync_head head; /* durable; last 0: none */
    uint32_t stream;
    uint64_t coming; /* the last that waits to be made durable */
    uint8_t coming_hash[WF_BATCH_HASH_BYTES];
    uint64_t author;   /* the node whose log it is, which may not have the stream; 0: none */
    uint64_t asked_of; /* the node; 0: nobody */
    uint64_t asked_upto;
    int64_t asked_ns; /* when something last came */
    bool is_own;
    bool has_come; /* with the flush that is under way */
    bool is_lost;  /* what came could not be kept: it is asked for again */
    bool begins;   /* the next one that comes: what was before is in a snapshot */
};

struct wf_syncer {
    struct wf_syncer_options o;
    struct wf_syncer_log *logs;
    size_t n_logs, cap_logs;
    struct wf_map by_name;
    struct wf_syncer_stream *streams;
    size_t n_streams, cap_streams;
    struct wf_map by_stream;
    struct wf_syncer_peer **peers; /* NULL: free */
    size_t n_peers, cap_peers;
    struct wf_list buckets[WF_SYNCER_BUCKETS]; /* peers by id */
    struct wf_list ready;                      /* peers */
    int64_t forgive_ns;                        /* nor is who was given up on asked again */
    int64_t tick_ns;                           /* not before that */
    int64_t lost_ns;                           /* nor is what could not be kept asked for */
    int64_t lost_wait_ns;                      /* so long, the next time; 0: nothing was lost */
    struct wf_batch *pending;                  /* bytes are owned */
    size_t n_pending, cap_pending, pending_bytes;
    struct wf_buf message; /* that is being made */
};

struct wf_syncer_peer *wf_syncer__peer(const struct wf_syncer *s, uint64_t id);
/* The log's number; with `make` it is made. NONE: there is none, or no memory. */
uint32_t wf_syncer__log(struct wf_syncer *s, const struct wf_sync_log *log, bool make);
/* The tie, made where there is none; NULL: no memory. */
struct wf_syncer_tie *wf_syncer__tie(struct wf_syncer_peer *p, uint32_t log);
/* The tie, if there is one. */
struct wf_syncer_tie *wf_syncer__find_tie(const struct wf_syncer_peer *p, uint32_t log);
/* Notes that it is the node's own log, where it is: it hears of it, though it may not have the
 * stream. To be asked whenever it says something of it, and when the rules are others: who is not
 * known yet may be later. */
void wf_syncer__note_author(struct wf_syncer *s, const struct wf_syncer_peer *p, uint32_t log);
/* Whether the node may have the log. */
bool wf_syncer__may_have(const struct wf_syncer *s, const struct wf_syncer_peer *p, uint32_t log);
/* What was asked of a node is asked of others. NOMEM: not of all. */
int wf_syncer__ask_others(struct wf_syncer *s, uint32_t log);
/* Something is to be done for the tie. */
int wf_syncer__queue(struct wf_syncer_peer *p, struct wf_syncer_tie *t);
/* The log is further than it was, which was `before`: all who may have it are to hear of it.
 * `pushes`: what is new is sent to those who were up to date. */
int wf_syncer__moved(struct wf_syncer *s, uint32_t log, uint64_t before, bool pushes);
/* Does what is queued, as far as there is room. */
void wf_syncer__pump(struct wf_syncer *s, struct wf_syncer_peer *p);
void wf_syncer__pump_all(struct wf_syncer *s);
void wf_syncer__tell(const struct wf_syncer *s, enum wf_syncer_wrong what, uint64_t peer,
                     const struct wf_sync_log *log, uint64_t number);

/* ---- syncer_stream.c ---- */

/* The stream's number, made where it is new: then it is asked who may have it. NONE: no memory. */
uint32_t wf_syncer__stream(struct wf_syncer *s, const uint8_t id[WF_STREAM_ID_BYTES]);
int wf_syncer__set_add(struct wf_syncer_set *set, uint32_t v);
/* Asks for all streams whether the node may have them; queues all logs of those, so that it hears
 * of them. */
int wf_syncer__ask_streams(struct wf_syncer *s, struct wf_syncer_peer *p);
/* The node is in no stream's list any more. */
void wf_syncer__forget_streams(struct wf_syncer *s, struct wf_syncer_peer *p);
void wf_syncer__free_streams(struct wf_syncer *s);

#endif
