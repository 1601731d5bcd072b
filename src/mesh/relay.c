/* SPDX-License-Identifier: Apache-2.0 */
/* What a relay keeps: passes, letters, and how much. */
#include "mesh/relay.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "mesh/relay_internal.h"

int wf_relay__no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Not enough memory to keep what others wrote.");
}

static struct wf_str key_of(const void *p, size_t n)
{
    return wf_str_n(p, n);
}

/* ---- passes ---- */

static struct wf_relay_stream *find_stream(const struct wf_relay *r,
                                           const uint8_t stream[WF_STREAM_ID_BYTES])
{
    const union wf_map_value *v = wf_map_get(&r->by_stream, key_of(stream, WF_STREAM_ID_BYTES));

    return v == NULL ? NULL : &r->streams[v->u64];
}

/* Holds to a pass, which is copied. */
static int hold(struct wf_relay *r, const struct wf_pass *p, struct wf_err *err)
{
    struct wf_relay_stream *t = find_stream(r, p->stream);
    char *copy = wf_alloc(p->bytes.len);
    union wf_map_value *v;

    if (copy == NULL)
        return wf_relay__no_memory(err);
    memcpy(copy, p->bytes.ptr, p->bytes.len);
    if (t == NULL) {
        if (r->n_streams == WF_LIMIT_RELAY_STREAMS) {
            wf_free(copy);
            return wf_err_set(err, WF_E_LIMIT, "This relay keeps no more than %u streams.",
                              WF_LIMIT_RELAY_STREAMS);
        }
        if (wf_reserve(&r->streams, &r->cap_streams, r->n_streams + 1, sizeof(*t)) != 0 ||
            (v = wf_map_put(&r->by_stream, key_of(p->stream, sizeof(p->stream)), NULL)) == NULL) {
            wf_free(copy);
            return wf_relay__no_memory(err);
        }
        v->u64 = r->n_streams;
        t = &r->streams[r->n_streams++];
        *t = (struct wf_relay_stream){.n_logs = 0};
        for (size_t i = 0; i < r->n_logs; i++)
            t->n_logs += memcmp(r->logs[i].name.stream, p->stream, sizeof(p->stream)) == 0;
    }
    wf_free((void *)(uintptr_t)t->pass.bytes.ptr);
    return wf_pass_read(wf_str_n(copy, p->bytes.len), &t->pass, err);
}

static int take_row(void *ud, struct wf_str bytes, struct wf_err *err)
{
    struct wf_pass p;
    int rc = wf_pass_read(bytes, &p, err);

    return rc == 0 ? hold(ud, &p, err) : rc;
}

static int put_pass(struct wf_relay *r, const struct wf_pass *p, struct wf_err *err)
{
    int rc = wf_store_write_begin(r->o.store, err);

    if (rc != 0)
        return rc;
    rc = wf_relay_pass_put(r->o.store, p, err);
    if (rc == 0)
        return wf_store_write_commit(r->o.store, err);
    wf_store_write_rollback(r->o.store);
    return rc;
}

int wf_relay_take_pass(struct wf_relay *r, struct wf_str bytes,
                       bool (*counts)(void *ud, const uint8_t device[WF_SIGNER_ID_BYTES]), void *ud,
                       bool *out_news, struct wf_err *err)
{
    const struct wf_relay_stream *t;
    struct wf_pass p;
    int rc = wf_pass_read(bytes, &p, err);

    *out_news = false;
    if (rc != 0)
        return rc;
    t = find_stream(r, p.stream);
    if (t != NULL && !wf_pass_prefers_second(&t->pass, &p))
        return 0;
    if (!counts(ud, p.device) || !wf_pass_is_signed(&p))
        return wf_err_set(err, WF_E_DENIED,
                          "A pass for a stream is not signed by one of the "
                          "owner's devices that has it.");
    rc = put_pass(r, &p, err);
    if (rc == 0)
        rc = hold(r, &p, err);
    *out_news = rc == 0;
    return rc;
}

