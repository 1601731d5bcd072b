/* SPDX-License-Identifier: Apache-2.0 */
/* Answering other nodes: their requests run on this device's own models, a thread of the team each,
 * which mostly waits for its turn at the model.
 *
 *   pieces of a request -> a job -> the team: read, checked (label, clearance), generated
 *   -> STARTED -> EVENTS, as much as there is credit for -> DONE, or ERROR
 *   or, of texts: embedded, ranked -> NUMBERS, likewise -> DONE, or ERROR
 *
 * A job that nobody waits for any more (CANCEL, its node is gone) is seen by the engine before the
 * next token is written. What was asked is wiped behind it; nothing is kept. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "mesh/link.h"
#include "mesh/remote_internal.h"
#include "mesh/remote_request.h"

/* Of a message of numbers. */
#define NUMBERS_BYTES (32u << 10)

struct job {
    struct wf_list node;
    struct wf_nodes *n;
    uint64_t peer;
    uint32_t id;
    char asker[WF_DEVICES_NAME_BYTES + 1];
    struct wf_buf request;
    uint32_t total; /* bytes that it is to have */
    bool is_posted; /* the team has it */
    int64_t credit; /* bytes of EVENTS that may be sent */
    pthread_cond_t changed;
    atomic_bool is_given_up;
};

/* ---- jobs; the lock is held ---- */

static struct job *job_of(struct wf_nodes *n, uint64_t peer, uint32_t id)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &n->jobs)
    {
        struct job *j = WF_CONTAINER(it, struct job, node);
        if (j->id == id && j->peer == peer)
            return j;
    }
    return NULL;
}

static void drop(struct job *j)
{
    struct wf_nodes *n = j->n;
    struct wf_nodes_peer *p = wf_nodes__peer(n, j->peer);

    wf_list_remove(&j->node);
    n->n_jobs--;
    n->incoming_bytes -= j->request.len;
    if (p != NULL)
        p->n_jobs--;
    if (j->request.len > 0)
        sodium_memzero(j->request.ptr, j->request.len);
    wf_buf_deinit(&j->request);
    pthread_cond_destroy(&j->changed);
    wf_free(j);
    pthread_cond_broadcast(&n->ended);
}

static void give_up(struct job *j)
{
    atomic_store(&j->is_given_up, true);
    pthread_cond_broadcast(&j->changed);
    if (!j->is_posted)
        drop(j);
}

void wf_nodes__cancel_jobs(struct wf_nodes *n, uint64_t peer)
{
    struct wf_list *it, *tmp;

    WF_LIST_EACH(it, tmp, &n->jobs)
    {
        struct job *j = WF_CONTAINER(it, struct job, node);
        if (peer == 0 || j->peer == peer)
            give_up(j);
    }
    pthread_cond_broadcast(&n->room);
}

static void send_error(struct wf_nodes *n, uint64_t peer, uint32_t id, int code, const char *words)
{
    const struct wf_remote_message m = {
        .kind = WF_REMOTE_ERROR, .id = id, .code = code, .bytes = wf_str_from(words)};

    (void)!wf_nodes__send(n, peer, &m, NULL); /* who asked gives up by itself */
}

/* ---- answering, on the team ---- */

static bool is_given_up(void *ud)
{
    return atomic_load(&((struct job *)ud)->is_given_up);
}

/* Whether this device may answer that: it is the second look at the label, by the list as it is
 * here. */
static int check(struct job *j, const struct wf_remote_request *r, struct wf_err *err)
{
    struct wf_devices_entry own, other;

    if (wf_sealed_own_entry(j->n->o.sealed, &own, NULL) != 0 ||
        wf_sealed_entry(j->n->o.sealed, j->peer, &other, NULL) != 0)
        return wf_err_set(err, WF_E_DENIED, "This node is not among the owner's devices.");
    if (!wf_nodes__offers(j->n))
        return wf_err_set(
            err, WF_E_DENIED,
            "It does not offer its models: node_offers = on in its weft.conf lets it.");
    if (r->label >= WF_LABEL_SECRET || r->label > own.clearance)
        return wf_err_set(err, WF_E_DENIED, "It may see %s, and this is %s.",
                          wf_label_name(own.clearance), wf_label_name(r->label));
    return 0;
}

/* Sends a message of the answer, waiting for room. */
static int say(struct job *j, const struct wf_remote_message *m, struct wf_err *err)
{
    int rc;

    pthread_mutex_lock(&j->n->lock);
    rc = wf_nodes__send_waiting(j->n, j->peer, m, &j->is_given_up, 0, err);
    pthread_mutex_unlock(&j->n->lock);
    return rc;
}

static int say_usage(struct job *j, enum wf_remote_kind kind, const struct wf_gen_usage *u,
                     struct wf_buf *b, struct wf_err *err)
{
    struct wf_remote_message m = {.kind = kind, .id = j->id};

    wf_buf_reset(b);
    if (wf_remote_usage_write(u, b) != 0)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    m.bytes = wf_buf_str(b);
    return say(j, &m, err);
}

