/* SPDX-License-Identifier: Apache-2.0 */
/* A text's place in a grammar, and the mask of tokens that may come next.
 *
 * A mask is the union over all places of what tokens do from there: the inner tokens as they are
 * kept (see grammar_reach.c), and from the exits on a walk of the trie with what really lies below.
 * A token is left out when what follows it could not be written within the tokens left: every byte
 * is a token by itself, so bytes are an upper bound of tokens. Masks that the bound did not change
 * are kept for a few states. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/grammar_internal.h"

/* Masks kept: a string, an object's and an array's next element by turns. */
#define KEPT 8

struct kept {
    uint32_t state; /* 0: none */
    size_t n_left;  /* the least for which it holds */
    uint32_t *bits;
};

struct wf_constraint {
    struct wf_grammar *g;
    const struct wf_token_trie *trie;
    struct wf_g_plan *plan;
    struct wf_walker walker;
    uint32_t state;
    uint32_t *stack; /* [depth_max + 1] states of a walk */
    struct kept kept[KEPT];
    size_t i_kept; /* the next to be replaced */
};

/* A mask in the making. */
struct mask {
    struct wf_constraint *c;
    uint32_t *bits;
    int64_t far;       /* the most bytes that may follow a token */
    uint32_t most;     /* bytes that follow a token in it */
    bool is_cut;       /* a token was left out because too many would follow */
    bool is_ambiguous; /* or because it has too many readings */
};

int wf_constraint_new(struct wf_grammar *g, const struct wf_token_trie *trie,
                      struct wf_constraint **out, struct wf_err *err)
{
    struct wf_constraint *c = wf_alloc_array(1, sizeof(*c));
    int rc;

    *out = NULL;
    if (c == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for a grammar's state.");
    c->g = wf_grammar_ref(g);
    c->trie = trie;
    rc = wf_grammar__plan(g, trie, &c->plan, err);
    if (rc == 0) {
        wf_walker_init(&c->walker, g, c->plan->dist, c->plan->need);
        c->stack = wf_alloc_array(trie->depth_max + 1, sizeof(*c->stack));
        rc = c->stack != NULL ? wf_walker_start(&c->walker, g->root, &c->state) : WF_E_NOMEM;
        rc = rc != 0 ? wf_walker_error(rc, err) : 0;
    }
    if (rc == 0 && c->state == 0)
        rc = wf_err_set(err, WF_E_UNSUPPORTED,
                        "The model's vocabulary lacks tokens to write any text of the grammar.");
    if (rc != 0) {
        wf_constraint_free(c);
        return rc;
    }
    *out = c;
    return 0;
}

void wf_constraint_free(struct wf_constraint *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < KEPT; i++)
        wf_free(c->kept[i].bits);
    wf_walker_deinit(&c->walker);
    wf_plan_unref(c->plan);
    wf_grammar_unref(c->g);
    wf_free(c->stack);
    wf_free(c);
}

bool wf_constraint_may_end(const struct wf_constraint *c)
{
    return c->walker.states[c->state].ends;
}

bool wf_constraint_must_end(const struct wf_constraint *c)
{
    const struct wf_g_state *s = &c->walker.states[c->state];

    return s->ends && s->n_configs == 0;
}

/* ---- masks ---- */

static void set_bit(uint32_t *bits, int32_t id)
{
    bits[id / 32] |= UINT32_C(1) << id % 32;
}

/* Bytes from a state to the text's end. */
static uint32_t distance(const struct wf_g_state *s)
{
    return s->ends ? 0 : s->dist;
}

/* The tokens of a trie node, which lead to this state. */
static void put_tokens(struct mask *m, uint32_t at, uint32_t state)
{
    const struct wf_token_trie *t = m->c->trie;
    uint32_t dist = distance(&m->c->walker.states[state]);

    if (t->tokens[at] == t->tokens[at + 1])
        return;
    if (dist > m->far) {
        m->is_cut = true;
        return;
    }
    m->most = WF_MAX(m->most, dist);
    for (uint32_t k = t->tokens[at]; k < t->tokens[at + 1]; k++)
        set_bit(m->bits, t->ids[k]);
}

