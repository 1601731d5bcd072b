/* Spaces: sets of context shared by the same members. Row 1 is "me".
 *
 * A space has a name, a label that is the least of what is in it, and 16 random bytes that name it
 * among devices. Writing functions take a turn of their own and are durable when they return 0;
 * reading functions need a reader, their strings live in the arena. Thread: any. */
#ifndef WF_STORE_SPACES_H
#define WF_STORE_SPACES_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

#define WF_SPACE_UID_BYTES 16
/* Spaces of a store: a person has a few, an organisation some hundred. */
#define WF_SPACES_MAX 10000

struct wf_space {
    int64_t id;
    uint8_t uid[WF_SPACE_UID_BYTES];
    struct wf_str name, label;
    int64_t created_ms;
    uint64_t n_drafts, n_documents; /* only from wf_space_list */
};

/* Random bytes for a new space, from the store's generator. */
void wf_space_new_uid(struct wf_store *s, uint8_t out[WF_SPACE_UID_BYTES]);

/* Makes a space; label empty = "private". Errors: EXIST, LIMIT (too many), those of writing. The
 * caller has checked the name (space/space.h) and the label. */
int wf_space_create(struct wf_store *s, struct wf_str name, struct wf_str label, int64_t *out_id,
                    struct wf_err *err) WF_MUST_USE;

/* The space of that name (empty = "me"). NOENT. */
int wf_space_by_name(struct wf_reader *r, struct wf_str name, struct wf_arena *arena,
                     struct wf_space *out, struct wf_err *err) WF_MUST_USE;

/* All of them in the order of their making. */
int wf_space_list(struct wf_reader *r, struct wf_arena *arena, struct wf_space **out, size_t *out_n,
                  struct wf_err *err) WF_MUST_USE;

#endif
