/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two texts by Myers' greedy algorithm, first of their lines, then of the
 * characters of lines that differ. What is common at both ends is taken off before. An edit script
 * longer than a cap is not looked for: then the whole part is replaced. Edits with fewer than three
 * characters between them become one: single letters that happen to agree are no anchor. */
#include "space/text_diff.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/map.h"
#include "text/utf8.h"

#define LINES_CAP 1500 /* edits looked for: memory is the square of it */
#define CHARS_CAP 700
#define CHARS_MAX 20000 /* a part longer than this is not compared by characters */
#define GAP_MIN 3

/* a[ai, ai + an) becomes b[bi, bi + bn). */
struct hunk {
    uint32_t ai, an, bi, bn;
};
struct hunks {
    struct hunk *at;
    size_t n, cap;
};

/* Two sequences of numbers that are compared. */
struct sides {
    const uint32_t *a, *b;
    uint32_t n, m;
};

static int push(struct hunks *h, struct hunk one)
{
    struct hunk *last = h->n > 0 ? &h->at[h->n - 1] : NULL;

    if (last && last->ai + last->an == one.ai && last->bi + last->bn == one.bi) {
        last->an += one.an;
        last->bn += one.bn;
        return 0;
    }
    if (wf_reserve(&h->at, &h->cap, h->n + 1, sizeof(*h->at)) != 0)
        return WF_E_NOMEM;
    h->at[h->n++] = one;
    return 0;
}

/* How far one gets with d edits: rows[d][k + d], x on diagonal k. */
struct path {
    int32_t **rows;
    int32_t d; /* edits of the shortest script; -1: more than the cap */
};

/* The furthest x on diagonal k with d edits, before what agrees is passed; -1: none within both
 * sides. `before` is the row of d - 1. *out_insert: the last edit was an insertion. */
static int32_t reach(const struct sides *s, const int32_t *before, int32_t d, int32_t k,
                     bool *out_insert)
{
    int32_t down = k < d - 1 ? before[k + d] : -1, right = k > 1 - d ? before[k + d - 2] : -1;

    down = down >= 0 && down - k <= (int32_t)s->m ? down : -1;
    right = right >= 0 && right < (int32_t)s->n ? right + 1 : -1;
    *out_insert = down >= right;
    return WF_MAX(down, right);
}

static int search(const struct sides *s, int32_t cap, struct path *p)
{
    int32_t n = (int32_t)s->n, m = (int32_t)s->m;
    bool is_insert;

    for (int32_t d = 0; d <= cap; d++) {
        int32_t *row = wf_alloc_array((size_t)(2 * d + 1), sizeof(*row));
        if (!row)
            return WF_E_NOMEM;
        p->rows[d] = row;
        for (int32_t k = -d; k <= d; k += 2) {
            int32_t x = d == 0 ? 0 : reach(s, p->rows[d - 1], d, k, &is_insert);
            while (x >= 0 && x < n && x - k < m && s->a[x] == s->b[x - k])
                x++;
            row[k + d] = x;
            if (x == n && x - k == m) {
                p->d = d;
                return 0;
            }
        }
    }
    return 0;
}

/* Walks the script back from its end; the edits come out last first. */
static int walk(const struct sides *s, const struct path *p, struct hunks *back)
{
    int32_t x, k = (int32_t)s->n - (int32_t)s->m;

    for (int32_t d = p->d; d > 0; d--) {
        bool is_insert = false;
        struct hunk one;

        x = reach(s, p->rows[d - 1], d, k, &is_insert); /* behind the edit */
        assert(x >= 0);
        one = is_insert ? (struct hunk){(uint32_t)x, 0, (uint32_t)(x - k - 1), 1}
                        : (struct hunk){(uint32_t)(x - 1), 1, (uint32_t)(x - k), 0};
        k += is_insert ? 1 : -1;
        if (wf_reserve(&back->at, &back->cap, back->n + 1, sizeof(*back->at)) != 0)
            return WF_E_NOMEM;
        back->at[back->n++] = one;
    }
    return 0;
}

