/* SPDX-License-Identifier: Apache-2.0 */
/* Implements ledgered.h. */
#include "support/ledgered.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"

int ledgered_make_in(struct ledgered *l, const char *parent)
{
    snprintf(l->dir, sizeof(l->dir), "%s/weft-ledger-XXXXXX", parent);
    if (!mkdtemp(l->dir))
        return -1;
    snprintf(l->ledger, sizeof(l->ledger), "%s/ledger", l->dir);
    snprintf(l->key, sizeof(l->key), "%s/own/key", l->dir);
    snprintf(l->log, sizeof(l->log), "%s/log", l->ledger);
    snprintf(l->head, sizeof(l->head), "%s/head", l->ledger);
    snprintf(l->pub, sizeof(l->pub), "%s/key.pub", l->ledger);
    return 0;
}

/* What counts in tests is the order of writes and syncs, not their time. */
int ledgered_make(struct ledgered *l)
{
    return ledgered_make_in(l, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void ledgered_remove(struct ledgered *l)
{
    (void)nftw(l->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int ledgered_open(struct ledgered *l, uint32_t sign_ms, struct wf_ledger **out, struct wf_err *err)
{
    const struct wf_ledger_options o = {.dir = l->ledger, .key_path = l->key, .sign_ms = sign_ms};

    return wf_ledger_open(&o, out, err);
}

static struct wf_str words(char out[64], const struct wf_rng *rng)
{
    static const char *const parts[] = {"a", "B\xc3\xa4r", "\xe2\x82\xac", "gpt-5", " ", "/", "\n"};
    size_t n = 0;

    for (uint64_t i = wf_rng_below(rng, 9); i > 0; i--) {
        const char *part = parts[wf_rng_below(rng, WF_ARRAY_LEN(parts))];
        memcpy(out + n, part, strlen(part));
        n += strlen(part);
    }
    return wf_str_n(out, n);
}

void ledgered_entry(struct ledgered_entry *m, uint64_t number)
{
    struct wf_rng_seeded seeded;
    const struct wf_rng *r = &seeded.rng;
    struct wf_ledger_entry *e = &m->e;

    wf_rng_seeded_init(&seeded, number);
    memset(m, 0, sizeof(*m));
    e->kind = (enum wf_ledger_kind)(1 + wf_rng_below(r, WF_LEDGER_KIND_END - 1));
    e->label = (enum wf_label)wf_rng_below(r, WF_LABEL_COUNT);
    e->request_seq = e->kind == WF_LEDGER_COMPLETION ? wf_rng_u64(r) : 0;
    if (e->kind == WF_LEDGER_GIVEN || e->kind == WF_LEDGER_GIVEN_ALL)
        memset(e->sealed, (int)(number & 0xff), sizeof(e->sealed));
    e->request_id = words(m->texts[0], r);
    e->engine = words(m->texts[1], r);
    e->to = words(m->texts[2], r);
    e->model = words(m->texts[3], r);
    e->reason = words(m->texts[4], r);
    e->is_released = e->label < WF_LABEL_SECRET && wf_rng_below(r, 3) == 0;
    if (e->is_released) {
        e->release = (struct wf_release){.who = words(m->texts[5], r),
                                         .reason = words(m->texts[6], r),
                                         .when_ms = (int64_t)wf_rng_below(r, INT64_MAX),
                                         .engine = e->engine,
                                         .from = e->label + 1,
                                         .to = e->label};
        r->fill(r->ud, e->release.what, sizeof(e->release.what));
    }
    e->counts = m->counts;
    e->n_counts = (size_t)wf_rng_below(r, LEDGERED_COUNTS + 1);
    for (size_t i = 0; i < e->n_counts; i++) {
        int n = snprintf(m->types[i], sizeof(m->types[i]), "%c_%zu", (char)('A' + (i * 7) % 26), i);
        m->counts[i].type = wf_str_n(m->types[i], (size_t)n);
        m->counts[i].n = 1 + (uint32_t)wf_rng_below(r, UINT32_MAX);
    }
    e->bytes = wf_rng_u64(r);
    e->tokens_in = wf_rng_below(r, 1u << 20);
    e->tokens_out = wf_rng_below(r, 1u << 20);
    e->cost_micro = wf_rng_below(r, 1u << 30);
    e->status = (uint32_t)wf_rng_below(r, 600);
}

static bool same_counts(const struct wf_ledger_entry *a, const struct wf_ledger_entry *b)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n_counts; i++)
        for (size_t k = 0; k < b->n_counts; k++)
            n +=
                wf_str_eq(a->counts[i].type, b->counts[k].type) && a->counts[i].n == b->counts[k].n;
    return n == a->n_counts && n == b->n_counts;
}

static bool same_release(const struct wf_release *a, const struct wf_release *b)
{
    return wf_str_eq(a->who, b->who) && wf_str_eq(a->reason, b->reason) &&
           wf_str_eq(a->engine, b->engine) && a->when_ms == b->when_ms && a->from == b->from &&
           a->to == b->to && memcmp(a->what, b->what, sizeof(a->what)) == 0;
}

bool ledgered_same(const struct wf_ledger_entry *a, const struct wf_ledger_entry *b)
{
    return memcmp(a->sealed, b->sealed, sizeof(a->sealed)) == 0 && a->kind == b->kind &&
           a->label == b->label && a->request_seq == b->request_seq &&
           wf_str_eq(a->request_id, b->request_id) && wf_str_eq(a->engine, b->engine) &&
           wf_str_eq(a->to, b->to) && wf_str_eq(a->model, b->model) &&
           wf_str_eq(a->reason, b->reason) && a->is_released == b->is_released &&
           (!a->is_released || same_release(&a->release, &b->release)) && same_counts(a, b) &&
           a->bytes == b->bytes && a->tokens_in == b->tokens_in && a->tokens_out == b->tokens_out &&
           a->cost_micro == b->cost_micro && a->status == b->status;
}
