/* SPDX-License-Identifier: Apache-2.0 */
/* Updates without a document: merged, cut, converted. The structs of all updates are walked side by
 * side by falling client and rising clock; what one has said is left out of the others, and where
 * none says anything about a stretch of clocks a gap (Skip) is written. As in Yjs neighbours are
 * not joined, but for collected ones. */
#include "base/alloc.h"
#include "base/limits.h"
#include "crdt/update_internal.h"

/* ---- a writer that learns the number of structs of a section only at its end ---- */

struct lazy {
    struct wf_crdt *d;
    struct wf_crdt_out o;
    struct wf_crdt_columns cols;
    struct wf_buf body;     /* of the section */
    struct wf_buf sections; /* with their counts */
    uint64_t n_sections, n_written;
    uint32_t client;
    bool v2;
};

static void lazy_init(struct lazy *l, struct wf_crdt *d, enum wf_crdt_format format)
{
    *l = (struct lazy){.d = d, .v2 = format == WF_CRDT_V2};
    wf_buf_init(&l->body, WF_LIMIT_CRDT_BYTES);
    wf_buf_init(&l->sections, WF_LIMIT_CRDT_BYTES);
    wf_crdt__out_init(&l->o, d, &l->body, l->v2 ? &l->cols : NULL);
}

static void lazy_flush(struct lazy *l)
{
    if (l->n_written == 0)
        return;
    wf_lib0_append_uint(&l->sections, l->n_written);
    (void)wf_buf_append_str(&l->sections, wf_buf_str(&l->body));
    if (wf_buf_status(&l->body) != 0)
        l->o.rc = wf_buf_status(&l->body);
    wf_buf_reset(&l->body);
    l->n_written = 0;
    l->n_sections++;
}

static void lazy_put(struct lazy *l, const struct wf_crdt_item *it, uint32_t offset)
{
    if (l->n_written > 0 && l->client != it->client)
        lazy_flush(l);
    if (l->n_written++ == 0) {
        l->client = it->client;
        wf_crdt__out_client(&l->o, l->d->clients[it->client].id);
        wf_crdt__out_uint(&l->o, it->clock + offset);
    }
    wf_crdt__out_struct(&l->o, it, offset);
}

/* Counts, sections and deletes into `out`; frees all. */
static int lazy_finish(struct lazy *l, const struct wf_crdt_ranges *deletes, struct wf_buf *out)
{
    int rc, rc2;

    lazy_flush(l);
    wf_lib0_append_uint(&l->body, l->n_sections);
    (void)wf_buf_append_str(&l->body, wf_buf_str(&l->sections));
    rc = wf_buf_status(&l->sections);
    if (rc == 0)
        rc = wf_crdt__out_deletes(&l->o, deletes);
    if (rc == 0 && !l->v2)
        rc = wf_buf_append_str(out, wf_buf_str(&l->body));
    rc2 = wf_crdt__out_finish(&l->o, out);
    wf_buf_deinit(&l->body);
    wf_buf_deinit(&l->sections);
    return rc != 0 ? rc : rc2;
}

/* ---- merging ---- */

struct source {
    struct wf_crdt_parsed p;
    size_t at;
};

struct merging {
    struct wf_crdt *d;
    struct source *sources;
    uint32_t *live; /* sources with structs left, the one that is on turn first */
    size_t n_live;
    struct lazy out;
    struct wf_crdt_item *write; /* held back: what follows may change it */
    struct wf_crdt_item gap;
};

/* The struct a source is at, gaps left out; NULL at its end. */
static struct wf_crdt_item *current(struct merging *m, struct source *s)
{
    for (; s->at < s->p.n_structs; s->at++) {
        struct wf_crdt_item *it = wf_crdt__item(m->d, s->p.structs[s->at]);
        if (it->kind != WF_CRDT_SKIP)
            return it;
    }
    return NULL;
}

static bool before(const struct merging *m, const struct wf_crdt_item *a,
                   const struct wf_crdt_item *b)
{
    if (a->client != b->client)
        return m->d->clients[a->client].id > m->d->clients[b->client].id;
    return a->clock < b->clock;
}

/* Puts the first source where it belongs now, before those that are equal. */
static void reorder(struct merging *m)
{
    struct wf_crdt_item *it;
    uint32_t first;
    size_t lo = 1, hi;

    if (m->n_live == 0)
        return;
    first = m->live[0];
    it = current(m, &m->sources[first]);
    if (it == NULL) {
        m->n_live--;
        memmove(m->live, m->live + 1, m->n_live * sizeof(*m->live));
        return;
    }
    for (hi = m->n_live; lo < hi;) {
        size_t mid = lo + (hi - lo) / 2;
        if (before(m, current(m, &m->sources[m->live[mid]]), it))
            lo = mid + 1;
        else
            hi = mid;
    }
    memmove(m->live, m->live + 1, (lo - 1) * sizeof(*m->live));
    m->live[lo - 1] = first;
}

