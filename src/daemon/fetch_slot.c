/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a transfer: asks for a range, checks that the answer is that range before its
 * first byte is kept, writes it where it belongs.
 *
 * A server that answers 200 to a request for a range sends the whole file: that is noticed here and
 * told, so that the transfer starts anew with one connection. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "daemon/fetch_transfer.h"

static int fatal(struct wf_transfer *t, int rc)
{
    t->rc = rc;
    return rc;
}

/* ---- what comes ---- */

static size_t take_header(char *p, size_t one, size_t n, void *ud)
{
    static const struct wf_str name = {"content-range:", 14};
    struct wf_str line = wf_str_n(p, n);
    struct wf_slot *s = ud;

    (void)one; /* always 1 */
    if (n > name.len && wf_str_eq_nocase(wf_str_sub(line, 0, name.len), name))
        s->has_range = wf_fetch_content_range(wf_str_sub(line, name.len, n), &s->range);
    return n;
}

/* True when the answer's first byte is byte `at`. */
static bool check_answer(struct wf_slot *s, long status)
{
    struct wf_transfer *t = s->t;

    if (status == 206 && s->has_range && s->range.from == s->at &&
        (s->range.all == 0 || s->range.all == t->state.bytes))
        return true;
    if (status == 200 && (s->is_whole || (s->at == 0 && s->end == t->state.bytes)))
        return true;
    if (status == 200)
        t->no_ranges = true;
    else
        fatal(t, wf_err_set(&t->err, WF_E_FORMAT,
                            "The server sends another part of the file than it was asked for. The "
                            "file may have changed there; run the command again."));
    return false;
}

/* Notes that the bytes up to `at` are there. */
static void mark(struct wf_slot *s, uint64_t from)
{
    struct wf_fetch_state *state = &s->t->state;

    for (size_t i = (size_t)(from / WF_FETCH_PIECE_BYTES);
         i < state->n_pieces && i * WF_FETCH_PIECE_BYTES < s->at; i++)
        state->done[i] = WF_MIN(s->at - i * WF_FETCH_PIECE_BYTES, wf_fetch_piece_bytes(state, i));
}

static bool write_at(struct wf_transfer *t, const char *p, size_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t k = pwrite(t->fd, p, n, (off_t)at);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0) {
            fatal(t, wf_err_errno(&t->err, k < 0 ? errno : ENOSPC, "The model cannot be written"));
            return false;
        }
        p += k;
        n -= (size_t)k;
        at += (uint64_t)k;
    }
    return true;
}

static size_t take_body(char *p, size_t one, size_t n, void *ud)
{
    struct wf_slot *s = ud;
    struct wf_transfer *t = s->t;
    long status = 0;

    (void)one;                                                         /* always 1 */
    (void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status); /* cannot fail */
    if (status != 200 && status != 206)
        return n; /* an error's page, or a redirect's */
    if (!s->is_checked && !check_answer(s, status))
        return 0;
    s->is_checked = true;
    if (n > s->end - s->at) {
        fatal(t, wf_err_set(&t->err, WF_E_FORMAT, "The server sends more than was asked for."));
        return 0;
    }
    if (!write_at(t, p, n, s->at))
        return 0;
    s->at += n;
    t->n_received += n;
    if (!s->is_whole) /* which begins anew each time: that is no progress */
        t->n_failures = 0;
    mark(s, s->at - n);
    return n;
}

/* ---- beginning and end ---- */

void wf_slot__stop(struct wf_slot *s)
{
    if (s->easy) {
        (void)curl_multi_remove_handle(s->t->f->multi, s->easy); /* fails for our mistakes only */
        curl_easy_cleanup(s->easy);
    }
    curl_slist_free_all(s->headers);
    wf_free(s->url);
    s->easy = NULL;
    s->headers = NULL;
    s->url = NULL;
}

static bool add_if_range(struct wf_slot *s)
{
    char line[300];
    struct curl_slist *more;

    if (s->is_whole || !s->t->state.etag[0])
        return true;
    snprintf(line, sizeof(line), "If-Range: %s", s->t->state.etag);
    more = curl_slist_append(s->headers, line);
    if (more)
        s->headers = more;
    return more != NULL;
}

