/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes have: what they were told is durable, when they start; the same as the others, at the
 * end, when all have had time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <sqlite3.h>

#include "sim/edit.h"

/* ---- drafts ---- */

static int row_of(struct sim_node *n, const uint8_t uid[16], struct wf_arena *arena,
                  struct wf_draft_row *out)
{
    struct wf_reader *r = NULL;
    char hex[33];
    int rc = wf_store_reader_get(n->store, &r, NULL);

    if (rc != 0)
        return rc;
    (void)sodium_bin2hex(hex, sizeof(hex), uid, 16);
    rc = wf_draft_row_uid(r, wf_str_from(hex), arena, out, NULL);
    wf_store_reader_put(n->store, r);
    return rc;
}

static int vector_of(struct sim_node *n, const uint8_t uid[16], struct wf_buf *out)
{
    struct wf_draft *d = NULL;
    int rc = wf_draft_open_uid(n->drafts, uid, &d, NULL);

    if (rc == 0)
        rc = edit_vector(d, out);
    wf_draft_close(d);
    return rc;
}

/* Whether the node has all that is claimed; `of`: by that node alone, SIM_NODES: by all. */
static void check_vectors(struct sim_node *n, unsigned of)
{
    struct sim *s = n->sim;
    uint8_t have[16] = {0};
    struct wf_buf vector;
    int rc = WF_E_NOENT;

    wf_buf_init(&vector, SIZE_MAX);
    for (size_t i = 0; i < s->n_claims; i++) {
        const struct sim_claim *c = &s->claims[i];
        const struct sim_draft *d = sim_draft(s, c->draft);
        if (of != SIM_NODES
                ? c->node != of
                : s->nodes[c->node].was_lied_to || !check_is_in(s, &s->nodes[c->node]) ||
                      s->nodes[c->node].fell || d->was_secret || n->most < d->most ||
                      s->nodes[c->node].most < d->most)
            continue;
        if (d->was_removed)
            continue;
        if (rc != 0 || memcmp(have, c->draft, 16) != 0) {
            wf_buf_reset(&vector);
            rc = vector_of(n, c->draft, &vector);
            memcpy(have, c->draft, 16);
        }
        if (rc == WF_E_NOMEM || rc == WF_E_IO || rc == WF_E_FULL)
            break; /* as it was ordered */
        if (rc != 0)
            sim_fail(s, "%s has no draft %02x%02x.. of node%u (%d)", n->name, c->draft[0],
                     c->draft[1], c->node, rc);
        else if (edit_clock(wf_buf_str(&vector), c->client) < c->clock)
            sim_fail(s, "%s has of draft %02x%02x.. client %llu up to %u, not %u as node%u had",
                     n->name, c->draft[0], c->draft[1], (unsigned long long)c->client,
                     edit_clock(wf_buf_str(&vector), c->client), c->clock, c->node);
    }
    wf_buf_deinit(&vector);
}

/* ---- records of the collection "log" ---- */

struct logged {
    struct sim_node *n;
    bool *has; /* of each mark */
};

static void note_rows(struct logged *l, const struct wf_record_row *rows, size_t k)
{
    for (size_t i = 0; i < k; i++) {
        const size_t mark =
            rows[i].key.len < 16 ? SIZE_MAX : sim_mark_at(l->n->sim, rows[i].key.ptr);
        if (mark != SIZE_MAX)
            l->has[mark] = true;
    }
}

static void read_log(struct logged *l, struct wf_reader *r, int64_t space)
{
    struct wf_records_page page = {.space = space, .collection = WF_STR("log"), .n_max = 1000};
    struct wf_record_row *rows = NULL;
    struct wf_arena arena;
    size_t k = 1000;

    wf_arena_init(&arena, 65536, SIZE_MAX);
    while (k == page.n_max && wf_records_list(r, &page, &arena, &rows, &k, NULL) == 0 && k > 0) {
        note_rows(l, rows, k);
        page.after_collection = rows[k - 1].collection;
        page.after_key = rows[k - 1].key;
    }
    wf_arena_deinit(&arena);
}

