/* Blobs store: the rows behind the sharing of documents (mesh/blobs.h): what of them others know,
 * where the originals are, which are wanted; and how blobs are cut.
 *
 * A document is known among devices by its space and the hash of its content: the same content
 * twice is one. Functions "in turn" want the caller's write transaction; those with a reader that.
 * Thread: owner of the turn or reader. */
#ifndef WF_MESH_BLOBS_STORE_H
#define WF_MESH_BLOBS_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "mesh/blobs_cut.h"
#include "privacy/label.h"
#include "store/document.h"
#include "store/spaces.h"
#include "store/store.h"

/* The values are stored: they stay. */
enum wf_paper_state {
    WF_PAPER_ELSEWHERE = 0, /* known, not here */
    WF_PAPER_HERE = 1,
    WF_PAPER_TEXT = 2, /* it is found here, the original is elsewhere */
    WF_PAPER_GONE = 3, /* removed here, and others are to be told */
};

enum wf_paper_wanted {
    WF_PAPER_NOT_WANTED = 0,
    WF_PAPER_BY_SETTING = 1,
    WF_PAPER_ASKED_FOR = 2,
};

#define WF_PAPER_UNTOLD (-1)

/* A document as devices know it. */
struct wf_paper {
    int64_t space;
    uint8_t hash[WF_HASH_BYTES];
    enum wf_paper_state state;
    bool is_due;  /* others are to be told of it */
    int label;    /* enum wf_label */
    int told;     /* under which label others know it; WF_PAPER_UNTOLD */
    bool is_said; /* others know that the original is here */
    bool is_own;  /* it was added here */
    bool is_pinned;
    enum wf_paper_wanted wanted;
    uint64_t bytes;
    int64_t used_ms; /* when it came, or was last opened */
    struct wf_str uid, name, title, type, problem;
};

/* The row. NOENT. Strings live in the arena. */
int wf_paper_get(struct wf_reader *r, int64_t space, const uint8_t hash[WF_HASH_BYTES],
                 struct wf_arena *arena, struct wf_paper *out, struct wf_err *err) WF_MUST_USE;
/* The same by the space's uid. */
int wf_paper_of(struct wf_reader *r, const uint8_t space[WF_SPACE_UID_BYTES],
                const uint8_t hash[WF_HASH_BYTES], struct wf_arena *arena, struct wf_paper *out,
                struct wf_err *err) WF_MUST_USE;
/* Writes all of it, in turn; a document without an id gets one. */
int wf_paper_put(struct wf_store *s, const struct wf_paper *p, struct wf_err *err) WF_MUST_USE;
/* Forgets it; in turn. No such row: does nothing. */
int wf_paper_remove(struct wf_store *s, int64_t space, const uint8_t hash[WF_HASH_BYTES],
                    struct wf_err *err) WF_MUST_USE;

/* Which ones. */
enum wf_papers {
    WF_PAPERS_DUE,    /* others are to be told */
    WF_PAPERS_WANTED, /* not here, and to be fetched: those that somebody waits for, then small */
    WF_PAPERS_ELSEWHERE, /* not here at all */
    WF_PAPERS_AWAY,      /* the text is here alone */
    WF_PAPERS_EVICTABLE, /* here, from elsewhere, not pinned, no path names it; longest unused first
                          */
    WF_PAPERS_ALL,
};
/* At most n_max of them, behind `after` (NULL: from the first; WANTED and EVICTABLE have no after).
 */
int wf_papers_list(struct wf_reader *r, enum wf_papers which, const struct wf_paper *after,
                   size_t n_max, struct wf_arena *arena, struct wf_paper **out, size_t *out_n,
                   struct wf_err *err) WF_MUST_USE;
/* How many there are, and their bytes. */
int wf_papers_count(struct wf_reader *r, enum wf_papers which, uint64_t *out_n, uint64_t *out_bytes,
                    struct wf_err *err) WF_MUST_USE;
/* The one with this id, else by name or title: NOENT; INVAL (several have that name). */
int wf_paper_find(struct wf_reader *r, struct wf_str words, struct wf_arena *arena,
                  struct wf_paper *out, struct wf_err *err) WF_MUST_USE;

/* Documents here of which others know nothing yet, with an id above after_id, but those of the
 * manual: `label` is the document's own, `uid` its id. *io_id is the last one's. */
int wf_papers_new(struct wf_reader *r, int64_t *io_id, size_t n_max, struct wf_arena *arena,
                  struct wf_paper **out, int64_t **out_documents, size_t *out_n,
                  struct wf_err *err) WF_MUST_USE;

/* Whether somebody with that clearance may have the blob, of which a document is here in that space
 * (its uid; NULL: in any): whoever only names a document's hash in a space has put nothing there.
 * Whether this device keeps it (pinned, added here, or keeps_all). */
struct wf_paper_asked {
    const uint8_t *hash;  /* [WF_HASH_BYTES] */
    const uint8_t *space; /* [WF_SPACE_UID_BYTES] */
    enum wf_label clearance;
    bool keeps_all;
};
int wf_paper_may_give(struct wf_reader *r, const struct wf_paper_asked *asked, bool *out_may,
                      bool *out_keeps, uint64_t *out_bytes, struct wf_err *err) WF_MUST_USE;
/* The uid of a space. NOENT. */
int wf_paper_space(struct wf_reader *r, int64_t space, uint8_t out[WF_SPACE_UID_BYTES],
                   struct wf_err *err) WF_MUST_USE;

/* Whether any row wants the original of that content; whether something of that name comes, in
 * place of the content `hash`. */
int wf_paper_is_wanted(struct wf_reader *r, const uint8_t hash[WF_HASH_BYTES], bool *out,
                       struct wf_err *err) WF_MUST_USE;
int wf_paper_is_replaced(struct wf_reader *r, const struct wf_paper *p, bool *out,
                         struct wf_err *err) WF_MUST_USE;

/* ---- pieces ---- */

/* How a document of a space (its uid) is cut, anew; in turn. */
int wf_pieces_put(struct wf_store *s, const uint8_t space[WF_SPACE_UID_BYTES],
                  const uint8_t blob[WF_HASH_BYTES], const struct wf_piece *p, size_t n,
                  struct wf_err *err) WF_MUST_USE;
/* Its pieces from the one that begins at `from`, at most n_max; *out_n 0: it is not known. */
int wf_pieces_get(struct wf_reader *r, const uint8_t blob[WF_HASH_BYTES], uint64_t from,
                  struct wf_piece *out, size_t n_max, size_t *out_n,
                  struct wf_err *err) WF_MUST_USE;
/* Where such a piece lies in a blob that is, or was, here in a document of that space. NOENT. */
int wf_piece_find(struct wf_reader *r, int64_t space, const struct wf_piece *p,
                  uint8_t out_blob[WF_HASH_BYTES], uint64_t *out_start,
                  struct wf_err *err) WF_MUST_USE;

#endif
