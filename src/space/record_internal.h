/* What the files of a space's records share; nobody else includes it. */
#ifndef WF_SPACE_RECORD_INTERNAL_H
#define WF_SPACE_RECORD_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/list.h"
#include "crdt/hlc.h"
#include "crdt/record.h"
#include "space/log.h"
#include "space/record.h"

/* What device `by` has said it has of `of`'s log. */
struct wf_record_seen {
    uint8_t by[WF_SIGNER_ID_BYTES], of[WF_SIGNER_ID_BYTES];
    uint64_t dseq, hlc;
};

/* What every device of a space has. */
struct wf_record_stability {
    int64_t space; /* 0: not loaded */
    const uint8_t *self;
    bool tells; /* it counts like the others */
    struct wf_arena arena;
    struct wf_log_head *heads;
    size_t n_heads;
    struct wf_record_seen *seen;
    size_t n_seen;
};

struct wf_records {
    struct wf_records_options o;
    int64_t tidy_ms;

    /* The mutex guards the queue, the flags and the condition of both. */
    pthread_mutex_t lock;
    pthread_cond_t done; /* requests have been answered; the committer's place is free */
    pthread_cond_t wake; /* of the thread that tidies */
    struct wf_list queue;
    bool is_committing, must_tidy, stop, has_thread;
    pthread_t thread;

    /* Belongs to whoever has the store's turn of writing. */
    struct wf_hlc hlc;
    atomic_uint_least64_t clock; /* its last time, for who has not the turn */
    struct wf_buf state;         /* as it was read */
    struct wf_buf next;          /* as it is written */
    struct wf_record_stability stability;
};

/* Reads what is known of the space's devices, once for each turn of writing; in turn. */
int wf_record__stability(struct wf_records *r, int64_t space, struct wf_err *err) WF_MUST_USE;
/* Forgets it: the turn ends. */
void wf_record__stability_reset(struct wf_record_stability *s);
bool wf_record__is_stable(void *ud, const struct wf_stamp *at);

/* Reads the record into `out` (initialised), whose strings then lie in r->state; in turn. */
int wf_record__load(struct wf_records *r, int64_t space, struct wf_str collection,
                    struct wf_str key, struct wf_record *out, struct wf_err *err) WF_MUST_USE;
/* Stores it, or removes the row of an empty one; what can be settled is. In turn. */
struct wf_record_wrote {
    uint64_t hlc;  /* of the change; 0: there is none, it is only settled */
    uint8_t label; /* of its item */
};
int wf_record__save(struct wf_records *r, int64_t space, struct wf_str collection,
                    struct wf_str key, struct wf_record_wrote by, struct wf_record *record,
                    struct wf_err *err) WF_MUST_USE;
/* Who knows of a record: its columns least and floor; 0 of one that is not there. In turn. */
int wf_record__known(struct wf_records *r, int64_t space, struct wf_str collection,
                     struct wf_str key, uint8_t *out_least, uint8_t *out_floor,
                     struct wf_err *err) WF_MUST_USE;
/* Adds the change to the stored ones. In turn. */
int wf_record__keep(struct wf_records *r, int64_t space, const struct wf_change *c,
                    struct wf_err *err) WF_MUST_USE;
/* Stores the clock. In turn. */
int wf_record__save_clock(struct wf_records *r, struct wf_err *err) WF_MUST_USE;
/* The uid of a space; in turn. NOENT. */
int wf_record__uid(struct wf_records *r, int64_t space, uint8_t out[WF_CHANGE_UID_BYTES],
                   struct wf_err *err) WF_MUST_USE;

/* Runs a statement that is given none; in turn. */
int wf_record__run(struct wf_records *r, const char *sql, const char *doing,
                   struct wf_err *err) WF_MUST_USE;

/* The thread that tidies. */
void *wf_record__tidier(void *ud);

int wf_record__no_memory(struct wf_err *err);

#endif
