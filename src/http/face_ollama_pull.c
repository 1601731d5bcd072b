/* SPDX-License-Identifier: Apache-2.0 */
/* Ollama's face: POST /api/pull, the operation models.pull told in Ollama's lines. A client that
 * goes ends it; the next pull goes on from there. */
#include <stdio.h>
#include <string.h>

#include "http/face.h"
#include "http/http_internal.h"
#include "op/json.h"
#include "op/op.h"

struct pull {
    struct wf_face_call *c;
    const char *model, *name;
    bool streams;
    bool failed; /* the client has gone */
};

#define FIELD(f) offsetof(struct pull, f)

static const struct wf_face_param rows[] = {
    {"model", WF_FACE_TEXT, FIELD(model), 0, 0, NULL, NULL},
    {"name", WF_FACE_TEXT, FIELD(name), 0, 0, NULL, NULL},
    {"stream", WF_FACE_BOOL, FIELD(streams), 0, 0, NULL, NULL},
    {"insecure", WF_FACE_IGNORED, 0, 0, 0, NULL, NULL}, /* a name says whether it is http: */
};

static json_t *status(const char *text)
{
    return json_pack("{s:s}", "status", text);
}

/* A line; once the client has gone nothing is sent any more. What comes first says that the
 * manifest is here: until then an error has its own status. */
static void tell(struct pull *p, json_t *line)
{
    struct wf_err err = WF_ERR_INIT;

    if (!p->streams || p->failed) {
        json_decref(line);
        return;
    }
    if (!p->c->streams) {
        wf_face_stream(p->c, true);
        p->failed = wf_face_send(p->c, NULL, status("pulling manifest"), &err) != 0;
    }
    if (p->failed)
        json_decref(line);
    else
        p->failed = wf_face_send(p->c, NULL, line, &err) != 0;
}

static void on_event(void *ud, const char *name, json_t *data)
{
    const char *phase = wf_json_text(data, "phase"), *digest = wf_json_text(data, "digest");
    json_t *all = json_object_get(data, "all"), *done = json_object_get(data, "done");
    char text[64];

    if (strcmp(name, "progress") != 0)
        return;
    if (strcmp(phase, "download") == 0) {
        snprintf(text, sizeof(text), "pulling %.12s",
                 strncmp(digest, "sha256:", 7) == 0 ? digest + 7 : digest);
        tell(ud, json_pack("{s:s, s:s, s:O?, s:O?}", "status", text, "digest", digest, "total", all,
                           "completed", done));
    } else if (strcmp(phase, "check") == 0 && json_integer_value(done) == 0) {
        tell(ud, status("verifying sha256 digest"));
    }
}

static bool canceled(void *ud)
{
    const struct pull *p = ud;

    return p->failed || wf_request_closed(p->c->r);
}

static int run(struct pull *p, struct wf_err *err)
{
    const struct wf_face_table table = {rows, WF_ARRAY_LEN(rows), p};
    const struct wf_op_sink sink = {.event = on_event, .canceled = canceled, .ud = p};
    json_t *params, *result = NULL;
    int rc = wf_face_read(p->c, p->c->body, "", &table, 1, err);

    if (rc == 0 && (!p->model || !p->model[0]))
        p->model = p->name;
    if (rc == 0 && (!p->model || !p->model[0]))
        rc = wf_face_bad(p->c, "model", NULL, err, "model is required");
    if (rc != 0)
        return rc;
    params = json_pack("{s:s}", "name", p->model);
    if (!params)
        return wf_face_no_memory(err);
    rc = wf_op_run(p->c->r->http->o.ops, "models.pull",
                   &(struct wf_op_call){.params = params, .sink = &sink, .fd = -1}, &result, err);
    json_decref(params);
    json_decref(result);
    return rc;
}

void wf_handle_ollama_pull(struct wf_request *r)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_call c;
    struct pull p = {.c = &c, .streams = true};

    if (wf_face_open(&c, r)) {
        if (run(&p, &err) != 0) {
            wf_face_fail(&c, &err);
        } else if (!p.streams) {
            wf_face_answer(&c, 200, status("success"));
        } else {
            tell(&p, status("writing manifest"));
            tell(&p, status("success"));
            if (p.failed)
                wf_answer_break(r);
            else
                wf_face_stream_end(&c);
        }
    }
    wf_face_close(&c);
}
