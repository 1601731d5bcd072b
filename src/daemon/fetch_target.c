/* SPDX-License-Identifier: Apache-2.0 */
/* What a person wrote after `weft pull`: a name in a registry, a repository of the hub, a URL.
 *
 * URLs are taken apart by libcurl's own parser, the one that will open them: two parsers that
 * disagree about the host are how such checks are passed by. */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "daemon/fetch_parse.h"

/* ---- URLs ---- */

/* True for names and addresses of this machine itself. */
static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

static bool get_part(CURLU *u, CURLUPart part, char *out, size_t n)
{
    char *text = NULL;
    bool ok = curl_url_get(u, part, &text, 0) == CURLUE_OK && strlen(text) < n;

    if (ok)
        snprintf(out, n, "%s", text);
    curl_free(text);
    return ok;
}

struct url {
    char scheme[16], host[256], path[4096]; /* of the hub: 1,000 bytes, three times when escaped */
};

static int read_url(const char *text, struct url *out, struct wf_err *err)
{
    CURLU *u = curl_url();
    char user[4];
    int rc = 0;

    if (!u)
        return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    if (curl_url_set(u, CURLUPART_URL, text, 0) != CURLUE_OK ||
        !get_part(u, CURLUPART_SCHEME, out->scheme, sizeof(out->scheme)) ||
        !get_part(u, CURLUPART_HOST, out->host, sizeof(out->host)) ||
        !get_part(u, CURLUPART_PATH, out->path, sizeof(out->path)))
        rc = wf_err_set(err, WF_E_INVAL, "\"%.120s\" is no URL that weft understands.", text);
    else if (get_part(u, CURLUPART_USER, user, sizeof(user)) || strchr(text, '@') != NULL)
        rc = wf_err_set(err, WF_E_INVAL,
                        "A URL with a name and password in it would be kept with the model. Give "
                        "one without.");
    curl_url_cleanup(u);
    return rc;
}

int wf_fetch_check_url(const char *url, struct wf_err *err)
{
    struct url u;
    int rc = read_url(url, &u, err);

    if (rc != 0)
        return rc;
    if (strcmp(u.scheme, "https") == 0 || (strcmp(u.scheme, "http") == 0 && is_loopback(u.host)))
        return 0;
    return wf_err_set(err, WF_E_INVAL,
                      "weft fetches over https only (http from this machine itself): %.120s", url);
}

int wf_fetch_check_redirect(const char *from, const char *to, struct wf_err *err)
{
    if (strncmp(from, "https:", 6) == 0 && strncmp(to, "https:", 6) != 0)
        return wf_err_set(err, WF_E_INVAL, "The server leads away from https, to %.120s", to);
    return wf_fetch_check_url(to, err);
}

struct wf_str wf_fetch_origin(const char *url)
{
    struct wf_str s = wf_str_from(url);
    size_t start = wf_str_find(s, WF_STR("://"), 0), end;

    if (start == SIZE_MAX)
        return wf_str_n(url, 0);
    end = start + 3;
    while (end < s.len && !strchr("/?#", s.ptr[end]))
        end++;
    return wf_str_sub(s, 0, end);
}

/* ---- names ---- */

static int no_name(const char *text, struct wf_err *err)
{
    return wf_err_set(err, WF_E_INVAL,
                      "\"%.100s\" is no name of a model. Write smollm2:135m, USER/NAME, "
                      "hf.co/USER/REPO:Q4_K_M or a URL.",
                      text);
}

/* Copies a part; false when it is too long or empty. */
static bool put(char *out, size_t n, struct wf_str s)
{
    if (s.len == 0 || s.len >= n)
        return false;
    memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
    return true;
}

/* "USER/REPO", both plain names, into the target. */
static int set_hub_repo(struct wf_fetch_target *t, struct wf_str repo, const char *text,
                        struct wf_err *err)
{
    char full[WF_MODEL_NAME_MAX], name[WF_MODEL_NAME_MAX];
    size_t slash = wf_str_find_byte(repo, '/', 0);

    if (slash == SIZE_MAX || wf_str_find_byte(repo, '/', slash + 1) != SIZE_MAX ||
        !put(t->repo, sizeof(t->repo), repo))
        return no_name(text, err);
    if (snprintf(name, sizeof(name), "hf.co/%s", t->repo) >= (int)sizeof(name) ||
        wf_model_name(name, full, NULL) != 0)
        return no_name(text, err);
    memcpy(t->name, name, sizeof(name));
    t->place = WF_FETCH_HUB;
    snprintf(t->revision, sizeof(t->revision), "main");
    return 0;
}

/* USER/REPO[:QUANT] */
static int read_hub_name(struct wf_fetch_target *t, struct wf_str s, const char *text,
                         struct wf_err *err)
{
    size_t colon = wf_str_find_byte(s, ':', 0);
    int rc = set_hub_repo(t, wf_str_sub(s, 0, WF_MIN(colon, s.len)), text, err);

    if (rc == 0 && colon != SIZE_MAX &&
        !put(t->tag, sizeof(t->tag), wf_str_sub(s, colon + 1, s.len)))
        rc = no_name(text, err);
    if (rc == 0 && strcmp(t->tag, "latest") == 0)
        t->tag[0] = '\0'; /* no quantization is called so */
    return rc;
}