/* Adds the hunks of two sequences; `at` is where they begin in a and b. */
static int compare(const struct sides *s, int32_t cap, struct hunk at, struct hunks *out)
{
    struct path p = {.d = -1};
    struct hunks back = {.n = 0};
    int rc = 0;

    if (s->n == 0 && s->m == 0)
        return 0;
    if (s->n > 0 && s->m > 0) {
        p.rows = wf_alloc_array((size_t)cap + 1, sizeof(*p.rows));
        rc = p.rows ? search(s, cap, &p) : WF_E_NOMEM;
        if (rc == 0 && p.d >= 0)
            rc = walk(s, &p, &back);
    }
    if (rc == 0 && p.d < 0)
        rc = push(out, (struct hunk){at.ai, s->n, at.bi, s->m});
    for (size_t i = back.n; i-- > 0 && rc == 0;) {
        struct hunk one = back.at[i];
        one.ai += at.ai;
        one.bi += at.bi;
        rc = push(out, one);
    }
    for (int32_t d = 0; p.rows && d <= cap; d++)
        wf_free(p.rows[d]);
    wf_free(p.rows);
    wf_free(back.at);
    return rc;
}

/* ---- texts as sequences ---- */

struct sequence {
    uint32_t *at;      /* lines by number, or characters */
    uint32_t *offsets; /* where each begins in bytes; one more behind the last */
    uint32_t n;
};

static void sequence_deinit(struct sequence *q)
{
    wf_free(q->at);
    wf_free(q->offsets);
}

static int sequence_init(struct sequence *q, size_t n_max)
{
    *q = (struct sequence){.at = wf_alloc_array(n_max + 1, sizeof(*q->at)),
                           .offsets = wf_alloc_array(n_max + 1, sizeof(*q->offsets))};
    return q->at && q->offsets ? 0 : WF_E_NOMEM;
}

static int characters(struct wf_str text, struct sequence *q)
{
    int rc = sequence_init(q, wf_utf8_count(text));

    for (size_t i = 0; rc == 0 && i < text.len;) {
        q->offsets[q->n] = (uint32_t)i;
        q->at[q->n++] = wf_utf8_next(text, &i);
    }
    if (rc == 0)
        q->offsets[q->n] = (uint32_t)text.len;
    return rc;
}

static int lines(struct wf_str text, struct wf_map *numbers, struct sequence *q)
{
    size_t n = 1;
    int rc;

    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '\n';
    rc = sequence_init(q, n);
    for (size_t i = 0, end; rc == 0 && i < text.len; i = end) {
        bool is_new = false;
        union wf_map_value *v;
        end = wf_str_find_byte(text, '\n', i);
        end = end == SIZE_MAX ? text.len : end + 1;
        v = wf_map_put(numbers, wf_str_sub(text, i, end), &is_new);
        if (!v)
            return WF_E_NOMEM;
        if (is_new)
            v->u64 = numbers->n_items;
        q->offsets[q->n] = (uint32_t)i;
        q->at[q->n++] = (uint32_t)v->u64;
    }
    if (rc == 0)
        q->offsets[q->n] = (uint32_t)text.len;
    return rc;
}

/* Two texts, and where they begin within the whole ones, in bytes. */
struct part {
    struct wf_str a, b;
    uint32_t a_at, b_at;
};

/* Adds the hunks of a part by its characters, in bytes. */
static int by_characters(const struct part *p, struct hunks *out)
{
    struct sequence a = {.n = 0}, b = {.n = 0};
    struct hunks found = {.n = 0};
    int rc;

    if (p->a.len == 0 || p->b.len == 0 || p->a.len + p->b.len > CHARS_MAX)
        return push(out, (struct hunk){p->a_at, (uint32_t)p->a.len, p->b_at, (uint32_t)p->b.len});
    rc = characters(p->a, &a);
    if (rc == 0)
        rc = characters(p->b, &b);
    if (rc == 0)
        rc = compare(&(struct sides){a.at, b.at, a.n, b.n}, CHARS_CAP, (struct hunk){0, 0, 0, 0},
                     &found);
    for (size_t i = 0; rc == 0 && i < found.n; i++) {
        struct hunk h = found.at[i];
        while (i + 1 < found.n && found.at[i + 1].ai - (h.ai + h.an) < GAP_MIN) {
            i++; /* too little lies between */
            h.an = found.at[i].ai + found.at[i].an - h.ai;
            h.bn = found.at[i].bi + found.at[i].bn - h.bi;
        }
        rc = push(out, (struct hunk){
                           p->a_at + a.offsets[h.ai], a.offsets[h.ai + h.an] - a.offsets[h.ai],
                           p->b_at + b.offsets[h.bi], b.offsets[h.bi + h.bn] - b.offsets[h.bi]});
    }
    wf_free(found.at);
    sequence_deinit(&a);
    sequence_deinit(&b);
    return rc;
}

