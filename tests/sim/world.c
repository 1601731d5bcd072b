/* SPDX-License-Identifier: Apache-2.0 */
/* Chance, time and the queue of what comes; what is known of the world. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "sim/sim.h"

uint64_t sim_below(struct sim *s, uint64_t n)
{
    return wf_rng_below(&s->rng.rng, n);
}

bool sim_one_in(struct sim *s, uint64_t n)
{
    return sim_below(s, n) == 0;
}

void *sim_room(void *p, size_t *io_cap, size_t n, size_t item_bytes)
{
    if (n <= *io_cap)
        return p;
    *io_cap = n * 2 + 16;
    p = sqlite3_realloc64(p, *io_cap * item_bytes);
    if (p == NULL)
        abort();
    return p;
}

void sim_say(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (!s->is_verbose)
        return;
    va_start(ap, fmt);
    printf("%12.6f ", (double)s->now_ns / 1e9);
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (s->failure[0] != '\0')
        return;
    va_start(ap, fmt);
    (void)vsnprintf(s->failure, sizeof(s->failure), fmt, ap);
    va_end(ap);
    sim_say(s, "FAILURE: %s", s->failure);
}

void sim_mix(struct sim *s, const void *bytes, size_t n)
{
    s->hash = wf_str_hash(wf_str_n(bytes, n), s->hash);
}

/* ---- the queue: a heap by time, then by order of coming ---- */

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->seq < b->seq;
}

static void swap(struct sim_event *a, struct sim_event *b)
{
    struct sim_event t = *a;

    *a = *b;
    *b = t;
}

void sim_at(struct sim *s, int64_t ns, struct sim_event e)
{
    size_t i = s->n_heap++;

    s->heap = sim_room(s->heap, &s->cap_heap, s->n_heap, sizeof(*s->heap));
    e.at_ns = ns < s->now_ns ? s->now_ns : ns;
    e.seq = ++s->n_events;
    s->heap[i] = e;
    for (; i > 0 && is_before(&s->heap[i], &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&s->heap[i], &s->heap[(i - 1) / 2]);
}

void sim_in(struct sim *s, int64_t ns, enum sim_event_kind kind, unsigned node, uint64_t number)
{
    sim_at(s, s->now_ns + ns, (struct sim_event){.kind = kind, .node = node, .number = number});
}

bool sim_next(struct sim *s, struct sim_event *out)
{
    size_t i = 0;

    if (s->n_heap == 0)
        return false;
    *out = s->heap[0];
    s->heap[0] = s->heap[--s->n_heap];
    for (;;) {
        size_t k = 2 * i + 1;
        if (k + 1 < s->n_heap && is_before(&s->heap[k + 1], &s->heap[k]))
            k++;
        if (k >= s->n_heap || !is_before(&s->heap[k], &s->heap[i]))
            break;
        swap(&s->heap[k], &s->heap[i]);
        i = k;
    }
    if (out->at_ns > s->now_ns)
        s->now_ns = out->at_ns;
    return true;
}

/* ---- the list of devices ---- */

const struct wf_devices *sim_list_of(const struct sim_node *n)
{
    return n->sim->lists[n->list];
}

const struct wf_devices_entry *sim_entry(const struct sim *s, unsigned list, unsigned node)
{
    return wf_devices_by_node(s->lists[list], s->nodes[node].node_key);
}

struct wf_devices *sim_list_next(struct sim *s)
{
    const uint8_t owner[32] = {1};
    const struct sim_node *first = &s->nodes[0];
    size_t cap = 0;
    struct wf_devices *d = sim_room(NULL, &cap, 1, sizeof(*d));

    if (s->n_lists == 0)
        memset(d, 0, sizeof(*d));
    else
        *d = *s->lists[s->n_lists];
    wf_devices_begin(d, owner, first->node_key, wf_clock_wall_ms(&first->clock));
    s->lists[++s->n_lists] = d;
    return d;
}

/* ---- what was seen ---- */

struct sim_draft *sim_draft(struct sim *s, const uint8_t uid[16])
{
    struct sim_draft *d;

    for (size_t i = 0; i < s->n_drafts; i++) {
        if (memcmp(s->drafts[i].uid, uid, 16) == 0)
            return &s->drafts[i];
    }
    s->drafts = sim_room(s->drafts, &s->cap_drafts, s->n_drafts + 1, sizeof(*s->drafts));
    d = &s->drafts[s->n_drafts++];
    *d = (struct sim_draft){.was_removed = false};
    memcpy(d->uid, uid, 16);
    return d;
}

unsigned sim_space(struct sim *s, const uint8_t uid[16], enum wf_label label)
{
    unsigned i = 0;

    while (i < s->n_spaces && memcmp(s->spaces[i], uid, 16) != 0)
        i++;
    if (i == s->n_spaces && s->n_spaces < SIM_SPACES) {
        memcpy(s->spaces[s->n_spaces], uid, 16);
        s->space_label[s->n_spaces++] = (uint8_t)label;
    }
    return i;
}

static int write_mark(char *out, size_t i)
{
    uint64_t check = wf_str_hash(wf_str_n((const char *)&i, sizeof(i)), 5) & 0xffff;

    return snprintf(out, 32, SIM_MARK "%06zx%04x", i, (unsigned)check);
}

size_t sim_mark(struct sim_node *n, enum wf_label label, char *out)
{
    struct sim *s = n->sim;
    const struct sim_mark m = {.label = (uint8_t)label, .author = (uint8_t)n->id, .list = n->list};

    s->marks = sim_room(s->marks, &s->cap_marks, s->n_marks + 1, sizeof(*s->marks));
    s->marks[s->n_marks] = m;
    return (size_t)write_mark(out, s->n_marks++);
}

size_t sim_mark_at(const struct sim *s, const void *p)
{
    char digits[7] = {0}, again[32];
    size_t i;

    memcpy(digits, (const char *)p + sizeof(SIM_MARK) - 1, 6);
    i = strtoul(digits, NULL, 16);
    return i < s->n_marks && memcmp(again, p, (size_t)write_mark(again, i)) == 0 ? i : SIZE_MAX;
}
