/* Inside sharing: what its files share. Only sharing*.c includes this. */
#ifndef WF_MESH_SHARING_INTERNAL_H
#define WF_MESH_SHARING_INTERNAL_H

#include "mesh/people.h"
#include "mesh/share_store.h"
#include "mesh/sharing_machine.h"
#include "mesh/snapshot.h"
#include "mesh/syncer.h"

/* Records that say what a draft is called and how sensitive it is; the key is its uid in hex. */
#define WF_SHARING_DRAFTS WF_STR("weft.draft")

/* A letter for a device that sleeps, which a node that keeps was given. */
struct wf_sharing_left {
    uint8_t to[WF_SIGNER_ID_BYTES];
    uint8_t tag[WF_SYNC_TAG_BYTES];
};

/* A node that was connected: since when it is not, and what it had then. */
struct wf_sharing_gone {
    uint8_t key[WF_DEVICES_KEY_BYTES];
    int64_t at_ms;
    struct wf_sync_head *has;
    size_t n, cap;
};

/* What goes to another person's device: an entry of the ledger that stands. */
struct wf_sharing_given {
    uint8_t device[WF_SIGNER_ID_BYTES];
    uint8_t item[16]; /* hash of what it is */
    int64_t space;
    enum wf_label level;
    const char *what, *reason; /* static */
    char *name, *space_name;   /* owned */
    char to[160];
    uint64_t seq; /* the entry */
    int64_t opened_ns;
    uint32_t n_told, n; /* changes: that the entry says, that went */
    uint64_t bytes_told, bytes;
    uint8_t sealed[WF_BATCH_HASH_BYTES];
};

/* Something of it that is in the message which is being made. */
struct wf_sharing_leaving {
    uint64_t seq; /* the entry */
    uint32_t n;
    uint64_t bytes;
    uint8_t sealed[WF_BATCH_HASH_BYTES];
};

struct wf_sharing_peer {
    uint64_t id;   /* 0: free */
    uint32_t next; /* of those whose id falls into one bucket */
    uint8_t key[WF_DEVICES_KEY_BYTES];
    uint8_t granted[32]; /* hash of the last letter, or of all passes, that it was sent */
    bool is_held;        /* what it is to have is not in the ledger yet */
    bool hands_over;     /* letters may wait for it here */
    int64_t handed_ns;   /* when they were handed over last */
    struct wf_sharing_left *left;
    size_t n_left, cap_left;
};

/* A letter that could not be taken, for the disk was full or the like: it is not sent again. */
struct wf_sharing_untaken {
    uint64_t peer;
    char *bytes; /* owned; sealed */
    size_t len;
};

#define WF_SHARING_BUCKETS 1024u
#define WF_SHARING_NOBODY UINT32_MAX

struct wf_sharing_stream {
    uint8_t id[WF_STREAM_ID_BYTES];
    int64_t space;
    enum wf_label level;
};

/* Why batches of a log are not applied. */
struct wf_sharing_problem {
    struct wf_sync_log log;
    uint64_t missing;  /* that was withheld; 0: no such trouble */
    uint64_t own_upto; /* of this device's own log, up to which others have it; 0: no trouble */
    bool is_missing;   /* what came before is nowhere to be had, or it cannot be taken as it is */
    char words[200];
};

/* A log of two stories, as somebody here tells another one than is here. */
struct wf_sharing_fork {
    struct wf_sync_log log;
    bool is_told; /* others have, in a snapshot, what is here of it */
};

struct wf_sharing_thread; /* sharing_thread.c */

