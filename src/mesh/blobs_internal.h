/* Inside blobs: what its files share. Only blobs*.c includes this. */
#ifndef WF_MESH_BLOBS_INTERNAL_H
#define WF_MESH_BLOBS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "base/map.h"
#include "mesh/blobs.h"
#include "mesh/blobs_message.h"
#include "mesh/blobs_store.h"

/* Fetches at once, and what of all of them may be on its way. */
#define WF_BLOBS_FETCHES_MAX 48u
#define WF_BLOBS_WINDOW_BYTES ((uint64_t)8 << 20)
/* Questions of one node that wait for their answer: far more than one asks at once. */
#define WF_BLOBS_ASKS_MAX 512u
/* What may have come and wait for the thread: the window and what is sent with it. */
#define WF_BLOBS_EVENT_BYTES_MAX ((size_t)32 << 20)
/* Documents that records said something of; more at once: all are looked at. */
#define WF_BLOBS_HEARD_MAX 1024u

enum wf_blobs_event_what {
    WF_BLOBS_EVENT_UP,
    WF_BLOBS_EVENT_BYTES,
    WF_BLOBS_EVENT_ROOM,
    WF_BLOBS_EVENT_DOWN,
    WF_BLOBS_EVENT_TAKEN, /* the intake is done with one */
};

/* Something that happened, for the thread. */
struct wf_blobs_event {
    struct wf_list node;
    enum wf_blobs_event_what what;
    uint64_t peer;
    int64_t space;               /* TAKEN */
    uint8_t hash[WF_HASH_BYTES]; /* TAKEN */
    int code;                    /* TAKEN */
    size_t n;
    char bytes[]; /* TAKEN: the reason */
};

struct wf_blobs_heard {
    int64_t space;
    uint8_t hash[WF_HASH_BYTES];
};

/* A question of another node. */
struct wf_blobs_ask {
    struct wf_list node;
    struct wf_blobs_message m; /* no body but a name, which lies behind */
    uint64_t n_given;          /* of WANT */
    char name[];
};

struct wf_blobs_entered {
    uint8_t hash[WF_HASH_BYTES], space[WF_SPACE_UID_BYTES];
};

struct wf_blobs_peer {
    struct wf_list node;
    uint64_t id;
    struct wf_devices_entry entry;
    bool is_other; /* another person's */
    /* What the ledger says that it gets. */
    struct wf_blobs_entered *entered; /* [n_entered] */
    size_t n_entered, cap_entered;
    bool is_full;        /* BUSY, and no room since */
    struct wf_list asks; /* in the order of their coming */
    size_t n_asks;
    /* What was given last: likely what is asked for next. */
    int fd;
    enum wf_blobs_what what;
    uint8_t hash[WF_BLOBS_HASH_BYTES];
    uint64_t n_bytes;
    /* How the file that is given is cut, as far as it was: noted once it is all of it. */
    struct wf_buf listed;
    uint8_t listed_hash[WF_BLOBS_HASH_BYTES];
    uint8_t listed_space[WF_SPACE_UID_BYTES];
    uint64_t n_listed;
};

enum wf_fetch_state {
    WF_FETCH_WAITS,  /* for somebody who has it */
    WF_FETCH_RUNS,   /* from `peer` */
    WF_FETCH_TAKING, /* the intake has it */
    WF_FETCH_DONE,   /* a model's file: it is for the caller to look */
};

enum wf_piece_state {
    WF_PIECE_MISSING,
    WF_PIECE_ASKED,
    WF_PIECE_HERE,
    WF_PIECE_TWIN
};

struct wf_fetch_piece {
    struct wf_piece p;
    uint64_t start;
    enum wf_piece_state state; /* TWIN: like one before it, whose number follows */
    uint32_t twin;
};

struct wf_fetch {
    struct wf_list node;
    enum wf_fetch_state state;
    enum wf_blobs_what what;
    uint8_t hash[WF_BLOBS_HASH_BYTES];
    uint64_t n_bytes;
    int64_t space;
    uint8_t space_uid[WF_SPACE_UID_BYTES]; /* when a node was last chosen */
    enum wf_label label;
    char *name, *uid; /* of the document; owned */
    bool is_known;    /* its text is here: the original alone is wanted */
    uint32_t id;      /* of its questions; another for each attempt */
    uint64_t peer;
    uint64_t tried[16]; /* who has it not, or sent nonsense */
    size_t n_tried;
    int64_t again_ns; /* not before that, when all were tried */
    char *path;       /* of what is on its way; owned */
    int fd;
    /* A document's pieces, as far as they are told. */
    int list_fd;
    struct wf_fetch_piece *pieces;
    size_t n_pieces, cap_pieces;
    struct wf_map by_hash;
    uint64_t n_told;      /* bytes that the pieces cover */
    bool is_asking;       /* for more pieces */
    size_t i_ask, i_next; /* the first that may not be asked for yet; that may not be here yet */
    struct wf_buf part;   /* of the piece i_next */
    uint64_t n_here, n_moved, n_outstanding;
    int64_t moved_ns; /* when something of it came last */
    /* A model's file comes from its beginning to its end. */
    uint64_t asked_to;
    struct wf_err failure; /* code 0: none */
};

