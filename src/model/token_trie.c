/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of all tokens as a trie, laid out in the order of a walk, so that a subtree is skipped
 * by one jump. Tokens are sorted by their bytes; each then shares with the one before it. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "model/grammar_internal.h"
#include "text/utf8.h"

/* A longer token (there are runs of spaces of some hundred) is never written. */
#define TOKEN_BYTES_MAX 1000

struct entry {
    uint64_t head; /* the first eight bytes, so that most comparisons need no more */
    struct wf_str bytes;
    int32_t id;
};

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int c;

    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    c = wf_str_cmp(x->bytes, y->bytes);
    return c != 0 ? c : x->id < y->id ? -1 : x->id > y->id;
}

static bool is_written(const struct wf_vocab *v, int32_t id, struct wf_str bytes)
{
    enum wf_token_kind kind = wf_vocab_kind(v, id);

    /* Single bytes are tokens, too: those that stand for marks here are never part of a text. */
    if (bytes.len > 0 && (memchr(bytes.ptr, WF_G_CONTROL_BEGIN, bytes.len) != NULL ||
                          memchr(bytes.ptr, WF_G_CONTROL_END, bytes.len) != NULL))
        return false;
    return bytes.len > 0 && bytes.len <= TOKEN_BYTES_MAX && kind != WF_TOKEN_UNKNOWN &&
           kind != WF_TOKEN_UNUSED && !wf_vocab_is_end(v, id);
}

static uint64_t head_of(struct wf_str s)
{
    uint64_t head = 0;

    for (size_t i = 0; i < 8; i++)
        head = head << 8 | (i < s.len ? (uint8_t)s.ptr[i] : 0);
    return head;
}

/* Lists the tokens; names of control tokens, with their marks, are put into `names`. */
static int collect(const struct wf_vocab *v, struct entry *out, size_t *out_n, struct wf_buf *names)
{
    size_t n = 0, at = 0;

    for (int32_t id = 0; (size_t)id < wf_vocab_size(v); id++) {
        struct wf_str name = wf_vocab_name(v, id);
        if (wf_vocab_kind(v, id) != WF_TOKEN_CONTROL || !is_written(v, id, name))
            continue;
        (void)wf_buf_append_byte(names, (char)WF_G_CONTROL_BEGIN);
        (void)wf_buf_append_str(names, name);
        (void)wf_buf_append_byte(names, (char)WF_G_CONTROL_END);
    }
    if (wf_buf_status(names) != 0)
        return wf_buf_status(names);
    for (int32_t id = 0; (size_t)id < wf_vocab_size(v); id++) {
        bool is_control = wf_vocab_kind(v, id) == WF_TOKEN_CONTROL;
        struct wf_str bytes = is_control ? wf_vocab_name(v, id) : wf_vocab_bytes(v, id);
        if (!is_written(v, id, bytes))
            continue;
        if (is_control) {
            bytes = wf_str_n(names->ptr + at, bytes.len + 2);
            at += bytes.len;
        }
        out[n++] = (struct entry){head_of(bytes), bytes, id};
    }
    *out_n = n;
    return 0;
}

static size_t shared_bytes(struct wf_str a, struct wf_str b)
{
    size_t i = 0;

    while (i < a.len && i < b.len && a.ptr[i] == b.ptr[i])
        i++;
    return i;
}

static int make_room(struct wf_token_trie *t, const struct entry *e, size_t n)
{
    size_t n_nodes = 1;

    for (size_t i = 0; i < n; i++)
        n_nodes += e[i].bytes.len - (i > 0 ? shared_bytes(e[i - 1].bytes, e[i].bytes) : 0);
    if (n_nodes >= UINT32_MAX)
        return WF_E_NOMEM;
    t->n = n_nodes;
    t->bytes = wf_alloc_array(n_nodes, sizeof(*t->bytes));
    t->depth = wf_alloc_array(n_nodes, sizeof(*t->depth));
    t->end = wf_alloc_array(n_nodes, sizeof(*t->end));
    t->tokens = wf_alloc_array(n_nodes + 1, sizeof(*t->tokens));
    t->ids = wf_alloc_array(n + 1, sizeof(*t->ids));
    t->of_token = wf_alloc_array(t->n_vocab + 1, sizeof(*t->of_token));
    if (!t->bytes || !t->depth || !t->end || !t->tokens || !t->ids || !t->of_token)
        return WF_E_NOMEM;
    return 0;
}

