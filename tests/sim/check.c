/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent, and what lies on disks: nothing that is to be read by others, nothing above who
 * has it, nothing new for who is out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/sync_message.h"
#include "sim/sim.h"
#include "store/spaces.h"

/* ---- what is sent ---- */

/* Which level a stream is of; SECRET: of no space that is known. */
static enum wf_label level_of(struct sim *s, const uint8_t stream[WF_STREAM_ID_BYTES])
{
    uint8_t id[WF_STREAM_ID_BYTES];

    for (unsigned i = 0; i < s->n_spaces; i++) {
        for (unsigned level = 0; level < WF_LABEL_SECRET; level++) {
            wf_stream_id(s->spaces[i], (enum wf_label)level, id);
            if (memcmp(id, stream, sizeof(id)) == 0)
                return (enum wf_label)level;
        }
    }
    return WF_LABEL_SECRET;
}

/* Spaces that have come since. */
static void read_spaces(struct sim_node *n)
{
    struct wf_space *spaces = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    enum wf_label label;
    size_t k = 0;

    wf_arena_init(&arena, 4096, SIZE_MAX);
    if (wf_store_reader_get(n->store, &r, NULL) == 0) {
        if (wf_space_list(r, &arena, &spaces, &k, NULL) != 0)
            k = 0;
        wf_store_reader_put(n->store, r);
    }
    for (size_t i = 0; i < k; i++) {
        (void)!wf_label_parse(spaces[i].label, &label);
        (void)sim_space(n->sim, spaces[i].uid, label);
    }
    wf_arena_deinit(&arena);
}

/* A node has what it wrote itself. */
static void check_stream(struct sim_node *from, unsigned to, const uint8_t *stream,
                         const uint8_t *device, const char *what)
{
    struct sim *s = from->sim;
    const struct wf_devices_entry *e = sim_entry(s, from->list, to);
    enum wf_label level = level_of(s, stream);

    if (level == WF_LABEL_SECRET) {
        read_spaces(from);
        level = level_of(s, stream);
    }
    if (e == NULL || e->revoked_ms != 0)
        sim_fail(s, "%s sends %s to node%u, which it knows to be out", from->name, what, to);
    else if (level > e->clearance && memcmp(e->device, device, sizeof(e->device)) != 0)
        sim_fail(s, "%s sends %s of level %u to node%u, which may see %u", from->name, what, level,
                 to, e->clearance);
}

static void check_batches(struct sim_node *from, unsigned to, const struct wf_sync_message *m)
{
    struct wf_sync_head head;
    struct wf_str bytes;
    struct wf_batch b;
    size_t at = 0;

    while (m->kind == WF_SYNC_HEADS && wf_sync_heads_next(m, &at, &head)) {
        sim_say(from->sim, "%s tells node%u: %02x%02x of %02x%02x up to %llu", from->name, to,
                head.log.stream[0], head.log.stream[1], head.log.device[0], head.log.device[1],
                (unsigned long long)head.last);
        check_stream(from, to, head.log.stream, head.log.device, "a head");
    }
    if (m->kind == WF_SYNC_WANT)
        sim_say(from->sim, "%s asks node%u: %02x%02x of %02x%02x from %llu", from->name, to,
                m->log.stream[0], m->log.stream[1], m->log.device[0], m->log.device[1],
                (unsigned long long)m->from);
    while (m->kind == WF_SYNC_BATCHES && wf_sync_batches_next(m, &at, &bytes)) {
        if (wf_batch_read(bytes, &b, NULL) != 0)
            continue;
        sim_say(from->sim, "%s gives node%u: %02x%02x of %02x%02x, %llu", from->name, to,
                b.stream[0], b.stream[1], b.device[0], b.device[1], (unsigned long long)b.number);
        check_stream(from, to, b.stream, b.device, "a batch");
    }
}

void check_sent(struct sim_node *from, unsigned to, struct wf_str bytes)
{
    struct sim *s = from->sim;
    const struct wf_devices_entry *e = sim_entry(s, from->list, to);
    struct wf_sync_message m;

    if (wf_str_find(bytes, WF_STR(SIM_MARK), 0) != SIZE_MAX)
        sim_fail(s, "%s sends plain text", from->name);
    if (wf_sync_message_read(bytes, &m, NULL) != 0)
        return;
    check_batches(from, to, &m);
    if (m.kind == WF_SYNC_LETTER && (e == NULL || e->revoked_ms != 0))
        sim_fail(s, "%s sends a letter to node%u, which it knows to be out", from->name, to);
}

/* ---- what lies on disks ---- */

bool check_is_in(const struct sim *s, const struct sim_node *n)
{
    const struct wf_devices_entry *e = sim_entry(s, s->n_lists, n->id);

    return e != NULL && e->revoked_ms == 0;
}

/* The first list in which the node is out; 0: none. */
static unsigned out_since(const struct sim *s, const struct sim_node *n)
{
    for (unsigned v = 1; v <= s->n_lists; v++) {
        const struct wf_devices_entry *e = sim_entry(s, v, n->id);
        if (e != NULL && e->revoked_ms != 0)
            return v;
    }
    return 0;
}

void check_disk(struct sim_node *n)
{
    struct sim *s = n->sim;
    const unsigned out = out_since(s, n);
    const uint8_t *p;
    size_t at = 0;

    while ((p = disk_find(&n->disk, SIM_MARK, sizeof(SIM_MARK) - 1, &at)) != NULL) {
        const size_t i = sim_mark_at(s, p);
        const struct sim_mark *m;
        if (i == SIZE_MAX)
            continue; /* cut by a page's end, or by an edit */
        m = &s->marks[i];
        if (m->author == n->id)
            continue;
        if (m->label == WF_LABEL_SECRET)
            sim_fail(s, "%s has the secret mark %06zx of node%u", n->name, i, m->author);
        else if (m->label > n->most)
            sim_fail(s, "%s, which may see %u, has mark %06zx of label %u", n->name, n->most, i,
                     m->label);
        else if (out != 0 && m->list >= out)
            sim_fail(s, "%s is out since list %u and has mark %06zx, written by who knew", n->name,
                     out, i);
    }
}
