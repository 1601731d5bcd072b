/* SPDX-License-Identifier: Apache-2.0 */
/* Who has what, as nodes said it, and what may go because of that.
 *
 * What nodes say is not believed further than this: that one which once had a batch and has not now
 * was set back or lies, which is told; and that what somebody has may go here. A relay trims what
 * all whom the pass names have said they have, however long one of them sleeps; only the bound of
 * days, which the relay's owner knows of, goes before that. */
#include <string.h>

#include "base/alloc.h"
#include "mesh/relay_internal.h"

#define DAY_MS INT64_C(86400000)
#define TEND_MS 2000
#define TRIM_MS 10000
#define BARE_DAYS 2
/* Words written at once; more wait for the next time. */
#define WORDS_MAX 4096u

static struct wf_str key_of(const void *p, size_t n)
{
    return wf_str_n(p, n);
}

struct wf_relay_log *wf_relay__log(struct wf_relay *r, const struct wf_sync_log *name)
{
    const struct wf_str key = key_of(name, sizeof(*name));
    union wf_map_value *v = wf_map_get(&r->by_log, key), *stream;

    if (v != NULL)
        return &r->logs[v->u64];
    if (wf_reserve(&r->logs, &r->cap_logs, r->n_logs + 1, sizeof(*r->logs)) != 0 ||
        (v = wf_map_put(&r->by_log, key, NULL)) == NULL)
        return NULL;
    v->u64 = r->n_logs;
    r->logs[r->n_logs] = (struct wf_relay_log){.name = *name};
    stream = wf_map_get(&r->by_stream, key_of(name->stream, sizeof(name->stream)));
    if (stream != NULL)
        r->streams[stream->u64].n_logs++;
    return &r->logs[r->n_logs++];
}

/* The node's number, made where it is new; UINT32_MAX: no memory. */
static uint32_t node_of(struct wf_relay *r, const uint8_t transport[WF_PASS_KEY_BYTES], bool make)
{
    const struct wf_str key = key_of(transport, WF_PASS_KEY_BYTES);
    union wf_map_value *v = wf_map_get(&r->by_node, key);

    if (v != NULL || !make)
        return v != NULL ? (uint32_t)v->u64 : UINT32_MAX;
    if (wf_reserve(&r->nodes, &r->cap_nodes, r->n_nodes + 1, sizeof(*r->nodes)) != 0 ||
        (v = wf_map_put(&r->by_node, key, NULL)) == NULL)
        return UINT32_MAX;
    v->u64 = r->n_nodes;
    r->nodes[r->n_nodes] = (struct wf_relay_node){.visit = 0};
    memcpy(r->nodes[r->n_nodes].transport, transport, WF_PASS_KEY_BYTES);
    return (uint32_t)r->n_nodes++;
}

static struct wf_relay_said *said_of(const struct wf_relay_log *l, uint32_t node)
{
    for (size_t i = 0; i < l->n_said; i++) {
        if (l->said[i].node == node)
            return &l->said[i];
    }
    return NULL;
}

int wf_relay_met(struct wf_relay *r, const uint8_t transport[WF_PASS_KEY_BYTES], bool keeps,
                 struct wf_err *err)
{
    uint32_t k = node_of(r, transport, true);

    if (k == UINT32_MAX)
        return wf_relay__no_memory(err);
    r->nodes[k].visit++;
    r->nodes[k].keeps = keeps;
    return 0;
}

static struct wf_relay_said *add_said(struct wf_relay_log *l, uint32_t node)
{
    if (wf_reserve(&l->said, &l->cap_said, l->n_said + 1, sizeof(*l->said)) != 0)
        return NULL;
    l->said[l->n_said] = (struct wf_relay_said){.node = node};
    return &l->said[l->n_said++];
}

uint64_t wf_relay_said(struct wf_relay *r, const uint8_t transport[WF_PASS_KEY_BYTES],
                       const struct wf_sync_log *log, uint64_t last)
{
    uint32_t k = node_of(r, transport, false);
    struct wf_relay_log *l = k == UINT32_MAX ? NULL : wf_relay__log(r, log);
    struct wf_relay_said *w = l == NULL ? NULL : said_of(l, k);
    uint64_t before;

    if (w == NULL && l != NULL)
        w = add_said(l, k);
    if (w == NULL)
        return 0; /* without memory less is known: nothing goes because of it */
    before = w->last;
    w->visit = r->nodes[k].visit;
    if (last != before) {
        w->last = last;
        w->is_dirty = r->nodes[k].keeps;
        r->is_dirty = r->is_dirty || w->is_dirty;
    }
    return before;
}

