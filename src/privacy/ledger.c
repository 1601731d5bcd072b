/* SPDX-License-Identifier: Apache-2.0 */
/* Appending: one thread writes; callers queue.
 *
 * The thread takes all that waits, gives each entry its place in the chain, writes them with one
 * call and syncs once; then it tells everyone. It writes over zeros that were laid out ahead, which
 * the file system makes durable sooner than a file that grows. While it syncs, the next ones
 * gather, so that the rate of syncs bounds the wait, not the number of entries. Entries that nobody
 * waits for go with the next that somebody does, or soon without. Some time after the first entry
 * that is not signed yet it signs the head.
 *
 * When a write fails, what it wrote is cut off again and the chain is as before: the next may
 * succeed, once there is room. When a sync fails, nobody knows what is on the disk: the ledger is
 * broken until it is opened anew. When signing fails, nothing is appended before it succeeds. */
#include "privacy/ledger.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "os/file.h"
#include "os/thread.h"
#include "privacy/ledger_internal.h"

#define SIGN_MS 500
#define NOTE_NS (WF_LEDGER_NOTE_MS * INT64_C(1000000))
/* Written at once at most: some thousand entries. */
#define BATCH_BYTES ((size_t)1 << 20)

struct waiting {
    struct waiting *next;
    wf_ledger_done_fn done;
    void *ud;
    uint64_t seq;
    size_t n;
    bool is_urgent; /* somebody waits for it */
    char *bytes;    /* owned */
};

struct wf_ledger {
    const struct wf_clock *clock;
    int64_t sign_ns;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* guards the rest of this paragraph; no other is taken with it */
    pthread_cond_t wake;
    struct waiting *first, **end_of_list;
    size_t n_waiting, n_urgent;
    int64_t note_at_ns; /* when the first of those that wait has waited long enough */
    bool is_closing;
    /* the thread's own */
    struct wf_ledger_end end;
    struct wf_buf batch;
    int64_t sign_at_ns;   /* while anything is unsigned */
    struct wf_err broken; /* code 0: it is not */
    bool must_sign;       /* before anything else is appended */
};

/* ---- the thread ---- */

static bool is_unsigned(const struct wf_ledger *l)
{
    return l->end.n_signed < l->end.n_entries;
}

static int sign(struct wf_ledger *l, struct wf_err *err)
{
    int rc = wf_ledger__end_sign(&l->end, wf_clock_wall_ms(l->clock), err);

    l->must_sign = rc != 0;
    l->sign_at_ns = wf_clock_mono_ns(NULL) + l->sign_ns; /* then again */
    return rc;
}

/* Writes and syncs the batch; otherwise the log is as before, or broken. */
static int write_batch(struct wf_ledger *l, struct wf_err *err)
{
    struct wf_err second = WF_ERR_INIT;
    int rc;

    wf_ledger__end_make_room(&l->end, l->batch.len);
    rc = wf_file_write_all(l->end.fd, l->batch.ptr, l->batch.len, err);
    if (rc != 0) {
        wf_err_prefix(err, "The ledger");
        if (wf_ledger__end_cut(&l->end, &second) != 0)
            l->broken = second;
        return rc;
    }
    rc = wf_file_sync_data(l->end.fd, err);
    if (rc != 0) {
        wf_err_prefix(err, "The ledger");
        l->broken = *err;
        (void)!wf_ledger__end_cut(&l->end, NULL); /* nobody was told of it; the error stays */
    }
    return rc;
}

/* Makes the entries of the list durable, all or none. */
static int commit(struct wf_ledger *l, struct waiting *list, struct wf_err *err)
{
    uint64_t seq = l->end.n_entries;
    uint8_t hash[WF_LEDGER_HASH_BYTES];
    bool was_unsigned = is_unsigned(l);
    int rc;

    if (l->broken.code != 0) {
        *err = l->broken;
        return err->code;
    }
    if (l->must_sign && (rc = sign(l, err)) != 0)
        return rc;
    memcpy(hash, l->end.hash, sizeof(hash));
    wf_buf_reset(&l->batch);
    for (struct waiting *w = list; w != NULL; w = w->next) {
        w->seq = ++seq;
        wf_ledger_format_seal((uint8_t *)w->bytes, w->n, seq, l->end.n_bytes, hash);
        (void)wf_buf_append(&l->batch, w->bytes, w->n);
    }
    if (wf_buf_status(&l->batch) != 0)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the ledger.");
    rc = write_batch(l, err);
    if (rc != 0)
        return rc;
    l->end.n_entries = seq;
    l->end.n_bytes += l->batch.len;
    l->end.n_room = WF_MAX(l->end.n_room, l->end.n_bytes);
    memcpy(l->end.hash, hash, sizeof(hash));
    if (!was_unsigned)
        l->sign_at_ns = wf_clock_mono_ns(NULL) + l->sign_ns;
    return 0;
}

