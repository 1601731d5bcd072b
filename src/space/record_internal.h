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

/* A record as a device has it that is cleared for `from`, up to the next one's (record_levels.c);
 * below the first there is nothing. */
struct wf_record_view {
    uint8_t from;
    struct wf_record record;
};
struct wf_record_levels {
    struct wf_record_view views[WF_CHANGE_LABEL_MAX + 1];
    size_t n;
    struct wf_record none; /* empty */
};

/* Columns of a row, borrowed. */
struct wf_record_stored {
    struct wf_str state, under;
    uint8_t least;
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
    struct wf_buf loaded;        /* as it was read */
    struct wf_buf state, under;  /* as it is written */
    struct wf_record_stability stability;
};

/* Reads what is known of the space's devices, once for each turn of writing; in turn. */
int wf_record__stability(struct wf_records *r, int64_t space, struct wf_err *err) WF_MUST_USE;
/* Forgets it: the turn ends. */
void wf_record__stability_reset(struct wf_record_stability *s);
bool wf_record__is_stable(void *ud, const struct wf_stamp *at);

/* An empty record. Allocates nothing. */
void wf_record__levels_init(struct wf_record_levels *l);
void wf_record__levels_deinit(struct wf_record_levels *l);
/* Reads a row into an empty one, whose strings borrow from it. CORRUPT, NOMEM. */
int wf_record__levels_read(struct wf_record_levels *l, const struct wf_record_stored *s,
                           struct wf_err *err) WF_MUST_USE;
/* Puts what is to be stored into the buffers, which are reset first. NOMEM. */
int wf_record__levels_write(struct wf_record_levels *l, struct wf_buf *state,
                            struct wf_buf *under) WF_MUST_USE;
/* Joins an item of a change, as wf_record_apply. */
int wf_record__levels_apply(struct wf_record_levels *l, const struct wf_change_item *item,
                            const struct wf_stamp *at, struct wf_err *err) WF_MUST_USE;
/* As this device shows it. */
const struct wf_record *wf_record__top(const struct wf_record_levels *l);
/* The lowest clearance for which there is something to see of it; of what is deleted for all: for
 * which something is left of that. */
uint8_t wf_record__least(const struct wf_record_levels *l);
/* Whether nothing is left for anybody; the least clock of what is to be settled for somebody;
 * whether anything is there for somebody by the change made at `at`. */
bool wf_record__levels_empty(const struct wf_record_levels *l);
uint64_t wf_record__levels_unsettled(const struct wf_record_levels *l);
bool wf_record__levels_hold(const struct wf_record_levels *l, const struct wf_stamp *at);

/* Reads the record into `out` (initialised), whose strings then lie in r->loaded; in turn. */
int wf_record__load(struct wf_records *r, int64_t space, struct wf_str collection,
                    struct wf_str key, struct wf_record_levels *out,
                    struct wf_err *err) WF_MUST_USE;
/* Stores it, or removes the row of an empty one; what can be settled is. hlc: of the change; 0:
 * there is none, it is only settled. In turn. */
int wf_record__save(struct wf_records *r, int64_t space, struct wf_str collection,
                    struct wf_str key, uint64_t hlc, struct wf_record_levels *record,
                    struct wf_err *err) WF_MUST_USE;
/* Who knows of a record: its columns least and floor; 0 of one that is not there. In turn. */
int wf_record__known(struct wf_records *r, int64_t space, struct wf_str collection,
                     struct wf_str key, uint8_t *out_least, uint8_t *out_floor,
                     struct wf_err *err) WF_MUST_USE;
/* Adds the change to the stored ones. In turn. */
int wf_record__keep(struct wf_records *r, int64_t space, const struct wf_change *c,
                    struct wf_err *err) WF_MUST_USE;
/* Before a change made at `hlc` is taken: what was deleted after it counts, also for a device that
 * is new (wf_records_count_in_turn). In turn. */
int wf_record__count_again(struct wf_records *r, int64_t space, uint64_t hlc,
                           struct wf_err *err) WF_MUST_USE;
/* What was deleted is ended once more, also where that was final. In turn. */
int wf_record__end_again(struct wf_records *r, int64_t space, struct wf_err *err) WF_MUST_USE;
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
