/* SPDX-License-Identifier: Apache-2.0 */
/* A registry's answers: manifests, configs, challenges, tokens, ranges. */
#include "daemon/fetch_parse.h"

#include <stdio.h>
#include <string.h>

/* The largest text kept beside a model: a licence of several languages. */
#define TEXT_BYTES_MAX ((uint64_t)1 << 20)

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static json_t *parse(struct wf_str s)
{
    return json_loadb(s.len ? s.ptr : "", s.len, JSON_REJECT_DUPLICATES, NULL);
}

static int malformed(struct wf_err *err)
{
    return wf_err_set(err, WF_E_FORMAT, "The server's answer is malformed.");
}

/* ---- manifests ---- */

enum layer_kind {
    LAYER_OTHER, /* not for us: messages, tar archives of container images */
    LAYER_MODEL,
    LAYER_ADAPTER,
    LAYER_PROJECTOR,
    LAYER_TEXT,
};

static const struct media_type {
    const char *name;
    enum layer_kind kind;
    const char *key; /* of LAYER_TEXT */
} media_types[] = {
    {"application/vnd.ollama.image.model", LAYER_MODEL, NULL},
    {"application/vnd.ollama.image.adapter", LAYER_ADAPTER, NULL},
    {"application/vnd.ollama.image.projector", LAYER_PROJECTOR, NULL},
    {"application/vnd.ollama.image.template", LAYER_TEXT, "template"},
    {"application/vnd.ollama.image.system", LAYER_TEXT, "system"},
    {"application/vnd.ollama.image.params", LAYER_TEXT, "params"},
    {"application/vnd.ollama.image.license", LAYER_TEXT, "license"},
    {"application/vnd.docker.ai.gguf.v3", LAYER_MODEL, NULL},
    {"application/vnd.docker.ai.mmproj", LAYER_PROJECTOR, NULL},
    {"application/vnd.docker.ai.license", LAYER_TEXT, "license"},
    {"application/vnd.docker.ai.chat.template.jinja", LAYER_TEXT, "template"},
};

static const struct media_type other = {"", LAYER_OTHER, NULL};

static const struct media_type *type_of(const json_t *layer)
{
    static const struct media_type model = {"", LAYER_MODEL, NULL};
    const char *name = text(layer, "mediaType");
    struct wf_str title =
        wf_str_from(text(json_object_get(layer, "annotations"), "org.opencontainers.image.title"));

    for (size_t i = 0; i < WF_ARRAY_LEN(media_types); i++) {
        if (strcmp(media_types[i].name, name) == 0)
            return &media_types[i];
    }
    /* Pushed as a plain file by a general tool. */
    return wf_str_ends(title, WF_STR(".gguf")) ? &model : &other;
}

static bool is_digest(const char *s)
{
    return strncmp(s, "sha256:", 7) == 0 && strlen(s) == 71 &&
           strspn(s + 7, "0123456789abcdef") == 64;
}

/* Digest and size of a descriptor. */
static int read_descriptor(const json_t *o, char digest[72], uint64_t *out_bytes,
                           struct wf_err *err)
{
    json_int_t bytes = json_integer_value(json_object_get(o, "size"));
    const char *d = text(o, "digest");

    if (!is_digest(d) || !json_is_integer(json_object_get(o, "size")) || bytes < 0)
        return malformed(err);
    snprintf(digest, 72, "%s", d);
    *out_bytes = (uint64_t)bytes;
    return 0;
}

static int add_text(struct wf_fetch_manifest *m, const char *key, const json_t *o,
                    struct wf_err *err)
{
    struct wf_fetch_text *t;

    if (m->n_texts == WF_FETCH_TEXTS_MAX)
        return wf_err_set(err, WF_E_LIMIT, "The model has more than %d texts beside it.",
                          WF_FETCH_TEXTS_MAX);
    t = &m->texts[m->n_texts++];
    t->key = key;
    int rc = read_descriptor(o, t->digest, &t->bytes, err);
    if (rc == 0 && t->bytes > TEXT_BYTES_MAX)
        rc = wf_err_set(err, WF_E_LIMIT, "The model's %s is larger than a text can be.", key);
    return rc;
}

static int add_layer(struct wf_fetch_manifest *m, const json_t *layer, struct wf_err *err)
{
    const struct media_type *t = type_of(layer);
    struct wf_fetch_file *f;

    switch (t->kind) {
    case LAYER_OTHER:
        return 0;
    case LAYER_PROJECTOR:
        m->plan.has_projector = true;
        return 0;
    case LAYER_ADAPTER:
        return wf_err_set(err, WF_E_UNSUPPORTED,
                          "It is a model with an adapter on top. Pull the model itself; an adapter "
                          "in a GGUF file can be imported beside it.");
    case LAYER_TEXT:
        return add_text(m, t->key, layer, err);
    case LAYER_MODEL:
        break;
    }
    f = &m->plan.files[m->plan.n_files++];
    return read_descriptor(layer, f->digest, &f->bytes, err);
}

int wf_fetch_manifest(struct wf_str json, struct wf_arena *a, struct wf_fetch_manifest *out,
                      struct wf_err *err)
{
    struct wf_fetch_manifest m = {.n_texts = 0};
    json_t *root = parse(json);
    const json_t *layers = json_object_get(root, "layers"), *layer;
    size_t n = json_array_size(layers), i;
    int rc = 0;

