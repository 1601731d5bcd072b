/* SPDX-License-Identifier: Apache-2.0 */
/* Presidio's face: /analyze, /anonymize and /deanonymize as its two services answer them, from
 * weft's own detectors. What the bodies mean is op/presidio.h; here are a request's ways only. */
#include "http/face.h"
#include "http/http_internal.h"
#include "op/presidio.h"

static int analyze(const struct wf_op_context *ops, const json_t *body, json_t **out,
                   struct wf_err *err)
{
    const struct wf_labeler_options o = {
        .detector = ops->detector, .policy = ops->policy, .lens = ops->lens};
    struct wf_labeler *l = NULL;
    int rc;

    if (ops->detector == NULL)
        return wf_err_set(err, WF_E_UNSUPPORTED, "This weft has no detectors.");
    rc = wf_labeler_new(&o, &l, err);
    if (rc == 0)
        rc = wf_presidio_analyze(l, body, out, err);
    wf_labeler_free(l);
    return rc;
}

static int anonymize(const struct wf_op_context *ops, const json_t *body, json_t **out,
                     struct wf_err *err)
{
    (void)ops;
    return wf_presidio_anonymize(body, out, err);
}

static int deanonymize(const struct wf_op_context *ops, const json_t *body, json_t **out,
                       struct wf_err *err)
{
    (void)ops;
    return wf_presidio_deanonymize(body, out, err);
}

static void answer(struct wf_request *r,
                   int (*run)(const struct wf_op_context *ops, const json_t *body, json_t **out,
                              struct wf_err *err))
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_face_call c;
    json_t *v = NULL;

    if (wf_face_open(&c, r)) {
        if (run(r->http->o.ops, c.body, &v, &err) == 0)
            wf_answer_json(r, 200, v);
        else
            wf_face_fail(&c, &err);
    }
    wf_face_close(&c);
}

void wf_handle_presidio_analyze(struct wf_request *r)
{
    answer(r, analyze);
}

void wf_handle_presidio_anonymize(struct wf_request *r)
{
    answer(r, anonymize);
}

void wf_handle_presidio_deanonymize(struct wf_request *r)
{
    answer(r, deanonymize);
}

void wf_handle_presidio_entities(struct wf_request *r)
{
    wf_answer_json(r, 200, wf_presidio_entities());
}

void wf_handle_presidio_recognizers(struct wf_request *r)
{
    wf_answer_json(r, 200, json_pack("[s]", "weft"));
}

void wf_handle_presidio_anonymizers(struct wf_request *r)
{
    wf_answer_json(r, 200, wf_presidio_anonymizers());
}

void wf_handle_presidio_deanonymizers(struct wf_request *r)
{
    wf_answer_json(r, 200, wf_presidio_deanonymizers());
}

void wf_handle_presidio_health(struct wf_request *r)
{
    wf_answer_bytes(r, 200, "text/plain; charset=utf-8", WF_STR("weft is up"));
}
