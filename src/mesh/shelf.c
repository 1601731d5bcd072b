/* SPDX-License-Identifier: Apache-2.0 */
/* The shelf in a store. */
#include "mesh/shelf.h"

#include <string.h>

#include "store/batch_log.h"

_Static_assert(sizeof(struct wf_sync_log) == sizeof(struct wf_batch_log_name), "the same names");

static struct wf_batch_log_name name_of(const uint8_t *stream, const uint8_t *device)
{
    struct wf_batch_log_name n;

    memcpy(n.stream, stream, sizeof(n.stream));
    memcpy(n.device, device, sizeof(n.device));
    return n;
}

static bool is_about_one(int rc)
{
    return rc == 0 || rc == WF_E_EXIST || rc == WF_E_RANGE || rc == WF_E_CORRUPT;
}

static int append(void *ud, const struct wf_batch *batches, size_t n, int *out_rcs,
                  struct wf_err *err)
{
    struct wf_store *s = ud;
    int rc = wf_store_write_begin(s, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct wf_batch *b = &batches[i];
        const struct wf_batch_log_name log = name_of(b->stream, b->device);
        const struct wf_batch_log_row row = {.number = b->number,
                                             .prev = b->prev,
                                             .hash = b->hash,
                                             .bytes = b->bytes,
                                             .begins = b->begins};
        out_rcs[i] = wf_batch_log_append(s, &log, &row, err);
        rc = is_about_one(out_rcs[i]) ? 0 : out_rcs[i];
    }
    if (rc == 0)
        return wf_store_write_commit(s, err);
    wf_store_write_rollback(s);
    return rc;
}

static int heads(void *ud, wf_shelf_head_fn fn, void *fn_ud, struct wf_err *err)
{
    struct wf_store *s = ud;
    struct wf_reader *r = NULL;
    struct wf_batch_log_head *at = NULL;
    struct wf_arena arena;
    size_t n = 0;
    int rc = wf_store_reader_get(s, &r, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, (size_t)1 << 16, SIZE_MAX);
    rc = wf_batch_log_heads(r, NULL, &arena, &at, &n, err);
    wf_store_reader_put(s, r);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct wf_sync_head head = {.last = at[i].last};
        memcpy(head.log.stream, at[i].name.stream, sizeof(head.log.stream));
        memcpy(head.log.device, at[i].name.device, sizeof(head.log.device));
        memcpy(head.hash, at[i].hash, sizeof(head.hash));
        if (head.last > 0)
            rc = fn(fn_ud, &head, err);
    }
    wf_arena_deinit(&arena);
    return rc;
}

struct giving {
    wf_shelf_batch_fn fn;
    void *ud;
};

static int give(void *ud, const struct wf_batch_log_row *row, struct wf_err *err)
{
    const struct giving *g = ud;

    return g->fn(g->ud, row->number, row->bytes, err);
}

static int read_log(void *ud, const struct wf_sync_log *log, uint64_t from, size_t bytes_max,
                    wf_shelf_batch_fn fn, void *fn_ud, struct wf_err *err)
{
    const struct wf_batch_log_name name = name_of(log->stream, log->device);
    struct giving g = {fn, fn_ud};
    struct wf_store *s = ud;
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(s, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_batch_log_read(r, &name, from, bytes_max, give, &g, err);
    wf_store_reader_put(s, r);
    return rc;
}

static int trim(void *ud, const struct wf_sync_log *log, uint64_t upto, struct wf_err *err)
{
    const struct wf_batch_log_name name = name_of(log->stream, log->device);
    struct wf_store *s = ud;
    int rc = wf_store_write_begin(s, err);

    if (rc != 0)
        return rc;
    rc = wf_batch_log_trim(s, &name, upto, err);
    if (rc == 0)
        return wf_store_write_commit(s, err);
    wf_store_write_rollback(s);
    return rc;
}

void wf_shelf_of_store(struct wf_store *s, struct wf_shelf *out)
{
    *out = (struct wf_shelf){
        .ud = s, .append = append, .heads = heads, .read = read_log, .trim = trim};
}
