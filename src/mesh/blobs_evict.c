/* SPDX-License-Identifier: Apache-2.0 */
/* Originals that came from elsewhere and that nobody pinned make room for others, the longest
 * unused first, their texts stay. Never without another node's word that it has the original and
 * keeps it: who gives one up is itself none that keeps it from that moment on, so that two that do
 * it at once do not rely on each other. */
#include <string.h>

#include "mesh/blobs_internal.h"
#include "store/blob.h"

#define ANSWER_NS INT64_C(10000000000)
/* What somebody has just opened stays so long. */
#define REST_MS 4000
#define LIST_MAX 64u

static struct wf_str key_of(const struct wf_paper *p)
{
    return wf_str_n((const char *)p->hash, sizeof(p->hash));
}

static uint64_t limit_of(const struct wf_blobs *b)
{
    return b->o.keep == WF_BLOBS_KEEP_ALL && b->o.bytes_max == 0 ? UINT64_MAX : b->o.bytes_max;
}

/* The one that goes first of those that others may keep. NOENT: none is to go. */
static int choose(struct wf_blobs *b, struct wf_paper *out, struct wf_err *err)
{
    struct wf_paper *papers = NULL;
    struct wf_reader *r = NULL;
    struct wf_arena arena;
    uint64_t n_all = 0, n_bytes = 0;
    size_t n = 0;
    int rc = wf_store_reader_get(b->o.store, &r, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 0, (size_t)4 << 20);
    rc = wf_papers_count(r, WF_PAPERS_EVICTABLE, &n_all, &n_bytes, err);
    if (rc == 0 && n_bytes > limit_of(b))
        rc = wf_papers_list(r, WF_PAPERS_EVICTABLE, NULL, LIST_MAX, &arena, &papers, &n, err);
    wf_store_reader_put(b->o.store, r);
    if (rc == 0)
        rc = WF_E_NOENT;
    for (size_t i = 0; i < n && rc == WF_E_NOENT; i++) {
        if (wf_clock_wall_ms(b->o.clock) - papers[i].used_ms < REST_MS) {
            b->again_ns = wf_clock_mono_ns(NULL) + REST_MS * INT64_C(1000000);
        } else if (wf_map_get(&b->kept, key_of(&papers[i])) == NULL) {
            *out = papers[i];
            out->uid = out->name = out->title = out->type = out->problem = WF_STR("");
            rc = 0;
        }
    }
    wf_arena_deinit(&arena);
    return rc;
}

static void ask_all(struct wf_blobs *b)
{
    struct wf_blobs_message m = {.kind = WF_BLOBS_ASK_HAS, .what = WF_BLOBS_DOCUMENT};

    b->evict.id = m.id = ++b->last_id;
    b->evict.n_asked = b->evict.n_answered = 0;
    b->evict.flags = 0;
    b->evict_ns = wf_clock_mono_ns(NULL) + ANSWER_NS;
    memcpy(m.hash, b->evict_paper.hash, sizeof(m.hash));
    wf_blobs__space_uid(b, b->evict_paper.space, m.space);
    for (struct wf_list *it = b->peers.next; it != &b->peers; it = it->next) {
        struct wf_blobs_peer *p = WF_CONTAINER(it, struct wf_blobs_peer, node);
        if (p->is_other)
            continue; /* what it keeps is its own affair */
        b->evict.n_asked += wf_blobs__send(b, p, &m, NULL) == 0;
    }
    wf_list_push(&b->polls, &b->evict.node);
}

struct giving_up {
    struct wf_paper paper;
    bool is_done;
};

/* In turn: the row as it is now says whether it may still go. */
static int note_away(struct wf_blobs *b, void *ud, struct wf_err *err)
{
    struct giving_up *g = ud;
    struct wf_arena arena;
    struct wf_paper now;
    int rc;

    wf_arena_init(&arena, 4096, (size_t)1 << 20);
    rc = wf_blobs__get(b, g->paper.space, g->paper.hash, &arena, &now, err);
    if (rc == 0 && !now.is_pinned && now.state == WF_PAPER_HERE && now.wanted == 0) {
        now.state = WF_PAPER_TEXT;
        now.is_due = true;
        rc = wf_paper_put(b->o.store, &now, err);
        g->is_done = rc == 0;
    }
    wf_arena_deinit(&arena);
    return rc == WF_E_NOENT ? 0 : rc;
}

static int remove_blob(struct wf_blobs *b, void *ud, struct wf_err *err)
{
    const struct giving_up *g = ud;
    const struct wf_paper_asked any = {.hash = g->paper.hash, .clearance = WF_LABEL_SECRET};
    struct wf_reader *r = NULL;
    bool is_needed = true, keeps = false;
    uint64_t bytes = 0;
    int rc = wf_store_reader_get(b->o.store, &r, err);

    if (rc != 0)
        return rc;
    /* Another space's document may have the same content. */
    rc = wf_paper_may_give(r, &any, &is_needed, &keeps, &bytes, err);
    wf_store_reader_put(b->o.store, r);
    return rc == 0 && !is_needed ? wf_blob_evict(b->o.store, g->paper.hash, err) : rc;
}

/* Another keeps it: it goes. */
static int give_up(struct wf_blobs *b, struct wf_err *err)
{
    struct giving_up g = {.paper = b->evict_paper};
    int rc = wf_blobs__in_turn(b, note_away, &g, err);

    if (rc == 0 && g.is_done)
        rc = wf_blobs__in_turn(b, remove_blob, &g, err);
    if (rc == 0)
        wf_blobs_poke(b); /* others are to be told */
    b->is_changed = b->is_changed || rc == 0;
    return rc;
}

/* The answers are in, or late. */
static int decide(struct wf_blobs *b, struct wf_err *err)
{
    bool is_kept = (b->evict.flags & WF_BLOBS_KEEPS_IT) != 0;

    wf_list_remove(&b->evict.node);
    b->evict.id = 0;
    if (is_kept)
        return give_up(b, err);
    if (wf_map_put(&b->kept, key_of(&b->evict_paper), NULL) == NULL)
        b->is_evicting = false; /* after a while */
    return 0;
}

void wf_blobs__evict_answer(struct wf_blobs *b)
{
    b->is_evicting = true;
}

int wf_blobs__evict(struct wf_blobs *b, struct wf_err *err)
{
    bool is_over;
    int rc = 0;

    if (b->evict.id != 0) {
        is_over = b->evict.n_answered >= b->evict.n_asked ||
                  (b->evict.flags & WF_BLOBS_KEEPS_IT) != 0 || wf_clock_mono_ns(NULL) > b->evict_ns;
        return is_over ? decide(b, err) : 0;
    }
    if (limit_of(b) == UINT64_MAX) {
        b->is_evicting = false;
        return 0;
    }
    if (!wf_list_empty(&b->peers))
        rc = choose(b, &b->evict_paper, err);
    if (rc == 0 && !wf_list_empty(&b->peers))
        ask_all(b);
    else
        b->is_evicting = false;
    return rc == WF_E_NOENT ? 0 : rc;
}
