/* Inside sharing: what its files share. Only sharing*.c includes this. */
#ifndef WF_MESH_SHARING_INTERNAL_H
#define WF_MESH_SHARING_INTERNAL_H

#include "mesh/share_store.h"
#include "mesh/sharing_machine.h"
#include "mesh/syncer.h"

/* Records that say what a draft is called and how sensitive it is; the key is its uid in hex. */
#define WF_SHARING_DRAFTS WF_STR("weft.draft")

struct wf_sharing_peer {
    uint64_t id; /* 0: free */
    uint8_t key[WF_DEVICES_KEY_BYTES];
    uint8_t granted[32]; /* hash of the last letter that it was sent */
};

struct wf_sharing_stream {
    uint8_t id[WF_STREAM_ID_BYTES];
    int64_t space;
    enum wf_label level;
};

/* Why batches of a log are not applied. */
struct wf_sharing_problem {
    struct wf_sync_log log;
    uint64_t own_upto; /* of this device's own log, up to which others have it; 0: no trouble */
    char words[200];
};

struct wf_sharing_thread; /* sharing_thread.c */

struct wf_sharing {
    struct wf_sharing_options o;
    struct wf_sharing_link link;
    struct wf_sharing_thread *thread; /* that works it; NULL: the caller does */
    struct wf_gang *gang;             /* for what comes; NULL: this thread alone */
    struct wf_devices devices;
    struct wf_syncer *syncer;
    struct wf_sharing_peer *peers;
    size_t n_peers, cap_peers;
    struct wf_sharing_stream *streams;
    size_t n_streams, cap_streams;
    struct wf_sync_log *came; /* logs with batches that are not applied yet */
    size_t n_came, cap_came;
    struct wf_sharing_problem *problems;
    size_t n_problems, cap_problems;
    bool is_unsent;     /* something is not in a batch yet */
    int64_t out_ns;     /* not before that */
    bool is_going_on;   /* there is more to apply than was done in one go */
    bool keys_changed;  /* letters are due */
    bool rules_changed; /* what may be given and taken is to be asked anew */
};

/* ---- sharing.c ---- */

const struct wf_devices_entry *wf_sharing__entry(const struct wf_sharing *s,
                                                 const uint8_t device[WF_SIGNER_ID_BYTES]);
/* The node at the other end of a connection; NULL: there is none. Of id 0: a free place. */
struct wf_sharing_peer *wf_sharing__peer(const struct wf_sharing *s, uint64_t id);
const struct wf_sharing_stream *wf_sharing__stream(const struct wf_sharing *s,
                                                   const uint8_t id[WF_STREAM_ID_BYTES]);
/* Reads spaces and their streams anew. */
int wf_sharing__read_streams(struct wf_sharing *s, struct wf_err *err) WF_MUST_USE;
/* Says, once a log, why it is not applied; words empty: it is, again. NULL: there is nothing. */
struct wf_sharing_problem *wf_sharing__problem(struct wf_sharing *s, const struct wf_sync_log *log,
                                               const char *words);
void wf_sharing__log(const struct wf_sharing *s, const char *fmt, ...) WF_PRINTF(2, 3);

/* ---- sharing_out.c: what is here goes into batches ---- */
int wf_sharing__out(struct wf_sharing *s, struct wf_err *err) WF_MUST_USE;

/* ---- sharing_in.c: batches of others are applied ---- */
int wf_sharing__in(struct wf_sharing *s, struct wf_err *err) WF_MUST_USE;
/* All logs that are further than what was taken. */
int wf_sharing__find_untaken(struct wf_sharing *s, struct wf_err *err) WF_MUST_USE;
int wf_sharing__came(struct wf_sharing *s, const struct wf_sync_log *log);

/* ---- sharing_grant.c: letters with spaces and their keys ---- */
int wf_sharing__grant(struct wf_sharing *s, struct wf_sharing_peer *p,
                      struct wf_err *err) WF_MUST_USE;
int wf_sharing__take_letter(struct wf_sharing *s, const struct wf_sharing_peer *p,
                            struct wf_str sealed, struct wf_err *err) WF_MUST_USE;

#endif
