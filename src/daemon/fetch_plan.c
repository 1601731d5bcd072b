/* SPDX-License-Identifier: Apache-2.0 */
/* Finding out what belongs to a model: asks a registry for its manifest and the texts beside it,
 * the hub for a repository's files. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "daemon/fetch_internal.h"

#define MANIFEST_TYPES                                                                             \
    "application/vnd.docker.distribution.manifest.v2+json, "                                       \
    "application/vnd.oci.image.manifest.v1+json"

static int no_memory(struct wf_err *err)
{
    return wf_err_set(err, WF_E_NOMEM, "Out of memory.");
}

/* ---- registries ---- */

/* Gets a token for what the challenge asks for; it is then sent to the registry. */
static int log_in(struct wf_fetch *f, const struct wf_fetch_target *t,
                  const struct wf_fetch__answer *refused, struct wf_err *err)
{
    struct wf_fetch__answer a = {.status = 0};
    struct wf_fetch_challenge c;
    char token[8192], *service, *scope;
    const char *url;
    int rc = 0;

    if (!wf_fetch_challenge(wf_str_from(refused->challenge), &c))
        return wf_fetch__status_error(refused->status, t->repo, err);
    if ((rc = wf_fetch_check_url(c.realm, err)) != 0)
        return rc;
    service = curl_easy_escape(NULL, c.service, 0);
    scope = curl_easy_escape(NULL, c.scope, 0);
    url = wf_arena_printf(&f->arena, "%s%sservice=%s&scope=%s", c.realm,
                          strchr(c.realm, '?') ? "&" : "?", service ? service : "",
                          scope ? scope : "");
    curl_free(service);
    curl_free(scope);
    wf_buf_init(&a.body, WF_FETCH_ANSWER_MAX);
    f->token = NULL;
    rc = url ? wf_fetch__get(f, url, NULL, &a, err) : no_memory(err);
    if (rc == 0 && a.status != 200)
        rc = wf_fetch__status_error(a.status, t->repo, err);
    if (rc == 0 && !wf_fetch_token(wf_buf_str(&a.body), token))
        rc = wf_err_set(err, WF_E_FORMAT, "The registry's token server gives no token.");
    if (rc == 0 && !(f->token = wf_arena_printf(&f->arena, "%s", token)))
        rc = no_memory(err);
    snprintf(f->token_origin, sizeof(f->token_origin), "%s", t->base);
    wf_buf_deinit(&a.body);
    return rc;
}

static bool has_digest(struct wf_str bytes, const char *digest)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[65];

    (void)crypto_hash_sha256(hash, (const unsigned char *)(bytes.len ? bytes.ptr : ""), bytes.len);
    sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    return strcmp(hex, digest + 7) == 0;
}

/* Puts a text into the object: parameters as JSON, several licences one below the other. */
static int keep_text(json_t *extra, const char *key, struct wf_str s, struct wf_err *err)
{
    const json_t *old = json_object_get(extra, key);
    json_t *v = NULL;

    if (strcmp(key, "params") == 0)
        v = json_loadb(s.len ? s.ptr : "", s.len, JSON_REJECT_DUPLICATES, NULL);
    else if (json_is_string(old))
        v = json_sprintf("%s\n\n%.*s", json_string_value(old), WF_STR_ARG(s));
    else
        v = json_stringn(s.len ? s.ptr : "", s.len);
    if (!v)
        return 0; /* not UTF-8, or no JSON: nothing to show */
    return json_object_set_new(extra, key, v) == 0 ? 0 : no_memory(err);
}

static int get_text(struct wf_fetch *f, const struct wf_fetch_target *t,
                    const struct wf_fetch_text *text, struct wf_fetch__found *out,
                    struct wf_err *err)
{
    struct wf_fetch__answer a = {.status = 0};
    const char *url =
        wf_arena_printf(&f->arena, "%s/v2/%s/blobs/%s", t->base, t->repo, text->digest);
    int rc;

    wf_buf_init(&a.body, WF_FETCH_ANSWER_MAX);
    rc = url ? wf_fetch__get(f, url, NULL, &a, err) : no_memory(err);
    if (rc == 0 && a.status != 200)
        rc = wf_fetch__status_error(a.status, text->digest, err);
    if (rc == 0 && !has_digest(wf_buf_str(&a.body), text->digest))
        rc = wf_err_set(err, WF_E_CORRUPT,
                        "The model's %s is not the one that was announced (SHA-256 differs). Try "
                        "again.",
                        text->key);
    if (rc == 0 && strcmp(text->key, "config") == 0)
        wf_fetch_config_family(wf_buf_str(&a.body), out->plan.family);
    else if (rc == 0)
        rc = keep_text(out->extra, text->key, wf_buf_str(&a.body), err);
    wf_buf_deinit(&a.body);
    return rc;
}

static int get_manifest(struct wf_fetch *f, const struct wf_fetch_target *t,
                        struct wf_fetch_manifest *out, struct wf_err *err)
{
    const char *url = wf_arena_printf(&f->arena, "%s/v2/%s/manifests/%s", t->base, t->repo, t->tag);
    struct wf_fetch__answer a = {.status = 0};
    char what[600];
    int rc;

