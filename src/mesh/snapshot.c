/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of snapshots and devices' words as bytes. How many there are is bounded by the bytes that
 * they take, before anything is allocated. */
#include "mesh/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/lib0.h"

#define VERSION 1u
/* The shortest that one can be: what is claimed to be there must fit. */
#define COVER_MIN (WF_SIGNER_ID_BYTES + 1u + WF_BATCH_HASH_BYTES)
#define REACH_MIN (WF_SIGNER_ID_BYTES + 2u)

static void get(struct wf_lib0_in *in, void *out, size_t n)
{
    if ((size_t)(in->end - in->p) < n) {
        (void)wf_lib0_fail(in);
        memset(out, 0, n);
        return;
    }
    memcpy(out, in->p, n);
    in->p += n;
}

static int none(struct wf_err *err)
{
    return wf_err_set(err, WF_E_FORMAT, "What a device says of its snapshot cannot be read.");
}

static int begin(struct wf_lib0_in *in, struct wf_err *err)
{
    uint64_t version = wf_lib0_uint(in);

    if (in->bad || version == 0)
        return none(err);
    return version == VERSION ? 0
                              : wf_err_set(err, WF_E_UNSUPPORTED,
                                           "A newer weft made a snapshot. Update weft on this "
                                           "device.");
}

/* How many follow, of which each takes at least so many bytes. */
static size_t get_count(struct wf_lib0_in *in, size_t bytes_min)
{
    uint64_t n = wf_lib0_uint(in);

    if (n > (size_t)(in->end - in->p) / bytes_min) {
        (void)wf_lib0_fail(in);
        return 0;
    }
    return (size_t)n;
}

/* Whether a device stands behind the one before it. */
static bool rises(const uint8_t *before, const uint8_t *device)
{
    return before == NULL || memcmp(before, device, WF_SIGNER_ID_BYTES) < 0;
}

/* A clock is wider than a number can be: it comes in two. */
static uint64_t get_hlc(struct wf_lib0_in *in)
{
    uint64_t high = wf_lib0_uint(in), low = wf_lib0_uint(in);

    if (high > (uint64_t)INT64_MAX >> 12 || low > 0xfff)
        return wf_lib0_fail(in);
    return high << 12 | low;
}

static int get_reach(struct wf_lib0_in *in, struct wf_arena *arena, struct wf_snapshot_reach **out,
                     size_t *out_n)
{
    size_t n = get_count(in, REACH_MIN);
    struct wf_snapshot_reach *at = wf_arena_array(arena, n + 1, sizeof(*at));

    if (at == NULL)
        return WF_E_NOMEM;
    for (size_t i = 0; i < n && !in->bad; i++) {
        get(in, at[i].device, sizeof(at[i].device));
        at[i].dseq = wf_lib0_uint(in);
        at[i].hlc = get_hlc(in);
        if (!rises(i > 0 ? at[i - 1].device : NULL, at[i].device))
            (void)wf_lib0_fail(in);
    }
    *out = at;
    *out_n = n;
    return 0;
}

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (snapshots).");
}

int wf_snapshot_head_read(struct wf_str bytes, struct wf_arena *arena, struct wf_snapshot_head *out,
                          struct wf_err *err)
{
    struct wf_lib0_in in = wf_lib0_in(bytes.ptr, bytes.len);
    int rc = begin(&in, err);

    if (rc != 0)
        return rc;
    out->n_covers = get_count(&in, COVER_MIN);
    out->covers = wf_arena_array(arena, out->n_covers + 1, sizeof(*out->covers));
    if (out->covers == NULL)
        return no_memory(err);
    for (size_t i = 0; i < out->n_covers && !in.bad; i++) {
        struct wf_snapshot_cover *c = &out->covers[i];
        get(&in, c->device, sizeof(c->device));
        c->number = wf_lib0_uint(&in);
        get(&in, c->hash, sizeof(c->hash));
        if (c->number == 0 || !rises(i > 0 ? c[-1].device : NULL, c->device))
            (void)wf_lib0_fail(&in);
    }
    if (get_reach(&in, arena, &out->reach, &out->n_reach) != 0)
        return no_memory(err);
    return in.bad || in.p != in.end ? none(err) : 0;
}

int wf_snapshot_word_read(struct wf_str bytes, struct wf_arena *arena, struct wf_snapshot_word *out,
                          struct wf_err *err)
{
    struct wf_lib0_in in = wf_lib0_in(bytes.ptr, bytes.len);
    int rc = begin(&in, err);

    if (rc != 0)
        return rc;
    out->top = wf_lib0_byte(&in);
    out->dseq = wf_lib0_uint(&in);
    out->hlc = get_hlc(&in);
    if (get_reach(&in, arena, &out->seen, &out->n_seen) != 0)
        return no_memory(err);
    if (in.bad || in.p != in.end || out->top >= WF_LABEL_SECRET)
        return none(err);
    return 0;
}

/* ---- writing ---- */

/* All that is sorted begins with its device. */
static int by_device(const void *a, const void *b)
{
    return memcmp(a, b, WF_SIGNER_ID_BYTES);
}

static void put_hlc(uint64_t hlc, struct wf_buf *out)
{
    wf_lib0_append_uint(out, hlc >> 12);
    wf_lib0_append_uint(out, hlc & 0xfff);
}

static void put_reach(struct wf_snapshot_reach *at, size_t n, struct wf_buf *out)
{
    if (n > 0)
        qsort(at, n, sizeof(*at), by_device);
    wf_lib0_append_uint(out, n);
    for (size_t i = 0; i < n; i++) {
        (void)wf_buf_append(out, at[i].device, sizeof(at[i].device));
        wf_lib0_append_uint(out, at[i].dseq);
        put_hlc(at[i].hlc, out);
    }
}

int wf_snapshot_head_write(struct wf_snapshot_head *h, struct wf_buf *out)
{
    if (h->n_covers > 0)
        qsort(h->covers, h->n_covers, sizeof(*h->covers), by_device);
    wf_lib0_append_uint(out, VERSION);
    wf_lib0_append_uint(out, h->n_covers);
    for (size_t i = 0; i < h->n_covers; i++) {
        (void)wf_buf_append(out, h->covers[i].device, sizeof(h->covers[i].device));
        wf_lib0_append_uint(out, h->covers[i].number);
        (void)wf_buf_append(out, h->covers[i].hash, sizeof(h->covers[i].hash));
    }
    put_reach(h->reach, h->n_reach, out);
    return wf_buf_status(out);
}

int wf_snapshot_word_write(struct wf_snapshot_word *w, struct wf_buf *out)
{
    wf_lib0_append_uint(out, VERSION);
    (void)wf_buf_append_byte(out, (char)w->top);
    wf_lib0_append_uint(out, w->dseq);
    put_hlc(w->hlc, out);
    put_reach(w->seen, w->n_seen, out);
    return wf_buf_status(out);
}

const struct wf_snapshot_cover *wf_snapshot_cover_of(const struct wf_snapshot_head *h,
                                                     const uint8_t device[WF_SIGNER_ID_BYTES])
{
    for (size_t i = 0; i < h->n_covers; i++) {
        if (memcmp(h->covers[i].device, device, WF_SIGNER_ID_BYTES) == 0)
            return &h->covers[i];
    }
    return NULL;
}
