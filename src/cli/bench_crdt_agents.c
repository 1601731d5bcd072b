/* SPDX-License-Identifier: Apache-2.0 */
/* A history that several people wrote at once, for weft bench crdt. Each transaction names its
 * parents; as everybody's own transactions form one line, what it builds on is a number for each
 * agent: how many of theirs were known. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/bench_crdt_internal.h"
#include "cli/i18n.h"
#include "crdt/types.h"

#define AGENTS_MAX 64

struct told {
    size_t at, n; /* in the agents' buffer */
};

struct wf_bench_agents {
    uint32_t *agent; /* [n_txns] */
    uint32_t *known; /* [n_txns][n_agents]: before the transaction, own ones too */
    /* of a play */
    struct wf_crdt *copies[AGENTS_MAX];
    uint64_t texts[AGENTS_MAX];
    uint32_t *has;     /* [n_agents][n_agents]: how many of each one's a copy has */
    struct told *told; /* [n_txns]: its update */
    uint32_t *lines;   /* [n_txns]: each agent's transactions, one agent after the other */
    uint32_t first[AGENTS_MAX + 1];
    struct wf_buf updates;
};

static int read_parents(const json_t *txn, const struct wf_bench_agents *a, size_t n_agents,
                        size_t i, const uint32_t done[AGENTS_MAX])
{
    uint32_t *known = a->known + i * n_agents;
    const json_t *parent;
    size_t k;

    json_array_foreach(json_object_get(txn, "parents"), k, parent)
    {
        size_t p = (size_t)json_integer_value(parent);
        if (p >= i)
            return WF_E_FORMAT;
        for (size_t g = 0; g < n_agents; g++)
            known[g] = WF_MAX(known[g], a->known[p * n_agents + g] + (a->agent[p] == g));
    }
    return known[a->agent[i]] == done[a->agent[i]] ? 0 : WF_E_FORMAT;
}

static int read_txns(struct wf_bench_crdt *b, const json_t *trace)
{
    struct wf_bench_agents *a = b->agents;
    uint32_t done[AGENTS_MAX] = {0}, at[AGENTS_MAX];
    const json_t *txn;
    size_t i;

    json_array_foreach(json_object_get(trace, "txns"), i, txn)
    {
        json_int_t g = json_integer_value(json_object_get(txn, "agent"));
        if (g < 0 || g >= (json_int_t)b->n_agents)
            return WF_E_FORMAT;
        a->agent[i] = (uint32_t)g;
        if (read_parents(txn, a, b->n_agents, i, done) != 0)
            return WF_E_FORMAT;
        done[g]++;
    }
    for (size_t g = 0; g < b->n_agents; g++) {
        a->first[g + 1] = a->first[g] + done[g];
        at[g] = a->first[g];
    }
    for (i = 0; i < b->n_txns; i++)
        a->lines[at[a->agent[i]]++] = (uint32_t)i;
    return 0;
}

/* ---- playing ---- */

static void take_update(void *ud, struct wf_str update, bool remote)
{
    if (!remote)
        (void)wf_buf_append(ud, update.ptr, update.len);
}

static void free_copies(struct wf_bench_crdt *b)
{
    struct wf_bench_agents *a = b->agents;

    for (size_t g = 0; g < b->n_agents; g++) {
        wf_crdt_free(a->copies[g]);
        a->copies[g] = NULL;
    }
}

static int make_copies(struct wf_bench_crdt *b)
{
    struct wf_bench_agents *a = b->agents;
    int rc = 0;

    free_copies(b);
    wf_buf_reset(&a->updates);
    memset(a->has, 0, b->n_agents * b->n_agents * sizeof(*a->has));
    for (size_t g = 0; g < b->n_agents && rc == 0; g++) {
        const struct wf_crdt_options o = {
            .client = WF_BENCH_CRDT_CLIENT + g, .on_update = take_update, .ud = &a->updates};
        rc = wf_crdt_new(&o, &a->copies[g]);
        if (rc == 0)
            rc = wf_crdt_root(a->copies[g], WF_STR("text"), WF_CRDT_TEXT, &a->texts[g]);
    }
    return rc;
}

/* Gives the copy of agent g what transaction i builds on. */
static int catch_up(struct wf_bench_crdt *b, size_t g, size_t i)
{
    struct wf_bench_agents *a = b->agents;
    uint32_t *has = a->has + g * b->n_agents;
    const uint32_t *known = a->known + i * b->n_agents;
    int rc = 0;

    for (size_t from = 0; from < b->n_agents; from++) {
        if (has[from] > known[from] && from != g)
            return WF_E_FORMAT; /* it knew more before */
        for (; from != g && has[from] < known[from] && rc == 0; has[from]++) {
            const struct told *t = &a->told[a->lines[a->first[from] + has[from]]];
            if (t->n > 0)
                rc = wf_crdt_apply(a->copies[g], wf_str_n(a->updates.ptr + t->at, t->n), WF_CRDT_V1,
                                   NULL);
        }
    }
    return rc;
}

static uint32_t units_in(struct wf_str s, size_t *io_at, uint32_t n_points)
{
    uint32_t units = 0;

    while (*io_at < s.len && n_points > 0) {
        unsigned char c = (unsigned char)s.ptr[*io_at];
        size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        *io_at += n;
        units += n == 4 ? 2 : 1;
        n_points--;
    }
    return units;
}

