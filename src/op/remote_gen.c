/* SPDX-License-Identifier: Apache-2.0 */
/* One generation of an engine elsewhere: it pulls bytes from airlock, feeds them to the protocol's
 * reader, and gives its events out with what was redacted put back. A try that fails before any of
 * the answer was told is made again. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/rng.h"
#include "op/remote_internal.h"
#include "route/provider.h"

/* A wait is given up this soon after nobody waits any more. */
#define TICK_MS 50

struct generation {
    struct wf_gen base;
    struct wf_remote *r;
    const struct wf_engine_entry *engine;
    const char *own_model; /* the provider's name */
    struct wf_remote_cleared cleared;
    struct wf_airlock_call *call;
    struct wf_provider_reader *reader;
    struct wf_remote_stake stake;
    uint32_t n_tries;
    int64_t again_ns; /* when the next try is due; 0: none is waited for */
    struct wf_alarm alarm;
    bool has_alarm;  /* it may be set */
    int status;      /* of this try; 0: none came */
    bool has_told;   /* some of the answer is out */
    uint64_t n_told; /* its bytes */
    bool is_fed;     /* all bytes are in the reader */
    struct wf_remote_back back;
    struct wf_remote_heard heard;
    struct wf_buf body;    /* what is sent */
    struct wf_str id, why; /* of the request: the caller's, or its own */
    char own_id[24];
    const char *consent; /* as wf_gen_usage has it */
    struct wf_gen_usage usage;
    char model[WF_AIRLOCK_TEXT_BYTES], route[2 * WF_AIRLOCK_TEXT_BYTES + 360];
};

/* ---- the way there ---- */

/* One try: airlock gets the request, a reader waits for the answer. */
static int send(struct generation *g, struct wf_err *err)
{
    const struct wf_gen_request *q = &g->cleared.q;
    const bool streamed = true;
    struct wf_airlock_frame f = {.label = g->cleared.label,
                                 .streamed = streamed,
                                 .engine = wf_str_from(g->engine->name),
                                 .model = wf_str_from(g->own_model),
                                 .request_id = g->id,
                                 .reason = g->why,
                                 .text = wf_buf_str(&g->body)};
    struct wf_provider_reader *reader = NULL;
    int rc;

    f.is_released = g->cleared.is_released;
    f.release = g->cleared.release;
    f.n_counts = g->cleared.n_counts;
    memcpy(f.counts, g->cleared.counts, sizeof(f.counts));
    rc = wf_provider_reader_new(g->engine, q, streamed, NULL, &reader, err);
    if (rc != 0)
        return rc;
    wf_provider_reader_free(g->reader);
    g->reader = reader;
    g->is_fed = false;
    g->status = 0;
    rc = wf_remote__enter(g->r->pace, &g->stake, err);
    if (rc == 0)
        rc = wf_airlock_call_new(g->r->o.link, &f, q->canceled, q->canceled_ud, &g->call, err);
    if (rc != 0)
        wf_remote__left(g->r->pace, &g->stake, NULL, NULL); /* no fault of the engine's */
    g->n_tries++;
    return rc;
}

/* Where a person has released the request: that this is what was looked at. */
static int check_release(const struct generation *g, struct wf_err *err)
{
    const struct wf_remote_cleared *c = &g->cleared;
    struct wf_str body = wf_buf_str(&g->body);
    uint8_t what[WF_RELEASE_DIGEST_BYTES];

    if (!c->is_released)
        return 0;
    wf_release_digest(&body, 1, what);
    if (memcmp(what, c->release.what, sizeof(what)) != 0 || strcmp(c->ticket.model, g->model) != 0)
        return wf_err_set(err, WF_E_DENIED, "The release is for another text than this one.");
    return 0;
}