bool wf_slot__start(struct wf_slot *s, const char *url)
{
    struct wf_transfer *t = s->t;
    char range[64];
    bool bad = false;

    s->is_checked = s->has_range = false;
    s->url = wf_strdup(url);
    if (!s->url || !add_if_range(s)) {
        fatal(t, wf_err_set(&t->err, WF_E_NOMEM, "Out of memory."));
        return false;
    }
    s->easy = wf_fetch__easy(t->f, url, &s->headers, &t->err);
    if (!s->easy) {
        fatal(t, t->err.code);
        return false;
    }
    if (!s->is_whole) {
        snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64, s->at, s->end - 1);
        bad |= curl_easy_setopt(s->easy, CURLOPT_RANGE, range) != CURLE_OK;
    }
    bad |= curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, take_body) != CURLE_OK;
    bad |= curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s) != CURLE_OK;
    bad |= curl_easy_setopt(s->easy, CURLOPT_HEADERFUNCTION, take_header) != CURLE_OK;
    bad |= curl_easy_setopt(s->easy, CURLOPT_HEADERDATA, s) != CURLE_OK;
    bad |= curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s) != CURLE_OK;
    if (bad || curl_multi_add_handle(t->f->multi, s->easy) != CURLM_OK) {
        fatal(t, wf_err_set(&t->err, WF_E_NOMEM, "Out of memory."));
        return false;
    }
    return true;
}

/* Begins again where the server leads. */
static enum wf_slot_end follow(struct wf_slot *s, const char *next)
{
    struct wf_transfer *t = s->t;
    char *url = wf_strdup(next);
    int rc = url ? wf_fetch_check_redirect(s->url, url, &t->err)
                 : wf_err_set(&t->err, WF_E_NOMEM, "Out of memory.");

    if (rc == 0 && ++s->n_redirects > WF_FETCH_REDIRECTS_MAX)
        rc = wf_err_set(&t->err, WF_E_IO,
                        "The server leads from one address to the next endlessly.");
    wf_slot__stop(s);
    if (rc != 0)
        fatal(t, rc);
    else if (wf_slot__start(s, url)) {
        wf_free(url);
        return WF_SLOT_GOES_ON;
    }
    wf_free(url);
    wf_slot__stop(s);
    return WF_SLOT_FATAL;
}

/* What a status that is no success means. */
static enum wf_slot_end by_status(struct wf_slot *s, long status)
{
    struct wf_transfer *t = s->t;
    int rc = wf_fetch__status_error(status, s->url, &t->err);
    /* A link that a server leads to may be good for minutes only: the next try gets another. */
    bool is_worth_a_try =
        status >= 500 || status == 429 || status == 408 || (status == 403 && s->n_redirects > 0);

    if (status == 416)
        rc = wf_err_set(&t->err, WF_E_FORMAT, "The file on the server is another one now.");
    if (is_worth_a_try)
        return WF_SLOT_FAILED;
    fatal(t, rc);
    return WF_SLOT_FATAL;
}

/* True for failures that the next try would meet, too. */
static bool is_hopeless(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_CIPHER || code == CURLE_UNSUPPORTED_PROTOCOL ||
           code == CURLE_URL_MALFORMAT || code == CURLE_OUT_OF_MEMORY ||
           code == CURLE_ABORTED_BY_CALLBACK;
}

enum wf_slot_end wf_slot__finish(struct wf_slot *s, CURLcode code)
{
    struct wf_transfer *t = s->t;
    enum wf_slot_end end = WF_SLOT_FAILED;
    char *next = NULL;
    long status = 0;

    (void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status); /* cannot fail */
    (void)curl_easy_getinfo(s->easy, CURLINFO_REDIRECT_URL, &next);
    if (t->rc != 0) {
        end = WF_SLOT_FATAL;
    } else if (t->no_ranges && !s->is_whole) {
        end = WF_SLOT_NO_RANGES;
    } else if (code != CURLE_OK) {
        int rc = wf_fetch__curl_error(code, s->url, &t->err);
        if (is_hopeless(code)) {
            fatal(t, rc);
            end = WF_SLOT_FATAL;
        }
    } else if (next) {
        return follow(s, next);
    } else if (status != 200 && status != 206) {
        end = by_status(s, status);
    } else if (s->at == s->end || s->end == UINT64_MAX) {
        end = WF_SLOT_DONE;
    } else {
        (void)wf_err_set(&t->err, WF_E_IO, "The server ends before the file does.");
    }
    wf_slot__stop(s);
    return end;
}

/* ---- the probe ---- */

