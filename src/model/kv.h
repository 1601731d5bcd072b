/* KV cache: keys and values of texts in pages, shared between texts that begin alike.
 *
 * A page holds WF_KV_PAGE_TOKENS positions of all layers. A sequence is a list of pages and a
 * number of positions. Pages carry a count of the sequences that hold them; one that is about to
 * be written and is held by others is copied first. Freed pages are kept for the next sequence, so
 * that memory stays flat. Models with short convolutions keep their state at the end of every
 * page, so that a text can be cut there.
 * Threads: owner (of the pool, and all its sequences). */
#ifndef WF_MODEL_KV_H
#define WF_MODEL_KV_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kern/attend.h"
#include "model/params.h"

#define WF_KV_PAGE_TOKENS WF_PAGE_TOKENS

struct wf_kv;

struct wf_seq {
    struct wf_kv *kv;
    uint8_t **pages; /* [n_pages] */
    size_t n_pages;
    size_t n_pages_cap;
    size_t n_tokens; /* positions that are filled */
    float *conv;     /* [conv layers][conv_len - 1][dim] state behind the last token; or NULL */
};

/* A pool for at most n_tokens_max positions in all. Borrows p, which must outlive it. Errors:
 * UNSUPPORTED (q8_0 and heads that are not whole blocks), NOMEM. */
int wf_kv_new(const struct wf_params *p, enum wf_kv_kind kind, size_t n_tokens_max,
              struct wf_kv **out, struct wf_err *err) WF_MUST_USE;
/* All its sequences must be gone. NULL is a no-op. */
void wf_kv_free(struct wf_kv *kv);

/* How it keeps values. */
enum wf_kv_kind wf_kv_kind(const struct wf_kv *kv);
/* Bytes that one position takes, and the positions that no sequence holds. */
size_t wf_kv_token_bytes(const struct wf_kv *kv);
size_t wf_kv_tokens_free(const struct wf_kv *kv);

/* Bytes of all pages that were ever made: they are kept. */
uint64_t wf_kv_bytes(const struct wf_kv *kv);

/* An empty sequence. Errors: NOMEM. */
int wf_seq_init(struct wf_seq *s, struct wf_kv *kv, struct wf_err *err) WF_MUST_USE;
/* Gives its pages back. Safe to call twice, and on a zeroed sequence. */
void wf_seq_deinit(struct wf_seq *s);

/* Makes the next n positions writable. Errors: FULL (the pool has no pages left), NOMEM; the
 * sequence is then as before. */
int wf_seq_reserve(struct wf_seq *s, size_t n, struct wf_err *err) WF_MUST_USE;

/* Cuts to at most n positions and returns how many are left: exactly n, or for models with
 * convolutions the last page's end before. */
size_t wf_seq_truncate(struct wf_seq *s, size_t n);

/* Makes `to` (empty, of the same pool) begin with the first n positions of `from`; pages are
 * shared, and so is the last one until either writes to it. to->n_tokens says how many it got (see
 * wf_seq_truncate). Errors: NOMEM. */
int wf_seq_share(struct wf_seq *to, const struct wf_seq *from, size_t n,
                 struct wf_err *err) WF_MUST_USE;

/* Bytes of a page as it lies, which another pool of the same model and kind can take, on whatever
 * machine. */
size_t wf_kv_page_bytes(const struct wf_kv *kv);
/* A whole page, i below n_tokens / WF_KV_PAGE_TOKENS, borrowed until the sequence changes. */
const uint8_t *wf_seq_page(const struct wf_seq *s, size_t i);
/* Appends a whole page to whole pages. Errors: FULL, NOMEM; the sequence is then as before. */
int wf_seq_append(struct wf_seq *s, const uint8_t *page, struct wf_err *err) WF_MUST_USE;

/* Where the keys (values) of a layer's head `head` begin within a page; they lie as kern/attend.h
 * has it. */
size_t wf_kv_keys(const struct wf_kv *kv, size_t layer, size_t head);
size_t wf_kv_values(const struct wf_kv *kv, size_t layer, size_t head);

/* The state of convolution layer i_conv (counted among such layers) of a sequence:
 * [conv_len - 1][dim]. */
float *wf_seq_conv(struct wf_seq *s, size_t i_conv);

/* To be called by convolution layer i_conv when position (i_page + 1) * WF_KV_PAGE_TOKENS - 1 has
 * gone through it: keeps its state in that page. */
void wf_seq_keep_state(struct wf_seq *s, size_t i_page, size_t i_conv);

#endif
