/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the fetching process, through libcurl.
 *
 * Redirects are followed here and not by libcurl, so that each one is looked at: where it leads
 * (https; http only on this machine), how many there were, and that a token goes only to whom it is
 * for. Nothing is taken from .netrc, no cookies are kept. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "daemon/fetch_internal.h"

#define CONNECT_S 30
/* A connection without a byte for so long is dead. */
#define STALL_S 60

bool wf_fetch__is_given_up(const struct wf_fetch *f)
{
    struct pollfd p = {.fd = f->fd, .events = POLLRDHUP};

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static int on_progress(void *ud, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return wf_fetch__is_given_up(ud) ? 1 : 0;
}

static int add_header(struct curl_slist **io_headers, const char *name, const char *value)
{
    char line[8448];
    struct curl_slist *more;
    int n = snprintf(line, sizeof(line), "%s: %s", name, value);

    if (n < 0 || (size_t)n >= sizeof(line) || !(more = curl_slist_append(*io_headers, line)))
        return WF_E_NOMEM;
    *io_headers = more;
    return 0;
}

CURL *wf_fetch__easy(struct wf_fetch *f, const char *url, struct curl_slist **io_headers,
                     struct wf_err *err)
{
    struct wf_str origin = wf_fetch_origin(url);
    CURL *e;
    bool bad = false;

    if (wf_fetch_check_url(url, err) != 0)
        return NULL;
    if (f->token && wf_str_eq(origin, wf_str_from(f->token_origin))) {
        char bearer[8300];
        snprintf(bearer, sizeof(bearer), "Bearer %s", f->token);
        bad = add_header(io_headers, "Authorization", bearer) != 0;
    }
    e = bad ? NULL : curl_easy_init();
    if (!e) {
        (void)wf_err_set(err, WF_E_NOMEM, "Out of memory.");
        return NULL;
    }
    bad |= curl_easy_setopt(e, CURLOPT_URL, url) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)STALL_S) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_USERAGENT, "weft/" WF_VERSION) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK;
    /* Parallel ranges are worth their connections: HTTP/2 would put them into one. */
    bad |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress) != CURLE_OK;
    bad |= curl_easy_setopt(e, CURLOPT_XFERINFODATA, f) != CURLE_OK;
    /* This machine itself is not behind a proxy. */
    if (strncmp(url, "http:", 5) == 0)
        bad |= curl_easy_setopt(e, CURLOPT_PROXY, "") != CURLE_OK;
    if (f->ca_file)
        bad |= curl_easy_setopt(e, CURLOPT_CAINFO, f->ca_file) != CURLE_OK;
    bad |= *io_headers && curl_easy_setopt(e, CURLOPT_HTTPHEADER, *io_headers) != CURLE_OK;
    if (!bad)
        return e;
    curl_easy_cleanup(e);
    (void)wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    return NULL;
}

int wf_fetch__status_error(long status, const char *what, struct wf_err *err)
{
    if (status == 404 || status == 410)
        return wf_err_set(err, WF_E_NOENT, "The server has no %.150s (HTTP %ld).", what, status);
    if (status == 401 || status == 403)
        return wf_err_set(err, WF_E_DENIED,
                          "The server does not give out %.100s (HTTP %ld): it does not exist, is "
                          "private, or needs a token.",
                          what, status);
    return wf_err_set(err, WF_E_IO, "The server answers HTTP %ld for %.150s.", status, what);
}

int wf_fetch__curl_error(CURLcode code, const char *url, struct wf_err *err)
{
    struct wf_str origin = wf_fetch_origin(url);

    if (code == CURLE_ABORTED_BY_CALLBACK)
        return wf_err_set(err, WF_E_CANCELED, "Canceled.");
    if (code == CURLE_OUT_OF_MEMORY)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    return wf_err_set(err, WF_E_IO, "%.*s cannot be reached: %s.",
                      (int)WF_MIN(origin.len, (size_t)120), origin.len ? origin.ptr : "",
                      curl_easy_strerror(code));
}

/* ---- small documents ---- */

static size_t take_body(char *p, size_t one, size_t n, void *ud)
{
    struct wf_buf *body = ud;

    (void)one; /* always 1 */
    return wf_buf_append(body, p, n) == 0 ? n : 0;
}

static size_t take_header(char *p, size_t one, size_t n, void *ud)
{
    struct wf_fetch__answer *a = ud;
    struct wf_str line = wf_str_n(p, n);
    static const struct wf_str name = {"www-authenticate:", 17};

    (void)one; /* always 1 */
    if (n > name.len && wf_str_eq_nocase(wf_str_sub(line, 0, name.len), name)) {
        line = wf_str_trim(wf_str_sub(line, name.len, n));
        snprintf(a->challenge, sizeof(a->challenge), "%.*s", WF_STR_ARG(line));
    }
    return n;
}

/* One request; *out_next is where it leads, in the arena, or NULL. */
static int get_once(struct wf_fetch *f, const char *url, const char *accept,
                    struct wf_fetch__answer *out, const char **out_next, struct wf_err *err)
{
    struct curl_slist *headers = NULL;
    char *next = NULL;
    CURL *e = NULL;
    CURLcode code;
    int rc = accept ? add_header(&headers, "Accept", accept) : 0;

    wf_buf_reset(&out->body);
    out->challenge[0] = '\0';
    *out_next = NULL;
    if (rc != 0)
        rc = wf_err_set(err, rc, "Out of memory.");
    else if (!(e = wf_fetch__easy(f, url, &headers, err)))
        rc = err ? err->code : WF_E_NOMEM;
    if (rc == 0) {
        (void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body); /* pointers: cannot fail */
        (void)curl_easy_setopt(e, CURLOPT_WRITEDATA, &out->body);
        (void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
        (void)curl_easy_setopt(e, CURLOPT_HEADERDATA, out);
        code = curl_easy_perform(e);
        if (wf_buf_status(&out->body) == WF_E_LIMIT)
            rc = wf_err_set(err, WF_E_LIMIT, "The server's answer is too long.");
        else if (code != CURLE_OK)
            rc = wf_fetch__curl_error(code, url, err);
    }
    if (rc == 0) {
        (void)curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &out->status); /* cannot fail */
        (void)curl_easy_getinfo(e, CURLINFO_REDIRECT_URL, &next);
        if (next && !(*out_next = wf_arena_printf(&f->arena, "%s", next)))
            rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    }
    curl_easy_cleanup(e);
    curl_slist_free_all(headers);
    return rc;
}

int wf_fetch__get(struct wf_fetch *f, const char *url, const char *accept,
                  struct wf_fetch__answer *out, struct wf_err *err)
{
    struct wf_err own = WF_ERR_INIT;
    int rc = 0;

    for (int i = 0; rc == 0 && i <= WF_FETCH_REDIRECTS_MAX; i++) {
        const char *next = NULL;
        rc = get_once(f, url, accept, out, &next, &own);
        if (rc == 0 && !next)
            return 0;
        if (rc == 0)
            rc = wf_fetch_check_redirect(url, next, &own);
        url = next;
    }
    if (rc == 0)
        rc = wf_err_set(&own, WF_E_IO, "The server leads from one address to the next endlessly.");
    return wf_err_set(err, rc, "%s", own.msg);
}
