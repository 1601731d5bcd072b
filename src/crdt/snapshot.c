/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: made, and an old version written out of what is kept. Structs are cut at the
 * snapshot's clocks for the writing; they come together again at the end of the transaction. */
#include "crdt/snapshot.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "crdt/update_internal.h"

int wf_crdt_snapshot(struct wf_crdt *d, enum wf_crdt_format format, struct wf_buf *out)
{
    struct wf_crdt_columns cols;
    struct wf_crdt_ranges deletes = {0};
    struct wf_crdt_out o;
    int rc = d->broken ? WF_E_NOMEM : wf_crdt__all_deletes(d, &deletes);

    /* Only the deletes' own form differs between the formats: no column is used. */
    wf_crdt__out_init(&o, d, out, NULL);
    if (format == WF_CRDT_V2)
        o.cols = &cols;
    if (rc == 0)
        rc = wf_crdt__out_deletes(&o, &deletes);
    if (rc == 0)
        rc = wf_crdt__write_vector(d, out);
    wf_free(deletes.at);
    return rc;
}

struct old {
    struct wf_crdt_ranges deletes, known;
};

static int read_snapshot(struct wf_crdt *d, struct wf_str s, enum wf_crdt_format format,
                         struct old *out)
{
    struct wf_lib0_in in = wf_lib0_in(s.ptr, s.len);
    int rc = wf_crdt__parse_deletes(d, &in, format, &out->deletes);

    if (rc == 0)
        rc = wf_crdt__parse_vector(d, wf_str_n((const char *)in.p, (size_t)(in.end - in.p)),
                                   &out->known);
    for (size_t i = 0; i < out->known.n && rc == 0; i++) {
        if (out->known.at[i].clock > d->clients[out->known.at[i].client].next)
            rc = WF_E_RANGE;
    }
    return rc;
}

/* The structs of a client up to a clock, where one begins. */
static void put_until(struct wf_crdt_out *o, struct wf_crdt_client *c, uint32_t clock)
{
    struct wf_crdt_place p = {0, 0}, last = wf_crdt__find(c, clock - 1);
    uint64_t n = last.slot + 1;

    for (uint32_t i = 0; i < last.chunk; i++)
        n += c->chunks[i]->n;
    wf_crdt__out_uint(o, n);
    wf_crdt__out_client(o, c->id);
    wf_crdt__out_uint(o, 0);
    for (; n > 0; n--) {
        wf_crdt__out_struct(o, wf_crdt__item(o->d, wf_crdt__at(c, p)), 0);
        (void)wf_crdt__step_right(c, &p);
    }
}

static int write_old(struct wf_crdt *d, const struct old *old, struct wf_buf *out)
{
    struct wf_crdt_columns cols;
    struct wf_crdt_out o;
    struct wf_buf rest;
    uint64_t n = 0;
    uint32_t cut;
    int rc = 0, rc2;

    for (size_t i = 0; i < old->known.n && rc == 0; i++) {
        const struct wf_crdt_range *k = &old->known.at[i];
        n += k->clock > 0;
        if (k->clock > 0 && k->clock < d->clients[k->client].next)
            rc = wf_crdt__clean_start(d, k->client, k->clock, &cut);
    }
    wf_buf_init(&rest, WF_LIMIT_CRDT_BYTES);
    wf_crdt__out_init(&o, d, &rest, &cols);
    wf_crdt__out_uint(&o, n);
    for (size_t i = 0; i < old->known.n && rc == 0; i++) {
        if (old->known.at[i].clock > 0)
            put_until(&o, &d->clients[old->known.at[i].client], old->known.at[i].clock);
    }
    if (rc == 0)
        rc = wf_crdt__out_deletes(&o, &old->deletes);
    rc2 = wf_crdt__out_finish(&o, out);
    return rc != 0 ? rc : rc2;
}

int wf_crdt_snapshot_restore(struct wf_crdt *d, struct wf_str snapshot, enum wf_crdt_format format,
                             struct wf_buf *out)
{
    struct old old = {0};
    int rc, rc2 = 0;

    if (!d->keep_deleted)
        return WF_E_UNSUPPORTED;
    if (d->depth > 0)
        return WF_E_BUSY;
    rc = d->broken ? WF_E_NOMEM : read_snapshot(d, snapshot, format, &old);
    if (rc == 0)
        rc = wf_crdt_begin(d);
    if (rc == 0) {
        rc = write_old(d, &old, out);
        if (rc == WF_E_NOMEM)
            (void)wf_crdt__break(d);
        rc2 = wf_crdt_commit(d);
    }
    wf_free(old.deletes.at);
    wf_free(old.known.at);
    return rc != 0 ? rc : rc2;
}
