/* SPDX-License-Identifier: Apache-2.0 */
/* ledger: what left this machine: a page of entries, newest first, and sums of the last week by
 * engine and label. One walk backwards gives both. */
#include "op/ledger.h"

#include <string.h>

#include "base/alloc.h"
#include "op/op_internal.h"
#include "privacy/ledger_read.h"

#define WEEK_MS (INT64_C(7) * 24 * 60 * 60 * 1000)
#define SUMS_MAX 256 /* engines times labels */
#define LIMIT_MAX 1000
#define LIMIT_DEFAULT 50

struct sum {
    char *engine; /* owned */
    enum wf_label label;
    uint64_t requests, refusals, released, flagged, sent, received, tokens_in, tokens_out, cost;
    json_t *redactions;
};

struct page {
    int64_t since_ms;
    uint64_t before; /* 0: from the end */
    size_t limit, n_seen;
    json_t *entries; /* newest first */
    uint64_t last;   /* the oldest of them */
    struct sum sums[SUMS_MAX];
    size_t n_sums;
    bool is_complete;
};

static struct sum *sum_of(struct page *p, const struct wf_ledger_entry *e)
{
    struct sum *s;

    for (size_t i = 0; i < p->n_sums; i++)
        if (p->sums[i].label == e->label && wf_str_eq(wf_str_from(p->sums[i].engine), e->engine))
            return &p->sums[i];
    if (p->n_sums == SUMS_MAX)
        return NULL;
    s = &p->sums[p->n_sums];
    *s = (struct sum){.label = e->label, .redactions = json_object()};
    s->engine = wf_memdup0(e->engine.ptr, e->engine.len);
    if (s->engine == NULL || s->redactions == NULL) {
        wf_free(s->engine);
        json_decref(s->redactions);
        return NULL;
    }
    p->n_sums++;
    return s;
}

static void add_redactions(struct sum *s, const struct wf_ledger_entry *e)
{
    for (size_t i = 0; i < e->n_counts; i++) {
        const struct wf_ledger_count *c = &e->counts[i];
        json_int_t n =
            json_integer_value(json_object_getn(s->redactions, c->type.ptr, c->type.len));
        (void)json_object_setn_new(s->redactions, c->type.ptr, c->type.len, json_integer(n + c->n));
    }
}

static void add(struct page *p, const struct wf_ledger_entry *e)
{
    struct sum *s;

    if (e->kind != WF_LEDGER_REQUEST && e->kind != WF_LEDGER_COMPLETION &&
        e->kind != WF_LEDGER_REFUSAL)
        return;
    s = sum_of(p, e);
    if (s == NULL) {
        p->is_complete = false;
        return;
    }
    if (e->kind == WF_LEDGER_REFUSAL) {
        s->refusals++;
    } else if (e->kind == WF_LEDGER_REQUEST) {
        s->requests++;
        s->released += e->is_released;
        s->sent += e->bytes;
        add_redactions(s, e);
    } else {
        s->flagged += e->n_counts > 0;
        s->received += e->bytes;
        s->tokens_in += e->tokens_in;
        s->tokens_out += e->tokens_out;
        s->cost += e->cost_micro;
    }
}