    snprintf(what, sizeof(what), "%s:%s", t->repo, t->tag);
    wf_buf_init(&a.body, WF_FETCH_ANSWER_MAX);
    rc = url ? wf_fetch__get(f, url, MANIFEST_TYPES, &a, err) : no_memory(err);
    if (rc == 0 && a.status == 401) {
        rc = log_in(f, t, &a, err);
        if (rc == 0)
            rc = wf_fetch__get(f, url, MANIFEST_TYPES, &a, err);
    }
    if (rc == 0 && a.status != 200)
        rc = wf_fetch__status_error(a.status, what, err);
    if (rc == 0)
        rc = wf_fetch_manifest(wf_buf_str(&a.body), &f->arena, out, err);
    wf_buf_deinit(&a.body);
    return rc;
}

static int find_in_registry(struct wf_fetch *f, const struct wf_fetch_target *t,
                            struct wf_fetch__found *out, struct wf_err *err)
{
    struct wf_fetch_manifest m;
    int rc = get_manifest(f, t, &m, err);

    if (rc == 0)
        out->plan = m.plan;
    for (size_t i = 0; rc == 0 && i < m.n_texts; i++)
        rc = get_text(f, t, &m.texts[i], out, err);
    for (size_t i = 0; rc == 0 && i < m.plan.n_files; i++) {
        struct wf_fetch_file *file = &out->plan.files[i];
        file->url = wf_arena_printf(&f->arena, "%s/v2/%s/blobs/%s", t->base, t->repo, file->digest);
        if (!file->url)
            rc = no_memory(err);
    }
    snprintf(out->name, sizeof(out->name), "%s", t->name);
    snprintf(out->source, sizeof(out->source), "%.240s/%.150s:%.110s", t->base, t->repo, t->tag);
    return rc;
}

/* ---- the hub ---- */

static int get_hub(struct wf_fetch *f, const char *url, const char *what,
                   struct wf_fetch__answer *a, struct wf_err *err)
{
    int rc = url ? wf_fetch__get(f, url, "application/json", a, err) : no_memory(err);

    if (rc == 0 && a->status != 200)
        rc = wf_fetch__status_error(a->status, what, err);
    return rc;
}

static int find_on_hub(struct wf_fetch *f, const struct wf_fetch_target *t,
                       struct wf_fetch__found *out, struct wf_err *err)
{
    struct wf_fetch__answer a = {.status = 0};
    char family[64] = "";
    int rc;

    snprintf(f->token_origin, sizeof(f->token_origin), "%.*s",
             WF_STR_ARG(wf_fetch_origin(t->base)));
    wf_buf_init(&a.body, WF_FETCH_ANSWER_MAX);
    rc = get_hub(f, wf_arena_printf(&f->arena, "%s/api/models/%s", t->base, t->repo), t->repo, &a,
                 err);
    if (rc == 0) {
        wf_fetch_hub_family(wf_buf_str(&a.body), family);
        rc = get_hub(f,
                     wf_arena_printf(&f->arena, "%s/api/models/%s/tree/%s?recursive=true", t->base,
                                     t->repo, t->revision),
                     t->repo, &a, err);
    }
    if (rc == 0)
        rc = wf_fetch_tree(wf_buf_str(&a.body), t, &f->arena, &out->plan, err);
    wf_buf_deinit(&a.body);
    if (rc != 0)
        return rc;
    memcpy(out->plan.family, family, sizeof(family));
    int n = snprintf(out->name, sizeof(out->name), "%s:%s", t->name,
                     out->plan.tag[0] ? out->plan.tag : "latest");
    if (n < 0 || (size_t)n >= sizeof(out->name))
        return wf_err_set(err, WF_E_LIMIT, "The repository's name is too long.");
    snprintf(out->source, sizeof(out->source), "%s", out->plan.files[0].url);
    return 0;
}

static int find_url(struct wf_fetch *f, const struct wf_fetch_target *t,
                    struct wf_fetch__found *out, struct wf_err *err)
{
    out->plan.files = wf_arena_array(&f->arena, 1, sizeof(*out->plan.files));
    if (!out->plan.files)
        return no_memory(err);
    out->plan.n_files = 1;
    out->plan.files[0].url = t->base;
    snprintf(out->name, sizeof(out->name), "%s", t->name);
    snprintf(out->source, sizeof(out->source), "%.511s", t->base);
    return 0;
}

int wf_fetch__find(struct wf_fetch *f, const struct wf_fetch_target *t, struct wf_fetch__found *out,
                   struct wf_err *err)
{
    switch (t->place) {
    case WF_FETCH_REGISTRY:
        return find_in_registry(f, t, out, err);
    case WF_FETCH_HUB:
        return find_on_hub(f, t, out, err);
    case WF_FETCH_URL:
        return find_url(f, t, out, err);
    }
    return WF_E_INVAL;
}