/* All tokens that pass through a trie node, at which the text is in this state. */
static int walk(struct mask *m, uint32_t from, uint32_t state)
{
    const struct wf_token_trie *t = m->c->trie;
    uint32_t *stack = m->c->stack;
    uint32_t i = from + 1;

    put_tokens(m, from, state);
    stack[t->depth[from]] = state;
    if (m->c->walker.states[state].n_configs == 0)
        return 0;
    while (i < t->end[from]) {
        uint32_t to;
        int rc = wf_walker_step(&m->c->walker, stack[t->depth[i] - 1], t->bytes[i], &to);

        if (rc != 0 && rc != WF_E_LIMIT)
            return rc;
        m->is_ambiguous |= rc != 0;
        if (rc != 0 || to == 0) { /* it does not fit, or has too many readings */
            i = t->end[i];
            continue;
        }
        stack[t->depth[i]] = to;
        put_tokens(m, i, to);
        i++;
    }
    return 0;
}

static void put_inner(struct mask *m, const struct wf_g_reach *r, uint32_t below, uint32_t count)
{
    int64_t room = m->far - (int64_t)below;

    if (r->bits != NULL && r->need_max <= count && r->dist_max <= room) {
        size_t n_words = (m->c->trie->n_vocab + 31) / 32;
        for (size_t i = 0; i < n_words; i++)
            m->bits[i] |= r->bits[i];
        m->most = WF_MAX(m->most, r->dist_max + below);
        return;
    }
    for (size_t i = 0; i < r->n_inner; i++) {
        const struct wf_g_inner *g = &r->inner[i];
        if (g->need > count)
            continue;
        if (g->dist > room) {
            m->is_cut = true;
            continue;
        }
        m->most = WF_MAX(m->most, g->dist + below);
        for (uint32_t k = g->first; k < g->first + g->n; k++)
            set_bit(m->bits, r->ids[k]);
    }
}

static int put_place(struct mask *m, struct wf_g_config place)
{
    struct wf_constraint *c = m->c;
    bool counts = c->g->rules[c->g->nodes[place.node].rule].max > 0;
    uint32_t count = counts ? place.count : UINT32_MAX, behind = 0;
    const struct wf_g_reach *r = NULL;
    bool is_own = false;
    int rc = wf_plan_reach(c->g, c->plan, place.node, &r, &is_own);

    if (rc != 0)
        return rc;
    m->is_ambiguous |= r->is_ambiguous;
    put_inner(m, r, c->walker.frames[place.frame].dist, count);
    if (r->n_exits > 0)
        rc = wf_walker_behind(&c->walker, place.frame, &behind);
    for (size_t i = 0; i < r->n_exits && rc == 0; i++) {
        if (r->exits[i].need <= count)
            rc = walk(m, r->exits[i].at, behind);
    }
    if (is_own)
        wf_reach_free((struct wf_g_reach *)(uintptr_t)r);
    return rc;
}

static bool copy_kept(const struct wf_constraint *c, size_t n_left, uint32_t *out_bits)
{
    size_t n_words = (c->trie->n_vocab + 31) / 32;

    for (size_t i = 0; i < KEPT; i++) {
        if (c->kept[i].state != c->state || n_left < c->kept[i].n_left)
            continue;
        memcpy(out_bits, c->kept[i].bits, n_words * sizeof(*out_bits));
        return true;
    }
    return false;
}

/* Without memory nothing is kept. */
static void keep(struct wf_constraint *c, const struct mask *m)
{
    size_t n_words = (c->trie->n_vocab + 31) / 32;
    struct kept *k = &c->kept[c->i_kept];

    if (k->bits == NULL)
        k->bits = wf_alloc_array(n_words, sizeof(*k->bits));
    if (k->bits == NULL)
        return;
    memcpy(k->bits, m->bits, n_words * sizeof(*k->bits));
    k->state = c->state;
    k->n_left = (size_t)m->most + 2;
    c->i_kept = (c->i_kept + 1) % KEPT;
}

static void forget_kept(struct wf_constraint *c)
{
    for (size_t i = 0; i < KEPT; i++)
        c->kept[i].state = 0;
}

/* What is remembered of this text is bounded; the place stays. */
static int make_room(struct wf_constraint *c)
{
    int rc = 0;

    if (!wf_walker_is_full(&c->walker))
        return 0;
    forget_kept(c);
    rc = wf_walker_forget(&c->walker, &c->state);
    return rc;
}

