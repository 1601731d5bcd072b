/* Moving: answers that are being written, by name, so that other devices of the owner can follow
 * them and take them over.
 *
 * Each named generation has a tape: its events so far. Another device asks for it (TAKE) and says
 * which models it has. Where it has the same model, it gets where the text stands, to the token
 * (engine.h, struct wf_gen_point), begins there, says so (BEGUN), and when this one has let go (GO)
 * it goes on; meanwhile nothing more is told here, so that nothing is told twice. Before it begins
 * it asks for the text's cache (WANT, PAGES) as long as that comes faster than it would read the
 * text itself: so it begins at once, however long the text is. Where it has
 * other models it gets the text and goes on behind it in the same way. Where it has none, it
 * follows: the events are sent as they come. What was written is told from its beginning on each
 * device. A tape is kept for WF_MOVING_KEPT_MS, in memory alone.
 *
 * Messages are kinds of mesh/presence.h's channel; JSON, but PAGES and EVENTS: the name and a zero,
 * u32 where on the tape, events as mesh/remote_message.h has them. Thread rule: any. */
#ifndef WF_OP_MOVING_H
#define WF_OP_MOVING_H

#include "base/buf.h"
#include "base/log.h"
#include "engine/engine.h"
#include "privacy/label.h"

struct wf_model_store;
struct wf_moving;

#define WF_MOVING_NAME_BYTES 40
#define WF_MOVING_TAPE_BYTES (8u << 20)
#define WF_MOVING_TAPES_MAX 64
#define WF_MOVING_KEPT_MS 1800000
/* How long an answer stands still for another device that loads its model; and that one waits. */
#define WF_MOVING_HELD_MS 30000
#define WF_MOVING_GO_MS 5000

/* The values are sent: they stay. */
enum wf_moving_kind {
    WF_MOVING_TAKE = 16,   /* {"name", "call", "have": [digests], "runs": bool} */
    WF_MOVING_STATE = 17,  /* {"name", "call", "how": "move"|"text"|"follow", ...} or "error" */
    WF_MOVING_BEGUN = 18,  /* {"name", "call", "ok"} */
    WF_MOVING_GO = 19,     /* the same, back */
    WF_MOVING_EVENTS = 20, /* of who is followed */
    WF_MOVING_END = 21,    /* {"name", "error" or null, "model"}: nothing follows */
    WF_MOVING_WANT = 22,  /* {"name", "call", "from", "to"}: pages of the cache, by their numbers */
    WF_MOVING_PAGES = 23, /* the name and a zero, u64 call, u32 the first page, a piece of the cache
                             (engine/scheduler.h); nothing behind: there are no more */
};

struct wf_moving_options {
    struct wf_engine *engine;      /* borrowed until free, as is the next */
    struct wf_engine *local;       /* the built-in one, whose caches are sent; NULL: none are */
    struct wf_model_store *models; /* may be NULL */
    struct wf_log *log;            /* may be NULL */
    /* As wf_nearby_send; called with a lock held, must not wait. */
    int (*send)(void *ud, uint64_t peer, unsigned kind, struct wf_str body, struct wf_err *err);
    /* What a device may see; false: it is not connected. */
    bool (*clearance)(void *ud, uint64_t peer, enum wf_label *out);
    /* What a text asks for. */
    enum wf_label (*label)(void *ud, struct wf_str text);
    void *ud;
};

/* Errors: NOMEM, BUSY (no room for threads). */
int wf_moving_new(const struct wf_moving_options *o, struct wf_moving **out,
                  struct wf_err *err) WF_MUST_USE;
/* Gives up what was taken over and wakes who reads. NULL is a no-op. */
void wf_moving_stop(struct wf_moving *m);
/* All generations must be freed. NULL is a no-op. */
void wf_moving_free(struct wf_moving *m);

/* As wf_engine_generate; one that has a name can be followed and taken. m may be NULL. */
int wf_moving_generate(struct wf_moving *m, struct wf_engine *engine,
                       const struct wf_gen_request *q, struct wf_gen **out,
                       struct wf_err *err) WF_MUST_USE;

/* Asks a device for an answer; what comes is on the tape of that name. Errors: NOENT, NOMEM, those
 * of sending. */
int wf_moving_take(struct wf_moving *m, struct wf_str name, uint64_t peer,
                   struct wf_err *err) WF_MUST_USE;

/* What is on a tape behind *io_at, appended to `out` (whole events), which moves; waits for it up
 * to timeout_ms. 1; 0: nothing more will come, *out_model and *out_finish say how it ended. Errors:
 * NOENT (no such tape), TIMEOUT, why it broke off. */
int wf_moving_read(struct wf_moving *m, struct wf_str name, size_t *io_at, int timeout_ms,
                   struct wf_buf *out, char out_model[256], enum wf_gen_finish *out_finish,
                   struct wf_err *err) WF_MUST_USE;

/* For wf_nearby_options.other. */
void wf_moving_message(void *ud, uint64_t peer, unsigned kind, struct wf_str body);

#endif
