/* SPDX-License-Identifier: Apache-2.0 */
/* Aho and Corasick's automaton.
 *
 * While words are added the nodes of a trie hang on each other (first child, next sibling).
 * Building walks it by breadth: states are nodes in that order, so that the children of a state
 * follow each other, and a fallback comes before whom it serves. The first states have a whole row
 * each: the fallback's with their own children put over it. Bytes that no word has share class 0.
 */
#include "privacy/literal.h"

#include <stdbool.h>
#include <string.h>
#include <utf8proc.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "text/utf8.h"

#define NODES_MAX (1u << 18) /* a few thousand words have some ten thousand */

struct wf_literal_node {
    uint32_t child, sibling; /* 0: none */
    uint32_t word;           /* the first of its words, in chain; 0: none */
    uint8_t byte;
    uint16_t id, bytes; /* a node that is a word of a chain has these, and no byte */
    bool is_word;
};

void wf_literals_init(struct wf_literals *l)
{
    *l = (struct wf_literals){.n_classes = 0};
}

void wf_literals_deinit(struct wf_literals *l)
{
    wf_free(l->_rows);
    wf_free(l->_children);
    wf_free(l->_child_classes);
    wf_free(l->_child_states);
    wf_free(l->_fallbacks);
    wf_free(l->_begin);
    wf_free(l->_words);
    wf_free(l->_nodes);
    wf_literals_init(l);
}

/* The new node's number; 0 on failure (the root is made first and is never asked for). */
static uint32_t add_node(struct wf_literals *l, struct wf_literal_node node)
{
    if (l->_n_nodes == l->_cap_nodes) {
        size_t cap = l->_cap_nodes == 0 ? 1024 : l->_cap_nodes * 2;
        struct wf_literal_node *grown =
            cap > NODES_MAX
                ? NULL
                : (struct wf_literal_node *)wf_realloc_array(l->_nodes, cap, sizeof(*grown));
        if (grown == NULL)
            return 0;
        l->_nodes = grown;
        l->_cap_nodes = cap;
    }
    l->_nodes[l->_n_nodes] = node;
    return (uint32_t)l->_n_nodes++;
}