/* Somebody asks all nodes something. */
struct wf_blobs_poll {
    struct wf_list node;
    uint32_t id;
    size_t n_asked, n_answered;
    unsigned flags;     /* of all HAS */
    json_t *model;      /* the first MODEL */
    struct wf_str name; /* of a model that is asked for; borrowed */
    uint64_t peer;      /* that answered so */
};

struct wf_blobs {
    struct wf_blobs_options o;
    struct wf_blobs_wire wire;
    uint8_t device[32];
    char *dir;
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock; /* rank 2: guards the next ones */
    pthread_cond_t wake;
    struct wf_list events;
    size_t n_event_bytes;
    struct wf_blobs_heard *heard; /* [WF_BLOBS_HEARD_MAX] */
    size_t n_heard;
    bool is_poked, is_heard_all, is_listed_anew, stop;
    size_t n_taking;         /* that the intake has */
    pthread_cond_t fewer;    /* n_taking fell */
    atomic_bool is_canceled; /* the intake need not finish what it has */

    pthread_mutex_t work; /* rank 1: guards what follows; held while the thread works */
    struct wf_list peers, fetches, polls;
    size_t n_fetches;
    uint32_t last_id;
    bool in_turn;            /* a turn of writing is open: what is written joins it */
    bool is_changed;         /* others here are to be told, once */
    int64_t looked_id;       /* documents up to that one were looked at */
    bool is_wanting;         /* rows may be wanted that are not fetched */
    bool is_evicting;        /* more may be here than shall be */
    int64_t again_ns;        /* when to look at that again */
    enum wf_label clearance; /* this device's own */
    uint64_t n_moved, n_given;
    struct wf_blobs_poll evict; /* is_linked by id != 0 */
    struct wf_paper evict_paper;
    struct wf_map kept; /* hashes that nobody else keeps */
    int64_t evict_ns;
    struct wf_blobs_heard later[WF_BLOBS_HEARD_MAX]; /* removals that wait */
    size_t n_later;
};

/* ---- blobs.c ---- */
void wf_blobs__log(const struct wf_blobs *b, const char *fmt, ...) WF_PRINTF(2, 3);
int wf_blobs__no_memory(struct wf_err *err);
struct wf_blobs_peer *wf_blobs__peer(const struct wf_blobs *b, uint64_t id);
/* Sends, or says BUSY and remembers that until there is room. */
int wf_blobs__send(struct wf_blobs *b, struct wf_blobs_peer *p, const struct wf_blobs_message *m,
                   struct wf_err *err) WF_MUST_USE;
/* Ends the session with somebody who says what makes no sense. */
void wf_blobs__hang_up(struct wf_blobs *b, struct wf_blobs_peer *p, const char *words);
void wf_blobs__push_taken(struct wf_blobs *b, int64_t space, const uint8_t hash[WF_HASH_BYTES],
                          int code, struct wf_str reason);
/* All records are looked at again, soon. */
void wf_blobs__hear_again(struct wf_blobs *b);
/* Opens a turn that all that is written joins until the end, which commits it. Nothing else may
 * wait for a turn in between, and what was written is not read before. */
int wf_blobs__turn_begin(struct wf_blobs *b, struct wf_err *err) WF_MUST_USE;
int wf_blobs__turn_end(struct wf_blobs *b, int rc, struct wf_err *err) WF_MUST_USE;
/* One transaction around fn, or a part of the turn that is open. */
int wf_blobs__in_turn(struct wf_blobs *b, int (*fn)(struct wf_blobs *b, void *ud, struct wf_err *e),
                      void *ud, struct wf_err *err) WF_MUST_USE;
/* Writes a row, in a turn of its own. */
int wf_blobs__put(struct wf_blobs *b, const struct wf_paper *p, struct wf_err *err) WF_MUST_USE;
/* A space's uid; zeros where it cannot be read: nobody has a document of that. */
void wf_blobs__space_uid(struct wf_blobs *b, int64_t space, uint8_t out[WF_SPACE_UID_BYTES]);
/* Notes why a document is not here; failing that does no harm. */
void wf_blobs__note_problem(struct wf_blobs *b, int64_t space, const uint8_t hash[WF_HASH_BYTES],
                            const char *words);