struct wf_sharing {
    struct wf_sharing_options o;
    struct wf_sharing_link link;
    struct wf_sharing_thread *thread; /* that works it; NULL: the caller does */
    struct wf_gang *gang;             /* for what comes; NULL: this thread alone */
    struct wf_devices devices;
    struct wf_people people;
    uint8_t (*pins)[WF_DEVICES_KEY_BYTES]; /* other people's transport keys that are allowed */
    size_t n_pins, cap_pins;
    int64_t pins_ms;    /* when they are to be looked at again; 0: not */
    bool pins_changed;  /* at the end of this step */
    bool people_forked; /* a fork's end may be for this device to sign */
    struct wf_syncer *syncer;
    struct wf_relay *relay;
    bool is_cipher;                       /* this device keeps ciphertext alone */
    enum wf_label cleared;                /* for what it was, as such */
    uint32_t buckets[WF_SHARING_BUCKETS]; /* of peers, by id; NOBODY: none */
    struct wf_sharing_peer *peers;
    size_t n_peers, cap_peers;
    struct wf_sharing_gone *gone;
    size_t n_gone, cap_gone;
    struct wf_sharing_stream *streams;
    size_t n_streams, cap_streams;
    struct wf_sync_log *came; /* logs with batches that are not applied yet */
    size_t n_came, cap_came;
    struct wf_sharing_problem *problems;
    size_t n_problems, cap_problems;
    struct wf_sharing_fork *forks;
    size_t n_forks, cap_forks;
    bool must_merge;    /* snapshots may have what is in another story than is here */
    int64_t stories_ns; /* stories are not looked at before that */
    struct wf_sharing_untaken *letters;
    size_t n_letters, cap_letters;
    int64_t letters_ns; /* they are not tried again before that */
    struct wf_sharing_given *given;
    size_t n_given, cap_given;
    struct wf_sharing_leaving *leaving;
    size_t n_leaving, cap_leaving;
    int64_t given_ns;        /* the ledger is not asked again before that */
    struct wf_err given_err; /* why it could not be written; code 0: it could */
    bool has_held;           /* some peer is */
    bool is_unsent;          /* something is not in a batch yet */
    int64_t out_ns;          /* not before that */
    int64_t word_ns;         /* nor is it looked whether a word is due */
    bool must_say;           /* one is */
    uint64_t measured_bytes; /* of the shelf, when it was last looked whether one is due */
    int64_t measure_ns;      /* it is looked once more then; 0: it was */
    int64_t snapshot_ns;     /* snapshots are not looked at before that */
    bool must_look;          /* for logs that are not taken: a snapshot has come */
    bool is_going_on;        /* there is more to apply than was done in one go */
    bool keys_changed;       /* letters are due */
    int64_t keys_ns;         /* those that failed are tried again then; 0: none did */
    bool rules_changed;      /* what may be given and taken is to be asked anew */
    bool is_stale; /* streams, who counts, what is untaken, who may what: to be asked anew */
    int64_t stale_ns, untaken_ns; /* not before that; when what was refused is tried again */
};

/* ---- sharing.c ---- */

const struct wf_devices_entry *wf_sharing__entry(const struct wf_sharing *s,
                                                 const uint8_t device[WF_SIGNER_ID_BYTES]);
/* The node at the other end of a connection; NULL: there is none. Of id 0: a free place. */
struct wf_sharing_peer *wf_sharing__peer(const struct wf_sharing *s, uint64_t id);
const struct wf_sharing_stream *wf_sharing__stream(const struct wf_sharing *s,
                                                   const uint8_t id[WF_STREAM_ID_BYTES]);
/* Whether the owner has had the first device for longer. */
bool wf_sharing__is_elder(const struct wf_devices_entry *a, const struct wf_devices_entry *b);
/* Whether anything of a space is shared: of a "me" that this device may not see itself nothing is,
 * nor of one that is new since the streams were read. */
bool wf_sharing__has_streams(const struct wf_sharing *s, int64_t space);
/* Reads spaces and their streams anew. */
int wf_sharing__read_streams(struct wf_sharing *s, struct wf_err *err) WF_MUST_USE;
/* Logs of which something before what is here is missing. */
size_t wf_sharing__missing(const struct wf_sharing *s);
/* Says, once a log, why it is not applied; words empty: it is, again. NULL: there is nothing. */
struct wf_sharing_problem *wf_sharing__problem(struct wf_sharing *s, const struct wf_sync_log *log,
                                               const char *words);
/* Whether it failed for a reason of this device's that passes: to be tried again. */
bool wf_sharing__is_own_trouble(int rc);
/* A draft's label at that moment. Errors: such. */
int wf_sharing__label(const struct wf_sharing *s, const struct wf_draft_moment *at,
                      enum wf_label *out, struct wf_err *err) WF_MUST_USE;
/* Something is wrong with a log, and who is at fault. */
void wf_sharing__trouble(struct wf_sharing *s, const struct wf_syncer_trouble *t);
void wf_sharing__log(const struct wf_sharing *s, const char *fmt, ...) WF_PRINTF(2, 3);

/* ---- sharing_people.c: who (sharing_people.h has what each may) ---- */

