/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/responses: writing one, and those that are kept. */
#include "http/openai_response.h"
#include "base/limits.h"
#include "http/http_internal.h"
#include "http/openai.h"
#include "http/response_store.h"
#include "op/json.h"

void wf_handle_openai_responses(struct wf_request *r)
{
    struct wf_openai_talk *t = wf_face_pump_new(r, sizeof(*t));
    struct wf_err err = WF_ERR_INIT;
    int rc;

    if (t == NULL)
        return;
    rc = wf_openai_response_read(&t->pump.c, &t->q, &err);
    if (rc == 0)
        rc = wf_engine_generate(t->pump.c.engine, &t->q.q, &t->pump.g, &err);
    if (rc == 0)
        rc = wf_openai_response_begin(t, &err);
    if (rc == 0) {
        wf_face_pump_run(&t->pump);
        return;
    }
    wf_face_fail(&t->pump.c, &err);
    wf_face_pump_free(&t->pump);
}

/* What the query asks changes nothing of an answer that is whole. */
static void ignore_query(struct wf_face_call *c)
{
    const char *key;
    json_t *v;

    json_object_foreach(c->r->query, key, v) wf_face_ignore(c, key);
}

static int none(struct wf_face_call *c, struct wf_err *err)
{
    (void)wf_face_bad(c, "id", NULL, err, "There is no response \"%.*s\" (any more).",
                      WF_STR_ARG(c->r->id));
    return err->code = WF_E_NOENT;
}

void wf_handle_openai_response_get(struct wf_request *r)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_call c;
    json_t *response = NULL;
    struct wf_buf b;
    int rc = 0;

    wf_buf_init(&b, WF_LIMIT_RESPONSES_BYTES);
    if (wf_face_open(&c, r)) {
        ignore_query(&c);
        if (!wf_response_store_get(r->http->responses, r->id, &b, NULL))
            rc = wf_buf_status(&b) == 0 ? none(&c, &err) : wf_face_no_memory(&err);
        if (rc == 0)
            rc = wf_json_parse(wf_buf_str(&b), &response, &err);
        if (rc == 0)
            wf_face_answer(&c, 200, response);
        else
            wf_face_fail(&c, &err);
    }
    wf_face_close(&c);
    wf_buf_deinit(&b);
}

void wf_handle_openai_response_delete(struct wf_request *r)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_call c;

    if (wf_face_open(&c, r)) {
        if (!wf_response_store_remove(r->http->responses, r->id)) {
            (void)none(&c, &err);
            wf_face_fail(&c, &err);
        } else {
            wf_face_answer(&c, 200,
                           json_pack("{s:o, s:s, s:b}", "id", wf_json_str(r->id), "object",
                                     "response", "deleted", 1));
        }
    }
    wf_face_close(&c);
}