void wf_relay_unsaid(const struct wf_relay *r, const uint8_t transport[WF_PASS_KEY_BYTES],
                     wf_relay_unsaid_fn fn, void *ud)
{
    uint32_t k = node_of((struct wf_relay *)(uintptr_t)r, transport, false);

    for (size_t i = 0; i < r->n_logs && k != UINT32_MAX; i++) {
        const struct wf_relay_said *w = said_of(&r->logs[i], k);
        if (w != NULL && w->last > 0 && w->visit != r->nodes[k].visit)
            fn(ud, &r->logs[i].name, w->last);
    }
}

uint64_t wf_relay_elsewhere(const struct wf_relay *r, const struct wf_sync_log *log,
                            bool (*is_member)(void *ud, const uint8_t transport[WF_PASS_KEY_BYTES]),
                            void *ud)
{
    const union wf_map_value *v = wf_map_get(&r->by_log, key_of(log, sizeof(*log)));
    const struct wf_relay_log *l = v == NULL ? NULL : &r->logs[v->u64];
    uint64_t most = 0;

    for (size_t i = 0; l != NULL && i < l->n_said; i++) {
        if (is_member(ud, r->nodes[l->said[i].node].transport))
            most = WF_MAX(most, l->said[i].last);
    }
    return most;
}

/* Who wrote it counts as having it. */
uint64_t wf_relay__all_have(const struct wf_relay *r, const struct wf_relay_log *l)
{
    const struct wf_pass *p = wf_relay_pass(r, l->name.stream);
    uint64_t least = l->last;

    if (p == NULL)
        return 0;
    for (size_t i = 0; i < p->n_holders && least > 0; i++) {
        const struct wf_relay_said *w;
        struct wf_pass_holder h;
        uint32_t k;
        wf_pass_holder(p, i, &h);
        if (memcmp(h.device, l->name.device, sizeof(h.device)) == 0)
            continue;
        k = node_of((struct wf_relay *)(uintptr_t)r, h.transport, false);
        w = k == UINT32_MAX ? NULL : said_of(l, k);
        least = WF_MIN(least, w == NULL ? 0 : w->last);
    }
    return least;
}

/* ---- words, durably ---- */

static int take_word(void *ud, const struct wf_relay_word *w, struct wf_err *err)
{
    struct wf_relay *r = ud;
    uint32_t k = node_of(r, w->transport, true);
    struct wf_relay_log *l = k == UINT32_MAX ? NULL : wf_relay__log(r, &w->log);
    struct wf_relay_said *s = l == NULL ? NULL : add_said(l, k);

    if (s == NULL)
        return wf_relay__no_memory(err);
    s->last = w->last;
    r->nodes[k].keeps = true;
    return 0;
}

int wf_relay__read_words(struct wf_relay *r, struct wf_err *err)
{
    struct wf_reader *reader = NULL;
    int rc = wf_store_reader_get(r->o.store, &reader, err);

    if (rc != 0)
        return rc;
    rc = wf_relay_words(reader, take_word, r, err);
    wf_store_reader_put(r->o.store, reader);
    return rc;
}

static int write_some(struct wf_relay *r, size_t *out_left, struct wf_err *err)
{
    size_t n = 0;
    int rc = 0;

    *out_left = 0;
    for (size_t i = 0; i < r->n_logs && rc == 0; i++) {
        struct wf_relay_log *l = &r->logs[i];
        for (size_t k = 0; k < l->n_said && rc == 0; k++) {
            struct wf_relay_word w = {.log = l->name, .last = l->said[k].last};
            if (!l->said[k].is_dirty)
                continue;
            if (n++ >= WORDS_MAX) {
                ++*out_left;
                continue;
            }
            memcpy(w.transport, r->nodes[l->said[k].node].transport, sizeof(w.transport));
            rc = wf_relay_word_put(r->o.store, &w, err);
            l->said[k].is_dirty = rc != 0;
        }
    }
    return rc;
}