/* /USER/REPO, /USER/REPO/tree/REV, /USER/REPO/resolve/REV/FILE of the hub's pages. */
static int read_hub_path(struct wf_fetch_target *t, struct wf_str path, const char *text,
                         struct wf_err *err)
{
    struct wf_str rest = wf_str_sub(path, 1, path.len), user, repo = {NULL, 0}, verb, revision;
    int rc;

    (void)wf_str_split(&rest, '/', &user);
    if (!wf_str_split(&rest, '/', &repo))
        return no_name(text, err);
    rc = set_hub_repo(t, wf_str_n(user.ptr, user.len + 1 + repo.len), text, err);
    if (rc != 0 || !wf_str_split(&rest, '/', &verb) || verb.len == 0)
        return rc;
    if (!wf_str_split(&rest, '/', &revision) || !put(t->revision, sizeof(t->revision), revision))
        return no_name(text, err);
    if (wf_str_eq(verb, WF_STR("tree")))
        return 0;
    if (!wf_str_eq(verb, WF_STR("resolve")) && !wf_str_eq(verb, WF_STR("blob")) &&
        !wf_str_eq(verb, WF_STR("raw")))
        return no_name(text, err);
    return rest.ptr && put(t->file, sizeof(t->file), rest) ? 0 : no_name(text, err);
}

static bool is_hub(const char *text, const char *hub)
{
    static const char *const hosts[] = {"https://huggingface.co", "https://hf.co"};
    struct wf_str origin = wf_fetch_origin(text);

    for (size_t i = 0; i < WF_ARRAY_LEN(hosts); i++) {
        if (wf_str_eq_nocase(origin, wf_str_from(hosts[i])))
            return true;
    }
    return wf_str_eq_nocase(origin, wf_fetch_origin(hub));
}

static int read_url_target(struct wf_fetch_target *t, const char *text, const char *hub,
                           struct wf_err *err)
{
    char name[WF_MODEL_NAME_MAX];
    struct url u;
    int rc = wf_fetch_check_url(text, err);

    if (rc == 0)
        rc = read_url(text, &u, err);
    if (rc != 0)
        return rc;
    if (is_hub(text, hub)) {
        snprintf(t->base, sizeof(t->base), "%s", hub);
        return read_hub_path(t, wf_str_from(u.path), text, err);
    }
    t->place = WF_FETCH_URL;
    if (!put(t->base, sizeof(t->base), wf_str_from(text)))
        return wf_err_set(err, WF_E_INVAL, "The URL is too long.");
    wf_model_name_of_file(u.path, name);
    if (wf_model_name(name, t->name, NULL) != 0)
        return wf_err_set(err, WF_E_INVAL,
                          "The URL names no file. Say what the model is to be called: --as NAME");
    return 0;
}

/* [HOST/]PATH[:TAG]; a first part with a point or a port, or "localhost", is a host. */
static int read_registry_name(struct wf_fetch_target *t, const char *text, const char *registry,
                              struct wf_err *err)
{
    struct wf_str s, host = wf_str_from(registry), repo;
    size_t slash, colon;
    int rc = wf_model_name(text, t->name, NULL);
    char scheme[] = "https", only_host[256];

    if (rc != 0)
        return no_name(text, err);
    s = wf_str_from(t->name);
    slash = wf_str_find_byte(s, '/', 0);
    if (slash != SIZE_MAX) {
        struct wf_str first = wf_str_sub(s, 0, slash);
        if (wf_str_find_byte(first, '.', 0) != SIZE_MAX ||
            wf_str_find_byte(first, ':', 0) != SIZE_MAX || wf_str_eq(first, WF_STR("localhost"))) {
            host = first;
            s = wf_str_sub(s, slash + 1, s.len);
        }
    }
    colon = (size_t)(strrchr(s.ptr, ':') - s.ptr); /* a full name has a tag */
    repo = wf_str_sub(s, 0, colon);
    if (!put(only_host, sizeof(only_host), host) ||
        !put(t->tag, sizeof(t->tag), wf_str_sub(s, colon + 1, s.len)))
        return no_name(text, err);
    only_host[strcspn(only_host, ":")] = '\0';
    if (is_loopback(only_host))
        scheme[4] = '\0';
    bool is_short = wf_str_find_byte(repo, '/', 0) == SIZE_MAX && host.ptr == registry;
    if (snprintf(t->base, sizeof(t->base), "%s://%.*s", scheme, WF_STR_ARG(host)) >=
            (int)sizeof(t->base) ||
        snprintf(t->repo, sizeof(t->repo), "%s%.*s", is_short ? "library/" : "",
                 WF_STR_ARG(repo)) >= (int)sizeof(t->repo))
        return no_name(text, err);
    t->place = WF_FETCH_REGISTRY;
    return 0;
}

int wf_fetch_target(const char *text, const struct wf_fetch_places *places,
                    struct wf_fetch_target *out, struct wf_err *err)
{
    struct wf_fetch_target t = {.place = WF_FETCH_REGISTRY};
    struct wf_str s = wf_str_from(text);
    int rc;

    if (strstr(text, "://")) {
        rc = read_url_target(&t, text, places->hub, err);
    } else if (wf_str_starts(s, WF_STR("hf.co/")) || wf_str_starts(s, WF_STR("huggingface.co/"))) {
        snprintf(t.base, sizeof(t.base), "%s", places->hub);
        rc = read_hub_name(&t, wf_str_sub(s, wf_str_find_byte(s, '/', 0) + 1, s.len), text, err);
    } else {
        rc = read_registry_name(&t, text, places->registry, err);
    }
    if (rc == 0)
        *out = t;
    return rc;
}
