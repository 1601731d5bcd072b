/* SPDX-License-Identifier: Apache-2.0 */
/* models.pull, first half: a paired node may have the model. Then its files come from there, core
 * to core, and nothing is asked of the internet. What the node says a name means is taken, since it
 * is the owner's own; that the files are what their digests say, and a model, is for the store to
 * see, as with every other. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "mesh/blobs.h"
#include "op/op_internal.h"
#include "os/file.h"

#define ID_LEN 16
#define FILE_MAX 48

struct from_node {
    struct wf_op_context *ctx;
    const struct wf_op_call *call;
    char name[WF_MODEL_NAME_MAX];
    char node[WF_DEVICES_NAME_BYTES + 1];
    char id[ID_LEN + 1]; /* of the folder in incoming/ */
    json_t *record;
    struct wf_model_part *parts;
    char (*files)[FILE_MAX];
    size_t n_parts;
    uint64_t n_before, n_all; /* bytes of parts that are there; of all */
};

static int tell(void *ud, uint64_t done, uint64_t all)
{
    const struct from_node *p = ud;
    const struct wf_op_sink *sink = p->call->sink;
    json_t *data = json_pack("{s:s, s:s, s:I, s:I, s:s}", "phase", "download", "digest",
                             p->parts[0].digest, "done", (json_int_t)(p->n_before + done), "all",
                             (json_int_t)p->n_all, "node", p->node);

    (void)all;
    if (data && sink->event)
        sink->event(sink->ud, "progress", data);
    json_decref(data);
    return sink->canceled && sink->canceled(sink->ud);
}

/* "sha256:HEX" */
static bool read_digest(const char *text, uint8_t out[32])
{
    size_t n = 0;

    return strncmp(text, "sha256:", 7) == 0 && strlen(text) == 71 &&
           sodium_hex2bin(out, 32, text + 7, 64, NULL, &n, NULL) == 0 && n == 32;
}

static uint64_t part_bytes(const json_t *part)
{
    json_int_t n = json_integer_value(json_object_get(part, "bytes"));

    return n > 0 && n < INT64_C(1) << 44 ? (uint64_t)n : 0;
}

/* What comes from outside makes sense, or there is no such model. */
static int read_parts(struct from_node *p, struct wf_err *err)
{
    const json_t *parts = json_object_get(p->record, "parts"), *part;
    uint8_t hash[32];
    size_t i;

    p->n_parts = json_array_size(parts);
    if (p->n_parts == 0 || p->n_parts > WF_LIMIT_GGUF_PARTS)
        return wf_err_set(err, WF_E_NOENT, "What %s says of the model makes no sense.", p->node);
    p->parts = wf_alloc_array(p->n_parts, sizeof(*p->parts));
    p->files = wf_alloc_array(p->n_parts, sizeof(*p->files));
    if (!p->parts || !p->files)
        return wf_op__no_memory(err);
    json_array_foreach(parts, i, part)
    {
        const char *digest = wf_json_text(part, "digest");
        if (!read_digest(digest, hash) || part_bytes(part) == 0)
            return wf_err_set(err, WF_E_NOENT, "What %s says of the model makes no sense.",
                              p->node);
        (void)snprintf(p->files[i], sizeof(p->files[i]), "%s/part-%zu", p->id, i + 1);
        p->parts[i] = (struct wf_model_part){.file = p->files[i], .digest = digest};
        p->n_all += part_bytes(part);
    }
    return 0;
}

static void make_id(struct from_node *p)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[WF_MODEL_NAME_MAX + 16], hex[2 * sizeof(hash) + 1];
    int n = snprintf(text, sizeof(text), "paired %s", p->name);

    (void)crypto_hash_sha256(hash, (const unsigned char *)text, (unsigned long long)n);
    (void)sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    memcpy(p->id, hex, ID_LEN);
}

