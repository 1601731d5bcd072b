/* SPDX-License-Identifier: Apache-2.0 */
/* Small languages, what is asked of one, and languages as parts of a grammar: as they are, or as
 * JSON strings, where a code point has several spellings. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/lang.h"
#include "text/utf8.h"

#define POINT_MAX 0x10ffff
/* With more edges than this, a language's strings have no spellings but the shortest. */
#define ESCAPED_EDGES_MAX 2000

static void any_point(struct wf_lang_maker *m, uint32_t from, uint32_t to)
{
    wf_lang_maker_edge(m, (struct wf_lang_raw_edge){.from = from, .to = to, .lo = 0, .hi = 0xd7ff});
    wf_lang_maker_edge(
        m, (struct wf_lang_raw_edge){.from = from, .to = to, .lo = 0xe000, .hi = POINT_MAX});
}

int wf_lang_length(struct wf_arena *a, size_t min, size_t max, struct wf_lang **out)
{
    struct wf_lang_maker m;
    uint32_t at = 0, final;
    size_t n = max == SIZE_MAX ? min : max;
    int rc;

    wf_lang_maker_init(&m);
    final = wf_lang_maker_state(&m);
    for (size_t i = 0; i <= n && m.status == 0 && min <= max; i++) {
        uint32_t next = i < n ? wf_lang_maker_state(&m) : at;
        if (i >= min)
            wf_lang_maker_edge(
                &m, (struct wf_lang_raw_edge){.from = at, .to = final, .kind = WF_LANG_NOTHING});
        if (i < n || max == SIZE_MAX)
            any_point(&m, at, next);
        at = next;
    }
    rc = wf_lang_make(&m, final, a, out);
    wf_lang_maker_deinit(&m);
    return rc;
}

int wf_lang_texts(struct wf_arena *a, const struct wf_str *texts, size_t n, struct wf_lang **out)
{
    struct wf_lang_maker m;
    uint32_t final;
    int rc;

    wf_lang_maker_init(&m);
    final = wf_lang_maker_state(&m);
    for (size_t i = 0; i < n && m.status == 0; i++) {
        uint32_t at = 0;
        for (size_t k = 0; k < texts[i].len;) {
            uint32_t cp = wf_utf8_next(texts[i], &k), next = wf_lang_maker_state(&m);
            wf_lang_maker_edge(
                &m, (struct wf_lang_raw_edge){.from = at, .to = next, .lo = cp, .hi = cp});
            at = next;
        }
        wf_lang_maker_edge(
            &m, (struct wf_lang_raw_edge){.from = at, .to = final, .kind = WF_LANG_NOTHING});
    }
    rc = wf_lang_make(&m, final, a, out);
    wf_lang_maker_deinit(&m);
    return rc;
}

bool wf_lang_has(const struct wf_lang *l, struct wf_str text)
{
    uint32_t state = 0;

    if (l->n_states == 0)
        return false;
    for (size_t i = 0; i < text.len;) {
        uint32_t cp = wf_utf8_next(text, &i), k = 0;
        const struct wf_lang_state *s = &l->states[state];
        while (k < s->n_edges && l->edges[s->edges + k].hi < cp)
            k++;
        if (k == s->n_edges || l->edges[s->edges + k].lo > cp)
            return false;
        state = l->edges[s->edges + k].to;
    }
    return l->states[state].is_final;
}

size_t wf_lang_shortest(const struct wf_lang *l)
{
    uint32_t *queue = wf_alloc_array(l->n_states + 1, sizeof(*queue));
    uint32_t *dist = wf_alloc_array(l->n_states + 1, sizeof(*dist));
    size_t n = 0, found = 0;

    if (queue == NULL || dist == NULL)
        goto out; /* 0 is a lower bound, too */
    queue[n++] = 0;
    dist[0] = 1;
    for (size_t q = 0; q < n; q++) {
        const struct wf_lang_state *s = &l->states[queue[q]];
        if (s->is_final) {
            found = dist[queue[q]] - 1;
            break;
        }
        for (uint32_t k = s->edges; k < s->edges + s->n_edges; k++) {
            if (dist[l->edges[k].to] == 0) {
                dist[l->edges[k].to] = dist[queue[q]] + 1;
                queue[n++] = l->edges[k].to;
            }
        }
    }
out:
    wf_free(queue);
    wf_free(dist);
    return found;
}

/* A walk in depth; a state met again on its own path is a loop, and as each state leads to the end,
 * the language then has no longest string. */
