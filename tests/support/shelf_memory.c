/* SPDX-License-Identifier: Apache-2.0 */
/* Implements shelf_memory.h. */
#include "support/shelf_memory.h"

#include <stdlib.h>
#include <string.h>

static bool is_of(const struct wf_batch *b, const struct wf_sync_log *log)
{
    return memcmp(b->stream, log->stream, sizeof(b->stream)) == 0 &&
           memcmp(b->device, log->device, sizeof(b->device)) == 0;
}

const struct wf_batch *shelf_memory_last(const struct shelf_memory *m,
                                         const struct wf_sync_log *log)
{
    for (size_t i = m->n; i-- > 0;) {
        if (is_of(&m->at[i].b, log))
            return &m->at[i].b;
    }
    return NULL;
}

static int append_one(struct shelf_memory *m, const struct wf_batch *b)
{
    struct wf_sync_log log;
    const struct wf_batch *last;
    char *copy;

    memcpy(log.stream, b->stream, sizeof(log.stream));
    memcpy(log.device, b->device, sizeof(log.device));
    last = shelf_memory_last(m, &log);
    if (b->number > (last == NULL ? 0 : last->number) + 1)
        return WF_E_RANGE;
    for (size_t i = 0; i < m->n; i++) {
        if (is_of(&m->at[i].b, &log) && m->at[i].b.number == b->number)
            return memcmp(m->at[i].b.hash, b->hash, sizeof(b->hash)) == 0 ? WF_E_EXIST
                                                                          : WF_E_CORRUPT;
    }
    if (last != NULL && memcmp(last->hash, b->prev, sizeof(b->prev)) != 0)
        return WF_E_CORRUPT;
    if (m->n == m->cap) {
        m->cap = m->cap == 0 ? 64 : 2 * m->cap;
        m->at = realloc(m->at, m->cap * sizeof(*m->at));
        if (m->at == NULL)
            abort();
    }
    copy = malloc(b->bytes.len);
    if (copy == NULL)
        abort();
    memcpy(copy, b->bytes.ptr, b->bytes.len);
    m->at[m->n].b = *b;
    m->at[m->n++].b.bytes = wf_str_n(copy, b->bytes.len);
    return 0;
}

static int append(void *ud, const struct wf_batch *batches, size_t n, int *out_rcs,
                  struct wf_err *err)
{
    struct shelf_memory *m = ud;

    if (m->fail_at > 0 && --m->fail_at == 0)
        return wf_err_set(err, WF_E_FULL, "The shelf is full.");
    for (size_t i = 0; i < n; i++)
        out_rcs[i] = append_one(m, &batches[i]);
    return 0;
}

static int heads(void *ud, wf_shelf_head_fn fn, void *fn_ud, struct wf_err *err)
{
    struct shelf_memory *m = ud;
    int rc = 0;

    for (size_t i = 0; i < m->n && rc == 0; i++) {
        struct wf_sync_head h = {.last = m->at[i].b.number};
        memcpy(h.log.stream, m->at[i].b.stream, sizeof(h.log.stream));
        memcpy(h.log.device, m->at[i].b.device, sizeof(h.log.device));
        memcpy(h.hash, m->at[i].b.hash, sizeof(h.hash));
        if (shelf_memory_last(m, &h.log) == &m->at[i].b)
            rc = fn(fn_ud, &h, err);
    }
    return rc;
}

static int read_log(void *ud, const struct wf_sync_log *log, uint64_t from, size_t bytes_max,
                    wf_shelf_batch_fn fn, void *fn_ud, struct wf_err *err)
{
    struct shelf_memory *m = ud;
    size_t n_bytes = 0;
    int rc = 0;

    for (size_t i = 0; i < m->n && rc == 0 && n_bytes <= bytes_max && !m->holds_back; i++) {
        if (!is_of(&m->at[i].b, log) || m->at[i].b.number < from)
            continue;
        n_bytes += m->at[i].b.bytes.len;
        rc = fn(fn_ud, m->at[i].b.number, m->at[i].b.bytes, err);
    }
    return rc;
}

/* Forgets those of a log with numbers from..to. */
static void sift(struct shelf_memory *m, const struct wf_sync_log *log, uint64_t from, uint64_t to)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->n; i++) {
        const struct wf_batch *b = &m->at[i].b;
        if (is_of(b, log) && b->number >= from && b->number <= to)
            free((void *)(uintptr_t)b->bytes.ptr);
        else
            m->at[kept++] = m->at[i];
    }
    m->n = kept;
}

static int trim(void *ud, const struct wf_sync_log *log, uint64_t upto, struct wf_err *err)
{
    (void)err;
    sift(ud, log, 0, upto);
    return 0;
}

void shelf_memory_cut(struct shelf_memory *m, const struct wf_sync_log *log, uint64_t last)
{
    sift(m, log, last + 1, UINT64_MAX);
}

void shelf_memory_shelf(struct shelf_memory *m, struct wf_shelf *out)
{
    *out = (struct wf_shelf){
        .ud = m, .append = append, .heads = heads, .read = read_log, .trim = trim};
}

void shelf_memory_free(struct shelf_memory *m)
{
    for (size_t i = 0; i < m->n; i++)
        free((void *)(uintptr_t)m->at[i].b.bytes.ptr);
    free(m->at);
    *m = (struct shelf_memory){0};
}
