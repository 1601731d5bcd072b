/* SPDX-License-Identifier: Apache-2.0 */
/* The guard: who may come in.
 *
 * Three checks, each closing one door: Host must be ours (a page elsewhere may point its name at
 * this machine: DNS rebinding), Origin must be ours when sent (a page elsewhere may send requests
 * blindly), and the token must be right (other programs and people of this machine). The page holds
 * no token: a one-time code becomes a cookie that scripts cannot read. Comparisons take the same
 * time for any wrong guess. */
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "http/http_internal.h"

#define CODE_LIFE_NS ((int64_t)24 * 3600 * 1000000000)

int wf_guard_init(struct wf_guard *g, const struct wf_http_options *o, struct wf_err *err)
{
    static const char purpose[] = "weft page cookie 1";
    unsigned char hash[32];
    bool v6 = strchr(o->host, ':') != NULL;

    memset(g, 0, sizeof(*g));
    if (sodium_init() < 0)
        return wf_err_set(err, WF_E_IO, "The system gives no random numbers.");
    if (strlen(o->token) < 16 || strlen(o->token) >= sizeof(g->token))
        return wf_err_set(err, WF_E_INVAL, "The token is too short or too long.");
    if (o->origins != NULL && strlen(o->origins) >= sizeof(g->origins))
        return wf_err_set(err, WF_E_INVAL, "The setting \"origins\" is too long.");
    snprintf(g->token, sizeof(g->token), "%s", o->token);
    snprintf(g->origins, sizeof(g->origins), "%s", o->origins != NULL ? o->origins : "");
    snprintf(g->cookie_name, sizeof(g->cookie_name), "weft_%u", o->port);
    snprintf(g->host, sizeof(g->host), "%s%s%s", v6 ? "[" : "", o->host, v6 ? "]" : "");
    g->port = o->port;
    crypto_generichash(hash, sizeof(hash), (const unsigned char *)purpose, sizeof(purpose) - 1,
                       (const unsigned char *)g->token, strlen(g->token));
    sodium_bin2hex(g->cookie, sizeof(g->cookie), hash, sizeof(hash));
    pthread_mutex_init(&g->lock, NULL);
    if (o->first_code) {
        snprintf(g->codes[0].code, sizeof(g->codes[0].code), "%s", o->first_code);
        g->codes[0].until_ns = wf_clock_mono_ns(NULL) + CODE_LIFE_NS;
        g->i_next = 1;
    }
    return 0;
}

void wf_guard_deinit(struct wf_guard *g)
{
    pthread_mutex_destroy(&g->lock);
    sodium_memzero(g->token, sizeof(g->token));
}

bool wf_guard_host_ok(const struct wf_guard *g, const char *host)
{
    const char *const names[] = {g->host, "127.0.0.1", "localhost", "[::1]"};
    char with_port[96];

    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        snprintf(with_port, sizeof(with_port), "%s:%u", names[i], g->port);
        if (strcasecmp(host, with_port) == 0 || (g->port == 80 && strcasecmp(host, names[i]) == 0))
            return true;
    }
    return false;
}

bool wf_guard_origin_ok(const struct wf_guard *g, const char *origin)
{
    if (origin[0] == 0)
        return true;
    return strncasecmp(origin, "http://", 7) == 0 && wf_guard_host_ok(g, origin + 7);
}

bool wf_guard_is_friend(const struct wf_guard *g, const char *origin)
{
    struct wf_str rest = wf_str_from(g->origins), one;

    while (rest.len > 0) {
        size_t end = 0;
        while (end < rest.len && rest.ptr[end] != ' ' && rest.ptr[end] != ',')
            end++;
        one = wf_str_sub(rest, 0, end);
        rest = wf_str_sub(rest, end < rest.len ? end + 1 : end, rest.len);
        if (one.len > 0 && wf_str_eq_nocase(one, wf_str_from(origin)))
            return true;
    }
    return false;
}

static bool same_secret(const char *secret, struct wf_str guess)
{
    unsigned char a[32], b[32];

    /* Hashes of one length are compared, so that a wrong length takes no less time. */
    crypto_generichash(a, sizeof(a), (const unsigned char *)secret, strlen(secret), NULL, 0);
    crypto_generichash(b, sizeof(b), (const unsigned char *)(guess.len ? guess.ptr : ""), guess.len,
                       NULL, 0);
    return sodium_memcmp(a, b, sizeof(a)) == 0;
}

bool wf_guard_token_ok(const struct wf_guard *g, struct wf_str token)
{
    return same_secret(g->token, token);
}

bool wf_guard_cookie_ok(const struct wf_guard *g, struct wf_str cookie)
{
    return same_secret(g->cookie, cookie);
}

void wf_guard_new_code(struct wf_guard *g, char out[WF_HTTP_CODE_HEX_LEN + 1])
{
    size_t i;

    wf_rng_hex(NULL, out, WF_HTTP_CODE_HEX_LEN / 2);
    pthread_mutex_lock(&g->lock);
    i = g->i_next++ % WF_HTTP_CODES_MAX; /* the oldest gives way */
    memcpy(g->codes[i].code, out, WF_HTTP_CODE_HEX_LEN + 1);
    g->codes[i].until_ns = wf_clock_mono_ns(NULL) + CODE_LIFE_NS;
    pthread_mutex_unlock(&g->lock);
}

bool wf_guard_use_code(struct wf_guard *g, struct wf_str code)
{
    int64_t now_ns = wf_clock_mono_ns(NULL);
    bool ok = false;

    if (code.len != WF_HTTP_CODE_HEX_LEN)
        return false;
    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < WF_HTTP_CODES_MAX; i++) {
        if (g->codes[i].code[0] == 0 || !same_secret(g->codes[i].code, code))
            continue;
        ok = now_ns < g->codes[i].until_ns;
        g->codes[i].code[0] = 0;
    }
    pthread_mutex_unlock(&g->lock);
    return ok;
}