static int by_uid(const void *a, const void *b)
{
    const struct wf_space *x = a, *y = b;

    return memcmp(x->uid, y->uid, sizeof(x->uid));
}

/* Calls fn with each space of the node, in the same order on all. */
static void each_space(struct sim_node *n,
                       void (*fn)(void *ud, struct wf_reader *r, const struct wf_space *space),
                       void *ud)
{
    struct wf_space *spaces = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    size_t k = 0;

    wf_arena_init(&arena, 4096, SIZE_MAX);
    if (wf_store_reader_get(n->store, &r, NULL) == 0) {
        if (wf_space_list(r, &arena, &spaces, &k, NULL) != 0)
            k = 0;
        if (k > 0)
            qsort(spaces, k, sizeof(*spaces), by_uid);
        for (size_t i = 0; i < k; i++)
            fn(ud, r, &spaces[i]);
        wf_store_reader_put(n->store, r);
    }
    wf_arena_deinit(&arena);
}

static void log_of_space(void *ud, struct wf_reader *r, const struct wf_space *space)
{
    read_log(ud, r, space->id);
}

/* Whether what the author wrote has to be with all others. (What it may not see itself it has in
 * spaces of its own.) */
static bool counts(const struct sim *s, const struct sim_node *author)
{
    return !author->was_lied_to && !author->fell && check_is_in(s, author);
}

static void check_log(struct sim_node *n, bool is_end)
{
    struct sim *s = n->sim;
    size_t cap = 0;
    struct logged l = {.n = n, .has = sim_room(NULL, &cap, s->n_marks + 1, 1)};

    memset(l.has, 0, s->n_marks + 1);
    each_space(n, log_of_space, &l);
    for (size_t i = 0; i < s->n_marks; i++) {
        const struct sim_mark *m = &s->marks[i];
        bool is_own = m->author == n->id;
        if (!m->is_key || !m->is_acked || l.has[i])
            continue;
        if (is_own ? !n->was_lied_to
                   : is_end && counts(s, &s->nodes[m->author]) && m->label <= n->most &&
                         m->label <= s->nodes[m->author].most)
            sim_fail(s, "%s lacks record %06zx of label %u by node%u", n->name, i, m->label,
                     m->author);
    }
    sqlite3_free(l.has);
}

void check_claims(struct sim_node *n)
{
    const struct disk *d = &n->disk;

    if (n->was_lied_to || d->is_dead || d->n_refused > 0 || d->refuses_in > 0 || d->crash_in > 0)
        return;
    check_vectors(n, n->id);
    check_log(n, false);
}

/* ---- the same on all ---- */

static int encode(void *ud, struct wf_crdt *doc, struct wf_err *err)
{
    (void)err;
    return wf_crdt_encode(doc, WF_STR(""), WF_CRDT_V1, ud);
}

/* Documents that hold the same may hold it in other pieces, by what came when: put together in one
 * transaction the pieces are the same. */
static void put_together(struct wf_buf *io)
{
    const struct wf_crdt_options o = {.client = 1};
    struct wf_crdt *doc = NULL;

    if (wf_crdt_new(&o, &doc) == 0 && wf_crdt_apply(doc, wf_buf_str(io), WF_CRDT_V1, NULL) == 0) {
        wf_buf_reset(io);
        (void)!wf_crdt_encode(doc, WF_STR(""), WF_CRDT_V1, io);
    }
    wf_crdt_free(doc);
}

/* Without the number that it got where another had its name. */
static struct wf_str bare(struct wf_str name)
{
    while (name.len > 4 && name.ptr[name.len - 1] == ')' && name.ptr[name.len - 3] == '(')
        name.len -= 4;
    return name;
}

/* A line: uid, name, label, hash of its state. */
static void see_draft(struct sim_node *n, const struct wf_draft_row *row, bool is_bare,
                      struct wf_buf *out)
{
    const struct wf_str name = is_bare ? bare(row->name) : row->name;
    struct wf_draft *d = NULL;
    struct wf_buf state;
    uint8_t hash[8] = {0};
    char line[200];