static int fetch_part(struct from_node *p, size_t i, uint64_t bytes, struct wf_err *err)
{
    char path[WF_LIMIT_PATH_BYTES];
    uint8_t hash[32];
    int n =
        snprintf(path, sizeof(path), "%s/%s", wf_model_store_incoming(p->ctx->models), p->files[i]);

    if (n < 0 || (size_t)n >= sizeof(path))
        return wf_err_set(err, WF_E_LIMIT, "The path of the models' folder is too long.");
    (void)read_digest(p->parts[i].digest, hash); /* it was read before */
    return wf_blobs_model_file(p->ctx->blobs, hash, bytes, path, tell, p, err);
}

static int fetch_all(struct from_node *p, struct wf_err *err)
{
    char dir[WF_LIMIT_PATH_BYTES];
    int n = snprintf(dir, sizeof(dir), "%s/%s", wf_model_store_incoming(p->ctx->models), p->id);
    int rc = n < 0 || (size_t)n >= sizeof(dir)
                 ? wf_err_set(err, WF_E_LIMIT, "The path of the models' folder is too long.")
                 : wf_file_mkdirs(dir, err);

    for (size_t i = 0; i < p->n_parts && rc == 0; i++) {
        const json_t *part = json_array_get(json_object_get(p->record, "parts"), i);
        if (wf_model_store_has(p->ctx->models, p->parts[i].digest, NULL))
            p->parts[i].file = NULL;
        else
            rc = fetch_part(p, i, part_bytes(part), err);
        p->n_before += part_bytes(part);
    }
    return rc;
}

/* What the node's registry said of the model beside its file. */
static json_t *extra_of(const json_t *record)
{
    static const char *const keys[] = {"template", "system", "params", "license"};
    json_t *extra = json_object();

    for (size_t i = 0; extra && i < WF_ARRAY_LEN(keys); i++) {
        json_t *v = json_object_get(record, keys[i]);
        if (v)
            (void)json_object_set(extra, keys[i], v); /* out of memory: without */
    }
    return extra;
}

static int commit(struct from_node *p, const char *as, struct wf_model_entry *out,
                  struct wf_err *err)
{
    struct wf_op_checking checking = {.sink = p->call->sink};
    json_t *extra = extra_of(p->record);
    const struct wf_model_commit c = {
        .name = as ? as : p->name,
        .parts = p->parts,
        .n_parts = p->n_parts,
        .source = wf_json_text(p->record, "source"),
        .extra = extra,
        .progress = wf_op__checking,
        .ud = &checking,
    };
    int rc = wf_model_store_commit(p->ctx->models, &c, out, err);

    json_decref(extra);
    if (rc == 0 || rc == WF_E_CORRUPT || rc == WF_E_FORMAT)
        (void)!wf_model_store_discard(p->ctx->models, p->id, NULL); /* else the sweep does */
    return rc;
}

int wf_op__pull_from_node(struct wf_op_context *ctx, const struct wf_op_call *call,
                          const struct wf_op_pull_what *what, struct wf_model_entry *out,
                          char out_node[WF_DEVICES_NAME_BYTES + 1], struct wf_err *err)
{
    struct from_node p = {.ctx = ctx, .call = call};
    int rc = WF_E_NOENT;

    if (ctx->blobs && !strstr(what->name, "://") && wf_model_name(what->name, p.name, NULL) == 0)
        rc = wf_blobs_model(ctx->blobs, wf_str_from(p.name), &p.record, p.node, err);
    if (rc == 0) {
        make_id(&p);
        rc = read_parts(&p, err);
    }
    if (rc == 0 && what->digest[0] && strcmp(what->digest, p.parts[0].digest) != 0)
        rc = WF_E_NOENT; /* another model of that name */
    if (rc == 0)
        rc = fetch_all(&p, err);
    if (rc == 0)
        rc = commit(&p, what->as, out, err);
    if (rc == 0)
        (void)snprintf(out_node, WF_DEVICES_NAME_BYTES + 1, "%s", p.node);
    json_decref(p.record);
    wf_free(p.parts);
    wf_free(p.files);
    return rc;
}
