/* SPDX-License-Identifier: Apache-2.0 */
/* What a person does in drafts, and what is known of it: who was told that a draft is durable is
 * held to that for ever. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "crdt/lib0.h"
#include "crdt/types.h"
#include "sim/edit.h"

#define TEXT_MAX 600u

/* ---- claims ---- */

static void claim(struct sim *s, const struct sim_claim *c)
{
    for (size_t i = 0; i < s->n_claims; i++) {
        struct sim_claim *old = &s->claims[i];
        if (old->node == c->node && old->client == c->client &&
            memcmp(old->draft, c->draft, 16) == 0) {
            old->clock = old->clock > c->clock ? old->clock : c->clock;
            return;
        }
    }
    s->claims = sim_room(s->claims, &s->cap_claims, s->n_claims + 1, sizeof(*s->claims));
    s->claims[s->n_claims++] = *c;
}

static int read_vector(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    (void)err;
    return wf_crdt_state_vector(doc, ud);
}

int edit_vector(struct wf_draft *d, struct wf_buf *out)
{
    return wf_draft_read(d, read_vector, out, NULL);
}

uint32_t edit_clock(struct wf_str vector, uint64_t client)
{
    struct wf_lib0_in in = wf_lib0_in(vector.ptr, vector.len);
    uint64_t n = wf_lib0_uint(&in);

    for (uint64_t i = 0; i < n && !in.bad; i++) {
        uint64_t of = wf_lib0_uint(&in), clock = wf_lib0_uint(&in);
        if (of == client)
            return (uint32_t)clock;
    }
    return 0;
}

/* All that the draft has is durable here. */
static void claim_all(struct sim_node *n, struct wf_draft *d, const uint8_t uid[16])
{
    struct sim_claim c = {.node = (uint8_t)n->id};
    struct wf_lib0_in in;
    struct wf_buf vector;
    uint64_t count;

    memcpy(c.draft, uid, 16);
    sim_say(n->sim, "%s has written in draft %02x%02x", n->name, uid[0], uid[1]);
    wf_buf_init(&vector, SIZE_MAX);
    if (edit_vector(d, &vector) == 0) {
        in = wf_lib0_in(vector.ptr, vector.len);
        count = wf_lib0_uint(&in);
        for (uint64_t i = 0; i < count && !in.bad; i++) {
            c.client = wf_lib0_uint(&in);
            c.clock = (uint32_t)wf_lib0_uint(&in);
            claim(n->sim, &c);
        }
    }
    wf_buf_deinit(&vector);
}

/* ---- changing a text ---- */

struct editing {
    struct sim *sim;
    const char *mark;
    size_t n_mark;
};

/* Where marks are looked for none is to be written into another. */
static uint32_t any_place(struct sim *s, uint32_t n)
{
    if (s->temper.labels < SIM_NEVER)
        return sim_one_in(s, 2) ? 0 : n;
    return (uint32_t)sim_below(s, (uint64_t)n + 1);
}

static int change(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    const struct editing *e = ud;
    struct sim *s = e->sim;
    uint64_t root = 0;
    uint32_t n;
    int rc = wf_crdt_root(doc, WF_DRAFT_ROOT, WF_CRDT_TEXT, &root);

    (void)err;
    if (rc != 0)
        return rc;
    n = wf_crdt_length(doc, root);
    if (n > 0 && (n > TEXT_MAX || sim_one_in(s, 3))) {
        uint32_t at = (uint32_t)sim_below(s, n), some = (uint32_t)sim_below(s, n - at) + 1;
        rc = wf_crdt_text_delete(doc, root, at, n > TEXT_MAX ? some : some % 40 + 1);
        if (rc == WF_E_RANGE)
            rc = wf_crdt_text_delete(doc, root, at, 1);
        n = wf_crdt_length(doc, root);
    }
    if (rc == 0)
        rc = wf_crdt_text_insert(doc, root, any_place(s, n), wf_str_n(e->mark, e->n_mark), NULL);
    if (rc == 0 && n > 4 && sim_one_in(s, 20))
        rc = wf_crdt_text_format(doc, root, (uint32_t)sim_below(s, n - 2), 2,
                                 WF_STR("\x76\x01\x01\x62\x78")); /* {"b": true} */
    return rc;
}