    wf_buf_init(&state, SIZE_MAX);
    if (wf_draft_open(n->drafts, row->id, &d, NULL) == 0)
        (void)!wf_draft_read(d, encode, &state, NULL);
    wf_draft_close(d);
    put_together(&state);
    if (n->sim->is_verbose && n->sim->failure[0] == '\0') {
        char *hex = sim_room(NULL, &(size_t){0}, 2 * state.len + 1, 1);
        sim_say(n->sim, "%s %02x%02x.. %.*s %s", n->name, row->uid[0], row->uid[1],
                WF_STR_ARG(row->name),
                sodium_bin2hex(hex, 2 * state.len + 1, (uint8_t *)state.ptr, state.len));
        sqlite3_free(hex);
    }
    (void)crypto_generichash(hash, sizeof(hash), (uint8_t *)state.ptr, state.len, NULL, 0);
    (void)snprintf(line, sizeof(line), "draft %02x%02x.. %.*s (%.*s) %02x%02x%02x%02x\n",
                   row->uid[0], row->uid[1], WF_STR_ARG(name), WF_STR_ARG(row->label), hash[0],
                   hash[1], hash[2], hash[3]);
    (void)wf_buf_append_str(out, wf_str_from(line));
    wf_buf_deinit(&state);
}

/* What is in a space that the node may not see itself is its own. */
static bool is_shared(const struct sim_node *n, struct wf_str label)
{
    enum wf_label least;

    return wf_label_parse(label, &least) && least <= n->most;
}

/* Whether a node with that clearance wrote into it what its likes may not see: it has that, and the
 * draft's higher label, and they go on with what they had. */
static bool was_raised(const struct sim_node *n, const struct sim_draft *d)
{
    const struct sim *s = n->sim;

    for (unsigned i = 0; i < s->n_nodes; i++) {
        if (s->nodes[i].most == n->most && (d->raised_by & 1u << i) != 0 && d->most > n->most)
            return true;
    }
    return false;
}

/* Whether all drafts are known by one name to all that may see them. One that is secret, or more
 * than a node may see itself, may be called otherwise where it is so, and leaves its name to
 * another. */
static bool are_named_alike(const struct sim *s)
{
    for (size_t i = 0; i < s->n_drafts; i++) {
        if (s->drafts[i].was_secret || s->drafts[i].raised_by != 0)
            return false;
    }
    return true;
}

static void see_drafts(struct sim_node *n, struct wf_buf *out)
{
    struct sim *s = n->sim;
    struct wf_draft_row row;
    struct wf_arena arena;

    wf_arena_init(&arena, 65536, SIZE_MAX);
    for (size_t i = 0; i < s->n_drafts; i++) {
        if (!s->drafts[i].was_secret && !was_raised(n, &s->drafts[i]) &&
            row_of(n, s->drafts[i].uid, &arena, &row) == 0 && is_shared(n, row.space_label))
            see_draft(n, &row, !are_named_alike(s), out);
    }
    wf_arena_deinit(&arena);
}

struct records {
    struct sim_node *n;
    struct wf_buf *out;
};

static void see_row(const struct wf_space *space, const struct wf_record_row *row,
                    struct wf_buf *out)
{
    json_t *v = NULL;
    char line[200], *text;

    if (wf_record_row_json(row, &v, NULL) != 0)
        return;
    text = json_dumps(v, JSON_SORT_KEYS | JSON_COMPACT);
    (void)snprintf(line, sizeof(line), "record %02x%02x.. %.*s (%u, %u) %.120s\n", space->uid[0],
                   space->uid[1], WF_STR_ARG(row->key), row->label, row->least, text);
    (void)wf_buf_append_str(out, wf_str_from(line));
    free(text);
    json_decref(v);
}