int wf_relay_forget_passes(struct wf_relay *r, struct wf_err *err)
{
    int rc = wf_store_write_begin(r->o.store, err);

    if (rc != 0)
        return rc;
    rc = wf_relay_passes_forget(r->o.store, err);
    if (rc == 0)
        rc = wf_store_write_commit(r->o.store, err);
    else
        wf_store_write_rollback(r->o.store);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < r->n_streams; i++)
        wf_free((void *)(uintptr_t)r->streams[i].pass.bytes.ptr);
    r->n_streams = 0;
    wf_map_reset(&r->by_stream);
    r->bare_day = 0;
    return 0;
}

const struct wf_pass *wf_relay_pass(const struct wf_relay *r,
                                    const uint8_t stream[WF_STREAM_ID_BYTES])
{
    const struct wf_relay_stream *t = find_stream(r, stream);

    return t == NULL ? NULL : &t->pass;
}

bool wf_relay_gives(const struct wf_relay *r, const uint8_t transport[WF_PASS_KEY_BYTES],
                    const uint8_t stream[WF_STREAM_ID_BYTES])
{
    const struct wf_relay_stream *t = find_stream(r, stream);

    return t != NULL && wf_pass_by_transport(&t->pass, transport, NULL);
}

bool wf_relay_takes(const struct wf_relay *r, const uint8_t transport[WF_PASS_KEY_BYTES],
                    const struct wf_sync_log *log)
{
    const struct wf_relay_stream *t = find_stream(r, log->stream);
    struct wf_pass_holder h;

    if (r->is_full || t == NULL || !wf_pass_by_transport(&t->pass, transport, NULL))
        return false;
    if (wf_pass_by_device(&t->pass, log->device, &h) && (h.flags & WF_PASS_WRITES) == 0)
        return false;
    return t->n_logs < WF_LIMIT_RELAY_STREAM_LOGS ||
           wf_map_get(&r->by_log, key_of(log, sizeof(*log))) != NULL;
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, WF_PASS_KEY_BYTES);
}

int wf_relay_keys(const struct wf_relay *r, uint8_t (**out)[WF_PASS_KEY_BYTES], size_t *out_n,
                  struct wf_err *err)
{
    uint8_t(*keys)[WF_PASS_KEY_BYTES];
    size_t n = 0, n_kept = 0;

    for (size_t i = 0; i < r->n_streams; i++)
        n += r->streams[i].pass.n_holders;
    keys = wf_alloc_array(n + 1, sizeof(*keys));
    if (keys == NULL)
        return wf_relay__no_memory(err);
    n = 0;
    for (size_t i = 0; i < r->n_streams; i++) {
        for (size_t k = 0; k < r->streams[i].pass.n_holders; k++) {
            struct wf_pass_holder h;
            wf_pass_holder(&r->streams[i].pass, k, &h);
            memcpy(keys[n++], h.transport, sizeof(h.transport));
        }
    }
    qsort(keys, n, sizeof(*keys), compare_keys);
    for (size_t i = 0; i < n; i++) {
        if (n_kept == 0 || compare_keys(keys[n_kept - 1], keys[i]) != 0)
            memmove(keys[n_kept++], keys[i], sizeof(*keys));
    }
    *out = keys;
    *out_n = n_kept;
    return 0;
}

bool wf_relay_device(const struct wf_relay *r, const uint8_t transport[WF_PASS_KEY_BYTES],
                     uint8_t out[WF_SIGNER_ID_BYTES])
{
    struct wf_pass_holder h;

    for (size_t i = 0; i < r->n_streams; i++) {
        if (!wf_pass_by_transport(&r->streams[i].pass, transport, &h))
            continue;
        memcpy(out, h.device, sizeof(h.device));
        return true;
    }
    return false;
}

bool wf_relay_knows(const struct wf_relay *r, const uint8_t device[WF_SIGNER_ID_BYTES])
{
    for (size_t i = 0; i < r->n_streams; i++) {
        if (wf_pass_by_device(&r->streams[i].pass, device, NULL))
            return true;
    }
    return false;
}

/* ---- letters ---- */

void wf_relay_letter_hash(struct wf_str sealed, uint8_t out[WF_SYNC_LETTER_HASH_BYTES])
{
    (void)crypto_generichash(out, WF_SYNC_LETTER_HASH_BYTES, (const uint8_t *)sealed.ptr,
                             sealed.len, NULL, 0);
}