/* Reads one. NOENT. */
int wf_blobs__get(struct wf_blobs *b, int64_t space, const uint8_t hash[WF_HASH_BYTES],
                  struct wf_arena *arena, struct wf_paper *out, struct wf_err *err) WF_MUST_USE;

/* ---- blobs_give.c: what others ask for ---- */
void wf_blobs__asked(struct wf_blobs *b, struct wf_blobs_peer *p, const struct wf_blobs_message *m);
/* Answers some of it. true: there is more to do now. */
bool wf_blobs__give(struct wf_blobs *b, struct wf_blobs_peer *p);
void wf_blobs__forget_asks(struct wf_blobs_peer *p);

/* ---- blobs_take.c: what is fetched ---- */
void wf_blobs__answered(struct wf_blobs *b, struct wf_blobs_peer *p,
                        const struct wf_blobs_message *m);
/* Begins fetches and asks for more. */
void wf_blobs__take(struct wf_blobs *b);
void wf_blobs__lost(struct wf_blobs *b, uint64_t peer);
/* Somebody new may have what is waited for. */
void wf_blobs__try_again(struct wf_blobs *b);
void wf_blobs__taken(struct wf_blobs *b, const struct wf_blobs_event *e);
/* Ends a fetch, and forgets what came of it if so wanted. */
void wf_blobs__fetch_end(struct wf_blobs *b, struct wf_fetch *f, bool forgets);
struct wf_fetch *wf_blobs__fetch_of(const struct wf_blobs *b, int64_t space,
                                    const uint8_t hash[WF_HASH_BYTES]);
struct wf_fetch *wf_blobs__fetch_new(struct wf_blobs *b, enum wf_blobs_what what,
                                     const uint8_t hash[WF_BLOBS_HASH_BYTES], uint64_t n_bytes);

/* ---- blobs_part.c: what is on its way, on the disk ---- */
/* Opens or makes the files of a fetch, and sees what of them is right. */
int wf_blobs__part_open(struct wf_blobs *b, struct wf_fetch *f, struct wf_err *err) WF_MUST_USE;
/* Pieces that follow those that are known. Errors: FORMAT (they do not). */
int wf_blobs__part_told(struct wf_blobs *b, struct wf_fetch *f, const struct wf_blobs_message *m,
                        struct wf_err *err) WF_MUST_USE;
/* The content of a piece. Errors: CORRUPT (it is another), those of writing. */
int wf_blobs__part_put(struct wf_blobs *b, struct wf_fetch *f, size_t i, const void *p,
                       struct wf_err *err) WF_MUST_USE;
/* *out_whole: all is there, also what is like other pieces. Errors: those of writing. */
int wf_blobs__part_finish(struct wf_fetch *f, bool *out_whole, struct wf_err *err) WF_MUST_USE;
void wf_blobs__part_remove(struct wf_fetch *f);
/* Removes the files of which nothing is wanted any more. */
int wf_blobs__parts_sweep(struct wf_blobs *b, struct wf_err *err) WF_MUST_USE;

/* ---- blobs_end.c: what has come is taken in ---- */
int wf_blobs__take_in(struct wf_blobs *b, struct wf_fetch *f, struct wf_err *err) WF_MUST_USE;

/* ---- blobs_tell.c: what is here is told to others ---- */
int wf_blobs__tell(struct wf_blobs *b, bool *out_more, struct wf_err *err) WF_MUST_USE;

/* ---- blobs_hear.c: what others told ---- */
/* One document: what is said of it, or, if is_gone, that nothing is any more. */
int wf_blobs__hear(struct wf_blobs *b, int64_t space, const uint8_t hash[WF_HASH_BYTES],
                   bool is_gone, struct wf_err *err) WF_MUST_USE;
/* Removals that waited for what comes in their place. */
void wf_blobs__hear_later(struct wf_blobs *b);
int wf_blobs__hear_all(struct wf_blobs *b, struct wf_err *err) WF_MUST_USE;

/* Whether it is to be here though nobody asks for it. */
enum wf_paper_wanted wf_blobs__wants(const struct wf_blobs *b, const struct wf_paper *p);

/* ---- blobs_evict.c: originals that others keep make room ---- */
int wf_blobs__evict(struct wf_blobs *b, struct wf_err *err) WF_MUST_USE;
void wf_blobs__evict_answer(struct wf_blobs *b);

#endif
