/* SPDX-License-Identifier: Apache-2.0 */
/* A version is read by loading what the store had up to its last change: the snapshot before it and
 * the updates between. Updates older than the second newest snapshot are gone; there a version is a
 * snapshot and nothing between. */
#include "space/history.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "crdt/types.h"
#include "space/draft_internal.h"
#include "space/text_edit.h"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (a draft's history).");
}

/* ---- the list ---- */

struct listing {
    struct wf_arena *arena;
    struct wf_version *at; /* a ring: the newest WF_VERSIONS_MAX */
    size_t n;              /* ever added */
};

static struct wf_version *last_of(struct listing *l)
{
    return l->n > 0 ? &l->at[(l->n - 1) % WF_VERSIONS_MAX] : NULL;
}

static int add(struct listing *l, const struct wf_version *v, struct wf_err *err)
{
    assert(l->at != NULL);
    struct wf_version *last = last_of(l);
    struct wf_str device = wf_str_n((const char *)v->device, WF_DRAFT_DEVICE_BYTES);

    if (last && memcmp(last->device, v->device, WF_DRAFT_DEVICE_BYTES) == 0)
        device = wf_str_n((const char *)last->device, WF_DRAFT_DEVICE_BYTES);
    else
        device = wf_arena_dup(l->arena, device);
    if (!device.ptr)
        return no_memory(err);
    l->at[l->n % WF_VERSIONS_MAX] = *v;
    l->at[l->n % WF_VERSIONS_MAX].device = (const uint8_t *)device.ptr;
    l->n++;
    return 0;
}

static int add_update(void *ud, const struct wf_draft_update *u, struct wf_err *err)
{
    struct listing *l = ud;
    struct wf_version *last = last_of(l);

    if (last && last->n_changes > 0 && u->at_ms - last->to_ms <= WF_VERSION_GAP_MS &&
        u->at_ms >= last->to_ms && memcmp(last->device, u->device, WF_DRAFT_DEVICE_BYTES) == 0) {
        last->seq = u->seq;
        last->to_ms = u->at_ms;
        last->n_changes++;
        last->bytes += u->bytes.len;
        return 0;
    }
    return add(l,
               &(struct wf_version){.seq = u->seq,
                                    .from_ms = u->at_ms,
                                    .to_ms = u->at_ms,
                                    .device = u->device,
                                    .n_changes = 1,
                                    .bytes = u->bytes.len},
               err);
}

/* Snapshots older than the log's beginning, then what the log has. */
static int gather(struct wf_reader *r, int64_t draft, struct listing *l, struct wf_err *err)
{
    struct wf_draft_span span = {.draft = draft, .from = 1, .to = INT64_MAX, .no_bytes = true};
    struct wf_draft_snapshot *snaps = NULL;
    size_t n = 0;
    int rc = wf_draft_snapshot_list(r, draft, l->arena, &snaps, &n, err);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        /* The last but one is where the log begins; with one alone the log is whole. */
        if (n == 1 || i + 1 == n)
            break;
        rc = add(l,
                 &(struct wf_version){.seq = snaps[i].upto_seq,
                                      .from_ms = snaps[i].at_ms,
                                      .to_ms = snaps[i].at_ms,
                                      .device = snaps[i].device,
                                      .bytes = snaps[i].n_bytes},
                 err);
        span.from = snaps[i].upto_seq + 1;
    }
    return rc == 0 ? wf_draft_log_each(r, &span, add_update, l, err) : rc;
}

int wf_history_list(struct wf_drafts *all, int64_t draft, struct wf_arena *arena,
                    struct wf_version **out, size_t *out_n, struct wf_err *err)
{
    struct listing l = {.arena = arena};
    struct wf_version *items;
    struct wf_reader *r = NULL;
    size_t n;
    int rc;

    l.at = wf_arena_array(arena, WF_VERSIONS_MAX, sizeof(*l.at));
    items = wf_arena_array(arena, WF_VERSIONS_MAX, sizeof(*items));
    if (!l.at || !items)
        return no_memory(err);
    rc = wf_store_reader_get(all->o.store, &r, err);
    if (rc != 0)
        return rc;
    rc = gather(r, draft, &l, err);
    wf_store_reader_put(all->o.store, r);
    if (rc != 0)
        return rc;
    n = WF_MIN(l.n, (size_t)WF_VERSIONS_MAX);
    for (size_t i = 0; i < n; i++)
        items[i] = l.at[(l.n - 1 - i) % WF_VERSIONS_MAX];
    *out = items;
    *out_n = n;
    return 0;
}