/* Code points become units: by the text as it stands. */
static int widen(struct wf_bench_agents *a, size_t g, struct wf_bench_edit *e)
{
    struct wf_buf text;
    size_t at = 0;
    int rc;

    wf_buf_init(&text, WF_LIMIT_CRDT_BYTES);
    rc = wf_crdt_text_get(a->copies[g], a->texts[g], &text);
    if (rc == 0) {
        e->at = units_in(wf_buf_str(&text), &at, e->at);
        e->deleted = units_in(wf_buf_str(&text), &at, e->deleted);
    }
    wf_buf_deinit(&text);
    return rc;
}

static int play_copies(struct wf_bench_crdt *b, bool widens)
{
    struct wf_bench_agents *a = b->agents;
    struct told *told = NULL;
    int rc = make_copies(b);

    for (size_t k = 0; k < b->n_edits && rc == 0; k++) {
        struct wf_bench_edit *e = &b->edits[k];
        size_t g = a->agent[e->txn];
        if (told == NULL) {
            told = &a->told[e->txn];
            rc = catch_up(b, g, e->txn);
            told->at = a->updates.len;
            if (rc == 0)
                rc = wf_crdt_begin(a->copies[g]);
        }
        if (rc == 0 && widens)
            rc = widen(a, g, e);
        if (rc == 0 && e->deleted > 0)
            rc = wf_crdt_text_delete(a->copies[g], a->texts[g], e->at, e->deleted);
        if (rc == 0 && e->text.len > 0)
            rc = wf_crdt_text_insert(a->copies[g], a->texts[g], e->at, e->text, NULL);
        if (rc == 0 && e->ends) {
            rc = wf_crdt_commit(a->copies[g]);
            told->n = a->updates.len - told->at;
            told = NULL;
        }
    }
    return rc == 0 ? wf_buf_status(&a->updates) : rc;
}

static int merge(const struct wf_bench_crdt *b, struct wf_crdt **out)
{
    const struct wf_bench_agents *a = b->agents;
    const struct wf_crdt_options o = {.client = WF_BENCH_CRDT_CLIENT};
    int rc = wf_crdt_new(&o, out);

    for (size_t i = 0; i < b->n_txns && rc == 0; i++) {
        if (a->told[i].n > 0)
            rc = wf_crdt_apply(*out, wf_str_n(a->updates.ptr + a->told[i].at, a->told[i].n),
                               WF_CRDT_V1, NULL);
    }
    return rc;
}

static double ms_since(int64_t start)
{
    return (double)(wf_clock_mono_ns(NULL) - start) * 1e-6;
}

int wf_bench_crdt_play_agents(struct wf_bench_crdt *b, uint64_t *out_update_bytes,
                              struct wf_crdt **out)
{
    int64_t start = wf_clock_mono_ns(NULL);
    double ms;
    int rc = play_copies(b, false);

    ms = ms_since(start);
    if (b->per_edit_ms == 0 || ms < b->per_edit_ms)
        b->per_edit_ms = ms;
    free_copies(b);
    *out_update_bytes = b->agents->updates.len;
    start = wf_clock_mono_ns(NULL);
    if (rc == 0)
        rc = merge(b, out);
    ms = ms_since(start);
    if (b->one_txn_ms == 0 || ms < b->one_txn_ms)
        b->one_txn_ms = ms;
    return rc;
}

/* ---- making and freeing ---- */

int wf_bench_crdt_read_agents(struct wf_bench_crdt *b, const json_t *trace, struct wf_err *err)
{
    json_int_t n = json_integer_value(json_object_get(trace, "numAgents"));
    struct wf_bench_agents *a = wf_alloc_array(1, sizeof(*a));
    int rc;

    if (a == NULL)
        return wf_err_set(err, WF_E_NOMEM, "%s", _("Not enough memory for the trace."));
    b->agents = a;
    wf_buf_init(&a->updates, WF_LIMIT_CRDT_BYTES);
    if (n < 1 || n > AGENTS_MAX)
        return wf_err_set(err, WF_E_FORMAT, _("A history of 1 to %d people is played."),
                          AGENTS_MAX);
    b->n_agents = (size_t)n;
    a->agent = wf_alloc_array(b->n_txns, sizeof(*a->agent));
    a->told = wf_alloc_array(b->n_txns, sizeof(*a->told));
    a->lines = wf_alloc_array(b->n_txns, sizeof(*a->lines));
    a->known = wf_alloc_array(b->n_txns * b->n_agents, sizeof(*a->known));
    a->has = wf_alloc_array(b->n_agents * b->n_agents, sizeof(*a->has));
    if (a->agent == NULL || a->told == NULL || a->lines == NULL || a->known == NULL ||
        a->has == NULL)
        return wf_err_set(err, WF_E_NOMEM, "%s", _("Not enough memory for the trace."));
    rc = read_txns(b, trace);
    if (rc == 0)
        rc = play_copies(b, true);
    free_copies(b);
    if (rc != 0)
        return wf_err_set(err, rc, "%s", _("This is no history that people wrote at once."));
    return 0;
}

void wf_bench_crdt_free_agents(struct wf_bench_crdt *b)
{
    struct wf_bench_agents *a = b->agents;

    if (a == NULL)
        return;
    free_copies(b);
    wf_free(a->agent);
    wf_free(a->told);
    wf_free(a->lines);
    wf_free(a->known);
    wf_free(a->has);
    wf_buf_deinit(&a->updates);
    wf_free(a);
    b->agents = NULL;
}
