/* SPDX-License-Identifier: Apache-2.0 */
/* A node: what the product has of it, stepped; its program's starts and ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <sqlite3.h>

#include "base/alloc.h"
#include "crdt/types.h"
#include "sim/seams.h"
#include "sim/sim.h"
#include "store/spaces.h"

#define TEMPLATES 6
/* Where no node is; the disks of templates. */
#define TEMPLATE_DISK 60

static struct disk templates[TEMPLATES];
static uint8_t template_uid[TEMPLATES][16]; /* of its space "me" */

/* ---- time ---- */

static int64_t wall(void *ud)
{
    const struct sim_node *n = ud;

    return n->sim->wall_ms + n->sim->now_ns / SIM_NS_PER_MS + n->skew_ms;
}

static int64_t mono(void *ud)
{
    const struct sim_node *n = ud;

    return n->sim->now_ns;
}

void node_enter(struct sim_node *n)
{
    seams_now(n->sim->now_ns, wall(n));
}

void node_leave(struct sim_node *n)
{
    if (n->is_up && n->disk.is_dead)
        node_crash(n, false);
}

/* ---- what sharing asks ---- */

static void devices(void *ud, struct wf_devices *out)
{
    const struct sim_node *n = ud;

    *out = *sim_list_of(n);
}

static int read_text(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    uint64_t root = 0;
    int rc = wf_crdt_root(doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root);

    (void)err;
    return rc == 0 ? wf_crdt_text_get(doc, root, ud) : rc;
}

/* What stands in a text makes it so sensitive. */
static enum wf_label label_in(const struct sim *s, struct wf_str text)
{
    enum wf_label label = WF_LABEL_PUBLIC;
    size_t at = wf_str_find(text, WF_STR(SIM_MARK), 0);

    for (; at != SIZE_MAX && at + 16 <= text.len;
         at = wf_str_find(text, WF_STR(SIM_MARK), at + 1)) {
        size_t i = sim_mark_at(s, text.ptr + at);
        if (i != SIZE_MAX && s->marks[i].raises)
            label = wf_label_max(label, (enum wf_label)s->marks[i].label);
    }
    return label;
}

int node_draft_row(struct sim_node *n, int64_t draft, struct wf_arena *arena,
                   struct wf_draft_row *out)
{
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(n->store, &r, NULL);

    if (rc != 0)
        return rc;
    rc = wf_draft_row_get(r, draft, arena, out, NULL);
    wf_store_reader_put(n->store, r);
    return rc;
}

/* As op/draft_label.c: its space's at least; what stands in it raises it, in the row, too. */
static int label_of(void *ud, const struct wf_draft_moment *at, enum wf_label *out,
                    struct wf_err *err)
{
    struct sim_node *n = ud;
    enum wf_label now, space, label = WF_LABEL_SECRET;
    struct wf_draft_row row = {.id = 0};
    struct wf_arena arena;
    struct wf_buf text;
    int rc;

    wf_arena_init(&arena, 1024, SIZE_MAX);
    wf_buf_init(&text, SIZE_MAX);
    rc = node_draft_row(n, at->draft, &arena, &row);
    if (rc == 0)
        rc = wf_draft_look(n->drafts, at, read_text, &text, err);
    if (rc == 0 && wf_label_parse(row.label, &now) && wf_label_parse(row.space_label, &space)) {
        label = wf_label_max(label_in(n->sim, wf_buf_str(&text)), space);
        if (label > now)
            (void)!wf_draft_row_label(n->store, row.id, wf_str_from(wf_label_name(label)), NULL);
        label = wf_label_max(label, now);
    }
    wf_buf_deinit(&text);
    wf_arena_deinit(&arena);
    *out = label;
    return rc;
}

static void durable(void *ud)
{
    struct sim_node *n = ud;

    n->must_tell = true;
}

static void record_changed(void *ud, int64_t space, struct wf_str collection, struct wf_str key)
{
    struct sim_node *n = ud;

    (void)space;
    (void)collection;
    (void)key;
    n->must_tell = true;
}

/* ---- the program ---- */

static int open_store(struct sim_node *n, struct wf_err *err)
{
    const struct wf_store_options o = {
        .clock = &n->clock, .rng = &n->rng.rng, .vfs = "sim", .is_stepped = true};

    return wf_store_open(n->dir, &o, &n->store, err);
}