/* As an editor does it: in a document of its own, of which the draft gets the update. */
struct acked {
    struct sim_node *n;
    struct wf_draft *d;
    uint8_t uid[16];
};

static void on_ack(void *ud, int rc)
{
    struct acked *a = ud;

    if (rc == 0 && !a->n->disk.is_dead)
        claim_all(a->n, a->d, a->uid);
    wf_draft_close(a->d);
    wf_free(a);
}

static void keep_update(void *ud, struct wf_str update, bool remote)
{
    if (!remote)
        (void)wf_buf_append_str(ud, update);
}

static int encode(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    (void)err;
    return wf_crdt_encode(doc, WF_STR(""), WF_CRDT_V1, ud);
}

static int type_elsewhere(struct sim_node *n, struct wf_draft *d, struct editing *e,
                          struct wf_buf *state, struct wf_buf *update)
{
    struct wf_crdt_options o = {
        .client = 1 + sim_below(n->sim, UINT32_MAX), .on_update = keep_update, .ud = update};
    struct wf_crdt *doc = NULL;
    int rc = wf_draft_read(d, encode, state, NULL);

    if (rc == 0)
        rc = wf_crdt_new(&o, &doc);
    if (rc == 0)
        rc = wf_crdt_apply(doc, wf_buf_str(state), WF_CRDT_V1, NULL);
    if (rc == 0)
        rc = wf_crdt_begin(doc);
    if (rc == 0) {
        int ended;
        rc = change(e, doc, NULL);
        ended = wf_crdt_commit(doc);
        rc = rc == 0 ? ended : rc;
    }
    wf_crdt_free(doc);
    return rc;
}

/* Takes over the draft. */
static void type_as_editor(struct sim_node *n, struct wf_draft *d, const uint8_t uid[16],
                           struct editing *e)
{
    struct wf_buf state, update;
    struct acked *a = wf_alloc_array(1, sizeof(*a));
    const struct wf_draft_ack ack = {.fn = on_ack, .ud = a};

    *a = (struct acked){.n = n, .d = d};
    memcpy(a->uid, uid, 16);
    wf_buf_init(&state, SIZE_MAX);
    wf_buf_init(&update, SIZE_MAX);
    if (type_elsewhere(n, d, e, &state, &update) != 0 ||
        wf_draft_apply(d, wf_buf_str(&update), &ack, NULL) != 0)
        on_ack(a, WF_E_IO);
    else
        sim_in(n->sim, (int64_t)sim_below(n->sim, 20) * SIM_NS_PER_MS, SIM_COMMIT, n->id, 0);
    wf_buf_deinit(&state);
    wf_buf_deinit(&update);
}

/* How sensitive the draft is known to be, and so what is typed into it. What stands in it and was
 * not looked at yet does not count: it may be taken back before anything is sealed, and then the
 * rest is what it was. */
static enum wf_label known_label(const struct wf_draft_row *row)
{
    enum wf_label label, space;

    if (!wf_label_parse(row->label, &label) || !wf_label_parse(row->space_label, &space))
        return WF_LABEL_SECRET;
    return wf_label_max(label, space);
}

static void type(struct sim_node *n, struct wf_draft *d, const struct wf_draft_row *row)
{
    struct sim *s = n->sim;
    enum wf_label label = known_label(row);
    struct sim_draft *known = sim_draft(s, row->uid);
    unsigned raised = WF_LABEL_PUBLIC;
    char text[80], mark[32];
    struct editing e = {.sim = s, .mark = text};
    struct wf_err err = WF_ERR_INIT;
    bool changed = false;

    if (sim_one_in(s, s->temper.labels))
        raised = sim_one_in(s, 3) ? WF_LABEL_SECRET : 1 + (unsigned)sim_below(s, 2);
    label = wf_label_max(label, (enum wf_label)raised);
    (void)sim_mark(n, label, mark);
    s->marks[s->n_marks - 1].raises = raised > 0;
    e.n_mark = (size_t)snprintf(text, sizeof(text), "%s ", mark);
    known->was_secret = known->was_secret || label == WF_LABEL_SECRET;
    if (label < WF_LABEL_SECRET)
        known->most = wf_label_max(known->most, label);
    if (label > n->most)
        known->raised_by |= 1u << n->id;
    s->n_edits++;
    sim_say(s, "%s writes %s of label %u into draft %02x%02x", n->name, mark, label, row->uid[0],
            row->uid[1]);
    if (sim_one_in(s, 4)) {
        type_as_editor(n, d, row->uid, &e);
        return;
    }
    if (wf_draft_change(d, change, &e, &changed, &err) == 0 && !n->disk.is_dead)
        claim_all(n, d, row->uid);
    else
        sim_say(s, "%s: %s", n->name, err.msg);
    wf_draft_close(d);
}

