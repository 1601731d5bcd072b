/* SPDX-License-Identifier: Apache-2.0 */
/* From rows of conversations to records, and back. A record that this device wrote comes back by
 * the same way and changes nothing. What is too large for a record stays here. */
#include "space/thread_share.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "os/thread.h"
#include "space/record.h"
#include "store/spaces.h"
#include "store/thread_log.h"

#define ROUND 64
#define CATCH_UP_MAX 10000
#define SPACE_ME 1
#define LABEL_SECRET 3
#define ARENA_BYTES_MAX ((size_t)64 << 20)

struct wf_thread_share {
    struct wf_thread_share_options o;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool has_thread, is_poked, stop, must_catch_up;
};

/* ---- out ---- */

/* LIMIT: it does not fit into a record. */
static int json_text(struct wf_arena *arena, json_t *v, struct wf_str *out)
{
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_LIMIT_RECORD_VALUE_BYTES);
    rc = v != NULL ? wf_json_append(&b, v) : WF_E_NOMEM;
    if (rc == 0) {
        *out = wf_arena_dup(arena, wf_buf_str(&b));
        rc = out->ptr != NULL ? 0 : WF_E_NOMEM;
    }
    wf_buf_deinit(&b);
    json_decref(v);
    return rc;
}

static int write_one(struct wf_thread_share *s, struct wf_str name, uint8_t label,
                     const struct wf_record_op *ops, size_t n, struct wf_err *err)
{
    const struct wf_record_edit e = {.collection = WF_STR(WF_THREAD_COLLECTION),
                                     .key = name,
                                     .label = label,
                                     .ops = ops,
                                     .n_ops = n};

    return wf_records_write(s->o.records, SPACE_ME, &e, 1, err);
}

static int set(struct wf_record_op *op, const char *field, struct wf_arena *arena, json_t *v)
{
    *op = (struct wf_record_op){.kind = WF_RECORD_SET, .field = wf_str_from(field)};
    return json_text(arena, v, &op->value);
}

/* Fills ops with what a record of it holds. Errors: LIMIT (it does not fit into one), NOMEM. */
static int make_ops(const struct wf_thread_news *n, struct wf_arena *arena,
                    struct wf_record_op ops[3], size_t *out_n)
{
    bool is_title = n->uid.len == 0;
    json_t *at = json_integer((json_int_t)n->at_ms);
    int rc;

    *out_n = is_title ? 2 : 3;
    if (is_title) {
        rc = set(&ops[0], "at", arena, at);
        return rc == 0 ? set(&ops[1], "title", arena, wf_json_str(n->title)) : rc;
    }
    rc = set(&ops[1], "at", arena, at);
    if (rc == 0)
        rc = set(&ops[0], "answer", arena, wf_json_str(n->turn.answer));
    return rc == 0 ? set(&ops[2], "question", arena, wf_json_str(n->turn.question)) : rc;
}

static uint8_t label_of(struct wf_thread_share *s, const struct wf_thread_news *n)
{
    uint8_t label = n->label, now;

    if (n->uid.len == 0) {
        now = s->o.label(s->o.ud, n->title);
    } else {
        now = s->o.label(s->o.ud, n->turn.question);
        label = WF_MAX(label, s->o.label(s->o.ud, n->turn.answer));
    }
    return WF_MAX(label, now);
}

static int tell_one(struct wf_thread_share *s, const struct wf_thread_news *n,
                    struct wf_arena *arena, uint8_t *io_label, struct wf_err *err)
{
    char name[WF_LIMIT_RECORD_KEY_BYTES];
    struct wf_record_op ops[3];
    size_t n_ops = 0;
    int rc = 0;

    *io_label = WF_MAX(*io_label, label_of(s, n));
    (void)snprintf(name, sizeof(name), "%.*s%s%.*s", WF_STR_ARG(n->id), n->uid.len > 0 ? "/" : "",
                   WF_STR_ARG(n->uid));
    /* A secret one is in no record: there is no need for a second copy. */
    if (*io_label < LABEL_SECRET)
        rc = make_ops(n, arena, ops, &n_ops);
    if (rc == WF_E_NOMEM)
        return wf_err_set(err, rc, "Out of memory (conversations).");
    if (rc == 0 && n_ops > 0)
        rc = write_one(s, wf_str_from(name), *io_label, ops, n_ops, err);
    else
        rc = 0; /* it stays here */
    return rc == 0 ? wf_thread_told(s->o.store, n, *io_label, err) : rc;
}