/* Adds the hunks of a part by lines, and those that differ by characters. */
static int by_lines(const struct part *p, struct hunks *out)
{
    struct sequence a = {.n = 0}, b = {.n = 0};
    struct hunks found = {.n = 0};
    struct wf_map numbers;
    int rc;

    wf_map_init(&numbers, SIZE_MAX / 2);
    rc = lines(p->a, &numbers, &a);
    if (rc == 0)
        rc = lines(p->b, &numbers, &b);
    if (rc == 0)
        rc = compare(&(struct sides){a.at, b.at, a.n, b.n}, LINES_CAP, (struct hunk){0, 0, 0, 0},
                     &found);
    for (size_t i = 0; rc == 0 && i < found.n; i++) {
        struct hunk h = found.at[i];
        struct part q = {.a_at = p->a_at + a.offsets[h.ai], .b_at = p->b_at + b.offsets[h.bi]};
        q.a = wf_str_sub(p->a, a.offsets[h.ai], a.offsets[h.ai + h.an]);
        q.b = wf_str_sub(p->b, b.offsets[h.bi], b.offsets[h.bi + h.bn]);
        rc = by_characters(&q, out);
    }
    wf_map_deinit(&numbers);
    wf_free(found.at);
    sequence_deinit(&a);
    sequence_deinit(&b);
    return rc;
}

/* ---- the whole ---- */

static bool is_inside(struct wf_str s, size_t i)
{
    return i < s.len && ((unsigned char)s.ptr[i] & 0xc0) == 0x80;
}

/* What differs, without what is common at both ends. */
static struct part middle(struct wf_str a, struct wf_str b)
{
    size_t n = WF_MIN(a.len, b.len), start = 0, end = 0;

    while (start < n && a.ptr[start] == b.ptr[start])
        start++;
    while (start > 0 && (is_inside(a, start) || is_inside(b, start)))
        start--;
    while (end < n - start && a.ptr[a.len - 1 - end] == b.ptr[b.len - 1 - end])
        end++;
    while (end > 0 && (is_inside(a, a.len - end) || is_inside(b, b.len - end)))
        end--;
    return (struct part){.a = wf_str_sub(a, start, a.len - end),
                         .b = wf_str_sub(b, start, b.len - end),
                         .a_at = (uint32_t)start,
                         .b_at = (uint32_t)start};
}

/* UTF-16 units of valid UTF-8. */
static uint32_t units(struct wf_str s)
{
    uint32_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        n += (c & 0xc0) != 0x80;
        n += c >= 0xf0;
    }
    return n;
}

int wf_text_diff(struct wf_str old_text, struct wf_str new_text, struct wf_arena *arena,
                 struct wf_text_edit **out, size_t *out_n)
{
    struct part p = middle(old_text, new_text);
    struct hunks found = {.n = 0};
    struct wf_text_edit *edits = NULL;
    uint32_t at = 0;
    size_t from = 0;
    int rc;

    if (p.a.len == 0 && p.b.len == 0) {
        *out_n = 0;
        *out = NULL;
        return 0;
    }
    rc = p.a.len + p.b.len <= CHARS_MAX / 4 ? by_characters(&p, &found) : by_lines(&p, &found);
    if (rc == 0) {
        edits = wf_arena_array(arena, found.n, sizeof(*edits));
        rc = edits ? 0 : WF_E_NOMEM;
    }
    for (size_t i = 0; rc == 0 && i < found.n; i++) {
        const struct hunk *h = &found.at[i];
        at += units(wf_str_sub(old_text, from, h->ai));
        edits[i].at = at;
        edits[i].n_deleted = units(wf_str_sub(old_text, h->ai, h->ai + h->an));
        edits[i].insert = wf_str_sub(new_text, h->bi, h->bi + h->bn);
        from = h->ai;
    }
    if (rc == 0) {
        *out = edits;
        *out_n = found.n;
    }
    wf_free(found.at);
    return rc;
}
