/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of providers in plain words, and what they mean for another try. The HTTP status decides
 * where there is one; within a stream, and where one status means several things (429: too fast, or
 * no money), the provider's own word for the kind of error does. */
#include <stdio.h>
#include <string.h>

#include "base/civil.h"
#include "base/duration.h"
#include "base/json.h"
#include "route/provider_internal.h"

enum advice {
    ADVICE_NEVER,     /* the request itself is wrong */
    ADVICE_RETRY,     /* here, later, or elsewhere */
    ADVICE_ELSEWHERE, /* not here */
};

struct meaning {
    int code;
    enum advice advice;
    const char *words; /* behind the engine's name */
};

#define RATE                                                                                       \
    {                                                                                              \
        WF_E_BUSY, ADVICE_RETRY, "has had too many requests"                                       \
    }
#define OVERLOAD                                                                                   \
    {                                                                                              \
        WF_E_BUSY, ADVICE_RETRY, "is overloaded"                                                   \
    }
#define SERVER                                                                                     \
    {                                                                                              \
        WF_E_IO, ADVICE_RETRY, "had an error of its own"                                           \
    }
#define KEY                                                                                        \
    {                                                                                              \
        WF_E_DENIED, ADVICE_ELSEWHERE, "does not take the key (weft engines key NAME)"             \
    }
#define MONEY                                                                                      \
    {                                                                                              \
        WF_E_DENIED, ADVICE_ELSEWHERE, "says that the account has no money or quota left"          \
    }
#define MODEL                                                                                      \
    {                                                                                              \
        WF_E_NOENT, ADVICE_ELSEWHERE, "does not have this model (or URL)"                          \
    }
#define TOO_LONG                                                                                   \
    {                                                                                              \
        WF_E_LIMIT, ADVICE_ELSEWHERE, "cannot take a request of this length"                       \
    }
#define FILTER                                                                                     \
    {                                                                                              \
        WF_E_DENIED, ADVICE_ELSEWHERE, "refuses this by its filter"                                \
    }
#define WRONG                                                                                      \
    {                                                                                              \
        WF_E_INVAL, ADVICE_NEVER, "does not accept the request"                                    \
    }
#define LATE                                                                                       \
    {                                                                                              \
        WF_E_TIMEOUT, ADVICE_RETRY, "took too long"                                                \
    }

/* Kinds of errors by the providers' own words. */
static const struct {
    const char *word;
    struct meaning meaning;
} kinds[] = {
    {"insufficient_quota", MONEY},
    {"billing_hard_limit_reached", MONEY},
    {"billing_error", MONEY},
    {"context_length_exceeded", TOO_LONG},
    {"string_above_max_length", TOO_LONG},
    {"request_too_large", TOO_LONG},
    {"exceed_context_size_error", TOO_LONG},
    {"content_filter", FILTER},
    {"content_policy_violation", FILTER},
    {"invalid_api_key", KEY},
    {"authentication_error", KEY},
    {"permission_error", KEY},
    {"PERMISSION_DENIED", KEY},
    {"UNAUTHENTICATED", KEY},
    {"model_not_found", MODEL},
    {"not_found_error", MODEL},
    {"DeploymentNotFound", MODEL},
    {"NOT_FOUND", MODEL},
    {"rate_limit_exceeded", RATE},
    {"rate_limit_error", RATE},
    {"RESOURCE_EXHAUSTED", RATE},
    {"overloaded_error", OVERLOAD},
    {"overloaded", OVERLOAD},
    {"UNAVAILABLE", OVERLOAD},
    {"timeout_error", LATE},
    {"DEADLINE_EXCEEDED", LATE},
    {"server_error", SERVER},
    {"internal_error", SERVER},
    {"api_error", SERVER},
    {"INTERNAL", SERVER},
    {"invalid_request_error", WRONG},
    {"INVALID_ARGUMENT", WRONG},
    {"FAILED_PRECONDITION", WRONG},
};

static struct meaning of_status(int status)
{
    static const struct {
        int status;
        struct meaning meaning;
    } known[] = {{401, KEY},  {402, MONEY},    {403, KEY},     {404, MODEL},
                 {408, LATE}, {413, TOO_LONG}, {429, RATE},    {503, OVERLOAD},
                 {504, LATE}, {524, LATE},     {529, OVERLOAD}};
    static const struct meaning server = SERVER, wrong = WRONG;