/* A single byte, or one character of several. */
static bool is_one_point(struct wf_str s)
{
    return s.len == 1 || (s.len <= 4 && wf_utf8_valid_prefix(s) == s.len && wf_utf8_count(s) == 1);
}

static void fill(struct wf_token_trie *t, const struct entry *e, size_t n)
{
    uint32_t path[TOKEN_BYTES_MAX + 3];
    uint32_t at = 1;
    size_t open = 0;

    path[0] = 0;
    for (size_t i = 0; i < n; i++) {
        size_t shared = i > 0 ? shared_bytes(e[i - 1].bytes, e[i].bytes) : 0;
        for (; open > shared; open--)
            t->end[path[open]] = at;
        for (size_t k = shared; k < e[i].bytes.len; k++) {
            t->bytes[at] = (uint8_t)e[i].bytes.ptr[k];
            t->depth[at] = (uint16_t)(k + 1);
            t->tokens[at] = (uint32_t)t->n_ids;
            path[++open] = at++;
        }
        t->depth_max = WF_MAX(t->depth_max, e[i].bytes.len);
        t->ids[t->n_ids++] = e[i].id;
        t->of_token[e[i].id] = path[open];
        if (is_one_point(e[i].bytes)) {
            for (size_t k = 0; k < e[i].bytes.len; k++)
                t->writable[(uint8_t)e[i].bytes.ptr[k]] = true;
        }
    }
    for (; open > 0; open--)
        t->end[path[open]] = at;
    t->end[0] = at;
    t->tokens[at] = (uint32_t)t->n_ids;
}

static int list_ends(struct wf_token_trie *t, const struct wf_vocab *v)
{
    t->ends = wf_alloc_array(t->n_vocab + 1, sizeof(*t->ends));
    if (t->ends == NULL)
        return WF_E_NOMEM;
    for (int32_t id = 0; (size_t)id < t->n_vocab; id++) {
        if (wf_vocab_is_end(v, id))
            t->ends[t->n_ends++] = id;
    }
    return 0;
}

int wf_token_trie_new(const struct wf_vocab *vocab, struct wf_token_trie **out, struct wf_err *err)
{
    static atomic_uint_least64_t n_made;
    struct wf_token_trie *t = wf_alloc_array(1, sizeof(*t));
    struct entry *entries = wf_alloc_array(wf_vocab_size(vocab) + 1, sizeof(*entries));
    struct wf_buf names;
    size_t n = 0;
    int rc = t != NULL && entries != NULL ? 0 : WF_E_NOMEM;

    *out = NULL;
    wf_buf_init(&names, SIZE_MAX);
    if (rc == 0) {
        t->vocab = vocab;
        t->n_vocab = wf_vocab_size(vocab);
        t->writable[WF_G_CONTROL_BEGIN] = t->writable[WF_G_CONTROL_END] = true;
        /* Relaxed: only the number matters. */
        t->id = atomic_fetch_add_explicit(&n_made, 1, memory_order_relaxed) + 1;
        rc = collect(vocab, entries, &n, &names);
    }
    if (rc == 0) {
        qsort(entries, n, sizeof(*entries), compare);
        rc = make_room(t, entries, n);
    }
    if (rc == 0)
        rc = list_ends(t, vocab);
    if (rc == 0)
        fill(t, entries, n);
    wf_buf_deinit(&names);
    wf_free(entries);
    if (rc != 0) {
        wf_token_trie_free(t);
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the tokens of a grammar.");
    }
    *out = t;
    return 0;
}

void wf_token_trie_free(struct wf_token_trie *t)
{
    if (t == NULL)
        return;
    wf_free(t->bytes);
    wf_free(t->depth);
    wf_free(t->end);
    wf_free(t->tokens);
    wf_free(t->ids);
    wf_free(t->ends);
    wf_free(t->of_token);
    wf_free(t);
}