static int fill(struct mask *m)
{
    struct wf_constraint *c = m->c;
    uint32_t first = c->walker.states[c->state].configs;
    uint32_t n = c->walker.states[c->state].n_configs;
    int rc = 0;

    memset(m->bits, 0, (c->trie->n_vocab + 31) / 32 * sizeof(*m->bits));
    for (uint32_t i = 0; i < n && rc == 0 && m->far >= 0; i++)
        rc = put_place(m, c->walker.configs[first + i]);
    if (c->walker.states[c->state].ends) {
        for (size_t i = 0; i < c->trie->n_ends; i++)
            set_bit(m->bits, c->trie->ends[i]);
    }
    return rc;
}

static bool is_empty(const struct mask *m)
{
    uint32_t any = 0;

    for (size_t i = 0; i < (m->c->trie->n_vocab + 31) / 32; i++)
        any |= m->bits[i];
    return any == 0;
}

int wf_constraint_mask(struct wf_constraint *c, size_t n_left, uint32_t *out_bits,
                       struct wf_err *err)
{
    struct mask m = {.c = c, .bits = out_bits};
    const struct wf_g_state *s;
    bool may_end;
    int rc = make_room(c);

    if (rc != 0)
        return wf_walker_error(rc, err);
    s = &c->walker.states[c->state];
    if (n_left <= distance(s))
        return wf_err_set(err, WF_E_LIMIT, "%zu tokens are too few to end the text; it takes %u.",
                          n_left, distance(s) + 1);
    may_end = s->ends;
    m.far = n_left > UINT32_MAX ? (int64_t)UINT32_MAX : (int64_t)n_left - 2;
    if (s->depth > WF_LIMIT_GRAMMAR_DEPTH) {
        m.far = WF_MIN(m.far, (int64_t)distance(s) - 1);
    } else if (copy_kept(c, n_left, out_bits)) {
        return 0;
    }
    m.is_cut = m.far < 0 || s->depth > WF_LIMIT_GRAMMAR_DEPTH;
    rc = fill(&m);
    if (rc != 0)
        return wf_walker_error(rc, err);
    if (is_empty(&m) && !may_end && m.is_ambiguous)
        return wf_walker_error(WF_E_LIMIT, err);
    if (is_empty(&m) && !may_end)
        return wf_err_set(err, WF_E_LIMIT,
                          "The model's vocabulary has no token that the text could go on with.");
    if (!m.is_cut)
        keep(c, &m);
    return 0;
}

/* ---- moving on ---- */

static int step_bytes(struct wf_constraint *c, struct wf_str bytes, uint32_t *io_state)
{
    int rc = 0;

    for (size_t i = 0; i < bytes.len && rc == 0 && *io_state != 0; i++)
        rc = wf_walker_step(&c->walker, *io_state, (uint8_t)bytes.ptr[i], io_state);
    return rc;
}

static int move(struct wf_constraint *c, uint32_t state, int rc, struct wf_err *err)
{
    if (rc != 0)
        return wf_walker_error(rc, err);
    if (state == 0)
        return wf_err_set(err, WF_E_INVAL, "The text does not fit the grammar.");
    c->state = state;
    return 0;
}

int wf_constraint_accept_bytes(struct wf_constraint *c, struct wf_str bytes, struct wf_err *err)
{
    uint32_t state;
    int rc = make_room(c);

    state = c->state;
    if (rc == 0)
        rc = step_bytes(c, bytes, &state);
    return move(c, state, rc, err);
}

int wf_constraint_accept(struct wf_constraint *c, int32_t id, struct wf_err *err)
{
    static const char begin = (char)WF_G_CONTROL_BEGIN, end = (char)WF_G_CONTROL_END;
    uint32_t state = 0;
    int rc = make_room(c);

    if (rc == 0 && id >= 0 && (size_t)id < c->trie->n_vocab) {
        const struct wf_vocab *v = c->trie->vocab;
        if (wf_vocab_is_end(v, id)) {
            if (wf_constraint_may_end(c))
                rc = wf_walker_behind(&c->walker, 0, &state);
        } else if (c->trie->of_token[id] != 0 && wf_vocab_kind(v, id) == WF_TOKEN_CONTROL) {
            state = c->state;
            rc = step_bytes(c, wf_str_n(&begin, 1), &state);
            if (rc == 0)
                rc = step_bytes(c, wf_vocab_name(v, id), &state);
            if (rc == 0)
                rc = step_bytes(c, wf_str_n(&end, 1), &state);
        } else if (c->trie->of_token[id] != 0) {
            state = c->state;
            rc = step_bytes(c, wf_vocab_bytes(v, id), &state);
        }
    }
    return move(c, state, rc, err);
}