    for (size_t i = 0; i < WF_ARRAY_LEN(known); i++) {
        if (known[i].status == status)
            return known[i].meaning;
    }
    return status >= 400 && status < 500 ? wrong : server;
}

static bool of_word(const char *word, struct meaning *out)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++) {
        if (strcmp(word, kinds[i].word) == 0) {
            *out = kinds[i].meaning;
            return true;
        }
    }
    return false;
}

/* The error object in what came: {"error": {...}}, {"error": "text"}, [{"error": ...}], or what it
 * is itself. */
static const json_t *error_of(const json_t *v)
{
    const json_t *e;

    if (json_is_array(v))
        v = json_array_get(v, 0);
    e = json_object_get(v, "error");
    return e && !json_is_null(e) ? e : v;
}

static const char *said_of(const json_t *error)
{
    static const char *const keys[] = {"message", "error", "detail", "msg"};

    if (json_is_string(error))
        return json_string_value(error);
    for (size_t i = 0; i < WF_ARRAY_LEN(keys); i++) {
        const char *said = wf_json_text(error, keys[i]);
        if (said[0])
            return said;
    }
    return wf_json_text(json_array_get(json_object_get(error, "detail"), 0), "msg");
}

/* What several servers say in words only. */
static bool is_about_length(const char *said)
{
    static const char *const words[] = {"context length",
                                        "context window",
                                        "prompt is too long",
                                        "maximum context",
                                        "exceeds the available context",
                                        "input token count",
                                        "too many tokens"};

    for (size_t i = 0; i < WF_ARRAY_LEN(words); i++) {
        if (strstr(said, words[i]))
            return true;
    }
    return false;
}

static struct meaning mean(int status, const json_t *error, const char *said)
{
    static const char *const keys[] = {"code", "type", "status"};
    static const struct meaning too_long = TOO_LONG;
    struct meaning by_word, m = of_status(status ? status : 500);
    bool found = false;

    for (size_t i = 0; i < WF_ARRAY_LEN(keys) && !found; i++)
        found = of_word(wf_json_text(error, keys[i]), &by_word);
    /* The word counts where there is no status, or where it says more than "wrong", "failed". */
    if (found && (status < 400 || (by_word.code != WF_E_INVAL && by_word.code != WF_E_IO)))
        m = by_word;
    if (m.code == WF_E_INVAL && is_about_length(said))
        m = too_long;
    return m;
}

static int fail_as(struct wf_provider_reader *r, struct meaning m, const char *said)
{
    char after[64] = "";

    r->problem.may_retry = m.advice == ADVICE_RETRY;
    r->problem.is_elsewhere_only = m.advice == ADVICE_ELSEWHERE;
    if (m.advice == ADVICE_RETRY && r->problem.retry_after_ms > 0)
        (void)snprintf(after, sizeof(after), "; again in %lld s",
                       (long long)((r->problem.retry_after_ms + 999) / 1000));
    return wf_reading__fail(r, m.code, "%s %s%s%s%.160s", r->e->name, m.words, after,
                            said[0] ? ": " : ".", said);
}

int wf_reading__error(struct wf_provider_reader *r, const json_t *error)
{
    const json_t *e = error_of(error);
    const char *said = said_of(e);

    return fail_as(r, mean(r->problem.status >= 400 ? r->problem.status : 0, e, said), said);
}

int wf_reading__filtered(struct wf_provider_reader *r, const char *why)
{
    static const struct meaning filter = FILTER;

    return fail_as(r, filter, why ? why : "");
}

int wf_reading__error_body(struct wf_provider_reader *r, struct wf_str body)
{
    struct wf_str text = wf_str_trim(body);
    json_t *v = NULL;
    json_error_t je;
    int rc;

    if (text.len > 0 && (text.ptr[0] == '{' || text.ptr[0] == '['))
        v = json_loadb(text.ptr, text.len, 0, &je);
    if (v) {
        rc = wf_reading__error(r, v);
        json_decref(v);
        return rc;
    }
    if (text.len > 0 && text.ptr[0] == '<') /* a page of some proxy */
        text = WF_STR("");
    /* A body that is not JSON says nothing that is surer than the status. */
    char said[161];
    (void)snprintf(said, sizeof(said), "%.*s", (int)WF_MIN(text.len, (size_t)160),
                   text.len ? text.ptr : "");
    return fail_as(r, of_status(r->problem.status), said);
}

/* ---- headers ---- */