static int open_all(struct sim_node *n, struct wf_err *err)
{
    const struct wf_signer *signer = &n->device.signer;
    struct wf_drafts_options d = {
        .clock = &n->clock, .rng = &n->rng.rng, .n_idle_max = 8, .is_stepped = true};
    struct wf_records_options r = {.signer = signer,
                                   .clock = &n->clock,
                                   .rng = &n->rng.rng,
                                   .tidy_ms = -1,
                                   .changed = record_changed,
                                   .ud = n};
    struct wf_sharing_options o = {.device = &n->device,
                                   .keeps = sim_entry(n->sim, n->sim->n_lists, n->id)->tier != 0,
                                   .clock = &n->clock,
                                   .rng = &n->rng.rng,
                                   .devices = devices,
                                   .label = label_of,
                                   .label_ud = n,
                                   .log = n->sim->log,
                                   .ud = n};
    const struct wf_sharing_link link = {.send = net_send, .close = net_close, .ud = n};
    int rc = open_store(n, err);

    d.store = r.store = o.store = n->store;
    memcpy(d.device, signer->id, sizeof(d.device));
    if (rc == 0)
        rc = wf_drafts_new(&d, &n->drafts, err);
    if (rc == 0)
        rc = wf_records_new(&r, &n->records, err);
    o.drafts = n->drafts;
    o.records = n->records;
    if (rc == 0)
        rc = wf_sharing_machine_new(&o, &link, &n->sharing, err);
    if (rc != 0)
        return rc;
    wf_drafts_on_durable(n->drafts, durable, n);
    return 0;
}

static void close_all(struct sim_node *n)
{
    n->is_up = false;
    net_gone(n);
    wf_sharing_machine_free(n->sharing);
    wf_drafts_free(n->drafts);
    wf_records_free(n->records);
    wf_store_close(n->store);
    n->sharing = NULL;
    n->drafts = NULL;
    n->records = NULL;
    n->store = NULL;
}

static void power_comes_back(struct sim_node *n)
{
    disk_restart(&n->disk, false);
    n->was_lied_to = n->was_lied_to || n->disk.lies;
}

void node_start(struct sim_node *n)
{
    struct sim *s = n->sim;
    struct wf_err err = WF_ERR_INIT;
    uint64_t n_refusals;
    int rc;

    if (n->is_up)
        return;
    node_enter(n);
    n_refusals = n->disk.n_refusals;
    rc = open_all(n, &err);
    if (rc != 0) {
        bool is_ordered = n->disk.is_dead || n->disk.n_refusals > n_refusals;
        sim_say(s, "%s does not start: %s", n->name, err.msg);
        close_all(n);
        if (n->disk.is_dead)
            power_comes_back(n);
        else if (!is_ordered)
            sim_fail(s, "%s does not start: %s", n->name, err.msg);
        sim_in(s, SIM_NS_PER_S, SIM_START, n->id, 0);
        return;
    }
    n->is_up = true;
    n->is_due = n->must_tell = false;
    n->wake_ns = 0;
    sim_say(s, "%s is up", n->name);
    wf_sharing_machine_listed(n->sharing);
    check_claims(n);
    node_leave(n);
    node_due(n);
    net_try_all(s);
}

void node_stop(struct sim_node *n)
{
    if (!n->is_up)
        return;
    sim_say(n->sim, "%s is stopped", n->name);
    node_enter(n);
    close_all(n);
    if (n->disk.is_dead)
        power_comes_back(n);
}

void node_crash(struct sim_node *n, bool only_program)
{
    struct sim *s = n->sim;

    if (!n->is_up)
        return;
    s->n_crashes++;
    disk_crash(&n->disk);
    node_enter(n);
    close_all(n);
    disk_restart(&n->disk, only_program);
    if (n->disk.lies && !only_program)
        n->was_lied_to = true;
    sim_say(s, "%s crashed", n->name);
    sim_in(s, (int64_t)sim_below(s, 20000) * SIM_NS_PER_MS, SIM_START, n->id, 0);
}

/* ---- steps ---- */

void node_due(struct sim_node *n)
{
    if (!n->is_up || n->is_due)
        return;
    n->is_due = true;
    sim_in(n->sim, (int64_t)sim_below(n->sim, 5000) * 1000, SIM_STEP, n->id, 0);
}

static void step(struct sim_node *n)
{
    struct sim *s = n->sim;
    bool fails = s->temper.alloc_fails && !s->is_healing && sim_one_in(s, 40);

    n->is_due = false;
    node_enter(n);
    if (n->must_tell)
        wf_sharing_machine_changed(n->sharing);
    n->must_tell = false;
    if (fails)
        wf_alloc_fail_at(1 + sim_below(s, 300));
    n->wake_ns = wf_sharing_machine_step(n->sharing);
    wf_alloc_fail_at(0);
    s->n_faults += fails;
    if (sim_one_in(s, 30))
        wf_drafts_tidy(n->drafts);
    node_leave(n);
    if (!n->is_up)
        return;
    if (n->must_tell)
        n->wake_ns = s->now_ns;
    sim_at(s, n->wake_ns, (struct sim_event){.kind = SIM_STEP, .node = n->id, .number = 1});
}