/* Writes what is sent, reserves what it may cost, and sends it. */
static int begin(struct generation *g, struct wf_err *err)
{
    int rc = wf_provider_write(g->engine, &g->cleared.q, g->own_model, true, &g->body, NULL, err);

    snprintf(g->route, sizeof(g->route), "%s; %s; label=%s; redacted=%zu; id=%.*s", g->engine->name,
             g->model, wf_label_name(g->cleared.label), g->cleared.n_redacted, WF_STR_ARG(g->id));
    if (g->cleared.is_released)
        (void)snprintf(g->route + strlen(g->route), sizeof(g->route) - strlen(g->route),
                       "; released=%s", wf_label_name(g->cleared.release.from));
    if (rc == 0)
        rc = check_release(g, err);
    if (rc == 0)
        rc = wf_remote__reserve(g->r->pace, g->engine, &g->cleared.q, wf_buf_str(&g->body),
                                &g->stake, err);
    return rc == 0 ? send(g, err) : rc;
}

/* ---- the way back ---- */

static void feed_head(struct generation *g, const struct wf_airlock_piece *p)
{
    struct wf_str rest = p->head;

    g->status = p->status;
    wf_provider_status(g->reader, p->status);
    while (rest.len > 0) {
        size_t end = WF_MIN(wf_str_find_byte(rest, '\n', 0), rest.len);
        struct wf_str line = wf_str_sub(rest, 0, end);
        size_t colon = wf_str_find_byte(line, ':', 0);
        if (colon < line.len)
            wf_provider_header(g->reader, wf_str_sub(line, 0, colon),
                               wf_str_trim(wf_str_sub(line, colon + 1, line.len)));
        rest = wf_str_sub(rest, WF_MIN(end + 1, rest.len), rest.len);
    }
}

/* WF_AIRLOCK_LATER when there is somebody to wake, and nothing has come. */
static int more(struct generation *g, const struct wf_gen_wake *w, struct wf_err *err)
{
    struct wf_airlock_piece p;
    int rc;

    if (g->is_fed)
        return wf_err_set(err, WF_E_IO, "%.40s broke off in the middle of its answer.",
                          g->engine->name);
    if (w != NULL)
        rc = wf_airlock_call_try(g->call, &(struct wf_airlock_wake){.fn = w->fn, .ud = w->ud}, &p,
                                 err);
    else
        rc = wf_airlock_call_next(g->call, &p, err);
    if (rc != 0)
        return rc;
    if (p.head.len > 0 || (p.is_end && p.bytes.len == 0))
        feed_head(g, &p);
    if (p.bytes.len > 0)
        rc = wf_provider_feed(g->reader, p.bytes, err);
    if (rc == 0 && p.is_end) {
        g->is_fed = true;
        wf_provider_end(g->reader);
    }
    return rc;
}

/* An event of the reader's, on its way to the caller. */
static int tell(struct generation *g, struct wf_gen_event *io, struct wf_err *err)
{
    g->has_told = true;
    g->n_told += io->text.len;
    int rc = wf_remote__restore(&g->back, g->cleared.redaction, io, err);

    if (rc == 1)
        wf_remote__hear(&g->heard, io);
    return rc;
}

/* Looks at the answer, and says in the route what is flagged. */
static void look_at(struct generation *g)
{
    size_t at = strlen(g->route);

    if (g->heard.asked == NULL)
        return;
    wf_remote__look_at(&g->heard, &g->r->o, g->cleared.redaction);
    if (g->heard.text[0] != '\0' && at < sizeof(g->route))
        (void)snprintf(g->route + at, sizeof(g->route) - at, "; flagged=%s", g->heard.text);
}

static int end(struct generation *g)
{
    const struct wf_provider_rates rates = wf_provider_rates(g->reader);

    wf_remote__left(g->r->pace, &g->stake, NULL, &rates);
    look_at(g);
    (void)wf_remote__usage(&g->base); /* whoever holds it sees the final counts */
    return 0;
}

/* That the policy keeps it here is no failure: callers may ask for it. */
static int note_kept(const struct wf_gen_request *q, int rc)
{
    if (rc == WF_E_DENIED && q->is_kept != NULL)
        *q->is_kept = true;
    return rc;
}

