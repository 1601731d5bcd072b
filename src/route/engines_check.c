/* SPDX-License-Identifier: Apache-2.0 */
/* What an entry may be, above all where it may send to: https, unless the other end is this machine
 * or the person said consciously that it is a machine of theirs. */
#include <string.h>

#include "route/engines_internal.h"

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* ---- URLs ---- */

static bool all_of(struct wf_str s, const char *others)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_alnum(s.ptr[i]) && (s.ptr[i] == 0 || !strchr(others, s.ptr[i])))
            return false;
    }
    return true;
}

/* 127.0.0.0/8 in four numbers; nothing shorter, which resolvers read in more than one way. */
static bool is_loopback_v4(struct wf_str host)
{
    struct wf_str part;
    uint64_t n;
    int count = 0;

    if (!wf_str_starts(host, WF_STR("127.")))
        return false;
    while (wf_str_split(&host, '.', &part)) {
        if (part.len > 3 || !wf_str_to_u64(part, &n) || n > 255)
            return false;
        count++;
    }
    return count == 4;
}

static bool split_authority(struct wf_str s, struct wf_str *out_host)
{
    size_t end =
        s.len > 0 && s.ptr[0] == '[' ? wf_str_find_byte(s, ']', 0) : wf_str_find_byte(s, ':', 0);
    struct wf_str port;
    uint64_t n;

    if (s.len > 0 && s.ptr[0] == '[') {
        if (end == SIZE_MAX || end < 3 || !all_of(wf_str_sub(s, 1, end), ":."))
            return false;
        end++;
    }
    *out_host = wf_str_sub(s, 0, end);
    port = end < s.len ? wf_str_sub(s, end, s.len) : WF_STR(":1");
    if (out_host->ptr == NULL || out_host->len == 0 || out_host->len > 253)
        return false;
    if (s.ptr[0] != '[' && (!all_of(*out_host, ".-_") || !is_alnum(out_host->ptr[0])))
        return false;
    return port.ptr[0] == ':' && wf_str_to_u64(wf_str_sub(port, 1, port.len), &n) && n >= 1 &&
           n <= 65535;
}

int wf_engine__url(struct wf_str url, struct wf_engine_url *out, struct wf_err *err)
{
    struct wf_str s = url, path;
    size_t slash;

    *out = (struct wf_engine_url){.is_https = wf_str_starts(s, WF_STR("https://"))};
    if (!out->is_https && !wf_str_starts(s, WF_STR("http://")))
        return wf_err_set(err, WF_E_INVAL, "the URL must begin with https:// (or http://)");
    s = wf_str_sub(s, out->is_https ? 8 : 7, s.len);
    slash = wf_str_find_byte(s, '/', 0);
    path = slash == SIZE_MAX ? WF_STR("") : wf_str_sub(s, slash, s.len);
    if (!split_authority(wf_str_sub(s, 0, slash), &out->host))
        return wf_err_set(err, WF_E_INVAL,
                          "the URL must name a host, perhaps a port, and no user: "
                          "https://api.example.com/v1");
    if (!all_of(path, "/._~%:!$&'()*+,;=-") || wf_str_find(path, WF_STR(".."), 0) != SIZE_MAX ||
        wf_str_find(path, WF_STR("//"), 0) != SIZE_MAX)
        return wf_err_set(err, WF_E_INVAL,
                          "the URL's path may have neither ?, #, .. nor anything but ASCII");
    if (wf_str_ends(url, WF_STR("/")))
        return wf_err_set(err, WF_E_INVAL, "the URL must not end with a slash");
    out->is_loopback = wf_str_eq_nocase(out->host, WF_STR("localhost")) ||
                       wf_str_eq(out->host, WF_STR("[::1]")) || is_loopback_v4(out->host);
    return 0;
}

struct wf_str wf_engine__provider(struct wf_str host)
{
    static const struct {
        const char *host, *provider;
    } known[] = {
        {"api.openai.com", "openai"},
        {"api.anthropic.com", "anthropic"},
        {"generativelanguage.googleapis.com", "google"},
        {".openai.azure.com", "azure"},
        {".services.ai.azure.com", "azure"},
        {"api.mistral.ai", "mistral"},
        {"openrouter.ai", "openrouter"},
        {"api.groq.com", "groq"},
        {"api.deepseek.com", "deepseek"},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(known); i++) {
        struct wf_str of = wf_str_from(known[i].host);
        if (known[i].host[0] == '.' ? wf_str_ends(host, of) : wf_str_eq(host, of))
            return wf_str_from(known[i].provider);
    }
    return host;
}