int wf_lang_longest(const struct wf_lang *l, size_t *out)
{
    size_t *length = wf_alloc_array(l->n_states + 1, sizeof(*length));
    uint32_t *path = wf_alloc_array(l->n_states + 1, sizeof(*path));
    uint32_t *next = wf_alloc_array(l->n_states + 1, sizeof(*next));
    uint8_t *seen = wf_alloc_array(l->n_states + 1, sizeof(*seen)); /* 1: on the path, 2: done */
    size_t n = 0;
    int rc = length && path && next && seen ? 0 : WF_E_NOMEM;

    if (rc == 0) {
        path[n++] = 0;
        seen[0] = 1;
    }
    *out = 0;
    while (n > 0 && rc == 0 && *out != SIZE_MAX) {
        uint32_t at = path[n - 1];
        const struct wf_lang_state *s = &l->states[at];
        if (next[at] < s->n_edges) {
            uint32_t to = l->edges[s->edges + next[at]].to;
            if (seen[to] == 1)
                *out = SIZE_MAX;
            if (seen[to] == 0) {
                path[n++] = to;
                seen[to] = 1;
                continue;
            }
            length[at] = WF_MAX(length[at], length[to] + 1);
            next[at]++;
            continue;
        }
        seen[at] = 2;
        n--;
    }
    if (rc == 0 && *out != SIZE_MAX)
        *out = length[0];
    wf_free(length);
    wf_free(path);
    wf_free(next);
    wf_free(seen);
    return rc;
}

/* ---- as parts of a grammar ---- */

void wf_lang_put_raw(const struct wf_lang *l, struct wf_nfa *n, uint32_t from, uint32_t to)
{
    uint32_t first = n->n_states;

    for (size_t i = 0; i < l->n_states; i++)
        (void)wf_nfa_state(n);
    if (n->status != 0 || l->n_states == 0)
        return;
    wf_nfa_nothing(n, from, first);
    for (uint32_t i = 0; i < l->n_states; i++) {
        const struct wf_lang_state *s = &l->states[i];
        if (s->is_final)
            wf_nfa_nothing(n, first + i, to);
        for (uint32_t k = s->edges; k < s->edges + s->n_edges; k++)
            wf_nfa_points(n, first + i, l->edges[k].lo, l->edges[k].hi, first + l->edges[k].to);
    }
}

/* One hexadecimal digit of [lo, hi], in both cases. */
static void put_digit(struct wf_nfa *n, uint32_t from, uint32_t lo, uint32_t hi, uint32_t to)
{
    if (lo <= 9)
        wf_nfa_bytes(n, from, (uint8_t)('0' + lo), (uint8_t)('0' + WF_MIN(hi, 9u)), to);
    if (hi < 10)
        return;
    lo = WF_MAX(lo, 10u) - 10;
    wf_nfa_bytes(n, from, (uint8_t)('a' + lo), (uint8_t)('a' + hi - 10), to);
    wf_nfa_bytes(n, from, (uint8_t)('A' + lo), (uint8_t)('A' + hi - 10), to);
}

/* A number of [lo, hi] in n_digits hexadecimal digits. */
static void put_hex(struct wf_nfa *n, uint32_t from, uint32_t lo, uint32_t hi, unsigned n_digits,
                    uint32_t to)
{
    unsigned shift = 4 * (n_digits - 1);
    uint32_t low = (UINT32_C(1) << shift) - 1, a = lo >> shift, b = hi >> shift, next;

    if (n_digits == 1) {
        put_digit(n, from, lo, hi, to);
        return;
    }
    if (a < b && (lo & low) != 0) {
        next = wf_nfa_state(n);
        put_digit(n, from, a, a, next);
        put_hex(n, next, lo & low, low, n_digits - 1, to);
        lo = (++a) << shift;
    }
    if (a < b && (hi & low) != low) {
        next = wf_nfa_state(n);
        put_digit(n, from, b, b, next);
        put_hex(n, next, 0, hi & low, n_digits - 1, to);
        hi = (b-- << shift) - 1;
    }
    next = wf_nfa_state(n);
    put_digit(n, from, a, b, next);
    put_hex(n, next, lo & low, hi & low, n_digits - 1, to);
}