/* The label of another turn of the round may have risen: it counts for those behind it. */
static uint8_t *label_in(const struct wf_thread_news *items, uint8_t *labels, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (wf_str_eq(items[k].id, items[i].id) && labels[k] > labels[i])
            labels[i] = labels[k];
    }
    return &labels[i];
}

static int tell_gone(struct wf_thread_share *s, struct wf_str name, struct wf_err *err)
{
    const struct wf_record_op op = {.kind = WF_RECORD_DELETE};
    struct wf_err own = WF_ERR_INIT;
    int rc = write_one(s, name, 0, &op, 1, &own);

    if (rc != 0 && rc != WF_E_NOENT)
        return wf_err_set(err, rc, "%s", own.msg);
    return wf_thread_gone_told(s->o.store, name, err);
}

/* A round of what is untold; *out_n: how much that was. */
static int tell_round(struct wf_thread_share *s, size_t *out_n, struct wf_err *err)
{
    struct wf_thread_news *items = NULL;
    struct wf_str *gone = NULL;
    struct wf_reader *r = NULL;
    uint8_t labels[ROUND] = {0};
    struct wf_arena arena;
    size_t n = 0, n_gone = 0;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    *out_n = 0;
    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 4096, ARENA_BYTES_MAX);
    if (s->o.is_alone == NULL || !s->o.is_alone(s->o.ud))
        rc = wf_thread_untold(r, ROUND, &arena, &items, &n, err);
    if (rc == 0)
        rc = wf_thread_gone(r, ROUND, &arena, &gone, &n_gone, err);
    wf_store_reader_put(s->o.store, r);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = tell_one(s, &items[i], &arena, label_in(items, labels, i), err);
    for (size_t i = 0; i < n_gone && rc == 0; i++)
        rc = tell_gone(s, gone[i], err);
    wf_arena_deinit(&arena);
    *out_n = n + n_gone;
    return rc;
}

int wf_thread_share_tell(struct wf_thread_share *s, struct wf_err *err)
{
    size_t n = 1;
    bool has_told = false;
    int rc = 0;

    while (rc == 0 && n > 0) {
        rc = tell_round(s, &n, err);
        has_told = has_told || n > 0;
        pthread_mutex_lock(&s->lock);
        if (s->stop)
            n = 0;
        pthread_mutex_unlock(&s->lock);
    }
    if (has_told)
        s->o.written(s->o.ud);
    return rc;
}

/* ---- in ---- */

static int read_row(struct wf_thread_share *s, struct wf_str key, struct wf_arena *arena,
                    struct wf_record_row *out, json_t **out_fields, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    if (rc != 0)
        return rc;
    rc = wf_records_get(r, SPACE_ME, WF_STR(WF_THREAD_COLLECTION), key, arena, out, err);
    if (rc == 0)
        rc = wf_record_row_json(out, out_fields, err);
    wf_store_reader_put(s->o.store, r);
    return rc;
}

static bool is_id(struct wf_str s, size_t n)
{
    for (size_t i = 0; i < s.len; i++) {
        if (strchr("0123456789abcdef", s.ptr[i]) == NULL || s.ptr[i] == 0)
            return false;
    }
    return s.len == n;
}

static struct wf_str text_of(const json_t *fields, const char *key)
{
    const json_t *v = json_object_get(fields, key);

    return json_is_string(v) ? wf_str_n(json_string_value(v), json_string_length(v))
                             : wf_str_n(NULL, 0);
}

/* One that is not whole yet, or is no thread of ours, is left. */
static int take_row(struct wf_thread_share *s, struct wf_str id, struct wf_str uid,
                    const struct wf_record_row *row, const json_t *fields, struct wf_err *err)
{
    struct wf_thread_news n = {.id = id,
                               .uid = uid,
                               .title = text_of(fields, "title"),
                               .at_ms = json_integer_value(json_object_get(fields, "at")),
                               .label = row->label};

    n.turn = (struct wf_turn){.question = text_of(fields, "question"),
                              .answer = text_of(fields, "answer"),
                              .at_ms = n.at_ms};
    if (n.at_ms <= 0 ||
        (uid.len == 0 ? n.title.len == 0 : !n.turn.question.ptr || !n.turn.answer.ptr))
        return 0;
    return wf_thread_take(s->o.store, &n, err);
}