static json_t *sums_json(const struct page *p)
{
    json_t *list = json_array();

    for (size_t i = 0; i < p->n_sums; i++) {
        const struct sum *s = &p->sums[i];
        json_t *v =
            json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "engine",
                      s->engine, "label", wf_label_name(s->label), "requests",
                      (json_int_t)s->requests, "refusals", (json_int_t)s->refusals, "released",
                      (json_int_t)s->released, "flagged", (json_int_t)s->flagged, "bytes_sent",
                      (json_int_t)s->sent, "bytes_received", (json_int_t)s->received, "tokens_in",
                      (json_int_t)s->tokens_in, "tokens_out", (json_int_t)s->tokens_out,
                      "cost_micro", (json_int_t)s->cost, "redactions", s->redactions);
        if (v == NULL || json_array_append_new(list, v) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* Goes back until the page is full and the week is over. */
static int walk(struct page *p, struct wf_ledger_reader *r, struct wf_err *err)
{
    const struct wf_ledger_entry *e;
    int rc;

    wf_ledger_reader_to_end(r);
    while ((rc = wf_ledger_reader_back(r, &e, err)) == 1) {
        bool is_full = json_array_size(p->entries) >= p->limit;
        if (e->time_ms >= p->since_ms)
            add(p, e);
        else if (is_full)
            return 0;
        if (!is_full && (p->before == 0 || e->seq < p->before)) {
            if (json_array_append_new(p->entries, wf_ledger_entry_json(e)) != 0)
                return wf_op__no_memory(err);
            p->last = e->seq;
        }
        if (++p->n_seen >= WF_LIMIT_LEDGER_SUMMED) {
            p->is_complete = false;
            return 0;
        }
    }
    return rc;
}

static json_t *signed_json(const struct wf_ledger_reader *r)
{
    const struct wf_ledger_head *h;
    char hash[2 * WF_LEDGER_HASH_BYTES + 1];

    if (r == NULL)
        return json_null();
    h = wf_ledger_reader_head(r);
    for (size_t i = 0; i < sizeof(h->hash); i++) {
        hash[2 * i] = "0123456789abcdef"[h->hash[i] >> 4];
        hash[2 * i + 1] = "0123456789abcdef"[h->hash[i] & 15];
    }
    hash[sizeof(hash) - 1] = '\0';
    return json_pack("{s:I, s:I, s:s}", "entries", (json_int_t)h->n_entries, "time",
                     (json_int_t)h->time_ms, "hash", hash);
}

int wf_op_ledger_json(const char *dir, const struct wf_op_ledger_page *o, json_t **out,
                      struct wf_err *err)
{
    struct page *p = wf_alloc_array(1, sizeof(*p));
    struct wf_ledger_reader *r = NULL;
    int rc = 0;

    if (p == NULL)
        return wf_op__no_memory(err);
    *p = (struct page){.since_ms = o->now_ms - WEEK_MS,
                       .before = o->before,
                       .limit = o->limit,
                       .entries = json_array(),
                       .is_complete = true};
    rc = wf_ledger_reader_open(dir, &r, err);
    if (rc == 0)
        rc = walk(p, r, err);
    else if (rc == WF_E_NOENT)
        rc = 0; /* nothing has left yet */
    if (rc == 0)
        rc = wf_op__give(json_pack("{s:O, s:o, s:I, s:o, s:b, s:o}", "entries", p->entries, "next",
                                   p->last > 1 ? json_integer((json_int_t)p->last) : json_null(),
                                   "since", (json_int_t)p->since_ms, "week", sums_json(p),
                                   "complete", (int)p->is_complete, "signed", signed_json(r)),
                         out, err);
    for (size_t i = 0; i < p->n_sums; i++) {
        wf_free(p->sums[i].engine);
        json_decref(p->sums[i].redactions);
    }
    json_decref(p->entries);
    wf_ledger_reader_free(r);
    wf_free(p);
    return rc;
}

int wf_op__ledger(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                  struct wf_err *err)
{
    struct wf_op_ledger_page o = {.now_ms = wf_clock_wall_ms(ctx->clock)};
    int64_t limit = 0, before = 0;
    int rc = wf_param_int(call->params, "limit",
                          (struct wf_param_range){1, LIMIT_MAX, LIMIT_DEFAULT}, &limit, err);

    if (rc == 0)
        rc = wf_param_int(call->params, "before", (struct wf_param_range){0, INT64_MAX, 0}, &before,
                          err);
    if (rc != 0)
        return rc;
    if (ctx->ledger == NULL)
        return wf_err_set(err, WF_E_INVAL, "\"ledger\" needs a home.");
    o.limit = (size_t)limit;
    o.before = (uint64_t)before;
    return wf_op_ledger_json(ctx->ledger, &o, out_result, err);
}