/* Waits until the asker takes more. */
static int wait_credit(struct job *j, struct wf_err *err)
{
    pthread_mutex_lock(&j->n->lock);
    while (j->credit <= 0 && !atomic_load(&j->is_given_up))
        pthread_cond_wait(&j->changed, &j->n->lock);
    pthread_mutex_unlock(&j->n->lock);
    return is_given_up(j) ? wf_err_set(err, WF_E_CANCELED, "Canceled.") : 0;
}

/* Sends a piece of the answer, once there is credit for it. */
static int say_piece(struct job *j, enum wf_remote_kind kind, struct wf_str bytes,
                     struct wf_err *err)
{
    const struct wf_remote_message m = {.kind = kind, .id = j->id, .bytes = bytes};
    int rc = wait_credit(j, err);

    if (rc != 0)
        return rc;
    rc = say(j, &m, err);
    pthread_mutex_lock(&j->n->lock);
    j->credit -= (int64_t)bytes.len;
    pthread_mutex_unlock(&j->n->lock);
    return rc;
}

static int say_event(struct job *j, const struct wf_gen_event *e, struct wf_buf *b,
                     struct wf_err *err)
{
    int rc;

    wf_buf_reset(b);
    rc = wf_remote_event_write(e, b);
    if (rc != 0)
        return wf_err_set(err, rc, "A piece of the answer is too long for the way.");
    return say_piece(j, WF_REMOTE_EVENTS, wf_buf_str(b), err);
}

static int answer_all(struct job *j, struct wf_gen *gen, struct wf_buf *b, struct wf_err *err)
{
    struct wf_gen_event e;
    int rc = say_usage(j, WF_REMOTE_STARTED, wf_gen_usage(gen), b, err);

    while (rc == 0) {
        rc = wf_gen_next(gen, &e, err);
        if (rc <= 0)
            break;
        rc = say_event(j, &e, b, err);
    }
    if (rc == 0) {
        pthread_mutex_lock(&j->n->lock);
        wf_nodes__note_speed(j->n, wf_gen_usage(gen));
        pthread_mutex_unlock(&j->n->lock);
        rc = say_usage(j, WF_REMOTE_DONE, wf_gen_usage(gen), b, err);
    }
    return rc;
}

static int generate(struct job *j, struct wf_remote_request *r, struct wf_buf *b,
                    struct wf_err *err)
{
    struct wf_gen *gen = NULL;
    int rc;

    r->q.canceled = is_given_up;
    r->q.canceled_ud = j;
    rc = wf_engine_generate(j->n->o.engine, &r->q, &gen, err);
    if (rc == 0)
        rc = answer_all(j, gen, b, err);
    wf_gen_free(gen);
    return rc;
}

/* All numbers, and the counts. */
static int say_numbers(struct job *j, const float *all, size_t n, const struct wf_gen_usage *u,
                       struct wf_buf *b, struct wf_err *err)
{
    const struct wf_str bytes = wf_str_n((const char *)all, n * sizeof(*all));
    int rc = 0;

    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the message's order of bytes");
    for (size_t at = 0; at < bytes.len && rc == 0; at += NUMBERS_BYTES)
        rc = say_piece(j, WF_REMOTE_NUMBERS,
                       wf_str_sub(bytes, at, WF_MIN(at + NUMBERS_BYTES, bytes.len)), err);
    return rc == 0 ? say_usage(j, WF_REMOTE_DONE, u, b, err) : rc;
}

static int embed(struct job *j, struct wf_remote_request *r, struct wf_buf *b, struct wf_err *err)
{
    struct wf_embeddings e = {.vectors = NULL};
    struct wf_gen_usage u = {.model = e.model};
    int rc;

    r->embed.canceled = is_given_up;
    r->embed.canceled_ud = j;
    rc = wf_engine_embed(j->n->o.engine, &r->embed, &e, err);
    if (rc != 0)
        return rc;
    u.n_prompt = e.n_tokens;
    u.n_truncated = e.n_truncated;
    u.load_ns = e.load_ns;
    u.prompt_ns = e.run_ns;
    rc = say_numbers(j, e.vectors, r->embed.n_texts * e.n_dims, &u, b, err);
    wf_free(e.vectors);
    return rc;
}

static int rank(struct job *j, struct wf_remote_request *r, struct wf_buf *b, struct wf_err *err)
{
    float *scores = wf_alloc_array(r->rank.n_texts, sizeof(*scores));
    struct wf_rerank_usage of = {.n_tokens = 0};
    struct wf_gen_usage u = {.model = of.model};
    int rc = scores == NULL ? wf_err_set(err, WF_E_NOMEM, "Out of memory.") : 0;

    r->rank.canceled = is_given_up;
    r->rank.canceled_ud = j;
    if (rc == 0)
        rc = wf_engine_rerank(j->n->o.engine, &r->rank, scores, &of, err);
    u.n_prompt = of.n_tokens;
    u.n_truncated = of.n_truncated;
    if (rc == 0)
        rc = say_numbers(j, scores, r->rank.n_texts, &u, b, err);
    wf_free(scores);
    return rc;
}