static void records_of_space(void *ud, struct wf_reader *r, const struct wf_space *space)
{
    struct records *v = ud;
    const struct wf_records_page page = {
        .space = space->id, .collection = WF_STR("any"), .n_max = 1000};
    struct wf_record_row *rows = NULL;
    struct wf_arena arena;
    size_t k = 0;

    wf_arena_init(&arena, 65536, SIZE_MAX);
    if (!is_shared(v->n, space->label) || wf_records_list(r, &page, &arena, &rows, &k, NULL) != 0)
        k = 0;
    for (size_t i = 0; i < k; i++)
        see_row(space, &rows[i], v->out);
    wf_arena_deinit(&arena);
}

static void compare(struct sim_node *a, struct sim_node *b, struct wf_str x, struct wf_str y)
{
    struct wf_str left = WF_STR(""), right = WF_STR("");

    while (wf_str_eq(left, right)) {
        bool more = wf_str_line(&x, &left), other = wf_str_line(&y, &right);
        if (!more && !other)
            return;
        left = more ? left : WF_STR("nothing");
        right = other ? right : WF_STR("nothing");
    }
    sim_fail(a->sim, "%s has \"%.*s\", %s \"%.*s\"", a->name, WF_STR_ARG(left), b->name,
             WF_STR_ARG(right));
}

/* All that is in it may see the same: who has the clearance of another has what that has. */
static void check_same(struct sim *s)
{
    struct sim_node *first[WF_LABEL_COUNT] = {NULL};
    struct wf_buf of[WF_LABEL_COUNT], own;

    for (unsigned i = 0; i < WF_LABEL_COUNT; i++)
        wf_buf_init(&of[i], SIZE_MAX);
    wf_buf_init(&own, SIZE_MAX);
    for (unsigned i = 0; i < s->n_nodes; i++) {
        struct sim_node *n = &s->nodes[i];
        struct records v = {.n = n, .out = &own};
        if (!check_is_in(s, n) || n->fell || n->has_forked)
            continue;
        wf_buf_reset(&own);
        see_drafts(n, &own);
        each_space(n, records_of_space, &v);
        if (first[n->most] == NULL) {
            first[n->most] = n;
            (void)wf_buf_append_str(&of[n->most], wf_buf_str(&own));
        } else {
            compare(first[n->most], n, wf_buf_str(&of[n->most]), wf_buf_str(&own));
        }
    }
    for (unsigned i = 0; i < WF_LABEL_COUNT; i++)
        wf_buf_deinit(&of[i]);
    wf_buf_deinit(&own);
}

bool check_is_calm(struct sim *s, bool tells)
{
    unsigned n_in = 0;

    for (unsigned i = 0; i < s->n_nodes; i++)
        n_in += check_is_in(s, &s->nodes[i]);
    if (n_in < 2)
        return true; /* there is nobody to come to the same with */
    if (!net_is_whole(s)) {
        if (tells)
            sim_fail(s, "the nodes do not come to be connected");
        return false;
    }
    for (unsigned i = 0; i < s->n_nodes; i++) {
        struct sim_node *n = &s->nodes[i];
        json_t *v = NULL;
        bool is_calm = false;
        if (!check_is_in(s, n))
            continue;
        if (n->is_up && n->list == s->n_lists &&
            (v = wf_sharing_machine_status(n->sharing, n->must_tell)))
            is_calm = json_is_true(json_object_get(v, "converged"));
        if (!is_calm && tells) {
            char *text = json_dumps(v, JSON_COMPACT);
            sim_fail(s, "%s (up %d, list %u of %u) does not come to rest: %s", n->name, n->is_up,
                     n->list, s->n_lists, text);
            free(text);
        }
        json_decref(v);
        if (!is_calm)
            return false;
    }
    return true;
}

void check_all(struct sim *s)
{
    for (unsigned i = 0; i < s->n_nodes; i++) {
        struct sim_node *n = &s->nodes[i];
        check_disk(n);
        if (!n->is_up)
            continue;
        node_enter(n);
        check_claims(n);
        if (check_is_in(s, n) && !n->fell && !n->has_forked) {
            check_vectors(n, SIM_NODES);
            check_log(n, true);
        }
    }
    check_same(s);
}
