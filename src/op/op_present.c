/* SPDX-License-Identifier: Apache-2.0 */
/* present.*: what is shown on a screen, and where it stands. The screen tells what it shows and how
 * many slides there are; a remote, as on a phone, says which one is to be seen. Nothing of it is
 * kept: who comes later asks, who listens is told. */
#include "op/op_internal.h"

#define SLIDES_MAX 100000
#define ID_BYTES_MAX 64

int wf_op__present_get(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    json_t *now = wf_op__presented(ctx);

    (void)call;
    return wf_op__give(json_pack("{s:o}", "present", now ? now : json_null()), out_result, err);
}

/* A place of the pointer, from 0 to 1 both ways; not there: none is shown. */
static int read_pointer(const json_t *params, json_t *io, struct wf_err *err)
{
    double x = 0, y = 0;
    int rc = wf_param_ratio(params, "x", &x, err);

    if (rc == 0)
        rc = wf_param_ratio(params, "y", &y, err);
    if (rc == 0 && json_object_get(params, "x") != NULL &&
        json_object_set_new(io, "pointer", json_pack("[f, f]", x, y)) != 0)
        rc = wf_op__no_memory(err);
    return rc;
}

static int read_state(const json_t *params, json_t **out, struct wf_err *err)
{
    const struct wf_param_range places = {0, SLIDES_MAX, 0}, times = {0, INT64_MAX, 0};
    int64_t at = 0, n = 0, since = 0;
    struct wf_str kind = WF_STR(""), id = WF_STR("");
    int rc = wf_param_str(params, "kind", true, &kind, err);

    if (rc == 0)
        rc = wf_param_str(params, "id", true, &id, err);
    if (rc == 0)
        rc = wf_param_int(params, "at", places, &at, err);
    if (rc == 0)
        rc = wf_param_int(params, "n", places, &n, err);
    if (rc == 0)
        rc = wf_param_int(params, "since", times, &since, err);
    if (rc == 0 && !wf_str_eq(kind, WF_STR("draft")) && !wf_str_eq(kind, WF_STR("document")))
        rc = wf_err_set(err, WF_E_INVAL, "\"kind\" is draft or document.");
    if (rc == 0 && id.len > ID_BYTES_MAX)
        rc = wf_err_set(err, WF_E_INVAL, "\"id\" is none of a draft or document.");
    if (rc != 0)
        return rc;
    *out = json_pack("{s:o, s:o, s:I, s:I, s:I}", "kind", wf_json_str(kind), "id", wf_json_str(id),
                     "at", (json_int_t)at, "n", (json_int_t)n, "since", (json_int_t)since);
    return *out ? read_pointer(params, *out, err) : wf_op__no_memory(err);
}

int wf_op__present_set(struct wf_op_context *ctx, const struct wf_op_call *call,
                       json_t **out_result, struct wf_err *err)
{
    bool ends = json_is_true(json_object_get(call->params, "end"));
    json_t *state = NULL;
    int rc = ends ? 0 : read_state(call->params, &state, err);

    if (rc != 0) {
        json_decref(state);
        return rc;
    }
    wf_op__set_presented(ctx, state);
    if (ctx->hub)
        wf_hub_publish(ctx->hub, "present", state);
    return wf_op__give(json_pack("{s:o}", "present", state ? state : json_null()), out_result, err);
}