void wf_thread_share_changed(struct wf_thread_share *s, struct wf_str collection, struct wf_str key)
{
    struct wf_str rest = key, id, uid = WF_STR("");
    struct wf_err err = WF_ERR_INIT;
    struct wf_record_row row;
    struct wf_arena arena;
    json_t *fields = NULL;
    int rc;

    if (s == NULL || !wf_str_eq(collection, WF_STR(WF_THREAD_COLLECTION)))
        return;
    (void)wf_str_split(&rest, '/', &id);
    if (rest.ptr != NULL)
        uid = rest;
    if (!is_id(id, WF_THREAD_ID_BYTES) || (rest.ptr != NULL && !is_id(uid, WF_TURN_UID_BYTES)))
        return;
    wf_arena_init(&arena, 4096, ARENA_BYTES_MAX);
    rc = read_row(s, key, &arena, &row, &fields, &err);
    if (rc == 0)
        rc = take_row(s, id, uid, &row, fields, &err);
    else if (rc == WF_E_NOENT)
        rc = wf_thread_take_gone(s->o.store, id, uid, &err);
    json_decref(fields);
    wf_arena_deinit(&arena);
    if (rc == 0) {
        s->o.came(s->o.ud);
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->must_catch_up = true; /* with the next poke */
    pthread_mutex_unlock(&s->lock);
    if (s->o.log != NULL)
        wf_log_line(s->o.log, WF_LOG_WARN, "threads", "a conversation of another device: %s",
                    err.msg);
}

/* Takes what is in records and not here: something failed, or went out, between the two. */
static int catch_up(struct wf_thread_share *s, struct wf_err *err)
{
    struct wf_reader *r = NULL;
    struct wf_str *keys = NULL;
    struct wf_arena arena;
    size_t n = 0;
    int rc = wf_store_reader_get(s->o.store, &r, err);

    if (rc != 0)
        return rc;
    wf_arena_init(&arena, 4096, ARENA_BYTES_MAX);
    rc = wf_thread_missing(r, CATCH_UP_MAX, &arena, &keys, &n, err);
    wf_store_reader_put(s->o.store, r);
    for (size_t i = 0; i < n && rc == 0; i++)
        wf_thread_share_changed(s, WF_STR(WF_THREAD_COLLECTION), keys[i]);
    wf_arena_deinit(&arena);
    return rc;
}

/* ---- the thread ---- */

static void *run(void *ud)
{
    struct wf_thread_share *s = ud;
    struct wf_err err = WF_ERR_INIT;
    bool must_catch_up;

    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        if (!s->is_poked) {
            pthread_cond_wait(&s->wake, &s->lock);
            continue;
        }
        s->is_poked = false;
        must_catch_up = s->must_catch_up;
        s->must_catch_up = false;
        pthread_mutex_unlock(&s->lock);
        if (must_catch_up && catch_up(s, &err) != 0 && s->o.log != NULL)
            wf_log_line(s->o.log, WF_LOG_WARN, "threads", "%s", err.msg);
        if (wf_thread_share_tell(s, &err) != 0 && s->o.log != NULL)
            wf_log_line(s->o.log, WF_LOG_WARN, "threads", "conversations are not shared: %s",
                        err.msg);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

int wf_thread_share_new(const struct wf_thread_share_options *o, struct wf_thread_share **out,
                        struct wf_err *err)
{
    struct wf_thread_share *s = wf_alloc_array(1, sizeof(*s));

    if (s == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory (conversations).");
    s->o = *o;
    s->is_poked = s->must_catch_up = true;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    s->has_thread = pthread_create(&s->thread, NULL, run, s) == 0;
    if (!s->has_thread) {
        wf_thread_share_free(s);
        return wf_err_set(err, WF_E_BUSY, "The system allows no more threads.");
    }
    *out = s;
    return 0;
}

void wf_thread_share_free(struct wf_thread_share *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    if (s->has_thread)
        (void)pthread_join(s->thread, NULL);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    wf_free(s);
}

void wf_thread_share_poke(struct wf_thread_share *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->is_poked = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}
