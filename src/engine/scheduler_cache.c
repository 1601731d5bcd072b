/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of a text, page by page, out of one scheduler and into another with the same model: a
 * text that moves between devices need not be read again (op/moving.h).
 *
 * A piece is WF_SCHED_PIECE_HEAD bytes, u32 each with the lowest byte first: the layout's number
 * (kern/attend.h), the kind of cache, bytes of a page; then whole pages. What comes in is kept like
 * a finished text, so that whoever begins alike begins there. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/scheduler_internal.h"

#define LAYOUT 1

struct piece {
    struct wf_sched *s;
    struct wf_ids ids;
    size_t first, n_pages;
    struct wf_buf *out;
    struct wf_str in;
};

static void head_of(struct wf_sched *s, uint8_t out[WF_SCHED_PIECE_HEAD])
{
    const struct wf_kv *kv = wf_runner_kv(s->runner);
    uint32_t parts[3] = {LAYOUT, (uint32_t)wf_kv_kind(kv), (uint32_t)wf_kv_page_bytes(kv)};

    for (size_t i = 0; i < WF_SCHED_PIECE_HEAD; i++)
        out[i] = (uint8_t)(parts[i / 4] >> (8 * (i % 4)));
}

static int not_known(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOENT, "Nothing of that text is in the cache.");
}

static int count_known(struct wf_runner *r, void *ud, struct wf_err *err)
{
    struct piece *p = ud;
    size_t soon;

    (void)r;
    (void)err;
    (void)wf_sched__known(p->s, &p->ids, NULL, 0, &p->first, &soon);
    return 0;
}

static int read_piece(struct wf_runner *r, void *ud, struct wf_err *err)
{
    struct piece *p = ud;
    size_t n, soon, bytes = wf_kv_page_bytes(wf_runner_kv(r)), before = p->out->len;
    const struct wf_seq *seq = wf_sched__known(p->s, &p->ids, NULL, 0, &n, &soon);
    uint8_t head[WF_SCHED_PIECE_HEAD];

    n /= WF_KV_PAGE_TOKENS;
    if (seq == NULL || n <= p->first)
        return not_known(err);
    n = WF_MIN(n - p->first, p->n_pages);
    head_of(p->s, head);
    wf_buf_append(p->out, head, sizeof(head));
    for (size_t i = 0; i < n; i++)
        wf_buf_append(p->out, wf_seq_page(seq, p->first + i), bytes);
    if (wf_buf_status(p->out) == 0)
        return 0;
    wf_buf_truncate(p->out, before);
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to copy the cache of a text.");
}

static int write_piece(struct wf_runner *r, void *ud, struct wf_err *err)
{
    struct piece *p = ud;
    size_t n, soon, bytes = wf_kv_page_bytes(wf_runner_kv(r)), at = p->first * WF_KV_PAGE_TOKENS;
    const uint8_t *pages = (const uint8_t *)p->in.ptr + WF_SCHED_PIECE_HEAD;
    const struct wf_seq *before;
    struct wf_seq seq;
    int rc = wf_seq_init(&seq, wf_runner_kv(r), err);

    if (rc != 0)
        return rc;
    if (at > 0) {
        before = wf_sched__known(p->s, &p->ids, NULL, 0, &n, &soon);
        rc = before == NULL || n < at ? not_known(err) : wf_seq_share(&seq, before, at, err);
    }
    for (size_t i = 0; i < p->n_pages && rc == 0; i++) {
        do
            rc = wf_seq_append(&seq, pages + i * bytes, err);
        while (rc == WF_E_FULL && wf_sched__forget_one(p->s));
    }
    if (rc == 0)
        wf_prefix_put(&p->s->remembered, p->ids.ptr, &seq, NULL, 0);
    else
        wf_seq_deinit(&seq);
    return rc;
}

size_t wf_sched_page_tokens(void)
{
    return WF_KV_PAGE_TOKENS;
}

size_t wf_sched_page_bytes(const struct wf_sched *s)
{
    const struct wf_kv *kv = wf_runner_kv(s->runner);

    return kv != NULL ? wf_kv_page_bytes(kv) : 0;
}

/* The ids are only read. */
static struct wf_ids borrowed(const int32_t *ids, size_t n)
{
    return (struct wf_ids){.ptr = (int32_t *)(uintptr_t)ids, .n = n};
}

int wf_sched_cache_known(struct wf_sched *s, const int32_t *ids, size_t n_ids, size_t *out_n,
                         struct wf_err *err)
{
    struct piece p = {.s = s, .ids = borrowed(ids, n_ids)};
    int rc = wf_sched__run(s, count_known, &p, false, err);

    *out_n = p.first;
    return rc;
}

int wf_sched_cache_read(struct wf_sched *s, const int32_t *ids, size_t n_ids, size_t first,
                        size_t n_pages, struct wf_buf *out, struct wf_err *err)
{
    struct piece p = {
        .s = s, .ids = borrowed(ids, n_ids), .first = first, .n_pages = n_pages, .out = out};

    return wf_runner_kv(s->runner) == NULL ? not_known(err)
                                           : wf_sched__run(s, read_piece, &p, false, err);
}

int wf_sched_cache_write(struct wf_sched *s, const int32_t *ids, size_t n_ids, size_t first,
                         struct wf_str piece, size_t *out_n, struct wf_err *err)
{
    struct piece p = {.s = s, .ids = borrowed(ids, n_ids), .first = first, .in = piece};
    uint8_t head[WF_SCHED_PIECE_HEAD] = {0};
    size_t bytes = wf_sched_page_bytes(s);

    if (bytes > 0)
        head_of(s, head);
    if (bytes == 0 || piece.len <= sizeof(head) || memcmp(piece.ptr, head, sizeof(head)) != 0 ||
        (piece.len - sizeof(head)) % bytes != 0)
        return wf_err_set(err, WF_E_FORMAT, "The cache of that text is not as it is kept here.");
    p.n_pages = (piece.len - sizeof(head)) / bytes;
    if (first > n_ids / WF_KV_PAGE_TOKENS || p.n_pages > n_ids / WF_KV_PAGE_TOKENS - first)
        return wf_err_set(err, WF_E_FORMAT, "The cache of that text is longer than it is.");
    *out_n = p.n_pages;
    return wf_sched__run(s, write_piece, &p, false, err);
}

double wf_sched_read_rate(struct wf_sched *s)
{
    double rate;

    pthread_mutex_lock(&s->lock);
    rate = s->read_rate;
    pthread_mutex_unlock(&s->lock);
    return rate;
}
