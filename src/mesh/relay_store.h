/* Relay store: the rows of what a node keeps for others, and of what others said that they keep:
 * passes (mesh/pass.h), letters, how far logs were on a day, what keeping nodes said they have.
 *
 * Functions "in turn" want the caller's write transaction; those with a reader that. Thread: owner
 * of the turn or reader. */
#ifndef WF_MESH_RELAY_STORE_H
#define WF_MESH_RELAY_STORE_H

#include "mesh/pass.h"
#include "mesh/sync_message.h"
#include "store/store.h"

/* ---- passes ---- */

/* Keeps a stream's pass in place of the one before; in turn. */
int wf_relay_pass_put(struct wf_store *s, const struct wf_pass *p, struct wf_err *err) WF_MUST_USE;
/* Forgets all of them; in turn. */
int wf_relay_passes_forget(struct wf_store *s, struct wf_err *err) WF_MUST_USE;
typedef int (*wf_relay_pass_fn)(void *ud, struct wf_str bytes, struct wf_err *err);
int wf_relay_passes(struct wf_reader *r, wf_relay_pass_fn fn, void *ud,
                    struct wf_err *err) WF_MUST_USE;

/* ---- letters ---- */

struct wf_relay_letter {
    uint8_t to[WF_SIGNER_ID_BYTES],
        from[WF_SIGNER_ID_BYTES]; /* from: whose connection brought it */
    uint8_t tag[WF_SYNC_TAG_BYTES];
    uint8_t hash[WF_SYNC_LETTER_HASH_BYTES]; /* of bytes */
    int64_t at_ms;
    struct wf_str bytes; /* sealed; empty: it was handed over */
};

/* What is kept for a device, of one sender and in all. */
struct wf_relay_kept {
    uint64_t n_letters, n_bytes; /* for the device, but of that sender */
    uint64_t n_bytes_all;
    bool is_same; /* the sender's letter with that tag is here, or was handed over */
};
int wf_relay_kept(struct wf_store *s, const struct wf_relay_letter *l, struct wf_relay_kept *out,
                  struct wf_err *err) WF_MUST_USE; /* in turn */
/* Keeps it in place of an older one of that sender to that device; in turn. */
int wf_relay_letter_put(struct wf_store *s, const struct wf_relay_letter *l,
                        struct wf_err *err) WF_MUST_USE;
/* It was handed over: its bytes go, that it was here stays; in turn. */
int wf_relay_letter_got(struct wf_store *s, const uint8_t to[WF_SIGNER_ID_BYTES],
                        const uint8_t hash[WF_SYNC_LETTER_HASH_BYTES],
                        struct wf_err *err) WF_MUST_USE;
/* Forgets what is older; in turn. */
int wf_relay_letters_tidy(struct wf_store *s, int64_t before_ms, struct wf_err *err) WF_MUST_USE;
typedef int (*wf_relay_letter_fn)(void *ud, const struct wf_relay_letter *l, struct wf_err *err);
int wf_relay_letters(struct wf_reader *r, const uint8_t to[WF_SIGNER_ID_BYTES],
                     wf_relay_letter_fn fn, void *ud, struct wf_err *err) WF_MUST_USE;
/* How many wait, and bytes of them. */
int wf_relay_letters_count(struct wf_reader *r, uint64_t *out_n, uint64_t *out_bytes,
                           struct wf_err *err) WF_MUST_USE;

/* ---- how far logs were, by day ---- */

/* The log was at that number by that day; in turn. */
int wf_relay_mark(struct wf_store *s, const struct wf_sync_log *log, int64_t day, uint64_t last,
                  struct wf_err *err) WF_MUST_USE;
/* The highest number up to which the log was by that day, or before; 0: none. Forgets the marks
 * below it; in turn. */
int wf_relay_marked(struct wf_store *s, const struct wf_sync_log *log, int64_t day,
                    uint64_t *out_last, struct wf_err *err) WF_MUST_USE;

/* ---- what keeping nodes said they have ---- */

struct wf_relay_word {
    uint8_t transport[WF_PASS_KEY_BYTES];
    struct wf_sync_log log;
    uint64_t last;
};
/* In turn. */
int wf_relay_word_put(struct wf_store *s, const struct wf_relay_word *w,
                      struct wf_err *err) WF_MUST_USE;
typedef int (*wf_relay_word_fn)(void *ud, const struct wf_relay_word *w, struct wf_err *err);
/* All of them; a non-zero result of fn ends it and is returned. */
int wf_relay_words(struct wf_reader *r, wf_relay_word_fn fn, void *ud,
                   struct wf_err *err) WF_MUST_USE;

/* Bytes of all batches that are here. */
int wf_relay_bytes(struct wf_reader *r, uint64_t *out, struct wf_err *err) WF_MUST_USE;

#endif