/* Reads charters and lists anew. */
int wf_sharing__read_people(struct wf_sharing *s, struct wf_err *err) WF_MUST_USE;
/* Says whose transport keys are allowed, where that changed or it is time. */
void wf_sharing__pin(struct wf_sharing *s);
/* Signs the ends of forks that are for this device to sign. */
void wf_sharing__mend(struct wf_sharing *s);
/* Whose device this one is; the name borrows from s. */
struct wf_people_self wf_sharing__self(const struct wf_sharing *s);

/* ---- sharing_given.c: what goes to other people's devices is in the ledger ---- */

/* The syncer's questions: whether a batch may leave for that node, 0; and that those of which that
 * was asked since the last call went, or did not. */
int wf_sharing__leaves(void *ud, uint64_t peer, struct wf_str batch);
void wf_sharing__left(void *ud, uint64_t peer, bool is_sent);
/* wf_sharing_give_document. */
int wf_sharing__give_document(struct wf_sharing *s, const struct wf_sharing_document *d,
                              struct wf_err *err) WF_MUST_USE;
/* Writes sums that are due; tries again what could not be entered. */
void wf_sharing__tend_given(struct wf_sharing *s);
/* Writes all sums, and frees. */
void wf_sharing__end_given(struct wf_sharing *s);

/* ---- sharing_text.c: what was deleted before it was sent ---- */

/* *io, the update that `updates` make together, is made anew of the draft as it is at that moment,
 * without the texts that are deleted then; it is left where they are all of its log and delete
 * nothing. UNSUPPORTED: the whole draft is to be sent; NOENT: it is gone; NOMEM, those of reading.
 */
int wf_sharing__without_deleted(struct wf_sharing *s, const struct wf_draft_moment *at,
                                const struct wf_str *updates, size_t n, struct wf_buf *io,
                                struct wf_err *err) WF_MUST_USE;

/* ---- sharing_out.c: what is here goes into batches ---- */
/* 1: nothing may be written yet, for others have more of this device's own log than it has. */
int wf_sharing__out(struct wf_sharing *s, struct wf_err *err) WF_MUST_USE;

/* ---- sharing_in.c: batches of others are applied ---- */
int wf_sharing__in(struct wf_sharing *s, struct wf_err *err) WF_MUST_USE;
/* All logs that are further than what was taken. Tells the syncer of those that are further than it
 * knows. */
int wf_sharing__find_untaken(struct wf_sharing *s, struct wf_err *err) WF_MUST_USE;
int wf_sharing__came(struct wf_sharing *s, const struct wf_sync_log *log);

/* ---- sharing_grant.c: letters with spaces and their keys ---- */
int wf_sharing__grant(struct wf_sharing *s, struct wf_sharing_peer *p,
                      struct wf_err *err) WF_MUST_USE;
/* The letter that a device is due, sealed; empty: there is nothing to be said. tag: the same for as
 * long as what it says is. */
int wf_sharing__letter(struct wf_sharing *s, const struct wf_devices_entry *to, struct wf_buf *out,
                       uint8_t tag[WF_SYNC_TAG_BYTES], struct wf_err *err) WF_MUST_USE;
int wf_sharing__take_letter(struct wf_sharing *s, const struct wf_sharing_peer *p,
                            struct wf_str sealed, struct wf_err *err) WF_MUST_USE;

/* ---- sharing_snapshot.c: streams are put down as snapshots ---- */

/* Makes snapshots that are due, and forgets what older ones cover; now and then. */
int wf_sharing__tend_snapshots(struct wf_sharing *s, struct wf_err *err) WF_MUST_USE;
/* Makes those of a space, of the levels that this device may write. BUSY: not all of it is here. */
int wf_sharing__make_snapshot(struct wf_sharing *s, const struct wf_share_space *space,
                              struct wf_err *err) WF_MUST_USE;

/* ---- sharing_covers.c: snapshots that came, and what they stand for ---- */

/* Forgets what the older of the two newest snapshots of each stream covers. */
int wf_sharing__trim(struct wf_sharing *s, const struct wf_share_space *space,
                     struct wf_err *err) WF_MUST_USE;
/* Notes a part of a snapshot that is passed over, since all that it covers is here; in turn. */
int wf_sharing__note_part(struct wf_sharing *s, const struct wf_sync_log *log, uint64_t number,
                          const struct wf_batch_entry *e, size_t n_bytes,
                          struct wf_err *err) WF_MUST_USE;
