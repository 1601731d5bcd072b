/* SPDX-License-Identifier: Apache-2.0 */
/* Texts written by a grammar, see the header. */
#include "support/written.h"

#include <assert.h>

#include "base/alloc.h"

bool written_accepts(struct wf_grammar *g, const struct byte_vocab *v, struct wf_str text)
{
    struct wf_constraint *c = NULL;
    int rc = wf_constraint_new(g, v->trie, &c, NULL);
    bool fits;

    assert(rc == 0);
    rc = wf_constraint_accept_bytes(c, text, NULL);
    fits = rc == 0 && wf_constraint_may_end(c);
    wf_constraint_free(c);
    return fits;
}

static size_t count_bits(const uint32_t *bits, size_t n)
{
    size_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += bits[i / 32] >> i % 32 & 1;
    return sum;
}

static int32_t pick(const uint32_t *bits, size_t n, const struct wf_rng *rng)
{
    size_t left = (size_t)wf_rng_below(rng, count_bits(bits, n));

    for (size_t i = 0; i < n; i++) {
        if ((bits[i / 32] >> i % 32 & 1) != 0 && left-- == 0)
            return (int32_t)i;
    }
    return -1;
}

int written_text(struct wf_grammar *g, const struct byte_vocab *v, const struct wf_rng *rng,
                 size_t budget, struct wf_buf *out, struct wf_err *err)
{
    size_t n = wf_vocab_size(v->vocab);
    uint32_t *bits = wf_alloc_array(n / 32 + 1, sizeof(*bits));
    struct wf_constraint *c = NULL;
    int rc = bits != NULL ? wf_constraint_new(g, v->trie, &c, err) : WF_E_NOMEM;

    for (; rc == 0 && budget > 0; budget--) {
        int32_t id = -1;
        rc = wf_constraint_mask(c, budget, bits, err);
        if (rc != 0)
            break;
        if (count_bits(bits, n) == 0) {
            rc = wf_err_set(err, WF_E_INVAL, "No token may come behind: %s", out->ptr);
            break;
        }
        id = (bits[v->end / 32] >> v->end % 32 & 1) != 0 && wf_rng_below(rng, 4) == 0
                 ? v->end
                 : pick(bits, n, rng);
        rc = wf_constraint_accept(c, id, err);
        if (wf_vocab_is_end(v->vocab, id))
            break;
        if (rc == 0)
            rc = wf_buf_append_str(out, wf_vocab_bytes(v->vocab, id));
    }
    if (rc == 0 && budget == 0)
        rc = wf_err_set(err, WF_E_LIMIT, "Not done: %s", out->ptr);
    wf_constraint_free(c);
    wf_free(bits);
    return rc;
}
