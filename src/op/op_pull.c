/* SPDX-License-Identifier: Apache-2.0 */
/* models.pull: a model comes over the network.
 *
 * The network is another process's business (daemon/fetch.h), and what it says is looked at as what
 * comes from outside: names and digests are checked here, file names are given here, and once that
 * process is gone, the store reads the files, compares their SHA-256 and looks whether they are a
 * model, before a name points to them. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "model/family.h"
#include "op/op_internal.h"
#include "os/file.h"
#include "os/sock.h"

#define TICK_MS 200
#define END_WAIT_MS 5000
#define ID_LEN 16
#define FILE_MAX 48 /* "0123456789abcdef/part-4096" */

struct pull {
    struct wf_op_context *ctx;
    const struct wf_op_call *call;
    const char *name, *as; /* as asked for; as: NULL */
    char id[ID_LEN + 1];   /* of the folder in incoming/ */
    int fd;
    struct wf_buf in;
    json_t *plan;                /* what the other process said */
    struct wf_model_part *parts; /* [n_parts] of the plan */
    char (*files)[FILE_MAX];
    size_t n_parts;
    bool is_done; /* it said so */
    bool is_over; /* its socket has closed */
};

/* ---- telling ---- */

static void tell(struct pull *p, const char *phase, json_int_t done, json_int_t all)
{
    const struct wf_op_sink *sink = p->call->sink;
    const char *digest = p->n_parts > 0 && p->parts[0].digest ? p->parts[0].digest : "";
    json_t *data = json_pack("{s:s, s:s, s:I, s:I}", "phase", phase, "digest", digest, "done", done,
                             "all", all);

    if (data && sink->event)
        sink->event(sink->ud, "progress", data);
    json_decref(data);
}

/* ---- what the other process says ---- */

/* Which of the files are blobs already. */
static int send_have(struct pull *p, struct wf_err *err)
{
    json_t *have = json_array(), *frame;
    struct wf_buf b;
    int rc;

    for (size_t i = 0; i < p->n_parts; i++) {
        const char *digest = p->parts[i].digest;
        bool there = digest && wf_model_store_has(p->ctx->models, digest, NULL);
        if (there)
            p->parts[i].file = NULL;
        json_array_append_new(have, json_boolean(there));
    }
    frame = json_pack("{s:o}", "have", have);
    wf_buf_init(&b, WF_LIMIT_FRAME_BYTES);
    rc = frame ? wf_json_append(&b, frame) : WF_E_NOMEM;
    if (rc != 0)
        rc = wf_op__no_memory(err);
    else
        rc = wf_sock_send_frame(p->fd, b.ptr, b.len, -1, TICK_MS * 50, err);
    wf_buf_deinit(&b);
    json_decref(frame);
    return rc;
}

static int malformed(struct wf_err *err)
{
    return wf_err_set(err, WF_E_FORMAT, "The process that downloads says what makes no sense.");
}

static int take_parts(struct pull *p, const json_t *files, struct wf_err *err)
{
    const json_t *file;
    size_t i;

    p->parts = wf_alloc_array(p->n_parts, sizeof(*p->parts));
    p->files = wf_alloc_array(p->n_parts, sizeof(*p->files));
    if (!p->parts || !p->files)
        return wf_op__no_memory(err);
    json_array_foreach(files, i, file)
    {
        const char *digest = wf_json_text(file, "digest");
        snprintf(p->files[i], sizeof(p->files[i]), "%s/part-%zu", p->id, i + 1);
        p->parts[i].file = p->files[i];
        p->parts[i].digest = digest[0] ? digest : NULL; /* checked by the store */
    }
    return 0;
}

static int take_plan(struct pull *p, json_t *plan, struct wf_err *err)
{
    const json_t *files = json_object_get(plan, "files");
    struct wf_str family = wf_str_from(wf_json_text(plan, "family"));
    char full[WF_MODEL_NAME_MAX];
    int rc;

    p->plan = json_incref(plan);
    p->n_parts = json_array_size(files);
    if (p->n_parts == 0 || p->n_parts > WF_LIMIT_GGUF_PARTS) {
        p->n_parts = 0;
        return malformed(err);
    }
    rc = take_parts(p, files, err);
    if (rc != 0) {
        p->n_parts = 0;
        return rc;
    }
    /* Better now than after gigabytes. */
    rc = wf_model_name(p->as ? p->as : wf_json_text(plan, "name"), full, err);
    if (rc == 0 && family.len > 0 && !wf_family_by_name(family))
        rc = wf_family_refuse(family, err);
    return rc == 0 ? send_have(p, err) : rc;
}