static uint8_t lower(char c)
{
    return (uint8_t)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static uint32_t find_child(const struct wf_literals *l, uint32_t node, uint8_t byte)
{
    uint32_t c = l->_nodes[node].child;

    while (c != 0 && l->_nodes[c].byte != byte)
        c = l->_nodes[c].sibling;
    return c;
}

static int add_child(struct wf_literals *l, uint32_t *io_node, uint8_t byte)
{
    uint32_t c = find_child(l, *io_node, byte);

    if (c == 0) {
        const struct wf_literal_node new = {.byte = byte, .sibling = l->_nodes[*io_node].child};
        c = add_node(l, new);
        if (c == 0)
            return WF_E_NOMEM;
        l->_nodes[*io_node].child = c;
    }
    *io_node = c;
    return 0;
}

int wf_literals_add(struct wf_literals *l, struct wf_str word, uint16_t id)
{
    uint32_t node = 0;

    if (word.len == 0 || word.len > 255)
        return WF_E_LIMIT;
    if (l->_n_nodes == 0) {
        const struct wf_literal_node root = {.byte = 0};
        (void)add_node(l, root); /* its number is 0, whether it worked is seen by the count */
        if (l->_n_nodes == 0)
            return WF_E_NOMEM;
    }
    for (size_t i = 0; i < word.len; i++)
        if (add_child(l, &node, lower(word.ptr[i])) != 0)
            return WF_E_NOMEM;
    l->longest = WF_MAX(l->longest, (uint32_t)word.len);
    for (uint32_t w = l->_nodes[node].word; w != 0; w = l->_nodes[w].sibling)
        if (l->_nodes[w].id == id)
            return 0;
    const struct wf_literal_node end = {
        .is_word = true, .id = id, .bytes = (uint16_t)word.len, .sibling = l->_nodes[node].word};
    const uint32_t w = add_node(l, end);
    if (w == 0)
        return WF_E_NOMEM;
    l->_nodes[node].word = w;
    return 0;
}

enum {
    AS_IS,
    CAPITAL,
    CAPITALS,
    N_CASES
};

/* One way to write a word. False: it does not fit. */
static bool written(struct wf_str word, int letters, bool accents, struct wf_buf *out)
{
    wf_buf_reset(out);
    for (size_t i = 0; i < word.len;) {
        const bool first = i == 0;
        utf8proc_int32_t cp = (utf8proc_int32_t)wf_utf8_next(word, &i);
        utf8proc_int32_t parts[8];
        char bytes[4];

        if (!accents) {
            int boundary = 0;
            const utf8proc_ssize_t n = utf8proc_decompose_char(
                cp, parts, 8, UTF8PROC_DECOMPOSE | UTF8PROC_STRIPMARK, &boundary);
            if (n == 1)
                cp = parts[0];
        }
        if (letters == CAPITALS || (letters == CAPITAL && first))
            cp = utf8proc_toupper(cp);
        (void)wf_buf_append(out, bytes, wf_utf8_put(bytes, (uint32_t)cp)); /* asked below */
    }
    return wf_buf_status(out) == 0 && out->len > 0;
}

int wf_literals_add_folded(struct wf_literals *l, struct wf_str word, uint16_t id)
{
    struct wf_buf b;
    int rc = wf_literals_add(l, word, id);
    bool ascii = true;

    for (size_t i = 0; i < word.len; i++)
        ascii = ascii && (uint8_t)word.ptr[i] < 0x80;
    wf_buf_init(&b, 255);
    for (int way = 1; rc == 0 && !ascii && way < 2 * N_CASES; way++) {
        if (written(word, way % N_CASES, way < N_CASES, &b))
            rc = wf_literals_add(l, wf_buf_str(&b), id);
        else
            rc = wf_buf_status(&b);
    }
    wf_buf_deinit(&b);
    return rc;
}

/* Gives every byte that a word has a class of its own; capitals have that of their small letter. */
static void make_classes(struct wf_literals *l)
{
    uint32_t n = 1;

    for (size_t i = 1; i < l->_n_nodes; i++)
        if (!l->_nodes[i].is_word)
            l->classes[l->_nodes[i].byte] = 1;
    for (size_t b = 0; b < 256; b++)
        if (l->classes[b] != 0)
            l->classes[b] = (uint8_t)n++;
    for (size_t b = 'A'; b <= 'Z'; b++)
        l->classes[b] = l->classes[b + ('a' - 'A')];
    l->n_classes = n;
}

/* The nodes by breadth become states; the children of each follow each other. */
static void make_states(struct wf_literals *l, uint32_t *queue)
{
    uint32_t n = 1, n_children = 0;

    for (uint32_t s = 0; s < n; s++) {
        l->_children[s] = n_children;
        for (uint32_t c = l->_nodes[queue[s]].child; c != 0; c = l->_nodes[c].sibling) {
            l->_child_classes[n_children] = l->classes[l->_nodes[c].byte];
            l->_child_states[n_children++] = n;
            queue[n++] = c;
        }
    }
    l->_children[n] = n_children;
}

/* The state's own child of a class; 0: it has none. */
static uint32_t own(const struct wf_literals *l, uint32_t state, uint8_t class)
{
    for (uint32_t i = l->_children[state]; i < l->_children[state + 1]; i++)
        if (l->_child_classes[i] == class)
            return l->_child_states[i];
    return 0;
}

/* Where a child falls back to: what its parent's fallbacks have for its class. */
static void make_fallbacks(struct wf_literals *l)
{
    for (uint32_t s = 0; s < l->n_states; s++)
        for (uint32_t i = l->_children[s]; i < l->_children[s + 1]; i++) {
            uint32_t f = s, to = 0;
            while (f != 0 && to == 0) {
                f = l->_fallbacks[f];
                to = own(l, f, l->_child_classes[i]);
            }
            l->_fallbacks[l->_child_states[i]] = to;
        }
}

static uint32_t n_words_of(const struct wf_literals *l, uint32_t node)
{
    uint32_t n = 0;

    for (uint32_t i = l->_nodes[node].word; i != 0; i = l->_nodes[i].sibling)
        n++;
    return n;
}

/* A state's words: its node's and its fallback's, which comes before. Counted first. */
static int make_words(struct wf_literals *l, const uint32_t *queue)
{
    for (uint32_t s = 0; s < l->n_states; s++) {
        const uint32_t f = l->_fallbacks[s];
        const uint32_t inherited = s == 0 ? 0 : l->_begin[f + 1] - l->_begin[f];
        l->_begin[s + 1] = l->_begin[s] + inherited + n_words_of(l, queue[s]);
    }
    l->_words = wf_alloc_array(WF_MAX(l->_begin[l->n_states], 1u), sizeof(*l->_words));
    if (l->_words == NULL)
        return WF_E_NOMEM;
    for (uint32_t s = 0; s < l->n_states; s++) {
        const uint32_t f = l->_fallbacks[s];
        struct wf_literal *to = l->_words + l->_begin[s];
        for (uint32_t i = l->_nodes[queue[s]].word; i != 0; i = l->_nodes[i].sibling)
            *to++ = (struct wf_literal){.id = l->_nodes[i].id, .bytes = l->_nodes[i].bytes};
        if (s != 0)
            memcpy(to, l->_words + l->_begin[f], (l->_begin[f + 1] - l->_begin[f]) * sizeof(*to));
    }
    return 0;
}

/* The state, marked where words end. */
static uint32_t marked(const struct wf_literals *l, uint32_t state)
{
    return l->_begin[state + 1] > l->_begin[state] ? state | WF_LITERAL_HIT : state;
}

static int make_rows(struct wf_literals *l, size_t bytes)
{
    const size_t row_bytes = l->n_classes * sizeof(*l->_rows);

    l->n_rows = (uint32_t)WF_MIN(WF_MAX(bytes / row_bytes, 1u), (size_t)l->n_states);
    l->_rows = wf_alloc_lines((size_t)l->n_rows * l->n_classes, sizeof(*l->_rows));
    if (l->_rows == NULL)
        return WF_E_NOMEM;
    for (uint32_t s = 0; s < l->n_rows; s++) {
        uint32_t *row = l->_rows + (size_t)s * l->n_classes;
        if (s != 0)
            memcpy(row, l->_rows + (size_t)l->_fallbacks[s] * l->n_classes, row_bytes);
        for (uint32_t i = l->_children[s]; i < l->_children[s + 1]; i++)
            row[l->_child_classes[i]] = marked(l, l->_child_states[i]);
    }
    return 0;
}

uint32_t wf_literals__fall(const struct wf_literals *l, uint32_t state, uint8_t class)
{
    while (state >= l->n_rows) {
        const uint32_t to = own(l, state, class);
        if (to != 0)
            return marked(l, to);
        state = l->_fallbacks[state];
    }
    return l->_rows[(size_t)state * l->n_classes + class];
}

int wf_literals_build(struct wf_literals *l, size_t bytes)
{
    uint32_t *queue;
    int rc = WF_E_NOMEM;

    make_classes(l);
    l->n_states = 1;
    for (size_t i = 1; i < l->_n_nodes; i++)
        l->n_states += !l->_nodes[i].is_word;
    queue = wf_alloc_array(l->n_states, sizeof(*queue));
    l->_children = wf_alloc_array((size_t)l->n_states + 1, sizeof(*l->_children));
    l->_child_classes = wf_alloc_array(l->n_states, sizeof(*l->_child_classes));
    l->_child_states = wf_alloc_array(l->n_states, sizeof(*l->_child_states));
    l->_fallbacks = wf_alloc_array(l->n_states, sizeof(*l->_fallbacks));
    l->_begin = wf_alloc_array((size_t)l->n_states + 1, sizeof(*l->_begin));
    if (l->_nodes != NULL && queue != NULL && l->_children != NULL && l->_child_classes != NULL &&
        l->_child_states != NULL && l->_fallbacks != NULL && l->_begin != NULL) {
        make_states(l, queue);
        make_fallbacks(l);
        rc = make_words(l, queue);
    }
    if (rc == 0)
        rc = make_rows(l, bytes);
    wf_free(l->_nodes);
    l->_nodes = NULL;
    wf_free(queue);
    return rc;
}

size_t wf_literals_at(const struct wf_literals *l, uint32_t state, const struct wf_literal **out)
{
    const uint32_t s = state & ~WF_LITERAL_HIT;

    *out = l->_words + l->_begin[s];
    return l->_begin[s + 1] - l->_begin[s];
}
