/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs out of documents that nobody labelled: JSON lines {"title", "text"}, paragraphs parted by
 * an empty line. A section is what stands below one heading; it is cut in passages of whole
 * sentences. A sentence and the passage that it was taken out of is the inverse cloze task (Lee,
 * Chang, Toutanova 2019); in one of ten the sentence stays, so that the same words count too. */
#include <string.h>

#include "base/alloc.h"
#include "train/shuffle.h"
#include "train/split.h"
#include "train/task_embed_internal.h"

#define DEV_ONE_IN 200u /* documents that mlm measures on (train/corpus.conf) */
#define HEADING_MAX 90u /* bytes of a paragraph that can be a heading */
#define BELOW_MIN 100u  /* bytes of the paragraph below it */
#define CLOZE_SENTENCES 3u
#define CLOZE_TOKENS 6u
#define CLOZE_STAYS 0.1
#define NEXT_TOKENS 24u

struct doc {
    struct wf_embed__reader *r;
    enum wf_embed__mined what;
    struct wf_embed__cut cut; /* the section's; tokens in r->ids */
    struct wf_str title, heading;
    uint64_t draw;
    bool is_first; /* no section was given out yet */
    struct wf_ids room, spare;
};

/* ---- pairs of a section ---- */

static int add_text(struct doc *d, const int32_t *ids, size_t n, uint32_t *out)
{
    return wf_embed__add_text(d->r->e, ids, n, false, out, d->r->err);
}

/* A string's text, while r->ids hold the section. */
static int add_string(struct doc *d, struct wf_str s, uint32_t *out)
{
    d->spare.n = 0;
    *out = WF_EMBED__NONE;
    int rc = wf_vocab_encode(d->r->e->place.vocab, s, 0, &d->spare, d->r->err);
    return rc == 0 && d->spare.n > 0 ? add_text(d, d->spare.ptr, d->spare.n, out) : rc;
}

static int add_unit(struct doc *d, uint64_t group, uint32_t a, uint32_t b, uint32_t title)
{
    struct wf_embed__unit u = {.group = (uint32_t)group, .against = WF_EMBED__NONE};
    struct wf_embed__cell *c;
    uint32_t unit;
    int rc = wf_embed__add_unit(d->r->s, u, &unit, d->r->err);

    if (rc != 0)
        return rc;
    c = wf_embed__cell(d->r->s, unit, 0);
    c->b = b;
    c->title = title;
    return wf_embed__add_link(d->r->e, c, a, d->r->err);
}

static int append(struct wf_ids *io, const int32_t *ids, size_t n)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = wf_ids_push(io, ids[i]);
    return rc;
}

static int cloze(struct doc *d, size_t from, size_t to, uint32_t title)
{
    const struct wf_embed__cut *c = &d->cut;
    const int32_t *ids = d->r->ids.ptr;
    uint32_t a, b;
    int rc;

    if (to - from < CLOZE_SENTENCES)
        return 0;
    size_t k = from + wf_draw_below(&d->draw, to - from);
    size_t n = c->ids[k + 1] - c->ids[k];
    bool stays = wf_draw_real(&d->draw) < CLOZE_STAYS;
    if (n < CLOZE_TOKENS)
        return 0;
    d->room.n = 0;
    rc = append(&d->room, ids + c->ids[from], c->ids[k] - c->ids[from]);
    if (rc == 0 && stays)
        rc = append(&d->room, ids + c->ids[k], n);
    if (rc == 0)
        rc = append(&d->room, ids + c->ids[k + 1], c->ids[to] - c->ids[k + 1]);
    if (rc != 0)
        return wf_embed__no_memory(d->r->err);
    if (d->room.n == 0)
        return 0;
    rc = add_text(d, ids + c->ids[k], n, &a);
    if (rc == 0)
        rc = add_text(d, d->room.ptr, d->room.n, &b);
    return rc == 0 ? add_unit(d, wf_draw_u64(&d->draw), a, b, title) : rc;
}

/* Passages of one document are not held against each other: more than one is near. */
static int next(struct doc *d, size_t from, size_t middle, size_t to)
{
    const struct wf_embed__cut *c = &d->cut;
    const int32_t *ids = d->r->ids.ptr;
    uint32_t a, b;
    int rc;

    if (c->ids[middle] - c->ids[from] < NEXT_TOKENS || c->ids[to] - c->ids[middle] < NEXT_TOKENS)
        return 0;
    rc = add_text(d, ids + c->ids[from], c->ids[middle] - c->ids[from], &a);
    if (rc == 0)
        rc = add_text(d, ids + c->ids[middle], c->ids[to] - c->ids[middle], &b);
    return rc == 0 ? add_unit(d, wf_split_hash(d->title), a, b, WF_EMBED__NONE) : rc;
}

