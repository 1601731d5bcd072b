/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of a text that moves. Who takes it over asks for page after page, a window ahead, and
 * stops asking where the network is slower than its own reading; the rest it reads. Pages come in
 * order, and are taken in as they come. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/json.h"
#include "engine/local.h"
#include "mesh/sealed.h"
#include "op/moving_internal.h"

/* Bytes before the piece of a message. */
#define HEAD_BYTES (WF_MOVING_NAME_BYTES + 1 + 12)
/* Pages on their way, as bytes; fewer tokens than these are read sooner than asked for. */
#define WINDOW_BYTES ((size_t)6 << 20)
#define TOKENS_MIN 128
/* How long nothing may come, and how long all may take: the other one stands still meanwhile. */
#define PIECE_MS 2000
#define ALL_MS (WF_MOVING_HELD_MS / 2)
/* Tokens a second that a model reads of which that is not known. */
#define READ_RATE_GUESS 300
/* After so long the rates are compared. */
#define COMPARE_MS 100

/* Pages that fit into a message. */
static size_t piece_pages(const struct wf_cache_shape *s)
{
    return s->page_bytes > 0
               ? (WF_SEALED_MESSAGE_BYTES - HEAD_BYTES - s->head_bytes) / s->page_bytes
               : 0;
}

/* ---- who has it ---- */

void wf_moving__keep_point(struct wf_tape *t, const struct wf_gen_point *point)
{
    int32_t *ids = wf_alloc_array(point->n_ids, sizeof(*ids));
    char *model = wf_strdup(point->model);

    wf_moving__drop_cache(t);
    t->page_at = t->page_to = 0;
    if (ids == NULL || model == NULL) { /* then it is read there */
        wf_free(ids);
        wf_free(model);
        return;
    }
    memcpy(ids, point->ids, point->n_ids * sizeof(*ids));
    t->point = (struct wf_gen_point){.model = model, .ids = ids, .n_ids = point->n_ids};
}

void wf_moving__drop_cache(struct wf_tape *t)
{
    struct wf_list *it, *tmp;

    wf_free((void *)(uintptr_t)t->point.ids);
    wf_free((void *)(uintptr_t)t->point.model);
    t->point = (struct wf_gen_point){.ids = NULL};
    WF_LIST_EACH(it, tmp, &t->pieces)
    {
        struct wf_moving_piece *p = WF_CONTAINER(it, struct wf_moving_piece, node);
        wf_list_remove(&p->node);
        wf_buf_deinit(&p->bytes);
        wf_free(p);
    }
}

struct sending {
    struct wf_moving *m;
    struct wf_tape *t;
};

/* Sends a piece, waiting for room. The lock is held. */
static int send_piece(struct wf_moving *m, struct wf_tape *t, size_t first, struct wf_str piece)
{
    int64_t until_ms = wf_moving__now_ms() + PIECE_MS;
    struct timespec until = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};
    struct wf_buf b;
    int rc;

    wf_buf_init(&b, WF_SEALED_MESSAGE_BYTES);
    wf_buf_append(&b, t->name, strlen(t->name) + 1);
    wf_buf_append_u64le(&b, t->call);
    wf_buf_append_u32le(&b, (uint32_t)first);
    rc = wf_buf_append_str(&b, piece);
    if (rc == 0)
        rc = m->o.send(m->o.ud, t->asked_by, WF_MOVING_PAGES, wf_buf_str(&b), NULL);
    while (rc == WF_E_BUSY && t->is_held && !m->stop && wf_moving__now_ms() < until_ms) {
        (void)pthread_cond_timedwait(&m->changed, &m->lock, &until);
        rc = m->o.send(m->o.ud, t->asked_by, WF_MOVING_PAGES, wf_buf_str(&b), NULL);
    }
    wf_buf_deinit(&b);
    return rc;
}