/* ---- one version ---- */

int wf_history_last(struct wf_drafts *all, int64_t draft, uint64_t *out, struct wf_err *err)
{
    struct wf_draft_extent extent;
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(all->o.store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_draft_log_extent(r, draft, 0, &extent, err);
    wf_store_reader_put(all->o.store, r);
    if (rc == 0)
        *out = extent.last_seq;
    return rc;
}

static int open_at(struct wf_drafts *all, const struct wf_draft_past *past, struct wf_crdt **out,
                   struct wf_err *err)
{
    struct wf_err own = WF_ERR_INIT;
    struct wf_draft_found found = {.doc = NULL};
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(all->o.store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_draft__read_past(r, past, &found, &own);
    wf_store_reader_put(all->o.store, r);
    if (rc == 0 && found.last_seq == past->upto) {
        *out = found.doc;
        return 0;
    }
    if (rc == 0)
        wf_crdt_free(found.doc);
    if (rc == 0 || rc == WF_E_CORRUPT) /* a gap: the log begins later */
        return wf_err_set(err, WF_E_NOENT,
                          "That version is not kept. Its history shows those "
                          "that are.");
    if (err)
        *err = own;
    return rc;
}

int wf_history_open(struct wf_drafts *all, int64_t draft, uint64_t seq, struct wf_crdt **out,
                    struct wf_err *err)
{
    const struct wf_draft_past past = {.draft = draft, .upto = seq, .client = 1};

    return open_at(all, &past, out, err);
}

static int text_of(struct wf_crdt *doc, struct wf_buf *out, struct wf_err *err)
{
    uint64_t root = 0;
    int rc = wf_text_is(doc) ? wf_crdt_root(doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root) : WF_E_EXIST;

    if (rc == 0)
        rc = wf_crdt_text_get(doc, root, out);
    if (rc == WF_E_EXIST)
        return wf_err_set(err, WF_E_UNSUPPORTED, "This draft is no text.");
    return rc == 0 ? 0 : wf_err_set(err, rc, "The draft's text could not be read.");
}

int wf_history_text(struct wf_drafts *all, int64_t draft, uint64_t seq, struct wf_buf *out,
                    struct wf_err *err)
{
    struct wf_crdt *doc = NULL;
    int rc = wf_history_open(all, draft, seq, &doc, err);

    if (rc == 0)
        rc = text_of(doc, out, err);
    wf_crdt_free(doc);
    return rc;
}

int wf_history_restore(struct wf_draft *d, uint64_t seq, bool *out_changed, struct wf_err *err)
{
    struct wf_buf text;
    int rc;

    wf_buf_init(&text, WF_LIMIT_DRAFT_BYTES);
    rc = wf_history_text(d->all, d->id, seq, &text, err);
    if (rc == 0)
        rc = wf_draft_set_text(d, wf_buf_str(&text), out_changed, err);
    wf_buf_deinit(&text);
    return rc;
}

/* ---- edits against an older version ---- */

static void on_update(void *ud, struct wf_str update, bool remote)
{
    if (!remote)
        (void)wf_buf_append_str(ud, update); /* the failure sticks */
}

int wf_history_edit(struct wf_draft *d, uint64_t base, struct wf_str text, bool *out_changed,
                    struct wf_err *err)
{
    struct wf_buf update;
    const struct wf_draft_past past = {.draft = d->id,
                                       .upto = base,
                                       .client = 1 + wf_rng_below(d->all->o.rng, UINT32_MAX),
                                       .on_update = on_update,
                                       .ud = &update};
    struct wf_crdt *doc = NULL;
    int rc;

    if (base == 0)
        return wf_draft_set_text(d, text, out_changed, err);
    wf_buf_init(&update, WF_LIMIT_DRAFT_BYTES);
    rc = open_at(d->all, &past, &doc, err);
    wf_buf_reset(&update);
    if (rc == 0)
        rc = wf_text_edit(doc, text, err);
    if (rc == 0 && wf_buf_status(&update) != 0)
        rc = no_memory(err);
    if (rc == 0 && update.len > 0)
        rc = wf_draft__apply_durable(d, wf_buf_str(&update), err);
    if (rc == 0 && out_changed)
        *out_changed = update.len > 0;
    wf_crdt_free(doc);
    wf_buf_deinit(&update);
    return rc;
}
