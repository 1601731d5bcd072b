/* SPDX-License-Identifier: Apache-2.0 */
/* pair.*: a code is shown, or another device's is joined. With "wait", pair.show gives the code as
 * an event and its result when the code has ended: paired, too old, or the caller has gone. */
#include <poll.h>
#include <string.h>

#include "mesh/fabric.h"
#include "op/op_internal.h"
#include "op/qr.h"

#define LOOK_MS 200

static bool is_canceled(const struct wf_op_sink *sink)
{
    return sink->canceled != NULL && sink->canceled(sink->ud);
}

/* Looks until the code has ended; failed tries are told as they come. */
static int await(struct wf_op_context *ctx, const struct wf_op_sink *sink, json_t **out_result,
                 struct wf_err *err)
{
    json_int_t n_told = 0;

    for (;;) {
        json_t *v = wf_fabric_shown(ctx->fabric);
        const char *state = wf_json_text(v, "state");
        json_int_t tries = json_integer_value(json_object_get(v, "tries"));
        if (v == NULL)
            return wf_op__no_memory(err);
        if (tries > n_told && json_is_string(json_object_get(v, "error")) && sink->event != NULL) {
            sink->event(sink->ud, "tried", v);
            n_told = tries;
        }
        if (strcmp(state, "paired") == 0 || strcmp(state, "none") == 0) {
            *out_result = v;
            return 0;
        }
        json_decref(v);
        if (is_canceled(sink)) {
            wf_fabric_hide(ctx->fabric);
            return wf_err_set(err, WF_E_CANCELED, "Canceled.");
        }
        (void)poll(NULL, 0, LOOK_MS); /* a pause, nothing to wait on */
    }
}

/* Gives a code, or with "wait" what came of it; takes the code. */
int wf_op__pair_code(struct wf_op_context *ctx, const struct wf_op_call *call, json_t *code,
                     json_t **out_result, struct wf_err *err)
{
    json_t *rows = NULL;

    /* Where it cannot be drawn it can be typed. */
    if (wf_qr_rows(wf_json_text(code, "scan"), &rows, NULL) == 0)
        json_object_set_new(code, "qr", rows);
    if (!json_is_true(json_object_get(call->params, "wait"))) {
        *out_result = code;
        return 0;
    }
    if (call->sink->event != NULL)
        call->sink->event(call->sink->ud, "code", code);
    json_decref(code);
    return await(ctx, call->sink, out_result, err);
}

int wf_op__pair_wait_ok(const struct wf_op_call *call, struct wf_err *err)
{
    const json_t *wait = json_object_get(call->params, "wait");

    return wait == NULL || json_is_boolean(wait)
               ? 0
               : wf_err_set(err, WF_E_INVAL, "\"wait\" must be true or false.");
}

int wf_op__pair_show(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                     struct wf_err *err)
{
    json_t *code = NULL;
    int rc = wf_op__has_fabric(ctx, err);

    if (rc == 0)
        rc = wf_op__pair_wait_ok(call, err);
    if (rc == 0)
        rc = wf_fabric_show(ctx->fabric, &code, err);
    return rc == 0 ? wf_op__pair_code(ctx, call, code, out_result, err) : rc;
}

int wf_op__pair_hide(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                     struct wf_err *err)
{
    int rc = wf_op__has_fabric(ctx, err);

    (void)call;
    if (rc == 0)
        wf_fabric_hide(ctx->fabric);
    return rc == 0 ? wf_op__give(json_object(), out_result, err) : rc;
}

int wf_op__pair_state(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                      struct wf_err *err)
{
    int rc = wf_op__has_fabric(ctx, err);

    (void)call;
    return rc == 0 ? wf_op__give(wf_fabric_shown(ctx->fabric), out_result, err) : rc;
}

static bool canceled(void *ud)
{
    return is_canceled(ud);
}

int wf_op__pair_join(struct wf_op_context *ctx, const struct wf_op_call *call, json_t **out_result,
                     struct wf_err *err)
{
    struct wf_op_sink sink = *call->sink;
    const json_t *relay = json_object_get(call->params, "relay");
    struct wf_str target = WF_STR("");
    int rc = wf_op__has_fabric(ctx, err);

    if (rc == 0)
        rc = wf_param_str(call->params, "target", true, &target, err);
    if (rc == 0 && relay != NULL && !json_is_boolean(relay))
        rc = wf_err_set(err, WF_E_INVAL, "\"relay\" must be true or false.");
    if (rc == 0)
        wf_fabric_offer(ctx->fabric, json_is_true(relay));
    return rc == 0 ? wf_fabric_join(ctx->fabric, target, canceled, &sink, out_result, err) : rc;
}
