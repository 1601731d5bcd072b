/* What moving*.c share. One lock guards all tapes. */
#ifndef WF_OP_MOVING_INTERNAL_H
#define WF_OP_MOVING_INTERNAL_H

#include <jansson.h>
#include <pthread.h>

#include "base/list.h"
#include "op/moving.h"
#include "os/thread.h"

#define WF_MOVING_FOLLOWERS 4

enum wf_tape_state {
    WF_TAPE_RUNS,
    WF_TAPE_ENDED,
    WF_TAPE_FAILED,
    WF_TAPE_MOVED, /* it goes on elsewhere */
};

struct wf_tape {
    struct wf_list node;
    char name[WF_MOVING_NAME_BYTES + 1];
    unsigned n_refs; /* generations and jobs that have it */
    enum wf_tape_state state;
    int64_t ended_ms; /* monotonic */
    struct wf_buf events;
    struct wf_buf request; /* JSON, as mesh/remote_request.h; empty: it cannot be told */
    struct wf_err err;
    char model[256], digest[72];
    enum wf_gen_finish finish;
    /* ---- another device wants it ---- */
    bool is_asked, is_held, is_let_go;
    bool wants_text; /* not where it stands to the token */
    uint64_t asked_by, call;
    int64_t held_until_ms;
    struct wf_gen_point point; /* that it got, with ids and a name of our own; NULL: none */
    size_t page_at, page_to;   /* pages of its cache, sent and wanted */
    bool is_sending;           /* a worker sends them */
    struct {
        uint64_t peer; /* 0: none */
        size_t at;
    } followers[WF_MOVING_FOLLOWERS];
    /* ---- it is taken from another device ---- */
    uint64_t from; /* 0: it is this device's */
    bool is_go, is_no_go;
    struct wf_list pieces; /* of its cache that came: struct wf_moving_piece */
    bool takes_pieces, is_last_piece;
};

struct wf_moving_piece {
    struct wf_list node;
    size_t first;
    struct wf_buf bytes;
};

struct wf_moving {
    struct wf_moving_options o;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct wf_list tapes;
    size_t n_tapes;
    uint64_t n_calls;
    struct wf_team *team; /* writes what was taken */
    bool stop;
};

int64_t wf_moving__now_ms(void);
int wf_moving__no_memory(struct wf_err *err);

/* ---- moving.c: the lock is held ---- */

struct wf_tape *wf_moving__tape(struct wf_moving *m, struct wf_str name);
/* A new one, in place of an ended one of that name. NULL: out of memory, or too many run. */
struct wf_tape *wf_moving__tape_new(struct wf_moving *m, struct wf_str name);
/* It has come to its end; err: why it broke off, or NULL. */
void wf_moving__end(struct wf_moving *m, struct wf_tape *t, enum wf_tape_state state,
                    const struct wf_err *err);
void wf_moving__append(struct wf_moving *m, struct wf_tape *t, const struct wf_gen_event *e);
/* Begins a generation onto a tape, which gets a reference more. Without the lock. */
int wf_moving__begin(struct wf_moving *m, struct wf_engine *engine, struct wf_tape *t,
                     const struct wf_gen_request *q, struct wf_gen **out, struct wf_err *err);
/* Frees such a generation; the tape goes on by other means. */
void wf_moving__give_up(struct wf_gen *base);
void wf_moving__unref(struct wf_moving *m, struct wf_tape *t);

/* ---- moving_give.c: the lock is held ---- */

/* Sends where the text stands (NULL: the text) to who asked, and holds it. */
void wf_moving__give(struct wf_moving *m, struct wf_tape *t, const struct wf_gen_point *point);
/* Sends followers what they lack. */
void wf_moving__pump(struct wf_moving *m, struct wf_tape *t);
/* Messages of who wants something of this device. */
void wf_moving__came_take(struct wf_moving *m, uint64_t peer, const json_t *body);
void wf_moving__came_begun(struct wf_moving *m, uint64_t peer, const json_t *body);
int wf_moving__send(struct wf_moving *m, uint64_t peer, unsigned kind, json_t *body);
/* The answer's text on a tape, appended: without thoughts and calls. */
int wf_moving__text(const struct wf_tape *t, struct wf_buf *out);

/* ---- moving_cache.c: the lock is held, but for fetching ---- */

/* Remembers what point a tape gave, so that its cache can be asked for; and forgets it. */
void wf_moving__keep_point(struct wf_tape *t, const struct wf_gen_point *point);
void wf_moving__drop_cache(struct wf_tape *t);
/* Messages. */
void wf_moving__came_want(struct wf_moving *m, uint64_t peer, const json_t *body);
void wf_moving__came_pages(struct wf_moving *m, uint64_t peer, struct wf_str body);
/* Asks for the cache of the text at a point, what is not here already, as much as comes faster than
 * the text is read. How many tokens came. */
size_t wf_moving__fetch_cache(struct wf_moving *m, struct wf_tape *t,
                              const struct wf_gen_point *point, const struct wf_load *load);

/* ---- moving_take.c: the lock is held ---- */

void wf_moving__came_state(struct wf_moving *m, uint64_t peer, struct wf_str bytes,
                           const json_t *body);
void wf_moving__came_events(struct wf_moving *m, uint64_t peer, struct wf_str body);
void wf_moving__came_end(struct wf_moving *m, uint64_t peer, const json_t *body);
/* Asks anew, to follow it. */
int wf_moving__ask(struct wf_moving *m, struct wf_tape *t, bool follows);

#endif
