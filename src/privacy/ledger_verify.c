/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier: believes nothing but the public key. It shares the format with the writer, not its
 * ways; a change of any byte is found: within an entry by its hash, of a whole entry by the chain,
 * of the chain by the signature. */
#include "privacy/ledger_read.h"

#include <string.h>

#include "base/buf.h"

struct walk {
    struct wf_ledger_reader *log;
    struct wf_ledger_head head;
    const struct wf_ledger_noted *noted;
    struct wf_ledger_report *out;
    uint64_t durable; /* the last entry's word for what was durable */
    bool has_signed;  /* the walk came by the place that was signed */
    bool has_noted;
};

/* The number of the entry that the walk is at. */
static unsigned long long number(const struct walk *w)
{
    return w->out->n_entries + 1;
}

/* Where the signature says that the log ended. */
static int at_signed(struct walk *w, struct wf_err *err)
{
    w->has_signed = true;
    if (w->out->n_entries != w->head.n_entries ||
        memcmp(w->out->hash, w->head.hash, sizeof(w->head.hash)) != 0)
        return wf_err_set(err, WF_E_CORRUPT,
                          "What was signed as entry %llu is not the entry that is there.",
                          (unsigned long long)w->head.n_entries);
    w->out->n_signed = w->head.n_entries;
    return 0;
}

static int one(struct walk *w, uint64_t at, const struct wf_ledger_read *r, struct wf_err *err)
{
    const struct wf_ledger_entry *e = &r->entry;

    if (e->seq != w->out->n_entries + 1)
        return wf_err_set(err, WF_E_CORRUPT,
                          "Entry %llu is another one: entries were removed, added or moved.",
                          number(w));
    if (memcmp(e->prev, w->out->hash, sizeof(e->prev)) != 0)
        return wf_err_set(err, WF_E_CORRUPT, "Entry %llu does not follow the one before it.",
                          number(w));
    if (r->durable_bytes > at || r->durable_bytes < w->durable)
        return wf_err_set(err, WF_E_CORRUPT, "Entry %llu was not written at its place.", number(w));
    w->durable = r->durable_bytes;
    w->out->n_entries++;
    memcpy(w->out->hash, e->hash, sizeof(e->hash));
    if (w->noted != NULL && w->noted->seq == e->seq) {
        w->has_noted = true;
        if (memcmp(w->noted->hash, e->hash, sizeof(e->hash)) != 0)
            return wf_err_set(err, WF_E_CORRUPT, "Entry %llu is not the one that was noted.",
                              (unsigned long long)e->seq);
    }
    return 0;
}

/* The walk came to what is no entry: room, or what a writer is writing now, ends it. */
static int no_entry(struct walk *w, uint64_t at, struct wf_err *err)
{
    if (at < w->head.n_bytes)
        return wf_err_set(err, WF_E_CORRUPT, "Entry %llu was changed.", number(w));
    if (wf_ledger__is_room(w->log) || wf_ledger__is_live(w->log))
        return 0;
    w->out->n_unfinished = wf_ledger__place(w->log).n_bytes - at;
    return wf_err_set(
        err, WF_E_CORRUPT,
        "The %llu bytes behind entry %llu are no entry: weft stopped while writing, or "
        "they were changed or added.",
        (unsigned long long)w->out->n_unfinished, (unsigned long long)w->out->n_entries);
}

static int walk_all(struct walk *w, struct wf_err *err)
{
    const struct wf_ledger_read *r;
    int rc = 1;

    memcpy(w->out->hash, wf_ledger__place(w->log).first_hash, sizeof(w->out->hash));
    while (rc == 1) {
        uint64_t at = wf_ledger__place(w->log).at;
        if (at == w->head.n_bytes && at_signed(w, err) != 0)
            return WF_E_CORRUPT;
        rc = wf_ledger__next(w->log, &r, NULL);
        if (rc < 0 && (rc = no_entry(w, at, err)) != 0)
            return rc;
        if (rc == 1 && one(w, at, r, err) != 0)
            return WF_E_CORRUPT;
    }
    if (!w->has_signed)
        return wf_err_set(
            err, WF_E_CORRUPT, "Entries are missing at the end: %llu were signed, %llu are there.",
            (unsigned long long)w->head.n_entries, (unsigned long long)w->out->n_entries);
    if (w->noted != NULL && !w->has_noted)
        return wf_err_set(err, WF_E_CORRUPT, "The noted entry %llu is not there.",
                          (unsigned long long)w->noted->seq);
    return 0;
}

int wf_ledger_verify(const char *dir, const struct wf_ledger_noted *noted,
                     struct wf_ledger_report *out, struct wf_err *err)
{
    struct walk w = {.noted = noted, .out = out};
    int rc;

    memset(out, 0, sizeof(*out));
    rc = wf_ledger__is_there(dir, err);
    if (rc == 0)
        rc = wf_ledger__read_head(dir, &w.head, err);
    if (rc == 0)
        rc = wf_ledger__open_log(dir, &w.log, err);
    if (rc != 0)
        return rc;
    out->signed_ms = w.head.time_ms;
    memcpy(out->key, w.head.key, sizeof(out->key));
    rc = walk_all(&w, err);
    wf_ledger_reader_free(w.log);
    return rc;
}