/* The error that a frame carries, by the name of its code. */
static int take_error(const json_t *e, struct wf_err *err)
{
    const char *name = wf_json_text(e, "code"), *message = wf_json_text(e, "message");
    int code = WF_E_IO;

#define MATCH(n, v, t)                                                                             \
    if (strcmp(name, #n) == 0)                                                                     \
        code = (v);
    WF_ERR_MAP(MATCH)
#undef MATCH
    return wf_err_set(err, code, "%s", message[0] ? message : "The download failed.");
}

static int take_frame(struct pull *p, const json_t *frame, struct wf_err *err)
{
    json_t *plan = json_object_get(frame, "plan");
    const json_t *progress = json_object_get(frame, "progress");

    if (json_object_get(frame, "error"))
        return take_error(json_object_get(frame, "error"), err);
    if (plan && !p->plan)
        return take_plan(p, plan, err);
    if (progress && p->plan) {
        tell(p, "download", json_integer_value(json_object_get(progress, "done")),
             json_integer_value(json_object_get(progress, "all")));
        return 0;
    }
    if (!json_is_true(json_object_get(frame, "done")) || !p->plan)
        return malformed(err);
    p->is_done = true;
    return 0;
}

/* Hears one frame, or that there is none for a moment. */
static int hear(struct pull *p, struct wf_err *err)
{
    const struct wf_op_sink *sink = p->call->sink;
    struct wf_err own = WF_ERR_INIT;
    json_t *frame = NULL;
    bool eof = false;
    int rc;

    if (sink->canceled && sink->canceled(sink->ud))
        return wf_err_set(err, WF_E_CANCELED, "Canceled. The same command goes on from here.");
    rc = wf_sock_recv_frame(p->fd, &p->in, NULL, &eof, TICK_MS, &own);
    if (rc == WF_E_TIMEOUT) {
        if (!p->plan)
            tell(p, "manifest", 0, 0);
        return 0;
    }
    if (rc == 0 && eof) {
        p->is_over = true;
        return p->is_done ? 0
                          : wf_err_set(err, WF_E_CRASHED,
                                       "The process that downloads died. What came is kept: the "
                                       "same command goes on from there.");
    }
    if (rc == 0)
        rc = wf_json_parse(wf_buf_str(&p->in), &frame, &own);
    if (rc == 0)
        rc = take_frame(p, frame, &own);
    json_decref(frame);
    return rc == 0 ? 0 : wf_err_set(err, rc, "%s", own.msg);
}

/* ---- one pull ---- */

static void make_id(struct pull *p)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    const char *const texts[] = {p->ctx->pull->registry, p->ctx->pull->hub, p->name};
    char hex[2 * sizeof(hash) + 1];

    (void)crypto_hash_sha256_init(&state); /* these cannot fail */
    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++)
        (void)crypto_hash_sha256_update(&state, (const unsigned char *)texts[i],
                                        strlen(texts[i]) + 1);
    (void)crypto_hash_sha256_final(&state, hash);
    sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    memcpy(p->id, hex, ID_LEN);
}

static int begin(struct pull *p, const char *token, const char *digest, struct wf_err *err)
{
    const struct wf_op_pull *pull = p->ctx->pull;
    char dir[WF_LIMIT_PATH_BYTES];
    json_t *request;
    int n = snprintf(dir, sizeof(dir), "%s/%s", wf_model_store_incoming(p->ctx->models), p->id);
    int rc;

    if (n < 0 || (size_t)n >= sizeof(dir))
        return wf_err_set(err, WF_E_LIMIT, "The path of the models' folder is too long.");
    rc = wf_file_mkdirs(dir, err);
    if (rc != 0)
        return rc;
    request =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", p->name, "registry", pull->registry, "hub",
                  pull->hub, "token", token[0] ? token : pull->token, "digest", digest);
    if (!request)
        return wf_op__no_memory(err);
    rc = pull->begin(pull->ud, p->id, request, &p->fd, err);
    json_decref(request);
    return rc;
}

static int commit(struct pull *p, struct wf_model_entry *out, struct wf_err *err)
{
    struct wf_op_checking checking = {.sink = p->call->sink};
    const struct wf_model_commit c = {
        .name = p->as ? p->as : wf_json_text(p->plan, "name"),
        .parts = p->parts,
        .n_parts = p->n_parts,
        .source = wf_json_text(p->plan, "source"),
        .extra = json_object_get(p->plan, "extra"),
        .progress = wf_op__checking,
        .ud = &checking,
    };

    tell(p, "check", 0, 0);
    return wf_model_store_commit(p->ctx->models, &c, out, err);
}