/* ---- entries ---- */

static int check_name(const char *name, struct wf_err *err)
{
    struct wf_str s = wf_str_from(name);
    bool ok = s.len > 0 && s.len <= WF_ENGINE_NAME_BYTES_MAX && is_alnum(s.ptr[0]);

    for (size_t i = 0; ok && i < s.len; i++)
        ok = (is_alnum(s.ptr[i]) && !(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z')) ||
             strchr("._-", s.ptr[i]) != NULL;
    if (ok)
        return 0;
    return wf_err_set(err, WF_E_INVAL,
                      "an engine's name is of a-z, 0-9, '.', '_' and '-', begins with a letter or "
                      "digit, and has at most %u of them",
                      WF_ENGINE_NAME_BYTES_MAX);
}

/* What is written into one line and read back as it was. */
static int check_text(const char *what, const char *text, struct wf_err *err)
{
    struct wf_str s = wf_str_from(text), trimmed = wf_str_trim(s);
    bool ok = s.len > 0 && s.len <= WF_ENGINE_TEXT_BYTES_MAX && trimmed.len == s.len;

    for (size_t i = 0; ok && i < s.len; i++)
        ok = (unsigned char)s.ptr[i] > ' ' && s.ptr[i] != 127 && s.ptr[i] != '#';
    if (ok)
        return 0;
    return wf_err_set(err, WF_E_INVAL, "the %s must be a text without blanks and '#'", what);
}

static int check_url(const struct wf_engine_entry *e, struct wf_err *err)
{
    struct wf_engine_url url;
    int rc = wf_engine__url(wf_str_from(e->url), &url, err);

    if (rc != 0 || url.is_https || url.is_loopback || e->insecure_lan)
        return rc;
    return wf_err_set(err, WF_E_DENIED,
                      "%.*s would be reached without encryption: use https, or, where that is a "
                      "machine of yours in a network that you trust, say so (insecure_lan = yes)",
                      WF_STR_ARG(wf_str_sub(url.host, 0, 100)));
}

static int check_numbers(const struct wf_engine_entry *e, struct wf_err *err)
{
    for (size_t i = 0; i < wf_engine__n_settings; i++) {
        const struct wf_engine_setting *s = &wf_engine__settings[i];
        int64_t most = s->kind == WF_SETTING_MONEY ? WF_ENGINE_MONEY_MAX : WF_ENGINE_COUNT_MAX, v;
        if (s->kind != WF_SETTING_MONEY && s->kind != WF_SETTING_COUNT)
            continue;
        memcpy(&v, (const char *)e + s->offset, sizeof(v));
        if (v < 0 || v > most)
            return wf_err_set(err, WF_E_RANGE, "\"%s\" is out of range", s->name);
    }
    return 0;
}

int wf_engine_check(const struct wf_engine_entry *e, struct wf_err *err)
{
    int rc = check_name(e->name, err);

    if (rc == 0 && (unsigned)e->protocol >= WF_PROTOCOL_COUNT)
        rc = wf_err_set(err, WF_E_INVAL, "there is no such protocol");
    if (rc == 0)
        rc = check_text("url", e->url, err);
    if (rc == 0)
        rc = check_url(e, err);
    if (rc == 0 && e->provider)
        rc = check_text("provider", e->provider, err);
    if (rc == 0 && e->api_version)
        rc = check_text("api_version", e->api_version, err);
    if (rc == 0 && e->clearance >= WF_LABEL_SECRET)
        rc = wf_err_set(err, WF_E_RANGE,
                        "what is secret stays on this device: the clearance is public, internal "
                        "or private");
    if (rc == 0 && e->tier != WF_TIER_PROVIDER && e->tier != WF_TIER_CLOUD &&
        e->tier != WF_TIER_EDGE)
        rc = wf_err_set(err, WF_E_RANGE, "the tier is provider, cloud or edge");
    if (rc == 0 && (e->n_models == 0 || e->n_models > WF_ENGINE_MODELS_MAX))
        rc = wf_err_set(err, WF_E_RANGE, "an engine has from 1 to %u models", WF_ENGINE_MODELS_MAX);
    for (size_t i = 0; rc == 0 && i < e->n_models; i++)
        rc = check_text("model", e->models[i], err);
    return rc == 0 ? check_numbers(e, err) : rc;
}
