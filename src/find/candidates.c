/* SPDX-License-Identifier: Apache-2.0 */
/* Candidates: lists of the words that matter, added up by chunk.
 *
 * A plain OR query with bm25() visits every chunk that contains "the". Here each word's list is
 * read by itself, straight inside FTS5 (xQueryPhrase, some 20 ns a chunk), words of grammar only so
 * far as to estimate how frequent they are, and that once a connection. A list that is longer than
 * LIST_MAX is given up: such a word says little, and where it must decide, FTS5 intersects it with
 * the others, which skips (join_frequent). A rare word also brings the chunks with other forms of
 * it (a prefix query).
 *
 * What comes out is an order good enough to choose some dozens of chunks by, which are then read
 * (score.c). The index does not tell how often or where a chunk says a word. For questions of one
 * or two words, where the sum of weights leaves too many equal, the lists still do: a text that is
 * about a word says it in chunk after chunk, one that is named by it says it in all.
 *
 * Invariants: (1) rows read for a question are bounded by TERMS * LIST_MAX and in practice by
 * ROWS_MAX + one list; (2) a term counts once a chunk. */
#include "find/candidates.h"

#include <assert.h>
#include <sqlite3.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "store/schema.h"
#include "store/sql.h"
#include "text/utf8.h"

/* Rows read of one word's list, and of all together. */
#define LIST_MAX 12000
#define ROWS_MAX 60000
/* Rows that tell how frequent a word of grammar is. */
#define SAMPLE_ROWS 256
/* Words of grammar remembered on a connection; longer ones are sampled each time. */
#define KNOWN_SLOTS 1024
#define KNOWN_BYTES 24
/* A word in at most so many chunks brings other forms of it, for at most so many words. */
#define RARE_CHUNKS 20
#define FORMS_MAX 3
#define FORM_ROWS 2000
#define FORM_WEIGHT 0.35
/* Frequent words that are intersected with the rest. */
#define FREQUENT_MAX 3
#define JOIN_ROWS 4000
/* Chunks with all of them, when pairs need not be looked for. */
#define JOIN_ENOUGH 200
#define MATCH_BYTES (WF_QUESTION_TERMS * (WF_WORD_BYTES_MAX + 8) + 64)
/* A chunk of a question of few words is preferred when so many before and behind it have the word
 * too: what that adds when all of them have it. */
#define CROWD_SPAN 4
#define CROWD_VALUE 0.3

/* ---- the table ---- */

void wf_candidates_free(struct wf_candidates *c)
{
    wf_free(c->slots);
    *c = (struct wf_candidates){.slots = NULL};
}

static struct wf_candidate *slot_of(const struct wf_candidates *c, int64_t chunk)
{
    uint64_t h = (uint64_t)chunk * UINT64_C(0x9E3779B97F4A7C15);
    size_t i = (size_t)(h >> 20) & (c->n_slots - 1);
    while (c->slots[i].chunk != 0 && c->slots[i].chunk != chunk)
        i = (i + 1) & (c->n_slots - 1);
    return &c->slots[i];
}