/* Reads the next piece without the lock: the engine answers between two tokens. */
static int read_piece(struct wf_moving *m, const struct wf_gen_point *point, size_t first,
                      size_t n_max, struct wf_buf *out, size_t *out_n)
{
    struct wf_cache_shape shape = {0};
    size_t n;
    int rc;

    wf_buf_init(out, WF_SEALED_MESSAGE_BYTES);
    rc = wf_local_cache_shape(m->o.local, point->model, NULL, &shape, NULL);
    n = rc == 0 ? WF_MIN(piece_pages(&shape), n_max) : 0;
    if (n > 0)
        rc = wf_local_cache_read(m->o.local, point, first, n, out, NULL);
    if (rc != 0 || n == 0)
        wf_buf_truncate(out, 0);
    *out_n = out->len > 0 ? (out->len - shape.head_bytes) / shape.page_bytes : 0;
    return rc;
}

static void run_sending(void *ud)
{
    struct sending *job = ud;
    struct wf_moving *m = job->m;
    struct wf_tape *t = job->t;

    pthread_mutex_lock(&m->lock);
    while (t->is_held && !t->is_let_go && !m->stop && t->page_at < t->page_to) {
        size_t first = t->page_at, n_max = t->page_to - first, n = 0;
        struct wf_gen_point point = t->point; /* stays while it is sent: see give */
        struct wf_buf piece;
        pthread_mutex_unlock(&m->lock);
        (void)!read_piece(m, &point, first, n_max, &piece, &n);
        pthread_mutex_lock(&m->lock);
        if (send_piece(m, t, first, wf_buf_str(&piece)) != 0 || n == 0)
            t->page_to = 0; /* the last one, empty, says that there are no more */
        t->page_at = first + n;
        wf_buf_deinit(&piece);
    }
    t->is_sending = false;
    pthread_mutex_unlock(&m->lock);
    wf_moving__unref(m, t);
    wf_free(job);
}

void wf_moving__came_want(struct wf_moving *m, uint64_t peer, const json_t *body)
{
    struct wf_tape *t = wf_moving__tape(m, wf_str_from(wf_json_text(body, "name")));
    json_int_t from = json_integer_value(json_object_get(body, "from"));
    json_int_t to = json_integer_value(json_object_get(body, "to"));
    struct sending *job;

    /* It may have what the state told it, and nothing else. */
    if (t == NULL || !t->is_held || t->asked_by != peer || t->point.ids == NULL ||
        m->o.local == NULL ||
        (json_int_t)t->call != json_integer_value(json_object_get(body, "call")) || from < 0 ||
        to <= from || (size_t)to > t->point.n_ids)
        return;
    t->page_at = WF_MAX(t->page_at, (size_t)from);
    t->page_to = WF_MAX(t->page_to, (size_t)to);
    if (t->is_sending || (job = wf_alloc_array(1, sizeof(*job))) == NULL)
        return;
    *job = (struct sending){m, t};
    t->n_refs++;
    t->is_sending = wf_team_post(m->team, run_sending, job) == 0;
    if (!t->is_sending) {
        t->n_refs--;
        wf_free(job);
    }
}

/* ---- who takes it over ---- */

void wf_moving__came_pages(struct wf_moving *m, uint64_t peer, struct wf_str body)
{
    struct wf_str rest = body, name;
    struct wf_moving_piece *p;
    uint64_t call = 0;
    struct wf_tape *t;
    size_t first = 0;

    (void)wf_str_split(&rest, '\0', &name);
    t = wf_moving__tape(m, name);
    if (t == NULL || t->from != peer || !t->takes_pieces || rest.len < 12)
        return;
    for (int k = 7; k >= 0; k--)
        call = call << 8 | (unsigned char)rest.ptr[k];
    for (int k = 11; k >= 8; k--)
        first = first << 8 | (unsigned char)rest.ptr[k];
    if (call != t->call)
        return;
    rest = wf_str_sub(rest, 12, rest.len);
    p = wf_alloc_array(1, sizeof(*p));
    if (p != NULL) {
        p->first = first;
        wf_buf_init(&p->bytes, WF_SEALED_MESSAGE_BYTES);
    }
    if (rest.len == 0 || p == NULL || wf_buf_append_str(&p->bytes, rest) != 0) {
        t->is_last_piece = true; /* what lacks is read */
        wf_free(p);
    } else {
        wf_list_push(&t->pieces, &p->node);
    }
    pthread_cond_broadcast(&m->changed);
}

