/* SPDX-License-Identifier: Apache-2.0 */
/* Logs of two stories. A device that was copied, or set back to an old copy of its data, may tell
 * some one thing and others another under one number: each keeps the story that it heard first, and
 * the device is named until the owner takes it out.
 *
 * Once it is out, both stories count: what honest devices wrote since may build on either. No log
 * can hold both; so whoever learns that another has the other story puts down what is here as a
 * snapshot of its own, in its own log, which goes to all, and who has another story than a snapshot
 * covers takes what it has. Drafts come to the same by what they are; of two changes of records
 * under one number both are kept (space/record_apply.c). What nobody but the device had is lost,
 * which is said. */
#include <string.h>

#include "base/alloc.h"
#include "mesh/sharing_internal.h"
#include "mesh/sharing_people.h"
#include "mesh/sharing_relay.h"

#define AGAIN_NS INT64_C(2000000000)

static struct wf_sharing_fork *find(const struct wf_sharing *s, const struct wf_sync_log *log)
{
    for (size_t i = 0; i < s->n_forks; i++) {
        if (memcmp(&s->forks[i].log, log, sizeof(*log)) == 0)
            return &s->forks[i];
    }
    return NULL;
}

/* Without memory it is heard of again, with the next connection. */
void wf_sharing__forked(struct wf_sharing *s, const struct wf_sync_log *log)
{
    struct wf_reader *r = NULL;
    struct wf_sharing_fork *f;

    if (wf_sharing__is_cipher(s) || find(s, log) != NULL ||
        wf_reserve(&s->forks, &s->cap_forks, s->n_forks + 1, sizeof(*s->forks)) != 0)
        return;
    f = &s->forks[s->n_forks++];
    *f = (struct wf_sharing_fork){.log = *log};
    s->must_merge = true;
    if (wf_store_reader_get(s->o.store, &r, NULL) != 0)
        return;
    if (wf_share_is_forked(r, log, &f->is_told, NULL) != 0)
        f->is_told = false; /* twice does no harm */
    wf_store_reader_put(s->o.store, r);
}

void wf_sharing__fork_came(struct wf_sharing *s, const struct wf_sync_log *log)
{
    struct wf_sharing_fork *f = find(s, log);

    if (f != NULL)
        f->is_told = false;
}

bool wf_sharing__is_forked(const struct wf_sharing *s, const struct wf_sync_log *log)
{
    return find(s, log) != NULL;
}

bool wf_sharing__is_over(const struct wf_sharing *s, const struct wf_sync_log *log)
{
    const struct wf_person *whose;
    const struct wf_devices_entry *e = wf_sharing__device(s, log->device, &whose);

    return e != NULL && e->revoked_ms != 0;
}

/* Whether others are to be told what is here of it. */
static bool is_due(const struct wf_sharing *s, const struct wf_sharing_fork *f)
{
    return !f->is_told && wf_sharing__is_over(s, &f->log) &&
           wf_sharing__right(s, s->o.device->signer.id, f->log.stream) >= WF_SHARING_WRITE;
}

bool wf_sharing__has_stories(const struct wf_sharing *s)
{
    bool is = s->must_merge && s->n_forks > 0;

    for (size_t i = 0; i < s->n_forks && !is; i++)
        is = is_due(s, &s->forks[i]);
    return is;
}

/* All forks of a space are told by one snapshot. */
static int note_told(struct wf_sharing *s, int64_t space, struct wf_err *err)
{
    int rc = wf_store_write_begin(s->o.store, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < s->n_forks && rc == 0; i++) {
        const struct wf_sharing_stream *t = wf_sharing__stream(s, s->forks[i].log.stream);
        if (t != NULL && t->space == space && is_due(s, &s->forks[i]))
            rc = wf_share_set_forked(s->o.store, &s->forks[i].log, err);
    }
    if (rc != 0) {
        wf_store_write_rollback(s->o.store);
        return rc;
    }
    rc = wf_store_write_commit(s->o.store, err);
    for (size_t i = 0; i < s->n_forks && rc == 0; i++) {
        const struct wf_sharing_stream *t = wf_sharing__stream(s, s->forks[i].log.stream);
        if (t != NULL && t->space == space && is_due(s, &s->forks[i]))
            s->forks[i].is_told = true;
    }
    return rc;
}

static int tell_space(struct wf_sharing *s, int64_t space, struct wf_err *err)
{
    struct wf_share_space *spaces = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    size_t n = 0;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 4096, SIZE_MAX);
    rc = wf_share_spaces(r, &arena, &spaces, &n, err);
    wf_store_reader_put(s->o.store, r);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (spaces[i].id == space)
            rc = wf_sharing__make_snapshot(s, &spaces[i], err);
    }
    wf_arena_deinit(&arena);
    return rc == 0 ? note_told(s, space, err) : rc;
}

static int tell(struct wf_sharing *s, struct wf_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < s->n_forks && rc == 0; i++) {
        const struct wf_sharing_stream *t = wf_sharing__stream(s, s->forks[i].log.stream);
        if (t != NULL && is_due(s, &s->forks[i]))
            rc = tell_space(s, t->space, err);
    }
    return rc;
}

int wf_sharing__tend_stories(struct wf_sharing *s, struct wf_err *err)
{
    int64_t now_ns = wf_clock_mono_ns(s->o.clock);
    int rc = 0;

    if (s->n_forks == 0 || now_ns < s->stories_ns || s->n_came > 0 || !wf_sharing__has_stories(s))
        return 0;
    if (s->must_merge)
        rc = wf_sharing__merge(s, err);
    if (rc == 0)
        s->must_merge = false;
    if (rc == 0 && !s->is_unsent)
        rc = tell(s, err);
    if (rc == 0)
        return 0;
    s->stories_ns = now_ns + AGAIN_NS;
    return rc == WF_E_BUSY || rc == WF_E_NOENT ? 0 : rc; /* a key, or a draft's end, is awaited */
}