/* Files of no use go at once; what another try can go on with stays. */
static bool is_worthless(int rc)
{
    return rc == 0 || rc == WF_E_CORRUPT || rc == WF_E_FORMAT || rc == WF_E_UNSUPPORTED ||
           rc == WF_E_NOENT || rc == WF_E_INVAL;
}

/* Tells the process to end and waits until it is gone, so that the folder is free for the next try;
 * it writes down how far it is. */
static void wait_for_end(struct pull *p)
{
    bool eof = false;
    int rc = shutdown(p->fd, SHUT_WR);

    while (rc == 0 && !eof)
        rc = wf_sock_recv_frame(p->fd, &p->in, NULL, &eof, END_WAIT_MS, NULL);
    p->is_over = eof;
}

/* Removes what is of no use any more; only once nobody writes there. */
static void tidy_up(struct pull *p, int rc)
{
    char path[WF_LIMIT_PATH_BYTES + FILE_MAX];

    if (is_worthless(rc)) {
        (void)!wf_model_store_discard(p->ctx->models, p->id, NULL); /* else the sweep does */
        return;
    }
    snprintf(path, sizeof(path), "%s/%s/lock", wf_model_store_incoming(p->ctx->models), p->id);
    (void)!wf_file_remove(path, NULL);
    path[strlen(path) - strlen("/lock")] = '\0';
    (void)!rmdir(path); /* where a file is, there is something to go on with */
}

static int run(struct pull *p, const char *token, const char *digest, struct wf_model_entry *out,
               struct wf_err *err)
{
    int rc = begin(p, token, digest, err);

    if (rc != 0)
        return rc;
    while (rc == 0 && !p->is_over)
        rc = hear(p, err);
    if (rc == 0)
        rc = commit(p, out, err);
    if (!p->is_over)
        wait_for_end(p);
    if (p->is_over)
        tidy_up(p, rc);
    p->ctx->pull->end(p->ctx->pull->ud, p->id, &p->fd);
    return rc;
}

/* A text parameter that may be absent: "". */
static int optional(const struct wf_op_call *call, const char *key, const char **out,
                    struct wf_err *err)
{
    struct wf_str s;
    int rc = wf_param_str(call->params, key, false, &s, err);

    if (rc == 0)
        *out = s.len ? s.ptr : "";
    return rc;
}

/* The model, and where it came from: "node", where that is one of the owner's. */
static int give(const struct wf_model_entry *m, const char *node, json_t **out_result,
                struct wf_err *err)
{
    json_t *v = wf_op_model_json(m);

    if (v && node[0])
        (void)json_object_set_new(v, "node", json_string(node)); /* out of memory: without */
    return wf_op__give(v, out_result, err);
}

int wf_op__models_pull(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    struct pull p = {.ctx = ctx, .call = call, .fd = -1};
    const char *token = "", *digest = "";
    char node[WF_DEVICES_NAME_BYTES + 1] = "";
    struct wf_model_entry m;
    struct wf_str name;
    int rc = wf_param_str(call->params, "name", true, &name, err);

    if (rc == 0)
        rc = optional(call, "as", &p.as, err);
    if (rc == 0)
        rc = optional(call, "token", &token, err);
    if (rc == 0)
        rc = optional(call, "digest", &digest, err);
    if (rc == 0 && !ctx->pull)
        rc = wf_err_set(err, WF_E_UNSUPPORTED, "Nothing can be downloaded here.");
    if (rc != 0)
        return rc;
    p.name = name.ptr;
    p.as = p.as && p.as[0] ? p.as : NULL;
    const struct wf_op_pull_what what = {.name = p.name, .as = p.as, .digest = digest};
    rc = wf_op__pull_from_node(ctx, call, &what, &m, node, err);
    if (rc != WF_E_NOENT)
        return rc == 0 ? give(&m, node, out_result, err) : rc;
    make_id(&p);
    wf_buf_init(&p.in, WF_LIMIT_FRAME_BYTES);
    rc = run(&p, token, digest, &m, err);
    wf_buf_deinit(&p.in);
    json_decref(p.plan);
    wf_free(p.parts);
    wf_free(p.files);
    return rc == 0 ? give(&m, node, out_result, err) : rc;
}
