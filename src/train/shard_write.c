/* SPDX-License-Identifier: Apache-2.0 */
/* Writing shards: ids go to a temporary file as they come; where texts end is kept in memory (8
 * bytes a text) and written behind them; the head is written last, so that a file that was cut off
 * is none. */
#include <assert.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/rng.h"
#include "os/file.h"
#include "train/shard.h"
#include "train/shard_internal.h"

/* What is gathered before it is written. */
#define CHUNK_BYTES ((size_t)1 << 20)

struct wf_shard_writer {
    struct wf_shard_head head;
    char *path;
    struct wf_buf temporary; /* its path; empty: no file */
    struct wf_buf pending;
    struct wf_buf ends;
    uint32_t id_bytes;
    int fd;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to write a file of tokens.");
}

static int flush(struct wf_shard_writer *w, struct wf_err *err)
{
    int rc = wf_buf_status(&w->pending);

    if (rc != 0)
        return no_memory(err);
    rc = wf_file_write_all(w->fd, w->pending.ptr, w->pending.len, err);
    wf_buf_reset(&w->pending);
    return rc;
}

static int name_temporary(struct wf_shard_writer *w)
{
    return wf_buf_appendf(&w->temporary, "%s.%016llx.tmp", w->path,
                          (unsigned long long)wf_rng_u64(NULL));
}

int wf_shard_writer_new(const char *path, const struct wf_shard_head *head,
                        struct wf_shard_writer **out, struct wf_err *err)
{
    struct wf_shard_writer *w = wf_alloc_array(1, sizeof(*w));
    int rc = 0;

    if (w == NULL)
        return no_memory(err);
    w->fd = -1;
    w->head = (struct wf_shard_head){
        .n_vocab = head->n_vocab, .vocab_hash = head->vocab_hash, .source_hash = head->source_hash};
    w->id_bytes = head->n_vocab <= 65536 ? 2 : 4;
    wf_buf_init(&w->temporary, WF_LIMIT_PATH_BYTES);
    wf_buf_init(&w->pending, SIZE_MAX);
    wf_buf_init(&w->ends, SIZE_MAX);
    w->path = wf_strdup(path);
    if (w->path == NULL || name_temporary(w) != 0)
        rc = no_memory(err);
    if (rc == 0) {
        rc = wf_file_create(w->temporary.ptr, &w->fd, err);
        if (rc != 0)
            wf_buf_reset(&w->temporary);
    }
    if (rc == 0 && wf_buf_append_fill(&w->pending, 0, WF_SHARD__HEAD_BYTES) != 0)
        rc = no_memory(err);
    if (rc != 0) {
        wf_shard_writer_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

int wf_shard_writer_add(struct wf_shard_writer *w, const int32_t *ids, size_t n, size_t n_bytes,
                        struct wf_err *err)
{
    char *p;

    if (wf_buf_reserve(&w->pending, n * w->id_bytes) != 0)
        return no_memory(err);
    p = w->pending.ptr + w->pending.len;
    for (size_t i = 0; i < n; i++) {
        uint32_t id = (uint32_t)ids[i];
        assert(id < w->head.n_vocab);
        for (uint32_t k = 0; k < w->id_bytes; k++)
            *p++ = (char)(id >> (8 * k));
    }
    wf_buf_commit(&w->pending, n * w->id_bytes);
    w->head.n_tokens += n;
    w->head.n_bytes += n_bytes;
    w->head.n_texts++;
    if (wf_buf_append_u64le(&w->ends, w->head.n_tokens) != 0)
        return no_memory(err);
    return w->pending.len >= CHUNK_BYTES ? flush(w, err) : 0;
}

static int write_head(struct wf_shard_writer *w, struct wf_err *err)
{
    struct wf_buf *b = &w->pending;

    (void)wf_buf_append(b, WF_SHARD__MAGIC, 8); /* flush asks for the status */
    (void)wf_buf_append_u32le(b, w->id_bytes);
    (void)wf_buf_append_u32le(b, w->head.n_vocab);
    (void)wf_buf_append_u64le(b, w->head.vocab_hash);
    (void)wf_buf_append_u64le(b, w->head.source_hash);
    (void)wf_buf_append_u64le(b, w->head.n_texts);
    (void)wf_buf_append_u64le(b, w->head.n_tokens);
    (void)wf_buf_append_u64le(b, w->head.n_bytes);
    (void)wf_buf_append_u64le(b, 0);
    if (wf_buf_status(b) == 0 && lseek(w->fd, 0, SEEK_SET) != 0)
        return wf_err_set(err, WF_E_IO, "The file of tokens cannot be written from its begin.");
    return flush(w, err);
}

int wf_shard_writer_finish(struct wf_shard_writer *w, struct wf_shard_head *out_head,
                           struct wf_err *err)
{
    size_t rest = (size_t)(w->head.n_tokens * w->id_bytes % 8);
    int rc;

    (void)wf_buf_append_fill(&w->pending, 0, rest > 0 ? 8 - rest : 0); /* flush asks */
    rc = flush(w, err);
    if (rc == 0)
        rc = wf_file_write_all(w->fd, w->ends.ptr, w->ends.len, err);
    if (rc == 0)
        rc = write_head(w, err);
    wf_file_close(&w->fd);
    if (rc == 0)
        rc = wf_file_sync(w->temporary.ptr, err);
    if (rc == 0)
        rc = wf_file_rename(w->temporary.ptr, w->path, err);
    if (rc == 0) {
        wf_buf_reset(&w->temporary);
        if (out_head != NULL)
            *out_head = w->head;
    }
    return rc;
}

void wf_shard_writer_free(struct wf_shard_writer *w)
{
    if (w == NULL)
        return;
    wf_file_close(&w->fd);
    if (w->temporary.len > 0 && wf_file_remove(w->temporary.ptr, NULL) != 0)
        wf_buf_reset(&w->temporary); /* it stays, named as what a crash leaves */
    wf_buf_deinit(&w->temporary);
    wf_buf_deinit(&w->pending);
    wf_buf_deinit(&w->ends);
    wf_free(w->path);
    wf_free(w);
}
