/* SPDX-License-Identifier: Apache-2.0 */
/* Unigram: of all ways to write a text as tokens the one whose scores (log probabilities) add up to
 * most, found by Viterbi. (Kudo 2018, "Subword regularization".)
 *
 * Before that the text is normalised by the model's own table of prefixes, an XOR-compressed double
 * array (Kanda 2018): a unit has its base in bits 10 to 30 (times 256 when bit 9 is set), its label
 * in bits 0 to 7, bit 8 says that a value follows, bit 31 that it is one. */
#include <float.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "model/vocab_internal.h"

/* What an unknown character costs more than the worst token. */
#define UNKNOWN_PENALTY 10.0

struct best {
    double score;
    size_t from;
    int32_t id;
};

static uint32_t unit_at(const struct wf_charsmap *m, size_t i)
{
    const uint8_t *p = m->units + 4 * i;

    if (i >= m->n_units)
        return 0;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static size_t base_of(uint32_t unit)
{
    return (size_t)(unit >> 10) << ((unit & (1u << 9)) >> 6);
}

/* The replacement of the longest prefix that has one; 0: none has. */
static size_t replaced_prefix(const struct wf_charsmap *m, struct wf_str s, struct wf_str *out)
{
    size_t node = m->n_units > 0 ? base_of(unit_at(m, 0)) : 0, longest = 0, at = 0, end;

    for (size_t i = 0; i < s.len && m->n_units > 0; i++) {
        uint8_t c = (uint8_t)s.ptr[i];
        uint32_t unit;

        node ^= c;
        unit = unit_at(m, node);
        if (c == 0 || (unit & (1u << 31 | 0xff)) != c)
            break;
        node ^= base_of(unit);
        if ((unit >> 8 & 1) != 0) {
            longest = i + 1;
            at = unit_at(m, node) & ~(1u << 31);
        }
    }
    end = wf_str_find_byte(m->replacements, '\0', at);
    if (longest == 0 || end >= m->replacements.len)
        return 0;
    *out = wf_str_sub(m->replacements, at, end);
    return longest;
}

/* Tokens whose names begin with the bytes of a text, narrowed byte by byte. */
struct range {
    size_t from, to;
};

/* Of those in range the ones whose byte at `at` is c. */
static void narrow(const struct wf_vocab *v, struct range *r, size_t at, uint8_t c)
{
    for (int side = 0; side < 2; side++) {
        size_t low = r->from, high = r->to;
        while (low < high) {
            size_t mid = low + (high - low) / 2;
            struct wf_str name = v->sorted[mid]->name;
            int byte = at < name.len ? (uint8_t)name.ptr[at] : -1;
            if (byte < c || (side == 1 && byte == c))
                low = mid + 1;
            else
                high = mid;
        }
        if (side == 0)
            r->from = low;
        else
            r->to = low;
    }
}

/* The longest user's token that the text begins with. */
static size_t users_prefix(const struct wf_vocab *v, struct wf_str s)
{
    struct range r = {0, v->n_sorted};
    size_t longest = 0;

    for (size_t i = 0; i < s.len && r.from < r.to; i++) {
        narrow(v, &r, i, (uint8_t)s.ptr[i]);
        if (r.from < r.to && v->sorted[r.from]->name.len == i + 1 &&
            v->sorted[r.from]->kind == WF_TOKEN_USER)
            longest = i + 1;
    }
    return longest;
}

struct normaliser {
    const struct wf_vocab *v;
    struct wf_buf *out;
    bool in_word, has_space;
};

static void take_normal(struct normaliser *n, struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == ' ') {
            n->in_word = false;
            if (!n->v->merge_spaces)
                (void)wf_buf_append_cstr(n->out, WF_VOCAB_SPACE);
            continue;
        }
        if (!n->in_word && ((n->v->add_space_prefix && !n->has_space) || n->v->merge_spaces)) {
            (void)wf_buf_append_cstr(n->out, WF_VOCAB_SPACE);
            n->has_space = true;
        }
        n->in_word = true;
        (void)wf_buf_append_byte(n->out, s.ptr[i]);
    }
}

