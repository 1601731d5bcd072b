/* SPDX-License-Identifier: Apache-2.0 */
/* What needs no token: the health check, the one-time link, and the files of the web app, which are
 * built into the program. The files carry an entity tag and are asked about again each time, so a
 * new program never meets an old page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/asset.h"
#include "http/http_internal.h"

#define COOKIE_LIFE_S (400L * 24 * 3600) /* the most that browsers grant */

void wf_handle_healthz(struct wf_request *r)
{
    wf_answer_json(r, 200, json_pack("{s:s, s:s}", "status", "ok", "version", WF_VERSION));
}

void wf_handle_open(struct wf_request *r)
{
    const struct wf_guard *g = &r->http->guard;
    char cookie[192];

    wf_answer_header(r, "cache-control:", "no-store");
    if (!wf_guard_use_code(&r->http->guard, r->id)) {
        wf_answer_header(r, "location:", "/?link=used");
        wf_answer_empty(r, 303);
        return;
    }
    snprintf(cookie, sizeof(cookie), "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%ld",
             g->cookie_name, g->cookie, COOKIE_LIFE_S);
    wf_answer_header(r, "set-cookie:", cookie);
    wf_answer_header(r, "location:", "/");
    wf_answer_empty(r, 303);
}

static int by_path(const void *key, const void *item)
{
    return strcmp(key, ((const struct wf_asset *)item)->path);
}

static const struct wf_asset *find_asset(const char *path)
{
    return bsearch(path, wf_web_assets, wf_web_assets_count, sizeof(*wf_web_assets), by_path);
}

/* For clients that do not take gzip. */
static void answer_unpacked(struct wf_request *r, const struct wf_asset *a)
{
    struct wf_buf raw;

    wf_buf_init(&raw, a->n_raw);
    if (wf_asset_unpack(a, &raw) == 0)
        wf_answer_bytes(r, 200, a->type, wf_buf_str(&raw));
    else
        wf_answer_problem(r, 500, "NOMEM", "Out of memory.", NULL);
    wf_buf_deinit(&raw);
}

void wf_handle_asset(struct wf_request *r)
{
    const char *path = strcmp(r->path.ptr, "/") == 0 ? "/index.html" : r->path.ptr;
    const struct wf_asset *a = find_asset(path);

    if (!a) {
        wf_answer_problem(r, 404, "NOENT", "There is nothing here. The page is at /", NULL);
        return;
    }
    wf_answer_header(r, "etag:", a->etag);
    wf_answer_header(r, "cache-control:", "no-cache");
    if (strcmp(path, "/sw.js") == 0)
        wf_answer_header(r, "service-worker-allowed:", "/");
    if (strstr(r->if_none_match, a->etag)) {
        wf_answer_empty(r, 304);
        return;
    }
    if (a->is_gzip) {
        wf_answer_header(r, "vary:", "accept-encoding");
        if (!r->accepts_gzip) {
            answer_unpacked(r, a);
            return;
        }
        wf_answer_header(r, "content-encoding:", "gzip");
    }
    wf_answer_bytes(r, 200, a->type, wf_str_n((const char *)a->bytes, a->n_bytes));
}