static void take_list(struct sim_node *n, unsigned version)
{
    if (version <= n->list)
        return;
    n->list = version;
    sim_say(n->sim, "%s knows list %u", n->name, version);
    if (!n->is_up)
        return;
    node_enter(n);
    wf_sharing_machine_listed(n->sharing);
    node_leave(n);
    node_due(n);
    net_listed(n);
    net_try_all(n->sim);
}

void node_event(struct sim *s, const struct sim_event *e)
{
    struct sim_node *n = &s->nodes[e->node];

    switch (e->kind) {
    case SIM_STEP: /* number 1: by its own wish, unless one came in between */
        if (n->is_up && (e->number == 0 || (!n->is_due && n->wake_ns <= s->now_ns)))
            step(n);
        break;
    case SIM_COMMIT:
        if (!n->is_up)
            break;
        node_enter(n);
        wf_drafts_commit(n->drafts);
        node_leave(n);
        if (n->must_tell)
            node_due(n);
        break;
    case SIM_START:
        if (!n->is_away)
            node_start(n);
        break;
    case SIM_LIST:
        if (n->is_up || n->id == 0) /* the owner's key is on the first: there the list is made */
            take_list(n, (unsigned)e->number);
        break;
    default:
        net_event(s, e);
        break;
    }
}

/* ---- making ---- */

/* A store with a space "me" of its own: the uid is in the table and its index, whose only row it is
 * in. */
static void copy_template(struct sim_node *n, size_t i)
{
    uint8_t uid[16];

    n->rng.rng.fill(n->rng.rng.ud, uid, sizeof(uid));
    disk_copy(&n->disk, &templates[i]);
    disk_replace(&n->disk, template_uid[i], uid, sizeof(uid));
}

void node_make(struct sim *s, unsigned id, const char *dir)
{
    struct sim_node *n = &s->nodes[id];
    uint8_t seed[32];

    n->sim = s;
    n->id = id;
    (void)snprintf(n->name, sizeof(n->name), "node%u", id);
    (void)snprintf(n->dir, sizeof(n->dir), "%s/%u", dir, id);
    wf_rng_seeded_init(&n->rng, sim_below(s, UINT64_MAX));
    n->rng.rng.fill(n->rng.rng.ud, seed, sizeof(seed));
    wf_signer_from_seed(seed, &n->device._key, &n->device.signer);
    n->rng.rng.fill(n->rng.rng.ud, n->node_key, sizeof(n->node_key));
    n->rng.rng.fill(n->rng.rng.ud, n->transport, sizeof(n->transport));
    n->clock = (struct wf_clock){.wall_ms = wall, .mono_ns = mono, .ud = n};
    disk_init(&n->disk, &s->rng.rng);
    if (!sim_one_in(s, 40)) /* else its store is made from nothing */
        copy_template(n, (size_t)sim_below(s, TEMPLATES));
    disk_attach(id, &n->disk);
}

void node_free(struct sim_node *n)
{
    if (n->is_up) {
        node_enter(n);
        close_all(n);
    }
    disk_attach(n->id, NULL);
    disk_deinit(&n->disk);
}

static int read_uid(struct wf_store *store, uint8_t out[16])
{
    struct wf_space me;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    int rc = wf_store_reader_get(store, &r, NULL);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 1024, SIZE_MAX);
    rc = wf_space_by_name(r, WF_STR("me"), &arena, &me, NULL);
    if (rc == 0)
        memcpy(out, me.uid, sizeof(me.uid));
    wf_arena_deinit(&arena);
    wf_store_reader_put(store, r);
    return rc;
}

bool node_templates(const char *dir)
{
    static struct wf_rng_seeded rng;
    struct wf_rng_seeded *at = &rng;
    char path[128];
    int rc = 0;

    wf_rng_seeded_init(at, 99);
    for (unsigned i = 0; i < TEMPLATES && rc == 0; i++) {
        const struct wf_store_options o = {.rng = &at->rng, .vfs = "sim", .is_stepped = true};
        struct wf_store *store = NULL;
        seams_seed(i + 1);
        seams_now(0, INT64_C(1700000000000));
        (void)snprintf(path, sizeof(path), "%s/%u", dir, TEMPLATE_DISK);
        disk_init(&templates[i], &at->rng);
        disk_attach(TEMPLATE_DISK, &templates[i]);
        rc = wf_store_open(path, &o, &store, NULL);
        if (rc == 0)
            rc = read_uid(store, template_uid[i]);
        wf_store_close(store);
    }
    disk_attach(TEMPLATE_DISK, NULL);
    return rc == 0;
}

void node_templates_free(void)
{
    for (unsigned i = 0; i < TEMPLATES; i++)
        disk_deinit(&templates[i]);
}