/* Whether a snapshot on the shelf has what a log's batches before that one have. */
bool wf_sharing__covers(void *ud, const struct wf_sync_log *log, uint64_t before);
/* The next that can be taken of a log is not the next of it: what is missing is taken from a
 * snapshot. *out_done: one was. Errors: those of who made it, NOMEM, those of the store. */
int wf_sharing__bridge(struct wf_sharing *s, const struct wf_sync_log *log, uint64_t first,
                       bool *out_done, struct wf_err *err) WF_MUST_USE;
/* Compares snapshots that came with what they say they cover; names who left something out. */
int wf_sharing__check_snapshots(struct wf_sharing *s, const uint8_t *stream,
                                struct wf_err *err) WF_MUST_USE;

/* Takes snapshots that cover another story than is here of devices that are out. */
int wf_sharing__merge(struct wf_sharing *s, struct wf_err *err) WF_MUST_USE;
/* Whether what a snapshot in that stream covers is of another story than is here. */
bool wf_sharing__is_other_story(const struct wf_sharing *s, struct wf_reader *r,
                                const uint8_t stream[WF_STREAM_ID_BYTES],
                                const struct wf_snapshot_cover *c);

/* ---- sharing_stories.c: logs of two stories whose device is out ---- */

/* Somebody tells another story of the log than is here; the same, when more of it came. */
void wf_sharing__forked(struct wf_sharing *s, const struct wf_sync_log *log);
void wf_sharing__fork_came(struct wf_sharing *s, const struct wf_sync_log *log);
bool wf_sharing__is_forked(const struct wf_sharing *s, const struct wf_sync_log *log);
/* Whether the log's device is out: no more comes of it. */
bool wf_sharing__is_over(const struct wf_sharing *s, const struct wf_sync_log *log);
/* Tells the others what is here of such logs, and takes what they tell; now and then. */
int wf_sharing__tend_stories(struct wf_sharing *s, struct wf_err *err) WF_MUST_USE;
/* Whether there is any of that to be done. */
bool wf_sharing__has_stories(const struct wf_sharing *s);

/* ---- sharing_words.c: how far devices are, so that deletions become final ---- */

/* Takes what a device says in a stream of that level; in turn. Errors: FORMAT, UNSUPPORTED, NOMEM,
 * those of writing. */
int wf_sharing__hear_word(struct wf_sharing *s, int64_t space, enum wf_label level,
                          const uint8_t device[WF_SIGNER_ID_BYTES], struct wf_str bytes,
                          struct wf_err *err) WF_MUST_USE;
/* Whether this device has something to say in any space. */
bool wf_sharing__wants_word(struct wf_sharing *s);
/* What is to be said in a space, but for dseq and hlc of this device. */
int wf_sharing__make_word(struct wf_sharing *s, struct wf_reader *r,
                          const struct wf_share_space *space, struct wf_arena *arena,
                          struct wf_snapshot_word *out, bool *out_due,
                          struct wf_err *err) WF_MUST_USE;
/* Puts it into the contents of all levels that it is for; says that it was said, in turn. */
int wf_sharing__put_word(const struct wf_share_space *space, struct wf_snapshot_word *w,
                         struct wf_buf contents[WF_LABEL_SECRET], struct wf_err *err) WF_MUST_USE;
int wf_sharing__note_word(struct wf_sharing *s, int64_t space, const struct wf_snapshot_word *w,
                          struct wf_err *err) WF_MUST_USE;
/* Who is in the list and may write counts for what is final; who was taken out does not. */
int wf_sharing__count_devices(struct wf_sharing *s, struct wf_err *err) WF_MUST_USE;

/* ---- sharing_absent.c: who is not connected ---- */

/* A connection is about to be gone: what its node has is remembered. */
void wf_sharing__remember(struct wf_sharing *s, const struct wf_sharing_peer *p);
void wf_sharing__forget_gone(struct wf_sharing *s);
/* [{"name", "seen_ms", "lacks"}]: of the list; the last two null: not since this process began. */
json_t *wf_sharing__absent_json(const struct wf_sharing *s) WF_MUST_USE;

/* ---- sharing_in.c, for them ---- */

/* Opens a batch's content. NOENT (no key), DENIED, FORMAT, NOMEM. */
int wf_sharing__open(const struct wf_sharing *s, const struct wf_batch *b, struct wf_buf *out,
                     struct wf_err *err) WF_MUST_USE;

#endif