    if (!json_is_object(root))
        rc = malformed(err);
    else if (json_object_get(root, "manifests"))
        rc = wf_err_set(err, WF_E_UNSUPPORTED,
                        "It is a list of images for several machines, not a model.");
    else if (n > WF_LIMIT_GGUF_PARTS)
        rc = wf_err_set(err, WF_E_LIMIT, "The model consists of too many files.");
    if (rc == 0 && !(m.plan.files = wf_arena_array(a, n + 1, sizeof(*m.plan.files))))
        rc = wf_err_set(err, WF_E_NOMEM, "Out of memory.");
    json_array_foreach(layers, i, layer)
    {
        if (rc == 0)
            rc = add_layer(&m, layer, err);
    }
    if (rc == 0 && m.plan.n_files == 0)
        rc = wf_err_set(err, WF_E_UNSUPPORTED, "What has that name holds no GGUF model.");
    if (rc == 0 && json_object_get(root, "config"))
        rc = add_text(&m, "config", json_object_get(root, "config"), err);
    json_decref(root);
    if (rc == 0)
        *out = m;
    return rc;
}

static void copy_family(const char *family, char out[64])
{
    out[0] = '\0';
    if (strlen(family) < 64 &&
        strspn(family, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(family))
        snprintf(out, 64, "%s", family);
}

void wf_fetch_config_family(struct wf_str json, char out[64])
{
    json_t *root = parse(json);

    copy_family(text(root, "model_family"), out);
    json_decref(root);
}

void wf_fetch_hub_family(struct wf_str json, char out[64])
{
    json_t *root = parse(json);

    copy_family(text(json_object_get(root, "gguf"), "architecture"), out);
    json_decref(root);
}

/* ---- who may ---- */

/* The value of `key="..."` or `key=...` at the front of *rest, which moves behind it. */
static bool next_parameter(struct wf_str *rest, struct wf_str *out_key, struct wf_str *out_value)
{
    struct wf_str s = wf_str_trim(*rest);
    size_t equals, end;

    while (s.len > 0 && (s.ptr[0] == ',' || s.ptr[0] == ' '))
        s = wf_str_sub(s, 1, s.len);
    equals = wf_str_find_byte(s, '=', 0);
    if (equals == SIZE_MAX)
        return false;
    *out_key = wf_str_trim(wf_str_sub(s, 0, equals));
    if (equals + 1 < s.len && s.ptr[equals + 1] == '"') {
        end = wf_str_find_byte(s, '"', equals + 2);
        if (end == SIZE_MAX)
            return false;
        *out_value = wf_str_sub(s, equals + 2, end);
        *rest = wf_str_sub(s, end + 1, s.len);
    } else {
        end = WF_MIN(wf_str_find_byte(s, ',', equals), s.len);
        *out_value = wf_str_trim(wf_str_sub(s, equals + 1, end));
        *rest = wf_str_sub(s, end, s.len);
    }
    return true;
}

static bool is_plain(struct wf_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x21 || (unsigned char)s.ptr[i] > 0x7e)
            return false;
    }
    return true;
}

static bool put(char *out, size_t n, struct wf_str s)
{
    if (s.len >= n)
        return false;
    memcpy(out, s.len ? s.ptr : "", s.len);
    out[s.len] = '\0';
    return true;
}

bool wf_fetch_challenge(struct wf_str header, struct wf_fetch_challenge *out)
{
    struct wf_fetch_challenge c = {.realm = ""};
    struct wf_str rest = wf_str_trim(header), key, value;

    if (rest.len < 7 || !wf_str_eq_nocase(wf_str_sub(rest, 0, 7), WF_STR("Bearer ")))
        return false;
    rest = wf_str_sub(rest, 7, rest.len);
    while (next_parameter(&rest, &key, &value)) {
        bool ok = true;
        if (wf_str_eq_nocase(key, WF_STR("realm")))
            ok = is_plain(value) && put(c.realm, sizeof(c.realm), value);
        else if (wf_str_eq_nocase(key, WF_STR("service")))
            ok = put(c.service, sizeof(c.service), value);
        else if (wf_str_eq_nocase(key, WF_STR("scope")))
            ok = put(c.scope, sizeof(c.scope), value);
        if (!ok)
            return false;
    }
    if (!c.realm[0])
        return false;
    *out = c;
    return true;
}

bool wf_fetch_token(struct wf_str json, char out[8192])
{
    json_t *root = parse(json);
    const char *token = text(root, "token");
    bool ok;

    if (!token[0])
        token = text(root, "access_token");
    ok = token[0] && is_plain(wf_str_from(token)) && put(out, 8192, wf_str_from(token));
    json_decref(root);
    return ok;
}

/* ---- ranges ---- */

bool wf_fetch_content_range(struct wf_str header, struct wf_fetch_range *out)
{
    struct wf_str s = wf_str_trim(header);
    struct wf_fetch_range r = {.all = 0};
    size_t dash, slash;

    if (!wf_str_starts(s, WF_STR("bytes ")))
        return false;
    s = wf_str_trim(wf_str_sub(s, 6, s.len));
    dash = wf_str_find_byte(s, '-', 0);
    slash = wf_str_find_byte(s, '/', 0);
    if (dash == SIZE_MAX || slash == SIZE_MAX || dash > slash)
        return false;
    struct wf_str all = wf_str_sub(s, slash + 1, s.len);
    if (!wf_str_to_u64(wf_str_sub(s, 0, dash), &r.from) ||
        !wf_str_to_u64(wf_str_sub(s, dash + 1, slash), &r.to) ||
        (!wf_str_eq(all, WF_STR("*")) && !wf_str_to_u64(all, &r.all)))
        return false;
    if (r.from > r.to || r.to == UINT64_MAX || (r.all != 0 && r.to >= r.all))
        return false;
    *out = r;
    return true;
}
