/* SPDX-License-Identifier: Apache-2.0 */
/* Find: candidates from the index, read, scored, put in order.
 *
 *   question -> candidates.c: chunks by the weight of their words -> the heaviest are read
 *     -> score.c: what the text says -> neighbours in the same document help -> hits
 *   question's vector -> find_meaning.c: the nearest chunks are read, too; similarity counts;
 *     the lens reads the first ones with the question
 *
 * A filter is applied to the chunks that are read, as long as that lets enough through. When it
 * does not, the documents it allows are listed first and candidates outside them are dropped; when
 * these are few chunks and a word's list had been cut, all of them are read.
 *
 * Chunks of documents that are half written or being removed have no row in document: the join
 * leaves them out (schema.h, invariant 1).
 *
 * Not here: how frequent words are planned (candidates.c), weights (question.c, score.c). */
#include "find/find.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "find/filter.h"
#include "find/find_internal.h"
#include "find/part.h"
#include "store/sql.h"
#include "text/utf8.h"

/* Chunks read and scored for one question: more did not find more (bench/bench_find). */
#define READ_LEAST 48
#define READ_MORE 24 /* beside the hits asked for */
#define READ_MAX (WF_LIMIT_HITS + READ_MORE)
/* For a question of one or two words: too many chunks have them for the index to choose by. */
#define READ_FEW 300
/* Chunks looked at while a filter turns them away, before the filter is asked for its documents. */
#define TURNED_AWAY_MAX 300
/* So many chunks of filtered documents are read one by one. */
#define FILTERED_READ_MAX 1500
#define FAVOURED_VALUE 1.5
/* Of a title or heading that says what a question of one or two words says, beside the 4 or so that
 * a text gains by saying it five times instead of once. Of longer questions it proves little. */
#define NAMED_VALUE 3.0
#define HITS_DEFAULT 10

int wf_find__no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory (searching).");
}

/* ---- choosing candidates ---- */

/* Heavier first; among equals the newer, so that an order exists. */
static bool is_before(const struct wf_candidate *a, const struct wf_candidate *b)
{
    if (a->weight > b->weight || a->weight < b->weight)
        return a->weight > b->weight;
    return a->chunk > b->chunk;
}

static int compare(const void *a, const void *b)
{
    return is_before(a, b) ? -1 : 1;
}

/* Restores the heap below i: the parent is the one that would come last. */
static void sift(struct wf_candidate *heap, size_t n, size_t i)
{
    for (;;) {
        size_t last = i;
        for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < n; k++) {
            if (is_before(&heap[last], &heap[k]))
                last = k;
        }
        if (last == i)
            return;
        struct wf_candidate swap = heap[i];
        heap[i] = heap[last];
        heap[last] = swap;
        i = last;
    }
}

/* The n_max heaviest candidates into s->sorted. */
static int choose(struct wf_find_search *s, size_t n_max, struct wf_err *err)
{
    const struct wf_candidates *c = &s->candidates;
    wf_free(s->sorted);
    s->n_sorted = 0;
    s->sorted = wf_alloc_array(n_max, sizeof *s->sorted);
    if (s->sorted == NULL)
        return wf_find__no_memory(err);
    size_t n = 0;
    for (size_t i = 0; i < c->n_slots; i++) {
        if (c->slots[i].chunk == 0)
            continue;
        if (n < n_max) {
            s->sorted[n++] = c->slots[i];
            if (n == n_max) {
                for (size_t k = n / 2; k-- > 0;)
                    sift(s->sorted, n, k);
            }
        } else if (is_before(&c->slots[i], &s->sorted[0])) {
            s->sorted[0] = c->slots[i];
            sift(s->sorted, n, 0);
        }
    }
    if (n > 0)
        qsort(s->sorted, n, sizeof *s->sorted, compare);
    s->n_sorted = n;
    return 0;
}

/* ---- reading ---- */

static struct wf_str keep(struct wf_arena *arena, struct wf_str s, bool *io_ok)
{
    struct wf_str copy = wf_arena_dup(arena, s);
    if (copy.ptr == NULL)
        *io_ok = false;
    return copy;
}