static void waiting_free(struct waiting *w)
{
    wf_free(w->bytes);
    wf_free(w);
}

static void commit_and_tell(struct wf_ledger *l, struct waiting *list)
{
    struct wf_err err = WF_ERR_INIT;
    int rc = commit(l, list, &err);

    assert(rc == 0 || err.code != 0);
    while (list != NULL) {
        struct waiting *w = list;
        list = w->next;
        if (w->done != NULL)
            w->done(w->ud, rc == 0 ? w->seq : 0, rc == 0 ? NULL : &err);
        waiting_free(w);
    }
}

/* Whether a batch is to be written now. The lock is held. */
static bool is_due(const struct wf_ledger *l)
{
    return l->n_urgent > 0 || l->is_closing || l->n_waiting >= WF_LIMIT_LEDGER_WAITING / 2 ||
           (l->first != NULL && wf_clock_mono_ns(NULL) >= l->note_at_ns);
}

/* What the thread does next: a list to commit, or the head to sign (both may be, or neither at the
 * end). The lock is held. */
static void wait_for_work(struct wf_ledger *l)
{
    while (!is_due(l)) {
        int64_t at_ns = l->first != NULL ? l->note_at_ns : INT64_MAX;
        struct timespec until;
        if (is_unsigned(l) && wf_clock_mono_ns(NULL) >= l->sign_at_ns)
            return;
        if (is_unsigned(l))
            at_ns = WF_MIN(at_ns, l->sign_at_ns);
        if (at_ns == INT64_MAX) {
            pthread_cond_wait(&l->wake, &l->lock);
            continue;
        }
        until.tv_sec = (time_t)(at_ns / 1000000000);
        until.tv_nsec = (long)(at_ns % 1000000000);
        (void)pthread_cond_timedwait(&l->wake, &l->lock, &until);
    }
}

/* Takes the first of what waits off the queue, as much as one batch holds. The lock is held. */
static struct waiting *take_batch(struct wf_ledger *l)
{
    struct waiting *list = l->first, **end = &l->first;
    size_t n_bytes = 0;

    while (*end != NULL && n_bytes + (*end)->n <= BATCH_BYTES) {
        n_bytes += (*end)->n;
        l->n_waiting--;
        l->n_urgent -= (*end)->is_urgent;
        end = &(*end)->next;
    }
    if (end == &l->first)
        return NULL;
    l->first = *end;
    if (l->first == NULL)
        l->end_of_list = &l->first;
    *end = NULL;
    return list;
}

static void *run(void *ud)
{
    struct wf_ledger *l = ud;
    bool is_closing = false;

    while (!is_closing) {
        struct waiting *list;
        pthread_mutex_lock(&l->lock);
        wait_for_work(l);
        list = is_due(l) ? take_batch(l) : NULL;
        is_closing = l->is_closing && l->first == NULL;
        pthread_mutex_unlock(&l->lock);
        if (list != NULL)
            commit_and_tell(l, list);
        /* A failure is seen by the next append, and tried again then. */
        if (is_unsigned(l) && (is_closing || wf_clock_mono_ns(NULL) >= l->sign_at_ns))
            (void)!sign(l, NULL);
    }
    return NULL;
}

/* ---- callers ---- */

/* Puts one that is made behind those that wait. */
static int queue(struct wf_ledger *l, struct waiting *w, struct wf_err *err)
{
    bool wakes = false;
    int rc = 0;

    pthread_mutex_lock(&l->lock);
    assert(!l->is_closing);
    if (l->n_waiting >= WF_LIMIT_LEDGER_WAITING) {
        rc = wf_err_set(err, WF_E_BUSY, "Too much waits for the ledger's disk. Try again.");
    } else {
        wakes = l->first == NULL || (w->is_urgent && l->n_urgent == 0);
        if (l->first == NULL)
            l->note_at_ns = wf_clock_mono_ns(NULL) + NOTE_NS;
        *l->end_of_list = w;
        l->end_of_list = &w->next;
        l->n_waiting++;
        l->n_urgent += w->is_urgent;
    }
    pthread_mutex_unlock(&l->lock);
    if (wakes)
        pthread_cond_signal(&l->wake);
    return rc;
}