/* Makes room for n more. */
static int reserve(struct wf_candidates *c, size_t n, struct wf_err *err)
{
    if (2 * (c->n_items + n) <= c->n_slots)
        return 0;
    size_t want = 1024;
    while (want < 2 * (c->n_items + n))
        want *= 2;
    struct wf_candidates bigger = {.n_slots = want, .n_items = c->n_items, .is_cut = c->is_cut};
    bigger.slots = wf_alloc_array(want, sizeof *bigger.slots);
    if (bigger.slots == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (searching).");
    for (size_t i = 0; i < c->n_slots; i++) {
        if (c->slots[i].chunk != 0)
            *slot_of(&bigger, c->slots[i].chunk) = c->slots[i];
    }
    wf_free(c->slots);
    *c = bigger;
    return 0;
}

int wf_candidates_add(struct wf_candidates *c, int64_t chunk, size_t term, double weight,
                      struct wf_err *err)
{
    assert(chunk > 0);
    int status = reserve(c, 1, err);
    if (status != 0)
        return status;
    struct wf_candidate *s = slot_of(c, chunk);
    if (s->chunk == 0) {
        s->chunk = chunk;
        c->n_items++;
    }
    if (s->term != (uint32_t)term + 1) { /* invariant (2) */
        s->term = (uint32_t)term + 1;
        s->weight += (float)weight;
    }
    return 0;
}

/* ---- reading lists inside FTS5 ---- */

struct list {
    size_t first, n; /* in gather.rows */
    bool is_whole;
};

/* What a connection knows of how frequent a word of grammar is: opening its list costs more than
 * the little that it weighs. */
struct known {
    char text[KNOWN_BYTES];
    uint32_t len;   /* 0 = free */
    float share;    /* of all chunks */
    uint64_t n_all; /* when that was so */
};

struct gather {
    struct wf_question *q;
    int64_t *rows;
    size_t n_rows, n_room;
    struct list lists[WF_QUESTION_TERMS];
    size_t at;           /* term that is read */
    size_t n_max;        /* of its rows */
    size_t n_meaning;    /* terms that are no words of grammar */
    int status;          /* WF_E_NOMEM sticks */
    uint64_t which;      /* bits: terms that are read now */
    struct known *known; /* the connection's; NULL until a list was read */
    uint64_t n_all;      /* chunks */
};

static bool grow(struct gather *g)
{
    if (g->n_rows < g->n_room)
        return true;
    size_t room = g->n_room != 0 ? 2 * g->n_room : 4096;
    int64_t *rows = wf_realloc_array(g->rows, room, sizeof *rows);
    if (rows == NULL)
        return false;
    g->rows = rows;
    g->n_room = room;
    return true;
}

static int on_row(const Fts5ExtensionApi *api, Fts5Context *fts, void *ud)
{
    struct gather *g = ud;
    struct list *l = &g->lists[g->at];
    if (l->n == g->n_max) {
        l->is_whole = false;
        return SQLITE_DONE;
    }
    if (!grow(g)) {
        g->status = WF_E_NOMEM;
        return SQLITE_NOMEM;
    }
    g->rows[g->n_rows++] = api->xRowid(fts);
    l->n++;
    return SQLITE_OK;
}

/* The SQL function wf_gather(chunk_fts, pointer): reads the lists of the query's phrases, which are
 * the terms of g->which in their order. */
static void gather_fn(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *ctx,
                      int n_args, sqlite3_value **args)
{
    struct gather *g = n_args == 1 ? sqlite3_value_pointer(args[0], "wf_gather") : NULL;
    if (g == NULL || api->xPhraseCount(fts) != __builtin_popcountll(g->which)) {
        sqlite3_result_error(ctx, "wf_gather: not for use by hand", -1);
        return;
    }
    int phrase = 0;
    g->known = api->xUserData(fts);
    for (size_t i = 0; i < g->q->n_terms; i++) {
        if ((g->which >> i & 1) == 0)
            continue;
        bool is_sample = g->q->terms[i].is_stop || g->n_rows >= ROWS_MAX;
        g->at = i;
        g->n_max = is_sample ? SAMPLE_ROWS : LIST_MAX;
        g->lists[i] = (struct list){.first = g->n_rows, .is_whole = true};
        int rc = api->xQueryPhrase(fts, phrase++, g, on_row);
        if (rc != SQLITE_OK) {
            sqlite3_result_error_code(ctx, rc);
            return;
        }
    }
    sqlite3_result_int(ctx, 1);
}

static int setup(sqlite3 *db, fts5_api *fts, struct wf_err *err)
{
    struct known *known = wf_alloc_array(KNOWN_SLOTS, sizeof *known);
    if (known == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (searching).");
    int rc = fts->xCreateFunction(fts, "wf_gather", known, gather_fn, wf_free);
    if (rc == SQLITE_OK)
        return 0;
    wf_free(known);
    return wf_sql_err(err, db, rc, "preparing to search");
}

static void append_term(struct wf_buf *b, const struct wf_question_term *t)
{
    (void)wf_buf_append_byte(b, '"');
    (void)wf_buf_append(b, t->text, t->len);
    (void)wf_buf_append_byte(b, '"');
}

/* `which`: bits of terms. */
static void append_any(struct wf_buf *b, const struct wf_question *q, uint64_t which)
{
    bool is_first = true;
    for (size_t i = 0; i < q->n_terms; i++) {
        if ((which >> i & 1) == 0)
            continue;
        if (!is_first)
            (void)wf_buf_append_cstr(b, " OR ");
        append_term(b, &q->terms[i]);
        is_first = false;
    }
}

static int read_lists(struct wf_reader *r, struct gather *g, uint64_t which, struct wf_err *err)
{
    static const char sql[] = "SELECT wf_gather(chunk_fts, ?2) FROM chunk_fts"
                              " WHERE chunk_fts MATCH ?1 LIMIT 1";
    sqlite3_stmt *st = NULL;
    struct wf_buf match;
    if (which == 0)
        return 0;
    int status = wf_reader_setup(r, setup, err);
    if (status == 0)
        status = wf_reader_cached(r, sql, &st, err);
    if (status != 0)
        return status;
    wf_buf_init(&match, MATCH_BYTES);
    append_any(&match, g->q, which);
    status = wf_buf_status(&match);
    if (status == 0) {
        g->which = which;
        wf_sql_bind_text(st, 1, wf_buf_str(&match));
        sqlite3_bind_pointer(st, 2, g, "wf_gather", NULL);
        status = wf_sql_step(st, "searching", err);
        sqlite3_reset(st);
        sqlite3_clear_bindings(st);
    } else {
        (void)wf_err_set(err, status, "Out of memory (searching).");
    }
    wf_buf_deinit(&match);
    if (g->status != 0)
        return wf_err_set(err, g->status, "Out of memory (searching).");
    return status < 0 ? status : 0;
}

/* ---- how frequent the words are ---- */

static int chunk_range(struct wf_reader *r, int64_t *out_first, int64_t *out_last,
                       struct wf_err *err)
{
    static const char sql[] = "SELECT (SELECT min(id) FROM chunk),(SELECT max(id) FROM chunk)";
    sqlite3_stmt *st = NULL;
    int status = wf_reader_cached(r, sql, &st, err);
    if (status != 0)
        return status;
    status = wf_sql_step(st, "counting", err);
    if (status == 1) {
        *out_first = sqlite3_column_int64(st, 0);
        *out_last = sqlite3_column_int64(st, 1);
        sqlite3_reset(st);
    }
    return status < 0 ? status : 0;
}

/* A list that was cut tells by how far its rows reach. */
static void estimate(struct gather *g, uint64_t which, int64_t first)
{
    for (size_t i = 0; i < g->q->n_terms; i++) {
        const struct list *l = &g->lists[i];
        struct wf_question_term *t = &g->q->terms[i];
        if ((which >> i & 1) == 0)
            continue;
        t->n_chunks = l->n;
        t->is_counted = l->is_whole;
        if (l->is_whole || l->n == 0)
            continue;
        double reach = (double)(g->rows[l->first + l->n - 1] - first + 1);
        if (reach >= 1 && (double)g->n_all > reach)
            t->n_chunks = (uint64_t)((double)l->n * (double)g->n_all / reach);
    }
}

/* The place of a word of grammar; NULL when it is too long to be remembered. */
static struct known *known_place(const struct gather *g, const struct wf_question_term *t)
{
    if (g->known == NULL || t->len > KNOWN_BYTES)
        return NULL;
    return &g->known[wf_str_hash(wf_str_n(t->text, t->len), 1) & (KNOWN_SLOTS - 1)];
}

/* Takes what is known of the words of grammar; returns the bits of those that must be sampled:
 * unknown ones, and those known from when there were half as many chunks, or twice. */
static uint64_t recall(const struct gather *g, uint64_t stop)
{
    uint64_t missing = 0;
    for (size_t i = 0; i < g->q->n_terms; i++) {
        struct wf_question_term *t = &g->q->terms[i];
        if ((stop >> i & 1) == 0)
            continue;
        const struct known *k = known_place(g, t);
        if (k != NULL && k->len == t->len && memcmp(k->text, t->text, t->len) == 0 &&
            k->n_all <= 2 * g->n_all && g->n_all <= 2 * k->n_all)
            t->n_chunks = (uint64_t)((double)k->share * (double)g->n_all);
        else
            missing |= UINT64_C(1) << i;
    }
    return missing;
}

static void remember(const struct gather *g, uint64_t sampled)
{
    for (size_t i = 0; i < g->q->n_terms; i++) {
        const struct wf_question_term *t = &g->q->terms[i];
        struct known *k = sampled >> i & 1 ? known_place(g, t) : NULL;
        if (k == NULL)
            continue;
        memcpy(k->text, t->text, t->len);
        k->len = t->len;
        k->share = (float)((double)t->n_chunks / (double)g->n_all);
        k->n_all = g->n_all;
    }
}

/* Reads the lists of the words that matter, and what the others lack. */
static int read_all(struct wf_reader *r, struct gather *g, int64_t first, struct wf_err *err)
{
    uint64_t meaning = 0, stop = 0;
    for (size_t i = 0; i < g->q->n_terms; i++)
        *(g->q->terms[i].is_stop ? &stop : &meaning) |= UINT64_C(1) << i;
    int status = read_lists(r, g, meaning, err);
    estimate(g, meaning, first);
    if (status == 0 && meaning != 0 && g->known != NULL)
        stop = recall(g, stop);
    else if (meaning != 0)
        stop = 0; /* no chunk has a word that matters */
    if (status == 0)
        status = read_lists(r, g, stop, err);
    if (status == 0) {
        estimate(g, stop, first);
        remember(g, stop);
    }
    return status;
}

/* ---- adding up ---- */

/* Adds one list. Its rows ascend, so those around one stand beside it. */
static int add_list(struct wf_candidates *c, const struct gather *g, size_t term,
                    struct wf_err *err)
{
    const struct list *l = &g->lists[term];
    const int64_t *rows = l->n > 0 ? g->rows + l->first : NULL; /* nothing found: no rows at all */
    double weight = g->q->terms[term].weight;
    double each = g->n_meaning <= WF_QUESTION_FEW ? weight * CROWD_VALUE / (2 * CROWD_SPAN) : 0;
    size_t first = 0, end = 0;
    int status = 0;
    for (size_t i = 0; status == 0 && i < l->n; i++) {
        while (rows[first] < rows[i] - CROWD_SPAN)
            first++;
        while (end < l->n && rows[end] <= rows[i] + CROWD_SPAN)
            end++;
        assert(first <= i && i < end);
        status =
            wf_candidates_add(c, rows[i], term, weight + each * (double)(end - first - 1), err);
    }
    return status;
}

/* Adds the weight of `term` to the chunks that the expression `match` gives. */
static int add_matches(struct wf_reader *r, struct wf_candidates *c, struct wf_buf *match,
                       int n_max, size_t term, double weight, struct wf_err *err)
{
    static const char sql[] = "SELECT rowid FROM chunk_fts WHERE chunk_fts MATCH ?1 LIMIT ?2";
    sqlite3_stmt *st = NULL;
    int status = wf_reader_cached(r, sql, &st, err);
    if (status == 0 && wf_buf_status(match) != 0)
        status = wf_err_set(err, wf_buf_status(match), "Out of memory (searching).");
    if (status != 0)
        return status;
    wf_sql_bind_text(st, 1, wf_buf_str(match));
    sqlite3_bind_int(st, 2, n_max);
    while ((status = wf_sql_step(st, "searching", err)) == 1) {
        status = wf_candidates_add(c, sqlite3_column_int64(st, 0), term, weight, err);
        if (status != 0)
            break;
    }
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return status;
}

/* Bytes of a word's beginning that its other forms share; 0: too short to tell. */
static size_t stem_bytes(const struct wf_question_term *t)
{
    struct wf_str word = wf_str_n(t->text, t->len);
    size_t n = wf_utf8_count(word);
    if (n < 5 || t->is_pair || t->is_stop || t->has_digit)
        return 0;
    return wf_utf8_offset(word, n - (n < 6 ? 1 : n < 8 ? 2 : 3));
}

/* The chunks that have another form of the rare `term`. Right after its own list: invariant (2). */
static int add_forms(struct wf_reader *r, const struct wf_question *q, size_t term,
                     struct wf_candidates *c, struct wf_err *err)
{
    const struct wf_question_term *t = &q->terms[term];
    struct wf_buf match;
    wf_buf_init(&match, MATCH_BYTES);
    (void)wf_buf_append_byte(&match, '"');
    (void)wf_buf_append(&match, t->text, stem_bytes(t));
    (void)wf_buf_append_cstr(&match, "\" *");
    int status = add_matches(r, c, &match, FORM_ROWS, term, FORM_WEIGHT * t->weight, err);
    wf_buf_deinit(&match);
    return status;
}

/* The heaviest of the terms in `which`, taken out of it. */
static size_t take_heaviest(const struct wf_question *q, uint64_t *which)
{
    size_t best = WF_QUESTION_TERMS;
    for (size_t i = 0; i < q->n_terms; i++) {
        if ((*which >> i & 1) == 0)
            continue;
        if (best == WF_QUESTION_TERMS || q->terms[i].weight > q->terms[best].weight)
            best = i;
    }
    if (best < WF_QUESTION_TERMS)
        *which &= ~(UINT64_C(1) << best);
    return best;
}

/* Adds where `term` stands together with any of the terms `with`. */
static int join(struct wf_reader *r, const struct wf_question *q, size_t term, uint64_t with,
                struct wf_candidates *c, struct wf_err *err)
{
    struct wf_buf match;
    wf_buf_init(&match, MATCH_BYTES);
    append_term(&match, &q->terms[term]);
    (void)wf_buf_append_cstr(&match, " AND (");
    append_any(&match, q, with);
    (void)wf_buf_append_byte(&match, ')');
    int status = add_matches(r, c, &match, JOIN_ROWS, term, q->terms[term].weight, err);
    wf_buf_deinit(&match);
    return status;
}

/* Adds where the heaviest of the terms `which` stand all together. */
static int join_all(struct wf_reader *r, const struct wf_question *q, uint64_t which,
                    struct wf_candidates *c, struct wf_err *err)
{
    struct wf_buf match;
    double weight = 0;
    size_t n = 0;
    wf_buf_init(&match, MATCH_BYTES);
    for (; n < FREQUENT_MAX && which != 0; n++) {
        size_t i = take_heaviest(q, &which);
        if (n > 0)
            (void)wf_buf_append_cstr(&match, " AND ");
        append_term(&match, &q->terms[i]);
        weight += q->terms[i].weight;
    }
    int status = 0;
    if (n > 1)
        status = add_matches(r, c, &match, JOIN_ROWS, WF_QUESTION_TERMS, weight, err);
    wf_buf_deinit(&match);
    return status;
}

/* Words whose lists were given up (`cut`): their weight is added where words whose lists were read
 * (`whole`) stand too, or, when there are none, where they stand together. */
static int join_frequent(struct wf_reader *r, const struct wf_question *q, uint64_t whole,
                         uint64_t cut, struct wf_candidates *c, struct wf_err *err)
{
    int status = 0;
    if (whole == 0) {
        status = join_all(r, q, cut, c, err);
        if (c->n_items >= JOIN_ENOUGH)
            return status;
    }
    for (size_t k = 0; status == 0 && k < FREQUENT_MAX && cut != 0; k++) {
        size_t i = take_heaviest(q, &cut);
        uint64_t with = whole != 0 ? whole : cut;
        if (with != 0)
            status = join(r, q, i, with, c, err);
    }
    return status;
}

/* Adds the lists that were read whole. The terms are sorted into bits: those with rows, those whose
 * lists were cut, words of grammar. */
static int add_whole(struct wf_reader *r, const struct gather *g, struct wf_candidates *c,
                     uint64_t *whole, uint64_t *cut, uint64_t *stop, struct wf_err *err)
{
    const struct wf_question *q = g->q;
    size_t n_forms = 0;
    int status = reserve(c, g->n_rows, err);
    for (size_t i = 0; status == 0 && i < q->n_terms; i++) {
        const struct wf_question_term *t = &q->terms[i];
        uint64_t bit = UINT64_C(1) << i;
        if (t->is_stop) {
            *stop |= bit;
            continue;
        }
        if (!g->lists[i].is_whole) {
            *cut |= bit;
            continue;
        }
        if (g->lists[i].n > 0) {
            *whole |= bit;
            status = add_list(c, g, i, err);
        }
        if (status == 0 && t->n_chunks <= RARE_CHUNKS && n_forms < FORMS_MAX && stem_bytes(t)) {
            n_forms++;
            status = add_forms(r, q, i, c, err);
        }
    }
    return status;
}

static int add_up(struct wf_reader *r, const struct gather *g, struct wf_candidates *c,
                  struct wf_err *err)
{
    uint64_t whole = 0, cut = 0, stop = 0;
    int status = add_whole(r, g, c, &whole, &cut, &stop, err);
    if (status == 0 && cut != 0)
        status = join_frequent(r, g->q, whole, cut, c, err);
    /* nothing better: the beginning of the frequent words' lists; of the grammar's only when the
     * question has nothing else */
    uint64_t rest = c->n_items > 0 ? 0 : cut != 0 ? cut : g->n_meaning == 0 ? stop : 0;
    for (size_t i = 0; status == 0 && i < g->q->n_terms; i++) {
        if (rest >> i & 1)
            status = add_list(c, g, i, err);
    }
    c->is_cut = cut != 0 || rest != 0;
    return status;
}

int wf_candidates_gather(struct wf_reader *r, struct wf_question *q, struct wf_candidates *out,
                         struct wf_err *err)
{
    *out = (struct wf_candidates){.slots = NULL};
    if (q->n_terms == 0)
        return 0;
    struct gather g = {.q = q, .n_meaning = wf_question_n_meaning(q)};
    int64_t first = 0, last = 0;
    for (size_t i = 0; i < q->n_terms; i++) {
        g.lists[i].is_whole = true; /* as long as it is not read, it has no rows */
    }
    int status = chunk_range(r, &first, &last, err);
    if (status == 0 && last > 0) {
        g.n_all = (uint64_t)(last - first + 1);
        status = read_all(r, &g, first, err);
    }
    if (status == 0) {
        wf_question_weigh(q, g.n_all);
        status = add_up(r, &g, out, err);
    }
    wf_free(g.rows);
    return status;
}