static void normalise(const struct wf_vocab *v, struct wf_str text, struct wf_buf *out)
{
    struct normaliser n = {.v = v, .out = out};
    bool is_valid;

    for (size_t i = 0, used; i < text.len; i += used) {
        struct wf_str rest = wf_str_sub(text, i, text.len), part;

        used = users_prefix(v, rest);
        part = wf_str_sub(rest, 0, used);
        if (used == 0)
            used = replaced_prefix(&v->charsmap, rest, &part);
        if (used == 0) {
            (void)wf_vocab__next_point(rest, &used, &is_valid);
            part = is_valid ? wf_str_sub(rest, 0, used) : wf_str_from("\xef\xbf\xbd");
        }
        take_normal(&n, part);
    }
}

static void offer(struct best *at, double score, size_t from, int32_t id)
{
    if (score > at->score)
        *at = (struct best){score, from, id};
}

/* All tokens that begin at i, and the unknown one where no token is its first character. */
static void step(const struct wf_vocab *v, struct wf_str s, struct best *best, size_t i, size_t end)
{
    struct range r = {0, v->n_sorted};
    bool has_first = false;

    for (size_t k = i; k < s.len && r.from < r.to; k++) {
        const struct wf_token *t;

        narrow(v, &r, k - i, (uint8_t)s.ptr[k]);
        if (r.from == r.to || v->sorted[r.from]->name.len != k + 1 - i)
            continue;
        t = v->sorted[r.from];
        has_first = has_first || k + 1 == end;
        offer(&best[k + 1], best[i].score + (t->kind == WF_TOKEN_USER ? 0.0 : (double)t->score), i,
              (int32_t)(t - v->tokens));
    }
    if (!has_first)
        offer(&best[end], best[i].score + (double)v->score_low - UNKNOWN_PENALTY, i, v->unknown);
}

static int push_best(const struct wf_vocab *v, const struct best *best, size_t end,
                     struct wf_ids *out)
{
    size_t n_before = out->n;
    bool was_unknown = false;
    int rc = 0;

    for (size_t i = end; i > 0 && rc == 0; i = best[i].from) {
        bool is_unknown = best[i].id == v->unknown;
        if (!(is_unknown && was_unknown) && best[i].id != WF_TOKEN_NONE)
            rc = wf_ids_push(out, best[i].id);
        was_unknown = is_unknown;
    }
    for (size_t a = n_before, b = out->n; a + 1 < b; a++) {
        int32_t id = out->ptr[a];
        out->ptr[a] = out->ptr[--b];
        out->ptr[b] = id;
    }
    return rc;
}

int wf_vocab__encode_unigram(const struct wf_vocab *v, struct wf_str text, struct wf_ids *out)
{
    struct wf_buf normal;
    struct best *best = NULL;
    struct wf_str s;
    bool is_valid;
    int rc = 0;

    wf_buf_init(&normal, SIZE_MAX);
    normalise(v, text, &normal);
    s = wf_buf_str(&normal);
    best = wf_alloc_array(s.len + 1, sizeof(*best));
    if (best == NULL || wf_buf_status(&normal) != 0)
        rc = WF_E_NOMEM;
    for (size_t i = 0; i <= s.len && rc == 0; i++)
        best[i] = (struct best){i == 0 ? 0.0 : -DBL_MAX, 0, v->unknown};
    for (size_t i = 0; i < s.len && rc == 0;) {
        size_t end = i;
        (void)wf_vocab__next_point(s, &end, &is_valid);
        step(v, s, best, i, end);
        i = end;
    }
    if (rc == 0)
        rc = push_best(v, best, s.len, out);
    wf_free(best);
    wf_buf_deinit(&normal);
    return rc;
}