/* "Introduction" says nothing without the document's title. */
static int heading(struct doc *d, size_t to)
{
    const struct wf_embed__cut *c = &d->cut;
    bool has_words = wf_str_find_byte(d->heading, ' ', 0) < d->heading.len;
    uint32_t a = WF_EMBED__NONE, b, alone;
    struct wf_buf both;
    int rc;

    if (d->heading.len == 0 && (!d->is_first || d->title.len == 0))
        return 0;
    wf_buf_init(&both, d->title.len + d->heading.len + 8);
    (void)wf_buf_append_str(&both, d->title);
    (void)wf_buf_append_cstr(&both, d->title.len > 0 && d->heading.len > 0 ? " " : "");
    (void)wf_buf_append_str(&both, d->heading);
    rc = wf_buf_status(&both) != 0 ? wf_embed__no_memory(d->r->err)
                                   : add_string(d, wf_buf_str(&both), &a);
    if (rc == 0)
        rc = add_text(d, d->r->ids.ptr, c->ids[to], &b);
    if (rc == 0 && a != WF_EMBED__NONE)
        rc = add_unit(d, wf_split_hash(wf_buf_str(&both)), a, b, WF_EMBED__NONE);
    wf_buf_deinit(&both);
    if (rc != 0 || a == WF_EMBED__NONE || !has_words)
        return rc;
    rc = add_string(d, d->heading, &alone);
    if (rc != 0 || alone == WF_EMBED__NONE)
        return rc;
    return wf_embed__add_link(d->r->e, wf_embed__cell(d->r->s, (uint32_t)d->r->s->n_units - 1, 0),
                              alone, d->r->err);
}

static int end_section(struct doc *d)
{
    const struct wf_embed__cut *c = &d->cut;
    const struct wf_embed *e = d->r->e;
    uint32_t title = WF_EMBED__NONE;
    int rc = 0;

    if (c->n == 0)
        return 0;
    if (d->what == WF_EMBED__CLOZE)
        rc = add_string(d, d->heading.len > 0 ? d->heading : d->title, &title);
    for (size_t i = 0, to, end; i < c->n && rc == 0; i = to) {
        to = wf_embed__cut_piece(e, c, i, c->n);
        switch (d->what) {
        case WF_EMBED__CLOZE:
            rc = cloze(d, i, to, title);
            break;
        case WF_EMBED__NEXT:
            end = to < c->n ? wf_embed__cut_piece(e, c, to, c->n) : to;
            rc = end > to ? next(d, i, to, end) : 0;
            to = end;
            break;
        case WF_EMBED__HEADINGS:
            rc = i == 0 ? heading(d, to) : 0;
            break;
        }
    }
    d->is_first = false;
    wf_embed__cut_reset(d->r, &d->cut);
    return rc;
}

/* ---- documents ---- */

/* A short line without an end, above a longer paragraph. */
static bool is_heading(struct wf_str p, struct wf_str below)
{
    static const char ends[] = ".:;,!-*)";

    return p.len > 0 && p.len <= HEADING_MAX && below.len >= BELOW_MIN &&
           wf_str_find_byte(p, '\n', 0) >= p.len && p.ptr[0] != '-' &&
           memchr(ends, p.ptr[p.len - 1], sizeof(ends) - 1) == NULL;
}

static size_t paragraph_end(struct wf_str text, size_t at)
{
    return WF_MIN(wf_str_find(text, WF_STR("\n\n"), at), text.len);
}

static int take_document(void *ud, const json_t *v)
{
    struct doc *d = ud;
    struct wf_str text = wf_data__string(v, "text");
    int rc = 0;

    d->draw = wf_split_hash(text);
    if (text.len == 0 || wf_split_is_dev_of(text, DEV_ONE_IN) ||
        (d->r->share < 1 && wf_draw_real(&d->draw) >= d->r->share))
        return 0;
    d->title = wf_data__string(v, "title");
    d->heading = wf_str_n(NULL, 0);
    d->is_first = true;
    for (size_t at = 0; at < text.len && rc == 0;) {
        size_t end = paragraph_end(text, at), after = WF_MIN(end + 2, text.len);
        struct wf_str p = wf_str_trim(wf_str_sub(text, at, end));
        struct wf_str below = wf_str_sub(text, after, paragraph_end(text, after));
        if (is_heading(p, below)) {
            rc = end_section(d);
            d->heading = p;
        } else {
            size_t from = at >= 2 && d->cut.n > 0 ? at - 2 : at;
            rc = wf_embed__cut_append(d->r, wf_str_sub(text, from, end), &d->cut);
        }
        at = after;
    }
    return rc == 0 ? end_section(d) : rc;
}

int wf_embed__mine(struct wf_embed__reader *r, const char *path, enum wf_embed__mined what)
{
    struct doc d = {.r = r, .what = what};
    struct wf_lines *l = NULL;
    int rc = wf_lines_open(path, &l, r->err);

    wf_embed__cut_reset(r, &d.cut);
    if (rc == 0)
        rc = wf_data__json(l, take_document, &d, r->err);
    wf_lines_close(l);
    wf_embed__cut_free(&d.cut);
    wf_free(d.room.ptr);
    wf_free(d.spare.ptr);
    return rc;
}
