/* SPDX-License-Identifier: Apache-2.0 */
/* What a device typed and took back before a batch was made is in its updates still; who decides by
 * what stands in the draft how sensitive it is has never seen it. So what goes into the batch is
 * made of the draft as it was looked at, at the very same place of its log: of what was deleted
 * only that it was, and nothing of what was typed or deleted since.
 *
 * An update of format 1 is its structs and then its ranges of deletes. The structs are those that
 * the draft has from where the updates begin; the ranges are those of the updates. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "crdt/lib0.h"
#include "crdt/update.h"
#include "mesh/sharing_internal.h"
#include "space/draft.h"

struct start {
    uint64_t client, clock;
};

struct cutting {
    struct start *starts; /* [n] of each client, the lowest */
    size_t n;
    struct wf_str deletes;
    struct wf_buf *out;
};

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to share changes.");
}

/* Where an update begins. 1; 0: it has no structs; UNSUPPORTED: several clients', which nobody
 * writes at once but who puts updates together. */
static int read_start(struct wf_str update, struct start *out)
{
    struct wf_lib0_in in = wf_lib0_in(update.ptr, update.len);
    uint64_t n = wf_lib0_uint(&in);

    if (n == 0)
        return 0;
    (void)wf_lib0_uint(&in); /* how many structs */
    out->client = wf_lib0_uint(&in);
    out->clock = wf_lib0_uint(&in);
    return n == 1 && !in.bad ? 1 : WF_E_UNSUPPORTED;
}

static int note_starts(struct cutting *c, const struct wf_str *updates, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct start s;
        size_t k = 0;
        int rc = read_start(updates[i], &s);
        if (rc < 0)
            return rc;
        while (rc > 0 && k < c->n && c->starts[k].client != s.client)
            k++;
        if (rc > 0 && k == c->n)
            c->starts[c->n++] = s;
        else if (rc > 0)
            c->starts[k].clock = WF_MIN(c->starts[k].clock, s.clock);
    }
    return 0;
}

/* The draft's state vector, but with those clients only up to where the updates begin. */
static void lower(const struct cutting *c, struct wf_str vector, struct wf_buf *out)
{
    struct wf_lib0_in in = wf_lib0_in(vector.ptr, vector.len);
    uint64_t n = wf_lib0_uint(&in);

    wf_lib0_append_uint(out, n);
    for (uint64_t i = 0; i < n && !in.bad; i++) {
        uint64_t client = wf_lib0_uint(&in), clock = wf_lib0_uint(&in);
        for (size_t k = 0; k < c->n; k++) {
            if (c->starts[k].client == client)
                clock = WF_MIN(clock, c->starts[k].clock);
        }
        wf_lib0_append_uint(out, client);
        wf_lib0_append_uint(out, clock);
    }
}

/* What waits for changes that have not come is in `all` as it came: who looks sees it, too. Its
 * ranges are all of the draft then. */
static int cut(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    const struct cutting *c = ud;
    struct wf_buf vector, from, all, ends;
    int rc;

    wf_buf_init(&vector, WF_LIMIT_DRAFT_BYTES);
    wf_buf_init(&from, WF_LIMIT_DRAFT_BYTES);
    wf_buf_init(&all, WF_LIMIT_DRAFT_BYTES);
    wf_buf_init(&ends, WF_LIMIT_DRAFT_BYTES);
    rc = wf_crdt_state_vector(doc, &vector);
    if (rc == 0) {
        lower(c, wf_buf_str(&vector), &from);
        rc = wf_crdt_encode(doc, wf_buf_str(&from), WF_CRDT_V1, &all);
    }
    if (rc == 0 && wf_crdt_pending(doc)) {
        rc = wf_buf_append_str(c->out, wf_buf_str(&all));
    } else if (rc == 0) { /* no structs, and all ranges of the draft: they end `all`, too */
        rc = wf_crdt_encode(doc, wf_buf_str(&vector), WF_CRDT_V1, &ends);
        if (rc == 0) {
            (void)wf_buf_append(c->out, all.ptr, all.len - (ends.len - 1));
            (void)wf_buf_append_str(c->out, c->deletes);
            rc = wf_buf_status(c->out);
        }
    }
    wf_buf_deinit(&vector);
    wf_buf_deinit(&from);
    wf_buf_deinit(&all);
    wf_buf_deinit(&ends);
    return rc == 0 ? 0 : no_memory(err);
}

int wf_sharing__without_deleted(struct wf_sharing *s, const struct wf_draft_moment *at,
                                const struct wf_str *updates, size_t n, struct wf_buf *io,
                                struct wf_err *err)
{
    struct cutting c = {.starts = wf_alloc_array(n, sizeof(*c.starts))};
    struct wf_buf vector, deletes, out;
    int rc = c.starts == NULL ? no_memory(err) : 0;

    wf_buf_init(&vector, WF_LIMIT_DRAFT_BYTES);
    wf_buf_init(&deletes, WF_LIMIT_DRAFT_BYTES);
    wf_buf_init(&out, WF_LIMIT_DRAFT_BYTES);
    if (rc == 0)
        rc = wf_crdt_update_vector(wf_buf_str(io), WF_CRDT_V1, &vector);
    if (rc == 0) /* 0, that is no structs; then the ranges */
        rc = wf_crdt_diff(wf_buf_str(io), wf_buf_str(&vector), WF_CRDT_V1, &deletes);
    if (rc == 0 && (deletes.len > 2 || n < at->upto)) {
        c.deletes = wf_str_sub(wf_buf_str(&deletes), 1, deletes.len);
        c.out = &out;
        rc = deletes.ptr[0] == 0 ? note_starts(&c, updates, n) : WF_E_UNSUPPORTED;
        if (rc == 0)
            rc = wf_draft_look(s->o.drafts, at, cut, &c, err);
        if (rc == 0) {
            wf_buf_reset(io);
            rc = wf_buf_append_str(io, wf_buf_str(&out)) == 0 ? 0 : no_memory(err);
        }
    }
    wf_buf_deinit(&vector);
    wf_buf_deinit(&deletes);
    wf_buf_deinit(&out);
    wf_free(c.starts);
    return rc;
}