/* What went wrong with a try: the provider's word, or that airlock could not reach it. */
static struct wf_provider_problem problem_of(const struct generation *g, int rc, bool is_link)
{
    struct wf_provider_problem p = wf_provider_problem(g->reader);

    if (is_link)
        p = (struct wf_provider_problem){.may_retry = rc == WF_E_IO || rc == WF_E_TIMEOUT,
                                         .retry_after_ms = -1};
    p.is_midway = p.is_midway || g->has_told;
    return p;
}

static void clear_alarm(struct generation *g)
{
    if (g->has_alarm)
        wf_alarm_clear(g->r->alarms, &g->alarm);
    g->has_alarm = false;
}

/* Waits until the next try is due, and makes it; WF_GEN_LATER when there is somebody to wake. */
static int pause_and_send(struct generation *g, const struct wf_gen_wake *w, struct wf_err *err)
{
    const struct wf_gen_request *q = &g->cleared.q;

    for (;;) {
        const int64_t left_ns = g->again_ns - wf_clock_mono_ns(NULL);
        if (q->canceled != NULL && q->canceled(q->canceled_ud))
            return wf_err_set(err, WF_E_CANCELED, "Canceled.");
        if (left_ns <= 0)
            break;
        if (w != NULL) {
            g->has_alarm = true;
            wf_alarm_set(g->r->alarms, &g->alarm, g->again_ns, w->fn, w->ud);
            return WF_GEN_LATER;
        }
        (void)poll(NULL, 0, (int)WF_MIN(left_ns / 1000000 + 1, (int64_t)TICK_MS)); /* a pause */
    }
    g->again_ns = 0;
    return send(g, err);
}

/* A try failed with rc: 0 when there is to be another one. */
static int try_again(struct generation *g, int rc, bool is_link)
{
    const struct wf_provider_problem p = problem_of(g, rc, is_link);
    const struct wf_provider_rates rates = wf_provider_rates(g->reader);
    int64_t ms;

    wf_remote__left(g->r->pace, &g->stake, &p, &rates);
    ms = wf_remote__wait_ms(g->r->pace, &g->stake, g->n_tries, &p);
    if (rc == WF_E_CANCELED || ms < 0 || g->cleared.q.is_once ||
        g->cleared.is_released) /* that was for one sending */
        return rc;
    wf_airlock_call_free(g->call);
    g->call = NULL;
    g->again_ns = wf_clock_mono_ns(NULL) + ms * 1000000;
    return 0;
}

int wf_remote__next(struct wf_gen *base, struct wf_gen_event *out, struct wf_err *err)
{
    return wf_remote__try(base, NULL, out, err);
}

int wf_remote__try(struct wf_gen *base, const struct wf_gen_wake *w, struct wf_gen_event *out,
                   struct wf_err *err)
{
    struct generation *g = WF_CONTAINER(base, struct generation, base);

    clear_alarm(g); /* who asks need not be woken */
    for (;;) {
        bool is_link = false;
        int rc = g->again_ns != 0 ? pause_and_send(g, w, err) : 0;
        if (rc != 0)
            return rc;
        rc = 1;
        if (g->back.has_stash)
            *out = g->back.stash;
        else
            rc = wf_provider_next(g->reader, out, err);
        g->back.has_stash = false;
        if (rc == WF_PROVIDER_WAIT) {
            rc = more(g, w, err);
            if (rc == WF_AIRLOCK_LATER)
                return WF_GEN_LATER;
            rc = note_kept(&g->cleared.q, rc);
            is_link = true;
        }
        if (rc < 0)
            rc = try_again(g, rc, is_link);
        else if (rc == 1 && out->i_choice >= g->back.n_choices)
            rc = wf_err_set(err, WF_E_FORMAT, "%.40s sent an answer too many.", g->engine->name);
        else if (rc == 1)
            rc = tell(g, out, err);
        else if (!is_link)
            return end(g);
        if (rc != 0)
            return rc;
    }
}