static bool number_of(struct wf_str s, int *out)
{
    uint64_t n;

    if (s.len == 0 || s.len > 4 || !wf_str_to_u64(s, &n))
        return false;
    *out = (int)n;
    return true;
}

/* "Fri, 02 Jan 2026 03:04:05 GMT" */
static bool http_date(struct wf_str text, struct wf_civil *out, int *out_s)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct wf_str parts[5], time;
    size_t month;

    for (size_t i = 0; i < WF_ARRAY_LEN(parts); i++) {
        if (!wf_str_split(&text, ' ', &parts[i]))
            return false;
    }
    month = parts[2].len == 3 ? wf_str_find(wf_str_from(months), parts[2], 0) : SIZE_MAX;
    time = parts[4];
    if (month == SIZE_MAX || month % 3 != 0 || time.len != 8)
        return false;
    out->month = (int)(month / 3) + 1;
    return number_of(parts[1], &out->day) && number_of(parts[3], &out->year) &&
           number_of(wf_str_sub(time, 0, 2), &out->hour) &&
           number_of(wf_str_sub(time, 3, 5), &out->minute) &&
           number_of(wf_str_sub(time, 6, 8), out_s);
}

/* "2026-01-02T03:04:05Z" */
static bool iso_date(struct wf_str text, struct wf_civil *out, int *out_s)
{
    char minutes[WF_CIVIL_BYTES];

    if (text.len < 19)
        return false;
    memcpy(minutes, text.ptr, sizeof(minutes) - 1);
    minutes[sizeof(minutes) - 1] = 0;
    return wf_civil_read(minutes, out) && number_of(wf_str_sub(text, 17, 19), out_s);
}

/* A moment in milliseconds since 1970. */
static bool moment_of(struct wf_str text, int64_t *out_ms)
{
    struct wf_civil c = {0, 0, 0, 0, 0};
    int s = 0;

    if ((!iso_date(text, &c, &s) && !http_date(text, &c, &s)) || !wf_civil_is_valid(&c) || s > 60)
        return false;
    *out_ms = ((wf_civil_days(&c) * 24 + c.hour) * 60 + c.minute) * 60000 + s * INT64_C(1000);
    return true;
}

/* How long from now: a duration, seconds, or a moment. At most a day. */
static bool wait_of(const struct wf_provider_reader *r, struct wf_str value, int64_t *out_ms)
{
    int64_t ns, ms;

    if (wf_duration_read(value, &ns))
        ms = ns / 1000000 + (ns % 1000000 > 0);
    else if (moment_of(value, &ms))
        ms -= wf_clock_wall_ms(r->clock);
    else
        return false;
    *out_ms = WF_MIN(WF_MAX(ms, 0), INT64_C(86400000));
    return true;
}

void wf_reading__header(struct wf_provider_reader *r, struct wf_str name, struct wf_str value)
{
    const struct {
        const char *name;
        int64_t *count, *wait;
    } rows[] = {
        {"retry-after", NULL, &r->problem.retry_after_ms},
        {"x-ratelimit-remaining-requests", &r->rates.n_requests, NULL},
        {"x-ratelimit-remaining-tokens", &r->rates.n_tokens, NULL},
        {"x-ratelimit-reset-requests", NULL, &r->rates.requests_reset_ms},
        {"x-ratelimit-reset-tokens", NULL, &r->rates.tokens_reset_ms},
        {"anthropic-ratelimit-requests-remaining", &r->rates.n_requests, NULL},
        {"anthropic-ratelimit-tokens-remaining", &r->rates.n_tokens, NULL},
        {"anthropic-ratelimit-requests-reset", NULL, &r->rates.requests_reset_ms},
        {"anthropic-ratelimit-tokens-reset", NULL, &r->rates.tokens_reset_ms},
    };
    int64_t n;

    value = wf_str_trim(value);
    if (wf_str_eq_nocase(name, WF_STR("retry-after-ms"))) {
        if (wf_str_to_i64(value, &n) && n >= 0)
            r->problem.retry_after_ms = WF_MIN(n, INT64_C(86400000));
        return;
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        if (!wf_str_eq_nocase(name, wf_str_from(rows[i].name)))
            continue;
        if (rows[i].wait)
            (void)wait_of(r, value, rows[i].wait);
        else if (rows[i].count && wf_str_to_i64(value, &n) && n >= 0) /* Azure says -1 for none */
            *rows[i].count = n;
    }
}