static int post(struct wf_ledger *l, const struct wf_ledger_entry *e, wf_ledger_done_fn done,
                void *ud, struct wf_err *err)
{
    struct wf_ledger_entry stamped = *e;
    struct waiting *w = wf_alloc_array(1, sizeof(*w));
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_LIMIT_LEDGER_ENTRY_BYTES);
    stamped.time_ms = wf_clock_wall_ms(l->clock);
    rc = w == NULL ? wf_err_set(err, WF_E_NOMEM, "Not enough memory for an entry of the ledger.")
                   : wf_ledger_format_write(&stamped, &b, err);
    if (rc == 0) {
        *w = (struct waiting){.done = done, .ud = ud, .is_urgent = done != NULL};
        w->bytes = wf_buf_detach(&b, &w->n);
        if (w->bytes == NULL)
            rc = wf_err_set(err, WF_E_NOMEM, "Not enough memory for an entry of the ledger.");
    }
    wf_buf_deinit(&b);
    if (rc != 0) {
        wf_free(w);
        return rc;
    }
    rc = queue(l, w, err);
    if (rc != 0)
        waiting_free(w);
    return rc;
}

int wf_ledger_post(struct wf_ledger *l, const struct wf_ledger_entry *e, wf_ledger_done_fn done,
                   void *ud, struct wf_err *err)
{
    assert(done != NULL);
    return post(l, e, done, ud, err);
}

int wf_ledger_note(struct wf_ledger *l, const struct wf_ledger_entry *e, struct wf_err *err)
{
    return post(l, e, NULL, NULL, err);
}

struct answer {
    pthread_mutex_t lock; /* guards the others */
    pthread_cond_t told;
    bool is_told;
    uint64_t seq;
    struct wf_err err;
};

static void tell(void *ud, uint64_t seq, const struct wf_err *err)
{
    struct answer *a = ud;

    pthread_mutex_lock(&a->lock);
    a->is_told = true;
    a->seq = seq;
    if (err != NULL)
        a->err = *err;
    pthread_cond_signal(&a->told);
    pthread_mutex_unlock(&a->lock);
}

int wf_ledger_append(struct wf_ledger *l, const struct wf_ledger_entry *e, uint64_t *out_seq,
                     struct wf_err *err)
{
    struct answer a = {.lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER};
    int rc = wf_ledger_post(l, e, tell, &a, err);

    if (rc != 0)
        return rc;
    pthread_mutex_lock(&a.lock);
    while (!a.is_told)
        pthread_cond_wait(&a.told, &a.lock);
    pthread_mutex_unlock(&a.lock);
    pthread_cond_destroy(&a.told);
    pthread_mutex_destroy(&a.lock);
    if (a.err.code != 0)
        return wf_err_set(err, a.err.code, "%s", a.err.msg);
    if (out_seq != NULL)
        *out_seq = a.seq;
    return 0;
}

/* ---- open and close ---- */

/* An entry about what the crash left. */
static int tell_recovery(struct wf_ledger *l, struct wf_err *err)
{
    const struct wf_ledger_entry e = {
        .kind = WF_LEDGER_RECOVERY,
        .label = WF_LABEL_PUBLIC,
        .reason = WF_STR("half written when weft stopped; nobody had been told of it"),
        .bytes = l->end.n_cut};

    return l->end.n_cut > 0 ? wf_ledger_append(l, &e, NULL, err) : 0;
}

int wf_ledger_open(const struct wf_ledger_options *o, struct wf_ledger **out, struct wf_err *err)
{
    struct wf_ledger *l = wf_alloc_array(1, sizeof(*l));
    int rc;

    assert(o->dir != NULL && o->key_path != NULL);
    if (l == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Not enough memory for the ledger.");
    *l = (struct wf_ledger){.clock = o->clock,
                            .sign_ns = (o->sign_ms != 0 ? o->sign_ms : SIGN_MS) * INT64_C(1000000)};
    l->end_of_list = &l->first;
    pthread_mutex_init(&l->lock, NULL);
    wf_cond_init(&l->wake);
    wf_buf_init(&l->batch, BATCH_BYTES);
    rc = wf_ledger__end_open(&l->end, o->dir, o->key_path, wf_clock_wall_ms(l->clock), err);
    if (rc == 0) {
        int failed = pthread_create(&l->thread, NULL, run, l);
        l->has_thread = failed == 0;
        if (failed != 0)
            rc = wf_err_errno(err, failed, "cannot start the ledger's thread");
    }
    if (rc == 0)
        rc = tell_recovery(l, err);
    if (rc != 0) {
        wf_ledger_close(l);
        return rc;
    }
    *out = l;
    return 0;
}

void wf_ledger_close(struct wf_ledger *l)
{
    if (l == NULL)
        return;
    pthread_mutex_lock(&l->lock);
    l->is_closing = true;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->lock);
    if (l->has_thread)
        (void)pthread_join(l->thread, NULL);
    assert(l->first == NULL);
    wf_ledger__end_close(&l->end);
    wf_buf_deinit(&l->batch);
    pthread_cond_destroy(&l->wake);
    pthread_mutex_destroy(&l->lock);
    wf_free(l);
}
