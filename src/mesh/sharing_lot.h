/* Lot: what of drafts and records is taken in one go, be it of one batch, of many of a log, or of a
 * snapshot. Drafts that are here get their updates first, joined, and are waited for; all the rest
 * is one transaction: changes of records, drafts that are new, what drafts are called, and that it
 * is taken. Before that transaction a crash has it taken again, which does nothing.
 *
 * Only sharing*.c includes this. Thread rule: owner. */
#ifndef WF_MESH_SHARING_LOT_H
#define WF_MESH_SHARING_LOT_H

#include "mesh/sharing_internal.h"
#include "space/draft.h"

/* One of a draft's updates, as it came; borrowed. */
struct wf_sharing_piece {
    uint8_t uid[16];
    size_t i; /* the order of coming */
    uint8_t device[WF_SIGNER_ID_BYTES];
    uint64_t dseq;
    int64_t at_ms;
    struct wf_str bytes;
};

/* A draft of the lot: all of its pieces as one, and whether its record is in the lot. */
struct wf_sharing_lot_draft {
    uint8_t uid[16];
    int64_t id; /* 0: it is not here */
    bool is_named, is_removed;
    bool rises; /* what comes is of a higher label than the draft has here */
    struct wf_draft_origin origin;
    struct wf_str update; /* empty: none */
};

struct wf_sharing_lot {
    struct wf_sharing *s;
    int64_t space;
    enum wf_label level; /* of the stream */
    struct wf_arena arena;
    struct wf_sharing_piece *pieces;
    size_t n_pieces, cap_pieces;
    struct wf_str *changes;
    size_t n_changes, cap_changes;
    uint8_t (*names)[16]; /* uids of drafts that changes say something of */
    size_t n_names, cap_names;
    struct wf_sharing_lot_draft *drafts; /* by uid */
    size_t n_drafts;
    struct wf_sharing_piece *words; /* what devices say of themselves */
    size_t n_words, cap_words;
    struct wf_change *checked; /* as many as changes */
    uint64_t own_dseq;         /* of this device's own updates, which come back; 0: none */
};

/* An empty one for a space. Allocates nothing. */
void wf_sharing__lot_init(struct wf_sharing_lot *lot, struct wf_sharing *s, int64_t space);
/* Frees all of it. */
void wf_sharing__lot_deinit(struct wf_sharing_lot *lot);

/* Adds an update or a change; its bytes are borrowed. `device`: whose update it is. NOMEM, FORMAT
 * (no change). */
int wf_sharing__lot_add(struct wf_sharing_lot *lot, const uint8_t device[WF_SIGNER_ID_BYTES],
                        const struct wf_batch_entry *e, struct wf_err *err) WF_MUST_USE;

/* Takes it; taken(ud) is called in the turn that ends it. Errors: of those who made it (FORMAT,
 * LIMIT, DENIED, CORRUPT, RANGE), NOMEM, those of the store. */
typedef int (*wf_sharing_taken_fn)(void *ud, struct wf_err *err);
int wf_sharing__lot_take(struct wf_sharing_lot *lot, wf_sharing_taken_fn taken, void *ud,
                         struct wf_err *err) WF_MUST_USE;

#endif