const struct wf_gen_usage *wf_remote__usage(const struct wf_gen *base)
{
    struct wf_gen *own = (struct wf_gen *)(uintptr_t)base; /* a copy that it keeps changes */
    struct generation *g = WF_CONTAINER(own, struct generation, base);

    g->usage = *wf_provider_usage(g->reader);
    g->usage.model = g->model;
    g->usage.route = g->route;
    g->usage.consent = g->consent;
    g->usage.flags = g->heard.text[0] != '\0' ? g->heard.text : NULL;
    return &g->usage;
}

/* Books what was used, and tells the ledger. Where the provider did not say how much it was, it is
 * what texts of that length have, about; of what never began to answer it is nothing. */
static void settle(struct generation *g)
{
    struct wf_gen_usage used = {.n_prompt = 0};
    struct wf_airlock_frame report = {.n_counts = 0};

    if (g->reader != NULL && g->status >= 200 && g->status < 300)
        used = *wf_provider_usage(g->reader);
    if (g->has_told && used.n_prompt == 0)
        used.n_prompt = g->stake.n_prompt;
    if (g->has_told && used.n_written == 0)
        used.n_written = (size_t)(g->n_told / 4) + 1;
    report.cost_micro = (uint64_t)wf_remote__settle(g->r->pace, &g->stake, &used);
    report.tokens_in = used.n_prompt;
    report.tokens_out = used.n_written;
    look_at(g); /* of one that broke off */
    wf_remote__count_flags(&g->heard, &report);
    if (g->call != NULL)
        wf_airlock_call_report(g->call, &report);
}

void wf_remote__gen_free(struct wf_gen *base)
{
    struct generation *g = WF_CONTAINER(base, struct generation, base);

    clear_alarm(g);
    wf_remote__left(g->r->pace, &g->stake, NULL, NULL); /* given up: no fault of the engine's */
    if (g->stake.engine != NULL)
        settle(g);
    wf_airlock_call_free(g->call);
    wf_provider_reader_free(g->reader);
    wf_remote__cleared_free(&g->cleared);
    wf_remote__back_deinit(&g->back);
    wf_buf_deinit(&g->body);
    wf_buf_deinit(&g->heard.answer);
    wf_free(g);
}

/* ---- beginning ---- */

int wf_remote__generate(struct wf_remote *r, const struct wf_engine_entry *e, const char *own_model,
                        const struct wf_gen_request *q, struct wf_gen **out, struct wf_err *err)
{
    struct generation *g;
    int rc;

    if (q->messages == NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED, "%.40s is spoken to in chats only.", e->name);
    g = wf_alloc_array(1, sizeof(*g));
    if (g == NULL)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    g->base.ops = r->base.ops;
    g->r = r;
    g->engine = e;
    g->own_model = own_model;
    memcpy(g->own_id, "r-", 3);
    wf_rng_hex(NULL, g->own_id + 2, 8);
    g->id = wf_str_from(q->request_id != NULL ? q->request_id : g->own_id);
    g->why = q->reason != NULL ? wf_str_from(q->reason) : WF_STR("asked for by name");
    g->consent = wf_gen_consent(q);
    wf_buf_init(&g->body, WF_AIRLOCK_BODY_BYTES);
    wf_buf_init(&g->heard.answer, WF_LIMIT_DETECT_BYTES);
    g->heard.asked = r->o.inbound != NULL ? q->messages : NULL;
    snprintf(g->model, sizeof(g->model), "%s/%s", e->name, own_model);
    rc = wf_remote__back_init(&g->back, WF_MAX(q->n_choices, (size_t)1), err);
    if (rc == 0)
        rc = wf_remote__clear(&r->o, e, q, &g->cleared, err);
    if (rc == 0)
        rc = begin(g, err);
    (void)note_kept(q, rc);
    if (rc != 0)
        wf_remote__gen_free(&g->base);
    else
        *out = &g->base;
    return rc;
}