int wf_find__read_chunk(struct wf_find_search *s, int64_t chunk, bool *out_seen, struct wf_err *err)
{
    static const char sql[] = "SELECT c.document,c.start_cp,c.page,c.heading,c.text,d.uid,d.title"
                              " FROM chunk c JOIN document d ON d.id=c.document"
                              " WHERE c.id=?1";
    static const char sql_filtered[] =
        "SELECT c.document,c.start_cp,c.page,c.heading,c.text,d.uid,d.title"
        " FROM chunk c JOIN document d ON d.id=c.document"
        " WHERE c.id=?1 AND" WF_FILTER_SQL;
    sqlite3_stmt *st = NULL;
    int status = wf_reader_cached(s->r, s->is_filtered ? sql_filtered : sql, &st, err);
    if (status != 0)
        return status;
    sqlite3_bind_int64(st, 1, chunk);
    if (s->is_filtered)
        wf_filter_bind(st, &s->query->filter);
    status = wf_sql_step(st, "reading what was found", err);
    *out_seen = status == 1;
    if (status == 1) {
        bool ok = true;
        struct wf_find_item *it = &s->items[s->n_items];
        assert(s->n_items < s->n_items_max);
        *it = (struct wf_find_item){.chunk = chunk,
                                    .document = sqlite3_column_int64(st, 0),
                                    .start_cp = (uint64_t)sqlite3_column_int64(st, 1),
                                    .page = (uint32_t)sqlite3_column_int64(st, 2),
                                    .similarity = WF_FIND__NO_SIMILARITY,
                                    .heading = keep(&s->arena, wf_sql_text(st, 3), &ok),
                                    .text = keep(&s->arena, wf_sql_text(st, 4), &ok),
                                    .uid = keep(&s->arena, wf_sql_text(st, 5), &ok),
                                    .title = keep(&s->arena, wf_sql_text(st, 6), &ok)};
        sqlite3_reset(st);
        if (!ok)
            return wf_find__no_memory(err);
        wf_score_passage(s->q, it->title, it->heading, it->text, &it->score);
        it->value = it->score.value + (s->is_few ? NAMED_VALUE * it->score.named : 0);
        s->n_items++;
    }
    return status < 0 ? status : 0;
}

/* Reads the heaviest candidates until n are seen. */
static int read_candidates(struct wf_find_search *s, size_t n, struct wf_err *err)
{
    int status = choose(s, n + (s->is_filtered ? TURNED_AWAY_MAX : READ_MORE), err);
    s->n_items = 0;
    for (size_t i = 0; status == 0 && i < s->n_sorted && s->n_items < n; i++) {
        bool seen = false;
        status = wf_find__read_chunk(s, s->sorted[i].chunk, &seen, err);
    }
    return status;
}

/* ---- filters that let little through ---- */

static bool is_within(const struct wf_chunk_range *ranges, size_t n, int64_t chunk)
{
    size_t low = 0, high = n;
    while (low < high) { /* the first range that begins behind the chunk */
        size_t mid = low + (high - low) / 2;
        if (ranges[mid].first <= chunk)
            low = mid + 1;
        else
            high = mid;
    }
    return low > 0 && chunk < ranges[low - 1].first + ranges[low - 1].n;
}

/* The table again with those chunks only. */
static int restrict_candidates(struct wf_find_search *s, const struct wf_chunk_range *ranges,
                               size_t n, struct wf_err *err)
{
    struct wf_candidates kept = {.is_cut = s->candidates.is_cut};
    int status = 0;
    for (size_t i = 0; status == 0 && i < s->candidates.n_slots; i++) {
        const struct wf_candidate *c = &s->candidates.slots[i];
        if (c->chunk != 0 && is_within(ranges, n, c->chunk))
            status = wf_candidates_add(&kept, c->chunk, 0, (double)c->weight, err);
    }
    wf_candidates_free(&s->candidates);
    s->candidates = kept;
    return status;
}

/* Every chunk of the ranges is a candidate, those that are known keep their weight. */
static int widen_candidates(struct wf_find_search *s, const struct wf_chunk_range *ranges, size_t n,
                            struct wf_err *err)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < n; i++) {
        for (int64_t k = 0; status == 0 && k < ranges[i].n; k++)
            status =
                wf_candidates_add(&s->candidates, ranges[i].first + k, WF_QUESTION_TERMS, 0, err);
    }
    return status;
}

/* Room for n items and those that join them for their vector. What was read is forgotten. */
static int make_room(struct wf_find_search *s, size_t n, struct wf_err *err)
{
    s->n_items = 0;
    if (n + WF_FUSE_NEAR <= s->n_items_max)
        return 0;
    s->n_items_max = n + WF_FUSE_NEAR;
    s->items = wf_arena_array(&s->arena, s->n_items_max, sizeof *s->items);
    return s->items != NULL ? 0 : wf_find__no_memory(err);
}

int wf_find__ranges(struct wf_find_search *s, struct wf_err *err)
{
    if (s->ranges != NULL)
        return 0;
    return wf_filter_ranges(s->r, &s->query->filter, &s->arena, &s->ranges, &s->n_ranges, err);
}

