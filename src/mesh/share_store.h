/* Share store: the rows behind sharing (mesh/sharing.h): keys of spaces, what of drafts and records
 * is in batches, how far others' batches are taken.
 *
 * Functions "in turn" want the caller's write transaction; those with a reader that. Thread: owner
 * of the turn or reader. */
#ifndef WF_MESH_SHARE_STORE_H
#define WF_MESH_SHARE_STORE_H

#include "base/arena.h"
#include "mesh/batch.h"
#include "mesh/sync_message.h"
#include "store/store.h"

/* Spaces and what devices share of them. */
struct wf_share_space {
    int64_t id;
    uint8_t uid[WF_SPACE_UID_BYTES];
    struct wf_str name, label;
};
int wf_share_spaces(struct wf_reader *r, struct wf_arena *arena, struct wf_share_space **out,
                    size_t *out_n, struct wf_err *err) WF_MUST_USE;

/* Whose space "me" this device's is, in the beginning its own: that of the owner's oldest device
 * that it has heard of. *out is left as it is where nothing is said. Setting: in turn. */
int wf_share_me(struct wf_reader *r, uint8_t out[WF_SIGNER_ID_BYTES],
                struct wf_err *err) WF_MUST_USE;
int wf_share_set_me(struct wf_store *s, const uint8_t origin[WF_SIGNER_ID_BYTES],
                    struct wf_err *err) WF_MUST_USE;

/* ---- keys ---- */

struct wf_share_key {
    struct wf_space_key key;
    int64_t space;
    enum wf_label level;
    uint32_t epoch;
    bool is_new; /* it was made just now */
};

/* The key that seals a level's batches from now on; made (want->epoch) where there is none; in
 * turn. Of several it is the one with the highest epoch, then the highest id. */
struct wf_share_key_want {
    int64_t space;
    enum wf_label level;
    uint32_t epoch, epoch_max;
};
int wf_share_key_now(struct wf_store *s, const struct wf_share_key_want *want,
                     const struct wf_rng *rng, struct wf_share_key *out,
                     struct wf_err *err) WF_MUST_USE;
/* Keeps a key; one that is there is left; in turn. */
int wf_share_key_add(struct wf_store *s, const struct wf_share_key *k,
                     struct wf_err *err) WF_MUST_USE;
/* Forgets all keys; in turn. */
int wf_share_keys_forget(struct wf_store *s, struct wf_err *err) WF_MUST_USE;
/* The key of that id. NOENT. */
int wf_share_key_get(struct wf_reader *r, const uint8_t id[WF_SPACE_KEY_ID_BYTES],
                     struct wf_share_key *out, struct wf_err *err) WF_MUST_USE;
/* Calls fn for all keys; a non-zero result ends it and is returned. */
typedef int (*wf_share_key_fn)(void *ud, const struct wf_share_key *k, struct wf_err *err);
int wf_share_keys(struct wf_reader *r, wf_share_key_fn fn, void *ud,
                  struct wf_err *err) WF_MUST_USE;

/* ---- what was sent ---- */

/* A draft that has changed since others were told of it. */
struct wf_share_draft {
    int64_t id; /* 0: it was removed */
    uint8_t uid[16];
    struct wf_str name, label;
    struct wf_str told_name, told_label; /* empty: nothing was told yet */
    uint64_t seq, told_seq;              /* the last of its log; the last in a batch */
    uint64_t first_seq;                  /* the first update that is still there; 0: none */
    uint64_t own_bytes;                  /* of this device's updates behind told_seq */
};
/* Those of the space, at most n_max, of which there may be something to tell: of as much as was
 * changed, not of as much as there is. */
struct wf_share_dirty {
    int64_t space;
    const uint8_t *device; /* this one */
    size_t n_max;
};
int wf_share_drafts(struct wf_reader *r, const struct wf_share_dirty *which, struct wf_arena *arena,
                    struct wf_share_draft **out, size_t *out_n, struct wf_err *err) WF_MUST_USE;
/* Says what is told now; a removed one (id 0) is forgotten; in turn. */
int wf_share_draft_told(struct wf_store *s, int64_t space, const struct wf_share_draft *d,
                        struct wf_err *err) WF_MUST_USE;

/* The name that the draft's record has from now on, in the turn that writes that: what is told is
 * never another than what is written. Does nothing where nothing was told of it yet. */
int wf_share_draft_named(struct wf_store *s, const uint8_t uid[16], struct wf_str name,
                         struct wf_err *err) WF_MUST_USE;

/* Others have it under a higher label, which it gets here, too: where its own was told, so is that.
 * In turn. A draft that is gone: does nothing. */
int wf_share_draft_raised(struct wf_store *s, int64_t draft, const uint8_t uid[16],
                          struct wf_str label, struct wf_err *err) WF_MUST_USE;

/* What is told is what the draft is called now, the label that who told it named (empty: the
 * draft's; where that is higher, it is to be told), and its log up to seq (or what is told of it
 * already); in turn. A draft that is gone: does nothing. */
struct wf_share_told {
    int64_t space, draft;
    const uint8_t *uid;
    uint64_t seq;
    struct wf_str label, name; /* name empty: what it is to be called here */
};
int wf_share_draft_told_as_is(struct wf_store *s, const struct wf_share_told *t,
                              struct wf_err *err) WF_MUST_USE;
/* Whether that name is the last one that was told of the draft; in turn. */
int wf_share_draft_is_told(struct wf_store *s, const uint8_t uid[16], struct wf_str name, bool *out,
                           struct wf_err *err) WF_MUST_USE;
/* A draft's label now, secret for what is none; in turn. *out is left where there is no draft. */
int wf_share_draft_label(struct wf_store *s, int64_t draft, enum wf_label *out,
                         struct wf_err *err) WF_MUST_USE;
/* Whether anything was told of the draft. One that is not here was then, and others have not heard
 * of its end yet; in turn. */
int wf_share_draft_was_told(struct wf_store *s, const uint8_t uid[16], bool *out,
                            struct wf_err *err) WF_MUST_USE;

/* Up to which number this device's changes are in batches; 0: none is. */
int wf_share_sent(struct wf_reader *r, int64_t space, uint64_t *out_dseq,
                  struct wf_err *err) WF_MUST_USE;
/* Says so; in turn. */
int wf_share_set_sent(struct wf_store *s, int64_t space, uint64_t dseq,
                      struct wf_err *err) WF_MUST_USE;

/* ---- what was taken ---- */

/* Up to which batch a log is applied here; 0: none is. */
int wf_share_taken(struct wf_reader *r, const struct wf_sync_log *log, uint64_t *out_number,
                   struct wf_err *err) WF_MUST_USE;
/* problem empty: none; in turn. */
int wf_share_set_taken(struct wf_store *s, const struct wf_sync_log *log, uint64_t number,
                       struct wf_str problem, struct wf_err *err) WF_MUST_USE;

/* Notes that others have, in a snapshot, what was taken of a log of two stories, until more of it
 * is taken; in turn. Whether it was noted. */
int wf_share_set_forked(struct wf_store *s, const struct wf_sync_log *log,
                        struct wf_err *err) WF_MUST_USE;
int wf_share_is_forked(struct wf_reader *r, const struct wf_sync_log *log, bool *out,
                       struct wf_err *err) WF_MUST_USE;

/* Says that it is at least up to there, by a snapshot; in turn. */
int wf_share_reach_taken(struct wf_store *s, const struct wf_sync_log *log, uint64_t number,
                         struct wf_err *err) WF_MUST_USE;

#endif