struct probing {
    struct wf_fetch__probe *out;
    struct wf_fetch_range range;
    bool has_range;
    char modified[256];
};

/* The header's value when it has that name; names are lower case, with the colon. */
static bool header_is(struct wf_str line, const char *name, struct wf_str *out_value)
{
    size_t n = strlen(name);

    if (line.len <= n || !wf_str_eq_nocase(wf_str_sub(line, 0, n), wf_str_from(name)))
        return false;
    *out_value = wf_str_trim(wf_str_sub(line, n, line.len));
    return true;
}

static size_t probe_header(char *p, size_t one, size_t n, void *ud)
{
    struct wf_str line = wf_str_n(p, n), v;
    struct probing *q = ud;

    (void)one; /* always 1 */
    if (wf_str_starts(line, WF_STR("HTTP/"))) {
        q->has_range = false; /* another answer begins */
        q->out->etag[0] = q->modified[0] = '\0';
    } else if (header_is(line, "content-range:", &v)) {
        q->has_range = wf_fetch_content_range(v, &q->range);
    } else if (header_is(line, "etag:", &v) && v.len < sizeof(q->out->etag) &&
               !wf_str_starts(v, WF_STR("W/"))) {
        snprintf(q->out->etag, sizeof(q->out->etag), "%.*s", WF_STR_ARG(v));
    } else if (header_is(line, "last-modified:", &v) && v.len < sizeof(q->modified)) {
        snprintf(q->modified, sizeof(q->modified), "%.*s", WF_STR_ARG(v));
    }
    return n;
}

/* The first byte says enough. */
static size_t probe_body(char *p, size_t one, size_t n, void *ud)
{
    (void)p;
    (void)one;
    (void)n;
    (void)ud;
    return 0;
}

/* One request; *out_next is where it leads, in the arena. */
static int probe_once(struct wf_fetch *f, const char *url, struct probing *q, const char **out_next,
                      struct wf_err *err)
{
    struct curl_slist *headers = NULL;
    CURL *e = wf_fetch__easy(f, url, &headers, err);
    curl_off_t length = -1;
    char *next = NULL;
    long status = 0;
    int rc = 0;

    *out_next = NULL;
    if (!e)
        return err->code;
    (void)curl_easy_setopt(e, CURLOPT_RANGE, "0-0"); /* a failure asks for all: the same here */
    (void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, probe_body); /* pointers: cannot fail */
    (void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, probe_header);
    (void)curl_easy_setopt(e, CURLOPT_HEADERDATA, q);
    CURLcode code = curl_easy_perform(e);
    (void)curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status); /* cannot fail */
    (void)curl_easy_getinfo(e, CURLINFO_REDIRECT_URL, &next);
    (void)curl_easy_getinfo(e, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (code != CURLE_OK && code != CURLE_WRITE_ERROR)
        rc = wf_fetch__curl_error(code, url, err);
    else if (next)
        rc = (*out_next = wf_arena_printf(&f->arena, "%s", next))
                 ? 0
                 : wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    else if (status != 200 && status != 206)
        rc = wf_fetch__status_error(status, url, err);
    else if (status == 206 && q->has_range && q->range.all > 0)
        q->out->bytes = q->range.all;
    else
        q->out->bytes = status == 200 && length > 0 ? (uint64_t)length : 0;
    q->out->has_ranges = status == 206 && q->has_range;
    curl_easy_cleanup(e);
    curl_slist_free_all(headers);
    return rc;
}

int wf_fetch__probe(struct wf_fetch *f, const char *url, struct wf_fetch__probe *out,
                    struct wf_err *err)
{
    struct wf_fetch__probe p = {.bytes = 0};
    struct probing q = {.out = &p};
    struct wf_err own = WF_ERR_INIT;
    const char *next = url;
    int rc = 0;

    for (int i = 0; rc == 0 && next && i <= WF_FETCH_REDIRECTS_MAX; i++) {
        url = next;
        rc = probe_once(f, url, &q, &next, &own);
        if (rc == 0 && next)
            rc = wf_fetch_check_redirect(url, next, &own);
    }
    if (rc == 0 && next)
        rc = wf_err_set(&own, WF_E_IO, "The server leads from one address to the next endlessly.");
    if (rc != 0)
        return wf_err_set(err, rc, "%s", own.msg);
    if (!p.etag[0])
        memcpy(p.etag, q.modified, sizeof(p.etag));
    *out = p;
    return 0;
}
