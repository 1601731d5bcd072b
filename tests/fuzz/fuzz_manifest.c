/* SPDX-License-Identifier: Apache-2.0 */
/* What servers say about models: manifests, configs, lists of files, challenges, tokens, ranges; a
 * name or URL that a person wrote; the state of a download; a name's file. The first byte chooses.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "daemon/fetch_internal.h"
#include "engine/model_store_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plan(const struct wf_fetch_plan *p)
{
    assert(p->n_files > 0 && p->n_files <= WF_LIMIT_GGUF_PARTS);
    for (size_t i = 0; i < p->n_files; i++) {
        const struct wf_fetch_file *f = &p->files[i];
        assert(f->digest[0] == '\0' || wf_model__is_digest(f->digest));
    }
}

static void read_manifest(struct wf_str s, struct wf_arena *a)
{
    struct wf_fetch_manifest m;
    char family[64];
    if (wf_fetch_manifest(s, a, &m, NULL) == 0) {
        check_plan(&m.plan);
        assert(m.n_texts <= WF_FETCH_TEXTS_MAX);
        for (size_t i = 0; i < m.n_texts; i++)
            assert(wf_model__is_digest(m.texts[i].digest));
    }
    wf_fetch_config_family(s, family);
    wf_fetch_hub_family(s, family);
}

/* The first line chooses: a quantization, or with a slash in front a file. */
static void read_tree(struct wf_str s, struct wf_arena *a)
{
    struct wf_fetch_target t = {.base = "https://h", .repo = "u/r", .revision = "main"};
    struct wf_fetch_plan p;
    struct wf_str first;
    if (!wf_str_line(&s, &first))
        return;
    if (wf_str_starts(first, WF_STR("/")))
        snprintf(t.file, sizeof(t.file), "%.*s", WF_STR_ARG(wf_str_sub(first, 1, first.len)));
    else
        snprintf(t.tag, sizeof(t.tag), "%.*s", WF_STR_ARG(first));
    if (wf_fetch_tree(s, &t, a, &p, NULL) == 0) {
        check_plan(&p);
        for (size_t i = 0; i < p.n_files; i++)
            assert(wf_fetch_check_url(p.files[i].url, NULL) == 0);
    }
}

static void read_headers(struct wf_str s)
{
    struct wf_fetch_challenge c;
    struct wf_fetch_range r;
    char token[8192];
    if (wf_fetch_challenge(s, &c))
        assert(c.realm[0] != '\0');
    if (wf_fetch_content_range(s, &r))
        assert(r.from <= r.to && (r.all == 0 || r.to < r.all));
    if (wf_fetch_token(s, token))
        assert(token[0] != '\0' && strcspn(token, "\r\n ") == strlen(token));
}

static void read_name(const char *text)
{
    const struct wf_fetch_places places = {"registry.ollama.ai", "https://huggingface.co"};
    struct wf_fetch_target t;
    char full[WF_MODEL_NAME_MAX], again[WF_MODEL_NAME_MAX];
    /* A registry's host is looked at when it is opened. */
    if (wf_fetch_target(text, &places, &t, NULL) == 0 && t.place != WF_FETCH_REGISTRY)
        assert(wf_fetch_check_url(t.base, NULL) == 0);
    if (wf_model_name(text, full, NULL) == 0) {
        assert(strstr(full, "..") == NULL || strstr(full, "/../") == NULL);
        assert(full[0] != '/' && full[0] != '.');
        assert(wf_model_name(full, again, NULL) == 0);
        assert(strcmp(full, again) == 0 || strncmp(full, "library/", 8) == 0 ||
               strncmp(full, "registry.ollama.ai/", 19) == 0);
    }
    wf_model_name_of_file(text, full);
}

static void read_state(struct wf_str s)
{
    struct wf_fetch_state state;
    if (wf_fetch_state_parse(s, &state)) {
        assert(wf_fetch_state_done(&state) <= state.bytes);
        wf_fetch_state_deinit(&state);
    }
}

static void read_record(struct wf_str s)
{
    static struct wf_model_store store = {.dir = "/m"};
    struct wf_model_entry e;
    json_t *v = json_loadb(s.len ? s.ptr : "", s.len, JSON_REJECT_DUPLICATES, NULL);
    if (wf_model__record_is_sound(v) && wf_model__entry(&store, "n:t", v, &e, NULL) == 0)
        assert(wf_model__is_digest(e.digest));
    json_decref(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_arena a;
    if (size == 0)
        return 0;
    char *text = wf_memdup0(data + 1, size - 1); /* exactly as long: reads behind it are seen */
    struct wf_str s = wf_str_n(text, size - 1);
    wf_arena_init(&a, 0, 16u << 20);
    switch (data[0] % 6) {
    case 0:
        read_manifest(s, &a);
        break;
    case 1:
        read_tree(s, &a);
        break;
    case 2:
        read_headers(s);
        break;
    case 3:
        read_name(text);
        break;
    case 4:
        read_state(s);
        break;
    default:
        read_record(s);
    }
    wf_arena_deinit(&a);
    wf_free(text);
    return 0;
}