/* Cuts the first units of a struct off. */
static int slice(struct merging *m, struct wf_crdt_item *it, uint32_t n)
{
    struct wf_crdt_item rest;

    if (it->kind != WF_CRDT_GC) {
        if (wf_crdt__content_own(m->d, it) != 0)
            return WF_E_NOMEM;
        rest = *it;
        if (wf_crdt__content_split(m->d, it, &rest, n) != 0)
            return WF_E_NOMEM;
        it->data = rest.data;
        it->bytes = rest.bytes;
        it->o_client = it->client;
        it->o_clock = it->clock + n - 1;
    }
    it->clock += n;
    it->len -= n;
    return 0;
}

static uint32_t end_of(const struct wf_crdt_item *it)
{
    return it->clock + it->len;
}

/* The struct that comes after m->write, of the same client: written behind it, or into it. */
static int follow(struct merging *m, struct source *s, struct wf_crdt_item *it)
{
    if (end_of(m->write) < it->clock) {
        lazy_put(&m->out, m->write, 0);
        m->gap = (struct wf_crdt_item){.kind = WF_CRDT_SKIP,
                                       .client = it->client,
                                       .clock = end_of(m->write),
                                       .len = it->clock - end_of(m->write)};
        m->write = &m->gap;
        return 0;
    }
    if (end_of(m->write) > it->clock && slice(m, it, end_of(m->write) - it->clock) != 0)
        return WF_E_NOMEM;
    if (m->write->kind == WF_CRDT_GC && it->kind == WF_CRDT_GC) {
        m->write->len += it->len;
        return 0;
    }
    lazy_put(&m->out, m->write, 0);
    m->write = it;
    s->at++;
    return 0;
}

/* One step with the source that is on turn. */
static int step(struct merging *m)
{
    struct source *s = &m->sources[m->live[0]];
    struct wf_crdt_item *it = current(m, s), *next;
    uint32_t client = it->client;
    bool moved = false;

    if (m->write == NULL) {
        m->write = it;
        s->at++;
    } else {
        while (it != NULL && end_of(it) <= end_of(m->write) &&
               m->d->clients[it->client].id >= m->d->clients[m->write->client].id) {
            s->at++;
            it = current(m, s);
            moved = true;
        }
        if (it == NULL || it->client != client || (moved && it->clock > end_of(m->write)))
            return 0;
        if (client != m->write->client) {
            lazy_put(&m->out, m->write, 0);
            m->write = it;
            s->at++;
        } else if (follow(m, s, it) != 0) {
            return WF_E_NOMEM;
        }
    }
    while ((next = current(m, s)) != NULL && next->client == client &&
           next->clock == end_of(m->write)) {
        /* A gap in the source itself ends the run, as it ends Yjs's. */
        lazy_put(&m->out, m->write, 0);
        m->write = next;
        s->at++;
    }
    return 0;
}

static int merge_all(struct merging *m, size_t n, struct wf_crdt_ranges *deletes)
{
    int rc = 0;

    for (size_t i = n; i-- > 0;) { /* from the last, so that equal ones keep their order */
        memmove(m->live + 1, m->live, m->n_live * sizeof(*m->live));
        m->live[0] = (uint32_t)i;
        m->n_live++;
        reorder(m);
    }
    while (rc == 0 && m->n_live > 0) {
        rc = step(m);
        reorder(m);
    }
    if (rc == 0 && m->write != NULL)
        lazy_put(&m->out, m->write, 0);
    for (size_t i = 0; i < n && rc == 0; i++) {
        for (size_t k = 0; k < m->sources[i].p.deletes.n && rc == 0; k++) {
            const struct wf_crdt_range *r = &m->sources[i].p.deletes.at[k];
            rc = wf_crdt__ranges_add(deletes, r->client, r->clock, r->len);
        }
    }
    wf_crdt__ranges_sort(m->d, deletes);
    return rc;
}

int wf_crdt_merge(const struct wf_str *updates, size_t n, enum wf_crdt_format format,
                  struct wf_buf *out)
{
    struct merging m = {0};
    struct wf_crdt_ranges deletes = {0};
    int rc, rc2;

    if (n == 1)
        return wf_buf_append_str(out, updates[0]);
    rc = wf_crdt_new(NULL, &m.d);
    if (rc != 0)
        return rc;
    m.sources = wf_alloc_array(n + 1, sizeof(*m.sources));
    m.live = wf_alloc_array(n + 1, sizeof(*m.live));
    if (m.sources == NULL || m.live == NULL)
        rc = WF_E_NOMEM;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = wf_crdt__parse(m.d, updates[i], format, true, &m.sources[i].p, NULL);
    if (rc == 0) {
        lazy_init(&m.out, m.d, format);
        rc = merge_all(&m, n, &deletes);
        rc2 = lazy_finish(&m.out, &deletes, out);
        rc = rc != 0 ? rc : rc2;
    }
    for (size_t i = 0; i < n && m.sources != NULL; i++)
        wf_crdt__parsed_deinit(m.d, &m.sources[i].p);
    wf_free(deletes.at);
    wf_free(m.sources);
    wf_free(m.live);
    wf_crdt_free(m.d);
    return rc;
}