int wf_relay__write_words(struct wf_relay *r, struct wf_err *err)
{
    size_t n_left = 0;
    int rc = r->is_dirty ? wf_store_write_begin(r->o.store, err) : 0;

    if (!r->is_dirty || rc != 0)
        return rc;
    rc = write_some(r, &n_left, err);
    if (rc == 0)
        rc = wf_store_write_commit(r->o.store, err);
    else
        wf_store_write_rollback(r->o.store);
    r->is_dirty = rc != 0 || n_left > 0;
    return rc;
}

/* ---- what goes ---- */

/* Notes how far logs are today; forgets letters that are too old. One turn. */
static int new_day(struct wf_relay *r, int64_t day, struct wf_err *err)
{
    int rc = wf_store_write_begin(r->o.store, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < r->n_logs && rc == 0 && r->is_cipher; i++) {
        struct wf_relay_log *l = &r->logs[i];
        if (l->last > l->marked)
            rc = wf_relay_mark(r->o.store, &l->name, day, l->last, err);
        if (rc == 0)
            l->marked = l->last;
    }
    if (rc == 0)
        rc = wf_relay_letters_tidy(r->o.store, (day - (int64_t)r->o.days_max) * DAY_MS, err);
    if (rc == 0)
        rc = wf_store_write_commit(r->o.store, err);
    else
        wf_store_write_rollback(r->o.store);
    if (rc == 0)
        r->day = day;
    if (rc == 0 && r->bare_day == 0)
        r->bare_day = day;
    return rc;
}

/* Up to where a log is older than the bound. */
static int too_old(struct wf_relay *r, const struct wf_relay_log *l, uint64_t *out,
                   struct wf_err *err)
{
    int rc = wf_store_write_begin(r->o.store, err);

    *out = 0;
    if (rc != 0)
        return rc;
    rc = wf_relay_marked(r->o.store, &l->name, r->day - (int64_t)r->o.days_max, out, err);
    if (rc == 0)
        return wf_store_write_commit(r->o.store, err);
    wf_store_write_rollback(r->o.store);
    return rc;
}

static int trim_one(struct wf_relay *r, struct wf_relay_log *l, bool looks_old, struct wf_err *err)
{
    uint64_t upto = wf_relay__all_have(r, l), old = 0;
    int rc = looks_old ? too_old(r, l, &old, err) : 0;

    if (rc != 0)
        return rc;
    if (upto < l->first + r->o.trim_min - 1)
        upto = 0; /* it is not worth a turn yet */
    if (looks_old && r->day - r->bare_day >= BARE_DAYS && wf_relay_pass(r, l->name.stream) == NULL)
        upto = l->last;
    upto = WF_MIN(WF_MAX(upto, old), l->last);
    if (upto < WF_MAX(l->first, (uint64_t)1))
        return 0;
    rc = r->under.trim(r->under.ud, &l->name, upto, err);
    if (rc == 0)
        l->first = upto + 1;
    return rc;
}

static int trim_all(struct wf_relay *r, bool looks_old, struct wf_err *err)
{
    struct wf_reader *reader = NULL;
    int rc = 0;

    for (size_t i = 0; i < r->n_logs && rc == 0; i++)
        rc = trim_one(r, &r->logs[i], looks_old, err);
    if (rc == 0)
        rc = wf_store_reader_get(r->o.store, &reader, err);
    if (rc != 0)
        return rc;
    rc = wf_relay_bytes(reader, &r->n_bytes, err);
    wf_store_reader_put(r->o.store, reader);
    return rc;
}

int wf_relay_tend(struct wf_relay *r, bool *out_room, struct wf_err *err)
{
    const int64_t now_ms = wf_clock_wall_ms(r->o.clock), day = now_ms / DAY_MS;
    const bool is_new_day = day != r->day;
    int rc = 0;

    *out_room = false;
    if (now_ms < r->tend_ms && r->tend_ms - now_ms <= TEND_MS && !is_new_day)
        return 0;
    r->tend_ms = now_ms + TEND_MS;
    rc = wf_relay__write_words(r, err);
    if (rc == 0 && is_new_day)
        rc = new_day(r, day, err);
    if (rc != 0 || !r->is_cipher ||
        (now_ms < r->trim_ms && r->trim_ms - now_ms <= TRIM_MS && !is_new_day))
        return rc;
    r->trim_ms = now_ms + TRIM_MS;
    rc = trim_all(r, is_new_day, err);
    if (rc == 0 && r->is_full && r->n_bytes < r->o.bytes_max / 10 * 9) {
        r->is_full = false;
        *out_room = true;
    }
    return rc;
}