/* Lists the documents that the filter allows and reads the best candidates in them. */
static int read_filtered(struct wf_find_search *s, size_t n, struct wf_err *err)
{
    int64_t n_chunks = 0;
    int status = wf_find__ranges(s, err);
    if (status == 0)
        status = restrict_candidates(s, s->ranges, s->n_ranges, err);
    for (size_t i = 0; i < s->n_ranges && n_chunks <= FILTERED_READ_MAX; i++)
        n_chunks += s->ranges[i].n;
    bool read_all = s->candidates.is_cut && n_chunks <= FILTERED_READ_MAX;
    if (status == 0 && read_all) {
        status = widen_candidates(s, s->ranges, s->n_ranges, err);
        n = WF_MAX(n, (size_t)n_chunks);
    }
    if (status == 0)
        status = make_room(s, n, err);
    return status == 0 ? read_candidates(s, n, err) : status;
}

/* ---- order ---- */

/* What other chunks of the same document say counts a little. */
static void add_context(struct wf_find_search *s)
{
    for (size_t i = 0; i < s->n_items; i++) {
        struct wf_find_item *a = &s->items[i];
        uint64_t next = 0, elsewhere = 0;
        for (size_t k = 0; k < s->n_items; k++) {
            const struct wf_find_item *b = &s->items[k];
            if (b->document != a->document || k == i)
                continue;
            bool is_next = b->chunk == a->chunk + 1 || b->chunk + 1 == a->chunk;
            *(is_next ? &next : &elsewhere) |= b->score.terms;
        }
        uint64_t own = a->score.terms;
        a->value += wf_score_context(s->q, own, next, true) +
                    wf_score_context(s->q, own | next, elsewhere, false);
        for (size_t k = 0; k < s->query->n_favoured && k < WF_LIMIT_HITS; k++) {
            if (wf_str_eq(a->uid, s->query->favoured[k])) {
                a->value += FAVOURED_VALUE;
                break;
            }
        }
        a->words = a->value;
    }
}

static int compare_items(const void *pa, const void *pb)
{
    const struct wf_find_item *a = pa, *b = pb;
    if (a->value > b->value || a->value < b->value)
        return a->value > b->value ? -1 : 1;
    return a->chunk < b->chunk ? -1 : 1;
}

/* Writes the numbers of the items to show: first at most some of each document, then the rest. */
static size_t pick(const struct wf_find_search *s, size_t n_max, size_t *out)
{
    size_t n = 0, n_late = 0;
    size_t late[READ_MAX];
    for (size_t i = 0; i < s->n_items && n < n_max; i++) {
        size_t n_same = 0;
        for (size_t k = 0; k < n; k++)
            n_same += s->items[out[k]].document == s->items[i].document;
        if (n_same < WF_FIND_HITS_PER_DOCUMENT)
            out[n++] = i;
        else if (n_late < READ_MAX)
            late[n_late++] = i;
    }
    for (size_t i = 0; i < n_late && n < n_max; i++)
        out[n++] = late[i];
    return n;
}

/* ---- hits ---- */

static int find_path(struct wf_find_search *s, int64_t document, struct wf_arena *arena,
                     struct wf_str *out, struct wf_err *err)
{
    static const char sql[] = "SELECT min(path) FROM source WHERE document=?1";
    sqlite3_stmt *st = NULL;
    bool ok = true;
    int status = wf_reader_cached(s->r, sql, &st, err);
    if (status != 0)
        return status;
    sqlite3_bind_int64(st, 1, document);
    status = wf_sql_step(st, "reading what was found", err);
    if (status == 1)
        *out = keep(arena, wf_sql_text(st, 0), &ok);
    sqlite3_reset(st);
    if (!ok)
        return wf_find__no_memory(err);
    return status < 0 ? status : 0;
}

static int fill_hit(struct wf_find_search *s, const struct wf_find_item *it, struct wf_arena *arena,
                    struct wf_hit *out, struct wf_err *err)
{
    bool ok = true;
    struct wf_part part = {0, it->text.len};
    if (!s->query->whole_chunks)
        part = wf_part_best(s->q, it->text, WF_FIND_PART_CP);
    struct wf_str text = wf_str_sub(it->text, part.start, part.end);
    uint64_t start = it->start_cp + wf_utf8_count(wf_str_sub(it->text, 0, part.start));
    *out =
        (struct wf_hit){.document = keep(arena, it->uid, &ok),
                        .title = keep(arena, it->title, &ok),
                        .heading = keep(arena, it->heading, &ok),
                        .text = keep(arena, text, &ok),
                        .start_cp = start,
                        .end_cp = start + wf_utf8_count(text),
                        .page = it->page,
                        .score = it->value,
                        .words = it->words,
                        .similarity = it->similarity > WF_FIND__NO_SIMILARITY ? it->similarity : 0,
                        .near_rank = it->near_rank,
                        .is_judged = it->is_judged,
                        .evidence = it->evidence,
                        .coverage = it->score.coverage};
    return ok ? find_path(s, it->document, arena, &out->path, err) : wf_find__no_memory(err);
}