/* ---- cutting and converting ---- */

/* What of the structs a copy that knows so much lacks. */
static void put_unknown(struct wf_crdt *d, const struct wf_crdt_parsed *p, const uint32_t *known,
                        struct lazy *out)
{
    for (size_t i = 0; i < p->n_structs;) {
        const struct wf_crdt_item *it = wf_crdt__item(d, p->structs[i]);
        uint32_t client = it->client, clock = known[client];
        if (it->kind == WF_CRDT_SKIP) { /* the first written is no gap */
            i++;
        } else if (end_of(it) > clock) {
            lazy_put(out, it, clock > it->clock ? clock - it->clock : 0);
            for (i++; i < p->n_structs; i++) {
                it = wf_crdt__item(d, p->structs[i]);
                if (it->client != client)
                    break;
                lazy_put(out, it, 0);
            }
        } else {
            for (; i < p->n_structs; i++) {
                it = wf_crdt__item(d, p->structs[i]);
                if (it->client != client || end_of(it) > clock)
                    break;
            }
        }
    }
}

/* Parses in a document of its own and writes what `vector` lacks; NULL = all of it, gaps too. */
static int rewrite(struct wf_str update, const struct wf_str *vector, enum wf_crdt_format from,
                   enum wf_crdt_format to, struct wf_buf *out)
{
    struct wf_crdt_ranges known = {0};
    struct wf_crdt_parsed p = {0};
    struct wf_crdt *d = NULL;
    uint32_t *clocks = NULL;
    struct lazy l;
    int rc = wf_crdt_new(NULL, &d);

    if (rc != 0)
        return rc;
    rc = wf_crdt__parse(d, update, from, true, &p, NULL);
    if (rc == 0 && vector != NULL)
        rc = wf_crdt__parse_vector(d, *vector, &known);
    if (rc == 0) {
        clocks = wf_alloc_array(d->n_clients + 1, sizeof(*clocks));
        rc = clocks == NULL ? WF_E_NOMEM : 0;
    }
    if (rc == 0) {
        for (size_t i = 0; i < known.n; i++)
            clocks[known.at[i].client] = known.at[i].clock;
        lazy_init(&l, d, to);
        if (vector != NULL)
            put_unknown(d, &p, clocks, &l);
        for (size_t i = 0; i < p.n_structs && vector == NULL; i++)
            lazy_put(&l, wf_crdt__item(d, p.structs[i]), 0);
        wf_crdt__ranges_sort(d, &p.deletes);
        rc = lazy_finish(&l, &p.deletes, out);
    }
    wf_crdt__parsed_deinit(d, &p);
    wf_free(clocks);
    wf_free(known.at);
    wf_crdt_free(d);
    return rc;
}

int wf_crdt_diff(struct wf_str update, struct wf_str state_vector, enum wf_crdt_format format,
                 struct wf_buf *out)
{
    return rewrite(update, &state_vector, format, format, out);
}

int wf_crdt_convert(struct wf_str update, enum wf_crdt_format from, enum wf_crdt_format to,
                    struct wf_buf *out)
{
    return rewrite(update, NULL, from, to, out);
}

/* ---- state vector ---- */

static void vector_of(struct wf_crdt *d, const struct wf_crdt_parsed *p, struct wf_buf *body,
                      uint64_t *out_n)
{
    for (size_t i = 0; i < p->n_structs;) {
        uint32_t client = wf_crdt__item(d, p->structs[i])->client, end = 0;
        bool counts = wf_crdt__item(d, p->structs[i])->clock == 0;
        for (; i < p->n_structs; i++) {
            const struct wf_crdt_item *it = wf_crdt__item(d, p->structs[i]);
            if (it->client != client)
                break;
            counts = counts && it->kind != WF_CRDT_SKIP;
            if (counts)
                end = end_of(it);
        }
        if (end == 0)
            continue;
        wf_lib0_append_uint(body, d->clients[client].id);
        wf_lib0_append_uint(body, end);
        ++*out_n;
    }
}

int wf_crdt_update_vector(struct wf_str update, enum wf_crdt_format format, struct wf_buf *out)
{
    struct wf_crdt_parsed p = {0};
    struct wf_crdt *d = NULL;
    struct wf_buf body;
    uint64_t n = 0;
    int rc = wf_crdt_new(NULL, &d);

    if (rc != 0)
        return rc;
    wf_buf_init(&body, WF_LIMIT_CRDT_BYTES);
    rc = wf_crdt__parse(d, update, format, true, &p, NULL);
    if (rc == 0) {
        vector_of(d, &p, &body, &n);
        rc = wf_buf_status(&body);
    }
    if (rc == 0) {
        wf_lib0_append_uint(out, n);
        rc = wf_buf_append_str(out, wf_buf_str(&body));
    }
    wf_crdt__parsed_deinit(d, &p);
    wf_buf_deinit(&body);
    wf_crdt_free(d);
    return rc;
}