/* [lo, hi] above U+FFFF as two \u.... of one upper part or, when is_many, of all lower parts. */
static void put_pair(struct wf_nfa *n, uint32_t from, uint32_t hi_a, uint32_t hi_b, uint32_t lo_a,
                     uint32_t lo_b, uint32_t to)
{
    uint32_t at = wf_nfa_text(n, from, WF_STR("\\u")), next = wf_nfa_state(n);

    put_hex(n, at, 0xd800 + hi_a, 0xd800 + hi_b, 4, next);
    at = wf_nfa_text(n, next, WF_STR("\\u"));
    put_hex(n, at, 0xdc00 + lo_a, 0xdc00 + lo_b, 4, to);
}

static void put_pairs(struct wf_nfa *n, uint32_t from, uint32_t lo, uint32_t hi, uint32_t to)
{
    uint32_t a = (lo - 0x10000) >> 10, b = (hi - 0x10000) >> 10;
    uint32_t lo_a = lo & 0x3ff, lo_b = hi & 0x3ff;

    if (a == b) {
        put_pair(n, from, a, a, lo_a, lo_b, to);
        return;
    }
    if (lo_a != 0)
        put_pair(n, from, a, a, lo_a, 0x3ff, to);
    if (lo_b != 0x3ff)
        put_pair(n, from, b, b, 0, lo_b, to);
    a += lo_a != 0 ? 1 : 0;
    b -= lo_b != 0x3ff ? 1 : 0;
    if (a <= b)
        put_pair(n, from, a, b, 0, 0x3ff, to);
}

static void put_escapes(struct wf_nfa *n, uint32_t from, uint32_t lo, uint32_t hi, uint32_t to)
{
    static const uint32_t parts[][2] = {{0, 0xd7ff}, {0xe000, 0xffff}};

    for (size_t i = 0; i < 2; i++) {
        uint32_t a = WF_MAX(lo, parts[i][0]), b = WF_MIN(hi, parts[i][1]);
        if (a <= b)
            put_hex(n, wf_nfa_text(n, from, WF_STR("\\u")), a, b, 4, to);
    }
    if (hi >= 0x10000)
        put_pairs(n, from, WF_MAX(lo, 0x10000u), hi, to);
    if (lo <= '/' && hi >= '/')
        wf_nfa_path(n, from, WF_STR("\\/"), to);
}

/* What must not stand in a string as it is. */
static void put_must_escape(struct wf_nfa *n, uint32_t from, uint32_t lo, uint32_t hi, uint32_t to)
{
    static const char letters[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";

    for (size_t i = 0; names[i] != 0; i++) {
        uint32_t cp = (uint8_t)letters[i];
        char text[2] = {'\\', names[i]};
        if (cp >= lo && cp <= hi)
            wf_nfa_path(n, from, wf_str_n(text, 2), to);
    }
    for (uint32_t cp = lo; cp <= hi && cp < 0x20; cp++) {
        if (cp == 0 || strchr(letters, (int)cp) == NULL)
            put_hex(n, wf_nfa_text(n, from, WF_STR("\\u")), cp, cp, 4, to);
    }
}

static void put_json_points(struct wf_nfa *n, uint32_t from, uint32_t lo, uint32_t hi, uint32_t to)
{
    static const uint32_t parts[][2] = {
        {0x20, 0x21}, {0x23, 0x5b}, {0x5d, 0xd7ff}, {0xe000, POINT_MAX}};

    for (size_t i = 0; i < WF_ARRAY_LEN(parts); i++) {
        uint32_t a = WF_MAX(lo, parts[i][0]), b = WF_MIN(hi, parts[i][1]);
        if (a <= b)
            wf_nfa_points(n, from, a, b, to);
    }
    put_must_escape(n, from, lo, hi, to);
}

void wf_lang_put_json(const struct wf_lang *l, bool all_escapes, struct wf_nfa *n, uint32_t from,
                      uint32_t to)
{
    uint32_t first = n->n_states;

    for (size_t i = 0; i < l->n_states; i++)
        wf_nfa_counts(n, wf_nfa_state(n));
    if (n->status != 0 || l->n_states == 0)
        return;
    wf_nfa_bytes(n, from, '"', '"', first);
    for (uint32_t i = 0; i < l->n_states; i++) {
        const struct wf_lang_state *s = &l->states[i];
        if (s->is_final)
            wf_nfa_bytes(n, first + i, '"', '"', to);
        for (uint32_t k = s->edges; k < s->edges + s->n_edges; k++) {
            const struct wf_lang_edge *e = &l->edges[k];
            put_json_points(n, first + i, e->lo, e->hi, first + e->to);
            if (all_escapes && l->n_edges <= ESCAPED_EDGES_MAX)
                put_escapes(n, first + i, e->lo, e->hi, first + e->to);
        }
    }
}