static int keep_in_turn(struct wf_relay *r, const struct wf_relay_letter *l, struct wf_err *err)
{
    struct wf_relay_kept kept;
    int rc = wf_relay_kept(r->o.store, l, &kept, err);

    if (rc != 0 || kept.is_same)
        return rc;
    if (kept.n_letters >= WF_LIMIT_RELAY_LETTERS ||
        kept.n_bytes + l->bytes.len > WF_LIMIT_RELAY_LETTER_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "Too many letters wait for one device.");
    if (kept.n_bytes_all + l->bytes.len > WF_LIMIT_RELAY_LETTER_BYTES_ALL)
        return wf_err_set(err, WF_E_FULL, "Too many letters wait here.");
    return wf_relay_letter_put(r->o.store, l, err);
}

int wf_relay_keep(struct wf_relay *r, struct wf_relay_letter *l, struct wf_err *err)
{
    int rc = wf_store_write_begin(r->o.store, err);

    if (rc != 0)
        return rc;
    l->at_ms = wf_clock_wall_ms(r->o.clock);
    wf_relay_letter_hash(l->bytes, l->hash);
    rc = keep_in_turn(r, l, err);
    if (rc == 0)
        return wf_store_write_commit(r->o.store, err);
    wf_store_write_rollback(r->o.store);
    return rc;
}

int wf_relay_waiting(struct wf_relay *r, const uint8_t to[WF_SIGNER_ID_BYTES],
                     wf_relay_letter_fn fn, void *ud, struct wf_err *err)
{
    struct wf_reader *reader = NULL;
    int rc = wf_store_reader_get(r->o.store, &reader, err);

    if (rc != 0)
        return rc;
    rc = wf_relay_letters(reader, to, fn, ud, err);
    wf_store_reader_put(r->o.store, reader);
    return rc;
}

int wf_relay_got(struct wf_relay *r, const uint8_t to[WF_SIGNER_ID_BYTES],
                 const uint8_t hash[WF_SYNC_LETTER_HASH_BYTES], struct wf_err *err)
{
    int rc = wf_store_write_begin(r->o.store, err);

    if (rc != 0)
        return rc;
    rc = wf_relay_letter_got(r->o.store, to, hash, err);
    if (rc == 0)
        return wf_store_write_commit(r->o.store, err);
    wf_store_write_rollback(r->o.store);
    return rc;
}

/* ---- the shelf ---- */

static int append(void *ud, const struct wf_batch *batches, size_t n, int *out_rcs,
                  struct wf_err *err)
{
    struct wf_relay *r = ud;
    uint64_t bytes = 0;
    int rc;

    for (size_t i = 0; i < n; i++)
        bytes += batches[i].bytes.len;
    if (r->is_cipher && r->n_bytes + bytes > r->o.bytes_max) {
        r->is_full = true;
        return wf_err_set(err, WF_E_FULL,
                          "This relay keeps %llu MiB, which is its bound: it takes no more until "
                          "devices have fetched some.",
                          (unsigned long long)(r->n_bytes >> 20));
    }
    rc = r->under.append(r->under.ud, batches, n, out_rcs, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct wf_sync_log name;
        struct wf_relay_log *l;
        if (out_rcs[i] != 0)
            continue;
        r->n_bytes += batches[i].bytes.len;
        memcpy(name.stream, batches[i].stream, sizeof(name.stream));
        memcpy(name.device, batches[i].device, sizeof(name.device));
        l = wf_relay__log(r, &name);
        if (l != NULL)
            l->last = batches[i].number;
    }
    return rc;
}

static int heads(void *ud, wf_shelf_head_fn fn, void *fn_ud, struct wf_err *err)
{
    const struct wf_relay *r = ud;

    return r->under.heads(r->under.ud, fn, fn_ud, err);
}

static int read_log(void *ud, const struct wf_sync_log *log, uint64_t from, size_t bytes_max,
                    wf_shelf_batch_fn fn, void *fn_ud, struct wf_err *err)
{
    const struct wf_relay *r = ud;

    return r->under.read(r->under.ud, log, from, bytes_max, fn, fn_ud, err);
}