static int fill_hits(struct wf_find_search *s, size_t n_max, struct wf_arena *arena,
                     struct wf_hits *out, struct wf_err *err)
{
    size_t picked[WF_LIMIT_HITS];
    if (s->n_items == 0)
        return 0;
    add_context(s);
    int status = wf_find__add_meaning(s, err);
    if (status != 0)
        return status;
    qsort(s->items, s->n_items, sizeof *s->items, compare_items);
    if (wf_find__judge(s))
        qsort(s->items, s->n_items, sizeof *s->items, compare_items);
    size_t n = pick(s, n_max, picked);
    out->items = wf_arena_array(arena, n, sizeof *out->items);
    if (out->items == NULL)
        return wf_find__no_memory(err);
    for (size_t i = 0; i < n; i++) {
        status = fill_hit(s, &s->items[picked[i]], arena, &out->items[i], err);
        if (status != 0)
            return status;
        out->n_items = i + 1;
    }
    out->open = s->open;
    return 0;
}

/* ---- all of it ---- */

static int read_by_words(struct wf_find_search *s, size_t n, struct wf_err *err)
{
    int status = wf_candidates_gather(s->r, s->q, &s->candidates, err);
    if (status != 0)
        return status;
    if (s->query->filter.document.len > 0)
        return read_filtered(s, n, err);
    status = read_candidates(s, n, err);
    bool is_turned_away = s->is_filtered && s->n_items < n &&
                          (s->n_sorted < s->candidates.n_items || s->candidates.is_cut);
    return status == 0 && is_turned_away ? read_filtered(s, n, err) : status;
}

static int run(struct wf_find_search *s, size_t n_hits, struct wf_err *err)
{
    if (s->q->n_terms == 0)
        return 0;
    s->is_few = wf_question_n_meaning(s->q) <= WF_QUESTION_FEW;
    size_t n = WF_MAX(s->is_few ? READ_FEW : READ_LEAST, n_hits + READ_MORE);
    int status = make_room(s, n, err);
    if (status == 0)
        status = read_by_words(s, n, err);
    if (status != 0)
        return status;
    wf_find__meant(s);
    return wf_find__read_near(s, err);
}

int wf_find_question(struct wf_store *store, struct wf_question *question,
                     const struct wf_find_query *q, struct wf_arena *arena, struct wf_hits *out,
                     struct wf_err *err)
{
    size_t n_hits = q->n_hits_max != 0 ? q->n_hits_max : HITS_DEFAULT;
    *out = (struct wf_hits){.items = NULL};
    if (n_hits > WF_LIMIT_HITS)
        return wf_err_set(err, WF_E_INVAL, "At most %d results can be asked for.", WF_LIMIT_HITS);
    struct wf_find_search s = {
        .q = question, .query = q, .is_filtered = !wf_filter_is_empty(&q->filter)};
    wf_arena_init(&s.arena, 0, SIZE_MAX / 2);
    int status = wf_store_reader_get(store, &s.r, err);
    if (status == 0) {
        status = run(&s, n_hits, err);
        if (status == 0)
            status = fill_hits(&s, n_hits, arena, out, err);
        wf_store_reader_put(store, s.r);
    }
    wf_arena_deinit(&s.arena);
    wf_free(s.sorted);
    wf_candidates_free(&s.candidates);
    if (status != 0)
        *out = (struct wf_hits){.items = NULL};
    return status;
}

int wf_find(struct wf_store *store, const struct wf_find_query *q, struct wf_arena *arena,
            struct wf_hits *out, struct wf_err *err)
{
    *out = (struct wf_hits){.items = NULL};
    if (q->text.len > WF_LIMIT_QUERY_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "The search text is longer than %u bytes.",
                          WF_LIMIT_QUERY_BYTES);
    if (wf_utf8_valid_prefix(q->text) != q->text.len)
        return wf_err_set(err, WF_E_FORMAT, "The search text is no valid UTF-8.");
    struct wf_question *question = wf_alloc_array(1, sizeof *question);
    if (question == NULL)
        return wf_find__no_memory(err);
    wf_question_init(question, q->text);
    int status = wf_find_question(store, question, q, arena, out, err);
    wf_free(question);
    return status;
}