/* ---- which draft ---- */

static int any_draft(struct sim_node *n, struct wf_arena *arena, struct wf_draft_row *out)
{
    const struct wf_draft_page page = {.n_max = 40};
    struct wf_draft_row *rows = NULL;
    struct wf_reader *r = NULL;
    size_t k = 0;
    int rc = wf_store_reader_get(n->store, &r, NULL);

    if (rc != 0)
        return rc;
    rc = wf_draft_row_page(r, &page, arena, &rows, &k, NULL);
    wf_store_reader_put(n->store, r);
    if (rc == 0 && k == 0)
        return WF_E_NOENT;
    if (rc == 0)
        *out = rows[sim_below(n->sim, k)];
    return rc;
}

static void any_name(struct sim *s, char *out)
{
    static const char *const names[] = {"notes", "list", "plan", "ideas", "letter", "talk"};

    (void)snprintf(out, 32, "%s", names[sim_below(s, sizeof(names) / sizeof(names[0]))]);
}

static int any_space(struct sim_node *n, struct wf_arena *arena, struct wf_space *out)
{
    struct wf_space *spaces = NULL;
    struct wf_reader *r = NULL;
    size_t k = 0;
    int rc = wf_store_reader_get(n->store, &r, NULL);

    if (rc != 0)
        return rc;
    rc = wf_space_list(r, arena, &spaces, &k, NULL);
    wf_store_reader_put(n->store, r);
    if (rc == 0)
        *out = spaces[sim_below(n->sim, k)];
    return rc;
}

void edit_space_of(struct sim_node *n, struct wf_arena *arena, struct wf_space *out)
{
    if (any_space(n, arena, out) != 0)
        out->id = 0;
}

static void new_draft(struct sim_node *n, struct wf_arena *arena)
{
    struct wf_space space;
    struct wf_draft *d = NULL;
    char name[32];

    any_name(n->sim, name);
    if (any_space(n, arena, &space) != 0)
        return;
    if (wf_draft_open_named(n->drafts, space.name, wf_str_from(name), true, &d, NULL) == 0)
        wf_draft_close(d);
}

void edit_text(struct sim_node *n)
{
    struct wf_draft_row row;
    struct wf_draft *d = NULL;
    struct wf_arena arena;

    wf_arena_init(&arena, 4096, SIZE_MAX);
    if (sim_one_in(n->sim, 25) || any_draft(n, &arena, &row) != 0)
        new_draft(n, &arena);
    else if (wf_draft_open(n->drafts, row.id, &d, NULL) == 0)
        type(n, d, &row);
    wf_arena_deinit(&arena);
}

void edit_other(struct sim_node *n)
{
    struct sim *s = n->sim;
    struct wf_draft_row row;
    struct wf_draft *d = NULL;
    struct wf_arena arena;
    char name[32];

    wf_arena_init(&arena, 4096, SIZE_MAX);
    if (any_draft(n, &arena, &row) == 0) {
        uint64_t what = sim_below(s, 8);
        any_name(s, name);
        if (what < 4) {
            if (wf_draft_row_rename(n->store, row.id, wf_str_from(name), NULL) == 0)
                n->must_tell = true;
        } else if (what == 4) {
            sim_say(s, "%s removes %.*s, draft %02x%02x", n->name, WF_STR_ARG(row.name), row.uid[0],
                    row.uid[1]);
            sim_draft(s, row.uid)->was_removed = true;
            (void)!wf_draft_remove(n->drafts, row.id, NULL);
            n->must_tell = true;
        } else if (wf_draft_open(n->drafts, row.id, &d, NULL) == 0) {
            (void)!wf_draft_compact(d, NULL);
            wf_draft_close(d);
        }
    }
    wf_arena_deinit(&arena);
}