static int trim(void *ud, const struct wf_sync_log *log, uint64_t upto, struct wf_err *err)
{
    const struct wf_relay *r = ud;

    return r->under.trim(r->under.ud, log, upto, err);
}

void wf_relay_shelf(struct wf_relay *r, struct wf_shelf *out)
{
    *out = (struct wf_shelf){
        .ud = r, .append = append, .heads = heads, .read = read_log, .trim = trim};
}

/* ---- making and freeing ---- */

static int take_head(void *ud, const struct wf_sync_head *head, struct wf_err *err)
{
    struct wf_relay_log *l = wf_relay__log(ud, &head->log);

    if (l == NULL)
        return wf_relay__no_memory(err);
    l->last = head->last;
    return 0;
}

static int read_all(struct wf_relay *r, struct wf_err *err)
{
    struct wf_reader *reader = NULL;
    int rc = wf_store_reader_get(r->o.store, &reader, err);

    if (rc != 0)
        return rc;
    rc = wf_relay_passes(reader, take_row, r, err);
    if (rc == 0)
        rc = wf_relay_bytes(reader, &r->n_bytes, err);
    wf_store_reader_put(r->o.store, reader);
    if (rc == 0)
        rc = r->under.heads(r->under.ud, take_head, r, err);
    return rc == 0 ? wf_relay__read_words(r, err) : rc;
}

int wf_relay_new(const struct wf_relay_options *o, struct wf_relay **out, struct wf_err *err)
{
    struct wf_relay *r = wf_alloc_array(1, sizeof(*r));
    int rc;

    if (r == NULL)
        return wf_relay__no_memory(err);
    r->o = *o;
    if (r->o.bytes_max == 0)
        r->o.bytes_max = WF_LIMIT_RELAY_BYTES;
    if (r->o.days_max == 0)
        r->o.days_max = WF_LIMIT_RELAY_DAYS;
    if (r->o.trim_min == 0)
        r->o.trim_min = 256;
    wf_map_init(&r->by_stream, WF_LIMIT_RELAY_STREAMS);
    wf_map_init(&r->by_log, WF_LIMIT_SYNC_LOGS);
    wf_map_init(&r->by_node, WF_LIMIT_SYNC_LOGS);
    wf_shelf_of_store(o->store, &r->under);
    rc = read_all(r, err);
    if (rc != 0) {
        wf_relay_free(r);
        return rc;
    }
    *out = r;
    return 0;
}

void wf_relay_free(struct wf_relay *r)
{
    if (r == NULL)
        return;
    (void)!wf_relay__write_words(r, NULL); /* without them less is known of who keeps */
    for (size_t i = 0; i < r->n_streams; i++)
        wf_free((void *)(uintptr_t)r->streams[i].pass.bytes.ptr);
    for (size_t i = 0; i < r->n_logs; i++)
        wf_free(r->logs[i].said);
    wf_free(r->streams);
    wf_free(r->logs);
    wf_free(r->nodes);
    wf_map_deinit(&r->by_stream);
    wf_map_deinit(&r->by_log);
    wf_map_deinit(&r->by_node);
    wf_free(r);
}

void wf_relay_be(struct wf_relay *r, bool is_cipher)
{
    r->is_cipher = is_cipher;
}

json_t *wf_relay_status(struct wf_relay *r)
{
    uint64_t n_letters = 0, n_bytes = 0;
    struct wf_reader *reader = NULL;
    int rc = wf_store_reader_get(r->o.store, &reader, NULL);

    if (rc != 0)
        return NULL;
    rc = wf_relay_letters_count(reader, &n_letters, &n_bytes, NULL);
    wf_store_reader_put(r->o.store, reader);
    if (rc != 0)
        return NULL;
    return json_pack("{s:I, s:I, s:I, s:I, s:b, s:I, s:I}", "streams", (json_int_t)r->n_streams,
                     "bytes", (json_int_t)r->n_bytes, "bytes_max", (json_int_t)r->o.bytes_max,
                     "days_max", (json_int_t)r->o.days_max, "full", r->is_full, "letters",
                     (json_int_t)n_letters, "letter_bytes", (json_int_t)n_bytes);
}