/* The next piece; NULL: none came in time, or there are no more. */
static struct wf_moving_piece *next_piece(struct wf_moving *m, struct wf_tape *t)
{
    int64_t until_ms = wf_moving__now_ms() + PIECE_MS;
    struct timespec until = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};
    struct wf_moving_piece *p = NULL;

    pthread_mutex_lock(&m->lock);
    while (wf_list_empty(&t->pieces) && !t->is_last_piece && !t->is_no_go && !m->stop &&
           wf_moving__now_ms() < until_ms)
        (void)pthread_cond_timedwait(&m->changed, &m->lock, &until);
    if (!wf_list_empty(&t->pieces)) {
        p = WF_CONTAINER(t->pieces.next, struct wf_moving_piece, node);
        wf_list_remove(&p->node);
    }
    pthread_mutex_unlock(&m->lock);
    return p;
}

/* Asks for pages from number `from` up to `to`. */
static bool want(struct wf_moving *m, struct wf_tape *t, size_t from, size_t to)
{
    bool ok;

    pthread_mutex_lock(&m->lock);
    ok = wf_moving__send(m, t->from, WF_MOVING_WANT,
                         json_pack("{s:s, s:I, s:I, s:I}", "name", t->name, "call",
                                   (json_int_t)t->call, "from", (json_int_t)from, "to",
                                   (json_int_t)to)) == 0;
    pthread_mutex_unlock(&m->lock);
    return ok;
}

/* Whether pages come faster than the text would be read: so many since the first ones came. Too
 * early it is not known. */
static bool is_worth(const struct wf_cache_shape *s, size_t n_pages, int64_t took_ms)
{
    double rate = s->read_rate > 0 ? s->read_rate : READ_RATE_GUESS;

    return took_ms < COMPARE_MS || (took_ms < ALL_MS && (double)(n_pages * s->page_tokens) >=
                                                            rate * (double)took_ms * 1e-3);
}

/* Takes pages in as they come, from number `from` on; how many of n there are in the end. */
static size_t take_pages(struct wf_moving *m, struct wf_tape *t, const struct wf_gen_point *point,
                         const struct wf_cache_shape *s, size_t from, size_t n)
{
    size_t window = WF_MAX(WINDOW_BYTES / s->page_bytes, piece_pages(s));
    size_t at = from, asked = from, at_first = from;
    int64_t first_ms = 0;
    int rc = 0;

    while (rc == 0 && at < n) {
        size_t to = WF_MIN(at + window, n), got = 0;
        struct wf_moving_piece *p;
        if (asked < n && to >= asked + WF_MIN(window / 2, n - asked)) {
            if (!want(m, t, from, to))
                break;
            asked = to;
        }
        p = next_piece(m, t);
        if (p == NULL)
            break;
        rc = p->first == at
                 ? wf_local_cache_write(m->o.local, point, at, wf_buf_str(&p->bytes), &got, NULL)
                 : WF_E_FORMAT;
        at += rc == 0 ? got : 0;
        wf_buf_deinit(&p->bytes);
        wf_free(p);
        if (first_ms == 0) {
            first_ms = wf_moving__now_ms();
            at_first = at;
        } else if (!is_worth(s, at - at_first, wf_moving__now_ms() - first_ms)) {
            break;
        }
    }
    return at;
}

size_t wf_moving__fetch_cache(struct wf_moving *m, struct wf_tape *t,
                              const struct wf_gen_point *point, const struct wf_load *load)
{
    struct wf_cache_shape shape = {0};
    size_t n, known;

    if (m->o.local == NULL ||
        wf_local_cache_shape(m->o.local, point->model, load, &shape, NULL) != 0 ||
        piece_pages(&shape) == 0 || wf_local_cache_known(m->o.local, point, &known, NULL) != 0 ||
        point->n_ids < known + TOKENS_MIN)
        return 0;
    pthread_mutex_lock(&m->lock);
    t->takes_pieces = true;
    t->is_last_piece = false;
    pthread_mutex_unlock(&m->lock);
    known /= shape.page_tokens;
    n = take_pages(m, t, point, &shape, known, (point->n_ids - 1) / shape.page_tokens);
    pthread_mutex_lock(&m->lock);
    t->takes_pieces = false;
    wf_moving__drop_cache(t);
    pthread_mutex_unlock(&m->lock);
    return (n - known) * shape.page_tokens;
}