static int answer(struct job *j, struct wf_err *err)
{
    static int (*const ways[])(struct job *, struct wf_remote_request *, struct wf_buf *,
                               struct wf_err *) = {
        [WF_REMOTE_GENERATE] = generate, [WF_REMOTE_EMBED] = embed, [WF_REMOTE_RANK] = rank};
    struct wf_remote_request r;
    struct wf_buf b;
    int rc = wf_remote_request_read(wf_buf_str(&j->request), &r, err);

    wf_buf_init(&b, WF_SEALED_MESSAGE_BYTES - WF_REMOTE_HEAD_BYTES);
    if (rc == 0)
        rc = check(j, &r, err);
    if (rc == 0)
        rc = ways[r.what](j, &r, &b, err);
    wf_remote_request_deinit(&r);
    wf_buf_deinit(&b);
    return rc;
}

static void run(void *ud)
{
    struct job *j = ud;
    struct wf_nodes *n = j->n;
    struct wf_err err = WF_ERR_INIT;
    int rc = is_given_up(j) ? WF_E_CANCELED : answer(j, &err);

    pthread_mutex_lock(&n->lock);
    if (rc != 0 && !is_given_up(j))
        send_error(n, j->peer, j->id, rc, err.msg);
    if (rc == WF_E_DENIED && n->o.log != NULL)
        wf_log_line(n->o.log, WF_LOG_WARN, "nodes", "a request of %s was refused: %s", j->asker,
                    err.msg);
    drop(j);
    pthread_mutex_unlock(&n->lock);
}

/* ---- what comes; the lock is held ---- */

static int refuse(struct wf_nodes *n, struct wf_nodes_peer *p, uint32_t id)
{
    send_error(n, p->id, id, WF_E_BUSY, "It answers as many requests of others as it can.");
    return 0;
}

static struct job *job_new(struct wf_nodes *n, struct wf_nodes_peer *p,
                           const struct wf_remote_message *m)
{
    struct job *j = wf_alloc_array(1, sizeof(*j));

    if (j == NULL)
        return NULL;
    j->n = n;
    j->peer = p->id;
    j->id = m->id;
    j->total = m->number;
    j->credit = WF_REMOTE_WINDOW_BYTES;
    (void)snprintf(j->asker, sizeof(j->asker), "%s", p->entry.name);
    wf_buf_init(&j->request, m->number);
    wf_cond_init(&j->changed);
    wf_list_push(&n->jobs, &j->node);
    n->n_jobs++;
    p->n_jobs++;
    return j;
}

/* One more piece of a request; the whole one goes to the team. */
static int add_piece(struct wf_nodes *n, struct wf_nodes_peer *p, struct job *j,
                     struct wf_str bytes, struct wf_err *err)
{
    const uint32_t id = j->id;
    int rc = wf_buf_append_str(&j->request, bytes);

    if (rc == WF_E_LIMIT || bytes.len == 0 || j->is_posted)
        return wf_err_set(err, WF_E_FORMAT, "Its request is longer than it said.");
    if (rc == 0)
        n->incoming_bytes += bytes.len;
    if (rc != 0 || n->incoming_bytes > WF_NODES_INCOMING_BYTES) {
        give_up(j);
        return refuse(n, p, id);
    }
    if (j->request.len < j->total)
        return 0;
    j->is_posted = true;
    if (wf_team_post(n->team, run, j) == 0)
        return 0;
    j->is_posted = false;
    give_up(j);
    return refuse(n, p, id);
}

static int take_request(struct wf_nodes *n, struct wf_nodes_peer *p,
                        const struct wf_remote_message *m, struct wf_err *err)
{
    struct job *j = job_of(n, p->id, m->id);

    if (m->number == 0) /* one more piece, perhaps of a request that was refused or given up */
        return j != NULL ? add_piece(n, p, j, m->bytes, err) : 0;
    if (j != NULL)
        return wf_err_set(err, WF_E_FORMAT, "It asks under a number that is in use.");
    if (m->number > WF_REMOTE_REQUEST_BYTES)
        return wf_err_set(err, WF_E_LIMIT, "Its request is longer than any may be.");
    if (p->n_jobs >= WF_NODES_REQUESTS_PEER || n->n_jobs >= WF_NODES_REQUESTS_MAX)
        return refuse(n, p, m->id);
    j = job_new(n, p, m);
    return j != NULL ? add_piece(n, p, j, m->bytes, err) : refuse(n, p, m->id);
}

int wf_nodes__take_asked(struct wf_nodes *n, struct wf_nodes_peer *p,
                         const struct wf_remote_message *m, struct wf_err *err)
{
    struct job *j;

    if (m->kind == WF_REMOTE_REQUEST)
        return take_request(n, p, m, err);
    j = job_of(n, p->id, m->id);
    if (j == NULL)
        return 0; /* it is over */
    if (m->kind == WF_REMOTE_CANCEL) {
        give_up(j);
    } else {
        j->credit = WF_MIN(j->credit + m->number, (int64_t)WF_REMOTE_WINDOW_BYTES);
        pthread_cond_broadcast(&j->changed);
    }
    return 0;
}
